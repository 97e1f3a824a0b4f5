//! The directory of a zip, read and checked against everything else that the zip says about itself.
//!
//! Own code, because the checks are the point: no entry is taken whose headers disagree, and no limit is met late.

use super::names::{NameDigests, Names};
use super::{ArchiveError, Limits};
use crate::cores;
use crate::model::path::PackagePath;

const END_SIZE: usize = 22;
const RECORD_SIZE: usize = 46;
const HEADER_SIZE: usize = 30;
/// The signature of the record that points to a zip64 end record.
const ZIP64_LOCATOR: &[u8] = b"PK\x06\x07";
/// How much of a name is shown, in characters: the longest of real exports have 118.
const MAX_SHOWN: usize = 120;
/// The signature in front of sizes that come behind the data.
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
/// From so many records on, all cores read them.
const WORTH_A_THREAD: usize = 1000;
/// Deflate cannot make more than this out of one byte: zlib's own figure.
const MAX_RATIO: u64 = 1032;

/// A file as the directory declares it, with where its data starts.
pub(super) struct Record {
    pub(super) path: PackagePath,
    pub(super) crc: u32,
    pub(super) size: u64,
    pub(super) packed: u64,
    pub(super) start: usize,
    pub(super) deflated: bool,
}

/// A directory that passed every check.
pub(super) struct Directory {
    pub(super) files: Vec<Record>,
    /// All records, those of folders too.
    pub(super) records: usize,
    /// Bytes of all files, as declared.
    pub(super) unpacked: u64,
}

/// Reads the directory of a zip.
pub(super) fn read(zip: &[u8], limits: &Limits) -> Result<Directory, ArchiveError> {
    let bytes = zip.len() as u64;
    if bytes > limits.packed {
        return Err(ArchiveError::Packed { bytes, limit: limits.packed });
    }
    let end = End::find(zip)?;
    if end.records > limits.entries {
        return Err(ArchiveError::Entries { entries: end.records, limit: limits.entries });
    }
    end.check(zip)?;
    let records = end.records(zip)?;
    let front = &zip[..end.start];
    // What is wrong with a record by itself is told before what is wrong beside others, on however many cores.
    let parts = if records.len() < WORTH_A_THREAD {
        vec![Item::read_all(front, &records, limits)?]
    } else {
        cores::try_on_all(&records, |_| 1, || Ok(()), |(), part| Item::read_all(front, part, limits))?
    };
    let count = records.len();
    let mut directory = Directory { files: Vec::with_capacity(count), records: count, unpacked: 0 };
    let (mut names, mut spans) = (Names::with_capacity(count), Vec::with_capacity(count));
    for (item, path, name, span) in parts.into_iter().flatten() {
        directory.unpacked += item.size;
        if directory.unpacked > limits.unpacked {
            return Err(ArchiveError::Unpacked { bytes: directory.unpacked, limit: limits.unpacked });
        }
        names.add(&path, &name, !item.folder)?;
        let Item { crc, size, packed, method, folder, .. } = item;
        if !folder {
            let (start, deflated) = (span.data, method == 8);
            directory.files.push(Record { path, crc, size, packed, start, deflated });
        }
        spans.push(span);
    }
    check_spans(zip, &end, spans)?;
    Ok(directory)
}

/// The end record.
struct End {
    at: usize,
    records: usize,
    /// Where the directory starts.
    start: usize,
    size: usize,
    parts: [usize; 2],
    records_here: usize,
}

