//! What `status` tells of a project: the saved state in the words that scripts depend on.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;

use super::basis;
use super::oid::CommitId;
use super::path::PackagePath;
use super::plan::Pair;
use super::project::Project;
use super::state::{Flagged, Phase, RecipeResult, Stall, State, Trouble, Verdict};
use crate::secrets::{Finding, Level};

/// How long a failure may pass by itself before a project counts as stalled: as long as `sync` tries by default.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// Where a project stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not looked at yet.
    Never,
    /// Both sides mean the same.
    InSync,
    /// Something is to be done, and it will be.
    Pending,
    /// The sides differ, and the direction that would mend it is not configured, or an import cannot.
    Drift,
    /// Both sides moved, differently.
    Conflict,
    /// It does not go on until its input changes or a person acts.
    Stalled,
}

impl Standing {
    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::InSync => "in_sync",
            Self::Pending => "pending",
            Self::Drift => "drift",
            Self::Conflict => "conflict",
            Self::Stalled => "stalled",
        }
    }
}

/// One project's entry in `status --json`. Keys may be added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The project's name.
    pub project: String,
    /// Where it stands.
    pub state: Standing,
    /// What is in flight: `idle`, `exporting` or `importing`.
    pub phase: &'static str,
    /// The last look at the workspace.
    pub workspace: Option<WorkspaceStatus>,
    /// The branch as last planned with.
    pub branch: Option<BranchStatus>,
    /// The last export.
    pub last_export: Option<ExportStatus>,
    /// The last full export; looks since then may have done without one.
    pub full_export: Option<FullExportStatus>,
    /// The last import with a verdict.
    pub last_import: Option<ImportStatus>,
    /// Paths that both sides moved.
    pub conflicts: Vec<PackagePath>,
    /// Paths deleted on the branch and still in the workspace.
    pub to_prune: Vec<PackagePath>,
    /// Paths that differ where the direction that would mend it is not configured.
    pub drift: Vec<PackagePath>,
    /// What the files hold that must perhaps not get into git; never the value.
    pub secrets: Vec<SecretStatus>,
    /// The ref of the upstream that shows the workspace's side of the conflicts, to be merged.
    pub workspace_side: Option<String>,
    /// Why it does not go on.
    pub stalled: Option<Stall>,
    /// What is failing and tried again.
    pub failing: Option<Trouble>,
    /// When it is looked at next.
    pub next: Option<String>,
}

/// The last look at the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkspaceStatus {
    /// When it was looked at: when the export that showed it was asked for, or the list that showed no change since.
    pub seen_at: String,
    /// How many files it held.
    pub files: usize,
}

/// A branch and its tip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BranchStatus {
    /// The branch.
    pub name: String,
    /// Its tip.
    pub commit: Option<CommitId>,
}

/// The last export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportStatus {
    /// When it was looked at.
    pub at: String,
    /// Its package.
    pub package: Option<u64>,
    /// The commit that was made of it, if any.
    pub commit: Option<CommitId>,
}

/// The last full export, and the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FullExportStatus {
    /// When the last one was looked at.
    pub at: String,
    /// From when on a look is one again, whatever the folder's list says; nothing where the next look is one anyway.
    pub due: Option<String>,
}

/// The last import with a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportStatus {
    /// When the verdict was given.
    pub at: String,
    /// The import job.
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

/// Something in a file that must perhaps not get into git.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretStatus {
    /// The file.
    pub path: PackagePath,
    /// Its line, from 1.
    pub line: u32,
    /// The rule's name.
    pub kind: String,
    /// How sure it is: `certain`, `likely` or `personal`.
    pub level: Level,
    /// Whether the file is held back: git keeps what it has.
    pub held: bool,
}

/// Returns a time as scripts read it: RFC 3339, UTC, whole seconds.
#[must_use]
pub fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Returns why a project does not go on, if it does not: a stall, a failed import, or a failure that does not pass.
#[must_use]
pub fn stall(state: &State, now: DateTime<Utc>) -> Option<Stall> {
    if let Some(stall) = &state.stalled {
        return Some(stall.clone());
    }
    if let Some(refusal) = state.refusals.last() {
        let reason = format!("import of commit {}: {}", refusal.commit.short(), refusal.reason);
        let hint = "commit a correction, change the workspace, or run `recipesync resolve` to try again or let it be";
        return Some(Stall { reason, hint: Some(hint.to_owned()) });
    }
    if let Some((path, flagged)) = state.secrets.iter().find(|(_, flagged)| flagged.held) {
        let (line, kind) = flagged.findings.first().map_or((0, ""), |finding| (finding.line, &*finding.kind));
        let held = state.secrets.values().filter(|flagged| flagged.held).count();
        let more = if held > 1 { format!(" ({} more files are held back)", held - 1) } else { String::new() };
        let reason = format!("{path} line {line} holds a secret ({kind}) and is not committed{more}");
        let hint = "take it out in Workato, and revoke it if others could see it; a false alarm is settled by secrets_allow in the \
                    configuration, or by a comment `recipesync:allow` on that line of connector source";
        return Some(Stall { reason, hint: Some(hint.to_owned()) });
    }
    let trouble = state.trouble.as_ref().filter(|trouble| now - trouble.since >= PATIENCE)?;
    Some(Stall { reason: trouble.reason.clone(), hint: trouble.hint.clone() })
}

