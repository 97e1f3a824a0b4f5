//! `recipesync check --online`: asks the workspaces and the repositories, and changes nothing in either.
//!
//! Everything is asked, whatever the first answers are. It works beside a running daemon, on a copy of its state. It
//! makes no export, no import and no push: what only those would show is said to be unchecked.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use chrono::TimeDelta;

use super::output::{OutputError, print};
use super::{Context, Exit, count};
use crate::config::Config;
use crate::daemon::{Plant, clock};
use crate::git::{Cache, GitError, Refs};
use crate::model::branch::BranchName;
use crate::model::project::{Project, Source};
use crate::sync::{Wiring, chain};
use crate::telemetry::printable;
use crate::wire::Home;
use crate::workato::{Call, Identity, WorkatoError};

/// How far two clocks may be apart before it is worth a word: links to packages and tokens hold for minutes.
const CLOCKS_APART: TimeDelta = TimeDelta::seconds(60);

/// What only an export, an import or a push would show.
const UNCHECKED: &str =
    "not checked, as it would leave something behind: exports, imports, the upstream's hooks";

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grade {
    Ok,
    Warning,
    Problem,
}

/// A check and how it ended.
#[derive(Debug)]
struct Finding {
    grade: Grade,
    /// What was found, naming the thing.
    what: String,
    hint: Option<String>,
}

impl Finding {
    fn ok(what: String) -> Self {
        Self { grade: Grade::Ok, what, hint: None }
    }

    fn warning(what: String, hint: impl Into<String>) -> Self {
        Self { grade: Grade::Warning, what, hint: Some(hint.into()) }
    }

    fn problem(what: String, hint: impl Into<String>) -> Self {
        Self { grade: Grade::Problem, what, hint: Some(hint.into()) }
    }

    fn refused(error: &WorkatoError) -> Self {
        Self { grade: Grade::Problem, what: chain(error), hint: error.hint() }
    }

    fn failed(error: &GitError) -> Self {
        Self { grade: Grade::Problem, what: chain(error), hint: error.hint() }
    }
}

/// Prints findings as they come, and remembers the worst.
struct Report {
    about: String,
    problems: usize,
    warnings: usize,
}

impl Report {
    fn add(&mut self, finding: &Finding) -> Result<(), OutputError> {
        let word = match finding.grade {
            Grade::Ok => "ok",
            Grade::Warning => "warning",
            Grade::Problem => "problem",
        };
        self.problems += usize::from(finding.grade == Grade::Problem);
        self.warnings += usize::from(finding.grade == Grade::Warning);
        let mut text = format!("{word:<8} {}: {}\n", self.about, printable(&finding.what));
        if let Some(hint) = &finding.hint {
            let _ = writeln!(text, "         hint: {}", printable(hint));
        }
        print(text)
    }
}

/// Asks all workspaces and repositories that projects use.
pub(super) async fn run(context: &Context) -> anyhow::Result<Exit> {
    let config = context.config()?;
    let scratch = Home::beside(&config.state_dir)?;
    let plant = scratch.plant(&config, &BTreeSet::new(), context.environment()).await?;
    let mut report = Report { about: String::new(), problems: 0, warnings: 0 };
    print("\n")?;
    for name in config.workspaces.keys() {
        check_workspace(&mut report, &plant, name).await?;
    }
    for name in config.repositories.keys() {
        check_repository(&mut report, &config, &plant, name).await?;
    }
    let problems = count(report.problems, "problem", "problems");
    let warnings = count(report.warnings, "warning", "warnings");
    print(format!("\n{problems}, {warnings}; {UNCHECKED}\n"))?;
    Ok(if report.problems == 0 { Exit::Done } else { Exit::Failed })
}

