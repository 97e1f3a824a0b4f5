//! The upstream: races, rules, working trees, rewritten history, and an upstream that is not there.

use crate::stage::{Pairing, Stage, recipe, said, says};

const INTAKE: &str = "intake.recipe.json";
const NOTIFY: &str = "notify.recipe.json";

fn two_recipes(pairing: Pairing) -> Stage {
    Stage::in_sync(pairing, &[(INTAKE, recipe("Intake", "one")), (NOTIFY, recipe("Notify", "ping"))])
}

/// Makes the next pushes lose: each moves the branch by another file just before its own update.
fn race(stage: &Stage, times: usize) {
    // The hook's quarantine must not hold the objects of the commit that wins.
    let script = format!(
        "n=$(cat raced 2>/dev/null || echo 0)\n\
         [ \"$n\" -lt {times} ] || exit 0\n\
         echo $((n + 1)) > raced\n\
         unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
         export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@acme.example\n\
         export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@acme.example\n\
         tree=$(git rev-parse 'main^{{tree}}')\n\
         blob=$(echo note | git hash-object -w --stdin)\n\
         tree=$( (git ls-tree main; printf '100644 blob %s\\tnote%s\\n' \"$blob\" \"$n\") | git mktree)\n\
         commit=$(git commit-tree -p main -m \"Note $n\" \"$tree\")\n\
         git update-ref refs/heads/main \"$commit\""
    );
    stage.upstream.hook("pre-receive", &script);
}

#[test]
fn a_push_that_lost_the_race_is_made_again_on_the_new_tip() {
    let stage = two_recipes(Pairing::one_branch());
    race(&stage, 1);
    stage.edit_in_workspace(INTAKE, &says("two"));
    let exports = stage.requests("export.start");
    stage.sync().expect(0, "in_sync");
    assert_eq!(
        stage.upstream.subjects("main"),
        ["orders: 1 recipe changed", "Note 0", "orders: 2 recipes added"]
    );
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"));
    assert!(stage.requests("export.start") - exports <= 2);
}

#[test]
fn a_race_over_the_same_path_is_a_conflict_and_not_overwritten() {
    let stage = two_recipes(Pairing::one_branch());
    let ours = stage.branch_file("main", INTAKE).unwrap().replace("one", "theirs");
    recipesync::fs::write(&stage.path("theirs.json"), ours.as_bytes()).unwrap();
    stage.upstream.hook(
        "pre-receive",
        "[ ! -e raced ] || exit 0; touch raced\n\
         unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
         export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@acme.example GIT_INDEX_FILE=theirs.index\n\
         export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@acme.example\n\
         git read-tree main\n\
         blob=$(git hash-object -w --no-filters ../theirs.json)\n\
         git update-index --cacheinfo 100644,$blob,orders/intake.recipe.json\n\
         git update-ref refs/heads/main $(git commit-tree -p main -m Theirs $(git write-tree))",
    );
    stage.edit_in_workspace(INTAKE, &says("two"));
    let synced = stage.sync().expect(2, "conflict");
    assert_eq!(synced.list("conflicts"), [INTAKE]);
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("theirs"));
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two"));
    assert_eq!(stage.upstream.subjects("main")[0], "Theirs");
}

#[test]
fn a_rule_of_the_upstream_stalls_with_its_own_words() {
    let stage = two_recipes(Pairing::one_branch());
    let tip = stage.upstream.tip("main");
    stage.upstream.hook("pre-receive", "echo 'main is frozen until Monday' >&2; exit 1");
    stage.edit_in_workspace(INTAKE, &says("two"));
    let packs = || {
        let names = recipesync::fs::list(&stage.path("state/repos/recipes.git/objects/pack")).unwrap();
        names.iter().filter(|name| name.extension().is_some_and(|extension| extension == "pack")).count()
    };
    // A commit each time, and what it holds once.
    for more in [2, 1] {
        let before = packs();
        let synced = stage.sync().expect(1, "stalled");
        assert!(synced.reason().contains("frozen until Monday"), "{}", synced.reason());
        assert_eq!(stage.upstream.tip("main"), tip);
        assert_eq!(packs() - before, more);
    }
    stage.upstream.hook("pre-receive", "exit 0");
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.upstream.subjects("main").len(), 2);
}

#[test]
fn an_upstream_that_is_away_is_waited_for_and_then_given_up() {
    let stage = two_recipes(Pairing::one_branch());
    recipesync::fs::remove_folder(&stage.path("upstream.git")).unwrap();
    stage.edit_in_workspace(INTAKE, &says("two"));
    let synced = stage.sync_with(&["--give-up-after", "1s"]).expect(1, "stalled");
    assert!(synced.reason().contains("gave up after"), "{}", synced.reason());
}

#[test]
fn a_branch_that_is_yet_to_be_made_starts_where_people_would_start_it() {
    let mut pairing = Pairing::export_only();
    pairing.export = Some("workspace");
    let stage = Stage::new(pairing, &[(INTAKE, recipe("Intake", "one"))]);
    let start = stage.upstream.commit("main", "Start", &[("README.md", Some("# Recipes\n"))]);
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.upstream.files("workspace"), ["README.md", "orders/intake.recipe.json"]);
    assert_eq!(stage.upstream.at_upstream(&["rev-parse", "workspace~1"]), start);
    assert_eq!(stage.upstream.tip("main"), Some(start));
}

