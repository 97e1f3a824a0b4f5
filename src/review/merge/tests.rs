//! What merges, what is a conflict, and that nothing is lost, whatever two people do at the same time.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

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

#[track_caller]
fn clean(ours: impl Fn(&mut Value), theirs: impl Fn(&mut Value)) -> Value {
    let (left, right) = (edited(&ours), edited(&theirs));
    let (one, other) = (merged(&left, &right), merged(&right, &left));
    assert_eq!(one.conflicts, Vec::<String>::new());
    assert_eq!(other.conflicts, Vec::<String>::new());
    serde_json::from_slice(&one.text).unwrap()
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
        assert!(!found.conflicts.is_empty(), "{}", String::from_utf8_lossy(&found.text));
        let text = String::from_utf8(found.text).unwrap();
        assert!(text.contains("<<<<<<< ours\n") && text.contains("\n>>>>>>> theirs\n"), "{text}");
        assert!(serde_json::from_str::<Value>(&text).is_err());
    }
    let found = merged(&left, &right);
    assert!(found.conflicts.iter().any(|conflict| conflict.contains(told)), "{:?}", found.conflicts);
}

fn block_of(recipe: &mut Value) -> &mut Vec<Value> {
    recipe["code"]["block"].as_array_mut().unwrap()
}

#[test]
fn edits_of_different_things_merge() {
    both(
        |r| block_of(r)[0]["input"]["message"] = json!("1"),
        |r| block_of(r)[1]["input"]["message"] = json!("2"),
    );
    both(
        |r| block_of(r)[0]["input"]["message"] = json!("1"),
        |r| block_of(r)[0]["input"]["level"] = json!("warn"),
    );
    both(|r| block_of(r)[0]["input"]["message"] = json!("1"), |r| block_of(r)[0]["comment"] = json!("why"));
    both(|r| block_of(r)[0]["skip"] = json!(true), |r| block_of(r)[0]["comment"] = json!("why"));
    both(|r| r["name"] = json!("B"), |r| r["concurrency"] = json!(5));
    both(
        |r| {
            let at = block_of(r).iter().position(|step| step["as"] == "s2").unwrap();
            block_of(r).insert(at, step("n1", "new"));
        },
        |r| {
            let at = block_of(r).iter().position(|step| step["as"] == "b1").unwrap();
            block_of(r).insert(at, step("n2", "newer"));
        },
    );
    both(|r| block_of(r).insert(1, step("n1", "new")), |r| block_of(r).retain(|step| step["as"] != "s3"));
    both(
        |r| r["config"][1]["account_id"]["name"] = json!("M"),
        |r| block_of(r)[0]["input"]["message"] = json!("1"),
    );
    both(
        |r| block_of(r)[3]["input"]["conditions"][0]["operand"] = json!("blank"),
        |r| block_of(r)[3]["block"][0]["input"]["message"] = json!("1"),
    );
}

#[test]
fn what_both_did_alike_is_done_once() {
    for edit in [
        (|r: &mut Value| drop(block_of(r).remove(1))) as fn(&mut Value),
        |r| block_of(r).insert(1, step("n1", "new")),
        |r| block_of(r)[0]["input"]["message"] = json!("1"),
        |r| block_of(r).swap(1, 2),
    ] {
        let found = clean(edit, edit);
        assert_eq!(text(&found), text(&edited(edit)));
    }
    // Added alike, each in the editor: other names for one step.
    let found =
        clean(|r| block_of(r).insert(1, step("n1", "new")), |r| block_of(r).insert(1, step("n2", "new")));
    assert_eq!(found["code"]["block"].as_array().unwrap().len(), 6);
}

#[test]
fn a_step_is_moved_here_and_edited_there() {
    let found = clean(
        |r| {
            let step = block_of(r).remove(1);
            r["code"]["block"][2]["block"].as_array_mut().unwrap().push(step);
        },
        |r| block_of(r)[1]["input"]["message"] = json!("edited"),
    );
    assert_eq!(found["code"]["block"][2]["block"][2]["input"]["message"], "edited");
}

