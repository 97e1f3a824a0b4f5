//! Three versions of one value: by member, by item where items have identities, else as one unit.

use std::collections::{BTreeMap, BTreeSet};

use super::arrange::arrange;
use super::tree::{Map, Tree, same};
use super::{Merge, Prefer};
use crate::asset::aside::is_aside;
use crate::asset::compare::Level;
use crate::asset::fields::{Class, Place, Row};
use crate::asset::json::{Doc, Tag};
use crate::review::lists::increasing;
use crate::review::printable::line;

/// What items of a list are known by.
const IDENTITIES: [&str; 5] = ["uuid", "id", "name", "header", "key"];

/// What a reference to another asset consists of: half of one with half of another is none.
const REFERENCE: [&str; 5] = ["zip_name", "name", "folder", "folder_full_path", "custom"];

/// The members of an object that say one condition list together.
const CONDITIONS: [&str; 3] = ["conditions", "operand", "type"];

/// Three versions of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Three<T> {
    pub(super) base: T,
    pub(super) ours: T,
    pub(super) theirs: T,
}

impl<T> Three<T> {
    /// Looks at a part of each.
    pub(super) fn map<U>(self, part: impl Fn(T) -> U) -> Three<U> {
        Three { base: part(self.base), ours: part(self.ours), theirs: part(self.theirs) }
    }
}

/// Decides for one unit that stands somewhere: the side that changed it, or either where both did alike; `None` where they differ.
pub(super) fn decide(three: Three<Option<&Tree>>, at: Place) -> Option<Option<&Tree>> {
    let Three { base, ours, theirs } = three;
    match (same(base, ours, at), same(base, theirs, at)) {
        // Another spelling of the same is taken along.
        (true, true) if ours == base => Some(theirs),
        (_, true) => Some(ours),
        (true, false) => Some(theirs),
        (false, false) => same(ours, theirs, at).then_some(ours),
    }
}

impl Merge {
    /// Merges three versions of a value; what differs is told by the name of its `place`.
    pub(super) fn value(&mut self, three: Three<Option<&Tree>>, at: Place, place: &str) -> Option<Tree> {
        if let Some(decided) = decide(three, at) {
            return decided.cloned();
        }
        if let Three { base, ours: Some(Tree::Map(ours)), theirs: Some(Tree::Map(theirs)) } = three {
            let none = Map::new();
            let base = base.and_then(Tree::as_map).unwrap_or(&none);
            let three = Three { base, ours, theirs };
            if !is_reference(ours) && !is_reference(theirs) {
                return Some(Tree::Map(self.members(three, at.holding(Tag::Object), place)));
            }
        }
        if let Three {
            base: Some(Tree::List(base)),
            ours: Some(Tree::List(ours)),
            theirs: Some(Tree::List(theirs)),
        } = three
            && let Some(items) = self.items(Three { base, ours, theirs }, at.holding(Tag::Array), place)
        {
            return Some(Tree::List(items));
        }
        let lists = three.map(|value| value.and_then(field_list));
        if let Three { base: Some(base), ours: Some(ours), theirs: Some(theirs) } = &lists
            && let Some(items) = self.items(Three { base, ours, theirs }, Place::Plain, place)
        {
            return Some(Tree::of_text(&Tree::List(items).text()));
        }
        self.clash(format!("{place} was changed on both sides"));
        self.preferred(three).cloned()
    }

    /// Merges the members of an object, those of a list of conditions as one.
    pub(super) fn members(&mut self, three: Three<&Map>, at: Place, place: &str) -> Map {
        let has_conditions =
            [three.base, three.ours, three.theirs].iter().any(|map| map.contains_key("conditions"));
        let together = |key: &str| has_conditions && CONDITIONS.contains(&key);
        let keys: BTreeSet<&String> =
            three.base.keys().chain(three.ours.keys()).chain(three.theirs.keys()).collect();
        let mut merged = Map::new();
        for key in keys.iter().filter(|key| !together(key)) {
            let inside = if place.is_empty() { line(key) } else { format!("{place}.{}", line(key)) };
            let value = match aside(three, key, at) {
                Some(decided) => decided.cloned(),
                None => self.value(three.map(|map| map.get(*key)), at.member(key.as_bytes()).inside, &inside),
            };
            merged.extend(value.map(|value| ((*key).clone(), value)));
        }
        if has_conditions {
            let part = |map: &Map| {
                let members = map.iter().filter(|(key, _)| together(key));
                Tree::Map(members.map(|(key, value)| (key.clone(), value.clone())).collect())
            };
            let parts = three.map(part);
            let parts =
                Three { base: Some(&parts.base), ours: Some(&parts.ours), theirs: Some(&parts.theirs) };
            let decided = decide(parts, at).unwrap_or_else(|| {
                self.clash(
                    format!("{place}: the conditions were changed on both sides")
                        .trim_start_matches(": ")
                        .to_owned(),
                );
                self.preferred(parts)
            });
            merged.extend(decided.and_then(Tree::as_map).cloned().unwrap_or_default());
        }
        merged
    }

