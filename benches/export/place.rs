//! Where a side works: a repository with an upstream, a configuration, and git as nobody's machine has set it up.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::git;
use crate::workspace::Workspace;

/// What our program needs: a configuration, a state folder, an upstream.
pub(crate) struct Place {
    pub(crate) config: PathBuf,
    /// A home whose git configuration lets git write down when it began and ended.
    pub(crate) home: PathBuf,
    pub(crate) trace: PathBuf,
    pub(crate) tip: Tip,
}

impl Place {
    /// Makes one for so many projects, each with a path of its own in one repository.
    pub(crate) fn new(folder: &Path, workspace: &Workspace, projects: usize) -> Result<Self> {
        let upstream = upstream(folder)?;
        let config = folder.join("recipesync.toml");
        let mut text = format!(
            r#"
            state_dir = "state"
            [workspace.bench]
            url = "http://{}"
            token_file = "token"
            requests_per_minute = 1000000
            [repository.recipes]
            url = "upstream.git"
            poll = "1s"
            "#,
            workspace.address
        );
        for number in 0..projects {
            text += &format!(
                r#"
                [project.orders-{number}]
                workspace = "bench"
                repository = "recipes"
                path = "orders-{number}"
                folder_id = {}
                export.branch = "main"
                "#,
                number + 1
            );
        }
        recipesync::fs::write(&config, text.as_bytes())?;
        recipesync::fs::write(&folder.join("token"), b"no-secret\n")?;
        let (home, trace) = (folder.join("home"), folder.join("git.trace"));
        recipesync::fs::create_folder(&home)?;
        let text = format!("[trace2]\n\teventTarget = {}\n", trace.display());
        recipesync::fs::write(&home.join(".gitconfig"), text.as_bytes())?;
        Ok(Self { config, home, trace, tip: Tip::of(&upstream)? })
    }
}

/// Makes a bare repository with an empty first commit.
pub(crate) fn upstream(folder: &Path) -> Result<PathBuf> {
    let upstream = folder.join("upstream.git");
    recipesync::fs::create_folder(&upstream)?;
    git(&upstream, &["init", "-q", "--bare", "-b", "main"])?;
    git(&upstream, &["config", "gc.auto", "0"])?;
    let tree = git(&upstream, &["hash-object", "-t", "tree", "-w", "/dev/null"])?;
    let start = git(&upstream, &["commit-tree", tree.trim(), "-m", "start"])?;
    git(&upstream, &["update-ref", "refs/heads/main", start.trim()])?;
    Ok(upstream)
}

/// Where a repository's branch was.
pub(crate) struct Tip {
    folder: PathBuf,
    commit: String,
}

impl Tip {
    pub(crate) fn of(folder: &Path) -> Result<Self> {
        Ok(Self { folder: folder.to_owned(), commit: git(folder, &["rev-parse", "main"])? })
    }

    /// Returns how many files differ from where it was, and notes where it is.
    pub(crate) fn moved(&mut self) -> Result<usize> {
        let now = git(&self.folder, &["rev-parse", "main"])?;
        let names =
            git(&self.folder, &["diff", "--name-only", "--no-renames", self.commit.trim(), now.trim()])?;
        self.commit = now;
        Ok(names.lines().count())
    }
}
