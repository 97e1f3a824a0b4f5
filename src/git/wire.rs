//! What git prints, read: pure functions over bytes.
//!
//! Porcelain formats where git has them; for failures the few phrases that git has kept for years, under `LC_ALL=C`.
//! A failure that no phrase tells counts as passing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::GitError;
use super::url::redact_url;
use crate::fs::FsError;
use crate::model::branch::BranchName;
use crate::model::oid::CommitId;

/// The longest reason that is shown, in characters.
const MAX_REASON: usize = 1000;

/// What an upstream offers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    /// The branch that `HEAD` names, where it has a commit.
    pub(super) head: Option<BranchName>,
    /// The branches.
    pub(super) tips: BTreeMap<BranchName, CommitId>,
}

/// Reads the output of `git ls-remote --symref`.
pub(super) fn parse_offer(output: &[u8], url: &str) -> Result<Offer, GitError> {
    let odd = |reason: &str| GitError::NotUnderstood { verb: "ls-remote", reason: reason.to_owned() };
    let text = std::str::from_utf8(output).map_err(|_| odd("a ref is not UTF-8"))?;
    let mut offer = Offer::default();
    let mut head_id = None;
    for line in text.lines() {
        let (value, name) = line.split_once('\t').ok_or_else(|| odd("a line has no tab"))?;
        if let Some(target) = value.strip_prefix("ref: ") {
            if name == "HEAD" {
                offer.head = target.strip_prefix("refs/heads/").and_then(|name| BranchName::parse(name).ok());
            }
            continue;
        }
        if value.len() == 64 {
            return Err(sha256(url));
        }
        let id: CommitId = value.parse().map_err(|_| odd("an object name is not one"))?;
        if name == "HEAD" {
            head_id = Some(id);
        }
        // Patterns match the ends of names, so that there can be others.
        let branch = name.strip_prefix("refs/heads/").and_then(|name| BranchName::parse(name).ok());
        offer.tips.extend(branch.map(|branch| (branch, id)));
    }
    if let (Some(head), Some(id)) = (&offer.head, head_id) {
        offer.tips.insert(head.clone(), id);
    }
    Ok(offer)
}

/// How a push of one ref ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// The ref is where it should be.
    Done,
    /// The ref was refused, by us or by the remote, with git's short reason.
    Refused(String),
}

/// Reads the output of `git push --porcelain` of one ref; `None` where there is no line about it.
pub(super) fn parse_push(output: &[u8]) -> Option<Pushed> {
    let text = String::from_utf8_lossy(output);
    text.lines().find_map(|line| {
        let mut fields = line.split('\t');
        let (flag, _, summary) = (fields.next()?, fields.next()?, fields.next()?);
        match flag {
            "!" => Some(Pushed::Refused(in_parentheses(summary).to_owned())),
            " " | "+" | "*" | "=" | "-" => Some(Pushed::Done),
            _ => None,
        }
    })
}

/// Decides what a refused push means.
pub(super) fn refusal(reason: &str, name: &str, url: &str, stderr: &str) -> GitError {
    let name = name.to_owned();
    let is = |phrases: &[&str]| phrases.iter().any(|phrase| reason.contains(phrase));
    if is(&["non-fast-forward", "fetch first", "stale info", "incorrect old value", "cannot lock ref"])
        || is(&["failed to update ref", "needs force", "reference already exists", "failed to lock"])
    {
        return GitError::Raced { name };
    }
    if is(&["branch is currently checked out"]) {
        return GitError::CheckedOut { name, url: redact_url(url) };
    }
    if is(&["internal server error", "Internal Server Error"]) {
        return GitError::Unreachable { url: redact_url(url), reason: shown(reason) };
    }
    let is_incomplete = is(&["missing necessary objects"]);
    let said = remote_lines(stderr);
    let reason = if said.is_empty() { reason.to_owned() } else { format!("{reason}: {said}") };
    if is_incomplete {
        // It lacks what its own branches lead to, as one that borrows from a repository that is gone.
        return GitError::Unreachable { url: redact_url(url), reason: shown(&reason) };
    }
    GitError::Refused { name, reason: shown(&reason) }
}

