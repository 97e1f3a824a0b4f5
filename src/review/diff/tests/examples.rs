//! The worked examples: what a reviewer reads of each.

use serde_json::{Value, json};

use super::{Files, folders, told, versions};

fn look_up_order() -> Value {
    let text = include_str!("../../../../tests/data/order-desk/Recipes/look_up_order.recipe.json");
    serde_json::from_str(text).unwrap()
}

fn travelperk() -> Value {
    let text = include_str!("../../../../tests/data/travelperk/travelperk_fyle_integration.recipe.json");
    serde_json::from_str(text).unwrap()
}

fn renumber(recipe: &mut Value) {
    fn walk(step: &mut Value, number: &mut i64) {
        step["number"] = json!(*number);
        *number += 1;
        for child in step.get_mut("block").and_then(Value::as_array_mut).into_iter().flatten() {
            walk(child, number);
        }
    }
    walk(&mut recipe["code"], &mut 0);
}

/// Returns what is told of an edit of a recipe.
fn edit(path: &str, old: &Value, edit: impl FnOnce(&mut Value)) -> String {
    let mut new = old.clone();
    edit(&mut new);
    renumber(&mut new);
    told(&versions(path, old.to_string(), new.to_string()))
}

const ORDER: &str = "look_up_order.recipe.json";
const TRAVEL: &str = "travelperk_fyle_integration.recipe.json";

