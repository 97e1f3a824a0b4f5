//! `recipesync man`: the manual.

use clap::CommandFactory as _;
use clap_mangen::Man;

use super::output::print;
use super::{Cli, Exit};

/// Print the manual, one page a command
///
///   recipesync man | man -l -
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct ManArgs {}

/// Prints it.
pub(super) fn run() -> anyhow::Result<Exit> {
    let mut command = Cli::command().disable_help_subcommand(true);
    // Building names the commands in full, `recipesync sync`, and hands the global options down.
    command.build();
    let mut pages = Vec::new();
    for page in std::iter::once(&command).chain(command.get_subcommands()) {
        let source = concat!("recipesync ", env!("CARGO_PKG_VERSION"));
        Man::new(page.clone()).source(source).render(&mut pages)?;
    }
    print(pages)?;
    Ok(Exit::Done)
}
