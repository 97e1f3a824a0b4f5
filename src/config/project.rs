//! `[project.NAME]`: what is paired with what, and which ways it travels.

use std::time::Duration;

use toml::de::DeValue;

use super::reader::{Section, whole};
use super::report::{Place, Read, Report, Reported};
use crate::model::branch::BranchName;
use crate::model::path::RepoPath;
use crate::model::project::{
    ExportSettings, FULL_EXPORT, ImportSettings, MaxDelete, Project, ProjectName, Source,
};
use crate::model::schedule::{Schedule, ScheduleError, parse_duration};
use crate::secrets::{self, Allowed, Policy};

/// The keys of a project.
pub(super) const KEYS: &[&str] = &[
    "workspace",
    "repository",
    "path",
    "manifest_id",
    "folder_id",
    "max_delete",
    "full_export",
    "secrets",
    "secrets_allow",
    "export",
    "import",
];
/// The keys of a project's export.
pub(super) const EXPORT_KEYS: &[&str] = &["branch", "schedule"];
/// The keys of a project's import.
pub(super) const IMPORT_KEYS: &[&str] =
    &["branch", "folder_id", "restart_recipes", "include_tags", "folder_id_for_home_assets"];

/// When a workspace is looked at where nothing else is said.
const SCHEDULE: &str = "5m";

/// The names that a project can refer to.
pub(super) struct Names<'a> {
    /// The workspaces, wrong ones too: one mistake is reported once.
    pub(super) workspaces: &'a [&'a str],
    /// The repositories, likewise.
    pub(super) repositories: &'a [&'a str],
}

/// A project and the places that rules across projects are reported at.
pub(super) struct ReadProject {
    /// The project.
    pub(super) project: Project,
    /// Where its path is.
    pub(super) path: Place,
}

/// Reads one project.
pub(super) fn read(
    report: &Report<'_>,
    names: &Names<'_>,
    name: &str,
    section: &Section<'_>,
) -> Read<ReadProject> {
    let name = ProjectName::parse(name).map_err(|error| report.problem(&section.place, error));
    let workspace = reference(report, section, "workspace", names.workspaces);
    let repository = reference(report, section, "repository", names.repositories);
    let path = section.parsed("path", RepoPath::parse);
    let path = section.required("path", path, "path = \"orders\", or \".\" for the repository's root");
    let max_delete = section.value("max_delete", "a share (\"50%\") or a number of files", take_max_delete);
    let full_export = section.parsed("full_export", parse_full_export);
    let secrets = read_secrets(section);
    let folder = id(section, "folder_id");
    let manifest = id(section, "manifest_id");
    let export = section.section("export", EXPORT_KEYS);
    let import = section.section("import", IMPORT_KEYS);
    if let (Ok(None), Ok(None)) = (&export, &import) {
        let hint = format!("add [{0}.export] with a branch, or [{0}.import], or both", section.place.key);
        let place = section.place_of("export");
        report.problem_with_hint(&place, "it is missing, and so is import: nothing would happen", hint);
    }
    let target = match &import {
        Ok(Some(import)) => id(import, "folder_id"),
        _ => Ok(None),
    };
    let source = read_source(report, section, manifest, folder, target);
    let export = export.and_then(|export| export.map(|export| read_export(&export)).transpose());
    let import = import
        .and_then(|import| import.map(|import| read_import(report, &import, target, folder)).transpose());
    let path = path?;
    let (export, import) = (export?, import?);
    if export.is_none() && import.is_none() {
        return Err(Reported);
    }
    let project = Project {
        name: name?,
        workspace: workspace?,
        repository: repository?,
        path: path.value,
        source: source?,
        max_delete: max_delete?.map_or_else(MaxDelete::default, |written| written.value),
        full_export: full_export?.map_or(FULL_EXPORT, |written| written.value),
        secrets: secrets?,
        export,
        import,
    };
    Ok(ReadProject { project, path: path.place })
}

fn reference(report: &Report<'_>, section: &Section<'_>, key: &'static str, names: &[&str]) -> Read<String> {
    let written =
        section.required(key, section.text(key), &format!("name one of the [{key}.NAME] tables"))?;
    if names.contains(&written.value) {
        return Ok(written.value.to_owned());
    }
    let hint = match names {
        [] => format!("there is no [{key}.NAME] table yet"),
        names => format!("there are: {}", names.join(", ")),
    };
    Err(report.problem_with_hint(&written.place, format!("there is no {key} {:?}", written.value), hint))
}

/// An id that may be left out.
type Id = Read<Option<u64>>;

fn id(section: &Section<'_>, key: &'static str) -> Id {
    Ok(section.positive(key)?.map(|written| written.value))
}

