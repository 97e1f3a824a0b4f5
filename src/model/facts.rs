//! What is known of files' contents and meanings, without their bytes.

use std::collections::HashMap;

use super::oid::BlobId;
use super::path::PackagePath;
use crate::asset::compare::{Digests, Level};

/// Which blobs hold the same, by digests of their content and meaning; blobs that it does not know are the same
/// only as themselves.
#[derive(Debug, Clone, Default)]
pub struct Facts(pub(super) HashMap<(PackagePath, BlobId), Known>);

/// What is known of one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) content: [u8; 16],
    meaning: Option<[u8; 16]>,
}

impl Facts {
    /// Adds a file's digests.
    pub fn insert(&mut self, path: PackagePath, blob: BlobId, digests: Digests) {
        self.0.insert((path, blob), Known { content: digests.content, meaning: Some(digests.meaning) });
    }

    /// Adds the digest of a file's content, where what it means is not known yet.
    pub fn insert_content(&mut self, path: PackagePath, blob: BlobId, content: [u8; 16]) {
        self.0.entry((path, blob)).or_insert(Known { content, meaning: None });
    }

    /// Returns whether what a comparison at a level needs of a file is known.
    #[must_use]
    pub fn knows(&self, level: Level, path: &PackagePath, blob: BlobId) -> bool {
        let known = self.0.get(&(path.clone(), blob));
        known.is_some_and(|known| level == Level::Content || known.meaning.is_some())
    }

    /// Returns whether two files at a path, or their absence, are the same content.
    #[must_use]
    pub fn same_content(&self, path: &PackagePath, a: Option<BlobId>, b: Option<BlobId>) -> bool {
        self.same(path, a, b, |known| Some(known.content))
    }

    /// Returns whether two files at a path, or their absence, mean the same.
    #[must_use]
    pub fn same_meaning(&self, path: &PackagePath, a: Option<BlobId>, b: Option<BlobId>) -> bool {
        self.same(path, a, b, |known| known.meaning)
    }

    fn same(
        &self,
        path: &PackagePath,
        a: Option<BlobId>,
        b: Option<BlobId>,
        level: impl Fn(&Known) -> Option<[u8; 16]>,
    ) -> bool {
        let (Some(a), Some(b)) = (a, b) else { return a == b };
        let digest = |blob| self.0.get(&(path.clone(), blob)).and_then(&level);
        a == b || digest(a).is_some_and(|a| Some(a) == digest(b))
    }
}
