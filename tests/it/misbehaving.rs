//! A platform that misbehaves, as tables: whatever it says of an import or an export, and whatever it has done, a
//! project is in sync only where both sides hold the same and no recipe was left behind, and always where they do.
//!
//! The words alone are a table beside the code that reads them (`sync/import.rs`); here they come over the wire, from an
//! embedded workspace with faults, to the daemon's own steps.

use recipesync::model::state::{State, Verdict};
use recipesync::model::status::{Standing, standing};
use serde_json::{Value, json};

use crate::crashes::ground::Ground;
use crate::crashes::scenarios::{PLAIN, Scenario};
use crate::lives::Ended;
use crate::stage::PROJECT;

const INTAKE: &str = "intake.recipe.json";
const NOTIFY: &str = "notify.recipe.json";

/// Two files go to the workspace.
const IMPORT: Scenario = Scenario { name: "import", ..PLAIN };

/// One file goes to git, and its export takes a while.
const EXPORT: Scenario = Scenario { name: "export", polls: (1, 1), ..PLAIN };

/// Brings a project to rest by the daemon's own steps.
fn rest(ground: &Ground) -> Box<State> {
    match ground.lives.serve(None, 0).unwrap() {
        Ended::Rests(state) => state,
        Ended::Killed => panic!("nobody killed it"),
    }
}

fn stands(ground: &Ground, state: &State) -> Standing {
    standing(state, ground.lives.now())
}

fn fault(ground: &Ground, fault: &Value) {
    ground.lives.stage.fault(fault);
}

/// What is said of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// That it went well.
    Yes,
    /// That it did not.
    No,
    /// Nothing that could be relied on.
    Lost,
    /// That it was not even looked at, for now.
    Later,
    /// That it goes on, for ever.
    Stuck,
}

/// All that may be said, with the faults that say it; of these, which do nothing at all.
fn words() -> Vec<(Word, bool, Value)> {
    use Word::{Later, Lost, No, Stuck, Yes};
    let result = |word: &str| json!({ "import_result": { "recipe": "*", "result": word } });
    let status = |code: u16| json!({ "status": { "code": code } });
    let mut all = vec![
        (Yes, false, Value::Null),
        (Yes, false, json!({ "word": { "done": "succeeded" } })),
        (Yes, false, json!({ "word": { "running": "queued" } })),
        (Yes, false, result("restarted")),
        (Yes, false, result("no_update_or_updated_without_restart")),
        (Yes, false, result("no_update_or_update_without_restart")),
        (Yes, false, json!({ "some_results": { "count": 0 } })),
        (Yes, false, json!({ "some_results": { "count": 1 } })),
        (Yes, false, json!("wrong_ids")),
        (Yes, false, json!({ "slow": { "bytes": 20, "ms": 1 } })),
        (No, false, result("stopped")),
        (No, false, result("restart_failed")),
        (No, true, result("stop_failed")),
        (No, true, result("not_found")),
        (No, false, result("exploded")),
        (No, false, result("")),
        (No, false, json!({ "word": { "done": "failed" } })),
        (No, false, json!({ "word": { "done": "error" } })),
        (No, true, json!({ "fail": { "error": "Recipe is invalid" } })),
        (Lost, false, json!({ "accept_then": { "code": 500 } })),
        (Lost, false, json!({ "accept_then": { "code": 504 } })),
        (Lost, false, json!({ "accept_then": { "code": 200 } })),
        (Lost, false, json!({ "cut_body": { "after": 0 } })),
        (Lost, false, json!({ "cut_body": { "after": 10 } })),
        (Lost, false, json!("vanish")),
        (Lost, false, json!({ "other_id": { "id": 999_999 } })),
        (Lost, true, json!("cut")),
        (Lost, true, json!({ "status": { "code": 502, "body": "<html>Bad gateway</html>" } })),
        (Lost, true, json!({ "status": { "code": 200, "body": "<html>Maintenance</html>" } })),
        (Later, true, status(429)),
        (Later, true, json!({ "status": { "code": 429, "headers": { "retry-after": "0" } } })),
    ];
    all.extend([400, 401, 403, 404, 409, 413, 422].map(|code| (No, true, status(code))));
    all.extend([500, 503].map(|code| (Lost, true, status(code))));
    // The last, since it is in the way of all that come after it.
    all.push((Stuck, true, json!("stuck")));
    all
}

/// What is done meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    All,
    Half,
    Nothing,
    SomethingElse,
}

const DEEDS: [(Done, &str); 4] =
    [(Done::All, ""), (Done::Half, "half"), (Done::Nothing, "no_effect"), (Done::SomethingElse, "other")];

/// Returns whether the workspace holds what was committed, in each of the two files.
fn holds(ground: &Ground) -> [bool; 2] {
    let files = ground.lives.stage.world(|world| world.files(PROJECT)).unwrap();
    [INTAKE, NOTIFY].map(|path| {
        let file: Value = serde_json::from_slice(&files[path]).unwrap();
        file["code"]["block"][0]["input"]["message"] == "two" && file["description"].is_null()
    })
}

