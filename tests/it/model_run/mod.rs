//! Runs of random work: people edit, move and delete on both sides, the platform, git and the disk fail, the daemon is
//! killed anywhere, and the model says after every process whether somebody's work is gone. At the end all is well
//! again: what waits is settled, both sides agree, and nothing more happens however often it is looked.
//!
//! One run in three is of two branches: the daemon writes what the workspace holds to one, people work on the other
//! and merge, squashed or not. One in two does without an export where the folder's list shows no change, and sees edits
//! of a connector late. Most processes are loops by hand (`lives`), killed at a random point; some are the built
//! binary, killed by SIGKILL, or with no room on the disk, or with a folder that is read-only. A seed makes the same
//! run again: `RECIPESYNC_SEED=17 cargo test model_run`, or `17..40` for some. With the binary in it, it is the same
//! but for where exactly that is killed.

mod deeds;
mod faults;
mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chrono::TimeDelta;
use fastrand::Rng;
use recipesync::model::path::PackagePath;
use recipesync::model::plan::{Pair, Take};
use recipesync::model::project::ProjectName;
use recipesync::model::state::State;
use recipesync::model::status::{Standing, standing};
use recipesync::store::{Settlement, Store};

use crate::lives::{Ended, Lives, Point, Side, write};
use crate::people::People;
use crate::stage::{Pairing, Stage};
use faults::Disk;
use model::{Model, Place};

/// Where files may be.
const PATHS: [&str; 9] = [
    "a.recipe.json",
    "b.recipe.json",
    "c.recipe.json",
    "d.recipe.json",
    "sub/e.recipe.json",
    "sub/deep/f.recipe.json",
    "sub/g.recipe.json",
    TOOL,
    TOOL_CODE,
];

/// An asset of two files.
const TOOL: &str = "tool.custom_adapter.json";
const TOOL_CODE: &str = "tool.custom_adapter.rb";

/// The branch that holds what the workspace holds, where people work on another.
const MIRROR: &str = "workspace";

/// One run in so many is of two branches.
const MIRROR_ONE_IN: u64 = 3;

/// One run in so many asks for an export at each look; the others see edits of the connector when a full one is due.
const FULL_ONE_IN: u64 = 2;

/// Longer than a project goes without a full export.
const FULL_EXPORT: TimeDelta = TimeDelta::hours(7);

/// How many rounds of work a run has.
const ROUNDS: usize = 10;

/// One process in so many is the binary.
const BINARY_ONE_IN: usize = 12;

/// How often what waits is settled before a run must have come to its end.
const SETTLEMENTS: usize = 8;

/// What runs came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) runs: usize,
    pub(crate) marks: usize,
    pub(crate) processes: usize,
    pub(crate) kills: usize,
    pub(crate) binaries: usize,
    pub(crate) faults: usize,
    pub(crate) disks: usize,
    /// How often a folder was read-only: never where the machine does not let people mount.
    pub(crate) mounts: usize,
    pub(crate) logs_cut: usize,
    pub(crate) merges: usize,
    pub(crate) settled: usize,
    /// How many processes came to rest without an export.
    pub(crate) light: usize,
}

struct Run<'a> {
    random: Rng,
    lives: Lives,
    model: Model,
    tally: &'a mut Tally,
    /// What happened, in words.
    deeds: Vec<String>,
    /// A commit that the next push loses against.
    race: Option<(String, &'static str, String)>,
    /// Whether the workspace has a branch of its own, and people work on another.
    has_mirror: bool,
    /// What the disk does to the next process.
    disk: Disk,
}

/// Makes these runs, each with so many looks at its end.
#[track_caller]
#[expect(clippy::print_stdout, reason = "the numbers are what the documentation says")]
pub(crate) fn make_runs(seeds: std::ops::Range<u64>, looks: usize) {
    #[expect(clippy::disallowed_methods, reason = "a person gives the seed of a run to be made again")]
    let wanted = std::env::var("RECIPESYNC_SEED").ok().map(|text| {
        let number = |text: &str| text.parse::<u64>().expect("it is a seed, or two as `17..40`");
        let range = text.split_once("..").map(|(first, end)| number(first)..number(end));
        range.unwrap_or_else(|| number(&text)..number(&text) + 1)
    });
    let seeds = wanted.unwrap_or(seeds);
    let mut tally = Tally::default();
    for seed in seeds {
        let mut run = Run::new(seed, &mut tally);
        let result = run.make(looks);
        let deeds = run.deeds.join("\n");
        if let Err(error) = result {
            panic!("RECIPESYNC_SEED={seed}\n{deeds}\n{error:?}");
        }
        tally.runs += 1;
        if tally.runs % 50 == 0 {
            println!("{tally:?}");
        }
    }
    println!("{tally:?}");
}

