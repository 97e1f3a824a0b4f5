//! Whether a look at a workspace needs an export, or can rest on an earlier one.
//!
//! The list of a folder is cheap, and shows what was added, renamed, moved or deleted, and which recipes were saved. It
//! does not show every edit, so that what rests on it holds for a while only. How the list is read and what its
//! signature is made of is not known here.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// What a look without an export rests on: a full one that was taken in whole and left nothing to do and nothing that
/// waits. It is saved with the records that it left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The signature of the folder's list, as it was before the export was asked for.
    pub listing: String,
    /// Names what the branches held at the end of that look.
    pub branches: String,
    /// When the export was asked for.
    pub at: DateTime<Utc>,
}

/// What a look finds before it asks for anything that is dear.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// The signature of the folder's list; `None` where no folder is listed.
    pub listing: Option<&'a str>,
    /// Names what the branches hold; `None` where one of them is not there.
    pub branches: Option<&'a str>,
}

/// How a look goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Without an export: both sides are as they were, and nothing is to be done.
    Light,
    /// With one, and why.
    Full(Why),
}

/// Why an export is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// There is none to rest on that was taken in whole, or a person asked for one.
    NoBasis,
    /// The last one is of a time that is yet to come: the clock was set back.
    ClockSetBack,
    /// The last one is too old.
    Due,
    /// The folder's list differs, or none is there.
    Listing,
    /// A branch moved: what follows rests on a fresh export.
    Branches,
}

impl Why {
    /// Returns the reason in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NoBasis => "there is none to rest on",
            Self::ClockSetBack => "the clock was set back",
            Self::Due => "the last one is too old",
            Self::Listing => "the folder's list differs",
            Self::Branches => "a branch moved",
        }
    }
}

/// Decides how a look goes on. The basis is the saved one; `full_export` is how old it may be.
#[must_use]
pub fn course(basis: Option<&Basis>, sight: Sight<'_>, full_export: Duration, now: DateTime<Utc>) -> Course {
    let Some(basis) = basis else { return Course::Full(Why::NoBasis) };
    let reasons = [
        (now < basis.at, Why::ClockSetBack),
        (now >= due(basis, full_export), Why::Due),
        (sight.listing != Some(&basis.listing), Why::Listing),
        (sight.branches != Some(&basis.branches), Why::Branches),
    ];
    let reason = reasons.into_iter().find(|(speaks, _)| *speaks);
    reason.map_or(Course::Light, |(_, why)| Course::Full(why))
}

/// Returns from when on a look needs a full export, whatever the list says.
#[must_use]
pub fn due(basis: &Basis, full_export: Duration) -> DateTime<Utc> {
    let age = TimeDelta::from_std(full_export).unwrap_or(TimeDelta::MAX);
    basis.at.checked_add_signed(age).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn basis() -> Basis {
        let at = "2026-11-23T12:00:00Z".parse().unwrap();
        Basis { listing: "list".to_owned(), branches: "tree".to_owned(), at }
    }

    #[test]
    fn a_look_does_without_an_export_where_nothing_speaks_for_one() {
        // Every combination of what can be found, with what is promised of it.
        let ages = [
            (TimeDelta::milliseconds(-1), Some(Why::ClockSetBack)),
            (TimeDelta::zero(), None),
            (TimeDelta::milliseconds(3_599_999), None),
            (TimeDelta::hours(1), Some(Why::Due)),
            (TimeDelta::days(40), Some(Why::Due)),
        ];
        let listings =
            [(Some("list"), None), (Some("other"), Some(Why::Listing)), (None, Some(Why::Listing))];
        let branches =
            [(Some("tree"), None), (Some("other"), Some(Why::Branches)), (None, Some(Why::Branches))];
        let (mut light, mut all) = (0, 0);
        for is_there in [true, false] {
            for (age, of_age) in ages {
                for (listing, of_listing) in listings {
                    for (branches, of_branches) in branches {
                        let saved = basis();
                        let found = course(
                            is_there.then_some(&saved),
                            Sight { listing, branches },
                            HOUR,
                            saved.at + age,
                        );
                        let missing = (!is_there).then_some(Why::NoBasis);
                        let whys = [missing, of_age, of_listing, of_branches].into_iter().flatten();
                        let wanted = whys.min().map_or(Course::Light, Course::Full);
                        assert_eq!(found, wanted, "{is_there} {age} {listing:?} {branches:?}");
                        light += usize::from(found == Course::Light);
                        all += 1;
                    }
                }
            }
        }
        assert_eq!((light, all), (2, 90));
    }

    #[test]
    fn with_no_time_at_all_each_look_is_a_full_one() {
        let sight = Sight { listing: Some("list"), branches: Some("tree") };
        for age in [TimeDelta::zero(), TimeDelta::milliseconds(1), TimeDelta::days(1)] {
            let found = course(Some(&basis()), sight, Duration::ZERO, basis().at + age);
            assert_eq!(found, Course::Full(Why::Due));
        }
    }

    #[test]
    fn what_is_due_never_overflows() {
        assert_eq!(due(&basis(), Duration::MAX), DateTime::<Utc>::MAX_UTC);
        assert_eq!(due(&basis(), HOUR), basis().at + TimeDelta::hours(1));
    }
}
