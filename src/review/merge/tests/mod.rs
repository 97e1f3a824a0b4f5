//! What merges, what is a conflict, and that nothing is lost, whatever two people do at the same time.

mod agreed;
mod conflicts;
mod random;

use serde_json::{Value, json};

use super::*;
use crate::review::markers::Style;

fn path() -> PackagePath {
    PackagePath::parse("a.recipe.json").unwrap()
}

fn step(name: &str, message: &str) -> Value {
    json!({"keyword": "action", "provider": "logger", "name": "log_message", "as": name, "uuid": format!("u-{name}"),
        "input": {"message": message, "level": "info", "list": ["x"]}})
}

fn block(keyword: &str, name: &str, inside: &[Value]) -> Value {
    json!({"keyword": keyword, "as": name, "uuid": format!("u-{name}"), "block": inside,
        "input": {"type": "compound_input", "operand": "and", "conditions": [
            {"operand": "present", "lhs": "#{_('data.logger.s1.message')}", "rhs": "", "uuid": format!("c-{name}")}]}})
}

/// A recipe: a trigger, three steps, a block with two inside, and one step more that uses the first.
fn recipe() -> Value {
    let mut last = step("s6", "six");
    last["input"]["message"] = json!(
        "#{_dp('{\"pill_type\":\"output\",\"provider\":\"logger\",\"line\":\"s1\",\"path\":[\"message\"]}')}"
    );
    let mut recipe = json!({"name": "A", "version": 3, "private": true, "concurrency": 1,
        "code": {"keyword": "trigger", "provider": "clock", "name": "timer", "as": "t", "uuid": "u-t",
            "input": {"every": "5"}, "block": [
                step("s1", "one"), step("s2", "two"), step("s3", "three"),
                block("if", "b1", &[step("s4", "four"), step("s5", "five")]), last]},
        "config": [
            {"keyword": "application", "provider": "clock", "account_id": null},
            {"keyword": "application", "provider": "logger", "account_id": {"zip_name": "l.connection.json", "name": "L", "folder": ""}}]});
    renumber(&mut recipe["code"], &mut 0);
    recipe
}

fn renumber(step: &mut Value, next: &mut u64) {
    step["number"] = json!(*next);
    *next += 1;
    for child in step.get_mut("block").and_then(Value::as_array_mut).into_iter().flatten() {
        renumber(child, next);
    }
}

fn text(value: &Value) -> Vec<u8> {
    canonical(&path(), value.to_string().as_bytes()).into_owned()
}

fn edited(edit: impl Fn(&mut Value)) -> Value {
    let mut recipe = recipe();
    edit(&mut recipe);
    renumber(&mut recipe["code"], &mut 0);
    recipe
}

fn merged(ours: &Value, theirs: &Value) -> Merged {
    merge(&path(), &text(&recipe()), &text(ours), &text(theirs)).unwrap()
}

fn written(found: &Merged) -> Vec<u8> {
    let [ours, base, theirs] = ["ours", "base", "theirs"].map(str::to_owned);
    found.text(&Markers { style: Style::Merge, size: 7, ours, base, theirs })
}

#[track_caller]
fn clean(ours: impl Fn(&mut Value), theirs: impl Fn(&mut Value)) -> Value {
    let (left, right) = (edited(&ours), edited(&theirs));
    let (one, other) = (merged(&left, &right), merged(&right, &left));
    assert_eq!(one.conflicts, Vec::<String>::new());
    assert_eq!(other.conflicts, Vec::<String>::new());
    serde_json::from_slice(&written(&one)).unwrap()
}

#[track_caller]
fn both(ours: impl Fn(&mut Value), theirs: impl Fn(&mut Value)) {
    let found = clean(&ours, &theirs);
    let wanted = edited(|recipe| {
        ours(recipe);
        theirs(recipe);
    });
    assert_eq!(String::from_utf8(text(&found)).unwrap(), String::from_utf8(text(&wanted)).unwrap());
}

#[track_caller]
fn conflict(ours: impl Fn(&mut Value), theirs: impl Fn(&mut Value), told: &str) {
    let (left, right) = (edited(&ours), edited(&theirs));
    for (ours, theirs) in [(&left, &right), (&right, &left)] {
        let found = merged(ours, theirs);
        assert!(!found.conflicts.is_empty(), "{}", String::from_utf8_lossy(&written(&found)));
        let text = String::from_utf8(written(&found)).unwrap();
        assert!(text.contains("<<<<<<< ours\n") && text.contains("\n>>>>>>> theirs\n"), "{text}");
        assert!(serde_json::from_str::<Value>(&text).is_err());
    }
    let found = merged(&left, &right);
    assert!(found.conflicts.iter().any(|conflict| conflict.contains(told)), "{:?}", found.conflicts);
}

fn block_of(recipe: &mut Value) -> &mut Vec<Value> {
    recipe["code"]["block"].as_array_mut().unwrap()
}

/// Returns what is between the markers, and what is not.
fn parts(text: &[u8]) -> (String, String) {
    let (mut inside, mut outside, mut is_inside) = (String::new(), String::new(), false);
    for line in String::from_utf8_lossy(text).lines() {
        is_inside |= line.starts_with("<<<<<<< ");
        let part = if is_inside { &mut inside } else { &mut outside };
        part.push_str(line);
        part.push('\n');
        is_inside &= !line.starts_with(">>>>>>> ");
    }
    (inside, outside)
}

/// Returns what is left where the first or the second side of each conflict is taken.
fn picked(text: &[u8], side: usize) -> String {
    let (mut out, mut at) = (String::new(), None);
    for line in String::from_utf8_lossy(text).lines() {
        match (line, at) {
            ("<<<<<<< ours", _) => at = Some(0),
            ("=======", Some(_)) => at = Some(1),
            (">>>>>>> theirs", _) => at = None,
            (line, at) if at.is_none_or(|at| at == side) => out.extend([line, "\n"]),
            _ => {}
        }
    }
    out
}
