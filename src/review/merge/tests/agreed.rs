//! What merges without a question.

use super::*;

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
    let found = String::from_utf8(written(&found)).unwrap();
    assert!(found.contains("shop_connector_5_6") && !found.contains("shop_connector_1_2"), "{found}");
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
            assert_eq!(String::from_utf8(written(&found)).unwrap(), String::from_utf8(text(&left)).unwrap());
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
            assert_eq!(
                String::from_utf8(written(&found)).unwrap(),
                String::from_utf8(text(&wanted)).unwrap()
            );
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
    let found: Value = serde_json::from_slice(&written(&found)).unwrap();
    assert_eq!(found, json!({"title": "B", "version_no": 5, "a": {"b": 2, "c": 2}}));
    let found = merge(r#"{"a":[1]}"#, r#"{"a":[2]}"#, r#"{"a":[3]}"#).unwrap();
    assert_eq!(found.conflicts, ["a was changed on both sides"]);
    let found = merge("", r#"{"a":1}"#, r#"{"a":2}"#).unwrap();
    assert_eq!(found.conflicts.len(), 1);
    assert_eq!(merge("{}", "no json", "{}"), None);
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
        serde_json::from_slice::<Value>(&written(&found)).unwrap()["description"].clone()
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
    let (inside, _) = parts(&written(&found));
    assert_eq!(inside.lines().count(), 5, "{inside}");
}
