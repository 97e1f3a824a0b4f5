//! The state of the workspace: folders, assets and their files, and what has happened.
//!
//! An asset is found by its path: folder, file stem and type. The platform goes by the name inside the file, which
//! is the same as long as nobody renames one of the two alone. Time is always an argument.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::faults::Fault;
use super::kinds::{self, Name};
use super::manifests::Manifest;
use super::packages::Package;
use super::seen::Seen;
use super::settings::{Quotas, Settings};
use super::stored::Asset;
use crate::model::path::PackagePath;

/// A workspace, with its rules as methods.
#[derive(Debug, Serialize, Deserialize)]
pub struct World {
    pub(super) id: u64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) root: u64,
    pub(super) last_id: u64,
    pub(super) folders: BTreeMap<u64, Folder>,
    pub(super) assets: BTreeMap<u64, Asset>,
    pub(super) manifests: BTreeMap<u64, Manifest>,
    pub(super) packages: BTreeMap<u64, Package>,
    /// Faults that are set, in the order in which they strike.
    pub faults: Vec<Fault>,
    /// The switches.
    pub settings: Settings,
    /// What signs download links.
    pub(super) key: [u8; 32],
    #[serde(skip)]
    pub(super) requests: VecDeque<Seen>,
    #[serde(skip)]
    pub(super) quotas: Quotas,
    /// Requests to the store that carried a header of ours.
    #[serde(skip)]
    pub(super) leaks: u64,
    /// Where downloads are served, such as `http://127.0.0.1:4711`.
    #[serde(skip)]
    pub(super) store_origin: String,
    /// Grows with every change that is to be saved.
    #[serde(skip)]
    pub(super) revision: u64,
}

/// A folder; a project's own has a project number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Folder {
    pub(super) name: String,
    pub(super) parent: Option<u64>,
    pub(super) project: Option<u64>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// Why a change is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// No such project, folder or asset.
    #[error("{0} is not there")]
    NotThere(String),
    /// Something has that name already.
    #[error("{0} is already there")]
    Taken(String),
    /// The file name is no asset's, or not safe.
    #[error("{0} cannot be an asset's file")]
    BadName(String),
    /// The change needs a file that is plain JSON of the right shape.
    #[error("{0} is not JSON of the shape that this change needs")]
    BadShape(String),
}

