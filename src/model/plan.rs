//! The plan: given what was last agreed, what the workspace holds and what the branch holds, what to do, path by
//! path. One pure function; it can be printed, tested as a table, and shown in a review.
//!
//! It knows no bytes: files are named by blob, and [`Facts`] says which blobs are the same content or the same
//! meaning. It does not act, and it does not know what an import or a push is.

use std::collections::btree_map::Iter;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use serde::{Deserialize, Serialize};

pub use super::facts::Facts;
use super::oid::BlobId;
use super::path::PackagePath;
use super::project::Mode;
use crate::asset::compare::Level;
use crate::asset::kind::asset_id;

/// The files of one side, sorted.
pub type Files = BTreeMap<PackagePath, BlobId>;

/// What a path holds on each side; `None` is absent, a content like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pair {
    /// In the workspace.
    pub workspace: Option<BlobId>,
    /// On the branch.
    pub branch: Option<BlobId>,
}

/// What is known of a path from earlier looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// The pair last seen to be the same.
    Agreed(Pair),
    /// Never seen to be the same: differing sides are a conflict until somebody settles it.
    Unknown,
}

/// Which side a person chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The workspace's file goes to git.
    Workspace,
    /// The branch's file goes to the workspace.
    Branch,
}

/// What a person decided for a path, valid only for the two contents that they were shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The side that was chosen.
    pub take: Take,
    /// What the two sides held.
    pub shown: Pair,
}

/// All that a plan depends on.
#[derive(Debug)]
pub struct Input<'a> {
    /// Which directions are configured.
    pub mode: Mode,
    /// Whether a plan was ever carried out; before that, a path nobody knows is not known to be absent.
    pub established: bool,
    /// The paths to decide: at least those that are [`open`]. Of all others the plan says nothing.
    pub open: &'a BTreeSet<PackagePath>,
    /// What is known per open path; one without an entry was last absent on both sides.
    pub known: &'a BTreeMap<PackagePath, Base>,
    /// What was sent for a path and not yet seen in the workspace.
    pub sent: &'a Files,
    /// What people decided.
    pub decisions: &'a BTreeMap<PackagePath, Decision>,
    /// What the workspace holds.
    pub workspace: &'a Files,
    /// What the branch holds.
    pub branch: &'a Files,
    /// The paths whose content in the workspace is part of the branch's history.
    pub seen: &'a BTreeSet<PackagePath>,
    /// The paths whose recording commit was dropped from the branch by a rewritten history.
    pub dropped: &'a BTreeSet<PackagePath>,
    /// Which blobs are the same.
    pub facts: &'a Facts,
}

/// What one look leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The branch takes the workspace's file, or its absence.
    pub to_git: BTreeMap<PackagePath, Option<BlobId>>,
    /// The import takes the branch's file.
    pub to_workspace: Files,
    /// Both sides moved, differently.
    pub conflicts: BTreeMap<PackagePath, Pair>,
    /// Deleted on the branch, still in the workspace: an import cannot delete.
    pub to_prune: BTreeMap<PackagePath, Pair>,
    /// The sides differ, and the direction that would mend it is not configured.
    pub drift: BTreeMap<PackagePath, Pair>,
    /// Recorded on the export branch; bringing it to the import branch is the reviewer's business.
    pub in_review: BTreeMap<PackagePath, Pair>,
    /// What the branch does not take though it should: files that hold secrets.
    pub held: Files,
    /// What drifts because a person chose the workspace's file after the branch had seen it: no review can bring it to
    /// the branch any more, and without the decision the next import would undo the choice.
    pub kept: BTreeSet<PackagePath>,
    /// What is to be remembered: pairs seen to be the same, `None` where both sides are absent by now.
    pub learnt: BTreeMap<PackagePath, Option<Base>>,
}

impl Plan {
    /// Returns whether there is nothing to do and nothing waits.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.to_git.is_empty()
            && self.to_workspace.is_empty()
            && self.conflicts.is_empty()
            && self.to_prune.is_empty()
            && self.drift.is_empty()
            && self.held.is_empty()
    }
}

