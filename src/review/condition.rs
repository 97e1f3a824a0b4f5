//! Conditions in words: `‹Step 2 Search records → Email› is present`.

use std::borrow::Cow;

use crate::asset::aside::is_empty;
use crate::asset::fields::is_one_sided;
use crate::asset::json::{Doc, Node, Tag};

use super::printable::line;
use super::recipe::string;
use super::value::{Values, json};

const OPERANDS: &[(&str, &str)] = &[
    ("blank", "is not present"),
    ("contains", "contains"),
    ("ends_with", "ends with"),
    ("equals_to", "equals"),
    ("greater_than", "is greater than"),
    ("is_not_true", "is not true"),
    ("is_true", "is true"),
    ("less_than", "is less than"),
    ("not_contains", "does not contain"),
    ("not_ends_with", "does not end with"),
    ("not_equals_to", "does not equal"),
    ("not_starts_with", "does not start with"),
    ("present", "is present"),
    ("starts_with", "starts with"),
];

/// Returns the lines for an object that holds conditions: `WORD CONDITION`, or `WORD all of` and a line for each of
/// them, indented. None where it holds no list of conditions.
#[must_use]
pub fn lines(values: &Values<'_, '_, '_>, word: &str, object: Node) -> Option<Vec<String>> {
    let list = conditions(values.doc, object)?;
    let mut lines = Vec::new();
    match list[..] {
        [] => lines.push(format!("{word} (no condition)")),
        [single] if group(values.doc, single).is_none() => {
            lines.push(format!("{word} {}", one(values, single)));
        }
        _ => {
            lines.push(format!("{word} {}", joined(values.doc, object)));
            push(values, &list, &mut lines);
        }
    }
    Some(lines)
}

/// Appends a line for each condition, and for each of those inside a group of them. It does not recurse.
fn push(values: &Values<'_, '_, '_>, list: &[Node], lines: &mut Vec<String>) {
    let mut waiting: Vec<(Node, usize)> = list.iter().rev().map(|condition| (*condition, 1)).collect();
    while let Some((condition, depth)) = waiting.pop() {
        let inside = group(values.doc, condition);
        let said = match inside {
            Some(_) => joined(values.doc, condition).into_owned(),
            None => one(values, condition),
        };
        lines.push(format!("{}{said}", "  ".repeat(depth)));
        waiting.extend(inside.unwrap_or_default().iter().rev().map(|condition| (*condition, depth + 1)));
    }
}

/// Returns the conditions that an object holds, if it holds nothing but objects in such a list.
#[must_use]
pub fn conditions(doc: &Doc<'_>, object: Node) -> Option<Vec<Node>> {
    let list = doc.get(object, "conditions").filter(|list| doc.tag(*list) == Tag::Array)?;
    doc.items(list).map(|item| (doc.tag(item) == Tag::Object).then_some(item)).collect()
}

/// Returns how the conditions of an object are joined: `all of`, `any of`.
#[must_use]
pub fn joined(doc: &Doc<'_>, object: Node) -> Cow<'static, str> {
    match string(doc, object, "operand").as_deref() {
        Some("and") => Cow::Borrowed("all of"),
        Some("or") => Cow::Borrowed("any of"),
        Some(other) => Cow::Owned(format!("{} of", line(other))),
        None => Cow::Borrowed("(not said how joined)"),
    }
}

/// Returns the conditions of a group, if it is nothing else.
fn group(doc: &Doc<'_>, group: Node) -> Option<Vec<Node>> {
    let known = |key: &str| matches!(key, "conditions" | "operand" | "type" | "uuid");
    let is_plain = doc.members(group).all(|(key, _)| known(doc.raw(key)));
    if is_plain { conditions(doc, group) } else { None }
}

/// Returns a condition on one line; as JSON where it is not understood.
#[must_use]
pub fn one(values: &Values<'_, '_, '_>, condition: Node) -> String {
    simple(values, condition).unwrap_or_else(|| json(values.doc, "", condition))
}

/// Returns a condition on one line, if it has what conditions have and nothing else.
fn simple(values: &Values<'_, '_, '_>, condition: Node) -> Option<String> {
    let doc = values.doc;
    let known = |key: &str| matches!(key, "lhs" | "operand" | "rhs" | "uuid");
    if !doc.members(condition).all(|(key, _)| known(doc.raw(key))) {
        return None;
    }
    let operand = string(doc, condition, "operand")?;
    let left = values.value("lhs", doc.get(condition, "lhs")?).into_line();
    let word = OPERANDS
        .iter()
        .find(|(known, _)| *known == operand)
        .map_or_else(|| line(&operand), |(_, word)| (*word).to_owned());
    let right = doc.get(condition, "rhs");
    let right = right.filter(|right| !is_one_sided(&operand) || !is_empty(doc, *right, &[]));
    let mut said = format!("{left} {word}");
    if let Some(right) = right {
        let right = values.value(&string(doc, condition, "lhs").unwrap_or_default(), right);
        said.extend([" ", &right.into_line()]);
    }
    Some(said)
}
