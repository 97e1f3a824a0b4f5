//! Reads a repository's objects by libgit2: blocking, one open repository for each call and core.
//!
//! Opening costs less than a millisecond and leaves no handle that a repack could make stale. It writes refs in the
//! cache; objects are written by [`super::pack_file`].

#![expect(clippy::disallowed_types, reason = "this is behind the async face")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use git2::{ErrorCode, ObjectType, Oid, Repository, RepositoryInitOptions, Tree, TreeEntry};

use super::{BranchFiles, GitError, Odd, OddReason, blob_id};
use crate::cores;
use crate::model::branch::BranchName;
use crate::model::oid::{BlobId, CommitId, TreeId};
use crate::model::path::{PackagePath, RepoPath};

/// The largest file that is read, in bytes: what one entry of a package may hold.
const MAX_BLOB_BYTES: usize = 64 << 20;
/// Files and folders below one project's path; a package may have half as many.
const MAX_ENTRIES: usize = 100_000;
/// The longest name of a folder that is entered, in bytes: several times what a package may hold.
const MAX_ENTERED: usize = 4096;
/// From so many files on, all cores read them.
const WORTH_A_THREAD: usize = 16;
/// How much of a refused name is kept, in characters.
const MAX_SHOWN: usize = 1024;
/// The mode of a folder in a tree.
const FOLDER: i32 = 0o040_000;
/// Where the upstream's branches are kept.
const TRACKING: &str = "refs/remotes/origin/";

/// Makes an empty bare repository: SHA-1, refs as files, no template.
pub(super) fn init(folder: &Path) -> Result<(), GitError> {
    let mut options = RepositoryInitOptions::new();
    options.bare(true).no_reinit(true).external_template(false).mkpath(true);
    Repository::init_opts(folder, &options).map(drop).map_err(damaged(folder))
}

/// Checks that the cache opens and that each branch in it leads to a commit with a tree.
pub(super) fn check(folder: &Path) -> Result<(), GitError> {
    let repository = open(folder)?;
    if !repository.is_bare() || repository.is_shallow() {
        return Err(GitError::Damaged {
            folder: folder.to_owned(),
            reason: "it is not bare and whole".to_owned(),
        });
    }
    for commit in tracked(folder)?.values() {
        repository
            .find_commit(oid(commit.as_bytes()))
            .and_then(|commit| commit.tree())
            .map_err(damaged(folder))?;
    }
    Ok(())
}

/// Returns the upstream's branches as the cache knows them.
pub(super) fn tracked(folder: &Path) -> Result<BTreeMap<BranchName, CommitId>, GitError> {
    let repository = open(folder)?;
    let mut found = BTreeMap::new();
    for reference in repository.references_glob(&format!("{TRACKING}*")).map_err(damaged(folder))? {
        let reference = reference.map_err(damaged(folder))?;
        let name =
            reference.name().ok().and_then(|name| BranchName::parse(name.strip_prefix(TRACKING)?).ok());
        let target = reference.target();
        let (Some(name), Some(target)) = (name, target) else {
            let reason = "a ref in it has an odd name or no target".to_owned();
            return Err(GitError::Damaged { folder: folder.to_owned(), reason });
        };
        found.insert(name, CommitId::from_bytes(bytes(target)));
    }
    Ok(found)
}

/// Removes the branches that are not among the given ones.
pub(super) fn prune(folder: &Path, keep: &BTreeSet<BranchName>) -> Result<(), GitError> {
    let repository = open(folder)?;
    for name in tracked(folder)?.into_keys().filter(|name| !keep.contains(name)) {
        let reference = repository.find_reference(&format!("{TRACKING}{name}"));
        reference.and_then(|mut reference| reference.delete()).map_err(damaged(folder))?;
    }
    Ok(())
}

/// Notes where the upstream's branch is.
pub(super) fn track(folder: &Path, name: &BranchName, commit: CommitId) -> Result<(), GitError> {
    let repository = open(folder)?;
    let result = repository.reference(&format!("{TRACKING}{name}"), oid(commit.as_bytes()), true, "");
    result.map(drop).map_err(damaged(folder))
}

/// Returns the tree of a folder in a commit, `None` where there is nothing of the name.
pub(super) fn path_tree(
    folder: &Path,
    commit: CommitId,
    path: &RepoPath,
) -> Result<Option<TreeId>, GitError> {
    let repository = open(folder)?;
    let tree = tree_at(&repository, folder, commit, path)?;
    Ok(tree.map(|tree| TreeId::from_bytes(bytes(tree.id()))))
}

