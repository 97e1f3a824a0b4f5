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
        head: &head,
        folded: &folded,
        command: options.command,
        written: sections.iter().map(|section| section.written(Cut::Nothing)).collect(),
        rows: &rows,
        rows_kept: rows.len(),
        is_short: false,
    };
    if utf16(&parts.text()) > limit {
        parts.is_short = true;
        parts.shorten(&sections, limit);
    }
    let text = parts.text();
    if utf16(&text) <= limit { text } else { clipped(&head, limit) }
}

/// What is written of each part.
#[derive(Clone)]
struct Parts<'p> {
    head: &'p str,
    folded: &'p str,
    command: &'p str,
    /// The sections, as far as they are not cut; one that is left out is empty.
    written: Vec<String>,
    rows: &'p [String],
    /// How many rows of the table.
    rows_kept: usize,
    /// Whether it says that something is missing.
    is_short: bool,
}

impl Parts<'_> {
    /// Leaves out what is least missed, until it fits.
    fn shorten(&mut self, sections: &[Section<'_>], limit: usize) {
        // Room for the line that counts what is left out, whatever the count will be.
        let spare = utf16(&note(self.command, sections.len())) - utf16(&note(self.command, 0));
        let limit = limit.saturating_sub(spare);
        let mut size = utf16(&self.text());
        let written: usize = self.written.iter().map(|text| utf16(text)).sum();
        let fixed = size - written;
        let least: usize = sections.iter().map(|section| utf16(&section.written(Cut::Fields))).sum();
        if fixed + least <= limit {
            for cut in CUTS {
                for at in self.largest_first() {
                    if size <= limit {
                        return;
                    }
                    let shorter = sections[at].written(cut);
                    size = size + utf16(&shorter) - utf16(&self.written[at]);
                    self.written[at] = shorter;
                }
            }
        }
        // Each gets the same share, and what the short ones leave of theirs goes to the longer ones.
        let mut room = limit.saturating_sub(fixed);
        for (left, at) in self.largest_first().into_iter().enumerate().rev() {
            self.written[at] = sections[at].fitting(room / (left + 1));
            room = room.saturating_sub(utf16(&self.written[at]));
        }
        size = utf16(&self.text());
        for at in self.largest_first() {
            if size <= limit {
                return;
            }
            // And the line before it.
            size -= utf16(&self.written[at]) + 1;
            self.written[at].clear();
        }
        let fits = |rows: usize| utf16(&Parts { rows_kept: rows, ..self.clone() }.text()) <= limit;
        let rows = greatest(self.rows.len(), fits);
        self.rows_kept = if rows < MIN_ROWS { 0 } else { rows };
    }

    /// Returns the sections by size; of those of one size the last one first.
    fn largest_first(&self) -> Vec<usize> {
        let mut largest: Vec<usize> = (0..self.written.len()).rev().collect();
        largest.sort_by_key(|at| std::cmp::Reverse(self.written[*at].len()));
        largest
    }

    fn text(&self) -> String {
        let mut out = self.head.to_owned();
        if !self.rows.is_empty() {
            out.push_str("\n| | Asset | Change |\n|---|---|---|\n");
            out.extend(self.rows[..self.rows_kept].iter().map(String::as_str));
            if self.rows_kept < self.rows.len() {
                out.push_str(&format!("| | … and {} more | |\n", self.rows.len() - self.rows_kept));
            }
        }
        out.push_str(self.folded);
        for section in self.written.iter().filter(|section| !section.is_empty()) {
            out.push('\n');
            out.push_str(section);
        }
        if self.is_short {
            let missing = self.written.iter().filter(|section| section.is_empty()).count();
            out.push_str(&note(self.command, missing));
        }
        out
    }
}

/// Returns the line that says that something is missing, and how many sections are.
fn note(command: &str, missing: usize) -> String {
    let command = escape::code(command);
    let missing = match missing {
        0 => String::new(),
        1 => ": 1 section is left out".to_owned(),
        missing => format!(": {missing} sections are left out"),
    };
    format!("\nShortened to fit into one comment{missing}. All of it: {command}\n")
}

/// Returns the greatest number, up to a largest one, of which something holds that holds of the smaller ones too.
fn greatest(most: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if holds(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
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
