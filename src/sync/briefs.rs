//! What became of the files that travel, in the words of a comparison.

use std::collections::BTreeMap;

use super::Wiring;
use crate::blocking;
use crate::git::GitError;
use crate::model::edits::Changes;
use crate::model::message::{self, Change};
use crate::model::path::PackagePath;
use crate::model::plan::Files;
use crate::review::brief::brief;

/// Of more changed files than this none is compared: the message of a commit is not the place to read all of it, and a
/// look should stay quick.
const MAX_FILES: usize = 20;

/// Nor is a file that is larger than this on a side, in bytes: most recipes have a tenth of it.
const MAX_BYTES: usize = 512 << 10;

/// Returns for each file that changes what was changed in it, a line a change, or why that is not told; nothing for those
/// that come or go. Where too many change, the first of them says so.
pub(super) async fn briefs(
    wiring: &Wiring,
    before: &Files,
    after: &Changes,
) -> Result<BTreeMap<PackagePath, Vec<String>>, GitError> {
    let changed: Vec<_> =
        after.iter().filter_map(|(path, blob)| Some((path.clone(), *before.get(path)?, (*blob)?))).collect();
    let Some((first, ..)) = changed.first() else { return Ok(BTreeMap::new()) };
    if changed.len() > MAX_FILES {
        let told =
            format!("what changed in these {} files is not listed: more than {MAX_FILES}", changed.len());
        return Ok([(first.clone(), vec![told])].into());
    }
    let blobs = changed.iter().flat_map(|(_, old, new)| [*old, *new]).collect();
    let files = wiring.repository.small_blobs(blobs, MAX_BYTES).await?;
    let told = blocking::run(move || {
        let tell = |((path, ..), sides): ((PackagePath, _, _), &[Option<Vec<u8>>])| match sides {
            [Some(old), Some(new)] => (path.clone(), brief(&path, old, new)),
            _ => (path, vec!["what changed is not listed: it is larger than 512 KB".to_owned()]),
        };
        changed.into_iter().zip(files.chunks_exact(2)).map(tell).collect()
    });
    Ok(told.await)
}

/// Returns what an import changes in the workspace, in the words of an export.
pub(super) async fn of_import(wiring: &Wiring, workspace: &Files, files: &Files) -> Vec<String> {
    let changes: Changes = files.iter().map(|(path, blob)| (path.clone(), Some(*blob))).collect();
    // A file that cannot be read is one that cannot be packed either: that stops the import, and says why.
    let briefs = briefs(wiring, workspace, &changes).await.unwrap_or_default();
    told(&message::assets(workspace, &changes), briefs.iter())
}

/// Returns a line a change, with the asset that it is of.
pub(super) fn told<'n>(
    assets: &BTreeMap<PackagePath, Change>,
    changes: impl Iterator<Item = (&'n PackagePath, &'n Vec<String>)>,
) -> Vec<String> {
    changes
        .filter(|(path, _)| assets.contains_key(*path))
        .flat_map(|(path, lines)| lines.iter().map(move |line| format!("{path}: {line}")))
        .collect()
}
