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
fn who_only_looks_into_the_state_folder_needs_no_token() {
    let folder = folder(GOOD);
    recipesync::fs::remove_file(&folder.path().join("dev.token")).unwrap();
    let (code, out, _) = outcome(folder.path(), &["status", "--config", "recipesync.toml"]);
    assert_eq!((code, out.as_str()), (Some(0), "orders: never\n"));
    let (code, ..) = outcome(folder.path(), &["history", "orders", "--config", "recipesync.toml"]);
    assert_eq!(code, Some(0));
    let (code, ..) = outcome(folder.path(), &["check", "--config", "recipesync.toml"]);
    assert_eq!(code, Some(78), "who speaks to the platform does");
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

#[test]
fn a_folder_survives_packing_and_unpacking() {
    let folder = folder(GOOD);
    let recipe = br#"{"name":"Intake","code":{"b":1.0,"a":[]}}"#;
    for (name, bytes) in [
        ("in/intake.recipe.json", &recipe[..]),
        ("in/Connections/crm.connection.json", b"{}"),
        ("in/README.md", b"hello"),
        ("in/.git/HEAD", b"ref"),
    ] {
        recipesync::fs::write_new(&folder.path().join(name), bytes).unwrap();
    }
    let (code, stdout, stderr) = outcome(folder.path(), &["pack", "in", "x.zip"]);
    assert_eq!((code, stdout.as_str()), (Some(0), "packed 2 files into x.zip\n"), "{stderr}");
    assert_eq!(stderr, "left out, it is no asset: .git\nleft out, it is no asset: README.md\n");

    let (code, stdout, _) = outcome(folder.path(), &["unpack", "x.zip", "out"]);
    assert_eq!((code, stdout.as_str()), (Some(0), "unpacked 2 files into out\n"));
    let unpacked = recipesync::fs::read_text(&folder.path().join("out/intake.recipe.json"), 1 << 10).unwrap();
    let canonical = "{\n  \"code\": {\n    \"a\": [],\n    \"b\": 1.0\n  },\n  \"name\": \"Intake\"\n}\n";
    assert_eq!(unpacked, canonical);

    let (code, _, stderr) = outcome(folder.path(), &["unpack", "x.zip", "out"]);
    assert_eq!((code, stderr.as_str()), (Some(1), "error: the folder out is not empty\n"));
}

#[test]
fn a_package_with_one_bad_entry_is_refused_whole() {
    let folder = folder(GOOD);
    for name in ["in/a.recipe.json", "in/b.recipe.json"] {
        recipesync::fs::write_new(&folder.path().join(name), b"{}").unwrap();
    }
    outcome(folder.path(), &["pack", "in", "x.zip"]);
    let zip = folder.path().join("x.zip");
    let mut bytes = recipesync::fs::read(&zip, 1 << 20).unwrap();
    // The name of the last entry, in both places where a zip has it.
    let starts: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"b.recipe")).collect();
    assert_eq!(starts.len(), 2);
    for start in starts {
        bytes[start..start + 8].copy_from_slice(b"/b/../..");
    }
    recipesync::fs::write(&zip, &bytes).unwrap();
    let (code, stdout, stderr) = outcome(folder.path(), &["unpack", "x.zip", "out"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("error: the package x.zip is refused whole: "), "{stderr}");
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_failure_names_its_project_however_quiet_the_log_is() {
    let folder = folder(GOOD);
    for format in ["text", "json"] {
        let arguments =
            ["sync", "-q", "--log-format", format, "--config", "recipesync.toml", "--give-up-after", "1ms"];
        let (code, _, stderr) = outcome(folder.path(), &arguments);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.lines().last().is_some_and(|line| line.contains("orders")), "{stderr}");
    }
}
