//! `recipesync resolve`: a person settles a conflict.

/// Settle conflicts by taking one side
///
/// The decision is recorded, and the next look acts on it; a running daemon looks at once.
/// `--take workspace` commits the workspace's files and imports nothing, `--take branch` imports
/// the branch's.
///
///   recipesync resolve orders --take workspace
///   recipesync resolve orders intake.recipe.json --take branch
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct ResolveArgs {
    /// The project
    #[arg(value_name = "PROJECT")]
    pub project: String,
    /// Paths relative to the project's; all conflicts when none is named
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// The side whose files are taken
    #[arg(long, value_name = "SIDE", value_enum)]
    pub take: Side,
}

/// One of the two sides of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Side {
    /// What the workspace holds
    Workspace,
    /// What the branch holds
    Branch,
}
