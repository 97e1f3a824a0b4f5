//! A comparison as JSON, for programs: keys may be added, and are never renamed.
//!
//! Values stand in it as they are in the files; hidden ones as `{"hidden": true}`. What a terminal would act on is escaped.

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::value::RawValue;

use super::change::{
    AssetDiff, Change, ConnectorId, Content, Counts, Diff, Folded, Op, StepRef, Volatile, What,
};
use super::printable::is_hidden;

/// The version of the format.
const FORMAT: u32 = 1;

/// Returns a comparison as JSON, with a line break at the end.
#[must_use]
pub fn json(diff: &Diff) -> String {
    let mut text =
        serde_json::to_string_pretty(&View(diff)).expect("texts and numbers can always be written");
    text.push('\n');
    escaped(text)
}

/// Writes out what is not printable: inside of strings, where alone it can be, that is the same value.
fn escaped(text: String) -> String {
    // Between tokens stand line breaks, and tabs in values that are written as they came.
    let is_escaped = |c: char| is_hidden(c) && !matches!(c, '\n' | '\t' | '\r');
    if !text.contains(is_escaped) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        if is_escaped(c) {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// How something is written.
struct View<'v, T>(&'v T);

impl Serialize for View<'_, Diff> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let diff = self.0;
        let summary: std::collections::BTreeMap<&str, View<'_, Counts>> =
            diff.summary.iter().map(|(kind, counts)| (kind.word(), View(counts))).collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("format", &FORMAT)?;
        map.serialize_entry("old", &diff.old)?;
        map.serialize_entry("new", &diff.new)?;
        map.serialize_entry("sameness", diff.sameness.word())?;
        map.serialize_entry("summary", &summary)?;
        map.serialize_entry("connector_ids", &all(&diff.connector_ids))?;
        map.serialize_entry("assets", &all(&diff.assets))?;
        map.end()
    }
}

impl Serialize for View<'_, Counts> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("added", &self.0.added)?;
        map.serialize_entry("removed", &self.0.removed)?;
        map.serialize_entry("changed", &self.0.changed)?;
        map.serialize_entry("moved", &self.0.moved)?;
        map.serialize_entry("unchanged", &self.0.unchanged)?;
        map.end()
    }
}

impl Serialize for View<'_, ConnectorId> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("old", &self.0.old)?;
        map.serialize_entry("new", &self.0.new)?;
        map.serialize_entry("places", &self.0.places)?;
        map.end()
    }
}

impl Serialize for View<'_, AssetDiff> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let asset = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("path", &asset.path)?;
        map.serialize_entry("old_path", &asset.old_path)?;
        map.serialize_entry("kind", asset.kind.word())?;
        map.serialize_entry("name", &asset.name)?;
        map.serialize_entry("old_name", &asset.old_name)?;
        map.serialize_entry("change", &asset.change.map(super::change::AssetChange::word))?;
        map.serialize_entry("sameness", asset.sameness.word())?;
        map.serialize_entry("headline", &asset.headline)?;
        map.serialize_entry("changes", &all(&asset.changes))?;
        map.serialize_entry("folded", &all(&asset.folded))?;
        map.serialize_entry("volatile", &all(&asset.volatile))?;
        map.end()
    }
}

impl Serialize for View<'_, Change> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let change = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("op", change.op.word())?;
        map.serialize_entry("what", change.what.word())?;
        map.serialize_entry("field", &change.field)?;
        map.serialize_entry("step", &change.step.as_ref().map(View))?;
        map.serialize_entry("old_pointer", &change.old_pointer)?;
        map.serialize_entry("new_pointer", &change.new_pointer)?;
        map.serialize_entry("more_pointers", &change.more_pointers)?;
        map.serialize_entry("old", &change.old.as_ref().map(View))?;
        map.serialize_entry("new", &change.new.as_ref().map(View))?;
        map.serialize_entry("old_text", &change.old_text)?;
        map.serialize_entry("new_text", &change.new_text)?;
        if change.what == What::Step && matches!(change.op, Op::Add | Op::Remove) {
            map.serialize_entry("outline", &change.outline)?;
            map.serialize_entry("inside", &change.inside)?;
        }
        map.end()
    }
}

impl Serialize for View<'_, StepRef> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let step = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("number", &step.number)?;
        map.serialize_entry("old_number", &step.old_number)?;
        map.serialize_entry("uuid", &step.uuid)?;
        map.serialize_entry("as", &step.alias)?;
        map.serialize_entry("title", &step.title)?;
        map.serialize_entry("keyword", &step.keyword)?;
        map.end()
    }
}

impl Serialize for View<'_, Folded> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let folded = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("what", folded.what.words())?;
        map.serialize_entry("field", &folded.field)?;
        map.serialize_entry("step", &folded.step.as_ref().map(View))?;
        map.serialize_entry("old_pointer", &folded.old_pointer)?;
        map.serialize_entry("new_pointer", &folded.new_pointer)?;
        map.serialize_entry("more_pointers", &folded.more_pointers)?;
        map.serialize_entry("count", &folded.count)?;
        map.serialize_entry("added", &folded.added)?;
        map.serialize_entry("removed", &folded.removed)?;
        map.serialize_entry("changed", &folded.changed)?;
        if !folded.details.is_empty() {
            map.serialize_entry("details", &details(folded))?;
        }
        map.end()
    }
}

impl Serialize for View<'_, Volatile> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let volatile = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("field", &volatile.field)?;
        map.serialize_entry("old_pointer", &volatile.old_pointer)?;
        map.serialize_entry("new_pointer", &volatile.new_pointer)?;
        map.serialize_entry("old", &volatile.old.as_ref().map(View))?;
        map.serialize_entry("new", &volatile.new.as_ref().map(View))?;
        map.end()
    }
}

impl Serialize for View<'_, Content> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Content::Json(text) => raw(text).serialize(serializer),
            Content::Hidden => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("hidden", &true)?;
                map.end()
            }
        }
    }
}

fn all<T>(items: &[T]) -> Vec<View<'_, T>> {
    items.iter().map(View).collect()
}

/// Returns the values behind a fold: field, old and new text.
fn details(folded: &Folded) -> Vec<serde_json::Value> {
    let detail = |(field, old, new): &(String, Option<String>, Option<String>)| serde_json::json!({"field": field, "old_text": old, "new_text": new});
    folded.details.iter().map(detail).collect()
}

/// Returns a value that is JSON already; numbers stay as they were written.
fn raw(text: &str) -> Box<RawValue> {
    let raw = RawValue::from_string(text.to_owned());
    raw.unwrap_or_else(|_| serde_json::value::to_raw_value(text).expect("a text can always be written"))
}
