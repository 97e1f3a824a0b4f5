//! Showing the workspace's side of a conflict in git, so that a person can settle it with git's own means.
//!
//! It is a commit on top of the last tip without a conflict, under `refs/recipesync/PROJECT`: no branch, and
//! nothing depends on it. `git fetch origin refs/recipesync/PROJECT && git merge FETCH_HEAD` merges the two sides,
//! and the merged branch has seen the workspace. Files that hold secrets are left out. With two branches the export
//! branch shows it already.

use std::collections::BTreeMap;

use tracing::debug;

use super::error::{StepError, chain};
use super::sides::Sides;
use super::{Now, Wiring, screen};
use crate::git::GitError;
use crate::model::branch::BranchName;
use crate::model::oid::{BlobId, CommitId};
use crate::model::path::PackagePath;
use crate::model::plan::{Pair, Plan};
use crate::model::project::Mode;
use crate::model::state::{Record, Records, State};

/// Pushes the workspace's side of new conflicts. An upstream that does not take it loses only this convenience.
pub(super) async fn offer(
    wiring: &Wiring,
    state: &mut State,
    sides: &Sides,
    conflicts: &BTreeMap<PackagePath, Pair>,
    now: Now,
) {
    if conflicts.is_empty() {
        state.offered = None;
        return;
    }
    if wiring.mode() == Mode::TwoBranches || state.offered.is_some() && state.conflicts == *conflicts {
        return;
    }
    let shown: BTreeMap<PackagePath, Option<BlobId>> = conflicts
        .iter()
        .filter(|(path, _)| !screen::stays_out(wiring, state, path))
        .map(|(path, pair)| (path.clone(), pair.workspace))
        .collect();
    if shown.is_empty() {
        state.offered = None;
        return;
    }
    match push(wiring, state.calm, sides, &shown, now).await {
        Ok(offered) => state.offered = offered,
        Err(error) => {
            state.offered = None;
            debug!("the workspace's side of the conflict is not shown in git: {}", chain(&error));
        }
    }
}

async fn push(
    wiring: &Wiring,
    calm: Option<CommitId>,
    sides: &Sides,
    side: &BTreeMap<PackagePath, Option<BlobId>>,
    now: Now,
) -> Result<Option<CommitId>, StepError> {
    let git = &wiring.repository;
    let Some(tip) = sides.watched.revision.commit else { return Ok(None) };
    let name = BranchName::parse(wiring.project.name.as_str()).map_err(|_| GitError::Unsupported {
        what: "the project's name".into(),
        reason: "it is no ref".into(),
    })?;
    let parent = match calm {
        Some(calm) if super::sides::is_contained(wiring, calm, tip).await? => calm,
        _ => tip,
    };
    let text = format!("{}: the workspace's side of a conflict\n", wiring.project.name);
    let made = git.commit_tree(Some(parent), &wiring.project.path, side, &text, None, now.time).await?;
    let commit = made.unwrap_or(parent);
    git.push_ref(commit, &name, true).await?;
    Ok(Some(commit))
}

/// Notes since when a path is in conflict: what is committed later may settle it.
pub(super) fn dispute(records: &mut Records, plan: &Plan, tip: Option<CommitId>) {
    for (path, record) in &mut records.paths {
        if !plan.conflicts.contains_key(path) {
            record.disputed = None;
        }
    }
    for path in plan.conflicts.keys() {
        let record = records.paths.entry(path.clone()).or_default();
        record.disputed = record.disputed.or(tip);
    }
    records.paths.retain(|_, record| *record != Record::default());
}
