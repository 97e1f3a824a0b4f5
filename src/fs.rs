//! The only door to plain files: private permissions, and writes that are whole or absent after a crash.
//!
//! It knows nothing of what the files mean. Git's objects and the database have their own doors.

#![expect(clippy::disallowed_methods, reason = "this is the one door")]

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// An input or output error with the path that it is about.
#[derive(Debug, thiserror::Error)]
#[error("{verb} {}", path.display())]
pub struct FsError {
    /// What was tried: `read`, `write`, `create`, `remove`, `lock`.
    pub verb: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

fn failed(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FsError {
    let path = path.to_owned();
    move |source| FsError { verb, path, source }
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read or is larger.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FsError> {
    let file = File::open(path).map_err(failed("read", path))?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if bytes.len() as u64 > limit {
        let error = io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes"));
        return Err(failed("read", path)(error));
    }
    Ok(bytes)
}

/// A file that is read in pieces, by any thread; one that is removed meanwhile can still be read.
#[derive(Debug)]
pub struct Pieces {
    file: File,
    path: PathBuf,
}

impl Pieces {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> Result<Self, FsError> {
        let file = File::open(path).map_err(failed("read", path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Returns how many bytes the file has now.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn size(&self) -> Result<u64, FsError> {
        Ok(self.file.metadata().map_err(failed("read", &self.path))?.len())
    }

    /// Reads so many bytes from an offset on.
    ///
    /// # Errors
    /// When it cannot be read, or ends before.
    pub fn read(&self, offset: u64, count: usize) -> Result<Vec<u8>, FsError> {
        let mut bytes = vec![0; count];
        self.file.read_exact_at(&mut bytes, offset).map_err(failed("read", &self.path))?;
        Ok(bytes)
    }
}

/// Returns how many bytes a file has, and their hash. They are not held, however many they are.
///
/// # Errors
/// When it cannot be read.
pub fn digest(path: &Path) -> Result<(u64, blake3::Hash), FsError> {
    let mut hasher = blake3::Hasher::new();
    File::open(path).and_then(|file| hasher.update_reader(file).map(drop)).map_err(failed("read", path))?;
    Ok((hasher.count(), hasher.finalize()))
}

/// Reads a UTF-8 file of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read, is larger, or is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<String, FsError> {
    String::from_utf8(read(path, limit)?)
        .map_err(|_| failed("read", path)(io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8")))
}

/// Returns the permission bits of a file, links followed.
///
/// # Errors
/// When it is not there or cannot be looked at.
pub fn mode(path: &Path) -> Result<u32, FsError> {
    let metadata = std::fs::metadata(path).map_err(failed("read", path))?;
    Ok(metadata.permissions().mode() & 0o7777)
}

/// Writes a file that is there whole or not at all, whatever happens: to a neighbour first, synced, renamed, and
/// the folder synced. Readable by its owner alone.
///
/// # Errors
/// When the disk refuses; the old file is then untouched.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    let named = |error: FsError| FsError { path: path.to_owned(), ..error };
    let mut draft = Draft::new(folder_of(path)).map_err(named)?;
    draft.append(bytes).map_err(named)?;
    draft.place(path)
}

/// A file that is written in pieces, and is there whole or not at all: it goes where it is dropped before it is placed.
/// Readable by its owner alone.
#[derive(Debug)]
pub struct Draft(tempfile::NamedTempFile);

impl Draft {
    /// Starts an empty file in the folder in which it is to stand.
    ///
    /// # Errors
    /// When the disk refuses, as for all of these.
    pub fn new(folder: &Path) -> Result<Self, FsError> {
        tempfile::Builder::new()
            .prefix(".recipesync-")
            .permissions(std::fs::Permissions::from_mode(0o600))
            .tempfile_in(folder)
            .map(Self)
            .map_err(failed("write", folder))
    }

    /// Adds bytes at the end.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), FsError> {
        self.0.write_all(bytes).map_err(failed("write", self.0.path()))
    }

    /// Writes bytes over those at an offset.
    pub fn overwrite(&self, offset: u64, bytes: &[u8]) -> Result<(), FsError> {
        self.0.as_file().write_all_at(bytes, offset).map_err(failed("write", self.0.path()))
    }

    /// Reads as many bytes at an offset as the buffer takes.
    pub fn read(&self, offset: u64, to: &mut [u8]) -> Result<(), FsError> {
        self.0.as_file().read_exact_at(to, offset).map_err(failed("read", self.0.path()))
    }

    /// Waits until what was written is on the disk, so that placing has little left to wait for.
    pub fn sync(&self) -> Result<(), FsError> {
        self.0.as_file().sync_data().map_err(failed("write", self.0.path()))
    }

    /// Gives the file its name, in the folder in which it was started: synced, renamed, and the folder synced.
    pub fn place(self, path: &Path) -> Result<(), FsError> {
        self.sync_all(path)?;
        self.rename(path)?;
        sync_folder(folder_of(path))
    }

    /// Gives two files of one folder their names, this one first: nothing is renamed before both are on the disk, and
    /// the folder is synced once.
    pub fn place_before(self, path: &Path, second: Self, second_path: &Path) -> Result<(), FsError> {
        self.sync_all(path)?;
        second.sync_all(second_path)?;
        self.rename(path)?;
        second.rename(second_path)?;
        sync_folder(folder_of(second_path))
    }

    fn sync_all(&self, path: &Path) -> Result<(), FsError> {
        self.0.as_file().sync_all().map_err(failed("write", path))
    }

    fn rename(self, path: &Path) -> Result<(), FsError> {
        self.0.persist(path).map(drop).map_err(|error| failed("write", path)(error.error))
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file that must not be there yet, for a person: the folders above it are made, and all get the
/// permissions that new files of theirs have.
///
/// # Errors
/// When the file is there, a link in its place included, or the disk refuses.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    let make = || {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes)
    };
    make().map_err(failed("create", path))
}

/// Writes a person's file anew where it stands: it keeps its permissions, and a new one gets those that new files of
/// theirs have.
///
/// # Errors
/// When the disk refuses.
pub fn overwrite(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    let opened = OpenOptions::new().write(true).create(true).truncate(true).open(path);
    opened.and_then(|mut file| file.write_all(bytes)).map_err(failed("write", path))
}

/// Returns whether a folder is empty or not there.
///
/// # Errors
/// When it cannot be read, or is no folder.
pub fn is_vacant(folder: &Path) -> Result<bool, FsError> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(failed("read", folder)(error)),
    }
}

/// Makes a folder, and those above it, readable by its owner alone; one that is there stays as it is.
///
/// # Errors
/// When the disk refuses.
pub fn create_folder(path: &Path) -> Result<(), FsError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("create", path))
}

/// Makes a private folder below the system's temporary one; it is removed when it is dropped.
///
/// # Errors
/// When the disk refuses.
pub fn scratch_folder() -> Result<tempfile::TempDir, FsError> {
    tempfile::Builder::new()
        .prefix("recipesync-")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir()
        .map_err(failed("create", &std::env::temp_dir()))
}

/// Removes a file; one that is not there is no error.
///
/// # Errors
/// When the disk refuses.
pub fn remove_file(path: &Path) -> Result<(), FsError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a folder with all that it holds; one that is not there is no error.
///
/// # Errors
/// When the disk refuses.
pub fn remove_folder(path: &Path) -> Result<(), FsError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// A lock on a file, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes a lock, or answers `None` where another process holds it.
///
/// # Errors
/// When the file cannot be made or locked.
pub fn lock(path: &Path) -> Result<Option<Lock>, FsError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(failed("lock", path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(failed("lock", path)(error)),
    }
}

/// Syncs a folder, so that names made or changed in it survive a power cut.
///
/// # Errors
/// When the disk refuses.
pub fn sync_folder(path: &Path) -> Result<(), FsError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed("write", path))
}

