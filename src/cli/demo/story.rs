//! The acts. Each one does something as a person would, waits for what recipesync makes of it, and looks at both
//! sides: an act that was not seen to have happened ends the story with an error.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::program;
use super::stage::{Daemon, Files, PROJECT, Stage};
use super::tell::{Tell, quoted};
use crate::asset::compare::{Level, same};
use crate::cli::progress::Progress;
use crate::cli::resolve;
use crate::daemon::clock;
use crate::fs;
use crate::git::Author;
use crate::model::history::{Event, EventKind};
use crate::model::oid::CommitId;
use crate::model::path::PackagePath;
use crate::model::plan::Take;
use crate::model::state::{State, Verdict};
use crate::model::status::{Standing, stall, standing};
use crate::review::brief::brief;

/// How long anything may take to be seen.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// The largest file that is edited.
const MAX_FILE: u64 = 1 << 20;

const REPORT: &str = "Reports/daily_order_report.recipe.json";
const ORDERS: &str = "new_order_to_warehouse.recipe.json";
const STATUS: &str = "order_status_api.recipe.json";

/// What the acts need.
pub(super) struct Story<'a> {
    pub(super) stage: &'a Stage,
    pub(super) daemon: &'a mut Option<Daemon>,
    pub(super) tell: Tell,
}

