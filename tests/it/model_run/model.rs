//! What must be true of a run, known without anything of the program's: who wrote what after having seen what.
//!
//! Every text that anybody writes is a mark that occurs nowhere else, and so is every deletion. A mark follows those
//! that stood where it was written. The daemon may carry a mark to another side only in the place of one that it
//! follows: else somebody's work is gone that nobody has seen. A person who settles a conflict lets the chosen side
//! follow the other.
//!
//! With two branches the daemon may change neither people's branch nor the order of what the workspace held: its own
//! branch holds what the workspace holds, or held before. A person who merges that has seen both.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{bail, ensure};

/// Where files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// In the workspace.
    Workspace,
    /// On the branch that people work on.
    Main,
    /// On the branch that holds what the workspace holds, where there is one: the daemon alone writes it.
    Mirror,
}

impl Place {
    fn other(self) -> Self {
        match self {
            Self::Workspace => Self::Main,
            Self::Main | Self::Mirror => Self::Workspace,
        }
    }
}

/// What stands at a path before anybody wrote there.
const NONE: &str = "none";

/// Everything that was written.
#[derive(Clone, Default)]
pub(crate) struct Model {
    /// By path and mark, the marks that it follows.
    follows: BTreeMap<(String, String), BTreeSet<String>>,
    /// By place and path, the mark that stands there.
    stands: BTreeMap<(Place, String), String>,
    /// The marks that the daemon has seen on both sides, by path.
    shared: BTreeSet<(String, String)>,
    /// Deletions of what the daemon has never seen on both sides: they leave what was there before, nothing.
    void: BTreeSet<(String, String)>,
    /// What people deleted in the workspace, by path.
    deleted: BTreeSet<(String, String)>,
    /// What has stood in the workspace, by path, the first one first: as often as somebody looked.
    held: BTreeMap<String, Vec<String>>,
    /// The paths that a person has chosen the workspace's file for.
    kept: BTreeSet<String>,
    written: usize,
}

impl Model {
    /// Returns the mark that stands at a path.
    pub(crate) fn at(&self, place: Place, path: &str) -> String {
        self.stands.get(&(place, path.to_owned())).cloned().unwrap_or_else(|| NONE.to_owned())
    }

    /// Returns whether a file stands at a path.
    pub(crate) fn is_file(&self, place: Place, path: &str) -> bool {
        is_file(&self.at(place, path))
    }

    /// Returns all paths that were ever written.
    pub(crate) fn paths(&self) -> BTreeSet<String> {
        self.stands.keys().map(|(_, path)| path.clone()).collect()
    }

    /// Returns how many marks there are.
    pub(crate) fn count(&self) -> usize {
        self.follows.len()
    }

    /// Makes a mark for a new text.
    pub(crate) fn mark(&mut self) -> String {
        self.written += 1;
        format!("t{}x", self.written)
    }

    /// A person writes a mark, in sight of what stands there.
    pub(crate) fn write(&mut self, place: Place, path: &str, mark: &str) {
        let (before, beside) = (self.at(place, path), self.at(place.other(), path));
        self.follow(path, mark, &before);
        if !is_file(&before) && !is_file(&beside) {
            // Nothing is there on either side, whoever deleted it.
            self.follow(path, mark, &beside);
        }
        self.stand(place, path, mark);
    }

    fn stand(&mut self, place: Place, path: &str, mark: &str) {
        if place == Place::Workspace {
            self.held.entry(path.to_owned()).or_default().push(mark.to_owned());
        }
        self.stands.insert((place, path.to_owned()), mark.to_owned());
    }

    /// Returns whether the workspace held one mark, and then another or the same.
    fn was_held_in_order(&self, path: &str, mark: &str, next: &str) -> bool {
        let mut held = self.held.get(path).into_iter().flatten();
        mark == NONE || held.any(|held| held == mark) && (mark == next || held.any(|held| held == next))
    }

    /// A person chooses one side's file for a path, having seen both.
    pub(crate) fn choose(&mut self, place: Place, path: &str) {
        let (chosen, other) = (self.at(place, path), self.at(place.other(), path));
        self.follow(path, &chosen, &other);
        if place == Place::Workspace {
            self.kept.insert(path.to_owned());
        }
    }

    /// Returns whether a person has chosen the workspace's file for a path.
    pub(crate) fn is_kept(&self, path: &str) -> bool {
        self.kept.contains(path)
    }

