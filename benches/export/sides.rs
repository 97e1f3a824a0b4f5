//! What is compared: the sides, the cases that each is taken through, and what each took.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;

use crate::median::median;
use crate::ours::{Daemon, Process};
use crate::package::Packages;
use crate::rivals::{ByHand, Extent, Published};
use crate::steps::Steps;
use crate::workspace::Workspace;

/// What is measured, in this order on one repository.
pub(crate) const CASES: [&str; 4] =
    ["first export", "nothing changed, export", "nothing changed, list", "1 % changed"];

/// The case of a full export that shows no change …
pub(crate) const FULL: usize = 1;
/// … that of a look that asks for none, since the folder's list shows no change; the other sides do what they did …
pub(crate) const LIGHT: usize = 2;
/// … and the one in which the list shows one.
pub(crate) const CHANGED: usize = 3;

/// The cases by their numbers.
pub(crate) const ALL: [usize; CASES.len()] = [0, FULL, LIGHT, CHANGED];

/// What every measurement of a run needs.
pub(crate) struct Site {
    pub(crate) workspace: Workspace,
    pub(crate) steps: Steps,
    /// Where each measurement has a folder of its own.
    pub(crate) folder: PathBuf,
    /// How often everything is measured.
    pub(crate) rounds: usize,
}

/// One side, taken through the cases in their order.
pub(crate) trait Side {
    /// Makes ready for a case; not measured.
    fn prepare(&mut self, case: usize, zip: &Bytes) -> Result<()>;
    /// Brings the package into the repository, and tells what it took.
    fn export(&mut self) -> Result<Taken>;
    /// Returns how many files the commits since the last call have changed.
    fn committed(&mut self) -> Result<usize>;
}

/// What one export took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) whole: Duration,
    /// Until the commit was in the repository's cache, where that is known and there was one.
    pub(crate) committed: Option<Duration>,
    /// Until it was pushed.
    pub(crate) pushed: Option<Duration>,
    /// From the package in memory to the end, but for the push, where that is known.
    pub(crate) work: Option<Duration>,
    /// The largest memory of one process, in kilobytes; 0 where the bench itself did the work.
    pub(crate) peak: u64,
}

/// The sides in the order of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    ByHand(Extent),
    Published(PathBuf),
    Process,
    Daemon,
}

impl Who {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::ByHand(Extent::Local) => "unzip, add, commit",
            Self::ByHand(Extent::Whole) => "curl, unzip, add, commit, push",
            Self::ByHand(Extent::Reformatted(_)) => "the same, reformatted by Python",
            Self::Published(_) => "the published client's pull",
            Self::Process => "recipesync sync",
            Self::Daemon => "a look of the daemon",
        }
    }

    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Process | Self::Daemon)
    }

    fn make<'w>(&self, folder: &Path, site: &'w Site) -> Result<Box<dyn Side + 'w>> {
        let workspace = &site.workspace;
        Ok(match self {
            Self::ByHand(extent) => Box::new(ByHand::new(folder, workspace, extent.clone())?),
            Self::Published(program) => Box::new(Published::new(folder, workspace, program)?),
            Self::Process => Box::new(Process::new(folder, workspace)?),
            Self::Daemon => Box::new(Daemon::new(folder, site, 1)?),
        })
    }
}

/// What one side took in each case, a list of rounds.
pub(crate) struct Row {
    pub(crate) who: Who,
    pub(crate) cases: [Vec<Taken>; CASES.len()],
}

impl Row {
    /// Returns the middle time of a case in milliseconds.
    pub(crate) fn median(&self, case: usize) -> f64 {
        median(self.cases[case].iter().map(|taken| taken.whole)).unwrap_or(f64::NAN)
    }
}

/// Takes all sides through all cases, so often; within a round one after the other, so that a machine that is slow for
/// a while is slow for all.
pub(crate) fn measure(sides: &[Who], packages: &Packages, site: &Site) -> Result<Vec<Row>> {
    let row = |who: &Who| Row { who: who.clone(), cases: Default::default() };
    let mut rows: Vec<Row> = sides.iter().map(row).collect();
    for round in 0..site.rounds {
        for (number, row) in rows.iter_mut().enumerate() {
            let folder = site.folder.join(format!("{round}-{number}"));
            recipesync::fs::create_folder(&folder)?;
            let mut side = row.who.make(&folder, site)?;
            through(&mut *side, row, packages)?;
            drop(side);
            recipesync::fs::remove_folder(&folder)?;
        }
    }
    Ok(rows)
}

fn through(side: &mut dyn Side, row: &mut Row, packages: &Packages) -> Result<()> {
    let zips = [&packages.first, &packages.again, &packages.again, &packages.changed];
    let expected = [packages.files, 0, 0, packages.changes];
    for (case, zip) in zips.into_iter().enumerate() {
        side.prepare(case, zip)?;
        // Nobody pays for what another one has left to be written.
        rustix::fs::sync();
        row.cases[case].push(side.export()?);
        let committed = side.committed()?;
        let name = row.who.name();
        ensure!(committed == expected[case], "{name}, {}: {committed} files were committed", CASES[case]);
    }
    Ok(())
}
