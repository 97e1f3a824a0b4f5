//! How the cost grows: with recipes, with projects in one daemon, and with commits in one repository.

#![expect(clippy::print_stdout, reason = "a bench tells its results")]

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::median::median;
use crate::ours::Daemon;
use crate::package::{Packages, next_edition};
use crate::sides::{ALL, CASES, CHANGED, LIGHT, Row, Side as _, Site, Who};
use crate::table::milliseconds;

/// Projects in one daemon, each with so many recipes.
const PROJECTS: [usize; 3] = [1, 10, 100];
const RECIPES_OF_A_PROJECT: usize = 50;

/// Commits that are there when a look is measured, in a project of so many recipes.
const COMMITS: [u32; 3] = [0, 100, 1000];
const RECIPES_OF_A_HISTORY: usize = 500;

/// How many commits the daemon makes before it looks whether there is something to tidy; one does at every turn of
/// its loop.
const TIDIED_AFTER: u32 = 10;

/// Prints what a recipe costs at each size, from the tables.
pub(crate) fn with_recipes(tables: &[(usize, Vec<Row>)]) {
    println!("\nGrowth with recipes: microseconds a recipe");
    println!("{:<33}{}", "", CASES.map(|case| format!("{case:>26}")).concat());
    for who in [Who::Process, Who::Daemon] {
        for (recipes, rows) in tables {
            let Some(row) = rows.iter().find(|row| row.who == who) else { continue };
            let name = format!("{}, {recipes}", who.name());
            #[expect(clippy::cast_precision_loss, reason = "for people")]
            let cell = |case| format!("{:>26.1}", row.median(case) * 1000.0 / *recipes as f64);
            println!("{name:<33}{}", ALL.map(cell).concat());
        }
    }
}

/// Prints what a look at all projects of a daemon costs where nothing has changed.
pub(crate) fn with_projects(site: &Site) -> Result<()> {
    println!(
        "\nGrowth with projects: one look of a daemon at all, {RECIPES_OF_A_PROJECT} recipes each, unchanged by their lists"
    );
    let packages = Packages::make(RECIPES_OF_A_PROJECT, 0)?;
    for projects in PROJECTS {
        let folder = site.folder.join(format!("projects-{projects}"));
        recipesync::fs::create_folder(&folder)?;
        let mut daemon = Daemon::new(&folder, site, projects)?;
        daemon.prepare(0, &packages.first)?;
        daemon.export()?;
        let committed = daemon.committed()?;
        ensure!(committed == projects * packages.files, "{committed} files were committed");
        let mut times = Vec::new();
        for _ in 0..site.rounds {
            daemon.prepare(LIGHT, &packages.again)?;
            times.push(daemon.export()?.whole);
        }
        ensure!(daemon.committed()? == 0, "an unchanged export was committed");
        let time = median(times).unwrap_or(f64::NAN);
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let each = time / projects as f64;
        println!("{projects:>6} {:>10} ms, {each:>6.1} ms a project", milliseconds(Some(time)));
        drop(daemon);
        recipesync::fs::remove_folder(&folder)?;
    }
    Ok(())
}

/// Prints what a look costs that finds 1 % changed, after so many commits of 1 % each. The upstream is never tidied:
/// that is the host's work.
pub(crate) fn with_commits(site: &Site) -> Result<()> {
    println!("\nGrowth with commits: a look of a daemon at {RECIPES_OF_A_HISTORY} recipes, 1 % changed");
    let folder = site.folder.join("commits");
    recipesync::fs::create_folder(&folder)?;
    let mut daemon = Daemon::new(&folder, site, 1)?;
    let mut package = Packages::make(RECIPES_OF_A_HISTORY, 0)?.first;
    daemon.prepare(0, &package)?;
    daemon.export()?;
    let first = daemon.committed()?;
    ensure!(first == RECIPES_OF_A_HISTORY, "{first} files were committed");
    let mut edition = 0;
    let mut next = || {
        edition += 1;
        package = next_edition(&package, edition)?;
        Ok::<_, anyhow::Error>((edition as usize, package.clone()))
    };
    let mut made = 0;
    for commits in COMMITS {
        while made < commits {
            let (edition, zip) = next()?;
            site.workspace.hold(&zip, RECIPES_OF_A_HISTORY, edition);
            daemon.look()?;
            made += 1;
            if made.is_multiple_of(TIDIED_AFTER) {
                daemon.tidy();
            }
        }
        daemon.committed()?;
        let (mut times, mut pushes): (Vec<Duration>, Vec<Duration>) = Default::default();
        for _ in 0..site.rounds {
            let (edition, zip) = next()?;
            daemon.prepare(CHANGED, &zip)?;
            site.workspace.hold(&zip, RECIPES_OF_A_HISTORY, edition);
            let taken = daemon.export()?;
            times.push(taken.whole);
            pushes.extend(taken.committed);
            made += 1;
            let changed = daemon.committed()?;
            ensure!(changed == RECIPES_OF_A_HISTORY / 100, "{changed} files were committed");
        }
        let [time, committed] = [times, pushes].map(|times| milliseconds(median(times)));
        println!("{commits:>6} {time:>10} ms, {committed:>6} ms until it is committed");
    }
    drop(daemon);
    Ok(recipesync::fs::remove_folder(&folder)?)
}
