//! What a file name of a package says: `<stem>.<type>.<extension>`, and what the platform does with each type.
//!
//! It does not look into files.

/// Types as they stand in file names, with the name the API has for each; in the order of a package. Types with
/// an empty API name are exported but never listed.
const KINDS: [(&str, &str); 22] = [
    ("connection", "connection"),
    ("custom_adapter", "custom_adapter"),
    ("lookup_table", "lookup_table"),
    ("workato_db_table", "workato_db_table"),
    ("topic", "topic"),
    ("workato_schema", "workato_schema"),
    ("workato_template", "workato_template"),
    ("recipe", "recipe"),
    ("api_group", "api_group"),
    ("api_endpoint", "api_endpoint"),
    ("agentic_knowledge_base", "agentic_knowledge_base"),
    ("agentic_skill", "agentic_skill"),
    ("agentic_genie", "agentic_genie"),
    ("mcp_server", "mcp_server"),
    ("data_pipeline", "data_pipeline"),
    ("decision_engine_model", "decision_engine_model"),
    ("lcap_page", "lcap_page"),
    ("insights_query", ""),
    ("lcap_app", "lcap_app"),
    ("properties", "account_property"),
    ("project_property", "project_property"),
    (PROJECT, ""),
];

/// The type given to `project.json`, which has none in its name.
pub(super) const PROJECT: &str = "project";

/// A file name taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) stem: String,
    pub(super) kind: String,
    pub(super) ext: String,
}

impl Name {
    /// Takes a file name apart; `None` where it cannot be an asset's.
    pub(super) fn parse(file: &str) -> Option<Self> {
        if file == "project.json" {
            return Some(Self { stem: String::new(), kind: PROJECT.to_owned(), ext: "json".to_owned() });
        }
        let (rest, ext) = file.rsplit_once('.')?;
        let (stem, kind) = rest.rsplit_once('.')?;
        let plain =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        (!stem.is_empty() && plain(kind) && plain(ext)).then(|| Self {
            stem: stem.to_owned(),
            kind: kind.to_owned(),
            ext: ext.to_owned(),
        })
    }

    /// Returns whether the platform knows the type; it ignores others in an import.
    pub(super) fn is_known(&self) -> bool {
        KINDS.iter().any(|(kind, _)| *kind == self.kind)
    }
}

/// Returns the file name of an asset's part.
pub(super) fn file_name(stem: &str, kind: &str, ext: &str) -> String {
    if kind == PROJECT { "project.json".to_owned() } else { format!("{stem}.{kind}.{ext}") }
}

/// Returns the API's name of a type; `None` where its assets are never listed.
pub(super) fn listed_as(kind: &str) -> Option<&'static str> {
    KINDS.iter().find(|(name, api)| *name == kind && !api.is_empty()).map(|(_, api)| *api)
}

/// Returns where a type stands in a package.
pub(super) fn rank(kind: &str) -> usize {
    KINDS.iter().position(|(name, _)| *name == kind).unwrap_or(KINDS.len())
}

/// Returns what a new asset's file is called: lower case, every run of other characters one `_`.
pub(super) fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_part_from_the_right() {
        let name = Name::parse("a.b.custom_adapter.rb").unwrap();
        assert_eq!(
            (name.stem.as_str(), name.kind.as_str(), name.ext.as_str()),
            ("a.b", "custom_adapter", "rb")
        );
        assert!(name.is_known() && Name::parse("project.json").unwrap().is_known());
        assert!(!Name::parse("notes.v2.txt").unwrap().is_known());
        for stray in ["README.md", ".gitignore", "x", ".recipe.json"] {
            assert_eq!(Name::parse(stray), None, "{stray}");
        }
    }

    #[test]
    fn file_names_are_made_of_names() {
        assert_eq!(snake("REC 001 |Application Access Request"), "rec_001_application_access_request");
        assert_eq!(snake("TravelPerk <> Fyle Integration"), "travelperk_fyle_integration");
    }
}
