//! Judges one text: what of it somebody typed, and whether that is a secret.
//!
//! Data pills, formulas and interpolations are references, and say nothing; the literals beside them do, and wherever it
//! stands what has the form of a credential.

use std::borrow::Cow;

use super::known;
use super::names::{is_credential, judge_literal, looks_random};
use super::signs::Signs;
use super::{Level, Mark, json, source, surer};
use crate::asset::json::Doc;

/// How deep JSON inside of texts is read.
const DEEPEST: u8 = 4;

/// What stands in place of a reference.
pub(super) const REFERENCE: char = '\u{1}';

/// Mailboxes of a role, not of a person.
const ROLES: [&str; 36] = [
    "support",
    "info",
    "admin",
    "noreply",
    "no-reply",
    "donotreply",
    "do-not-reply",
    "sales",
    "help",
    "helpdesk",
    "contact",
    "hello",
    "office",
    "team",
    "billing",
    "service",
    "services",
    "postmaster",
    "webmaster",
    "security",
    "privacy",
    "ops",
    "dev",
    "it",
    "hr",
    "jobs",
    "careers",
    "marketing",
    "press",
    "notifications",
    "notification",
    "alerts",
    "git",
    "user",
    "email",
    "example",
];

/// Endings of what looks like an address and is the name of a picture.
const PICTURES: [&str; 5] = ["png", "jpg", "jpeg", "gif", "svg"];

/// Texts of fewer bytes hold nothing, whatever they stand beside.
pub(super) const SHORTEST: usize = 3;

/// Returns what is known of a text that stands beside a name: the surest.
pub(super) fn judge(name: Option<&str>, text: &str, depth: u8) -> Option<Mark> {
    judge_beside(name.filter(|name| is_credential(name)), text, depth)
}

/// Returns what is known of a text that stands beside the name of a credential, or beside none: the surest.
pub(super) fn judge_beside(name: Option<&str>, text: &str, depth: u8) -> Option<Mark> {
    if holds_nothing(text.as_bytes(), name.is_some(), true) {
        return None;
    }
    let signs = Signs::of(text);
    let typed =
        if signs.has(Signs::HASH) || text.starts_with('=') { typed(text) } else { Cow::Borrowed(text) };
    let mut found = known::find(&typed, signs);
    // What has a form of its own is known in a reference as well.
    let is_reduced = matches!(typed, Cow::Owned(_)) && !is_certain(found);
    found = if is_reduced { surer(found, known::by_form(text, signs)) } else { found };
    found = found.or_else(|| signs.has(Signs::DASH).then(|| private_key(&typed)).flatten());
    if is_certain(found) {
        return found;
    }
    if let Some(name) = name {
        for literal in literals(&typed) {
            found = surer(found, judge_literal(name, literal));
        }
    }
    if is_certain(found) {
        return found;
    }
    let nested = text.trim_start().starts_with(['{', '[']) && depth < DEEPEST;
    if let Some(Ok(doc)) = nested.then(|| Doc::parse(text.as_bytes())) {
        found = surer(found, json::judge_nested(&doc, depth + 1));
    } else {
        if signs.has(Signs::EQUALS) {
            found = surer(found, form(&typed));
        }
        if signs.has(Signs::QUOTE) {
            found = surer(found, typed.lines().map(source::assignments).fold(None, surer));
        }
    }
    if signs.has(Signs::AT) { surer(found, personal(&typed)) } else { found }
}

/// Returns whether a text is too short to hold anything, beside the name of a credential or beside none: `has_at` says
/// whether there may be an `@` in it, which is looked for then.
pub(super) fn holds_nothing(text: &[u8], is_beside: bool, has_at: bool) -> bool {
    let has_at = || has_at && text.contains(&b'@');
    text.len() < SHORTEST || text.len() < known::SHORTEST && !is_beside && !has_at()
}

fn is_certain(found: Option<Mark>) -> bool {
    found.is_some_and(|mark| mark.level == Level::Certain)
}

/// Returns a text without its references, which a sign stands for.
pub(super) fn typed(text: &str) -> Cow<'_, str> {
    let signs: &[&str] = if text.starts_with('=') { &["#{", "_('", "_dp('", "_(\""] } else { &["#{"] };
    let next = |rest: &str| {
        let starts = rest.match_indices(['#', '_']);
        starts
            .map(|(at, _)| at)
            .find_map(|at| signs.iter().find(|sign| rest[at..].starts_with(**sign)).map(|sign| (at, *sign)))
    };
    if next(text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, sign)) = next(rest) {
        written.push_str(&rest[..at]);
        written.push(REFERENCE);
        rest = &rest[at..];
        rest = &rest[behind(rest, sign)..];
    }
    written.push_str(rest);
    Cow::Owned(written)
}

