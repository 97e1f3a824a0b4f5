//! What became of one file in a few lines, in the words of a comparison: for commit messages, plans and histories.

use std::collections::{BTreeMap, BTreeSet};

use super::change::AssetDiff;
use super::diff::{Input, LeftOut, diff};
use super::lines::{Depth, Sign, body};
use crate::model::path::PackagePath;

/// The most lines of a file, and the most characters of a line.
const MAX_LINES: usize = 10;
const MAX_CHARS: usize = 200;

/// Returns what was changed in a file, a line a change; of many the first, and how many more there are. Where nothing
/// differs in meaning, it says so. Safe to print.
#[must_use]
pub fn brief(path: &PackagePath, old: &[u8], new: &[u8]) -> Vec<String> {
    let side = |bytes: &[u8]| BTreeMap::from([(path.clone(), bytes.to_vec())]);
    let found = diff(&Input {
        old: &side(old),
        new: &side(new),
        same: &BTreeSet::new(),
        read_same: &|_| None,
        left_out: (&LeftOut::new(), &LeftOut::new()),
        names: ("", ""),
        chosen: None,
        details: false,
    });
    let mut lines: Vec<String> = found.assets.iter().flat_map(told).collect();
    if lines.is_empty() {
        return found.assets.into_iter().map(|asset| asset.headline).take(1).collect();
    }
    let more = lines.len().saturating_sub(MAX_LINES);
    lines.truncate(MAX_LINES);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

/// A field of a step is told with its step; of a long value only that it changed.
fn told(asset: &AssetDiff) -> Vec<String> {
    let lines = body(asset, false);
    let mut told = Vec::new();
    let mut step = String::new();
    for (line, next) in lines.iter().zip(lines.iter().skip(1).map(Some).chain([None])) {
        let text = line.text();
        let sign = if line.sign == Sign::Changed { "" } else { line.sign.text() };
        match line.depth {
            // The outline of a step that is new or gone.
            Depth::Change if text.starts_with(' ') => {}
            Depth::Change if line.sign == Sign::Folded => {}
            Depth::Change if next.is_some_and(|next| next.depth == Depth::Field) => step = text,
            Depth::Change => told.push(shortened(&format!("{sign}{text}"))),
            Depth::Field if line.sign == Sign::Folded => {}
            Depth::Field => told.push(shortened(&format!("{step}: {sign}{text}"))),
            Depth::Asset | Depth::Value => {}
        }
    }
    told
}

fn shortened(text: &str) -> String {
    let text = text.strip_suffix(':').map_or_else(|| text.to_owned(), |field| format!("{field} changed"));
    let mut kept: String = text.chars().take(MAX_CHARS).collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(inputs: &[(&str, &str)], more: &str) -> Vec<u8> {
        let input: Vec<String> = inputs.iter().map(|(name, value)| format!("{name:?}: {value:?}")).collect();
        let input = input.join(", ");
        format!(
            r#"{{"name": "R", "version": 3, "private": true, "concurrency": 1, "config": [], "code": {{
                "number": 0, "keyword": "trigger", "provider": "clock", "name": "scheduled_event", "as": "t", "uuid": "u0",
                "input": {{}}, "block": [{{
                    "number": 1, "keyword": "action", "provider": "salesforce", "name": "search_sobjects", "as": "a",
                    "uuid": "u1", "input": {{{input}}}}}{more}]}}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn changes_are_told_a_line_each_with_their_step() {
        let path = PackagePath::parse("r.recipe.json").unwrap();
        let step =
            r#", {"number": 2, "keyword": "stop", "uuid": "u2", "input": {"stop_with_error": "false"}}"#;
        let old = recipe(&[("limit", "10"), ("sql", "select a\nfrom b"), ("gone", "x")], "");
        let new = recipe(&[("limit", "20"), ("sql", "select a\nfrom c")], step);
        insta::assert_snapshot!(brief(&path, &old, &new).join("\n"), @r"
        step 1 Salesforce · Search records: - gone: x
        step 1 Salesforce · Search records: limit: 10 → 20
        step 1 Salesforce · Search records: sql changed
        + step 2 Stop job
        ");
        let version = String::from_utf8(old.clone()).unwrap().replace("\"version\": 3", "\"version\": 4");
        assert_eq!(brief(&path, &old, version.as_bytes()), ["no change in meaning"]);
    }

    #[test]
    fn many_changes_are_counted() {
        let path = PackagePath::parse("r.recipe.json").unwrap();
        let names: Vec<String> = (10..40).map(|number| format!("f{number}")).collect();
        let with = |value| recipe(&names.iter().map(|name| (name.as_str(), value)).collect::<Vec<_>>(), "");
        let lines = brief(&path, &with("a"), &with(&"b".repeat(500)));
        assert_eq!(lines.len(), MAX_LINES + 1);
        assert_eq!(lines[MAX_LINES], "and 20 more");
        assert!(lines.iter().all(|line| line.chars().count() <= MAX_CHARS + 1));
    }
}
