//! The loop: the earliest due project takes a step, its state is saved, it is queued again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::{Instrument as _, error, info, info_span, warn};

use super::advance::{Advanced, advance};
use super::clock;
use super::plant::Plant;
use super::queue::Queue;
use super::watch::Watches;
use crate::blocking;
use crate::model::project::ProjectName;
use crate::model::state::{Next, Phase, Stall, State};
use crate::model::status::{self, Standing};
use crate::store::{Saved, StoreError};
use crate::sync::chain;

/// How long running steps may take to finish when everything is to stop; then they end as in a crash, which the
/// saved states allow at any point.
const GRACE: Duration = Duration::from_secs(3);

/// How often other processes' settlements are looked for.
const TICK: Duration = Duration::from_millis(500);

/// How often the caches' maintenance is considered.
const MAINTENANCE: Duration = Duration::from_secs(3600);

/// When a project whose step panicked is tried again.
const AFTER_PANIC: TimeDelta = TimeDelta::minutes(5);

/// What the loop is told from outside.
pub enum Control {
    /// Go on with another configuration, and look at every project now.
    Replace(Box<Plant>),
    /// Look at every project now.
    LookNow,
    /// Take no new work, finish what runs, and return.
    Stop,
}

type Done = (ProjectName, Result<Advanced, StoreError>);

struct Loop {
    plant: Plant,
    states: BTreeMap<ProjectName, State>,
    queue: Queue,
    running: JoinSet<Done>,
    names: BTreeMap<Id, ProjectName>,
    /// Hinted at while a step was running: to be looked at as soon as it is done.
    hinted: BTreeSet<ProjectName>,
    hints: mpsc::UnboundedSender<String>,
    watches: Watches,
    foreign_writes: i64,
}

/// Runs until it is told to stop. `beat` is called with a line of status at every turn of the loop, twice a second at least.
///
/// # Errors
/// When the state cannot be read or saved.
pub async fn serve(
    plant: Plant,
    mut control: mpsc::Receiver<Control>,
    mut beat: impl FnMut(&str),
) -> Result<(), StoreError> {
    let (hints, mut hinted) = mpsc::unbounded_channel();
    let foreign_writes = plant.store().foreign_writes()?;
    let mut this = Loop {
        plant,
        states: BTreeMap::new(),
        queue: Queue::default(),
        running: JoinSet::new(),
        names: BTreeMap::new(),
        hinted: BTreeSet::new(),
        hints,
        watches: Watches::default(),
        foreign_writes,
    };
    this.take_up()?;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut tidied = clock::instant();
    loop {
        this.start_due();
        let due = this.queue.earliest().unwrap_or_else(|| clock::instant() + MAINTENANCE);
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            Some(done) = this.running.join_next_with_id(), if !this.running.is_empty() => this.take_back(done).await?,
            Some(repository) = hinted.recv() => this.hint(&repository),
            _ = tick.tick() => {
                beat(&this.status());
                this.notice_settlements().await?;
                if tidied.elapsed() > MAINTENANCE && this.running.is_empty() {
                    tidied = clock::instant();
                    this.tidy().await;
                }
            }
            told = control.recv() => match told {
                Some(Control::LookNow) => this.look_at_all(),
                Some(Control::Replace(plant)) => {
                    this.drain(None).await?;
                    this.plant = *plant;
                    this.take_up()?;
                }
                Some(Control::Stop) | None => break,
            },
        }
    }
    this.plant.stop();
    this.drain(Some(GRACE)).await
}

impl Loop {
    /// Loads the projects' states and queues every one of them.
    fn take_up(&mut self) -> Result<(), StoreError> {
        self.queue.clear();
        self.hinted.clear();
        self.states.clear();
        self.watches = Watches::default();
        // Registered before anything is looked at, so that nothing is missed in between.
        for (name, folder) in self.plant.local_upstreams() {
            self.watches.add(name, folder, &self.hints);
        }
        let now = clock::instant();
        for (name, wiring) in self.plant.projects() {
            let mut state = self.plant.store().state(name)?.map(|(state, _)| state).unwrap_or_default();
            if matches!(state.phase, Phase::Importing { package: Some(_), .. }) {
                wiring.workspace.resume_import(name);
            }
            state.look = true;
            self.states.insert(name.clone(), state);
            self.queue.push(name.clone(), now);
        }
        Ok(())
    }

    fn start_due(&mut self) {
        let now = clock::instant();
        while let Some(name) = self.queue.pop_due(now) {
            let Some(wiring) = self.plant.project(&name).cloned() else { continue };
            // A project that is running is queued again when it is done.
            let Some(state) = self.states.remove(&name) else { continue };
            let span = info_span!("step", project = %name);
            let project = name.clone();
            let step = async move { (project, advance(&wiring, state, clock::both()).await) };
            let task = self.running.spawn(step.instrument(span));
            self.names.insert(task.id(), name);
        }
    }

