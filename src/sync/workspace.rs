//! A workspace as its projects share it: one client and budget, one identity, one import at a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::StepError;
use crate::model::project::ProjectName;
use crate::workato::{Class, Client, Turn};

/// How long an answer about whose token it is may be shared between projects.
const IDENTITY_AGE: TimeDelta = TimeDelta::seconds(5);

/// How many looks at a workspace that nothing waits for are under way at the same time: enough to use up any request
/// budget. One that waits for its turn is small; one that has begun has a connection and its buffers.
const LOOKS_AT_ONCE: usize = 8;

/// A workspace.
pub struct Workspace {
    name: String,
    origin: String,
    client: Client,
    identity: tokio::sync::Mutex<Option<(DateTime<Utc>, u64)>>,
    imports: Mutex<VecDeque<ProjectName>>,
    listings: Mutex<BTreeMap<ProjectName, Listing>>,
    looks: Semaphore,
}

/// Leave to look that was given; none for what needs none.
pub(super) type Leave<'a> = Option<SemaphorePermit<'a>>;

/// What a folder holds, by file, type, id and version: a save gives a recipe another version.
pub(super) type Listing = BTreeSet<(String, String, u64, Option<u64>)>;

impl Workspace {
    /// Makes a workspace of its configured name, its origin as text, and its client.
    #[must_use]
    pub fn new(name: &str, origin: &str, client: Client) -> Self {
        Self {
            name: name.to_owned(),
            origin: origin.to_owned(),
            client,
            identity: tokio::sync::Mutex::default(),
            imports: Mutex::default(),
            listings: Mutex::default(),
            looks: Semaphore::new(LOOKS_AT_ONCE),
        }
    }

    /// Returns the origin that requests go to.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for leave to look, in order of asking. What an import waits for needs none: it never waits behind looks
    /// that nothing waits for.
    pub(super) async fn leave_to_look(&self, turn: Turn<'_>) -> Leave<'_> {
        match turn.class {
            Class::Import => None,
            Class::Export => Some(self.looks.acquire().await.expect("the looks are never closed")),
        }
    }

    /// Returns leave to look for who need not wait for it.
    pub(super) fn leave_at_once(&self, turn: Turn<'_>) -> Option<Leave<'_>> {
        match turn.class {
            Class::Import => Some(None),
            Class::Export => self.looks.try_acquire().ok().map(Some),
        }
    }

    /// Checks that the token belongs to the workspace that it belonged to at the first look, and returns that
    /// workspace's id; `None` where the token may not ask and never could.
    pub(super) async fn check_identity(
        &self,
        turn: Turn<'_>,
        pinned: Option<u64>,
        now: DateTime<Utc>,
    ) -> Result<Option<u64>, StepError> {
        let mut known = self.identity.lock().await;
        let fresh = known.filter(|(at, _)| now.signed_duration_since(at).abs() < IDENTITY_AGE);
        let found = if let Some((_, id)) = fresh {
            id
        } else {
            match self.client.me(turn).await {
                Ok(me) => me.id,
                // A valid token without this privilege: whose it is cannot be known.
                Err(error) if error.is_forbidden() && pinned.is_none() => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        };
        *known = Some((fresh.map_or(now, |(at, _)| at), found));
        match pinned {
            Some(pinned) if pinned != found => {
                Err(StepError::OtherWorkspace { name: self.name.clone(), pinned, found })
            }
            _ => Ok(Some(found)),
        }
    }

    /// Notes what a project's folder held when a look at it began, until the next look; of use to this
    /// process alone, since none imports what another one has looked at.
    pub(super) fn note_listing(&self, project: &ProjectName, listing: Option<Listing>) {
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        match listing {
            Some(listing) => listings.insert(project.clone(), listing),
            None => listings.remove(project),
        };
    }

    /// Returns what was noted of a project's folder.
    pub(super) fn listing(&self, project: &ProjectName) -> Option<Listing> {
        self.listings.lock().unwrap_or_else(PoisonError::into_inner).get(project).cloned()
    }

    /// Takes the workspace's one import for a project, or its place in the queue for it.
    pub(super) fn take_import(&self, project: &ProjectName) -> bool {
        let mut queue = self.imports.lock().unwrap_or_else(PoisonError::into_inner);
        if !queue.contains(project) {
            queue.push_back(project.clone());
        }
        queue.front() == Some(project)
    }

    /// Gives the import back, or the place in the queue; also for a project that is gone from the configuration.
    pub fn release_import(&self, project: &ProjectName) {
        self.imports.lock().unwrap_or_else(PoisonError::into_inner).retain(|name| name != project);
    }

    /// Takes the import for a project whose job was already running when the process started.
    pub fn resume_import(&self, project: &ProjectName) {
        let mut queue = self.imports.lock().unwrap_or_else(PoisonError::into_inner);
        if !queue.contains(project) {
            queue.push_front(project.clone());
        }
    }
}
