//! The configuration: what was written in a TOML file, checked whole, as values that the other rooms use.
//!
//! All problems are reported together, each with its file, line and key. References, paths, durations, names and
//! secrets are settled here; who uses a value trusts it. It reads files and the environment that it was handed,
//! and reaches out to nothing: whether a token or a folder is any good, the platform knows.

mod project;
mod reader;
mod report;
mod repository;
mod secret;
mod workspace;

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

pub use self::report::{Problem, Problems};
pub use self::repository::{Credentials, Repository};
pub use self::workspace::Workspace;

use self::project::{Names, ReadProject};
use self::reader::{Section, Written};
use self::report::{Place, Read, Report};
use crate::fs::{self, FsError};
use crate::model::path::fold;
use crate::model::project::{Project, ProjectName, check_name};

/// The keys of the file's root.
const KEYS: &[&str] = &["state_dir", "workspace", "repository", "project"];

/// The largest configuration file: ten thousand projects take a fifth of it.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// A whole configuration, checked.
pub struct Config {
    /// The absolute path of the file that it was read from.
    pub file: PathBuf,
    /// The absolute path of the folder of the state.
    pub state_dir: PathBuf,
    /// The workspaces by name.
    pub workspaces: BTreeMap<String, Arc<Workspace>>,
    /// The repositories by name.
    pub repositories: BTreeMap<String, Arc<Repository>>,
    /// The projects by name; their references are to workspaces and repositories that are there.
    pub projects: BTreeMap<ProjectName, Arc<Project>>,
    /// What is allowed and yet looks wrong.
    pub warnings: Vec<Problem>,
}

impl Config {
    /// Reads the file at a path, which may be relative to the working folder.
    ///
    /// # Errors
    /// When the file cannot be read, or with all that is wrong in it.
    pub fn load(file: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        Self::read(file, environment, true)
    }

    /// Reads the file for a command that speaks to nobody: tokens and keys are left alone, and need not be there.
    ///
    /// # Errors
    /// When the file cannot be read, or with all that is wrong in it.
    pub fn load_without_secrets(file: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        Self::read(file, environment, false)
    }

    fn read(file: &Path, environment: &Environment, secrets: bool) -> Result<Self, ConfigError> {
        let file = environment.folder.join(file);
        let text = fs::read_text(&file, MAX_BYTES).map_err(ConfigError::Unreadable)?;
        let origin = Origin { folder: file.parent().unwrap_or(Path::new("/")), environment, secrets };
        Ok(Self::understand(&file, &text, &origin)?)
    }

    /// Reads a configuration's text as if it stood in the file.
    ///
    /// # Errors
    /// With all that is wrong in it.
    pub fn parse(file: &Path, text: &str, environment: &Environment) -> Result<Self, Problems> {
        let folder = file.parent().unwrap_or(Path::new("/"));
        Self::understand(file, text, &Origin { folder, environment, secrets: true })
    }

    fn understand(file: &Path, text: &str, origin: &Origin<'_>) -> Result<Self, Problems> {
        let report = Report::new(text);
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let place = Place { key: String::new(), offset: error.span().map_or(0, |span| span.start) };
            report.problem(&place, error.message());
        }
        if !errors.is_empty() {
            // What is no TOML was left out of the document: its keys would be reported as missing.
            return Err(report.finish(file).expect_err("there are problems"));
        }
        let parts = read(&report, origin, document.get_ref());
        let warnings = report.finish(file)?;
        let (state_dir, workspaces, repositories, projects) = parts.expect("there are no problems");
        Ok(Self { file: file.to_owned(), state_dir, workspaces, repositories, projects, warnings })
    }

    /// Returns the workspace of a project.
    ///
    /// # Panics
    /// Panics for a project of another configuration.
    #[must_use]
    pub fn workspace_of(&self, project: &Project) -> &Arc<Workspace> {
        self.workspaces.get(&project.workspace).expect("references are checked when the file is read")
    }

    /// Returns the repository of a project.
    ///
    /// # Panics
    /// Panics for a project of another configuration.
    #[must_use]
    pub fn repository_of(&self, project: &Project) -> &Arc<Repository> {
        self.repositories.get(&project.repository).expect("references are checked when the file is read")
    }
}

/// What the process was started with, as far as a configuration may ask for it.
pub struct Environment {
    /// The absolute path of the working folder.
    folder: PathBuf,
    variables: HashMap<OsString, OsString>,
    /// The umask, where we work with another.
    umask: Option<u32>,
}

impl Environment {
    /// Wraps the working folder and the variables.
    #[must_use]
    pub fn new(folder: PathBuf, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self { folder, variables: variables.into_iter().collect(), umask: None }
    }

    /// Keeps the umask that the process was started with, now that it works with another one.
    #[must_use]
    pub fn with_umask(self, umask: u32) -> Self {
        Self { umask: Some(umask), ..self }
    }

    /// Returns the umask that the process was started with, where it works with another one.
    #[must_use]
    pub fn umask(&self) -> Option<u32> {
        self.umask
    }

