//! The other sides: what a person would do by hand, and the platform's published client.
//!
//! Each has a clone of its own, and tells what the last commit changed, so that nothing is quick by leaving
//! something out.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;

use crate::command::{command, git, git_command};
use crate::place::{Tip, upstream};
use crate::sides::{Side, Taken};
use crate::watch::{Ran, run};
use crate::workspace::Workspace;

/// Where the files are in the clone.
const PATH: &str = "orders";

/// Writes all files of a folder anew, in the form that a diff is read in.
const REFORMAT: &str = r"
import json, os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(folder, name)
        with open(path, encoding='utf-8') as file:
            value = json.load(file)
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(value, file, indent=2, sort_keys=True, ensure_ascii=False)
";

/// How much is done by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Extent {
    /// `unzip -qo`, `git add -A`, `git commit` of a package that is on the disk.
    Local,
    /// The same, the package fetched with `curl` before and the commit pushed after.
    Whole,
    /// The same, the files reformatted by this Python before they are added.
    Reformatted(PathBuf),
}

/// A script of `unzip` and git, in a clone that is there.
pub(crate) struct ByHand<'w> {
    workspace: &'w Workspace,
    extent: Extent,
    clone: WorkingCopy,
    zip: PathBuf,
}

impl<'w> ByHand<'w> {
    pub(crate) fn new(folder: &Path, workspace: &'w Workspace, extent: Extent) -> Result<Self> {
        Ok(Self { workspace, extent, clone: WorkingCopy::new(folder)?, zip: folder.join("package.zip") })
    }
}

impl Side for ByHand<'_> {
    fn prepare(&mut self, _case: usize, zip: &Bytes) -> Result<()> {
        if self.extent == Extent::Local {
            return Ok(recipesync::fs::write(&self.zip, zip)?);
        }
        self.workspace.hold(zip, 1, 0);
        Ok(())
    }

    fn export(&mut self) -> Result<Taken> {
        let files = self.clone.folder.join(PATH);
        let mut sum = Sum::default();
        if self.extent != Extent::Local {
            let url = format!("http://{}/api/packages/7/download", self.workspace.address);
            let mut curl = command("curl");
            curl.args(["-sSf", "--noproxy", "*", "-H", "Authorization: Bearer no-secret", "-o"]);
            sum.add(&run(curl.arg(&self.zip).arg(url))?)?;
        }
        let mut unzip = command("unzip");
        sum.add(&run(unzip.arg("-qo").arg(&self.zip).arg("-d").arg(&files))?)?;
        if let Extent::Reformatted(python) = &self.extent {
            sum.add(&run(command(python).args(["-c", REFORMAT]).arg(&files))?)?;
        }
        sum.add(&run(git_command(&self.clone.folder).args(["add", "-A"]))?)?;
        let commit = run(git_command(&self.clone.folder).args(["commit", "-q", "-m", "export"]))?;
        // It ends with 1 where there is nothing to commit; a script would not push then.
        let is_empty = commit.status.code() == Some(1);
        sum.take(&commit);
        ensure!(commit.status.success() || is_empty, "git commit failed");
        let committed = Some(sum.took).filter(|_| self.extent != Extent::Local && !is_empty);
        if self.extent != Extent::Local && !is_empty {
            sum.add(&run(git_command(&self.clone.folder).args(["push", "-q", "origin", "main"]))?)?;
        }
        Ok(Taken { committed, ..sum.taken() })
    }

    fn committed(&mut self) -> Result<usize> {
        match self.extent {
            Extent::Local => self.clone.local.moved(),
            _ => self.clone.remote.moved(),
        }
    }
}

/// `workato pull` of the published client, in a folder of a clone. It writes files alone: the commit by which its work
/// is checked is not measured.
pub(crate) struct Published<'w> {
    workspace: &'w Workspace,
    program: PathBuf,
    home: PathBuf,
    clone: WorkingCopy,
}

