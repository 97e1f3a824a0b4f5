//! Packages that nobody may trust, through the embedded workspace into real projects and through `unpack`: refused
//! with the entry and the reason, nothing of them in git or on the disk, and within bounded memory.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use chrono::DateTime;
use recipesync::emulator::{hostile_names, hostile_package};
use recipesync::model::path::PackagePath;
use recipesync::model::project::ProjectName;
use recipesync::store::Store;
use serde_json::{Value, json};

use crate::canary::no_secret;
use crate::stage::{PROJECT, Pairing, Stage, recipe, recipesync, said};

const INTAKE: &str = "intake.recipe.json";

/// The most memory that a process of ours may have held at any time, in kB, whatever came.
const MOST_KB: u64 = 300_000;

/// Making the largest of the packages holds up all requests, on a busy machine for long.
const PATIENT: [&str; 2] = ["--give-up-after", "10m"];

/// Runs a command to its end, and returns the most memory that it held, in kB.
pub(crate) fn peak(mut command: Command) -> (Output, u64) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |mut from: Box<dyn std::io::Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes).unwrap();
            bytes
        })
    };
    let (stdout, stderr) = (read(Box::new(stdout)), read(Box::new(stderr)));
    let mut most = 0;
    let status = loop {
        let text = recipesync::fs::read_text(status.as_ref(), 1 << 16).unwrap_or_default();
        most = most.max(high_water(&text));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    };
    let output = Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
    no_secret("an output", &[&output.stdout[..], &output.stderr].concat());
    (output, most)
}

/// Returns the high-water mark of a process's memory, in kB; 0 where it has just ended.
fn high_water(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or(0, |line| line.trim().trim_end_matches(" kB").parse().unwrap())
}

fn project_of(case: &str) -> String {
    format!("of-{}", case.replace('_', "-"))
}

#[test]
fn every_hostile_package_stalls_its_project_with_the_entry_and_the_reason_and_no_other() {
    let mut stage = Stage::new(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    for case in hostile_names() {
        let name = project_of(case);
        let pairing = Pairing { project: name.clone(), path: name.clone(), ..Pairing::one_branch() };
        stage.add_project(&name, pairing, &[("fine.recipe.json", recipe("Fine", "one"))]);
    }
    // All at once on one branch: none of them may lose its race against the others for long.
    stage.sync_with(&PATIENT).expect(0, "in_sync");
    let before = stage.upstream.at_upstream(&["ls-tree", "-r", "main"]);
    let objects = |repository: &str| {
        let listed = stage.upstream.git(&[
            "--git-dir",
            stage.path(repository).to_str().unwrap(),
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(objectname) %(objecttype)",
        ]);
        listed.lines().filter(|line| line.ends_with("blob")).map(str::to_owned).collect::<Vec<_>>()
    };
    let blobs = objects("state/repos/recipes.git");

    let store = Store::open_beside(&stage.path("state")).unwrap();
    for case in hostile_names() {
        let project = ProjectName::parse(&project_of(case)).unwrap();
        let manifest = store.state(&project).unwrap().unwrap().0.manifest.unwrap();
        stage
            .fault(&json!({ "on": "export.start", "id": manifest, "then": { "hostile": { "name": case } } }));
    }
    drop(store);
    let (ran, most) = peak(recipesync(&stage.path("."), &["sync", "--full", PATIENT[0], PATIENT[1]]));
    assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(most > 10_000 && most < MOST_KB, "{most} kB were held");

    let outcome = stage.run(&["status", "--json"]);
    let all: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    let of = |project: &str| all.iter().find(|entry| entry["project"] == project).unwrap();
    assert_eq!(of("orders")["state"], "in_sync", "the others go on");
    let mut told = String::new();
    for case in hostile_names() {
        let entry = of(&project_of(case));
        assert_eq!(entry["state"], "stalled", "{case}: {entry:#}");
        let reason = entry["stalled"]["reason"].as_str().unwrap();
        let (package, reason) =
            reason.split_once(" is refused: ").unwrap_or_else(|| panic!("{case}: {reason}"));
        assert!(package.starts_with("package "), "{case}: {package}");
        // Which of many pages is one too many depends on who reads faster.
        let one = (0..20).find(|n| reason.starts_with(&format!("entry \"evil_{n}.lcap_page.zip")));
        let reason = match one {
            Some(n) if case == "many_page_bombs" => reason.replace(&format!("evil_{n}."), "evil_N."),
            _ => reason.to_owned(),
        };
        writeln!(told, "{case}: {reason}").unwrap();
    }
    insta::assert_snapshot!(told);
    assert_eq!(stage.upstream.at_upstream(&["ls-tree", "-r", "main"]), before);
    assert_eq!(objects("state/repos/recipes.git"), blobs, "nothing of them is in the cache");

    stage.world(|world| world.faults.clear());
    stage.sync_with(&PATIENT).expect(0, "in_sync");
    assert_eq!(stage.run(&["status"]).code, Some(0), "all of them look again by themselves");
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("one"));
}

