//! A package that passed every check that needs no inflating, and the reading of its entries.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};

use crate::asset::kind::Kind;
use crate::model::path::PackagePath;

use super::ArchiveError;
use super::directory::{self, Record};

/// What a package may be at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries, folders counted.
    pub entries: usize,
    /// Bytes of the zip.
    pub packed: u64,
    /// Bytes of all entries together, as declared; the zips of pages count with what is in them.
    pub unpacked: u64,
    /// Bytes of one entry.
    pub entry: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 50_000, packed: 100 << 20, unpacked: 1 << 30, entry: 64 << 20 }
    }
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub path: PackagePath,
    /// The CRC-32 of its content, as declared; [`Package::read`] checks it.
    pub crc: u32,
    /// Bytes of its content.
    pub size: u64,
    /// Bytes that it takes in the zip.
    pub packed: u64,
    start: usize,
    deflated: bool,
}

impl Entry {
    /// Returns a digest of the compressed bytes: equal digests of equal sizes and CRC are equal content, and unlike a
    /// CRC-32 nobody can make two contents have one.
    #[must_use]
    pub fn seal(&self, package: &Package) -> [u8; 16] {
        let mut seal = [0; 16];
        seal.copy_from_slice(&blake3::hash(package.data(self)).as_bytes()[..16]);
        seal
    }
}

/// A package in memory. Any thread may read any entry.
#[derive(Debug)]
pub struct Package {
    bytes: Bytes,
    entries: Vec<Entry>,
    limits: Limits,
    /// What the directory declares: entries, and bytes of all of them.
    declared: (usize, u64),
    /// What the directories of the zips inside declare, for those that were read.
    nested: Mutex<BTreeMap<PackagePath, (usize, u64)>>,
}

impl Package {
    /// Opens a package: reads its directory, and inflates nothing.
    ///
    /// Bytes in front of the first entry and behind the end record are refused: a zip that is also something else is
    /// not what the workspace makes. Gaps between entries are tolerated, since nothing reads them.
    ///
    /// # Errors
    /// Names the entry, and why the package is refused.
    pub fn open(bytes: Bytes, limits: &Limits) -> Result<Self, ArchiveError> {
        let directory = directory::read(&bytes, limits)?;
        let mut entries: Vec<Entry> = directory.files.into_iter().map(Entry::from).collect();
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let declared = (directory.records, directory.unpacked);
        Ok(Self { bytes, entries, limits: *limits, declared, nested: Mutex::default() })
    }

    /// Returns the files, sorted by path. Folders are not listed.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the content of an entry of this package.
    ///
    /// # Errors
    /// Says what is wrong with the compressed data, or with the zip inside if it is a page's.
    pub fn read(&self, entry: &Entry) -> Result<Vec<u8>, ArchiveError> {
        let content = inflate(entry, self.data(entry))?;
        if entry.path.file_name().ends_with(".zip") && Kind::of(&entry.path) == Kind::Page {
            self.check_nested(entry, &content).map_err(|source| ArchiveError::Nested {
                name: entry.path.to_string(),
                source: Box::new(source),
            })?;
        }
        Ok(content)
    }

    /// Returns the compressed bytes of an entry.
    fn data(&self, entry: &Entry) -> &[u8] {
        let packed = usize::try_from(entry.packed).expect("checked to lie inside the package");
        &self.bytes[entry.start..entry.start + packed]
    }

    /// Checks a zip inside under what is left of the limits.
    fn check_nested(&self, entry: &Entry, content: &[u8]) -> Result<(), ArchiveError> {
        let (records, unpacked) = {
            let nested = self.nested.lock().unwrap_or_else(PoisonError::into_inner);
            let others = nested.iter().filter(|(path, _)| **path != entry.path);
            others.fold(self.declared, |sum, (_, size)| (sum.0 + size.0, sum.1 + size.1))
        };
        let left = Limits {
            entries: self.limits.entries.saturating_sub(records),
            unpacked: self.limits.unpacked.saturating_sub(unpacked),
            ..self.limits
        };
        let directory = directory::read(content, &left)?;
        for file in directory.files.into_iter().map(Entry::from) {
            let packed = usize::try_from(file.packed).expect("checked to lie inside the zip");
            let _content = inflate(&file, &content[file.start..file.start + packed])?;
        }
        let mut nested = self.nested.lock().unwrap_or_else(PoisonError::into_inner);
        nested.insert(entry.path.clone(), (directory.records, directory.unpacked));
        Ok(())
    }
}

impl From<Record> for Entry {
    fn from(record: Record) -> Self {
        let Record { path, crc, size, packed, start, deflated } = record;
        Self { path, crc, size, packed, start, deflated }
    }
}

/// Unpacks an entry into exactly its declared size.
fn inflate(entry: &Entry, data: &[u8]) -> Result<Vec<u8>, ArchiveError> {
    let damaged = |reason| ArchiveError::Damaged { name: entry.path.to_string(), reason };
    let size = usize::try_from(entry.size).expect("checked against the limits");
    let content = if entry.deflated {
        // One byte more, so that data that goes on behind the declared size shows.
        let mut content = vec![0; size + 1];
        let mut stream = Decompress::new(false);
        let status = stream
            .decompress(data, &mut content, FlushDecompress::Finish)
            .map_err(|_| damaged("it is no deflate stream"))?;
        if stream.total_out() > entry.size {
            return Err(damaged("it holds more than the declared size"));
        }
        if status != Status::StreamEnd {
            return Err(damaged("it ends before its end"));
        }
        if stream.total_out() < entry.size {
            return Err(damaged("it holds less than the declared size"));
        }
        if stream.total_in() != entry.packed {
            return Err(damaged("bytes follow behind its end"));
        }
        content.truncate(size);
        content
    } else {
        data.to_vec()
    };
    let mut crc = flate2::Crc::new();
    crc.update(&content);
    if crc.sum() != entry.crc {
        return Err(damaged("its CRC-32 is another"));
    }
    Ok(content)
}
