//! The people of a story, without their clone: commits written straight into the upstream, which is quick enough for
//! stories that are told thousands of times, and what the upstream holds.

#![expect(clippy::disallowed_types, reason = "the upstream is not ours, and git itself would be slower")]

use std::collections::BTreeMap;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Sort};
use serde_json::Value;

use crate::stage::{PROJECT, Stage, recipe, says};

/// The folder of the repository.
const FOLDER: &str = "orders/";

/// A commit of a branch.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    /// Who made it: the author of an export's commit is the person who edited the recipe.
    pub(crate) committer: String,
    /// The name of its tree.
    pub(crate) tree: String,
    /// The project's files in it.
    pub(crate) files: BTreeMap<String, String>,
}

/// The people of a stage.
#[derive(Clone, Copy)]
pub(crate) struct People<'a>(pub(crate) &'a Stage);

impl People<'_> {
    fn upstream(self) -> Repository {
        Repository::open_bare(self.0.upstream.url()).unwrap()
    }

    fn tip_in(upstream: &Repository, branch: &str) -> Option<Oid> {
        upstream.refname_to_id(&format!("refs/heads/{branch}")).ok()
    }

    /// Returns a branch's tip.
    pub(crate) fn tip(self, branch: &str) -> Option<String> {
        Self::tip_in(&self.upstream(), branch).map(|tip| tip.to_string())
    }

    /// Commits files of the project (`None` deletes one) on top of a branch, without moving it; returns the commit.
    pub(crate) fn commit_aside(self, branch: &str, files: &[(&str, Option<String>)]) -> String {
        let upstream = self.upstream();
        let parent = Self::tip_in(&upstream, branch).map(|tip| upstream.find_commit(tip).unwrap());
        let base = match &parent {
            Some(parent) => parent.tree().unwrap(),
            None => upstream.find_tree(upstream.treebuilder(None).unwrap().write().unwrap()).unwrap(),
        };
        let mut update = TreeUpdateBuilder::new();
        for (path, text) in files {
            let path = format!("{FOLDER}{path}");
            match text {
                Some(text) => update.upsert(path, upstream.blob(text.as_bytes()).unwrap(), FileMode::Blob),
                None => update.remove(path),
            };
        }
        let tree = upstream.find_tree(update.create_updated(&upstream, &base).unwrap()).unwrap();
        let ada = Signature::now("Ada", "ada@acme.example").unwrap();
        let parents: Vec<_> = parent.iter().collect();
        upstream.commit(None, &ada, &ada, "Change recipes\n", &tree, &parents).unwrap().to_string()
    }

    /// Returns whether a commit goes on from a branch's tip.
    pub(crate) fn is_next(self, branch: &str, commit: &str) -> bool {
        let upstream = self.upstream();
        let commit = upstream.find_commit(Oid::from_str(commit).unwrap()).unwrap();
        Self::tip_in(&upstream, branch).is_some_and(|tip| commit.parent_ids().eq([tip]))
    }

    /// Returns a file of a branch as it is.
    pub(crate) fn text(self, branch: &str, path: &str) -> String {
        let upstream = self.upstream();
        let tree = upstream.find_commit(Self::tip_in(&upstream, branch).unwrap()).unwrap().tree().unwrap();
        let entry = tree.get_path(format!("{FOLDER}{path}").as_ref()).unwrap();
        String::from_utf8(upstream.find_blob(entry.id()).unwrap().content().to_vec()).unwrap()
    }

    /// Puts a branch on a commit.
    pub(crate) fn point(self, branch: &str, commit: &str) {
        let commit = Oid::from_str(commit).unwrap();
        self.upstream().reference(&format!("refs/heads/{branch}"), commit, true, "a person").unwrap();
    }

    /// Commits files of the project to a branch; returns the commit.
    pub(crate) fn commit(self, branch: &str, files: &[(&str, Option<String>)]) -> String {
        let commit = self.commit_aside(branch, files);
        self.point(branch, &commit);
        commit
    }

    /// Returns what a merge of one branch into another is made of, each file by what it says: what both were last,
    /// what the branch holds, and what the other one holds. `None` where there is no other, or it is merged.
    pub(crate) fn to_merge(self, branch: &str, other: &str) -> Option<[BTreeMap<String, String>; 3]> {
        let upstream = self.upstream();
        let theirs = Self::tip_in(&upstream, other)?;
        let ours = Self::tip_in(&upstream, branch);
        let base = ours.and_then(|ours| upstream.merge_base(ours, theirs).ok());
        if base == Some(theirs) {
            return None;
        }
        let held = |commit: Option<Oid>| commit.map(|commit| files(&upstream, commit)).unwrap_or_default();
        Some([held(base), held(ours), held(Some(theirs))])
    }

    /// Merges a branch into another, which takes these of its files and their absence: by a commit with two parents,
    /// or squashed by one with one. A branch that is not there yet is started at the other.
    pub(crate) fn merge(self, branch: &str, other: &str, taken: &[String], is_squashed: bool) {
        let upstream = self.upstream();
        let commit = |name| Self::tip_in(&upstream, name).map(|tip| upstream.find_commit(tip).unwrap());
        let theirs = commit(other).unwrap();
        let Some(ours) = commit(branch) else {
            self.point(branch, &theirs.id().to_string());
            return;
        };
        let mut update = TreeUpdateBuilder::new();
        for path in taken {
            let path = format!("{FOLDER}{path}");
            match theirs.tree().unwrap().get_path(path.as_ref()) {
                Ok(entry) => update.upsert(path, entry.id(), FileMode::Blob),
                Err(_) => update.remove(path),
            };
        }
        let tree = update.create_updated(&upstream, &ours.tree().unwrap()).unwrap();
        let ada = Signature::now("Ada", "ada@acme.example").unwrap();
        let parents = if is_squashed { vec![&ours] } else { vec![&ours, &theirs] };
        let tree = upstream.find_tree(tree).unwrap();
        let merged = upstream.commit(None, &ada, &ada, "Merge the workspace\n", &tree, &parents).unwrap();
        self.point(branch, &merged.to_string());
    }

    /// Commits recipes that say these texts.
    pub(crate) fn say_on_branch(self, branch: &str, texts: &[(&str, &str)]) -> String {
        let files: Vec<_> =
            texts.iter().map(|(path, text)| (*path, Some(recipe(name(path), text)))).collect();
        self.commit(branch, &files)
    }

    /// Edits a recipe in the workspace's editor, or makes it.
    pub(crate) fn say_in_workspace(self, path: &str, text: &str) {
        if self.0.workspace_file(path).is_some() {
            self.0.edit_in_workspace(path, &says(text));
        } else {
            self.0.put_in_workspace(path, recipe(name(path), text));
        }
    }

    /// Makes the workspace hold these files and no others.
    pub(crate) fn furnish(self, files: &[(&str, String)]) {
        for path in self.workspace().into_keys() {
            self.0.delete_in_workspace(&path);
        }
        for (path, text) in files {
            self.0.put_in_workspace(path, text);
        }
    }

    /// Returns the workspace's recipes, each by what it says.
    pub(crate) fn workspace(self) -> BTreeMap<String, String> {
        let files = self.0.world(|world| world.files(PROJECT)).unwrap();
        files.into_iter().map(|(path, bytes)| (path, said(&bytes))).collect()
    }

    /// Returns the recipes of a branch, each by what it says.
    pub(crate) fn branch(self, branch: &str) -> BTreeMap<String, String> {
        let upstream = self.upstream();
        let tip = Self::tip_in(&upstream, branch);
        tip.map(|tip| files(&upstream, tip)).unwrap_or_default()
    }

    /// Returns a branch's commits, the newest first, down to one that is not among them.
    pub(crate) fn log(self, branch: &str, until: Option<&str>) -> Vec<Commit> {
        let upstream = self.upstream();
        let Some(tip) = Self::tip_in(&upstream, branch) else { return Vec::new() };
        let mut walk = upstream.revwalk().unwrap();
        walk.set_sorting(Sort::TOPOLOGICAL).unwrap();
        walk.push(tip).unwrap();
        if let Some(until) = until {
            walk.hide(Oid::from_str(until).unwrap()).unwrap();
        }
        walk.map(|id| {
            let commit = upstream.find_commit(id.unwrap()).unwrap();
            Commit {
                committer: String::from_utf8_lossy(commit.committer().name_bytes()).into_owned(),
                tree: commit.tree_id().to_string(),
                files: files(&upstream, commit.id()),
            }
        })
        .collect()
    }
}

/// Returns the project's files in a commit, each by what it says.
fn files(upstream: &Repository, commit: Oid) -> BTreeMap<String, String> {
    let tree = upstream.find_commit(commit).unwrap().tree().unwrap();
    let mut found = BTreeMap::new();
    tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
        if let (Some(folder), Some(git2::ObjectType::Blob)) = (folder.strip_prefix(FOLDER), entry.kind()) {
            let blob = upstream.find_blob(entry.id()).unwrap();
            let name = String::from_utf8_lossy(entry.name_bytes());
            found.insert(format!("{folder}{name}"), said(blob.content()));
        }
        git2::TreeWalkResult::Ok
    })
    .unwrap();
    found
}

/// Returns what a recipe says; a file that is none as it is.
fn said(bytes: &[u8]) -> String {
    let says = |recipe: Value| Some(recipe["code"]["block"][0]["input"]["message"].as_str()?.to_owned());
    let text = serde_json::from_slice(bytes).ok().and_then(says);
    text.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
}

/// Returns the name of a recipe: its file's stem.
fn name(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split('.').next().unwrap_or(file)
}
