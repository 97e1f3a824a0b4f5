//! `recipesync sync`: bring projects to rest once, for CI and cron.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{Instrument as _, error, error_span};

use super::output::print;
use super::progress::Progress;
use super::{Context, Exit, select, status};
use crate::daemon::{Plant, Rest, bring_to_rest, clock};
use crate::model::project::ProjectName;
use crate::model::schedule::parse_duration;
use crate::model::state::State;
use crate::model::status::{Standing, standing, status as status_of, waits};
use crate::store::StoreError;
use crate::wire::Home;

/// Bring projects to rest once, then exit
///
/// Exports what changed in the workspace, imports what was committed, looks again, and ends with
/// 0 when all is in step, 2 when something waits for a person (a conflict, drift, a refused or
/// ineffective import, something to prune, a secret), 1 when it failed.
///
///   recipesync sync
///   recipesync sync orders billing --give-up-after 5m
///   recipesync sync orders --full
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct SyncArgs {
    /// The projects; all when none is named
    #[arg(value_name = "PROJECT")]
    pub projects: Vec<String>,
    /// How long to try again what is passing: 429, 5xx, time-outs, a cut download
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    pub give_up_after: Duration,
    /// Export every project, also where the folder's list shows no change
    ///
    /// Without it a look does without an export where the list is what it was before the last full
    /// one, for as long as `full_export` in the configuration says. The list shows recipes that were
    /// saved, and whatever was added, renamed, moved or deleted. It does not show edits of connectors,
    /// connections, tables, pages and other things without a version in it.
    #[arg(long)]
    pub full: bool,
}

/// How long running steps may take to finish when it is to stop; then they end as in a crash, which the saved
/// states allow at any point.
const GRACE: Duration = Duration::from_secs(3);

/// Brings the projects to rest.
pub(super) async fn run(context: &Context, args: &SyncArgs) -> anyhow::Result<Exit> {
    let mut asked = Asked::listen()?;
    let config = context.config()?;
    let chosen = select(&config, &args.projects)?;
    let home = Home::open(&config.state_dir)?;
    let names = chosen.iter().map(|project| project.name.clone()).collect();
    let plant = home.plant(&config, &names, context.environment()).await?;
    let (stop, stopping) = watch::channel(false);
    let mut running = start(&plant, args, &stopping);
    let mut end = None;
    let mut states = BTreeMap::new();
    let mut complete = true;
    while !running.is_empty() {
        tokio::select! {
            Some(done) = running.join_next() => match done {
                Ok((name, rest)) => {
                    let rest = rest?;
                    complete &= !rest.stopped;
                    states.insert(name, rest.state);
                }
                // The others go on.
                Err(failure) => {
                    complete = false;
                    error!("a step panicked: this is a defect in recipesync, report it: {failure}");
                }
            },
            () = asked.next() => {
                // A second signal ends it at once.
                if end.is_some() {
                    return Ok(Exit::Failed);
                }
                end = Some(clock::instant() + GRACE);
                stop.send_replace(true);
                plant.stop();
            }
            // What was saved is what the next run goes on from.
            () = tokio::time::sleep_until(end.unwrap_or_else(clock::instant)), if end.is_some() => {
                return Ok(Exit::Failed);
            }
        }
    }
    let now = clock::now();
    let mut text = String::new();
    for (name, state) in &states {
        text.push_str(&status::line(&status_of(&config.projects[name], state, now, state.due)));
    }
    print(text)?;
    tokio::select! {
        () = plant.tidy() => {}
        () = asked.next() => {}
    }
    Ok(if complete { verdict(states.values().map(Box::as_ref), now) } else { Exit::Failed })
}

/// Starts bringing every project of a plant to rest.
fn start(
    plant: &Plant,
    args: &SyncArgs,
    stopping: &watch::Receiver<bool>,
) -> JoinSet<(ProjectName, Result<Rest, StoreError>)> {
    let progress = Progress::new(plant.projects().map(|(name, _)| name.as_str()));
    let (full, patience) = (args.full, args.give_up_after);
    let mut running = JoinSet::new();
    for (name, wiring) in plant.projects() {
        let (name, wiring, stopping) = (name.clone(), wiring.clone(), stopping.clone());
        let bar = progress.bar(name.as_str());
        // Of the highest level, so that the name is there however quiet the log is.
        let span = error_span!("sync", project = %name);
        let work = async move {
            let rest = bring_to_rest(&wiring, full, patience, stopping, |phase| bar.tell(phase)).await;
            bar.finish();
            (name, rest)
        };
        running.spawn(work.instrument(span));
    }
    running
}

/// Returns how a command ends whose projects are in these states.
pub(super) fn verdict<'a>(states: impl Iterator<Item = &'a State>, now: DateTime<Utc>) -> Exit {
    let mut exit = Exit::Done;
    for state in states {
        let failed = state.stalled.is_some()
            || state.trouble.is_some()
                && standing(state, now) == Standing::Stalled
                && state.refusals.is_empty();
        if failed {
            return Exit::Failed;
        }
        if waits(state) {
            exit = Exit::Waiting;
        }
    }
    exit
}

/// SIGTERM and SIGINT, heard from the first moment on.
pub(super) struct Asked {
    terminate: Signal,
    interrupt: Signal,
}

impl Asked {
    /// Hears them from now on.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
