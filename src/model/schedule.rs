//! When a project is due: intervals and cron lines, as values.
//!
//! It reads no clock: the caller says after when. Spreading projects out in time is the loop's business.

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use croner::Cron;

/// The longest duration that is accepted: a year.
const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The units of a written duration, in milliseconds.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// When the workspace is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// So long after the last look.
    Every(Duration),
    /// At the times of a cron line, in the time zone that the caller works in.
    Cron(Box<CronLine>),
}

impl Schedule {
    /// Parses an interval (`5m`) or a cron line of five fields (`*/15 8-18 * * mon-fri`).
    ///
    /// # Errors
    /// Says what is wrong with either.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        if text.trim().contains(char::is_whitespace) {
            CronLine::parse(text).map(|line| Self::Cron(Box::new(line)))
        } else {
            parse_duration(text).map(Self::Every)
        }
    }

    /// Returns the first time that is due after the given one; `None` past the end of the calendar.
    #[must_use]
    pub fn next_after<Tz: TimeZone>(&self, after: &DateTime<Tz>) -> Option<DateTime<Tz>> {
        match self {
            Self::Every(interval) => after.clone().checked_add_signed(TimeDelta::from_std(*interval).ok()?),
            Self::Cron(line) => line.cron.find_next_occurrence(after, false).ok(),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(interval) => write!(f, "every {}", format_duration(*interval)),
            Self::Cron(line) => write!(f, "at {}", line.text),
        }
    }
}

/// A cron line of five fields that fires at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronLine {
    text: String,
    cron: Cron,
}

impl CronLine {
    /// Parses minute, hour, day of month, month and day of week, as crontab(5) reads them.
    ///
    /// # Errors
    /// When it does not have five fields, a field is not understood, or the line never fires (30 February).
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != 5 {
            return Err(ScheduleError::CronFields(fields.len()));
        }
        if let Some(field) = (0..5).find(|&index| !names_fit(index, fields[index])) {
            return Err(ScheduleError::CronField(fields[field].to_owned()));
        }
        let text = fields.join(" ");
        let cron = Cron::from_str(&text).map_err(|error| ScheduleError::Cron(error.to_string()))?;
        // Any start will do: the calendar repeats within the years that the search covers.
        let start = DateTime::<Utc>::UNIX_EPOCH;
        if cron.find_next_occurrence(&start, true).is_err() {
            return Err(ScheduleError::Never);
        }
        Ok(Self { text, cron })
    }
}

/// Returns whether the words of a field are names that belong into it: the parser itself takes `mon` for 1 in
/// the field of the hours as well.
fn names_fit(index: usize, field: &str) -> bool {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let allowed: &[&str] = match index {
        2 => &["l", "w", "lw"],
        3 => &MONTHS,
        4 => &DAYS,
        _ => &[],
    };
    let last_of_month = |word: &str| index == 4 && word == "l";
    field
        .to_ascii_lowercase()
        .split(|c: char| !c.is_alphabetic())
        .all(|word| word.is_empty() || allowed.contains(&word) || last_of_month(word))
}

/// Parses a duration: a whole number and `ms`, `s`, `m`, `h` or `d`; more than nothing, a year at most.
///
/// # Errors
/// Says what a duration looks like, or that it is zero or too long.
pub fn parse_duration(text: &str) -> Result<Duration, ScheduleError> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = UNITS.iter().find(|(name, _)| *name == unit).ok_or(ScheduleError::Duration)?.1;
    if number.is_empty() {
        return Err(ScheduleError::Duration);
    }
    // All digits: what does not fit is too long.
    let millis = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    match millis.map(Duration::from_millis) {
        Some(Duration::ZERO) => Err(ScheduleError::Zero),
        Some(duration) if duration <= MAX_DURATION => Ok(duration),
        _ => Err(ScheduleError::TooLong),
    }
}

/// Writes a duration as [`parse_duration`] reads it, in the largest unit that divides it.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let (name, unit) = UNITS
        .iter()
        .rev()
        .find(|(_, unit)| millis.is_multiple_of(u128::from(*unit)) && millis > 0)
        .unwrap_or(&UNITS[0]);
    format!("{}{name}", millis / u128::from(*unit))
}

