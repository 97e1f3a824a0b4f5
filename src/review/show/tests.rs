//! Outlines as people read them, and of whatever else is thrown at them.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const LOOK_UP: &[u8] = include_bytes!("../../../tests/data/order-desk/Recipes/look_up_order.recipe.json");

fn shown(name: &str, bytes: &[u8]) -> String {
    outline(name, bytes, None, Numbers::Shown).text
}

#[test]
fn a_recipe_is_its_steps() {
    insta::assert_snapshot!(shown("look_up_order.recipe.json", LOOK_UP), @r#"
        recipe: Look up order
        private: yes   concurrency: 1

        connections
          Warehouse api: “Warehouse API” in Connections

        steps
          0   Trigger: Genie · Start workflow
                  description: Look up an order
                  parameters_schema_json: 1 field
                    order_number: string
                  requires_user_confirmation: false
                  result_schema_json: 1 field
                    status: string
          1     Data table · Get records
                    filter.c1000000-0000-4000-8000-000000000001: ‹Trigger → parameters.order_number›
                    limit: 1
                    table_id: “Orders” in Data Tables
          2     If
                    when ‹Step 1 Get records → records› is present
          3       Warehouse api · Get stock (skipped)
                      # stock < 5 & "rush" → notify
                      sku: =‹Step 1 Get records → records.first.sku›.present? ? ‹Step 1 Get records → records.first.sku› : skip
          4     Genie · Workflow return result
                    result.status: open
        "#);
}

#[test]
fn a_stable_outline_has_no_numbers() {
    let shown = outline("x.recipe.json", LOOK_UP, None, Numbers::Stable).text;
    insta::assert_snapshot!(shown, @r#"
        recipe: Look up order
        private: yes   concurrency: 1

        connections
          Warehouse api: “Warehouse API” in Connections

        steps
          Trigger: Genie · Start workflow  @1f0a9c3e
              description: Look up an order
              parameters_schema_json: 1 field
                order_number: string
              requires_user_confirmation: false
              result_schema_json: 1 field
                status: string
            Data table · Get records  @2b7c11d0
                filter.c1000000-0000-4000-8000-000000000001: ‹Trigger → parameters.order_number›
                limit: 1
                table_id: “Orders” in Data Tables
            If
                when ‹Get records @2b7c11d0 → records› is present
              Warehouse api · Get stock (skipped)  @3c8d22e1
                  # stock < 5 & "rush" → notify
                  sku: =‹Get records @2b7c11d0 → records.first.sku›.present? ? ‹Get records @2b7c11d0 → records.first.sku› : skip
            Genie · Workflow return result  @4d9e33f2
                result.status: open
        "#);
}

#[test]
fn a_name_that_says_nothing_is_read_by_its_content() {
    let named = shown("a/look_up_order.recipe.json", LOOK_UP);
    assert_eq!(named, shown("", LOOK_UP));
    assert_eq!(named, shown("tmp_file.json", LOOK_UP));
    assert_ne!(named, shown("look_up_order.connection.json", LOOK_UP));
}

/// Files of the test data, each with its name.
macro_rules! files {
    ($($name:literal,)*) => {
        [$(($name, include_bytes!(concat!("../../../tests/data/order-desk/", $name)) as &[u8])),*]
    };
}

#[test]
fn every_kind_has_an_outline() {
    let mut told = String::new();
    for (name, bytes) in files![
        "API/get_order.api_endpoint.json",
        "API/order_api.api_group.json",
        "Agents/look_up_order.agentic_skill.json",
        "Agents/order_desk.mcp_server.json",
        "Agents/order_helper.agentic_genie.json",
        "Connections/orders_slack.connection.json",
        "Connections/warehouse_api.connection.json",
        "Data Tables/order_lines.workato_db_table.json",
        "Data Tables/orders.workato_db_table.json",
        "Pages/order_details.lcap_page.json",
        "Pages/order_details.lcap_page.zip",
        "Pages/order_details_0.insights_query.json",
        "Recipes/get_order_api.recipe.json",
        "Recipes/look_up_order.recipe.json",
        "account_properties.properties.json",
        "carriers.lookup_table.json",
        "order_desk.lcap_app.json",
        "order_desk.lcap_app.png",
        "project.json",
        "warehouse_api.custom_adapter.json",
        "warehouse_api.custom_adapter.png",
        "warehouse_api.custom_adapter.rb",
    ] {
        let _ = writeln!(told, "=== {name}\n{}", shown(name, bytes));
    }
    insta::assert_snapshot!("kinds", told);
}

fn recipe(code: &Value) -> String {
    let recipe = json!({"name": "R", "code": code, "config": []});
    shown("x.recipe.json", recipe.to_string().as_bytes())
}

fn control_flow(pill: impl Fn(&str, &str) -> String) -> Value {
    json!({
        "keyword": "trigger", "provider": "salesforce", "name": "new_record", "as": "t",
        "filter": {"operand": "or", "type": "compound", "conditions": [
            {"operand": "contains", "lhs": pill("t", "[\"Name\"]"), "rhs": "x"},
            {"operand": "and", "type": "compound", "conditions": [
                {"operand": "blank", "lhs": "a", "rhs": ""},
                {"operand": "odd_one", "lhs": "a", "rhs": "b"},
                {"operand": "equals_to", "lhs": "a", "rhs": "", "more": 1},
            ]},
        ]},
        "job_report_schema": [{"name": "custom_column_1", "label": "Order"}, {"name": "custom_column_2"}],
        "job_report_config": {"custom_column_1": pill("t", "[\"Id\"]")},
        "block": [
            {"keyword": "foreach", "as": "loop", "source": pill("t", "[\"Lines\"]"), "repeat_mode": "batch", "batch_size": 10,
                "clear_scope": "true", "block": [
                {"keyword": "action", "provider": "py_eval", "name": "invoke_custom_code", "as": "code",
                    "input": {"name": "Sum up", "code": "def main(input):\n\treturn 1\n"}, "unfinished": true, "skip": "yes",
                    "comment": "two\nlines", "custom_title": "Mine", "title": null, "description": "<span>x</span>"},
                {"keyword": "stop", "input": {"stop_with_error": "true", "stop_reason": pill("gone", "[]")}},
            ]},
            {"keyword": "while_condition", "input": {"type": "compound", "operand": "and", "conditions": []}},
            {"keyword": "dance", "provider": "x", "name": "y", "input": [1]},
            {"keyword": "action"},
            {},
        ],
    })
}

#[test]
fn control_flow_conditions_and_labels_are_told() {
    let pill = |line: &str, path: &str| {
        format!(
            "#{{_dp('{{\"pill_type\":\"output\",\"provider\":\"salesforce\",\"line\":\"{line}\",\"path\":{path}}}')}}"
        )
    };
    let shown = recipe(&control_flow(pill));
    insta::assert_snapshot!(shown, @r#"
        recipe: R

        steps
          0   Trigger: Salesforce · New record
                  only when any of
                    ‹Trigger → Name› contains x
                    all of
                      a is not present
                      a odd_one b
                      {"lhs":"a","more":1,"operand":"equals_to","rhs":""}
          1     For each
                    of ‹Trigger → Lines›, mode batch, batch 10
                    (clear_scope): true
          2       Python code · Invoke custom code “Sum up” (unfinished)
                      # two
                      # lines
                      code: |
                        def main(input):
                        	return 1

                      (custom_title): Mine
                      (skip): yes
          3       Stop job
                      stop_reason: ‹missing step gone›
                      stop_with_error: true
          4     While
                    when (no condition)
          5     dance: X · Y
                    input: [1]
          6     (no connector)
          7     (no keyword) (no connector)

        job report
          Order: ‹Trigger → Id›
          (column) {"name":"custom_column_2"}
        "#);
}

#[test]
fn pills_read_as_their_steps() {
    let uuid = "c1000000-0000-4000-8000-000000000001";
    let code = json!({
        "keyword": "trigger", "provider": "clock", "name": "timer", "as": "t",
        "block": [
            {"keyword": "action", "provider": "workato_db_table", "name": "get_records", "as": "get", "extended_output_schema": [
                {"name": "records", "properties": [{"name": uuid, "label": "Order number"}]},
            ]},
            {"keyword": "action", "provider": "x", "name": "y", "as": "y", "input": {
                "a": format!("#{{_('data.workato_db_table.get.records.{uuid}')}} and #{{_('data.other.get.records')}}"),
                "b": "=_('data.workato_db_table.get.records.first.x').to_s + _('job.id') + _('connections.sf.host') + _('data.property.KEY')",
                "c": "#{_('data.workato_db_table.get.records', 'list_meta', '____Size')} #{_('data.gone.away.x')} #{_('x')}",
                "d": "#{_dp('{\"pill_type\":\"output\",\"provider\":\"workato_db_table\",\"line\":\"get\",\"path\":[\"records\",{\"path_element_type\":\"current_item\"},{\"path_element_type\":\"join\",\"action\":\"get_custom_object\",\"src_key\":\"ContactId\"},\"Name\",{\"path_element_type\":\"new\"}]}')}",
                "e": "#{_dp('{\"pill_type\":\"job_context\",\"path\":[\"job_id\"]}')} #{_dp('{\"pill_type\":\"output\",\"x\":1}')} #{_dp('{nope')}",
            }},
        ],
    });
    insta::assert_snapshot!(recipe(&code), @r#"
        recipe: R

        steps
          0   Trigger: Scheduler · Timer
          1     Data table · Get records
          2     X · Y
                    a: ‹Step 1 Get records → records.Order number› and ‹Step 1 Get records of other → records›
                    b: =‹Step 1 Get records → records.first.x›.to_s + ‹Job → id› + ‹Connections → sf.host› + ‹Property → KEY›
                    c: ‹Step 1 Get records → records.size› ‹missing step away → x› ‹'x'›
                    d: ‹Step 1 Get records → records[]→Get custom object by ContactId.Name.{"path_element_type":"new"}›
                    e: ‹Job → job_id› ‹{"pill_type":"output","x":1}› ‹'{nope'›
        "#);
    let stable = json!({"name": "R", "code": code, "config": []}).to_string();
    let stable = outline("x.recipe.json", stable.as_bytes(), None, Numbers::Stable).text;
    assert!(stable.contains(&format!("a: ‹Get records @get → records.{uuid}›")), "{stable}");
}

#[test]
fn connections_and_settings_are_told() {
    let recipe = json!({
        "name": "R\u{202e}", "description": "Typed\nby hand", "version": 3, "private": "odd", "folder": {"a": 1}, "code": {},
        "config": [
            {"keyword": "application", "provider": "b_connector_1_2", "account_id": {"name": "B", "folder": "C", "zip_name": "C/b.connection.json"}},
            {"keyword": "application", "provider": "b_connector_1_3", "account_id": {"name": "B"}, "personalization": true},
            {"keyword": "application", "provider": "clock", "account_id": null, "skip_validation": false},
            {"keyword": "application", "provider": "rest", "account_id": {"name": "R", "folder_full_path": "Home/R", "folder": ""}, "skip_validation": true, "new": [1]},
            {"keyword": "other", "account_id": 7},
        ],
    });
    insta::assert_snapshot!(shown("x.recipe.json", recipe.to_string().as_bytes()), @r#"
        recipe: R\u{202e}
        description: |
          Typed
          by hand
        private: odd
        folder.a: 1

        connections
          (no connector): 7, keyword other
          B (b_connector_1_2): “B” in C
          B (b_connector_1_3): “B”, each user’s own connection
          HTTP: “R” in Home/R, new [1], validation skipped

        steps
          0   Trigger: (no connector)
        "#);
}

fn told(name: &str, bytes: &[u8]) -> String {
    let Outline { text, note } = outline(name, bytes, None, Numbers::Shown);
    format!("{name} {note:?}\n{text}\n")
}

#[test]
fn what_is_not_understood_is_shown_as_text_and_said() {
    let all = [
        told("x.recipe.json", br#"{"code": [1], "name": "\u001b[31m", "version": 3}"#),
        told("x.recipe.json", br#"{"code": {}, "code": {}}"#),
        told("x.recipe.json", b"<<<<<<< ours\n{\x1b"),
        told("x.recipe.json", b""),
        told("x.connection.json", b"[1, {}]"),
        told("x.properties.json", b"7"),
        told("x.custom_adapter.rb", "{ title: 'é\u{202e}' }\r\n".as_bytes()),
        told("x.lcap_page.zip", b"no zip"),
        told("x.png", b"\x89PNG\0"),
        told("notes.md", b"# Notes"),
        told("x.json", br#"{"a\ud800": "\ud800", "b": [[], {}]}"#),
    ];
    insta::assert_snapshot!(all.concat(), @r#"
        x.recipe.json Some("its code is no object; it is shown as plain JSON")
        recipe, shown as plain JSON: its code is no object

        code[1]: 1
        name: \u{1b}[31m
        version: 3

        x.recipe.json Some("an object has the same key twice; it is shown as text")
        {"code": {}, "code": {}}

        x.recipe.json Some("it is not JSON; it is shown as text")
        <<<<<<< ours
        {\u{1b}

        x.recipe.json Some("it is not JSON; it is shown as text")


        x.connection.json None
        [1]: 1
        [2]: {}

        x.properties.json None
        7

        x.custom_adapter.rb None
        { title: 'é\u{202e}' }\r

        x.lcap_page.zip Some("it is not a plain zip; it is shown by its size and hash")
        binary: 6 bytes, blake3 e17402bad3473cb1f4d112d9e3ec5da283e1e9a3f6815656ff0ca9e06e78fc31

        x.png None
        binary: 5 bytes, blake3 c5dd0473a6679d8a386b2d13e2da42f787a81ba424fe2703dc74efa304898d18

        notes.md None
        # Notes

        x.json None
        a\ud800: "\ud800"
        b[1]: []
        b[2]: {}
        "#);
}

#[test]
fn bytes_that_are_no_text_are_written_out_or_counted() {
    let all = [
        told("", b"caf\xe9"),
        told("x.custom_adapter.rb", b"# caf\xe9\r\nkey: 'caf\xe9 AKIAQ3EGRVHJ4TKXWM7N'\n\xff\xfe"),
        told("x.custom_adapter.rb", b"# caf\xe9\0"),
        told("x.recipe.json", b"{\0}"),
        told("copy", b"PK\x03\x04 and so on"),
    ];
    insta::assert_snapshot!(all.concat(), @r#"
         Some("it is not UTF-8; it is shown as text, with \\xNN for each byte that is not UTF-8")
        caf\xe9

        x.custom_adapter.rb Some("it is not UTF-8; it is shown as text, with \\xNN for each byte that is not UTF-8")
        # caf\xe9\r
        (hidden)
        \xff\xfe

        x.custom_adapter.rb None
        binary: 7 bytes, blake3 da3c4b9f0ff3c8073765ea8b6764a71f3674ce0b2812b5f067f986d96afa25f3

        x.recipe.json Some("it is not JSON; it is shown by its size and hash")
        binary: 3 bytes, blake3 0d92cf48658e35f4e204f0d9bf71917d6e218d42dbe8bda3f3c6fe7b29611515

        copy None
        binary: 14 bytes, blake3 9a9a6d7411247f2a1605a9cc24422b3f90c7adeb0cd2c218f8fe28ffacc32cd6
    "#);
}

#[test]
fn a_file_with_conflict_markers_is_the_outline_of_both_sides() {
    let recipe = |lines: &str| {
        let start = "{\n\"code\": {\"keyword\": \"trigger\", \"provider\": \"clock\", \"name\": \"timer\", \"number\": 0,\n";
        let text =
            format!("{start}\"input\": {{\n{lines}\"unit\": \"h\"}}}},\n\"config\": [], \"name\": \"R\"}}\n");
        outline("x.recipe.json", text.as_bytes(), None, Numbers::Shown)
    };
    let told = recipe("<<<<<<< HEAD\n\"every\": 1,\n||||||| 3c1\n=======\n\"every\": 2,\n>>>>>>> a\u{1b}b\n");
    assert_eq!(told.note, None);
    insta::assert_snapshot!(told.text, @r"
        this file has conflict markers, at line 4: what differs between the sides is marked below

        recipe: R

        steps
          0   Trigger: Scheduler · Timer
        <<<<<<< HEAD
                  every: 1
        ||||||| 3c1
        =======
                  every: 2
        >>>>>>> a\u{1b}b
                  unit: h
        ");
    let told = recipe("<<<<<<< HEAD\n\"every\": 1,\n=======\n\"every\":  1,\n>>>>>>> b\n");
    insta::assert_snapshot!(told.text, @r#"
        this file has conflict markers, at line 4: both sides have the same outline, and the lines of the file stand below it

        recipe: R

        steps
          0   Trigger: Scheduler · Timer
                  every: 1
                  unit: h

        <<<<<<< HEAD
        "every": 1,
        =======
        "every":  1,
        >>>>>>> b
        "#);
    let told = recipe("<<<<<<< HEAD\n\"every\": 1,\n=======\n\"every\":\n>>>>>>> b\n");
    insta::assert_snapshot!(told.text, @r#"
        this file has conflict markers, at line 4: it is shown as text

        {
        "code": {"keyword": "trigger", "provider": "clock", "name": "timer", "number": 0,
        "input": {
        <<<<<<< HEAD
        "every": 1,
        =======
        "every":
        >>>>>>> b
        "unit": "h"}},
        "config": [], "name": "R"}
        "#);
}

#[test]
fn what_is_inside_of_another_file_says_how_it_is_shown() {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in [("a.txt", &b"caf\xe9"[..]), ("b.txt", b"plain"), ("c", b"\0")] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut zip, content).unwrap();
    }
    let zip = zip.finish().unwrap().into_inner();
    let damaged = outline("x.lcap_page.zip", &zip[..zip.len() - 9], None, Numbers::Shown);
    assert!(damaged.text.starts_with(&format!("binary: {} bytes, blake3 ", zip.len() - 9)), "{damaged:?}");
    assert!(outline("x.recipe.json", &zip, None, Numbers::Shown).text.starts_with("binary: "));
    let connector = outline("x.custom_adapter.json", b"{}", Some(b"# caf\xe9\n{}\n"), Numbers::Shown);
    insta::assert_snapshot!(shown("x.lcap_page.zip", &zip) + "\n" + &connector.text, @r"
        a.txt, as text, with \xNN for each byte that is not UTF-8:
        caf\xe9

        b.txt, as text:
        plain

        c, by its size and hash:
        binary: 1 bytes, blake3 2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213

        custom connector: (no name)
        source: 2 lines, as text, with \xNN for each byte that is not UTF-8

        # caf\xe9
        {}
        ");
}

#[test]
fn the_deepest_file_is_shown() {
    let code = format!("{}{{}}{}", r#"{"keyword": "if", "block": ["#.repeat(250), "]}".repeat(250));
    let shown_code = shown("x.recipe.json", format!(r#"{{"code": {code}}}"#).as_bytes());
    assert!(shown_code.contains("\n  250 "), "{shown_code}");
    let conditions = format!("{}{}", r#"{"operand": "and", "conditions": ["#.repeat(250), "]}".repeat(250));
    let code = format!(r#"{{"code": {{"keyword": "if", "input": {conditions}}}}}"#);
    assert_eq!(shown("x.recipe.json", code.as_bytes()).matches("all of").count(), 250);
    for name in ["x.json", "x.lcap_page.json", "x.agentic_genie.json"] {
        let json = format!(
            r#"{{"content": {{"layout": {}{}}}}}"#,
            r#"[{"type": "x", "id": ["#.repeat(250),
            "]}]".repeat(250)
        );
        is_sound(name, json.as_bytes());
    }
}

/// Names of all kinds of files, and one that says nothing.
fn names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            "x.recipe.json",
            "x.connection.json",
            "x.custom_adapter.json",
            "x.lookup_table.json",
            "x.workato_db_table.json",
            "x.properties.json",
            "x.api_endpoint.json",
            "x.api_group.json",
            "x.lcap_page.json",
            "x.lcap_app.json",
            "x.agentic_genie.json",
            "x.mcp_server.json",
            "x.insights_query.json",
            "project.json",
            "x.new_kind.json",
            "x.json",
            "x.custom_adapter.rb",
            "x.lcap_page.zip",
            "",
        ][..],
    )
}

const WORDS: &[&str] = &[
    "code",
    "config",
    "block",
    "input",
    "conditions",
    "operand",
    "lhs",
    "rhs",
    "keyword",
    "provider",
    "name",
    "as",
    "uuid",
    "filter",
    "comment",
    "skip",
    "source",
    "schema",
    "data",
    "relation",
    "table_id",
    "field_id",
    "references",
    "ref_0",
    "id",
    "type",
    "layout",
    "content",
    "folder",
    "zip_name",
    "account_id",
    "job_report_schema",
    "job_report_config",
    "title",
    "label",
    "properties",
    "value",
    "header",
    "description",
    "if",
    "foreach",
    "and",
    "ab12",
    "trigger",
    "a.b",
    "",
    "\u{1b}[2J",
    "\u{202e}",
    "@everyone",
    "</details>",
    "```",
    "two\nlines",
    "é",
    "[{\"name\":\"a\",\"type\":\"string\",\"properties\":[]}]",
    "=_('data.x.ab12.first.y') + 1",
    "#{_dp('{\"pill_type\":\"output\"}')}",
    "#{_dp('{\"pill_type\":\"output\",\"provider\":\"if\",\"line\":\"ab12\",\"path\":[\"a\",{\"path_element_type\":\"size\"}]}')}",
];

/// JSON out of the words that occur in files of packages, in places where they do and where they do not.
fn values() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(WORDS);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(7, 200, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..8).prop_map(|members| {
                Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

/// Shows a file in both ways, and looks whether what comes is fit to be printed.
fn is_sound(name: &str, bytes: &[u8]) {
    for numbers in [Numbers::Shown, Numbers::Stable] {
        let first = outline(name, bytes, Some(bytes), numbers);
        assert_eq!(first, outline(name, bytes, Some(bytes), numbers), "{name}");
        assert!(first.text.ends_with('\n'), "{name}");
        let odd = first.text.chars().find(|c| {
            c.is_control() && !matches!(c, '\n' | '\t')
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(odd, None, "{name}: {:?}", first.text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_have_an_outline(name in names(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        is_sound(name, &bytes);
    }

    #[test]
    fn any_json_has_an_outline(name in names(), value in values()) {
        is_sound(name, value.to_string().as_bytes());
    }

    #[test]
    fn any_code_has_an_outline(code in values(), config in values(), top in values()) {
        let mut recipe = json!({"name": top, "code": code, "config": config});
        is_sound("x.recipe.json", recipe.to_string().as_bytes());
        recipe["code"] = json!({"keyword": "trigger", "as": "ab12", "block": [{"keyword": "if", "input": code, "filter": config, "block": [top]}]});
        is_sound("x.recipe.json", recipe.to_string().as_bytes());
        recipe["config"] = json!([]);
        is_sound("x.recipe.json", recipe.to_string().as_bytes());
    }

    #[test]
    fn a_damaged_recipe_has_an_outline(at in 0..LOOK_UP.len(), length in 0_usize..80, text in ".{0,10}") {
        let end = (at + length).min(LOOK_UP.len());
        let bytes = [&LOOK_UP[..at], text.as_bytes(), &LOOK_UP[end..]].concat();
        is_sound("x.recipe.json", &bytes);
    }
}

#[test]
fn secrets_are_hidden_and_nothing_else_is() {
    let cases: Value =
        serde_json::from_slice(include_bytes!("../../../tests/data/secret-cases.json")).unwrap();
    for case in cases["cases"].as_array().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let (asset, snippet) = (text("asset"), text("snippet"));
        let file = match asset {
            "recipe.json" => {
                let mut step = serde_json::from_str::<Value>(snippet).unwrap();
                step["keyword"] = json!("trigger");
                json!({"name": "R", "code": step, "config": []}).to_string()
            }
            _ => snippet.to_owned(),
        };
        let told = shown(&format!("x.{asset}"), file.as_bytes());
        let is_flagged = text("expect") == "flag";
        assert_eq!(told.contains("(hidden)"), is_flagged, "{}: {told}", text("id"));
        for part in ["EXAMPLEf", "EXAMPLE.f", "RkFL", "0123456789abcdef", "EXAMPLEpw", "AKIA", "ZmFrZS1z"] {
            assert!(!is_flagged || !told.contains(part), "{}: {told}", text("id"));
        }
    }
}
