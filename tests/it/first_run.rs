//! Two sides that meet for the first time, and conflicts that people settle.

use crate::stage::{Pairing, Stage, recipe, said, says};

const INTAKE: &str = "intake.recipe.json";
const NOTIFY: &str = "notify.recipe.json";
const HERE: &str = "here.recipe.json";
const THERE: &str = "there.recipe.json";

/// A first look at two sides that differ in every way: one file on both, one on each alone, one equal.
fn strangers(pairing: Pairing) -> Stage {
    let notify = recipe("Notify", "ping");
    let files =
        [(INTAKE, recipe("Intake", "workspace")), (HERE, recipe("Here", "h")), (NOTIFY, notify.clone())];
    let stage = Stage::new(pairing, &files);
    stage.commit("main", INTAKE, &recipe("Intake", "branch"));
    stage.commit("main", THERE, &recipe("There", "t"));
    stage.commit("main", NOTIFY, &notify);
    stage
}

#[test]
fn equal_sides_agree_however_they_are_spelt() {
    let file = recipe("Intake", "one");
    let stage = Stage::new(Pairing::one_branch(), &[(INTAKE, file.clone())]);
    let value: serde_json::Value = serde_json::from_str(&file).unwrap();
    let tip = stage.commit("main", INTAKE, &format!("{value:#}").replace("\"version\": 1", "\"version\": 7"));
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.upstream.tip("main"), Some(tip));
    assert!(stage.imports().is_empty());

    stage.edit_on_branch("main", INTAKE, "one", "two");
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two"));
}

#[test]
fn an_empty_folder_is_deployed_to_and_an_empty_branch_is_filled() {
    let stage = Stage::new(Pairing::one_branch(), &[]);
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.upstream.tip("main"), None);
    stage.commit("main", INTAKE, &recipe("Intake", "one"));
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("one"));

    let stage = Stage::new(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.upstream.commit("main", "Start", &[("README.md", Some("# Recipes\n"))]);
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("one"));
    assert_eq!(stage.upstream.file("main", "README.md").as_deref(), Some("# Recipes\n"));
}

#[test]
fn versioning_an_empty_folder_deletes_nothing() {
    let stage = Stage::new(Pairing::export_only(), &[]);
    let tip = stage.commit("main", INTAKE, &recipe("Intake", "one"));
    let synced = stage.sync().expect(2, "drift");
    assert_eq!(synced.list("drift"), [INTAKE]);
    assert_eq!(stage.upstream.tip("main"), Some(tip));
}

#[test]
fn two_sides_that_differ_at_first_wait_for_a_person() {
    let stage = strangers(Pairing::one_branch());
    let tip = stage.upstream.tip("main");
    for _ in 0..2 {
        let synced = stage.sync().expect(2, "conflict");
        assert_eq!(synced.list("conflicts"), [HERE, INTAKE, THERE]);
    }
    assert_eq!(stage.upstream.tip("main"), tip);
    assert!(stage.imports().is_empty());
    // What agrees is not held up.
    stage.edit_in_workspace(NOTIFY, &says("pong"));
    stage.sync().expect(2, "conflict");
    assert_eq!(said(stage.branch_file("main", NOTIFY)).as_deref(), Some("pong"));
}

#[test]
fn a_conflict_is_resolved_path_by_path_or_all_at_once() {
    let stage = strangers(Pairing::one_branch());
    stage.sync().expect(2, "conflict");
    assert_eq!(stage.run(&["resolve", "orders", INTAKE, "--take", "workspace"]).code, Some(0));
    let synced = stage.sync().expect(2, "conflict");
    assert_eq!(synced.list("conflicts"), [HERE, THERE]);
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("workspace"));
    assert!(stage.imports().is_empty());

    assert_eq!(stage.run(&["resolve", "orders", "--take", "branch"]).code, Some(0));
    let synced = stage.sync().expect(2, "drift");
    assert_eq!(stage.imported_paths(), [[THERE]]);
    // The branch's side of a file that it does not have is that it is gone: a person deletes it.
    assert_eq!(synced.list("to_prune"), [HERE]);
    stage.delete_in_workspace(HERE);
    stage.sync().expect(0, "in_sync");
}