    /// A person deletes a file.
    pub(crate) fn delete(&mut self, place: Place, path: &str) {
        self.written += 1;
        let mark = format!("gone{}", self.written);
        let before = self.at(place, path);
        if !self.was_shared(path, &before) {
            self.void.insert((path.to_owned(), mark.clone()));
        }
        self.write(place, path, &mark);
        // Absence looks like absence: where a file went to the place of a deletion and is deleted before the daemon has
        // seen it there, what was decided about the one counts for the other.
        let came_back = self.follows.get(&(path.to_owned(), before.clone()));
        let came_back = came_back.is_some_and(|follows| follows.iter().any(|mark| mark.starts_with("gone")));
        if came_back && !self.shared.contains(&(path.to_owned(), before.clone())) {
            self.follow(path, &before, &mark);
        }
        if place == Place::Workspace {
            self.deleted.insert((path.to_owned(), mark));
        }
    }

    /// Returns whether a text, or one that it goes back to, was on both sides.
    fn was_shared(&self, path: &str, mark: &str) -> bool {
        let mut open = vec![mark.to_owned()];
        // Marks may follow each other in a circle: what came back after it was replaced.
        let mut known = BTreeSet::new();
        while let Some(mark) = open.pop() {
            let key = (path.to_owned(), mark);
            if self.shared.contains(&key) {
                return true;
            }
            let before = self.follows.get(&key).into_iter().flatten().filter(|before| is_file(before));
            open.extend(before.filter(|before| known.insert((*before).clone())).cloned());
        }
        false
    }

    /// Notes that a mark was written in sight of another.
    pub(crate) fn follow(&mut self, path: &str, mark: &str, before: &str) {
        let followed = self.follows.entry((path.to_owned(), mark.to_owned())).or_default();
        if mark != before {
            followed.insert(before.to_owned());
        }
    }

    /// Returns whether a mark is another, or was written in sight of it or of what follows it.
    pub(crate) fn has_seen(&self, path: &str, mark: &str, other: &str) -> bool {
        let mut open = vec![mark.to_owned()];
        let mut known = BTreeSet::new();
        while let Some(mark) = open.pop() {
            if mark == other {
                return true;
            }
            if known.insert(mark.clone()) {
                open.extend(self.follows.get(&(path.to_owned(), mark)).into_iter().flatten().cloned());
            }
        }
        false
    }

    /// Looks at a place after the daemon has worked: what it has changed, it may have changed.
    pub(crate) fn look(&mut self, place: Place, files: &BTreeMap<String, String>) -> anyhow::Result<()> {
        let paths: BTreeSet<String> = self.paths().into_iter().chain(files.keys().cloned()).collect();
        for path in paths {
            let before = self.at(place, &path);
            let now = match files.get(&path) {
                Some(text) => mark_in(text)?,
                None if !is_file(&before) => continue,
                None if place == Place::Mirror => self.deletion(&path, &before),
                // There may be another file by now in the place of what was deleted in the workspace.
                None if place == Place::Main && self.is_file(Place::Workspace, &path) => {
                    self.deletion(&path, &before)
                }
                None => self.at(place.other(), &path),
            };
            ensure!(
                files.contains_key(&path) || !is_file(&now),
                "{path} is gone in {place:?}, and nobody deleted it"
            );
            if now == before {
                continue;
            }
            ensure!(
                self.follows.contains_key(&(path.clone(), now.clone())),
                "{path} holds {now} in {place:?}, which nobody wrote there"
            );
            // What the workspace may hold after what was judged there; its branch only must not go back.
            let goes_on = place == Place::Mirror && !self.has_seen(&path, &before, &now);
            ensure!(
                self.has_seen(&path, &now, &before)
                    || self.void.contains(&(path.clone(), before.clone()))
                    || goes_on
                    || place == Place::Mirror && self.was_held_in_order(&path, &before, &now),
                "{now} took the place of {before} at {path} in {place:?}, and who wrote it had not seen that"
            );
            self.stand(place, &path, &now);
        }
        Ok(())
    }

    /// Returns the deletion in the workspace that a branch shows where a mark stood: there may be another file by now. The
    /// mark itself where nobody has deleted it.
    fn deletion(&self, path: &str, before: &str) -> String {
        let deletions = self.deleted.iter().filter(|(of, _)| of == path);
        let mut seen = deletions.filter(|(_, mark)| self.has_seen(path, mark, before));
        seen.next_back().map_or(before, |(_, mark)| mark).to_owned()
    }

    /// Says that the daemon has left a branch alone that is not its own.
    pub(crate) fn is_as_left(&self, place: Place, files: &BTreeMap<String, String>) -> anyhow::Result<()> {
        let stand = |path: &String| {
            let mark = self.at(place, path);
            is_file(&mark).then(|| (path.clone(), mark))
        };
        let wanted: BTreeMap<String, String> = self.paths().iter().filter_map(stand).collect();
        let found = marks(files)?;
        ensure!(found == wanted, "{place:?} holds {found:?}, and people have left {wanted:?} there");
        Ok(())
    }

