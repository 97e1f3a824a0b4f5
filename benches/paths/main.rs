//! The hot paths of an export, each alone on one core: how many bytes a second, and how many instructions.
//!
//! `cargo bench --bench paths` measures the time, which is as good as the machine is quiet. `-- --count` counts
//! instructions instead, with valgrind, and compares them with those in `counts.tsv`: a regression shows on a noisy
//! machine as well. `-- --count --record` writes that file anew. Counts depend on the compiler and on what valgrind
//! offers of the processor, so they are compared on one machine.

#![expect(clippy::print_stdout, reason = "a bench tells its results")]

#[path = "../shared/measure.rs"]
mod measure;
#[expect(dead_code, reason = "the other bench uses the rest")]
#[path = "../export/package.rs"]
mod package;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use recipesync::archive::{Limits, Package, SealKey};
use recipesync::asset::canonical::canonical;
use recipesync::asset::compare::content;
use recipesync::asset::exported::Exported;
use recipesync::git::{PackWriter, blob_id};
use recipesync::model::path::PackagePath;
use recipesync::secrets;

use measure::{megabytes, now};
use package::{Form, Packages};

/// How many recipes a path is taken through; under valgrind everything takes fifty times as long.
const RECIPES: usize = 100;
const COUNTED_RECIPES: usize = 10;

/// Measures the hot paths of an export.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often each is measured; the best is shown.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Counts instructions with valgrind, and compares them with the recorded ones.
    #[arg(long)]
    count: bool,
    /// Writes the counts down.
    #[arg(long, requires = "count")]
    record: bool,
    /// Takes one path so many times and says nothing: what valgrind runs.
    #[arg(long, num_args = 2, value_names = ["PATH", "TIMES"], hide = true)]
    take: Option<Vec<String>>,
    /// Cargo says so to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A path, by what it does to each recipe of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Hot {
    /// The zip's directory, and the hash of each entry's packed bytes: all that an unchanged recipe costs.
    Seal,
    /// Inflating, with the CRC-32.
    Inflate,
    /// The canonical form of what was exported.
    Canonical,
    /// The canonical form of what is in it.
    Unchanged,
    /// The digest of the content, which an older version is compared by.
    Content,
    /// The search for secrets.
    Secrets,
    /// What a new file is asked once it is inflated: canonical form and secrets.
    Read,
    /// What one with an older version is asked: the digest of the content as well.
    Changed,
    /// Git's name of the file.
    Name,
    /// The object in the pack, deflated.
    Pack,
}

/// What the paths are taken through.
struct Input {
    zip: Bytes,
    files: Vec<(PackagePath, Vec<u8>)>,
    /// The same in canonical form.
    canonical: Vec<(PackagePath, Vec<u8>)>,
    bytes: usize,
}

impl Input {
    fn make(recipes: usize) -> Result<Self> {
        let packages = Packages::make(recipes, 0)?;
        let files = |form| {
            let file = |number| {
                let path = PackagePath::parse(&format!("recipe_{number:05}.recipe.json"))?;
                Ok((path, package::recipe(number, 0, 0, form)))
            };
            (0..recipes).map(file).collect::<Result<Vec<_>>>()
        };
        Ok(Self {
            zip: packages.first,
            files: files(Form::Exported)?,
            canonical: files(Form::Canonical)?,
            bytes: packages.unpacked,
        })
    }
}

impl Hot {
    fn name(self) -> String {
        self.to_possible_value().expect("none is skipped").get_name().to_owned()
    }

