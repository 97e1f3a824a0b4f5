//! What happens, in which order: a project's durable steps.
//!
//! A step reads a project's saved state and the outside world, has at most one outward effect that matters, and
//! returns the next state and when to come back. It never sleeps for a job and never saves: the loop saves what
//! it returns before anything else happens. After a crash the same steps go on from the saved state; there is no
//! recovery code.

mod authors;
mod branch;
mod briefs;
mod carry;
mod error;
mod export;
mod idle;
mod import;
mod light;
mod look;
mod observe;
mod offer;
mod packing;
mod record;
mod rest;
mod screen;
mod sides;
mod workspace;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

pub use error::{Disposition, Failed, StepError, chain};
pub use look::{Glance, Outlook, glance, prepare};
pub use packing::pack;
pub use workspace::Workspace;

use export::Progress;

use crate::git::Cache;
use crate::model::branch::BranchName;
use crate::model::history::Event;
use crate::model::project::{Mode, Project};
use crate::model::schedule::Schedule;
use crate::model::state::{Next, Phase, Records, State};
use crate::store::Store;
use crate::workato::{Class, Turn};

/// How often a project without a schedule looks for drift: often enough to be told within the hour, seldom enough
/// to leave the request budget to others.
const DRIFT_LOOK: TimeDelta = TimeDelta::minutes(15);

/// How old a look at the upstream may be that a plan is made from.
const CURRENT: Duration = Duration::from_secs(1);

/// The shortest time between two tries of a project that stalled, however tight its schedule.
pub(crate) const STALLED_LOOK: TimeDelta = TimeDelta::seconds(60);

/// How many packages are read at the same time; a large one alone, since it may take a few times its 100 MB.
const READ_AT_ONCE: u32 = 2;

/// How many large packages are held in memory at the same time, read or not.
const LARGE_AT_ONCE: usize = 2;

/// How many projects hold at the same time what they have asked for before they need it: a folder's list while the upstream
/// has not answered yet, records while the package is on its way.
const HELD_AHEAD: usize = 8;

/// Room for packages in memory, shared by all projects of a process.
#[derive(Debug, Clone)]
pub struct Room {
    reading: Arc<Semaphore>,
    large: Arc<Semaphore>,
    ahead: Arc<Semaphore>,
}

impl Default for Room {
    /// As much as keeps the process below 600 MB.
    fn default() -> Self {
        Self {
            reading: Arc::new(Semaphore::new(READ_AT_ONCE as usize)),
            large: Arc::new(Semaphore::new(LARGE_AT_ONCE)),
            ahead: Arc::new(Semaphore::new(HELD_AHEAD)),
        }
    }
}

impl Room {
    /// Waits for leave to read a package.
    async fn to_read(&self, is_large: bool) -> SemaphorePermit<'_> {
        let places = if is_large { READ_AT_ONCE } else { 1 };
        self.reading.acquire_many(places).await.expect("the room for packages is never closed")
    }

    /// Returns room for what is asked for before it is needed, while there is any.
    fn ahead(&self) -> Option<SemaphorePermit<'_>> {
        self.ahead.try_acquire().ok()
    }
}

/// All that a project's steps may touch.
#[derive(Clone)]
pub struct Wiring {
    /// The project.
    pub project: Arc<Project>,
    /// Its workspace.
    pub workspace: Arc<Workspace>,
    /// Its repository's cache.
    pub repository: Cache,
    /// How long the repository's refs may be taken for current between polls.
    pub poll: Duration,
    /// The saved states.
    pub store: Arc<Store>,
    /// Room for packages in memory, shared by all projects.
    pub room: Room,
    /// Names this process among all that ever ran: another one's unanswered requests are lost.
    pub run: u64,
}

impl Wiring {
    /// Returns the branch that is watched: the import's where there is one.
    pub(crate) fn branch(&self) -> &BranchName {
        self.project.branches().last().expect("a project has a direction")
    }

