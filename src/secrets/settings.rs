//! What is to be done with findings in a project, as it is configured.

use super::{Finding, Level};
use crate::model::path::PackagePath;

/// What is done with what is found in an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// A file with a certain finding is not committed; the others are told.
    #[default]
    Block,
    /// All is committed, and told.
    Warn,
    /// Nothing is looked for.
    Off,
}

impl Policy {
    /// Reads `block`, `warn` or `off`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "block" => Some(Self::Block),
            "warn" => Some(Self::Warn),
            "off" => Some(Self::Off),
            _ => None,
        }
    }
}

/// A false alarm that a person has settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The file, relative to the project's path; each `*` stands for any text.
    pub path: String,
    /// The finding's kind; `None` for every kind.
    pub kind: Option<String>,
}

impl Allowed {
    fn covers(&self, path: &PackagePath, finding: &Finding) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == finding.kind) && matches(&self.path, path.as_str())
    }
}

/// How a project deals with secrets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// What is done with what is found.
    pub policy: Policy,
    /// What is no secret.
    pub allowed: Vec<Allowed>,
}

impl Settings {
    /// Returns the findings of a file that are not settled.
    #[must_use]
    pub fn open(&self, path: &PackagePath, mut findings: Vec<Finding>) -> Vec<Finding> {
        findings.retain(|finding| !self.allowed.iter().any(|allowed| allowed.covers(path, finding)));
        findings
    }

    /// Returns whether a file with these findings stays out of git.
    #[must_use]
    pub fn blocks(&self, findings: &[Finding]) -> bool {
        self.policy == Policy::Block && findings.iter().any(|finding| finding.level == Level::Certain)
    }
}

/// Returns whether a text is as a pattern says, in which each `*` stands for any text: the parts are found one after
/// the other, each where it comes first.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let (middle, last) = tail.rsplit_once('*').unwrap_or(("", tail));
    for part in middle.split('*') {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, is_so) in [
            ("a.rb", "a.rb", true),
            ("a.rb", "b/a.rb", false),
            ("*", "b/a.rb", true),
            ("b/*", "b/a.rb", true),
            ("*.rb", "b/a.rb", true),
            ("*.rb", "b/a.rbx", false),
            ("b*a*.rb", "b/x/a1.rb", true),
            ("a*a", "a", false),
            ("**", "x", true),
        ] {
            assert_eq!(matches(pattern, text), is_so, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_settled_is_not_open_and_does_not_block() {
        let path = PackagePath::parse("x.custom_adapter.rb").unwrap();
        let finding = |kind: &'static str, level| Finding { line: 1, kind: kind.into(), level };
        let found = vec![finding("jwt", Level::Certain), finding("named-secret", Level::Likely)];
        let mut settings = Settings::default();
        assert!(settings.blocks(&found) && settings.open(&path, found.clone()) == found);
        settings.allowed = vec![Allowed { path: "*.rb".into(), kind: Some("jwt".into()) }];
        let open = settings.open(&path, found.clone());
        assert!(!settings.blocks(&open) && open == found[1..]);
        settings.allowed = vec![Allowed { path: path.to_string(), kind: None }];
        assert_eq!(settings.open(&path, found), []);
    }
}
