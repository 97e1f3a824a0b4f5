//! A comparison as lines: what the text and the Markdown are made of.
//!
//! A line has a sign, and stands at one of four depths. How that looks is not decided here.

use std::borrow::Cow;

use super::change::{AssetChange, AssetDiff, Change, Content, FoldKind, Folded, Op, StepRef, What};
use super::hidden::HIDDEN;
use super::hunks::hunks;
use super::marks::{Span, marked};
use super::printable::{line, one_line};
use super::twins;

/// The most columns of an old and a new value on one line.
const MAX_COLUMNS: usize = 90;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How deep it stands.
    pub depth: Depth,
    /// What it says.
    pub sign: Sign,
    /// Its text, safe to print.
    pub spans: Vec<Span>,
}

/// How deep a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// An asset.
    Asset,
    /// A change, a fold, a volatile.
    Change,
    /// A field of a step.
    Field,
    /// A line of a value.
    Value,
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Something is new.
    Added,
    /// Something is gone.
    Removed,
    /// Something is another.
    Changed,
    /// Something is elsewhere.
    Moved,
    /// Something is folded or volatile.
    Folded,
    /// Where a part of a text is from.
    Header,
    /// A line of a text that is new.
    TextAdded,
    /// A line of a text that is gone.
    TextRemoved,
    /// A line of a text that stays.
    Text,
}

impl Sign {
    /// Returns the sign itself; lines of texts have theirs without a space behind it, or none.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Added => "+ ",
            Self::Removed => "- ",
            Self::Changed => "~ ",
            Self::Moved => "> ",
            Self::Folded => "· ",
            Self::Header => "",
            Self::TextAdded => "+",
            Self::TextRemoved => "-",
            Self::Text => " ",
        }
    }
}

impl Line {
    fn new(depth: Depth, sign: Sign, text: impl Into<String>) -> Self {
        Self { depth, sign, spans: vec![Span::plain(text)] }
    }

    /// Returns its text without marks.
    #[must_use]
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}

/// Returns the sign of an asset.
#[must_use]
pub const fn sign(asset: &AssetDiff) -> Sign {
    match asset.change {
        Some(AssetChange::Added) => Sign::Added,
        Some(AssetChange::Removed) => Sign::Removed,
        Some(AssetChange::Changed) => Sign::Changed,
        Some(AssetChange::Moved) => Sign::Moved,
        None => Sign::Folded,
    }
}

/// Returns whether there is something to tell of an asset.
#[must_use]
pub fn is_told(asset: &AssetDiff) -> bool {
    asset.change.is_some() || !asset.folded.is_empty() || !asset.volatile.is_empty()
}

/// Returns the line of an asset: what it is, what it is called and what there is to tell.
#[must_use]
pub fn heading(asset: &AssetDiff) -> Line {
    let both = |new: &str, old: &Option<String>| {
        let (new, old) = (line(new), old.as_deref().map(line));
        match old.as_deref().map(|old| twins::apart(&new, old)) {
            Some((new, old)) => (new.into_owned(), Some(old.into_owned())),
            None => (new, None),
        }
    };
    let (path, old_path) = both(&asset.path, &asset.old_path);
    let (name, old_name) = both(asset.name.as_deref().unwrap_or_default(), &asset.old_name);
    let mut text = format!("{} {path}", line(asset.kind.word()));
    if asset.name.is_some() {
        text.push_str(&format!(" “{name}”"));
    }
    if let Some(name) = old_name {
        text.push_str(&format!(" (was “{name}”)"));
    }
    if let Some(path) = old_path {
        text.push_str(&format!(" (from {path})"));
    }
    text.extend([": ", &asset.headline]);
    Line::new(Depth::Asset, sign(asset), text)
}