/// Decides what a failed command means from what it wrote to standard error.
pub(super) fn failure(url: &str, cache: &Path, stderr: &str) -> GitError {
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| stderr.contains(phrase));
    let (url, reason) = (redact_url(url), reason(stderr));
    if stderr.lines().any(|line| line.contains(".lock'") && line.contains("File exists")) {
        return GitError::LockHeld { reason };
    }
    if has(&["Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED"]) {
        return GitError::UntrustedHost { url, reason };
    }
    if has(&[
        "terminal prompts disabled",
        "Authentication failed",
        "could not read Username",
        "could not read Password",
    ]) || has(&[
        "Permission denied (",
        "returned error: 401",
        "returned error: 403",
        "Invalid username or",
    ]) || has(&["Permission to ", "access denied", "Access denied"])
    {
        return GitError::Unauthorized { url, reason };
    }
    if has(&["mismatched algorithms", "unknown object format", "unsupported object format"]) {
        return sha256(&url);
    }
    if has(&["unknown repository extension", "Expected git repo version", "reftable"]) {
        let reason = format!("this git cannot read its format: {reason}");
        return GitError::Unsupported { what: url, reason };
    }
    if has(&["shallow update not allowed"]) {
        return shallow(url);
    }
    if has(&["unable to find remote helper", "' not allowed", "Unable to find remote helper"]) {
        return GitError::Unsupported { what: url, reason };
    }
    // What takes a pack in is on this side, and does not say where it writes.
    let is_ours = has(&["fetch-pack: invalid index-pack output"]);
    if stderr.lines().any(|line| tells_of_a_full_disk(cache, is_ours, line)) {
        let full = std::io::Error::new(std::io::ErrorKind::StorageFull, reason);
        return GitError::Disk(Arc::new(FsError { verb: "write", path: cache.to_owned(), source: full }));
    }
    if stderr.lines().any(|line| tells_of_damage(cache, line)) {
        return GitError::Damaged { folder: cache.to_owned(), reason };
    }
    GitError::Unreachable { url, reason }
}

/// Returns whether a line says that the disk of the cache is full. An upstream on this machine says the same of its
/// own, so the cache must be named, or known to be what is written to.
fn tells_of_a_full_disk(cache: &Path, is_ours: bool, line: &str) -> bool {
    let full = ["No space left on device", "Out of diskspace", "Disk quota exceeded"];
    let is_said_by_git = || ["fatal: ", "error: "].iter().any(|start| line.starts_with(start));
    let is_ours = line.contains(&*cache.to_string_lossy()) || is_ours && is_said_by_git();
    is_ours && full.iter().any(|phrase| line.contains(phrase))
}

/// Returns whether a line says that the cache is damaged.
fn tells_of_damage(cache: &Path, line: &str) -> bool {
    // From the packing before a push, and from a fetch of objects that we have, or of deltas against them; an upstream's
    // own would come as `remote:`.
    let ours = ["error: bad packed object CRC", "fatal: cannot read existing object"];
    if ours.iter().any(|start| line.starts_with(start))
        || line.starts_with("fatal: pack has ") && line.contains("unresolved delta")
    {
        return true;
    }
    let broken = [
        "not a git repository",
        "corrupt",
        "bad object",
        "does not point to a valid object",
        "is empty",
        "far too short",
        "does not match index",
        "cannot be accessed",
        "unable to read",
    ];
    // Upstreams on this machine print the same words about themselves, so the cache must be named.
    let is_of_cache = line.contains(&*cache.to_string_lossy()) || line.contains("refs/remotes/origin/");
    is_of_cache && broken.iter().any(|phrase| line.contains(phrase))
}

