//! Kills at every point that matters: when a request has reached the workspace, when a push has reached the upstream,
//! and before and after every save. The next start finds what was saved and nothing else.
//!
//! The loop here is the daemon's, step and save, taken by hand: a kill drops the step where it waits, and all that was
//! built. Each story goes on until a run meets no kill any more, so that every point has had one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use recipesync::config::{Config, Environment};
use recipesync::daemon::clock;
use recipesync::model::state::{Next, Phase, State};
use recipesync::model::status::{Standing, standing};
use recipesync::store::Saved;
use recipesync::sync::{self, Stepped, Wiring};
use recipesync::wire::{Home, WireError};
use tokio::runtime::Runtime;

use crate::stage::{Pairing, Stage, recipe, said, says};

const INTAKE: &str = "intake.recipe.json";
const NOTIFY: &str = "notify.recipe.json";

/// More steps than any story takes.
const MANY: usize = 200;

/// The point at which a process is killed, and how many were passed.
struct Kill {
    at: usize,
    passed: usize,
    seen: (usize, Option<String>),
}

impl Kill {
    /// Passes a point; answers whether it is the one.
    fn strikes(&mut self) -> bool {
        self.passed += 1;
        self.passed > self.at
    }

    /// Passes a point where the outside has seen something of the step.
    fn strikes_outside(&mut self, life: &Life) -> bool {
        let now = life.seen();
        if now == self.seen {
            return false;
        }
        self.seen = now;
        self.strikes()
    }
}

/// The processes of a story, one after the other.
struct Life {
    stage: Stage,
    config: Config,
    environment: Environment,
    runtime: Runtime,
}

impl Life {
    fn of(stage: Stage) -> Self {
        let environment = Environment::new(
            stage.path("."),
            [(OsString::from("PATH"), OsString::from("/usr/local/bin:/usr/bin:/bin"))],
        );
        let config = Config::load(&stage.path("recipesync.toml"), &environment).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { stage, config, environment, runtime }
    }

    /// What the outside has seen: how many requests, and where the branch is.
    fn seen(&self) -> (usize, Option<String>) {
        let branch = PathBuf::from(self.stage.upstream.url()).join("refs/heads/main");
        let tip = recipesync::fs::read(&branch, 1000).ok().map(|tip| String::from_utf8(tip).unwrap());
        (self.stage.world(|world| world.requests().count()), tip)
    }