/// Lists the files of a folder in a commit, and what else is there.
pub(super) fn files(folder: &Path, commit: CommitId, path: &RepoPath) -> Result<BranchFiles, GitError> {
    let repository = open(folder)?;
    match tree_at(&repository, folder, commit, path)? {
        Some(root) => {
            list(&repository, folder, root, &format!("the folder {path} of commit {}", commit.short()))
        }
        None => Ok(BranchFiles::default()),
    }
}

/// Lists the files of a tree, and what else is there; `what` names it.
pub(super) fn list(
    repository: &Repository,
    folder: &Path,
    root: Tree<'_>,
    what: &str,
) -> Result<BranchFiles, GitError> {
    let mut found =
        BranchFiles { tree: Some(TreeId::from_bytes(bytes(root.id()))), ..BranchFiles::default() };
    let mut count = 0;
    let mut folders = vec![(String::new(), root, None)];
    while let Some((prefix, tree, refused)) = folders.pop() {
        count += tree.len();
        if count > MAX_ENTRIES {
            return Err(GitError::TooLarge { what: what.to_owned() });
        }
        for entry in &tree {
            let name = prefix.clone() + &String::from_utf8_lossy(entry.name_bytes());
            match refused.map_or_else(|| read_entry(&entry, &name), Err) {
                Err(reason) => {
                    let is_folder = entry.filemode() == FOLDER && name.len() <= MAX_ENTERED;
                    let (shown, id) = (name.chars().take(MAX_SHOWN).collect(), bytes(entry.id()));
                    found.odd.push(Odd { name: shown, reason, id, is_folder });
                    // What lies below may be somebody's recipes; all of it is refused for the same reason.
                    if is_folder {
                        let below =
                            repository.find_tree(entry.id()).map_err(missing(folder, "tree", entry.id()))?;
                        folders.push((name + "/", below, Some(reason)));
                    }
                }
                Ok(path) if entry.filemode() != FOLDER => {
                    found.files.insert(path, BlobId::from_bytes(bytes(entry.id())));
                }
                Ok(_) => {
                    let below =
                        repository.find_tree(entry.id()).map_err(missing(folder, "tree", entry.id()))?;
                    folders.push((name + "/", below, None));
                }
            }
        }
    }
    found.odd.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Returns the path of a file or folder that can be part of a package.
fn read_entry(entry: &TreeEntry<'_>, name: &str) -> Result<PackagePath, OddReason> {
    match entry.filemode() {
        0o120_000 => Err(OddReason::Link),
        0o160_000 => Err(OddReason::Submodule),
        _ if entry.name().is_err() => Err(OddReason::NotUtf8),
        _ => PackagePath::parse(name).map_err(OddReason::Name),
    }
}

/// Reads files' contents.
pub(super) fn blobs(folder: &Path, ids: &[BlobId], limit: usize) -> Result<Vec<Vec<u8>>, GitError> {
    let repository = open(folder)?;
    let ids = &ids[..within(&repository, folder, ids, limit)?];
    if ids.len() < WORTH_A_THREAD {
        return blobs_in(&repository, folder, ids, usize::MAX);
    }
    let read = |repository: &mut Repository, part: &[BlobId]| blobs_in(repository, folder, part, usize::MAX);
    let parts = cores::try_on_all(ids, |_| 1, || open(folder), read)?;
    Ok(parts.into_iter().flatten().collect())
}

/// Returns how many of the files, from the first on, are read within a limit: the last of them may pass it.
fn within(repository: &Repository, folder: &Path, ids: &[BlobId], limit: usize) -> Result<usize, GitError> {
    let objects = repository.odb().map_err(damaged(folder))?;
    let (mut held, mut count) = (0_usize, 0);
    for id in ids.iter().take_while(|_| limit < usize::MAX) {
        if held > limit {
            return Ok(count);
        }
        let name = oid(id.as_bytes());
        held = held.saturating_add(objects.read_header(name).map_err(missing(folder, "blob", name))?.0);
        count += 1;
    }
    Ok(ids.len())
}

/// Reads files' contents from a repository that is open.
pub(super) fn blobs_in(
    repository: &Repository,
    folder: &Path,
    ids: &[BlobId],
    limit: usize,
) -> Result<Vec<Vec<u8>>, GitError> {
    let objects = repository.odb().map_err(damaged(folder))?;
    let read = |id: &BlobId| {
        let name = oid(id.as_bytes());
        let (size, kind) = objects.read_header(name).map_err(missing(folder, "blob", name))?;
        if kind != ObjectType::Blob {
            return Err(GitError::NotFound { object: format!("blob {id}") });
        }
        if size > MAX_BLOB_BYTES {
            return Err(GitError::TooLarge { what: format!("blob {id}") });
        }
        let bytes = objects.read(name).map_err(missing(folder, "blob", name))?.data().to_vec();
        if blob_id(&bytes)? != *id {
            let reason = format!("blob {id} is not what its name says");
            return Err(GitError::Damaged { folder: folder.to_owned(), reason });
        }
        Ok(bytes)
    };
    let mut all = Vec::with_capacity(ids.len().min(1024));
    let mut held = 0;
    for id in ids {
        if held > limit {
            break;
        }
        let bytes = read(id)?;
        held += bytes.len();
        all.push(bytes);
    }
    Ok(all)
}

/// Reads the contents of those files that have at most so many bytes.
pub(super) fn small_blobs(
    folder: &Path,
    ids: &[BlobId],
    most: usize,
) -> Result<Vec<Option<Vec<u8>>>, GitError> {
    let repository = open(folder)?;
    let objects = repository.odb().map_err(damaged(folder))?;
    ids.iter()
        .map(|id| {
            let name = oid(id.as_bytes());
            let (size, _) = objects.read_header(name).map_err(missing(folder, "blob", name))?;
            if size > most { Ok(None) } else { Ok(blobs_in(&repository, folder, &[*id], usize::MAX)?.pop()) }
        })
        .collect()
}

/// Returns whether the commit is in the cache.
pub(super) fn has_commit(folder: &Path, commit: CommitId) -> Result<bool, GitError> {
    match open(folder)?.find_commit(oid(commit.as_bytes())) {
        Ok(_) => Ok(true),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
        Err(error) => Err(damaged(folder)(error)),
    }
}

/// Returns whether the one commit is the other or in its history.
pub(super) fn is_ancestor(folder: &Path, ancestor: CommitId, descendant: CommitId) -> Result<bool, GitError> {
    let repository = open(folder)?;
    for commit in [ancestor, descendant] {
        let name = oid(commit.as_bytes());
        repository.find_commit(name).map_err(missing(folder, "commit", name))?;
    }
    if ancestor == descendant {
        return Ok(true);
    }
    let found = repository.graph_descendant_of(oid(descendant.as_bytes()), oid(ancestor.as_bytes()));
    found.map_err(damaged(folder))
}

/// Opens the repository. Its objects are not hashed again when they are read: libgit2 does that at a quarter of the
/// speed at which [`blobs`] does it, and what git fetches it has checked itself.
pub(super) fn open(folder: &Path) -> Result<Repository, GitError> {
    git2::opts::strict_hash_verification(false);
    Repository::open_bare(folder).map_err(damaged(folder))
}

/// Finds a commit's root tree.
pub(super) fn root_tree<'r>(
    repository: &'r Repository,
    folder: &Path,
    commit: CommitId,
) -> Result<Tree<'r>, GitError> {
    let name = oid(commit.as_bytes());
    let commit = repository.find_commit(name).map_err(missing(folder, "commit", name))?;
    commit.tree().map_err(missing(folder, "tree", commit.tree_id()))
}

