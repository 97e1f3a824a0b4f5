//! How values read: texts with their pills, references by name and folder, lists of fields one a line.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::asset::json::{Doc, Event, Node, Tag};
use crate::asset::reference::Reference;
use crate::asset::text;

use super::hidden::{HIDDEN, is_hidden};
use super::leaf::{Leaf, clipped, is_field_list};
use super::names;
use super::pill::compact;
use super::printable::line;
use super::render::Labels;

/// A value in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// On one line.
    Line(String),
    /// A text of several lines.
    Text(Vec<String>),
    /// What it is, and a line for each part of it.
    List(String, Vec<String>),
}

impl Shown {
    /// Returns the lines of a named value, the further ones indented.
    #[must_use]
    pub fn lines(self, name: &str) -> Vec<String> {
        let (first, rest) = match self {
            Self::Line(text) => return vec![format!("{name}: {text}")],
            Self::Text(lines) => (format!("{name}: |"), lines),
            Self::List(what, lines) => (format!("{name}: {what}"), lines),
        };
        let indented = |line: String| if line.is_empty() { line } else { format!("  {line}") };
        std::iter::once(first).chain(rest.into_iter().map(indented)).collect()
    }

    /// Returns a value on one line, its line breaks written out.
    #[must_use]
    pub fn into_line(self) -> String {
        match self {
            Self::Line(text) => text,
            Self::Text(lines) => lines.join("\\n"),
            Self::List(what, lines) => format!("{what} ({})", lines.join("; ")),
        }
    }
}

/// Reads the values of one file.
pub struct Values<'v, 'd, 'a> {
    /// The file.
    pub doc: &'d Doc<'a>,
    /// What steps are called, in a recipe.
    pub labels: Option<&'v Labels<'d, 'a>>,
    /// What stands for texts that are the file's own names for something.
    pub names: HashMap<String, String>,
}

impl<'v, 'd, 'a> Values<'v, 'd, 'a> {
    /// Reads a file in which pills have a meaning.
    #[must_use]
    pub fn with_pills(doc: &'d Doc<'a>, labels: &'v Labels<'d, 'a>) -> Self {
        Self { doc, labels: Some(labels), names: HashMap::new() }
    }

    /// Reads a file without pills.
    #[must_use]
    pub fn plain(doc: &'d Doc<'a>) -> Self {
        Self { doc, labels: None, names: HashMap::new() }
    }

    /// Returns a leaf in words.
    #[must_use]
    pub fn leaf(&self, leaf: &Leaf) -> Shown {
        self.value(&self.key(leaf.key), leaf.node)
    }

