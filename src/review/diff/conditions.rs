//! Compares conditions: each is told as a sentence, whatever of it has changed.

use super::engine::{Compare, Side};
use crate::asset::fields::Place;
use crate::asset::json::{Doc, Node, Tag};
use crate::review::change::{Op, What};
use crate::review::condition::{joined, one};
use crate::review::recipe::string;

impl Compare<'_> {
    /// Compares two conditions.
    pub(super) fn condition(&mut self, old: Node, new: Node) {
        if !is_condition(self.old.doc, old) || !is_condition(self.new.doc, new) {
            return self.object(Place::Logic, old, new);
        }
        let mut inside = self.apart(self.old, self.new);
        inside.object(Place::Condition, old, new);
        let found = inside.found;
        if found.has_changes() {
            let (was, is) = (sentence(&self.old, old), sentence(&self.new, new));
            self.tell_as(Op::Replace, Some(old), Some(new), Some(was), Some(is));
        } else {
            self.found.absorb(found);
        }
    }

    /// Tells of a condition that came or went.
    pub(super) fn whole_condition(&mut self, op: Op, node: Node) {
        let side = if op == Op::Remove { self.old } else { self.new };
        if !is_condition(side.doc, node) {
            return self.whole(op, node);
        }
        let text = sentence(&side, node);
        match op {
            Op::Remove => self.tell_as(op, Some(node), None, Some(text), None),
            _ => self.tell_as(op, None, Some(node), None, Some(text)),
        }
    }

    /// Compares two objects that may hold conditions, with the word that their conditions are told by.
    pub(super) fn with_conditions(&mut self, place: Place, word: &str, (old, new): (Node, Node)) {
        let has_list =
            |doc: &Doc<'_>, node| doc.get(node, "conditions").is_some_and(|list| doc.tag(list) == Tag::Array);
        let has_conditions = has_list(self.old.doc, old) || has_list(self.new.doc, new);
        let mut members = self.members(old, new);
        // How they are joined comes before what they are.
        members.sort_by_key(|member| member.text != "operand");
        for member in members {
            let text =
                |doc: &Doc<'_>, node: Option<Node>| node.is_some_and(|node| doc.tag(node) == Tag::String);
            let is_told_as_condition = has_conditions
                && match member.text.as_ref() {
                    "conditions" => true,
                    "operand" => text(self.old.doc, member.old) && text(self.new.doc, member.new),
                    _ => false,
                };
            if !is_told_as_condition {
                self.member(place, &member, (old, new));
                continue;
            }
            let mark = self.at.mark();
            self.at.pointer_member(&member.text);
            self.at.field.push_str(word);
            let what = std::mem::replace(&mut self.what, What::Condition);
            if member.text == "operand" {
                if string(self.old.doc, old, "operand") != string(self.new.doc, new, "operand") {
                    let (was, is) = (joined(self.old.doc, old), joined(self.new.doc, new));
                    let (was, is) = (Some(was.into_owned()), Some(is.into_owned()));
                    self.tell_as(Op::Replace, member.old, member.new, was, is);
                }
            } else {
                self.value(Place::Conditions, member.old, member.new);
            }
            self.what = what;
            self.at.back(mark);
        }
    }
}

fn is_condition(doc: &Doc<'_>, node: Node) -> bool {
    string(doc, node, "operand").is_some() && doc.get(node, "lhs").is_some()
}

fn sentence(side: &Side<'_>, node: Node) -> String {
    one(side.values, node)
}
