//! A request and its answer as values, so that the rules need no HTTP.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::faults::Then;
use super::routes::Route;

/// A request, past the door: authenticated, counted, its faults drawn.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) route: Route,
    /// The number in the path, 0 where there is none.
    pub(super) id: u64,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Bytes,
    pub(super) faults: Vec<Then>,
}

impl Call {
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.query.get(key)?.parse().ok()
    }

    pub(super) fn is_set(&self, key: &str) -> bool {
        self.query.get(key).is_some_and(|value| value == "true" || value == "1")
    }

    /// Cuts a page out of a list, as `page` and `per_page` (at most 100) say.
    pub(super) fn page<T>(&self, items: impl Iterator<Item = T>) -> Vec<T> {
        let size = usize::try_from(self.number("per_page").unwrap_or(100).clamp(1, 100)).unwrap_or(100);
        let page = usize::try_from(self.number("page").unwrap_or(1).max(1)).unwrap_or(usize::MAX);
        items.skip((page - 1).saturating_mul(size)).take(size).collect()
    }

    /// Parses the body as JSON; an empty one is `null`.
    pub(super) fn json(&self) -> Result<Value, Answer> {
        parse(&self.body)
    }
}

/// Parses a body as JSON; an empty one is `null`.
pub(super) fn parse(body: &[u8]) -> Result<Value, Answer> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|error| Answer::message(400, &format!("body is not JSON: {error}")))
}

/// A status, a body, and headers beyond the ordinary ones.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(String, String)>,
}

impl Answer {
    /// Returns JSON on one line, `&`, `<` and `>` escaped as the platform does.
    pub(super) fn json(status: u16, body: &Value) -> Self {
        let text = body.to_string().replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
        let content_type = "application/json; charset=utf-8";
        Self { status, body: text.into(), content_type, headers: Vec::new() }
    }

    pub(super) fn ok(body: &Value) -> Self {
        Self::json(200, body)
    }

    pub(super) fn message(status: u16, text: &str) -> Self {
        Self::json(status, &json!({ "message": text }))
    }

    pub(super) fn not_found() -> Self {
        Self::message(404, "Not found")
    }

    pub(super) fn bytes(content_type: &'static str, body: Bytes) -> Self {
        Self { status: 200, body, content_type, headers: Vec::new() }
    }

    pub(super) fn with(mut self, header: &str, value: impl Into<String>) -> Self {
        self.headers.push((header.to_owned(), value.into()));
        self
    }
}
