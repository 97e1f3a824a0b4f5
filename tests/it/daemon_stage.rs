//! A stage for the built binary: embedded workspaces in this process, real git, a folder with a configuration, and
//! daemons whose every word is kept and searched for secrets.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use recipesync::emulator::{self, Fault, Options, Running, Seen, World};
use rustix::process::{Pid, Signal, kill_process};

use crate::canary::{KEY, TOKEN, no_secret, search};

/// How long anything is waited for before the test fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until something is so.
pub(crate) fn wait_for(what: &str, is: impl FnMut() -> bool) {
    wait_within(DEADLINE, what, is);
}

/// Waits until something is so, for so long at most.
#[expect(clippy::disallowed_methods, reason = "a wait has a deadline")]
pub(crate) fn wait_within(deadline: Duration, what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns how long something took.
#[expect(clippy::disallowed_methods, reason = "some promises are about time")]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (work(), start.elapsed())
}

pub(crate) struct Stage {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    workspaces: BTreeMap<String, Running>,
    config: String,
    /// What our binary finds in its environment beside the usual.
    variables: Vec<(String, String)>,
}

/// What a finished run leaves.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Stage {
    /// Makes a stage with a workspace `dev`, an empty bare upstream `up.git` known as `recipes`, and no project.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut this = Self {
            folder,
            runtime,
            workspaces: BTreeMap::new(),
            config: "state_dir = \"state\"\n".to_owned(),
            variables: Vec::new(),
        };
        recipesync::fs::create_folder(&this.path("tmp")).unwrap();
        this.workspace("dev", "");
        this.repository("recipes", "1h");
        this
    }

    /// Adds an embedded workspace, with more lines for its configuration.
    pub(crate) fn workspace(&mut self, name: &str, more: &str) {
        self.write(&format!("{name}.token"), TOKEN);
        self.knows_workspace(name, TOKEN, &format!("token_file = \"{name}.token\"\n{more}"));
    }

    /// Adds one that knows the older pair of headers, its token in a variable.
    pub(crate) fn workspace_by_email(&mut self, name: &str, variable: &str) {
        self.knows_workspace(name, KEY, &format!("token_env = {variable:?}\nemail = \"ops@acme.example\""));
    }

    fn knows_workspace(&mut self, name: &str, token: &str, more: &str) {
        let mut settings = emulator::Settings::default();
        (settings.lifecycle_per_minute, settings.imports_per_hour) = (None, None);
        let options =
            Options { token: token.to_owned().into(), settings: Some(settings), ..Options::default() };
        let running = self.runtime.block_on(emulator::serve(options)).unwrap();
        let url = running.url();
        writeln!(self.config, "[workspace.{name}]\nurl = {url:?}\n{more}").unwrap();
        self.workspaces.insert(name.to_owned(), running);
    }

    /// Gives our binary one more variable, or another value of one.
    pub(crate) fn variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Adds a bare upstream with one commit on `main`, and its working clone `NAME`.
    pub(crate) fn repository(&mut self, name: &str, poll: &str) {
        let url = format!("{name}.git");
        self.git(".", &["init", "-q", "--bare", "-b", "main", &url]);
        self.git(".", &["clone", "-q", &url, name]);
        self.commit(name, "README.md", "hello\n");
        self.knows_repository(name, &url, poll);
    }

    /// Adds a repository to the configuration alone.
    pub(crate) fn knows_repository(&mut self, name: &str, url: &str, poll: &str) {
        writeln!(self.config, "[repository.{name}]\nurl = {url:?}\npoll = {poll:?}").unwrap();
    }

    /// Adds a project with two recipes to a workspace, and to the configuration, in both directions.
    pub(crate) fn project(&mut self, name: &str, workspace: &str, repository: &str, schedule: &str) {
        let id = self.seed(name, workspace);
        self.knows_project(name, workspace, repository, schedule, id);
    }

    /// Adds a project to a workspace alone, and returns its folder's number.
    pub(crate) fn seed(&self, name: &str, workspace: &str) -> u64 {
        let files = ["intake", "report"]
            .map(|stem| (format!("{stem}.recipe.json"), recipe(stem, "first").into_bytes()));
        let now = self.workspaces[workspace].now();
        self.world(workspace, |world| world.create_project(name, files, now).unwrap())
    }

    pub(crate) fn knows_project(
        &mut self,
        name: &str,
        workspace: &str,
        repository: &str,
        schedule: &str,
        id: u64,
    ) {
        writeln!(
            self.config,
            "[project.{name}]\nworkspace = {workspace:?}\nrepository = {repository:?}\npath = {name:?}\n\
             folder_id = {id}\nexport.branch = \"main\"\nexport.schedule = {schedule:?}\nimport.branch = \"main\""
        )
        .unwrap();
    }

    /// Changes the configuration.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&str) -> String) {
        self.config = change(&self.config);
        self.save_config();
    }

    pub(crate) fn save_config(&self) {
        self.write("recipesync.toml", &self.config);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own files")]
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs git in a folder of the stage, and returns what it prints.
    pub(crate) fn git(&self, folder: &str, arguments: &[&str]) -> String {
        self.try_git(folder, arguments).unwrap_or_else(|error| panic!("git {arguments:?}: {error}"))
    }

    #[expect(clippy::disallowed_methods, reason = "the people's own git")]
    fn try_git(&self, folder: &str, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=ann",
                "-c",
                "user.email=ann@acme.example",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(arguments)
            .current_dir(self.path(folder))
            .env_remove("GIT_DIR")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Commits a file in a working clone on top of what the upstream has, and pushes it.
    pub(crate) fn commit(&self, clone: &str, path: &str, text: &str) {
        // The daemon may push at the same time.
        wait_for("the push", || {
            self.git(clone, &["fetch", "-q", "origin"]);
            if !self.git(clone, &["branch", "-r"]).is_empty() {
                self.git(clone, &["reset", "-q", "--hard", "origin/main"]);
            }
            self.write(&format!("{clone}/{path}"), text);
            self.git(clone, &["add", "-A"]);
            self.git(clone, &["commit", "-q", "-m", &format!("change {path}")]);
            self.try_git(clone, &["push", "-q", "origin", "HEAD:main"]).is_ok()
        });
    }

    /// Returns a file of an upstream's main branch, if it is there.
    pub(crate) fn upstream_has(&self, repository: &str, path: &str, text: &str) -> bool {
        let names = self.git(&format!("{repository}.git"), &["ls-tree", "-r", "--name-only", "main"]);
        names.lines().any(|name| name == path)
            && self.git(&format!("{repository}.git"), &["show", &format!("main:{path}")]).contains(text)
    }

    /// Returns how many commits a branch has.
    pub(crate) fn commits(&self, repository: &str) -> usize {
        self.git(&format!("{repository}.git"), &["rev-list", "--count", "main"]).parse().unwrap()
    }

    pub(crate) fn world<T>(&self, workspace: &str, look: impl FnOnce(&mut World) -> T) -> T {
        self.workspaces[workspace].world(look)
    }

    /// Edits a recipe in a workspace.
    pub(crate) fn edit(&self, workspace: &str, project: &str, stem: &str, text: &str) {
        let now = self.workspaces[workspace].now();
        let path = format!("{stem}.recipe.json");
        self.world(workspace, |world| world.put_file(project, &path, recipe(stem, text), now).unwrap());
    }

    /// Returns whether a workspace's recipe says something.
    pub(crate) fn workspace_has(&self, workspace: &str, project: &str, stem: &str, text: &str) -> bool {
        let files = self.world(workspace, |world| world.files(project).unwrap());
        let file = files.get(&format!("{stem}.recipe.json"));
        file.is_some_and(|bytes| String::from_utf8_lossy(bytes).contains(text))
    }

    pub(crate) fn fault(&self, workspace: &str, json: &str) {
        let fault: Fault = serde_json::from_str(json).unwrap();
        self.world(workspace, |world| world.faults.push(fault));
    }

    /// Returns the requests of a route, a pattern without wildcards; all of them for "".
    pub(crate) fn requests(&self, workspace: &str, route: &str) -> Vec<Seen> {
        self.world(workspace, |world| {
            world.requests().filter(|seen| route.is_empty() || seen.route == route).cloned().collect()
        })
    }

    /// Returns our binary with the stage's folder to work in and almost nothing in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(assert_cmd::cargo::cargo_bin!("recipesync"));
        command.args(arguments);
        command
    }

    /// Returns the same, started by a shell that has done something before.
    pub(crate) fn command_under(&self, shell: &str, arguments: &[&str]) -> Command {
        let mut command = self.program(Path::new("/bin/sh"));
        let binary = assert_cmd::cargo::cargo_bin!("recipesync");
        command.arg("-c").arg(format!("{shell}; exec \"$0\" \"$@\"")).arg(binary).args(arguments);
        command
    }

    #[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
    fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env!("PATH"))
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.path("tmp"))
            .env("RUST_LOG", "trace")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("RECIPESYNC_CONFIG", "recipesync.toml")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let outcome =
            Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        no_secret("stdout", outcome.stdout.as_bytes());
        no_secret("stderr", outcome.stderr.as_bytes());
        outcome
    }

    /// Returns a project's object of `status --json`.
    pub(crate) fn status(&self, project: &str) -> serde_json::Value {
        let outcome = self.run(&["status", project, "--json"]);
        let all: serde_json::Value =
            serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error} in {outcome:?}"));
        all[0].clone()
    }

    /// Waits until a project is in a state.
    pub(crate) fn until(&self, project: &str, state: &str) {
        wait_for(&format!("{project} to be {state}"), || self.status(project)["state"] == state);
    }

    /// Starts the daemon, and waits until it says that it is ready.
    pub(crate) fn start(&self) -> Daemon {
        let daemon = self.launch(&[]);
        daemon.until("READY=1", 1);
        daemon
    }

    /// Starts the daemon with more variables in its environment.
    pub(crate) fn launch(&self, variables: &[(&str, &str)]) -> Daemon {
        self.launch_as(&["run", "-vv"], variables)
    }

    /// Starts the daemon with these arguments.
    pub(crate) fn launch_as(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Daemon {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        self.attend(command)
    }

    /// Starts the daemon by a shell that has done something before.
    pub(crate) fn launch_under(&self, shell: &str, arguments: &[&str]) -> Daemon {
        self.attend(self.command_under(shell, arguments))
    }

    /// Starts a daemon, and listens to all that it says.
    fn attend(&self, mut command: Command) -> Daemon {
        let address = self.path(&format!("notify-{}", fastrand::u32(..)));
        let socket = UnixDatagram::bind(&address).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut child = command
            .env("NOTIFY_SOCKET", &address)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let told = Arc::new(Mutex::new(Vec::new()));
        let (mut stderr, kept) = (child.stderr.take().unwrap(), Arc::clone(&log));
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut chunk) {
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..read]));
            }
        });
        Daemon { child: Some(child), log, told, socket, reader: Some(reader) }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        search(self.folder.path());
    }
}

