//! The outlines of small assets: connections, connectors, the API, properties.

use crate::asset::fields::Place;
use crate::asset::json::{Doc, Node, Tag};
use crate::asset::kind::Kind;

use super::super::leaf::push_key;
use super::super::names;
use super::super::value::Values;
use super::{How, Writer, generic, raw};

/// Settings of an endpoint that are as good as none.
const ENDPOINT_DEFAULTS: [(&str, &str); 3] =
    [("legacy", "false"), ("use_cache", "false"), ("validate_request", "false")];

/// Writes a connection.
pub(super) fn connection(out: &mut Writer, doc: &Doc<'_>) {
    let values = Values::plain(doc);
    generic::head(out, &values, &Kind::Connection, "name");
    if let Some(provider) = doc.get(doc.root(), "provider") {
        let told = match doc.text(provider).filter(|_| doc.tag(provider) == Tag::String) {
            Some(provider) => names::connector(&provider).into_owned(),
            None => values.value("provider", provider).into_line(),
        };
        out.line(0, &format!("connector: {told}"));
    }
    if let Some(tunnel) = member(doc, "secure_gateway_tunnel_name").filter(|node| doc.tag(*node) != Tag::Null)
    {
        out.lines(0, values.value("tunnel", tunnel).lines("tunnel"));
    }
    let is_plain = member(doc, "root_folder").is_none_or(|node| doc.tag(node) == Tag::Bool);
    if member(doc, "root_folder").is_some_and(|node| is(doc, node, "true")) {
        out.line(0, "in the root folder");
    }
    let known = ["name", "provider", "secure_gateway_tunnel_name", "root_folder"];
    generic::rest(out, &values, Place::of(&Kind::Connection), &known[..if is_plain { 4 } else { 3 }]);
}

/// Writes a custom connector, with its source if that is at hand.
pub(super) fn adapter(out: &mut Writer, doc: &Doc<'_>, source: Option<&[u8]>) {
    let values = Values::plain(doc);
    generic::head(out, &values, &Kind::CustomAdapter, "title");
    generic::rest(out, &values, Place::of(&Kind::CustomAdapter), &["title"]);
    if let Some(source) = source {
        let (how, text) = raw("", source);
        let told = if how == How::Text { String::new() } else { format!(", {how}") };
        out.line(0, &format!("source: {} lines{told}", text.lines().count()));
        out.gap();
        out.text.push_str(&text);
    }
}

/// Writes an API endpoint.
pub(super) fn endpoint(out: &mut Writer, doc: &Doc<'_>) {
    let values = Values::plain(doc);
    generic::head(out, &values, &Kind::ApiEndpoint, "name");
    let told = |key: &str| member(doc, key).map(|node| values.value(key, node).into_line());
    let call = [told("method"), told("path")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let recipe =
        told("recipe_id").filter(|recipe| recipe != "null").unwrap_or_else(|| "no recipe".to_owned());
    out.line(0, &format!("{call} → {recipe}"));
    if let Some(group) = told("api_group_id").filter(|group| group != "null") {
        out.line(0, &format!("group: {group}"));
    }
    let mut known = vec!["name", "method", "path", "recipe_id", "api_group_id"];
    let is_default =
        |(key, default): &(&str, &str)| member(doc, key).is_some_and(|node| is(doc, node, default));
    known.extend(ENDPOINT_DEFAULTS.iter().filter(|row| is_default(row)).map(|(key, _)| *key));
    generic::rest(out, &values, Place::of(&Kind::ApiEndpoint), &known);
}

/// Writes a list of properties: their names, and the values that there are.
pub(super) fn properties(out: &mut Writer, doc: &Doc<'_>) {
    let values = Values::plain(doc);
    if doc.tag(doc.root()) != Tag::Object {
        return generic::plain(out, doc);
    }
    out.line(0, "properties");
    for (key, value) in doc.members(doc.root()) {
        let name = values.key(Some(key));
        let mut path = String::new();
        push_key(&mut path, &name);
        match doc.tag(value) {
            Tag::Null => out.line(2, &path),
            _ => out.lines(2, values.value(&name, value).lines(&path)),
        }
    }
}

fn member(doc: &Doc<'_>, key: &str) -> Option<Node> {
    doc.get(doc.root(), key)
}

/// Returns whether a value is this one, which is no text.
fn is(doc: &Doc<'_>, node: Node, text: &str) -> bool {
    doc.tag(node) != Tag::String && doc.raw(node) == text
}
