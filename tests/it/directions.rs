//! What goes which way: versioning alone, deployment alone, both ways on one branch, two branches.

use serde_json::{Value, json};

use crate::stage::{Pairing, Stage, recipe, said, says};

const INTAKE: &str = "intake.recipe.json";
const NOTIFY: &str = "notify.recipe.json";

fn two_recipes() -> [(&'static str, String); 2] {
    [(INTAKE, recipe("Intake", "one")), (NOTIFY, recipe("Notify", "ping"))]
}

/// Two branches, both with the workspace's two recipes.
fn reviewed() -> Stage {
    let stage = Stage::in_sync(Pairing::two_branches(), &two_recipes());
    merge(&stage);
    stage.sync().expect(0, "in_sync");
    stage
}

/// Merges the mirror into `main`, as a pull request does.
fn merge(stage: &Stage) {
    stage.upstream.pull("main");
    let git = |arguments: &[&str]| stage.upstream.git(arguments);
    if stage.upstream.tip("main").is_some() {
        git(&["merge", "--quiet", "--no-ff", "--no-edit", "origin/workspace"]);
    } else {
        git(&["reset", "--quiet", "--hard", "origin/workspace"]);
    }
    git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
}

#[test]
fn versioning_commits_the_workspace_and_then_each_edit() {
    let stage = Stage::new(Pairing::export_only(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.upstream.files("main"), ["orders/intake.recipe.json"]);

    stage.edit_in_workspace(INTAKE, &says("two"));
    let synced = stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"));
    assert_eq!(stage.upstream.subjects("main"), ["orders: 1 recipe changed", "orders: 1 recipe added"]);
    assert_eq!(synced.status["last_export"]["commit"], Value::from(stage.upstream.tip("main")));
    assert!(stage.imports().is_empty());
}

#[test]
fn versioning_tells_a_commit_of_somebody_else_as_drift_and_keeps_it() {
    let stage = Stage::in_sync(Pairing::export_only(), &two_recipes());
    let commit = stage.edit_on_branch("main", INTAKE, "one", "two");
    let synced = stage.sync().expect(2, "drift");
    assert_eq!(synced.list("drift"), [INTAKE]);
    assert_eq!(stage.upstream.tip("main"), Some(commit));
    assert!(stage.imports().is_empty());
}

#[test]
fn a_commit_of_somebody_else_that_was_seen_between_two_looks_is_drift_at_the_next() {
    let mut pairing = Pairing::export_only();
    pairing.more = "export.schedule = \"3s\"".to_owned();
    let stage = Stage::in_sync(pairing, &two_recipes());
    let _daemon = stage.spawn(&["run"]);
    stage.wait("a look", || stage.requests("assets.list") > 1);
    // The daemon hears of it at once, and looks at the workspace when its schedule says so.
    stage.edit_on_branch("main", INTAKE, "one", "two");
    stage.wait("drift", || stage.status()["state"] == "drift");
}

#[test]
fn deployment_imports_commits_and_tells_edits_as_drift() {
    let stage = Stage::new(Pairing::import_only(), &[]);
    stage.commit("main", INTAKE, &recipe("Intake", "one"));
    let tip = stage.commit("main", NOTIFY, &recipe("Notify", "ping"));
    let synced = stage.sync().expect(0, "in_sync");
    assert_eq!(stage.imported_paths(), [[INTAKE, NOTIFY]]);
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("one"));
    assert_eq!((synced.verdict(), &synced.status["last_import"]["commit"]), ("applied", &Value::from(tip)));

    let tip = stage.edit_on_branch("main", INTAKE, "one", "two");
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two"));

    stage.edit_in_workspace(NOTIFY, &says("pong"));
    for _ in 0..2 {
        let synced = stage.sync().expect(2, "drift");
        assert_eq!(synced.list("drift"), [NOTIFY]);
    }
    assert_eq!(said(stage.workspace_file(NOTIFY)).as_deref(), Some("pong"));
    assert_eq!(stage.upstream.tip("main"), Some(tip));
    assert_eq!(stage.imports().len(), 2);
}

#[test]
fn one_branch_carries_edits_both_ways() {
    let stage = Stage::in_sync(Pairing::one_branch(), &two_recipes());
    stage.edit_in_workspace(INTAKE, &says("two"));
    let commit = stage.edit_on_branch("main", NOTIFY, "ping", "pong");
    let synced = stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"));
    assert_eq!(said(stage.workspace_file(NOTIFY)).as_deref(), Some("pong"));
    assert_eq!(stage.imported_paths(), [[NOTIFY]]);
    let subjects = stage.upstream.subjects("main");
    assert_eq!(subjects, ["orders: 1 recipe changed", "Say pong", "orders: 2 recipes added"]);
    // The import was made of the tip, which by then was the commit of the workspace's edit.
    let made_of = synced.status["last_import"]["commit"].as_str().unwrap().to_owned();
    assert_eq!(Some(&made_of), stage.upstream.tip("main").as_ref());
    assert_ne!(made_of, commit);
}

#[test]
fn the_daemon_carries_edits_both_ways_by_itself() {
    let mut pairing = Pairing::one_branch();
    pairing.more = "export.schedule = \"1s\"".to_owned();
    let stage = Stage::new(pairing, &two_recipes());
    let _daemon = stage.spawn(&["run"]);
    stage.wait("the first commit", || stage.upstream.tip("main").is_some());
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.wait("the edit in git", || said(stage.branch_file("main", INTAKE)).as_deref() == Some("two"));
    stage.edit_on_branch("main", NOTIFY, "ping", "pong");
    stage.wait("the commit's import", || said(stage.workspace_file(NOTIFY)).as_deref() == Some("pong"));
    stage.wait("rest", || stage.status()["state"] == "in_sync");
    assert_eq!(stage.imported_paths(), [[NOTIFY]]);
    assert_eq!(stage.upstream.subjects("main").len(), 3);
}

#[test]
fn an_import_carries_the_changed_asset_with_all_its_files_and_nothing_else() {
    let adapter = |ext: &str| format!("crm.custom_adapter.{ext}");
    let (json, rb) = (adapter("json"), adapter("rb"));
    let stage = Stage::in_sync(
        Pairing::one_branch(),
        &[
            (INTAKE, recipe("Intake", "one")),
            (&json, r#"{"title":"CRM","description":"","version_no":3,"note":""}"#.to_owned()),
            (&rb, "{ title: 'CRM' }\n".to_owned()),
        ],
    );
    stage.edit_on_branch("main", &rb, "title: 'CRM'", "title: 'CRM', version: 2");
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.imported_paths(), [[json, rb.clone()]]);
    assert_eq!(stage.workspace_file(&rb).as_deref(), Some("{ title: 'CRM', version: 2 }\n"));
}

#[test]
fn what_lies_beside_a_project_or_is_no_asset_is_left_alone() {
    let stage = Stage::in_sync(Pairing::one_branch(), &two_recipes());
    let files = [
        ("README.md", Some("# Recipes\n")),
        ("billing/a.recipe.json", Some("{}")),
        ("orders/NOTES.md", Some("x")),
    ];
    stage.upstream.commit("main", "Write notes", &files);
    stage.sync().expect(0, "in_sync");
    assert!(stage.imports().is_empty());
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.sync().expect(0, "in_sync");
    for (path, text) in files {
        assert_eq!(stage.upstream.file("main", path).as_deref(), text, "{path}");
    }
}

#[test]
fn with_two_branches_the_mirror_is_the_workspace_and_review_is_no_drift() {
    let stage = reviewed();
    let main = stage.upstream.tip("main");
    stage.edit_in_workspace(INTAKE, &says("two"));
    for _ in 0..2 {
        let synced = stage.sync().expect(0, "in_sync");
        assert!(synced.list("drift").is_empty() && synced.list("conflicts").is_empty());
    }
    assert_eq!(said(stage.branch_file("workspace", INTAKE)).as_deref(), Some("two"));
    assert_eq!(stage.upstream.tip("main"), main);
    merge(&stage);
    stage.sync().expect(0, "in_sync");
    assert!(stage.imports().is_empty());
}

#[test]
fn a_merge_that_has_seen_the_workspace_is_imported_whatever_it_says() {
    let stage = reviewed();
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.sync().expect(0, "in_sync");
    stage.edit_on_branch("main", NOTIFY, "ping", "pong");
    // The reviewer merges, and corrects what the workspace says, before anybody has looked.
    merge(&stage);
    stage.edit_on_branch("main", INTAKE, "two", "two, corrected");
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two, corrected"));
    assert_eq!(said(stage.workspace_file(NOTIFY)).as_deref(), Some("pong"));
    assert_eq!(said(stage.branch_file("workspace", INTAKE)).as_deref(), Some("two, corrected"));
    assert_eq!(stage.imported_paths(), [[INTAKE, NOTIFY]]);
}

#[test]
fn a_squash_merge_is_agreed_on_and_later_commits_are_imported() {
    let stage = reviewed();
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.sync().expect(0, "in_sync");
    stage.edit_on_branch("main", INTAKE, "one", "two");
    stage.sync().expect(0, "in_sync");
    assert!(stage.imports().is_empty());
    stage.edit_on_branch("main", INTAKE, "two", "three");
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("three"));
}

