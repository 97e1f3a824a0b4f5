//! `recipesync history`: what was exported and imported.

/// Show what was exported and imported, by whom, with what outcome
///
///   recipesync history orders
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct HistoryArgs {
    /// The project
    #[arg(value_name = "PROJECT")]
    pub project: String,
    /// Print an array with one object an event
    #[arg(long)]
    pub json: bool,
}
