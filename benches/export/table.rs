//! The measurements as text: a row for each side, a group of columns for each case.

#![expect(clippy::print_stdout, reason = "a bench tells its results")]

use std::time::Duration;

use crate::sides::{ALL, CASES, Row, Taken, Who, median};

/// Prints a table. The ratios say how many times as long as ours a side took: as the whole process `recipesync sync`,
/// and as a look of the daemon.
pub(crate) fn print(rows: &[Row], left_out: &[String]) {
    println!("{:<33}{}", "", CASES.map(|case| format!("{case:^33}")).concat());
    println!(
        "{:<33}{}",
        "",
        format!("{:>9}{:>9}{:>8}{:>7}", "ms", "/process", "/look", "MB").repeat(CASES.len())
    );
    let of = |who: &Who| rows.iter().find(|row| row.who == *who);
    let (process, daemon) = (of(&Who::Process), of(&Who::Daemon));
    for row in rows {
        let cell = |case: usize| {
            let time = row.median(case);
            let ratio = |ours: Option<&Row>| {
                let ours = ours.filter(|_| !row.who.is_ours())?.median(case);
                Some(format!("{:.1}x", time / ours))
            };
            let peak = row.cases[case].iter().map(|taken| taken.peak).max().filter(|peak| *peak > 0);
            format!(
                "{:>9}{:>9}{:>8}{:>7}",
                milliseconds(Some(time)),
                ratio(process).unwrap_or_default(),
                ratio(daemon).unwrap_or_default(),
                peak.map_or(String::new(), |peak| (peak / 1000).to_string()),
            )
        };
        println!("{:<33}{}", row.who.name(), ALL.map(cell).concat());
        if row.who.is_ours() {
            part("  until it is committed", row, |taken| taken.committed);
            part("  until it is pushed", row, |taken| taken.pushed);
        }
        if row.who == Who::Daemon {
            part("  from zip to commit", row, |taken| taken.work);
        }
    }
    for reason in left_out {
        println!("{reason}");
    }
}

fn part(name: &str, row: &Row, of: impl Fn(&Taken) -> Option<Duration>) {
    let cell = |case: usize| {
        let time = median(row.cases[case].iter().filter_map(&of));
        format!("{:>9}{:24}", milliseconds(time), "")
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
