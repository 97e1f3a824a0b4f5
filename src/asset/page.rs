//! The digest of a page's zip: the names and contents of its entries, and not their times.
//!
//! A zip that is odd in any way has no digest of this kind, and then its bytes count. Whether it is hostile is for the
//! archive to say.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use super::compare::{Level, json};
use super::fields::Place;
use super::meaning::truncated;

/// The largest number of entries that is looked at; real ones have one.
const MAX_ENTRIES: usize = 1000;
/// The most that is unpacked, in bytes, of all entries together.
const MAX_UNPACKED: u64 = 64 << 20;

/// Returns the digests of what is in a page's zip, if it is a plain one.
pub(super) fn digests<const N: usize>(levels: [Level; N], bytes: &[u8]) -> Option<[[u8; 16]; N]> {
    let mut entries = Vec::new();
    for (name, content) in files(bytes)? {
        let page = if name == b"page.json" { json(levels, Place::Page, &content) } else { None };
        let digests = page.unwrap_or_else(|| [truncated(blake3::Hasher::new().update(&content)); N]);
        entries.push((name, page.is_some(), digests));
    }
    entries.sort_unstable();
    let mut hashers = [(); N].map(|()| blake3::Hasher::new());
    for (name, page, digests) in entries {
        let length = u64::try_from(name.len()).ok()?.to_le_bytes();
        for (hasher, digest) in hashers.iter_mut().zip(digests) {
            hasher.update(&length).update(&name).update(&[u8::from(page)]).update(&digest);
        }
    }
    Some(hashers.map(|hasher| truncated(&hasher)))
}

/// Returns the names and contents of the files in a page's zip, if it is a plain one.
pub(crate) fn files(bytes: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let odd = archive.len() > MAX_ENTRIES
        || archive.has_duplicate_names()
        || archive.has_overlapping_entries().ok()?;
    if odd || !archive.comment().is_empty() {
        return None;
    }
    let mut entries = Vec::with_capacity(archive.len());
    let mut left = MAX_UNPACKED;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).ok()?;
        let name = entry.name_raw().to_vec();
        let mut content = Vec::new();
        let mut limited = entry.take(left + 1);
        limited.read_to_end(&mut content).ok()?;
        left = left.checked_sub(u64::try_from(content.len()).ok()?)?;
        entries.push((name, content));
    }
    Some(entries)
}
