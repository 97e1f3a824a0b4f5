//! What the files of a package are, how they are written down, and when two of them are the same.
//!
//! Pure: bytes in, answers out. Three levels of sameness are told apart: *bytes* (the caller's own comparison),
//! *content* (formatting and what changes with nobody's doing set aside) and *meaning* (also what the server
//! derives set aside). Nothing here knows zips from the outside, git or the platform's API.

pub(crate) mod aside;
pub mod canonical;
pub mod compare;
pub mod exported;
pub(crate) mod fields;
pub mod json;
pub mod kind;
mod meaning;
pub(crate) mod page;
pub(crate) mod reference;
pub(crate) mod text;
