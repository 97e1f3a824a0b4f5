//! Fetching from the workspace: ask for an export, wait for it, read it, and hand it to the plan.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::debug;

use super::error::{Disposition, StepError};
use super::observe::{self, Observed};
use super::workspace::Leave;
use super::{CURRENT, Failed, Now, Stepped, Wiring, fail, light, rest};
use crate::blocking;
use crate::model::basis::Basis;
use crate::model::project::Source;
use crate::model::state::{Begun, Next, Phase, Records, State};
use crate::workato::{Class, FolderAsset, JobStatus, Turn, WorkatoError, poll_delay};

/// How far fetching has come.
#[derive(Debug)]
pub(super) enum Progress {
    /// There is something to wait for, or to save.
    Waits(Box<Stepped>),
    /// The workspace was seen.
    Seen(Box<View>),
}

impl Progress {
    /// Wraps what is to be waited for or saved.
    pub(super) fn waits(stepped: Stepped) -> Self {
        Self::Waits(Box::new(stepped))
    }
}

/// The workspace as it was seen, with the saved state and records that it is compared with.
#[derive(Debug)]
pub(super) struct View {
    /// The saved state.
    pub(super) state: Box<State>,
    /// The saved records.
    pub(super) known: Records,
    /// What the workspace holds.
    pub(super) observed: Observed,
    /// The package; `None` where the folder was empty and nothing was exported.
    pub(super) package: Option<u64>,
    /// When the export was asked for: edits since then may not be in it.
    pub(super) asked: DateTime<Utc>,
    /// Whether it is recent enough for an import to be based on it.
    pub(super) is_fresh: bool,
}

type Fetched = Result<Progress, Box<Failed>>;

/// How old a look may be for an import to be based on it.
pub(super) const LOOK_AGE: TimeDelta = TimeDelta::minutes(2);

/// How long an export job may run before another one is asked for: several times the longest seen.
const JOB_DEADLINE: TimeDelta = TimeDelta::minutes(30);

/// Returns how long to wait before a job is asked about for the n-th time.
pub(super) fn wait(polls: u32) -> TimeDelta {
    TimeDelta::from_std(poll_delay(polls)).expect("it is seconds")
}

/// Returns the project's place in the queue for requests: what an import waits for goes first.
pub(super) fn turn<'a>(wiring: &'a Wiring, state: &State) -> Turn<'a> {
    let import = wiring.project.import.is_some() && (state.attempt.is_some() || state.waiting > 0);
    let class = if import { Class::Import } else { Class::Export };
    Turn { project: wiring.project.name.as_str(), class }
}

/// What a workspace says before it is asked for anything that is dear.
#[derive(Debug)]
pub(super) struct Said<'a> {
    /// When it was asked: edits since then may not be in what it said.
    asked: DateTime<Utc>,
    workspace: Option<u64>,
    /// What the folder holds; nothing where a manifest says what is exported.
    assets: Vec<FolderAsset>,
    /// With a manifest, the leave to look: the export is yet to be asked for.
    leave: Leave<'a>,
}

/// Asks a workspace whose it is, and what the project's folder holds. For a folder the leave is held no longer than that
/// takes: the upstream may be slow, and is none of the workspace's other projects' business.
pub(super) async fn list<'a>(
    wiring: &Wiring,
    state: &State,
    leave: Leave<'a>,
    clock: Now,
) -> Result<Said<'a>, StepError> {
    let (turn, asked) = (turn(wiring, state), clock.later());
    let workspace = wiring.workspace.check_identity(turn, state.workspace_id, clock.time).await?;
    let (assets, leave) = match wiring.project.source {
        Source::Manifest(_) => (Vec::new(), leave),
        Source::Folder(folder) => {
            let assets = wiring.workspace.client().folder_assets(turn, folder).await?;
            drop(leave);
            (assets, None)
        }
    };
    Ok(Said { asked, workspace, assets, leave })
}

/// Looks at the folder's list and, where that is not enough, asks for an export.
pub(super) async fn begin(wiring: &Wiring, state: Box<State>, clock: Now) -> Fetched {
    let leave = wiring.workspace.leave_to_look(turn(wiring, &state)).await;
    // Made only now, so that thousands may wait for it.
    let said = Box::pin(list(wiring, &state, leave, clock)).await;
    Box::pin(go_on(wiring, state, said, clock)).await
}

