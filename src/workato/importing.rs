//! The import: its places in the budget, and the one request.
//!
//! What is looked at in between, and whether it is sent at all, is the caller's business.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::budget::Slot;
use super::call::Call;
use super::client::Client;
use super::error::{ImportError, WorkatoError};
use super::job::Package;
use super::turns::{Kind, Turn};

/// How long an import that has its place waits for the one of a last look: a budget may be so small that both never
/// have one.
const LOOK_WITHIN: Duration = Duration::from_secs(10);

/// What an import may do besides importing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Whether running recipes may be stopped for the update and started again; else they keep it from happening.
    pub restart_recipes: bool,
    /// Whether the package's tags are kept.
    pub include_tags: bool,
    /// The folder that stands in for the workspace's Home folder.
    pub folder_id_for_home_assets: Option<u64>,
}

/// Places in the budget for an import: what happens between taking them and sending it is a matter of moments.
pub struct Places {
    /// For the import.
    pub import: Slot,
    /// For a last look at the folder; none where the budget has no room for both.
    pub look: Option<Slot>,
}

impl Client {
    /// Waits for the places of an import, and not longer than `patience`.
    ///
    /// # Errors
    /// `NoTurn` where they do not come in time, and when everything is to stop.
    pub async fn import_places(
        &self,
        turn: Turn<'_>,
        folder: u64,
        patience: Duration,
    ) -> Result<Places, WorkatoError> {
        let call = Call::StartImport { folder };
        let import = tokio::time::timeout(patience, self.slot(turn, call, Kind::Import)).await;
        let import = import.unwrap_or(Err(WorkatoError::NoTurn { call, after: patience }))?;
        let look = self.slot(turn, Call::FolderAssets { folder }, Kind::Request);
        let look = tokio::time::timeout(LOOK_WITHIN, look).await.ok().transpose()?;
        Ok(Places { import, look })
    }

    /// Sends a package to be imported, once.
    ///
    /// # Errors
    /// Says whether the workspace may have it all the same.
    pub async fn start_import(
        &self,
        slot: Slot,
        turn: Turn<'_>,
        folder: u64,
        zip: Bytes,
        options: &ImportOptions,
    ) -> Result<Package, ImportError> {
        let (call, kind) = (Call::StartImport { folder }, Kind::Import);
        let home =
            options.folder_id_for_home_assets.map(|home| ("folder_id_for_home_assets", home.to_string()));
        let request = self
            .request(Method::POST, &["packages", "import", &folder.to_string()])
            .query(&[("restart_recipes", options.restart_recipes), ("include_tags", options.include_tags)])
            .query(home.as_slice())
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(zip);
        let reply = self.exchange_in(slot, turn, call, kind, request).await?;
        Ok(self.package_in(&reply)?)
    }
}
