//! The request budget of one workspace: an async face over [`Turns`], and the only place here that reads a clock.
//!
//! A [`Slot`] is held from before a request is sent until its answer has begun. The budget outlives the process
//! by two means: each sending is reported beforehand, to be written down, and [`Budget::restore`] takes it back.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::turns::{Answer, Kind, Ticket, Turn, Turns};

/// The span of the quota for requests.
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// The span of the quota for imports.
const HOUR: Duration = Duration::from_secs(3600);
/// How long after its recorded sending a request of an earlier process may have arrived: as long as connecting
/// may take. An import has its body to send first, and an hour to spare.
const ARRIVAL: Duration = super::http::CONNECT_WITHIN;
const IMPORT_ARRIVAL: Duration = super::http::IMPORT_WITHIN;

/// Is told of each request before it is sent, to write it down for [`Budget::restore`]; must be quick.
pub type Record = Box<dyn Fn(Kind, DateTime<Utc>) + Send + Sync>;

/// The budget was stopped: nothing is sent any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the budget was stopped")]
pub struct Stopped;

/// What one workspace is asked at most, by all projects together.
pub struct Budget {
    start: Instant,
    record: Option<Record>,
    state: Mutex<State>,
}

struct State {
    turns: Turns,
    bells: HashMap<Ticket, Arc<Notify>>,
}

impl Budget {
    /// Makes a budget of so many requests in any 60 seconds and so many imports in any 3,600.
    #[must_use]
    pub fn new(
        requests_per_minute: NonZeroU64,
        imports_per_hour: NonZeroU64,
        record: Option<Record>,
    ) -> Self {
        Self::with_spans((requests_per_minute, MINUTE), (imports_per_hour, HOUR), record)
    }

    fn with_spans(
        requests: (NonZeroU64, Duration),
        imports: (NonZeroU64, Duration),
        record: Option<Record>,
    ) -> Self {
        let state = State { turns: Turns::new(requests, imports), bells: HashMap::new() };
        Self { start: instant(), record, state: Mutex::new(state) }
    }

    /// Counts what earlier processes sent. Times after `now`, from a clock that was set back, count as `now`.
    pub fn restore(&self, sent: impl IntoIterator<Item = (Kind, DateTime<Utc>)>, now: DateTime<Utc>) {
        let since_start = self.now();
        let mut state = self.lock();
        for (kind, at) in sent {
            let arrival = match kind {
                Kind::Request => ARRIVAL,
                Kind::Import => IMPORT_ARRIVAL,
            };
            let age = (now - at).to_std().unwrap_or_default().saturating_sub(arrival);
            state.turns.restore(kind, age, since_start);
        }
    }

    /// Waits for a turn and takes it. Dropping the wait gives it up, and holds up nobody.
    ///
    /// # Errors
    /// When the budget is stopped.
    pub async fn acquire(self: &Arc<Self>, turn: Turn<'_>, kind: Kind) -> Result<Slot, Stopped> {
        let waiting = Waiting::join(self, turn, kind);
        loop {
            let answer = {
                let now = self.now();
                self.lock().turns.ask(waiting.ticket, now)
            };
            match answer {
                Answer::Go => {
                    let slot = Slot { budget: Arc::clone(self), kind };
                    drop(waiting); // which wakes who is next
                    if let Some(record) = &self.record {
                        record(kind, wall_clock());
                    }
                    return Ok(slot);
                }
                Answer::Stopped => return Err(Stopped),
                Answer::Wait => waiting.bell.notified().await,
                Answer::AskAt(at) => {
                    // Either way the next thing to do is to ask again.
                    tokio::time::timeout_at(self.start + at, waiting.bell.notified()).await.ok();
                }
            }
        }
    }

    /// Returns whether a request would have its turn at once, and nobody waits for one.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let now = self.now();
        self.lock().turns.is_idle(now)
    }

    /// Holds back all requests of the workspace, or only starts of imports, for a time: the server asked for it.
    pub fn pause(&self, kind: Kind, time: Duration) {
        self.change(|turns, now| turns.pause(kind, now.saturating_add(time)));
    }

    /// Ends all waiting, now and until [`Self::resume`].
    pub fn stop(&self) {
        self.change(|turns, _| turns.stop());
    }

    /// Gives turns again after [`Self::stop`].
    pub fn resume(&self) {
        self.change(|turns, _| turns.resume());
    }

    /// Changes the queue and wakes whoever that concerns. Asking is no change: two who ask would wake each other
    /// for ever.
    fn change(&self, change: impl FnOnce(&mut Turns, Duration)) {
        let now = self.now();
        let mut state = self.lock();
        change(&mut state.turns, now);
        for ticket in state.turns.wake_list(now) {
            if let Some(bell) = state.bells.get(&ticket) {
                bell.notify_one();
            }
        }
    }

    fn now(&self) -> Duration {
        instant().duration_since(self.start)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to send one request; its place comes free one span after it is dropped, so drop it when the answer begins.
#[must_use]
pub struct Slot {
    budget: Arc<Budget>,
    kind: Kind,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.budget.change(|turns, now| turns.answer(self.kind, now));
    }
}

/// A ticket in the queue, given back when the wait ends, however it ends.
struct Waiting<'a> {
    budget: &'a Budget,
    ticket: Ticket,
    bell: Arc<Notify>,
}

