//! Three-way merge of one file: a recipe step by step, any other JSON member by member.
//!
//! What both sides changed differently is a conflict, told by step and field. The result is the canonical text of both
//! sides' changes; with conflicts it has git's markers around the lines in which the two outcomes differ, and is no JSON,
//! so that nobody takes it for finished. What is no JSON is not merged here.

mod apart;
mod arrange;
mod check;
mod config;
mod recipe;
mod rename;
mod steps;
mod tree;
mod value;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use self::steps::{Id, Steps};
use self::tree::{Map, Tree};
use self::value::Three;
use super::markers::{Markers, marked};
use super::recipe::Recipe;
use crate::asset::canonical::canonical;
use crate::asset::fields::Place;
use crate::asset::json::Doc;
use crate::asset::kind::Kind;
use crate::model::path::PackagePath;

/// What came of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// What has to be decided by a person; none of a clean merge.
    pub conflicts: Vec<String>,
    /// What comes of it with either side preferred, and what both started from; of a clean merge the first alone.
    outcomes: Three<String>,
}

impl Merged {
    fn clean(text: String) -> Self {
        Self {
            conflicts: Vec::new(),
            outcomes: Three { base: String::new(), ours: text, theirs: String::new() },
        }
    }

    /// Returns the file; with markers where there are conflicts.
    #[must_use]
    pub fn text(&self, markers: &Markers) -> Vec<u8> {
        let Three { base, ours, theirs } = &self.outcomes;
        if self.conflicts.is_empty() {
            return ours.clone().into_bytes();
        }
        marked([base, ours, theirs], markers).into_bytes()
    }
}

/// Which side is written where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefer {
    Ours,
    Theirs,
}

/// The steps by their number.
type Numbers = BTreeMap<Id, usize>;

/// What of the steps is written as a side has it, because what came of both cannot stand. The later, the more.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Apart {
    /// No more than what is in conflict by itself.
    Nothing,
    /// What these steps say, and whether they are there.
    Steps(BTreeSet<Id>),
    /// All steps.
    Code,
}

/// A merge under way.
struct Merge {
    prefer: Prefer,
    apart: Apart,
    conflicts: Vec<String>,
    /// The numbers of the steps in the other outcome, if there is one, then in this.
    numbers: Numbers,
}

impl Merge {
    fn clash(&mut self, what: String) {
        if !self.conflicts.contains(&what) {
            self.conflicts.push(what);
        }
    }
}

/// One outcome: what would be written, and what is not decided.
struct Outcome {
    text: String,
    conflicts: Vec<String>,
    numbers: Numbers,
    /// Why the outcome cannot stand at all, whichever side is preferred.
    broken: Option<Broken>,
}

/// What makes an outcome one that cannot stand: steps, if it is these.
type Broken = Option<BTreeSet<Id>>;

