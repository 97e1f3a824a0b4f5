//! What a configuration says, and what is said about a wrong one.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;
use crate::git::Author;
use crate::model::project::{MaxDelete, Mode, Source};
use crate::secrets::{Allowed, Policy, Settings};

const EXAMPLE: &str = include_str!("../../config/recipesync.example.toml");
const MINIMAL: &str = include_str!("../../config/recipesync.minimal.toml");
const HEAD: &str =
    "state_dir = 's'\n[workspace.dev]\nregion = 'us'\ntoken_env = 'T'\n[repository.r]\nurl = '/r'\n";

/// One mistake of each kind.
const WRONG: &str = r#"
stat_dir = 3
state_dir = ["x"]

[workspace.dev]
url = "http://www.workato.com"
region = "us"
token = "wrkaus-eyJsecret"
requests_per_minute = 0
imports_per_hour = "many"

[repository."../r"]
url = "ext::sh -c whoami"
author = "nobody"
poll = "1 minute"
token_file = "absent.token"

[project.orders]
workspace = "prod"
repository = "../r"
path = "../x"
manifest_id = 1
folder_id = -2
max_delete = "150%"
full_export = "6"
secrets = "maybe"
secrets_allow = [{ file = "x" }]

[project.orders.export]
branch = "a..b"
schedule = "0 0 30 2 *"

[project.orders.import]
branch = "refs/heads/main"
restart_recipes = "yes"
"#;

/// A folder with the secrets that the examples name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["dev.token", "git.token", "deploy_key"] {
        fs::write(&folder.path().join(name), format!("secret-of-{name}\n").as_bytes()).unwrap();
    }
    folder
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::new(PathBuf::from("/"), variables.iter().map(|(name, value)| (name.into(), value.into())))
}

fn load(folder: &Path, text: &str, variables: &[(&str, &str)]) -> Result<Config, Problems> {
    Config::parse(&folder.join("recipesync.toml"), text, &environment(variables))
}

fn author(text: &str) -> Author {
    Author::parse(text).unwrap()
}

/// What is said about a wrong text, with the folder's name left out.
fn problems(text: &str) -> String {
    let folder = folder();
    let problems =
        load(folder.path(), text, &[("HOME", "/home/x"), ("T", "token")]).err().expect("it is wrong");
    problems.to_string().replace(&*folder.path().to_string_lossy(), "")
}

#[test]
fn the_example_means_what_it_says() {
    let folder = folder();
    let config = load(folder.path(), EXAMPLE, &[("PRODUCTION_TOKEN", "p")]).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(config.warnings, []);
    assert_eq!(config.state_dir, Path::new("/var/lib/recipesync"));
    let dev = &config.workspaces["dev"];
    assert_eq!(dev.url.as_str(), "https://app.eu.workato.com/");
    assert_eq!(dev.token.expose_secret(), "secret-of-dev.token");
    assert_eq!((dev.requests_per_minute, dev.imports_per_hour, dev.email.as_deref()), (60, 500, None));
    let production = &config.workspaces["production"];
    assert_eq!(
        (production.token.expose_secret(), production.email.as_deref()),
        ("p", Some("ops@acme.example"))
    );
    assert_eq!(
        (dev.token_variable.as_deref(), production.token_variable.as_deref()),
        (None, Some("PRODUCTION_TOKEN"))
    );
    let mirror = &config.repositories["mirror"];
    let Credentials::Token { username, file, token } = &mirror.credentials else { panic!("a token") };
    assert_eq!((username.as_str(), token.expose_secret()), ("recipesync", "secret-of-git.token"));
    assert_eq!(*file, folder.path().join("git.token"));
    let orders = &config.projects["orders"];
    assert_eq!((orders.mode(), orders.source), (Mode::OneBranch, Source::Folder(5678)));
    assert_eq!(config.repository_of(orders).author, author("recipesync <recipesync@acme.example>"));
    let allowed = Allowed { path: "sandbox/*.custom_adapter.rb".into(), kind: Some("jwt".into()) };
    assert_eq!(orders.secrets, Settings { policy: Policy::Block, allowed: vec![allowed] });
    let billing = &config.projects["billing"];
    assert_eq!(billing.secrets, Settings::default());
    assert_eq!(
        (orders.full_export, config.projects["orders-production"].full_export),
        (Duration::from_secs(21_600), Duration::ZERO)
    );
    assert_eq!((billing.mode(), billing.max_delete), (Mode::ExportOnly, MaxDelete::Files(20)));
    assert_eq!(billing.source, Source::Manifest(1234));
    let deployed = &config.projects["orders-production"];
    assert_eq!((deployed.mode(), deployed.source), (Mode::ImportOnly, Source::Folder(9012)));
    assert!(deployed.import.as_ref().unwrap().restart_recipes);
}

