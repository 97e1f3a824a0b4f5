//! Nothing is hidden: whatever is changed in whatever file, one entry says so, and it says so in its class.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::{Files, files, folders};
use crate::asset::compare::{Level, same};
use crate::model::path::PackagePath;
use crate::review::change::{AssetDiff, Content, Diff, Sameness, What};

/// How many edits are tried in the suite; `PROPTEST_CASES` says otherwise.
const CASES: u32 = 150;

/// The files that are edited: those that are always there, and the corpus where it is.
fn corpus() -> Files {
    let mut all = files(&[
        (
            "travelperk.recipe.json",
            include_str!("../../../../tests/data/travelperk/travelperk_fyle_integration.recipe.json"),
        ),
        (
            "entities.recipe.json",
            include_str!("../../../../tests/data/dewy-resort/get_all_entities.recipe.json"),
        ),
        ("hand_made.recipe.json", HAND_MADE),
    ]);
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["tests/data/order-desk", "../shared/corpus/dewy-resort"] {
        let folder = root.join(folder);
        let Ok(names) = crate::fs::list(&folder) else { continue };
        for name in names.iter().filter(|name| name.extension().is_some_and(|end| end == "json")) {
            let path = PackagePath::parse(name.to_str().unwrap()).unwrap();
            all.insert(path, crate::fs::read(&folder.join(name), 1 << 24).unwrap());
        }
    }
    all
}

/// A recipe with what the others lack: aliases and uuids twice, odd keys, nested conditions, empty defaults.
pub(super) const HAND_MADE: &str = r##"{"name": "Hand made", "version": 1, "private": true, "concurrency": 1, "description": "When x, do action",
    "odd": {"list": [1, "1", [2, 3]], "nothing": null}, "code": {"keyword": "trigger", "provider": "clock", "name": "timer", "as": "t", "number": 0,
    "uuid": "log-error-001", "title": null, "description": "Every 5", "input": {"every": "5 hours of the day"}, "filter": {"operand": "and", "type": "compound",
    "conditions": [{"operand": "present", "lhs": "x", "rhs": "", "uuid": "c0"}, {"operand": "or", "conditions": [{"operand": "blank", "lhs": "y", "uuid": "c1"}]}]},
    "job_report_schema": [{"name": "a", "label": "A"}], "job_report_config": {"a": "#{_('data.clock.t.a')}"},
    "block": [
      {"keyword": "try", "as": "x", "number": 1, "uuid": "log-error-001", "input": {}, "block": [
        {"keyword": "action", "provider": "shop_connector_1_2", "name": "list", "as": "x", "number": 2, "uuid": "u2", "skip": true, "toggleCfg": {"a": true},
         "dynamicPickListSelection": {"a": [{"label": "A", "value": "a"}]}, "extended_input_schema": [{"name": "a", "type": "string", "properties": [{"name": "b"}]}],
         "input": {"fields": "[{\"name\":\"a\",\"type\":\"string\"},{\"name\":\"b\",\"type\":\"object\",\"properties\":[{\"name\":\"c\",\"type\":\"string\"}]}]",
           "headers": [{"header": "A", "value": "1"}, {"header": "B", "value": "2"}], "list": ["a", "b", "a"], "body": "[1, 2]",
           "pill": "#{_dp('{\"pill_type\":\"output\",\"provider\":\"clock\",\"line\":\"t\",\"path\":[\"a\",{\"path_element_type\":\"current_item\"}]}')} and #{_('data.clock.t.a')}",
           "flow_id": {"zip_name": "b.recipe.json", "name": "B", "folder": "", "folder_full_path": "Home/X"}}},
        {"keyword": "catch", "as": "c", "number": 3, "uuid": "u3", "provider": "catch", "name": null, "input": {"max_retry_count": "0"}, "block": []}]},
      {"keyword": "if", "number": 4, "uuid": "u4", "comment": "a\nb\nc", "input": {"type": "compound", "operand": "or", "conditions": [
        {"operand": "contains", "lhs": "#{_('data.shop_connector_1_2.x.a')}", "rhs": "z", "uuid": "c2"}]}, "block": [{"keyword": "stop", "number": 5, "input": {"stop_with_error": "true"}}]},
      {"keyword": "foreach", "number": 6, "uuid": "u6", "as": "f", "source": "#{_('data.shop_connector_1_2.x.list')}", "repeat_mode": "simple", "clear_scope": "false", "batch_size": 10, "input": {}, "block": [{"keyword": "action", "provider": "shop_connector_1_2", "name": "put", "as": "p", "number": 7, "uuid": "u7", "input": {"a.b/c~d": "e"}, "unknown_key": {"a": 1}}]}]},
    "config": [{"keyword": "application", "provider": "clock", "skip_validation": false, "account_id": null, "name": "clock"},
      {"keyword": "application", "provider": "shop_connector_1_2", "skip_validation": true, "personalization": true, "account_id": {"zip_name": "shop.connection.json", "name": "Shop", "folder": ""}},
      {"keyword": "application", "provider": "unused"}]}"##;

