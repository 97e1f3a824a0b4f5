//! The client against real sockets: servers that answer with given bytes, well-formed or not, and write down what
//! they were asked.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use reqwest::Url;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;

const TOKEN: &str = "wrkaus-s3cret-token";
const TURN: Turn<'_> = Turn { project: "orders", class: Class::Export };

/// A server that gives the next of its answers to each request, and then closes the connection.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Server {
    async fn start(answers: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        let mut answers: VecDeque<Vec<u8>> = answers.into_iter().map(Into::into).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                heard.lock().unwrap().push(request);
                // One that has nothing to say hangs up.
                stream.write_all(&answers.pop_front().unwrap_or_default()).await.unwrap();
            }
        });
        Self { url, asked, _task: task }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Reads the head, in lower case, and the body as long as the head says.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return format!("{head}\r\n\r\n{body}");
            }
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "a request that ends too early");
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}", body.len())
}

fn json(body: &str) -> String {
    answer("200 OK", "Content-Type: application/json\r\n", body)
}

fn redirect(to: &str) -> String {
    answer("302 Found", &format!("Location: {to}\r\n"), "")
}

fn bearer() -> Auth {
    Auth::Bearer(SecretString::from(TOKEN))
}

fn key_pair() -> Auth {
    Auth::EmailToken { email: "ops@acme.example".to_owned(), token: SecretString::from(TOKEN) }
}

fn budget() -> Arc<Budget> {
    Arc::new(Budget::new(NonZeroU64::new(1000).unwrap(), NonZeroU64::new(500).unwrap(), None))
}

fn connect(url: &str, auth: Auth) -> Result<Client, SettingsError> {
    Client::new(Settings { url: Url::parse(url).unwrap(), auth, budget: budget() }, &Http::new())
}

fn client(server: &Server) -> Client {
    connect(&server.url, bearer()).unwrap()
}

