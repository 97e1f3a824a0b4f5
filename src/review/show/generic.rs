//! JSON as facts: dotted keys, one leaf a line, references resolved.

use std::collections::HashMap;

use crate::asset::aside::{is_aside, is_empty};
use crate::asset::compare::Level;
use crate::asset::fields::Place;
use crate::asset::json::{Doc, Node, Tag};
use crate::asset::kind::Kind;
use crate::asset::reference::Reference;
use crate::asset::text;

use super::super::leaf::{leaves, leaves_below, push_key};
use super::super::printable::line;
use super::super::recipe::string;
use super::super::value::{Values, reference_text};
use super::Writer;

/// Writes a value of which nothing is known: every leaf.
pub(super) fn plain(out: &mut Writer, doc: &Doc<'_>) {
    let values = Values::plain(doc);
    for leaf in leaves(doc, doc.root()) {
        let shown = values.leaf(&leaf);
        if leaf.path.is_empty() {
            out.line(0, &shown.into_line());
        } else {
            out.lines(0, shown.lines(&leaf.path));
        }
    }
}

/// Writes an asset of which its kind and name are known: every fact that says something.
pub(super) fn facts(out: &mut Writer, doc: &Doc<'_>, kind: &Kind) {
    let mut values = Values::plain(doc);
    let references = doc.get(doc.root(), "references").filter(|node| doc.tag(*node) == Tag::Object);
    values.names = references.map(|references| resolved(doc, references)).unwrap_or_default();
    if *kind == Kind::InsightsQuery {
        for (name, number) in text::qualifiers(doc) {
            values.names.extend(String::from_utf8(name).ok().map(|name| (name, format!("q{}", number + 1))));
        }
    }
    head(out, &values, kind, "name");
    let known: &[&str] = if references.is_some() { &["name", "references"] } else { &["name"] };
    rest(out, &values, Place::of(kind), known);
    if let Some(references) = references {
        out.line(0, "references");
        out.lines(2, reference_lines(&values, references));
    }
}

/// Writes what kind of asset it is, and its name.
pub(super) fn head(out: &mut Writer, values: &Values<'_, '_, '_>, kind: &Kind, key: &str) {
    let noun = kind.noun(false);
    match values.doc.get(values.doc.root(), key) {
        Some(name) => out.lines(0, Values::plain(values.doc).value(key, name).lines(&noun)),
        None => out.line(0, &format!("{noun}: (no name)")),
    }
}

/// Writes the members of the outermost object that are not told yet and say something: no leaf that is null or empty.
pub(super) fn rest(out: &mut Writer, values: &Values<'_, '_, '_>, place: Place, told: &[&str]) {
    members(out, 0, values, values.doc.root(), place, told);
}

/// Writes the members of an object in the same way.
pub(super) fn members(
    out: &mut Writer,
    indent: usize,
    values: &Values<'_, '_, '_>,
    object: Node,
    place: Place,
    told: &[&str],
) {
    let doc = values.doc;
    for (key, value) in doc.members(object) {
        let name = values.key(Some(key));
        let row = place.member(&doc.decoded(key));
        if told.contains(&name.as_ref()) || is_aside(Level::Meaning, row, doc, object, value) {
            continue;
        }
        let mut path = String::new();
        push_key(&mut path, &name);
        for mut leaf in leaves_below(doc, value, &path) {
            leaf.key = leaf.key.or(Some(key));
            if !is_empty(doc, leaf.node, &[]) {
                out.lines(indent, values.leaf(&leaf).lines(&leaf.path));
            }
        }
    }
}

/// Returns what a file's own names for other assets stand for, in both of their spellings.
fn resolved(doc: &Doc<'_>, references: Node) -> HashMap<String, String> {
    let mut names = HashMap::new();
    for (key, entry) in doc.members(references) {
        let (Some(key), Some(target)) = (doc.text(key), target(doc, entry)) else { continue };
        if let Some(number) = key.strip_prefix("ref_") {
            names.insert(format!("__ref__{number}"), target.clone());
            names.insert(key.into_owned(), target);
        }
    }
    names
}

fn target(doc: &Doc<'_>, entry: Node) -> Option<String> {
    let id = doc.get(entry, "id").unwrap_or(entry);
    Reference::read(doc, id, false).filter(|_| doc.tag(id) == Tag::Object).map(|known| reference_text(&known))
}

/// Returns a line for each reference, sorted, without the names that only the file itself uses.
fn reference_lines(values: &Values<'_, '_, '_>, references: Node) -> Vec<String> {
    let doc = values.doc;
    let mut lines = Vec::new();
    for (key, entry) in doc.members(references) {
        let name = values.key(Some(key));
        let own = |key: &str| matches!(key, "id" | "type");
        let is_plain = doc.members(entry).all(|(key, _)| own(doc.raw(key)));
        match (target(doc, entry).filter(|_| is_plain), string(doc, entry, "type")) {
            (Some(target), Some(sort)) if name.starts_with("ref_") => {
                lines.push(format!("{}: {target}", line(&sort)));
            }
            (Some(target), sort) => {
                let sort = sort.map(|sort| format!(" ({})", line(&sort))).unwrap_or_default();
                lines.push(format!("{}{sort}: {target}", line(&name)));
            }
            (None, _) => {
                let mut path = String::new();
                push_key(&mut path, &name);
                let below = leaves_below(doc, entry, &path);
                lines.extend(below.iter().flat_map(|leaf| values.leaf(leaf).lines(&leaf.path)));
            }
        }
    }
    lines.sort();
    lines
}