    /// Returns the text of a key.
    #[must_use]
    pub fn key(&self, key: Option<Node>) -> Cow<'a, str> {
        key.and_then(|key| self.doc.text(key)).unwrap_or_default()
    }

    /// Returns a value in words. The name is that of the nearest key, by which secrets are known.
    #[must_use]
    pub fn value(&self, name: &str, node: Node) -> Shown {
        match self.doc.tag(node) {
            Tag::String => match self.doc.text(node) {
                Some(text) => self.text(name, &text),
                None => Shown::Line(format!("\"{}\"", line(self.doc.raw(node)))),
            },
            Tag::Object => match Reference::read(self.doc, node, false) {
                Some(reference) => Shown::Line(reference_text(&reference)),
                None => Shown::Line(json(self.doc, node)),
            },
            Tag::Array if is_field_list(self.doc, node) => self.fields(self.doc, node),
            Tag::Array => Shown::Line(json(self.doc, node)),
            _ => Shown::Line(self.doc.raw(node).to_owned()),
        }
    }

    /// Returns a text in words.
    #[must_use]
    pub fn text(&self, name: &str, text: &str) -> Shown {
        if text.is_empty() {
            return Shown::Line("\"\"".to_owned());
        }
        if is_hidden(name, text) {
            return Shown::Line(HIDDEN.to_owned());
        }
        if let Some(known) = self.names.get(text) {
            return Shown::Line(known.clone());
        }
        if let Some(fields) = text::field_list(text) {
            return self.fields(&fields, fields.root());
        }
        let said = self.said(text);
        if said.contains('\n') {
            return Shown::Text(said.split('\n').map(str::to_owned).collect());
        }
        Shown::Line(said)
    }

    /// Returns a text with its pills in words, safe to print; its line breaks stay.
    fn said(&self, text: &str) -> String {
        match self.labels {
            Some(labels) => labels.text(text),
            None => {
                let mut said = String::with_capacity(text.len());
                super::printable::push_lines(&mut said, text);
                said
            }
        }
    }

    /// Returns a list of fields, one a line.
    fn fields(&self, doc: &Doc<'_>, list: Node) -> Shown {
        let mut lines = Vec::new();
        let mut waiting: Vec<(Node, usize)> = Vec::new();
        let push = |list: Node, depth: usize, waiting: &mut Vec<(Node, usize)>| {
            let from = waiting.len();
            waiting.extend(doc.items(list).map(|field| (field, depth)));
            waiting[from..].reverse();
            waiting.len() - from
        };
        let count = push(list, 0, &mut waiting);
        while let Some((field, depth)) = waiting.pop() {
            let inside = doc.get(field, "properties").filter(|list| is_field_list(doc, *list));
            lines.push(format!("{}{}", "  ".repeat(depth.min(64)), self.field(doc, field, inside)));
            if let Some(inside) = inside {
                push(inside, depth + 1, &mut waiting);
            }
        }
        Shown::List(format!("{count} {}", if count == 1 { "field" } else { "fields" }), lines)
    }

    fn field(&self, doc: &Doc<'_>, field: Node, inside: Option<Node>) -> String {
        let text = |key| super::recipe::string(doc, field, key);
        let (name, sort) = (text("name").unwrap_or_default(), text("type"));
        let mut said = line(&name);
        said.extend([": ", &sort.as_deref().map_or(Cow::Borrowed("any"), |sort| Cow::Owned(line(sort)))]);
        for (key, value) in doc.members(field) {
            let raw = doc.raw(value);
            match doc.raw(key) {
                "name" | "type" if doc.tag(value) == Tag::String => {}
                "optional" if raw == "true" => said.push_str(", optional"),
                "optional" if raw == "false" => {}
                "label" if doc.tag(value) == Tag::String => {
                    let label = doc.text(value).unwrap_or(Cow::Borrowed(raw));
                    if label != name && !line(&label).eq_ignore_ascii_case(&names::readable(&name)) {
                        said.extend([", label “", &line(&label), "”"]);
                    }
                }
                "control_type" if is_usual(sort.as_deref(), raw) => {}
                "properties" if Some(value) == inside => {}
                key => {
                    let word = match doc.tag(value) {
                        Tag::String => doc.text(value).map(|value| self.attribute(key, &value)),
                        _ => None,
                    };
                    said.extend([", ", &line(key), " ", &word.unwrap_or_else(|| json(doc, value))]);
                }
            }
        }
        said
    }

    /// Returns an attribute of a field, on one line.
    fn attribute(&self, name: &str, value: &str) -> String {
        if value.is_empty() {
            return "\"\"".to_owned();
        }
        if is_hidden(name, value) { HIDDEN.to_owned() } else { line(&self.said(value)) }
    }
}

/// Returns whether a field of a type has the control that it has if nobody chooses one.
fn is_usual(sort: Option<&str>, control: &str) -> bool {
    match sort {
        Some("string") => control == "text",
        Some("boolean") => control == "checkbox",
        Some(sort) => sort == control,
        None => false,
    }
}

/// Returns a reference in words: its name, and where it is.
#[must_use]
pub(crate) fn reference_text(reference: &Reference) -> String {
    let folder = reference.full_path.as_ref().filter(|path| !path.is_empty()).unwrap_or(&reference.folder);
    let name = line(&reference.name);
    if folder.is_empty() { format!("“{name}”") } else { format!("“{name}” in {}", line(folder)) }
}

/// Returns a value as JSON on one line, safe to print, secrets left out.
#[must_use]
pub fn json(doc: &Doc<'_>, node: Node) -> String {
    let mut name = Cow::Borrowed("");
    let has_secret = doc.walk(node).any(|event| match event {
        Event::Key(key) => {
            name = doc.text(key).unwrap_or_default();
            false
        }
        Event::Value(node) if doc.tag(node) == Tag::String => {
            doc.text(node).is_some_and(|text| is_hidden(&name, &text))
        }
        _ => false,
    });
    if has_secret { HIDDEN.to_owned() } else { line(&compact(doc, node)) }
}

/// Returns a name between quotes, on one line and safe to print.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("“{}”", line(clipped(name, 500)))
}