    /// Opens the state folder. A program that another test is just starting has our files open until it runs, the
    /// lock of the one before among them.
    async fn home(&self) -> Home {
        for _ in 0..1_000 {
            match Home::open(&self.config.state_dir) {
                Err(WireError::Busy { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
                opened => return opened.unwrap(),
            }
        }
        panic!("the state folder stays locked");
    }

    /// Runs one process until it rests, or is killed; returns where the project stands then.
    fn live(&self, kill_at: usize) -> Option<State> {
        let mut kill = Kill { at: kill_at, passed: 0, seen: self.seen() };
        self.runtime.block_on(async {
            let home = self.home().await;
            let plant = home.plant(&self.config, &BTreeSet::new(), &self.environment).await.unwrap();
            let (name, wiring) = plant.projects().next().unwrap();
            let mut state = plant.store().state(name).unwrap().map(|(state, _)| state).unwrap_or_default();
            if matches!(state.phase, Phase::Importing { package: Some(_), .. }) {
                wiring.workspace.resume_import(name);
            }
            state.look = true;
            for _ in 0..MANY {
                let stepped = self.step(wiring, state, &mut kill).await?;
                if kill.strikes() {
                    return None;
                }
                let Stepped { records, events, settled, next, .. } = &stepped;
                let (records, next) = (records.as_ref(), *next);
                let saved = Saved { state: &stepped.state, records, events, settled: *settled, next: None };
                plant.store().save(name, &saved).unwrap();
                if kill.strikes() {
                    return None;
                }
                state = stepped.state;
                match next {
                    Next::Settled(_) => return Some(state),
                    Next::Now => {}
                    Next::At(time) => tokio::time::sleep_until(clock::at(time)).await,
                }
            }
            panic!("it does not come to rest: {state:#?}");
        })
    }

    /// Takes a step, unless the process is killed in it.
    async fn step(&self, wiring: &Wiring, state: State, kill: &mut Kill) -> Option<Stepped> {
        let mut step = pin!(sync::step(wiring, state, clock::both()));
        let result = poll_fn(|context| {
            if kill.strikes_outside(self) {
                return Poll::Ready(None);
            }
            step.as_mut().poll(context).map(Some)
        });
        Some(result.await?.unwrap_or_else(|failed| panic!("{}", sync::chain(&failed.error))))
    }

    /// Runs a process to its end.
    fn rest(&self) -> State {
        self.live(usize::MAX).expect("nobody kills it")
    }

    /// Kills a process at each point in turn: before each run `change` makes something to do, between the kill and the
    /// next start `meanwhile` changes the world, and after that `check` sees where the project stands.
    fn at_every_point(
        &self,
        mut change: impl FnMut(&Stage, usize),
        mut meanwhile: impl FnMut(&Stage, usize),
        mut check: impl FnMut(&Stage, usize, &State),
    ) {
        for point in 0..MANY {
            change(&self.stage, point);
            let undisturbed = self.live(point);
            meanwhile(&self.stage, point);
            let state = self.rest();
            check(&self.stage, point, &state);
            if undisturbed.is_some() {
                assert!(point > 10, "only {point} points");
                return;
            }
        }
        panic!("it never came to an end");
    }
}

fn in_sync(files: &[(&str, String)]) -> Life {
    Life::of(Stage::in_sync(Pairing::one_branch(), files))
}

fn two_recipes() -> [(&'static str, String); 2] {
    [(INTAKE, recipe("Intake", "one")), (NOTIFY, recipe("Notify", "one"))]
}

/// Asserts that both sides say the text, and that nothing waits.
#[track_caller]
fn agrees(stage: &Stage, state: &State, path: &str, text: &str, point: usize) {
    let stands = standing(state, clock::now());
    assert_eq!(stands, Standing::InSync, "killed at point {point}: {state:#?}");
    assert_eq!(said(stage.workspace_file(path)).as_deref(), Some(text), "killed at point {point}");
    assert_eq!(said(stage.branch_file("main", path)).as_deref(), Some(text), "killed at point {point}");
}

fn text(point: usize) -> String {
    format!("text {point}")
}

/// Commits a recipe that says something else.
fn say_on_branch(stage: &Stage, path: &str, text: &str) {
    let now = said(stage.branch_file("main", path)).unwrap();
    stage.edit_on_branch("main", path, &format!("\"{now}\""), &format!("\"{text}\""));
}

#[test]
fn an_edit_in_the_workspace_is_committed_once() {
    let life = in_sync(&two_recipes());
    let mut commits = life.stage.upstream.subjects("main").len();
    life.at_every_point(
        |stage, point| stage.edit_in_workspace(INTAKE, &says(&text(point))),
        |_, _| {},
        |stage, point, state| {
            agrees(stage, state, INTAKE, &text(point), point);
            commits += 1;
            assert_eq!(stage.upstream.subjects("main").len(), commits, "killed at point {point}");
        },
    );
    assert!(life.stage.imports().is_empty());
}

#[test]
fn a_commit_is_imported_and_sent_again_at_most_once() {
    let life = in_sync(&two_recipes());
    let (mut commits, mut sent) = (life.stage.upstream.subjects("main").len(), 0);
    life.at_every_point(
        |stage, point| say_on_branch(stage, INTAKE, &text(point)),
        |_, _| {},
        |stage, point, state| {
            agrees(stage, state, INTAKE, &text(point), point);
            commits += 1;
            assert_eq!(stage.upstream.subjects("main").len(), commits, "killed at point {point}");
            let before = std::mem::replace(&mut sent, stage.requests("import.start"));
            assert!((1..=2).contains(&(sent - before)), "{} requests at point {point}", sent - before);
        },
    );
}

#[test]
fn a_commit_that_follows_a_kill_is_no_conflict() {
    let life = in_sync(&two_recipes());
    life.at_every_point(
        |stage, point| say_on_branch(stage, INTAKE, &text(point)),
        |stage, point| say_on_branch(stage, INTAKE, &format!("{}, corrected", text(point))),
        |stage, point, state| {
            agrees(stage, state, INTAKE, &format!("{}, corrected", text(point)), point);
        },
    );
}

#[test]
fn an_edit_that_follows_a_kill_is_in_git_or_in_a_conflict() {
    let life = in_sync(&two_recipes());
    life.at_every_point(
        |stage, point| say_on_branch(stage, INTAKE, &text(point)),
        |stage, point| stage.edit_in_workspace(INTAKE, &says(&format!("{}, edited", text(point)))),
        |stage, point, state| {
            let edited = format!("{}, edited", text(point));
            assert_eq!(said(stage.workspace_file(INTAKE)).as_ref(), Some(&edited), "killed at point {point}");
            if standing(state, clock::now()) == Standing::InSync {
                return agrees(stage, state, INTAKE, &edited, point);
            }
            let conflicts: Vec<&str> = state.conflicts.keys().map(|path| path.as_str()).collect();
            assert_eq!(conflicts, [INTAKE], "killed at point {point}: {state:#?}");
            assert_eq!(said(stage.branch_file("main", INTAKE)), Some(text(point)));
            // Settled by hand, for the next one.
            say_on_branch(stage, INTAKE, &edited);
            agrees(stage, &life.rest(), INTAKE, &edited, point);
        },
    );
}

#[test]
fn edits_on_both_sides_cross_once() {
    let life = in_sync(&two_recipes());
    let mut commits = life.stage.upstream.subjects("main").len();
    life.at_every_point(
        |stage, point| {
            stage.edit_in_workspace(INTAKE, &says(&text(point)));
            say_on_branch(stage, NOTIFY, &text(point));
        },
        |_, _| {},
        |stage, point, state| {
            agrees(stage, state, INTAKE, &text(point), point);
            agrees(stage, state, NOTIFY, &text(point), point);
            commits += 2;
            assert_eq!(stage.upstream.subjects("main").len(), commits, "killed at point {point}");
        },
    );
}

#[test]
fn a_deletion_in_the_workspace_stays_one() {
    const OLD: &str = "old.recipe.json";
    let life = in_sync(&two_recipes());
    life.at_every_point(
        |stage, point| {
            stage.put_in_workspace(OLD, recipe("Old", &text(point)));
            agrees(stage, &life.rest(), OLD, &text(point), point);
            stage.delete_in_workspace(OLD);
        },
        |_, _| {},
        |stage, point, state| {
            agrees(stage, state, INTAKE, "one", point);
            assert_eq!((stage.workspace_file(OLD), stage.branch_file("main", OLD)), (None, None), "{point}");
        },
    );
    assert!(life.stage.imports().is_empty());
}

#[test]
fn a_first_run_is_taken_up_where_it_was_killed() {
    for point in 0..MANY {
        let life = Life::of(Stage::new(Pairing::one_branch(), &two_recipes()));
        let undisturbed = life.live(point);
        agrees(&life.stage, &life.rest(), INTAKE, "one", point);
        assert_eq!(
            life.stage.upstream.subjects("main"),
            ["orders: 2 recipes added"],
            "killed at point {point}"
        );
        if undisturbed.is_some() {
            assert!(point > 10, "only {point} points");
            return;
        }
    }
}