impl<'w> Published<'w> {
    pub(crate) fn new(folder: &Path, workspace: &'w Workspace, program: &Path) -> Result<Self> {
        let clone = WorkingCopy::new(folder)?;
        let files = clone.folder.join(PATH);
        recipesync::fs::create_folder(&files)?;
        let project = br#"{"project_id": 1, "project_name": "Orders", "folder_id": 1}"#;
        recipesync::fs::write(&files.join(".workatoenv"), project)?;
        recipesync::fs::overwrite(&clone.folder.join(".git/info/exclude"), b".workatoenv\n")?;
        let home = folder.join("home");
        recipesync::fs::create_folder(&home)?;
        Ok(Self { workspace, program: program.to_owned(), home, clone })
    }
}

impl Side for Published<'_> {
    fn prepare(&mut self, _case: usize, zip: &Bytes) -> Result<()> {
        self.workspace.hold(zip, 1, 0);
        Ok(())
    }

    fn export(&mut self) -> Result<Taken> {
        let mut pull = command(&self.program);
        pull.arg("pull").current_dir(self.clone.folder.join(PATH)).env("HOME", &self.home);
        pull.env("WORKATO_HOST", format!("http://{}", self.workspace.address));
        pull.env("WORKATO_API_TOKEN", "no-secret").env("WORKATO_DISABLE_KEYRING", "true");
        pull.env("WORKATO_DISABLE_UPDATE_CHECK", "1").env("WORKATO_DISABLE_DEPRECATION_WARNING", "1");
        pull.env("NO_PROXY", "*").env("no_proxy", "*");
        let mut sum = Sum::default();
        sum.add(&run(&mut pull)?)?;
        Ok(sum.taken())
    }

    fn committed(&mut self) -> Result<usize> {
        git(&self.clone.folder, &["add", "-A"])?;
        git(&self.clone.folder, &["commit", "-q", "--allow-empty", "-m", "pull"])?;
        self.clone.local.moved()
    }
}

/// Returns the Python behind `python3`, which may be a script that looks for one; `None` where there is none.
pub(crate) fn python() -> Option<PathBuf> {
    let mut asked = command("python3");
    asked.args(["-c", "import json, sys; print(sys.executable)"]).stdout(Stdio::piped());
    let answer = asked.stderr(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(answer.stdout).ok()?.trim().into())
}

/// Makes sure that a command is there.
pub(crate) fn need(program: &str, argument: &str) -> Result<()> {
    match command(program).arg(argument).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("{program} {argument} ended with {status}"),
        Err(error) => Err(error).with_context(|| format!("install {program}, or leave it out with --alone")),
    }
}

/// A working copy and its upstream.
struct WorkingCopy {
    folder: PathBuf,
    local: Tip,
    remote: Tip,
}

impl WorkingCopy {
    fn new(folder: &Path) -> Result<Self> {
        recipesync::fs::create_folder(folder)?;
        let upstream = upstream(folder)?;
        git(folder, &["clone", "-q", "upstream.git", "clone"])?;
        let clone = folder.join("clone");
        git(&clone, &["config", "gc.auto", "0"])?;
        let (local, remote) = (Tip::of(&clone)?, Tip::of(&upstream)?);
        Ok(Self { folder: clone, local, remote })
    }
}

/// What commands took, one after the other.
#[derive(Default)]
struct Sum {
    took: Duration,
    peak: u64,
}

impl Sum {
    fn add(&mut self, ran: &Ran) -> Result<()> {
        ensure!(ran.status.success(), "{} of the other side ended with {}", ran.program, ran.status);
        self.take(ran);
        Ok(())
    }

    fn take(&mut self, ran: &Ran) {
        self.took += ran.took;
        self.peak = self.peak.max(ran.peak);
    }

    fn taken(&self) -> Taken {
        Taken { whole: self.took, committed: None, pushed: None, work: None, peak: self.peak }
    }
}
