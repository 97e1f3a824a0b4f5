//! What can be made to go wrong: a list of faults, each with the calls it strikes, how often, and what happens.
//!
//! It only says which faults strike a call; the skin acts on those of the transport, the rules on the others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::routes::fits;

/// A fault as it is set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// A route's name, or a pattern with `*`: `export.start`, `package.*`.
    pub on: String,
    /// How often it strikes; without it, always.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many calls pass before it strikes.
    #[serde(default)]
    pub skip: u32,
    /// The number in the path that it is limited to: a folder, manifest or package.
    #[serde(default)]
    pub id: Option<u64>,
    /// What happens.
    pub then: Then,
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Then {
    /// The answer comes late.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// Nothing is done, and this is the answer.
    Status {
        /// The HTTP status.
        code: u16,
        /// A text that is sent as it is, or anything else as JSON; without it the platform's own words.
        #[serde(default)]
        body: Option<serde_json::Value>,
        /// Headers, such as `retry-after` or `content-type`.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// Nothing is done, and the connection is dropped.
    Cut,
    /// The work is done, and the connection is dropped after so many bytes of the body; with 0 before the answer.
    CutBody {
        /// Bytes of the body that still arrive.
        after: usize,
    },
    /// The work is done, and this is the answer.
    AcceptThen {
        /// The HTTP status, such as 500.
        code: u16,
    },
    /// The body comes in pieces with a pause after each.
    Slow {
        /// Bytes a piece.
        bytes: usize,
        /// Milliseconds between two pieces.
        ms: u64,
    },
    /// The job never ends.
    Stuck,
    /// The job is not found again after its start.
    Vanish,
    /// The job fails with this text.
    Fail {
        /// What `error` says.
        error: String,
    },
    /// The job's status is said with other words.
    Word {
        /// While it runs.
        #[serde(default)]
        running: Option<String>,
        /// When it is done, in place of `completed`.
        #[serde(default)]
        done: Option<String>,
    },
    /// The exported zip is cut off.
    Truncate {
        /// Bytes that are kept.
        keep: usize,
    },
    /// The exported zip is followed by so much filling that it is this long.
    Oversize {
        /// Bytes.
        bytes: usize,
    },
    /// The exported zip holds nothing.
    Empty,
    /// The exported zip holds another workspace's files.
    Foreign,
    /// The exported zip holds one hostile thing more.
    Hostile {
        /// One of the names that `GET /_emulator/` lists.
        name: String,
    },
    /// The import completes and changes nothing.
    NoEffect,
    /// The import changes the first asset alone, and completes.
    Half,
    /// The import completes, and what it stores differs from what was sent.
    Other,
    /// Recipes whose name fits get this result, and its effect.
    ImportResult {
        /// The recipe's name, or a pattern with `*`.
        recipe: String,
        /// The word, such as `stopped` or `stop_failed`; any other is said as it is.
        result: String,
    },
    /// Results are told for recipes that do not exist.
    WrongIds,
    /// The answer is about another job, or whatever else it is that has a number.
    OtherId {
        /// Its number.
        id: u64,
    },
    /// Only the first so many results are told.
    SomeResults {
        /// How many.
        count: usize,
    },
    /// `GET /api/users/me` tells of another workspace.
    OtherWorkspace {
        /// Its number.
        id: u64,
    },
    /// The download, or the store, redirects elsewhere.
    Redirect {
        /// A URL; `again` makes the store redirect to itself.
        to: String,
    },
    /// The download answers with the zip itself, where the platform redirects.
    Direct,
    /// `download_url` of a failed or running job is this text, such as `null`.
    DownloadUrl {
        /// The text.
        text: String,
    },
}

/// One of each, as `GET /_emulator/` shows them.
pub(super) const EXAMPLES: [&str; 27] = [
    r#""cut""#,
    r#""direct""#,
    r#""stuck""#,
    r#""vanish""#,
    r#""empty""#,
    r#""foreign""#,
    r#""no_effect""#,
    r#""half""#,
    r#""other""#,
    r#""wrong_ids""#,
    r#"{"delay": {"ms": 500}}"#,
    r#"{"status": {"code": 429, "headers": {"retry-after": "1"}}}"#,
    r#"{"status": {"code": 502, "body": "<html>Bad gateway</html>"}}"#,
    r#"{"cut_body": {"after": 100}}"#,
    r#"{"accept_then": {"code": 500}}"#,
    r#"{"slow": {"bytes": 1000, "ms": 50}}"#,
    r#"{"fail": {"error": "disk full"}}"#,
    r#"{"word": {"running": "queued", "done": "succeeded"}}"#,
    r#"{"truncate": {"keep": 100}}"#,
    r#"{"oversize": {"bytes": 110000000}}"#,
    r#"{"hostile": {"name": "dotdot"}}"#,
    r#"{"import_result": {"recipe": "Order*", "result": "stopped"}}"#,
    r#"{"some_results": {"count": 1}}"#,
    r#"{"other_workspace": {"id": 5}}"#,
    r#"{"other_id": {"id": 5}}"#,
    r#"{"redirect": {"to": "http://10.0.0.1/"}}"#,
    r#"{"download_url": {"text": "null"}}"#,
];

/// Draws the faults that strike a call, and counts them.
pub(super) fn draw(faults: &mut Vec<Fault>, route: &str, id: u64) -> Vec<Then> {
    let mut struck = Vec::new();
    for fault in faults.iter_mut() {
        if !fits(&fault.on, route) || fault.id.is_some_and(|only| only != id) || fault.times == Some(0) {
            continue;
        }
        if fault.skip > 0 {
            fault.skip -= 1;
            continue;
        }
        fault.times = fault.times.map(|times| times - 1);
        struck.push(fault.then.clone());
    }
    faults.retain(|fault| fault.times != Some(0));
    struck
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> Result<Fault, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn a_fault_strikes_as_often_as_it_says() {
        let mut faults = vec![fault(r#"{"on":"export.*","times":2,"skip":1,"then":"stuck"}"#).unwrap()];
        let struck: Vec<usize> = ["export.start", "me", "export.start", "export.start", "export.start"]
            .iter()
            .map(|route| draw(&mut faults, route, 0).len())
            .collect();
        assert_eq!(struck, [0, 0, 1, 1, 0]);
        assert!(faults.is_empty());
    }

    #[test]
    fn a_fault_can_be_limited_to_a_number() {
        let mut faults = vec![fault(r#"{"on":"import.start","id":17,"then":{"delay":{"ms":1}}}"#).unwrap()];
        assert!(draw(&mut faults, "import.start", 18).is_empty());
        assert_eq!(draw(&mut faults, "import.start", 17), [Then::Delay { ms: 1 }]);
    }

    #[test]
    fn every_example_is_a_fault() {
        for example in EXAMPLES {
            serde_json::from_str::<Then>(example).unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    }

    #[test]
    fn unknown_words_are_refused() {
        assert!(fault(r#"{"on":"me","then":"explode"}"#).is_err());
        assert!(fault(r#"{"on":"me","then":{"delay":{"s":1}}}"#).is_err());
        assert!(fault(r#"{"on":"me","time":1,"then":"stuck"}"#).is_err());
    }
}
