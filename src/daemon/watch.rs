//! Watching the refs of local upstreams: a hint that a branch has moved, within milliseconds.
//!
//! An event only means "look now". A push replaces the ref file and `pack-refs` removes it, so that the folder is
//! watched and not the file; our own reading fires access events, which are left out. What is missed here is
//! found by the next poll.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::watch;
use tracing::{debug, warn};

/// The watching of all local upstreams; dropping it ends it.
#[derive(Debug)]
pub(super) struct Watches {
    #[expect(dead_code, reason = "held, not read")]
    watcher: Option<RecommendedWatcher>,
}

impl Watches {
    /// Watches local upstreams, each a repository's name with its git folder. The names of those whose refs may have
    /// moved are put into `moved`, once each until they are taken out.
    pub(super) fn of<'a>(
        upstreams: impl Iterator<Item = (&'a String, &'a PathBuf)>,
        moved: &watch::Sender<BTreeSet<String>>,
    ) -> Self {
        let upstreams = Upstreams::of(upstreams);
        let folders: Vec<PathBuf> = upstreams.names.keys().cloned().collect();
        if folders.is_empty() {
            return Self { watcher: None };
        }
        let moved = moved.clone();
        // One for all: each takes a thread, and of the 128 that a user may have by default others want some.
        let made = notify::recommended_watcher(move |event| {
            let hinted = upstreams.hinted(event);
            moved.send_if_modified(|names| {
                let before = names.len();
                names.extend(hinted);
                names.len() > before
            });
        });
        match made {
            Ok(mut watcher) => {
                watch_all(&mut watcher, &folders);
                Self { watcher: Some(watcher) }
            }
            Err(error) => {
                warn!(%error, "cannot watch for commits; polling goes on");
                Self { watcher: None }
            }
        }
    }
}

fn watch_all(watcher: &mut RecommendedWatcher, git_folders: &[PathBuf]) {
    for git_folder in git_folders {
        for (folder, mode) in [
            (git_folder.join("refs/heads"), RecursiveMode::Recursive),
            (git_folder.join("reftable"), RecursiveMode::NonRecursive),
            (git_folder.clone(), RecursiveMode::NonRecursive),
        ] {
            let Err(error) = watcher.watch(&folder, mode) else { continue };
            if matches!(error.kind, ErrorKind::MaxFilesWatch) {
                // Whatever follows cannot be watched either.
                let hint = "raise fs.inotify.max_user_watches";
                return warn!(from = %folder.display(), hint, "cannot watch all upstreams; polling goes on");
            }
            debug!(folder = %folder.display(), %error, "not watched");
        }
    }
}

/// The names of the repositories by the git folder of their upstream; several may share one.
struct Upstreams {
    names: HashMap<PathBuf, Vec<String>>,
}

impl Upstreams {
    fn of<'a>(upstreams: impl Iterator<Item = (&'a String, &'a PathBuf)>) -> Self {
        let mut names: HashMap<PathBuf, Vec<String>> = HashMap::new();
        for (repository, folder) in upstreams {
            names.entry(folder.clone()).or_default().push(repository.clone());
        }
        Self { names }
    }

    /// Returns the repositories whose branches an event may be about.
    fn hinted(&self, event: notify::Result<Event>) -> Vec<String> {
        let paths = match event {
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => return Vec::new(),
            Ok(event) => event.paths,
            Err(_) => Vec::new(),
        };
        if paths.is_empty() {
            // An overflowing queue has dropped events: look everywhere.
            return self.names.values().flatten().cloned().collect();
        }
        let refs = paths.iter().filter(|path| is_ref(path));
        let of_path = refs.flat_map(|path| path.ancestors()).filter_map(|folder| self.names.get(folder));
        of_path.flatten().cloned().collect()
    }
}

/// Returns whether a path may be about a branch: in the repository's own folder only `packed-refs` is.
fn is_ref(path: &Path) -> bool {
    let parts = |name: &str| path.components().any(|part| part.as_os_str() == name);
    let is_lock = path.extension().is_some_and(|extension| extension == "lock");
    !is_lock && (parts("heads") || parts("reftable") || path.ends_with("packed-refs"))
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, CreateKind, Flag};

    use super::*;

    fn hinted(kind: EventKind, paths: &[&str]) -> Vec<String> {
        let upstreams = [("a", "/a.git"), ("b", "/b.git"), ("same", "/b.git")]
            .map(|(name, folder)| (name.to_owned(), PathBuf::from(folder)));
        let upstreams = Upstreams::of(upstreams.iter().map(|(name, folder)| (name, folder)));
        let event = paths.iter().fold(Event::new(kind), |event, path| event.add_path(PathBuf::from(path)));
        let mut names = upstreams.hinted(Ok(event));
        names.sort();
        names
    }

    #[test]
    fn only_what_may_be_a_branch_is_a_hint() {
        let is = |path: &str| is_ref(Path::new(path));
        assert!(
            is("/r.git/refs/heads/main") && is("/r.git/packed-refs") && is("/r.git/reftable/tables.list")
        );
        assert!(!is("/r.git/refs/heads/main.lock") && !is("/r.git/FETCH_HEAD") && !is("/r.git/index"));
    }

    #[test]
    fn an_event_hints_those_whose_upstream_it_is_of() {
        let made = EventKind::Create(CreateKind::File);
        assert_eq!(hinted(made, &["/a.git/refs/heads/x/y"]), ["a"]);
        assert_eq!(hinted(made, &["/b.git/refs/heads/main.lock", "/b.git/refs/heads/main"]), ["b", "same"]);
        assert!(hinted(made, &["/c.git/refs/heads/main"]).is_empty());
        assert!(hinted(EventKind::Access(AccessKind::Read), &["/a.git/refs/heads/main"]).is_empty());
    }

    #[test]
    fn events_that_were_dropped_may_be_about_anything() {
        assert_eq!(hinted(EventKind::Other, &[]), ["a", "b", "same"]);
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        let a = ("a".to_owned(), PathBuf::from("/a.git"));
        let upstreams = || Upstreams::of([(&a.0, &a.1)].into_iter());
        assert_eq!(upstreams().hinted(Ok(overflow)), ["a"]);
        assert_eq!(upstreams().hinted(Err(notify::Error::generic("lost"))), ["a"]);
    }
}
