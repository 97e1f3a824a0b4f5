//! Where a comparison is: the JSON pointer on each side, and the dotted path that people read.

use std::fmt::Write as _;

use crate::review::hidden::told;
use crate::review::printable::push_line;

/// The place of the values that are just compared.
#[derive(Debug, Clone, Default)]
pub(super) struct Location {
    pub(super) old: String,
    pub(super) new: String,
    pub(super) field: String,
    /// Whether this is inside a JSON text: pointers stay at the string that holds it.
    pub(super) inside_text: bool,
}

/// How long a location was.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    old: usize,
    new: usize,
    field: usize,
}

impl Location {
    pub(super) fn mark(&self) -> Mark {
        Mark { old: self.old.len(), new: self.new.len(), field: self.field.len() }
    }

    /// Goes back to where it was.
    pub(super) fn back(&mut self, mark: Mark) {
        self.old.truncate(mark.old);
        self.new.truncate(mark.new);
        self.field.truncate(mark.field);
    }

    /// Goes to a member of an object.
    pub(super) fn member(&mut self, key: &str) {
        self.pointer_member(key);
        if !self.field.is_empty() {
            self.field.push('.');
        }
        push_line(&mut self.field, key);
    }

    /// Goes to a member of an object that does not show in the path.
    pub(super) fn pointer_member(&mut self, key: &str) {
        if !self.inside_text {
            push_escaped(&mut self.old, key);
            push_escaped(&mut self.new, key);
        }
    }

    /// Goes to an item of a list that does not show in the path.
    pub(super) fn place(&mut self, old: Option<usize>, new: Option<usize>) {
        if !self.inside_text {
            for (pointer, place) in [(&mut self.old, old), (&mut self.new, new)] {
                if let Some(place) = place {
                    let _ = write!(pointer, "/{place}");
                }
            }
        }
    }

    /// Goes to an item of a list: its place on each side, and its name if it has one.
    pub(super) fn item(&mut self, old: Option<usize>, new: Option<usize>, name: Option<&str>) {
        self.place(old, new);
        self.field.push('[');
        match name {
            Some(name) => push_line(&mut self.field, name),
            None => {
                let _ = write!(self.field, "{}", new.or(old).unwrap_or(0) + 1);
            }
        }
        self.field.push(']');
    }
}

/// Appends a member to a JSON pointer. One that is not to be shown is none of a pointer either.
pub(super) fn push_escaped(pointer: &mut String, key: &str) {
    pointer.push('/');
    for c in told(key).chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}
