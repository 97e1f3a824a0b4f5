//! From a configuration to what the steps touch: clients, budgets, caches, the saved states.
//!
//! It connects nothing and decides nothing: the one place that knows both the configuration and the adapters.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use tempfile::TempDir;

use crate::config::{self, Config};
use crate::daemon::{Plant, clock};
use crate::fs::{self, FsError};
use crate::git::{self, Cache, Git, GitError};
use crate::model::branch::BranchName;
use crate::model::project::ProjectName;
use crate::store::{Store, StoreError};
use crate::sync::{Room, Wiring, Workspace};
use crate::workato::{Auth, Budget, Client, Http, Kind, Settings, SettingsError};

/// How long one git command may take: the first fetch of a large repository over a slow line.
const GIT_DEADLINE: Duration = Duration::from_secs(600);

/// For how long sent requests are remembered: as long as the longest quota counts.
const REMEMBERED: TimeDelta = TimeDelta::minutes(90);

/// What keeps a configuration from being put to work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Another process works on the state folder.
    #[error("another recipesync works on {}", folder.display())]
    Busy {
        /// The state folder.
        folder: PathBuf,
    },
    /// The state folder cannot be used.
    #[error("use the state folder")]
    Folder(#[from] FsError),
    /// The saved states cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A repository cannot be used.
    #[error("repository {name}")]
    Git {
        /// Its name in the configuration.
        name: String,
        /// Why.
        source: GitError,
    },
    /// A workspace cannot be talked to as it is configured.
    #[error("workspace {name}")]
    Workspace {
        /// Its name in the configuration.
        name: String,
        /// Why.
        source: SettingsError,
    },
    /// The new configuration asks for what only a start can change.
    #[error("state_dir is {} now, and cannot change while running", folder.display())]
    Moved {
        /// The new folder.
        folder: PathBuf,
    },
}

impl WireError {
    /// Returns what an operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Busy { .. } => Some(
                "stop the daemon first, or let it do the work: `recipesync status` and `resolve` work beside it"
                    .to_owned(),
            ),
            Self::Folder(_) => Some("check `state_dir` and its permissions".to_owned()),
            Self::Store(error) => Some(error.hint().to_owned()),
            Self::Git { source, .. } => source.hint(),
            Self::Workspace { source, .. } => Some(source.hint().to_owned()),
            Self::Moved { .. } => Some("restart the daemon".to_owned()),
        }
    }
}

/// The state folder, locked: one process at a time works on it.
pub struct Home {
    /// The state folder of the configuration.
    folder: PathBuf,
    /// Where this process works: there, or in a copy.
    place: PathBuf,
    store: Arc<Store>,
    /// Where requests are written down: in the state folder itself, also from a copy.
    ledger: Arc<Store>,
    http: Http,
    /// Names this process to the imports that it records, until steps were ended as in a crash.
    run: AtomicU64,
    /// What else goes when the home goes: the lock, or a folder for one look.
    _keep: Keep,
}

#[expect(dead_code, reason = "held, not read")]
enum Keep {
    Lock(fs::Lock),
    Scratch(TempDir),
}

impl Home {
    /// Opens and locks a state folder, and makes it where it is absent.
    ///
    /// # Errors
    /// When another process has it, or it cannot be used.
    pub fn open(folder: &Path) -> Result<Self, WireError> {
        fs::create_folder(folder)?;
        let lock = fs::lock(&folder.join("lock"))?;
        let lock = lock.ok_or_else(|| WireError::Busy { folder: folder.to_owned() })?;
        let store = Arc::new(Store::open(folder)?);
        Ok(Self {
            folder: folder.to_owned(),
            place: folder.to_owned(),
            ledger: Arc::clone(&store),
            store,
            http: Http::new(),
            run: AtomicU64::new(fastrand::u64(..)),
            _keep: Keep::Lock(lock),
        })
    }

