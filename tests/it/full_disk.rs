//! A disk that is really full: the state, or one repository's cache, on a small disk of its own, as long as the story
//! takes.
//!
//! Where the machine lets nobody mount a disk in a namespace of his own the story is not told, and says so.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::canary::{no_secret, search};
use super::daemon_stage::{Outcome, Stage, recipe, wait_for};
use super::disk::stage;

/// A small disk in the place of a folder, seen by those only that are let in; gone with this.
struct SmallDisk {
    /// Holds the namespaces open.
    holder: Child,
    folder: PathBuf,
    at: String,
}

impl SmallDisk {
    #[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "whoever runs the tests is told")]
    fn mount(stage: &Stage, at: &str, size: &str) -> Option<Self> {
        recipesync::fs::create_folder(&stage.path(at)).unwrap();
        let script = format!(
            "cp -a '{at}' '{kept}' && mount -t tmpfs -o mode=0700,size={size} small '{at}' && \
             cp -a '{kept}/.' '{at}' && echo mounted && exec cat",
            at = stage.path(at).display(),
            kept = stage.path("tmp/kept").display()
        );
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said != "mounted\n" {
            let why = holder.wait_with_output().unwrap().stderr;
            eprintln!("SKIPPED: no disk can be mounted here: {}", String::from_utf8_lossy(&why).trim());
            return None;
        }
        Some(Self { holder, folder: stage.path("."), at: at.to_owned() })
    }

    /// Returns what a shell does to let a command in.
    fn enter(&self) -> String {
        format!(
            "exec nsenter --target {} --user --mount --preserve-credentials sh -c 'cd {} && exec \"$0\" \"$@\"' \"$0\" \"$@\"",
            self.holder.id(),
            self.folder.display()
        )
    }

    /// Runs our binary on it.
    fn run(&self, stage: &Stage, arguments: &[&str]) -> Outcome {
        let output = stage.command_under(&self.enter(), arguments).output().unwrap();
        no_secret("stdout", &output.stdout);
        no_secret("stderr", &output.stderr);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Returns a project's object of `status --json`.
    fn status(&self, stage: &Stage) -> serde_json::Value {
        let outcome = self.run(stage, &["status", "orders", "--json"]);
        let all: serde_json::Value =
            serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error} in {outcome:?}"));
        all[0].clone()
    }

    /// Returns the disk's folder as it is seen from outside.
    fn inside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.folder.strip_prefix("/").unwrap()).join(&self.at)
    }

    /// Fills it up to the last byte, and then gives back so many.
    #[expect(clippy::disallowed_methods, reason = "something else that takes the room")]
    fn fill(&self, room: u64) {
        use std::io::Write as _;
        let mut filler = std::fs::File::create(self.inside().join("filler")).unwrap();
        let full = std::iter::repeat_with(|| filler.write_all(&[7; 4096])).find_map(Result::err).unwrap();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        let length = filler.metadata().unwrap().len();
        filler.set_len(length - room).unwrap();
    }

    /// Asks git whether all of the cache is whole.
    #[expect(clippy::disallowed_methods, reason = "git itself says so")]
    fn check_cache(&self, stage: &Stage) {
        let mut enter = Command::new("/bin/sh");
        let cache = stage.path("state/repos/recipes.git");
        let git = ["git", "--git-dir", cache.to_str().unwrap(), "fsck", "--no-dangling"];
        let output = enter.arg("-c").arg(self.enter()).args(git).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn clear(&self) {
        recipesync::fs::remove_file(&self.inside().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            search(&self.inside());
        }
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

#[test]
fn a_state_folder_without_room_is_said_and_loses_nothing() {
    let stage = stage();
    let Some(disk) = SmallDisk::mount(&stage, "state", "4m") else { return };
    let outcome = disk.run(&stage, &["sync"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let before = stage.commits("recipes");
    stage.edit("dev", "orders", "intake", "edited");
    stage.commit("recipes", "orders/report.recipe.json", &recipe("report", "committed"));
    let mut failed = 0;
    for blocks in [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96] {
        disk.fill(blocks * 4096);
        let outcome = disk.run(&stage, &["sync", "--give-up-after", "1ms"]);
        disk.clear();
        let said = &outcome.stderr;
        assert!(matches!(outcome.code, Some(0 | 1)) && !said.contains("panicked"), "{blocks}: {outcome:?}");
        if outcome.code == Some(1) {
            failed += 1;
            let told = ["disk is full", "disk I/O error", "No space left on device", "Out of diskspace"];
            assert!(told.iter().any(|words| said.contains(words)), "{blocks}: {said}");
            assert!(!said.contains("reach "), "the upstream is not to blame: {blocks}: {said}");
            assert!(said.contains("free space"), "{blocks}: {said}");
        }
        disk.check_cache(&stage);
    }
    assert!(failed > 3, "{failed} runs had too little room");

    disk.fill(0);
    let mut daemon = stage.launch_under(&disk.enter(), &["run"]);
    assert_eq!(daemon.end().0.code(), Some(1), "systemd starts it again");
    assert_eq!(daemon.told(), Vec::<String>::new(), "it never was ready");
    disk.clear();

    let outcome = disk.run(&stage, &["sync"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(stage.upstream_has("recipes", "orders/intake.recipe.json", "edited"));
    assert!(stage.workspace_has("dev", "orders", "report", "committed"));
    assert_eq!(stage.commits("recipes"), before + 2, "the person's commit and ours, once");
    assert_eq!(disk.status(&stage)["state"], "in_sync");
}

#[test]
fn a_cache_without_room_holds_up_its_own_projects_alone_until_there_is_some() {
    let mut stage = stage();
    stage.repository("second", "1h");
    stage.project("billing", "dev", "second", "1h");
    stage.save_config();
    assert_eq!(stage.run(&["sync"]).code, Some(0));
    let Some(disk) = SmallDisk::mount(&stage, "state/repos/recipes.git/objects", "1m") else { return };
    let daemon = stage.launch_under(&disk.enter(), &["run"]);
    for project in ["orders", "billing"] {
        stage.until(project, "in_sync");
    }
    let before = stage.commits("recipes");
    disk.fill(4096);
    stage.edit("dev", "orders", "intake", "edited");
    stage.edit("dev", "billing", "intake", "edited");
    stage.commit("recipes", "orders/report.recipe.json", &recipe("report", "committed"));
    daemon.signal(rustix::process::Signal::HUP);
    wait_for("the failure", || stage.status("orders")["failing"]["reason"].is_string());
    let failing = stage.status("orders")["failing"].clone();
    assert!(failing["reason"].as_str().unwrap().starts_with("use the disk or start git: "), "{failing}");
    assert!(failing["hint"].as_str().unwrap().contains("free space"), "{failing}");
    wait_for("the other one's export", || {
        stage.upstream_has("second", "billing/intake.recipe.json", "edited")
    });
    stage.until("billing", "in_sync");
    assert!(!stage.upstream_has("recipes", "orders/intake.recipe.json", "edited"));

    // What was fetched is as good as it was: it is not thrown away for want of room.
    assert!(disk.inside().join("filler").exists());
    disk.clear();
    wait_for("the export", || stage.upstream_has("recipes", "orders/intake.recipe.json", "edited"));
    wait_for("the import", || stage.workspace_has("dev", "orders", "report", "committed"));
    stage.until("orders", "in_sync");
    assert_eq!(stage.commits("recipes"), before + 2, "the person's commit and ours, once");
    let log = daemon.stop();
    assert!(!log.contains("made anew"), "{log}");
}
