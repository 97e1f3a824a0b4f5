//! Secrets under the worst of conditions: every kind of them, at the most talkative, through acts and faults, with every
//! child of ours looked at; and who can read what is written.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::process::Signal;

use super::canary::{GIT_TOKEN, KEY, LINK, SSH_KEY, TOKEN, no_secret};
use super::daemon_stage::{Stage, recipe, wait_for};
use super::smart_http::SmartHttp;

/// Marks all processes of a stage, whatever they are.
const MARK: &str = "STAGE_OF_SECRETS";

/// `x-access-token` and the upstream's token, as basic authentication has them.
const BASIC: &str = "Basic eC1hY2Nlc3MtdG9rZW46Y2FuYXJ5MG9mMHRoZTB1cHN0cmVhbTc3";

/// Writes down who was started with what, then is the program itself; for `ssh` the upstream's side of it.
const RECORDER: &str = r#"#!/bin/sh
{ printf '\n== %s\n' "$0"; printf '%s\n' "$@"; tr '\0' '\n' </proc/$$/environ; } >>"STAGE/children"
case "${0##*/}" in
ssh) for last; do :; done; exec sh -c "$last" ;;
*) exec "REAL/${0##*/}" "$@" ;;
esac
"#;

/// A stage with one project for each kind of secret, and a recorder before each program that git starts.
fn stage() -> (Stage, SmartHttp) {
    let mut stage = Stage::new();
    stage.workspace_by_email("old", "OLD_TOKEN");
    for workspace in ["dev", "old"] {
        stage.world(workspace, |world| (world.settings.export_polls, world.settings.import_polls) = (0, 0));
    }
    for name in ["web", "vault"] {
        stage.repository(name, "1s");
    }
    let server = SmartHttp::serve(stage.path("."), BASIC);
    stage.write("web.token", GIT_TOKEN);
    stage.write("deploy_key", SSH_KEY);
    std::fs::set_permissions(stage.path("deploy_key"), PermissionsExt::from_mode(0o600)).unwrap();
    stage.project("orders", "dev", "recipes", "1s");
    stage.project("billing", "old", "web", "1s");
    stage.project("stock", "dev", "vault", "1s");
    let vault = stage.path("vault.git");
    stage.configure(|config| {
        let web = format!("url = \"{}/web.git\"\ntoken_file = \"web.token\"", server.url);
        let vault = format!("url = \"git@vault.example:{}\"\nssh_key_file = \"deploy_key\"", vault.display());
        let config = config.replace("email =", "requests_per_minute = 10000\nemail =");
        let config = config.replace(
            "token_file = \"dev.token\"\n",
            "token_file = \"dev.token\"\nrequests_per_minute = 10000\n",
        );
        config.replace("url = \"web.git\"", &web).replace("url = \"vault.git\"", &vault)
    });

    let real = stage.git(".", &["--exec-path"]);
    let script = RECORDER.replace("STAGE", &stage.path(".").to_string_lossy()).replace("REAL", &real);
    for name in ["bin/git", "bin/ssh", "libexec/git-remote-http", "libexec/git-remote-https"] {
        stage.write(name, &script);
        std::fs::set_permissions(stage.path(name), PermissionsExt::from_mode(0o755)).unwrap();
    }
    for name in std::fs::read_dir(&real).unwrap().map(|entry| entry.unwrap().file_name()) {
        // The recorders have taken the others' names.
        std::os::unix::fs::symlink(Path::new(&real).join(&name), stage.path("libexec").join(&name)).ok();
    }
    stage.variable("PATH", &format!("{}:{}", stage.path("bin").display(), env!("PATH")));
    stage.variable("GIT_EXEC_PATH", stage.path("libexec").to_str().unwrap());
    stage.variable("OLD_TOKEN", KEY);
    stage.variable(MARK, stage.path(".").to_str().unwrap());
    (stage, server)
}

/// Looks at every process of a stage again and again; those too quick for it are the recorders' business.
struct Lookout {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<BTreeSet<String>>,
}

impl Lookout {
    fn new(stage: &Stage) -> Self {
        let mark = format!("{MARK}={}", stage.path(".").display());
        let ended = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !until.load(Ordering::SeqCst) {
                look_around(&mark, &mut seen);
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            seen
        });
        Self { ended, thread }
    }

    /// Returns which programs it has seen.
    fn end(self) -> BTreeSet<String> {
        self.ended.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "what everybody on the machine could see")]
