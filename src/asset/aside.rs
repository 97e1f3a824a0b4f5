//! Whether a member of an object is set aside in a comparison: the rows of `fields`, applied to a value.

use std::borrow::Cow;

use super::compare::Level;
use super::fields::{Class, Row, is_control, is_one_sided};
use super::json::{Doc, Node, Tag};
use super::text;

/// Returns whether a member of an object is left out at a level.
pub(crate) fn is_aside(level: Level, row: Row, doc: &Doc<'_>, object: Node, value: Node) -> bool {
    let meaning = level == Level::Meaning;
    if row.empty.is_some_and(|defaults| is_empty(doc, value, defaults)) {
        return true;
    }
    let text = || doc.text(value).unwrap_or_default();
    match row.class {
        Class::Meaningful => false,
        Class::Derived(_) => meaning,
        Class::Volatile => true,
        Class::CopyOfProvider => {
            meaning && string(doc, object, "provider").is_some_and(|name| name == text())
        }
        Class::GeneratedFromSteps => {
            meaning && (is_empty(doc, value, &[]) || text::is_made_from_steps(&text()))
        }
        Class::GeneratedFromInput => {
            meaning && text::is_made_from_input(&text(), doc, doc.get(object, "input"))
        }
        Class::ControlWord => string(doc, object, "keyword").is_some_and(|keyword| {
            is_control(&keyword) && (is_empty(doc, value, &[]) || doc.text(value) == Some(keyword))
        }),
        Class::SecondOperand => {
            is_empty(doc, value, &[])
                && string(doc, object, "operand").is_some_and(|operand| is_one_sided(&operand))
        }
    }
}

/// Returns whether a value is empty, or one of those (as JSON text) that are as good as none.
pub(crate) fn is_empty(doc: &Doc<'_>, node: Node, defaults: &[&str]) -> bool {
    let is_text = |default: &&str| {
        let text = default.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        text.is_some_and(|text| *doc.decoded(node) == *text.as_bytes())
    };
    match doc.tag(node) {
        Tag::Null => true,
        Tag::Object => doc.members(node).next().is_none(),
        Tag::Array => doc.items(node).next().is_none(),
        Tag::String => doc.raw(node).is_empty() || defaults.iter().any(is_text),
        _ => defaults.contains(&doc.raw(node)),
    }
}

fn string<'a>(doc: &Doc<'a>, object: Node, key: &str) -> Option<Cow<'a, str>> {
    doc.get(object, key).filter(|node| doc.tag(*node) == Tag::String).and_then(|node| doc.text(node))
}
