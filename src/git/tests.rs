//! Stories with real repositories in temporary folders, and an environment that holds nothing of the machine's.

#![expect(clippy::disallowed_methods, reason = "the other side of each story is git itself")]

use std::ffi::OsString;
use std::process::Command;

use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::*;
use crate::fs;

mod packed;
mod packs;
mod soak;
mod upstreams;

struct World {
    at: TempDir,
    /// Variables that the children see besides `PATH` and `HOME`.
    extra: Vec<(&'static str, String)>,
    credentials: Credentials,
    deadline: Duration,
}

impl World {
    /// A home with an identity, and an empty bare upstream.
    fn new() -> Self {
        let at = tempfile::tempdir().unwrap();
        for folder in ["home", "state"] {
            fs::create_folder(&at.path().join(folder)).unwrap();
        }
        let config =
            b"[user]\n\tname = U\n\temail = u@x\n[init]\n\tdefaultBranch = main\n[alias]\n\tpush = !false\n";
        fs::write(&at.path().join("home/.gitconfig"), config).unwrap();
        let deadline = Duration::from_secs(60);
        let world = Self { at, extra: Vec::new(), credentials: Credentials::default(), deadline };
        world.git("", &["init", "-q", "--bare", "up.git"]);
        world
    }

    fn text(&self, path: &str) -> String {
        self.at.path().join(path).to_str().unwrap().to_owned()
    }

    fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.at.path().join("home"))
            .current_dir(self.at.path().join(folder))
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Commits files (`None` removes) in a clone and pushes them by force; returns the commit.
    fn user_commits(&self, branch: &str, files: &[(&str, Option<&str>)]) -> CommitId {
        if !self.at.path().join("clone").exists() {
            self.git("", &["clone", "-q", "up.git", "clone"]);
        }
        for (name, content) in files {
            let path = self.at.path().join("clone").join(name);
            match content {
                Some(content) => {
                    fs::create_folder(path.parent().unwrap()).unwrap();
                    fs::write(&path, content.as_bytes()).unwrap();
                }
                None => fs::remove_file(&path).unwrap(),
            }
        }
        self.git("clone", &["add", "-A"]);
        self.git("clone", &["commit", "-q", "-m", "by hand"]);
        self.git("clone", &["push", "-q", "-f", "origin", &format!("HEAD:refs/heads/{branch}")]);
        self.git("clone", &["rev-parse", "HEAD"]).parse().unwrap()
    }

    async fn open(&self, url: &str, branches: &[&str]) -> Result<Cache, GitError> {
        let mut variables = vec![
            ("PATH".into(), std::env::var_os("PATH").unwrap()),
            ("HOME".into(), self.at.path().join("home").into_os_string()),
            ("GIT_DIR".into(), "/nowhere".into()),
        ];
        variables.extend(self.extra.iter().map(|(name, value)| (name.into(), value.into())));
        let git = Git::install(&self.at.path().join("state"), Environment::new(variables, &[])).await?;
        let settings = Settings {
            folder: self.at.path().join("state/repos/r.git"),
            url: url.to_owned(),
            credentials: self.credentials.clone(),
            author: Author::parse("recipesync <r@x>").unwrap(),
            branches: branches.iter().map(|name| branch(name)).collect(),
            deadline: self.deadline,
        };
        Cache::open(git, settings).await
    }

    async fn cache(&self) -> Cache {
        self.open(&self.text("up.git"), &["main"]).await.unwrap()
    }

