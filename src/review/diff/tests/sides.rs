//! What must not count: the same again, in another spelling, in another order; and what must not break a comparison.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Files, files, folders, told, versions};
use crate::review::change::{FoldKind, Sameness};

const RECIPE: &str = include_str!("../../../../tests/data/order-desk/Recipes/look_up_order.recipe.json");

fn order_desk() -> Files {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/order-desk");
    let names = crate::fs::list(&folder).unwrap();
    let read = |name: &std::path::PathBuf| {
        let path = crate::model::path::PackagePath::parse(name.to_str().unwrap()).unwrap();
        (path, crate::fs::read(&folder.join(name), 1 << 20).unwrap())
    };
    names.iter().map(read).collect()
}

/// Writes a value with its members in another order, and other white space.
fn respelled(value: &Value, seed: usize, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { " ,\n" } else { "" });
                respelled(item, seed + at, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            let mut members: Vec<_> = members.iter().collect();
            let length = members.len().max(1);
            members.rotate_left(seed % length);
            for (at, (key, member)) in members.into_iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "\t" });
                out.push_str(&serde_json::to_string(key).unwrap());
                out.push(':');
                respelled(member, seed * 7 + at, out);
            }
            out.push('}');
        }
        Value::String(text) => {
            out.push('"');
            text.encode_utf16().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            out.push('"');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[test]
fn the_same_again_is_identical_and_in_another_spelling_of_equal_content() {
    let desk = order_desk();
    let same = folders(desk.clone(), desk.clone());
    assert_eq!((same.sameness, same.assets.len()), (Sameness::Bytes, 0));
    assert_eq!(told(&same), "Identical.\n");
    let mut other = desk.clone();
    for (path, bytes) in other.iter_mut().filter(|(path, _)| path.as_str().ends_with(".json")) {
        let value: Value = serde_json::from_slice(bytes).unwrap();
        let mut text = String::new();
        respelled(&value, path.as_str().len(), &mut text);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        *bytes = text.into_bytes();
    }
    let respelled = folders(desk, other);
    assert_eq!(respelled.sameness, Sameness::Content);
    assert_eq!(told(&respelled), "Nothing changed in meaning.\n");
    assert!(respelled.assets.iter().all(|asset| asset.folded.is_empty() && asset.volatile.is_empty()));
}

#[test]
fn a_second_export_of_every_type_has_the_same_content() {
    let again = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/corpus/synthetic-all-types-reexport");
    let Ok(names) = crate::fs::list(&again) else { return };
    let (old, mut new) = (order_desk(), order_desk());
    for name in names {
        let path = crate::model::path::PackagePath::parse(name.to_str().unwrap()).unwrap();
        new.insert(path, crate::fs::read(&again.join(&name), 1 << 20).unwrap());
    }
    let diff = folders(old, new);
    assert_eq!(diff.sameness, Sameness::Content, "{}", told(&diff));
    assert_eq!(diff.assets.len(), 4);
    assert!(diff.assets.iter().all(|asset| asset.change.is_none()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The answer is a function of the values, whatever the order of keys.
    #[test]
    fn the_spelling_changes_no_answer(seed in 0_usize..1000) {
        let old: Value = serde_json::from_str(RECIPE).unwrap();
        let mut new = old.clone();
        new["code"]["block"].as_array_mut().unwrap().swap(0, 2);
        new["code"]["block"][1]["input"]["operand"] = json!("or");
        new["code"]["block"][2]["input"]["new"] = json!({"b": [1, {"c": null}], "a": "x"});
        new["code"]["comment"] = json!("a\nb");
        new["config"].as_array_mut().unwrap().remove(2);
        let plain = versions("a.recipe.json", old.to_string(), new.to_string());
        let (mut a, mut b) = (String::new(), String::new());
        respelled(&old, seed, &mut a);
        respelled(&new, seed * 3, &mut b);
        prop_assert_eq!(versions("a.recipe.json", a, b), plain);
    }
}

#[test]
fn assets_that_moved_or_were_renamed_are_found() {
    let text = |name: &str, limit: &str| {
        RECIPE.replace("Look up order\"", &format!("{name}\"")).replace("\"limit\": \"1\"", limit)
    };
    let old = files(&[
        ("a/equal.recipe.json", text("Equal", "\"limit\": \"1\"")),
        ("a/steps.recipe.json", text("Steps", "\"limit\": \"2\"").replace("uuid\": \"", "uuid\": \"x")),
        ("a/name.topic.json", r#"{"name": "T", "a": 1}"#.to_owned()),
        ("a/gone.topic.json", r#"{"name": "G"}"#.to_owned()),
        ("a/renamed.topic.json", r#"{"name": "Old"}"#.to_owned()),
    ]);
    let new = files(&[
        ("b/equal.recipe.json", text("Equal", "\"limit\": \"1\"")),
        ("b/other_name.recipe.json", text("Other", "\"limit\": \"3\"").replace("uuid\": \"", "uuid\": \"x")),
        ("b/name.topic.json", r#"{"name": "T", "a": 2}"#.to_owned()),
        ("b/came.topic.json", r#"{"name": "C"}"#.to_owned()),
        ("a/renamed.topic.json", r#"{"name": "New"}"#.to_owned()),
    ]);
    insta::assert_snapshot!(told(&folders(old, new)), @"
        - topic a/gone.topic.json “G”: removed
        ~ topic a/renamed.topic.json “New” (was “Old”): 1 field changed
          ~ name: Old → New
        + topic b/came.topic.json “C”: added
        > recipe b/equal.recipe.json “Equal” (from a/equal.recipe.json): moved
        ~ topic b/name.topic.json “T” (from a/name.topic.json): 1 field changed
          ~ a: 1 → 2
        ~ recipe b/other_name.recipe.json “Other” (was “Steps”) (from a/steps.recipe.json): 1 step changed, 1 recipe setting changed
          ~ name: Steps → Other
          ~ step 1 Data table · Get records
              ~ limit: 2 → 3

        1 recipe changed; 1 recipe moved; 2 topics changed; 1 topic added; 1 topic removed
        ");
}

#[test]
fn the_files_of_one_asset_are_one_entry() {
    let (old, mut new) = (order_desk(), order_desk());
    let edit = |new: &mut Files, name: &str, from: &str, to: &str| {
        let (_, bytes) = new.iter_mut().find(|(path, _)| path.as_str() == name).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        *bytes = text.replace(from, to).into_bytes();
    };
    edit(&mut new, "warehouse_api.custom_adapter.rb", "Warehouse API", "Warehouse");
    edit(&mut new, "warehouse_api.custom_adapter.json", "\"note\": \"", "\"note\": \"Now ");
    let logo = new.keys().find(|path| path.as_str() == "warehouse_api.custom_adapter.png").unwrap().clone();
    new.insert(logo, b"\x89PNG\0".to_vec());
    insta::assert_snapshot!(told(&folders(old, new)), @"
        ~ custom_adapter warehouse_api.custom_adapter.json “Warehouse API”: 1 line added, 1 line removed, 1 binary file changed
          ~ warehouse_api.custom_adapter.rb:
                  @@ -1,4 +1,4 @@
                   {
                  -  title: 'Warehouse API',
                  +  title: 'Warehouse',
                   
                     connection: {
          ~ warehouse_api.custom_adapter.png: 69 bytes, 149ff9e4d89b → 5 bytes, c5dd0473a667
          · note: Initial Release → Now Initial Release

        1 custom connector changed
        ");
}

#[test]
fn what_is_no_recipe_is_compared_as_json_or_as_text() {
    let told = |old: &str, new: &str| told(&versions("a.recipe.json", old, new));
    insta::assert_snapshot!(told(r#"{"code": [{"a": 1}], "name": "x"}"#, r#"{"code": [{"a": 2}], "name": "x"}"#), @"
        ~ recipe a.recipe.json “x”: 1 field changed
          ~ code[1].a: 1 → 2

        1 recipe changed
        ");
    insta::assert_snapshot!(told(r#"{"code": {"block": [1]}}"#, r#"{"code": {}}"#), @"
        ~ recipe a.recipe.json: 1 field removed
          - code.block[1]: 1

        1 recipe changed
        ");
    insta::assert_snapshot!(told("{\"a\":\n1}", "{\"a\":\n"), @r#"
        ~ recipe a.recipe.json: 1 line removed
          ~ a.recipe.json:
                  @@ -1,2 +1 @@
                   {"a":
                  -1}
                  \ no line break at the end

        1 recipe changed
        "#);
    insta::assert_snapshot!(told("1", "\"1\""), @r#"
        ~ recipe a.recipe.json: 1 field changed
          ~ (value): 1 → "1"

        1 recipe changed
        "#);
    let deep = |leaf: &str| {
        format!(
            "{}{leaf}{}",
            r#"{"block": [{"#.to_owned() + &r#""block": [{"#.repeat(200) + "\"x\": ",
            "}]".repeat(201) + "}"
        )
    };
    let (old, new) = (format!(r#"{{"code": {}}}"#, deep("1")), format!(r#"{{"code": {}}}"#, deep("2")));
    assert_eq!(versions("a.recipe.json", &old, &new).sameness, Sameness::Different);
    let nested = |leaf: &str| format!("{}{leaf}{}", "[".repeat(500), "]".repeat(500));
    assert_eq!(versions("a.topic.json", nested("1"), nested("2")).sameness, Sameness::Different);
    assert_eq!(versions("a.topic.json", "[]", nested("2")).sameness, Sameness::Different);
}

#[test]
fn control_characters_and_secrets_are_not_passed_on() {
    let old: Value = serde_json::from_str(RECIPE).unwrap();
    let mut new = old.clone();
    new["name"] = json!("a\u{1b}[2J\u{202e}\nb");
    new["code"]["block"][0]["input"]["client_secret"] = json!("8f14e45fceea167a5a36dedd4bea2543");
    new["code"]["block"][0]["comment"] = json!("x\u{1b}]0;title\u{7}");
    let odd = "\u{9b}31m\u{7f}\u{202e}\u{e0041}";
    new["code"]["block"][0]["input"]["odd"] = json!(odd);
    let diff = versions("a.recipe.json", old.to_string(), new.to_string());
    let (text, json) = (told(&diff), crate::review::json::json(&diff));
    assert!(text.contains("client_secret: (hidden)"), "{text}");
    assert!(json.contains("\"hidden\": true"), "{json}");
    for told in [&text, &json] {
        assert!(!told.contains('\u{1b}') && !told.contains("8f14e45fceea167a5a36dedd4bea2543"), "{told}");
    }
    for told in [&text, &json] {
        assert!(!told.contains(['\u{202e}', '\u{7}', '\u{9b}', '\u{7f}', '\u{e0041}']), "{told}");
    }
    let read: Value = serde_json::from_str(&json).unwrap();
    let changes = read["assets"][0]["changes"].as_array().unwrap();
    let change = changes.iter().find(|change| change["field"] == "odd").unwrap();
    assert_eq!(change["new"], odd, "the same value");
}

#[test]
fn a_fold_is_proved_in_every_place() {
    let old = r##"{"name": "A", "code": {"keyword": "trigger", "provider": "clock", "name": "x", "as": "t", "block": [
        {"keyword": "action", "provider": "shop_connector_1_2", "name": "a", "as": "s", "uuid": "1", "input": {"x": "#{_('data.clock.t.a')}"}},
        {"keyword": "action", "provider": "shop_connector_1_2", "name": "b", "as": "u", "uuid": "2", "input": {"y": "=_('data.shop_connector_1_2.s.b') + 'shop_connector_1_2'"}}]},
        "config": [{"keyword": "application", "provider": "shop_connector_1_2"}, {"keyword": "application", "provider": "clock"}]}"##;
    let kinds = |new: &str| {
        let diff = versions("a.recipe.json", old, new);
        let asset = &diff.assets[0];
        let folds: Vec<FoldKind> = asset.folded.iter().map(|folded| folded.what).collect();
        (asset.changes.len(), folds)
    };
    // Another generation, everywhere and in all but one place.
    let renamed = old.replace("shop_connector_1_2", "shop_connector_3_4");
    assert_eq!(kinds(&renamed), (0, vec![FoldKind::ConnectorId; 4]));
    let missed = renamed.replacen("shop_connector_3_4", "shop_connector_1_2", 1);
    assert!(kinds(&missed).0 >= 3, "{:?}", kinds(&missed));
    // A new alias with its pills; without them; a pill of another step.
    let alias = old.replace("\"s\"", "\"z\"").replace("1_2.s.b", "1_2.z.b");
    assert_eq!(kinds(&alias), (1, vec![FoldKind::PillsFollow]));
    assert_eq!(kinds(&old.replace("\"s\"", "\"z\"")).0, 1);
    assert_eq!(kinds(&old.replace("1_2.s.b", "1_2.u.b")).0, 1);
    // Another spelling of a pill, and one that is no pill of a step any more.
    let spelled = old.replace(
        "#{_('data.clock.t.a')}",
        r##"#{_dp('{\"pill_type\":\"output\",\"provider\":\"clock\",\"line\":\"t\",\"path\":[\"a\"]}')}"##,
    );
    assert_eq!(kinds(&spelled), (0, vec![FoldKind::PillSpelling]));
    assert_eq!(kinds(&old.replace("data.clock.t.a", "data.timer.t.a")).0, 1);
}

#[test]
fn whatever_is_surely_a_secret_is_told_as_changed_and_not_shown() {
    let cases: Value =
        serde_json::from_slice(include_bytes!("../../../../tests/data/secret-cases.json")).unwrap();
    let is_shown = |told: &str| {
        ["EXAMPLEf", "EXAMPLE.f", "RkFL", "0123456789abcdef", "EXAMPLEpw", "AKIA", "ZmFrZS1z"]
            .iter()
            .any(|part| told.contains(part))
    };
    let mut tried = 0;
    for case in cases["cases"].as_array().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let Ok(snippet) = serde_json::from_str::<Value>(text("snippet")) else { continue };
        if text("expect") != "flag" {
            continue;
        }
        let (empty, file) = match text("asset") {
            "recipe.json" => {
                let recipe = |mut step: Value| {
                    step["keyword"] = json!("trigger");
                    json!({"name": "R", "code": step, "config": []}).to_string()
                };
                (recipe(json!({"input": {}})), recipe(snippet))
            }
            _ => ("{}".to_owned(), snippet.to_string()),
        };
        let path = format!("x.{}", text("asset"));
        for (old, new) in [(&empty, &file), (&file, &empty), (&json!([]).to_string(), &file)] {
            let diff = versions(&path, old, new);
            for told in [told(&diff), crate::review::json::json(&diff)] {
                assert!(!is_shown(&told), "{}: {told}", text("id"));
            }
            assert_eq!(diff.sameness, Sameness::Different, "{}", text("id"));
        }
        tried += 1;
    }
    assert!(tried > 5, "{tried}");
}

#[test]
fn a_secret_is_known_by_the_name_beside_it_in_each_version() {
    let secret = "EXAMPLEfakefakefakefakefake01";
    let recipe = |input: Value| {
        let code = json!({"keyword": "trigger", "input": input});
        json!({"name": "R", "code": code, "config": []}).to_string()
    };
    for (old, new) in [
        (json!({}), json!({"params": [{"name": "client_secret", "value": secret}]})),
        (json!({"params": []}), json!({"params": [{"key": "client_secret", "value": secret}]})),
        (
            json!({"params": {"name": "client_secret", "value": secret}}),
            json!({"params": {"name": "message", "value": "hi"}}),
        ),
        (json!({"client_secret": [secret, "b"]}), json!({"client_secret": "x"})),
        (json!({"client_secret": [[{"x": 1}, secret]]}), json!({"client_secret": [[{"x": 2}, "y"]]})),
    ] {
        for (old, new) in [(&old, &new), (&new, &old)] {
            let diff = versions("a.recipe.json", recipe(old.clone()), recipe(new.clone()));
            for told in [told(&diff), crate::review::json::json(&diff)] {
                assert!(!told.contains(secret), "{old} {new}: {told}");
            }
            assert!(told(&diff).contains("(hidden)"), "{old} {new}: {}", told(&diff));
        }
    }
    let table = |rows: Value| {
        json!({"name": "T", "schema": [{"name": "col1", "label": "Token"}, {"name": "col2", "label": "Id"}], "data": rows})
            .to_string()
    };
    let row = |token: &str, id: &str| json!({"col1": token, "col2": id, "id": id});
    let rows = json!([row(secret, "a"), row("EXAMPLEfakefakefakefakefake02", "b")]);
    let turned = json!([rows[1], rows[0]]);
    for (old, new) in [(&rows, &turned), (&rows, &json!("none")), (&json!([]), &rows)] {
        let diff = versions("a.lookup_table.json", table(old.clone()), table(new.clone()));
        for told in [told(&diff), crate::review::json::json(&diff)] {
            assert!(!told.contains("EXAMPLE"), "{told}");
        }
    }
    let lines = table(rows).replace('{', "{\n");
    let broken = told(&versions("a.lookup_table.json", "{\n", lines));
    assert!(broken.contains("(hidden)") && !broken.contains("EXAMPLE"), "{broken}");
}

#[test]
fn what_looks_the_same_is_told_apart() {
    let mut old: Value = serde_json::from_str(RECIPE).unwrap();
    let mut new = old.clone();
    let input = |recipe: &mut Value, texts: [&str; 4]| {
        let [name, key, text, long] = texts;
        recipe["name"] = json!(name);
        let input = &mut recipe["code"]["block"][0]["input"];
        input["limit"] = json!(format!("{text} ❤\u{fe0f}"));
        input[key] = json!("1");
        input["sql"] = json!(format!("{long}\nsame ❤\u{fe0f}\n"));
        input["url"] = json!(format!("https://acme.example/{}/{text}", "a".repeat(80)));
    };
    input(&mut old, ["Order ❤", "stra\u{df}e \u{e9}", "M\u{fc}ller", "one Caf\u{e9}\ntwo"]);
    input(&mut new, ["Order ❤\u{fe0f}", "stra\u{df}e e\u{301}", "Mu\u{308}ller", "one Cafe\u{301}\nthree"]);
    let path = |name: &str| format!("Caf{name}/look_up_order.recipe.json");
    let found =
        folders(files(&[(&path("\u{e9}"), old.to_string())]), files(&[(&path("e\u{301}"), new.to_string())]));
    insta::assert_snapshot!(told(&found), @r"
        ~ recipe Cafe\u{301}/look_up_order.recipe.json “Order ❤\u{fe0f}” (was “Order ❤”) (from Café/look_up_order.recipe.json): 1 step changed, 1 recipe setting changed
          ~ name: Order ❤ → Order ❤\u{fe0f}
          ~ step 1 Data table · Get records
              ~ limit: Müller ❤\u{fe0f} → Mu\u{308}ller ❤\u{fe0f}
              ~ sql:
                  @@ -1,3 +1,3 @@
                  -one Café
                  -two
                  +one Cafe\u{301}
                  +three
                   same ❤️
              + straße e\u{301}: 1
              - straße é: 1
              ~ url:
                  - https://acme.example/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/[-Müller-]
                  + https://acme.example/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/{+Mu\u{308}ller+}

        1 recipe changed
        ");
    let options = crate::review::markdown::Options {
        title: "orders",
        max_chars: 0,
        details: false,
        diagram: None,
        command: "",
    };
    let markdown = crate::review::markdown::markdown(&found, &options);
    let told = markdown.lines().find(|line| line.contains("(from")).unwrap();
    assert_eq!(told, r"`Cafe\u{301}/look_up_order.recipe.json` (from `Café/look_up_order.recipe.json`)");
}