impl<'a> Waiting<'a> {
    fn join(budget: &'a Budget, turn: Turn<'_>, kind: Kind) -> Self {
        let bell = Arc::new(Notify::new());
        let mut state = budget.lock();
        let ticket = state.turns.join(turn, kind);
        state.bells.insert(ticket, Arc::clone(&bell));
        Self { budget, ticket, bell }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.budget.lock().bells.remove(&self.ticket);
        self.budget.change(|turns, _| turns.leave(self.ticket));
    }
}

#[expect(clippy::disallowed_methods, reason = "waiting for a quota is about the real time that passes")]
fn instant() -> Instant {
    Instant::now()
}

/// Reads the wall clock, for what is compared with other processes and with the server.
#[expect(clippy::disallowed_methods, reason = "other processes and the server count by it")]
pub(super) fn wall_clock() -> DateTime<Utc> {
    Utc::now()
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::poll;

    use super::super::turns::Class;
    use super::*;

    const EXPORT: Turn<'_> = Turn { project: "a", class: Class::Export };
    const IMPORT: Turn<'_> = Turn { project: "b", class: Class::Import };

    fn budget(requests: u64, span: Duration, record: Option<Record>) -> Arc<Budget> {
        let requests = NonZeroU64::new(requests).unwrap();
        Arc::new(Budget::with_spans((requests, span), (NonZeroU64::MAX, HOUR), record))
    }

    #[tokio::test]
    async fn a_wait_ends_one_span_after_the_answer() {
        let span = Duration::from_millis(30);
        let budget = budget(1, span, None);
        let start = budget.now();
        drop(budget.acquire(EXPORT, Kind::Request).await.unwrap());
        drop(budget.acquire(EXPORT, Kind::Request).await.unwrap());
        assert!(budget.now() - start >= span, "the margin comes on top");
    }

    #[tokio::test]
    async fn a_dropped_wait_passes_the_turn_on() {
        let budget = budget(1, Duration::from_millis(1), None);
        let slot = budget.acquire(EXPORT, Kind::Request).await.unwrap();
        let mut first = Box::pin(budget.acquire(IMPORT, Kind::Request));
        let mut second = Box::pin(budget.acquire(EXPORT, Kind::Request));
        assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
        drop(slot);
        drop(first);
        drop(tokio::time::timeout(MINUTE, second).await.expect("the second is woken").unwrap());
        let state = budget.lock();
        assert!(state.bells.is_empty(), "nobody is left in the queue");
    }

    #[tokio::test]
    async fn nobody_is_forgotten_in_a_crowd() {
        let budget = budget(25, Duration::from_millis(1), None);
        let mut crowd = tokio::task::JoinSet::new();
        for number in 0..60 {
            let budget = Arc::clone(&budget);
            crowd.spawn(async move {
                let project = format!("p{}", number % 7);
                let class = if number % 3 == 0 { Class::Import } else { Class::Export };
                let kind = if number % 6 == 0 { Kind::Import } else { Kind::Request };
                let wait = budget.acquire(Turn { project: &project, class }, kind);
                if number % 5 == 0 {
                    // Gives up at once, or was served at once.
                    futures_util::future::select(Box::pin(wait), std::future::ready(())).await;
                } else {
                    drop(wait.await.unwrap());
                }
            });
        }
        tokio::time::timeout(MINUTE, crowd.join_all()).await.expect("everybody has had a turn");
        assert!(budget.lock().bells.is_empty());
    }

    #[tokio::test]
    async fn a_stop_ends_all_waiting_at_once() {
        let budget = budget(1, HOUR, None);
        let slot = budget.acquire(EXPORT, Kind::Request).await.unwrap();
        let mut waiting = Box::pin(budget.acquire(EXPORT, Kind::Request));
        assert!(poll!(&mut waiting).is_pending());
        drop(slot);
        assert!(poll!(&mut waiting).is_pending());
        budget.stop();
        assert!(matches!(poll!(&mut waiting), Poll::Ready(Err(Stopped))));
        assert!(budget.acquire(IMPORT, Kind::Request).await.is_err());
        budget.resume();
        assert!(poll!(Box::pin(budget.acquire(IMPORT, Kind::Request))).is_pending(), "it waits again");
    }

    #[tokio::test]
    async fn what_was_recorded_counts_in_the_next_process() {
        let (tell, told) = std::sync::mpsc::channel();
        let before = budget(2, MINUTE, Some(Box::new(move |kind, at| tell.send((kind, at)).unwrap())));
        drop(before.acquire(IMPORT, Kind::Import).await.unwrap());
        drop(before.acquire(EXPORT, Kind::Request).await.unwrap());
        let sent: Vec<_> = told.try_iter().collect();
        assert_eq!(sent.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [Kind::Import, Kind::Request]);

        let soon = sent[1].1 + Duration::from_secs(30);
        let after = budget(2, MINUTE, None);
        after.restore(sent.clone(), soon);
        assert!(poll!(Box::pin(after.acquire(EXPORT, Kind::Request))).is_pending());

        let later = sent[1].1 + MINUTE + IMPORT_ARRIVAL + Duration::from_secs(1);
        let after = budget(2, MINUTE, None);
        after.restore(sent, later);
        assert!(poll!(Box::pin(after.acquire(EXPORT, Kind::Request))).is_ready());
    }
}
