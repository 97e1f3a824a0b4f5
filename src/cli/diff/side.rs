//! What is on one side of a comparison: a file, or a tree of files on the disk, in a package or in a commit.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::archive::{Entry, Limits, Package};
use crate::asset::kind::Kind;
use crate::fs;
use crate::git::{Around, Named, OddReason, blob_id};
use crate::model::oid::BlobId;
use crate::model::path::PackagePath;
use crate::review::diff::{LeftOut, Odd};
use crate::review::printable::line;

/// One side.
pub(super) enum Side {
    /// A file, with its name.
    File(String, Vec<u8>),
    /// Files by their paths, and what cannot be one of them.
    Tree(Tree, LeftOut),
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
    pub(super) fn read(working: &Path, name: &OsStr) -> anyhow::Result<Self> {
        let path = working.join(name);
        if path.is_dir() {
            return folder(&path);
        }
        let is_there = path.exists();
        let name = &*name.to_string_lossy();
        if !is_there {
            return revision(working, name);
        }
        let is_page = PackagePath::parse(&path.file_name().unwrap_or_default().to_string_lossy())
            .is_ok_and(|path| Kind::of(&path) == Kind::Page);
        let limits = Limits::default();
        if name.to_ascii_lowercase().ends_with(".zip") && !is_page {
            let package = fs::read(&path, limits.packed)?;
            return Ok(Self::Tree(package_of(package, name)?, LeftOut::new()));
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

fn folder(path: &Path) -> anyhow::Result<Side> {
    let (names, odd) = fs::list_beside_git(path)?;
    let mut left_out = LeftOut::new();
    let mut leave_out = |name: &Path, reason: String, held: &[u8]| -> anyhow::Result<()> {
        let id = *blob_id(held)?.as_bytes();
        left_out.insert(line(&name.display().to_string()), Odd { reason, id });
        Ok(())
    };
    for name in odd {
        let target = fs::link_target(&path.join(&name));
        let special = || "it is a special file".to_owned();
        let reason = target.as_ref().map_or_else(special, |_| OddReason::Link.to_string());
        leave_out(&name, reason, target.unwrap_or_default().as_os_str().as_bytes())?;
    }
    let mut files = BTreeSet::new();
    for name in names {
        let text = name.to_str().ok_or(OddReason::NotUtf8);
        let parsed = text.and_then(|name| PackagePath::parse(name).map_err(OddReason::Name));
        match parsed {
            Ok(path) if is_concealed(&path) => {}
            Ok(path) => drop(files.insert(path)),
            Err(reason) => {
                let held = fs::read(&path.join(&name), Limits::default().entry)?;
                leave_out(&name, reason.to_string(), &held)?;
            }
        }
    }
    Ok(Side::Tree(Tree::Folder(path.to_owned(), files), left_out))
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
            found.files.retain(|path, _| !is_concealed(path));
            // A folder is told by the files in it, as on the disk.
            let files = found.odd.into_iter().filter(|odd| !odd.is_folder);
            let left_out = files.map(|odd| {
                let (reason, id) = (odd.reason.to_string(), odd.id);
                (line(&odd.name), Odd { reason, id })
            });
            Ok(Side::Tree(Tree::Commit(around, found.files), left_out.collect()))
        }
        None => anyhow::bail!("{}, and no revision of that name", missing()),
    }
}

/// Returns whether a file is hidden on a disk and no asset: a tool's settings. Assets keep their names, and a folder of
/// a workspace may be called `.NET`.
fn is_concealed(path: &PackagePath) -> bool {
    Kind::of(path) == Kind::File && path.parts().any(|part| part.starts_with('.'))
}
