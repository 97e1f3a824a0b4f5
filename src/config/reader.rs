//! Reads the tables of a TOML document key by key, and reports all that does not fit instead of the first.
//!
//! It knows the types that values can have, not what the keys mean. A table is told beforehand which keys it may
//! hold; asking for another one is a mistake in this program.

use std::fmt::Display;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::{Place, Read, Report};

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Written<T> {
    /// The value.
    pub(super) value: T,
    /// Its place.
    pub(super) place: Place,
}

/// One table of the file.
pub(super) struct Section<'a> {
    /// The place of its header.
    pub(super) place: Place,
    report: &'a Report<'a>,
    table: &'a DeTable<'a>,
    known: &'static [&'static str],
}

impl<'a> Section<'a> {
    /// Opens the file's root and reports the keys that it may not hold.
    pub(super) fn root(
        report: &'a Report<'a>,
        table: &'a DeTable<'a>,
        known: &'static [&'static str],
    ) -> Self {
        Self::new(report, Place { key: String::new(), offset: 0 }, table, known)
    }

    fn new(
        report: &'a Report<'a>,
        place: Place,
        table: &'a DeTable<'a>,
        known: &'static [&'static str],
    ) -> Self {
        let section = Self { place, report, table, known };
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            section.unknown(key);
        }
        section
    }

    fn unknown(&self, key: &Spanned<std::borrow::Cow<'_, str>>) {
        let place = Place { key: self.full_key(key.get_ref()), offset: key.span().start };
        if matches!(key.get_ref().as_ref(), "token" | "password" | "secret" | "api_key") {
            self.report.problem_with_hint(
                &place,
                "secrets are never in the file",
                "write it to a file of mode 0600 and name that in token_file; if others could read it, revoke it",
            );
        } else {
            self.report.problem_with_hint(
                &place,
                "unknown key",
                format!("known here: {}", self.known.join(", ")),
            );
        }
    }

    /// Reads a text.
    pub(super) fn text(&self, key: &'static str) -> Read<Option<Written<&'a str>>> {
        self.value(key, "a text in quotes", DeValue::as_str)
    }

    /// Reads a text and parses it.
    pub(super) fn parsed<T, E: Display>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Read<Option<Written<T>>> {
        let Some(Written { value, place }) = self.text(key)? else { return Ok(None) };
        match parse(value) {
            Ok(value) => Ok(Some(Written { value, place })),
            Err(error) => Err(self.report.problem(&place, error)),
        }
    }

    /// Reads `true` or `false`.
    pub(super) fn flag(&self, key: &'static str) -> Read<Option<Written<bool>>> {
        self.value(key, "true or false", DeValue::as_bool)
    }

    /// Reads a positive whole number.
    pub(super) fn positive(&self, key: &'static str) -> Read<Option<Written<u64>>> {
        self.value(key, "a positive whole number", |value| whole(value).filter(|number| *number > 0))
    }

    /// Reads what a function makes of a value; `wanted` says what it takes.
    pub(super) fn value<T>(
        &self,
        key: &'static str,
        wanted: &str,
        take: impl FnOnce(&'a DeValue<'a>) -> Option<T>,
    ) -> Read<Option<Written<T>>> {
        let Some((place, value)) = self.find(key) else { return Ok(None) };
        match take(value) {
            Some(value) => Ok(Some(Written { value, place })),
            None => Err(self.report.problem(&place, format!("it must be {wanted}"))),
        }
    }

    /// Reports a key that must be there and is not.
    pub(super) fn required<T>(
        &self,
        key: &'static str,
        read: Read<Option<Written<T>>>,
        hint: &str,
    ) -> Read<Written<T>> {
        debug_assert!(self.known.contains(&key));
        read?.ok_or_else(|| self.report.problem_with_hint(&self.place_of(key), "it is missing", hint))
    }

    /// Reports two keys that are both there and may not be.
    pub(super) fn exclusive(&self, one: &'static str, other: &'static str, hint: &str) -> Read<()> {
        match (self.find(one), self.find(other)) {
            (Some(_), Some((place, _))) => {
                let message = format!("it and {one} exclude each other");
                Err(self.report.problem_with_hint(&place, message, hint))
            }
            _ => Ok(()),
        }
    }

    /// Opens a table below this one.
    pub(super) fn section(&self, key: &'static str, known: &'static [&'static str]) -> Read<Option<Self>> {
        let table = self.value(key, "a table", DeValue::as_table)?;
        Ok(table.map(|Written { value, place }| Self::new(self.report, place, value, known)))
    }

    /// Opens all tables below a key, each with its name.
    pub(super) fn sections(&self, key: &'static str, known: &'static [&'static str]) -> Vec<(&'a str, Self)> {
        let Ok(Some(Written { value: tables, .. })) = self.value(key, "a table", DeValue::as_table) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (name, value) in tables {
            let key = format!("{key}.{}", show_key(name.get_ref()));
            let place = Place { key, offset: name.span().start };
            match value.get_ref().as_table() {
                Some(table) => {
                    found.push((name.get_ref().as_ref(), Self::new(self.report, place, table, known)));
                }
                None => {
                    self.report.problem(&place, "it must be a table");
                }
            }
        }
        found
    }

    /// Returns where a key is, or would be.
    pub(super) fn place_of(&self, key: &'static str) -> Place {
        self.find(key)
            .map_or_else(|| Place { key: self.full_key(key), offset: self.place.offset }, |(place, _)| place)
    }

    fn find(&self, key: &'static str) -> Option<(Place, &'a DeValue<'a>)> {
        debug_assert!(self.known.contains(&key), "{key} is not among the known keys");
        let (name, value) = self.table.get_key_value(key)?;
        Some((Place { key: self.full_key(key), offset: name.span().start }, value.get_ref()))
    }

    fn full_key(&self, key: &str) -> String {
        let key = show_key(key);
        if self.place.key.is_empty() { key } else { format!("{}.{key}", self.place.key) }
    }
}

/// Takes a whole number that is not negative.
pub(super) fn whole(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix())
        .ok()
        .filter(|number| i64::try_from(*number).is_ok())
}

/// Writes a key as it can stand in the file, and safe on a terminal.
fn show_key(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !key.is_empty() && key.chars().all(plain) { key.to_owned() } else { format!("{key:?}") }
}
