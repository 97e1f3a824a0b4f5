//! Many projects over many workspaces and repositories: counts of threads, requests, git commands and looks, and how
//! much memory it takes.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use recipesync::emulator::Seen;

use super::daemon_stage::{Daemon, Stage, recipe, timed, wait_within};

/// Counts the looks at upstreams on their way to git.
const GIT: &str = r#"#!/bin/sh
PATH=/usr/local/bin:/usr/bin:/bin
case " $* " in *" ls-remote "*) echo "$*" >> LOOKS ;; esac
exec git "$@"
"#;

/// How many there are of each kind, and how often they are looked at.
struct Size {
    workspaces: usize,
    repositories: usize,
    /// In each workspace.
    projects: usize,
    schedule: &'static str,
    poll: &'static str,
}

/// A stage with as many projects, whose sides are equal from the start: what is measured is what looking costs.
struct Town {
    stage: Stage,
    size: Size,
    /// The project of each folder, by workspace.
    folders: Vec<BTreeMap<u64, usize>>,
    /// How many requests are left out, by workspace.
    forgotten: Vec<usize>,
}

impl Town {
    fn new(size: Size) -> Self {
        let mut stage = Stage::new();
        stage.write("looks", "");
        stage.write("bin/git", &GIT.replace("LOOKS", stage.path("looks").to_str().unwrap()));
        std::fs::set_permissions(stage.path("bin/git"), std::fs::Permissions::from_mode(0o700)).unwrap();
        let path = format!("{}:{}", stage.path("bin").display(), std::env!("PATH"));
        stage.variable("PATH", &path);
        stage.variable("RUST_LOG", "warn");
        for number in 0..size.repositories {
            stage.repository(&format!("r{number}"), size.poll);
        }
        let mut folders = vec![BTreeMap::new(); size.workspaces];
        for number in 0..size.workspaces {
            stage.workspace(&format!("w{number}"), "requests_per_minute = 1000000\n");
        }
        for project in 0..size.workspaces * size.projects {
            let (workspace, repository) = (project / size.projects, project % size.repositories);
            let (name, place) = (format!("p{project}"), format!("w{workspace}"));
            let folder = stage.seed(&name, &place);
            folders[workspace].insert(folder, project);
            stage.knows_project(&name, &place, &format!("r{repository}"), size.schedule, folder);
            for stem in ["intake", "report"] {
                stage.write(&format!("r{repository}/{name}/{stem}.recipe.json"), &recipe(stem, "first"));
            }
        }
        for number in 0..size.repositories {
            let clone = format!("r{number}");
            stage.git(&clone, &["add", "-A"]);
            stage.git(&clone, &["commit", "-q", "-m", "all projects"]);
            stage.git(&clone, &["push", "-q", "origin", "HEAD:main"]);
        }
        stage.save_config();
        let forgotten = vec![0; size.workspaces];
        Self { stage, size, folders, forgotten }
    }

    fn projects(&self) -> usize {
        self.size.workspaces * self.size.projects
    }

    /// Returns the requests that are not forgotten, by workspace.
    fn seen(&self) -> impl Iterator<Item = Vec<Seen>> {
        self.forgotten.iter().enumerate().map(|(number, forgotten)| {
            let name = format!("w{number}");
            self.stage.world(&name, |world| world.requests().skip(*forgotten).cloned().collect())
        })
    }

    /// Forgets all requests, and the looks at upstreams. The emulator keeps the last 10,000 of each workspace, which
    /// are all that there are here.
    fn forget(&mut self) {
        for (number, forgotten) in self.forgotten.iter_mut().enumerate() {
            *forgotten = self.stage.world(&format!("w{number}"), |world| world.requests().count());
        }
        self.stage.write("looks", "");
    }

    /// Returns how often each project was looked at.
    fn looks(&self) -> Vec<usize> {
        let mut looks = vec![0; self.projects()];
        for (folders, seen) in self.folders.iter().zip(self.seen()) {
            for seen in seen.iter().filter(|seen| seen.route == "assets.list") {
                let id = seen.query.split_once("folder_id=").unwrap().1;
                looks[folders[&id.parse().unwrap()]] += 1;
            }
        }
        looks
    }

    /// Returns how many requests there were, by route.
    fn requests(&self) -> BTreeMap<String, usize> {
        let mut requests = BTreeMap::new();
        for seen in self.seen().flatten() {
            *requests.entry(seen.route).or_default() += 1;
        }
        requests
    }

    /// Returns how often git looked at each upstream that it looked at.
    fn upstream_looks(&self) -> BTreeMap<String, usize> {
        let text = recipesync::fs::read_text(&self.stage.path("looks"), 1 << 30).unwrap();
        let mut looks = BTreeMap::new();
        for line in text.lines() {
            *looks.entry(line.split_once(" -- ").unwrap().1.to_owned()).or_default() += 1;
        }
        looks
    }

