//! Differences through the built binary: files, folders, packages and revisions in any mix.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;

const LOOK_UP: &str = include_str!("../data/order-desk/Recipes/look_up_order.recipe.json");

#[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
fn run(program: &str, folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_clear().env("HOME", folder).env("PATH", env!("PATH"));
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn diff(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let program = assert_cmd::cargo::cargo_bin!("recipesync").to_str().unwrap();
    run(program, folder, &[&["diff"], arguments].concat())
}

fn git(folder: &Path, arguments: &[&str]) {
    let (code, _, stderr) = run("git", folder, arguments);
    assert_eq!(code, Some(0), "git {arguments:?}: {stderr}");
}

fn write(folder: &Path, name: &str, text: &str) {
    recipesync::fs::create_folder(folder.join(name).parent().unwrap()).unwrap();
    recipesync::fs::write(&folder.join(name), text.as_bytes()).unwrap();
}

/// Makes a repository whose last commit changes one input of a recipe, and returns that edited text.
fn repository(folder: &Path) -> String {
    let edited = LOOK_UP.replace(r#""limit": "1""#, r#""limit": "20""#);
    assert_ne!(edited, LOOK_UP);
    git(folder, &["init", "--quiet", "--initial-branch=main"]);
    git(folder, &["config", "user.name", "You"]);
    git(folder, &["config", "user.email", "you@example.com"]);
    for text in [LOOK_UP, &edited] {
        write(folder, "orders/look_up_order.recipe.json", text);
        write(folder, "orders/other.recipe.json", LOOK_UP);
        git(folder, &["add", "--all"]);
        git(folder, &["commit", "--quiet", "--message", "orders"]);
    }
    edited
}

const EDIT: &str = "\
~ recipe look_up_order.recipe.json “Look up order”: 1 step changed
  ~ step 1 Data table · Get records
      ~ limit: 1 → 20

1 recipe changed
";

#[test]
fn every_key_and_word_of_the_json_is_described() {
    let read = |name: &str| {
        recipesync::fs::read_text(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name), 1 << 20).unwrap()
    };
    let readme = read("README.md");
    let section = readme.split("\n### The JSON of a comparison\n").nth(1).expect("a section of its own");
    let section = section.split("\n## ").next().unwrap();
    let quoted = |text: &str, before: &str| -> Vec<String> {
        let found = text.split(before).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()));
        found.collect()
    };
    let keys = quoted(&read("src/review/json.rs"), "serialize_entry(\"");
    let words = quoted(&read("src/review/change/words.rs"), " => \"");
    assert!(keys.len() > 50 && words.len() > 40, "{} keys, {} words", keys.len(), words.len());
    for name in keys.iter().chain(&words) {
        let is_there = section.contains(&format!("`{name}`")) || name == "hidden";
        assert!(is_there, "README.md does not describe {name:?}");
    }
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
    for name in cells.flat_map(|(cell, _)| cell.split(", ")).map(|name| name.trim_matches('`')) {
        assert!(keys.iter().any(|key| key == name), "README.md describes {name:?}, which no object has");
    }
}

