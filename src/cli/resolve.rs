//! `recipesync resolve`: a person settles a conflict.

use std::collections::BTreeMap;

use anyhow::bail;

use super::output::print;
use super::{Context, Exit, select};
use crate::model::path::PackagePath;
use crate::model::plan::{Pair, Take};
use crate::model::state::{Records, State};
use crate::store::{Settlement, Store};

/// Settle conflicts by taking one side
///
/// The decision is recorded, and the next look acts on it; a running daemon looks at once.
/// `--take workspace` commits the workspace's files and imports nothing, `--take branch` imports
/// the branch's.
///
///   recipesync resolve orders --take workspace
///   recipesync resolve orders intake.recipe.json --take branch
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct ResolveArgs {
    /// The project
    #[arg(value_name = "PROJECT")]
    pub project: String,
    /// Paths relative to the project's; all conflicts when none is named
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// The side whose files are taken
    #[arg(long, value_name = "SIDE", value_enum)]
    pub take: Side,
}

/// One of the two sides of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Side {
    /// What the workspace holds
    Workspace,
    /// What the branch holds
    Branch,
}

/// Records what a person decided, for the next look.
pub(super) fn run(context: &Context, args: &ResolveArgs) -> anyhow::Result<Exit> {
    let config = context.config_without_secrets()?;
    let chosen = select(&config, std::slice::from_ref(&args.project))?;
    let name = &chosen[0].name;
    let store = Store::open_beside(&config.state_dir)?;
    let Some((state, _)) = store.state(name)? else { bail!("{name} was not looked at yet") };
    let records = store.records(name)?;
    let take = match args.take {
        Side::Workspace => Take::Workspace,
        Side::Branch => Take::Branch,
    };
    let settlement = settlement(&state, &records, &args.paths, take)?;
    store.settle(name, &settlement)?;
    let side = if take == Take::Branch { "branch" } else { "workspace" };
    let mut text = String::new();
    for (path, _) in &settlement.paths {
        text.push_str(&format!("{name}: {path}: the {side}'s side is taken at the next look\n"));
    }
    if settlement.refusals {
        text.push_str(&format!("{name}: the failed import no longer waits\n"));
    }
    print(text)?;
    Ok(Exit::Done)
}

/// Returns what is settled: the named paths, or all that waits for a decision.
pub(super) fn settlement(
    state: &State,
    records: &Records,
    paths: &[String],
    take: Take,
) -> anyhow::Result<Settlement> {
    let refused: BTreeMap<PackagePath, Pair> = state
        .refusals
        .iter()
        .flat_map(|refusal| &refusal.paths)
        .map(|(path, blob)| {
            let workspace = records.entries.get(path).map(|entry| entry.blob);
            (path.clone(), Pair { workspace, branch: Some(*blob) })
        })
        .collect();
    let mut waiting = refused.clone();
    waiting.extend(state.conflicts.clone());
    waiting.extend(state.guarded.clone());
    let refusals = !refused.is_empty();
    if paths.is_empty() {
        if waiting.is_empty() && state.drift.is_empty() && state.to_prune.is_empty() {
            bail!("nothing waits for a decision");
        }
        if waiting.is_empty() {
            bail!("there is no conflict; name the PATH of a drifted or deleted file to settle that");
        }
        return Ok(Settlement { take, paths: waiting.into_iter().collect(), refusals });
    }
    waiting.extend(state.drift.clone());
    waiting.extend(state.to_prune.clone());
    let mut chosen = Vec::new();
    for path in paths {
        let parsed = PackagePath::parse(path);
        let found = parsed.ok().and_then(|path| waiting.get(&path).map(|pair| (path, *pair)));
        let Some(found) = found else { bail!("nothing waits for a decision at {path}") };
        chosen.push(found);
    }
    let refusals = chosen.iter().any(|(path, _)| refused.contains_key(path));
    Ok(Settlement { take, paths: chosen, refusals })
}
