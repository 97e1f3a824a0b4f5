//! A configuration that changes: what was agreed about the old pairing says nothing about the new one.

use serde_json::json;

use crate::stage::{Pairing, Stage, recipe, said, says};

const INTAKE: &str = "intake.recipe.json";

#[test]
fn another_branch_that_differs_is_neither_imported_nor_overwritten() {
    let mut stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.upstream.pull("main");
    stage.upstream.git(&["push", "--quiet", "origin", "HEAD:refs/heads/release"]);
    let tip = stage.edit_on_branch("release", INTAKE, "one", "released");
    stage.pair(|pairing| (pairing.export, pairing.import) = (Some("release"), Some("release")));
    for _ in 0..2 {
        let synced = stage.sync().expect(2, "conflict");
        assert_eq!(synced.list("conflicts"), [INTAKE]);
    }
    assert!(stage.imports().is_empty());
    assert_eq!(stage.upstream.tip("release"), Some(tip));
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("one"));
}

#[test]
fn another_branch_that_is_equal_goes_on() {
    let mut stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.upstream.pull("main");
    stage.upstream.git(&["push", "--quiet", "origin", "HEAD:refs/heads/release"]);
    stage.pair(|pairing| (pairing.export, pairing.import) = (Some("release"), Some("release")));
    stage.sync().expect(0, "in_sync");
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.branch_file("release", INTAKE)).as_deref(), Some("two"));
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("one"));
}

#[test]
fn another_folder_of_the_workspace_deletes_nothing_in_git() {
    let mut stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    let tip = stage.upstream.tip("main");
    let mut other = Pairing::one_branch();
    (other.project, other.path) = ("Other".to_owned(), "other".to_owned());
    stage.add_project("other", other, &[("there.recipe.json", recipe("There", "t"))]);
    stage.pair(|pairing| pairing.project = "Other".to_owned());
    let outcome = stage.run(&["sync", "orders"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    let status = stage.status();
    assert_eq!(status["conflicts"], serde_json::json!([INTAKE, "there.recipe.json"]));
    assert_eq!(stage.upstream.tip("main"), tip);
    assert!(stage.imports().is_empty());
}

#[test]
fn another_path_in_the_repository_is_filled_and_the_old_one_kept() {
    let mut stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.pair(|pairing| pairing.path = "desk/orders".to_owned());
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.upstream.files("main"), ["desk/orders/intake.recipe.json", "orders/intake.recipe.json"]);
    assert!(stage.imports().is_empty());
}

#[test]
fn another_name_agrees_on_what_is_equal() {
    let mut stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    let tip = stage.upstream.tip("main");
    stage.rename_project("desk");
    let outcome = stage.run(&["sync"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(stage.status_of("desk")["state"], "in_sync");
    assert_eq!(stage.upstream.tip("main"), tip);
    assert!(stage.imports().is_empty());
}

#[test]
fn adding_an_import_keeps_edits_that_git_has_not_seen() {
    let mut stage = Stage::in_sync(Pairing::export_only(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.pair(|pairing| pairing.import = Some("main"));
    let synced = stage.sync().expect(2, "conflict");
    assert_eq!(synced.list("conflicts"), [INTAKE]);
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two"));
    assert!(stage.imports().is_empty());
}

#[test]
fn a_project_that_is_paired_anew_while_it_imports_holds_up_no_other() {
    let mut stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    let mut billing = Pairing::one_branch();
    (billing.project, billing.path) = ("Billing".to_owned(), "billing".to_owned());
    stage.add_project("billing", billing, &[]);
    stage.world(|world| world.settings.import_polls = 1);
    stage.fault(&json!({ "on": "package.get", "then": { "status": { "code": 500 } } }));
    stage.edit_on_branch("main", INTAKE, "one", "two");
    let child = stage.spawn(&["sync", "orders"]);
    stage.wait("the import is asked about", || stage.requests("package.get") > 0);
    drop(child);
    stage.world(|world| world.faults.clear());

    // The project has nothing to import any more, and its neighbour has.
    stage.pair(|pairing| (pairing.path, pairing.import) = ("elsewhere".to_owned(), None));
    stage.upstream.commit(
        "main",
        "An invoice",
        &[("billing/invoice.recipe.json", Some(&recipe("Invoice", "due")))],
    );
    let _running = stage.spawn(&["sync"]);
    stage.wait("the neighbour's import", || stage.status_of("billing")["state"] == "in_sync");
}

#[test]
fn a_branch_that_is_made_where_another_one_is_equal_is_there_at_once() {
    for pairing in [Pairing::one_branch(), Pairing::export_only()] {
        let mut stage = Stage::in_sync(pairing, &[(INTAKE, recipe("Intake", "one"))]);
        stage.upstream.at_upstream(&["symbolic-ref", "HEAD", "refs/heads/main"]);
        stage.pair(|pairing| {
            pairing.export = Some("recipes");
            pairing.import = pairing.import.and(Some("recipes"));
        });
        for _ in 0..2 {
            stage.sync().expect(0, "in_sync");
        }
        assert_eq!(stage.upstream.tip("recipes"), stage.upstream.tip("main"));
    }
}

#[test]
fn a_commit_of_another_project_that_a_merge_brought_says_nothing_of_ours() {
    let file = INTAKE;
    let files = [(file, recipe("Intake", "one"))];
    let mut stage = Stage::in_sync(Pairing::one_branch(), &files);
    let prod = Pairing {
        project: "Prod".to_owned(),
        export: Some("production"),
        import: Some("production"),
        ..Pairing::one_branch()
    };
    stage.add_project("prod", prod, &files);
    stage.upstream.at_upstream(&["branch", "production", "main"]);
    assert_eq!(stage.run(&["sync"]).code, Some(0));
    // Somebody tries something in the first workspace, and takes it back; the branch goes into production.
    for text in ["two", "one"] {
        stage.edit_in_workspace(file, &says(text));
        assert_eq!(stage.run(&["sync", "orders"]).code, Some(0));
    }
    stage.upstream.pull("production");
    stage.upstream.git(&["fetch", "-q", "origin"]);
    stage.upstream.git(&["merge", "-q", "--no-ff", "-m", "release", "origin/main"]);
    stage.upstream.git(&["push", "-q", "origin", "HEAD:production"]);
    let now = stage.emulator.now();
    stage
        .world(|world| {
            let id = world.asset("Prod", file)?;
            world.edit_recipe(id, says("two").to_string().as_bytes(), now)
        })
        .unwrap();
    assert_eq!(stage.run(&["sync"]).code, Some(0));
    let held = stage.world(|world| world.files("Prod")).unwrap()[file].clone();
    assert_eq!(
        said(String::from_utf8(held.to_vec()).ok()).as_deref(),
        Some("two"),
        "the hotfix is still there"
    );
    assert_eq!(said(stage.branch_file("production", file)).as_deref(), Some("two"), "and in git");
}
