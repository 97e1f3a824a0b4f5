//! `recipesync status`: where every project stands.

use std::fmt::Write as _;

use super::output::print;
use super::{Context, Exit, count, select, sync};
use crate::daemon::clock;
use crate::model::status::{Status, status};
use crate::secrets::Level;
use crate::store::{Store, StoreError};
use crate::telemetry::printable;

/// Show where every project stands
///
/// Reads the state folder alone, so it works while the daemon runs and when the workspace is out
/// of reach. Ends with 2 where a project waits for a person.
///
///   recipesync status
///   recipesync status orders --json | jq .
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct StatusArgs {
    /// The projects; all when none is named
    #[arg(value_name = "PROJECT")]
    pub projects: Vec<String>,
    /// Print an array with one object a project
    #[arg(long)]
    pub json: bool,
}

/// How many paths of a kind are listed before the rest is counted.
const LISTED: usize = 20;

/// Prints where the projects stand.
pub(super) fn run(context: &Context, args: &StatusArgs) -> anyhow::Result<Exit> {
    let config = context.config_without_secrets()?;
    let chosen = select(&config, &args.projects)?;
    let store = match Store::open_beside(&config.state_dir) {
        Ok(store) => Some(store),
        Err(StoreError::Absent { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let now = clock::now();
    let mut states = Vec::new();
    let mut told = Vec::new();
    for project in chosen {
        let saved = store.as_ref().map(|store| store.state(&project.name)).transpose()?.flatten();
        let (state, next) = saved.unwrap_or_default();
        told.push(status(&project, &state, now, next));
        states.push(state);
    }
    if args.json {
        print(serde_json::to_string_pretty(&told)? + "\n")?;
    } else {
        print(told.iter().map(line).collect::<String>())?;
    }
    Ok(sync::verdict(states.iter().map(Box::as_ref), now))
}

/// Returns a project's paragraph: a line, and one more for each thing that waits.
pub(super) fn line(status: &Status) -> String {
    let mut text = format!("{}: {}", status.project, status.state.word());
    if let Some(workspace) = &status.workspace {
        let files = if workspace.files == 1 { "file" } else { "files" };
        let _ = write!(text, ", {} {files} seen at {}", workspace.files, workspace.seen_at);
    }
    if let Some(branch) = &status.branch {
        let commit = branch.commit.map_or_else(|| "not there yet".to_owned(), |commit| commit.short());
        let _ = write!(text, ", branch {} at {commit}", branch.name);
    }
    text.push('\n');
    if let Some(full) = &status.full_export {
        let due =
            full.due.as_ref().map_or_else(|| "with the next look".to_owned(), |due| format!("due at {due}"));
        let _ = writeln!(text, "  last full export at {}, the next one {due}", full.at);
    }
    if status.phase != "idle" {
        let _ = writeln!(text, "  {} now", status.phase);
    }
    if let Some(last) = &status.last_import {
        let reason = last.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let commit = last.commit.short();
        let line = format!("last import of commit {commit} at {}: {}{reason}", last.at, last.verdict);
        let _ = writeln!(text, "  {}", printable(&line));
    }
    if let Some(stall) = &status.stalled {
        let _ = writeln!(text, "  stalled: {}", printable(&stall.reason));
        if let Some(hint) = &stall.hint {
            let _ = writeln!(text, "  hint: {}", printable(hint));
        }
    } else if let Some(failing) = &status.failing {
        let _ = writeln!(text, "  failing, tried {} times: {}", failing.failures, printable(&failing.reason));
    }
    for (what, paths) in [
        ("conflict", &status.conflicts),
        ("to prune, delete it in the workspace", &status.to_prune),
        ("drift", &status.drift),
    ] {
        for path in paths.iter().take(LISTED) {
            let _ = writeln!(text, "  {what}: {}", printable(path.as_str()));
        }
        if paths.len() > LISTED {
            let _ = writeln!(text, "  {what}: {} more", paths.len() - LISTED);
        }
    }
    text.push_str(&secrets(status));
    if !status.conflicts.is_empty() {
        text.push_str(&hint(status));
    }
    text
}

/// Returns a line for each secret and each thing that may be one, and how many places hold personal data.
fn secrets(status: &Status) -> String {
    let mut text = String::new();
    let (personal, mut others): (Vec<_>, Vec<_>) =
        status.secrets.iter().partition(|found| found.level == Level::Personal);
    // What is held back comes first, and all of it: it waits for a person.
    others.sort_by_key(|found| !found.held);
    let listed = others.iter().filter(|found| found.held).count().max(LISTED);
    for found in others.iter().take(listed) {
        let what = match (found.held, found.level) {
            (true, Level::Certain) => "secret, not committed",
            (false, Level::Certain) if status.conflicts.contains(&found.path) => "secret, in the conflict",
            (_, Level::Certain) => "secret",
            _ => "perhaps a secret",
        };
        let _ = writeln!(
            text,
            "  {what}: {} line {}: {}",
            printable(found.path.as_str()),
            found.line,
            found.kind
        );
    }
    if others.len() > listed {
        let _ = writeln!(
            text,
            "  secrets, or perhaps: {} more; `recipesync status --json` lists them",
            others.len() - listed
        );
    }
    if !personal.is_empty() {
        let places = count(personal.len(), "place", "places");
        let _ = writeln!(text, "  personal data in {places}; `recipesync status --json` lists them");
    }
    text
}

/// Returns how a conflict is settled.
fn hint(status: &Status) -> String {
    let project = &status.project;
    let merge = status.workspace_side.as_ref().map_or_else(String::new, |side| {
        format!("  hint: or merge the workspace's side: git fetch origin {side} && git merge FETCH_HEAD\n")
    });
    format!(
        "  hint: `recipesync plan {project}` shows both sides; make them the same, or take one: \
         recipesync resolve {project} [PATH] --take workspace|branch\n{merge}"
    )
}
