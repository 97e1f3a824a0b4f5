//! What holds for a whole package: connectors with another generated id, and where assets have moved.
//!
//! Both are proved before any asset is looked at: an id is another generation of a connector only where it is the only
//! one of its name on its side, and a reference follows a move only where both of its ends are one asset.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::asset::json::{Doc, Tag};
use crate::asset::reference::Reference;
use crate::model::path::PackagePath;
use crate::review::change::ConnectorId;
use crate::review::hidden::told;
use crate::review::names::slug;

const INFIX: &str = "_connector_";

/// What is known of the whole package.
#[derive(Default)]
pub(super) struct World {
    /// Ids of custom connectors that are another on the new side, old and new.
    pub(super) generations: Vec<(String, String)>,
    /// Where each file is that is on both sides.
    pub(super) now: HashMap<String, String>,
    pub(super) old_files: HashSet<String>,
    pub(super) new_files: HashSet<String>,
    /// By what all paths differ.
    pub(super) shift: Option<Shift>,
}

/// A prefix that all paths gained or lost, with the slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shift {
    Gained(String),
    Lost(String),
}

impl World {
    /// Returns a text of the old side with the new ids of connectors.
    pub(super) fn renamed<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for (old, new) in &self.generations {
            if text.contains(old.as_str()) {
                text = Cow::Owned(replaced(&text, old, new));
            }
        }
        text
    }

    /// Returns the connectors of which so many values have another id.
    pub(super) fn ids(&self, places: &BTreeMap<usize, usize>) -> Vec<ConnectorId> {
        let id = |(at, places): (&usize, &usize)| {
            let (old, new) = &self.generations[*at];
            ConnectorId { old: told(old).to_owned(), new: told(new).to_owned(), places: *places }
        };
        places.iter().map(id).collect()
    }

    /// Returns whether an old and a new name are of one connector.
    pub(super) fn is_same_connector(&self, old: &str, new: &str) -> bool {
        old == new || self.generations.iter().any(|(was, is)| was == old && is == new)
    }

    /// Returns whether two references that differ name one asset, which is elsewhere.
    pub(super) fn follows(&self, old: &Reference, new: &Reference, holders: (&str, &str)) -> bool {
        let (Some(was), Some(is)) = (&old.target, &new.target) else { return false };
        if old.name != new.name {
            return false;
        }
        let found = (resolve(was, holders.0, &self.old_files), resolve(is, holders.1, &self.new_files));
        match found {
            (Some(was_at), Some(is_at)) => {
                self.now.get(&was_at) == Some(&is_at)
                    && was_at != is_at
                    && old.folder == was.folder()
                    && new.folder == is.folder()
                    && same_stem(old.full_path.as_deref(), &old.folder, new.full_path.as_deref(), &new.folder)
            }
            (None, None) => self.shift.as_ref().is_some_and(|shift| {
                shift.folder(&old.folder).as_deref() == Some(new.folder.as_str())
                    && shift.path(was.as_str()).as_deref() == Some(is.as_str())
                    && old.full_path == new.full_path
            }),
            _ => false,
        }
    }
}

impl Shift {
    /// Returns the shift of one path to another.
    pub(super) fn between(old: &str, new: &str) -> Option<Self> {
        let gained = new.strip_suffix(old).filter(|prefix| prefix.ends_with('/'));
        let lost = || old.strip_suffix(new).filter(|prefix| prefix.ends_with('/'));
        gained
            .map(|prefix| Self::Gained(prefix.to_owned()))
            .or_else(|| lost().map(|prefix| Self::Lost(prefix.to_owned())))
    }

    fn path(&self, path: &str) -> Option<String> {
        match self {
            Self::Gained(prefix) => Some(format!("{prefix}{path}")),
            Self::Lost(prefix) => path.strip_prefix(prefix.as_str()).map(str::to_owned),
        }
    }

    fn folder(&self, folder: &str) -> Option<String> {
        let path = self.path(&format!("{folder}/").replace("//", "/"))?;
        Some(path.trim_end_matches('/').to_owned())
    }

    /// Returns whether all references to what is on neither side have shifted as well.
    pub(super) fn holds_for_references<'f>(
        &self,
        old: impl Iterator<Item = (&'f PackagePath, &'f Vec<u8>)>,
        new: impl Iterator<Item = (&'f PackagePath, &'f Vec<u8>)>,
        world: &World,
    ) -> bool {
        let mut counts: BTreeMap<(String, String), isize> = BTreeMap::new();
        for (path, bytes) in old {
            for (target, folder) in dangling(path, bytes, &world.old_files) {
                let (Some(target), Some(folder)) = (self.path(&target), self.folder(&folder)) else {
                    return false;
                };
                *counts.entry((target, folder)).or_default() += 1;
            }
        }
        for (path, bytes) in new {
            for key in dangling(path, bytes, &world.new_files) {
                *counts.entry(key).or_default() -= 1;
            }
        }
        counts.values().all(|count| *count == 0)
    }
}

/// Returns the target and folder of all references in a file that lead to no file.
fn dangling(path: &PackagePath, bytes: &[u8], files: &HashSet<String>) -> Vec<(String, String)> {
    let Ok(doc) = Doc::parse(bytes) else { return Vec::new() };
    let objects = doc.within(doc.root()).filter(|node| doc.tag(*node) == Tag::Object);
    let references = objects.filter_map(|node| Reference::read(&doc, node, false));
    let targets = references.filter_map(|reference| Some((reference.target?, reference.folder)));
    targets
        .filter(|(target, _)| resolve(target, path.as_str(), files).is_none())
        .map(|(target, folder)| (target.to_string(), folder))
        .collect()
}