    /// Opens a copy of a state folder's states, for one look beside a running daemon. What is written into it is
    /// gone with it.
    ///
    /// # Errors
    /// When the states cannot be read, or there is no room for the copy.
    pub fn beside(folder: &Path) -> Result<Self, WireError> {
        let scratch = fs::scratch_folder()?;
        let shared = match Store::open_beside(folder) {
            Ok(store) => Some(store),
            Err(StoreError::Absent { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(shared) = &shared {
            shared.copy_to(scratch.path())?;
        }
        let store = Arc::new(Store::open(scratch.path())?);
        let ledger = shared.map_or_else(|| Arc::clone(&store), Arc::new);
        Ok(Self {
            folder: folder.to_owned(),
            place: scratch.path().to_owned(),
            store,
            ledger,
            http: Http::new(),
            run: AtomicU64::new(fastrand::u64(..)),
            _keep: Keep::Scratch(scratch),
        })
    }

    /// Forgets which requests this process has sent: steps were ended as in a crash, and what became of their
    /// imports has to be looked at. For the plants that are built from now on.
    pub fn forget_run(&self) {
        self.run.store(fastrand::u64(..), Ordering::SeqCst);
    }

    /// Puts a configuration to work, or only some of its projects. Speaks to nobody yet.
    ///
    /// # Errors
    /// When a part of it cannot be used.
    pub async fn plant(
        &self,
        config: &Config,
        only: &BTreeSet<ProjectName>,
        variables: &config::Environment,
    ) -> Result<Plant, WireError> {
        if config.state_dir != self.folder {
            return Err(WireError::Moved { folder: config.state_dir.clone() });
        }
        let chosen =
            || config.projects.values().filter(|project| only.is_empty() || only.contains(&project.name));
        let git = install_git(self, config, variables).await?;
        let mut caches = BTreeMap::new();
        let mut local = BTreeMap::new();
        for name in chosen().map(|project| &project.repository).collect::<BTreeSet<_>>() {
            let repository = &config.repositories[name];
            let branches = branches(config, name);
            let cache = open_cache(&git, self, repository, branches)
                .await
                .map_err(|source| WireError::Git { name: name.clone(), source })?;
            caches.insert(name.clone(), cache);
            if let Some(folder) = git::local_upstream(&repository.url) {
                local.insert(name.clone(), folder);
            }
        }
        let mut budgets = Vec::new();
        let mut workspaces = BTreeMap::new();
        for name in chosen().map(|project| &project.workspace).collect::<BTreeSet<_>>() {
            let budget = budget(&self.ledger, &config.workspaces[name])?;
            let workspace = workspace(self, &config.workspaces[name], &budget)?;
            budgets.push(budget);
            workspaces.insert(name.clone(), Arc::new(workspace));
        }
        let room = Room::default();
        let run = self.run.load(Ordering::SeqCst);
        let projects = chosen().map(|project| {
            let wiring = Wiring {
                project: Arc::clone(project),
                workspace: Arc::clone(&workspaces[&project.workspace]),
                repository: caches[&project.repository].clone(),
                poll: config.repositories[&project.repository].poll,
                store: Arc::clone(&self.store),
                room: room.clone(),
                run,
            };
            (project.name.clone(), wiring)
        });
        Ok(Plant::new(Arc::clone(&self.store), projects.collect(), caches, local, budgets))
    }
}

async fn install_git(
    home: &Home,
    config: &Config,
    variables: &config::Environment,
) -> Result<Git, WireError> {
    // A token that was handed over in the environment is not for git's children.
    let secret: Vec<&str> =
        config.workspaces.values().filter_map(|workspace| workspace.token_variable.as_deref()).collect();
    let passed = variables.variables().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = git::Environment::new(passed, &secret).with_umask(variables.umask());
    Git::install(&home.place, environment)
        .await
        .map_err(|source| WireError::Git { name: "(all)".to_owned(), source })
}

fn branches(config: &Config, repository: &str) -> BTreeSet<BranchName> {
    let projects = config.projects.values().filter(|project| project.repository == repository);
    projects.flat_map(|project| project.branches()).cloned().collect()
}

async fn open_cache(
    git: &Git,
    home: &Home,
    repository: &config::Repository,
    branches: BTreeSet<BranchName>,
) -> Result<Cache, GitError> {
    let repos = home.place.join("repos");
    fs::create_folder(&repos)?;
    let credentials = match &repository.credentials {
        config::Credentials::Own => git::Credentials::default(),
        config::Credentials::Token { username, file, token } => git::Credentials {
            token_file: Some((file.clone(), username.clone())),
            token: Some(token.clone()),
            ..git::Credentials::default()
        },
        config::Credentials::SshKey { file } => {
            git::Credentials { ssh_key_file: Some(file.clone()), ..git::Credentials::default() }
        }
    };
    let settings = git::Settings {
        folder: repos.join(format!("{}.git", repository.name)),
        url: repository.url.clone(),
        credentials,
        author: repository.author.clone(),
        branches,
        deadline: GIT_DEADLINE,
    };
    let cache = Cache::open(git.clone(), settings).await?;
    let lender = home.folder.join("repos").join(format!("{}.git", repository.name));
    if home.place != home.folder && lender.exists() {
        // What was seen of the workspace and is in no commit is there alone.
        cache.borrow_from(&lender).await?;
    }
    Ok(cache)
}

/// Makes a workspace's budget, with what earlier processes have sent already counted.
fn budget(store: &Arc<Store>, workspace: &config::Workspace) -> Result<Arc<Budget>, WireError> {
    let positive = |number| NonZeroU64::new(number).expect("the configuration has checked the numbers");
    let (ledger, name) = (Arc::clone(store), workspace.name.clone());
    let budget = Budget::new(
        positive(workspace.requests_per_minute),
        positive(workspace.imports_per_hour),
        Some(Box::new(move |kind, at| {
            let import = kind == Kind::Import;
            if let Err(error) = ledger.record_sent(&name, import, at, at - REMEMBERED) {
                // The step that sent it saves its state next, and fails on the same disk.
                tracing::warn!(workspace = name, %error, "cannot write down a request");
            }
        })),
    );
    let kind = |import| if import { Kind::Import } else { Kind::Request };
    let sent = store.sent(&workspace.name)?;
    budget.restore(sent.into_iter().map(|(import, at)| (kind(import), at)), clock::now());
    Ok(Arc::new(budget))
}

fn workspace(
    home: &Home,
    workspace: &config::Workspace,
    budget: &Arc<Budget>,
) -> Result<Workspace, WireError> {
    let auth = match &workspace.email {
        Some(email) => Auth::EmailToken { email: email.clone(), token: workspace.token.clone() },
        None => Auth::Bearer(workspace.token.clone()),
    };
    let settings = Settings { url: workspace.url.clone(), auth, budget: Arc::clone(budget) };
    let client = Client::new(settings, &home.http)
        .map_err(|source| WireError::Workspace { name: workspace.name.clone(), source })?;
    Ok(Workspace::new(&workspace.name, workspace.url.as_str(), client))
}
