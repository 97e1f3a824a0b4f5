//! Looking at the workspace: a package becomes files of the repository's cache, and only what has changed is
//! inflated, parsed, hashed or written.
//!
//! Nothing here is seen by anybody else: objects that no commit names.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::Wiring;
use super::error::StepError;
use crate::archive::{ArchiveError, Entry, Limits, Package};
use crate::asset::canonical::canonical;
use crate::asset::compare::Digests;
use crate::blocking;
use crate::git::{PackWriter, blob_id};
use crate::model::oid::BlobId;
use crate::model::path::PackagePath;
use crate::model::state::{EntryPrint, Records};

/// The entries of a package, each with the file that it is.
pub(super) type Entries = BTreeMap<PackagePath, EntryPrint>;

/// Reads a package into the cache, and returns its entries. Of spellings with equal content the one seen before
/// stays, so that what changes with nobody's doing is no change.
pub(super) async fn read_package(
    wiring: &Wiring,
    number: u64,
    zip: Bytes,
    records: &Records,
) -> Result<Entries, StepError> {
    let refused = move |source| StepError::Archive { package: number, source };
    let previous = present(wiring, records).await?;
    let scanned = blocking::run(move || scan(zip, &previous, refused)).await?;
    let Scan { package, mut entries, changed, fresh } = scanned;
    let before: Vec<BlobId> = changed.iter().map(|change| change.before).collect();
    let before = wiring.repository.blobs(before).await?;
    let moved = blocking::run(move || -> Result<_, StepError> {
        let mut pack = fresh;
        for (change, old) in changed.iter().zip(before) {
            let same = Digests::of(&change.path, &old).content == change.content;
            let entry = entries.get_mut(&change.path).expect("every change is of an entry");
            if same {
                entry.blob = change.before;
            } else {
                let bytes = package.read(&change.entry).map_err(refused)?;
                pack.add(&canonical(&change.path, &bytes))?;
            }
        }
        Ok((entries, pack))
    });
    let (entries, pack) = moved.await?;
    wiring.repository.store_pack(pack).await?;
    Ok(entries)
}

/// Returns the entries of the last package whose files the cache still has: it may have been deleted since.
async fn present(wiring: &Wiring, records: &Records) -> Result<Entries, StepError> {
    let blobs = records.entries.values().map(|entry| entry.blob).collect();
    let lost: BTreeSet<BlobId> = wiring.repository.missing(blobs).await?.into_iter().collect();
    let mut entries = records.entries.clone();
    entries.retain(|_, entry| !lost.contains(&entry.blob));
    Ok(entries)
}

/// A package that was read through once.
struct Scan {
    package: Package,
    entries: Entries,
    changed: Vec<Change>,
    fresh: PackWriter,
}

/// An entry that is not the bytes that it was.
struct Change {
    path: PackagePath,
    entry: Entry,
    content: [u8; 16],
    before: BlobId,
}

fn scan(
    zip: Bytes,
    previous: &Entries,
    refused: impl Fn(ArchiveError) -> StepError,
) -> Result<Scan, StepError> {
    let package = Package::open(zip, &Limits::default()).map_err(&refused)?;
    let mut entries = Entries::new();
    let mut changed = Vec::new();
    let mut fresh = PackWriter::new();
    for entry in package.entries() {
        let seal = u128::from_be_bytes(entry.seal(&package));
        let before = previous.get(&entry.path);
        if let Some(before) = before
            && (before.crc, before.size, before.seal) == (entry.crc, entry.size, seal)
        {
            entries.insert(entry.path.clone(), *before);
            continue;
        }
        let bytes = package.read(entry).map_err(&refused)?;
        let file = canonical(&entry.path, &bytes);
        let blob = blob_id(&file)?;
        match before {
            None => drop(fresh.add(&file)?),
            Some(before) if before.blob == blob => {}
            Some(before) => changed.push(Change {
                path: entry.path.clone(),
                entry: entry.clone(),
                content: Digests::of(&entry.path, &file).content,
                before: before.blob,
            }),
        }
        let print = EntryPrint { crc: entry.crc, size: entry.size, seal, blob };
        entries.insert(entry.path.clone(), print);
    }
    Ok(Scan { package, entries, changed, fresh })
}

/// Names the content of a workspace as a whole.
pub(super) fn print(entries: &Entries) -> String {
    let mut hasher = blake3::Hasher::new();
    for (path, entry) in entries {
        hasher.update(path.as_str().as_bytes()).update(&[0]).update(entry.blob.as_bytes());
    }
    hasher.finalize().to_hex().as_str()[..32].to_owned()
}
