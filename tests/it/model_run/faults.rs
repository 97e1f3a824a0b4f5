//! What fails in a run: the platform, git, and what is on the disk.

use serde_json::{Value, json};

use super::{Run, Stage, write};

/// The requests that a look and an import are made of.
const ROUTES: [&str; 9] = [
    "me",
    "assets.list",
    "manifest.*",
    "export.start",
    "package.get",
    "download",
    "store.get",
    "import.start",
    "import.start",
];

/// Folders that a file may stand in the place of.
const FOLDERS: [&str; 7] = [
    "state/repos",
    "state/repos/recipes.git",
    "state/repos/recipes.git/objects",
    "state/repos/recipes.git/objects/pack",
    "state/repos/recipes.git/refs",
    "upstream.git/objects",
    "upstream.git/refs",
];

/// Folders that may be read-only.
const READ_ONLY: [&str; 4] = ["state", "state/repos", "upstream.git", "tmp"];

/// Mounts a folder read-only for one process alone, whoever runs it, where the machine lets people have name spaces.
const MOUNT: &str = r#"exec unshare --user --map-root-user --mount /bin/sh -c '
mount --bind FOLDER FOLDER && mount -o remount,bind,ro FOLDER && : > ON
exec "$0" "$@"' "$0" "$@""#;

