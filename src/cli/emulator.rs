//! `recipesync emulator`: a workspace on this machine, to try things against.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Serve an embedded workspace
///
/// It answers as the platform does, also to the platform's own command-line client. The first line
/// on stdout says where it listens.
///
///   recipesync emulator --data ./workspace --project orders=./orders
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct EmulatorArgs {
    /// Where it listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Keep the workspace in this folder, so that it survives a restart
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The token that it takes
    #[arg(long, value_name = "TOKEN", default_value = "emulator")]
    pub token: String,
    /// Seed a project from a package's files; may be repeated
    #[arg(long = "project", value_name = "NAME=DIR", value_parser = parse_seed)]
    pub projects: Vec<(String, PathBuf)>,
}

fn parse_seed(text: &str) -> Result<(String, PathBuf), &'static str> {
    match text.split_once('=') {
        Some((name, folder)) if !name.is_empty() && !folder.is_empty() => {
            Ok((name.to_owned(), PathBuf::from(folder)))
        }
        _ => Err("it must be a name, an equals sign and a folder"),
    }
}
