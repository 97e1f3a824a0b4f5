//! The outline of a page: what it is, and its components as a tree.

use crate::asset::fields::Place;
use crate::asset::json::{Doc, Node, Tag};
use crate::asset::kind::Kind;
use crate::asset::page;

use super::super::leaf::{leaves_below, push_key};
use super::super::printable::line;
use super::super::recipe::string;
use super::super::value::{Values, quoted};
use super::{Writer, generic, raw};

/// Writes a page.
pub(super) fn write(out: &mut Writer, doc: &Doc<'_>, kind: &Kind) {
    let values = Values::plain(doc);
    generic::head(out, &values, kind, "name");
    body(out, doc);
}

/// Writes the files in a page's zip; false if it is no plain one.
pub(super) fn zipped(out: &mut Writer, bytes: &[u8]) -> bool {
    let Some(mut files) = page::files(bytes) else { return false };
    files.sort_unstable();
    for (name, content) in files {
        out.gap();
        let shown = String::from_utf8_lossy(&name);
        let doc = Doc::parse(&content);
        let Ok(doc) = doc else {
            let (how, text) = raw(&shown, &content);
            out.line(0, &format!("{}, {how}:", line(&shown)));
            out.text.push_str(&text);
            continue;
        };
        out.line(0, &format!("{}:", line(&shown)));
        if name == b"page.json" {
            body(out, &doc);
        } else {
            generic::plain(out, &doc);
        }
    }
    true
}

/// Writes all of a page but its name.
fn body(out: &mut Writer, doc: &Doc<'_>) {
    let values = Values::plain(doc);
    let content = doc.get(doc.root(), "content").filter(|content| doc.tag(*content) == Tag::Object);
    let layout = content.and_then(|content| doc.get(content, "layout"));
    let told: &[&str] = if content.is_some() { &["name", "content"] } else { &["name"] };
    generic::rest(out, &values, Place::Page, told);
    if let Some(content) = content {
        generic::members(out, 0, &values, content, Place::Other, &["layout"]);
    }
    if let Some(layout) = layout {
        out.gap();
        out.line(0, "components");
        tree(out, &values, layout);
    }
}

/// Writes the components below a value, each with its settings and those inside it. It does not recurse.
fn tree(out: &mut Writer, values: &Values<'_, '_, '_>, layout: Node) {
    let doc = values.doc;
    // What is still to be written, the next one last: a value that may hold components, and its depth.
    let mut waiting = vec![(layout, 1_usize)];
    while let Some((node, depth)) = waiting.pop() {
        let from = waiting.len();
        match doc.tag(node) {
            Tag::Array => waiting.extend(doc.items(node).map(|item| (item, depth))),
            Tag::Object => {
                let sort = string(doc, node, "type");
                let name = string(doc, node, "name").filter(|name| !name.is_empty());
                let title = [sort.as_deref().map(line), name.as_deref().map(quoted)];
                let title = title.into_iter().flatten().collect::<Vec<_>>().join(" ");
                out.line(2 * depth, if title.is_empty() { "(no type)" } else { &title });
                for (key, value) in doc.members(node) {
                    let key_text = values.key(Some(key));
                    if matches!(key_text.as_ref(), "type" | "name") && doc.tag(value) == Tag::String {
                        continue;
                    }
                    if holds_components(doc, value) {
                        waiting.push((value, depth + 1));
                        continue;
                    }
                    let mut path = String::new();
                    push_key(&mut path, &key_text);
                    for mut leaf in leaves_below(doc, value, &path) {
                        leaf.key = leaf.key.or(Some(key));
                        out.lines(2 * depth + 4, values.leaf(&leaf).lines(&leaf.path));
                    }
                }
            }
            _ => out.line(2 * depth, &format!("({})", values.value("", node).into_line())),
        }
        waiting[from..].reverse();
    }
}

/// Returns whether a value is a component, or a list of them, perhaps in lists of its own.
fn holds_components(doc: &Doc<'_>, node: Node) -> bool {
    let is_component = |node| string(doc, node, "type").is_some() && doc.get(node, "id").is_some();
    match doc.tag(node) {
        Tag::Object => is_component(node),
        Tag::Array => {
            let mut first = Some(node);
            while let Some(list) = first.filter(|node| doc.tag(*node) == Tag::Array) {
                first = doc.items(list).find(|item| matches!(doc.tag(*item), Tag::Array | Tag::Object));
            }
            first.is_some_and(is_component)
        }
        _ => false,
    }
}
