//! Gathers what a comparison finds in one asset: changes in the order in which they are told, folds by sort.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::review::change::{Change, Content, FoldKind, Folded, Op, Sameness, StepRef, Volatile, What};

/// The step that something is found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Subject {
    /// None.
    #[default]
    Whole,
    /// A step of both versions: its old and its new number.
    Both(usize, usize),
    /// A new step.
    Added(usize),
    /// An old step that is gone.
    Removed(usize),
}

/// Where a value is on each side.
#[derive(Debug, Clone, Default)]
pub(super) struct Pointers {
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Found {
    changes: Vec<(Order, Change)>,
    folded: Vec<(Subject, Folded)>,
    places: HashMap<(FoldKind, Subject, String), usize>,
    volatile: Vec<Volatile>,
    /// In how many values each connector's id is another one, by its place among all generations.
    pub(super) ids: BTreeMap<usize, usize>,
}

/// Where a change is told: the recipe's settings first, then by the step, then by what it is and its field.
type Order = ((usize, usize, usize), What, String, usize);

/// How much schemas differ: fields added, removed, changed.
pub(super) type Counts = (usize, usize, usize);

impl Found {
    /// Adds a change. `place` is where its step is told.
    pub(super) fn change(&mut self, place: (usize, usize, usize), change: Change) {
        let order = (place, change.what, change.field.clone(), self.changes.len());
        self.changes.push((order, change));
    }

    /// Adds one place of a fold.
    pub(super) fn fold(
        &mut self,
        what: FoldKind,
        subject: Subject,
        field: &str,
        pointers: Pointers,
        counts: Counts,
        detail: Option<(String, Option<String>, Option<String>)>,
    ) {
        // Of these only the number is of interest.
        let subject = match what {
            FoldKind::Renumbered | FoldKind::StepUuid => Subject::Whole,
            _ => subject,
        };
        let key = (what, subject, field.to_owned());
        let at = *self.places.entry(key).or_insert_with(|| {
            self.folded.push((subject, empty(what, field)));
            self.folded.len() - 1
        });
        let folded = &mut self.folded[at].1;
        folded.count += 1;
        folded.added += counts.0;
        folded.removed += counts.1;
        folded.changed += counts.2;
        folded.details.extend(detail);
        if folded.count == 1 {
            folded.old_pointer = pointers.old;
            folded.new_pointer = pointers.new;
            return;
        }
        let was_elsewhere = pointers.old != pointers.new;
        folded.more_pointers.extend(pointers.new);
        folded.more_pointers.extend(pointers.old.filter(|_| was_elsewhere));
    }

    pub(super) fn volatile(&mut self, volatile: Volatile) {
        self.volatile.push(volatile);
    }

    pub(super) fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Returns the steps in which something is folded.
    pub(super) fn subjects(&self) -> impl Iterator<Item = Subject> + '_ {
        self.folded.iter().map(|(subject, _)| *subject)
    }

    /// Takes over what was found elsewhere.
    pub(super) fn absorb(&mut self, other: Self) {
        let start = self.changes.len();
        self.changes.extend(other.changes.into_iter().map(|(mut order, change)| {
            order.3 += start;
            (order, change)
        }));
        for (subject, folded) in other.folded {
            let key = (folded.what, subject, folded.field.clone());
            match self.places.get(&key) {
                Some(at) => merge(&mut self.folded[*at].1, folded),
                None => {
                    self.places.insert(key, self.folded.len());
                    self.folded.push((subject, folded));
                }
            }
        }
        self.volatile.extend(other.volatile);
        for (id, places) in other.ids {
            *self.ids.entry(id).or_default() += places;
        }
    }

    /// Takes over the changes that another comparison did not find, and folds those that it did.
    pub(super) fn absorb_copy(&mut self, mut copy: Self, field: &str) {
        type Key<'k> = (Op, &'k str, &'k Option<Content>, &'k Option<Content>);
        fn key(change: &Change) -> Key<'_> {
            (change.op, &change.field, &change.old, &change.new)
        }
        let own: HashSet<Key<'_>> = self.changes.iter().map(|(_, change)| key(change)).collect();
        let (known, others): (Vec<_>, Vec<_>) =
            copy.changes.into_iter().partition(|(_, change)| own.contains(&key(change)));
        copy.changes = others;
        self.absorb(copy);
        for (_, change) in known {
            let pointers = Pointers { old: change.old_pointer, new: change.new_pointer };
            let detail = (change.field, change.old_text, change.new_text);
            self.fold(FoldKind::PageCopy, Subject::Whole, field, pointers, Counts::default(), Some(detail));
        }
    }

    /// Returns the lists as they are told, and how much the two versions have in common.
    pub(super) fn finish(
        mut self,
        step: impl Fn(Subject) -> Option<StepRef>,
    ) -> (Vec<Change>, Vec<Folded>, Vec<Volatile>, Sameness) {
        self.changes.sort_by(|a, b| a.0.cmp(&b.0));
        let changes: Vec<Change> = self.changes.into_iter().map(|(_, change)| change).collect();
        let sameness = if !changes.is_empty() {
            Sameness::Different
        } else if self.folded.iter().any(|(_, folded)| folded.what != FoldKind::EmptyDefault) {
            Sameness::Meaning
        } else {
            Sameness::Content
        };
        let number = |subject: &Subject| match subject {
            Subject::Whole => None,
            Subject::Both(_, number) | Subject::Added(number) | Subject::Removed(number) => Some(*number),
        };
        self.folded
            .sort_by(|(a, x), (b, y)| (x.what, number(a), &x.field).cmp(&(y.what, number(b), &y.field)));
        let folded =
            self.folded.into_iter().map(|(subject, folded)| Folded { step: step(subject), ..folded });
        (changes, folded.collect(), self.volatile, sameness)
    }
}

fn merge(folded: &mut Folded, other: Folded) {
    folded.count += other.count;
    folded.added += other.added;
    folded.removed += other.removed;
    folded.changed += other.changed;
    folded.details.extend(other.details);
    let was_elsewhere = other.old_pointer != other.new_pointer;
    folded.more_pointers.extend(other.new_pointer);
    folded.more_pointers.extend(other.old_pointer.filter(|_| was_elsewhere));
    folded.more_pointers.extend(other.more_pointers);
}

fn empty(what: FoldKind, field: &str) -> Folded {
    Folded {
        what,
        field: field.to_owned(),
        step: None,
        old_pointer: None,
        new_pointer: None,
        more_pointers: Vec::new(),
        count: 0,
        added: 0,
        removed: 0,
        changed: 0,
        details: Vec::new(),
    }
}
