//! The log of requests: what was asked, when, and how it was answered; never a token or a signature.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::world::World;

/// How many requests are remembered.
const REMEMBERED: usize = 10_000;

/// One request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seen {
    /// When it came.
    pub at: DateTime<Utc>,
    /// The route's name, such as `export.start`; empty for an unknown one.
    pub route: String,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query without secrets.
    pub query: String,
    /// The number in the path, 0 where there is none.
    pub id: u64,
    /// The answer's status; `None` while it is under way, or where the connection was cut.
    pub status: Option<u16>,
    /// When it was answered.
    pub done: Option<DateTime<Utc>>,
}

impl World {
    /// Returns the requests remembered, oldest first.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &Seen> {
        self.requests.iter()
    }

    /// Returns how many requests to the download origin carried a header of the API's.
    #[must_use]
    pub fn leaks(&self) -> u64 {
        self.leaks
    }

    /// Remembers a request, and returns a mark for [`World::answered`].
    pub(super) fn saw(&mut self, seen: Seen) -> DateTime<Utc> {
        if self.requests.len() == REMEMBERED {
            self.requests.pop_front();
        }
        let mut seen = seen;
        // Marks are unique, so that an answer finds its request.
        if let Some(last) = self.requests.back() {
            seen.at = seen.at.max(last.at + chrono::TimeDelta::nanoseconds(1));
        }
        let mark = seen.at;
        self.requests.push_back(seen);
        mark
    }

    pub(super) fn answered(&mut self, mark: DateTime<Utc>, status: Option<u16>, now: DateTime<Utc>) {
        if let Some(seen) = self.requests.iter_mut().rev().find(|seen| seen.at == mark) {
            (seen.status, seen.done) = (status, Some(now));
        }
    }
}
