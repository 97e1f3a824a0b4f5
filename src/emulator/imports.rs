//! What an import does: creates and overwrites by path, never deletes, leaves connections alone, and tells results.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Api, json};

use super::answer::{Answer, Call};
use super::blob::Blob;
use super::expand;
use super::faults::Then;
use super::json::Value;
use super::kinds::Name;
use super::packages::{Odd, Package, delay, failure};
use super::routes::fits;
use super::world::World;
use crate::model::path::PackagePath;

/// The largest package that the platform takes, zipped.
const MAX_ZIP: usize = 100_000_000;
/// The most that is unpacked, so that a hostile import does not take the emulator down.
const MAX_UNPACKED: u64 = 1 << 30;

/// What was asked of an import, and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Import {
    /// The target folder.
    pub folder_id: u64,
    /// The target folder's project.
    pub project: String,
    /// Query parameters as they came.
    pub params: BTreeMap<String, String>,
    /// The zip's files, in its order.
    pub files: Vec<Sent>,
    /// When it took effect; `None` while it runs or where it failed.
    pub applied_at: Option<DateTime<Utc>>,
    /// Paths that were created or overwritten.
    pub changed: Vec<String>,
    /// What is told of each recipe.
    pub results: Vec<Told>,
    faults: Vec<Then>,
    settled: bool,
}

/// A file of an imported zip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its path in the zip.
    pub path: String,
    /// Bytes, unpacked.
    pub size: usize,
    /// BLAKE3 of the content, in hexadecimal.
    pub hash: String,
}

/// The result of one recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The recipe's number.
    pub id: u64,
    /// Its name, which the platform does not tell.
    pub name: String,
    /// The word.
    pub result: String,
}

impl Import {
    /// Returns the results as the platform tells them.
    pub(super) fn told(&self) -> Vec<Api> {
        let count = self.faults.iter().find_map(|then| match then {
            Then::SomeResults { count } => Some(*count),
            _ => None,
        });
        let offset = if self.faults.contains(&Then::WrongIds) { 900_000 } else { 0 };
        let told = self.results.iter().take(count.unwrap_or(usize::MAX));
        told.map(|told| json!({ "id": told.id + offset, "import_result": told.result })).collect()
    }
}

impl World {
    /// Returns the imports so far with their package numbers, oldest first.
    pub fn imports(&self) -> impl DoubleEndedIterator<Item = (u64, &Import)> {
        self.packages.iter().filter_map(|(id, package)| Some((*id, package.import.as_ref()?)))
    }

    pub(super) fn start_import(&mut self, call: &Call, now: DateTime<Utc>) -> Result<Answer, Answer> {
        if !self.folders.contains_key(&call.id) {
            return Err(Answer::not_found());
        }
        if call.body.len() > MAX_ZIP {
            return Err(Answer::message(self.settings.too_large_status, "Package is larger than 100 MB"));
        }
        let files = unzip(&call.body).map_err(|error| Answer::json(400, &json!({ "error": error })))?;
        let refused = self.refusal(call, &files, now);
        let status = self.settings.refuse_status;
        if let Some(reason) = &refused
            && status != 0
        {
            return Err(Answer::json(status, &json!({ "message": reason })));
        }
        let sent = |(path, bytes): &(String, Bytes)| {
            let hash = blake3::hash(bytes).to_hex().to_string();
            Sent { path: path.clone(), size: bytes.len(), hash }
        };
        let import = Import {
            folder_id: call.id,
            project: self.project_of(call.id).unwrap_or("Home").to_owned(),
            params: call.query.clone(),
            files: files.iter().map(sent).collect(),
            applied_at: None,
            changed: Vec::new(),
            results: Vec::new(),
            faults: call.faults.clone(),
            settled: false,
        };
        let id = self.next_id();
        let package = Package {
            manifest: None,
            name: format!("import_{id}.zip"),
            created_at: now,
            ready_at: now + delay(self.settings.import_delay_ms),
            polls: self.settings.import_polls,
            error: failure(&call.faults).or(refused),
            zip: Some(Blob::new(call.body.clone())),
            import: Some(import),
            odd: Odd::new(&call.faults),
        };
        self.keep(id, package, now);
        self.settle(now);
        let mut shown = self.show_package(id, &self.packages[&id], now);
        // Only the job itself tells of the recipes, even where it is over at once.
        if let Some(fields) = shown.as_object_mut() {
            fields.remove("recipe_status");
        }
        Ok(Answer::ok(&shown))
    }