/// Returns the lines below an asset's: its changes, folds and volatiles. With `details` the values behind folds as well.
#[must_use]
pub fn body(asset: &AssetDiff, details: bool) -> Vec<Line> {
    let mut lines = changes(&asset.changes);
    for id in &asset.connector_ids {
        let kept = super::names::slug(&id.old).len() + "_connector".len();
        let new = id.new.get(kept..).map_or_else(|| id.new.clone(), |end| format!("…{end}"));
        let text = format!("connector ids: {} → {new} ({})", id.old, places(id.places));
        lines.push(Line::new(Depth::Change, Sign::Folded, one_line(&text)));
    }
    let mut rest = &asset.folded[..];
    while let Some(first) = rest.first() {
        let length = rest.iter().take_while(|other| other.what == first.what).count();
        let (same, behind) = rest.split_at(length);
        lines.extend(fold(first.what, same));
        if details && first.what != FoldKind::Note {
            let values = same.iter().flat_map(|folded| &folded.details);
            for (field, old, new) in values {
                lines.extend(pair(Depth::Field, Sign::Folded, field, (old.as_deref(), new.as_deref())));
            }
        }
        rest = behind;
    }
    for volatile in &asset.volatile {
        let value = |value: &Option<Content>| match value {
            None => "none".to_owned(),
            Some(Content::Hidden) => HIDDEN.to_owned(),
            Some(Content::Json(json)) => one_line(json),
        };
        let text = format!("{} {} → {}", volatile.field, value(&volatile.old), value(&volatile.new));
        lines.push(Line::new(Depth::Change, Sign::Folded, text));
    }
    tell_apart(&mut lines);
    lines
}

/// Writes out what tells lines apart that would look the same, and so the words of those that are no context.
fn tell_apart(lines: &mut [Line]) {
    let spans = || lines.iter().filter(|line| line.sign != Sign::Text).flat_map(|line| &line.spans);
    let twins = twins::alike(|| lines.iter().map(|line| Cow::Owned(line.text())));
    let words = twins::alike(|| spans().flat_map(|span| span.text.split(' ').map(Cow::Borrowed)));
    if twins.is_empty() && words.is_empty() {
        return;
    }
    for line in lines {
        let is_twin = twins.contains(&*twins::looks(&line.text()));
        let tell = |word: &str| match words.contains(&*twins::looks(word)) {
            true => twins::written_out(word),
            false => word.to_owned(),
        };
        for span in &mut line.spans {
            if is_twin {
                span.text = twins::written_out(&span.text);
            } else if line.sign != Sign::Text {
                span.text = span.text.split(' ').map(tell).collect::<Vec<_>>().join(" ");
            }
        }
    }
}

/// Returns the numbers of steps in words: `step 5`, `steps 5–7, 10`. They are sorted.
#[must_use]
pub fn steps(numbers: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some(run) if *number <= run.1 + 1 => run.1 = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let run = |(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    };
    let word = if runs.len() == 1 && runs[0].0 == runs[0].1 { "step" } else { "steps" };
    format!("{word} {}", runs.iter().map(run).collect::<Vec<_>>().join(", "))
}

fn changes(changes: &[Change]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut last: Option<&StepRef> = None;
    for change in changes {
        let Some(step) = &change.step else {
            lines.extend(field(Depth::Change, change));
            continue;
        };
        if change.what == What::Step {
            lines.extend(whole_step(step, change));
            continue;
        }
        if last != Some(step) {
            lines.push(Line::new(Depth::Change, Sign::Changed, format!("{step} {}", step.title)));
            last = Some(step);
        }
        lines.extend(field(Depth::Field, change));
    }
    lines
}

/// Returns the lines for a step that came, went or moved.
fn whole_step(step: &StepRef, change: &Change) -> Vec<Line> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (sign, title) = match change.op {
        Op::Add => (Sign::Added, text(&change.new_text)),
        Op::Remove => (Sign::Removed, text(&change.old_text)),
        _ => {
            let said = format!(
                "{step} {} moved: {} → {}",
                step.title,
                text(&change.old_text),
                text(&change.new_text)
            );
            return vec![Line::new(Depth::Change, Sign::Moved, said)];
        }
    };
    let inside = match change.inside {
        0 => String::new(),
        inside => format!(" (with {inside} more inside)"),
    };
    let number = step.number.or(step.old_number).unwrap_or_default();
    let mut lines = vec![Line::new(Depth::Change, sign, format!("step {number} {title}{inside}"))];
    lines.extend(change.outline.iter().map(|text| Line::new(Depth::Change, sign, format!("    {text}"))));
    lines
}

