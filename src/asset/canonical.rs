//! The canonical form: what is committed for a JSON file, as a function of its value.
//!
//! Keys by code point, two spaces, `[]` and `{}` compact, number text as it came, strings in raw UTF-8 with the fewest
//! escapes, a final newline. What is not plain JSON is kept byte for byte; nothing is refused here.

use std::borrow::Cow;

use crate::model::path::PackagePath;

use super::json::{Doc, Event, MAX_DEPTH, Node, Tag, points};

/// The largest canonical form that is written, in bytes: what one entry of a package may hold. Deep nesting of small
/// values could grow a thousandfold otherwise.
const MAX_WRITTEN: usize = 64 << 20;

/// A line break and the deepest indentation.
const INDENT: [u8; 1 + 2 * MAX_DEPTH] = {
    let mut line = [b' '; 1 + 2 * MAX_DEPTH];
    line[0] = b'\n';
    line
};

/// Returns the canonical form of a file, or its own bytes where it has none or is in it already.
///
/// Only `*.json` has one, and only where it is plain JSON: valid UTF-8 without a byte order mark, no key twice in one
/// object, at most 512 levels deep, and not larger than an entry of a package when written. Two spellings of one value
/// have the same canonical form, and writing it again changes nothing.
#[must_use]
pub fn canonical<'a>(path: &PackagePath, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    if !path.file_name().ends_with(".json") {
        return Cow::Borrowed(bytes);
    }
    let Ok(doc) = Doc::parse(bytes) else { return Cow::Borrowed(bytes) };
    match write(&doc, bytes.len() + bytes.len() / 4) {
        Some(written) if written != bytes && survives(&doc, &written) => Cow::Owned(written),
        _ => Cow::Borrowed(bytes),
    }
}

/// Returns whether what was written has the value that was read. It always should: this is what keeps a mistake here
/// from reaching a repository.
fn survives(doc: &Doc<'_>, written: &[u8]) -> bool {
    Doc::parse(written).is_ok_and(|again| again.same_value(doc))
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
                out.extend_from_slice(&INDENT[..=2 * depth]);
            }
            out.push(if doc.tag(node) == Tag::Object { b'}' } else { b']' });
            (first, keyed) = (false, false);
            continue;
        }
        if !keyed {
            if !first {
                out.push(b',');
            }
            out.extend_from_slice(&INDENT[..=2 * depth]);
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
                _ => out.extend_from_slice(doc.raw(node).as_bytes()),
            },
            Event::End(_) => {}
        }
    }
    out.push(b'\n');
    (out.len() <= MAX_WRITTEN).then_some(out)
}

/// Writes a string with the fewest escapes; one that came without any is copied.
fn string(doc: &Doc<'_>, node: Node, out: &mut Vec<u8>) {
    out.push(b'"');
    if doc.escaped(node) {
        points(doc.raw(node)).for_each(|point| character(point, out));
    } else {
        out.extend_from_slice(doc.raw(node).as_bytes());
    }
    out.push(b'"');
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
