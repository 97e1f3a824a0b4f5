//! Connector source and other texts, line by line.
//!
//! No language is parsed: a text in quotes is a value, and what stands before it is its name.

use std::borrow::Cow;

use super::names::{is_credential, judge_literal};
use super::values::{judge, typed};
use super::{Finding, HIDDEN, Level, Mark, surer};

/// What settles a false alarm, in a comment on its line or on the one before.
const ALLOW: &str = "recipesync:allow";

/// The longest name that is looked for before a text in quotes, in bytes.
const LONGEST_NAME: usize = 80;

/// Returns what the lines of a text hold.
pub(super) fn scan(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(lines(text)) {
        if let Line { mark: Some(mark), .. } = line {
            findings.push(Finding { line: number, kind: mark.kind.into(), level: mark.level });
        }
    }
    findings
}

/// Returns connector source, or another text, with each line left out that surely holds a secret: of a private key
/// all lines. Lines that `recipesync:allow` settles are shown.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    let is_hidden =
        |line: &Line<'_>| line.in_key || line.mark.is_some_and(|mark| mark.level == Level::Certain);
    if !lines(text).any(|line| is_hidden(&line)) {
        return Cow::Borrowed(text);
    }
    let show = |line: Line<'_>| {
        let end = if line.text.ends_with('\n') { "\n" } else { "" };
        if is_hidden(&line) { format!("{HIDDEN}{end}") } else { line.text.to_owned() }
    };
    Cow::Owned(lines(text).map(show).collect())
}

/// A line, and what it holds.
struct Line<'a> {
    text: &'a str,
    mark: Option<Mark>,
    /// Whether it is part of a private key, after its first line.
    in_key: bool,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let (mut settled, mut in_key) = (false, false);
    text.split_inclusive('\n').map(move |text| {
        let line = text.trim_end();
        let is_allowed = settled || line.contains(ALLOW);
        settled = line.trim_start().starts_with('#') && line.contains(ALLOW);
        let was_in_key = in_key;
        in_key = in_key && !line.contains("-----END");
        let mark = judge(None, line, 0).filter(|_| !is_allowed);
        if mark.is_some_and(|mark| mark.kind == "private-key") && !line.contains("-----END") {
            in_key = true;
        }
        Line { text, mark, in_key: was_in_key }
    })
}

/// A text in quotes.
pub(super) struct Quoted<'a> {
    before: &'a str,
    pub(super) content: &'a str,
}

/// Returns the texts in quotes of a line, one after the other.
pub(super) fn quoted(line: &str) -> impl Iterator<Item = Quoted<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let open = from + line[from..].find(['"', '\''])?;
        let quote = line.as_bytes()[open];
        let mut escaped = false;
        let length = line[open + 1..].bytes().position(|byte| {
            let ends = byte == quote && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        let content = &line[open + 1..open + 1 + length];
        let found = Quoted { before: &line[..open], content };
        from = open + length + 2;
        Some(found)
    })
}

/// Returns what the texts in quotes of a line are, by the names before them.
pub(super) fn assignments(line: &str) -> Option<Mark> {
    quoted(line).fold(None, |found, quoted| {
        let named = name_before(quoted.before).filter(|name| is_credential(name));
        let by_name = named.and_then(|name| {
            let content = typed(quoted.content);
            content.split(super::values::REFERENCE).map(|piece| judge_literal(name, piece)).fold(None, surer)
        });
        // JSON that is written into source.
        let inside = || {
            let is_json = quoted.content.contains("\\\"");
            is_json.then(|| quoted.content.replace("\\\"", "\"")).and_then(|text| assignments(&text))
        };
        surer(surer(found, by_name), inside())
    })
}

/// Returns the name that a value in quotes is given to: `name: `, `"name": `, `name = `, `'name' => `, `'name', `.
fn name_before(before: &str) -> Option<&str> {
    let before = before.trim_end();
    let (rest, comma) = match before.strip_suffix("=>").or_else(|| before.strip_suffix([':', '='])) {
        Some(rest) => (rest.trim_end(), false),
        None => (before.strip_suffix(',')?.trim_end(), true),
    };
    let plain = rest.strip_suffix(['"', '\'']);
    if comma && plain.is_none() {
        return None;
    }
    let rest = plain.unwrap_or(rest);
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let start = rest.trim_end_matches(is_part).len();
    let name = &rest[start..];
    // Of a list of texts, none is the name of the next; of the arguments of a call, the first is.
    if comma && !rest[..start].trim_end_matches(['"', '\'']).ends_with('(') {
        return None;
    }
    (!name.is_empty() && name.len() <= LONGEST_NAME).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(text: &str) -> Vec<(u32, Level)> {
        scan(text).iter().map(|finding| (finding.line, finding.level)).collect()
    }

    #[test]
    fn names_are_found_before_values() {
        for (before, name) in [
            ("  client_secret: ", Some("client_secret")),
            ("{ \"token\": ", Some("token")),
            ("'X-Api-Key' => ", Some("X-Api-Key")),
            ("api_key=", Some("api_key")),
            ("header('X-Api-Key', ", Some("X-Api-Key")),
            ("f(token, ", None),
            ("['token', ", None),
            ("connection[", None),
            ("token == ", None),
        ] {
            assert_eq!(name_before(before), name, "{before}");
        }
    }

    #[test]
    fn an_alarm_is_settled_on_its_line_or_the_one_before() {
        let secret = "client_secret: 'EXAMPLEfakefakefakefake01'";
        assert_eq!(levels(&format!("a\n{secret}\n")), [(2, Level::Certain)]);
        assert_eq!(levels(&format!("{secret} # recipesync:allow\n")), []);
        assert_eq!(levels(&format!("# recipesync:allow\n{secret}\n{secret}\n")), [(3, Level::Certain)]);
        // A settled line of code settles only itself.
        assert_eq!(levels(&format!("x # recipesync:allow\n{secret}\n")), [(2, Level::Certain)]);
    }

    #[test]
    fn lines_with_secrets_are_not_shown() {
        let text = "a\nclient_secret: 'EXAMPLEfakefakefakefake01'\n-----BEGIN PRIVATE KEY-----\nRkFL\n-----END PRIVATE KEY-----\nb";
        assert_eq!(redacted(text), "a\n(hidden)\n(hidden)\n(hidden)\n(hidden)\nb");
        assert!(matches!(redacted("a\nb"), Cow::Borrowed("a\nb")));
    }

    #[test]
    fn json_inside_source_is_read() {
        assert_eq!(
            levels(r#"body = "{\"client_secret\":\"EXAMPLEfakefakefakefake01\"}""#),
            [(1, Level::Certain)]
        );
    }
}