/// Returns a recipe that says something.
pub(crate) fn recipe(name: &str, text: &str) -> String {
    format!(
        r#"{{"name":"{name}","description":"{text}","version":1,"private":true,"concurrency":1,"code":{{"number":0,"provider":"clock","name":"timer","as":"a1","keyword":"trigger","input":{{"every":"5"}},"block":[],"uuid":"u-{name}"}},"config":[]}}"#
    )
}

/// A running daemon; it is killed when this is dropped.
pub(crate) struct Daemon {
    child: Option<Child>,
    log: Arc<Mutex<String>>,
    told: Arc<Mutex<Vec<String>>>,
    socket: UnixDatagram,
    reader: Option<JoinHandle<()>>,
}

impl Daemon {
    /// Returns what it has told the service manager so far, a line each.
    pub(crate) fn told(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).unwrap();
        let mut told = self.told.lock().unwrap();
        let mut buffer = [0; 4096];
        while let Ok(read) = self.socket.recv(&mut buffer) {
            told.extend(String::from_utf8_lossy(&buffer[..read]).lines().map(str::to_owned));
        }
        told.clone()
    }

    /// Waits until it has told something so many times.
    pub(crate) fn until(&self, line: &str, times: usize) {
        wait_for(&format!("{line} in {:?}; log: {}", self.told(), self.log()), || {
            self.told().iter().filter(|told| *told == line).count() >= times
        });
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Returns its number among the processes.
    pub(crate) fn id(&self) -> i32 {
        i32::try_from(self.child.as_ref().unwrap().id()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.id()).unwrap(), signal).unwrap();
    }

    /// Waits for the end; the log must not hold a secret, nor a panic.
    pub(crate) fn end(&mut self) -> (ExitStatus, String) {
        let mut child = self.child.take().unwrap();
        let mut status = None;
        wait_for("the daemon to end", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        self.reader.take().unwrap().join().unwrap();
        let mut stdout = String::new();
        child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        assert_eq!(stdout, "", "a daemon has no results");
        let log = self.log();
        no_secret("the log", log.as_bytes());
        no_secret("what the service manager was told", self.told().concat().as_bytes());
        assert!(!log.contains("panicked"), "{log}");
        (status.unwrap(), log)
    }

    /// Ends it with SIGTERM, which takes less than five seconds, and returns its log.
    pub(crate) fn stop(mut self) -> String {
        self.signal(Signal::TERM);
        let ((status, log), took) = timed(|| self.end());
        assert_eq!(status.code(), Some(0), "{status}: {log}");
        assert!(took < Duration::from_secs(5), "{took:?}: {log}");
        log
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        self.signal(Signal::KILL);
        assert_eq!(self.end().0.signal(), Some(9));
    }
}

impl Drop for Daemon {
    #[expect(clippy::print_stdout, reason = "what a failed test shows")]
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
            if std::thread::panicking() {
                println!("the daemon's log:\n{}", self.log());
            }
        }
    }
}