    fn script(&self, path: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.text(path);
        fs::create_folder(Path::new(&path).parent().unwrap()).unwrap();
        fs::write(Path::new(&path), text.as_bytes()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }
}

fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

async fn look(cache: &Cache) -> Result<Refs, GitError> {
    cache.refresh(Duration::ZERO, Instant::now()).await
}

async fn tip(cache: &Cache) -> CommitId {
    look(cache).await.unwrap().tips["main"]
}

fn folder(path: &str) -> RepoPath {
    RepoPath::parse(path).unwrap()
}

/// Stores contents and commits them below `at`.
async fn commit(
    cache: &Cache,
    parent: Option<CommitId>,
    at: &str,
    files: &[(&str, Option<&str>)],
) -> Result<Option<CommitId>, GitError> {
    let mut pack = PackWriter::new();
    let changes = files
        .iter()
        .map(|(name, content)| {
            (PackagePath::parse(name).unwrap(), content.map(|content| pack.add(content.as_bytes()).unwrap()))
        })
        .collect();
    cache.work(move |objects| objects.store(&pack)).await?;
    cache.commit_tree(parent, &folder(at), &changes, "orders: x\n", None, DateTime::UNIX_EPOCH).await
}

#[tokio::test]
async fn an_empty_upstream_gets_its_first_branch() {
    let world = World::new();
    let cache = world.cache().await;
    assert_eq!(look(&cache).await.unwrap(), Refs::default());
    let first = commit(&cache, None, "eu/orders", &[("a.json", Some("{}\n"))]).await.unwrap().unwrap();
    cache.push(first, &branch("main")).await.unwrap();
    assert_eq!(tip(&cache).await, first);
    assert_eq!(look(&cache).await.unwrap().head, Some(branch("main")));
    insta::assert_snapshot!(world.git("up.git", &["log", "-p", "--format=%an <%ae> %ct%n%cn %s", "main"]), @r"
    recipesync <r@x> 0
    recipesync orders: x

    diff --git a/eu/orders/a.json b/eu/orders/a.json
    new file mode 100644
    index 0000000..0967ef4
    --- /dev/null
    +++ b/eu/orders/a.json
    @@ -0,0 +1 @@
    +{}
    ");
}

#[tokio::test]
async fn the_files_are_those_of_ls_tree_and_the_rest_is_odd() {
    let world = World::new();
    world.user_commits(
        "main",
        &[("o/a.json", Some("1")), ("o/d/b.json", Some("2")), ("o/x y", Some("3")), ("f", Some("4"))],
    );
    std::os::unix::fs::symlink("a.json", world.text("clone/o/link")).unwrap();
    let module = format!("160000,{},o/module", "1".repeat(40));
    world.git("clone", &["update-index", "--add", "--cacheinfo", &module]);
    let commit = {
        world.git("clone", &["add", "o/link"]);
        world.git("clone", &["update-index", "--chmod=+x", "o/x y"]);
        world.git("clone", &["commit", "-q", "-m", "odd"]);
        world.git("clone", &["push", "-q", "origin", "HEAD:main"]);
        world.git("clone", &["rev-parse", "HEAD"]).parse().unwrap()
    };
    let cache = world.cache().await;
    assert_eq!(tip(&cache).await, commit);
    let found = cache.files(commit, &folder("o")).await.unwrap();
    let listed = world.git("clone", &["ls-tree", "-r", "HEAD:o"]);
    let listed: Vec<_> = listed.lines().filter(|line| line.starts_with("100")).collect();
    let ours: Vec<_> = found.files.iter().map(|(path, id)| format!("blob {id}\t{path}")).collect();
    assert_eq!(ours, listed.iter().map(|line| line[7..].to_owned()).collect::<Vec<_>>());
    assert_eq!(
        found.odd.iter().map(|odd| (odd.name.as_str(), odd.reason)).collect::<Vec<_>>(),
        [("link", OddReason::Link), ("module", OddReason::Submodule)]
    );
    assert_eq!(found.tree, cache.path_tree(commit, &folder("o")).await.unwrap());
    assert_eq!(cache.blobs(found.files.into_values().collect()).await.unwrap(), [b"1", b"2", b"3"]);
    assert_eq!(cache.files(commit, &folder("absent/x")).await.unwrap(), BranchFiles::default());
    assert!(matches!(cache.path_tree(commit, &folder("f")).await, Err(GitError::NotAFolder { .. })));
    let unknown = CommitId::from_bytes([1; 20]);
    assert!(matches!(cache.files(unknown, &folder("o")).await, Err(GitError::NotFound { .. })));
    let absent = BlobId::from_bytes([2; 20]);
    assert_eq!(cache.missing(vec![blob_id(b"1").unwrap(), absent]).await.unwrap(), [absent]);
}

#[tokio::test]
async fn a_commit_changes_its_own_files_and_nothing_else() {
    let world = World::new();
    let before = [("a/x", "1"), ("a/d/e/f", "2"), ("a.b", "3"), ("b/y", "4"), ("a/run", "5")];
    world.user_commits("main", &before.map(|(name, content)| (name, Some(content))));
    std::os::unix::fs::symlink("x", world.text("clone/a/link")).unwrap();
    world.script("clone/a/run", "5");
    world.git("clone", &["config", "core.fileMode", "true"]);
    let parent = world.user_commits("main", &[("a/z", Some("6"))]);
    let cache = world.cache().await;
    assert_eq!(tip(&cache).await, parent);

    let same = [("x", Some("1")), ("gone", None), ("d/gone", None)];
    assert_eq!(commit(&cache, Some(parent), "a", &same).await.unwrap(), None);

    let changes = [
        ("x", Some("new")),
        ("d/e/f", None),
        ("n/m", Some("7")),
        ("run", Some("8")),
        ("z", None),
        ("z/k", Some("9")),
    ];
    let made = commit(&cache, Some(parent), "a", &changes).await.unwrap().unwrap();
    cache.push(made, &branch("main")).await.unwrap();
    insta::assert_snapshot!(world.git("up.git", &["diff-tree", "-r", "--no-commit-id", "--name-status", "main"]), @r"
    D	a/d/e/f
    A	a/n/m
    M	a/run
    M	a/x
    D	a/z
    A	a/z/k
    ");
    assert!(world.git("up.git", &["ls-tree", "main:a"]).contains("100755 blob"), "the mode is kept");
    assert_eq!(world.git("up.git", &["fsck", "--strict", "--full"]), "");
    assert_eq!(world.git("state/repos/r.git", &["fsck", "--strict", "--full", "--no-dangling"]), "");

    let unknown = CommitId::from_bytes([1; 20]);
    assert!(matches!(cache.push(unknown, &branch("main")).await, Err(GitError::NotFound { .. })));

    for (file, is_folder) in [("link", false), ("n", false), ("x/under", true)] {
        let error = commit(&cache, Some(made), "a", &[(file, Some("!"))]).await.unwrap_err();
        assert_eq!(matches!(error, GitError::NotAFolder { .. }), is_folder, "{file}: {error}");
        assert_eq!(matches!(error, GitError::NotAFile { .. }), !is_folder, "{file}: {error}");
    }
    assert!(cache.is_ancestor(parent, made).await.unwrap() && cache.is_ancestor(made, made).await.unwrap());
    assert!(!cache.is_ancestor(made, parent).await.unwrap());
}

#[tokio::test]
async fn a_push_that_lost_the_race_is_told_apart_and_wins_after_another_look() {
    let world = World::new();
    let base = world.user_commits("main", &[("a", Some("1"))]);
    let cache = world.cache().await;
    assert_eq!(tip(&cache).await, base);
    let ours = commit(&cache, Some(base), ".", &[("b", Some("2"))]).await.unwrap().unwrap();
    let theirs = world.user_commits("main", &[("a", Some("3"))]);
    assert!(matches!(cache.try_push(ours, &branch("main")).await, Err(GitError::Raced { .. })));
    let error = cache.push(ours, &branch("main")).await.unwrap_err();
    assert!(matches!(error, GitError::Raced { .. }) && error.is_passing(), "{error}");
    assert_eq!(tip(&cache).await, theirs);
    let again = commit(&cache, Some(theirs), ".", &[("b", Some("2"))]).await.unwrap().unwrap();
    cache.push(again, &branch("main")).await.unwrap();
    assert_eq!(
        cache.refresh(Duration::MAX, Instant::now()).await.unwrap().tips["main"],
        again,
        "without a look"
    );

    cache.push_ref(ours, &branch("conflict/orders"), false).await.unwrap();
    cache.push_ref(base, &branch("conflict/orders"), true).await.unwrap();
    assert_eq!(world.git("up.git", &["rev-parse", "refs/recipesync/conflict/orders"]), base.to_string());
}

#[tokio::test]
async fn a_branch_that_is_checked_out_is_refused_with_the_way_out() {
    let world = World::new();
    world.git("", &["init", "-q", "tree"]);
    let cache = world.open(&world.text("tree"), &["main"]).await.unwrap();
    look(&cache).await.unwrap();
    let first = commit(&cache, None, ".", &[("a", Some("1"))]).await.unwrap().unwrap();
    let error = cache.push(first, &branch("main")).await.unwrap_err();
    assert!(matches!(error, GitError::CheckedOut { .. }), "{error}");
    let hint = error.hint().unwrap();
    let arguments: Vec<_> = hint.split(' ').skip(1).collect();
    world.git("", &arguments);
    cache.push(first, &branch("main")).await.unwrap();
    assert_eq!(fs::read_text(Path::new(&world.text("tree/a")), 9).unwrap(), "1");
}

#[tokio::test]
async fn the_upstreams_hook_is_quoted_and_the_users_hooks_do_not_run() {
    let world = World::new();
    world.script("hooks/pre-push", "#!/bin/sh\nexit 1\n");
    world.git("", &["config", "--global", "core.hooksPath", &world.text("hooks")]);
    let cache = world.cache().await;
    look(&cache).await.unwrap();
    let first = commit(&cache, None, ".", &[("a", Some("1"))]).await.unwrap().unwrap();
    cache.push(first, &branch("main")).await.unwrap();

    world.git("", &["config", "--global", "--unset", "core.hooksPath"]);
    world.script("up.git/hooks/pre-receive", "#!/bin/sh\necho 'not on Fridays' >&2\nexit 1\n");
    let second = commit(&cache, Some(first), ".", &[("a", Some("2"))]).await.unwrap().unwrap();
    // A dry run asks for the right alone: it moves nothing, and no hook is asked.
    cache.try_push(second, &branch("main")).await.unwrap();
    assert_eq!(tip(&cache).await, first);
    let error = cache.push(second, &branch("main")).await.unwrap_err();
    insta::assert_snapshot!(error, @"push main: refused: pre-receive hook declined: not on Fridays");
    assert!(!error.is_passing());
}

#[tokio::test]
async fn branches_come_go_and_are_rewritten() {
    let world = World::new();
    world.user_commits("main", &[("a", Some("1"))]);
    let feature = world.user_commits("x", &[("a", Some("2"))]);
    let cache = world.open(&world.text("up.git"), &["x", "x/y"]).await.unwrap();
    let refs = look(&cache).await.unwrap();
    assert_eq!(
        refs.tips.keys().map(BranchName::as_str).collect::<Vec<_>>(),
        ["main", "x"],
        "main, to start x/y from"
    );
    world.git("up.git", &["branch", "-D", "x"]);
    world.git("clone", &["commit", "-q", "--amend", "-m", "rewritten"]);
    let nested = world.user_commits("x/y", &[("a", Some("3"))]);
    let refs = look(&cache).await.unwrap();
    assert_eq!(refs.tips.get("x"), None);
    assert_eq!(refs.tips["x/y"], nested);
    assert!(cache.has_commit(nested).await.unwrap() && !cache.is_ancestor(feature, nested).await.unwrap());
}

#[tokio::test]
async fn a_run_past_its_deadline_is_killed_with_its_children() {
    let mut world = World::new();
    let script = "#!/bin/sh\nsleep 600 &\necho $! > \"${0%/*}/pid\"\nwait\n";
    let script = world.script("bin/ssh", script);
    world.extra = vec![("GIT_SSH_COMMAND", script)];
    // On a busy machine the child may not get far within a second.
    let mut pid = None;
    for seconds in [1, 8, 64] {
        world.deadline = Duration::from_secs(seconds);
        let cache = world.open("ssh://nowhere/x", &["main"]).await.unwrap();
        let error = look(&cache).await.unwrap_err();
        assert!(
            matches!(error, GitError::TimedOut { verb: "ls-remote", .. }) && error.is_passing(),
            "{error}"
        );
        pid = fs::read_text(Path::new(&world.text("bin/pid")), 20).ok().filter(|pid| pid.ends_with('\n'));
        if pid.is_some() {
            break;
        }
    }
    let pid = pid.expect("the child came to start its own");
    // It is dying now, or waits for whoever reaps orphans here; left alone it would sleep for ten minutes.
    let is_gone = || {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        state.is_empty() || state.contains(") Z") || state.contains(") X")
    };
    let end = async {
        while !is_gone() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), end).await.expect("the grandchild is killed");
}

#[tokio::test]
async fn many_who_ask_share_a_look_and_its_failure() {
    let mut world = World::new();
    let script = world.script("bin/ssh", "#!/bin/sh\necho x >> \"${0%/*}/log\"\nexit 1\n");
    world.extra = vec![("GIT_SSH_COMMAND", script)];
    let cache = world.open("ssh://nowhere/x", &["main"]).await.unwrap();
    let results = join_all((0..8).map(|_| look(&cache))).await;
    assert!(results.iter().all(|result| matches!(result, Err(GitError::Unreachable { .. }))), "{results:?}");
    // One for the first, one for those who came while it ran.
    assert_eq!(fs::read_text(Path::new(&world.text("bin/log")), 99).unwrap(), "x\nx\n");
}

#[tokio::test]
async fn what_a_kill_left_and_what_a_disk_lost_heals() {
    let world = World::new();
    let first = world.user_commits("main", &[("a", Some("1"))]);
    tip(&world.cache().await).await;
    let file = |name: &str| world.at.path().join("state/repos/r.git").join(name);
    fs::write(&file("packed-refs.lock"), b"").unwrap();
    fs::write(&file("refs/remotes/origin/main.lock"), b"").unwrap();
    let second = world.user_commits("main", &[("a", Some("2"))]);
    let cache = world.cache().await;
    assert_eq!(tip(&cache).await, second);
    assert!(!file("packed-refs.lock").exists());

    // A lock that turns up while the daemon runs is gone at the look after the next.
    fs::write(&file("refs/remotes/origin/main.lock"), b"").unwrap();
    let third = world.user_commits("main", &[("a", Some("3"))]);
    assert!(matches!(look(&cache).await, Err(GitError::LockHeld { .. })));
    assert_eq!(tip(&cache).await, third);

    // Packs that the disk has cut short are found out before anything is pushed.
    let fourth = commit(&cache, Some(third), ".", &[("b", Some("4"))]).await.unwrap().unwrap();
    for name in fs::list(&file("objects/pack")).unwrap() {
        fs::write(&file("objects/pack").join(name), b"").unwrap();
    }
    let error = cache.push(fourth, &branch("main")).await.unwrap_err();
    assert!(matches!(error, GitError::Damaged { .. } | GitError::NotFound { .. }), "{error}");

    fs::remove_folder(&file("objects")).unwrap();
    assert!(matches!(cache.files(first, &folder(".")).await, Err(GitError::Damaged { .. })));
    cache.heal().await.unwrap();
    assert_eq!(tip(&cache).await, third);
    fs::write(&file("HEAD"), b"garbage").unwrap();
    assert_eq!(tip(&world.cache().await).await, third, "damaged when opened");
    fs::remove_folder(&file("")).unwrap();
    assert_eq!(tip(&cache).await, third, "removed under a running daemon");
}

#[tokio::test]
async fn upstreams_that_cannot_be_used_say_so() {
    let world = World::new();
    world.git("", &["init", "-q", "--bare", "--object-format=sha256", "long.git"]);
    world.git("", &["init", "-q", "--object-format=sha256", "long"]);
    let cache = world.open(&world.text("long.git"), &["main"]).await.unwrap();
    fs::write(Path::new(&world.text("long/a")), b"1").unwrap();
    world.git("long", &["add", "a"]);
    world.git("long", &["commit", "-q", "-m", "x"]);
    world.git("long", &["push", "-q", "../long.git", "HEAD:main"]);
    let error = look(&cache).await.unwrap_err();
    assert!(matches!(error, GitError::Unsupported { .. }), "{error}");

    world.git("up.git", &["config", "core.repositoryFormatVersion", "1"]);
    world.git("up.git", &["config", "extensions.tables", "yes"]);
    let error = look(&world.cache().await).await.unwrap_err();
    assert!(matches!(error, GitError::Unsupported { .. }), "{error}");

    let gone = world.open(&world.text("gone.git"), &["main"]).await.unwrap();
    let error = look(&gone).await.unwrap_err();
    assert!(
        matches!(error, GitError::Unreachable { .. }) && error.to_string().contains("gone.git"),
        "{error}"
    );
    for url in ["https://u:s3cret@h/x", "--upload-pack=x", "ext::sh -c true\n", ""] {
        let error = world.open(url, &["main"]).await.err().unwrap();
        assert!(
            matches!(error, GitError::Unsupported { .. }) && !error.to_string().contains("s3cret"),
            "{error}"
        );
    }
    let program = world.open("ext::sh -c true", &["main"]).await.unwrap();
    assert!(matches!(look(&program).await, Err(GitError::Unsupported { .. })));
}

/// Answers every request alike, and returns those that came until nobody waits any more.
async fn answering(
    listener: &tokio::net::TcpListener,
    answer: &str,
    until: impl Future<Output = Result<Refs, GitError>>,
) -> (Vec<String>, Result<Refs, GitError>) {
    let mut seen = Vec::new();
    let mut until = std::pin::pin!(until);
    loop {
        let (mut stream, _) = tokio::select! {
            result = &mut until => return (seen, result),
            accepted = listener.accept() => accepted.unwrap(),
        };
        let mut request = vec![0; 8192];
        let read = stream.read(&mut request).await.unwrap();
        seen.push(String::from_utf8_lossy(&request[..read]).into_owned());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn a_token_goes_from_its_file_to_its_origin_alone() {
    let mut world = World::new();
    let token = world.at.path().join("it's a token");
    fs::write(&token, b"s3cret\n").unwrap();
    world.credentials.token_file = Some((token, "x-access-token".to_owned()));
    world.credentials.token = Some("s3cret".to_owned().into());
    let [listener, other, proxy] =
        [(); 3].map(|()| async { tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap() });
    let (listener, other, proxy) = (listener.await, other.await, proxy.await);
    // What is sent to this machine in the clear takes no way round.
    world.extra.push(("http_proxy", format!("http://{}", proxy.local_addr().unwrap())));
    let url = format!("http://{}/x.git", listener.local_addr().unwrap());
    let cache = world.open(&url, &["main"]).await.unwrap();

    let no = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Type: text/plain\r\nContent-Length: 17\r\n\
              Connection: close\r\n\r\ns3cret is no good\n";
    let (seen, result) = answering(&listener, no, look(&cache)).await;
    let sent = |request: &&String| request.contains("Authorization: Basic eC1hY2Nlc3MtdG9rZW46czNjcmV0");
    assert!(!seen[0].contains("Authorization") && seen.iter().any(|request| sent(&request)), "{seen:?}");
    assert!(matches!(result, Err(GitError::Unauthorized { .. })), "{result:?}");
    assert!(!format!("{result:?}").contains("s3cret"));

    // The words of an error are shown, without the token.
    let wrong = no.replace("401 No", "403 No").replace("WWW-Authenticate: Basic realm=x\r\n", "");
    let (_, result) = answering(&listener, &wrong, look(&cache)).await;
    let told = result.unwrap_err().to_string();
    assert!(told.contains("[cut] is no good") && !told.contains("s3cret"), "{told}");

    let away = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{}/x.git/info/refs?service=git-upload-pack\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n",
        other.local_addr().unwrap()
    );
    let (_, result) = answering(&listener, &away, look(&cache)).await;
    assert!(result.is_err(), "{result:?}");
    for (name, uncalled) in [("the target of a redirect", other), ("the proxy", proxy)] {
        let called = tokio::time::timeout(Duration::ZERO, uncalled.accept()).await;
        assert!(called.is_err(), "{name} was asked");
    }
}

#[tokio::test]
async fn what_is_pushed_to_this_machine_has_the_users_permissions() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = World::new();
    let first = world.user_commits("main", &[("a", Some("a"))]);
    let variables = [
        (OsString::from("PATH"), std::env::var_os("PATH").unwrap()),
        (OsString::from("HOME"), world.at.path().join("home").into_os_string()),
    ];
    for (umask, mode) in [(0o002, 0o664), (0o077, 0o600)] {
        let environment = Environment::new(variables.clone(), &[]).with_umask(Some(umask));
        let git = Git::install(&world.at.path().join("state"), environment).await.unwrap();
        for url in [world.text("up.git"), format!("file://{}", world.text("up.git"))] {
            let settings = Settings { url, ..world.cache().await.0.settings.clone() };
            let cache = Cache::open(git.clone(), settings).await.unwrap();
            look(&cache).await.unwrap();
            let name = format!("new-{umask:o}-{}", cache.url().contains(':'));
            cache.push(first, &branch(&name)).await.unwrap();
            let pushed = std::fs::metadata(world.at.path().join("up.git/refs/heads").join(&name)).unwrap();
            assert_eq!(pushed.permissions().mode() & 0o777, mode, "{name}");
        }
    }
}

#[tokio::test]
async fn many_packs_are_joined_and_nothing_is_lost() {
    let world = World::new();
    let cache = world.cache().await;
    assert!(!cache.maintenance().await.unwrap());
    let mut ids = Vec::new();
    for content in 0..51_u8 {
        let mut pack = PackWriter::new();
        ids.push(pack.add(&[content]).unwrap());
        cache.work(move |objects| objects.store(&pack)).await.unwrap();
    }
    assert!(cache.maintenance().await.unwrap());
    assert!(!cache.maintenance().await.unwrap());
    assert!(cache.missing(ids.clone()).await.unwrap().is_empty());
    assert_eq!(cache.blobs(ids).await.unwrap().concat(), (0..51).collect::<Vec<u8>>());
}

#[test]
fn branch_names_are_refused_as_git_refuses_them() {
    let world = World::new();
    for name in [
        "a", "a/b", "a.lock", "a..b", "a b", "-a", "@", "a@{b", "a/", "/a", "a//b", ".a", "a.", "ü", "a\\b",
        "a^",
    ] {
        let judged = Command::new("git")
            .args(["check-ref-format", "--branch", name])
            .current_dir(world.at.path())
            .output()
            .unwrap();
        assert_eq!(BranchName::parse(name).is_ok(), judged.status.success() && name != "@", "{name}");
    }
}

#[tokio::test]
async fn what_a_path_once_held_is_found_in_the_newer_history_alone() {
    let world = World::new();
    let first = world.user_commits("main", &[("p/a.recipe.json", Some("1")), ("p/b.recipe.json", Some("x"))]);
    let second = world.user_commits("main", &[("p/a.recipe.json", Some("2"))]);
    let third = world.user_commits("main", &[("p/a.recipe.json", Some("3"))]);
    let cache = world.open(&world.text("up.git"), &["main"]).await.unwrap();
    cache.refresh(Duration::ZERO, Instant::now()).await.unwrap();
    let path = RepoPath::parse("p").unwrap();
    let file = PackagePath::parse("a.recipe.json").unwrap();
    let held = async |since, text: &str| {
        let files = BTreeMap::from([(file.clone(), blob_id(text.as_bytes()).unwrap())]);
        !cache.held_since(since, third, &path, files).await.unwrap().is_empty()
    };
    assert!(held(first, "2").await && held(first, "3").await);
    assert!(!held(first, "1").await, "what was there before does not count");
    assert!(!held(second, "2").await && !held(first, "4").await);
    let info = cache.commit_info(third).await.unwrap();
    assert_eq!((info.author.as_str(), info.subject.as_str()), ("U <u@x>", "by hand"));
}

#[tokio::test]
async fn a_person_works_in_a_tree_that_pushes_arrive_in() {
    let world = World::new();
    world.cache().await;
    // Neither a home nor a name on this machine.
    let nobody = Environment::new([("PATH".into(), std::env::var_os("PATH").unwrap())], &[]);
    let git = Git::install(&world.at.path().join("state"), nobody).await.unwrap();
    let tree = WorkTree::init(&git, &world.at.path().join("tree"), &branch("main")).await.unwrap();
    assert_eq!(tree.tip().await.unwrap(), None);

    let cache = world.open(&world.text("tree"), &["main"]).await.unwrap();
    let first = commit(&cache, None, "o", &[("a.json", Some("1\n"))]).await.unwrap().unwrap();
    cache.push(first, &branch("main")).await.unwrap();
    assert_eq!(tree.tip().await.unwrap(), Some(first));
    let file = tree.folder().join("o/a.json");
    assert_eq!(fs::read_text(&file, 9).unwrap(), "1\n", "the push is checked out");

    let ada = Author::parse("Ada <ada@example.com>").unwrap();
    assert!(matches!(tree.commit(&ada, "nothing").await, Err(GitError::Unsupported { .. })));
    fs::write(&file, b"2\n").unwrap();
    let second = tree.commit(&ada, "two").await.unwrap();
    assert_eq!(tree.parent(second).await.unwrap(), Some(first));
    assert_eq!(tree.parent(first).await.unwrap(), None);
    let info = tree.commit_info(second).await.unwrap();
    assert_eq!((info.author.as_str(), info.subject.as_str()), ("Ada <ada@example.com>", "two"));
    let files = tree.files(second, &folder("o")).await.unwrap();
    assert_eq!(files[&PackagePath::parse("a.json").unwrap()], b"2\n");

    fs::write(&file, b"3\n").unwrap();
    let third = commit(&cache, Some(first), "o", &[("b.json", Some("1\n"))]).await.unwrap().unwrap();
    assert!(matches!(cache.push(third, &branch("main")).await, Err(GitError::Raced { .. })));
    assert_eq!(tip(&cache).await, second);
    let fourth = commit(&cache, Some(second), "o", &[("b.json", Some("1\n"))]).await.unwrap().unwrap();
    let refused = cache.push(fourth, &branch("main")).await.unwrap_err();
    assert!(
        matches!(refused, GitError::Refused { .. }),
        "what is not committed is not overwritten: {refused}"
    );
    insta::assert_snapshot!(refused.hint().unwrap(), @"commit or stash what was changed in the upstream's working tree");
}
