//! Makes commits: an edited tree, the folders above it, and the commit itself, as one small pack.
//!
//! Only folders that change are written anew, entry by entry as they were: siblings of the project, odd names and
//! odd modes included, stay as they are.

#![expect(clippy::disallowed_types, reason = "this is behind the async face")]

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use git2::{Oid, Repository};

use super::pack::{Kind, PackWriter};
use super::{GitError, objects, pack_file};
use crate::model::oid::{BlobId, CommitId};
use crate::model::path::{PackagePath, RepoPath};

const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_644;

/// Who commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author(String);

/// The text is not `Name <email>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not of the form `Name <email>`")]
pub struct AuthorError;

impl Author {
    /// Parses `Name <email>`.
    ///
    /// # Errors
    /// When a part is missing, or holds what would end it early in a commit.
    pub fn parse(text: &str) -> Result<Self, AuthorError> {
        let (name, email) =
            text.strip_suffix('>').and_then(|text| text.split_once(" <")).ok_or(AuthorError)?;
        let is_good = |part: &str| {
            !part.is_empty()
                && part.trim() == part
                && !part.chars().any(|c| c.is_control() || "<>".contains(c))
        };
        (is_good(name) && is_good(email)).then(|| Self(text.to_owned())).ok_or(AuthorError)
    }

    /// Returns it as `Name <email>`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name and the mail address.
    pub(super) fn parts(&self) -> (&str, &str) {
        let parts = self.0.strip_suffix('>').and_then(|text| text.split_once(" <"));
        parts.expect("checked when it was parsed")
    }
}

/// What to commit.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub(super) parent: Option<CommitId>,
    pub(super) path: RepoPath,
    pub(super) changes: BTreeMap<PackagePath, Option<BlobId>>,
    pub(super) message: String,
    pub(super) when: DateTime<Utc>,
}

/// Writes the commit; `None` where its tree would be the parent's.
pub(super) fn commit(
    folder: &Path,
    author: &Author,
    committer: &Author,
    edit: &Edit,
) -> Result<Option<CommitId>, GitError> {
    if edit.message.contains('\0') {
        let reason = "git cannot hold a NUL in it".to_owned();
        return Err(GitError::Unsupported { what: "the commit message".to_owned(), reason });
    }
    let repository = objects::open(folder)?;
    let base = match edit.parent {
        Some(parent) => Some(objects::root_tree(&repository, folder, parent)?.id()),
        None => None,
    };
    let named: Vec<(String, Option<BlobId>)> =
        edit.changes.iter().map(|(path, blob)| (edit.path.join(path), *blob)).collect();
    let changes = named.iter().map(|(path, blob)| (path.as_str(), *blob)).collect();
    let mut trees = Trees { repository: &repository, folder, pack: PackWriter::new() };
    let tree = match trees.edited("", base, changes)? {
        Some(tree) => tree,
        None if base.is_none() => return Ok(None),
        None => trees.pack.add_object(Kind::Tree, b"")?,
    };
    if base.is_some_and(|base| objects::bytes(base) == tree) {
        return Ok(None);
    }
    let mut pack = trees.pack;
    let id = pack.add_object(Kind::Commit, text(author, committer, edit, tree).as_bytes())?;
    pack_file::write(folder, &pack)?;
    Ok(Some(CommitId::from_bytes(id)))
}

fn text(author: &Author, committer: &Author, edit: &Edit, tree: [u8; 20]) -> String {
    let parent = edit.parent.map(|parent| format!("parent {parent}\n")).unwrap_or_default();
    let when = edit.when.timestamp();
    let (author, committer) = (&author.0, &committer.0);
    format!(
        "tree {}\n{parent}author {author} {when} +0000\ncommitter {committer} {when} +0000\n\n{}",
        objects::oid(&tree),
        edit.message
    )
}

type Changes<'a> = Vec<(&'a str, Option<BlobId>)>;

#[derive(Clone, Copy, PartialEq)]
struct Entry {
    mode: u32,
    id: [u8; 20],
}

struct Trees<'r> {
    repository: &'r Repository,
    folder: &'r Path,
    pack: PackWriter,
}