#[tokio::test]
async fn no_header_of_ours_follows_a_redirect() {
    for auth in [bearer, key_pair] {
        let store = Server::start([redirect("/two"), answer("200 OK", "", "PK-zip")]).await;
        let api = Server::start([redirect(&format!("{}/one?sig=1", store.url))]).await;
        let client = connect(&api.url, auth()).unwrap();
        assert_eq!(client.download(TURN, 242).await.unwrap(), "PK-zip");

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
    assert_eq!(client(&server).download(TURN, 1).await.unwrap(), "PK");

    let server = Server::start((0..9).map(|_| redirect("/loop?sig=x"))).await;
    let error = client(&server).download(TURN, 1).await.unwrap_err();
    assert!(matches!(error, WorkatoError::Redirected { .. }), "{error}");
    assert!(!error.to_string().contains("sig"), "{error}");
    assert_eq!(server.asked().len(), 4, "the request itself and three redirects");
    assert!(server.asked()[1..].iter().all(|request| !request.contains("s3cret")));
}

#[tokio::test]
async fn packages_come_over_https_alone() {
    for target in ["http://192.0.2.1/a?sig=x", "ftp://127.0.0.1/a", "file:///etc/passwd"] {
        let server = Server::start([redirect(target)]).await;
        let error = client(&server).download(TURN, 1).await.unwrap_err();
        assert!(matches!(error, WorkatoError::Insecure { .. }), "{error}");
        assert!(!error.is_passing() && !error.to_string().contains("sig"), "{error}");
    }
    let far = connect("https://www.workato.com", bearer()).unwrap();
    let here = Url::parse("http://127.0.0.1:1/a").unwrap();
    assert!(!far.may_follow(&here), "a workspace elsewhere sends nobody to this machine");
}

#[tokio::test]
async fn a_store_that_refuses_the_link_may_be_asked_again() {
    for status in ["400 Bad Request", "403 Forbidden", "404 Not Found"] {
        let store = Server::start([answer(status, "", "<SignatureProvided>abc</SignatureProvided>")]).await;
        let api = Server::start([redirect(&format!("{}/a", store.url))]).await;
        let error = client(&api).download(TURN, 1).await.unwrap_err();
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
    assert!(matches!(client.download(TURN, 1).await, Err(WorkatoError::NotFound { .. })));
    assert!(matches!(client.download(TURN, 1).await, Err(WorkatoError::NotUnderstood { .. })));
    assert!(matches!(client.download(TURN, 1).await, Err(WorkatoError::Refused { .. })));
    assert_eq!(client.download(TURN, 1).await.unwrap(), "PK all the same");
    let error = client.download(TURN, 1).await.unwrap_err();
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
        "HTTP/1.1 200 OK\r\nContent-Length: 104857601\r\n\r\nPK".to_owned(),
        endless,
    ])
    .await;
    let client = client(&server);
    for _ in 0..2 {
        let error = client.download(TURN, 1).await.unwrap_err();
        assert!(matches!(error, WorkatoError::Cut { .. }) && error.is_passing(), "{error}");
    }
    for _ in 0..2 {
        let error = client.download(TURN, 1).await.unwrap_err();
        assert!(matches!(error, WorkatoError::TooLarge { limit: 104_857_600, .. }), "{error}");
    }
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

    let lines: Vec<_> = server
        .asked()
        .iter()
        .map(|request| {
            assert!(request.contains(&format!("authorization: bearer {TOKEN}")), "{request}");
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            format!("{} {body}", head.lines().next().unwrap().trim_end_matches(" http/1.1"))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"");
}

#[tokio::test]
async fn an_import_is_sent_once_and_as_it_is() {
    let started = json(r#"{"id":251,"operation_type":"import","status":"in_progress"}"#);
    let server = Server::start([started.clone(), started]).await;
    let client = connect(&format!("{}/prefix/", server.url), bearer()).unwrap();
    let zip = Bytes::from_static(b"PK\x01 bytes");
    let options = ImportOptions::default();
    assert_eq!(client.start_import(TURN, 17, zip.clone(), &options).await.unwrap().id, 251);
    let options =
        ImportOptions { restart_recipes: true, include_tags: true, folder_id_for_home_assets: Some(91) };
    client.start_import(TURN, 17, zip, &options).await.unwrap();
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
        let error = client(&server).start_import(TURN, 17, zip, &ImportOptions::default()).await.unwrap_err();
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
    let error = client.start_import(TURN, 17, Bytes::new(), &ImportOptions::default()).await.unwrap_err();
    assert!(matches!(error, ImportError::NotSent(WorkatoError::Connect { .. })), "{error}");
    assert!(error.error().is_passing());
}

#[tokio::test]
async fn a_redirect_of_the_api_is_an_error_that_names_the_host() {
    let server = Server::start([redirect("https://app.eu.workato.com/login?token=abc")]).await;
    let error = client(&server).me(TURN).await.unwrap_err();
    insta::assert_snapshot!(error, @"");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_used_up_quota_holds_back_the_whole_workspace() {
    let server = Server::start([answer("429 Too Many Requests", "Retry-After: 3600\r\n", "")]).await;
    let budget = budget();
    let settings =
        Settings { url: Url::parse(&server.url).unwrap(), auth: bearer(), budget: Arc::clone(&budget) };
    let client = Client::new(settings, &Http::new()).unwrap();
    let error = client.me(TURN).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(3600)));
    let mut next = Box::pin(client.package(Turn { project: "billing", class: Class::Import }, 1));
    assert!(futures_util::poll!(&mut next).is_pending());
    budget.stop();
    assert!(matches!(next.await, Err(WorkatoError::Stopping { .. })));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_package_must_be_the_one_that_was_asked_for() {
    let server = Server::start([json(r#"{"id":243,"status":"completed"}"#)]).await;
    assert!(matches!(client(&server).package(TURN, 242).await, Err(WorkatoError::NotUnderstood { .. })));
}

#[tokio::test]
async fn no_error_shows_a_secret() {
    let body = format!("token {TOKEN} for https://store/a?X-Amz-Signature=abc failed");
    for status in
        ["200 OK", "201 Created", "400 Bad", "401 No", "403 No", "404 No", "409 No", "500 No", "503 No"]
    {
        let quoted = answer(status, "", &format!(r#"{{"success":false,"message":"{body}"}}"#));
        let server = Server::start([answer(status, "", &body), quoted]).await;
        let client = client(&server);
        for _ in 0..2 {
            let error = client.package(TURN, 1).await.unwrap_err();
            let texts = [format!("{error}"), format!("{error:?}"), error.hint().unwrap_or_default()];
            for text in texts {
                assert!(!text.contains("s3cret") && !text.contains("abc"), "{text}");
            }
        }
    }
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
            refused("https://www.workato.com", bearer()),
            refused("http://127.0.0.1:1", key_pair()),
        ]
        .join("\n"),
        @""
    );
}
