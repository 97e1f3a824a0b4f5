//! Whether two values are equal, and numbers by which equal ones are found.
//!
//! Equal is what has the same canonical form: key order, white space and escapes do not count, a number is its text.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::asset::canonical;
use crate::asset::json::{Doc, Event, Node, Tag};

/// A value in one of two files.
#[derive(Clone, Copy)]
pub struct At<'d, 'a> {
    /// The file.
    pub doc: &'d Doc<'a>,
    /// The value.
    pub node: Node,
}

impl<'d, 'a> At<'d, 'a> {
    /// Names a value.
    #[must_use]
    pub const fn new(doc: &'d Doc<'a>, node: Node) -> Self {
        Self { doc, node }
    }
}

/// Returns whether two values are equal, in time linear in the smaller one.
#[must_use]
pub fn equal(a: At<'_, '_>, b: At<'_, '_>) -> bool {
    if !is_container(a.doc.tag(a.node)) {
        return alike(a, b);
    }
    let (mut left, mut right) = (a.doc.walk(a.node), b.doc.walk(b.node));
    loop {
        let same = match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(Event::Key(x)), Some(Event::Key(y))) | (Some(Event::Value(x)), Some(Event::Value(y))) => {
                alike(At::new(a.doc, x), At::new(b.doc, y))
            }
            (Some(Event::End(_)), Some(Event::End(_))) => true,
            _ => false,
        };
        if !same {
            return false;
        }
    }
}

/// Returns a number that is the same for equal values, and hardly ever for others: what it pairs is compared again.
#[must_use]
pub fn number(value: At<'_, '_>) -> u64 {
    number_without(value, None)
}

/// Returns such a number, in which one member of the outermost object does not count.
#[must_use]
pub fn number_without(value: At<'_, '_>, member: Option<&str>) -> u64 {
    let doc = value.doc;
    let mut hasher = DefaultHasher::new();
    let mut walk = doc.walk(value.node);
    while let Some(event) = walk.next() {
        match event {
            Event::Key(key)
                if walk.inside() == Some(value.node)
                    && doc.text(key).as_deref() == member
                    && member.is_some() =>
            {
                walk.skip_value();
            }
            Event::Key(node) | Event::Value(node) => scalar(doc, node, &mut hasher),
            Event::End(_) => u8::MAX.hash(&mut hasher),
        }
    }
    hasher.finish()
}

/// Returns a number for every scalar and every empty container inside a value, made of where it stands and what it is;
/// sorted.
#[must_use]
pub fn leaves(value: At<'_, '_>) -> Vec<u64> {
    let doc = value.doc;
    let mut leaves = Vec::new();
    // For each open container its path, and how many items came before.
    let mut open: Vec<(u64, u64)> = Vec::new();
    let mut key = None;
    for event in doc.walk(value.node) {
        match event {
            Event::Key(node) => key = Some(node),
            Event::End(_) => drop(open.pop()),
            Event::Value(node) => {
                let mut hasher = DefaultHasher::new();
                if let Some((path, items)) = open.last_mut() {
                    path.hash(&mut hasher);
                    match key.take() {
                        Some(key) => doc.decoded(key).hash(&mut hasher),
                        None => items.hash(&mut hasher),
                    }
                    *items += 1;
                }
                if is_container(doc.tag(node)) && !is_empty(doc, node) {
                    open.push((hasher.finish(), 0));
                    continue;
                }
                if is_container(doc.tag(node)) {
                    open.push((0, 0));
                }
                scalar(doc, node, &mut hasher);
                leaves.push(hasher.finish());
            }
        }
    }
    leaves.sort_unstable();
    leaves
}

fn scalar(doc: &Doc<'_>, node: Node, hasher: &mut DefaultHasher) {
    (doc.tag(node) as u8).hash(hasher);
    match doc.tag(node) {
        Tag::String | Tag::Key => doc.decoded(node).hash(hasher),
        _ => doc.raw(node).hash(hasher),
    }
}