async fn check_workspace(report: &mut Report, plant: &Plant, name: &str) -> anyhow::Result<()> {
    let wirings: Vec<&Wiring> =
        plant.projects().map(|(_, wiring)| wiring).filter(|it| it.project.workspace == name).collect();
    report.about = format!("workspace {name}");
    let Some(first) = wirings.first() else {
        return Ok(report.add(&unused())?);
    };
    let me = first.workspace.client().me(first.turn()).await;
    for finding in identity(&me) {
        report.add(&finding)?;
    }
    for wiring in &wirings {
        report.about = format!("project {}", wiring.project.name);
        let saved = wiring.store.state(&wiring.project.name)?.and_then(|(state, _)| state.workspace_id);
        if let (Some(pinned), Ok(Identity { id, .. })) = (saved, &me)
            && pinned != *id
        {
            let what = format!("the token belongs to workspace {id} now, and to {pinned} at the first look");
            let hint =
                "put the right token back; to pair the project with the other workspace, give it a new name";
            report.add(&Finding::problem(what, hint))?;
        }
        report.add(&source(wiring).await)?;
        for finding in import_folders(wiring).await {
            report.add(&finding)?;
        }
    }
    if me.is_ok() {
        report.about = format!("workspace {name}");
        report.add(&authors(first).await)?;
    }
    Ok(())
}

/// Asks whether the workspace tells who edited a recipe.
async fn authors(wiring: &Wiring) -> Finding {
    match wiring.workspace.client().recipes(wiring.turn(), clock::now(), 1).await {
        Ok(_) => Finding::ok("it tells who edited a recipe".to_owned()),
        Err(error) => {
            let hint = format!(
                "commits of exports will not name the person who edited a recipe; allow the token's role {:?} for that",
                Call::Recipes.privilege()
            );
            Finding::warning(chain(&error), hint)
        }
    }
}

fn unused() -> Finding {
    Finding::warning(
        "no project uses it, so it was not asked".to_owned(),
        "remove it, or pair a project with it",
    )
}

/// Judges what the platform says of a token, and its clock.
fn identity(me: &Result<Identity, WorkatoError>) -> Vec<Finding> {
    let me = match me {
        Ok(me) => me,
        // A token is good without this privilege, and then it is not noticed when it belongs to another workspace.
        Err(error) if error.is_forbidden() => {
            let refused = Finding::refused(error);
            return vec![Finding { grade: Grade::Warning, ..refused }];
        }
        Err(error) => return vec![Finding::refused(error)],
    };
    let mut found = vec![Finding::ok(format!("the token is that of workspace {} {:?}", me.id, me.name))];
    found.extend(me.server_time.map(|server| {
        let apart = clock::now() - server;
        let seconds = apart.num_seconds();
        if apart.abs() <= CLOCKS_APART {
            Finding::ok(format!("its clock and ours are {} s apart", seconds.abs()))
        } else {
            let side = if seconds > 0 { "ahead of" } else { "behind" };
            Finding::warning(
                format!("this machine's clock is {} s {side} the workspace's", seconds.abs()),
                "let the machine keep its time by NTP: schedules and time-outs go by its clock",
            )
        }
    }));
    found
}

/// Looks at what a project exports.
async fn source(wiring: &Wiring) -> Finding {
    let client = wiring.workspace.client();
    match wiring.project.source {
        Source::Folder(folder) => match client.folder_assets(wiring.turn(), folder).await {
            Ok(assets) if assets.is_empty() => Finding::warning(
                format!("folder {folder} is empty"),
                "nothing is exported from an empty folder; check folder_id",
            ),
            Ok(assets) => match assets.iter().find(|asset| asset.unreachable) {
                Some(asset) => Finding::warning(
                    format!("folder {folder} needs {} {:?}, which cannot be found", asset.kind, asset.name),
                    "restore it in the workspace, or remove what refers to it",
                ),
                None => {
                    Finding::ok(format!("folder {folder} lists {}", count(assets.len(), "asset", "assets")))
                }
            },
            Err(error) => Finding::refused(&error),
        },
        Source::Manifest(id) => match client.manifest(wiring.turn(), id).await {
            Ok(manifest) if manifest.is_archived() => Finding::problem(
                format!("manifest {id} {:?} was deleted", manifest.name),
                "set manifest_id to one that is there, or folder_id for one that recipesync keeps itself",
            ),
            Ok(manifest) => Finding::ok(format!("manifest {id} is {:?}", manifest.name)),
            Err(error) => Finding::refused(&error),
        },
    }
}

