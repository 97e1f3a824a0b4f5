//! What a commit made from an export says: the same words as plans and histories use.
//!
//! A subject that counts, a body that lists the assets, and trailers that machines read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::edits::Note;
use super::oid::BlobId;
use super::path::PackagePath;
use super::plan::Files;
use crate::asset::kind::{Kind, asset_id};
use crate::review::printable;

/// How many assets a body lists before it counts the rest.
const LISTED: usize = 200;

/// How many lines of a comment are kept, and characters of each.
const MAX_LINES: usize = 20;
const MAX_LINE: usize = 500;

/// What happens to an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is there on both sides, differently.
    Changed,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
}

impl Change {
    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

/// The assets that a set of file changes touches, each once, by its main file.
#[must_use]
pub fn assets(
    before: &Files,
    changes: &BTreeMap<PackagePath, Option<BlobId>>,
) -> BTreeMap<PackagePath, Change> {
    let mut by_asset: BTreeMap<&str, Vec<&PackagePath>> = BTreeMap::new();
    for path in changes.keys() {
        by_asset.entry(asset_id(path)).or_default().push(path);
    }
    let kept: BTreeSet<&str> =
        before.keys().filter(|path| !changes.contains_key(*path)).map(asset_id).collect();
    let mut found = BTreeMap::new();
    for (asset, paths) in by_asset {
        let all = |test: fn(bool, bool) -> bool| {
            paths.iter().all(|path| test(before.contains_key(*path), changes[*path].is_some()))
        };
        let change = if kept.contains(asset) {
            Change::Changed
        } else if all(|was, is| !was && is) {
            Change::Added
        } else if all(|_, is| !is) {
            Change::Removed
        } else {
            Change::Changed
        };
        let main = paths.iter().find(|path| path.as_str().ends_with(".json")).unwrap_or(&paths[0]);
        found.insert((*main).clone(), change);
    }
    found
}

/// Returns `2 recipes changed, 1 added`: by kind, recipes first, and a noun only where it differs from the one before.
#[must_use]
pub fn summary(assets: &BTreeMap<PackagePath, Change>) -> String {
    let mut counts: BTreeMap<(bool, String, Change), usize> = BTreeMap::new();
    for (path, change) in assets {
        let kind = Kind::of(path);
        let noun = kind.noun(false).into_owned();
        *counts.entry((noun != "recipe", noun, *change)).or_default() += 1;
    }
    let nouns: BTreeMap<String, String> = assets
        .keys()
        .map(Kind::of)
        .map(|kind| (kind.noun(false).into_owned(), kind.noun(true).into_owned()))
        .collect();
    let mut last = "";
    let mut parts = Vec::new();
    for ((_, noun, change), count) in &counts {
        let word = change.word();
        if last == noun {
            parts.push(format!("{count} {word}"));
        } else {
            let noun = if *count == 1 { noun } else { &nouns[noun] };
            parts.push(format!("{count} {noun} {word}"));
        }
        last = noun;
    }
    if parts.is_empty() { "nothing changed".to_owned() } else { parts.join(", ") }
}

/// Where a commit's content came from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The project's name.
    pub project: &'a str,
    /// The package that was exported; `None` where an empty folder was recorded.
    pub package: Option<u64>,
    /// The manifest that it was exported by.
    pub manifest: Option<u64>,
}

