//! Looking at the workspace: a package becomes files of the repository's cache, and only what has changed is
//! inflated, parsed, hashed or written. What a plan is made from is put together while the disk is waited for.
//!
//! Nothing here is seen by anybody else: objects that no commit names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;

use super::Wiring;
use super::error::StepError;
use super::screen::{Searched, search_file};
use super::sides::Sight;
use crate::archive::{Entry, Limits, Package, SealKey};
use crate::asset::compare::content;
use crate::asset::exported::Exported;
use crate::blocking;
use crate::cores;
use crate::git::{Batch, Objects, Outlet, Reader, blob_id};
use crate::model::oid::BlobId;
use crate::model::path::PackagePath;
use crate::model::plan::Facts;
use crate::model::project::{Mode, Project};
use crate::model::state::{EntryPrint, Records};
use crate::secrets;
use crate::workato::Download;

/// Files from this size on, in bytes, are read one at a time in the whole process: parsed and written anew, one of
/// 64 MiB takes four times as much.
const LARGE: u64 = 8 << 20;
/// At most so many bytes are beside the path in what names an entry.
const PRINT_BYTES: usize = 32;
/// Held by who reads a large file.
static LARGE_FILE: Mutex<()> = Mutex::new(());

/// Waits until no other large file is read, where this one is.
pub(super) fn alone(size: u64) -> Option<MutexGuard<'static, ()>> {
    (size >= LARGE).then(|| LARGE_FILE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The entries of a package, each with the file that it is.
pub(super) type Entries = BTreeMap<PackagePath, EntryPrint>;

/// A package as it was read.
#[derive(Debug)]
pub(super) struct Observed {
    /// The records, with its entries.
    pub(super) records: Records,
    /// What the entries say of both sides, with what was found out about those that changed: the plan compares them again.
    pub(super) sight: Sight,
    /// What was searched for secrets on the way, and what was found.
    pub(super) searched: BTreeMap<PackagePath, Searched>,
    /// Names the entries as the zip holds them: equal names, equal entries. Empty where nothing was exported.
    pub(super) package: String,
    /// Names the content of the workspace as a whole.
    pub(super) print: String,
}

impl Observed {
    /// What there is to see of an empty workspace; the rest and the records are the saved ones.
    pub(super) fn nothing(rest: Option<&str>, known: &Records) -> Self {
        Self::of(Vec::new(), String::new(), rest, known)
    }

    fn of(parts: Vec<Part>, package: String, rest: Option<&str>, known: &Records) -> Self {
        let (mut entries, mut facts, mut searched) = (Vec::new(), Facts::default(), BTreeMap::new());
        for part in parts {
            entries.extend(part.entries);
            searched.extend(part.searched);
            for (path, blob, content) in part.facts {
                facts.insert_content(path, blob, content);
            }
        }
        let entries: Entries = entries.into_iter().collect();
        let sight = Sight::new(rest, known, &entries, facts);
        let print = print(&entries);
        let records = Records { entries, paths: known.paths.clone() };
        Self { records, sight, searched, package, print }
    }
}

/// A package that is known by the seals of its entries; nothing is inflated.
pub(super) struct Sealed {
    package: Package,
    /// The room that it takes; it comes free with it.
    _room: Option<OwnedSemaphorePermit>,
    /// As the entries.
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
pub(super) async fn seal(wiring: &Wiring, number: u64, download: Download) -> Result<Sealed, StepError> {
    let store = Arc::clone(&wiring.store);
    blocking::run(move || {
        let key = SealKey::new(store.seal_key()?);
        let Download { zip, room } = download;
        let package = Package::open(zip, &Limits::default());
        let package = package.map_err(|source| StepError::Archive { package: number, source })?;
        let entries = package.entries();
        let seal = |entry: &Entry| entry.seal(&package, &key);
        let seal_part = |part: &[Entry]| part.iter().map(seal).collect::<Vec<u128>>();
        let seals = cores::on_all(entries, |entry| entry.packed, seal_part).concat();
        let bytes = |entry: &Entry| entry.path.as_str().len() + PRINT_BYTES;
        let mut all = Vec::with_capacity(entries.iter().map(bytes).sum());
        for (entry, seal) in entries.iter().zip(&seals) {
            all.extend(entry.path.as_str().as_bytes());
            all.push(0);
            all.extend(entry.crc.to_be_bytes());
            all.extend(entry.size.to_be_bytes());
            all.extend(seal.to_be_bytes());
        }
        Ok(Sealed { package, _room: room, seals, print: named(&all) })
    })
    .await
}

/// Reads a package into the cache, and hands the records back that it is compared with; these and the rest are the saved
/// ones. Of spellings with equal content the one seen before stays, so that what changes with nobody's doing is no change.
pub(super) async fn read_package(
    wiring: &Wiring,
    number: u64,
    sealed: Sealed,
    known: Records,
    rest: Option<String>,
) -> Result<(Records, Observed), StepError> {
    let project = Arc::clone(&wiring.project);
    let read = move |objects: &Objects<'_>| {
        let scan = |outlet: &Outlet| scan(objects, outlet, &project, number, &sealed, &known.entries);
        let put_together = |parts| Observed::of(parts, sealed.print.clone(), rest.as_deref(), &known);
        let observed = objects.store_while(scan, put_together)?;
        Ok::<_, StepError>((known, observed, sealed))
    };
    let (known, observed, sealed) = wiring.repository.work(read).await?;
    // The system takes milliseconds to take the memory of a package back.
    blocking::leave(move || drop(sealed));
    Ok((known, observed))
}

fn scan(
    objects: &Objects<'_>,
    outlet: &Outlet,
    project: &Project,
    number: u64,
    sealed: &Sealed,
    previous: &Entries,
) -> Result<Vec<Part>, StepError> {
    let Sealed { package, seals, .. } = sealed;
    let entries: Vec<_> = package.entries().iter().zip(seals).collect();
    let start = || {
        let reader = objects.reader()?;
        Ok(Scanner { package, number, previous, project, reader, fresh: outlet.batch() })
    };
    let scan = |scanner: &mut Scanner<'_>, entries: &[_]| scanner.scan(entries);
    cores::try_on_all(&entries, |(entry, _)| entry.size, start, scan)
}

/// What was found in a part of a package.
#[derive(Default)]
struct Part {
    entries: Vec<(PackagePath, EntryPrint)>,
    facts: Vec<(PackagePath, BlobId, [u8; 16])>,
    searched: Vec<(PackagePath, Searched)>,
}

/// What a thread reads its parts of a package with.
struct Scanner<'a> {
    package: &'a Package,
    number: u64,
    previous: &'a Entries,
    project: &'a Project,
    reader: Reader,
    fresh: Batch<'a>,
}

