//! Reads what the workspace answered: a status, headers and a body become a value or an error.
//!
//! Pure, so that every shape an error can have is a line in a table.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call::Call;
use super::error::WorkatoError;
use super::loose::Loose;

/// The longest time that a server is left alone at its wish: the longest span that a quota of the platform has.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// How much of a body is looked at for a message, in bytes.
const EXCERPT: usize = 4096;

/// The longest body that is searched for what went wrong, in bytes: parsed JSON takes many times its size.
const LONGEST_REASON: usize = 64 << 10;

/// An answer as it came.
pub(super) struct Reply {
    pub(super) call: Call,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Where a redirect leads to, as it may be shown.
    pub(super) target: Option<String>,
}

impl Reply {
    /// Passes on an answer that means success, and turns all others into errors. `clean` makes the server's text
    /// fit to be shown; `now` is the clock of this machine.
    pub(super) fn judge(
        self,
        now: DateTime<Utc>,
        clean: impl Fn(&str) -> String,
    ) -> Result<Self, WorkatoError> {
        let call = self.call;
        let status = self.status.as_u16();
        let reason = || clean(&reason(&self.body));
        let retry_after = || retry_after(&self.headers, now);
        match status {
            200..=299 if self.is_refusal() => Err(WorkatoError::Refused { call, status, reason: reason() }),
            200..=299 => Ok(self),
            300..=399 => match self.target {
                Some(host) => Err(WorkatoError::Redirected { call, host }),
                None => Err(WorkatoError::NotUnderstood { call, status, excerpt: reason() }),
            },
            401 => Err(WorkatoError::Unauthorized { call, reason: reason() }),
            403 => Err(WorkatoError::Forbidden { call, reason: reason() }),
            404 => Err(WorkatoError::NotFound { call, reason: reason() }),
            429 => Err(WorkatoError::RateLimited { call, retry_after: retry_after() }),
            408 | 500..=599 => {
                Err(WorkatoError::Server { call, status, reason: reason(), retry_after: retry_after() })
            }
            400..=499 => Err(WorkatoError::Refused { call, status, reason: reason() }),
            _ => Err(WorkatoError::NotUnderstood { call, status, excerpt: reason() }),
        }
    }

    /// Reads the body of an answer that means success.
    pub(super) fn parse<T: DeserializeOwned>(
        &self,
        clean: impl Fn(&str) -> String,
    ) -> Result<T, WorkatoError> {
        serde_json::from_slice(&self.body).map_err(|_| self.not_understood(clean))
    }

    /// Returns the error for a body that makes no sense.
    pub(super) fn not_understood(&self, clean: impl Fn(&str) -> String) -> WorkatoError {
        WorkatoError::NotUnderstood {
            call: self.call,
            status: self.status.as_u16(),
            excerpt: clean(&excerpt(&self.body)),
        }
    }

    /// Returns whether the body is an object with `"success": false`, the way some calls refuse with 200: in a few words,
    /// unlike a folder's list, which is parsed once as it is.
    fn is_refusal(&self) -> bool {
        #[derive(Deserialize)]
        struct Outcome {
            #[serde(default)]
            success: Loose,
        }
        let is_list = matches!(self.call, Call::FolderAssets { .. }) && self.body.len() > LONGEST_REASON;
        !is_list
            && self.body.trim_ascii_start().starts_with(b"{")
            && serde_json::from_slice::<Outcome>(&self.body)
                .is_ok_and(|outcome| outcome.success.flag() == Some(false))
    }

    /// Returns whether the body is text for people or programs where a package was expected.
    pub(super) fn is_page(&self) -> bool {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_zip = self.body.starts_with(b"PK");
        !is_zip && ["text/html", "application/json"].iter().any(|page| kind.starts_with(page))
    }

    /// Returns the server's clock.
    pub(super) fn server_time(&self) -> Option<DateTime<Utc>> {
        date(&self.headers, DATE)
    }
}

/// Returns where a redirect leads to, if it is one that says so.
pub(super) fn redirect_target(response: &reqwest::Response) -> Option<reqwest::Url> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308)
        .then(|| response.url().join(location).ok())
        .flatten()
}

/// Returns how long the server wants to be left alone: seconds, or a date by the server's clock.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let time = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = date(headers, RETRY_AFTER)?;
            (until - date(headers, DATE).unwrap_or(now)).to_std().unwrap_or_default()
        }
    };
    Some(time.min(LONGEST_WAIT))
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<DateTime<Utc>> {
    let text = headers.get(name)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|date| date.to_utc())
}

/// Finds what a server says went wrong, in the order in which the platform's own clients look.
fn reason(body: &[u8]) -> String {
    if body.len() > LONGEST_REASON {
        return excerpt(body);
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => spoken(&Value::Object(object)).unwrap_or_else(|| excerpt(body)),
        Ok(Value::String(text)) => text,
        _ => excerpt(body),
    }
}

fn spoken(value: &Value) -> Option<String> {
    let message =
        ["message", "error", "detail", "description"].iter().find_map(|key| match value.get(key)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            nested @ Value::Object(_) => nested.get("message")?.as_str().map(str::to_owned),
            _ => None,
        });
    let errors = value.get("errors").map(flat).filter(|text| !text.is_empty());
    match (message, errors) {
        (Some(message), Some(errors)) => Some(format!("{message}: {errors}")),
        (message, errors) => message.or(errors),
    }
}

