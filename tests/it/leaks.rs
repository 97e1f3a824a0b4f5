//! Secrets stay out of git: held back, told, settled, and nothing else is held up or lost by it.

use serde_json::{Value, json};

use crate::stage::{Outcome, Pairing, Stage, recipe, said, says};

const INTAKE: &str = "intake.recipe.json";
const OTHER: &str = "other.recipe.json";
const CONNECTOR: &str = "desk.custom_adapter.json";
const SOURCE: &str = "desk.custom_adapter.rb";

/// Made up, and like what people leave in connectors.
const SECRET: &str = "EXAMPLEfakefakefakefakefake00";

fn source(line: &str) -> String {
    format!("{{\n  title: 'Desk',\n  connection: {{\n    {line}\n  }}\n}}\n")
}

fn leak() -> String {
    source(&format!("client_secret: '{SECRET}',"))
}

fn connector(title: &str) -> String {
    format!(r#"{{"title":"{title}","version_no":1}}"#)
}

/// A project in sync, with a connector and two recipes.
fn desk(pairing: Pairing) -> Stage {
    Stage::in_sync(
        pairing.exporting_always(),
        &[
            (INTAKE, recipe("Intake", "one")),
            (OTHER, recipe("Other", "one")),
            (CONNECTOR, connector("Desk")),
            (SOURCE, source("fields: []")),
        ],
    )
}

impl Stage {
    /// Gives the project further lines of configuration, from the next run on.
    fn allow(&mut self, more: &str) {
        self.pair(|pairing| {
            more.clone_into(&mut pairing.more);
            *pairing = pairing.clone().exporting_always();
        });
    }
}

/// What the upstream holds at all, in whatever ref.
fn is_upstream(stage: &Stage, text: &str) -> bool {
    let commits = stage.upstream.at_upstream(&["rev-list", "--all"]);
    let is_in = |commit: &str| {
        let files = stage.upstream.at_upstream(&["ls-tree", "-r", "--name-only", commit]);
        files.lines().any(|file| {
            stage.upstream.at_upstream(&["cat-file", "blob", &format!("{commit}:{file}")]).contains(text)
        })
    };
    commits.lines().any(is_in)
}

#[track_caller]
fn keeps_quiet(outcome: &Outcome) {
    assert!(!outcome.stdout.contains(SECRET) && !outcome.stderr.contains(SECRET), "it was told");
}

fn held(line: u32) -> Value {
    json!([{"path": SOURCE, "line": line, "kind": "named-secret", "level": "certain", "held": true}])
}

#[test]
fn a_file_with_a_secret_is_held_back_until_the_workspace_is_mended() {
    let stage = desk(Pairing::one_branch());
    let before = stage.branch_file("main", SOURCE);
    stage.put_in_workspace(SOURCE, leak());
    stage.edit_in_workspace(INTAKE, &says("two"));
    for look in 0..2 {
        let synced = stage.sync().expect(2, "stalled");
        keeps_quiet(&synced.outcome);
        assert!(
            synced.reason().contains("desk.custom_adapter.rb line 4 holds a secret"),
            "{}",
            synced.reason()
        );
        assert_eq!(synced.status["secrets"], held(4));
        assert!(
            synced
                .outcome
                .stdout
                .contains("secret, not committed: desk.custom_adapter.rb line 4: named-secret")
        );
        assert_eq!(synced.outcome.stderr.contains("a secret: the file is not committed"), look == 0, "once");
        assert_eq!(
            said(stage.branch_file("main", INTAKE)).as_deref(),
            Some("two"),
            "the others are committed"
        );
        assert_eq!(stage.branch_file("main", SOURCE), before);
        let plan = stage.run(&["plan"]);
        assert_eq!(plan.code, Some(2));
        assert!(plan.stdout.contains("hold desk.custom_adapter.rb line 4: named-secret"), "{}", plan.stdout);
        keeps_quiet(&plan);
    }
    assert_eq!(stage.upstream.subjects("main").len(), 2);
    // Commits of others go on meanwhile, and bring nothing of it along.
    stage.edit_on_branch("main", OTHER, "one", "three");
    stage.sync().expect(2, "stalled");
    assert_eq!(stage.imported_paths(), [[OTHER]]);
    assert_eq!(stage.workspace_file(SOURCE), Some(leak()));
    stage.put_in_workspace(SOURCE, source("fields: [{ name: 'client_secret' }]"));
    let synced = stage.sync().expect(0, "in_sync");
    assert_eq!(synced.status["secrets"], json!([]));
    assert_eq!(stage.branch_file("main", SOURCE), stage.workspace_file(SOURCE));
    assert!(!is_upstream(&stage, SECRET));
    stage.sync().expect(0, "in_sync");
}

#[test]
fn what_is_held_back_is_not_imported_over() {
    let stage = desk(Pairing::one_branch());
    stage.put_in_workspace(SOURCE, leak());
    stage.sync().expect(2, "stalled");
    // An import of the connector's other file would carry the branch's source as well.
    stage.edit_on_branch("main", CONNECTOR, "\"Desk\"", "\"Front desk\"");
    for _ in 0..2 {
        let synced = stage.sync().expect(2, "stalled");
        assert_eq!(synced.list("conflicts"), [CONNECTOR, SOURCE]);
        assert!(stage.imports().is_empty());
        assert_eq!(stage.workspace_file(SOURCE), Some(leak()));
        keeps_quiet(&synced.outcome);
        let plan = stage.run(&["plan"]);
        assert!(plan.stdout.contains("(hidden)"), "both sides are shown: {}", plan.stdout);
        keeps_quiet(&plan);
    }
    assert!(!is_upstream(&stage, SECRET), "nor is it offered to be merged");
    // Mended, both go where they belong.
    let mended = source("fields: [1]");
    stage.put_in_workspace(SOURCE, &mended);
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.branch_file("main", SOURCE), Some(mended.clone()));
    assert_eq!(stage.workspace_file(SOURCE), Some(mended));
    assert!(stage.workspace_file(CONNECTOR).unwrap().contains("Front desk"));
}

