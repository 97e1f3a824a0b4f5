//! What can become of the folder, the branch and the cache between two looks; and caches over a long time.

use crate::daemon_stage::{Stage as DaemonStage, recipe as daemon_recipe};
use crate::stage::{Pairing, Stage, recipe, said, says};

const INTAKE: &str = "intake.recipe.json";

fn settled() -> Stage {
    Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))])
}

/// Commits and pushes what was changed in the clone's index, whatever git's own commands think of it.
fn push(stage: &Stage) {
    stage.upstream.git(&["commit", "--quiet", "--message", "Something else"]);
    stage.upstream.git(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"]);
}

/// Puts one entry into the clone's index.
fn put(stage: &Stage, mode: &str, id: &str, path: &str) {
    stage.upstream.git(&[
        "update-index",
        "--add",
        "--replace",
        "--cacheinfo",
        &format!("{mode},{id},{path}"),
    ]);
}

#[test]
fn what_is_no_folder_at_the_path_stalls_and_nothing_is_taken_for_deleted() {
    let stage = settled();
    let good = stage.upstream.tip("main").unwrap();
    for (mode, reason) in [
        ("100644", "read orders as a folder: it is something else"),
        ("120000", "read orders as a folder: it is something else"),
        ("160000", "read orders as a folder: it is something else"),
    ] {
        stage.upstream.pull("main");
        stage.upstream.git(&["rm", "--quiet", "-r", "--cached", "orders"]);
        let id = stage.upstream.git(&["rev-parse", &format!("HEAD:orders/{INTAKE}")]);
        put(&stage, mode, if mode == "160000" { &good } else { &id }, "orders");
        push(&stage);
        stage.edit_in_workspace(INTAKE, &says(mode));
        let tip = stage.upstream.tip("main");
        let synced = stage.sync().expect(1, "stalled");
        assert_eq!(synced.reason(), reason, "{mode}");
        assert!(
            synced.status["stalled"]["hint"].as_str().unwrap().contains("make orders a folder"),
            "{mode}"
        );
        assert_eq!(stage.upstream.tip("main"), tip, "{mode}");
        assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some(mode));
        assert!(stage.imports().is_empty(), "{mode}");

        stage.upstream.git(&["reset", "--quiet", "--hard", &good]);
        stage.upstream.git(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"]);
    }
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("160000"));
}

#[test]
fn what_cannot_be_part_of_a_package_is_named_and_never_imported() {
    for (mode, path, reason) in [
        ("120000", "orders/link.recipe.json", "link.recipe.json"),
        ("160000", "orders/module.recipe.json", "module.recipe.json"),
        ("100644", "orders/trailing./x.recipe.json", "trailing./x.recipe.json"),
        ("100644", "orders/C:x.recipe.json", "C:x.recipe.json"),
    ] {
        let stage = settled();
        let tip = stage.upstream.tip("main").unwrap();
        stage.upstream.pull("main");
        let blob = stage.upstream.git(&["rev-parse", &format!("HEAD:orders/{INTAKE}")]);
        put(&stage, mode, if mode == "160000" { &tip } else { &blob }, path);
        push(&stage);
        let synced = stage.sync().expect(1, "stalled");
        assert!(synced.reason().contains(reason), "{path}: {}", synced.reason());
        assert!(stage.imports().is_empty(), "{path}");
        // The export goes on beside it, and leaves it as it is.
        stage.edit_in_workspace(INTAKE, &says("two"));
        stage.sync();
        assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"), "{path}");
        let listed = stage.upstream.at_upstream(&["ls-tree", "-r", "main", "--", path]);
        assert!(listed.starts_with(mode), "{path}: {listed}");
    }
}