/// Returns a value as JSON on one line: one text for all spellings.
#[must_use]
pub fn compact(doc: &Doc<'_>, node: Node) -> String {
    let mut out = Vec::new();
    let mut first = true;
    for event in doc.walk(node) {
        let is_end = matches!(event, Event::End(_));
        if !first && !is_end {
            out.push(b',');
        }
        first = false;
        match event {
            Event::Key(key) => {
                canonical::string(doc, key, &mut out);
                out.push(b':');
                first = true;
            }
            Event::Value(node) => match doc.tag(node) {
                Tag::String => canonical::string(doc, node, &mut out),
                Tag::Object | Tag::Array => {
                    out.push(if doc.tag(node) == Tag::Object { b'{' } else { b'[' });
                    first = true;
                }
                _ => out.extend_from_slice(doc.raw(node).as_bytes()),
            },
            Event::End(node) => out.push(if doc.tag(node) == Tag::Object { b'}' } else { b']' }),
        }
    }
    String::from_utf8(out).expect("canonical strings are UTF-8")
}

/// Returns whether a value is a list or an object.
#[must_use]
pub const fn is_container(tag: Tag) -> bool {
    matches!(tag, Tag::Array | Tag::Object)
}

/// Returns whether a value is an empty list or object.
#[must_use]
pub fn is_empty(doc: &Doc<'_>, node: Node) -> bool {
    is_container(doc.tag(node)) && doc.members(node).next().is_none() && doc.items(node).next().is_none()
}

/// Compares two scalars or keys, or the sorts of two containers.
fn alike(a: At<'_, '_>, b: At<'_, '_>) -> bool {
    let tag = a.doc.tag(a.node);
    if tag != b.doc.tag(b.node) {
        return false;
    }
    let (left, right) = (a.doc.raw(a.node), b.doc.raw(b.node));
    let has_escapes =
        matches!(tag, Tag::String | Tag::Key) && (a.doc.escaped(a.node) || b.doc.escaped(b.node));
    left == right || has_escapes && a.doc.decoded(a.node) == b.doc.decoded(b.node)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(a: &str, b: &str) -> (bool, bool) {
        let (a, b) = (Doc::parse(a.as_bytes()).unwrap(), Doc::parse(b.as_bytes()).unwrap());
        let (a, b) = (At::new(&a, a.root()), At::new(&b, b.root()));
        (equal(a, b), number(a) == number(b))
    }

    #[test]
    fn equal_is_what_has_one_canonical_form() {
        for (a, b) in [
            ("1", "1"),
            (r#"{"a": [1, {}], "b": "<"}"#, r#"{"b":"\u003c","a":[1,{}]}"#),
            (r#""\ud800""#, r#""\uD800""#),
        ] {
            assert_eq!(both(a, b), (true, true), "{a} {b}");
        }
        for (a, b) in [
            ("1", "1.0"),
            ("1", "\"1\""),
            ("1", "true"),
            ("[]", "{}"),
            ("null", "{}"),
            ("[[1], 2]", "[[1, 2]]"),
            ("[1, 2]", "[1]"),
            (r#"{"a": 1}"#, r#"{"a": 1, "b": null}"#),
            (r#"{"a": "b"}"#, r#"["a", "b"]"#),
        ] {
            assert_eq!(both(a, b), (false, false), "{a} {b}");
        }
    }

    #[test]
    fn leaves_are_told_by_where_they_are() {
        let of = |text: &str| {
            let doc = Doc::parse(text.as_bytes()).unwrap();
            leaves(At::new(&doc, doc.root()))
        };
        assert_eq!(of(r#"{"a": 1, "b": [2, {}]}"#), of(r#"{"b": [2, {}], "a": 1}"#));
        assert_eq!(of(r#"{"a": 1, "b": [2, {}, []]}"#).len(), 4);
        assert_ne!(of("[1, 2]"), of("[2, 1]"));
        assert_eq!(of("{}").len(), 1);
    }
}