pub(super) fn oid(bytes: &[u8; 20]) -> Oid {
    Oid::from_bytes(bytes).expect("a SHA-1 has twenty bytes")
}

pub(super) fn bytes(oid: Oid) -> [u8; 20] {
    oid.as_bytes().try_into().expect("the repository was made with SHA-1")
}

/// Makes the error for an object that is wanted by name.
pub(super) fn missing(folder: &Path, kind: &str, name: Oid) -> impl FnOnce(git2::Error) -> GitError {
    move |error| match error.code() {
        ErrorCode::NotFound => GitError::NotFound { object: format!("{kind} {name}") },
        _ => damaged(folder)(error),
    }
}

pub(super) fn damaged(folder: &Path) -> impl FnOnce(git2::Error) -> GitError {
    move |error| GitError::Damaged { folder: folder.to_owned(), reason: error.message().to_owned() }
}

pub(super) fn tree_at<'r>(
    repository: &'r Repository,
    folder: &Path,
    commit: CommitId,
    path: &RepoPath,
) -> Result<Option<Tree<'r>>, GitError> {
    let mut tree = root_tree(repository, folder, commit)?;
    for part in path.parts() {
        let Some(entry) = tree.get_name(part).map(|entry| entry.to_owned()) else { return Ok(None) };
        if entry.filemode() != FOLDER {
            return Err(GitError::NotAFolder { path: path.to_string() });
        }
        tree = repository.find_tree(entry.id()).map_err(missing(folder, "tree", entry.id()))?;
    }
    Ok(Some(tree))
}
