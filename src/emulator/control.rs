//! The second surface, under `/_emulator/`: for people and tests, who may look at and change everything.
//!
//! `GET /_emulator/` lists it. It counts against no quota and is struck by no fault.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Api, json};

use super::answer::{Answer, parse};
use super::faults::{self, Fault};
use super::hostile;
use super::imports::unzip;
use super::routes::Route;
use super::settings::Settings;
use super::world::{World, WorldError};

/// What there is, as `GET /_emulator/` tells it.
const SURFACE: [(&str, &str); 23] = [
    ("GET /_emulator/", "this list, the names of routes and hostile packages, and what faults can do"),
    ("GET /_emulator/projects", "projects with their folder numbers and files"),
    ("POST /_emulator/projects", r#"{"name": "Orders", "files": {"a.recipe.json": "text"}}: a new project"#),
    ("GET /_emulator/recipes", "recipes with project, path, version and whether they run"),
    ("GET /_emulator/recipes/ID", "one recipe's file"),
    (
        "PUT /_emulator/recipes/ID",
        r#"edit as in the editor: {"step": 4, "input": {"limit": "20"}}, {"replace": {…}}, or fields to merge"#,
    ),
    ("PUT /_emulator/recipes?project=&path=", "the same, by path"),
    ("PUT /_emulator/recipes/ID/start", "start; also ?project=&path= without ID"),
    ("PUT /_emulator/recipes/ID/stop", "stop; also ?project=&path= without ID"),
    (
        "GET /_emulator/files?project=&path=",
        "a file's bytes; without path, the list of files with sizes and hashes",
    ),
    ("PUT /_emulator/files?project=&path=", "write a file exactly as sent"),
    ("DELETE /_emulator/files?project=&path=", "delete a file; with its JSON goes the asset"),
    ("POST /_emulator/rename?project=&path=&to=", "move an asset to another path"),
    ("GET /_emulator/imports", "past imports: folder, parameters, files, results, what changed"),
    ("GET /_emulator/imports/ID?path=", "a file as it was sent; without path, the import"),
    ("GET /_emulator/requests", "requests so far; ?route= limits it"),
    ("DELETE /_emulator/requests", "forget them, and the use of quotas"),
    ("GET /_emulator/faults", "faults that are set"),
    ("PUT /_emulator/faults", "a list of faults takes the place of all"),
    (
        "POST /_emulator/faults",
        r#"one more fault: {"on": "export.*", "times": 1, "skip": 0, "id": 7, "then": …}"#,
    ),
    ("DELETE /_emulator/faults", "no faults"),
    ("GET /_emulator/settings", "the switches"),
    ("PUT /_emulator/settings", "change the switches given"),
];

/// A request to the surface.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a BTreeMap<String, String>,
    pub(super) body: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewProject {
    name: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

impl Order<'_> {
    fn query(&self, key: &str) -> Result<&str, Answer> {
        let value = self.query.get(key).map(String::as_str);
        value.ok_or_else(|| Answer::message(400, &format!("the query needs {key}")))
    }
}

impl World {
    /// Answers a request to the surface.
    pub(super) fn control(&mut self, order: &Order<'_>, now: DateTime<Utc>) -> Answer {
        let parts: Vec<&str> = order.path.trim_matches('/').split('/').skip(1).collect();
        let done = match (order.method, parts.as_slice()) {
            ("GET", []) => Ok(index()),
            ("GET", ["projects"]) => Ok(self.all_projects()),
            ("POST", ["projects"]) => self.post_project(&order.body, now),
            (method, ["recipes", rest @ ..]) => self.control_recipe(method, rest, order, now),
            (method, ["files"]) => self.control_file(method, order, now),
            ("POST", ["rename"]) => self.rename(order, now),
            ("GET", ["imports"]) => Ok(self.all_imports()),
            ("GET", ["imports", id]) => self.one_import(id, order),
            ("GET", ["requests"]) => Ok(self.all_requests(order)),
            ("DELETE", ["requests"]) => {
                self.requests.clear();
                self.quotas = Default::default();
                Ok(done())
            }
            (method, ["faults"]) => self.control_faults(method, order),
            (method, ["settings"]) => self.control_settings(method, order),
            _ => Err(Answer::message(404, "GET /_emulator/ lists what there is")),
        };
        done.unwrap_or_else(|refused| refused)
    }

    fn all_projects(&self) -> Answer {
        let projects =
            self.folders.iter().filter(|(_, folder)| folder.project.is_some()).map(|(id, folder)| {
                let files = self.files(&folder.name).unwrap_or_default();
                let files: Vec<&String> = files.keys().collect();
                json!({ "name": folder.name, "folder_id": id, "project_id": folder.project, "files": files })
            });
        Answer::ok(&projects.collect())
    }

    fn post_project(&mut self, body: &[u8], now: DateTime<Utc>) -> Result<Answer, Answer> {
        let new: NewProject = read(body)?;
        let files = new.files.into_iter().map(|(path, text)| (path, text.into_bytes()));
        let id = self.create_project(&new.name, files, now).map_err(|error| refuse(&error))?;
        Ok(Answer::ok(&json!({ "folder_id": id, "project_id": self.folders[&id].project })))
    }

    fn control_recipe(
        &mut self,
        method: &str,
        rest: &[&str],
        order: &Order<'_>,
        now: DateTime<Utc>,
    ) -> Result<Answer, Answer> {
        if (method, rest) == ("GET", &[][..]) {
            return Ok(self.all_recipes());
        }
        let (id, verb) = match rest {
            [] => (None, ""),
            [verb @ ("start" | "stop")] => (None, *verb),
            [id] => (Some(*id), ""),
            [id, verb] => (Some(*id), *verb),
            _ => return Err(Answer::not_found()),
        };
        let id = match id {
            Some(id) => id.parse().map_err(|_| Answer::not_found())?,
            None => {
                self.asset(order.query("project")?, order.query("path")?).map_err(|error| refuse(&error))?
            }
        };
        match (method, verb) {
            ("GET", "") => {
                let file = self.recipe(id).and_then(|recipe| recipe.files.get("json"));
                return file
                    .map(|file| Answer::bytes("application/json", file.bytes().clone()))
                    .ok_or_else(Answer::not_found);
            }
            ("PUT", "") => self.edit_recipe(id, &order.body, now).and_then(|()| {
                let [name, email, comment] = ["author", "email", "comment"].map(|key| order.query(key).ok());
                match name.zip(email) {
                    Some((name, email)) => self.sign_version(id, name, email, comment),
                    None => Ok(()),
                }
            }),
            ("PUT", "start") => self.start(id, now),
            ("PUT", "stop") => self.stop(id, now),
            _ => return Err(Answer::not_found()),
        }
        .map_err(|error| refuse(&error))?;
        Ok(self.recipe(id).map_or_else(Answer::not_found, |recipe| {
            Answer::ok(&json!({ "id": id, "version": recipe.version, "running": recipe.running }))
        }))
    }

    fn all_recipes(&self) -> Answer {
        let recipes = self.assets.iter().filter(|(_, asset)| asset.is_recipe()).map(|(id, asset)| {
            let project = self.project_of(asset.folder);
            let top = project.and_then(|name| self.project(name)).unwrap_or(self.root);
            json!({
                "id": id,
                "name": asset.name(),
                "project": project,
                "path": self.path(asset, "json", top),
                "folder_id": asset.folder,
                "version": asset.version,
                "running": asset.running,
                "updated_at": asset.updated_at,
            })
        });
        Answer::ok(&recipes.collect())
    }

    fn control_file(
        &mut self,
        method: &str,
        order: &Order<'_>,
        now: DateTime<Utc>,
    ) -> Result<Answer, Answer> {
        let project = order.query("project")?;
        let files = self.files(project).map_err(|error| refuse(&error))?;
        match method {
            "GET" => match order.query.get("path") {
                Some(path) => {
                    let bytes = files.get(path).cloned().ok_or_else(Answer::not_found)?;
                    Ok(Answer::bytes("application/octet-stream", bytes))
                }
                None => Ok(Answer::ok(&files.iter().map(|(path, bytes)| show_file(path, bytes)).collect())),
            },
            "PUT" => {
                let id = self.put_file(project, order.query("path")?, order.body.clone(), now);
                Ok(Answer::ok(&json!({ "id": id.map_err(|error| refuse(&error))? })))
            }
            "DELETE" => {
                self.delete_file(project, order.query("path")?).map_err(|error| refuse(&error))?;
                Ok(done())
            }
            _ => Err(Answer::not_found()),
        }
    }

    fn rename(&mut self, order: &Order<'_>, now: DateTime<Utc>) -> Result<Answer, Answer> {
        let (project, from, to) = (order.query("project")?, order.query("path")?, order.query("to")?);
        self.rename_file(project, from, to, now).map_err(|error| refuse(&error))?;
        Ok(done())
    }

    fn all_imports(&self) -> Answer {
        let show = |(id, import)| self.show_import(id, import);
        Answer::ok(&self.imports().map(show).collect())
    }

    fn show_import(&self, id: u64, import: &super::imports::Import) -> Api {
        let package = &self.packages[&id];
        json!({
            "id": id,
            "at": package.created_at,
            "error": package.error,
            "folder_id": import.folder_id,
            "project": import.project,
            "params": import.params,
            "files": import.files,
            "applied_at": import.applied_at,
            "changed": import.changed,
            "results": import.results,
        })
    }

    fn one_import(&self, id: &str, order: &Order<'_>) -> Result<Answer, Answer> {
        let id = id.parse().map_err(|_| Answer::not_found())?;
        let package = self.packages.get(&id).ok_or_else(Answer::not_found)?;
        let import = package.import.as_ref().ok_or_else(Answer::not_found)?;
        let Some(path) = order.query.get("path") else {
            return Ok(Answer::ok(&self.show_import(id, import)));
        };
        let files = package.zip.as_ref().and_then(|zip| unzip(zip.bytes()).ok()).unwrap_or_default();
        let file = files.into_iter().find(|(name, _)| name == path).ok_or_else(Answer::not_found)?;
        Ok(Answer::bytes("application/octet-stream", file.1))
    }

    fn all_requests(&self, order: &Order<'_>) -> Answer {
        let route = order.query.get("route");
        let requests: Vec<_> =
            self.requests().filter(|seen| route.is_none_or(|route| *route == seen.route)).collect();
        Answer::ok(&json!({ "requests": requests, "leaks": self.leaks }))
    }

    fn control_faults(&mut self, method: &str, order: &Order<'_>) -> Result<Answer, Answer> {
        match method {
            "GET" => {}
            "PUT" => self.faults = read(&order.body)?,
            "POST" => self.faults.push(read::<Fault>(&order.body)?),
            "DELETE" => self.faults.clear(),
            _ => return Err(Answer::not_found()),
        }
        self.revision += u64::from(method != "GET");
        Ok(Answer::ok(&json!(self.faults)))
    }

    fn control_settings(&mut self, method: &str, order: &Order<'_>) -> Result<Answer, Answer> {
        if method == "PUT" {
            let mut all = json!(self.settings);
            let Api::Object(changes) = parse(&order.body)? else {
                return Err(Answer::message(400, "settings are an object"));
            };
            for (key, value) in changes {
                all[key] = value;
            }
            let settings: Settings =
                serde_json::from_value(all).map_err(|error| Answer::message(400, &error.to_string()))?;
            self.settings = settings;
            self.revision += 1;
        } else if method != "GET" {
            return Err(Answer::not_found());
        }
        Ok(Answer::ok(&json!(self.settings)))
    }
}

fn index() -> Answer {
    let surface: Vec<Api> =
        SURFACE.iter().map(|(call, does)| json!({ "call": call, "does": does })).collect();
    let routes: Vec<&str> = Route::ALL.iter().map(|route| route.1).collect();
    let then: Vec<Api> = faults::EXAMPLES.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    let names: Vec<&str> = hostile::names().collect();
    Answer::ok(&json!({ "surface": surface, "routes": routes, "then": then, "hostile": names }))
}

fn show_file(path: &str, bytes: &[u8]) -> Api {
    json!({ "path": path, "size": bytes.len(), "hash": blake3::hash(bytes).to_hex().to_string() })
}

fn done() -> Answer {
    Answer::ok(&json!({ "success": true }))
}

fn refuse(error: &WorldError) -> Answer {
    let status = match error {
        WorldError::NotThere(_) => 404,
        WorldError::Taken(_) => 409,
        WorldError::BadName(_) | WorldError::BadShape(_) => 400,
    };
    Answer::message(status, &error.to_string())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    serde_json::from_slice(body).map_err(|error| Answer::message(400, &error.to_string()))
}
