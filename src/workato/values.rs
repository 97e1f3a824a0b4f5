//! What the platform answers about workspaces, folders and manifests, as values.
//!
//! Fields that are not needed are not read; an id that is missing makes the answer one that is not understood.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

use super::loose;
use crate::cores;

/// More assets than this are in no package that would be taken, and need not be held in memory.
const MAX_ASSETS: usize = 50_000;
/// From so many assets on, all cores read them.
const WORTH_A_THREAD: usize = 1000;

/// The workspace that a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// The workspace's id: a token that suddenly shows another one must not be used.
    #[serde(deserialize_with = "loose::id")]
    pub id: u64,
    /// The workspace's name.
    #[serde(default, deserialize_with = "loose::text")]
    pub name: String,
    /// The folder at the top of everything.
    #[serde(default, deserialize_with = "loose::some_id")]
    pub root_folder_id: Option<u64>,
    /// The server's clock when it answered, to the second.
    #[serde(skip)]
    pub server_time: Option<DateTime<Utc>>,
}

/// An asset of a folder, or one that something in the folder needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FolderAsset {
    /// The asset's id in this workspace, unique within its type.
    #[serde(deserialize_with = "loose::id")]
    pub id: u64,
    /// The type; an open list.
    #[serde(rename = "type", default, deserialize_with = "loose::text")]
    pub kind: String,
    /// The name that people see.
    #[serde(default, deserialize_with = "loose::text")]
    pub name: String,
    /// The file in the package.
    #[serde(default, deserialize_with = "loose::text")]
    pub zip_name: String,
    /// The version, where the type has one.
    #[serde(default, deserialize_with = "loose::some_id")]
    pub version: Option<u64>,
    /// Whether it is needed and cannot be found.
    #[serde(default, deserialize_with = "loose::flag")]
    pub unreachable: bool,
    /// Names all that the list says of it, understood or not: another text may tell a change.
    #[serde(skip)]
    pub said: [u8; 32],
}

/// A list of what an export holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Manifest {
    /// The manifest's id.
    #[serde(deserialize_with = "loose::id")]
    pub id: u64,
    /// The name, which becomes part of the package's file name.
    #[serde(default, deserialize_with = "loose::text")]
    pub name: String,
    /// `working`, or `archived` once it was deleted.
    #[serde(default, deserialize_with = "loose::text")]
    pub status: String,
    /// When it was deleted, empty where it was not.
    #[serde(default, deserialize_with = "loose::text")]
    pub deleted_at: String,
}

impl Manifest {
    /// Returns whether it was deleted: it can still be read, but not used.
    #[must_use]
    pub fn is_archived(&self) -> bool {
        self.status == "archived" || !self.deleted_at.is_empty()
    }
}

/// A folder of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Folder {
    /// The folder's id.
    #[serde(deserialize_with = "loose::id")]
    pub id: u64,
    /// The name.
    #[serde(default, deserialize_with = "loose::text")]
    pub name: String,
    /// The folder that it is in.
    #[serde(default, deserialize_with = "loose::some_id")]
    pub parent_id: Option<u64>,
}

/// A project of a workspace: a folder at the top, with an id of its own besides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkspaceProject {
    /// The project's id, which is not its folder's.
    #[serde(deserialize_with = "loose::id")]
    pub id: u64,
    /// The project's folder.
    #[serde(deserialize_with = "loose::id")]
    pub folder_id: u64,
    /// The name.
    #[serde(default, deserialize_with = "loose::text")]
    pub name: String,
}

/// A recipe as the list of recipes shows it: who saved its latest version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ListedRecipe {
    /// The recipe's id.
    #[serde(deserialize_with = "loose::id")]
    pub id: u64,
    /// The name.
    #[serde(default, deserialize_with = "loose::text")]
    pub name: String,
    /// The version.
    #[serde(default, deserialize_with = "loose::some_id")]
    pub version_no: Option<u64>,
    /// When it was changed last, as the platform writes times; empty where it says nothing.
    #[serde(default, deserialize_with = "loose::text")]
    pub updated_at: String,
    /// Who saved the version; empty where it says nothing.
    #[serde(default, deserialize_with = "loose::text")]
    pub version_author_name: String,
    /// Their mail address; empty where it says nothing.
    #[serde(default, deserialize_with = "loose::text")]
    pub version_author_email: String,
    /// What they wrote about it; empty where they wrote nothing.
    #[serde(default, deserialize_with = "loose::text")]
    pub version_comment: String,
}

/// A page of the list of recipes.
#[derive(Deserialize)]
pub(super) struct Recipes {
    pub(super) items: Vec<ListedRecipe>,
}

