//! recipesync keeps Workato recipes and a git repository in step.
//!
//! This is the map: the idea, the layers, what never happens, and where to find what.
//!
//! # The idea
//!
//! A workspace is treated as a git remote. What was last seen there is the mirror. Exporting is fetching: it moves the
//! mirror. Importing is pushing: it is done only where the branch has seen all that the workspace holds.
//!
//! Work is cut into durable steps ([`sync::step`]). A step is given a project's saved [`State`](model::state::State)
//! and the time, looks at both sides, has at most one outward effect that matters, and answers with the next state
//! and when to come back. The [`daemon`] saves the answer before anything else happens. A restart is a start: the
//! saved states are loaded and the same steps go on.
//!
//! What to do is one pure function, [`model::plan::plan()`]: from what was last agreed, what the workspace holds and
//! what the branch holds, path by path. The agreement moves only for what was *seen* to be the same on both sides,
//! never because a server said "completed". So a half-applied import, a lost answer and somebody's edit in between
//! are one case: look again, and plan.
//!
//! "The same" has three levels ([`asset::compare`]): bytes, to skip work; content, to tell whether a side has moved;
//! meaning, to tell whether an import did what the commit says.
//!
//! # The layers
//!
//! A room uses those of lower layers only, and no other of its own layer; a test holds every `crate::` to it.
//!
//! | | Rooms | |
//! |---|---|---|
//! | 4 | [`cli`] [`config`] [`telemetry`] [`wire`] | commands, what was configured, logs, and putting it all together |
//! | 3 | [`daemon`], [`emulator`] | time, tasks and hints; a workspace to run against |
//! | 2 | [`sync`] | what happens, in which order |
//! | 1 | [`archive`] [`workato`] [`git`] [`store`], and for all above [`fs`], [`blocking`] and [`cores`] | one kind of outside each |
//! | 0 | [`model`] [`asset`] [`secrets`], and on these [`review`] | values and decisions |
//!
//! # What never happens
//!
//! 1. `model`, `asset`, `secrets` and `review` do no input or output, read no clock and log nothing.
//! 2. Nobody but a step decides what happens to a file. Nobody but the loop saves, sleeps, retries, or logs a failure.
//! 3. The agreement is written for no path but those compared and found the same, or pushed by us from what was seen.
//! 4. The daemon's repositories have no working tree and no index.
//! 5. No outward call is without a deadline; no queue, buffer or unpacked size without a bound.
//! 6. No file name reaches git or the disk that did not pass [`PackagePath`](model::path::PackagePath).
//! 7. No secret is printed, serialised or put on a command line; none follows a redirect to another origin.
//! 8. No production code knows that it is under test.
//!
//! # Where to find what
//!
//! | Question | Answer |
//! |---|---|
//! | When does a path go where? | [`model::plan`] has the table |
//! | What is saved of a project? | [`model::state`]; kept by [`store`] |
//! | What is ignored when files are compared? | the one table in `asset/fields.rs` |
//! | What is committed of a file? | [`asset::canonical`] |
//! | How does a file read to people? | [`review`] |
//! | What became of an asset between two versions? | [`review::diff`]; its list of changes is [`review::change`] |
//! | When does an import count as done? | [`model::verdict`] |
//! | What does an error mean to the loop? | [`sync::StepError::disposition`] |
//! | What is asked of the platform, and how often? | [`workato::Client`], [`workato::Budget`] |
//! | How does git reach an upstream? | `git/command.rs` and `git/remote.rs` |
//! | What is refused in a package? | [`archive::ArchiveError`] |
//! | What of an import's package is taken over from git's packs? | `git/packed.rs`, `sync/packing.rs` |
//! | How do two edits of one recipe become one? | [`review::merge`] |
//! | What must not get into git? | [`secrets`]; the rules are in `secrets/known.tsv` and `secrets/names.rs` |
//! | What does `status` say? | [`model::status`] |
//! | Which keys does a configuration have? | [`config`], and `config/recipesync.example.toml` |
//!
//! # Where it is not as one would expect
//!
//! - The rooms of layer 0 know each other: a plan compares assets by their digests and keeps the files of one asset
//!   together, an asset is named by a path, and what was found in a file is part of the state. All are pure.
//! - A saved project comes in two parts: `State`, small and in the loop's memory, and
//!   [`Records`](model::state::Records), one entry a file, loaded by the steps that need them. Ten thousand files of
//!   idle projects cost no memory.
//! - A failed import is not a phase but an entry in a list of refusals, each with the files it sent and what the
//!   workspace held: other paths of the project go on, and it is plain when a refusal no longer applies.
//! - `plan` does not run a step: [`sync::glance`] looks with the same code and acts on nothing, on a copy of the
//!   state folder ([`wire::Home::beside`]), so that it works beside a running daemon. Its requests are written down
//!   for the next start; a daemon that is running already does not count them.
//! - The loop is given a [`daemon::Plant`], projects wired to clients and caches, and knows no configuration;
//!   [`wire`] builds it. `sync`, `run` and the demo build theirs in the same way.

pub mod archive;
pub mod asset;
pub mod blocking;
pub mod cli;
pub mod config;
pub mod cores;
pub mod daemon;
pub mod emulator;
pub mod fs;
pub mod git;
pub mod model;
pub mod review;
pub mod secrets;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod wire;
pub mod workato;
