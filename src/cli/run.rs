//! `recipesync run`: the daemon.

use std::collections::BTreeSet;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info};

use super::{Context, Exit, hint};
use crate::daemon::{Beat, Control, clock, serve};
use crate::telemetry::Notifier;
use crate::wire::Home;

/// Run the daemon: export on schedule, watch the branches, import
///
/// It stays until SIGTERM or SIGINT, finishes the step that it is at, and ends with 0; a second
/// signal ends it at once. SIGHUP reads the configuration again and looks at every project now,
/// by a full export.
///
///   recipesync run
///   recipesync run --config ./recipesync.toml --log-format json
///
/// One daemon works on one state folder; a second one is refused with exit code 1.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct RunArgs {}

/// Runs the daemon until it is told to stop.
pub(super) async fn run(context: &Context) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen()?;
    let config = context.config()?;
    let home = Home::open(&config.state_dir)?;
    let all = BTreeSet::new();
    let plant = tokio::select! {
        plant = home.plant(&config, &all, context.environment()) => plant?,
        () = signals.stop() => return Ok(Exit::Done),
    };
    let notifier = Notifier::from_service_manager();
    let projects = config.projects.len();
    info!(projects, state = %config.state_dir.display(), "recipesync {} runs", env!("CARGO_PKG_VERSION"));
    notifier.ready(&format!("{projects} projects"));
    let (control, told) = mpsc::channel(1);
    let mut pulse = Pulse::new(notifier);
    let serving = serve(plant, told, |beat| pulse.beat(beat));
    let listening = listen(context, &home, &mut signals, &control, notifier);
    tokio::select! {
        served = serving => served?,
        // A second signal: what was saved is what the next start goes on from.
        () = listening => return Ok(Exit::Done),
    }
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
    loop {
        let stop = match signals.next().await {
            Asked::Stop => true,
            Asked::Reload => {
                notifier.reloading();
                tokio::select! {
                    () = reload(context, home, control) => false,
                    () = signals.stop() => true,
                }
            }
        };
        if stop {
            info!("finishing the running steps; a second signal ends them at once");
            notifier.stopping();
            tell(control, Control::Stop).await;
            return signals.stop().await;
        }
    }
}

async fn tell(control: &mpsc::Sender<Control>, what: Control) {
    // The loop is gone only when the process ends.
    control.send(what).await.ok();
}

/// Takes up what the configuration says now, or goes on with what it said before.
async fn reload(context: &Context, home: &Home, control: &mpsc::Sender<Control>) {
    let config = match context.config() {
        Ok(config) => config,
        Err(failure) => {
            went_wrong(&failure.into());
            return tell(control, Control::LookNow).await;
        }
    };
    // Two plants never work at the same time: they would share caches, budgets and a quota.
    let (drained, paused) = oneshot::channel();
    tell(control, Control::Pause(drained)).await;
    let Ok(cleanly) = paused.await else { return };
    if !cleanly {
        home.forget_run();
    }
    let built = home.plant(&config, &BTreeSet::new(), context.environment()).await;
    let next = match built {
        Ok(plant) => {
            info!("took up the configuration; looking at every project");
            Control::Replace(Box::new(plant))
        }
        Err(failure) => {
            went_wrong(&failure.into());
            Control::Resume
        }
    };
    tell(control, next).await;
}

fn went_wrong(failure: &anyhow::Error) {
    let hint = hint(failure);
    error!(hint, "going on with the old configuration: {failure:#}");
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

    /// Waits until it is asked to stop; what else is asked meanwhile is left for [`Self::next`].
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
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

    fn beat(&mut self, beat: Beat<'_>) {
        if self.notifier.ping_every().is_some_and(|every| self.pinged.elapsed() >= every) {
            self.pinged = clock::instant();
            self.notifier.ping();
        }
        match beat {
            Beat::TakenUp(status) => {
                status.clone_into(&mut self.told);
                self.notifier.ready(status);
            }
            Beat::Alive(status) if self.told != status => {
                status.clone_into(&mut self.told);
                self.notifier.status(status);
            }
            Beat::Alive(_) => {}
        }
    }
}
