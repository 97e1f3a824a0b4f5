//! What a file of a package is, by the last dotted parts of its name.
//!
//! An open list: a type that is not known here is named by its own word, and is as much an asset as any other.
//! Substrings are never looked at: `connection_report.recipe.json` is a recipe. Contents are not looked at either.

use std::borrow::Cow;

use crate::model::path::PackagePath;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `*.recipe.json`.
    Recipe,
    /// `*.connection.json`.
    Connection,
    /// `*.custom_adapter.json`, `.rb` and `.png`.
    CustomAdapter,
    /// `*.lookup_table.json`.
    LookupTable,
    /// `*.workato_db_table.json`.
    DataTable,
    /// `*.properties.json`.
    Properties,
    /// `*.api_endpoint.json`.
    ApiEndpoint,
    /// `*.api_group.json`.
    ApiGroup,
    /// `*.lcap_page.json` and `.zip`.
    Page,
    /// `*.lcap_app.json` and `.png`.
    App,
    /// `*.agentic_genie.json` and `.png`.
    Genie,
    /// `*.agentic_skill.json`.
    Skill,
    /// `*.mcp_server.json`.
    McpServer,
    /// `*.insights_query.json`.
    InsightsQuery,
    /// `*.topic.json`.
    Topic,
    /// `project.json` at the top.
    Project,
    /// `*.<type>.json` of a type that is not known here.
    Named(Box<str>),
    /// No asset: a file that somebody put beside them.
    File,
}

impl Kind {
    /// Returns what a file is.
    #[must_use]
    pub fn of(path: &PackagePath) -> Self {
        if path.as_str() == "project.json" {
            return Self::Project;
        }
        let mut parts = path.file_name().rsplitn(3, '.');
        let (Some(extension), Some(word), Some(stem)) = (parts.next(), parts.next(), parts.next()) else {
            return Self::File;
        };
        if stem.is_empty() {
            return Self::File;
        }
        match (extension, Self::known(word)) {
            ("json" | "rb" | "png" | "zip", Some(kind)) => kind,
            ("json", None) if is_type_word(word) => Self::Named(word.into()),
            _ => Self::File,
        }
    }

    fn known(word: &str) -> Option<Self> {
        Some(match word {
            "recipe" => Self::Recipe,
            "connection" => Self::Connection,
            "custom_adapter" => Self::CustomAdapter,
            "lookup_table" => Self::LookupTable,
            "workato_db_table" => Self::DataTable,
            "properties" => Self::Properties,
            "api_endpoint" => Self::ApiEndpoint,
            "api_group" => Self::ApiGroup,
            "lcap_page" => Self::Page,
            "lcap_app" => Self::App,
            "agentic_genie" => Self::Genie,
            "agentic_skill" => Self::Skill,
            "mcp_server" => Self::McpServer,
            "insights_query" => Self::InsightsQuery,
            "topic" => Self::Topic,
            _ => return None,
        })
    }

    /// Returns its word in file names; of what is no asset, `file`.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Recipe => "recipe",
            Self::Connection => "connection",
            Self::CustomAdapter => "custom_adapter",
            Self::LookupTable => "lookup_table",
            Self::DataTable => "workato_db_table",
            Self::Properties => "properties",
            Self::ApiEndpoint => "api_endpoint",
            Self::ApiGroup => "api_group",
            Self::Page => "lcap_page",
            Self::App => "lcap_app",
            Self::Genie => "agentic_genie",
            Self::Skill => "agentic_skill",
            Self::McpServer => "mcp_server",
            Self::InsightsQuery => "insights_query",
            Self::Topic => "topic",
            Self::Project => "project",
            Self::File => "file",
            Self::Named(word) => word,
        }
    }

    /// Returns the word for it in a sentence, for one or for several.
    #[must_use]
    pub fn noun(&self, plural: bool) -> Cow<'static, str> {
        let (one, several) = match self {
            Self::Recipe => ("recipe", "recipes"),
            Self::Connection => ("connection", "connections"),
            Self::CustomAdapter => ("custom connector", "custom connectors"),
            Self::LookupTable => ("lookup table", "lookup tables"),
            Self::DataTable => ("data table", "data tables"),
            Self::Properties => ("property list", "property lists"),
            Self::ApiEndpoint => ("API endpoint", "API endpoints"),
            Self::ApiGroup => ("API group", "API groups"),
            Self::Page => ("page", "pages"),
            Self::App => ("app", "apps"),
            Self::Genie => ("genie", "genies"),
            Self::Skill => ("skill", "skills"),
            Self::McpServer => ("MCP server", "MCP servers"),
            Self::InsightsQuery => ("insights query", "insights queries"),
            Self::Topic => ("topic", "topics"),
            Self::Project => ("project setting", "project settings"),
            Self::File => ("file", "files"),
            Self::Named(word) => {
                let one = word.replace('_', " ");
                return Cow::Owned(if plural { one + "s" } else { one });
            }
        };
        Cow::Borrowed(if plural { several } else { one })
    }
}

/// Returns whether a file is package content that an import carries, rather than a file that somebody put beside it:
/// what is hidden on a disk is no content unless an export has shown it.
#[must_use]
pub fn is_asset(path: &PackagePath) -> bool {
    Kind::of(path) != Kind::File && !path.parts().any(|part| part.starts_with('.'))
}

/// Returns what the files of one asset have in common: the path without its last extension.
#[must_use]
pub fn asset_id(path: &PackagePath) -> &str {
    let whole = path.as_str();
    match path.file_name().rsplit_once('.') {
        Some((_, extension)) => &whole[..whole.len() - extension.len() - 1],
        None => whole,
    }
}

fn is_type_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PackagePath {
        PackagePath::parse(name).unwrap()
    }

    #[test]
    fn the_last_dotted_parts_say_what_it_is() {
        let names = [
            "connection.report/recipe.connection.recipe.json",
            "x.custom_adapter.rb",
            "Pages/x.lcap_page.zip",
            "x.workato_db_table.json",
            "x.message_template.json",
            "project.json",
            "a/project.json",
            "package.json",
            "README.md",
            "x.recipe.json.bak",
            ".gitattributes",
            ".github/x.recipe.json",
            "x.Recipe.json",
            ".recipe.json",
            "notes.v2.rb",
        ];
        let told: String = names
            .map(path)
            .iter()
            .map(|path| {
                format!("{path}: {} {}\n", if is_asset(path) { "+" } else { "-" }, Kind::of(path).noun(true))
            })
            .collect();
        insta::assert_snapshot!(told, @r#"
            connection.report/recipe.connection.recipe.json: + recipes
            x.custom_adapter.rb: + custom connectors
            Pages/x.lcap_page.zip: + pages
            x.workato_db_table.json: + data tables
            x.message_template.json: + message templates
            project.json: + project settings
            a/project.json: - files
            package.json: - files
            README.md: - files
            x.recipe.json.bak: - files
            .gitattributes: - files
            .github/x.recipe.json: - recipes
            x.Recipe.json: - files
            .recipe.json: - files
            notes.v2.rb: - files
            "#);
    }

    #[test]
    fn files_of_one_asset_have_one_name() {
        assert_eq!(asset_id(&path("Pages/x.lcap_page.json")), asset_id(&path("Pages/x.lcap_page.zip")));
        assert_eq!(asset_id(&path("a.b/LICENSE")), "a.b/LICENSE");
        assert_ne!(asset_id(&path("x.lcap_app.json")), asset_id(&path("x.lcap_page.json")));
    }
}
