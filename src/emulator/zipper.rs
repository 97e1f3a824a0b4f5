//! Writes zips as the platform does (rubyzip: made on UNIX, version 5.2, mode 0100644, deflate, one time for all
//! entries, no extra fields), and on request wrong in a chosen way, which no library would.
//!
//! It does not read zips.

use std::io::Write as _;

use bytes::Bytes;
use chrono::{DateTime, Datelike as _, Timelike as _, Utc};

/// A file as a zip holds it: what costs time to make, and can be kept.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    crc: u32,
    size: u32,
    deflated: Bytes,
}

impl Packed {
    pub(super) fn new(data: &[u8]) -> Self {
        let mut crc = flate2::Crc::new();
        crc.update(data);
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        let deflated = encoder.write_all(data).and_then(|()| encoder.finish());
        let deflated = deflated.expect("writing to memory does not fail").into();
        Self { crc: crc.sum(), size: clamp32(data.len()), deflated }
    }

    /// Returns data that is not compressed; its entry has to say so.
    pub(super) fn stored(data: &[u8]) -> Self {
        Self { deflated: Bytes::copy_from_slice(data), ..Self::new(data) }
    }
}

/// One entry, with the header fields that a hostile package lies about.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) data: Packed,
    /// UNIX type and permissions.
    pub(super) mode: u32,
    /// General purpose flags; bit 0 says that it is encrypted.
    pub(super) flags: u16,
    /// Written in place of the true checksum.
    pub(super) crc: Option<u32>,
    /// Written in place of the true unpacked size.
    pub(super) size: Option<u32>,
    /// Written in the local header alone, in place of the name.
    pub(super) local_name: Option<Vec<u8>>,
    /// Written in the local header alone, in place of the unpacked size.
    pub(super) local_size: Option<u32>,
    /// Written in place of the number of the way it is compressed.
    pub(super) method: Option<u16>,
    /// Says that the sizes come behind the data, and writes this size there.
    pub(super) descriptor: Option<u32>,
    /// The extra field of both headers.
    pub(super) extra: Vec<u8>,
}

impl Entry {
    /// Returns an ordinary file.
    pub(super) fn file(name: &str, data: &[u8]) -> Self {
        Self::packed(name, Packed::new(data))
    }

    /// Returns an ordinary file that is packed already.
    pub(super) fn packed(name: &str, data: Packed) -> Self {
        let name = name.as_bytes().to_vec();
        Self {
            name,
            data,
            mode: 0o100_644,
            flags: 0,
            crc: None,
            size: None,
            local_name: None,
            local_size: None,
            method: None,
            descriptor: None,
            extra: Vec::new(),
        }
    }

    /// Returns a folder.
    pub(super) fn folder(name: &str) -> Self {
        Self { mode: 0o040_755, ..Self::file(&format!("{name}/"), b"") }
    }
}

/// Writes a zip, every entry with the same time.
pub(super) fn write(entries: &[Entry], now: DateTime<Utc>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let at = out.len();
        let is_folder = entry.mode & 0o170_000 == 0o040_000 && entry.data.size == 0;
        let (method, body) = if is_folder { (0, &b""[..]) } else { (8, &entry.data.deflated[..]) };
        let crc = entry.crc.unwrap_or(entry.data.crc);
        let size = entry.size.unwrap_or(entry.data.size);
        let header = |crc: u32, packed: u32, size: u32| {
            let mut fields = Vec::new();
            put16(&mut fields, entry.flags | u16::from(entry.descriptor.is_some()) << 3);
            put16(&mut fields, entry.method.unwrap_or(method));
            put32(&mut fields, dos_time(now));
            [crc, packed, size].iter().for_each(|field| put32(&mut fields, *field));
            fields
        };

        let local = entry.local_name.as_ref().unwrap_or(&entry.name);
        put32(&mut out, 0x0403_4b50);
        put16(&mut out, 20);
        out.extend(match entry.descriptor {
            Some(_) => header(0, 0, 0),
            None => header(crc, clamp32(body.len()), entry.local_size.unwrap_or(size)),
        });
        put16(&mut out, clamp16(local.len()));
        put16(&mut out, clamp16(entry.extra.len()));
        out.extend_from_slice(local);
        out.extend_from_slice(&entry.extra);
        out.extend_from_slice(body);
        if let Some(told) = entry.descriptor {
            [0x0807_4b50, crc, clamp32(body.len()), told].iter().for_each(|field| put32(&mut out, *field));
        }

        put32(&mut directory, 0x0201_4b50);
        put16(&mut directory, (3 << 8) | 52); // made on UNIX, by version 5.2
        put16(&mut directory, 20);
        directory.extend(header(crc, clamp32(body.len()), size));
        put16(&mut directory, clamp16(entry.name.len()));
        put16(&mut directory, clamp16(entry.extra.len()));
        directory.extend_from_slice(&[0; 4]); // no comment, first disk
        put16(&mut directory, 1);
        put32(&mut directory, entry.mode << 16);
        put32(&mut directory, clamp32(at));
        directory.extend_from_slice(&entry.name);
        directory.extend_from_slice(&entry.extra);
    }
    let start = out.len();
    out.extend_from_slice(&directory);
    put32(&mut out, 0x0605_4b50);
    put32(&mut out, 0);
    put16(&mut out, clamp16(entries.len()));
    put16(&mut out, clamp16(entries.len()));
    put32(&mut out, clamp32(directory.len()));
    put32(&mut out, clamp32(start));
    put16(&mut out, 0);
    out
}

/// Returns time and date as DOS has them: two-second steps, from 1980 on.
fn dos_time(now: DateTime<Utc>) -> u32 {
    let time = (now.hour() << 11) | (now.minute() << 5) | (now.second() / 2);
    let year = u32::try_from(now.year() - 1980).unwrap_or(0);
    let date = (year << 9) | (now.month() << 5) | now.day();
    (date << 16) | time
}

/// Sizes past four bytes do not occur: packages stay below 1 GiB.
pub(super) fn clamp32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn clamp16(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

pub(super) fn put16(out: &mut Vec<u8>, n: u16) {
    out.extend_from_slice(&n.to_le_bytes());
}

pub(super) fn put32(out: &mut Vec<u8>, n: u32) {
    out.extend_from_slice(&n.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_library_reads_it_back_with_the_headers_of_real_exports() {
        let now = "2026-11-23T12:04:05Z".parse().unwrap();
        let entries = [Entry::folder("Recipes"), Entry::file("Recipes/é.recipe.json", b"{}")];
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(write(&entries, now))).unwrap();
        assert!(zip.by_index(0).unwrap().is_dir());
        let mut file = zip.by_index(1).unwrap();
        let time = file.last_modified().unwrap();
        assert_eq!((time.year(), time.hour(), time.second()), (2026, 12, 4));
        assert_eq!((file.unix_mode(), file.version_made_by()), (Some(0o100_644), (5, 2)));
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "{}");
    }
}
