//! Tests of the served workspace, over HTTP as clients see it; here, what they share.

mod api;
mod corpus;
mod failures;

use std::io::{Cursor, Read as _};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value as Api, json};

use super::*;

/// A client against a running emulator with the order desk in it.
struct Desk {
    running: Running,
    client: Client,
}

/// An answer with its body read.
struct Got {
    status: u16,
    location: Option<String>,
    retry_after: Option<String>,
    body: Vec<u8>,
}

impl Got {
    fn json(&self) -> Api {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn start(options: Options) -> Desk {
    // The first of the tests installs it, the others find it there.
    rustls::crypto::ring::default_provider().install_default().ok();
    let seeds = vec![("Order desk".to_owned(), SeedSource::Files(order_desk()))];
    let running = serve(Options { seeds, ..options }).await.unwrap();
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    Desk { running, client }
}

async fn desk() -> Desk {
    start(Options::default()).await
}

impl Desk {
    async fn send(&self, method: Method, path: &str, body: impl Into<reqwest::Body>) -> reqwest::Result<Got> {
        let url = format!("{}{path}", self.running.url());
        let answer = self.client.request(method, url).bearer_auth("emulator").body(body).send().await?;
        read(answer).await
    }

    async fn get(&self, path: &str) -> Got {
        self.send(Method::GET, path, "").await.unwrap()
    }

    async fn post(&self, path: &str, body: &Api) -> Got {
        self.send(Method::POST, path, body.to_string()).await.unwrap()
    }

    async fn put(&self, path: &str, body: &Api) -> Got {
        self.send(Method::PUT, path, body.to_string()).await.unwrap()
    }

    async fn fault(&self, fault: Api) {
        assert_eq!(self.post("/_emulator/faults", &fault).await.status, 200, "{fault}");
    }

    fn folder(&self) -> u64 {
        self.running.world(|world| world.project("Order desk").unwrap())
    }

    /// Makes a fresh manifest and exports it; returns the package as last told.
    async fn export(&self) -> Api {
        self.export_folder(self.folder()).await
    }

    async fn export_folder(&self, folder: u64) -> Api {
        let wanted = json!({ "export_manifest": {
            "name": "desk", "folder_id": folder, "auto_generate_assets": true } });
        let manifest = self.post("/api/export_manifests", &wanted).await;
        assert_eq!(manifest.status, 201);
        let started =
            self.post(&format!("/api/packages/export/{}", manifest.json()["result"]["id"]), &Api::Null).await;
        self.finish(started.json()).await
    }

    async fn import(&self, path: &str, text: &str, query: &str) -> Got {
        let now = self.running.now();
        let zip = zipper::write(&[zipper::Entry::file(path, text.as_bytes())], now);
        self.send(Method::POST, &format!("/api/packages/import/{}{query}", self.folder()), zip).await.unwrap()
    }

    async fn finish(&self, mut package: Api) -> Api {
        for _ in 0..5 {
            if package["status"] != "in_progress" {
                break;
            }
            package = self.get(&format!("/api/packages/{}", package["id"])).await.json();
        }
        package
    }

    async fn download(&self, package: &Api) -> Got {
        let told = self.get(&format!("/api/packages/{}/download", package["id"])).await;
        assert_eq!(told.status, 302);
        read(self.client.get(told.location.unwrap()).send().await.unwrap()).await.unwrap()
    }

    fn file(&self, path: &str) -> String {
        let files = self.running.world(|world| world.files("Order desk").unwrap());
        String::from_utf8(files[path].to_vec()).unwrap()
    }

    fn recipe(&self, path: &str) -> u64 {
        self.running.world(|world| world.asset("Order desk", path).unwrap())
    }
}

async fn read(answer: reqwest::Response) -> reqwest::Result<Got> {
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (location, retry_after) = (header("location"), header("retry-after"));
    let status = answer.status().as_u16();
    Ok(Got { status, location, retry_after, body: answer.bytes().await?.to_vec() })
}

fn unzip(bytes: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut file = zip.by_index(index).unwrap();
            let mut data = Vec::new();
            file.read_to_end(&mut data).unwrap();
            (file.name().unwrap().into_owned(), data)
        })
        .collect()
}

const STATUS: &str = "order_status_api.recipe.json";
