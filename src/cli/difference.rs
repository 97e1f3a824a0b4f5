//! How two sides of a file are shown: few lines, in canonical form, safe for a terminal.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use crate::asset::canonical::canonical;
use crate::model::path::PackagePath;
use crate::telemetry::printable;

/// Lines around a change.
const CONTEXT: usize = 2;
/// The most lines of one difference.
const MAX_LINES: usize = 24;
/// The most characters of one of its lines.
const MAX_CHARS: usize = 100;

/// How a text looks on a terminal.
#[derive(Debug, Clone, Copy)]
pub(super) enum Look {
    Bold,
    Dim,
    Red,
    Green,
    Cyan,
}

impl Look {
    /// Returns the text in these colours, or as it is.
    pub(super) fn dressed(self, text: &str, color: bool) -> String {
        if !color {
            return text.to_owned();
        }
        let code = match self {
            Self::Bold => 1,
            Self::Dim => 2,
            Self::Red => 31,
            Self::Green => 32,
            Self::Cyan => 36,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Returns how a file differs between two sides, each with its name; a side without it has nothing.
pub(super) fn difference(
    path: &PackagePath,
    from: (&str, Option<&[u8]>),
    to: (&str, Option<&[u8]>),
    color: bool,
) -> String {
    let text = |side: Option<&[u8]>| side.map_or_else(String::new, |bytes| readable(path, bytes));
    let (old, new) = (text(from.1), text(to.1));
    let mut shown = String::new();
    for (mark, look, side) in [("---", Look::Red, from.0), ("+++", Look::Green, to.0)] {
        let _ = writeln!(shown, "    {}", look.dressed(&printable(&format!("{mark} {side}")), color));
    }
    let diff = TextDiff::from_lines(&old, &new);
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            lines.push(Look::Dim.dressed("…", color));
        }
        let changes = group.iter().flat_map(|op| diff.iter_changes(op));
        lines.extend(changes.map(|change| changed(change.tag(), change.value(), color)));
    }
    for line in lines.iter().take(MAX_LINES) {
        let _ = writeln!(shown, "    {line}");
    }
    if lines.len() > MAX_LINES {
        let _ = writeln!(shown, "    … {} more lines", lines.len() - MAX_LINES);
    }
    shown
}

fn changed(tag: ChangeTag, line: &str, color: bool) -> String {
    let (sign, look) = match tag {
        ChangeTag::Delete => ('-', Look::Red),
        ChangeTag::Insert => ('+', Look::Green),
        ChangeTag::Equal => (' ', Look::Dim),
    };
    let line = line.trim_end_matches('\n');
    let mut kept: String = line.chars().take(MAX_CHARS).collect();
    if kept.len() < line.len() {
        kept.push('…');
    }
    look.dressed(&printable(&format!("{sign} {kept}")), color)
}

fn readable(path: &PackagePath, bytes: &[u8]) -> String {
    String::from_utf8_lossy(&canonical(path, bytes)).into_owned()
}
