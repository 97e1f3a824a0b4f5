//! The switches of the workspace, and its quotas.
//!
//! Defaults are what the platform is known to do; where that is unknown, what is hardest on a client.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::routes::Bucket;

/// What can be switched while it runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Milliseconds until an export is ready.
    pub export_delay_ms: u64,
    /// How many looks at an export are answered with `in_progress` at least.
    pub export_polls: u32,
    /// Milliseconds until an import is done.
    pub import_delay_ms: u64,
    /// How many looks at an import are answered with `in_progress` at least.
    pub import_polls: u32,
    /// Calls of exports, manifests and packages a minute; `null` for no limit.
    pub lifecycle_per_minute: Option<usize>,
    /// Calls of recipes a minute; `null` for no limit.
    pub recipes_per_minute: Option<usize>,
    /// Imports an hour; `null` for no limit.
    pub imports_per_hour: Option<usize>,
    /// Whether a 429 says `Retry-After`.
    pub retry_after: bool,
    /// How an overlapping import, or one over running recipes, is refused: an HTTP status, or 0 for an
    /// import that fails.
    pub refuse_status: u16,
    /// The HTTP status for a package of more than 100 MB.
    pub too_large_status: u16,
    /// What becomes of a listed asset that is gone: `true` fails the export, `false` leaves it out.
    pub gone_asset_fails: bool,
    /// Whether assets of the root need `folder_id_for_home_assets`.
    pub home_is_project: bool,
    /// Whether `no_update_or_update_without_restart` is spelt as older pages do.
    pub old_spelling: bool,
    /// Whether an import adds what the server derives.
    pub expand: bool,
    /// Whether saving in the editor sorts keys and drops empty defaults.
    pub editor_reorders: bool,
    /// Whether start and stop count as an update.
    pub run_bumps_updated_at: bool,
    /// Whether the order of account properties changes from export to export.
    pub shuffle_properties: bool,
    /// Whether an entry of a zip says that its name is UTF-8; the platform's do not, and its client reads them so.
    pub utf8_flag: bool,
    /// Seconds that a download link holds.
    pub link_seconds: i64,
    /// Route names, with `*`, that the token has no privilege for.
    pub denied: Vec<String>,
    /// Whether the token is no longer known.
    pub revoked: bool,
    /// Milliseconds that the workspace's clock is ahead of the machine's.
    pub clock_offset_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            export_delay_ms: 0,
            export_polls: 1,
            import_delay_ms: 0,
            import_polls: 1,
            lifecycle_per_minute: Some(60),
            recipes_per_minute: Some(60),
            imports_per_hour: Some(500),
            retry_after: true,
            refuse_status: 422,
            too_large_status: 413,
            gone_asset_fails: true,
            home_is_project: false,
            old_spelling: false,
            expand: true,
            editor_reorders: true,
            run_bumps_updated_at: true,
            shuffle_properties: true,
            utf8_flag: false,
            link_seconds: 10,
            denied: Vec::new(),
            revoked: false,
            clock_offset_ms: 0,
        }
    }
}

/// When calls were let through, by quota.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    lifecycle: VecDeque<DateTime<Utc>>,
    recipes: VecDeque<DateTime<Utc>>,
    imports: VecDeque<DateTime<Utc>>,
}

impl Quotas {
    /// Counts a call, or answers 429 where its quota is used up.
    pub(super) fn count(&mut self, bucket: Bucket, set: &Settings, now: DateTime<Utc>) -> Option<Answer> {
        let (log, limit, window) = match bucket {
            Bucket::Lifecycle => (&mut self.lifecycle, set.lifecycle_per_minute?, TimeDelta::minutes(1)),
            Bucket::Recipes => (&mut self.recipes, set.recipes_per_minute?, TimeDelta::minutes(1)),
            Bucket::Import => (&mut self.imports, set.imports_per_hour?, TimeDelta::hours(1)),
            Bucket::Other => return None,
        };
        while log.front().is_some_and(|first| *first + window <= now) {
            log.pop_front();
        }
        if log.len() < limit {
            log.push_back(now);
            return None;
        }
        let wait = log.front().map_or(window, |first| *first + window - now);
        let answer = Answer::message(429, "Too many requests");
        let seconds = (wait.num_milliseconds() + 999) / 1000;
        Some(if set.retry_after { answer.with("retry-after", seconds.to_string()) } else { answer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_holds_for_any_minute() {
        let start: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
        let set = Settings { lifecycle_per_minute: Some(2), ..Settings::default() };
        let mut quotas = Quotas::default();
        let mut at = |s| quotas.count(Bucket::Lifecycle, &set, start + TimeDelta::seconds(s));
        assert!(at(0).is_none() && at(30).is_none());
        let refused = at(45).unwrap();
        assert_eq!(refused.status, 429);
        assert_eq!(refused.headers, [("retry-after".to_owned(), "15".to_owned())]);
        assert!(at(60).is_none() && at(61).is_some());
    }
}
