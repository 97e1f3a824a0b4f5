//! The truth about an import: what the platform said, and what the workspace shows afterwards, together.
//!
//! Green means: the package completed, every recipe's result is a good one, and the export that follows shows
//! every file with the commit's meaning. Anything else has a reason.

use super::path::PackagePath;
use super::state::{Outcome, RecipeResult, Verdict};

/// How many requests one commit and path get without a person: the first, and one more where its outcome was lost.
pub const MAX_TRIES: u8 = 2;

/// How many paths a reason names before it counts the rest.
const NAMED_PATHS: usize = 5;

/// What a look after an import came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, where it did not just work.
    pub reason: Option<String>,
    /// Every recipe's result.
    pub recipes: Vec<RecipeResult>,
    /// What follows.
    pub then: Then,
}

/// What follows from a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing: the import is over.
    Done,
    /// It may be sent once more.
    Again,
    /// It waits for a new commit, a changed workspace or a person.
    Wait,
}

/// Judges an import by what was said of it and by the paths that the workspace does not show as sent.
#[must_use]
pub fn judge(outcome: &Outcome, missing: &[&PackagePath], tries: u8) -> Judgement {
    let of = |verdict, reason, recipes: &[RecipeResult], then| Judgement {
        verdict,
        reason,
        recipes: recipes.to_vec(),
        then,
    };
    match outcome {
        Outcome::Completed { recipes } if missing.is_empty() => {
            of(Verdict::Applied, None, recipes, Then::Done)
        }
        Outcome::Completed { recipes } => {
            let reason = format!("the import completed, but the workspace does not show {}", list(missing));
            of(Verdict::NoEffect, Some(reason), recipes, Then::Wait)
        }
        Outcome::Rejected { reason, recipes } => {
            of(Verdict::Rejected, Some(reason.clone()), recipes, Then::Wait)
        }
        Outcome::Lost { reason } if missing.is_empty() => {
            let reason = format!("{reason}; the workspace shows what was sent");
            of(Verdict::Unknown, Some(reason), &[], Then::Done)
        }
        Outcome::Lost { reason } if tries < MAX_TRIES => {
            let reason = format!("{reason}; the workspace does not show {}: tried once more", list(missing));
            of(Verdict::Unknown, Some(reason), &[], Then::Again)
        }
        Outcome::Lost { reason } => {
            let reason = format!("{reason}, {tries} times; the workspace does not show {}", list(missing));
            of(Verdict::Unknown, Some(reason), &[], Then::Wait)
        }
    }
}

/// Names the first few paths and counts the rest.
#[must_use]
pub fn list(paths: &[&PackagePath]) -> String {
    let named: Vec<&str> = paths.iter().take(NAMED_PATHS).map(|path| path.as_str()).collect();
    match paths.len().saturating_sub(NAMED_PATHS) {
        0 => named.join(", "),
        rest => format!("{} and {rest} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_word_and_sight_has_its_verdict() {
        let path = PackagePath::parse("a.recipe.json").unwrap();
        let shown: &[&PackagePath] = &[];
        let hidden: &[&PackagePath] = &[&path];
        let completed = Outcome::Completed { recipes: vec![] };
        let rejected = Outcome::Rejected { reason: "no".into(), recipes: vec![] };
        let lost = Outcome::Lost { reason: "cut".into() };
        for (outcome, missing, tries, verdict, then) in [
            (&completed, shown, 1, Verdict::Applied, Then::Done),
            (&completed, hidden, 1, Verdict::NoEffect, Then::Wait),
            (&rejected, shown, 1, Verdict::Rejected, Then::Wait),
            (&rejected, hidden, 1, Verdict::Rejected, Then::Wait),
            (&lost, shown, 1, Verdict::Unknown, Then::Done),
            (&lost, hidden, 1, Verdict::Unknown, Then::Again),
            (&lost, hidden, 2, Verdict::Unknown, Then::Wait),
            (&lost, shown, 2, Verdict::Unknown, Then::Done),
        ] {
            let judgement = judge(outcome, missing, tries);
            assert_eq!(
                (judgement.verdict, judgement.then),
                (verdict, then),
                "{outcome:?} {missing:?} {tries}"
            );
            assert_eq!(judgement.reason.is_none(), verdict == Verdict::Applied);
        }
    }

    #[test]
    fn a_long_list_is_counted() {
        let paths: Vec<PackagePath> =
            (0..7).map(|n| PackagePath::parse(&format!("{n}.recipe.json")).unwrap()).collect();
        let all: Vec<&PackagePath> = paths.iter().collect();
        insta::assert_snapshot!(
            list(&all),
            @"0.recipe.json, 1.recipe.json, 2.recipe.json, 3.recipe.json, 4.recipe.json and 2 more"
        );
    }
}
