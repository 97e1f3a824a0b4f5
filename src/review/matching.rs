//! Which steps of two versions of a recipe are the same step, and which of these have moved.
//!
//! Each phase pairs what the earlier ones left. Keys count only where they are unique on both sides, since recipes that
//! were written by hand repeat them. Nothing here looks at what has changed in a step.

use std::collections::HashMap;
use std::hash::Hash;

use super::lists::increasing;
use super::names::slug;
use super::recipe::{Recipe, Step};
use super::values::{At, leaves};

/// The most steps a side of one kind that are compared each with each.
const MAX_COMPARED: usize = 200;

/// Pairs the steps of two versions. Steps are named by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching {
    /// For each old step the new one that it became; none where it was removed.
    pub to_new: Vec<Option<usize>>,
    /// For each new step the old one that it was; none where it was added.
    pub to_old: Vec<Option<usize>>,
    /// For each new step whether it is one that has moved: to another block, or among the others of its block. What is
    /// inside a step that moved has not moved itself.
    pub moved: Vec<bool>,
}

/// What a step does: keyword, connector without the part that differs between workspaces, operation.
pub(super) type Sort<'s> = (&'s str, Option<&'s str>, Option<&'s str>);

impl Matching {
    /// Pairs the steps of two versions of a recipe, in time linear in their number but for the few that only their
    /// content can pair.
    #[must_use]
    pub fn of(old: &Recipe<'_, '_>, new: &Recipe<'_, '_>) -> Self {
        let mut this = Self {
            to_new: vec![None; old.steps.len()],
            to_old: vec![None; new.steps.len()],
            moved: vec![false; new.steps.len()],
        };
        this.pair(0, 0);
        this.by_key(old, new, |step| Some((step.uuid.as_deref()?, sort(step))));
        this.by_key(old, new, |step| Some((step.alias.as_deref()?, sort(step))));
        this.by_key(old, new, |step| Some((step.uuid.as_deref()?, step.keyword.as_ref())));
        this.by_key(old, new, |step| Some((step.alias.as_deref()?, step.keyword.as_ref())));
        if this.has_leftovers() {
            this.under_paired_parents(old, new);
            this.anywhere(old, new);
            this.under_paired_parents(old, new);
            this.by_children(old, new);
        }
        this.find_moves(old, new);
        this
    }