impl Trees<'_> {
    /// Returns the edited tree's name, `None` where nothing is left in it. As deep as the paths are, 64 at most.
    fn edited(
        &mut self,
        at: &str,
        base: Option<Oid>,
        changes: Changes<'_>,
    ) -> Result<Option<[u8; 20]>, GitError> {
        let before = self.entries(base)?;
        let mut entries = before.clone();
        let mut files = Vec::new();
        let mut folders: BTreeMap<&str, Changes<'_>> = BTreeMap::new();
        for (path, blob) in changes {
            match path.split_once('/') {
                Some((name, rest)) => folders.entry(name).or_default().push((rest, blob)),
                None => files.push((path, blob)),
            }
        }
        // What goes makes room: a file may become a folder in one commit, and a folder a file.
        for (name, _) in files.iter().filter(|(_, blob)| blob.is_none()) {
            if entries.get(name.as_bytes()).is_some_and(|entry| is_file(*entry)) {
                entries.remove(name.as_bytes());
            }
        }
        for (name, changes) in folders {
            let below = match entries.get(name.as_bytes()) {
                Some(entry) if entry.mode == FOLDER => Some(objects::oid(&entry.id)),
                Some(_) if changes.iter().all(|(_, blob)| blob.is_none()) => continue,
                Some(_) => return Err(GitError::NotAFolder { path: format!("{at}{name}") }),
                None => None,
            };
            match self.edited(&format!("{at}{name}/"), below, changes)? {
                Some(id) => drop(entries.insert(name.as_bytes().to_vec(), Entry { mode: FOLDER, id })),
                None => drop(entries.remove(name.as_bytes())),
            }
        }
        for (name, blob) in files {
            let Some(blob) = blob else { continue };
            let mode = match entries.get(name.as_bytes()) {
                Some(entry) if is_file(*entry) => entry.mode,
                Some(_) => return Err(GitError::NotAFile { path: format!("{at}{name}") }),
                None => FILE,
            };
            entries.insert(name.as_bytes().to_vec(), Entry { mode, id: *blob.as_bytes() });
        }
        match base {
            Some(base) if entries == before => Ok(Some(objects::bytes(base))),
            _ if entries.is_empty() => Ok(None),
            _ => self.pack.add_object(Kind::Tree, &tree_bytes(&entries)).map(Some),
        }
    }

    fn entries(&self, tree: Option<Oid>) -> Result<BTreeMap<Vec<u8>, Entry>, GitError> {
        let Some(tree) = tree else { return Ok(BTreeMap::new()) };
        let tree = self.repository.find_tree(tree).map_err(objects::missing(self.folder, "tree", tree))?;
        let entry = |entry: git2::TreeEntry<'_>| {
            let mode = u32::try_from(entry.filemode_raw()).expect("modes have at most 16 bits");
            (entry.name_bytes().to_vec(), Entry { mode, id: objects::bytes(entry.id()) })
        };
        Ok(tree.iter().map(entry).collect())
    }
}

fn is_file(entry: Entry) -> bool {
    entry.mode & 0o170_000 == 0o100_000
}

/// Writes a tree as git does: in the order of names, a folder's name as if a slash followed.
fn tree_bytes(entries: &BTreeMap<Vec<u8>, Entry>) -> Vec<u8> {
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by_cached_key(|(name, entry)| {
        let slash: &[u8] = if entry.mode == FOLDER { b"/" } else { b"" };
        [name, slash].concat()
    });
    let mut bytes = Vec::new();
    for (name, entry) in sorted {
        bytes.extend(format!("{:o} ", entry.mode).into_bytes());
        bytes.extend(name);
        bytes.push(0);
        bytes.extend(entry.id);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_has_a_name_and_an_address() {
        assert!(Author::parse("recipesync <recipesync@acme.example>").is_ok());
        for text in ["", "x", "<a@b>", " <a@b>", "x <>", "x <a@b> y", "x <a<b>", "x\ny <a@b>", "x  <a@b>"] {
            assert_eq!(Author::parse(text), Err(AuthorError), "{text:?}");
        }
    }

    #[test]
    fn folders_sort_as_if_a_slash_followed() {
        let entry = |mode| Entry { mode, id: [7; 20] };
        let entries = [("a", FOLDER), ("a-b", FILE), ("a.b", FILE), ("a0", FILE)];
        let bytes = tree_bytes(&entries.map(|(name, mode)| (name.as_bytes().to_vec(), entry(mode))).into());
        let text = String::from_utf8_lossy(&bytes).replace(['\0', '\u{7}'], "");
        assert_eq!(text, "100644 a-b100644 a.b40000 a100644 a0");
    }
}
