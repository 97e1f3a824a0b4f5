//! From a look at the workspace to what follows: judge the import that was under way, plan, bring to git what goes
//! to git, and prepare the import of what goes to the workspace.
//!
//! Its one outward effect is the push. What is to be imported is only recorded here; the next step sends it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::briefs::of_import;
use super::error::StepError;
use super::export::{View, put_off};
use super::observe::Observed;
use super::offer::{dispute, offer};
use super::record::{Tries, push};
use super::sides::Sides;
use super::{CURRENT, Now, StepResult, Stepped, Wiring, light, rest, screen};
use crate::git::GitError;
use crate::model::basis::Basis;
use crate::model::edits::Changes;
use crate::model::history::{Event, EventKind};
use crate::model::oid::{BlobId, CommitId};
use crate::model::path::PackagePath;
use crate::model::plan::{Base, Decision, Pair, Plan, Take};
use crate::model::project::Mode;
use crate::model::state::{
    Attempt, LastExport, LastImport, Next, Outcome, Phase, Record, Records, Refusal, Revision, Seen, State,
};
use crate::model::verdict::{MAX_TRIES, Then, judge};

/// How often a push that lost the race is planned anew within one look.
const RACES: u32 = 3;

/// The export that showed the workspace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Export {
    pub(super) package: Option<u64>,
    pub(super) asked: DateTime<Utc>,
    pub(super) is_fresh: bool,
}

/// Goes on from a look at the workspace.
pub(super) async fn on(wiring: &Wiring, view: View, clock: Now) -> StepResult {
    let View { state, known, observed, package, asked, is_fresh } = view;
    let mut stepped = decide(wiring, state, observed, Export { package, asked, is_fresh }, clock).await?;
    // Where nothing has changed, writing all records again would be most of the work.
    stepped.records = stepped.records.filter(|records| *records != known);
    let is_unmoved = stepped.records.as_ref().is_none_or(|records| records.paths == known.paths);
    stepped.known = stepped.records.is_some().then_some(known);
    let state = &mut stepped.state;
    if state.full && state.phase == Phase::Idle {
        // A person asked for a full export after this one was asked for.
        (state.look, stepped.next) = (true, Next::Now);
    }
    state.rest = state.rest.take().filter(|_| rest::is_at_rest(state));
    state.basis = state.basis.take().filter(|_| light::can_rest(wiring.mode(), state, is_unmoved));
    Ok(stepped)
}

async fn decide(
    wiring: &Wiring,
    mut state: Box<State>,
    observed: Observed,
    export: Export,
    clock: Now,
) -> StepResult {
    let now = clock.time;
    let Observed { mut records, sight, searched, package, print } = observed;
    let before = state.clone();
    let listed = std::mem::take(&mut state.phase).listed();
    state.rest = None;
    let mut events = Vec::new();
    let mut settled = false;
    let (mut age, mut tries) = (CURRENT, Tries::default());
    for _ in 0..RACES {
        let sides = match Sides::read(wiring, &state, &mut records, &sight, age, clock).await {
            Ok(sides) => sides,
            Err(error) => return put_off(before, error),
        };
        if let Some(attempt) = state.attempt.take() {
            let judged =
                settle_attempt(wiring, &mut state, &mut records, &sides, &attempt, &print, now).await;
            events.push(judged);
            settled = true;
        }
        drop_stale_refusals(&mut state, &mut records, &sides, &print);
        let mut plan = sides.plan(wiring.mode(), state.established, &records);
        let changes = match screen::screen(wiring, &mut state, &sides, &searched, &mut plan).await {
            Ok(changes) => changes,
            Err(error) => return put_off(before, error),
        };
        if let Some(error) = guard(wiring, &mut state, &records, &sides, &changes) {
            let records = settled.then_some(records);
            return Ok(Stepped { records, events, ..hold_back(wiring, state, &error, now) });
        }
        let branch = sides.mirror.as_ref().unwrap_or(&sides.watched);
        let pushed = match push(wiring, &mut tries, branch, &plan, &changes, &state, export, now).await {
            Ok(pushed) => pushed,
            Err(StepError::Git(GitError::Raced { .. })) => {
                age = Duration::ZERO;
                continue;
            }
            Err(error) => return put_off(before, error),
        };
        let commit = pushed.as_ref().and_then(|pushed| pushed.events.last()?.commit);
        events.extend(pushed.iter().flat_map(|pushed| pushed.events.clone()));
        learn(&mut records, &plan, &changes, commit, wiring.mode());
        dispute(&mut records, &plan, sides.watched.revision.commit);
        offer(wiring, &mut state, &sides, &plan.conflicts, clock).await;
        state.seen = Some(Seen { at: export.asked, files: records.entries.len(), print });
        state.last_export = Some(LastExport { at: now, package: export.package, commit });
        let pushed = pushed.map(|pushed| pushed.revision);
        let branches = rest::Tips::after(&sides, pushed.as_ref()).name(wiring.mode());
        state.rest = rest::after(&records, &sides, &changes, pushed.is_some(), &package, &branches);
        state.basis = listed.map(|listing| Basis { listing, branches, at: export.asked });
        let tip = pushed.filter(|_| sides.mirror.is_none()).unwrap_or(sides.watched.revision.clone());
        return Ok(finish(wiring, state, records, events, &sides, plan, tip, export, clock).await);
    }
    let branch = wiring.branch().to_string();
    put_off(before, StepError::Outrun { branch, times: RACES })
}

