//! Names of one package that cannot stand side by side on every disk.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::model::path::{PackagePath, fold};

use super::ArchiveError;

/// The number of the top folder.
const TOP: u32 = 0;

/// The names seen so far: each part of a name by the folder that it lies in, as a digest, so that long names cost no
/// more than short ones.
#[derive(Default)]
pub(super) struct Names {
    /// By what a folding disk takes for one name.
    seen: HashMap<(u32, [u8; 16]), Seen>,
    /// The folder that the last file lies in, which the next one mostly does as well, and its number.
    last: Option<(String, u32)>,
}

/// A part of a name, as digests.
pub(super) struct NameDigests {
    /// As it is written.
    written: [u8; 16],
    /// As a folding disk takes it.
    folded: [u8; 16],
}

impl NameDigests {
    pub(super) fn of(part: &str) -> Self {
        let (written, folded) = (digest(part), fold(part));
        let folded = if folded == part { written } else { digest(&folded) };
        Self { written, folded }
    }
}

/// A part of a name that was added.
#[derive(Clone, Copy)]
struct Seen {
    /// As it is written.
    written: [u8; 16],
    /// The number of the folder that it names; `None` for a file.
    folder: Option<u32>,
}

impl Names {
    /// Makes room for so many names.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self { seen: HashMap::with_capacity(count), ..Self::default() }
    }

    /// Adds a file or a folder, given its last part, and the folders that it lies in.
    pub(super) fn add(
        &mut self,
        path: &PackagePath,
        name: &NameDigests,
        file: bool,
    ) -> Result<(), ArchiveError> {
        let known = self.last.as_ref().filter(|(folder, _)| file && folder == path.folder());
        if let Some((_, folder)) = known {
            return self.add_part(path, *folder, name, true).map(drop);
        }
        let mut folder = TOP;
        if !path.folder().is_empty() {
            for part in path.folder().split('/') {
                folder = self.add_part(path, folder, &NameDigests::of(part), false)?;
            }
        }
        self.add_part(path, folder, name, file)?;
        if file {
            self.last = Some((path.folder().to_owned(), folder));
        }
        Ok(())
    }

    /// Adds what lies in a folder, and returns its number where it is a folder itself.
    fn add_part(
        &mut self,
        path: &PackagePath,
        within: u32,
        &NameDigests { written, folded }: &NameDigests,
        file: bool,
    ) -> Result<u32, ArchiveError> {
        let next = u32::try_from(self.seen.len() + 1).expect("a package has far fewer entries");
        match self.seen.entry((within, folded)) {
            Entry::Vacant(vacant) => {
                vacant.insert(Seen { written, folder: (!file).then_some(next) });
                Ok(next)
            }
            Entry::Occupied(other) => match *other.get() {
                Seen { folder, .. } if folder.is_none() != file => {
                    Err(ArchiveError::FileAndFolder { name: path.to_string() })
                }
                Seen { written: other, .. } if other != written => {
                    Err(ArchiveError::Clash { name: path.to_string() })
                }
                Seen { folder: Some(folder), .. } => Ok(folder),
                Seen { folder: None, .. } => Err(ArchiveError::Duplicate { name: path.to_string() }),
            },
        }
    }
}

fn digest(part: &str) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3::hash(part.as_bytes()).as_bytes()[..16]);
    digest
}
