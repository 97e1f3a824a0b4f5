//! Names of branches, under git's own rules.
//!
//! A name that git would refuse, or that would read as an option or as several refs on a command line, is refused
//! here; what passes can be put after `refs/heads/` anywhere.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name, in bytes, so that `refs/remotes/origin/NAME` stays a path that every disk takes.
const MAX_BYTES: usize = 1024;
/// The longest part between slashes, in bytes: 255 for the disk, less git's own `.lock`.
const MAX_PART_BYTES: usize = 250;

/// A branch name without `refs/heads/`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);

impl BranchName {
    /// Parses a name by the rules of `git check-ref-format --branch`.
    ///
    /// # Errors
    /// Says why the name is refused.
    pub fn parse(name: &str) -> Result<Self, BranchError> {
        check(name)?;
        Ok(Self(name.to_owned()))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl TryFrom<String> for BranchName {
    type Error = BranchError;

    fn try_from(name: String) -> Result<Self, BranchError> {
        check(&name)?;
        Ok(Self(name))
    }
}

impl From<BranchName> for String {
    fn from(name: BranchName) -> Self {
        name.0
    }
}

impl Borrow<str> for BranchName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Why a branch name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BranchError {
    /// Nothing at all, or nothing between two slashes.
    #[error("it has an empty part")]
    Empty,
    /// Starts with a dash, so that it reads as an option.
    #[error("it starts with a dash")]
    Dash,
    /// A part starts with a dot, or the name ends in one, or holds two in a row.
    #[error("a part starts with a dot, or it ends in a dot, or it has two dots in a row")]
    Dots,
    /// A part ends in `.lock`, which is git's own.
    #[error("a part ends in .lock")]
    Lock,
    /// Holds a space, a control character or one of `~^:?*[\`.
    #[error("it has a space, a control character or one of ~^:?*[\\")]
    Character,
    /// Holds `@{`, or is `@` or `HEAD`, all of which mean something else to git.
    #[error("it means something else to git")]
    Reserved,
    /// Longer than 1,024 bytes, or a part longer than 250.
    #[error("it is too long")]
    TooLong,
}

fn check(name: &str) -> Result<(), BranchError> {
    if name.len() > MAX_BYTES {
        return Err(BranchError::TooLong);
    }
    if name.starts_with('-') {
        return Err(BranchError::Dash);
    }
    if name == "@" || name == "HEAD" || name.contains("@{") {
        return Err(BranchError::Reserved);
    }
    if name.contains("..") || name.ends_with('.') {
        return Err(BranchError::Dots);
    }
    if name.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c)) {
        return Err(BranchError::Character);
    }
    name.split('/').try_for_each(|part| match part {
        "" => Err(BranchError::Empty),
        _ if part.starts_with('.') => Err(BranchError::Dots),
        _ if part.ends_with(".lock") => Err(BranchError::Lock),
        _ if part.len() > MAX_PART_BYTES => Err(BranchError::TooLong),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_names_pass() {
        for name in
            ["main", "release/2026.11", "feature/a-b_c", "Überweisung", "a@b", "x.lockfile", "head", "a.b"]
        {
            assert_eq!(BranchName::parse(name).map(String::from), Ok(name.to_owned()));
        }
    }

    #[test]
    fn every_hostile_name_has_its_reason() {
        let long = "x".repeat(251);
        for (name, reason) in [
            ("", BranchError::Empty),
            ("/a", BranchError::Empty),
            ("a/", BranchError::Empty),
            ("a//b", BranchError::Empty),
            ("-d", BranchError::Dash),
            ("--upload-pack=x", BranchError::Dash),
            (".a", BranchError::Dots),
            ("a/.b", BranchError::Dots),
            ("a..b", BranchError::Dots),
            ("a.", BranchError::Dots),
            ("a.lock", BranchError::Lock),
            ("a.lock/b", BranchError::Lock),
            ("a b", BranchError::Character),
            ("a:b", BranchError::Character),
            ("a^", BranchError::Character),
            ("a~1", BranchError::Character),
            ("a*", BranchError::Character),
            ("a?", BranchError::Character),
            ("a[b", BranchError::Character),
            ("a\\b", BranchError::Character),
            ("a\nb", BranchError::Character),
            ("a\u{7f}", BranchError::Character),
            ("@", BranchError::Reserved),
            ("HEAD", BranchError::Reserved),
            ("a@{1}", BranchError::Reserved),
            (long.as_str(), BranchError::TooLong),
        ] {
            assert_eq!(BranchName::parse(name), Err(reason), "{name:?}");
        }
    }
}
