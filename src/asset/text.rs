//! What strings in recipes say beyond their letters: pills, names of custom connectors, generated titles.
//!
//! Only forms that are fully understood are read as such; everything else stays text.

use std::collections::{HashMap, HashSet};

use super::json::{Doc, Event, Node, Tag};

/// The longest name of a custom connector, in bytes.
const MAX_SLUG: usize = 255;
/// The longest title or description that may pass for generated, in bytes; it bounds the search in each of them.
const MAX_GENERATED: usize = 1000;
/// The shortest input value that a generated title is known by, in bytes.
const MIN_REPEATED: usize = 4;
const INFIX: &str = "_connector_";

/// The custom connectors of a file whose workspace-specific part can be set aside.
#[derive(Default)]
pub(super) struct Connectors<'a> {
    /// Names of which the file has two connectors, so that setting the rest aside would hide which one is meant.
    ambiguous: HashSet<&'a str>,
}

impl<'a> Connectors<'a> {
    /// Finds the connectors that a file mentions anywhere.
    pub(super) fn of(text: &'a str) -> Self {
        let mut first: HashMap<&str, &str> = HashMap::new();
        let mut found = Self::default();
        for (at, _) in text.match_indices(INFIX) {
            let before = text.as_bytes()[..at].iter().rev().take(MAX_SLUG);
            let slug = &text[at - before.take_while(|byte| is_slug(**byte)).count()..at];
            let rest = &text[at + INFIX.len()..];
            let suffix =
                &rest[..rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'_').count()];
            if two_numbers(suffix) && *first.entry(slug).or_insert(suffix) != suffix {
                found.ambiguous.insert(slug);
            }
        }
        found
    }

    /// Returns the part of a custom connector's generated name that is the same in every workspace.
    pub(super) fn slug<'t>(&self, provider: &'t str) -> Option<&'t str> {
        let (slug, suffix) = provider.rsplit_once(INFIX)?;
        let known = !slug.is_empty() && slug.len() <= MAX_SLUG && slug.bytes().all(is_slug);
        (known && two_numbers(suffix) && !self.ambiguous.contains(slug)).then_some(slug)
    }
}

const fn is_slug(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')
}

fn two_numbers(suffix: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    suffix.split_once('_').is_some_and(|(a, b)| number(a) && number(b))
}

/// A piece of a text that may hold pills.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text.
    Text(&'t str),
    /// The argument of `_('…')`.
    Old(&'t str),
    /// The argument of `_dp('…')`.
    New(&'t str),
}

/// Splits a text at its pills.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut done, mut from) = (0, 0);
    while let Some(found) = text[from..].find("('") {
        let quote = from + found + 2;
        from = quote;
        let before = &text[done..quote - 2];
        let (name, new) = match (before.strip_suffix("_dp"), before.strip_suffix('_')) {
            (Some(name), _) => (name, true),
            (None, Some(name)) => (name, false),
            (None, None) => continue,
        };
        if name.ends_with(|c: char| c == '_' || c.is_alphanumeric()) {
            continue;
        }
        let Some(length) = quoted_length(&text.as_bytes()[quote..]) else { continue };
        let argument = &text[quote..quote + length];
        if !name.is_empty() {
            pieces.push(Piece::Text(name));
        }
        pieces.push(if new { Piece::New(argument) } else { Piece::Old(argument) });
        done = quote + length + 2;
        from = done;
    }
    if done < text.len() || pieces.is_empty() {
        pieces.push(Piece::Text(&text[done..]));
    }
    pieces
}

/// Returns the length of a quoted argument up to its closing quote, if a bracket follows.
fn quoted_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'\'' => return (bytes.get(at + 1) == Some(&b')')).then_some(at),
            _ => at += 1,
        }
    }
}

/// A pill that is a plain path into a step's output: what both spellings can say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pill {
    pub(super) provider: String,
    pub(super) line: String,
    pub(super) path: Vec<String>,
}

