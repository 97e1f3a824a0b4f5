//! `recipesync sync`: bring projects to rest once, for CI and cron.

use std::time::Duration;

use crate::model::schedule::parse_duration;

/// Bring projects to rest once, then exit
///
/// Exports what changed in the workspace, imports what was committed, looks again, and ends with
/// 0 when all is in step, 2 when something waits for a person (a conflict, drift, a refused or
/// ineffective import, something to prune), 1 when it failed.
///
///   recipesync sync
///   recipesync sync orders billing --give-up-after 5m
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct SyncArgs {
    /// The projects; all when none is named
    #[arg(value_name = "PROJECT")]
    pub projects: Vec<String>,
    /// How long to try again what is passing: 429, 5xx, time-outs, a cut download
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    pub give_up_after: Duration,
}
