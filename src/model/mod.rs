//! Values and decisions: no I/O, no async, no clock, no logs.

pub mod branch;
pub mod oid;
pub mod path;
pub mod project;
pub mod schedule;
