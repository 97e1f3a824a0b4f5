//! What both sides hold, read and compared as far as a plan needs it: the reading half of deciding.
//!
//! Nothing here acts, and nothing here decides: [`Sides::plan`] hands everything to the pure plan.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::branch::Branch;
use super::error::StepError;
use super::observe::Entries;
use super::rest::{self, AtRest};
use super::{Now, Wiring};
use crate::asset::compare::{Digests, Level};
use crate::asset::kind::is_asset;
use crate::blocking;
use crate::model::message;
use crate::model::oid::{BlobId, CommitId};
use crate::model::path::PackagePath;
use crate::model::plan::{self, Base, Decision, Facts, Files, Input, Pair, Plan, Undecided};
use crate::model::project::Mode;
use crate::model::state::{Begun, Record, Records, State};

/// How many files are compared at a time.
const COMPARED_AT_ONCE: usize = 1000;
/// How many bytes of files are held in memory to be compared, and one file of at most 64 MB more.
pub(super) const HELD_AT_ONCE: usize = 16 << 20;

/// The workspace as it was seen, and what that says of the branch: what a look knows before it reads both sides.
#[derive(Debug)]
pub(super) struct Sight {
    at_rest: Option<AtRest>,
    workspace: Files,
    facts: Facts,
}

impl Sight {
    /// Puts together what was observed; the rest and the records are the saved ones.
    pub(super) fn new(rest: Option<&str>, records: &Records, entries: &Entries, facts: Facts) -> Self {
        let workspace = entries.iter().map(|(path, entry)| (path.clone(), entry.blob)).collect();
        Self { at_rest: rest::branch(rest, records, entries), workspace, facts }
    }
}

/// Both sides of a project.
#[derive(Debug)]
pub(super) struct Sides {
    /// The workspace's files.
    pub(super) workspace: Files,
    /// The watched branch: the import's where there is one.
    pub(super) watched: Branch,
    /// With two branches, the export's: the mirror.
    pub(super) mirror: Option<Branch>,
    facts: Facts,
    /// The paths that are not exactly as agreed, on the watched branch or the mirror.
    open: BTreeSet<PackagePath>,
    seen: BTreeSet<PackagePath>,
    dropped: BTreeSet<PackagePath>,
}

impl Sides {
    /// Reads both sides, given what is known of some files already. Refs may be as old as `age`. What was pushed and
    /// not saved is written into the records.
    pub(super) async fn read(
        wiring: &Wiring,
        state: &State,
        records: &mut Records,
        sight: &Sight,
        age: Duration,
        now: Now,
    ) -> Result<Self, StepError> {
        let Sight { at_rest, workspace, facts } = sight;
        let refs = wiring.repository.refresh(age, now.later_instant()).await?;
        let is_content = |path: &PackagePath| {
            is_asset(path) || records.paths.contains_key(path) || workspace.contains_key(path)
        };
        // A new branch starts where people would start it, so that it can be merged. What is only imported from
        // is people's to make.
        let head = refs.head.as_ref().and_then(|head| refs.tips.get(head)).copied();
        let start = head.filter(|_| matches!(wiring.mode(), Mode::OneBranch | Mode::ExportOnly));
        let watched =
            Branch::read(wiring, &refs, wiring.branch(), start, at_rest.as_ref(), is_content).await?;
        let held_files = || {
            records
                .paths
                .values()
                .any(|record| matches!(record.base, Some(Base::Agreed(pair)) if pair.branch.is_some()))
        };
        if watched.revision.commit.is_none() && (wiring.mode() == Mode::ImportOnly || held_files()) {
            return Err(StepError::BranchMissing { branch: watched.revision.name });
        }
        let mirror = match wiring.mode() {
            Mode::TwoBranches => {
                let name = wiring.project.branches().next().expect("a project has a direction");
                Some(Branch::read(wiring, &refs, name, watched.base.or(head), None, is_content).await?)
            }
            Mode::OneBranch | Mode::ExportOnly | Mode::ImportOnly => None,
        };
        let (known, sent) = (known(records.paths.iter()), sent(records.paths.iter()));
        let open = plan::open(&known, &sent, workspace, &watched.files);
        let mut pairs = plan::undecided(&open, &known, &sent, workspace, &watched.files);
        also_compare(&mut pairs, state, records, workspace, &watched, mirror.as_ref());
        // A path that is absent on one side has nothing to compare, and a history all the same.
        let mut open: BTreeSet<PackagePath> = open.into_iter().cloned().collect();
        let facts = complete(wiring, facts.clone(), &pairs).await?;
        open.extend(pairs.into_keys().map(|(path, _)| path));
        let (seen, dropped) = (BTreeSet::new(), BTreeSet::new());
        let mut sides = Self { facts, workspace: workspace.clone(), watched, mirror, open, seen, dropped };
        sides.trace_history(wiring, records).await?;
        sides.trace_disputes(wiring, state, records).await?;
        sides.take_up_push(wiring, state, records).await?;
        Ok(sides)
    }

