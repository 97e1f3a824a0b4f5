//! Looks without an export: where the folder's list and the branches are as they were at the last full one, nothing is
//! exported, and whatever the list shows, or does not show for too long, leads to one.

use chrono::TimeDelta;
use recipesync::model::state::State;
use serde_json::json;

use crate::lives::{Ended, Lives, Point, Side};
use crate::people::People;
use crate::stage::{PROJECT, Pairing, Stage, recipe, says};

const INTAKE: &str = "intake.recipe.json";
const TOOL: &str = "tool.custom_adapter.json";
const CODE: &str = "tool.custom_adapter.rb";

fn tool(text: &str) -> String {
    format!("{{\"title\": \"tool\", \"description\": \"{text}\", \"version_no\": 1}}")
}

fn files() -> [(&'static str, String); 3] {
    [(INTAKE, recipe("intake", "one")), (TOOL, tool("a tool")), (CODE, "# one\n".to_owned())]
}

/// Both sides agree, and the last look has asked for nothing.
fn at_rest(pairing: Pairing) -> Stage {
    let stage = Stage::in_sync(pairing, &files());
    assert_eq!(exports_of(&stage, || drop(stage.sync().expect(0, "in_sync"))), 0);
    stage
}

/// The same, in processes by hand.
fn lives(pairing: Pairing) -> Lives {
    let lives = Lives::of(Stage::new(pairing, &files()));
    lives.rest().unwrap();
    assert_eq!(looks(&lives).1, 0);
    lives
}

/// Returns how many exports are asked for meanwhile.
fn exports_of(stage: &Stage, work: impl FnOnce()) -> usize {
    let before = stage.requests("export.start");
    work();
    stage.requests("export.start") - before
}

/// Runs a process until it rests; returns its state, and how many exports it asked for.
fn looks(lives: &Lives) -> (Box<State>, usize) {
    let before = lives.stage.requests("export.start");
    let (state, _) = lives.rest().unwrap();
    (state, lives.stage.requests("export.start") - before)
}

#[test]
fn a_look_at_what_has_not_changed_asks_for_no_export() {
    for pairing in [Pairing::one_branch(), Pairing::export_only()] {
        let stage = at_rest(pairing);
        let count = |routes: &[&str]| routes.iter().map(|route| stage.requests(route)).sum::<usize>();
        let all = || stage.world(|world| world.requests().count());
        let (cheap, before) = (count(&["me", "assets.list"]), all());
        let status = stage.status();
        let synced = stage.sync().expect(0, "in_sync");
        assert_eq!((count(&["me", "assets.list"]) - cheap, all() - before), (2, 2));
        assert_eq!(synced.status["last_export"], status["last_export"], "it was no export");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what an administrator does")]
fn an_upstream_that_does_not_answer_costs_the_workspace_one_list() {
    let lives = lives(Pairing::one_branch());
    let lists = || lives.stage.requests("assets.list");
    let (upstream, away) = (lives.stage.path("upstream.git"), lives.stage.path("away.git"));
    let before = lists();
    std::fs::rename(&upstream, &away).unwrap();
    let Ended::Rests(state) = lives.serve(None, 0).unwrap() else { unreachable!("nobody kills it") };
    let failures = state.trouble.expect("it cannot go on").failures;
    assert!(failures > 3, "{failures}");
    assert_eq!(lists() - before, 1, "the first try asked both, and the others the upstream alone");
    // What was asked for in vain is asked for again.
    std::fs::rename(&away, &upstream).unwrap();
    lives.stage.edit_in_workspace(INTAKE, &says("two"));
    assert_eq!(looks(&lives).1, 1);
    assert!(People(&lives.stage).text("main", INTAKE).contains("two"));
}

#[test]
fn whatever_the_list_shows_leads_to_an_export_and_a_commit() {
    let stage = at_rest(Pairing::one_branch());
    let now = stage.emulator.now();
    let change = |work: &dyn Fn()| {
        let tip = stage.upstream.tip("main");
        work();
        assert_eq!(exports_of(&stage, || drop(stage.sync().expect(0, "in_sync"))), 1);
        assert_ne!(stage.upstream.tip("main"), tip);
        assert_eq!(exports_of(&stage, || drop(stage.sync().expect(0, "in_sync"))), 0);
    };
    change(&|| stage.edit_in_workspace(INTAKE, &says("two")));
    change(&|| stage.put_in_workspace("new.recipe.json", recipe("new", "one")));
    change(&|| stage.put_in_workspace("table.lookup_table.json", "{\"name\": \"table\"}"));
    change(&|| {
        let to = "sub/newer.recipe.json";
        stage.world(|world| world.rename_file(PROJECT, "new.recipe.json", to, now)).unwrap();
    });
    change(&|| stage.delete_in_workspace("sub/newer.recipe.json"));
    change(&|| stage.delete_in_workspace("table.lookup_table.json"));
}

#[test]
fn an_edit_that_the_list_does_not_show_is_seen_when_a_full_export_is_due() {
    let lives = lives(Pairing::one_branch());
    let people = People(&lives.stage);
    lives.stage.put_in_workspace(CODE, "# two\n");
    let (state, exports) = looks(&lives);
    assert_eq!((exports, people.text("main", CODE).as_str()), (0, "# one\n"));
    let at = state.basis.unwrap().at;
    // One second passes before each look.
    lives.pass(at + TimeDelta::hours(6) - TimeDelta::seconds(10) - lives.now());
    assert_eq!(looks(&lives).1, 0);
    lives.pass(TimeDelta::seconds(10));
    let (state, exports) = looks(&lives);
    assert_eq!((exports, people.text("main", CODE).as_str()), (1, "# two\n"));
    assert!(state.basis.unwrap().at >= at + TimeDelta::hours(6));
    assert_eq!(looks(&lives).1, 0);
    // A clock that was set back says nothing of how old the last one is.
    lives.pass(-TimeDelta::hours(1));
    assert_eq!((looks(&lives).1, looks(&lives).1), (1, 0));
}

#[test]
fn a_person_can_ask_for_a_full_export_and_is_told_of_the_last_one() {
    let mut stage = at_rest(Pairing::one_branch());
    stage.put_in_workspace(CODE, "# two\n");
    let full = |stage: &Stage| stage.status()["full_export"].clone();
    let before = full(&stage);
    assert_eq!(before["at"], stage.status()["last_export"]["at"]);
    assert_ne!(before["due"], json!(null));
    let light = stage.sync().expect(0, "in_sync");
    assert_eq!(light.status["full_export"], before);
    let due = before["due"].as_str().unwrap();
    assert!(light.outcome.stdout.contains(&format!("the next one due at {due}")), "{}", light.outcome.stdout);
    let mut exports = exports_of(&stage, || drop(stage.sync_with(&["--full"]).expect(0, "in_sync")));
    assert_eq!((exports, stage.branch_file("main", CODE).as_deref()), (1, Some("# two\n")));
    stage.pair(|pairing| pairing.more = "full_export = \"0s\"".to_owned());
    for look in ["the first", "the second"] {
        exports = exports_of(&stage, || drop(stage.sync().expect(0, "in_sync")));
        assert_eq!((exports, &full(&stage)["due"]), (1, &json!(null)), "{look}");
    }
}

#[test]
fn what_people_see_beforehand_rests_on_an_export() {
    let stage = at_rest(Pairing::one_branch());
    stage.put_in_workspace(CODE, "# two\n");
    let exports = exports_of(&stage, || {
        let plan = stage.run(&["plan"]);
        assert!(plan.code == Some(2) && plan.stdout.contains(CODE), "{}", plan.stdout);
    });
    assert_eq!(exports, 1);
}

#[test]
fn another_configuration_is_looked_at_by_an_export() {
    let mut stage = at_rest(Pairing::one_branch());
    for more in ["secrets = \"warn\"", "max_delete = 3", "import.restart_recipes = true"] {
        stage.pair(|pairing| more.clone_into(&mut pairing.more));
        let exports = || exports_of(&stage, || drop(stage.sync().expect(0, "in_sync")));
        assert_eq!((exports(), exports()), (1, 0), "{more}");
    }
}

#[test]
fn what_a_list_says_in_any_field_counts() {
    let stage = at_rest(Pairing::one_branch());
    // Another name for what is otherwise the same.
    stage.put_in_workspace(TOOL, tool("a tool").replace("\"title\": \"tool\"", "\"title\": \"device\""));
    assert_eq!(exports_of(&stage, || drop(stage.sync().expect(0, "in_sync"))), 1);
}

#[test]
fn an_import_rests_on_an_export_and_one_follows_it() {
    let stage = at_rest(Pairing::one_branch());
    stage.edit_on_branch("main", INTAKE, "one", "two");
    let synced = stage.sync().expect(0, "in_sync");
    assert_eq!((synced.verdict(), stage.imported_paths()), ("applied", vec![vec![INTAKE.to_owned()]]));
    let routes: Vec<String> = stage.world(|world| world.requests().map(|seen| seen.route.clone()).collect());
    let dear = ["export.start", "import.start"];
    let mut dear: Vec<&str> =
        routes.iter().map(String::as_str).filter(|route| dear.contains(route)).collect();
    // The first is that of the first look.
    assert_eq!(dear.split_off(1), ["export.start", "import.start", "export.start"]);
    assert_eq!(exports_of(&stage, || drop(stage.sync().expect(0, "in_sync"))), 0);
}

#[test]
fn an_edit_that_no_list_showed_is_not_overwritten_by_an_import() {
    let stage = at_rest(Pairing::one_branch());
    stage.put_in_workspace(CODE, "# theirs\n");
    stage.sync().expect(0, "in_sync");
    stage.edit_on_branch("main", CODE, "one", "ours");
    let synced = stage.sync().expect(2, "conflict");
    assert_eq!(synced.list("conflicts"), [CODE]);
    assert_eq!(stage.workspace_file(CODE).as_deref(), Some("# theirs\n"));
    assert_eq!(stage.branch_file("main", CODE).as_deref(), Some("# ours\n"));
    assert!(stage.imports().is_empty());
    // What waits for a person is looked at whole.
    assert_eq!(exports_of(&stage, || drop(stage.sync().expect(2, "conflict"))), 1);
    stage.put_in_workspace(CODE, "# ours\n");
    stage.sync().expect(0, "in_sync");
    assert_eq!(exports_of(&stage, || drop(stage.sync().expect(0, "in_sync"))), 0);
}

#[test]
fn what_a_person_settles_is_looked_at_by_an_export() {
    let stage = at_rest(Pairing::one_branch());
    stage.edit_in_workspace(INTAKE, &says("theirs"));
    stage.edit_on_branch("main", INTAKE, "one", "ours");
    stage.sync().expect(2, "conflict");
    assert_eq!(stage.run(&["resolve", "orders", "--take", "workspace"]).code, Some(0));
    assert_eq!(exports_of(&stage, || drop(stage.sync().expect(0, "in_sync"))), 1);
    assert_eq!(exports_of(&stage, || drop(stage.sync().expect(0, "in_sync"))), 0);
}

#[test]
fn a_look_that_failed_is_made_again_by_an_export() {
    for route in ["me", "assets.list"] {
        let stage = at_rest(Pairing::one_branch());
        stage.fault(&json!({ "on": route, "times": 1, "then": { "status": { "code": 500 } } }));
        assert_eq!(exports_of(&stage, || drop(stage.sync().expect(0, "in_sync"))), 1, "{route}");
    }
}

#[test]
fn with_two_branches_what_waits_to_be_merged_asks_for_no_export() {
    let lives = Lives::of(Stage::new(Pairing::two_branches(), &files()));
    let people = People(&lives.stage);
    lives.rest().unwrap();
    people.point("main", &people.tip("workspace").unwrap());
    assert!(looks(&lives).1 > 0);
    lives.stage.edit_in_workspace(INTAKE, &says("two"));
    assert_eq!(looks(&lives).1, 1);
    // The next one finds that nothing more is to be learnt, and those after it rest on that.
    looks(&lives);
    assert_eq!(looks(&lives).1, 0);
    people.point("main", &people.tip("workspace").unwrap());
    assert!(looks(&lives).1 > 0);
    looks(&lives);
    assert_eq!(looks(&lives).1, 0);
}

#[test]
fn a_manifest_as_it_is_has_no_list_to_rest_on() {
    let mut stage = at_rest(Pairing::one_branch());
    let format = "--format=%(trailers:key=Workato-Manifest,valueonly)";
    let manifest = stage.upstream.at_upstream(&["log", "-1", format, "main"]).trim().parse().unwrap();
    stage.pair(|pairing| pairing.manifest = Some(manifest));
    for _ in 0..3 {
        assert_eq!(exports_of(&stage, || drop(stage.sync().expect(0, "in_sync"))), 1);
    }
}

#[test]
fn a_kill_between_the_export_and_its_save_leaves_nothing_to_rest_on() {
    let lives = lives(Pairing::one_branch());
    let people = People(&lives.stage);
    lives.stage.edit_in_workspace(INTAKE, &says("two"));
    // The list shows this one only together with the other.
    lives.stage.put_in_workspace(CODE, "# two\n");
    for kill in [Point::Save(0, Side::Before), Point::Save(0, Side::After), Point::Save(1, Side::Before)] {
        assert!(matches!(lives.live(Some(kill)).unwrap().0, Ended::Killed), "{kill:?}");
        // What was saved meanwhile is in no export, and in no list.
        lives.stage.put_in_workspace(CODE, format!("# {kill:?}\n"));
    }
    looks(&lives);
    assert_eq!(people.branch("main")[INTAKE], "two");
    assert_eq!(people.text("main", CODE), "# Save(1, Before)\n");
    assert_eq!(looks(&lives).1, 0);
}
