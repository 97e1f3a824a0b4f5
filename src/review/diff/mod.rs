//! Compares two sides of a project: which assets are which, what holds for all of them, and what became of each.
//!
//! No meaningful change is hidden: what the table of `asset::fields` does not name is told, a fold is proved, and every
//! difference is in one entry of the answer ([`crate::review::change`]). How the answer looks is not decided here.

mod conditions;
mod config;
mod engine;
mod files;
mod found;
mod headline;
mod items;
mod left_out;
mod operation;
mod pairing;
mod place;
mod recipe;
mod strings;
mod tell;
mod whole;
mod world;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use self::files::Job;
pub use self::headline::summary;
pub use self::left_out::{LeftOut, Odd};
use self::pairing::Pairs;
use self::world::{Shift, World, generations};
use super::change::{AssetChange, AssetDiff, ConnectorId, Diff, Sameness};
use crate::asset::kind::Kind;
use crate::model::path::PackagePath;

/// Two sides, without the files that have the same path and bytes on both.
pub struct Input<'i> {
    /// What differs of the old side.
    pub old: &'i BTreeMap<PackagePath, Vec<u8>>,
    /// What differs of the new side.
    pub new: &'i BTreeMap<PackagePath, Vec<u8>>,
    /// The files that are the same on both sides.
    pub same: &'i BTreeSet<PackagePath>,
    /// Reads one of these; it is asked seldom.
    pub read_same: &'i dyn Fn(&PackagePath) -> Option<Vec<u8>>,
    /// What is on the sides and cannot be compared.
    pub left_out: (&'i LeftOut, &'i LeftOut),
    /// What the sides are called.
    pub names: (&'i str, &'i str),
    /// What the files are, where two files were chosen to be compared: then there is one a side, under one path, which
    /// means nothing.
    pub chosen: Option<Kind>,
    /// Whether the values behind folds are to be told as well.
    pub details: bool,
}

impl Input<'_> {
    fn read(&self, path: &PackagePath, is_old: bool) -> Option<Cow<'_, [u8]>> {
        let side = if is_old { self.old } else { self.new };
        match side.get(path) {
            Some(bytes) => Some(Cow::Borrowed(bytes)),
            None if self.same.contains(path) => (self.read_same)(path).map(Cow::Owned),
            None => None,
        }
    }
}

/// Compares two sides, in time linear in the size of what differs.
#[must_use]
pub fn diff(input: &Input<'_>) -> Diff {
    let pairs = pairing::pair(input);
    let world = world(input, &pairs);
    let job = Job { input, world: &world, details: input.details };
    let mut unchanged: Vec<_> = pairs.unchanged.iter().map(|asset| asset.kind.clone()).collect();
    let mut assets: Vec<AssetDiff> = Vec::new();
    for (old, new) in &pairs.both {
        match job.both(old, new) {
            Some(diff) => assets.push(diff),
            None => unchanged.push(new.kind.clone()),
        }
    }
    assets.extend(pairs.removed.iter().map(|asset| job.one(asset, AssetChange::Removed)));
    assets.extend(pairs.added.iter().map(|asset| job.one(asset, AssetChange::Added)));
    assets.extend(left_out::differing(input.left_out.0, input.left_out.1));
    assets.sort_by(|a, b| (&a.path, a.change).cmp(&(&b.path, b.change)));
    let sameness = assets.iter().map(|asset| match asset.change {
        None => asset.sameness,
        Some(_) => Sameness::Different,
    });
    let sameness = sameness.max().unwrap_or(Sameness::Bytes);
    let summary = headline::counts(&assets, unchanged.into_iter());
    let connector_ids = connector_ids(&assets);
    let (old, new) = (input.names.0.to_owned(), input.names.1.to_owned());
    Diff { old, new, sameness, summary, connector_ids, assets }
}

/// Finds what holds for all assets.
fn world(input: &Input<'_>, pairs: &Pairs) -> World {
    let mentions = |id: &str| {
        let mentions = |path: &PackagePath| {
            let bytes = (input.read_same)(path).unwrap_or_default();
            std::str::from_utf8(&bytes).is_ok_and(|text| text.contains(id))
        };
        input.same.iter().any(mentions)
    };
    let (old, new) = (input.old.values().map(Vec::as_slice), input.new.values().map(Vec::as_slice));
    let generations = generations(old, new, mentions);
    let files = |side: &BTreeMap<PackagePath, Vec<u8>>| {
        side.keys().chain(input.same).map(ToString::to_string).collect()
    };
    let mut world =
        World { generations, old_files: files(input.old), new_files: files(input.new), ..World::default() };
    if input.chosen.is_some() {
        return world;
    }
    for (old, new) in &pairs.both {
        world.now.insert(old.main.to_string(), new.main.to_string());
    }
    for asset in &pairs.unchanged {
        world.now.insert(asset.main.to_string(), asset.main.to_string());
    }
    let mut shifts = pairs.both.iter().map(|(old, new)| Shift::between(old.main.as_str(), new.main.as_str()));
    if let Some(Some(shift)) = shifts.next()
        && shifts.all(|other| other.as_ref() == Some(&shift))
        && pairs.added.is_empty()
        && pairs.removed.is_empty()
        && pairs.unchanged.is_empty()
        && shift.holds_for_references(input.old.iter(), input.new.iter(), &world)
    {
        world.shift = Some(shift);
    }
    world
}

/// Counts in how many values of all assets each connector's id is another one.
fn connector_ids(assets: &[AssetDiff]) -> Vec<ConnectorId> {
    let mut all: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for id in assets.iter().flat_map(|asset| &asset.connector_ids) {
        *all.entry((&id.old, &id.new)).or_default() += id.places;
    }
    let id = |((old, new), places): ((&str, &str), usize)| ConnectorId {
        old: old.into(),
        new: new.into(),
        places,
    };
    all.into_iter().map(id).collect()
}

#[cfg(test)]
mod tests;
