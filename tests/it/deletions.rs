//! What is gone on one side: deleted in git, listed to be pruned, or held back.

use crate::stage::{Pairing, Stage, recipe, said, says};

const NAMES: [&str; 4] = ["a.recipe.json", "b.recipe.json", "c.recipe.json", "d.recipe.json"];

fn four(pairing: Pairing) -> Stage {
    let files = NAMES.map(|name| (name, recipe(name, "one")));
    Stage::in_sync(pairing, &files)
}

#[test]
fn a_deletion_in_the_workspace_is_committed() {
    let stage = four(Pairing::one_branch());
    stage.delete_in_workspace(NAMES[0]);
    stage.sync().expect(0, "in_sync");
    assert_eq!(
        stage.upstream.files("main"),
        NAMES[1..].iter().map(|name| format!("orders/{name}")).collect::<Vec<_>>()
    );
    assert_eq!(stage.upstream.subjects("main")[0], "orders: 1 recipe removed");
    assert!(stage.imports().is_empty());
}

#[test]
fn a_deletion_on_the_branch_is_listed_until_it_is_gone_and_never_put_back() {
    let stage = four(Pairing::one_branch());
    let tip = stage.delete_on_branch("main", NAMES[0]);
    for _ in 0..2 {
        let synced = stage.sync().expect(2, "drift");
        assert_eq!(synced.list("to_prune"), [NAMES[0]]);
        let plan = stage.run(&["plan"]);
        assert_eq!(plan.code, Some(2));
        assert!(plan.stdout.contains(NAMES[0]), "{}", plan.stdout);
    }
    // Other work goes on beside it.
    stage.edit_in_workspace(NAMES[1], &says("two"));
    stage.sync().expect(2, "drift");
    assert_eq!(said(stage.branch_file("main", NAMES[1])).as_deref(), Some("two"));
    assert_ne!(stage.upstream.tip("main"), Some(tip));
    assert_eq!(stage.branch_file("main", NAMES[0]), None);
    assert!(stage.workspace_file(NAMES[0]).is_some() && stage.imports().is_empty());

    stage.delete_in_workspace(NAMES[0]);
    let synced = stage.sync().expect(0, "in_sync");
    assert!(synced.list("to_prune").is_empty());
}

#[test]
fn a_file_that_was_to_be_pruned_and_comes_back_on_the_branch_is_no_longer_listed() {
    let stage = four(Pairing::one_branch());
    let before = stage.branch_file("main", NAMES[0]).unwrap();
    stage.delete_on_branch("main", NAMES[0]);
    stage.sync().expect(2, "drift");
    stage.commit("main", NAMES[0], &before);
    let synced = stage.sync().expect(0, "in_sync");
    assert!(synced.list("to_prune").is_empty() && stage.imports().is_empty());
}

#[test]
fn a_file_deleted_on_the_branch_and_edited_in_the_workspace_is_a_conflict() {
    let stage = four(Pairing::one_branch());
    stage.delete_on_branch("main", NAMES[0]);
    stage.edit_in_workspace(NAMES[0], &says("two"));
    let synced = stage.sync().expect(2, "conflict");
    assert_eq!(synced.list("conflicts"), [NAMES[0]]);
    assert_eq!(stage.branch_file("main", NAMES[0]), None);
    assert_eq!(said(stage.workspace_file(NAMES[0])).as_deref(), Some("two"));
}

#[test]
fn a_person_can_put_a_file_back_that_was_to_be_pruned() {
    let stage = four(Pairing::one_branch());
    stage.delete_on_branch("main", NAMES[0]);
    stage.sync().expect(2, "drift");
    assert_eq!(stage.run(&["resolve", "orders", NAMES[0], "--take", "workspace"]).code, Some(0));
    stage.sync().expect(0, "in_sync");
    assert!(stage.branch_file("main", NAMES[0]).is_some() && stage.imports().is_empty());
}

#[test]
fn a_deletion_on_both_sides_is_agreed_on_however_many_they_are() {
    let stage = four(Pairing::one_branch());
    for name in &NAMES[..3] {
        stage.delete_in_workspace(name);
        stage.delete_on_branch("main", name);
    }
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.upstream.files("main"), ["orders/d.recipe.json"]);
}

