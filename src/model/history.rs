//! What was exported and imported, by whom, with what outcome: the lines of `history`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::oid::CommitId;
use super::state::{RecipeResult, Verdict};

/// Which way files went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// From the workspace to git.
    Export,
    /// From git to the workspace.
    Import,
}

/// One export that made a commit, or one import with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was settled.
    pub at: DateTime<Utc>,
    /// Which way files went.
    pub kind: EventKind,
    /// The platform's package.
    pub package: Option<u64>,
    /// The commit that was made, or that was imported.
    pub commit: Option<CommitId>,
    /// What became of an import.
    pub verdict: Option<Verdict>,
    /// What it was: `2 recipes changed, 1 added`, or a commit's subject.
    pub summary: String,
    /// What was changed, or was to be by an import, a line each with the file that it is of; where it is a few files.
    #[serde(default)]
    pub changes: Vec<String>,
    /// Who: the author of the commit.
    pub by: String,
    /// Why, where it did not just work.
    pub reason: Option<String>,
    /// Every recipe's result.
    pub recipes: Vec<RecipeResult>,
}
