//! Compares two versions of a recipe: its settings, and step by step what was done to each.

use std::collections::{HashMap, HashSet};

use super::engine::{Compare, Member, Side};
use super::found::Subject;
use crate::asset::fields::Place;
use crate::asset::json::{Node, Tag};
use crate::review::change::{Change, Op, StepRef, What};
use crate::review::hidden::told;
use crate::review::matching::Matching;
use crate::review::names;
use crate::review::recipe::{Recipe, Step};
use crate::review::render::{Label, Labels, numbered};
use crate::review::step;

/// Two versions of a recipe, and which of their steps are the same.
pub(super) struct Recipes<'c> {
    pub(super) old: Recipe<'c, 'c>,
    pub(super) new: Recipe<'c, 'c>,
    pub(super) matching: Matching,
    /// The aliases that several steps of a side have, so that pills do not tell which one they mean.
    repeated: (HashSet<String>, HashSet<String>),
    /// Connectors of which all steps became steps of another one.
    pub(super) replaced: Vec<(String, String)>,
}

impl<'c> Recipes<'c> {
    pub(super) fn of(old: Recipe<'c, 'c>, new: Recipe<'c, 'c>, is_same: impl Fn(&str, &str) -> bool) -> Self {
        let matching = Matching::of(&old, &new);
        let replaced = replaced(&old, &new, &matching, is_same);
        let repeated = (repeated(&old), repeated(&new));
        Self { old, new, matching, repeated, replaced }
    }

    /// Returns the numbers of the steps that an old and a new alias name, if these are one step.
    pub(super) fn named(&self, old: &str, new: &str) -> Option<(usize, usize)> {
        let is_clear = |repeated: &HashSet<String>, alias| !repeated.contains(alias);
        if !is_clear(&self.repeated.0, old) || !is_clear(&self.repeated.1, new) {
            return None;
        }
        let (old, new) = (self.old.by_alias(old)?.number, self.new.by_alias(new)?.number);
        (self.matching.to_new[old] == Some(new)).then_some((old, new))
    }

    /// Returns what steps are called in the texts of both sides: by the numbers of the new one.
    pub(super) fn labels(&self) -> (Labels<'c, 'c>, Labels<'c, 'c>) {
        let old = Labels::new(&self.old, |step| Label {
            words: match self.matching.to_new[step.number] {
                Some(number) => numbered(&self.new.steps[number], &number.to_string()),
                None => numbered(step, &format!("−{}", step.number)),
            },
            provider: step.pill_provider().to_owned(),
            schema: Some((self.old.doc, step.node)),
        });
        (old, Labels::numbered(&self.new))
    }

    pub(super) fn step_ref(&self, subject: Subject) -> Option<StepRef> {
        let (number, old_number) = match subject {
            Subject::Whole => return None,
            Subject::Both(old, new) => (Some(new), Some(old)),
            Subject::Added(new) => (Some(new), None),
            Subject::Removed(old) => (None, Some(old)),
        };
        let step = match (number, old_number) {
            (Some(number), _) => &self.new.steps[number],
            (None, Some(number)) => &self.old.steps[number],
            (None, None) => return None,
        };
        Some(step_ref(step, number, old_number))
    }
}

/// Returns what is told of a step with its changes.
fn step_ref(step: &Step<'_>, number: Option<usize>, old_number: Option<usize>) -> StepRef {
    StepRef {
        number,
        old_number,
        uuid: step.uuid.as_deref().map(|uuid| told(uuid).to_owned()),
        alias: step.alias.as_deref().map(|alias| told(alias).to_owned()),
        title: names::title(step),
        keyword: told(&step.keyword).to_owned(),
    }
}

/// Returns where a setting is told: those first that a reader looks for.
pub(super) fn rank(key: &str) -> usize {
    let first = ["name", "description", "private", "concurrency"];
    first.iter().position(|known| *known == key).unwrap_or(first.len())
}

impl<'c> Compare<'c> {
    /// Compares two recipes.
    pub(super) fn recipe(&mut self, recipes: &'c Recipes<'c>) {
        let roots = (self.old.doc.root(), self.new.doc.root());
        for member in self.members(roots.0, roots.1) {
            match member.text.as_ref() {
                "code" => {}
                "config" => self.config(recipes, &member),
                key => {
                    self.what = What::Recipe;
                    self.order = (0, rank(key), 0);
                    self.member(Place::Recipe, &member, roots);
                }
            }
        }
        self.replaced(recipes);
        self.what = What::Setting;
        for number in 0..recipes.new.steps.len() {
            match recipes.matching.to_old[number] {
                Some(old) => self.step(recipes, old, number),
                None if is_outermost(&recipes.new, &recipes.matching.to_old, number) => {
                    self.came_or_went(recipes, Subject::Added(number));
                }
                None => {}
            }
        }
        let removed: Vec<usize> = recipes.matching.removed().collect();
        for old in removed {
            if is_outermost(&recipes.old, &recipes.matching.to_new, old) {
                self.came_or_went(recipes, Subject::Removed(old));
            }
        }
        self.stand(recipes, Subject::Whole);
    }