#[test]
fn a_conflict_is_not_settled_by_committing_a_secret() {
    let mut stage = desk(Pairing::one_branch());
    stage.put_in_workspace(SOURCE, leak());
    stage.edit_on_branch("main", SOURCE, "fields: []", "fields: [2]");
    let synced = stage.sync().expect(2, "conflict");
    assert_eq!(synced.list("conflicts"), [SOURCE]);
    assert!(!is_upstream(&stage, SECRET));
    // To take the workspace's is to commit the secret: it is held back, and the decision waits for it.
    assert_eq!(stage.run(&["resolve", "orders", "--take", "workspace"]).code, Some(0));
    for _ in 0..2 {
        let synced = stage.sync().expect(2, "stalled");
        assert_eq!((synced.list("conflicts").len(), synced.status["secrets"].clone()), (0, held(4)));
    }
    stage.allow(&format!("secrets_allow = [{{ path = \"{SOURCE}\" }}]"));
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.branch_file("main", SOURCE), Some(leak()));
}

#[test]
fn a_new_file_with_a_secret_comes_and_goes_without_a_trace() {
    let stage = desk(Pairing::one_branch());
    let login = "login.recipe.json";
    stage.put_in_workspace(login, recipe("Login", &format!("https://svc:{SECRET}@db.example.test/x")));
    let synced = stage.sync().expect(2, "stalled");
    assert_eq!(synced.status["secrets"][0]["kind"], "credentials-in-url");
    assert_eq!(stage.branch_file("main", login), None);
    assert!(stage.workspace_file(login).is_some() && synced.list("to_prune").is_empty());
    stage.delete_in_workspace(login);
    let synced = stage.sync().expect(0, "in_sync");
    assert_eq!(synced.status["secrets"], json!([]));
    assert_eq!(stage.upstream.subjects("main").len(), 1);
}

#[test]
fn a_first_export_leaves_out_what_holds_a_secret() {
    for (pairing, branch) in [
        (Pairing::one_branch(), "main"),
        (Pairing::two_branches(), "workspace"),
        (Pairing::export_only(), "main"),
    ] {
        let stage = Stage::new(
            pairing,
            &[(INTAKE, recipe("Intake", "one")), (CONNECTOR, connector("Desk")), (SOURCE, leak())],
        );
        for _ in 0..2 {
            let synced = stage.sync().expect(2, "stalled");
            assert_eq!(synced.status["secrets"], held(4));
            assert_eq!(
                stage.upstream.files(branch),
                [format!("orders/{CONNECTOR}"), format!("orders/{INTAKE}")]
            );
        }
        assert!(stage.imports().is_empty() && !is_upstream(&stage, SECRET));
        stage.put_in_workspace(SOURCE, source("fields: []"));
        stage.sync().expect(0, "in_sync");
        assert_eq!(stage.upstream.files(branch).len(), 3);
    }
}

