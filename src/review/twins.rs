//! Texts that differ and look the same: an accent as a letter of its own, a selector that only chooses a glyph, a space
//! that does not break. Between such texts what tells them apart is written out; elsewhere people write with it.
//!
//! Letters of different scripts that look the same are not known here.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Returns how a text looks: equal for texts that nobody can tell apart. Spaces at its end are not seen.
#[must_use]
pub fn looks(text: &str) -> Cow<'_, str> {
    let text = text.trim_end_matches(is_space);
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let seen = text.chars().filter(|c| !is_unseen(*c)).map(|c| match c {
        c if is_space(c) => ' ',
        '\u{2010}' | '\u{2011}' => '-',
        c => c,
    });
    Cow::Owned(seen.nfc().collect())
}

/// Returns a text with what may not be seen of it written out.
#[must_use]
pub fn written_out(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let end = text.trim_end_matches(is_space).len();
    for (at, c) in text.char_indices() {
        if at >= end || is_unclear(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Returns two texts such that they do not look the same, unless they are.
#[must_use]
pub fn apart<'t>(one: &'t str, other: &'t str) -> (Cow<'t, str>, Cow<'t, str>) {
    if one == other || looks(one) != looks(other) {
        return (Cow::Borrowed(one), Cow::Borrowed(other));
    }
    (Cow::Owned(written_out(one)), Cow::Owned(written_out(other)))
}

/// Returns how those of the texts look that differ and look the same. Of ASCII alone they are no such texts.
pub fn alike<'t, I: Iterator<Item = Cow<'t, str>>>(texts: impl Fn() -> I) -> HashSet<String> {
    let mut seen: HashMap<String, HashSet<Cow<'t, str>>> = HashMap::new();
    for text in texts().filter(|text| !text.is_ascii()) {
        seen.entry(looks(&text).into_owned()).or_default().insert(text);
    }
    if !seen.is_empty() {
        for text in texts().filter(|text| text.is_ascii()) {
            if let Some(twins) = seen.get_mut(&*looks(&text)) {
                twins.insert(text);
            }
        }
    }
    seen.into_iter().filter(|(_, texts)| texts.len() > 1).map(|(looks, _)| looks).collect()
}

/// Joiners, and what chooses between the glyphs of one character.
const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// What joins the character before it, has no glyph of its own, or has the same one as another character.
fn is_unclear(c: char) -> bool {
    !c.is_ascii()
        && (is_unseen(c)
            || is_space(c)
            || is_combining_mark(c)
            // Vowels and finals of Korean, which join to a syllable.
            || matches!(c, '\u{2010}' | '\u{2011}' | '\u{1160}'..='\u{11ff}')
            || !std::iter::once(c).nfc().eq([c]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_the_same_is_told_apart_and_nothing_else_is() {
        let told = |one, other| {
            let (one, other) = apart(one, other);
            format!("{one} | {other}")
        };
        assert_eq!(told("Müller", "Mu\u{308}ller"), "Müller | Mu\\u{308}ller");
        assert_eq!(told("a\u{323}\u{301}", "a\u{301}\u{323}"), "a\\u{323}\\u{301} | a\\u{301}\\u{323}");
        assert_eq!(told("❤", "❤\u{fe0f}"), "❤ | ❤\\u{fe0f}");
        assert_eq!(told("👩‍💻", "👩💻"), "👩\\u{200d}💻 | 👩💻");
        assert_eq!(told("a b", "a\u{a0}b"), "a b | a\\u{a0}b");
        assert_eq!(told("a\u{202f}b", "a\u{a0}b"), "a\\u{202f}b | a\\u{a0}b");
        assert_eq!(told("a-b", "a\u{2011}b"), "a-b | a\\u{2011}b");
        assert_eq!(told("a b", "a b  "), "a b | a b\\u{20}\\u{20}");
        assert_eq!(told("Å", "\u{212b}"), "Å | \\u{212b}");
        assert_eq!(told("가", "\u{1100}\u{1161}"), "가 | \u{1100}\\u{1161}");
        for (one, other) in
            [("Mu\u{308}ller", "Mu\u{308}ller"), ("❤\u{fe0f}", "💔"), ("x²", "x2"), ("a", "b")]
        {
            assert_eq!(told(one, other), format!("{one} | {other}"));
        }
    }
}
