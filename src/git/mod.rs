//! One upstream repository and our bare cache of it: objects by libgit2, the network by the git command.
//!
//! [`Cache`] is the async face. Reads and writes of objects run on the blocking pool; whatever speaks to the upstream
//! runs as a child process with a deadline (`command`), one at a time for each cache. The cache has no working tree
//! and no index, and may be deleted at any time: what the upstream has is fetched again, what it has not is gone.
//! Only one process may use a cache; the daemon's lock sees to that, and lock files found in it are therefore stale.
//!
//! Not here: what the files mean, when to look, what to commit, and trying again.

mod about;
mod clone;
mod command;
mod commit;
mod error;
mod heal;
mod history;
mod login;
mod objects;
mod pack;
mod pack_file;
mod packed;
mod pager;
mod reader;
mod remote;
mod revision;
mod url;
mod wire;
mod worktree;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use self::about::CommitInfo;
pub use self::clone::{Clone, conflict_style, merge_text};
pub use self::command::{Environment, Git};
pub use self::commit::{Author, AuthorError};
pub use self::error::GitError;
pub use self::login::Credentials;
pub use self::pack::{PackWriter, blob_id};
pub use self::pack_file::{Batch, Outlet};
pub use self::packed::{Packed, Stream, Whole};
pub use self::pager::page;
pub use self::reader::{Objects, Reader};
pub use self::revision::{Around, Named, file_id};
pub use self::url::{has_password, is_in_the_clear, local_upstream, redact_url, takes_token};
pub use self::worktree::WorkTree;
use crate::blocking;
use crate::model::branch::BranchName;
use crate::model::oid::{BlobId, CommitId, TreeId};
use crate::model::path::{PackagePath, PathError, RepoPath};

/// What a cache is of, and how to reach it. Not shown: the URL may be one that is refused for its password.
#[derive(Clone)]
pub struct Settings {
    /// The cache, `…/repos/NAME.git`; made when absent.
    pub folder: PathBuf,
    /// The upstream: anything git can fetch and push, without a password in it.
    pub url: String,
    /// How to log in, beyond what git's own configuration knows.
    pub credentials: Credentials,
    /// Author and committer of our commits.
    pub author: Author,
    /// The branches that are looked at.
    pub branches: BTreeSet<BranchName>,
    /// How long one git command may take.
    pub deadline: Duration,
}

/// Where the upstream's branches are. Their commits are in the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refs {
    /// The upstream's main branch, where it has one with a commit.
    pub head: Option<BranchName>,
    /// The branches that exist: those of the settings, and where one of them is missing also the main branch.
    pub tips: BTreeMap<BranchName, CommitId>,
}

/// The files of a folder in a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BranchFiles {
    /// The folder's tree; `None` where there is no such folder.
    pub tree: Option<TreeId>,
    /// Regular files, executable or not.
    pub files: BTreeMap<PackagePath, BlobId>,
    /// All else, sorted by name; below a folder whose name is refused that is everything.
    pub odd: Vec<Odd>,
}

/// Something in a folder that cannot be part of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// Its name below the folder; what is not UTF-8 is replaced, and a long one is cut.
    pub name: String,
    /// Why it is left out.
    pub reason: OddReason,
    /// Git's name for what it holds.
    pub id: [u8; 20],
    /// Whether it is a folder: what lies in it is named as well.
    pub is_folder: bool,
}

/// Why an entry of a tree cannot be part of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddReason {
    /// A symbolic link.
    Link,
    /// A submodule.
    Submodule,
    /// A name that is not UTF-8.
    NotUtf8,
    /// A name that is refused.
    Name(PathError),
}

impl fmt::Display for OddReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link => f.write_str("it is a symbolic link"),
            Self::Submodule => f.write_str("it is a submodule"),
            Self::NotUtf8 => f.write_str("its name is not UTF-8"),
            Self::Name(reason) => reason.fmt(f),
        }
    }
}

