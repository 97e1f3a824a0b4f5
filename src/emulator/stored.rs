//! An asset with its files, and what of them is kept at hand: its name and its counter.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use super::blob::Blob;
use super::json::Value;

/// A recipe, connection or any other thing, with its files by extension.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Asset {
    pub(super) folder: u64,
    pub(super) stem: String,
    pub(super) kind: String,
    /// What the JSON file says of its name.
    pub(super) name: Option<String>,
    pub(super) files: BTreeMap<String, Blob>,
    pub(super) version: u64,
    pub(super) running: bool,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) stopped_at: Option<DateTime<Utc>>,
    pub(super) comment: Option<String>,
    /// Who saved the latest version, where it is not the workspace's owner: name and mail address.
    #[serde(default)]
    pub(super) author: Option<(String, String)>,
    /// When each version was saved.
    pub(super) history: Vec<(u64, DateTime<Utc>)>,
}

impl Asset {
    /// Returns the display name: what the file says, or its stem.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.stem)
    }

    /// Writes a file as it is; a JSON file's name and counter become the asset's.
    pub(super) fn store(&mut self, ext: &str, bytes: Bytes) {
        if ext == "json" {
            let head: Head = serde_json::from_slice(&bytes).unwrap_or_default();
            self.version = head.version.or(head.version_no).unwrap_or(1).max(self.version + 1);
            self.name = head.name.or(head.title);
        }
        self.files.insert(ext.to_owned(), Blob::new(bytes));
    }

    /// Returns the file's JSON, if it is plain.
    pub(super) fn document(&self) -> Option<Value> {
        Value::parse(self.files.get("json")?.bytes())
    }

    pub(super) fn is_recipe(&self) -> bool {
        self.kind == "recipe"
    }

    /// Replaces the JSON file by a new version of it.
    pub(super) fn save(&mut self, mut json: Value, now: DateTime<Utc>) {
        self.version += 1;
        match self.kind.as_str() {
            "recipe" => json.set("version", Value::number(self.version), "name"),
            "custom_adapter" => json.set("version_no", Value::number(self.version), "description"),
            _ => {}
        }
        let text = |key| json.get(key).and_then(Value::text).map(str::to_owned);
        self.name = text("name").or_else(|| text("title"));
        self.files.insert("json".to_owned(), Blob::new(json.pretty()));
        self.touch(now);
    }

    pub(super) fn touch(&mut self, now: DateTime<Utc>) {
        self.updated_at = now;
        self.history.push((self.version, now));
    }
}

/// What is looked at in a file that is stored as it is.
#[derive(Debug, Default, Deserialize)]
struct Head {
    name: Option<String>,
    title: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    version: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    version_no: Option<u64>,
}

/// Reads a counter, and passes over what is none, such as the text version of an API.
fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(|value| value.as_u64())
}
