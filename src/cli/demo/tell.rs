//! How the story is printed: short lines on stdout, differences in a few lines, colours only where they are wanted.

use std::path::Path;

use crate::cli::difference::{Look, difference};
use crate::cli::output::{OutputError, print};
use crate::model::path::PackagePath;
use crate::model::state::RecipeResult;
use crate::telemetry::printable;

/// The teller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tell {
    color: bool,
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
        print(difference(path, from, to, self.color))
    }

    fn dressed(self, look: Look, text: &str) -> String {
        look.dressed(text, self.color)
    }
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
