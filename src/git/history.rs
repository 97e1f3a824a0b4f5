//! What a branch's history says: who made a commit, and what a path once held.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use git2::{Oid, Tree};

use super::about::CommitInfo;
use super::objects::{bytes, damaged, missing, oid, open, tree_at};
use super::{Author, Cache, GitError};
use crate::model::oid::{BlobId, CommitId};
use crate::model::path::{PackagePath, RepoPath};

/// How many commits are looked through: more than people make while a conflict waits.
const MAX_COMMITS: usize = 2_000;

impl Cache {
    /// Returns those of the files that a commit of `tip`'s history held exactly so, of the commits that are not in
    /// the history of `since`. Of a long history only the newest 2,000 commits are looked at.
    ///
    /// # Errors
    /// [`GitError::NotFound`] where the cache lacks one of the two.
    pub async fn held_since(
        &self,
        since: CommitId,
        tip: CommitId,
        path: &RepoPath,
        files: BTreeMap<PackagePath, BlobId>,
    ) -> Result<BTreeSet<PackagePath>, GitError> {
        let path = path.clone();
        self.objects(move |folder| held_since(folder, since, tip, &path, files)).await
    }

    /// Returns those of the files that a commit of our own made exactly so, or removed, each with the newest such commit:
    /// one that was put onto `since` itself and that ends in `tip`, not one that came by a merge, and whose message
    /// and time (seconds since 1970) are those that are meant. Of a long history, and where there is no `since`, only the
    /// newest 2,000 commits are looked at.
    ///
    /// # Errors
    /// [`GitError::NotFound`] where the cache lacks one of the two.
    pub async fn made_since(
        &self,
        since: Option<CommitId>,
        tip: CommitId,
        path: &RepoPath,
        files: BTreeMap<PackagePath, Option<BlobId>>,
        is_it: impl Fn(&str, i64) -> bool + Send + 'static,
    ) -> Result<BTreeMap<PackagePath, CommitId>, GitError> {
        let (path, ours) = (path.clone(), self.0.settings.author.clone());
        self.objects(move |folder| made_since(folder, &ours, is_it, since, tip, &path, files)).await
    }
}

fn held_since(
    folder: &Path,
    since: CommitId,
    tip: CommitId,
    path: &RepoPath,
    mut files: BTreeMap<PackagePath, BlobId>,
) -> Result<BTreeSet<PackagePath>, GitError> {
    let repository = open(folder)?;
    let (since, tip) = (oid(since.as_bytes()), oid(tip.as_bytes()));
    let mut walk = repository.revwalk().map_err(damaged(folder))?;
    walk.push(tip).map_err(missing(folder, "commit", tip))?;
    walk.hide(since).map_err(missing(folder, "commit", since))?;
    let mut found = BTreeSet::new();
    for commit in walk.take(MAX_COMMITS) {
        let commit = CommitId::from_bytes(bytes(commit.map_err(damaged(folder))?));
        // Where the folder is a file for a while, it holds none of the files.
        let Ok(Some(tree)) = tree_at(&repository, folder, commit, path) else { continue };
        let held = files.extract_if(.., |file, blob| holds(&tree, file, *blob));
        found.extend(held.map(|(file, _)| file));
    }
    Ok(found)
}

fn made_since(
    folder: &Path,
    ours: &Author,
    is_it: impl Fn(&str, i64) -> bool,
    since: Option<CommitId>,
    tip: CommitId,
    path: &RepoPath,
    mut files: BTreeMap<PackagePath, Option<BlobId>>,
) -> Result<BTreeMap<PackagePath, CommitId>, GitError> {
    let repository = open(folder)?;
    let tip = oid(tip.as_bytes());
    let mut walk = repository.revwalk().map_err(damaged(folder))?;
    walk.simplify_first_parent().map_err(damaged(folder))?;
    walk.push(tip).map_err(missing(folder, "commit", tip))?;
    if let Some(since) = since.map(|since| oid(since.as_bytes())) {
        if !repository.graph_descendant_of(tip, since).map_err(damaged(folder))? {
            return Ok(BTreeMap::new());
        }
        walk.hide(since).map_err(missing(folder, "commit", since))?;
    }
    let (name, email) = ours.parts();
    let mut found = BTreeMap::new();
    for commit in walk.take(MAX_COMMITS) {
        let id: Oid = commit.map_err(damaged(folder))?;
        let commit = repository.find_commit(id).map_err(missing(folder, "commit", id))?;
        let by = commit.committer();
        let is_ours = (by.name_bytes(), by.email_bytes()) == (name.as_bytes(), email.as_bytes());
        let at = by.when().seconds();
        if !is_ours || !commit.message().is_ok_and(|text| is_it(text, at)) {
            continue;
        }
        let tree =
            |id: Oid| tree_at(&repository, folder, CommitId::from_bytes(bytes(id)), path).ok().flatten();
        let (now, before) = (tree(id), commit.parent_ids().next().and_then(tree));
        let made = files.extract_if(.., |file, blob| {
            held(now.as_ref(), file) == *blob && held(before.as_ref(), file) != *blob
        });
        found.extend(made.map(|(file, _)| (file, CommitId::from_bytes(bytes(id)))));
    }
    Ok(found)
}

fn held(tree: Option<&Tree<'_>>, file: &PackagePath) -> Option<BlobId> {
    let entry = tree?.get_path(Path::new(file.as_str())).ok()?;
    Some(BlobId::from_bytes(bytes(entry.id())))
}

fn holds(tree: &Tree<'_>, file: &PackagePath, blob: BlobId) -> bool {
    tree.get_path(Path::new(file.as_str())).is_ok_and(|entry| bytes(entry.id()) == *blob.as_bytes())
}

/// Returns who made a commit and the first line of what it says.
pub(super) fn commit_info(folder: &Path, commit: CommitId) -> Result<CommitInfo, GitError> {
    let repository = open(folder)?;
    let name = oid(commit.as_bytes());
    let commit = repository.find_commit(name).map_err(missing(folder, "commit", name))?;
    let author = commit.author();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(CommitInfo {
        author: format!("{} <{}>", text(author.name_bytes()), text(author.email_bytes())),
        subject: text(commit.message_bytes()).lines().next().unwrap_or_default().to_owned(),
    })
}
