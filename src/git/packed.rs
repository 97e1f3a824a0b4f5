//! Reads files as they are compressed in a repository's packs, for who can use the compressed bytes.
//!
//! An entry of a pack is a header and a zlib stream; between the stream's two bytes in front and its four behind lies the
//! deflate stream that a zip holds as well. Only what is whole in a pack, and no difference to another object, is read,
//! and nothing of it is trusted: it is inflated, and has to end where its entry ends, to be as large as its header says,
//! and to have the name that was asked for. What does not fit in any way is not found here, and the reading by libgit2
//! knows whether it is elsewhere, differently stored or damaged. So this reports no errors.
//!
//! Not read: loose objects, alternates, indexes of version 1 or of packs over 2 GiB. The format is git's
//! `gitformat-pack`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::pack::{Kind, blob_id};
use super::pack_file::MAX_PACK_BYTES;
use crate::fs::{self, Pieces};
use crate::model::oid::BlobId;

/// The largest index that is read, in bytes: over a million objects.
const MAX_INDEX_BYTES: u64 = 32 << 20;
/// How many packs are held open; git joins them long before.
const MAX_PACKS: usize = 64;
/// The largest file that is read, in bytes: what one entry of a package may hold.
const MAX_BLOB_BYTES: u64 = 64 << 20;
/// The longest header of an entry below that: four bits of the size, then seven in each byte.
const MAX_HEADER_BYTES: usize = 5;
/// Method and flags in front of a deflate stream.
const ZLIB_HEAD: usize = 2;
/// The Adler-32 behind it.
const ZLIB_TAIL: usize = 4;
/// Magic, version and number of objects of a pack.
const PACK_HEAD: u32 = 12;
/// A pack's checksum, behind its last entry.
const PACK_TAIL: u64 = 20;
/// Magic and version of an index, and how many names start with each byte or a lower one.
const INDEX_HEAD: &[u8] = b"\xfftOc\0\0\0\x02";
const FANOUT: usize = 256;
/// A name, a CRC and an offset.
const INDEX_ENTRY: usize = 20 + 4 + 4;
/// The checksums of the pack and of the index.
const INDEX_TAIL: usize = 40;

/// Where files lie in the packs of a repository. It holds the packs open, so that none goes while it is read.
#[derive(Debug)]
pub struct Packed {
    packs: Vec<Pieces>,
    places: HashMap<BlobId, Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    pack: usize,
    start: u64,
    end: u64,
}

/// A file that is whole in a pack, as its entry's header says.
#[derive(Debug)]
pub struct Whole<'a> {
    pack: &'a Pieces,
    id: BlobId,
    size: usize,
    is_fast: bool,
    start: u64,
    end: u64,
}

/// The deflate stream of a file's content, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Without what zlib puts around it.
    pub deflated: Vec<u8>,
    /// The CRC-32 of the content.
    pub crc: u32,
    /// Bytes of the content.
    pub size: u64,
}

impl Packed {
    /// Looks files up in the packs of a repository; of several packs that hold one, in the first by its name.
    pub(super) fn look_up(repository: &Path, ids: &[BlobId]) -> Self {
        let folder = repository.join("objects/pack");
        let mut found = Self { packs: Vec::new(), places: HashMap::new() };
        let wanted = ids.iter().collect::<HashSet<_>>().len();
        for name in fs::list(&folder).unwrap_or_default() {
            let is_complete = found.places.len() == wanted || found.packs.len() == MAX_PACKS;
            if !is_complete && name.extension().is_some_and(|extension| extension == "idx") {
                found.add(&folder.join(name), ids);
            }
        }
        found
    }

    /// Adds what one pack holds of the files; `None` where it cannot be read.
    fn add(&mut self, index: &Path, ids: &[BlobId]) -> Option<()> {
        let bytes = fs::read(index, MAX_INDEX_BYTES).ok()?;
        let index_of_pack = Index::read(&bytes)?;
        let known = &self.places;
        let found: Vec<_> = ids
            .iter()
            .filter(|id| !known.contains_key(*id))
            .filter_map(|id| Some((*id, index_of_pack.offset(*id)?)))
            .collect();
        if found.is_empty() {
            return None;
        }
        let pack = Pieces::open(&index.with_extension("pack")).ok()?;
        let size = pack.size().ok().filter(|size| *size <= MAX_PACK_BYTES)?;
        let ends = index_of_pack.sorted_offsets();
        for (id, start) in found {
            let next = ends.get(ends.partition_point(|end| *end <= start));
            let end = next.map_or(size.saturating_sub(PACK_TAIL), |next| u64::from(*next));
            self.places.insert(id, Place { pack: self.packs.len(), start: u64::from(start), end });
        }
        self.packs.push(pack);
        Some(())
    }

