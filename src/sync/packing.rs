//! Packing the files of a commit for an import: streams that git's packs hold are taken over, the rest is compressed.
//!
//! **Equal** means: the same files, held in the same way, give the same bytes, on any number of cores. Where git has
//! packed the repository anew, the same files may give other bytes, which open to the same content. Who needs bytes that
//! depend on nothing but the files compresses them all: `recipesync pack`.
//!
//! Our own packs are compressed fast rather than small. A package that would be too large for that reason alone is
//! compressed anew as a whole. What is held meanwhile are compressed bytes, no more than a package may have, the
//! file that each core is at, and in the end the package.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;

use super::error::StepError;
use super::observe::alone;
use crate::archive::{self, ArchiveError, Deflated, Limits};
use crate::cores;
use crate::git::{Cache, Objects, Packed, Reader};
use crate::model::oid::BlobId;
use crate::model::path::PackagePath;

/// Packs files of a repository, each under its name, into a package.
///
/// # Errors
/// Where a file cannot be read, or the files are no package.
pub async fn pack(repository: &Cache, files: Vec<(PackagePath, BlobId)>) -> Result<Bytes, StepError> {
    repository.work(move |objects| pack_within(objects, &files, &Limits::default())).await.map(Bytes::from)
}

fn pack_within(
    objects: &Objects<'_>,
    files: &[(PackagePath, BlobId)],
    limits: &Limits,
) -> Result<Vec<u8>, StepError> {
    let packed = objects.packed(&files.iter().map(|(_, id)| *id).collect::<Vec<_>>());
    let taken_over = AtomicUsize::new(0);
    let package = pack_by(objects, files, limits, |reader, id| match take_over(&packed, id) {
        Some(file) => {
            taken_over.fetch_add(1, Ordering::Relaxed);
            Ok(file)
        }
        None => compress(reader, id),
    });
    if is_worth_compressing(package.as_ref().err(), taken_over.into_inner()) {
        return pack_by(objects, files, limits, compress);
    }
    package
}

/// Returns whether compressing anew may make a package of files of which so many streams were taken over: where it
/// failed for the size of the streams, and for nothing that the files themselves are.
fn is_worth_compressing(failure: Option<&StepError>, taken_over: usize) -> bool {
    taken_over > 0 && matches!(failure, Some(StepError::Pack(ArchiveError::Overfull { .. })))
}

/// Packs files, each compressed in the way given. Stops as soon as the streams are more than a package may have.
fn pack_by(
    objects: &Objects<'_>,
    files: &[(PackagePath, BlobId)],
    limits: &Limits,
    by: impl Fn(&Reader, BlobId) -> Result<Deflated, StepError> + Sync,
) -> Result<Vec<u8>, StepError> {
    let held = AtomicU64::new(0);
    let pack_part = |part: &[(PackagePath, BlobId)]| -> Result<Vec<Deflated>, StepError> {
        let reader = objects.reader()?;
        let mut streams = Vec::with_capacity(part.len());
        for (_, id) in part {
            let file = by(&reader, *id)?;
            if held.fetch_add(file.packed(), Ordering::Relaxed) + file.packed() > limits.packed {
                return Err(StepError::Pack(ArchiveError::Overfull { limit: limits.packed }));
            }
            streams.push(file);
        }
        Ok(streams)
    };
    let mut streams = Vec::with_capacity(files.len());
    for part in cores::on_all(files, |_| 1, pack_part) {
        streams.extend(part?);
    }
    let files = files.iter().map(|(path, _)| path).zip(streams).collect();
    archive::join(files, limits).map_err(StepError::Pack)
}

/// Takes a file's stream over from git's packs, where it is whole in one.
fn take_over(packed: &Packed, id: BlobId) -> Option<Deflated> {
    let file = packed.find(id)?;
    let _turn = alone(file.size());
    let stream = file.read()?;
    Some(Deflated::known(stream.deflated, stream.crc, stream.size))
}