    /// Returns the project's place in the queue for requests that nothing waits for.
    #[must_use]
    pub fn turn(&self) -> Turn<'_> {
        Turn { project: self.project.name.as_str(), class: Class::Export }
    }

    /// Returns what the state is about.
    fn pairing(&self) -> String {
        let project = &self.project;
        let branches: Vec<&str> = project.branches().map(BranchName::as_str).collect();
        let folder = project.import.as_ref().map(|import| import.folder);
        format!(
            "{} | {} | {folder:?} | {} | {} | {}",
            self.workspace.origin(),
            project.source,
            self.repository.url(),
            project.path,
            branches.join(" → "),
        )
    }

    /// Returns when the schedule asks for the look after one at the given time.
    pub(crate) fn due_after(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let schedule = self.project.export.as_ref().map(|export| &export.schedule);
        match schedule {
            Some(every @ Schedule::Every(_)) => every.next_after(&at),
            // People write cron lines in the machine's time.
            Some(cron @ Schedule::Cron(_)) => {
                cron.next_after(&at.with_timezone(&chrono::Local)).map(|time| time.to_utc())
            }
            None => Some(at + DRIFT_LOOK),
        }
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Returns how old what was last seen of the upstream may be between polls; a little less than their distance, so
    /// that each poll looks.
    fn poll_age(&self) -> Duration {
        self.poll.mul_f64(0.9)
    }

    fn mode(&self) -> Mode {
        self.project.mode()
    }
}

/// The time by both clocks, as it was when a step began.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The wall clock's.
    pub time: DateTime<Utc>,
    /// The steady clock's, for ages within this process.
    pub instant: Instant,
}

impl Now {
    /// Returns the time by now: a step may have waited for its requests' turns.
    fn later(&self) -> DateTime<Utc> {
        self.time + TimeDelta::from_std(self.instant.elapsed()).unwrap_or_default()
    }

    /// Returns the steady clock's time by now, likewise.
    fn later_instant(&self) -> Instant {
        self.instant + self.instant.elapsed()
    }
}

/// What a step leaves behind.
#[derive(Debug)]
pub struct Stepped {
    /// The next state; in a box, since a future has room for each place that a value passes through, and thousands of
    /// steps may wait at the same time.
    pub state: Box<State>,
    /// The records, where they changed.
    pub records: Option<Records>,
    /// The records as they were, where the step has read them and they changed.
    pub known: Option<Records>,
    /// What is to be told in the history.
    pub events: Vec<Event>,
    /// The last settlement that was taken up.
    pub settled: Option<i64>,
    /// When to come back.
    pub next: Next,
}

impl Stepped {
    fn new(state: Box<State>, next: Next) -> Self {
        Self { state, records: None, known: None, events: Vec::new(), settled: None, next }
    }
}

/// What every step returns: what to save, or why it did not get on, with the state as it is.
pub type StepResult = Result<Stepped, Box<Failed>>;

/// Takes one step.
///
/// # Errors
/// With the failure and the state to save; [`StepError::disposition`] says what it means.
pub async fn step(wiring: &Wiring, state: Box<State>, now: Now) -> StepResult {
    let pairing = wiring.pairing();
    if state.pairing != pairing {
        // Another workspace, folder or branch: what was agreed about the old one says nothing about this one, and
        // an import into the old one is nobody's to follow.
        wiring.workspace.release_import(&wiring.project.name);
        let state = Box::new(State { pairing, look: true, ..State::default() });
        let records = Some(Records::default());
        return Ok(Stepped { records, ..Stepped::new(state, Next::Now) });
    }
    // What a step may come to is made when it comes to it: most do not, and thousands may wait at the same time.
    let progress = match state.phase {
        Phase::Idle => idle::step(wiring, state, now).await?,
        Phase::Exporting { .. } => Box::pin(export::step(wiring, state, now)).await?,
        Phase::Importing { .. } => return Box::pin(import::step(wiring, state, now)).await,
    };
    match progress {
        Progress::Waits(stepped) => Ok(*stepped),
        Progress::Seen(view) => Box::pin(carry::on(wiring, *view, now)).await,
    }
}

/// Ends a step with an error.
fn fail<T>(state: Box<State>, error: impl Into<StepError>) -> Result<T, Box<Failed>> {
    Err(Box::new(Failed { error: error.into(), state }))
}