#[test]
fn a_working_tree_upstream_is_refused_with_a_hint_unless_it_updates_itself() {
    let mut stage = Stage::new(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.give_upstream_a_working_tree();
    let synced = stage.sync().expect(1, "stalled");
    let hint = synced.status["stalled"]["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("updateInstead"), "{hint}");

    stage.upstream.at_upstream(&["config", "receive.denyCurrentBranch", "updateInstead"]);
    stage.sync().expect(0, "in_sync");
    let file = stage.path("desk/orders/intake.recipe.json");
    assert_eq!(said(recipesync::fs::read_text(&file, 1 << 20).ok()).as_deref(), Some("one"));
}

#[test]
fn a_history_that_dropped_our_commit_is_a_conflict_and_loses_nothing() {
    let stage = two_recipes(Pairing::one_branch());
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.sync().expect(0, "in_sync");
    stage.upstream.pull("main");
    stage.upstream.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    stage.upstream.git(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"]);
    let tip = stage.upstream.tip("main");
    for _ in 0..2 {
        let synced = stage.sync().expect(2, "conflict");
        assert_eq!(synced.list("conflicts"), [INTAKE]);
    }
    assert_eq!(said(stage.workspace_file(INTAKE)).as_deref(), Some("two"));
    assert_eq!(stage.upstream.tip("main"), tip);
    assert!(stage.imports().is_empty());

    assert_eq!(stage.run(&["resolve", "orders", "--take", "workspace"]).code, Some(0));
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"));
}

#[test]
fn a_history_that_dropped_the_commit_of_a_new_file_is_a_conflict_too() {
    let stage = two_recipes(Pairing::one_branch());
    stage.put_in_workspace("new.recipe.json", recipe("New", "new"));
    stage.sync().expect(0, "in_sync");
    stage.upstream.pull("main");
    stage.upstream.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    stage.upstream.git(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"]);
    let synced = stage.sync().expect(2, "conflict");
    assert_eq!(synced.list("conflicts"), ["new.recipe.json"]);
    assert!(synced.list("to_prune").is_empty(), "nobody is told to delete it");
}

#[test]
fn a_rewritten_history_that_keeps_our_content_is_agreed_on() {
    let stage = two_recipes(Pairing::one_branch());
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.sync().expect(0, "in_sync");
    stage.upstream.pull("main");
    stage.upstream.git(&["commit", "--quiet", "--amend", "--message", "In other words"]);
    stage.upstream.git(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"]);
    let tip = stage.upstream.tip("main");
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.upstream.tip("main"), tip);
    assert!(stage.imports().is_empty());
}

#[test]
fn a_mirror_that_somebody_pushed_to_is_made_exact_again() {
    let stage = two_recipes(Pairing::two_branches());
    stage.edit_on_branch("workspace", INTAKE, "one", "somebody");
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.branch_file("workspace", INTAKE)).as_deref(), Some("one"));
    assert!(stage.imports().is_empty());
}

#[test]
fn a_lost_cache_is_fetched_again_and_nothing_comes_of_it() {
    let stage = two_recipes(Pairing::one_branch());
    let tip = stage.upstream.tip("main");
    recipesync::fs::remove_folder(&stage.path("state/repos")).unwrap();
    stage.sync().expect(0, "in_sync");
    recipesync::fs::remove_folder(&stage.path("state/repos")).unwrap();
    stage.edit_on_branch("main", NOTIFY, "ping", "pong");
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.imported_paths(), [[NOTIFY]]);
    assert_ne!(stage.upstream.tip("main"), tip);
    assert_eq!(stage.upstream.subjects("main").len(), 2);
}

#[test]
fn a_cache_that_is_spoilt_under_a_running_daemon_is_made_anew() {
    let mut stage = two_recipes(Pairing::one_branch());
    stage.pair(|pairing| pairing.more = "full_export = \"0s\"\nexport.schedule = \"1s\"".to_owned());
    let _daemon = stage.spawn(&["run"]);
    let looks = stage.requests("export.start");
    stage.wait("the daemon's first look", || stage.requests("export.start") > looks);
    recipesync::fs::remove_folder(&stage.path("state/repos/recipes.git/objects")).unwrap();
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.wait("the edit in git", || said(stage.branch_file("main", INTAKE)).as_deref() == Some("two"));
    stage.edit_on_branch("main", NOTIFY, "ping", "pong");
    stage.wait("the commit's import", || said(stage.workspace_file(NOTIFY)).as_deref() == Some("pong"));
    stage.wait("rest", || stage.status()["state"] == "in_sync");
}

#[test]
fn a_cache_that_is_spoilt_while_the_project_is_stalled_is_made_anew() {
    let stage = two_recipes(Pairing::one_branch());
    stage.fault(&serde_json::json!({ "on": "assets.list", "then": { "status": { "code": 422 } } }));
    stage.sync().expect(1, "stalled");
    // The largest holds the files: what leads to them is looked at when the cache is opened.
    let packs = stage.path("state/repos/recipes.git/objects/pack");
    let names = recipesync::fs::list(&packs).unwrap().into_iter();
    let all = names.filter(|name| name.extension().is_some_and(|extension| extension == "pack"));
    let read = |name: &std::path::PathBuf| recipesync::fs::read(&packs.join(name), 1 << 20).unwrap();
    let largest = all.max_by_key(|name| read(name).len()).unwrap();
    let mut bytes = read(&largest);
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8].fill(0xff);
    recipesync::fs::write(&packs.join(&largest), &bytes).unwrap();
    stage.world(|world| world.faults.clear());
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.edit_on_branch("main", NOTIFY, "ping", "pong");
    stage.sync().expect(0, "in_sync");
    assert_eq!(said(stage.branch_file("main", INTAKE)).as_deref(), Some("two"));
    assert_eq!(said(stage.workspace_file(NOTIFY)).as_deref(), Some("pong"));
}