/// The right to push next, among those who share a cache; it ends when it is dropped.
pub type Turn = tokio::sync::OwnedMutexGuard<()>;

/// A bare cache of an upstream; clones share it.
#[derive(Clone)]
pub struct Cache(Arc<Shared>);

struct Shared {
    git: Git,
    settings: Settings,
    /// Held while git runs on the cache, with what the last look at the upstream found.
    wire: tokio::sync::Mutex<Option<remote::Look>>,
    /// Counts those who ask for a look, so that one look can answer all who asked before it began.
    asked: AtomicU64,
    /// Whether a run of git did not come to its end and may have left lock files.
    is_unswept: AtomicBool,
    /// Whether something is said to have moved since the last look.
    is_distrusted: AtomicBool,
    /// Held by who reads, commits and pushes.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Held for reading by object work, for writing while packs are removed.
    files: tokio::sync::RwLock<()>,
}

impl Cache {
    /// Opens the cache, makes it when absent, and makes it anew when it is damaged or half-made. Does not speak to
    /// the upstream.
    ///
    /// # Errors
    /// [`GitError::Unsupported`] for a URL that cannot be used; when the disk refuses.
    pub async fn open(git: Git, settings: Settings) -> Result<Self, GitError> {
        let refused = |reason: &str| {
            Err(GitError::Unsupported { what: redact_url(&settings.url), reason: reason.to_owned() })
        };
        if has_password(&settings.url) {
            return refused("the URL holds a password: put it into a token_file");
        }
        if is_in_the_clear(&settings.url) {
            return refused("all between could read and change what comes over it: use https or ssh");
        }
        if settings.url.is_empty()
            || settings.url.starts_with('-')
            || settings.url.chars().any(char::is_control)
        {
            return refused("it is not a URL or path");
        }
        let folder = settings.folder.clone();
        blocking::run(move || heal::prepare(&folder)).await?;
        Ok(Self(Arc::new(Shared {
            git,
            settings,
            wire: tokio::sync::Mutex::new(None),
            asked: AtomicU64::new(0),
            is_unswept: AtomicBool::new(false),
            is_distrusted: AtomicBool::new(false),
            turn: Arc::default(),
            files: tokio::sync::RwLock::new(()),
        })))
    }

    /// Waits for the turn to push, and says whether it had to be waited for: then the branch has probably moved.
    pub async fn turn(&self) -> (Turn, bool) {
        match Arc::clone(&self.0.turn).try_lock_owned() {
            Ok(turn) => (turn, false),
            Err(_) => (Arc::clone(&self.0.turn).lock_owned().await, true),
        }
    }

