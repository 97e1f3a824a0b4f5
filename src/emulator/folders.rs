//! Folders and projects, and the workspace's own card.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Api, json};

use super::answer::{Answer, Call};
use super::faults::Then;
use super::kinds::PROJECT;
use super::world::{Folder, World, WorldError, stamp};

impl World {
    /// Makes a folder; without a parent, a project.
    ///
    /// # Errors
    /// When the name is taken.
    pub fn create_folder(
        &mut self,
        name: &str,
        parent: Option<u64>,
        now: DateTime<Utc>,
    ) -> Result<u64, WorldError> {
        let above = parent.unwrap_or(self.root);
        if self.child(above, name).is_some() {
            return Err(WorldError::Taken(format!("folder {name:?}")));
        }
        let id = self.next_id();
        let project = parent.is_none().then(|| self.next_id());
        let name = name.to_owned();
        self.folders
            .insert(id, Folder { name, parent: Some(above), project, created_at: now, updated_at: now });
        Ok(id)
    }

    /// Returns the projects with the numbers of their folders.
    #[must_use]
    pub fn projects(&self) -> Vec<(String, u64)> {
        let projects = self.folders.iter().filter(|(_, folder)| folder.project.is_some());
        projects.map(|(id, folder)| (folder.name.clone(), *id)).collect()
    }

    pub(super) fn child(&self, parent: u64, name: &str) -> Option<u64> {
        let found =
            self.folders.iter().find(|(_, folder)| folder.parent == Some(parent) && folder.name == name);
        found.map(|(id, _)| *id)
    }

    /// Returns whether a folder is another one or lies in it.
    pub(super) fn is_below(&self, folder: u64, top: u64) -> bool {
        self.line(folder).any(|id| id == top)
    }

    /// Returns the folder itself and those above it.
    fn line(&self, folder: u64) -> impl Iterator<Item = u64> {
        std::iter::successors(Some(folder), |id| self.folders.get(id)?.parent)
    }

    /// Returns the path from one folder down to another, `""` for itself.
    pub(super) fn folder_path(&self, folder: u64, top: u64) -> String {
        let names = self.line(folder).take_while(|id| *id != top).filter_map(|id| self.folders.get(&id));
        let mut names: Vec<&str> = names.map(|folder| folder.name.as_str()).collect();
        names.reverse();
        names.join("/")
    }

    /// Returns the name of the project that a folder lies in.
    pub(super) fn project_of(&self, folder: u64) -> Option<&str> {
        let mut line = self.line(folder).filter_map(|id| self.folders.get(&id));
        line.find(|folder| folder.project.is_some()).map(|folder| folder.name.as_str())
    }

    pub(super) fn me(&self, call: &Call) -> Answer {
        let other = call.faults.iter().find_map(|then| match then {
            Then::OtherWorkspace { id } => Some(*id),
            _ => None,
        });
        let recipes = || self.assets.values().filter(|asset| asset.is_recipe());
        Answer::ok(&json!({
            "id": other.unwrap_or(self.id),
            "name": "Order desk workspace",
            "created_at": stamp(self.created_at),
            "plan_id": "embedded",
            "current_billing_period_start": stamp(self.created_at),
            "current_billing_period_end": stamp(self.created_at + TimeDelta::days(30)),
            "expert": false,
            "avatar_url": null,
            "recipes_count": recipes().count(),
            "interested_applications": [],
            "company_name": "Order desk",
            "location": "Nowhere",
            "last_seen": stamp(self.created_at),
            "contact_phone": null,
            "contact_email": null,
            "about_me": null,
            "email": "workspace@orders.example",
            "phone": null,
            "active_recipes_count": recipes().filter(|recipe| recipe.running).count(),
            "root_folder_id": self.root,
        }))
    }

    pub(super) fn list_folders(&self, call: &Call) -> Answer {
        let parent = call.number("parent_id").unwrap_or(self.root);
        if !self.folders.contains_key(&parent) {
            return Answer::not_found();
        }
        let children = self.folders.iter().filter(|(_, folder)| folder.parent == Some(parent));
        let page = call.page(children);
        Answer::ok(&page.into_iter().map(|(id, folder)| self.show_folder(*id, folder)).collect())
    }

