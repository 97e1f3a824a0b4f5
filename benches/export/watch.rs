//! Runs a command to its end, and tells how long it took and the most memory that it held.
//!
//! Not watched: what the command starts in its turn.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::measure::now;

/// How often the memory is read: seldom, since that takes time from what is measured; the kernel keeps the maximum, so
/// that only what is taken in the last moment can be missed.
const TICK: Duration = Duration::from_millis(5);

/// A command that has ended.
pub(crate) struct Ran {
    pub(crate) program: String,
    pub(crate) status: ExitStatus,
    pub(crate) took: Duration,
    /// In kilobytes.
    pub(crate) peak: u64,
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<Ran> {
    let program = command.get_program().to_string_lossy().into_owned();
    let start = now();
    let mut child = command.spawn().with_context(|| format!("run {program}"))?;
    let file = PathBuf::from(format!("/proc/{}/status", child.id()));
    let (running, ended) = channel::<()>();
    std::thread::scope(|scope| {
        let watching = scope.spawn(move || {
            let mut peak = 0;
            loop {
                peak = memory(&file).max(peak);
                if ended.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout) {
                    return peak;
                }
            }
        });
        let status = child.wait();
        let took = now() - start;
        drop(running);
        let peak = watching.join().expect("it only reads a file");
        Ok(Ran { program, status: status?, took, peak })
    })
}

/// Returns the largest memory that a process has had, in kilobytes; 0 once it is gone.
fn memory(file: &Path) -> u64 {
    let status = recipesync::fs::read_text(file, 1 << 16).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}
