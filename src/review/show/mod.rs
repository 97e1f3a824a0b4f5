//! `show`: any file as an outline that people read.
//!
//! The kind comes from the name, or from the content where the name says nothing. What cannot be understood is shown as
//! it is. The same bytes from the same input, always with a line break at the end.

use crate::asset::json::Doc;
use crate::asset::kind::Kind;
use crate::model::path::PackagePath;

use super::printable::push_lines;
use super::recipe::Recipe;

mod generic;
mod recipe;

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

/// Returns a file's outline, given its name or path.
#[must_use]
pub fn outline(name: &str, bytes: &[u8], numbers: Numbers) -> Outline {
    let base = name.rsplit('/').next().unwrap_or(name);
    let kind = PackagePath::parse(base).map_or(Kind::File, |path| Kind::of(&path));
    let extension = base.rsplit_once('.').map_or("", |(_, extension)| extension);
    match (&kind, extension) {
        (_, "json") | (Kind::File, "") => json(&kind, base, bytes, numbers),
        (Kind::File, _) => json(&Kind::File, base, bytes, numbers),
        _ => Outline { text: raw(bytes), note: None },
    }
}

/// Returns the outline of what should be JSON.
fn json(kind: &Kind, name: &str, bytes: &[u8], numbers: Numbers) -> Outline {
    let doc = match Doc::parse(bytes) {
        Ok(doc) => doc,
        Err(why) => {
            let note = name.ends_with(".json").then(|| format!("{why}; it is shown as it is"));
            return Outline { text: raw(bytes), note };
        }
    };
    let has = |key| doc.get(doc.root(), key).is_some();
    let is_recipe = *kind == Kind::Recipe || *kind == Kind::File && has("code") && has("config");
    let mut out = Writer::default();
    let mut note = None;
    if is_recipe {
        match Recipe::read(&doc) {
            Ok(recipe) => recipe::write(&mut out, &recipe, numbers),
            Err(why) => {
                note = Some(format!("{why}, so it is shown as plain JSON"));
                out.line(0, &format!("recipe, shown as plain JSON: {why}"));
                out.gap();
                generic::write(&mut out, &doc, kind);
            }
        }
    } else {
        generic::write(&mut out, &doc, kind);
    }
    Outline { text: out.text, note }
}

/// Returns a text as it is, but for what would not be safe to print; of anything else its size and hash.
fn raw(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let Some(text) = text else {
        return format!("binary: {} bytes, blake3 {}\n", bytes.len(), blake3::hash(bytes).to_hex());
    };
    let mut out = String::with_capacity(text.len() + 1);
    push_lines(&mut out, text);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
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
mod tests {
    use super::*;

    const LOOK_UP: &[u8] = include_bytes!("../../../tests/data/order-desk/Recipes/look_up_order.recipe.json");

    fn shown(name: &str, bytes: &[u8]) -> String {
        outline(name, bytes, Numbers::Shown).text
    }

    #[test]
    fn a_recipe_is_its_steps() {
        insta::assert_snapshot!(shown("look_up_order.recipe.json", LOOK_UP), @r#"
            recipe: Look up order
            private: yes   concurrency: 1

            connections
              Warehouse api: “Warehouse API” in Connections

            steps
              0   Trigger: Genie · Start workflow
                      description: Look up an order
                      parameters_schema_json: 1 field
                        order_number: string
                      requires_user_confirmation: false
                      result_schema_json: 1 field
                        status: string
              1     Data table · Get records
                        filter.c1000000-0000-4000-8000-000000000001: ‹Trigger → parameters.order_number›
                        limit: 1
                        table_id: “Orders” in Data Tables
              2     If
                        when ‹Step 1 Get records → records› is present
              3       Warehouse api · Get stock (skipped)
                          # stock < 5 & "rush" → notify
                          sku: =‹Step 1 Get records → records.first.sku›.present? ? ‹Step 1 Get records → records.first.sku› : skip
              4     Genie · Workflow return result
                        result.status: open
            "#);
    }

    #[test]
    fn a_stable_outline_has_no_numbers() {
        let shown = outline("x.recipe.json", LOOK_UP, Numbers::Stable).text;
        insta::assert_snapshot!(shown, @r#"
            recipe: Look up order
            private: yes   concurrency: 1

            connections
              Warehouse api: “Warehouse API” in Connections

            steps
              Trigger: Genie · Start workflow  @1f0a9c3e
                  description: Look up an order
                  parameters_schema_json: 1 field
                    order_number: string
                  requires_user_confirmation: false
                  result_schema_json: 1 field
                    status: string
                Data table · Get records  @2b7c11d0
                    filter.c1000000-0000-4000-8000-000000000001: ‹Trigger → parameters.order_number›
                    limit: 1
                    table_id: “Orders” in Data Tables
                If
                    when ‹Get records @2b7c11d0 → records› is present
                  Warehouse api · Get stock (skipped)  @3c8d22e1
                      # stock < 5 & "rush" → notify
                      sku: =‹Get records @2b7c11d0 → records.first.sku›.present? ? ‹Get records @2b7c11d0 → records.first.sku› : skip
                Genie · Workflow return result  @4d9e33f2
                    result.status: open
            "#);
    }

    #[test]
    fn a_name_that_says_nothing_is_read_by_its_content() {
        let named = shown("a/look_up_order.recipe.json", LOOK_UP);
        assert_eq!(named, shown("", LOOK_UP));
        assert_eq!(named, shown("tmp_file.json", LOOK_UP));
        assert_ne!(named, shown("look_up_order.connection.json", LOOK_UP));
    }
}
