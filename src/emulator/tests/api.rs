//! What the platform does when nothing goes wrong.

use super::*;

#[tokio::test]
async fn an_export_gives_the_files_as_they_are() {
    let desk = desk().await;
    let package = desk.export().await;
    assert_eq!(package["status"], "completed");
    let files = unzip(desk.download(&package).await.body);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    insta::assert_snapshot!(names.join("\n"), @r"
    Connections/
    Connections/warehouse.connection.json
    Connections/order_desk_slack.connection.json
    warehouse.custom_adapter.json
    warehouse.custom_adapter.rb
    carriers.lookup_table.json
    new_order_to_warehouse.recipe.json
    Reports/
    Reports/daily_order_report.recipe.json
    order_status_api.recipe.json
    project.json
    ");
    let seeded = order_desk();
    for (name, data) in files.iter().filter(|(name, _)| !name.ends_with('/')) {
        let source = seeded.iter().find(|(path, _)| path == name).unwrap();
        assert_eq!(&source.1, data, "{name}");
    }
}

#[tokio::test]
async fn a_job_is_in_progress_first_and_has_no_download() {
    let desk = desk().await;
    desk.put("/_emulator/settings", &json!({ "export_polls": 2 })).await;
    let wanted = json!({ "export_manifest": { "name": "d", "folder_id": desk.folder(), "auto_generate_assets": true } });
    let manifest = desk.post("/api/export_manifests", &wanted).await.json();
    let started =
        desk.post(&format!("/api/packages/export/{}", manifest["result"]["id"]), &Api::Null).await.json();
    let path = format!("/api/packages/{}", started["id"]);
    let mut words = vec![started["status"].clone()];
    assert_eq!(desk.get(&format!("{path}/download")).await.status, 404);
    for _ in 0..3 {
        words.push(desk.get(&path).await.json()["status"].clone());
    }
    assert_eq!(json!(words), json!(["in_progress", "in_progress", "in_progress", "completed"]));
}

#[tokio::test]
async fn the_store_takes_signed_links_alone_and_no_header_of_ours() {
    let desk = desk().await;
    let package = desk.export().await;
    let link = desk.get(&format!("/api/packages/{}/download", package["id"])).await.location.unwrap();
    assert!(link.starts_with(&format!("http://{}/packages/zip_files/000/00", desk.running.downloads_addr)));
    let signed_in = desk.client.get(&link).bearer_auth("emulator").send().await.unwrap();
    assert_eq!(signed_in.status(), StatusCode::BAD_REQUEST);
    let with_token = desk.client.get(&link).header("x-user-token", "t").send().await.unwrap();
    assert_eq!(with_token.status(), StatusCode::OK);
    assert_eq!(desk.running.world(|world| world.leaks()), 2);
    let forged = desk.client.get(link.replace("Signature=", "Signature=0")).send().await.unwrap();
    assert_eq!(forged.status(), StatusCode::FORBIDDEN);
    desk.put("/_emulator/settings", &json!({ "link_seconds": -1 })).await;
    let late = desk.get(&format!("/api/packages/{}/download", package["id"])).await.location.unwrap();
    assert_eq!(desk.client.get(late).send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_import_overwrites_by_path_and_deletes_nothing() {
    let desk = desk().await;
    let before = desk.running.world(|world| world.files("Order desk").unwrap());
    let text = desk.file(STATUS).replace("\"200\"", "\"202\"");
    let package = desk.finish(desk.import(STATUS, &text, "").await.json()).await;
    assert_eq!(package["status"], "completed");
    let id = desk.recipe(STATUS);
    let good = "no_update_or_updated_without_restart";
    assert_eq!(package["recipe_status"], json!([{ "id": id, "import_result": good }]));
    assert!(desk.file(STATUS).contains("\"202\""));
    assert!(desk.file(STATUS).contains("\"version\": 3"), "{}", desk.file(STATUS));
    let after = desk.running.world(|world| world.files("Order desk").unwrap());
    assert_eq!(before.len(), after.len());
    let others = |files: &std::collections::BTreeMap<String, bytes::Bytes>| {
        files.iter().filter(|(path, _)| *path != STATUS).map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>()
    };
    assert_eq!(others(&before), others(&after));
}

#[tokio::test]
async fn an_import_makes_folders_leaves_connections_and_ignores_strays() {
    let desk = desk().await;
    let new = r#"{"name":"New","version":9,"code":{"keyword":"trigger"},"config":[]}"#;
    desk.import("Deep/er/new.recipe.json", new, "").await;
    assert!(desk.file("Deep/er/new.recipe.json").contains("\"version\": 1"));
    let connection = "Connections/warehouse.connection.json";
    let before = desk.file(connection);
    desk.import(connection, "{\"name\":\"Other\"}", "").await;
    assert_eq!(desk.file(connection), before);
    desk.import("README.md", "stray", "").await;
    assert!(desk.running.world(|world| !world.files("Order desk").unwrap().contains_key("README.md")));
    let sent = desk.get("/_emulator/imports").await.json();
    assert_eq!(sent[2]["files"][0]["path"], "README.md");
    assert_eq!(
        desk.get(&format!("/_emulator/imports/{}?path=README.md", sent[2]["id"])).await.body,
        b"stray"
    );
}

#[tokio::test]
async fn a_running_recipe_is_touched_only_with_leave() {
    let desk = desk().await;
    let id = desk.recipe(STATUS);
    assert_eq!(
        desk.put(&format!("/api/recipes/{id}/start"), &Api::Null).await.json(),
        json!({ "success": true })
    );
    let text = desk.file(STATUS).replace("\"200\"", "\"202\"");
    assert_eq!(desk.import(STATUS, &text, "").await.status, 422);
    assert!(!desk.file(STATUS).contains("\"202\""));
    desk.put("/_emulator/settings", &json!({ "refuse_status": 0 })).await;
    let failed = desk.finish(desk.import(STATUS, &text, "").await.json()).await;
    assert_eq!(failed["status"], "failed");
    assert!(failed["error"].as_str().unwrap().contains("Order status (API)"));
    assert!(!desk.file(STATUS).contains("\"202\""));
    let package = desk.finish(desk.import(STATUS, &text, "?restart_recipes=true").await.json()).await;
    assert_eq!(package["recipe_status"], json!([{ "id": id, "import_result": "restarted" }]));
    assert_eq!(desk.running.world(|world| world.is_running(id)), Some(true));
    let same = desk.finish(desk.import(STATUS, &desk.file(STATUS), "").await.json()).await;
    assert_eq!(same["recipe_status"][0]["import_result"], "no_update_or_updated_without_restart");
}

#[tokio::test]
async fn one_import_at_a_time() {
    let desk = desk().await;
    desk.put("/_emulator/settings", &json!({ "import_delay_ms": 60_000 })).await;
    let text = desk.file(STATUS);
    assert_eq!(desk.import(STATUS, &text, "").await.json()["status"], "in_progress");
    let second = desk.import(STATUS, &text, "").await;
    assert_eq!((second.status, second.json()), (422, json!({ "message": "Another import is in progress" })));
    desk.put("/_emulator/settings", &json!({ "clock_offset_ms": 61_000 })).await;
    assert_eq!(desk.import(STATUS, &text, "").await.status, 200);
}

#[tokio::test]
async fn each_import_result_has_its_effect() {
    for (result, updated, running) in [
        ("stopped", true, false),
        ("restart_failed", true, false),
        ("stop_failed", false, true),
        ("not_found", false, true),
        ("brand_new_word", true, true),
    ] {
        let desk = desk().await;
        let id = desk.recipe(STATUS);
        desk.put(&format!("/api/recipes/{id}/start"), &Api::Null).await;
        let then = json!({ "import_result": { "recipe": "Order*", "result": result } });
        desk.fault(json!({ "on": "import.start", "times": 1, "then": then })).await;
        let text = desk.file(STATUS).replace("\"200\"", "\"202\"");
        let package = desk.finish(desk.import(STATUS, &text, "?restart_recipes=true").await.json()).await;
        assert_eq!(package["recipe_status"][0]["import_result"], result);
        assert_eq!(desk.file(STATUS).contains("\"202\""), updated, "{result}");
        assert_eq!(desk.running.world(|world| world.is_running(id)), Some(running), "{result}");
    }
}

#[tokio::test]
async fn a_manifest_is_frozen_until_it_is_refreshed() {
    let desk = desk().await;
    let wanted = json!({ "export_manifest": { "name": "d", "folder_id": desk.folder(), "auto_generate_assets": true } });
    let id = desk.post("/api/export_manifests", &wanted).await.json()["result"]["id"].clone();
    desk.send(Method::PUT, "/_emulator/files?project=Order%20desk&path=new.recipe.json", "{}").await.unwrap();
    let names = async || {
        let started = desk.post(&format!("/api/packages/export/{id}"), &Api::Null).await.json();
        let package = desk.finish(started).await;
        if package["status"] == "failed" {
            return package["error"].as_str().unwrap().to_owned();
        }
        unzip(desk.download(&package).await.body).into_iter().map(|(name, _)| name).collect()
    };
    assert!(!names().await.contains("new.recipe.json"));
    assert_eq!(desk.put(&format!("/api/export_manifests/{id}"), &wanted).await.status, 200);
    assert!(names().await.contains("new.recipe.json"));
    desk.send(Method::DELETE, "/_emulator/files?project=Order%20desk&path=new.recipe.json", "")
        .await
        .unwrap();
    assert_eq!(names().await, "new.recipe.json: asset not found");
    desk.put("/_emulator/settings", &json!({ "gone_asset_fails": false })).await;
    assert!(!names().await.contains("new.recipe.json"));
}

#[tokio::test]
async fn the_workspace_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(folder.path().to_owned()), settings: None, ..Options::default() };
    let desk = start(options()).await;
    let package = desk.export().await;
    let id = desk.recipe(STATUS);
    desk.put(
        &format!("/_emulator/recipes/{id}"),
        &json!({ "step": 3, "input": { "http_status_code": "203" } }),
    )
    .await;
    let held = serve(options()).await;
    assert!(matches!(held, Err(EmulatorError::Held(_))));
    desk.running.shutdown().await.unwrap();
    let desk = start(options()).await;
    assert!(desk.file(STATUS).contains("\"203\""));
    assert!(!unzip(desk.download(&package).await.body).is_empty());
    desk.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn folders_and_projects_are_made_and_listed() {
    let desk = desk().await;
    let made = desk.post("/api/folders", &json!({ "name": "Billing" })).await.json();
    assert_eq!(made["is_project"], true);
    let projects = desk.get("/api/projects?page=1&per_page=100").await.json();
    assert_eq!(
        projects[1],
        json!({ "id": made["project_id"], "description": "", "folder_id": made["id"], "name": "Billing" })
    );
    let sub = desk
        .post("/api/folders", &json!({ "name": "Sub", "parent_id": made["id"].to_string() }))
        .await
        .json();
    assert_eq!((&sub["is_project"], &sub["project_id"]), (&json!(false), &made["project_id"]));
    assert_eq!(desk.get(&format!("/api/folders?parent_id={}", made["id"])).await.json(), json!([sub]));
    assert_eq!(desk.post("/api/folders", &json!({ "name": "Billing" })).await.status, 400);
    assert_eq!(
        desk.get(&format!("/api/export_manifests/folder_assets?folder_id={}", sub["id"])).await.json(),
        json!({ "result": { "assets": [] } })
    );
}

#[tokio::test]
async fn a_folders_list_has_a_new_version_after_each_save_of_a_recipe_and_of_nothing_else() {
    let desk = desk().await;
    let list = async || {
        let url = format!("/api/export_manifests/folder_assets?folder_id={}", desk.folder());
        let mut assets = desk.get(&url).await.json()["result"]["assets"].as_array().unwrap().clone();
        let at = assets.iter().position(|asset| asset["zip_name"] == STATUS).unwrap();
        (assets.remove(at)["version"].as_u64().unwrap(), assets)
    };
    let (first, others) = list().await;
    assert!(
        others.iter().all(|asset| asset["version"].is_u64() == (asset["type"] == "recipe")),
        "{others:?}"
    );
    let id = desk.recipe(STATUS);
    desk.put(&format!("/_emulator/recipes/{id}"), &json!({ "concurrency": 3 })).await;
    assert_eq!(list().await, (first + 1, others.clone()), "saved in the editor");
    desk.put(&format!("/api/recipes/{id}"), &json!({ "recipe": { "description": "other" } })).await;
    assert_eq!(list().await, (first + 2, others.clone()), "saved by the API");
    desk.import(STATUS, &desk.file(STATUS), "").await;
    assert_eq!(list().await, (first + 3, others.clone()), "imported, were it the same");
    desk.put(&format!("/api/recipes/{id}/start"), &Api::Null).await;
    let source = "warehouse.custom_adapter.rb";
    let now = desk.running.now();
    desk.running.world(|world| world.put_file("Order desk", source, b"# other".to_vec(), now)).unwrap();
    assert_eq!(list().await, (first + 3, others), "neither a start nor another kind is a save of a recipe");
}

#[tokio::test]
async fn recipes_are_listed_newest_first_and_filtered() {
    let desk = desk().await;
    let before = desk.running.now();
    let id = desk.recipe(STATUS);
    desk.put("/_emulator/settings", &json!({ "clock_offset_ms": 5_000 })).await;
    desk.put(
        "/_emulator/recipes?project=Order%20desk&path=order_status_api.recipe.json",
        &json!({ "concurrency": 3 }),
    )
    .await;
    let ids = async |query: &str| {
        let items = desk.get(&format!("/api/recipes?{query}")).await.json()["items"].clone();
        items.as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let all = ids("running=false").await;
    assert_eq!(all.len(), 3);
    assert!(all.is_sorted_by(|a, b| a > b));
    assert_eq!(ids(&format!("folder_id={}", desk.folder())).await.len(), 2);
    assert_eq!(ids("running=true").await.len(), 0);
    let after = before.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    assert_eq!(ids(&format!("updated_after={after}")).await, [id]);
    let one = desk.get(&format!("/api/recipes/{id}")).await.json();
    assert_eq!((&one["version_no"], &one["name"]), (&json!(3), &json!("Order status (API)")));
    assert!(one["code"].as_str().unwrap().starts_with("{\"number\":0,"));
    assert!(one["config"][1]["account_id"].is_u64());
}

#[tokio::test]
async fn names_beyond_ascii_come_and_go() {
    let desk = desk().await;
    let path = "注文/über_1.recipe.json";
    assert_eq!(desk.import(path, "{}", "").await.status, 200);
    assert_eq!(desk.file(path), "{\n  \"version\": 1\n}");
    for flag in [false, true] {
        desk.put("/_emulator/settings", &json!({ "utf8_flag": flag })).await;
        let zip = desk.download(&desk.export().await).await.body;
        let at = zip.windows(path.len()).position(|bytes| bytes == path.as_bytes()).unwrap();
        // The local header is 30 bytes long, and its flags are at 6.
        assert_eq!(zip[at - 30 + 7] & 8 != 0, flag);
        assert!(unzip(zip).iter().any(|(name, _)| name == path));
    }
}

#[tokio::test]
async fn the_surface_lists_itself() {
    let desk = desk().await;
    let index = desk.get("/_emulator/").await.json();
    assert!(index["hostile"].as_array().unwrap().contains(&json!("bomb")));
    assert!(index["routes"].as_array().unwrap().contains(&json!("export.start")));
    assert!(index["then"].as_array().unwrap().contains(&json!({ "cut_body": { "after": 100 } })));
    let unknown = desk.get("/_emulator/nothing").await;
    assert_eq!(unknown.json(), json!({ "message": "GET /_emulator/ lists what there is" }));
    let typo = desk.put("/_emulator/settings", &json!({ "export_delay": 1 })).await;
    assert_eq!(typo.status, 400);
    let files = json!({ "name": "Made", "files": { "a/b.recipe.json": "{}" } });
    assert_eq!(desk.post("/_emulator/projects", &files).await.status, 200);
    assert_eq!(desk.post("/_emulator/projects", &files).await.status, 409);
    let moved =
        desk.post("/_emulator/rename?project=Made&path=a/b.recipe.json&to=c.recipe.json", &Api::Null).await;
    assert_eq!(moved.status, 200);
    let listed = desk.get("/_emulator/files?project=Made").await.json();
    assert_eq!((&listed[0]["path"], &listed[0]["size"]), (&json!("c.recipe.json"), &json!(2)));
    assert_eq!(listed.as_array().unwrap().len(), 1);
}