/// Reads what is exported. A project that imports looks before it does, at the folder that it imports into where
/// nothing else is named.
fn read_source(
    report: &Report<'_>,
    section: &Section<'_>,
    manifest: Id,
    folder: Id,
    target: Id,
) -> Read<Source> {
    section.exclusive(
        "manifest_id",
        "folder_id",
        "for importing into a folder, write folder_id below [project.NAME.import]",
    )?;
    match (manifest?, folder?, target?) {
        (Some(manifest), _, _) => Ok(Source::Manifest(manifest)),
        (None, Some(folder), _) | (None, None, Some(folder)) => Ok(Source::Folder(folder)),
        (None, None, None) => Err(report.problem_with_hint(
            &section.place_of("folder_id"),
            "it is missing, and so is manifest_id",
            "folder_id = 5678 exports a folder, manifest_id = 1234 a manifest as it is",
        )),
    }
}

fn read_export(section: &Section<'_>) -> Read<ExportSettings> {
    let branch = read_branch(section);
    let schedule = section.parsed("schedule", Schedule::parse);
    let schedule = schedule.map(|written| {
        written.map_or_else(
            || Schedule::parse(SCHEDULE).expect("the default is a duration"),
            |written| written.value,
        )
    });
    Ok(ExportSettings { branch: branch?, schedule: schedule? })
}

fn read_import(report: &Report<'_>, section: &Section<'_>, target: Id, folder: Id) -> Read<ImportSettings> {
    let branch = read_branch(section);
    if let (Ok(Some(into)), Ok(Some(from))) = (target, folder)
        && into != from
    {
        report.warning(
            &section.place_of("folder_id"),
            format!(
                "it is not the project's folder {from}, which is where an import is looked for afterwards"
            ),
            "leave it out, unless that folder holds this one",
        );
    }
    let folder = target.and_then(|target| match (target, folder?) {
        (Some(folder), _) | (None, Some(folder)) => Ok(folder),
        (None, None) => Err(report.problem_with_hint(
            &section.place_of("folder_id"),
            "it is missing, and the project has none either",
            "folder_id = 5678, the folder that packages are imported into",
        )),
    });
    let restart = section.flag("restart_recipes");
    let tags = section.flag("include_tags");
    let home = section.positive("folder_id_for_home_assets");
    Ok(ImportSettings {
        branch: branch?,
        folder: folder?,
        restart_recipes: restart?.is_some_and(|flag| flag.value),
        include_tags: tags?.is_some_and(|flag| flag.value),
        folder_id_for_home_assets: home?.map(|id| id.value),
    })
}

fn read_branch(section: &Section<'_>) -> Read<BranchName> {
    let branch = section.parsed("branch", parse_branch);
    Ok(section.required("branch", branch, "branch = \"main\"")?.value)
}

fn parse_branch(name: &str) -> Result<BranchName, String> {
    if name.starts_with("refs/") {
        return Err("it is the branch's own name that is wanted, without refs/heads/".to_owned());
    }
    BranchName::parse(name).map_err(|error| format!("git does not take it for a branch name: {error}"))
}

/// Reads a duration that may be none at all: then each look is a full one.
fn parse_full_export(text: &str) -> Result<Duration, ScheduleError> {
    match parse_duration(text) {
        Err(ScheduleError::Zero) => Ok(Duration::ZERO),
        parsed => parsed,
    }
}

fn read_secrets(section: &Section<'_>) -> Read<secrets::Settings> {
    let policy = section
        .value("secrets", "\"block\", \"warn\" or \"off\"", |value| value.as_str().and_then(Policy::parse));
    let wanted = "a list of files: [{ path = \"x.custom_adapter.rb\", kind = \"jwt\" }], of which kind may be left out";
    let allowed = section.value("secrets_allow", wanted, take_allowed);
    Ok(secrets::Settings {
        policy: policy?.map_or_else(Policy::default, |written| written.value),
        allowed: allowed?.map_or_else(Vec::new, |written| written.value),
    })
}

fn take_allowed(value: &DeValue<'_>) -> Option<Vec<Allowed>> {
    let one = |value: &toml::Spanned<DeValue<'_>>| {
        let table = value.get_ref().as_table()?;
        let text = |key: &str| table.get(key).map(|value| value.get_ref().as_str().map(str::to_owned));
        let is_known = table.keys().all(|key| matches!(key.get_ref().as_ref(), "path" | "kind"));
        let (path, kind) = (text("path")??, text("kind"));
        let kind = if let Some(kind) = kind { Some(kind?) } else { None };
        (is_known && !path.is_empty()).then_some(Allowed { path, kind })
    };
    value.as_array()?.iter().map(one).collect()
}

fn take_max_delete(value: &DeValue<'_>) -> Option<MaxDelete> {
    if let Some(files) = whole(value) {
        return Some(MaxDelete::Files(files));
    }
    let text = value.as_str()?;
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match text.strip_suffix('%') {
        Some(share) if digits(share) => {
            share.parse().ok().filter(|share| *share <= 100).map(MaxDelete::Share)
        }
        None if digits(text) => text.parse().ok().map(MaxDelete::Files),
        _ => None,
    }
}