/// Gives the verdict on an import, now that the workspace was looked at again.
async fn settle_attempt(
    wiring: &Wiring,
    state: &mut State,
    records: &mut Records,
    sides: &Sides,
    attempt: &Attempt,
    print: &str,
    now: DateTime<Utc>,
) -> Event {
    let lost = Outcome::Lost { reason: "the import's outcome is unknown".to_owned() };
    let outcome = attempt.outcome.as_ref().unwrap_or(&lost);
    let missing = sides.missing(&attempt.paths);
    let tries = attempt.paths.keys().filter_map(|path| records.paths.get(path)).map(|record| record.tries);
    let judgement = judge(outcome, &missing, tries.max().unwrap_or(MAX_TRIES));
    if !matches!(outcome, Outcome::Lost { .. }) {
        // The import is over: what the workspace does not show now was not sent, and the same content there later
        // is somebody's edit.
        for path in missing {
            if let Some(record) = records.paths.get_mut(path) {
                (record.sent, record.tries) = (None, 0);
            }
        }
    }
    // Our own import is no change of the workspace that another failed import would wait for.
    let before = state.seen.as_ref().map(|seen| seen.print.clone());
    for refusal in &mut state.refusals {
        if Some(&refusal.print) == before.as_ref() {
            print.clone_into(&mut refusal.print);
        }
    }
    if judgement.then == Then::Wait {
        state.refusals.push(Refusal {
            commit: attempt.commit,
            paths: attempt.paths.clone(),
            print: print.to_owned(),
            reason: judgement.reason.clone().unwrap_or_default(),
        });
    }
    state.last_import = Some(LastImport {
        at: now,
        package: attempt.package,
        commit: attempt.commit,
        verdict: judgement.verdict,
        reason: judgement.reason.clone(),
        recipes: judgement.recipes.clone(),
    });
    let info = wiring.repository.commit_info(attempt.commit).await.ok();
    Event {
        at: now,
        kind: EventKind::Import,
        package: attempt.package,
        commit: Some(attempt.commit),
        verdict: Some(judgement.verdict),
        summary: info.as_ref().map(|info| info.subject.clone()).unwrap_or_default(),
        changes: attempt.changes.clone(),
        by: info.map(|info| info.author).unwrap_or_default(),
        reason: judgement.reason,
        recipes: judgement.recipes,
    }
}

/// A failed import no longer waits once its paths hold something else, or the workspace does.
pub(super) fn drop_stale_refusals(state: &mut State, records: &mut Records, sides: &Sides, print: &str) {
    state.refusals.retain(|refusal| {
        let stands = refusal.print == print
            && refusal.paths.iter().all(|(path, blob)| sides.watched.files.get(path) == Some(blob));
        if !stands {
            for path in refusal.paths.keys() {
                if let Some(record) = records.paths.get_mut(path) {
                    record.tries = 0;
                }
            }
        }
        stands
    });
}

/// Returns whether an import of this file has failed and waits.
pub(super) fn is_refused(state: &State, path: &PackagePath, blob: BlobId) -> bool {
    state.refusals.iter().any(|refusal| refusal.paths.get(path) == Some(&blob))
}

/// Holds back an export that would delete more than is allowed, unless a person has agreed to each of the files.
pub(super) fn guard(
    wiring: &Wiring,
    state: &mut State,
    records: &Records,
    sides: &Sides,
    changes: &Changes,
) -> Option<StepError> {
    let agreed = |path: &PackagePath| {
        let decision = records.paths.get(path).and_then(|record| record.decision);
        decision
            .is_some_and(|decision| decision.take == Take::Workspace && decision.shown == sides.pair(path))
    };
    let held: BTreeMap<PackagePath, Pair> = changes
        .iter()
        .filter(|(path, blob)| blob.is_none() && !agreed(path))
        .map(|(path, _)| (path.clone(), sides.pair(path)))
        .collect();
    let branch = sides.mirror.as_ref().unwrap_or(&sides.watched);
    let before = branch.files.len();
    let limit = wiring.project.max_delete;
    // A branch that is yet to be made loses nothing.
    if limit.allows(held.len(), before) || branch.revision.commit.is_none() {
        state.guarded.clear();
        return None;
    }
    let deleted = held.len();
    state.guarded = held;
    Some(StepError::MassDeletion { deleted, before, limit: limit.to_string() })
}

