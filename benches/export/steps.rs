//! When a look came to which of its steps, as its log says: the part of it that the other side does as well is what
//! lies between the package and the commit.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::measure::now;

/// What the log of this process has said since it was last asked, and when.
#[derive(Clone, Default)]
pub(crate) struct Steps(Arc<Mutex<Vec<(String, Instant)>>>);

impl Steps {
    /// Listens to the log from now on; once in a process.
    pub(crate) fn listen() -> Self {
        let this = Self::default();
        tracing_subscriber::registry().with(this.clone()).init();
        this
    }

    /// Returns how long it took from the package in memory to the end of the look that has just ended, but for the
    /// push; `None` where none was downloaded. Forgets what was said.
    pub(crate) fn work(&self, end: Instant) -> Option<Duration> {
        let said = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let when = |what: &str| said.iter().find(|(message, _)| message == what).map(|(_, when)| *when);
        let push = when("committed").zip(when("pushed")).map(|(before, after)| after - before);
        Some(end - when("downloaded")? - push.unwrap_or_default())
    }
}

impl<S: Subscriber> Layer<S> for Steps {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= Level::DEBUG && metadata.target().starts_with("recipesync::sync")
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message::default();
        event.record(&mut message);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((message.0, now()));
    }
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
