//! What git prints, changed in every way: whatever comes, the parsers answer, and nothing unfit to be shown is in it.

use std::path::Path;

use crate::git::wire::{failure, parse_offer, parse_push, refusal};
use crate::model::branch::BranchName;

#[expect(clippy::duplicate_mod, reason = "each room has its own targets")]
#[path = "../../../tests/fuzz/mod.rs"]
mod fuzz;

const URL: &str = "https://u:s3cret@h/x";

const WORDS: [&str; 24] = [
    "refs/heads/",
    "refs/heads/main",
    "HEAD",
    "ref: ",
    "\t",
    "\n",
    "!",
    "=",
    "*",
    "[remote rejected] (",
    ")",
    "0123456789012345678901234567890123456789",
    "non-fast-forward",
    "remote: ",
    "fatal: ",
    "error: ",
    "https://u:s3cret@h/x",
    "https://tok%65n@h/y",
    "'/state/repos/r.git/shallow.lock': File exists",
    "corrupt",
    "\u{1b}[31m",
    "\u{202e}",
    "..",
    "refs/heads/-x@{y",
];

fn target(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let offer = parse_offer(input, URL);
    if let Ok(offer) = &offer {
        for name in offer.tips.keys().chain(&offer.head) {
            assert_eq!(BranchName::parse(name.as_str()).as_ref(), Ok(name));
        }
    }
    let offered = offer.map_or_else(|error| error.to_string(), |offer| offer.tips.len().min(3).to_string());
    let pushed = parse_push(input);
    let refused = refusal(&text, "main", URL, &text).to_string();
    let failed = failure(URL, Path::new("/state/repos/r.git"), &text).to_string();
    for shown in [&offered, &refused, &failed] {
        assert!(!shown.contains("https://u:s3cret@"), "{shown}");
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
        assert!(shown.len() < 20_000, "{} bytes", shown.len());
    }
    let kind = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
    format!("{offered} {pushed:.20?} {} {}", kind(&refused), kind(&failed))
}

fn all() -> fuzz::Fuzz {
    fuzz::Fuzz::new("git", &WORDS, [])
}

#[test]
fn what_git_prints_is_read_whatever_it_is() {
    all().briefly(target);
}

#[test]
#[ignore = "it takes a minute"]
fn soak_what_git_prints() {
    all().long(target);
}