impl End {
    /// Finds the end record: the last one whose comment ends where the zip ends.
    fn find(zip: &[u8]) -> Result<Self, ArchiveError> {
        let last = zip.len().checked_sub(END_SIZE).ok_or(ArchiveError::NoEndRecord)?;
        let first = last.saturating_sub(usize::from(u16::MAX));
        let ends_here = |at: usize| {
            zip[at..].starts_with(b"PK\x05\x06") && at + END_SIZE + u16_at(zip, at + 20) == zip.len()
        };
        let at = (first..=last).rev().find(|at| ends_here(*at)).ok_or(ArchiveError::NoEndRecord)?;
        let fields = &zip[at..];
        Ok(Self {
            at,
            records: u16_at(fields, 10),
            start: u32_at(fields, 16) as usize,
            size: u32_at(fields, 12) as usize,
            parts: [u16_at(fields, 4), u16_at(fields, 6)],
            records_here: u16_at(fields, 8),
        })
    }

    /// Returns each record of the directory: its fields, and the name in it.
    fn records<'z>(&self, zip: &'z [u8]) -> Result<Vec<Raw<'z>>, ArchiveError> {
        let zip = &zip[..self.at];
        let mut at = self.start;
        let read = |record| {
            let damaged = |reason| ArchiveError::Directory { record, reason };
            let fields = zip.get(at..at + RECORD_SIZE).ok_or(damaged("it is cut off"))?;
            if !fields.starts_with(b"PK\x01\x02") {
                return Err(damaged("it is no record"));
            }
            let name_end = at + RECORD_SIZE + u16_at(fields, 28);
            let name = zip.get(at + RECORD_SIZE..name_end).ok_or(damaged("its name is cut off"))?;
            at = name_end + u16_at(fields, 30) + u16_at(fields, 32);
            Ok((fields, name))
        };
        let records = (0..self.records).map(read).collect::<Result<_, _>>()?;
        if at != self.at {
            let reason = "bytes follow behind the last record";
            return Err(ArchiveError::Directory { record: self.records, reason });
        }
        Ok(records)
    }

    fn check(&self, zip: &[u8]) -> Result<(), ArchiveError> {
        let large = u32::MAX as usize;
        let locator = self.at.checked_sub(20).is_some_and(|at| zip[at..].starts_with(ZIP64_LOCATOR));
        if locator || self.records == usize::from(u16::MAX) || self.start == large || self.size == large {
            return Err(ArchiveError::Zip64);
        }
        if self.parts != [0, 0] || self.records_here != self.records {
            return Err(ArchiveError::Multipart);
        }
        let damaged = |reason| Err(ArchiveError::Directory { record: 0, reason });
        match (self.start + self.size).cmp(&self.at) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => damaged("it would reach behind the end record"),
            std::cmp::Ordering::Less if zip[self.start..].starts_with(b"PK\x01\x02") => {
                damaged("bytes lie between it and the end record")
            }
            std::cmp::Ordering::Less => Err(ArchiveError::Prefix),
        }
    }
}

/// Where an entry lies: its header, its data, and its end.
struct Span {
    start: usize,
    data: usize,
    end: usize,
}

/// The fields of a record, and the name in it.
type Raw<'z> = (&'z [u8], &'z [u8]);

/// One record of the directory.
struct Item<'z> {
    name: &'z str,
    flags: usize,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    mode: u32,
    offset: usize,
    folder: bool,
}

impl<'z> Item<'z> {
    /// Reads records, and checks of each all that does not depend on others.
    fn read_all(
        front: &[u8],
        records: &[Raw<'z>],
        limits: &Limits,
    ) -> Result<Vec<(Self, PackagePath, NameDigests, Span)>, ArchiveError> {
        let read = |(fields, name): &Raw<'z>| {
            let item = Self::parse(fields, name)?;
            item.check(limits)?;
            let span = item.span(front)?;
            let path = item.path()?;
            let name = NameDigests::of(path.file_name());
            Ok((item, path, name, span))
        };
        records.iter().map(read).collect()
    }