#[test]
fn a_branch_that_is_protected_or_read_only_for_us_stalls_with_the_words_of_the_upstream() {
    let stage = settled();
    stage.upstream.hook("update", "echo \"GH006: Protected branch update failed for $1.\" >&2; exit 1");
    stage.edit_in_workspace(INTAKE, &says("two"));
    let synced = stage.sync().expect(1, "stalled");
    assert!(synced.reason().contains("GH006: Protected branch update failed"), "{}", synced.reason());
    assert!(synced.status["stalled"]["hint"].as_str().unwrap().contains("let this user push"));
    stage.upstream.hook("update", "exit 0");
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"));
}

#[test]
fn a_shallow_upstream_is_no_missing_branch() {
    let stage = settled();
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.sync().expect(0, "in_sync");
    let whole = stage.path("whole.git");
    let upstream = stage.path("upstream.git");
    let url = format!("file://{}", whole.display());
    stage.upstream.git(&["clone", "--quiet", "--mirror", stage.upstream.url(), whole.to_str().unwrap()]);
    recipesync::fs::remove_folder(&upstream).unwrap();
    stage.upstream.git(&["clone", "--quiet", "--bare", "--depth=1", &url, upstream.to_str().unwrap()]);
    recipesync::fs::remove_folder(&stage.path("state/repos")).unwrap();
    stage.edit_in_workspace(INTAKE, &says("three"));
    let tip = stage.upstream.tip("main");
    let synced = stage.sync().expect(1, "stalled");
    assert!(synced.reason().ends_with("it is a shallow clone"), "{}", synced.reason());
    assert_eq!(stage.upstream.tip("main"), tip);
}

#[test]
fn a_cache_with_many_packs_is_tidied_and_loses_nothing() {
    let stage = settled();
    let cache = stage.path("state/repos/recipes.git");
    let at_cache = |arguments: &[&str]| {
        stage.upstream.git(&[&["--git-dir", cache.to_str().unwrap()], arguments].concat())
    };
    let packs = || {
        let names = recipesync::fs::list(&cache.join("objects/pack")).unwrap();
        names.iter().filter(|name| name.extension().is_some_and(|extension| extension == "pack")).count()
    };
    for n in 0..60 {
        let file = stage.path("loose");
        recipesync::fs::write(&file, n.to_string().as_bytes()).unwrap();
        let blob = at_cache(&["hash-object", "-w", file.to_str().unwrap()]);
        let list = stage.path("list");
        recipesync::fs::write(&list, format!("{blob}\n").as_bytes()).unwrap();
        let pack = cache.join("objects/pack/pack");
        let script = format!("!git pack-objects --quiet {} <{}", pack.display(), list.display());
        at_cache(&["-c", &format!("alias.one={script}"), "one"]);
    }
    at_cache(&["prune-packed"]);
    let objects = at_cache(&["cat-file", "--batch-all-objects", "--batch-check"]);
    assert!(packs() >= 60);
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.sync().expect(0, "in_sync");
    assert!(packs() < 10, "{} packs", packs());
    let after = at_cache(&["cat-file", "--batch-all-objects", "--batch-check"]);
    assert!(objects.lines().all(|line| after.contains(line)), "something was dropped");
    assert_eq!(at_cache(&["fsck", "--no-dangling"]), "");
}

#[expect(clippy::disallowed_methods, reason = "what an administrator does")]
fn move_folder(stage: &DaemonStage, from: &str, to: &str) {
    std::fs::rename(stage.path(from), stage.path(to)).unwrap();
}

