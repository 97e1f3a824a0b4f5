//! The leaves of a value, each with its dotted path: what is told line by line.
//!
//! Leaves are scalars, empty containers, references to other assets and lists of fields.

use std::borrow::Cow;

use crate::asset::json::{Doc, Event, Node, Tag};
use crate::asset::reference::Reference;

use super::hidden::told;
use super::printable::push_line;
use super::recipe::string;

/// The longest key in a path, and the longest part of a path that is repeated for each leaf below, in bytes. It bounds
/// what is written about a file that has a long key above many leaves; real paths are shorter.
const MAX_KEY: usize = 100;
const MAX_ABOVE: usize = 300;

/// A leaf and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Its place below the value: keys with dots between, items of lists as `[name]` or `[1]`. On one line, safe to
    /// print; different places may read the same.
    pub path: String,
    /// The nearest key above it; of the `value` of an object that has a `name`, `key`, `header` or `field`, that one's value.
    pub key: Option<Node>,
    /// The leaf.
    pub node: Node,
}

/// A container that the walk is in.
struct Open {
    /// How much of the path is its own.
    path: usize,
    key: Option<Node>,
    /// For a list whether its items are known by their names, and how many came before.
    items: Option<(bool, usize)>,
}

/// Returns the leaves of a value in the order of their keys, in linear time; of a leaf itself, with an empty path.
#[must_use]
pub fn leaves(doc: &Doc<'_>, node: Node) -> Vec<Leaf> {
    leaves_below(doc, node, "")
}

/// Returns the leaves of a value whose own path is known.
#[must_use]
pub fn leaves_below(doc: &Doc<'_>, node: Node, above: &str) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let mut path = above.to_owned();
    let mut open: Vec<Open> = Vec::new();
    let mut key = None;
    let mut walk = doc.walk(node);
    while let Some(event) = walk.next() {
        match event {
            Event::Key(node) if is_told(doc, &open, walk.inside(), node) => walk.skip_value(),
            Event::Key(node) => {
                path.truncate(open.last().map_or(0, |open| open.path));
                push_key(&mut path, &text(doc, node));
                key = Some(walk.inside().map_or(node, |object| naming(doc, object, node)));
            }
            Event::End(_) => {
                open.pop();
            }
            Event::Value(node) => {
                if let Some(Open { path: own, key: of, items: Some((named, before)) }) = open.last_mut() {
                    path.truncate(*own);
                    *before += 1;
                    push_item(&mut path, doc, node, *named, *before);
                    key = *of;
                }
                let is_container = matches!(doc.tag(node), Tag::Array | Tag::Object);
                if !is_container || is_leaf(doc, node) {
                    leaves.push(Leaf { path: path.clone(), key, node });
                    if is_container {
                        walk.leave();
                    }
                    continue;
                }
                shorten(&mut path);
                let items = (doc.tag(node) == Tag::Array).then(|| (are_named(doc, node), 0));
                open.push(Open { path: path.len(), key, items });
            }
        }
    }
    leaves
}

/// Returns whether a member is the name of an item whose path has it already, and that has more to tell.
fn is_told(doc: &Doc<'_>, open: &[Open], object: Option<Node>, key: Node) -> bool {
    let [.., Open { items: Some((true, _)), .. }, _] = open else { return false };
    let is_short = doc.raw(doc.value(key)).len() <= MAX_KEY;
    doc.raw(key) == "name" && is_short && object.is_some_and(|object| doc.members(object).count() > 1)
}

/// Returns what says the name of a member: its key, or the value of another member.
fn naming(doc: &Doc<'_>, object: Node, key: Node) -> Node {
    if doc.raw(key) != "value" {
        return key;
    }
    let name = ["name", "key", "header", "field"].into_iter().find_map(|name| doc.get(object, name));
    name.filter(|name| doc.tag(*name) == Tag::String).unwrap_or(key)
}

/// Appends a key to a path.
pub fn push_key(path: &mut String, key: &str) {
    let key = told(key);
    if !path.is_empty() {
        path.push('.');
    }
    let is_plain = !key.is_empty() && !key.contains(['.', '[', ']', ':', '"', ' ']);
    let kept = clipped(key, MAX_KEY);
    let rest = if kept.len() < key.len() { "…" } else { "" };
    let quote = if is_plain { "" } else { "\"" };
    path.push_str(quote);
    push_line(path, kept);
    path.extend([rest, quote]);
}