    async fn take_back(&mut self, done: Result<(Id, Done), JoinError>) -> Result<(), StoreError> {
        let (id, name, advanced) = match done {
            Ok((id, (name, advanced))) => (id, name, advanced?),
            Err(failure) => {
                let Some(name) = self.names.get(&failure.id()).cloned() else { return Ok(()) };
                (failure.id(), name.clone(), self.stall_after_panic(&name, failure).await?)
            }
        };
        self.names.remove(&id);
        let hinted = self.hinted.remove(&name);
        let at = match advanced.next {
            // A state that was hinted at while it was worked on may have been read before the hint.
            _ if hinted => clock::instant(),
            Next::Now => clock::instant(),
            Next::At(time) => clock::at(time),
            Next::Settled(time) => clock::at(time) + jitter(&advanced.state),
        };
        if self.plant.project(&name).is_some() {
            self.states.insert(name.clone(), advanced.state);
            self.queue.push(name, at);
        }
        Ok(())
    }

    /// A panic is a defect: it stops that project, loudly, and no other.
    async fn stall_after_panic(
        &self,
        name: &ProjectName,
        failure: JoinError,
    ) -> Result<Advanced, StoreError> {
        let what = match failure.try_into_panic() {
            Ok(panic) => panic_text(panic.as_ref()),
            Err(_) => "it was aborted".to_owned(),
        };
        error!(project = %name, "a step panicked: {what}");
        let mut state = self.plant.store().state(name)?.map(|(state, _)| state).unwrap_or_default();
        let hint =
            "this is a defect in recipesync: report it with the log; the other projects go on".to_owned();
        state.stalled = Some(Stall { reason: format!("a step panicked: {what}"), hint: Some(hint) });
        let due = clock::now() + AFTER_PANIC;
        state.due = Some(due);
        state.look = false;
        if let Some(wiring) = self.plant.project(name) {
            wiring.workspace.release_import(name);
        }
        let (store, project) = (self.plant.store().clone(), name.clone());
        blocking::run(move || {
            let saved = Saved { state: &state, records: None, events: &[], settled: None, next: Some(due) };
            store.save(&project, &saved)?;
            Ok(Advanced { state, next: Next::Settled(due), stopping: false })
        })
        .await
    }

    /// A repository's refs may have moved: its projects look at it now.
    fn hint(&mut self, repository: &str) {
        let now = clock::instant();
        for (name, wiring) in self.plant.projects_of(repository) {
            wiring.repository.distrust();
            if self.states.contains_key(name) {
                self.queue.push(name.clone(), now);
            } else {
                self.hinted.insert(name.clone());
            }
        }
    }

    fn look_at_all(&mut self) {
        let now = clock::instant();
        for (name, state) in &mut self.states {
            state.look = true;
            self.queue.push(name.clone(), now);
        }
        let running = self.names.values().cloned();
        self.hinted.extend(running);
    }

    /// Looks at the projects that somebody settled something for.
    async fn notice_settlements(&mut self) -> Result<(), StoreError> {
        let store = self.plant.store().clone();
        let writes = blocking::run(move || store.foreign_writes()).await?;
        if writes == self.foreign_writes {
            return Ok(());
        }
        self.foreign_writes = writes;
        let store = self.plant.store().clone();
        let settled = blocking::run(move || store.projects_with_settlements()).await?;
        let now = clock::instant();
        for name in settled {
            if self.states.contains_key(&name) {
                self.queue.push(name, now);
            } else {
                self.hinted.insert(name);
            }
        }
        Ok(())
    }

    async fn tidy(&self) {
        for cache in self.plant.caches() {
            if let Err(error) = cache.maintenance().await {
                warn!(repository = cache.url(), "maintenance of the cache failed: {}", chain(&error));
            }
        }
    }

    /// Waits for the running steps, and ends those that take longer than the limit.
    async fn drain(&mut self, limit: Option<Duration>) -> Result<(), StoreError> {
        self.plant.stop();
        let end = limit.map(|limit| clock::instant() + limit);
        while !self.running.is_empty() {
            let next = self.running.join_next_with_id();
            let done = match end {
                None => next.await,
                Some(end) => match tokio::time::timeout_at(end, next).await {
                    Ok(done) => done,
                    Err(_) => {
                        info!(
                            steps = self.running.len(),
                            "ending steps that take too long; they are taken up again"
                        );
                        self.running.shutdown().await;
                        return Ok(());
                    }
                },
            };
            if let Some(done) = done {
                self.take_back(done).await?;
            }
        }
        Ok(())
    }

    fn status(&self) -> String {
        let all = self.plant.projects().count();
        let now = clock::now();
        let count =
            |standing| self.states.values().filter(|state| status::standing(state, now) == standing).count();
        let mut text = format!("{all} projects, {} in sync", count(Standing::InSync));
        for (standing, word) in [
            (Standing::Conflict, "in conflict"),
            (Standing::Drift, "drifted"),
            (Standing::Stalled, "stalled"),
        ] {
            match count(standing) {
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
