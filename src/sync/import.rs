//! Pushing to the workspace: send what was recorded, follow the job, and write down what was said of it.
//!
//! What was said is not the verdict: that is given when the workspace was looked at again (`carry`).

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::error::{Disposition, StepError, chain};
use super::{Now, StepResult, Stepped, Wiring, export, fail, light, packing};
use crate::asset::kind::{asset_id, is_asset};
use crate::model::oid::BlobId;
use crate::model::path::PackagePath;
use crate::model::project::Source;
use crate::model::state::{Attempt, Next, Outcome, Phase, RecipeResult, State};
use crate::workato::{ImportError, ImportOptions, JobStatus, Package, Slot, Turn, WorkatoError};

/// How long an import job may run before its outcome counts as lost.
const JOB_DEADLINE: TimeDelta = TimeDelta::minutes(60);

/// How often in a row an import is put off because something else in the folder was saved meanwhile.
const MAX_RELOOKS: u8 = 3;

/// How soon to ask again for the workspace's one import while another project has it.
const QUEUE_DELAY: TimeDelta = TimeDelta::milliseconds(500);

pub(super) async fn step(wiring: &Wiring, state: Box<State>, now: Now) -> StepResult {
    let now = now.time;
    let Phase::Importing { package, .. } = state.phase else {
        unreachable!("only called while importing");
    };
    match (package, &state.attempt) {
        (Some(package), Some(_)) => follow(wiring, state, package, now).await,
        (None, Some(attempt)) if attempt.queued => queue(wiring, state, now).await,
        (None, Some(attempt)) if attempt.run != wiring.run => {
            let reason = "the process ended while it asked for the import".to_owned();
            Ok(look_again(wiring, state, Outcome::Lost { reason }))
        }
        (None, Some(attempt)) => {
            if (now - attempt.at).abs() > export::LOOK_AGE {
                return forget(wiring, state).await;
            }
            let attempt = attempt.clone();
            send(wiring, state, attempt, now).await
        }
        // Nothing is known of what was sent; the next look finds out what is to be done.
        (_, None) => forget(wiring, state).await,
    }
}

/// Waits for the workspace's one import. That it may be sent is saved before it is: what a process leaves in the queue
/// that ends there is known to be nobody's request, and costs none of the tries.
async fn queue(wiring: &Wiring, mut state: Box<State>, now: DateTime<Utc>) -> StepResult {
    let is_current =
        |attempt: &&mut Attempt| attempt.run == wiring.run && (now - attempt.at).abs() <= export::LOOK_AGE;
    let Some(attempt) = state.attempt.as_mut().filter(is_current) else { return forget(wiring, state).await };
    if !wiring.workspace.take_import(&wiring.project.name) {
        return Ok(Stepped::new(state, Next::At(now + QUEUE_DELAY)));
    }
    attempt.queued = false;
    Ok(Stepped::new(state, Next::Now))
}

/// The look that the import was planned on is too old, and nothing was sent: plan anew.
async fn forget(wiring: &Wiring, mut state: Box<State>) -> StepResult {
    let mut records = match export::load(wiring).await {
        Ok(records) => records,
        Err(error) => return fail(state, error),
    };
    for path in state.attempt.take().iter().flat_map(|attempt| attempt.paths.keys()) {
        if let Some(record) = records.paths.get_mut(path) {
            record.tries = record.tries.saturating_sub(1);
            if record.tries == 0 {
                record.sent = None;
            }
        }
    }
    wiring.workspace.release_import(&wiring.project.name);
    state.phase = Phase::Idle;
    state.look = true;
    Ok(Stepped { records: Some(records), ..Stepped::new(state, Next::Now) })
}

