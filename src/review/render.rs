//! How pills read: a text with each pill replaced by the words for it.
//!
//! What a pill's step is called is given, so that a comparison can use one side's numbers in both texts.

use std::collections::HashMap;

use crate::asset::json::{Doc, Node, Tag};

use super::hidden::told;
use super::leaf::clipped;
use super::names;
use super::pill::{Element, Piece, Pill, Source, pieces};
use super::printable::{push_line, push_lines};
use super::recipe::{Recipe, Step, string};

/// The longest alias or label that pills repeat, in bytes; real aliases have 8 to 48 letters.
const MAX_REPEATED: usize = 200;
/// The most fields that are searched for a name's label: it is looked for again for every pill.
const MAX_FIELDS: usize = 2000;

/// What the steps are called that pills refer to.
#[derive(Default)]
pub struct Labels<'d, 'a> {
    by_alias: HashMap<String, Label<'d, 'a>>,
}

/// What one step is called.
#[derive(Clone)]
pub struct Label<'d, 'a> {
    /// The words before the arrow: `Trigger`, `Step 4 Search records`, `Search records @ab12`.
    pub words: String,
    /// What pills call its connector.
    pub provider: String,
    /// The file and the step, if opaque names are to be replaced by the labels of its schema.
    pub schema: Option<(&'d Doc<'a>, Node)>,
}

impl<'d, 'a> Labels<'d, 'a> {
    /// Calls steps by their numbers, and opaque names by their labels.
    #[must_use]
    pub fn numbered(recipe: &Recipe<'d, 'a>) -> Self {
        Self::new(recipe, |step| Label {
            words: numbered(step, &step.number.to_string()),
            provider: step.pill_provider().to_owned(),
            schema: Some((recipe.doc, step.node)),
        })
    }

    /// Calls steps by their aliases, so that a text says the same wherever its step stands.
    #[must_use]
    pub fn stable(recipe: &Recipe<'d, 'a>) -> Self {
        Self::new(recipe, |step| {
            let alias = clipped(told(step.alias.as_deref().unwrap_or_default()), MAX_REPEATED);
            let named = || super::printable::line(&format!("{} @{alias}", names::short_title(step)));
            Label {
                words: if step.is_trigger() { "Trigger".to_owned() } else { named() },
                provider: step.pill_provider().to_owned(),
                schema: None,
            }
        })
    }

    /// Calls each step that has an alias as is said; of several steps of one alias the first counts.
    #[must_use]
    pub fn new<'s>(recipe: &'s Recipe<'d, 'a>, label: impl Fn(&'s Step<'a>) -> Label<'d, 'a>) -> Self {
        let mut labels = Self { by_alias: HashMap::with_capacity(recipe.steps.len()) };
        for step in &recipe.steps {
            if let Some(alias) = &step.alias
                && !labels.by_alias.contains_key(alias.as_ref())
            {
                labels.by_alias.insert(alias.clone().into_owned(), label(step));
            }
        }
        labels
    }

    /// Returns what the step of an alias is called.
    #[must_use]
    pub fn get(&self, alias: &str) -> Option<&Label<'d, 'a>> {
        self.by_alias.get(alias)
    }

    /// Returns a text with its pills in words, safe to print; its line breaks stay.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => push_lines(&mut out, text),
                Piece::Pill(pill) => self.push_pill(&mut out, &pill),
            }
        }
        out
    }

    /// Appends the words for a pill, on one line and safe to print.
    pub fn push_pill(&self, out: &mut String, pill: &Pill<'_>) {
        let mut said = String::from("‹");
        match &pill.source {
            Source::Step { provider, line, path } => match self.by_alias.get(line.as_ref()) {
                Some(label) => {
                    said.push_str(&label.words);
                    if label.provider != *provider {
                        // Such a pill is broken, and its step alone would not show it.
                        said.extend([" of ", provider]);
                    }
                    push_path(&mut said, path, label.schema);
                }
                None => {
                    said.extend(["missing step ", line]);
                    push_path(&mut said, path, None);
                }
            },
            Source::Other { sort, path } => {
                said.push_str(&names::readable(sort.strip_suffix("_context").unwrap_or(sort)));
                push_path(&mut said, path, None);
            }
            Source::Odd(json) => said.push_str(json),
            Source::Raw(written) => said.push_str(written),
        }
        said.push('›');
        push_line(out, &said);
    }
}

/// Returns what a step of a number is called in a pill: `Trigger`, or `Step 4 Search records`.
#[must_use]
pub fn numbered(step: &Step<'_>, number: &str) -> String {
    if step.is_trigger() {
        return "Trigger".to_owned();
    }
    format!("Step {number} {}", names::short_title(step))
}

fn push_path(said: &mut String, path: &[Element<'_>], schema: Option<(&Doc<'_>, Node)>) {
    let mut schema = schema.and_then(|(doc, step)| Some((doc, doc.get(step, "extended_output_schema")?)));
    for (at, element) in path.iter().enumerate() {
        let first = at == 0;
        match element {
            _ if first => said.push_str(" → "),
            Element::Item | Element::Join { .. } => {}
            _ => said.push('.'),
        }
        match element {
            Element::Name(name) => {
                let field = schema.and_then(|(doc, fields)| Some((doc, field(doc, fields, name)?)));
                let label =
                    field.filter(|_| is_opaque(name)).and_then(|(doc, field)| string(doc, field, "label"));
                said.push_str(label.as_deref().map_or(name, |label| clipped(told(label), MAX_REPEATED)));
                schema = field.and_then(|(doc, field)| Some((doc, doc.get(field, "properties")?)));
            }
            Element::First => said.push_str("first"),
            Element::Item => said.push_str("[]"),
            Element::Size | Element::OldSize => said.push_str("size"),
            Element::OldIndex => said.push_str("index"),
            Element::Join { action, key, .. } => said.extend(["→", &names::readable(action), " by ", key]),
            Element::Other(json) => said.push_str(json),
        }
    }
}

/// Returns the field of a name in a list of fields.
fn field(doc: &Doc<'_>, fields: Node, name: &str) -> Option<Node> {
    if doc.tag(fields) != Tag::Array {
        return None;
    }
    doc.items(fields)
        .take(MAX_FIELDS)
        .find(|field| string(doc, *field, "name").is_some_and(|other| other == name))
}

/// Returns whether a name says nothing to a person: a uuid, `col_1`, `custom_column_1`.
fn is_opaque(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_uuid = || {
        let sizes = [8, 4, 4, 4, 12];
        let groups: Vec<&str> = name.split(['-', '_']).collect();
        groups.len() == sizes.len()
            && groups.iter().zip(sizes).all(|(group, size)| {
                group.len() == size && group.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
    };
    ["custom_column_", "col_", "col", "f_"].iter().any(|start| name.strip_prefix(start).is_some_and(digits))
        || is_uuid()
}
