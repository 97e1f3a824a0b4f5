//! Bringing one project to rest, once: what `sync` does, and what the demo waits for.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::watch;
use tracing::error;

use super::advance::advance;
use super::clock;
use crate::blocking;
use crate::model::state::{Next, Phase, Stall, State};
use crate::store::{Saved, StoreError};
use crate::sync::Wiring;

/// How a project came to rest.
#[derive(Debug)]
pub struct Rest {
    /// Its state.
    pub state: Box<State>,
    /// Whether it was tried for as long as was allowed, and what failed did not pass.
    pub gave_up: bool,
    /// Whether it was told to stop before it came to rest.
    pub stopped: bool,
}

/// Looks at a project's workspace and branch and takes steps until there is nothing left to do, telling each phase.
/// Where it is to be a `full` look, the workspace is exported whatever the folder's list says. Failures that pass are
/// tried again for as long as `patience` from the first one on.
///
/// # Errors
/// When the state cannot be read or saved.
pub async fn bring_to_rest(
    wiring: &Wiring,
    full: bool,
    patience: Duration,
    mut stop: watch::Receiver<bool>,
    mut tell: impl FnMut(&Phase),
) -> Result<Rest, StoreError> {
    let (store, project) = (wiring.store.clone(), wiring.project.name.clone());
    let loaded = blocking::run(move || store.state(&project)).await?;
    let mut state = loaded.map(|(state, _)| state).unwrap_or_default();
    if matches!(state.phase, Phase::Importing { package: Some(_), .. }) {
        wiring.workspace.resume_import(&wiring.project.name);
    }
    (state.look, state.full) = (true, state.full || full);
    state.trouble = None;
    loop {
        let advanced = advance(wiring, state, clock::both()).await?;
        state = advanced.state;
        tell(&state.phase);
        if advanced.stopping || *stop.borrow() {
            return Ok(Rest { state, gave_up: false, stopped: true });
        }
        let until = match advanced.next {
            Next::Settled(_) => return Ok(Rest { state, gave_up: false, stopped: false }),
            Next::Now => continue,
            Next::At(time) => time,
        };
        let patience = TimeDelta::from_std(patience).unwrap_or(TimeDelta::MAX);
        let over = |since| until.signed_duration_since(since) > patience;
        if state.trouble.as_ref().is_some_and(|trouble| over(trouble.since)) {
            return give_up(wiring, state).await;
        }
        tokio::select! {
            () = tokio::time::sleep_until(clock::at(until)) => {}
            _ = stop.changed() => return Ok(Rest { state, gave_up: false, stopped: true }),
        }
    }
}

/// Writes down what did not pass in time.
async fn give_up(wiring: &Wiring, mut state: Box<State>) -> Result<Rest, StoreError> {
    if let Some(trouble) = state.trouble.take() {
        let times = trouble.failures;
        error!(hint = trouble.hint, "gave up after {times} tries: {}", trouble.reason);
        let reason = format!("{} (gave up after {times} tries)", trouble.reason);
        state.stalled = Some(Stall { reason, hint: trouble.hint });
    }
    let (store, project) = (wiring.store.clone(), wiring.project.name.clone());
    blocking::run(move || {
        let saved =
            Saved { state: &state, records: None, known: None, events: &[], settled: None, next: state.due };
        store.save(&project, &saved)?;
        Ok(Rest { state, gave_up: true, stopped: false })
    })
    .await
}
