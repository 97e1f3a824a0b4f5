//! One branch at a project's path, as it was read.

use super::Wiring;
use super::error::StepError;
use super::rest::AtRest;
use crate::asset::kind::is_asset;
use crate::git::{Odd, Refs};
use crate::model::branch::BranchName;
use crate::model::oid::CommitId;
use crate::model::path::PackagePath;
use crate::model::plan::Files;
use crate::model::state::Revision;

/// One branch at the project's path.
#[derive(Debug)]
pub(super) struct Branch {
    /// Its name.
    pub(super) name: BranchName,
    /// Its name, tip and tree, as they are saved.
    pub(super) revision: Revision,
    /// The commit that the next one goes on: the tip, or where a branch that is yet to be made starts.
    pub(super) base: Option<CommitId>,
    /// The files that are package content.
    pub(super) files: Files,
    /// What is in the way of being package content.
    pub(super) odd: Vec<Odd>,
}

impl Branch {
    pub(super) async fn read(
        wiring: &Wiring,
        refs: &Refs,
        name: &BranchName,
        start: Option<CommitId>,
        at_rest: Option<&AtRest>,
        is_content: impl Fn(&PackagePath) -> bool,
    ) -> Result<Self, StepError> {
        let commit = refs.tips.get(name).copied();
        let base = commit.or(start);
        let path = &wiring.project.path;
        if let (Some(commit), Some(known)) = (commit, at_rest) {
            let tree = wiring.repository.path_tree(commit, path).await?;
            if known.is_of(tree) {
                let revision = Revision { name: name.to_string(), commit: Some(commit), tree };
                let files = known.files.clone();
                return Ok(Self { name: name.clone(), revision, base, files, odd: Vec::new() });
            }
        }
        let (tree, mut files, mut odd) = match base {
            Some(base) => {
                let found = wiring.repository.files(base, path).await?;
                (found.tree, found.files, found.odd)
            }
            None => (None, Files::new(), Vec::new()),
        };
        files.retain(|path, _| is_content(path));
        odd.retain(|odd| looks_like_an_asset(&odd.name));
        let tree = if commit.is_some() { tree } else { None };
        let revision = Revision { name: name.to_string(), commit, tree };
        Ok(Self { name: name.clone(), revision, base, files, odd })
    }

    /// Says that what stands at a path is in the way.
    pub(super) fn refuse(&self, odd: &Odd) -> StepError {
        let branch = self.revision.name.clone();
        StepError::OddPath { path: odd.name.clone(), branch, reason: odd.reason.to_string() }
    }

    /// Returns where the branch is yet to be started, if the project's files are there already.
    pub(super) fn start(&self) -> Option<CommitId> {
        self.base.filter(|_| self.revision.commit.is_none() && !self.files.is_empty())
    }
}

/// Returns whether something odd stands where an asset's file would: then it cannot just be left alone.
fn looks_like_an_asset(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    PackagePath::parse(name).map_or_else(|_| last.ends_with(".json"), |path| is_asset(&path))
}