    /// Removes the cache and makes an empty one; the next [`Self::refresh`] fetches all again. For
    /// [`GitError::Damaged`], and once only: a fresh cache that is damaged again is not the cache's fault.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn heal(&self) -> Result<(), GitError> {
        let mut look = self.0.wire.lock().await;
        let _alone = self.0.files.write().await;
        *look = None;
        let folder = self.0.settings.folder.clone();
        blocking::run(move || heal::make_anew(&folder)).await
    }

    /// Returns the tree of a folder in a commit, `None` where there is nothing of the name.
    ///
    /// # Errors
    /// [`GitError::NotAFolder`] for a file, link or submodule; [`GitError::NotFound`] without the commit.
    pub async fn path_tree(&self, commit: CommitId, path: &RepoPath) -> Result<Option<TreeId>, GitError> {
        let path = path.clone();
        self.objects(move |folder| objects::path_tree(folder, commit, &path)).await
    }

    /// Lists the files of a folder in a commit, and what else is there; nothing where there is no such folder.
    ///
    /// # Errors
    /// As [`Self::path_tree`], and [`GitError::TooLarge`] over 100,000 entries.
    pub async fn files(&self, commit: CommitId, path: &RepoPath) -> Result<BranchFiles, GitError> {
        let path = path.clone();
        self.objects(move |folder| objects::files(folder, commit, &path)).await
    }

    /// Reads a file's content.
    ///
    /// # Errors
    /// [`GitError::NotFound`], or [`GitError::TooLarge`] over 64 MiB.
    pub async fn blob(&self, id: BlobId) -> Result<Vec<u8>, GitError> {
        self.blobs(vec![id]).await.map(|mut blobs| blobs.pop().expect("one was asked for"))
    }

    /// Reads files' contents, in the order of the names.
    ///
    /// # Errors
    /// As [`Self::blob`].
    pub async fn blobs(&self, ids: Vec<BlobId>) -> Result<Vec<Vec<u8>>, GitError> {
        self.objects(move |folder| objects::blobs(folder, &ids, usize::MAX)).await
    }

    /// Reads the contents of as many of the files, from the first one on, as it takes to have more than `limit`
    /// bytes, so that memory is bounded; of one at least.
    ///
    /// # Errors
    /// As [`Self::blob`].
    pub async fn some_blobs(&self, ids: Vec<BlobId>, limit: usize) -> Result<Vec<Vec<u8>>, GitError> {
        self.objects(move |folder| objects::blobs(folder, &ids, limit)).await
    }

    /// Reads the contents of those files that have at most so many bytes, in the order of their names given.
    ///
    /// # Errors
    /// As [`Self::blobs`].
    pub async fn small_blobs(&self, ids: Vec<BlobId>, most: usize) -> Result<Vec<Option<Vec<u8>>>, GitError> {
        self.objects(move |folder| objects::small_blobs(folder, &ids, most)).await
    }

    /// Returns those of the files' contents that the cache does not have.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub async fn missing(&self, ids: Vec<BlobId>) -> Result<Vec<BlobId>, GitError> {
        self.work(move |objects| {
            let reader = objects.reader()?;
            let is_lost = |id: &BlobId| reader.has(*id).map(|is_here| (!is_here).then_some(*id));
            ids.iter().filter_map(|id| is_lost(id).transpose()).collect()
        })
        .await
    }

    /// Returns whether the cache has the commit.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub async fn has_commit(&self, commit: CommitId) -> Result<bool, GitError> {
        self.objects(move |folder| objects::has_commit(folder, commit)).await
    }

    /// Returns whether `ancestor` is `descendant` or in its history.
    ///
    /// # Errors
    /// [`GitError::NotFound`] where the cache lacks one of the two.
    pub async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, GitError> {
        self.objects(move |folder| objects::is_ancestor(folder, ancestor, descendant)).await
    }

    /// Writes a commit that changes files below a folder of its parent and nothing else; a change without a blob
    /// removes. Folders left without a file go. Returns `None` where nothing would change. On the disk when this
    /// returns; no ref is moved. The committer is that of the settings, and the author as well where none is given.
    ///
    /// # Errors
    /// [`GitError::NotAFolder`] and [`GitError::NotAFile`] where the tree has something else under a name;
    /// [`GitError::NotFound`] without the parent.
    pub async fn commit_tree(
        &self,
        parent: Option<CommitId>,
        path: &RepoPath,
        changes: &BTreeMap<PackagePath, Option<BlobId>>,
        message: &str,
        author: Option<&str>,
        when: DateTime<Utc>,
    ) -> Result<Option<CommitId>, GitError> {
        let (path, changes, message) = (path.clone(), changes.clone(), message.to_owned());
        let edit = commit::Edit { parent, path, changes, message, when };
        let committer = self.0.settings.author.clone();
        let author =
            author.and_then(|author| Author::parse(author).ok()).unwrap_or_else(|| committer.clone());
        self.objects(move |folder| commit::commit(folder, &author, &committer, &edit)).await
    }

    /// Runs blocking work that reads and writes contents as it goes.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn work<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Objects<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        self.objects(move |folder| work(&Objects(folder))).await
    }

    /// Runs blocking work on the cache's objects.
    async fn objects<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Path) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let _shared = self.0.files.read().await;
        let folder = self.0.settings.folder.clone();
        blocking::run(move || work(&folder)).await
    }
}

#[cfg(test)]
mod tests;
