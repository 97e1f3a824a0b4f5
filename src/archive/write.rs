//! Files to zip bytes, in the shape of the platform's own packages.
//!
//! What is compressed here is so on all cores, each file by itself: equal files give equal bytes, however many cores there
//! are. Streams that somebody else has compressed are taken over as they are: the same files with the same streams give
//! the same bytes, and other streams of the same files give other bytes with the same content.
//!
//! Own code rather than a library's, so that the bytes change only when this file or the deflate library does.

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use crate::cores;
use crate::model::path::PackagePath;

use super::names::{NameDigests, Names};
use super::{ArchiveError, Limits};

/// Made on Unix, by version 5.2 of the format, as real packages say.
const MADE_BY: u16 = 3 << 8 | 52;
/// Version 2.0 of the format: folders and deflate.
const NEEDED: u16 = 20;
/// The name is UTF-8. Set only where that is not plain from the bytes: real packages have no flags.
const UTF8: u16 = 1 << 11;
/// Midnight of 1980-01-01, the first day that the format knows.
const TIME: u32 = 0x0021_0000;
const FILE: u32 = 0o100_644 << 16;
const FOLDER: u32 = 0o040_755 << 16;
/// Smallest output of this library; more gains a percent for twice the time.
const LEVEL: u32 = 6;
/// Bytes of an entry's two headers, without its name.
const RECORD: usize = 30 + 46;
/// Bytes of the end record.
const END: usize = 22;

/// A file's content, compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deflated {
    stream: Vec<u8>,
    crc: u32,
    size: u64,
}

impl Deflated {
    /// Compresses a content; equal contents give equal streams.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::with_capacity(content.len() / 4), Compression::new(LEVEL));
        let done = encoder.write_all(content).and_then(|()| encoder.finish());
        let mut stream = done.expect("a vector takes all that is written");
        // Many are held at a time.
        stream.shrink_to_fit();
        let mut crc = Crc::new();
        crc.update(content);
        Self { stream, crc: crc.sum(), size: content.len() as u64 }
    }

    /// Takes over a raw deflate stream that is known to hold so many bytes with this CRC-32: it is not looked at again.
    #[must_use]
    pub fn known(stream: Vec<u8>, crc: u32, size: u64) -> Self {
        Self { stream, crc, size }
    }

    /// Returns how many bytes the content takes when it is compressed.
    #[must_use]
    pub fn packed(&self) -> u64 {
        self.stream.len() as u64
    }
}