    /// Returns the new steps that were not there before, in their order.
    pub fn added(&self) -> impl Iterator<Item = usize> + '_ {
        unpaired(&self.to_old)
    }

    /// Returns the old steps that are no longer there, in their order.
    pub fn removed(&self) -> impl Iterator<Item = usize> + '_ {
        unpaired(&self.to_new)
    }

    fn pair(&mut self, old: usize, new: usize) {
        self.to_new[old] = Some(new);
        self.to_old[new] = Some(old);
    }

    fn has_leftovers(&self) -> bool {
        self.added().next().is_some() && self.removed().next().is_some()
    }

    /// Pairs the steps that are the only ones with their key on both sides.
    fn by_key<'s, K: Hash + Eq>(
        &mut self,
        old: &'s Recipe<'_, '_>,
        new: &'s Recipe<'_, '_>,
        key: impl Fn(&'s Step<'_>) -> Option<K>,
    ) {
        /// How many steps have a key, and the last of them.
        type Found = (usize, usize);
        let mut keys: HashMap<K, (Found, Found)> = HashMap::new();
        for number in self.removed() {
            if let Some(key) = key(&old.steps[number]) {
                let found = &mut keys.entry(key).or_default().0;
                *found = (found.0 + 1, number);
            }
        }
        for number in self.added() {
            if let Some(found) = key(&new.steps[number]).and_then(|key| keys.get_mut(&key)) {
                found.1 = (found.1.0 + 1, number);
            }
        }
        for found in keys.into_values() {
            if let ((1, old), (1, new)) = found {
                self.pair(old, new);
            }
        }
    }

    /// Pairs steps of one sort inside blocks that are paired, from the outermost block inwards.
    fn under_paired_parents(&mut self, old: &Recipe<'_, '_>, new: &Recipe<'_, '_>) {
        for parent in 0..new.steps.len() {
            let Some(old_parent) = self.to_old[parent] else { continue };
            let left: Vec<usize> = unpaired_of(&self.to_new, &old.steps[old_parent].children);
            let right: Vec<usize> = unpaired_of(&self.to_old, &new.steps[parent].children);
            if !left.is_empty() && !right.is_empty() {
                self.by_similarity((old, &left), (new, &right), true);
            }
        }
    }

    fn anywhere(&mut self, old: &Recipe<'_, '_>, new: &Recipe<'_, '_>) {
        let (left, right): (Vec<_>, Vec<_>) = (self.removed().collect(), self.added().collect());
        self.by_similarity((old, &left), (new, &right), false);
    }

    /// Pairs steps of one sort, those first that have most of their input in common.
    fn by_similarity(
        &mut self,
        (old, left): (&Recipe<'_, '_>, &[usize]),
        (new, right): (&Recipe<'_, '_>, &[usize]),
        same_parent: bool,
    ) {
        let mut sorts: HashMap<Sort<'_>, (Vec<usize>, Vec<usize>)> = HashMap::new();
        for number in left {
            sorts.entry(sort(&old.steps[*number])).or_default().0.push(*number);
        }
        for number in right {
            if let Some(found) = sorts.get_mut(&sort(&new.steps[*number])) {
                found.1.push(*number);
            }
        }
        for (sort, (mut left, mut right)) in sorts {
            let no_bar = same_parent && matches!(sort.0, "try" | "catch" | "else");
            let late = (split_late(&mut left), split_late(&mut right));
            for (a, b) in best_first((old, &left), (new, &right), no_bar) {
                self.pair(a, b);
            }
            for (a, b) in late.0.into_iter().zip(late.1) {
                self.pair(a, b);
            }
        }
    }

    /// Pairs conditional blocks that hold the same steps, from the innermost block outwards.
    fn by_children(&mut self, old: &Recipe<'_, '_>, new: &Recipe<'_, '_>) {
        let is_conditional = |step: &Step<'_>| matches!(&*step.keyword, "if" | "elsif" | "else");
        let removed: Vec<usize> = self.removed().collect();
        for number in removed.into_iter().rev().filter(|number| is_conditional(&old.steps[*number])) {
            let children = &old.steps[number].children;
            let mut parents: HashMap<usize, usize> = HashMap::new();
            for child in children.iter().filter_map(|child| self.to_new[*child]) {
                if let Some(parent) = new.steps[child].parent {
                    *parents.entry(parent).or_default() += 1;
                }
            }
            let enough = |parent: usize, shared: usize| {
                let most = children.len().max(new.steps[parent].children.len());
                self.to_old[parent].is_none() && is_conditional(&new.steps[parent]) && 2 * shared >= most
            };
            let found = parents.into_iter().filter(|(parent, shared)| enough(*parent, *shared));
            if let Some((parent, _)) = found.min_by_key(|(parent, shared)| (usize::MAX - shared, *parent)) {
                self.pair(number, parent);
            }
        }
    }

    fn find_moves(&mut self, old: &Recipe<'_, '_>, new: &Recipe<'_, '_>) {
        for parent in &new.steps {
            let mut stayed: Vec<(usize, usize)> = Vec::new();
            for child in &parent.children {
                let Some(was) = self.to_old[*child] else { continue };
                if old.steps[was].parent == self.to_old[parent.number] && old.steps[was].parent.is_some() {
                    stayed.push((*child, old.steps[was].place));
                } else {
                    self.moved[*child] = true;
                }
            }
            let places: Vec<usize> = stayed.iter().map(|(_, place)| *place).collect();
            for ((child, _), chosen) in stayed.into_iter().zip(increasing(&places)) {
                self.moved[child] = !chosen;
            }
        }
    }
}

/// Returns what a step does.
pub(super) fn sort<'s>(step: &'s Step<'_>) -> Sort<'s> {
    let provider = step.provider.as_deref();
    (&step.keyword, provider.map(slug), step.name.as_deref())
}

fn unpaired(pairs: &[Option<usize>]) -> impl Iterator<Item = usize> + '_ {
    pairs.iter().enumerate().filter_map(|(number, pair)| pair.is_none().then_some(number))
}