#[test]
fn taking_the_workspace_everywhere_imports_nothing() {
    let stage = strangers(Pairing::one_branch());
    stage.sync().expect(2, "conflict");
    assert_eq!(stage.run(&["resolve", "orders", "--take", "workspace"]).code, Some(0));
    stage.sync().expect(0, "in_sync");
    let files = [HERE, INTAKE, NOTIFY].map(|path| format!("orders/{path}"));
    assert_eq!(stage.upstream.files("main"), files);
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("workspace"));
    assert!(stage.imports().is_empty());
}

#[test]
fn a_decision_about_sides_that_moved_since_is_void() {
    for moved in ["workspace", "branch"] {
        let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
        stage.edit_in_workspace(INTAKE, &says("two"));
        stage.edit_on_branch("main", INTAKE, "one", "three");
        stage.sync().expect(2, "conflict");
        assert_eq!(stage.run(&["resolve", "orders", "--take", "branch"]).code, Some(0));
        if moved == "workspace" {
            stage.edit_in_workspace(INTAKE, &says("four"));
        } else {
            stage.edit_on_branch("main", INTAKE, "three", "four");
        }
        let synced = stage.sync().expect(2, "conflict");
        assert_eq!(synced.list("conflicts"), [INTAKE], "{moved}");
        assert!(stage.imports().is_empty(), "{moved}");
        // And it stays void when what it was about comes back.
        if moved == "workspace" {
            stage.edit_in_workspace(INTAKE, &says("two"));
        } else {
            stage.edit_on_branch("main", INTAKE, "four", "three");
        }
        stage.sync().expect(2, "conflict");
        assert!(stage.imports().is_empty(), "{moved}");
    }
}

#[test]
fn a_conflict_ends_when_one_side_takes_the_other_ones_content() {
    for settled_by in ["a commit", "an edit"] {
        let files = [(INTAKE, recipe("Intake", "one")), (NOTIFY, recipe("Notify", "ping"))];
        let stage = Stage::in_sync(Pairing::one_branch(), &files);
        stage.edit_in_workspace(INTAKE, &says("two"));
        stage.edit_on_branch("main", INTAKE, "one", "three");
        stage.edit_on_branch("main", NOTIFY, "ping", "pong");
        let synced = stage.sync().expect(2, "conflict");
        assert_eq!(synced.list("conflicts"), [INTAKE]);
        assert_eq!(stage.imported_paths(), [[NOTIFY]]);
        let side = if settled_by == "a commit" {
            stage.edit_on_branch("main", INTAKE, "three", "two");
            "two"
        } else {
            stage.edit_in_workspace(INTAKE, &says("three"));
            "three"
        };
        stage.sync().expect(0, "in_sync");
        assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some(side), "{settled_by}");
        assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some(side), "{settled_by}");
        assert_eq!(stage.imports().len(), 1);
    }
}

#[test]
fn resolve_refuses_what_does_not_wait() {
    let stage = Stage::new(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    for arguments in
        [&["resolve", "orders", "--take", "branch"][..], &["resolve", "orders", INTAKE, "--take", "branch"]]
    {
        assert_eq!(stage.run(arguments).code, Some(1));
    }
    stage.sync().expect(0, "in_sync");
    for arguments in
        [&["resolve", "orders", "--take", "branch"][..], &["resolve", "orders", INTAKE, "--take", "branch"]]
    {
        let outcome = stage.run(arguments);
        assert_eq!(outcome.code, Some(1));
        assert!(outcome.stderr.contains("nothing waits for a decision"), "{}", outcome.stderr);
    }
}

#[test]
fn a_first_deployment_with_two_branches_needs_no_mirror() {
    let stage = Stage::new(Pairing::two_branches(), &[]);
    stage.commit("main", INTAKE, &recipe("Intake", "one"));
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("one"));
    assert_eq!(said(stage.branch_file("workspace", INTAKE)).as_deref(), Some("one"));
    // No commit of the mirror ever deleted it.
    let deleted = stage.upstream.at_upstream(&["log", "--diff-filter=D", "--format=%s", "workspace"]);
    assert_eq!(deleted, "");
}

#[test]
fn a_mirror_that_is_new_deletes_nothing_that_anybody_has() {
    let stage = Stage::new(Pairing::two_branches(), &[(HERE, recipe("Here", "h"))]);
    stage.commit("main", INTAKE, &recipe("Intake", "one"));
    stage.commit("main", THERE, &recipe("There", "t"));
    let main = stage.upstream.tip("main");
    let synced = stage.sync().expect(2, "conflict");
    assert_eq!(synced.list("conflicts"), [HERE, INTAKE, THERE]);
    assert_eq!(stage.upstream.files("workspace"), ["orders/here.recipe.json"]);
    assert_eq!(stage.upstream.tip("main"), main);
}

