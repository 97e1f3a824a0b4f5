//! The one table of the fields that a comparison sets aside.
//!
//! A row names a key at one place of a file. What has no row is meaningful, wherever it stands. How a value that counts
//! is read (pills, references, connector names) is not decided here but in `meaning`.

use super::json::Tag;
use super::kind::Kind;

/// Where in a file a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
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
pub(super) enum Class {
    /// Somebody changed something.
    Meaningful,
    /// The server writes it.
    Derived,
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

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    key: &'static str,
    /// What a change says.
    pub(super) class: Class,
    /// For a field of which an empty value is the same as none: further values (as JSON text) that are.
    pub(super) empty: Option<&'static [&'static str]>,
    /// How its value is read.
    pub(super) inside: Place,
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
    row("uuid", Class::Derived, Place::Other),
    row("number", Class::Derived, Place::Other),
    row("block", Class::Meaningful, Place::Block),
    row("input", Class::Meaningful, Place::StepInput),
    row("filter", Class::Meaningful, Place::Filter),
    or_empty("skip", Class::Meaningful, &["false"], Place::Other),
    or_empty("unfinished", Class::Meaningful, &["false"], Place::Other),
    or_empty("clear_scope", Class::Meaningful, &["false", "\"false\""], Place::Other),
    or_empty("mask_data", Class::Meaningful, &["false"], Place::Other),
    row("extended_input_schema", Class::Derived, Place::Other),
    row("extended_output_schema", Class::Derived, Place::Other),
    or_empty("dynamicPickListSelection", Class::Derived, &[], Place::Other),
    or_empty("toggleCfg", Class::Derived, &[], Place::Other),
    or_empty("visible_config_fields", Class::Derived, &[], Place::Other),
    or_empty("hidden_config_fields", Class::Derived, &[], Place::Other),
    or_empty("wizardFinished", Class::Derived, &[], Place::Other),
    or_empty("format_version", Class::Derived, &[], Place::Other),
    or_empty("title", Class::GeneratedFromInput, &[], Place::Other),
    or_empty("description", Class::GeneratedFromInput, &[], Place::Other),
];

const WITH_CONDITIONS: &[Row] = &[row("conditions", Class::Meaningful, Place::Conditions)];

const CONDITION: &[Row] = &[
    row("uuid", Class::Derived, Place::Other),
    row("rhs", Class::SecondOperand, Place::Logic),
    row("conditions", Class::Meaningful, Place::Conditions),
];

const ADAPTER: &[Row] =
    &[row("version_no", Class::Volatile, Place::Other), row("note", Class::Derived, Place::Other)];

const CONNECTION: &[Row] = &[
    row("provider", Class::Meaningful, Place::ConnectionProvider),
    or_empty("secure_gateway_tunnel_name", Class::Meaningful, &[], Place::Other),
];

const TABLE: &[Row] = &[row("schema", Class::Meaningful, Place::Columns)];

const COLUMN: &[Row] = &[row("sticky", Class::Derived, Place::Other)];

const API: &[Row] = &[or_empty("validation_formula", Class::Meaningful, &[], Place::Other)];

const PAGE: &[Row] = &[row("unique_id", Class::Derived, Place::Other)];

impl Place {
    /// Returns where the outermost value of a file stands.
    pub(super) const fn of(kind: &Kind) -> Self {
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
    pub(super) fn member(self, key: &[u8]) -> Row {
        self.rows().iter().find(|row| row.key.as_bytes() == key).copied().unwrap_or(Row {
            key: "",
            class: Class::Meaningful,
            empty: None,
            inside: self.below(),
        })
    }

    /// Returns where the items of a list at this place stand.
    pub(super) const fn item(self) -> Self {
        match self {
            Self::Config => Self::ConfigEntry,
            Self::Block => Self::Step,
            Self::Columns => Self::Column,
            Self::Conditions => Self::Condition,
            other => other.below(),
        }
    }

    /// Returns the place itself where a value of this sort can stand there, and a place without rows where not.
    pub(super) const fn holding(self, tag: Tag) -> Self {
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
pub(super) fn is_control(keyword: &str) -> bool {
    ["if", "elsif", "else", "foreach", "repeat", "while_condition", "try", "catch", "stop"].contains(&keyword)
}

/// Returns whether a condition's operand looks at its left side only.
pub(super) fn is_one_sided(operand: &str) -> bool {
    ["present", "blank", "is_true", "is_not_true"].contains(&operand)
}
