//! Whose name stands on the commits of an export.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::stage::{PROJECT, Pairing, Stage, recipe, says};

const INTAKE: &str = "intake.recipe.json";
const NOTIFY: &str = "notify.recipe.json";
const REPORT: &str = "Reports/report.recipe.json";

/// A person of the workspace.
struct Person(&'static str, &'static str);

const ALEX: Person = Person("Alex", "alex@orders.example");
const KIM: Person = Person("Kim", "kim@orders.example");

/// Edits a recipe in the workspace as somebody, so many minutes from now.
fn edit(stage: &Stage, minutes: i64, who: &Person, path: &str, text: &str, comment: Option<&str>) {
    let at = stage.emulator.now() + TimeDelta::minutes(minutes);
    stage
        .world(|world| {
            let id = world.asset(PROJECT, path)?;
            world.edit_recipe(id, says(text).to_string().as_bytes(), at)?;
            world.sign_version(id, who.0, who.1, comment)
        })
        .unwrap();
}

fn three_recipes(pairing: Pairing) -> Stage {
    let files = [(INTAKE, "Intake"), (NOTIFY, "Notify"), (REPORT, "Report")];
    Stage::in_sync(pairing, &files.map(|(path, name)| (path, recipe(name, "one"))))
}

/// Returns the latest commits, the oldest first: author, committer, subject, body without the ids.
fn latest(stage: &Stage, count: usize) -> String {
    let count = format!("-{count}");
    let log =
        stage.upstream.at_upstream(&["log", "--reverse", &count, "--format=%an <%ae> by %cn%n%B---", "main"]);
    let is_id = |line: &&str| line.starts_with("Workato-Package") || line.starts_with("Workato-Manifest");
    log.lines().filter(|line| !is_id(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_person_gets_a_commit_of_their_own_the_earliest_first() {
    let stage = three_recipes(Pairing::one_branch());
    edit(&stage, 1, &KIM, NOTIFY, "two", Some("Quieter\n\nWorkato-Project: other"));
    edit(&stage, 2, &ALEX, INTAKE, "two", None);
    edit(&stage, 3, &KIM, REPORT, "two", None);
    stage.put_in_workspace(
        "shop.connection.json",
        r#"{"name": "Shop", "provider": "rest", "root_folder": false}"#,
    );
    stage.sync().expect(0, "in_sync");
    insta::assert_snapshot!(latest(&stage, 3), @r"
    Kim <kim@orders.example> by recipesync
    orders: 2 recipes changed

    changed Reports/report.recipe.json
        step 1 Logger · Log message: message: one → two
    changed notify.recipe.json
        step 1 Logger · Log message: message: one → two
        | Quieter
        |
        | Workato-Project: other

    Workato-Project: orders
    ---
    Alex <alex@orders.example> by recipesync
    orders: 1 recipe changed

    changed intake.recipe.json
        step 1 Logger · Log message: message: one → two

    Workato-Project: orders
    ---
    recipesync <recipesync@acme.example> by recipesync
    orders: 1 connection added

    added shop.connection.json

    Workato-Project: orders
    ---
    ");
    let history: Value = serde_json::from_str(&stage.run(&["history", "orders", "--json"]).stdout).unwrap();
    let by: Vec<&Value> =
        history.as_array().unwrap().iter().rev().take(3).map(|event| &event["by"]).collect();
    let expected =
        ["recipesync <recipesync@acme.example>", "Alex <alex@orders.example>", "Kim <kim@orders.example>"];
    assert_eq!(by, expected, "the latest first");
    stage.sync().expect(0, "in_sync");
    assert_eq!(
        stage.upstream.subjects("main").len(),
        1 + 3,
        "the first export, and nothing is committed twice"
    );
}

#[test]
fn a_manifest_of_somebody_elses_tells_authors_by_name_and_version() {
    let mut stage = three_recipes(Pairing::one_branch());
    let trailer = stage.upstream.at_upstream(&[
        "log",
        "-1",
        "--format=%(trailers:key=Workato-Manifest,valueonly)",
        "main",
    ]);
    let manifest = trailer.trim().parse().unwrap();
    stage.pair(|pairing| pairing.manifest = Some(manifest));
    stage.sync().expect(0, "in_sync");
    edit(&stage, 1, &KIM, NOTIFY, "two", None);
    stage.sync().expect(0, "in_sync");
    assert!(latest(&stage, 1).starts_with("Kim <kim@orders.example> by recipesync"), "{}", latest(&stage, 1));
}

#[test]
fn a_secret_in_what_somebody_wrote_stays_out_of_git() {
    let stage = three_recipes(Pairing::one_branch());
    let key = "use ghp_0123456789abcdefghijABCDEFGHIJ456789\u{202e} for it\nand no more";
    edit(&stage, 1, &KIM, NOTIFY, "two", Some(key));
    stage.sync().expect(0, "in_sync");
    let text = latest(&stage, 1);
    assert!(text.contains("| (hidden)\n    | and no more"), "{text}");
    assert!(!text.contains("ghp_"), "{text}");
}

#[test]
fn who_saved_a_later_version_than_the_exported_one_is_not_named() {
    let stage = three_recipes(Pairing::one_branch());
    edit(&stage, 1, &ALEX, INTAKE, "two", None);
    stage.world(|world| world.settings.export_polls = 1);
    stage.fault(&json!({ "on": "package.get", "then": { "status": { "code": 500 } } }));
    let running = stage.spawn(&["sync"]);
    stage.wait("the export is asked about", || stage.requests("package.get") > 0);
    edit(&stage, 2, &KIM, INTAKE, "three", None);
    stage.world(|world| world.faults.clear());
    assert_eq!(running.end(), Some(0));
    assert!(latest(&stage, 1).starts_with("recipesync"), "{}", latest(&stage, 1));
    stage.sync().expect(0, "in_sync");
    assert!(latest(&stage, 1).starts_with("Kim"), "{}", latest(&stage, 1));
}

#[test]
fn where_nobody_is_named_the_daemon_is_the_author() {
    let stage = three_recipes(Pairing::one_branch());
    let cases = [
        json!({ "status": { "code": 403 } }),
        json!({ "status": { "code": 500 } }),
        json!("cut"),
        json!({ "status": { "code": 200, "body": { "items": [{ "id": "odd" }] } } }),
    ];
    for (number, then) in cases.iter().enumerate() {
        stage.world(|world| world.faults.clear());
        stage.fault(&json!({ "on": "recipes.list", "then": then }));
        edit(&stage, 1, &ALEX, INTAKE, &format!("edit {number}"), None);
        edit(&stage, 2, &KIM, NOTIFY, &format!("edit {number}"), None);
        stage.sync().expect(0, "in_sync");
        let latest = latest(&stage, 1);
        assert!(latest.starts_with("recipesync") && latest.contains("2 recipes changed"), "{then}: {latest}");
    }
    stage.world(|world| world.faults.clear());
    edit(&stage, 1, &Person("", ""), INTAKE, "by nobody", None);
    stage.sync().expect(0, "in_sync");
    assert!(latest(&stage, 1).starts_with("recipesync"));
}

#[test]
fn whom_git_cannot_name_the_text_of_the_commit_names() {
    let stage = three_recipes(Pairing::one_branch());
    for (name, email, told) in [
        ("", "kim@x", "    saved by kim@x\n"),
        ("Kim", "", "    saved by Kim\n"),
        ("Kim <b@c>", "a@b", "    saved by Kim <b@c> <a@b>\n"),
        ("Kim", "a\nb@c", "    saved by Kim <a\\nb@c>\n"),
        ("", "", "one → two"),
    ] {
        let text = format!("by {name:?} {email:?}");
        edit(&stage, 1, &Person(name, email), INTAKE, &text, Some("Why\nand what for"));
        stage.sync().expect(0, "in_sync");
        let latest = latest(&stage, 1);
        assert!(latest.starts_with("recipesync <recipesync@acme.example>"), "{latest}");
        assert!(latest.contains(told) || name.is_empty() && email.is_empty(), "{latest}");
        assert_eq!(latest.matches("saved by").count(), usize::from(told.contains("saved")), "{latest}");
        assert!(latest.contains("    | Why\n    | and what for\n"), "{latest}");
    }
}

#[test]
fn more_than_a_page_of_recipes_has_authors() {
    let paths: Vec<String> = (0..105).map(|number| format!("r{number}.recipe.json")).collect();
    let files: Vec<(&str, String)> = paths.iter().map(|path| (path.as_str(), recipe(path, "one"))).collect();
    let stage = Stage::in_sync(Pairing::one_branch(), &files);
    for path in &paths {
        edit(&stage, 1, &KIM, path, "two", None);
    }
    stage.sync().expect(0, "in_sync");
    let latest = latest(&stage, 1);
    assert!(latest.starts_with("Kim") && latest.contains("105 recipes changed"), "{latest}");
    assert_eq!(stage.requests("recipes.list"), 2);
}
