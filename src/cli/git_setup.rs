//! `recipesync git-setup`: make git print and merge recipes in a clone.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::output::print;
use super::{Context, Exit};
use crate::fs;
use crate::git::{Clone, Environment, Git};

/// Make `git diff`, `git log -p` and `git merge` understand recipes in a clone
///
/// Adds lines to the clone's .gitattributes, which are to be committed, and keys
/// to its own configuration, which does not travel with it: run it once in each
/// clone. Git then runs recipesync, which has to be in its PATH. What else stands
/// in both is kept, and --remove takes out exactly what was added, and what git
/// has cached of it. Nothing is staged or committed. The working trees of one
/// repository share its configuration: --remove leaves that as it is while the
/// attributes of another one ask for it, and says so.
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

/// What is added to the clone's configuration. Git puts a file's name behind the first, whatever it starts with.
const SETTINGS: [(&str, &str); 4] = [
    ("diff.workato.textconv", "recipesync show --stable --"),
    ("diff.workato.cachetextconv", "true"),
    ("merge.workato.name", "recipesync three-way merge"),
    ("merge.workato.driver", "recipesync merge %O %A %B --path %P"),
];

/// What was added to a clone, which is kept in its configuration until it is taken out again.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Added {
    /// Whether there was no file of attributes.
    file: bool,
    /// What was added at its end, with the line break before it where there was none.
    text: String,
    /// The keys that were set.
    keys: Vec<String>,
}

/// Where that is kept.
const ADDED: &str = "recipesync.added";

/// Where git keeps the outlines that it has asked for.
const CACHE: &str = "refs/notes/textconv/workato";

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
    let told = if args.remove { remove(&clone).await? } else { add(&clone).await? };
    print(if told.is_empty() { format!("nothing to do in {}\n", clone.folder().display()) } else { told })?;
    Ok(Exit::Done)
}

async fn add(clone: &Clone) -> anyhow::Result<String> {
    let file = clone.folder().join(ATTRIBUTES);
    let before = read(&file)?;
    let mut missing = Vec::new();
    for (key, value) in SETTINGS {
        match clone.setting(key).await? {
            // A driver may be told more, as what the sides are called.
            Some(set) if set == value || set.starts_with(&format!("{value} ")) => {}
            Some(set) => anyhow::bail!(
                "{key} is set to {set:?} in {}; take it out first: git config --unset {key}",
                clone.folder().display()
            ),
            None => missing.push((key, value)),
        }
    }
    let text = missing_lines(before.as_deref().unwrap_or_default());
    let mut told = String::new();
    if missing.is_empty() && text.is_empty() {
        return Ok(told);
    }
    // Kept before anything is done, so that whatever was done can be taken out.
    let mut added = added(clone).await?.unwrap_or_default();
    added.file |= before.is_none();
    // Another working tree may have been given the same.
    if !added.text.contains(text.trim_start_matches('\n')) {
        added.text.push_str(&text);
    }
    added.keys.extend(missing.iter().map(|(key, _)| (*key).to_owned()));
    clone.set(ADDED, &serde_json::to_string(&added)?).await?;
    for (key, value) in missing {
        clone.set(key, value).await?;
        told.push_str(&format!("set {key} to {value:?}\n"));
    }
    if !text.is_empty() {
        fs::overwrite(&file, &[before.unwrap_or_default().as_slice(), text.as_bytes()].concat())?;
        told.push_str(&format!("wrote {}\n", file.display()));
    }
    Ok(told)
}

async fn remove(clone: &Clone) -> anyhow::Result<String> {
    let file = clone.folder().join(ATTRIBUTES);
    let before = read(&file)?;
    let mut told = String::new();
    let Some(added) = added(clone).await? else { return Ok(told) };
    let mut others = clone.others().await?;
    others.retain(|folder| {
        read(&folder.join(ATTRIBUTES)).ok().flatten().is_some_and(|attributes| asks_for_us(&attributes))
    });
    if others.is_empty() {
        told.push_str(&unset(clone, &added).await?);
    }
    if let Some(before) = before {
        let after = without(&before, &added.text);
        if after.is_empty() && added.file {
            fs::remove_file(&file)?;
        } else if after != before {
            fs::overwrite(&file, &after)?;
        }
        if after != before {
            told.push_str(&format!("wrote {}\n", file.display()));
        }
    }
    for folder in &others {
        told.push_str(&format!(
            "kept the configuration, for which the attributes of {} ask as well; take them out there too\n",
            folder.display()
        ));
    }
    if others.is_empty() {
        clone.unset(ADDED).await?;
    }
    Ok(told)
}

