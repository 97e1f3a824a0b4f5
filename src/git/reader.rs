//! Reads files' contents one by one, for work on a blocking thread that finds out as it goes which it needs.
//!
//! Not here: what is read in a row, which `objects` does for the async face.

#![expect(clippy::disallowed_types, reason = "this is behind the async face")]

use std::path::{Path, PathBuf};

use git2::Repository;

use super::{GitError, Outlet, PackWriter, Packed, objects, pack_file};
use crate::model::oid::BlobId;

/// A cache's objects while work on them runs; any thread may open a reader.
#[derive(Debug)]
pub struct Objects<'a>(pub(super) &'a Path);

impl Objects<'_> {
    /// Opens a reader, for the thread that calls this. It sees what was there when it was opened.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn reader(&self) -> Result<Reader, GitError> {
        Ok(Reader { repository: objects::open(self.0)?, folder: self.0.to_owned() })
    }

    /// Looks files up that are whole in one of the packs; any thread may read them.
    #[must_use]
    pub fn packed(&self, ids: &[BlobId]) -> Packed {
        Packed::look_up(self.0, ids)
    }

    /// Writes new contents into the cache, as one pack, on the disk when this returns.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn store(&self, pack: &PackWriter) -> Result<(), GitError> {
        pack_file::write(self.0, pack)
    }

    /// Writes new contents into the cache while they are found, as one pack, on the disk when this returns. While the
    /// disk is waited for, it does the rest of the work, which hands on nothing. Where the work fails, nothing is written.
    ///
    /// # Errors
    /// Those of the work; when the disk refuses.
    pub fn store_while<T, R, E: From<GitError>>(
        &self,
        work: impl FnOnce(&Outlet) -> Result<T, E>,
        rest: impl FnOnce(T) -> R,
    ) -> Result<R, E> {
        pack_file::write_while(self.0, work, rest)
    }
}

/// Reads files' contents.
pub struct Reader {
    repository: Repository,
    folder: PathBuf,
}

impl Reader {
    /// Returns whether a file's content is there.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn has(&self, id: BlobId) -> Result<bool, GitError> {
        let objects = self.repository.odb().map_err(objects::damaged(&self.folder))?;
        // Without looking for new packs at each miss.
        Ok(objects.exists_ext(objects::oid(id.as_bytes()), git2::OdbLookupFlags::NO_REFRESH))
    }

    /// Returns how many bytes a file's content has.
    ///
    /// # Errors
    /// [`GitError::NotFound`], or [`GitError::Damaged`].
    pub fn size(&self, id: BlobId) -> Result<u64, GitError> {
        let objects = self.repository.odb().map_err(objects::damaged(&self.folder))?;
        let name = objects::oid(id.as_bytes());
        let header = objects.read_header(name).map_err(objects::missing(&self.folder, "blob", name))?;
        Ok(header.0 as u64)
    }

    /// Reads a file's content.
    ///
    /// # Errors
    /// [`GitError::NotFound`], [`GitError::Damaged`] where it is not what its name says, or [`GitError::TooLarge`]
    /// over 64 MiB.
    pub fn read(&self, id: BlobId) -> Result<Vec<u8>, GitError> {
        let mut one = objects::blobs_in(&self.repository, &self.folder, &[id], usize::MAX)?;
        Ok(one.pop().expect("one was asked for"))
    }
}
