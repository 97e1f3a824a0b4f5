//! `recipesync plan`: what a sync would do.

/// Show what a sync would do, and do nothing
///
/// Looks at both sides and names every path that would travel, and where to. Ends with 0 when there
/// is nothing to do, and with 2 when there is.
///
///   recipesync plan orders
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct PlanArgs {
    /// The projects; all when none is named
    #[arg(value_name = "PROJECT")]
    pub projects: Vec<String>,
}
