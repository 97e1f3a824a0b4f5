//! What can go wrong with the saved state.

use std::path::PathBuf;

use super::VERSION;

/// What keeps the state from being read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be opened, read or written: a full or read-only disk, permissions, damage.
    #[error("use the state in {}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file was written by a newer version of this program.
    #[error("the state in {} is of version {found}, and this program knows up to {VERSION}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// The file was written by an older version of this program, and nothing has taken it over yet.
    #[error("the state in {} is an older version's", path.display())]
    Older {
        /// The file.
        path: PathBuf,
    },
    /// The file was removed while this process worked with it: what is written goes nowhere.
    #[error("the state in {} is gone: somebody has removed it", path.display())]
    Gone {
        /// The file that was there.
        path: PathBuf,
    },
    /// There is no state yet.
    #[error("there is no state in {}", path.display())]
    Absent {
        /// The file that is not there.
        path: PathBuf,
    },
    /// A value in the file is not what this program writes.
    #[error("the state of {what} in {} is not understood", path.display())]
    NotUnderstood {
        /// Whose.
        what: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl StoreError {
    /// Returns what an operator can do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unusable { .. } => {
                "check the disk's free space and the folder's permissions; if the file is damaged, move it away: \
                 what is equal on both sides is agreed on again, and the rest is shown as conflicts"
            }
            Self::Older { .. } => "start `recipesync run` or `recipesync sync` once: that takes it over",
            Self::Newer { .. } => "run the newer version, or give this one a `state_dir` of its own",
            Self::Gone { .. } => {
                "start it again: what is equal on both sides is agreed on again, and the rest is shown as conflicts"
            }
            Self::Absent { .. } => "start `recipesync run` or run `recipesync sync` first",
            Self::NotUnderstood { .. } => {
                "move the file away: what is equal on both sides is agreed on again"
            }
        }
    }
}