#[test]
fn sides_may_be_files_folders_packages_and_revisions() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let edited = repository(folder);
    write(folder, "old.json", LOOK_UP);
    write(folder, "new.recipe.json", &edited);
    let program = assert_cmd::cargo::cargo_bin!("recipesync").to_str().unwrap();
    assert_eq!(run(program, folder, &["pack", "orders", "orders.zip"]).0, Some(0));

    for (old, new) in [
        ("HEAD~1:orders", "HEAD:orders"),
        ("HEAD~1:orders", "orders"),
        ("HEAD~1:orders/", "orders.zip"),
        ("main~1:orders/look_up_order.recipe.json", "orders/look_up_order.recipe.json"),
        ("HEAD~1:./orders/look_up_order.recipe.json", "HEAD:orders/look_up_order.recipe.json"),
    ] {
        assert_eq!(diff(folder, &[old, new]), (Some(0), EDIT.to_owned(), String::new()), "{old} {new}");
        assert_eq!(diff(folder, &[old, new, "--exit-code"]).0, Some(2), "{old} {new}");
    }
    let named = EDIT.replace("look_up_order.recipe.json", "new.recipe.json");
    assert_eq!(diff(folder, &["old.json", "new.recipe.json"]).1, named, "a name that says nothing");
    let whole = EDIT.replace("recipe look_up", "recipe orders/look_up");
    assert_eq!(diff(folder, &["HEAD~1", "HEAD"]).1, whole);
    assert_eq!(diff(&folder.join("orders"), &["HEAD~1:./", "."]).1, EDIT);

    for same in [("orders", "orders.zip"), ("HEAD:orders", "orders"), ("HEAD", "main")] {
        let told = diff(folder, &[same.0, same.1, "--exit-code"]);
        assert_eq!(told, (Some(0), "Identical.\n".to_owned(), String::new()), "{same:?}");
    }
}

#[test]
fn what_cannot_be_compared_is_said_and_nothing_printed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "a.recipe.json", LOOK_UP);
    write(folder, "no.zip", "no zip");
    for (old, new, reason) in [
        ("a.recipe.json", "gone", "there is no file or folder gone, and no repository here"),
        ("a.recipe.json", ".", "a.recipe.json is a file, and . is not"),
        ("no.zip", ".", "the package no.zip is refused"),
    ] {
        let (code, stdout, stderr) = diff(folder, &[old, new, "--format", "json"]);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{old} {new}");
        assert!(stderr.contains(reason), "{stderr}");
    }
    git(folder, &["init", "--quiet"]);
    let (_, _, stderr) = diff(folder, &["a.recipe.json", "gone"]);
    assert!(stderr.contains("there is no file or folder gone, and no revision of that name"), "{stderr}");
    let (_, _, stderr) = diff(folder, &[":orders", "."]);
    assert!(stderr.contains("it names no revision: write REV:PATH, as in HEAD:orders"), "{stderr}");
    assert_eq!(diff(folder, &["a.recipe.json"]).0, Some(64));
    assert_eq!(diff(folder, &["a.recipe.json", ".", "--format", "html"]).0, Some(64));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
fn help_reads_well_at_80_columns() {
    let program = assert_cmd::cargo::cargo_bin!("recipesync");
    let help = |command: &str, columns: &str| {
        let output =
            Command::new(program).args([command, "--help"]).env_clear().env("COLUMNS", columns).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    for command in ["show", "diff", "merge", "git-setup"] {
        let (narrow, wide) = (help(command, "80"), help(command, "1000"));
        let about = |help: &str| help.split_once("Usage:").unwrap().0.to_owned();
        assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
        assert_eq!(about(&narrow), about(&wide), "a line of {command} is broken");
    }
}

#[test]
fn programs_and_forges_get_their_own_format() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    repository(folder);
    let (_, json, _) = diff(folder, &["HEAD~1:orders", "orders", "--format", "json", "--color", "always"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["format"], &json["sameness"]), (&1.into(), &"different".into()));
    let counts = serde_json::json!({"added": 0, "removed": 0, "changed": 1, "moved": 0, "unchanged": 1});
    assert_eq!(json["summary"]["recipe"], counts);
    let change = serde_json::json!({
        "op": "replace", "what": "input", "field": "limit", "old": "1", "new": "20", "old_text": "1", "new_text": "20",
        "old_pointer": "/code/block/0/input/limit", "new_pointer": "/code/block/0/input/limit", "more_pointers": [],
        "step": {"number": 1, "old_number": 1, "uuid": "0d5e1c5a-54f6-4a1e-9a1b-4f2f8f6d0a01", "as": "2b7c11d0",
            "title": "Data table · Get records", "keyword": "action"},
    });
    assert_eq!(json["assets"][0]["changes"], serde_json::json!([change]));
    assert_eq!(json["assets"][0]["folded"], serde_json::json!([]));

    let (_, markdown, _) = diff(folder, &["HEAD~1:orders", "orders", "--format", "markdown", "--diagram"]);
    assert!(
        markdown.starts_with("<!-- recipesync:diff orders -->\n### orders: 1 recipe changed\n"),
        "{markdown}"
    );
    for (at, new) in [("", "HEAD:orders"), ("orders", "."), ("orders", "HEAD:./")] {
        let (_, other, _) = diff(&folder.join(at), &["HEAD~1:orders", new, "--format", "markdown"]);
        let marker = "<!-- recipesync:diff orders -->\n### orders: 1 recipe changed\n";
        assert!(other.starts_with(marker), "{new}: {other}");
    }
    assert!(markdown.contains("\n!     limit: 1 → 20\n") && markdown.contains("```mermaid\n"), "{markdown}");
    let (_, colored, _) = diff(folder, &["HEAD~1:orders", "orders", "--color", "always"]);
    assert!(colored.contains("\u{1b}[33m~ limit: 1 → 20\u{1b}[0m"), "{colored:?}");
    assert!(!diff(folder, &["HEAD~1:orders", "orders"]).1.contains('\u{1b}'));
}

