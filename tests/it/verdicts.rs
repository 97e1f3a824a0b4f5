//! The truth about imports: what the platform says, what the workspace shows, and what is concluded.

use serde_json::{Value, json};

use crate::stage::{PROJECT, Pairing, Process, Stage, Synced, recipe, said, says};

const INTAKE: &str = "intake.recipe.json";
const NOTIFY: &str = "notify.recipe.json";

/// One recipe on both sides, and a commit that is to be imported.
fn committed() -> (Stage, String) {
    let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    let commit = stage.edit_on_branch("main", INTAKE, "one", "two");
    (stage, commit)
}

fn on_import(then: &Value) -> Value {
    json!({ "on": "import.start", "times": 1, "then": then })
}

fn result(word: &str) -> Value {
    json!({ "import_result": { "recipe": "*", "result": word } })
}

/// Asserts that a failed import waits: no further request, the same answer, however often it is looked at.
fn waits(stage: &Stage, verdict: &str) -> Synced {
    let imports = stage.requests("import.start");
    let mut last = stage.sync().expect(2, "stalled");
    for _ in 0..2 {
        assert_eq!(last.verdict(), verdict);
        assert!(!last.reason().is_empty());
        last = stage.sync().expect(2, "stalled");
    }
    assert_eq!(stage.requests("import.start"), imports);
    last
}

#[test]
fn what_is_said_and_what_is_shown_make_the_verdict() {
    let cases = [
        (result("no_update_or_updated_without_restart"), "applied", "two"),
        (result("no_update_or_update_without_restart"), "applied", "two"),
        (result("restarted"), "applied", "two"),
        (result("stopped"), "rejected", "two"),
        (result("restart_failed"), "rejected", "two"),
        (result("stop_failed"), "rejected", "one"),
        (result("not_found"), "rejected", "one"),
        (result("exploded"), "rejected", "two"),
        (json!({ "fail": { "error": "Recipe is invalid" } }), "rejected", "one"),
        (json!({ "word": { "done": "failed" } }), "rejected", "two"),
        (json!({ "word": { "done": "error" } }), "rejected", "two"),
        (json!({ "word": { "done": "succeeded" } }), "applied", "two"),
        (json!({ "some_results": { "count": 0 } }), "applied", "two"),
        (json!("no_effect"), "no_effect", "one"),
        (json!("other"), "no_effect", "two"),
        (json!({ "status": { "code": 422 } }), "rejected", "one"),
        (json!({ "status": { "code": 404 } }), "rejected", "one"),
        (json!({ "accept_then": { "code": 500 } }), "unknown", "two"),
        (json!({ "cut_body": { "after": 0 } }), "unknown", "two"),
    ];
    for (then, verdict, shown) in cases {
        let (stage, commit) = committed();
        stage.fault(&on_import(&then));
        let synced = stage.sync();
        let good = matches!(verdict, "applied" | "unknown");
        let expected = if good { (0, "in_sync") } else { (2, "stalled") };
        let synced = synced.expect(expected.0, expected.1);
        assert_eq!(synced.verdict(), verdict, "{then}");
        assert_eq!(synced.status["last_import"]["commit"], Value::from(commit.as_str()), "{then}");
        assert_eq!(synced.status["last_import"]["reason"].is_null(), verdict == "applied", "{then}");
        assert_eq!(synced.reason().is_empty(), good, "{then}");
        assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some(shown), "{then}");
        assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"), "{then}");
        assert_eq!(stage.upstream.tip("main"), Some(commit), "{then}");
        assert_eq!(stage.requests("import.start"), 1, "{then}");
    }
}

#[test]
fn a_refused_import_says_which_recipe_and_why() {
    let (stage, commit) = committed();
    stage.fault(&on_import(&result("stopped")));
    let synced = stage.sync().expect(2, "stalled");
    let id = stage.imports()[0].results[0].id;
    let reason = synced.reason();
    assert!(reason.contains(&commit[..7]) && reason.contains(&format!("recipe {id}")), "{reason}");
    assert_eq!(synced.status["last_import"]["recipes"], json!([{ "id": id, "result": "stopped" }]));
    let history = stage.run(&["history", "orders"]).stdout;
    assert!(history.contains("rejected") && history.contains("stopped"), "{history}");
    assert!(synced.outcome.stderr.contains("import not applied"), "{}", synced.outcome.stderr);
}

