//! `recipesync diff`: what differs between two files, folders, packages or revisions.

mod side;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use clap::builder::{OsStringValueParser, TypedValueParser};

use self::side::{Held, Side, Tree};
use super::output::print;
use super::{Context, Exit};
use crate::asset::json::Doc;
use crate::asset::kind::Kind;
use crate::git;
use crate::model::path::PackagePath;
use crate::review::change::{Diff, Sameness};
use crate::review::diff::{Input, LeftOut, diff};
use crate::review::json::json;
use crate::review::markdown;
use crate::review::printable::line;
use crate::review::text::{Options, text};

/// Compare recipes and all other assets
///
/// A recipe step by step: what was added, removed, moved and changed, in the
/// words of the editor. What follows from something else (numbers, schemas,
/// generated ids) is folded into a line.
///
/// Each side is a file, a folder, a package (.zip), or a revision of the
/// repository around the working folder: REV, or REV:PATH. A file or folder of
/// that name comes first.
///
///   recipesync diff old.zip new.zip
///   recipesync diff HEAD~3:orders orders
///   recipesync diff main feature --format markdown
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct DiffArgs {
    /// The old side
    #[arg(value_name = "OLD", value_parser = side_parser())]
    pub old: OsString,
    /// The new side
    #[arg(value_name = "NEW", value_parser = side_parser())]
    pub new: OsString,
    /// How it is told
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
    /// Exit with 2 when the sides differ in meaning
    #[arg(long)]
    pub exit_code: bool,
    /// The most characters of Markdown; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = markdown::MAX_CHARS)]
    pub max_chars: usize,
    /// With a flow chart of each changed recipe, in Markdown
    #[arg(long)]
    pub diagram: bool,
    /// Tell what is folded in full
    #[arg(long)]
    pub derived: bool,
}

/// Takes any name but an empty one, which a variable that is not set leaves behind.
fn side_parser() -> impl TypedValueParser<Value = OsString> {
    let named = |name: OsString| if name.is_empty() { Err("it names nothing") } else { Ok(name) };
    OsStringValueParser::new().try_map(named)
}

/// How a comparison is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, with colours on a terminal
    Text,
    /// For a comment in a pull request
    Markdown,
    /// For programs; the keys are described in README.md
    Json,
}

/// Compares the sides and prints what differs.
pub(super) fn run(context: &Context, args: &DiffArgs) -> anyhow::Result<Exit> {
    let folder = context.environment().folder();
    let old = Side::read(folder, &args.old)?;
    let new = Side::read(folder, &args.new)?;
    let names = (&*args.old.to_string_lossy(), &*args.new.to_string_lossy());
    let found = match (&old, &new) {
        (Side::File(old_name, Held::Whole(old)), Side::File(new_name, Held::Whole(new))) => {
            files(args, names, (old_name, old), (new_name, new))
        }
        (Side::File(_, old), Side::File(name, new)) => large(args, names, name, (old, new))?,
        (Side::Tree(old, old_out), Side::Tree(new, new_out)) => {
            trees(args, names, (old, new), (old_out, new_out))?
        }
        (Side::File(..), Side::Tree(..)) => mixed(names.0, names.1)?,
        (Side::Tree(..), Side::File(..)) => mixed(names.1, names.0)?,
    };
    tell(context, args, &found, &new)?;
    let differs = args.exit_code && found.sameness == Sameness::Different;
    Ok(if differs { Exit::Waiting } else { Exit::Done })
}

fn mixed(file: &str, folder: &str) -> anyhow::Result<Diff> {
    anyhow::bail!("{file} is a file, and {folder} is not: name a file on both sides, or on none")
}

/// Compares two files, whatever they are called.
fn files(
    args: &DiffArgs,
    names: (&str, &str),
    (old_name, old): (&str, &[u8]),
    (new_name, new): (&str, &[u8]),
) -> Diff {
    let parse = |name: &str| PackagePath::parse(last(name)).ok();
    let kind = |path: &Option<PackagePath>| path.as_ref().map(Kind::of).filter(|kind| *kind != Kind::File);
    let paths = (parse(old_name), parse(new_name));
    let by_content = || {
        let doc = Doc::parse(new).ok()?;
        let has = |key| doc.get(doc.root(), key).is_some();
        (has("code") && has("config")).then_some(Kind::Recipe)
    };
    let kind = kind(&paths.1).or_else(|| kind(&paths.0)).or_else(by_content).unwrap_or(Kind::File);
    let fallback = || PackagePath::parse("file").expect("a plain name");
    let path = paths.1.or(paths.0).unwrap_or_else(fallback);
    let is_same = old == new;
    let side = |bytes: &[u8]| if is_same { BTreeMap::new() } else { [(path.clone(), bytes.to_vec())].into() };
    let (old, new) = (side(old), side(new));
    let same = if is_same { BTreeSet::from([path.clone()]) } else { BTreeSet::new() };
    diff(&Input {
        old: &old,
        new: &new,
        same: &same,
        read_same: &|_| None,
        left_out: (&LeftOut::new(), &LeftOut::new()),
        names,
        chosen: Some(kind),
        details: args.derived,
    })
}

