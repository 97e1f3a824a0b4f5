//! How the binary is asked, and how it ends.

use std::path::Path;
use std::process::{Command, Stdio};

const GOOD: &str = r#"
state_dir = "state"
[workspace.dev]
url = "http://127.0.0.1:9"
token_file = "dev.token"
[repository.recipes]
url = "./upstream.git"
[project.orders]
workspace = "dev"
repository = "recipes"
path = "orders"
folder_id = 5678
export.branch = "main"
"#;

/// A folder with a configuration and a token.
fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    recipesync::fs::write(&folder.path().join("recipesync.toml"), config.as_bytes()).unwrap();
    recipesync::fs::write(&folder.path().join("dev.token"), b"wrkaus-s3cret\n").unwrap();
    folder
}

/// Our binary, with a folder to work in and nothing else in its environment.
#[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
fn recipesync(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("recipesync"));
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

/// What a finished run leaves: its exit code, stdout and stderr.
fn outcome(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = recipesync(folder, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn wrong_usage_is_64_and_help_is_0() {
    let folder = folder(GOOD);
    for arguments in [
        &[][..],
        &["-v"],
        &["bogus"],
        &["check", "--bogus"],
        &["check", "--color", "pink"],
        &["sync", "--give-up-after", "soon"],
        &["resolve", "orders"],
        &["resolve", "orders", "--take", "both"],
        &["history"],
        &["completions", "clay"],
        &["emulator", "--project", "nameless"],
    ] {
        let (code, stdout, stderr) = outcome(folder.path(), arguments);
        assert_eq!((code, stdout.as_str()), (Some(64), ""), "{arguments:?}");
        assert!(stderr.contains("Usage:") || stderr.contains("--help"), "{stderr}");
    }
    for arguments in [&["--help"][..], &["-h"], &["--version"], &["help", "sync"], &["sync", "--help"]] {
        let (code, stdout, stderr) = outcome(folder.path(), arguments);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(stdout.contains("recipesync"), "{stdout}");
    }
}

#[test]
fn check_tells_a_good_configuration_from_a_wrong_one() {
    let good = folder(GOOD);
    let (code, stdout, stderr) = outcome(good.path(), &["check", "--config", "recipesync.toml"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.contains("recipesync.toml is good: 1 project"), "{stdout}");
    assert!(!stdout.contains("s3cret"));

    let wrong = folder(&format!("colour = 1\n{}", GOOD.replace("\"orders\"", "\"../x\"")));
    let (code, stdout, stderr) = outcome(wrong.path(), &["check", "--config", "recipesync.toml"]);
    assert_eq!((code, stdout.as_str()), (Some(78), ""));
    assert!(stderr.starts_with("error: the configuration has 2 problems\n"), "{stderr}");
    assert!(stderr.contains("recipesync.toml:1: colour: unknown key"), "{stderr}");
    assert!(stderr.contains("project.orders.path: it has a part that is . or .."), "{stderr}");

    let (code, _, stderr) = outcome(good.path(), &["check", "--config", "absent.toml"]);
    assert_eq!(code, Some(78));
    assert!(stderr.contains("absent.toml: No such file") && stderr.contains("\nhint: "), "{stderr}");
}

#[test]
fn the_configuration_can_be_named_by_the_environment() {
    let folder = folder(GOOD);
    let mut command = recipesync(folder.path(), &["check"]);
    let output = command.env("RECIPESYNC_CONFIG", "recipesync.toml").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = folder(GOOD);
    let mut child = recipesync(folder.path(), &["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn manual_and_completions_know_all_commands() {
    let folder = folder(GOOD);
    let (_, manual, _) = outcome(folder.path(), &["man"]);
    let (_, completions, _) = outcome(folder.path(), &["completions", "zsh"]);
    for command in ["run", "sync", "plan", "status", "history", "resolve", "unpack", "demo"] {
        assert!(manual.contains(&format!("\n.TH recipesync-{command} 1")), "{command}");
        assert!(completions.contains(&format!("({command})")), "{command}");
    }
}