/// Looks at the folders that a project imports into, but for the one that it exports.
async fn import_folders(wiring: &Wiring) -> Vec<Finding> {
    let Some(import) = &wiring.project.import else { return Vec::new() };
    let folders: BTreeSet<u64> =
        [import.folder].into_iter().chain(import.folder_id_for_home_assets).collect();
    let mut found = Vec::new();
    for folder in folders {
        if wiring.project.source == Source::Folder(folder) {
            continue;
        }
        found.push(match wiring.workspace.client().folder_assets(wiring.turn(), folder).await {
            Ok(assets) => {
                let assets = count(assets.len(), "asset", "assets");
                Finding::ok(format!("folder {folder}, where imports go, lists {assets}"))
            }
            Err(error) => Finding::refused(&error),
        });
    }
    found
}

async fn check_repository(
    report: &mut Report,
    config: &Config,
    plant: &Plant,
    name: &str,
) -> anyhow::Result<()> {
    report.about = format!("repository {name}");
    let projects: Vec<&Wiring> =
        plant.projects().map(|(_, wiring)| wiring).filter(|it| it.project.repository == name).collect();
    let Some(first) = projects.first() else {
        return Ok(report.add(&unused())?);
    };
    let cache = &first.repository;
    let refs = match cache.refresh(Duration::ZERO, clock::instant()).await {
        Ok(refs) => refs,
        Err(error) => return Ok(report.add(&Finding::failed(&error))?),
    };
    report.add(&Finding::ok(format!("{} can be read", config.repositories[name].url)))?;
    let branches: BTreeSet<&BranchName> = projects.iter().flat_map(|it| it.project.branches()).collect();
    for branch in branches {
        let writers: Vec<&Project> = projects
            .iter()
            .map(|it| it.project.as_ref())
            .filter(|project| project.export.as_ref().is_some_and(|export| export.branch == *branch))
            .collect();
        report.add(&existence(&refs, branch, &writers))?;
        if !writers.is_empty() {
            report.add(&right_to_push(cache, &refs, branch).await)?;
        }
    }
    for wiring in projects {
        report.about = format!("project {}", wiring.project.name);
        for branch in wiring.project.branches() {
            let Some(tip) = refs.tips.get(branch) else { continue };
            if let Err(error) = cache.path_tree(*tip, &wiring.project.path).await {
                report.add(&Finding::failed(&error))?;
            }
        }
    }
    Ok(())
}

/// Says whether a branch exists, or who makes it.
fn existence(refs: &Refs, branch: &BranchName, writers: &[&Project]) -> Finding {
    if let Some(tip) = refs.tips.get(branch) {
        return Finding::ok(format!("branch {branch} is at {}", tip.short()));
    }
    let Some(writer) = writers.first() else {
        return Finding::warning(
            format!("branch {branch} does not exist, and no project exports to it"),
            "nothing is imported until somebody pushes it",
        );
    };
    let start = match &refs.head {
        Some(head) => format!("from branch {head}"),
        None => "as the first one".to_owned(),
    };
    Finding::ok(format!(
        "branch {branch} does not exist; the first export of {} makes it {start}",
        writer.name
    ))
}

/// Asks whether a branch could be pushed to.
async fn right_to_push(cache: &Cache, refs: &Refs, branch: &BranchName) -> Finding {
    let head = refs.head.as_ref().and_then(|head| refs.tips.get(head));
    let Some(commit) = refs.tips.get(branch).or(head) else {
        return Finding::warning(
            format!("it is empty, so a push to {branch} could not be tried"),
            "the first export shows whether it is allowed",
        );
    };
    match cache.try_push(*commit, branch).await {
        Ok(()) => Finding::ok(format!("a dry run of a push to {branch} passes")),
        Err(error) => Finding::failed(&error),
    }
}
