//! What the loop works with: the projects, wired up, and what they share.
//!
//! It does not know where any of it was configured.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tracing::warn;

use crate::git::Cache;
use crate::model::project::ProjectName;
use crate::store::Store;
use crate::sync::{Wiring, chain};
use crate::workato::Budget;

/// Everything that a configuration's projects work with.
pub struct Plant {
    store: Arc<Store>,
    projects: BTreeMap<ProjectName, Wiring>,
    /// The projects of each repository.
    of_repository: BTreeMap<String, Vec<ProjectName>>,
    caches: BTreeMap<String, Cache>,
    local: BTreeMap<String, PathBuf>,
    budgets: Vec<Arc<Budget>>,
}

impl Plant {
    /// Makes a plant of its parts: the caches by repository, and the git folders of those whose upstream is on this
    /// machine.
    #[must_use]
    pub fn new(
        store: Arc<Store>,
        projects: BTreeMap<ProjectName, Wiring>,
        caches: BTreeMap<String, Cache>,
        local: BTreeMap<String, PathBuf>,
        budgets: Vec<Arc<Budget>>,
    ) -> Self {
        let mut of_repository: BTreeMap<String, Vec<ProjectName>> = BTreeMap::new();
        for (name, wiring) in &projects {
            of_repository.entry(wiring.project.repository.clone()).or_default().push(name.clone());
        }
        Self { store, projects, of_repository, caches, local, budgets }
    }

    /// Returns the saved states.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Returns all projects.
    pub fn projects(&self) -> impl ExactSizeIterator<Item = (&ProjectName, &Wiring)> {
        self.projects.iter()
    }

    /// Returns a project.
    #[must_use]
    pub fn project(&self, name: &ProjectName) -> Option<&Wiring> {
        self.projects.get(name)
    }

    /// Returns the projects of a repository.
    pub(super) fn projects_of(&self, repository: &str) -> impl Iterator<Item = (&ProjectName, &Wiring)> {
        self.of_repository
            .get(repository)
            .into_iter()
            .flatten()
            .filter_map(|name| self.projects.get_key_value(name))
    }

    /// Returns the caches of all repositories.
    pub(super) fn caches(&self) -> impl Iterator<Item = &Cache> {
        self.caches.values()
    }

    /// Lets git join the packs of the caches that have too many; what fails is logged, and tried again another time.
    pub async fn tidy(&self) {
        for cache in self.caches() {
            tidy(cache).await;
        }
    }

    /// Returns the repositories whose upstream is a folder of this machine, each with its git folder.
    pub(super) fn local_upstreams(&self) -> impl Iterator<Item = (&String, &PathBuf)> {
        self.local.iter()
    }

    /// Ends all waiting for requests: nothing more is sent.
    pub fn stop(&self) {
        self.budgets.iter().for_each(|budget| budget.stop());
    }

    /// Lets requests be sent again.
    pub(super) fn resume(&self) {
        self.budgets.iter().for_each(|budget| budget.resume());
    }
}

/// Lets git join a cache's packs where there are too many.
pub(super) async fn tidy(cache: &Cache) {
    if let Err(error) = cache.maintenance().await {
        warn!(repository = cache.url(), "maintenance of the cache failed: {}", chain(&error));
    }
}
