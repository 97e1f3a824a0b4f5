//! Assets that came or went: told with all that there is to review.

use super::{Files, files, folders, told};
use crate::review::change::{AssetChange, Op, What};
use crate::review::json::json;
use crate::review::markdown::{self, markdown};

const RECIPE: &str = include_str!("../../../../tests/data/order-desk/Recipes/look_up_order.recipe.json");

fn in_markdown(new: Files, max_chars: usize) -> String {
    let options = markdown::Options {
        title: "orders",
        max_chars,
        details: false,
        diagram: None,
        command: "recipesync diff old new",
    };
    markdown(&folders(Files::new(), new), &options)
}

#[test]
fn a_recipe_that_came_is_told_with_its_steps() {
    let one = files(&[("a.recipe.json", RECIPE)]);
    let diff = folders(Files::new(), one.clone());
    assert_eq!(diff.assets[0].change, Some(AssetChange::Added));
    insta::assert_snapshot!(told(&diff), @r##"
    + recipe a.recipe.json “Look up order”: added, 5 steps
      + private: true
      + concurrency: 1
      + connection of Warehouse api: “Warehouse API” in Connections
      + step 0 Trigger: Genie · Start workflow (with 4 more inside)
      +     description: Look up an order
      +     parameters_schema_json: 1 field
      +       order_number: string
      +     requires_user_confirmation: false
      +     result_schema_json: 1 field
      +       status: string
      +       1 Data table · Get records
      +           filter.c1000000-0000-4000-8000-000000000001: ‹Trigger → parameters.order_number›
      +           limit: 1
      +           table_id: “Orders” in Data Tables
      +       2 If
      +           when ‹Step 1 Get records → records› is present
      +         3 Warehouse api · Get stock (skipped)
      +             # stock < 5 & "rush" → notify
      +             sku: =‹Step 1 Get records → records.first.sku›.present? ? ‹Step 1 Get records → records.first.sku› : skip
      +       4 Genie · Workflow return result
      +           result.status: open

    1 recipe added
    "##);
    let gone = told(&folders(one, Files::new()));
    let signs =
        |text: &str, sign: &str| text.lines().filter(|line| line.trim_start().starts_with(sign)).count();
    assert_eq!(signs(&gone, "- "), signs(&told(&diff), "+ "));
    assert_eq!(gone.replace("- ", "+ ").replace("removed", "added"), told(&diff));
}

#[test]
fn so_are_other_assets() {
    let new = files(&[
        (
            "C/w.connection.json",
            r#"{"name": "W", "provider": "rest", "secure_gateway_tunnel_name": null, "root_folder": false}"#,
        ),
        ("w.custom_adapter.json", r#"{"title": "W", "description": "D", "version_no": 4, "note": "x"}"#),
        ("w.custom_adapter.rb", "{\n  title: 'W'\n}\n"),
        ("w.custom_adapter.png", "\u{89}PNG"),
        ("odd.recipe.json", "[1]"),
        ("list.recipe.json", r#"{"name": "L", "code": []}"#),
    ]);
    insta::assert_snapshot!(told(&folders(Files::new(), new)), @r##"
    + connection C/w.connection.json “W”: added
      + provider: rest
      + root_folder: false
    + recipe list.recipe.json “L”: added
      + code: []
    + recipe odd.recipe.json: added
      + odd.recipe.json:
              @@ -0,0 +1 @@
              +[1]
              \ no line break at the end
    + custom_adapter w.custom_adapter.json “W”: added
      + description: D
      + w.custom_adapter.png:
              @@ -0,0 +1 @@
              +\u{89}PNG
              \ no line break at the end
      + w.custom_adapter.rb:
              @@ -0,0 +1,3 @@
              +{
              +  title: 'W'
              +}

    2 recipes added; 1 connection added; 1 custom connector added
    "##);
}

#[test]
fn programs_get_the_steps_as_lines_as_well() {
    let diff = folders(Files::new(), files(&[("a.recipe.json", RECIPE)]));
    let change = diff.assets[0].changes.iter().find(|change| change.what == What::Step).unwrap();
    assert_eq!((change.op, change.inside, change.new_pointer.as_deref()), (Op::Add, 4, Some("/code")));
    let told: serde_json::Value = serde_json::from_str(&json(&diff)).unwrap();
    let steps = told["assets"][0]["changes"].as_array().unwrap();
    let step = steps.iter().find(|change| change["what"] == "step").unwrap();
    assert_eq!(step["step"]["number"], 0);
    assert_eq!(step["new"]["keyword"], "trigger");
    assert_eq!(step["inside"], 4);
    let lines = step["outline"].as_array().unwrap();
    assert!(
        lines.iter().any(|line| line.as_str().unwrap().contains("1 Data table · Get records")),
        "{step:#}"
    );
}

#[test]
fn in_a_pull_request_they_are_folded_and_cut_to_fit() {
    let text = in_markdown(files(&[("a.recipe.json", RECIPE)]), 0);
    assert!(text.contains("\n+       1 Data table · Get records\n"), "{text}");
    assert!(text.contains("<details open>"), "{text}");
    let many: Vec<(String, &str)> =
        (0..40).map(|number| (format!("r{number}.recipe.json"), RECIPE)).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let whole = in_markdown(files(&many), 0);
    assert!(!whole.contains("<details open>"));
    for limit in [30_000, 10_000, 3_000] {
        let cut = in_markdown(files(&many), limit);
        assert!(cut.chars().count() <= limit && cut.contains("40 recipes added"), "{cut}");
        assert_eq!(cut.matches("<details").count(), cut.matches("</details>").count());
        assert!(cut.contains("Shortened to fit"), "{cut}");
    }
}
