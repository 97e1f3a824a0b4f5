//! The thin skin of HTTP: reads a request, asks the rules, sends the answer, and acts on faults of the transport.
//!
//! Two origins share it: the API with the surface for people, and the store that downloads are redirected to.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Call};
use super::control::Order;
use super::faults::Then;
use super::gate::{self, Knock};
use super::line::Line;
use super::packages;
use super::persist::Disk;
use super::routes::Route;
use super::seen::Seen;
use super::world::World;
use crate::blocking;

/// The most that a request may carry: a package over the platform's limit must still arrive to be refused.
const MAX_BODY: usize = 160 << 20;

/// What all requests share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) world: Mutex<World>,
    /// A hash of the token, which compares in constant time and tells nothing.
    pub(super) token: blake3::Hash,
    pub(super) disk: Option<Disk>,
    pub(super) stopping: CancellationToken,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the workspace's time.
    pub(super) fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "the emulator's one clock: its rules take the time")]
        let now = Utc::now();
        let offset = self.lock().settings.clock_offset_ms;
        now + TimeDelta::try_milliseconds(offset).unwrap_or_default()
    }

    fn knows(&self, headers: &HeaderMap, query: &BTreeMap<String, String>) -> bool {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let legacy = header("x-user-email").and(header("x-user-token"));
        let in_query = query.get("user_email").and(query.get("user_token")).map(String::as_str);
        [bearer, legacy, in_query]
            .into_iter()
            .flatten()
            .any(|token| blake3::hash(token.trim().as_bytes()) == self.token)
    }
}

/// Answers a request to the API's origin.
pub(super) async fn api(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let path = request.uri().path().to_owned();
    if path == "/_emulator" || path.starts_with("/_emulator/") {
        return control(shared, path, request).await;
    }
    let found = Route::find(request.method().as_str(), &path);
    serve(shared, line, found, request).await
}

/// Answers a request to the store's origin.
pub(super) async fn store(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let headers = request.headers();
    let signed_in = headers.contains_key(AUTHORIZATION);
    if signed_in || headers.contains_key("x-user-token") || headers.contains_key("x-user-email") {
        shared.lock().leaks += 1;
    }
    if signed_in {
        let body = "<?xml version=\"1.0\"?>\n<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>";
        let refused = Answer { status: 400, ..Answer::bytes("application/xml", body.into()) };
        return respond(&refused, Body::from(refused.body.clone()), shared.now());
    }
    let found = packages::number_in(request.uri().path()).map(|id| (Route::StoreGet, id));
    serve(shared, line, found.filter(|_| request.method() == "GET"), request).await
}

async fn control(shared: Arc<Shared>, path: String, request: Request) -> Response {
    let query = query_of(&request);
    let now = shared.now();
    let (parts, body) = request.into_parts();
    let answer = if shared.knows(&parts.headers, &query) {
        match axum::body::to_bytes(body, MAX_BODY).await {
            Err(error) => Answer::message(400, &error.to_string()),
            Ok(body) => {
                run(&shared, move |world| {
                    world.settle(now);
                    world.control(
                        &Order { method: parts.method.as_str(), path: &path, query: &query, body },
                        now,
                    )
                })
                .await
            }
        }
    } else {
        Answer::message(401, "Unauthorized")
    };
    respond(&answer, Body::from(answer.body.clone()), now)
}

async fn serve(shared: Arc<Shared>, line: Line, found: Option<(Route, u64)>, request: Request) -> Response {
    let query = query_of(&request);
    let known = shared.knows(request.headers(), &query);
    let knock = Knock { found, query, known };
    let now = shared.now();
    let (mark, admitted) = {
        let mut world = shared.lock();
        let mark = world.saw(seen(&knock, &request, now));
        (mark, world.admit(&knock, now))
    };
    let (route, id, faults) = match admitted {
        Ok(admitted) => admitted,
        Err(refused) => return finish(&shared, mark, &refused, &[], &line),
    };
    for then in &faults {
        if let Then::Delay { ms } = then {
            pause(&shared, *ms).await;
        }
    }
    if faults.contains(&Then::Cut) {
        line.cut();
    }
    let instead = gate::instead(&faults).or_else(|| faults.contains(&Then::Cut).then(Answer::not_found));
    if let Some(answer) = instead {
        return finish(&shared, mark, &answer, &faults, &line);
    }
    let body = match axum::body::to_bytes(request.into_body(), MAX_BODY).await {
        Ok(body) => body,
        Err(error) => {
            return finish(&shared, mark, &Answer::message(400, &error.to_string()), &faults, &line);
        }
    };
    let mut query = knock.query;
    query.retain(|key, _| !key.starts_with("user_"));
    let call = Call { route, id, query, body, faults: faults.clone() };
    let now = shared.now();
    let answer = run(&shared, move |world| world.answer(&call, now)).await;
    finish(&shared, mark, &answer, &faults, &line)
}

