//! Three versions of a recipe's steps: which are there, where they stand, and what they say.

use std::collections::{BTreeMap, BTreeSet};

use super::arrange::{Clash, arrange};
use super::steps::{Id, Steps};
use super::tree::{Map, Tree, same};
use super::value::{Three, decide};
use super::{Merge, Prefer};
use crate::asset::fields::{Class, Place, is_control};
use crate::review::names;
use crate::review::printable::line;

/// The step that each is inside of, and those that stand where the preferred side has them though the other has moved
/// them.
type Parents = (BTreeMap<Id, Id>, BTreeSet<Id>);

/// What a step does.
const OPERATION: [&str; 3] = ["keyword", "provider", "name"];

impl Merge {
    /// Merges the steps.
    pub(super) fn steps(&mut self, three: Three<&Steps>) -> Steps {
        let mut merged = Steps::default();
        let mut present = self.presence(three);
        let parents = self.parents(three, &mut present);
        let all: Vec<Id> = present.iter().copied().collect();
        for id in all {
            let children = self.children(three, id, &present, &parents);
            if !children.is_empty() || three.ours.blocks.contains(&id) || three.theirs.blocks.contains(&id) {
                merged.blocks.insert(id);
            }
            if three.ours.numbered.contains(&id) || three.theirs.numbered.contains(&id) {
                merged.numbered.insert(id);
            }
            merged.parent.extend(children.iter().map(|child| (*child, id)));
            merged.children.insert(id, children);
        }
        // What stands nowhere was given up with a conflict.
        for id in merged.in_order() {
            let fields = self.fields(three, id);
            merged.fields.insert(id, fields);
        }
        merged.order = merged.in_order();
        merged
    }

    /// Decides which steps are there. What one side removed and the other changed is in conflict.
    fn presence(&mut self, three: Three<&Steps>) -> BTreeSet<Id> {
        let Three { base, ours, theirs } = three;
        let ids: BTreeSet<Id> =
            base.fields.keys().chain(ours.fields.keys()).chain(theirs.fields.keys()).copied().collect();
        let mut present = BTreeSet::new();
        for id in ids {
            let is_there = match (base.has(id), ours.has(id), theirs.has(id)) {
                (false, _, _) | (_, true, true) => true,
                (true, false, false) => false,
                (true, has_ours, _) => {
                    let keeper = if has_ours { ours } else { theirs };
                    let gained =
                        |child: &Id| !base.children.get(&id).is_some_and(|before| before.contains(child));
                    let is_changed = !same_fields(base.fields.get(&id), keeper.fields.get(&id))
                        || keeper.placed.contains(&id)
                        || keeper.children[&id].iter().any(gained);
                    if is_changed {
                        let (kept, gone) = if has_ours { ("here", "there") } else { ("there", "here") };
                        self.clash(format!("{} was removed {gone} and changed {kept}", step_name(base, id)));
                    }
                    is_changed && has_ours == (self.prefer == Prefer::Ours)
                }
            };
            if is_there {
                present.insert(id);
            }
        }
        present
    }

    /// Decides what each step is inside of.
    fn parents(&mut self, three: Three<&Steps>, present: &mut BTreeSet<Id>) -> Parents {
        let (mut parents, mut returned) = (BTreeMap::new(), BTreeSet::new());
        for id in present.iter().copied().filter(|id| *id != 0) {
            let Three { ours, theirs, .. } = three.map(|steps| steps.parent.get(&id).copied());
            let parent = match (ours, theirs) {
                (Some(ours), Some(theirs)) if ours == theirs => ours,
                (Some(ours), Some(_)) if !three.theirs.placed.contains(&id) => ours,
                (Some(_), Some(theirs)) if !three.ours.placed.contains(&id) => theirs,
                (Some(ours), Some(theirs)) => {
                    self.clash(format!("{} was moved to different places", step_name(three.ours, id)));
                    if self.prefer == Prefer::Ours { ours } else { theirs }
                }
                (one, other) => one.or(other).expect("a step that is there is so on a side"),
            };
            parents.insert(id, parent);
        }
        self.bring_back(self.preferred(three), present, &mut parents);
        // Into a step that is gone, or around in a circle, nothing can be moved.
        let lost: Vec<Id> =
            present.iter().copied().filter(|id| !reaches_trigger(*id, &parents, present)).collect();
        for id in lost {
            let gone = parents.get(&id).is_none_or(|parent| !present.contains(parent));
            let what = if gone {
                "stands in a block that was removed"
            } else {
                "was moved into a step inside of it"
            };
            let side = if three.ours.has(id) { three.ours } else { three.theirs };
            self.clash(format!("{} {what} on the other side", step_name(side, id)));
            // It is written where the preferred side has it, if that has it elsewhere.
            match self.preferred(three).parent.get(&id).filter(|parent| present.contains(parent)) {
                Some(parent) if gone => {
                    parents.insert(id, *parent);
                    returned.insert(id);
                }
                _ => drop(present.remove(&id)),
            }
        }
        (parents, returned)
    }