/// What must come of an import: the verdict, where it stands, and how many requests there were.
fn promised(word: Word, done: Done) -> (Verdict, Standing, usize) {
    match (word, done) {
        (Word::Yes, Done::All) => (Verdict::Applied, Standing::InSync, 1),
        // It was not let in, so nothing of it was done; then it was, with no more faults.
        (Word::Later, _) => (Verdict::Applied, Standing::InSync, 2),
        // After an hour it is tried once more, which the platform refuses: one import at a time.
        (Word::Stuck, _) => (Verdict::Rejected, Standing::Stalled, 2),
        (Word::Yes, _) => (Verdict::NoEffect, Standing::Stalled, 1),
        (Word::No, _) => (Verdict::Rejected, Standing::Stalled, 1),
        (Word::Lost, Done::All) => (Verdict::Unknown, Standing::InSync, 1),
        // What is there is nobody's: the workspace has moved, and a person has to say.
        (Word::Lost, Done::SomethingElse) => (Verdict::Unknown, Standing::Conflict, 1),
        (Word::Lost, Done::Half | Done::Nothing) => (Verdict::Applied, Standing::InSync, 2),
    }
}

#[test]
fn no_import_is_green_that_was_not_done_and_none_is_red_that_was() {
    let ground = Ground::of(&IMPORT).unwrap();
    let (mut rows, mut greens) = (0, 0);
    for (word, does_nothing, said) in words() {
        for (done, deed) in DEEDS {
            if does_nothing && done != Done::Nothing {
                continue;
            }
            ground.put_back();
            if !does_nothing && !deed.is_empty() {
                fault(&ground, &json!({ "on": "import.start", "times": 1, "then": deed }));
            }
            if !said.is_null() {
                fault(&ground, &json!({ "on": "import.start", "times": 1, "then": said }));
            }
            ground.people().say_on_branch("main", &[(INTAKE, "two"), (NOTIFY, "two")]);
            let before = ground.lives.stage.requests("import.start");
            let state = rest(&ground);
            let row = format!("{said} is said, {done:?} is done: {state:#?}");
            let asked = ground.lives.stage.requests("import.start") - before;
            let verdict = state.last_import.as_ref().unwrap().verdict;
            assert_eq!((verdict, stands(&ground, &state), asked), promised(word, done), "{row}");
            let is_green = stands(&ground, &state) == Standing::InSync;
            let is_true = holds(&ground) == [true, true] && word != Word::No;
            assert_eq!(is_green, is_true, "{row}");
            assert!(is_green || !state.conflicts.is_empty() || !state.refusals.is_empty(), "{row}");
            // The same at the next look, without another request.
            let again = rest(&ground);
            assert_eq!(stands(&ground, &again), stands(&ground, &state), "{row}");
            assert_eq!(ground.lives.stage.requests("import.start") - before, asked, "{row}");
            rows += 1;
            greens += usize::from(is_green);
        }
    }
    assert_eq!((rows, greens), (110, 38));
}

const ROUTES: [&str; 7] =
    ["me", "assets.list", "manifest.update", "export.start", "package.get", "download", "store.get"];

/// What passes: it strikes once.
fn passing() -> Vec<(&'static str, Value)> {
    let faults = [
        json!({ "status": { "code": 429 } }),
        json!({ "status": { "code": 429, "headers": { "retry-after": "0" } } }),
        json!({ "status": { "code": 500 } }),
        json!({ "status": { "code": 502, "body": "<html>Bad gateway</html>" } }),
        json!("cut"),
        json!({ "accept_then": { "code": 500 } }),
        json!({ "cut_body": { "after": 0 } }),
    ];
    let mut all: Vec<_> =
        ROUTES.into_iter().flat_map(|route| faults.iter().map(move |fault| (route, fault.clone()))).collect();
    // A redirect has no body to be cut.
    let with_body = ROUTES.into_iter().filter(|route| *route != "download");
    all.extend(with_body.map(|route| (route, json!({ "cut_body": { "after": 10 } }))));
    all.extend([
        ("export.start", json!("vanish")),
        ("export.start", json!("stuck")),
        ("download", json!({ "status": { "code": 404 } })),
        ("store.get", json!({ "status": { "code": 403 } })),
        ("download", json!({ "redirect": { "to": "http://127.0.0.1:1/" } })),
        ("store.get", json!({ "redirect": { "to": "https://127.0.0.1:1/" } })),
    ]);
    all
}

/// What does no harm, however often it is.
fn harmless() -> Vec<(&'static str, Value)> {
    let mut all: Vec<_> =
        ROUTES.into_iter().map(|route| (route, json!({ "slow": { "bytes": 100, "ms": 1 } }))).collect();
    all.extend([
        ("download", json!("direct")),
        ("export.start", json!({ "word": { "running": "processing", "done": "succeeded" } })),
        ("export.start", json!({ "word": { "running": "queued" } })),
        ("export.start", json!({ "download_url": { "text": "null" } })),
    ]);
    all
}