    /// Says that the workspace's branch holds nothing but what the workspace holds, or has held.
    pub(crate) fn is_behind(&self) -> anyhow::Result<()> {
        for path in self.paths() {
            let (mirror, workspace) = (self.at(Place::Mirror, &path), self.at(Place::Workspace, &path));
            ensure!(
                !is_file(&mirror) || self.has_seen(&path, &workspace, &mirror),
                "the workspace's branch holds {mirror} at {path}, and the workspace {workspace}"
            );
        }
        Ok(())
    }

    /// A person merges the workspace's branch into the one that people work on, and has seen both at a path.
    pub(crate) fn merge(&mut self, path: &str, is_taken: bool) {
        let (main, mirror) = (self.at(Place::Main, path), self.at(Place::Mirror, path));
        match (is_taken, mirror != NONE) {
            (true, true) => {
                self.follow(path, &mirror, &main);
                self.stand(Place::Main, path, &mirror);
            }
            // What was on people's branch alone when the workspace's was started from it.
            (true, false) => self.delete(Place::Main, path),
            (false, _) if main != NONE => self.follow(path, &main, &mirror),
            (false, _) => {}
        }
    }

    /// Notes what both sides hold, now that the daemon has seen it and saved that.
    pub(crate) fn share(&mut self) {
        for path in self.paths() {
            let mark = self.at(Place::Main, &path);
            if mark == self.at(Place::Workspace, &path) {
                self.shared.insert((path, mark));
            }
        }
    }

    /// Returns the paths at which the two sides differ.
    pub(crate) fn differing(&self) -> BTreeSet<String> {
        let differs = |path: &String| {
            let (workspace, main) = (self.at(Place::Workspace, path), self.at(Place::Main, path));
            workspace != main && (is_file(&workspace) || is_file(&main))
        };
        self.paths().into_iter().filter(differs).collect()
    }
}

/// Returns whether a mark is a text's.
pub(crate) fn is_file(mark: &str) -> bool {
    mark.starts_with('t')
}

/// Finds the one mark in each of some files.
pub(crate) fn marks(files: &BTreeMap<String, String>) -> anyhow::Result<BTreeMap<String, String>> {
    files.iter().map(|(path, text)| Ok((path.clone(), mark_in(text)?))).collect()
}

/// Finds the one mark in a file.
pub(crate) fn mark_in(text: &str) -> anyhow::Result<String> {
    let is_mark = |word: &&str| {
        let digits = word.strip_prefix('t').and_then(|word| word.strip_suffix('x'));
        digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut marks = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_mark);
    match (marks.next(), marks.next()) {
        (Some(mark), None) => Ok(mark.to_owned()),
        found => bail!("{found:?} in {text:?}, where one mark was written"),
    }
}

#[test]
fn the_model_complains_of_what_is_lost() {
    const PATH: &str = "a";
    let looked = |place, mark: Option<&str>, prepare: fn(&mut Model)| {
        let mut model = Model::default();
        for place in [Place::Workspace, Place::Main] {
            model.write(place, PATH, "t1x");
        }
        model.share();
        prepare(&mut model);
        let files = mark.map(|mark| (PATH.to_owned(), format!("say {mark}")));
        model.look(place, &files.into_iter().collect()).map_err(|error| error.to_string())
    };
    let edited = |model: &mut Model| model.write(Place::Main, PATH, "t2x");
    let both = |model: &mut Model| {
        model.write(Place::Main, PATH, "t2x");
        model.write(Place::Workspace, PATH, "t3x");
    };
    let deleted = |model: &mut Model| model.delete(Place::Workspace, PATH);
    // An export that was asked for in between shows the deletion.
    let made_anew = |model: &mut Model| {
        model.delete(Place::Workspace, PATH);
        model.write(Place::Workspace, PATH, "t3x");
    };
    assert!(looked(Place::Workspace, Some("t2x"), edited).is_ok());
    assert!(looked(Place::Main, None, deleted).is_ok());
    assert!(looked(Place::Main, None, made_anew).is_ok());
    assert!(looked(Place::Main, Some("t1x"), edited).unwrap_err().contains("had not seen"));
    assert!(looked(Place::Workspace, Some("t2x"), both).unwrap_err().contains("had not seen"));
    assert!(looked(Place::Workspace, None, edited).unwrap_err().contains("nobody deleted"));
    assert!(looked(Place::Main, None, |_| ()).unwrap_err().contains("nobody deleted"));
    assert!(looked(Place::Workspace, Some("t1x"), deleted).unwrap_err().contains("had not seen"));
    assert!(looked(Place::Workspace, Some("t9x"), edited).unwrap_err().contains("nobody wrote"));
}

