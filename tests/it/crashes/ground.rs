//! The ground of a scenario: made once, put back before every run, and looked at after it.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use recipesync::model::state::State;
use recipesync::model::status::{Standing, standing};

use super::scenarios::Scenario;
use crate::lives::{Ended, Lives, Passed, Point, Side, copy};
use crate::people::{Commit, People};
use crate::stage::Stage;

/// A scenario, set up.
pub(crate) struct Ground {
    pub(crate) lives: Lives,
    pub(crate) scenario: &'static Scenario,
    /// The branches' tips before every run.
    tips: BTreeMap<&'static str, String>,
}

/// What a run was and came to.
pub(crate) struct Sight {
    pub(crate) state: Box<State>,
    pub(crate) standing: Standing,
    /// What the workspace's recipes say.
    pub(crate) workspace: BTreeMap<String, String>,
    /// What the recipes of the watched branch say.
    pub(crate) branch: BTreeMap<String, String>,
    /// What those of the mirror say, where there is one.
    pub(crate) mirror: BTreeMap<String, String>,
    /// The commits of the run, the newest first.
    pub(crate) commits: Vec<Commit>,
    /// How many imports were asked for.
    pub(crate) asked: usize,
    /// How many processes were killed.
    pub(crate) kills: usize,
}

impl Ground {
    /// Sets a scenario up.
    pub(crate) fn of(scenario: &'static Scenario) -> anyhow::Result<Self> {
        let files = if scenario.is_settled { Vec::new() } else { scenario.files() };
        let lives = Lives::of(Stage::new((scenario.pairing)(), &files));
        let mut ground = Self { lives, scenario, tips: BTreeMap::new() };
        ground.stage().world(|world| {
            (world.settings.export_polls, world.settings.import_polls) = scenario.polls;
        });
        if scenario.is_settled {
            ground.people().furnish(&scenario.files());
            ground.lives.rest()?;
            (scenario.settle)(&ground)?;
        }
        for branch in ["main", "workspace"] {
            ground.tips.extend(ground.people().tip(branch).map(|tip| (branch, tip)));
        }
        for folder in ["state", "upstream.git"] {
            copy(&ground.stage().path(folder), &ground.stage().path("base").join(folder));
        }
        Ok(ground)
    }

    fn stage(&self) -> &Stage {
        &self.lives.stage
    }

    /// Returns the people.
    pub(crate) fn people(&self) -> People<'_> {
        People(self.stage())
    }

    /// Puts everything back to where every run begins.
    pub(crate) fn put_back(&self) {
        for folder in ["state", "upstream.git"] {
            copy(&self.stage().path("base").join(folder), &self.stage().path(folder));
        }
        self.stage().world(|world| world.faults.clear());
        self.people().furnish(&self.scenario.files());
    }

    fn set_faults(&self) {
        let faults = self.scenario.faults.iter();
        let faults = faults.map(|fault| serde_json::from_str(fault).unwrap()).collect();
        self.stage().world(|world| world.faults = faults);
    }

    /// Tells the scenario with these kills, and looks at what it came to. Returns how much the last process did;
    /// nothing where one came to rest before it was killed.
    pub(crate) fn run(&self, kills: &[Point]) -> anyhow::Result<Option<(Sight, Passed)>> {
        self.put_back();
        let start = self.stage().world(|world| world.requests().next_back().map(|seen| seen.at));
        self.set_faults();
        (self.scenario.change)(self)?;
        for (at, kill) in kills.iter().enumerate() {
            let before = self.imports_since(start, true);
            match self.lives.live(Some(*kill))?.0 {
                Ended::Killed => {}
                Ended::Rests(_) => return Ok(None),
            }
            if matches!(kill, Point::Request(_, Side::Before)) && before == self.imports_since(start, true) {
                // A fault that struck a request that never arrived has not struck.
                self.set_faults();
            }
            (self.scenario.meanwhile)(self, at + 1);
        }
        let (state, passed) = self.lives.rest()?;
        Ok(Some((self.look(state, start, kills.len()), passed)))
    }

    /// Returns how many imports were asked for since a time, or how many of them were answered.
    fn imports_since(&self, start: Option<DateTime<Utc>>, answered: bool) -> usize {
        self.stage().world(|world| {
            let since = world.requests().rev().take_while(|seen| Some(seen.at) > start);
            since.filter(|seen| seen.route == "import.start" && (!answered || seen.done.is_some())).count()
        })
    }

    fn look(&self, state: Box<State>, start: Option<DateTime<Utc>>, kills: usize) -> Sight {
        let people = self.people();
        let tip = |branch| self.tips.get(branch).map(String::as_str);
        let mut commits = people.log("main", tip("main"));
        commits.extend(people.log("workspace", tip("workspace").or(tip("main"))));
        Sight {
            standing: standing(&state, self.lives.now()),
            state,
            workspace: people.workspace(),
            branch: people.branch("main"),
            mirror: people.branch("workspace"),
            commits,
            asked: self.imports_since(start, false),
            kills,
        }
    }

    /// Tells the scenario with these kills, and asserts what must be true of it. Returns how much the last process
    /// did, and whether an import waits for a person; nothing where the last kill found nobody.
    pub(crate) fn tell(&self, kills: &[Point]) -> anyhow::Result<Option<(Passed, bool)>> {
        let run = || {
            let Some((sight, passed)) = self.run(kills)? else { return Ok(None) };
            sight.is_sound(self.scenario).with_context(|| sight.shown())?;
            Ok::<_, anyhow::Error>(Some((passed, !sight.state.refusals.is_empty())))
        };
        run().with_context(|| format!("{}, killed at {kills:?}", self.scenario.name))
    }
}