impl Scanner<'_> {
    /// Reads the entries that are not the bytes that they were, each once, while what it was is at hand.
    fn scan(&mut self, entries: &[(&Entry, &u128)]) -> Result<Part, StepError> {
        let mut part = Part::default();
        for (&(entry, &seal), before) in beside(entries, |(entry, _)| &entry.path, self.previous) {
            let before = match before {
                // The cache may have been deleted since.
                Some(before) if self.reader.has(before.blob)? => Some(before),
                _ => None,
            };
            let is_same = |before: &&EntryPrint| {
                (before.crc, before.size, before.seal) == (entry.crc, entry.size, seal)
            };
            let print = match before.filter(is_same) {
                Some(before) => *before,
                None => self.read(entry, seal, before, &mut part)?,
            };
            part.entries.push((entry.path.clone(), print));
            // Whoever may have to wait for the disk has no other's turn.
            self.fresh.hand_on_large();
        }
        Ok(part)
    }

    fn read(
        &mut self,
        entry: &Entry,
        seal: u128,
        before: Option<&EntryPrint>,
        part: &mut Part,
    ) -> Result<EntryPrint, StepError> {
        let refused = |source| StepError::Archive { package: self.number, source };
        let turn = alone(entry.size);
        let bytes = self.package.read(entry).map_err(refused)?;
        let exported = match turn {
            Some(_) => Exported::lean(&entry.path, bytes),
            None => Exported::parse(&entry.path, &bytes).lean_from(LARGE),
        };
        let blob = blob_id(exported.file())?;
        let print = EntryPrint { crc: entry.crc, size: entry.size, seal, blob };
        self.take(&exported, print, before, turn, part)
    }

    /// Takes in what was read.
    fn take(
        &mut self,
        exported: &Exported<'_>,
        print: EntryPrint,
        before: Option<&EntryPrint>,
        mut turn: Option<MutexGuard<'static, ()>>,
        part: &mut Part,
    ) -> Result<EntryPrint, StepError> {
        let (path, file) = (exported.path(), exported.file());
        if let Some(before) = before {
            if before.blob == print.blob {
                return Ok(print);
            }
            let old = self.reader.read(before.blob)?;
            // What is large in one of its versions alone waits for its turn as well.
            turn = turn.or_else(|| alone(old.len().max(file.len()) as u64));
            let (old, new) = (content(path, &old), exported.content());
            part.facts.push((path.clone(), before.blob, old));
            if old == new {
                return Ok(EntryPrint { blob: before.blob, ..print });
            }
            part.facts.push((path.clone(), print.blob, new));
        }
        // A look that is made again, as after a push that failed, has brought it there already.
        if !self.reader.has(print.blob)? {
            self.fresh.add_named(print.blob, file);
        }
        if self.project.mode() != Mode::ImportOnly {
            let _turn = turn.or_else(|| alone(file.len() as u64));
            let scan = || secrets::scan_exported(exported);
            let findings = search_file(&self.project.secrets, path, scan);
            part.searched.push((path.clone(), Searched { blob: print.blob, findings }));
        }
        Ok(print)
    }
}

