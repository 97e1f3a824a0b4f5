//! `recipesync plan`: what a sync would do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use tracing::warn;

use super::difference::difference;
use super::output::print;
use super::{Context, Exit, count, select};
use crate::daemon::{clock, delay};
use crate::model::message;
use crate::model::path::PackagePath;
use crate::model::plan::Pair;
use crate::model::project::ProjectName;
use crate::model::state::Next;
use crate::secrets;
use crate::sync::{Disposition, Failed, Glance, Outlook, StepError, Wiring, chain, glance, prepare};
use crate::telemetry::printable;
use crate::wire::Home;

/// How long to try again what may pass: as long as `sync` does by default.
const PATIENCE: Duration = Duration::from_secs(60);

/// Show what a sync would do, and do nothing
///
/// Looks at both sides and names every path that would travel, and where to. Ends with 0 when there
/// is nothing to do, and with 2 when there is.
///
///   recipesync plan orders
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct PlanArgs {
    /// The projects; all when none is named
    #[arg(value_name = "PROJECT")]
    pub projects: Vec<String>,
}

/// Prints what a sync would do now.
pub(super) async fn run(context: &Context, args: &PlanArgs) -> anyhow::Result<Exit> {
    let config = context.config()?;
    let names: BTreeSet<ProjectName> =
        select(&config, &args.projects)?.iter().map(|project| project.name.clone()).collect();
    let scratch = Home::beside(&config.state_dir)?;
    let plant = scratch.plant(&config, &names, context.environment()).await?;
    let color = context.color(std::io::stdout().is_terminal());
    let mut quiet = true;
    for (name, wiring) in plant.projects() {
        let outlook = look(wiring).await.with_context(|| format!("look at {name}"))?;
        quiet &= is_quiet(&outlook);
        print(describe(name, wiring, &outlook))?;
        for (path, pair) in &outlook.plan.conflicts {
            print(both_sides(wiring, path, *pair, color).await?)?;
        }
    }
    Ok(if quiet { Exit::Done } else { Exit::Waiting })
}

/// Looks at both sides, however long the export takes; what fails and may pass is tried again for a while.
async fn look(wiring: &Wiring) -> Result<Outlook, StepError> {
    let mut state = prepare(wiring).await?;
    let kept = state.manifest;
    let (mut failures, mut since) = (0, None);
    loop {
        let wait = match glance(wiring, state, clock::both()).await {
            Ok(Glance::Seen(outlook)) => {
                if let Some(made) = outlook.manifest.filter(|id| Some(*id) != kept) {
                    // Made for this look alone. One that stays behind does no harm.
                    wiring.workspace.client().delete_manifest(wiring.turn(), made).await.ok();
                }
                return Ok(*outlook);
            }
            Ok(Glance::Waits(next, when)) => {
                state = next;
                (failures, since) = (0, None);
                clock::at(time_of(when))
            }
            Err(failed) => {
                let Failed { error, state: next } = *failed;
                failures += 1;
                let first = *since.get_or_insert_with(clock::instant);
                let wait = error.retry_after().unwrap_or_else(|| delay(failures, fastrand::f64()));
                let until = clock::instant() + wait;
                if error.disposition() != Disposition::Retry || until - first > PATIENCE {
                    return Err(error);
                }
                warn!("{}; trying again in {:.1} s", chain(&error), wait.as_secs_f64());
                state = next;
                until
            }
        };
        tokio::time::sleep_until(wait).await;
    }
}

/// Returns what the two sides of a conflict hold.
async fn both_sides(
    wiring: &Wiring,
    path: &PackagePath,
    pair: Pair,
    color: bool,
) -> Result<String, StepError> {
    let mut sides = [None, None];
    for (side, blob) in sides.iter_mut().zip([pair.workspace, pair.branch]) {
        if let Some(blob) = blob {
            *side = Some(secrets::shown(path, &wiring.repository.blob(blob).await?));
        }
    }
    let [workspace, branch] = &sides;
    let branch_name = format!("branch {}", wiring.branch());
    let from = ("workspace", workspace.as_deref());
    let to = (branch_name.as_str(), branch.as_deref());
    Ok(format!("  {}\n{}", printable(path.as_str()), difference(path, from, to, color)))
}