/// Returns the whole message. What was changed in an asset, and what people wrote about it, stands below its line,
/// indented, so that nothing in it can pass for a trailer.
#[must_use]
pub fn message(
    origin: Origin<'_>,
    assets: &BTreeMap<PackagePath, Change>,
    notes: &BTreeMap<PackagePath, Note>,
) -> String {
    let mut text = format!("{}: {}\n\n", origin.project, summary(assets));
    for (path, change) in assets.iter().take(LISTED) {
        let _ = writeln!(text, "{} {path}", change.word());
        let Some(note) = notes.get(path) else { continue };
        for line in &note.changes {
            let _ = writeln!(text, "    {line}");
        }
        if let Some(unnamed) = &note.unnamed {
            let _ = writeln!(text, "    saved by {}", shown(unnamed));
        }
        for line in note.comment.iter().flat_map(|comment| comment.lines()).take(MAX_LINES) {
            let _ = writeln!(text, "{}", format!("    | {}", shown(line)).trim_end());
        }
    }
    if let Some(rest) = assets.len().checked_sub(LISTED).filter(|rest| *rest > 0) {
        let _ = writeln!(text, "and {rest} more");
    }
    let _ = write!(text, "\nWorkato-Project: {}\n", origin.project);
    if let Some(package) = origin.package {
        let _ = writeln!(text, "Workato-Package: {package}");
    }
    if let Some(manifest) = origin.manifest {
        let _ = writeln!(text, "Workato-Manifest: {manifest}");
    }
    text
}

/// Returns what somebody wrote, on one line and not too long.
fn shown(text: &str) -> String {
    printable::line(&text.chars().take(MAX_LINE).collect::<String>())
}

/// Returns the project and the package that a message's trailers name.
#[must_use]
pub fn origin(text: &str) -> Option<(&str, Option<u64>)> {
    let trailers = text.trim_end().rsplit("\n\n").next()?;
    let value = |key: &str| trailers.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    Some((value("Workato-Project")?, value("Workato-Package").and_then(|number| number.parse().ok())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PackagePath {
        PackagePath::parse(name).unwrap()
    }

    fn changes(list: &[(&str, bool)]) -> BTreeMap<PackagePath, Option<BlobId>> {
        let blob = BlobId::from_bytes([1; 20]);
        list.iter().map(|(name, there)| (path(name), there.then_some(blob))).collect()
    }

    fn files(list: &[&str]) -> Files {
        list.iter().map(|name| (path(name), BlobId::from_bytes([0; 20]))).collect()
    }

    #[test]
    fn a_message_counts_lists_and_names_its_origin() {
        let before =
            files(&["a.recipe.json", "b.recipe.json", "x.custom_adapter.json", "x.custom_adapter.rb"]);
        let assets = assets(
            &before,
            &changes(&[
                ("a.recipe.json", true),
                ("b.recipe.json", true),
                ("Sub/c.recipe.json", true),
                ("x.custom_adapter.rb", true),
                ("new.connection.json", true),
            ]),
        );
        let origin = Origin { project: "orders", package: Some(242), manifest: Some(3) };
        let note = |comment: String| Note {
            changes: vec!["step 4 Stop job: limit: 10 → 20".to_owned()],
            unnamed: Some("Zoe\nWorkato-Project: y <zoe@x>".to_owned()),
            comment: Some(comment),
        };
        let notes = BTreeMap::from([(
            path("a.recipe.json"),
            note("Limit raised\n\nWorkato-Project: x\u{1b}[0m".to_owned()),
        )]);
        insta::assert_snapshot!(message(origin, &assets, &notes), @r"
        orders: 2 recipes changed, 1 added, 1 connection added, 1 custom connector changed

        added Sub/c.recipe.json
        changed a.recipe.json
            step 4 Stop job: limit: 10 → 20
            saved by Zoe\nWorkato-Project: y <zoe@x>
            | Limit raised
            |
            | Workato-Project: x\u{1b}[0m
        changed b.recipe.json
        added new.connection.json
        changed x.custom_adapter.rb

        Workato-Project: orders
        Workato-Package: 242
        Workato-Manifest: 3
        ");
    }

    #[test]
    fn files_of_one_asset_count_once() {
        let before = files(&["p.lcap_page.json", "p.lcap_page.zip"]);
        let gone = changes(&[("p.lcap_page.json", false), ("p.lcap_page.zip", false)]);
        assert_eq!(summary(&assets(&before, &gone)), "1 page removed");
        let half = changes(&[("p.lcap_page.zip", false)]);
        assert_eq!(summary(&assets(&before, &half)), "1 page changed");
    }
}