#[test]
fn one_input() {
    let told = edit(TRAVEL, &travelperk(), |recipe| {
        let input = &mut recipe["code"]["block"][3]["block"][0]["input"]["data"]["is_reimbursable"];
        assert_eq!(*input, json!("false"));
        *input = json!("true");
        recipe["version"] = json!(13);
    });
    insta::assert_snapshot!(told, @"
        ~ recipe travelperk_fyle_integration.recipe.json “TravelPerk <> Fyle Integration”: 1 step changed
          ~ step 5 Fyle · Post expenses
              ~ data.is_reimbursable: false → true
          · version 9 → 13

        1 recipe changed
        ");
}

#[test]
fn another_workspace() {
    let old = include_bytes!("../../../../tests/data/dewy-resort/get_all_entities.recipe.json");
    let new = include_bytes!("../../../../tests/data/dewy-resort-resorted/get_all_entities.recipe.json");
    insta::assert_snapshot!(told(&versions("get_all_entities.recipe.json", old, new)), @"
        · recipe get_all_entities.recipe.json “Get All Entities”: no change in meaning
          · connector ids: nabu_casa_home_assistant_cloud__connector_2100002083_1768260720 → …_2100009826_1779813258 (3 places)
          · version 6 → 1

        Nothing changed in meaning.
        ");
}

#[test]
fn a_step_inserted() {
    let told = edit(ORDER, &look_up_order(), |recipe| {
        let pill = r#"#{_dp('{"pill_type":"output","provider":"workato_genie","line":"1f0a9c3e","path":["parameters","order_number"]}')}"#;
        let step = json!({"keyword": "action", "provider": "logger", "name": "log_message", "as": "5e0a44f3",
            "uuid": "new", "input": {"message": format!("Looked up {pill}")}});
        recipe["code"]["block"].as_array_mut().unwrap().insert(1, step);
        recipe["code"]["block"][0]["extended_output_schema"] = json!([{"name": "a"}, {"name": "b"}]);
        recipe["config"].as_array_mut().unwrap().push(json!({"keyword": "application", "provider": "logger", "skip_validation": false, "account_id": null}));
        recipe["version"] = json!(5);
    });
    insta::assert_snapshot!(told, @"
        ~ recipe look_up_order.recipe.json “Look up order”: 1 step added
          + step 2 Logger · Log message
          +     message: Looked up ‹Trigger → parameters.order_number›
          · connector list (1 place)
          · schema of step 1 refreshed: 2 fields added
          · steps renumbered: 3
          · version 4 → 5

        1 recipe changed
        ");
}

#[test]
fn a_step_in_the_place_of_another_one() {
    let told = edit(TRAVEL, &travelperk(), |recipe| {
        let step = &mut recipe["code"]["block"][3]["block"][0];
        step["provider"] = json!("netsuite");
        step["as"] = json!("77aa0001");
        step["uuid"] = json!("f0000000-0000-4000-8000-000000000001");
    });
    insta::assert_snapshot!(told, @"
        ~ recipe travelperk_fyle_integration.recipe.json “TravelPerk <> Fyle Integration”: 1 step added, 1 step removed
          - step 5 Fyle · Post expenses
          -     data.category_id: ‹Step 4 For each → category›
          -     data.claim_amount: ‹Step 4 For each → totalAmount›
          -     data.currency: ‹Step 4 For each → Currency›
          -     data.is_reimbursable: false
          -     data.merchant: ‹Step 4 For each → vendor›
          -     data.purpose: =‹Trigger → lines.first.metadata.travelers.first.name› + ' : ' + ‹Step 4 For each → Description› 
          -     data.source: TPA
          -     data.spent_at: ‹Step 4 For each → expenseDate›
          + step 5 Netsuite · Post expenses
          +     data.category_id: ‹Step 4 For each → category›
          +     data.claim_amount: ‹Step 4 For each → totalAmount›
          +     data.currency: ‹Step 4 For each → Currency›
          +     data.is_reimbursable: false
          +     data.merchant: ‹Step 4 For each → vendor›
          +     data.purpose: =‹Trigger → lines.first.metadata.travelers.first.name› + ' : ' + ‹Step 4 For each → Description› 
          +     data.source: TPA
          +     data.spent_at: ‹Step 4 For each → expenseDate›

        1 recipe changed
        ");
}

#[test]
fn a_formula_and_a_long_text() {
    let told = edit(TRAVEL, &travelperk(), |recipe| {
        let purpose = &mut recipe["code"]["block"][3]["block"][0]["input"]["data"]["purpose"];
        *purpose = json!(purpose.as_str().unwrap().replace(" : ", " – ").trim_end().to_owned() + ".strip");
        let sql = &mut recipe["code"]["block"][2]["input"]["sql"];
        *sql = json!(sql.as_str().unwrap().replace("total_amount > 0", "total_amount <> 0"));
    });
    insta::assert_snapshot!(told, @r#"
        ~ recipe travelperk_fyle_integration.recipe.json “TravelPerk <> Fyle Integration”: 2 steps changed
          ~ step 3 Collection · Query list
              ~ sql:
                  @@ -8,3 +8,3 @@
                       category as "Category",
                       assignee_user_email as "assigneeUserEmail"
                  -from invoice_lines where total_amount > 0;
                  +from invoice_lines where total_amount <> 0;
          ~ step 5 Fyle · Post expenses
              ~ data.purpose:
                  - =‹Trigger → lines.first.metadata.travelers.first.name› + ' [-:-] ' + ‹Step 4 For each → Description›[- -]
                  + =‹Trigger → lines.first.metadata.travelers.first.name› + ' {+–+} ' + ‹Step 4 For each → Description›{+.strip+}

        1 recipe changed
        "#);
}

#[test]
fn a_condition_a_skip_and_a_comment() {
    let told = edit(ORDER, &look_up_order(), |recipe| {
        let pill = r#"#{_dp('{"pill_type":"output","provider":"workato_genie","line":"1f0a9c3e","path":["parameters","order_number"]}')}"#;
        let step = &mut recipe["code"]["block"][1];
        step["input"]["operand"] = json!("or");
        let conditions = step["input"]["conditions"].as_array_mut().unwrap();
        conditions.push(json!({"operand": "equals_to", "lhs": pill, "rhs": "TEST", "uuid": "c2"}));
        let inner = step["block"][0].as_object_mut().unwrap();
        inner.remove("skip");
        inner["comment"] = json!("stock < 10 & \"rush\" → notify");
    });
    insta::assert_snapshot!(told, @r#"
        ~ recipe look_up_order.recipe.json “Look up order”: 2 steps changed
          ~ step 2 If
              ~ when: all of → any of
              + when: ‹Trigger → parameters.order_number› equals TEST
          ~ step 3 Warehouse api · Get stock
              ~ step is no longer skipped
              ~ comment:
                  - stock < [-5-] & "rush" → notify
                  + stock < {+10+} & "rush" → notify

        1 recipe changed
        "#);
}

#[test]
fn two_steps_put_into_a_new_block() {
    let told = edit(TRAVEL, &travelperk(), |recipe| {
        let block = recipe["code"]["block"][3]["block"].as_array_mut().unwrap();
        let inside: Vec<Value> = block.drain(0..2).collect();
        let lhs = "#{_('data.foreach.8fc463a1.totalAmount')}";
        block.insert(0, json!({"keyword": "if", "uuid": "new", "block": inside, "input": {"type": "compound", "operand": "and",
            "conditions": [{"operand": "greater_than", "lhs": lhs, "rhs": "0", "uuid": "c"}]}}));
    });
    insta::assert_snapshot!(told, @"
        ~ recipe travelperk_fyle_integration.recipe.json “TravelPerk <> Fyle Integration”: 1 step added, 2 steps moved
          + step 5 If
          +     when ‹Step 4 For each → totalAmount› is greater than 0
          > step 6 Fyle · Post expenses moved: inside 4 For each → inside 5 If
          > step 7 Fyle · Post file moved: inside 4 For each → inside 5 If
          · steps renumbered: 8

        1 recipe changed
        ");
}

#[test]
fn settings_and_a_connection() {
    let told = edit(TRAVEL, &travelperk(), |recipe| {
        recipe["name"] = json!("TravelPerk to Fyle");
        recipe["concurrency"] = json!(5);
        recipe["config"][2]["account_id"] = json!({"zip_name": "Connections/fyle_eu_connection.connection.json",
            "name": "Fyle EU Connection", "folder": "Connections"});
    });
    insta::assert_snapshot!(told, @"
        ~ recipe travelperk_fyle_integration.recipe.json “TravelPerk to Fyle” (was “TravelPerk <> Fyle Integration”): 3 recipe settings changed
          ~ name: TravelPerk <> Fyle Integration → TravelPerk to Fyle
          ~ concurrency: 1 → 5
          ~ connection of Fyle: “Fyle Common Connection” in Connections → “Fyle EU Connection” in Connections

        1 recipe changed
        ");
}

#[test]
fn a_connector_replaced() {
    let old = travelperk().to_string();
    let new = old.replace("fyle_connector_1875947_1687770794", "fyle_eu_connector_1875947_1690000000");
    insta::assert_snapshot!(told(&versions(TRAVEL, old, new)), @"
        ~ recipe travelperk_fyle_integration.recipe.json “TravelPerk <> Fyle Integration”: 1 recipe setting changed
          ~ connector of steps 5–7, 10–11: fyle_connector_1875947_1687770794 → fyle_eu_connector_1875947_1690000000
          · connector replaced of steps 5–7, 10–11 (6 places)
          · pills follow their step of steps 7, 9–11 (6 places)

        1 recipe changed
        ");
}

#[test]
fn a_folder_moved() {
    let mut old = Files::new();
    for (path, text) in [
        (
            "API/get_order.api_endpoint.json",
            include_str!("../../../../tests/data/order-desk/API/get_order.api_endpoint.json"),
        ),
        (
            "Recipes/get_order_api.recipe.json",
            include_str!("../../../../tests/data/order-desk/Recipes/get_order_api.recipe.json"),
        ),
        (
            "Recipes/look_up_order.recipe.json",
            include_str!("../../../../tests/data/order-desk/Recipes/look_up_order.recipe.json"),
        ),
    ] {
        old.extend(super::files(&[(path, text)]));
    }
    let moved = |text: &str| {
        text.replace("\"Recipes/", "\"Order recipes/")
            .replace("\"Recipes\"", "\"Order recipes\"")
            .replace("/Recipes\"", "/Order recipes\"")
    };
    let new = old.iter().map(|(path, bytes)| {
        let path = path.as_str().replace("Recipes/", "Order recipes/");
        (
            crate::model::path::PackagePath::parse(&path).unwrap(),
            moved(std::str::from_utf8(bytes).unwrap()).into_bytes(),
        )
    });
    let new: Files = new.collect();
    insta::assert_snapshot!(told(&folders(old, new)), @"
        · api_endpoint API/get_order.api_endpoint.json “Get order”: no change in meaning
          · reference follows a move (1 place)
        > recipe Order recipes/get_order_api.recipe.json “Get order (API)” (from Recipes/get_order_api.recipe.json): no change in meaning
          · reference follows a move of step 1 (1 place)
        > recipe Order recipes/look_up_order.recipe.json “Look up order” (from Recipes/look_up_order.recipe.json): moved

        2 recipes moved; 1 file differs only in generated fields
        ");
}