/// Ends a look of which nothing is carried out.
fn hold_back(wiring: &Wiring, mut state: Box<State>, error: &StepError, now: DateTime<Utc>) -> Stepped {
    let due = wiring.due_after(now);
    (state.stalled, state.look, state.due) = (Some(error.stall()), false, Some(due));
    Stepped::new(state, Next::Settled(due.min(now + wiring.poll)))
}

/// Moves the agreement: for paths compared and found the same, and for what was pushed from what was observed.
fn learn(records: &mut Records, plan: &Plan, changes: &Changes, commit: Option<CommitId>, mode: Mode) {
    for (path, base) in &plan.learnt {
        let Some(base) = base else {
            records.paths.remove(path);
            continue;
        };
        let record = records.paths.entry(path.clone()).or_default();
        if *base != Base::Unknown {
            if mode != Mode::TwoBranches && record.sent.is_some() {
                // The workspace holds what a person committed: no commit of ours records it.
                record.recorded = None;
            }
            record.sent = None;
            record.tries = 0;
        }
        record.base = Some(*base);
    }
    for (path, blob) in changes {
        if mode == Mode::TwoBranches {
            records.paths.entry(path.clone()).or_default().recorded = commit;
        } else if blob.is_none() {
            records.paths.remove(path);
        } else {
            let base = Some(Base::Agreed(Pair { workspace: *blob, branch: *blob }));
            let record = Record { base, recorded: commit, ..Record::default() };
            records.paths.insert(path.clone(), record);
        }
    }
    let open = |path: &PackagePath| {
        plan.to_workspace.contains_key(path)
            || plan.conflicts.contains_key(path)
            || plan.to_prune.contains_key(path)
            || plan.held.contains_key(path)
            || plan.kept.contains(path)
    };
    // A decision that did not settle its conflict was about other contents, and is void when they come back.
    let void = |path: &PackagePath, decision: Decision| {
        !open(path) || plan.conflicts.get(path).is_some_and(|now| *now != decision.shown)
    };
    for (path, record) in &mut records.paths {
        record.decision = record.decision.filter(|decision| !void(path, *decision));
    }
    records.paths.retain(|_, record| *record != Record::default());
}

/// Writes down what waits, and prepares the import of what goes to the workspace.
#[expect(clippy::too_many_arguments, reason = "the parts of one look, each used once")]
async fn finish(
    wiring: &Wiring,
    mut state: Box<State>,
    mut records: Records,
    events: Vec<Event>,
    sides: &Sides,
    plan: Plan,
    tip: Revision,
    export: Export,
    clock: Now,
) -> Stepped {
    let now = clock.later();
    let mut paths = plan.to_workspace;
    paths.retain(|path, blob| !is_refused(&state, path, *blob));
    state.conflicts = plan.conflicts;
    state.to_prune = plan.to_prune;
    state.drift = plan.drift;
    state.established = true;
    state.look = false;
    state.stalled = None;
    state.waiting = 0;
    state.due = Some(wiring.due_after(state.seen.as_ref().map_or(now, |seen| seen.at)));
    if let (Some(odd), true) = (sides.watched.odd.first(), wiring.project.import.is_some()) {
        state.stalled = Some(sides.watched.refuse(odd).stall());
    }
    if let (None, false) = (tip.commit, paths.is_empty()) {
        // The files are those of the branch that a new one would start from: not what is to be imported.
        state.stalled = Some(StepError::BranchMissing { branch: tip.name.clone() }.stall());
    }
    let mut next = Next::Settled(state.due.unwrap_or(now).min(now + wiring.poll));
    if !export.is_fresh {
        // Somebody may have edited since: look again before anything is imported or called in step.
        state.waiting = paths.len().max(1);
        state.look = true;
        next = Next::Now;
    } else if paths.is_empty() {
        state.relooks = 0;
        wiring.workspace.note_listing(&wiring.project.name, None);
    } else if let Some(commit) = tip.commit {
        for (path, blob) in &paths {
            let record = records.paths.entry(path.clone()).or_default();
            record.tries = if record.sent == Some(*blob) { record.tries.saturating_add(1) } else { 1 };
            record.sent = Some(*blob);
        }
        state.waiting = paths.len();
        let run = wiring.run;
        let changes = of_import(wiring, &sides.workspace, &paths).await;
        state.attempt = Some(Attempt {
            commit,
            paths,
            changes,
            run,
            queued: true,
            at: now,
            package: None,
            outcome: None,
        });
        state.phase = Phase::Importing { package: None, since: now, polls: 0 };
        next = Next::Now;
    }
    if state.conflicts.is_empty() {
        state.calm = tip.commit;
    }
    state.pushed = tip.commit;
    state.branch = Some(tip);
    Stepped { records: Some(records), events, ..Stepped::new(state, next) }
}