/// What the disk does to one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    /// Nothing.
    Works,
    /// No file gets larger than so many blocks of 512 bytes: the upstream's neither.
    Full(u32),
    /// A folder cannot be written.
    ReadOnly(&'static str),
    /// A folder cannot be read: a file stands in its place.
    Unreadable(&'static str),
}

impl Disk {
    /// Returns what a shell does before it starts the process; nothing where the process needs none.
    pub(super) fn shell(self, stage: &Stage) -> Option<String> {
        match self {
            Self::Works | Self::Unreadable(_) => None,
            Self::Full(blocks) => Some(format!("trap '' XFSZ; ulimit -f {blocks}")),
            Self::ReadOnly(folder) => {
                let path = |name| stage.path(name).to_str().unwrap().to_owned();
                Some(MOUNT.replace("FOLDER", &path(folder)).replace("ON", &path("cut/mounted")))
            }
        }
    }
}

/// What is left in a cache by git where it was killed.
const LEFT: [&str; 7] = [
    "packed-refs.lock",
    "HEAD.lock",
    "config.lock",
    "shallow.lock",
    "refs/remotes/origin/main.lock",
    "refs/remotes/origin/workspace.lock",
    "objects/pack/tmp_pack_a1b2c3",
];

impl Run<'_> {
    /// Lets something fail from now on, or nothing.
    pub(super) fn make_fail(&mut self) {
        for _ in 0..self.random.u8(0..3).saturating_sub(1) + self.random.u8(0..2) {
            let fault = self.fault();
            self.deeds.push(format!("fault {fault}"));
            self.stage().fault(&fault);
            self.tally.faults += 1;
        }
        if self.random.u8(0..4) == 0 {
            self.make_git_fail();
            self.tally.faults += 1;
        }
        if self.random.u8(0..10) == 0 {
            self.make_disk_fail();
        }
    }

    fn make_disk_fail(&mut self) {
        self.disk = match self.random.u8(0..6) {
            0..2 => Disk::Full([0, 1, 2, 4, 8, 16, 32, 48, 64, 96, 128][self.random.usize(..11)]),
            2 => Disk::ReadOnly(READ_ONLY[self.random.usize(..READ_ONLY.len())]),
            _ => Disk::Unreadable(FOLDERS[self.random.usize(..FOLDERS.len())]),
        };
        self.deeds.push(format!("the disk: {:?}", self.disk));
        self.tally.disks += 1;
        if let Disk::Unreadable(folder) = self.disk {
            move_folder(self, folder, "unread");
            if self.stage().path("unread").exists() {
                write(&self.stage().path(folder), "");
            }
        }
    }

    /// Ends what the disk does; what was made in the place of a folder stays.
    fn mend_disk(&mut self) {
        if let Disk::Unreadable(folder) = self.disk {
            let path = self.stage().path(folder);
            if path.is_file() {
                recipesync::fs::remove_file(&path).unwrap();
            }
            if path.exists() || !path.parent().unwrap().exists() {
                drop(recipesync::fs::remove_folder(&self.stage().path("unread")));
            }
            move_folder(self, "unread", folder);
        }
        self.tally.mounts += usize::from(self.stage().path("cut/mounted").exists());
        drop(recipesync::fs::remove_file(&self.stage().path("cut/mounted")));
        self.disk = Disk::Works;
    }

    /// Half of the time, takes away the last that a killed process has saved: a disk that said it was written.
    #[expect(clippy::disallowed_methods, reason = "a disk that spoils a file")]
    pub(super) fn cut_log(&mut self) {
        let path = self.stage().path("state/recipesync.db-wal");
        let Ok(bytes) = std::fs::read(&path) else { return };
        if bytes.is_empty() || self.random.bool() {
            return;
        }
        let mut bytes = bytes;
        let at = self.random.usize(..bytes.len());
        if self.random.bool() {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 0xff;
        }
        self.deeds.push(format!("the log of what was saved is spoilt from byte {at} on"));
        self.tally.logs_cut += 1;
        std::fs::write(&path, bytes).unwrap();
    }

    fn fault(&mut self) -> Value {
        let (times, skip) = (self.random.u32(1..4), self.random.u32(0..3));
        let route = ROUTES[self.random.usize(..ROUTES.len())];
        let own = match route {
            "export.start" => self.of_exports(),
            "import.start" => self.of_imports(),
            _ => Value::Null,
        };
        let then = if own.is_null() || self.random.u8(0..3) == 0 { self.of_any() } else { own };
        json!({ "on": route, "times": times, "skip": skip, "then": then })
    }

    fn of_any(&mut self) -> Value {
        let all = [
            json!({ "status": { "code": 500 } }),
            json!({ "status": { "code": 502, "body": "<html>Bad gateway</html>" } }),
            json!({ "status": { "code": 429 } }),
            json!({ "status": { "code": 429, "headers": { "retry-after": "0" } } }),
            json!({ "status": { "code": 403 } }),
            json!({ "status": { "code": 404 } }),
            json!({ "status": { "code": 422 } }),
            json!({ "accept_then": { "code": 500 } }),
            json!("cut"),
            json!({ "cut_body": { "after": 0 } }),
            json!({ "cut_body": { "after": 30 } }),
            json!({ "slow": { "bytes": 200, "ms": 1 } }),
        ];
        all[self.random.usize(..all.len())].clone()
    }

    fn of_exports(&mut self) -> Value {
        let all = [
            json!("empty"),
            json!("vanish"),
            json!("stuck"),
            json!({ "truncate": { "keep": 200 } }),
            json!({ "hostile": { "name": "dotdot" } }),
            json!({ "fail": { "error": "no" } }),
            json!({ "word": { "running": "queued", "done": "succeeded" } }),
        ];
        all[self.random.usize(..all.len())].clone()
    }

    fn of_imports(&mut self) -> Value {
        let result = ["restarted", "stopped", "restart_failed", "stop_failed", "not_found", "exploded"];
        let all = [
            json!("half"),
            json!("no_effect"),
            json!("other"),
            json!("vanish"),
            json!("stuck"),
            json!("wrong_ids"),
            json!({ "some_results": { "count": 0 } }),
            json!({ "fail": { "error": "no" } }),
            json!({ "word": { "done": "error" } }),
            json!({ "import_result": { "recipe": "*", "result": result[self.random.usize(..6)] } }),
        ];
        all[self.random.usize(..all.len())].clone()
    }

    fn make_git_fail(&mut self) {
        let cache = self.stage().path("state/repos/recipes.git");
        let what = self.random.u8(0..9);
        match what {
            0 => write(&self.stage().path("cut/refuse"), ""),
            1 => move_folder(self, "upstream.git", "away.git"),
            2 => write(&self.stage().path("upstream.git/refs/heads/main.lock"), ""),
            3 => drop(recipesync::fs::remove_folder(&cache)),
            4 => drop(recipesync::fs::remove_folder(&cache.join("objects"))),
            5 => self.spoil_a_pack(),
            6 => write(&self.stage().path("cut/wipe"), ""),
            _ => {
                let name = LEFT[self.random.usize(..LEFT.len())];
                let path = cache.join(name);
                if path.parent().is_some_and(std::path::Path::exists) {
                    write(&path, "");
                }
            }
        }
        self.deeds.push(format!("git fails: {what}"));
    }

    /// Writes over the middle of one of the cache's packs.
    #[expect(clippy::disallowed_methods, reason = "a disk that spoils a file")]
    fn spoil_a_pack(&mut self) {
        let packs = self.stage().path("state/repos/recipes.git/objects/pack");
        let mut names = recipesync::fs::list(&packs).unwrap_or_default();
        names.retain(|name| name.extension().is_some_and(|extension| extension == "pack"));
        names.sort();
        if names.is_empty() {
            return;
        }
        let path = packs.join(&names[self.random.usize(..names.len())]);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 8].fill(0xff);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }

    /// Ends what fails on git's side, and half of the time what fails on the platform's.
    pub(super) fn mend(&mut self) {
        self.mend_disk();
        for told in ["cut/refuse", "cut/wipe"] {
            drop(recipesync::fs::remove_file(&self.stage().path(told)));
        }
        move_folder(self, "away.git", "upstream.git");
        drop(recipesync::fs::remove_file(&self.stage().path("upstream.git/refs/heads/main.lock")));
        if self.random.bool() {
            self.stage().world(|world| world.faults.clear());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "an upstream that is away for a while")]
fn move_folder(run: &Run<'_>, from: &str, to: &str) {
    if run.stage().path(from).exists() {
        std::fs::rename(run.stage().path(from), run.stage().path(to)).unwrap();
    }
}
