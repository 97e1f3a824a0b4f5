//! The recipes of the API: list, read, update, start, stop, versions.

use chrono::{DateTime, Utc};
use serde_json::{Value as Api, json};

use super::answer::{Answer, Call};
use super::expand;
use super::folders::number;
use super::json::Value;
use super::stored::Asset;
use super::world::{World, WorldError, stamp};

/// Who made and saved what nobody else has signed: name and mail address.
const OWNER: (&str, &str) = ("Robin Orders", "robin@orders.example");

impl World {
    /// Says who saved a recipe's latest version, and what they wrote about it.
    ///
    /// # Errors
    /// When there is no such recipe.
    pub fn sign_version(
        &mut self,
        id: u64,
        name: &str,
        email: &str,
        comment: Option<&str>,
    ) -> Result<(), WorldError> {
        let found = self.assets.get_mut(&id).filter(|asset| asset.is_recipe());
        let recipe = found.ok_or_else(|| WorldError::NotThere(format!("recipe {id}")))?;
        recipe.author = Some((name.to_owned(), email.to_owned()));
        recipe.comment = comment.map(str::to_owned);
        self.revision += 1;
        Ok(())
    }

    /// Starts a recipe.
    ///
    /// # Errors
    /// When there is no such recipe.
    pub fn start(&mut self, id: u64, now: DateTime<Utc>) -> Result<(), WorldError> {
        self.set_running(id, true, now)
    }

    /// Stops a recipe.
    ///
    /// # Errors
    /// When there is no such recipe.
    pub fn stop(&mut self, id: u64, now: DateTime<Utc>) -> Result<(), WorldError> {
        self.set_running(id, false, now)
    }

    /// Returns whether a recipe is running; `None` where there is no such recipe.
    #[must_use]
    pub fn is_running(&self, id: u64) -> Option<bool> {
        self.recipe(id).map(|recipe| recipe.running)
    }

    fn set_running(&mut self, id: u64, running: bool, now: DateTime<Utc>) -> Result<(), WorldError> {
        let bump = self.settings.run_bumps_updated_at;
        let found = self.assets.get_mut(&id).filter(|asset| asset.is_recipe());
        let recipe = found.ok_or_else(|| WorldError::NotThere(format!("recipe {id}")))?;
        if recipe.running && !running {
            recipe.stopped_at = Some(now);
        }
        recipe.running = running;
        if bump {
            recipe.updated_at = now;
        }
        self.revision += 1;
        Ok(())
    }

    pub(super) fn recipe(&self, id: u64) -> Option<&Asset> {
        self.assets.get(&id).filter(|asset| asset.is_recipe())
    }

    pub(super) fn list_recipes(&self, call: &Call) -> Result<Answer, Answer> {
        let time = |key: &str| match call.query.get(key).map(|text| text.replace(' ', "+")) {
            None => Ok(None),
            Some(text) => DateTime::parse_from_rfc3339(&text)
                .map(Some)
                .map_err(|error| Answer::message(400, &format!("{key}: {error}"))),
        };
        let (updated, stopped) = (time("updated_after")?, time("stopped_after")?);
        let (folder, below) = (call.number("folder_id"), call.number("since_id"));
        // The published client sends `running=false` when nobody asked for a filter.
        let running = call.is_set("running");
        let mut recipes: Vec<(u64, &Asset)> = self
            .assets
            .iter()
            .map(|(id, asset)| (*id, asset))
            .filter(|(id, asset)| {
                asset.is_recipe()
                    && folder.is_none_or(|folder| asset.folder == folder)
                    && below.is_none_or(|below| *id < below)
                    && (!running || asset.running)
                    && updated.is_none_or(|time| asset.updated_at > time)
                    && stopped.is_none_or(|time| asset.stopped_at.is_some_and(|at| at > time))
            })
            .collect();
        recipes.reverse();
        if call.query.get("order").is_some_and(|order| order == "activity") {
            recipes.sort_by_key(|(_, asset)| std::cmp::Reverse(asset.updated_at));
        }
        let exclude_code = call.is_set("exclude_code");
        let page = call.page(recipes.into_iter()).into_iter();
        let items: Vec<Api> = page.map(|(id, asset)| self.show_recipe(id, asset, exclude_code)).collect();
        Ok(Answer::ok(&json!({ "items": items })))
    }

    pub(super) fn get_recipe(&self, id: u64) -> Answer {
        self.recipe(id)
            .map_or_else(Answer::not_found, |asset| Answer::ok(&self.show_recipe(id, asset, false)))
    }

    pub(super) fn start_recipe(&mut self, id: u64, now: DateTime<Utc>) -> Answer {
        self.start(id, now).map_or_else(|_| Answer::not_found(), |()| Answer::ok(&json!({ "success": true })))
    }

    pub(super) fn stop_recipe(&mut self, id: u64, now: DateTime<Utc>) -> Answer {
        self.stop(id, now).map_or_else(|_| Answer::not_found(), |()| Answer::ok(&json!({ "success": true })))
    }