fn look_around(mark: &str, seen: &mut BTreeSet<String>) {
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let read = |name: &str| std::fs::read(process.path().join(name)).unwrap_or_default();
        let environment = read("environ");
        if !String::from_utf8_lossy(&environment).contains(mark) {
            continue;
        }
        let line = read("cmdline");
        let program = String::from_utf8_lossy(line.split(|byte| *byte == 0).next().unwrap()).into_owned();
        let name = program.rsplit('/').next().unwrap().to_owned();
        if name.is_empty() {
            continue; // it has just ended, and its variables were ours
        }
        no_secret("a command line", &line);
        // We were given a token in ours.
        if name != "recipesync" {
            no_secret(&format!("the environment of {name}"), &environment);
        }
        seen.insert(name);
    }
}

#[test]
fn no_secret_comes_out_at_the_most_talkative_through_acts_and_faults() {
    let (stage, server) = stage();
    let lookout = Lookout::new(&stage);
    let outcome = stage.run(&["sync", "-vvv"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let projects = [("orders", "dev", "recipes"), ("billing", "old", "web"), ("stock", "dev", "vault")];
    for format in ["text", "json", "journald"] {
        let daemon = stage.launch_as(&["run", "-vvv", "--log-format", format], &[]);
        daemon.until("READY=1", 1);
        for (project, workspace, repository) in projects {
            stage.edit(workspace, project, "intake", &format!("edited-{format}"));
            let file = format!("{project}/report.recipe.json");
            stage.commit(repository, &file, &recipe("report", &format!("committed-{format}")));
        }
        for (project, workspace, repository) in projects {
            let (edited, committed) = (format!("edited-{format}"), format!("committed-{format}"));
            let file = format!("{project}/intake.recipe.json");
            wait_for("the export", || stage.upstream_has(repository, &file, &edited));
            wait_for("the import", || stage.workspace_has(workspace, project, "report", &committed));
        }
        daemon.stop();
    }
    assert!(server.let_in() > 5, "the token did reach its origin");
    through_faults(&stage, &server);
    for command in [&["plan"][..], &["status"], &["status", "--json"], &["check", "--online"], &["check"]] {
        stage.run(&[command, &["-vvv"]].concat());
    }
    for (project, ..) in projects {
        stage.run(&["history", project, "-vvv"]);
        stage.run(&["history", project, "--json"]);
    }
    let seen = lookout.end();
    assert!(seen.contains("recipesync") && seen.len() > 2, "{seen:?}");
    let children = recipesync::fs::read_text(&stage.path("children"), 256 << 20).unwrap();
    for started in ["bin/git", "bin/ssh", "libexec/git-remote-http"] {
        assert!(children.contains(&format!("{started}\n")), "no {started} was seen");
    }
    for kept_back in ["OLD_TOKEN", "NOTIFY_SOCKET"] {
        assert!(!children.contains(kept_back), "a child has seen {kept_back}");
    }
    assert_eq!(stage.world("dev", |world| world.leaks()), 0);
    assert!(recipesync::fs::is_vacant(&stage.path("tmp")).unwrap(), "a temporary file was left");
}

/// Lets the workspace, the store and the upstream repeat what they know in every answer that is shown.
fn through_faults(stage: &Stage, server: &SmartHttp) {
    let words = format!("{TOKEN} is bad; see https://store.example/a.zip?X-Amz-Signature={LINK}&x=1");
    let quoted = serde_json::to_string(&words).unwrap();
    let link = format!("https://127.0.0.1:9/a.zip?X-Amz-Signature={LINK}");
    let mut told = String::new();
    for (on, then) in [
        ("export.start", format!(r#"{{"status":{{"code":401,"body":{{"message":{quoted}}}}}}}"#)),
        ("export.start", format!(r#"{{"status":{{"code":403,"body":{quoted}}}}}"#)),
        ("export.start", format!(r#"{{"status":{{"code":422,"body":{{"errors":[{quoted}]}}}}}}"#)),
        ("export.start", format!(r#"{{"status":{{"code":500,"body":{quoted}}}}}"#)),
        ("assets.list", format!(r#"{{"status":{{"code":200,"body":{quoted}}}}}"#)),
        ("export.start", format!(r#"{{"fail":{{"error":{quoted}}}}}"#)),
        ("export.start", format!(r#"{{"download_url":{{"text":"{link}"}}}}"#)),
        ("download", format!(r#"{{"redirect":{{"to":"{link}"}}}}"#)),
        (
            "download",
            format!(r#"{{"redirect":{{"to":"{}"}}}}"#, link.replace("https://127.0.0.1", "http://10.9.8.7")),
        ),
        ("store.get", format!(r#"{{"status":{{"code":403,"body":{quoted}}}}}"#)),
        ("store.get", r#"{"redirect":{"to":"again"}}"#.to_owned()),
    ] {
        stage.fault("dev", &format!(r#"{{"on":{on:?},"times":1,"then":{then}}}"#));
        let outcome = stage.run(&["sync", "orders", "--full", "-vvv", "--give-up-after", "1ms"]);
        told += &outcome.stderr;
        stage.world("dev", |world| world.faults.clear());
    }
    stage.commit("recipes", "orders/report.recipe.json", &recipe("report", "refused"));
    let fails = format!(r#"{{"on":"import.start","times":1,"then":{{"fail":{{"error":{quoted}}}}}}}"#);
    stage.fault("dev", &fails);
    told += &stage.run(&["sync", "orders", "-vvv"]).stderr;
    let status = stage.status("orders");
    let reason = status["last_import"]["reason"].as_str().unwrap();
    assert!(reason.contains("[cut]"), "{status:#}");

    let legacy = format!(
        r#"{{"on":"export.start","times":1,"then":{{"status":{{"code":422,"body":"no {KEY}, no"}}}}}}"#
    );
    stage.fault("old", &legacy);
    told += &stage.run(&["sync", "billing", "--full", "-vvv"]).stderr;

    server.refuse(Some(&format!("no, not with {GIT_TOKEN}\n")));
    told += &stage.run(&["sync", "billing", "-vvv", "--give-up-after", "1ms"]).stderr;
    server.refuse(None);
    let hook = format!("#!/bin/sh\necho 'you sent {GIT_TOKEN}' >&2\nexit 1\n");
    stage.write("web.git/hooks/pre-receive", &hook);
    std::fs::set_permissions(stage.path("web.git/hooks/pre-receive"), PermissionsExt::from_mode(0o755))
        .unwrap();
    stage.edit("old", "billing", "intake", "not to be pushed");
    let refused = stage.run(&["sync", "billing", "-vvv"]).stderr;
    assert!(refused.contains("you sent [cut]"), "{refused}");
    recipesync::fs::remove_file(&stage.path("web.git/hooks/pre-receive")).unwrap();
    for words in [
        "[cut] is bad; see https://store.example/a.zip[cut]",
        "no [cut], no",
        "no, not with [cut]",
        "10.9.8.7",
    ] {
        assert!(told.contains(words), "{words} is not in: {told}");
    }
}

/// Returns whatever below a folder, itself included, others than its owner can do anything with.
fn open_to_others(path: &Path) -> Vec<String> {
    let metadata = path.symlink_metadata().unwrap();
    let mode = metadata.permissions().mode();
    let mut open: Vec<String> =
        (mode & 0o077 != 0).then(|| format!("{mode:o} {}", path.display())).into_iter().collect();
    if metadata.is_dir() {
        open.extend(
            std::fs::read_dir(path).unwrap().flat_map(|entry| open_to_others(&entry.unwrap().path())),
        );
    }
    open
}

#[test]
fn what_is_written_is_its_owners_alone_whatever_the_umask_is() {
    for umask in ["000", "077", "022"] {
        let mut stage = Stage::new();
        stage.project("orders", "dev", "recipes", "1s");
        stage.save_config();
        let shell = format!("umask {umask}");
        let ran = |arguments: &[&str]| stage.command_under(&shell, arguments).output().unwrap();
        assert_eq!(ran(&["sync"]).status.code(), Some(0));
        let daemon = stage.launch_under(&shell, &["run"]);
        daemon.until("READY=1", 1);
        stage.commit("recipes", "orders/intake.recipe.json", &recipe("intake", "imported"));
        stage.edit("dev", "orders", "report", "exported");
        wait_for("the import", || stage.workspace_has("dev", "orders", "intake", "imported"));
        wait_for("the export", || stage.upstream_has("recipes", "orders/report.recipe.json", "exported"));
        // While the database has its files beside it.
        assert_eq!(open_to_others(&stage.path("state")), Vec::<String>::new(), "umask {umask}");
        ran(&["resolve", "orders", "--take", "branch"]);
        ran(&["plan"]);
        ran(&["check", "--online"]);
        daemon.stop();
        assert_eq!(open_to_others(&stage.path("state")), Vec::<String>::new(), "umask {umask}");

        // What belongs to others as well has the permissions that they expect.
        let mode = |path: &str| std::fs::metadata(stage.path(path)).unwrap().permissions().mode() & 0o777;
        let expected = 0o666 & !u32::from_str_radix(umask, 8).unwrap();
        assert_eq!(mode("recipes.git/refs/heads/main"), expected, "umask {umask}");
        recipesync::fs::write_new(&stage.path("in/a.recipe.json"), b"{}").unwrap();
        assert_eq!(ran(&["pack", "in", "x.zip"]).status.code(), Some(0));
        assert_eq!(ran(&["unpack", "x.zip", "out"]).status.code(), Some(0));
        assert_eq!(mode("out/a.recipe.json"), expected, "umask {umask}");
    }
}

#[test]
fn a_daemon_that_dies_leaves_no_core_and_nobody_looks_into_a_live_one() {
    let mut stage = Stage::new();
    stage.project("orders", "dev", "recipes", "1h");
    stage.save_config();
    // Where the machine allows no core at all, this shows less.
    let mut daemon = stage.launch_under("ulimit -c unlimited 2>/dev/null", &["run"]);
    daemon.until("READY=1", 1);
    let limits = format!("/proc/{}/limits", daemon.id());
    let limits = recipesync::fs::read_text(Path::new(&limits), 1 << 16).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(
        core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(),
        ["0", "0"],
        "children inherit it"
    );
    // The kernel gives the memory of who may not be dumped to root; where we are root that says nothing.
    daemon.signal(Signal::ABORT);
    let (status, _) = daemon.end();
    assert!(status.signal() == Some(6) && !status.core_dumped(), "{status}");
}

#[test]
fn a_secret_is_taken_from_a_file_of_one_line_and_from_nothing_else() {
    let mut stage = Stage::new();
    stage.project("orders", "dev", "recipes", "1h");
    stage.save_config();
    let check = |what: &str, good: bool, says: &str| {
        let outcome = stage.run(&["check"]);
        assert_eq!(outcome.code, Some(if good { 0 } else { 78 }), "{what}: {outcome:?}");
        assert!(outcome.stderr.contains(says), "{what}: {outcome:?}");
    };
    let token = stage.path("dev.token");
    for (what, text, good, says) in [
        ("a newline at the end", format!("{TOKEN}\n"), true, ""),
        ("a carriage return", format!("{TOKEN}\r\n"), true, ""),
        ("nothing", String::new(), false, "the token is empty"),
        ("a newline alone", "\n".to_owned(), false, "the token is empty"),
        ("two lines", format!("{TOKEN}\n{TOKEN}\n"), false, "more than one line"),
        ("a space", format!(" {TOKEN}"), false, "holds a space"),
        ("a control character", format!("{TOKEN}\0"), false, "that no token has"),
        ("too much", "a".repeat(70_000), false, "larger than"),
    ] {
        recipesync::fs::write(&token, text.as_bytes()).unwrap();
        check(what, good, says);
    }
    recipesync::fs::write(&token, b"\xff\xfe\x00").unwrap();
    check("bytes", false, "is not UTF-8");
    recipesync::fs::write(&stage.path("elsewhere.token"), TOKEN.as_bytes()).unwrap();
    recipesync::fs::remove_file(&token).unwrap();
    std::os::unix::fs::symlink("elsewhere.token", &token).unwrap();
    check("a link", true, "");
    std::fs::set_permissions(&token, PermissionsExt::from_mode(0o640)).unwrap();
    check("a file that the group can read", true, "others can read");
    recipesync::fs::remove_file(&token).unwrap();
    check("no file", false, "No such file");
    recipesync::fs::create_folder(&token).unwrap();
    check("a folder", false, "directory");
}
