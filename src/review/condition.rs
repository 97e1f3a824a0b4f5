//! Conditions in words: `‹Step 2 Search records → Email› is present`.

use std::borrow::Cow;

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
    let doc = values.doc;
    let list = conditions(doc, object)?;
    let mut inside = Vec::new();
    for condition in &list {
        inside.extend(one(values, *condition));
    }
    match &inside[..] {
        [] => Some(vec![format!("{word} (no condition)")]),
        [single] if list.len() == 1 => Some(vec![format!("{word} {single}")]),
        _ => {
            let first = format!("{word} {}", joined(doc, object));
            Some(std::iter::once(first).chain(inside.iter().map(|line| format!("  {line}"))).collect())
        }
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

/// Returns a condition, or a group of them. Nesting is bounded by that of the file.
fn one(values: &Values<'_, '_, '_>, condition: Node) -> Vec<String> {
    let doc = values.doc;
    if let (None, Some(lines)) = (doc.get(condition, "lhs"), group(values, condition)) {
        return lines;
    }
    vec![simple(values, condition).unwrap_or_else(|| json(doc, condition))]
}

fn group(values: &Values<'_, '_, '_>, group: Node) -> Option<Vec<String>> {
    let known = |key: &str| matches!(key, "conditions" | "operand" | "type" | "uuid");
    if !values.doc.members(group).all(|(key, _)| known(values.doc.raw(key))) {
        return None;
    }
    let lines = lines(values, "", group)?;
    Some(
        lines
            .into_iter()
            .map(|line| line.strip_prefix(' ').map_or_else(|| line.clone(), str::to_owned))
            .collect(),
    )
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
    let right =
        right.filter(|right| !is_one_sided(&operand) || !crate::asset::aside::is_empty(doc, *right, &[]));
    let mut said = format!("{left} {word}");
    if let Some(right) = right {
        let right = values.value(&string(doc, condition, "lhs").unwrap_or_default(), right);
        said.extend([" ", &right.into_line()]);
    }
    Some(said)
}