    /// Lets the imports take effect whose time has come.
    pub(super) fn settle(&mut self, now: DateTime<Utc>) {
        let due = |package: &Package| {
            package.import.as_ref().is_some_and(|import| !import.settled) && package.is_done(now)
        };
        let ids: Vec<u64> =
            self.packages.iter().filter(|(_, package)| due(package)).map(|(id, _)| *id).collect();
        for id in ids {
            let Some(package) = self.packages.get(&id) else { continue };
            let (Some(import), zip) = (package.import.clone(), package.zip.clone()) else { continue };
            let files = zip.and_then(|zip| unzip(zip.bytes()).ok()).unwrap_or_default();
            let failed = package.error.is_some();
            let done =
                Import { settled: true, ..if failed { import } else { self.apply(import, files, now) } };
            self.packages.entry(id).and_modify(|package| package.import = Some(done));
            self.revision += 1;
        }
    }

    /// Returns why an import is refused, if it is.
    fn refusal(&self, call: &Call, files: &[(String, Bytes)], now: DateTime<Utc>) -> Option<String> {
        if self.packages.values().any(|package| package.is_open(now)) {
            return Some("Another import is in progress".to_owned());
        }
        let json =
            |(path, bytes): &(String, Bytes)| path.ends_with(".json").then(|| Value::parse(bytes)).flatten();
        let of_home = |json: &Value| json.get("root_folder") == Some(&Value::Bool(true));
        let home_given = call.query.get("folder_id_for_home_assets").is_some_and(|id| !id.is_empty());
        if self.settings.home_is_project
            && !home_given
            && files.iter().filter_map(json).any(|json| of_home(&json))
        {
            return Some("folder_id_for_home_assets is required".to_owned());
        }
        if call.is_set("restart_recipes") {
            return None;
        }
        let touched = files.iter().find_map(|(path, bytes)| {
            let asset = self.assets.get(&self.target(call.id, path)?.0)?;
            (asset.is_recipe() && asset.running && !same(asset.files.get("json"), bytes))
                .then(|| asset.name().to_owned())
        });
        touched.map(|name| format!("Recipe {name:?} is running: stop it, or set restart_recipes"))
    }

    /// Returns the asset that a file of a package is for, if it is there.
    fn target(&self, folder: u64, path: &str) -> Option<(u64, Name)> {
        let (dirs, file) = path.rsplit_once('/').map_or((None, path), |(dirs, file)| (Some(dirs), file));
        let mut parts = dirs.into_iter().flat_map(|dirs| dirs.split('/'));
        let folder = parts.try_fold(folder, |parent, part| self.child(parent, part))?;
        let name = Name::parse(file)?;
        Some((self.find(folder, &name)?, name))
    }

    fn apply(&mut self, mut import: Import, mut files: Vec<(String, Bytes)>, now: DateTime<Utc>) -> Import {
        import.applied_at = Some(now);
        // The asset's JSON comes before its other files, which need it to be there.
        files.sort_by_key(|(path, _)| !path.ends_with(".json"));
        let half = import.faults.contains(&Then::Half);
        let silent = import.faults.contains(&Then::NoEffect);
        for (at, (path, bytes)) in files.into_iter().enumerate() {
            let idle = silent || (half && at > 0);
            if let Some(told) = self.apply_file(&mut import, &path, &bytes, idle, now) {
                import.results.push(told);
            }
        }
        import
    }