/// Returns the paths that are not exactly as agreed: those that [`plan`] has to decide.
#[must_use]
pub fn open<'a>(
    known: &'a BTreeMap<PackagePath, Base>,
    sent: &Files,
    workspace: &'a Files,
    branch: &'a Files,
) -> BTreeSet<&'a PackagePath> {
    // All three along their common order: nearly all paths of a large project are as agreed, and to look each one up
    // takes several times as long.
    let (mut known, mut workspace, mut branch) =
        (known.iter().peekable(), workspace.iter().peekable(), branch.iter().peekable());
    let mut open = BTreeSet::new();
    loop {
        let next =
            [known.peek().map(|at| at.0), workspace.peek().map(|at| at.0), branch.peek().map(|at| at.0)];
        let Some(path) = next.into_iter().flatten().min() else { return open };
        let now = Pair { workspace: take(&mut workspace, path), branch: take(&mut branch, path) };
        if take(&mut known, path) != Some(Base::Agreed(now)) || sent.contains_key(path) {
            open.insert(path);
        }
    }
}

/// Takes what comes next where it is about a path.
fn take<V: Copy>(all: &mut Peekable<Iter<'_, PackagePath, V>>, path: &PackagePath) -> Option<V> {
    all.next_if(|(next, _)| *next == path).map(|(_, value)| *value)
}

/// Blobs that are to be compared, each with the level at which.
pub type Undecided = BTreeMap<(PackagePath, BlobId), Level>;

/// Returns the blobs that [`plan`] has to compare: of the [`open`] paths. Where only one side has moved, what that means
/// is not asked.
#[must_use]
pub fn undecided(
    open: &BTreeSet<&PackagePath>,
    known: &BTreeMap<PackagePath, Base>,
    sent: &Files,
    workspace: &Files,
    branch: &Files,
) -> Undecided {
    let mut found = Undecided::new();
    for path in open.iter().copied() {
        let now = Pair { workspace: workspace.get(path).copied(), branch: branch.get(path).copied() };
        let agreed = match known.get(path) {
            Some(Base::Agreed(pair)) => *pair,
            _ => Pair::default(),
        };
        let all = [now.workspace, now.branch, agreed.workspace, agreed.branch, sent.get(path).copied()];
        let distinct: BTreeSet<BlobId> = all.into_iter().flatten().collect();
        let one_moved = now.workspace == agreed.workspace || now.branch == agreed.branch;
        let level = if one_moved && !sent.contains_key(path) { Level::Content } else { Level::Meaning };
        if distinct.len() > 1 {
            found.extend(distinct.into_iter().map(|blob| ((path.clone(), blob), level)));
        }
    }
    found
}

/// Decides, path by path.
#[must_use]
pub fn plan(input: &Input<'_>) -> Plan {
    let mut plan = Plan::default();
    let first_run = !input.established;
    let one_side_is_bare = input.workspace.is_empty() || input.branch.is_empty();
    for path in input.open {
        let now =
            Pair { workspace: input.workspace.get(path).copied(), branch: input.branch.get(path).copied() };
        let base = match input.known.get(path) {
            Some(base) => *base,
            None if first_run && !one_side_is_bare => Base::Unknown,
            None => Base::Agreed(Pair::default()),
        };
        plan.add(input, path, now, base);
    }
    plan.hold_split_assets(input);
    plan
}

/// What the table says of one path, before the configured directions are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Nothing,
    Agree,
    ToGit,
    ToWorkspace,
    Conflict,
}

/// The table of the design: which side moved, and what follows.
fn table(input: &Input<'_>, path: &PackagePath, now: Pair, base: Base) -> Move {
    let facts = input.facts;
    let same = facts.same_content(path, now.workspace, now.branch);
    let Base::Agreed(agreed) = base else {
        return if same || facts.same_meaning(path, now.workspace, now.branch) {
            Move::Agree
        } else if input.seen.contains(path) {
            Move::ToWorkspace
        } else {
            Move::Conflict
        };
    };
    let workspace_moved = !facts.same_content(path, now.workspace, agreed.workspace);
    let branch_moved = !facts.same_content(path, now.branch, agreed.branch);
    let seen = input.seen.contains(path);
    match (workspace_moved, branch_moved) {
        (false, false) => Move::Nothing,
        _ if same => Move::Agree,
        (true, true) if facts.same_meaning(path, now.workspace, now.branch) => Move::Agree,
        (true, false) if !seen => Move::ToGit,
        (true, true) if !seen => Move::Conflict,
        (false, true) if input.dropped.contains(path) => Move::Conflict,
        (_, true) | (true, false) => Move::ToWorkspace,
    }
}

