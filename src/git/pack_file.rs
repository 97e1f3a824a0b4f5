//! Writes git objects as one pack with its index: the quick and durable way into a repository.
//!
//! A file for each object costs about a millisecond, a pack costs two files whatever is in it. What is large is written
//! while it is made: the threads that make it go on, little of it is held, and in the end there is little left to wait
//! for. What comes last is the pack's checksum, since the number of objects, which only the end knows, stands in front.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::scope;

use sha1dc::Hasher;

use super::GitError;
use super::pack::{PackWriter, finish, sha1};
use crate::fs::Draft;
use crate::model::oid::BlobId;

/// Offsets from here on need a second table in the index; no package comes near.
pub(super) const MAX_PACK_BYTES: u64 = 0x7fff_ffff;
/// Magic and version; the number of objects follows.
const MAGIC: &[u8; 8] = b"PACK\0\0\0\x02";
/// Bytes in front of the first object.
const HEADER_BYTES: u64 = 12;
/// How many bytes a thread makes before it hands them on.
const BATCH: usize = 1 << 20;
/// How many batches wait for the disk before those who make them do.
const WAITING: usize = 4;
/// After how many bytes the disk is waited for: the system itself would begin to write after seconds.
const SYNC_EVERY: u64 = 8 << 20;
/// How much is read at a time for the checksum.
const PIECE: usize = 256 << 10;

/// Where threads that make objects hand them on to be written. Equal objects of several threads are written once.
#[derive(Debug)]
pub struct Outlet(SyncSender<PackWriter>);

/// What one of the threads makes; what is not handed on yet is when this is dropped.
#[derive(Debug)]
pub struct Batch<'a> {
    outlet: &'a Outlet,
    pack: PackWriter,
}

impl Outlet {
    /// Starts what a thread makes.
    #[must_use]
    pub fn batch(&self) -> Batch<'_> {
        Batch { outlet: self, pack: PackWriter::new() }
    }
}

impl Batch<'_> {
    /// Adds a file's content by its name, which [`super::blob_id`] has told.
    pub fn add_named(&mut self, id: BlobId, bytes: &[u8]) {
        self.pack.add_named(id, bytes);
    }

    /// Hands on what there is, where it is worth it. Waits while the disk is slow.
    pub fn hand_on_large(&mut self) {
        if self.pack.size() >= BATCH {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        // Nobody listens any more where the disk has refused: the writer says so in the end.
        self.outlet.0.send(self.pack.take()).ok();
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.hand_on();
    }
}

/// Does work that hands objects on, and writes them meanwhile into a repository as one pack with its index, synced;
/// nothing of it is there where the work fails. While the disk is waited for, it does what is left to do.
pub(super) fn write_while<T, R, E: From<GitError>>(
    repository: &Path,
    work: impl FnOnce(&Outlet) -> Result<T, E>,
    rest: impl FnOnce(T) -> R,
) -> Result<R, E> {
    scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING);
        let writer = scope.spawn(move || PackFile::of(repository, &receiver));
        let outlet = Outlet(sender);
        let done = work(&outlet);
        drop(outlet);
        let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let (done, written) = (done?, written?);
        let storing = scope.spawn(move || written.store());
        let done = rest(done);
        storing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(done)
    })
}

/// Writes objects into a repository as one pack with its index, synced; where there are none, nothing.
pub(super) fn write(repository: &Path, pack: &PackWriter) -> Result<(), GitError> {
    let mut file = PackFile::new(repository);
    file.add(pack)?;
    file.store()
}

/// A pack that nobody sees yet.
struct PackFile {
    folder: PathBuf,
    /// Started with the first object.
    draft: Option<Draft>,
    entries: Vec<Entry>,
    known: HashSet<[u8; 20]>,
    length: u64,
    synced: u64,
}

/// What the index says of an object.
struct Entry {
    id: [u8; 20],
    crc: u32,
    offset: u32,
}

impl PackFile {
    fn new(repository: &Path) -> Self {
        let folder = repository.join("objects/pack");
        let (entries, known) = (Vec::new(), HashSet::new());
        Self { folder, draft: None, entries, known, length: HEADER_BYTES, synced: 0 }
    }

    /// Writes all that comes.
    fn of(repository: &Path, packs: &Receiver<PackWriter>) -> Result<Self, GitError> {
        let mut file = Self::new(repository);
        for pack in packs {
            file.add(&pack)?;
        }
        Ok(file)
    }

