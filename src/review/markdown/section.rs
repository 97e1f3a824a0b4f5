//! The section of one asset, and how it gets shorter.

use super::super::change::{AssetDiff, Change, What};
use super::super::lines::{Depth, Line, Sign, body};
use super::super::{printable, twins};
use super::{escape, greatest, utf16};

/// How much of a section is left out. Each one leaves out what the ones before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cut {
    /// Nothing.
    Nothing,
    /// The diagram.
    Diagram,
    /// The middle of values of more than so many characters.
    Values(usize),
    /// What is told of steps that came or went.
    Bodies,
    /// All but the steps' headings.
    Fields,
    /// All but so many of the steps' headings.
    Lines(usize),
}

/// What is left out, one after the other, until it fits.
pub(super) const CUTS: [Cut; 6] =
    [Cut::Diagram, Cut::Values(600), Cut::Values(160), Cut::Values(80), Cut::Bodies, Cut::Fields];

/// The most lines of a section that is open from the start, and the most sections of which any is.
const MAX_OPEN_LINES: usize = 60;
pub(super) const MAX_OPEN: usize = 3;

/// What is to be told of an asset.
pub(super) struct Section<'d> {
    asset: &'d AssetDiff,
    lines: Vec<Line>,
    diagram: Option<String>,
    open: bool,
}

impl<'d> Section<'d> {
    /// Reads what there is to tell of an asset.
    pub(super) fn new(asset: &'d AssetDiff, details: bool, diagram: Option<String>, few: bool) -> Self {
        let lines = body(asset, details);
        let open = few && lines.len() <= MAX_OPEN_LINES;
        Self { asset, lines, diagram, open }
    }

    /// Writes the section with what fits into so many characters, but with one line at least.
    pub(super) fn fitting(&self, most: usize) -> String {
        let fits = |cut| Some(self.written(cut)).filter(|text| utf16(text) <= most);
        if let Some(text) = [Cut::Nothing].into_iter().chain(CUTS).find_map(fits) {
            return text;
        }
        let lines = greatest(self.lines.len(), |lines| fits(Cut::Lines(lines)).is_some());
        self.written(Cut::Lines(lines.max(1)))
    }

    /// Writes the section, as far as it is not cut.
    pub(super) fn written(&self, cut: Cut) -> String {
        let asset = self.asset;
        let mut out = String::from(if self.open { "<details open>" } else { "<details>" });
        let mark = sign_text(super::super::lines::sign(asset));
        let (path, old_path) = twins::apart(&asset.path, asset.old_path.as_deref().unwrap_or(&asset.path));
        let from = asset.old_path.as_ref().map(|_| format!(" (from {})", escape::code(&old_path)));
        out.push_str(&format!(
            "<summary>{mark} <b>{}</b> — {}</summary>\n\n{}{}\n",
            escape::name(title(asset)),
            escape::name(&asset.headline),
            escape::code(&path),
            from.unwrap_or_default()
        ));
        let lines = self.fenced(cut);
        if !lines.is_empty() {
            let fence = escape::fence(lines.iter().map(String::as_str));
            out.push_str(&format!("\n{fence}diff\n"));
            for line in lines {
                out.push_str(line.trim_end());
                out.push('\n');
            }
            out.push_str(&format!("{fence}\n"));
        }
        if let Some(diagram) = self.diagram.as_ref().filter(|_| cut < Cut::Diagram) {
            let fence = escape::fence(diagram.lines());
            out.push_str(&format!(
                "\n<details><summary>Diagram</summary>\n\n{fence}mermaid\n{diagram}{fence}\n\n</details>\n"
            ));
        }
        out.push_str("\n</details>\n");
        out
    }

    /// Returns the lines inside the fence, and one that says how many are not there.
    fn fenced(&self, cut: Cut) -> Vec<String> {
        let most = match cut {
            Cut::Nothing | Cut::Diagram => usize::MAX,
            Cut::Values(most) => most,
            Cut::Bodies | Cut::Fields | Cut::Lines(_) => 80,
        };
        let most_lines = if let Cut::Lines(most) = cut { most } else { usize::MAX };
        let mut kept = Vec::new();
        let mut left_out = 0;
        let mut rest = &self.lines[..];
        while let Some(first) = rest.first() {
            let is_value = |line: &Line| line.depth == Depth::Value;
            let run = rest.iter().take_while(|line| is_value(line)).count().max(1);
            let (run, behind) = rest.split_at(run);
            rest = behind;
            if kept.len() >= most_lines || !is_kept(first, cut) {
                left_out += run.len();
                continue;
            }
            let mut texts: Vec<(Sign, String)> = (run.iter().zip(common(run)))
                .map(|(line, common)| (line.sign, fenced_line(line, common, most)))
                .collect();
            if !fits(&texts, most) {
                // What has changed before what stands around it.
                let all = texts.len();
                texts.retain(|(sign, _)| *sign != Sign::Text);
                left_out += all - texts.len();
            }
            push_run(&mut kept, texts, most);
        }
        if left_out > 0 {
            let lines = if left_out == 1 { "line" } else { "lines" };
            kept.push(format!("# … {left_out} {lines} left out"));
        }
        kept
    }
}