    /// Where a side is written that kept a step of a block that the other one removed, the block is written as well.
    fn bring_back(&self, side: &Steps, present: &mut BTreeSet<Id>, parents: &mut BTreeMap<Id, Id>) {
        if self.conflicts.is_empty() {
            return;
        }
        let mut waiting: Vec<Id> = present.iter().copied().collect();
        while let Some(id) = waiting.pop() {
            let Some(parent) = parents.get(&id).copied() else { continue };
            if side.has(parent) && present.insert(parent) {
                parents.extend(side.parent.get(&parent).map(|above| (parent, *above)));
                waiting.push(parent);
            }
        }
    }

    /// Arranges what is inside of a step.
    fn children(
        &mut self,
        three: Three<&Steps>,
        parent: Id,
        present: &BTreeSet<Id>,
        (parents, returned): &Parents,
    ) -> Vec<Id> {
        let is_inside = |id: &Id| present.contains(id) && parents.get(id) == Some(&parent);
        let Three { base, ours, theirs } = three;
        let inside = |steps: &Steps| steps.children.get(&parent).cloned().unwrap_or_default();
        let stays = |id: &Id| is_inside(id) && !ours.placed.contains(id) && !theirs.placed.contains(id);
        let anchors: Vec<Id> = inside(base).into_iter().filter(stays).collect();
        let listed = |side: &Steps| -> Vec<Id> {
            let is_put = |id: &Id| side.placed.contains(id) || returned.contains(id);
            let counts = |id: &Id| stays(id) && anchors.contains(id) || is_put(id) && is_inside(id);
            inside(side).into_iter().filter(counts).collect()
        };
        for (side, other) in [(ours, theirs), (theirs, ours)] {
            let moved = |id: &Id| base.has(*id) && other.has(*id) && other.placed.contains(id);
            let mut before = None;
            for id in inside(side) {
                if !side.placed.contains(&id) {
                    before = Some(id);
                } else if let (Some(neighbour), true) = (before.filter(moved), is_inside(&id)) {
                    let (put, gone) = (step_name(side, id), step_name(side, neighbour));
                    self.clash(format!("{put} was put behind {gone}, which the other side has moved"));
                }
            }
            // Of two neighbours that changed places nobody can tell which one was moved: then that one is behind.
            let mut behind = None;
            for id in inside(side).into_iter().rev() {
                if !side.placed.contains(&id) {
                    behind = Some(id);
                } else if let Some(neighbour) = behind.filter(moved)
                    && base.has(id)
                    && is_inside(&id)
                {
                    let (put, gone) = (step_name(side, id), step_name(side, neighbour));
                    self.clash(format!("{put} was put before {gone}, which the other side has moved"));
                }
            }
        }
        let in_both = |id: &Id| ours.has(*id) && theirs.has(*id);
        let (order, clashes) = arrange(&anchors, &listed(ours), &listed(theirs), self.prefer, in_both);
        for clash in clashes {
            self.clash(match clash {
                Clash::Moved(id) => format!("{} was put in different places", step_name(ours, id)),
                Clash::Gap(a, b) => format!(
                    "{} and {} were put in one place: which comes first?",
                    step_name(ours, a),
                    step_name(theirs, b)
                ),
            });
        }
        order
    }

    /// Merges what a step says.
    fn fields(&mut self, three: Three<&Steps>, id: Id) -> Map {
        let versions = three.map(|steps| steps.fields.get(&id));
        let (Some(ours), Some(theirs)) = (versions.ours, versions.theirs) else {
            return versions.ours.or(versions.theirs).cloned().unwrap_or_default();
        };
        let none = Map::new();
        let three_maps = Three { base: versions.base.unwrap_or(&none), ours, theirs };
        let name = step_name(if self.prefer == Prefer::Ours { three.ours } else { three.theirs }, id);
        let changed = |side: &Map, keys: &[&str]| {
            versions.base.is_none_or(|base| {
                keys.iter().any(|key| {
                    let inside = Place::Step.member(key.as_bytes()).inside;
                    !same(base.get(*key), side.get(*key), inside)
                })
            })
        };
        let does = three_maps.map(operation);
        let (ours_does, theirs_does) = (does.ours != does.base, does.theirs != does.base);
        let both_differ = ours_does && theirs_does && does.ours != does.theirs;
        let mixed = ours_does && !theirs_does && changed(theirs, &["input"])
            || theirs_does && !ours_does && changed(ours, &["input"]);
        let mut merged = Map::new();
        if both_differ || mixed {
            let why = if both_differ {
                "its operation was changed on both sides"
            } else {
                "its operation was changed here and its inputs there"
            };
            self.clash(format!("{name}: {why}"));
            let side = self.preferred(three_maps);
            merged.extend(members(side, &["keyword", "provider", "name", "input"]));
        } else {
            let side = if theirs_does { theirs } else { ours };
            merged.extend(members(side, &OPERATION));
            let input = self.value(
                three_maps.map(|map| map.get("input")),
                Place::StepInput,
                &format!("{name}: input"),
            );
            merged.extend(input.map(|input| ("input".to_owned(), input)));
        }
        let decides = [&OPERATION[..], &["input"]].concat();
        let of_theirs = changed(theirs, &decides) && !changed(ours, &decides);
        let keys: BTreeSet<&String> =
            three_maps.base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
        for key in keys.into_iter().filter(|key| !decides.contains(&key.as_str())) {
            let versions = three_maps.map(|map| map.get(key));
            let value = match Place::Step.member(key.as_bytes()).class {
                Class::Derived(_) | Class::GeneratedFromInput => derived(versions, of_theirs),
                _ => self.unit(versions, key, &name),
            };
            merged.extend(value.cloned().map(|value| (key.clone(), value)));
        }
        merged
    }

