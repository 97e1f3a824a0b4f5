//! The disk and what is on it: full, read-only, damaged, of a newer version, gone; no more file descriptors; and a clock
//! that is wrong by a year. Nothing panics, nothing is lost, and the next run goes on.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;

use chrono::TimeDelta;
use recipesync::config::{Config, Environment};
use recipesync::daemon::clock;
use recipesync::model::state::{Next, State};
use recipesync::store::Saved;
use recipesync::sync::{self, Stepped};
use recipesync::wire::Home;

use super::canary::no_secret;
use super::daemon_stage::{Stage, recipe, wait_for};

/// A stage with one project, which was not looked at yet.
pub(crate) fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.configure(|config| {
        config.replace("[workspace.dev]\n", "[workspace.dev]\nrequests_per_minute = 10000\n")
    });
    stage.project("orders", "dev", "recipes", "1h");
    stage.save_config();
    stage
}

fn settled() -> Stage {
    let stage = stage();
    let outcome = stage.run(&["sync"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    stage
}

/// Runs a command to its end in a shell that has done something before: exit 0 or 1, and no panic.
#[track_caller]
fn survives(stage: &Stage, shell: &str, arguments: &[&str]) -> (i32, String) {
    let output = stage.command_under(shell, arguments).output().unwrap();
    no_secret(shell, &[&output.stdout[..], &output.stderr].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    let code = output.status.code().unwrap_or_else(|| panic!("{shell}: {:?}: {said}", output.status));
    assert!(code < 2 && !said.contains("panicked"), "{shell}: {code}: {said}");
    (code, said)
}

/// Asserts that an edit on each side, made meanwhile, arrives at the other with the next run, once.
#[track_caller]
fn recovers(stage: &Stage, before: usize) {
    let outcome = stage.run(&["sync"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(stage.upstream_has("recipes", "orders/intake.recipe.json", "edited"));
    assert!(stage.workspace_has("dev", "orders", "report", "committed"));
    assert_eq!(stage.commits("recipes"), before + 2, "the person's commit and ours, once");
    assert_eq!(stage.status("orders")["state"], "in_sync");
}

#[test]
fn a_full_disk_at_any_point_loses_nothing() {
    let stage = settled();
    let before = stage.commits("recipes");
    stage.edit("dev", "orders", "intake", "edited");
    stage.commit("recipes", "orders/report.recipe.json", &recipe("report", "committed"));
    let mut failed = 0;
    // In blocks of 512 bytes: the first write fails, or a later one, in the database, the cache or git.
    for blocks in [0, 1, 2, 4, 8, 16, 32, 48, 64, 96, 128] {
        let (code, said) = survives(
            &stage,
            &format!("trap '' XFSZ; ulimit -f {blocks}"),
            &["sync", "--give-up-after", "1ms"],
        );
        if code == 1 {
            failed += 1;
            assert!(said.contains("error: ") || said.contains("ERROR"), "{blocks}: {said}");
        }
    }
    assert!(failed > 3, "{failed} runs had too little room");
    let mut daemon = stage.launch_under("trap '' XFSZ; ulimit -f 0", &["run"]);
    assert_eq!(daemon.end().0.code(), Some(1));
    assert_eq!(daemon.told(), Vec::<String>::new(), "it never was ready");
    recovers(&stage, before);
}

#[test]
fn a_state_folder_that_cannot_be_written_is_said_at_once() {
    let mut stage = Stage::new();
    stage.project("orders", "dev", "recipes", "1h");
    stage.save_config();
    recipesync::fs::create_folder(&stage.path("state")).unwrap();
    let open = |path: &str, mode| {
        std::fs::set_permissions(stage.path(path), PermissionsExt::from_mode(mode)).unwrap();
    };
    open("state", 0o555);
    open(".", 0o755);
    open("dev.token", 0o644);
    let root = rustix::process::getuid().is_root();
    let nobody = "exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$0\" \"$@\"";
    let shell = if root { nobody } else { ":" };
    for arguments in [&["sync"][..], &["run"]] {
        let (code, said) = survives(&stage, shell, arguments);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("use the state folder: lock ") && said.contains("Permission denied"), "{said}");
        assert!(said.contains("hint: check `state_dir` and its permissions"), "{said}");
    }
}

#[test]
fn a_damaged_state_is_refused_and_what_the_hint_says_brings_it_back() {
    let stage = settled();
    let file = stage.path("state/recipesync.db");
    let good = recipesync::fs::read(&file, 1 << 24).unwrap();
    let (before, imports) = (stage.commits("recipes"), stage.requests("dev", "import.start").len());
    let half = good.len() / 2;
    for (name, bytes) in [
        ("other bytes", vec![b'x'; good.len()]),
        ("the first half", good[..half].to_vec()),
        ("a hole", [&good[..4096], &vec![0; half], &good[4096 + half..]].concat()),
        ("nonsense in it", [&good[..4096], &vec![0xa5; good.len() - 4096]].concat()),
    ] {
        recipesync::fs::write(&file, &bytes).unwrap();
        let (code, said) = survives(&stage, ":", &["sync"]);
        assert_eq!(code, 1, "{name}: {said}");
        assert!(said.contains("recipesync.db") && said.contains("move it away"), "{name}: {said}");
        assert_eq!(recipesync::fs::read(&file, 1 << 24).unwrap(), bytes, "{name}: it is left as it is");
        assert_eq!(stage.run(&["status"]).code, Some(1), "{name}");
    }
    recipesync::fs::remove_file(&file).unwrap();
    assert_eq!(stage.run(&["sync"]).code, Some(0));
    assert_eq!(stage.status("orders")["state"], "in_sync");
    assert_eq!((stage.commits("recipes"), stage.requests("dev", "import.start").len()), (before, imports));
}

#[test]
fn a_state_of_a_newer_version_is_refused_untouched() {
    let stage = settled();
    let file = stage.path("state/recipesync.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    database.pragma_update(None, "journal_mode", "delete").unwrap();
    drop(database);
    let before = recipesync::fs::read(&file, 1 << 24).unwrap();
    for arguments in [&["sync"][..], &["run"], &["status"], &["plan"], &["history", "orders"]] {
        let (code, said) = survives(&stage, ":", arguments);
        assert_eq!(code, 1, "{arguments:?}: {said}");
        assert!(said.contains("is of version 99") && said.contains("run the newer version"), "{said}");
    }
    assert_eq!(recipesync::fs::read(&file, 1 << 24).unwrap(), before);
}

#[test]
fn a_daemon_whose_state_folder_is_removed_ends_and_the_next_start_agrees_again() {
    let stage = settled();
    let before = stage.commits("recipes");
    let mut daemon = stage.start();
    stage.until("orders", "in_sync");
    // Its first look may still write there: what has come since the folder was listed keeps it.
    wait_for("the removal", || recipesync::fs::remove_folder(&stage.path("state")).is_ok());
    let (status, log) = daemon.end();
    assert_eq!(status.code(), Some(1), "systemd starts it again: {log}");
    assert!(log.contains("is gone: somebody has removed it"), "{log}");
    let daemon = stage.start();
    stage.until("orders", "in_sync");
    assert_eq!(stage.commits("recipes"), before);
    daemon.stop();
}

#[test]
fn no_more_file_descriptors_is_a_failure_that_passes() {
    let stage = settled();
    let before = stage.commits("recipes");
    stage.edit("dev", "orders", "intake", "edited");
    stage.commit("recipes", "orders/report.recipe.json", &recipe("report", "committed"));
    let mut failed = 0;
    for limit in [12, 13, 14, 15, 16, 17, 18, 20, 22, 26] {
        let (code, said) =
            survives(&stage, &format!("ulimit -n {limit}"), &["sync", "--give-up-after", "1ms"]);
        failed += code;
        // SQLite does not say why.
        let told = ["Too many open files", "unable to open database file"];
        assert!(code == 0 || told.iter().any(|words| said.contains(words)), "{limit}: {said}");
    }
    assert!(failed > 3, "{failed} runs had too few");
    recovers(&stage, before);
}

/// Takes steps by hand, with a clock that is off, until the project rests.
fn rest(stage: &Stage, off: TimeDelta) -> Box<State> {
    let environment =
        Environment::new(stage.path("."), [(OsString::from("PATH"), OsString::from(env!("PATH")))]);
    let config = Config::load(&stage.path("recipesync.toml"), &environment).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let home = Home::open(&config.state_dir).unwrap();
        let plant = home.plant(&config, &BTreeSet::new(), &environment).await.unwrap();
        let (name, wiring) = plant.projects().next().unwrap();
        let mut state = plant.store().state(name).unwrap().map(|(state, _)| state).unwrap_or_default();
        state.look = true;
        for _ in 0..200 {
            let mut now = clock::both();
            now.time += off;
            let stepped = sync::step(wiring, state, now).await;
            let stepped = stepped.unwrap_or_else(|failed| panic!("{}", sync::chain(&failed.error)));
            let next = stepped.next;
            let Stepped { records, events, settled, .. } = &stepped;
            let saved = Saved {
                state: &stepped.state,
                known: None,
                records: records.as_ref(),
                events,
                settled: *settled,
                next: None,
            };
            plant.store().save(name, &saved).unwrap();
            state = stepped.state;
            match next {
                Next::Settled(_) => return state,
                Next::Now => {}
                Next::At(time) => tokio::time::sleep_until(clock::at(time - off)).await,
            }
        }
        panic!("it does not come to rest: {state:#?}");
    })
}

#[test]
fn a_clock_that_is_set_back_or_forward_by_a_year_changes_nothing() {
    let stage = settled();
    drop(rustls::crypto::ring::default_provider().install_default());
    let year = TimeDelta::days(365);
    for (n, off) in [year, -year, TimeDelta::zero(), year * 2, TimeDelta::zero()].into_iter().enumerate() {
        let before = stage.commits("recipes");
        let (edited, committed) = (format!("edited {n}"), format!("committed {n}"));
        stage.edit("dev", "orders", "intake", &edited);
        stage.commit("recipes", "orders/report.recipe.json", &recipe("report", &committed));
        let state = rest(&stage, off);
        assert!(state.conflicts.is_empty() && state.stalled.is_none(), "{off}: {state:#?}");
        assert!(stage.upstream_has("recipes", "orders/intake.recipe.json", &edited), "{off}");
        assert!(stage.workspace_has("dev", "orders", "report", &committed), "{off}");
        assert_eq!(stage.commits("recipes"), before + 2, "{off}");
        rest(&stage, off);
        assert_eq!(stage.commits("recipes"), before + 2, "{off}");
    }
    // A daemon that starts then is not kept waiting by what was due in another year.
    let daemon = stage.start();
    stage.edit("dev", "orders", "intake", "by the right clock");
    daemon.signal(rustix::process::Signal::HUP);
    wait_for("the export", || {
        stage.upstream_has("recipes", "orders/intake.recipe.json", "by the right clock")
    });
    daemon.stop();
}
