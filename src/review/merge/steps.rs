//! The steps of three versions of a recipe, each known by one number in all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Map, Tree, same};
use super::value::Three;
use crate::asset::fields::Place;
use crate::review::lists::increasing;
use crate::review::matching::{Matching, sort};
use crate::review::recipe::Recipe;

/// A step in all versions. The trigger is 0.
pub(super) type Id = usize;

/// Members of a step that say where it stands, and nothing else.
pub(super) const PLACE: [&str; 2] = ["block", "number"];

/// The steps of one version.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps {
    /// What each step says, without its place.
    pub(super) fields: BTreeMap<Id, Map>,
    /// The step that each is inside of.
    pub(super) parent: BTreeMap<Id, Id>,
    /// What is inside of each, in order.
    pub(super) children: BTreeMap<Id, Vec<Id>>,
    /// Those that were put where they are: new ones, and ones that were moved.
    pub(super) placed: BTreeSet<Id>,
    /// Those that have a list of steps, though perhaps an empty one.
    pub(super) blocks: BTreeSet<Id>,
    /// Those that say their number.
    pub(super) numbered: BTreeSet<Id>,
    /// The steps by their number in this version.
    pub(super) order: Vec<Id>,
}

/// Reads the steps of three versions.
pub(super) fn read(recipes: Three<&Recipe<'_, '_>>) -> Three<Steps> {
    let Three { base, ours, theirs } = recipes;
    let (in_ours, in_theirs) = (known(base, ours), known(base, theirs));
    let mut next = base.steps.len();
    let mut fresh = || {
        next += 1;
        next - 1
    };
    let our_ids: Vec<Id> = in_ours.iter().map(|old| old.unwrap_or_else(&mut fresh)).collect();
    let alike = alike(ours, theirs, &added(&in_ours), &added(&in_theirs));
    let their_ids: Vec<Id> = (0..)
        .zip(&in_theirs)
        .map(|(number, old)| {
            let shared = || alike.get(&number).map(|ours| our_ids[*ours]);
            old.or_else(shared).unwrap_or_else(&mut fresh)
        })
        .collect();
    let base = steps(base, (0..base.steps.len()).collect());
    let (mut ours, mut theirs) = (steps(ours, our_ids), steps(theirs, their_ids));
    ours.find_placed(&base);
    theirs.find_placed(&base);
    Three { base, ours, theirs }
}

/// Returns for each step of a side the one that it was. Steps that only look alike are not taken for one: an edit of
/// the one would be written into the other.
fn known(base: &Recipe<'_, '_>, side: &Recipe<'_, '_>) -> Vec<Option<Id>> {
    let matching = Matching::of(base, side);
    let is_known = |number: usize, old: usize| {
        let (before, now) = (&base.steps[old], &side.steps[number]);
        let same = |a: &Option<_>, b: &Option<_>| a.is_some() && a == b;
        let is_frame = ["else", "try", "catch"].contains(&now.keyword.as_ref())
            || now.alias.is_none() && same_input(base, old, side, number);
        number == 0 || same(&before.uuid, &now.uuid) || same(&before.alias, &now.alias) || is_frame
    };
    (0..).zip(&matching.to_old).map(|(number, old)| old.filter(|old| is_known(number, *old))).collect()
}

fn same_input(base: &Recipe<'_, '_>, old: usize, side: &Recipe<'_, '_>, new: usize) -> bool {
    let input = |recipe: &Recipe<'_, '_>, number: usize| {
        recipe.doc.get(recipe.steps[number].node, "input").map(|input| Tree::read(recipe.doc, input))
    };
    same(input(base, old).as_ref(), input(side, new).as_ref(), Place::StepInput)
}

fn added(known: &[Option<Id>]) -> Vec<usize> {
    (0..).zip(known).filter(|(_, old)| old.is_none()).map(|(number, _)| number).collect()
}

