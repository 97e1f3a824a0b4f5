//! One step of one project, from its state to the saved next one: the only place that saves, counts failures and
//! logs them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{debug, error, info, warn};

use super::backoff;
use crate::blocking;
use crate::model::history::{Event, EventKind};
use crate::model::path::PackagePath;
use crate::model::state::{Next, Phase, Stall, State, Trouble, Verdict};
use crate::secrets::Level;
use crate::store::{Saved, StoreError};
use crate::sync::{self, Disposition, Failed, Now, Stepped, Wiring};

/// A project after a step.
#[derive(Debug)]
pub struct Advanced {
    /// The saved state.
    pub state: Box<State>,
    /// When to come back.
    pub next: Next,
    /// Whether the step ended only because everything is to stop.
    pub stopping: bool,
}

/// Takes a step and saves what it leaves behind before anything else happens.
///
/// # Errors
/// When the state cannot be saved or read: the process cannot go on.
pub async fn advance(wiring: &Wiring, state: Box<State>, now: Now) -> Result<Advanced, StoreError> {
    let before = state.clone();
    let (stepped, stopping) = match sync::step(wiring, state, now).await {
        Ok(stepped) => (recovered(stepped), false),
        Err(failed) => {
            let Failed { error, state } = *failed;
            if error.is_stopping() {
                let next = Next::Now;
                (Stepped { state, records: None, known: None, events: Vec::new(), settled: None, next }, true)
            } else {
                (Box::pin(stumbled(wiring, &before, state, error, now.time)).await?, false)
            }
        }
    };
    tell(&before, &stepped);
    let changed = stepped.state != before || stepped.records.is_some() || stepped.settled.is_some();
    let Stepped { state, records, known, events, settled, next } = stepped;
    if !changed && events.is_empty() {
        return Ok(Advanced { state, next, stopping });
    }
    let store = wiring.store.clone();
    let project = wiring.project.name.clone();
    blocking::run(move || {
        let told = match next {
            Next::Settled(_) => state.due,
            Next::At(time) => Some(time),
            Next::Now => None,
        };
        let saved = Saved {
            state: &state,
            records: records.as_ref(),
            known: known.as_ref(),
            events: &events,
            settled,
            next: told,
        };
        store.save(&project, &saved)?;
        Ok(Advanced { state, next, stopping })
    })
    .await
}

/// Ends a failure that is over: the step that failed did not this time, or a look came to its end.
fn recovered(mut stepped: Stepped) -> Stepped {
    let looks = stepped.state.look;
    if let Some(trouble) = stepped.state.trouble.take_if(|trouble| !(trouble.abandoned && looks)) {
        info!(failures = trouble.failures, "recovered after {} failures", trouble.failures);
    }
    stepped
}

/// Counts a failure, and decides when to come back.
async fn stumbled(
    wiring: &Wiring,
    before: &State,
    mut state: Box<State>,
    error: sync::StepError,
    now: DateTime<Utc>,
) -> Result<Stepped, StoreError> {
    let stall = error.stall();
    // Once: a cache that was made anew and is damaged again is not the cache's fault. What it stalled for may have
    // been something else.
    let is_known = state.stalled.as_ref().is_some_and(|before| before.reason == stall.reason);
    let healed_before = is_known || state.trouble.as_ref().is_some_and(|trouble| trouble.healed);
    let heals = error.is_of_the_cache() && !healed_before && heal(wiring).await;
    let disposition = if heals { Disposition::Retry } else { error.disposition() };
    let next = match disposition {
        Disposition::Retry => {
            let earlier = state.trouble.as_ref();
            let since = earlier.map_or(now, |trouble| trouble.since);
            let failures = earlier.map_or(0, |trouble| trouble.failures).saturating_add(1);
            let was_exporting = matches!(before.phase, Phase::Exporting { .. });
            let abandoned = was_exporting && state.phase == Phase::Idle
                || earlier.is_some_and(|trouble| trouble.abandoned);
            let healed = heals || healed_before;
            let wait = error.retry_after().unwrap_or_else(|| backoff::delay(failures, fastrand::f64()));
            if backoff::is_told(failures) {
                let seconds = wait.as_secs_f64();
                warn!(failures, hint = stall.hint, "{}; trying again in {seconds:.1} s", stall.reason);
            }
            let Stall { reason, hint } = stall;
            state.trouble = Some(Trouble { since, failures, reason, hint, abandoned, healed });
            let wait = wait.max(Duration::from_millis(50));
            Next::At(now + TimeDelta::from_std(wait).expect("a server's wait is cut to an hour"))
        }
        Disposition::Stall => {
            let due = wiring.due_after(now).max(now + sync::STALLED_LOOK);
            state.trouble = None;
            state.look = false;
            state.stalled = Some(stall);
            state.due = Some(due);
            // A new commit may be what it waits for.
            Next::Settled(due.min(now + wiring.poll))
        }
        Disposition::Fatal => return Err(error.into_store().expect("only the state's failures are fatal")),
    };
    Ok(Stepped { state, records: None, known: None, events: Vec::new(), settled: None, next })
}

