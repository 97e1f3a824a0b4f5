//! Kills at every point: before and after every save, every request to the workspace, and every git command that
//! leaves the machine, each as `lives` has it. The next start finds what was saved and what is outside, and nothing else.
//!
//! Every scenario is told with a kill at each of its points; those of the core also with every pair, a second kill at
//! each point of the process that takes up what the first has left. The pairs are some thousands: here every so-many-th
//! is told, and all of them on request (`soak`).

pub(crate) mod ground;
pub(crate) mod scenarios;
mod wrong;

use ground::Ground;
use recipesync::model::project::ProjectName;
use recipesync::store::Store;
use scenarios::{CORE, FURTHER, Scenario};

use crate::lives::{Ended, Point, Side};

/// One pair in so many is told each time.
const ONE_IN: usize = 100;

/// How many points and pairs were told.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) points: usize,
    pub(crate) pairs: usize,
    /// After how many of the pairs a person is asked: nobody knows what became of two requests for one import.
    pub(crate) asked: usize,
}

/// Tells a scenario undisturbed, with a kill at each point, and of the pairs of points every `one_in`-th; none for 0.
pub(crate) fn enumerate(scenario: &'static Scenario, one_in: usize) -> anyhow::Result<Told> {
    let ground = Ground::of(scenario)?;
    let (undisturbed, waits) = ground.tell(&[])?.unwrap_or_default();
    let mut told = Told::default();
    let mut pair = 0;
    for first in undisturbed.points() {
        let Some((after, _)) = ground.tell(&[first])? else { anyhow::bail!("{first:?} is not reached") };
        told.points += 1;
        for second in after.points() {
            pair += 1;
            if one_in == 0 || pair % one_in != 0 {
                continue;
            }
            if let Some((_, waits_now)) = ground.tell(&[first, second])? {
                told.pairs += 1;
                told.asked += usize::from(waits_now && !waits);
            }
        }
    }
    Ok(told)
}

/// Tells some scenarios, and says how many points and pairs that were.
#[track_caller]
#[expect(clippy::print_stdout, reason = "the numbers are what the documentation says")]
pub(crate) fn tell_all(scenarios: &'static [Scenario], one_in: usize) {
    let mut all = Told::default();
    for scenario in scenarios {
        let told = enumerate(scenario, one_in).unwrap_or_else(|error| panic!("{error:?}"));
        println!("{}: {told:?}", scenario.name);
        assert!(told.points > 10, "only {} points of {}", told.points, scenario.name);
        all.points += told.points;
        all.pairs += told.pairs;
        all.asked += told.asked;
    }
    println!("all: {all:?}");
}

#[test]
fn processes_that_end_while_an_import_waits_for_its_turn_cost_no_try() {
    let ground = Ground::of(&scenarios::EDIT_ON_BRANCH).unwrap();
    let name = ProjectName::parse("orders").unwrap();
    let is_queued = || {
        let store = Store::open_beside(&ground.lives.stage.path("state")).unwrap();
        let (state, _) = store.state(&name).unwrap().unwrap();
        state.attempt.is_some_and(|attempt| attempt.queued)
    };
    ground.put_back();
    (ground.scenario.change)(&ground).unwrap();
    for _ in 0..4 {
        // However many saves it is until then.
        let killed = (0..).find(|at| {
            let kill = Point::Save(*at, Side::After);
            !matches!(ground.lives.live(Some(kill)).unwrap().0, Ended::Killed) || is_queued()
        });
        assert!(killed.is_some() && is_queued(), "no process ended with the import in the queue");
    }
    assert!(ground.lives.stage.imports().is_empty());
    let (state, _) = ground.lives.rest().unwrap();
    assert!(state.refusals.is_empty() && state.attempt.is_none(), "{state:#?}");
    assert_eq!(ground.people().workspace()["intake.recipe.json"], "two");
    assert_eq!(ground.lives.stage.imports().len(), 1);
}

#[test]
fn the_core_survives_every_kill_on_its_way_out() {
    tell_all(&CORE[..4], ONE_IN);
}

#[test]
fn the_core_survives_every_kill_on_both_ways() {
    tell_all(&CORE[4..8], ONE_IN);
}

#[test]
fn the_core_survives_every_kill_where_others_fail() {
    tell_all(&CORE[8..], ONE_IN);
}

#[test]
fn further_scenarios_survive_every_kill() {
    tell_all(&FURTHER, 0);
}
