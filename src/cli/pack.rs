//! `recipesync pack`: a folder to a package.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Exit;
use super::output::{complain, print};
use crate::archive::{self, Limits};
use crate::asset::kind::is_asset;
use crate::fs;
use crate::model::path::PackagePath;

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

/// Reads the folder's assets and writes the package.
pub(super) fn run(args: &PackArgs) -> anyhow::Result<Exit> {
    let (assets, left_out) = sort_out(&args.folder)?;
    for name in left_out {
        complain(&format!("left out, it is no asset: {name}"));
    }
    if assets.is_empty() {
        anyhow::bail!("there is no asset in {}", args.folder.display());
    }
    let limit = Limits::default().entry;
    let files = assets
        .into_iter()
        .map(|path| fs::read(&args.folder.join(path.as_str()), limit).map(|bytes| (path, bytes)))
        .collect::<Result<Vec<_>, _>>()?;
    let package = archive::pack(files.iter().map(|(path, bytes)| (path, bytes.as_slice())))
        .with_context(|| format!("pack {}", args.folder.display()))?;
    fs::write(&args.package, &package)?;
    print(format!("packed {} files into {}\n", files.len(), args.package.display()))?;
    Ok(Exit::Done)
}

/// Returns the assets below a folder, and the names of the rest: hidden folders by their own name alone.
fn sort_out(folder: &Path) -> anyhow::Result<(Vec<PackagePath>, BTreeSet<String>)> {
    let mut assets = Vec::new();
    let mut left_out = BTreeSet::new();
    for name in fs::list(folder)? {
        let shown = name.to_string_lossy().into_owned();
        if let Some(hidden) = hidden_part(&shown) {
            left_out.insert(hidden.to_owned());
            continue;
        }
        let path = name.to_str().context("it is not UTF-8").and_then(|name| Ok(PackagePath::parse(name)?));
        let path = path.with_context(|| format!("the name {shown:?} cannot be packed"))?;
        if is_asset(&path) {
            assets.push(path);
        } else {
            left_out.insert(shown);
        }
    }
    Ok((assets, left_out))
}

/// Returns a name up to its first part that starts with a dot.
fn hidden_part(name: &str) -> Option<&str> {
    let start = if name.starts_with('.') { 0 } else { name.find("/.")? + 1 };
    let end = name[start..].find('/').map_or(name.len(), |length| start + length);
    Some(&name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_files_and_folders_are_named_once() {
        assert_eq!(hidden_part(".git/objects/ab"), Some(".git"));
        assert_eq!(hidden_part("a/.cache/x/.y"), Some("a/.cache"));
        assert_eq!(hidden_part("a/.x"), Some("a/.x"));
        assert_eq!(hidden_part("a/b.recipe.json"), None);
    }
}
