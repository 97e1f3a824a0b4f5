//! Exports and imports that run on the platform: their state, what became of each recipe, and when to look again.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::loose::{self, Loose};

/// An export or import on the platform. Its link is not kept: it expires, and is asked for with each download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The package's id.
    pub id: u64,
    /// Whether it is over.
    pub status: JobStatus,
    /// What the platform said went wrong, fit to be shown.
    pub error: Option<String>,
    /// What became of each recipe of an import; may be incomplete while it runs and when it failed.
    pub recipes: Vec<RecipeResult>,
}

/// Whether a job is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// Not yet; also for any word that is not known.
    Running,
    /// It is over, and what it was for has happened; for an import, see each recipe's result too.
    Completed,
    /// It is over without success.
    Failed,
}

impl JobStatus {
    /// Reads the platform's word.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "completed" | "succeeded" => Self::Completed,
            "failed" | "error" => Self::Failed,
            _ => Self::Running,
        }
    }
}

/// What an import made of one recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeResult {
    /// The recipe's id in the workspace that was imported into.
    pub id: u64,
    /// What became of it.
    pub result: ImportResult,
}

/// What an import made of a recipe; prints as the platform's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportResult {
    /// Unchanged, or updated with no need to restart it; the platform has had two spellings.
    NotRestarted,
    /// Updated and running again.
    Restarted,
    /// Updated, and stopped: its errors keep it from starting.
    Stopped,
    /// Updated, and stopped: starting it failed.
    RestartFailed,
    /// Not updated, and running: it could not be stopped.
    StopFailed,
    /// Not updated: it was not there.
    NotFound,
    /// A word that is not known, and so not good; fit to be shown.
    Unknown(String),
}

impl ImportResult {
    /// Reads the platform's word.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "no_update_or_updated_without_restart" | "no_update_or_update_without_restart" => {
                Self::NotRestarted
            }
            "restarted" => Self::Restarted,
            "stopped" => Self::Stopped,
            "restart_failed" => Self::RestartFailed,
            "stop_failed" => Self::StopFailed,
            "not_found" => Self::NotFound,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// Returns the platform's word, in its newer spelling.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::NotRestarted => "no_update_or_updated_without_restart",
            Self::Restarted => "restarted",
            Self::Stopped => "stopped",
            Self::RestartFailed => "restart_failed",
            Self::StopFailed => "stop_failed",
            Self::NotFound => "not_found",
            Self::Unknown(word) => word,
        }
    }

    /// Returns whether the recipe is as the package has it and as it was before: running or not.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        match self {
            Self::NotRestarted | Self::Restarted => true,
            Self::Stopped | Self::RestartFailed | Self::StopFailed | Self::NotFound | Self::Unknown(_) => {
                false
            }
        }
    }

    /// Returns what happened, in words that go on from "the recipe".
    #[must_use]
    pub const fn explain(&self) -> &'static str {
        match self {
            Self::NotRestarted => "is up to date, and did not need a restart",
            Self::Restarted => "was updated and runs again",
            Self::Stopped => "was updated and is now stopped: errors in it keep it from starting",
            Self::RestartFailed => "was updated and is now stopped: starting it again failed",
            Self::StopFailed => "was not updated: it runs and could not be stopped",
            Self::NotFound => "was not updated: it was not found",
            Self::Unknown(_) => "has a result that is not known",
        }
    }
}

impl fmt::Display for ImportResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Returns how long to wait before looking at a job, after so many looks: quick at first, since most jobs are, and
/// never longer than 10 s.
#[must_use]
pub fn poll_delay(polls: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(10);
    2_u32.checked_pow(polls).map_or(LONGEST, |factor| FIRST.saturating_mul(factor)).min(LONGEST)
}

/// A package as it is sent.
#[derive(Deserialize)]
pub(super) struct WirePackage {
    #[serde(deserialize_with = "loose::id")]
    id: u64,
    #[serde(default, deserialize_with = "loose::text")]
    status: String,
    #[serde(default)]
    error: Option<Box<RawValue>>,
    #[serde(default)]
    error_parts: Option<Box<RawValue>>,
    #[serde(default)]
    errors: Option<Box<RawValue>>,
    #[serde(default)]
    recipe_status: Option<Vec<WireResult>>,
}

