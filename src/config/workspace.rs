//! `[workspace.NAME]`: where a workspace is, and who we are there.

use reqwest::Url;
use secrecy::SecretString;

use super::reader::{Section, Written};
use super::report::{Read, Report};
use super::{Origin, secret};
use crate::model::host::is_this_machine;
use crate::workato::{region_names, region_url};

/// The keys of a workspace.
pub(super) const KEYS: &[&str] =
    &["url", "region", "token_file", "token_env", "email", "requests_per_minute", "imports_per_hour"];

/// What the platform allows of the calls that matter here, in one minute (docs.workato.com, recipe lifecycle
/// management).
const REQUESTS_PER_MINUTE: u64 = 60;
/// What the platform allows of imports in one hour (the same page).
const IMPORTS_PER_HOUR: u64 = 500;

/// One workspace and the account that works in it.
pub struct Workspace {
    /// Its name in the configuration.
    pub name: String,
    /// The origin of its data centre; no path, no credentials.
    pub url: Url,
    /// The token of an API client.
    pub token: SecretString,
    /// The environment variable that held the token, so that child processes do not inherit it.
    pub token_variable: Option<String>,
    /// The user of the older header pair; `None` for a bearer token.
    pub email: Option<String>,
    /// The most requests in any 60 seconds; 1 or more.
    pub requests_per_minute: u64,
    /// The most imports in any 3,600 seconds; 1 or more.
    pub imports_per_hour: u64,
}

/// Reads one workspace.
pub(super) fn read(
    report: &Report<'_>,
    origin: &Origin<'_>,
    name: &str,
    section: &Section<'_>,
) -> Read<Workspace> {
    let url = read_url(report, section);
    let variable = section.text("token_env");
    let token = read_token(report, origin, section, variable.clone());
    let email = section.parsed("email", parse_email);
    let requests = section.positive("requests_per_minute");
    let imports = section.positive("imports_per_hour");
    Ok(Workspace {
        name: name.to_owned(),
        url: url?,
        token: token?,
        token_variable: variable?.map(|variable| variable.value.to_owned()),
        email: email?.map(|email| email.value),
        requests_per_minute: requests?.map_or(REQUESTS_PER_MINUTE, |number| number.value),
        imports_per_hour: imports?.map_or(IMPORTS_PER_HOUR, |number| number.value),
    })
}

fn read_url(report: &Report<'_>, section: &Section<'_>) -> Read<Url> {
    let url = section.parsed("url", parse_url);
    let region = section.parsed("region", parse_region);
    section.exclusive("url", "region", "a region is a short name for its url")?;
    match (url?, region?) {
        (Some(url), _) | (None, Some(url)) => Ok(url.value),
        (None, None) => Err(report.problem_with_hint(
            &section.place_of("url"),
            "it is missing",
            "url = \"https://www.workato.com\", or region = \"us\"",
        )),
    }
}

fn read_token(
    report: &Report<'_>,
    origin: &Origin<'_>,
    section: &Section<'_>,
    variable: Read<Option<Written<&str>>>,
) -> Read<SecretString> {
    let file = section.text("token_file");
    section.exclusive("token_file", "token_env", "say where the token is once")?;
    match (file?, variable?) {
        (Some(name), _) => {
            let file = secret::locate(report, origin, &name)?;
            secret::read_file(report, origin, &name, &file)
        }
        (None, Some(name)) => secret::read_variable(report, origin, &name),
        (None, None) => Err(report.problem_with_hint(
            &section.place_of("token_file"),
            "it is missing",
            "token_file = \"dev.token\", or token_env = \"DEV_TOKEN\"",
        )),
    }
}

fn parse_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("it is no URL ({error})"))?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err("it must start with https:// and name a host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("secrets are never in the file: leave out what stands before the @".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("it must end after the host: the paths are the platform's own".to_owned());
    }
    if url.scheme() == "http" && !url.host_str().is_some_and(is_this_machine) {
        return Err("http:// is for this machine alone, since it shows the token to all between".to_owned());
    }
    Ok(url)
}

fn parse_region(text: &str) -> Result<Url, String> {
    let url = region_url(text).ok_or_else(|| {
        let names: Vec<&str> = region_names().collect();
        format!("it is no region: {}; or give the url instead", names.join(", "))
    })?;
    Ok(Url::parse(url).expect("the table holds URLs"))
}

fn parse_email(text: &str) -> Result<String, &'static str> {
    match text.split_once('@') {
        Some((user, host))
            if !user.is_empty() && !host.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) =>
        {
            Ok(text.to_owned())
        }
        _ => Err("it must be a mail address"),
    }
}
