//! Makes the text of a change, after the comparison.

use super::engine::{Compare, MAX_LEVELS, Side};
use super::items::identity;
use crate::asset::json::{Doc, Node, Tag};
use crate::asset::reference::Reference;
use crate::review::change::{Change, Content, Op, StepRef};
use crate::review::hidden::{HIDDEN, is_hidden};
use crate::review::leaf::is_field_list;
use crate::review::printable::{line, one_line};
use crate::review::value::Shown;
use crate::review::values::{compact, is_container, is_empty};

impl Compare<'_> {
    /// Tells of a whole value that came or went: leaf by leaf, or at once where it reads as one.
    pub(super) fn whole(&mut self, op: Op, node: Node) {
        let side = if op == Op::Remove { self.old } else { self.new };
        let doc = side.doc;
        if self.level >= MAX_LEVELS || is_one(doc, node) {
            let (old, new) = if op == Op::Remove { (Some(node), None) } else { (None, Some(node)) };
            return self.tell(op, old, new);
        }
        self.level += 1;
        let place = |at| if op == Op::Remove { (Some(at), None) } else { (None, Some(at)) };
        let key = if doc.tag(node) == Tag::Array { identity(&[(doc, node)]) } else { None };
        for (at, item) in doc.items(node).enumerate() {
            let mark = self.at.mark();
            let (old, new) = place(at);
            let name = key.and_then(|key| doc.get(item, key)).and_then(|name| doc.text(name));
            self.at.item(old, new, name.as_deref());
            self.whole(op, item);
            self.at.back(mark);
        }
        for (key, value) in doc.members(node) {
            let mark = self.at.mark();
            let text = doc.text(key).unwrap_or(std::borrow::Cow::Borrowed(doc.raw(key)));
            self.at.member(&text);
            let beside = side.values.beside.member(doc, node, &text).into_owned();
            let own = if op == Op::Remove { &mut self.beside.0 } else { &mut self.beside.1 };
            let beside = std::mem::replace(own, beside);
            let name = std::mem::replace(&mut self.name, text.into_owned());
            self.whole(op, value);
            self.name = name;
            *(if op == Op::Remove { &mut self.beside.0 } else { &mut self.beside.1 }) = beside;
            self.at.back(mark);
        }
        self.level -= 1;
    }

    /// Tells of a change of a value.
    pub(super) fn tell(&mut self, op: Op, old: Option<Node>, new: Option<Node>) {
        let (old_text, new_text) = self.both_words(old, new);
        self.tell_as(op, old, new, old_text, new_text);
    }

    /// Returns the values of both versions in words.
    pub(super) fn both_words(
        &self,
        old: Option<Node>,
        new: Option<Node>,
    ) -> (Option<String>, Option<String>) {
        let was = old.map(|node| words(&self.old, &self.beside.0, node));
        (was, new.map(|node| words(&self.new, &self.beside.1, node)))
    }

    /// Tells of a change of a value in given words. Two values that read the same are told as they are written.
    pub(super) fn tell_as(
        &mut self,
        op: Op,
        old: Option<Node>,
        new: Option<Node>,
        old_text: Option<String>,
        new_text: Option<String>,
    ) {
        let (was, is) = self.contents((old, &old_text), (new, &new_text));
        let (old_text, new_text) = distinct((&was, old_text), (&is, new_text));
        let change =
            Change { old: was, new: is, old_text, new_text, ..self.blank(op, old.is_some(), new.is_some()) };
        self.found.change(self.order, change);
    }

    /// Returns the values of both versions as they are, unless their words have left out something.
    fn contents(
        &self,
        (old, old_text): (Option<Node>, &Option<String>),
        (new, new_text): (Option<Node>, &Option<String>),
    ) -> (Option<Content>, Option<Content>) {
        let content = |side: &Side<'_>, name: &str, node: Option<Node>, text: &Option<String>| {
            let is_told = !text.as_ref().is_some_and(|text| text.contains(HIDDEN));
            node.map(|node| if is_told { content(side, name, node) } else { Content::Hidden })
        };
        (content(&self.old, &self.beside.0, old, old_text), content(&self.new, &self.beside.1, new, new_text))
    }

    /// Returns the values of both versions in words that differ, if the values may be told.
    pub(super) fn distinct_words(
        &self,
        old: Option<Node>,
        new: Option<Node>,
    ) -> (Option<String>, Option<String>) {
        let (old_text, new_text) = self.both_words(old, new);
        let (was, is) = self.contents((old, &old_text), (new, &new_text));
        distinct((&was, old_text), (&is, new_text))
    }

    /// Returns a change without its values.
    pub(super) fn blank(&self, op: Op, old: bool, new: bool) -> Change {
        let pointers = self.pointers(old, new);
        let named = [&self.at.field, &self.name].into_iter().find(|name| !name.is_empty());
        let field = named.map_or_else(|| "(value)".to_owned(), |name| line(name));
        Change {
            op,
            what: self.what,
            field,
            step: self.step_ref(),
            old_pointer: pointers.old,
            new_pointer: pointers.new,
            more_pointers: Vec::new(),
            old: None,
            new: None,
            old_text: None,
            new_text: None,
            outline: Vec::new(),
            inside: 0,
        }
    }

    fn step_ref(&self) -> Option<StepRef> {
        self.recipes.and_then(|recipes| recipes.step_ref(self.subject))
    }
}

/// Returns two texts of values, as they are written where they read the same.
fn distinct(
    (was, old_text): (&Option<Content>, Option<String>),
    (is, new_text): (&Option<Content>, Option<String>),
) -> (Option<String>, Option<String>) {
    match (was, is) {
        (Some(Content::Json(was)), Some(Content::Json(is))) if old_text == new_text => {
            (Some(one_line(was)), Some(one_line(is)))
        }
        _ => (old_text, new_text),
    }
}

/// Returns a value in words, on one line or on several.
pub(super) fn words(side: &Side<'_>, name: &str, node: Node) -> String {
    match side.values.value(name, node) {
        Shown::Line(text) => text,
        Shown::Text(lines) => lines.join("\n"),
        Shown::List(what, lines) => format!("{what}\n{}", lines.join("\n")),
    }
}

/// Returns a value as it is, unless something in it is not to be shown.
pub(super) fn content(side: &Side<'_>, name: &str, node: Node) -> Content {
    if side.values.is_hidden(name, node) {
        return Content::Hidden;
    }
    Content::Json(compact(side.doc, node))
}

/// Returns JSON that was put together of what stands beside no name, unless something in it is not to be shown.
pub(super) fn written_content(json: String) -> Content {
    if is_hidden("", &json) { Content::Hidden } else { Content::Json(json) }
}

/// Returns whether a value is told at once.
fn is_one(doc: &Doc<'_>, node: Node) -> bool {
    let is_text = |key| doc.get(node, key).is_some_and(|value| doc.tag(value) == Tag::String);
    let is_field = || is_text("name") && (is_text("type") || is_text("control_type"));
    let is_condition = || is_text("operand") && doc.get(node, "lhs").is_some();
    !is_container(doc.tag(node))
        || is_empty(doc, node)
        || doc.tag(node) == Tag::Object && (is_field() || is_condition())
        || Reference::read(doc, node, false).is_some()
        || is_field_list(doc, node)
}
