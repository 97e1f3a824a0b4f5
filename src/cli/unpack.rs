//! `recipesync unpack`: a package to a folder.

use std::path::PathBuf;

/// Unpack a package into a new folder, in canonical form
///
/// A package that is hostile or damaged in any part is refused whole, before the first file is
/// written.
///
///   recipesync unpack orders.zip ./orders
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct UnpackArgs {
    /// The package
    #[arg(value_name = "ZIP")]
    pub package: PathBuf,
    /// The folder to make; one that is there must be empty
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}
