//! The values of a JSON file, each with the name that it stands beside.

use std::borrow::Cow;
use std::collections::HashMap;

use super::names::is_credential;
use super::values::judge;
use super::{Finding, Level, Mark, surer};
use crate::asset::json::{Doc, Event, Node, Tag};
use crate::asset::kind::Kind;

/// Members of a step that hold what the editor shows, and no value: names there are titles.
const EDITOR: [&str; 4] =
    ["extended_input_schema", "extended_output_schema", "dynamicPickListSelection", "toggleCfg"];

/// Returns what the values of a file hold, in the order of its lines.
pub(super) fn scan(kind: &Kind, doc: &Doc<'_>, bytes: &[u8]) -> Vec<Finding> {
    let mut marks: Vec<(usize, Mark)> = Vec::new();
    let start = bytes.as_ptr().addr();
    visit(kind, doc, 0, |node, mark| marks.push((doc.raw(node).as_ptr().addr() - start, mark)));
    marks.sort_unstable_by_key(|(at, _)| *at);
    let (mut line, mut seen) = (1, 0);
    let mut findings = Vec::with_capacity(marks.len());
    for (at, mark) in marks {
        let breaks = bytes[seen..at].iter().filter(|byte| **byte == b'\n').count();
        line += u32::try_from(breaks).expect("files are below 4 GiB");
        seen = at;
        findings.push(Finding { line, kind: mark.kind.into(), level: mark.level });
    }
    findings
}

/// Returns whether nothing is found in the values of a file.
pub(super) fn is_silent(kind: &Kind, doc: &Doc<'_>) -> bool {
    let mut found = false;
    visit(kind, doc, 0, |_, _| found = true);
    !found
}

/// Returns the surest of what JSON inside of a text holds.
pub(super) fn judge_nested(doc: &Doc<'_>, depth: u8) -> Option<Mark> {
    let mut found = None;
    visit(&Kind::File, doc, depth, |_, mark| found = surer(found, Some(mark)));
    found
}

/// The names that the values of a file stand beside, where these are not their keys.
#[derive(Debug, Default)]
pub struct Beside<'a> {
    /// What the columns of a table are called, by their keys.
    labels: HashMap<Vec<u8>, Cow<'a, str>>,
}

impl<'a> Beside<'a> {
    /// Reads what a file of a kind says about its names.
    #[must_use]
    pub fn of(kind: &Kind, doc: &Doc<'a>) -> Self {
        Self { labels: labels(kind, doc) }
    }

    /// Returns the name that the value of a member stands beside.
    #[must_use]
    pub fn member<'s>(&'s self, doc: &'s Doc<'_>, object: Node, key: &'s str) -> Cow<'s, str> {
        name_of(doc, object, Cow::Borrowed(key), &self.labels)
    }

    /// Returns whether something in a value, which stands beside a name or beside none (empty), is surely a secret.
    #[must_use]
    pub fn is_hidden(&self, doc: &Doc<'_>, name: &str, node: Node) -> bool {
        let name = (!name.is_empty()).then_some(Cow::Borrowed(name));
        let mut is_hidden = false;
        let tell = |_, mark: Mark| is_hidden |= mark.level == Level::Certain;
        visit_value(doc, (name, node), &self.labels, (false, 0), tell);
        is_hidden
    }
}

fn visit(kind: &Kind, doc: &Doc<'_>, depth: u8, tell: impl FnMut(Node, Mark)) {
    let is_properties = *kind == Kind::Properties;
    visit_value(doc, (None, doc.root()), &labels(kind, doc), (is_properties, depth), tell);
}

