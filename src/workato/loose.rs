//! Reads fields as the platform may send them: a number as text, a null, or another type where it does not matter.
//!
//! Values that are not wanted are skipped without being kept, so that a hostile answer costs no memory.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A field of some type.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Loose {
    /// Text.
    Text(String),
    /// A whole number that is not negative.
    Number(u64),
    /// True or false.
    Flag(bool),
    /// Null, absent, or anything else.
    #[default]
    Other,
}

impl Loose {
    /// Returns the text, where it is text with something in it; the platform also writes null as `"null"`.
    pub(super) fn text(self) -> Option<String> {
        match self {
            Self::Text(text) if !text.is_empty() && text != "null" => Some(text),
            _ => None,
        }
    }

    /// Returns the number, also from text.
    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Returns true or false, also from text.
    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// Reads an id, which must be there.
pub(super) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Loose::deserialize(deserializer)?.number().ok_or_else(|| D::Error::custom("not an id"))
}

/// Reads an id that may be missing.
pub(super) fn some_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Loose::deserialize(deserializer)?.number())
}

/// Reads a text, empty where there is none.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Loose::deserialize(deserializer)?.text().unwrap_or_default())
}

/// Reads true or false, false where there is neither.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Loose::deserialize(deserializer)?.flag().unwrap_or_default())
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
        Ok(Loose::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Loose, E> {
        Ok(Loose::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Loose, E> {
        Ok(Loose::Flag(flag))
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Loose, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Loose, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_type_is_read() {
        let read = |json: &str| serde_json::from_str::<Loose>(json).unwrap();
        assert_eq!(read("242").number(), Some(242));
        assert_eq!(read("\"242\"").number(), Some(242));
        for json in ["-1", "1.5", "null", "[1]", "{\"id\":1}", "\"x\"", "99999999999999999999"] {
            assert_eq!(read(json).number(), None, "{json}");
        }
        assert_eq!(read("\"null\"").text(), None);
        assert_eq!(read("\"caf\\u00e9\"").text(), Some("café".to_owned()));
        assert_eq!(read("[[{\"a\":[1]}]]").text(), None);
        assert_eq!((read("true").flag(), read("\"false\"").flag()), (Some(true), Some(false)));
        assert_eq!(read("0").flag(), None);
    }
}
