//! Round trips of whole packages, where there are some to try.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::emulator::json::Value;

/// Returns the files of a package tree beside the project, if it is there.
fn corpus(name: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus").join(name);
    folder.is_dir().then(|| SeedSource::Folder(folder).files().unwrap())
}

impl Desk {
    /// Imports files into a new project, and returns what an export of it holds.
    async fn round_trip(&self, name: &str, files: &[(String, Vec<u8>)]) -> BTreeMap<String, Vec<u8>> {
        let made = self.post("/api/folders", &json!({ "name": name })).await.json();
        let entries: Vec<_> = files.iter().map(|(path, data)| zipper::Entry::file(path, data)).collect();
        let zip = zipper::write(&entries, self.running.now());
        let path = format!("/api/packages/import/{}", made["id"]);
        let package = self.send(Method::POST, &path, zip).await.unwrap().json();
        assert_eq!(self.finish(package).await["status"], "completed");
        let package = self.export_folder(made["id"].as_u64().unwrap()).await;
        let files = unzip(self.download(&package).await.body);
        files.into_iter().filter(|(name, _)| !name.ends_with('/')).collect()
    }
}

/// Returns what an import does not change: everything but counters and what the server derives.
fn plain(bytes: &[u8]) -> Option<Value> {
    let mut json = Value::parse(bytes)?.sorted();
    expand::recipe(&mut json);
    json.remove("version");
    json.remove("version_no");
    Some(json.sorted())
}

#[tokio::test]
async fn an_import_and_an_export_give_every_file_back() {
    let desk = desk().await;
    for name in ["synthetic-all-types", "dewy-resort", "dewy-resort-resorted"] {
        let Some(files) = corpus(name) else { return };
        let back = desk.round_trip(name, &files).await;
        let names: Vec<&String> = back.keys().collect();
        let mut sent: Vec<&String> = files.iter().map(|(path, _)| path).collect();
        sent.sort();
        assert_eq!(names, sent, "{name}");
        for (path, data) in files.iter().filter(|(path, _)| !path.ends_with(".lcap_page.zip")) {
            match plain(data) {
                Some(json) => assert!(plain(&back[path]) == Some(json), "{path}"),
                None => assert!(&back[path] == data, "{path}"),
            }
        }
    }
}

#[tokio::test]
async fn a_second_export_differs_in_noise_alone() {
    let Some(files) = corpus("synthetic-all-types") else { return };
    let seeds = vec![("All types".to_owned(), SeedSource::Files(files.clone()))];
    let running = serve(Options { seeds, ..Options::default() }).await.unwrap();
    let desk = Desk { running, ..desk().await };
    let folder = desk.running.world(|world| world.project("All types").unwrap());
    let mut exports = Vec::new();
    for _ in 0..2 {
        desk.running.world(|world| world.settings.clock_offset_ms += 10_000);
        exports.push(unzip(desk.download(&desk.export_folder(folder).await).await.body));
    }
    let second: BTreeMap<_, _> = exports[1].iter().cloned().collect();
    let noisy: Vec<&str> = exports[0]
        .iter()
        .filter(|(name, data)| second[name] != *data)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(noisy, ["Pages/order_details.lcap_page.zip", "account_properties.properties.json"]);
    let listed = desk.get(&format!("/api/export_manifests/folder_assets?folder_id={folder}")).await.json();
    let listed = listed["result"]["assets"].as_array().unwrap();
    assert!(!listed.iter().any(|asset| asset["zip_name"].as_str().unwrap().contains("insights_query")));
    assert!(second.contains_key("Pages/order_details_0.insights_query.json"));
}
