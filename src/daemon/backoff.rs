//! How long to wait after a failure: doubling, capped, jittered; a pure function.

use std::time::Duration;

/// The longest wait, so that a service that comes back is found within minutes.
const LONGEST: Duration = Duration::from_secs(300);

/// Returns how long to wait after so many failures in a row: at most a second after the first, then doubling, and
/// between half and all of it by `jitter` (0 to 1), so that projects that failed together do not return together.
#[must_use]
pub fn delay(failures: u32, jitter: f64) -> Duration {
    let doubled = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    doubled.min(LONGEST).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// Returns whether a failure is worth a line in the log: the first, and then each doubling.
#[must_use]
pub(super) fn is_told(failures: u32) -> bool {
    failures.is_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_cap_within_their_jitter() {
        let seconds = |failures, jitter| delay(failures, jitter).as_secs_f64();
        assert_eq!([1, 2, 3, 4].map(|n| seconds(n, 1.0)), [1.0, 2.0, 4.0, 8.0]);
        assert_eq!(seconds(1, 0.0), 0.5);
        assert_eq!(seconds(100, 1.0), 300.0);
        assert_eq!(seconds(u32::MAX, 0.0), 150.0);
    }

    #[test]
    fn the_first_failure_and_each_doubling_are_told() {
        let told: Vec<u32> = (1..20).filter(|n| is_told(*n)).collect();
        assert_eq!(told, [1, 2, 4, 8, 16]);
    }
}
