//! What a comparison found: the one list that every format is written from.
//!
//! Every difference between two files is accounted for by one entry: a change, a fold or a volatile. Texts are safe to
//! print, and are made after the comparison; values that are to stay hidden are in none of these types.

mod words;

use std::collections::BTreeMap;
use std::fmt;

use crate::asset::fields::Fold;
use crate::asset::kind::Kind;

/// How much two things have in common: the strongest that holds. The later, the less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sameness {
    /// Every byte.
    Bytes,
    /// All but formatting, and what changes with nobody's doing.
    Content,
    /// Also all that somebody did: what differs is derived.
    Meaning,
    /// Less than that.
    Different,
}

/// A comparison of two files, folders, packages or commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// What the old side was called.
    pub old: String,
    /// What the new side was called.
    pub new: String,
    /// What holds of all assets.
    pub sameness: Sameness,
    /// How many assets of each kind there are.
    pub summary: BTreeMap<Kind, Counts>,
    /// Custom connectors that have another generated id on the new side.
    pub connector_ids: Vec<ConnectorId>,
    /// The assets that differ in any byte, by path.
    pub assets: Vec<AssetDiff>,
}

/// How many assets of one kind there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// New ones.
    pub added: usize,
    /// Those that are gone.
    pub removed: usize,
    /// Those with a change.
    pub changed: usize,
    /// Those that are elsewhere, and have not changed otherwise.
    pub moved: usize,
    /// All others, among them those that differ in derived and volatile fields alone.
    pub unchanged: usize,
}

/// A custom connector with another generated id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorId {
    /// The id on the old side, where it is gone from the new one.
    pub old: String,
    /// The id on the new side.
    pub new: String,
    /// In how many values of all assets it stands.
    pub places: usize,
}

/// How an asset differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetDiff {
    /// Where it is; of a removed one where it was.
    pub path: String,
    /// Where it was, if that is elsewhere.
    pub old_path: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// What it is called, if it has a name. Not made safe to print.
    pub name: Option<String>,
    /// What it was called, if that is something else. Not made safe to print.
    pub old_name: Option<String>,
    /// What became of it; none if what differs is derived or volatile.
    pub change: Option<AssetChange>,
    /// How much the two have in common, the place apart.
    pub sameness: Sameness,
    /// What there is to tell, in a few words.
    pub headline: String,
    /// Custom connectors that have another generated id, and in how many values of this asset.
    pub connector_ids: Vec<ConnectorId>,
    /// What somebody changed, in the order in which it is told.
    pub changes: Vec<Change>,
    /// What follows from something else.
    pub folded: Vec<Folded>,
    /// What changes with nobody's doing.
    pub volatile: Vec<Volatile>,
}

/// What became of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssetChange {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has a change.
    Changed,
    /// It is elsewhere, with no other change.
    Moved,
}

/// What was done to a value or step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// It is new.
    Add,
    /// It is gone.
    Remove,
    /// It is another one.
    Replace,
    /// A step is elsewhere.
    Move,
    /// The items of a list are in another order.
    Reorder,
}

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A setting of a recipe.
    Recipe,
    /// A setting of a recipe's connector.
    Config,
    /// The connection of a recipe's connector.
    Connection,
    /// The connector of several steps.
    Connector,
    /// A whole step.
    Step,
    /// What a step does: keyword, connector, operation.
    Operation,
    /// The name by which pills know a step.
    Alias,
    /// Whether a step is skipped.
    Skip,
    /// A step's comment.
    Comment,
    /// Another setting of a step.
    Setting,
    /// The conditions of a step.
    Condition,
    /// A step's input.
    Input,
    /// The job report.
    JobReport,
    /// A field of another kind of asset.
    Field,
    /// A file that is text; the new text is a unified diff.
    Text,
    /// A file that is neither.
    Binary,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What was done.
    pub op: Op,
    /// To what.
    pub what: What,
    /// Where: the dotted path of a field, the key of a setting, or words. Safe to print.
    pub field: String,
    /// The step that it is about.
    pub step: Option<StepRef>,
    /// Where the value was, as a JSON pointer.
    pub old_pointer: Option<String>,
    /// Where the value is, as a JSON pointer.
    pub new_pointer: Option<String>,
    /// Further places.
    pub more_pointers: Vec<String>,
    /// The value that was.
    pub old: Option<Content>,
    /// The value that is.
    pub new: Option<Content>,
    /// How the old value reads; of a step that moved, where it was.
    pub old_text: Option<String>,
    /// How the new value reads; of a step that moved, where it is; of a list in another order, that order.
    pub new_text: Option<String>,
    /// Of a step that is new or gone: its outline, without its title, indented by two spaces a block level.
    pub outline: Vec<String>,
    /// Of a step that is new or gone: how many are inside that came or went with it.
    pub inside: usize,
}

