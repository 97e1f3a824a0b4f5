//! The one way to stdout and stderr for commands: a reader that goes away ends a command quietly.

use std::io::{self, Write as _};

use crate::telemetry::printable;

/// What a command prints cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("write to standard output")]
pub struct OutputError(#[source] io::Error);

impl OutputError {
    /// Returns whether the reader simply closed its end, as `head` does.
    #[must_use]
    pub fn reader_is_gone(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Prints a result on stdout as it is.
///
/// # Errors
/// When it cannot be written.
pub fn print(text: impl AsRef<[u8]>) -> Result<(), OutputError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref()).and_then(|()| out.flush()).map_err(OutputError)
}

/// Prints lines on stderr, control characters written out.
pub fn complain(text: &str) {
    let mut err = io::stderr().lock();
    for line in text.lines() {
        // Where stderr is gone, nobody is left to be told.
        writeln!(err, "{}", printable(line)).ok();
    }
}
