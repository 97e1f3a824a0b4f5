//! The commands.

pub mod emulator;
