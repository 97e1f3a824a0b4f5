//! What the secret rules are certain of is told nowhere, wherever it stands in a recipe: as a name or as a value.

use serde_json::{Map, Value};

use super::mutations::HAND_MADE;
use super::{Files, files};
use crate::model::path::PackagePath;
use crate::review::brief::brief;
use crate::review::change::Diff;
use crate::review::diff::{Input, LeftOut, diff};
use crate::review::json::json;
use crate::review::markdown::{self, markdown};
use crate::review::merge::merge;
use crate::review::show::{Numbers, outline};
use crate::review::text::{Options, text};

/// Credentials of a known form, which mean nothing.
const PLANTED: [&str; 3] = [
    "ghp_n4Zr8QwT2yLk6VbXcJ1mHd9GsPfE3aUo5RtW",
    "ghp_Kx7uB3vDq1NzYh5MjT9wRc2LgS8eFpA4iO6k",
    "ghp_0Vt6yJm2XsLd8Qh4RbN1kWfZ7uCgP9aEo3Ti",
];

/// Returns whether a text gives away a part of what was planted, in whatever spelling.
fn gives_away(told: &str) -> bool {
    let letters: String = told.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.to_ascii_lowercase();
    PLANTED.iter().any(|planted| letters.contains(&planted["ghp_".len()..][..10].to_ascii_lowercase()))
}

/// Returns the places of all texts: those of a value, and those of its keys, whose name has a sign before it.
fn places(value: &Value) -> Vec<(String, bool)> {
    let mut places = Vec::new();
    let mut waiting = vec![(String::new(), value)];
    while let Some((at, value)) = waiting.pop() {
        match value {
            Value::String(_) => places.push((at, false)),
            Value::Array(items) => {
                waiting.extend(items.iter().enumerate().map(|(place, item)| (format!("{at}/{place}"), item)));
            }
            Value::Object(members) => {
                for (key, member) in members {
                    let below = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    places.push((below.clone(), true));
                    waiting.push((below, member));
                }
            }
            _ => {}
        }
    }
    places
}

/// Returns a recipe with a text put in one place.
fn with(recipe: &Value, (place, is_key): &(String, bool), planted: &str) -> String {
    let mut recipe = recipe.clone();
    if *is_key {
        let (parent, key) = place.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/").replace("~0", "~");
        let members = recipe.pointer_mut(parent).and_then(Value::as_object_mut).unwrap();
        let renamed = std::mem::take(members).into_iter();
        let renamed =
            renamed.map(|(own, member)| (if own == key { planted.to_owned() } else { own }, member));
        *members = renamed.collect::<Map<_, _>>();
    } else {
        *recipe.pointer_mut(place).unwrap() = planted.into();
    }
    recipe.to_string()
}

fn compared(old: &Files, new: &Files) -> Diff {
    let same = std::collections::BTreeSet::new();
    diff(&Input {
        old,
        new,
        same: &same,
        read_same: &|_| None,
        left_out: (&LeftOut::new(), &LeftOut::new()),
        names: ("old", "new"),
        chosen: None,
        details: true,
    })
}

/// Returns all that is said of two versions, and of each of them.
fn all_said(path: &str, old: &str, new: &str) -> Vec<(&'static str, String)> {
    let mut said = Vec::new();
    for numbers in [Numbers::Shown, Numbers::Stable] {
        said.push(("show", outline(path, new.as_bytes(), None, numbers).text));
    }
    let read = |_: &str| Some(new.as_bytes().to_vec());
    let file = |text: &str| files(&[(path, text)]);
    for (old, new, whole) in [(file(old), file(new), false), (Files::new(), file(new), true)] {
        let found = compared(&old, &new);
        said.push(("text", text(&found, Options { color: false, details: true })));
        said.push(("json", json(&found)));
        for max_chars in [0, 2000].into_iter().take(if whole { 1 } else { 2 }) {
            said.push((
                "markdown",
                markdown(
                    &found,
                    &markdown::Options {
                        title: "orders",
                        max_chars,
                        details: true,
                        diagram: Some(&read),
                        command: "recipesync diff old new",
                    },
                ),
            ));
        }
    }
    let path = PackagePath::parse(path).unwrap();
    said.push(("brief", brief(&path, old.as_bytes(), new.as_bytes()).join("\n")));
    said
}

fn check(recipe: &Value, place: &(String, bool)) {
    let path = "r.recipe.json";
    let plain = recipe.to_string();
    let [one, two, three] = PLANTED.map(|planted| with(recipe, place, planted));
    for (old, new) in [(&plain, &one), (&one, &two)] {
        for (what, said) in all_said(path, old, new) {
            assert!(!gives_away(&said), "{place:?}: {what}\n{said}");
        }
        let found = compared(&files(&[(path, old)]), &files(&[(path, new)]));
        let asset = &found.assets[0];
        let entries = asset.changes.len() + asset.folded.len() + asset.volatile.len();
        assert!(entries > 0, "{place:?}: not told at all");
    }
    let path = PackagePath::parse(path).unwrap();
    let sides = [(&plain, &one, &two), (&one, &two, &three), (&one, &two, &plain)];
    for (base, ours, theirs) in sides {
        let merged = merge(&path, base.as_bytes(), ours.as_bytes(), theirs.as_bytes()).unwrap();
        let said = merged.conflicts.join("\n");
        assert!(!gives_away(&said), "{place:?}: merge\n{said}");
    }
}

#[test]
fn what_is_certain_is_told_nowhere() {
    let hand_made: Value = serde_json::from_str(HAND_MADE).unwrap();
    let places = places(&hand_made);
    assert!(places.len() > 200, "{}", places.len());
    for place in &places {
        check(&hand_made, place);
    }
}

#[test]
fn nor_is_it_as_a_part_of_a_longer_text() {
    let recipe = |planted: &str| {
        let long = format!("{}{planted}", "x ".repeat(45));
        HAND_MADE
            .replace("every day", planted)
            .replace("\\\"path\\\":[\\\"a\\\"", &format!("\\\"path\\\":[\\\"{planted}\\\""))
            .replace("data.shop_connector_1_2.x.list", &format!("data.shop_connector_1_2.x.list.{planted}"))
            .replace("unknown_key", &long)
            .replace("\"as\": \"p\"", &format!("\"as\": \"{long}\""))
            .replace("put\"", &format!("{long}\""))
            .replace("\"name\": \"B\"", &format!("\"name\": \"{long}\""))
            .replace("shop_connector_1_2", &format!("{planted}_connector_1_2"))
    };
    for (old, new) in [(HAND_MADE, recipe(PLANTED[0])), (&recipe(PLANTED[1]), recipe(PLANTED[0]))] {
        assert!(new.matches(PLANTED[0]).count() > 6);
        for (what, said) in all_said("r.recipe.json", old, &new) {
            assert!(!gives_away(&said), "{what}\n{said}");
        }
    }
}
