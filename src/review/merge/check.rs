//! Whether a merged recipe is sound: what holds on a side still holds, and nothing was lost or made up.

use std::collections::{BTreeMap, BTreeSet};

use super::recipe::step_name;
use super::steps::{Id, Steps};
use super::tree::{Map, Tree, same};
use super::value::Three;
use crate::asset::fields::{Class, Place};
use crate::asset::json::Tag;
use crate::review::pill::{Piece, Source, pieces};
use crate::review::printable::line;

/// Keywords of steps that end the block that they stand in.
const BRANCHES: [&str; 3] = ["elsif", "else", "catch"];

/// A pill: the step that has it, the alias that it names, the step that this means, and whether that comes first.
type Link = (Id, String, Option<Id>, bool);

/// Returns what is wrong with merged steps that is not so on either side, and the steps that it is about; no steps where it
/// is where they stand.
pub(super) fn broken(three: Three<&Steps>, merged: &Steps) -> (Vec<String>, Option<BTreeSet<Id>>) {
    let mut wrong = Vec::new();
    let mut steps = BTreeSet::new();
    let known: BTreeSet<Link> = links(three.ours).union(&links(three.theirs)).cloned().collect();
    for (id, alias, target, _) in links(merged).difference(&known) {
        let what = if target.is_some() { "another step, or a later one" } else { "no step" };
        steps.insert(*id);
        let (step, alias) = (step_name(merged, *id), line(alias));
        wrong.push(format!("{step}: a pill of {alias} points to {what} after merging"));
    }
    for key in ["uuid", "as"] {
        let twice = doubles(merged, key);
        let before: BTreeSet<String> =
            doubles(three.ours, key).union(&doubles(three.theirs, key)).cloned().collect();
        for name in twice.difference(&before) {
            wrong.push(format!("different steps got the same {key} {}", line(name)));
            steps.extend(merged.fields.keys().filter(|id| merged.text(**id, key).as_ref() == Some(name)));
        }
    }
    let mut is_misplaced = false;
    let misplaced: BTreeSet<Id> = misplaced(three.ours).union(&misplaced(three.theirs)).copied().collect();
    for id in self::misplaced(merged).difference(&misplaced) {
        wrong.push(format!("{} is out of place after merging", step_name(merged, *id)));
        is_misplaced = true;
    }
    (wrong, (!is_misplaced).then_some(steps))
}

fn links(steps: &Steps) -> BTreeSet<Link> {
    let order = steps.in_order();
    let place: BTreeMap<Id, usize> = order.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let mut by_alias: BTreeMap<String, Id> = BTreeMap::new();
    for id in &order {
        if let Some(alias) = steps.text(*id, "as") {
            by_alias.entry(alias).or_insert(*id);
        }
    }
    let mut links = BTreeSet::new();
    for id in &order {
        let mut aliases = BTreeSet::new();
        steps.fields[id].values().for_each(|value| gather(value, &mut aliases));
        for alias in aliases {
            let target = by_alias.get(&alias).copied();
            let is_earlier = target.is_some_and(|target| place[&target] < place[id]);
            links.insert((*id, alias, target, is_earlier));
        }
    }
    links
}

/// Finds the aliases that pills inside a value name.
fn gather(value: &Tree, found: &mut BTreeSet<String>) {
    match value {
        Tree::List(items) => items.iter().for_each(|item| gather(item, found)),
        Tree::Map(members) => members.values().for_each(|member| gather(member, found)),
        Tree::Scalar(raw) if raw.contains("_(") || raw.contains("_dp(") => {
            let text = value.as_text().unwrap_or_default();
            for piece in pieces(&text) {
                if let Piece::Pill(pill) = piece
                    && let Source::Step { line, .. } = pill.source
                {
                    found.insert(line.into_owned());
                }
            }
        }
        Tree::Scalar(_) => {}
    }
}

fn doubles(steps: &Steps, key: &str) -> BTreeSet<String> {
    let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for id in steps.fields.keys() {
        if let Some(name) = steps.text(*id, key).filter(|name| !seen.insert(name.clone())) {
            twice.insert(name);
        }
    }
    twice
}

