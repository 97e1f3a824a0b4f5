//! With nothing in flight: take up what a person settled, look at the branch, and decide whether the workspace is
//! to be looked at now.

use tokio::sync::SemaphorePermit;

use super::error::StepError;
use super::export::{self, Progress};
use super::workspace::Leave;
use super::{Failed, Now, STALLED_LOOK, Stepped, Wiring, fail};
use crate::blocking;
use crate::model::oid::CommitId;
use crate::model::plan::Decision;
use crate::model::state::{Next, Records, Revision, State};
use crate::store::Settlement;

pub(super) async fn step(wiring: &Wiring, mut state: Box<State>, now: Now) -> Result<Progress, Box<Failed>> {
    match take_up_settlements(wiring, &state).await {
        Ok(Some(stepped)) => return Ok(Progress::waits(stepped)),
        Ok(None) => {}
        Err(error) => return fail(state, error),
    }
    let clock = now;
    let now = clock.time;
    // A time too far ahead is from a clock that was set back since.
    let latest = wiring.due_after(now).max(now + STALLED_LOOK);
    let due = state.due.is_none_or(|due| due <= now || due > latest);
    let looks = state.look || state.full || state.seen.is_none() || state.attempt.is_some() || due;
    // Where the workspace is looked at whatever the branch holds, both are asked at a time.
    let ahead = if looks { ahead(wiring, &state) } else { None };
    let said = async {
        let (room, leave) = ahead?;
        Some((Box::pin(export::list(wiring, &state, leave, clock)).await, room))
    };
    let (tip, said) = tokio::join!(tip(wiring, &state, clock), said);
    let tip = match tip {
        Ok(tip) => tip,
        Err(error) => return fail(state, error),
    };
    let moved = wiring.project.import.is_some()
        && state.branch.as_ref().is_some_and(|branch| branch.tree != tip.tree);
    if looks || moved {
        if moved {
            state.waiting = state.waiting.max(1);
        }
        // The look is for this tip, even if it fails; what is to be done is found out from the files.
        state.branch = Some(tip);
        state.look = true;
        return match said {
            Some((said, room)) => {
                drop(room);
                Box::pin(export::go_on(wiring, state, said, clock)).await
            }
            None => export::begin(wiring, state, clock).await,
        };
    }
    // A tip stands for the tree beside it: where that has changed, the look that is due finds it.
    if let Some(branch) = state.branch.as_mut().filter(|branch| branch.tree == tip.tree) {
        branch.commit = tip.commit;
    }
    let next = state.due.unwrap_or(now).min(now + wiring.poll);
    Ok(Progress::waits(Stepped::new(state, Next::Settled(next))))
}

/// Returns leave to ask the workspace before it is known where the branch is. Nobody has it where there is a queue, since
/// with a branch that has moved the place in it is another; nor after a failure or while the project is stalled, since
/// where that is for the upstream the workspace would be asked for nothing at each try.
fn ahead<'a>(wiring: &'a Wiring, state: &State) -> Option<(SemaphorePermit<'a>, Leave<'a>)> {
    if state.trouble.is_some() || state.stalled.is_some() || !wiring.workspace.client().is_idle() {
        return None;
    }
    Some((wiring.room.ahead()?, wiring.workspace.leave_at_once(export::turn(wiring, state))?))
}

/// Returns the watched branch as it is now; its tree is looked up only where its tip has moved.
async fn tip(wiring: &Wiring, state: &State, now: Now) -> Result<Revision, StepError> {
    let refs = wiring.repository.refresh(wiring.poll_age(), now.instant).await?;
    let name = wiring.branch().to_string();
    let commit: Option<CommitId> = refs.tips.get(name.as_str()).copied();
    let tree = match (&state.branch, commit) {
        (Some(known), _) if known.commit == commit && known.name == name => known.tree,
        (_, Some(commit)) => wiring.repository.path_tree(commit, &wiring.project.path).await?,
        (_, None) => None,
    };
    Ok(Revision { name, commit, tree })
}

/// Moves what `resolve` left into the records, for the look that follows.
pub(super) async fn take_up_settlements(
    wiring: &Wiring,
    state: &State,
) -> Result<Option<Stepped>, StepError> {
    let store = wiring.store.clone();
    let project = wiring.project.name.clone();
    let loaded = blocking::run(move || -> Result<_, StepError> {
        let waiting = store.settlements(&project)?;
        let records = if waiting.is_empty() { Records::default() } else { store.records(&project)? };
        Ok((waiting, records))
    });
    let (waiting, mut records) = loaded.await?;
    let Some((last, _)) = waiting.last() else { return Ok(None) };
    let mut state = Box::new(state.clone());
    for (_, settlement) in &waiting {
        apply(settlement, &mut state, &mut records);
    }
    state.look = true;
    state.stalled = None;
    (state.rest, state.basis) = (None, None);
    let stepped = Stepped::new(state, Next::Now);
    Ok(Some(Stepped { records: Some(records), settled: Some(*last), ..stepped }))
}

fn apply(settlement: &Settlement, state: &mut State, records: &mut Records) {
    for (path, shown) in &settlement.paths {
        let record = records.paths.entry(path.clone()).or_default();
        record.decision = Some(Decision { take: settlement.take, shown: *shown });
        record.tries = 0;
    }
    // What was not named goes on waiting.
    for refusal in &mut state.refusals {
        refusal.paths.retain(|path, _| !settlement.paths.iter().any(|(settled, _)| settled == path));
    }
    state.refusals.retain(|refusal| !refusal.paths.is_empty());
}
