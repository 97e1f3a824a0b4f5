//! The outline of a recipe.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::asset::aside::is_aside;
use crate::asset::compare::Level;
use crate::asset::fields::Place;
use crate::asset::json::{Doc, Node, Tag};
use crate::asset::reference::Reference;

use super::super::leaf::{leaves_below, push_key};
use super::super::names;
use super::super::printable::line;
use super::super::recipe::{Recipe, string};
use super::super::render::Labels;
use super::super::step;
use super::super::value::{Values, json, reference_text};
use super::{Numbers, Writer};

/// Writes a recipe's outline.
pub(super) fn write(out: &mut Writer, recipe: &Recipe<'_, '_>, numbers: Numbers) {
    let labels = match numbers {
        Numbers::Shown => Labels::numbered(recipe),
        Numbers::Stable => Labels::stable(recipe),
    };
    let values = Values::with_pills(recipe.doc, &labels);
    head(out, recipe, &values);
    connections(out, recipe);
    out.gap();
    out.line(0, "steps");
    let digits = recipe.steps.len().saturating_sub(1).to_string().len();
    let width = (digits + 1).max(4);
    for step in &recipe.steps {
        let title = step::title(recipe, &values, step.number);
        let indent = 2 + 2 * step.depth;
        let below = match numbers {
            Numbers::Shown => {
                let number = format!("{:<width$}{}{title}", step.number, "  ".repeat(step.depth));
                out.line(2, &number);
                indent + width
            }
            Numbers::Stable => {
                let alias = step.alias.as_ref().map(|alias| format!("  @{}", line(alias)));
                out.line(indent, &(title + &alias.unwrap_or_default()));
                indent
            }
        };
        out.lines(below + 4, step::body(recipe, &values, step.number));
    }
    job_report(out, recipe, &values);
}

/// Writes the name and the settings.
fn head(out: &mut Writer, recipe: &Recipe<'_, '_>, values: &Values<'_, '_, '_>) {
    let (doc, root) = (recipe.doc, recipe.doc.root());
    let plain = Values::plain(doc);
    let member = |key: &str| doc.get(root, key);
    match member("name") {
        Some(name) => out.lines(0, plain.value("name", name).lines("recipe")),
        None => out.line(0, "recipe: (no name)"),
    }
    let is_told = |key: &str, value: Node| {
        let row = Place::Recipe.member(key.as_bytes());
        !is_aside(Level::Meaning, row, doc, root, value)
    };
    if let Some(description) = member("description").filter(|value| is_told("description", *value)) {
        out.lines(0, plain.value("description", description).lines("description"));
    }
    let yes_no = |value: Node| match doc.raw(value) {
        "true" if doc.tag(value) == Tag::Bool => "yes".to_owned(),
        "false" if doc.tag(value) == Tag::Bool => "no".to_owned(),
        _ => plain.value("private", value).into_line(),
    };
    let private = member("private").map(|value| format!("private: {}", yes_no(value)));
    let concurrency = member("concurrency")
        .map(|value| format!("concurrency: {}", plain.value("concurrency", value).into_line()));
    let settings: Vec<String> = private.into_iter().chain(concurrency).collect();
    if !settings.is_empty() {
        out.line(0, &settings.join("   "));
    }
    for (key, value) in doc.members(root) {
        let name = values.key(Some(key));
        let known = ["name", "description", "private", "concurrency", "code", "config"];
        if known.contains(&name.as_ref()) || !is_told(&name, value) {
            continue;
        }
        let mut path = String::new();
        push_key(&mut path, &name);
        for mut leaf in leaves_below(doc, value, &path) {
            leaf.key = leaf.key.or(Some(key));
            out.lines(0, values.leaf(&leaf).lines(&leaf.path));
        }
    }
}

