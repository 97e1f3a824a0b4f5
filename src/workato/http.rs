//! HTTP as it is used here: no redirect is followed by itself, nothing is repeated, everything has a deadline and a
//! size. It knows nothing of the platform.
//!
//! Redirects are off in every client: the HTTP library keeps `x-user-token` when it follows one to another host, and
//! sends even `Authorization` again on the second hop.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{ClientBuilder, RequestBuilder, Response, Url, redirect, retry};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::call::Call;
use super::error::{SettingsError, WorkatoError};
use super::reply::{Reply, redirect_target};
use crate::blocking;
use crate::model::host::is_this_machine;

/// How long looking up, connecting and TLS may take.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long a request may take: the server itself gives up after 40 s.
pub(super) const REQUEST_WITHIN: Duration = Duration::from_secs(45);
/// How long sending a package and getting the answer may take: 100 MB at 3 Mbit/s.
pub(super) const IMPORT_WITHIN: Duration = Duration::from_secs(300);
/// How long a download may take, redirects included: 100 MB at 1.5 Mbit/s.
pub(super) const DOWNLOAD_WITHIN: Duration = Duration::from_secs(600);
/// How long a body may stand still before it counts as stuck.
const STALL: Duration = Duration::from_secs(30);
/// The largest error that is read, in bytes.
const MAX_ERROR: u64 = 64 << 10;
/// How many pieces of a large body wait to be put together, each of at most half a megabyte: enough to never stand still.
const PIECES_AHEAD: usize = 4;
/// How many unused connections are kept: none. A request on a connection that the server is just closing is one whose
/// outcome nobody knows, and at a request a second a new connection costs little.
const KEPT_CONNECTIONS: usize = 0;

/// The connections of the whole process; costs a tenth of a megabyte, so one is enough.
#[derive(Clone)]
pub struct Http(Arc<Clients>);

struct Clients {
    /// Made when first needed: the system's certificates take longer to read than many a look takes.
    remote: OnceLock<Result<Remote, String>>,
    /// For plain http on this machine: past any proxy, and without certificates, which a small system may lack.
    loopback: reqwest::Client,
}

/// The clients for everything that is not on this machine.
struct Remote {
    api: reqwest::Client,
    /// A client of its own for packages, so that not even a connection is shared with what knows the token.
    store: reqwest::Client,
}

impl Http {
    /// Makes the client for this machine. Where the system has no certificates, it is the only one.
    #[must_use]
    pub fn new() -> Self {
        // An error means that one is installed already, which does as well.
        rustls::crypto::ring::default_provider().install_default().ok();
        let loopback = builder()
            .no_proxy()
            .tls_certs_only([])
            .build()
            .expect("a client without proxies and certificates needs nothing from the system");
        Self(Arc::new(Clients { remote: OnceLock::new(), loopback }))
    }

    /// Returns the client for the API at an address.
    pub(super) fn api(&self, url: &Url) -> Result<reqwest::Client, SettingsError> {
        if is_plain_loopback(url) {
            return Ok(self.0.loopback.clone());
        }
        match self.remote() {
            Ok(remote) => Ok(remote.api.clone()),
            Err(reason) => Err(SettingsError::Certificates { reason: reason.clone() }),
        }
    }

    /// Makes a request for what a link leads to, by a client that knows no header of ours. Without certificates
    /// nothing but this machine can be reached, which the attempt says.
    pub(super) fn get(&self, url: &Url) -> RequestBuilder {
        let loopback = &self.0.loopback;
        if is_plain_loopback(url) {
            return loopback.get(url.clone());
        }
        self.remote().as_ref().map_or(loopback, |remote| &remote.store).get(url.clone())
    }

    fn remote(&self) -> &Result<Remote, String> {
        self.0.remote.get_or_init(|| Remote::new().map_err(|error| chain(&error)))
    }
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl Remote {
    fn new() -> reqwest::Result<Self> {
        let agent = concat!("recipesync/", env!("CARGO_PKG_VERSION"));
        Ok(Self {
            api: builder().https_only(true).user_agent(agent).build()?,
            store: builder().https_only(true).build()?,
        })
    }
}

fn builder() -> ClientBuilder {
    reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .connect_timeout(CONNECT_WITHIN)
        .pool_max_idle_per_host(KEPT_CONNECTIONS)
}

/// Sends a request and waits for the head of the answer.
pub(super) async fn send(
    call: Call,
    request: RequestBuilder,
    within: Duration,
) -> Result<Response, WorkatoError> {
    match tokio::time::timeout(within, request.send()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(failed(call, error)),
        Err(_) => Err(WorkatoError::TimedOut { call, after: within }),
    }
}

/// Leave to hold what is not small in memory.
pub(super) struct Room<'a> {
    /// How many bytes need none.
    pub(super) small: u64,
    /// Where it is given.
    pub(super) large: &'a Arc<Semaphore>,
}

/// Leave that was given; none for what is small.
pub(super) type Permit = Option<OwnedSemaphorePermit>;

/// Reads a whole answer: at most `limit` bytes where it means success, little where it does not.
pub(super) async fn reply(
    call: Call,
    response: Response,
    limit: u64,
    room: Option<&Room<'_>>,
) -> Result<(Reply, Permit), WorkatoError> {
    let target = redirect_target(&response).map(|url| shown_host(&url));
    let (status, headers) = (response.status(), response.headers().clone());
    let (body, permit) = if status.is_success() {
        read(call, response, limit, room).await?
    } else {
        // The status says what happened, whatever becomes of the words.
        read(call, response, MAX_ERROR, None).await.unwrap_or_default()
    };
    Ok((Reply { call, status, headers, body, target }, permit))
}