#[test]
fn the_larger_version_and_what_the_server_derives_are_no_conflict() {
    let found = clean(
        |r| {
            r["version"] = json!(4);
            block_of(r)[0]["extended_input_schema"] = json!([{"name": "message"}]);
            block_of(r)[1]["uuid"] = json!("other");
        },
        |r| {
            r["version"] = json!(9);
            block_of(r)[0]["extended_input_schema"] = json!([{"name": "level"}]);
            block_of(r)[0]["input"]["message"] = json!("1");
        },
    );
    assert_eq!(found["version"], 9);
    assert_eq!(
        found["code"]["block"][0]["extended_input_schema"][0]["name"], "level",
        "it follows the inputs"
    );
    assert_eq!(found["code"]["block"][0]["input"]["message"], "1");
}

#[test]
fn pills_follow_a_new_alias() {
    let rename = |r: &mut Value| {
        let text = r.to_string().replace("s1", "z1").replace("u-z1", "u-s1");
        *r = serde_json::from_str(&text).unwrap();
    };
    let found = clean(rename, |r| {
        block_of(r)[1]["input"]["message"] = json!("#{_('data.logger.s1.level')}");
    });
    assert_eq!(found["code"]["block"][1]["input"]["message"], "#{_('data.logger.z1.level')}");
}

#[test]
fn another_generation_of_a_connector_is_no_conflict() {
    let named = |name: &str| {
        let text = recipe().to_string().replace("logger", name);
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let (base, mut ours, mut theirs) =
        (named("shop_connector_1_2"), named("shop_connector_1_2"), named("shop_connector_5_6"));
    block_of(&mut ours)[0]["input"]["message"] = json!("1");
    block_of(&mut theirs)[1]["input"]["message"] = json!("2");
    let found = merge(&path(), &text(&base), &text(&ours), &text(&theirs)).unwrap();
    assert_eq!(found.conflicts, Vec::<String>::new());
    let found = String::from_utf8(found.text).unwrap();
    assert!(found.contains("shop_connector_5_6") && !found.contains("shop_connector_1_2"), "{found}");
}

#[test]
fn what_cannot_be_decided_is_named() {
    let set = |at: usize, key: &'static str, value: Value| {
        move |r: &mut Value| block_of(r)[at]["input"][key] = value.clone()
    };
    conflict(
        set(0, "message", json!("1")),
        set(0, "message", json!("2")),
        "step 1 Logger · Log message: input.message was changed on both sides",
    );
    conflict(|r| r["name"] = json!("B"), |r| r["name"] = json!("C"), "name was changed on both sides");
    let condition = |operand: &'static str| {
        move |r: &mut Value| block_of(r)[3]["input"]["conditions"][0]["operand"] = json!(operand)
    };
    conflict(
        condition("blank"),
        condition("is_true"),
        "step 4 If: input: the conditions were changed on both sides",
    );
    conflict(
        |r| drop(block_of(r).remove(1)),
        set(1, "message", json!("2")),
        "step 2 Logger · Log message was removed here and changed there",
    );
    conflict(
        |r| drop(block_of(r).remove(3)),
        |r| r["code"]["block"][3]["block"][0]["comment"] = json!("x"),
        "was removed here and changed there",
    );
    conflict(
        |r| drop(block_of(r).remove(3)),
        |r| r["code"]["block"][3]["block"].as_array_mut().unwrap().push(step("n1", "new")),
        "step 4 If was removed here",
    );
    conflict(
        |r| block_of(r)[0]["name"] = json!("other"),
        set(0, "message", json!("2")),
        "its operation was changed here and its inputs there",
    );
    conflict(
        |r| block_of(r).insert(1, step("n1", "a")),
        |r| block_of(r).insert(1, step("n2", "b")),
        "were put in one place",
    );
    conflict(
        |r| r["config"][1]["account_id"]["name"] = json!("M"),
        |r| r["config"][1]["account_id"]["name"] = json!("N"),
        "the connection of logger was changed on both sides",
    );
}

