//! After the story: what to try, and what happens, as it happens.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use super::program;
use super::stage::{Daemon, Files, PROJECT, Stage, TOKEN};
use super::tell::{Tell, quoted};
use crate::daemon::clock;
use crate::model::history::{Event, EventKind};
use crate::model::path::PackagePath;
use crate::model::state::{Stall, State, Verdict};
use crate::model::status::{Standing, stall, standing, status};

/// How often it is looked for something new.
const LOOK: Duration = Duration::from_millis(200);
/// How many changed files of one commit are shown.
const MAX_FILES: usize = 3;

/// Says what to try next, in commands that work when pasted.
pub(super) fn invite(stage: &Stage, tell: Tell) -> anyhow::Result<()> {
    let config = quoted(stage.config_file());
    let program = program();
    let url = stage.workspace.url();
    tell.headline("Now you: recipesync goes on, and shows here what it does. Ctrl-C ends it.")?;
    tell.line("branch", "change a recipe in git, in another terminal")?;
    tell.command(&format!("cd {}", quoted(stage.repository.folder())))?;
    tell.command(
        r#"sed -i.old 's/"limit": "[0-9]*"/"limit": "30"/' orders/Reports/daily_order_report.recipe.json"#,
    )?;
    tell.command("git commit -qam 'report: 30 orders'")?;
    tell.line("workspace", "change a recipe as in the workspace's editor")?;
    tell.command(&format!(
        "curl -sS -X PUT -H 'Authorization: Bearer {TOKEN}' -d '{}' '{url}/_emulator/recipes?project={}&path={}'",
        r#"{"step": 1, "input": {"older_than_hours": "48"}}"#,
        PROJECT.replace(' ', "%20"),
        "Reports/daily_order_report.recipe.json",
    ))?;
    tell.line("look", "at where things stand")?;
    for command in ["status", "history orders"] {
        tell.command(&format!("{program} --config {config} {command}"))?;
    }
    tell.line("again", "with other numbers: what is the same on both sides is left alone")?;
    Ok(())
}

/// Tells what happens until nobody waits any more.
pub(super) async fn watch(stage: &Stage, daemon: &mut Daemon, tell: Tell) -> anyhow::Result<Infallible> {
    let (mut state, mut events) = stage.saved().await?;
    let mut told = failing(&state);
    loop {
        tokio::time::sleep(LOOK).await;
        daemon.check()?;
        let (now, happened) = stage.saved().await?;
        for event in happened.iter().skip(events.len()) {
            tell_event(stage, tell, event).await?;
        }
        tell_conflicts(stage, tell, &state, &now).await?;
        let failing = failing(&now);
        tell_stall(tell, told.as_ref(), failing.as_ref())?;
        told = failing;
        tell_rest(tell, &state, &now)?;
        (state, events) = (now, happened);
    }
}

/// Returns why nothing goes on, be it for good or passing.
fn failing(state: &State) -> Option<Stall> {
    let passing = || {
        let trouble = state.trouble.as_ref()?;
        Some(Stall { reason: trouble.reason.clone(), hint: trouble.hint.clone() })
    };
    stall(state, clock::now()).or_else(passing)
}