/// A value as it is in the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Content {
    /// JSON on one line, keys sorted.
    Json(String),
    /// A value that is not to be shown.
    Hidden,
}

/// A step that something is told of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepRef {
    /// Its number in the new version.
    pub number: Option<usize>,
    /// Its number in the old version.
    pub old_number: Option<usize>,
    /// Its `uuid`, of the new version if it is there.
    pub uuid: Option<String>,
    /// Its alias, of the new version if it is there. Not made safe to print.
    pub alias: Option<String>,
    /// What it is called. Safe to print.
    pub title: String,
    /// Its keyword. Not made safe to print.
    pub keyword: String,
}

/// Something that follows from something else, in one or several places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// What it is.
    pub what: FoldKind,
    /// The key of the field, if all places have the same one. Safe to print.
    pub field: String,
    /// The step, if all places are in one.
    pub step: Option<StepRef>,
    /// Where the first was.
    pub old_pointer: Option<String>,
    /// Where the first is.
    pub new_pointer: Option<String>,
    /// All other places: where they are, and where they were if that is elsewhere.
    pub more_pointers: Vec<String>,
    /// How many places there are.
    pub count: usize,
    /// Of schemas: fields that are new.
    pub added: usize,
    /// Of schemas: fields that are gone.
    pub removed: usize,
    /// Of schemas: fields that are different.
    pub changed: usize,
    /// Each place in words, for whoever asks for all of it: field, old and new value.
    pub details: Vec<(String, Option<String>, Option<String>)>,
}

/// Why something is folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FoldKind {
    /// A custom connector's generated id.
    ConnectorId,
    /// A connector is listed since a step uses it, or no longer.
    ConnectorList,
    /// The connectors are listed in another order.
    ConnectorListOrder,
    /// The connector of several steps is another one.
    ConnectorReplaced,
    /// A pill names the step that it named before, which has another name or connector.
    PillsFollow,
    /// A pill is written in another way.
    PillSpelling,
    /// A reference is written in another way.
    ReferenceSpelling,
    /// A reference names the asset that it named before, which is elsewhere.
    ReferenceFollows,
    /// JSON text is laid out in another way.
    JsonLayout,
    /// A default comes or goes.
    EmptyDefault,
    /// A title that is made of the input.
    GeneratedTitle,
    /// A description that is made of the input or the steps.
    GeneratedDescription,
    /// An id that the platform gives.
    GeneratedId,
    /// What an operation takes and gives.
    Schema,
    /// What the editor remembers.
    UiState,
    /// A release note.
    Note,
    /// The same change in the copy of a page.
    PageCopy,
    /// A step's identity.
    StepUuid,
    /// A condition's identity.
    ConditionUuid,
    /// A step's place.
    Renumbered,
}

impl From<Fold> for FoldKind {
    fn from(fold: Fold) -> Self {
        match fold {
            Fold::Schema => Self::Schema,
            Fold::UiState => Self::UiState,
            Fold::Renumbered => Self::Renumbered,
            Fold::StepUuid => Self::StepUuid,
            Fold::ConditionUuid => Self::ConditionUuid,
            Fold::Note => Self::Note,
            Fold::GeneratedId => Self::GeneratedId,
        }
    }
}

/// A field that changes with nobody's doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volatile {
    /// Its dotted path.
    pub field: String,
    /// Where it was.
    pub old_pointer: Option<String>,
    /// Where it is.
    pub new_pointer: Option<String>,
    /// The value that was.
    pub old: Option<Content>,
    /// The value that is.
    pub new: Option<Content>,
}

impl fmt::Display for StepRef {
    /// Writes `step 5`, or `step −5` for one that is gone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.number, self.old_number) {
            (Some(number), _) => write!(f, "step {number}"),
            (None, Some(number)) => write!(f, "step −{number}"),
            (None, None) => f.write_str("step"),
        }
    }
}
