//! The values of a JSON file, each with the name that it stands beside.

use std::borrow::Cow;
use std::collections::HashMap;

use memchr::memchr;

use super::names::is_credential;
use super::values::{SHORTEST, holds_nothing, judge_beside};
use super::{Finding, Level, Mark, surer};
use crate::asset::json::{Doc, Node, Tag};
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

/// Returns the surest of what JSON inside of a text holds; of several as sure the first in the text.
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
        // The whole file is not looked at for each value that is asked about.
        let look = Look { is_properties: false, depth: 0, has_at: true };
        visit_value(doc, (name, node), &self.labels, look, tell);
        is_hidden
    }
}

fn visit(kind: &Kind, doc: &Doc<'_>, depth: u8, tell: impl FnMut(Node, Mark)) {
    let is_properties = *kind == Kind::Properties;
    // Most files have no mail address, and need not be looked at for one text by text.
    let has_at = memchr(b'@', doc.source().as_bytes()).is_some();
    let look = Look { is_properties, depth, has_at };
    visit_value(doc, (None, doc.root()), &labels(kind, doc), look, tell);
}

/// A container that is being looked at.
struct Open<'s> {
    node: Node,
    /// The first node behind it.
    end: Node,
    /// What its items stand beside.
    name: Option<Cow<'s, str>>,
}

/// How a value is looked at.
#[derive(Clone, Copy)]
struct Look {
    is_properties: bool,
    /// How deep in JSON inside of texts it stands.
    depth: u8,
    /// Whether an `@` may be in it.
    has_at: bool,
}

/// Looks at all of a value in the order of the text, which is quicker than that of the keys.
fn visit_value<'s>(
    doc: &'s Doc<'_>,
    (outside, node): (Option<Cow<'s, str>>, Node),
    labels: &'s HashMap<Vec<u8>, Cow<'_, str>>,
    look: Look,
    mut tell: impl FnMut(Node, Mark),
) {
    let mut open: Vec<Open<'_>> = Vec::new();
    // How many of them show what the editor shows.
    let mut editor = 0_usize;
    let mut judged = Judged::default();
    let mut key = None;
    for node in doc.within(node) {
        while open.pop_if(|open| open.end <= node).is_some() {
            editor = editor.saturating_sub(1);
        }
        let tag = doc.tag(node);
        if tag == Tag::Key {
            // A name may be the secret itself; what else a name says is said of its value.
            let mark = judge_text(doc, node, || None, look);
            if let Some(mark) = mark.filter(|mark| mark.level == Level::Certain) {
                tell(node, mark);
            }
            key = Some(node);
            continue;
        }
        let key = key.take();
        let name = || match (key, open.last()) {
            (Some(key), Some(open)) => {
                Some(name_of(doc, open.node, doc.text(key).unwrap_or_default(), labels))
            }
            (_, open) => open.map_or(&outside, |open| &open.name).clone(),
        };
        if matches!(tag, Tag::Array | Tag::Object) {
            let name = name();
            let is_editor = editor > 0 || name.as_deref().is_some_and(|name| EDITOR.contains(&name));
            editor += usize::from(is_editor);
            open.push(Open { node, end: doc.behind(node), name });
            continue;
        }
        let mut found = None;
        if tag == Tag::String {
            let credential = || if editor == 0 { judged.credential(name()?) } else { None };
            found = judge_text(doc, node, credential, look);
        }
        if look.is_properties && open.len() == 1 && is_filled(doc, node) {
            found = surer(found, Some(Mark { level: Level::Likely, kind: "filled-property" }));
        }
        if let Some(mark) = found {
            tell(node, mark);
        }
    }
}

/// Judges a string or key beside the name of a credential, which is asked for only where it counts.
fn judge_text<'s>(
    doc: &Doc<'_>,
    node: Node,
    credential: impl FnOnce() -> Option<Cow<'s, str>>,
    look: Look,
) -> Option<Mark> {
    let bytes = doc.bytes(node);
    // No text is longer than it is written.
    if bytes.len() < SHORTEST {
        return None;
    }
    let credential = credential();
    if !doc.escaped(node) && holds_nothing(bytes, credential.is_some(), look.has_at) {
        return None;
    }
    let text = doc.text(node).unwrap_or_else(|| lossy(doc, node));
    judge_beside(credential.as_deref(), &text, look.depth)
}

/// Exports leave the values of properties out: whoever put one in did so by hand.
fn is_filled(doc: &Doc<'_>, node: Node) -> bool {
    doc.tag(node) != Tag::Null && (doc.tag(node) != Tag::String || !doc.raw(node).is_empty())
}

/// Names that were judged: a file has the same ones again and again.
struct Judged<'s> {
    /// The last name of each sort, and whether it is a credential's.
    last: [(Cow<'s, str>, bool); SORTS],
}

/// How many names are kept: most files have fewer.
const SORTS: usize = 64;

impl Default for Judged<'_> {
    fn default() -> Self {
        Self { last: [const { (Cow::Borrowed(""), false) }; SORTS] }
    }
}