/// Returns the pointers of all scalars and empty containers.
fn leaves(value: &Value) -> Vec<String> {
    let mut leaves = Vec::new();
    let mut waiting = vec![(String::new(), value)];
    while let Some((at, value)) = waiting.pop() {
        match value {
            Value::Array(items) if !items.is_empty() => {
                waiting.extend(items.iter().enumerate().map(|(place, item)| (format!("{at}/{place}"), item)));
            }
            Value::Object(members) if !members.is_empty() => {
                let below = |(key, member)| {
                    let key: &String = key;
                    (format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), member)
                };
                waiting.extend(members.iter().map(below));
            }
            _ => leaves.push(at),
        }
    }
    leaves.sort();
    leaves
}

/// Edits one place of a file; returns where, on the old or on the new side.
fn mutate(value: &mut Value, place: usize, how: usize, text: &str) -> Option<String> {
    let all = leaves(value);
    let leaf = all[place % all.len()].clone();
    // Half of the time something above the leaf, so that whole parts come and go.
    let parts = leaf.matches('/').count();
    let up = if how.is_multiple_of(2) { 0 } else { text.len() % parts.max(1) };
    let at = (0..up).fold(leaf.as_str(), |at, _| at.rsplit_once('/').unwrap().0).to_owned();
    let (parent, key) = at.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    let before = value.pointer(&at).unwrap().clone();
    match how % 12 {
        0 | 1 => *value.pointer_mut(&at).unwrap() = json!(text),
        2 | 3 => *value.pointer_mut(&at).unwrap() = json!(7),
        4 => *value.pointer_mut(&at).unwrap() = json!(before.as_str().unwrap_or_default().to_owned() + text),
        5 => *value.pointer_mut(&at).unwrap() = json!({"name": text, "folder": text}),
        6 => *value.pointer_mut(&at).unwrap() = json!([]),
        7 => *value.pointer_mut(&at).unwrap() = Value::Null,
        8 | 9 => match value.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.remove(&key)),
            Value::Array(items) => drop(items.remove(key.parse::<usize>().unwrap())),
            _ => unreachable!(),
        },
        10 => match value.pointer_mut(parent).unwrap() {
            Value::Object(members) => {
                let key = format!("{key}{text}");
                members.insert(key.clone(), before);
                return Some(format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1")));
            }
            Value::Array(items) => items.insert(key.parse().unwrap(), json!({"name": text, "a": before})),
            _ => unreachable!(),
        },
        _ => match value.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.insert(text.to_owned(), json!(text))),
            Value::Array(items) => items.rotate_left(1),
            _ => unreachable!(),
        },
    }
    Some(at)
}

/// Changes what never means anything, all over a recipe.
fn noise(value: &mut Value) {
    fn walk(step: &mut Value, number: &mut usize) {
        *number += 1;
        if let Some(members) = step.as_object_mut() {
            members.insert("number".to_owned(), json!(*number * 10));
            members.insert("uuid".to_owned(), json!(format!("other-{number}")));
            members.insert("extended_output_schema".to_owned(), json!([{"name": format!("n{number}")}]));
        }
        for child in step.get_mut("block").and_then(Value::as_array_mut).into_iter().flatten() {
            walk(child, number);
        }
    }
    if value["code"].is_object() {
        walk(&mut value["code"], &mut 0);
        value["version"] = json!(999);
    }
    if let Some(config) = value.get_mut("config").and_then(Value::as_array_mut) {
        config.reverse();
    }
    let text = value.to_string().replace("_connector_1_2", "_connector_3_4").replace("_1875947_", "_2_");
    *value = serde_json::from_str(&text).unwrap();
}

