//! What a repository's URL says, read as git reads it.
//!
//! Nothing here goes to the network. The disk is only looked at to find the folder that a local upstream keeps its
//! refs in.

use std::path::{Path, PathBuf};

use crate::fs;
use crate::model::host::is_this_machine;

/// The schemes of git that encrypt nothing.
pub(super) const CLEAR: [&str; 3] = ["http", "git", "ftp"];

/// The longest `.git` file that is read, in bytes: one path.
const MAX_LINK_BYTES: u64 = 8192;

/// Returns the text with the user part of every URL in it cut out, so that it can be shown.
#[must_use]
pub fn redact_url(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + "://".len());
        shown.push_str(before);
        let end =
            after.find(|c: char| c == '/' || c.is_whitespace() || "'\"".contains(c)).unwrap_or(after.len());
        let host = after[..end].rfind('@').map_or(0, |at| at + 1);
        if host > 0 {
            shown.push_str("…@");
        }
        // A colon may be of a URL that follows without a gap.
        let end = if after[..end].ends_with(':') { end - 1 } else { end };
        shown.push_str(&after[host..end]);
        rest = &after[end..];
    }
    shown + rest
}

/// Returns whether the URL itself holds a password or token.
#[must_use]
pub fn has_password(url: &str) -> bool {
    user_part(url).is_some_and(|user| user.contains(':'))
}

/// Returns whether a token may be sent to where a URL leads: https, or http on this machine.
#[must_use]
pub fn takes_token(url: &str) -> bool {
    token_origin(url).is_some()
}

/// Returns whether everybody on the way to an upstream could read, and change, what is fetched from it.
#[must_use]
pub fn is_in_the_clear(url: &str) -> bool {
    CLEAR.iter().any(|scheme| has_scheme(url, scheme))
        && !host(url).is_some_and(|(_, name)| is_this_machine(name))
}

/// Returns whether a URL is of a scheme, as git reads it.
pub(super) fn has_scheme(url: &str, scheme: &str) -> bool {
    let start = url.split_once("://").map(|(start, _)| start);
    start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// Returns the scheme and host that a token may be sent to; `None` for all else.
pub(super) fn token_origin(url: &str) -> Option<String> {
    let (host, name) = host(url)?;
    if url.starts_with("https://") {
        return Some(format!("https://{host}"));
    }
    (url.starts_with("http://") && is_this_machine(name)).then(|| format!("http://{host}"))
}

/// Returns the host of a URL, with and without its port; `None` where programs could read different ones.
fn host(url: &str) -> Option<(&str, &str)> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let host = authority.rsplit('@').next()?;
    let name_end = match host.find(']') {
        Some(bracket) => bracket + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    let (name, port) = host.split_at(name_end);
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    let is_odd = |c: char| "?#\\".contains(c) || c.is_whitespace() || c.is_control();
    (!name.is_empty() && is_port && !authority.contains(is_odd)).then_some((host, name))
}

/// Returns the folder that holds the branches of an upstream on this machine, in `refs/heads` and `packed-refs`, or
/// in `reftable` where it has one; `None` for an upstream elsewhere, or for a path where no repository is now.
#[must_use]
pub fn local_upstream(url: &str) -> Option<PathBuf> {
    let path = local_path(url)?;
    // The order in which git itself tries them.
    let with = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.trim_end_matches('/')));
    [with("/.git"), PathBuf::from(&path), with(".git/.git"), with(".git")]
        .into_iter()
        .find_map(|at| git_folder(&at))
}

/// Returns whether a URL is a path of this machine, whatever is there.
pub(super) fn is_on_this_machine(url: &str) -> bool {
    local_path(url).is_some()
}

fn local_path(url: &str) -> Option<String> {
    if let Some(path) = url.strip_prefix("file://") {
        return percent_decoded(path.strip_prefix("localhost").unwrap_or(path));
    }
    // `host:path` is ssh unless a slash comes first.
    let slash = url.find('/').unwrap_or(url.len());
    (!url.contains("://") && url.find(':').is_none_or(|colon| colon > slash)).then(|| url.to_owned())
}

/// Returns the folder itself where it is a repository, or the one that a `.git` file of a worktree leads to.
fn git_folder(at: &Path) -> Option<PathBuf> {
    let folder = if at.is_file() {
        let link = fs::read_text(at, MAX_LINK_BYTES).ok()?;
        at.parent()?.join(link.strip_prefix("gitdir:")?.trim())
    } else {
        at.to_owned()
    };
    if !folder.join("HEAD").exists() {
        return None;
    }
    // A linked worktree has its own HEAD and shares the branches.
    match fs::read_text(&folder.join("commondir"), MAX_LINK_BYTES) {
        Ok(common) => Some(folder.join(common.trim())),
        Err(_) => Some(folder),
    }
}

