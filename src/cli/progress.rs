//! Progress of long work, drawn on stderr and only on a terminal.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::state::Phase;

/// A line for each project that is worked on.
pub(super) struct Progress {
    bars: BTreeMap<String, Bar>,
}

/// One project's line.
#[derive(Clone)]
pub(super) struct Bar(ProgressBar);

impl Progress {
    /// Draws a line for each name; nothing where stderr is no terminal.
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let all = MultiProgress::new();
        if !std::io::stderr().is_terminal() {
            all.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("{spinner} {prefix} {msg} {elapsed}")
            .expect("the template is written here");
        let bars = names.map(|name| {
            let bar = all.add(ProgressBar::new_spinner().with_style(style.clone()));
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            (name.to_owned(), Bar(bar))
        });
        Self { bars: bars.collect() }
    }

    /// Returns the line of a name.
    pub(super) fn bar(&self, name: &str) -> Bar {
        self.bars[name].clone()
    }
}

impl Bar {
    /// Says what is in flight.
    pub(super) fn tell(&self, phase: &Phase) {
        self.0.set_message(match phase {
            Phase::Idle => "looking".to_owned(),
            Phase::Exporting { package, .. } => format!("exporting, package {package}"),
            Phase::Importing { package: Some(package), .. } => format!("importing, package {package}"),
            Phase::Importing { package: None, .. } => "importing".to_owned(),
        });
    }

    /// Takes the line away.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