    /// Waits until all projects are in sync.
    fn until_in_sync(&self, daemon: &Daemon, deadline: Duration) {
        let line = format!("STATUS={0} projects, {0} in sync", self.projects());
        wait_within(deadline, &line, || {
            std::thread::sleep(Duration::from_millis(100));
            daemon.told().contains(&line)
        });
    }

    /// Waits until each project was looked at so often, and returns how often the one that was looked at most.
    fn until_looked_at(&self, times: usize, deadline: Duration) -> usize {
        let mut looks = Vec::new();
        wait_within(deadline, "looks at all projects", || {
            std::thread::sleep(Duration::from_millis(100));
            looks = self.looks();
            *looks.iter().min().unwrap() >= times
        });
        *looks.iter().max().unwrap()
    }
}

/// Returns a number of a process's status, such as `Threads`; of memory in kB.
fn status_of(daemon: &Daemon, key: &str) -> u64 {
    let file = std::path::PathBuf::from(format!("/proc/{}/status", daemon.id()));
    let text = recipesync::fs::read_text(&file, 1 << 20).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Returns how many threads of a process wait for changes of files.
#[expect(clippy::disallowed_methods, reason = "what the kernel says of a thread that may end meanwhile")]
fn watching_threads(daemon: &Daemon) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", daemon.id())).unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with("notify")).count()
}

/// Says how often at least and at most.
fn spread(counts: &BTreeMap<String, usize>) -> String {
    let (least, most) = (counts.values().min(), counts.values().max());
    format!("{} upstreams, each {least:?} to {most:?} times", counts.len())
}

#[test]
fn many_projects_share_threads_looks_and_turns() {
    let mut town =
        Town::new(Size { workspaces: 3, repositories: 3, projects: 20, schedule: "2s", poll: "1h" });
    let daemon = town.stage.start();
    town.until_in_sync(&daemon, Duration::from_secs(60));
    daemon.stop();

    town.forget();
    let daemon = town.stage.start();
    let most = town.until_looked_at(3, Duration::from_secs(60));
    assert!(most <= 4, "one was looked at {most} times while another was at 3");
    assert_eq!(watching_threads(&daemon), 1, "one for all repositories");
    assert!(status_of(&daemon, "Threads") < 40);
    let looks = town.upstream_looks();
    assert!(looks.len() == 3 && looks.values().all(|looks| *looks == 1), "once in each poll: {looks:?}");
    let requests = town.requests();
    let routes: Vec<&str> = requests.keys().map(String::as_str).collect();
    assert_eq!(routes, ["assets.list", "me"], "nothing else is asked of who is at rest");
    assert!(requests["me"] * 3 < requests["assets.list"], "whose token it is, is shared: {requests:?}");
    daemon.stop();
}

/// Ten thousand projects over a hundred workspaces and repositories: the promise about size, with the figures that it is
/// about. Start-up is promised in seconds, and is asserted; all else is counted.
#[expect(clippy::print_stdout, reason = "figures for people")]
pub(crate) fn ten_thousand_projects() {
    let long = Duration::from_secs(3600);
    let size = Size { workspaces: 100, repositories: 100, projects: 100, schedule: "2m", poll: "1m" };
    let (mut town, took) = timed(|| Town::new(size));
    println!("made in {took:?}");
    let say = |what: &str, daemon: &Daemon| {
        let of = |key| status_of(daemon, key);
        let (now, most, threads) = (of("VmRSS") / 1024, of("VmHWM") / 1024, of("Threads"));
        println!("{what}: {now} MB, at most {most} MB, {threads} threads");
        (now, threads)
    };
    let (daemon, took) = timed(|| town.stage.start());
    println!("first start: ready after {took:?}");
    let ((), took) = timed(|| town.until_in_sync(&daemon, long));
    say(&format!("in sync after {took:?}"), &daemon);
    daemon.stop();

    town.forget();
    let (daemon, took) = timed(|| town.stage.start());
    println!("second start: ready after {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let (most, took) = timed(|| town.until_looked_at(1, long));
    say(&format!("looked at all after {took:?}, at one {most} times"), &daemon);
    println!("requests {:?}, git: {}", town.requests(), spread(&town.upstream_looks()));

    town.forget();
    let (most, took) = timed(|| town.until_looked_at(2, long));
    let (memory, threads) = say(&format!("two rounds in {took:?}, at one {most} looks"), &daemon);
    let git = town.upstream_looks();
    println!("requests {:?}, git: {}", town.requests(), spread(&git));
    assert!(most <= 3, "one was looked at {most} times while another was at 2");
    assert!(memory < 200, "{memory} MB");
    assert!(threads < 40, "{threads} threads");
    assert_eq!(git.len(), 100, "each upstream was looked at");
    // A look at it is used again for nine tenths of the poll.
    let rounds = took.as_secs() / 54 + 2;
    assert!(git.values().all(|looks| *looks as u64 <= rounds), "more than {rounds}: {git:?}");
    daemon.stop();
}