/// Writes `{"name": ["is empty", "is odd"]}` as `name: is empty, is odd`.
fn flat(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(flat).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name}: {}", flat(value)))
            .collect::<Vec<_>>()
            .join("; "),
        other => other.to_string(),
    }
}

/// Returns the beginning of a body, up to the end of a word: half a secret would not be recognised as one.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(EXCERPT)]);
    let whole = if body.len() > EXCERPT { text.rfind(char::is_whitespace).unwrap_or(0) } else { text.len() };
    text[..whole].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Call = Call::StartExport { manifest: 3 };

    fn reply(status: u16, headers: &[(HeaderName, &str)], body: &[u8]) -> Reply {
        Reply {
            call: CALL,
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect(),
            body: Bytes::copy_from_slice(body),
            target: None,
        }
    }

    fn judged(status: u16, headers: &[(HeaderName, &str)], body: &str) -> Result<Reply, WorkatoError> {
        let clean = |text: &str| super::super::redact::redact(text, &["s3cret"]);
        reply(status, headers, body.as_bytes()).judge(DateTime::UNIX_EPOCH, clean)
    }

    #[test]
    fn every_shape_of_an_error_has_its_text() {
        let mut lines = Vec::new();
        for (status, body) in [
            (400, r#"{"message":"Validation failed","errors":{"name":["can't be blank"],"id":"odd"}}"#),
            (401, r#"{"message":"Unauthorized"}"#),
            (403, r#"{"error":"Cannot destroy folder"}"#),
            (404, "Not found"),
            (404, r#"{"error":{"message":"no such manifest"}}"#),
            (409, r#"{"detail":"an import is running"}"#),
            (413, ""),
            (422, r#"{"message":"","description":"token s3cret is old"}"#),
            (429, "{}"),
            (500, r#"{"message":"Internal server error"}"#),
            (502, "<html>\n<h1>Bad \u{1b}[31mGateway</h1>"),
            (408, "[1]"),
            (200, r#"{"success":false,"errors":{"running":["can't modify running recipe"]}}"#),
            (201, r#" {"success":"false"}"#),
            (304, "see https://store/x?sig=1"),
            (422, r#""just text""#),
        ] {
            lines.push(judged(status, &[], body).err().map_or_else(String::new, |error| error.to_string()));
        }
        insta::assert_snapshot!(lines.join("\n"), @r#"
        start export of manifest 3: refused with 400: Validation failed: id: odd; name: can't be blank
        start export of manifest 3: the token was not accepted: Unauthorized
        start export of manifest 3: the token lacks the privilege: Cannot destroy folder
        start export of manifest 3: it was not found: Not found
        start export of manifest 3: it was not found: no such manifest
        start export of manifest 3: refused with 409: an import is running
        start export of manifest 3: refused with 413
        start export of manifest 3: refused with 422: token [cut] is old
        start export of manifest 3: the quota is used up
        start export of manifest 3: the server failed with 500: Internal server error
        start export of manifest 3: the server failed with 502: <html> <h1>Bad \u{1b}[31mGateway</h1>
        start export of manifest 3: the server failed with 408: [1]
        start export of manifest 3: refused with 200: running: can't modify running recipe
        start export of manifest 3: refused with 201: {"success":"false"}
        start export of manifest 3: the answer with 304 was not understood: see https://store/x[cut]
        start export of manifest 3: refused with 422: just text
        "#);
    }

    #[test]
    fn success_is_passed_on() {
        for body in ["", "[]", r#"{"success":true}"#, r#"[{"success":false}]"#, "<html>"] {
            assert!(judged(200, &[], body).is_ok(), "{body}");
        }
        let error = reply(200, &[], b"<html>log in</html>").parse::<u64>(str::to_owned).unwrap_err();
        insta::assert_snapshot!(error, @"start export of manifest 3: the answer with 200 was not understood: <html>log in</html>");
    }

    #[test]
    fn a_wish_to_wait_is_seconds_or_a_date() {
        let wait = |headers: &[(HeaderName, &str)]| judged(429, headers, "").err().unwrap().retry_after();
        let secs = |secs| Some(Duration::from_secs(secs));
        let date = "Thu, 01 Jan 1970 00:01:40 GMT";
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[(RETRY_AFTER, " 7 ")]), secs(7));
        assert_eq!(wait(&[(RETRY_AFTER, "0")]), secs(0));
        assert_eq!(wait(&[(RETRY_AFTER, "999999999999")]), secs(3600), "no longer than an hour");
        assert_eq!(wait(&[(RETRY_AFTER, date)]), secs(100));
        assert_eq!(wait(&[(RETRY_AFTER, date), (DATE, "Thu, 01 Jan 1970 00:01:30 GMT")]), secs(10));
        assert_eq!(wait(&[(RETRY_AFTER, date), (DATE, "Thu, 01 Jan 1970 00:02:00 GMT")]), secs(0));
        for odd in ["soon", "-1", "1.5", ""] {
            assert_eq!(wait(&[(RETRY_AFTER, odd)]), None, "{odd}");
        }
        assert_eq!(judged(503, &[(RETRY_AFTER, "3")], "").err().unwrap().retry_after(), secs(3));
    }

    #[test]
    fn half_a_word_is_not_shown() {
        let body = format!("first {}s3cret", "x".repeat(EXCERPT));
        assert_eq!(excerpt(body.as_bytes()), "first");
    }
}
