//! How many projects stand where: counted as their states come and go, so that telling it looks at none of them.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use crate::model::project::ProjectName;
use crate::model::state::State;
use crate::model::status::{self, Standing};

/// Where each project stands, as of its last known state.
#[derive(Debug, Default)]
pub(super) struct Standings {
    standings: HashMap<ProjectName, Standing>,
    counts: BTreeMap<Standing, usize>,
    /// Those that fail, and when they count as stalled if nothing comes in between.
    failing: BTreeMap<ProjectName, DateTime<Utc>>,
}

impl Standings {
    /// Notes a project's state.
    pub(super) fn note(&mut self, project: &ProjectName, state: &State, now: DateTime<Utc>) {
        self.put(project, status::standing(state, now));
        match status::stalls_at(state, now) {
            Some(at) => self.failing.insert(project.clone(), at),
            None => self.failing.remove(project),
        };
    }

    /// Returns how many stand somewhere.
    pub(super) fn count(&self, standing: Standing) -> usize {
        self.counts.get(&standing).copied().unwrap_or_default()
    }

    /// Counts those as stalled whose time has come.
    pub(super) fn pass_time(&mut self, now: DateTime<Utc>) {
        let stalled: Vec<_> = self.failing.extract_if(.., |_, at| *at <= now).collect();
        stalled.iter().for_each(|(project, _)| self.put(project, Standing::Stalled));
    }

    fn put(&mut self, project: &ProjectName, standing: Standing) {
        if let Some(before) = self.standings.insert(project.clone(), standing) {
            *self.counts.get_mut(&before).expect("it was counted when it was noted") -= 1;
        }
        *self.counts.entry(standing).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::model::state::{Seen, Trouble};

    #[test]
    fn each_project_counts_once_and_a_failure_that_lasts_is_a_stall() {
        let [a, b] = ["a", "b"].map(|name| ProjectName::parse(name).unwrap());
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let seen = Some(Seen { at: now, files: 1, print: String::new() });
        let calm = State { seen, ..State::default() };
        let trouble = Trouble {
            since: now,
            failures: 1,
            reason: "no answer".to_owned(),
            hint: None,
            abandoned: false,
            healed: false,
        };
        let failing = State { trouble: Some(trouble), ..calm.clone() };
        let mut standings = Standings::default();
        let counts = |standings: &Standings| {
            [Standing::Never, Standing::InSync, Standing::Pending, Standing::Stalled]
                .map(|standing| standings.count(standing))
        };

        standings.note(&a, &State::default(), now);
        standings.note(&b, &calm, now);
        assert_eq!(counts(&standings), [1, 1, 0, 0]);
        standings.note(&a, &calm, now);
        standings.note(&b, &failing, now);
        assert_eq!(counts(&standings), [0, 1, 1, 0]);
        standings.pass_time(now + TimeDelta::seconds(59));
        assert_eq!(counts(&standings), [0, 1, 1, 0]);
        standings.pass_time(now + TimeDelta::seconds(60));
        assert_eq!(counts(&standings), [0, 1, 0, 1]);
        standings.note(&b, &failing, now + TimeDelta::seconds(61));
        assert_eq!(counts(&standings), [0, 1, 0, 1]);
        standings.note(&b, &calm, now + TimeDelta::seconds(62));
        standings.pass_time(now + TimeDelta::seconds(99));
        assert_eq!(counts(&standings), [0, 2, 0, 0]);
    }
}