    pub(super) fn update_recipe(&mut self, call: &Call, now: DateTime<Utc>) -> Result<Answer, Answer> {
        let asset = self.recipe(call.id).ok_or_else(Answer::not_found)?;
        if asset.running {
            return Ok(refused("running", "can't modify running recipe"));
        }
        let body = call.json()?;
        let wanted = &body["recipe"];
        let mut recipe = asset.document().ok_or_else(|| Answer::message(422, "recipe cannot be read"))?;
        if let Some(name) = wanted["name"].as_str() {
            recipe.set("name", Value::Text(name.to_owned()), "");
        }
        if let Some(text) = wanted["code"].as_str() {
            let Some(code) = Value::parse(text.as_bytes()) else {
                return Ok(refused("code", "is not valid JSON"));
            };
            recipe.set("code", code, "concurrency");
        }
        let folder = number(&wanted["folder_id"]).unwrap_or(asset.folder);
        if !self.folders.contains_key(&folder) {
            return Err(Answer::not_found());
        }
        if self.settings.editor_reorders {
            expand::saved(&mut recipe);
        }
        self.revision += 1;
        self.assets.entry(call.id).and_modify(|asset| {
            asset.folder = folder;
            asset.save(recipe, now);
        });
        Ok(Answer::ok(&json!({ "success": true })))
    }

    pub(super) fn delete_recipe(&mut self, id: u64) -> Answer {
        match self.recipe(id).map(|recipe| recipe.running) {
            None => Answer::not_found(),
            Some(true) => refused("running", "can't delete running recipe"),
            Some(false) => {
                self.assets.remove(&id);
                self.revision += 1;
                Answer::ok(&json!({ "success": true }))
            }
        }
    }

    pub(super) fn recipe_versions(&self, id: u64) -> Answer {
        let Some(recipe) = self.recipe(id) else { return Answer::not_found() };
        let show = |(version, at): &(u64, DateTime<Utc>)| {
            json!({
                "id": id * 1000 + version,
                "version_no": version,
                "comment": recipe.comment,
                "author_name": OWNER.0,
                "author_email": OWNER.1,
                "created_at": stamp(*at),
                "updated_at": stamp(*at),
            })
        };
        Answer::ok(&json!({ "data": recipe.history.iter().rev().map(show).collect::<Vec<Api>>() }))
    }

    pub(super) fn show_recipe(&self, id: u64, asset: &Asset, exclude_code: bool) -> Api {
        let recipe = asset.document().unwrap_or(Value::Null);
        let code = recipe.get("code").filter(|_| !exclude_code).map(Value::compact).unwrap_or_default();
        let config = recipe.get("config").map_or(&[][..], Value::list);
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::text).map(str::to_owned);
        let applications: Vec<String> = config.iter().filter_map(|entry| text(entry, "provider")).collect();
        let config: Vec<Api> = config
            .iter()
            .map(|entry| {
                json!({
                    "keyword": "application",
                    "name": text(entry, "provider"),
                    "provider": text(entry, "provider"),
                    "skip_validation": entry.get("skip_validation") == Some(&Value::Bool(true)),
                    "account_id": entry.get("account_id").and_then(|account| self.connection(account)),
                })
            })
            .collect();
        let (author, email) =
            asset.author.as_ref().map_or(OWNER, |(author, email)| (author.as_str(), email.as_str()));
        json!({
            "id": id,
            "user_id": self.id,
            "name": asset.name(),
            "created_at": stamp(asset.created_at),
            "updated_at": stamp(asset.updated_at),
            "copy_count": 1,
            "trigger_application": recipe.get("code").and_then(|code| text(code, "provider")),
            "action_applications": applications,
            "applications": applications,
            "description": text(&recipe, "description").unwrap_or_default(),
            "parameters_schema": [],
            "parameters": {},
            "webhook_url": null,
            "folder_id": asset.folder,
            "running": asset.running,
            "job_succeeded_count": 0,
            "job_failed_count": 0,
            "lifetime_task_count": 0,
            "last_run_at": null,
            "stopped_at": asset.stopped_at.map(stamp),
            "version_no": asset.version,
            "stop_cause": null,
            "config": config,
            "trigger_closure": null,
            "code": code,
            "author_name": OWNER.0,
            "version_author_name": author,
            "version_author_email": email,
            "version_comment": asset.comment,
            "tags": [],
        })
    }

    /// Returns the connection that a reference names, by its display name.
    fn connection(&self, reference: &Value) -> Option<u64> {
        let name = reference.get("name")?.text()?;
        let fits = |asset: &Asset| asset.kind == "connection" && asset.name() == name;
        self.assets.iter().find(|(_, asset)| fits(asset)).map(|(id, _)| *id)
    }
}

fn refused(field: &str, text: &str) -> Answer {
    Answer::ok(&json!({ "success": false, "errors": { field: [text] } }))
}
