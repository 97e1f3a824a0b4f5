//! The download of a package: one request to the API, then up to three redirects followed by hand.
//!
//! What the API redirects to is asked with a client that has no header of ours, whatever host it is. The bytes are
//! not looked at here.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Method, Response, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::budget::wall_clock;
use super::call::Call;
use super::client::Client;
use super::error::WorkatoError;
use super::http::{self, DOWNLOAD_WITHIN, Permit, REQUEST_WITHIN, Room};
use super::reply::{redirect_target, retry_after};
use super::turns::{Kind, Turn};

/// The largest package that is taken, in bytes: the platform itself imports none of more than 100 MB.
const MAX_PACKAGE: u64 = 100_000_000;
/// The largest package that needs no leave to be held in memory, in bytes: more than most projects have.
const SMALL_PACKAGE: u64 = 4 << 20;
/// How many redirects are followed.
const MAX_HOPS: u32 = 3;

/// A package in memory.
#[derive(Debug)]
pub struct Download {
    /// The zip.
    pub zip: Bytes,
    /// For one that is not small, leave to hold it in memory; to be dropped with it.
    pub room: Option<OwnedSemaphorePermit>,
}

impl Client {
    /// Downloads an exported package, of at most 100 MB. The link to it is asked for anew each time, since it
    /// expires. Past the first 4 MiB it waits for a permit of `large`, however long that takes, so that memory is
    /// bounded and no small package waits for a large one.
    ///
    /// # Errors
    /// As every call, and `LinkExpired`, `Insecure` and `TooLarge`: [`WorkatoError`].
    pub async fn download(
        &self,
        turn: Turn<'_>,
        package: u64,
        large: &Arc<Semaphore>,
    ) -> Result<Download, WorkatoError> {
        let call = Call::Download { package };
        let path = ["packages", &package.to_string(), "download"];
        let request = self.request(Method::GET, &path).header(ACCEPT, HeaderValue::from_static("*/*"));
        let room = Room { small: SMALL_PACKAGE, large };
        let slot = self.slot(turn, call, Kind::Request).await?;
        let fetch = async {
            let response = http::send(call, request, REQUEST_WITHIN).await?;
            drop(slot);
            match redirect_target(&response) {
                Some(target) => self.follow(turn, call, target, &room).await,
                None => self.direct(call, response, &room).await,
            }
        };
        let result = tokio::time::timeout(DOWNLOAD_WITHIN, fetch).await;
        let result = result.unwrap_or(Err(WorkatoError::TimedOut { call, after: DOWNLOAD_WITHIN }));
        tracing::debug!(project = turn.project, ok = result.is_ok(), "{call}");
        result.map(|(zip, room)| Download { zip, room })
    }

    /// Takes what the API itself answers with: the package, or what is wrong with it.
    async fn direct(
        &self,
        call: Call,
        response: Response,
        room: &Room<'_>,
    ) -> Result<(Bytes, Permit), WorkatoError> {
        let (reply, permit) = http::reply(call, response, MAX_PACKAGE, Some(room)).await?;
        let reply = self.judge(Kind::Request, reply)?;
        if reply.is_page() {
            return Err(reply.not_understood(|text| self.clean(text)));
        }
        Ok((reply.body, permit))
    }

    async fn follow(
        &self,
        turn: Turn<'_>,
        call: Call,
        mut target: Url,
        room: &Room<'_>,
    ) -> Result<(Bytes, Permit), WorkatoError> {
        for _ in 0..MAX_HOPS {
            if !may_follow(&self.0.url, &target) {
                return Err(WorkatoError::Insecure { call, host: http::shown_host(&target) });
            }
            let slot = if target.origin() == self.0.url.origin() {
                Some(self.slot(turn, call, Kind::Request).await?) // the workspace counts this one too
            } else {
                None
            };
            let response = http::send(call, self.0.http.get(&target), REQUEST_WITHIN).await?;
            drop(slot);
            match redirect_target(&response) {
                Some(next) => target = next,
                None => return stored(call, response, room).await,
            }
        }
        Err(WorkatoError::Redirected { call, host: http::shown_host(&target) })
    }
}

/// Allows https, and plain http on this machine to a workspace that is itself there.
pub(super) fn may_follow(workspace: &Url, target: &Url) -> bool {
    target.scheme() == "https" || (http::is_plain_loopback(target) && http::is_plain_loopback(workspace))
}

/// Takes what a store answers with. Its words are not shown: they are about the signature of the link.
async fn stored(call: Call, response: Response, room: &Room<'_>) -> Result<(Bytes, Permit), WorkatoError> {
    let status = response.status().as_u16();
    match status {
        200 => http::read(call, response, MAX_PACKAGE, Some(room)).await,
        429 => {
            let retry_after = retry_after(response.headers(), wall_clock());
            Err(WorkatoError::RateLimited { call, retry_after })
        }
        408 | 500..=599 => {
            let retry_after = retry_after(response.headers(), wall_clock());
            Err(WorkatoError::Server { call, status, reason: String::new(), retry_after })
        }
        400..=499 => Err(WorkatoError::LinkExpired { call, status }),
        _ => Err(WorkatoError::NotUnderstood { call, status, excerpt: String::new() }),
    }
}
