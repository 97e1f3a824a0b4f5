//! Zip bytes to the files of a package and back.
//!
//! A package is read from memory: all limits are applied to what its directory declares before anything is inflated,
//! and an entry is inflated into exactly its declared size. Names pass `PackagePath` or the package is refused; nothing
//! is repaired, and nothing is unpacked to disk here. What the files hold is not looked at, but for the zips of pages,
//! which are packages inside a package.

mod directory;
mod error;
mod names;
mod package;
mod seal;
mod write;

pub use error::ArchiveError;
pub use package::{Entry, Limits, Package};
pub use seal::SealKey;
pub use write::{Deflated, check, join, pack};
