//! How long an import takes from a commit to the bytes of the package, beside `git archive --format=zip`.
//!
//! `cargo bench --bench imports -- [--recipes 50,500,5000] [--rounds N]` measures both on the same repository, in two
//! states: as an export has written it, where streams are taken over, and after `git repack -adf`, where most files are
//! differences and are compressed anew. `git gc` alone would leave the files of one pack as they are.
//!
//! **Ours** lists the commit's files and packs them, in a process that is running already, as the daemon's is.
//! `git archive` is a process that throws the zip away. Neither sends anything. Peak memory is that of a whole
//! process that packs once.
//!
//! It writes into a temporary folder alone. Numbers are as good as the machine is quiet.

#![expect(clippy::print_stdout, reason = "a bench tells its results")]

#[path = "../shared/command.rs"]
mod command;
#[path = "../shared/measure.rs"]
mod measure;
#[path = "../shared/median.rs"]
mod median;
#[expect(dead_code, reason = "the other bench uses the rest")]
#[path = "../export/package.rs"]
mod package;
#[expect(dead_code, reason = "the other bench uses the rest")]
#[path = "../export/watch.rs"]
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use chrono::DateTime;
use clap::Parser;
use recipesync::archive::{Limits, Package};
use recipesync::git::{Author, Cache, Credentials, Environment, Git, PackWriter, Settings};
use recipesync::model::oid::CommitId;
use recipesync::model::path::{PackagePath, RepoPath};
use tokio::runtime::Runtime;

use command::{command, git, git_command};
use measure::{megabytes, now};
use median::median;
use package::Form;
use watch::run;

/// Measures imports against `git archive`.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many recipes a commit has; a table for each.
    #[arg(long, value_delimiter = ',', default_value = "50,500,5000")]
    recipes: Vec<usize>,
    /// How often each is measured; medians are shown, and the largest peak.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Packs a commit of the repository in a folder once and says nothing: what memory is measured of.
    #[arg(long, num_args = 2, value_names = ["FOLDER", "COMMIT"], hide = true)]
    take: Option<Vec<String>>,
    /// Cargo says so to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A repository with a commit, as the daemon has it.
struct Site {
    folder: PathBuf,
    runtime: Runtime,
    cache: Cache,
}

impl Site {
    /// Opens the repository in a folder; makes it where there is none.
    fn open(folder: &Path) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let variables = std::env::vars_os().filter(|(name, _)| name == "PATH");
        let variables = variables.chain([("HOME".into(), folder.as_os_str().to_owned())]);
        let settings = Settings {
            folder: folder.join("r.git"),
            url: "/nowhere".to_owned(),
            credentials: Credentials::default(),
            author: Author::parse("bench <bench@acme.example>")?,
            branches: BTreeSet::new(),
            deadline: Duration::from_secs(60),
        };
        let git = runtime.block_on(Git::install(folder, Environment::new(variables, &[])))?;
        let cache = runtime.block_on(Cache::open(git, settings))?;
        Ok(Self { folder: folder.to_owned(), runtime, cache })
    }

    fn repository(&self) -> PathBuf {
        self.folder.join("r.git")
    }

    /// Writes a commit with so many recipes, as an export does; returns it with the size of the recipes.
    fn commit(&self, recipes: usize) -> Result<(CommitId, usize)> {
        let (mut pack, mut changes, mut unpacked) = (PackWriter::new(), BTreeMap::new(), 0);
        for number in 0..recipes {
            let recipe = package::recipe(number, 0, 0, Form::Canonical);
            unpacked += recipe.len();
            changes.insert(PackagePath::parse(&package::path(number))?, Some(pack.add(&recipe)?));
        }
        self.runtime.block_on(self.cache.work(move |objects| objects.store(&pack)))?;
        let root = RepoPath::parse(".")?;
        let commit = self.cache.commit_tree(None, &root, &changes, "recipes", None, DateTime::UNIX_EPOCH);
        let commit = self.runtime.block_on(commit)?.context("it changes something")?;
        git(&self.repository(), &["update-ref", "refs/heads/main", &commit.to_string()])?;
        Ok((commit, unpacked))
    }

    fn pack(&self, commit: CommitId) -> Result<Bytes> {
        self.runtime.block_on(async {
            let found = self.cache.files(commit, &RepoPath::parse(".")?).await?;
            Ok(recipesync::sync::pack(&self.cache, found.files.into_iter().collect()).await?)
        })
    }
}

/// What a side took: each time, the largest peak in kilobytes, and the size of the zip.
#[derive(Default)]
struct Taken {
    times: Vec<Duration>,
    peak: u64,
    zip: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(taken) = &arguments.take {
        let packed = Site::open(Path::new(&taken[0]))?.pack(taken[1].parse().context("read the commit")?)?;
        ensure!(!packed.is_empty(), "nothing was packed");
        return Ok(());
    }
    ensure!(arguments.rounds > 0 && !arguments.recipes.contains(&0), "there is nothing to measure");
    for &recipes in &arguments.recipes {
        let folder = tempfile::tempdir().context("make a folder to work in")?;
        let site = Site::open(folder.path())?;
        let (commit, unpacked) = site.commit(recipes)?;
        println!(
            "\n{recipes} recipes, {:.1} MB of JSON; median of {} rounds\n{:<50}{:>9}{:>8}{:>10}{:>9}",
            megabytes(unpacked),
            arguments.rounds,
            "",
            "ms",
            "ratio",
            "zip, MB",
            "peak, MB"
        );
        measure(&site, commit, recipes, "as an export wrote it", arguments.rounds)?;
        git(&site.repository(), &["repack", "-qadf"])?;
        measure(&site, commit, recipes, "after git repack -adf", arguments.rounds)?;
    }
    Ok(())
}

/// Measures and prints both sides, in each round one after the other.
fn measure(site: &Site, commit: CommitId, recipes: usize, state: &str, rounds: usize) -> Result<()> {
    let (mut ours, mut other) = (Taken::default(), Taken::default());
    for _ in 0..rounds {
        let start = now();
        let zip = site.pack(commit)?;
        ours.times.push(now() - start);
        ours.zip = zip.len();
        ensure!(Package::open(zip, &Limits::default())?.entries().len() == recipes, "files are missing");
        let mut once = command(std::env::current_exe()?);
        once.arg("--take").arg(&site.folder).arg(commit.to_string());
        let ran = run(&mut once)?;
        ensure!(ran.status.success(), "it cannot be packed in another process");
        ours.peak = ours.peak.max(ran.peak);
        let ran =
            run(git_command(&site.repository()).args(["archive", "--format=zip", &commit.to_string()]))?;
        ensure!(ran.status.success(), "git archive failed");
        other.times.push(ran.took);
        other.peak = other.peak.max(ran.peak);
    }
    let archive = site.folder.join("archive.zip");
    let output = format!("--output={}", archive.display());
    git(&site.repository(), &["archive", "--format=zip", &output, &commit.to_string()])?;
    other.zip = recipesync::fs::read(&archive, 1 << 30)?.len();
    let time = |taken: &Taken| median(taken.times.iter().copied()).unwrap_or(f64::NAN);
    for (name, taken) in [("git archive --format=zip", &other), ("ours", &ours)] {
        println!(
            "{:<50}{:>9.1}{:>8}{:>10.1}{:>9}",
            format!("{name}, {state}"),
            time(taken),
            format!("{:.1}x", time(&other) / time(taken)),
            megabytes(taken.zip),
            taken.peak / 1000,
        );
    }
    Ok(())
}
