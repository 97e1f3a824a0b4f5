//! What goes wrong, and what people are told about it.

use super::*;

#[tokio::test]
async fn a_redirect_of_the_api_is_an_error_that_names_the_host() {
    let server = Server::start([redirect("https://app.eu.workato.com/login?token=abc")]).await;
    let error = client(&server).me(TURN).await.unwrap_err();
    insta::assert_snapshot!(error, @"read the workspace: redirected to app.eu.workato.com, which was not followed");
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
async fn a_long_refusal_is_one() {
    let body = format!(r#"{{"id":1,"success":false,"message":"{}"}}"#, "long ".repeat(20_000));
    let server = Server::start([answer("200 OK", "", &body)]).await;
    let error = client(&server).package(TURN, 1).await.unwrap_err();
    assert!(matches!(error, WorkatoError::Refused { .. }), "{error}");
}

#[test]
fn every_error_that_an_operator_can_act_on_has_a_hint() {
    let reason = String::new;
    let call = Call::StartExport { manifest: 3 };
    let import = Call::StartImport { folder: 17 };
    let host = "app.example".to_owned();
    let hints = [
        WorkatoError::Unauthorized { call, reason: reason() },
        WorkatoError::Forbidden { call, reason: reason() },
        WorkatoError::NotFound { call, reason: reason() },
        WorkatoError::NotFound { call: import, reason: reason() },
        WorkatoError::RateLimited { call, retry_after: None },
        WorkatoError::Refused { call: import, status: 422, reason: reason() },
        WorkatoError::Redirected { call, host: host.clone() },
        WorkatoError::Insecure { call, host },
        WorkatoError::TooLarge { call: Call::Download { package: 1 }, limit: 1 },
    ]
    .map(|error| error.hint().unwrap());
    insta::assert_snapshot!(hints.join("\n"), @r#"
    check the token, and that `url` or `region` is the data centre that the token belongs to
    the role of the API client needs "recipe lifecycle management: get, download, export", for this project, from this machine's address
    check that manifest 3 exists in this workspace (`manifest_id`), or set `folder_id`
    check that folder 17 exists and that the token may see it (`folder_id`)
    other programs may share the quota: lower `requests_per_minute` or `imports_per_hour`
    running recipes need `restart_recipes = true`; only one import runs at a time; assets of the Home folder may need `folder_id_for_home_assets`
    check that `url` is the address of the API itself, not of a login page or a proxy
    packages are taken over https alone, after at most three redirects
    split the project: the platform itself imports no more than 100 MB
    "#);
}

#[tokio::test]
async fn what_a_job_says_is_fit_to_be_shown() {
    let server = Server::start([json(&format!(
        r#"{{"id":1,"status":"failed","error":"{TOKEN} at https://h/a?sig=abc\u001b[2J",
            "recipe_status":[{{"id":2,"import_result":"{TOKEN}"}}]}}"#
    ))])
    .await;
    let package = client(&server).package(TURN, 1).await.unwrap();
    assert_eq!(package.error.as_deref(), Some("[cut] at https://h/a[cut]\\u{1b}[2J"));
    assert_eq!(package.recipes[0].result, ImportResult::Unknown("[cut]".to_owned()));
}
