//! Looking at the workspace: a package becomes files of the repository's cache, and only what has changed is
//! inflated, parsed, hashed or written.
//!
//! Nothing here is seen by anybody else: objects that no commit names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::Wiring;
use super::error::StepError;
use super::sides::HELD_AT_ONCE;
use crate::archive::{ArchiveError, Entry, Limits, Package};
use crate::asset::canonical::canonical;
use crate::asset::compare::Digests;
use crate::blocking;
use crate::git::{PackWriter, blob_id};
use crate::model::oid::BlobId;
use crate::model::path::PackagePath;
use crate::model::plan::Facts;
use crate::model::state::{EntryPrint, Records};

/// How many changed entries are compared with what they were at a time.
const CHANGED_AT_ONCE: usize = 1000;

/// Files from this size on, in bytes, are read one at a time in the whole process: parsed and written anew, one of
/// 64 MiB takes four times as much.
const LARGE: u64 = 8 << 20;
/// Held by who reads a large file.
static LARGE_FILE: Mutex<()> = Mutex::new(());

/// Waits until no other large file is read, where this one is.
pub(super) fn alone(size: u64) -> Option<MutexGuard<'static, ()>> {
    (size >= LARGE).then(|| LARGE_FILE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The entries of a package, each with the file that it is.
pub(super) type Entries = BTreeMap<PackagePath, EntryPrint>;

/// A package as it was read.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// Its entries.
    pub(super) entries: Entries,
    /// What was found out about those that changed: the plan compares the same files again.
    pub(super) facts: Facts,
    /// Names the entries as the zip holds them: equal names, equal entries. Empty where nothing was exported.
    pub(super) package: String,
}

/// A package that is known by the seals of its entries; nothing is inflated.
pub(super) struct Sealed {
    package: Package,
    /// As the entries: BLAKE3 of the packed bytes, the first 16 bytes as a number.
    seals: Vec<u128>,
    print: String,
}

impl Sealed {
    /// Names the entries as the zip holds them: equal names, equal entries.
    pub(super) fn print(&self) -> &str {
        &self.print
    }
}

/// Opens a package and seals its entries.
pub(super) async fn seal(number: u64, zip: Bytes) -> Result<Sealed, StepError> {
    blocking::run(move || {
        let package = Package::open(zip, &Limits::default());
        let package = package.map_err(|source| StepError::Archive { package: number, source })?;
        let entries = package.entries();
        let seal = |entry: &Entry| u128::from_be_bytes(entry.seal(&package));
        let (first, second) = halves(entries, |entry| entry.packed);
        let seal_part = |part: &[Entry]| part.iter().map(seal).collect::<Vec<u128>>();
        let (mut seals, others) = both(|| seal_part(first), || seal_part(second));
        seals.extend(others);
        let mut hasher = blake3::Hasher::new();
        for (entry, seal) in entries.iter().zip(&seals) {
            hasher.update(entry.path.as_str().as_bytes()).update(&[0]).update(&entry.crc.to_be_bytes());
            hasher.update(&entry.size.to_be_bytes()).update(&seal.to_be_bytes());
        }
        let print = hasher.finalize().to_hex().as_str()[..32].to_owned();
        Ok(Sealed { package, seals, print })
    })
    .await
}

