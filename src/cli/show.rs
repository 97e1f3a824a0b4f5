//! `recipesync show`: a file as people read it.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Exit;
use super::output::{complain, print};
use crate::fs;
use crate::model::path::PackagePath;
use crate::review::show::{Numbers, outline, too_large};
use crate::secrets::hidden_name;

/// The largest file that is shown, in bytes: what one entry of a package may hold.
const MAX_BYTES: u64 = 64 << 20;

/// Show a recipe or any other file of a package as readable text
///
/// A recipe as numbered steps, with pills and conditions in words, without what
/// the server derives; every other kind in its own outline; connector source as
/// it is. A file with conflict markers is the outline of both sides, with the
/// markers where they differ. What cannot be understood is shown as text, and
/// what is none, or more than 64 MiB, by its size and hash.
///
///   recipesync show orders/invoice.recipe.json
///
/// For git, with `*.recipe.json diff=workato` in .gitattributes:
///
///   git config diff.workato.textconv "recipesync show --stable --"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct ShowArgs {
    /// Without step numbers, so that a step's lines are the same wherever it stands
    #[arg(long)]
    pub stable: bool,
    /// The file; `-` is standard input
    // Git puts a file's name behind the command without `--` in between.
    #[arg(value_name = "FILE", allow_hyphen_values = true)]
    pub file: PathBuf,
}

/// Prints the outline on stdout, and on stderr why it is not the one that was to be expected.
pub(super) fn run(args: &ShowArgs) -> anyhow::Result<Exit> {
    let is_stdin = args.file.as_os_str() == "-";
    let bytes = match if is_stdin { stdin() } else { file(&args.file) }? {
        Content::Whole(bytes) => bytes,
        Content::Large(size, hash) => {
            print(too_large(size, hash))?;
            return Ok(Exit::Done);
        }
    };
    let name = if is_stdin { "".into() } else { args.file.to_string_lossy() };
    let numbers = if args.stable { Numbers::Stable } else { Numbers::Shown };
    // Git has only one file at a time, and keeps what comes of it.
    let source = if args.stable { None } else { source(&args.file) };
    let shown = outline(&name, &bytes, source.as_deref(), numbers);
    if let Some(note) = shown.note {
        complain(&format!("{}: {note}", args.file.display()));
    }
    let mut text = shown.text;
    // Git compares what is printed: that a value changed which is not shown has to be in it.
    let path = args.file.file_name().and_then(|name| PackagePath::parse(name.to_str()?).ok());
    let hidden = path.filter(|_| args.stable).and_then(|path| hidden_name(&path, &bytes));
    if let Some(hidden) = hidden {
        text.push_str(&format!("hidden values: {hidden}\n"));
    }
    print(text)?;
    Ok(Exit::Done)
}

/// Returns the source of a custom connector whose other file this is.
fn source(file: &Path) -> Option<Vec<u8>> {
    let name = file.to_str()?.strip_suffix(".custom_adapter.json")?;
    let source = PathBuf::from(format!("{name}.custom_adapter.rb"));
    match fs::read(&source, MAX_BYTES) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            if error.source.kind() != io::ErrorKind::NotFound {
                complain(&format!("{}: {}; it is not shown", source.display(), error.source));
            }
            None
        }
    }
}

/// What is to be shown.
enum Content {
    /// What can be looked into.
    Whole(Vec<u8>),
    /// What is too large for that: its size and hash. Git would end its own command if that were an error.
    Large(u64, blake3::Hash),
}

fn file(path: &Path) -> anyhow::Result<Content> {
    match fs::read(path, MAX_BYTES) {
        Ok(bytes) => Ok(Content::Whole(bytes)),
        Err(error) if error.source.kind() == io::ErrorKind::FileTooLarge => {
            let (size, hash) = fs::digest(path)?;
            Ok(Content::Large(size, hash))
        }
        Err(error) => Err(error.into()),
    }
}

fn stdin() -> anyhow::Result<Content> {
    let mut bytes = Vec::new();
    let mut input = io::stdin().lock();
    input.by_ref().take(MAX_BYTES + 1).read_to_end(&mut bytes).context("read standard input")?;
    if bytes.len() as u64 <= MAX_BYTES {
        return Ok(Content::Whole(bytes));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes).update_reader(input).context("read standard input")?;
    Ok(Content::Large(hasher.count(), hasher.finalize()))
}