    /// Writes those objects that are not there yet.
    fn add(&mut self, pack: &PackWriter) -> Result<(), GitError> {
        let mut bytes = Vec::with_capacity(pack.size());
        for (object, packed) in pack.objects() {
            if self.known.insert(object.id) {
                let offset = self.length + bytes.len() as u64;
                bytes.extend_from_slice(packed);
                if offset + packed.len() as u64 > MAX_PACK_BYTES {
                    return Err(GitError::TooLarge { what: "the files of one commit".to_owned() });
                }
                let offset = u32::try_from(offset).expect("bounded above");
                self.entries.push(Entry { id: object.id, crc: object.crc, offset });
            }
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let draft = match &mut self.draft {
            Some(draft) => draft,
            None => {
                let mut draft = Draft::new(&self.folder)?;
                draft.append(MAGIC)?;
                draft.append(&[0; 4])?; // the number of objects comes last
                self.draft.insert(draft)
            }
        };
        draft.append(&bytes)?;
        self.length += bytes.len() as u64;
        if self.length - self.synced > SYNC_EVERY {
            draft.sync()?;
            self.synced = self.length;
        }
        Ok(())
    }

    /// Makes the pack one that is seen.
    fn store(mut self) -> Result<(), GitError> {
        let Some(mut draft) = self.draft else { return Ok(()) };
        let count = u32::try_from(self.entries.len()).expect("every object has its own offset");
        draft.overwrite(MAGIC.len() as u64, &count.to_be_bytes())?;
        let is_large = self.length > SYNC_EVERY;
        let checksum = scope(|scope| {
            let synced = is_large.then(|| scope.spawn(|| draft.sync()));
            let checksum = checksum(&draft, self.length);
            if let Some(synced) = synced {
                synced.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            }
            checksum
        })?;
        draft.append(&checksum)?;
        let index = index(&mut self.entries, &checksum)?;
        let name: String = checksum.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut index_draft = Draft::new(&self.folder)?;
        index_draft.append(&index)?;
        // Both are on the disk before the pack has its name, so that there is no pack for whose index there is no room.
        // The index makes the pack visible, so it comes second; alone, should a crash leave that, it is nothing to git.
        let [pack, index] = ["pack", "idx"].map(|end| self.folder.join(format!("pack-{name}.{end}")));
        Ok(draft.place_before(&pack, index_draft, &index)?)
    }
}

/// Reads a file anew for its checksum: it is in the system's memory, and nowhere else.
fn checksum(draft: &Draft, length: u64) -> Result<[u8; 20], GitError> {
    let mut hasher = Hasher::new();
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while at < length {
        let count = usize::try_from(length - at).map_or(PIECE, |rest| rest.min(PIECE));
        draft.read(at, &mut piece[..count])?;
        hasher.update(&piece[..count]);
        at += count as u64;
    }
    finish(hasher)
}

/// The index of version 2: how many names start with each byte or a lower one, names, CRCs, offsets.
fn index(entries: &mut [Entry], pack_checksum: &[u8; 20]) -> Result<Vec<u8>, GitError> {
    entries.sort_unstable_by_key(|entry| entry.id);
    let mut bytes = b"\xfftOc\0\0\0\x02".to_vec();
    for first in 0..=u8::MAX {
        let upto = entries.partition_point(|entry| entry.id[0] <= first);
        bytes.extend(u32::try_from(upto).expect("counted above").to_be_bytes());
    }
    entries.iter().for_each(|entry| bytes.extend(entry.id));
    entries.iter().for_each(|entry| bytes.extend(entry.crc.to_be_bytes()));
    entries.iter().for_each(|entry| bytes.extend(entry.offset.to_be_bytes()));
    bytes.extend(pack_checksum);
    let checksum = sha1(&[&bytes])?;
    bytes.extend(checksum);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fs;
    use crate::git::{Objects, blob_id};

    /// An empty repository.
    #[expect(clippy::disallowed_types, reason = "libgit2 is the judge")]
    struct World(tempfile::TempDir, git2::Repository);

    impl World {
        #[expect(clippy::disallowed_types, reason = "libgit2 is the judge")]
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let repository = git2::Repository::init_bare(folder.path()).unwrap();
            Self(folder, repository)
        }

        fn read(&self, id: BlobId) -> Vec<u8> {
            let blob = self.1.find_blob(super::super::objects::oid(id.as_bytes())).unwrap();
            blob.content().to_vec()
        }

        /// What lies where packs lie, by the end of each name.
        fn files(&self) -> Vec<String> {
            let names = fs::list(&self.0.path().join("objects/pack")).unwrap();
            names.iter().map(|name| name.extension().unwrap().to_string_lossy().into_owned()).collect()
        }
    }

    /// Writes what some work makes.
    fn write_made<T>(
        repository: &Path,
        work: impl FnOnce(&Outlet) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        write_while(repository, work, |done| done)
    }

