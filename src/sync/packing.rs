//! Packing the files of a commit for an import: streams that git's packs hold are taken over, the rest is compressed.
//!
//! **Equal** means: the same files, held in the same way, give the same bytes, on any number of cores. Where git has
//! packed the repository anew, the same files may give other bytes, which open to the same content. Who needs bytes that
//! depend on nothing but the files compresses them all: `recipesync pack`.
//!
//! Our own packs are compressed fast rather than small: to send such streams takes longer, by more than was saved where
//! they are many megabytes and the line is slow. So they are taken over while they are few together; streams that were
//! compressed with the usual effort always are. A package that would be too large for what was taken over is compressed
//! anew as a whole. What is held meanwhile are compressed bytes, no more than a package may have, the file that each
//! core is at, and in the end the package.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::error::StepError;
use super::observe::alone;
use crate::archive::{self, ArchiveError, Deflated, Limits};
use crate::cores;
use crate::git::{Cache, GitError, Objects, Reader, Whole};
use crate::model::oid::BlobId;
use crate::model::path::PackagePath;

/// How many bytes of streams that were compressed fast are taken over: what level 6 would save on as many goes over a line
/// of 10 Mbit/s in three seconds.
const FAST_AT_MOST: u64 = 10 << 20;

/// Packs files of a repository, each under its name, into a package.
///
/// # Errors
/// Where a file cannot be read, or the files are no package.
pub async fn pack(repository: &Cache, files: Vec<(PackagePath, BlobId)>) -> Result<Bytes, StepError> {
    let pack = move |objects: &Objects<'_>| pack_within(objects, &files, &Limits::default(), FAST_AT_MOST);
    repository.work(pack).await.map(Bytes::from)
}

/// A file to pack, and where its stream is to be taken over from.
struct Chosen<'a> {
    path: &'a PackagePath,
    id: BlobId,
    whole: Option<Whole<'a>>,
}

fn pack_within(
    objects: &Objects<'_>,
    files: &[(PackagePath, BlobId)],
    limits: &Limits,
    fast_at_most: u64,
) -> Result<Vec<u8>, StepError> {
    let packed = objects.packed(&files.iter().map(|(_, id)| *id).collect::<Vec<_>>());
    let mut files: Vec<Chosen<'_>> =
        files.iter().map(|(path, id)| Chosen { path, id: *id, whole: packed.find(*id) }).collect();
    check(objects, &files, limits)?;
    let fast = files.iter().filter_map(|file| file.whole.as_ref()).filter(|whole| whole.is_fast());
    if fast.map(Whole::packed).sum::<u64>() > fast_at_most {
        for file in &mut files {
            file.whole = file.whole.take().filter(|whole| !whole.is_fast());
        }
    }
    let package = pack_by(objects, &files, limits, |reader, file| match take_over(file.whole.as_ref()) {
        Some(taken) => Ok(taken),
        None => compress(reader, file.id),
    });
    let taken_over = files.iter().filter(|file| file.whole.is_some()).count();
    if is_worth_compressing(package.as_ref().err(), taken_over) {
        return pack_by(objects, &files, limits, |reader, file| compress(reader, file.id));
    }
    package
}

/// Refuses what is no package whatever its files are compressed to, before any of them is.
fn check(objects: &Objects<'_>, files: &[Chosen<'_>], limits: &Limits) -> Result<(), StepError> {
    let reader = objects.reader()?;
    let size = |file: &Chosen<'_>| {
        file.whole.as_ref().map_or_else(|| reader.size(file.id), |whole| Ok(whole.size()))
    };
    let sizes: Result<Vec<_>, GitError> = files.iter().map(|file| Ok((file.path, size(file)?))).collect();
    archive::check(sizes?, limits).map_err(StepError::Pack)
}

/// Returns whether compressing anew may make a package of files of which so many streams were to be taken over: where it
/// failed for the size of the streams, and for nothing that the files themselves are.
fn is_worth_compressing(failure: Option<&StepError>, taken_over: usize) -> bool {
    taken_over > 0 && matches!(failure, Some(StepError::Pack(ArchiveError::Overfull { .. })))
}

