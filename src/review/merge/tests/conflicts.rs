//! What only people can decide, and how it stands between the markers.

use super::*;

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
fn only_the_lines_that_differ_are_between_markers() {
    let found = merged(
        &edited(|r| {
            block_of(r)[0]["input"]["message"] = json!("1");
            block_of(r)[1]["input"]["level"] = json!("warn");
        }),
        &edited(|r| block_of(r)[0]["input"]["message"] = json!("2")),
    );
    let text = String::from_utf8(written(&found)).unwrap();
    let marked = "          \"message\": \"1\"\n=======\n          \"message\": \"2\"\n>>>>>>> theirs\n";
    assert!(text.contains(marked) && text.matches("<<<<<<<").count() == 1, "{text}");
    assert!(text.contains("\"level\": \"warn\""), "the other edit is in");
}

#[test]
fn steps_behind_a_conflict_are_not_in_conflict_by_their_number() {
    let remove = edited(|r| drop(block_of(r).remove(0)));
    let change = edited(|r| block_of(r)[0]["input"]["message"] = json!("1"));
    for (ours, theirs) in [(&remove, &change), (&change, &remove)] {
        let found = String::from_utf8(written(&merged(ours, theirs))).unwrap();
        assert_eq!(found.matches("<<<<<<< ours\n").count(), 1, "{found}");
    }
}

#[test]
fn a_step_of_a_block_that_was_removed_is_between_the_markers() {
    let found = merged(
        &edited(|r| block_of(r).retain(|step| step["as"] != "b1")),
        &edited(|r| r["code"]["block"][3]["block"][0]["input"]["message"] = json!("kept")),
    );
    let text = String::from_utf8(written(&found)).unwrap();
    assert!(text.contains("\"message\": \"kept\"") && text.contains("\"keyword\": \"if\""), "{text}");
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
        let got = String::from_utf8(written(&found)).unwrap();
        assert!(got.contains("\"p0\"") && got.contains("\"q0\""), "{got}");
    }
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
            let (inside, outside) = parts(&written(&found));
            for word in clean {
                assert!(outside.contains(word) && !inside.contains(word), "{word}\n{inside}");
            }
            for word in apart {
                assert!(inside.contains(word) && !outside.contains(word), "{word}\n{inside}");
            }
            assert!(serde_json::from_slice::<Value>(&written(&found)).is_err());
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
        let (inside, outside) = parts(&written(&found));
        assert!(outside.contains("\"concurrency\": 7,") && !inside.contains("concurrency"), "{inside}");
        for word in ["\"else\"", "\"e3\"", "\"e2\"", "q1"] {
            assert!(inside.contains(word) && !outside.contains(word), "{word}\n{inside}");
        }
        // Each side of the markers is that side's steps.
        for (side, own) in [(0, left), (1, right)] {
            let written: Value = serde_json::from_str(&picked(&written(&found), side)).unwrap();
            let own: Value = serde_json::from_slice(&text(own)).unwrap();
            assert_eq!(written["code"], own["code"]);
            assert_eq!(written["concurrency"], 7);
        }
    }
}

#[test]
fn different_new_steps_are_never_one_that_was_edited() {
    let new = |uuid: &str, alias: &str, provider: &str, operation: &str| {
        json!({"keyword": "action", "provider": provider, "name": operation, "as": alias, "uuid": uuid,
            "input": {"message": "hello", "level": "info", "list": ["x"]}})
    };
    // In a gap of its own, or where both have removed the same step, that has most of their input.
    for removes in [false, true] {
        // A tool may name steps by their places.
        for (uuids, aliases) in
            [(["n1", "n2"], ["x1", "x2"]), (["n1", "n1"], ["x1", "x2"]), (["n1", "n2"], ["x1", "x1"])]
        {
            let put = |at: usize, step: Value| {
                edited(|recipe| {
                    block_of(recipe).splice(1..1 + usize::from(removes), []).for_each(drop);
                    block_of(recipe).insert(at, step.clone());
                })
            };
            let mail = new(uuids[0], aliases[0], "gmail", "send_mail");
            let file = new(uuids[1], aliases[1], "box", "upload_file");
            let (ours, theirs) = (put(1, mail), put(1, file.clone()));
            let found = merged(&ours, &theirs);
            let told = "step 2 Gmail · Send mail and step 2 Box · Upload file were put in one place: which comes first?";
            assert_eq!(found.conflicts, [told]);
            for (side, wanted) in [&ours, &theirs].into_iter().enumerate() {
                let left: Value = serde_json::from_str(&picked(&written(&found), side)).unwrap();
                assert_eq!(left["code"], wanted["code"], "{uuids:?} {aliases:?}");
            }
            let found = merged(&ours, &put(3, file)).conflicts;
            let twice = |key: &str, names: [&str; 2]| {
                (names[0] == names[1]).then(|| format!("different steps got the same {key} {}", names[0]))
            };
            assert_eq!(
                found,
                twice("uuid", uuids).into_iter().chain(twice("as", aliases)).collect::<Vec<_>>()
            );
        }
    }
}