/// Returns whether a container is told as a whole.
fn is_leaf(doc: &Doc<'_>, node: Node) -> bool {
    let is_empty = doc.members(node).next().is_none() && doc.items(node).next().is_none();
    is_empty || Reference::read(doc, node, false).is_some() || is_field_list(doc, node)
}

/// Returns whether a list is one of fields: objects, each with a name and a type.
#[must_use]
pub fn is_field_list(doc: &Doc<'_>, list: Node) -> bool {
    let is_text = |node, key| doc.get(node, key).is_some_and(|value| doc.tag(value) == Tag::String);
    let is_field = |node| is_text(node, "name") && (is_text(node, "type") || is_text(node, "control_type"));
    doc.items(list).next().is_some() && doc.items(list).all(is_field)
}

/// Returns whether each item of a list is an object with a name that no other one has.
fn are_named(doc: &Doc<'_>, list: Node) -> bool {
    let mut seen = std::collections::HashSet::new();
    doc.items(list)
        .all(|item| string(doc, item, "name").is_some_and(|name| !name.is_empty() && seen.insert(name)))
}

fn push_item(path: &mut String, doc: &Doc<'_>, item: Node, named: bool, number: usize) {
    path.push('[');
    match string(doc, item, "name").filter(|_| named) {
        Some(name) => push_line(path, clipped(told(&name), MAX_KEY)),
        None => path.push_str(&number.to_string()),
    }
    path.push(']');
}

/// Keeps the end of a path that is too long to be repeated.
fn shorten(path: &mut String) {
    if path.len() > MAX_ABOVE {
        let from = path.ceil_char_boundary(path.len() - MAX_ABOVE / 2);
        *path = format!("…{}", &path[from..]);
    }
}

/// Returns the start of a text, at most so many bytes.
#[must_use]
pub fn clipped(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// Returns the text of a key, or how it is written where it is none.
fn text<'a>(doc: &Doc<'a>, key: Node) -> Cow<'a, str> {
    doc.text(key).unwrap_or(Cow::Borrowed(doc.raw(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &str) -> String {
        let doc = Doc::parse(json.as_bytes()).unwrap();
        leaves(&doc, doc.root())
            .iter()
            .map(|leaf| format!("{} ({})\n", leaf.path, leaf.key.map_or("", |key| doc.raw(key))))
            .collect()
    }

    #[test]
    fn a_leaf_has_a_dotted_path() {
        let json = r#"{"b": {"c.d": [1, [{}, 2]], "": null}, "a": [{"name": "x", "y": true}, {"name": "z"}],
            "ref": {"name": "B", "folder": "R"}, "same": [{"name": "x"}, {"name": "x"}], "fields": [{"name": "f", "type": "string"}],
            "headers": [{"header": "Authorization", "value": "x"}, {"value": "y"}],
            "e\u001b": []}"#;
        insta::assert_snapshot!(told(json), @r#"
            a[x].y (y)
            a[z].name (name)
            b."" ()
            b."c.d"[1] (c.d)
            b."c.d"[2][1] (c.d)
            b."c.d"[2][2] (c.d)
            e\u{1b} (e\u001b)
            fields (fields)
            headers[1].header (header)
            headers[1].value (Authorization)
            headers[2].value (value)
            ref (ref)
            same[1].name (name)
            same[2].name (name)
            "#);
        assert_eq!(told("1"), " ()\n");
    }

    #[test]
    fn a_long_key_above_many_leaves_is_not_repeated_in_full() {
        let longest = |json: &str| {
            let doc = Doc::parse(json.as_bytes()).unwrap();
            leaves(&doc, doc.root()).iter().map(|leaf| leaf.path.len()).max().unwrap()
        };
        assert!(longest(&format!(r#"{{"{}": [1]}}"#, "é".repeat(10_000))) < 2 * MAX_KEY);
        let deep = format!("{}1{}", r#"{"aaaaaaaaaaaaaaaaaaaa": ["#.repeat(200), "]}".repeat(200));
        assert!(longest(&deep) < 2 * MAX_ABOVE);
    }
}
