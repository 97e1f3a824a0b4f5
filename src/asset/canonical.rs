//! The canonical form: what is committed for a JSON file, as a function of its value.
//!
//! Keys by code point, two spaces, `[]` and `{}` compact, number text as it came, strings in raw UTF-8 with the fewest
//! escapes, a final newline. What is not plain JSON is kept byte for byte; nothing is refused here.

use std::borrow::Cow;

use crate::model::path::PackagePath;

use super::json::{Doc, Event, MAX_DEPTH, Node, Tag, points, spaces};

/// The largest canonical form that is written, in bytes: what one entry of a package may hold. Deep nesting of small
/// values could grow a thousandfold otherwise.
const MAX_WRITTEN: usize = 64 << 20;

/// A comma, a line break and the deepest indentation.
const BREAK: [u8; 2 + 2 * MAX_DEPTH] = {
    let mut line = [b' '; 2 + 2 * MAX_DEPTH];
    (line[0], line[1]) = (b',', b'\n');
    line
};

/// Returns the canonical form of a file, or its own bytes where it has none or is in it already.
///
/// Only `*.json` has one, and only where it is plain JSON: valid UTF-8 without a byte order mark, no key twice in one
/// object, at most 512 levels deep, and not larger than an entry of a package when written. Two spellings of one value
/// have the same canonical form, and writing it again changes nothing.
#[must_use]
pub fn canonical<'a>(path: &PackagePath, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    if !has_form(path) {
        return Cow::Borrowed(bytes);
    }
    let Ok(doc) = Doc::parse(bytes) else { return Cow::Borrowed(bytes) };
    written(&doc, bytes).map_or(Cow::Borrowed(bytes), Cow::Owned)
}

/// Returns whether a file of this name has a canonical form where it is plain JSON.
pub(super) fn has_form(path: &PackagePath) -> bool {
    path.file_name().ends_with(".json")
}

/// Returns the canonical form of a text that was parsed, where it has one and is not in it already.
pub(super) fn written(doc: &Doc<'_>, bytes: &[u8]) -> Option<Vec<u8>> {
    let written = write(doc, bytes.len() + bytes.len() / 4)?;
    (written != bytes && survives(doc, &written)).then_some(written)
}

/// Returns whether what was written has the value that was read. It always should: this is what keeps a mistake here
/// from reaching a repository. It reads the written text along the value, which costs less than parsing it.
fn survives(doc: &Doc<'_>, written: &[u8]) -> bool {
    let mut reader = Reader { rest: written };
    let (mut first, mut keyed) = (true, true);
    let matches = doc.walk(doc.root()).all(|event| match event {
        Event::End(node) => {
            (first, keyed) = (false, false);
            reader.sign(if doc.tag(node) == Tag::Object { b'}' } else { b']' })
        }
        Event::Key(node) => {
            let apart = first || reader.sign(b',');
            (first, keyed) = (false, true);
            apart && reader.string(doc, node) && reader.sign(b':')
        }
        Event::Value(node) => {
            let apart = keyed || first || reader.sign(b',');
            let tag = doc.tag(node);
            (first, keyed) = (matches!(tag, Tag::Object | Tag::Array), false);
            apart
                && match tag {
                    Tag::Object => reader.sign(b'{'),
                    Tag::Array => reader.sign(b'['),
                    Tag::String => reader.string(doc, node),
                    _ => reader.text(doc.bytes(node)),
                }
        }
    });
    matches && reader.rest == b"\n"
}

/// Reads JSON that is expected to say something known. A number is known to end where a sign follows it.
struct Reader<'w> {
    rest: &'w [u8],
}

impl Reader<'_> {
    /// Passes over white space.
    fn space(&mut self) {
        while let Some((b'\n' | b' ', rest)) = self.rest.split_first() {
            self.rest = &rest[spaces(rest)..];
        }
    }

    fn text(&mut self, text: &[u8]) -> bool {
        self.space();
        let rest = self.rest.strip_prefix(text);
        rest.inspect(|rest| self.rest = rest).is_some()
    }

    fn sign(&mut self, sign: u8) -> bool {
        self.space();
        let rest = self.rest.split_first().filter(|(first, _)| **first == sign);
        rest.inspect(|(_, rest)| self.rest = rest).is_some()
    }

    /// Reads a string with the value of a node.
    fn string(&mut self, doc: &Doc<'_>, node: Node) -> bool {
        // What stands between quotes in one valid text does so in any other.
        if self.text(doc.quoted(node)) {
            return true;
        }
        if !self.sign(b'"') {
            return false;
        }
        let mut backslash = false;
        let end = self.rest.iter().position(|byte| {
            let ends = *byte == b'"' && !backslash;
            backslash = *byte == b'\\' && !backslash;
            ends
        });
        let Some((text, rest)) = end.map(|end| (&self.rest[..end], &self.rest[end + 1..])) else {
            return false;
        };
        self.rest = rest;
        std::str::from_utf8(text).is_ok_and(|text| points(text).eq(points(doc.raw(node))))
    }
}