/// What does not pass by itself.
fn lasting() -> Vec<(&'static str, Value)> {
    let faults = [
        json!({ "status": { "code": 401 } }),
        json!({ "status": { "code": 403 } }),
        json!({ "status": { "code": 422 } }),
        json!({ "status": { "code": 500 } }),
        json!({ "status": { "code": 200, "body": "<html>Maintenance</html>" } }),
        json!({ "status": { "code": 302, "headers": { "location": "https://127.0.0.1:1/login" } } }),
    ];
    let mut all: Vec<_> =
        ROUTES.into_iter().flat_map(|route| faults.iter().map(move |fault| (route, fault.clone()))).collect();
    let of_exports = [
        json!("empty"),
        json!("foreign"),
        json!("vanish"),
        json!("stuck"),
        json!({ "truncate": { "keep": 0 } }),
        json!({ "truncate": { "keep": 100 } }),
        json!({ "truncate": { "keep": 900 } }),
        json!({ "fail": { "error": "Manifest lists a deleted recipe" } }),
        json!({ "word": { "done": "failed" } }),
        json!({ "other_id": { "id": 999_999 } }),
    ];
    all.extend(of_exports.map(|fault| ("export.start", fault)));
    all.extend([
        ("me", json!({ "other_workspace": { "id": 4711 } })),
        ("package.get", json!({ "other_id": { "id": 7 } })),
        ("assets.list", json!({ "status": { "code": 404 } })),
        ("export.start", json!({ "status": { "code": 404 } })),
        ("download", json!({ "redirect": { "to": "http://10.0.0.1/package.zip" } })),
        ("download", json!({ "redirect": { "to": "http://127.0.0.1:1/" } })),
        ("download", json!({ "redirect": { "to": "ftp://127.0.0.1/package.zip" } })),
        ("store.get", json!({ "redirect": { "to": "http://169.254.169.254/latest" } })),
        ("store.get", json!({ "redirect": { "to": "again" } })),
        ("store.get", json!({ "redirect": { "to": "nowhere at all" } })),
    ]);
    all
}

/// Makes an edit that is to reach git, and lets something fail as often as is said.
fn edited(ground: &Ground, route: &str, then: &Value, times: Option<u32>) -> Box<State> {
    ground.put_back();
    ground.people().say_in_workspace(INTAKE, "two");
    fault(ground, &json!({ "on": route, "times": times, "then": then }));
    rest(ground)
}

/// Asserts that the edit is in git, made by one commit, and that nothing waits.
#[track_caller]
fn is_green(ground: &Ground, state: &State, row: &str) {
    assert_eq!(stands(ground, state), Standing::InSync, "{row}: {state:#?}");
    assert_eq!(ground.people().branch("main")[INTAKE], "two", "{row}");
    assert_eq!(ground.people().log("main", None).len(), 2, "{row}");
}

#[test]
fn an_export_that_passes_is_green_and_one_that_does_not_is_red() {
    let ground = Ground::of(&EXPORT).unwrap();
    let mut rows = 0;
    for (route, then) in passing() {
        let state = edited(&ground, route, &then, Some(1));
        let row = format!("{then} once on {route}");
        assert!(ground.lives.stage.world(|world| world.faults.is_empty()), "{row} did not strike");
        is_green(&ground, &state, &row);
        rows += 1;
    }
    for (route, then) in harmless() {
        is_green(&ground, &edited(&ground, route, &then, None), &format!("{then} on {route}"));
        rows += 1;
    }
    for (route, then) in lasting() {
        let tip = ground.people().tip("main");
        let state = edited(&ground, route, &then, None);
        let row = format!("{then} on {route}");
        let stands = stands(&ground, &state);
        assert!(matches!(stands, Standing::Stalled | Standing::Pending), "{row}: {stands:?}, {state:#?}");
        assert_eq!(ground.people().log("main", None).len(), 1, "{row}: nothing of it is in git, {tip:?}");
        assert!(state.stalled.is_some() || state.trouble.is_some(), "{row}: nothing is told");
        ground.lives.stage.world(|world| world.faults.clear());
        is_green(&ground, &rest(&ground), &format!("{row}, mended"));
        rows += 1;
    }
    assert_eq!(rows, 134);
}

#[test]
fn a_clock_that_is_off_changes_nothing() {
    const YEAR: i64 = 365 * 24 * 3_600_000;
    for (offset, there_and_back) in [(YEAR, true), (-YEAR, true), (3_600_000, false), (-3_600_000, false)] {
        let ground = Ground::of(&EXPORT).unwrap();
        let clock = |offset| ground.lives.stage.world(|world| world.settings.clock_offset_ms = offset);
        clock(offset);
        ground.people().say_in_workspace(INTAKE, "two");
        is_green(&ground, &rest(&ground), "an export");
        if there_and_back {
            clock(0);
        }
        ground.people().say_on_branch("main", &[(NOTIFY, "two")]);
        assert_eq!(stands(&ground, &rest(&ground)), Standing::InSync);
        assert_eq!(ground.people().workspace()[NOTIFY], "two");
    }
}