#[test]
fn a_revert_on_the_import_branch_brings_the_old_content_back() {
    for looked_between in [true, false] {
        let stage = reviewed();
        stage.edit_in_workspace(INTAKE, &says("two"));
        stage.sync().expect(0, "in_sync");
        merge(&stage);
        if looked_between {
            stage.sync().expect(0, "in_sync");
        }
        stage.edit_on_branch("main", INTAKE, "two", "one");
        stage.sync().expect(0, "in_sync");
        assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("one"), "{looked_between}");
        assert_eq!(said(stage.branch_file("workspace", INTAKE)).as_deref(), Some("one"));
    }
}

#[test]
fn a_reviewer_who_keeps_a_file_that_was_deleted_in_the_workspace_brings_it_back() {
    for looked_between in [true, false] {
        let stage = reviewed();
        let notify = stage.branch_file("main", NOTIFY).unwrap();
        stage.delete_in_workspace(NOTIFY);
        stage.sync().expect(0, "in_sync");
        assert_eq!(stage.branch_file("workspace", NOTIFY), None);
        merge(&stage);
        if looked_between {
            stage.sync().expect(0, "in_sync");
        }
        stage.commit("main", NOTIFY, &notify);
        stage.sync().expect(0, "in_sync");
        assert_eq!(said(stage.workspace_file(NOTIFY)).as_deref(), Some("ping"), "{looked_between}");
        assert_eq!(said(stage.branch_file("workspace", NOTIFY)).as_deref(), Some("ping"));
    }
}

