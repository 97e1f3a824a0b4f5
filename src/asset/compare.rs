//! When two versions of a file are the same: in content, or in meaning.
//!
//! Both are told by digests of one file alone, so that what was seen can be remembered without its bytes. When in doubt
//! a difference counts. How a difference reads is not known here.

use crate::model::path::PackagePath;

use super::fields::Place;
use super::json::Doc;
use super::kind::Kind;
use super::{meaning, page};

/// How much is set aside in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Formatting, and fields that change with nobody's doing.
    Content,
    /// Also what the server derives.
    Meaning,
}

/// The digests of one file. Two versions are the same at a level if and only if its digests are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digests {
    /// At [`Level::Content`].
    pub content: [u8; 16],
    /// At [`Level::Meaning`].
    pub meaning: [u8; 16],
}

impl Digests {
    /// Returns a file's digests, in linear time and bounded memory.
    #[must_use]
    pub fn of(path: &PackagePath, bytes: &[u8]) -> Self {
        let [content, meaning] = digests([Level::Content, Level::Meaning], path, bytes);
        Self { content, meaning }
    }
}

/// Returns the digest of a file's content alone: what it means takes longer to find out, and is seldom asked.
#[must_use]
pub fn content(path: &PackagePath, bytes: &[u8]) -> [u8; 16] {
    let [content] = digests([Level::Content], path, bytes);
    content
}

/// Returns what [`content`] does of a JSON file that was parsed, in any of its spellings.
pub(super) fn content_of(path: &PackagePath, doc: &Doc<'_>) -> [u8; 16] {
    sorted(b'j', &meaning::digest(Level::Content, doc, Place::of(&Kind::of(path))))
}

/// Returns whether two versions of a file are the same at a level.
#[must_use]
pub fn same(level: Level, path: &PackagePath, a: &[u8], b: &[u8]) -> bool {
    a == b || digests([level], path, a) == digests([level], path, b)
}

fn digests<const N: usize>(levels: [Level; N], path: &PackagePath, bytes: &[u8]) -> [[u8; 16]; N] {
    let kind = Kind::of(path);
    let extension = path.file_name().rsplit_once('.').map_or("", |(_, extension)| extension);
    let read = match (extension, &kind) {
        ("json", _) => json(levels, Place::of(&kind), bytes).map(|digests| (b'j', digests)),
        ("zip", Kind::Page) => page::digests(levels, bytes).map(|digests| (b'p', digests)),
        _ => None,
    };
    match read {
        Some((sort, digests)) => digests.map(|digest| sorted(sort, &digest)),
        None => [sorted(b'b', bytes); N],
    }
}

/// Tells the digests of one sort of file from those of another.
fn sorted(sort: u8, bytes: &[u8]) -> [u8; 16] {
    meaning::truncated(blake3::Hasher::new().update(&[sort]).update(bytes))
}

/// Returns the digests of a JSON text, if it is plain JSON.
pub(super) fn json<const N: usize>(levels: [Level; N], place: Place, bytes: &[u8]) -> Option<[[u8; 16]; N]> {
    let doc = Doc::parse(bytes).ok()?;
    Some(levels.map(|level| meaning::digest(level, &doc, place)))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn corpus(folder: &str) -> Option<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus").join(folder);
        folder.is_dir().then_some(folder)
    }

    #[expect(clippy::disallowed_methods, reason = "test data")]
    fn read(path: &Path) -> Vec<u8> {
        std::fs::read(path).unwrap()
    }

    /// Returns every file below a folder, as it is in another folder and in this one.
    fn pairs(old: &Path, new: &Path) -> Vec<(PackagePath, Vec<u8>, Vec<u8>)> {
        let mut pairs = Vec::new();
        let mut folders = vec![new.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().unwrap() {
                let file = entry.unwrap().path();
                if file.is_dir() {
                    folders.push(file);
                    continue;
                }
                let name = file.strip_prefix(new).unwrap().to_str().unwrap();
                pairs.push((PackagePath::parse(name).unwrap(), read(&old.join(name)), read(&file)));
            }
        }
        assert!(!pairs.is_empty());
        pairs
    }

    #[test]
    fn a_second_export_of_every_type_has_the_same_content() {
        let (Some(old), Some(new)) = (corpus("synthetic-all-types"), corpus("synthetic-all-types-reexport"))
        else {
            return;
        };
        for (path, old, new) in pairs(&old, &new) {
            assert_ne!(old, new, "{path}");
            assert_eq!(Digests::of(&path, &old), Digests::of(&path, &new), "{path}");
        }
    }

    #[test]
    fn the_same_recipe_in_two_workspaces_means_the_same() {
        let path = PackagePath::parse("home-assistant/get_all_entities.recipe.json").unwrap();
        let one = include_bytes!("../../tests/data/dewy-resort/get_all_entities.recipe.json");
        let other = include_bytes!("../../tests/data/dewy-resort-resorted/get_all_entities.recipe.json");
        assert!(!same(Level::Content, &path, one, other));
        assert!(same(Level::Meaning, &path, one, other));
        let edited = String::from_utf8(other.to_vec()).unwrap().replace("entities", "entity");
        assert_ne!(edited.as_bytes(), other);
        assert!(!same(Level::Meaning, &path, one, edited.as_bytes()));
    }

    #[test]
    fn a_page_is_its_content_and_not_its_times() {
        let path = PackagePath::parse("Pages/x.lcap_page.zip").unwrap();
        let zip = |name: &str, page: &str, hour: u8| {
            let time = zip::DateTime::from_date_and_time(2026, 4, 5, hour, 0, 0).unwrap();
            let options = zip::write::SimpleFileOptions::DEFAULT.last_modified_time(time);
            let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            writer.start_file(name, options).unwrap();
            std::io::Write::write_all(&mut writer, page.as_bytes()).unwrap();
            writer.finish().unwrap().into_inner()
        };
        let page = r#"{"path": "x", "unique_id": "a", "content": {"version": 1}}"#;
        let one = zip("page.json", page, 1);
        let is_same = |level, other: &[u8]| same(level, &path, &one, other);
        assert_ne!(one, zip("page.json", page, 2));
        assert!(is_same(Level::Content, &zip("page.json", page, 2)));
        assert!(is_same(Level::Content, &zip("page.json", &page.replace(' ', ""), 2)));
        let other_id = zip("page.json", &page.replace("\"a\"", "\"b\""), 1);
        assert!(!is_same(Level::Content, &other_id) && is_same(Level::Meaning, &other_id));
        assert!(!is_same(Level::Meaning, &zip("page.json", &page.replace('1', "2"), 1)));
        assert!(!is_same(Level::Meaning, &zip("other.json", page, 1)));
        assert!(!is_same(Level::Meaning, &one[..one.len() - 1]), "no zip: bytes");
    }

    #[test]
    fn two_clients_wrote_the_same_project() {
        let (Some(old), Some(new)) = (corpus("dewy-resort"), corpus("dewy-resort-resorted")) else { return };
        for (path, old, new) in pairs(&old, &new) {
            let other_workspace = path.file_name() == "get_all_entities.recipe.json";
            assert_eq!(same(Level::Content, &path, &old, &new), !other_workspace, "{path}");
            assert!(same(Level::Meaning, &path, &old, &new), "{path}");
        }
    }
}
