//! The scenarios: what people do, what the platform does to it, and what must come of it however often the daemon
//! is killed meanwhile.

use anyhow::ensure;
use recipesync::model::plan::Take;
use recipesync::model::project::ProjectName;
use recipesync::model::status::Standing;
use recipesync::store::{Settlement, Store};

use super::ground::{Ground, Sight};
use crate::stage::{PROJECT, Pairing, recipe};

const INTAKE: &str = "intake.recipe.json";
const NOTIFY: &str = "notify.recipe.json";
const OLD: &str = "old.recipe.json";
const NEW: &str = "new.recipe.json";
const OTHER: &str = "sub/other.recipe.json";

/// A file whose edits no list of a folder shows, and what it holds in turn.
const TOOL: &str = "tool.custom_adapter.json";
const TOOL_ONE: &str = r#"{"description":"one","title":"tool"}"#;
const TOOL_TWO: &str = r#"{"description":"two","title":"tool"}"#;
const TOOL_THREE: &str = r#"{"description":"three","title":"tool"}"#;

/// What both sides hold at first.
const BASE: [(&str, &str); 3] = [(INTAKE, "one"), (NOTIFY, "one"), (OLD, "one")];

/// A story that is told with kills.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) pairing: fn() -> Pairing,
    /// Whether both sides agree before it begins; else it is the first run.
    pub(crate) is_settled: bool,
    /// How often a job says that it still runs: exports, imports.
    pub(crate) polls: (u32, u32),
    /// What happens before it begins, after both sides agree.
    pub(crate) settle: fn(&Ground) -> anyhow::Result<()>,
    /// What people do.
    pub(crate) change: fn(&Ground) -> anyhow::Result<()>,
    /// What they do between a kill and the next start; the number counts the kills.
    pub(crate) meanwhile: fn(&Ground, usize),
    /// What the platform does.
    pub(crate) faults: &'static [&'static str],
    /// The edits that must not be lost, by path and text.
    pub(crate) edits: &'static [(&'static str, &'static str)],
    /// How many commits of ours there may be.
    pub(crate) commits: usize,
    /// How many imports there may be without a kill.
    pub(crate) imports: usize,
    /// What it comes to.
    pub(crate) ends: fn(&Sight) -> anyhow::Result<()>,
}

impl Scenario {
    /// Returns the workspace's files at first.
    pub(crate) fn files(&self) -> Vec<(&'static str, String)> {
        BASE.map(|(path, text)| (path, recipe(path.split('.').next().unwrap(), text))).into()
    }
}

/// One in which nothing happens.
pub(crate) const PLAIN: Scenario = Scenario {
    name: "",
    pairing: Pairing::one_branch,
    is_settled: true,
    polls: (0, 1),
    settle: |_| Ok(()),
    change: |_| Ok(()),
    meanwhile: |_, _| {},
    faults: &[],
    edits: &[],
    commits: 0,
    imports: 0,
    ends: |_| Ok(()),
};

pub(crate) const FIRST_RUN: Scenario = Scenario {
    name: "first run",
    is_settled: false,
    edits: &BASE,
    commits: 1,
    ends: |sight| sight.agree(&BASE),
    ..PLAIN
};

pub(crate) const EDIT_IN_WORKSPACE: Scenario = Scenario {
    name: "edit in the workspace",
    change: |ground| say_in_workspace(ground, INTAKE, "two"),
    edits: &[(INTAKE, "two")],
    commits: 1,
    ends: |sight| sight.agree(&[(INTAKE, "two"), (NOTIFY, "one"), (OLD, "one")]),
    ..PLAIN
};

pub(crate) const EDIT_ON_BRANCH: Scenario = Scenario {
    name: "edit on the branch",
    change: |ground| say_on_branch(ground, &[(INTAKE, "two")]),
    edits: &[(INTAKE, "two")],
    imports: 1,
    ends: |sight| {
        ensure!(!gave_up(sight) || sight.kills > 1, "it gave up after one kill");
        let workspace = if gave_up(sight) { "one" } else { "two" };
        sight.hold(
            &[(INTAKE, workspace), (NOTIFY, "one"), (OLD, "one")],
            &[(INTAKE, "two"), (NOTIFY, "one"), (OLD, "one")],
        )?;
        if gave_up(sight) { sight.waits_for(&[INTAKE]) } else { is_in_sync(sight) }
    },
    ..PLAIN
};

