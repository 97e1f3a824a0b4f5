//! The embedded workspace: serves the platform's API on loopback as the platform does, for the demo, for
//! rehearsals, and for every test that needs a workspace.
//!
//! The rules are plain code in [`World`]: no input or output, no async, and time is an argument. HTTP is a thin skin
//! around them. Two origins are served: the API, and the store that downloads are redirected to.
//!
//! Under `/_emulator/`, with the same token, is a second surface for people and tests: edit recipes as the editor
//! does, write, rename and delete files, look at requests and imports, switch settings, and set faults.
//! `GET /_emulator/` lists it. A fault is `{"on": ROUTE, "times": N, "skip": N, "then": WHAT}`; routes and what can
//! happen are in [`Fault`] and [`Then`].
//!
//! It simplifies: an asset is found by its path (folder, file stem, type), not by its name; a manifest lists what
//! lies in its folder, without dependencies elsewhere; a recipe always starts; one workspace, one token.

mod answer;
mod blob;
mod control;
mod editor;
mod expand;
mod exports;
mod faults;
mod folders;
mod gate;
mod hostile;
mod http;
mod imports;
mod json;
mod kinds;
mod line;
mod manifests;
mod packages;
mod persist;
mod recipes;
mod routes;
mod seed;
mod seen;
mod settings;
mod stored;
mod world;
mod zipper;

use std::future::IntoFuture as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::faults::{Fault, Then};
use self::http::Shared;
pub use self::imports::{Import, Sent, Told};
use self::line::{Door, Line};
use self::persist::{Disk, OpenError};
pub use self::seed::{SeedSource, order_desk};
pub use self::seen::Seen;
pub use self::settings::Settings;
pub use self::world::{World, WorldError};
use crate::blocking;
use crate::fs::FsError;

/// How long connections may take to end when the emulator stops.
const GRACE: Duration = Duration::from_secs(2);

/// Returns the names of the packages that no client may trust, as the fault `hostile` takes them.
pub fn hostile_names() -> impl Iterator<Item = &'static str> {
    hostile::names()
}

/// Returns such a package: one ordinary recipe and the named wrong thing; `None` for an unknown name.
#[must_use]
pub fn hostile_package(name: &str, now: DateTime<Utc>) -> Option<Vec<u8>> {
    hostile::pack(vec![zipper::Entry::file("fine.recipe.json", b"{}")], name, now)
}

/// How to run the emulator.
#[derive(Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where to keep the workspace; without it, it is gone at the end.
    pub data: Option<PathBuf>,
    /// What callers must send.
    pub token: SecretString,
    /// Projects that are made where they are missing.
    pub seeds: Vec<(String, SeedSource)>,
    /// Switches in place of the defaults, or of those saved.
    pub settings: Option<Settings>,
}

impl Default for Options {
    /// A free port on loopback, nothing kept, the token `emulator`, no project, no quotas.
    fn default() -> Self {
        let settings = Settings {
            lifecycle_per_minute: None,
            recipes_per_minute: None,
            imports_per_hour: None,
            ..Settings::default()
        };
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data: None,
            token: "emulator".to_owned().into(),
            seeds: Vec::new(),
            settings: Some(settings),
        }
    }
}

/// Why the emulator cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmulatorError {
    /// The address cannot be listened on.
    #[error("listen on {addr}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The data folder cannot be read or written.
    #[error("open the workspace's data")]
    Data(#[source] FsError),
    /// Another emulator uses the data folder.
    #[error("data folder {} is in use", .0.display())]
    Held(PathBuf),
    /// The data folder holds something else.
    #[error("read the workspace saved in {}", folder.display())]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A folder to make a project of cannot be read.
    #[error("read the files of project {project}")]
    Seed {
        /// The project.
        project: String,
        /// What the system said.
        source: FsError,
    },
    /// A project cannot be made.
    #[error("make project {project}")]
    Project {
        /// The project.
        project: String,
        /// Why.
        source: WorldError,
    },
}

impl EmulatorError {
    /// Returns what an operator can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Listen { .. } => Some("choose another --listen address; port 0 takes a free one"),
            Self::Held(_) => Some("stop the other emulator, or choose another --data folder"),
            Self::Damaged { .. } => {
                Some("remove the folder to start afresh, or choose another --data folder")
            }
            Self::Seed { .. } | Self::Project { .. } => Some("check the folder that --project names"),
            Self::Data(_) => None,
        }
    }
}