/// Reads a body of at most `limit` bytes; what a length header says is believed only where it is too large. Waits for
/// room before it holds more than what is small.
pub(super) async fn read(
    call: Call,
    mut response: Response,
    limit: u64,
    room: Option<&Room<'_>>,
) -> Result<(Bytes, Permit), WorkatoError> {
    let announced = response.content_length().unwrap_or_default();
    if announced > limit {
        return Err(WorkatoError::TooLarge { call, limit });
    }
    let small = room.map_or(limit, |room| room.small);
    let bytes = |number: u64| usize::try_from(number).unwrap_or_default();
    let mut body = BytesMut::with_capacity(bytes(announced.min(small)));
    let mut size = 0;
    while let Some(piece) = next(call, &mut response, &mut size, limit).await? {
        if let (Some(room), true) = (room, size > small) {
            let given = Arc::clone(room.large).acquire_owned().await;
            let permit = given.expect("the room for packages is never closed");
            // At once, since growing step by step would hold it twice; the system gives what is written to alone.
            let whole = if announced > small { announced } else { limit };
            body.reserve(bytes(whole).saturating_sub(body.len()));
            body.extend_from_slice(&piece);
            return Ok((gather(call, response, body, limit).await?, Some(permit)));
        }
        body.extend_from_slice(&piece);
    }
    Ok((body.freeze(), None))
}

/// Reads the rest of a large body. It is put together on a thread of its own: the system takes longer to give the memory
/// for it than a piece takes to come from nearby.
async fn gather(
    call: Call,
    mut response: Response,
    mut body: BytesMut,
    limit: u64,
) -> Result<Bytes, WorkatoError> {
    let mut size = body.len() as u64;
    let (pieces, mut coming) = mpsc::channel::<Bytes>(PIECES_AHEAD);
    let receive = async move {
        while let Some(piece) = next(call, &mut response, &mut size, limit).await? {
            if pieces.send(piece).await.is_err() {
                // Whoever puts them together has panicked, or goes away with the runtime: the wait for it below does not
                // come to an end with a body.
                break;
            }
        }
        Ok(())
    };
    let put_together = blocking::run(move || {
        while let Some(piece) = coming.blocking_recv() {
            body.extend_from_slice(&piece);
        }
        body.freeze()
    });
    let (received, body) = tokio::join!(receive, put_together);
    received.map(|()| body)
}

/// Returns the next piece of a body, `None` at its end, and adds to the size that has come; fails over the limit.
async fn next(
    call: Call,
    response: &mut Response,
    size: &mut u64,
    limit: u64,
) -> Result<Option<Bytes>, WorkatoError> {
    let piece = match tokio::time::timeout(STALL, response.chunk()).await {
        Ok(Ok(piece)) => piece,
        Ok(Err(error)) => return Err(failed(call, error)),
        Err(_) => return Err(WorkatoError::TimedOut { call, after: STALL }),
    };
    *size += piece.as_ref().map_or(0, |piece| piece.len() as u64);
    if *size > limit { Err(WorkatoError::TooLarge { call, limit }) } else { Ok(piece) }
}

fn failed(call: Call, error: reqwest::Error) -> WorkatoError {
    let source = error.without_url(); // it may be a signed link
    if source.is_connect() {
        WorkatoError::Connect { call, source }
    } else {
        WorkatoError::Cut { call, source }
    }
}

/// Returns whether an address is plain http on this machine.
pub(super) fn is_plain_loopback(url: &Url) -> bool {
    // The parser has written an address out in full, and that is what is connected to.
    url.scheme() == "http" && url.host_str().is_some_and(is_this_machine)
}

/// Returns an address as it may be shown: the scheme where it is not https, the host, and a port of its own.
pub(super) fn shown_host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    match url.scheme() {
        "https" => format!("{host}{port}"),
        scheme => format!("{scheme}://{host}{port}"),
    }
}

/// Returns an error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_on_this_machine_is_loopback() {
        for (url, expected) in [
            ("http://127.0.0.1:8080/x", true),
            ("http://127.9.9.9", true),
            ("http://localhost", true),
            ("http://[::1]:1", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://2130706433", true), // the same address in decimal, which the parser knows
            ("https://127.0.0.1", false),
            ("http://10.0.0.1", false),
            ("http://user@127.0.0.1@evil.example", false),
            ("http://127.0.0.1@evil.example", false),
            ("http://evil.example#@127.0.0.1", false),
            ("http://evil.example\\@127.0.0.1", false),
            ("http://0177.0.0.1", true),
            ("http://0177.0.0.1.evil.example", false),
            ("http://localhost.", false),
            ("http://[::ffff:10.0.0.1]", false),
            ("http://0.0.0.0", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("ftp://127.0.0.1", false),
        ] {
            assert_eq!(is_plain_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn a_host_is_shown_without_what_may_be_secret() {
        let shown = |url: &str| shown_host(&Url::parse(url).unwrap());
        assert_eq!(shown("https://u:p@store.example/a?sig=1#x"), "store.example");
        assert_eq!(shown("http://store.example:81/a"), "http://store.example:81");
    }
}
