//! The daemon as a process: what it tells its service manager, signals, kills, hints, and many projects at once.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use rustix::process::Signal;

use super::daemon_stage::{Daemon, Stage, recipe, timed, wait_for};

/// A stage with one project that is settled already.
/// Lets each look of the project ask for an export.
fn exporting_always(mut stage: Stage) -> Stage {
    stage.configure(|config| config.replace("export.schedule", "full_export = \"0s\"\nexport.schedule"));
    stage
}

fn settled() -> Stage {
    let mut stage = Stage::new();
    stage.project("orders", "dev", "recipes", "1h");
    stage.save_config();
    let outcome = stage.run(&["sync"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    stage
}

#[test]
fn the_service_manager_hears_of_everything() {
    let stage = settled();
    let mut daemon = stage.launch(&[("WATCHDOG_USEC", "1000000")]);
    daemon.until("READY=1", 1);
    let ((), took) = timed(|| daemon.until("WATCHDOG=1", 6));
    assert!(took < Duration::from_secs(3), "two pings in each second: {took:?}");
    daemon.signal(Signal::HUP);
    daemon.until("RELOADING=1", 1);
    daemon.until("READY=1", 2);
    daemon.until("STATUS=1 project, 1 in sync", 1);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().0.code(), Some(0));
    let told = daemon.told();
    let at = |line: &str| told.iter().position(|told| told == line).unwrap();
    assert!(at("READY=1") < at("RELOADING=1") && at("RELOADING=1") < at("STOPPING=1"), "{told:?}");
    let since = told[at("RELOADING=1") + 1].strip_prefix("MONOTONIC_USEC=").map(str::parse::<u64>);
    assert!(matches!(since, Some(Ok(1..))), "the time comes with it: {told:?}");
    let known = ["READY", "STATUS", "WATCHDOG", "RELOADING", "MONOTONIC_USEC", "STOPPING"];
    let is_known = |line: &String| line.split_once('=').is_some_and(|(word, _)| known.contains(&word));
    assert!(told.iter().all(is_known), "a status is one line: {told:?}");
}

#[test]
fn the_unit_says_what_a_service_with_tokens_needs() {
    let unit = recipesync::fs::read_text(
        std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/recipesync.service")),
        1 << 16,
    );
    let unit = unit.unwrap();
    for line in [
        "Type=notify",
        "NotifyAccess=main",
        "WatchdogSec=60s",
        "Restart=on-failure",
        "RestartPreventExitStatus=64 78",
        "LoadCredential=dev.token:/etc/recipesync/dev.token",
        "DynamicUser=yes",
        "StateDirectory=recipesync",
        "StateDirectoryMode=0700",
        "UMask=0077",
        "LimitCORE=0",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        // ssh and https to upstreams and workspaces, the journal and the service manager.
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn it_is_not_ready_where_a_repository_cannot_be_used() {
    let stage = settled();
    // The cache's place is taken by a file.
    recipesync::fs::remove_folder(&stage.path("state/repos")).unwrap();
    stage.write("state/repos", "");
    let mut daemon = stage.launch(&[]);
    assert_eq!(daemon.end().0.code(), Some(1));
    assert_eq!(daemon.told(), Vec::<String>::new());
}

#[test]
fn a_daemon_that_cannot_start_never_says_that_it_is_ready() {
    let stage = settled();
    let first = stage.start();
    for arguments in [&["run"][..], &["sync"]] {
        let outcome = stage.run(arguments);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains("another recipesync works on"), "{outcome:?}");
        assert!(outcome.stderr.contains("\nhint: stop the daemon first"), "{outcome:?}");
    }
    let mut second = stage.launch(&[]);
    assert_eq!(second.end().0.code(), Some(1));
    assert_eq!(second.told(), Vec::<String>::new());
    for arguments in [&["status"][..], &["history", "orders"], &["plan"], &["check"]] {
        assert_eq!(stage.run(arguments).code, Some(0), "{arguments:?} works beside it");
    }
    first.stop();
    stage.write("recipesync.toml", "colour = 1\n");
    let mut wrong = stage.launch(&[]);
    assert_eq!(wrong.end().0.code(), Some(78));
    assert_eq!(wrong.told(), Vec::<String>::new());
}

#[test]
fn a_commit_on_a_local_upstream_is_imported_at_once() {
    let mut stage = Stage::new();
    let url = format!("file://{}", stage.path("recipes.git").display());
    stage.configure(|config| config.replace("\"recipes.git\"", &format!("{url:?}")));
    stage.project("orders", "dev", "recipes", "1h");
    stage.save_config();
    let daemon = stage.start();
    stage.until("orders", "in_sync");
    for text in ["second", "third"] {
        let file = recipe("intake", text);
        stage.commit("recipes", "orders/intake.recipe.json", &file);
        wait_for("the import", || stage.workspace_has("dev", "orders", "intake", text));
        stage.until("orders", "in_sync");
        stage.git("recipes.git", &["pack-refs", "--all"]);
    }
    daemon.stop();
}

#[test]
fn sigterm_ends_it_whatever_it_waits_for_and_the_next_start_goes_on() {
    let stage = exporting_always(settled());
    // A job that never ends: the same one is polled after the restart.
    stage.fault("dev", r#"{"on":"export.start","then":"stuck"}"#);
    let before = stage.requests("dev", "export.start").len();
    let daemon = stage.start();
    wait_for("a poll", || {
        stage.requests("dev", "export.start").len() > before && stage.status("orders")["phase"] == "exporting"
    });
    daemon.stop();
    let daemon = stage.start();
    let polls = stage.requests("dev", "package.get").len();
    wait_for("another poll", || stage.requests("dev", "package.get").len() > polls);
    daemon.stop();
    assert_eq!(stage.requests("dev", "export.start").len(), before + 1);

    // A request that hangs.
    stage.world("dev", |world| world.faults.clear());
    stage.fault("dev", r#"{"on":"package.get","times":1,"then":{"delay":{"ms":60000}}}"#);
    let polls = stage.requests("dev", "package.get").len();
    let mut daemon = stage.start();
    wait_for("the poll that hangs", || stage.requests("dev", "package.get").len() > polls);
    // A second signal does not wait at all.
    daemon.signal(Signal::INT);
    daemon.until("STOPPING=1", 1);
    daemon.signal(Signal::INT);
    let ((status, _), took) = timed(|| daemon.end());
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn sigterm_ends_it_while_the_budget_is_used_up() {
    let mut stage = Stage::new();
    stage.workspace("slow", "requests_per_minute = 1\n");
    stage.project("orders", "slow", "recipes", "1h");
    stage.save_config();
    let daemon = stage.start();
    wait_for("the one request", || !stage.requests("slow", "").is_empty());
    daemon.stop();
    let outcome = stage.run(&["sync", "--give-up-after", "bogus"]);
    assert_eq!(outcome.code, Some(64), "{outcome:?}");
    assert_eq!(stage.requests("slow", "").len(), 1, "nobody has asked again within the minute");
}

#[test]
fn a_reload_takes_up_what_changed_and_a_broken_file_changes_nothing() {
    let mut stage = Stage::new();
    stage.project("orders", "dev", "recipes", "1h");
    stage.save_config();
    let daemon = stage.start();
    stage.until("orders", "in_sync");

    let exports = |stage: &Stage| stage.requests("dev", "export.start").len();
    let before = exports(&stage);
    stage.write("recipesync.toml", "colour = 1\n");
    daemon.signal(Signal::HUP);
    daemon.until("READY=1", 2);
    wait_for("a look with the old one", || exports(&stage) > before);
    wait_for("the log", || daemon.log().contains("going on with the old configuration"));

    stage.project("billing", "dev", "recipes", "1h");
    stage.save_config();
    daemon.signal(Signal::HUP);
    stage.until("billing", "in_sync");
    stage.until("orders", "in_sync");
    assert!(stage.upstream_has("recipes", "billing/intake.recipe.json", "first"));

    // What the daemon cannot do while it runs leaves it as it was.
    stage.configure(|config| config.replace("\"state\"", "\"other\""));
    daemon.signal(Signal::HUP);
    daemon.until("READY=1", 4);
    wait_for("the reason in the log", || daemon.log().contains("state_dir is"));
    stage.configure(|config| {
        config.replace("\"other\"", "\"state\"").replace("schedule = \"1h\"", "schedule = \"1s\"")
    });
    stage.edit("dev", "billing", "report", "edited");
    daemon.signal(Signal::HUP);
    wait_for("the export", || stage.upstream_has("recipes", "billing/report.recipe.json", "edited"));
    daemon.stop();
}

#[test]
fn a_start_looks_by_the_folders_list_and_a_reload_by_a_full_export() {
    let stage = settled();
    let count = |route| stage.requests("dev", route).len();
    let (lists, exports) = (count("assets.list"), count("export.start"));
    let daemon = stage.start();
    wait_for("the first look", || count("assets.list") > lists);
    daemon.signal(Signal::HUP);
    wait_for("the export", || count("export.start") > exports);
    wait_for("its end", || stage.status("orders")["phase"] == "idle");
    daemon.stop();
    assert_eq!(count("export.start"), exports + 1);
}

#[test]
fn a_reload_during_a_hanging_request_holds_up_neither_the_watchdog_nor_sigterm() {
    let stage = exporting_always(settled());
    stage.fault("dev", r#"{"on":"export.start","times":1,"then":{"delay":{"ms":60000}}}"#);
    let before = stage.requests("dev", "export.start").len();
    let daemon = stage.launch(&[("WATCHDOG_USEC", "1000000")]);
    wait_for("the request", || stage.requests("dev", "export.start").len() > before);
    daemon.signal(Signal::HUP);
    daemon.until("RELOADING=1", 1);
    let before = pings(&daemon);
    wait_for("pings meanwhile", || pings(&daemon) >= before + 3);
    daemon.stop();
}

/// Returns how often the watchdog was fed.
fn pings(daemon: &Daemon) -> usize {
    daemon.told().iter().filter(|line| *line == "WATCHDOG=1").count()
}

/// Waits as a service manager does until the watchdog has not been fed for the time that it allows.
fn until_not_fed(daemon: &Daemon, allowed: Duration) {
    let mut before = pings(daemon);
    wait_for("the watchdog to go unfed", || {
        std::thread::sleep(allowed);
        let fed = pings(daemon) > std::mem::replace(&mut before, pings(daemon));
        !fed
    });
}

#[test]
fn a_loop_that_is_stuck_does_not_feed_the_watchdog_and_a_restart_goes_on() {
    let stage = settled();
    let mut daemon = stage.launch(&[("WATCHDOG_USEC", "1000000")]);
    daemon.until("STATUS=1 project, 1 in sync", 1);
    daemon.until("WATCHDOG=1", 1);
    // A file that nobody ever writes to: whoever opens it to read waits for ever, and here that is the loop.
    let (config, away) = (stage.path("recipesync.toml"), stage.path("recipesync.toml.away"));
    std::fs::copy(&config, &away).unwrap();
    recipesync::fs::remove_file(&config).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &config, rustix::fs::Mode::RUSR).unwrap();
    daemon.signal(Signal::HUP);
    daemon.until("RELOADING=1", 1);
    until_not_fed(&daemon, Duration::from_secs(1));
    // Nor does it end by itself: it is the service manager that ends it, by this signal.
    daemon.signal(Signal::ABORT);
    assert_eq!(daemon.end().0.signal(), Some(Signal::ABORT.as_raw()));

    recipesync::fs::remove_file(&config).unwrap();
    std::fs::copy(&away, &config).unwrap();
    stage.edit("dev", "orders", "intake", "edited meanwhile");
    let daemon = stage.start();
    wait_for("the export", || stage.upstream_has("recipes", "orders/intake.recipe.json", "edited meanwhile"));
    daemon.stop();
}

#[test]
fn a_settlement_beside_the_daemon_is_acted_on_at_once() {
    let stage = settled();
    let daemon = stage.start();
    stage.until("orders", "in_sync");
    stage.edit("dev", "orders", "intake", "theirs");
    stage.commit("recipes", "orders/intake.recipe.json", &recipe("intake", "ours"));
    stage.until("orders", "conflict");
    assert_eq!(stage.run(&["status"]).code, Some(2));
    assert_eq!(stage.run(&["resolve", "orders", "--take", "branch"]).code, Some(0));
    wait_for("the import", || stage.workspace_has("dev", "orders", "intake", "ours"));
    stage.until("orders", "in_sync");
    daemon.stop();
}

#[test]
fn kills_lose_nothing_and_make_nothing_twice() {
    let mut stage = Stage::new();
    // With less, the quota is used up by then, and the end of the minute is waited for.
    stage.configure(|config| {
        config.replace("[workspace.dev]\n", "[workspace.dev]\nrequests_per_minute = 10000\n")
    });
    stage.project("orders", "dev", "recipes", "1s");
    stage.save_config();
    assert_eq!(stage.run(&["sync"]).code, Some(0));
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..6 {
        let daemon = stage.start();
        let text = format!("round {round}");
        if round % 2 == 0 {
            stage.edit("dev", "orders", "intake", &text);
        } else {
            stage.commit("recipes", "orders/report.recipe.json", &recipe("report", &text));
        }
        // Somewhere in the middle: after so many more requests.
        let goal = stage.requests("dev", "").len() + random.usize(0..8);
        wait_for("some requests", || stage.requests("dev", "").len() >= goal);
        daemon.kill();
        stage.write("state/repos/recipes.git/packed-refs.lock", "");
    }
    let daemon = stage.start();
    wait_for("both sides to hold both", || {
        stage.upstream_has("recipes", "orders/intake.recipe.json", "round 4")
            && stage.workspace_has("dev", "orders", "report", "round 5")
    });
    stage.until("orders", "in_sync");
    daemon.stop();
    let log = stage.git("recipes.git", &["log", "--format=%T", "main"]);
    let trees: Vec<&str> = log.lines().collect();
    assert!(trees.windows(2).all(|pair| pair[0] != pair[1]), "no commit without a change: {log}");
    assert!(stage.commits("recipes") <= 1 + 1 + 6, "one a change at most, and the first export: {log}");
}

#[test]
fn many_projects_do_not_hold_each_other_up() {
    let mut stage = Stage::new();
    stage.workspace("prod", "requests_per_minute = 10000\n");
    stage.configure(|config| {
        config.replace("[workspace.dev]\n", "[workspace.dev]\nrequests_per_minute = 10000\n")
    });
    stage.workspace("wrong", "");
    stage.write("wrong.token", "nonsense");
    stage.repository("second", "1h");
    stage.knows_repository("dead", "/nowhere/at-all.git", "1h");
    for number in 0..16 {
        let workspace = if number % 2 == 0 { "dev" } else { "prod" };
        let repository = if number % 3 == 0 { "recipes" } else { "second" };
        stage.project(&format!("p{number}"), workspace, repository, "1h");
    }
    stage.project("unauthorised", "wrong", "recipes", "1h");
    stage.project("upstreamless", "dev", "dead", "1h");
    stage.project("hanging", "dev", "recipes", "1h");
    stage.save_config();
    let hanging = stage.world("dev", |world| world.project("hanging").unwrap());
    stage.fault(
        "dev",
        &format!(r#"{{"on":"import.start","id":{hanging},"then":{{"delay":{{"ms":60000}}}}}}"#),
    );
    let daemon = stage.start();
    for number in 0..16 {
        stage.until(&format!("p{number}"), "in_sync");
    }
    stage.until("unauthorised", "stalled");
    let stalled = stage.status("unauthorised")["stalled"].clone();
    assert!(stalled["reason"].as_str().unwrap().contains("401") || !stalled["hint"].is_null(), "{stalled}");
    assert_ne!(stage.status("upstreamless")["state"], "in_sync");
    for number in 0..16 {
        let workspace = if number % 2 == 0 { "dev" } else { "prod" };
        let repository = if number % 3 == 0 { "recipes" } else { "second" };
        stage.commit(repository, &format!("p{number}/intake.recipe.json"), &recipe("intake", "new"));
        if number == 15 {
            wait_for("the last import", || stage.workspace_has(workspace, "p15", "intake", "new"));
        }
    }
    for number in 0..16 {
        let workspace = if number % 2 == 0 { "dev" } else { "prod" };
        wait_for("every import", || stage.workspace_has(workspace, &format!("p{number}"), "intake", "new"));
        stage.until(&format!("p{number}"), "in_sync");
    }
    let refused = |workspace| {
        stage.requests(workspace, "import.start").iter().filter(|seen| seen.status != Some(200)).count()
    };
    assert_eq!((refused("dev"), refused("prod")), (0, 0), "one import at a time for each workspace");
    daemon.stop();
}

#[test]
fn a_budget_holds_over_many_runs() {
    let mut stage = Stage::new();
    stage.configure(|config| {
        config.replace("[workspace.dev]\n", "[workspace.dev]\nrequests_per_minute = 12\n")
    });
    stage.project("orders", "dev", "recipes", "1h");
    stage.save_config();
    let stage = exporting_always(stage);
    assert_eq!(stage.run(&["sync"]).code, Some(0));
    // The workspace's own: the store that downloads come from has no quota.
    let sent = || stage.requests("dev", "").iter().filter(|seen| seen.route != "store.get").count();
    let spent = sent();
    assert!(spent < 12, "one look costs few requests: {spent}");
    // The second run would need more than what is left of the minute: it waits, and is told to stop.
    let mut child = stage.command(&["sync"]).spawn().unwrap();
    wait_for("the rest of the budget", || sent() == 12);
    let id = i32::try_from(child.id()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), Signal::TERM).unwrap();
    let (status, took) = timed(|| child.wait().unwrap());
    assert_eq!(status.code(), Some(1), "it did not finish");
    assert!(took < Duration::from_secs(5), "{took:?}");
    stage.start().stop();
    assert_eq!(sent(), 12, "nor does a third");
}
