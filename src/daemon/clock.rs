//! The clocks' only door. Whatever decides takes `now` as an argument.

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::sync::Now;

/// Returns the time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one door")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Returns the steady clock's time, which nobody sets.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one door")]
pub fn instant() -> Instant {
    Instant::now()
}

/// Returns both, for a step.
#[must_use]
pub fn both() -> Now {
    Now { time: now(), instant: instant() }
}

/// Returns the steady time at which the wall clock will show a time, if nobody sets it meanwhile.
#[must_use]
pub fn at(time: DateTime<Utc>) -> Instant {
    instant() + (time - now()).to_std().unwrap_or_default()
}
