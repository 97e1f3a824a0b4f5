//! A workspace that has its export ready: each request for one is answered at once with the same package. Its folder's
//! list is ready as well.
//!
//! What the real one takes for its job would drown everything else. Not here: anything but an export, and what the
//! published client asks before one.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::routing::{get, post, put};
use bytes::Bytes;
use serde_json::{Value, json};

/// A workspace on a thread of its own, until the process ends.
pub(crate) struct Workspace {
    pub(crate) address: SocketAddr,
    held: Arc<Mutex<Held>>,
}

/// What it holds, as it is asked for.
#[derive(Default)]
struct Held {
    package: Bytes,
    list: Bytes,
    /// How many exports were asked for since somebody wanted to know.
    exports: usize,
}

type Shared = State<Arc<Mutex<Held>>>;

impl Workspace {
    pub(crate) fn start() -> Result<Self> {
        let held = Arc::new(Mutex::new(Held::default()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("listen")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let routes = Router::new()
            .route("/api/users/me", get(async || axum::Json(json!({"id": 1, "name": "bench"}))))
            .route("/api/export_manifests/folder_assets", get(list))
            .route("/api/export_manifests", post(manifest))
            .route("/api/export_manifests/{manifest}", put(manifest))
            .route("/api/packages/export/{manifest}", post(export))
            .route("/api/packages/{package}", get(async || axum::Json(package())))
            .route("/api/packages/{package}/download", get(download))
            .with_state(Arc::clone(&held));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                axum::serve(listener, routes).await
            })
        });
        Ok(Self { address, held })
    }

    /// Sets what the workspace exports, and the list of so many recipes that goes with it, one of this version.
    pub(crate) fn hold(&self, package: &Bytes, recipes: usize, version: usize) {
        let asset = |number: usize| {
            json!({
                "id": number + 1, "name": format!("Recipe {number}"), "type": "recipe", "folder": "Orders",
                "version": if number == 0 { version } else { 7 }, "absolute_path": "All projects/Orders",
                "root_folder": false, "unreachable": false, "zip_name": format!("Orders/recipe_{number}.recipe.json"),
                "checked": true, "status": "added",
            })
        };
        let list: Vec<Value> = (0..recipes).map(asset).collect();
        let list = json!({ "result": { "assets": list } }).to_string().into();
        *lock(&self.held) = Held { package: package.clone(), list, exports: 0 };
    }

    /// Returns how many exports were asked for since it holds what it holds.
    pub(crate) fn exports(&self) -> usize {
        lock(&self.held).exports
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn list(State(held): Shared) -> ([(HeaderName, &'static str); 1], Bytes) {
    ([(CONTENT_TYPE, "application/json")], lock(&held).list.clone())
}

async fn manifest() -> (StatusCode, axum::Json<Value>) {
    let time = "2026-11-23T08:00:00.000-08:00";
    let made = json!({"result": {
        "id": 3, "name": "bench", "last_exported_at": null, "created_at": time, "updated_at": time,
        "deleted_at": null, "project_path": "Orders", "status": "working",
    }});
    // The published client takes no other status for success.
    (StatusCode::CREATED, axum::Json(made))
}

fn package() -> Value {
    json!({"id": 7, "operation_type": "export", "status": "completed"})
}

async fn export(State(held): Shared) -> axum::Json<Value> {
    lock(&held).exports += 1;
    axum::Json(package())
}

async fn download(State(held): Shared) -> Bytes {
    lock(&held).package.clone()
}