impl<'a> Run<'a> {
    fn new(seed: u64, tally: &'a mut Tally) -> Self {
        let has_mirror = seed % MIRROR_ONE_IN == MIRROR_ONE_IN - 1;
        let mut pairing = if has_mirror { Pairing::two_branches() } else { Pairing::one_branch() };
        if seed.is_multiple_of(FULL_ONE_IN) {
            pairing.more = "full_export = \"0s\"".to_owned();
        }
        let stage = Stage::new(pairing, &[]);
        stage.upstream.hook("pre-receive", "[ ! -e ../cut/refuse ] || { echo no >&2; exit 1; }");
        stage.world(|world| world.settings.export_polls = 1);
        stage.world(|world| world.settings.import_polls = 1);
        let random = Rng::with_seed(seed);
        let (model, deeds) = (Model::default(), Vec::new());
        let (lives, disk) = (Lives::of(stage), Disk::Works);
        Self { random, lives, model, tally, deeds, race: None, has_mirror, disk }
    }

    fn stage(&self) -> &Stage {
        &self.lives.stage
    }

    fn people(&self) -> People<'_> {
        People(self.stage())
    }

    fn make(&mut self, looks: usize) -> anyhow::Result<()> {
        for path in PATHS.into_iter().filter(|path| *path != PATHS[3] && *path != PATHS[6]) {
            self.write(Place::Workspace, path);
        }
        for _ in 0..ROUNDS {
            for _ in 0..self.random.usize(0..4) {
                self.deed();
            }
            self.set_race();
            self.make_fail();
            let state = self.process()?;
            self.mend();
            self.look()?;
            let calm = state.filter(|state| state.stalled.is_none() && state.trouble.is_none());
            let Some(state) = calm else { continue };
            self.model.share();
            if self.random.u8(0..3) == 0 {
                self.settle(&state)?;
            }
        }
        self.end(looks)
    }

    /// Lets the next push lose its race, where the commit that was prepared for that still goes on from the tip.
    fn set_race(&mut self) {
        self.race = self.race.take().filter(|(commit, ..)| self.people().is_next("main", commit));
        if let Some((commit, ..)) = &self.race {
            self.lives.race(commit);
        }
    }

    /// Runs a process; returns the state at which it rests.
    fn process(&mut self) -> anyhow::Result<Option<Box<State>>> {
        self.tally.processes += 1;
        let shell = self.disk.shell(self.stage());
        if shell.is_some() || self.random.usize(0..BINARY_ONE_IN) == 0 {
            self.binary(shell.as_deref().unwrap_or(":"));
            return Ok(None);
        }
        let side = if self.random.bool() { Side::Before } else { Side::After };
        let kill = match self.random.u8(0..6) {
            0 | 1 => Some(Point::Request(self.random.usize(0..24), side)),
            2 => Some(Point::Git(self.random.usize(0..5), side)),
            3 => Some(Point::Save(self.random.usize(0..8), side)),
            _ => None,
        };
        self.deeds.push(format!("a process, to be killed at {kill:?}"));
        let exports = self.stage().requests("export.start");
        match self.lives.serve(kill, 0) {
            Err(error) if self.disk != Disk::Works => {
                self.deeds.push(format!("it ends: {error:#}"));
                Ok(None)
            }
            Err(error) => Err(error),
            Ok(Ended::Killed) => {
                self.tally.kills += 1;
                Ok(None)
            }
            Ok(Ended::Rests(state)) => {
                self.tally.light += usize::from(exports == self.stage().requests("export.start"));
                self.deeds.push(format!("it rests: {:?}", standing(&state, self.lives.now())));
                Ok(Some(state))
            }
        }
    }

    /// Runs the binary, from a shell that has done something before, and kills it after some requests unless it ends
    /// before.
    fn binary(&mut self, shell: &str) {
        self.deeds.push(format!("the binary; before it {shell}"));
        self.tally.binaries += 1;
        self.lives.race("");
        self.race = None;
        let seen = || self.stage().world(|world| world.requests().next_back().map(|seen| seen.at));
        let (start, wanted) = (seen(), self.random.usize(0..30));
        let count = || {
            let is_new = |seen: &&recipesync::emulator::Seen| Some(seen.at) > start;
            self.stage().world(|world| world.requests().rev().take_while(is_new).count())
        };
        let mut process = self.lives.stage.spawn_under(shell, &["sync", "--give-up-after", "1s"]);
        while !process.has_ended() && count() < wanted {
            std::thread::sleep(Duration::from_millis(1));
        }
        let was_killed = !process.has_ended();
        drop(process);
        self.tally.kills += usize::from(was_killed);
        // What git was doing for it goes on without it.
        let is_ours =
            |name: &str| name.contains(self.lives.stage.path(".").to_str().unwrap().trim_end_matches('.'));
        self.lives
            .stage
            .wait("the git commands of a killed process", || !processes().any(|name| is_ours(&name)));
        self.cut_log();
    }

    /// Looks at both sides, and asks the model.
    fn look(&mut self) -> anyhow::Result<()> {
        if let Some((_, path, mark)) = self.race.take() {
            if self.lives.was_raced() {
                self.deeds.push(format!("{mark} is written to {path} in Main just before a push"));
                self.model.write(Place::Main, path, &mark);
            }
            self.lives.race("");
        }
        let (main, workspace) = (self.people().branch("main"), self.people().workspace());
        if !self.has_mirror {
            self.model.look(Place::Main, &main)?;
            return self.model.look(Place::Workspace, &workspace);
        }
        self.model.is_as_left(Place::Main, &main)?;
        self.model.look(Place::Workspace, &workspace)?;
        self.model.look(Place::Mirror, &self.people().branch(MIRROR))?;
        self.model.is_behind()
    }

    /// A person settles what waits for one; returns whether something did.
    fn settle(&mut self, state: &State) -> anyhow::Result<bool> {
        let store = Store::open_beside(&self.stage().path("state"))?;
        let name = ProjectName::parse("orders")?;
        let records = store.records(&name)?;
        let mut paths = state.conflicts.clone();
        paths.extend(state.guarded.clone());
        let refused = state.refusals.iter().flat_map(|refusal| &refusal.paths);
        for (path, blob) in refused {
            let workspace = records.entries.get(path).map(|entry| entry.blob);
            paths.insert(path.clone(), Pair { workspace, branch: Some(*blob) });
        }
        if paths.is_empty() {
            return Ok(false);
        }
        let take =
            if self.random.bool() && state.guarded.is_empty() { Take::Branch } else { Take::Workspace };
        let refusals = !state.refusals.is_empty();
        self.deeds.push(format!(
            "settled for {take:?}: {:?}",
            paths.keys().map(|path| path.as_str()).collect::<Vec<_>>()
        ));
        for path in paths.keys() {
            let chosen = match take {
                Take::Workspace => Place::Workspace,
                Take::Branch => Place::Main,
            };
            self.model.choose(chosen, path.as_str());
        }
        store.settle(&name, &Settlement { take, paths: paths.into_iter().collect(), refusals })?;
        self.tally.settled += 1;
        Ok(true)
    }

    /// Everything works again: what waits is settled, and then there is nothing to do.
    fn end(&mut self, looks: usize) -> anyhow::Result<()> {
        self.deeds.push("everything works again".to_owned());
        self.stage().world(|world| world.faults.clear());
        // What is in flight ends.
        self.lives.serve(None, 0)?;
        self.look()?;
        for _ in 0..SETTLEMENTS {
            self.lives.pass(FULL_EXPORT);
            let Ended::Rests(state) = self.lives.serve(None, 0)? else { bail!("nobody killed it") };
            self.look()?;
            let goes_on = self.settle(&state)? || self.has_mirror && self.merge(false);
            if !goes_on {
                return self.is_well(&state, looks).with_context(|| format!("{state:#?}"));
            }
        }
        bail!("it takes more than {SETTLEMENTS} settlements")
    }

    fn is_well(&mut self, state: &State, looks: usize) -> anyhow::Result<()> {
        let stands = standing(state, self.lives.now());
        ensure!(matches!(stands, Standing::InSync | Standing::Drift), "it ends {stands:?}");
        let texts = |paths: &BTreeMap<PackagePath, Pair>| paths.keys().map(ToString::to_string).collect();
        let (pruned, drift): (BTreeSet<String>, BTreeSet<String>) =
            (texts(&state.to_prune), texts(&state.drift));
        let is_pruned = |path: &String| !self.model.is_file(Place::Main, path);
        // What a person wants to stay as it is in the workspace, people's branch may say otherwise.
        let is_kept = |path: &String| self.has_mirror && self.model.is_kept(path);
        let (differing, waits) = (self.model.differing(), &pruned | &drift);
        let is_right = pruned.iter().all(is_pruned) && drift.iter().all(is_kept);
        ensure!(differing == waits && is_right, "{differing:?} differ, {pruned:?} and {drift:?} wait");
        if self.has_mirror {
            let marks = |files| model::marks(&files);
            let (mirror, workspace) =
                (marks(self.people().branch(MIRROR))?, marks(self.people().workspace())?);
            ensure!(mirror == workspace, "{mirror:?} is on the workspace's branch, {workspace:?} in it");
        }
        let all = |run: &Self| {
            let tips = ["main", MIRROR].map(|branch| run.people().tip(branch));
            (tips, run.stage().imports().len())
        };
        let before = all(self);
        self.lives.serve(None, looks)?;
        self.look()?;
        ensure!(before == all(self), "it is not quiet");
        self.tally.marks += self.model.count();
        Ok(())
    }
}

/// Returns the command lines of all processes.
#[expect(clippy::disallowed_methods, reason = "the system's own files")]
fn processes() -> impl Iterator<Item = String> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
}

#[test]
fn random_work_and_random_failures_lose_nothing() {
    make_runs(0..25, 10);
}

#[test]
fn random_work_and_random_failures_lose_nothing_either() {
    make_runs(25..50, 10);
}
