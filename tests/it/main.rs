//! Stories through the built binary and the real loop: loopback only, nothing mocked.

#![expect(clippy::unwrap_used, reason = "all of this is tests")]

mod canary;
mod check_online;
mod command_line;
mod crashes;
mod daemon_stage;
mod deletions;
mod demo;
mod diff;
mod directions;
mod faults;
mod first_run;
mod leaks;
mod noise;
mod pairing;
mod process;
mod pushes;
mod secrets;
mod show;
mod smart_http;
mod stage;
mod tidy;
mod verdicts;
