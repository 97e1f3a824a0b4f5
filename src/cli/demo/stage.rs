//! What the demo needs before it begins: a folder, a workspace, a repository, a configuration, and the daemon.
//!
//! All of it is what a user would have: the daemon and the commands know nothing of a demo. Only what stands in
//! [`OWN`] is ever removed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::blocking;
use crate::config::{Config, Environment};
use crate::daemon::{Control, serve};
use crate::emulator::{self, Options, Running, SeedSource};
use crate::fs;
use crate::git::{self, Git, WorkTree};
use crate::model::branch::BranchName;
use crate::model::history::Event;
use crate::model::oid::CommitId;
use crate::model::path::PackagePath;
use crate::model::project::Project;
use crate::model::state::State;
use crate::store::{Store, StoreError};
use crate::wire::Home;

/// The project in the workspace.
pub(super) const PROJECT: &str = "Order desk";
/// What the workspace's callers send; it listens on loopback only, and holds nothing but the demo's project.
pub(super) const TOKEN: &str = "demo";

/// Says that a folder is a demo's; it is also what a running demo holds locked.
const MARKER: &str = ".recipesync-demo";
const MARKER_TEXT: &str = "The folder of a `recipesync demo`: the next one here starts afresh.\n";
const CONFIG: &str = "recipesync.toml";
const TOKEN_FILE: &str = "demo.token";
const REPOSITORY: &str = "recipes";
const STATE: &str = "state";
/// What a demo makes in its folder beside the marker, and removes when it starts afresh.
const OWN: [&str; 4] = [CONFIG, TOKEN_FILE, REPOSITORY, STATE];

/// The project's files on one side.
pub(super) type Files = BTreeMap<PackagePath, Vec<u8>>;

/// All that the story takes place in.
pub(super) struct Stage {
    /// The folder with everything in it.
    pub(super) dir: PathBuf,
    /// The embedded workspace.
    pub(super) workspace: Running,
    /// The number of the project's folder in it.
    pub(super) folder_id: u64,
    /// The upstream, which a person can also work in.
    pub(super) repository: WorkTree,
    /// The one project of the configuration.
    pub(super) project: Arc<Project>,
    config: Config,
    environment: Environment,
    home: Home,
    /// Beside the daemon, as `status` and `resolve` open it.
    store: Arc<Store>,
    _lock: fs::Lock,
}

/// The running daemon.
pub(super) struct Daemon {
    control: mpsc::Sender<Control>,
    task: JoinSet<Result<(), StoreError>>,
}

impl Stage {
    /// Sets everything up, but the daemon.
    pub(super) async fn set(
        environment: &Environment,
        dir: Option<&Path>,
        listen: SocketAddr,
    ) -> anyhow::Result<Self> {
        let (dir, lock) = take_folder(dir)?;
        let seeds = vec![(PROJECT.to_owned(), SeedSource::Files(emulator::order_desk()))];
        let options = Options { listen, token: TOKEN.into(), seeds, ..Options::default() };
        let workspace = emulator::serve(options).await.context("start the embedded workspace")?;
        let folder_id = workspace.world(|world| world.project(PROJECT)).expect("it was just seeded");
        start_recipes(&workspace)?;

        fs::write(&dir.join(TOKEN_FILE), TOKEN.as_bytes())?;
        let file = dir.join(CONFIG);
        fs::write(&file, configuration(&workspace.url(), folder_id).as_bytes())?;
        let variables: Vec<_> =
            environment.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let environment = Environment::new(dir.clone(), variables.clone());
        let config = Config::load(&file, &environment)?;
        let project = config.projects.values().next().cloned().expect("the configuration has one project");

        let home = Home::open(&config.state_dir)?;
        let git = Git::install(&config.state_dir, git::Environment::new(variables, &[])).await?;
        let branch = BranchName::parse("main").expect("it is a good name");
        let repository = WorkTree::init(&git, &dir.join(REPOSITORY), &branch).await?;
        let store = Arc::new(Store::open_beside(&config.state_dir)?);
        Ok(Self {
            dir,
            workspace,
            folder_id,
            repository,
            project,
            config,
            environment,
            home,
            store,
            _lock: lock,
        })
    }

    /// Starts the daemon, as `recipesync run` does.
    pub(super) async fn start(&self) -> anyhow::Result<Daemon> {
        let plant = self.home.plant(&self.config, &BTreeSet::new(), &self.environment).await?;
        let (control, told) = mpsc::channel(1);
        let mut task = JoinSet::new();
        task.spawn(serve(plant, told, |_| {}));
        Ok(Daemon { control, task })
    }

