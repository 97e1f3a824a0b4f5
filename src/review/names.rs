//! What connectors, operations and control flow are called.
//!
//! The platform's own have a name in a table; all else is the technical name made readable. No name is looked up
//! anywhere.

use std::borrow::Cow;

use super::hidden::told;
use super::leaf::clipped;
use super::printable;
use super::recipe::Step;

/// The platform's own connectors, and those whose technical name says little.
const CONNECTORS: &[(&str, &str)] = &[
    ("clock", "Scheduler"),
    ("csv_parser", "CSV"),
    ("js_eval", "JavaScript code"),
    ("json_parser", "JSON"),
    ("lookup_table", "Lookup table"),
    ("py_eval", "Python code"),
    ("rb_eval", "Ruby code"),
    ("rest", "HTTP"),
    ("soap_connector", "SOAP"),
    ("workato_api_platform", "API platform"),
    ("workato_db_table", "Data table"),
    ("workato_genie", "Genie"),
    ("workato_list", "List"),
    ("workato_pub_sub", "Event streams"),
    ("workato_recipe_function", "Recipe function"),
    ("workato_smart_list", "Collection"),
    ("workato_template", "Message template"),
    ("workato_variable", "Variable"),
    ("workato_webhooks", "Webhooks"),
    ("workato_workflow_task", "Workflow apps"),
    ("xml_parser", "XML"),
];

/// Frequent operations whose technical name says little.
const OPERATIONS: &[(&str, &str)] = &[
    ("__adhoc_http_action", "Custom action"),
    ("create_custom_object", "Create record"),
    ("create_sobject", "Create record"),
    ("get_custom_object", "Get record"),
    ("make_request_v2", "Make request"),
    ("search_sobjects", "Search records"),
    ("search_sobjects_soql", "Search records using SOQL"),
    ("update_sobject", "Update record"),
    ("upsert_sobject", "Upsert record"),
];

const CONTROL: &[(&str, &str)] = &[
    ("if", "If"),
    ("elsif", "Else if"),
    ("else", "Else"),
    ("foreach", "For each"),
    ("repeat", "Repeat"),
    ("while_condition", "While"),
    ("try", "Handle errors"),
    ("catch", "On error"),
    ("stop", "Stop job"),
];

/// The longest name that is made of a technical one, in bytes: pills repeat it.
const MAX_NAME: usize = 200;

/// Returns what a connector is called.
#[must_use]
pub fn connector(provider: &str) -> Cow<'static, str> {
    match find(CONNECTORS, provider) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(readable(slug(provider))),
    }
}

/// Returns what an operation of a connector is called.
#[must_use]
pub fn operation(name: &str) -> Cow<'static, str> {
    match find(OPERATIONS, name) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(readable(name)),
    }
}

/// Returns what a keyword of control flow is called; none for triggers, actions and what is not known.
#[must_use]
pub fn control(keyword: &str) -> Option<&'static str> {
    find(CONTROL, keyword)
}

/// Returns what a step is called: what it is, or its connector and operation. On one line, safe to print.
#[must_use]
pub fn title(step: &Step<'_>) -> String {
    let mut title = String::new();
    match control(&step.keyword) {
        Some(word) if step.provider.is_none() && step.name.is_none() => return word.to_owned(),
        Some(word) => title.extend([word, ": "]),
        None if step.is_trigger() => title.push_str("Trigger: "),
        None if step.keyword == "action" => {}
        None if step.keyword.is_empty() => title.push_str("(no keyword) "),
        None => title.extend([&printable::line(&step.keyword), ": "]),
    }
    match (&step.provider, &step.name) {
        (Some(provider), Some(name)) => title.extend([&connector(provider), " · ", &operation(name)]),
        (Some(provider), None) => title.push_str(&connector(provider)),
        (None, Some(name)) => title.extend(["(no connector) · ", &operation(name)]),
        (None, None) => title.push_str("(no connector)"),
    }
    title
}

/// Returns what a step is called inside a pill: its operation or control word.
#[must_use]
pub fn short_title(step: &Step<'_>) -> Cow<'static, str> {
    match (control(&step.keyword), &step.name, &step.provider) {
        (Some(word), ..) => Cow::Borrowed(word),
        (None, Some(name), _) => operation(name),
        (None, None, Some(provider)) => connector(provider),
        (None, None, None) => Cow::Borrowed("(no operation)"),
    }
}

/// Returns a connector's name without the numbers that a workspace gives it.
#[must_use]
pub fn slug(provider: &str) -> &str {
    let numbers = |text: &str| {
        text.split_once('_').is_some_and(|(a, b)| {
            [a, b].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        })
    };
    match provider.rsplit_once("_connector_") {
        Some((slug, suffix)) if !slug.is_empty() && numbers(suffix) => slug,
        _ => provider,
    }
}

/// Returns a technical name as words: `_` as spaces, the first letter large. On one line, safe to print, and of a name
/// that nobody would read to its end the start.
#[must_use]
pub fn readable(name: &str) -> String {
    let name = told(name);
    if name.len() > MAX_NAME {
        return readable(clipped(name, MAX_NAME)) + "…";
    }
    let words = name.split('_').filter(|word| !word.is_empty());
    let text = words.collect::<Vec<_>>().join(" ");
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => printable::line(&first.to_uppercase().chain(letters).collect::<String>()),
        None => printable::line(name),
    }
}

fn find(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, title)| *title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_from_the_table_or_made_readable() {
        for (provider, name) in [
            ("workato_db_table", "Data table"),
            ("warehouse_api_connector_1234567_1700000000", "Warehouse api"),
            (
                "nabu_casa_home_assistant_cloud__connector_2100002083_1768260720",
                "Nabu casa home assistant cloud",
            ),
            ("my_connector", "My connector"),
            ("a_connector_1_", "A connector 1"),
            ("_connector_1_2", "Connector 1 2"),
            ("salesforce", "Salesforce"),
            ("éclair_x", "Éclair x"),
            ("__", "__"),
            ("x\n\u{202e}y", "X\\n\\u{202e}y"),
        ] {
            assert_eq!(connector(provider), name);
        }
        assert_eq!(operation(&"é".repeat(200)).chars().count(), MAX_NAME / 2 + 1);
        assert_eq!(operation("__adhoc_http_action"), "Custom action");
        assert_eq!(operation("post_expenses"), "Post expenses");
        assert_eq!(control("while_condition"), Some("While"));
        assert_eq!(control("action"), None);
    }
}
