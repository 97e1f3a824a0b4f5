//! `[repository.NAME]`: where a repository is, how git gets in, and who commits.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use super::reader::{Section, Written};
use super::report::{Read, Report};
use super::{Origin, secret};
use crate::git::{self, Author};
use crate::model::schedule::parse_duration;

/// The keys of a repository.
pub(super) const KEYS: &[&str] = &["url", "token_file", "username", "ssh_key_file", "author", "poll"];

/// How often a remote is looked at: one small request each time.
const POLL: Duration = Duration::from_secs(60);
/// The user name that the large hosts take beside a token.
const USERNAME: &str = "x-access-token";

/// One repository and the way in.
pub struct Repository {
    /// Its name in the configuration, safe as a folder name.
    pub name: String,
    /// What git is given; a path is absolute, and no password is in it.
    pub url: String,
    /// How git proves who it is.
    pub credentials: Credentials,
    /// Who commits.
    pub author: Author,
    /// How often the remote is looked at.
    pub poll: Duration,
}

/// How git proves who it is.
pub enum Credentials {
    /// By its own means: credential helpers, `ssh_config`, an agent; or none is needed.
    Own,
    /// By a user name and a token, over https.
    Token {
        /// The user name.
        username: String,
        /// The absolute path of the file that holds the token on one line.
        file: PathBuf,
        /// What it held when the configuration was read: for cutting it out of messages.
        token: SecretString,
    },
    /// By a private key, over ssh.
    SshKey {
        /// The absolute path of the key.
        file: PathBuf,
    },
}

/// Reads one repository.
pub(super) fn read(
    report: &Report<'_>,
    origin: &Origin<'_>,
    name: &str,
    section: &Section<'_>,
) -> Read<Repository> {
    let url = section.parsed("url", |text| parse_url(text, origin));
    let url = section.required("url", url, "url = \"git@github.com:acme/recipes.git\", or a path");
    let credentials = read_credentials(report, origin, section, url.as_ref().ok().map(|url| url.value.reach));
    let author = section.parsed("author", Author::parse);
    let poll = section.parsed("poll", parse_duration);
    Ok(Repository {
        name: name.to_owned(),
        url: url?.value.text,
        credentials: credentials?,
        author: author?.map_or_else(default_author, |author| author.value),
        poll: poll?.map_or(POLL, |poll| poll.value),
    })
}

/// Returns who commits where nobody is named.
fn default_author() -> Author {
    Author::parse("recipesync <recipesync@localhost>").expect("it is a name and a mail address")
}

/// How git reaches a repository, as far as it matters for credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// https, or http on this machine: takes a token.
    Https,
    /// ssh: takes a key.
    Ssh,
    /// A path, git's own protocol on this machine, a helper.
    Other,
}

#[derive(Debug, PartialEq, Eq)]
struct Remote {
    text: String,
    reach: Reach,
}

fn read_credentials(
    report: &Report<'_>,
    origin: &Origin<'_>,
    section: &Section<'_>,
    reach: Option<Reach>,
) -> Read<Credentials> {
    let token_file = section.text("token_file");
    let username = section.parsed("username", parse_username);
    let key_file = section.text("ssh_key_file");
    section.exclusive("token_file", "ssh_key_file", "a token is for https, a key for ssh")?;
    let (token_file, username, key_file) = (token_file?, username?, key_file?);
    if let (None, Some(Written { place, .. })) = (&token_file, &username) {
        return Err(report.problem(place, "it needs a token_file beside it"));
    }
    match (token_file, key_file) {
        (None, None) => Ok(Credentials::Own),
        (Some(name), _) => {
            if reach.is_some_and(|reach| reach != Reach::Https) {
                return Err(report.problem(&name.place, "a token is for https:// URLs alone"));
            }
            let file = secret::locate(report, origin, &name)?;
            let token = secret::read_file(report, origin, &name, &file)?;
            let username = username.map_or_else(|| USERNAME.to_owned(), |username| username.value);
            Ok(Credentials::Token { username, file: file.path, token })
        }
        (None, Some(name)) => {
            if reach.is_some_and(|reach| reach != Reach::Ssh) {
                return Err(report.problem(&name.place, "a key is for ssh URLs alone"));
            }
            let file = secret::locate(report, origin, &name)?;
            secret::check_key(report, origin, &name, &file)?;
            Ok(Credentials::SshKey { file: file.path })
        }
    }
}