fn write(doc: &Doc<'_>, expected: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(expected.min(MAX_WRITTEN));
    let mut depth = 0;
    // Whether the next item is the first of its container, and whether it stands behind its key.
    let (mut first, mut keyed) = (true, true);
    for event in doc.walk(doc.root()) {
        if out.len() > MAX_WRITTEN {
            return None;
        }
        if let Event::End(node) = event {
            depth -= 1;
            if !first {
                out.extend_from_slice(&BREAK[1..2 + 2 * depth]);
            }
            out.push(if doc.tag(node) == Tag::Object { b'}' } else { b']' });
            (first, keyed) = (false, false);
            continue;
        }
        if !keyed {
            out.extend_from_slice(&BREAK[usize::from(first)..2 + 2 * depth]);
        }
        (first, keyed) = (false, false);
        match event {
            Event::Key(node) => {
                string(doc, node, &mut out);
                out.extend_from_slice(b": ");
                keyed = true;
            }
            Event::Value(node) => match doc.tag(node) {
                Tag::String => string(doc, node, &mut out),
                tag @ (Tag::Object | Tag::Array) => {
                    out.push(if tag == Tag::Object { b'{' } else { b'[' });
                    depth += 1;
                    first = true;
                }
                _ => out.extend_from_slice(doc.bytes(node)),
            },
            Event::End(_) => {}
        }
    }
    out.push(b'\n');
    (out.len() <= MAX_WRITTEN).then_some(out)
}

/// Writes a string with the fewest escapes; one that came with no others is copied.
pub(crate) fn string(doc: &Doc<'_>, node: Node, out: &mut Vec<u8>) {
    if doc.escaped(node) && has_other_escapes(doc.raw(node)) {
        out.push(b'"');
        points(doc.raw(node)).for_each(|point| character(point, out));
        out.push(b'"');
    } else {
        out.extend_from_slice(doc.quoted(node));
    }
}

/// Returns whether a string holds an escape that is not the one that would be written.
fn has_other_escapes(raw: &str) -> bool {
    let mut rest = raw.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        if matches!(rest[at + 1], b'u' | b'/') {
            return true;
        }
        rest = &rest[at + 2..];
    }
    false
}

