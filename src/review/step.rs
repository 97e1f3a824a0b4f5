//! A step in words: its title, and the lines below it.

use crate::asset::aside::{is_aside, is_empty};
use crate::asset::compare::Level;
use crate::asset::fields::Place;
use crate::asset::json::{Node, Tag};

use super::condition;
use super::leaf::{leaves, leaves_below, push_key};
use super::names;
use super::printable::line;
use super::recipe::{Recipe, Step, string};
use super::value::{Values, quoted};

/// Inputs that a person typed to name a step.
const TYPED_LABELS: [&str; 2] = ["mnemonic", "request_name"];
/// Connectors of which a step is a piece of code with a name.
const CODE: [&str; 3] = ["js_eval", "py_eval", "rb_eval"];
/// The longest such name in a title; a longer one is told as an input.
const MAX_LABEL: usize = 120;

/// Returns a step's title: what it is, what a person named it, and whether it is skipped or unfinished.
#[must_use]
pub fn title(recipe: &Recipe<'_, '_>, values: &Values<'_, '_, '_>, number: usize) -> String {
    let step = &recipe.steps[number];
    let mut title = names::title(step);
    if let Some(label) = label(values, step) {
        title.extend([" ", &label]);
    }
    for (key, word) in [("skip", " (skipped)"), ("unfinished", " (unfinished)")] {
        if is_true(recipe, step, key) {
            title.push_str(word);
        }
    }
    title
}

/// Returns the lines below a step's title, without what the server derives, and without the steps inside.
#[must_use]
pub fn body(recipe: &Recipe<'_, '_>, values: &Values<'_, '_, '_>, number: usize) -> Vec<String> {
    let (doc, step) = (recipe.doc, &recipe.steps[number]);
    let mut lines = comment(recipe, values, step);
    lines.extend(source(values, step));
    let input = doc.get(step.node, "input");
    let when = input.filter(|_| names::control(&step.keyword).is_some());
    let when = when.and_then(|input| Some((input, condition::lines(values, "when", input)?)));
    let has_when = when.is_some();
    lines.extend(when.into_iter().flat_map(|(_, lines)| lines));
    let filter = doc.get(step.node, "filter");
    let filter = filter.and_then(|filter| group(values, filter));
    let has_filter = filter.is_some();
    lines.extend(filter.into_iter().flatten());
    if let Some(input) = input {
        lines.extend(inputs(values, step, input, has_when));
    }
    lines.extend(others(recipe, values, step, has_filter));
    lines
}

/// Returns the lines for a trigger's filter, if it is nothing but conditions.
fn group(values: &Values<'_, '_, '_>, filter: Node) -> Option<Vec<String>> {
    let known = |key: &str| matches!(key, "conditions" | "operand" | "type" | "uuid");
    let plain = values.doc.members(filter).all(|(key, _)| known(values.doc.raw(key)));
    if plain { condition::lines(values, "only when", filter) } else { None }
}

/// Returns what a loop goes over.
fn source(values: &Values<'_, '_, '_>, step: &Step<'_>) -> Option<String> {
    let member = |key: &str| values.doc.get(step.node, key).map(|node| values.value(key, node).into_line());
    let mut of = format!("of {}", member("source")?);
    for (key, word) in [("repeat_mode", "mode"), ("batch_size", "batch")] {
        if let Some(told) = member(key).filter(|told| told != "simple") {
            of.extend([", ", word, " ", &told]);
        }
    }
    Some(of)
}

fn comment(recipe: &Recipe<'_, '_>, values: &Values<'_, '_, '_>, step: &Step<'_>) -> Vec<String> {
    let Some(comment) = string(recipe.doc, step.node, "comment") else { return Vec::new() };
    let shown = match values.text("comment", &comment) {
        super::value::Shown::Text(lines) => lines,
        other => vec![other.into_line()],
    };
    shown.iter().map(|line| format!("# {line}").trim_end().to_owned()).collect()
}

