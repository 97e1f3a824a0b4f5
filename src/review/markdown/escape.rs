//! Text that is safe in Markdown: names outside of fences, and fences that nothing inside can close.

use super::super::printable;

/// The longest name outside of a fence, in characters.
const MAX_NAME: usize = 160;

/// Returns a name for use in Markdown and in HTML within it, on one line: it opens no tag, ends no cell, mentions nobody
/// and refers to no issue. Entities hold in both, backslashes only in the one.
pub(super) fn name(text: &str) -> String {
    let text = printable::line(text);
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    for c in letters.by_ref().take(MAX_NAME) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Forges look for these in the text that comes of the Markdown, entities resolved: people, issues, merge
            // requests (GitLab's `!1`), and issues as GitHub's `GH-1`.
            '@' | '#' | '!' => out.push_str(&format!("&#{};\u{200b}", u32::from(c))),
            '-' if out
                .get(out.len().saturating_sub(2)..)
                .is_some_and(|end| end.eq_ignore_ascii_case("gh")) =>
            {
                out.push_str("-\u{200b}");
            }
            '|' | '*' | '`' | '_' | '[' | ']' | '\\' | '~' | '$' | ':' => {
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    if letters.next().is_some() {
        out.push('…');
    }
    out
}

/// Returns a text as inline code.
pub(super) fn code(text: &str) -> String {
    let text = printable::line(text);
    let text: String = text.chars().take(4 * MAX_NAME).collect();
    let ticks = "`".repeat(longest_run(&text) + 1);
    // Such a text would run into its own ticks, or lose spaces of its own.
    let space =
        if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) || text.is_empty() { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// Returns the fence for lines: longer than any run of backticks inside.
pub(super) fn fence<'l>(lines: impl Iterator<Item = &'l str>) -> String {
    "`".repeat(lines.map(longest_run).max().unwrap_or(0).max(2) + 1)
}

/// Returns what a comment in HTML may hold of a text, so that the comment is found again and ends where it should.
pub(super) fn marker(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_' | ' ');
    let mut out = String::new();
    for c in text.chars().take(MAX_NAME) {
        out.push(if plain(c) || c == '-' && !out.ends_with('-') { c } else { '_' });
    }
    out.trim_end_matches('-').trim().to_owned()
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_harmless() {
        assert_eq!(name("TravelPerk <> Fyle_Integration"), "TravelPerk &lt;&gt; Fyle&#95;Integration");
        assert_eq!(
            name("@everyone #1 | **b** `c`\n</details>"),
            "&#64;\u{200b}everyone &#35;\u{200b}1 &#124; &#42;&#42;b&#42;&#42; &#96;c&#96;&#92;n&lt;/details&gt;"
        );
        assert_eq!(name("GH-1 a!2 gh-x é-1"), "GH-\u{200b}1 a&#33;\u{200b}2 gh-\u{200b}x é-1");
        assert_eq!(name(&"x".repeat(200)).chars().count(), MAX_NAME + 1);
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(fence(["a", "- ````"].into_iter()), "`````");
        assert_eq!(marker("orders --> <x>--"), "orders -__ _x_-_");
    }

    proptest! {
        #[test]
        fn no_name_means_anything(text in "[ -~\\n\\u{202e}@é]{0,40}") {
            let name = name(&text);
            prop_assert!(!name.contains(['<', '>', '|', '@', '*', '`', '_', '[', ']', '\\', '\n', '\u{202e}']), "{}", name);
            prop_assert!(!marker(&text).contains("--") && !marker(&text).contains('>'));
        }
    }
}
