//! Compares lists: items are paired by what identifies them, else by what they hold and where they stand.

use std::collections::{HashMap, HashSet};

use super::engine::Compare;
use crate::asset::fields::Place;
use crate::asset::json::{Doc, Node, Tag};
use crate::review::change::{Change, Op, What};
use crate::review::lists::{align, increasing};
use crate::review::recipe::string;
use crate::review::values::{At, equal, number_without};

/// Members that identify an item where each item of a list has another one.
const IDENTITIES: [&str; 5] = ["uuid", "id", "name", "header", "key"];

impl Compare<'_> {
    /// Compares two lists that differ.
    pub(super) fn list(&mut self, place: Place, old: Node, new: Node) {
        let (left, right): (Vec<Node>, Vec<Node>) =
            (self.old.doc.items(old).collect(), self.new.doc.items(new).collect());
        let key = identity(&[(self.old.doc, old), (self.new.doc, new)]);
        let pairs = match key {
            Some(key) if place == Place::Conditions => self.conditions_pairs(key, &left, &right),
            Some(key) => by_identity((self.old.doc, &left), (self.new.doc, &right), key),
            None => self.by_content(&left, &right, None),
        };
        let (mut is_paired_old, mut is_paired_new) = (vec![false; left.len()], vec![false; right.len()]);
        for (was, is) in &pairs {
            (is_paired_old[*was], is_paired_new[*is]) = (true, true);
        }
        let shown = key.filter(|key| *key != "uuid");
        for at in (0..left.len()).filter(|at| !is_paired_old[*at]) {
            self.item((Some(at), None), (Some(left[at]), None), shown, place.item());
        }
        for (was, is) in &pairs {
            self.item((Some(*was), Some(*is)), (Some(left[*was]), Some(right[*is])), shown, place.item());
        }
        for at in (0..right.len()).filter(|at| !is_paired_new[*at]) {
            self.item((None, Some(at)), (None, Some(right[at])), shown, place.item());
        }
        let places: Vec<usize> = pairs.iter().map(|(was, _)| *was).collect();
        if increasing(&places).contains(&false) {
            self.reordered((old, new), &right, key);
        }
    }

    fn item(
        &mut self,
        places: (Option<usize>, Option<usize>),
        items: (Option<Node>, Option<Node>),
        key: Option<&str>,
        place: Place,
    ) {
        let mark = self.at.mark();
        let name = match items {
            (_, Some(item)) => key.and_then(|key| string(self.new.doc, item, key)),
            (Some(item), None) => key.and_then(|key| string(self.old.doc, item, key)),
            (None, None) => None,
        };
        if place == Place::Condition {
            self.at.place(places.0, places.1);
        } else {
            self.at.item(places.0, places.1, name.as_deref());
        }
        let what = self.what;
        if place == Place::Condition {
            self.what = What::Condition;
        }
        match items {
            (Some(old), None) if place == Place::Condition => self.whole_condition(Op::Remove, old),
            (None, Some(new)) if place == Place::Condition => self.whole_condition(Op::Add, new),
            (old, new) => self.value(place, old, new),
        }
        self.what = what;
        self.at.back(mark);
    }

    /// Tells that the items of a list are in another order.
    fn reordered(&mut self, (old, new): (Node, Node), right: &[Node], key: Option<&str>) {
        let name = |item: &Node| {
            let name = key.and_then(|key| string(self.new.doc, *item, key));
            crate::review::printable::line(&name.unwrap_or_default())
        };
        let names = right.iter().map(name).collect::<Vec<_>>().join(", ");
        let change = Change {
            old: Some(super::tell::content(&self.old, &self.beside.0, old)),
            new: Some(super::tell::content(&self.new, &self.beside.1, new)),
            new_text: Some(names),
            ..self.blank(Op::Reorder, true, true)
        };
        self.found.change(self.order, change);
    }

    /// Pairs conditions by their uuids, and the others by what they say: imports replace uuids.
    fn conditions_pairs(&self, key: &str, left: &[Node], right: &[Node]) -> Vec<(usize, usize)> {
        let mut pairs = by_identity((self.old.doc, left), (self.new.doc, right), key);
        let used: (HashSet<usize>, HashSet<usize>) = pairs.iter().copied().unzip();
        let left_over: Vec<usize> = (0..left.len()).filter(|at| !used.0.contains(at)).collect();
        let right_over: Vec<usize> = (0..right.len()).filter(|at| !used.1.contains(at)).collect();
        let nodes = |items: &[Node], places: &[usize]| places.iter().map(|at| items[*at]).collect::<Vec<_>>();
        let more = self.by_content(&nodes(left, &left_over), &nodes(right, &right_over), Some("uuid"));
        pairs.extend(more.into_iter().map(|(was, is)| (left_over[was], right_over[is])));
        pairs.sort_by_key(|(_, is)| *is);
        pairs
    }

    /// Pairs items that are equal, in their order, and between these the first with the first.
    fn by_content(&self, left: &[Node], right: &[Node], without: Option<&str>) -> Vec<(usize, usize)> {
        let same = |(was, is): (&Node, &Node)| equal(At::new(self.old.doc, *was), At::new(self.new.doc, *is));
        let start = left.iter().zip(right).take_while(|pair| same(*pair)).count();
        let ends = left[start..].iter().rev().zip(right[start..].iter().rev());
        let end = ends.take_while(|pair| same(*pair)).count();
        let numbers = |doc, items: &[Node]| -> Vec<u64> {
            let middle = &items[start..items.len() - end];
            middle.iter().map(|item| number_without(At::new(doc, *item), without)).collect()
        };
        let middle = align(&numbers(self.old.doc, left), &numbers(self.new.doc, right));
        let mut pairs: Vec<(usize, usize)> = (0..start).map(|at| (at, at)).collect();
        let mut done = (start, start);
        let behind = (left.len() - end, right.len() - end);
        for (was, is) in middle.into_iter().map(|(was, is)| (was + start, is + start)).chain([behind]) {
            pairs.extend((done.0..was).zip(done.1..is));
            if (was, is) != behind {
                pairs.push((was, is));
            }
            done = (was + 1, is + 1);
        }
        pairs.extend((behind.0..left.len()).zip(behind.1..right.len()));
        pairs
    }
}

/// Returns the member by which each item of all lists is known, if there is one.
pub(super) fn identity(lists: &[(&Doc<'_>, Node)]) -> Option<&'static str> {
    let is_known = |key: &&str| {
        lists.iter().all(|(doc, list)| {
            let mut seen = HashSet::new();
            doc.items(*list).all(|item| string(doc, item, key).is_some_and(|name| seen.insert(name)))
        })
    };
    let is_empty = lists.iter().all(|(doc, list)| doc.items(*list).next().is_none());
    let objects = |(doc, list): &(&Doc<'_>, Node)| doc.items(*list).all(|item| doc.tag(item) == Tag::Object);
    if is_empty || !lists.iter().all(objects) {
        return None;
    }
    IDENTITIES.into_iter().find(is_known)
}

/// Pairs items of one identity, in the new order.
fn by_identity(
    (old, left): (&Doc<'_>, &[Node]),
    (new, right): (&Doc<'_>, &[Node]),
    key: &str,
) -> Vec<(usize, usize)> {
    let names = left.iter().enumerate().filter_map(|(at, item)| Some((string(old, *item, key)?, at)));
    let places: HashMap<_, usize> = names.collect();
    let found = right.iter().enumerate();
    found.filter_map(|(is, item)| Some((*places.get(&string(new, *item, key)?)?, is))).collect()
}
