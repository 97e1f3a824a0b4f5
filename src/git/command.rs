//! The one place that runs git, or any process.
//!
//! Every run is the same: never interactive, with a deadline, in its own process group that is killed whole when the
//! deadline passes or nobody waits any more, with what it prints bounded. What the user has configured counts
//! (credential helpers, ssh, proxies, `insteadOf`), except for what would run programs or push more than was asked.
//! Not here: what the output means (`wire`).

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::GitError;
use super::login::{Credentials, quoted, settings};
use super::url::is_on_this_machine;
use crate::fs::{self, FsError};

/// What is kept of each output, in bytes; the rest is read and dropped.
const MAX_OUTPUT_BYTES: usize = 1 << 20;
/// How long a grandchild that kept the output open (an ssh master connection) may hold up the end.
const DRAIN: Duration = Duration::from_millis(500);
/// The deadline of commands that touch neither network nor objects.
const QUICK: Duration = Duration::from_secs(20);
/// The oldest git with `GIT_CONFIG_GLOBAL` and `repack --geometric`.
const OLDEST: (u32, u32) = (2, 32);

/// Variables of git that a user sets for good reason; all others of git's would redirect our commands.
const KEPT: [&str; 5] =
    ["GIT_SSH", "GIT_SSH_VARIANT", "GIT_EXEC_PATH", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM"];
const KEPT_PREFIXES: [&str; 3] = ["GIT_SSL_", "GIT_HTTP_", "GIT_PROXY_"];

/// What is about our language, a window, or between our service manager and us.
const NOT_PASSED_ON: [&str; 8] = [
    "LANG",
    "LANGUAGE",
    "SSH_ASKPASS",
    "CREDENTIALS_DIRECTORY",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "RECIPESYNC_CONFIG",
];

/// What the user's configuration may not decide.
const SETTINGS: [&str; 19] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=true",
    "gc.auto=0",
    "maintenance.auto=false",
    "init.defaultRefFormat=files",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    // Packs are synced to the disk and there whole or not at all; loose objects are neither.
    "fetch.unpackLimit=1",
    "transfer.unpackLimit=1",
    "push.default=nothing",
    "push.recurseSubmodules=no",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.pushOption=",
    "push.useForceIfIncludes=false",
    "protocol.ext.allow=never",
    "repack.writeBitmaps=false",
    "color.ui=false",
];

/// The environment that children of ours see, read once by `main`.
#[derive(Clone)]
pub struct Environment {
    variables: Vec<(OsString, OsString)>,
    umask: Option<u32>,
}

