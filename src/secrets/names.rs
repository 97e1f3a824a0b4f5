//! Which names are those of credentials, and which texts beside such a name are one.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::{Level, Mark};

/// Endings of names that say that the value is a credential.
const CREDENTIALS: [&str; 20] = [
    "secret",
    "secrets",
    "password",
    "passwords",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "token",
    "tokens",
    "apikey",
    "credential",
    "credentials",
    "authtoken",
    "accesstoken",
    "secretkey",
    "privatekey",
    "clientsecret",
    "authorization",
    "jwt",
];

/// What a key is for, where it is a credential: `api_key`, and not `sort_key`.
const KEYS: [&str; 20] = [
    "api",
    "secret",
    "private",
    "access",
    "auth",
    "encryption",
    "signing",
    "shared",
    "master",
    "license",
    "service",
    "account",
    "subscription",
    "storage",
    "consumer",
    "app",
    "hmac",
    "webhook",
    "integration",
    "admin",
];

/// What a token is for, where it is none: places in a list, and the like.
const PLACES: [&str; 12] = [
    "idempotency",
    "page",
    "next",
    "previous",
    "prev",
    "sync",
    "continuation",
    "cursor",
    "pagination",
    "delta",
    "resume",
    "skip",
];

/// Endings of names that say nothing of their own.
const FILLERS: [&str; 6] = ["value", "text", "string", "literal", "plain", "raw"];

/// What people write where a value is yet to be put, and words that are no value.
const PLACEHOLDERS: [&str; 24] = [
    "password",
    "passwd",
    "pass",
    "pwd",
    "secret",
    "token",
    "changeme",
    "change_me",
    "example",
    "null",
    "nil",
    "none",
    "true",
    "false",
    "string",
    "skip",
    "undefined",
    "optional",
    "required",
    "redacted",
    "hidden",
    "basic",
    "bearer",
    "oauth2",
];

/// The longest name that is looked at, in bytes.
const LONGEST_NAME: usize = 100;

/// Returns whether a name is that of a credential.
pub(super) fn is_credential(name: &str) -> bool {
    static HINTS: LazyLock<AhoCorasick> = LazyLock::new(|| {
        let hints = ["secret", "pass", "pwd", "token", "key", "credential", "authorization", "jwt"];
        AhoCorasick::builder().ascii_case_insensitive(true).build(hints).expect("they are few")
    });
    // Most names are told from credentials by one look.
    if name.len() > LONGEST_NAME || !HINTS.is_match(name) {
        return false;
    }
    let mut words = words(name);
    while words.last().is_some_and(|last| {
        FILLERS.contains(&last.as_str()) || last.bytes().all(|byte| byte.is_ascii_digit())
    }) {
        words.pop();
    }
    let Some(last) = words.pop() else { return false };
    let last = last.trim_end_matches(|c: char| c.is_ascii_digit());
    let before = words.last().map(String::as_str).unwrap_or_default();
    if last == "key" {
        return KEYS.contains(&before);
    }
    CREDENTIALS.contains(&last) && !PLACES.contains(&before)
}

