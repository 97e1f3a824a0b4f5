//! Connectors of one name: a change of a generated id alone is seen.

use serde_json::{Value, json};

use super::super::{Input, LeftOut, diff};
use super::{files, told, versions};
use crate::review::text::{Options, text};

/// A recipe that lists connectors, each with a connection, and uses the last one.
fn recipe(listed: &[&str]) -> String {
    let entry = |provider: &&str| {
        json!({"keyword": "application", "provider": provider,
            "account_id": {"zip_name": "shop.connection.json", "name": "Shop", "folder": ""}})
    };
    let config: Vec<Value> = listed.iter().map(entry).collect();
    let used = listed.last().unwrap();
    json!({"name": "A", "version": 1, "private": true, "concurrency": 1, "config": config, "code": {
        "keyword": "trigger", "provider": "clock", "name": "timer", "as": "t", "number": 0, "uuid": "u0", "block": [
            {"keyword": "action", "provider": used, "name": "list", "as": "a", "number": 1, "uuid": "u1", "input": {}},
            {"keyword": "action", "provider": "logger", "name": "put", "as": "b", "number": 2, "uuid": "u2",
             "input": {"of": format!("#{{_('data.{used}.a.x')}}")}}]}})
    .to_string()
}

#[test]
fn another_connector_of_one_name_is_told_by_its_id() {
    let old = recipe(&["shop_connector_1_2", "shop_connector_5_6"]);
    let new = recipe(&["shop_connector_1_2", "shop_connector_7_8"]);
    insta::assert_snapshot!(told(&versions("a.recipe.json", old, new)), @r#"
    ~ recipe a.recipe.json “A”: 1 step changed, 2 recipe settings changed
      - connection of Shop (shop_connector_5_6): “Shop”
      + connection of Shop (shop_connector_7_8): “Shop”
      ~ step 1 Shop · List
          ~ operation: {"provider":"shop_connector_5_6"} → {"provider":"shop_connector_7_8"}
      · pills follow their step of step 2 (1 place)

    1 recipe changed
    "#);
}

#[test]
fn a_new_generation_of_a_connector_is_called_by_its_name() {
    let old = recipe(&["shop_connector_1_2"]);
    let new = recipe(&["shop_connector_3_4"]).replace("\"Shop\"", "\"Store\"");
    insta::assert_snapshot!(told(&versions("a.recipe.json", old, new)), @r"
    ~ recipe a.recipe.json “A”: 1 recipe setting changed
      ~ connection of Shop: “Shop” → “Store”
      · connector ids: shop_connector_1_2 → …_3_4 (3 places)

    1 recipe changed
    ");
}

#[test]
fn an_entry_that_is_no_object_is_shown_and_a_change_of_it_is_told() {
    let with = |entries: &str| {
        recipe(&["shop_connector_1_2"]).replace("\"config\":[", &format!("\"config\":[{entries}"))
    };
    for (old, new, lines) in [
        ("3,", "4,", &["~ config[1]: 3 → 4"][..]),
        ("\"x\",", "", &["- config[1]: x"]),
        ("", "null,", &["+ config[1]: null"]),
        ("[1],", "[2],", &["~ config[1][1]: 1 → 2"]),
        ("{\"odd\":1},", "{\"odd\":2},", &["~ config[1].odd: 1 → 2"]),
        ("3,", "3,{\"provider\":\"rest\"},", &["+ config[2].provider: rest"]),
    ] {
        let found = told(&versions("a.recipe.json", with(old), with(new)));
        let changes: Vec<&str> =
            found.lines().map(str::trim).filter(|line| line.contains("config[")).collect();
        assert_eq!(changes, lines, "{found}");
        assert!(!found.contains("code."), "{found}");
    }
    let shown = crate::review::show::outline(
        "a.recipe.json",
        with("3,\"\\u001b\",").as_bytes(),
        None,
        crate::review::show::Numbers::Shown,
    );
    assert!(shown.text.contains("  (no connector): 3\n"), "{}", shown.text);
    assert!(shown.text.contains("Shop · List") && !shown.text.contains('\u{1b}'), "{}", shown.text);
}

#[test]
fn what_is_behind_a_fold_never_reads_the_same() {
    let old = recipe(&["shop_connector_1_2"]);
    let new = recipe(&["shop_connector_3_4"]).replace("_('data.shop_connector_3_4.a.x')", "_dp('{\\\"pill_type\\\":\\\"output\\\",\\\"provider\\\":\\\"shop_connector_3_4\\\",\\\"line\\\":\\\"a\\\",\\\"path\\\":[\\\"x\\\"]}')");
    let found = diff(&Input {
        old: &files(&[("a.recipe.json", old)]),
        new: &files(&[("a.recipe.json", new)]),
        same: &std::collections::BTreeSet::new(),
        read_same: &|_| None,
        left_out: (&LeftOut::new(), &LeftOut::new()),
        names: ("old", "new"),
        chosen: None,
        details: true,
    });
    for (field, old, new) in found.assets[0].folded.iter().flat_map(|folded| &folded.details) {
        assert_ne!(old, new, "{field}");
    }
    insta::assert_snapshot!(text(&found, Options { color: false, details: true }), @r##"
    · recipe a.recipe.json “A”: no change in meaning
      · connector ids: shop_connector_1_2 → …_3_4 (3 places)
          · config: shop_connector_1_2 → shop_connector_3_4
          · provider: shop_connector_1_2 → shop_connector_3_4
          · of:
              - "#{_('data.shop_connector_1_2.a.x')}"
              + "#{_dp('{\"pill_type\":\"output\",\"provider\":\"shop_connector_3_4\",\"line\":\"a\",\"path\":[\"x\"]}')}"

    Nothing changed in meaning.
    "##);
}
