//! An upstream behind http with a user and a token, as the large hosts have it: `git http-backend` behind basic
//! authentication, on loopback. It keeps what it was sent in `Authorization`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A running server; it ends with this.
pub(crate) struct SmartHttp {
    /// Where it listens, without a slash at the end.
    pub(crate) url: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

struct Shared {
    root: PathBuf,
    /// What `Authorization` has to be.
    wanted: String,
    /// The user names and tokens that came, as they came.
    came: Mutex<Vec<String>>,
    /// What everybody is refused with.
    refusal: Mutex<Option<String>>,
}

impl SmartHttp {
    /// Serves the repositories below a folder to who sends this.
    pub(crate) fn serve(root: PathBuf, wanted: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (came, refusal) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { root, wanted: wanted.to_owned(), came, refusal });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        runtime.spawn(async move {
            axum::serve(listener, router).await.ok(); // it ends with its runtime
        });
        Self { url, shared, _runtime: runtime }
    }

    /// Refuses everybody with these words, or no longer.
    pub(crate) fn refuse(&self, words: Option<&str>) {
        *self.shared.refusal.lock().unwrap() = words.map(str::to_owned);
    }

    /// Returns how many requests came with what was wanted.
    pub(crate) fn let_in(&self) -> usize {
        self.shared.came.lock().unwrap().iter().filter(|came| **came == self.shared.wanted).count()
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let text =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let came = text("authorization");
    shared.came.lock().unwrap().push(came.clone());
    let plain = |status: u16| Response::builder().status(status).header("content-type", "text/plain");
    if let Some(words) = shared.refusal.lock().unwrap().clone() {
        return plain(403).body(Body::from(words)).unwrap();
    }
    if came != shared.wanted {
        return plain(401).header("www-authenticate", "Basic realm=\"x\"").body(Body::empty()).unwrap();
    }
    #[expect(clippy::disallowed_methods, reason = "the upstream's own git")]
    let mut backend = Command::new("git");
    backend
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &shared.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("REMOTE_USER", "somebody")
        .env("REQUEST_METHOD", method.as_str())
        .env("PATH_INFO", uri.path())
        .env("QUERY_STRING", uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", text("content-type"))
        .env("HTTP_CONTENT_ENCODING", text("content-encoding"))
        .env("GIT_PROTOCOL", text("git-protocol"));
    let output = recipesync::blocking::run(move || {
        let mut child = backend.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&body).unwrap();
        child.wait_with_output().unwrap().stdout
    });
    from_cgi(&output.await)
}

/// Turns what a CGI program prints into an answer.
fn from_cgi(output: &[u8]) -> Response<Body> {
    let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let mut response = Response::builder();
    for line in std::str::from_utf8(&output[..end]).unwrap().lines() {
        let (name, value) = line.split_once(": ").unwrap();
        response = match name {
            "Status" => response.status(value[..3].parse::<u16>().unwrap()),
            name => response.header(name, value),
        };
    }
    response.body(Body::from(output[end + 4..].to_vec())).unwrap()
}