    /// Ends the workspace.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        Ok(self.workspace.shutdown().await?)
    }

    /// Returns the configuration's path.
    pub(super) fn config_file(&self) -> &Path {
        &self.config.file
    }

    /// Returns the project's files in the workspace, as they are there.
    pub(super) fn in_workspace(&self) -> anyhow::Result<Files> {
        let files = self.workspace.world(|world| world.files(PROJECT))?;
        let parsed = files.into_iter().map(|(path, bytes)| Ok((PackagePath::parse(&path)?, bytes.to_vec())));
        parsed.collect()
    }

    /// Returns the project's files in a commit.
    pub(super) async fn in_commit(&self, commit: CommitId) -> anyhow::Result<Files> {
        Ok(self.repository.files(commit, &self.project.path).await?)
    }

    /// Returns the branch's tip, which must be there.
    pub(super) async fn tip(&self) -> anyhow::Result<CommitId> {
        self.repository.tip().await?.context("not seen: a commit on main")
    }

    /// Returns where a file of the project is in the working tree.
    pub(super) fn file(&self, path: &PackagePath) -> PathBuf {
        self.repository.folder().join(self.project.path.join(path))
    }

    /// Returns the saved state, and what happened so far.
    pub(super) async fn saved(&self) -> Result<(Box<State>, Vec<Event>), StoreError> {
        let (store, name) = (Arc::clone(&self.store), self.project.name.clone());
        blocking::run(move || {
            let state = store.state(&name)?.map(|(state, _)| state).unwrap_or_default();
            Ok((state, store.history(&name)?))
        })
        .await
    }

    /// Returns the state's door, for what `resolve` does.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the workspace's time.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.workspace.now()
    }
}

impl Daemon {
    /// Fails when the daemon has ended by itself.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        match self.task.try_join_next() {
            None => Ok(()),
            Some(ended) => {
                ended.context("the daemon panicked")??;
                bail!("the daemon has ended by itself")
            }
        }
    }

    /// Stops it in order, as SIGTERM does.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        // Where nobody listens any more it has ended, and says why below.
        self.control.send(Control::Stop).await.ok();
        while let Some(ended) = self.task.join_next().await {
            ended.context("the daemon panicked")??;
        }
        Ok(())
    }
}

/// Makes and locks the folder. One that is not empty must be an earlier demo's, and what that has made is removed.
fn take_folder(dir: Option<&Path>) -> anyhow::Result<(PathBuf, fs::Lock)> {
    let dir = match dir {
        Some(dir) => std::path::absolute(dir).context("find the working folder")?,
        None => fs::scratch_folder()?.keep(),
    };
    let marker = dir.join(MARKER);
    let fresh = fs::is_vacant(&dir)?;
    if fresh {
        fs::create_folder(&dir)?;
        fs::write_new(&marker, MARKER_TEXT.as_bytes())?;
    } else if fs::read_text(&marker, 1024).ok().as_deref() != Some(MARKER_TEXT) {
        bail!("the folder {} holds something else than a demo: name an empty or a new one", dir.display());
    }
    let lock = fs::lock(&marker)?;
    let Some(lock) = lock else { bail!("another demo runs in {}", dir.display()) };
    if !fresh {
        for name in OWN {
            let path = dir.join(name);
            if path.is_dir() && !path.is_symlink() {
                fs::remove_folder(&path)?;
            } else {
                fs::remove_file(&path)?;
            }
        }
    }
    Ok((dir, lock))
}

/// Starts all recipes, so that an import has something to restart.
fn start_recipes(workspace: &Running) -> anyhow::Result<()> {
    let now = workspace.now();
    workspace.world(|world| {
        for path in world.files(PROJECT)?.keys().filter(|path| path.ends_with(".recipe.json")) {
            let id = world.asset(PROJECT, path)?;
            world.start(id, now)?;
        }
        Ok(())
    })
}

fn configuration(url: &str, folder_id: u64) -> String {
    format!(
        r#"# Written by `recipesync demo`. Everything is on this machine.
state_dir = "{STATE}"

[workspace.demo]
url = "{url}"
token_file = "{TOKEN_FILE}"
requests_per_minute = 6000               # the embedded workspace has no quota

[repository.recipes]
url = "./{REPOSITORY}"
poll = "1s"

[project.orders]
workspace = "demo"
repository = "recipes"
path = "orders"
folder_id = {folder_id}

[project.orders.export]
branch = "main"
schedule = "1s"

[project.orders.import]
branch = "main"
restart_recipes = true
"#
    )
}