impl Plan {
    fn add(&mut self, input: &Input<'_>, path: &PackagePath, now: Pair, base: Base) {
        let mut base = base;
        let sent = input.sent.get(path).copied();
        if sent.is_some() && input.facts.same_meaning(path, now.workspace, sent) {
            base = Base::Agreed(Pair { workspace: now.workspace, branch: sent });
            self.learnt.insert(path.clone(), Some(base));
        }
        let decision = input.decisions.get(path).filter(|decision| {
            input.facts.same_content(path, now.workspace, decision.shown.workspace)
                && input.facts.same_content(path, now.branch, decision.shown.branch)
        });
        let mut step = table(input, path, now, base);
        let differs = !input.facts.same_meaning(path, now.workspace, now.branch);
        if let (Some(decision), true) = (decision, differs && step != Move::Agree) {
            step = match decision.take {
                Take::Workspace => Move::ToGit,
                Take::Branch => Move::ToWorkspace,
            };
            if !carries(input.mode, step) {
                base = accept(now, decision.take);
                self.learnt.insert(path.clone(), Some(base));
                if decision.take == Take::Workspace && input.seen.contains(path) {
                    self.kept.insert(path.clone());
                    self.drift.insert(path.clone(), now);
                    return;
                }
            }
        }
        self.put(input, path, now, base, step);
    }

    fn put(&mut self, input: &Input<'_>, path: &PackagePath, now: Pair, base: Base, step: Move) {
        let path = path.clone();
        match step {
            Move::Nothing => {
                // A spelling may have changed under the same content: remember the newer one.
                if base != Base::Agreed(now) {
                    self.learnt.insert(path, Some(Base::Agreed(now)));
                }
            }
            Move::Agree if now == Pair::default() => drop(self.learnt.insert(path, None)),
            Move::Agree => drop(self.learnt.insert(path, Some(Base::Agreed(now)))),
            Move::Conflict => {
                if base == Base::Unknown {
                    self.learnt.insert(path.clone(), Some(base));
                }
                self.conflicts.insert(path, now);
            }
            Move::ToGit => match input.mode {
                Mode::OneBranch | Mode::ExportOnly => drop(self.to_git.insert(path, now.workspace)),
                Mode::TwoBranches => drop(self.in_review.insert(path, now)),
                Mode::ImportOnly => drop(self.drift.insert(path, now)),
            },
            Move::ToWorkspace => match (input.mode, now.branch) {
                (Mode::ExportOnly, _) => drop(self.drift.insert(path, now)),
                (_, Some(blob)) => drop(self.to_workspace.insert(path, blob)),
                (_, None) => drop(self.to_prune.insert(path, now)),
            },
        }
    }

    /// An asset goes as a whole: where one of its files cannot go because the workspace holds an edit that the
    /// branch has not seen, sending the others would overwrite that edit. Then the whole asset is a conflict, until
    /// a person has chosen for each of its files.
    fn hold_split_assets(&mut self, input: &Input<'_>) {
        let unseen: BTreeSet<String> = [&self.conflicts, &self.drift, &self.in_review]
            .into_iter()
            .flat_map(BTreeMap::keys)
            .map(|path| asset_id(path).to_owned())
            .collect();
        let held: Vec<PackagePath> =
            self.to_workspace.keys().filter(|path| unseen.contains(asset_id(path))).cloned().collect();
        for path in held {
            let asset = asset_id(&path).to_owned();
            for siblings in [&mut self.drift, &mut self.in_review] {
                let split = siblings.extract_if(.., |path, _| asset_id(path) == asset);
                self.conflicts.extend(split);
            }
            let branch = self.to_workspace.remove(&path);
            self.conflicts
                .insert(path.clone(), Pair { workspace: input.workspace.get(&path).copied(), branch });
        }
    }
}

impl Plan {
    /// Takes back what was to go to git of these paths: the branch keeps what it has, and nothing is agreed. Where the
    /// import would send another file of the same asset, it would send the branch's file of a path that is held as
    /// well, over an edit that the branch has not seen: then the whole asset is a conflict.
    pub fn hold(&mut self, paths: &BTreeSet<PackagePath>, workspace: &Files, branch: &Files) {
        for path in paths {
            if let Some(Some(blob)) = self.to_git.remove(path) {
                self.held.insert(path.clone(), blob);
            }
        }
        let pair = |path: &PackagePath| Pair {
            workspace: workspace.get(path).copied(),
            branch: branch.get(path).copied(),
        };
        let assets: BTreeSet<&str> = self.held.keys().map(asset_id).collect();
        let split: Vec<PackagePath> = self
            .to_workspace
            .extract_if(.., |path, _| assets.contains(asset_id(path)))
            .map(|(path, _)| path)
            .collect();
        let split_assets: BTreeSet<&str> = split.iter().map(asset_id).collect();
        let held = self.held.keys().filter(|path| split_assets.contains(asset_id(path)));
        self.conflicts.extend(split.iter().chain(held).map(|path| (path.clone(), pair(path))));
    }
}