/// Packs files, each compressed in the way given. Stops as soon as the streams are more than a package may have.
fn pack_by(
    objects: &Objects<'_>,
    files: &[Chosen<'_>],
    limits: &Limits,
    by: impl Fn(&Reader, &Chosen<'_>) -> Result<Deflated, StepError> + Sync,
) -> Result<Vec<u8>, StepError> {
    let held = AtomicU64::new(0);
    let pack_part = |reader: &mut Reader, part: &[Chosen<'_>]| -> Result<Vec<Deflated>, StepError> {
        let mut streams = Vec::with_capacity(part.len());
        for file in part {
            let stream = by(reader, file)?;
            if held.fetch_add(stream.packed(), Ordering::Relaxed) + stream.packed() > limits.packed {
                return Err(StepError::Pack(ArchiveError::Overfull { limit: limits.packed }));
            }
            streams.push(stream);
        }
        Ok(streams)
    };
    let parts = cores::try_on_all(files, |_| 1, || Ok(objects.reader()?), pack_part)?;
    let files = files.iter().map(|file| file.path).zip(parts.into_iter().flatten()).collect();
    archive::join(files, limits).map_err(StepError::Pack)
}

/// Takes a file's stream over from git's packs, where it is whole in one.
fn take_over(whole: Option<&Whole<'_>>) -> Option<Deflated> {
    let whole = whole?;
    let _turn = alone(whole.size());
    let stream = whole.read()?;
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
    use std::process::Command;
    use std::time::Duration;

    use proptest::prelude::*;
    use tempfile::TempDir;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::archive::Package;
    use crate::fs;
    use crate::git::{Author, Credentials, Environment, Git, PackWriter, Settings, blob_id};

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
            let store = move |objects: &Objects<'_>| packs.iter().try_for_each(|pack| objects.store(pack));
            self.runtime.block_on(self.cache.work(store)).unwrap();
            ids
        }

        fn pack(&self, files: &[(PackagePath, BlobId)], limits: Limits) -> Result<Bytes, StepError> {
            self.pack_with(files, limits, FAST_AT_MOST)
        }

        fn pack_with(
            &self,
            files: &[(PackagePath, BlobId)],
            limits: Limits,
            fast_at_most: u64,
        ) -> Result<Bytes, StepError> {
            let files = files.to_owned();
            let work = move |objects: &Objects<'_>| pack_within(objects, &files, &limits, fast_at_most);
            self.runtime.block_on(self.cache.work(work)).map(Bytes::from)
        }

        /// Returns how many files of a package have the bytes that a pack has.
        fn count_of_packs(&self, zip: &Bytes) -> usize {
            let packs: Vec<Vec<u8>> =
                self.files("pack").iter().map(|path| fs::read(path, 1 << 20).unwrap()).collect();
            let mut package = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
            let mut count = 0;
            for index in 0..package.len() {
                let entry = package.by_index_raw(index).unwrap();
                let start = usize::try_from(entry.data_start().unwrap()).unwrap();
                let data = &zip[start..start + usize::try_from(entry.compressed_size()).unwrap()];
                let is_of = |pack: &Vec<u8>| pack.windows(data.len()).any(|bytes| bytes == data);
                count += usize::from(!entry.is_dir() && packs.iter().any(is_of));
            }
            count
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
        assert_eq!(world.count_of_packs(&zip), files.len());
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
    #[expect(clippy::disallowed_methods, reason = "git itself packs anew")]
    fn streams_that_were_compressed_fast_are_taken_over_while_they_are_few() {
        let world = World::new();
        let files = recipes(9);
        let ids = world.store(&files);
        let (reused, anew) = (world.pack(&ids, Limits::default()).unwrap(), anew(&files));
        let fast: u64 = {
            let named = ids.iter().map(|(_, id)| *id).collect::<Vec<_>>();
            let sum = move |objects: &Objects<'_>| {
                let packed = objects.packed(&named);
                Ok::<_, GitError>(named.iter().map(|id| packed.find(*id).unwrap().packed()).sum())
            };
            world.runtime.block_on(world.cache.work(sum)).unwrap()
        };
        let pack = |fast_at_most| world.pack_with(&ids, Limits::default(), fast_at_most).unwrap();
        assert!(pack(fast) == reused);
        assert!(pack(fast - 1) == anew && pack(0) == anew);
        // Git makes them with the usual effort, and then they are taken over however many they are.
        let repack = ["repack", "-q", "-adkF", "--window=0"];
        let git = Command::new("git").arg("-C").arg(world.at.path().join("r.git")).args(repack).status();
        assert!(git.unwrap().success());
        assert_eq!(world.count_of_packs(&pack(0)), files.len());
    }

    #[test]
    fn what_cannot_be_a_package_is_refused_before_anything_is_compressed() {
        let world = World::new();
        let ids = world.store(&recipes(2));
        // Neither of them could be read.
        for pack in world.files("pack") {
            let bytes = fs::read(&pack, 1 << 20).unwrap();
            let middle = bytes.len() / 2;
            let damaged: Vec<u8> =
                bytes.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == middle)).collect();
            fs::overwrite(&pack, &damaged).unwrap();
        }
        let clashing = vec![(path("a/x.json"), ids[0].1), (path("A/y.json"), ids[1].1)];
        let found = world.pack(&clashing, Limits::default());
        assert!(matches!(found, Err(StepError::Pack(ArchiveError::Clash { .. }))), "{found:?}");
        let found = world.pack(&ids, Limits { unpacked: 1000, ..Limits::default() });
        assert!(matches!(found, Err(StepError::Pack(ArchiveError::Unpacked { .. }))), "{found:?}");
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
