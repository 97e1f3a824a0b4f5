//! Who edited the recipes that an export changed, where the workspace tells.
//!
//! The platform's list of recipes names the author of each one's latest version; it is asked for what was saved since
//! the last look. A nicety that holds up nothing: where it cannot be had, or would take more than a few requests, the
//! daemon is the author.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::error::StepError;
use super::{Wiring, export};
use crate::asset::kind::Kind;
use crate::git::Author;
use crate::model::edits::{Changes, Edit};
use crate::model::oid::BlobId;
use crate::model::path::PackagePath;
use crate::model::project::Source;
use crate::model::state::State;
use crate::review::printable;
use crate::secrets::redacted;
use crate::workato::{ListedRecipe, PER_PAGE, Turn, WorkatoError};

/// More recipes than this are a move or a deployment, and not somebody's edits: as many as the list tells of.
const MAX_RECIPES: usize = MAX_PAGES as usize * PER_PAGE;

/// How many recipes are read for their names at a time.
const AT_ONCE: usize = 100;

/// Larger recipes than this are not read for their names, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// How many pages of the list are read: it is the whole workspace's.
const MAX_PAGES: u32 = 5;

/// How long the workspace may take to tell.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far before the last look the list begins: clocks differ, and an export shows what was saved a little earlier.
const OVERLAP: TimeDelta = TimeDelta::hours(1);

/// Asks who edited the recipes among the changes.
///
/// # Errors
/// When everything is to stop.
pub(super) async fn edits(
    wiring: &Wiring,
    state: &State,
    changes: &Changes,
) -> Result<BTreeMap<PackagePath, Edit>, StepError> {
    let recipes: BTreeMap<&PackagePath, BlobId> = changes
        .iter()
        .filter(|(path, _)| Kind::of(path) == Kind::Recipe)
        .filter_map(|(path, blob)| Some((path, (*blob)?)))
        .collect();
    // What a first look finds is nobody's edit.
    let Some(seen) = &state.seen else { return Ok(BTreeMap::new()) };
    if recipes.is_empty() || recipes.len() > MAX_RECIPES {
        return Ok(BTreeMap::new());
    }
    let since = seen.at - OVERLAP;
    let asked = ask(wiring, export::turn(wiring, state), &recipes, since);
    match tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Ok(BTreeMap::new())) {
        Ok(edits) => Ok(edits),
        Err(StepError::Workato(error)) if !error.is_stopping() => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

async fn ask(
    wiring: &Wiring,
    turn: Turn<'_>,
    recipes: &BTreeMap<&PackagePath, BlobId>,
    since: DateTime<Utc>,
) -> Result<BTreeMap<PackagePath, Edit>, StepError> {
    let mut listed = Vec::new();
    for page in 1..=MAX_PAGES {
        let more = wiring.workspace.client().recipes(turn, since, page).await?;
        let is_last = more.len() < PER_PAGE;
        listed.extend(more);
        if is_last {
            break;
        }
    }
    if listed.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids = match wiring.project.source {
        Source::Folder(folder) => Some(ids(wiring, turn, folder).await?),
        Source::Manifest(_) => None,
    };
    let mut edits = BTreeMap::new();
    for (path, head) in heads(wiring, recipes).await? {
        let id = match &ids {
            Some(ids) => match ids.get(path.as_str()) {
                Some(id) => Some(*id),
                None => continue,
            },
            None => None,
        };
        let mut fits = listed.iter().filter(|recipe| head.is_of(recipe, id));
        // Of two that fit it cannot be told which one it is.
        if let (Some(recipe), None) = (fits.next(), fits.next())
            && let Some(edit) = edit(recipe)
        {
            edits.insert(path.clone(), edit);
        }
    }
    Ok(edits)
}

/// What a recipe's file says of itself.
#[derive(Deserialize)]
struct Head {
    name: String,
    version: u64,
}

impl Head {
    /// Returns whether a recipe of the list is this one, as it was exported: somebody else may have saved it since.
    fn is_of(&self, recipe: &ListedRecipe, id: Option<u64>) -> bool {
        let is_it = id.map_or(recipe.name == self.name, |id| recipe.id == id);
        is_it && recipe.version_no == Some(self.version)
    }
}

/// Reads what the recipes say of themselves; without those that say nothing.
async fn heads<'p>(
    wiring: &Wiring,
    recipes: &BTreeMap<&'p PackagePath, BlobId>,
) -> Result<Vec<(&'p PackagePath, Head)>, StepError> {
    let recipes: Vec<(&PackagePath, BlobId)> = recipes.iter().map(|(path, blob)| (*path, *blob)).collect();
    let mut heads = Vec::new();
    for some in recipes.chunks(AT_ONCE) {
        let blobs = some.iter().map(|(_, blob)| *blob).collect();
        let files = wiring.repository.small_blobs(blobs, MAX_BYTES).await?;
        for ((path, _), bytes) in some.iter().zip(files) {
            let head = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            heads.extend(head.map(|head| (*path, head)));
        }
    }
    Ok(heads)
}

/// Returns the ids of a folder's recipes, by file.
async fn ids(wiring: &Wiring, turn: Turn<'_>, folder: u64) -> Result<BTreeMap<String, u64>, WorkatoError> {
    let assets = wiring.workspace.client().folder_assets(turn, folder).await?;
    let recipes = assets.into_iter().filter(|asset| asset.kind == "recipe");
    Ok(recipes.map(|asset| (asset.zip_name, asset.id)).collect())
}

/// Returns the last save of a recipe, if the workspace tells anything of it. Whom a commit cannot name as they are
/// called is not called otherwise: its text tells who it was.
fn edit(recipe: &ListedRecipe) -> Option<Edit> {
    let (name, email) = (recipe.version_author_name.trim(), recipe.version_author_email.trim());
    let by = format!("{name} <{email}>");
    let is_good = Author::parse(&by).is_ok() && printable::line(&by) == by;
    let some = |text: &str| (!text.is_empty()).then(|| redacted(text).into_owned());
    let unnamed = || match (name, email) {
        (_, "") => some(name),
        ("", _) => some(email),
        _ => some(&by),
    };
    let edit = Edit {
        unnamed: if is_good { None } else { unnamed() },
        by: is_good.then_some(by.clone()),
        at: DateTime::parse_from_rfc3339(&recipe.updated_at).ok().map(|at| at.to_utc()),
        comment: some(recipe.version_comment.trim()),
    };
    (is_good || edit.unnamed.is_some() || edit.comment.is_some()).then_some(edit)
}