    fn parse(fields: &[u8], name: &'z [u8]) -> Result<Self, ArchiveError> {
        let lossy = || shown(&String::from_utf8_lossy(name));
        let name = std::str::from_utf8(name).map_err(|_| ArchiveError::NotUtf8 { name: lossy() })?;
        let sizes = [20, 24, 42].map(|at| u32_at(fields, at));
        if sizes.contains(&u32::MAX) {
            return Err(ArchiveError::Zip64);
        }
        Ok(Self {
            name,
            flags: u16_at(fields, 8),
            method: u16::from_le_bytes([fields[10], fields[11]]),
            crc: u32_at(fields, 16),
            packed: sizes[0].into(),
            size: sizes[1].into(),
            mode: u32_at(fields, 38) >> 16,
            offset: sizes[2] as usize,
            folder: name.ends_with('/'),
        })
    }

    fn path(&self) -> Result<PackagePath, ArchiveError> {
        let name = if self.folder { &self.name[..self.name.len() - 1] } else { self.name };
        PackagePath::parse(name).map_err(|source| ArchiveError::Name { name: shown(self.name), source })
    }

    /// Checks what the record says by itself.
    fn check(&self, limits: &Limits) -> Result<(), ArchiveError> {
        let name = || shown(self.name);
        const ENCRYPTED: usize = 1 | 1 << 6 | 1 << 13;
        if self.flags & ENCRYPTED != 0 {
            return Err(ArchiveError::Encrypted { name: name() });
        }
        match (self.mode & 0o170_000, self.folder) {
            (0, _) | (0o100_000, false) | (0o040_000, true) => {}
            (0o120_000, _) => return Err(ArchiveError::Symlink { name: name() }),
            _ => return Err(ArchiveError::Special { name: name() }),
        }
        if !matches!(self.method, 0 | 8) {
            return Err(ArchiveError::Method { name: name(), method: self.method });
        }
        if self.size > limits.entry {
            return Err(ArchiveError::Entry { name: name(), bytes: self.size, limit: limits.entry });
        }
        let contradiction = |reason| Err(ArchiveError::Contradiction { name: name(), reason });
        if self.method == 0 && self.size != self.packed {
            return contradiction("it is stored, and its two sizes differ");
        }
        if self.size > self.packed * MAX_RATIO {
            return contradiction("it declares more than its data can hold");
        }
        if self.folder && self.size != 0 {
            return contradiction("it is a folder with content");
        }
        Ok(())
    }

    /// Checks the header in front of the data and what stands behind it.
    fn span(&self, zip: &[u8]) -> Result<Span, ArchiveError> {
        let contradiction = |reason| ArchiveError::Contradiction { name: shown(self.name), reason };
        let outside = || contradiction("its data would lie outside the zip");
        let fields = zip.get(self.offset..self.offset + HEADER_SIZE).ok_or_else(outside)?;
        if !fields.starts_with(b"PK\x03\x04") {
            return Err(contradiction("no header stands where the directory says"));
        }
        let name_end = self.offset + HEADER_SIZE + u16_at(fields, 26);
        let extra_end = name_end + u16_at(fields, 28);
        let data_end = extra_end + usize::try_from(self.packed).map_err(|_| outside())?;
        if data_end > zip.len() {
            return Err(outside());
        }
        if &zip[self.offset + HEADER_SIZE..name_end] != self.name.as_bytes() {
            return Err(contradiction("its header has another name"));
        }
        const TELLING: usize = 1 | 1 << 3 | 1 << 6 | 1 << 13;
        if (u16_at(fields, 6) ^ self.flags) & TELLING != 0 || u16_at(fields, 8) != usize::from(self.method) {
            return Err(contradiction("its header has another method or other flags"));
        }
        // With a data descriptor behind the data, the header may leave them out.
        let late = self.flags & 1 << 3 != 0;
        let [crc, packed, size] = [14, 18, 22].map(|at| u32_at(fields, at));
        let sizes = large_sizes(&zip[name_end..extra_end], size, packed);
        let same = crc == self.crc && sizes == Some((self.size, self.packed));
        if !(same || late && crc == 0 && matches!(sizes, Some((0, 0)))) {
            return Err(contradiction("its header has other sizes or another CRC-32"));
        }
        let ending = |end| Span { start: self.offset, data: extra_end, end };
        if !late {
            return Ok(ending(data_end));
        }
        match self.descriptor(&zip[data_end..]) {
            Some(length) => Ok(ending(data_end + length)),
            // Some writers announce a descriptor, and then fill in the header after all.
            None if same && !zip[data_end..].starts_with(DESCRIPTOR) => Ok(ending(data_end)),
            None => Err(contradiction("what stands behind its data says other sizes or another CRC-32")),
        }
    }