/// Returns the lines for a field.
fn field(depth: Depth, change: &Change) -> Vec<Line> {
    let name = match change.what {
        What::Setting | What::JobReport => format!("({})", change.field),
        What::Alias => "alias".to_owned(),
        _ => change.field.clone(),
    };
    let (old, new) = (change.old_text.as_deref(), change.new_text.as_deref());
    match (change.what, change.op) {
        (What::Skip, _) if change.field == "skip" && new == Some("true") => {
            vec![Line::new(depth, Sign::Changed, "step is now skipped")]
        }
        (What::Skip, _)
            if change.field == "skip" && old == Some("true") && matches!(new, None | Some("false")) =>
        {
            vec![Line::new(depth, Sign::Changed, "step is no longer skipped")]
        }
        (_, Op::Reorder) => {
            let order = new.unwrap_or_default();
            vec![Line::new(depth, Sign::Changed, format!("{name}: order is now {order}"))]
        }
        (What::Text, _) => {
            let mut lines = vec![Line::new(depth, op_sign(change.op), format!("{name}:"))];
            for text in new.unwrap_or_default().lines() {
                let (sign, text) = match text.split_at_checked(1) {
                    Some(("+", text)) => (Sign::TextAdded, text),
                    Some(("-", text)) => (Sign::TextRemoved, text),
                    Some((" ", text)) => (Sign::Text, text),
                    _ => (Sign::Header, text),
                };
                lines.push(Line::new(Depth::Value, sign, text));
            }
            lines
        }
        _ => pair(depth, op_sign(change.op), &name, (old, new)),
    }
}

const fn op_sign(op: Op) -> Sign {
    match op {
        Op::Add => Sign::Added,
        Op::Remove => Sign::Removed,
        Op::Move => Sign::Moved,
        Op::Replace | Op::Reorder => Sign::Changed,
    }
}

/// Returns the lines for an old and a new value of a field: on one line, on two, or as parts of a text.
fn pair(depth: Depth, sign: Sign, name: &str, values: (Option<&str>, Option<&str>)) -> Vec<Line> {
    let (old, new) = match values {
        (Some(old), Some(new)) => (old, new),
        (Some(value), None) | (None, Some(value)) if !value.contains('\n') => {
            return vec![Line::new(depth, sign, format!("{name}: {value}"))];
        }
        (Some(value), None) | (None, Some(value)) => {
            let mut lines = vec![Line::new(depth, sign, format!("{name}:"))];
            let of_value = if values.1.is_none() { Sign::Removed } else { Sign::Added };
            lines.extend(value.split('\n').map(|text| Line::new(Depth::Value, of_value, one_line(text))));
            return lines;
        }
        (None, None) => return vec![Line::new(depth, sign, name)],
    };
    if old.contains('\n') || new.contains('\n') {
        let mut lines = vec![Line::new(depth, sign, format!("{name}:"))];
        for hunk in hunks(old, new) {
            lines.push(Line::new(Depth::Value, Sign::Header, hunk.header));
            for (of_line, text) in hunk.lines {
                let sign = match of_line {
                    '+' => Sign::TextAdded,
                    '-' => Sign::TextRemoved,
                    ' ' => Sign::Text,
                    // Of two values that end without a line break, as most do, there is nothing to say.
                    _ if old.ends_with('\n') == new.ends_with('\n') => continue,
                    _ => {
                        lines.push(Line::new(Depth::Value, Sign::Header, format!("\\{text}")));
                        continue;
                    }
                };
                lines.push(Line::new(Depth::Value, sign, text));
            }
        }
        return lines;
    }
    let (old, new) = twins::apart(old, new);
    let is_short = old.chars().count() + new.chars().count() + 3 <= MAX_COLUMNS;
    if is_short && !old.contains(" → ") && !new.contains(" → ") {
        return vec![Line::new(depth, sign, format!("{name}: {old} → {new}"))];
    }
    let (was, is) = marked(&old, &new);
    vec![
        Line::new(depth, sign, format!("{name}:")),
        Line { depth: Depth::Value, sign: Sign::Removed, spans: was },
        Line { depth: Depth::Value, sign: Sign::Added, spans: is },
    ]
}

