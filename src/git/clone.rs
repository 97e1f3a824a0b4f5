//! A person's clone: what `git-setup` reads and writes of its configuration, and git's merge of texts. Never the index,
//! never a commit.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command::{Output, run};
use super::{Git, GitError};

/// How long one git command may take on a repository of this machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A clone with a working tree.
pub struct Clone {
    git: Git,
    folder: PathBuf,
}

impl Clone {
    /// Finds the clone that a folder belongs to; `None` where it is in no working tree.
    ///
    /// # Errors
    /// When git cannot be run.
    pub async fn find(git: &Git, folder: &Path) -> Result<Option<Self>, GitError> {
        let mut asked = git.bare_command();
        asked.arg("-C").arg(folder).args(["rev-parse", "--show-toplevel"]);
        let answer = run(asked, "rev-parse", DEADLINE).await?;
        let told = String::from_utf8_lossy(&answer.stdout).into_owned();
        let folder = PathBuf::from(told.trim_end_matches('\n'));
        Ok((answer.success && folder.is_absolute()).then(|| Self { git: git.clone(), folder }))
    }

    /// Returns where its working tree is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the other working trees of the repository, which have the same configuration.
    ///
    /// # Errors
    /// When git cannot be run.
    pub async fn others(&self) -> Result<Vec<PathBuf>, GitError> {
        let listed = self.ask("worktree", &["list", "--porcelain", "-z"]).await?;
        let own = self.folder.canonicalize().ok();
        let paths = listed.stdout.split(|byte| *byte == 0).filter_map(|line| line.strip_prefix(b"worktree "));
        let folders = paths.map(|path| PathBuf::from(OsStr::from_bytes(path)));
        // One that is not there any more cannot be found.
        Ok(folders.filter(|folder| folder.canonicalize().is_ok_and(|folder| Some(folder) != own)).collect())
    }

    /// Returns the value of a key of the clone's own configuration.
    ///
    /// # Errors
    /// When git cannot be run.
    pub async fn setting(&self, key: &str) -> Result<Option<String>, GitError> {
        let answer = self.ask("config", &["--local", "--get", key]).await?;
        let told = String::from_utf8_lossy(&answer.stdout).into_owned();
        Ok(answer.success.then(|| told.trim_end_matches('\n').to_owned()))
    }

    /// Sets a key of the clone's own configuration.
    ///
    /// # Errors
    /// When git refuses.
    pub async fn set(&self, key: &str, value: &str) -> Result<(), GitError> {
        self.must("config", &["--local", key, value]).await
    }

    /// Takes a key out of the clone's own configuration.
    ///
    /// # Errors
    /// When git refuses.
    pub async fn unset(&self, key: &str) -> Result<(), GitError> {
        self.must("config", &["--local", "--unset", key]).await
    }

    /// Deletes a reference; returns whether it was there.
    ///
    /// # Errors
    /// When git refuses.
    pub async fn forget(&self, reference: &str) -> Result<bool, GitError> {
        if !self.ask("rev-parse", &["--verify", "--quiet", reference]).await?.success {
            return Ok(false);
        }
        self.must("update-ref", &["-d", reference]).await?;
        Ok(true)
    }

    async fn must(&self, verb: &'static str, arguments: &[&str]) -> Result<(), GitError> {
        let answer = self.ask(verb, arguments).await?;
        if answer.success {
            return Ok(());
        }
        let what = self.folder.display().to_string();
        Err(GitError::Unsupported { what, reason: format!("git {verb}: {}", answer.stderr.trim()) })
    }

    async fn ask(&self, verb: &'static str, arguments: &[&str]) -> Result<Output, GitError> {
        let mut command = self.git.bare_command();
        command.arg("-C").arg(&self.folder).arg(verb).args(arguments);
        run(command, verb, DEADLINE).await
    }
}

/// Returns the `merge.conflictStyle` of whoever runs us in a folder, if it is set.
///
/// # Errors
/// When git cannot be run.
pub async fn conflict_style(git: &Git, folder: &Path) -> Result<Option<String>, GitError> {
    let mut command = git.command_as_caller(folder);
    command.args(["config", "--get", "merge.conflictStyle"]);
    let answer = run(command, "config", DEADLINE).await?;
    let told = String::from_utf8_lossy(&answer.stdout).into_owned();
    Ok(answer.success.then(|| told.trim_end_matches('\n').to_owned()))
}

/// Merges two texts line by line as git does by itself for whoever runs us in a folder, into the first; says what was in
/// the way where it was not clean. `labels` are what the texts are called, `size` how many signs a marker has.
///
/// # Errors
/// When git cannot be run.
pub async fn merge_text(
    git: &Git,
    folder: &Path,
    ours_base_theirs: [&Path; 3],
    labels: [&str; 3],
    size: usize,
) -> Result<Result<(), String>, GitError> {
    let mut command = git.command_as_caller(folder);
    command.arg("merge-file").arg(format!("--marker-size={size}"));
    for label in labels {
        command.args(["-L", label]);
    }
    command.arg("--").args(ours_base_theirs);
    let answer = run(command, "merge-file", DEADLINE).await?;
    if answer.success {
        return Ok(Ok(()));
    }
    let said = answer.stderr.trim();
    Ok(Err(if said.is_empty() {
        "conflict: lines were changed on both sides".to_owned()
    } else {
        said.to_owned()
    }))
}
