//! A repository that a person works in, read for what its revisions hold: nothing is written, nothing is fetched.
//!
//! For a command that does nothing else meanwhile, so it blocks.

#![expect(clippy::disallowed_types, reason = "it is opened for one command, which waits for it anyway")]

use std::path::Path;

use git2::{ErrorCode, ObjectType, Oid, Repository, RepositoryOpenFlags};

use super::objects::{blobs_in, bytes, damaged, list, missing, oid};
use super::{BranchFiles, GitError};
use crate::model::oid::BlobId;

/// A repository around a folder.
pub struct Around {
    repository: Repository,
    /// The folder that was asked for, from the top of the working tree.
    prefix: String,
}

/// What a revision names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// The content of a file.
    File(BlobId),
    /// The files of a commit or folder.
    Folder(BranchFiles),
}

impl Around {
    /// Finds the repository that a folder is in; none where it is in none.
    ///
    /// # Errors
    /// When there is one that cannot be read, such as one of another user.
    pub fn find(folder: &Path) -> Result<Option<Self>, GitError> {
        let no_ceiling: [&Path; 0] = [];
        let found = Repository::open_ext(folder, RepositoryOpenFlags::empty(), no_ceiling);
        let repository = match found {
            Ok(repository) => repository,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(damaged(folder)(error)),
        };
        let prefix = repository.workdir().and_then(|top| folder.strip_prefix(top).ok()?.to_str());
        let prefix = prefix.unwrap_or_default().to_owned();
        Ok(Some(Self { repository, prefix }))
    }

    /// Reads what `REV` or `REV:PATH` names, as git reads it; a path that starts with `./` is one below the folder that
    /// was asked for. None where there is nothing of the name.
    ///
    /// # Errors
    /// When the repository cannot be read, or a folder in it has too many files.
    pub fn named(&self, revision: &str) -> Result<Option<Named>, GitError> {
        let folder = self.repository.path();
        let below = revision.split_once(":./").map(|(commit, path)| {
            let parts = [self.prefix.as_str(), path];
            let parts = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>();
            format!("{commit}:{}", parts.join("/"))
        });
        let asked = below.as_deref().unwrap_or(revision);
        let object = match self.repository.revparse_single(asked.strip_suffix('/').unwrap_or(asked)) {
            Ok(object) => object,
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {
                return Ok(None);
            }
            Err(error) => return Err(damaged(folder)(error)),
        };
        if object.kind() == Some(ObjectType::Blob) {
            return Ok(Some(Named::File(BlobId::from_bytes(bytes(object.id())))));
        }
        let tree = object.peel_to_tree().map_err(damaged(folder))?;
        list(&self.repository, folder, tree, revision).map(Named::Folder).map(Some)
    }

    /// Returns how many bytes a file has.
    ///
    /// # Errors
    /// When it is not there.
    pub fn size(&self, id: BlobId) -> Result<u64, GitError> {
        let (folder, name) = (self.repository.path(), oid(id.as_bytes()));
        let header = self.repository.odb().map_err(damaged(folder))?.read_header(name);
        header.map(|(size, _)| size as u64).map_err(missing(folder, "blob", name))
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    /// When it is not there, or is too large.
    pub fn blob(&self, id: BlobId) -> Result<Vec<u8>, GitError> {
        let mut read = blobs_in(&self.repository, self.repository.path(), &[id], usize::MAX)?;
        Ok(read.pop().expect("one was asked for"))
    }
}

/// Returns the name that git gives to a file's content, which is not held, however large it is.
///
/// # Errors
/// When it cannot be read.
pub fn file_id(path: &Path) -> Result<BlobId, GitError> {
    let id = Oid::hash_file(ObjectType::Blob, path).map_err(damaged(path))?;
    Ok(BlobId::from_bytes(bytes(id)))
}