#[test]
fn a_history_tells_what_an_import_changes_in_the_words_of_an_export() {
    let (stage, _) = committed();
    stage.sync().expect(0, "in_sync");
    stage.edit_on_branch("main", INTAKE, "two", "three");
    stage.fault(&on_import(&json!("no_effect")));
    stage.sync().expect(2, "stalled");
    let history: Value = serde_json::from_str(&stage.run(&["history", "orders", "--json"]).stdout).unwrap();
    let told: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["kind"] == "import")
        .map(|event| (event["verdict"].clone(), event["changes"].clone()))
        .collect();
    let line = |change: &str| json!([format!("{INTAKE}: step 1 Logger · Log message: message: {change}")]);
    assert_eq!(
        told,
        [(json!("applied"), line("one → two")), (json!("no_effect"), line("two → three"))],
        "what was to be changed, where it was not"
    );
    let text = stage.run(&["history", "orders"]).stdout;
    let lines: Vec<&str> = text.lines().rev().take(2).collect();
    assert_eq!(lines[0], format!("    {INTAKE}: step 1 Logger · Log message: message: two → three"));
    assert!(lines[1].contains("  import  package ") && lines[1].contains("  no_effect  "), "{text}");
}

#[test]
fn a_failed_import_waits_even_where_the_files_agree() {
    let (stage, _) = committed();
    stage.fault(&on_import(&result("stopped")));
    stage.sync().expect(2, "stalled");
    // The recipe was updated, and is now stopped: both sides hold the same.
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two"));
    waits(&stage, "rejected");

    let (stage, _) = committed();
    stage.fault(&on_import(&json!("no_effect")));
    stage.sync().expect(2, "stalled");
    waits(&stage, "no_effect");
}

#[test]
fn a_failed_import_is_freed_by_a_commit_on_its_paths_alone() {
    let refused = json!({ "status": { "code": 422 } });
    for (then, verdict) in
        [(json!("no_effect"), "no_effect"), (result("stopped"), "rejected"), (refused, "rejected")]
    {
        let (stage, _) = committed();
        stage.fault(&on_import(&then));
        stage.sync().expect(2, "stalled");
        stage.upstream.commit("main", "Notes", &[("orders/NOTES.md", Some("x"))]);
        waits(&stage, verdict);

        stage.edit_on_branch("main", INTAKE, "two", "three");
        let synced = stage.sync().expect(0, "in_sync");
        assert_eq!(synced.verdict(), "applied");
        assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("three"));
        assert_eq!(stage.requests("import.start"), 2);
    }
}

#[test]
fn a_failed_import_does_not_hold_up_other_paths() {
    let files = [(INTAKE, recipe("Intake", "one")), (NOTIFY, recipe("Notify", "ping"))];
    let stage = Stage::in_sync(Pairing::one_branch(), &files);
    stage.edit_on_branch("main", INTAKE, "one", "two");
    stage.fault(&on_import(&json!("no_effect")));
    stage.sync().expect(2, "stalled");
    stage.edit_on_branch("main", NOTIFY, "ping", "pong");
    let synced = stage.sync().expect(2, "stalled");
    assert!(synced.reason().contains(INTAKE), "{}", synced.reason());
    assert_eq!(stage.imported_paths(), [[INTAKE], [NOTIFY]]);
    assert_eq!(said(stage.workspace_file(NOTIFY)).as_deref(), Some("pong"));
    waits(&stage, "applied");
}

#[test]
fn a_failed_import_is_tried_again_when_the_workspace_changed() {
    let files = [(INTAKE, recipe("Intake", "one")), (NOTIFY, recipe("Notify", "ping"))];
    let stage = Stage::in_sync(Pairing::one_branch(), &files);
    stage.edit_on_branch("main", INTAKE, "one", "two");
    stage.fault(&on_import(&json!({ "status": { "code": 422 } })));
    stage.sync().expect(2, "stalled");
    stage.edit_in_workspace(NOTIFY, &says("pong"));
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two"));
    assert_eq!(said(stage.branch_file("main", NOTIFY)).as_deref(), Some("pong"));
}

