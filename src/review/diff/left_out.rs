//! What is on a side and cannot be compared: links, special files, names that no package can have. That it differs is
//! told, and why no more is.

use std::collections::{BTreeMap, BTreeSet};

use super::files::whole;
use super::whole::asset;
use crate::asset::kind::Kind;
use crate::model::oid::BlobId;
use crate::review::change::{AssetChange, AssetDiff, Op, What};

/// What is left out of a side, by its name, which is safe to print.
pub type LeftOut = BTreeMap<String, Odd>;

/// Something that cannot be part of a package.
#[derive(Debug, Clone)]
pub struct Odd {
    /// Why it is left out.
    pub reason: String,
    /// What tells it from another one of the name, as git names contents.
    pub id: [u8; 20],
}

/// Tells of what differs.
pub(super) fn differing(old: &LeftOut, new: &LeftOut) -> Vec<AssetDiff> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let tell = |name: &String| {
        let (was, is) = (old.get(name), new.get(name));
        let (change, op) = match (was, is) {
            (None, _) => (AssetChange::Added, Op::Add),
            (_, None) => (AssetChange::Removed, Op::Remove),
            (Some(was), Some(is)) if was.id == is.id => return None,
            _ => (AssetChange::Changed, Op::Replace),
        };
        let last = name.rsplit('/').next().unwrap_or(name).to_owned();
        // Two that are left out for the same reason would read the same.
        let is_alike = was.zip(is).is_some_and(|(was, is)| was.reason == is.reason);
        let text = |odd: &Odd| {
            let id =
                if is_alike { format!(", git blob {}", BlobId::from_bytes(odd.id)) } else { String::new() };
            format!("not compared, {}{id}", odd.reason)
        };
        let [old, new] = [was, is].map(|odd| odd.map(text));
        let sides = (was.is_some(), is.is_some());
        let told = whole(op, What::Binary, last, sides, (old, new));
        Some(asset(name.clone(), Kind::File, change, change.word().to_owned(), vec![told]))
    };
    names.into_iter().filter_map(tell).collect()
}