/// Returns where a project stands.
#[must_use]
pub fn standing(state: &State, now: DateTime<Utc>) -> Standing {
    let never = state.seen.is_none();
    if state.stalled.is_some() {
        Standing::Stalled
    } else if matches!(state.phase, Phase::Importing { .. }) || state.attempt.is_some() {
        Standing::Pending
    } else if stall(state, now).is_some() {
        Standing::Stalled
    } else if never {
        if state.trouble.is_some() || state.phase != Phase::Idle {
            Standing::Pending
        } else {
            Standing::Never
        }
    } else if !state.conflicts.is_empty() {
        Standing::Conflict
    } else if state.waiting > 0 || state.trouble.is_some() {
        Standing::Pending
    } else if !state.drift.is_empty() || !state.to_prune.is_empty() {
        Standing::Drift
    } else {
        Standing::InSync
    }
}

/// Returns when a project comes to count as stalled by time alone: where it fails, and has not failed for so long yet.
#[must_use]
pub fn stalls_at(state: &State, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let at = state.trouble.as_ref()?.since + PATIENCE;
    (at > now && standing(state, at) == Standing::Stalled).then_some(at)
}

/// Returns what `status` tells.
#[must_use]
pub fn status(project: &Project, state: &State, now: DateTime<Utc>, next: Option<DateTime<Utc>>) -> Status {
    let name = project.name.as_str();
    let paths = |map: &std::collections::BTreeMap<PackagePath, Pair>| map.keys().cloned().collect();
    Status {
        project: name.to_owned(),
        state: standing(state, now),
        phase: match state.phase {
            Phase::Idle => "idle",
            Phase::Exporting { .. } => "exporting",
            Phase::Importing { .. } => "importing",
        },
        workspace: state
            .seen
            .as_ref()
            .map(|seen| WorkspaceStatus { seen_at: stamp(seen.at), files: seen.files }),
        branch: state
            .branch
            .as_ref()
            .map(|branch| BranchStatus { name: branch.name.clone(), commit: branch.commit }),
        last_export: state.last_export.as_ref().map(|last| ExportStatus {
            at: stamp(last.at),
            package: last.package,
            commit: last.commit,
        }),
        full_export: full_export(project, state),
        last_import: state.last_import.as_ref().map(|last| ImportStatus {
            at: stamp(last.at),
            package: last.package,
            commit: last.commit,
            verdict: last.verdict,
            reason: last.reason.clone(),
            recipes: last.recipes.clone(),
        }),
        conflicts: paths(&state.conflicts),
        to_prune: paths(&state.to_prune),
        drift: paths(&state.drift),
        secrets: secrets(state),
        workspace_side: state.offered.map(|_| format!("refs/recipesync/{name}")),
        stalled: stall(state, now),
        failing: state.trouble.clone(),
        next: next.map(stamp),
    }
}

fn full_export(project: &Project, state: &State) -> Option<FullExportStatus> {
    let last = state.last_export.as_ref().filter(|last| last.package.is_some())?;
    let basis = state.basis.as_ref().filter(|_| !state.full && !project.full_export.is_zero());
    let due = basis.map(|basis| stamp(basis::due(basis, project.full_export)));
    Some(FullExportStatus { at: stamp(last.at), due })
}

fn secrets(state: &State) -> Vec<SecretStatus> {
    let of_file = |(path, flagged): (&PackagePath, &Flagged)| {
        let (path, held) = (path.clone(), flagged.held);
        let findings = flagged.findings.clone().into_iter();
        findings.map(move |Finding { line, kind, level }| SecretStatus {
            path: path.clone(),
            line,
            kind: kind.into_owned(),
            level,
            held,
        })
    };
    state.secrets.iter().flat_map(of_file).collect()
}

/// Returns whether something waits for a person that is not a plain failure: exit code 2 rather than 1.
#[must_use]
pub fn waits(state: &State) -> bool {
    !state.conflicts.is_empty()
        || !state.drift.is_empty()
        || !state.to_prune.is_empty()
        || !state.refusals.is_empty()
        || state.secrets.values().any(|flagged| flagged.held)
}
