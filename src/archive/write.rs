//! Files to zip bytes: equal files give equal bytes, in the shape of the platform's own packages.
//!
//! Own code rather than a library's, so that the bytes change only when this file or the deflate library does.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::model::path::PackagePath;

use super::names::Names;
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
    let mut files: Vec<(&PackagePath, &[u8])> = files.into_iter().collect();
    files.sort_unstable_by_key(|(path, _)| *path);
    let mut writer = Writer { limits, out: Vec::new(), directory: Vec::new(), records: 0, unpacked: 0 };
    let mut names = Names::default();
    let mut last = "";
    for (path, content) in files {
        names.add(path, true)?;
        let folder = path.folder();
        for (at, _) in folder.match_indices('/').chain([(folder.len(), "")]) {
            let prefix = &folder[..at];
            let known = last == prefix || last.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
            if !prefix.is_empty() && !known {
                writer.add(&format!("{prefix}/"), None)?;
            }
        }
        last = folder;
        writer.add(path.as_str(), Some(content))?;
    }
    writer.finish()
}

struct Writer {
    limits: Limits,
    out: Vec<u8>,
    directory: Vec<u8>,
    records: u16,
    unpacked: u64,
}

impl Writer {
    /// Adds a file, or a folder without content.
    fn add(&mut self, name: &str, content: Option<&[u8]>) -> Result<(), ArchiveError> {
        let records = usize::from(self.records) + 1;
        if records > self.limits.entries {
            return Err(ArchiveError::Entries { entries: records, limit: self.limits.entries });
        }
        let size = content.map_or(0, <[u8]>::len) as u64;
        if size > self.limits.entry {
            return Err(ArchiveError::Entry { name: name.to_owned(), bytes: size, limit: self.limits.entry });
        }
        self.unpacked += size;
        if self.unpacked > self.limits.unpacked {
            return Err(ArchiveError::Unpacked { bytes: self.unpacked, limit: self.limits.unpacked });
        }
        let data = content.map(deflate).unwrap_or_default();
        let mut crc = flate2::Crc::new();
        crc.update(content.unwrap_or_default());
        let short = |number: usize| u32::try_from(number).expect("below the limits");
        let offset = short(self.out.len());
        let mut header = Vec::with_capacity(26);
        header.extend(NEEDED.to_le_bytes());
        header.extend(if name.is_ascii() { 0 } else { UTF8 }.to_le_bytes());
        header.extend(if content.is_some() { 8_u16 } else { 0 }.to_le_bytes());
        header.extend(TIME.to_le_bytes());
        header.extend(crc.sum().to_le_bytes());
        header.extend(short(data.len()).to_le_bytes());
        header.extend(u32::try_from(size).expect("below the limits").to_le_bytes());
        header.extend(u16::try_from(name.len()).expect("package paths are short").to_le_bytes());
        header.extend([0; 2]); // no extra field
        self.out.extend(b"PK\x03\x04");
        self.out.extend(&header);
        self.out.extend(name.as_bytes());
        self.out.extend(&data);
        self.directory.extend(b"PK\x01\x02");
        self.directory.extend(MADE_BY.to_le_bytes());
        self.directory.extend(&header);
        self.directory.extend([0; 4]); // no comment, first part
        self.directory.extend(u16::from(content.is_some()).to_le_bytes()); // internal attributes: text
        self.directory.extend(if content.is_some() { FILE } else { FOLDER }.to_le_bytes());
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.records += 1;
        self.check_packed()
    }

    fn finish(mut self) -> Result<Vec<u8>, ArchiveError> {
        let start = u32::try_from(self.out.len()).expect("below the limits");
        let size = u32::try_from(self.directory.len()).expect("below the limits");
        self.out.append(&mut self.directory);
        self.out.extend(b"PK\x05\x06\0\0\0\0");
        self.out.extend(self.records.to_le_bytes());
        self.out.extend(self.records.to_le_bytes());
        self.out.extend(size.to_le_bytes());
        self.out.extend(start.to_le_bytes());
        self.out.extend([0; 2]); // no comment
        self.check_packed()?;
        Ok(self.out)
    }

    fn check_packed(&self) -> Result<(), ArchiveError> {
        let bytes = (self.out.len() + self.directory.len()) as u64;
        if bytes > self.limits.packed {
            return Err(ArchiveError::Packed { bytes, limit: self.limits.packed });
        }
        Ok(())
    }
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(content.len() / 4), Compression::new(LEVEL));
    encoder.write_all(content).and_then(|()| encoder.finish()).expect("a vector takes all that is written")
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
