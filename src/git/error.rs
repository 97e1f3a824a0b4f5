//! What can go wrong with a repository, named by what the caller can do about it.
//!
//! Cloneable, so that everybody who waited for one look at the remote gets the same answer. No text in here holds
//! the credentials of a URL: the one who makes an error has cut them out.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::fs::FsError;

/// A failure of git, local or remote.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The upstream does not answer, or is not where it was. Passing.
    #[error("reach {url}: {reason}")]
    Unreachable {
        /// The upstream, without credentials.
        url: String,
        /// What git said.
        reason: String,
    },
    /// Git did not finish in time and was killed with all that it started. Passing.
    #[error("git {verb}: no end after {} s", deadline.as_secs_f32())]
    TimedOut {
        /// Which git command.
        verb: &'static str,
        /// How long it was given.
        deadline: Duration,
    },
    /// The upstream refuses the credentials, or wants some.
    #[error("log in at {url}: {reason}")]
    Unauthorized {
        /// The upstream, without credentials.
        url: String,
        /// What git said.
        reason: String,
    },
    /// The host key of an ssh upstream is unknown or has changed.
    #[error("trust the host key of {url}: {reason}")]
    UntrustedHost {
        /// The upstream, without credentials.
        url: String,
        /// What ssh said.
        reason: String,
    },
    /// Somebody else moved the branch first. Passing: look again.
    #[error("push {name}: it moved meanwhile")]
    Raced {
        /// The branch or ref.
        name: String,
    },
    /// A lock file is in the way. Passing: those in the cache are removed before the next run.
    #[error("lock a file of git: {reason}")]
    LockHeld {
        /// What git said.
        reason: String,
    },
    /// The upstream has a rule against this push: a hook, a protected branch.
    #[error("push {name}: refused: {reason}")]
    Refused {
        /// The branch or ref.
        name: String,
        /// The remote's own words.
        reason: String,
    },
    /// The upstream has a working tree with this branch checked out.
    #[error("push {name}: the branch is checked out in {url}")]
    CheckedOut {
        /// The branch.
        name: String,
        /// The upstream, without credentials.
        url: String,
    },
    /// A folder is wanted where the tree has a file, a link or a submodule.
    #[error("read {path} as a folder: it is something else")]
    NotAFolder {
        /// The path in the repository.
        path: String,
    },
    /// A file is wanted where the tree has a folder, a link or a submodule.
    #[error("write {path} as a file: something else has the name")]
    NotAFile {
        /// The path in the repository.
        path: String,
    },
    /// Larger than anything that belongs here.
    #[error("read {what}: it is too large")]
    TooLarge {
        /// The object or folder.
        what: String,
    },
    /// A kind of repository, URL or content that is not supported.
    #[error("use {what}: {reason}")]
    Unsupported {
        /// The upstream without credentials, or the thing.
        what: String,
        /// Why not.
        reason: String,
    },
    /// Git answered in a way that is not understood.
    #[error("understand git {verb}: {reason}")]
    NotUnderstood {
        /// Which git command.
        verb: &'static str,
        /// What was odd.
        reason: String,
    },
    /// The git command is missing or too old.
    #[error("run git: {reason}")]
    NoGit {
        /// What was found.
        reason: String,
    },
    /// The cache cannot be used: [`super::Cache::heal`] makes it anew.
    #[error("use the cache {}: {reason}", folder.display())]
    Damaged {
        /// The cache.
        folder: PathBuf,
        /// What was found.
        reason: String,
    },
    /// An object is not in the cache: never was, or went with a damaged pack, which libgit2 passes over. Where it must
    /// be there, heal as for [`Self::Damaged`].
    #[error("find {object}: it is not in the cache")]
    NotFound {
        /// Kind and name.
        object: String,
    },
    /// Bytes made to collide under SHA-1: an attack, never an accident.
    #[error("name content by its SHA-1: it was made to collide")]
    Collision,
    /// The disk refuses, or the machine has no room for another process.
    #[error("use the disk or start git")]
    Disk(#[source] Arc<FsError>),
}

impl GitError {
    /// Returns whether trying again later can help without anybody doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Raced { .. }
            | Self::LockHeld { .. }
            | Self::Disk(_) => true,
            Self::Unauthorized { .. }
            | Self::UntrustedHost { .. }
            | Self::Refused { .. }
            | Self::CheckedOut { .. }
            | Self::NotAFolder { .. }
            | Self::NotAFile { .. }
            | Self::TooLarge { .. }
            | Self::Unsupported { .. }
            | Self::NotUnderstood { .. }
            | Self::NoGit { .. }
            | Self::Damaged { .. }
            | Self::NotFound { .. }
            | Self::Collision => false,
        }
    }

    /// Returns whether the disk is full: what is on it is as good as it was, and only room helps.
    #[must_use]
    pub fn is_full_disk(&self) -> bool {
        let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded];
        matches!(self, Self::Disk(error) if full.contains(&error.source.kind()))
    }

    /// Returns what an operator can do about it, where somebody can.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable { .. } => {
                "check `url` and the way there; an upstream on this machine must be readable by this user".to_owned()
            }
            Self::Unauthorized { url, .. } if is_ssh(url) => {
                "give the repository an ssh_key_file whose public key the upstream knows".to_owned()
            }
            Self::Unauthorized { .. } => {
                "give the repository a token_file with the right to read and write, or a credential helper of git"
                    .to_owned()
            }
            Self::UntrustedHost { .. } => {
                "as the user of the service: ssh-keyscan HOST >> ~/.ssh/known_hosts, after checking the key"
                    .to_owned()
            }
            Self::CheckedOut { url, .. } if !url.starts_with(['/', '.']) && !url.starts_with("file://") => {
                "in the upstream: git config receive.denyCurrentBranch updateInstead".to_owned()
            }
            Self::CheckedOut { url, .. } => {
                format!("git -C {} config receive.denyCurrentBranch updateInstead", url.trim_start_matches("file://"))
            }
            Self::Refused { reason, .. } if reason.contains("Working directory has") => {
                "commit or stash what was changed in the upstream's working tree".to_owned()
            }
            Self::Refused { .. } => "let this user push to the branch, or export to another one".to_owned(),
            Self::NotAFolder { path } => format!("make {path} a folder on the branch, or change the project's path"),
            Self::NotAFile { path } => format!("remove or rename {path} on the branch"),
            Self::Disk(_) if self.is_full_disk() => {
                "make free space on the disk of `state_dir`; it goes on by itself then".to_owned()
            }
            Self::NoGit { .. } => "install git 2.39 or newer where the service finds it (PATH)".to_owned(),
            _ => return None,
        })
    }
}

impl From<FsError> for GitError {
    fn from(error: FsError) -> Self {
        Self::Disk(Arc::new(error))
    }
}

fn is_ssh(url: &str) -> bool {
    url.starts_with("ssh://") || !url.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_reads() {
        let checked_out = GitError::CheckedOut { name: "main".to_owned(), url: "/srv/recipes".to_owned() };
        insta::assert_snapshot!(checked_out, @"push main: the branch is checked out in /srv/recipes");
        insta::assert_snapshot!(
            checked_out.hint().unwrap(),
            @"git -C /srv/recipes config receive.denyCurrentBranch updateInstead"
        );
        let late = GitError::TimedOut { verb: "fetch", deadline: Duration::from_secs(60) };
        insta::assert_snapshot!(late, @"git fetch: no end after 60 s");
        let key = GitError::Unauthorized { url: "git@x:a".to_owned(), reason: String::new() };
        assert!(key.hint().unwrap().contains("ssh_key_file"));
    }
}