impl Sight {
    fn shown(&self) -> String {
        let makers: Vec<&str> = self.commits.iter().map(|commit| commit.committer.as_str()).collect();
        format!(
            "{:?}\nworkspace {:?}\nbranch {:?}\nmirror {:?}\ncommits by {makers:?}, {} imports asked for\n{:#?}",
            self.standing, self.workspace, self.branch, self.mirror, self.asked, self.state
        )
    }

    /// Returns the paths in conflict.
    pub(crate) fn conflicts(&self) -> Vec<&str> {
        self.state.conflicts.keys().map(|path| path.as_str()).collect()
    }

    /// Asserts what is true of every run, and what this scenario comes to.
    fn is_sound(&self, scenario: &Scenario) -> anyhow::Result<()> {
        for (path, text) in scenario.edits {
            let is = |files: &BTreeMap<String, String>| files.get(*path).is_some_and(|said| said == text);
            let is_kept = is(&self.workspace)
                || self.commits.iter().any(|commit| is(&commit.files))
                || self.conflicts().contains(path);
            ensure!(is_kept, "the edit {text:?} of {path} is lost");
        }
        let ours: Vec<&Commit> =
            self.commits.iter().filter(|commit| commit.committer == "recipesync").collect();
        let twice =
            ours.iter().enumerate().any(|(at, one)| ours[..at].iter().any(|other| other.tree == one.tree));
        ensure!(!twice, "a commit was made twice");
        ensure!(ours.len() <= scenario.commits, "{} commits of ours, not {}", ours.len(), scenario.commits);
        let most = if scenario.imports == 0 { 0 } else { scenario.imports + self.kills };
        ensure!(self.asked <= most, "{} imports were asked for", self.asked);
        ensure!(self.state.attempt.is_none(), "an import is left without a verdict");
        (scenario.ends)(self)
    }

    /// Asserts that both sides hold these recipes and no others, and that nothing waits.
    pub(crate) fn agree(&self, texts: &[(&str, &str)]) -> anyhow::Result<()> {
        ensure!(self.standing == Standing::InSync, "it is not in sync");
        self.hold(texts, texts)
    }

    /// Asserts what the two sides hold.
    pub(crate) fn hold(&self, workspace: &[(&str, &str)], branch: &[(&str, &str)]) -> anyhow::Result<()> {
        for (side, found, wanted) in
            [("workspace", &self.workspace, workspace), ("branch", &self.branch, branch)]
        {
            let wanted: BTreeMap<String, String> =
                wanted.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
            if *found != wanted {
                bail!("the {side} holds something else than {wanted:?}");
            }
        }
        Ok(())
    }

    /// Asserts that a failed import waits, and names these of its paths.
    pub(crate) fn waits_for(&self, paths: &[&str]) -> anyhow::Result<()> {
        ensure!(self.standing == Standing::Stalled, "it does not wait");
        let refused = |path: &&str| {
            let mut sent = self.state.refusals.iter().flat_map(|refusal| refusal.paths.keys());
            sent.any(|sent| sent.as_str() == *path)
        };
        ensure!(paths.iter().all(refused), "the failed import does not name {paths:?}");
        ensure!(self.state.refusals.iter().all(|refusal| !refusal.reason.is_empty()), "there is no reason");
        Ok(())
    }
}
