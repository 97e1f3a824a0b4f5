//! Text that is safe to print: what would move the cursor, or the text around it, is written out, and what the secret
//! rules are certain of is left out.
//!
//! Every text of a file passes here, names and keys as well as values. What is made of such a text before (clipped, with
//! other letters or spaces) asks [`told`] first. What is put together of texts that passed is only escaped.

use super::hidden::told;

/// Appends a text that passed already, with what is not printable as `\u{1b}`; line breaks and tabs stay.
pub fn push_lines(out: &mut String, text: &str) {
    push(out, text, |c| is_hidden(c) && !matches!(c, '\n' | '\t'));
}

/// Appends a text that is to stay on its line: line breaks and tabs are written out as well.
pub fn push_line(out: &mut String, text: &str) {
    push(out, told(text), is_hidden);
}

/// Returns a text on one line, with what is not printable written out.
#[must_use]
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_line(&mut out, text);
    out
}

/// Returns a text on one line that passed already, or is put together of such texts.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push(&mut out, text, is_hidden);
    out
}

fn push(out: &mut String, text: &str, is_hidden: impl Fn(char) -> bool + Copy) {
    let mut rest = text;
    while let Some(at) = rest.find(is_hidden) {
        let (plain, from) = rest.split_at(at);
        let hidden = from.chars().next().expect("a character was found here");
        out.push_str(plain);
        out.extend(hidden.escape_default());
        rest = &from[hidden.len_utf8()..];
    }
    out.push_str(rest);
}

/// Control characters, those that reorder or hide the text around them, those that some readers break lines at, and those
/// that nobody sees. Joiners and the variation selectors of emoji stay: people write with them.
pub(super) const fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    matches!(
        c,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180e}'
            | '\u{200b}'
            | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_turns_text_around_is_written_out() {
        assert_eq!(
            line("a\u{1b}[31m\nb\r\t\u{9b}é\u{202e}\u{200f}"),
            "a\\u{1b}[31m\\nb\\r\\t\\u{9b}é\\u{202e}\\u{200f}"
        );
        assert_eq!(line("Überweisung 注文 👩‍💻 ❤️"), "Überweisung 注文 👩‍💻 ❤️");
        assert_eq!(
            line("ad\u{ad}min \u{3164}\u{180e}\u{1d173}\u{e0100}"),
            "ad\\u{ad}min \\u{3164}\\u{180e}\\u{1d173}\\u{e0100}"
        );
        let mut lines = String::new();
        push_lines(&mut lines, "a\n\tb\r\u{7f}");
        assert_eq!(lines, "a\n\tb\\r\\u{7f}");
    }
}