#[test]
fn what_does_not_fit_together_is_named() {
    let same_alias = |message: &'static str, at: usize| {
        move |r: &mut Value| {
            let mut new = step("n1", message);
            new["uuid"] = json!(format!("u-{message}"));
            block_of(r).insert(at, new);
        }
    };
    conflict(same_alias("a", 1), same_alias("b", 3), "different steps got the same as n1");
    conflict(
        |r| drop(block_of(r).remove(2)),
        |r| block_of(r)[4]["input"]["level"] = json!("#{_('data.logger.s3.message')}"),
        "a pill of s3 points to no step after merging",
    );
    let into = |at: usize| {
        move |r: &mut Value| {
            let step = block_of(r).remove(0);
            if at == 9 {
                r["code"]["block"][2]["block"].as_array_mut().unwrap().push(step);
            } else {
                block_of(r).insert(at, step);
            }
        }
    };
    conflict(into(9), into(3), "moved to different places");
}

#[test]
fn no_change_of_a_connection_is_lost() {
    // Without its only step an entry goes, but not with what the other side made of it.
    let remove = |r: &mut Value| {
        block_of(r).retain(|step| step["provider"] != "logger" && step["keyword"] != "if");
        r["config"].as_array_mut().unwrap().remove(1);
    };
    conflict(
        remove,
        |r| r["config"][1]["account_id"]["name"] = json!("M"),
        "the connection of logger was removed on one side and changed on the other",
    );
    both(remove, |r| r["name"] = json!("B"));
}

#[test]
fn what_a_comparison_sets_aside_is_no_conflict() {
    let change = |ours: fn(&mut Value), theirs: fn(&mut Value)| {
        let base = edited(|r| {
            r["config"][1]["skip_validation"] = json!(false);
            block_of(r)[0]["input"]["flow"] =
                json!({"zip_name": "f.recipe.json", "name": "F", "folder": "R"});
        });
        let side = |edit: fn(&mut Value)| {
            let mut side = base.clone();
            edit(&mut side);
            side
        };
        let (left, right) = (side(ours), side(theirs));
        for (a, b) in [(&left, &right), (&right, &left)] {
            let found = merge(&path(), &text(&base), &text(a), &text(b)).unwrap();
            assert_eq!(found.conflicts, Vec::<String>::new());
            assert_eq!(String::from_utf8(found.text).unwrap(), String::from_utf8(text(&left)).unwrap());
        }
    };
    let connect = |r: &mut Value| r["config"][1]["account_id"]["name"] = json!("M");
    change(connect, |r| r["config"][1]["account_id"]["custom"] = json!(true));
    change(connect, |r| drop(r["config"][1].as_object_mut().unwrap().remove("skip_validation")));
    change(connect, |r| r["config"][1]["name"] = json!("logger"));
    change(
        |r| block_of(r)[0]["input"]["flow"]["name"] = json!("G"),
        |r| block_of(r)[0]["input"]["flow"]["custom"] = json!(true),
    );
    change(
        |r| block_of(r)[3]["input"]["conditions"][0]["lhs"] = json!("x"),
        |r| {
            let condition = &mut block_of(r)[3]["input"]["conditions"][0];
            drop(condition.as_object_mut().unwrap().remove("rhs"));
        },
    );
    // What counts stays a conflict.
    conflict(connect, |r| r["config"][1]["skip_validation"] = json!(true), "the connection of logger");
    conflict(connect, |r| r["config"][1]["name"] = json!("other"), "the connection of logger");
    conflict(
        |r| block_of(r)[3]["input"]["conditions"][0]["lhs"] = json!("x"),
        |r| block_of(r)[3]["input"]["conditions"][0]["rhs"] = json!("y"),
        "conditions",
    );
}

