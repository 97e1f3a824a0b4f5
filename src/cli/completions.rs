//! `recipesync completions`: what a shell needs to complete our command line.

use clap::CommandFactory as _;

use super::output::print;
use super::{Cli, Exit};

/// Print the completions of a shell
///
///   recipesync completions bash > recipesync.bash
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// Prints them.
pub(super) fn run(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "recipesync", &mut script);
    print(script)?;
    Ok(Exit::Done)
}
