//! The measurements as text: a row for each side, a group of columns for each case.

#![expect(clippy::print_stdout, reason = "a bench tells its results")]

use std::time::Duration;

use crate::median::median;
use crate::sides::{ALL, CASES, Row, Taken, Who};

/// Prints a table. The ratios say how many times as long as ours a side took: as the whole process `recipesync sync`,
/// and as a look of the daemon. Until the commit is compared with until the commit.
pub(crate) fn print(rows: &[Row], left_out: &[String]) {
    println!("{:<33}{}", "", CASES.map(|case| format!("{case:^33}")).concat());
    println!(
        "{:<33}{}",
        "",
        format!("{:>9}{:>9}{:>8}{:>7}", "ms", "/process", "/look", "MB").repeat(CASES.len())
    );
    let of = |who: &Who| rows.iter().find(|row| row.who == *who);
    let ours = [of(&Who::Process), of(&Who::Daemon)];
    for row in rows {
        line(row.who.name(), row, ours, |taken| Some(taken.whole), true);
        if row.cases.iter().flatten().any(|taken| taken.committed.is_some()) {
            line("  until it is committed", row, ours, |taken| taken.committed, false);
        }
        if row.who.is_ours() {
            line("  until it is pushed", row, ours, |taken| taken.pushed, false);
        }
        if row.who == Who::Daemon {
            line("  from zip to commit", row, ours, |taken| taken.work, false);
        }
    }
    for reason in left_out {
        println!("{reason}");
    }
}

/// Prints what a side took until a point, with the ratios against ours until the same point.
fn line(
    name: &str,
    row: &Row,
    ours: [Option<&Row>; 2],
    of: impl Fn(&Taken) -> Option<Duration>,
    with_peak: bool,
) {
    let cell = |case: usize| {
        let time = |row: &Row| median(row.cases[case].iter().filter_map(&of));
        let ratio = |ours: Option<&Row>| {
            let ours = time(ours.filter(|_| !row.who.is_ours())?)?;
            Some(format!("{:.1}x", time(row)? / ours))
        };
        let [process, look] = ours.map(|ours| ratio(ours).unwrap_or_default());
        let peak = row.cases[case].iter().map(|taken| taken.peak).max();
        let peak = peak.filter(|peak| with_peak && *peak > 0).map(|peak| (peak / 1000).to_string());
        let (time, peak) = (milliseconds(time(row)), peak.unwrap_or_default());
        format!("{time:>9}{process:>9}{look:>8}{peak:>7}")
    };
    println!("{name:<33}{}", ALL.map(cell).concat().trim_end());
}

/// Returns milliseconds as they are read: with a comma between thousands, and a digit after the point below a hundred.
pub(crate) fn milliseconds(time: Option<f64>) -> String {
    match time {
        None => "-".to_owned(),
        Some(time) if time < 99.95 => format!("{time:.1}"),
        Some(time) => thousands(time),
    }
}

/// Returns a whole number with a comma between thousands.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
