//! The only way a file name enters the program.
//!
//! A name from a zip, a tree or a command line becomes a [`PackagePath`] or is refused with the reason; it is
//! never repaired, since two repaired names can land on one path. What is refused is what git itself refuses to
//! take into an index with all its protections on, and what could leave the folder. Names that only Windows cannot
//! hold (`aux.json`, `a|b`, `a:b`) are taken: real exports have such folders.
//!
//! [`RepoPath`] is the folder of a project in its repository, under the same rules.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

/// The longest name that is accepted, in bytes; the longest seen in real exports has 118.
const MAX_BYTES: usize = 1024;
/// The longest part between slashes, in bytes: what common file systems take.
const MAX_PART_BYTES: usize = 255;
/// The deepest nesting of folders; the deepest seen in real exports is 3.
const MAX_DEPTH: usize = 32;

/// A file name inside a package: relative, with `/` between its parts, safe in git and on every disk. Clones share the
/// text: a look names each file a dozen times.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackagePath(Arc<str>);

impl PackagePath {
    /// Parses a name.
    ///
    /// # Errors
    /// Says why the name is refused.
    pub fn parse(name: &str) -> Result<Self, PathError> {
        check(name)?;
        Ok(Self(name.into()))
    }

    /// Returns the whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last part.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// Returns the folder, `""` at the top.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Returns the parts between the slashes.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns what names are the same as this one on a disk that folds case and Unicode forms.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

/// Folds a name as case-insensitive and normalising disks do.
#[must_use]
pub fn fold(name: &str) -> String {
    // Nearly all names: Unicode's forms leave ASCII as it is.
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    name.nfkc().flat_map(char::to_lowercase).collect::<String>().nfc().collect()
}

impl fmt::Display for PackagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PackagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl TryFrom<String> for PackagePath {
    type Error = PathError;

    fn try_from(name: String) -> Result<Self, PathError> {
        Self::parse(&name)
    }
}

impl From<PackagePath> for String {
    fn from(path: PackagePath) -> Self {
        path.0.as_ref().to_owned()
    }
}

impl std::borrow::Borrow<str> for PackagePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The folder of a project in its repository; `.` is the root.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(Option<PackagePath>);

impl RepoPath {
    /// Parses a folder; one slash at the end is allowed.
    ///
    /// # Errors
    /// Says why the folder is refused.
    pub fn parse(folder: &str) -> Result<Self, PathError> {
        if folder == "." || folder == "./" {
            return Ok(Self(None));
        }
        PackagePath::parse(folder.strip_suffix('/').unwrap_or(folder)).map(|path| Self(Some(path)))
    }

    /// Returns the folder's parts from the root down; none for the root itself.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(PackagePath::parts)
    }

    /// Returns the path of a file in the repository.
    #[must_use]
    pub fn join(&self, path: &PackagePath) -> String {
        self.0.as_ref().map_or_else(|| path.to_string(), |folder| format!("{folder}/{path}"))
    }

    /// Returns whether one of the two lies in the other, or they are the same.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.parts().zip(other.parts()).all(|(a, b)| fold(a) == fold(b))
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_ref().map_or(".", PackagePath::as_str))
    }
}

impl TryFrom<String> for RepoPath {
    type Error = PathError;

    fn try_from(folder: String) -> Result<Self, PathError> {
        Self::parse(&folder)
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> Self {
        path.to_string()
    }
}

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Nothing at all, or nothing between two slashes.
    #[error("it has an empty part")]
    Empty,
    /// Starts with a slash.
    #[error("it is absolute")]
    Absolute,
    /// Starts with a letter and a colon.
    #[error("it starts with a drive letter")]
    Drive,
    /// Holds `.` or `..` as a part.
    #[error("it has a part that is . or ..")]
    Dots,
    /// Holds a backslash, which is a slash elsewhere.
    #[error("it has a backslash")]
    Backslash,
    /// Holds NUL or another control character.
    #[error("it has a control character")]
    Control,
    /// Is `.git`, as written or as some disk would read it.
    #[error("it names git's own folder")]
    DotGit,
    /// A part ends in a dot or a space, which Windows drops.
    #[error("a part ends in a dot or a space")]
    Trailing,
    /// Longer than 1,024 bytes, or a part longer than 255.
    #[error("it is too long")]
    TooLong,
    /// More than 32 parts.
    #[error("it is nested too deep")]
    TooDeep,
}

fn check(name: &str) -> Result<(), PathError> {
    if name.len() > MAX_BYTES {
        return Err(PathError::TooLong);
    }
    if name.starts_with('/') {
        return Err(PathError::Absolute);
    }
    let mut start = name.chars();
    if start.next().is_some_and(|c| c.is_ascii_alphabetic()) && start.next() == Some(':') {
        return Err(PathError::Drive);
    }
    if name.split('/').count() > MAX_DEPTH {
        return Err(PathError::TooDeep);
    }
    name.split('/').try_for_each(check_part)
}