impl<'s> Judged<'s> {
    /// Returns a name where it is that of a credential.
    fn credential(&mut self, name: Cow<'s, str>) -> Option<Cow<'s, str>> {
        let bytes = name.as_bytes();
        let [first, middle, last] = [0, bytes.len() / 2, bytes.len().checked_sub(1)?].map(|at| bytes[at]);
        let sort = bytes.len() + usize::from(middle) + 7 * usize::from(first) + 31 * usize::from(last);
        let judged = &mut self.last[sort % SORTS];
        if judged.0 != name {
            *judged = (name.clone(), is_credential(&name));
        }
        judged.1.then_some(name)
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::asset::canonical::tests::respell;
    use crate::asset::json::Event;
    use crate::secrets::values::judge;

    /// The same search in the plainest way: in the order of the keys, each text judged beside its name.
    fn plainly(
        doc: &Doc<'_>,
        labels: &HashMap<Vec<u8>, Cow<'_, str>>,
        is_properties: bool,
    ) -> Vec<(usize, Mark)> {
        let (mut names, mut name, mut editors) = (Vec::new(), None, Vec::new());
        let mut found = Vec::new();
        let mut walk = doc.walk(doc.root());
        let text = |node| doc.text(node).unwrap_or_else(|| lossy(doc, node));
        while let Some(event) = walk.next() {
            let mark = match event {
                Event::Key(key) => {
                    let own = doc.text(key).unwrap_or_default();
                    name = Some(name_of(doc, walk.inside().unwrap(), own, labels));
                    judge(None, &text(key), 0)
                        .filter(|mark| mark.level == Level::Certain)
                        .map(|mark| (key, mark))
                }
                Event::Value(node) if matches!(doc.tag(node), Tag::Array | Tag::Object) => {
                    let own = name.take().or_else(|| names.last().cloned().flatten());
                    let is_editor = editors.last() == Some(&true);
                    editors.push(is_editor || own.as_deref().is_some_and(|own| EDITOR.contains(&own)));
                    names.push(own);
                    None
                }
                Event::Value(node) => {
                    let own = name.take().or_else(|| names.last().cloned().flatten());
                    let own = own.filter(|_| editors.last() != Some(&true));
                    let is_text = doc.tag(node) == Tag::String;
                    let said = is_text.then(|| judge(own.as_deref(), &text(node), 0)).flatten();
                    let filled = is_properties && names.len() == 1 && is_filled(doc, node);
                    let filled = filled.then_some(Mark { level: Level::Likely, kind: "filled-property" });
                    surer(said, filled).map(|mark| (node, mark))
                }
                Event::End(_) => {
                    names.pop();
                    editors.pop();
                    None
                }
            };
            found.extend(mark.map(|(node, mark)| (doc.raw(node).as_ptr().addr(), mark)));
        }
        found.sort_unstable_by_key(|(at, _)| *at);
        found
    }

    /// Values whose names and texts matter to the search.
    fn telling() -> impl Strategy<Value = Value> {
        let texts = [
            "EXAMPLEfakefakefakefake01",
            "Tr0ub4dor&3",
            "ann@ex.test",
            "https://svc:EXAMPLEpw01@db.example.test/x",
            "a=b&client_secret=EXAMPLEfakefakefakefake01",
            "=\"Bearer EXAMPLEfakefakefakefake01\"",
            "{\"token\": \"EXAMPLEfakefakefakefake01\"}",
            "client_secret",
            "no",
            "",
        ];
        // Some of them are of one sort.
        let keys = [
            "password",
            "json",
            "token",
            "name",
            "pwd",
            "value",
            "passphrase",
            "email",
            "auth_token",
            "token_url",
            "credentials",
            "host",
            "extended_input_schema",
            "toggleCfg",
            "",
            "key",
            "header",
            "ann@ex.test",
        ];
        let key = move || prop_oneof![8 => prop::sample::select(keys.to_vec()).prop_map(str::to_owned), 1 => ".{0,3}"];
        let leaf = prop_oneof![
            6 => prop::sample::select(texts.to_vec()).prop_map(Value::from),
            1 => Just(Value::Null),
            1 => any::<u8>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                2 => prop::collection::btree_map(key(), inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_same_is_found_in_any_order(value in telling(), mut seed in any::<u64>(), is_properties in any::<bool>()) {
            let mut text = String::new();
            respell(&value, &mut seed, &mut text);
            let doc = Doc::parse(text.as_bytes()).unwrap();
            let kind = if is_properties { Kind::Properties } else { Kind::Recipe };
            let mut found = Vec::new();
            visit(&kind, &doc, 0, |node, mark| found.push((doc.raw(node).as_ptr().addr(), mark)));
            found.sort_unstable_by_key(|(at, _)| *at);
            prop_assert_eq!(found, plainly(&doc, &HashMap::new(), is_properties), "{}", text);
        }
    }

    #[test]
    fn what_is_behind_a_schema_counts_again() {
        let text = r#"{"extended_output_schema": [{"token": "EXAMPLEfakefakefakefake01"}], "x": {"token": "EXAMPLEfakefakefakefake02"}}"#;
        let doc = Doc::parse(text.as_bytes()).unwrap();
        assert_eq!(scan(&Kind::Recipe, &doc, text.as_bytes()).len(), 1);
    }
}
