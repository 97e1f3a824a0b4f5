//! What is due, the earliest first. A project stands in it once; it may be moved forward, never back.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;

use crate::model::project::ProjectName;

/// The due queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    order: BTreeSet<(Instant, ProjectName)>,
    times: HashMap<ProjectName, Instant>,
}

impl Queue {
    /// Makes a project due at a time, or earlier where it already is.
    pub(super) fn push(&mut self, project: ProjectName, at: Instant) {
        if let Some(known) = self.times.get(&project) {
            if *known <= at {
                return;
            }
            self.order.remove(&(*known, project.clone()));
        }
        self.order.insert((at, project.clone()));
        self.times.insert(project, at);
    }

    /// Returns when the earliest project is due.
    pub(super) fn earliest(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes the earliest project out, if it is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<ProjectName> {
        if self.earliest()? > now {
            return None;
        }
        let (_, project) = self.order.pop_first()?;
        self.times.remove(&project);
        Some(project)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_earliest_comes_first_and_a_hint_only_moves_forward() {
        let start = super::super::clock::instant();
        let at = |seconds| start + Duration::from_secs(seconds);
        let name = |text| ProjectName::parse(text).unwrap();
        let mut queue = Queue::default();
        queue.push(name("a"), at(5));
        queue.push(name("b"), at(3));
        queue.push(name("a"), at(1));
        queue.push(name("a"), at(9));
        assert_eq!(queue.earliest(), Some(at(1)));
        assert_eq!(queue.pop_due(at(0)), None);
        assert_eq!(queue.pop_due(at(4)), Some(name("a")));
        assert_eq!(queue.pop_due(at(4)), Some(name("b")));
        assert_eq!(queue.pop_due(at(9)), None);
    }
}
