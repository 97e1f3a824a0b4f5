//! What stops a step, and what that means to the loop: the one classification of every failure.

use std::time::Duration;

use crate::archive::ArchiveError;
use crate::git::GitError;
use crate::model::state::{Stall, State};
use crate::store::StoreError;
use crate::workato::WorkatoError;

/// What an error means to the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It passes: try again, later each time, or when the server says.
    Retry,
    /// It stays until the input changes or a person acts.
    Stall,
    /// The program cannot go on; its service manager decides.
    Fatal,
}

/// Why a step did not get on.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The platform, or the way to it.
    #[error(transparent)]
    Workato(#[from] WorkatoError),
    /// The package.
    #[error("package {package} is refused")]
    Archive {
        /// The platform's package.
        package: u64,
        /// What is wrong with it.
        source: ArchiveError,
    },
    /// Files of the branch that cannot be packed.
    #[error("pack the import")]
    Pack(#[source] ArchiveError),
    /// The repository, or the way to it.
    #[error(transparent)]
    Git(#[from] GitError),
    /// Our own state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The export job failed.
    #[error("export of {source_name} failed: {reason}")]
    ExportFailed {
        /// The manifest or folder.
        source_name: String,
        /// What the platform said.
        reason: String,
    },
    /// The job is not known any more.
    #[error("export job {package} is gone")]
    JobGone {
        /// The platform's package.
        package: u64,
    },
    /// The job does not end.
    #[error("export job {package} has not ended after {} minutes", after.as_secs() / 60)]
    JobStuck {
        /// The platform's package.
        package: u64,
        /// How long it was waited for.
        after: Duration,
    },
    /// The export holds no file.
    #[error("the export of {source_name} holds no file")]
    EmptyExport {
        /// The manifest or folder.
        source_name: String,
    },
    /// The folder lists nothing, and had files before.
    #[error("{source_name} is empty, and had {before} files at the last look")]
    EmptyFolder {
        /// The folder.
        source_name: String,
        /// How many files there were.
        before: usize,
    },
    /// One export would delete more than is allowed.
    #[error("the export would delete {deleted} of {before} files, more than max_delete = {limit}")]
    MassDeletion {
        /// How many files.
        deleted: usize,
        /// Of how many.
        before: usize,
        /// The configured limit.
        limit: String,
    },
    /// The token belongs to another workspace than at the first look.
    #[error(
        "the token of workspace {name} belongs to workspace {found} now, and to {pinned} at the first look"
    )]
    OtherWorkspace {
        /// The configured name.
        name: String,
        /// The platform's id for it at the first look.
        pinned: u64,
        /// The id that was answered now.
        found: u64,
    },
    /// A path on the branch that cannot be imported.
    #[error("{path} on branch {branch} cannot be imported: {reason}")]
    OddPath {
        /// The name, as far as it can be shown.
        path: String,
        /// The branch.
        branch: String,
        /// Why.
        reason: String,
    },
    /// The branch to import from does not exist, or does no longer.
    #[error("branch {branch} does not exist")]
    BranchMissing {
        /// The branch.
        branch: String,
    },
    /// Somebody else pushed each time that we tried.
    #[error("push to branch {branch} lost the race {times} times")]
    Outrun {
        /// The branch.
        branch: String,
        /// How often.
        times: u32,
    },
}

impl StepError {
    /// Returns what it means to the loop.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Workato(error) if error.is_passing() => Disposition::Retry,
            Self::Git(error) if error.is_passing() => Disposition::Retry,
            Self::JobGone { .. } | Self::JobStuck { .. } | Self::Outrun { .. } => Disposition::Retry,
            Self::Workato(_)
            | Self::Git(_)
            | Self::Archive { .. }
            | Self::Pack(_)
            | Self::ExportFailed { .. }
            | Self::EmptyExport { .. }
            | Self::EmptyFolder { .. }
            | Self::MassDeletion { .. }
            | Self::OtherWorkspace { .. }
            | Self::BranchMissing { .. }
            | Self::OddPath { .. } => Disposition::Stall,
            Self::Store(_) => Disposition::Fatal,
        }
    }

    /// Returns the time that the server asked to wait, if it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Workato(error) => error.retry_after(),
            _ => None,
        }
    }

    /// Returns what an operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Workato(error) => return error.hint(),
            Self::Git(error) => return error.hint(),
            Self::Archive { source, .. } | Self::Pack(source) => return source.hint().map(Into::into),
            Self::Store(error) => error.hint(),
            Self::ExportFailed { .. } => {
                "look at the manifest in Workato; the next scheduled look tries again"
            }
            Self::JobGone { .. } | Self::JobStuck { .. } => "a new export is asked for",
            Self::EmptyExport { .. } => {
                "check that the manifest or folder is the right one and that its assets are selected; nothing was \
                 deleted in git"
            }
            Self::EmptyFolder { .. } => {
                "check folder_id, and whether somebody emptied or moved the folder; nothing was deleted in git"
            }
            Self::MassDeletion { .. } => {
                "if it is right, run `recipesync resolve PROJECT --take workspace`, or raise max_delete; \
                 nothing was deleted in git"
            }
            Self::OtherWorkspace { .. } => {
                "put the right token back; to pair the project with the other workspace, give it a new name"
            }
            Self::OddPath { .. } => "rename or remove it on the branch",
            Self::BranchMissing { .. } => {
                "push the branch, or name another one in the configuration; nothing was deleted in the workspace"
            }
            Self::Outrun { .. } => "it is tried again by itself",
        };
        Some(text.to_owned())
    }

    /// Returns whether our own copy of the repository lacks what must be there: a fresh one may do.
    #[must_use]
    pub fn is_of_the_cache(&self) -> bool {
        use GitError::{Damaged, Disk, NotFound};
        matches!(self, Self::Git(error @ (Damaged { .. } | NotFound { .. } | Disk { .. })) if !error.is_full_disk())
    }

    /// Returns whether nothing failed, and the step ended because everything is to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        matches!(self, Self::Workato(error) if error.is_stopping())
    }

    /// Returns the failure of our own state, if that is what it is.
    #[must_use]
    pub fn into_store(self) -> Option<StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the stall that it amounts to.
    #[must_use]
    pub fn stall(&self) -> Stall {
        Stall { reason: chain(self), hint: self.hint() }
    }
}

/// An error, and the state as it is after the step that it ended.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: StepError,
    /// The state to save.
    pub state: Box<State>,
}

/// Returns an error and its causes in one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
