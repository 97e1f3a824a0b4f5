//! The loop: the earliest due project takes a step, its state is saved, it is queued again.
//!
//! Nothing here waits but the one `select!`: whatever takes time is a task, so that a signal, the watchdog and the
//! other projects never wait for it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tracing::{info, warn};

use super::clock;
use super::plant::{Plant, tidy};
use super::projects::Projects;
use super::watch::Watches;
use crate::blocking;
use crate::model::project::ProjectName;
use crate::store::StoreError;

/// How long running steps may take to finish when everything is to stop; then they end as in a crash, which the
/// saved states allow at any point.
const GRACE: Duration = Duration::from_secs(3);

/// How long they may take when another configuration is to be taken up.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often the loop shows that it is alive: short enough for a watchdog of half a second.
const BEAT: Duration = Duration::from_millis(100);

/// How often other processes' settlements are looked for.
const SETTLEMENTS: Duration = Duration::from_millis(500);

/// How often the caches' maintenance is considered while nothing else goes on …
const MAINTENANCE: Duration = Duration::from_secs(600);

/// … and where something always does.
const MAINTENANCE_ANYWAY: Duration = Duration::from_secs(3600);

/// What the loop is told from outside.
pub enum Control {
    /// Take no new work, and say when nothing runs any more, so that a plant can be built in the place of this one:
    /// `true` where every step has ended by itself, `false` where some were ended as in a crash.
    Pause(oneshot::Sender<bool>),
    /// After a pause: go on with another plant, and look at every project now.
    Replace(Box<Plant>),
    /// After a pause: go on with the plant as it is, and look at every project now.
    Resume,
    /// Look at every project now.
    LookNow,
    /// Take no new work, finish what runs, and return.
    Stop,
}