/// Takes the keys that were added out of the configuration, and what git has kept since.
async fn unset(clone: &Clone, added: &Added) -> anyhow::Result<String> {
    let mut told = String::new();
    for (key, value) in SETTINGS.iter().filter(|(key, _)| added.keys.iter().any(|added| added == key)) {
        if clone.setting(key).await?.as_deref() == Some(value) {
            clone.unset(key).await?;
            told.push_str(&format!("unset {key}\n"));
        }
    }
    if clone.forget(CACHE).await? {
        told.push_str(&format!("deleted {CACHE}\n"));
    }
    Ok(told)
}

/// Reads what was added to a clone.
async fn added(clone: &Clone) -> anyhow::Result<Option<Added>> {
    let kept = clone.setting(ADDED).await?;
    kept.map(|kept| {
        serde_json::from_str(&kept)
            .with_context(|| format!("{ADDED} cannot be read; take it out: git config --unset {ADDED}"))
    })
    .transpose()
}

/// Reads the file of attributes, if there is one.
fn read(file: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let Ok(found) = file.symlink_metadata() else { return Ok(None) };
    if found.is_symlink() {
        anyhow::bail!(
            "{} is a link, which git does not read and recipesync does not write through; put a file in its place",
            file.display()
        );
    }
    Ok(Some(fs::read(file, MAX_BYTES)?))
}

/// Returns those of our lines that the text does not have yet, as they are put at its end.
fn missing_lines(before: &[u8]) -> String {
    let is_there = |line: &&str| before.split(|byte| *byte == b'\n').any(|there| is_line(there, line));
    let missing: String =
        LINES.iter().filter(|line| !is_there(line)).map(|line| format!("{line}\n")).collect();
    let is_open = before.last().is_some_and(|last| *last != b'\n');
    if is_open && !missing.is_empty() { format!("\n{missing}") } else { missing }
}

/// Returns the text without what was added to it. Where somebody has edited that, each line that is still there is taken
/// out once, the last one of several.
fn without(before: &[u8], added: &str) -> Vec<u8> {
    let starts_line = |at: usize| added.starts_with('\n') || at == 0 || before[at - 1] == b'\n';
    let found = before.windows(added.len().max(1)).rposition(|part| part == added.as_bytes());
    if let Some(at) = found.filter(|at| starts_line(*at)) {
        let rest = &before[at + added.len()..];
        // Lines that came behind keep the break before them.
        let kept = if added.starts_with('\n') && !rest.is_empty() { &b"\n"[..] } else { b"" };
        return [&before[..at], kept, rest].concat();
    }
    let mut lines: Vec<&[u8]> = before.split_inclusive(|byte| *byte == b'\n').collect();
    for own in added.lines().filter(|own| !own.is_empty()) {
        if let Some(at) = lines.iter().rposition(|there| is_line(there, own)) {
            lines.remove(at);
        }
    }
    lines.concat()
}

/// Returns whether attributes name what is configured.
fn asks_for_us(attributes: &[u8]) -> bool {
    let mut words = attributes.split(u8::is_ascii_whitespace);
    words.any(|word| matches!(word, b"diff=workato" | b"merge=workato"))
}

/// Returns whether a line is one of ours, whatever it ends with.
fn is_line(there: &[u8], line: &str) -> bool {
    there.trim_ascii_end() == line.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(before: &[u8]) -> Vec<u8> {
        [before, missing_lines(before).as_bytes()].concat()
    }

    #[test]
    fn lines_are_added_once_and_taken_out_alone() {
        let ours = LINES.map(|line| format!("{line}\n")).concat();
        for (before, after) in [
            ("", ours.clone()),
            ("*.png binary\n", format!("*.png binary\n{ours}")),
            ("*.png binary", format!("*.png binary\n{ours}")),
            (&format!("{}\r\nx\n", LINES[0]), format!("{}\r\nx\n{}\n{}\n", LINES[0], LINES[1], LINES[2])),
            (&format!("a\n{ours}b"), format!("a\n{ours}b")),
        ] {
            let added = with(before.as_bytes());
            assert_eq!(String::from_utf8_lossy(&added), after);
            assert_eq!(with(&added), added, "again");
            let back = without(&added, &missing_lines(before.as_bytes()));
            assert_eq!(String::from_utf8_lossy(&back), before);
        }
        assert_eq!(with(b"*.recipe.json diff=workato\n").split(|byte| *byte == b'\n').count(), 5);
    }

    #[test]
    fn what_was_added_is_taken_out_of_an_edited_file() {
        let added = missing_lines(b"a");
        let edited = |edit: &dyn Fn(String) -> String| {
            let after = edit(format!("a{added}"));
            String::from_utf8(without(after.as_bytes(), &added)).unwrap()
        };
        assert_eq!(edited(&|text| format!("{text}b\n")), "a\nb\n");
        assert_eq!(edited(&|text| text.replace('\n', "\r\n")), "a\r\n");
        assert_eq!(edited(&|text| text.replace(LINES[1], "b")), "a\nb\n");
        assert_eq!(edited(&|text| format!("{}\n{text}", LINES[0])), format!("{}\na", LINES[0]));
    }
}
