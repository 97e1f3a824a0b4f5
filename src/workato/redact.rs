//! Makes text that came from a server fit to be shown: without secrets, without signed links, short, on one line.
//!
//! It cuts too much rather than too little: what is lost is a detail of a message, what is kept ends in logs.

/// The longest text that is kept, in characters: a message, not a page.
const MAX_CHARS: usize = 300;
/// What stands where something was taken out.
const CUT: &str = "[cut]";
/// The fewest characters after `eyJ` that make it a JSON web token and not a word.
const JWT_CHARS: usize = 16;
/// Names whose value is a secret wherever they stand; links of the large object stores have several of them.
const SECRET_NAMES: [&str; 7] = ["signature", "sig", "token", "secret", "password", "credential", "keyid"];

/// Returns the text without the given secrets, tokens of the platform, JSON web tokens, and what follows the path
/// of a link; control characters are escaped and at most 300 characters are kept.
#[must_use]
pub fn redact(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, CUT);
    }
    let mut shown = String::with_capacity(text.len().min(4 * MAX_CHARS));
    for piece in text.split_inclusive(ends_word) {
        let word = piece.trim_end_matches(ends_word);
        match secret_start(word) {
            Some(start) => shown.extend([&word[..start], CUT]),
            None => shown.push_str(word),
        }
        shown.push_str(&piece[word.len()..]);
    }
    one_line(&shown)
}

/// Returns whether a character cannot be part of a link or a token.
fn ends_word(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | '`')
}

/// Finds where the part of a word begins that must not be shown.
fn secret_start(word: &str) -> Option<usize> {
    let lower = word.to_ascii_lowercase();
    [platform_token(&lower), web_token(word), link_secret(&lower), named_secret(&lower)]
        .into_iter()
        .flatten()
        .min()
}

/// Finds `wrka`, at most two letters of a region, and a hyphen.
fn platform_token(lower: &str) -> Option<usize> {
    lower.match_indices("wrka").map(|(start, _)| start).find(|start| {
        let rest = &lower[start + "wrka".len()..];
        rest.find('-')
            .is_some_and(|hyphen| hyphen <= 2 && rest[..hyphen].bytes().all(|c| c.is_ascii_lowercase()))
    })
}

/// Finds the `{"` in base 64 that every JSON web token starts with.
fn web_token(word: &str) -> Option<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    word.match_indices("eyJ")
        .map(|(start, _)| start)
        .find(|start| word[start + "eyJ".len()..].chars().take_while(|c| is_part(*c)).count() >= JWT_CHARS)
}

/// Finds the user part or the query of a link, written plainly, escaped as JSON or percent-encoded.
fn link_secret(lower: &str) -> Option<usize> {
    let mark = ["://", ":\\/\\/", "%3a%2f%2f"].iter().find_map(|mark| Some(lower.find(mark)? + mark.len()));
    let Some(authority) = mark else {
        return lower.find('?').filter(|query| lower[*query..].contains('='));
    };
    let rest = &lower[authority..];
    let host_end = rest.find(['/', '?', '#', '\\', '%']).unwrap_or(rest.len());
    if rest[..host_end].contains('@') {
        return Some(authority);
    }
    ["?", "#", "%3f", "%23"].iter().filter_map(|mark| rest.find(mark)).min().map(|end| authority + end)
}

/// Finds the value of `signature=…` and its like.
fn named_secret(lower: &str) -> Option<usize> {
    ["=", "%3d"]
        .iter()
        .flat_map(|sign| lower.match_indices(sign))
        .find(|(at, _)| SECRET_NAMES.iter().any(|name| lower[..*at].ends_with(name)))
        .map(|(at, sign)| at + sign.len())
}

/// Joins white space to single spaces, escapes what a terminal or an eye could be fooled with, and shortens.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    let spaced = text.split_whitespace().flat_map(|word| word.chars().chain([' ']));
    for (count, c) in spaced.enumerate() {
        if count == MAX_CHARS {
            return line.trim_end().to_owned() + "…";
        }
        if c.is_control() || is_invisible(c) {
            line.extend(c.escape_unicode());
        } else {
            line.push(c);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Returns whether a character changes the direction of text or has no width.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_and_signatures_are_cut() {
        for (text, shown) in [
            ("token s3cret-legacy-key is wrong", "token [cut] is wrong"),
            ("bad wrkaus-eyJhbGciOi.J9.x here", "bad [cut] here"),
            ("bad WRKA-eyJhbG", "bad [cut]"),
            ("(wrkaeu-eyJh, x", "([cut] x"),
            ("got eyJhbGciOiJSUzI1NiJ9.eyJzdWIi.sig", "got [cut]"),
            (
                "see https://s3.host/a/b.zip?X-Amz-Signature=abc&x=1 now",
                "see https://s3.host/a/b.zip[cut] now",
            ),
            (r#"{"url":"https:\/\/h\/a.zip?Sig\u003d1"}"#, r#"{"url":"https:\/\/h\/a.zip[cut]"}"#),
            ("to=https%3A%2F%2Fh%2Fa%3FSignature%3Dabc", "to=https%3A%2F%2Fh%2Fa[cut]"),
            ("/packages/a.zip?Expires=1&Signature=abc", "/packages/a.zip[cut]"),
            ("https://user:pass@host/x", "https://[cut]"),
            ("&Signature=abc", "&Signature=[cut]"),
            ("what? nothing = something", "what? nothing = something"),
            ("Validation failed: name", "Validation failed: name"),
        ] {
            assert_eq!(redact(text, &["s3cret-legacy-key", ""]), shown);
        }
    }

    #[test]
    fn text_stays_on_one_line_and_short() {
        assert_eq!(redact("a\r\n  b\tc\u{1b}[31m\u{202e}d ", &[]), "a b c\\u{1b}[31m\\u{202e}d");
        assert_eq!(redact(&"é".repeat(10_000), &[]), "é".repeat(MAX_CHARS) + "…");
    }

    proptest! {
        #[test]
        fn a_secret_never_comes_through(before in "\\PC{0,40}", after in "\\PC{0,40}", secret in "[a-z0-9]{12,40}") {
            let shown = redact(&format!("{before}{secret}{after}"), &[&secret]);
            prop_assert!(!shown.contains(&secret));
        }

        #[test]
        fn a_query_never_comes_through(path in "[a-z/.]{0,30}", query in "[A-Z0-9]{12,40}") {
            let shown = redact(&format!("x https://h/{path}?k={query} y"), &[]);
            prop_assert!(!shown.contains(&query));
            prop_assert!(shown.ends_with(" y"));
        }
    }
}
