//! Who edited the recipes that an export changed, where the workspace tells.
//!
//! The platform's list of recipes names the author of each one's latest version; it is asked for what was saved since
//! the last look. A nicety that holds up nothing: where it cannot be had, or would take more than a few requests, the
//! daemon is the author.

use std::collections::BTreeMap;

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
use crate::workato::{ListedRecipe, PER_PAGE, Turn, WorkatoError};

/// More recipes than this are a move or a deployment, and not somebody's edits.
const MAX_RECIPES: usize = 100;

/// Larger recipes than this are not read for their names, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// How many pages of the list are read: it is the whole workspace's.
const MAX_PAGES: u32 = 3;

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
    match ask(wiring, export::turn(wiring, state), &recipes, since).await {
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
    let known = match wiring.project.source {
        Source::Folder(folder) => by_id(wiring, turn, folder, recipes).await?,
        Source::Manifest(_) => by_name(wiring, recipes).await?,
    };
    let found = |(path, known): (&&PackagePath, &Known)| {
        let recipe = listed.iter().find(|recipe| known.is(recipe))?;
        Some(((*path).clone(), edit(recipe)?))
    };
    Ok(known.iter().filter_map(found).collect())
}

/// What a recipe of the list is known by.
enum Known {
    Id(u64),
    /// The name is unique in a folder alone: the version has to be the same as well.
    Saved {
        name: String,
        version: u64,
    },
}

impl Known {
    fn is(&self, recipe: &ListedRecipe) -> bool {
        match self {
            Self::Id(id) => recipe.id == *id,
            Self::Saved { name, version } => recipe.name == *name && recipe.version_no == Some(*version),
        }
    }
}

async fn by_id<'a>(
    wiring: &Wiring,
    turn: Turn<'_>,
    folder: u64,
    recipes: &BTreeMap<&'a PackagePath, BlobId>,
) -> Result<BTreeMap<&'a PackagePath, Known>, WorkatoError> {
    let assets = wiring.workspace.client().folder_assets(turn, folder).await?;
    let ids: BTreeMap<&str, u64> = assets
        .iter()
        .filter(|asset| asset.kind == "recipe")
        .map(|asset| (asset.zip_name.as_str(), asset.id))
        .collect();
    let id = |path: &&'a PackagePath| Some((*path, Known::Id(*ids.get(path.as_str())?)));
    Ok(recipes.keys().filter_map(id).collect())
}

async fn by_name<'a>(
    wiring: &Wiring,
    recipes: &BTreeMap<&'a PackagePath, BlobId>,
) -> Result<BTreeMap<&'a PackagePath, Known>, StepError> {
    #[derive(Deserialize)]
    struct Head {
        name: String,
        version: u64,
    }
    let files = wiring.repository.small_blobs(recipes.values().copied().collect(), MAX_BYTES).await?;
    let mut found: BTreeMap<(String, u64), Vec<&'a PackagePath>> = BTreeMap::new();
    for (path, bytes) in recipes.keys().zip(files) {
        let head = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(Head { name, version }) = head {
            found.entry((name, version)).or_default().push(path);
        }
    }
    // Of two alike it cannot be told which one the list means.
    let single = |((name, version), paths): (_, Vec<&'a PackagePath>)| match paths[..] {
        [path] => Some((path, Known::Saved { name, version })),
        _ => None,
    };
    Ok(found.into_iter().filter_map(single).collect())
}

/// Returns the last save of a recipe, if the workspace names somebody whom a commit can name.
fn edit(recipe: &ListedRecipe) -> Option<Edit> {
    let by = format!("{} <{}>", recipe.version_author_name.trim(), recipe.version_author_email.trim());
    Author::parse(&by).ok()?;
    let comment = recipe.version_comment.trim();
    let at = DateTime::parse_from_rfc3339(&recipe.updated_at).ok().map(|at| at.to_utc());
    Some(Edit { by, at, comment: (!comment.is_empty()).then(|| comment.to_owned()) })
}
