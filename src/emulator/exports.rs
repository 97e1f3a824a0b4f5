//! What an export holds: the files of the manifest's assets as they are now, zipped as the platform does.

use std::collections::BTreeSet;
use std::io::{Cursor, Read as _};

use chrono::{DateTime, Utc};

use super::answer::Call;
use super::faults::Then;
use super::hostile;
use super::json::Value;
use super::stored::Asset;
use super::world::World;
use super::zipper::{self, Entry};

/// Builds the zip of an export; the error is the job's.
pub(super) fn build(world: &World, call: &Call, package: u64, now: DateTime<Utc>) -> Result<Vec<u8>, String> {
    let manifest = world.manifests.get(&call.id).ok_or("manifest not found")?;
    let mut entries = Vec::new();
    let mut folders = BTreeSet::new();
    for listed in &manifest.assets {
        let Some(asset) = world.assets.get(&listed.id) else {
            if world.settings.gone_asset_fails {
                return Err(format!("{}: asset not found", listed.zip_name));
            }
            continue;
        };
        let stem = listed.zip_name.strip_suffix("json").unwrap_or(&listed.zip_name);
        for (ext, blob) in &asset.files {
            let path = format!("{stem}{ext}");
            for (at, _) in path.match_indices('/') {
                if folders.insert(path[..at].to_owned()) {
                    entries.push(Entry::folder(&path[..at]));
                }
            }
            entries.push(match noisy(world, asset, ext, blob.bytes(), package, now) {
                Some(bytes) => Entry::file(&path, &bytes),
                None => Entry::packed(&path, blob.packed().clone()),
            });
        }
    }
    if world.settings.utf8_flag {
        for entry in entries.iter_mut().filter(|entry| !entry.name.is_ascii()) {
            entry.flags |= 1 << 11;
        }
    }
    spoil(entries, &call.faults, now)
}

/// Applies the faults that concern the zip.
fn spoil(mut entries: Vec<Entry>, faults: &[Then], now: DateTime<Utc>) -> Result<Vec<u8>, String> {
    if faults.contains(&Then::Empty) {
        entries.clear();
    }
    if faults.contains(&Then::Foreign) {
        entries = vec![Entry::file("foreign.recipe.json", b"{\n  \"name\": \"Foreign\"\n}")];
    }
    let hostile =
        faults.iter().find_map(|then| if let Then::Hostile { name } = then { Some(name) } else { None });
    let mut zip = match hostile {
        Some(name) => {
            hostile::pack(entries, name, now).ok_or_else(|| format!("unknown hostile package {name}"))?
        }
        None => zipper::write(&entries, now),
    };
    for then in faults {
        match then {
            Then::Truncate { keep } => zip.truncate(*keep),
            Then::Oversize { bytes } => {
                let length = zip.len().max(*bytes);
                zip.resize(length, b'~');
            }
            _ => {}
        }
    }
    Ok(zip)
}

/// Returns a file with the noise that the platform adds to this export, if it adds any.
fn noisy(
    world: &World,
    asset: &Asset,
    ext: &str,
    bytes: &[u8],
    package: u64,
    now: DateTime<Utc>,
) -> Option<Vec<u8>> {
    match (asset.kind.as_str(), ext) {
        ("properties", "json") if world.settings.shuffle_properties => shuffle(bytes, package),
        ("lcap_page", "zip") => retime(bytes, now),
        _ => None,
    }
}

/// Turns the order of the keys; which comes first depends on the package.
fn shuffle(bytes: &[u8], package: u64) -> Option<Vec<u8>> {
    let Some(Value::Map(mut pairs)) = Value::parse(bytes) else { return None };
    let by = usize::try_from(package).unwrap_or(0) % pairs.len().max(1);
    pairs.rotate_left(by);
    Some(Value::Map(pairs).pretty().into())
}

/// Zips a page anew: its entry's time is the export's.
fn retime(bytes: &[u8], now: DateTime<Utc>) -> Option<Vec<u8>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut entries = Vec::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).ok()?;
        let mut data = Vec::new();
        file.read_to_end(&mut data).ok()?;
        entries.push(Entry::file(file.name().ok()?.as_ref(), &data));
    }
    Some(zipper::write(&entries, now))
}
