//! A comparison as Markdown, for one comment on a pull request.
//!
//! Always below the limit: what is least missed is left out first, by whole lines, and it says so. No value stands
//! outside of a fence, and no name means anything to a forge.

use std::collections::HashMap;

use crate::asset::json::Doc;
use crate::asset::kind::Kind;

use super::change::{AssetChange, AssetDiff, Counts, Diff, Sameness};
use super::lines::{is_told, sign};
use super::recipe::Recipe;

use self::section::{CUTS, Cut, MAX_OPEN, Section, sign_text, title};

mod diagram;
mod escape;
mod section;

/// The most characters of a comment, with something to spare: GitHub takes 65,536.
pub const MAX_CHARS: usize = 65_000;
/// The fewest rows that a table is cut to before it is left out.
const MIN_ROWS: usize = 5;
/// The most groups of assets that the heading counts where there is a limit.
const MAX_GROUPS: usize = 8;

/// Returns the bytes of a file of the new side, by its path.
pub type NewSide<'o> = &'o dyn Fn(&str) -> Option<Vec<u8>>;

/// How the Markdown is to be.
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// What was compared, in a word: a project, or a path. The comment is found again by it.
    pub title: &'o str,
    /// The most characters, as UTF-16 counts them; 0 for no limit.
    pub max_chars: usize,
    /// With the values behind folds.
    pub details: bool,
    /// With a flow chart of each changed recipe, which is read from here.
    pub diagram: Option<NewSide<'o>>,
    /// What prints all of it, if it has to be shortened.
    pub command: &'o str,
}

/// Returns a comparison as Markdown.
#[must_use]
pub fn markdown(diff: &Diff, options: &Options<'_>) -> String {
    let limit = if options.max_chars == 0 { usize::MAX } else { options.max_chars };
    let mut assets: Vec<&AssetDiff> = diff
        .assets
        .iter()
        .filter(|asset| asset.change.is_some() || options.details && is_told(asset))
        .collect();
    assets.sort_by_key(|asset| order(asset));
    let few = assets.len() <= MAX_OPEN;
    let sections: Vec<Section<'_>> = assets
        .iter()
        .map(|asset| {
            let chart = options.diagram.and_then(|read| chart(asset, read));
            Section::new(asset, options.details, chart, few)
        })
        .collect();
    let rows: Vec<String> = assets.iter().map(|asset| row(asset)).collect();
    let head = head(diff, options, limit);
    let folded = folded(diff);
    let mut parts = Parts {
        written: sections.iter().map(|section| section.written(Cut::Nothing)).collect(),
        rows: rows.len(),
        note: false,
    };
    let whole = |parts: &Parts| parts.text(&head, &rows, &folded, options.command);
    let mut size = utf16(&whole(&parts));
    if size <= limit {
        return whole(&parts);
    }
    parts.note = true;
    size = utf16(&whole(&parts));
    for cut in CUTS {
        let mut largest: Vec<usize> = (0..sections.len()).collect();
        largest.sort_by_key(|at| std::cmp::Reverse(parts.written[*at].len()));
        for at in largest {
            if size <= limit {
                return whole(&parts);
            }
            let shorter = sections[at].written(cut);
            size = size + utf16(&shorter) - utf16(&parts.written[at]);
            parts.written[at] = shorter;
        }
    }
    while utf16(&whole(&parts)) > limit && parts.rows > 0 {
        parts.rows = if parts.rows > MIN_ROWS { (parts.rows / 2).max(MIN_ROWS) } else { 0 };
    }
    let text = whole(&parts);
    if utf16(&text) <= limit {
        return text;
    }
    clipped(&head, limit)
}

/// What is written of each part.
struct Parts {
    /// The sections, as far as they are not cut.
    written: Vec<String>,
    /// How many rows of the table.
    rows: usize,
    /// Whether it says that something is missing.
    note: bool,
}

impl Parts {
    fn text(&self, head: &str, rows: &[String], folded: &str, command: &str) -> String {
        let mut out = head.to_owned();
        if !rows.is_empty() {
            out.push_str("\n| | Asset | Change |\n|---|---|---|\n");
            out.extend(rows[..self.rows].iter().map(String::as_str));
            if self.rows < rows.len() {
                out.push_str(&format!("| | … and {} more | |\n", rows.len() - self.rows));
            }
        }
        out.push_str(folded);
        for section in self.written.iter().filter(|section| !section.is_empty()) {
            out.push('\n');
            out.push_str(section);
        }
        if self.note {
            let command = escape::code(command);
            out.push_str(&format!("\nShortened to fit into one comment. All of it: {command}\n"));
        }
        out
    }
}

