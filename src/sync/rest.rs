//! The quick end of a look: the workspace and the branches are as at a look that led to nothing, so this one leads
//! to nothing as well.
//!
//! What a plan is made from is the package, the branches and the records. Where a look left every path exactly as
//! agreed, the next one at the same package and branches finds nothing to decide. What a person settles changes the
//! records, and whoever does that forgets the rest.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::error::StepError;
use super::observe::Entries;
use super::sides::Sides;
use super::{CURRENT, Now, Stepped, Wiring};
use crate::asset::kind::is_asset;
use crate::model::oid::{BlobId, TreeId};
use crate::model::path::PackagePath;
use crate::model::plan::{Base, Files, Pair};
use crate::model::project::Mode;
use crate::model::state::{LastExport, Next, Phase, Record, Records, Revision, State};

/// Names what the next look would have to be at, to lead to nothing: where after this one every path is exactly as
/// agreed.
pub(super) fn after(
    mode: Mode,
    records: &Records,
    sides: &Sides,
    changes: &BTreeMap<PackagePath, Option<BlobId>>,
    pushed: Option<&Revision>,
    package: &str,
) -> Option<String> {
    if !sides.watched.odd.is_empty() {
        return None;
    }
    let mut watched = sides.watched.files.clone();
    let pushed_to_mirror = pushed.filter(|_| sides.mirror.is_some());
    let pushed_to_watched = pushed.filter(|_| sides.mirror.is_none());
    if pushed_to_watched.is_some() {
        for (path, blob) in changes {
            match blob {
                Some(blob) => watched.insert(path.clone(), *blob),
                None => watched.remove(path),
            };
        }
    }
    let is_as_agreed = |(path, record): (&PackagePath, &Record)| {
        let now = Pair { workspace: sides.workspace.get(path).copied(), branch: watched.get(path).copied() };
        record.base == Some(Base::Agreed(now)) && record.sent.is_none()
    };
    let is_known = |path| records.paths.contains_key(path);
    if !sides.workspace.keys().chain(watched.keys()).all(is_known) || !records.paths.iter().all(is_as_agreed)
    {
        return None;
    }
    let mirror = sides.mirror.as_ref().map(|mirror| pushed_to_mirror.unwrap_or(&mirror.revision));
    Some(print(mode, package, pushed_to_watched.unwrap_or(&sides.watched.revision), mirror))
}

/// What the only branch holds at a tree.
pub(super) struct AtRest {
    /// The tree, as it was written down.
    branch: String,
    pub(super) files: Files,
}

impl AtRest {
    /// Returns whether that is what the branch holds at a tree.
    pub(super) fn is_of(&self, tree: Option<TreeId>) -> bool {
        tree.is_some() && self.branch == only_branch(tree)
    }
}

/// Returns what the only branch held at a look that left every path exactly as agreed: at the same tree it need not be
/// listed. From the saved state and records alone, and nothing where the workspace has by now what was no content of
/// the branch then.
pub(super) fn branch(state: &State, records: &Records, workspace: &Entries) -> Option<AtRest> {
    let (_, branch) = state.rest.as_ref()?.rsplit_once(' ')?;
    let was_content = |path: &PackagePath| records.paths.contains_key(path) || is_asset(path);
    if !workspace.keys().all(was_content) {
        return None;
    }
    let file = |(path, record): (&PackagePath, &Record)| match record.base {
        Some(Base::Agreed(pair)) => Some((path.clone(), pair.branch?)),
        _ => None,
    };
    Some(AtRest { branch: branch.to_owned(), files: records.paths.iter().filter_map(file).collect() })
}

/// Names what a look was at: the package's entries and the branches. With one branch its tree is enough. With two, a
/// merge that changes no file may still say that the workspace's edits were seen, so the tips count.
fn print(mode: Mode, package: &str, watched: &Revision, mirror: Option<&Revision>) -> String {
    let branches = match mirror {
        Some(mirror) => format!("{:?} {:?}", watched.commit, mirror.commit),
        None => only_branch(watched.tree),
    };
    format!("{mode:?} {package} {branches}")
}

fn only_branch(tree: Option<TreeId>) -> String {
    format!("{tree:?}")
}

/// Returns whether a look that ended like this has left nothing to do and nothing to tell.
pub(super) fn is_at_rest(state: &State) -> bool {
    let State { branch, attempt, refusals, conflicts, to_prune, drift, guarded, stalled, secrets, .. } =
        state;
    state.phase == Phase::Idle
        && !state.look
        && state.waiting == 0
        && attempt.is_none()
        && stalled.is_none()
        && refusals.is_empty()
        && !secrets.values().any(|flagged| flagged.held)
        && [conflicts, to_prune, drift, guarded].iter().all(|paths| paths.is_empty())
        && branch.as_ref().is_some_and(|branch| branch.commit.is_some())
}

/// Ends a look at a package with these entries, if it is one at the same things as a look that led to nothing.
pub(super) async fn end(
    wiring: &Wiring,
    state: &State,
    entries: &str,
    package: u64,
    asked: DateTime<Utc>,
    clock: Now,
) -> Result<Option<Stepped>, StepError> {
    let (Some(rest), Some(seen)) = (&state.rest, &state.seen) else { return Ok(None) };
    let refs = wiring.repository.refresh(CURRENT, clock.later_instant()).await?;
    let mut tips = Vec::new();
    for name in wiring.project.branches() {
        let Some(commit) = refs.tips.get(name).copied() else { return Ok(None) };
        let known = state.branch.as_ref().filter(|known| known.commit == Some(commit));
        let tree = match known {
            Some(known) => known.tree,
            None => wiring.repository.path_tree(commit, &wiring.project.path).await?,
        };
        tips.push(Revision { name: name.to_string(), commit: Some(commit), tree });
    }
    let watched = tips.pop().expect("a project has a branch");
    if *rest != print(wiring.mode(), entries, &watched, tips.first()) {
        return Ok(None);
    }
    wiring.workspace.note_listing(&wiring.project.name, None);
    let mut state = state.clone();
    let now = clock.later();
    let mut seen = seen.clone();
    seen.at = asked;
    let due = wiring.due_after(asked);
    state.phase = Phase::Idle;
    state.look = false;
    state.waiting = 0;
    // It stalled for what has passed.
    state.stalled = None;
    state.seen = Some(seen);
    state.last_export = Some(LastExport { at: clock.time, package: Some(package), commit: None });
    state.calm = watched.commit;
    state.branch = Some(watched);
    state.due = Some(due);
    Ok(Some(Stepped::new(state, Next::Settled(due.min(now + wiring.poll)))))
}
