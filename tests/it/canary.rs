//! What must never come out of the program: every secret of the stages, and the search for them.
//!
//! Each stage uses these secrets, hands what it hears to [`no_secret`], and searches its whole folder at its end, so that
//! every story is also one about secrets.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A workspace's token as the platform makes them, and as nothing but the exact text can find it.
pub(crate) const TOKEN: &str = "wrkaus-canary-7f3a";
pub(crate) const KEY: &str = "9b1dcanaryb06e5ac3legacy41";
/// A token for https upstreams.
pub(crate) const GIT_TOKEN: &str = "canary0of0the0upstream77";
/// What a private key for ssh holds.
pub(crate) const SSH_KEY: &str = "b3BlbnNzaC1jYW5hcnkta2V5LXYx";
/// What signs links of other stores.
pub(crate) const LINK: &str = "canaryOfAForeignSignature";

/// All of them, what signs the links of the embedded workspace, and how the upstream's token goes over the wire.
const SECRETS: [&str; 7] =
    [TOKEN, KEY, GIT_TOKEN, SSH_KEY, LINK, "X-Amz-Signature", "eC1hY2Nlc3MtdG9rZW46Y2FuYXJ5MG9m"];

/// Names of the files that are there to hold secrets.
const HOLDERS: [&str; 2] = [".token", "deploy_key"];

/// Asserts that a text holds no secret, nor a piece of ours that only a core dump or a panic would show.
#[track_caller]
pub(crate) fn no_secret(what: &str, bytes: &[u8]) {
    for secret in SECRETS {
        if let Some(at) = find(bytes, secret.as_bytes()) {
            let around = &bytes[at.saturating_sub(200)..(at + 100).min(bytes.len())];
            panic!("{what} holds {secret}: …{}…", String::from_utf8_lossy(around));
        }
    }
}

/// Asserts that no file below a folder holds a secret, nor an object of a git repository there, reachable or not.
#[expect(clippy::disallowed_methods, reason = "whatever is there, as it is")]
pub(crate) fn search(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        no_secret("a file's name", path.as_os_str().as_encoded_bytes());
        if kind.is_dir() {
            search(&path);
        } else if kind.is_file() && !HOLDERS.iter().any(|name| path.to_string_lossy().ends_with(name)) {
            // A file may go while it is looked at: git's and the database's own.
            if let Ok(bytes) = fs::read(&path) {
                no_secret(&path.to_string_lossy(), &bytes);
            }
        }
    }
    if folder.join("objects").is_dir() && folder.join("HEAD").is_file() {
        no_secret(&folder.to_string_lossy(), &objects(folder));
    }
}

/// Returns all objects of a repository, inflated.
#[expect(clippy::disallowed_methods, reason = "git itself says what it holds")]
fn objects(repository: &Path) -> Vec<u8> {
    let output = Command::new("git")
        .arg("--git-dir")
        .arg(repository)
        .args([
            "-c",
            "safe.directory=*",
            "cat-file",
            "--batch",
            "--batch-all-objects",
            "--unordered",
            "--buffer",
        ])
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    // A story may have spoilt it: then its bytes have been searched, and no more can be.
    output.stdout
}

fn find(bytes: &[u8], secret: &[u8]) -> Option<usize> {
    memchr(bytes, secret[0]).find(|at| bytes[*at..].starts_with(secret))
}

fn memchr(bytes: &[u8], byte: u8) -> impl Iterator<Item = usize> + '_ {
    bytes.iter().enumerate().filter(move |(_, found)| **found == byte).map(|(at, _)| at)
}

#[test]
fn a_secret_is_found_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let found = || std::panic::catch_unwind(|| search(folder.path())).is_err();
    let repository = folder.path().join("a/b.git");
    let git = |arguments: &[&str], input: &str| {
        let path = repository.to_str().unwrap();
        let script = format!("printf %s {input} | git --git-dir {path} {}", arguments.join(" "));
        #[expect(clippy::disallowed_methods, reason = "somebody else's repository")]
        let ran = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    recipesync::fs::create_folder(&repository).unwrap();
    git(&["init", "--quiet", "--bare"], "''");
    recipesync::fs::write(&folder.path().join("dev.token"), TOKEN.as_bytes()).unwrap();
    assert!(!found(), "a file that is there to hold it may");
    git(&["hash-object", "-w", "--stdin"], GIT_TOKEN);
    assert!(found(), "an object that no ref leads to");
    recipesync::fs::remove_folder(&repository).unwrap();
    assert!(!found());
    recipesync::fs::write(&folder.path().join("a/state.db-wal"), format!("\0\u{1}{KEY}\0").as_bytes())
        .unwrap();
    assert!(found(), "a file of bytes");
}