    /// Returns a file that is whole in one of the packs.
    #[must_use]
    pub fn find(&self, id: BlobId) -> Option<Whole<'_>> {
        let Place { pack, start, end } = *self.places.get(&id)?;
        let pack = &self.packs[pack];
        let entry = usize::try_from(end.checked_sub(start)?).ok()?;
        let bytes = pack.read(start, entry.min(MAX_HEADER_BYTES + ZLIB_HEAD)).ok()?;
        let (size, header) = blob_header(&bytes)?;
        // Two bits say with how much effort a stream was made: the lowest two of four levels are git's first five.
        let is_fast = bytes.get(header + 1)? >> 6 < 2;
        Some(Whole { pack, id, size, is_fast, start: start + header as u64, end })
    }
}

impl Whole<'_> {
    /// Returns how many bytes the content has, as the pack says.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size as u64
    }

    /// Returns how many bytes the stream has in the pack.
    #[must_use]
    pub fn packed(&self) -> u64 {
        self.end - self.start
    }

    /// Returns whether the stream was compressed fast rather than small, as it says itself: ours are.
    #[must_use]
    pub const fn is_fast(&self) -> bool {
        self.is_fast
    }

    /// Reads the file, inflates it and checks all of it; `None` where anything is not as it must be.
    #[must_use]
    pub fn read(&self) -> Option<Stream> {
        let length = usize::try_from(self.end - self.start).ok()?;
        // No compressor makes more of a content than a thousandth of it, and nothing else has to fit into memory.
        if length > self.size + self.size / 8 + 1024 {
            return None;
        }
        let mut bytes = self.pack.read(self.start, length).ok()?;
        let content = inflate(&bytes, self.size)?;
        if blob_id(&content).ok()? != self.id {
            return None;
        }
        let mut crc = Crc::new();
        crc.update(&content);
        bytes.truncate(length - ZLIB_TAIL);
        bytes.drain(..ZLIB_HEAD);
        Some(Stream { deflated: bytes, crc: crc.sum(), size: self.size() })
    }
}

/// Inflates a zlib stream that takes all of the bytes and holds exactly so many. What needs a dictionary is none.
fn inflate(bytes: &[u8], size: usize) -> Option<Vec<u8>> {
    let needs_dictionary = bytes.get(1)? & 0x20 != 0;
    if bytes.len() < ZLIB_HEAD + ZLIB_TAIL || needs_dictionary {
        return None;
    }
    // One byte more, so that a stream that goes on behind its size shows.
    let mut content = vec![0; size + 1];
    let mut stream = Decompress::new(true);
    let status = stream.decompress(bytes, &mut content, FlushDecompress::Finish).ok()?;
    let is_exact = stream.total_out() == size as u64 && stream.total_in() == bytes.len() as u64;
    content.truncate(size);
    (status == Status::StreamEnd && is_exact).then_some(content)
}

/// Reads the header of an entry that is a whole blob: the size of the content, and how many bytes the header has.
fn blob_header(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = *bytes.first()?;
    if first >> 4 & 7 != Kind::Blob as u8 {
        return None;
    }
    let (mut size, mut shift, mut at) = (u64::from(first & 0x0f), 4, 1);
    let mut goes_on = first & 0x80 != 0;
    while goes_on {
        let byte = *bytes.get(at)?;
        size |= u64::from(byte & 0x7f) << shift;
        (shift, at) = (shift + 7, at + 1);
        goes_on = byte & 0x80 != 0;
    }
    let size = usize::try_from(size).ok()?;
    (size as u64 <= MAX_BLOB_BYTES).then_some((size, at))
}

/// An index of version 2 over a pack of at most 2 GiB.
struct Index<'a> {
    fanout: Vec<usize>,
    names: &'a [[u8; 20]],
    offsets: &'a [[u8; 4]],
}

