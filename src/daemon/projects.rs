//! The projects that the loop works on: who is due, whose step runs, and what was heard about them meanwhile.
//!
//! A project is either queued with its state at hand, or a step of it runs; never both, never neither. It waits for
//! nothing by itself: `serve` does.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tracing::{Instrument as _, error, error_span};

use super::advance::{Advanced, advance};
use super::clock;
use super::plant::Plant;
use super::queue::Queue;
use super::standings::Standings;
use crate::blocking;
use crate::model::project::ProjectName;
use crate::model::state::{Next, Phase, Stall, State};
use crate::model::status::Standing;
use crate::store::{Saved, StoreError};

/// When a project whose step panicked is tried again.
const AFTER_PANIC: TimeDelta = TimeDelta::minutes(5);

/// How long to wait for more after a hint: one push touches several files, and a folder that has just been made is
/// watched a moment later.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// A step that has ended, by itself or by a panic.
pub(super) type Ended = Result<(Id, Done), JoinError>;

type Done = Result<Advanced, StoreError>;

/// What was heard about a project whose step was running, and may not have seen it.
#[derive(Debug, Default, Clone, Copy)]
struct Heard {
    /// Its branch may have moved.
    hint: bool,
    /// Everything is to be looked at, by a full export.
    look: bool,
    /// Somebody settled something: stays until a look has ended, since only the next one takes it up.
    settlement: bool,
}

/// The projects of a plant.
pub(super) struct Projects {
    plant: Plant,
    states: BTreeMap<ProjectName, Box<State>>,
    queue: Queue,
    running: JoinSet<Done>,
    names: HashMap<Id, ProjectName>,
    heard: BTreeMap<ProjectName, Heard>,
    standings: Standings,
}

impl Projects {
    /// Takes up the projects of a plant: loads their states and queues every one.
    pub(super) fn take_up(plant: Plant) -> Result<Self, StoreError> {
        let mut this = Self {
            plant,
            states: BTreeMap::new(),
            queue: Queue::default(),
            running: JoinSet::new(),
            names: HashMap::new(),
            heard: BTreeMap::new(),
            standings: Standings::default(),
        };
        this.take_up_again()?;
        Ok(this)
    }

    /// Loads the states anew, and queues every project. No step runs.
    pub(super) fn take_up_again(&mut self) -> Result<(), StoreError> {
        let now = clock::both();
        self.heard.clear();
        for (name, wiring) in self.plant.projects() {
            let mut state = self.plant.store().state(name)?.map(|(state, _)| state).unwrap_or_default();
            if matches!(state.phase, Phase::Importing { package: Some(_), .. }) {
                wiring.workspace.resume_import(name);
            } else {
                wiring.workspace.release_import(name);
            }
            state.look = true;
            self.standings.note(name, &state, now.time);
            self.states.insert(name.clone(), state);
            self.queue.push(name.clone(), now.instant);
        }
        Ok(())
    }

    pub(super) fn plant(&self) -> &Plant {
        &self.plant
    }

    /// Returns when the earliest project is due.
    pub(super) fn earliest(&self) -> Option<Instant> {
        self.queue.earliest()
    }

    /// Returns how many steps run.
    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    /// Waits for the next step to end; `None` where none runs. May be dropped while it waits.
    pub(super) async fn ended(&mut self) -> Option<Ended> {
        self.running.join_next_with_id().await
    }

    /// Ends the running steps as in a crash, which the saved states allow at any point. They still come back, as
    /// cancelled ones.
    pub(super) fn cut(&mut self) {
        self.running.abort_all();
    }

    /// Starts the steps of all that are due.
    pub(super) fn start_due(&mut self) {
        let now = clock::instant();
        while let Some(name) = self.queue.pop_due(now) {
            let Some(wiring) = self.plant.project(&name).cloned() else { continue };
            // A project that is running is queued again when it is done.
            let Some(state) = self.states.remove(&name) else { continue };
            self.spawn(name, async move { advance(&wiring, state, clock::both()).await });
        }
    }

