//! The requests as they go out, imports among them.

use super::*;

/// Longer than any of them waits.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Imports into folder 17.
async fn import(
    client: &Client,
    zip: Bytes,
    options: &ImportOptions,
    patience: std::time::Duration,
) -> Result<Package, ImportError> {
    let places = client.import_places(TURN, 17, patience).await?;
    client.start_import(places.import, TURN, 17, zip, options).await
}

#[tokio::test]
async fn the_calls_are_those_of_the_documentation() {
    let manifest = r#"{"result":{"id":12,"name":"n","status":"working"}}"#;
    let server = Server::start([
        answer(
            "200 OK",
            "Date: Thu, 01 Jan 1970 00:01:40 GMT\r\n",
            r#"{"id":"7","name":"Acme","plan_id":1}"#,
        ),
        json(r#"{"result":{"assets":[]}}"#),
        answer("201 Created", "", manifest),
        json(manifest),
        json(manifest),
        json(r#"{"result":{"success":true}}"#),
        answer("404 Not Found", "", "{}"),
        json(r#"{"id":242,"operation_type":"export","status":"in_progress","download_url":null}"#),
        json(r#"{"id":242,"status":"completed","download_url":"null"}"#),
        json(r#"[{"id":5,"name":"Orders","parent_id":null,"is_project":true}]"#),
        json(r#"[{"id":6,"folder_id":5,"name":"Orders"}]"#),
    ])
    .await;
    let client = client(&server);
    let me = client.me(TURN).await.unwrap();
    assert_eq!((me.id, me.server_time.unwrap().timestamp()), (7, 100));
    assert_eq!(client.folder_assets(TURN, 5).await.unwrap(), []);
    assert_eq!(client.create_manifest(TURN, "sync", 5, true).await.unwrap().id, 12);
    assert_eq!(client.refresh_manifest(TURN, 12, 5, false).await.unwrap().id, 12);
    assert!(!client.manifest(TURN, 12).await.unwrap().is_archived());
    client.delete_manifest(TURN, 12).await.unwrap();
    client.delete_manifest(TURN, 12).await.unwrap();
    assert_eq!(client.start_export(TURN, 12).await.unwrap().status, JobStatus::Running);
    assert_eq!(client.package(TURN, 242).await.unwrap().status, JobStatus::Completed);
    assert_eq!(client.folders(TURN, Some(9), 1).await.unwrap()[0].id, 5);
    assert_eq!(client.projects(TURN, 2).await.unwrap()[0].folder_id, 5);

    assert!(server.asked()[7].contains("content-length: 0\r\n"), "some servers insist on it");
    let lines: Vec<_> = server
        .asked()
        .iter()
        .map(|request| {
            assert!(request.contains(&format!("authorization: bearer {TOKEN}")), "{request}");
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            format!("{} {body}", head.lines().next().unwrap().trim_end_matches(" http/1.1"))
                .trim_end()
                .to_owned()
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    get /api/users/me
    get /api/export_manifests/folder_assets?folder_id=5
    post /api/export_manifests {"export_manifest":{"auto_generate_assets":true,"folder_id":5,"include_tags":true,"name":"sync"}}
    put /api/export_manifests/12 {"export_manifest":{"auto_generate_assets":true,"folder_id":5,"include_tags":false}}
    get /api/export_manifests/12
    delete /api/export_manifests/12
    delete /api/export_manifests/12
    post /api/packages/export/12
    get /api/packages/242
    get /api/folders?page=1&per_page=100&parent_id=9
    get /api/projects?page=2&per_page=100
    "#);
}

#[tokio::test]
async fn a_package_must_be_the_one_that_was_asked_for() {
    let server = Server::start([json(r#"{"id":243,"status":"completed"}"#)]).await;
    assert!(matches!(client(&server).package(TURN, 242).await, Err(WorkatoError::NotUnderstood { .. })));
}

#[tokio::test]
async fn addresses_and_tokens_that_cannot_be_used_are_refused() {
    let refused = |url: &str, auth| match connect(url, auth) {
        Err(error) => format!("{error} ({})", error.hint()),
        Ok(_) => "accepted".to_owned(),
    };
    let token = |token: &str| Auth::Bearer(SecretString::from(token));
    insta::assert_snapshot!(
        [
            refused("http://www.workato.com/x", bearer()),
            refused("ftp://127.0.0.1", bearer()),
            refused("https://user:pass@www.workato.com", bearer()),
            refused("https://www.workato.com/?token=1", bearer()),
            refused("https://www.workato.com", token("two\nlines")),
            refused("https://www.workato.com", token(" ")),
            refused("http://127.0.0.1:1", key_pair()),
        ]
        .join("\n"),
        @r#"
        http://www.workato.com is neither https nor http on a loopback address (use https)
        ftp://127.0.0.1 is neither https nor http on a loopback address (use https)
        the address of www.workato.com has a user, a query or a fragment (`url` is the scheme and the host alone, such as https://www.workato.com)
        the address of www.workato.com has a user, a query or a fragment (`url` is the scheme and the host alone, such as https://www.workato.com)
        token is empty or has characters that no header can have (check the file or variable that the token is read from)
        token is empty or has characters that no header can have (check the file or variable that the token is read from)
        accepted
        "#
    );
}

#[tokio::test]
async fn an_import_is_sent_once_and_as_it_is() {
    let started = json(r#"{"id":251,"operation_type":"import","status":"in_progress"}"#);
    let server = Server::start([started.clone(), started]).await;
    let client = connect(&format!("{}/prefix/", server.url), bearer()).unwrap();
    let zip = Bytes::from_static(b"PK\x01 bytes");
    let options = ImportOptions::default();
    assert_eq!(import(&client, zip.clone(), &options, PATIENCE).await.unwrap().id, 251);
    let options =
        ImportOptions { restart_recipes: true, include_tags: true, folder_id_for_home_assets: Some(91) };
    import(&client, zip, &options, PATIENCE).await.unwrap();
    let asked = server.asked();
    let path = "post /prefix/api/packages/import/17?restart_recipes=";
    assert!(asked[0].starts_with(&format!("{path}false&include_tags=false http")), "{asked:?}");
    assert!(
        asked[1].starts_with(&format!("{path}true&include_tags=true&folder_id_for_home_assets=91 http")),
        "{asked:?}"
    );
    assert!(asked.iter().all(|request| request.contains("content-type: application/octet-stream")));
    assert!(asked.iter().all(|request| request.ends_with("\r\n\r\nPK\u{1} bytes")));
}

#[tokio::test]
async fn no_request_goes_out_on_a_connection_that_the_server_may_be_closing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = connect(&format!("http://{}", listener.local_addr().unwrap()), bearer()).unwrap();
    let body = r#"{"result":{"assets":[]}}"#;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            let kept_alive = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(kept_alive.as_bytes()).await.unwrap();
            stream
        };
        let (stream, assets) = tokio::join!(serve, client.folder_assets(TURN, 5));
        assert_eq!(assets.unwrap(), []);
        kept.push(stream);
    }
}

#[tokio::test]
async fn what_became_of_a_failed_import_is_told_apart() {
    let refused = answer("422 Unprocessable", "", r#"{"message":"recipes are running"}"#);
    for (bytes, expected) in [
        (refused, "refused"),
        (json(r#"{"success":false,"message":"an import is running"}"#), "refused"),
        (answer("404 Not Found", "", "Not found"), "refused"),
        (answer("429 Too Many Requests", "Retry-After: 9\r\n", ""), "not sent"),
        (answer("401 Unauthorized", "", ""), "not sent"),
        (answer("403 Forbidden", "", ""), "not sent"),
        (answer("500 Oops", "", r#"{"message":"Internal server error"}"#), "unknown"),
        (json("<html>"), "unknown"),
        (json("{}"), "unknown"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(), "unknown"),
        (String::new(), "unknown"),
    ] {
        let server = Server::start([bytes.clone()]).await;
        let zip = Bytes::from_static(b"PK");
        let error = import(&client(&server), zip, &ImportOptions::default(), PATIENCE).await.unwrap_err();
        let outcome = match &error {
            ImportError::NotSent(_) => "not sent",
            ImportError::Refused(_) => "refused",
            ImportError::Unknown(_) => "unknown",
        };
        assert_eq!(outcome, expected, "{bytes}: {error}");
        assert_eq!(server.asked().len(), 1, "it is never repeated");
    }
    let gone = Server::start([""]).await.url.clone();
    let client = connect(&gone, bearer()).unwrap();
    let error = import(&client, Bytes::new(), &ImportOptions::default(), PATIENCE).await.unwrap_err();
    assert!(matches!(error, ImportError::NotSent(WorkatoError::Connect { .. })), "{error}");
    assert!(error.error().is_passing());
}

#[tokio::test]
async fn an_import_whose_turn_does_not_come_is_not_sent() {
    let server = Server::start([json(r#"{"id":251,"status":"completed"}"#)]).await;
    let one = NonZeroU64::new(1).unwrap();
    let settings = Settings {
        url: Url::parse(&server.url).unwrap(),
        auth: bearer(),
        budget: Arc::new(Budget::new(NonZeroU64::new(1000).unwrap(), one, None)),
    };
    let client = Client::new(settings, &Http::new()).unwrap();
    let options = ImportOptions::default();
    import(&client, Bytes::new(), &options, PATIENCE).await.unwrap();
    let patience = std::time::Duration::from_millis(1);
    let error = import(&client, Bytes::new(), &options, patience).await.unwrap_err();
    assert!(matches!(error, ImportError::NotSent(WorkatoError::NoTurn { .. })), "{error:?}");
    assert_eq!(server.asked().len(), 1);
}