#[test]
fn a_rename_on_the_branch_imports_the_new_name_and_lists_the_old_one() {
    let stage = four(Pairing::one_branch());
    stage.upstream.pull("main");
    stage.upstream.git(&["mv", "orders/a.recipe.json", "orders/z.recipe.json"]);
    stage.upstream.commit_and_push("main", "Rename");
    let synced = stage.sync().expect(2, "drift");
    assert_eq!(synced.list("to_prune"), [NAMES[0]]);
    assert_eq!(stage.imported_paths(), [["z.recipe.json"]]);
    stage.delete_in_workspace(NAMES[0]);
    stage.sync().expect(0, "in_sync");
}

#[test]
fn an_export_that_deletes_too_much_is_held_back_until_a_person_agrees() {
    for (pairing, branch) in [(Pairing::one_branch(), "main"), (Pairing::two_branches(), "workspace")] {
        let stage = four(pairing);
        let tip = stage.upstream.tip(branch);
        NAMES[..3].iter().for_each(|name| stage.delete_in_workspace(name));
        for _ in 0..2 {
            let synced = stage.sync().expect(1, "stalled");
            assert!(synced.reason().contains("would delete 3 of 4 files"), "{}", synced.reason());
            assert_eq!(stage.upstream.tip(branch), tip);
        }
        assert_eq!(stage.run(&["resolve", "orders", "--take", "workspace"]).code, Some(0));
        stage.sync().expect(0, "in_sync");
        assert_eq!(stage.upstream.files(branch), ["orders/d.recipe.json"]);
    }
}

#[test]
fn a_mass_deletion_that_is_taken_back_needs_no_person() {
    let stage = four(Pairing::one_branch());
    let tip = stage.upstream.tip("main");
    NAMES[..3].iter().for_each(|name| stage.delete_in_workspace(name));
    stage.sync().expect(1, "stalled");
    NAMES[..3].iter().for_each(|name| stage.put_in_workspace(name, recipe(name, "one")));
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.upstream.tip("main"), tip);
}

#[test]
fn the_limit_is_a_share_or_a_number() {
    for (limit, deleted, code) in
        [("\"50%\"", 2, 0), ("\"49%\"", 2, 1), ("1", 1, 0), ("1", 2, 1), ("\"100%\"", 3, 0)]
    {
        let mut stage = four(Pairing::export_only());
        stage.pair(|pairing| pairing.more = format!("max_delete = {limit}"));
        NAMES[..deleted].iter().for_each(|name| stage.delete_in_workspace(name));
        let synced = stage.sync();
        assert_eq!(synced.outcome.code, Some(code), "{limit} {deleted}: {}", synced.outcome.stderr);
        let left = if code == 0 { 4 - deleted } else { 4 };
        assert_eq!(stage.upstream.files("main").len(), left, "{limit} {deleted}");
    }
}

#[test]
fn an_export_without_a_file_stalls_and_deletes_nothing() {
    for is_new in [true, false] {
        let stage = Stage::new(Pairing::one_branch(), &[(NAMES[0], recipe("A", "one"))]);
        if !is_new {
            stage.sync().expect(0, "in_sync");
        }
        let tip = stage.upstream.tip("main");
        stage.fault(&serde_json::json!({ "on": "export.start", "times": 1, "then": "empty" }));
        let synced = stage.sync_with(&["--full"]).expect(1, "stalled");
        assert!(synced.reason().contains("holds no file"), "{}", synced.reason());
        assert_eq!(stage.upstream.tip("main"), tip);
        stage.sync().expect(0, "in_sync");
    }
}

#[test]
fn a_folder_that_was_emptied_stalls_and_is_not_deployed_to() {
    for pairing in [Pairing::one_branch(), Pairing::export_only(), Pairing::import_only()] {
        let stage = Stage::new(pairing, &[(NAMES[0], recipe("A", "one"))]);
        stage.commit("main", NAMES[0], &recipe("A", "one"));
        stage.sync().expect(0, "in_sync");
        stage.delete_in_workspace(NAMES[0]);
        for _ in 0..2 {
            let synced = stage.sync().expect(1, "stalled");
            assert!(synced.reason().contains("is empty"), "{}", synced.reason());
        }
        assert!(stage.branch_file("main", NAMES[0]).is_some() && stage.imports().is_empty());
        stage.put_in_workspace(NAMES[0], recipe("A", "one"));
        stage.sync().expect(0, "in_sync");
    }
}
