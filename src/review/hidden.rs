//! What is not shown: values that the secret rules are certain of. The one place where what is read out asks.

use std::borrow::Cow;

use crate::secrets;

pub use crate::secrets::{Beside, shown};

/// What stands in the place of such a value.
pub const HIDDEN: &str = "(hidden)";

/// Returns whether a text is a secret, given the nearest name before it.
#[must_use]
pub fn is_hidden(name: &str, text: &str) -> bool {
    secrets::is_hidden(name, text)
}

/// Returns a text that stands beside no name, or what stands in its place.
#[must_use]
pub fn told(text: &str) -> &str {
    if is_hidden("", text) { HIDDEN } else { text }
}

/// Returns a text of which nothing is known, without the lines that hold secrets.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    secrets::redacted(text)
}
