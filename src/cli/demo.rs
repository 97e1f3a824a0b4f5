//! `recipesync demo`: everything at once, with an embedded workspace.
//!
//! The real daemon runs between an embedded workspace and a repository on this machine, while the demo acts as the
//! people on both sides. What the acts are is in `story`, where they take place in `stage`.

mod live;
mod stage;
mod story;
mod tell;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::bail;

use self::stage::{Daemon, PROJECT, Stage};
use self::story::Story;
use self::tell::{Tell, quoted};
use super::sync::Asked;
use super::{Context, Exit};

/// Watch it work, with an embedded workspace and no account
///
/// Starts a workspace on this machine, makes a git repository, runs the daemon between the two and
/// tells what happens. It stays, says what to try next and reacts, until Ctrl-C.
///
///   recipesync demo
///   recipesync demo --once --dir /tmp/demo
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct DemoArgs {
    /// Where the repository and the state go [default: a folder below the temporary one]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// End after the story: 0 only if every act was seen to have happened
    #[arg(long)]
    pub once: bool,
    /// Where the embedded workspace listens; it speaks plain http, so on loopback only
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = loopback)]
    pub listen: SocketAddr,
}

/// Plays the story, and goes on until somebody asks to stop.
pub(super) async fn run(context: &Context, args: &DemoArgs) -> anyhow::Result<Exit> {
    let tell = Tell::new(context.color(std::io::stdout().is_terminal()));
    let mut asked = Asked::listen()?;
    let stage = tokio::select! {
        stage = Stage::set(context.environment(), args.dir.as_deref(), args.listen) => stage?,
        () = asked.next() => return Ok(if args.once { Exit::Failed } else { Exit::Done }),
    };
    let mut daemon = None;
    let played = tokio::select! {
        played = play(&stage, &mut daemon, tell, args.once) => Some(played),
        () = asked.next() => None,
    };
    let stopping = async {
        if let Some(daemon) = daemon {
            daemon.stop().await?;
        }
        Ok::<(), anyhow::Error>(())
    };
    let stopped = tokio::select! {
        stopped = stopping => stopped,
        () = asked.next() => Ok(()),
    };
    match played {
        Some(Ok(())) => {}
        Some(Err(failure)) => return Err(failure),
        None if args.once => bail!("not seen: the end of the story, it was interrupted"),
        None => {}
    }
    stopped?;
    farewell(&stage, tell)?;
    stage.close().await?;
    Ok(Exit::Done)
}

/// Returns only at the end of a story that is played once, or with what went wrong.
async fn play(stage: &Stage, daemon: &mut Option<Daemon>, tell: Tell, once: bool) -> anyhow::Result<()> {
    opening(stage, tell)?;
    *daemon = Some(stage.start().await?);
    Story { stage, daemon, tell }.play().await?;
    tell.headline("All four acts were seen to have happened, on both sides.")?;
    if once {
        return Ok(());
    }
    live::invite(stage, tell)?;
    let daemon = daemon.as_mut().expect("the story leaves the daemon running");
    match live::watch(stage, daemon, tell).await? {}
}

fn opening(stage: &Stage, tell: Tell) -> anyhow::Result<()> {
    let (url, folder) = (stage.workspace.url(), stage.folder_id);
    tell.headline(
        "recipesync keeps a Workato workspace and a git repository in step. All of this runs here:",
    )?;
    tell.line("workspace", &format!("{url}, embedded: project {PROJECT:?}, folder {folder}"))?;
    tell.line("repository", &format!("{}, branch main, folder orders", quoted(stage.repository.folder())))?;
    tell.line("recipesync", &format!("the daemon, with {}", quoted(stage.config_file())))?;
    Ok(())
}

fn farewell(stage: &Stage, tell: Tell) -> anyhow::Result<()> {
    let (dir, repository) = (quoted(&stage.dir), quoted(stage.repository.folder()));
    let (program, config) = (program(), quoted(stage.config_file()));
    tell.headline("Stopped. What stays:")?;
    tell.line("repository", &format!("git -C {repository} log --stat"))?;
    tell.line("state", &format!("{program} --config {config} status"))?;
    tell.line("remove", &format!("rm -r {dir}"))?;
    tell.line("gone", "the embedded workspace, which was in memory")?;
    Ok(())
}

/// Returns how this program is called, for commands that are pasted into a shell.
fn program() -> String {
    std::env::current_exe().map_or_else(|_| "recipesync".to_owned(), |path| quoted(&path))
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let addr: SocketAddr = text.parse().map_err(|_| "it is not ADDRESS:PORT".to_owned())?;
    if addr.ip().is_loopback() { Ok(addr) } else { Err("it is not a loopback address".to_owned()) }
}
