//! What is on one side of a comparison: a file, or a tree of files on the disk, in a package or in a commit.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::archive::{Entry, Limits, Package};
use crate::asset::kind::Kind;
use crate::fs;
use crate::git::{Around, Named, OddReason, blob_id, file_id};
use crate::model::oid::BlobId;
use crate::model::path::PackagePath;
use crate::review::diff::{LeftOut, Odd};
use crate::review::printable::line;

/// One side.
pub(super) enum Side {
    /// A file, with its name.
    File(String, Held),
    /// Files by their paths, and what cannot be one of them.
    Tree(Tree, LeftOut),
}

/// The content of a file.
#[derive(PartialEq, Eq)]
pub(super) enum Held {
    /// All of it.
    Whole(Vec<u8>),
    /// Of one that is too large to be held, how many bytes it has, and by what git knows them.
    Large(u64, BlobId),
}

/// Files by their paths, read when they are wanted.
pub(super) enum Tree {
    Folder(PathBuf, BTreeSet<PackagePath>),
    Package(Box<Package>, BTreeMap<PackagePath, Entry>),
    Commit(Around, BTreeMap<PackagePath, BlobId>),
}

/// What differs between two trees.
#[derive(Default)]
pub(super) struct Differing {
    /// The files of the two sides, as far as they differ.
    pub(super) files: (BTreeMap<PackagePath, Vec<u8>>, BTreeMap<PackagePath, Vec<u8>>),
    /// Those that are on both sides and do not.
    pub(super) same: BTreeSet<PackagePath>,
    /// Those that differ and are too large to be compared.
    pub(super) large: (LeftOut, LeftOut),
}

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
        Ok(Self::File(name.to_owned(), Held::on_disk(&path)?))
    }
}

impl Held {
    fn on_disk(path: &Path) -> anyhow::Result<Self> {
        match fs::read(path, Limits::default().entry) {
            Ok(bytes) => Ok(Self::Whole(bytes)),
            Err(error) if error.source.kind() == ErrorKind::FileTooLarge && path.is_file() => {
                Ok(Self::Large(path.metadata()?.len(), file_id(path)?))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn in_commit(around: &Around, id: BlobId) -> anyhow::Result<Self> {
        let size = around.size(id)?;
        let is_large = size > Limits::default().entry;
        Ok(if is_large { Self::Large(size, id) } else { Self::Whole(around.blob(id)?) })
    }

    /// Returns what is told of a file where it or the one that it would be compared with is too large for that.
    pub(super) fn left_out(&self) -> anyhow::Result<Odd> {
        let (which, size, id) = match self {
            Self::Large(size, id) => ("it", *size, *id),
            Self::Whole(bytes) => ("the other one", bytes.len() as u64, blob_id(bytes)?),
        };
        Ok(Odd { reason: format!("{which} is too large: {size} bytes, git blob {id}"), id: *id.as_bytes() })
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

    /// Reads one of the files; none where it cannot be read, or is too large.
    pub(super) fn read(&self, path: &PackagePath) -> Option<Vec<u8>> {
        match self.held(path) {
            Ok(Held::Whole(bytes)) => Some(bytes),
            _ => None,
        }
    }

    fn held(&self, path: &PackagePath) -> anyhow::Result<Held> {
        let held = || match self {
            Self::Folder(folder, _) => Held::on_disk(&folder.join(path.as_str())),
            Self::Package(package, files) => {
                Ok(Held::Whole(package.read(files.get(path).context("it is not there")?)?))
            }
            Self::Commit(around, files) => {
                Held::in_commit(around, *files.get(path).context("it is not there")?)
            }
        };
        held().with_context(|| format!("read {path}"))
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
pub(super) fn differing(old: &Tree, new: &Tree) -> anyhow::Result<Differing> {
    let (was, is) = (old.paths(), new.paths());
    let mut differing = Differing::default();
    for path in was.union(&is) {
        let ids = (old.id(path), new.id(path));
        if ids.0.is_some() && ids.0 == ids.1 {
            differing.same.insert((*path).clone());
            continue;
        }
        let old_held = was.contains(path).then(|| old.held(path)).transpose()?;
        let new_held = is.contains(path).then(|| new.held(path)).transpose()?;
        match (old_held, new_held) {
            (old, new) if old == new => drop(differing.same.insert((*path).clone())),
            (old @ (None | Some(Held::Whole(_))), new @ (None | Some(Held::Whole(_)))) => {
                let file = |held| match held {
                    Some(Held::Whole(bytes)) => Some(((*path).clone(), bytes)),
                    _ => None,
                };
                differing.files.0.extend(file(old));
                differing.files.1.extend(file(new));
            }
            (old, new) => {
                let odd = |held: Option<Held>| -> anyhow::Result<Option<(String, Odd)>> {
                    held.map(|held| Ok((line(path.as_str()), held.left_out()?))).transpose()
                };
                differing.large.0.extend(odd(old)?);
                differing.large.1.extend(odd(new)?);
            }
        }
    }
    Ok(differing)
}

fn folder(path: &Path) -> anyhow::Result<Side> {
    let (names, odd) = fs::list_beside_git(path)?;
    let mut left_out = LeftOut::new();
    let mut leave_out = |name: &Path, reason: String, id: BlobId| {
        left_out.push((line(&name.display().to_string()), Odd { reason, id: *id.as_bytes() }));
    };
    for name in odd {
        let target = fs::link_target(&path.join(&name));
        let special = || "it is a special file".to_owned();
        let reason = target.as_ref().map_or_else(special, |_| OddReason::Link.to_string());
        leave_out(&name, reason, blob_id(target.unwrap_or_default().as_os_str().as_bytes())?);
    }
    let mut files = BTreeSet::new();
    for name in names {
        let text = name.to_str().ok_or(OddReason::NotUtf8);
        let parsed = text.and_then(|name| PackagePath::parse(name).map_err(OddReason::Name));
        match parsed {
            Ok(path) if is_concealed(&path) => {}
            Ok(path) => drop(files.insert(path)),
            Err(reason) => leave_out(&name, reason.to_string(), file_id(&path.join(&name))?),
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
        Some(Named::File(id)) => Ok(Side::File(name.to_owned(), Held::in_commit(&around, id)?)),
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
