//! The calls to one workspace.
//!
//! Each call waits for its turn in the workspace's [`Budget`], is sent once, and has a deadline. Retrying is the
//! caller's business, and for an import it never happens without looking first.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::budget::{Budget, MINUTE, Slot, Stopped, wall_clock};
use super::call::Call;
use super::error::{SettingsError, WorkatoError};
use super::http::{self, Http, IMPORT_WITHIN, REQUEST_WITHIN};
use super::job::{Package, WirePackage};
use super::redact::redact;
use super::reply::Reply;
use super::turns::{Kind, Turn};
use super::values::{
    Assets, Enveloped, Folder, FolderAsset, Identity, ListedRecipe, Manifest, Recipes, WorkspaceProject,
};

/// The largest answer that is read, in bytes: a folder of 50,000 assets has less.
const MAX_ANSWER: u64 = 16 << 20;
/// How many entries a page of a list has, the last page excepted: the most that the platform gives.
pub const PER_PAGE: usize = 100;

/// How a workspace knows who asks.
pub enum Auth {
    /// The token of an API client.
    Bearer(SecretString),
    /// The older pair: a person's e-mail address and API key.
    EmailToken {
        /// The e-mail address.
        email: String,
        /// The API key.
        token: SecretString,
    },
}

/// What a client needs to know about its workspace.
pub struct Settings {
    /// The address of the API: https, or plain http on this machine.
    pub url: Url,
    /// How to be known there.
    pub auth: Auth,
    /// The budget that all clients of the workspace share.
    pub budget: Arc<Budget>,
}

/// One workspace of the platform. A clone is the same client.
#[derive(Clone)]
pub struct Client(pub(super) Arc<Workspace>);

pub(super) struct Workspace {
    pub(super) url: Url,
    pub(super) http: Http,
    api: reqwest::Client,
    auth: HeaderMap,
    secret: SecretString,
    budget: Arc<Budget>,
}

impl Client {
    /// Makes a client; sends nothing.
    ///
    /// # Errors
    /// When the address is not one to send a token to, or the token cannot be sent.
    pub fn new(settings: Settings, http: &Http) -> Result<Self, SettingsError> {
        let url = settings.url;
        if url.scheme() != "https" && !http::is_plain_loopback(&url) {
            return Err(SettingsError::Insecure { host: http::shown_host(&url) });
        }
        let extras = [url.password(), url.query(), url.fragment()];
        if !url.username().is_empty() || extras.iter().any(Option::is_some) {
            return Err(SettingsError::NotPlain { host: http::shown_host(&url) });
        }
        let (auth, secret) = auth_headers(settings.auth)?;
        let api = http.api(&url)?;
        let budget = settings.budget;
        Ok(Self(Arc::new(Workspace { url, http: http.clone(), api, auth, secret, budget })))
    }

    /// Reads which workspace the token belongs to.
    ///
    /// # Errors
    /// As every call: [`WorkatoError`].
    pub async fn me(&self, turn: Turn<'_>) -> Result<Identity, WorkatoError> {
        let reply = self.get(turn, Call::Me, &["users", "me"], &[]).await?;
        let identity: Identity = self.parse(&reply)?;
        Ok(Identity { server_time: reply.server_time(), ..identity })
    }

    /// Lists what an export of a folder would hold; empty for an empty folder.
    ///
    /// # Errors
    /// As every call: [`WorkatoError`].
    pub async fn folder_assets(&self, turn: Turn<'_>, folder: u64) -> Result<Vec<FolderAsset>, WorkatoError> {
        let slot = self.slot(turn, Call::FolderAssets { folder }, Kind::Request).await?;
        self.folder_assets_in(slot, turn, folder).await
    }