/// Returns the branches behind which other steps stand, or that stand twice where one may.
fn misplaced(steps: &Steps) -> BTreeSet<Id> {
    let keyword = |id: &Id| steps.text(*id, "keyword").unwrap_or_default();
    let mut found = BTreeSet::new();
    for children in steps.children.values() {
        for pair in children.windows(2) {
            let (first, second) = (keyword(&pair[0]), keyword(&pair[1]));
            let ends = BRANCHES.contains(&first.as_str());
            if ends && (!BRANCHES.contains(&second.as_str()) || first != "elsif") {
                found.insert(pair[0]);
            }
        }
    }
    found
}

/// Returns what of both sides' changes is not in the merged steps, or is there though no side has changed it.
pub(super) fn unaccounted(three: Three<&Steps>, merged: &Steps) -> Vec<String> {
    let Three { base, ours, theirs } = three;
    let ids: BTreeSet<Id> =
        [base, ours, theirs, merged].iter().flat_map(|steps| steps.fields.keys()).copied().collect();
    let mut wrong = Vec::new();
    for id in ids {
        let is_there =
            if base.has(id) { ours.has(id) && theirs.has(id) } else { ours.has(id) || theirs.has(id) };
        if is_there != merged.has(id) {
            wrong.push(format!(
                "{} was lost or brought back",
                step_name(if base.has(id) { base } else { ours }, id)
            ));
            continue;
        }
        let parent = three.map(|steps| steps.parent.get(&id).copied());
        let wanted = if parent.ours == parent.base {
            parent.theirs.or(parent.ours)
        } else {
            parent.ours.or(parent.theirs)
        };
        if is_there && merged.parent.get(&id).copied() != wanted {
            wrong.push(format!("{} stands somewhere else", step_name(merged, id)));
        }
        if is_there && !follows(three.map(|steps| steps.fields.get(&id)), &merged.fields[&id]) {
            wrong.push(format!("{} does not say what both sides made of it", step_name(merged, id)));
        }
    }
    wrong
}

/// Returns whether each member is what the side says that has changed it, as deep as there are objects; what both have
/// changed, and what is derived, is not looked at.
fn follows(three: Three<Option<&Map>>, merged: &Map) -> bool {
    let none = Map::new();
    let (ours, theirs) = match (three.ours, three.theirs) {
        (Some(ours), Some(theirs)) => (ours, theirs),
        (one, other) => return one.or(other) == Some(merged),
    };
    let three = Three { base: three.base.unwrap_or(&none), ours, theirs };
    let maps = [three.base, three.ours, three.theirs, merged];
    let keys: BTreeSet<&String> = maps.iter().flat_map(|map| map.keys()).collect();
    let is_derived = |key: &str| {
        let row = Place::Step.member(key.as_bytes());
        row.empty.is_some()
            || matches!(row.class, Class::Derived(_) | Class::GeneratedFromInput | Class::ControlWord)
    };
    keys.into_iter().filter(|key| !is_derived(key)).all(|key| {
        leaf(three.map(|map| map.get(key)), merged.get(key), Place::Step.member(key.as_bytes()).inside)
    })
}

fn leaf(three: Three<Option<&Tree>>, merged: Option<&Tree>, at: Place) -> bool {
    let Three { base, ours, theirs } = three;
    if same(base, ours, at) {
        return same(merged, theirs, at);
    }
    if same(base, theirs, at) {
        return same(merged, ours, at);
    }
    if let (Some(Tree::Map(ours)), Some(Tree::Map(theirs)), Some(Tree::Map(merged))) = (ours, theirs, merged)
    {
        let none = Map::new();
        let base = base.and_then(Tree::as_map).unwrap_or(&none);
        let keys: BTreeSet<&String> =
            [base, ours, theirs, merged].iter().flat_map(|map| map.keys()).collect();
        return keys.into_iter().all(|key| {
            let inside = at.holding(Tag::Object).member(key.as_bytes()).inside;
            leaf(
                Three { base: base.get(key), ours: ours.get(key), theirs: theirs.get(key) },
                merged.get(key),
                inside,
            )
        });
    }
    merged.is_some()
}