#[test]
fn what_is_no_part_of_a_package_does_not_differ_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in [".gitattributes", "orders/.keep", "orders/.vscode/settings.json"] {
        write(folder, name, "a");
    }
    repository(folder);
    let same = (Some(0), "Identical.\n".to_owned(), String::new());
    assert_eq!(diff(folder, &["HEAD", "."]), same);
    assert_eq!(diff(folder, &["HEAD:orders", "orders"]), same);
    assert_eq!(diff(folder, &["HEAD", ""]).0, Some(64), "a variable that is not set names nothing");

    // Assets keep their names, and a folder of a workspace may be called `.NET`.
    write(folder, "orders/.NET/x.lookup_table.json", r#"{"name": "Codes"}"#);
    let (code, stdout, _) = diff(folder, &["HEAD:orders", "orders", "--exit-code"]);
    assert_eq!(code, Some(2));
    assert!(stdout.contains(".NET/x.lookup_table.json") && stdout.contains("1 lookup table"), "{stdout}");
}

#[test]
fn what_cannot_be_compared_is_told_and_never_identical() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    repository(folder);
    write(folder, "orders/a:b.txt", "x");
    write(folder, "orders/c:d/x.txt", "x");
    let latin = std::ffi::OsStr::from_bytes(b"orders/caf\xe9.txt");
    recipesync::fs::write(&folder.join(latin), b"x").unwrap();
    std::os::unix::fs::symlink("elsewhere", folder.join("orders/link")).unwrap();
    let against = |old: &str, more: &[&str]| diff(folder, &[&[old, "orders"], more].concat());
    let (code, text, stderr) = against("HEAD:orders", &["--exit-code"]);
    assert_eq!((code, stderr.as_str()), (Some(2), ""));
    for told in [
        "a:b.txt",
        "link",
        "c:d/x.txt",
        "its name is not UTF-8",
        "not compared, it is a symbolic link",
        "4 files added",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let json = against("HEAD:orders", &["--format", "json"]).1;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["sameness"], &json["summary"]["file"]["added"]), (&"different".into(), &4.into()));
    let link = json["assets"].as_array().unwrap().iter().find(|asset| asset["path"] == "link").unwrap();
    let change = &link["changes"][0];
    assert_eq!((&link["kind"], &link["change"]), (&"file".into(), &"added".into()));
    assert_eq!(
        (&change["op"], &change["what"], &change["old_text"]),
        (&"add".into(), &"binary".into(), &().into())
    );
    assert_eq!(change["new_text"], "not compared, it is a symbolic link");
    assert!(against("HEAD:orders", &["--format", "markdown"]).1.contains("4 files added"));
    // What is the same on both sides differs in nothing.
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "odd"]);
    assert_eq!(against("HEAD:orders", &["--exit-code"]), (Some(0), "Identical.\n".to_owned(), String::new()));
    recipesync::fs::remove_file(&folder.join("orders/link")).unwrap();
    std::os::unix::fs::symlink("here", folder.join("orders/link")).unwrap();
    assert_eq!(against("HEAD:orders", &["--exit-code"]).0, Some(2));
}