/// Lists the files below a folder as names relative to it, sorted; links and special files are refused.
///
/// # Errors
/// When a folder cannot be read, or holds what is neither file nor folder.
pub fn list(root: &Path) -> Result<Vec<PathBuf>, FsError> {
    let (found, odd) = walk(root, |_| true)?;
    match odd.first() {
        None => Ok(found),
        Some(name) => {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "it is a link or a special file");
            Err(failed("read", &root.join(name))(error))
        }
    }
}

/// Lists the files below a folder as [`list`] does, without git's own, and the names of what is neither file nor folder.
///
/// # Errors
/// When a folder cannot be read.
pub fn list_beside_git(root: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), FsError> {
    walk(root, |name| name != ".git")
}

/// Lists the files below a folder and what is neither file nor folder, sorted, without what is not wanted by its name.
fn walk(root: &Path, is_wanted: impl Fn(&OsStr) -> bool) -> Result<(Vec<PathBuf>, Vec<PathBuf>), FsError> {
    let (mut found, mut odd) = (Vec::new(), Vec::new());
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(failed("read", &folder))? {
            let entry = entry.map_err(failed("read", &folder))?;
            if !is_wanted(&entry.file_name()) {
                continue;
            }
            let path = entry.path();
            let kind = entry.file_type().map_err(failed("read", &path))?;
            let name = path.strip_prefix(root).expect("it was found below the root").to_owned();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                found.push(name);
            } else {
                odd.push(name);
            }
        }
    }
    found.sort();
    odd.sort();
    Ok((found, odd))
}