#[test]
fn the_minimal_example_is_enough() {
    let folder = folder();
    let config = load(folder.path(), MINIMAL, &[("HOME", "/home/x")]).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(config.state_dir, Path::new("/home/x/.local/state/recipesync"));
    let repository = &config.repositories["recipes"];
    assert_eq!(
        (repository.poll, &repository.author),
        (Duration::from_secs(60), &author("recipesync <recipesync@localhost>"))
    );
    let orders = &config.projects["orders"];
    assert_eq!(orders.import.as_ref().unwrap().folder, 5678);
    assert_eq!(orders.export.as_ref().unwrap().schedule.to_string(), "every 5m");
    assert_eq!((orders.max_delete, orders.full_export), (MaxDelete::Share(50), Duration::from_secs(21_600)));
}

#[test]
fn every_key_is_in_the_example() {
    let lists =
        [KEYS, workspace::KEYS, repository::KEYS, project::KEYS, project::EXPORT_KEYS, project::IMPORT_KEYS];
    for key in lists.into_iter().flatten() {
        let written = EXAMPLE.lines().any(|line| {
            let key_is = |rest: &str| rest.starts_with([' ', '.', ']']);
            line.trim_start_matches('[').strip_prefix(key).is_some_and(key_is)
                || line.strip_suffix(']').is_some_and(|line| line.ends_with(&format!(".{key}")))
                || line.split(']').next().is_some_and(|line| line.ends_with(&format!(".{key}")))
        });
        assert!(written, "{key}");
    }
}