/// Makes a repository's cache anew; what it held is fetched and exported again.
async fn heal(wiring: &Wiring) -> bool {
    match wiring.repository.heal().await {
        Ok(()) => true,
        Err(failure) => {
            warn!("the cache cannot be made anew: {}", sync::chain(&failure));
            false
        }
    }
}

/// Logs what changed: each stall once, each export and each import.
fn tell(before: &State, stepped: &Stepped) {
    let after = &stepped.state;
    for event in &stepped.events {
        tell_event(event);
    }
    match (&before.stalled, &after.stalled) {
        (old, Some(stall)) if old.as_ref() != Some(stall) => {
            error!(hint = stall.hint, "stalled: {}", stall.reason);
        }
        (Some(_), None) => info!("no longer stalled"),
        _ => {}
    }
    for path in after.conflicts.keys().filter(|path| !before.conflicts.contains_key(*path)) {
        warn!(%path, "conflict: both sides moved; settle it by a commit, an edit, or `recipesync resolve`");
    }
    for path in after.drift.keys().filter(|path| !before.drift.contains_key(*path)) {
        warn!(%path, "drift: the workspace and the branch differ");
    }
    for path in after.to_prune.keys().filter(|path| !before.to_prune.contains_key(*path)) {
        warn!(%path, "deleted on the branch, still in the workspace: an import cannot delete; delete it there");
    }
    tell_secrets(before, after);
    if before.phase != after.phase {
        debug!(phase = ?after.phase, "next phase");
    }
}

/// Logs what was found in files, each once: never the value.
fn tell_secrets(before: &State, after: &State) {
    for (path, flagged) in &after.secrets {
        if before.secrets.get(path) == Some(flagged) {
            continue;
        }
        for finding in &flagged.findings {
            let (line, kind) = (finding.line, &*finding.kind);
            match (flagged.held, finding.level) {
                (true, Level::Certain) => error!(%path, line, kind, "a secret: the file is not committed"),
                (_, Level::Certain) => warn!(%path, line, kind, "a secret"),
                (_, Level::Likely) => warn!(%path, line, kind, "perhaps a secret"),
                (_, Level::Personal) => info!(%path, line, kind, "personal data"),
            }
        }
    }
    let is_held =
        |state: &State, path: &PackagePath| state.secrets.get(path).is_some_and(|flagged| flagged.held);
    for path in before.secrets.keys().filter(|path| is_held(before, path) && !is_held(after, path)) {
        info!(%path, "no longer held back for a secret");
    }
}

fn tell_event(event: &Event) {
    let package = event.package;
    let commit = event.commit.map(|commit| commit.to_string());
    match (event.kind, event.verdict) {
        (EventKind::Export, _) => {
            info!(package.id = package, commit, "exported: {}", event.summary);
        }
        (EventKind::Import, Some(Verdict::Applied)) => {
            info!(package.id = package, commit, recipes = event.recipes.len(), "imported: {}", event.summary);
        }
        (EventKind::Import, verdict) => {
            let verdict = verdict.map(|verdict| verdict.to_string());
            let reason = event.reason.as_deref().unwrap_or_default();
            error!(package.id = package, commit, verdict, "import not applied: {reason}");
        }
    }
}
