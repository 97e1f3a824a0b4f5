//! `recipesync demo`: everything at once, with an embedded workspace.

use std::net::SocketAddr;
use std::path::PathBuf;

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
    /// Where the embedded workspace listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
}