fn time_of(next: Next) -> DateTime<Utc> {
    match next {
        Next::Now => DateTime::<Utc>::MIN_UTC,
        Next::At(time) | Next::Settled(time) => time,
    }
}

/// Returns what a look leads to: a line of counts, then a line a path.
fn describe(name: &ProjectName, wiring: &Wiring, outlook: &Outlook) -> String {
    let plan = &outlook.plan;
    let branch = wiring.project.branches().next().expect("a project has a direction");
    let exports = if outlook.mirror.is_empty() { &plan.to_git } else { &outlook.mirror };
    let mut text = String::new();
    if is_quiet(outlook) {
        let _ = writeln!(text, "{name}: nothing to do");
    }
    if let Some(held) = &outlook.held {
        let _ = writeln!(text, "{name}: held back: {}", printable(&chain(held)));
        if let Some(hint) = held.hint() {
            let _ = writeln!(text, "  hint: {}", printable(&hint));
        }
    }
    if !outlook.refused.is_empty() {
        let _ = writeln!(text, "{name}: an import has failed and waits; `recipesync status {name}` says why");
        list(&mut text, "waiting", outlook.refused.keys(), &BTreeMap::new());
    }
    if !exports.is_empty() {
        let assets = message::assets(&outlook.before, exports);
        let _ = writeln!(text, "{name}: to git, branch {branch}: {}", message::summary(&assets));
        for (path, blob) in exports {
            let verb = match (blob, outlook.before.contains_key(path)) {
                (None, _) => "delete",
                (Some(_), true) => "change",
                (Some(_), false) => "add",
            };
            list(&mut text, verb, std::iter::once(path), &outlook.told);
        }
    }
    hold(&mut text, name, outlook);
    if !plan.to_workspace.is_empty() {
        let files = count(plan.to_workspace.len(), "changed file", "changed files");
        let _ = writeln!(text, "{name}: to the workspace, an import of {files}");
        list(&mut text, "import", plan.to_workspace.keys(), &outlook.told);
    }
    for (what, verb, paths) in [
        (
            "both sides moved; settle it by a commit, an edit, or `recipesync resolve`",
            "conflict",
            &plan.conflicts,
        ),
        (
            "deleted on the branch; an import cannot delete, so delete it in the workspace",
            "prune",
            &plan.to_prune,
        ),
        ("the sides differ, and that direction is not configured", "drift", &plan.drift),
        ("on the export branch, waiting to be merged", "review", &plan.in_review),
    ] {
        if !paths.is_empty() {
            let _ = writeln!(text, "{name}: {what}");
            list(&mut text, verb, paths.keys(), &BTreeMap::new());
        }
    }
    text
}

/// Lists what holds a secret and does not go to git.
fn hold(text: &mut String, name: &ProjectName, outlook: &Outlook) {
    if !outlook.plan.held.is_empty() {
        let _ = writeln!(
            text,
            "{name}: not to git, it holds a secret; `recipesync status {name}` says what to do"
        );
    }
    for (path, flagged) in outlook.secrets.iter().filter(|(_, flagged)| flagged.held) {
        let found = flagged.findings.first().map(|first| format!(" line {}: {}", first.line, first.kind));
        let _ = writeln!(text, "  hold {}{}", printable(path.as_str()), found.unwrap_or_default());
    }
}

fn is_quiet(outlook: &Outlook) -> bool {
    outlook.plan.is_quiet() && outlook.mirror.is_empty() && outlook.refused.is_empty()
}

fn list<'a>(
    text: &mut String,
    verb: &str,
    paths: impl Iterator<Item = &'a PackagePath>,
    told: &BTreeMap<PackagePath, Vec<String>>,
) {
    for path in paths {
        let _ = writeln!(text, "  {verb} {}", printable(path.as_str()));
        for line in told.get(path).into_iter().flatten() {
            let _ = writeln!(text, "      {line}");
        }
    }
}
