//! The one way from async code to code that blocks: libgit2, zip, JSON, SQLite, and large bodies while they come.
//!
//! It carries the caller's span, so that a line logged inside still names its project, and hands a panic on to
//! the caller, where the loop turns it into a stalled project.

use tracing::Span;

/// Runs blocking work on the blocking pool and waits for it.
///
/// # Panics
/// Panics where the work panicked. Cancelling the wait does not stop the work.
pub async fn run<T, F>(work: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let span = Span::current();
    #[expect(clippy::disallowed_methods, reason = "this is the one door")]
    let task = tokio::task::spawn_blocking(move || span.in_scope(work));
    match task.await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await, // the runtime is going away
        },
    }
}

/// Runs blocking work on the blocking pool that nobody waits for.
pub fn leave<F: FnOnce() + Send + 'static>(work: F) {
    #[expect(clippy::disallowed_methods, reason = "this is the one door")]
    drop(tokio::task::spawn_blocking(work));
}
