//! Upstreams that are full, read-only, shallow, borrowed, somebody else's, large, or named to do harm; and a user whose
//! own configuration would run programs.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// The user and group of nobody.
const NOBODY: &str = "65534";

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// Reaches the upstream by a shell that does something before; what it is asked for is the last argument of ssh.
async fn behind(world: &mut World, does: &str) -> Cache {
    let script = format!("#!/bin/sh\nfor last; do :; done\n{does}\nexec sh -c \"$last\"\n");
    let script = world.script("bin/ssh", &script);
    world.extra = vec![("GIT_SSH_COMMAND", script)];
    let url = format!("ssh://here{}", world.text("up.git"));
    world.open(&url, &["main"]).await.unwrap()
}

#[tokio::test]
async fn an_upstream_that_is_full_or_read_only_takes_nothing_and_is_waited_for() {
    let mut world = World::new();
    let base = world.user_commits("main", &[("a", Some("1"))]);
    // Too large for the one block that is left.
    let text: String = (0..5000).map(|n: u32| n.wrapping_mul(2_654_435_761).to_string()).collect();
    for (name, does) in [("full", "ulimit -f 1"), ("read-only", "")] {
        let does = if name == "read-only" {
            if !is_root() {
                continue; // others may not become nobody
            }
            fs::write(Path::new(&world.text("home/everywhere")), b"[safe]\n\tdirectory = *\n").unwrap();
            for folder in ["", "home", "bin", "home/everywhere"] {
                let open = std::fs::Permissions::from_mode(0o755);
                std::fs::set_permissions(world.text(folder), open).unwrap();
            }
            "exec setpriv --reuid=65534 --regid=65534 --clear-groups env \
             GIT_CONFIG_GLOBAL=\"${0%/*}/../home/everywhere\" sh -c \"$last\""
        } else {
            does
        };
        let cache = behind(&mut world, does).await;
        assert_eq!(tip(&cache).await, base, "{name}: it can be read");
        let ours = commit(&cache, Some(base), ".", &[("b", Some(&text))]).await.unwrap().unwrap();
        let error = cache.push(ours, &branch("main")).await.unwrap_err();
        assert!(matches!(error, GitError::Unreachable { .. }) && error.is_passing(), "{name}: {error:?}");
        assert_eq!(world.git("up.git", &["rev-parse", "main"]), base.to_string());
        assert_eq!(tip(&cache).await, base);
        let cache = behind(&mut world, "").await;
        look(&cache).await.unwrap();
        cache.push(ours, &branch(&format!("then-{name}"))).await.unwrap();
    }
}

#[tokio::test]
async fn a_shallow_upstream_is_refused_and_a_borrowing_one_is_read() {
    let world = World::new();
    world.user_commits("main", &[("a", Some("1"))]);
    let second = world.user_commits("main", &[("a", Some("2"))]);
    let url = format!("file://{}", world.text("up.git"));
    world.git("", &["clone", "-q", "--bare", "--depth=1", &url, "shallow.git"]);
    let cache = world.open(&world.text("shallow.git"), &["main"]).await.unwrap();
    let error = look(&cache).await.unwrap_err();
    assert!(
        matches!(error, GitError::Unsupported { .. }) && error.to_string().ends_with("it is a shallow clone"),
        "{error}"
    );

    world.git("", &["clone", "-q", "--bare", "--shared", "up.git", "borrowing.git"]);
    fs::remove_folder(Path::new(&world.text("state/repos"))).unwrap();
    let cache = world.open(&world.text("borrowing.git"), &["main"]).await.unwrap();
    assert_eq!(tip(&cache).await, second);
    assert!(cache.files(second, &folder(".")).await.unwrap().files.len() == 1);
    // What it borrows from is gone: nothing new can be had, and nothing is taken for deleted.
    fs::remove_folder(Path::new(&world.text("up.git"))).unwrap();
    fs::remove_folder(Path::new(&world.text("state/repos"))).unwrap();
    let cache = world.open(&world.text("borrowing.git"), &["main"]).await.unwrap();
    assert!(look(&cache).await.is_err_and(|error| error.is_passing()));
}

#[tokio::test]
async fn an_upstream_of_another_user_with_packed_refs_is_used() {
    let world = World::new();
    let base = world.user_commits("main", &[("a", Some("1"))]);
    world.git("up.git", &["pack-refs", "--all", "--prune"]);
    if is_root() {
        let chown = Command::new("chown").args(["-R", NOBODY, &world.text("up.git")]).status().unwrap();
        assert!(chown.success());
    }
    let cache = world.cache().await;
    assert_eq!(tip(&cache).await, base);
    let ours = commit(&cache, Some(base), ".", &[("b", Some("2"))]).await.unwrap().unwrap();
    cache.push(ours, &branch("main")).await.unwrap();
    assert_eq!(tip(&cache).await, ours);
}

