//! How values read: texts with their pills, references by name and folder, lists of fields one a line.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::asset::json::{Doc, Node, Tag};
use crate::asset::kind::Kind;
use crate::asset::reference::Reference;
use crate::asset::text;

use super::hidden::{Beside, HIDDEN, is_hidden, told};
use super::leaf::{Leaf, clipped, is_field_list};
use super::names;
use super::pill::compact;
use super::printable::{line, one_line};
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
    /// The names that its values stand beside, by which secrets are known.
    pub beside: Beside<'a>,
}

impl<'v, 'd, 'a> Values<'v, 'd, 'a> {
    /// Reads a file in which pills have a meaning.
    #[must_use]
    pub fn with_pills(doc: &'d Doc<'a>, labels: &'v Labels<'d, 'a>) -> Self {
        Self { doc, labels: Some(labels), names: HashMap::new(), beside: Beside::default() }
    }

    /// Reads a file without pills.
    #[must_use]
    pub fn plain(doc: &'d Doc<'a>) -> Self {
        Self { doc, labels: None, names: HashMap::new(), beside: Beside::default() }
    }

    /// Reads a file of a kind, without pills.
    #[must_use]
    pub fn of(kind: &Kind, doc: &'d Doc<'a>) -> Self {
        Self { beside: Beside::of(kind, doc), ..Self::plain(doc) }
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

    /// Returns a value in words. The name is the one that it stands beside, by which secrets are known.
    #[must_use]
    pub fn value(&self, name: &str, node: Node) -> Shown {
        match self.doc.tag(node) {
            Tag::String => match self.doc.text(node) {
                Some(text) => self.text(name, &text),
                None if self.is_hidden(name, node) => Shown::Line(HIDDEN.to_owned()),
                None => Shown::Line(format!("\"{}\"", line(self.doc.raw(node)))),
            },
            Tag::Object => match Reference::read(self.doc, node, false) {
                Some(reference) => Shown::Line(reference_text(&reference)),
                None => Shown::Line(self.json(name, node)),
            },
            Tag::Array if is_field_list(self.doc, node) => self.fields(self.doc, node),
            Tag::Array => Shown::Line(self.json(name, node)),
            _ => Shown::Line(self.doc.raw(node).to_owned()),
        }
    }

    /// Returns whether something in a value is not to be shown.
    #[must_use]
    pub fn is_hidden(&self, name: &str, node: Node) -> bool {
        self.beside.is_hidden(self.doc, name, node)
    }

    fn json(&self, name: &str, node: Node) -> String {
        if self.is_hidden(name, node) { HIDDEN.to_owned() } else { one_line(&compact(self.doc, node)) }
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
                    let name = self.beside.member(doc, field, key);
                    let word = match doc.tag(value) {
                        Tag::String => doc.text(value).map(|value| self.attribute(&name, &value)),
                        _ => None,
                    };
                    said.extend([", ", &line(key), " ", &word.unwrap_or_else(|| json(doc, &name, value))]);
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
        if is_hidden(name, value) { HIDDEN.to_owned() } else { one_line(&self.said(value)) }
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

/// Returns a value as JSON on one line, safe to print, and not at all if it holds a secret. The name is the one that it
/// stands beside, empty where there is none.
#[must_use]
pub fn json(doc: &Doc<'_>, name: &str, node: Node) -> String {
    Values::plain(doc).json(name, node)
}

/// Returns a name between quotes, on one line and safe to print.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("“{}”", line(clipped(told(name), 500)))
}
