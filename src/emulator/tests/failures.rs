//! What can be made to go wrong, and who is refused.

use super::*;

#[tokio::test]
async fn who_may_not_is_told_so() {
    let desk = desk().await;
    let url = format!("{}/api/users/me", desk.running.url());
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    assert_eq!(status(desk.client.get(&url)).await, 401);
    assert_eq!(status(desk.client.get(&url).bearer_auth("wrong")).await, 401);
    let legacy = desk.client.get(&url).header("x-user-email", "a@b").header("x-user-token", "emulator");
    assert_eq!(status(legacy).await, 200);
    assert_eq!(status(desk.client.get(format!("{}/_emulator/", desk.running.url()))).await, 401);
    desk.put("/_emulator/settings", &json!({ "denied": ["recipes.*", "me"] })).await;
    assert_eq!(desk.get("/api/users/me").await.status, 403);
    assert_eq!(desk.get("/api/recipes").await.status, 403);
    assert_eq!(desk.get("/api/projects").await.status, 200);
    assert_eq!(desk.get("/api/nothing").await.json(), json!({ "message": "API not found" }));
    let log = desk.get("/_emulator/requests").await.body;
    assert!(!String::from_utf8(log).unwrap().contains("emulator\""));
}

#[tokio::test]
async fn quotas_are_by_class_and_settable() {
    let desk = desk().await;
    desk.put("/_emulator/settings", &json!({ "recipes_per_minute": 1 })).await;
    assert_eq!(desk.get("/api/recipes").await.status, 200);
    let refused = desk.get("/api/recipes").await;
    assert_eq!(refused.status, 429);
    assert!(refused.retry_after.unwrap().parse::<u32>().unwrap() <= 60);
    assert_eq!(desk.get("/api/export_manifests/folder_assets").await.status, 200);
}

#[tokio::test]
async fn faults_of_the_transport_strike() {
    let desk = desk().await;
    desk.fault(json!({ "on": "me", "times": 1, "then": "cut" })).await;
    assert!(desk.send(Method::GET, "/api/users/me", "").await.is_err());
    let html = json!({ "status": { "code": 503, "body": "<html>", "headers": { "retry-after": "7" } } });
    desk.fault(json!({ "on": "me", "times": 1, "then": html })).await;
    let got = desk.get("/api/users/me").await;
    assert_eq!((got.status, got.body, got.retry_after.as_deref()), (503, b"<html>".to_vec(), Some("7")));
    desk.fault(json!({ "on": "me", "times": 1, "then": { "cut_body": { "after": 10 } } })).await;
    let url = format!("{}/api/users/me", desk.running.url());
    let answer = desk.client.get(url).bearer_auth("emulator").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.bytes().await.is_err());
    desk.fault(json!({ "on": "me", "times": 1, "then": { "slow": { "bytes": 100, "ms": 1 } } })).await;
    assert_eq!(desk.get("/api/users/me").await.json()["email"], "workspace@orders.example");
    desk.fault(json!({ "on": "me", "times": 1, "then": { "other_workspace": { "id": 5 } } })).await;
    assert_eq!(desk.get("/api/users/me").await.json()["id"], 5);
    assert_eq!(desk.get("/_emulator/faults").await.json(), json!([]));
}

#[tokio::test]
async fn an_import_can_be_done_and_its_answer_lost() {
    for then in [json!({ "accept_then": { "code": 500 } }), json!({ "cut_body": { "after": 0 } })] {
        let desk = desk().await;
        desk.fault(json!({ "on": "import.start", "times": 1, "then": then })).await;
        let text = desk.file(STATUS).replace("\"200\"", "\"202\"");
        let zip = zipper::write(&[zipper::Entry::file(STATUS, text.as_bytes())], desk.running.now());
        let path = format!("/api/packages/import/{}", desk.folder());
        let lost = desk.send(Method::POST, &path, zip).await;
        assert!(lost.is_err() || lost.is_ok_and(|got| got.status == 500));
        assert!(desk.file(STATUS).contains("\"202\""));
    }
}