#[tokio::test]
async fn a_branch_that_is_named_to_do_harm_is_a_name() {
    let world = World::new();
    let base = world.user_commits("main", &[("a", Some("1"))]);
    let names = [
        "$(touch${IFS}harm)",
        "`touch`;touch",
        "a'b\"c",
        "x=--upload-pack",
        "refs/heads/main",
        "%00",
        "ＨＥＡＤ",
    ];
    let mut all = vec!["main"];
    all.extend(names);
    let cache = world.open(&world.text("up.git"), &all).await.unwrap();
    look(&cache).await.unwrap();
    for name in names {
        cache.push(base, &branch(name)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let refs = look(&cache).await.unwrap();
    assert_eq!(refs.tips.len(), all.len(), "{refs:?}");
    assert!(!fs::list(world.at.path()).unwrap().iter().any(|name| name.ends_with("harm")));
}

#[tokio::test]
async fn nothing_of_the_users_is_run_and_the_upstreams_own_hooks_are() {
    let world = World::new();
    let ran = world.text("ran");
    let program = world.script("bin/evil", &format!("#!/bin/sh\necho \"$0 $*\" >>'{ran}'\nexit 1\n"));
    for hook in [
        "pre-push",
        "pre-receive",
        "update",
        "post-receive",
        "post-update",
        "reference-transaction",
        "pre-auto-gc",
    ] {
        world.script(&format!("hooks/{hook}"), &format!("#!/bin/sh\necho {hook} >>'{ran}'\nexit 1\n"));
    }
    world.git("", &["config", "--global", "core.hooksPath", &world.text("hooks")]);
    for key in ["alias.fetch", "alias.ls-remote", "alias.receive-pack", "alias.repack", "alias.upload-pack"] {
        world.git("", &["config", "--global", key, &format!("!{program}")]);
    }
    for key in ["core.fsmonitor", "core.pager", "core.editor", "core.askPass", "gpg.program"] {
        world.git("", &["config", "--global", key, &program]);
    }
    for key in ["push.gpgSign", "commit.gpgSign", "gc.auto", "maintenance.auto", "push.followTags"] {
        world.git("", &["config", "--global", key, "1"]);
    }
    let cache = world.cache().await;
    look(&cache).await.unwrap();
    let first = commit(&cache, None, ".", &[("a", Some("1"))]).await.unwrap().unwrap();
    cache.push(first, &branch("main")).await.unwrap();
    assert_eq!(tip(&cache).await, first);
    for content in 0..51_u8 {
        let mut pack = PackWriter::new();
        pack.add(&[content]).unwrap();
        cache.work(move |objects| objects.store(&pack)).await.unwrap();
    }
    assert!(cache.maintenance().await.unwrap());
    assert!(!Path::new(&ran).exists(), "{}", fs::read_text(Path::new(&ran), 9999).unwrap());

    world.script("up.git/hooks/update", "#!/bin/sh\necho \"$1 is protected\" >&2\nexit 1\n");
    let second = commit(&cache, Some(first), ".", &[("a", Some("2"))]).await.unwrap().unwrap();
    let error = cache.push(second, &branch("main")).await.unwrap_err();
    insta::assert_snapshot!(error, @"push main: refused: hook declined: refs/heads/main is protected; error: hook declined to update refs/heads/main");
}

#[tokio::test]
async fn fifty_thousand_commits_are_fetched_once_and_asked_about_quickly() {
    let world = World::new();
    let mut stream = String::new();
    for n in 1..=50_000 {
        let from = if n > 1 { format!("from :{}\n", n - 1) } else { String::new() };
        let file =
            if n % 100 == 1 { format!("M 100644 inline f1\ndata <<E\n{n}\nE\n") } else { String::new() };
        let who = format!("committer U <u@x> {n} +0000\ndata 1\nx\n");
        stream += &format!("commit refs/heads/main\nmark :{n}\n{who}{from}{file}\n");
    }
    fs::write(Path::new(&world.text("stream")), stream.as_bytes()).unwrap();
    world.git("up.git", &["-c", "alias.load=!git fast-import --quiet <../stream", "load"]);
    let cache = world.cache().await;
    let tip = tip(&cache).await;
    let first: CommitId = world.git("up.git", &["rev-list", "--max-parents=0", "main"]).parse().unwrap();
    assert!(cache.is_ancestor(first, tip).await.unwrap());
    let file = (PackagePath::parse("f1").unwrap(), blob_id(b"1\n").unwrap());
    let held = cache.held_since(first, tip, &folder("."), [file].into()).await.unwrap();
    assert!(held.is_empty(), "only the newest part of a long history is looked through");
    let ours = commit(&cache, Some(tip), "p", &[("b", Some("2"))]).await.unwrap().unwrap();
    cache.push(ours, &branch("main")).await.unwrap();
    assert_eq!(look(&cache).await.unwrap().tips["main"], ours);
    assert!(!cache.maintenance().await.unwrap(), "a large history is not many packs");
}
