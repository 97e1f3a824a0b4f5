//! `show`: any file as an outline that people read.
//!
//! The kind comes from the name, or from the content where the name says nothing. What cannot be understood is shown as
//! text, or by its size and hash. The same bytes from the same input, always with a line break at the end.

use std::borrow::Cow;
use std::fmt;

use crate::asset::json::{Doc, Tag};
use crate::asset::kind::Kind;
use crate::model::path::PackagePath;

use super::hidden::redacted;
use super::printable::push_lines;
use super::recipe::Recipe;

mod asset;
mod generic;
mod page;
mod recipe;
mod table;
mod unmerged;

/// A file in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The outline.
    pub text: String,
    /// Why it is not the one that the file's name promises.
    pub note: Option<String>,
}

/// How an outline is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Steps have numbers, and pills name them.
    Shown,
    /// No numbers: a step's lines stay the same wherever it stands.
    Stable,
}

/// Returns a file's outline, given its name or path. To a custom connector belongs the source beside it, if at hand.
#[must_use]
pub fn outline(name: &str, bytes: &[u8], source: Option<&[u8]>, numbers: Numbers) -> Outline {
    let base = name.rsplit('/').next().unwrap_or(name);
    let kind = PackagePath::parse(base).map_or(Kind::File, |path| Kind::of(&path));
    let mut out = Writer::default();
    match (&kind, extension(base)) {
        (Kind::File, _) | (_, "json") => json(&kind, base, bytes, source, numbers),
        (Kind::Page, "zip") if page::zipped(&mut out, bytes) => Outline { text: out.text, note: None },
        (Kind::Page, "zip") => plain(base, bytes, Some(&"it is not a plain zip")),
        _ => plain(base, bytes, None),
    }
}

/// Returns what is shown of a file without an outline, and why it has none if one was to be expected.
fn plain(name: &str, bytes: &[u8], why: Option<&dyn fmt::Display>) -> Outline {
    let (how, text) = raw(name, bytes);
    let note = match why {
        Some(why) => Some(format!("{why}; it is shown {how}")),
        None => (how == How::Escaped).then(|| format!("it is not UTF-8; it is shown {how}")),
    };
    Outline { text, note }
}

/// Returns what is said of a file that is too large to be shown, in place of what is in it.
#[must_use]
pub fn too_large(size: u64, hash: blake3::Hash) -> String {
    format!("too large to be shown: {size} bytes, blake3 {}\n", hash.to_hex())
}

/// Returns the outline of what may be JSON.
fn json(kind: &Kind, name: &str, bytes: &[u8], source: Option<&[u8]>, numbers: Numbers) -> Outline {
    let doc = match Doc::parse(bytes) {
        Ok(doc) => doc,
        Err(why) => {
            if let Some(outline) = unmerged::outline(kind, name, bytes, source, numbers) {
                return outline;
            }
            return plain(name, bytes, name.ends_with(".json").then_some(&why));
        }
    };
    let mut out = Writer::default();
    let mut note = None;
    let has = |key| doc.get(doc.root(), key).is_some();
    let is_object = doc.tag(doc.root()) == Tag::Object;
    match kind {
        Kind::File if !(has("code") && has("config")) => generic::plain(&mut out, &doc),
        Kind::Recipe | Kind::File => match Recipe::read(&doc) {
            Ok(recipe) => recipe::write(&mut out, &recipe, numbers),
            Err(why) => {
                note = Some(format!("{why}; it is shown as plain JSON"));
                out.line(0, &format!("recipe, shown as plain JSON: {why}"));
                out.gap();
                generic::plain(&mut out, &doc);
            }
        },
        Kind::Properties => asset::properties(&mut out, &doc),
        _ if !is_object => generic::plain(&mut out, &doc),
        Kind::Project => generic::plain(&mut out, &doc),
        Kind::Connection => asset::connection(&mut out, &doc),
        Kind::CustomAdapter => asset::adapter(&mut out, &doc, source),
        Kind::ApiEndpoint => asset::endpoint(&mut out, &doc),
        Kind::LookupTable | Kind::DataTable => table::write(&mut out, &doc, kind),
        Kind::Page => page::write(&mut out, &doc, kind),
        _ => generic::facts(&mut out, &doc, kind),
    }
    Outline { text: out.text, note }
}

/// How a file is shown that has no outline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Text,
    Escaped,
    Binary,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "as text",
            Self::Escaped => "as text, with \\xNN for each byte that is not UTF-8",
            Self::Binary => "by its size and hash",
        })
    }
}

/// Returns a text but for what would not be safe to print; of anything else its size and hash.
fn raw(name: &str, bytes: &[u8]) -> (How, String) {
    let is_zip = bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06");
    if is_zip || bytes.contains(&0) || matches!(extension(name), "zip" | "png") {
        let hash = blake3::hash(bytes).to_hex();
        return (How::Binary, format!("binary: {} bytes, blake3 {hash}\n", bytes.len()));
    }
    let text = String::from_utf8_lossy(bytes);
    let how = if matches!(text, Cow::Borrowed(_)) { How::Text } else { How::Escaped };
    let mut out = String::with_capacity(text.len() + 1);
    let shown = redacted(&text);
    // Which lines are left out is found in the text that people would read, and no line break is part of another byte.
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').zip(text.split_inclusive('\n'));
    for ((line, text), shown) in lines.zip(shown.split_inclusive('\n')) {
        if shown != text {
            out.push_str(shown);
            continue;
        }
        for chunk in line.utf8_chunks() {
            push_lines(&mut out, chunk.valid());
            out.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
        }
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    (how, out)
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// An outline as it is written.
#[derive(Default)]
struct Writer {
    text: String,
}

impl Writer {
    /// Writes a line at an indentation; an empty one without it.
    fn line(&mut self, indent: usize, line: &str) {
        if !line.is_empty() {
            self.text.extend(std::iter::repeat_n(' ', indent));
            self.text.push_str(line);
        }
        self.text.push('\n');
    }

    fn lines(&mut self, indent: usize, lines: impl IntoIterator<Item = String>) {
        for line in lines {
            self.line(indent, &line);
        }
    }

    /// Writes an empty line, to start something new.
    fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests;