fn unpaired_of(pairs: &[Option<usize>], steps: &[usize]) -> Vec<usize> {
    steps.iter().copied().filter(|step| pairs[*step].is_none()).collect()
}

/// Splits off what is beyond the number that is compared each with each: there the order decides.
fn split_late(steps: &mut Vec<usize>) -> Vec<usize> {
    if steps.len() > MAX_COMPARED { steps.split_off(MAX_COMPARED) } else { Vec::new() }
}

/// Pairs steps that have at least half of their input in common, or without that bar, best first.
fn best_first(
    (old, left): (&Recipe<'_, '_>, &[usize]),
    (new, right): (&Recipe<'_, '_>, &[usize]),
    no_bar: bool,
) -> Vec<(usize, usize)> {
    let inputs = |recipe: &Recipe<'_, '_>, steps: &[usize]| -> Vec<Vec<u64>> {
        let input = |step: &usize| recipe.doc.get(recipe.steps[*step].node, "input");
        steps
            .iter()
            .map(|step| input(step).map_or_else(Vec::new, |node| leaves(At::new(recipe.doc, node))))
            .collect()
    };
    let (left_inputs, right_inputs) = (inputs(old, left), inputs(new, right));
    let mut candidates = Vec::new();
    for (a, x) in left_inputs.iter().enumerate() {
        for (b, y) in right_inputs.iter().enumerate() {
            let shared = shared(x, y);
            let all = x.len() + y.len() - shared;
            if no_bar || 2 * shared >= all {
                // In millionths, so that the order is the same everywhere.
                let similarity = (shared * 1_000_000).checked_div(all).unwrap_or(1_000_000);
                candidates.push((std::cmp::Reverse(similarity), a, b));
            }
        }
    }
    candidates.sort_unstable();
    let (mut used_left, mut used_right) = (vec![false; left.len()], vec![false; right.len()]);
    let mut pairs = Vec::new();
    for (_, a, b) in candidates {
        if !used_left[a] && !used_right[b] {
            (used_left[a], used_right[b]) = (true, true);
            pairs.push((left[a], right[b]));
        }
    }
    pairs
}