/// Packs files into a zip: sorted by path, each folder before the first file in it, with no times of their own.
///
/// What is packed can be opened under the default limits, with the same content.
///
/// # Errors
/// Names the file that cannot stand in a package, or the limit that the package would break.
pub fn pack<'a>(
    files: impl IntoIterator<Item = (&'a PackagePath, &'a [u8])>,
) -> Result<Vec<u8>, ArchiveError> {
    let limits = Limits::default();
    let files: Vec<(&PackagePath, &[u8])> = files.into_iter().collect();
    let records =
        lay_out(files.iter().map(|(path, content)| (*path, content.len() as u64)).collect(), &limits)?;
    let compress = |part: &[(&'a PackagePath, &[u8])]| -> Vec<_> {
        part.iter().map(|(path, content)| (*path, Deflated::of(content))).collect()
    };
    let parts = cores::on_all(&files, |(_, content)| content.len() as u64, compress);
    assemble(records, parts.into_iter().flatten().collect(), &limits)
}

/// Packs files that are compressed already into a zip, as [`pack`] does.
///
/// What is packed can be opened under the same limits, which are no wider than the default ones.
///
/// # Errors
/// Names the file that cannot stand in a package, or the limit that the package would break.
pub fn join(files: Vec<(&PackagePath, Deflated)>, limits: &Limits) -> Result<Vec<u8>, ArchiveError> {
    let records = lay_out(files.iter().map(|(path, file)| (*path, file.size)).collect(), limits)?;
    assemble(records, files, limits)
}

/// Writes files that were laid out.
fn assemble(
    records: Vec<(&str, bool)>,
    mut files: Vec<(&PackagePath, Deflated)>,
    limits: &Limits,
) -> Result<Vec<u8>, ArchiveError> {
    files.sort_unstable_by_key(|(path, _)| *path);
    let named: usize = records.iter().map(|(name, _)| 2 * name.len() + RECORD).sum();
    let packed = files.iter().map(|(_, file)| file.packed()).sum::<u64>() + (named + END) as u64;
    if packed > limits.packed {
        return Err(ArchiveError::Overfull { limit: limits.packed });
    }
    let room = usize::try_from(packed).expect("below the limits");
    let mut writer =
        Writer { out: Vec::with_capacity(room), directory: Vec::with_capacity(named), records: 0 };
    let mut files = files.into_iter();
    for (name, is_file) in records {
        writer.add(name, is_file.then(|| files.next().expect("each was laid out").1).as_ref());
    }
    Ok(writer.finish())
}

/// Finds out whether files of so many bytes can be a package, whatever they are compressed to.
///
/// # Errors
/// As [`join`], but for what the zip's own size comes to.
pub fn check(files: Vec<(&PackagePath, u64)>, limits: &Limits) -> Result<(), ArchiveError> {
    lay_out(files, limits).map(drop)
}

/// Returns the names of a package's entries in their order, and which of them are files; or what a package cannot be,
/// whatever its files are compressed to.
fn lay_out<'a>(
    mut files: Vec<(&'a PackagePath, u64)>,
    limits: &Limits,
) -> Result<Vec<(&'a str, bool)>, ArchiveError> {
    files.sort_unstable_by_key(|(path, _)| *path);
    let mut names = Names::default();
    let (mut records, mut unpacked) = (Vec::new(), 0);
    let mut last = "";
    for (path, size) in files {
        names.add(path, &NameDigests::of(path.file_name()), true)?;
        let folder = path.folder();
        for (at, _) in folder.match_indices('/').chain([(folder.len(), "")]) {
            let prefix = &folder[..at];
            let known = last == prefix || last.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
            if !prefix.is_empty() && !known {
                records.push((&path.as_str()[..=at], false));
            }
        }
        last = folder;
        records.push((path.as_str(), true));
        if records.len() > limits.entries {
            return Err(ArchiveError::Entries { entries: records.len(), limit: limits.entries });
        }
        if size > limits.entry {
            return Err(ArchiveError::Entry { name: path.to_string(), bytes: size, limit: limits.entry });
        }
        unpacked += size;
        if unpacked > limits.unpacked {
            return Err(ArchiveError::Unpacked { bytes: unpacked, limit: limits.unpacked });
        }
    }
    Ok(records)
}

struct Writer {
    out: Vec<u8>,
    directory: Vec<u8>,
    records: u16,
}

impl Writer {
    /// Adds a file, or a folder, which has no content.
    fn add(&mut self, name: &str, file: Option<&Deflated>) {
        let short = |number: usize| u32::try_from(number).expect("below the limits");
        let (data, crc, size) = file.map_or((&[][..], 0, 0), |file| (&file.stream, file.crc, file.size));
        let offset = short(self.out.len());
        let mut header = Vec::with_capacity(26);
        header.extend(NEEDED.to_le_bytes());
        header.extend(if name.is_ascii() { 0 } else { UTF8 }.to_le_bytes());
        header.extend(if file.is_some() { 8_u16 } else { 0 }.to_le_bytes());
        header.extend(TIME.to_le_bytes());
        header.extend(crc.to_le_bytes());
        header.extend(short(data.len()).to_le_bytes());
        header.extend(u32::try_from(size).expect("below the limits").to_le_bytes());
        header.extend(u16::try_from(name.len()).expect("package paths are short").to_le_bytes());
        header.extend([0; 2]); // no extra field
        self.out.extend(b"PK\x03\x04");
        self.out.extend(&header);
        self.out.extend(name.as_bytes());
        self.out.extend(data);
        self.directory.extend(b"PK\x01\x02");
        self.directory.extend(MADE_BY.to_le_bytes());
        self.directory.extend(&header);
        self.directory.extend([0; 4]); // no comment, first part
        self.directory.extend(u16::from(file.is_some()).to_le_bytes()); // internal attributes: text
        self.directory.extend(if file.is_some() { FILE } else { FOLDER }.to_le_bytes());
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.records += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        let start = u32::try_from(self.out.len()).expect("below the limits");
        let size = u32::try_from(self.directory.len()).expect("below the limits");
        self.out.append(&mut self.directory);
        self.out.extend(b"PK\x05\x06\0\0\0\0");
        self.out.extend(self.records.to_le_bytes());
        self.out.extend(self.records.to_le_bytes());
        self.out.extend(size.to_le_bytes());
        self.out.extend(start.to_le_bytes());
        self.out.extend([0; 2]); // no comment
        self.out
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{Cursor, Read as _};

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::archive::Package;

    fn path(name: &str) -> PackagePath {
        PackagePath::parse(name).unwrap()
    }

    #[test]
    fn equal_files_give_these_bytes_in_any_order() {
        let (a, b) = (path("Ä b/c/x.recipe.json"), path("z.connection.json"));
        let packed = pack([(&b, &b"{}\n"[..]), (&a, &b"[]\n"[..])]).unwrap();
        assert_eq!(packed, pack([(&a, &b"[]\n"[..]), (&b, &b"{}\n"[..])]).unwrap());
        insta::assert_snapshot!(packed.escape_ascii(), @r#"PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00!\x00\x06\xb0\xa1\xdd\x05\x00\x00\x00\x03\x00\x00\x00\x11\x00\x00\x00z.connection.json\xab\xae\xe5\x02\x00PK\x03\x04\x14\x00\x00\x08\x00\x00\x00\x00!\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\xc3\x84 b/PK\x03\x04\x14\x00\x00\x08\x00\x00\x00\x00!\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\xc3\x84 b/c/PK\x03\x04\x14\x00\x00\x08\x08\x00\x00\x00!\x00D\xd2hp\x05\x00\x00\x00\x03\x00\x00\x00\x14\x00\x00\x00\xc3\x84 b/c/x.recipe.json\x8b\x8e\xe5\x02\x00PK\x01\x024\x03\x14\x00\x00\x00\x08\x00\x00\x00!\x00\x06\xb0\xa1\xdd\x05\x00\x00\x00\x03\x00\x00\x00\x11\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\xa4\x81\x00\x00\x00\x00z.connection.jsonPK\x01\x024\x03\x14\x00\x00\x08\x00\x00\x00\x00!\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xedA4\x00\x00\x00\xc3\x84 b/PK\x01\x024\x03\x14\x00\x00\x08\x00\x00\x00\x00!\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xedAW\x00\x00\x00\xc3\x84 b/c/PK\x01\x024\x03\x14\x00\x00\x08\x08\x00\x00\x00!\x00D\xd2hp\x05\x00\x00\x00\x03\x00\x00\x00\x14\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\xa4\x81|\x00\x00\x00\xc3\x84 b/c/x.recipe.jsonPK\x05\x06\x00\x00\x00\x00\x04\x00\x04\x00\xe9\x00\x00\x00\xb3\x00\x00\x00\x00\x00"#);
    }

    #[test]
    fn another_zip_reader_sees_the_shape_of_a_real_package() {
        let (a, b) = (path("R/a.recipe.json"), path("R/S/b.recipe.json"));
        let packed = pack([(&a, &b"{}"[..]), (&b, &b"[1]"[..])]).unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(packed)).unwrap();
        let mut shape = String::new();
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let (name, mode, made) =
                (entry.name().unwrap(), entry.unix_mode().unwrap(), entry.version_made_by());
            shape += &format!("{name} {mode:o} {made:?} {:?} {content}\n", entry.compression());
        }
        insta::assert_snapshot!(shape, @r#"
            R/ 40755 (5, 2) Stored 
            R/S/ 40755 (5, 2) Stored 
            R/S/b.recipe.json 100644 (5, 2) Deflated [1]
            R/a.recipe.json 100644 (5, 2) Deflated {}
            "#);
    }

    #[test]
    fn what_could_not_be_opened_is_not_packed() {
        let (a, b, c) = (path("a/x.recipe.json"), path("A/y.recipe.json"), path("a"));
        let refused = |files: [&PackagePath; 2]| pack(files.map(|path| (path, &b""[..]))).unwrap_err();
        assert!(matches!(refused([&a, &b]), ArchiveError::Clash { .. }));
        assert!(matches!(refused([&a, &c]), ArchiveError::FileAndFolder { .. }));
        assert!(matches!(refused([&a, &a]), ArchiveError::Duplicate { .. }));
        let large = vec![0; (64 << 20) + 1];
        assert!(matches!(pack([(&a, &large[..])]).unwrap_err(), ArchiveError::Entry { .. }));
    }

    #[test]
    fn limits_hold_to_the_byte() {
        let (a, b) = (path("a/x.recipe.json"), path("a/y.recipe.json"));
        let join = |limits: Limits| {
            join(vec![(&a, Deflated::of(b"[1]")), (&b, Deflated::of(b"[2]"))], &limits).map(|zip| zip.len())
        };
        let bytes = join(Limits::default()).unwrap();
        let packed = |packed: usize| join(Limits { packed: packed as u64, ..Limits::default() });
        assert_eq!(packed(bytes).unwrap(), bytes);
        assert!(matches!(packed(bytes - 1), Err(ArchiveError::Overfull { .. })));
        let entries = |entries| join(Limits { entries, ..Limits::default() });
        assert_eq!(entries(3).unwrap(), bytes);
        assert!(matches!(entries(2), Err(ArchiveError::Entries { entries: 3, .. })));
        let unpacked = |unpacked| join(Limits { unpacked, ..Limits::default() });
        assert_eq!(unpacked(6).unwrap(), bytes);
        assert!(matches!(unpacked(5), Err(ArchiveError::Unpacked { bytes: 6, .. })));
    }

    #[test]
    fn files_compressed_on_all_cores_are_those_compressed_one_by_one() {
        let files: Vec<_> = (0..200_u32)
            .map(|number| {
                let text: String =
                    (0..number * 3).map(|line| format!("{} {}\n", line, line * number)).collect();
                (path(&format!("f{}/{number}.recipe.json", number % 7)), text)
            })
            .collect();
        let one_by_one = files.iter().map(|(path, text)| (path, Deflated::of(text.as_bytes()))).collect();
        let packed = pack(files.iter().map(|(path, text)| (path, text.as_bytes()))).unwrap();
        assert!(packed == join(one_by_one, &Limits::default()).unwrap());
    }

    #[test]
    fn a_stream_is_taken_over_as_it_is() {
        let name = path("a.recipe.json");
        let stored = b"\x01\x02\0\xfd\xff{}"; // deflate's way to say: two bytes, not compressed
        let Deflated { crc, .. } = Deflated::of(b"{}");
        let zip = join(vec![(&name, Deflated::known(stored.to_vec(), crc, 2))], &Limits::default()).unwrap();
        assert!(zip.windows(stored.len()).any(|bytes| bytes == stored));
        let package = Package::open(Bytes::from(zip), &Limits::default()).unwrap();
        assert_eq!(package.read(&package.entries()[0]).unwrap(), b"{}");
    }

    proptest! {
        #[test]
        fn what_is_packed_opens_to_the_same(
            files in proptest::collection::btree_map("[a-cé ]{1,3}(/[a-c]{1,2}){0,3}\\.json", ".{0,60}", 0..12)
        ) {
            let files: BTreeMap<_, _> =
                files.into_iter().filter_map(|(name, text)| Some((PackagePath::parse(&name).ok()?, text))).collect();
            let packed = pack(files.iter().map(|(path, text)| (path, text.as_bytes()))).unwrap();
            let package = Package::open(Bytes::from(packed), &Limits::default()).unwrap();
            let opened: BTreeMap<_, _> = package
                .entries()
                .iter()
                .map(|entry| (entry.path.clone(), String::from_utf8(package.read(entry).unwrap()).unwrap()))
                .collect();
            prop_assert_eq!(opened, files);
        }
    }
}
