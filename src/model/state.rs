//! Where a project is: what was seen, what was agreed, what is in flight, what waits.
//!
//! These are the values that a restart finds again. They are plain data: the steps of `sync` make the next ones,
//! the loop saves them before anything else happens.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::basis::Basis;
use super::oid::{BlobId, CommitId, TreeId};
use super::path::PackagePath;
use super::plan::{Base, Decision, Files, Pair};
use crate::secrets::Finding;

/// A project's saved state, without its files: small, and kept in memory by the loop.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// What the state is about: workspace, source, repository, path, branches. A changed configuration makes
    /// another pairing, of which nothing is known.
    pub pairing: String,
    /// The workspace that the token belonged to at the first look.
    pub workspace_id: Option<u64>,
    /// What is in flight.
    pub phase: Phase,
    /// The last look at the workspace.
    pub seen: Option<Seen>,
    /// The branch as last planned with: the import's where there is one.
    pub branch: Option<Revision>,
    /// The manifest that the daemon keeps for a folder.
    pub manifest: Option<u64>,
    /// Whether a plan was ever carried out.
    pub established: bool,
    /// Whether the workspace is to be looked at now, whatever the schedule says.
    pub look: bool,
    /// When the schedule asks for the next look.
    pub due: Option<DateTime<Utc>>,
    /// The import whose verdict is still open.
    pub attempt: Option<Attempt>,
    /// Imports that failed and are not tried again as they were.
    pub refusals: Vec<Refusal>,
    /// Both sides moved, differently.
    pub conflicts: BTreeMap<PackagePath, Pair>,
    /// Deleted on the branch, still in the workspace.
    pub to_prune: BTreeMap<PackagePath, Pair>,
    /// Differs, and the direction that would mend it is not configured.
    pub drift: BTreeMap<PackagePath, Pair>,
    /// What a guard holds back until a person has looked.
    pub guarded: BTreeMap<PackagePath, Pair>,
    /// What the files hold that must perhaps not get into git: those that stay out of it, and those that are only told.
    pub secrets: BTreeMap<PackagePath, Flagged>,
    /// The watched branch's tip at the last look that left no conflict.
    pub calm: Option<CommitId>,
    /// The branch's tip, or the commit of ours that became it, at the last look that was saved. A commit of ours that
    /// follows it was pushed by a process that did not get to save that.
    pub pushed: Option<CommitId>,
    /// The first export that was asked for since the project has this state: a commit of ours that is older was made
    /// before the state was lost, or by another pairing. Not said by older versions.
    pub begun: Option<Begun>,
    /// The commit that shows the workspace's side of the conflicts, pushed to `refs/recipesync/PROJECT`.
    pub offered: Option<CommitId>,
    /// Names the package and the branches of the last look, where it has changed no record and has left nothing to
    /// do: another look at the same leads to nothing again.
    pub rest: Option<String>,
    /// What a look without an export can rest on: written at the end of a full one, gone as soon as another look has
    /// begun, but for one that was stopped before it had asked for an export.
    pub basis: Option<Basis>,
    /// Whether a person asked for a full export that has not been asked for since.
    pub full: bool,
    /// How often in a row an import was put off because the folder was saved to since.
    pub relooks: u8,
    /// How many paths are still to be carried to either side.
    pub waiting: usize,
    /// Why the project does not go on, until its input changes or a person acts.
    pub stalled: Option<Stall>,
    /// What is failing and tried again by itself.
    pub trouble: Option<Trouble>,
    /// The last export that was looked at.
    pub last_export: Option<LastExport>,
    /// The last import that has a verdict.
    pub last_import: Option<LastImport>,
}

/// What is in flight.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum Phase {
    /// Nothing.
    #[default]
    Idle,
    /// An export job.
    Exporting {
        /// The package that is being built.
        package: u64,
        /// When it was asked for.
        since: DateTime<Utc>,
        /// How often it was polled.
        polls: u32,
        /// Whether it is known to be complete.
        done: bool,
        /// When it was last known not to be complete.
        running: DateTime<Utc>,
        /// The process that asked for it: what happened while none ran is not in it.
        run: u64,
        /// The signature of the folder's list before it was asked for; none where no folder was listed.
        #[serde(default)]
        listed: Option<String>,
    },
    /// An import, asked for or about to be; the attempt says which.
    Importing {
        /// The import job; `None` before the platform has named it.
        package: Option<u64>,
        /// When the step began.
        since: DateTime<Utc>,
        /// How often it was polled.
        polls: u32,
    },
}

impl Phase {
    /// Returns the signature of the folder's list before the export that is in flight, if one is and a folder was listed.
    #[must_use]
    pub fn listed(self) -> Option<String> {
        match self {
            Self::Exporting { listed, .. } => listed,
            Self::Idle | Self::Importing { .. } => None,
        }
    }
}

/// A look at the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When the export that showed it was asked for.
    pub at: DateTime<Utc>,
    /// How many files it held.
    pub files: usize,
    /// Names the content as a whole: equal print, equal content.
    pub print: String,
}

/// A commit, and the tree of the project's path in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The branch.
    pub name: String,
    /// Its tip; `None` while the branch does not exist.
    pub commit: Option<CommitId>,
    /// The tree at the project's path; `None` while there is nothing.
    pub tree: Option<TreeId>,
}