/// Parses what git takes for a remote, as git-clone(1) tells the kinds apart; a relative path is made absolute.
fn parse_url(text: &str, origin: &Origin<'_>) -> Result<Remote, String> {
    if text.is_empty() || text.starts_with('-') || text.contains(char::is_control) {
        return Err("it is nothing that git can fetch".to_owned());
    }
    if let Some((helper, _)) = text.split_once("::")
        && helper.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    {
        return match helper {
            "ext" | "fd" => Err(format!("{helper}:: runs what it is told, and is refused")),
            _ => Ok(Remote { text: text.to_owned(), reach: Reach::Other }),
        };
    }
    if text.contains("://") {
        return parse_scheme(text);
    }
    let colon = text.find(':');
    if colon.is_some_and(|colon| colon > 0 && !text[..colon].contains('/')) {
        return Ok(Remote { text: text.to_owned(), reach: Reach::Ssh });
    }
    if text.starts_with('~') {
        return Err("it names a home folder, which only a shell knows: write the whole path".to_owned());
    }
    let path = std::path::absolute(origin.folder.join(text)).map_err(|error| error.to_string())?;
    let text = path.into_os_string().into_string().map_err(|_| "its folder has a name that is not UTF-8")?;
    Ok(Remote { text, reach: Reach::Other })
}

fn parse_scheme(text: &str) -> Result<Remote, String> {
    let url = Url::parse(text).map_err(|error| format!("it is no URL ({error})"))?;
    if url.password().is_some() || secret::looks_like_a_token(url.username()) {
        return Err("secrets are never in the file: use token_file, or git's credential helpers".to_owned());
    }
    if git::is_in_the_clear(text) {
        let scheme = url.scheme();
        return Err(format!(
            "{scheme}:// is for this machine alone, since all between can read and change what comes"
        ));
    }
    let reach = match url.scheme() {
        _ if git::takes_token(text) => Reach::Https,
        "ssh" | "git+ssh" | "ssh+git" => Reach::Ssh,
        _ => Reach::Other,
    };
    if matches!(url.scheme(), "https" | "http" | "ssh" | "git+ssh" | "ssh+git") && !url.has_host() {
        return Err("it names no host".to_owned());
    }
    // What git hands to ssh as a host must not read as an option there.
    if reach == Reach::Ssh && url.host_str().is_some_and(|host| host.starts_with('-')) {
        return Err("its host starts with a dash".to_owned());
    }
    Ok(Remote { text: text.to_owned(), reach })
}

fn parse_username(text: &str) -> Result<String, &'static str> {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && c != '\'' && c != '"') {
        Ok(text.to_owned())
    } else {
        Err("it must be a user name without spaces")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Environment;
    use super::*;

    fn parse(text: &str) -> Result<Remote, String> {
        let environment = Environment::new(PathBuf::from("/"), []);
        {
            let folder = Path::new("/etc/recipesync");
            parse_url(text, &Origin { folder, environment: &environment, secrets: true })
        }
    }

    #[test]
    fn every_kind_of_remote_is_told_apart() {
        for (text, given, reach) in [
            ("git@github.com:acme/recipes.git", "git@github.com:acme/recipes.git", Reach::Ssh),
            ("host:recipes.git", "host:recipes.git", Reach::Ssh),
            ("ssh://git@host:2222/x.git", "ssh://git@host:2222/x.git", Reach::Ssh),
            ("https://github.com/acme/x.git", "https://github.com/acme/x.git", Reach::Https),
            ("https://ops@dev.azure.com/x", "https://ops@dev.azure.com/x", Reach::Https),
            ("http://127.0.0.1:8080/x.git", "http://127.0.0.1:8080/x.git", Reach::Https),
            ("http://[::1]/x.git", "http://[::1]/x.git", Reach::Https),
            ("git://localhost/x.git", "git://localhost/x.git", Reach::Other),
            ("file:///srv/x.git", "file:///srv/x.git", Reach::Other),
            ("codecommit::eu-west-1://x", "codecommit::eu-west-1://x", Reach::Other),
            ("/srv/x.git", "/srv/x.git", Reach::Other),
            ("./upstream.git", "/etc/recipesync/upstream.git", Reach::Other),
            ("../x.git", "/etc/recipesync/../x.git", Reach::Other),
            ("a/b:c", "/etc/recipesync/a/b:c", Reach::Other),
        ] {
            assert_eq!(parse(text), Ok(Remote { text: given.to_owned(), reach }), "{text}");
        }
    }

    #[test]
    fn what_runs_commands_or_holds_secrets_is_refused() {
        for text in [
            "",
            "-x",
            "--upload-pack=touch /tmp/x",
            "ext::sh -c x",
            "fd::17",
            "https://u:secret@host/x",
            "ssh://u:secret@host/x",
            "https://ghp_secret@host/x",
            "https:///",
            "ssh://-oProxyCommand=x/x",
            "http://git.acme.example/x.git",
            "http://127.0.0.1@git.acme.example/x.git",
            "http://127.0.0.1.acme.example/x.git",
            "http://git.acme.example\\@127.0.0.1/x.git",
            "http://2130706433/x.git",
            "git://git.acme.example/x.git",
            "/srv/\nx",
            "~/x.git",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!error.contains("secret@"), "{error}");
        }
    }
}