/// Names the content of a workspace as a whole.
fn print(entries: &Entries) -> String {
    let bytes = |path: &PackagePath| path.as_str().len() + PRINT_BYTES;
    let mut all = Vec::with_capacity(entries.keys().map(bytes).sum());
    for (path, entry) in entries {
        all.extend(path.as_str().as_bytes());
        all.push(0);
        all.extend(entry.blob.as_bytes());
    }
    named(&all)
}

/// Puts beside each item of a list what is known of its path. Both are in the order of their paths: to go along them takes
/// a fraction of a search for each.
fn beside<'a, T>(
    all: &'a [T],
    path: impl Fn(&T) -> &PackagePath,
    known: &'a Entries,
) -> impl Iterator<Item = (&'a T, Option<&'a EntryPrint>)> {
    let first = all.first().map(&path);
    let mut known = first.map(|first| known.range::<PackagePath, _>(first..)).unwrap_or_default().peekable();
    all.iter().map(move |item| {
        let path = path(item);
        while known.next_if(|(known, _)| *known < path).is_some() {}
        (item, known.next_if(|(known, _)| *known == path).map(|(_, print)| print))
    })
}

/// Names bytes: equal names, equal bytes. They are hashed in one piece, since hashing is slow on small ones.
pub(super) fn named(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().as_str()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_known_is_found_as_by_a_search_for_each(
            listed in proptest::collection::btree_set("[a-c/]{1,3}", 0..30),
            known in proptest::collection::btree_set("[a-c/]{1,3}", 0..30),
            from in 0..30_usize,
        ) {
            let paths = |names: BTreeSet<String>| -> Vec<PackagePath> {
                names.iter().filter_map(|name| PackagePath::parse(name).ok()).collect()
            };
            let print = |crc| EntryPrint { crc, size: 0, seal: 0, blob: BlobId::from_bytes([0; 20]) };
            let known: Entries = paths(known).into_iter().zip((0..).map(print)).collect();
            let listed = paths(listed);
            let part = listed.get(from..).unwrap_or_default();
            let found: Vec<_> = beside(part, |path| path, &known).collect();
            let searched: Vec<_> = part.iter().map(|path| (path, known.get(path))).collect();
            prop_assert_eq!(found, searched);
        }
    }
}