fn character(point: u32, out: &mut Vec<u8>) {
    match (point, char::from_u32(point)) {
        (0x22, _) => out.extend_from_slice(b"\\\""),
        (0x5c, _) => out.extend_from_slice(b"\\\\"),
        (0x08, _) => out.extend_from_slice(b"\\b"),
        (0x09, _) => out.extend_from_slice(b"\\t"),
        (0x0a, _) => out.extend_from_slice(b"\\n"),
        (0x0c, _) => out.extend_from_slice(b"\\f"),
        (0x0d, _) => out.extend_from_slice(b"\\r"),
        (0x20.., Some(c)) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        _ => out.extend_from_slice(format!("\\u{point:04x}").as_bytes()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn path() -> PackagePath {
        PackagePath::parse("a.recipe.json").unwrap()
    }

    fn text(source: &str) -> String {
        String::from_utf8(canonical(&path(), source.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn one_form_for_every_spelling() {
        let source = r#" {"b" : [ ], "a":{ }, "\u0061b": [1.0,1e400, -0, 123456789012345678901234567890],
            "é": "\u003cb\u003e \/ \" \\ \n\t\r\b\f\u0001\u007f\u2028 \ud83d\ude00 \uD800x", "B": {"x": [null, true]} }"#;
        let form = text(source).replace('\u{7f}', "<DEL>").replace('\u{2028}', "<LS>");
        insta::assert_snapshot!(form, @r#"
            {
              "B": {
                "x": [
                  null,
                  true
                ]
              },
              "a": {},
              "ab": [
                1.0,
                1e400,
                -0,
                123456789012345678901234567890
              ],
              "b": [],
              "é": "<b> / \" \\ \n\t\r\b\f\u0001<DEL><LS> 😀 \ud800x"
            }
            "#);
    }

    #[test]
    fn keys_sort_by_code_point_and_not_by_utf16() {
        let lines = text(r#"{"\ud83d\ude00": 1, "\uffee": 2, "\ud800": 3, "a\u0000": 4, "a": 5}"#);
        let keys: Vec<_> = lines.lines().filter_map(|line| line.split('"').nth(1)).collect();
        assert_eq!(keys, ["a", "a\\u0000", "\\ud800", "\u{ffee}", "\u{1f600}"]);
    }

    #[test]
    fn what_is_no_plain_json_is_kept() {
        let deep = "[".repeat(513) + &"]".repeat(513);
        for source in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "[1 2]",
            "{\"a\" 1}",
            "{1:2}",
            "NaN",
            "[Infinity]",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "--1",
            "tru",
            "nullx",
            "\"a",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"a\nb\"",
            "[]]",
            "[} ",
            "{]",
            "[] []",
            "'a'",
            "\u{feff}{}",
            "{\"a\":1,\"\\u0061\":2}",
            "{\"b\":{\"a\":1,\"c\":2,\"a\":1}}",
            "// x\n[]",
            &deep,
        ] {
            assert_eq!(text(source), source);
        }
        assert_eq!(canonical(&path(), b"[\"\xff\"]"), &b"[\"\xff\"]"[..]);
        let deepest = "[".repeat(512) + &"]".repeat(512);
        assert_ne!(text(&deepest), deepest);
        let other = PackagePath::parse("a.custom_adapter.rb").unwrap();
        assert_eq!(canonical(&other, b"[ ]"), &b"[ ]"[..]);
    }

    #[test]
    fn a_form_that_would_grow_past_every_entry_is_not_written() {
        let source = "[".repeat(500) + &"1,".repeat(200_000) + "1" + &"]".repeat(500);
        assert_eq!(text(&source), source);
    }

    #[test]
    fn hostile_shapes_take_no_stack() {
        for source in
            ["[".repeat(5 << 20), "{\"a\":".repeat(1 << 20), "\"".to_owned() + &"\\u0061".repeat(1 << 18)]
        {
            assert_eq!(text(&source), source);
        }
    }

    /// Makes values of all sorts.
    pub(crate) fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            "[\u{0}-\u{20}\"\\\\/é😀]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 64, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(".{0,6}", inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// Writes a value in another spelling: white space, members in another order, any character as an escape.
    pub(crate) fn respell(value: &Value, seed: &mut u64, out: &mut String) {
        let mut pick = |of: u64| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*seed >> 33) % of
        };
        out.push_str(["", " ", "\r\n\t", "          "][pick(4) as usize]);
        let mut string = |text: &str, out: &mut String| {
            out.push('"');
            for c in text.chars() {
                if pick(4) == 0 || c < ' ' || matches!(c, '"' | '\\') {
                    c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| *out += &format!("\\u{unit:04X}"));
                } else {
                    out.push(c);
                }
            }
            out.push('"');
        };
        match value {
            Value::String(text) => string(text, out),
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    respell(item, seed, out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (index, (key, member)) in members.iter().rev().enumerate() {
                    out.push_str(if index == 0 { "" } else { " , " });
                    let mut quoted = String::new();
                    respell(&Value::String(key.clone()), seed, &mut quoted);
                    out.push_str(&quoted);
                    out.push(':');
                    respell(member, seed, out);
                }
                out.push('}');
            }
            other => *out += &other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn it_is_a_function_of_the_value(value in json(), mut seed in any::<u64>()) {
            let plain = value.to_string();
            let mut other = String::new();
            respell(&value, &mut seed, &mut other);
            let form = text(&plain);
            prop_assert_eq!(&form, &text(&other));
            prop_assert_eq!(&form, &text(&form), "idempotent");
            prop_assert_eq!(serde_json::from_str::<Value>(&form).unwrap(), value);
        }

        #[test]
        fn texts_have_their_value_and_keys_their_order(
            texts in proptest::collection::btree_map(".{0,20}|[a-c\u{0}\"\\\\]{0,10}", Just(()), 0..8),
            mut seed in any::<u64>(),
        ) {
            let members = texts.keys().map(|key| (key.clone(), Value::from(key.as_str())));
            let mut text = String::new();
            respell(&Value::Object(members.collect()), &mut seed, &mut text);
            let doc = Doc::parse(text.as_bytes()).unwrap();
            let read = doc.members(doc.root()).map(|(key, value)| (doc.decoded(key), doc.decoded(value)));
            let read: Vec<_> = read.collect();
            let told: Vec<_> = texts.keys().map(|text| (text.as_bytes().into(), text.as_bytes().into())).collect();
            prop_assert_eq!(read, told);
        }

        #[test]
        fn it_takes_what_another_parser_takes(text in "[\\[\\]{},:\"\\\\a0.eE+\\-u1 tfnrul]{0,24}") {
            let ours = Doc::parse(text.as_bytes()).is_ok();
            let theirs = serde_json::from_str::<Box<serde_json::value::RawValue>>(&text).is_ok();
            let duplicate = Doc::parse(text.as_bytes()).err() == Some(super::super::json::NotPlain::DuplicateKey);
            prop_assert!(ours == theirs || duplicate && theirs, "{text:?}: {ours} {theirs}");
        }
    }
}
