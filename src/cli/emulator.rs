//! `recipesync emulator`: the embedded workspace in the foreground, until a signal comes.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::signal::unix::{SignalKind, signal};

use super::Exit;
use crate::emulator::{self, Options, SeedSource};

/// Serve an embedded workspace
///
/// It answers as the platform does, also to the platform's own command-line client. The first line
/// on stdout says where it listens.
///
///   recipesync emulator --data ./workspace --project orders=./orders
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct EmulatorArgs {
    /// Where to listen; plain http, so keep it on loopback
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Keep the workspace in this folder; without it, it is gone at the end
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What callers must send as `Authorization: Bearer TOKEN`
    #[arg(long, value_name = "TOKEN", default_value = "emulator")]
    token: SecretString,
    /// Make a project of a package tree, if it is not there yet (repeatable; default: a small order desk)
    #[arg(long = "project", value_name = "NAME=DIR", value_parser = project)]
    projects: Vec<(String, PathBuf)>,
}

/// Serves the workspace until SIGTERM or SIGINT.
///
/// # Errors
/// When an address is taken, or a folder cannot be read or written.
pub(super) async fn run(args: EmulatorArgs) -> anyhow::Result<Exit> {
    let mut terminated = signal(SignalKind::terminate()).context("wait for signals")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("wait for signals")?;
    let mut seeds: Vec<_> =
        args.projects.into_iter().map(|(name, folder)| (name, SeedSource::Folder(folder))).collect();
    if seeds.is_empty() {
        seeds.push(("Order desk".to_owned(), SeedSource::Files(emulator::order_desk())));
    }
    let remote = !args.listen.ip().is_loopback();
    let said = if args.token.expose_secret() == "emulator" { "emulator" } else { "$TOKEN" };
    // Saved switches stay; a new workspace has the platform's quotas.
    let options = Options { listen: args.listen, data: args.data, token: args.token, seeds, settings: None };
    let running = emulator::serve(options).await?;
    let url = running.url();
    let mut out = anstream::stdout().lock();
    writeln!(out, "listening on {url}")?;
    writeln!(out, "token: {said}")?;
    for (name, folder) in running.world(|world| world.projects()) {
        writeln!(out, "project {name:?}: folder_id {folder}")?;
    }
    writeln!(out, "surface for people and tests: curl -H \"Authorization: Bearer {said}\" {url}/_emulator/")?;
    out.flush()?;
    drop(out);
    if remote {
        let mut err = anstream::stderr().lock();
        writeln!(err, "warning: {} can be reached from other machines, without encryption", args.listen)?;
    }
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    running.shutdown().await?;
    Ok(Exit::Done)
}

fn project(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, folder)) if !name.trim().is_empty() && !folder.is_empty() => {
            Ok((name.to_owned(), PathBuf::from(folder)))
        }
        _ => Err("it is not NAME=DIR".to_owned()),
    }
}