    /// Merges lists whose items have identities; `None` where they have none.
    fn items(&mut self, three: Three<&Vec<Tree>>, at: Place, place: &str) -> Option<Vec<Tree>> {
        let identity = IDENTITIES.into_iter().find(|key| {
            [three.base, three.ours, three.theirs].iter().all(|list| named(list, key).is_some())
        })?;
        let by_name = three.map(|list| named(list, identity).expect("found just now"));
        let order = three.map(|list| -> Vec<String> {
            list.iter().filter_map(|item| Some(item.as_map()?.get(identity)?.text())).collect()
        });
        let mut merged: BTreeMap<String, Tree> = BTreeMap::new();
        let names: BTreeSet<&String> = order.base.iter().chain(&order.ours).chain(&order.theirs).collect();
        for name in names {
            let versions = Three {
                base: by_name.base.get(name).copied(),
                ours: by_name.ours.get(name).copied(),
                theirs: by_name.theirs.get(name).copied(),
            };
            let item = self.value(versions, at.item(), &format!("{place}[{}]", line(name.trim_matches('"'))));
            merged.extend(item.map(|item| (name.clone(), item)));
        }
        let stays = |name: &String| merged.contains_key(name);
        let base: Vec<&String> = order.base.iter().filter(|name| stays(name)).collect();
        let placed = |side: &Vec<String>| -> BTreeSet<String> { placed(&base, side) };
        let (by_ours, by_theirs) = (placed(&order.ours), placed(&order.theirs));
        let anchors: Vec<String> = base
            .iter()
            .filter(|name| !by_ours.contains(**name) && !by_theirs.contains(**name))
            .map(|name| (*name).clone())
            .collect();
        let listed = |side: &Vec<String>, own: &BTreeSet<String>| -> Vec<String> {
            side.iter()
                .filter(|name| stays(name) && (own.contains(*name) || anchors.contains(name)))
                .cloned()
                .collect()
        };
        let (ours, theirs) = (listed(&order.ours, &by_ours), listed(&order.theirs, &by_theirs));
        let in_both = |name: &String| by_name.ours.contains_key(name) && by_name.theirs.contains_key(name);
        let (order, clashes) = arrange(&anchors, &ours, &theirs, self.prefer, in_both);
        if !clashes.is_empty() {
            self.clash(format!("{place}: different items were put in one place"));
        }
        Some(order.iter().filter_map(|name| merged.remove(name)).collect())
    }

    /// Returns the version that is written where the two differ.
    pub(super) fn preferred<T: Copy>(&self, three: Three<T>) -> T {
        if self.prefer == Prefer::Ours { three.ours } else { three.theirs }
    }
}

/// Decides for a member that two sides have changed, where what one of them or both have is set aside in a comparison:
/// derived, volatile, or as good as absent. `None` says that there is more to it.
fn aside<'t>(three: Three<&'t Map>, key: &str, at: Place) -> Option<Option<&'t Tree>> {
    let row = at.member(key.as_bytes());
    let versions = three.map(|map| map.get(key));
    let is_plain = matches!(row.class, Class::Meaningful) && row.empty.is_none();
    if is_plain || decide(versions, row.inside).is_some() {
        return None;
    }
    let counting = three.map(|map| map.get(key).filter(|_| !is_set_aside(map, key, row)));
    let Three { base, ours, theirs } = counting;
    match (same(base, ours, row.inside), same(base, theirs, row.inside)) {
        // What follows from something else is that of the side that has changed it.
        (true, true) if matches!(row.class, Class::Volatile) => Some(versions.ours),
        (true, true) if versions.ours == versions.base => Some(versions.theirs),
        (_, true) => Some(versions.ours),
        (true, false) => Some(versions.theirs),
        (false, false) => same(ours, theirs, row.inside).then_some(versions.ours),
    }
}

fn is_set_aside(map: &Map, key: &str, row: Row) -> bool {
    let text = Tree::Map(map.clone()).text();
    let Ok(doc) = Doc::parse(text.as_bytes()) else { return false };
    let value = doc.get(doc.root(), key);
    value.is_some_and(|value| is_aside(Level::Meaning, row, &doc, doc.root(), value))
}

/// Returns which items a side has put somewhere: new ones, and those that it has moved among the others.
fn placed(base: &[&String], side: &[String]) -> BTreeSet<String> {
    let at: BTreeMap<&String, usize> = base.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    let kept: Vec<(&String, usize)> = side.iter().filter_map(|name| Some((name, *at.get(name)?))).collect();
    let positions: Vec<usize> = kept.iter().map(|(_, at)| *at).collect();
    let moved = kept
        .iter()
        .zip(increasing(&positions))
        .filter(|(_, stays)| !stays)
        .map(|((name, _), _)| (*name).clone());
    side.iter().filter(|name| !at.contains_key(name)).cloned().chain(moved).collect()
}

/// Returns the items of a list by what they are known by, if each has such a name of its own.
fn named<'t>(list: &'t [Tree], key: &str) -> Option<BTreeMap<String, &'t Tree>> {
    let mut found = BTreeMap::new();
    for item in list {
        let Tree::Scalar(name) = item.as_map()?.get(key)? else { return None };
        if found.insert(name.clone(), item).is_some() {
            return None;
        }
    }
    Some(found)
}

/// Returns the fields of a list that is written as JSON text.
fn field_list(value: &Tree) -> Option<Vec<Tree>> {
    let text = value.as_text()?;
    let doc = crate::asset::text::field_list(&text)?;
    match Tree::read(&doc, doc.root()) {
        Tree::List(items) => Some(items),
        _ => None,
    }
}

fn is_reference(map: &Map) -> bool {
    let is_part = |key: &String| REFERENCE.contains(&key.as_str());
    map.contains_key("name")
        && (map.contains_key("folder") || map.contains_key("zip_name"))
        && map.keys().all(is_part)
}
