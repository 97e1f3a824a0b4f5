//! What the benches measure with.

use std::time::Instant;

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(crate) fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