/// Sends the import. The request is never repeated here: what becomes of it is looked at.
async fn send(wiring: &Wiring, mut state: Box<State>, attempt: Attempt, now: DateTime<Utc>) -> StepResult {
    if !wiring.workspace.take_import(&wiring.project.name) {
        // A reload has given it to another.
        state.attempt = Some(Attempt { queued: true, ..attempt });
        return Ok(Stepped::new(state, Next::At(now + QUEUE_DELAY)));
    }
    let turn = export::turn(wiring, &state);
    if let Err(error) = wiring.workspace.check_identity(turn, state.workspace_id, now).await {
        return not_sent(wiring, state, error).await;
    }
    let zip = match pack(wiring, &attempt).await {
        Ok(zip) => zip,
        Err(error @ StepError::Store(_)) => return fail(state, error),
        Err(error) if error.disposition() == Disposition::Retry => {
            return not_sent(wiring, state, error).await;
        }
        Err(error) => return Ok(reject(wiring, state, chain(&error))),
    };
    let import = wiring.project.import.as_ref().expect("only a project with an import plans one");
    let client = wiring.workspace.client();
    let patience = export::LOOK_AGE.to_std().expect("it is positive");
    // Both places are taken before the last look, so that nothing is waited for after it.
    let places = match client.import_places(turn, import.folder, patience).await {
        Ok(places) => places,
        Err(WorkatoError::NoTurn { .. }) => return forget(wiring, state).await,
        Err(error) => return not_sent(wiring, state, error.into()).await,
    };
    match is_outdated(wiring, &state, &attempt, places.look, turn).await {
        Ok(false) => {}
        Ok(true) => {
            state.relooks = state.relooks.saturating_add(1);
            return forget(wiring, state).await;
        }
        Err(error) => return not_sent(wiring, state, error.into()).await,
    }
    state.relooks = 0;
    let options = ImportOptions {
        restart_recipes: import.restart_recipes,
        include_tags: import.include_tags,
        folder_id_for_home_assets: import.folder_id_for_home_assets,
    };
    match client.start_import(places.import, turn, import.folder, zip, &options).await {
        // That it is over already says nothing of the recipes: their results come with the job.
        Ok(answer) if answer.status == JobStatus::Completed && answer.recipes.is_empty() => {
            Ok(go_on(wiring, state, &Package { status: JobStatus::Running, ..answer }, 0, now))
        }
        Ok(answer) => Ok(go_on(wiring, state, &answer, 0, now)),
        Err(ImportError::NotSent(error)) if error.is_passing() || error.is_stopping() => {
            not_sent(wiring, state, error.into()).await
        }
        Err(ImportError::NotSent(error) | ImportError::Refused(error)) => {
            let reason =
                [Some(chain(&error)), error.hint()].into_iter().flatten().collect::<Vec<_>>().join("; ");
            Ok(reject(wiring, state, reason))
        }
        Err(ImportError::Unknown(error)) => {
            let reason = chain(&error);
            Ok(look_again(wiring, state, Outcome::Lost { reason }))
        }
    }
}

/// Asks, as the last thing before an import, whether somebody has saved anything in the folder since the look that the
/// import was planned on began: an export takes its time, and shows the workspace as it was when it was asked for. A
/// folder that never stands still would hold up every import, so that after a few times only what is to be overwritten
/// counts.
async fn is_outdated(
    wiring: &Wiring,
    state: &State,
    attempt: &Attempt,
    slot: Option<Slot>,
    turn: Turn<'_>,
) -> Result<bool, WorkatoError> {
    let before = wiring.workspace.listing(&wiring.project.name);
    let (Some(before), Source::Folder(folder), Some(slot)) = (before, wiring.project.source, slot) else {
        return Ok(false);
    };
    let assets = wiring.workspace.client().folder_assets_in(slot, turn, folder).await?;
    let now = light::listing(&assets);
    if state.relooks < MAX_RELOOKS {
        return Ok(now != before);
    }
    let imported: BTreeSet<&str> = attempt.paths.keys().map(asset_id).collect();
    let is_imported =
        |file: &str| PackagePath::parse(file).is_ok_and(|path| imported.contains(asset_id(&path)));
    Ok(now.symmetric_difference(&before).any(|(file, ..)| is_imported(file)))
}

/// Ends the step before anything was sent. Where the failure passes, the same import is tried again while the
/// look is fresh; else the next look meets the same failure and stalls on it.
async fn not_sent(wiring: &Wiring, mut state: Box<State>, error: StepError) -> StepResult {
    wiring.workspace.release_import(&wiring.project.name);
    if error.disposition() == Disposition::Retry && !error.is_stopping() {
        if let Some(attempt) = &mut state.attempt {
            attempt.queued = true;
        }
        return fail(state, error);
    }
    forget(wiring, state).await
}