/// Counts what two sorted lists have in common.
fn shared(a: &[u64], b: &[u64]) -> usize {
    let (mut at, mut shared) = (0, 0);
    for value in a {
        while at < b.len() && b[at] < *value {
            at += 1;
        }
        if b.get(at) == Some(value) {
            shared += 1;
            at += 1;
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::asset::json::Doc;

    /// Reads steps from a line: `if[a b] c` are steps with these names as alias, uuid and operation; `!` leaves out alias
    /// and uuid, and a number after `=` is the input.
    fn json(line: &str) -> String {
        let mut out = r#"{"code": {"keyword": "trigger", "block": ["#.to_owned();
        for word in line.replace('[', " [ ").replace(']', " ] ").split_whitespace() {
            match word {
                "[" => {
                    out.truncate(out.len() - 1);
                    out.push_str(r#", "block": ["#);
                }
                "]" => out.push_str("]}"),
                _ => {
                    if out.ends_with('}') {
                        out.push(',');
                    }
                    let (name, input) = word.split_once('=').unwrap_or((word, "0"));
                    let bare = name.trim_end_matches('!');
                    let control = bare.trim_end_matches(|c: char| c.is_ascii_digit());
                    let keyword = if is_block(control) { control } else { "action" };
                    let _ = write!(out, r#"{{"keyword": "{keyword}", "input": {{"x": "{input}", "y": "0"}}"#);
                    if !is_block(control) {
                        let _ = write!(out, r#", "provider": "p", "name": "{control}""#);
                    }
                    if bare == name {
                        let _ = write!(out, r#", "as": "{bare}", "uuid": "{bare}""#);
                    }
                    out.push('}');
                }
            }
        }
        out + "]}}"
    }

    fn is_block(word: &str) -> bool {
        matches!(word, "if" | "else" | "try" | "catch" | "foreach")
    }

    fn told(old: &str, new: &str) -> String {
        let (old, new) = (json(old), json(new));
        let (old, new) = (Doc::parse(old.as_bytes()).unwrap(), Doc::parse(new.as_bytes()).unwrap());
        let (old, new) = (Recipe::read(&old).unwrap(), Recipe::read(&new).unwrap());
        let found = Matching::of(&old, &new);
        for (number, step) in found.to_new.iter().enumerate() {
            assert!(step.is_none_or(|step| found.to_old[step] == Some(number)));
        }
        let pair = |(number, was): (usize, &Option<usize>)| {
            let sign = if found.moved[number] { ">" } else { "" };
            was.map_or_else(|| format!("+{number}"), |was| format!("{sign}{was}-{number}"))
        };
        let new = found.to_old.iter().enumerate().map(pair);
        new.chain(found.removed().map(|number| format!("-{number}"))).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn steps_are_known_by_their_names() {
        assert_eq!(told("a b c", "a b c"), "0-0 1-1 2-2 3-3");
        assert_eq!(told("a b c", "a x b c"), "0-0 1-1 +2 2-3 3-4");
        assert_eq!(told("a b c", "a c"), "0-0 1-1 3-2 -2");
        assert_eq!(told("a b c d", "b c d a"), "0-0 2-1 3-2 4-3 >1-4");
    }

    #[test]
    fn what_is_put_into_a_block_moves_and_takes_along_what_is_inside() {
        assert_eq!(told("a b", "if[a b]"), "0-0 +1 >1-2 >2-3");
        assert_eq!(told("if[a b] c", "c if[a b]"), "0-0 >4-1 1-2 2-3 3-4");
        assert_eq!(told("if[a] foreach[b]", "foreach[b if[a]]"), "0-0 3-1 4-2 >1-3 2-4");
        assert_eq!(told("if[foreach[a]]", "foreach[if[a]]"), "0-0 >2-1 >1-2 >3-3");
    }

    #[test]
    fn without_names_content_decides_and_then_order() {
        assert_eq!(told("a!=1 a!=2", "a!=2 a!=1"), "0-0 >2-1 1-2");
        assert_eq!(told("a!=1 a!=2", "a!=2 a!=3"), "0-0 2-1 +2 -1");
        assert_eq!(told("a!=1 a!=1", "a!=1 a!=1 a!=1"), "0-0 1-1 2-2 +3");
        assert_eq!(told("a!=1", "b!=1"), "0-0 +1 -1");
        assert_eq!(told("try![a! catch![b!=1]]", "try![a! catch![b!=1]]"), "0-0 1-1 2-2 3-3 4-4");
        assert_eq!(told("try!=5[a catch!=6[b]]", "try!=7[a catch!=8[b]]"), "0-0 1-1 2-2 3-3 4-4");
    }

    #[test]
    fn a_conditional_is_known_by_what_is_inside() {
        assert_eq!(told("if!=1[a b]", "if!=2[a b]").split(' ').nth(1), Some("1-1"));
        assert_eq!(told("if1=1[a b c]", "if2=2[a d e]").split(' ').nth(1), Some("+1"));
    }

    #[test]
    fn many_steps_of_one_kind_are_paired_in_time() {
        let steps =
            |from: usize| (from..from + 3000).map(|at| format!("a!={at}")).collect::<Vec<_>>().join(" ");
        assert!(told(&steps(0), &steps(1000)).starts_with("0-0"));
    }

    proptest! {
        #[test]
        fn any_two_recipes_are_matched(
            old in proptest::collection::vec(0_usize..12, 0..12), new in proptest::collection::vec(0_usize..12, 0..12),
        ) {
            let words = ["a", "b", "a!=1", "a!=2", "b!=3", "if1", "if!=2", "foreach3", "c", "c", "d!", "try!"];
            let line = |numbers: &[usize]| {
                let block = |word: &str| if is_block(word.trim_end_matches(|c: char| !c.is_ascii_lowercase())) { "[a b]" } else { "" };
                numbers.iter().map(|at| format!("{}{} ", words[*at], block(words[*at]))).collect::<String>()
            };
            told(&line(&old), &line(&new));
            let same = told(&line(&old), &line(&old));
            prop_assert!(same.split(' ').all(|pair| pair.split_once('-').is_some_and(|(a, b)| a == b)), "{}", same);
        }
    }
}
