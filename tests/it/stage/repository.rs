//! The upstream of a story, and the person who works with it: real git, a bare repository and a clone of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An upstream and a person's clone.
pub(crate) struct Repository {
    upstream: PathBuf,
    clone: PathBuf,
}

impl Repository {
    /// Makes an empty bare upstream whose default branch is `main`, and a clone beside it.
    pub(super) fn create(folder: &Path) -> Self {
        run(folder, &["init", "--quiet", "--bare", "--initial-branch=main", "upstream.git"]);
        Self::of(folder, "upstream.git", "clone")
    }

    /// Makes an upstream with a working tree on `main`, its first commit in it, and a clone beside it.
    pub(super) fn create_with_working_tree(folder: &Path) -> Self {
        run(folder, &["init", "--quiet", "--initial-branch=main", "desk"]);
        let repository = Self::of(folder, "desk", "clone-of-desk");
        repository.at_upstream(&["commit", "--quiet", "--allow-empty", "--message", "Start"]);
        repository
    }

    fn of(folder: &Path, upstream: &str, clone: &str) -> Self {
        run(folder, &["init", "--quiet", "--initial-branch=main", clone]);
        let repository = Self { upstream: folder.join(upstream), clone: folder.join(clone) };
        repository.git(&["remote", "add", "origin", repository.url()]);
        repository
    }

    /// Returns the upstream's path, as it is configured.
    pub(crate) fn url(&self) -> &str {
        self.upstream.to_str().unwrap()
    }

    /// Runs git in the person's clone, and returns what it prints, without the last newline.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        run(&self.clone, arguments).trim_end().to_owned()
    }

    /// Runs git in the upstream, and returns what it prints, without the last newline.
    pub(crate) fn at_upstream(&self, arguments: &[&str]) -> String {
        run(&self.upstream, arguments).trim_end().to_owned()
    }

    /// Brings the clone to a branch's tip, or starts the branch where there is none.
    pub(crate) fn pull(&self, branch: &str) {
        self.git(&["fetch", "--quiet", "--prune", "origin"]);
        let remote = format!("origin/{branch}");
        if self.tip(branch).is_some() {
            self.git(&["checkout", "--quiet", "--force", "-B", branch, &remote]);
        } else {
            self.git(&["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")]);
        }
    }

    /// Writes files (`None` deletes one), commits and pushes; returns the commit.
    pub(crate) fn commit(&self, branch: &str, message: &str, files: &[(&str, Option<&str>)]) -> String {
        self.pull(branch);
        for (path, text) in files {
            let file = self.clone.join(path);
            match text {
                Some(text) => {
                    recipesync::fs::create_folder(file.parent().unwrap()).unwrap();
                    recipesync::fs::write(&file, text.as_bytes()).unwrap();
                }
                None => recipesync::fs::remove_file(&file).unwrap(),
            }
        }
        self.commit_and_push(branch, message)
    }

    /// Commits all that was changed in the clone and pushes; returns the commit.
    pub(crate) fn commit_and_push(&self, branch: &str, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Makes a symbolic link in the clone.
    pub(crate) fn link(&self, path: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.clone.join(path)).unwrap();
    }

    /// Returns the upstream's tip of a branch.
    pub(crate) fn tip(&self, branch: &str) -> Option<String> {
        let tip =
            self.at_upstream(&["for-each-ref", "--format=%(objectname)", &format!("refs/heads/{branch}")]);
        (!tip.is_empty()).then_some(tip)
    }

    /// Returns a file of the upstream.
    pub(crate) fn file(&self, branch: &str, path: &str) -> Option<String> {
        let listed = self.at_upstream(&["ls-tree", "-r", "-z", "--name-only", branch, "--", path]);
        (!listed.is_empty()).then(|| run(&self.upstream, &["cat-file", "blob", &format!("{branch}:{path}")]))
    }

    /// Returns the paths of all files of a branch of the upstream.
    pub(crate) fn files(&self, branch: &str) -> Vec<String> {
        let listed = self.at_upstream(&["ls-tree", "-r", "--name-only", branch]);
        listed.lines().map(str::to_owned).collect()
    }

    /// Returns the subjects of a branch's commits, newest first.
    pub(crate) fn subjects(&self, branch: &str) -> Vec<String> {
        let log = self.at_upstream(&["log", "--format=%s", branch]);
        log.lines().map(str::to_owned).collect()
    }

    /// Installs a hook of the upstream.
    pub(crate) fn hook(&self, name: &str, script: &str) {
        let hooks = self.upstream.join("hooks");
        recipesync::fs::create_folder(&hooks).unwrap();
        let file = hooks.join(name);
        recipesync::fs::write(&file, format!("#!/bin/sh\n{script}\n").as_bytes()).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&file, mode).unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "the person's own git, not ours")]
fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@acme.example")])
        .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@acme.example")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "git {arguments:?}: {stderr}");
    stdout
}
