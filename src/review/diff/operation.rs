//! Compares what a step does, and whether it can hold others.

use super::engine::{Compare, Member};
use super::recipe::Recipes;
use super::tell::written_content;
use crate::asset::aside::is_aside;
use crate::asset::compare::Level;
use crate::asset::fields::{Class, Place};
use crate::asset::json::{Doc, Node, Tag};
use crate::review::change::{Change, FoldKind, Op, What};
use crate::review::names;
use crate::review::values::{At, compact, equal, is_empty};

impl<'c> Compare<'c> {
    /// Compares what a step does; true says that it is something else.
    pub(super) fn is_another_operation(
        &mut self,
        recipes: &Recipes<'_>,
        member: &Member<'_>,
        objects: (Node, Node),
    ) -> bool {
        let mark = self.at.mark();
        self.at.member(&member.text);
        let row = Place::Step.member(&member.key);
        let aside = |doc: &Doc<'_>, object, value: Option<Node>| {
            value.is_none_or(|value| is_aside(Level::Content, row, doc, object, value))
        };
        let text = |doc: &'c Doc<'c>, value: Option<Node>| value.and_then(|value| doc.text(value));
        let (was, is) = (text(self.old.doc, member.old), text(self.new.doc, member.new));
        let is_another = match (member.old, member.new) {
            (Some(old), Some(new)) if equal(At::new(self.old.doc, old), At::new(self.new.doc, new)) => false,
            _ if row.class == Class::ControlWord
                && aside(self.old.doc, objects.0, member.old)
                && aside(self.new.doc, objects.1, member.new) =>
            {
                self.fold(FoldKind::EmptyDefault, member.old, member.new);
                false
            }
            _ => match (was, is) {
                (Some(was), Some(is))
                    if member.text == "provider" && self.world.is_same_connector(&was, &is) =>
                {
                    self.fold(FoldKind::ConnectorId, member.old, member.new);
                    false
                }
                (Some(was), Some(is)) if member.text == "provider" && recipes.is_replaced(&was, &is) => {
                    self.fold(FoldKind::ConnectorReplaced, member.old, member.new);
                    false
                }
                _ => true,
            },
        };
        self.at.back(mark);
        is_another
    }

    /// Tells that a step does something else.
    pub(super) fn operation(
        &mut self,
        recipes: &Recipes<'_>,
        (old, new): (usize, usize),
        members: &[Member<'_>],
    ) {
        self.what = What::Operation;
        let written = |doc: &Doc<'_>, value: fn(&Member<'_>) -> Option<Node>| {
            let parts = members
                .iter()
                .filter_map(|member| Some(format!("\"{}\":{}", member.text, compact(doc, value(member)?))));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        };
        let raw = (written(self.old.doc, |member| member.old), written(self.new.doc, |member| member.new));
        let (was, is) = (names::title(&recipes.old.steps[old]), names::title(&recipes.new.steps[new]));
        let (was, is) = if was == is {
            let line = crate::review::printable::line;
            (line(&raw.0), line(&raw.1))
        } else {
            (was, is)
        };
        let mut change = Change {
            field: "operation".to_owned(),
            old: Some(written_content(raw.0)),
            new: Some(written_content(raw.1)),
            old_text: Some(was),
            new_text: Some(is),
            ..self.blank(Op::Replace, true, true)
        };
        let (above_old, above_new) = (change.old_pointer.take(), change.new_pointer.take());
        for member in members {
            let below = |above: &Option<String>, value: Option<Node>| {
                value.and(above.as_ref()).map(|above| format!("{above}/{}", member.text))
            };
            let (old, new) = (below(&above_old, member.old), below(&above_new, member.new));
            if change.old_pointer.is_none() && change.new_pointer.is_none() {
                (change.old_pointer, change.new_pointer) = (old, new);
            } else {
                let is_elsewhere = old != new;
                change.more_pointers.extend(new);
                change.more_pointers.extend(old.filter(|_| is_elsewhere));
            }
        }
        self.found.change(self.order, change);
    }

    /// Tells of a list of steps that came or went, as far as no step tells it.
    pub(super) fn block(&mut self, member: &Member<'_>) {
        let is_bare = |doc: &Doc<'_>, node: Node| doc.tag(node) != Tag::Array || is_empty(doc, node);
        let is_told = match (member.old, member.new) {
            (Some(old), Some(new)) => self.old.doc.tag(old) != self.new.doc.tag(new),
            (Some(_), None) => true,
            (None, Some(new)) => is_bare(self.new.doc, new),
            (None, None) => false,
        };
        if !is_told {
            return;
        }
        let mark = self.at.mark();
        self.at.member("block");
        self.what = What::Setting;
        let op = match (member.old, member.new) {
            (Some(_), None) => Op::Remove,
            (None, Some(_)) => Op::Add,
            _ => Op::Replace,
        };
        let words = |doc: &Doc<'_>, node: Node| {
            let text = if doc.tag(node) == Tag::Null { "null" } else { "a list of steps" };
            text.to_owned()
        };
        let was = member.old.map(|node| words(self.old.doc, node));
        let is = member.new.map(|node| words(self.new.doc, node));
        let change = Change {
            old_text: was,
            new_text: is,
            ..self.blank(op, member.old.is_some(), member.new.is_some())
        };
        self.found.change(self.order, change);
        self.at.back(mark);
    }
}
