//! The door of the API as a rule: who may call, how often, which faults strike, and which rule answers.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::answer::{Answer, Call};
use super::faults::{self, Then};
use super::routes::{Route, fits};
use super::world::World;

/// What is known of a request before its body is read.
#[derive(Debug)]
pub(super) struct Knock {
    pub(super) found: Option<(Route, u64)>,
    pub(super) query: BTreeMap<String, String>,
    /// Whether it carried the token.
    pub(super) known: bool,
}

impl World {
    /// Lets a request in with its faults, or refuses it.
    pub(super) fn admit(
        &mut self,
        knock: &Knock,
        now: DateTime<Utc>,
    ) -> Result<(Route, u64, Vec<Then>), Answer> {
        self.settle(now);
        let (route, id) = knock.found.ok_or_else(|| Answer::message(404, "API not found"))?;
        if route != Route::StoreGet {
            if !knock.known || self.settings.revoked {
                return Err(Answer::message(401, "Unauthorized"));
            }
            if self.settings.denied.iter().any(|pattern| fits(pattern, route.name())) {
                return Err(Answer::message(403, "Forbidden"));
            }
            if let Some(refused) = self.quotas.count(route.bucket(), &self.settings, now) {
                return Err(refused);
            }
        }
        if !self.faults.is_empty() {
            self.revision += 1;
        }
        Ok((route, id, faults::draw(&mut self.faults, route.name(), id)))
    }

    /// Does what a call asks for.
    pub(super) fn answer(&mut self, call: &Call, now: DateTime<Utc>) -> Answer {
        let done = match call.route {
            Route::Me => Ok(self.me(call)),
            Route::AssetsList => Ok(self.folder_assets(call)),
            Route::ManifestCreate => self.create_manifest(call, now),
            Route::ManifestUpdate => self.update_manifest(call, now),
            Route::ManifestGet => Ok(self.get_manifest(call.id)),
            Route::ManifestDelete => Ok(self.delete_manifest(call.id, now)),
            Route::ExportStart => self.start_export(call, now),
            Route::ImportStart => self.start_import(call, now),
            Route::PackageGet => Ok(self.get_package(call, now)),
            Route::Download => Ok(self.download(call, now)),
            Route::StoreGet => Ok(self.store(call, now)),
            Route::FoldersList => Ok(self.list_folders(call)),
            Route::FolderCreate => self.post_folder(call, now),
            Route::FolderGet => Ok(self.get_folder(call.id)),
            Route::FolderUpdate => self.put_folder(call, now),
            Route::FolderDelete => Ok(self.delete_folder(call)),
            Route::ProjectsList => Ok(self.list_projects(call)),
            Route::ProjectDelete => Ok(self.delete_project(call.id)),
            Route::RecipesList => self.list_recipes(call),
            Route::RecipeGet => Ok(self.get_recipe(call.id)),
            Route::RecipeUpdate => self.update_recipe(call, now),
            Route::RecipeDelete => Ok(self.delete_recipe(call.id)),
            Route::RecipeStart => Ok(self.start_recipe(call.id, now)),
            Route::RecipeStop => Ok(self.stop_recipe(call.id, now)),
            Route::RecipeVersions => Ok(self.recipe_versions(call.id)),
        };
        about_another(done.unwrap_or_else(|refused| refused), &call.faults)
    }
}

/// Returns the answer that a fault gives in place of the work, if one does.
pub(super) fn instead(faults: &[Then]) -> Option<Answer> {
    faults.iter().find_map(|then| match then {
        Then::Status { code, body, headers } => {
            let mut answer = match body {
                None => Answer::message(*code, words(*code)),
                Some(serde_json::Value::String(text)) => Answer {
                    status: *code,
                    ..Answer::bytes("text/html; charset=utf-8", Bytes::from(text.clone()))
                },
                Some(json) => Answer::json(*code, json),
            };
            answer.headers = headers.clone().into_iter().collect();
            Some(answer)
        }
        _ => None,
    })
}

/// Gives an answer another number, where a fault says so.
fn about_another(answer: Answer, faults: &[Then]) -> Answer {
    let other = faults.iter().find_map(|then| if let Then::OtherId { id } = then { Some(*id) } else { None });
    let Some(id) = other else { return answer };
    match serde_json::from_slice(&answer.body) {
        Ok(serde_json::Value::Object(mut told)) => {
            told.insert("id".to_owned(), id.into());
            Answer { headers: answer.headers, ..Answer::json(answer.status, &told.into()) }
        }
        _ => answer,
    }
}

/// Returns the platform's own words for a status.
pub(super) fn words(status: u16) -> &'static str {
    match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not found",
        429 => "Too many requests",
        500..=599 => "Internal server error",
        _ => "Validation failed",
    }
}
