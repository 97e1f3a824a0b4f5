//! The stage for stories: a workspace, an upstream and a configuration, and the real binary between them.
//!
//! What people do is done here as they would do it: in the workspace's editor, or by a clone, a commit and a push.
//! What a story asserts is read from the workspace and the upstream themselves, or from what the binary prints.

mod config;
mod repository;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use recipesync::emulator::{self, Fault, Import, Options, Running, SeedSource, World};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::canary::{KEY, no_secret, search};

pub(crate) use config::Pairing;
pub(crate) use repository::Repository;

/// The project of the workspace that stories are about.
pub(crate) const PROJECT: &str = "Orders";

/// Where a story plays.
pub(crate) struct Stage {
    /// What people see of git.
    pub(crate) upstream: Repository,
    pairings: Vec<(String, Pairing)>,
    folder: TempDir,
    runtime: Runtime,
    pub(crate) emulator: Running,
}

/// A running binary; it is killed where a story ends before it does.
pub(crate) struct Process(Child);

impl Process {
    /// Waits for its end, and returns its exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }

    /// Returns whether it has come to its end.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// How a run of the binary ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// Its results.
    pub(crate) stdout: String,
    /// Its log.
    pub(crate) stderr: String,
}

impl Stage {
    /// Sets up an empty upstream and a workspace whose project holds these files, paired as said.
    pub(crate) fn new(pairing: Pairing, workspace: &[(&str, String)]) -> Self {
        // The first of the tests installs it, the others find it there.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let files = workspace.iter().map(|(path, text)| ((*path).to_owned(), text.clone().into_bytes()));
        let seeds = vec![(PROJECT.to_owned(), SeedSource::Files(files.collect()))];
        let mut options = Options { seeds, token: KEY.to_owned().into(), ..Options::default() };
        if let Some(settings) = &mut options.settings {
            // Jobs that are complete at once are not waited for.
            settings.export_polls = 0;
            settings.import_polls = 0;
        }
        let emulator = runtime.block_on(emulator::serve(options)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let upstream = Repository::create(folder.path());
        let pairings = vec![("orders".to_owned(), pairing)];
        let stage = Self { upstream, pairings, folder, runtime, emulator };
        recipesync::fs::write(&stage.path("dev.token"), format!("{KEY}\n").as_bytes()).unwrap();
        recipesync::fs::create_folder(&stage.path("tmp")).unwrap();
        stage.write_config();
        stage
    }

    /// Sets up a project on one branch whose two sides were brought to agree on these files.
    pub(crate) fn in_sync(pairing: Pairing, files: &[(&str, String)]) -> Self {
        let stage = Self::new(pairing, files);
        stage.sync().expect(0, "in_sync");
        stage
    }

    /// Changes how the project is paired, from the next run on.
    pub(crate) fn pair(&mut self, change: impl FnOnce(&mut Pairing)) {
        change(&mut self.pairings[0].1);
        self.write_config();
    }

    /// Gives the project another name in the configuration.
    pub(crate) fn rename_project(&mut self, name: &str) {
        name.clone_into(&mut self.pairings[0].0);
        self.write_config();
    }

    /// Puts an upstream with a working tree, on `main`, in place of the bare one.
    pub(crate) fn give_upstream_a_working_tree(&mut self) {
        self.upstream = Repository::create_with_working_tree(self.folder.path());
        self.write_config();
    }

    /// Adds another project of the configuration and of the workspace.
    pub(crate) fn add_project(&mut self, name: &str, pairing: Pairing, workspace: &[(&str, String)]) {
        let now = self.emulator.now();
        let files = workspace.iter().map(|(path, text)| ((*path).to_owned(), text.clone().into_bytes()));
        self.world(|world| world.create_project(&pairing.project, files, now)).unwrap();
        self.pairings.push((name.to_owned(), pairing));
        self.write_config();
    }

    fn write_config(&self) {
        let folder = |project: &str| self.world(|world| world.project(project)).unwrap();
        let text = config::text(&self.emulator.url(), self.upstream.url(), &self.pairings, folder);
        recipesync::fs::write(&self.path("recipesync.toml"), text.as_bytes()).unwrap();
    }

    /// Returns a path in the folder of the configuration.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        // As talkative as it gets, so that each story shows that no secret is told.
        let output = recipesync(self.folder.path(), arguments).arg("-vv").output().unwrap();
        no_secret("stdout", &output.stdout);
        no_secret("stderr", &output.stderr);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Starts the binary, and leaves it running.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Process {
        let mut command = recipesync(self.folder.path(), arguments);
        Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Starts the binary from a shell that has done something before, and leaves it running.
    #[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
    pub(crate) fn spawn_under(&self, shell: &str, arguments: &[&str]) -> Process {
        let mut command = with_surroundings(Command::new("/bin/sh"), self.folder.path());
        let binary = assert_cmd::cargo::cargo_bin!("recipesync");
        command.arg("-c").arg(format!("{shell}; exec \"$0\" \"$@\"")).arg(binary).args(arguments);
        Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Waits until something is so, half a minute at most.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, is_so: impl Fn() -> bool) {
        for _ in 0..3_000 {
            if is_so() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("waited for too long: {what}; {:#}", self.status());
    }

    /// Brings all projects to rest, and tells where the first one stands.
    pub(crate) fn sync(&self) -> Synced {
        self.sync_with(&[])
    }

    /// Does the same with further arguments.
    pub(crate) fn sync_with(&self, arguments: &[&str]) -> Synced {
        let outcome = self.run(&[&["sync"], arguments].concat());
        Synced { status: self.status(), outcome }
    }

    /// Returns the first project's entry of `status --json`.
    pub(crate) fn status(&self) -> Value {
        self.status_of("orders")
    }

    /// Returns a project's entry of `status --json`.
    pub(crate) fn status_of(&self, project: &str) -> Value {
        let outcome = self.run(&["status", "--json", project]);
        let all: Value = serde_json::from_str(&outcome.stdout).expect(&outcome.stderr);
        all[0].clone()
    }

    /// Looks at or changes the workspace.
    pub(crate) fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        self.emulator.world(look)
    }

    /// Returns a file of the workspace.
    pub(crate) fn workspace_file(&self, path: &str) -> Option<String> {
        let files = self.world(|world| world.files(PROJECT)).unwrap();
        files.get(path).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Writes a file of the workspace as it is.
    pub(crate) fn put_in_workspace(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let now = self.emulator.now();
        self.world(|world| world.put_file(PROJECT, path, bytes.as_ref().to_vec(), now)).unwrap();
    }

    /// Edits a recipe as a person does in the editor, which numbers its versions and sorts some of its keys.
    pub(crate) fn edit_in_workspace(&self, path: &str, edit: &Value) {
        let now = self.emulator.now();
        self.world(|world| {
            let id = world.asset(PROJECT, path)?;
            world.edit_recipe(id, edit.to_string().as_bytes(), now)
        })
        .unwrap();
    }

    /// Deletes an asset of the workspace.
    pub(crate) fn delete_in_workspace(&self, path: &str) {
        self.world(|world| world.delete_file(PROJECT, path)).unwrap();
    }

    /// Starts a recipe of the workspace.
    pub(crate) fn start_recipe(&self, path: &str) {
        let now = self.emulator.now();
        self.world(|world| world.asset(PROJECT, path).and_then(|id| world.start(id, now))).unwrap();
    }

    /// Commits a file of the project to a branch as a person does; returns the commit.
    pub(crate) fn commit(&self, branch: &str, path: &str, text: &str) -> String {
        self.upstream.commit(branch, &format!("Write {path}"), &[(&in_git(path), Some(text))])
    }

    /// Commits the deletion of a file of the project.
    pub(crate) fn delete_on_branch(&self, branch: &str, path: &str) -> String {
        self.upstream.commit(branch, &format!("Delete {path}"), &[(&in_git(path), None)])
    }

    /// Replaces a text in a file of the project, and commits it.
    pub(crate) fn edit_on_branch(&self, branch: &str, path: &str, from: &str, to: &str) -> String {
        let before = self.branch_file(branch, path).unwrap();
        let after = before.replace(from, to);
        assert_ne!(before, after, "{from} is not in {path}");
        self.upstream.commit(branch, &format!("Say {to}"), &[(&in_git(path), Some(&after))])
    }

    /// Returns a file of the project on a branch of the upstream.
    pub(crate) fn branch_file(&self, branch: &str, path: &str) -> Option<String> {
        self.upstream.file(branch, &in_git(path))
    }

    /// Sets one more fault, as the emulator's second surface takes it.
    pub(crate) fn fault(&self, fault: &Value) {
        let fault: Fault = serde_json::from_value(fault.clone()).unwrap();
        self.world(|world| world.faults.push(fault));
    }

    /// Returns the imports that the workspace was asked for, oldest first.
    pub(crate) fn imports(&self) -> Vec<Import> {
        self.world(|world| world.imports().map(|(_, import)| import.clone()).collect())
    }

    /// Returns the files of each import, oldest first.
    pub(crate) fn imported_paths(&self) -> Vec<Vec<String>> {
        let paths = |import: &Import| import.files.iter().map(|file| file.path.clone()).collect();
        self.imports().iter().map(paths).collect()
    }

    /// Returns how many requests to a route there were.
    pub(crate) fn requests(&self, route: &str) -> usize {
        self.world(|world| world.requests().filter(|seen| seen.route == route).count())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Connections may be open: the runtime must not wait for them.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        std::mem::replace(&mut self.runtime, runtime).shutdown_background();
        if !std::thread::panicking() {
            search(self.folder.path());
        }
    }
}

/// A finished `sync`, and where the project stands then.
#[derive(Debug)]
pub(crate) struct Synced {
    /// Its entry of `status --json`.
    pub(crate) status: Value,
    /// How the run ended.
    pub(crate) outcome: Outcome,
}

impl Synced {
    /// Asserts the exit code and the state, and shows everything where they differ.
    #[track_caller]
    pub(crate) fn expect(self, code: i32, state: &str) -> Self {
        let found = (self.outcome.code, self.status["state"].as_str().unwrap_or_default());
        assert_eq!(found, (Some(code), state), "{}\n{:#}", self.outcome.stderr, self.status);
        self
    }

    /// Returns a list of paths of the status.
    pub(crate) fn list(&self, key: &str) -> Vec<&str> {
        self.status[key].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect()
    }

    /// Returns why the project does not go on; empty where it does.
    pub(crate) fn reason(&self) -> &str {
        self.status["stalled"]["reason"].as_str().unwrap_or_default()
    }

    /// Returns the verdict on the last import; empty where there is none.
    pub(crate) fn verdict(&self) -> &str {
        self.status["last_import"]["verdict"].as_str().unwrap_or_default()
    }
}

/// Our binary, with a folder to work in and nothing of ours in its environment.
#[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
pub(crate) fn recipesync(folder: &Path, arguments: &[&str]) -> Command {
    let command = Command::new(assert_cmd::cargo::cargo_bin!("recipesync"));
    let mut command = with_surroundings(command, folder);
    command.args(arguments);
    command
}

/// Gives a command a folder to work in and nothing of ours in its environment.
fn with_surroundings(mut command: Command, folder: &Path) -> Command {
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    command.env("RECIPESYNC_CONFIG", "recipesync.toml").env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.env("TMPDIR", folder.join("tmp")).env("RUST_LOG", "trace");
    command
}

fn in_git(path: &str) -> String {
    format!("orders/{path}")
}

/// Returns what a recipe's step says, whatever else the file holds and however it is written.
pub(crate) fn said(recipe: Option<String>) -> Option<String> {
    let recipe: Value = serde_json::from_str(&recipe?).unwrap();
    Some(recipe["code"]["block"][0]["input"]["message"].as_str().unwrap().to_owned())
}

/// Returns a recipe as an export holds it: a trigger with a schedule, and one step that says the text.
pub(crate) fn recipe(name: &str, text: &str) -> String {
    format!(
        r#"{{"name":"{name}","version":1,"private":true,"concurrency":1,"code":{{"number":0,"provider":"clock","name":"scheduled_event","as":"c1","keyword":"trigger","input":{{"time_unit":"minutes","every":"5"}},"block":[{{"number":1,"provider":"logger","name":"log_message","as":"l1","keyword":"action","input":{{"message":"{text}"}},"uuid":"0c6f"}}],"uuid":"7a2b"}},"config":[{{"keyword":"application","provider":"clock","skip_validation":false,"account_id":null}}]}}"#
    )
}

/// Returns the edit that makes a recipe's step say another text.
pub(crate) fn says(text: &str) -> Value {
    serde_json::json!({ "step": 1, "input": { "message": text } })
}
