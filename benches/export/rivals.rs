//! The sides that are measured: what a person would do by hand, our program as a process, and our daemon's look.
//!
//! Each has a repository of its own, and tells what the last commit changed, so that nothing is quick by leaving
//! something out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use recipesync::config::{Config, Environment};
use recipesync::daemon::{Plant, bring_to_rest};
use recipesync::wire::Home;
use tokio::sync::watch;

use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{CHANGED, FULL, LIGHT};

/// What a look at the upstream may be old; a look in the daemon comes after it.
const POLL: Duration = Duration::from_secs(1);

/// One side, taken through the cases in their order.
pub(crate) trait Round {
    /// Makes ready; not measured.
    fn prepare(&mut self, case: usize, zip: &Bytes) -> Result<()>;
    /// Brings the package into the repository; measured.
    fn export(&mut self) -> Result<()>;
    /// Returns how long of what ended just now was from zip to commit, where that is told.
    fn work(&self, _end: Instant) -> Option<Duration> {
        None
    }
    /// Returns how many files the commits since the last call have changed.
    fn committed(&mut self) -> Result<usize>;
}

/// `unzip -qo`, `git add -A`, `git commit`, in a clone that is there.
pub(crate) struct Baseline {
    clone: PathBuf,
    zip: PathBuf,
    tip: Tip,
}

impl Baseline {
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let clone = folder.join("clone");
        recipesync::fs::create_folder(&clone)?;
        git(&clone, &["init", "-q", "-b", "main"])?;
        git(&clone, &["config", "gc.auto", "0"])?;
        git(&clone, &["commit", "-q", "--allow-empty", "-m", "start"])?;
        let tip = Tip::of(&clone)?;
        Ok(Self { clone, zip: folder.join("package.zip"), tip })
    }
}

impl Round for Baseline {
    fn prepare(&mut self, _case: usize, zip: &Bytes) -> Result<()> {
        Ok(recipesync::fs::write(&self.zip, zip)?)
    }

    fn export(&mut self) -> Result<()> {
        let mut unzip = command("unzip");
        unzip.arg("-qo").arg(&self.zip).arg("-d").arg(self.clone.join("orders"));
        let status = unzip.status().context("run unzip: it has to be installed for the comparison")?;
        ensure!(status.success(), "unzip failed");
        git(&self.clone, &["add", "-A"])?;
        // It ends with 1 where there is nothing to commit.
        let mut commit = git_command(&self.clone);
        commit.args(["commit", "-q", "-m", "export"]).stdout(Stdio::null()).status()?;
        Ok(())
    }

    fn committed(&mut self) -> Result<usize> {
        self.tip.moved()
    }
}

/// `recipesync sync`, with its state, an upstream and a configuration.
pub(crate) struct Process<'w> {
    place: Place<'w>,
    case: usize,
    /// The largest memory of each case, in kilobytes, without that of the git commands.
    pub(crate) peaks: [u64; 4],
}

impl<'w> Process<'w> {
    pub(crate) fn new(folder: &Path, workspace: &'w Workspace, recipes: usize) -> Result<Self> {
        Ok(Self { place: Place::new(folder, workspace, recipes)?, case: 0, peaks: [0; 4] })
    }
}

impl Round for Process<'_> {
    fn prepare(&mut self, case: usize, zip: &Bytes) -> Result<()> {
        self.case = case;
        self.place.hold(case, zip);
        Ok(())
    }

    fn export(&mut self) -> Result<()> {
        let mut sync = command(env!("CARGO_BIN_EXE_recipesync"));
        sync.arg("--config").arg(&self.place.config).args(["-q", "sync"]).stdout(Stdio::null());
        sync.args((self.case == FULL).then_some("--full"));
        let mut child = sync.spawn()?;
        let mut peak = 0;
        let status = loop {
            peak = peak.max(memory(&child));
            match child.try_wait()? {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        ensure!(status.success(), "recipesync sync failed");
        self.peaks[self.case] = peak;
        Ok(())
    }

    fn committed(&mut self) -> Result<usize> {
        self.place.committed(self.case)
    }
}

/// One look of a daemon that is running already.
pub(crate) struct Daemon<'w> {
    runtime: tokio::runtime::Runtime,
    plant: Plant,
    place: Place<'w>,
    case: usize,
    steps: Steps,
    _home: Home,
}

impl<'w> Daemon<'w> {
    pub(crate) fn new(
        folder: &Path,
        workspace: &'w Workspace,
        recipes: usize,
        steps: &Steps,
    ) -> Result<Self> {
        let place = Place::new(folder, workspace, recipes)?;
        let environment = Environment::new(folder.to_owned(), std::env::vars_os());
        let config = Config::load(&place.config, &environment)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let home = Home::open(&config.state_dir)?;
        let plant = runtime.block_on(home.plant(&config, &BTreeSet::new(), &environment))?;
        Ok(Self { runtime, plant, place, case: 0, steps: steps.clone(), _home: home })
    }
}