/// Reads a file wherever it is, and compresses it.
fn compress(reader: &Reader, id: BlobId) -> Result<Deflated, StepError> {
    let _turn = alone(reader.size(id)?);
    Ok(Deflated::of(&reader.read(id)?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;
    use tempfile::TempDir;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::archive::Package;
    use crate::fs;
    use crate::git::{Author, Credentials, Environment, Git, GitError, PackWriter, Settings, blob_id};

    struct World {
        at: TempDir,
        runtime: Runtime,
        cache: Cache,
    }

    impl World {
        fn new() -> Self {
            let at = tempfile::tempdir().unwrap();
            let runtime = Runtime::new().unwrap();
            #[expect(clippy::disallowed_methods, reason = "git is found where the tests find it")]
            let path = std::env::var_os("PATH").unwrap();
            let variables = [("PATH".into(), path), ("HOME".into(), at.path().as_os_str().to_owned())];
            let settings = Settings {
                folder: at.path().join("r.git"),
                url: "/nowhere".to_owned(),
                credentials: Credentials::default(),
                author: Author::parse("recipesync <r@x>").unwrap(),
                branches: std::iter::empty().collect(),
                deadline: Duration::from_secs(60),
            };
            let git = runtime.block_on(Git::install(at.path(), Environment::new(variables, &[]))).unwrap();
            let cache = runtime.block_on(Cache::open(git, settings)).unwrap();
            Self { at, runtime, cache }
        }

        /// Stores files, each third one in another pack, and returns how they are asked for.
        fn store(&self, files: &BTreeMap<PackagePath, Vec<u8>>) -> Vec<(PackagePath, BlobId)> {
            let mut packs = [PackWriter::new(), PackWriter::new(), PackWriter::new()];
            let ids = files.iter().enumerate();
            let ids =
                ids.map(|(at, (path, file))| (path.clone(), packs[at % 3].add(file).unwrap())).collect();
            let store =
                move |objects: &Objects<'_>| packs.into_iter().try_for_each(|pack| objects.store(pack));
            self.runtime.block_on(self.cache.work(store)).unwrap();
            ids
        }

        fn pack(&self, files: &[(PackagePath, BlobId)], limits: Limits) -> Result<Bytes, StepError> {
            let files = files.to_owned();
            let work = move |objects: &Objects<'_>| pack_within(objects, &files, &limits);
            self.runtime.block_on(self.cache.work(work)).map(Bytes::from)
        }

        fn files(&self, extension: &str) -> Vec<std::path::PathBuf> {
            let folder = self.at.path().join("r.git/objects/pack");
            let all = fs::list(&folder).unwrap().into_iter().map(|name| folder.join(name));
            all.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
        }
    }

    fn path(name: &str) -> PackagePath {
        PackagePath::parse(name).unwrap()
    }

    fn anew(files: &BTreeMap<PackagePath, Vec<u8>>) -> Vec<u8> {
        archive::pack(files.iter().map(|(path, file)| (path, file.as_slice()))).unwrap()
    }

    /// Recipes of a kind, which the fast compression makes larger than the slow one does.
    fn recipes(count: u64) -> BTreeMap<PackagePath, Vec<u8>> {
        let recipe = |seed: u64| {
            let mut random = fastrand::Rng::with_seed(seed);
            let lines = (0..300).map(|_| format!("{{\"label\": \"Field {}\"}},\n", random.u8(..)));
            (path(&format!("f{}/r{seed}.recipe.json", seed % 3)), lines.collect::<String>().into_bytes())
        };
        (0..count).map(recipe).collect()
    }

    #[test]
    fn streams_of_our_packs_are_taken_over() {
        let world = World::new();
        let files = recipes(9);
        let zip = world.pack(&world.store(&files), Limits::default()).unwrap();
        let packs: Vec<Vec<u8>> =
            world.files("pack").iter().map(|path| fs::read(path, 1 << 20).unwrap()).collect();
        let mut package = zip::ZipArchive::new(std::io::Cursor::new(zip.clone())).unwrap();
        let mut entries = 0;
        for index in 0..package.len() {
            let entry = package.by_index_raw(index).unwrap();
            let start = usize::try_from(entry.data_start().unwrap()).unwrap();
            let data = &zip[start..start + usize::try_from(entry.compressed_size()).unwrap()];
            if !entry.is_dir() {
                assert!(packs.iter().any(|pack| pack.windows(data.len()).any(|bytes| bytes == data)));
                entries += 1;
            }
        }
        assert_eq!(entries, files.len());
        assert!(zip.len() > anew(&files).len(), "they are not the streams that were made here");
    }

    #[test]
    fn what_is_in_no_pack_of_the_repository_is_compressed() {
        let (world, other) = (World::new(), World::new());
        let files = recipes(4);
        let ids = other.store(&files);
        let borrowed = format!("{}\n", other.at.path().join("r.git/objects").display());
        fs::write(&world.at.path().join("r.git/objects/info/alternates"), borrowed.as_bytes()).unwrap();
        assert!(world.pack(&ids, Limits::default()).unwrap() == anew(&files));
        assert!(other.pack(&ids, Limits::default()).unwrap() != anew(&files));
    }

    #[test]
    fn what_is_damaged_or_nowhere_is_an_error() {
        let world = World::new();
        let ids = world.store(&recipes(1));
        let pack = &world.files("pack")[0];
        let mut bytes = fs::read(pack, 1 << 20).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::overwrite(pack, &bytes).unwrap();
        let found = world.pack(&ids, Limits::default());
        assert!(matches!(found, Err(StepError::Git(GitError::Damaged { .. }))), "{found:?}");
        let lost = vec![(path("lost.recipe.json"), blob_id(b"never stored").unwrap())];
        let found = world.pack(&lost, Limits::default());
        assert!(matches!(found, Err(StepError::Git(GitError::NotFound { .. }))), "{found:?}");
    }

    #[test]
    fn a_package_that_would_be_too_large_is_compressed_anew() {
        let world = World::new();
        let files = recipes(9);
        let ids = world.store(&files);
        let (reused, anew) = (world.pack(&ids, Limits::default()).unwrap(), anew(&files));
        let pack = |packed: usize| world.pack(&ids, Limits { packed: packed as u64, ..Limits::default() });
        assert_eq!(pack(reused.len()).unwrap(), reused);
        assert!(pack(reused.len() - 1).unwrap() == anew);
        assert!(pack(anew.len()).unwrap() == anew);
        let refused = |packed| matches!(pack(packed), Err(StepError::Pack(ArchiveError::Overfull { .. })));
        assert!(refused(anew.len() - 1) && refused(10));
    }

    #[test]
    fn compressing_anew_is_tried_for_the_size_of_the_zip_alone() {
        let overfull = StepError::Pack(ArchiveError::Overfull { limit: 1 });
        assert!(is_worth_compressing(Some(&overfull), 1));
        assert!(!is_worth_compressing(Some(&overfull), 0), "it was compressed already");
        assert!(!is_worth_compressing(None, 1));
        let unpacked = StepError::Pack(ArchiveError::Unpacked { bytes: 2, limit: 1 });
        assert!(!is_worth_compressing(Some(&unpacked), 1));
        assert!(!is_worth_compressing(Some(&StepError::Git(GitError::Collision)), 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn what_is_packed_opens_to_the_same_and_has_the_same_bytes_each_time(
            files in proptest::collection::btree_map(
                "[a-cé]{1,3}(/[a-c]{1,2}){0,2}\\.json",
                proptest::collection::vec(any::<u8>(), 0..3000),
                0..20,
            ),
        ) {
            let files: BTreeMap<_, _> =
                files.into_iter().filter_map(|(name, file)| Some((PackagePath::parse(&name).ok()?, file))).collect();
            let world = World::new();
            let mut ids = world.store(&files);
            let packed = world.pack(&ids, Limits::default()).unwrap();
            ids.reverse();
            prop_assert_eq!(&packed, &world.pack(&ids, Limits::default()).unwrap());
            let package = Package::open(packed, &Limits::default()).unwrap();
            let opened: BTreeMap<_, _> =
                package.entries().iter().map(|entry| (entry.path.clone(), package.read(entry).unwrap())).collect();
            prop_assert_eq!(opened, files);
        }
    }
}
