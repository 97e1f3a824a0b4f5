//! Scaffold: the emulator alone.

use std::process::ExitCode;

use clap::Parser as _;
use recipesync::cli::emulator::{EmulatorArgs, run};

#[derive(clap::Parser)]
enum Command {
    Emulator(EmulatorArgs),
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Command::Emulator(args) = Command::parse();
    run(args).await
}