impl Round for Daemon<'_> {
    fn prepare(&mut self, case: usize, zip: &Bytes) -> Result<()> {
        self.case = case;
        self.place.hold(case, zip);
        // What is known of the upstream is too old by then, as it is when a schedule is due.
        std::thread::sleep(POLL);
        Ok(())
    }

    fn export(&mut self) -> Result<()> {
        let (_, wiring) = self.plant.projects().next().context("there is a project")?;
        let (_stop, stopping) = watch::channel(false);
        let rest = self.runtime.block_on(bring_to_rest(wiring, self.case == FULL, POLL, stopping, |_| {}))?;
        match rest.state.stalled {
            Some(stall) => bail!("stalled: {}", stall.reason),
            None => Ok(()),
        }
    }

    fn work(&self, end: Instant) -> Option<Duration> {
        self.steps.work(end)
    }

    fn committed(&mut self) -> Result<usize> {
        self.place.committed(self.case)
    }
}

/// What our program needs: a configuration, a state folder, an upstream.
struct Place<'w> {
    workspace: &'w Workspace,
    config: PathBuf,
    tip: Tip,
    recipes: usize,
}

impl<'w> Place<'w> {
    fn new(folder: &Path, workspace: &'w Workspace, recipes: usize) -> Result<Self> {
        let upstream = folder.join("upstream.git");
        recipesync::fs::create_folder(&upstream)?;
        git(&upstream, &["init", "-q", "--bare", "-b", "main"])?;
        git(&upstream, &["config", "gc.auto", "0"])?;
        let tree = git(&upstream, &["hash-object", "-t", "tree", "-w", "/dev/null"])?;
        let start = git(&upstream, &["commit-tree", tree.trim(), "-m", "start"])?;
        git(&upstream, &["update-ref", "refs/heads/main", start.trim()])?;
        let config = folder.join("recipesync.toml");
        let text = format!(
            r#"
            state_dir = "state"
            [workspace.bench]
            url = "http://{}"
            token_file = "token"
            requests_per_minute = 1000000
            [repository.recipes]
            url = "upstream.git"
            poll = "1s"
            [project.orders]
            workspace = "bench"
            repository = "recipes"
            path = "orders"
            folder_id = 1
            export.branch = "main"
            "#,
            workspace.address
        );
        recipesync::fs::write(&config, text.as_bytes())?;
        recipesync::fs::write(&folder.join("token"), b"no-secret\n")?;
        Ok(Self { workspace, config, tip: Tip::of(&upstream)?, recipes })
    }

    /// Sets what the workspace holds in a case.
    fn hold(&self, case: usize, zip: &Bytes) {
        self.workspace.hold(zip, self.recipes, usize::from(case == CHANGED));
    }

    /// Returns how many files were committed, by an export where the case is one.
    fn committed(&mut self, case: usize) -> Result<usize> {
        let exports = self.workspace.exports();
        ensure!(exports == usize::from(case != LIGHT), "{exports} exports were asked for");
        self.tip.moved()
    }
}

/// Where a repository's branch was.
struct Tip {
    folder: PathBuf,
    commit: String,
}

impl Tip {
    fn of(folder: &Path) -> Result<Self> {
        Ok(Self { folder: folder.to_owned(), commit: git(folder, &["rev-parse", "main"])? })
    }

    /// Returns how many files differ from where it was, and notes where it is.
    fn moved(&mut self) -> Result<usize> {
        let now = git(&self.folder, &["rev-parse", "main"])?;
        let names =
            git(&self.folder, &["diff", "--name-only", "--no-renames", self.commit.trim(), now.trim()])?;
        self.commit = now;
        Ok(names.lines().count())
    }
}

/// Returns the largest memory that a process has had, in kilobytes; 0 once it is gone.
fn memory(child: &Child) -> u64 {
    let status = recipesync::fs::read_text(Path::new(&format!("/proc/{}/status", child.id())), 1 << 16);
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = git_command(folder).args(arguments).output().context("run git")?;
    ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Git without what the machine's user has configured.
fn git_command(folder: &Path) -> Command {
    let mut git = command("git");
    git.arg("-C").arg(folder);
    for setting in ["user.name=bench", "user.email=bench@acme.example"] {
        git.arg("-c").arg(setting);
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    git
}

#[expect(clippy::disallowed_methods, reason = "a bench starts what it measures")]
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}