#[test]
fn what_changes_in_the_workspace_after_a_merge_and_before_the_next_look_goes_to_review() {
    let stage = Stage::in_sync(Pairing::two_branches(), &two_recipes());
    merge(&stage);
    stage.delete_in_workspace(INTAKE);
    stage.edit_in_workspace(NOTIFY, &says("pong"));
    stage.sync().expect(0, "in_sync");
    assert!(stage.imports().is_empty(), "the deletion is not undone");
    assert_eq!(stage.branch_file("workspace", INTAKE), None);
    merge(&stage);
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.branch_file("main", INTAKE), None);
    assert_eq!(said(stage.branch_file("main", NOTIFY)).as_deref(), Some("pong"));
    assert!(stage.imports().is_empty());
}

#[test]
fn a_merge_that_keeps_what_was_not_taken_at_a_conflict_ends_the_difference() {
    let [intake, notify] = two_recipes();
    let stage = Stage::new(Pairing::two_branches(), std::slice::from_ref(&intake));
    for (path, text) in [&intake, &notify] {
        stage.commit("main", path, text);
    }
    assert_eq!(stage.sync().expect(2, "conflict").list("conflicts"), [NOTIFY]);
    assert_eq!(stage.run(&["resolve", "orders", "--take", "workspace"]).code, Some(0));
    stage.sync().expect(0, "in_sync");
    stage.upstream.pull("main");
    stage.upstream.git(&["merge", "--quiet", "--no-edit", "--strategy=ours", "origin/workspace"]);
    stage.upstream.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(NOTIFY)).as_deref(), Some("ping"));
    assert_eq!(said(stage.branch_file("workspace", NOTIFY)).as_deref(), Some("ping"));
}

