//! A repository with a working tree, as a person has one: the demo's upstream, and the person who commits there.
//!
//! The daemon has no use for it: its own repositories are bare.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::ErrorCode;
use tokio::process::Command;

use super::command::{Output, run};
use super::{Author, CommitInfo, Git, GitError, history, objects};
use crate::blocking;
use crate::model::branch::BranchName;
use crate::model::oid::CommitId;
use crate::model::path::{PackagePath, RepoPath};

/// How long one git command may take on a small repository of this machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A repository with a working tree and one branch.
#[derive(Clone)]
pub struct WorkTree {
    git: Git,
    folder: PathBuf,
    branch: BranchName,
}

impl WorkTree {
    /// Makes an empty repository that takes pushes to the branch that is checked out, and in which a person without
    /// a name in git's configuration can commit.
    ///
    /// # Errors
    /// When git cannot make it.
    pub async fn init(git: &Git, folder: &Path, branch: &BranchName) -> Result<Self, GitError> {
        let this = Self { git: git.clone(), folder: folder.to_owned(), branch: branch.clone() };
        let mut init = git.bare_command();
        init.args(["init", "--quiet", "--template=", "--object-format=sha1", "--initial-branch"]);
        init.arg(branch.as_str()).arg("--").arg(folder);
        this.run("init", init).await?;
        this.set("receive.denyCurrentBranch", "updateInstead").await?;
        for (key, value) in [("user.name", "You"), ("user.email", "you@example.com")] {
            let mut asked = this.command();
            asked.args(["config", "--get", key]);
            if !run(asked, "config", DEADLINE).await?.success {
                this.set(key, value).await?;
            }
        }
        Ok(this)
    }

    /// Returns where the working tree is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Commits what was changed in tracked files, as a person does, and returns the commit.
    ///
    /// # Errors
    /// When nothing was changed, or git refuses.
    pub async fn commit(&self, author: &Author, message: &str) -> Result<CommitId, GitError> {
        let (name, mail) = author.parts();
        let mut command = self.command();
        command.args(["-c", "commit.gpgSign=false", "-c", &format!("user.name={name}")]);
        command.args(["-c", &format!("user.email={mail}"), "commit", "--quiet", "--all", "-m", message]);
        self.run("commit", command).await?;
        let object = format!("branch {}", self.branch);
        self.tip().await?.ok_or(GitError::NotFound { object })
    }

    /// Returns the branch's tip; `None` while it has no commit.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub async fn tip(&self) -> Result<Option<CommitId>, GitError> {
        let name = format!("refs/heads/{}", self.branch);
        self.objects(move |folder| {
            let found = objects::open(folder)?.refname_to_id(&name);
            match found {
                Ok(id) => Ok(Some(CommitId::from_bytes(objects::bytes(id)))),
                Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
                Err(error) => Err(objects::damaged(folder)(error)),
            }
        })
        .await
    }

    /// Returns a commit's first parent.
    ///
    /// # Errors
    /// [`GitError::NotFound`] without the commit.
    pub async fn parent(&self, commit: CommitId) -> Result<Option<CommitId>, GitError> {
        self.objects(move |folder| {
            let repository = objects::open(folder)?;
            let name = objects::oid(commit.as_bytes());
            let commit = repository.find_commit(name).map_err(objects::missing(folder, "commit", name))?;
            Ok(commit.parent_id(0).ok().map(|id| CommitId::from_bytes(objects::bytes(id))))
        })
        .await
    }

    /// Returns who made a commit and what it says.
    ///
    /// # Errors
    /// [`GitError::NotFound`] without the commit.
    pub async fn commit_info(&self, commit: CommitId) -> Result<CommitInfo, GitError> {
        self.objects(move |folder| history::commit_info(folder, commit)).await
    }

    /// Reads the files of a folder in a commit.
    ///
    /// # Errors
    /// As [`super::Cache::files`] and [`super::Cache::blob`].
    pub async fn files(
        &self,
        commit: CommitId,
        path: &RepoPath,
    ) -> Result<BTreeMap<PackagePath, Vec<u8>>, GitError> {
        let path = path.clone();
        self.objects(move |folder| {
            let (names, ids): (Vec<_>, Vec<_>) =
                objects::files(folder, commit, &path)?.files.into_iter().unzip();
            Ok(names.into_iter().zip(objects::blobs(folder, &ids, usize::MAX)?).collect())
        })
        .await
    }

    async fn set(&self, key: &str, value: &str) -> Result<(), GitError> {
        let mut command = self.command();
        command.args(["config", "--local", key, value]);
        self.run("config", command).await.map(drop)
    }

    fn command(&self) -> Command {
        let mut command = self.git.bare_command();
        command.arg("-C").arg(&self.folder);
        command
    }

    async fn run(&self, verb: &'static str, command: Command) -> Result<Output, GitError> {
        let output = run(command, verb, DEADLINE).await?;
        if output.success {
            return Ok(output);
        }
        let what = self.folder.display().to_string();
        Err(GitError::Unsupported { what, reason: format!("git {verb}: {}", output.stderr.trim()) })
    }

    async fn objects<T, F>(&self, work: F) -> Result<T, GitError>
    where
        F: FnOnce(&Path) -> Result<T, GitError> + Send + 'static,
        T: Send + 'static,
    {
        let folder = self.folder.join(".git");
        blocking::run(move || work(&folder)).await
    }
}