    fn spawn(
        &mut self,
        name: ProjectName,
        step: impl Future<Output = Result<Advanced, StoreError>> + Send + 'static,
    ) {
        // Of the highest level, so that the name is there however quiet the log is.
        let span = error_span!("step", project = %name);
        let task = self.running.spawn(step.instrument(span));
        self.names.insert(task.id(), name);
    }

    /// Queues a project again after a step of it has ended.
    pub(super) fn take_back(&mut self, ended: Ended) -> Result<(), StoreError> {
        let (id, done) = match ended {
            Ok((id, advanced)) => (id, Ok(advanced?)),
            Err(failure) => (failure.id(), Err(failure)),
        };
        let name = self.names.remove(&id).expect("every running step has its name here");
        match done {
            Ok(advanced) => self.queue_again(name, advanced),
            // Only where everything is taken up anew afterwards.
            Err(failure) if failure.is_cancelled() => {}
            Err(failure) => self.stall_after_panic(name, failure),
        }
        Ok(())
    }

    fn queue_again(&mut self, name: ProjectName, advanced: Advanced) {
        let Advanced { mut state, next, .. } = advanced;
        let heard = self.heard.remove(&name).unwrap_or_default();
        state.look |= heard.look;
        state.full |= heard.look;
        let at = match next {
            _ if heard.hint || heard.look => clock::instant(),
            Next::Settled(_) if heard.settlement => clock::instant(),
            Next::Now => clock::instant(),
            Next::At(time) => clock::at(time),
            Next::Settled(time) => clock::at(time) + jitter(&state),
        };
        if heard.settlement && !matches!(next, Next::Settled(_)) {
            self.heard.entry(name.clone()).or_default().settlement = true;
        }
        self.standings.note(&name, &state, clock::now());
        self.states.insert(name.clone(), state);
        self.queue.push(name, at);
    }

    /// A panic is a defect: it stops that project, loudly, and no other.
    fn stall_after_panic(&mut self, name: ProjectName, failure: JoinError) {
        let what = failure
            .try_into_panic()
            .map_or_else(|_| "it was aborted".to_owned(), |panic| panic_text(panic.as_ref()));
        error!(project = %name, "a step panicked: {what}");
        if let Some(wiring) = self.plant.project(&name) {
            wiring.workspace.release_import(&name);
        }
        let (store, project) = (self.plant.store().clone(), name.clone());
        let due = clock::now() + AFTER_PANIC;
        let stall = async move {
            blocking::run(move || {
                let mut state = store.state(&project)?.map(|(state, _)| state).unwrap_or_default();
                let hint = "this is a defect in recipesync: report it with the log; the other projects go on";
                let reason = format!("a step panicked: {what}");
                state.stalled = Some(Stall { reason, hint: Some(hint.to_owned()) });
                state.due = Some(due);
                state.look = false;
                let saved = Saved {
                    state: &state,
                    records: None,
                    known: None,
                    events: &[],
                    settled: None,
                    next: Some(due),
                };
                store.save(&project, &saved)?;
                Ok(Advanced { state, next: Next::At(due), stopping: false })
            })
            .await
        };
        self.spawn(name, stall);
    }

    /// A repository's refs may have moved: its projects look at it now.
    pub(super) fn hint(&mut self, repository: &str) {
        let soon = clock::instant() + DEBOUNCE;
        for (name, wiring) in self.plant.projects_of(repository) {
            wiring.repository.distrust();
            if self.states.contains_key(name) {
                self.queue.push(name.clone(), soon);
            } else {
                self.heard.entry(name.clone()).or_default().hint = true;
            }
        }
    }

    /// Looks at both sides of every project now, by a full export: a person asks for it.
    pub(super) fn look_at_all(&mut self) {
        let now = clock::instant();
        for (name, wiring) in self.plant.projects() {
            wiring.repository.distrust();
            if let Some(state) = self.states.get_mut(name) {
                (state.look, state.full) = (true, true);
                self.queue.push(name.clone(), now);
            } else {
                self.heard.entry(name.clone()).or_default().look = true;
            }
        }
    }

