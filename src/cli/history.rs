//! `recipesync history`: what was exported and imported.

use std::fmt::Write as _;

use chrono::SubsecRound as _;

use super::output::print;
use super::{Context, Exit, select};
use crate::model::history::{Event, EventKind};
use crate::model::status::stamp;
use crate::store::{Store, StoreError};
use crate::telemetry::printable;

/// Show what was exported and imported, by whom, with what outcome
///
///   recipesync history orders
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct HistoryArgs {
    /// The project
    #[arg(value_name = "PROJECT")]
    pub project: String,
    /// Print an array with one object an event
    #[arg(long)]
    pub json: bool,
}

/// Prints a project's history, the oldest first.
pub(super) fn run(context: &Context, args: &HistoryArgs) -> anyhow::Result<Exit> {
    let config = context.config_without_secrets()?;
    let chosen = select(&config, std::slice::from_ref(&args.project))?;
    let events = match Store::open_beside(&config.state_dir) {
        Ok(store) => store.history(&chosen[0].name)?,
        Err(StoreError::Absent { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    if args.json {
        let seconds = |event: Event| Event { at: event.at.trunc_subsecs(0), ..event };
        let events: Vec<Event> = events.into_iter().map(seconds).collect();
        print(serde_json::to_string_pretty(&events)? + "\n")?;
    } else {
        print(events.iter().map(line).collect::<String>())?;
    }
    Ok(Exit::Done)
}

fn line(event: &Event) -> String {
    let kind = match event.kind {
        EventKind::Export => "export",
        EventKind::Import => "import",
    };
    let package = event.package.map_or_else(|| "-".to_owned(), |package| package.to_string());
    let commit = event.commit.map_or_else(|| "-".to_owned(), |commit| commit.short());
    let mut text = format!("{}  {kind}  package {package}  {commit}  ", stamp(event.at));
    if let Some(verdict) = event.verdict {
        let _ = write!(text, "{verdict}  ");
    }
    let _ = write!(text, "{}  by {}", event.summary, event.by);
    if let Some(reason) = &event.reason {
        let _ = write!(text, "  ({reason})");
    }
    let changes = event.changes.iter().map(|change| format!("    {}\n", printable(change)));
    printable(&text) + "\n" + &changes.collect::<String>()
}