impl Story<'_> {
    /// Plays all acts.
    pub(super) async fn play(&mut self) -> anyhow::Result<()> {
        self.first_export().await.context("act 1, the first export")?;
        self.edit_in_the_workspace().await.context("act 2, an edit in the workspace")?;
        self.commit_on_the_branch().await.context("act 3, a commit on the branch")?;
        self.conflict().await.context("act 4, a conflict")
    }

    async fn first_export(&mut self) -> anyhow::Result<()> {
        self.tell.headline("1. The first export: the repository is empty, the workspace is not")?;
        let (export, commit) = self.export_after(0).await?;
        let files = self.stage.in_commit(commit).await?;
        self.sides_are(Level::Content, commit).await?;
        let package = export.package.context("not seen: the export's package")?;
        let info = self.stage.repository.commit_info(commit).await?;
        self.tell.line("export", &format!("package {package} → commit {} on main", commit.short()))?;
        self.tell.line("", &format!("{} <- {}", info.subject, info.author))?;
        self.tell.seen(&format!("{} files in that commit, each as the workspace has it", files.len()))?;
        Ok(())
    }

    async fn edit_in_the_workspace(&mut self) -> anyhow::Result<()> {
        self.tell.headline("2. Somebody edits a recipe in the workspace")?;
        let (before, past) = (self.stage.tip().await?, self.past().await?);
        self.edit_recipe(REPORT, r#"{"step": 1, "input": {"limit": "20"}}"#)?;
        self.tell.line("edit", &format!("{REPORT}, step 1: at most 20 orders in place of 50"))?;
        let (export, commit) = self.export_after(past).await?;
        ensure!(
            self.stage.repository.parent(commit).await? == Some(before),
            "not seen: commit {} on top of {}",
            commit.short(),
            before.short()
        );
        let (old, new) = (self.stage.in_commit(before).await?, self.stage.in_commit(commit).await?);
        let changed: Vec<_> = new.keys().filter(|path| old.get(*path) != new.get(*path)).collect();
        ensure!(
            changed.len() == 1 && changed[0].as_str() == REPORT && old.len() == new.len(),
            "not seen: a commit that changes {REPORT} alone, but {changed:?}"
        );
        self.sides_are(Level::Content, commit).await?;
        let package = export.package.context("not seen: the export's package")?;
        self.tell.line("export", &format!("package {package} → commit {} on main", commit.short()))?;
        self.show(REPORT, ("before", &old), (&commit.short(), &new))?;
        self.tell.seen("that file alone changed, and both sides hold the same")?;
        Ok(())
    }

    async fn commit_on_the_branch(&mut self) -> anyhow::Result<()> {
        self.tell.headline("3. Somebody commits on the branch")?;
        let (before, past) = (self.stage.tip().await?, self.past().await?);
        let commit = self
            .commit(ORDERS, "\"Out of stock\"", "\"Out of stock, purchasing knows\"", "orders: say who knows")
            .await?;
        let (old, new) = (self.stage.in_commit(before).await?, self.stage.in_commit(commit).await?);
        self.tell.line("commit", &format!("{} by Ada: orders: say who knows", commit.short()))?;
        self.show(ORDERS, ("before", &old), (&commit.short(), &new))?;
        let import = self.import_of(commit, past).await?;
        self.imported(&import, commit, ORDERS).await?;
        Ok(())
    }

    async fn conflict(&mut self) -> anyhow::Result<()> {
        self.tell
            .headline("4. Both edit the same step of the same recipe, while recipesync is not running")?;
        let path = PackagePath::parse(STATUS)?;
        self.stop_daemon().await?;
        self.edit_recipe(STATUS, r#"{"step": 4, "input": {"max_retry_count": "3"}}"#)?;
        self.tell.line("edit", &format!("{STATUS}, step 4 in the workspace: 3 retries"))?;
        let commit = self
            .commit(STATUS, "\"max_retry_count\": \"0\"", "\"max_retry_count\": \"5\"", "status: try harder")
            .await?;
        self.tell.line("commit", &format!("{} by Ada: status: try harder, 5 retries", commit.short()))?;
        *self.daemon = Some(self.stage.start().await?);
        self.tell.line("start", "recipesync looks at both sides")?;
        self.until("a conflict", |state, _| state.conflicts.contains_key(&path).then_some(())).await?;
        ensure!(self.stage.tip().await? == commit, "not seen: the branch still at {}", commit.short());
        let (branch, workspace) = (self.stage.in_commit(commit).await?, self.stage.in_workspace()?);
        ensure!(
            contains(&workspace, &path, "\"max_retry_count\": \"3\"")
                && contains(&branch, &path, "\"max_retry_count\": \"5\""),
            "not seen: both edits, each on its side"
        );
        self.tell.line("conflict", &format!("orders/{path}: neither side was overwritten"))?;
        self.show(STATUS, ("workspace", &workspace), (&format!("branch, {}", commit.short()), &branch))?;
        self.settle(&path, commit).await
    }

    /// Takes the branch's side, as the command that is shown does.
    async fn settle(&mut self, path: &PackagePath, commit: CommitId) -> anyhow::Result<()> {
        let project = &self.stage.project.name;
        self.tell.line("settle", "one side is chosen with")?;
        let config = quoted(self.stage.config_file());
        self.tell
            .command(&format!("{} --config {config} resolve {project} {path} --take branch", program()))?;
        let past = self.past().await?;
        let (state, _) = self.stage.saved().await?;
        let records = self.stage.store().records(project)?;
        let settlement = resolve::settlement(&state, &records, &[path.to_string()], Take::Branch)?;
        self.stage.store().settle(project, &settlement)?;
        let import = self.import_of(commit, past).await?;
        self.imported(&import, commit, path.as_str()).await?;
        let (state, _) = self.stage.saved().await?;
        ensure!(state.conflicts.is_empty(), "not seen: no conflict any more");
        Ok(())
    }

    /// Edits a recipe in the workspace's editor.
    fn edit_recipe(&self, path: &str, edit: &str) -> anyhow::Result<()> {
        let now = self.stage.now();
        self.stage.workspace.world(|world| {
            let id = world.asset(PROJECT, path)?;
            world.edit_recipe(id, edit.as_bytes(), now)
        })?;
        Ok(())
    }

    /// Edits a file in the working tree and commits it.
    async fn commit(&self, path: &str, from: &str, to: &str, message: &str) -> anyhow::Result<CommitId> {
        let file = self.stage.file(&PackagePath::parse(path)?);
        let text = fs::read_text(&file, MAX_FILE)?;
        ensure!(text.matches(from).count() == 1, "not seen: {from} once in {}", file.display());
        fs::write(&file, text.replacen(from, to, 1).as_bytes())?;
        let ada = Author::parse("Ada <ada@example.com>").expect("it is a name and an address");
        Ok(self.stage.repository.commit(&ada, message).await?)
    }

    async fn stop_daemon(&mut self) -> anyhow::Result<()> {
        match self.daemon.take() {
            Some(daemon) => daemon.stop().await,
            None => Ok(()),
        }
    }

    /// Returns how much has happened so far.
    async fn past(&self) -> anyhow::Result<usize> {
        Ok(self.stage.saved().await?.1.len())
    }

    /// Waits for a commit made of an export, the two sides at rest, and the branch at that commit.
    async fn export_after(&mut self, past: usize) -> anyhow::Result<(Event, CommitId)> {
        let exported = |state: &State, events: &[Event]| {
            let export = events.iter().skip(past).find(|event| event.kind == EventKind::Export)?;
            (standing(state, clock::now()) == Standing::InSync).then(|| (export.clone(), export.commit))
        };
        let (export, commit) = self.until("an export with a commit", exported).await?;
        let commit = commit.context("not seen: the export's commit")?;
        ensure!(self.stage.tip().await? == commit, "not seen: main at commit {}", commit.short());
        Ok((export, commit))
    }

    /// Waits for the import of a commit, with its verdict, and the two sides at rest.
    async fn import_of(&mut self, commit: CommitId, past: usize) -> anyhow::Result<Event> {
        let imported = |state: &State, events: &[Event]| {
            let mut new = events.iter().skip(past);
            let import = new.find(|event| event.kind == EventKind::Import && event.commit == Some(commit))?;
            // What failed is at its end, and what worked once both sides were seen to be the same.
            let ended =
                import.verdict != Some(Verdict::Applied) || standing(state, clock::now()) == Standing::InSync;
            ended.then(|| import.clone())
        };
        self.until(&format!("the import of commit {}", commit.short()), imported).await
    }

    /// Looks at what an import of one recipe left in the workspace, and tells it.
    async fn imported(&self, import: &Event, commit: CommitId, path: &str) -> anyhow::Result<()> {
        let package = import.package.context("not seen: the import's package")?;
        let reason = import.reason.as_deref().unwrap_or("without a reason");
        ensure!(import.verdict == Some(Verdict::Applied), "not seen: package {package} applied: {reason}");
        let taken = self.stage.workspace.world(|world| {
            let found = world.imports().find(|(id, _)| *id == package);
            found.map(|(_, import)| import.clone())
        });
        let taken = taken.with_context(|| format!("not seen: import {package} in the workspace"))?;
        ensure!(
            taken.folder_id == self.stage.folder_id && taken.changed == [path],
            "not seen: an import that changes {path} alone, but {:?}",
            taken.changed
        );
        let told = taken.results.iter().map(|told| (told.id, told.result.as_str()));
        ensure!(
            told.eq(import.recipes.iter().map(|recipe| (recipe.id, recipe.result.as_str()))),
            "not seen: the workspace's result of each recipe in the history"
        );
        let running = self
            .stage
            .workspace
            .world(|world| world.asset(PROJECT, path).ok().and_then(|recipe| world.is_running(recipe)));
        ensure!(running == Some(true), "not seen: {path} running again");
        self.sides_are(Level::Meaning, commit).await?;
        self.tell.line("import", &format!("commit {} → package {package}, applied", commit.short()))?;
        let name = |id| taken.results.iter().find(|told| told.id == id).map(|told| told.name.clone());
        self.tell.recipes(&import.recipes, name)?;
        self.tell.seen("the workspace took that recipe alone, runs it, and shows the commit's meaning")?;
        Ok(())
    }

    /// Looks at both sides: the same files, and each the same at a level.
    async fn sides_are(&self, level: Level, commit: CommitId) -> anyhow::Result<()> {
        let (branch, workspace) = (self.stage.in_commit(commit).await?, self.stage.in_workspace()?);
        ensure!(!branch.is_empty(), "not seen: a file in commit {}", commit.short());
        ensure!(branch.keys().eq(workspace.keys()), "not seen: the same file names on both sides");
        for (path, bytes) in &branch {
            ensure!(same(level, path, bytes, &workspace[path]), "not seen: {path} the same on both sides");
        }
        Ok(())
    }

    fn show(&self, path: &str, from: (&str, &Files), to: (&str, &Files)) -> anyhow::Result<()> {
        let path = PackagePath::parse(path)?;
        let side = |files: &Files| files.get(&path).cloned();
        let (old, new) = (side(from.1), side(to.1));
        if let (Some(old), Some(new)) = (&old, &new) {
            for line in brief(&path, old, new) {
                self.tell.line("change", &line)?;
            }
        }
        Ok(self.tell.difference(&path, (from.0, old.as_deref()), (to.0, new.as_deref()))?)
    }

    /// Waits until something is found in the saved state and the history.
    async fn until<T>(
        &mut self,
        what: &str,
        mut find: impl FnMut(&State, &[Event]) -> Option<T>,
    ) -> anyhow::Result<T> {
        let name = self.stage.project.name.as_str();
        let progress = Progress::new([name].into_iter());
        let bar = progress.bar(name);
        let end = clock::instant() + DEADLINE;
        let found = loop {
            let (state, events) = self.stage.saved().await?;
            if let Some(found) = find(&state, &events) {
                break found;
            }
            bar.tell(&state.phase);
            if let Some(daemon) = self.daemon {
                daemon.check()?;
            }
            let why = || stall(&state, clock::now()).map(|stall| format!(": {}", stall.reason));
            let seconds = DEADLINE.as_secs();
            ensure!(
                clock::instant() < end,
                "not seen within {seconds} s: {what}{}",
                why().unwrap_or_default()
            );
            tokio::time::sleep(LOOK).await;
        };
        bar.finish();
        Ok(found)
    }
}

fn contains(files: &Files, path: &PackagePath, text: &str) -> bool {
    files.get(path).is_some_and(|bytes| String::from_utf8_lossy(bytes).contains(text))
}
