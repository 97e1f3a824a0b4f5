//! Formats of credentials that are known by their looks alone: the rules of `known.tsv`, and a few of our own.
//!
//! A rule is tried only where one of its words occurs, so that nearly all text is passed over in one look. Its
//! expressions are compiled when first needed.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::bytes::{Regex, RegexBuilder};

use super::Mark;
use super::names;
use super::signs::Signs;

/// The shortest text in which a credential is known by its looks alone, in bytes; one with an `@` may be shorter. Rules
/// of the table would match a few bytes less, which no real credential of theirs has, and a `Basic` header of a name and a
/// password of six bytes together.
pub(super) const SHORTEST: usize = 16;

/// The shortest token behind `Bearer` that is taken for one, in bytes.
const SHORTEST_BEARER: usize = 16;

/// How much of a compiled expression may be kept in memory, in bytes: some count to several hundred.
const COMPILED: usize = 8 << 20;

/// A rule of the table.
struct Rule {
    id: &'static str,
    /// The least entropy of what is matched, in bits a character.
    entropy: f64,
    compiled: LazyLock<Regex, Box<dyn FnOnce() -> Regex + Send>>,
}

/// The table, and a search for the words of all rules: each word with the number of its rule.
struct Rules {
    rules: Vec<Rule>,
    words: AhoCorasick,
    rule_of_word: Vec<usize>,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let (mut rules, mut words, mut rule_of_word) = (Vec::new(), Vec::new(), Vec::new());
    for line in include_str!("known.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.splitn(4, '\t');
        let mut field = || fields.next().expect("every rule has four fields");
        let (id, keywords, entropy, expression) = (field(), field(), field(), field());
        let entropy = entropy.parse().expect("the third field is a number");
        for word in keywords.split(',') {
            words.push(word);
            rule_of_word.push(rules.len());
        }
        rules.push(Rule { id, entropy, compiled: LazyLock::new(Box::new(|| compile(expression))) });
    }
    let words =
        AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(words);
    Rules { rules, words: words.expect("the words are few"), rule_of_word }
});

fn compile(expression: &str) -> Regex {
    let compiled = RegexBuilder::new(expression).unicode(false).size_limit(COMPILED).build();
    compiled.expect("a test compiles every expression")
}

/// Returns the first known credential in a text with these signs. Data pills are taken out of it before.
pub(super) fn find(text: &str, signs: Signs) -> Option<Mark> {
    let address =
        || signs.has(Signs::COLON).then(|| credentials_in_url(text).or_else(|| webhook(text))).flatten();
    let header = || signs.has(Signs::SPACE).then(|| authorization(text)).flatten();
    address().or_else(header).or_else(|| by_form(text, signs))
}

/// Returns the first credential in a text with these signs that has a form of its own.
pub(super) fn by_form(text: &str, signs: Signs) -> Option<Mark> {
    if !signs.has(Signs::TOKEN) {
        return None;
    }
    let table = &*RULES;
    // A bit for each rule that was tried.
    let mut tried = 0_u128;
    for word in table.words.find_overlapping_iter(text) {
        let at = table.rule_of_word[word.pattern().as_usize()];
        if tried & 1 << at != 0 {
            continue;
        }
        tried |= 1 << at;
        let rule = &table.rules[at];
        let matched = rule.compiled.captures_iter(text.as_bytes()).find(|found| {
            let secret = found.iter().skip(1).flatten().next().or_else(|| found.get(0));
            secret.is_some_and(|secret| names::entropy(secret.as_bytes()) >= rule.entropy)
        });
        if matched.is_some() {
            return Some(Mark::certain(rule.id));
        }
    }
    None
}

/// `https://user:password@host`.
fn credentials_in_url(text: &str) -> Option<Mark> {
    text.match_indices("://").find_map(|(at, sign)| {
        let rest = &text[at + sign.len()..];
        let ends = |c: char| c.is_whitespace() || c.is_control() || "/?#\"'<>\\`|".contains(c);
        let authority = &rest[..rest.find(ends).unwrap_or(rest.len())];
        let (_, password) = authority.rsplit_once('@')?.0.split_once(':')?;
        (!names::is_placeholder(password)).then_some(Mark::certain("credentials-in-url"))
    })
}

