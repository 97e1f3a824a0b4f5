//! Which call a request is: method and path to a route with its number, as a pure function.
//!
//! Route names are what faults, privileges and the request log speak of.

use serde::{Deserialize, Serialize};

/// A call of the platform's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Route {
    Me,
    AssetsList,
    ManifestCreate,
    ManifestUpdate,
    ManifestGet,
    ManifestDelete,
    ExportStart,
    ImportStart,
    PackageGet,
    Download,
    StoreGet,
    FoldersList,
    FolderCreate,
    FolderGet,
    FolderUpdate,
    FolderDelete,
    ProjectsList,
    ProjectDelete,
    RecipesList,
    RecipeGet,
    RecipeUpdate,
    RecipeDelete,
    RecipeStart,
    RecipeStop,
    RecipeVersions,
}

/// Which quota a call counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bucket {
    Lifecycle,
    Import,
    Recipes,
    Other,
}

impl Route {
    /// All routes with their names, methods and paths; `#` stands for a number.
    pub(super) const ALL: [(Self, &'static str, &'static str, &'static str); 25] = [
        (Self::Me, "me", "GET", "users/me"),
        (Self::AssetsList, "assets.list", "GET", "export_manifests/folder_assets"),
        (Self::ManifestCreate, "manifest.create", "POST", "export_manifests"),
        (Self::ManifestUpdate, "manifest.update", "PUT", "export_manifests/#"),
        (Self::ManifestGet, "manifest.get", "GET", "export_manifests/#"),
        (Self::ManifestDelete, "manifest.delete", "DELETE", "export_manifests/#"),
        (Self::ExportStart, "export.start", "POST", "packages/export/#"),
        (Self::ImportStart, "import.start", "POST", "packages/import/#"),
        (Self::PackageGet, "package.get", "GET", "packages/#"),
        (Self::Download, "download", "GET", "packages/#/download"),
        (Self::StoreGet, "store.get", "-", "-"),
        (Self::FoldersList, "folders.list", "GET", "folders"),
        (Self::FolderCreate, "folder.create", "POST", "folders"),
        (Self::FolderGet, "folder.get", "GET", "folders/#"),
        (Self::FolderUpdate, "folder.update", "PUT", "folders/#"),
        (Self::FolderDelete, "folder.delete", "DELETE", "folders/#"),
        (Self::ProjectsList, "projects.list", "GET", "projects"),
        (Self::ProjectDelete, "project.delete", "DELETE", "projects/#"),
        (Self::RecipesList, "recipes.list", "GET", "recipes"),
        (Self::RecipeGet, "recipe.get", "GET", "recipes/#"),
        (Self::RecipeUpdate, "recipe.update", "PUT", "recipes/#"),
        (Self::RecipeDelete, "recipe.delete", "DELETE", "recipes/#"),
        (Self::RecipeStart, "recipe.start", "PUT", "recipes/#/start"),
        (Self::RecipeStop, "recipe.stop", "PUT", "recipes/#/stop"),
        (Self::RecipeVersions, "recipe.versions", "GET", "recipes/#/versions"),
    ];

    /// Finds the route of a request, and the number in its path.
    pub(super) fn find(method: &str, path: &str) -> Option<(Self, u64)> {
        let parts: Vec<&str> = path.strip_prefix("/api/")?.trim_end_matches('/').split('/').collect();
        Self::ALL.iter().filter(|route| route.2 == method).find_map(|route| {
            let pattern: Vec<&str> = route.3.split('/').collect();
            let mut id = 0;
            let fits = pattern.len() == parts.len()
                && pattern.iter().zip(&parts).all(|(want, part)| match *want {
                    "#" => part.parse().map(|n| id = n).is_ok(),
                    word => word == *part,
                });
            fits.then_some((route.0, id))
        })
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|route| route.0 == self).map_or("", |route| route.1)
    }

    pub(super) fn bucket(self) -> Bucket {
        match self {
            Self::ImportStart => Bucket::Import,
            Self::AssetsList
            | Self::ManifestCreate
            | Self::ManifestUpdate
            | Self::ManifestGet
            | Self::ManifestDelete
            | Self::ExportStart
            | Self::PackageGet
            | Self::Download => Bucket::Lifecycle,
            Self::RecipesList
            | Self::RecipeGet
            | Self::RecipeUpdate
            | Self::RecipeDelete
            | Self::RecipeStart
            | Self::RecipeStop
            | Self::RecipeVersions => Bucket::Recipes,
            Self::Me
            | Self::StoreGet
            | Self::FoldersList
            | Self::FolderCreate
            | Self::FolderGet
            | Self::FolderUpdate
            | Self::FolderDelete
            | Self::ProjectsList
            | Self::ProjectDelete => Bucket::Other,
        }
    }
}

/// Returns whether a name fits a pattern, in which `*` stands for any text.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|tail| {
            (0..=tail.len()).any(|at| tail.get(at..).is_some_and(|tail| fits(rest, tail)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_routes() {
        for (method, path, want) in [
            ("GET", "/api/users/me", Some((Route::Me, 0))),
            ("GET", "/api/export_manifests/folder_assets", Some((Route::AssetsList, 0))),
            ("GET", "/api/export_manifests/7", Some((Route::ManifestGet, 7))),
            ("POST", "/api/packages/import/17", Some((Route::ImportStart, 17))),
            ("GET", "/api/packages/3/download", Some((Route::Download, 3))),
            ("POST", "/api/packages/3", None),
            ("GET", "/api/packages/x", None),
            ("-", "/api/-", None),
            ("GET", "/packages/3", None),
        ] {
            assert_eq!(
                Route::find(method, path).filter(|found| found.0 != Route::StoreGet),
                want,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn patterns_fit() {
        assert!(fits("*", "") && fits("export.*", "export.start") && fits("*.get", "package.get"));
        assert!(fits("a*c*e", "abcde") && !fits("a*c", "abcd") && !fits("me", "me2"));
    }
}
