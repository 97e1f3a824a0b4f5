//! The calls to the platform by name: what messages call them, and what an operator needs for each.

use std::fmt;

/// One call, with what it is about; prints as `start export of manifest 3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// Reads the workspace that the token belongs to.
    Me,
    /// Lists the assets of a folder.
    FolderAssets {
        /// The folder.
        folder: u64,
    },
    /// Makes a manifest for a folder.
    CreateManifest {
        /// The folder.
        folder: u64,
    },
    /// Fills a manifest again with what its folder holds.
    RefreshManifest {
        /// The manifest.
        manifest: u64,
    },
    /// Reads a manifest.
    Manifest {
        /// The manifest.
        manifest: u64,
    },
    /// Archives a manifest.
    DeleteManifest {
        /// The manifest.
        manifest: u64,
    },
    /// Starts an export.
    StartExport {
        /// The manifest.
        manifest: u64,
    },
    /// Reads how an export or import is doing.
    Package {
        /// The package.
        package: u64,
    },
    /// Downloads an exported package.
    Download {
        /// The package.
        package: u64,
    },
    /// Starts an import.
    StartImport {
        /// The folder that it goes to.
        folder: u64,
    },
    /// Lists the folders in a folder.
    Folders {
        /// The folder; none for the workspace's root.
        parent: Option<u64>,
    },
    /// Lists the projects.
    Projects,
    /// Lists the recipes.
    Recipes,
}

impl Call {
    /// Returns what the role of the API client must allow, in the words of the platform's role editor.
    #[must_use]
    pub const fn privilege(self) -> &'static str {
        match self {
            Self::Me => "workspace details",
            Self::FolderAssets { .. }
            | Self::CreateManifest { .. }
            | Self::RefreshManifest { .. }
            | Self::Manifest { .. }
            | Self::DeleteManifest { .. } => {
                "export manifests: create, show, update, delete, get folder assets"
            }
            Self::StartExport { .. } | Self::Package { .. } | Self::Download { .. } => {
                "recipe lifecycle management: get, download, export"
            }
            Self::StartImport { .. } => "recipe lifecycle management: import",
            Self::Folders { .. } | Self::Projects => "projects & folders: list",
            Self::Recipes => "recipes: list",
        }
    }

    /// Returns what to do where the platform says that it is not there.
    pub(super) fn when_gone(self) -> String {
        match self {
            Self::FolderAssets { folder }
            | Self::CreateManifest { folder }
            | Self::StartImport { folder } => {
                format!("check that folder {folder} exists and that the token may see it (`folder_id`)")
            }
            Self::RefreshManifest { manifest }
            | Self::Manifest { manifest }
            | Self::DeleteManifest { manifest }
            | Self::StartExport { manifest } => {
                format!(
                    "check that manifest {manifest} exists in this workspace (`manifest_id`), or set `folder_id`"
                )
            }
            Self::Package { package } | Self::Download { package } => {
                format!("package {package} was removed or has no content: export again")
            }
            Self::Folders { parent: Some(folder) } => format!("check that folder {folder} exists"),
            Self::Folders { parent: None } | Self::Projects | Self::Recipes | Self::Me => {
                "check that `url` is the address of the workspace's API".to_owned()
            }
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Me => write!(f, "read the workspace"),
            Self::FolderAssets { folder } => write!(f, "list the assets of folder {folder}"),
            Self::CreateManifest { folder } => write!(f, "create a manifest for folder {folder}"),
            Self::RefreshManifest { manifest } => write!(f, "refresh manifest {manifest}"),
            Self::Manifest { manifest } => write!(f, "read manifest {manifest}"),
            Self::DeleteManifest { manifest } => write!(f, "delete manifest {manifest}"),
            Self::StartExport { manifest } => write!(f, "start export of manifest {manifest}"),
            Self::Package { package } => write!(f, "read package {package}"),
            Self::Download { package } => write!(f, "download package {package}"),
            Self::StartImport { folder } => write!(f, "start import into folder {folder}"),
            Self::Folders { parent: Some(folder) } => write!(f, "list the folders in folder {folder}"),
            Self::Folders { parent: None } => write!(f, "list the folders"),
            Self::Projects => write!(f, "list the projects"),
            Self::Recipes => write!(f, "list the recipes"),
        }
    }
}