    /// Finds out which conflicts people have settled by commits: where the branch held what the workspace holds
    /// after they were shown it, by a merge or by hand, what it holds now was made in sight of that.
    async fn trace_disputes(
        &mut self,
        wiring: &Wiring,
        state: &State,
        records: &Records,
    ) -> Result<(), StepError> {
        let Some(tip) = self.watched.revision.commit else { return Ok(()) };
        if records.paths.values().all(|record| record.disputed.is_none()) {
            return Ok(());
        }
        let mut disputed: BTreeMap<CommitId, Files> = BTreeMap::new();
        for (path, pair) in self.plan(wiring.mode(), state.established, records).conflicts {
            let since = records.paths.get(&path).and_then(|record| record.disputed);
            if let (Some(since), Some(blob)) = (since.filter(|since| *since != tip), pair.workspace) {
                disputed.entry(since).or_default().insert(path, blob);
            }
        }
        for (since, files) in disputed {
            if is_contained(wiring, since, tip).await? {
                let path = &wiring.project.path;
                self.seen.extend(wiring.repository.held_since(since, tip, path, files).await?);
            }
        }
        Ok(())
    }

    /// Finds out which recorded contents are part of the watched branch's history, and which of them it holds now: that
    /// is agreed on, also where the workspace has moved on before anybody looked.
    async fn trace_history(&mut self, wiring: &Wiring, records: &mut Records) -> Result<(), StepError> {
        let Some(tip) = self.watched.base else { return Ok(()) };
        let moved = self.mirror_changes();
        let mut known: BTreeMap<CommitId, bool> = BTreeMap::new();
        let mut held: BTreeMap<CommitId, Option<Files>> = BTreeMap::new();
        for path in &self.open {
            let recorded = records.paths.get(path).and_then(|record| record.recorded);
            if let (Some(_), Some(commit)) = (&self.mirror, recorded)
                && !held.contains_key(&commit)
            {
                let files = match wiring.repository.has_commit(commit).await? {
                    true => Some(wiring.repository.files(commit, &wiring.project.path).await?.files),
                    false => None,
                };
                held.insert(commit, files);
            }
            let was = recorded.and_then(|commit| held.get(&commit)?.as_ref());
            let was = was.map(|files| files.get(path).copied());
            let now = self.pair(path);
            if let (Some(was), Some(record)) = (was, records.paths.get_mut(path))
                && was == now.branch
                && now.workspace != now.branch
            {
                // The branch has taken what was in the workspace before the last change there.
                record.base = Some(Base::Agreed(Pair { workspace: was, branch: was }));
            }
            let commit = match (&self.mirror, recorded) {
                (Some(_), _) if moved.contains_key(path) => None,
                // After a kill between the push and the save, the record names the commit before.
                (Some(mirror), Some(commit)) => {
                    let is_it = was.is_some_and(|was| was == mirror.files.get(path).copied());
                    if is_it { Some(commit) } else { mirror.revision.commit }
                }
                (Some(mirror), None) => mirror.revision.commit,
                (None, recorded) => recorded,
            };
            let Some(commit) = commit else { continue };
            let contained = match known.get(&commit) {
                Some(contained) => *contained,
                None => is_contained(wiring, commit, tip).await?,
            };
            known.insert(commit, contained);
            match (contained, self.mirror.is_some()) {
                (true, true) => drop(self.seen.insert(path.clone())),
                (false, false) => drop(self.dropped.insert(path.clone())),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes up what a process has pushed that was killed before it saved that: the agreement that it did not get to
    /// write. What the branch holds instead by now was made in sight of it.
    async fn take_up_push(
        &self,
        wiring: &Wiring,
        state: &State,
        records: &mut Records,
    ) -> Result<(), StepError> {
        let (Some(tip), since, None) = (self.watched.revision.commit, state.pushed, &self.mirror) else {
            return Ok(());
        };
        // Where no look was saved yet, the first export of this state says how far back a push of it can be.
        let begun = state.begun.filter(|_| since.is_none());
        if since == Some(tip) || since.is_none() && begun.is_none() {
            return Ok(());
        }
        let plan = self.plan(wiring.mode(), state.established, records);
        let mut files = plan.to_git;
        files.extend(plan.conflicts.into_iter().map(|(path, pair)| (path, pair.workspace)));
        let is_lost = match since {
            Some(since) => !wiring.repository.has_commit(since).await?,
            None => false,
        };
        if files.is_empty() || is_lost {
            return Ok(());
        }
        let path = &wiring.project.path;
        let (project, last) = (wiring.project.name.to_string(), state.last_export.as_ref());
        let last = last.and_then(|last| last.package);
        // Another project's commits, and our own that were brought here from another branch, say nothing of this push.
        let is_it = move |text: &str, at: i64| {
            message::origin(text).is_some_and(|(name, package)| {
                let is_new = |begun: Begun| package >= Some(begun.package) && at >= begun.at.timestamp();
                name == project && package > last && begun.is_none_or(is_new)
            })
        };
        for (path, commit) in wiring.repository.made_since(since, tip, path, files, is_it).await? {
            let blob = self.workspace.get(&path).copied();
            if blob.is_none() {
                records.paths.remove(&path);
                continue;
            }
            let base = Some(Base::Agreed(Pair { workspace: blob, branch: blob }));
            records.paths.insert(path, Record { base, recorded: Some(commit), ..Record::default() });
        }
        Ok(())
    }

    /// Decides what this look leads to.
    pub(super) fn plan(&self, mode: Mode, established: bool, records: &Records) -> Plan {
        let of_open = || self.open.iter().filter_map(|path| records.paths.get_key_value(path));
        plan::plan(&Input {
            mode,
            established,
            open: &self.open,
            known: &known(of_open()),
            sent: &sent(of_open()),
            decisions: &decisions(of_open()),
            workspace: &self.workspace,
            branch: &self.watched.files,
            seen: &self.seen,
            dropped: &self.dropped,
            facts: &self.facts,
        })
    }

    /// Returns what makes the mirror hold what the workspace holds; nothing without a mirror.
    pub(super) fn mirror_changes(&self) -> BTreeMap<PackagePath, Option<BlobId>> {
        let Some(mirror) = &self.mirror else { return BTreeMap::new() };
        if self.workspace.is_empty() && mirror.revision.commit.is_none() {
            // There is nothing to record yet: a first deployment comes first.
            return BTreeMap::new();
        }
        let paths: BTreeSet<&PackagePath> = self.workspace.keys().chain(mirror.files.keys()).collect();
        paths
            .into_iter()
            .map(|path| (path, self.workspace.get(path).copied(), mirror.files.get(path).copied()))
            .filter(|(path, workspace, mirror)| !self.facts.same_content(path, *workspace, *mirror))
            .map(|(path, workspace, _)| (path.clone(), workspace))
            .collect()
    }

    /// Returns the paths of an import that the workspace does not show as sent.
    pub(super) fn missing<'a>(&self, sent: &'a Files) -> Vec<&'a PackagePath> {
        sent.iter()
            .filter(|(path, blob)| {
                !self.facts.same_meaning(path, self.workspace.get(*path).copied(), Some(**blob))
            })
            .map(|(path, _)| path)
            .collect()
    }

    /// Returns what the two sides hold at a path.
    pub(super) fn pair(&self, path: &PackagePath) -> Pair {
        Pair { workspace: self.workspace.get(path).copied(), branch: self.watched.files.get(path).copied() }
    }
}

/// Returns whether a commit is part of a branch's history; one that the cache does not have is not.
pub(super) async fn is_contained(
    wiring: &Wiring,
    commit: CommitId,
    tip: CommitId,
) -> Result<bool, StepError> {
    let git = &wiring.repository;
    Ok(git.has_commit(commit).await? && git.is_ancestor(commit, tip).await?)
}

fn known<'a>(records: impl Iterator<Item = (&'a PackagePath, &'a Record)>) -> BTreeMap<PackagePath, Base> {
    records.filter_map(|(path, record)| Some((path.clone(), record.base?))).collect()
}