/// Returns what a person called a step.
fn label(values: &Values<'_, '_, '_>, step: &Step<'_>) -> Option<String> {
    let input = values.doc.get(step.node, "input")?;
    let typed = typed_label(values, step, input).and_then(|key| string(values.doc, input, key));
    let typed = typed.map(|label| values.text("label", &label).into_line());
    let called = || {
        let flow = values.doc.get(input, "flow_id")?;
        string(values.doc, flow, "name").map(|name| line(&name))
    };
    typed.or_else(called).map(|label| quoted(&label))
}

/// Returns the input that is in the title, and need not be told again.
fn typed_label(values: &Values<'_, '_, '_>, step: &Step<'_>, input: Node) -> Option<&'static str> {
    let is_short = |key: &&str| {
        string(values.doc, input, key)
            .is_some_and(|label| !label.is_empty() && label.len() <= MAX_LABEL && !label.contains('\n'))
    };
    let is_code = step.provider.as_deref().is_some_and(|provider| CODE.contains(&provider));
    let name = is_code.then_some("name");
    TYPED_LABELS.into_iter().chain(name).find(is_short)
}

/// Returns a line or more for each input.
fn inputs(values: &Values<'_, '_, '_>, step: &Step<'_>, input: Node, has_when: bool) -> Vec<String> {
    let doc = values.doc;
    if doc.tag(input) != Tag::Object {
        return values.value("input", input).lines("input");
    }
    let told = typed_label(values, step, input);
    let mut lines = Vec::new();
    for (key, value) in doc.members(input) {
        let name = values.key(Some(key));
        let is_told = Some(name.as_ref()) == told
            || has_when
                && match name.as_ref() {
                    "conditions" | "operand" => true,
                    "type" => doc.raw(value) == "compound",
                    _ => false,
                };
        if is_told {
            continue;
        }
        let mut path = String::new();
        push_key(&mut path, &name);
        for mut leaf in leaves_below(doc, value, &path) {
            leaf.key = leaf.key.or(Some(key));
            lines.extend(values.leaf(&leaf).lines(&leaf.path));
        }
    }
    lines
}

/// Returns a line or more for every other key that means something.
fn others(
    recipe: &Recipe<'_, '_>,
    values: &Values<'_, '_, '_>,
    step: &Step<'_>,
    has_filter: bool,
) -> Vec<String> {
    let doc = recipe.doc;
    let mut lines = Vec::new();
    for (key, value) in doc.members(step.node) {
        let name = values.key(Some(key));
        let is_told = match name.as_ref() {
            "keyword" | "as" | "uuid" => doc.tag(value) == Tag::String,
            "provider" | "name" => doc.tag(value) == Tag::String || doc.tag(value) == Tag::Null,
            "block" | "input" | "source" => true,
            "repeat_mode" | "batch_size" => doc.get(step.node, "source").is_some(),
            "comment" => doc.tag(value) == Tag::String,
            "filter" => has_filter,
            "skip" | "unfinished" => is_true(recipe, step, &name),
            "job_report_schema" | "job_report_config" => step.is_trigger(),
            _ => false,
        };
        let row = Place::Step.member(&doc.decoded(key));
        if is_told || is_aside(Level::Meaning, row, doc, step.node, value) {
            continue;
        }
        let mut path = String::new();
        push_key(&mut path, &name);
        for leaf in leaves(doc, value) {
            let dot = if leaf.path.is_empty() || leaf.path.starts_with('[') { "" } else { "." };
            let key = leaf.key.or(Some(key));
            let shown = values.value(&values.key(key), leaf.node);
            lines.extend(shown.lines(&format!("({path}{dot}{})", leaf.path)));
        }
    }
    lines
}

fn is_true(recipe: &Recipe<'_, '_>, step: &Step<'_>, key: &str) -> bool {
    let doc = recipe.doc;
    doc.get(step.node, key)
        .is_some_and(|value| doc.tag(value) == Tag::Bool && !is_empty(doc, value, &["false"]))
}