#[test]
fn connectors_that_are_not_listed_once_are_one_unit() {
    let second = json!({"keyword": "application", "provider": "logger", "account_id": {"name": "SECOND", "folder": ""}});
    for entry in [second, json!({"keyword": "application", "note": 1})] {
        let with = |edit: &dyn Fn(&mut Value)| {
            let mut recipe = recipe();
            recipe["config"].as_array_mut().unwrap().push(entry.clone());
            edit(&mut recipe);
            recipe
        };
        let of = |ours: &dyn Fn(&mut Value), theirs: &dyn Fn(&mut Value)| {
            merge(&path(), &text(&with(&|_| ())), &text(&with(ours)), &text(&with(theirs))).unwrap()
        };
        let rename = |r: &mut Value| r["name"] = json!("B");
        let connect = |r: &mut Value| r["config"][1]["account_id"]["name"] = json!("M");
        let wanted = with(&|r| {
            rename(r);
            connect(r);
        });
        for found in [of(&rename, &connect), of(&connect, &rename)] {
            assert_eq!(found.conflicts, Vec::<String>::new());
            assert_eq!(String::from_utf8(found.text).unwrap(), String::from_utf8(text(&wanted)).unwrap());
        }
        let found = of(&connect, &|r| r["config"][0]["account_id"] = json!({"name": "C", "folder": ""}));
        let told = found.conflicts.iter().any(|told| told.starts_with("config was changed on both sides"));
        assert!(told, "{entry}: {:?}", found.conflicts);
        let found = of(&|r| drop(r["config"].as_array_mut().unwrap().remove(0)), &rename);
        let told = found.conflicts.iter().any(|told| told.contains("clock was removed on one side"));
        assert!(told, "{entry}: {:?}", found.conflicts);
    }
}

#[test]
fn only_the_lines_that_differ_are_between_markers() {
    let found = merged(
        &edited(|r| {
            block_of(r)[0]["input"]["message"] = json!("1");
            block_of(r)[1]["input"]["level"] = json!("warn");
        }),
        &edited(|r| block_of(r)[0]["input"]["message"] = json!("2")),
    );
    let text = String::from_utf8(found.text).unwrap();
    let marked = "          \"message\": \"1\"\n=======\n          \"message\": \"2\"\n>>>>>>> theirs\n";
    assert!(text.contains(marked) && text.matches("<<<<<<<").count() == 1, "{text}");
    assert!(text.contains("\"level\": \"warn\""), "the other edit is in");
}

#[test]
fn steps_behind_a_conflict_are_not_in_conflict_by_their_number() {
    let remove = edited(|r| drop(block_of(r).remove(0)));
    let change = edited(|r| block_of(r)[0]["input"]["message"] = json!("1"));
    for (ours, theirs) in [(&remove, &change), (&change, &remove)] {
        let found = String::from_utf8(merged(ours, theirs).text).unwrap();
        assert_eq!(found.matches("<<<<<<< ours\n").count(), 1, "{found}");
    }
}

#[test]
fn a_step_of_a_block_that_was_removed_is_between_the_markers() {
    let found = merged(
        &edited(|r| block_of(r).retain(|step| step["as"] != "b1")),
        &edited(|r| r["code"]["block"][3]["block"][0]["input"]["message"] = json!("kept")),
    );
    let text = String::from_utf8(found.text).unwrap();
    assert!(text.contains("\"message\": \"kept\"") && text.contains("\"keyword\": \"if\""), "{text}");
}

