//! The one table of the fields that a comparison sets aside.
//!
//! A row names a key at one place of a file. What has no row is meaningful, wherever it stands. How a value that counts
//! is read (pills, references, connector names) is not decided here but in `meaning`.

use super::json::Tag;
use super::kind::Kind;

/// Where in a file a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a file that is no asset: nothing is set aside.
    Plain,
    /// In an asset, at no place that has rows.
    Other,
    /// A recipe.
    Recipe,
    /// A recipe's list of connectors.
    Config,
    /// One connector of that list.
    ConfigEntry,
    /// The connection of that connector.
    Account,
    /// A step.
    Step,
    /// The steps inside a step.
    Block,
    /// What a step does, as far as it has no rows of its own: pills and formulas occur.
    Logic,
    /// A step's input.
    StepInput,
    /// Something inside a step's input: also lists of fields as JSON text.
    Input,
    /// A trigger's filter.
    Filter,
    /// A list of conditions.
    Conditions,
    /// One condition.
    Condition,
    /// The name of a connector.
    Connector,
    /// A custom connector.
    Adapter,
    /// A connection.
    Connection,
    /// The connector of a connection, as a name or a reference.
    ConnectionProvider,
    /// A lookup table or data table.
    Table,
    /// The columns of a table.
    Columns,
    /// One column.
    Column,
    /// An API endpoint or group.
    Api,
    /// The `page.json` in a page's zip.
    Page,
    /// An insights query, anywhere inside.
    Insights,
}

/// What a change of a field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Somebody changed something.
    Meaningful,
    /// The server writes it.
    Derived(Fold),
    /// It changes with nobody's doing.
    Volatile,
    /// Derived where it repeats the provider beside it.
    CopyOfProvider,
    /// Derived where it reads as generated from the step's input.
    GeneratedFromInput,
    /// Derived where it reads as generated from the recipe's steps; empty is then the same.
    GeneratedFromSteps,
    /// As good as absent on a control-flow step that only repeats its keyword.
    ControlWord,
    /// As good as absent where it is empty and the condition's operand takes one side only.
    SecondOperand,
}

/// What a change of a derived field is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fold {
    /// What an operation takes and gives, as the server knows it.
    Schema,
    /// What the editor remembers.
    UiState,
    /// A step's place.
    Renumbered,
    /// A step's identity.
    StepUuid,
    /// A condition's identity.
    ConditionUuid,
    /// A release note.
    Note,
    /// A page's identity.
    GeneratedId,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    key: &'static str,
    /// What a change says.
    pub(crate) class: Class,
    /// For a field of which an empty value is the same as none: further values (as JSON text) that are.
    pub(crate) empty: Option<&'static [&'static str]>,
    /// How its value is read.
    pub(crate) inside: Place,
}

const fn row(key: &'static str, class: Class, inside: Place) -> Row {
    Row { key, class, empty: None, inside }
}

