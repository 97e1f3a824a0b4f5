//! recipesync keeps Workato recipes and a git repository in step.

pub mod archive;
pub mod asset;
pub mod blocking;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod emulator;
pub mod fs;
pub mod git;
pub mod model;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod wire;
pub mod workato;