/// Returns whether the configured directions can carry out a decision.
fn carries(mode: Mode, step: Move) -> bool {
    match step {
        Move::ToGit => matches!(mode, Mode::OneBranch | Mode::ExportOnly),
        Move::ToWorkspace => mode != Mode::ExportOnly,
        Move::Nothing | Move::Agree | Move::Conflict => true,
    }
}

/// A decision that cannot be carried out is remembered as what would have led to it: both sides held what was not
/// chosen, and then the chosen one moved. The conflict is over, the difference stays one, and people can end it.
fn accept(now: Pair, take: Take) -> Base {
    let other = match take {
        Take::Workspace => now.branch,
        Take::Branch => now.workspace,
    };
    Base::Agreed(Pair { workspace: other, branch: other })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::compare::Digests;

    const PATH: &str = "a.recipe.json";

    fn path(name: &str) -> PackagePath {
        PackagePath::parse(name).unwrap()
    }

    /// A file by one letter; upper and lower case are the same content, `x` and `y` the same meaning.
    fn blob(letter: char) -> BlobId {
        BlobId::from_bytes([letter as u8; 20])
    }

    fn facts(names: &[&str]) -> Facts {
        let mut facts = Facts::default();
        for name in names {
            for letter in ('a'..='z').chain('A'..='Z') {
                let content = letter.to_ascii_lowercase() as u8;
                let meaning = if content == b'y' { b'x' } else { content };
                facts.insert(
                    path(name),
                    blob(letter),
                    Digests { content: [content; 16], meaning: [meaning; 16] },
                );
            }
        }
        facts
    }

    /// `a` is a file, `-` is none.
    fn side(letter: char) -> Option<BlobId> {
        (letter != '-').then(|| blob(letter))
    }

    fn files(letter: char) -> Files {
        side(letter).map(|blob| (path(PATH), blob)).into_iter().collect()
    }

    fn compared(
        known: &BTreeMap<PackagePath, Base>,
        sent: &Files,
        workspace: &Files,
        branch: &Files,
    ) -> Undecided {
        undecided(&open(known, sent, workspace, branch), known, sent, workspace, branch)
    }

    fn pair(workspace: char, branch: char) -> Pair {
        Pair { workspace: side(workspace), branch: side(branch) }
    }

    /// A situation at one path: agreed workspace and branch (`?` unknown, `.` no entry), then what both hold now.
    struct Case {
        mode: Mode,
        established: bool,
        base: &'static str,
        now: &'static str,
        sent: char,
        seen: bool,
        dropped: bool,
        take: Option<Take>,
    }

    impl Case {
        fn of(mode: Mode, base: &'static str, now: &'static str) -> Self {
            Self { mode, established: true, base, now, sent: '-', seen: false, dropped: false, take: None }
        }

        fn plan(&self) -> Plan {
            self.plan_knowing(|_| facts(&[PATH]))
        }

        /// Plans with what is found out of that which a plan asks for.
        fn plan_knowing(&self, find_out: impl Fn(Undecided) -> Facts) -> Plan {
            let letters = |text: &str| {
                let mut chars = text.chars();
                (chars.next().unwrap(), chars.next().unwrap())
            };
            let mut known = BTreeMap::new();
            match self.base {
                "." => {}
                "?" => drop(known.insert(path(PATH), Base::Unknown)),
                base => {
                    let (workspace, branch) = letters(base);
                    known.insert(path(PATH), Base::Agreed(pair(workspace, branch)));
                }
            }
            let (workspace, branch) = letters(self.now);
            let set = |flag: bool| if flag { BTreeSet::from([path(PATH)]) } else { BTreeSet::new() };
            let decision = self.take.map(|take| Decision { take, shown: pair(workspace, branch) });
            let asked = compared(&known, &files(self.sent), &files(workspace), &files(branch));
            plan(&Input {
                open: &[path(PATH)].into(),
                mode: self.mode,
                established: self.established,
                known: &known,
                sent: &files(self.sent),
                decisions: &decision.map(|decision| (path(PATH), decision)).into_iter().collect(),
                workspace: &files(workspace),
                branch: &files(branch),
                seen: &set(self.seen),
                dropped: &set(self.dropped),
                facts: &find_out(asked),
            })
        }

        /// Returns where the path went, in one word.
        fn went(&self) -> &'static str {
            let plan = self.plan();
            let path = path(PATH);
            let agreed = plan.learnt.get(&path);
            match () {
                () if plan.to_git.contains_key(&path) => "git",
                () if plan.to_workspace.contains_key(&path) => "workspace",
                () if plan.conflicts.contains_key(&path) => "conflict",
                () if plan.to_prune.contains_key(&path) => "prune",
                () if plan.drift.contains_key(&path) => "drift",
                () if plan.in_review.contains_key(&path) => "review",
                () if agreed.is_some() => "agree",
                () => "nothing",
            }
        }
    }

    #[test]
    fn the_table_of_one_branch() {
        for (base, now, went) in [
            ("aa", "aa", "nothing"),
            ("aa", "Aa", "agree"), // another spelling of the same content
            ("aa", "ba", "git"),
            ("aa", "-a", "git"),
            ("aa", "ab", "workspace"),
            ("aa", "a-", "prune"),
            ("aa", "bb", "agree"),
            ("aa", "--", "agree"),
            ("aa", "bc", "conflict"),
            ("aa", "-b", "conflict"),
            ("aa", "b-", "conflict"),
            ("aa", "xy", "agree"), // both moved, to the same meaning
            ("xx", "yx", "git"),   // derived fields are committed
            ("xx", "xy", "workspace"),
            ("xy", "xy", "nothing"), // agreed on by meaning
            (".", "a-", "git"),
            (".", "-a", "workspace"),
            (".", "ab", "conflict"),
            ("?", "aa", "agree"),
            ("?", "xy", "agree"),
            ("?", "ab", "conflict"),
            ("?", "a-", "conflict"),
            ("?", "--", "agree"),
        ] {
            assert_eq!(Case::of(Mode::OneBranch, base, now).went(), went, "{base} → {now}");
        }
    }

    #[test]
    fn a_direction_that_is_not_configured_is_told_and_not_taken() {
        for (mode, workspace_moved, branch_moved, branch_deleted) in [
            (Mode::OneBranch, "git", "workspace", "prune"),
            (Mode::TwoBranches, "review", "workspace", "prune"),
            (Mode::ExportOnly, "git", "drift", "drift"),
            (Mode::ImportOnly, "drift", "workspace", "prune"),
        ] {
            assert_eq!(Case::of(mode, "aa", "ba").went(), workspace_moved, "{mode:?}");
            assert_eq!(Case::of(mode, "aa", "ab").went(), branch_moved, "{mode:?}");
            assert_eq!(Case::of(mode, "aa", "a-").went(), branch_deleted, "{mode:?}");
            assert_eq!(Case::of(mode, "aa", "bc").went(), "conflict", "{mode:?}");
        }
    }

    #[test]
    fn a_branch_that_has_seen_the_workspace_wins() {
        for (base, now, went) in [
            ("aa", "bc", "workspace"),
            ("aa", "ba", "workspace"),
            ("aa", "b-", "prune"),
            ("aa", "bb", "agree"),
            ("aa", "aa", "nothing"),
        ] {
            let case = Case { seen: true, ..Case::of(Mode::TwoBranches, base, now) };
            assert_eq!(case.went(), went, "{base} → {now}");
        }
    }

    #[test]
    fn a_rewritten_history_that_dropped_an_export_is_a_conflict() {
        for (base, now, went) in [("bb", "ba", "conflict"), ("bb", "bb", "nothing"), ("bb", "cb", "git")] {
            let case = Case { dropped: true, ..Case::of(Mode::OneBranch, base, now) };
            assert_eq!(case.went(), went, "{base} → {now}");
        }
    }

    #[test]
    fn the_first_run_agrees_flows_or_asks() {
        let first = |now| Case { established: false, ..Case::of(Mode::OneBranch, ".", now) };
        assert_eq!(first("aa").went(), "agree");
        assert_eq!(first("a-").went(), "git");
        assert_eq!(first("-a").went(), "workspace");
        assert_eq!(first("ab").went(), "conflict");
        // A path that only one side has is a conflict where the other side has something at all.
        let other = path("b.recipe.json");
        let workspace = Files::from([(path(PATH), blob('a')), (other.clone(), blob('a'))]);
        let plan = plan(&Input {
            mode: Mode::OneBranch,
            established: false,
            open: &[path(PATH), other.clone()].into(),
            known: &BTreeMap::new(),
            sent: &Files::new(),
            decisions: &BTreeMap::new(),
            workspace: &workspace,
            branch: &files('a'),
            seen: &BTreeSet::new(),
            dropped: &BTreeSet::new(),
            facts: &Facts::default(),
        });
        assert_eq!(plan.conflicts.keys().collect::<Vec<_>>(), [&other]);
        assert_eq!(plan.learnt[&other], Some(Base::Unknown), "and it stays one until somebody settles it");
    }

    #[test]
    fn what_was_sent_counts_as_seen_once_the_workspace_shows_it() {
        // Sent x, the server made y of it, and the branch has moved on to c meanwhile.
        let moved_on = Case { sent: 'x', ..Case::of(Mode::OneBranch, "aa", "yc") };
        assert_eq!(moved_on.went(), "workspace");
        assert_eq!(moved_on.plan().learnt[&path(PATH)], Some(Base::Agreed(pair('y', 'x'))));
        let quiet = Case { sent: 'x', ..Case::of(Mode::OneBranch, "aa", "yx") };
        assert_eq!(quiet.went(), "agree");
        // Not shown: sent again, by the table.
        assert_eq!(Case { sent: 'x', ..Case::of(Mode::OneBranch, "aa", "ax") }.went(), "workspace");
    }

    #[test]
    fn a_decision_is_carried_out_where_it_can_be_and_else_accepted() {
        use Take::{Branch, Workspace};
        for (mode, take, now, went) in [
            (Mode::OneBranch, Workspace, "bc", "git"),
            (Mode::OneBranch, Branch, "bc", "workspace"),
            (Mode::OneBranch, Branch, "b-", "prune"),
            (Mode::OneBranch, Workspace, "a-", "git"), // a person may put a deleted file back
            (Mode::ExportOnly, Workspace, "bc", "git"),
            (Mode::ExportOnly, Branch, "bc", "drift"),
            (Mode::ImportOnly, Workspace, "bc", "drift"),
            (Mode::ImportOnly, Branch, "ba", "workspace"), // drift undone
            (Mode::TwoBranches, Workspace, "bc", "review"),
            (Mode::TwoBranches, Branch, "bc", "workspace"),
        ] {
            let case = Case { take: Some(take), ..Case::of(mode, "aa", now) };
            assert_eq!(case.went(), went, "{mode:?} {take:?} {now}");
        }
        // Accepted, the conflict does not come back by itself, does when the branch moves again, and ends by a merge.
        for (now, next) in [("bc", "bd"), ("ac", "ad"), ("-c", "-d")] {
            let case = Case { take: Some(Workspace), ..Case::of(Mode::TwoBranches, "aa", now) };
            assert_eq!(case.plan().learnt[&path(PATH)], Some(Base::Agreed(pair('c', 'c'))));
            assert_eq!(Case::of(Mode::TwoBranches, "cc", now).went(), "review");
            assert_eq!(Case::of(Mode::TwoBranches, "cc", next).went(), "conflict");
            let merged = Case { seen: true, ..Case::of(Mode::TwoBranches, "cc", now) };
            assert_eq!(merged.went(), "workspace");
        }
    }

    #[test]
    fn a_choice_against_what_the_branch_holds_in_sight_of_the_workspace_stays_one() {
        for (base, now) in [("aa", "bc"), ("cc", "bc"), ("cc", "-c"), ("bb", "b-")] {
            let chosen =
                Case { take: Some(Take::Workspace), seen: true, ..Case::of(Mode::TwoBranches, base, now) };
            assert_eq!(chosen.went(), "drift", "{base} → {now}");
            assert_eq!(chosen.plan().kept, BTreeSet::from([path(PATH)]), "{base} → {now}");
        }
        // What the reviewer has not seen yet can still be brought by a merge.
        let unseen = Case { take: Some(Take::Workspace), ..Case::of(Mode::TwoBranches, "aa", "bc") };
        assert!(unseen.plan().kept.is_empty());
        // The branch moves on: it is its turn again. So does the workspace: that is for the reviewer.
        assert_eq!(Case { seen: true, ..Case::of(Mode::TwoBranches, "cc", "bd") }.went(), "workspace");
        assert_eq!(Case::of(Mode::TwoBranches, "cc", "dc").went(), "review");
    }

    #[test]
    fn a_decision_about_other_contents_is_void() {
        let shown = Decision { take: Take::Branch, shown: pair('b', 'c') };
        let plan = plan(&Input {
            mode: Mode::OneBranch,
            established: true,
            open: &[path(PATH)].into(),
            known: &BTreeMap::from([(path(PATH), Base::Agreed(pair('a', 'a')))]),
            sent: &Files::new(),
            decisions: &BTreeMap::from([(path(PATH), shown)]),
            workspace: &files('d'),
            branch: &files('c'),
            seen: &BTreeSet::new(),
            dropped: &BTreeSet::new(),
            facts: &facts(&[PATH]),
        });
        assert!(plan.conflicts.contains_key(&path(PATH)));
    }

    #[test]
    fn an_asset_with_an_unseen_edit_in_one_file_is_held_whole() {
        let (json, code) = ("c.custom_adapter.json", "c.custom_adapter.rb");
        let agreed = Base::Agreed(pair('a', 'a'));
        let input = |decisions: BTreeMap<PackagePath, Decision>| {
            plan(&Input {
                mode: Mode::ImportOnly,
                established: true,
                open: &[json, code].map(path).into(),
                known: &BTreeMap::from([(path(json), agreed), (path(code), agreed)]),
                sent: &Files::new(),
                decisions: &decisions,
                workspace: &Files::from([(path(json), blob('a')), (path(code), blob('b'))]),
                branch: &Files::from([(path(json), blob('c')), (path(code), blob('a'))]),
                seen: &BTreeSet::new(),
                dropped: &BTreeSet::new(),
                facts: &facts(&[json, code]),
            })
        };
        let held = input(BTreeMap::new());
        assert!(held.to_workspace.is_empty());
        assert_eq!(held.conflicts[&path(json)], pair('a', 'c'));
        assert_eq!(held.conflicts[&path(code)], pair('b', 'a'));
        let take = |name, shown| (path(name), Decision { take: Take::Branch, shown });
        let settled = input(BTreeMap::from([take(json, pair('a', 'c')), take(code, pair('b', 'a'))]));
        assert_eq!(settled.to_workspace.len(), 2);
        // The other file's edit was not chosen against.
        let half = input(BTreeMap::from([take(json, pair('a', 'c'))]));
        assert!(half.to_workspace.is_empty() && half.conflicts.len() == 2);
    }

    #[test]
    fn what_holds_a_secret_stays_out_of_git_and_is_not_imported_over() {
        let (json, code, other) = ("c.custom_adapter.json", "c.custom_adapter.rb", "a.recipe.json");
        let agreed = Base::Agreed(pair('a', 'a'));
        let files =
            |of: [(&str, char); 3]| -> Files { of.map(|(name, letter)| (path(name), blob(letter))).into() };
        let held = BTreeSet::from([path(code)]);
        let planned = |branch: &Files, decisions: &BTreeMap<PackagePath, Decision>| {
            let workspace = files([(json, 'a'), (code, 'b'), (other, 'b')]);
            let mut plan = plan(&Input {
                mode: Mode::OneBranch,
                established: true,
                open: &[json, code, other].map(path).into(),
                known: &[json, code, other].map(|name| (path(name), agreed)).into(),
                sent: &Files::new(),
                decisions,
                workspace: &workspace,
                branch,
                seen: &BTreeSet::new(),
                dropped: &BTreeSet::new(),
                facts: &facts(&[json, code, other]),
            });
            plan.hold(&held, &workspace, branch);
            plan
        };
        let none = BTreeMap::new();
        let quiet = planned(&files([(json, 'a'), (code, 'a'), (other, 'a')]), &none);
        assert_eq!(quiet.to_git.keys().collect::<Vec<_>>(), [&path(other)], "the others go");
        assert_eq!(quiet.held, Files::from([(path(code), blob('b'))]));
        assert!(quiet.conflicts.is_empty() && quiet.learnt.is_empty() && !quiet.is_quiet());
        // The asset's other file was committed: sending it would send the branch's code as well.
        let branch = files([(json, 'c'), (code, 'a'), (other, 'a')]);
        let split = planned(&branch, &none);
        assert!(split.to_workspace.is_empty());
        assert_eq!(split.conflicts, [(path(json), pair('a', 'c')), (path(code), pair('b', 'a'))].into());
        // A person may choose the branch's files.
        let take = |name, shown| (path(name), Decision { take: Take::Branch, shown });
        let settled = planned(&branch, &[take(json, pair('a', 'c')), take(code, pair('b', 'a'))].into());
        assert_eq!(settled.to_workspace.len(), 2);
        assert!(settled.held.is_empty() && settled.conflicts.is_empty());
    }

    #[test]
    fn only_what_is_not_as_agreed_is_compared() {
        let known = BTreeMap::from([(path(PATH), Base::Agreed(pair('a', 'b')))]);
        let none = Files::new();
        assert!(compared(&known, &none, &files('a'), &files('b')).is_empty());
        assert_eq!(compared(&known, &none, &files('a'), &files('c')).len(), 3);
        assert_eq!(
            compared(&known, &files('b'), &files('a'), &files('b')).len(),
            2,
            "what was sent is looked for"
        );
    }

    #[test]
    fn what_is_compared_is_enough_to_decide() {
        let all = facts(&[PATH]);
        let asked_for = |asked: Undecided| {
            let mut some = Facts::default();
            for ((path, blob), level) in asked {
                let known = all.0[&(path.clone(), blob)];
                match level {
                    Level::Content => some.insert_content(path, blob, known.content),
                    Level::Meaning => drop(some.0.insert((path, blob), known)),
                }
            }
            some
        };
        let sides = ['-', 'a', 'A', 'x', 'y'];
        let nows =
            sides.iter().flat_map(|a| sides.iter().map(move |b| String::leak(format!("{a}{b}")) as &str));
        for now in nows.collect::<Vec<_>>() {
            for base in ["?", ".", "aa", "aA", "ax", "-a", "xy"] {
                for mode in [Mode::OneBranch, Mode::TwoBranches] {
                    for (sent, bits) in
                        sides.into_iter().flat_map(|sent| (0..8).map(move |bits| (sent, bits)))
                    {
                        let (established, seen, dropped) = (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
                        let case = Case { established, sent, seen, dropped, ..Case::of(mode, base, now) };
                        assert_eq!(
                            case.plan_knowing(asked_for),
                            case.plan(),
                            "{mode:?} {base} {now} {sent} {bits}"
                        );
                    }
                }
            }
        }
    }

    proptest::proptest! {
        /// The paths are found along their order, as they would be one by one.
        #[test]
        fn open_is_each_path_that_is_not_exactly_as_agreed(
            known in proptest::collection::btree_map("[a-c]{1,2}", 0..4_u8, 0..8),
            workspace in proptest::collection::btree_map("[a-c]{1,2}", 0..3_u8, 0..8),
            branch in proptest::collection::btree_map("[a-c]{1,2}", 0..3_u8, 0..8),
            sent in proptest::collection::btree_map("[a-c]{1,2}", 0..3_u8, 0..3),
        ) {
            let blob = |number: &u8| BlobId::from_bytes([*number; 20]);
            let path = |name: &String| PackagePath::parse(name).unwrap();
            let files = |all: &BTreeMap<String, u8>| -> Files {
                all.iter().map(|(name, number)| (path(name), blob(number))).collect()
            };
            let agreed = |number: &u8| match number {
                3 => Base::Unknown,
                _ => Base::Agreed(Pair { workspace: Some(blob(number)), branch: Some(blob(number)) }),
            };
            let known = known.iter().map(|(name, number)| (path(name), agreed(number))).collect();
            let (workspace, branch, sent) = (files(&workspace), files(&branch), files(&sent));
            let all: BTreeSet<&PackagePath> =
                BTreeMap::keys(&known).chain(workspace.keys()).chain(branch.keys()).collect();
            let is_open = |path: &&&PackagePath| {
                let now = Pair { workspace: workspace.get(**path).copied(), branch: branch.get(**path).copied() };
                sent.contains_key(**path) || known.get(**path) != Some(&Base::Agreed(now))
            };
            let expected: BTreeSet<&PackagePath> = all.iter().filter(is_open).copied().collect();
            proptest::prop_assert_eq!(open(&known, &sent, &workspace, &branch), expected);
        }

        /// Nothing that one side holds and nobody has seen is ever replaced without being told.
        #[test]
        fn an_unseen_edit_is_never_overwritten(
            mode in proptest::sample::select(vec![Mode::ExportOnly, Mode::ImportOnly, Mode::OneBranch, Mode::TwoBranches]),
            base in proptest::sample::select(vec!["aa", "ab", "?", ".", "xy"]),
            workspace in proptest::sample::select(vec!['a', 'b', 'c', 'x', '-']),
            branch in proptest::sample::select(vec!['a', 'b', 'c', 'y', '-']),
            established in proptest::bool::ANY,
        ) {
            let now: &'static str = String::leak(format!("{workspace}{branch}"));
            let case = Case { established, ..Case::of(mode, base, now) };
            let plan = case.plan();
            let path = path(PATH);
            let agreed = match base {
                "?" => None,
                "." => Some(pair('-', '-')),
                pair_of => Some(pair(pair_of.chars().next().unwrap(), pair_of.chars().nth(1).unwrap())),
            };
            if plan.to_git.contains_key(&path) {
                // The branch loses what it holds: that was agreed on.
                proptest::prop_assert_eq!(agreed.map(|agreed| agreed.branch), Some(side(branch)));
            }
            if plan.to_workspace.contains_key(&path) {
                proptest::prop_assert_eq!(agreed.map(|agreed| agreed.workspace), Some(side(workspace)));
            }
        }
    }
}
