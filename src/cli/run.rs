//! `recipesync run`: the daemon.

use std::collections::BTreeSet;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{error, info};

use super::{Context, Exit};
use crate::config::{Config, ConfigError};
use crate::daemon::{Control, Plant, clock, serve};
use crate::telemetry::Notifier;
use crate::wire::{Home, WireError};

/// Run the daemon: export on schedule, watch the branches, import
///
/// It stays until SIGTERM or SIGINT, finishes the step that it is at, and ends with 0; a second
/// signal ends it at once. SIGHUP reads the configuration again and looks at every project now.
///
///   recipesync run
///   recipesync run --config ./recipesync.toml --log-format json
///
/// One daemon works on one state folder; a second one is refused with exit code 1.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct RunArgs {}

/// What a changed configuration may be refused for while running.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// Runs the daemon until it is told to stop.
pub(super) async fn run(context: &Context) -> anyhow::Result<Exit> {
    let config = context.config()?;
    let home = Home::open(&config.state_dir)?;
    let plant = home.plant(&config, &BTreeSet::new(), context.environment()).await?;
    let mut signals = Signals::listen()?;
    let notifier = Notifier::from_service_manager();
    let projects = config.projects.len();
    info!(projects, state = %config.state_dir.display(), "recipesync {} runs", env!("CARGO_PKG_VERSION"));
    notifier.ready(&format!("{projects} projects"));
    let (control, told) = mpsc::channel(1);
    let mut pulse = Pulse::new(notifier);
    let serving = serve(plant, told, |status| pulse.beat(status));
    let listening = listen(context, &home, &mut signals, &control, notifier);
    let served = tokio::select! {
        served = serving => served,
        // A second signal: what was saved is what the next start goes on from.
        () = listening => return Ok(Exit::Done),
    };
    served?;
    info!("stopped");
    Ok(Exit::Done)
}

/// Passes signals on; returns only at the second one that asks to stop.
async fn listen(
    context: &Context,
    home: &Home,
    signals: &mut Signals,
    control: &mpsc::Sender<Control>,
    notifier: Notifier,
) {
    let mut stopping = false;
    loop {
        match signals.next().await {
            Asked::Stop if stopping => return,
            Asked::Stop => {
                stopping = true;
                info!("finishing the running steps; a second signal ends them at once");
                notifier.stopping();
                tell(control, Control::Stop).await;
            }
            Asked::Reload if stopping => {}
            Asked::Reload => {
                notifier.reloading();
                match reload(context, home).await {
                    Ok(plant) => {
                        info!("took up the configuration; looking at every project");
                        tell(control, Control::Replace(Box::new(plant))).await;
                    }
                    Err(failure) => {
                        let failure = anyhow::Error::new(failure);
                        error!("going on with the old configuration: {failure:#}");
                        tell(control, Control::LookNow).await;
                    }
                }
                notifier.ready("took up the configuration");
            }
        }
    }
}

async fn tell(control: &mpsc::Sender<Control>, what: Control) {
    // The loop is gone only when the process ends.
    control.send(what).await.ok();
}

async fn reload(context: &Context, home: &Home) -> Result<Plant, ReloadError> {
    let config: Config = context.config()?;
    Ok(home.plant(&config, &BTreeSet::new(), context.environment()).await?)
}

enum Asked {
    Stop,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hang_up.recv() => Asked::Reload,
        }
    }
}

/// Feeds the service manager's watchdog from the loop itself, so that a stuck loop is restarted.
struct Pulse {
    notifier: Notifier,
    told: String,
    pinged: tokio::time::Instant,
}

impl Pulse {
    fn new(notifier: Notifier) -> Self {
        Self { notifier, told: String::new(), pinged: clock::instant() }
    }

    fn beat(&mut self, status: &str) {
        if self.notifier.ping_every().is_some_and(|every| self.pinged.elapsed() >= every) {
            self.pinged = clock::instant();
            self.notifier.ping();
        }
        if self.told != status {
            status.clone_into(&mut self.told);
            self.notifier.status(status);
        }
    }
}