impl Pill {
    /// Reads the argument of `_('data.provider.alias.path')`.
    pub(super) fn old(argument: &str) -> Option<Self> {
        if argument.contains(['\\', '\'', '"', ',']) {
            return None;
        }
        let mut parts = argument.split('.').map(str::to_owned);
        if parts.next()? != "data" {
            return None;
        }
        let pill = Self { provider: parts.next()?, line: parts.next()?, path: parts.collect() };
        pill.is_plain().then_some(pill)
    }

    /// Reads the argument of `_dp('{…}')` after its quotes were undone.
    pub(super) fn new(doc: &Doc<'_>) -> Option<Self> {
        let root = doc.root();
        let text = |key| doc.get(root, key).and_then(|node| doc.text(node)).map(std::borrow::Cow::into_owned);
        if doc.members(root).count() != 4 || text("pill_type")? != "output" {
            return None;
        }
        let path = doc.get(root, "path").filter(|path| doc.tag(*path) == Tag::Array)?;
        let text_item = |item| if doc.tag(item) == Tag::String { doc.text(item) } else { None };
        let path: Option<Vec<_>> =
            doc.items(path).map(|item| text_item(item).map(std::borrow::Cow::into_owned)).collect();
        let pill = Self { provider: text("provider")?, line: text("line")?, path: path? };
        pill.is_plain().then_some(pill)
    }

    /// `first` is a function in the old spelling and may be a name in the new one.
    fn is_plain(&self) -> bool {
        let names = [&self.provider, &self.line];
        !self.path.is_empty()
            && names.into_iter().chain(&self.path).all(|part| !part.is_empty())
            && self.path.iter().all(|part| part != "first")
    }
}

/// Returns whether a recipe's description is one that the platform makes from the steps.
pub(super) fn is_made_from_steps(text: &str) -> bool {
    let ends = [", do action", " other action", " other actions"];
    !text.contains('\n')
        && text.starts_with("When ")
        && text.contains(", ")
        && ends.iter().any(|end| text.ends_with(end))
}

/// Returns whether a step's title or description is one that the platform makes from the step's input.
pub(super) fn is_made_from_input(text: &str, doc: &Doc<'_>, input: Option<Node>) -> bool {
    if text.contains("<span") {
        return true;
    }
    if text.is_empty() || text.len() > MAX_GENERATED {
        return false;
    }
    let mut strings =
        input.into_iter().flat_map(|input| doc.within(input)).filter(|node| doc.tag(*node) == Tag::String);
    strings.any(|node| {
        // A value has at most six bytes of escapes a letter; longer ones cannot be in the text.
        doc.raw(node).len() <= 6 * text.len()
            && doc.text(node).is_some_and(|value| {
                value == text || value.len() >= MIN_REPEATED && holds_words(text, &value)
            })
    })
}

fn holds_words(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        !text[..at].ends_with(char::is_alphanumeric)
            && !text[at + words.len()..].starts_with(char::is_alphanumeric)
    })
}

/// Returns the list of fields that a string holds as JSON text: a list of objects, each with a name and a type.
pub(crate) fn field_list(text: &str) -> Option<Doc<'_>> {
    if !text.starts_with('[') {
        return None;
    }
    let doc = Doc::parse(text.as_bytes()).ok()?;
    let string = |node, key| doc.get(node, key).is_some_and(|value| doc.tag(value) == Tag::String);
    let is_field = |node| string(node, "name") && (string(node, "type") || string(node, "control_type"));
    let fields = doc.items(doc.root()).all(is_field) && doc.items(doc.root()).next().is_some();
    fields.then_some(doc)
}

/// Returns the generated names in an insights query, numbered in canonical order.
pub(crate) fn qualifiers(doc: &Doc<'_>) -> HashMap<Vec<u8>, u32> {
    let mut found = HashMap::new();
    let mut named = false;
    for event in doc.walk(doc.root()) {
        if let (Event::Value(node), true) = (event, named)
            && doc.tag(node) == Tag::String
            && doc.raw(node).len() == 16
            && doc.raw(node).bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            let number = u32::try_from(found.len()).expect("fewer than there are nodes");
            found.entry(doc.raw(node).as_bytes().to_vec()).or_insert(number);
        }
        named = matches!(event, Event::Key(key) if doc.raw(key) == "qualifier");
    }
    found
}