impl Environment {
    /// Takes the process's variables, less those that hold secrets of ours.
    #[must_use]
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>, secret: &[&str]) -> Self {
        let is_secret = |name: &OsStr| secret.iter().any(|secret| name == *secret);
        let variables = variables.into_iter().filter(|(name, _)| !is_secret(name)).collect();
        Self { variables, umask: None }
    }

    /// Lets what is pushed to an upstream on this machine have the permissions that a mask allows, and not those of
    /// our own files: others work there.
    #[must_use]
    pub fn with_umask(self, umask: Option<u32>) -> Self {
        Self { umask, ..self }
    }

    fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_os_str())
    }

    /// Returns where the git that runs us has its repository, and what its command line has set.
    fn of_caller(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let is_its_own = |name: &OsStr| {
            let name = name.to_string_lossy();
            name.starts_with("GIT_CONFIG") || name == "GIT_DIR" || name == "GIT_COMMON_DIR"
        };
        let found = self.variables.iter().filter(move |(name, _)| is_its_own(name));
        found.map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    fn passed_on(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let is_ours = |name: &OsStr| {
            let text = name.to_string_lossy();
            let of_git = text.starts_with("GIT_") && !KEPT.contains(&&*text);
            of_git && !KEPT_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
                || text.starts_with("LC_")
                || NOT_PASSED_ON.contains(&&*text)
        };
        self.variables
            .iter()
            .filter(move |(name, _)| !is_ours(name))
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

/// The git command with the configuration of this program.
#[derive(Clone)]
pub struct Git(Arc<Installed>);

struct Installed {
    /// With its folder where there is one: what is looked up in `PATH` starts by a copy of this whole process.
    program: PathBuf,
    environment: Environment,
    /// Our own `gitconfig`.
    config: PathBuf,
    /// Whether the user has chosen an ssh command.
    has_ssh_command: bool,
}

impl Git {
    /// Writes the program's `gitconfig` into the state folder and makes sure that git is there and new enough.
    ///
    /// # Errors
    /// [`GitError::NoGit`], or when the disk refuses.
    pub async fn install(state: &Path, environment: Environment) -> Result<Self, GitError> {
        let config = state.join("gitconfig");
        let text = gitconfig(&environment);
        // Only where it says something else: the disk is waited for.
        if !fs::read(&config, text.len() as u64).is_ok_and(|known| known == text) {
            fs::write(&config, &text)?;
        }
        let ssh = ["GIT_SSH_COMMAND", "GIT_SSH"].iter().any(|name| environment.get(name).is_some());
        let program = find_git(&environment);
        let git = |has_ssh_command| {
            Self(Arc::new(Installed {
                program: program.clone(),
                environment: environment.clone(),
                config: config.clone(),
                has_ssh_command,
            }))
        };
        let found = git(ssh);
        let version = found.plain("version", &["version"]);
        let configured = found.plain("config", &["config", "--includes", "--get", "core.sshCommand"]);
        let (version, configured) = tokio::try_join!(version, configured)?;
        check_version(&version.text())?;
        Ok(git(ssh || configured.success))
    }

    /// Returns a command on a repository that may speak to `url`.
    pub(super) fn command(&self, folder: &Path, url: &str, credentials: &Credentials) -> Command {
        let mut command = self.bare_command();
        for (key, value) in settings(url, credentials) {
            let mut setting = OsString::from(format!("{key}="));
            setting.push(value);
            command.arg("-c").arg(setting);
        }
        if let Some(ssh) = self.ssh_command(credentials) {
            command.env("GIT_SSH_COMMAND", ssh);
        }
        let mut git_dir = OsString::from("--git-dir=");
        git_dir.push(folder);
        command.arg(git_dir);
        command
    }

    /// Returns what makes git start the other side of a push to this machine with the umask of the user.
    pub(super) fn receive_pack(&self, url: &str) -> Option<String> {
        let umask = self.0.environment.umask.filter(|_| is_on_this_machine(url))?;
        Some(format!("--receive-pack=umask {umask:03o}; git receive-pack"))
    }

    async fn plain(&self, verb: &'static str, arguments: &[&str]) -> Result<Output, GitError> {
        let mut command = self.bare_command();
        command.args(arguments);
        run(command, verb, QUICK).await
    }

    /// Returns a command on no repository in particular.
    pub(super) fn bare_command(&self) -> Command {
        #[expect(clippy::disallowed_methods, reason = "this is the one door")]
        let mut command = Command::new(&self.0.program);
        command
            .env_clear()
            .envs(self.0.environment.passed_on())
            .env("GIT_CONFIG_GLOBAL", &self.0.config)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "") // set and empty: neither core.askPass nor a window
            .env("SSH_ASKPASS_REQUIRE", "never")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("LC_ALL", "C")
            .current_dir("/")
            .arg("--no-pager")
            .arg("--no-replace-objects");
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        command
    }

    /// Returns a command in a folder that sees the settings which the git command of a person who runs us there sees.
    pub(super) fn command_as_caller(&self, folder: &Path) -> Command {
        let mut command = self.bare_command();
        command.envs(self.0.environment.of_caller()).current_dir(folder);
        command
    }

    fn ssh_command(&self, credentials: &Credentials) -> Option<OsString> {
        let quiet = "ssh -o BatchMode=yes -o ConnectTimeout=20";
        match &credentials.ssh_key_file {
            Some(key) => {
                let mut command = OsString::from(format!("{quiet} -o IdentitiesOnly=yes -i "));
                command.push(quoted(key.as_os_str()));
                Some(command)
            }
            None if self.0.has_ssh_command => self.0.environment.get("GIT_SSH_COMMAND").map(OsStr::to_owned),
            None => Some(quiet.into()),
        }
    }
}

/// What a run left.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) success: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl Output {
    /// Cuts the token out, which an upstream may repeat.
    pub(super) fn without(mut self, credentials: &Credentials) -> Self {
        let token =
            credentials.token.as_ref().map(ExposeSecret::expose_secret).filter(|token| !token.is_empty());
        if let Some(token) = token {
            self.stdout = self.text().replace(token, "[cut]").into_bytes();
            self.stderr = self.stderr.replace(token, "[cut]");
        }
        self
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Runs a command to its end, or kills it with all its children when the deadline passes or the wait is given up.
pub(super) async fn run(
    mut command: Command,
    verb: &'static str,
    deadline: Duration,
) -> Result<Output, GitError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn().map_err(not_started)?;
    let mut group = Group(child);
    if let Ok(output) = tokio::time::timeout(deadline, collect(&mut group.0)).await {
        let output = output.map_err(|error| GitError::NotUnderstood { verb, reason: error.to_string() })?;
        if output.stdout.len() == MAX_OUTPUT_BYTES {
            return Err(GitError::NotUnderstood { verb, reason: "it printed too much".to_owned() });
        }
        return Ok(output);
    }
    group.kill();
    group.0.wait().await.map_err(|error| GitError::NotUnderstood { verb, reason: error.to_string() })?;
    Err(GitError::TimedOut { verb, deadline })
}

/// Tells a git that is not there from a machine that has no room for another process just now.
fn not_started(error: io::Error) -> GitError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
            GitError::NoGit { reason: error.to_string() }
        }
        _ => FsError { verb: "run", path: PathBuf::from("git"), source: error }.into(),
    }
}

