//! `recipesync pack`: a folder to a package.

use std::path::PathBuf;

/// Make a package of a folder
///
/// Takes the assets of the folder, and names on stderr what it leaves out. Equal folders make equal
/// packages, byte for byte.
///
///   recipesync pack ./orders orders.zip
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct PackArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The package to write; one that is there is replaced
    #[arg(value_name = "ZIP")]
    pub package: PathBuf,
}
