//! Bringing to git what goes to git: a commit for each author, one on the other, and one push.
//!
//! What goes there was decided before. Until the push the commits are objects that nobody sees: a process that is
//! killed between two of them makes them anew.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tracing::debug;

use super::branch::Branch;
use super::briefs::{briefs, told};
use super::carry::Export;
use super::error::StepError;
use super::{Wiring, authors};
use crate::git::{GitError, Turn};
use crate::model::edits::{Changes, Edit, Part, parts};
use crate::model::history::{Event, EventKind};
use crate::model::message::{self, Origin};
use crate::model::path::PackagePath;
use crate::model::plan::Plan;
use crate::model::project::Source;
use crate::model::state::{Revision, State};

/// What the upstream has taken.
pub(super) struct Pushed {
    pub(super) revision: Revision,
    /// One for each commit that was made, the oldest first; none where the branch was only started.
    pub(super) events: Vec<Event>,
}

/// What the tries of one look share.
#[derive(Default)]
pub(super) struct Tries {
    turn: Option<Turn>,
    edits: Option<BTreeMap<PackagePath, Edit>>,
}

/// Commits changes to a branch and pushes the commits, or starts the branch where it holds them all by that; answers
/// `None` where there is nothing to push. Projects of one repository take turns, from what they read to the push, so
/// that they lose no race against each other; who had to wait for its turn keeps it and reads again. Nobody waits for
/// the workspace in their turn.
#[expect(clippy::too_many_arguments, reason = "the parts of one look, each used once")]
pub(super) async fn push(
    wiring: &Wiring,
    tries: &mut Tries,
    branch: &Branch,
    plan: &Plan,
    changes: &Changes,
    state: &State,
    export: Export,
    now: DateTime<Utc>,
) -> Result<Option<Pushed>, StepError> {
    let git = &wiring.repository;
    let name = branch.revision.name.clone();
    if changes.is_empty() {
        let start = branch.start().filter(|_| plan.to_workspace.is_empty());
        let Some(start) = start else { return Ok(None) };
        git.push(start, &branch.name).await?;
        let tree = git.path_tree(start, &wiring.project.path).await?;
        return Ok(Some(Pushed {
            revision: Revision { name, commit: Some(start), tree },
            events: Vec::new(),
        }));
    }
    if let Some(odd) = branch.odd.iter().find(|odd| changes.keys().any(|path| path.as_str() == odd.name)) {
        return Err(branch.refuse(odd));
    }
    if tries.edits.is_none() {
        tries.edits = Some(authors::edits(wiring, state, changes).await?);
    }
    if tries.turn.is_none() {
        let (given, waited) = git.turn().await;
        tries.turn = Some(given);
        if waited {
            return Err(GitError::Raced { name: branch.name.to_string() }.into());
        }
    }
    let edits = tries.edits.as_ref().expect("just asked for");
    let briefs = briefs(wiring, &branch.files, changes).await?;
    let events = commit(wiring, branch, parts(changes, edits, &briefs), state, export, now).await?;
    let Some(commit) = events.last().and_then(|event| event.commit) else { return Ok(None) };
    debug!(%commit, commits = events.len(), "committed");
    git.push(commit, &branch.name).await?;
    debug!(%commit, "pushed");
    let tree = git.path_tree(commit, &wiring.project.path).await?;
    Ok(Some(Pushed { revision: Revision { name, commit: Some(commit), tree }, events }))
}

/// Makes the commits, and tells each.
async fn commit(
    wiring: &Wiring,
    branch: &Branch,
    parts: Vec<Part>,
    state: &State,
    export: Export,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, StepError> {
    let git = &wiring.repository;
    let manifest = match wiring.project.source {
        Source::Manifest(id) => Some(id),
        Source::Folder(_) => state.manifest,
    };
    let origin = Origin { project: wiring.project.name.as_str(), package: export.package, manifest };
    let mut tip = branch.base;
    let mut events = Vec::new();
    for part in parts {
        let assets = message::assets(&branch.files, &part.changes);
        let text = message::message(origin, &assets, &part.notes);
        let author = part.by.as_deref();
        let made = git.commit_tree(tip, &wiring.project.path, &part.changes, &text, author, now).await?;
        let Some(commit) = made else { continue };
        tip = Some(commit);
        events.push(Event {
            at: now,
            kind: EventKind::Export,
            package: export.package,
            commit: Some(commit),
            verdict: None,
            summary: message::summary(&assets),
            changes: told(&assets, part.notes.iter().map(|(path, note)| (path, &note.changes))),
            by: part.by.unwrap_or_else(|| git.author().to_owned()),
            reason: None,
            recipes: Vec::new(),
        });
    }
    Ok(events)
}
