//! Comparisons of whole files and folders: the worked examples, and that nothing is hidden.

mod connectors;
mod examples;
mod long;
mod mutations;
mod planted;
mod sides;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use super::{Input, LeftOut, diff};
use crate::model::path::PackagePath;
use crate::review::change::Diff;
use crate::review::text::{Options, text};

/// Files by their paths.
type Files = BTreeMap<PackagePath, Vec<u8>>;

fn files<T: AsRef<[u8]>>(files: &[(&str, T)]) -> Files {
    files.iter().map(|(path, bytes)| (PackagePath::parse(path).unwrap(), bytes.as_ref().to_vec())).collect()
}

/// Compares two folders.
fn folders(mut old: Files, mut new: Files) -> Diff {
    let same: Files = old
        .iter()
        .filter(|(path, bytes)| new.get(*path) == Some(*bytes))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect();
    old.retain(|path, _| !same.contains_key(path));
    new.retain(|path, _| !same.contains_key(path));
    let names: BTreeSet<PackagePath> = same.keys().cloned().collect();
    diff(&Input {
        old: &old,
        new: &new,
        same: &names,
        read_same: &|path| same.get(path).cloned(),
        left_out: (&LeftOut::new(), &LeftOut::new()),
        names: ("old", "new"),
        chosen: None,
        details: false,
    })
}

/// Compares two versions of a file.
fn versions(path: &str, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> Diff {
    folders(files(&[(path, old)]), files(&[(path, new)]))
}

fn told(diff: &Diff) -> String {
    text(diff, Options::default())
}