/// Why a duration or a schedule is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Is no duration.
    #[error("a duration is a whole number and a unit: 500ms, 1s, 5m, 6h, 7d")]
    Duration,
    /// Is zero.
    #[error("a duration is more than nothing")]
    Zero,
    /// Is more than a year.
    #[error("a duration is 366 days at most")]
    TooLong,
    /// Is a cron line with another number of fields than five.
    #[error("a cron line has five fields (minute, hour, day of month, month, day of week), and this has {0}")]
    CronFields(usize),
    /// Holds a name in a field of a cron line where it does not belong.
    #[error("the cron field {0:?} has a name that does not belong there")]
    CronField(String),
    /// Has a field that the parser does not take.
    #[error("the cron line is not understood ({0})")]
    Cron(String),
    /// Is a cron line for a day that never comes.
    #[error("the cron line names a day that never comes")]
    Never,
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    fn next(schedule: &str, after: &str) -> String {
        let after = DateTime::<FixedOffset>::parse_from_rfc3339(after).unwrap();
        Schedule::parse(schedule).unwrap().next_after(&after).unwrap().to_rfc3339()
    }

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, millis) in
            [("500ms", 500), ("1s", 1_000), ("5m", 300_000), ("6h", 21_600_000), ("7d", 604_800_000)]
        {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration.as_millis(), millis);
            assert_eq!(format_duration(duration), text);
        }
        assert_eq!(format_duration(Duration::from_secs(90)), "90s");
        for text in ["", "5", "m", "5 m", "-5m", "+5m", "1.5h", "5min", "5M", "٥m", "1h30m", " 5m", "0x5s"] {
            assert_eq!(parse_duration(text), Err(ScheduleError::Duration), "{text:?}");
        }
        assert_eq!(parse_duration("0s"), Err(ScheduleError::Zero));
        for text in ["367d", "99999999999999999999d", "18446744073709551615d"] {
            assert_eq!(parse_duration(text), Err(ScheduleError::TooLong), "{text:?}");
        }
    }

    #[test]
    fn an_interval_counts_from_the_last_look() {
        assert_eq!(next("5m", "2026-11-23T12:04:05Z"), "2026-11-23T12:09:05+00:00");
    }

    #[test]
    fn a_cron_line_fires_in_the_callers_time_zone() {
        let line = "*/15 8-18 * * mon-fri";
        assert_eq!(next(line, "2026-11-23T12:04:05+02:00"), "2026-11-23T12:15:00+02:00");
        assert_eq!(next(line, "2026-11-27T18:45:00+02:00"), "2026-11-30T08:00:00+02:00", "Friday to Monday");
        assert_eq!(next("0 0 29 2 *", "2026-01-01T00:00:00Z"), "2028-02-29T00:00:00+00:00");
        assert_eq!(next("0 3 13 * 5", "2026-11-08T00:00:00Z"), "2026-11-13T03:00:00+00:00");
        assert_eq!(Schedule::parse(" 0  3 * * SUN ").unwrap().to_string(), "at 0 3 * * SUN");
    }

    #[test]
    fn what_is_no_cron_line_has_its_reason() {
        for text in ["", "@daily", "* * * *", "0 * * * * *", "0 0 1 1 * 2030 x"] {
            assert!(Schedule::parse(text).is_err(), "{text:?}");
        }
        for text in
            ["60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "*/0 * * * *", "x * * * *", "5-1 * * * *"]
        {
            assert!(Schedule::parse(text).is_err(), "{text:?}");
        }
        for text in ["* mon * * *", "* * * mon *", "* * * * jan", "* * * * monday"] {
            assert!(matches!(Schedule::parse(text), Err(ScheduleError::CronField(_))), "{text:?}");
        }
        assert_eq!(Schedule::parse("0 0 30 2 *"), Err(ScheduleError::Never));
        assert_eq!(Schedule::parse("0 0 31 4,6 *"), Err(ScheduleError::Never));
    }
}