impl<'a> Index<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (fanout, rest) = bytes.strip_prefix(INDEX_HEAD)?.split_at_checked(4 * FANOUT)?;
        let (fanout, _) = fanout.as_chunks::<4>();
        let fanout: Vec<usize> = fanout.iter().map(|upto| u32::from_be_bytes(*upto) as usize).collect();
        let count = *fanout.last()?;
        // A table of 64-bit offsets would stand between.
        if !fanout.is_sorted() || rest.len() != count.checked_mul(INDEX_ENTRY)?.checked_add(INDEX_TAIL)? {
            return None;
        }
        let (names, rest) = rest.split_at(20 * count);
        let offsets = &rest[4 * count..8 * count];
        Some(Self { fanout, names: names.as_chunks().0, offsets: offsets.as_chunks().0 })
    }

    fn offset(&self, id: BlobId) -> Option<u32> {
        let first = usize::from(id.as_bytes()[0]);
        let start = first.checked_sub(1).map_or(0, |before| self.fanout[before]);
        let at = self.names[start..self.fanout[first]].binary_search(id.as_bytes()).ok()?;
        Some(u32::from_be_bytes(self.offsets[start + at])).filter(|offset| *offset >= PACK_HEAD)
    }

    fn sorted_offsets(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.offsets.iter().map(|offset| u32::from_be_bytes(*offset)).collect();
        all.sort_unstable();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of one block that is not compressed, with the given byte of flags.
    fn zlib(flags: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        let (mut a, mut b) = (1_u32, 0_u32);
        for byte in content {
            a = (a + u32::from(*byte)) % 65521;
            b = (b + a) % 65521;
        }
        let (low, high) = (length.to_le_bytes(), (!length).to_le_bytes());
        [&[0x78, flags, 1], &low[..], &high, content, &(b << 16 | a).to_be_bytes()].concat()
    }

    #[test]
    fn a_stream_ends_where_its_entry_ends() {
        let stream = zlib(0x01, b"content");
        assert_eq!(inflate(&stream, 7).unwrap(), b"content");
        assert_eq!((inflate(&stream, 6), inflate(&stream, 8)), (None, None), "another size");
        assert_eq!(inflate(&[&stream[..], &[0]].concat(), 7), None, "a byte behind it");
        for length in 0..stream.len() {
            assert_eq!(inflate(&stream[..length], 7), None, "cut to {length}");
        }
    }

    #[test]
    fn a_stream_that_needs_a_dictionary_is_refused() {
        let mut stream = zlib(0x20, b"content");
        assert_eq!(inflate(&stream, 7), None);
        stream.splice(2..2, [0, 0, 0, 1]); // the dictionary's name
        assert_eq!(inflate(&stream, 7), None);
    }

    #[test]
    fn headers_are_read_as_they_are_written() {
        for (bytes, read) in [
            (&[0x30][..], Some((0, 1))),
            (&[0x3f, 0xff], Some((15, 1))),
            (&[0xb0, 0xb5, 0x18], Some((50_000, 3))),
            (&[0xb0, 0x80, 0x80, 0x80, 0x02], Some((64 << 20, 5))),
            (&[0xb1, 0x80, 0x80, 0x80, 0x02], None), // over the largest
            (&[0xb0, 0x80, 0x80, 0x80, 0x80], None), // it goes on
            (&[0xb0], None),
            (&[], None),
            (&[0x20], None), // a tree
            (&[0x63], None), // differences
            (&[0x73], None),
        ] {
            assert_eq!(blob_header(bytes), read, "{bytes:x?}");
        }
    }

    #[test]
    fn an_index_that_contradicts_itself_is_none() {
        let empty = [INDEX_HEAD, &[0; 4 * FANOUT], &[0; INDEX_TAIL]].concat();
        let id = BlobId::from_bytes([0; 20]);
        assert_eq!(Index::read(&empty).unwrap().offset(id), None);
        assert!(Index::read(&[&empty[..], &[0]].concat()).is_none());
        assert!(Index::read(&[&b"\xfftOc\0\0\0\x03"[..], &empty[8..]].concat()).is_none());
        let with = |first: u8, last: u8| {
            let mut bytes = [&empty[..], &[0; INDEX_ENTRY]].concat();
            (bytes[8 + 3], bytes[8 + 4 * FANOUT - 1]) = (first, last);
            Index::read(&bytes).is_some()
        };
        assert!(!with(1, 0), "it falls");
        assert!(!with(0, 0), "more than it says");
        assert!(!with(0, 2), "less than it says");
    }
}
