//! The quick end of a look: the workspace and the branches are as at a look that led to nothing, so this one leads
//! to nothing as well.
//!
//! What a plan is made from is the package, the branches and the records. Where a look left every path exactly as
//! agreed, the next one at the same package and branches finds nothing to decide. What a person settles changes the
//! records, and whoever does that forgets the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::error::StepError;
use super::observe::Entries;
use super::sides::Sides;
use super::{CURRENT, Now, Stepped, Wiring};
use crate::asset::kind::is_asset;
use crate::model::basis::Basis;
use crate::model::oid::{BlobId, TreeId};
use crate::model::path::PackagePath;
use crate::model::plan::{Base, Files, Pair};
use crate::model::project::Mode;
use crate::model::state::{LastExport, Next, Phase, Record, Records, Revision, State};

/// The project's branches as they are at one time.
pub(super) struct Tips {
    watched: Revision,
    /// With two branches, the export's.
    mirror: Option<Revision>,
}

impl Tips {
    /// Returns where the branches are after what was pushed to the one that exports go to.
    pub(super) fn after(sides: &Sides, pushed: Option<&Revision>) -> Self {
        let watched = pushed.filter(|_| sides.mirror.is_none()).unwrap_or(&sides.watched.revision).clone();
        let mirror = sides.mirror.as_ref().map(|mirror| pushed.unwrap_or(&mirror.revision).clone());
        Self { watched, mirror }
    }

    /// Names what the branches hold. With one branch its tree is enough. With two, a merge that changes no file may
    /// still say that the workspace's edits were seen, so the tips count.
    pub(super) fn name(&self, mode: Mode) -> String {
        match &self.mirror {
            Some(mirror) => format!("{mode:?} {:?} {:?}", self.watched.commit, mirror.commit),
            None => format!("{mode:?} {}", only_branch(self.watched.tree)),
        }
    }
}

/// Names what the next look would have to be at, to lead to nothing: where after this one every path is exactly as
/// agreed.
pub(super) fn after(
    records: &Records,
    sides: &Sides,
    changes: &BTreeMap<PackagePath, Option<BlobId>>,
    is_pushed: bool,
    package: &str,
    branches: &str,
) -> Option<String> {
    if !sides.watched.odd.is_empty() {
        return None;
    }
    let mut watched = sides.watched.files.clone();
    if is_pushed && sides.mirror.is_none() {
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
    Some(print(package, branches))
}

/// What the only branch holds at a tree.
#[derive(Debug)]
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
/// listed. From the saved rest and records alone, and nothing where the workspace has by now what was no content of
/// the branch then.
pub(super) fn branch(rest: Option<&str>, records: &Records, workspace: &Entries) -> Option<AtRest> {
    let (_, branch) = rest?.rsplit_once(' ')?;
    let was_content = |path: &PackagePath| is_asset(path) || records.paths.contains_key(path);
    if !workspace.keys().all(was_content) {
        return None;
    }
    let file = |(path, record): (&PackagePath, &Record)| match record.base {
        Some(Base::Agreed(pair)) => Some((path.clone(), pair.branch?)),
        _ => None,
    };
    Some(AtRest { branch: branch.to_owned(), files: records.paths.iter().filter_map(file).collect() })
}

/// Names what a look was at: the package's entries and the branches.
fn print(package: &str, branches: &str) -> String {
    format!("{package} {branches}")
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

/// Returns where the branches were so long ago at most; nothing where one of them is not there.
pub(super) async fn tips(
    wiring: &Wiring,
    state: &State,
    max_age: Duration,
    clock: Now,
) -> Result<Option<Tips>, StepError> {
    let refs = wiring.repository.refresh(max_age, clock.later_instant()).await?;
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
    Ok(Some(Tips { watched, mirror: tips.pop() }))
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
    let Some(rest) = state.rest.as_ref().filter(|_| !state.full) else { return Ok(None) };
    let Some(tips) = tips(wiring, state, CURRENT, clock).await? else { return Ok(None) };
    let branches = tips.name(wiring.mode());
    if *rest != print(entries, &branches) {
        return Ok(None);
    }
    let mut state = Box::new(state.clone());
    let listed = std::mem::take(&mut state.phase).listed();
    state.basis = listed.map(|listing| Basis { listing, branches, at: asked });
    state.last_export = Some(LastExport { at: clock.time, package: Some(package), commit: None });
    Ok(Some(settle(wiring, state, tips, asked, clock)))
}

/// Ends a look that has found nothing to do: both sides are as they were, as the workspace was at a time.
pub(super) fn settle(
    wiring: &Wiring,
    mut state: Box<State>,
    tips: Tips,
    seen: DateTime<Utc>,
    clock: Now,
) -> Stepped {
    wiring.workspace.note_listing(&wiring.project.name, None);
    let due = wiring.due_after(seen);
    state.phase = Phase::Idle;
    state.look = false;
    state.waiting = 0;
    // It stalled for what has passed.
    state.stalled = None;
    if let Some(last) = &mut state.seen {
        last.at = seen;
    }
    state.calm = tips.watched.commit;
    state.branch = Some(tips.watched);
    state.due = Some(due);
    Stepped::new(state, Next::Settled(due.min(clock.later() + wiring.poll)))
}
