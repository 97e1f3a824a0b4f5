//! Watching the refs of local upstreams: a hint that a branch has moved, within milliseconds.
//!
//! An event only means "look now". A push replaces the ref file and `pack-refs` removes it, so that the folder is
//! watched and not the file; our own reading fires access events, which are left out. What is missed here is
//! found by the next poll.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::watch;
use tracing::{debug, warn};

/// The watchers of all local upstreams; dropping it ends them.
#[derive(Debug, Default)]
pub(super) struct Watches {
    watchers: Vec<RecommendedWatcher>,
}

impl Watches {
    /// Watches local upstreams, each a repository's name with its git folder. The names of those whose refs may have
    /// moved are put into `moved`, once each until they are taken out.
    pub(super) fn of<'a>(
        upstreams: impl Iterator<Item = (&'a String, &'a PathBuf)>,
        moved: &watch::Sender<BTreeSet<String>>,
    ) -> Self {
        let mut watches = Self::default();
        upstreams.for_each(|(repository, folder)| watches.add(repository, folder, moved.clone()));
        watches
    }

    fn add(&mut self, repository: &str, git_folder: &Path, moved: watch::Sender<BTreeSet<String>>) {
        let name = repository.to_owned();
        let made = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let is_hint = match event {
                Ok(event) => !matches!(event.kind, EventKind::Access(_)) && is_ref(&event.paths),
                // An overflowing queue has dropped events: look.
                Err(_) => true,
            };
            if is_hint {
                moved.send_if_modified(|names| names.insert(name.clone()));
            }
        });
        let mut watcher = match made {
            Ok(watcher) => watcher,
            Err(error) => return warn!(repository, %error, "cannot watch for commits; polling goes on"),
        };
        for (folder, mode) in [
            (git_folder.join("refs/heads"), RecursiveMode::Recursive),
            (git_folder.join("reftable"), RecursiveMode::NonRecursive),
            (git_folder.to_owned(), RecursiveMode::NonRecursive),
        ] {
            if let Err(error) = watcher.watch(&folder, mode) {
                debug!(repository, folder = %folder.display(), %error, "not watched");
            }
        }
        self.watchers.push(watcher);
    }
}

/// Returns whether an event may be about a branch: in the repository's own folder only `packed-refs` is.
fn is_ref(paths: &[PathBuf]) -> bool {
    paths.is_empty()
        || paths.iter().any(|path| {
            let parts = |name: &str| path.components().any(|part| part.as_os_str() == name);
            let is_lock = path.extension().is_some_and(|extension| extension == "lock");
            !is_lock && (parts("heads") || parts("reftable") || path.ends_with("packed-refs"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_a_branch_is_a_hint() {
        let is = |path: &str| is_ref(&[PathBuf::from(path)]);
        assert!(
            is("/r.git/refs/heads/main") && is("/r.git/packed-refs") && is("/r.git/reftable/tables.list")
        );
        assert!(!is("/r.git/refs/heads/main.lock") && !is("/r.git/FETCH_HEAD") && !is("/r.git/index"));
        assert!(is_ref(&[]), "an event without a path may be about anything");
    }
}
