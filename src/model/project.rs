//! What a project is: a manifest or folder of a workspace, paired with a folder of a repository.
//!
//! Plain values that `config` has checked and every layer uses. It knows neither where they were written nor
//! what their workspace and repository are beyond a name.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::branch::BranchName;
use super::path::RepoPath;
use super::schedule::Schedule;
use crate::secrets;

/// For how long the list of a folder may stand for its content where nothing else is said: not every edit shows there,
/// and four exports a day cost little.
pub const FULL_EXPORT: Duration = Duration::from_secs(6 * 60 * 60);

/// The longest project name, in characters.
const MAX_NAME: usize = 100;

/// The name of a project, safe in file names, trailers and on a terminal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectName(String);

impl ProjectName {
    /// Parses a name: 1 to 100 ASCII letters, digits, `.`, `_` or `-`, the first neither `.` nor `-`.
    ///
    /// # Errors
    /// Says what a name may hold.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        check_name(name).map(|()| Self(name.to_owned()))
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl TryFrom<String> for ProjectName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::parse(&name)
    }
}

impl From<ProjectName> for String {
    fn from(name: ProjectName) -> Self {
        name.0
    }
}

impl std::borrow::Borrow<str> for ProjectName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Checks a name by the rule of [`ProjectName::parse`]: workspaces and repositories follow it as well.
///
/// # Errors
/// Says what a name may hold.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let fits = (1..=MAX_NAME).contains(&name.len()) && name.chars().all(good);
    if fits && !name.starts_with(['.', '-']) { Ok(()) } else { Err(NameError) }
}

/// A name that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 100 letters, digits, dots, underscores or dashes, and starts with no dot or dash")]
pub struct NameError;

/// One configured pairing; `export` or `import` or both are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its name, unique in the configuration.
    pub name: ProjectName,
    /// The name of its workspace, which the configuration holds.
    pub workspace: String,
    /// The name of its repository, which the configuration holds.
    pub repository: String,
    /// Its folder in the repository.
    pub path: RepoPath,
    /// What is exported when the workspace is looked at.
    pub source: Source,
    /// How much one export may delete before the project stalls.
    pub max_delete: MaxDelete,
    /// How old the last full export may be for a look to do without one; nothing where each look is a full one.
    pub full_export: Duration,
    /// What is done where an export holds secrets.
    pub secrets: secrets::Settings,
    /// How the workspace goes to git; `None` for a project that is only imported.
    pub export: Option<ExportSettings>,
    /// How git goes to the workspace; `None` for a project that is only exported.
    pub import: Option<ImportSettings>,
}

impl Project {
    /// Returns which ways files travel.
    ///
    /// # Panics
    /// Panics for a project with neither export nor import, which the configuration refuses.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match (&self.export, &self.import) {
            (Some(_), None) => Mode::ExportOnly,
            (None, Some(_)) => Mode::ImportOnly,
            (Some(export), Some(import)) if export.branch == import.branch => Mode::OneBranch,
            (Some(_), Some(_)) => Mode::TwoBranches,
            (None, None) => unreachable!("the configuration refuses a project without a direction"),
        }
    }

    /// Returns the branches that the project reads or writes, each once: the export's first.
    pub fn branches(&self) -> impl Iterator<Item = &BranchName> {
        let export = self.export.as_ref().map(|export| &export.branch);
        let import = self.import.as_ref().map(|import| &import.branch);
        export.into_iter().chain(import.filter(|branch| Some(*branch) != export))
    }
}

/// Which ways a project's files travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// From the workspace to git: versioning.
    ExportOnly,
    /// From git to the workspace: deployment; an edit in the workspace is drift.
    ImportOnly,
    /// Both ways, on one branch that people and the daemon write.
    OneBranch,
    /// Both ways: the export branch is the daemon's alone, people bring it to the import branch.
    TwoBranches,
}

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The manifest with this id, as it is.
    Manifest(u64),
    /// The folder with this id, by a manifest that the daemon keeps and refreshes.
    Folder(u64),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest(id) => write!(f, "manifest {id}"),
            Self::Folder(id) => write!(f, "folder {id}"),
        }
    }
}

/// The most that one export may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxDelete {
    /// A share of the files that were there, in whole percent, 0 to 100.
    Share(u8),
    /// A number of files.
    Files(u64),
}

