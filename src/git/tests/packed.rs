//! Files as git's packs hold them: what is found is right, and what is odd in any way is not found.

use std::io::Read as _;

use super::super::pack::blob_id;
use super::*;

impl World {
    fn packs(&self, extension: &str) -> Vec<PathBuf> {
        let folder = self.at.path().join("up.git/objects/pack");
        let of_kind = |path: &PathBuf| path.extension().is_some_and(|found| found == extension);
        fs::list(&folder).unwrap().iter().map(|name| folder.join(name)).filter(of_kind).collect()
    }

    fn store(&self, files: &[&[u8]]) -> Vec<BlobId> {
        let mut pack = PackWriter::new();
        let ids = files.iter().map(|file| pack.add(file).unwrap()).collect();
        pack_file::write(&self.at.path().join("up.git"), &pack).unwrap();
        ids
    }

    fn stream(&self, id: BlobId) -> Option<Stream> {
        Packed::look_up(&self.at.path().join("up.git"), &[id]).find(id)?.read()
    }

    /// Returns a file's content where it is whole in a pack, as a zip's reader would find it.
    fn whole(&self, id: BlobId) -> Option<Vec<u8>> {
        let stream = self.stream(id)?;
        let mut content = Vec::new();
        flate2::read::DeflateDecoder::new(&stream.deflated[..]).read_to_end(&mut content).unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(&content);
        assert_eq!((stream.crc, stream.size), (crc.sum(), content.len() as u64));
        Some(content)
    }

    fn by_libgit2(&self, id: BlobId) -> Vec<u8> {
        let folder = self.at.path().join("up.git");
        Objects(&folder).reader().unwrap().read(id).unwrap()
    }
}

/// A text that deflate does not shrink to nothing.
fn text(seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..400).map(|_| format!("{:x} ", random.u32(..))).collect()
}

#[test]
fn our_own_packs_are_read_and_their_bytes_taken_as_they_are() {
    let world = World::new();
    let (large, text) = (vec![7; 5 << 20], text(1));
    let files: [&[u8]; 4] = [b"", b"{}\n", &large, text.as_bytes()];
    let ids = world.store(&files);
    let pack = fs::read(&world.packs("pack")[0], 1 << 20).unwrap();
    for (id, file) in ids.iter().zip(files) {
        assert!(world.whole(*id).unwrap() == file);
        let deflated = world.stream(*id).unwrap().deflated;
        assert!(pack.windows(deflated.len()).any(|bytes| bytes == deflated), "{id}");
    }
    assert_eq!(world.stream(blob_id(b"another").unwrap()), None);
}

#[test]
fn what_git_packed_is_read_where_it_is_no_difference() {
    let world = World::new();
    let (old, new) = (text(1), text(1) + "more\n");
    world.user_commits("main", &[("a", Some(&old)), ("b", Some(&new)), ("c", Some(&text(2)))]);
    let ids = [&old, &new, &text(2)].map(|text| blob_id(text.as_bytes()).unwrap());
    assert_eq!(ids.map(|id| world.whole(id)), [None, None, None], "they are loose, or just pushed");
    world.git("up.git", &["repack", "-qadf"]);
    let found = ids.map(|id| world.whole(id).map(|bytes| String::from_utf8(bytes).unwrap()));
    assert_eq!(found[2], Some(text(2)));
    // Git stores one of the two as the difference to the other.
    assert!(found[0].is_none() != found[1].is_none());
    assert!(found[0].iter().all(|text| *text == old) && found[1].iter().all(|text| *text == new));
    assert_eq!(ids.map(|id| world.by_libgit2(id)), [old, new, text(2)].map(String::into_bytes));
}

