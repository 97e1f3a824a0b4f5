//! The configuration of a story, as text.

use std::fmt::Write as _;

/// How a project is paired, in the configuration's words.
#[derive(Debug, Clone)]
pub(crate) struct Pairing {
    /// The project of the workspace.
    pub(crate) project: String,
    /// The folder of the repository.
    pub(crate) path: String,
    /// `export.branch`.
    pub(crate) export: Option<&'static str>,
    /// `import.branch`.
    pub(crate) import: Option<&'static str>,
    /// Exports this manifest as it is, and not the project's folder.
    pub(crate) manifest: Option<u64>,
    /// Further lines of the project's table.
    pub(crate) more: String,
}

impl Pairing {
    /// Both directions on `main`.
    pub(crate) fn one_branch() -> Self {
        Self::of(Some("main"), Some("main"))
    }

    /// The mirror on `workspace`, people's work on `main`.
    pub(crate) fn two_branches() -> Self {
        Self::of(Some("workspace"), Some("main"))
    }

    /// Versioning alone.
    pub(crate) fn export_only() -> Self {
        Self::of(Some("main"), None)
    }

    /// Deployment alone.
    pub(crate) fn import_only() -> Self {
        Self::of(None, Some("main"))
    }

    /// The same, with an export at each look: for stories of edits that no list of a folder shows.
    pub(crate) fn exporting_always(self) -> Self {
        Self { more: format!("full_export = \"0s\"\n{}", self.more), ..self }
    }

    fn of(export: Option<&'static str>, import: Option<&'static str>) -> Self {
        Self {
            project: super::PROJECT.to_owned(),
            path: "orders".to_owned(),
            export,
            import,
            manifest: None,
            more: String::new(),
        }
    }
}

/// Returns the configuration; `folder` knows the number of a project's folder.
pub(super) fn text(
    workspace: &str,
    upstream: &str,
    pairings: &[(String, Pairing)],
    folder: impl Fn(&str) -> u64,
) -> String {
    let mut text = format!(
        "state_dir = \"state\"\n\
         [workspace.dev]\nurl = \"{workspace}\"\ntoken_file = \"dev.token\"\nrequests_per_minute = 100000\n\
         [repository.recipes]\nurl = \"{upstream}\"\nauthor = \"recipesync <recipesync@acme.example>\"\n"
    );
    for (name, pairing) in pairings {
        let Pairing { project, path, export, import, manifest, more } = pairing;
        let id = folder(project);
        let branch = |way, branch: &Option<&str>| {
            branch.map(|branch| format!("{way}.branch = \"{branch}\"\n")).unwrap_or_default()
        };
        let source = match manifest {
            Some(manifest) => format!("manifest_id = {manifest}\nimport.folder_id = {id}"),
            None => format!("folder_id = {id}"),
        };
        let (export, import) = (branch("export", export), branch("import", import));
        write!(
            text,
            "[project.{name}]\nworkspace = \"dev\"\nrepository = \"recipes\"\npath = \"{path}\"\n\
             {source}\n{more}\n{export}{import}"
        )
        .unwrap();
    }
    text
}