/// Returns where a reference ends that starts a text; at the text's end where it has none.
fn behind(text: &str, sign: &str) -> usize {
    let end = |close: &str| text.find(close).map_or(text.len(), |at| at + close.len());
    match sign {
        "#{" if text.starts_with("#{_(") || text.starts_with("#{_dp(") => end(")}"),
        "#{" => {
            let mut depth = 0_u32;
            let closes = text.char_indices().skip(1).find(|(_, c)| {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            closes.map_or(text.len(), |(at, _)| at + 1)
        }
        "_(\"" => end("\")"),
        _ => end("')"),
    }
}

/// Returns what was typed: of a formula the texts in quotes, else the pieces between references.
fn literals(typed: &str) -> Vec<&str> {
    match typed.strip_prefix('=') {
        Some(formula) => source::quoted(formula).map(|quoted| quoted.content).collect(),
        None => typed.split(REFERENCE).collect(),
    }
}

/// A private key in its usual frame.
fn private_key(text: &str) -> Option<Mark> {
    let (_, rest) = text.split_once("-----BEGIN")?;
    let (title, _) = rest.split_once("-----")?;
    (title.len() < 100 && title.ends_with("PRIVATE KEY")).then_some(Mark::certain("private-key"))
}

/// Names and values as addresses and form bodies have them: `a=b&client_secret=…`.
fn form(text: &str) -> Option<Mark> {
    let is_break = |c: char| "?&;\"'`<>".contains(c) || c.is_whitespace();
    let pairs = text.split(is_break).filter_map(|part| part.split_once('='));
    let mut found = None;
    for (name, value) in pairs {
        let is_named =
            is_credential(name) || matches!(name, "sig" | "X-Amz-Signature" | "X-Amz-Security-Token");
        if is_named && looks_random(value) && !value.contains(REFERENCE) {
            found = Some(Mark::certain("secret-in-address"));
        }
    }
    found
}

/// The mail address of a person.
pub(super) fn personal(text: &str) -> Option<Mark> {
    let is_local = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
    let is_domain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    let mut start = 0;
    text.match_indices('@').find_map(|(at, _)| {
        let before = &text[std::mem::replace(&mut start, at + 1)..at];
        let local = &before[before.trim_end_matches(is_local).len()..];
        let after = &text[at + 1..];
        let domain = &after[..after.find(|c| !is_domain(c)).unwrap_or(after.len())];
        let (host, last) = domain.trim_end_matches('.').rsplit_once('.')?;
        let is_address = !host.is_empty()
            && last.len() >= 2
            && last.bytes().all(|byte| byte.is_ascii_alphabetic())
            && !PICTURES.contains(&last.to_ascii_lowercase().as_str());
        let role = local.split(['+', '_', '.']).next().unwrap_or_default().to_ascii_lowercase();
        let is_person = !local.is_empty() && !ROLES.contains(&role.as_str());
        (is_address && is_person).then_some(Mark { level: Level::Personal, kind: "mail-address" })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_not_what_was_typed() {
        for (text, rest) in [
            ("a#{_('data.x.1')}b", "a\u{1}b"),
            (r#"#{_dp('{"pill_type":"output","path":["a"]}')}"#, "\u{1}"),
            ("=\"x\" + _('data.x.1')", "=\"x\" + \u{1}"),
            ("Bearer #{connection['token']}!", "Bearer \u{1}!"),
            ("#{a{b}c} d", "\u{1} d"),
            ("#{open", "\u{1}"),
            ("#", "#"),
        ] {
            assert_eq!(typed(text), rest, "{text}");
        }
    }

    #[test]
    fn people_are_told_from_roles_and_pictures() {
        assert!(personal("to jane.doe@example.test").is_some());
        for text in ["support@example.test", "logo@2x.png", "@everyone", "a@b", "git@github.com:x", "x@1.2.3"]
        {
            assert_eq!(personal(text), None, "{text}");
        }
    }

    #[test]
    fn forms_are_read() {
        let secret = "grant_type=refresh_token&client_secret=EXAMPLEfakefakefakefake01";
        assert_eq!(judge(None, secret, 0), Some(Mark::certain("secret-in-address")));
        assert_eq!(judge(None, "grant_type=refresh_token&client_secret=#{_('data.a.b')}", 0), None);
    }
}