#[test]
fn an_upstream_that_borrows_is_served_and_without_its_lender_is_waited_for() {
    let mut stage = DaemonStage::new();
    stage.configure(|config| {
        config.replace("[workspace.dev]\n", "[workspace.dev]\nrequests_per_minute = 10000\n")
    });
    stage.repository("lender", "1h");
    stage.git(".", &["clone", "-q", "--bare", "--shared", "lender.git", "borrower.git"]);
    stage.git(".", &["clone", "-q", "borrower.git", "borrower"]);
    stage.knows_repository("borrower", "borrower.git", "1h");
    stage.project("orders", "dev", "borrower", "1h");
    stage.project("billing", "dev", "recipes", "1h");
    stage.save_config();
    let both = |text: &str| {
        for project in ["orders", "billing"] {
            stage.edit("dev", project, "intake", &format!("edited {text}"));
        }
    };
    let outcome = stage.run(&["sync"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    both("once");
    stage.commit("borrower", "orders/report.recipe.json", &daemon_recipe("report", "committed"));
    let outcome = stage.run(&["sync"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(stage.upstream_has("borrower", "orders/intake.recipe.json", "edited once"));
    assert!(stage.workspace_has("dev", "orders", "report", "committed"));
    // From now on it has nothing of its own.
    stage.git("lender.git", &["fetch", "-q", "../borrower.git", "main:refs/heads/lent"]);
    stage.git("lender.git", &["repack", "-a", "-d", "-q"]);
    stage.git("borrower.git", &["repack", "-a", "-d", "-l", "-q"]);
    stage.git("borrower.git", &["prune-packed"]);
    assert!(stage.git("borrower.git", &["count-objects", "-v"]).starts_with("count: 0\n"));

    move_folder(&stage, "lender.git", "away.git");
    both("twice");
    let before = stage.git("borrower.git", &["rev-parse", "main"]);
    let imports = stage.requests("dev", "import.start").len();
    // With and without what was fetched before.
    for _ in 0..2 {
        let outcome = stage.run(&["sync", "--give-up-after", "1ms"]);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let stalled = stage.status("orders")["stalled"].clone();
        let reason = stalled["reason"].as_str().unwrap();
        assert!(reason.contains("borrower.git"), "{reason}");
        assert!(stalled["hint"].as_str().unwrap().contains("check `url`"), "{stalled}");
        assert_eq!(stage.git("borrower.git", &["rev-parse", "main"]), before);
        assert!(stage.upstream_has("recipes", "billing/intake.recipe.json", "edited twice"));
        assert_eq!(stage.status("billing")["state"], "in_sync");
        assert_eq!(stage.requests("dev", "import.start").len(), imports);
        recipesync::fs::remove_folder(&stage.path("state/repos/borrower.git")).unwrap();
    }

    move_folder(&stage, "away.git", "lender.git");
    let outcome = stage.run(&["sync"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(stage.upstream_has("borrower", "orders/intake.recipe.json", "edited twice"));
    assert_eq!(stage.git("borrower.git", &["fsck", "--no-dangling"]), "");
}

#[test]
fn fifty_thousand_commits_take_no_more_memory_than_a_few() {
    let few = settled();
    let many = Stage::new(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    let mut stream = String::new();
    for n in 1..=50_000 {
        let from = if n > 1 { format!("from :{}\n", n - 1) } else { String::new() };
        let who = format!("committer U <u@x> {n} +0000\ndata 1\nx\n");
        stream +=
            &format!("commit refs/heads/main\nmark :{n}\n{who}{from}M 100644 inline f\ndata <<E\n{n}\nE\n\n");
    }
    recipesync::fs::write(&many.path("stream"), stream.as_bytes()).unwrap();
    many.upstream.at_upstream(&["-c", "alias.load=!git fast-import --quiet <../stream", "load"]);
    many.sync().expect(0, "in_sync");
    let held = |stage: &Stage, text: &str| {
        stage.edit_in_workspace(INTAKE, &says(text));
        let (ran, most) = crate::hostile::peak(crate::stage::recipesync(&stage.path("."), &["sync"]));
        assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some(text));
        most
    };
    let little = held(&few, "two");
    // The first fetch of all of it, and a look with it there.
    recipesync::fs::remove_folder(&many.path("state/repos")).unwrap();
    for text in ["two", "three"] {
        let most = held(&many, text);
        assert!(little > 10_000 && most < little + 20_000, "{little} kB, and {most} kB with a long history");
    }
}