/// Goes on from what the workspace has said.
pub(super) async fn go_on(
    wiring: &Wiring,
    mut state: Box<State>,
    said: Result<Said<'_>, StepError>,
    clock: Now,
) -> Fetched {
    let (now, client) = (clock.time, wiring.workspace.client());
    let turn = turn(wiring, &state);
    // Whatever this comes to, only its end says again what later looks can rest on; a stop is as if it had not begun.
    let basis = state.basis.take().filter(|_| !state.full);
    let mut listed = None;
    let Said { asked, workspace, assets, leave: _leave } = match said {
        Ok(said) => said,
        Err(error) => return nothing_asked(state, basis, error),
    };
    state.workspace_id = workspace.or(state.workspace_id);
    wiring.workspace.note_listing(&wiring.project.name, None);
    let manifest = match wiring.project.source {
        Source::Manifest(id) => id,
        Source::Folder(_) if assets.is_empty() => return empty_folder(wiring, state, asked, clock).await,
        Source::Folder(folder) => {
            let signature = listed.insert(light::signature(wiring, &state, &assets));
            match light::end(wiring, &state, basis.as_ref(), signature, clock).await {
                Ok(Some(stepped)) => return Ok(Progress::waits(stepped)),
                Ok(None) => {}
                Err(error) => return nothing_asked(state, basis, error),
            }
            if wiring.project.import.is_some() {
                wiring.workspace.note_listing(&wiring.project.name, Some(light::listing(&assets)));
            }
            drop(assets);
            match keep_manifest(wiring, &mut state, turn, folder).await {
                Ok(Some(id)) => id,
                Ok(None) => {
                    state.look = true;
                    return Ok(Progress::waits(Stepped::new(state, Next::Now)));
                }
                Err(error) => return fail(state, error),
            }
        }
    };
    match client.start_export(turn, manifest).await {
        Ok(package) if package.status == JobStatus::Failed => {
            let reason = package.error.unwrap_or_else(|| "no reason was given".to_owned());
            fail(state, StepError::ExportFailed { source_name: wiring.project.source.to_string(), reason })
        }
        Ok(package) => {
            let done = package.status == JobStatus::Completed;
            let (package, running, run) = (package.id, clock.later(), wiring.run);
            state.begun = state.begun.or(Some(Begun { package, at: now }));
            state.phase = Phase::Exporting { package, since: now, polls: 0, done, running, run, listed };
            (state.look, state.full) = (true, false);
            let next = if done { Next::Now } else { Next::At(now + wait(0)) };
            Ok(Progress::waits(Stepped::new(state, next)))
        }
        Err(error) => {
            if error.is_not_found() && matches!(wiring.project.source, Source::Folder(_)) {
                state.manifest = None;
            }
            fail(state, error)
        }
    }
}

/// Ends a look that has asked for no export. Where everything is to stop, later ones can rest on what this one could.
fn nothing_asked(mut state: Box<State>, basis: Option<Basis>, error: StepError) -> Fetched {
    if error.is_stopping() {
        state.basis = basis;
    }
    fail(state, error)
}

fn export_failed(wiring: &Wiring, said: Option<String>) -> StepError {
    let reason = said.unwrap_or_else(|| "no reason was given".to_owned());
    StepError::ExportFailed { source_name: wiring.project.source.to_string(), reason }
}

/// Refreshes the manifest that the daemon keeps for a folder. Answers `None` where it was made just now, so that
/// its id is saved before it is used.
async fn keep_manifest(
    wiring: &Wiring,
    state: &mut State,
    turn: Turn<'_>,
    folder: u64,
) -> Result<Option<u64>, WorkatoError> {
    let client = wiring.workspace.client();
    let tags = wiring.project.import.as_ref().is_some_and(|import| import.include_tags);
    if let Some(id) = state.manifest {
        match client.refresh_manifest(turn, id, folder, tags).await {
            Ok(_) => return Ok(Some(id)),
            Err(error) if error.is_not_found() => state.manifest = None,
            Err(error) => return Err(error),
        }
    }
    let name = format!("recipesync {}", wiring.project.name);
    state.manifest = Some(client.create_manifest(turn, &name, folder, tags).await?.id);
    Ok(None)
}

/// An empty folder is not exported: the workspace holds nothing.
async fn empty_folder(wiring: &Wiring, mut state: Box<State>, asked: DateTime<Utc>, clock: Now) -> Fetched {
    let before = state.seen.as_ref().map_or(0, |seen| seen.files);
    if before > 0 {
        let source_name = wiring.project.source.to_string();
        return fail(state, StepError::EmptyFolder { source_name, before });
    }
    state.full = false;
    match load(wiring).await {
        Ok(known) => {
            let observed = Observed::nothing(state.rest.as_deref(), &known);
            // The upstream may have taken its time since.
            let is_fresh = (clock.later() - asked).abs() <= LOOK_AGE;
            let view = View { state, known, observed, package: None, asked, is_fresh };
            Ok(Progress::Seen(Box::new(view)))
        }
        Err(error) => fail(state, error),
    }
}

