//! What the sorts of changes and folds are called, in every format: scripts depend on the words.

use super::{AssetChange, FoldKind, Op, Sameness, What};

impl Sameness {
    /// Returns the word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Content => "content",
            Self::Meaning => "meaning",
            Self::Different => "different",
        }
    }
}

impl AssetChange {
    /// Returns the word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Moved => "moved",
        }
    }
}

impl Op {
    /// Returns the word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Replace => "replace",
            Self::Move => "move",
            Self::Reorder => "reorder",
        }
    }
}

impl What {
    /// Returns the word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Recipe => "recipe",
            Self::Config => "config",
            Self::Connection => "connection",
            Self::Connector => "connector",
            Self::Step => "step",
            Self::Operation => "operation",
            Self::Alias => "alias",
            Self::Skip => "skip",
            Self::Comment => "comment",
            Self::Setting => "setting",
            Self::Condition => "condition",
            Self::Input => "input",
            Self::JobReport => "job_report",
            Self::Field => "field",
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }
}

impl FoldKind {
    /// Returns the words for it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::ConnectorId => "connector id",
            Self::ConnectorList => "connector list",
            Self::ConnectorListOrder => "connector list order",
            Self::ConnectorReplaced => "connector replaced",
            Self::PillsFollow => "pills follow their step",
            Self::PillSpelling => "pill spelling",
            Self::ReferenceSpelling => "reference spelling",
            Self::ReferenceFollows => "reference follows a move",
            Self::JsonLayout => "JSON text layout",
            Self::EmptyDefault => "empty default",
            Self::GeneratedTitle => "generated title",
            Self::GeneratedDescription => "generated description",
            Self::GeneratedId => "generated id",
            Self::Schema => "schema",
            Self::UiState => "ui state",
            Self::Note => "note",
            Self::PageCopy => "copy of the page",
            Self::StepUuid => "step uuid",
            Self::ConditionUuid => "condition uuid",
            Self::Renumbered => "renumbered",
        }
    }
}
