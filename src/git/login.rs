//! What git is told about the way to an upstream: who we are there, and what may not be on the way.
//!
//! Secrets stay in their files; here are the settings that make git read them. Not here: running git.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use secrecy::SecretString;

use super::url::{CLEAR, has_scheme, token_origin};

/// A setting of git: its key and its value.
type Setting = (String, OsString);

/// How to log in, beyond what git's own configuration knows.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// A file with a token and the user name to send it with, for https: git itself reads the file.
    pub token_file: Option<(PathBuf, String)>,
    /// What the file holds, to be cut out of what git and the upstream say.
    pub token: Option<SecretString>,
    /// A private key for ssh.
    pub ssh_key_file: Option<PathBuf>,
}

/// Returns all that git is told for one URL.
pub(super) fn settings(url: &str, credentials: &Credentials) -> Vec<Setting> {
    let mut settings = transport_settings(url);
    settings.extend(token_settings(url, credentials));
    settings
}

/// Settings that keep git from all that can be read and changed on the way: where the URL itself does not say so, for
/// this machine, neither a redirect nor `insteadOf` leads there, and where it does, no proxy and no redirect leads away.
fn transport_settings(url: &str) -> Vec<Setting> {
    let closed = CLEAR.iter().filter(|scheme| !has_scheme(url, scheme));
    let mut settings: Vec<_> =
        closed.map(|scheme| (format!("protocol.{scheme}.allow"), OsString::from("never"))).collect();
    if let Some(origin) = token_origin(url).filter(|_| has_scheme(url, "http")) {
        settings.push((format!("http.{origin}.proxy"), OsString::new()));
        settings.push((format!("http.{origin}.followRedirects"), "false".into()));
    }
    settings
}

/// Settings that make git read the token from its file, for the URL's own origin alone: neither a command line nor
/// the environment ever holds it, and a redirect to another origin does not get it.
fn token_settings(url: &str, credentials: &Credentials) -> Vec<Setting> {
    let (Some((file, user)), Some(origin)) = (&credentials.token_file, token_origin(url)) else {
        return Vec::new();
    };
    let mut helper = OsString::from("!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' ");
    helper.push(quoted(OsStr::new(user)));
    helper.push(" \"$(tr -d '\\r\\n' <");
    helper.push(quoted(file.as_os_str()));
    helper.push(")\"; }; f");
    // The first one, empty, forgets the helpers of the user, who would store the token.
    vec![("credential.helper".to_owned(), OsString::new()), (format!("credential.{origin}.helper"), helper)]
}

/// Quotes for a shell.
pub(super) fn quoted(text: &OsStr) -> OsString {
    let mut bytes = b"'".to_vec();
    for &byte in text.as_bytes() {
        if byte == b'\'' {
            bytes.extend(b"'\\''");
        } else {
            bytes.push(byte);
        }
    }
    bytes.push(b'\'');
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_in_the_clear_but_to_this_machine() {
        let settings = |url: &str| {
            let pairs = transport_settings(url).into_iter();
            pairs.map(|(key, value)| format!("{key}={}", value.display())).collect::<Vec<_>>().join(" ")
        };
        let none = "protocol.http.allow=never protocol.git.allow=never protocol.ftp.allow=never";
        for url in ["https://h/a", "git@h:a", "/srv/a"] {
            assert_eq!(settings(url), none, "{url}");
        }
        assert_eq!(
            settings("http://127.0.0.1:80/a"),
            "protocol.git.allow=never protocol.ftp.allow=never http.http://127.0.0.1:80.proxy= \
             http.http://127.0.0.1:80.followRedirects=false"
        );
        assert_eq!(settings("git://localhost/a"), "protocol.http.allow=never protocol.ftp.allow=never");
    }
}
