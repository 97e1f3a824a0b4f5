//! A package that passed every check that needs no inflating, and the reading of its entries.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};

use crate::asset::kind::Kind;
use crate::model::path::PackagePath;

use super::directory::{self, Record};
use super::{ArchiveError, SealKey};

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
        Self { entries: 50_000, packed: 100_000_000, unpacked: 1 << 30, entry: 64 << 20 }
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
    /// Returns a hash of the compressed bytes: equal seals by one key, with equal sizes and CRC, are equal content.
    #[must_use]
    pub fn seal(&self, package: &Package, key: &SealKey) -> u128 {
        key.seal(package.data(self))
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
        let files = self.count_nested(entry, content)?;
        for file in files.into_iter().map(Entry::from) {
            let packed = usize::try_from(file.packed).expect("checked to lie inside the zip");
            let _content = inflate(&file, &content[file.start..file.start + packed])?;
        }
        Ok(())
    }

    /// Reads the directory of a zip inside, and counts it before anything of it is inflated: other threads read others.
    fn count_nested(&self, entry: &Entry, content: &[u8]) -> Result<Vec<Record>, ArchiveError> {
        let mut nested = self.nested.lock().unwrap_or_else(PoisonError::into_inner);
        let others = nested.iter().filter(|(path, _)| **path != entry.path);
        let (records, unpacked) =
            others.fold(self.declared, |sum, (_, size)| (sum.0 + size.0, sum.1 + size.1));
        let left = Limits {
            entries: self.limits.entries.saturating_sub(records),
            unpacked: self.limits.unpacked.saturating_sub(unpacked),
            ..self.limits
        };
        let directory = directory::read(content, &left)?;
        nested.insert(entry.path.clone(), (directory.records, directory.unpacked));
        Ok(directory.files)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::archive::pack;

    /// A zip that may contradict itself: every field of every entry can be set.
    #[derive(Clone)]
    struct Built {
        name: Vec<u8>,
        local_name: Option<Vec<u8>>,
        data: Vec<u8>,
        flags: u16,
        method: u16,
        crc: u32,
        size: u32,
        packed: Option<u32>,
        mode: u32,
        offset: Option<u32>,
        late: bool,
        /// What stands behind the data where it is late; the usual descriptor otherwise.
        behind: Option<Vec<u8>>,
    }

    fn file(name: &str, content: &[u8]) -> Built {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        Built {
            name: name.into(),
            local_name: None,
            data: content.to_vec(),
            flags: 0,
            method: 0,
            crc: crc.sum(),
            size: u32::try_from(content.len()).unwrap(),
            packed: None,
            mode: 0o100_644,
            offset: None,
            late: false,
            behind: None,
        }
    }

    fn deflated(name: &str, content: &[u8]) -> Built {
        use std::io::Write as _;
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(content).unwrap();
        Built { data: encoder.finish().unwrap(), method: 8, ..file(name, content) }
    }

    fn build(entries: &[Built]) -> Vec<u8> {
        let (mut zip, mut directory) = (Vec::new(), Vec::new());
        for entry in entries {
            let offset = entry.offset.unwrap_or(u32::try_from(zip.len()).unwrap());
            let packed = entry.packed.unwrap_or(u32::try_from(entry.data.len()).unwrap());
            let flags = entry.flags | u16::from(entry.late) << 3;
            let header = |name: &[u8], zero: bool| {
                let [crc, packed, size] =
                    [entry.crc, packed, entry.size].map(|field| if zero { 0 } else { field });
                let mut fields = Vec::new();
                [20, flags, entry.method, 0, 0x21]
                    .iter()
                    .for_each(|field| fields.extend(field.to_le_bytes()));
                [crc, packed, size].iter().for_each(|field| fields.extend(field.to_le_bytes()));
                fields.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
                fields.extend([0; 2]);
                fields
            };
            let local = entry.local_name.as_ref().unwrap_or(&entry.name);
            zip.extend([b"PK\x03\x04", &header(local, entry.late)[..], local, &entry.data].concat());
            if let Some(behind) = &entry.behind {
                zip.extend(behind);
            } else if entry.late {
                zip.extend(b"PK\x07\x08");
                [entry.crc, packed, entry.size].iter().for_each(|field| zip.extend(field.to_le_bytes()));
            }
            directory.extend([b"PK\x01\x02\x34\x03", &header(&entry.name, false)[..], &[0; 6]].concat());
            directory.extend((entry.mode << 16).to_le_bytes());
            directory.extend(offset.to_le_bytes());
            directory.extend(&entry.name);
        }
        let (start, size) = (zip.len(), directory.len());
        zip.extend(directory);
        zip.extend(end(entries.len(), size, start));
        zip
    }

    fn end(records: usize, size: usize, start: usize) -> Vec<u8> {
        let count = u16::try_from(records).unwrap().to_le_bytes();
        let [size, start] = [size, start].map(|field| u32::try_from(field).unwrap().to_le_bytes());
        [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size, &start, &[0, 0]].concat()
    }

    fn open(zip: Vec<u8>) -> Result<Package, ArchiveError> {
        Package::open(Bytes::from(zip), &Limits::default())
    }

    /// Returns why a zip is refused, on opening it or on reading all of it.
    fn refusal(zip: Vec<u8>) -> String {
        let error = match open(zip) {
            Ok(package) => {
                package.entries().iter().find_map(|entry| package.read(entry).err()).expect("it is refused")
            }
            Err(error) => error,
        };
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            text += &format!(": {error}");
            source = error.source();
        }
        text
    }

    fn refusals(cases: impl IntoIterator<Item = Vec<Built>>) -> String {
        cases.into_iter().map(|entries| refusal(build(&entries)) + "\n").collect()
    }

    #[test]
    fn a_plain_package_is_read_in_either_method_with_and_without_descriptors() {
        let late = Built { late: true, ..deflated("d/late.recipe.json", b"{\"a\": 1}") };
        let folder = Built { mode: 0o040_755, ..file("d/", b"") };
        let package =
            open(build(&[folder, late, file("a.json", b"[]"), deflated("empty.json", b"")])).unwrap();
        let read: Vec<_> = package
            .entries()
            .iter()
            .map(|entry| (entry.path.as_str(), String::from_utf8(package.read(entry).unwrap()).unwrap()))
            .collect();
        let expected = [("a.json", "[]"), ("d/late.recipe.json", "{\"a\": 1}"), ("empty.json", "")];
        assert_eq!(read, expected.map(|(path, content)| (path, content.to_owned())));
        let key = SealKey::new([7; 32]);
        assert_ne!(package.entries()[0].seal(&package, &key), package.entries()[1].seal(&package, &key));
    }

    #[test]
    fn hostile_names_are_refused() {
        let names: [&[u8]; 12] = [
            b"/etc/passwd",
            b"../x",
            b"a/../../x",
            b"a\\..\\x",
            b"C:/x",
            b"a\0.json",
            b"a\x1b[2J.json",
            b".git/config",
            b"x/.GIT /hooks/post-checkout",
            b"git~1/x",
            b"\xff\xfe.json",
            b"a//",
        ];
        let cases = names.map(|name| vec![Built { name: name.to_vec(), ..file("", b"x") }]);
        insta::assert_snapshot!(refusals(cases), @r#"
            entry "/etc/passwd": its name is refused: it is absolute
            entry "../x": its name is refused: it has a part that is . or ..
            entry "a/../../x": its name is refused: it has a part that is . or ..
            entry "a\\..\\x": its name is refused: it has a backslash
            entry "C:/x": its name is refused: it starts with a drive letter
            entry "a\0.json": its name is refused: it has a control character
            entry "a\u{1b}[2J.json": its name is refused: it has a control character
            entry ".git/config": its name is refused: it names git's own folder
            entry "x/.GIT /hooks/post-checkout": its name is refused: it names git's own folder
            entry "git~1/x": its name is refused: it names git's own folder
            entry "��.json": its name is not UTF-8
            entry "a//": it is neither a file nor a folder
            "#);
    }

    #[test]
    fn names_that_cannot_stand_side_by_side_are_refused() {
        let cases = [
            ["a.json", "a.json"],
            ["a.json", "A.json"],
            ["\u{e9}/a", "e\u{301}/b"],
            ["a/b", "a"],
            ["a", "A/b"],
        ];
        let cases = cases.map(|names| names.map(|name| file(name, b"")).to_vec());
        insta::assert_snapshot!(refusals(cases), @r#"
            entry "a.json": the name comes twice
            entry "A.json": another name differs from it, or from a folder of it, only in case or Unicode form
            entry "e\u{301}/b": another name differs from it, or from a folder of it, only in case or Unicode form
            entry "a": it or a folder of it is a file here and a folder there
            entry "A/b": it or a folder of it is a file here and a folder there
            "#);
    }

    #[test]
    fn many_entries_are_read_as_a_few_are() {
        let name = |number: usize| format!("d{}/{number}.json", number % 7);
        let files: Vec<Built> =
            (0..2500).map(|number| file(&name(number), number.to_string().as_bytes())).collect();
        let package = open(build(&files)).unwrap();
        let mut names: Vec<String> = (0..2500).map(name).collect();
        names.sort();
        assert!(package.entries().iter().map(|entry| entry.path.as_str()).eq(&names));
        for entry in package.entries() {
            let content = String::from_utf8(package.read(entry).unwrap()).unwrap();
            assert!(
                entry.path.as_str().ends_with(&format!("/{content}.json")),
                "{content} is {}",
                entry.path
            );
        }
        // One that is refused for itself, and one that cannot stand beside another, wherever they come.
        for at in [0, 1234, 2499] {
            let mut odd = files.clone();
            odd[at].mode = 0o120_777;
            let link = format!("entry \"{}\": it is a symbolic link", name(at));
            assert_eq!(refusal(build(&odd)), link);
            let twin = (at + 1000) % 2500;
            (odd[at], odd[twin].name) = (files[at].clone(), name(at).replace("json", "JSON").into());
            assert!(refusal(build(&odd)).contains("another name differs from it"));
        }
        // However many parts it is read in, the one fault is told before the other.
        let mut odd = files.clone();
        (odd[10].name, odd[2490].mode) = (name(3).replace("json", "JSON").into(), 0o120_777);
        assert!(refusal(build(&odd)).contains("it is a symbolic link"));
        let limits = Limits { unpacked: 8889, ..Limits::default() };
        let error = Package::open(Bytes::from(build(&files)), &limits).map(drop).unwrap_err();
        assert!(matches!(error, ArchiveError::Unpacked { bytes: 8890, limit: 8889 }), "{error}");
    }

    #[test]
    fn entries_that_are_no_plain_files_are_refused() {
        let plain = file("a.json", b"/etc/passwd");
        insta::assert_snapshot!(refusals([
            vec![Built { mode: 0o120_777, ..plain.clone() }],
            vec![Built { mode: 0o020_666, ..plain.clone() }],
            vec![Built { mode: 0o040_755, ..plain.clone() }],
            vec![Built { flags: 1, ..plain.clone() }],
            vec![Built { method: 12, ..plain.clone() }],
            vec![Built { mode: 0o040_755, ..file("folder/", b"content") }],
        ]), @r#"
            entry "a.json": it is a symbolic link
            entry "a.json": it is neither a file nor a folder
            entry "a.json": it is neither a file nor a folder
            entry "a.json": it is encrypted
            entry "a.json": compression method 12 is not supported
            entry "folder/": it is a folder with content
            "#);
    }

    #[test]
    fn contradictions_are_refused() {
        let plain = deflated("a.json", b"{\"a\": 1}");
        let zeros = deflated("zeros.json", &[0; 100_000]);
        let cut = Built { data: zeros.data[..zeros.data.len() - 4].to_vec(), ..zeros.clone() };
        let longer = Built { data: [&zeros.data[..], b"xx"].concat(), ..zeros.clone() };
        insta::assert_snapshot!(refusals([
            vec![Built { crc: 7, ..plain.clone() }],
            vec![Built { size: 3, ..plain.clone() }],
            vec![Built { size: 9, ..plain.clone() }],
            vec![Built { size: 1 << 20, ..plain.clone() }],
            vec![Built { data: vec![0xff; 20], ..plain.clone() }],
            vec![cut],
            vec![longer],
            vec![Built { size: 9, ..file("a.json", b"[]") }],
            vec![Built { local_name: Some(b"b.json".to_vec()), ..plain.clone() }],
            vec![Built { packed: Some(1 << 20), ..plain.clone() }],
            vec![Built { packed: Some(u32::MAX), ..plain.clone() }],
            vec![file("first.json", b"[]"), Built { offset: Some(3), ..plain.clone() }],
            vec![plain.clone(), Built { offset: Some(0), ..plain.clone() }],
            vec![file("gap.json", b""), Built { offset: Some(1 << 30), ..plain }],
        ]), @r#"
            entry "a.json": its data is damaged: its CRC-32 is another
            entry "a.json": its data is damaged: it holds more than the declared size
            entry "a.json": its data is damaged: it holds less than the declared size
            entry "a.json": it declares more than its data can hold
            entry "a.json": its data is damaged: it is no deflate stream
            entry "zeros.json": its data is damaged: it ends before its end
            entry "zeros.json": its data is damaged: bytes follow behind its end
            entry "a.json": it is stored, and its two sizes differ
            entry "a.json": its header has another name
            entry "a.json": its data would lie outside the zip
            it uses the zip64 format, which no package within the limits needs
            entry "a.json": no header stands where the directory says
            entry "a.json": the name comes twice
            entry "a.json": its data would lie outside the zip
            "#);
    }

    #[test]
    fn sizes_behind_the_data_have_to_be_there_and_true() {
        let late = Built { late: true, ..deflated("a.json", b"{\"a\": 1}") };
        let packed = u32::try_from(late.data.len()).unwrap();
        let four = [late.crc, packed, late.size].map(u32::to_le_bytes).concat();
        let eight = [&four[..4], &four[4..8], &[0; 4], &four[8..], &[0; 4]].concat();
        let signed = |fields: &[u8]| [b"PK\x07\x08", fields].concat();
        for behind in [four.clone(), eight.clone(), signed(&four), signed(&eight)] {
            open(build(&[Built { behind: Some(behind), ..late.clone() }, file("b", b"x")])).unwrap();
        }
        let more = [late.crc, packed, late.size + 1].map(u32::to_le_bytes).concat();
        insta::assert_snapshot!(refusals([
            vec![Built { behind: Some(vec![]), ..late.clone() }],
            vec![Built { behind: Some(signed(&more)), ..late.clone() }],
            vec![Built { behind: Some(more), ..late }],
        ]), @r#"
            entry "a.json": what stands behind its data says other sizes or another CRC-32
            entry "a.json": what stands behind its data says other sizes or another CRC-32
            entry "a.json": what stands behind its data says other sizes or another CRC-32
            "#);
    }

    #[test]
    fn shared_bytes_are_refused() {
        let inner = build(&[file("b.json", b"[]")]);
        let inner = &inner[..30 + 6 + 2];
        let outer = file("a.json", inner);
        let zip = build(&[outer, Built { offset: Some(30 + 6), ..file("b.json", b"[]") }]);
        insta::assert_snapshot!(refusal(zip), @r#"entry "b.json": it shares bytes with another entry"#);
    }

    #[test]
    fn broken_frames_are_refused() {
        let zip = build(&[file("a.json", b"[]")]);
        let edit = |at: usize, bytes: &[u8]| {
            let mut zip = zip.clone();
            let from = zip.len() - 22 + at;
            zip[from..from + bytes.len()].copy_from_slice(bytes);
            zip
        };
        let records = [b"PK\x06\x07".to_vec(), vec![0; 16], end(0, 0, 0)].concat();
        let cases = [
            Vec::new(),
            zip[..zip.len() - 1].to_vec(),
            [&b"#!/bin/sh\n"[..], &zip].concat(),
            [&zip[..], b"garbage"].concat(),
            edit(4, &[1, 0]),
            edit(8, &[2, 0, 2, 0]),
            edit(8, &[0xff, 0xff, 0xff, 0xff]),
            edit(8, &[0, 0, 0, 0]),
            edit(16, &[0xff, 0xff, 0xff, 0xff]),
            edit(16, &[0xf0, 0, 0, 0]),
            records,
        ];
        let texts: String = cases.into_iter().map(|zip| refusal(zip) + "\n").collect();
        insta::assert_snapshot!(texts, @r#"
            it is no zip, or was cut off: it has no end record
            it is no zip, or was cut off: it has no end record
            it has foreign bytes before its first entry
            it is no zip, or was cut off: it has no end record
            it is one part of a zip in several files
            its directory is damaged at record 1: it is cut off
            it has 65535 entries or more, over the limit of 50000
            its directory is damaged at record 0: bytes follow behind the last record
            it uses the zip64 format, which no package within the limits needs
            its directory is damaged at record 0: it would reach behind the end record
            it uses the zip64 format, which no package within the limits needs
            "#);
    }

    #[test]
    fn limits_hold_before_anything_is_inflated() {
        let limits = Limits { entries: 2, packed: 1000, unpacked: 300, entry: 200 };
        let refusal =
            |entries: &[Built]| Package::open(build(entries).into(), &limits).unwrap_err().to_string();
        let (small, large) = (deflated("a.json", &[b' '; 150]), deflated("b.json", &[b' '; 201]));
        let texts = [
            refusal(&[small.clone(), deflated("c.json", b""), deflated("d.json", b"")]),
            refusal(&[small.clone(), deflated("c.json", &[b' '; 151])]),
            refusal(&[large]),
            refusal(&[file("e.json", &[b' '; 1000])]),
        ];
        insta::assert_snapshot!(texts.join("\n"), @r#"
            it has 3 entries or more, over the limit of 2
            it would unpack to 301 bytes or more, over the limit of 300
            entry "b.json": it would unpack to 201 bytes, over the limit of 200 for one entry
            it has 1110 bytes, more than 1000
            "#);
        Package::open(
            build(&[small.clone(), Built { name: b"c.json".to_vec(), local_name: None, ..small }]).into(),
            &limits,
        )
        .unwrap();
    }

    #[test]
    fn zips_of_pages_are_under_the_same_limits() {
        let page =
            |name: &str, size: usize| deflated(name, &build(&[deflated("page.json", &vec![b' '; size])]));
        let limits = Limits { unpacked: 1700, ..Limits::default() };
        let package = Package::open(
            build(&[page("a.lcap_page.zip", 800), page("b.lcap_page.zip", 800), page("c.lcap_page.zip", 10)])
                .into(),
            &limits,
        )
        .unwrap();
        let [a, b, c] = package.entries() else { panic!("three entries") };
        assert_eq!(package.read(a).unwrap(), package.read(a).unwrap());
        let error = package.read(b).unwrap_err();
        insta::assert_snapshot!(format!("{error}: {}", std::error::Error::source(&error).unwrap()), @r#"entry "b.lcap_page.zip": the zip inside is refused: it would unpack to 800 bytes or more, over the limit of 525"#);
        package.read(c).unwrap();
        let hostile = deflated("x.lcap_page.zip", &build(&[file("../page.json", b"{}")]));
        let damaged = deflated("x.lcap_page.zip", &build(&[Built { crc: 1, ..file("page.json", b"{}") }]));
        let none = deflated("x.lcap_page.zip", b"no zip");
        insta::assert_snapshot!(refusals([vec![hostile], vec![damaged], vec![none]]), @r#"
            entry "x.lcap_page.zip": the zip inside is refused: entry "../page.json": its name is refused: it has a part that is . or ..
            entry "x.lcap_page.zip": the zip inside is refused: entry "page.json": its data is damaged: its CRC-32 is another
            entry "x.lcap_page.zip": the zip inside is refused: it is no zip, or was cut off: it has no end record
            "#);
    }

    #[test]
    fn every_refusal_that_an_operator_can_act_on_says_how() {
        let error = open(build(&[file("../x.recipe.json", b"")])).unwrap_err();
        assert_eq!(error.hint(), Some("rename the asset or its folder"));
        let error = open(build(&[file("a", b""), file("A", b"")])).unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.starts_with("rename one of the two")));
        assert_eq!(open(build(&[Built { flags: 1, ..file("a", b"") }])).unwrap_err().hint(), None);
    }

    proptest! {
        #[test]
        fn mutated_packages_are_read_or_refused(
            at in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
            cut in any::<Option<proptest::sample::Index>>(),
        ) {
            let (path, page) = (PackagePath::parse("R/a.recipe.json").unwrap(), PackagePath::parse("p.lcap_page.zip").unwrap());
            let inner = build(&[deflated("page.json", b"{}")]);
            let mut zip = pack([(&path, &b"{\"name\": \"a\"}"[..]), (&page, &inner)]).unwrap();
            for (index, byte) in at {
                let index = index.index(zip.len());
                zip[index] = byte;
            }
            if let Some(cut) = cut {
                zip.truncate(cut.index(zip.len()));
            }
            if let Ok(package) = open(zip) {
                for entry in package.entries() {
                    if let Ok(content) = package.read(entry) {
                        prop_assert_eq!(content.len() as u64, entry.size);
                    }
                }
            }
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_empty(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(open(bytes).is_err());
        }
    }
}