pub(crate) const EDITS_ON_BOTH: Scenario = Scenario {
    name: "edits on both sides",
    change: |ground| {
        say_in_workspace(ground, INTAKE, "two")?;
        say_on_branch(ground, &[(NOTIFY, "two")])
    },
    edits: &[(INTAKE, "two"), (NOTIFY, "two")],
    commits: 1,
    imports: 1,
    ends: |sight| {
        ensure!(!gave_up(sight) || sight.kills > 1, "it gave up after one kill");
        let workspace = if gave_up(sight) { "one" } else { "two" };
        sight.hold(
            &[(INTAKE, "two"), (NOTIFY, workspace), (OLD, "one")],
            &[(INTAKE, "two"), (NOTIFY, "two"), (OLD, "one")],
        )?;
        if gave_up(sight) { sight.waits_for(&[NOTIFY]) } else { is_in_sync(sight) }
    },
    ..PLAIN
};

pub(crate) const CONFLICT: Scenario = Scenario {
    name: "conflict",
    change: |ground| {
        say_in_workspace(ground, INTAKE, "theirs")?;
        say_on_branch(ground, &[(INTAKE, "ours")])
    },
    edits: &[(INTAKE, "theirs"), (INTAKE, "ours")],
    ends: |sight| {
        ensure!(sight.conflicts() == [INTAKE] && sight.standing == Standing::Conflict, "no conflict");
        ensure!(sight.state.offered.is_some(), "the workspace's side is not shown in git");
        sight.hold(
            &[(INTAKE, "theirs"), (NOTIFY, "one"), (OLD, "one")],
            &[(INTAKE, "ours"), (NOTIFY, "one"), (OLD, "one")],
        )
    },
    ..PLAIN
};

pub(crate) const DELETION_IN_WORKSPACE: Scenario = Scenario {
    name: "deletion in the workspace",
    change: |ground| {
        ground.lives.stage.delete_in_workspace(OLD);
        Ok(())
    },
    commits: 1,
    ends: |sight| sight.agree(&[(INTAKE, "one"), (NOTIFY, "one")]),
    ..PLAIN
};

pub(crate) const DELETION_ON_BRANCH: Scenario = Scenario {
    name: "deletion on the branch",
    change: |ground| {
        ground.people().commit("main", &[(OLD, None)]);
        Ok(())
    },
    ends: |sight| {
        let waits: Vec<&str> = sight.state.to_prune.keys().map(|path| path.as_str()).collect();
        ensure!(waits == [OLD] && sight.standing == Standing::Drift, "the deletion is not told");
        sight.hold(&BASE, &[(INTAKE, "one"), (NOTIFY, "one")])
    },
    ..PLAIN
};

