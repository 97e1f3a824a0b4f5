//! A quota as a sliding window: at most so many requests in *any* span of time, as the server counts them.
//!
//! Pure: time is an argument, counted from a start that the caller chooses. When a request arrives at the server
//! is not known here, only that it is between its sending and its answer; so a place is taken at the sending and
//! is free again one span after the answer.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::time::Duration;

/// What is added to each span: the server's clock may run a little differently.
const MARGIN: Duration = Duration::from_millis(250);
/// Places that come free within one step are counted together, at its end: this bounds the memory of any quota to
/// a few hundred numbers a minute.
const STEP: Duration = Duration::from_millis(100);

/// When the next request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// At once.
    Now,
    /// Not before this time.
    At(Duration),
    /// Only after an answer: all places are taken by requests on their way.
    AfterAnswer,
}

/// The places of one quota.
#[derive(Debug)]
pub(super) struct Window {
    limit: u64,
    span: Duration,
    on_their_way: u64,
    /// Places by the time at which they are free again, ascending.
    taken: VecDeque<(Duration, u64)>,
    taken_count: u64,
    closed_until: Duration,
}

impl Window {
    /// Makes a window of `limit` requests in any `span`.
    pub(super) fn new(limit: NonZeroU64, span: Duration) -> Self {
        Self {
            limit: limit.get(),
            span,
            on_their_way: 0,
            taken: VecDeque::new(),
            taken_count: 0,
            closed_until: Duration::ZERO,
        }
    }

    /// Returns when the next request may be sent.
    pub(super) fn opening(&mut self, now: Duration) -> Opening {
        while let Some((_, count)) = self.taken.front().filter(|(free, _)| *free <= now) {
            self.taken_count -= count;
            self.taken.pop_front();
        }
        let used = self.on_their_way.saturating_add(self.taken_count);
        let place = if used < self.limit { Some(Duration::ZERO) } else { self.first_free(used - self.limit) };
        match place.map(|place| place.max(self.closed_until)) {
            None => Opening::AfterAnswer,
            Some(at) if at <= now => Opening::Now,
            Some(at) => Opening::At(at),
        }
    }

    /// Returns when more than `excess` places have come free, or `None` where only answers can free that many.
    fn first_free(&self, mut excess: u64) -> Option<Duration> {
        for (free, count) in &self.taken {
            if *count > excess {
                return Some(*free);
            }
            excess -= count;
        }
        None
    }

    /// Takes a place for a request that is sent now.
    pub(super) fn send(&mut self) {
        self.on_their_way += 1;
    }

    /// Notes the answer to a request, or that it was given up.
    pub(super) fn answer(&mut self, now: Duration) {
        self.on_their_way -= 1;
        self.hold(now + self.span + MARGIN);
    }

    /// Takes a place for a request of an earlier process that the server had seen `age` before now at the latest.
    pub(super) fn restore(&mut self, age: Duration, now: Duration) {
        if let Some(left) = (self.span + MARGIN).checked_sub(age) {
            self.hold(now + left);
        }
    }

    /// Sends nothing before `until`, whatever places are free.
    pub(super) fn close(&mut self, until: Duration) {
        self.closed_until = self.closed_until.max(until);
    }

    fn hold(&mut self, free: Duration) {
        let free = round_up(free);
        let at = self.taken.partition_point(|(other, _)| *other < free);
        match self.taken.get_mut(at) {
            Some((same, count)) if *same == free => *count += 1,
            _ => self.taken.insert(at, (free, 1)),
        }
        self.taken_count += 1;
    }
}

/// Rounds up to a whole step: a place is never free too early.
fn round_up(time: Duration) -> Duration {
    let steps = time.as_nanos().div_ceil(STEP.as_nanos());
    STEP * u32::try_from(steps).expect("no process runs for thirteen years")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPAN: Duration = Duration::from_secs(60);

    fn window(limit: u64) -> Window {
        Window::new(NonZeroU64::new(limit).unwrap(), SPAN)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_place_is_free_one_span_after_the_answer() {
        let mut window = window(1);
        assert_eq!(window.opening(ms(0)), Opening::Now);
        window.send();
        assert_eq!(window.opening(ms(5_000)), Opening::AfterAnswer);
        window.answer(ms(7_001));
        assert_eq!(window.opening(ms(7_001)), Opening::At(ms(67_300)));
        assert_eq!(window.opening(ms(67_299)), Opening::At(ms(67_300)));
        assert_eq!(window.opening(ms(67_300)), Opening::Now);
    }

    #[test]
    fn what_an_earlier_process_sent_counts() {
        let mut window = window(2);
        window.restore(ms(59_000), ms(0));
        window.restore(ms(1_000), ms(0));
        window.restore(ms(60_251), ms(0));
        assert_eq!(window.opening(ms(0)), Opening::At(ms(1_300)));
        window.restore(ms(2_000), ms(0));
        assert_eq!(window.opening(ms(0)), Opening::At(ms(58_300)), "more than the limit: two must go");
    }

    #[test]
    fn a_closed_window_waits_even_with_free_places() {
        let mut window = window(9);
        window.close(ms(500));
        window.close(ms(400));
        assert_eq!(window.opening(ms(0)), Opening::At(ms(500)));
        assert_eq!(window.opening(ms(500)), Opening::Now);
    }

    #[test]
    fn a_giant_quota_stays_small() {
        let mut window = window(4_000_000_000);
        for request in 0..120_000 {
            assert_eq!(window.opening(ms(request / 2)), Opening::Now);
            window.send();
            window.answer(ms(request / 2));
        }
        assert!(window.taken.len() <= 605, "{}", window.taken.len());
    }

    proptest! {
        /// The server sees each request at some time between its sending and its answer.
        #[test]
        fn no_span_ever_holds_more_than_the_limit(
            limit in 1_u64..5,
            requests in prop::collection::vec((0_u64..9_000, 0_u64..20_000, 0.0_f64..=1.0), 1..60),
        ) {
            let mut window = window(limit);
            let mut now = 0;
            let mut answers: Vec<u64> = Vec::new();
            let mut seen = Vec::new();
            for (pause, takes, arrives) in requests {
                now += pause;
                loop {
                    answers.sort_unstable();
                    while answers.first().is_some_and(|at| *at <= now) {
                        window.answer(ms(answers.remove(0)));
                    }
                    match window.opening(ms(now)) {
                        Opening::Now => break,
                        Opening::At(at) => {
                            let at = u64::try_from(at.as_millis()).unwrap();
                            now = answers.first().map_or(at, |answer| at.min(*answer));
                        }
                        Opening::AfterAnswer => now = answers[0],
                    }
                }
                window.send();
                answers.push(now + takes);
                seen.push(now + (takes as f64 * arrives) as u64);
            }
            seen.sort_unstable();
            for pair in seen.windows(usize::try_from(limit).unwrap() + 1) {
                prop_assert!(pair[pair.len() - 1] - pair[0] >= 60_000, "{seen:?}");
            }
        }
    }
}
