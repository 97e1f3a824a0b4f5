//! Writes git objects as one pack with its index: the quick and durable way into a repository.
//!
//! A file for each object costs about a millisecond, a pack costs two files whatever is in it. Only whole objects are
//! written, no deltas; `git repack` finds those later. The format is git's `gitformat-pack`.

use std::collections::HashSet;
use std::path::Path;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use super::GitError;
use crate::fs;
use crate::model::oid::BlobId;

/// Fast rather than small: recipes shrink to a tenth at any level, and a repack finds deltas anyway.
const LEVEL: u32 = 1;
/// Offsets from here on need a second table in the index; no package comes near.
pub(super) const MAX_PACK_BYTES: usize = 0x7fff_ffff;
/// Magic, version and number of objects.
const HEADER_BYTES: usize = 12;

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

/// A pack in the making; holds the compressed objects alone.
#[derive(Debug)]
pub struct PackWriter {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    known: HashSet<[u8; 20]>,
    deflate: Compress,
}

#[derive(Debug)]
struct Entry {
    id: [u8; 20],
    crc: u32,
    offset: u32,
}

impl Default for PackWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl PackWriter {
    /// Starts an empty pack.
    #[must_use]
    pub fn new() -> Self {
        let mut bytes = b"PACK\0\0\0\x02".to_vec();
        bytes.resize(HEADER_BYTES, 0); // the number of objects comes last
        Self {
            bytes,
            entries: Vec::new(),
            known: HashSet::new(),
            deflate: Compress::new(Compression::new(LEVEL), true),
        }
    }

    /// Adds a file's content and returns its name; content that is there already is not added again.
    ///
    /// # Errors
    /// [`GitError::Collision`] where the bytes were made to collide, [`GitError::TooLarge`] from 2 GiB on.
    pub fn add(&mut self, bytes: &[u8]) -> Result<BlobId, GitError> {
        self.add_object(Kind::Blob, bytes).map(BlobId::from_bytes)
    }

    /// Adds a file's content by its name, which [`blob_id`] has told; content that is there already is not added again.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] from 2 GiB on.
    pub fn add_named(&mut self, id: BlobId, bytes: &[u8]) -> Result<(), GitError> {
        self.put(*id.as_bytes(), Kind::Blob, bytes)
    }

    /// Takes over what another pack holds and this one does not, in its order.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] from 2 GiB on.
    pub fn append(&mut self, other: Self) -> Result<(), GitError> {
        let ends = other.entries.iter().skip(1).map(|entry| entry.offset as usize);
        let ends: Vec<usize> = ends.chain([other.bytes.len()]).collect();
        self.bytes.reserve(other.bytes.len());
        for (entry, end) in other.entries.into_iter().zip(ends) {
            if self.known.insert(entry.id) {
                let offset = self.bytes.len();
                self.bytes.extend_from_slice(&other.bytes[entry.offset as usize..end]);
                let offset = self.checked(offset)?;
                self.entries.push(Entry { offset, ..entry });
            }
        }
        Ok(())
    }

    /// Returns how many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn add_object(&mut self, kind: Kind, bytes: &[u8]) -> Result<[u8; 20], GitError> {
        let id = object_id(kind, bytes)?;
        self.put(id, kind, bytes)?;
        Ok(id)
    }

    fn put(&mut self, id: [u8; 20], kind: Kind, bytes: &[u8]) -> Result<(), GitError> {
        if !self.known.insert(id) {
            return Ok(());
        }
        let offset = self.bytes.len();
        put_header(&mut self.bytes, kind, bytes.len());
        self.put_deflated(bytes);
        let mut crc = Crc::new();
        crc.update(&self.bytes[offset..]);
        let offset = self.checked(offset)?;
        self.entries.push(Entry { id, crc: crc.sum(), offset });
        Ok(())
    }

    /// Returns the offset of the last object, if the pack can hold it.
    fn checked(&self, offset: usize) -> Result<u32, GitError> {
        if self.bytes.len() > MAX_PACK_BYTES {
            return Err(GitError::TooLarge { what: "the files of one commit".to_owned() });
        }
        Ok(u32::try_from(offset).expect("bounded above"))
    }

    /// Writes the pack and its index into a repository, synced; a pack without objects writes nothing.
    pub(super) fn store(mut self, repository: &Path) -> Result<(), GitError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let count = u32::try_from(self.entries.len()).expect("every object has its own offset");
        self.bytes[8..HEADER_BYTES].copy_from_slice(&count.to_be_bytes());
        let checksum = sha1(&[&self.bytes])?;
        self.bytes.extend_from_slice(&checksum);
        let index = index(&mut self.entries, &checksum)?;
        let name: String = checksum.iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = repository.join("objects/pack");
        // The index makes the pack visible, so it comes second.
        fs::write(&folder.join(format!("pack-{name}.pack")), &self.bytes)?;
        fs::write(&folder.join(format!("pack-{name}.idx")), &index)?;
        Ok(())
    }

    fn put_deflated(&mut self, bytes: &[u8]) {
        self.deflate.reset();
        loop {
            let taken = usize::try_from(self.deflate.total_in()).expect("no more than the slice holds");
            let rest = &bytes[taken..];
            self.bytes.reserve(rest.len() / 8 + 256);
            let status = self.deflate.compress_vec(rest, &mut self.bytes, FlushCompress::Finish);
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

fn sha1(parts: &[&[u8]]) -> Result<[u8; 20], GitError> {
    let mut hasher = sha1dc::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
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

/// The index of version 2: how many names start with each byte or a lower one, names, CRCs, offsets.
fn index(entries: &mut [Entry], pack_checksum: &[u8; 20]) -> Result<Vec<u8>, GitError> {
    entries.sort_unstable_by_key(|entry| entry.id);
    let mut bytes = b"\xfftOc\0\0\0\x02".to_vec();
    for first in 0..=u8::MAX {
        let upto = entries.partition_point(|entry| entry.id[0] <= first);
        bytes.extend(u32::try_from(upto).expect("counted above").to_be_bytes());
    }
    entries.iter().for_each(|entry| bytes.extend(entry.id));
    entries.iter().for_each(|entry| bytes.extend(entry.crc.to_be_bytes()));
    entries.iter().for_each(|entry| bytes.extend(entry.offset.to_be_bytes()));
    bytes.extend(pack_checksum);
    let checksum = sha1(&[&bytes])?;
    bytes.extend(checksum);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        #[expect(clippy::disallowed_types, reason = "libgit2 is the judge")]
        fn what_is_stored_is_read_back(files in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..4000), 1..40)) {
            let folder = tempfile::tempdir().unwrap();
            let repository = git2::Repository::init_bare(folder.path()).unwrap();
            let (mut pack, mut other) = (PackWriter::new(), PackWriter::new());
            let into = |(index, file): (usize, &Vec<u8>)| {
                let pack = if index % 3 == 0 { &mut pack } else { &mut other };
                pack.add(file).unwrap()
            };
            let ids: Vec<BlobId> = files.iter().enumerate().map(into).collect();
            pack.append(other).unwrap();
            pack.store(folder.path()).unwrap();
            for (id, file) in ids.iter().zip(&files) {
                let blob = repository.find_blob(git2::Oid::from_bytes(id.as_bytes()).unwrap()).unwrap();
                prop_assert_eq!(blob.content(), file.as_slice());
            }
        }
    }
}
