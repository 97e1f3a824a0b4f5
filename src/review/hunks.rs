//! Two texts as a unified diff, in near linear time.

use std::collections::HashMap;

use super::lists::align;
use super::printable::one_line;

/// How many lines are shown around a change.
const CONTEXT: usize = 2;

/// A part of a unified diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// `@@ -8,3 +8,3 @@`.
    pub header: String,
    /// The lines: `-`, `+` or a space, and the text, safe to print.
    pub lines: Vec<(char, String)>,
}

/// Returns how two texts differ; nothing if they are equal.
#[must_use]
pub fn hunks(old: &str, new: &str) -> Vec<Hunk> {
    let (left, right) = (split(old), split(new));
    let mut numbers: HashMap<&str, u64> = HashMap::new();
    let mut number = |text| {
        let next = numbers.len() as u64;
        *numbers.entry(text).or_insert(next)
    };
    let a: Vec<u64> = left.iter().map(|text| number(*text)).collect();
    let b: Vec<u64> = right.iter().map(|text| number(*text)).collect();
    let mut edits: Vec<(char, usize, usize)> = Vec::new();
    let (mut x, mut y) = (0, 0);
    for (was, is) in align(&a, &b).into_iter().chain([(left.len(), right.len())]) {
        edits.extend((x..was).map(|at| ('-', at, y)));
        edits.extend((y..is).map(|at| ('+', was, at)));
        if was < left.len() {
            edits.push((' ', was, is));
        }
        (x, y) = (was + 1, is + 1);
    }
    let changed: Vec<usize> =
        edits.iter().enumerate().filter_map(|(at, (sign, ..))| (*sign != ' ').then_some(at)).collect();
    let mut hunks = Vec::new();
    let mut at = 0;
    while at < changed.len() {
        let mut last = at;
        while last + 1 < changed.len() && changed[last + 1] - changed[last] <= 2 * CONTEXT + 1 {
            last += 1;
        }
        let range = changed[at].saturating_sub(CONTEXT)..(changed[last] + 1 + CONTEXT).min(edits.len());
        hunks.push(hunk(&edits[range], &left, &right));
        at = last + 1;
    }
    hunks
}

/// Splits a text into lines with their ends.
fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn hunk(edits: &[(char, usize, usize)], left: &[&str], right: &[&str]) -> Hunk {
    let count = |sign: char| edits.iter().filter(|(other, ..)| *other == sign || *other == ' ').count();
    let (first_old, first_new) = edits.first().map_or((0, 0), |(_, old, new)| (*old, *new));
    let side = |start: usize, count: usize| {
        let start = if count == 0 { start } else { start + 1 };
        if count == 1 { start.to_string() } else { format!("{start},{count}") }
    };
    let header = format!("@@ -{} +{} @@", side(first_old, count('-')), side(first_new, count('+')));
    let mut lines = Vec::with_capacity(edits.len());
    for (sign, old, new) in edits {
        let text = if *sign == '+' { right[*new] } else { left[*old] };
        match text.strip_suffix('\n') {
            Some(text) => lines.push((*sign, one_line(text))),
            None => {
                lines.push((*sign, one_line(text)));
                lines.push(('\\', " no line break at the end".to_owned()));
            }
        }
    }
    Hunk { header, lines }
}

/// Returns a unified diff as one text.
#[must_use]
pub fn unified(old: &str, new: &str) -> String {
    let mut out = String::new();
    for hunk in hunks(old, new) {
        out.extend([hunk.header.as_str(), "\n"]);
        for (sign, text) in hunk.lines {
            out.push(sign);
            out.extend([text.as_str(), "\n"]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_two_lines_around_it() {
        let old: String = (1..=20).map(|at| format!("{at}\n")).collect();
        let new = old.replace("10\n", "ten\n").replace("20\n", "20");
        insta::assert_snapshot!(unified(&old, &new), @r#"
            @@ -8,5 +8,5 @@
             8
             9
            -10
            +ten
             11
             12
            @@ -18,3 +18,3 @@
             18
             19
            -20
            +20
            \ no line break at the end
            "#);
        assert_eq!(unified(&old, &old), "");
        insta::assert_snapshot!(unified("", "a\nb\u{1b}\r\n"), @r#"
            @@ -0,0 +1,2 @@
            +a
            +b\u{1b}\r
            "#);
        insta::assert_snapshot!(unified("a\n", ""), @"
            @@ -1 +0,0 @@
            -a
            ");
    }

    #[test]
    fn near_changes_share_a_hunk() {
        let old: String = (1..=12).map(|at| format!("{at}\n")).collect();
        assert_eq!(hunks(&old, &old.replace("3\n", "x\n").replace("8\n", "y\n")).len(), 1);
        assert_eq!(hunks(&old, &old.replace("3\n", "x\n").replace("9\n", "y\n")).len(), 2);
    }
}
