//! Our sides: the whole process `recipesync sync`, and one look of a daemon that is running already.
//!
//! Both are split by what git writes down of itself: the commit is in the repository's cache when `git push` begins,
//! and pushed when it ends. What comes after it is the saved state.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;
use recipesync::config::{Config, Environment};
use recipesync::daemon::{Plant, bring_to_rest};
use recipesync::wire::Home;
use serde_json::Value;
use tokio::sync::watch;
use zip::ZipArchive;

use crate::command::command;
use crate::measure::now;
use crate::place::Place;
use crate::sides::{CHANGED, FULL, LIGHT, Side, Site, Taken};
use crate::steps::Steps;
use crate::watch::run;
use crate::workspace::Workspace;

/// What a look at the upstream may be old; a look in the daemon comes after it.
const POLL: Duration = Duration::from_secs(1);

/// `recipesync sync`, with its state, an upstream and a configuration.
pub(crate) struct Process<'w> {
    workspace: &'w Workspace,
    place: Place,
    case: usize,
}

impl<'w> Process<'w> {
    pub(crate) fn new(folder: &Path, workspace: &'w Workspace) -> Result<Self> {
        Ok(Self { workspace, place: Place::new(folder, workspace, 1)?, case: 0 })
    }
}

impl Side for Process<'_> {
    fn prepare(&mut self, case: usize, zip: &Bytes) -> Result<()> {
        self.case = case;
        hold(self.workspace, case, zip)?;
        Ok(recipesync::fs::overwrite(&self.place.trace, b"")?)
    }

    fn export(&mut self) -> Result<Taken> {
        let mut sync = command(env!("CARGO_BIN_EXE_recipesync"));
        sync.env_clear().envs(variables(&self.place));
        sync.arg("--config").arg(&self.place.config).args(["-q", "sync"]);
        sync.args((self.case == FULL).then_some("--full"));
        let start = time();
        let ran = run(&mut sync)?;
        ensure!(ran.status.success(), "recipesync sync failed");
        let (committed, pushed) = split(&self.place.trace, start)?;
        Ok(Taken { whole: ran.took, committed, pushed, work: None, peak: ran.peak })
    }

    fn committed(&mut self) -> Result<usize> {
        check(self.workspace, self.case)?;
        self.place.tip.moved()
    }
}

/// One look of a daemon that is running already, at all of its projects.
pub(crate) struct Daemon<'w> {
    workspace: &'w Workspace,
    runtime: tokio::runtime::Runtime,
    plant: Plant,
    place: Place,
    steps: Steps,
    case: usize,
    _home: Home,
}

impl<'w> Daemon<'w> {
    pub(crate) fn new(folder: &Path, site: &'w Site, projects: usize) -> Result<Self> {
        let (workspace, steps) = (&site.workspace, site.steps.clone());
        let place = Place::new(folder, workspace, projects)?;
        let environment = Environment::new(folder.to_owned(), variables(&place));
        let config = Config::load(&place.config, &environment)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let home = Home::open(&config.state_dir)?;
        let plant = runtime.block_on(home.plant(&config, &BTreeSet::new(), &environment))?;
        Ok(Self { workspace, runtime, plant, place, steps, case: 0, _home: home })
    }

    /// Lets git tidy the cache, as the daemon does between looks.
    pub(crate) fn tidy(&self) {
        self.runtime.block_on(self.plant.tidy());
    }

    /// Takes one look at all projects, at what the workspace holds now.
    pub(crate) fn look(&self) -> Result<()> {
        let looks = self.plant.projects().map(|(name, wiring)| async move {
            let (_stop, stopping) = watch::channel(false);
            let rest = bring_to_rest(wiring, self.case == FULL, POLL, stopping, |_| {}).await?;
            match rest.state.stalled {
                Some(stall) => bail!("{name} stalled: {}", stall.reason),
                None => Ok(()),
            }
        });
        self.runtime.block_on(try_join_all(looks)).map(drop)
    }
}

impl Side for Daemon<'_> {
    fn prepare(&mut self, case: usize, zip: &Bytes) -> Result<()> {
        self.case = case;
        hold(self.workspace, case, zip)?;
        // What is known of the upstream is too old by then, as it is when a schedule is due.
        std::thread::sleep(POLL);
        Ok(recipesync::fs::overwrite(&self.place.trace, b"")?)
    }

    fn export(&mut self) -> Result<Taken> {
        let (start, began) = (time(), now());
        self.look()?;
        let end = now();
        let (committed, pushed) = split(&self.place.trace, start)?;
        let work = self.steps.work(end);
        Ok(Taken { whole: end - began, committed, pushed, work, peak: 0 })
    }

    fn committed(&mut self) -> Result<usize> {
        check(self.workspace, self.case)?;
        self.place.tip.moved()
    }
}

/// Sets what the workspace holds in a case, and the list that goes with it.
fn hold(workspace: &Workspace, case: usize, zip: &Bytes) -> Result<()> {
    let recipes = ZipArchive::new(Cursor::new(zip))?.len();
    workspace.hold(zip, recipes, usize::from(case == CHANGED));
    Ok(())
}

/// Checks that an export was asked for where the case is one.
fn check(workspace: &Workspace, case: usize) -> Result<()> {
    let exports = workspace.exports();
    ensure!((exports > 0) == (case != LIGHT), "{exports} exports were asked for");
    Ok(())
}

/// The environment without what the machine's user has configured for git.
fn variables(place: &Place) -> Vec<(OsString, OsString)> {
    let is_of_git = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("GIT_") || name == "HOME" || name == "XDG_CONFIG_HOME"
    };
    let ours = [("HOME", place.home.as_os_str()), ("GIT_CONFIG_NOSYSTEM", "1".as_ref())];
    std::env::vars_os()
        .filter(|(name, _)| !is_of_git(name))
        .chain(ours.map(|(name, value)| (name.into(), value.to_owned())))
        .collect()
}

/// Returns when the last push began and ended, from a start on, by git's own account; `None` where nothing was pushed.
fn split(trace: &Path, start: DateTime<Utc>) -> Result<(Option<Duration>, Option<Duration>)> {
    let text = recipesync::fs::read_text(trace, 1 << 26)?;
    let (mut push, mut began, mut ended) = (None, None, None);
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).context("read what git wrote down")?;
        // What a git was started by stands before its own name; the push itself was started by nobody.
        let Some(name) = event["sid"].as_str().filter(|name| !name.contains('/')) else { continue };
        let pushes = || event["argv"].as_array().is_some_and(|words| words.iter().any(|word| word == "push"));
        let since = || {
            let time: DateTime<Utc> = event["time"].as_str()?.parse().ok()?;
            (time - start).to_std().ok()
        };
        match event["event"].as_str() {
            Some("start") if pushes() => {
                (push, began) = (Some(name.to_owned()), since());
            }
            Some("atexit") if push.as_deref() == Some(name) => ended = since(),
            _ => {}
        }
    }
    Ok((began, ended))
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock; git writes down the wall's")]
fn time() -> DateTime<Utc> {
    Utc::now()
}