/// Writes the connectors that have a connection, or a setting of their own.
fn connections(out: &mut Writer, recipe: &Recipe<'_, '_>) {
    let doc = recipe.doc;
    let mut entries: Vec<(String, String, String)> = Vec::new();
    for entry in &recipe.config {
        let provider = string(doc, *entry, "provider").unwrap_or_default();
        let title = if provider.is_empty() { "(no connector)".into() } else { names::connector(&provider) };
        if let Some(told) = entry_text(doc, *entry) {
            entries.push((title.into_owned(), line(&provider), told));
        }
    }
    if entries.is_empty() {
        return;
    }
    entries.sort();
    out.gap();
    out.line(0, "connections");
    for (at, (title, provider, told)) in entries.iter().enumerate() {
        let same = |other: Option<&(String, _, _)>| other.is_some_and(|(other, ..)| other == title);
        let is_doubled = same(entries.get(at + 1)) || at > 0 && same(entries.get(at - 1));
        let provider =
            if is_doubled && !provider.is_empty() { format!(" ({provider})") } else { String::new() };
        out.line(2, &format!("{title}{provider}: {told}"));
    }
}

/// Returns what an entry of the list of connectors says; none if only that the connector is used.
fn entry_text(doc: &Doc<'_>, entry: Node) -> Option<String> {
    if doc.tag(entry) != Tag::Object {
        return Some(Values::plain(doc).value("", entry).into_line());
    }
    let mut connection = None;
    let mut told = Vec::new();
    for (key, value) in doc.members(entry) {
        let row = Place::ConfigEntry.member(&doc.decoded(key));
        if is_aside(Level::Meaning, row, doc, entry, value) {
            continue;
        }
        let is_true = doc.tag(value) == Tag::Bool && doc.raw(value) == "true";
        match doc.raw(key) {
            "provider" if doc.tag(value) == Tag::String => {}
            "keyword" if doc.raw(value) == "application" => {}
            "account_id" => {
                let reference = Reference::read(doc, value, true).filter(|_| doc.tag(value) == Tag::Object);
                connection = Some(
                    reference.map_or_else(|| json(doc, "account_id", value), |known| reference_text(&known)),
                );
            }
            "personalization" if is_true => told.push("each user’s own connection".to_owned()),
            "skip_validation" if is_true => told.push("validation skipped".to_owned()),
            key => told.push(format!("{} {}", line(key), Values::plain(doc).value(key, value).into_line())),
        }
    }
    if connection.is_none() && told.is_empty() {
        return None;
    }
    told.insert(0, connection.unwrap_or_else(|| "no connection".to_owned()));
    Some(told.join(", "))
}

/// Writes the columns of the job report, and what goes there.
fn job_report(out: &mut Writer, recipe: &Recipe<'_, '_>, values: &Values<'_, '_, '_>) {
    let (doc, trigger) = (recipe.doc, recipe.steps[0].node);
    let schema = doc.get(trigger, "job_report_schema");
    let config = doc.get(trigger, "job_report_config");
    let mut lines = Vec::new();
    let columns = schema.into_iter().flat_map(|schema| doc.items(schema));
    let labels: HashMap<Cow<'_, str>, Cow<'_, str>> = columns
        .filter_map(|column| Some((string(doc, column, "name")?, string(doc, column, "label")?)))
        .collect();
    for node in config.into_iter().chain(schema) {
        let is_config = Some(node) == config && doc.tag(node) == Tag::Object;
        for (key, value) in doc.members(node).filter(|_| is_config) {
            let name = values.key(Some(key));
            let label = line(labels.get(&name).unwrap_or(&name));
            for leaf in leaves_below(doc, value, "") {
                let dot = if leaf.path.is_empty() || leaf.path.starts_with('[') { "" } else { "." };
                let shown = values.value(&values.key(leaf.key.or(Some(key))), leaf.node);
                lines.extend(shown.lines(&format!("{label}{dot}{}", leaf.path)));
            }
        }
        if !is_config && Some(node) == config {
            lines.extend(values.value("job_report_config", node).lines("(config)"));
        }
    }
    if let Some(schema) = schema {
        let is_used = |column: Node| {
            let name = string(doc, column, "name");
            config.zip(name).is_some_and(|(config, name)| doc.get(config, &name).is_some())
        };
        let rest: Vec<String> = doc
            .items(schema)
            .filter(|column| !is_used(*column))
            .map(|column| json(doc, "", column))
            .collect();
        lines.extend(rest.into_iter().map(|column| format!("(column) {column}")));
        if doc.tag(schema) != Tag::Array {
            lines.push(format!("(schema): {}", json(doc, "", schema)));
        }
    }
    if !lines.is_empty() {
        out.gap();
        out.line(0, "job report");
        out.lines(2, lines);
    }
}
