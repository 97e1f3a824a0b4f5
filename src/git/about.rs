//! What is asked about a cache and its commits beside their files.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;

use super::{Cache, GitError, history};
use crate::model::oid::CommitId;
use crate::{blocking, fs};

/// Who made a commit, and what its message begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// `Name <mail>` of the author; what is not UTF-8 is replaced.
    pub author: String,
    /// The first line of the message.
    pub subject: String,
}

impl Cache {
    /// Returns the upstream's URL, without a password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.settings.url
    }

    /// Returns who our commits are by, as `Name <mail>`.
    #[must_use]
    pub fn author(&self) -> &str {
        self.0.settings.author.as_str()
    }

    /// Makes the next [`Self::refresh`] look, however fresh the last one is: something is said to have moved.
    pub fn distrust(&self) {
        self.0.is_distrusted.store(true, Ordering::SeqCst);
    }

    /// Reads the objects of another cache of the same upstream as well, and never writes there.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn borrow_from(&self, lender: &Path) -> Result<(), GitError> {
        let alternates = self.0.settings.folder.join("objects/info/alternates");
        let mut line = lender.join("objects").into_os_string();
        line.push("\n");
        blocking::run(move || fs::write(&alternates, line.as_bytes())).await?;
        Ok(())
    }

    /// Returns who made a commit and what it says.
    ///
    /// # Errors
    /// [`GitError::NotFound`] without the commit.
    pub async fn commit_info(&self, commit: CommitId) -> Result<CommitInfo, GitError> {
        self.objects(move |folder| history::commit_info(folder, commit)).await
    }
}
