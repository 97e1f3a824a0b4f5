//! Reads what the process was started with, and hands it on.

use std::process::ExitCode;

use recipesync::cli;
use recipesync::config::Environment;

fn main() -> ExitCode {
    let folder = std::env::current_dir().unwrap_or_else(|_| std::path::PathBuf::from("/"));
    cli::run(std::env::args_os(), Environment::new(folder, std::env::vars_os()))
}