/// Returns the marker and the heading: what is counted is told, whatever has to be left out.
fn head(diff: &Diff, options: &Options<'_>, limit: usize) -> String {
    let counts = counts(&diff.summary, if limit == usize::MAX { usize::MAX } else { MAX_GROUPS });
    let told = match (counts.is_empty(), diff.sameness) {
        (false, _) => counts,
        (true, Sameness::Bytes) => "identical".to_owned(),
        (true, _) => "nothing changed in meaning".to_owned(),
    };
    let marker = escape::marker(options.title);
    format!("<!-- recipesync:diff {marker} -->\n### {}: {told}\n", escape::name(options.title))
}

/// Returns what was counted, in words: `2 recipes changed, 1 connection added`.
fn counts(summary: &std::collections::BTreeMap<Kind, Counts>, most: usize) -> String {
    let mut told = Vec::new();
    for (word, number) in [
        ("removed", (|counts| counts.removed) as fn(&Counts) -> usize),
        ("added", |counts| counts.added),
        ("changed", |counts| counts.changed),
        ("moved", |counts| counts.moved),
    ] {
        for (kind, counts) in summary {
            let number = number(counts);
            if number > 0 {
                told.push(format!("{number} {} {word}", escape::name(&kind.noun(number != 1))));
            }
        }
    }
    let more = told.len().saturating_sub(most);
    told.truncate(most);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    told.join(", ") + &rest
}

/// Returns the line about what is not told one by one.
fn folded(diff: &Diff) -> String {
    let mut told = Vec::new();
    let ids = diff.connector_ids.len();
    if ids > 0 {
        let places: usize = diff.connector_ids.iter().map(|id| id.places).sum();
        let (word, place) =
            (if ids == 1 { "id" } else { "ids" }, if places == 1 { "place" } else { "places" });
        told.push(format!("Folded: {ids} connector {word} in {places} {place}."));
    }
    let generated = diff.assets.iter().filter(|asset| asset.change.is_none() && is_told(asset)).count();
    if generated > 0 {
        let files = if generated == 1 { "file differs" } else { "files differ" };
        told.push(format!("{generated} {files} only in generated fields."));
    }
    if told.is_empty() { String::new() } else { format!("\n<sub>{}</sub>\n", told.join(" ")) }
}

fn row(asset: &AssetDiff) -> String {
    let mark = sign_text(sign(asset)).replace("&gt;", ">");
    let (name, kind) = (escape::name(title(asset)), escape::name(&asset.kind.noun(false)));
    format!("| `{mark}` | {name} <sub>{kind}</sub> | {} |\n", escape::name(&asset.headline))
}

/// Removals before additions before changes.
fn order(asset: &AssetDiff) -> u8 {
    match asset.change {
        Some(AssetChange::Removed) => 0,
        Some(AssetChange::Added) => 1,
        Some(AssetChange::Changed) => 2,
        Some(AssetChange::Moved) => 3,
        None => 4,
    }
}

/// Returns the flow chart of a changed recipe.
fn chart(asset: &AssetDiff, read: NewSide<'_>) -> Option<String> {
    if asset.kind != Kind::Recipe || asset.change != Some(AssetChange::Changed) {
        return None;
    }
    let bytes = read(&asset.path)?;
    let doc = Doc::parse(&bytes).ok()?;
    let recipe = Recipe::read(&doc).ok()?;
    let mut marks = HashMap::new();
    for (number, mark) in
        section::step_changes(&asset.changes).filter(|(number, _)| *number < recipe.steps.len())
    {
        let known = marks.entry(number).or_insert(mark);
        *known = mark.max(*known);
    }
    // With a step that is new came those inside it.
    let blocks: Vec<usize> =
        marks.iter().filter(|(_, mark)| **mark == diagram::Mark::Added).map(|(at, _)| *at).collect();
    for block in blocks {
        for inside in block + 1..recipe.steps[block].end {
            marks.entry(inside).or_insert(diagram::Mark::Added);
        }
    }
    diagram::diagram(&recipe, &marks)
}

/// Returns how long a text is, as those count who count in UTF-16.
fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Returns the start of a heading for which there is hardly any room.
fn clipped(text: &str, limit: usize) -> String {
    let mut left = limit;
    let fitting = text.chars().take_while(|c| {
        let fits = c.len_utf16() <= left;
        left = left.saturating_sub(c.len_utf16());
        fits
    });
    fitting.collect()
}

#[cfg(test)]
mod tests;