#[test]
fn an_import_branch_that_has_not_seen_an_edit_conflicts_on_that_path_alone() {
    let stage = reviewed();
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.edit_on_branch("main", INTAKE, "one", "three");
    stage.edit_on_branch("main", NOTIFY, "ping", "pong");
    let synced = stage.sync().expect(2, "conflict");
    assert_eq!(synced.list("conflicts"), [INTAKE]);
    assert_eq!(stage.imported_paths(), [[NOTIFY]]);
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two"));

    // A merge that keeps the reviewer's side has seen the workspace's, and settles it.
    stage.upstream.pull("main");
    stage.upstream.git(&["merge", "--quiet", "--no-edit", "-X", "ours", "origin/workspace"]);
    stage.upstream.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("three"));
}

/// A custom connector of two files, and a recipe, on both sides.
fn connector(pairing: Pairing) -> Stage {
    let stage = Stage::new(
        pairing,
        &[
            ("crm.custom_adapter.json", r#"{"title":"CRM","description":"old","note":""}"#.to_owned()),
            ("crm.custom_adapter.rb", "{ title: 'CRM' }\n".to_owned()),
            (INTAKE, recipe("Intake", "one")),
        ],
    );
    stage.sync().expect(0, "in_sync");
    stage
}

#[test]
fn an_asset_edited_on_both_sides_in_different_files_is_sent_whole_or_not_at_all() {
    let (json, rb) = ("crm.custom_adapter.json", "crm.custom_adapter.rb");
    let stage = connector(Pairing::one_branch());
    let edited = stage.workspace_file(json).unwrap().replace("old", "new");
    stage.put_in_workspace(json, &edited);
    stage.edit_on_branch("main", rb, "'CRM'", "'CRM 2'");
    stage.sync().expect(0, "in_sync");
    // The file that goes along carries the edit that was committed just before.
    assert_eq!(stage.imported_paths(), [[json, rb]]);
    assert!(stage.workspace_file(json).unwrap().contains("new"));
    assert!(stage.branch_file("main", json).unwrap().contains("new"));
    assert!(stage.workspace_file(rb).unwrap().contains("CRM 2"));

    let stage = connector(Pairing::two_branches());
    merge(&stage);
    stage.sync().expect(0, "in_sync");
    stage.put_in_workspace(json, &edited);
    stage.edit_on_branch("main", rb, "'CRM'", "'CRM 2'");
    let synced = stage.sync().expect(2, "conflict");
    assert_eq!(synced.list("conflicts"), [json, rb]);
    assert!(stage.imports().is_empty());
    merge(&stage);
    stage.sync().expect(0, "in_sync");
    assert!(stage.workspace_file(json).unwrap().contains("new"));
    assert!(stage.workspace_file(rb).unwrap().contains("CRM 2"));
}

#[test]
fn with_two_branches_taking_the_workspace_leaves_the_import_branch_to_the_reviewer() {
    let stage = reviewed();
    stage.edit_in_workspace(INTAKE, &says("two"));
    let main = stage.edit_on_branch("main", INTAKE, "one", "three");
    stage.sync().expect(2, "conflict");
    assert_eq!(stage.run(&["resolve", "orders", "--take", "workspace"]).code, Some(0));
    for _ in 0..2 {
        stage.sync().expect(0, "in_sync");
    }
    assert_eq!(stage.upstream.tip("main"), Some(main));
    assert!(stage.imports().is_empty());
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two"));

    stage.edit_on_branch("main", INTAKE, "three", "four");
    stage.sync().expect(2, "conflict");
    assert_eq!(stage.run(&["resolve", "orders", "--take", "branch"]).code, Some(0));
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("four"));
}

