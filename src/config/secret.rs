//! Finds and reads secrets: by file, by `$CREDENTIALS_DIRECTORY`, by an environment variable.
//!
//! What it reads goes into a `SecretString` and nowhere else; its messages name files and variables alone.

use std::path::PathBuf;

use secrecy::SecretString;

use super::Origin;
use super::reader::Written;
use super::report::{Read, Report};
use crate::fs;

/// The largest token file: tokens have up to a few kilobytes.
const MAX_BYTES: u64 = 64 * 1024;

/// How tokens start, so that one that stands where a file name belongs is not shown.
const TOKEN_STARTS: [&str; 6] = ["wrka", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-"];

/// A file that holds a secret, where it was found.
pub(super) struct SecretFile {
    /// Its absolute path.
    pub(super) path: PathBuf,
    /// Whether the service manager keeps it, and keeps others away from it.
    managed: bool,
}

/// Finds the file that was named: in `$CREDENTIALS_DIRECTORY` where that holds the name, else beside the
/// configuration.
pub(super) fn locate(report: &Report<'_>, origin: &Origin<'_>, name: &Written<&str>) -> Read<SecretFile> {
    let Written { value, place } = name;
    if value.is_empty() || value.contains(char::is_control) {
        return Err(report.problem(place, "it must name a file"));
    }
    if looks_like_a_token(value) {
        return Err(report.problem_with_hint(
            place,
            "it looks like a token itself",
            "write the token to a file of mode 0600 and name that file here",
        ));
    }
    let credentials = origin.environment.path("CREDENTIALS_DIRECTORY").filter(|_| !value.contains('/'));
    if let Some(path) = credentials.map(|folder| folder.join(value)).filter(|path| fs::mode(path).is_ok()) {
        return Ok(SecretFile { path, managed: true });
    }
    Ok(SecretFile { path: origin.folder.join(value), managed: false })
}

/// Returns whether a text that should name something is the secret itself.
pub(super) fn looks_like_a_token(text: &str) -> bool {
    TOKEN_STARTS.iter().any(|start| text.starts_with(start)) || text.contains("eyJ")
}

/// Reads the token that a file holds.
pub(super) fn read_file(
    report: &Report<'_>,
    origin: &Origin<'_>,
    name: &Written<&str>,
    file: &SecretFile,
) -> Read<SecretString> {
    if !origin.secrets {
        return Ok(SecretString::default());
    }
    let text = fs::read_text(&file.path, MAX_BYTES).map_err(|error| {
        let message = format!("{error}: {}", error.source);
        report.problem_with_hint(&name.place, message, "it holds the token alone, on one line")
    })?;
    if !file.managed && mode(report, name, file)? & 0o077 != 0 {
        report.warning(
            &name.place,
            format!("others can read {}", file.path.display()),
            format!("chmod 600 {}", file.path.display()),
        );
    }
    token(report, name, text)
}

/// Checks a private key that ssh will read: it does not take one that others can read.
pub(super) fn check_key(
    report: &Report<'_>,
    origin: &Origin<'_>,
    name: &Written<&str>,
    file: &SecretFile,
) -> Read<()> {
    if origin.secrets && mode(report, name, file)? & 0o077 != 0 && !file.managed {
        let message = format!("others can read {}, and ssh refuses such a key", file.path.display());
        return Err(report.problem_with_hint(
            &name.place,
            message,
            format!("chmod 600 {}", file.path.display()),
        ));
    }
    Ok(())
}

/// Reads the token that an environment variable holds.
pub(super) fn read_variable(
    report: &Report<'_>,
    origin: &Origin<'_>,
    name: &Written<&str>,
) -> Read<SecretString> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.value.is_empty() || !name.value.chars().all(good) {
        return Err(report.problem(&name.place, "it must name an environment variable"));
    }
    if !origin.secrets {
        return Ok(SecretString::default());
    }
    let value = origin.environment.variable(name.value).map(|value| value.to_str());
    match value {
        Some(Some(text)) => token(report, name, text.to_owned()),
        Some(None) => Err(report.problem(&name.place, format!("${} is not UTF-8", name.value))),
        None => Err(report.problem_with_hint(
            &name.place,
            format!("${} is not set", name.value),
            "set it for the service, or use token_file",
        )),
    }
}

fn mode(report: &Report<'_>, name: &Written<&str>, file: &SecretFile) -> Read<u32> {
    fs::mode(&file.path).map_err(|error| report.problem(&name.place, format!("{error}: {}", error.source)))
}

fn token(report: &Report<'_>, name: &Written<&str>, mut text: String) -> Read<SecretString> {
    if text.ends_with('\n') {
        text.pop();
    }
    if text.ends_with('\r') {
        text.pop();
    }
    let message = if text.is_empty() {
        "the token is empty"
    } else if text.contains('\n') {
        "there is more than one line where the token should be"
    } else if !text.chars().all(|c| c.is_ascii_graphic()) {
        "the token holds a space or another character that no token has"
    } else {
        return Ok(SecretString::from(text));
    };
    Err(report.problem(&name.place, message))
}
