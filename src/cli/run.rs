//! `recipesync run`: the daemon.

/// Run the daemon: export on schedule, watch the branches, import
///
/// It stays until SIGTERM or SIGINT, finishes the step that it is at, and ends with 0; a second
/// signal ends it at once. SIGHUP reads the configuration again and looks at every project now.
///
///   recipesync run
///   recipesync run --config ./recipesync.toml --log-format json
///
/// One daemon works on one state folder; a second one is refused with exit code 1.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct RunArgs {}
