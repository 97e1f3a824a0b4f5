//! A platform that fails: what passes is waited for, what does not is told, and nothing of it reaches git.

use serde_json::{Value, json};

use crate::stage::{PROJECT, Pairing, Stage, recipe, said, says};

const INTAKE: &str = "intake.recipe.json";

/// An edit in the workspace that is to reach git.
fn edited() -> Stage {
    let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage
}

#[test]
fn what_passes_is_tried_again_until_the_edit_is_in_git() {
    for fault in [
        json!({ "on": "export.start", "times": 1, "then": { "status": { "code": 429, "headers": { "retry-after": "1" } } } }),
        json!({ "on": "me", "times": 1, "then": { "status": { "code": 429 } } }),
        json!({ "on": "assets.list", "times": 1, "then": { "status": { "code": 500 } } }),
        json!({ "on": "manifest.update", "times": 1, "then": { "status": { "code": 503, "body": "<html>down</html>" } } }),
        json!({ "on": "export.start", "times": 1, "then": "cut" }),
        json!({ "on": "download", "times": 1, "then": { "status": { "code": 502 } } }),
        json!({ "on": "store.get", "times": 1, "then": { "cut_body": { "after": 20 } } }),
        json!({ "on": "store.get", "times": 1, "then": { "status": { "code": 403 } } }),
        json!({ "on": "export.start", "times": 1, "then": "vanish" }),
    ] {
        let stage = edited();
        stage.fault(&fault);
        let synced = stage.sync().expect(0, "in_sync");
        assert!(stage.world(|world| world.faults.is_empty()), "{fault} did not strike");
        assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"), "{fault}");
        assert_eq!(stage.upstream.subjects("main").len(), 2, "{fault}");
        assert!(synced.outcome.stderr.contains("trying again"), "{fault}: {}", synced.outcome.stderr);
    }
}

#[test]
fn what_does_not_pass_stalls_at_once_and_ends_when_it_is_mended() {
    for (fault, reason) in [
        (
            json!({ "on": "export.start", "then": { "fail": { "error": "Manifest lists a deleted recipe" } } }),
            "Manifest lists a deleted recipe",
        ),
        (json!({ "on": "me", "then": { "other_workspace": { "id": 4711 } } }), "4711"),
        (json!({ "on": "me", "then": { "status": { "code": 401 } } }), "token was not accepted"),
        (json!({ "on": "export.start", "then": { "status": { "code": 403 } } }), "lacks the privilege"),
        (json!({ "on": "assets.list", "then": { "status": { "code": 404 } } }), "not found"),
        (json!({ "on": "export.start", "then": { "hostile": { "name": "dotdot" } } }), "evil.recipe.json"),
        (json!({ "on": "export.start", "then": { "truncate": { "keep": 100 } } }), "package"),
    ] {
        let stage = edited();
        let tip = stage.upstream.tip("main");
        stage.fault(&fault);
        let synced = stage.sync().expect(1, "stalled");
        assert!(synced.reason().contains(reason), "{reason} is not in {}", synced.reason());
        assert!(!synced.outcome.stderr.contains("trying again"), "{fault}: {}", synced.outcome.stderr);
        assert_eq!(stage.upstream.tip("main"), tip, "{fault}");
        stage.world(|world| world.faults.clear());
        stage.sync().expect(0, "in_sync");
        assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"), "{fault}");
    }
}

#[test]
fn a_platform_that_is_down_is_given_up_in_time() {
    let stage = edited();
    stage.fault(&json!({ "on": "*", "then": { "status": { "code": 500 } } }));
    let synced = stage.sync_with(&["--give-up-after", "1s"]).expect(1, "stalled");
    assert!(synced.reason().contains("gave up after"), "{}", synced.reason());
}

#[test]
fn a_token_of_another_workspace_imports_nothing() {
    let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.edit_on_branch("main", INTAKE, "one", "two");
    stage.fault(&json!({ "on": "me", "then": { "other_workspace": { "id": 4711 } } }));
    let synced = stage.sync().expect(1, "stalled");
    assert!(synced.status["stalled"]["hint"].as_str().unwrap().contains("token"));
    assert_eq!(stage.requests("import.start"), 0);
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("one"));
}

