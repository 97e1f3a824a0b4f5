//! The commands that the benches start.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Runs git on a repository, and returns what it printed.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = git_command(folder).args(arguments).stdout(Stdio::piped()).output().context("run git")?;
    ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Git without what the machine's user has configured.
pub(crate) fn git_command(folder: &Path) -> Command {
    let mut git = command("git");
    git.arg("-C").arg(folder);
    for setting in ["user.name=bench", "user.email=bench@acme.example"] {
        git.arg("-c").arg(setting);
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    git
}

/// A command that says nothing and is asked nothing.
#[expect(clippy::disallowed_methods, reason = "a bench starts what it measures")]
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}