/// What cannot be packed, or is not taken, waits for another commit.
fn reject(wiring: &Wiring, state: Box<State>, reason: String) -> Stepped {
    look_again(wiring, state, Outcome::Rejected { reason, recipes: Vec::new() })
}

/// Packs the files of an import with their siblings of the same asset, as they are committed.
async fn pack(wiring: &Wiring, attempt: &Attempt) -> Result<Bytes, StepError> {
    let branch = wiring.repository.files(attempt.commit, &wiring.project.path).await?;
    let assets: BTreeSet<&str> = attempt.paths.keys().map(asset_id).collect();
    let records = export::load(wiring).await?;
    let is_content = |path: &PackagePath| {
        is_asset(path) || attempt.paths.contains_key(path) || records.paths.contains_key(path)
    };
    let mut chosen: Vec<(PackagePath, BlobId)> = branch
        .files
        .into_iter()
        .filter(|(path, _)| assets.contains(asset_id(path)) && is_content(path))
        .collect();
    for (path, blob) in &mut chosen {
        // What was planned, whatever the commit's tree says of it.
        *blob = attempt.paths.get(path).copied().unwrap_or(*blob);
    }
    packing::pack(&wiring.repository, chosen).await
}

/// Polls the import job.
async fn follow(wiring: &Wiring, state: Box<State>, package: u64, now: DateTime<Utc>) -> StepResult {
    let Phase::Importing { since, polls, .. } = state.phase else {
        unreachable!("only called while importing");
    };
    let turn = export::turn(wiring, &state);
    let is_late = (now - since).abs() > JOB_DEADLINE;
    let late =
        || format!("import job {package} has not ended after {} minutes", (now - since).num_minutes().abs());
    match wiring.workspace.client().package(turn, package).await {
        Ok(answer) if answer.status == JobStatus::Running && is_late => {
            Ok(look_again(wiring, state, Outcome::Lost { reason: late() }))
        }
        Ok(answer) => Ok(go_on(wiring, state, &answer, polls + 1, now)),
        Err(error) if error.is_not_found() => {
            let reason = format!("import job {package} is gone");
            Ok(look_again(wiring, state, Outcome::Lost { reason }))
        }
        // Nobody tells what became of it, and the other projects wait for it.
        Err(error) if is_late && !error.is_stopping() => {
            let reason = format!("{}: {}", late(), chain(&error));
            Ok(look_again(wiring, state, Outcome::Lost { reason }))
        }
        Err(error) => fail(state, error),
    }
}

/// Goes on with what the platform says of the job.
fn go_on(
    wiring: &Wiring,
    mut state: Box<State>,
    answer: &Package,
    polls: u32,
    now: DateTime<Utc>,
) -> Stepped {
    if let Some(attempt) = &mut state.attempt {
        attempt.package.get_or_insert(answer.id);
    }
    let package = state.attempt.as_ref().and_then(|attempt| attempt.package);
    let since = match state.phase {
        Phase::Importing { package: Some(_), since, .. } => since,
        _ => now,
    };
    if let Some(outcome) = outcome(answer) {
        return look_again(wiring, state, outcome);
    }
    state.phase = Phase::Importing { package, since, polls };
    Stepped::new(state, Next::At(now + export::wait(polls)))
}

/// Returns what the platform said of a job that has ended.
fn outcome(answer: &Package) -> Option<Outcome> {
    let recipes: Vec<RecipeResult> = answer
        .recipes
        .iter()
        .map(|recipe| RecipeResult { id: recipe.id, result: recipe.result.to_string() })
        .collect();
    let bad: Vec<String> = answer
        .recipes
        .iter()
        .filter(|recipe| !recipe.result.is_good())
        .map(|recipe| format!("recipe {} {} ({})", recipe.id, recipe.result.explain(), recipe.result))
        .collect();
    match answer.status {
        JobStatus::Running => None,
        JobStatus::Completed if bad.is_empty() => Some(Outcome::Completed { recipes }),
        JobStatus::Completed => Some(Outcome::Rejected { reason: bad.join(", "), recipes }),
        JobStatus::Failed => {
            let said =
                answer.error.clone().unwrap_or_else(|| "the import failed without a reason".to_owned());
            let reason = std::iter::once(said).chain(bad).collect::<Vec<_>>().join(", ");
            Some(Outcome::Rejected { reason, recipes })
        }
    }
}