/// Returns the words of a name, in lower case: parted by signs and by capitals.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut small = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (small && c.is_uppercase()) {
            words.push(String::new());
        }
        small = c.is_lowercase() || c.is_ascii_digit();
        if c.is_alphanumeric() {
            words.last_mut().expect("there is one").extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns what a text is that stands beside the name of a credential. Formulas and pills are taken out before.
pub(super) fn judge_literal(name: &str, text: &str) -> Option<Mark> {
    let text = text.trim();
    if text.len() < 3 || is_placeholder(text) || squeezed(text) == squeezed(name) || is_address(text) {
        return None;
    }
    let words = text.split_whitespace().count();
    if words == 1 && (looks_random(text) || is_strong(text)) {
        return Some(Mark { level: Level::Certain, kind: "named-secret" });
    }
    let is_authorization = squeezed(name).ends_with("authorization");
    // A sentence is a hint, and one word of many parts is the name of something.
    if words > 3 || is_identifier(text) || is_credential(text) && words == 1 || is_authorization {
        return None;
    }
    Some(Mark::likely("named-secret"))
}

/// Returns whether a text only stands where a value is yet to be put.
pub(super) fn is_placeholder(text: &str) -> bool {
    let lower = text.trim().to_ascii_lowercase();
    let framed = [('<', '>'), ('{', '}'), ('[', ']'), ('%', '%'), ('$', '}')];
    let is_framed = |(open, close): (char, char)| lower.starts_with(open) && lower.ends_with(close);
    let mut all = lower.chars();
    let first = all.next();
    lower.is_empty()
        || lower.contains('\u{1}')
        || lower.starts_with("your")
        || lower.starts_with('$')
        || first.is_some_and(|first| all.all(|c| c == first))
        || framed.into_iter().any(is_framed)
        || PLACEHOLDERS.contains(&lower.as_str())
}

/// Returns whether a text looks like nobody's words: long, in one piece, of letters and digits without a pattern.
pub(super) fn looks_random(text: &str) -> bool {
    let any = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
    let (letter, digit) = (any(u8::is_ascii_alphabetic), any(u8::is_ascii_digit));
    let mixed = any(u8::is_ascii_lowercase) && any(u8::is_ascii_uppercase);
    let token = text.bytes().all(|byte| byte.is_ascii_graphic());
    if !token || is_identifier(text) {
        return false;
    }
    letter && digit && text.len() >= 16 || mixed && text.len() >= 20 && entropy(text.as_bytes()) >= 3.5
}

/// Returns whether a word is as passwords have to be: of three sorts of characters, and eight of them.
fn is_strong(text: &str) -> bool {
    let any = |is: fn(&u8) -> bool| u8::from(text.as_bytes().iter().any(is));
    let sorts = any(u8::is_ascii_lowercase)
        + any(u8::is_ascii_uppercase)
        + any(u8::is_ascii_digit)
        + any(|byte| byte.is_ascii_punctuation() && !b"._-:/ ".contains(byte));
    text.len() >= 8 && sorts >= 3
}

/// Returns whether a text is the name of something: words that are joined by signs, with no more than a number each.
fn is_identifier(text: &str) -> bool {
    let is_word = |part: &str| {
        let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
        part.len() - word.len() <= 4
            && word.len() <= 20
            && word.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    let separators = ['_', '-', '.', ':'];
    text.contains(separators) && text.split(separators).all(is_word) && entropy(text.as_bytes()) < 4.2
}

fn is_address(text: &str) -> bool {
    text.starts_with('/') || text.starts_with("http://") || text.starts_with("https://")
}

/// Returns a name without its signs, in lower case.
fn squeezed(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Returns the entropy of a text, in bits a byte.
#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_usize; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let length = bytes.len() as f64;
    let share = |count: &usize| *count as f64 / length;
    -counts.iter().filter(|count| **count > 0).map(share).map(|share| share * share.log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_credentials_are_told_from_others() {
        for name in [
            "client_secret",
            "clientSecret",
            "FYLE_CLIENT_SECRET",
            "Token",
            "x-api-key",
            "password2",
            "secret_value",
            "refresh_token",
            "Authorization",
            "apiKey",
            "aws_secret_access_key",
            "API key",
        ] {
            assert!(is_credential(name), "{name}");
        }
        for name in [
            "next_page_token",
            "token_url",
            "token_type",
            "sort_key",
            "primary_key",
            "key",
            "client_id",
            "control_type",
            "grant_type",
            "secretary",
            "access_key_id",
            "",
        ] {
            assert!(!is_credential(name), "{name}");
        }
    }

    #[test]
    fn texts_beside_a_name_are_certain_likely_or_nothing() {
        let level = |text| judge_literal("client_secret", text).map(|mark| mark.level);
        for text in ["EXAMPLEfakefakefakefake01", "5d39e73d-2137-43f7-847c-982c35a976c1", "Tr0ub4dor&3"] {
            assert_eq!(level(text), Some(Level::Certain), "{text}");
        }
        for text in ["secret 2", "test secret", "hunter"] {
            assert_eq!(level(text), Some(Level::Likely), "{text}");
        }
        for text in [
            "",
            "Client secret",
            "access_token",
            "<your secret>",
            "********",
            "https://login.example.test/token",
            "The secret of the app that you made",
            "${SECRET}",
            "api_key",
            "null",
        ] {
            assert_eq!(level(text), None, "{text}");
        }
    }
}
