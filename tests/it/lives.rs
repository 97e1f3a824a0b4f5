//! Processes of the daemon, one after the other, with the test as their loop: it takes the steps and saves them by
//! hand, so that it can end a process before and after every request, every git command that leaves the machine, and
//! every save.
//!
//! Nothing in the program knows of this. The embedded workspace holds a request before it is carried out, or its
//! answer after that; a script in the place of git does the same; the saves are the loop's own. What is held is
//! outside when the process ends, as in a kill. Time is the test's as well: what waits for a job waits for nothing.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{DateTime, TimeDelta, Utc};
use recipesync::config::{Config, Environment};
use recipesync::daemon::{Plant, advance, clock};
use recipesync::emulator::Fault;
use recipesync::model::project::ProjectName;
use recipesync::model::state::{Next, Phase, Records, Stall, State};
use recipesync::store::{Saved, Store};
use recipesync::sync::{self, Disposition, Failed, Now, Stepped, Wiring};
use recipesync::wire::{Home, WireError};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::stage::Stage;

/// More steps than any process takes until it rests.
const MANY: usize = 150;

/// More than it takes where a job does not end: it is asked about for an hour of the test's time.
const VERY_MANY: usize = 3_000;

/// After how many failures in a row a process is ended, as `sync` does after a while.
const PATIENCE: u32 = 6;

/// What git commands that leave the machine go through. `CUT` is the folder in which it is told what to do.
const GIT: &str = r#"#!/bin/sh
PATH=/usr/local/bin:/usr/bin:/bin
verb=
for word in "$@"; do case $word in ls-remote|fetch|push) verb=$word; break ;; esac; done
[ -n "$verb" ] || exec git "$@"
read -r passed < CUT/passed
# At once or not at all: a process is killed while git runs beside a request.
echo $((passed + 1)) > CUT/passed.new && mv CUT/passed.new CUT/passed
read -r at < CUT/before
[ "$passed" != "$at" ] || { : > CUT/struck; exec sleep 1000; }
[ ! -e CUT/wipe ] || rm -rf CUT/wipe CUT/../state/repos/recipes.git
if [ "$verb" = push ] && [ -s CUT/race ]; then
    read -r commit < CUT/race
    git --git-dir=UPSTREAM update-ref refs/heads/main "$commit" && : > CUT/race
fi
git "$@"
code=$?
read -r at < CUT/after
[ "$passed" != "$at" ] || { : > CUT/struck; exec sleep 1000; }
exit $code
"#;

/// On which side of what happens a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// It has not happened.
    Before,
    /// It has happened, and the process does not know.
    After,
}

/// Where a process ends; the number counts from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// At a request to the workspace, or to the store that it redirects to.
    Request(usize, Side),
    /// At a look at the upstream, a fetch or a push.
    Git(usize, Side),
    /// At a save.
    Save(usize, Side),
}

/// How much a process did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) requests: usize,
    pub(crate) git: usize,
    pub(crate) saves: usize,
}

impl Passed {
    /// Returns every point at which such a process can end.
    pub(crate) fn points(self) -> impl Iterator<Item = Point> {
        let each = |count: usize, point: fn(usize, Side) -> Point| {
            (0..count).flat_map(move |at| [point(at, Side::Before), point(at, Side::After)])
        };
        each(self.requests, Point::Request)
            .chain(each(self.git, Point::Git))
            .chain(each(self.saves, Point::Save))
    }
}

/// How a process ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// At its point.
    Killed,
    /// By itself, with nothing left to do.
    Rests(Box<State>),
}

/// What a loop does to a step that it has taken, before it is saved; a right one does nothing.
pub(crate) type Perversion = fn(&mut Stepped, &Store, &ProjectName);

/// The processes of a story.
pub(crate) struct Lives {
    pub(crate) stage: Stage,
    config: Config,
    environment: Environment,
    runtime: Runtime,
    /// How far the test's time is ahead of the machine's.
    ahead: Cell<TimeDelta>,
    /// What the loop does wrong to each step.
    pub(crate) perversion: Option<Perversion>,
    /// Whether the loop saves a step only after the next one.
    pub(crate) saves_late: bool,
}

impl Lives {
    /// Puts a stage's configuration to work.
    pub(crate) fn of(stage: Stage) -> Self {
        let cut = stage.path("cut");
        let script = GIT.replace("CUT", cut.to_str().unwrap()).replace("UPSTREAM", stage.upstream.url());
        recipesync::fs::create_folder(&cut).unwrap();
        recipesync::fs::create_folder(&stage.path("bin")).unwrap();
        write(&stage.path("bin/git"), &script);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(stage.path("bin/git"), mode).unwrap();
        let mut path = stage.path("bin").into_os_string();
        path.push(":/usr/local/bin:/usr/bin:/bin");
        let environment = Environment::new(stage.path("."), [(OsString::from("PATH"), path)]);
        let config = Config::load(&stage.path("recipesync.toml"), &environment).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ahead = Cell::new(TimeDelta::zero());
        Self { stage, config, environment, runtime, ahead, perversion: None, saves_late: false }
    }

