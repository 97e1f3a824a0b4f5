//! What became of the files that travel, in the words of a comparison.

use std::collections::BTreeMap;

use super::Wiring;
use crate::blocking;
use crate::git::GitError;
use crate::model::edits::Changes;
use crate::model::path::PackagePath;
use crate::model::plan::Files;
use crate::review::brief::brief;

/// Of more changed files than this none is compared: the message of a commit is not the place to read all of it, and a
/// look should stay quick.
const MAX_FILES: usize = 20;

/// Returns for each file that changes what was changed in it, a line a change; nothing for those that come or go.
pub(super) async fn briefs(
    wiring: &Wiring,
    before: &Files,
    after: &Changes,
) -> Result<BTreeMap<PackagePath, Vec<String>>, GitError> {
    let changed: Vec<_> =
        after.iter().filter_map(|(path, blob)| Some((path.clone(), *before.get(path)?, (*blob)?))).collect();
    if changed.is_empty() || changed.len() > MAX_FILES {
        return Ok(BTreeMap::new());
    }
    let blobs = changed.iter().flat_map(|(_, old, new)| [*old, *new]).collect();
    let files = wiring.repository.blobs(blobs).await?;
    let told = blocking::run(move || {
        let sides = files.chunks_exact(2);
        changed
            .into_iter()
            .zip(sides)
            .map(|((path, ..), sides)| (path.clone(), brief(&path, &sides[0], &sides[1])))
            .collect()
    });
    Ok(told.await)
}
