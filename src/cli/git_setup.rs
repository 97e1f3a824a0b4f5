//! `recipesync git-setup`: make git print and merge recipes in a clone.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::output::print;
use super::{Context, Exit};
use crate::fs;
use crate::git::{Clone, Environment, Git};

/// Make `git diff`, `git log -p` and `git merge` understand recipes in a clone
///
/// Adds lines to the clone's .gitattributes, which are to be committed, and keys to its own
/// configuration, which does not travel with it: run it once in each clone. Git then runs
/// recipesync, which has to be in its PATH. What else stands in both is kept, and --remove takes
/// out exactly what was added. Nothing is staged or committed.
///
///   recipesync git-setup
///   recipesync git-setup ~/work/recipes --remove
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct GitSetupArgs {
    /// A folder of the clone
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    /// Undo it
    #[arg(long)]
    pub remove: bool,
}

/// Where git reads which files are whose.
const ATTRIBUTES: &str = ".gitattributes";

/// The largest such file, in bytes: git reads no larger one.
const MAX_BYTES: u64 = 100 << 20;

/// What is added to it.
const LINES: [&str; 3] = [
    "*.recipe.json        diff=workato merge=workato",
    "*.custom_adapter.rb  diff=ruby",
    "*.lcap_page.zip      diff=workato",
];

/// What is added to the clone's configuration.
const SETTINGS: [(&str, &str); 4] = [
    ("diff.workato.textconv", "recipesync show --stable"),
    ("diff.workato.cachetextconv", "true"),
    ("merge.workato.name", "recipesync three-way merge"),
    ("merge.workato.driver", "recipesync merge %O %A %B --path %P"),
];

/// Adds or takes out, and says what was changed.
pub(super) async fn run(context: &Context, args: &GitSetupArgs) -> anyhow::Result<Exit> {
    let scratch = fs::scratch_folder()?;
    let variables = context.environment().variables();
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let git = Git::install(scratch.path(), Environment::new(variables, &[])).await?;
    let folder = std::path::absolute(&args.folder).context("find the working folder")?;
    let Some(clone) = Clone::find(&git, &folder).await? else {
        anyhow::bail!("{} is not in a clone with a working tree", args.folder.display());
    };
    let file = clone.folder().join(ATTRIBUTES);
    let before = read(&file)?;
    let mut told = String::new();
    if args.remove {
        for (key, value) in SETTINGS {
            if clone.setting(key).await?.as_deref() == Some(value) {
                clone.unset(key).await?;
                told.push_str(&format!("unset {key}\n"));
            }
        }
    } else {
        let mut missing = Vec::new();
        for (key, value) in SETTINGS {
            match clone.setting(key).await? {
                Some(set) if set == value => {}
                Some(set) => anyhow::bail!(
                    "{key} is set to {set:?} in {}; take it out first: git config --unset {key}",
                    clone.folder().display()
                ),
                None => missing.push((key, value)),
            }
        }
        for (key, value) in missing {
            clone.set(key, value).await?;
            told.push_str(&format!("set {key} to {value:?}\n"));
        }
    }
    let after = if args.remove { without_lines(&before) } else { with_lines(&before) };
    if after != before {
        if after.is_empty() {
            fs::remove_file(&file)?;
        } else {
            fs::overwrite(&file, &after)?;
        }
        told.push_str(&format!("wrote {}\n", file.display()));
    }
    print(if told.is_empty() { format!("nothing to do in {}\n", clone.folder().display()) } else { told })?;
    Ok(Exit::Done)
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let Ok(found) = file.symlink_metadata() else { return Ok(Vec::new()) };
    if found.is_symlink() {
        anyhow::bail!(
            "{} is a link, which git does not read and recipesync does not write through; put a file in its place",
            file.display()
        );
    }
    Ok(fs::read(file, MAX_BYTES)?)
}

/// Returns the text with those of our lines that it does not have yet, at its end.
fn with_lines(before: &[u8]) -> Vec<u8> {
    let mut after = before.to_vec();
    for line in LINES {
        if before.split(|byte| *byte == b'\n').any(|there| is_line(there, line)) {
            continue;
        }
        if after.last().is_some_and(|last| *last != b'\n') {
            after.push(b'\n');
        }
        after.extend_from_slice(line.as_bytes());
        after.push(b'\n');
    }
    after
}

/// Returns the text without our lines.
fn without_lines(before: &[u8]) -> Vec<u8> {
    let others = before.split_inclusive(|byte| *byte == b'\n');
    others.filter(|there| !LINES.iter().any(|line| is_line(there, line))).flatten().copied().collect()
}

/// Returns whether a line is one of ours, whatever it ends with.
fn is_line(there: &[u8], line: &str) -> bool {
    there.trim_ascii_end() == line.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_once_and_taken_out_alone() {
        let ours = LINES.map(|line| format!("{line}\n")).concat();
        for (before, after) in [
            ("", ours.clone()),
            ("*.png binary\n", format!("*.png binary\n{ours}")),
            ("*.png binary", format!("*.png binary\n{ours}")),
            (&format!("{}\r\nx\n", LINES[0]), format!("{}\r\nx\n{}\n{}\n", LINES[0], LINES[1], LINES[2])),
        ] {
            let added = with_lines(before.as_bytes());
            assert_eq!(String::from_utf8_lossy(&added), after);
            assert_eq!(with_lines(&added), added, "again");
        }
        let kept = "*.png binary\n*.recipe.json diff=workato\n";
        assert_eq!(without_lines(&with_lines(kept.as_bytes())), kept.as_bytes());
        assert_eq!(without_lines(kept.as_bytes()), kept.as_bytes());
    }
}
