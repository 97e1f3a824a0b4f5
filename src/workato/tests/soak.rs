//! What a workspace answers, changed in every way: it is read or refused, and nothing unfit to be shown is in it.

use chrono::DateTime;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use serde::de::DeserializeOwned;

use crate::workato::call::Call;
use crate::workato::job::WirePackage;
use crate::workato::redact::redact;
use crate::workato::reply::{Reply, retry_after};
use crate::workato::values::{Assets, Enveloped, Folder, Identity, Manifest, WorkspaceProject};
use bytes::Bytes;

#[expect(clippy::duplicate_mod, reason = "each room has its own targets")]
#[path = "../../../tests/fuzz/mod.rs"]
mod fuzz;

const WORDS: [&str; 30] = [
    "\"id\":",
    "\"status\":",
    "\"error\":",
    "\"errors\":",
    "\"message\":",
    "\"success\":false",
    "\"assets\":[",
    "\"result\":{",
    "\"recipe_status\":[",
    "\"import_result\":",
    "\"zip_name\":",
    "\"restarted\"",
    "\"completed\"",
    "null",
    "true",
    "-1",
    "1.5",
    "18446744073709551616",
    "1e999",
    "\"\\ud800\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "wrkaus-s3cret-token",
    "?X-Amz-Signature=s3cret",
    "\u{1b}[2J",
    "<html>",
];

fn clean(text: &str) -> String {
    redact(text, &["wrkaus-s3cret-token"])
}

fn read<T: DeserializeOwned>(reply: &Reply) -> String {
    reply.parse::<T>(clean).map_or_else(|error| error.to_string(), |_| "read".to_owned())
}

/// The first byte stands for the status, the second for a header; the rest is the body.
fn target(input: &[u8]) -> String {
    let [status, header, body @ ..] = input else { return String::new() };
    let all = [200, 201, 204, 302, 400, 401, 403, 404, 408, 409, 422, 429, 500, 503, 199, 600];
    let status = StatusCode::from_u16(all[usize::from(*status) % all.len()]).unwrap();
    let mut headers = HeaderMap::new();
    let line = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Ok(value) = HeaderValue::from_bytes(line) {
        headers.insert(if *header < 128 { RETRY_AFTER } else { DATE }, value);
    }
    let wait = retry_after(&headers, DateTime::UNIX_EPOCH);
    assert!(wait.is_none_or(|wait| wait.as_secs() <= 3600), "{wait:?}");
    let call = Call::StartExport { manifest: 3 };
    let reply =
        || Reply { call, status, headers: headers.clone(), body: Bytes::copy_from_slice(body), target: None };
    let said = match reply().judge(DateTime::UNIX_EPOCH, clean) {
        Err(error) => vec![error.to_string()],
        Ok(reply) => {
            let (page, time) = (reply.is_page(), reply.server_time().is_some());
            let package = match reply.parse::<WirePackage>(clean) {
                Ok(package) => format!("{:?}", package.into_package(clean)),
                Err(error) => error.to_string(),
            };
            vec![
                format!("{page} {time}"),
                package,
                read::<Identity>(&reply),
                read::<Enveloped<Manifest>>(&reply),
                read::<Enveloped<Assets>>(&reply),
                read::<Vec<Folder>>(&reply),
                read::<Vec<WorkspaceProject>>(&reply),
            ]
        }
    };
    for shown in &said {
        assert!(!shown.contains("wrkaus-s3cret-token") && !shown.contains("Signature=s3cret"), "{shown}");
        assert!(!shown.chars().any(|c| c.is_control()), "{shown:?}");
    }
    let telling =
        |text: &String| text.rsplit(": ").next().unwrap_or_default().chars().take(25).collect::<String>();
    said.iter().map(telling).collect()
}

fn all() -> fuzz::Fuzz {
    fuzz::Fuzz::new("wire", &WORDS, [])
}

#[test]
fn what_a_workspace_answers_is_read_whatever_it_is() {
    all().briefly(target);
}

#[test]
#[ignore = "it takes a minute"]
fn soak_what_a_workspace_answers() {
    all().long(target);
}
