//! Git itself prints and merges recipes, once a clone is set up: real git, and the built binary in its PATH.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::stage::recipe;

/// The merge driver that is set up.
const DRIVER: &str = "recipesync merge %O %A %B --path %P";
const FILE: &str = "orders/intake.recipe.json";
const SOURCE: &str = "orders/desk.custom_adapter.rb";

/// A person's repository, and nothing of ours in it yet.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        desk.git(&["init", "--quiet", "--initial-branch=main"]);
        desk.write(FILE, &two_steps("one", "two"));
        desk.write(SOURCE, "{\n  title: 'Desk',\n  a: 1,\n  b: 2,\n  c: 3\n}\n");
        desk.commit("Start");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        recipesync::fs::create_folder(file.parent().unwrap()).unwrap();
        recipesync::fs::write(&file, text.as_bytes()).unwrap();
    }

    fn read(&self, name: &str) -> String {
        recipesync::fs::read_text(&self.path(name), 1 << 20).unwrap()
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// Merges `theirs`, which must conflict, in a style.
    fn merge_into_conflict(&self, style: &str) {
        let setting = format!("merge.conflictStyle={style}");
        let output = run(self.folder.path(), "git", &["-c", &setting, "merge", "--quiet", "theirs"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = run(self.folder.path(), "git", arguments);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn ours(&self, arguments: &[&str]) -> Output {
        run(self.folder.path(), env!("CARGO_BIN_EXE_recipesync"), arguments)
    }

    /// Two branches with a commit each, from the same start; ours is checked out.
    fn branches(&self, name: &str, ours: &str, theirs: &str) {
        self.git(&["checkout", "--quiet", "-b", "theirs"]);
        self.write(name, theirs);
        self.commit("Theirs");
        self.git(&["checkout", "--quiet", "main"]);
        self.write(name, ours);
        self.commit("Ours");
    }
}

/// A recipe with two steps, as it is committed.
fn two_steps(first: &str, second: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(&recipe("Intake", first)).unwrap();
    let mut step = value["code"]["block"][0].clone();
    step["input"]["message"] = second.into();
    step["as"] = "l2".into();
    step["uuid"] = "0c70".into();
    step["number"] = 2.into();
    value["code"]["block"].as_array_mut().unwrap().push(step);
    format!("{value:#}\n")
}

#[expect(clippy::disallowed_methods, reason = "the person's own git, and the binary as git runs it")]
fn run(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_recipesync")).parent().unwrap();
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", binary.display()))
        .env("HOME", folder)
        .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")])
        .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@acme.example")])
        .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@acme.example")])
        .output()
        .unwrap()
}

#[test]
fn a_clone_is_set_up_and_back_without_a_trace() {
    let desk = Desk::new();
    desk.write(".gitattributes", "*.png binary");
    desk.commit("Attributes");
    let config = desk.read(".git/config");
    assert!(desk.ours(&["git-setup", "orders"]).status.success());
    assert_eq!(desk.git(&["config", "diff.workato.textconv"]), "recipesync show --stable --\n");
    assert_eq!(desk.git(&["config", "merge.workato.driver"]), format!("{DRIVER}\n"));
    let attributes = desk.read(".gitattributes");
    assert!(
        attributes.starts_with("*.png binary\n*.recipe.json        diff=workato merge=workato\n"),
        "{attributes}"
    );
    assert_eq!(desk.git(&["diff", "--cached", "--name-only"]), "", "nothing is staged");
    let again = desk.ours(&["git-setup"]);
    assert!(String::from_utf8_lossy(&again.stdout).starts_with("nothing to do"));
    assert_eq!(desk.read(".gitattributes"), attributes);
    assert!(desk.ours(&["git-setup", "--remove"]).status.success());
    assert_eq!(desk.read(".gitattributes"), "*.png binary");
    assert_eq!(desk.read(".git/config"), config);
}

#[test]
fn what_a_person_has_set_is_kept_and_told() {
    let desk = Desk::new();
    desk.git(&["config", "diff.workato.textconv", "mine"]);
    let output = desk.ours(&["git-setup"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("diff.workato.textconv is set to \"mine\""));
    assert!(!desk.path(".gitattributes").exists());
    desk.ours(&["git-setup", "--remove"]);
    assert_eq!(desk.git(&["config", "diff.workato.textconv"]), "mine\n");
    let outside = tempfile::tempdir().unwrap();
    let output = run(outside.path(), env!("CARGO_BIN_EXE_recipesync"), &["git-setup"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not in a clone"));
}

#[test]
fn nothing_is_written_through_a_link() {
    let desk = Desk::new();
    desk.write("elsewhere", "*.png binary\n");
    std::os::unix::fs::symlink("elsewhere", desk.path(".gitattributes")).unwrap();
    let config = desk.read(".git/config");
    for arguments in [&["git-setup"][..], &["git-setup", "--remove"]] {
        let output = desk.ours(arguments);
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(".gitattributes is a link"), "{stderr}");
    }
    assert_eq!(desk.read("elsewhere"), "*.png binary\n");
    assert_eq!(desk.read(".git/config"), config);
}

#[test]
fn git_prints_outlines() {
    let desk = Desk::new();
    assert!(desk.ours(&["git-setup"]).status.success());
    desk.commit("Set up");
    desk.write(FILE, &two_steps("one", "three"));
    let diff = desk.git(&["diff"]);
    assert!(diff.contains("-        message: two") && diff.contains("+        message: three"), "{diff}");
    assert!(!diff.contains("\"message\""), "{diff}");
    assert!(desk.git(&["diff", "--no-textconv"]).contains("\"message\": \"three\""));
    desk.commit("Say three");
    assert!(desk.git(&["log", "-p", "-1"]).contains("+        message: three"));
    assert!(desk.git(&["show"]).contains("-        message: two"));
}

#[test]
fn that_a_secret_changed_is_seen_and_no_value() {
    let desk = Desk::new();
    assert!(desk.ours(&["git-setup"]).status.success());
    let with = |secret: &str| {
        let mut value: serde_json::Value = serde_json::from_str(&two_steps("one", "two")).unwrap();
        value["code"]["block"][0]["input"]["client_secret"] = secret.into();
        format!("{value:#}\n")
    };
    desk.write(FILE, &with("EXAMPLEfakefakefakefake01"));
    desk.commit("A secret");
    desk.write(FILE, &with("EXAMPLEfakefakefakefake02"));
    let told = desk.git(&["diff"]);
    assert!(told.contains("\n-hidden values: ") && told.contains("\n+hidden values: "), "{told}");
    assert!(!told.contains("fakefake"), "{told}");
}

#[test]
fn git_merges_edits_of_different_steps() {
    let desk = Desk::new();
    assert!(desk.ours(&["git-setup"]).status.success());
    desk.commit("Set up");
    // Both also save in the editor, which counts versions: a line that a merge of lines stumbles over.
    let version =
        |text: String, version: &str| text.replace("\"version\": 1", &format!("\"version\": {version}"));
    desk.branches(FILE, &version(two_steps("mine", "two"), "2"), &version(two_steps("one", "theirs"), "3"));
    desk.git(&["merge", "--quiet", "theirs"]);
    let merged: serde_json::Value = serde_json::from_str(&desk.read(FILE)).unwrap();
    assert_eq!(merged["code"]["block"][0]["input"]["message"], "mine");
    assert_eq!(merged["code"]["block"][1]["input"]["message"], "theirs");
    assert_eq!(merged["version"], 3);
    assert_eq!(desk.git(&["status", "--porcelain"]), "");
}

#[test]
fn what_cannot_be_merged_is_an_ordinary_conflict() {
    let desk = Desk::new();
    assert!(desk.ours(&["git-setup"]).status.success());
    desk.commit("Set up");
    desk.branches(FILE, &two_steps("mine", "two"), &two_steps("yours", "two"));
    let output = run(desk.folder.path(), "git", &["merge", "--quiet", "theirs"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    let wanted =
        format!("conflict in {FILE}: step 1 Logger · Log message: input.message was changed on both sides");
    assert!(told.contains(&wanted), "{told}");
    let marked = desk.read(FILE);
    assert!(
        marked.contains("\"message\": \"mine\"\n=======\n")
            && marked.contains("\"message\": \"yours\"\n>>>>>>> theirs\n"),
        "{marked}"
    );
    assert_eq!(marked.lines().filter(|line| line.starts_with("<<<<<<<")).count(), 1);
    assert_eq!(desk.git(&["status", "--porcelain", FILE]), format!("UU {FILE}\n"));
}

/// The lines of the conflicts in a text, without the spaces before them, each with the markers around it.
fn conflicts(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        inside |= line.starts_with("<<<<<<<");
        if inside {
            found.push(line.trim_start().to_owned());
        }
        inside &= !line.starts_with(">>>>>>>");
    }
    found
}

#[test]
fn conflicts_are_marked_as_git_marks_them() {
    for attribute in ["", "*.json conflict-marker-size=12\n"] {
        let desk = Desk::new();
        assert!(desk.ours(&["git-setup"]).status.success());
        let labels = "--marker-size=%L --ours-label=%X --base-label=%S --theirs-label=%Y";
        desk.git(&["config", "merge.workato.driver", &format!("{DRIVER} {labels}")]);
        let attributes = desk.read(".gitattributes");
        desk.write(".gitattributes", &format!("{attributes}{attribute}"));
        desk.commit("Set up");
        desk.branches(FILE, &two_steps("mine", "two"), &two_steps("yours", "two"));
        let marked = |style: &str| {
            desk.merge_into_conflict(style);
            let found = conflicts(&desk.read(FILE));
            desk.git(&["merge", "--abort"]);
            found
        };
        let styles = ["merge", "diff3", "zdiff3"];
        let by_us = styles.map(marked);
        assert_eq!(by_us.each_ref().map(Vec::len), [5, 7, 7]);
        // Now it is git itself that merges; the files are such that it finds the same conflict.
        desk.write(".git/info/attributes", "*.recipe.json merge\n");
        let by_git = styles.map(marked);
        if tells_labels() {
            assert_eq!(by_us, by_git);
        }
    }
}

#[test]
fn a_conflict_is_read_as_an_outline_too() {
    let desk = Desk::new();
    assert!(desk.ours(&["git-setup"]).status.success());
    desk.commit("Set up");
    desk.branches(FILE, &two_steps("mine", "two"), &two_steps("yours", "two"));
    let merge = |style: &str| {
        desk.merge_into_conflict(style);
        let output = run(desk.folder.path(), "git", &["diff"]);
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        String::from_utf8(output.stdout).unwrap()
    };
    // Before 2.44 git does not tell what the sides are called.
    let diff = merge("merge").replace("<<<<<<< HEAD", "<<<<<<< ours");
    insta::assert_snapshot!(diff.split_once("@@@").unwrap().1, @"
         -1,3 -1,3 +1,5 @@@
        ++this file has conflict markers, at line 8: what differs between the sides is marked below
        ++
          recipe: Intake
          private: yes   concurrency: 1
          
        @@@ -6,6 -6,6 +8,10 @@@ step
                every: 5
                time_unit: minutes
              Logger · Log message  @l1
        ++<<<<<<< ours
         +        message: mine
        ++=======
        +         message: yours
        ++>>>>>>> theirs
              Logger · Log message  @l2
                  message: two
        ");
    desk.git(&["merge", "--abort"]);
    let diff = merge("diff3");
    assert!(diff.contains("\n++|||||||") && diff.contains("\n++        message: one\n++=======\n"), "{diff}");
    assert!(desk.git(&["diff", "--no-textconv"]).contains("\"message\": \"one\""));
}

/// Whether the git at hand tells a merge driver what the sides are called: 2.44 was the first.
fn tells_labels() -> bool {
    let told = run(Path::new("/"), "git", &["version"]).stdout;
    let told = String::from_utf8(told).unwrap();
    let mut numbers =
        told.trim_start_matches("git version ").split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(2), Some(44))
}

#[test]
fn a_style_set_anywhere_counts_for_recipes_and_for_texts() {
    let desk = Desk::new();
    desk.git(&["config", "merge.conflictStyle", "diff3"]);
    let merge = |extra: &[&str], texts: [&str; 3], path: &str| {
        for (name, text) in ["base", "ours", "theirs"].into_iter().zip(texts) {
            desk.write(name, text);
        }
        let output = desk.ours(&[&["merge", "base", "ours", "theirs", "--path", path], extra].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        conflicts(&desk.read("ours"))
    };
    let steps = ["one", "mine", "yours"].map(|message| two_steps(message, "two"));
    let steps = steps.each_ref().map(String::as_str);
    let labels = ["--ours-label=HEAD", "--base-label=the start", "--theirs-label=-x\ny", "--marker-size=8"];
    assert_eq!(
        merge(&labels, steps, FILE),
        [
            "<<<<<<<< HEAD",
            "\"message\": \"mine\"",
            "|||||||| the start",
            "\"message\": \"one\"",
            "========",
            "\"message\": \"yours\"",
            ">>>>>>>> -x\\ny"
        ]
    );
    let texts = ["a\n", "b\n", "c\n"];
    assert_eq!(
        merge(&labels, texts, SOURCE),
        ["<<<<<<<< HEAD", "b", "|||||||| the start", "a", "========", "c", ">>>>>>>> -x\\ny"]
    );
    // What a git that does not know the placeholders hands on.
    let unknown = ["--ours-label=%X", "--base-label=%S", "--theirs-label=%Y"];
    let names = |lines: Vec<String>| lines.into_iter().filter(|line| line.contains(' ')).collect::<Vec<_>>();
    for (texts, path) in [(texts, SOURCE), (steps, FILE)] {
        let found = names(merge(&unknown, texts, path));
        let found: Vec<_> = found.iter().filter(|line| !line.starts_with('"')).collect();
        assert_eq!(found, ["<<<<<<< ours", "||||||| base", ">>>>>>> theirs"]);
    }
}

#[test]
fn a_driver_that_is_told_more_stays() {
    let desk = Desk::new();
    let told_more = format!("{DRIVER} --marker-size=%L");
    desk.git(&["config", "merge.workato.driver", &told_more]);
    let config = desk.read(".git/config");
    assert!(desk.ours(&["git-setup"]).status.success());
    assert_eq!(desk.git(&["config", "merge.workato.driver"]), format!("{told_more}\n"));
    assert!(desk.ours(&["git-setup", "--remove"]).status.success());
    assert_eq!(desk.read(".git/config"), config);
}

#[test]
fn texts_are_merged_as_git_merges_them() {
    let desk = Desk::new();
    let (base, one, other) = ("a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n");
    let merge = |ours: &str, theirs: &str| {
        for (name, text) in [("base", base), ("ours", ours), ("theirs", theirs)] {
            desk.write(name, text);
        }
        let output = desk.ours(&["merge", "base", "ours", "theirs", "--path", SOURCE]);
        (output.status.code(), desk.read("ours"))
    };
    assert_eq!(merge(one, other), (Some(0), "A\nb\nc\nd\nE\n".to_owned()));
    let (code, text) = merge(one, "x\nb\nc\nd\ne\n");
    assert_eq!(code, Some(1));
    assert!(text.starts_with("<<<<<<< ours\nA\n=======\nx\n>>>>>>> theirs\n"), "{text}");
}

#[test]
fn a_clone_is_as_it_was_when_it_is_taken_out() {
    // What stood in the file, or that there was none.
    let own = "*.recipe.json        diff=workato merge=workato\n";
    for before in [None, Some(""), Some("*.png binary"), Some("*.png binary\r\n"), Some(own)] {
        let desk = Desk::new();
        if let Some(before) = before {
            desk.write(".gitattributes", before);
        }
        desk.git(&["config", "merge.workato.name", "recipesync three-way merge"]);
        let config = desk.read(".git/config");
        assert!(desk.ours(&["git-setup"]).status.success());
        // Git keeps outlines as notes.
        desk.write(FILE, &two_steps("one", "three"));
        desk.commit("Say three");
        assert!(desk.git(&["log", "-p", "-1"]).contains("+        message: three"));
        assert!(desk.git(&["for-each-ref", "refs/notes"]).contains("refs/notes/textconv/workato"));
        assert!(desk.ours(&["git-setup", "--remove"]).status.success());
        assert_eq!(desk.git(&["for-each-ref", "refs/notes"]), "");
        let attributes = desk.path(".gitattributes");
        match before {
            None => assert!(!attributes.exists()),
            Some(before) => assert_eq!(desk.read(".gitattributes"), before),
        }
        assert_eq!(desk.read(".git/config"), config, "what a person has set is kept");
        let again = desk.ours(&["git-setup", "--remove"]);
        assert!(String::from_utf8_lossy(&again.stdout).starts_with("nothing to do"));
    }
}

#[test]
fn what_working_trees_share_goes_with_the_last_of_them() {
    let (desk, beside) = (Desk::new(), tempfile::tempdir().unwrap());
    let config = desk.read(".git/config");
    let other = beside.path().join("other");
    desk.git(&["worktree", "add", "--quiet", "-b", "other", other.to_str().unwrap()]);
    let in_other = |arguments: &[&str]| {
        let output = run(&other, env!("CARGO_BIN_EXE_recipesync"), arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(desk.ours(&["git-setup"]).status.success());
    assert!(in_other(&["git-setup"]).starts_with("wrote "));
    desk.write(FILE, &two_steps("one", "three"));
    desk.commit("Say three");

    // The first of them goes alone, and as often as it likes.
    let told = in_other(&["git-setup", "--remove"]);
    assert!(!other.join(".gitattributes").exists());
    let kept =
        format!("kept the configuration, for which the attributes of {} ask", desk.folder.path().display());
    assert!(told.starts_with("wrote ") && told.contains(&kept) && !told.contains("unset"), "{told}");
    assert!(in_other(&["git-setup", "--remove"]).starts_with(&kept));
    assert!(desk.git(&["log", "-p", "-1"]).contains("+        message: three"), "it still works");

    // Attributes that came with a commit are taken out as well.
    run(&other, "git", &["merge", "--quiet", "main"]);
    assert!(other.join(".gitattributes").exists());
    let told = String::from_utf8(desk.ours(&["git-setup", "--remove"]).stdout).unwrap();
    assert!(told.contains(&format!("attributes of {} ask", other.display())), "{told}");
    let told = in_other(&["git-setup", "--remove"]);
    assert!(told.contains("unset diff.workato.textconv\n") && !told.contains("kept"), "{told}");
    assert!(!other.join(".gitattributes").exists() && !desk.path(".gitattributes").exists());
    assert_eq!(desk.git(&["for-each-ref", "refs/notes"]), "");
    assert_eq!(desk.read(".git/config"), config);

    // One that was deleted by hand asks for nothing.
    assert!(in_other(&["git-setup"]).contains("set diff.workato.textconv"));
    assert!(desk.ours(&["git-setup"]).status.success());
    drop(beside);
    assert!(desk.ours(&["git-setup", "--remove"]).status.success());
    assert_eq!(desk.read(".git/config"), config);
}

#[test]
fn a_file_whose_name_looks_like_an_option_is_printed_and_merged() {
    for name in [
        "-x.recipe.json",
        "--help.recipe.json",
        "-hq.recipe.json",
        "--stable.recipe.json",
        "--stable=x.recipe.json",
        "--config=x.recipe.json",
        "--path=x.recipe.json",
        "-- .recipe.json",
        "-.recipe.json",
    ] {
        let desk = Desk::new();
        assert!(desk.ours(&["git-setup"]).status.success());
        desk.write(name, &two_steps("one", "two"));
        desk.commit("Set up");
        desk.write(name, &two_steps("one", "three"));
        let diff = desk.git(&["diff"]);
        assert!(diff.contains("-        message: two") && diff.contains("+        message: three"), "{diff}");
        desk.git(&["checkout", "--quiet", "--", name]);
        desk.branches(name, &two_steps("mine", "two"), &two_steps("one", "theirs"));
        desk.git(&["merge", "--quiet", "theirs"]);
        let merged = desk.read(name);
        assert!(merged.contains("\"mine\"") && merged.contains("\"theirs\""), "{merged}");
    }
}

#[test]
fn a_name_with_a_line_break_is_told_on_one_line() {
    let desk = Desk::new();
    for (name, message) in [("base", "one"), ("ours", "mine"), ("theirs", "yours")] {
        desk.write(name, &two_steps(message, "two"));
    }
    let name = "a\n\u{1b}[31mb.recipe.json";
    let output = desk.ours(&["merge", "base", "ours", "theirs", "--path", name]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("conflict in a\\n\\u{1b}[31mb.recipe.json: step 1"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}