#[test]
fn names_that_print_alike_do_not_hide_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let name = |side: &str, last: &[u8]| {
        folder.join(side).join(std::ffi::OsStr::from_bytes(&[b"caf", last, b".txt"].concat()))
    };
    for side in ["old", "new"] {
        write(folder, &format!("{side}/same.txt"), "same");
        recipesync::fs::write(&name(side, b"\xe9"), b"one").unwrap();
        recipesync::fs::write(&name(side, b"\n"), b"one").unwrap();
        recipesync::fs::write(&name(side, b"\\n"), side.as_bytes()).unwrap();
    }
    recipesync::fs::write(&name("old", b"\xe8"), b"other").unwrap();
    let (code, text, _) = diff(folder, &["old", "new", "--exit-code"]);
    assert_eq!(code, Some(2));
    assert!(text.ends_with("\n1 file changed; 1 file removed\n"), "{text}");
    recipesync::fs::write(&name("new", b"\xe8"), b"other").unwrap();
    recipesync::fs::write(&name("new", b"\\n"), b"old").unwrap();
    assert_eq!(diff(folder, &["old", "new"]).1, "Identical.\n");
}

/// Makes a file of 65 MiB of which the disk holds the end alone.
fn write_large(path: &Path, end: &[u8]) {
    use std::os::unix::fs::FileExt as _;

    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(path).unwrap();
    file.write_all_at(end, (65 << 20) - end.len() as u64).unwrap();
}

#[test]
fn what_is_too_large_is_told_from_another_by_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    repository(folder);
    let (name, odd) = ("orders/large.recipe.json", "orders/a:b.json");
    for end in [b"1", b"2"] {
        write_large(&folder.join(name), end);
        write_large(&folder.join(odd), end);
        git(folder, &["add", "--all"]);
        git(folder, &["commit", "--quiet", "--message", "large"]);
    }
    let (_, id, _) = run("git", folder, &["rev-parse", &format!("HEAD:{name}"), &format!("HEAD~:{name}")]);
    let (new, old) = (&id[..40], &id[41..81]);
    let compared = |old: &str, new: &str, more: &[&str]| {
        let (code, told, stderr) = diff(folder, &[&[old, new], more].concat());
        (code, ["[-", "-]", "{+", "+}"].iter().fold(told, |told, mark| told.replace(mark, "")), stderr)
    };
    let large = |id: &str| format!("not compared, it is too large: 68157440 bytes, git blob {id}\n");

    let (code, told, stderr) = compared("HEAD~:orders", "orders", &["--exit-code"]);
    assert_eq!((code, stderr.as_str()), (Some(2), ""));
    assert!(told.contains(&large(old)) && told.contains(&large(new)), "{told}");
    assert!(told.contains(&format!("it starts with a drive letter, git blob {new}\n")), "{told}");
    assert!(told.ends_with("\n2 files changed\n"), "{told}");
    assert_eq!(compared("HEAD~:orders", "HEAD:orders", &["--exit-code"]), (code, told, stderr));
    let same = (Some(0), "Identical.\n".to_owned(), String::new());
    assert_eq!(diff(folder, &["HEAD:orders", "orders", "--exit-code"]), same);

    let at = |revision: &str| format!("{revision}:{name}");
    let (code, told, stderr) = compared(&at("HEAD~"), name, &["--exit-code"]);
    assert_eq!((code, stderr.as_str()), (Some(2), ""));
    assert!(told.starts_with("~ file large.recipe.json: changed\n"), "{told}");
    assert!(told.contains(&large(old)) && told.contains(&large(new)), "{told}");
    assert_eq!(diff(folder, &[&at("HEAD"), name, "--exit-code"]), same);

    // A small one that became large, and one that is new.
    write(folder, name, "{}");
    for (old, is) in [("HEAD:orders", "orders"), (&at("HEAD"), name)] {
        let (_, told, _) = compared(old, is, &[]);
        assert!(told.ends_with("\n1 file changed\n"), "{told}");
        let small = "not compared, the other one is too large: 2 bytes, git blob ";
        assert!(told.contains(&large(new)) && told.contains(small), "{told}");
    }
    let (_, told, _) = diff(folder, &["HEAD~2:orders", "HEAD:orders", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["summary"]["file"]["added"], 2, "{told}");
}