#[test]
fn a_hostile_package_stops_its_project_alone() {
    let mut stage = edited();
    let billing = "invoice.recipe.json";
    let mut pairing = Pairing::one_branch();
    (pairing.project, pairing.path) = ("Billing".to_owned(), "billing".to_owned());
    stage.add_project("billing", pairing, &[(billing, recipe("Invoice", "due"))]);
    let manifest =
        stage.world(|world| world.requests().find(|seen| seen.route == "export.start").unwrap().id);
    stage.fault(
        &json!({ "on": "export.start", "id": manifest, "then": { "hostile": { "name": "symlink" } } }),
    );
    let synced = stage.sync().expect(1, "stalled");
    assert!(synced.reason().contains("evil.recipe.json"), "{}", synced.reason());
    assert_eq!(stage.status_of("billing")["state"], "in_sync");
    assert_eq!(stage.upstream.files("main"), ["billing/invoice.recipe.json", "orders/intake.recipe.json"]);
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("one"));
    assert!(stage.world(|world| world.project(PROJECT)).is_some());
}

#[test]
fn a_job_that_takes_long_is_polled_and_not_started_again() {
    for word in ["in_progress", "processing", "queued"] {
        let stage = edited();
        stage.world(|world| world.settings.export_polls = 1);
        stage.fault(&json!({ "on": "export.start", "times": 1, "then": { "word": { "running": word } } }));
        let before = stage.requests("export.start");
        stage.sync().expect(0, "in_sync");
        assert_eq!(stage.requests("export.start") - before, 1, "{word}");
        assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"), "{word}");
    }
}

#[test]
fn an_import_job_that_vanishes_is_looked_at() {
    let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.world(|world| world.settings.import_polls = 1);
    stage.edit_on_branch("main", INTAKE, "one", "two");
    stage.fault(&json!({ "on": "import.start", "times": 1, "then": "vanish" }));
    let synced = stage.sync().expect(0, "in_sync");
    assert_eq!((synced.verdict(), stage.requests("import.start")), ("unknown", 1));
    assert!(synced.status["last_import"]["reason"].as_str().unwrap().contains("is gone"));
}

#[test]
fn what_fails_while_an_import_is_followed_does_not_send_it_again() {
    for route in ["package.get", "export.start", "store.get"] {
        let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
        stage.world(|world| world.settings.import_polls = 1);
        let commit = stage.edit_on_branch("main", INTAKE, "one", "two");
        let skip = usize::from(route != "package.get");
        stage.fault(&json!({ "on": route, "skip": skip, "times": 1, "then": { "status": { "code": 500 } } }));
        let synced = stage.sync().expect(0, "in_sync");
        assert!(stage.world(|world| world.faults.is_empty()), "{route}");
        assert_eq!((synced.verdict(), stage.requests("import.start")), ("applied", 1), "{route}");
        assert_eq!(stage.upstream.tip("main"), Some(commit), "{route}");
    }
}

#[test]
fn a_manifest_that_is_gone_is_made_again() {
    let stage = edited();
    let manifest =
        stage.world(|world| world.requests().find(|seen| seen.route == "export.start").unwrap().id);
    stage.fault(&json!({ "on": "manifest.update", "id": manifest, "then": { "status": { "code": 404 } } }));
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.requests("manifest.create"), 2);
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"));
}

#[test]
fn an_import_that_was_not_let_in_is_tried_again_and_not_counted() {
    let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.edit_on_branch("main", INTAKE, "one", "two");
    stage.fault(&json!({ "on": "import.start", "times": 2, "then": { "status": { "code": 429, "headers": { "retry-after": "0" } } } }));
    let synced = stage.sync().expect(0, "in_sync");
    assert_eq!(synced.verdict(), "applied");
    assert_eq!(synced.status["last_import"]["reason"], Value::Null);
    assert_eq!(stage.imports().len(), 1);
}

#[test]
fn packages_that_are_gone_each_time_are_given_up() {
    let stage = edited();
    stage.world(|world| world.settings.export_polls = 1);
    stage.fault(&json!({ "on": "download", "then": { "status": { "code": 404 } } }));
    let synced = stage.sync_with(&["--give-up-after", "3s"]).expect(1, "stalled");
    assert!(synced.reason().contains("gave up"), "{}", synced.reason());
    assert!(stage.requests("export.start") < 10, "{}", stage.requests("export.start"));
}