    /// Applies one file, and returns what is told of it if it is a recipe's.
    fn apply_file(
        &mut self,
        import: &mut Import,
        path: &str,
        bytes: &Bytes,
        idle: bool,
        now: DateTime<Utc>,
    ) -> Option<Told> {
        let name = Name::parse(path.rsplit('/').next()?).filter(Name::is_known)?;
        let existing = self.target(import.folder_id, path).map(|(id, _)| id);
        if name.ext != "json" && existing.is_none() {
            return None;
        }
        let is_recipe = name.kind == "recipe" && name.ext == "json";
        let title = Value::parse(bytes).and_then(|json| json.get("name")?.text().map(str::to_owned));
        let title = title.unwrap_or_else(|| name.stem.clone());
        let restarts = existing
            .and_then(|id| self.assets.get(&id))
            .is_some_and(|asset| asset.running && !same(asset.files.get("json"), bytes));
        let result = if is_recipe { self.result(import, &title, restarts) } else { String::new() };
        let untouched = matches!(name.kind.as_str(), "connection" | "properties") && existing.is_some();
        let refused = matches!(result.as_str(), "stop_failed" | "not_found");
        let id = if idle || untouched || refused {
            existing
        } else {
            import.changed.push(path.to_owned());
            self.overwrite(import, path, bytes, now)
        };
        if matches!(result.as_str(), "stopped" | "restart_failed")
            && let Some(asset) = id.and_then(|id| self.assets.get_mut(&id))
        {
            (asset.running, asset.stopped_at) = (false, Some(now));
        }
        is_recipe.then(|| Told { id: id.unwrap_or(0), name: title, result })
    }

    fn result(&self, import: &Import, title: &str, restarts: bool) -> String {
        let said = import.faults.iter().find_map(|then| match then {
            Then::ImportResult { recipe, result } if fits(recipe, title) => Some(result.clone()),
            _ => None,
        });
        said.unwrap_or_else(|| {
            match (restarts, self.settings.old_spelling) {
                (true, _) => "restarted",
                (false, false) => "no_update_or_updated_without_restart",
                (false, true) => "no_update_or_update_without_restart",
            }
            .to_owned()
        })
    }

    fn overwrite(&mut self, import: &Import, path: &str, bytes: &Bytes, now: DateTime<Utc>) -> Option<u64> {
        let (folder, name) = self.place(import.folder_id, path, now).ok()?;
        let id = self.find(folder, &name).unwrap_or_else(|| self.create_asset(folder, &name, now));
        let expands = self.settings.expand;
        let asset = self.assets.get_mut(&id)?;
        match Value::parse(bytes).filter(|_| name.ext == "json") {
            Some(mut json) => {
                if asset.is_recipe() && expands {
                    expand::recipe(&mut json);
                }
                if import.faults.contains(&Then::Other) {
                    json.set("description", Value::Text("changed by the server".to_owned()), "name");
                }
                asset.save(json, now);
            }
            None => {
                asset.store(&name.ext, bytes.clone());
                asset.touch(now);
            }
        }
        Some(id)
    }
}

/// Returns whether a recipe's file says the same as what is stored, its version aside.
fn same(stored: Option<&Blob>, sent: &Bytes) -> bool {
    let plain = |bytes: &Bytes| {
        let mut json = Value::parse(bytes)?.sorted();
        json.remove("version");
        Some(json)
    };
    stored.is_some_and(|stored| {
        stored.bytes() == sent || plain(stored.bytes()).is_some_and(|json| plain(sent) == Some(json))
    })
}

/// Reads a package; the text says what is wrong with it.
pub(super) fn unzip(bytes: &Bytes) -> Result<Vec<(String, Bytes)>, String> {
    let mut zip =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("package.zip: {error}"))?;
    let mut files = Vec::new();
    let mut left = MAX_UNPACKED;
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).map_err(|error| format!("package.zip: {error}"))?;
        // Names are UTF-8, whether the entry's flag says so or not.
        let name = String::from_utf8(file.name_raw().to_vec());
        let name = name.map_err(|_| "package.zip: a name is not UTF-8".to_owned())?;
        let path = PackagePath::parse(name.strip_suffix('/').unwrap_or(&name));
        let path = path.map_err(|error| format!("{name}: {error}"))?;
        if file.is_dir() {
            continue;
        }
        let mut data = Vec::new();
        (&mut file).take(left + 1).read_to_end(&mut data).map_err(|error| format!("{path}: {error}"))?;
        left = left.checked_sub(data.len() as u64).ok_or("package.zip: too large")?;
        files.push((path.to_string(), data.into()));
    }
    Ok(files)
}