#[test]
fn a_failed_import_is_settled_by_a_person() {
    for (then, take, shown) in [
        (json!("no_effect"), "branch", "two"),
        (json!("no_effect"), "workspace", "one"),
        (json!({ "status": { "code": 422 } }), "branch", "two"),
        (result("stopped"), "workspace", "two"),
    ] {
        let (stage, _) = committed();
        stage.fault(&on_import(&then));
        stage.sync().expect(2, "stalled");
        let outcome = stage.run(&["resolve", "orders", "--take", take]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        stage.sync().expect(0, "in_sync");
        assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some(shown), "{then} {take}");
        assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some(shown), "{then} {take}");
        assert_eq!(stage.requests("import.start"), if take == "branch" { 2 } else { 1 });
    }
}

#[test]
fn a_lost_outcome_is_looked_at_and_tried_once_more() {
    let lost = [
        json!("cut"),
        json!({ "status": { "code": 500 } }),
        json!({ "status": { "code": 502, "body": "<html>" } }),
    ];
    for then in lost {
        let (stage, commit) = committed();
        stage.fault(&on_import(&then));
        let synced = stage.sync().expect(0, "in_sync");
        assert_eq!(synced.verdict(), "applied", "{then}");
        assert_eq!(stage.requests("import.start"), 2, "{then}");
        assert_eq!(synced.status["last_import"]["commit"], Value::from(commit));

        let (stage, _) = committed();
        stage.fault(&json!({ "on": "import.start", "then": then }));
        let synced = stage.sync().expect(2, "stalled");
        assert_eq!((synced.verdict(), stage.requests("import.start")), ("unknown", 2), "{then}");
        waits(&stage, "unknown");
        // A commit that does not touch the path gives no further request either.
        stage.commit("main", NOTIFY, &recipe("Notify", "ping"));
        stage.sync().expect(2, "stalled");
        let paths: Vec<_> = stage.imported_paths().into_iter().flatten().collect();
        assert!(!paths.contains(&INTAKE.to_owned()), "{paths:?}");
    }
}

#[test]
fn an_import_that_took_half_of_the_files_says_which_are_missing() {
    let files = [(INTAKE, recipe("Intake", "one")), (NOTIFY, recipe("Notify", "ping"))];
    let stage = Stage::in_sync(Pairing::one_branch(), &files);
    let edited = [
        ("orders/intake.recipe.json", stage.branch_file("main", INTAKE).unwrap().replace("one", "two")),
        ("orders/notify.recipe.json", stage.branch_file("main", NOTIFY).unwrap().replace("ping", "pong")),
    ];
    let edited = edited.each_ref().map(|(path, text)| (*path, Some(text.as_str())));
    stage.upstream.commit("main", "Both", &edited);
    stage.fault(&on_import(&json!("half")));
    let synced = stage.sync().expect(2, "stalled");
    assert_eq!(synced.verdict(), "no_effect");
    assert!(synced.reason().contains(NOTIFY) && !synced.reason().contains(INTAKE), "{}", synced.reason());
    waits(&stage, "no_effect");
    // What did arrive is agreed on: an edit of it goes on to git.
    stage.edit_in_workspace(INTAKE, &says("three"));
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("three"));
    assert_eq!(said(stage.workspace_file(NOTIFY)).as_deref(), Some("pong"));
}

#[test]
fn a_running_recipe_is_only_restarted_where_that_is_configured() {
    let (mut stage, _) = committed();
    stage.start_recipe(INTAKE);
    let synced = stage.sync().expect(2, "stalled");
    assert_eq!(synced.verdict(), "rejected");
    let reason = synced.reason();
    assert!(reason.contains("is running") && reason.contains("restart_recipes = true"), "{reason}");
    assert!(stage.imports().is_empty());

    stage.pair(|pairing| pairing.more = "import.restart_recipes = true".to_owned());
    assert_eq!(stage.run(&["resolve", "orders", "--take", "branch"]).code, Some(0));
    let synced = stage.sync().expect(0, "in_sync");
    assert_eq!(synced.status["last_import"]["recipes"][0]["result"], "restarted");
    assert_eq!(stage.imports()[0].params["restart_recipes"], "true");
}

/// A `sync` whose import job was taken, and which cannot learn what became of it until the faults are cleared.
fn importing(stage: &Stage) -> Process {
    stage.world(|world| world.settings.import_polls = 1);
    stage.fault(&json!({ "on": "package.get", "then": { "status": { "code": 500 } } }));
    let child = stage.spawn(&["sync"]);
    stage.wait("the import is asked about", || stage.requests("package.get") > 0);
    child
}