const fn or_empty(key: &'static str, class: Class, defaults: &'static [&'static str], inside: Place) -> Row {
    Row { key, class, empty: Some(defaults), inside }
}

const RECIPE: &[Row] = &[
    row("version", Class::Volatile, Place::Other),
    row("description", Class::GeneratedFromSteps, Place::Other),
    row("code", Class::Meaningful, Place::Step),
    row("config", Class::Meaningful, Place::Config),
];

const CONFIG_ENTRY: &[Row] = &[
    row("provider", Class::Meaningful, Place::Connector),
    or_empty("account_id", Class::Meaningful, &[], Place::Account),
    or_empty("skip_validation", Class::Meaningful, &["false"], Place::Other),
    or_empty("personalization", Class::Meaningful, &["false"], Place::Other),
    row("name", Class::CopyOfProvider, Place::Connector),
];

const STEP: &[Row] = &[
    row("provider", Class::ControlWord, Place::Connector),
    row("name", Class::ControlWord, Place::Other),
    row("uuid", Class::Derived(Fold::StepUuid), Place::Other),
    row("number", Class::Derived(Fold::Renumbered), Place::Other),
    row("block", Class::Meaningful, Place::Block),
    row("input", Class::Meaningful, Place::StepInput),
    row("filter", Class::Meaningful, Place::Filter),
    or_empty("skip", Class::Meaningful, &["false"], Place::Other),
    or_empty("unfinished", Class::Meaningful, &["false"], Place::Other),
    or_empty("clear_scope", Class::Meaningful, &["false", "\"false\""], Place::Other),
    or_empty("mask_data", Class::Meaningful, &["false"], Place::Other),
    row("extended_input_schema", Class::Derived(Fold::Schema), Place::Other),
    row("extended_output_schema", Class::Derived(Fold::Schema), Place::Other),
    or_empty("dynamicPickListSelection", Class::Derived(Fold::UiState), &[], Place::Other),
    or_empty("toggleCfg", Class::Derived(Fold::UiState), &[], Place::Other),
    or_empty("visible_config_fields", Class::Derived(Fold::UiState), &[], Place::Other),
    or_empty("hidden_config_fields", Class::Derived(Fold::UiState), &[], Place::Other),
    or_empty("wizardFinished", Class::Derived(Fold::UiState), &[], Place::Other),
    or_empty("format_version", Class::Derived(Fold::UiState), &[], Place::Other),
    or_empty("title", Class::GeneratedFromInput, &[], Place::Other),
    or_empty("description", Class::GeneratedFromInput, &[], Place::Other),
];

const WITH_CONDITIONS: &[Row] = &[row("conditions", Class::Meaningful, Place::Conditions)];

const CONDITION: &[Row] = &[
    row("uuid", Class::Derived(Fold::ConditionUuid), Place::Other),
    row("rhs", Class::SecondOperand, Place::Logic),
    row("conditions", Class::Meaningful, Place::Conditions),
];

const ADAPTER: &[Row] = &[
    row("version_no", Class::Volatile, Place::Other),
    row("note", Class::Derived(Fold::Note), Place::Other),
];

const CONNECTION: &[Row] = &[
    row("provider", Class::Meaningful, Place::ConnectionProvider),
    or_empty("secure_gateway_tunnel_name", Class::Meaningful, &[], Place::Other),
];

const TABLE: &[Row] = &[row("schema", Class::Meaningful, Place::Columns)];

const COLUMN: &[Row] = &[row("sticky", Class::Derived(Fold::UiState), Place::Other)];

const API: &[Row] = &[or_empty("validation_formula", Class::Meaningful, &[], Place::Other)];

const PAGE: &[Row] = &[row("unique_id", Class::Derived(Fold::GeneratedId), Place::Other)];

impl Place {
    /// Returns where the outermost value of a file stands.
    pub(crate) const fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Recipe => Self::Recipe,
            Kind::CustomAdapter => Self::Adapter,
            Kind::Connection => Self::Connection,
            Kind::LookupTable | Kind::DataTable => Self::Table,
            Kind::ApiEndpoint | Kind::ApiGroup => Self::Api,
            Kind::InsightsQuery => Self::Insights,
            Kind::File => Self::Plain,
            _ => Self::Other,
        }
    }

    /// Returns how a member of an object at this place is read.
    pub(crate) fn member(self, key: &[u8]) -> Row {
        self.rows().iter().find(|row| row.key.as_bytes() == key).copied().unwrap_or(Row {
            key: "",
            class: Class::Meaningful,
            empty: None,
            inside: self.below(),
        })
    }

    /// Returns where the items of a list at this place stand.
    pub(crate) const fn item(self) -> Self {
        match self {
            Self::Config => Self::ConfigEntry,
            Self::Block => Self::Step,
            Self::Columns => Self::Column,
            Self::Conditions => Self::Condition,
            other => other.below(),
        }
    }

    /// Returns the place itself where a value of this sort can stand there, and a place without rows where not.
    pub(crate) const fn holding(self, tag: Tag) -> Self {
        let fits = match self {
            Self::Config | Self::Block | Self::Columns | Self::Conditions => matches!(tag, Tag::Array),
            Self::Connector => matches!(tag, Tag::String),
            Self::ConnectionProvider => matches!(tag, Tag::String | Tag::Object),
            Self::Plain | Self::Other | Self::Logic | Self::Input | Self::Insights => true,
            _ => matches!(tag, Tag::Object),
        };
        if fits { self } else { self.below() }
    }

    /// Returns where the values stand that have no row of their own here.
    const fn below(self) -> Self {
        match self {
            Self::Plain => Self::Plain,
            Self::Insights => Self::Insights,
            Self::StepInput | Self::Input => Self::Input,
            Self::Step | Self::Block | Self::Filter | Self::Conditions | Self::Condition | Self::Logic => {
                Self::Logic
            }
            _ => Self::Other,
        }
    }

    const fn rows(self) -> &'static [Row] {
        match self {
            Self::Recipe => RECIPE,
            Self::ConfigEntry => CONFIG_ENTRY,
            Self::Step => STEP,
            Self::StepInput | Self::Filter => WITH_CONDITIONS,
            Self::Condition => CONDITION,
            Self::Adapter => ADAPTER,
            Self::Connection => CONNECTION,
            Self::Table => TABLE,
            Self::Column => COLUMN,
            Self::Api => API,
            Self::Page => PAGE,
            _ => &[],
        }
    }
}