    /// Lets the next push lose its race against a commit.
    pub(crate) fn race(&self, commit: &str) {
        write(&self.stage.path("cut/race"), &format!("{commit}\n"));
    }

    /// Returns whether the push has lost it, or there was none to lose.
    pub(crate) fn was_raced(&self) -> bool {
        recipesync::fs::read_text(&self.stage.path("cut/race"), 100).is_ok_and(|text| text.trim().is_empty())
    }

    /// Returns the test's time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        clock::now() + self.ahead.get()
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: TimeDelta) {
        self.ahead.set(self.ahead.get() + time);
    }

    /// Opens the state folder. A program that another test is just starting has our files open until it runs, the
    /// lock of the one before among them.
    async fn home(&self) -> anyhow::Result<Home> {
        for _ in 0..2_000 {
            match Home::open(&self.config.state_dir) {
                Err(WireError::Busy { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
                opened => return Ok(opened?),
            }
        }
        bail!("the state folder stays locked")
    }

    /// Runs one process until it rests, or ends at its point; returns how it ended and how much it did.
    pub(crate) fn live(&self, kill: Option<Point>) -> anyhow::Result<(Ended, Passed)> {
        let before = self.stage.world(|world| world.requests().next_back().map(|seen| seen.at));
        self.set(kill);
        let (ended, saves) = self.runtime.block_on(self.steps(kill))?;
        let requests = self.stage.world(|world| {
            // What a point has held is over, and is not what the next process meets.
            world.faults.retain(|fault| fault.on != "*");
            world.requests().rev().take_while(|seen| Some(seen.at) > before).count()
        });
        let git = recipesync::fs::read_text(&self.stage.path("cut/passed"), 100)?;
        Ok((ended, Passed { requests, git: git.trim().parse()?, saves }))
    }

    /// Runs a process to its end; it must come to one.
    pub(crate) fn rest(&self) -> anyhow::Result<(Box<State>, Passed)> {
        match self.live(None)? {
            (Ended::Rests(state), passed) => Ok((state, passed)),
            (Ended::Killed, _) => bail!("nobody killed it"),
        }
    }

    /// Arranges for the outside to hold what the point is at.
    fn set(&self, kill: Option<Point>) {
        let none = usize::MAX;
        let (before, after) = match kill {
            Some(Point::Git(at, Side::Before)) => (at, none),
            Some(Point::Git(at, Side::After)) => (none, at),
            _ => (none, none),
        };
        write(&self.stage.path("cut/passed"), "0\n");
        write(&self.stage.path("cut/before"), &format!("{before}\n"));
        write(&self.stage.path("cut/after"), &format!("{after}\n"));
        drop(recipesync::fs::remove_file(&self.stage.path("cut/struck")));
        if let Some(Point::Request(at, side)) = kill {
            let never = 1_000_000_000;
            let then = match side {
                Side::Before => json!({ "delay": { "ms": never } }),
                Side::After => json!({ "slow": { "bytes": 1, "ms": never } }),
            };
            let fault: Fault =
                serde_json::from_value(json!({ "on": "*", "times": 1, "skip": at, "then": then })).unwrap();
            self.stage.world(|world| world.faults.push(fault));
        }
    }

    /// Returns whether what the point is at is held now.
    fn is_struck(&self, kill: Option<Point>) -> bool {
        match kill {
            Some(Point::Request(_, side)) => self.stage.world(|world| {
                let is_drawn = !world.faults.iter().any(|fault| fault.on == "*");
                let is_done = world.requests().next_back().is_some_and(|seen| seen.done.is_some());
                is_drawn && (side == Side::Before || is_done)
            }),
            Some(Point::Git(..)) => self.stage.path("cut/struck").exists(),
            Some(Point::Save(..)) | None => false,
        }
    }

    /// Runs one process with the daemon's own way of taking a step, its patience and its saves, and after its first
    /// rest so many further looks, each as its schedule asks for it.
    pub(crate) fn serve(&self, kill: Option<Point>, looks: usize) -> anyhow::Result<Ended> {
        self.set(kill);
        let ended = self.runtime.block_on(self.rounds(kill, looks));
        self.stage.world(|world| world.faults.retain(|fault| fault.on != "*"));
        ended
    }

    async fn rounds(&self, kill: Option<Point>, looks: usize) -> anyhow::Result<Ended> {
        let home = self.home().await?;
        let plant = home.plant(&self.config, &BTreeSet::new(), &self.environment).await?;
        let (wiring, mut state) = self.taken_up(&plant)?;
        // As `sync` does: what failed before it is another's patience.
        state.trouble = None;
        let (instant, start) = (clock::instant(), self.ahead.get());
        let mut saves = 0;
        for round in 0..=looks {
            for step in 0.. {
                anyhow::ensure!(step < VERY_MANY, "it does not come to rest: {state:#?}");
                let now = Now { time: self.now(), instant: instant + (self.ahead.get() - start).to_std()? };
                let Some(advanced) = self.held(advance(wiring, state, now), kill).await else {
                    return Ok(Ended::Killed);
                };
                let advanced = advanced?;
                saves += 1;
                if matches!(kill, Some(Point::Save(at, _)) if at + 1 == saves) {
                    return Ok(Ended::Killed);
                }
                state = advanced.state;
                let failures = state.trouble.as_ref().map_or(0, |trouble| trouble.failures);
                match advanced.next {
                    Next::Settled(_) => break,
                    _ if failures > PATIENCE => return Ok(Ended::Rests(state)),
                    Next::Now => {}
                    Next::At(time) => self.pass((time - self.now()).max(TimeDelta::zero())),
                }
            }
            if round < looks {
                self.pass((state.due.unwrap_or_default() - self.now()).max(TimeDelta::minutes(1)));
            }
        }
        Ok(Ended::Rests(state))
    }

    /// Takes up the project, as the daemon does at its start.
    fn taken_up<'a>(&self, plant: &'a Plant) -> anyhow::Result<(&'a Wiring, Box<State>)> {
        let (name, wiring) = plant.projects().next().context("there is a project")?;
        let mut state = plant.store().state(name)?.map(|(state, _)| state).unwrap_or_default();
        if matches!(state.phase, Phase::Importing { package: Some(_), .. }) {
            wiring.workspace.resume_import(name);
        }
        state.look = true;
        self.pass(TimeDelta::seconds(1));
        Ok((wiring, state))
    }

    async fn steps(&self, kill: Option<Point>) -> anyhow::Result<(Ended, usize)> {
        let home = self.home().await?;
        let plant = home.plant(&self.config, &BTreeSet::new(), &self.environment).await?;
        let (wiring, mut state) = self.taken_up(&plant)?;
        let (store, name) = (plant.store(), &wiring.project.name);
        let (instant, start) = (clock::instant(), self.ahead.get());
        let mut late: Option<Stepped> = None;
        let mut saves = 0;
        for _ in 0..MANY {
            let passed = (self.ahead.get() - start).to_std()?;
            let now = Now { time: self.now(), instant: instant + passed };
            let Some(result) = self.held(sync::step(wiring, state, now), kill).await else {
                return Ok((Ended::Killed, saves));
            };
            let mut stepped = result.or_else(|failed| self.stumbled(*failed))?;
            if let Some(pervert) = self.perversion {
                pervert(&mut stepped, store, name);
            }
            let next = stepped.next;
            state = stepped.state.clone();
            let rests = matches!(next, Next::Settled(_));
            let due = if self.saves_late { late.replace(stepped) } else { Some(stepped) };
            for stepped in due.into_iter().chain(late.take_if(|_| rests)) {
                for side in [Side::Before, Side::After] {
                    if kill == Some(Point::Save(saves, side)) {
                        return Ok((Ended::Killed, saves));
                    }
                    if side == Side::Before {
                        save(store, name, &stepped)?;
                    }
                }
                saves += 1;
            }
            match next {
                Next::Settled(_) => return Ok((Ended::Rests(state), saves)),
                Next::Now => {}
                Next::At(time) => self.pass((time - self.now()).max(TimeDelta::zero())),
            }
        }
        bail!("it does not come to rest: {state:#?}")
    }

    /// Waits for a step, unless the process ends in it.
    async fn held<T>(&self, step: impl Future<Output = T>, kill: Option<Point>) -> Option<T> {
        let mut step = pin!(step);
        let mut again = tokio::time::interval(Duration::from_millis(1));
        poll_fn(|context| {
            if self.is_struck(kill) {
                return Poll::Ready(None);
            }
            if let Poll::Ready(result) = step.as_mut().poll(context) {
                return Poll::Ready(Some(result));
            }
            // What is held wakes nobody.
            while kill.is_some() && again.poll_tick(context).is_ready() {}
            Poll::Pending
        })
        .await
    }

    /// What the daemon does about a failure, without its patience.
    fn stumbled(&self, failed: Failed) -> anyhow::Result<Stepped> {
        let Failed { error, mut state } = failed;
        let next = match error.disposition() {
            Disposition::Retry => Next::At(self.now() + TimeDelta::seconds(1)),
            Disposition::Stall => {
                state.look = false;
                state.stalled = Some(Stall { reason: sync::chain(&error), hint: None });
                Next::Settled(self.now())
            }
            Disposition::Fatal => return Err(error.into()),
        };
        Ok(Stepped { state, records: None, known: None, events: Vec::new(), settled: None, next })
    }
}

fn save(store: &Store, name: &ProjectName, stepped: &Stepped) -> anyhow::Result<()> {
    let Stepped { state, records, events, settled, .. } = stepped;
    let records: Option<&Records> = records.as_ref();
    Ok(store.save(name, &Saved { state, records, known: None, events, settled: *settled, next: None })?)
}

/// Writes a file of the test's own, without waiting for the disk.
#[expect(clippy::disallowed_methods, reason = "a test's own file")]
pub(crate) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// Puts a copy of a folder in the place of another; where there is none, nothing is there afterwards.
#[expect(clippy::disallowed_methods, reason = "a test's own files")]
pub(crate) fn copy(from: &Path, to: &Path) {
    drop(std::fs::remove_dir_all(to));
    if !from.exists() {
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