/// A child and all that it started.
struct Group(Child);

impl Group {
    fn kill(&self) {
        // `id` is there until the child is reaped, so the number cannot be another process's.
        let pid = self.0.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(pid) = pid {
            kill_process_group(pid, Signal::KILL).ok(); // it may have just ended
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn collect(child: &mut Child) -> io::Result<Output> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let out = child.stdout.take().expect("piped by `run`");
    let err = child.stderr.take().expect("piped by `run`");
    let status = {
        let mut reading =
            Box::pin(async { tokio::try_join!(keep(out, &mut stdout), keep(err, &mut stderr)) });
        tokio::select! {
            biased;
            done = &mut reading => { done?; child.wait().await? }
            status = child.wait() => {
                if let Ok(done) = tokio::time::timeout(DRAIN, reading).await {
                    done?;
                }
                status?
            }
        }
    };
    Ok(Output { success: status.success(), stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
}

async fn keep(mut from: impl AsyncRead + Unpin, to: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = vec![0; 8192];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return Ok(());
        }
        let room = MAX_OUTPUT_BYTES - to.len();
        to.extend_from_slice(&chunk[..read.min(room)]);
    }
}

/// Our configuration: the user's, but for hooks, and leave to use repositories of other users. Only a file can give
/// that leave.
fn gitconfig(environment: &Environment) -> Vec<u8> {
    let mut included = Vec::new();
    if let Some(chosen) = environment.get("GIT_CONFIG_GLOBAL") {
        included.push(PathBuf::from(chosen));
    } else {
        let home = environment.get("HOME").map(PathBuf::from);
        let xdg = environment.get("XDG_CONFIG_HOME").map(PathBuf::from);
        let xdg = xdg.or_else(|| home.as_ref().map(|home| home.join(".config")));
        included.extend(xdg.map(|xdg| xdg.join("git/config")));
        included.extend(home.map(|home| home.join(".gitconfig")));
    }
    let mut text = b"# Written by recipesync.\n".to_vec();
    for path in included {
        text.extend(b"[include]\n\tpath = \"");
        for &byte in path.as_os_str().as_bytes() {
            if byte == b'"' || byte == b'\\' {
                text.push(b'\\');
            }
            text.push(byte);
        }
        text.extend(b"\"\n");
    }
    // The other side of a push to this machine reads this file too: its own hooks are to run, not the user's.
    text.extend(b"[core]\n\thooksPath = hooks\n[safe]\n\tdirectory = *\n");
    text
}

/// Finds git where the environment says that programs are.
fn find_git(environment: &Environment) -> PathBuf {
    let folders = environment.get("PATH").map(std::env::split_paths).into_iter().flatten();
    let is_program = |path: &PathBuf| {
        path.is_absolute() && path.is_file() && fs::mode(path).is_ok_and(|mode| mode & 0o111 != 0)
    };
    folders.map(|folder| folder.join("git")).find(is_program).unwrap_or_else(|| "git".into())
}

fn check_version(text: &str) -> Result<(), GitError> {
    let mut numbers = text.trim().trim_start_matches("git version ").split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= OLDEST => Ok(()),
        _ => Err(GitError::NoGit { reason: format!("this is {:?}", text.trim()) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(variables.iter().map(|(name, value)| (name.into(), value.into())), &["DEV_TOKEN"])
    }

    #[test]
    fn our_configuration_takes_in_the_users() {
        let text =
            |variables: &[(&str, &str)]| String::from_utf8(gitconfig(&environment(variables))).unwrap();
        insta::assert_snapshot!(text(&[("HOME", "/home/o\"p")]), @r#"
        # Written by recipesync.
        [include]
        	path = "/home/o\"p/.config/git/config"
        [include]
        	path = "/home/o\"p/.gitconfig"
        [core]
        	hooksPath = hooks
        [safe]
        	directory = *
        "#);
        assert!(text(&[("HOME", "/h"), ("GIT_CONFIG_GLOBAL", "/g")]).contains("path = \"/g\"\n[core]"));
    }

    #[test]
    fn variables_that_redirect_git_or_hold_secrets_are_not_passed_on() {
        let given = environment(&[
            ("PATH", "/bin"),
            ("DEV_TOKEN", "s"),
            ("GIT_DIR", "/elsewhere"),
            ("GIT_CONFIG_PARAMETERS", "'a.b'='c'"),
            ("GIT_SSL_CAINFO", "/ca"),
            ("LC_MESSAGES", "de_DE"),
            ("NOTIFY_SOCKET", "/run/x"),
            ("https_proxy", "http://p"),
        ]);
        let passed: Vec<_> = given.passed_on().map(|(name, _)| name.to_str().unwrap()).collect();
        assert_eq!(passed, ["PATH", "GIT_SSL_CAINFO", "https_proxy"]);
    }

    #[test]
    fn what_an_upstream_repeats_of_the_token_is_cut() {
        let credentials = Credentials { token: Some("s3cret".to_owned().into()), ..Credentials::default() };
        let said = |text: &str| Output { success: false, stdout: text.into(), stderr: text.to_owned() };
        let output = said("!\ta\t[rejected] (no s3cret, s3cret!)").without(&credentials);
        assert_eq!(output.stderr, "!\ta\t[rejected] (no [cut], [cut]!)");
        assert_eq!(output.text(), output.stderr);
        assert_eq!(said("s3cret").without(&Credentials::default()).stderr, "s3cret");
        assert!(!format!("{credentials:?}").contains("s3cret"));
    }

    #[test]
    fn versions_are_read() {
        for good in [
            "git version 2.39.5\n",
            "git version 2.47.3",
            "git version 2.50.1 (Apple Git-155)",
            "git version 3.0",
        ] {
            assert!(check_version(good).is_ok(), "{good}");
        }
        for bad in ["git version 2.30.2", "git version 1.99.0", "", "zsh: no git"] {
            assert!(matches!(check_version(bad), Err(GitError::NoGit { .. })), "{bad}");
        }
    }
}