/// The first export of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Its package.
    pub package: u64,
    /// When it was asked for.
    pub at: DateTime<Utc>,
}

/// An import on its way: what is sent is recorded before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The tip that it is made of.
    pub commit: CommitId,
    /// The files that it is about.
    pub paths: Files,
    /// What it changes, a line each with the file that it is of. Not said by older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// The process that recorded it: another one cannot know whether the request was sent.
    pub run: u64,
    /// Whether it waits for its turn, so that it is known that nothing was sent. Not said by older versions.
    #[serde(default)]
    pub queued: bool,
    /// When it was planned.
    pub at: DateTime<Utc>,
    /// The import job, once the platform has named it.
    pub package: Option<u64>,
    /// What came of it so far; `None` while it is under way.
    pub outcome: Option<Outcome>,
}

/// What the platform said of an import, before anybody looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It completed, and every recipe's result is a good one.
    Completed {
        /// Every recipe's result.
        recipes: Vec<RecipeResult>,
    },
    /// The platform refused it, it failed, or a recipe's result is bad.
    Rejected {
        /// Why.
        reason: String,
        /// Every recipe's result that was told.
        recipes: Vec<RecipeResult>,
    },
    /// Nobody knows: the answer was lost.
    Lost {
        /// What happened instead of an answer.
        reason: String,
    },
}

/// What an import did to one recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeResult {
    /// The recipe's id in the workspace.
    pub id: u64,
    /// The platform's word for it.
    pub result: String,
}

/// An import that failed: it waits for a new commit on its paths, a changed workspace, or a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The tip that the import was made of.
    pub commit: CommitId,
    /// What was sent and did not arrive, or arrived with a bad result.
    pub paths: Files,
    /// The workspace's print when the verdict was given.
    pub print: String,
    /// Why.
    pub reason: String,
}

/// A file of the workspace that holds what must perhaps not get into git.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flagged {
    /// The file as it was looked at.
    pub blob: BlobId,
    /// Whether it is held back: git keeps what it has.
    pub held: bool,
    /// What was found, the surest first.
    pub findings: Vec<Finding>,
}

/// Why a project does not go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stall {
    /// What happened, naming the thing.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A failure that is expected to pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// When it began.
    pub since: DateTime<Utc>,
    /// How often in a row.
    pub failures: u32,
    /// What happened last.
    pub reason: String,
    /// What to do if it does not pass.
    pub hint: Option<String>,
    /// Whether the export that it happened to was given up: then it is over when the workspace was seen.
    #[serde(default)]
    pub abandoned: bool,
    /// Whether the repository's cache was made anew meanwhile.
    #[serde(default)]
    pub healed: bool,
}

/// The last export that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastExport {
    /// When it was looked at.
    pub at: DateTime<Utc>,
    /// Its package; `None` where the folder was empty and nothing was exported.
    pub package: Option<u64>,
    /// The commit that was made of it, if any.
    pub commit: Option<CommitId>,
}

/// The last import that has a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastImport {
    /// When the verdict was given.
    pub at: DateTime<Utc>,
    /// The import job, if the platform named one.
    pub package: Option<u64>,
    /// The tip that it was made of.
    pub commit: CommitId,
    /// What became of it.
    pub verdict: Verdict,
    /// Why, where it did not just work.
    pub reason: Option<String>,
    /// Every recipe's result.
    pub recipes: Vec<RecipeResult>,
}

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The platform said yes, every recipe is well, and the workspace shows it.
    Applied,
    /// The platform refused it, or a recipe's result is bad.
    Rejected,
    /// The platform said yes, and the workspace does not show it.
    NoEffect,
    /// The outcome was lost; the workspace was looked at again.
    Unknown,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Applied => "applied",
            Self::Rejected => "rejected",
            Self::NoEffect => "no_effect",
            Self::Unknown => "unknown",
        })
    }
}

/// What is known of each path: large, loaded when a step needs it, saved when it changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Records {
    /// Per path, what is known from earlier looks.
    pub paths: BTreeMap<PackagePath, Record>,
    /// The entries of the last package, so that what has not changed is not read again.
    pub entries: BTreeMap<PackagePath, EntryPrint>,
}

/// What is known of one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The pair last seen to be the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// Our commit that recorded what the workspace holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<CommitId>,
    /// What was sent in an import and not yet seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<BlobId>,
    /// How often exactly this was sent.
    #[serde(skip_serializing_if = "is_zero")]
    pub tries: u8,
    /// What a person decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The watched branch's tip when both sides were first found to have moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disputed: Option<CommitId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(tries: &u8) -> bool {
    *tries == 0
}

/// What a zip said of an entry, and the file that it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPrint {
    /// CRC-32 of the content.
    pub crc: u32,
    /// Size of the content in bytes.
    pub size: u64,
    /// The seal of the packed bytes, by the key of the state that this is in.
    pub seal: u128,
    /// The file in canonical form; of spellings with equal content, the first that was seen.
    pub blob: BlobId,
}

/// When to come back to a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At once.
    Now,
    /// At a time, to go on with what is in flight.
    At(DateTime<Utc>),
    /// The project is at rest until this time.
    Settled(DateTime<Utc>),
}
