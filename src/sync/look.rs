//! Looking without acting: what `plan` shows. It asks the workspace for an export and reads both sides, and writes
//! nothing but objects that no commit names.

use std::collections::BTreeMap;
use std::time::Duration;

use super::export::{self, Progress};
use super::sides::Sides;
use super::{Failed, Now, Wiring, fail};
use crate::model::oid::{BlobId, CommitId};
use crate::model::path::PackagePath;
use crate::model::plan::{Files, Plan};
use crate::model::state::{Next, Phase, State};

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
    /// The plan for the watched branch.
    pub plan: Plan,
    /// What would go to the export branch, where there are two.
    pub mirror: BTreeMap<PackagePath, Option<BlobId>>,
    /// What the branch that exports go to holds now.
    pub before: Files,
    /// The watched branch's tip.
    pub tip: Option<CommitId>,
    /// The manifest that was made for this look, to be deleted when nothing else uses it.
    pub manifest: Option<u64>,
}

/// Takes one step of a look; `state` is the saved one, with nothing in flight, at the first call.
///
/// # Errors
/// As a step.
pub async fn glance(wiring: &Wiring, state: State, now: Now) -> Result<Glance, Box<Failed>> {
    let established = state.established && state.pairing == wiring.pairing();
    let progress = match state.phase {
        Phase::Exporting { .. } => export::step(wiring, state, now).await?,
        Phase::Idle | Phase::Importing { .. } => export::begin(wiring, state, now).await?,
    };
    let view = match progress {
        Progress::Waits(stepped) => return Ok(Glance::Waits(Box::new(stepped.state), stepped.next)),
        Progress::Seen(view) => *view,
    };
    let (state, records, facts) = (view.state, view.records, view.observed.facts);
    let workspace: Files =
        view.observed.entries.iter().map(|(path, entry)| (path.clone(), entry.blob)).collect();
    match Sides::read(wiring, &state, &records, workspace, facts, Duration::from_secs(1), now).await {
        Ok(sides) => Ok(Glance::Seen(Box::new(Outlook {
            plan: sides.plan(wiring.mode(), established, &records),
            mirror: sides.mirror_changes(),
            tip: sides.watched.revision.commit,
            manifest: state.manifest,
            before: sides.mirror.map_or(sides.watched.files, |mirror| mirror.files),
        }))),
        Err(error) => fail(state, error),
    }
}
