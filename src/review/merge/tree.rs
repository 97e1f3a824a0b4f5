//! A JSON value that can be taken apart and put together: scalars and keys as they stand in the canonical form.

use std::collections::BTreeMap;

use crate::asset::aside::is_aside;
use crate::asset::compare::Level;
use crate::asset::fields::Place;
use crate::asset::json::{Doc, Node, Tag};
use crate::asset::reference::Reference;
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

/// Returns whether two values mean the same where they stand: pills in either spelling, conditions whatever their `uuid`
/// is, and without what a comparison sets aside.
pub(super) fn same(a: Option<&Tree>, b: Option<&Tree>, at: Place) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(left), Some(right)) => a == b || alike(&counting(left, at), &counting(right, at)),
        _ => false,
    }
}

/// Returns what counts of a value.
fn counting(value: &Tree, at: Place) -> Tree {
    let text = value.text();
    let Ok(doc) = Doc::parse(text.as_bytes()) else { return value.clone() };
    counted(&doc, doc.root(), at)
}

fn counted(doc: &Doc<'_>, node: Node, at: Place) -> Tree {
    let mut at = at.holding(doc.tag(node));
    match doc.tag(node) {
        Tag::Array => Tree::List(doc.items(node).map(|item| counted(doc, item, at.item())).collect()),
        Tag::Object => {
            let is_condition = doc.get(node, "operand").is_some() && doc.get(node, "lhs").is_some();
            if at == Place::Condition && !is_condition {
                at = Place::Logic;
            }
            let reference = (at != Place::Plain).then(|| Reference::read(doc, node, at == Place::Account));
            // Where it is the connector of a connection, the file says which one.
            if let Some(reference) = reference.flatten().filter(|_| at != Place::ConnectionProvider) {
                let parts = [Some(reference.name), Some(reference.folder), reference.full_path];
                return Tree::List(parts.iter().flatten().map(|part| Tree::of_text(part)).collect());
            }
            let members = doc.members(node).filter_map(|(key, value)| {
                let row = at.member(&doc.decoded(key));
                let counts = !is_aside(Level::Meaning, row, doc, node, value);
                counts.then(|| (doc.raw(key).to_owned(), counted(doc, value, row.inside)))
            });
            Tree::Map(members.collect())
        }
        _ => Tree::read(doc, node),
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