#[test]
fn the_model_complains_of_a_branch_that_is_not_what_the_workspace_was() {
    const PATH: &str = "a";
    let model = |prepare: fn(&mut Model)| {
        let mut model = Model::default();
        for place in [Place::Workspace, Place::Main, Place::Mirror] {
            model.write(place, PATH, "t1x");
        }
        model.share();
        prepare(&mut model);
        model
    };
    let files =
        |mark: Option<&str>| mark.map(|mark| (PATH.to_owned(), format!("say {mark}"))).into_iter().collect();
    let looked = |mark, prepare| {
        let mut model = model(prepare);
        model
            .look(Place::Mirror, &files(mark))
            .and_then(|()| model.is_behind())
            .map_err(|error| error.to_string())
    };
    let edited = |model: &mut Model| model.write(Place::Workspace, PATH, "t2x");
    let edited_in_git = |model: &mut Model| model.write(Place::Main, PATH, "t2x");
    let deleted = |model: &mut Model| model.delete(Place::Workspace, PATH);
    let made_anew = |model: &mut Model| {
        model.delete(Place::Workspace, PATH);
        model.write(Place::Workspace, PATH, "t3x");
    };
    assert!(looked(Some("t1x"), edited).is_ok());
    assert!(looked(Some("t2x"), edited).is_ok());
    assert!(looked(None, deleted).is_ok());
    assert!(looked(None, made_anew).is_ok());
    let went_back = |model: &mut Model| {
        model.write(Place::Workspace, PATH, "t2x");
        model.write(Place::Mirror, PATH, "t2x");
    };
    assert!(looked(Some("t1x"), went_back).unwrap_err().contains("had not seen"));
    assert!(looked(None, edited).unwrap_err().contains("nobody deleted"));
    assert!(looked(None, |_| ()).unwrap_err().contains("nobody deleted"));
    assert!(looked(Some("t2x"), edited_in_git).unwrap_err().contains("and the workspace t1x"));

    let left = |mark, prepare| {
        model(prepare).is_as_left(Place::Main, &files(mark)).map_err(|error| error.to_string())
    };
    assert!(left(Some("t2x"), edited_in_git).is_ok());
    assert!(left(Some("t1x"), edited_in_git).unwrap_err().contains("people have left"));
    assert!(left(Some("t2x"), edited).unwrap_err().contains("people have left"));
}

#[test]
fn who_deletes_a_file_in_conflict_leaves_the_place_to_the_other_side() {
    const PATH: &str = "a";
    let theirs = BTreeMap::from([(PATH.to_owned(), "say t3x".to_owned())]);
    for has_chosen in [false, true] {
        let mut model = Model::default();
        for (place, mark) in [(Place::Mirror, "t2x"), (Place::Workspace, "t2x"), (Place::Main, "t3x")] {
            model.write(place, PATH, mark);
        }
        if has_chosen {
            model.choose(Place::Workspace, PATH);
        }
        model.delete(Place::Workspace, PATH);
        model.look(Place::Workspace, &theirs).unwrap();
        model.clone().look(Place::Mirror, &BTreeMap::new()).unwrap();
        model.look(Place::Mirror, &theirs).unwrap();
        assert_eq!(model.is_kept(PATH), has_chosen);
    }
}

#[test]
fn a_deletion_that_looks_like_the_one_before_counts_as_that() {
    const PATH: &str = "a";
    let text = BTreeMap::from([(PATH.to_owned(), "say t2x".to_owned())]);
    for was_seen in [false, true] {
        let mut model = Model::default();
        for (place, mark) in [(Place::Workspace, "t1x"), (Place::Main, "t1x")] {
            model.write(place, PATH, mark);
        }
        model.share();
        model.write(Place::Main, PATH, "t2x");
        model.delete(Place::Workspace, PATH);
        model.choose(Place::Main, PATH);
        model.look(Place::Workspace, &text).unwrap();
        if was_seen {
            model.share();
        }
        model.delete(Place::Workspace, PATH);
        assert_eq!(model.look(Place::Workspace, &text).is_err(), was_seen);
    }
}

#[test]
fn who_merges_has_seen_both() {
    const PATH: &str = "a";
    let mut model = Model::default();
    for place in [Place::Workspace, Place::Main, Place::Mirror] {
        model.write(place, PATH, "t1x");
    }
    model.share();
    model.write(Place::Main, PATH, "t2x");
    model.write(Place::Workspace, PATH, "t3x");
    model.write(Place::Mirror, PATH, "t3x");
    let files = [(PATH.to_owned(), "say t2x".to_owned())].into();
    assert!(model.clone().look(Place::Workspace, &files).is_err());
    model.merge(PATH, false);
    model.look(Place::Workspace, &files).unwrap();
}
