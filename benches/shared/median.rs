//! The middle of what was measured.

use std::time::Duration;

/// Returns the middle of some durations in milliseconds; `None` where there are none.
pub(crate) fn median(times: impl IntoIterator<Item = Duration>) -> Option<f64> {
    let mut sorted: Vec<f64> = times.into_iter().map(|time| time.as_secs_f64() * 1000.0).collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[odd / 2]),
        even => Some(f64::midpoint(sorted[even / 2 - 1], sorted[even / 2])),
    }
}