/// Runs a comparison on a terminal of its own, which `script` of bsdutils makes, and returns what that shows.
#[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
fn on_terminal(folder: &Path, variables: &[(&str, &str)], arguments: &str) -> String {
    let program = assert_cmd::cargo::cargo_bin!("recipesync").to_str().unwrap();
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &format!("{program} diff {arguments}"), "/dev/null"]);
    command.current_dir(folder).env_clear().env("HOME", folder).env("PATH", env!("PATH"));
    command.env("SHELL", "/bin/sh").envs(variables.iter().copied()).stdin(std::process::Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

#[test]
fn on_a_terminal_it_is_shown_in_the_pager_that_git_would_use() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    repository(folder);
    let sides = "HEAD~1:orders HEAD:orders";
    let pager = |name: &str| format!("sed 's/^/{name}> /'");
    let (by_git, by_core, by_pager) = (pager("git"), pager("core"), pager("pager"));
    let all = [("GIT_PAGER", by_git.as_str()), ("PAGER", by_pager.as_str())];

    let shown = on_terminal(folder, &all[1..], sides);
    assert!(shown.lines().all(|line| line.starts_with("pager> ")), "{shown}");
    assert!(shown.contains("limit: 1 → 20") && shown.contains("\u{1b}[33m"), "with colours: {shown}");
    git(folder, &["config", "core.pager", &by_core]);
    let shown = on_terminal(folder, &all[1..], sides);
    assert!(shown.lines().all(|line| line.starts_with("core> ")), "{shown}");
    let shown = on_terminal(folder, &all, sides);
    assert!(shown.lines().all(|line| line.starts_with("git> ")), "{shown}");

    let words = |shown: &str| shown.replace(['~', ' '], "");
    let plain = words(EDIT);
    for off in ["cat", ""] {
        let shown = on_terminal(folder, &[("GIT_PAGER", off), ("NO_COLOR", "1")], sides);
        assert_eq!(words(&shown), plain, "no pager");
    }
    let json = on_terminal(folder, &all, &format!("{sides} --format json"));
    assert!(json.starts_with("{\n") && !json.contains("git> "), "{json}");

    let tells = [("GIT_PAGER", "echo LESS=$LESS LV=$LV; cat")];
    assert!(on_terminal(folder, &tells, sides).starts_with("LESS=FRX LV=-c\n"));
    let own = [tells[0], ("LESS", "S")];
    assert!(on_terminal(folder, &own, sides).starts_with("LESS=S LV=-c\n"));
    // A reader who has seen enough, and a pager that is not there.
    assert_eq!(on_terminal(folder, &[("GIT_PAGER", "head -n 0")], sides), "");
    let shown = on_terminal(folder, &[("GIT_PAGER", "no-such-pager"), ("NO_COLOR", "1")], sides);
    assert!(words(&shown).ends_with(&plain), "{shown}");

    // Not on a terminal: the pager is not asked, and nothing is coloured.
    let program = assert_cmd::cargo::cargo_bin!("recipesync").to_str().unwrap();
    let asked = run(
        "env",
        folder,
        &[&format!("GIT_PAGER={by_git}"), program, "diff", "HEAD~1:orders", "HEAD:orders"],
    );
    assert_eq!(asked, (Some(0), EDIT.to_owned(), String::new()));
}