/// The envelope of most answers.
#[derive(Deserialize)]
pub(super) struct Enveloped<T> {
    /// What it holds.
    pub(super) result: T,
}

/// The assets of a folder, in their envelope.
#[derive(Deserialize)]
pub(super) struct Assets {
    /// The list, which must be there: its absence would look like an empty folder.
    #[serde(deserialize_with = "listed")]
    pub(super) assets: Vec<FolderAsset>,
}

fn listed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<FolderAsset>, D::Error> {
    // As it was written: a folder may have thousands of assets, and each of them is listed at every look.
    let read = |text: &&RawValue| {
        let asset: FolderAsset = serde_json::from_str(text.get())?;
        Ok(FolderAsset { said: *blake3::hash(text.get().as_bytes()).as_bytes(), ..asset })
    };
    let read_all = |texts: &[&RawValue]| texts.iter().map(read).collect::<serde_json::Result<Vec<_>>>();
    let texts = Vec::<&'de RawValue>::deserialize(deserializer)?;
    if texts.len() > MAX_ASSETS {
        return Err(D::Error::custom(format_args!("{} assets, more than {MAX_ASSETS}", texts.len())));
    }
    if texts.len() < WORTH_A_THREAD {
        return read_all(&texts).map_err(D::Error::custom);
    }
    let size = |text: &&RawValue| text.get().len() as u64;
    let parts = cores::try_on_all(&texts, size, || Ok(()), |(), part| read_all(part));
    Ok(parts.map_err(D::Error::custom)?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_answers_are_read() {
        let assets: Enveloped<Assets> = serde_json::from_str(
            r#"{"result":{"assets":[
                {"id":12,"name":"Copy of Recipeops","type":"recipe","version":1,"folder":"",
                 "absolute_path":"All projects","root_folder":false,"unreachable":false,
                 "zip_name":"copy_of_recipeops.recipe.json","checked":true,"status":"added"},
                {"id":"13","name":null,"type":"something_new","version":null,"checked":"true"}]}}"#,
        )
        .unwrap();
        insta::assert_debug_snapshot!(assets.result.assets.iter().map(|a| (a.id, &*a.kind, a.version)).collect::<Vec<_>>(), @r#"
        [
            (
                12,
                "recipe",
                Some(
                    1,
                ),
            ),
            (
                13,
                "something_new",
                None,
            ),
        ]
        "#);
        let said = r#"{"id":"13","name":null,"type":"something_new","version":null,"checked":"true"}"#;
        assert_eq!(assets.result.assets[1].said, *blake3::hash(said.as_bytes()).as_bytes());
        let manifest: Enveloped<Manifest> = serde_json::from_str(
            r#"{"result":{"id":12,"name":"sync-billing","last_exported_at":null,"deleted_at":null,
                "created_at":"2023-02-27T02:44:59.447-08:00","project_path":"Folder 1","status":"working"}}"#,
        )
        .unwrap();
        assert!(!manifest.result.is_archived());
    }

    #[test]
    fn a_list_that_is_missing_is_not_an_empty_one_and_one_that_is_too_long_is_refused() {
        let many = |count| format!(r#"{{"result":{{"assets":[{}]}}}}"#, vec![r#"{"id":1}"#; count].join(","));
        assert!(serde_json::from_str::<Enveloped<Assets>>(&many(MAX_ASSETS)).is_ok());
        assert!(serde_json::from_str::<Enveloped<Assets>>(&many(MAX_ASSETS + 1)).is_err());
        let one = |id: u64| format!(r#"{{"id":{id},"zip_name":"{id}.json"}}"#);
        let all = |ids: std::ops::Range<u64>| {
            let list =
                format!(r#"{{"result":{{"assets":[{}]}}}}"#, ids.map(one).collect::<Vec<_>>().join(","));
            serde_json::from_str::<Enveloped<Assets>>(&list).unwrap().result.assets
        };
        let long = all(0..3000);
        assert_eq!(long.len(), 3000);
        let by_tens: Vec<FolderAsset> = (0..300).flat_map(|ten| all(10 * ten..10 * ten + 10)).collect();
        assert_eq!(long, by_tens, "on all cores as on one");
        let odd = many(2000).replacen(r#"{"id":1}"#, "{}", 1);
        assert!(serde_json::from_str::<Enveloped<Assets>>(&odd).is_err());
        for json in [r#"{"result":{}}"#, r#"{"result":{"assets":null}}"#, r#"{"result":{"assets":[{}]}}"#] {
            assert!(serde_json::from_str::<Enveloped<Assets>>(json).is_err(), "{json}");
        }
    }
}
