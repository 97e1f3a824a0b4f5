//! Speaks to the upstream: looks, fetches, pushes; and lets git tidy the cache.
//!
//! One run at a time for each cache. A look answers everybody who asked before it began, failure included, so that
//! many projects on one repository cost one look, and a dead upstream costs one deadline.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::Instant;

use super::command::{Output, run};
use super::url::is_on_this_machine;
use super::wire::{Offer, Pushed, failure, parse_offer, parse_push, refusal, rejection};
use super::{Cache, GitError, Refs, heal, objects};
use crate::blocking;
use crate::fs;
use crate::model::branch::BranchName;
use crate::model::oid::CommitId;

/// More packs than this slow every read down.
const MAX_PACKS: usize = 50;
/// More loose objects than this, likewise.
const MAX_LOOSE: usize = 2000;

/// How a commit is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Only if the branch is in its history.
    FastForward,
    /// Whatever was there.
    Force,
    /// Not at all: the upstream is only asked for the right to.
    Try,
}

/// What a look at the upstream found.
#[derive(Debug)]
pub(super) struct Look {
    /// When it was asked for.
    at: Instant,
    /// The last asker that it answers.
    answers: u64,
    result: Result<Refs, GitError>,
}

impl Cache {
    /// Returns where the upstream's branches are, with their commits in the cache. A look that is no older than
    /// `max_age` at `now`, or that began after this was called, is used again; a failed one only in the latter case.
    ///
    /// # Errors
    /// What the upstream or the network did, see [`GitError`].
    pub async fn refresh(&self, max_age: Duration, now: Instant) -> Result<Refs, GitError> {
        let asker = self.0.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut last = self.0.wire.lock().await;
        if let Some(look) = &*last {
            let is_fresh = look.result.is_ok()
                && !self.0.is_distrusted.load(Ordering::SeqCst)
                && now.saturating_duration_since(look.at) < max_age;
            if is_fresh || look.answers >= asker {
                return look.result.clone();
            }
        }
        let answers = self.0.asked.load(Ordering::SeqCst);
        self.0.is_distrusted.store(false, Ordering::SeqCst);
        // Made only by the one of many askers who looks for all.
        let result = Box::pin(self.look()).await;
        *last = Some(Look { at: now, answers, result: result.clone() });
        result
    }

    /// Pushes a commit to a branch, without force: the upstream takes it only if the branch is in its history.
    ///
    /// # Errors
    /// [`GitError::Raced`], [`GitError::Refused`], [`GitError::CheckedOut`], and what the network did.
    pub async fn push(&self, commit: CommitId, branch: &BranchName) -> Result<(), GitError> {
        let mut last = self.0.wire.lock().await;
        self.push_to(commit, &format!("refs/heads/{branch}"), branch.as_str(), Manner::FastForward).await?;
        let (folder, name) = (self.0.settings.folder.clone(), branch.clone());
        blocking::run(move || objects::track(&folder, &name, commit)).await?;
        if let Some(Look { result: Ok(refs), .. }) = &mut *last {
            refs.tips.insert(branch.clone(), commit);
        }
        Ok(())
    }