    /// Stands at a step, where everything is told until the next one.
    fn stand(&mut self, recipes: &Recipes<'_>, subject: Subject) {
        self.subject = subject;
        self.at = super::place::Location::default();
        match subject {
            Subject::Whole => self.order = (0, 0, 0),
            Subject::Both(old, new) => {
                self.at.old = recipes.old.pointer(old);
                self.at.new = recipes.new.pointer(new);
                self.order = (1 + new, 0, 0);
            }
            Subject::Added(new) => {
                self.at.new = recipes.new.pointer(new);
                self.order = (1 + new, 0, 0);
            }
            Subject::Removed(old) => {
                self.at.old = recipes.old.pointer(old);
                let stayed = |number: &usize| {
                    recipes.matching.to_new[*number].filter(|new| !recipes.matching.moved[*new])
                };
                let before = (0..old).rev().find_map(|number| stayed(&number));
                self.order = (1 + before.unwrap_or(0), 1, old);
            }
        }
    }

    fn step(&mut self, recipes: &Recipes<'_>, old: usize, new: usize) {
        self.stand(recipes, Subject::Both(old, new));
        if recipes.matching.moved[new] {
            self.moved(recipes, old, new);
        }
        let objects = (recipes.old.steps[old].node, recipes.new.steps[new].node);
        let mut operation = Vec::new();
        for member in self.members(objects.0, objects.1) {
            match member.text.as_ref() {
                "keyword" | "provider" | "name" => {
                    if self.is_another_operation(recipes, &member, objects) {
                        operation.push(member);
                    }
                }
                "block" => self.block(&member),
                "input" => self.input(&member, objects),
                "filter" => self.filter(&member, objects),
                key => {
                    self.what = what(key);
                    self.member(Place::Step, &member, objects);
                }
            }
        }
        if !operation.is_empty() {
            self.operation(recipes, (old, new), &operation);
        }
    }

    fn moved(&mut self, recipes: &Recipes<'_>, old: usize, new: usize) {
        let parents = (recipes.old.steps[old].parent, recipes.new.steps[new].parent);
        let is_elsewhere = parents.0.and_then(|parent| recipes.matching.to_new[parent]) != parents.1;
        let (was, is) = if is_elsewhere {
            (recipes.block_before(parents.0), block(parents.1, recipes))
        } else {
            (format!("was {old}"), format!("now {new}"))
        };
        self.what = What::Step;
        let change = Change { old_text: Some(was), new_text: Some(is), ..self.blank(Op::Move, true, true) };
        self.found.change(self.order, change);
    }

    fn input(&mut self, member: &Member<'_>, objects: (Node, Node)) {
        self.what = What::Input;
        let are_objects = (member.old, member.new);
        match are_objects {
            (Some(old), Some(new))
                if self.old.doc.tag(old) == Tag::Object && self.new.doc.tag(new) == Tag::Object =>
            {
                let mark = self.at.mark();
                self.at.pointer_member("input");
                self.with_conditions(Place::StepInput, "when", (old, new));
                self.at.back(mark);
            }
            _ => self.member(Place::Step, member, objects),
        }
    }

    fn filter(&mut self, member: &Member<'_>, objects: (Node, Node)) {
        self.what = What::Condition;
        match (member.old, member.new) {
            (Some(old), Some(new))
                if self.old.doc.tag(old) == Tag::Object && self.new.doc.tag(new) == Tag::Object =>
            {
                let mark = self.at.mark();
                self.at.pointer_member("filter");
                self.with_conditions(Place::Filter, "only when", (old, new));
                self.at.back(mark);
            }
            _ => self.member(Place::Step, member, objects),
        }
    }

    /// Tells of a step that came or went, with those inside that came or went with it.
    fn came_or_went(&mut self, recipes: &Recipes<'_>, subject: Subject) {
        self.stand(recipes, subject);
        self.what = What::Step;
        let (op, side, recipe, pairs, number) = match subject {
            Subject::Removed(number) => {
                (Op::Remove, self.old, &recipes.old, &recipes.matching.to_new, number)
            }
            Subject::Added(number) | Subject::Both(_, number) => {
                (Op::Add, self.new, &recipes.new, &recipes.matching.to_old, number)
            }
            Subject::Whole => return,
        };
        let step = self.blank(op, op == Op::Remove, op == Op::Add);
        let change = self.whole_step(side, recipe, number, step, |number| pairs[number].is_some());
        self.found.change(self.order, change);
    }