/// Runs a rule off the async threads, and saves what it changed before it is answered.
async fn run(shared: &Arc<Shared>, rule: impl FnOnce(&mut World) -> Answer + Send + 'static) -> Answer {
    let shared = Arc::clone(shared);
    blocking::run(move || {
        let answer = rule(&mut shared.lock());
        match shared.disk.as_ref().map(|disk| disk.save(&shared.world)) {
            Some(Err(error)) => Answer::message(500, &format!("{error}: {}", error.source)),
            None | Some(Ok(())) => answer,
        }
    })
    .await
}

/// Logs the answer, and sends it as the faults of the transport have it.
fn finish(
    shared: &Arc<Shared>,
    mark: DateTime<Utc>,
    answer: &Answer,
    faults: &[Then],
    line: &Line,
) -> Response {
    let now = shared.now();
    let mut answer = answer.clone();
    let mut body = Body::from(answer.body.clone());
    let mut status = Some(answer.status);
    for then in faults {
        match then {
            Then::AcceptThen { code } => {
                answer = Answer::message(*code, gate::words(*code));
                body = Body::from(answer.body.clone());
                status = Some(*code);
            }
            Then::Cut => status = None,
            Then::CutBody { after: 0 } => {
                line.cut();
                status = None;
            }
            Then::CutBody { after } => {
                body = cut_after(&answer.body, *after, line.clone());
                status = None;
            }
            Then::Slow { bytes, ms } => body = slow(Arc::clone(shared), answer.body.clone(), *bytes, *ms),
            _ => {}
        }
    }
    shared.lock().answered(mark, status, now);
    respond(&answer, body, now)
}

fn respond(answer: &Answer, body: Body, now: DateTime<Utc>) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = axum::http::StatusCode::from_u16(answer.status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(CONTENT_LENGTH, answer.body.len().into());
    headers.insert("cache-control", HeaderValue::from_static("no-cache, no-store"));
    let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let extra = std::iter::once((DATE.as_str(), date.as_str()))
        .chain(answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    for (name, value) in extra {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    response
}

fn cut_after(body: &Bytes, after: usize, line: Line) -> Body {
    let first = body.slice(..after.min(body.len()));
    Body::from_stream(futures_util::stream::unfold(Some(first), move |first| {
        let line = line.clone();
        async move {
            if let Some(first) = first {
                return Some((Ok::<_, std::io::Error>(first), None));
            }
            // What was sent goes out while nothing is ready.
            tokio::task::yield_now().await;
            line.cut();
            Some((Err(std::io::ErrorKind::ConnectionReset.into()), None))
        }
    }))
}

fn slow(shared: Arc<Shared>, body: Bytes, bytes: usize, ms: u64) -> Body {
    Body::from_stream(futures_util::stream::unfold(body, move |mut rest| {
        let shared = Arc::clone(&shared);
        async move {
            if rest.is_empty() {
                return None;
            }
            pause(&shared, ms).await;
            let piece = rest.split_to(bytes.clamp(1, rest.len()));
            Some((Ok::<_, Infallible>(piece), rest))
        }
    }))
}

/// Waits, unless the emulator stops.
async fn pause(shared: &Shared, ms: u64) {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(ms)) => {}
        () = shared.stopping.cancelled() => {}
    }
}

fn query_of(request: &Request) -> BTreeMap<String, String> {
    Query::try_from_uri(request.uri()).map(|Query(query)| query).unwrap_or_default()
}

fn seen(knock: &Knock, request: &Request, now: DateTime<Utc>) -> Seen {
    let is_open = |key: &str| !key.starts_with("user_") && !key.starts_with("X-Amz-");
    let query =
        knock.query.iter().filter(|(key, _)| is_open(key)).map(|(key, value)| format!("{key}={value}"));
    Seen {
        at: now,
        route: knock.found.map(|(route, _)| route.name()).unwrap_or_default().to_owned(),
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: query.collect::<Vec<_>>().join("&"),
        id: knock.found.map_or(0, |(_, id)| id),
        status: None,
        done: None,
    }
}
