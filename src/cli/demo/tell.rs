//! How the story is printed: short lines on stdout, differences in a few lines, colours only where they are wanted.

use std::fmt::Write as _;
use std::path::Path;

use similar::{ChangeTag, TextDiff};

use crate::asset::canonical::canonical;
use crate::cli::output::{OutputError, print};
use crate::model::path::PackagePath;
use crate::model::state::RecipeResult;
use crate::telemetry::printable;

/// Lines around a change.
const CONTEXT: usize = 2;
/// The most lines of one difference.
const MAX_LINES: usize = 24;
/// The most characters of one of its lines.
const MAX_CHARS: usize = 100;

/// The teller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tell {
    color: bool,
}

/// How a text looks on a terminal.
#[derive(Debug, Clone, Copy)]
enum Look {
    Bold,
    Dim,
    Red,
    Green,
    Cyan,
}

impl Tell {
    pub(super) fn new(color: bool) -> Self {
        Self { color }
    }

    /// Prints a headline.
    pub(super) fn headline(self, text: &str) -> Result<(), OutputError> {
        print(format!("\n{}\n", self.dressed(Look::Bold, text)))
    }

    /// Prints a line with a word in front that says what kind of line it is.
    pub(super) fn line(self, word: &str, text: &str) -> Result<(), OutputError> {
        print(format!("  {} {}\n", self.dressed(Look::Cyan, &format!("{word:<10}")), printable(text)))
    }

    /// Prints what was found to be so by looking.
    pub(super) fn seen(self, text: &str) -> Result<(), OutputError> {
        print(format!("  {} {}\n", self.dressed(Look::Green, &format!("{:<10}", "seen")), printable(text)))
    }

    /// Prints a command to paste.
    pub(super) fn command(self, command: &str) -> Result<(), OutputError> {
        print(format!("    {}\n", self.dressed(Look::Bold, &printable(command))))
    }

    /// Prints what an import did to each recipe.
    pub(super) fn recipes(
        self,
        recipes: &[RecipeResult],
        name: impl Fn(u64) -> Option<String>,
    ) -> Result<(), OutputError> {
        recipes.iter().try_for_each(|recipe| {
            let name = name(recipe.id).map(|name| format!(" {name:?}")).unwrap_or_default();
            self.line("recipe", &format!("{}{name}: {}", recipe.id, recipe.result))
        })
    }

    /// Prints how a file differs between two sides, in canonical form; a side without it has nothing.
    pub(super) fn difference(
        self,
        path: &PackagePath,
        from: (&str, Option<&[u8]>),
        to: (&str, Option<&[u8]>),
    ) -> Result<(), OutputError> {
        let text = |side: Option<&[u8]>| side.map_or_else(String::new, |bytes| readable(path, bytes));
        let (old, new) = (text(from.1), text(to.1));
        let mut shown = String::new();
        for (mark, look, side) in [("---", Look::Red, from.0), ("+++", Look::Green, to.0)] {
            let _ = writeln!(shown, "    {}", self.dressed(look, &printable(&format!("{mark} {side}"))));
        }
        let diff = TextDiff::from_lines(&old, &new);
        let mut lines = Vec::new();
        for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
            if at > 0 {
                lines.push(self.dressed(Look::Dim, "…"));
            }
            let changes = group.iter().flat_map(|op| diff.iter_changes(op));
            lines.extend(changes.map(|change| self.changed(change.tag(), change.value())));
        }
        for line in lines.iter().take(MAX_LINES) {
            let _ = writeln!(shown, "    {line}");
        }
        if lines.len() > MAX_LINES {
            let _ = writeln!(shown, "    … {} more lines", lines.len() - MAX_LINES);
        }
        print(shown)
    }

    fn changed(self, tag: ChangeTag, line: &str) -> String {
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
        self.dressed(look, &printable(&format!("{sign} {kept}")))
    }

    fn dressed(self, look: Look, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match look {
            Look::Bold => 1,
            Look::Dim => 2,
            Look::Red => 31,
            Look::Green => 32,
            Look::Cyan => 36,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

fn readable(path: &PackagePath, bytes: &[u8]) -> String {
    String::from_utf8_lossy(&canonical(path, bytes)).into_owned()
}

/// Returns a path quoted for a shell, where it needs it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
