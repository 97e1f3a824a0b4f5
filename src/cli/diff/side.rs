//! What is on one side of a comparison: a file, or a tree of files on the disk, in a package or in a commit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::super::output::complain;
use crate::archive::{Entry, Limits, Package};
use crate::asset::kind::Kind;
use crate::fs;
use crate::git::{Around, Named};
use crate::model::oid::BlobId;
use crate::model::path::PackagePath;
use crate::review::printable::line;

/// One side.
pub(super) enum Side {
    /// A file, with its name.
    File(String, Vec<u8>),
    /// Files by their paths.
    Tree(Tree),
}

/// Files by their paths, read when they are wanted.
pub(super) enum Tree {
    Folder(PathBuf, BTreeSet<PackagePath>),
    Package(Box<Package>, BTreeMap<PackagePath, Entry>),
    Commit(Around, BTreeMap<PackagePath, BlobId>),
}

/// The files of two sides, as far as they differ.
type Differing = (BTreeMap<PackagePath, Vec<u8>>, BTreeMap<PackagePath, Vec<u8>>);

impl Side {
    /// Finds out what a side is, and reads it if it is a file.
    pub(super) fn read(working: &Path, name: &str) -> anyhow::Result<Self> {
        let path = working.join(name);
        if path.is_dir() {
            return folder(&path).map(Self::Tree);
        }
        if !path.exists() {
            return revision(working, name);
        }
        let is_page = PackagePath::parse(&path.file_name().unwrap_or_default().to_string_lossy())
            .is_ok_and(|path| Kind::of(&path) == Kind::Page);
        let limits = Limits::default();
        if name.to_ascii_lowercase().ends_with(".zip") && !is_page {
            let package = fs::read(&path, limits.packed)?;
            return package_of(package, name).map(Self::Tree);
        }
        Ok(Self::File(name.to_owned(), fs::read(&path, limits.entry)?))
    }
}

impl Tree {
    fn paths(&self) -> BTreeSet<&PackagePath> {
        match self {
            Self::Folder(_, files) => files.iter().collect(),
            Self::Package(_, files) => files.keys().collect(),
            Self::Commit(_, files) => files.keys().collect(),
        }
    }

    /// Reads one of the files.
    pub(super) fn read(&self, path: &PackagePath) -> anyhow::Result<Vec<u8>> {
        let read = || -> anyhow::Result<Vec<u8>> {
            Ok(match self {
                Self::Folder(folder, _) => fs::read(&folder.join(path.as_str()), Limits::default().entry)?,
                Self::Package(package, files) => package.read(files.get(path).context("it is not there")?)?,
                Self::Commit(around, files) => {
                    let id = files.get(path).context("it is not there")?;
                    around.blobs(&[*id])?.pop().context("it is not there")?
                }
            })
        };
        read().with_context(|| format!("read {path}"))
    }

    /// Returns what tells a file of a commit from all others.
    fn id(&self, path: &PackagePath) -> Option<BlobId> {
        match self {
            Self::Commit(_, files) => files.get(path).copied(),
            _ => None,
        }
    }
}

/// Reads what differs between two trees, and names what does not. What is known to be equal is not read.
pub(super) fn differing(old: &Tree, new: &Tree) -> anyhow::Result<(Differing, BTreeSet<PackagePath>)> {
    let (was, is) = (old.paths(), new.paths());
    let mut differing = Differing::default();
    let mut same = BTreeSet::new();
    for path in was.union(&is) {
        let ids = (old.id(path), new.id(path));
        if ids.0.is_some() && ids.0 == ids.1 {
            same.insert((*path).clone());
            continue;
        }
        let old_bytes = was.contains(path).then(|| old.read(path)).transpose()?;
        let new_bytes = is.contains(path).then(|| new.read(path)).transpose()?;
        if old_bytes == new_bytes {
            same.insert((*path).clone());
            continue;
        }
        differing.0.extend(old_bytes.map(|bytes| ((*path).clone(), bytes)));
        differing.1.extend(new_bytes.map(|bytes| ((*path).clone(), bytes)));
    }
    Ok((differing, same))
}

fn folder(path: &Path) -> anyhow::Result<Tree> {
    let (names, odd) = fs::list_visible(path)?;
    for name in odd {
        complain(&format!("left out, it is a link or a special file: {}", line(&name.display().to_string())));
    }
    let mut files = BTreeSet::new();
    for name in names {
        let parsed = name.to_str().context("it is not UTF-8").and_then(|name| Ok(PackagePath::parse(name)?));
        match parsed {
            Ok(path) => drop(files.insert(path)),
            Err(error) => complain(&format!("left out, {error:#}: {}", line(&name.display().to_string()))),
        }
    }
    Ok(Tree::Folder(path.to_owned(), files))
}

fn package_of(bytes: Vec<u8>, name: &str) -> anyhow::Result<Tree> {
    let package = Package::open(bytes.into(), &Limits::default());
    let package = package.with_context(|| format!("the package {name} is refused"))?;
    let files = package.entries().iter().map(|entry| (entry.path.clone(), entry.clone())).collect();
    Ok(Tree::Package(Box::new(package), files))
}

fn revision(working: &Path, name: &str) -> anyhow::Result<Side> {
    let missing = || format!("there is no file or folder {name}");
    if name.starts_with(':') {
        anyhow::bail!("{}, and it names no revision: write REV:PATH, as in HEAD{name}", missing());
    }
    let around = Around::find(working)?.with_context(|| format!("{}, and no repository here", missing()))?;
    match around.named(name)? {
        Some(Named::File(id)) => {
            let bytes = around.blobs(&[id])?.pop().context("it is not there")?;
            Ok(Side::File(name.to_owned(), bytes))
        }
        Some(Named::Folder(mut found)) => {
            // As in a folder on the disk, where these are not looked at.
            found.files.retain(|path, _| !is_concealed(path.as_str()));
            found.odd.retain(|odd| !is_concealed(&odd.name));
            for odd in found.odd {
                complain(&format!("left out of {name}, {}: {}", odd.reason, odd.name));
            }
            Ok(Side::Tree(Tree::Commit(around, found.files)))
        }
        None => anyhow::bail!("{}, and no revision of that name", missing()),
    }
}

/// Returns whether a part of a path starts with a dot.
fn is_concealed(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}
