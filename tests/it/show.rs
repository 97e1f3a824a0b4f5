//! Files as people read them, through the built binary: alone, from a pipe, and in git's own diffs.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const LOOK_UP: &str = include_str!("../data/order-desk/Recipes/look_up_order.recipe.json");

fn data(name: &str) -> String {
    format!("{}/tests/data/order-desk/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs `show` in a folder, with something on its standard input.
#[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
fn show(folder: &Path, arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("recipesync"));
    command.arg("show").args(arguments).current_dir(folder).env_clear();
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that reads its file alone may be gone already.
    child.stdin.take().unwrap().write_all(input).ok();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_file_is_shown_by_its_name_and_a_pipe_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let (code, named, stderr) = show(folder.path(), &[&data("Recipes/look_up_order.recipe.json")], b"");
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(
        named.contains("  2     If\n            when ‹Step 1 Get records → records› is present\n"),
        "{named}"
    );
    assert_eq!(show(folder.path(), &["-"], LOOK_UP.as_bytes()), (Some(0), named, String::new()));
    let (_, stable, _) = show(folder.path(), &["--stable", "--color", "always", "-"], LOOK_UP.as_bytes());
    assert!(
        stable.contains("when ‹Get records @2b7c11d0 → records› is present") && !stable.contains('\u{1b}')
    );

    let (code, _, stderr) = show(folder.path(), &["missing.recipe.json"], b"");
    assert_eq!(code, Some(1));
    assert!(stderr.contains("missing.recipe.json"), "{stderr}");
    assert_eq!(show(folder.path(), &[], b"").0, Some(64));
}

#[test]
fn what_is_no_json_is_shown_as_text_and_said() {
    let folder = tempfile::tempdir().unwrap();
    recipesync::fs::write(&folder.path().join("x.recipe.json"), b"<<<<<<< ours\n{\x1b[2J").unwrap();
    let (code, stdout, stderr) = show(folder.path(), &["x.recipe.json"], b"");
    assert_eq!((code, stdout.as_str()), (Some(0), "<<<<<<< ours\n{\\u{1b}[2J\n"));
    assert_eq!(stderr, "x.recipe.json: it is not JSON; it is shown as text\n");
    recipesync::fs::write(&folder.path().join("x.recipe.json"), b"{\"name\": \"caf\xe9\"}").unwrap();
    let (code, stdout, stderr) = show(folder.path(), &["x.recipe.json"], b"");
    assert_eq!((code, stdout.as_str()), (Some(0), "{\"name\": \"caf\\xe9\"}\n"));
    assert_eq!(
        stderr,
        "x.recipe.json: it is not UTF-8; it is shown as text, with \\xNN for each byte that is not UTF-8\n"
    );
}

#[test]
fn what_is_too_large_is_shown_by_its_size_and_hash() {
    use std::os::unix::fs::FileExt as _;

    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let write = |end: &[u8]| {
        let path = at.join("x.recipe.json");
        let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path).unwrap();
        file.write_all_at(end, (65 << 20) - end.len() as u64).unwrap();
    };
    let hash = |end: &[u8]| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&vec![0; (65 << 20) - end.len()]).update(end);
        hasher.finalize().to_hex()
    };
    write(b"1");
    let told = format!("too large to be shown: 68157440 bytes, blake3 {}\n", hash(b"1"));
    assert_eq!(show(at, &["x.recipe.json"], b""), (Some(0), told.clone(), String::new()));
    assert_eq!(show(at, &["--stable", "x.recipe.json"], b""), (Some(0), told.clone(), String::new()));
    let piped = [vec![0; (65 << 20) - 1], b"1".to_vec()].concat();
    assert_eq!(show(at, &["-"], &piped), (Some(0), told.clone(), String::new()));

    // Git would end its own command if the outline could not be had.
    git(at, &["init", "--quiet"]);
    let binary = assert_cmd::cargo::cargo_bin!("recipesync");
    git(at, &["config", "diff.workato.textconv", &format!("'{}' show --stable --", binary.display())]);
    recipesync::fs::write(&at.join(".gitattributes"), b"*.recipe.json diff=workato\n").unwrap();
    git(at, &["add", "."]);
    git(at, &["commit", "--quiet", "--message", "large"]);
    write(b"2");
    let shown = git(at, &["diff", "HEAD"]);
    assert!(
        shown.contains(&format!("\n-{told}+{}", told.replace(hash(b"1").as_str(), &hash(b"2")))),
        "{shown}"
    );
}