fn sent<'a>(records: impl Iterator<Item = (&'a PackagePath, &'a Record)>) -> Files {
    records.filter_map(|(path, record)| Some((path.clone(), record.sent?))).collect()
}

fn decisions<'a>(
    records: impl Iterator<Item = (&'a PackagePath, &'a Record)>,
) -> BTreeMap<PackagePath, Decision> {
    records.filter_map(|(path, record)| Some((path.clone(), record.decision?))).collect()
}

/// Adds the files that are compared for something else than the plan of the watched branch.
fn also_compare(
    pairs: &mut Undecided,
    state: &State,
    records: &Records,
    workspace: &Files,
    watched: &Branch,
    mirror: Option<&Branch>,
) {
    if let Some(mirror) = mirror {
        let (known, sent) = (BTreeMap::new(), Files::new());
        let open = plan::open(&known, &sent, workspace, &mirror.files);
        let moved = plan::undecided(&open, &known, &sent, workspace, &mirror.files);
        for pair in moved.into_keys() {
            pairs.entry(pair).or_insert(Level::Content);
        }
    }
    let mut meant: Vec<(PackagePath, BlobId)> = Vec::new();
    for (path, decision) in decisions(records.paths.iter()) {
        let now = [workspace.get(&path).copied(), watched.files.get(&path).copied()];
        let all = [decision.shown.workspace, decision.shown.branch].into_iter().chain(now).flatten();
        meant.extend(all.map(|blob| (path.clone(), blob)));
    }
    if let Some(attempt) = &state.attempt {
        for (path, blob) in &attempt.paths {
            meant.extend(
                [*blob].into_iter().chain(workspace.get(path).copied()).map(|blob| (path.clone(), blob)),
            );
        }
    }
    pairs.extend(meant.into_iter().map(|pair| (pair, Level::Meaning)));
}

