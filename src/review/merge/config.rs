//! Three versions of a recipe's list of connectors: an entry a connector, in the order of ours. Entries follow the steps.
//!
//! A list that does not name each connector once is one unit.

use std::collections::BTreeSet;

use super::Merge;
use super::sides_of;
use super::steps::Steps;
use super::tree::{Map, Tree};
use super::value::{Three, decide};
use crate::asset::fields::Place;
use crate::review::printable::line;

/// The entries of one version by their connector.
type Entries = Vec<(String, Tree)>;

impl Merge {
    /// Merges the list of connectors.
    pub(super) fn config(&mut self, sides: &Three<Map>, steps: &Steps) -> Option<Tree> {
        let used: BTreeSet<String> =
            steps.fields.keys().filter_map(|id| steps.text(*id, "provider")).collect();
        let lists =
            Three { base: entries(&sides.base), ours: entries(&sides.ours), theirs: entries(&sides.theirs) };
        let Three { base: Some(base), ours: Some(ours), theirs: Some(theirs) } = &lists else {
            return self.whole(sides, &used);
        };
        let mut names: Vec<&String> = Vec::new();
        for (name, _) in ours.iter().chain(theirs) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let three = Three { base, ours, theirs };
        let merged: Vec<Tree> = names
            .into_iter()
            .filter_map(|name| {
                let versions = three.map(|list| list.iter().find(|(other, _)| other == name));
                self.entry(versions.map(|entry| entry.map(|(_, entry)| entry)), name, used.contains(name))
            })
            .collect();
        let has_list = [&sides.ours, &sides.theirs].iter().any(|map| map.contains_key("config"));
        has_list.then_some(Tree::List(merged))
    }

    /// Merges the entry of one connector.
    fn entry(&mut self, three: Three<Option<&Tree>>, name: &str, is_used: bool) -> Option<Tree> {
        let is_removed = three.ours.is_none() || three.theirs.is_none();
        let entry = match decide(three, Place::ConfigEntry) {
            Some(None) if is_used => {
                self.clash(removed(name));
                self.preferred(three).or(three.ours).or(three.theirs)
            }
            Some(entry) => entry,
            None => {
                let how = if is_removed {
                    "removed on one side and changed on the other"
                } else {
                    "changed on both sides"
                };
                self.clash(format!("the connection of {} was {how}", line(name)));
                self.preferred(three)
            }
        };
        entry.cloned()
    }

    /// Takes the list of the side that has changed it.
    fn whole(&mut self, sides: &Three<Map>, used: &BTreeSet<String>) -> Option<Tree> {
        let three = sides_of(sides, "config");
        let decided = decide(three, Place::Config).unwrap_or_else(|| {
            self.clash("config was changed on both sides, and does not name each connector once".to_owned());
            self.preferred(three)
        });
        let named = |list: Option<&Tree>| -> BTreeSet<String> {
            let Some(Tree::List(items)) = list else { return BTreeSet::new() };
            items.iter().filter_map(provider).collect()
        };
        let known: BTreeSet<String> = named(three.ours).union(&named(three.theirs)).cloned().collect();
        for name in known.difference(&named(decided)).filter(|name| used.contains(*name)) {
            self.clash(removed(name));
        }
        decided.cloned()
    }
}

fn removed(name: &str) -> String {
    format!("the connection of {} was removed on one side and is used on the other", line(name))
}

fn provider(entry: &Tree) -> Option<String> {
    entry.as_map()?.get("provider")?.as_text()
}

/// Returns the entries of a version; `None` where they do not name each connector once.
fn entries(map: &Map) -> Option<Entries> {
    let items = match map.get("config") {
        None => return Some(Entries::new()),
        Some(Tree::List(items)) => items,
        Some(_) => return None,
    };
    let named: Entries =
        items.iter().map(|entry| Some((provider(entry)?, entry.clone()))).collect::<Option<_>>()?;
    let names: BTreeSet<&String> = named.iter().map(|(name, _)| name).collect();
    (names.len() == named.len()).then_some(named)
}
