//! `recipesync status`: where every project stands.

/// Show where every project stands
///
/// Reads the state folder alone, so it works while the daemon runs and when the workspace is out
/// of reach. Ends with 2 where a project waits for a person.
///
///   recipesync status
///   recipesync status orders --json | jq .
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct StatusArgs {
    /// The projects; all when none is named
    #[arg(value_name = "PROJECT")]
    pub projects: Vec<String>,
    /// Print an array with one object a project
    #[arg(long)]
    pub json: bool,
}
