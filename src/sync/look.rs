//! Looking without acting: what `plan` shows. It asks the workspace for an export and reads both sides, and writes
//! nothing but objects that no commit names.

use std::collections::BTreeMap;

use super::briefs::briefs;
use super::carry::{drop_stale_refusals, guard, is_refused};
use super::export::{self, Progress, View};
use super::screen::screen;
use super::sides::Sides;
use super::{CURRENT, Failed, Now, StepError, Wiring, fail, idle};
use crate::git::GitError;
use crate::model::edits::Changes;
use crate::model::oid::{BlobId, CommitId};
use crate::model::path::PackagePath;
use crate::model::plan::{Files, Plan};
use crate::model::state::{Flagged, Next, Phase, Records, State};
use crate::store::Saved;

/// How far a look has come.
#[derive(Debug)]
pub enum Glance {
    /// The export is not complete yet.
    Waits(Box<State>, Next),
    /// Both sides were seen.
    Seen(Box<Outlook>),
}

/// What a `sync` would do now.
#[derive(Debug)]
pub struct Outlook {
    /// What would be changed in the files that travel, a line each; nothing where many do. Safe to print.
    pub told: BTreeMap<PackagePath, Vec<String>>,
    /// The plan for the watched branch.
    pub plan: Plan,
    /// What would go to the export branch, where there are two.
    pub mirror: BTreeMap<PackagePath, Option<BlobId>>,
    /// Why nothing of it would be done, where a guard holds it back.
    pub held: Option<StepError>,
    /// What the files hold that must perhaps not get into git.
    pub secrets: BTreeMap<PackagePath, Flagged>,
    /// What was imported before, failed, and waits for a person, a new commit or a changed workspace.
    pub refused: Files,
    /// What the branch that exports go to holds now.
    pub before: Files,
    /// The watched branch's tip.
    pub tip: Option<CommitId>,
    /// The manifest that was made for this look, to be deleted when nothing else uses it.
    pub manifest: Option<u64>,
}

/// Readies a project's saved state for a look: what `resolve` left is taken up, and what was about another pairing
/// is set aside. It writes to the saved states, which are a copy.
///
/// # Errors
/// When the copy cannot be read or written.
pub async fn prepare(wiring: &Wiring) -> Result<Box<State>, StepError> {
    let saved = wiring.store.state(&wiring.project.name)?.map(|(state, _)| state).unwrap_or_default();
    let pairing = wiring.pairing();
    let (mut state, records) = if saved.pairing == pairing {
        match idle::take_up_settlements(wiring, &saved).await? {
            Some(stepped) => (stepped.state, stepped.records),
            None => (saved, None),
        }
    } else {
        (Box::new(State { pairing, ..State::default() }), Some(Records::default()))
    };
    state.phase = Phase::Idle;
    // What is shown is planned from a fresh export, whatever the last look came to.
    (state.rest, state.basis) = (None, None);
    if let Some(records) = records {
        let saved = Saved {
            state: &state,
            records: Some(&records),
            known: None,
            events: &[],
            settled: None,
            next: None,
        };
        wiring.store.save(&wiring.project.name, &saved)?;
    }
    Ok(state)
}

/// Takes one step of a look; `state` is the prepared one at the first call.
///
/// # Errors
/// As a step.
pub async fn glance(wiring: &Wiring, state: Box<State>, now: Now) -> Result<Glance, Box<Failed>> {
    let progress = match state.phase {
        Phase::Exporting { .. } => export::step(wiring, state, now).await?,
        Phase::Idle | Phase::Importing { .. } => export::begin(wiring, state, now).await?,
    };
    let view = match progress {
        Progress::Waits(stepped) => return Ok(Glance::Waits(stepped.state, stepped.next)),
        Progress::Seen(view) => *view,
    };
    let View { mut state, observed, .. } = view;
    let mut records = observed.records;
    let read = Sides::read(wiring, &state, &mut records, &observed.sight, CURRENT, now).await;
    let sides = match read {
        Ok(sides) => sides,
        Err(error) => return fail(state, error),
    };
    drop_stale_refusals(&mut state, &mut records, &sides, &observed.print);
    let mut plan = sides.plan(wiring.mode(), state.established, &records);
    let changes = match screen(wiring, &mut state, &sides, &observed.searched, &mut plan).await {
        Ok(changes) => changes,
        Err(error) => return fail(state, error),
    };
    let held = guard(wiring, &mut state, &records, &sides, &changes);
    let refused = plan.to_workspace.extract_if(.., |path, blob| is_refused(&state, path, *blob)).collect();
    let told = match tell(wiring, &sides, &plan, &changes).await {
        Ok(told) => told,
        Err(error) => return fail(state, error),
    };
    Ok(Glance::Seen(Box::new(Outlook {
        told,
        plan,
        mirror: if sides.mirror.is_some() { changes } else { BTreeMap::new() },
        secrets: state.secrets,
        held,
        refused,
        tip: sides.watched.revision.commit,
        manifest: state.manifest,
        before: sides.mirror.map_or(sides.watched.files, |mirror| mirror.files),
    })))
}

async fn tell(
    wiring: &Wiring,
    sides: &Sides,
    plan: &Plan,
    changes: &Changes,
) -> Result<BTreeMap<PackagePath, Vec<String>>, GitError> {
    let branch = sides.mirror.as_ref().unwrap_or(&sides.watched);
    let mut told = briefs(wiring, &branch.files, changes).await?;
    let imports = plan.to_workspace.iter().map(|(path, blob)| (path.clone(), Some(*blob))).collect();
    told.extend(briefs(wiring, &sides.workspace, &imports).await?);
    Ok(told)
}