fn steps(recipe: &Recipe<'_, '_>, ids: Vec<Id>) -> Steps {
    let mut found = Steps::default();
    for step in &recipe.steps {
        let id = ids[step.number];
        let Tree::Map(mut fields) = Tree::read(recipe.doc, step.node) else {
            unreachable!("steps are objects")
        };
        fields.retain(|key, _| !PLACE.contains(&key.as_str()));
        found.fields.insert(id, fields);
        if let Some(parent) = step.parent {
            found.parent.insert(id, ids[parent]);
        }
        found.children.insert(id, step.children.iter().map(|child| ids[*child]).collect());
        if recipe.doc.get(step.node, "block").is_some() {
            found.blocks.insert(id);
        }
        if recipe.doc.get(step.node, "number").is_some() {
            found.numbered.insert(id);
        }
    }
    found.order = ids;
    found
}

/// Returns which steps both sides have added as one and the same: for each of theirs the one of ours.
fn alike(
    ours: &Recipe<'_, '_>,
    theirs: &Recipe<'_, '_>,
    added: &[usize],
    other: &[usize],
) -> BTreeMap<usize, usize> {
    let mut found = BTreeMap::new();
    pair(&mut found, ours, theirs, added, other, |recipe, number| {
        // The same name for steps that do different things is an accident, and no step that was edited.
        let step = &recipe.steps[number];
        step.uuid.as_ref().map(|uuid| format!("{:?} {uuid}", sort(step)))
    });
    pair(&mut found, ours, theirs, added, other, |recipe, number| {
        let Tree::Map(mut fields) = Tree::read(recipe.doc, recipe.steps[number].node) else { return None };
        for key in ["uuid", "as", "block", "number"] {
            fields.remove(key);
        }
        Some(Tree::Map(fields).text())
    });
    found
}

/// Pairs steps that alone have their key on their side.
fn pair(
    found: &mut BTreeMap<usize, usize>,
    ours: &Recipe<'_, '_>,
    theirs: &Recipe<'_, '_>,
    added: &[usize],
    other: &[usize],
    key: impl Fn(&Recipe<'_, '_>, usize) -> Option<String>,
) {
    let taken: BTreeSet<usize> = found.values().copied().collect();
    let mut by_key: BTreeMap<String, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for number in added.iter().filter(|number| !taken.contains(*number)) {
        if let Some(key) = key(ours, *number) {
            by_key.entry(key).or_default().0.push(*number);
        }
    }
    for number in other {
        if let Some(key) = key(theirs, *number).filter(|_| !found.contains_key(number)) {
            by_key.entry(key).or_default().1.push(*number);
        }
    }
    for (ours, theirs) in by_key.into_values() {
        if let ([ours], [theirs]) = (ours.as_slice(), theirs.as_slice()) {
            found.insert(*theirs, *ours);
        }
    }
}

impl Steps {
    /// Finds the steps that this side has put where they are, among those that stand inside of one step.
    fn find_placed(&mut self, base: &Self) {
        for (parent, children) in &self.children {
            let before: &[Id] = base.children.get(parent).map_or(&[], Vec::as_slice);
            let place: BTreeMap<Id, usize> = before.iter().enumerate().map(|(at, id)| (*id, at)).collect();
            let kept: Vec<Id> = children.iter().copied().filter(|id| place.contains_key(id)).collect();
            let stays = increasing(&kept.iter().map(|id| place[id]).collect::<Vec<_>>());
            let moved = kept.iter().zip(stays).filter(|(_, stays)| !stays).map(|(id, _)| *id);
            self.placed.extend(children.iter().copied().filter(|id| !place.contains_key(id)).chain(moved));
        }
    }

    /// Returns whether the version has a step.
    pub(super) fn has(&self, id: Id) -> bool {
        self.fields.contains_key(&id)
    }

    /// Returns what a step says of itself in one member.
    pub(super) fn text(&self, id: Id, key: &str) -> Option<String> {
        self.fields.get(&id)?.get(key)?.as_text()
    }

    /// Returns the steps from the trigger on, in their order.
    pub(super) fn in_order(&self) -> Vec<Id> {
        let (mut order, mut waiting) = (Vec::new(), vec![0]);
        while let Some(id) = waiting.pop() {
            order.push(id);
            waiting.extend(self.children.get(&id).into_iter().flatten().rev());
        }
        order
    }
}
