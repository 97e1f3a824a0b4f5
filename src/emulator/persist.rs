//! The workspace on disk: one file, written whole after each change.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::world::World;
use crate::fs::{self, FsError};

/// The most that is read back: a thousand large packages.
const MAX_BYTES: u64 = 4 << 30;

/// Where the workspace is kept.
#[derive(Debug)]
pub(super) struct Disk {
    path: PathBuf,
    /// The revision that is saved.
    saved: Mutex<Option<u64>>,
    _lock: fs::Lock,
}

/// Why a folder cannot be used.
#[derive(Debug)]
pub(super) enum OpenError {
    Fs(FsError),
    Held,
    Damaged(serde_json::Error),
}

impl Disk {
    /// Opens a folder, and reads the workspace that it holds, if any.
    pub(super) fn open(folder: &Path) -> Result<(Self, Option<World>), OpenError> {
        fs::create_folder(folder).map_err(OpenError::Fs)?;
        let lock = fs::lock(&folder.join("lock")).map_err(OpenError::Fs)?.ok_or(OpenError::Held)?;
        let path = folder.join("world.json");
        let disk = Self { path, saved: Mutex::new(None), _lock: lock };
        match fs::read(&disk.path, MAX_BYTES) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map(|world| (disk, Some(world))).map_err(OpenError::Damaged)
            }
            Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => Ok((disk, None)),
            Err(error) => Err(OpenError::Fs(error)),
        }
    }

    /// Writes the workspace, if it has changed since.
    pub(super) fn save(&self, world: &Mutex<World>) -> Result<(), FsError> {
        // Held until the file is written, so that an older state never comes after a newer one.
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let (revision, bytes) = {
            let world = world.lock().unwrap_or_else(PoisonError::into_inner);
            if *saved == Some(world.revision) {
                return Ok(());
            }
            (world.revision, serde_json::to_vec(&*world).expect("a workspace has text keys only"))
        };
        fs::write(&self.path, &bytes)?;
        *saved = Some(revision);
        Ok(())
    }
}