/// Returns where a symbolic link leads, as it is written; nothing where it is none.
#[must_use]
pub fn link_target(path: &Path) -> Option<PathBuf> {
    std::fs::read_link(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_the_whole_file_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read_text(&path, 3).unwrap(), "two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(list(folder.path()).unwrap(), [PathBuf::from("x")], "no neighbour is left behind");
    }

    #[test]
    fn a_new_file_replaces_nothing_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let (inner, outside) = (folder.path().join("inner"), folder.path().join("outside"));
        assert!(is_vacant(&inner).unwrap());
        write_new(&inner.join("a/x"), b"one").unwrap();
        assert!(!is_vacant(&inner).unwrap());
        assert!(is_vacant(&inner.join("a/x")).is_err(), "a file is no folder");
        assert!(write_new(&inner.join("a/x"), b"two").is_err());
        std::os::unix::fs::symlink(&outside, inner.join("link")).unwrap();
        assert!(write_new(&inner.join("link"), b"two").is_err());
        assert_eq!(read(&inner.join("a/x"), 9).unwrap(), b"one");
        assert!(!outside.exists());
    }

    #[test]
    fn what_is_gits_own_is_not_listed_and_what_is_no_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b/c", "b/.d", ".git/e", "a"] {
            create_folder(folder.path().join(name).parent().unwrap()).unwrap();
            write(&folder.path().join(name), b"x").unwrap();
        }
        std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
        let (files, odd) = list_beside_git(folder.path()).unwrap();
        let expected = ["a", "b/.d", "b/c"].map(PathBuf::from);
        assert_eq!((files.as_slice(), odd.as_slice()), (&expected[..], &[PathBuf::from("link")][..]));
        assert_eq!(link_target(&folder.path().join("link")), Some(PathBuf::from("a")));
        assert_eq!(link_target(&folder.path().join("a")), None);
    }

    #[test]
    fn a_file_over_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        write(&path, b"four").unwrap();
        assert_eq!(read(&path, 3).unwrap_err().source.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_file_is_read_in_pieces_even_when_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        write(&path, b"abcdef").unwrap();
        let pieces = Pieces::open(&path).unwrap();
        remove_file(&path).unwrap();
        assert_eq!(pieces.size().unwrap(), 6);
        assert_eq!(pieces.read(2, 3).unwrap(), b"cde");
        assert_eq!(pieces.read(6, 0).unwrap(), b"");
        assert_eq!(pieces.read(4, 3).unwrap_err().source.kind(), io::ErrorKind::UnexpectedEof);
        assert!(Pieces::open(&path).is_err());
    }

    #[test]
    fn a_second_lock_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = lock(&path).unwrap();
        assert!(held.is_some());
        assert!(lock(&path).unwrap().is_none());
        drop(held);
        assert!(lock(&path).unwrap().is_some());
    }
}