#[test]
fn an_edit_made_while_the_import_runs_is_not_lost() {
    let (stage, _) = committed();
    let running = importing(&stage);
    let status = stage.status();
    assert_eq!((&status["state"], &status["phase"]), (&json!("pending"), &json!("importing")));
    stage.edit_in_workspace(INTAKE, &says("three"));
    stage.world(|world| world.faults.clear());
    assert_eq!(running.end(), Some(2));
    assert_eq!(stage.status()["conflicts"], json!([INTAKE]));
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("three"));
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"));
    assert_eq!(stage.requests("import.start"), 1);
}

#[test]
fn a_kill_during_an_import_and_another_commit_on_its_path_are_no_conflict() {
    let (stage, _) = committed();
    drop(importing(&stage));
    stage.edit_on_branch("main", INTAKE, "two", "three");
    stage.world(|world| world.faults.clear());
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("three"));
    assert_eq!(stage.requests("import.start"), 2);
}

#[test]
fn an_edit_that_repeats_a_refused_and_reverted_commit_is_an_edit() {
    for then in [json!({ "status": { "code": 422 } }), json!("no_effect")] {
        let (stage, _) = committed();
        stage.fault(&on_import(&then));
        stage.sync().expect(2, "stalled");
        stage.edit_on_branch("main", INTAKE, "two", "one");
        stage.sync().expect(0, "in_sync");
        stage.edit_in_workspace(INTAKE, &says("two"));
        stage.sync().expect(0, "in_sync");
        assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two"), "{then}");
        assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"), "{then}");
        assert_eq!(stage.requests("import.start"), 1, "{then}");
    }
}

#[test]
fn noise_in_the_workspace_does_not_free_a_failed_import() {
    let (stage, _) = committed();
    stage.fault(&on_import(&json!("no_effect")));
    stage.sync().expect(2, "stalled");
    stage.put_in_workspace(INTAKE, recipe("Intake", "one").replace("\"version\":1", "\"version\":4"));
    waits(&stage, "no_effect");
}

#[test]
fn two_projects_of_a_workspace_import_one_after_the_other() {
    let mut stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    let mut pairing = Pairing::one_branch();
    (pairing.project, pairing.path) = ("Billing".to_owned(), "billing".to_owned());
    stage.add_project("billing", pairing, &[]);
    stage.world(|world| world.settings.import_polls = 1);
    let files = [
        ("orders/intake.recipe.json", Some(recipe("Intake", "two"))),
        ("billing/invoice.recipe.json", Some(recipe("Invoice", "due"))),
    ];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_deref()));
    stage.upstream.commit("main", "Both", &files);
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.status_of("billing")["state"], "in_sync");
    // The workspace refuses an import while another one runs.
    assert_eq!(stage.requests("import.start"), 2);
}

#[test]
fn an_edit_made_after_a_killed_export_is_not_overwritten() {
    let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.world(|world| world.settings.export_polls = 1);
    stage.fault(&json!({ "on": "package.get", "then": { "status": { "code": 500 } } }));
    let child = stage.spawn(&["sync", "--full"]);
    stage.wait("the export is asked about", || stage.requests("package.get") > 0);
    drop(child);
    // The package that was asked for does not hold this.
    stage.edit_in_workspace(INTAKE, &says("three"));
    stage.edit_on_branch("main", INTAKE, "one", "two");
    stage.world(|world| world.faults.clear());
    let synced = stage.sync().expect(2, "conflict");
    assert_eq!(synced.list("conflicts"), [INTAKE]);
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("three"));
    assert!(stage.imports().is_empty());
}

#[test]
fn an_edit_made_while_the_look_is_under_way_is_not_overwritten() {
    let (stage, _) = committed();
    stage.world(|world| world.settings.export_polls = 1);
    stage.fault(&json!({ "on": "package.get", "then": { "status": { "code": 500 } } }));
    let running = stage.spawn(&["sync"]);
    stage.wait("the export is asked about", || stage.requests("package.get") > 0);
    // The package was built before this.
    stage.edit_in_workspace(INTAKE, &says("three"));
    stage.world(|world| world.faults.clear());
    assert_eq!(running.end(), Some(2));
    assert_eq!(stage.status()["conflicts"], json!([INTAKE]));
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("three"));
    assert!(stage.imports().is_empty());
}