fn user_part(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split('/').next()?.rsplit_once('@').map(|(user, _)| user)
}

fn percent_decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_cut_out_and_nothing_else() {
        for (text, shown) in [
            ("https://u:s3cret@h/x.git", "https://…@h/x.git"),
            ("fatal: no 'https://t@h:8/x' and ssh://git@h/y", "fatal: no 'https://…@h:8/x' and ssh://…@h/y"),
            ("https://u:p@ss@h", "https://…@h"),
            ("git@github.com:acme/recipes.git", "git@github.com:acme/recipes.git"),
            ("/srv/a@b/x", "/srv/a@b/x"),
            ("https://h/a@b", "https://h/a@b"),
            ("x://https://u:s3cret@h:/y", "x://https://…@h:/y"),
        ] {
            assert_eq!(redact_url(text), shown);
        }
        assert!(
            has_password("https://u:s@h/x") && !has_password("https://u@h/x:y@z") && !has_password("a@b:c@d")
        );
    }

    #[test]
    fn a_token_goes_to_one_origin_and_never_in_the_clear() {
        for (url, origin) in [
            ("https://u@github.com/a/b", Some("https://github.com")),
            ("https://h:8443/a", Some("https://h:8443")),
            ("https://h@evil/a", Some("https://evil")),
            ("https://u@h@evil/a", Some("https://evil")),
            ("http://127.0.0.1:80/a", Some("http://127.0.0.1:80")),
            ("http://u@127.9.9.9/a", Some("http://127.9.9.9")),
            ("http://[::1]/a", Some("http://[::1]")),
            ("http://[::1]:80/a", Some("http://[::1]:80")),
            ("http://localhost/a", Some("http://localhost")),
            ("http://h/a", None),
            ("http://localhost.evil/a", None),
            ("http://127.0.0.1.evil/a", None),
            ("http://127.0.0.1@evil/a", None),
            ("http://localhost:80@evil/a", None),
            ("http://evil\\@127.0.0.1/a", None),
            ("http://evil?@127.0.0.1/a", None),
            ("http://evil#@127.0.0.1/a", None),
            ("http://evil:x@127.0.0.1:y/a", None),
            ("http://2130706433/a", None),
            ("http://0177.0.0.1/a", None),
            ("https://evil?@h/a", None),
            ("https://evil\\@h/a", None),
            ("HTTPS://h/a", None),
            ("ssh://h/a", None),
            ("git@h:a", None),
            ("/srv/a", None),
            ("https:///a", None),
        ] {
            assert_eq!(token_origin(url).as_deref(), origin, "{url}");
        }
    }

    #[test]
    fn only_this_machine_is_reached_in_the_clear() {
        for url in ["http://h/a", "HTTP://h/a", "git://h/a", "ftp://h/a", "http://127.0.0.1@h/a", "http:///a"]
        {
            assert!(is_in_the_clear(url), "{url}");
        }
        for url in [
            "http://127.0.0.1/a",
            "git://localhost/a",
            "https://h/a",
            "ssh://h/a",
            "git@h:a",
            "file:///a",
            "/srv/http://a",
        ] {
            assert!(!is_in_the_clear(url), "{url}");
        }
    }

    #[test]
    fn a_local_upstream_is_found_bare_with_a_tree_and_from_a_worktree() {
        let at = tempfile::tempdir().unwrap();
        let text = |path: &str| at.path().join(path).to_str().unwrap().to_owned();
        for folder in ["bare.git", "tree/.git/worktrees/w", "linked"] {
            fs::create_folder(&at.path().join(folder)).unwrap();
        }
        for head in ["bare.git/HEAD", "tree/.git/HEAD", "tree/.git/worktrees/w/HEAD"] {
            fs::write(&at.path().join(head), b"").unwrap();
        }
        fs::write(&at.path().join("tree/.git/worktrees/w/commondir"), b"../..\n").unwrap();
        let link = format!("gitdir: {}\n", text("tree/.git/worktrees/w"));
        fs::write(&at.path().join("linked/.git"), link.as_bytes()).unwrap();

        assert_eq!(local_upstream(&text("bare.git")), Some(text("bare.git").into()));
        assert_eq!(local_upstream(&text("bare")), Some(text("bare.git").into()));
        assert_eq!(local_upstream(&format!("file://{}", text("b%61re.git"))), Some(text("bare.git").into()));
        assert_eq!(local_upstream(&text("tree/")), Some(text("tree/.git").into()));
        let shared = local_upstream(&text("linked")).unwrap();
        assert_eq!(shared.canonicalize().unwrap(), at.path().join("tree/.git").canonicalize().unwrap());
        for url in [&text("absent"), "git@h:a/b", "https://h/a", "ssh://h/a"] {
            assert_eq!(local_upstream(url), None, "{url}");
        }
    }
}
