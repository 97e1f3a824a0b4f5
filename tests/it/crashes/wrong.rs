//! Loops and cores that are wrong on purpose, each in one of the ways that the design rules out: the same tests must
//! see it. The wrong is the test's own; the program's steps are as they are.

use recipesync::model::plan::{Base, Pair};
use recipesync::model::project::ProjectName;
use recipesync::model::state::{Outcome, Phase};
use recipesync::store::Store;
use recipesync::sync::Stepped;

use super::ground::Ground;
use super::scenarios::{CORE, FOLLOWED_BY_COMMIT, PARTIAL_IMPORT, REJECTED_IMPORT, Scenario};
use crate::lives::Lives;

/// Tells a scenario with every single kill by a loop that is made wrong, and returns what was complained of first.
fn complaint(scenario: &'static Scenario, make_wrong: impl Fn(&mut Lives)) -> Option<String> {
    let mut ground = Ground::of(scenario).unwrap();
    make_wrong(&mut ground.lives);
    let undisturbed = match ground.run(&[]) {
        Ok(run) => run.unwrap().1,
        Err(error) => return Some(format!("{error:?}")),
    };
    let kills = undisturbed.points().map(|point| vec![point]);
    std::iter::once(Vec::new()).chain(kills).find_map(|kills| match ground.tell(&kills) {
        Ok(_) => None,
        Err(error) => Some(format!("{error:?}")),
    })
}

/// The agreement is moved because the platform said that an import completed.
fn believe(stepped: &mut Stepped, store: &Store, name: &ProjectName) {
    let Some(attempt) = &stepped.state.attempt else { return };
    if !matches!(attempt.outcome, Some(Outcome::Completed { .. })) {
        return;
    }
    let mut records = stepped.records.take().unwrap_or_else(|| store.records(name).unwrap());
    for (path, blob) in &attempt.paths {
        let record = records.paths.entry(path.clone()).or_default();
        record.base = Some(Base::Agreed(Pair { workspace: Some(*blob), branch: Some(*blob) }));
        (record.sent, record.tries) = (None, 0);
    }
    stepped.state.attempt = None;
    stepped.records = Some(records);
}

/// What was sent is forgotten once it was sent.
fn forget(stepped: &mut Stepped, store: &Store, name: &ProjectName) {
    let state = &mut stepped.state;
    let Some(attempt) = state.attempt.take_if(|attempt| {
        attempt.outcome.is_some() || matches!(state.phase, Phase::Importing { package: Some(_), .. })
    }) else {
        return;
    };
    let mut records = stepped.records.take().unwrap_or_else(|| store.records(name).unwrap());
    for path in attempt.paths.keys() {
        if let Some(record) = records.paths.get_mut(path) {
            (record.sent, record.tries) = (None, 0);
        }
    }
    stepped.records = Some(records);
}

#[test]
fn an_agreement_on_the_servers_word_is_seen() {
    let complaint = complaint(&PARTIAL_IMPORT, |lives| lives.perversion = Some(believe)).unwrap();
    assert!(complaint.contains("commits of ours"), "{complaint}");
}

#[test]
fn a_save_after_the_next_effect_is_seen() {
    let complaint = complaint(&FOLLOWED_BY_COMMIT, |lives| lives.saves_late = true).unwrap();
    assert!(complaint.contains("not in sync"), "{complaint}");
}

#[test]
fn an_attempt_that_is_forgotten_is_seen() {
    let complaint = complaint(&REJECTED_IMPORT, |lives| lives.perversion = Some(forget)).unwrap();
    assert!(
        complaint.contains("imports were asked for") || complaint.contains("come to rest"),
        "{complaint}"
    );
}

/// What sees the wrong ones is not what complains of everything.
#[test]
fn a_right_loop_is_not_complained_of() {
    for scenario in [&PARTIAL_IMPORT, &CORE[10]] {
        assert_eq!(complaint(scenario, |_| {}), None);
    }
}