#[test]
fn an_edit_made_before_an_import_is_tried_again_is_not_overwritten() {
    let (stage, _) = committed();
    let later = json!({ "code": 429, "headers": { "retry-after": "2" } });
    stage.fault(&json!({ "on": "import.start", "times": 1, "then": { "status": later } }));
    let running = stage.spawn(&["sync"]);
    stage.wait("the import was asked for", || stage.requests("import.start") > 0);
    stage.edit_in_workspace(INTAKE, &says("three"));
    assert_eq!(running.end(), Some(2));
    assert_eq!(stage.status()["conflicts"], json!([INTAKE]));
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("three"));
    assert!(stage.imports().is_empty());
}

/// Lets each second listing of the folder, which is the one right before an import, say that a recipe was saved since
/// the first, for so many looks; returns how many exports and listings a sync then takes.
fn looks_while_saved(saved: &str, times: usize) -> (usize, usize) {
    let (stage, _) = committed();
    let id = stage.world(|world| world.asset(PROJECT, INTAKE)).unwrap();
    let file: Value = serde_json::from_str(&stage.workspace_file(INTAKE).unwrap()).unwrap();
    let version = if saved == INTAKE { json!(99) } else { file["version"].clone() };
    let asset = |id: u64, name: &str, version: &Value| json!({ "id": id, "type": "recipe", "zip_name": name, "version": version });
    let mut assets = vec![asset(id, INTAKE, &version)];
    if saved != INTAKE {
        assets.push(asset(1, saved, &json!(1)));
    }
    let answer = json!({ "status": { "code": 200, "body": { "result": { "assets": assets } } } });
    for look in 0..times {
        stage.fault(&json!({ "on": "assets.list", "skip": 2 * look + 1, "times": 1, "then": answer }));
    }
    let (exports, listings) = (stage.requests("export.start"), stage.requests("assets.list"));
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two"));
    assert_eq!(stage.imports().len(), 1);
    (stage.requests("export.start") - exports, stage.requests("assets.list") - listings)
}

#[test]
fn a_folder_that_never_stands_still_holds_up_an_import_for_a_few_looks_alone() {
    // The looks before the import and the one after it; before each import one listing more.
    assert_eq!(looks_while_saved("other.recipe.json", 9), (4 + 1, 4 + 4 + 1));
}

#[test]
fn a_recipe_that_does_not_stand_still_is_not_overwritten() {
    assert_eq!(looks_while_saved(INTAKE, 5), (6 + 1, 6 + 6 + 1));
}

#[test]
fn a_token_that_may_not_import_is_told_so_once() {
    for code in [401, 403] {
        let (stage, _) = committed();
        stage.fault(&json!({ "on": "import.start", "then": { "status": { "code": code } } }));
        let synced = stage.sync().expect(2, "stalled");
        assert_eq!(synced.verdict(), "rejected");
        assert!(synced.reason().contains("token"), "{}", synced.reason());
        waits(&stage, "rejected");
        assert_eq!(stage.requests("import.start"), 1);
    }
}

#[test]
fn settling_one_failed_import_leaves_the_other_ones_waiting() {
    let files = [(INTAKE, recipe("Intake", "one")), (NOTIFY, recipe("Notify", "ping"))];
    let stage = Stage::in_sync(Pairing::one_branch(), &files);
    stage.fault(&json!({ "on": "import.start", "then": { "status": { "code": 422 } } }));
    stage.edit_on_branch("main", INTAKE, "one", "two");
    stage.sync().expect(2, "stalled");
    stage.edit_on_branch("main", NOTIFY, "ping", "pong");
    stage.sync().expect(2, "stalled");
    stage.world(|world| world.faults.clear());
    assert_eq!(stage.run(&["resolve", "orders", INTAKE, "--take", "branch"]).code, Some(0));
    stage.sync().expect(2, "stalled");
    assert_eq!(stage.imported_paths(), [[INTAKE]]);
    assert_eq!(said(stage.workspace_file(NOTIFY)).as_deref(), Some("ping"));
}

#[test]
fn an_import_carries_no_notes_that_lie_beside_its_asset() {
    let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.commit("main", "intake.recipe.md", "# What it is for\n");
    stage.edit_on_branch("main", INTAKE, "one", "two");
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.imported_paths(), [[INTAKE]]);
}
