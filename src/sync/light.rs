//! The light end of a look: the folder's list and the branches are as they were when an export was taken in whole, so
//! that nothing is asked of the platform that is dear, and nothing is to be done.
//!
//! It can only find that nothing changed: whatever else there is to find is left to an export. The list is taken before
//! the export that it stands for is asked for, so that an edit in between is in the export, or shows in the next list.

use tracing::debug;

use super::error::StepError;
use super::observe::named;
use super::workspace::Listing;
use super::{Now, Stepped, Wiring, rest};
use crate::model::basis::{Basis, Course, Sight, course};
use crate::model::project::Mode;
use crate::model::state::State;
use crate::workato::FolderAsset;

/// Counts the ways in which signatures were made: one that was made in another way is never taken for equal.
const FORMAT: u32 = 3;

/// Returns what a folder holds.
pub(super) fn listing(assets: &[FolderAsset]) -> Listing {
    let line = |asset: &FolderAsset| (asset.zip_name.clone(), asset.kind.clone(), asset.id, asset.version);
    assets.iter().map(line).collect()
}

/// Names all that a folder's list says, in whatever order it says it, and what decides how an export of the folder is
/// taken in: with other settings it is another export.
pub(super) fn signature(wiring: &Wiring, state: &State, assets: &[FolderAsset]) -> String {
    let project = &wiring.project;
    let settings = format!(
        "{:?} {} {:?} {} {:?}",
        state.workspace_id,
        wiring.pairing(),
        project.import,
        project.max_delete,
        project.secrets,
    );
    digest(&settings, assets.iter().map(|asset| asset.said).collect())
}

fn digest(settings: &str, mut said: Vec<[u8; 32]>) -> String {
    said.sort_unstable();
    let settings = blake3::hash(settings.as_bytes());
    named(&[&FORMAT.to_be_bytes()[..], settings.as_bytes(), said.as_flattened()].concat())
}

/// Ends a look before its export, where nothing has changed since the one that it can rest on.
pub(super) async fn end(
    wiring: &Wiring,
    state: &State,
    basis: Option<&Basis>,
    listing: &str,
    clock: Now,
) -> Result<Option<Stepped>, StepError> {
    // Where the list alone asks for an export, where the branches are is found out beside it. As of the last poll will
    // do: nothing is written by what is found, and where a branch has moved since, the next look finds it. So the
    // projects of a repository that look one after another do not each look at the upstream.
    let is_listed = basis.is_some_and(|basis| basis.listing == listing);
    let tips = if is_listed { rest::tips(wiring, state, wiring.poll_age(), clock).await? } else { None };
    let branches = tips.as_ref().map(|tips| tips.name(wiring.mode()));
    let sight = Sight { listing: Some(listing), branches: branches.as_deref() };
    let course = course(basis, sight, wiring.project.full_export, clock.time);
    let (Some(basis), Some(tips), Course::Light) = (basis, tips, course) else {
        if let Course::Full(why) = course {
            debug!("asking for an export: {}", why.words());
        }
        return Ok(None);
    };
    debug!("no export: the folder's list and the branches are as at the last one");
    let state = Box::new(State { basis: Some(basis.clone()), ..state.clone() });
    Ok(Some(rest::settle(wiring, state, tips, clock.time, clock)))
}

/// Returns whether later looks can rest on a full one that has ended like this: everything was taken in, and nothing
/// waits. A look that has found where each path is agreed will find the same again; with two branches, where paths may
/// wait to be merged, so will one that has learnt nothing new of any path.
pub(super) fn can_rest(mode: Mode, state: &State, is_unmoved: bool) -> bool {
    rest::is_at_rest(state) && (state.rest.is_some() || mode == Mode::TwoBranches && is_unmoved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_all_that_is_said_in_whatever_order() {
        let [one, other, edited] = [[1; 32], [2; 32], [3; 32]];
        let signature = digest("settings", vec![one, other]);
        assert_eq!(signature, digest("settings", vec![other, one]));
        for (settings, said) in [
            ("other settings", vec![one, other]),
            ("settings", vec![one]),
            ("settings", vec![one, other, other]),
            ("settings", vec![one, edited]),
            ("", vec![one, other]),
        ] {
            assert_ne!(signature, digest(settings, said.clone()), "{settings:?} {said:?}");
        }
    }
}