    /// Returns whether a request would be sent at once, and nobody waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.budget.is_idle()
    }

    /// Lists what an export of a folder would hold, in a place of the budget that was waited for before.
    ///
    /// # Errors
    /// As every call: [`WorkatoError`].
    pub async fn folder_assets_in(
        &self,
        slot: Slot,
        turn: Turn<'_>,
        folder: u64,
    ) -> Result<Vec<FolderAsset>, WorkatoError> {
        let (call, kind) = (Call::FolderAssets { folder }, Kind::Request);
        let path = ["export_manifests", "folder_assets"];
        let request = self.request(Method::GET, &path).query(&[("folder_id", folder)]);
        let reply = self.exchange_in(slot, turn, call, kind, request).await?;
        Ok(self.parse::<Enveloped<Assets>>(&reply)?.result.assets)
    }

    /// Makes a manifest that holds what the folder holds now.
    ///
    /// # Errors
    /// As every call: [`WorkatoError`].
    pub async fn create_manifest(
        &self,
        turn: Turn<'_>,
        name: &str,
        folder: u64,
        include_tags: bool,
    ) -> Result<Manifest, WorkatoError> {
        let body = json!({"export_manifest": {
            "name": name, "folder_id": folder, "auto_generate_assets": true, "include_tags": include_tags,
        }});
        let request = self.request(Method::POST, &["export_manifests"]).json(&body);
        let reply = self.exchange(turn, Call::CreateManifest { folder }, Kind::Request, request).await?;
        Ok(self.parse::<Enveloped<Manifest>>(&reply)?.result)
    }

    /// Fills a manifest again with what its folder holds now: a manifest by itself does not follow its folder.
    ///
    /// # Errors
    /// As every call: [`WorkatoError`]; `NotFound` where it is gone and a new one is needed.
    pub async fn refresh_manifest(
        &self,
        turn: Turn<'_>,
        manifest: u64,
        folder: u64,
        include_tags: bool,
    ) -> Result<Manifest, WorkatoError> {
        let body = json!({"export_manifest": {
            "folder_id": folder, "auto_generate_assets": true, "include_tags": include_tags,
        }});
        let request = self.request(Method::PUT, &["export_manifests", &manifest.to_string()]).json(&body);
        let reply = self.exchange(turn, Call::RefreshManifest { manifest }, Kind::Request, request).await?;
        Ok(self.parse::<Enveloped<Manifest>>(&reply)?.result)
    }

    /// Reads a manifest, also one that was deleted.
    ///
    /// # Errors
    /// As every call: [`WorkatoError`].
    pub async fn manifest(&self, turn: Turn<'_>, manifest: u64) -> Result<Manifest, WorkatoError> {
        let path = ["export_manifests", &manifest.to_string()];
        let reply = self.get(turn, Call::Manifest { manifest }, &path, &[]).await?;
        Ok(self.parse::<Enveloped<Manifest>>(&reply)?.result)
    }

    /// Archives a manifest; one that is gone is no error.
    ///
    /// # Errors
    /// As every call: [`WorkatoError`].
    pub async fn delete_manifest(&self, turn: Turn<'_>, manifest: u64) -> Result<(), WorkatoError> {
        let request = self.request(Method::DELETE, &["export_manifests", &manifest.to_string()]);
        match self.exchange(turn, Call::DeleteManifest { manifest }, Kind::Request, request).await {
            Ok(_) | Err(WorkatoError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Starts an export. Sending it twice makes two packages, which does no harm.
    ///
    /// # Errors
    /// As every call: [`WorkatoError`].
    pub async fn start_export(&self, turn: Turn<'_>, manifest: u64) -> Result<Package, WorkatoError> {
        let request = self
            .request(Method::POST, &["packages", "export", &manifest.to_string()])
            .header(CONTENT_LENGTH, 0); // the library leaves it out, and some servers insist on it
        let reply = self.exchange(turn, Call::StartExport { manifest }, Kind::Request, request).await?;
        self.package_in(&reply)
    }

    /// Reads how an export or import is doing.
    ///
    /// # Errors
    /// As every call: [`WorkatoError`].
    pub async fn package(&self, turn: Turn<'_>, package: u64) -> Result<Package, WorkatoError> {
        let path = ["packages", &package.to_string()];
        let reply = self.get(turn, Call::Package { package }, &path, &[]).await?;
        let found = self.package_in(&reply)?;
        if found.id == package { Ok(found) } else { Err(reply.not_understood(|text| self.clean(text))) }
    }

    /// Lists the folders in a folder, or at the top; pages count from 1, and a page of less than 100 is the last.
    ///
    /// # Errors
    /// As every call: [`WorkatoError`].
    pub async fn folders(
        &self,
        turn: Turn<'_>,
        parent: Option<u64>,
        page: u32,
    ) -> Result<Vec<Folder>, WorkatoError> {
        let mut query = vec![("page", page.to_string()), ("per_page", PER_PAGE.to_string())];
        query.extend(parent.map(|parent| ("parent_id", parent.to_string())));
        let reply = self.get(turn, Call::Folders { parent }, &["folders"], &query).await?;
        self.parse(&reply)
    }

    /// Lists the projects; pages count from 1, and a page of less than 100 is the last.
    ///
    /// # Errors
    /// As every call: [`WorkatoError`].
    pub async fn projects(&self, turn: Turn<'_>, page: u32) -> Result<Vec<WorkspaceProject>, WorkatoError> {
        let query = [("page", page.to_string()), ("per_page", PER_PAGE.to_string())];
        let reply = self.get(turn, Call::Projects, &["projects"], &query).await?;
        self.parse(&reply)
    }

    /// Lists the recipes of the workspace that were changed after `since`, the latest first, without their code. Pages count from 1, and one of less than [`PER_PAGE`] is the last.
    ///
    /// # Errors
    /// As every call: [`WorkatoError`].
    pub async fn recipes(
        &self,
        turn: Turn<'_>,
        since: DateTime<Utc>,
        page: u32,
    ) -> Result<Vec<ListedRecipe>, WorkatoError> {
        let mut query = vec![("page", page.to_string()), ("per_page", PER_PAGE.to_string())];
        query.push(("exclude_code", "true".to_owned()));
        query.push(("updated_after", since.to_rfc3339_opts(SecondsFormat::Secs, true)));
        let reply = self.get(turn, Call::Recipes, &["recipes"], &query).await?;
        Ok(self.parse::<Recipes>(&reply)?.items)
    }

    /// Makes a request with the headers that say who asks.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.0.url.clone();
        url.path_segments_mut()
            .expect("http and https addresses have a path")
            .pop_if_empty()
            .push("api")
            .extend(path);
        self.0.api.request(method, url).headers(self.0.auth.clone())
    }

    /// Waits for a turn.
    pub(super) async fn slot(&self, turn: Turn<'_>, call: Call, kind: Kind) -> Result<Slot, WorkatoError> {
        self.0.budget.acquire(turn, kind).await.map_err(|Stopped| WorkatoError::Stopping { call })
    }

    /// Judges an answer. Where the quota is used up, the workspace is left alone for as long as it says; a long wait
    /// can only be about the hourly quota, and holds back imports alone. The list of recipes has a quota of its own,
    /// and nothing waits for it.
    pub(super) fn judge(&self, kind: Kind, reply: Reply) -> Result<Reply, WorkatoError> {
        let judged = reply.judge(wall_clock(), |text| self.clean(text));
        if let Err(WorkatoError::RateLimited { retry_after: Some(time), call }) = &judged
            && *call != Call::Recipes
        {
            self.0.budget.pause(if *time > MINUTE { kind } else { Kind::Request }, *time);
        }
        judged
    }

    async fn get(
        &self,
        turn: Turn<'_>,
        call: Call,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Reply, WorkatoError> {
        let request = self.request(Method::GET, path).query(query);
        self.exchange(turn, call, Kind::Request, request).await
    }

    /// Waits for a turn, sends a request and reads the answer.
    async fn exchange(
        &self,
        turn: Turn<'_>,
        call: Call,
        kind: Kind,
        request: RequestBuilder,
    ) -> Result<Reply, WorkatoError> {
        let slot = self.slot(turn, call, kind).await?;
        self.exchange_in(slot, turn, call, kind, request).await
    }

    /// Sends a request and reads the answer.
    pub(super) async fn exchange_in(
        &self,
        slot: Slot,
        turn: Turn<'_>,
        call: Call,
        kind: Kind,
        request: RequestBuilder,
    ) -> Result<Reply, WorkatoError> {
        let within: Duration = match kind {
            Kind::Request => REQUEST_WITHIN,
            Kind::Import => IMPORT_WITHIN,
        };
        let request = request.header(ACCEPT, HeaderValue::from_static("application/json"));
        let exchange = async {
            let response = http::send(call, request, within).await?;
            drop(slot);
            self.judge(kind, http::reply(call, response, MAX_ANSWER, None).await?.0)
        };
        let result = tokio::time::timeout(within, exchange).await;
        let result = result.unwrap_or(Err(WorkatoError::TimedOut { call, after: within }));
        tracing::debug!(project = turn.project, ok = result.is_ok(), "{call}");
        result
    }

    fn parse<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, WorkatoError> {
        reply.parse(|text| self.clean(text))
    }

    pub(super) fn package_in(&self, reply: &Reply) -> Result<Package, WorkatoError> {
        Ok(self.parse::<WirePackage>(reply)?.into_package(|text| self.clean(text)))
    }

    /// Makes a server's text fit to be shown.
    pub(super) fn clean(&self, text: &str) -> String {
        redact(text, &[self.0.secret.expose_secret()])
    }
}

fn auth_headers(auth: Auth) -> Result<(HeaderMap, SecretString), SettingsError> {
    let mut headers = HeaderMap::new();
    let secret = match auth {
        Auth::Bearer(token) => {
            let bearer = SecretString::from(format!("Bearer {}", token.expose_secret()));
            check_filled("token", token.expose_secret())?;
            headers.insert(AUTHORIZATION, secret_header("token", bearer.expose_secret())?);
            token
        }
        Auth::EmailToken { email, token } => {
            check_filled("token", token.expose_secret())?;
            check_filled("email", &email)?;
            headers.insert(HeaderName::from_static("x-user-email"), secret_header("email", &email)?);
            headers.insert(
                HeaderName::from_static("x-user-token"),
                secret_header("token", token.expose_secret())?,
            );
            token
        }
    };
    Ok((headers, secret))
}

fn check_filled(what: &'static str, text: &str) -> Result<(), SettingsError> {
    if text.trim().is_empty() { Err(SettingsError::Header { what }) } else { Ok(()) }
}

fn secret_header(what: &'static str, text: &str) -> Result<HeaderValue, SettingsError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| SettingsError::Header { what })?;
    value.set_sensitive(true);
    Ok(value)
}