#[test]
fn taking_the_workspace_after_a_merge_that_chose_otherwise_imports_nothing() {
    let stage = reviewed();
    stage.edit_on_branch("main", INTAKE, "one", "two");
    stage.fault(&json!({ "on": "import.start", "times": 1, "then": { "fail": { "error": "no" } } }));
    stage.sync().expect(2, "stalled");
    assert_eq!(stage.imports().len(), 1);
    assert_eq!(stage.run(&["resolve", "orders", "--take", "workspace"]).code, Some(0));
    // The branch has seen the workspace's file and says otherwise: nothing is left to merge, and that is told.
    for _ in 0..3 {
        assert_eq!(stage.sync().expect(2, "drift").list("drift"), [INTAKE]);
    }
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("one"));
    assert_eq!(stage.imports().len(), 1);
    // An edit in the workspace is for the reviewer again, and a commit is imported again.
    stage.edit_in_workspace(INTAKE, &says("three"));
    stage.sync().expect(0, "in_sync");
    stage.upstream.pull("main");
    stage.upstream.git(&["merge", "--quiet", "--no-edit", "-X", "theirs", "origin/workspace"]);
    stage.upstream.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    stage.sync().expect(0, "in_sync");
    stage.edit_on_branch("main", INTAKE, "three", "four");
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("four"));
}

#[test]
fn a_deployed_project_whose_edit_meets_a_commit_waits_for_a_person() {
    let stage = Stage::new(Pairing::import_only(), &[]);
    stage.commit("main", INTAKE, &recipe("Intake", "one"));
    stage.sync().expect(0, "in_sync");
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.sync().expect(2, "drift");
    stage.edit_on_branch("main", INTAKE, "one", "three");
    let synced = stage.sync().expect(2, "conflict");
    assert_eq!(synced.list("conflicts"), [INTAKE]);
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two"));
    assert_eq!(stage.run(&["resolve", "orders", "--take", "branch"]).code, Some(0));
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("three"));
}

#[test]
fn drift_is_settled_by_name() {
    let stage = Stage::new(Pairing::import_only(), &[]);
    stage.commit("main", INTAKE, &recipe("Intake", "one"));
    stage.sync().expect(0, "in_sync");
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.sync().expect(2, "drift");
    assert_eq!(stage.run(&["resolve", "orders", INTAKE, "--take", "branch"]).code, Some(0));
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("one"));
}

#[test]
fn what_is_odd_on_the_branch_is_named_and_holds_up_nothing_else() {
    let stage = Stage::in_sync(Pairing::one_branch(), &two_recipes());
    stage.upstream.pull("main");
    stage.upstream.link("orders/evil.recipe.json", "/etc/passwd");
    stage.upstream.commit_and_push("main", "A link");
    stage.edit_on_branch("main", NOTIFY, "ping", "pong");
    stage.edit_in_workspace(INTAKE, &says("two"));
    let synced = stage.sync().expect(1, "stalled");
    assert!(synced.reason().contains("evil.recipe.json"), "{}", synced.reason());
    assert_eq!(stage.imported_paths(), [[NOTIFY]]);
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"));
}

#[test]
fn a_project_at_the_root_of_its_repository_leaves_other_files_alone() {
    let mut pairing = Pairing::one_branch();
    pairing.path = ".".to_owned();
    let stage = Stage::new(pairing, &two_recipes());
    let others =
        [("README.md", Some("x")), (".github/workflows/a.yml", Some("y")), ("package.json", Some("{}"))];
    stage.upstream.commit("main", "Start", &others);
    stage.sync().expect(0, "in_sync");
    stage.delete_in_workspace(NOTIFY);
    stage.sync().expect(0, "in_sync");
    let files = [".github/workflows/a.yml", "README.md", "intake.recipe.json", "package.json"];
    assert_eq!(stage.upstream.files("main"), files);
    assert!(stage.imports().is_empty());
}
