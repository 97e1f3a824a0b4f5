//! The outlines of lookup tables and data tables: their columns, and the rows that came along.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::asset::aside::{is_aside, is_empty};
use crate::asset::compare::Level;
use crate::asset::fields::Place;
use crate::asset::json::{Doc, Node, Tag};
use crate::asset::kind::Kind;

use super::super::hidden::{HIDDEN, is_hidden};
use super::super::printable::line;
use super::super::recipe::string;
use super::super::value::{Values, json};
use super::{Writer, generic};

/// Writes a table.
pub(super) fn write(out: &mut Writer, doc: &Doc<'_>, kind: &Kind) {
    let values = Values::plain(doc);
    generic::head(out, &values, kind, "name");
    let objects = |key: &str| {
        let list = doc.get(doc.root(), key).filter(|list| doc.tag(*list) == Tag::Array)?;
        doc.items(list)
            .map(|item| (doc.tag(item) == Tag::Object).then_some(item))
            .collect::<Option<Vec<Node>>>()
    };
    let (columns, rows) = (objects("schema"), objects("data"));
    let mut told = vec!["name"];
    told.extend(columns.as_ref().map(|_| "schema"));
    told.extend(rows.as_ref().map(|_| "data"));
    generic::rest(out, &values, Place::of(kind), &told);
    let columns = columns.unwrap_or_default();
    if told.contains(&"schema") {
        out.gap();
        out.line(0, "columns");
        write_columns(out, &values, &columns);
    }
    if let Some(rows) = rows {
        out.gap();
        out.line(0, &format!("rows: {}", rows.len()));
        write_rows(out, doc, &columns, &rows);
    }
}

fn write_columns(out: &mut Writer, values: &Values<'_, '_, '_>, columns: &[Node]) {
    let doc = values.doc;
    let (mut unused, mut system) = (Vec::new(), Vec::new());
    for column in columns {
        let title = title(doc, *column);
        let is_true = |key: &str| doc.get(*column, key).is_some_and(|node| doc.raw(node) == "true");
        if is_unused(&title) {
            unused.push(title);
        } else if is_true("hidden") && is_true("read_only") {
            system.push(title);
        } else {
            out.line(2, &column_text(values, *column, &title));
        }
    }
    for (what, titles) in [("unused", unused), ("hidden system columns", system)] {
        if !titles.is_empty() {
            let titles: Vec<String> = titles.iter().map(|title| line(title)).collect();
            out.line(2, &format!("({what}: {})", titles.join(", ")));
        }
    }
}

/// Returns what a column is called: its label or title, else its name or id.
fn title<'a>(doc: &Doc<'a>, column: Node) -> Cow<'a, str> {
    let keys = ["label", "title", "name", "id"];
    keys.into_iter().find_map(|key| string(doc, column, key)).unwrap_or(Cow::Borrowed("(no name)"))
}

fn is_unused(title: &str) -> bool {
    let number = title.strip_prefix("Untitled column ");
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn column_text(values: &Values<'_, '_, '_>, column: Node, title: &str) -> String {
    let doc = values.doc;
    let sort = string(doc, column, "type");
    let mut said = format!("{}: {}", line(title), line(sort.as_deref().unwrap_or("any")));
    let relation = relation(values, column);
    for (key, value) in doc.members(column) {
        let name = values.key(Some(key));
        let is_bool = doc.tag(value) == Tag::Bool;
        let is_told = match name.as_ref() {
            "title" | "label" | "id" | "type" => doc.tag(value) == Tag::String,
            "name" => string(doc, column, "label").is_some(),
            "control_type" => doc.raw(value) == "text",
            "read_only" | "hidden" | "required" => is_bool && doc.raw(value) == "false",
            "relation" => relation.is_some(),
            _ => is_empty(doc, value, &[]),
        };
        let row = Place::Column.member(&doc.decoded(key));
        if is_told || is_aside(Level::Meaning, row, doc, column, value) {
            continue;
        }
        said.extend([", ", &line(&name)]);
        if !is_bool || doc.raw(value) == "false" {
            said.extend([" ", &values.value(&name, value).into_line()]);
        }
    }
    said.push_str(&relation.unwrap_or_default());
    said
}

/// Returns which column of which table a column refers to.
fn relation(values: &Values<'_, '_, '_>, column: Node) -> Option<String> {
    let doc = values.doc;
    let relation = doc.get(column, "relation")?;
    let table = values.value("table_id", doc.get(relation, "table_id")?).into_line();
    let field = string(doc, relation, "field_id")?;
    (doc.members(relation).count() == 2).then(|| format!(", → {table}.{}", line(&field)))
}

/// Writes rows as comma-separated values, a line each, with the columns' titles above.
fn write_rows(out: &mut Writer, doc: &Doc<'_>, columns: &[Node], rows: &[Node]) {
    let used: HashSet<Cow<'_, str>> =
        rows.iter().flat_map(|row| doc.members(*row)).filter_map(|(key, _)| doc.text(key)).collect();
    let mut known: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    let mut keys = HashSet::new();
    for column in columns {
        let Some(key) = string(doc, *column, "name").or_else(|| string(doc, *column, "id")) else { continue };
        let title = title(doc, *column);
        if (!is_unused(&title) || used.contains(&key)) && keys.insert(key.clone()) {
            known.push((key, title));
        }
    }
    let titles: Vec<String> = known.iter().map(|(_, title)| cell(title)).collect();
    out.line(2, &titles.join(","));
    for row in rows {
        let mut cells = Vec::with_capacity(known.len());
        for (key, title) in &known {
            cells.push(match doc.get(*row, key) {
                None => String::new(),
                Some(value) => match doc.text(value).filter(|_| doc.tag(value) == Tag::String) {
                    Some(text) if is_hidden(title, &text) => HIDDEN.to_owned(),
                    Some(text) => cell(&text),
                    None => cell(&json(doc, title, value)),
                },
            });
        }
        let others =
            doc.members(*row).filter(|(key, _)| doc.text(*key).is_none_or(|key| !keys.contains(&key)));
        for (key, value) in others {
            let name = doc.text(key).unwrap_or(Cow::Borrowed(doc.raw(key)));
            cells.push(cell(&format!("{}={}", line(&name), json(doc, &name, value))));
        }
        out.line(2, &cells.join(","));
    }
}

/// Returns a cell on one line, in quotes where it would be read as several.
fn cell(text: &str) -> String {
    let text = line(text);
    if text.contains([',', '"']) || text.starts_with(' ') || text.ends_with(' ') {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}
