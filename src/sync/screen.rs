//! Keeping secrets out of git: what a look would commit, or show in git, is searched first.
//!
//! Files that are not on their way to git are not read. What is held back is searched again at each look, so that
//! nothing has to be remembered to keep it out.

use std::collections::{BTreeMap, BTreeSet};

use super::Wiring;
use super::error::StepError;
use super::observe::alone;
use super::sides::Sides;
use crate::blocking;
use crate::cores;
use crate::model::oid::BlobId;
use crate::model::path::PackagePath;
use crate::model::plan::{Files, Plan};
use crate::model::state::{Flagged, State};
use crate::secrets::{self, Finding, Level, Policy, Settings};

/// How many files are searched at a time.
const SEARCHED_AT_ONCE: usize = 1000;

/// How many bytes of files are held in memory to be searched, and one file of at most 64 MB more: a large one is
/// searched alone, and takes several times its size meanwhile.
const HELD: usize = 4 << 20;

/// How many findings of a file are told.
const TOLD_OF_A_FILE: usize = 20;

/// How many files are told of which nothing is held back: the state stays small.
const TOLD: usize = 100;

/// A file that was searched when it was read, and what was found.
#[derive(Debug, Clone)]
pub(super) struct Searched {
    pub(super) blob: BlobId,
    pub(super) findings: Vec<Finding>,
}

/// Returns what a file holds that must perhaps not get into git and is not settled, if that is asked: `scan` finds what
/// it holds.
pub(super) fn search_file(
    settings: &Settings,
    path: &PackagePath,
    scan: impl FnOnce() -> Vec<Finding>,
) -> Vec<Finding> {
    match settings.policy {
        Policy::Off => Vec::new(),
        Policy::Block | Policy::Warn => surest_first(settings.open(path, scan())),
    }
}

/// Returns what goes to the branch that exports go to, without the files that hold secrets; these are taken out of the
/// plan, and all that was found is written into the state.
pub(super) async fn screen(
    wiring: &Wiring,
    state: &mut State,
    sides: &Sides,
    searched: &BTreeMap<PackagePath, Searched>,
    plan: &mut Plan,
) -> Result<BTreeMap<PackagePath, Option<BlobId>>, StepError> {
    let mut changes = if sides.mirror.is_some() { sides.mirror_changes() } else { plan.to_git.clone() };
    let settings = &wiring.project.secrets;
    let to_git = changes.iter().filter_map(|(path, blob)| Some((path.clone(), (*blob)?)));
    // The workspace's side of a conflict is shown in git as well.
    let disputed = plan.conflicts.iter().filter_map(|(path, pair)| Some((path.clone(), pair.workspace?)));
    let mut found = search(wiring, to_git.chain(disputed).collect(), searched).await?;
    let held: BTreeSet<PackagePath> = found
        .iter_mut()
        .filter(|(path, flagged)| changes.contains_key(*path) && settings.blocks(&flagged.findings))
        .map(|(path, flagged)| {
            flagged.held = true;
            path.clone()
        })
        .collect();
    changes.retain(|path, _| !held.contains(path));
    plan.hold(&held, &sides.workspace, &sides.watched.files);
    if sides.mirror.is_some() {
        plan.held = found
            .iter()
            .filter(|(_, flagged)| flagged.held)
            .map(|(path, flagged)| (path.clone(), flagged.blob))
            .collect();
    }
    state.secrets = told(wiring, std::mem::take(&mut state.secrets), found, &sides.workspace);
    Ok(changes)
}

/// Returns whether the workspace's file at a path stays out of git, as far as it was looked at.
pub(super) fn stays_out(wiring: &Wiring, state: &State, path: &PackagePath) -> bool {
    state.secrets.get(path).is_some_and(|flagged| wiring.project.secrets.blocks(&flagged.findings))
}

/// Returns what is known of the files after a look: what it found, and what was told before of files that are as they
/// were.
fn told(
    wiring: &Wiring,
    before: BTreeMap<PackagePath, Flagged>,
    found: BTreeMap<PackagePath, Flagged>,
    workspace: &Files,
) -> BTreeMap<PackagePath, Flagged> {
    let settings = &wiring.project.secrets;
    let mut all = BTreeMap::new();
    for (path, mut flagged) in before {
        flagged.findings = settings.open(&path, flagged.findings);
        let stands = !flagged.held && workspace.get(&path) == Some(&flagged.blob);
        if stands && settings.policy != Policy::Off && !flagged.findings.is_empty() {
            all.insert(path, flagged);
        }
    }
    all.extend(found);
    for level in [Level::Personal, Level::Likely, Level::Certain] {
        let mut places = TOLD;
        all.retain(|_, flagged| {
            let counts = !flagged.held && flagged.findings.first().is_some_and(|first| first.level == level);
            places = places.saturating_sub(usize::from(counts));
            !counts || places > 0
        });
    }
    all
}

/// Searches files, as far as they were not when they were read, for what must perhaps not get into git and is not
/// settled.
async fn search(
    wiring: &Wiring,
    mut files: Vec<(PackagePath, BlobId)>,
    searched: &BTreeMap<PackagePath, Searched>,
) -> Result<BTreeMap<PackagePath, Flagged>, StepError> {
    let settings = &wiring.project.secrets;
    let mut found = BTreeMap::new();
    if settings.policy == Policy::Off {
        return Ok(found);
    }
    let mut note = |path: &PackagePath, blob: BlobId, findings: Vec<Finding>| {
        if !findings.is_empty() {
            found.insert(path.clone(), Flagged { blob, held: false, findings });
        }
    };
    files.retain(|(path, blob)| {
        let known = searched.get(path).filter(|known| known.blob == *blob);
        known.inspect(|known| note(path, *blob, known.findings.clone())).is_none()
    });
    let mut rest = files.as_slice();
    while !rest.is_empty() {
        let next: Vec<BlobId> = rest.iter().take(SEARCHED_AT_ONCE).map(|(_, blob)| *blob).collect();
        let blobs = wiring.repository.some_blobs(next, HELD).await?;
        let some;
        (some, rest) = rest.split_at(blobs.len());
        let paths: Vec<PackagePath> = some.iter().map(|(path, _)| path.clone()).collect();
        let settings = settings.clone();
        let searched = blocking::run(move || {
            let files: Vec<_> = paths.iter().zip(&blobs).collect();
            let search_part = |part: &[(&PackagePath, &Vec<u8>)]| {
                let scan = |(path, bytes): &(&PackagePath, &Vec<u8>)| {
                    let _large = alone(bytes.len() as u64);
                    search_file(&settings, path, || secrets::scan(path, bytes))
                };
                part.iter().map(scan).collect::<Vec<_>>()
            };
            cores::on_all(&files, |(_, bytes)| bytes.len() as u64, search_part).concat()
        });
        for ((path, blob), findings) in some.iter().zip(searched.await) {
            note(path, *blob, findings);
        }
    }
    Ok(found)
}

fn surest_first(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    findings.truncate(TOLD_OF_A_FILE);
    findings
}