/// Returns whether a step of this keyword is control flow and has no connector.
pub(crate) fn is_control(keyword: &str) -> bool {
    ["if", "elsif", "else", "foreach", "repeat", "while_condition", "try", "catch", "stop"].contains(&keyword)
}

/// Returns whether a condition's operand looks at its left side only.
pub(crate) fn is_one_sided(operand: &str) -> bool {
    ["present", "blank", "is_true", "is_not_true"].contains(&operand)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::compare::{Level, same};
    use crate::model::path::PackagePath;

    /// How much two versions have in common.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Same {
        Content,
        Meaning,
        Nothing,
    }
    use Same::{Content, Meaning, Nothing};

    fn sameness(name: &str, a: &[u8], b: &[u8]) -> Same {
        let path = PackagePath::parse(name).unwrap();
        match (same(Level::Content, &path, a, b), same(Level::Meaning, &path, a, b)) {
            (true, true) => Content,
            (false, true) => Meaning,
            (false, false) => Nothing,
            (true, false) => panic!("{name}: same content with another meaning"),
        }
    }

    /// Merges members into an object that lies at a pointer.
    fn with(mut file: Value, at: &str, members: Value) -> Value {
        let target = file.pointer_mut(at).unwrap().as_object_mut().unwrap();
        let Value::Object(members) = members else { panic!("members are an object") };
        target.extend(members);
        file
    }

    fn recipe() -> Value {
        json!({
            "name": "A", "version": 3, "private": true, "concurrency": 1,
            "code": {
                "number": 0, "keyword": "trigger", "provider": "clock", "name": "timer", "as": "aaaa0000", "uuid": "u0",
                "input": {"every": "5", "unit": "hours"},
                "filter": {"operand": "and", "conditions": [
                    {"operand": "present", "lhs": "x", "rhs": "", "uuid": "c0"},
                    {"operand": "contains", "lhs": "x", "rhs": "y", "uuid": "c1"},
                ]},
                "block": [
                    {"number": 1, "keyword": "if", "uuid": "u1", "input": {"conditions": []}, "block": []},
                    {"number": 2, "keyword": "action", "provider": "shop_connector_1_2", "name": "list", "as": "bbbb1111",
                        "uuid": "u2", "input": {
                        "flow": {"zip_name": "R/b.recipe.json", "name": "B", "folder": "R"},
                        "pill": "#{_dp('{\"pill_type\":\"output\",\"provider\":\"clock\",\"line\":\"aaaa0000\",\"path\":[\"a\",\"b\"]}')}!",
                        "formula": "=_('data.shop_connector_1_2.bbbb1111.list.first.id') + 1",
                        "schema": "[{\"name\":\"a\",\"type\":\"string\"}]",
                        "body": "[1, 2]",
                        "query": "orders of today",
                        "limit": "1",
                    }},
                ],
            },
            "config": [
                {"keyword": "application", "provider": "clock", "skip_validation": false, "account_id": null},
                {"keyword": "application", "provider": "shop_connector_1_2", "skip_validation": false,
                    "account_id": {"zip_name": "C/shop.connection.json", "name": "Shop", "folder": "C"}},
            ],
        })
    }

    const TRIGGER: &str = "/code";
    const IF: &str = "/code/block/0";
    const ACTION: &str = "/code/block/1";
    const INPUT: &str = "/code/block/1/input";
    const ENTRY: &str = "/config/1";
    const ACCOUNT: &str = "/config/1/account_id";

    /// What is written into the recipe, where, and how much the two then have in common.
    const RECIPE_ROWS: &[(&str, &str, Same)] = &[
        ("", r#"{"name": "B"}"#, Nothing),
        ("", r#"{"private": false}"#, Nothing),
        ("", r#"{"concurrency": 2}"#, Nothing),
        ("", r#"{"new_key": null}"#, Nothing),
        ("", r#"{"version": 4}"#, Content),
        ("", r#"{"description": "For the shop"}"#, Nothing),
        ("", r#"{"description": ""}"#, Meaning),
        ("", r#"{"description": "When there is a new event, do action"}"#, Meaning),
        ("", r#"{"description": "When a, b and 3 other actions"}"#, Meaning),
        (ENTRY, r#"{"provider": "shop_connector_5_6"}"#, Nothing),
        (ENTRY, r#"{"keyword": "x"}"#, Nothing),
        (ENTRY, r#"{"skip_validation": null}"#, Content),
        (ENTRY, r#"{"skip_validation": true}"#, Nothing),
        (ENTRY, r#"{"personalization": false}"#, Content),
        (ENTRY, r#"{"personalization": true}"#, Nothing),
        (ENTRY, r#"{"name": "shop_connector_1_2"}"#, Meaning),
        (ENTRY, r#"{"name": "other"}"#, Nothing),
        (ENTRY, r#"{"account_id": null}"#, Nothing),
        (ENTRY, r#"{"account_id": {"name": "Shop", "folder": "C"}}"#, Meaning),
        (ACCOUNT, r#"{"custom": true}"#, Meaning),
        (ACCOUNT, r#"{"name": "Other"}"#, Nothing),
        (ACCOUNT, r#"{"folder": "D"}"#, Nothing),
        (ACCOUNT, r#"{"unknown": 1}"#, Nothing),
        ("/config/0", r#"{"provider": "timer"}"#, Nothing),
        ("/config/0", r#"{"account_id": {}}"#, Content),
        (ACTION, r#"{"keyword": "foreach"}"#, Nothing),
        (ACTION, r#"{"provider": "other"}"#, Nothing),
        (ACTION, r#"{"name": "other"}"#, Nothing),
        (ACTION, r#"{"name": null}"#, Nothing),
        (IF, r#"{"name": null, "provider": null}"#, Content),
        (IF, r#"{"name": "if", "provider": "if"}"#, Content),
        (IF, r#"{"name": "other"}"#, Nothing),
        (ACTION, r#"{"as": "cccc"}"#, Nothing),
        (ACTION, r#"{"uuid": "other"}"#, Meaning),
        (ACTION, r#"{"number": 9}"#, Meaning),
        (IF, r#"{"block": [{"keyword": "stop"}]}"#, Nothing),
        ("/code/filter/conditions/0", r#"{"uuid": "x"}"#, Meaning),
        ("/code/filter/conditions/0", r#"{"rhs": null}"#, Content),
        ("/code/filter/conditions/0", r#"{"rhs": "z"}"#, Nothing),
        ("/code/filter/conditions/1", r#"{"rhs": ""}"#, Nothing),
        ("/code/filter/conditions/1", r#"{"operand": "present"}"#, Nothing),
        (INPUT, r#"{"limit": "2"}"#, Nothing),
        (INPUT, r#"{"limit": 1}"#, Nothing),
        (INPUT, r#"{"uuid": "x"}"#, Nothing),
        (INPUT, r#"{"title": "x"}"#, Nothing),
        (INPUT, r#"{"version": 1}"#, Nothing),
        (INPUT, r#"{"flow": {"name": "B", "folder": "R"}}"#, Meaning),
        (INPUT, r#"{"flow": {"zip_name": "x", "name": "B", "folder": "R"}}"#, Nothing),
        (INPUT, r#"{"flow": {"name": "B", "folder": "R", "folder_full_path": "H/R"}}"#, Nothing),
        (INPUT, r#"{"pill": "_('data.clock.aaaa0000.a.b')!"}"#, Nothing),
        (INPUT, r#"{"formula": "=_('data.shop_connector_1_2.bbbb1111.list.first.id')+ 1"}"#, Nothing),
        (INPUT, r#"{"formula": "=_('data.shop_connector_1_2.bbbb1111.list.id') + 1"}"#, Nothing),
        (INPUT, r#"{"schema": "[ {\"type\":\"string\", \"name\":\"a\"} ]"}"#, Meaning),
        (INPUT, r#"{"schema": "[{\"name\":\"a\",\"type\":\"number\"}]"}"#, Nothing),
        (INPUT, r#"{"schema": [{"name": "a", "type": "string"}]}"#, Nothing),
        (INPUT, r#"{"body": "[1,2]"}"#, Nothing),
        (ACTION, r#"{"comment": "x"}"#, Nothing),
        (ACTION, r#"{"source": "x"}"#, Nothing),
        (ACTION, r#"{"condition": "x"}"#, Nothing),
        (ACTION, r#"{"param": "x"}"#, Nothing),
        (ACTION, r#"{"parameters_schema": []}"#, Nothing),
        (TRIGGER, r#"{"job_report_schema": []}"#, Nothing),
        (TRIGGER, r#"{"job_report_config": {}}"#, Nothing),
        (ACTION, r#"{"output_schema": []}"#, Nothing),
        (ACTION, r#"{"skip": false}"#, Content),
        (ACTION, r#"{"skip": true}"#, Nothing),
        (ACTION, r#"{"skip": "false"}"#, Nothing),
        (ACTION, r#"{"unfinished": false}"#, Content),
        (ACTION, r#"{"unfinished": true}"#, Nothing),
        (ACTION, r#"{"repeat_mode": "simple"}"#, Nothing),
        (ACTION, r#"{"clear_scope": "false"}"#, Content),
        (ACTION, r#"{"clear_scope": "fals\u0065"}"#, Content),
        (ACTION, r#"{"clear_scope": false}"#, Content),
        (ACTION, r#"{"clear_scope": "true"}"#, Nothing),
        (ACTION, r#"{"batch_size": 5}"#, Nothing),
        (ACTION, r#"{"mask_data": false}"#, Content),
        (ACTION, r#"{"mask_data": true}"#, Nothing),
        (ACTION, r#"{"requirements": 1}"#, Nothing),
        (ACTION, r#"{"external_input_definition": 1}"#, Nothing),
        (ACTION, r#"{"custom_title": "x"}"#, Nothing),
        (ACTION, r#"{"extended_input_schema": [{"name": "x"}]}"#, Meaning),
        (ACTION, r#"{"extended_output_schema": []}"#, Meaning),
        (ACTION, r#"{"dynamicPickListSelection": {}}"#, Content),
        (ACTION, r#"{"dynamicPickListSelection": {"x": "y"}}"#, Meaning),
        (ACTION, r#"{"toggleCfg": {}}"#, Content),
        (ACTION, r#"{"toggleCfg": {"x": true}}"#, Meaning),
        (ACTION, r#"{"visible_config_fields": ["x"]}"#, Meaning),
        (ACTION, r#"{"hidden_config_fields": ["x"]}"#, Meaning),
        (ACTION, r#"{"wizardFinished": true}"#, Meaning),
        (ACTION, r#"{"format_version": 2}"#, Meaning),
        (ACTION, r#"{"title": null, "description": null}"#, Content),
        (ACTION, r#"{"title": "Our own words"}"#, Nothing),
        (ACTION, r#"{"title": "1"}"#, Meaning),
        (ACTION, r#"{"title": "Search orders of today now"}"#, Meaning),
        (ACTION, r#"{"title": "Search reorders of today now"}"#, Nothing),
        (ACTION, r#"{"description": "Create <span class=\"provider\">x</span>"}"#, Meaning),
        (ACTION, r#"{"unknown": false}"#, Nothing),
    ];

    /// What the pill is replaced by.
    const PILL_ROWS: &[(&str, Same)] = &[
        ("_('data.clock.aaaa0000.a.b')", Meaning),
        ("_('data.clock.aaaa0000.a.c')", Nothing),
        ("_('data.clock.aaaa0001.a.b')", Nothing),
        ("_('data.other.aaaa0000.a.b')", Nothing),
        (r#"_dp('{"path":["a","b"],"line": "aaaa0000","provider":"clock","pill_type":"output"}')"#, Meaning),
        (r#"_dp('{"path":["a.b"],"line": "aaaa0000","provider":"clock","pill_type":"output"}')"#, Nothing),
        (r#"_dp('{"path":["a","b"],"line": "aaaa0000","provider":"clock","pill_type":"job"}')"#, Nothing),
    ];

    #[test]
    fn every_row_of_a_recipe() {
        let pill = |text: &str| json!({"pill": format!("#{{{text}}}!")});
        let rows = RECIPE_ROWS
            .iter()
            .map(|(at, members, same)| (*at, serde_json::from_str(members).unwrap(), *same));
        let pills = PILL_ROWS.iter().map(|(text, same)| (INPUT, pill(text), *same));
        for (at, members, expected) in rows.chain(pills) {
            let told = format!("{at} {members}");
            let (old, new) = (recipe().to_string(), with(recipe(), at, members).to_string());
            assert_eq!(sameness("a.recipe.json", old.as_bytes(), new.as_bytes()), expected, "{told}");
        }
    }

    #[test]
    fn another_workspace_has_other_connector_names() {
        let text = recipe().to_string();
        let moved = text.replace("_connector_1_2", "_connector_33_44");
        assert_eq!(sameness("a.recipe.json", text.as_bytes(), moved.as_bytes()), Meaning);
        let two =
            moved.replace("\"query\":\"orders of today\"", "\"query\":\"_('data.shop_connector_1_2.x.y')\"");
        let swapped = two.replace("_connector_33_44", "_connector_1_3");
        assert_ne!(two, moved);
        assert_eq!(sameness("a.recipe.json", two.as_bytes(), swapped.as_bytes()), Nothing, "two of one name");
    }

    #[test]
    fn the_list_of_connectors_has_no_order_and_follows_the_steps() {
        let old = recipe();
        let mut turned = old.clone();
        turned["config"].as_array_mut().unwrap().reverse();
        let same = |a: &Value, b: &Value| {
            sameness("a.recipe.json", a.to_string().as_bytes(), b.to_string().as_bytes())
        };
        assert_eq!(same(&old, &turned), Meaning);
        let mut without = old.clone();
        without["config"].as_array_mut().unwrap().remove(0);
        assert_eq!(same(&old, &without), Nothing, "a step still uses it");
        let mut more = old.clone();
        more["config"].as_array_mut().unwrap().push(json!({"keyword": "application", "provider": "logger"}));
        assert_eq!(same(&old, &more), Nothing, "no step uses it");
    }

    /// A file's name, two versions of it, and how much they have in common.
    const OTHER_ROWS: &[(&str, &str, &str, Same)] = &[
        ("a.custom_adapter.json", r#"{"version_no": 1}"#, r#"{"version_no": 2}"#, Content),
        ("a.custom_adapter.json", r#"{"note": "a"}"#, r#"{"note": "b"}"#, Meaning),
        ("a.custom_adapter.json", r#"{"title": "a"}"#, r#"{"title": "b"}"#, Nothing),
        (
            "a.connection.json",
            r#"{"provider": {"zip_name": "shop.custom_adapter.json", "name": "Shop", "folder": ""}}"#,
            r#"{"provider": "shop_connector_1_2"}"#,
            Meaning,
        ),
        (
            "a.connection.json",
            r#"{"provider": {"zip_name": "shop.custom_adapter.json", "name": "Shop", "folder": ""}}"#,
            r#"{"provider": "other_connector_1_2"}"#,
            Nothing,
        ),
        ("a.connection.json", r#"{"provider": "slack"}"#, r#"{"provider": "shop"}"#, Nothing),
        ("a.connection.json", r#"{}"#, r#"{"secure_gateway_tunnel_name": null}"#, Content),
        ("a.connection.json", r#"{}"#, r#"{"secure_gateway_tunnel_name": "x"}"#, Nothing),
        ("a.connection.json", r#"{"root_folder": true}"#, r#"{"root_folder": false}"#, Nothing),
        ("a.lookup_table.json", r#"{"schema": [{"sticky": true}]}"#, r#"{"schema": [{}]}"#, Meaning),
        ("a.lookup_table.json", r#"{"schema": [{"hint": "a"}]}"#, r#"{"schema": [{}]}"#, Nothing),
        ("a.workato_db_table.json", r#"{"schema": [{"sticky": true}]}"#, r#"{"schema": [{}]}"#, Meaning),
        ("a.workato_db_table.json", r#"{"sticky": true}"#, r#"{}"#, Nothing),
        ("a.api_endpoint.json", r#"{"validation_formula": ""}"#, r#"{}"#, Content),
        ("a.api_endpoint.json", r#"{"validation_formula": "x"}"#, r#"{}"#, Nothing),
        (
            "a.api_endpoint.json",
            r#"{"recipe_id": {"name": "A", "folder": ""}}"#,
            r#"{"recipe_id": {"name": "A", "zip_name": "a.recipe.json"}}"#,
            Meaning,
        ),
        ("a.api_group.json", r#"{"version": "1"}"#, r#"{"version": "2"}"#, Nothing),
        (
            "a.insights_query.json",
            r#"[{"qualifier": "aaaaaaaaaaaaaaaa"}, "aaaaaaaaaaaaaaaa"]"#,
            r#"[{"qualifier": "bbbbbbbbbbbbbbbb"}, "bbbbbbbbbbbbbbbb"]"#,
            Meaning,
        ),
        (
            "a.insights_query.json",
            r#"[{"qualifier": "aaaaaaaaaaaaaaaa"}, "aaaaaaaaaaaaaaaa"]"#,
            r#"[{"qualifier": "bbbbbbbbbbbbbbbb"}, "aaaaaaaaaaaaaaaa"]"#,
            Nothing,
        ),
        ("a.properties.json", r#"{"version": null}"#, r#"{"version": ""}"#, Nothing),
        ("a.topic.json", r#"{"version": 1}"#, r#"{"version": 2}"#, Nothing),
        ("project.json", r#"{"color": "a"}"#, r#"{"color": "b"}"#, Nothing),
        (
            "other.json",
            r#"{"name": "a", "folder": ""}"#,
            r#"{"name": "a", "folder": "", "custom": true}"#,
            Nothing,
        ),
    ];

    #[test]
    fn every_row_of_the_other_kinds() {
        for (name, old, new, expected) in OTHER_ROWS {
            assert_eq!(sameness(name, old.as_bytes(), new.as_bytes()), *expected, "{name} {old} {new}");
        }
        assert_eq!(
            sameness("a.properties.json", br#"{"a":null,"b":null}"#, br#"{"b": null, "a": null}"#),
            Content
        );
        assert_eq!(sameness("a.custom_adapter.rb", b"x", b"x\n"), Nothing);
        assert_eq!(sameness("a.recipe.json", b"{", b"{ "), Nothing, "no JSON: bytes");
    }

    proptest! {
        /// Nothing that the table does not name is hidden: any other leaf of the recipe, with any other value.
        #[test]
        fn an_edit_of_anything_else_counts(index in any::<prop::sample::Index>(), text in "[a-z<]{1,6}", kind in 0..3) {
            let old = recipe();
            let mut leaves = Vec::new();
            collect(&old, String::new(), &mut leaves);
            leaves.retain(|at| {
                let (parent, key) = at.rsplit_once('/').unwrap();
                let step_of = parent.ends_with("/input") || parent.ends_with("/flow") || parent.contains("/account_id");
                !(key == "version" && parent.is_empty() || matches!(key, "uuid" | "number" | "zip_name"))
                    || step_of && key != "zip_name"
            });
            let at = &leaves[index.index(leaves.len())];
            let mut new = old.clone();
            let leaf = new.pointer_mut(at).unwrap();
            let before = leaf.clone();
            *leaf = match kind {
                0 => json!(text),
                1 => json!(leaf.as_str().unwrap_or_default().to_owned() + &text),
                _ => json!(7),
            };
            prop_assume!(*leaf != before);
            let same = sameness("a.recipe.json", old.to_string().as_bytes(), new.to_string().as_bytes());
            prop_assert_eq!(same, Nothing, "{}", at);
        }
    }

    fn collect(value: &Value, at: String, leaves: &mut Vec<String>) {
        match value {
            Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(index, item)| collect(item, format!("{at}/{index}"), leaves));
            }
            Value::Object(members) => {
                members.iter().for_each(|(key, member)| collect(member, format!("{at}/{key}"), leaves));
            }
            _ => leaves.push(at),
        }
    }
}
