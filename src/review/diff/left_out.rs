//! What is on a side and cannot be compared: links, special files, names that no package can have. That it differs is
//! told, and why no more is.

use std::collections::BTreeMap;

use super::files::whole;
use super::whole::asset;
use crate::asset::kind::Kind;
use crate::model::oid::BlobId;
use crate::review::change::{AssetChange, AssetDiff, Op, What};

/// What is left out of a side, each by its name, which is safe to print. Several may have the same one: what cannot be
/// printed of their own is written out or replaced.
pub type LeftOut = Vec<(String, Odd)>;

/// Something that cannot be part of a package.
#[derive(Debug, Clone)]
pub struct Odd {
    /// Why it is left out.
    pub reason: String,
    /// What tells it from another one of the name, as git names contents.
    pub id: [u8; 20],
}

/// What has one name on both sides, by its ids.
type Named<'o> = BTreeMap<[u8; 20], (Vec<&'o Odd>, Vec<&'o Odd>)>;

/// Tells of what differs.
pub(super) fn differing(old: &LeftOut, new: &LeftOut) -> Vec<AssetDiff> {
    let mut names: BTreeMap<&str, Named<'_>> = BTreeMap::new();
    for (name, odd) in old {
        names.entry(name).or_default().entry(odd.id).or_default().0.push(odd);
    }
    for (name, odd) in new {
        names.entry(name).or_default().entry(odd.id).or_default().1.push(odd);
    }
    names.iter().flat_map(|(name, named)| tell(name, named)).collect()
}

/// Tells of what has one name. What is on both sides is the same.
fn tell(name: &str, named: &Named<'_>) -> Vec<AssetDiff> {
    let mut old = named.values().flat_map(|(was, is)| was.iter().skip(is.len()));
    let mut new = named.values().flat_map(|(was, is)| is.iter().skip(was.len()));
    let tell = |was: Option<&Odd>, is: Option<&Odd>| {
        let (change, op) = match (was, is) {
            (None, _) => (AssetChange::Added, Op::Add),
            (_, None) => (AssetChange::Removed, Op::Remove),
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
        asset(name.to_owned(), Kind::File, change, change.word().to_owned(), vec![told])
    };
    let pairs = std::iter::from_fn(|| match (old.next(), new.next()) {
        (None, None) => None,
        (was, is) => Some(tell(was.copied(), is.copied())),
    });
    pairs.collect()
}