    #[test]
    fn several_threads_fill_one_pack() {
        let world = World::new();
        let mut random = fastrand::Rng::with_seed(3);
        // Some batches for each of the threads, and more than is written without waiting for the disk.
        let files: Vec<Vec<u8>> =
            (0..48).map(|_| std::iter::repeat_with(|| random.u8(..)).take(300_000).collect()).collect();
        let written: Result<(), GitError> = write_made(world.0.path(), |outlet| {
            scope(|scope| {
                for skipped in 0..3 {
                    let files = &files;
                    scope.spawn(move || {
                        let mut batch = outlet.batch();
                        // Each file comes from two of the threads.
                        for file in files.iter().enumerate().filter(|(at, _)| at % 3 != skipped) {
                            batch.add_named(blob_id(file.1).unwrap(), file.1);
                            batch.hand_on_large();
                            assert!(batch.pack.size() < BATCH);
                        }
                    });
                }
            });
            Ok(())
        });
        written.unwrap();
        assert_eq!(world.files(), ["idx", "pack"]);
        for file in &files {
            assert!(world.read(blob_id(file).unwrap()) == *file);
        }
    }

    #[test]
    fn nothing_is_left_of_work_that_fails() {
        let world = World::new();
        let failed = write_made(world.0.path(), |outlet| {
            outlet.batch().add_named(blob_id(b"x").unwrap(), b"x");
            Err::<(), _>(GitError::Collision)
        });
        assert!(matches!(failed, Err(GitError::Collision)));
        assert_eq!(world.files(), [""; 0]);
    }

    #[test]
    fn a_panic_of_the_work_is_handed_on_and_leaves_nothing() {
        let world = World::new();
        let panicked = std::panic::catch_unwind(|| {
            write_made(world.0.path(), |outlet| -> Result<(), GitError> {
                outlet.batch().add_named(blob_id(b"x").unwrap(), b"x");
                panic!("the work");
            })
        });
        assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"the work"));
        assert_eq!(world.files(), [""; 0]);
    }

    #[test]
    fn an_index_that_a_crash_has_left_alone_is_nothing() {
        let world = World::new();
        let store = |file: &[u8]| {
            let id = blob_id(file).unwrap();
            let mut pack = PackWriter::new();
            pack.add_named(id, file);
            write(world.0.path(), &pack).unwrap();
            id
        };
        let lost = store(b"lost");
        let folder = world.0.path().join("objects/pack");
        let mut names = fs::list(&folder).unwrap();
        names.retain(|name| name.extension().unwrap() == "pack");
        fs::remove_file(&folder.join(&names[0])).unwrap();
        let kept = store(b"kept");
        assert_eq!(world.files().iter().filter(|name| *name == "idx").count(), 2);
        let objects = Objects(world.0.path());
        let reader = objects.reader().unwrap();
        assert_eq!([lost, kept].map(|id| reader.has(id).unwrap()), [false, true]);
        assert!(objects.packed(&[lost, kept]).find(lost).is_none());
        assert_eq!(store(b"lost"), lost);
        assert_eq!(world.read(lost), b"lost");
    }

    #[test]
    fn without_an_object_there_is_no_pack() {
        let world = World::new();
        write_made(world.0.path(), |outlet| {
            drop(outlet.batch());
            Ok::<_, GitError>(())
        })
        .unwrap();
        assert_eq!(world.files(), [""; 0]);
    }

    #[test]
    fn a_disk_that_refuses_is_an_error_and_hinders_nobody_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let mut count = 0;
        let refused = write_made(&folder.path().join("nowhere"), |outlet| {
            while count < 3 * WAITING {
                outlet.batch().add_named(blob_id(b"x").unwrap(), b"x");
                count += 1;
            }
            Ok::<_, GitError>(())
        });
        assert!(matches!(refused, Err(GitError::Disk(_))), "{refused:?}");
        assert_eq!(count, 3 * WAITING);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn what_is_stored_is_read_back(files in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..4000), 1..40)) {
            let world = World::new();
            let ids: Result<Vec<BlobId>, GitError> = write_while(world.0.path(), |outlet| {
                files
                    .chunks(7)
                    .map(|files| {
                        let mut batch = outlet.batch();
                        let add = |file: &Vec<u8>| {
                            let id = blob_id(file).unwrap();
                            batch.add_named(id, file);
                            id
                        };
                        Ok(files.iter().map(add).collect())
                    })
                    .collect::<Result<Vec<Vec<BlobId>>, _>>()
            }, |ids| ids.concat());
            for (id, file) in ids.unwrap().iter().zip(&files) {
                prop_assert_eq!(&world.read(*id), file);
            }
        }
    }
}
