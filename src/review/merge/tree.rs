//! A JSON value that can be taken apart and put together: scalars and keys as they stand in the canonical form.

use std::collections::BTreeMap;

use crate::asset::json::{Doc, Node, Tag};
use crate::review::pill::{Piece, pieces};

/// The members of an object.
pub(super) type Map = BTreeMap<String, Tree>;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    /// A scalar, as JSON text.
    Scalar(String),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Map(Map),
}

impl Tree {
    /// Reads a value of a canonical text.
    pub(super) fn read(doc: &Doc<'_>, node: Node) -> Self {
        match doc.tag(node) {
            Tag::Array => Self::List(doc.items(node).map(|item| Self::read(doc, item)).collect()),
            Tag::Object => {
                let member = |(key, value)| (doc.raw(key).to_owned(), Self::read(doc, value));
                Self::Map(doc.members(node).map(member).collect())
            }
            Tag::String | Tag::Key => Self::Scalar(format!("\"{}\"", doc.raw(node))),
            _ => Self::Scalar(doc.raw(node).to_owned()),
        }
    }

    /// Makes a string.
    pub(super) fn of_text(text: &str) -> Self {
        Self::Scalar(serde_json::Value::from(text).to_string())
    }

    /// Writes the value on one line.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Scalar(text) => out.push_str(text),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Map(members) => {
                out.push('{');
                for (at, (key, value)) in members.iter().enumerate() {
                    out.push_str(if at > 0 { ",\"" } else { "\"" });
                    out.push_str(key);
                    out.push_str("\":");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// Returns the value on one line.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// Returns the members of an object.
    pub(super) const fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(members) => Some(members),
            _ => None,
        }
    }

    /// Returns what a string says.
    pub(super) fn as_text(&self) -> Option<String> {
        match self {
            Self::Scalar(text) if text.starts_with('"') => serde_json::from_str(text).ok(),
            _ => None,
        }
    }

    /// Returns whether a value says nothing.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(text) => text == "null" || text == "\"\"",
            Self::List(items) => items.is_empty(),
            Self::Map(members) => members.is_empty(),
        }
    }

    /// Changes every string inside.
    pub(super) fn each_text(&mut self, change: &impl Fn(&str) -> Option<String>) {
        match self {
            Self::Scalar(_) => {
                if let Some(changed) = self.as_text().and_then(|text| change(&text)) {
                    *self = Self::of_text(&changed);
                }
            }
            Self::List(items) => items.iter_mut().for_each(|item| item.each_text(change)),
            Self::Map(members) => members.values_mut().for_each(|member| member.each_text(change)),
        }
    }
}

/// Returns whether two values mean the same: pills in either spelling, and conditions whatever their `uuid` is.
pub(super) fn same(a: Option<&Tree>, b: Option<&Tree>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a == b || alike(a, b),
        _ => false,
    }
}

fn alike(a: &Tree, b: &Tree) -> bool {
    match (a, b) {
        (Tree::Scalar(_), Tree::Scalar(_)) => match (a.as_text(), b.as_text()) {
            (Some(a), Some(b)) => same_text(&a, &b),
            _ => a == b,
        },
        (Tree::List(a), Tree::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Tree::Map(a), Tree::Map(b)) => {
            let is_condition = a.contains_key("operand") && a.contains_key("lhs");
            let counts = |(key, _): &(&String, &Tree)| !(is_condition && *key == "uuid");
            let (a, b): (Vec<_>, Vec<_>) =
                (a.iter().filter(counts).collect(), b.iter().filter(counts).collect());
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.0 == b.0 && alike(a.1, b.1))
        }
        _ => false,
    }
}

fn same_text(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    if !(a.contains("_(") || a.contains("_dp(")) || !(b.contains("_(") || b.contains("_dp(")) {
        return false;
    }
    let (a, b) = (pieces(a), pieces(b));
    let same = |(a, b): (&Piece<'_>, &Piece<'_>)| match (a, b) {
        (Piece::Text(a), Piece::Text(b)) => a == b,
        (Piece::Pill(a), Piece::Pill(b)) => a.is_same(b),
        _ => false,
    };
    a.len() == b.len() && a.iter().zip(&b).all(same)
}
