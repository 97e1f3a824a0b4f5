//! Makes a cache usable whatever state it was left in.
//!
//! All that is in a cache came from the upstream or is made again from the workspace, so a damaged one is removed.

use std::path::{Path, PathBuf};

use super::{GitError, objects};
use crate::fs;

/// How git names objects and folders of objects that are not whole yet.
pub(super) const LEFT_BY_GIT: [&str; 3] = ["tmp_", ".tmp-", "incoming-"];
/// Git's, and the one of our own packs.
const LEFT_BY_ANY: [&str; 4] = ["tmp_", ".tmp-", "incoming-", ".recipesync-"];

/// Makes the cache when it is absent, half-made or damaged; else removes what a kill left in it.
pub(super) fn prepare(folder: &Path) -> Result<(), GitError> {
    if !folder.exists() {
        return make_anew(folder);
    }
    let left = |name: &PathBuf, all: &[PathBuf]| is_left_over(name, &LEFT_BY_ANY) || is_half(name, all);
    let usable = remove(folder, left).and_then(|()| objects::check(folder));
    usable.or_else(|error| {
        tracing::warn!(folder = %folder.display(), reason = %error, "the cache is damaged and is made anew");
        make_anew(folder)
    })
}

/// Removes the cache and makes an empty one.
pub(super) fn make_anew(folder: &Path) -> Result<(), GitError> {
    fs::remove_folder(folder)?;
    fs::create_folder(folder)?;
    objects::init(folder)
}

/// Removes lock files, and half-written objects whose names start so. Only for who knows that none of their writers
/// runs now.
pub(super) fn sweep(folder: &Path, prefixes: &[&str]) -> Result<(), GitError> {
    remove(folder, |name, _| is_left_over(name, prefixes))
}

/// Removes the files that are left over, given each one's name and all names.
fn remove(folder: &Path, is_left: impl Fn(&PathBuf, &[PathBuf]) -> bool) -> Result<(), GitError> {
    let all = fs::list(folder)?;
    for name in all.iter().filter(|name| is_left(name, &all)) {
        fs::remove_file(&folder.join(name))?;
    }
    Ok(())
}

/// Returns whether it is a pack without an index, or an index without a pack, which a kill or a power cut left between
/// the two: it is of no use, and git keeps it for ever.
fn is_half(name: &Path, all: &[PathBuf]) -> bool {
    let other = match name.extension().and_then(|extension| extension.to_str()) {
        Some("pack") => "idx",
        Some("idx") => "pack",
        _ => return false,
    };
    name.starts_with("objects/pack") && !all.contains(&name.with_extension(other))
}

/// Returns whether there is such a file only while somebody writes.
fn is_left_over(name: &Path, prefixes: &[&str]) -> bool {
    let parts = || name.iter().map(|part| part.to_string_lossy());
    let is_object = parts().next().is_some_and(|part| part == "objects");
    name.extension().is_some_and(|extension| extension == "lock")
        || is_object && parts().any(|part| prefixes.iter().any(|prefix| part.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_pack_goes_at_the_next_start() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("r.git");
        prepare(&folder).unwrap();
        let mut pack = crate::git::PackWriter::new();
        pack.add(b"x").unwrap();
        crate::git::pack_file::write(&folder, &pack).unwrap();
        fs::write(&folder.join("objects/pack/pack-ab.pack"), b"PACK").unwrap();
        fs::write(&folder.join("objects/pack/pack-cd.idx"), b"\xfftOc").unwrap();
        prepare(&folder).unwrap();
        let left = fs::list(&folder.join("objects/pack")).unwrap();
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(left.iter().all(|name| !["pack-ab.pack", "pack-cd.idx"].contains(&&*name.to_string_lossy())));
    }

    #[test]
    fn only_what_a_kill_leaves_is_left_over() {
        for name in [
            "packed-refs.lock",
            "shallow.lock",
            "refs/remotes/origin/eu/main.lock",
            "objects/pack/tmp_pack_a1",
            "objects/pack/.tmp-12-pack-ab.pack",
            "objects/ab/tmp_obj_x",
            "objects/tmp_objdir-incoming-x/pack/a.pack",
            "objects/pack/.recipesync-x1",
        ] {
            assert!(is_left_over(Path::new(name), &LEFT_BY_ANY), "{name}");
        }
        for name in
            ["packed-refs", "refs/remotes/origin/tmp_x", "objects/pack/pack-ab.pack", "config", "HEAD"]
        {
            assert!(!is_left_over(Path::new(name), &LEFT_BY_ANY), "{name}");
        }
    }
}