/// Names that some disk takes for `.git`, or that leave the folder there, and their neighbours that are fine.
fn disguises() -> Vec<String> {
    let ignorable =
        ['\u{200b}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2060}'..='\u{206f}', '\u{feff}'..='\u{feff}'];
    let mut parts: Vec<String> = Vec::new();
    for stem in [
        ".git",
        ".GIT",
        ".gIt",
        "git~1",
        "GIT~1",
        "git~2",
        ".gitx",
        "git",
        ".gi",
        ".gitmodules",
        "..",
        ".",
        "...",
    ] {
        for end in [
            "",
            ".",
            " ",
            "..",
            " .",
            ". ",
            " . .",
            ":",
            "::$INDEX_ALLOCATION",
            ":x",
            ".:x",
            " ::$DATA",
            "\\",
            "\\x",
        ] {
            parts.push(format!("{stem}{end}"));
        }
    }
    for c in ignorable.into_iter().flatten() {
        for at in 0..=4 {
            parts.push(format!("{}{c}{}", &".git"[..at], &".git"[at..]));
        }
    }
    let whole = |part: String| [format!("{part}/config"), format!("x/{part}")];
    parts
        .into_iter()
        .flat_map(whole)
        .chain(["/x", "x/", "x//y", "", "\\x", "C:/x"].map(str::to_owned))
        .collect()
}

/// Asks git for all names that it does not take into an index, with all its protections.
#[expect(clippy::disallowed_methods, reason = "git itself is the judge")]
fn refused_by_git(folder: &Path, names: &[String]) -> BTreeSet<String> {
    let all: String = names.iter().map(|name| format!("{name}\0")).collect();
    recipesync::fs::write(&folder.join("names"), all.as_bytes()).unwrap();
    let script = r#"git init -q --bare . 2>/dev/null
        git config core.protectHFS true; git config core.protectNTFS true
        blob=$(git hash-object -w names)
        xargs -0 -n 1 -P 2 sh -c 'rm -f index.$$
            GIT_INDEX_FILE=index.$$ git update-index --add --cacheinfo "100644,$0,$1" 2>/dev/null || printf "%s\0" "$1"' "$blob" <names"#;
    let mut git = Command::new("sh");
    git.args(["-c", script]).current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let ran = git.output().unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn every_name_that_git_refuses_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let names = disguises();
    let refused = refused_by_git(folder.path(), &names);
    assert!(refused.len() > 250 && refused.len() < names.len(), "{} of {}", refused.len(), names.len());
    let taken: Vec<&String> = refused.iter().filter(|name| PackagePath::parse(name).is_ok()).collect();
    assert_eq!(taken, Vec::<&String>::new());
    assert!(PackagePath::parse("x/.gitx").is_ok() && !refused.contains("x/.gitx"), "the neighbours are fine");
}

#[test]
fn unpack_refuses_every_hostile_package_whole() {
    let folder = tempfile::tempdir().unwrap();
    let now = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000);
    let file = folder.path().join("x.zip");
    for case in hostile_names() {
        recipesync::fs::write(&file, &hostile_package(case, now).unwrap()).unwrap();
        let (ran, most) = peak(recipesync(folder.path(), &["unpack", "x.zip", "out"]));
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{case}: {said}");
        assert!(said.contains("the package x.zip is refused whole: "), "{case}: {said}");
        assert!(!folder.path().join("out").exists(), "{case}: something was written");
        assert!(most < MOST_KB, "{case}: {most} kB were held");
    }
}

/// Files that are odd and harm nobody.
fn oddities() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("deep.recipe.json", [b"[".repeat(100_000), b"]".repeat(100_000)].concat()),
        ("deep_and_open.recipe.json", b"{\"a\":".repeat(100_000)),
        ("doubled.recipe.json", br#"{ "name": "a",  "name": "b" }"#.to_vec()),
        ("doubled_spelling.recipe.json", br#"{"a":1,"\u0061":2}"#.to_vec()),
        ("mark.recipe.json", b"\xef\xbb\xbf{ \"name\": \"mark\" }".to_vec()),
        ("latin.recipe.json", b"{ \"name\": \"caf\xe9\" }".to_vec()),
        ("nan.recipe.json", b"{ \"name\": NaN }".to_vec()),
        ("nothing.recipe.json", Vec::new()),
        ("nul.recipe.json", b"\0\0\0".to_vec()),
        ("wide.recipe.json", "{ \"name\": \"x\" }".encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ]
}

#[test]
fn odd_files_are_kept_byte_for_byte_both_ways() {
    let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    for (path, bytes) in oddities() {
        stage.put_in_workspace(path, bytes);
    }
    stage.sync().expect(0, "in_sync");
    stage.upstream.pull("main");
    let clone = stage.path("clone/orders");
    for (path, bytes) in oddities() {
        assert!(recipesync::fs::read(&clone.join(path), 1 << 20).unwrap() == bytes, "{path} in git");
        // A recipe that is none is another kind of odd file, which no workspace would show as it was sent.
        recipesync::fs::write(&clone.join(path.replace(".recipe.", ".api_endpoint.")), &bytes).unwrap();
    }
    stage.upstream.commit_and_push("main", "Odd files");
    stage.sync();
    let files = stage.world(|world| world.files(PROJECT)).unwrap();
    for (path, bytes) in oddities() {
        let path = path.replace(".recipe.", ".api_endpoint.");
        assert!(files.get(&path).is_some_and(|found| *found == bytes), "{path} in the workspace");
    }
}

#[test]
fn files_that_take_the_most_memory_are_taken_one_at_a_time() {
    // Many keys take more than anything else, and what goes to git is read once more, to be searched for secrets. Side by
    // side the two take a quarter more.
    let keys: Vec<String> = (0..1_000_000).map(|n| format!("\"k{n:07}\":0")).collect();
    let file = format!("{{{}}}", keys.join(","));
    let stage = Stage::new(Pairing::export_only(), &[]);
    for n in 0..2 {
        stage.put_in_workspace(&format!("{n}.api_endpoint.json"), &file);
    }
    let (ran, most) = peak(recipesync(&stage.path("."), &["sync"]));
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(most > 100_000 && most < MOST_KB / 5 * 3, "{most} kB were held");
    assert_eq!(stage.upstream.files("main").len(), 2);
}
