//! Bytes from outside, changed in every way: packages, files and schedules. Each finds out more than that nothing
//! panics: what it took is held against another reader, or against itself.

use std::io::{Cursor, Read as _};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use recipesync::archive::{Limits, Package};
use recipesync::asset::canonical::canonical;
use recipesync::asset::compare::Digests;
use recipesync::emulator::{hostile_names, hostile_package};
use recipesync::model::path::PackagePath;
use recipesync::model::schedule::Schedule;

#[path = "../fuzz/mod.rs"]
mod fuzz;

use fuzz::Fuzz;

/// Small, so that each of them is met.
const LIMITS: Limits = Limits { entries: 40, packed: 60_000, unpacked: 200_000, entry: 100_000 };

/// A package that is taken is what another reader sees in it, file by file.
fn package(zip: &[u8]) -> String {
    let package = match Package::open(Bytes::copy_from_slice(zip), &LIMITS) {
        Ok(package) => package,
        Err(error) => return error.to_string(),
    };
    let read: Result<Vec<_>, _> = package.entries().iter().map(|entry| package.read(entry)).collect();
    let contents = match read {
        Ok(contents) => contents,
        Err(error) => return error.to_string(),
    };
    let total: usize = contents.iter().map(Vec::len).sum();
    assert!(total as u64 <= LIMITS.unpacked && contents.len() <= LIMITS.entries, "{total} bytes");
    let mut other = zip::ZipArchive::new(Cursor::new(zip)).expect("another reader opens it");
    let mut files = 0;
    for index in 0..other.len() {
        let mut file = other.by_index(index).expect("another reader finds the entry");
        if file.is_dir() {
            continue;
        }
        files += 1;
        let name = PackagePath::parse(&file.name().unwrap()).expect("another reader sees a good name");
        let at = package.entries().iter().position(|entry| entry.path == name).expect("we see it too");
        let mut content = Vec::new();
        file.read_to_end(&mut content).expect("another reader reads it");
        assert_eq!(content, contents[at], "{name}");
    }
    assert_eq!(files, contents.len());
    format!("taken {}", files.min(4))
}

fn packages() -> Fuzz {
    let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    let small = |name| hostile_package(name, now).filter(|zip| zip.len() < 2_000);
    let words =
        ["PK\x03\x04", "PK\x01\x02", "PK\x05\x06", "PK\x06\x06", "PK\x06\x07", "PK\x07\x08", "../", ".git/"];
    let big = ["bomb", "many_bombs", "many_entries", "page_bomb", "many_page_bombs", "many_entries_zip64"];
    Fuzz::new("zip", &words, hostile_names().filter(|name| !big.contains(name)).filter_map(small))
}

/// The canonical form is a function of the value, and its own canonical form.
fn file(bytes: &[u8]) -> String {
    let path = PackagePath::parse("a.recipe.json").unwrap();
    let form = canonical(&path, bytes);
    assert_eq!(canonical(&path, &form), form, "its own canonical form");
    let (before, after) = (Digests::of(&path, bytes), Digests::of(&path, &form));
    assert_eq!(
        (before.content, before.meaning),
        (after.content, after.meaning),
        "the same to every comparison"
    );
    // The other reader knows no duplicate keys, and takes all of them.
    let same = match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(value) => {
            let other: serde_json::Value = serde_json::from_slice(&form).expect("it is still JSON");
            assert_eq!(value, other, "the value is kept");
            "json"
        }
        Err(_) => "other",
    };
    let kept = if form.as_ref() == bytes { "kept" } else { "written" };
    format!("{same} {kept} {}", form.len().max(8).ilog2())
}

fn files() -> Fuzz {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\u0061",
        "\\ud83d\\ude00",
        "\\ud800",
        "\\u003c",
        "\u{feff}",
        "NaN",
        "1.0",
        "1e400",
        "-0",
        "123456789012345678901234567890",
        "null",
        "true",
        "\"version\":",
        "\"code\":",
        "\"extended_output_schema\":",
        "\"toggleCfg\":",
        "\"keyword\":\"trigger\"",
        "\u{2028}",
        "é",
        "\t",
        "\r\n",
        "\"block\":[",
        "\"dynamicPickListSelection\":{}",
        "\"config\":[",
        "\"{\\\"a\\\":1}\"",
    ];
    Fuzz::new("json", &words, [b"[".repeat(513), b"{\"a\":".repeat(40_000)])
}

/// A schedule that is taken reads again as what it prints, and is always due later.
fn schedule(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return "bytes".to_owned() };
    let schedule = match Schedule::parse(text) {
        Ok(schedule) => schedule,
        Err(error) => return error.to_string(),
    };
    if let Schedule::Cron(_) = schedule {
        let printed = schedule.to_string();
        assert_eq!(Schedule::parse(printed.strip_prefix("at ").unwrap()).as_ref(), Ok(&schedule));
    }
    let mut now = DateTime::UNIX_EPOCH + TimeDelta::days(20_514);
    for _ in 0..3 {
        let next = schedule.next_after(&now).expect("it is due again");
        assert!(next > now, "{next} is not after {now}");
        now = next;
    }
    "due".to_owned()
}

fn schedules() -> Fuzz {
    let words = [
        "*",
        "*/",
        "0",
        "59",
        "60",
        "L",
        "W",
        "#",
        "?",
        "mon",
        "fri",
        "jan",
        "dec",
        "-",
        ",",
        " ",
        "@daily",
        "31",
        "30 2",
        "29 2",
        "ms",
        "s",
        "m",
        "h",
        "d",
        "366d",
        "99999999999999999999",
    ];
    Fuzz::new("cron", &words, [])
}

#[test]
fn a_package_is_refused_or_what_any_reader_sees_in_it() {
    packages().briefly(package);
}

#[test]
fn a_file_is_kept_or_written_with_its_value() {
    files().briefly(file);
}

#[test]
fn a_schedule_is_refused_or_due_later() {
    schedules().briefly(schedule);
}

#[test]
#[ignore = "it takes a minute"]
fn soak_packages() {
    packages().long(package);
}

#[test]
#[ignore = "it takes a minute"]
fn soak_files() {
    files().long(file);
}

#[test]
#[ignore = "it takes a minute"]
fn soak_schedules() {
    schedules().long(schedule);
}