/// Whatever was said, the workspace is looked at next.
fn look_again(wiring: &Wiring, mut state: Box<State>, outcome: Outcome) -> Stepped {
    wiring.workspace.release_import(&wiring.project.name);
    if let Some(attempt) = &mut state.attempt {
        attempt.outcome = Some(outcome);
    }
    state.phase = Phase::Idle;
    state.look = true;
    Stepped::new(state, Next::Now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::state::Verdict;
    use crate::model::verdict::{Then, judge};
    use crate::workato::{ImportResult, RecipeResult as Told};

    /// All that the platform may say of a job; of these, what is over.
    const STATUSES: [&str; 9] =
        ["completed", "succeeded", "failed", "error", "in_progress", "processing", "queued", "Completed", ""];
    const GOOD: [&str; 3] =
        ["no_update_or_update_without_restart", "no_update_or_updated_without_restart", "restarted"];
    const BAD: [&str; 6] = ["stopped", "restart_failed", "stop_failed", "not_found", "exploded", ""];

    /// What follows, written down from what is promised and not from the code.
    fn promised(status: &str, results: &[&str], shows_all: bool) -> Option<(Verdict, Then)> {
        let is_well = results.iter().all(|result| GOOD.contains(result));
        match (status, is_well, shows_all) {
            ("completed" | "succeeded", true, true) => Some((Verdict::Applied, Then::Done)),
            ("completed" | "succeeded", true, false) => Some((Verdict::NoEffect, Then::Wait)),
            ("completed" | "succeeded", false, _) | ("failed" | "error", ..) => {
                Some((Verdict::Rejected, Then::Wait))
            }
            _ => None,
        }
    }

    fn results() -> Vec<Vec<&'static str>> {
        let words: Vec<&str> = GOOD.into_iter().chain(BAD).collect();
        let one = words.iter().map(|word| vec![*word]);
        let two = words.iter().flat_map(|first| words.iter().map(|second| vec![*first, *second]));
        std::iter::once(Vec::new()).chain(one).chain(two).collect()
    }

    #[test]
    fn no_combination_of_words_and_sights_makes_a_false_green_or_a_false_red() {
        let [a, b] = ["a.recipe.json", "b.recipe.json"].map(|path| PackagePath::parse(path).unwrap());
        // Everything, half of it, something else in one place, and nothing.
        let sights: [&[&PackagePath]; 4] = [&[], &[&b], &[&a], &[&a, &b]];
        let mut combinations = 0;
        for status in STATUSES {
            for words in results() {
                for error in [None, Some("it says why".to_owned())] {
                    let told = words.iter().zip(7..);
                    let recipes = told.map(|(word, id)| Told { id, result: ImportResult::from_word(word) });
                    let status_told = JobStatus::from_word(status);
                    let answer = Package { id: 1, status: status_told, error, recipes: recipes.collect() };
                    let outcome = outcome(&answer);
                    for (missing, tries) in sights.iter().flat_map(|missing| [(missing, 1), (missing, 2)]) {
                        let found = outcome.as_ref().map(|outcome| judge(outcome, missing, tries));
                        let is_clear = found.as_ref().is_none_or(|found| {
                            found.reason.as_ref().is_none_or(String::is_empty) == (found.then == Then::Done)
                        });
                        let found = found.map(|found| (found.verdict, found.then));
                        let wanted = promised(status, &words, missing.is_empty());
                        assert_eq!(found, wanted, "{status} {words:?}, not shown: {missing:?}");
                        assert!(is_clear, "{status} {words:?}: whatever waits has a reason");
                        combinations += 1;
                    }
                }
            }
        }
        for (missing, tries) in sights.iter().flat_map(|missing| (0..4).map(move |tries| (missing, tries))) {
            let found = judge(&Outcome::Lost { reason: "cut".into() }, missing, tries);
            let then = match (missing.is_empty(), tries) {
                (true, _) => Then::Done,
                (false, 0 | 1) => Then::Again,
                (false, _) => Then::Wait,
            };
            assert_eq!((found.verdict, found.then), (Verdict::Unknown, then), "{missing:?} {tries}");
            combinations += 1;
        }
        assert_eq!(combinations, 9 * 91 * 2 * 8 + 16);
    }
}