/// An `Authorization` header with its value: `Bearer` and a token, `Basic` and what decodes to a name and a password.
fn authorization(text: &str) -> Option<Mark> {
    static SCHEMES: LazyLock<AhoCorasick> = LazyLock::new(|| {
        let words = AhoCorasick::builder().ascii_case_insensitive(true).build(["bearer ", "basic "]);
        words.expect("they are few")
    });
    SCHEMES.find_iter(text).find_map(|scheme| {
        let rest = text[scheme.end()..].trim_start_matches(' ');
        let ends = |c: char| !(c.is_ascii_alphanumeric() || "-._~+/=".contains(c));
        let token = &rest[..rest.find(ends).unwrap_or(rest.len())];
        if scheme.pattern().as_usize() == 1 {
            let decoded = STANDARD.decode(token).ok()?;
            let is_pair = decoded.contains(&b':') && decoded.iter().all(|byte| (0x20..0x7f).contains(byte));
            return is_pair.then_some(Mark::certain("basic-authorization"));
        }
        let is_token = token.len() >= SHORTEST_BEARER && names::looks_random(token);
        is_token.then_some(Mark::certain("bearer-token"))
    })
}

/// The address of a web hook that whoever knows it may call.
fn webhook(text: &str) -> Option<Mark> {
    let ends = |c: char| c.is_whitespace() || c.is_control() || "\"'<>\\`".contains(c);
    text.split(ends).filter_map(|word| word.split_once("://")).find_map(|(_, address)| {
        if !address.contains("hook") {
            return None;
        }
        let is_hex = |part: &str, length| {
            part.len() >= length && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        };
        if address.split(['/', '?', '=', '&']).any(|part| is_hex(part, 40)) {
            return Some(Mark::certain("webhook-address"));
        }
        // Recipes name their own addresses, which hold a UUID.
        address.split('/').any(|part| is_hex(part, 32)).then_some(Mark::likely("webhook-address"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expression_compiles_and_has_its_words() {
        // Each has a bit in a number of 128.
        assert!((100..=128).contains(&RULES.rules.len()));
        for (at, rule) in RULES.rules.iter().enumerate() {
            assert!(!rule.compiled.is_match(b""), "{}", rule.id);
            assert!(RULES.rule_of_word.contains(&at), "{}", rule.id);
        }
    }

    #[test]
    fn known_formats_are_found_and_what_looks_like_them_is_not() {
        let found = |text: &str| find(text, Signs::of(text));
        let kind = |text: &str| found(text).map(|mark| mark.kind);
        // Put together here, so that no scanner takes this file for a leak.
        let github = format!("gh{}_{}", "p", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        let stripe = format!("sk_{}_{}", "live", "4eC39HqLyjWDarjtT1zdp7dc");
        let slack = format!(
            "https://hooks.slack.com/services/{}/{}",
            "T00000000/B00000000", "abcdefghijklmnopqrstuvwx"
        );
        assert_eq!(kind(&format!("x = '{github}'")), Some("github-pat"));
        assert_eq!(kind(&stripe), Some("stripe-access-token"));
        assert!(kind(&slack).is_some());
        assert_eq!(kind("https://u:Tr0ub4dor@db.example.test/x"), Some("credentials-in-url"));
        assert_eq!(kind("ldap://u:pw1@h"), Some("credentials-in-url"), "however short");
        assert_eq!(kind("Basic RkFLRTpGQUtFRkFLRUZBS0VGQUtF"), Some("basic-authorization"));
        for silent in [
            "https://user:password@example.test/x",
            "https://example.test/a@b:c",
            "https://\u{1}:\u{1}@example.test/x",
            "Basic authentication is used",
            "Bearer \u{1}",
            "Bearer authentication_token",
            "https://example.test/webhooks/orders",
            "5d39e73d-2137-43f7-847c-982c35a976c1",
            "image_24_md5_ec6cf663332a328a97b4167423be0993.png",
        ] {
            assert_eq!(found(silent), None, "{silent}");
        }
    }
}