async fn tell_event(stage: &Stage, tell: Tell, event: &Event) -> anyhow::Result<()> {
    let at = event.at.with_timezone(&chrono::Local).format("%H:%M:%S");
    let package = event.package.map_or_else(|| "-".to_owned(), |package| package.to_string());
    let Some(commit) = event.commit else { return Ok(()) };
    match event.kind {
        EventKind::Export => {
            tell.headline(&format!("{at} from the workspace to git"))?;
            tell.line("export", &format!("package {package} → commit {}", commit.short()))?;
            let parent = stage.repository.parent(commit).await?;
            let old = match parent {
                Some(parent) => stage.in_commit(parent).await?,
                None => Files::new(),
            };
            let new = stage.in_commit(commit).await?;
            let paths: BTreeSet<&PackagePath> = old.keys().chain(new.keys()).collect();
            let changed = paths.into_iter().filter(|path| old.get(*path) != new.get(*path));
            for path in changed.take(MAX_FILES) {
                let side = |files: &Files| files.get(path).cloned();
                let (before, after) = (side(&old), side(&new));
                tell.difference(
                    path,
                    (path.as_str(), before.as_deref()),
                    (&commit.short(), after.as_deref()),
                )?;
            }
        }
        EventKind::Import => {
            tell.headline(&format!("{at} from git to the workspace: {} by {}", event.summary, event.by))?;
            let verdict =
                event.verdict.map_or_else(|| "no verdict".to_owned(), |verdict| verdict.to_string());
            tell.line("import", &format!("commit {} → package {package}, {verdict}", commit.short()))?;
            let results = stage.workspace.world(|world| {
                let import = world.imports().find(|(id, _)| Some(*id) == event.package);
                import.map(|(_, import)| import.results.clone()).unwrap_or_default()
            });
            let name = |id| results.iter().find(|told| told.id == id).map(|told| told.name.clone());
            tell.recipes(&event.recipes, name)?;
            if let Some(reason) = event.reason.as_ref().filter(|_| event.verdict != Some(Verdict::Applied)) {
                tell.line("because", reason)?;
            }
        }
    }
    Ok(())
}

async fn tell_conflicts(stage: &Stage, tell: Tell, before: &State, now: &State) -> anyhow::Result<()> {
    for (path, pair) in &now.conflicts {
        if before.conflicts.get(path) == Some(pair) {
            continue;
        }
        let (branch, workspace) = (stage.in_commit(stage.tip().await?).await?, stage.in_workspace()?);
        tell.headline(&format!("conflict: orders/{path} was changed on both sides"))?;
        let side = |files: &Files| files.get(path).cloned();
        let (theirs, ours) = (side(&workspace), side(&branch));
        tell.difference(path, ("workspace", theirs.as_deref()), ("branch", ours.as_deref()))?;
        tell.line("settle", "make them the same, or take one side:")?;
        let (program, config) = (program(), quoted(stage.config_file()));
        for side in ["workspace", "branch"] {
            tell.command(&format!("{program} --config {config} resolve orders {path} --take {side}"))?;
        }
    }
    let merge = status(&stage.project, now, clock::now(), None).workspace_side;
    if let Some(side) =
        merge.filter(|_| now.conflicts.keys().any(|path| !before.conflicts.contains_key(path)))
    {
        tell.line("or", "merge the workspace's side, as any other branch:")?;
        tell.command(&format!("git -C {} merge {side}", quoted(stage.repository.folder())))?;
    }
    for path in now.to_prune.keys().filter(|path| !before.to_prune.contains_key(*path)) {
        tell.headline(&format!("deleted on the branch: orders/{path}"))?;
        tell.line("but", "an import cannot delete: it is still in the workspace, to be deleted there")?;
    }
    Ok(())
}

/// Tells what keeps things from going on, once.
fn tell_stall(tell: Tell, before: Option<&Stall>, now: Option<&Stall>) -> anyhow::Result<()> {
    if let Some(stall) = now
        && before.map(|before| &before.reason) != Some(&stall.reason)
    {
        tell.headline("recipesync does not get on")?;
        tell.line("because", &stall.reason)?;
        if let Some(hint) = &stall.hint {
            tell.line("hint", hint)?;
        }
    }
    Ok(())
}

fn tell_rest(tell: Tell, before: &State, now: &State) -> anyhow::Result<()> {
    let waited = |state: &State| {
        matches!(standing(state, clock::now()), Standing::Conflict | Standing::Stalled | Standing::Drift)
    };
    if waited(before) && standing(now, clock::now()) == Standing::InSync {
        tell.headline("both sides are the same again")?;
    }
    Ok(())
}
