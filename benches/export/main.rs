//! How long an export takes from the workspace's answer to the pushed commit, beside what else there is: `unzip` and
//! git by hand, the same with a reformatter, and the platform's published client.
//!
//! `cargo bench --bench export -- [--recipes 50,500,5000] [--rounds N] [--client PATH] [--growth] [--large]
//! [--svg FILE]` measures all in one run, and prints a table for each size with ratios and peak memory.
//!
//! **Ours** is measured twice: as the whole process `recipesync sync`, and as one look of a daemon that is running
//! already. Both include the requests to a workspace on this machine, the look at the upstream, the canonical form, the
//! search for secrets, the saved state and the push. They are split by git's own trace: the commit is in the cache when
//! `git push` begins. Git writes that trace for ours alone, a few kilobytes. What the look takes without all that comes
//! before the package is there, and without the push, is what the other side does as well, from zip to commit; the
//! program's own log says when that was.
//!
//! **The others**, each command a process, their times summed up:
//! - `unzip -qo`, `git add -A`, `git commit` of a zip that is on the disk already: no download, no push, no look at
//!   the upstream;
//! - the same with `curl` of the package before (not of the request for it), until it is committed, and with `git push`
//!   after, where there is a commit: what ours ends in, but for the canonical form;
//! - the same with one Python that loads and dumps each file, sorted, before `git add`;
//! - `workato pull` of the published client where `--client` names its program: requests, download and files, no
//!   commit. It waits for its own progress bar, up to a tenth of a second at each of five steps.
//!
//! **Not measured**: the export job of a real workspace, a network, TLS, an upstream on another machine (the push goes
//! to a folder of this one). The workspace answers from this process, on the same cores. Peak memory is that of the
//! largest single process, on our side without the git commands that it starts; the look of the daemon runs in this
//! process, and has none.
//!
//! `--growth` prints what a recipe costs at each size, a look at 1, 10 and 100 projects, and a look after 0, 100 and
//! 1,000 commits. `--large` measures the whole process on a package of about 100 MB.
//!
//! It writes into a temporary folder alone and installs nothing. Numbers are as good as the machine is quiet.

#![expect(clippy::print_stdout, reason = "a bench tells its results")]

mod chart;
#[path = "../shared/command.rs"]
mod command;
mod growth;
#[path = "../shared/measure.rs"]
mod measure;
#[path = "../shared/median.rs"]
mod median;
mod ours;
mod package;
mod place;
mod rivals;
mod sides;
mod steps;
mod table;
mod watch;
mod workspace;

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

use measure::megabytes;
use package::Packages;
use rivals::{Extent, need, python};
use sides::{Row, Site, Who};
use steps::Steps;
use workspace::Workspace;

/// The package of `--large`: so many recipes with so many random characters each are just below the 100 MB that the
/// platform lets a package have.
const LARGE: (usize, usize) = (1000, 124_000);

/// Measures exports against unzip and git, a reformatter, and the platform's published client.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many recipes a package has; a table for each.
    #[arg(long, value_delimiter = ',', default_value = "50,500,5000")]
    recipes: Vec<usize>,
    /// How often everything is measured; medians are shown, and the largest peak.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Leaves out the other sides, for a profile of ours.
    #[arg(long)]
    alone: bool,
    /// The program `workato` of the published client, in a virtual environment as `.ci/published-client.sh` makes it;
    /// not measured without.
    #[arg(long, value_name = "PATH")]
    client: Option<PathBuf>,
    /// Measures as well how the cost grows with recipes, projects and commits; takes minutes.
    #[arg(long)]
    growth: bool,
    /// Measures as well `recipesync sync` on a package of about 100 MB.
    #[arg(long)]
    large: bool,
    /// Draws the table of the last size.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Cargo says so to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let rounds = arguments.rounds;
    ensure!(rounds > 0 && !arguments.recipes.contains(&0), "there is nothing to measure");
    let folder = tempfile::tempdir().context("make a folder to work in")?;
    let site = Site {
        workspace: Workspace::start()?,
        steps: Steps::listen(),
        folder: folder.path().to_owned(),
        rounds,
    };
    let (sides, left_out) = sides(&arguments)?;
    let mut tables = Vec::new();
    for &recipes in &arguments.recipes {
        tables.push((recipes, table(&sides, &left_out, &Packages::make(recipes, 0)?, &site)?));
    }
    if let (Some(file), Some((recipes, rows))) = (&arguments.svg, tables.last()) {
        recipesync::fs::overwrite(file, chart::draw(*recipes, rounds, rows).as_bytes())?;
    }
    if arguments.growth {
        growth::with_recipes(&tables);
        growth::with_projects(&site)?;
        growth::with_commits(&site)?;
    }
    if arguments.large {
        table(&[Who::Process], &[], &Packages::make(LARGE.0, LARGE.1)?, &site)?;
    }
    Ok(())
}

/// Returns the sides that can be measured, and why others are not.
fn sides(arguments: &Arguments) -> Result<(Vec<Who>, Vec<String>)> {
    let (mut sides, mut left_out) = (Vec::new(), Vec::new());
    if !arguments.alone {
        need("unzip", "-v")?;
        need("curl", "--version")?;
        sides.extend([Extent::Local, Extent::Whole].map(Who::ByHand));
        match python() {
            Some(python) => sides.push(Who::ByHand(Extent::Reformatted(python))),
            None => left_out.push("reformatted by Python: not measured, there is no python3".to_owned()),
        }
        match &arguments.client {
            Some(program) => {
                let program = std::path::absolute(program)?;
                need(&program.to_string_lossy(), "--version")?;
                sides.push(Who::Published(program));
            }
            None => left_out.push("the published client's pull: not measured, see --client".to_owned()),
        }
    }
    sides.extend([Who::Process, Who::Daemon]);
    Ok((sides, left_out))
}

/// Measures and prints a table.
fn table(sides: &[Who], left_out: &[String], packages: &Packages, site: &Site) -> Result<Vec<Row>> {
    println!(
        "\n{} recipes in {} folders, {:.1} MB of JSON in a zip of {:.1} MB; 1 % are {}; median of {} rounds",
        packages.files,
        packages.folders,
        megabytes(packages.unpacked),
        megabytes(packages.first.len()),
        packages.changes,
        site.rounds,
    );
    let rows = sides::measure(sides, packages, site)?;
    table::print(&rows, left_out);
    Ok(rows)
}