#[test]
fn a_comment_is_cut_to_what_fits_and_folds_are_told_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for number in 0..30 {
        write(folder, &format!("new/r{number}.recipe.json"), LOOK_UP);
    }
    write(folder, "old/none.recipe.json", LOOK_UP);
    let markdown = |limit: &str| {
        let (code, text, _) = diff(folder, &["old", "new", "--format", "markdown", "--max-chars", limit]);
        assert_eq!(code, Some(0));
        text
    };
    let whole = markdown("0");
    assert!(whole.len() > 20_000 && !whole.contains("Shortened"), "{}", whole.len());
    for limit in [15_000, 4_000, 300] {
        let text = markdown(&limit.to_string());
        assert!(text.encode_utf16().count() <= limit, "{text}");
        assert!(text.contains("29 recipes added"), "{text}");
        assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
    }
    let short = markdown("4000");
    for told in ["Shortened to fit into one comment", "All of it: `recipesync diff old new`"] {
        assert!(short.contains(told), "{short}");
    }

    let uuid = LOOK_UP.replace("\"number\": 1,", "\"number\": 7,");
    assert_ne!(uuid, LOOK_UP);
    write(folder, "a.recipe.json", LOOK_UP);
    write(folder, "b.recipe.json", &uuid);
    let folded = diff(folder, &["a.recipe.json", "b.recipe.json"]).1;
    assert!(folded.contains("· steps renumbered: 1") && !folded.contains("1 → 7"), "{folded}");
    let told = diff(folder, &["a.recipe.json", "b.recipe.json", "--derived"]).1;
    assert!(told.contains("      · number: 1 → 7\n"), "{told}");
    let told = diff(folder, &["a.recipe.json", "b.recipe.json", "--derived", "--format", "markdown"]).1;
    assert!(told.contains("\n#     number: 1 → 7\n"), "{told}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
fn memory_is_at_most_twenty_times_the_input() {
    let folder = tempfile::tempdir().unwrap();
    let mut recipe: serde_json::Value = serde_json::from_str(LOOK_UP).unwrap();
    let steps = recipe["code"]["block"].as_array().unwrap().clone();
    let repeated = steps.iter().cycle().take(5_500_000 / LOOK_UP.len() * steps.len());
    recipe["code"]["block"] = repeated.cloned().collect();
    let old = format!("{recipe:#}");
    let new = old.replace(r#""limit": "1""#, r#""limit": "20""#);
    assert!(old.len() > 3_000_000 && new != old, "{}", old.len());
    write(folder.path(), "old.recipe.json", &old);
    write(folder.path(), "new.recipe.json", &new);
    let program = assert_cmd::cargo::cargo_bin!("recipesync");
    let peak = |arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder.path()).env_clear().env("PATH", env!("PATH"));
        let (output, kilobytes) = crate::hostile::peak(command);
        assert!(output.status.success() && kilobytes > 0, "{}", String::from_utf8_lossy(&output.stderr));
        kilobytes * 1024
    };
    let (input, both) = (old.len() as u64, (old.len() + new.len()) as u64);
    let shown = peak(&["show", "new.recipe.json"]);
    assert!(shown < 20 * input, "show: {shown} of {input}");
    for format in ["text", "markdown", "json"] {
        let compared = peak(&["diff", "old.recipe.json", "new.recipe.json", "--format", format]);
        assert!(compared < 20 * both, "{format}: {compared} of {both}");
    }
}