#[test]
fn a_branch_to_import_from_must_exist() {
    let stage = Stage::new(Pairing::import_only(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.upstream.commit("other", "Elsewhere", &[("README.md", Some("x"))]);
    let synced = stage.sync().expect(1, "stalled");
    assert_eq!(synced.reason(), "branch main does not exist");
    stage.commit("main", INTAKE, &recipe("Intake", "one"));
    stage.sync().expect(0, "in_sync");
    assert!(stage.imports().is_empty());
}

#[test]
fn a_branch_that_is_gone_is_no_deletion_of_its_files() {
    for pairing in [Pairing::one_branch(), Pairing::export_only(), Pairing::import_only()] {
        let stage = Stage::new(pairing, &[(INTAKE, recipe("Intake", "one"))]);
        let tip = stage.commit("main", INTAKE, &recipe("Intake", "one"));
        stage.sync().expect(0, "in_sync");
        stage.upstream.at_upstream(&["update-ref", "-d", "refs/heads/main"]);
        for _ in 0..2 {
            let synced = stage.sync().expect(1, "stalled");
            assert!(synced.list("to_prune").is_empty() && synced.list("drift").is_empty());
            assert_eq!(stage.upstream.tip("main"), None);
        }
        stage.upstream.at_upstream(&["update-ref", "refs/heads/main", &tip]);
        stage.sync().expect(0, "in_sync");
    }
}

/// A conflict of an edit, `two`, with a commit, `three`.
fn disputed() -> Stage {
    let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.edit_on_branch("main", INTAKE, "one", "three");
    stage.sync().expect(2, "conflict");
    stage
}

/// Merges the workspace's side of a conflict into `main`, taking one side's lines.
fn merge_the_workspace(stage: &Stage, side: &str) {
    stage.upstream.pull("main");
    stage.upstream.git(&["fetch", "--quiet", "origin", "refs/recipesync/orders"]);
    stage.upstream.git(&["merge", "--quiet", "--no-edit", "-X", side, "FETCH_HEAD"]);
    stage.upstream.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
}

#[test]
fn a_merge_with_what_the_workspace_holds_settles_a_conflict() {
    for (side, text, imports) in [("ours", "three", 1), ("theirs", "two", 0)] {
        let stage = disputed();
        merge_the_workspace(&stage, side);
        let tip = stage.upstream.tip("main");
        stage.sync().expect(0, "in_sync");
        assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some(text), "{side}");
        assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some(text), "{side}");
        assert_eq!((stage.imports().len(), stage.upstream.tip("main")), (imports, tip), "{side}");
    }
}

#[test]
fn a_merge_that_has_not_seen_the_latest_edit_does_not_overwrite_it() {
    for looked_between in [true, false] {
        let stage = disputed();
        merge_the_workspace(&stage, "ours");
        if looked_between {
            stage.upstream.git(&["push", "--quiet", "--force", "origin", "HEAD~1:refs/heads/main"]);
        }
        stage.edit_in_workspace(INTAKE, &says("four"));
        if looked_between {
            stage.sync().expect(2, "conflict");
            stage.upstream.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
        }
        let synced = stage.sync().expect(2, "conflict");
        assert_eq!(synced.list("conflicts"), [INTAKE]);
        assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("four"));
        assert!(stage.imports().is_empty());
    }
}

#[test]
fn what_a_lost_state_once_exported_is_no_reason_to_overwrite_it() {
    let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.sync().expect(0, "in_sync");
    stage.edit_on_branch("main", INTAKE, "two", "three");
    stage.sync().expect(0, "in_sync");
    // Somebody goes back to what was exported before, and nobody knows any more what came after what.
    stage.edit_in_workspace(INTAKE, &says("two"));
    recipesync::fs::remove_folder(&stage.path("state")).unwrap();
    let synced = stage.sync().expect(2, "conflict");
    assert_eq!(synced.list("conflicts"), [INTAKE]);
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two"));
    assert_eq!(stage.imports().len(), 1);
}
