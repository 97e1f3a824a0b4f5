//! What there is to tell of an asset and of all of them, in a few words.

use std::collections::BTreeMap;

use crate::asset::kind::Kind;
use crate::review::change::{AssetChange, AssetDiff, Change, Counts, Diff, Op, Sameness, What};

/// Returns the headline of an asset that is on both sides.
pub(super) fn of(asset: &AssetDiff) -> String {
    let words = if asset.kind == Kind::Recipe
        && asset.changes.iter().any(|change| !matches!(change.what, What::Field | What::Text | What::Binary))
    {
        recipe(&asset.changes)
    } else {
        fields(&asset.changes)
    };
    if !words.is_empty() {
        return words.join(", ");
    }
    let is_bare = asset.folded.is_empty() && asset.volatile.is_empty();
    let text = if is_bare && asset.old_path.is_some() { "moved" } else { "no change in meaning" };
    text.to_owned()
}

fn recipe(changes: &[Change]) -> Vec<String> {
    let (mut added, mut removed, mut moved, mut settings) = (0, 0, 0, 0);
    let mut changed: Vec<(Option<usize>, Option<usize>)> = Vec::new();
    for change in changes {
        match (&change.step, change.what, change.op) {
            (None, ..) => settings += 1,
            (Some(_), What::Step, Op::Add) => added += 1 + change.inside,
            (Some(_), What::Step, Op::Remove) => removed += 1 + change.inside,
            (Some(_), What::Step, _) => moved += 1,
            (Some(step), ..) => changed.push((step.number, step.old_number)),
        }
    }
    changed.dedup();
    let steps = [(added, "added"), (removed, "removed"), (moved, "moved"), (changed.len(), "changed")];
    let mut words: Vec<String> = steps
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", count(*number, "step", "steps")))
        .collect();
    if settings > 0 {
        words.push(format!("{} changed", count(settings, "recipe setting", "recipe settings")));
    }
    words
}

fn fields(changes: &[Change]) -> Vec<String> {
    let mut words = Vec::new();
    let fields = |op: &[Op]| {
        let is_field = |change: &&Change| !matches!(change.what, What::Text | What::Binary);
        changes.iter().filter(is_field).filter(|change| op.contains(&change.op)).count()
    };
    let ops: [(&[Op], &str); 3] = [
        (&[Op::Add], "added"),
        (&[Op::Remove], "removed"),
        (&[Op::Replace, Op::Move, Op::Reorder], "changed"),
    ];
    for (op, word) in ops {
        if fields(op) > 0 {
            words.push(format!("{} {word}", count(fields(op), "field", "fields")));
        }
    }
    for change in changes.iter().filter(|change| change.what == What::Text) {
        let lines = |sign: char| {
            let text = change.new_text.as_deref().unwrap_or_default();
            text.lines().filter(|line| line.starts_with(sign)).count()
        };
        for (sign, word) in [('+', "added"), ('-', "removed")] {
            if lines(sign) > 0 {
                words.push(format!("{} {word}", count(lines(sign), "line", "lines")));
            }
        }
    }
    let binaries = changes.iter().filter(|change| change.what == What::Binary).count();
    if binaries > 0 {
        words.push(format!("{} changed", count(binaries, "binary file", "binary files")));
    }
    words
}

/// Returns what there is to tell of all assets.
#[must_use]
pub fn summary(diff: &Diff) -> String {
    if diff.sameness == Sameness::Bytes {
        return "Identical.".to_owned();
    }
    let mut words = Vec::new();
    for (kind, counts) in &diff.summary {
        for (number, change) in [
            (counts.changed, AssetChange::Changed),
            (counts.added, AssetChange::Added),
            (counts.removed, AssetChange::Removed),
            (counts.moved, AssetChange::Moved),
        ] {
            if number > 0 {
                words.push(format!("{number} {} {}", kind.noun(number != 1), change.word()));
            }
        }
    }
    if words.is_empty() {
        return "Nothing changed in meaning.".to_owned();
    }
    let is_folded = |asset: &&AssetDiff| {
        asset.change.is_none() && !(asset.folded.is_empty() && asset.volatile.is_empty())
    };
    let folded = diff.assets.iter().filter(is_folded).count();
    match folded {
        0 => {}
        1 => words.push("1 file differs only in generated fields".to_owned()),
        _ => words.push(format!("{folded} files differ only in generated fields")),
    }
    words.join("; ")
}

/// Counts assets by kind and by what became of them.
pub(super) fn counts(assets: &[AssetDiff], unchanged: impl Iterator<Item = Kind>) -> BTreeMap<Kind, Counts> {
    let mut all: BTreeMap<Kind, Counts> = BTreeMap::new();
    unchanged.for_each(|kind| all.entry(kind).or_default().unchanged += 1);
    for asset in assets {
        let counts = all.entry(asset.kind.clone()).or_default();
        match asset.change {
            Some(AssetChange::Added) => counts.added += 1,
            Some(AssetChange::Removed) => counts.removed += 1,
            Some(AssetChange::Changed) => counts.changed += 1,
            Some(AssetChange::Moved) => counts.moved += 1,
            None => counts.unchanged += 1,
        }
    }
    all
}

/// Returns a number with its word.
fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
