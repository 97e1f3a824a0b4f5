//! Stories through the built binary and the real loop: loopback only, nothing mocked.

#![expect(clippy::unwrap_used, reason = "all of this is tests")]

mod authors;
mod canary;
mod check_online;
mod command_line;
mod crashes;
mod daemon_stage;
mod deletions;
mod demo;
mod diff;
mod directions;
mod disk;
mod exported;
mod faults;
mod first_run;
mod full_disk;
mod fuzz_soak;
mod git_itself;
mod history;
mod hostile;
mod leaks;
mod light;
mod lives;
mod misbehaving;
mod model_run;
mod noise;
mod pairing;
mod people;
mod process;
mod pushes;
mod repeat;
mod scale;
mod secrets;
mod show;
mod smart_http;
mod soak;
mod stage;
mod tidy;
mod transports;
mod upstreams;
mod verdicts;