    /// Returns the absolute path of the working folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns a variable that is set and not empty.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Returns all variables, for the child processes that inherit them.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Returns a variable that holds an absolute path.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is missing, too large, or not ours to read.
    #[error("there is no configuration to read")]
    Unreadable(#[source] FsError),
    /// The file is wrong.
    #[error(transparent)]
    Wrong(#[from] Problems),
}

impl ConfigError {
    /// Returns what the operator can do, where the problems themselves do not say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable(_) => Some(
                "name another file with --config FILE or $RECIPESYNC_CONFIG, or write one: \
                 `recipesync check --help` shows the smallest",
            ),
            Self::Wrong(_) => None,
        }
    }
}

/// What paths and secrets are relative to.
struct Origin<'a> {
    /// The folder of the file.
    folder: &'a Path,
    environment: &'a Environment,
    /// Whether secrets are read.
    secrets: bool,
}

type Parts = (
    PathBuf,
    BTreeMap<String, Arc<Workspace>>,
    BTreeMap<String, Arc<Repository>>,
    BTreeMap<ProjectName, Arc<Project>>,
);

fn read(report: &Report<'_>, origin: &Origin<'_>, document: &DeTable<'_>) -> Read<Parts> {
    let root = Section::root(report, document, KEYS);
    let state_dir = read_state_dir(report, origin, &root);
    let workspaces = root.sections("workspace", workspace::KEYS);
    let repositories = root.sections("repository", repository::KEYS);
    let names = Names {
        workspaces: &workspaces.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        repositories: &repositories.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
    };
    let projects: Vec<_> = root
        .sections("project", project::KEYS)
        .iter()
        .map(|(name, section)| project::read(report, &names, name, section))
        .collect();
    let workspaces =
        named(report, &workspaces, |name, section| workspace::read(report, origin, name, section));
    let repositories =
        named(report, &repositories, |name, section| repository::read(report, origin, name, section));
    check_overlaps(report, projects.iter().flatten());
    if projects.is_empty() {
        let place = Place { offset: 0, key: "project".to_owned() };
        report.warning(&place, "there is no project: nothing will happen", "add a [project.NAME] table");
    }
    let projects = projects
        .into_iter()
        .map(|project| project.map(|ReadProject { project, .. }| (project.name.clone(), Arc::new(project))))
        .collect::<Read<_>>();
    Ok((state_dir?, workspaces?, repositories?, projects?))
}

fn named<T>(
    report: &Report<'_>,
    sections: &[(&str, Section<'_>)],
    read: impl Fn(&str, &Section<'_>) -> Read<T>,
) -> Read<BTreeMap<String, Arc<T>>> {
    let read_one = |(name, section): &(&str, Section<'_>)| {
        let named = check_name(name).map_err(|error| report.problem(&section.place, error));
        let value = read(name, section)?;
        named.map(|()| ((*name).to_owned(), Arc::new(value)))
    };
    // First all are read, so that each reports its problems.
    let all: Vec<Read<(String, Arc<T>)>> = sections.iter().map(read_one).collect();
    all.into_iter().collect()
}

fn read_state_dir(report: &Report<'_>, origin: &Origin<'_>, root: &Section<'_>) -> Read<PathBuf> {
    if let Some(Written { value, place }) = root.text("state_dir")? {
        if value.is_empty() || value.starts_with('~') || value.contains('\0') {
            return Err(report.problem(&place, "it must name a folder, by its whole path or from here"));
        }
        return Ok(origin.folder.join(value));
    }
    // The service manager names several, with colons between, where several were asked for.
    let given = origin.environment.variable("STATE_DIRECTORY").and_then(OsStr::to_str);
    if let Some(first) =
        given.and_then(|given| given.split(':').next()).filter(|first| first.starts_with('/'))
    {
        return Ok(PathBuf::from(first));
    }
    let state_home = origin.environment.path("XDG_STATE_HOME");
    let home = || origin.environment.path("HOME").map(|home| home.join(".local/state"));
    state_home.or_else(home).map(|folder| folder.join("recipesync")).ok_or_else(|| {
        report.problem_with_hint(
            &root.place_of("state_dir"),
            "it is missing, and neither $STATE_DIRECTORY, $XDG_STATE_HOME nor $HOME is set",
            "state_dir = \"/var/lib/recipesync\"",
        )
    })
}

/// The folded parts of a project's path, and the project.
type Folder<'a> = (Vec<String>, &'a ReadProject);

/// Reports projects that would write the same files: of one repository, on one branch, one path in the other.
fn check_overlaps<'a>(report: &Report<'_>, projects: impl Iterator<Item = &'a ReadProject>) {
    let mut folders: BTreeMap<(&str, &str), Vec<Folder<'_>>> = BTreeMap::new();
    for read in projects {
        for branch in read.project.branches() {
            let parts = read.project.path.parts().map(fold).collect();
            folders.entry((&read.project.repository, branch.as_str())).or_default().push((parts, read));
        }
    }
    for ((_, branch), mut folders) in folders {
        folders.sort_by(|(a, _), (b, _)| a.cmp(b));
        // Sorted, all that lies in a folder follows it.
        let mut outer: Option<&Folder<'_>> = None;
        for folder in &folders {
            match outer {
                Some((parts, other)) if folder.0.starts_with(parts) => {
                    let name = &other.project.name;
                    let message = format!("it overlaps with that of project {name} on branch {branch}");
                    report.problem_with_hint(
                        &folder.1.path,
                        message,
                        "give each project a folder of its own",
                    );
                }
                _ => outer = Some(folder),
            }
        }
    }
}

#[cfg(test)]
mod tests;
