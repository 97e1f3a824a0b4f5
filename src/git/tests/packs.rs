//! What git itself says of the packs that are written here: it is the judge of their format.

use super::*;
use crate::model::path::PackagePath;

/// Files of every size that a header or a deflate block tells apart, of many kinds of bytes, some of them equal.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut random = fastrand::Rng::with_seed(7);
    let sizes = [0, 1, 15, 16, 17, 2047, 2048, 32_767, 32_768, 65_535, 65_536, 262_144, 1 << 20];
    let mut files = Vec::new();
    for (number, size) in sizes.into_iter().enumerate() {
        let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(size).collect();
        files.push((format!("noise/{number}.bin"), noise));
        files.push((format!("zeros/{number}.bin"), vec![0; size]));
        let line = b"{\n  \"name\": \"order\",\n  \"steps\": []\n}\n";
        files.push((
            format!("Area {number}/x.recipe.json"),
            line.iter().copied().cycle().take(size).collect(),
        ));
    }
    // More than the index has first bytes, in folders whose order git has an opinion of its own about.
    for number in 0..300 {
        let name = format!("{}/{number}.json", ["a", "a.b", "a-b", "a b", "ä"][number % 5]);
        files.push((name, format!("{{\"number\": {}}}\n", number / 2).into_bytes()));
    }
    files
}

/// Stores files and commits them on the upstream's branch; returns the commit.
async fn push_all(cache: &Cache, files: &[(String, Vec<u8>)]) -> CommitId {
    let mut pack = PackWriter::new();
    let changes =
        files.iter().map(|(name, bytes)| (PackagePath::parse(name).unwrap(), Some(pack.add(bytes).unwrap())));
    let changes = changes.collect();
    cache.work(move |objects| objects.store(&pack)).await.unwrap();
    let when = "2026-11-26T10:00:00Z".parse().unwrap();
    let parent = look(cache).await.unwrap().tips.get("main").copied();
    let made = cache.commit_tree(parent, &folder("here"), &changes, "all", None, when).await;
    let made = made.unwrap().unwrap();
    cache.push(made, &branch("main")).await.unwrap();
    made
}

#[tokio::test]
async fn git_takes_every_pack_and_names_everything_as_we_do() {
    let world = World::new();
    let cache = world.cache().await;
    let files = files();
    let made = push_all(&cache, &files).await;

    let ours = "state/repos/r.git";
    let packs = || -> Vec<String> {
        let all = fs::list(Path::new(&world.text(&format!("{ours}/objects/pack")))).unwrap();
        all.iter()
            .map(|name| name.to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".pack"))
            .collect()
    };
    assert_eq!(packs().len(), 2, "one of contents, and one of the commit with its trees");
    for pack in packs() {
        let pack = format!("objects/pack/{pack}");
        world.git(ours, &["index-pack", "--verify", "--strict", &pack]);
        // What git would have written as the index of the pack is what was written.
        let (written, own) = (pack.replace(".pack", ".idx"), world.text("own.idx"));
        world.git(ours, &["index-pack", "--no-rev-index", "-o", &own, &pack]);
        let read = |path: &str| fs::read(Path::new(path), 1 << 24).unwrap();
        assert!(read(&own) == read(&world.text(&format!("{ours}/{written}"))), "{pack}: another index");
        fs::remove_file(Path::new(&own)).unwrap();
    }
    assert_eq!(world.git(ours, &["count-objects"]), "0 objects, 0 kilobytes", "no file for an object");
    for repository in [ours, "up.git"] {
        assert_eq!(
            world.git(repository, &["fsck", "--strict", "--full", "--no-dangling"]),
            "",
            "{repository}"
        );
    }

    // Git makes the same tree of the same files.
    world.git("", &["clone", "-q", "up.git", "clone"]);
    for (name, bytes) in &files {
        assert!(
            fs::read(Path::new(&world.text(&format!("clone/here/{name}"))), 1 << 24).unwrap() == *bytes,
            "{name}"
        );
    }
    let tree = world.git("clone", &["rev-parse", "HEAD^{tree}"]);
    world.git("clone", &["rm", "-r", "-q", "--cached", "."]);
    world.git("clone", &["add", "-A"]);
    assert_eq!(world.git("clone", &["write-tree"]), tree);
    assert_eq!(tree, world.git(ours, &["rev-parse", &format!("{made}^{{tree}}")]));
}

#[tokio::test]
async fn a_cache_that_git_has_packed_anew_serves_all_that_it_served_before() {
    let world = World::new();
    let cache = world.cache().await;
    let mut files = files();
    push_all(&cache, &files).await;
    files.retain(|(name, _)| name.ends_with(".json"));
    for (_, bytes) in &mut files {
        bytes.extend(b"\n");
    }
    let made = push_all(&cache, &files).await;
    let ours = "state/repos/r.git";
    world.git(ours, &["gc", "-q", "--prune=now"]);
    assert_eq!(world.git(ours, &["fsck", "--strict", "--full", "--no-dangling"]), "");
    let deltas = world.git(ours, &["cat-file", "--batch-all-objects", "--batch-check=%(deltabase)"]);
    assert!(deltas.lines().any(|base| !base.chars().all(|c| c == '0')), "git has found something to shorten");

    let again = world.cache().await;
    let held = again.files(made, &folder("here")).await.unwrap().files;
    for (name, bytes) in &files {
        let blob = held[&PackagePath::parse(name).unwrap()];
        assert!(again.blob(blob).await.unwrap() == *bytes, "{name}");
    }
    // And it is added to, as before.
    files.truncate(3);
    for (_, bytes) in &mut files {
        bytes.extend(b"more\n");
    }
    let last = push_all(&again, &files).await;
    assert_eq!(world.git("up.git", &["rev-parse", "main"]), last.to_string());
    assert_eq!(world.git("up.git", &["fsck", "--strict", "--full"]), "");
}