#[derive(Deserialize)]
struct WireResult {
    #[serde(deserialize_with = "loose::id")]
    id: u64,
    #[serde(default, deserialize_with = "loose::text")]
    import_result: String,
}

impl WirePackage {
    /// Returns the package, with every text of the server's made fit to be shown.
    pub(super) fn into_package(self, clean: impl Fn(&str) -> String) -> Package {
        let error = [self.error, self.errors, self.error_parts].iter().flatten().find_map(|raw| said(raw));
        let result = |word: &str| match ImportResult::from_word(word) {
            ImportResult::Unknown(word) => ImportResult::Unknown(clean(&word)),
            known => known,
        };
        Package {
            id: self.id,
            status: JobStatus::from_word(&self.status),
            error: error.map(|text| clean(&text)),
            recipes: self
                .recipe_status
                .unwrap_or_default()
                .iter()
                .map(|recipe| RecipeResult { id: recipe.id, result: result(&recipe.import_result) })
                .collect(),
        }
    }
}

/// Returns a text as it is, anything else that is not empty as JSON.
fn said(raw: &RawValue) -> Option<String> {
    match serde_json::from_str(raw.get()) {
        Ok(Loose::Text(text)) => Loose::Text(text).text(),
        _ => {
            Some(raw.get().to_owned()).filter(|json| !matches!(json.as_str(), "null" | "{}" | "[]" | "false"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> serde_json::Result<Package> {
        serde_json::from_str::<WirePackage>(json).map(|wire| wire.into_package(str::to_owned))
    }

    #[test]
    fn every_status_is_known_or_still_running() {
        for (status, expected) in [
            (r#""completed""#, JobStatus::Completed),
            (r#""succeeded""#, JobStatus::Completed),
            (r#""failed""#, JobStatus::Failed),
            (r#""error""#, JobStatus::Failed),
            (r#""in_progress""#, JobStatus::Running),
            (r#""processing""#, JobStatus::Running),
            (r#""Completed""#, JobStatus::Running),
            ("null", JobStatus::Running),
            ("7", JobStatus::Running),
        ] {
            let package =
                read(&format!(r#"{{"id":"242","status":{status},"download_url":"null"}}"#)).unwrap();
            assert_eq!((package.id, package.status), (242, expected), "{status}");
        }
        assert_eq!(read(r#"{"id":1}"#).unwrap().status, JobStatus::Running);
        assert!(read(r#"{"status":"completed"}"#).is_err(), "without an id");
    }

    #[test]
    fn only_three_words_are_good() {
        let good =
            ["no_update_or_update_without_restart", "no_update_or_updated_without_restart", "restarted"];
        let bad = ["stopped", "restart_failed", "stop_failed", "not_found", "exploded", ""];
        assert!(good.iter().all(|word| ImportResult::from_word(word).is_good()));
        assert!(bad.iter().all(|word| !ImportResult::from_word(word).is_good()));
        assert!(bad.iter().all(|word| ImportResult::from_word(word).word() == *word));
    }

    #[test]
    fn results_come_with_their_recipes() {
        let package = read(
            r#"{"id":251,"status":"failed","error":null,"error_parts":[{"part":"connection"}],
                "recipe_status":[{"id":"7","import_result":"stopped"},{"id":8,"import_result":null,"x":[]}]}"#,
        )
        .unwrap();
        assert_eq!(package.error.as_deref(), Some(r#"[{"part":"connection"}]"#));
        assert_eq!(package.recipes[0], RecipeResult { id: 7, result: ImportResult::Stopped });
        assert_eq!(package.recipes[1].result, ImportResult::Unknown(String::new()));
        assert_eq!(read(r#"{"id":1,"recipe_status":null}"#).unwrap().recipes, []);
        assert!(read(r#"{"id":1,"recipe_status":"all good"}"#).is_err(), "results that cannot be read");
        for nothing in ["null", r#""""#, r#""null""#, "[]", "{}"] {
            assert_eq!(read(&format!(r#"{{"id":1,"error":{nothing}}}"#)).unwrap().error, None, "{nothing}");
        }
    }

    #[test]
    fn looks_start_quick_and_slow_down() {
        let seconds: Vec<_> = (0..8).map(|polls| poll_delay(polls).as_secs_f64()).collect();
        assert_eq!(seconds, [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]);
        assert_eq!(poll_delay(u32::MAX), Duration::from_secs(10));
    }
}
