//! The demo, through the built binary: what it tells is so, and it leaves alone what is not its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// A program with nothing of this machine in its environment: no home, no name, no language.
#[expect(
    clippy::disallowed_methods,
    reason = "the binary itself is what is tested, and git is who judges it"
)]
fn program(name: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).stdin(Stdio::null());
    command
}

fn demo(dir: &Path, arguments: &[&str]) -> Command {
    let mut command =
        program(assert_cmd::cargo::cargo_bin!("recipesync"), &["demo", "--dir", dir.to_str().unwrap()]);
    command.args(arguments);
    command
}

fn git(repository: &Path, arguments: &[&str]) -> String {
    let output = program("git", arguments).current_dir(repository).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Returns the words that come after another one.
fn words_after<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_after = |pair: &[&'a str]| (pair[0] == before).then_some(pair[1].trim_end_matches([',', ':']));
    words.windows(2).filter_map(is_after).collect()
}

#[test]
fn every_act_is_told_with_ids_that_are_there_and_a_second_demo_starts_afresh() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new/demo");
    let mut tips = Vec::new();
    for _ in 0..2 {
        let output = demo(&dir, &["--once"]).output().unwrap();
        let (text, said) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{text}");
        assert!(!text.contains('\u{1b}'), "colours are for terminals: {text}");

        let repository = dir.join("recipes");
        let log = git(&repository, &["log", "--reverse", "--format=%H %an"]);
        let by: Vec<&str> = log.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(by, ["recipesync", "Robin Orders", "Ada", "Ada"], "each act's commit, once");
        let told = words_after(&text, "commit");
        for line in log.lines() {
            let found = told.iter().any(|id| id.len() >= 7 && line.starts_with(id));
            assert!(found, "{line} is not told in {told:?}");
        }
        for id in told.iter().filter(|id| id.chars().all(|c| c.is_ascii_hexdigit())) {
            git(&repository, &["cat-file", "-e", &format!("{id}^{{commit}}")]);
        }
        let exported =
            git(&repository, &["log", "--reverse", "--format=%(trailers:key=Workato-Package,valueonly)"]);
        for package in exported.split_whitespace() {
            assert!(words_after(&text, "package").contains(&package), "export {package} is not told: {text}");
        }
        assert_eq!(git(&repository, &["status", "--porcelain"]), "");
        assert!(text.contains("orders/order_status_api.recipe.json: neither side was overwritten"), "{text}");
        assert!(text.contains("-               \"max_retry_count\": \"3\""), "both sides: {text}");
        assert!(text.contains("+               \"max_retry_count\": \"5\""), "both sides: {text}");

        let token = std::fs::metadata(dir.join("demo.token")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&token.permissions()) & 0o777, 0o600);
        let config = dir.join("recipesync.toml");
        let status = ["--config", config.to_str().unwrap(), "status", "--json"];
        let status = program(assert_cmd::cargo::cargo_bin!("recipesync"), &status).output().unwrap();
        let status = String::from_utf8(status.stdout).unwrap();
        assert!(status.contains("\"state\": \"in_sync\""), "{status}");
        tips.push(git(&repository, &["rev-list", "--max-parents=0", "HEAD"]));
        recipesync::fs::write(&dir.join("notes.txt"), b"mine").unwrap();
    }
    assert_ne!(tips[0], tips[1], "the second repository is a new one");
    assert_eq!(recipesync::fs::read_text(&dir.join("notes.txt"), 9).unwrap(), "mine");
}

#[test]
fn a_folder_that_is_not_a_demos_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    recipesync::fs::write_new(&folder.path().join("recipes/precious"), b"x").unwrap();
    let output = demo(folder.path(), &["--once"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    assert!(said.contains("holds something else than a demo"), "{said}");
    assert_eq!(recipesync::fs::list(folder.path()).unwrap(), [Path::new("recipes/precious")]);

    let output = demo(folder.path(), &["--listen", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
}

/// A demo that goes on, and what it tells.
struct Live {
    child: Child,
    lines: Receiver<String>,
}

impl Live {
    fn start(dir: &Path, arguments: &[&str]) -> Self {
        let mut child = demo(dir, arguments).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)).ok();
        });
        Self { child, lines }
    }

    /// Returns all lines.
    fn until_the_end(&self) -> Vec<String> {
        std::iter::from_fn(|| match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no end"),
        })
        .collect()
    }

    /// Returns the lines up to the first one with a text in it.
    fn until(&self, text: &str) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            let line = self.lines.recv_timeout(DEADLINE);
            seen.push(line.unwrap_or_else(|_| panic!("no {text:?} after {seen:#?}")));
            if seen.last().is_some_and(|line| line.contains(text)) {
                return seen;
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // It has ended, or the test has failed already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Sends the request that a curl command would.
fn pasted(curl: &str) -> String {
    let quoted: Vec<&str> = curl.split('\'').collect();
    let (header, body, url) = (quoted[1], quoted[3], quoted[5]);
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "PUT /{path} HTTP/1.1\r\nHost: {host}\r\n{header}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn an_import_without_effect_is_not_told_as_done() {
    let folder = tempfile::tempdir().unwrap();
    let mut live = Live::start(folder.path(), &["--once"]);
    let told = live.until("http://");
    let url = told.last().unwrap().split_whitespace().nth(1).unwrap().trim_end_matches(',').to_owned();
    // Before the third act: two exports come first.
    let fault = r#"[{"on":"import.start","then":"no_effect"}]"#;
    let answer = pasted(&format!("curl 'Authorization: Bearer demo' -d '{fault}' '{url}/_emulator/faults'"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let told = live.until_the_end();
    assert_eq!(live.child.wait().unwrap().code(), Some(1), "{told:#?}");
    assert!(!told.iter().any(|line| line.contains("All four acts")), "{told:#?}");
}

#[test]
fn it_goes_on_and_shows_what_the_commands_it_names_do() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("it's a demo");
    let mut live = Live::start(&dir, &[]);
    let story = live.until("with other numbers");
    let commands: Vec<&str> = story
        .iter()
        .skip_while(|line| !line.starts_with("Now you"))
        .filter_map(|line| line.strip_prefix("    "))
        .collect();
    let [cd, sed, commit, curl, status, history] = commands[..] else { panic!("{commands:#?}") };

    let person = program("sh", &["-ec", &format!("{cd}\n{sed}\n{commit}\ngit rev-parse --short=10 HEAD")]);
    let output = { person }.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let id = String::from_utf8(output.stdout).unwrap();
    let told = live.until("recipe ");
    assert!(told.iter().any(|line| line.contains(&format!("commit {}", id.trim()))), "{told:#?}");
    assert!(told.last().unwrap().contains("\"Daily order report\": restarted"), "{told:#?}");

    assert!(curl.starts_with("curl ") && pasted(curl).starts_with("HTTP/1.1 200"));
    let told = live.until("\"older_than_hours\": \"48\"");
    assert!(told.iter().any(|line| line.contains("export ")), "{told:#?}");
    for command in [status, history] {
        let output = program("sh", &["-ec", command]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }

    let pid = live.child.id().to_string();
    assert!(program("sh", &["-c", &format!("kill -TERM {pid}")]).status().unwrap().success());
    live.until("What stays:");
    assert_eq!(live.child.wait().unwrap().code(), Some(0));
}