/// Merges three versions of a file; `None` where one of them is no plain JSON. An empty `base` is none: both sides have
/// added the file.
#[must_use]
pub fn merge(path: &PackagePath, base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Merged> {
    let form = |bytes: &[u8]| String::from_utf8(plain(path, bytes)?).ok();
    let is_added = base.trim_ascii().is_empty();
    let mut texts = Three {
        base: if is_added { "{}\n".to_owned() } else { form(base)? },
        ours: form(ours)?,
        theirs: form(theirs)?,
    };
    if texts.ours == texts.theirs {
        return Some(Merged::clean(texts.ours));
    }
    if is_added {
        let conflicts = vec!["both sides have added the file, with different contents".to_owned()];
        return Some(Merged { conflicts, outcomes: Three { base: String::new(), ..texts } });
    }
    rename::connectors(&mut texts);
    let sides = Three { base: texts.base.as_str(), ours: &texts.ours, theirs: &texts.theirs };
    let outcome = one(path, sides, (Prefer::Ours, &Apart::Nothing), Numbers::new())?;
    if outcome.conflicts.is_empty() {
        return Some(Merged::clean(outcome.text));
    }
    let apart = match &outcome.broken {
        Some(Some(steps)) => [Apart::Steps(steps.clone()), Apart::Code],
        Some(None) => [Apart::Code, Apart::Code],
        None => [Apart::Nothing, Apart::Code],
    };
    // What is narrowest and differs. A step has one number in both, or every step behind a conflict would be in conflict
    // by its number.
    let outcomes = apart.iter().find_map(|apart| {
        let ours = one(path, sides, (Prefer::Ours, apart), outcome.numbers.clone())?;
        let theirs = one(path, sides, (Prefer::Theirs, apart), ours.numbers)?;
        let stands = ours.broken.is_none() && theirs.broken.is_none() && ours.text != theirs.text;
        stands.then_some((ours.text, theirs.text))
    });
    let (ours, theirs) = outcomes.unwrap_or((texts.ours, texts.theirs));
    Some(Merged { conflicts: outcome.conflicts, outcomes: Three { base: texts.base, ours, theirs } })
}

/// Returns the canonical form of what is plain JSON.
fn plain(path: &PackagePath, bytes: &[u8]) -> Option<Vec<u8>> {
    Doc::parse(bytes).ok()?;
    Some(canonical(path, bytes).into_owned())
}

/// Merges with one side preferred, and steps numbered as they already are.
fn one(
    path: &PackagePath,
    texts: Three<&str>,
    (prefer, apart): (Prefer, &Apart),
    numbers: Numbers,
) -> Option<Outcome> {
    let docs = Three {
        base: Doc::parse(texts.base.as_bytes()).ok()?,
        ours: Doc::parse(texts.ours.as_bytes()).ok()?,
        theirs: Doc::parse(texts.theirs.as_bytes()).ok()?,
    };
    let read = |doc| Tree::read(doc, Doc::root(doc));
    let roots = Three { base: read(&docs.base), ours: read(&docs.ours), theirs: read(&docs.theirs) };
    let mut merge = Merge { prefer, apart: apart.clone(), conflicts: Vec::new(), numbers };
    let recipes = (Recipe::read(&docs.base), Recipe::read(&docs.ours), Recipe::read(&docs.theirs));
    let is_recipe = matches!(Kind::of(path), Kind::Recipe | Kind::File);
    let (tree, broken) = match recipes {
        (Ok(base), Ok(ours), Ok(theirs)) if is_recipe => {
            merge.recipe(&roots, Three { base: &base, ours: &ours, theirs: &theirs })
        }
        _ => {
            let sides =
                Three { base: Some(&roots.base), ours: Some(&roots.ours), theirs: Some(&roots.theirs) };
            (merge.file(sides, &Kind::of(path)), None)
        }
    };
    let text = String::from_utf8(canonical(path, tree.text().as_bytes()).into_owned()).ok()?;
    Some(Outcome { text, conflicts: merge.conflicts, numbers: merge.numbers, broken })
}

impl Merge {
    /// Merges a file that is no recipe.
    fn file(&mut self, three: Three<Option<&Tree>>, kind: &Kind) -> Tree {
        let Three {
            base: Some(Tree::Map(base)),
            ours: Some(Tree::Map(ours)),
            theirs: Some(Tree::Map(theirs)),
        } = three
        else {
            return self.value(three, Place::of(kind), "the file").unwrap_or(Tree::Scalar("null".to_owned()));
        };
        let mut sides = Three { base: base.clone(), ours: ours.clone(), theirs: theirs.clone() };
        let mut aside = Map::new();
        if *kind == Kind::CustomAdapter {
            let version = larger(&sides, "version_no");
            let note = decided(&sides, "note");
            for (key, value) in [("version_no", version), ("note", note)] {
                aside.extend(value.map(|value| (key.to_owned(), value)));
            }
            without(&mut sides, &["version_no", "note"]);
        }
        let mut members = self.members(
            Three { base: &sides.base, ours: &sides.ours, theirs: &sides.theirs },
            Place::of(kind),
            "",
        );
        members.extend(aside);
        Tree::Map(members)
    }

    /// Merges a recipe; also says why what came of it cannot stand.
    fn recipe(&mut self, roots: &Three<Tree>, recipes: Three<&Recipe<'_, '_>>) -> (Tree, Option<Broken>) {
        let mut steps = steps::read(recipes);
        rename::aliases(&mut steps);
        let three = Three { base: &steps.base, ours: &steps.ours, theirs: &steps.theirs };
        let mut merged = self.steps(three);
        let mut broken = None;
        if self.apart == Apart::Nothing && self.conflicts.is_empty() {
            let (wrong, steps) = check::broken(three, &merged);
            let unaccounted = check::unaccounted(three, &merged);
            if !wrong.is_empty() || !unaccounted.is_empty() {
                broken = Some(steps.filter(|_| unaccounted.is_empty()));
            }
            self.conflicts.extend(wrong.into_iter().chain(unaccounted));
        }
        if let Apart::Steps(steps) = &self.apart
            && !apart::put(&mut merged, self.preferred(three), steps)
        {
            broken = Some(None);
        }
        let map = |tree: &Tree| tree.as_map().cloned().unwrap_or_default();
        let mut sides = Three { base: map(&roots.base), ours: map(&roots.ours), theirs: map(&roots.theirs) };
        let config = self.config(&sides, &merged);
        let version = larger(&sides, "version");
        without(&mut sides, &["code", "config", "version"]);
        let mut members = self.members(
            Three { base: &sides.base, ours: &sides.ours, theirs: &sides.theirs },
            Place::Recipe,
            "",
        );
        for (key, value) in [("config", config), ("version", version)] {
            members.extend(value.map(|value| (key.to_owned(), value)));
        }
        for (number, id) in (0..).zip(&merged.order) {
            self.numbers.entry(*id).or_insert(number);
        }
        let own = |map: &Tree| map.as_map().and_then(|map| map.get("code")).cloned();
        let whole =
            own(self.preferred(Three { base: &roots.base, ours: &roots.ours, theirs: &roots.theirs }));
        let whole = whole.filter(|_| self.apart == Apart::Code);
        members.insert("code".to_owned(), whole.unwrap_or_else(|| build(&merged, &self.numbers, 0)));
        (Tree::Map(members), broken)
    }
}

/// Returns a step as it stands in a file, with its number and what is inside.
fn build(steps: &Steps, numbers: &Numbers, id: Id) -> Tree {
    let mut fields = steps.fields.get(&id).cloned().unwrap_or_default();
    if steps.numbered.contains(&id) {
        fields.insert("number".to_owned(), Tree::Scalar(numbers[&id].to_string()));
    }
    if steps.blocks.contains(&id) {
        let inside = steps.children[&id].iter().map(|child| build(steps, numbers, *child));
        fields.insert("block".to_owned(), Tree::List(inside.collect()));
    }
    Tree::Map(fields)
}

/// Returns the larger of two versions.
fn larger(sides: &Three<Map>, key: &str) -> Option<Tree> {
    let (ours, theirs) = (sides.ours.get(key), sides.theirs.get(key));
    let number = |tree: Option<&Tree>| tree.and_then(|tree| tree.text().parse::<u64>().ok());
    if number(theirs) > number(ours) { theirs.cloned() } else { ours.cloned() }
}

/// Returns what the server derives: as the side has it that changed it, ours where both did.
fn decided(sides: &Three<Map>, key: &str) -> Option<Tree> {
    let three = sides_of(sides, key);
    if three.ours == three.base { three.theirs.cloned() } else { three.ours.cloned() }
}

fn sides_of<'t>(sides: &'t Three<Map>, key: &str) -> Three<Option<&'t Tree>> {
    Three { base: sides.base.get(key), ours: sides.ours.get(key), theirs: sides.theirs.get(key) }
}

fn without(sides: &mut Three<Map>, keys: &[&str]) {
    for map in [&mut sides.base, &mut sides.ours, &mut sides.theirs] {
        map.retain(|key, _| !keys.contains(&key.as_str()));
    }
}
