//! Values and decisions: no I/O, no async, no clock, no logs.

pub mod basis;
pub mod branch;
pub mod edits;
pub mod facts;
pub mod history;
pub mod host;
pub mod message;
pub mod oid;
pub mod path;
pub mod plan;
pub mod project;
pub mod schedule;
pub mod state;
pub mod status;
pub mod verdict;