#[test]
fn a_custom_connector_is_shown_with_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let file = data("warehouse_api.custom_adapter.json");
    let (_, told, _) = show(folder.path(), &[&file], b"");
    assert!(told.contains("source: 28 lines\n\n{\n  title: 'Warehouse API',\n"), "{told}");
    // Git shows one file at a time, and remembers what it saw of it.
    assert!(!show(folder.path(), &["--stable", &file], b"").1.contains("source"));
}

/// Runs git as somebody whose own configuration does not matter.
#[expect(clippy::disallowed_methods, reason = "git itself is what shows the outlines")]
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@acme.example"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn git_shows_a_new_step_as_its_own_lines_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    git(at, &["init", "--quiet"]);
    let binary = assert_cmd::cargo::cargo_bin!("recipesync");
    git(at, &["config", "diff.workato.textconv", &format!("'{}' show --stable", binary.display())]);
    recipesync::fs::write(&at.join(".gitattributes"), b"*.recipe.json diff=workato\n").unwrap();
    let file = at.join("look up.recipe.json");
    recipesync::fs::write(&file, LOOK_UP.as_bytes()).unwrap();
    git(at, &["add", "."]);
    git(at, &["commit", "--quiet", "--message", "one"]);
    let step = r#""block": [ {"number": 1, "keyword": "action", "provider": "logger", "name": "log_message", "as": "aa", "input":
        {"message": "Looked up #{_('data.workato_genie.1f0a9c3e.parameters.order_number')}"}}, "#;
    let mut edited = LOOK_UP.replacen("\"block\": [", step, 1);
    for number in (1..=4).rev() {
        edited =
            edited.replace(&format!("\"number\": {number},\n"), &format!("\"number\": {},\n", number + 1));
    }
    recipesync::fs::write(&file, edited.as_bytes()).unwrap();
    git(at, &["commit", "--quiet", "--all", "--message", "two"]);
    let changed = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with(['+', '-']));
        lines.filter(|line| !line.starts_with("+++") && !line.starts_with("---")).map(str::to_owned).collect()
    };
    let expected =
        ["+    Logger · Log message  @aa", "+        message: Looked up ‹Trigger → parameters.order_number›"];
    assert_eq!(changed(&git(at, &["diff", "HEAD~"])), expected);
    assert_eq!(changed(&git(at, &["log", "--patch", "--max-count=1"])), expected);
    assert!(changed(&git(at, &["diff", "--no-textconv", "HEAD~"])).len() > 8);
}

#[test]
fn every_file_of_a_real_project_has_an_outline_in_which_every_pill_has_its_step() {
    use recipesync::review::show::{Numbers, outline};

    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/dewy-resort");
    if !corpus.is_dir() {
        return;
    }
    let (mut recipes, mut lines, mut all) = (0, 0, 0);
    for name in recipesync::fs::list(&corpus).unwrap() {
        let bytes = recipesync::fs::read(&corpus.join(&name), 1 << 22).unwrap();
        let name = name.to_str().unwrap();
        for numbers in [Numbers::Shown, Numbers::Stable] {
            let shown = outline(name, &bytes, None, numbers);
            assert_eq!(shown.note, None, "{name}");
            for odd in ["‹missing", "‹{", "‹'", "(no "] {
                assert!(!shown.text.contains(odd), "{name}: {odd}: {}", shown.text);
            }
            if name.ends_with(".recipe.json") && numbers == Numbers::Stable {
                recipes += 1;
                lines += shown.text.lines().count();
                all += bytes.split(|byte| *byte == b'\n').count();
            }
        }
    }
    assert!(recipes > 40 && 100 * lines < 10 * all, "{lines} lines of {all}, {recipes} recipes");
}