/// Polls the export that was asked for; when it is complete, reads it.
pub(super) async fn step(wiring: &Wiring, mut state: Box<State>, clock: Now) -> Fetched {
    let now = clock.time;
    let Phase::Exporting { package, since, polls, done, running, run, .. } = state.phase else {
        unreachable!("only called while exporting");
    };
    let turn = turn(wiring, &state);
    if !done {
        let error = match wiring.workspace.client().package(turn, package).await {
            Ok(answer) => match answer.status {
                JobStatus::Completed => None,
                JobStatus::Failed => Some(export_failed(wiring, answer.error)),
                JobStatus::Running if (now - since).abs() > JOB_DEADLINE => {
                    let after = (now - since).abs().to_std().unwrap_or(Duration::ZERO);
                    Some(StepError::JobStuck { package, after })
                }
                JobStatus::Running => {
                    if let Phase::Exporting { polls, running, .. } = &mut state.phase {
                        (*polls, *running) = (*polls + 1, now);
                    }
                    return Ok(Progress::waits(Stepped::new(state, Next::At(now + wait(polls + 1)))));
                }
            },
            Err(error) if error.is_not_found() => Some(StepError::JobGone { package }),
            Err(error) => return fail(state, error),
        };
        if let Some(error) = error {
            state.phase = Phase::Idle;
            return fail(state, error);
        }
    }
    let is_fresh = run == wiring.run && (now - running).abs() <= LOOK_AGE;
    collect(wiring, state, package, since, is_fresh, clock).await
}

/// Downloads and reads a complete export.
async fn collect(
    wiring: &Wiring,
    state: Box<State>,
    package: u64,
    asked: DateTime<Utc>,
    is_fresh: bool,
    clock: Now,
) -> Fetched {
    let client = wiring.workspace.client();
    let turn = turn(wiring, &state);
    // The plan wants to know where the branches are, and nearly every package is compared with what was there before; a
    // download takes as long as it takes to find that out.
    let ahead = async {
        let room = wiring.room.ahead()?;
        Some((load(wiring).await, room))
    };
    let (download, refs, ahead) = tokio::join!(
        client.download(turn, package, &wiring.room.large),
        wiring.repository.refresh(CURRENT, clock.instant),
        ahead,
    );
    let download = match download {
        Ok(download) => download,
        Err(error) => return not_downloaded(state, package, error),
    };
    debug!(package.id = package, bytes = download.zip.len(), "downloaded");
    let room = wiring.room.to_read(download.room.is_some()).await;
    let records = async {
        match ahead {
            Some((records, _room)) => records,
            None => load(wiring).await,
        }
    };
    let (sealed, records) = tokio::join!(observe::seal(wiring, package, download), records);
    let sealed = match sealed {
        Ok(sealed) => sealed,
        Err(error) => return not_read(state, error),
    };
    if let Err(error) = refs {
        return put_off(state, error.into());
    }
    if is_fresh {
        match rest::end(wiring, &state, sealed.print(), package, asked, clock).await {
            Ok(Some(stepped)) => return Ok(Progress::waits(stepped)),
            Ok(None) => {}
            Err(error) => return put_off(state, error),
        }
    }
    let read = match records {
        Ok(records) => observe::read_package(wiring, package, sealed, records, state.rest.clone()).await,
        Err(error) => Err(error),
    };
    drop(room);
    match read {
        Ok((_, observed)) if observed.records.entries.is_empty() => {
            not_read(state, StepError::EmptyExport { source_name: wiring.project.source.to_string() })
        }
        Ok((known, observed)) => {
            let view = View { state, known, observed, package: Some(package), asked, is_fresh };
            Ok(Progress::Seen(Box::new(view)))
        }
        Err(error) => not_read(state, error),
    }
}

/// Ends a step that did not take the package in: it is read again where the failure is the cache's and passes, else there
/// has to be another one.
fn not_read(mut state: Box<State>, error: StepError) -> Fetched {
    if !matches!(&error, StepError::Git(error) if error.is_passing()) {
        state.phase = Phase::Idle;
    }
    fail(state, error)
}

/// Ends a step that did not get the package: a link that expired is signed anew by the next try; content that is gone
/// needs a new export.
fn not_downloaded(mut state: Box<State>, package: u64, error: WorkatoError) -> Fetched {
    if error.is_not_found() {
        state.phase = Phase::Idle;
        return fail(state, StepError::JobGone { package });
    }
    if !error.is_passing() {
        state.phase = Phase::Idle;
    }
    fail(state, error)
}

/// Ends the step with the state as it was, so that nothing that was concluded is lost or told twice. Where the
/// failure passes, the same package is read again.
pub(super) fn put_off<T>(mut state: Box<State>, error: StepError) -> Result<T, Box<Failed>> {
    state.phase = match state.phase {
        Phase::Exporting { package, since, polls, running, run, listed, .. }
            if error.disposition() == Disposition::Retry =>
        {
            Phase::Exporting { package, since, polls, done: true, running, run, listed }
        }
        _ => Phase::Idle,
    };
    fail(state, error)
}

/// Returns the saved records.
pub(super) async fn load(wiring: &Wiring) -> Result<Records, StepError> {
    let store = wiring.store.clone();
    let project = wiring.project.name.clone();
    Ok(blocking::run(move || store.records(&project)).await?)
}