impl MaxDelete {
    /// Returns whether an export may delete so many of the files that were there.
    #[must_use]
    pub fn allows(self, deleted: usize, before: usize) -> bool {
        match self {
            Self::Share(percent) => deleted as u128 * 100 <= before as u128 * u128::from(percent),
            Self::Files(files) => deleted as u64 <= files,
        }
    }
}

impl Default for MaxDelete {
    /// Half of the files: a folder that was emptied by mistake stalls, a big clean-up passes.
    fn default() -> Self {
        Self::Share(50)
    }
}

impl fmt::Display for MaxDelete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(percent) => write!(f, "{percent}%"),
            Self::Files(1) => f.write_str("1 file"),
            Self::Files(files) => write!(f, "{files} files"),
        }
    }
}

/// How the workspace goes to git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportSettings {
    /// The branch that is committed to.
    pub branch: BranchName,
    /// When the workspace is looked at.
    pub schedule: Schedule,
}

/// How git goes to the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSettings {
    /// The branch that is watched.
    pub branch: BranchName,
    /// The id of the folder that packages are imported into.
    pub folder: u64,
    /// Whether the platform restarts recipes that it had to stop.
    pub restart_recipes: bool,
    /// Whether tags are imported.
    pub include_tags: bool,
    /// The id of the folder for assets of the home folder, where they shall not go to `folder`.
    pub folder_id_for_home_assets: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(export: Option<&str>, import: Option<&str>) -> Project {
        Project {
            name: ProjectName::parse("orders").unwrap(),
            workspace: "dev".to_owned(),
            repository: "recipes".to_owned(),
            path: RepoPath::parse(".").unwrap(),
            source: Source::Folder(1),
            max_delete: MaxDelete::default(),
            full_export: FULL_EXPORT,
            secrets: secrets::Settings::default(),
            export: export.map(|branch| ExportSettings {
                branch: BranchName::parse(branch).unwrap(),
                schedule: Schedule::parse("5m").unwrap(),
            }),
            import: import.map(|branch| ImportSettings {
                branch: BranchName::parse(branch).unwrap(),
                folder: 1,
                restart_recipes: false,
                include_tags: false,
                folder_id_for_home_assets: None,
            }),
        }
    }

    #[test]
    fn the_mode_follows_the_directions_and_branches() {
        for (export, import, mode, branches) in [
            (Some("main"), None, Mode::ExportOnly, vec!["main"]),
            (None, Some("main"), Mode::ImportOnly, vec!["main"]),
            (Some("main"), Some("main"), Mode::OneBranch, vec!["main"]),
            (Some("mirror"), Some("main"), Mode::TwoBranches, vec!["mirror", "main"]),
        ] {
            let project = project(export, import);
            assert_eq!(project.mode(), mode);
            assert_eq!(project.branches().map(BranchName::as_str).collect::<Vec<_>>(), branches);
        }
    }

    #[test]
    fn names_are_plain() {
        let long = "x".repeat(101);
        for bad in ["", ".x", "-x", "a b", "a/b", "é", "a\u{1b}", long.as_str()] {
            assert_eq!(ProjectName::parse(bad), Err(NameError), "{bad:?}");
        }
        for good in ["a", "Orders.v2_eu-west", "1", "_x", &long[..100]] {
            assert_eq!(ProjectName::parse(good).unwrap().as_str(), good);
        }
        assert!(serde_json::from_str::<ProjectName>("\"../x\"").is_err());
    }

    #[test]
    fn a_share_is_exact_and_a_number_is_a_number() {
        let half = MaxDelete::Share(50);
        assert!(half.allows(5, 10) && half.allows(5, 11) && half.allows(0, 0));
        assert!(!half.allows(6, 11) && !half.allows(1, 1));
        assert!(MaxDelete::Share(100).allows(3, 3) && !MaxDelete::Share(0).allows(1, 1000));
        assert!(MaxDelete::Files(2).allows(2, 2) && !MaxDelete::Files(2).allows(3, 1000));
        assert_eq!(
            format!("{half}, {}, {}", MaxDelete::Files(1), MaxDelete::Files(2)),
            "50%, 1 file, 2 files"
        );
    }
}