#[tokio::test]
async fn faults_of_jobs_strike() {
    let desk = desk().await;
    for (then, want) in [
        (json!("stuck"), json!("in_progress")),
        (json!({ "fail": { "error": "disk full" } }), json!("failed")),
        (json!({ "word": { "done": "succeeded" } }), json!("succeeded")),
    ] {
        desk.fault(json!({ "on": "export.start", "times": 1, "then": then })).await;
        assert_eq!(desk.export().await["status"], want, "{then}");
    }
    desk.fault(json!({ "on": "export.start", "times": 1, "then": "vanish" })).await;
    assert_eq!(desk.export().await, json!({ "message": "Not found" }));
    desk.fault(json!({ "on": "export.start", "times": 1, "then": "empty" })).await;
    assert_eq!(unzip(desk.download(&desk.export().await).await.body), []);
    desk.fault(json!({ "on": "export.start", "times": 1, "then": "foreign" })).await;
    let files = unzip(desk.download(&desk.export().await).await.body);
    assert!(files.iter().all(|(name, _)| name == "foreign.recipe.json") && files.len() == 1);
    desk.fault(json!({ "on": "export.start", "times": 1, "then": { "other_id": { "id": 7 } } })).await;
    assert_eq!(desk.export().await["message"], "Not found", "the job that it names is another");
    desk.fault(json!({ "on": "export.start", "times": 1, "then": { "truncate": { "keep": 99 } } })).await;
    assert_eq!(desk.download(&desk.export().await).await.body.len(), 99);
    desk.fault(json!({ "on": "export.start", "times": 1, "then": { "hostile": { "name": "dotdot" } } }))
        .await;
    let files = unzip(desk.download(&desk.export().await).await.body);
    assert!(files.iter().any(|(name, _)| name.starts_with("../")));
}

#[tokio::test]
async fn faults_of_imports_strike() {
    let text = |desk: &Desk| desk.file(STATUS).replace("\"200\"", "\"202\"");
    for (then, says) in [(json!("no_effect"), false), (json!("half"), true), (json!("other"), true)] {
        let desk = desk().await;
        desk.fault(json!({ "on": "import.start", "times": 1, "then": then })).await;
        let package = desk.finish(desk.import(STATUS, &text(&desk), "").await.json()).await;
        assert_eq!(package["status"], "completed");
        assert_eq!(desk.file(STATUS).contains("\"202\""), says, "{then}");
        assert_eq!(desk.file(STATUS).contains("changed by the server"), then == "other");
    }
}

#[tokio::test]
async fn a_store_can_redirect_to_itself() {
    let desk = desk().await;
    desk.fault(json!({ "on": "store.get", "times": 1, "then": { "redirect": { "to": "again" } } })).await;
    let package = desk.export().await;
    let hop = desk.download(&package).await;
    assert_eq!(hop.status, 302);
    let got = read(desk.client.get(hop.location.unwrap()).send().await.unwrap()).await.unwrap();
    assert_eq!(got.status, 200);
}

#[tokio::test]
async fn a_download_can_come_without_a_redirect() {
    let desk = desk().await;
    let package = desk.export().await;
    desk.fault(json!({ "on": "download", "times": 1, "then": "direct" })).await;
    let got = desk.get(&format!("/api/packages/{}/download", package["id"])).await;
    assert_eq!((got.status, unzip(got.body).len()), (200, 11));
}

#[tokio::test]
async fn a_hostile_import_is_refused() {
    let desk = desk().await;
    for path in ["../evil.recipe.json", ".git/config", "/etc/passwd"] {
        let refused = desk.import(path, "{}", "").await;
        assert_eq!(refused.status, 400, "{path}");
        assert!(refused.json()["error"].as_str().unwrap().contains(path));
    }
    let path = format!("/api/packages/import/{}", desk.folder());
    assert_eq!(desk.send(Method::POST, &path, "no zip").await.unwrap().status, 400);
    assert_eq!(desk.send(Method::POST, "/api/packages/import/999", "no zip").await.unwrap().status, 404);
}

#[tokio::test]
async fn a_package_over_the_limit_is_refused() {
    let desk = desk().await;
    let path = format!("/api/packages/import/{}", desk.folder());
    let got = desk.send(Method::POST, &path, vec![0; 100_000_001]).await.unwrap();
    assert_eq!((got.status, got.json()), (413, json!({ "message": "Package is larger than 100 MB" })));
}

#[tokio::test]
async fn home_assets_need_a_folder_where_home_is_a_project() {
    let desk = desk().await;
    desk.put("/_emulator/settings", &json!({ "home_is_project": true, "old_spelling": true })).await;
    let connection = r#"{"name":"C","provider":"slack","root_folder":true}"#;
    assert_eq!(desk.import("c.connection.json", connection, "").await.status, 422);
    let query = format!("?folder_id_for_home_assets={}", desk.folder());
    assert_eq!(desk.import("c.connection.json", connection, &query).await.status, 200);
    let package = desk.finish(desk.import("r.recipe.json", r#"{"name":"R"}"#, "").await.json()).await;
    assert_eq!(package["recipe_status"][0]["import_result"], "no_update_or_update_without_restart");
}

#[test]
fn errors_say_what_to_do() {
    let error = EmulatorError::Held("/var/lib/emulator".into());
    insta::assert_snapshot!(error, @"data folder /var/lib/emulator is in use");
    insta::assert_snapshot!(error.hint().unwrap(), @"stop the other emulator, or choose another --data folder");
}
