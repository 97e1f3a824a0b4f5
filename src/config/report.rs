//! Problems of a configuration, collected, so that an operator sees all of them at once.
//!
//! No problem repeats what was written where a secret could stand.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The byte in the file, from 0.
    pub(super) offset: usize,
    /// The whole key, as in `project.orders.path`.
    pub(super) key: String,
}

/// One thing that is wrong, or looks wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line in the file, from 1.
    pub line: usize,
    /// The whole key, as in `project.orders.path`; empty where the file is no TOML.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
    /// What the operator can do about it.
    pub hint: Option<String>,
}

/// All problems of one file, by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The file.
    pub file: PathBuf,
    /// What is wrong in it; never empty.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = match self.list.len() {
            1 => "one problem".to_owned(),
            many => format!("{many} problems"),
        };
        write!(f, "the configuration has {count}")?;
        for Problem { line, key, message, hint } in &self.list {
            write!(f, "\n  {}:{line}: ", self.file.display())?;
            if !key.is_empty() {
                write!(f, "{key}: ")?;
            }
            f.write_str(message)?;
            if let Some(hint) = hint {
                write!(f, "\n      {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Says that a problem was reported, where a value should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reported;

/// A value, or the knowledge that the report says why there is none.
pub(super) type Read<T> = Result<T, Reported>;

/// What is noted at bytes of the file.
type Noted = RefCell<Vec<(usize, Problem)>>;

/// Collects what is wrong while a file is read.
pub(super) struct Report<'a> {
    text: &'a str,
    problems: Noted,
    warnings: Noted,
}

impl<'a> Report<'a> {
    /// Starts a report on a file's text.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, problems: RefCell::default(), warnings: RefCell::default() }
    }

    /// Reports a problem.
    pub(super) fn problem(&self, place: &Place, message: impl fmt::Display) -> Reported {
        self.add(&self.problems, place, message.to_string(), None)
    }

    /// Reports a problem that the operator can do something about.
    pub(super) fn problem_with_hint(
        &self,
        place: &Place,
        message: impl fmt::Display,
        hint: impl fmt::Display,
    ) -> Reported {
        self.add(&self.problems, place, message.to_string(), Some(hint.to_string()))
    }

    /// Notes what is allowed and yet looks wrong.
    pub(super) fn warning(&self, place: &Place, message: impl fmt::Display, hint: impl fmt::Display) {
        self.add(&self.warnings, place, message.to_string(), Some(hint.to_string()));
    }

    fn add(&self, list: &Noted, place: &Place, message: String, hint: Option<String>) -> Reported {
        let Place { offset, key } = place.clone();
        // The line follows when all are known.
        list.borrow_mut().push((offset, Problem { line: 0, key, message, hint }));
        Reported
    }

    /// Ends the report: the warnings, or the problems where there are any.
    pub(super) fn finish(self, file: &Path) -> Result<Vec<Problem>, Problems> {
        let problems = in_order(self.text, self.problems.into_inner());
        if problems.is_empty() {
            return Ok(in_order(self.text, self.warnings.into_inner()));
        }
        Err(Problems { file: file.to_owned(), list: problems })
    }
}

/// Sorts what was noted at bytes of a text, and gives each its line.
fn in_order(text: &str, mut noted: Vec<(usize, Problem)>) -> Vec<Problem> {
    noted.sort();
    let mut lines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).peekable();
    let mut line = 1;
    let mut list = Vec::with_capacity(noted.len());
    for (offset, problem) in noted {
        while lines.next_if(|end| *end < offset).is_some() {
            line += 1;
        }
        list.push(Problem { line, ..problem });
    }
    list
}
