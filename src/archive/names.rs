//! Names of one package that cannot stand side by side on every disk.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::model::path::{PackagePath, fold};

use super::ArchiveError;

/// The names seen so far, each as a digest, so that long names cost no more than short ones.
#[derive(Default)]
pub(super) struct Names {
    /// By what a folding disk takes for one name: the name as it is written, and whether it is a file.
    seen: HashMap<[u8; 16], ([u8; 16], bool)>,
    /// The folder that the last file lies in, which the next one mostly does as well, and its digests so far.
    last: Option<(String, [blake3::Hasher; 2])>,
}

impl Names {
    /// Adds a file or a folder, and the folders that it lies in.
    pub(super) fn add(&mut self, path: &PackagePath, file: bool) -> Result<(), ArchiveError> {
        let depth = path.parts().count();
        let known = self.last.take().filter(|(folder, _)| file && folder == path.folder());
        let first = if known.is_some() { depth - 1 } else { 0 };
        let (_, [mut folded, mut written]) = known.unwrap_or_default();
        for (index, part) in path.parts().enumerate().skip(first) {
            if file && index + 1 == depth {
                self.last = Some((path.folder().to_owned(), [folded.clone(), written.clone()]));
            }
            folded.update(b"/").update(fold(part).as_bytes());
            written.update(b"/").update(part.as_bytes());
            let this = (half(&written), file && index + 1 == depth);
            match self.seen.entry(half(&folded)) {
                Entry::Vacant(vacant) => {
                    vacant.insert(this);
                }
                Entry::Occupied(other) => {
                    let (other_written, other_file) = *other.get();
                    let name = || path.to_string();
                    if other_file != this.1 {
                        return Err(ArchiveError::FileAndFolder { name: name() });
                    }
                    if other_written != this.0 {
                        return Err(ArchiveError::Clash { name: name() });
                    }
                    if this.1 {
                        return Err(ArchiveError::Duplicate { name: name() });
                    }
                }
            }
        }
        Ok(())
    }
}

fn half(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    digest
}
