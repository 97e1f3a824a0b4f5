//! A workspace that has its export ready: each request for one is answered at once with the same package.
//!
//! What the real one takes for its job would drown everything else. Not here: anything but an export.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::{Value, json};

/// A workspace on a thread of its own, until the process ends.
pub(crate) struct Workspace {
    pub(crate) address: SocketAddr,
    package: Arc<Mutex<Bytes>>,
}

impl Workspace {
    pub(crate) fn start() -> Result<Self> {
        let package = Arc::new(Mutex::new(Bytes::new()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("listen")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let routes = Router::new()
            .route("/api/users/me", get(async || axum::Json(json!({"id": 1, "name": "bench"}))))
            .route("/api/packages/export/{manifest}", post(export))
            .route("/api/packages/{package}/download", get(download))
            .with_state(Arc::clone(&package));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                axum::serve(listener, routes).await
            })
        });
        Ok(Self { address, package })
    }

    /// Sets what the workspace exports.
    pub(crate) fn hold(&self, package: &Bytes) {
        *self.package.lock().unwrap_or_else(PoisonError::into_inner) = package.clone();
    }
}

async fn export() -> axum::Json<Value> {
    axum::Json(json!({"id": 7, "status": "completed"}))
}

async fn download(State(package): State<Arc<Mutex<Bytes>>>) -> Bytes {
    package.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
