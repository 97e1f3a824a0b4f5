//! `recipesync unpack`: a package to a folder.

use std::path::PathBuf;

use anyhow::Context as _;

use super::Exit;
use super::output::print;
use crate::archive::{Limits, Package};
use crate::asset::canonical::canonical;
use crate::fs;

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

/// Reads the whole package, and only then writes its files.
pub(super) fn run(args: &UnpackArgs) -> anyhow::Result<Exit> {
    if !fs::is_vacant(&args.folder)? {
        anyhow::bail!("the folder {} is not empty", args.folder.display());
    }
    let limits = Limits::default();
    let bytes = fs::read(&args.package, limits.packed)?;
    let refused = || format!("the package {} is refused whole", args.package.display());
    let package = Package::open(bytes.into(), &limits).with_context(refused)?;
    // Twice read, so that nothing is written of a package with a bad entry, and only one entry is held at a time.
    for entry in package.entries() {
        package.read(entry).with_context(refused)?;
    }
    for entry in package.entries() {
        let bytes = package.read(entry).with_context(refused)?;
        fs::write_new(&args.folder.join(entry.path.as_str()), &canonical(&entry.path, &bytes))?;
    }
    print(format!("unpacked {} files into {}\n", package.entries().len(), args.folder.display()))?;
    Ok(Exit::Done)
}