#[test]
fn with_two_branches_nothing_is_imported_over_what_the_mirror_does_not_show() {
    let stage = desk(Pairing::two_branches());
    stage.upstream.git(&["fetch", "--quiet", "origin"]);
    stage.upstream.git(&["checkout", "--quiet", "-B", "main", "origin/workspace"]);
    stage.upstream.git(&["push", "--quiet", "origin", "main"]);
    stage.sync().expect(0, "in_sync");
    stage.put_in_workspace(SOURCE, leak());
    stage.edit_in_workspace(OTHER, &says("two"));
    stage.sync().expect(2, "stalled");
    assert_eq!(said(stage.branch_file("workspace", OTHER)).as_deref(), Some("two"));
    stage.edit_on_branch("main", SOURCE, "fields: []", "fields: [2]");
    let synced = stage.sync().expect(2, "stalled");
    assert_eq!(synced.list("conflicts"), [SOURCE]);
    assert_eq!(stage.workspace_file(SOURCE), Some(leak()));
    assert!(stage.imports().is_empty() && !is_upstream(&stage, SECRET));
}

#[test]
fn what_is_only_likely_is_committed_and_told() {
    let stage = desk(Pairing::one_branch());
    stage.put_in_workspace(SOURCE, source("client_secret: 'test secret', owner: 'jane.doe@example.test',"));
    for _ in 0..2 {
        let synced = stage.sync().expect(0, "in_sync");
        let told = &synced.status["secrets"][0];
        assert_eq!((told["level"].as_str(), told["held"].as_bool()), (Some("likely"), Some(false)));
        assert!(synced.outcome.stdout.contains("perhaps a secret: desk.custom_adapter.rb line 4"));
        assert_eq!(stage.branch_file("main", SOURCE), stage.workspace_file(SOURCE));
    }
    stage.put_in_workspace(SOURCE, source("owner: 'jane.doe@example.test',"));
    let synced = stage.sync().expect(0, "in_sync");
    assert_eq!(synced.status["secrets"][0]["level"], "personal");
    assert!(synced.outcome.stdout.contains("personal data in 1 place"), "{}", synced.outcome.stdout);
    assert!(!synced.outcome.stderr.contains("jane.doe"));
}

#[test]
fn with_warn_it_is_committed_and_told_and_with_off_it_is_not_looked_for() {
    let mut stage = desk(Pairing::one_branch());
    stage.allow("secrets = \"warn\"");
    stage.put_in_workspace(SOURCE, leak());
    let synced = stage.sync().expect(0, "in_sync");
    assert!(synced.outcome.stdout.contains("  secret: desk.custom_adapter.rb line 4: named-secret"));
    assert_eq!(synced.status["secrets"][0]["held"], false);
    assert_eq!(stage.branch_file("main", SOURCE), Some(leak()));
    keeps_quiet(&synced.outcome);
    stage.allow("secrets = \"off\"");
    stage.put_in_workspace(SOURCE, leak().replace("Desk", "Shop"));
    let synced = stage.sync().expect(0, "in_sync");
    assert_eq!(synced.status["secrets"], json!([]));
    assert!(stage.branch_file("main", SOURCE).unwrap().contains("Shop"));
}

#[test]
fn a_false_alarm_is_settled_in_the_source_or_in_the_configuration() {
    let mut stage = desk(Pairing::one_branch());
    stage.put_in_workspace(SOURCE, leak());
    stage.sync().expect(2, "stalled");
    stage.put_in_workspace(SOURCE, source(&format!("client_secret: '{SECRET}', # recipesync:allow")));
    stage.sync().expect(0, "in_sync");
    stage.put_in_workspace(SOURCE, leak());
    stage.sync().expect(2, "stalled");
    for (kind, code, state) in [("jwt", 2, "stalled"), ("named-secret", 0, "in_sync")] {
        stage.allow(&format!("secrets_allow = [{{ path = \"*.rb\", kind = \"{kind}\" }}]"));
        stage.sync().expect(code, state);
    }
    assert_eq!(stage.branch_file("main", SOURCE), Some(leak()));
}
