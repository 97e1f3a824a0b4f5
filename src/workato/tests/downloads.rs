//! Packages: redirects, limits, and what must not reach a store.

use tokio::sync::Semaphore;

use super::*;

async fn fetch(client: &Client, package: u64) -> Result<Bytes, WorkatoError> {
    let large = Arc::new(Semaphore::new(1));
    client.download(TURN, package, &large).await.map(|download| download.zip)
}

#[tokio::test]
async fn a_large_package_waits_for_room_and_a_small_one_does_not() {
    // No piece of it is as another one.
    let large: String = (0..800_000).map(|number| format!("{number:06}\n")).collect();
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    for body in [answer("200 OK", "", &large), chunked] {
        let server = Server::start([body.clone(), answer("200 OK", "", "small"), body]).await;
        let client = client(&server);
        let room = Arc::new(Semaphore::new(1));
        let held = client.download(TURN, 1, &room).await.unwrap();
        assert!(held.zip == large && held.room.is_some());

        let small = client.download(TURN, 2, &room).await.unwrap();
        assert!(small.zip == "small" && small.room.is_none());

        let mut waiting = Box::pin(client.download(TURN, 3, &room));
        let first = futures_util::future::select(&mut waiting, Box::pin(server.heard(3))).await;
        assert!(matches!(first, futures_util::future::Either::Right(_)), "it is asked for, and then waits");
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(held);
        assert!(waiting.await.unwrap().zip == large);
    }
}

#[tokio::test]
async fn no_header_of_ours_follows_a_redirect() {
    for auth in [bearer, key_pair] {
        let store = Server::start([redirect("/two"), answer("200 OK", "", "PK-zip")]).await;
        let api = Server::start([redirect(&format!("{}/one?sig=1", store.url))]).await;
        let client = connect(&api.url, auth()).unwrap();
        assert_eq!(fetch(&client, 242).await.unwrap(), "PK-zip");

        let asked = api.asked();
        assert!(asked[0].starts_with("get /api/packages/242/download "), "{asked:?}");
        assert!(asked[0].contains(TOKEN) && asked[0].contains("accept: */*"), "{asked:?}");
        let asked = store.asked();
        assert!(asked[0].starts_with("get /one?sig=1 ") && asked[1].starts_with("get /two "), "{asked:?}");
        for header in ["authorization", "x-user", "s3cret", "ops@acme", "cookie", "referer", "recipesync"] {
            assert!(asked.iter().all(|request| !request.contains(header)), "{header} in {asked:?}");
        }
    }
}

#[tokio::test]
async fn three_redirects_are_followed_and_no_more() {
    let server =
        Server::start([redirect("/1"), redirect("/2"), redirect("/3"), answer("200 OK", "", "PK")]).await;
    assert_eq!(fetch(&client(&server), 1).await.unwrap(), "PK");

    let server = Server::start((0..9).map(|_| redirect("/loop?sig=x"))).await;
    let error = fetch(&client(&server), 1).await.unwrap_err();
    assert!(matches!(error, WorkatoError::Redirected { .. }), "{error}");
    assert!(!error.to_string().contains("sig"), "{error}");
    assert_eq!(server.asked().len(), 4, "the request itself and three redirects");
    assert!(server.asked()[1..].iter().all(|request| !request.contains("s3cret")));
}

#[tokio::test]
async fn packages_come_over_https_alone() {
    for target in ["http://192.0.2.1/a?sig=x", "ftp://127.0.0.1/a", "file:///etc/passwd"] {
        let server = Server::start([redirect(target)]).await;
        let error = fetch(&client(&server), 1).await.unwrap_err();
        assert!(matches!(error, WorkatoError::Insecure { .. }), "{error}");
        assert!(!error.is_passing() && !error.to_string().contains("sig"), "{error}");
    }
    let far = Url::parse("https://www.workato.com").unwrap();
    let here = Url::parse("http://127.0.0.1:1/a").unwrap();
    assert!(!download::may_follow(&far, &here), "a workspace elsewhere sends nobody to this machine");
}

#[tokio::test]
async fn a_store_that_refuses_the_link_may_be_asked_again() {
    for status in ["400 Bad Request", "403 Forbidden", "404 Not Found"] {
        let store = Server::start([answer(status, "", "<SignatureProvided>abc</SignatureProvided>")]).await;
        let api = Server::start([redirect(&format!("{}/a", store.url))]).await;
        let error = fetch(&client(&api), 1).await.unwrap_err();
        assert!(matches!(error, WorkatoError::LinkExpired { .. }) && error.is_passing(), "{error}");
        assert!(!error.to_string().contains("abc"));
    }
}

#[tokio::test]
async fn a_download_that_is_no_package_is_told_apart() {
    let page = "Content-Type: text/html; charset=utf-8\r\n";
    let server = Server::start([
        answer("404 Not Found", "", "Not found"),
        answer("200 OK", page, "<h1>log in</h1>"),
        json(r#"{"success":false,"message":"not completed"}"#),
        answer("200 OK", page, "PK all the same"),
        answer("302 Found", "", ""),
    ])
    .await;
    let client = client(&server);
    assert!(matches!(fetch(&client, 1).await, Err(WorkatoError::NotFound { .. })));
    assert!(matches!(fetch(&client, 1).await, Err(WorkatoError::NotUnderstood { .. })));
    assert!(matches!(fetch(&client, 1).await, Err(WorkatoError::Refused { .. })));
    assert_eq!(fetch(&client, 1).await.unwrap(), "PK all the same");
    let error = fetch(&client, 1).await.unwrap_err();
    assert!(
        matches!(error, WorkatoError::NotUnderstood { status: 302, .. }),
        "a redirect to nowhere: {error}"
    );
}

#[tokio::test]
async fn a_body_that_is_cut_or_too_large_is_no_package() {
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20));
    let endless = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(101));
    let server = Server::start([
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nPK".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nPK".to_owned(),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", 6 << 20, "x".repeat(5 << 20)),
        "HTTP/1.1 200 OK\r\nContent-Length: 100000001\r\n\r\nPK".to_owned(),
        endless,
    ])
    .await;
    let client = client(&server);
    for _ in 0..3 {
        let error = fetch(&client, 1).await.unwrap_err();
        assert!(matches!(error, WorkatoError::Cut { .. }) && error.is_passing(), "{error}");
    }
    for _ in 0..2 {
        let error = fetch(&client, 1).await.unwrap_err();
        assert!(matches!(error, WorkatoError::TooLarge { limit: 100_000_000, .. }), "{error}");
    }
}
