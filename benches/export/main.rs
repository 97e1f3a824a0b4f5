//! How long an export takes from the workspace's answer to the pushed commit, beside `unzip -qo`, `git add -A` and
//! `git commit` on the same packages in the same run.
//!
//! `cargo bench --bench export -- [--recipes N] [--rounds N]`. Ours is measured twice: as the whole process
//! `recipesync sync`, and as one look of a daemon that is running already. Both include the requests to a workspace on
//! this machine, the look at the upstream, the state on the disk and the push; the other side has none of these. So the
//! daemon's look is also given without what comes before the package is there, and without the push: from zip to commit,
//! which is what the other side does.
//! It writes into a temporary folder alone and installs nothing. Numbers are as good as the machine is quiet.

#![expect(clippy::print_stdout, reason = "a bench tells its results")]

#[path = "../shared/measure.rs"]
mod measure;
mod package;
mod rivals;
mod steps;
mod workspace;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use recipesync::asset::canonical::canonical;
use recipesync::model::path::PackagePath;

use measure::{megabytes, now};
use package::{Form, Packages};
use rivals::{Baseline, Daemon, Process, Round};
use steps::Steps;
use workspace::Workspace;

/// Measures exports against `unzip`, `git add` and `git commit`.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many recipes a package has.
    #[arg(long, default_value_t = 5000)]
    recipes: usize,
    /// How often everything is measured; medians are shown.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Leaves out the other side, for a profile of ours.
    #[arg(long)]
    alone: bool,
    /// Cargo says so to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is measured, in this order on one repository.
const CASES: [&str; 4] = ["first export", "nothing changed, export", "nothing changed, list", "1 % changed"];

/// The case of a full export that shows no change …
pub(crate) const FULL: usize = 1;
/// … that of a look that asks for none, since the folder's list shows no change; the other side does what it did …
pub(crate) const LIGHT: usize = 2;
/// … and the one in which the list shows one.
pub(crate) const CHANGED: usize = 3;

/// What one side took, a list a case.
#[derive(Default)]
struct Times {
    whole: [Vec<Duration>; 4],
    /// From zip to commit, where that was told.
    from_package: [Vec<Duration>; 4],
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(arguments.recipes > 0 && arguments.rounds > 0, "there is nothing to measure");
    let folder = tempfile::tempdir().context("make a folder to work in")?;
    let packages = Packages::make(arguments.recipes)?;
    println!(
        "{} recipes in {} folders, {:.1} MB of JSON in a zip of {:.1} MB; {} changed",
        arguments.recipes,
        packages.folders,
        megabytes(packages.unpacked),
        megabytes(packages.first.len()),
        packages.changes,
    );
    let workspace = Workspace::start()?;
    let steps = Steps::listen();
    let (mut process, mut daemon, mut baseline) = (Times::default(), Times::default(), Times::default());
    let mut memory: [u64; 4] = [0; 4];
    for round in 0..arguments.rounds {
        let folder = folder.path().join(round.to_string());
        recipesync::fs::create_folder(&folder)?;
        let mut one = Process::new(&folder.join("process"), &workspace, arguments.recipes)?;
        measure(&mut one, &packages, &mut process)?;
        memory = std::array::from_fn(|case| memory[case].max(one.peaks[case]));
        let mut look = Daemon::new(&folder.join("daemon"), &workspace, arguments.recipes, &steps)?;
        measure(&mut look, &packages, &mut daemon)?;
        if !arguments.alone {
            measure(&mut Baseline::new(&folder.join("baseline"))?, &packages, &mut baseline)?;
        }
        recipesync::fs::remove_folder(&folder)?;
    }
    println!(
        "\nmedian of {} rounds          unzip+git    recipesync sync (ratio, peak)    in the daemon (ratio)    zip to commit (ratio)",
        arguments.rounds
    );
    for (case, name) in CASES.into_iter().enumerate() {
        let [other, whole, look] = [&baseline, &process, &daemon].map(|times| median(&times.whole[case]));
        let work = median(&daemon.from_package[case]);
        println!(
            "{name:<24} {other:>10.0} ms {whole:>10.1} ms ({:>6.1}x, {:>3} MB) {look:>13.1} ms ({:>6.1}x) {work:>13.1} ms ({:>6.1}x)",
            other / whole,
            memory[case] / 1024,
            other / look,
            other / work,
        );
    }
    println!("\ncanonical form, one core, median of {} rounds", arguments.rounds);
    for (form, name) in [(Form::Exported, "as exported: rewritten"), (Form::Canonical, "already canonical")] {
        println!("{name:<24} {:>10.0} MB/s", canonical_speed(form, arguments.rounds)?);
    }
    Ok(())
}

/// Takes one side through all cases.
fn measure(side: &mut impl Round, packages: &Packages, times: &mut Times) -> Result<()> {
    let zips = [&packages.first, &packages.again, &packages.again, &packages.changed];
    let expected = [packages.files, 0, 0, packages.changes];
    for (case, zip) in zips.into_iter().enumerate() {
        side.prepare(case, zip)?;
        let start = now();
        side.export()?;
        let end = now();
        times.whole[case].push(end - start);
        times.from_package[case].extend(side.work(end));
        let committed = side.committed()?;
        ensure!(committed == expected[case], "{}: {committed} files were committed", CASES[case]);
    }
    Ok(())
}

/// Returns how many bytes a second come out in canonical form, in megabytes.
fn canonical_speed(form: Form, rounds: usize) -> Result<f64> {
    let path = PackagePath::parse("a.recipe.json")?;
    let recipes: Vec<Vec<u8>> = (0..200).map(|number| package::recipe(number, false, form)).collect();
    let bytes: usize = recipes.iter().map(Vec::len).sum();
    let once = || {
        let start = now();
        let written: usize = recipes.iter().map(|recipe| canonical(&path, recipe).len()).sum();
        assert!(written > 0, "recipes are not empty");
        now() - start
    };
    let times: Vec<Duration> = (0..rounds.max(5)).map(|_| once()).collect();
    Ok(megabytes(bytes) / (median(&times) / 1000.0))
}

/// Returns the middle of some durations in milliseconds; not a number where there are none.
fn median(times: &[Duration]) -> f64 {
    let mut sorted: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}