fn visit_value<'s>(
    doc: &'s Doc<'_>,
    (mut name, node): (Option<Cow<'s, str>>, Node),
    labels: &'s HashMap<Vec<u8>, Cow<'_, str>>,
    (is_properties, depth): (bool, u8),
    mut tell: impl FnMut(Node, Mark),
) {
    let mut names: Vec<Option<Cow<'_, str>>> = Vec::new();
    let mut walk = doc.walk(node);
    let mut editor = 0_usize;
    while let Some(event) = walk.next() {
        match event {
            Event::Key(key) => {
                let object = walk.inside().expect("keys are inside objects");
                // A name may be the secret itself; what else a name says is said of its value.
                let text = doc.text(key);
                let mark = match &text {
                    Some(text) => judge(None, text, depth),
                    None => judge(None, &lossy(doc, key), depth),
                };
                if let Some(mark) = mark.filter(|mark| mark.level == Level::Certain) {
                    tell(key, mark);
                }
                name = Some(name_of(doc, object, text.unwrap_or_default(), labels));
            }
            Event::Value(node) => match doc.tag(node) {
                Tag::Array | Tag::Object => {
                    let own = name.take().or_else(|| names.last().cloned().flatten());
                    editor +=
                        usize::from(editor > 0 || own.as_deref().is_some_and(|own| EDITOR.contains(&own)));
                    names.push(own);
                }
                _ => {
                    let own = name.take().or_else(|| names.last().cloned().flatten());
                    let beside = own.as_deref().filter(|_| editor == 0);
                    let filled = is_properties && names.len() == 1;
                    if let Some(mark) = judge_scalar(doc, node, beside, filled, depth) {
                        tell(node, mark);
                    }
                }
            },
            Event::End(_) => {
                names.pop();
                editor = editor.saturating_sub(1);
            }
        }
    }
}

fn judge_scalar(doc: &Doc<'_>, node: Node, name: Option<&str>, filled: bool, depth: u8) -> Option<Mark> {
    let found = match doc.tag(node) {
        Tag::String => judge(name, &doc.text(node).unwrap_or_else(|| lossy(doc, node)), depth),
        _ => None,
    };
    // Exports leave the values of properties out: whoever put one in did so by hand.
    let is_empty = doc.tag(node) == Tag::Null || doc.tag(node) == Tag::String && doc.raw(node).is_empty();
    if !filled || is_empty {
        return found;
    }
    surer(found, Some(Mark { level: Level::Likely, kind: "filled-property" }))
}

/// Returns the value of a string or key that holds a lone surrogate, as text all the same.
fn lossy<'a>(doc: &Doc<'a>, node: Node) -> Cow<'a, str> {
    Cow::Owned(String::from_utf8_lossy(&doc.decoded(node)).into_owned())
}

/// Returns the name that a member's value stands beside: its key, the label of a table's column, or what the member
/// `name` beside a `value` says.
fn name_of<'s>(
    doc: &'s Doc<'_>,
    object: Node,
    own: Cow<'s, str>,
    labels: &'s HashMap<Vec<u8>, Cow<'_, str>>,
) -> Cow<'s, str> {
    if own == "value" {
        let named = ["name", "key", "header", "field"].into_iter().find_map(|key| doc.get(object, key));
        if let Some(said) = named.and_then(|node| doc.text(node)).filter(|said| is_credential(said)) {
            return said;
        }
    }
    labels.get(own.as_bytes()).cloned().unwrap_or(own)
}

/// Returns what the columns of a table are called.
fn labels<'a>(kind: &Kind, doc: &Doc<'a>) -> HashMap<Vec<u8>, Cow<'a, str>> {
    let is_table = matches!(kind, Kind::LookupTable | Kind::DataTable);
    let schema = doc.get(doc.root(), "schema").filter(|_| is_table);
    let columns = schema.into_iter().flat_map(|schema| doc.items(schema));
    columns
        .filter_map(|column| {
            let name = doc.text(doc.get(column, "name")?)?;
            let label = doc.text(doc.get(column, "label").or_else(|| doc.get(column, "title"))?)?;
            Some((name.as_bytes().to_vec(), label))
        })
        .collect()
}
