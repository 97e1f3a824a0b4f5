//! `check --online` against the embedded workspace and a repository: every check is made, whatever the others say.

use std::process::{Command, Stdio};

use recipesync::emulator::{self, Options, Running, SeedSource, Settings};

const NAME: &str = "Order desk";

/// A workspace, an upstream with a branch `main`, and a configuration of three projects between the two.
struct World {
    at: tempfile::TempDir,
    workspace: Running,
    /// The commit of `main`.
    tip: String,
}

impl World {
    async fn new(settings: Settings) -> Self {
        let seeds = vec![(NAME.to_owned(), SeedSource::Files(emulator::order_desk()))];
        let options = Options { seeds, settings: Some(settings), ..Options::default() };
        let workspace = emulator::serve(options).await.unwrap();
        let at = tempfile::tempdir().unwrap();
        let folder = workspace.world(|world| world.project(NAME)).unwrap();
        let config = format!(
            "state_dir = 'state'\n\
             [workspace.dev]\nurl = '{}'\ntoken_env = 'TOKEN'\n\
             [workspace.spare]\nurl = 'http://127.0.0.1:9'\ntoken_env = 'TOKEN'\n\
             [repository.recipes]\nurl = './up.git'\n\
             [repository.gone]\nurl = './gone.git'\n\
             [project.orders]\nworkspace = 'dev'\nrepository = 'recipes'\npath = 'orders'\nfolder_id = {folder}\n\
             export.branch = 'main'\nimport = {{ branch = 'main', folder_id_for_home_assets = 999 }}\n\
             [project.review]\nworkspace = 'dev'\nrepository = 'recipes'\npath = 'review'\nfolder_id = {folder}\n\
             export.branch = 'mirror'\nimport.branch = 'live'\n\
             [project.lost]\nworkspace = 'dev'\nrepository = 'gone'\npath = '.'\nmanifest_id = 77\n\
             export.branch = 'main'\n",
            workspace.url(),
        );
        recipesync::fs::write(&at.path().join("recipesync.toml"), config.as_bytes()).unwrap();
        let mut world = Self { at, workspace, tip: String::new() };
        world.git(&["init", "-q", "--bare", "-b", "main", "up.git"]);
        world.git(&["init", "-q", "-b", "main", "clone"]);
        let identity = ["-c", "user.name=U", "-c", "user.email=u@x"];
        let commit = ["-C", "clone", "commit", "-q", "--allow-empty", "-m", "first"];
        world.git(&[&identity[..], &commit[..]].concat());
        world.git(&["-C", "clone", "push", "-q", "../up.git", "main"]);
        world.tip = world.git(&["-C", "up.git", "rev-parse", "main"]);
        world
    }

    #[expect(clippy::disallowed_methods, reason = "the other side of the story is git itself")]
    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git").args(arguments).current_dir(self.at.path()).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Runs the check; returns its exit code and its findings, with what differs from run to run replaced.
    #[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
    async fn check(&self) -> (Option<i32>, String) {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("recipesync"));
        command.args(["check", "--online", "--config", "recipesync.toml"]).current_dir(self.at.path());
        command.env("TOKEN", "emulator").stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let first = stdout.lines().position(|line| line.contains(" workspace dev: ")).unwrap();
        let found: Vec<&str> = stdout.lines().skip(first).collect();
        let text = found.join("\n").replace(self.at.path().to_str().unwrap(), "AT");
        // The server tells its time in whole seconds.
        let text = text.replace(&self.tip[..10], "TIP").replace("are 1 s apart", "are 0 s apart");
        (output.status.code(), text)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_checked_whatever_the_first_answers_are() {
    let world = World::new(Settings::default()).await;
    let (code, text) = world.check().await;
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(text, @r#"
    ok       workspace dev: the token is that of workspace 8086 "Order desk workspace"
    ok       workspace dev: its clock and ours are 0 s apart
    problem  project lost: read manifest 77: it was not found: Not found
             hint: check that manifest 77 exists in this workspace (`manifest_id`), or set `folder_id`
    ok       project orders: folder 1002 lists 7 assets
    problem  project orders: list the assets of folder 999: it was not found: Not found
             hint: check that folder 999 exists and that the token may see it (`folder_id`)
    ok       project review: folder 1002 lists 7 assets
    ok       workspace dev: it tells who edited a recipe
    warning  workspace spare: no project uses it, so it was not asked
             hint: remove it, or pair a project with it
    problem  repository gone: reach AT/gone.git: fatal: 'AT/gone.git' does not appear to be a git repository; fatal: Could not read from remote repository.
             hint: check `url` and the way there; an upstream on this machine must be readable by this user
    ok       repository recipes: AT/up.git can be read
    warning  repository recipes: branch live does not exist, and no project exports to it
             hint: nothing is imported until somebody pushes it
    ok       repository recipes: branch main is at TIP
    ok       repository recipes: a dry run of a push to main passes
    ok       repository recipes: branch mirror does not exist; the first export of review makes it from branch main
    ok       repository recipes: a dry run of a push to mirror passes

    3 problems, 2 warnings; not checked, as it would leave something behind: exports, imports, the upstream's hooks
    "#);
    // Nothing was made in the workspace, nothing in the upstream, and no state.
    let asked =
        world.workspace.world(|world| world.requests().map(|seen| seen.method.clone()).collect::<Vec<_>>());
    assert!(asked.iter().all(|method| method == "GET"), "{asked:?}");
    assert!(!world.at.path().join("state").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_token_may_not_do_is_named_and_a_wrong_clock_is_told() {
    let denied = ["assets.*", "me"].map(str::to_owned).to_vec();
    let (code, text) = World::new(Settings { denied, ..Settings::default() }).await.check().await;
    assert_eq!(code, Some(1));
    let told: Vec<&str> =
        text.lines().filter(|line| line.contains("lacks") || line.contains("role")).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    warning  workspace dev: read the workspace: the token lacks the privilege: Forbidden
             hint: the role of the API client needs "workspace details", for this project, from this machine's address
    problem  project orders: list the assets of folder 1002: the token lacks the privilege: Forbidden
             hint: the role of the API client needs "export manifests: create, show, update, delete, get folder assets", for this project, from this machine's address
    problem  project orders: list the assets of folder 999: the token lacks the privilege: Forbidden
             hint: the role of the API client needs "export manifests: create, show, update, delete, get folder assets", for this project, from this machine's address
    problem  project review: list the assets of folder 1002: the token lacks the privilege: Forbidden
             hint: the role of the API client needs "export manifests: create, show, update, delete, get folder assets", for this project, from this machine's address
    "#);

    let late = World::new(Settings { clock_offset_ms: 90_500, ..Settings::default() }).await.check().await.1;
    assert!(late.contains("warning  workspace dev: this machine's clock is "), "{late}");
    assert!(late.contains(" s behind the workspace's\n"), "{late}");

    let revoked = World::new(Settings { revoked: true, ..Settings::default() }).await.check().await;
    assert_eq!(revoked.0, Some(1));
    assert!(revoked.1.starts_with("problem  workspace dev: read the workspace: the token was not accepted"));
}