#[test]
fn damage_is_never_taken_for_content() {
    let world = World::new();
    let files: [&[u8]; 3] = [b"one and one and one", b"two and two and two", b""];
    let ids = world.store(&files);
    for path in [&world.packs("pack")[0], &world.packs("idx")[0]] {
        let sound = fs::read(path, 1 << 20).unwrap();
        let check = |bytes: &[u8]| {
            fs::overwrite(path, bytes).unwrap();
            ids.iter()
                .zip(files)
                .filter(|(id, file)| {
                    let found = world.whole(**id);
                    assert!(found.as_ref().is_none_or(|found| found == file), "{found:?}");
                    found.is_none()
                })
                .count()
        };
        let mut lost = 0;
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at % 8);
            lost += check(&bytes);
        }
        assert!(lost > 40, "only {lost} were noticed");
        for length in (0..sound.len()).step_by(7) {
            check(&sound[..length]);
        }
        assert_eq!(check(&sound), 0);
    }
}

#[test]
fn an_index_that_points_elsewhere_finds_nothing() {
    let world = World::new();
    let ids = world.store(&[b"one", b"two"]);
    let path = &world.packs("idx")[0];
    let mut bytes = fs::read(path, 1 << 20).unwrap();
    let offsets = bytes.len() - 40 - 8;
    bytes[offsets..offsets + 8].rotate_left(4);
    fs::write(path, &bytes).unwrap();
    assert_eq!([world.stream(ids[0]), world.stream(ids[1])], [None, None]);
}

#[test]
fn names_with_the_lowest_and_the_highest_first_byte_are_found() {
    let world = World::new();
    let starting = |byte: u8| {
        let mut numbers = (0_u32..).map(|number| number.to_be_bytes());
        numbers.find(|number| blob_id(number).unwrap().as_bytes()[0] == byte).unwrap()
    };
    let files = [0, 1, 0x7f, 0xfe, 0xff].map(starting);
    let ids = world.store(&files.each_ref().map(|file| &file[..]));
    for (id, file) in ids.into_iter().zip(files) {
        assert_eq!(world.whole(id).unwrap(), file);
    }
    // A pack of one object alone.
    let id = world.store(&[b"alone"])[0];
    assert_eq!(world.whole(id).unwrap(), b"alone");
}

#[test]
fn other_places_are_left_to_libgit2() {
    // An index of version 1.
    let world = World::new();
    let id = world.store(&[b"old index"])[0];
    let (pack, index) = (&world.packs("pack")[0], &world.packs("idx")[0]);
    assert!(world.whole(id).is_some());
    fs::remove_file(index).unwrap();
    assert_eq!(world.whole(id), None, "without an index there is no pack");
    world.git("up.git", &["index-pack", "--index-version=1", pack.to_str().unwrap()]);
    assert_eq!((world.whole(id), world.by_libgit2(id)), (None, b"old index".to_vec()));
    // Alternates.
    let other = World::new();
    fs::write(
        &other.at.path().join("up.git/objects/info/alternates"),
        world.text("up.git/objects\n").as_bytes(),
    )
    .unwrap();
    assert_eq!((other.whole(id), other.by_libgit2(id)), (None, b"old index".to_vec()));
    // A loose object.
    fs::write(&world.at.path().join("loose"), b"loose").unwrap();
    let id: BlobId = world.git("up.git", &["hash-object", "-w", "../loose"]).parse().unwrap();
    assert_eq!((world.whole(id), world.by_libgit2(id)), (None, b"loose".to_vec()));
}

#[test]
fn of_two_packs_the_same_one_is_read_each_time() {
    let world = World::new();
    let id = world.store(&[b"shared", b"one"])[0];
    assert_eq!(world.store(&[b"two", b"shared"])[1], id);
    assert_eq!(world.packs("pack").len(), 2);
    assert_eq!(world.whole(id).unwrap(), b"shared");
    assert_eq!(world.stream(id), world.stream(id));
    // A repack that runs meanwhile takes the packs away, but not what is held open.
    let folder = world.at.path().join("up.git");
    let packed = Packed::look_up(&folder, &[id]);
    world.packs("pack").iter().for_each(|path| fs::remove_file(path).unwrap());
    assert!(packed.find(id).unwrap().read().is_some());
    assert_eq!(world.whole(id), None);
}