    /// Returns the length of the data descriptor that says the same as the directory: with a signature or without,
    /// with sizes of four bytes or of eight.
    fn descriptor(&self, behind: &[u8]) -> Option<usize> {
        let short =
            |size: u64| u32::try_from(size).expect("it was four bytes in the directory").to_le_bytes();
        let crc = self.crc.to_le_bytes();
        let four = [&crc[..], &short(self.packed), &short(self.size)].concat();
        let eight = [&crc[..], &self.packed.to_le_bytes(), &self.size.to_le_bytes()].concat();
        [&four, &eight].into_iter().find_map(|said| {
            let signed = [DESCRIPTOR, said].concat();
            let length = |said: &[u8]| behind.starts_with(said).then_some(said.len());
            length(&signed).or_else(|| length(said))
        })
    }
}

/// Returns a header's two sizes, from its zip64 field where the header says so: some writers always write one.
fn large_sizes(extra: &[u8], size: u32, packed: u32) -> Option<(u64, u64)> {
    if size != u32::MAX && packed != u32::MAX {
        return Some((size.into(), packed.into()));
    }
    let mut rest = extra;
    while let Some((head, behind)) = rest.split_at_checked(4) {
        let (field, next) = behind.split_at_checked(u16_at(head, 2))?;
        if u16_at(head, 0) == 1 {
            let mut numbers =
                field.chunks_exact(8).map(|eight| u64::from_le_bytes(eight.try_into().expect("eight")));
            let mut resolve =
                |short: u32| if short == u32::MAX { numbers.next() } else { Some(short.into()) };
            return Some((resolve(size)?, resolve(packed)?));
        }
        rest = next;
    }
    None
}

/// Checks that the first entry stands at the start, and that no two share bytes.
fn check_spans(zip: &[u8], end: &End, mut spans: Vec<Span>) -> Result<(), ArchiveError> {
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    if spans.first().map_or(end.start, |first| first.start) != 0 {
        return Err(ArchiveError::Prefix);
    }
    for pair in spans.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        if before.end > after.start {
            let name = after.start + HEADER_SIZE;
            let name = &zip[name..name + u16_at(zip, after.start + 26)];
            let name = shown(&String::from_utf8_lossy(name));
            return Err(ArchiveError::Contradiction { name, reason: "it shares bytes with another entry" });
        }
    }
    Ok(())
}

/// Cuts a name that is longer than any is allowed to be.
fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(MAX_SHOWN).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    shown
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(shown("é.json"), "é.json");
        assert_eq!(shown(&"é".repeat(60_000)), "é".repeat(MAX_SHOWN) + "…");
    }

    #[test]
    fn a_header_may_keep_its_sizes_in_a_zip64_field() {
        let other = [&[0x55, 0x54, 2, 0][..], &[9, 9]].concat();
        let both = [&[1, 0, 16, 0][..], &7_u64.to_le_bytes(), &5_u64.to_le_bytes()].concat();
        let large = u32::MAX;
        assert_eq!(large_sizes(&[], 7, 5), Some((7, 5)));
        assert_eq!(large_sizes(&[other.clone(), both.clone()].concat(), large, large), Some((7, 5)));
        assert_eq!(large_sizes(&both, 9, large), Some((9, 7)), "only what is missing is there");
        assert_eq!(large_sizes(&other, large, 5), None);
        assert_eq!(large_sizes(&both[..12], large, large), None, "cut off");
    }
}