/// Finds out whether a fetch that succeeded has left a branch out.
pub(super) fn rejection(url: &str, stderr: &str) -> Option<GitError> {
    let is_left_out = |line: &str| line.starts_with("warning: rejected ") && line.contains(" shallow ");
    stderr.lines().any(is_left_out).then(|| shallow(redact_url(url)))
}

fn shallow(what: String) -> GitError {
    GitError::Unsupported { what, reason: "it is a shallow clone".to_owned() }
}

fn sha256(url: &str) -> GitError {
    let reason = "its objects are named by SHA-256; only SHA-1 repositories are supported".to_owned();
    GitError::Unsupported { what: redact_url(url), reason }
}

fn in_parentheses(summary: &str) -> &str {
    let inner = summary.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
    inner.map_or(summary, |(inner, _)| inner)
}

/// What the remote said through hooks and rules.
fn remote_lines(stderr: &str) -> String {
    let lines = stderr.lines().filter_map(|line| line.strip_prefix("remote:")).map(str::trim);
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What git and the remote said went wrong, without advice and progress.
fn reason(stderr: &str) -> String {
    let matters = |line: &&str| {
        let general = ["Please make sure you have the correct access rights", "and the repository exists."];
        !line.is_empty()
            && !line.starts_with("hint:")
            && !line.starts_with("warning:")
            && !general.contains(line)
    };
    let lines: Vec<_> = stderr.lines().map(str::trim).filter(matters).collect();
    shown(&lines.join("; "))
}

/// Makes a foreign text fit to be shown: no credentials, no control characters, bounded.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in redact_url(text).chars().take(MAX_REASON) {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789012345678901234567890123456789";
    const B: &str = "abcdefabcdefabcdefabcdefabcdefabcdefabcd";

    #[test]
    fn an_offer_is_read() {
        let output = format!(
            "ref: refs/heads/main\tHEAD\n{A}\tHEAD\n{A}\trefs/heads/main\n{B}\trefs/heads/eu/live\n{B}\trefs/x/refs/heads/main\n"
        );
        let offer = parse_offer(output.as_bytes(), "u").unwrap();
        assert_eq!(offer.head, BranchName::parse("main").ok());
        let tips: Vec<_> = offer.tips.iter().map(|(name, id)| (name.as_str(), id.to_string())).collect();
        assert_eq!(tips, [("eu/live", B.to_owned()), ("main", A.to_owned())]);
    }

    #[test]
    fn an_empty_an_odd_and_a_sha256_upstream() {
        assert_eq!(parse_offer(b"", "u").unwrap(), Offer::default());
        assert_eq!(
            parse_offer(format!("{A}\tHEAD\n").as_bytes(), "u").unwrap(),
            Offer::default(),
            "detached"
        );
        assert!(matches!(parse_offer(b"nonsense\n", "u"), Err(GitError::NotUnderstood { .. })));
        assert!(matches!(parse_offer(b"\xff\tHEAD\n", "u"), Err(GitError::NotUnderstood { .. })));
        let long = format!("{}\tHEAD\n", "a".repeat(64));
        assert!(matches!(parse_offer(long.as_bytes(), "u"), Err(GitError::Unsupported { .. })));
    }

    #[test]
    fn a_push_is_read() {
        let line =
            |flag: &str, summary: &str| format!("To /up\n{flag}\t{A}:refs/heads/main\t{summary}\nDone\n");
        for (flag, summary) in
            [(" ", "aaa..bbb"), ("*", "[new branch]"), ("=", "[up to date]"), ("+", "a...b (forced)")]
        {
            assert_eq!(parse_push(line(flag, summary).as_bytes()), Some(Pushed::Done));
        }
        let refused = line("!", "[remote rejected] (pre-receive hook declined (by rule))");
        assert_eq!(
            parse_push(refused.as_bytes()),
            Some(Pushed::Refused("pre-receive hook declined (by rule)".to_owned()))
        );
        assert_eq!(parse_push(b""), None);
        assert_eq!(parse_push(b"To /up\nDone\n"), None);
    }

    #[test]
    fn a_refusal_is_a_race_a_working_tree_or_a_rule() {
        for race in
            ["fetch first", "non-fast-forward", "cannot lock ref 'refs/heads/main': is at a but expected b"]
        {
            assert!(matches!(refusal(race, "main", "/up", ""), GitError::Raced { .. }), "{race}");
        }
        assert!(matches!(
            refusal("branch is currently checked out", "main", "/up", ""),
            GitError::CheckedOut { .. }
        ));
        assert!(matches!(
            refusal("missing necessary objects", "main", "/up", "remote: fatal: bad object refs/heads/main"),
            GitError::Unreachable { .. }
        ));
        let stderr =
            "remote: no \u{1b}[31mrecipes\u{1b}[0m on Fridays        \nremote: see https://u:s@h/x\n";
        insta::assert_snapshot!(
            refusal("pre-receive hook declined", "main", "/up", stderr),
            @r"push main: refused: pre-receive hook declined: no \u{1b}[31mrecipes\u{1b}[0m on Fridays; see https://…@h/x"
        );
    }

    #[test]
    fn a_failure_is_told_by_its_words() {
        let cache = Path::new("/state/repos/r.git");
        let kind = |stderr: &str| {
            format!("{:?}", failure("https://u:p@h/x", cache, stderr)).split(' ').next().map(str::to_owned)
        };
        for (stderr, expected) in [
            ("fatal: unable to access 'https://h/x/': Could not resolve host: h", "Unreachable"),
            ("fatal: '/up' does not appear to be a git repository", "Unreachable"),
            ("error: object file ./objects/ab/cd is empty", "Unreachable"),
            ("fatal: Authentication failed for 'https://h/x/'", "Unauthorized"),
            ("fatal: could not read Username for 'https://h': terminal prompts disabled", "Unauthorized"),
            ("git@h: Permission denied (publickey).", "Unauthorized"),
            ("Host key verification failed.", "UntrustedHost"),
            ("fatal: mismatched algorithms: client sha1; server sha256", "Unsupported"),
            ("fatal: unknown repository extension found:\n\trefstorage", "Unsupported"),
            ("fatal: transport 'ext' not allowed", "Unsupported"),
            ("fatal: Unable to create '/state/repos/r.git/shallow.lock': File exists.", "LockHeld"),
            ("fatal: not a git repository: '/state/repos/r.git'", "Damaged"),
            ("fatal: bad object refs/remotes/origin/main", "Damaged"),
            (
                "fatal: sha1 file '/state/repos/r.git/objects/pack/tmp_rev_4SBEkw' write error. Out of diskspace",
                "Disk(FsError",
            ),
            ("error: unable to create temporary file: No space left on device", "Unreachable"),
            (
                "fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output",
                "Disk(FsError",
            ),
            (
                "remote: fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output",
                "Unreachable",
            ),
            ("error: bad packed object CRC for 945c9b46d684f08ec84cb316e1dc0061e361f794", "Damaged"),
            ("error: inflate: data stream error\nfatal: pack has 1 unresolved delta", "Damaged"),
            (
                "error: inflate: data stream error (invalid block type)\nfatal: cannot read existing object \
                 a960ccc3850cd3639cd6be18a9a6e28761ca51f1\nfatal: fetch-pack: invalid index-pack output",
                "Damaged",
            ),
            ("remote: fatal: pack has 4 unresolved deltas", "Unreachable"),
            (
                "remote: error: bad packed object CRC for 945c9b46d684f08ec84cb316e1dc0061e361f794",
                "Unreachable",
            ),
        ] {
            assert_eq!(kind(stderr).as_deref(), Some(expected), "{stderr}");
        }
        insta::assert_snapshot!(
            failure("https://u:p@h/x", cache, "fatal: repository 'https://u:p@h/x/' not found\n"),
            @"reach https://…@h/x: fatal: repository 'https://…@h/x/' not found"
        );
    }
}