/// Returns the lines for all folds of one sort.
fn fold(what: FoldKind, folds: &[Folded]) -> Vec<Line> {
    let sum = |number: fn(&Folded) -> usize| folds.iter().map(number).sum::<usize>();
    let count = sum(|folded| folded.count);
    let mut numbers: Vec<usize> =
        folds.iter().filter_map(|folded| folded.step.as_ref()).filter_map(|step| step.number).collect();
    numbers.sort_unstable();
    let of = if numbers.is_empty() { String::new() } else { format!(" of {}", steps(&numbers)) };
    let text = match what {
        FoldKind::ConnectorId => return Vec::new(),
        FoldKind::Renumbered => format!("steps renumbered: {count}"),
        FoldKind::StepUuid => format!("step uuids replaced: {count}"),
        FoldKind::Note => {
            let notes = folds.iter().flat_map(|folded| &folded.details);
            let lines = notes.flat_map(|(field, old, new)| {
                pair(Depth::Change, Sign::Folded, field, (old.as_deref(), new.as_deref()))
            });
            return lines.collect();
        }
        FoldKind::Schema => {
            let added = sum(|folded| folded.added);
            let counts = [
                (added, "added"),
                (sum(|folded| folded.removed), "removed"),
                (sum(|folded| folded.changed), "changed"),
            ];
            let mut said = Vec::new();
            for (number, word) in counts.iter().filter(|(number, _)| *number > 0) {
                let fields = if *number == 1 { " field" } else { " fields" };
                said.push(format!("{number}{} {word}", if said.is_empty() { fields } else { "" }));
            }
            let said = if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) };
            format!("schema{of} refreshed{said}")
        }
        _ => format!("{}{of} ({})", what.words(), places(count)),
    };
    vec![Line::new(Depth::Change, Sign::Folded, text)]
}

fn places(count: usize) -> String {
    format!("{count} {}", if count == 1 { "place" } else { "places" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_values_never_read_the_same() {
        let lines = |old, new| -> Vec<String> {
            let lines = pair(Depth::Change, Sign::Changed, "x", (Some(old), Some(new)));
            lines.iter().skip(1).map(|line| format!("{}{}", line.sign.text(), line.text())).collect()
        };
        assert_eq!(
            lines("a\nb\n", "a\nb"),
            ["@@ -1,2 +1,2 @@", " a", "-b", "+b", "\\ no line break at the end"]
        );
        assert_eq!(lines("a", "a\n"), ["@@ -1 +1 @@", "-a", "\\ no line break at the end", "+a"]);
        assert_eq!(lines("a\nb", "a\nc"), ["@@ -1,2 +1,2 @@", " a", "-b", "+c"]);
    }

    #[test]
    fn a_word_that_looks_like_another_is_told_from_it_in_a_longer_change() {
        let told = |old, new| -> Vec<String> {
            let mut lines = pair(Depth::Change, Sign::Changed, "x", (Some(old), Some(new)));
            tell_apart(&mut lines);
            lines.iter().map(Line::text).collect()
        };
        assert_eq!(told("Müller a", "Mu\u{308}ller b"), ["x: Müller a → Mu\\u{308}ller b"]);
        assert_eq!(
            told("a\nMüller b", "a\nMu\u{308}ller c"),
            ["x:", "@@ -1,2 +1,2 @@", "a", "Müller b", "Mu\\u{308}ller c"]
        );
        assert_eq!(told("Mu\u{308}ller a", "Mu\u{308}ller b"), ["x: Mu\u{308}ller a → Mu\u{308}ller b"]);
        assert_eq!(told("abc", "abc "), ["x: abc → abc\\u{20}"]);
    }

    #[test]
    fn steps_are_told_in_runs() {
        assert_eq!(steps(&[5]), "step 5");
        assert_eq!(steps(&[5, 5]), "step 5");
        assert_eq!(steps(&[5, 6, 7, 10, 11]), "steps 5–7, 10–11");
        assert_eq!(steps(&[7, 9, 10, 11]), "steps 7, 9–11");
    }
}