impl World {
    /// Makes an empty workspace.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        let root = 1001;
        let folder =
            Folder { name: "Home".to_owned(), parent: None, project: None, created_at: now, updated_at: now };
        let mut key = [0; 32];
        key.fill_with(|| fastrand::u8(..));
        Self {
            id: 8086,
            created_at: now,
            root,
            last_id: root,
            folders: BTreeMap::from([(root, folder)]),
            assets: BTreeMap::new(),
            manifests: BTreeMap::new(),
            packages: BTreeMap::new(),
            faults: Vec::new(),
            settings: Settings::default(),
            key,
            requests: VecDeque::new(),
            quotas: Quotas::default(),
            leaks: 0,
            store_origin: String::new(),
            revision: 0,
        }
    }

    /// Returns the workspace's number.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Makes a project with the files given, and returns the number of its folder.
    ///
    /// # Errors
    /// When the name is taken, or a file name is no asset's.
    pub fn create_project(
        &mut self,
        name: &str,
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
        now: DateTime<Utc>,
    ) -> Result<u64, WorldError> {
        let id = self.create_folder(name, None, now)?;
        for (path, bytes) in files {
            self.put_file_in(id, &path, bytes.into(), now)?;
        }
        Ok(id)
    }

    /// Returns the number of a project's folder.
    #[must_use]
    pub fn project(&self, name: &str) -> Option<u64> {
        self.folders
            .iter()
            .find(|(_, folder)| folder.project.is_some() && folder.name == name)
            .map(|(id, _)| *id)
    }

    /// Returns a project's files by path, as an export would hold them.
    ///
    /// # Errors
    /// When there is no such project.
    pub fn files(&self, project: &str) -> Result<BTreeMap<String, Bytes>, WorldError> {
        let top = self.top(project)?;
        let assets = self.below(top);
        let files = assets.flat_map(|(_, asset)| {
            asset.files.iter().map(move |(ext, blob)| (self.path(asset, ext, top), blob.bytes().clone()))
        });
        Ok(files.collect())
    }

    /// Writes a file as it is, making folders and asset where needed; a recipe's counters move as if saved.
    ///
    /// # Errors
    /// When there is no such project, or the name is no asset's.
    pub fn put_file(
        &mut self,
        project: &str,
        path: &str,
        bytes: impl Into<Bytes>,
        now: DateTime<Utc>,
    ) -> Result<u64, WorldError> {
        let top = self.top(project)?;
        self.put_file_in(top, path, bytes.into(), now)
    }

    /// Deletes a file; with its JSON goes the whole asset.
    ///
    /// # Errors
    /// When there is no such project or file.
    pub fn delete_file(&mut self, project: &str, path: &str) -> Result<(), WorldError> {
        let (id, name) = self.locate(project, path)?;
        self.revision += 1;
        let asset = self.assets.get_mut(&id).expect("it was just found");
        asset.files.remove(&name.ext);
        if name.ext == "json" || asset.files.is_empty() {
            self.assets.remove(&id);
        }
        Ok(())
    }

    /// Moves an asset with all its files to the folder and stem of another path of the project.
    ///
    /// # Errors
    /// When there is no such asset, the new place is taken, or its name is no asset's.
    pub fn rename_file(
        &mut self,
        project: &str,
        from: &str,
        to: &str,
        now: DateTime<Utc>,
    ) -> Result<(), WorldError> {
        let top = self.top(project)?;
        let (id, old) = self.locate(project, from)?;
        let (folder, new) = self.place(top, to, now)?;
        if new.kind != old.kind {
            return Err(WorldError::BadName(to.to_owned()));
        }
        if self.find(folder, &new).is_some() {
            return Err(WorldError::Taken(to.to_owned()));
        }
        self.revision += 1;
        let asset = self.assets.get_mut(&id).expect("it was just found");
        (asset.folder, asset.stem) = (folder, new.stem);
        asset.touch(now);
        Ok(())
    }

    /// Returns the number of the asset that a file belongs to.
    ///
    /// # Errors
    /// When there is no such project or asset.
    pub fn asset(&self, project: &str, path: &str) -> Result<u64, WorldError> {
        self.locate(project, path).map(|(id, _)| id)
    }

    pub(super) fn top(&self, project: &str) -> Result<u64, WorldError> {
        self.project(project).ok_or_else(|| WorldError::NotThere(format!("project {project:?}")))
    }

    fn locate(&self, project: &str, path: &str) -> Result<(u64, Name), WorldError> {
        let top = self.top(project)?;
        let missing = || WorldError::NotThere(path.to_owned());
        let (folder, file) =
            path.rsplit_once('/').map_or((None, path), |(folder, file)| (Some(folder), file));
        let folder = folder.map_or(Some(top), |folder| self.walk(top, folder)).ok_or_else(missing)?;
        let name = Name::parse(file).ok_or_else(missing)?;
        let id = self.find(folder, &name).ok_or_else(missing)?;
        let there = self.assets.get(&id).is_some_and(|asset| asset.files.contains_key(&name.ext));
        if there { Ok((id, name)) } else { Err(missing()) }
    }

    /// Returns the folder that a path leads to, if it is there.
    fn walk(&self, top: u64, path: &str) -> Option<u64> {
        path.split('/').try_fold(top, |parent, part| self.child(parent, part))
    }

    pub(super) fn find(&self, folder: u64, name: &Name) -> Option<u64> {
        let fits =
            |asset: &Asset| asset.folder == folder && asset.kind == name.kind && asset.stem == name.stem;
        self.assets.iter().find(|(_, asset)| fits(asset)).map(|(id, _)| *id)
    }

    /// Makes the folders of a path and takes its file name apart.
    pub(super) fn place(
        &mut self,
        top: u64,
        path: &str,
        now: DateTime<Utc>,
    ) -> Result<(u64, Name), WorldError> {
        let bad = || WorldError::BadName(path.to_owned());
        let parsed = PackagePath::parse(path).map_err(|_| bad())?;
        let name = Name::parse(parsed.file_name()).ok_or_else(bad)?;
        let mut folder = top;
        for part in parsed.folder().split('/').filter(|part| !part.is_empty()) {
            folder = match self.child(folder, part) {
                Some(child) => child,
                None => self.create_folder(part, Some(folder), now)?,
            };
        }
        Ok((folder, name))
    }

    pub(super) fn put_file_in(
        &mut self,
        top: u64,
        path: &str,
        bytes: Bytes,
        now: DateTime<Utc>,
    ) -> Result<u64, WorldError> {
        let (folder, name) = self.place(top, path, now)?;
        let id = self.find(folder, &name).unwrap_or_else(|| self.create_asset(folder, &name, now));
        self.revision += 1;
        let asset = self.assets.get_mut(&id).expect("it was found or made");
        asset.store(&name.ext, bytes);
        asset.touch(now);
        Ok(id)
    }

    pub(super) fn create_asset(&mut self, folder: u64, name: &Name, now: DateTime<Utc>) -> u64 {
        let id = self.next_id();
        let asset = Asset {
            folder,
            stem: name.stem.clone(),
            kind: name.kind.clone(),
            name: None,
            files: BTreeMap::new(),
            version: 0,
            running: false,
            created_at: now,
            updated_at: now,
            stopped_at: None,
            comment: None,
            author: None,
            history: Vec::new(),
        };
        self.assets.insert(id, asset);
        id
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.revision += 1;
        self.last_id
    }

    /// Returns the assets in a folder and below it.
    pub(super) fn below(&self, top: u64) -> impl Iterator<Item = (&u64, &Asset)> {
        self.assets.iter().filter(move |(_, asset)| self.is_below(asset.folder, top))
    }

    /// Returns the path of an asset's file, relative to a folder above it.
    pub(super) fn path(&self, asset: &Asset, ext: &str, top: u64) -> String {
        let file = kinds::file_name(&asset.stem, &asset.kind, ext);
        let folder = self.folder_path(asset.folder, top);
        if folder.is_empty() { file } else { format!("{folder}/{file}") }
    }
}

/// Returns a time as the platform writes it: milliseconds, in the workspace's zone.
pub(super) fn stamp(time: DateTime<Utc>) -> String {
    let zone = FixedOffset::west_opt(8 * 3600).expect("eight hours are a zone");
    time.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Millis, false)
}