/// Returns whether an entry of an asset's lists accounts for a place: its pointer is the place, or above it.
fn accounts(asset: &AssetDiff, place: &str) -> bool {
    let is_above = |pointer: &String| {
        place == pointer || place.starts_with(&format!("{pointer}/")) || pointer.is_empty()
    };
    let changes = asset
        .changes
        .iter()
        .flat_map(|change| change.old_pointer.iter().chain(&change.new_pointer).chain(&change.more_pointers));
    let folds = asset
        .folded
        .iter()
        .flat_map(|folded| folded.old_pointer.iter().chain(&folded.new_pointer).chain(&folded.more_pointers));
    let volatiles =
        asset.volatile.iter().flat_map(|volatile| volatile.old_pointer.iter().chain(&volatile.new_pointer));
    changes.chain(folds).chain(volatiles).any(is_above)
}

/// Returns the places of two values that differ, where both have the same containers.
fn differing(old: &Value, new: &Value) -> Vec<String> {
    // What an empty list or object got is told item by item.
    let filled = |at: &String| {
        let (old, new) = (old.pointer(at), new.pointer(at));
        old.is_some_and(Value::is_array) && new.is_some_and(Value::is_array)
            || old.is_some_and(Value::is_object) && new.is_some_and(Value::is_object)
    };
    leaves(old).into_iter().filter(|at| new.pointer(at) != old.pointer(at) && !filled(at)).collect()
}

fn check(path: &PackagePath, old: &Value, new: &Value, at: &str) -> Result<Diff, TestCaseError> {
    let (old_text, new_text) = (old.to_string(), new.to_string());
    let diff = folders(files(&[(path.as_str(), &old_text)]), files(&[(path.as_str(), &new_text)]));
    let [asset] = &diff.assets[..] else {
        return Err(TestCaseError::fail(format!("{path} {at}: {} assets", diff.assets.len())));
    };
    let told = || format!("{path} {at}\n{}\n{asset:#?}", super::told(&diff));
    let means = |level| same(level, path, old_text.as_bytes(), new_text.as_bytes());
    // What the digests call different in meaning is told, but for what takes two files to see: an alias with its pills.
    if !means(Level::Meaning) {
        prop_assert!(asset.sameness == Sameness::Different, "hidden: {}", told());
    }
    if !means(Level::Content) {
        prop_assert!(asset.sameness >= Sameness::Meaning, "not even folded: {}", told());
    }
    // And the other way round: what they call the same is not told. A comparison of two files is stricter in two things:
    // another file under the name of a reference, and the keyword of a connector's entry.
    let is_stricter = asset.changes.iter().any(|change| {
        let of_file = |content: &Option<Content>| format!("{content:?}").contains("zip_name");
        change.what == What::Config || of_file(&change.old) || of_file(&change.new)
    });
    if means(Level::Meaning) && !is_stricter {
        prop_assert!(asset.sameness != Sameness::Different, "told: {}", told());
    }
    prop_assert!((asset.sameness == Sameness::Different) != asset.changes.is_empty(), "{}", told());
    Ok(diff)
}

#[test]
fn whatever_is_edited_is_told() {
    let corpus: Vec<(PackagePath, Value)> =
        corpus().into_iter().map(|(path, bytes)| (path, serde_json::from_slice(&bytes).unwrap())).collect();
    let cases = Config::default().cases;
    let cases = if cases == 256 { CASES } else { cases };
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let edits =
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_usize..12, "[a-z<\\\\\"é_ ]{1,6}");
    let seen = std::cell::Cell::new([0_usize; 4]);
    let result = runner.run(&edits, |(file, place, how, text)| {
        let (path, old) = &corpus[file.index(corpus.len())];
        let mut new = old.clone();
        let Some(at) = mutate(&mut new, place.index(1 << 20), how, &text) else { return Ok(()) };
        if new == *old {
            return Ok(());
        }
        let diff = check(path, old, &new, &at)?;
        let asset = &diff.assets[0];
        // An edit in place is accounted for where it was made.
        if how < 8 {
            let mut places = differing(old, &new);
            places.extend(differing(&new, old));
            for place in places {
                prop_assert!(accounts(asset, &place), "{path} {at}: {place} is in no entry\n{asset:#?}");
            }
        }
        let mut counts = seen.get();
        counts[asset.sameness as usize] += 1;
        seen.set(counts);
        // The same edit among noise is told as well.
        let mut noisy = new.clone();
        noise(&mut noisy);
        let among = check(path, old, &noisy, &at)?;
        if asset.sameness == Sameness::Different && !at.starts_with("/code/uuid") {
            prop_assert!(
                among.assets[0].sameness == Sameness::Different,
                "{path} {at}: hidden by noise\n{asset:#?}"
            );
        }
        Ok(())
    });
    let [_, content, meaning, different] = seen.get();
    println!("{different} told, {meaning} folded, {content} volatile or default");
    result.unwrap_or_else(|error| panic!("{error}"));
}
