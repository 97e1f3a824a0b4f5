//! Manifests: frozen lists of assets, refreshed only when asked to.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Api, json};

use super::answer::{Answer, Call};
use super::folders::number;
use super::kinds;
use super::stored::Asset;
use super::world::{World, stamp};

/// A manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) folder: u64,
    pub(super) include_tags: bool,
    pub(super) assets: Vec<Listed>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) exported_at: Option<DateTime<Utc>>,
    pub(super) deleted_at: Option<DateTime<Utc>>,
}

/// One asset of a manifest, under the name that its JSON file had when it was listed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) id: u64,
    pub(super) zip_name: String,
}

impl World {
    pub(super) fn folder_assets(&self, call: &Call) -> Answer {
        let top = call.number("folder_id").unwrap_or(self.root);
        if !self.folders.contains_key(&top) {
            return Answer::not_found();
        }
        let assets: Vec<Api> =
            self.inventory(top).filter_map(|(id, asset)| self.show_asset(id, asset, top)).collect();
        Answer::ok(&json!({ "result": { "assets": assets } }))
    }

    pub(super) fn create_manifest(&mut self, call: &Call, now: DateTime<Utc>) -> Result<Answer, Answer> {
        let body = call.json()?;
        let wanted = &body["export_manifest"];
        let Some(name) = wanted["name"].as_str().filter(|name| !name.trim().is_empty()) else {
            let errors = json!({ "name": ["can't be blank"] });
            return Err(Answer::json(400, &json!({ "message": "Validation failed", "errors": errors })));
        };
        let folder = number(&wanted["folder_id"]).unwrap_or(self.root);
        if !self.folders.contains_key(&folder) {
            return Err(Answer::not_found());
        }
        let assets =
            self.wanted(wanted, folder)?.ok_or_else(|| Answer::message(400, "assets are required"))?;
        let manifest = Manifest {
            name: name.to_owned(),
            folder,
            include_tags: wanted["include_tags"].as_bool().unwrap_or(false),
            assets,
            created_at: now,
            updated_at: now,
            exported_at: None,
            deleted_at: None,
        };
        let id = self.next_id();
        self.manifests.insert(id, manifest);
        let shown = self.get_manifest(id);
        Ok(Answer { status: 201, ..shown })
    }

    pub(super) fn update_manifest(&mut self, call: &Call, now: DateTime<Utc>) -> Result<Answer, Answer> {
        let body = call.json()?;
        let wanted = &body["export_manifest"];
        let found = self.manifests.get(&call.id).filter(|manifest| manifest.deleted_at.is_none());
        let folder = number(&wanted["folder_id"]).or(found.map(|manifest| manifest.folder));
        let folder = folder.filter(|id| found.is_some() && self.folders.contains_key(id));
        let folder = folder.ok_or_else(Answer::not_found)?;
        let assets = self.wanted(wanted, folder)?;
        self.revision += 1;
        let manifest = self.manifests.get_mut(&call.id).expect("it was just found");
        if let Some(assets) = assets {
            manifest.assets = assets;
        }
        if let Some(name) = wanted["name"].as_str() {
            name.clone_into(&mut manifest.name);
        }
        if let Some(tags) = wanted["include_tags"].as_bool() {
            manifest.include_tags = tags;
        }
        (manifest.folder, manifest.updated_at) = (folder, now);
        Ok(self.get_manifest(call.id))
    }

    pub(super) fn get_manifest(&self, id: u64) -> Answer {
        let Some(manifest) = self.manifests.get(&id) else { return Answer::not_found() };
        let path = self.folder_path(manifest.folder, self.root);
        Answer::ok(&json!({ "result": {
            "id": id,
            "name": manifest.name,
            "last_exported_at": manifest.exported_at.map(stamp),
            "created_at": stamp(manifest.created_at),
            "updated_at": stamp(manifest.updated_at),
            "deleted_at": manifest.deleted_at.map(stamp),
            "project_path": if path.is_empty() { "Home" } else { &path },
            "status": if manifest.deleted_at.is_some() { "archived" } else { "working" },
        }}))
    }

    pub(super) fn delete_manifest(&mut self, id: u64, now: DateTime<Utc>) -> Answer {
        let Some(manifest) = self.manifests.get_mut(&id).filter(|manifest| manifest.deleted_at.is_none())
        else {
            return Answer::not_found();
        };
        manifest.deleted_at = Some(now);
        self.revision += 1;
        Answer::ok(&json!({ "result": { "success": true } }))
    }

    /// Returns a folder's assets in the order of a package.
    pub(super) fn inventory(&self, top: u64) -> impl Iterator<Item = (u64, &Asset)> {
        let mut assets: Vec<(u64, &Asset)> = self.below(top).map(|(id, asset)| (*id, asset)).collect();
        assets.sort_by_key(|(id, asset)| (kinds::rank(&asset.kind), *id));
        assets.into_iter()
    }

    /// Returns the list that a request asks for; `None` where it says nothing about it.
    fn wanted(&self, wanted: &Api, folder: u64) -> Result<Option<Vec<Listed>>, Answer> {
        if wanted["auto_generate_assets"].as_bool() == Some(true) {
            let listed =
                |(id, asset): (u64, &Asset)| Listed { id, zip_name: self.path(asset, "json", folder) };
            return Ok(Some(self.inventory(folder).map(listed).collect()));
        }
        let Some(items) = wanted["assets"].as_array() else { return Ok(None) };
        let mut list = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let id = number(&item["id"]).filter(|id| self.assets.contains_key(id));
            let Some(id) = id else { return Err(Answer::message(400, "Asset not found")) };
            let fallback = || format!("asset_{index}.{}.json", item["type"].as_str().unwrap_or("recipe"));
            let zip_name = item["zip_name"].as_str().map_or_else(fallback, str::to_owned);
            if item["checked"].as_bool() != Some(false) {
                list.push(Listed { id, zip_name });
            }
        }
        Ok(Some(list))
    }

    fn show_asset(&self, id: u64, asset: &Asset, top: u64) -> Option<Api> {
        let mut item = json!({
            "id": id,
            "name": asset.name(),
            "type": kinds::listed_as(&asset.kind)?,
            "folder": self.folder_path(asset.folder, top),
            "absolute_path": format!("All projects/{}", self.folder_path(asset.folder, self.root)).trim_end_matches('/'),
            "root_folder": asset.folder == self.root,
            "unreachable": false,
            "zip_name": self.path(asset, "json", top),
            "checked": true,
            "status": "added",
        });
        if asset.is_recipe() {
            item["version"] = asset.version.into();
        }
        Some(item)
    }
}