/// Compares files as far as needed and not yet known. A blob that the cache has lost is the same only as itself.
async fn complete(wiring: &Wiring, mut facts: Facts, pairs: &Undecided) -> Result<Facts, StepError> {
    let is_open =
        |((path, blob), level): &(&(PackagePath, BlobId), &Level)| !facts.knows(**level, path, *blob);
    let mut pairs: Vec<(PackagePath, BlobId)> =
        pairs.iter().filter(is_open).map(|(pair, _)| pair.clone()).collect();
    let lost = wiring.repository.missing(pairs.iter().map(|(_, blob)| *blob).collect()).await?;
    let lost: BTreeSet<BlobId> = lost.into_iter().collect();
    pairs.retain(|(_, blob)| !lost.contains(blob));
    let mut rest = pairs.as_slice();
    while !rest.is_empty() {
        let next: Vec<BlobId> = rest.iter().take(COMPARED_AT_ONCE).map(|(_, blob)| *blob).collect();
        let blobs = wiring.repository.some_blobs(next, HELD_AT_ONCE).await?;
        let some;
        (some, rest) = rest.split_at(blobs.len());
        let some = some.to_vec();
        let digested = blocking::run(move || {
            let both = some.into_iter().zip(blobs);
            both.map(|((path, blob), bytes)| {
                let digests = Digests::of(&path, &bytes);
                (path, blob, digests)
            })
            .collect::<Vec<_>>()
        });
        for (path, blob, digests) in digested.await {
            facts.insert(path, blob, digests);
        }
    }
    Ok(facts)
}
