//! Time, tasks, signals, hints: the loop that takes the steps of `sync`.
//!
//! It decides nothing about files. It knows when a project is due, takes its steps, saves what they leave behind,
//! and comes back when they say. Hints make it come back sooner; missing one costs time, never correctness.

mod advance;
mod backoff;
pub mod clock;
mod plant;
mod projects;
mod queue;
mod rest;
mod serve;
mod standings;
mod watch;

pub use advance::{Advanced, advance};
pub use backoff::delay;
pub use plant::Plant;
pub use rest::{Rest, bring_to_rest};
pub use serve::{Beat, Control, serve};