    /// Asks for the right to push a commit to a branch, and pushes nothing. What hooks and protected branches would
    /// say is only known to a push.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub async fn try_push(&self, commit: CommitId, branch: &BranchName) -> Result<(), GitError> {
        let _last = self.0.wire.lock().await;
        self.push_to(commit, &format!("refs/heads/{branch}"), branch.as_str(), Manner::Try).await
    }

    /// Pushes a commit to `refs/recipesync/NAME`, where it can be looked at and is no branch.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub async fn push_ref(&self, commit: CommitId, name: &BranchName, force: bool) -> Result<(), GitError> {
        let _last = self.0.wire.lock().await;
        let full = format!("refs/recipesync/{name}");
        let manner = if force { Manner::Force } else { Manner::FastForward };
        self.push_to(commit, &full, &full, manner).await
    }

    /// Lets git join the cache's packs when there are many, unless the cache is in use right now. Nothing is ever
    /// dropped. Returns whether there was something to do.
    ///
    /// # Errors
    /// When git fails or takes too long.
    pub async fn maintenance(&self) -> Result<bool, GitError> {
        let Ok(_last) = self.0.wire.try_lock() else { return Ok(false) };
        let folder = self.0.settings.folder.join("objects");
        let names = blocking::run(move || fs::list(&folder)).await?;
        if !is_crowded(&names) {
            return Ok(false);
        }
        let Ok(_alone) = self.0.files.try_write() else { return Ok(false) };
        let mut command = self.command();
        // Unlike `gc` it costs by what is new, and keeps what no ref leads to.
        command.args(["repack", "--geometric=2", "-d", "-l", "-q"]);
        self.run_on_cache(command, "repack").await?;
        Ok(true)
    }

    async fn look(&self) -> Result<Refs, GitError> {
        if !self.0.settings.folder.join("HEAD").exists() {
            let folder = self.0.settings.folder.clone();
            blocking::run(move || heal::prepare(&folder)).await?;
        }
        let offer = self.offer().await?;
        let wanted = self.wanted(&offer);
        let folder = self.0.settings.folder.clone();
        let known = {
            let wanted = wanted.clone();
            blocking::run(move || {
                // Before the fetch: `a` that went may be in the way of `a/b` that came.
                objects::prune(&folder, &wanted)?;
                objects::tracked(&folder)
            })
            .await?
        };
        // A ref moves only once all that it leads to is there; that the commit is there would prove less.
        let here: BTreeSet<_> = known.values().collect();
        let (folder, head) = (self.0.settings.folder.clone(), offer.head);
        if wanted.iter().all(|name| here.contains(&offer.tips[name])) {
            let moved: Vec<_> = offer.tips.into_iter().filter(|(name, _)| wanted.contains(name)).collect();
            blocking::run(move || {
                moved
                    .iter()
                    .filter(|(name, tip)| known.get(name) != Some(tip))
                    .try_for_each(|(name, tip)| objects::track(&folder, name, *tip))?;
                Ok(Refs { head, tips: moved.into_iter().collect() })
            })
            .await
        } else {
            self.fetch(&wanted).await?;
            let tips = blocking::run(move || objects::tracked(&folder)).await?;
            Ok(Refs { head, tips })
        }
    }

    async fn offer(&self) -> Result<Offer, GitError> {
        let mut command = self.command();
        command.args(["ls-remote", "--symref", "--"]).arg(&self.0.settings.url).arg("HEAD");
        command.args(self.0.settings.branches.iter().map(|branch| format!("refs/heads/{branch}")));
        let output = self.run_on_cache(command, "ls-remote").await?;
        parse_offer(&output.stdout, &self.0.settings.url)
    }

    /// The branches of the settings that exist, and the main branch where one does not.
    fn wanted(&self, offer: &Offer) -> BTreeSet<BranchName> {
        let branches = &self.0.settings.branches;
        let is_missing = branches.iter().any(|branch| !offer.tips.contains_key(branch));
        let is_wanted =
            |name: &&BranchName| branches.contains(*name) || is_missing && offer.head.as_ref() == Some(*name);
        offer.tips.keys().filter(is_wanted).cloned().collect()
    }

    async fn fetch(&self, wanted: &BTreeSet<BranchName>) -> Result<(), GitError> {
        let mut command = self.command();
        command.args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"]);
        command.args(["--no-recurse-submodules", "--no-show-forced-updates", "--refmap=", "--"]);
        command.arg(&self.0.settings.url);
        command.args(wanted.iter().map(|name| format!("+refs/heads/{name}:refs/remotes/origin/{name}")));
        let output = self.run_on_cache(command, "fetch").await?;
        // Git calls it a success, and leaves the branch as it was.
        rejection(&self.0.settings.url, &output.stderr).map_or(Ok(()), Err)
    }

    async fn push_to(
        &self,
        commit: CommitId,
        target: &str,
        shown: &str,
        manner: Manner,
    ) -> Result<(), GitError> {
        if !self.has_commit(commit).await? {
            return Err(GitError::NotFound { object: format!("commit {commit}") });
        }
        let url = &self.0.settings.url;
        let mut command = self.command();
        if is_on_this_machine(url) {
            // Looking for deltas costs most of a push, and saves nothing where there is no wire.
            command.args(["-c", "pack.window=0"]);
        }
        command.args(["push", "--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no"]);
        if manner == Manner::Try {
            command.arg("--dry-run");
        }
        command.args(self.0.git.receive_pack(url));
        let force = if manner == Manner::Force { "+" } else { "" };
        command.arg("--").arg(url).arg(format!("{force}{commit}:{target}"));
        let output = self.run_swept(command, "push").await?;
        match parse_push(&output.stdout) {
            Some(Pushed::Done) if output.success => Ok(()),
            // The pack did not arrive whole: the wire, the upstream's disk or our cache, as the rest of it says.
            Some(Pushed::Refused(reason)) if reason == "unpacker error" => {
                Err(failure(url, &self.0.settings.folder, &output.stderr))
            }
            Some(Pushed::Refused(reason)) => Err(refusal(&reason, shown, url, &output.stderr)),
            Some(Pushed::Done) | None => Err(failure(url, &self.0.settings.folder, &output.stderr)),
        }
    }

    fn command(&self) -> Command {
        let settings = &self.0.settings;
        self.0.git.command(&settings.folder, &settings.url, &settings.credentials)
    }

    async fn run_on_cache(&self, command: Command, verb: &'static str) -> Result<Output, GitError> {
        let output = self.run_swept(command, verb).await?;
        if output.success {
            return Ok(output);
        }
        Err(failure(&self.0.settings.url, &self.0.settings.folder, &output.stderr))
    }

    /// Runs git after removing what a run that was killed has left. Whoever calls it holds `wire`.
    async fn run_swept(&self, command: Command, verb: &'static str) -> Result<Output, GitError> {
        if self.0.is_unswept.swap(true, Ordering::SeqCst) {
            let folder = self.0.settings.folder.clone();
            blocking::run(move || heal::sweep(&folder, &heal::LEFT_BY_GIT)).await?;
        }
        let settings = &self.0.settings;
        let output = run(command, verb, settings.deadline).await?.without(&settings.credentials);
        let is_locked = !output.success && output.stderr.contains(".lock'");
        self.0.is_unswept.store(is_locked, Ordering::SeqCst);
        Ok(output)
    }
}

/// Returns whether the files below `objects` are so many that git should join them.
fn is_crowded(names: &[PathBuf]) -> bool {
    let packs = names.iter().filter(|name| name.extension().is_some_and(|extension| extension == "pack"));
    let loose = names.iter().filter(|name| name.iter().next().is_some_and(|part| part.len() == 2));
    packs.count() > MAX_PACKS || loose.count() > MAX_LOOSE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_packs_and_many_loose_objects_are_a_crowd() {
        let packs = |count| (0..count).map(|n| PathBuf::from(format!("pack/pack-{n}.pack")));
        let indexes = (0..999).map(|n| PathBuf::from(format!("pack/pack-{n}.idx")));
        let loose = |count| (0..count).map(|n| PathBuf::from(format!("ab/{n:038}")));
        assert!(!is_crowded(&packs(MAX_PACKS).chain(indexes).chain(loose(MAX_LOOSE)).collect::<Vec<_>>()));
        assert!(is_crowded(&packs(MAX_PACKS + 1).collect::<Vec<_>>()));
        assert!(is_crowded(&loose(MAX_LOOSE + 1).collect::<Vec<_>>()));
    }
}