    /// Takes the path once; returns something that depends on all of it.
    fn take(self, input: &Input) -> Result<usize> {
        let each = |files: &[(PackagePath, Vec<u8>)], f: fn(&PackagePath, &[u8]) -> usize| {
            files.iter().map(|(path, bytes)| f(path, bytes)).sum()
        };
        Ok(match self {
            Self::Seal => {
                let key = SealKey::new([7; 32]);
                let package = Package::open(input.zip.clone(), &Limits::default())?;
                package
                    .entries()
                    .iter()
                    .map(|entry| usize::from(entry.seal(&package, &key).to_be_bytes()[0]))
                    .sum()
            }
            Self::Inflate => {
                let package = Package::open(input.zip.clone(), &Limits::default())?;
                let read = package.entries().iter().map(|entry| Ok(package.read(entry)?.len()));
                read.sum::<Result<usize>>()?
            }
            Self::Canonical => each(&input.files, |path, bytes| canonical(path, bytes).len()),
            Self::Unchanged => each(&input.canonical, |path, bytes| canonical(path, bytes).len()),
            Self::Content => each(&input.canonical, |path, bytes| usize::from(content(path, bytes)[0])),
            Self::Secrets => each(&input.canonical, |path, bytes| secrets::scan(path, bytes).len()),
            Self::Read => each(&input.files, |path, bytes| {
                let exported = Exported::parse(path, bytes);
                exported.file().len() + secrets::scan_exported(&exported).len()
            }),
            Self::Changed => each(&input.files, |path, bytes| {
                let exported = Exported::parse(path, bytes);
                let content = usize::from(exported.content()[0]);
                exported.file().len() + content + secrets::scan_exported(&exported).len()
            }),
            Self::Name => each(&input.canonical, |_, bytes| {
                blob_id(bytes).map_or(0, |id| usize::from(id.as_bytes()[0]))
            }),
            Self::Pack => {
                let mut pack = PackWriter::new();
                let no_id = |number: usize| [u8::try_from(number).expect("a hundred"); 20];
                for (number, (_, bytes)) in input.canonical.iter().enumerate() {
                    pack.add_named(recipesync::model::oid::BlobId::from_bytes(no_id(number)), bytes);
                }
                pack.len()
            }
        })
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let is_counted = arguments.count || arguments.take.is_some();
    let recipes = if is_counted { COUNTED_RECIPES } else { RECIPES };
    let input = Input::make(recipes)?;
    if let Some(taken) = &arguments.take {
        let hot = Hot::from_str(&taken[0], true).map_err(anyhow::Error::msg)?;
        for _ in 0..taken[1].parse()? {
            black_box(hot.take(&input)?);
        }
        return Ok(());
    }
    println!("{recipes} recipes, {:.1} MB", megabytes(input.bytes));
    if arguments.count { count(&input, arguments.record) } else { measure(&input, arguments.rounds) }
}

fn measure(input: &Input, rounds: usize) -> Result<()> {
    ensure!(rounds > 0, "there is nothing to measure");
    for hot in Hot::value_variants() {
        let mut best = Duration::MAX;
        for _ in 0..rounds {
            let start = now();
            black_box(hot.take(input)?);
            best = best.min(now() - start);
        }
        println!("{:<10} {:>8.0} MB/s", hot.name(), megabytes(input.bytes) / best.as_secs_f64());
    }
    Ok(())
}

/// Counts what each path takes, as the difference between taking it twice and once.
fn count(input: &Input, is_recorded: bool) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/paths/counts.tsv");
    let known = recipesync::fs::read_text(&file, 1 << 16).unwrap_or_default();
    let known: BTreeMap<&str, f64> = known
        .lines()
        .filter_map(|line| line.split_once('\t').and_then(|(name, count)| Some((name, count.parse().ok()?))))
        .collect();
    let mut written = String::new();
    let mut worse = Vec::new();
    for hot in Hot::value_variants() {
        let name = hot.name();
        let count = (instructions(&name, 2)? - instructions(&name, 1)?) / 1e6;
        let before = known.get(name.as_str()).copied();
        let change =
            before.map_or(String::new(), |before| format!("{:+.1} %", (count / before - 1.0) * 100.0));
        let by_byte = count / megabytes(input.bytes);
        println!("{name:<10} {count:>8.1} million instructions, {by_byte:>5.1} a byte  {change}");
        if before.is_some_and(|before| count > before * 1.03) {
            worse.push(name.clone());
        }
        written += &format!("{name}\t{count:.1}\n");
    }
    if is_recorded {
        recipesync::fs::write(&file, written.as_bytes())?;
        return Ok(());
    }
    ensure!(worse.is_empty(), "more than 3 % above what is recorded: {}", worse.join(", "));
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a bench starts what it measures")]
fn instructions(name: &str, times: u32) -> Result<f64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(std::env::current_exe()?).args(["--take", name, &times.to_string()]);
    let output = valgrind.output().context("run valgrind: it has to be installed to count")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed: {said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.with_context(|| format!("valgrind has counted nothing: {said}"))
}