/// A running emulator; it stops when this is dropped, at once, or by [`Running::shutdown`], in order.
#[derive(Debug)]
pub struct Running {
    /// Where the API is served.
    pub addr: SocketAddr,
    /// Where downloads are served.
    pub downloads_addr: SocketAddr,
    shared: Arc<Shared>,
    tasks: JoinSet<io::Result<()>>,
    _stop: DropGuard,
}

impl Running {
    /// Returns the URL of the API, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Returns the workspace's time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.shared.now()
    }

    /// Looks at or changes the workspace, between requests; imports whose time has come have taken effect.
    ///
    /// With a data folder, what is changed here is saved with the next request or at the end.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let now = self.now();
        let mut world = self.shared.lock();
        world.settle(now);
        look(&mut world)
    }

    /// Stops listening, lets requests end for two seconds, and saves.
    ///
    /// # Errors
    /// When the workspace cannot be saved.
    pub async fn shutdown(mut self) -> Result<(), EmulatorError> {
        self.shared.stopping.cancel();
        let joined = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, joined).await.is_err() {
            self.tasks.shutdown().await;
        }
        let shared = Arc::clone(&self.shared);
        let saved =
            blocking::run(move || shared.disk.as_ref().map_or(Ok(()), |disk| disk.save(&shared.world)));
        saved.await.map_err(EmulatorError::Data)
    }
}

/// Starts the emulator.
///
/// # Errors
/// When an address is taken, or the data or a seed cannot be read.
pub async fn serve(options: Options) -> Result<Running, EmulatorError> {
    let api = bind(options.listen).await?;
    let store = bind(SocketAddr::new(options.listen.ip(), 0)).await?;
    let token = blake3::hash(options.token.expose_secret().as_bytes());
    let stopping = CancellationToken::new();
    let failed = |addr| move |source| EmulatorError::Listen { addr, source };
    let addr = api.local_addr().map_err(failed(options.listen))?;
    let downloads_addr = store.local_addr().map_err(failed(options.listen))?;
    let origin = format!("http://{}", reachable(downloads_addr));
    let (mut world, disk) = blocking::run(move || load(options)).await?;
    world.store_origin = origin;
    let shared = Arc::new(Shared { world: Mutex::new(world), token, disk, stopping: stopping.clone() });
    let mut tasks = JoinSet::new();
    let routers = [(api, Router::new().fallback(http::api)), (store, Router::new().fallback(http::store))];
    for (listener, router) in routers {
        let service = router.with_state(Arc::clone(&shared)).into_make_service_with_connect_info::<Line>();
        let stop = stopping.clone().cancelled_owned();
        tasks.spawn(axum::serve(Door(listener), service).with_graceful_shutdown(stop).into_future());
    }
    Ok(Running { addr, downloads_addr, shared, tasks, _stop: stopping.drop_guard() })
}

async fn bind(addr: SocketAddr) -> Result<TcpListener, EmulatorError> {
    TcpListener::bind(addr).await.map_err(|source| EmulatorError::Listen { addr, source })
}

/// Returns an address to connect to: one that listens everywhere is reached on loopback.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = if addr.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { addr.ip() };
    SocketAddr::new(ip, addr.port())
}

/// Reads the workspace from disk or makes it, and adds the projects that are missing.
fn load(options: Options) -> Result<(World, Option<Disk>), EmulatorError> {
    #[expect(clippy::disallowed_methods, reason = "the emulator's one clock: its rules take the time")]
    let now = Utc::now();
    let opened = options.data.map(|folder| {
        Disk::open(&folder).map_err(|error| match error {
            OpenError::Fs(error) => EmulatorError::Data(error),
            OpenError::Held => EmulatorError::Held(folder),
            OpenError::Damaged(source) => EmulatorError::Damaged { folder, source },
        })
    });
    let (disk, saved) = opened.transpose()?.map_or((None, None), |(disk, saved)| (Some(disk), saved));
    let mut world = saved.unwrap_or_else(|| World::new(now));
    if let Some(settings) = options.settings {
        world.settings = settings;
    }
    for (project, source) in options.seeds {
        if world.project(&project).is_some() {
            continue;
        }
        let files = match source.files() {
            Ok(files) => files,
            Err(source) => return Err(EmulatorError::Seed { project, source }),
        };
        if let Err(source) = world.create_project(&project, files, now) {
            return Err(EmulatorError::Project { project, source });
        }
    }
    if let Some(disk) = &disk {
        let cell = Mutex::new(world);
        disk.save(&cell).map_err(EmulatorError::Data)?;
        world = cell.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    }
    Ok((world, disk))
}

#[cfg(test)]
mod tests;
