//! Makes git objects as they stand in a pack: named, compressed, with their checksums.
//!
//! Only whole objects are made, no deltas; `git repack` finds those later. Writing them to the disk is
//! [`super::pack_file`]'s. The format is git's `gitformat-pack`.

use std::collections::HashSet;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use sha1dc::Hasher;

use super::GitError;
use crate::model::oid::BlobId;

/// Fast rather than small: recipes shrink to a tenth at any level, and a repack finds deltas anyway.
const LEVEL: u32 = 1;

/// Returns the name that git gives to a file's content.
///
/// # Errors
/// [`GitError::Collision`] where the bytes were made to collide.
pub fn blob_id(bytes: &[u8]) -> Result<BlobId, GitError> {
    object_id(Kind::Blob, bytes).map(BlobId::from_bytes)
}

/// The kinds of objects that are written, with their numbers in a pack.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Commit = 1,
    Tree = 2,
    Blob = 3,
}

/// Objects for a pack, compressed, in memory.
#[derive(Debug, Default)]
pub struct PackWriter {
    bytes: Vec<u8>,
    objects: Vec<Object>,
    known: HashSet<[u8; 20]>,
    /// Made for the first object: it is a quarter of a megabyte.
    deflate: Option<Compress>,
}

/// An object of a pack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object {
    pub(super) id: [u8; 20],
    /// The CRC-32 of what stands in the pack.
    pub(super) crc: u32,
    /// Where it starts there.
    start: usize,
}

impl PackWriter {
    /// Starts without an object.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file's content and returns its name; content that is there already is not added again.
    ///
    /// # Errors
    /// [`GitError::Collision`] where the bytes were made to collide.
    pub fn add(&mut self, bytes: &[u8]) -> Result<BlobId, GitError> {
        self.add_object(Kind::Blob, bytes).map(BlobId::from_bytes)
    }

    /// Adds a file's content by its name, which [`blob_id`] has told; content that is there already is not added again.
    pub fn add_named(&mut self, id: BlobId, bytes: &[u8]) {
        self.put(*id.as_bytes(), Kind::Blob, bytes);
    }

    /// Returns how many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Returns whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Returns what there is; there is nothing then.
    pub(super) fn take(&mut self) -> Self {
        let deflate = self.deflate.take();
        std::mem::replace(self, Self { deflate, ..Self::default() })
    }

    pub(super) fn add_object(&mut self, kind: Kind, bytes: &[u8]) -> Result<[u8; 20], GitError> {
        let id = object_id(kind, bytes)?;
        self.put(id, kind, bytes);
        Ok(id)
    }

    fn put(&mut self, id: [u8; 20], kind: Kind, bytes: &[u8]) {
        if !self.known.insert(id) {
            return;
        }
        let start = self.bytes.len();
        put_header(&mut self.bytes, kind, bytes.len());
        self.put_deflated(bytes);
        let mut crc = Crc::new();
        crc.update(&self.bytes[start..]);
        self.objects.push(Object { id, crc: crc.sum(), start });
    }

    /// Returns how many bytes the compressed objects have.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the objects, each with what stands in a pack.
    pub(super) fn objects(&self) -> impl Iterator<Item = (Object, &[u8])> {
        let ends = self.objects.iter().skip(1).map(|object| object.start).chain([self.bytes.len()]);
        self.objects.iter().zip(ends).map(|(object, end)| (*object, &self.bytes[object.start..end]))
    }

    fn put_deflated(&mut self, bytes: &[u8]) {
        let deflate = self.deflate.get_or_insert_with(|| Compress::new(Compression::new(LEVEL), true));
        deflate.reset();
        loop {
            let taken = usize::try_from(deflate.total_in()).expect("no more than the slice holds");
            let rest = &bytes[taken..];
            self.bytes.reserve(rest.len() / 8 + 256);
            let status = deflate.compress_vec(rest, &mut self.bytes, FlushCompress::Finish);
            if status.expect("deflate has no bad input") == Status::StreamEnd {
                return;
            }
        }
    }
}

fn object_id(kind: Kind, bytes: &[u8]) -> Result<[u8; 20], GitError> {
    let name = match kind {
        Kind::Commit => "commit",
        Kind::Tree => "tree",
        Kind::Blob => "blob",
    };
    sha1(&[format!("{name} {}\0", bytes.len()).as_bytes(), bytes])
}

/// Returns the SHA-1 of all parts, one after the other.
pub(super) fn sha1(parts: &[&[u8]]) -> Result<[u8; 20], GitError> {
    let mut hasher = Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    finish(hasher)
}

/// Returns the SHA-1 of what was hashed.
pub(super) fn finish(hasher: Hasher) -> Result<[u8; 20], GitError> {
    let digest = hasher.finalize().map_err(|_| GitError::Collision)?;
    Ok(digest.as_ref().try_into().expect("a SHA-1 has twenty bytes"))
}

/// Kind and size: three bits and four in the first byte, then seven in each, the high bit says "more".
fn put_header(to: &mut Vec<u8>, kind: Kind, size: usize) {
    let low = u8::try_from(size & 0x0f).expect("four bits");
    let mut rest = size >> 4;
    let mut byte = (kind as u8) << 4 | low;
    while rest > 0 {
        to.push(byte | 0x80);
        byte = u8::try_from(rest & 0x7f).expect("seven bits");
        rest >>= 7;
    }
    to.push(byte);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_git() {
        assert_eq!(blob_id(b"").unwrap().to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(blob_id(b"hello\n").unwrap().to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn equal_content_is_held_once() {
        let mut pack = PackWriter::new();
        assert!(pack.is_empty());
        assert_eq!(pack.add(b"x").unwrap(), pack.add(b"x").unwrap());
        assert_eq!(pack.len(), 1);
    }

    #[test]
    fn sizes_are_written_as_git_reads_them() {
        for (size, bytes) in
            [(0, vec![0x30]), (15, vec![0x3f]), (16, vec![0xb0, 0x01]), (50_000, vec![0xb0, 0xb5, 0x18])]
        {
            let mut header = Vec::new();
            put_header(&mut header, Kind::Blob, size);
            assert_eq!(header, bytes, "{size}");
        }
    }
}
