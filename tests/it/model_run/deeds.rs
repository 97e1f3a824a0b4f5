//! What people do in a run: they write, move and delete on both sides, and with two branches they merge.

use super::model::Place;
use super::{MIRROR, PATHS, Run, TOOL, TOOL_CODE};
use crate::stage::{PROJECT, recipe, says};

impl Run<'_> {
    /// What a person does.
    pub(super) fn deed(&mut self) {
        let place = if self.random.bool() { Place::Workspace } else { Place::Main };
        let path = PATHS[self.random.usize(..PATHS.len())];
        match self.random.u8(0..20) {
            0..8 => self.write(place, path),
            8..10 => {
                // Both at the same place.
                self.write(Place::Workspace, path);
                self.write(Place::Main, path);
            }
            10 => self.write_the_same(path),
            11..14 => self.delete(place, path),
            14..16 => self.rename(place, path),
            16..18 => self.prepare_race(path),
            18 if self.has_mirror => drop(self.merge(true)),
            19 if self.has_mirror => drop(self.merge(false)),
            _ => self.make_noise(path),
        }
    }

    /// Returns the file that a text makes.
    fn file(path: &str, mark: &str) -> String {
        match path {
            // Not in the description, which a platform that does something else may write.
            TOOL => format!(
                "{{\"title\": \"tool\", \"description\": \"\", \"purpose\": \"{mark}\", \"version_no\": 1}}"
            ),
            TOOL_CODE => format!("# {mark}\n"),
            _ => recipe(path.rsplit('/').next().unwrap().split('.').next().unwrap(), mark),
        }
    }

    pub(super) fn write(&mut self, place: Place, path: &str) {
        let mark = self.model.mark();
        self.write_mark(place, path, &mark);
    }

    fn write_mark(&mut self, place: Place, path: &str, mark: &str) {
        if path == TOOL_CODE && !self.model.is_file(place, TOOL) {
            return;
        }
        self.deeds.push(format!("{mark} is written to {path} in {place:?}"));
        match place {
            Place::Workspace if path.ends_with("recipe.json") && self.model.is_file(place, path) => {
                self.stage().edit_in_workspace(path, &says(mark));
            }
            Place::Workspace => self.stage().put_in_workspace(path, Self::file(path, mark)),
            Place::Main | Place::Mirror => {
                self.people().commit("main", &[(path, Some(Self::file(path, mark)))]);
            }
        }
        self.model.write(place, path, mark);
    }

    fn write_the_same(&mut self, path: &str) {
        let mark = self.model.mark();
        self.write_mark(Place::Workspace, path, &mark);
        self.write_mark(Place::Main, path, &mark);
    }

    /// Deletes a file; with its JSON goes the asset.
    fn delete(&mut self, place: Place, path: &str) {
        let path = if path == TOOL_CODE { TOOL } else { path };
        let siblings = if path == TOOL { vec![TOOL, TOOL_CODE] } else { vec![path] };
        let there: Vec<&str> = siblings.into_iter().filter(|path| self.model.is_file(place, path)).collect();
        if !there.contains(&path) {
            return;
        }
        self.deeds.push(format!("{path} is deleted in {place:?}"));
        match place {
            Place::Workspace => self.stage().delete_in_workspace(path),
            Place::Main | Place::Mirror => {
                let files: Vec<_> = there.iter().map(|path| (*path, None)).collect();
                self.people().commit("main", &files);
            }
        }
        for path in there {
            self.model.delete(place, path);
        }
    }

    /// Moves a recipe to another place that is free.
    fn rename(&mut self, place: Place, path: &'static str) {
        let to = PATHS[self.random.usize(..7)];
        let is_free = !self.model.is_file(place, to);
        if !path.ends_with("recipe.json") || !self.model.is_file(place, path) || !is_free {
            return;
        }
        let mark = self.model.at(place, path);
        self.deeds.push(format!("{path} is moved to {to} in {place:?}"));
        match place {
            Place::Workspace => {
                let now = self.lives.now();
                self.stage().world(|world| world.rename_file(PROJECT, path, to, now)).unwrap();
            }
            Place::Main | Place::Mirror => {
                let text = self.people().text("main", path);
                self.people().commit("main", &[(path, None), (to, Some(text))]);
            }
        }
        self.model.delete(place, path);
        self.model.write(place, to, &mark);
    }

    /// Prepares a commit that is there just before the daemon's next push.
    fn prepare_race(&mut self, path: &'static str) {
        if self.people().tip("main").is_none() || path == TOOL_CODE || self.race.is_some() {
            return;
        }
        let mark = self.model.mark();
        let commit = self.people().commit_aside("main", &[(path, Some(Self::file(path, &mark)))]);
        self.race = Some((commit, path, mark));
    }

    /// Saves without a change, or commits beside the project.
    fn make_noise(&mut self, path: &str) {
        if path.ends_with("recipe.json") && self.model.is_file(Place::Workspace, path) {
            let mark = self.model.at(Place::Workspace, path);
            self.stage().edit_in_workspace(path, &says(&mark));
        }
    }

    /// Brings the workspace's branch to the one that people work on, as git merges: what one side alone has changed
    /// since the last merge is taken from there, and of what both have changed a person chooses. Returns whether
    /// there was something to bring.
    pub(super) fn merge(&mut self, is_squashed: bool) -> bool {
        let Some([base, ours, theirs]) = self.people().to_merge("main", MIRROR) else { return false };
        let paths = self.model.paths();
        let differ = |path: &&String| theirs.get(*path) != ours.get(*path);
        let clash: Vec<&String> = paths
            .iter()
            .filter(differ)
            .filter(|path| theirs.get(*path) != base.get(*path) && ours.get(*path) != base.get(*path))
            .collect();
        // The two files of an asset are brought together.
        let is_tool = |path: &str| path == TOOL || path == TOOL_CODE;
        let tool_clashes = clash.iter().any(|path| is_tool(path));
        let takes_tool = self.random.bool();
        let mut taken = Vec::new();
        for path in paths.iter().filter(differ) {
            let takes = match (is_tool(path) && tool_clashes, clash.contains(&path)) {
                (true, _) => takes_tool,
                (false, true) => self.random.bool(),
                (false, false) => ours.get(path) == base.get(path),
            };
            if takes {
                taken.push(path.clone());
            }
        }
        if taken.is_empty() && is_squashed {
            return false;
        }
        self.deeds
            .push(format!("the workspace's branch is merged (squashed: {is_squashed}), taken: {taken:?}"));
        self.people().merge("main", MIRROR, &taken, is_squashed);
        self.tally.merges += 1;
        for path in &paths {
            self.model.merge(path, taken.contains(path));
        }
        true
    }
}
