//! A comparison as text, for a terminal or a file.

use super::change::Diff;
use super::diff::summary;
use super::lines::{Depth, Line, Sign, body, heading, is_told};

/// How the text looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// With the colours of a terminal.
    pub color: bool,
    /// With the values behind folds.
    pub details: bool,
}

/// Returns a comparison as text: an asset after the other, and what there is to tell of all.
#[must_use]
pub fn text(diff: &Diff, options: Options) -> String {
    let mut out = String::new();
    for asset in diff.assets.iter().filter(|asset| is_told(asset)) {
        push(&mut out, &heading(asset), options.color);
        for line in body(asset, options.details) {
            push(&mut out, &line, options.color);
        }
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&summary(diff));
    out.push('\n');
    out
}

fn push(out: &mut String, line: &Line, color: bool) {
    out.push_str(match line.depth {
        Depth::Asset => "",
        Depth::Change => "  ",
        Depth::Field => "      ",
        Depth::Value => "          ",
    });
    let code = match line.sign {
        _ if !color => "",
        Sign::Added | Sign::TextAdded => "\u{1b}[32m",
        Sign::Removed | Sign::TextRemoved => "\u{1b}[31m",
        Sign::Changed => "\u{1b}[33m",
        Sign::Moved | Sign::Header => "\u{1b}[36m",
        Sign::Folded => "\u{1b}[2m",
        Sign::Text => "",
    };
    out.push_str(code);
    if color && line.depth == Depth::Asset {
        out.push_str("\u{1b}[1m");
    }
    out.push_str(line.sign.text());
    let is_new = matches!(line.sign, Sign::Added | Sign::TextAdded);
    for span in &line.spans {
        let (open, close) = match (span.marked, color, is_new) {
            (false, ..) => ("", ""),
            (true, true, _) => ("\u{1b}[1;7m", "\u{1b}[22;27m"),
            (true, false, true) => ("{+", "+}"),
            (true, false, false) => ("[-", "-]"),
        };
        out.extend([open, &span.text, close]);
    }
    if !code.is_empty() || color && line.depth == Depth::Asset {
        out.push_str("\u{1b}[0m");
    }
    out.push('\n');
}