    /// Decides for a member that is one unit. Where it is as good as absent, an empty value is none.
    fn unit<'t>(&mut self, three: Three<Option<&'t Tree>>, key: &str, name: &str) -> Option<&'t Tree> {
        let defaults = Place::Step.member(key.as_bytes()).empty;
        let counts = |value: Option<&'t Tree>| {
            value.filter(|value| {
                defaults
                    .is_none_or(|defaults| !value.is_empty() && !defaults.contains(&value.text().as_str()))
            })
        };
        let counting = three.map(counts);
        if counting.base == counting.ours && counting.base == counting.theirs {
            return three.ours;
        }
        decide(counting, Place::Step.member(key.as_bytes()).inside).unwrap_or_else(|| {
            self.clash(format!("{name}: {} was changed on both sides", line(key)));
            self.preferred(three)
        })
    }
}

/// What the server derives is taken from the side whose doing it follows.
fn derived(three: Three<Option<&Tree>>, of_theirs: bool) -> Option<&Tree> {
    if of_theirs || three.ours == three.base { three.theirs } else { three.ours }
}

/// Returns what a step does, without what control flow only repeats.
fn operation(fields: &Map) -> [Option<String>; 3] {
    let text = |key: &str| fields.get(key).and_then(Tree::as_text);
    let keyword = text("keyword");
    let tells = |said: &String| {
        !keyword.as_ref().is_some_and(|keyword| is_control(keyword) && (said.is_empty() || said == keyword))
    };
    [keyword.clone(), text("provider").filter(tells), text("name").filter(tells)]
}

fn members(fields: &Map, keys: &[&str]) -> Map {
    keys.iter().filter_map(|key| Some(((*key).to_owned(), fields.get(*key)?.clone()))).collect()
}

/// Returns whether two versions of a step say the same, but for what the server derives.
pub(super) fn same_fields(a: Option<&Map>, b: Option<&Map>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return a.is_none() && b.is_none() };
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    operation(a) == operation(b)
        && keys.into_iter().filter(|key| !OPERATION.contains(&key.as_str())).all(|key| {
            let row = Place::Step.member(key.as_bytes());
            let is_aside = matches!(row.class, Class::Derived(_) | Class::GeneratedFromInput);
            let counts = |value: Option<&Tree>| {
                let is_default = |value: &Tree| {
                    row.empty
                        .is_some_and(|defaults| value.is_empty() || defaults.contains(&value.text().as_str()))
                };
                value.filter(|value| !is_default(value)).cloned()
            };
            is_aside || same(counts(a.get(key)).as_ref(), counts(b.get(key)).as_ref(), row.inside)
        })
}

fn reaches_trigger(id: Id, parents: &BTreeMap<Id, Id>, present: &BTreeSet<Id>) -> bool {
    let mut at = id;
    for _ in 0..=parents.len() {
        if at == 0 {
            return true;
        }
        match parents.get(&at) {
            Some(parent) if present.contains(parent) => at = *parent,
            _ => return false,
        }
    }
    false
}

/// Returns what a step is called in a message: its number on its side, and what it does.
pub(super) fn step_name(steps: &Steps, id: Id) -> String {
    let Some(number) = steps.order.iter().position(|other| *other == id) else { return "a step".to_owned() };
    let text = |key: &str| steps.text(id, key);
    let keyword = text("keyword").unwrap_or_default();
    let does = match names::control(&keyword) {
        Some(control) => control.to_owned(),
        None => {
            let parts = [
                text("provider").map(|name| names::connector(&name)),
                text("name").map(|name| names::operation(&name)),
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
        }
    };
    format!("step {number} {does}").trim_end().to_owned()
}
