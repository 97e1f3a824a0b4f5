//! Which files are one asset, and which assets of two sides are one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Input;
use crate::asset::json::Doc;
use crate::asset::kind::{Kind, asset_id};
use crate::model::path::PackagePath;
use crate::review::recipe::{Recipe, string};

/// The files of one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asset {
    pub(super) kind: Kind,
    /// The file that it is known by.
    pub(super) main: PackagePath,
    /// All of its files, sorted.
    pub(super) parts: Vec<PackagePath>,
}

/// What became of the assets of one side.
#[derive(Default)]
pub(super) struct Pairs {
    /// Assets on both sides of which a file differs.
    pub(super) both: Vec<(Asset, Asset)>,
    pub(super) added: Vec<Asset>,
    pub(super) removed: Vec<Asset>,
    /// Assets of which no file differs.
    pub(super) unchanged: Vec<Asset>,
}

/// Pairs the assets of two sides: those at one path, then of each kind those of equal bytes, recipes that share half of
/// their steps, and those of one name and file name.
pub(super) fn pair(input: &Input<'_>) -> Pairs {
    let mut old = assets(input, input.old.keys().chain(input.same));
    let new = assets(input, input.new.keys().chain(input.same));
    let mut pairs = Pairs::default();
    let mut left = Vec::new();
    for (id, asset) in new {
        let Some(was) = old.remove(&id) else {
            left.push(asset);
            continue;
        };
        let differs = |asset: &Asset, side: &BTreeMap<PackagePath, Vec<u8>>| {
            asset.parts.iter().any(|part| side.contains_key(part))
        };
        if differs(&asset, input.new) || differs(&was, input.old) {
            pairs.both.push((was, asset));
        } else {
            pairs.unchanged.push(asset);
        }
    }
    pairs.removed = old.into_values().collect();
    pairs.added = left;
    if !pairs.removed.is_empty() && !pairs.added.is_empty() {
        by_key(&mut pairs, |asset, is_old| Some(contents(input, asset, is_old)));
        by_steps(input, &mut pairs);
        by_key(&mut pairs, |asset, is_old| {
            Some((name(input, asset, is_old)?, asset.main.file_name().to_owned()))
        });
    }
    pairs
}

/// Returns what an asset is called.
pub(super) fn name(input: &Input<'_>, asset: &Asset, is_old: bool) -> Option<String> {
    let is_json = asset.main.file_name().ends_with(".json") || input.chosen.is_some();
    if !is_json || asset.kind == Kind::File {
        return None;
    }
    let bytes = input.read(&asset.main, is_old)?;
    let doc = Doc::parse(&bytes).ok()?;
    let key = if asset.kind == Kind::CustomAdapter { "title" } else { "name" };
    string(&doc, doc.root(), key).map(std::borrow::Cow::into_owned)
}

fn assets<'p>(input: &Input<'_>, paths: impl Iterator<Item = &'p PackagePath>) -> BTreeMap<&'p str, Asset> {
    let mut assets: BTreeMap<&str, Asset> = BTreeMap::new();
    for path in paths.collect::<BTreeSet<_>>() {
        let kind = input.chosen.clone().unwrap_or_else(|| Kind::of(path));
        let id = if kind == Kind::File { path.as_str() } else { asset_id(path) };
        let is_json = path.file_name().ends_with(".json");
        let asset = assets.entry(id).or_insert_with(|| Asset { kind, main: path.clone(), parts: Vec::new() });
        if is_json {
            asset.main = path.clone();
        }
        asset.parts.push(path.clone());
    }
    assets
}

/// Pairs assets of one kind that have one key, in the order of their paths where several have it.
fn by_key<K: std::hash::Hash + Eq>(pairs: &mut Pairs, key: impl Fn(&Asset, bool) -> Option<K>) {
    let mut places: HashMap<(Kind, K), std::collections::VecDeque<usize>> = HashMap::new();
    for (at, asset) in pairs.removed.iter().enumerate() {
        if let Some(key) = key(asset, true) {
            places.entry((asset.kind.clone(), key)).or_default().push_back(at);
        }
    }
    let mut found = Vec::new();
    for (at, asset) in pairs.added.iter().enumerate() {
        let was = key(asset, false).and_then(|key| places.get_mut(&(asset.kind.clone(), key))?.pop_front());
        found.extend(was.map(|was| (was, at)));
    }
    take(pairs, &found);
}

/// Pairs recipes that share at least half of their steps' uuids, those first that share most.
fn by_steps(input: &Input<'_>, pairs: &mut Pairs) {
    let of = |assets: &[Asset], is_old: bool| -> Vec<BTreeSet<String>> {
        assets.iter().map(|asset| uuids(input, asset, is_old)).collect()
    };
    let (old, new) = (of(&pairs.removed, true), of(&pairs.added, false));
    let mut holders: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, uuids) in old.iter().enumerate() {
        uuids.iter().for_each(|uuid| holders.entry(uuid).or_default().push(at));
    }
    let mut candidates = Vec::new();
    for (at, uuids) in new.iter().enumerate() {
        let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
        // What every recipe has tells nothing, and would take long.
        let telling =
            uuids.iter().filter_map(|uuid| holders.get(uuid.as_str())).filter(|holders| holders.len() <= 8);
        telling.flatten().for_each(|was| *shared.entry(*was).or_default() += 1);
        let enough =
            shared.into_iter().filter(|(was, shared)| 2 * shared >= uuids.len().max(old[*was].len()));
        candidates.extend(enough.map(|(was, shared)| (std::cmp::Reverse(shared), was, at)));
    }
    candidates.sort_unstable();
    let (mut used_old, mut used_new) = (vec![false; old.len()], vec![false; new.len()]);
    let mut found = Vec::new();
    for (_, was, at) in candidates {
        if !used_old[was] && !used_new[at] {
            (used_old[was], used_new[at]) = (true, true);
            found.push((was, at));
        }
    }
    take(pairs, &found);
}

fn uuids(input: &Input<'_>, asset: &Asset, is_old: bool) -> BTreeSet<String> {
    let read = || {
        let bytes = input.read(&asset.main, is_old)?;
        let doc = Doc::parse(&bytes).ok()?;
        let recipe = Recipe::read(&doc).ok()?;
        let uuids = recipe.steps.iter().filter_map(|step| step.uuid.as_deref().map(str::to_owned));
        Some(uuids.collect())
    };
    if asset.kind == Kind::Recipe { read().unwrap_or_default() } else { BTreeSet::new() }
}

/// Returns the ends of an asset's file names, and what is in the files.
fn contents(input: &Input<'_>, asset: &Asset, is_old: bool) -> Vec<(String, Vec<u8>)> {
    let extension =
        |path: &PackagePath| path.file_name().rsplit_once('.').map_or("", |(_, end)| end).to_owned();
    asset
        .parts
        .iter()
        .map(|path| (extension(path), input.read(path, is_old).unwrap_or_default().into_owned()))
        .collect()
}

/// Moves pairs from the lists of what is left to those of what is on both sides.
fn take(pairs: &mut Pairs, found: &[(usize, usize)]) {
    for (was, at) in found {
        pairs.both.push((pairs.removed[*was].clone(), pairs.added[*at].clone()));
    }
    let (old, new): (BTreeSet<usize>, BTreeSet<usize>) = found.iter().copied().unzip();
    let mut at = 0..;
    pairs.removed.retain(|_| at.next().is_some_and(|at| !old.contains(&at)));
    let mut at = 0..;
    pairs.added.retain(|_| at.next().is_some_and(|at| !new.contains(&at)));
}
