//! The same answer from the same content: whatever order files and keys are in, and however often it is asked.

use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// How often it is asked.
const RUNS: u64 = 100;

type Files = Vec<(String, Vec<u8>)>;

/// One package, and what became of it: an edit of everything that can be edited, files that came, went and moved.
fn sides() -> (Files, Files) {
    let desk = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/order-desk");
    let read = |name: &std::path::PathBuf| {
        (name.to_str().unwrap().to_owned(), recipesync::fs::read(&desk.join(name), 1 << 20).unwrap())
    };
    let old: Files = recipesync::fs::list(&desk).unwrap().iter().map(read).collect();
    let mut new = old.clone();
    for (name, bytes) in &mut new {
        if let Some(rest) = name.strip_prefix("Connections/") {
            *name = format!("Accounts/{rest}");
        }
        if !name.ends_with(".recipe.json") {
            continue;
        }
        let mut recipe: Value = serde_json::from_slice(bytes).unwrap();
        recipe["concurrency"] = json!(9);
        recipe["version"] = json!(99);
        recipe["unheard_of"] = json!({"b": [1, {"d": 1, "c": null}], "a": "x"});
        let block = recipe["code"]["block"].as_array_mut().unwrap();
        block.rotate_left(1);
        block[0]["input"]["added"] = json!({"y": "1", "x": {"w": "2", "v": "3"}});
        block[0]["comment"] = json!("a\nb");
        let mut twin = block[0].clone();
        twin["as"] = json!("11112222");
        block.push(twin);
        *bytes = recipe.to_string().into_bytes();
    }
    new.retain(|(name, _)| !name.ends_with("carriers.lookup_table.json"));
    new.push((
        "Recipes/new.recipe.json".to_owned(),
        b"{\"name\": \"New\", \"code\": {}, \"config\": []}".to_vec(),
    ));
    (old, new)
}

/// Writes a value with its members in any order.
fn respelled(value: &Value, random: &mut fastrand::Rng, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                respelled(item, random, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            random.shuffle(&mut members);
            out.push('{');
            for (at, (key, member)) in members.into_iter().enumerate() {
                out.push_str(if at > 0 { ",\n" } else { "" });
                out.extend([json!(key).to_string().as_str(), ":"]);
                respelled(member, random, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// Packs files in any order, and what is JSON with keys in any order and an end of its own: whether two files happen to be
/// equal in bytes is told.
fn packed(files: &Files, end: &str, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut files: Vec<_> = files.iter().collect();
    random.shuffle(&mut files);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        match serde_json::from_slice::<Value>(bytes) {
            Ok(value) => {
                let mut text = String::new();
                respelled(&value, random, &mut text);
                text.push_str(end);
                zip.write_all(text.as_bytes()).unwrap();
            }
            Err(_) => zip.write_all(bytes).unwrap(),
        }
    }
    zip.finish().unwrap().into_inner()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
fn a_hundred_runs_over_shuffled_files_and_keys_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = sides();
    let mut first: Vec<Option<Vec<u8>>> = vec![None; 3];
    for run in 0..RUNS {
        let mut random = fastrand::Rng::with_seed(run);
        for (name, files, end) in [("old.zip", &old, ""), ("new.zip", &new, "\n")] {
            recipesync::fs::write(&folder.path().join(name), &packed(files, end, &mut random)).unwrap();
        }
        let asked = usize::try_from(run).unwrap() % 3;
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("recipesync"));
        command.args(["diff", "old.zip", "new.zip", "--format", ["text", "json", "markdown"][asked]]);
        // Of a whole comparison every part is compared, folds as well.
        command.args(["--derived", "--diagram", "--max-chars", "0"]).current_dir(folder.path()).env_clear();
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = first[asked].get_or_insert_with(|| output.stdout.clone());
        let lines =
            |told: &[u8]| String::from_utf8_lossy(told).lines().map(str::to_owned).collect::<Vec<_>>();
        let (wanted, got) = (lines(told), lines(&output.stdout));
        let other = wanted.iter().zip(&got).find(|(wanted, got)| wanted != got);
        assert!(*told == output.stdout, "run {run} says something else: {other:?}");
    }
    let text = String::from_utf8(first[0].take().unwrap()).unwrap();
    for part in
        ["+ recipe", "- lookup_table", "> connection", "~ recipe", "  · ", "1 step moved", "1 step added"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}