/// Returns the file that a reference leads to: its path is looked for from the folder of the file that holds it upwards.
fn resolve(target: &PackagePath, holder: &str, files: &HashSet<String>) -> Option<String> {
    let mut folder = holder;
    loop {
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
        let path = if folder.is_empty() { target.to_string() } else { format!("{folder}/{target}") };
        if files.contains(&path) {
            return Some(path);
        }
        if folder.is_empty() {
            return None;
        }
    }
}

/// Returns whether two full paths are the same above two folders.
fn same_stem(old: Option<&str>, old_folder: &str, new: Option<&str>, new_folder: &str) -> bool {
    match (old, new) {
        _ if old == new => true,
        (Some(old), Some(new)) => {
            let (old, new) = (old.strip_suffix(old_folder), new.strip_suffix(new_folder));
            old.is_some() && old == new
        }
        _ => false,
    }
}

/// Returns the connectors that have one id on each side, and another one on the new side. What is in files that are the
/// same on both sides counts for both.
pub(super) fn generations<'f>(
    old: impl Iterator<Item = &'f [u8]>,
    new: impl Iterator<Item = &'f [u8]>,
    same: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    let (old, new) = (ids(old), ids(new));
    let mut found = Vec::new();
    for (slug, was) in old {
        let is = new.get(&slug);
        if let (Some(was), Some(Some(is))) = (was, is)
            && was != *is
            && !same(&format!("{slug}{INFIX}"))
        {
            found.push((was, is.clone()));
        }
    }
    found
}

/// Returns for each custom connector that files mention its id, if it is only one.
fn ids<'f>(files: impl Iterator<Item = &'f [u8]>) -> BTreeMap<String, Option<String>> {
    let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
    for text in files.filter_map(|bytes| std::str::from_utf8(bytes).ok()) {
        for (at, _) in text.match_indices(INFIX) {
            let start = at - text.as_bytes()[..at].iter().rev().take_while(|byte| is_name(**byte)).count();
            let end = at + INFIX.len();
            let end =
                end + text[end..].bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'_').count();
            let id = &text[start..end];
            let slug = slug(id);
            if slug.len() == id.len() {
                continue;
            }
            match found.get_mut(slug) {
                None => drop(found.insert(slug.to_owned(), Some(id.to_owned()))),
                Some(other) if other.as_deref() == Some(id) => {}
                Some(other) => *other = None,
            }
        }
    }
    found
}

const fn is_name(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_')
}

/// Replaces a name where it stands alone.
fn replaced(text: &str, old: &str, new: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices(old) {
        let end = at + old.len();
        let alone = !text[..at].ends_with(|c: char| c.is_ascii() && is_name(c as u8))
            && !text[end..].starts_with(|c: char| c.is_ascii() && is_name(c as u8));
        if alone && at >= done {
            out.push_str(&text[done..at]);
            out.push_str(new);
            done = end;
        }
    }
    out.push_str(&text[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_has_another_generation_only_where_it_has_one_id_a_side() {
        let of = |old: &str, new: &str, same: &str| {
            generations([old.as_bytes()].into_iter(), [new.as_bytes()].into_iter(), |id| same.contains(id))
        };
        let pair = |old: &str, new: &str| vec![(old.to_owned(), new.to_owned())];
        assert_eq!(
            of("'a_connector_1_2.x'", "a_connector_3_4", ""),
            pair("a_connector_1_2", "a_connector_3_4")
        );
        assert_eq!(of("a_connector_1_2", "a_connector_1_2", ""), []);
        assert_eq!(of("a_connector_1_2 a_connector_1_3", "a_connector_3_4", ""), []);
        assert_eq!(of("a_connector_1_2", "a_connector_3_4 a_connector_1_2", ""), []);
        assert_eq!(of("a_connector_1_2", "a_connector_3_4", "a_connector_1_2"), [], "it is not gone");
        assert_eq!(of("a_connector_1_2", "b_connector_3_4", ""), []);
    }

    #[test]
    fn ids_are_replaced_where_they_stand_alone() {
        assert_eq!(replaced("a_1 'a_1' xa_1 a_12 a_1", "a_1", "b_2"), "b_2 'b_2' xa_1 a_12 b_2");
    }

    #[test]
    fn a_reference_is_resolved_from_its_holder_upwards() {
        let files: HashSet<String> = ["p/C/x.connection.json".to_owned()].into();
        let target = PackagePath::parse("C/x.connection.json").unwrap();
        assert_eq!(resolve(&target, "p/R/a.recipe.json", &files).as_deref(), Some("p/C/x.connection.json"));
        assert_eq!(resolve(&target, "q/a.recipe.json", &files), None);
    }

    #[test]
    fn a_shift_is_one_prefix() {
        assert_eq!(Shift::between("a.json", "x/a.json"), Some(Shift::Gained("x/".to_owned())));
        assert_eq!(Shift::between("x/a.json", "a.json"), Some(Shift::Lost("x/".to_owned())));
        assert_eq!(Shift::between("a.json", "xa.json"), None);
        let shift = Shift::Gained("x/".to_owned());
        assert_eq!((shift.folder("").as_deref(), shift.folder("c").as_deref()), (Some("x"), Some("x/c")));
    }
}