    pub(super) fn get_folder(&self, id: u64) -> Answer {
        self.folders
            .get(&id)
            .map_or_else(Answer::not_found, |folder| Answer::ok(&self.show_folder(id, folder)))
    }

    pub(super) fn post_folder(&mut self, call: &Call, now: DateTime<Utc>) -> Result<Answer, Answer> {
        let body = call.json()?;
        let name = folder_name(&body)?;
        let parent = number(&body["parent_id"]);
        if parent.is_some_and(|parent| !self.folders.contains_key(&parent)) {
            return Err(Answer::not_found());
        }
        let parent = parent.filter(|parent| *parent != self.root);
        let id = self.create_folder(&name, parent, now).map_err(|_| taken())?;
        Ok(self.get_folder(id))
    }

    pub(super) fn put_folder(&mut self, call: &Call, now: DateTime<Utc>) -> Result<Answer, Answer> {
        let name = folder_name(&call.json()?)?;
        let parent = self.folders.get(&call.id).ok_or_else(Answer::not_found)?.parent;
        let Some(parent) = parent else { return Err(Answer::message(403, "Cannot rename folder")) };
        if self.child(parent, &name).is_some_and(|id| id != call.id) {
            return Err(taken());
        }
        self.revision += 1;
        let folder = self.folders.get_mut(&call.id).expect("it was just found");
        (folder.name, folder.updated_at) = (name, now);
        Ok(self.get_folder(call.id))
    }

    pub(super) fn delete_folder(&mut self, call: &Call) -> Answer {
        let Some(folder) = self.folders.get(&call.id) else { return Answer::not_found() };
        let in_use = self.below(call.id).next().is_some();
        if folder.parent.is_none() || (in_use && !call.is_set("force")) {
            return Answer::message(403, "Cannot destroy folder");
        }
        self.drop_folder(call.id);
        Answer::ok(&json!({ "success": true }))
    }

    pub(super) fn delete_project(&mut self, id: u64) -> Answer {
        let Some(folder) = self.folders.iter().find(|(_, folder)| folder.project == Some(id)) else {
            return Answer::not_found();
        };
        self.drop_folder(*folder.0);
        Answer::ok(&json!({ "success": true }))
    }

    fn drop_folder(&mut self, top: u64) {
        let gone: Vec<u64> = self.folders.keys().copied().filter(|id| self.is_below(*id, top)).collect();
        self.assets.retain(|_, asset| !gone.contains(&asset.folder));
        self.folders.retain(|id, _| !gone.contains(id));
        self.revision += 1;
    }

    pub(super) fn list_projects(&self, call: &Call) -> Answer {
        let projects = self.folders.iter().filter_map(|(id, folder)| Some((*id, folder, folder.project?)));
        let page = call.page(projects).into_iter().map(|(id, folder, project)| {
            json!({ "id": project, "description": self.describe(id), "folder_id": id, "name": folder.name })
        });
        Answer::ok(&page.collect())
    }

    fn describe(&self, folder: u64) -> String {
        let card = self.assets.values().find(|asset| asset.kind == PROJECT && asset.folder == folder);
        let text = card.and_then(|card| card.document()?.get("description")?.text().map(str::to_owned));
        text.unwrap_or_default()
    }

    fn show_folder(&self, id: u64, folder: &Folder) -> Api {
        let mut line = self.line(id).filter_map(|id| self.folders.get(&id));
        json!({
            "id": id,
            "name": folder.name,
            "parent_id": folder.parent,
            "is_project": folder.project.is_some(),
            "project_id": line.find_map(|folder| folder.project),
            "created_at": stamp(folder.created_at),
            "updated_at": stamp(folder.updated_at),
        })
    }
}

fn folder_name(body: &Api) -> Result<String, Answer> {
    let name = body["name"].as_str().map(str::trim).filter(|name| !name.is_empty() && !name.contains('/'));
    name.map(str::to_owned).ok_or_else(|| {
        Answer::json(
            400,
            &json!({ "message": "Validation failed", "errors": { "name": ["can't be blank"] } }),
        )
    })
}

fn taken() -> Answer {
    let errors = json!({ "name": ["has already been taken"] });
    Answer::json(400, &json!({ "message": "Validation failed", "errors": errors }))
}

/// Reads a number that clients also send as text.
pub(super) fn number(value: &Api) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