/// Returns the last part of a path, or of one in a revision.
fn last(name: &str) -> &str {
    name.rsplit(['/', ':']).next().unwrap_or(name)
}

/// Tells two files from each other of which one at least is too large to be compared.
fn large(
    args: &DiffArgs,
    names: (&str, &str),
    name: &str,
    (old, new): (&Held, &Held),
) -> anyhow::Result<Diff> {
    let side = |held: &Held| -> anyhow::Result<LeftOut> { Ok([(line(last(name)), held.left_out()?)].into()) };
    let nothing = BTreeMap::new();
    Ok(diff(&Input {
        old: &nothing,
        new: &nothing,
        same: &BTreeSet::new(),
        read_same: &|_| None,
        left_out: (&side(old)?, &side(new)?),
        names,
        chosen: None,
        details: args.derived,
    }))
}

fn trees(
    args: &DiffArgs,
    names: (&str, &str),
    (old, new): (&Tree, &Tree),
    left_out: (&LeftOut, &LeftOut),
) -> anyhow::Result<Diff> {
    let mut differing = side::differing(old, new)?;
    differing.large.0.extend(left_out.0.clone());
    differing.large.1.extend(left_out.1.clone());
    Ok(diff(&Input {
        old: &differing.files.0,
        new: &differing.files.1,
        same: &differing.same,
        read_same: &|path| new.read(path),
        left_out: (&differing.large.0, &differing.large.1),
        names,
        chosen: None,
        details: args.derived,
    }))
}

/// Returns what a side is called in a word: the last part of its path, or the revision.
fn title(working: &Path, name: &str) -> String {
    let of_revision = name.split_once(':').filter(|_| !working.join(name).exists());
    let path = of_revision.map_or(name, |(revision, path)| if path.is_empty() { revision } else { path });
    let mut parts = PathBuf::new();
    for part in working.join(path).components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.file_name().map_or_else(|| name.to_owned(), |last| last.to_string_lossy().into_owned())
}

/// Returns a word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-:~^@{}".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Prints a comparison; on a terminal by way of the pager.
fn tell(context: &Context, args: &DiffArgs, found: &Diff, new: &Side) -> anyhow::Result<()> {
    let is_terminal = std::io::stdout().is_terminal();
    let told = match args.format {
        Format::Text => text(found, Options { color: context.color(is_terminal), details: args.derived }),
        Format::Json => json(found),
        Format::Markdown => {
            let read = |path: &str| match new {
                Side::File(_, Held::Whole(bytes)) => Some(bytes.clone()),
                Side::File(_, Held::Large(..)) => None,
                Side::Tree(tree, _) => tree.read(&PackagePath::parse(path).ok()?),
            };
            let (old, new) = (args.old.to_string_lossy(), args.new.to_string_lossy());
            let command = format!("recipesync diff {} {}", quoted(&old), quoted(&new));
            markdown::markdown(
                found,
                &markdown::Options {
                    title: &title(context.environment().folder(), &new),
                    max_chars: args.max_chars,
                    details: args.derived,
                    diagram: args.diagram.then_some(&read as markdown::NewSide<'_>),
                    command: &command,
                },
            )
        }
    };
    let environment = context.environment();
    if is_terminal
        && args.format == Format::Text
        && git::page(environment.folder(), told.as_bytes(), |name| environment.variable(name).is_some())
    {
        return Ok(());
    }
    print(told).context("tell what differs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_called_by_its_last_part() {
        let folder = tempfile::tempdir().unwrap();
        let working = folder.path().join("orders");
        for (name, expected) in [
            ("orders", "orders"),
            ("../a/b/", "b"),
            (".", "orders"),
            ("./", "orders"),
            ("..", folder.path().file_name().unwrap().to_str().unwrap()),
            ("HEAD", "HEAD"),
            ("HEAD:", "HEAD"),
            ("HEAD:desk", "desk"),
            ("HEAD~1:x/desk/", "desk"),
            ("HEAD:./", "orders"),
            ("/", "/"),
        ] {
            assert_eq!(title(&working, name), expected, "{name}");
        }
    }
}