#[test]
fn all_problems_are_in_one_report() {
    let report = problems(WRONG);
    assert!(!report.contains("eyJsecret"));
    insta::assert_snapshot!(report, @r##"
    the configuration has 25 problems
      /recipesync.toml:2: stat_dir: unknown key
          known here: state_dir, workspace, repository, project
      /recipesync.toml:3: state_dir: it must be a text in quotes
      /recipesync.toml:5: workspace.dev.token_file: it is missing
          token_file = "dev.token", or token_env = "DEV_TOKEN"
      /recipesync.toml:6: workspace.dev.url: http:// is for this machine alone, since it shows the token to all between
      /recipesync.toml:7: workspace.dev.region: it and url exclude each other
          a region is a short name for its url
      /recipesync.toml:8: workspace.dev.token: secrets are never in the file
          write it to a file of mode 0600 and name that in token_file; if others could read it, revoke it
      /recipesync.toml:9: workspace.dev.requests_per_minute: it must be a positive whole number
      /recipesync.toml:10: workspace.dev.imports_per_hour: it must be a positive whole number
      /recipesync.toml:12: repository."../r": a name is 1 to 100 letters, digits, dots, underscores or dashes, and starts with no dot or dash
      /recipesync.toml:13: repository."../r".url: ext:: runs what it is told, and is refused
      /recipesync.toml:14: repository."../r".author: it is not of the form `Name <email>`
      /recipesync.toml:15: repository."../r".poll: a duration is a whole number and a unit: 500ms, 1s, 5m, 6h, 7d
      /recipesync.toml:16: repository."../r".token_file: read /absent.token: No such file or directory (os error 2)
          it holds the token alone, on one line
      /recipesync.toml:19: project.orders.workspace: there is no workspace "prod"
          there are: dev
      /recipesync.toml:21: project.orders.path: it has a part that is . or ..
      /recipesync.toml:23: project.orders.folder_id: it and manifest_id exclude each other
          for importing into a folder, write folder_id below [project.NAME.import]
      /recipesync.toml:23: project.orders.folder_id: it must be a positive whole number
      /recipesync.toml:24: project.orders.max_delete: it must be a share ("50%") or a number of files
      /recipesync.toml:25: project.orders.full_export: a duration is a whole number and a unit: 500ms, 1s, 5m, 6h, 7d
      /recipesync.toml:26: project.orders.secrets: it must be "block", "warn" or "off"
      /recipesync.toml:27: project.orders.secrets_allow: it must be a list of files: [{ path = "x.custom_adapter.rb", kind = "jwt" }], of which kind may be left out
      /recipesync.toml:30: project.orders.export.branch: git does not take it for a branch name: a part starts with a dot, or it ends in a dot, or it has two dots in a row
      /recipesync.toml:31: project.orders.export.schedule: the cron line names a day that never comes
      /recipesync.toml:34: project.orders.import.branch: it is the branch's own name that is wanted, without refs/heads/
      /recipesync.toml:35: project.orders.import.restart_recipes: it must be true or false
    "##);
}

#[test]
fn what_must_be_there_is_named() {
    let text = "[workspace.w]\n[repository.r]\n[project.p]\n[project.q]\nimport = {}\n[project.q.export]\n";
    insta::assert_snapshot!(problems(text), @r##"
    the configuration has 15 problems
      /recipesync.toml:1: workspace.w.token_file: it is missing
          token_file = "dev.token", or token_env = "DEV_TOKEN"
      /recipesync.toml:1: workspace.w.url: it is missing
          url = "https://www.workato.com", or region = "us"
      /recipesync.toml:2: repository.r.url: it is missing
          url = "git@github.com:acme/recipes.git", or a path
      /recipesync.toml:3: project.p.export: it is missing, and so is import: nothing would happen
          add [project.p.export] with a branch, or [project.p.import], or both
      /recipesync.toml:3: project.p.folder_id: it is missing, and so is manifest_id
          folder_id = 5678 exports a folder, manifest_id = 1234 a manifest as it is
      /recipesync.toml:3: project.p.path: it is missing
          path = "orders", or "." for the repository's root
      /recipesync.toml:3: project.p.repository: it is missing
          name one of the [repository.NAME] tables
      /recipesync.toml:3: project.p.workspace: it is missing
          name one of the [workspace.NAME] tables
      /recipesync.toml:4: project.q.folder_id: it is missing, and so is manifest_id
          folder_id = 5678 exports a folder, manifest_id = 1234 a manifest as it is
      /recipesync.toml:4: project.q.path: it is missing
          path = "orders", or "." for the repository's root
      /recipesync.toml:4: project.q.repository: it is missing
          name one of the [repository.NAME] tables
      /recipesync.toml:4: project.q.workspace: it is missing
          name one of the [workspace.NAME] tables
      /recipesync.toml:5: project.q.import.branch: it is missing
          branch = "main"
      /recipesync.toml:5: project.q.import.folder_id: it is missing, and the project has none either
          folder_id = 5678, the folder that packages are imported into
      /recipesync.toml:6: project.q.export.branch: it is missing
          branch = "main"
    "##);
}

#[test]
fn what_is_no_toml_has_its_lines() {
    let report =
        problems("state_dir = \"/x\"\n[workspace.dev\ntoken_env = wrka-secret\n\n[project.a]\n[project.a]\n");
    assert!(!report.contains("wrka-secret"));
    insta::assert_snapshot!(report, @r##"
    the configuration has 2 problems
      /recipesync.toml:2: unclosed table, expected `]`
      /recipesync.toml:6: duplicate key
    "##);
}

#[test]
fn projects_that_would_write_the_same_files_are_refused() {
    let project = |name: &str, path: &str, branch: &str| {
        format!(
            "[project.{name}]\nworkspace = 'dev'\nrepository = 'r'\npath = '{path}'\nfolder_id = 1\n\
             export.branch = '{branch}'\n"
        )
    };
    let of = |projects: &[String]| format!("{HEAD}{}", projects.concat());
    let good = of(&[project("a", "x", "main"), project("b", "x-y", "main"), project("c", "x/y", "other")]);
    let folder = folder();
    assert!(load(folder.path(), &good, &[("T", "t")]).is_ok());
    let bad = of(&[
        project("a", "X", "main"),
        project("b", "x/y", "main"),
        project("c", "w", "main"),
        project("d", "x/z", "main"),
    ]);
    insta::assert_snapshot!(problems(&bad), @r##"
    the configuration has 2 problems
      /recipesync.toml:16: project.b.path: it overlaps with that of project a on branch main
          give each project a folder of its own
      /recipesync.toml:28: project.d.path: it overlaps with that of project a on branch main
          give each project a folder of its own
    "##);
}

#[test]
fn a_secret_is_one_line_of_a_file_or_a_variable() {
    let folder = folder();
    let path = folder.path();
    let text = |key: &str, value: &str| format!("[workspace.dev]\nregion = 'us'\n{key} = '{value}'\n");
    let token = |text: &str, variables: &[(&str, &str)]| {
        let variables: Vec<_> = variables.iter().copied().chain([("HOME", "/h")]).collect();
        let config = load(path, text, &variables).map_err(|problems| problems.list[0].message.clone())?;
        Ok::<_, String>(config.workspaces["dev"].token.expose_secret().to_owned())
    };
    fs::write(&path.join("crlf"), b"abc\r\n").unwrap();
    assert_eq!(token(&text("token_file", "crlf"), &[]).as_deref(), Ok("abc"));
    assert_eq!(token(&text("token_env", "T"), &[("T", "abc")]).as_deref(), Ok("abc"));
    for (content, message) in [
        ("", "the token is empty"),
        ("\n", "the token is empty"),
        ("a\nb\n", "there is more than one line where the token should be"),
        ("a b", "the token holds a space or another character that no token has"),
        ("tökén", "the token holds a space or another character that no token has"),
    ] {
        fs::write(&path.join("bad"), content.as_bytes()).unwrap();
        assert_eq!(token(&text("token_file", "bad"), &[]), Err(message.to_owned()), "{content:?}");
    }
    assert!(token(&text("token_file", "absent"), &[]).unwrap_err().starts_with("read /"));
    assert_eq!(token(&text("token_env", "T"), &[]), Err("$T is not set".to_owned()));
    let shown = token(&text("token_env", "wrkaus-eyJ0.x"), &[]).unwrap_err();
    assert_eq!(shown, "it must name an environment variable");
    let shown = token(&text("token_file", "wrkaus-eyJ0.x"), &[]).unwrap_err();
    assert_eq!(shown, "it looks like a token itself");

    let credentials = tempfile::tempdir().unwrap();
    fs::write(&credentials.path().join("dev.token"), b"managed\n").unwrap();
    let variable = [("CREDENTIALS_DIRECTORY", credentials.path().to_str().unwrap())];
    assert_eq!(token(&text("token_file", "dev.token"), &variable).as_deref(), Ok("managed"));
    assert_eq!(token(&text("token_file", "./dev.token"), &variable).as_deref(), Ok("secret-of-dev.token"));
    assert_eq!(token(&text("token_file", "git.token"), &variable).as_deref(), Ok("secret-of-git.token"));
}

#[test]
fn a_secret_that_others_can_read_is_pointed_out() {
    let folder = folder();
    let open = |name: &str| {
        let path = folder.path().join(name);
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap();
    };
    open("dev.token");
    let warnings = load(folder.path(), MINIMAL, &[("HOME", "/h")]).ok().unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].message.starts_with("others can read /"), "{}", warnings[0].message);
    open("deploy_key");
    let problems = load(folder.path(), EXAMPLE, &[("PRODUCTION_TOKEN", "p")]).err().unwrap();
    assert!(problems.to_string().contains("ssh refuses such a key"), "{problems}");
}

#[test]
fn an_import_into_a_folder_that_is_not_looked_at_is_pointed_out() {
    let warnings = |text: &str| {
        let config = load(folder().path(), text, &[("HOME", "/h")]).unwrap_or_else(|e| panic!("{e}"));
        config.warnings.into_iter().map(|warning| warning.key).collect::<Vec<_>>()
    };
    let other = format!("{MINIMAL}folder_id = 9\n");
    assert_eq!(warnings(&other), ["project.orders.import.folder_id"]);
    assert!(warnings(&format!("{MINIMAL}folder_id = 5678\n")).is_empty());
    assert!(warnings(&other.replace("\nfolder_id = 5678", "\nmanifest_id = 1")).is_empty());
    assert_eq!(warnings(""), ["project"]);
}

#[test]
fn the_state_folder_has_an_order_of_places() {
    let of = |text: &str, variables: &[(&str, &str)]| {
        load(Path::new("/etc/r"), text, variables).map(|config| config.state_dir).ok()
    };
    let all = [("STATE_DIRECTORY", "/s1:/s2"), ("XDG_STATE_HOME", "/xdg"), ("HOME", "/home/x")];
    assert_eq!(of("state_dir = 'x'", &all), Some("/etc/r/x".into()));
    assert_eq!(of("", &all), Some("/s1".into()));
    assert_eq!(of("", &all[1..]), Some("/xdg/recipesync".into()));
    assert_eq!(of("", &all[2..]), Some("/home/x/.local/state/recipesync".into()));
    assert_eq!(of("", &[("HOME", "relative")]), None);
}

#[test]
fn a_workspace_address_is_an_origin() {
    for (url, good) in [
        ("https://www.workato.com", true),
        ("https://www.workato.com/", true),
        ("https://app.acme.example:8443", true),
        ("http://127.0.0.1:4000", true),
        ("http://127.9.9.9", true),
        ("http://[::1]:1", true),
        ("http://localhost:1/", true),
        ("http://www.workato.com", false),
        ("http://[::ffff:127.0.0.1]:1", true),
        ("http://localhost.acme.example", false),
        ("http://127.0.0.1@acme.example", false),
        ("http://acme.example\\@127.0.0.1", false),
        ("http://[::ffff:10.0.0.1]", false),
        ("http://0.0.0.0", false),
        ("http://127.0.0.1.acme.example", false),
        ("https://www.workato.com/api", false),
        ("https://www.workato.com?x", false),
        ("https://u@www.workato.com", false),
        ("https://u:p@www.workato.com", false),
        ("ftp://www.workato.com", false),
        ("www.workato.com", false),
        ("", false),
    ] {
        let text = format!("state_dir = '/s'\n[workspace.w]\nurl = '{url}'\ntoken_env = 'T'\n");
        assert_eq!(load(Path::new("/e"), &text, &[("T", "t")]).is_ok(), good, "{url}");
    }
}

#[test]
fn a_file_that_is_not_there_has_a_way_on() {
    let error = Config::load(Path::new("/nowhere/x.toml"), &environment(&[])).err().unwrap();
    assert_eq!(error.to_string(), "there is no configuration to read");
    assert!(error.hint().unwrap().contains("--config"));
}

proptest! {
    #[test]
    fn whatever_is_written_is_a_configuration_or_has_its_problems(
        changes in prop::collection::vec((0..200_usize, 0..VALUES.len() + 2), 1..8),
    ) {
        let mut lines: Vec<String> = EXAMPLE.lines().map(str::to_owned).collect();
        for (at, change) in changes {
            let at = at % lines.len();
            if change == VALUES.len() {
                lines.remove(at);
            } else if change > VALUES.len() {
                let copy = lines[at].clone();
                lines.push(copy);
            } else if let Some((key, _)) = lines[at].clone().split_once('=') {
                lines[at] = format!("{key}= {}", VALUES[change]);
            }
        }
        let variables = [("PRODUCTION_TOKEN", "p"), ("HOME", "/h")];
        match load(SECRETS.path(), &lines.join("\n"), &variables) {
            Ok(config) => {
                let mut projects = config.projects.values();
                let whole = projects.all(|project| config.repository_of(project).name == project.repository);
                prop_assert!(whole);
            }
            Err(problems) => prop_assert!(problems.list.iter().all(|problem| problem.line <= lines.len())),
        }
    }
}

/// Values of every type, for any key.
const VALUES: [&str; 14] = [
    "\"\"",
    "\"main\"",
    "\"dev.token\"",
    "\"../x\"",
    "\"https://u:p@x/y\"",
    "\"5m\"",
    "\"\\u0000\"",
    "0",
    "-1",
    "7",
    "1.5",
    "true",
    "[1, {}]",
    "{ branch = \"main\" }",
];

static SECRETS: std::sync::LazyLock<tempfile::TempDir> = std::sync::LazyLock::new(folder);