/// Reads a package into the cache. Of spellings with equal content the one seen before stays, so that what changes with
/// nobody's doing is no change.
pub(super) async fn read_package(
    wiring: &Wiring,
    number: u64,
    sealed: Sealed,
    records: &Records,
) -> Result<Observed, StepError> {
    let refused = move |source| StepError::Archive { package: number, source };
    let previous = present(wiring, records).await?;
    let print = sealed.print.clone();
    let scanned = blocking::run(move || scan(sealed, &previous, refused)).await?;
    let Scan { package, mut entries, changed, fresh: mut pack } = scanned;
    let package = Arc::new(package);
    let mut facts = Facts::default();
    let mut rest = changed.as_slice();
    while !rest.is_empty() {
        let next: Vec<BlobId> = rest.iter().take(CHANGED_AT_ONCE).map(|change| change.before).collect();
        let before = wiring.repository.some_blobs(next, HELD_AT_ONCE).await?;
        let some;
        (some, rest) = rest.split_at(before.len());
        let (changes, package) = (some.to_vec(), Arc::clone(&package));
        let compared = blocking::run(move || {
            let pairs: Vec<_> = changes.iter().zip(&before).collect();
            let (first, second) = halves(&pairs, |(change, _)| change.entry.size);
            let compare_part = |part| compare_part(&package, part, refused);
            let (first, second) = both(|| compare_part(first), || compare_part(second));
            let (mut all, second) = (first?, second?);
            all.digests.extend(second.digests);
            all.fresh.append(second.fresh)?;
            Ok::<_, StepError>(all)
        });
        let Compared { digests, fresh } = compared.await?;
        pack.append(fresh)?;
        for (change, before) in some.iter().zip(digests) {
            let path = &change.entry.path;
            let entry = entries.get_mut(path).expect("every change is of an entry");
            facts.insert(path.clone(), change.before, before);
            if before.content == change.now.content {
                entry.blob = change.before;
            } else {
                facts.insert(path.clone(), entry.blob, change.now);
            }
        }
    }
    wiring.repository.store_pack(pack).await?;
    Ok(Observed { entries, facts, package: print })
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
#[derive(Clone)]
struct Change {
    entry: Entry,
    now: Digests,
    before: BlobId,
    /// What it is by now, in canonical form; read again where too much would be held.
    file: Option<Arc<[u8]>>,
}

fn scan(
    sealed: Sealed,
    previous: &Entries,
    refused: impl Fn(ArchiveError) -> StepError + Sync,
) -> Result<Scan, StepError> {
    let Sealed { package, seals, .. } = sealed;
    let entries: Vec<_> = package.entries().iter().zip(&seals).collect();
    let (first, second) = halves(&entries, |(entry, _)| entry.size);
    let scan_part = |entries| scan_part(&package, entries, previous, &refused);
    let (first, second) = both(|| scan_part(first), || scan_part(second));
    let (mut all, second) = (first?, second?);
    all.entries.extend(second.entries);
    all.changed.extend(second.changed);
    all.fresh.append(second.fresh)?;
    let Part { entries, changed, fresh } = all;
    Ok(Scan { package, entries: entries.into_iter().collect(), changed, fresh })
}

/// Splits a list where as much is in one half as in the other.
pub(super) fn halves<T>(all: &[T], size: impl Fn(&T) -> u64) -> (&[T], &[T]) {
    let half = all.iter().map(&size).sum::<u64>() / 2;
    let mut before = 0;
    let is_first = |item: &&T| {
        before += size(item);
        before <= half
    };
    all.split_at(all.iter().take_while(is_first).count())
}

/// Does two things at a time; more of them would hold more of a package in memory.
pub(super) fn both<T: Send>(first: impl FnOnce() -> T, second: impl FnOnce() -> T + Send) -> (T, T) {
    std::thread::scope(|scope| {
        let second = scope.spawn(second);
        let first = first();
        (first, second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// What was found in a part of a package.
#[derive(Default)]
struct Part {
    entries: Vec<(PackagePath, EntryPrint)>,
    changed: Vec<Change>,
    fresh: PackWriter,
}

fn scan_part(
    package: &Package,
    entries: &[(&Entry, &u128)],
    previous: &Entries,
    refused: impl Fn(ArchiveError) -> StepError,
) -> Result<Part, StepError> {
    let mut part = Part::default();
    let mut held = 0;
    for &(entry, &seal) in entries {
        let before = previous.get(&entry.path);
        if let Some(before) = before
            && (before.crc, before.size, before.seal) == (entry.crc, entry.size, seal)
        {
            part.entries.push((entry.path.clone(), *before));
            continue;
        }
        let _alone = alone(entry.size);
        let bytes = package.read(entry).map_err(&refused)?;
        let file = canonical(&entry.path, &bytes);
        let blob = match before {
            None => part.fresh.add(&file)?,
            Some(_) => blob_id(&file)?,
        };
        if let Some(before) = before.filter(|before| before.blob != blob) {
            let now = Digests::of(&entry.path, &file);
            held += file.len();
            let file = (held <= HELD_AT_ONCE).then(|| file.as_ref().into());
            part.changed.push(Change { entry: entry.clone(), now, before: before.blob, file });
        }
        let print = EntryPrint { crc: entry.crc, size: entry.size, seal, blob };
        part.entries.push((entry.path.clone(), print));
    }
    Ok(part)
}

/// What was found out about a part of the changes.
#[derive(Default)]
struct Compared {
    /// Of what was there before.
    digests: Vec<Digests>,
    fresh: PackWriter,
}

/// Compares entries with what they were, and packs those of other content.
fn compare_part(
    package: &Package,
    changes: &[(&Change, &Vec<u8>)],
    refused: impl Fn(ArchiveError) -> StepError,
) -> Result<Compared, StepError> {
    let mut part = Compared::default();
    for (change, old) in changes {
        let path = &change.entry.path;
        let _alone = alone(change.entry.size.max(old.len() as u64));
        let before = Digests::of(path, old);
        part.digests.push(before);
        if before.content == change.now.content {
            continue;
        }
        match &change.file {
            Some(file) => part.fresh.add(file)?,
            None => {
                let bytes = package.read(&change.entry).map_err(&refused)?;
                part.fresh.add(&canonical(path, &bytes))?
            }
        };
    }
    Ok(part)
}

/// Names the content of a workspace as a whole.
pub(super) fn print(entries: &Entries) -> String {
    let mut hasher = blake3::Hasher::new();
    for (path, entry) in entries {
        hasher.update(path.as_str().as_bytes()).update(&[0]).update(entry.blob.as_bytes());
    }
    hasher.finalize().to_hex().as_str()[..32].to_owned()
}