/// What the loop tells the outside, each time with a line of status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat<'a> {
    /// It is alive: ten times a second.
    Alive(&'a str),
    /// It does what [`Control::Replace`], [`Control::Resume`] or [`Control::LookNow`] asked for.
    TakenUp(&'a str),
}

/// New work is not taken until the plant is replaced.
struct Pause {
    /// When the steps that still run are ended.
    until: Instant,
    /// Whether steps were ended.
    cut: bool,
    drained: Option<oneshot::Sender<bool>>,
}

/// What is done beside the steps.
enum Chore {
    /// How often others have written, and for whom something was settled.
    Settlements(Result<(i64, Vec<ProjectName>), StoreError>),
    Tidied,
}

struct Loop {
    projects: Projects,
    /// The repositories whose refs may have moved, as the watches tell.
    moved: watch::Sender<BTreeSet<String>>,
    #[expect(dead_code, reason = "held, not read: dropping it ends the watching")]
    watches: Watches,
    chores: JoinSet<Chore>,
    /// How often others had written when settlements were looked for last.
    foreign_writes: Option<i64>,
    asked: Instant,
    asking: bool,
    tidied: Instant,
    pause: Option<Pause>,
    status: String,
}

/// Maintenance waits until no step runs, which it might hold up, but not for ever.
fn is_time_to_tidy(since: Duration, running: usize) -> bool {
    since > MAINTENANCE && running == 0 || since > MAINTENANCE_ANYWAY
}

/// Runs until it is told to stop.
///
/// # Errors
/// When the state cannot be read or saved.
pub async fn serve(
    plant: Plant,
    mut control: mpsc::Receiver<Control>,
    mut beat: impl FnMut(Beat<'_>),
) -> Result<(), StoreError> {
    let (moved, mut moves) = watch::channel(BTreeSet::new());
    let mut this = Loop::take_up(plant, moved)?;
    let mut tick = tokio::time::interval(BEAT);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        this.attend();
        let now = clock::instant();
        let due = this.projects.earliest().filter(|_| this.pause.is_none());
        tokio::select! {
            () = tokio::time::sleep_until(due.unwrap_or(now)), if due.is_some() => {}
            Some(ended) = this.projects.ended() => this.projects.take_back(ended)?,
            Some(done) = this.chores.join_next() => this.note(done)?,
            Ok(()) = moves.changed() => this.hint(),
            _ = tick.tick() => {
                this.tick();
                beat(Beat::Alive(&this.status));
            }
            told = control.recv() => match told {
                Some(Control::Stop) | None => break,
                Some(told) => {
                    if this.obey(told)? {
                        beat(Beat::TakenUp(&this.projects.status()));
                    }
                }
            },
        }
    }
    this.finish().await
}

impl Loop {
    fn take_up(plant: Plant, moved: watch::Sender<BTreeSet<String>>) -> Result<Self, StoreError> {
        // Registered before anything is looked at, so that nothing is missed in between.
        let watches = Watches::of(plant.local_upstreams(), &moved);
        let mut projects = Projects::take_up(plant)?;
        let now = clock::instant();
        Ok(Self {
            status: projects.status(),
            projects,
            moved,
            watches,
            chores: JoinSet::new(),
            foreign_writes: None,
            asked: now,
            asking: false,
            tidied: now,
            pause: None,
        })
    }

    /// Starts what is due, or goes on with a pause.
    fn attend(&mut self) {
        let Some(pause) = &mut self.pause else { return self.projects.start_due() };
        if self.projects.running() == 0 && self.chores.is_empty() {
            if let Some(drained) = pause.drained.take() {
                // Whoever asked may have been told to stop meanwhile.
                drained.send(!pause.cut).ok();
            }
        } else if !pause.cut && clock::instant() >= pause.until {
            pause.cut = true;
            info!(
                steps = self.projects.running(),
                "ending steps that take too long; they are taken up again"
            );
            self.projects.cut();
        }
    }

    /// Does what is told; answers whether everything is looked at now.
    fn obey(&mut self, told: Control) -> Result<bool, StoreError> {
        match told {
            Control::Pause(drained) => {
                self.projects.plant().stop();
                self.chores.abort_all();
                let until = clock::instant() + PATIENCE;
                self.pause = Some(Pause { until, cut: false, drained: Some(drained) });
                return Ok(false);
            }
            Control::Replace(plant) => {
                // The old watches go only now, so that no moment goes unwatched.
                *self = Self::take_up(*plant, self.moved.clone())?;
                self.projects.look_at_all();
            }
            Control::Resume => {
                self.projects.plant().resume();
                self.projects.take_up_again()?;
                self.projects.look_at_all();
                (self.pause, self.asking) = (None, false);
            }
            Control::LookNow | Control::Stop => self.projects.look_at_all(),
        }
        Ok(true)
    }

    /// Tells the projects of the repositories that may have moved.
    fn hint(&mut self) {
        let mut moved = BTreeSet::new();
        self.moved.send_if_modified(|names| {
            moved = std::mem::take(names);
            false
        });
        moved.iter().for_each(|repository| self.projects.hint(repository));
    }

    /// Starts the chores that are due.
    fn tick(&mut self) {
        let now = clock::instant();
        if self.pause.is_some() || self.asking || now.duration_since(self.asked) < SETTLEMENTS {
            return;
        }
        (self.asked, self.asking) = (now, true);
        self.status = self.projects.status();
        let (store, known) = (self.projects.plant().store().clone(), self.foreign_writes);
        self.chores.spawn(async move {
            Chore::Settlements(
                blocking::run(move || {
                    let writes = store.foreign_writes()?;
                    let names =
                        if Some(writes) == known { Vec::new() } else { store.projects_with_settlements()? };
                    Ok((writes, names))
                })
                .await,
            )
        });
        if is_time_to_tidy(now.duration_since(self.tidied), self.projects.running()) {
            self.tidied = now;
            for cache in self.projects.plant().caches() {
                let cache = cache.clone();
                self.chores.spawn(async move {
                    tidy(&cache).await;
                    Chore::Tidied
                });
            }
        }
    }

    fn note(&mut self, done: Result<Chore, JoinError>) -> Result<(), StoreError> {
        match done {
            Ok(Chore::Settlements(found)) => {
                let (writes, names) = found?;
                (self.foreign_writes, self.asking) = (Some(writes), false);
                names.iter().for_each(|name| self.projects.settled(name));
            }
            Ok(Chore::Tidied) => {}
            Err(failure) if failure.is_cancelled() => self.asking = false,
            Err(failure) => {
                self.asking = false;
                warn!("a chore panicked: {failure}");
            }
        }
        Ok(())
    }

    /// Takes no new work and lets the running steps end, for a while.
    async fn finish(mut self) -> Result<(), StoreError> {
        self.projects.plant().stop();
        let end = clock::instant() + GRACE;
        loop {
            match tokio::time::timeout_at(end, self.projects.ended()).await {
                Ok(Some(ended)) => self.projects.take_back(ended)?,
                Ok(None) => return Ok(()),
                Err(_) => {
                    let steps = self.projects.running();
                    info!(
                        steps,
                        "ending steps that take too long; the next start goes on from the saved states"
                    );
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maintenance_waits_for_quiet_but_not_for_ever() {
        let second = Duration::from_secs(1);
        assert!(!is_time_to_tidy(MAINTENANCE, 0));
        assert!(is_time_to_tidy(MAINTENANCE + second, 0));
        assert!(!is_time_to_tidy(MAINTENANCE + second, 1));
        assert!(!is_time_to_tidy(MAINTENANCE_ANYWAY, 1));
        assert!(is_time_to_tidy(MAINTENANCE_ANYWAY + second, 1));
    }
}