fn check_part(part: &str) -> Result<(), PathError> {
    if part.is_empty() {
        return Err(PathError::Empty);
    }
    if part == "." || part == ".." {
        return Err(PathError::Dots);
    }
    // Nearly all names: nothing in them has to be looked at twice.
    let is_plain = |byte: u8| byte != b'\\' && (b' '..=b'~').contains(&byte);
    if !part.bytes().all(is_plain) {
        if part.contains('\\') {
            return Err(PathError::Backslash);
        }
        if part.chars().any(char::is_control) {
            return Err(PathError::Control);
        }
    }
    if part.len() > MAX_PART_BYTES {
        return Err(PathError::TooLong);
    }
    if is_dot_git(part) {
        return Err(PathError::DotGit);
    }
    if part.ends_with(['.', ' ']) {
        return Err(PathError::Trailing);
    }
    Ok(())
}

/// Returns whether some file system takes the part for `.git`: by case, by characters that HFS+ ignores, by the
/// short name and the stream syntax of NTFS (git's `is_hfs_dotgit` and `is_ntfs_dotgit`).
fn is_dot_git(part: &str) -> bool {
    let is_git = |name: &str| {
        let stem = name.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
        stem.eq_ignore_ascii_case(".git") || stem.eq_ignore_ascii_case("git~1")
    };
    // Nearly all names: none of the characters that disks ignore or fold is ASCII.
    if part.is_ascii() {
        return is_git(part);
    }
    let visible: String = part.chars().filter(|c| !is_ignorable(*c)).collect();
    is_git(&fold(&visible))
}

/// Characters that HFS+ leaves out of comparisons (git's `next_hfs_char`), and other invisible ones.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn real_names_pass() {
        for name in [
            "a.recipe.json",
            "Workspace Connections/sf_dev_account.connection.json",
            "[App] PC Loan Request/x.recipe.json",
            "MCP | Gmail/x.recipe.json",
            "R&D/v1.2/x.recipe.json",
            "Überweisung/注文.recipe.json",
            "a:b/notes.recipe.json".strip_prefix("a:b/").unwrap(),
            ".gitattributes",
            "...x",
        ] {
            assert_eq!(PackagePath::parse(name).map(|p| p.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn every_hostile_name_has_its_reason() {
        let long = "x".repeat(256);
        let deep = ["d"; 33].join("/");
        let huge = vec![long[..200].to_owned(); 6].join("/");
        for (name, reason) in [
            ("", PathError::Empty),
            ("a//b", PathError::Empty),
            ("a/", PathError::Empty),
            ("/etc/passwd", PathError::Absolute),
            ("C:x", PathError::Drive),
            ("c:/x", PathError::Drive),
            ("../x", PathError::Dots),
            ("a/./b", PathError::Dots),
            ("a/..", PathError::Dots),
            ("a\\b", PathError::Backslash),
            ("a\0b", PathError::Control),
            ("a\nb", PathError::Control),
            ("a\u{85}b", PathError::Control),
            (".git/config", PathError::DotGit),
            ("x/.GIT/hooks", PathError::DotGit),
            (".git./x", PathError::DotGit),
            (".git /x", PathError::DotGit),
            (".git . ./x", PathError::DotGit),
            ("GIT~1/x", PathError::DotGit),
            (".git::$INDEX_ALLOCATION/x", PathError::DotGit),
            (".g\u{200c}it/x", PathError::DotGit),
            ("\u{feff}.git/x", PathError::DotGit),
            ("．ｇｉｔ/x", PathError::DotGit),
            ("a./b", PathError::Trailing),
            ("a /b", PathError::Trailing),
            (long.as_str(), PathError::TooLong),
            (huge.as_str(), PathError::TooLong),
            (deep.as_str(), PathError::TooDeep),
        ] {
            assert_eq!(PackagePath::parse(name), Err(reason), "{name:?}");
        }
    }

    #[test]
    fn a_project_folder_is_the_root_or_a_path() {
        let root = RepoPath::parse(".").unwrap();
        let orders = RepoPath::parse("eu/orders/").unwrap();
        let file = PackagePath::parse("a.recipe.json").unwrap();
        assert_eq!(root.join(&file), "a.recipe.json");
        assert_eq!(orders.join(&file), "eu/orders/a.recipe.json");
        assert_eq!(orders.to_string(), "eu/orders");
        assert!(root.overlaps(&orders) && orders.overlaps(&RepoPath::parse("EU").unwrap()));
        assert!(!orders.overlaps(&RepoPath::parse("eu/billing").unwrap()));
        assert_eq!(RepoPath::parse("../x"), Err(PathError::Dots));
        assert_eq!(RepoPath::parse(""), Err(PathError::Empty));
    }

    #[test]
    fn names_that_one_disk_cannot_hold_apart_fold_together() {
        let fold = |name| PackagePath::parse(name).unwrap().folded();
        assert_eq!(fold("Ä/A.json"), fold("a\u{308}/a.JSON"));
        assert_ne!(fold("a.json"), fold("b.json"));
    }

    proptest! {
        #[test]
        fn what_passes_stays_inside_and_is_kept(name in "\\PC{0,40}(/\\PC{0,20}){0,3}") {
            if let Ok(path) = PackagePath::parse(&name) {
                prop_assert_eq!(path.as_str(), name.as_str());
                prop_assert!(path.parts().all(|part| !part.is_empty() && part != ".." && part != "."));
                prop_assert!(!path.folded().split('/').any(|part| part == ".git"));
            }
        }
    }
}
