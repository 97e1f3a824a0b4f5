//! `recipesync merge`: git's merge driver for recipes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::output::complain;
use super::{Context, Exit};
use crate::fs;
use crate::git::{Environment, Git, conflict_style, merge_text};
use crate::model::path::PackagePath;
use crate::review::markers::{Markers, Style};
use crate::review::merge::merge;
use crate::review::printable::{line, one_line};

/// Merge two people's edits of one file
///
/// A recipe is merged step by step and field by field, any other JSON member by
/// member. The result is written into OURS. What both sides changed differently
/// is named on stderr and stands in the result between git's markers, in the style
/// of merge.conflictStyle, and the command ends with 1. What is no JSON is merged
/// by git itself, line by line.
///
///   recipesync merge base.json ours.json theirs.json --path a.recipe.json
///
/// For git, as `recipesync git-setup` sets it up:
///
///   git config merge.workato.driver "recipesync merge %O %A %B --path %P"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct MergeArgs {
    /// What both sides started from; an empty file where both have added it
    #[arg(value_name = "BASE")]
    pub base: PathBuf,
    /// Our side; the result is written here
    #[arg(value_name = "OURS")]
    pub ours: PathBuf,
    /// Their side
    #[arg(value_name = "THEIRS")]
    pub theirs: PathBuf,
    /// The file's name, which tells what it is
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    pub path: Option<PathBuf>,
    /// How many signs a conflict marker has
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    pub marker_size: u16,
    /// What our side is called in conflict markers
    #[arg(long, value_name = "LABEL", default_value = "ours", allow_hyphen_values = true)]
    pub ours_label: OsString,
    /// What both sides started from is called there
    #[arg(long, value_name = "LABEL", default_value = "base", allow_hyphen_values = true)]
    pub base_label: OsString,
    /// What their side is called there
    #[arg(long, value_name = "LABEL", default_value = "theirs", allow_hyphen_values = true)]
    pub theirs_label: OsString,
}

impl MergeArgs {
    /// Returns how conflicts are marked.
    fn markers(&self, style: Style) -> Markers {
        // Git before 2.44 hands on the placeholders as they are.
        let label = |given: &OsString, placeholder: &str, name: &str| {
            if given == placeholder { name.to_owned() } else { one_line(&given.to_string_lossy()) }
        };
        Markers {
            style,
            size: self.marker_size.into(),
            ours: label(&self.ours_label, "%X", "ours"),
            base: label(&self.base_label, "%S", "base"),
            theirs: label(&self.theirs_label, "%Y", "theirs"),
        }
    }
}

/// The largest file that is merged, in bytes: what one entry of a package may hold.
const MAX_BYTES: u64 = 64 << 20;

/// Merges, and says what could not be.
pub(super) async fn run(context: &Context, args: &MergeArgs) -> anyhow::Result<Exit> {
    let read = |file: &Path| fs::read(file, MAX_BYTES);
    let (base, ours, theirs) = (read(&args.base)?, read(&args.ours)?, read(&args.theirs)?);
    let named = args.path.as_deref().unwrap_or(&args.ours);
    let merged = name(named).and_then(|path| merge(&path, &base, &ours, &theirs));
    let Some(merged) = merged else { return by_lines(context, args).await };
    // What cannot be asked is no reason to leave a person without the conflict.
    let style = if merged.conflicts.is_empty() { None } else { style(context).await.ok() };
    let text = merged.text(&args.markers(style.unwrap_or(Style::Merge)));
    if text != ours {
        fs::overwrite(&args.ours, &text)?;
    }
    for conflict in &merged.conflicts {
        complain(&format!("conflict in {}: {conflict}", line(&named.to_string_lossy())));
    }
    Ok(if merged.conflicts.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Returns what the file is called; a name that says nothing stands for JSON, which is read by its content. `None` for
/// what is no JSON by its name.
fn name(path: &Path) -> Option<PackagePath> {
    let file = path.file_name()?.to_str()?;
    match file.rsplit_once('.') {
        Some((_, "json")) => PackagePath::parse(file).ok().or_else(|| PackagePath::parse("file.json").ok()),
        Some((stem, _)) if !stem.is_empty() => None,
        _ => PackagePath::parse("file.json").ok(),
    }
}

/// Returns the style of conflicts that a person wants.
async fn style(context: &Context) -> anyhow::Result<Style> {
    let scratch = fs::scratch_folder()?;
    let git = install(context, scratch.path()).await?;
    let named = conflict_style(&git, context.environment().folder()).await?;
    Ok(named.map_or(Style::Merge, |name| Style::named(&name)))
}

/// Lets git merge texts as it does without us.
async fn by_lines(context: &Context, args: &MergeArgs) -> anyhow::Result<Exit> {
    let scratch = fs::scratch_folder()?;
    let git = install(context, scratch.path()).await?;
    let absolute = |file: &Path| std::path::absolute(file).context("find the working folder");
    let (ours, base, theirs) = (absolute(&args.ours)?, absolute(&args.base)?, absolute(&args.theirs)?);
    let Markers { ours: our_label, base: base_label, theirs: their_label, size, .. } =
        args.markers(Style::Merge);
    let (files, labels) = ([&*ours, &base, &theirs], [&*our_label, &base_label, &their_label]);
    match merge_text(&git, context.environment().folder(), files, labels, size).await? {
        Ok(()) => Ok(Exit::Done),
        Err(said) => {
            complain(&said);
            Ok(Exit::Failed)
        }
    }
}

async fn install(context: &Context, scratch: &Path) -> anyhow::Result<Git> {
    let variables = context.environment().variables();
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(Git::install(scratch, Environment::new(variables, &[])).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whether_it_is_json() {
        let told = |path: &str| name(Path::new(path)).map(|path| path.to_string());
        assert_eq!(told("orders/a.recipe.json").as_deref(), Some("a.recipe.json"));
        assert_eq!(told(".merge_file_a1b2c3").as_deref(), Some("file.json"));
        assert_eq!(told("x").as_deref(), Some("file.json"));
        assert_eq!(told("a.custom_adapter.rb"), None);
    }
}