    /// Somebody has settled something for a project.
    pub(super) fn settled(&mut self, name: &ProjectName) {
        if self.plant.project(name).is_none() {
            return;
        }
        self.heard.entry(name.clone()).or_default().settlement = true;
        if self.states.contains_key(name) {
            self.queue.push(name.clone(), clock::instant());
        }
    }

    /// Says in one line how things are.
    pub(super) fn status(&mut self) -> String {
        self.standings.pass_time(clock::now());
        let all = self.plant.projects().len();
        let projects = if all == 1 { "project" } else { "projects" };
        let mut text = format!("{all} {projects}, {} in sync", self.standings.count(Standing::InSync));
        for (standing, word) in [
            (Standing::Conflict, "in conflict"),
            (Standing::Drift, "drifted"),
            (Standing::Stalled, "stalled"),
        ] {
            match self.standings.count(standing) {
                0 => {}
                some => text.push_str(&format!(", {some} {word}")),
            }
        }
        text
    }
}

/// Spreads out projects that rest until the same time: by a twentieth of the wait, and five seconds at most.
fn jitter(state: &State) -> Duration {
    let wait = state.due.map_or(Duration::ZERO, |due| (due - clock::now()).to_std().unwrap_or_default());
    (wait / 20).min(Duration::from_secs(5)).mul_f64(fastrand::f64())
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::Store;

    async fn end(projects: &mut Projects) {
        let ended = projects.ended().await.expect("a step runs");
        projects.take_back(ended).unwrap();
    }

    #[tokio::test]
    async fn a_step_that_panics_stalls_its_project_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        let none = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let plant = Plant::new(Arc::clone(&store), none.0, none.1, none.2, Vec::new());
        let mut projects = Projects::take_up(plant).unwrap();
        let [bad, good] = ["bad", "good"].map(|name| ProjectName::parse(name).unwrap());

        projects.spawn(bad.clone(), async { panic!("the step's own words") });
        end(&mut projects).await;
        end(&mut projects).await; // the task that saves the stall
        projects.spawn(good.clone(), async {
            Ok(Advanced { state: Box::default(), next: Next::Now, stopping: false })
        });
        end(&mut projects).await;

        let (state, _) = store.state(&bad).unwrap().unwrap();
        assert_eq!(state.stalled.unwrap().reason, "a step panicked: the step's own words");
        assert_eq!(store.state(&good).unwrap(), None);
        let queued: Vec<_> = std::iter::from_fn(|| {
            projects.queue.pop_due(clock::at(state.due.unwrap() + TimeDelta::seconds(1)))
        })
        .collect();
        assert_eq!(queued, [good, bad], "both are looked at again");
    }

    #[tokio::test]
    async fn what_is_heard_during_a_step_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        let plant = Plant::new(store, BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut projects = Projects::take_up(plant).unwrap();
        let name = ProjectName::parse("orders").unwrap();
        let later = clock::now() + TimeDelta::hours(1);
        let is_due = |projects: &mut Projects| projects.queue.pop_due(clock::instant()).is_some();
        for (heard, next, due) in [
            (Heard::default(), Next::Settled(later), false),
            (Heard { hint: true, ..Heard::default() }, Next::Settled(later), true),
            (Heard { look: true, ..Heard::default() }, Next::At(later), true),
            (Heard { settlement: true, ..Heard::default() }, Next::At(later), false),
            // The settlement of the line above: now the look has ended that could not take it up.
            (Heard::default(), Next::Settled(later), true),
            (Heard::default(), Next::Settled(later), false),
        ] {
            projects.queue = Queue::default();
            let kept = projects.heard.remove(&name).unwrap_or_default();
            let heard = Heard { settlement: heard.settlement || kept.settlement, ..heard };
            projects.heard.insert(name.clone(), heard);
            projects.queue_again(name.clone(), Advanced { state: Box::default(), next, stopping: false });
            assert_eq!(is_due(&mut projects), due, "{heard:?} {next:?}");
            let state = &projects.states[&name];
            assert_eq!((state.look, state.full), (heard.look, heard.look));
        }
    }
}
