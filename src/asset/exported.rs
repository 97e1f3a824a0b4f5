//! A file as it was exported, parsed once: what a look asks of it comes from the same tree.
//!
//! Its canonical form, the digest of its content and what is found in its values depend on the value alone, so the
//! spelling that came answers as well as the one that is committed. Only lines differ between the two, and who needs
//! them reads the file.

use std::borrow::Cow;

use crate::model::path::PackagePath;

use super::canonical::{self, canonical};
use super::compare;
use super::json::Doc;

/// A file of an export.
pub struct Exported<'a> {
    path: &'a PackagePath,
    /// What is committed.
    file: Cow<'a, [u8]>,
    /// What came, parsed.
    doc: Option<Doc<'a>>,
}

impl<'a> Exported<'a> {
    /// Parses the bytes of a file that can be in canonical form.
    #[must_use]
    pub fn parse(path: &'a PackagePath, bytes: &'a [u8]) -> Self {
        let doc = if canonical::has_form(path) { Doc::parse(bytes).ok() } else { None };
        let file = doc.as_ref().and_then(|doc| canonical::written(doc, bytes));
        Self { path, file: file.map_or(Cow::Borrowed(bytes), Cow::Owned), doc }
    }

    /// Takes the bytes of a file to its canonical form and keeps nothing else of them, nor any tree: for large files,
    /// which are parsed anew for each question, so that less is in memory at a time.
    #[must_use]
    pub fn lean(path: &'a PackagePath, bytes: Vec<u8>) -> Self {
        let written = match canonical(path, &bytes) {
            Cow::Owned(written) => Some(written),
            Cow::Borrowed(_) => None,
        };
        Self { path, file: Cow::Owned(written.unwrap_or(bytes)), doc: None }
    }

    /// Lets go of the tree, where what is committed has at least so many bytes: whoever waits should hold little.
    #[must_use]
    pub fn lean_from(mut self, bytes: u64) -> Self {
        if self.file.len() as u64 >= bytes {
            self.doc = None;
        }
        self
    }

    /// Returns the file's path.
    #[must_use]
    pub const fn path(&self) -> &'a PackagePath {
        self.path
    }

    /// Returns what is committed: the canonical form, or the bytes that came where there is none.
    #[must_use]
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    /// Returns a tree with the value of the file, perhaps in another spelling, if it is at hand.
    #[must_use]
    pub const fn doc(&self) -> Option<&Doc<'a>> {
        self.doc.as_ref()
    }

    /// Returns the digest of the file's content, as [`compare::content`] does.
    #[must_use]
    pub fn content(&self) -> [u8; 16] {
        match &self.doc {
            Some(doc) => compare::content_of(self.path, doc),
            None => compare::content(self.path, &self.file),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::canonical::tests::{json, respell};
    use super::super::compare::content;
    use super::*;

    /// Asserts that a file is the same in every respect as what is made of its bytes step by step.
    fn assert_as_step_by_step(path: &PackagePath, bytes: &[u8]) {
        let exported = Exported::parse(path, bytes);
        let file = canonical(path, bytes);
        assert_eq!(exported.file(), &*file);
        assert_eq!(exported.content(), content(path, &file));
        let lean = Exported::lean(path, bytes.to_vec());
        assert_eq!((lean.file(), lean.content()), (exported.file(), exported.content()));
    }

    #[test]
    fn what_has_no_canonical_form_is_its_bytes() {
        for name in ["a.recipe.json", "a.custom_adapter.rb", "a.lcap_page.zip", "a.png"] {
            let path = PackagePath::parse(name).unwrap();
            // The last would grow too large.
            let deep = "[".repeat(500) + &"1,".repeat(200_000) + "1" + &"]".repeat(500);
            for bytes in
                [&b"["[..], b"", b"[ ]", b"{\"a\":1,\"a\":1}", b"[\"\xff\"]", b"PK\x03\x04", deep.as_bytes()]
            {
                assert_as_step_by_step(&path, bytes);
            }
        }
    }

    /// Names for members that count in a comparison, beside random ones.
    const NAMES: [&str; 12] = [
        "version",
        "version_no",
        "code",
        "config",
        "keyword",
        "block",
        "input",
        "clear_scope",
        "skip",
        "title",
        "account_id",
        "operand",
    ];

    /// Puts names that count in place of some that do not, so that the rules of a comparison are met.
    fn named(value: serde_json::Value, seed: &mut usize) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::Object(members) => {
                let name = |key: String, seed: &mut usize| {
                    *seed = seed.wrapping_mul(31).wrapping_add(7);
                    NAMES.get(*seed % 16).map_or(key, |name| (*name).to_owned())
                };
                let members = members.into_iter().map(|(key, value)| (name(key, seed), named(value, seed)));
                Value::Object(members.collect())
            }
            Value::Array(items) => items.into_iter().map(|item| named(item, seed)).collect(),
            Value::String(text) if text.len() < 4 => {
                ["", "false", "if", "x"].get(text.len()).copied().unwrap_or_default().into()
            }
            other => other,
        }
    }

    proptest! {
        #[test]
        fn one_tree_answers_as_the_file_does(
            value in json(), mut seed in any::<u64>(), mut names in any::<usize>(), kind in 0..4_usize,
        ) {
            let kind = ["recipe", "properties", "lookup_table", "lcap_app"][kind];
            let path = PackagePath::parse(&format!("a.{kind}.json")).unwrap();
            let mut text = String::new();
            respell(&named(value, &mut names), &mut seed, &mut text);
            assert_as_step_by_step(&path, text.as_bytes());
        }
    }
}
