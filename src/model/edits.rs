//! Who saved what in the workspace, and which commits that makes of an export's changes.
//!
//! How it is found out is not known here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::oid::BlobId;
use super::path::PackagePath;

/// The changes that go to one branch: what each path is to hold, or that it goes.
pub type Changes = BTreeMap<PackagePath, Option<BlobId>>;

/// The last save of an asset in the workspace's editor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Who, as `Name <email>`, if git can name them.
    pub by: Option<String>,
    /// Who, in the workspace's words, if git cannot.
    pub unnamed: Option<String>,
    /// When, if the workspace said so.
    pub at: Option<DateTime<Utc>>,
    /// What they wrote about it.
    pub comment: Option<String>,
}

/// What one commit holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Who made the changes, as `Name <email>`; `None` where nobody knows.
    pub by: Option<String>,
    /// The changes.
    pub changes: Changes,
    /// What there is to say of each.
    pub notes: BTreeMap<PackagePath, Note>,
}

/// What there is to say of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// What was changed, a line each. Safe to print.
    pub changes: Vec<String>,
    /// Who made it, where the commit's author does not say so.
    pub unnamed: Option<String>,
    /// What they wrote about it.
    pub comment: Option<String>,
}

/// Splits changes by who made them: one part an author, in the order of each author's first save, then what nobody is
/// known for. Together the parts are the changes; without changes there are none.
#[must_use]
pub fn parts(
    changes: &Changes,
    edits: &BTreeMap<PackagePath, Edit>,
    briefs: &BTreeMap<PackagePath, Vec<String>>,
) -> Vec<Part> {
    let mut by_author: BTreeMap<Option<&str>, (Option<DateTime<Utc>>, Part)> = BTreeMap::new();
    // What went from one folder and came in another stays in one commit, where git sees that it moved.
    let came: BTreeMap<&str, &PackagePath> =
        changes.iter().filter(|(_, blob)| blob.is_some()).map(|(path, _)| (file_name(path), path)).collect();
    for (path, blob) in changes {
        let shown = if blob.is_none() { came.get(file_name(path)).copied() } else { Some(path) };
        let edit = shown.and_then(|path| edits.get(path));
        let by = edit.and_then(|edit| edit.by.as_deref());
        let (first, part) = by_author.entry(by).or_default();
        let at = edit.and_then(|edit| edit.at);
        *first = (*first).into_iter().chain(at).min();
        part.by = by.map(str::to_owned);
        part.changes.insert(path.clone(), *blob);
        let changes = briefs.get(path).cloned().unwrap_or_default();
        let said = edit.filter(|_| blob.is_some());
        let unnamed = said.and_then(|edit| edit.unnamed.clone());
        let note = Note { changes, unnamed, comment: said.and_then(|edit| edit.comment.clone()) };
        if note != Note::default() {
            part.notes.insert(path.clone(), note);
        }
    }
    let mut parts: Vec<_> = by_author.into_values().collect();
    // Where one has no time, the names decide, so that the same input gives the same commits.
    parts.sort_by(|(first, a), (second, b)| {
        (a.by.is_none(), first.is_none(), first, &a.by).cmp(&(
            b.by.is_none(),
            second.is_none(),
            second,
            &b.by,
        ))
    });
    parts.into_iter().map(|(_, part)| part).collect()
}

fn file_name(path: &PackagePath) -> &str {
    let path = path.as_str();
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PackagePath {
        PackagePath::parse(&format!("{name}.recipe.json")).unwrap()
    }

    fn edit(by: &str, minute: Option<u32>, comment: Option<&str>) -> Edit {
        let at = minute.map(|minute| format!("2026-11-23T12:{minute:02}:00Z").parse().unwrap());
        Edit { by: Some(by.to_owned()), unnamed: None, at, comment: comment.map(str::to_owned) }
    }

    #[test]
    fn each_author_gets_a_part_the_earliest_first_and_the_unknown_last() {
        let blob = Some(BlobId::from_bytes([1; 20]));
        let changes: Changes = ["a", "b", "c", "d"].map(|name| (path(name), blob)).into_iter().collect();
        let edits = BTreeMap::from([
            (path("a"), edit("Kim <k@x>", Some(9), None)),
            (path("b"), edit("Alex <a@x>", Some(7), Some("why"))),
            (path("c"), edit("Kim <k@x>", Some(5), None)),
        ]);
        let briefs = BTreeMap::from([(path("d"), vec!["name: D → E".to_owned()])]);
        let parts = parts(&changes, &edits, &briefs);
        let told: Vec<String> = parts
            .iter()
            .map(|part| {
                let names: Vec<&str> = part.changes.keys().map(PackagePath::as_str).collect();
                let notes: Vec<String> = part
                    .notes
                    .values()
                    .map(|note| format!("{} {:?}", note.changes.join(", "), note.comment))
                    .collect();
                format!("{:?}: {} {notes:?}", part.by, names.join(" "))
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        Some("Kim <k@x>"): a.recipe.json c.recipe.json []
        Some("Alex <a@x>"): b.recipe.json [" Some(\"why\")"]
        None: d.recipe.json ["name: D → E None"]
        "#);
        let together: Changes = parts.into_iter().flat_map(|part| part.changes).collect();
        assert_eq!(together, changes);
    }

    #[test]
    fn what_moved_stays_in_one_commit() {
        let blob = Some(BlobId::from_bytes([1; 20]));
        let [old, new] = ["a", "Sub/a"].map(path);
        let changes = Changes::from([(old, None), (new.clone(), blob), (path("b"), None)]);
        let edits = BTreeMap::from([(new, edit("Kim <k@x>", Some(9), Some("tidied")))]);
        let sizes: Vec<usize> =
            parts(&changes, &edits, &BTreeMap::new()).iter().map(|part| part.changes.len()).collect();
        assert_eq!(sizes, [2, 1]);
    }

    #[test]
    fn without_authors_there_is_one_part_and_without_changes_none() {
        let changes: Changes = [(path("a"), None)].into_iter().collect();
        assert_eq!(
            parts(&changes, &BTreeMap::new(), &BTreeMap::new()),
            [Part { changes: changes.clone(), ..Part::default() }]
        );
        assert!(parts(&Changes::new(), &BTreeMap::new(), &BTreeMap::new()).is_empty());
    }
}