    /// Tells of all steps of a recipe that came or went.
    pub(super) fn whole_steps(&mut self, recipe: &Recipe<'_, '_>, op: Op) {
        self.what = What::Step;
        self.order = (1, 0, 0);
        self.at = super::place::Location::default();
        self.at.pointer_member("code");
        let (side, numbers) =
            if op == Op::Remove { (self.old, (None, Some(0))) } else { (self.new, (Some(0), None)) };
        let step = Some(step_ref(&recipe.steps[0], numbers.0, numbers.1));
        let step = Change { step, ..self.blank(op, op == Op::Remove, op == Op::Add) };
        let change = self.whole_step(side, recipe, 0, step, |_| false);
        self.found.change(self.order, change);
    }

    /// Completes the change of a step that came or went, with those inside that are not elsewhere.
    fn whole_step(
        &self,
        side: Side<'_>,
        recipe: &Recipe<'_, '_>,
        number: usize,
        blank: Change,
        is_elsewhere: impl Fn(usize) -> bool,
    ) -> Change {
        let first = &recipe.steps[number];
        let mut outline = step::body(recipe, side.values, number);
        let mut inside = 0;
        let mut at = number + 1;
        while at < first.end {
            if is_elsewhere(at) {
                at = recipe.steps[at].end;
                continue;
            }
            let indent = "  ".repeat((recipe.steps[at].depth - first.depth).min(64));
            outline.push(format!("{indent}{at} {}", step::title(recipe, side.values, at)));
            outline.extend(
                step::body(recipe, side.values, at).into_iter().map(|line| format!("{indent}    {line}")),
            );
            inside += 1;
            at += 1;
        }
        let content = super::tell::content(&side, "", first.node);
        let title = step::title(recipe, side.values, number);
        let blank = Change { outline, inside, ..blank };
        if blank.op == Op::Remove {
            Change { old: Some(content), old_text: Some(title), ..blank }
        } else {
            Change { new: Some(content), new_text: Some(title), ..blank }
        }
    }
}

impl Recipes<'_> {
    pub(super) fn is_replaced(&self, old: &str, new: &str) -> bool {
        self.replaced.iter().any(|(was, is)| was == old && is == new)
    }

    /// Returns the words for the block that an old step was in.
    fn block_before(&self, parent: Option<usize>) -> String {
        match parent {
            Some(parent) if parent > 0 => match self.matching.to_new[parent] {
                Some(number) => block(Some(number), self),
                None => format!("inside −{parent} {}", names::title(&self.old.steps[parent])),
            },
            _ => "top level".to_owned(),
        }
    }
}

/// Returns the words for the block that a new step is in.
fn block(parent: Option<usize>, recipes: &Recipes<'_>) -> String {
    match parent {
        Some(parent) if parent > 0 => format!("inside {parent} {}", names::title(&recipes.new.steps[parent])),
        _ => "top level".to_owned(),
    }
}

/// Returns whether a step that came or went is not inside another one that did.
fn is_outermost(recipe: &Recipe<'_, '_>, pairs: &[Option<usize>], number: usize) -> bool {
    recipe.steps[number].parent.is_none_or(|parent| pairs[parent].is_some())
}

fn what(key: &str) -> What {
    match key {
        "as" => What::Alias,
        "comment" => What::Comment,
        "skip" => What::Skip,
        "job_report_schema" | "job_report_config" => What::JobReport,
        _ => What::Setting,
    }
}

fn repeated(recipe: &Recipe<'_, '_>) -> HashSet<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for alias in recipe.steps.iter().filter_map(|step| step.alias.as_deref()) {
        *counts.entry(alias).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(alias, _)| alias.to_owned()).collect()
}

/// Returns the connectors of which all steps, two or more, became steps of one other.
fn replaced(
    old: &Recipe<'_, '_>,
    new: &Recipe<'_, '_>,
    matching: &Matching,
    is_same: impl Fn(&str, &str) -> bool,
) -> Vec<(String, String)> {
    let mut became: std::collections::BTreeMap<&str, Vec<Option<&str>>> = std::collections::BTreeMap::new();
    for step in &old.steps {
        if let Some(provider) = step.provider.as_deref() {
            let now = matching.to_new[step.number].and_then(|number| new.steps[number].provider.as_deref());
            became.entry(provider).or_default().push(now);
        }
    }
    let is_gone = |provider: &str| !new.steps.iter().any(|step| step.provider.as_deref() == Some(provider));
    let replaced = became.into_iter().filter_map(|(provider, now)| {
        let first = (*now.first()?)?;
        let all = now.len() > 1 && now.iter().all(|other| *other == Some(first));
        (all && is_gone(provider) && !is_same(provider, first))
            .then(|| (provider.to_owned(), first.to_owned()))
    });
    replaced.collect()
}