/// Returns what an asset is called: its name, else the last part of its path.
pub(super) fn title(asset: &AssetDiff) -> &str {
    let file = asset.path.rsplit('/').next().unwrap_or(&asset.path);
    asset.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(file)
}

/// Returns the sign of an asset outside of a fence.
pub(super) fn sign_text(sign: Sign) -> &'static str {
    match sign {
        Sign::Added => "+",
        Sign::Removed => "-",
        Sign::Moved => "&gt;",
        Sign::Folded => "·",
        _ => "~",
    }
}

/// Returns whether a line, and the value below it, is left in.
fn is_kept(line: &Line, cut: Cut) -> bool {
    let is_body =
        line.depth == Depth::Change && line.spans.first().is_some_and(|span| span.text.starts_with("    "));
    match cut {
        Cut::Bodies => !is_body,
        Cut::Fields | Cut::Lines(_) => !is_body && line.depth == Depth::Change && line.sign != Sign::Folded,
        _ => true,
    }
}

/// Returns for each line of a value how many characters it starts with that its other version has as well; 0 for a line
/// of which there is no other version.
fn common(run: &[Line]) -> Vec<usize> {
    let mut common = vec![0; run.len()];
    let is_old = |line: &Line| matches!(line.sign, Sign::Removed | Sign::TextRemoved);
    let is_new = |line: &Line| matches!(line.sign, Sign::Added | Sign::TextAdded);
    let length =
        |from: usize, is: &dyn Fn(&Line) -> bool| run[from..].iter().take_while(|line| is(line)).count();
    let mut at = 0;
    while at < run.len() {
        let removed = length(at, &is_old);
        let added = length(at + removed, &is_new);
        for old in at..at + removed.min(added) {
            let (left, right) = (run[old].text(), run[old + removed].text());
            let same = left.chars().zip(right.chars()).take_while(|(left, right)| left == right).count();
            (common[old], common[old + removed]) = (same, same);
        }
        at += (removed + added).max(1);
    }
    common
}

/// Returns a line as it stands in the fence: its sign first, which is what forges colour.
fn fenced_line(line: &Line, common: usize, most: usize) -> String {
    let sign = match line.sign {
        Sign::Added | Sign::TextAdded => '+',
        Sign::Removed | Sign::TextRemoved => '-',
        Sign::Changed | Sign::Moved => '!',
        Sign::Folded => '#',
        Sign::Header | Sign::Text => ' ',
    };
    let indent = match line.depth {
        Depth::Asset | Depth::Change => 1,
        Depth::Field => 5,
        Depth::Value => 9,
    };
    let text = printable::one_line(&line.text());
    format!("{sign}{}{}", " ".repeat(indent), shortened(&text, common, most))
}

/// Returns a text without its middle, if it has more than so many characters. Where it differs from another version, which
/// is behind the characters that both start with, it is not cut: cut alike, the two would read the same.
fn shortened(text: &str, common: usize, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let (front, back) = (most.div_ceil(2), most / 2);
    let part = |from: usize, to: usize| text.chars().skip(from).take(to - from).collect::<String>();
    if common < front {
        return format!("{}…({} more)…{}", part(0, front), count - front - back, part(count - back, count));
    }
    let start = common - front / 2;
    let end = (start + most).min(count);
    let behind = if end < count { format!("…({} more)…", count - end) } else { String::new() };
    format!("…({start} more)…{}{behind}", part(start, end))
}

/// Returns whether the lines of a value are not too much.
fn fits(lines: &[(Sign, String)], most: usize) -> bool {
    let size = lines.iter().map(|(_, line)| line.chars().count()).sum::<usize>();
    lines.len() < 4 || size <= most.saturating_mul(2)
}

/// Appends the lines of a value, without the middle ones if they are too much. What a part of a text starts with stays:
/// where it is from, and a line of each version.
fn push_run(kept: &mut Vec<String>, lines: Vec<(Sign, String)>, most: usize) {
    let least = if lines.first().is_some_and(|(sign, _)| *sign == Sign::Header) { 3 } else { 1 };
    let (front, back) = if fits(&lines, most) {
        (lines.len(), 0)
    } else {
        let fitting = |lines: &mut dyn Iterator<Item = &(Sign, String)>| {
            let mut sum = 0;
            lines
                .take_while(|(_, line)| {
                    sum += line.chars().count();
                    sum <= most
                })
                .count()
        };
        let front = fitting(&mut lines.iter()).max(least);
        (front, fitting(&mut lines.iter().rev()).max(1).min(lines.len() - front))
    };
    let end = lines.len() - back;
    for (at, (_, line)) in lines.into_iter().enumerate() {
        if at < front || at >= end {
            kept.push(line);
        } else if at == front {
            kept.push(format!("          …({} more lines)…", end - front));
        }
    }
}

/// Returns what became of the steps of the new version, by number, for a diagram.
pub(super) fn step_changes(changes: &[Change]) -> impl Iterator<Item = (usize, super::diagram::Mark)> + '_ {
    use super::super::change::Op;
    use super::diagram::Mark;
    changes.iter().filter_map(|change| {
        let number = change.step.as_ref()?.number?;
        let mark = match (change.what, change.op) {
            (What::Step, Op::Add) => Mark::Added,
            (What::Step, Op::Move) => Mark::Moved,
            _ => Mark::Changed,
        };
        Some((number, mark))
    })
}