#[test]
fn other_files_merge_by_member_and_what_is_no_json_does_not() {
    let path = PackagePath::parse("x.custom_adapter.json").unwrap();
    let merge = |base: &str, ours: &str, theirs: &str| {
        merge(&path, base.as_bytes(), ours.as_bytes(), theirs.as_bytes())
    };
    let found = merge(
        r#"{"title":"A","version_no":1,"a":{"b":1,"c":1}}"#,
        r#"{"title":"A","version_no":5,"a":{"b":2,"c":1}}"#,
        r#"{"title":"B","version_no":3,"a":{"b":1,"c":2}}"#,
    )
    .unwrap();
    assert_eq!(found.conflicts, Vec::<String>::new());
    let found: Value = serde_json::from_slice(&found.text).unwrap();
    assert_eq!(found, json!({"title": "B", "version_no": 5, "a": {"b": 2, "c": 2}}));
    let found = merge(r#"{"a":[1]}"#, r#"{"a":[2]}"#, r#"{"a":[3]}"#).unwrap();
    assert_eq!(found.conflicts, ["a was changed on both sides"]);
    let found = merge("", r#"{"a":1}"#, r#"{"a":2}"#).unwrap();
    assert_eq!(found.conflicts.len(), 1);
    assert_eq!(merge("{}", "no json", "{}"), None);
}

#[test]
fn a_step_that_was_moved_into_a_block_that_is_gone_stands_where_each_side_has_it() {
    let ours = edited(|recipe| {
        let block = block_of(recipe);
        block.remove(3);
        block[0]["name"] = json!("p0");
    });
    let theirs = edited(|recipe| {
        let block = block_of(recipe);
        let mut moved = block.remove(0);
        moved["input"]["message"] = json!("q0");
        block[2]["block"].as_array_mut().unwrap().push(moved);
    });
    for (left, right) in [(&ours, &theirs), (&theirs, &ours)] {
        let found = merged(left, right);
        let got = String::from_utf8(found.text).unwrap();
        assert!(got.contains("\"p0\"") && got.contains("\"q0\""), "{got}");
    }
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

#[test]
fn what_cannot_stand_is_between_markers_and_the_other_edits_are_not() {
    let pill = "#{_('data.logger.s3.message')}";
    let without = |r: &mut Value| {
        block_of(r)[1]["input"]["message"] = json!("p1");
        block_of(r).remove(2);
    };
    let with = |r: &mut Value| {
        r["name"] = json!("q1");
        block_of(r)[0]["comment"] = json!("q2");
        block_of(r).push(step("s7", pill));
    };
    let doubled = |after: usize, level: &'static str| {
        move |r: &mut Value| {
            let mut new = step("n", level);
            new["uuid"] = json!(level);
            block_of(r).insert(after, new);
            block_of(r)[after - 1]["comment"] = json!(format!("by {level}"));
        }
    };
    let cases = [
        (
            edited(without),
            edited(with),
            "a pill of s3 points to no step",
            &["p1", "q1", "q2"][..],
            &["s7"][..],
        ),
        (
            edited(doubled(1, "p3")),
            edited(doubled(3, "q3")),
            "different steps got the same as n",
            &["by p3", "by q3"],
            &["\"uuid\": \"p3\"", "\"uuid\": \"q3\""],
        ),
    ];
    for (ours, theirs, why, clean, apart) in cases {
        for (left, right) in [(&ours, &theirs), (&theirs, &ours)] {
            let found = merged(left, right);
            assert!(found.conflicts.iter().any(|told| told.contains(why)), "{:?}", found.conflicts);
            let (inside, outside) = parts(&found.text);
            for word in clean {
                assert!(outside.contains(word) && !inside.contains(word), "{word}\n{inside}");
            }
            for word in apart {
                assert!(inside.contains(word) && !outside.contains(word), "{word}\n{inside}");
            }
            assert!(serde_json::from_slice::<Value>(&found.text).is_err());
        }
    }
}

#[test]
fn steps_of_which_some_are_out_of_place_are_written_as_each_side_has_them() {
    let elsif = |name: &str| {
        block("elsif", name, &[step(&format!("{name}i"), name), step(&format!("{name}j"), name)])
    };
    let base = edited(|r| {
        r["code"]["block"][3]["block"].as_array_mut().unwrap().extend([elsif("e1"), elsif("e2")]);
    });
    let branches = |r: &mut Value, edit: &dyn Fn(&mut Vec<Value>)| {
        edit(r["code"]["block"][3]["block"].as_array_mut().unwrap());
        renumber(&mut r["code"], &mut 0);
    };
    // Here the last branch goes and the one before it becomes the last; there one is put behind.
    let (mut ours, mut theirs) = (base.clone(), base.clone());
    branches(&mut ours, &|inside| {
        inside.pop();
        inside[2]["keyword"] = json!("else");
        inside[2]["input"] = json!({});
    });
    ours["concurrency"] = json!(7);
    branches(&mut theirs, &|inside| inside.push(elsif("e3")));
    block_of(&mut theirs)[0]["comment"] = json!("q1");
    for (left, right) in [(&ours, &theirs), (&theirs, &ours)] {
        let found = merge(&path(), &text(&base), &text(left), &text(right)).unwrap();
        assert_eq!(found.conflicts, ["step 7 Else is out of place after merging"]);
        let (inside, outside) = parts(&found.text);
        assert!(outside.contains("\"concurrency\": 7,") && !inside.contains("concurrency"), "{inside}");
        for word in ["\"else\"", "\"e3\"", "\"e2\"", "q1"] {
            assert!(inside.contains(word) && !outside.contains(word), "{word}\n{inside}");
        }
        // Each side of the markers is that side's steps.
        for (side, own) in [(0, left), (1, right)] {
            let written: Value = serde_json::from_str(&picked(&found.text, side)).unwrap();
            let own: Value = serde_json::from_slice(&text(own)).unwrap();
            assert_eq!(written["code"], own["code"]);
            assert_eq!(written["concurrency"], 7);
        }
    }
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

#[test]
fn what_the_server_derives_is_no_conflict_at_the_top_either() {
    let with = |description: Value| {
        let mut recipe = recipe();
        recipe["description"] = description;
        recipe
    };
    let base = with(json!("When a timer ticks, do action"));
    let merged = |ours: &Value, theirs: &Value| {
        let found = merge(&path(), &text(&base), &text(ours), &text(theirs)).unwrap();
        assert_eq!(found.conflicts, Vec::<String>::new());
        serde_json::from_slice::<Value>(&found.text).unwrap()["description"].clone()
    };
    let generated = |what: &str| with(json!(format!("When a timer ticks, {what} and 2 other actions")));
    assert_eq!(
        merged(&generated("do one"), &generated("do other")),
        "When a timer ticks, do one and 2 other actions"
    );
    assert_eq!(merged(&base, &generated("do other")), "When a timer ticks, do other and 2 other actions");
    for (typed, derived) in
        [(with(json!("Mine")), generated("do other")), (with(json!("Mine")), with(json!("")))]
    {
        assert_eq!(merged(&typed, &derived), "Mine");
        assert_eq!(merged(&derived, &typed), "Mine");
    }
    let found =
        merge(&path(), &text(&base), &text(&with(json!("Mine"))), &text(&with(json!("Yours")))).unwrap();
    assert_eq!(found.conflicts, ["description was changed on both sides"]);
    let (inside, _) = parts(&found.text);
    assert_eq!(inside.lines().count(), 5, "{inside}");
}

/// What a person does; steps are named by their `uuid`, so that it can be done before and after what others do.
#[derive(Debug, Clone)]
enum Edit {
    Set(usize, &'static str, String),
    Comment(usize, String),
    Skip(usize),
    Add(usize, String),
    Remove(usize),
    Move(usize, usize),
    Operation(usize, String),
    Name(String),
    Connection(String),
    Refresh(usize, String),
}

fn uuid(step: usize) -> String {
    format!("u-{}", ["s1", "s2", "s3", "b1", "s4", "s5", "s6"][step])
}

/// Does something with a step and the list that it stands in; false where it is gone.
fn at(block: &mut Vec<Value>, uuid: &str, edit: &mut dyn FnMut(&mut Vec<Value>, usize)) -> bool {
    if let Some(place) = block.iter().position(|step| step["uuid"] == uuid) {
        edit(block, place);
        return true;
    }
    block.iter_mut().any(|step| {
        step.get_mut("block").and_then(Value::as_array_mut).is_some_and(|inside| at(inside, uuid, edit))
    })
}

/// Does an edit; false where what it is about is gone.
fn apply(recipe: &mut Value, edit: &Edit) -> bool {
    let mut on =
        |step: usize, edit: &mut dyn FnMut(&mut Vec<Value>, usize)| at(block_of(recipe), &uuid(step), edit);
    match edit {
        Edit::Set(step, key, value) => {
            on(*step, &mut |block, place| block[place]["input"][*key] = json!(value))
        }
        Edit::Comment(step, value) => on(*step, &mut |block, place| block[place]["comment"] = json!(value)),
        Edit::Skip(step) => on(*step, &mut |block, place| block[place]["skip"] = json!(true)),
        Edit::Add(after, name) => on(*after, &mut |block, place| block.insert(place + 1, step(name, name))),
        Edit::Remove(step) => on(*step, &mut |block, place| drop(block.remove(place))),
        Edit::Move(step, after) => {
            let (step, after) = (uuid(*step), uuid(*after));
            let before = recipe.clone();
            let mut moved = None;
            at(block_of(recipe), &step, &mut |block, place| moved = Some(block.remove(place)));
            let place = |moved: &Value, recipe: &mut Value| {
                at(block_of(recipe), &after, &mut |block, place| block.insert(place + 1, moved.clone()))
            };
            // A step that is put where it stands was not moved: done after what others did it would be.
            moved.is_some_and(|moved| place(&moved, recipe)) && *recipe != before
        }
        Edit::Operation(step, name) => on(*step, &mut |block, place| block[place]["name"] = json!(name)),
        Edit::Refresh(step, name) => {
            on(*step, &mut |block, place| block[place]["extended_output_schema"] = json!([{"name": name}]))
        }
        Edit::Name(name) => {
            recipe["name"] = json!(name);
            true
        }
        Edit::Connection(name) => {
            recipe["config"][1]["account_id"]["name"] = json!(name);
            true
        }
    }
}

/// Does edits one after the other; none where one of them cannot be done.
fn all(edits: &[&Vec<Edit>]) -> Option<Value> {
    let mut recipe = recipe();
    for edit in edits.iter().flat_map(|edits| edits.iter()) {
        if !apply(&mut recipe, edit) {
            return None;
        }
    }
    renumber(&mut recipe["code"], &mut 0);
    Some(recipe)
}

fn edits_of(side: &'static str) -> impl Strategy<Value = Edit> {
    let word = (0..1000_u32).prop_map(move |number| format!("{side}{number}"));
    (0..10_u8, 0..7_usize, 0..7_usize, word, prop::sample::select(vec!["message", "level", "new"])).prop_map(
        |(kind, step, after, word, key)| match kind {
            0 | 1 => Edit::Set(step, key, word),
            2 => Edit::Comment(step, word),
            3 => Edit::Skip(step),
            4 => Edit::Add(step, word),
            5 => Edit::Remove(step),
            6 => Edit::Operation(step, word),
            7 => Edit::Refresh(step, word),
            8 => Edit::Move(step, after),
            _ if step < 3 => Edit::Name(word),
            _ => Edit::Connection(word),
        },
    )
}

/// Returns the words of a side that a text holds.
fn words(text: &str, side: char) -> BTreeSet<String> {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric());
    parts
        .filter(|part| part.strip_prefix(side).is_some_and(|rest| rest.parse::<u32>().is_ok()))
        .map(str::to_owned)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost(
        ours in prop::collection::vec(edits_of("p"), 1..4),
        theirs in prop::collection::vec(edits_of("q"), 1..4),
    ) {
        let (Some(left), Some(right)) = (all(&[&ours]), all(&[&theirs])) else { return Ok(()) };
        let found = merged(&left, &right);
        let got = String::from_utf8(found.text.clone()).unwrap();
        // What each side wrote is there, in the file or between the markers; schemas give way.
        let is_refresh = |word: &String| {
            ours.iter().chain(&theirs).any(|edit| matches!(edit, Edit::Refresh(_, name) if name == word))
        };
        for (side, letter) in [(&left, 'p'), (&right, 'q')] {
            let missing: Vec<String> =
                words(&side.to_string(), letter).difference(&words(&got, letter)).filter(|word| !is_refresh(word)).cloned().collect();
            prop_assert!(missing.is_empty(), "lost {:?}: {:?}\n{}", missing, found.conflicts, got);
        }
        if !found.conflicts.is_empty() {
            prop_assert!(serde_json::from_str::<Value>(&got).is_err() || text(&left) == text(&right));
            return Ok(());
        }
        // A clean result is what comes of both scripts, whichever is first.
        let schemas = |mut value: Value| {
            fn strip(step: &mut Value) {
                step.as_object_mut().unwrap().remove("extended_output_schema");
                step.get_mut("block").and_then(Value::as_array_mut).into_iter().flatten().for_each(strip);
            }
            strip(&mut value["code"]);
            String::from_utf8(text(&value)).unwrap()
        };
        let result: Value = serde_json::from_str(&got).unwrap();
        let orders = [all(&[&ours, &theirs]), all(&[&theirs, &ours])];
        let done: Vec<String> = orders.into_iter().flatten().map(schemas).collect();
        let result = schemas(result);
        let moves = ours.iter().chain(&theirs).any(|edit| matches!(edit, Edit::Move(..)));
        if moves {
            // Of two neighbours that changed places, nobody can tell which one was moved.
            prop_assert!(done.is_empty() || done.contains(&result), "{:#?}\n{}", done, result);
        } else {
            for script in &done {
                prop_assert_eq!(&result, script);
            }
        }
    }
}