pub(crate) const PARTIAL_IMPORT: Scenario = Scenario {
    name: "partial import",
    change: |ground| say_on_branch(ground, &[(INTAKE, "two"), (NOTIFY, "two")]),
    faults: &[r#"{"on":"import.start","times":1,"then":"half"}"#],
    edits: &[(INTAKE, "two"), (NOTIFY, "two")],
    imports: 1,
    ends: |sight| {
        let branch = [(INTAKE, "two"), (NOTIFY, "two"), (OLD, "one")];
        if sight.standing == Standing::InSync {
            // Its answer was lost, so it was sent once more, and whole.
            ensure!(sight.kills > 0, "half of it counts as all");
            return sight.agree(&branch);
        }
        sight.waits_for(&[NOTIFY])?;
        let none = sight.workspace[INTAKE] == "one" && sight.kills > 1;
        sight.hold(&[(INTAKE, if none { "one" } else { "two" }), (NOTIFY, "one"), (OLD, "one")], &branch)
    },
    ..PLAIN
};

pub(crate) const LOST_OUTCOME: Scenario = Scenario {
    name: "lost outcome",
    faults: &[r#"{"on":"import.start","times":1,"then":{"accept_then":{"code":500}}}"#],
    ..EDIT_ON_BRANCH
};

pub(crate) const LOST_REQUEST: Scenario = Scenario {
    name: "lost request",
    faults: &[r#"{"on":"import.start","times":1,"then":{"status":{"code":500}}}"#],
    imports: 2,
    ends: |sight| {
        let workspace = if gave_up(sight) { "one" } else { "two" };
        ensure!(!gave_up(sight) || sight.kills > 0, "it gave up after one failure");
        sight.hold(
            &[(INTAKE, workspace), (NOTIFY, "one"), (OLD, "one")],
            &[(INTAKE, "two"), (NOTIFY, "one"), (OLD, "one")],
        )?;
        if gave_up(sight) { sight.waits_for(&[INTAKE]) } else { is_in_sync(sight) }
    },
    ..EDIT_ON_BRANCH
};

pub(crate) const RACED_PUSH: Scenario = Scenario {
    name: "raced push",
    change: |ground| {
        say_in_workspace(ground, INTAKE, "two")?;
        let notify = recipe("notify", "two");
        ground.lives.race(&ground.people().commit_aside("main", &[(NOTIFY, Some(notify))]));
        Ok(())
    },
    ..EDITS_ON_BOTH
};

pub(crate) const REJECTED_IMPORT: Scenario = Scenario {
    name: "rejected import",
    change: |ground| say_on_branch(ground, &[(INTAKE, "two")]),
    faults: &[r#"{"on":"import.start","then":{"import_result":{"recipe":"*","result":"stop_failed"}}}"#],
    edits: &[(INTAKE, "two")],
    imports: 1,
    ends: |sight| {
        sight.waits_for(&[INTAKE])?;
        sight.hold(&BASE, &[(INTAKE, "two"), (NOTIFY, "one"), (OLD, "one")])
    },
    ..PLAIN
};

/// The scenarios that are told with every pair of kills.
pub(crate) const CORE: [Scenario; 11] = [
    FIRST_RUN,
    EDIT_IN_WORKSPACE,
    EDIT_ON_BRANCH,
    EDITS_ON_BOTH,
    CONFLICT,
    DELETION_IN_WORKSPACE,
    DELETION_ON_BRANCH,
    PARTIAL_IMPORT,
    LOST_OUTCOME,
    RACED_PUSH,
    REJECTED_IMPORT,
];

pub(crate) const FOLLOWED_BY_COMMIT: Scenario = Scenario {
    name: "a commit follows the kill",
    change: |ground| say_on_branch(ground, &[(INTAKE, "two")]),
    meanwhile: |ground, _| say_on_branch(ground, &[(INTAKE, "three")]).unwrap(),
    edits: &[(INTAKE, "two")],
    imports: 1,
    ends: |sight| {
        let text = if sight.kills == 0 { "two" } else { "three" };
        sight.agree(&[(INTAKE, text), (NOTIFY, "one"), (OLD, "one")])
    },
    ..PLAIN
};

const FOLLOWED_BY_EDIT: Scenario = Scenario {
    name: "an edit follows the kill",
    change: |ground| say_on_branch(ground, &[(INTAKE, "two")]),
    meanwhile: |ground, _| say_in_workspace(ground, INTAKE, "three").unwrap(),
    edits: &[(INTAKE, "two")],
    commits: 1,
    imports: 1,
    ends: |sight| {
        if sight.kills == 0 {
            return sight.agree(&[(INTAKE, "two"), (NOTIFY, "one"), (OLD, "one")]);
        }
        if sight.standing == Standing::InSync {
            return sight.agree(&[(INTAKE, "three"), (NOTIFY, "one"), (OLD, "one")]);
        }
        ensure!(sight.conflicts() == [INTAKE], "no conflict");
        sight.hold(
            &[(INTAKE, "three"), (NOTIFY, "one"), (OLD, "one")],
            &[(INTAKE, "two"), (NOTIFY, "one"), (OLD, "one")],
        )
    },
    ..PLAIN
};

const FOLLOWED_BY_REVERT: Scenario = Scenario {
    name: "the push before the kill is reverted",
    change: |ground| say_in_workspace(ground, INTAKE, "two"),
    meanwhile: |ground, _| {
        if ground.people().branch("main")[INTAKE] == "two" {
            say_on_branch(ground, &[(INTAKE, "one")]).unwrap();
        }
    },
    edits: &[(INTAKE, "two")],
    commits: 1,
    imports: 1,
    ends: |sight| {
        let text = if sight.commits.len() > 1 { "one" } else { "two" };
        sight.agree(&[(INTAKE, text), (NOTIFY, "one"), (OLD, "one")])
    },
    ..PLAIN
};

const FOLLOWED_BY_DELETION: Scenario = Scenario {
    name: "what was pushed before the kill is deleted",
    change: |ground| say_in_workspace(ground, NEW, "new"),
    meanwhile: |ground, _| {
        if ground.people().branch("main").contains_key(NEW) {
            ground.people().commit("main", &[(NEW, None)]);
        }
    },
    edits: &[(NEW, "new")],
    commits: 1,
    ends: |sight| {
        let with_new = [(INTAKE, "one"), (NOTIFY, "one"), (OLD, "one"), (NEW, "new")];
        if sight.commits.len() == 1 {
            return sight.agree(&with_new);
        }
        ensure!(sight.state.to_prune.len() == 1, "the deletion is not told");
        sight.hold(&with_new, &BASE)
    },
    ..PLAIN
};

const FIRST_RUN_FOLLOWED_BY_WORK: Scenario = Scenario {
    name: "what the first run has pushed before the kill is edited and deleted",
    is_settled: false,
    meanwhile: |ground, _| {
        if ground.people().branch("main").contains_key(OLD) {
            let two = recipe("intake", "two");
            ground.people().commit("main", &[(INTAKE, Some(two)), (OLD, None)]);
        }
    },
    edits: &BASE,
    commits: 1,
    imports: 1,
    ends: |sight| {
        if sight.commits.len() == 1 {
            return sight.agree(&BASE);
        }
        let waits: Vec<&str> = sight.state.to_prune.keys().map(|path| path.as_str()).collect();
        ensure!(waits == [OLD] && sight.standing == Standing::Drift, "the deletion is not told");
        let branch = [(INTAKE, "two"), (NOTIFY, "one")];
        sight.hold(&[(INTAKE, "two"), (NOTIFY, "one"), (OLD, "one")], &branch)
    },
    ..PLAIN
};

const FIRST_RUN_FOLLOWED_BY_DELETIONS: Scenario = Scenario {
    name: "all that the first run has pushed before the kill is deleted",
    is_settled: false,
    meanwhile: |ground, _| {
        if ground.people().branch("main").contains_key(OLD) {
            ground.people().commit("main", &BASE.map(|(path, _)| (path, None)));
        }
    },
    edits: &BASE,
    commits: 1,
    ends: |sight| {
        if sight.commits.len() == 1 {
            return sight.agree(&BASE);
        }
        ensure!(sight.state.to_prune.len() == BASE.len(), "the deletions are not told");
        sight.hold(&BASE, &[])
    },
    ..PLAIN
};

const FOLLOWED_BY_RETURN: Scenario = Scenario {
    name: "the deletion that was pushed before the kill is undone",
    change: |ground| {
        ground.lives.stage.delete_in_workspace(OLD);
        Ok(())
    },
    meanwhile: |ground, _| {
        if !ground.people().branch("main").contains_key(OLD) {
            say_on_branch(ground, &[(OLD, "one")]).unwrap();
        }
    },
    commits: 1,
    imports: 1,
    ends: |sight| {
        let all = [(INTAKE, "one"), (NOTIFY, "one"), (OLD, "one")];
        sight.agree(if sight.commits.len() > 1 { &all } else { &all[..2] })
    },
    ..PLAIN
};

const NEW_FILES: Scenario = Scenario {
    name: "new files on both sides",
    change: |ground| {
        say_in_workspace(ground, NEW, "new")?;
        say_on_branch(ground, &[(OTHER, "other")])
    },
    edits: &[(NEW, "new"), (OTHER, "other")],
    commits: 1,
    imports: 1,
    ends: |sight| {
        sight.agree(&[(INTAKE, "one"), (NOTIFY, "one"), (OLD, "one"), (NEW, "new"), (OTHER, "other")])
    },
    ..PLAIN
};

const MOVE_IN_WORKSPACE: Scenario = Scenario {
    name: "move in the workspace",
    change: |ground| {
        let now = ground.lives.now();
        let moved = ground.lives.stage.world(|world| world.rename_file(PROJECT, OLD, OTHER, now));
        Ok(moved?)
    },
    edits: &[(OTHER, "one")],
    // What was added is its editor's, and who deleted is not known.
    commits: 2,
    ends: |sight| sight.agree(&[(INTAKE, "one"), (NOTIFY, "one"), (OTHER, "one")]),
    ..PLAIN
};

const SLOW_JOBS: Scenario = Scenario { name: "slow jobs", polls: (2, 2), ..EDITS_ON_BOTH };

const REFUSED_IMPORT: Scenario = Scenario {
    name: "refused import",
    faults: &[r#"{"on":"import.start","then":{"status":{"code":422}}}"#],
    ..REJECTED_IMPORT
};

const MIRRORED_EDIT: Scenario = Scenario {
    name: "an edit in the workspace, with a mirror",
    pairing: Pairing::two_branches,
    settle: merge_mirror,
    change: |ground| say_in_workspace(ground, INTAKE, "two"),
    edits: &[(INTAKE, "two")],
    commits: 1,
    ends: |sight| {
        let workspace = [(INTAKE, "two"), (NOTIFY, "one"), (OLD, "one")];
        ensure!(sight.mirror == sight.workspace, "the mirror holds something else");
        sight.hold(&workspace, &BASE)
    },
    ..PLAIN
};

const MIRRORED_COMMIT: Scenario = Scenario {
    name: "an edit on the branch, with a mirror",
    pairing: Pairing::two_branches,
    settle: merge_mirror,
    change: |ground| say_on_branch(ground, &[(INTAKE, "two")]),
    edits: &[(INTAKE, "two")],
    commits: 1,
    imports: 1,
    ends: |sight| {
        ensure!(sight.mirror == sight.workspace, "the mirror holds something else");
        sight.agree(&[(INTAKE, "two"), (NOTIFY, "one"), (OLD, "one")])
    },
    ..PLAIN
};

const DRIFT: Scenario = Scenario {
    name: "drift",
    pairing: Pairing::import_only,
    is_settled: false,
    change: |ground| {
        ground.people().say_on_branch("main", &BASE);
        ground.lives.rest()?;
        say_in_workspace(ground, INTAKE, "two")
    },
    edits: &[(INTAKE, "two")],
    ends: |sight| {
        ensure!(sight.standing == Standing::Drift, "the drift is not told");
        sight.hold(&[(INTAKE, "two"), (NOTIFY, "one"), (OLD, "one")], &BASE)
    },
    ..PLAIN
};

const SETTLED_FOR_BRANCH: Scenario = Scenario {
    name: "a conflict settled for the branch",
    change: |ground| resolve(ground, Take::Branch),
    edits: &[(INTAKE, "ours")],
    imports: 1,
    ends: |sight| sight.agree(&[(INTAKE, "ours"), (NOTIFY, "one"), (OLD, "one")]),
    ..PLAIN
};

const SETTLED_FOR_WORKSPACE: Scenario = Scenario {
    name: "a conflict settled for the workspace",
    change: |ground| resolve(ground, Take::Workspace),
    edits: &[(INTAKE, "theirs"), (INTAKE, "ours")],
    commits: 1,
    ends: |sight| sight.agree(&[(INTAKE, "theirs"), (NOTIFY, "one"), (OLD, "one")]),
    ..PLAIN
};

const AFTER_A_LIGHT_LOOK: Scenario = Scenario {
    name: "an edit on the branch after a look without an export",
    change: |ground| {
        rest_lightly(ground)?;
        say_on_branch(ground, &[(INTAKE, "two")])
    },
    ..EDIT_ON_BRANCH
};

const UNLISTED_EDIT: Scenario = Scenario {
    name: "an edit that no list shows, and another of the same on the branch",
    change: |ground| {
        ground.lives.stage.put_in_workspace(TOOL, TOOL_ONE);
        rest_lightly(ground)?;
        ground.lives.stage.put_in_workspace(TOOL, TOOL_TWO);
        rest_lightly(ground)?;
        ensure!(ground.people().text("main", TOOL).contains("one"), "the edit was seen already");
        ground.people().commit("main", &[(TOOL, Some(TOOL_THREE.to_owned()))]);
        Ok(())
    },
    edits: &[(TOOL, TOOL_TWO), (TOOL, TOOL_THREE)],
    commits: 1,
    ends: |sight| {
        ensure!(sight.conflicts() == [TOOL], "no conflict");
        ensure!(sight.workspace[TOOL] == TOOL_TWO && sight.branch[TOOL] == TOOL_THREE, "one was overwritten");
        Ok(())
    },
    ..PLAIN
};

/// The others, which are told with every single kill.
pub(crate) const FURTHER: [Scenario; 19] = [
    FOLLOWED_BY_COMMIT,
    FOLLOWED_BY_EDIT,
    FOLLOWED_BY_REVERT,
    FOLLOWED_BY_DELETION,
    FIRST_RUN_FOLLOWED_BY_WORK,
    FIRST_RUN_FOLLOWED_BY_DELETIONS,
    FOLLOWED_BY_RETURN,
    LOST_REQUEST,
    NEW_FILES,
    MOVE_IN_WORKSPACE,
    SLOW_JOBS,
    REFUSED_IMPORT,
    MIRRORED_EDIT,
    MIRRORED_COMMIT,
    DRIFT,
    SETTLED_FOR_BRANCH,
    SETTLED_FOR_WORKSPACE,
    AFTER_A_LIGHT_LOOK,
    UNLISTED_EDIT,
];

fn say_in_workspace(ground: &Ground, path: &str, text: &str) -> anyhow::Result<()> {
    ground.people().say_in_workspace(path, text);
    Ok(())
}

fn say_on_branch(ground: &Ground, texts: &[(&str, &str)]) -> anyhow::Result<()> {
    ground.people().say_on_branch("main", texts);
    Ok(())
}

/// Comes to rest by looks of which the last asks for no export.
fn rest_lightly(ground: &Ground) -> anyhow::Result<()> {
    ground.lives.rest()?;
    let exports = ground.lives.stage.requests("export.start");
    ground.lives.rest()?;
    ensure!(ground.lives.stage.requests("export.start") == exports, "an export was asked for");
    Ok(())
}

fn is_in_sync(sight: &Sight) -> anyhow::Result<()> {
    ensure!(sight.standing == Standing::InSync, "it is not in sync");
    Ok(())
}

/// Returns whether nobody knows what became of two requests for one import, so that a person has to look.
fn gave_up(sight: &Sight) -> bool {
    !sight.state.refusals.is_empty()
}

/// Brings the mirror to the branch that people work on, as a person does.
fn merge_mirror(ground: &Ground) -> anyhow::Result<()> {
    let people = ground.people();
    people.point("main", &people.tip("workspace").unwrap());
    ground.lives.rest()?;
    Ok(())
}

/// Makes a conflict, and settles it.
fn resolve(ground: &Ground, take: Take) -> anyhow::Result<()> {
    say_in_workspace(ground, INTAKE, "theirs")?;
    say_on_branch(ground, &[(INTAKE, "ours")])?;
    let (state, _) = ground.lives.rest()?;
    ensure!(state.conflicts.len() == 1, "no conflict");
    let paths = state.conflicts.into_iter().collect();
    let store = Store::open_beside(&ground.lives.stage.path("state"))?;
    store.settle(&ProjectName::parse("orders")?, &Settlement { take, paths, refusals: false })?;
    Ok(())
}
