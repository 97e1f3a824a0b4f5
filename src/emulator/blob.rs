//! Bytes that are saved as text where they are text, and as hexadecimal where not.

use std::sync::OnceLock;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::zipper::Packed;

/// The content of a file or package.
#[derive(Debug, Clone, Default)]
pub(super) struct Blob {
    bytes: Bytes,
    /// Made when it is first exported.
    packed: OnceLock<Packed>,
}

impl Blob {
    pub(super) fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), packed: OnceLock::new() }
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the content as a zip holds it; only the first call does work.
    pub(super) fn packed(&self) -> &Packed {
        self.packed.get_or_init(|| Packed::new(&self.bytes))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Saved {
    Text(String),
    Hex(String),
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => Saved::Text(text.to_owned()),
            Err(_) => Saved::Hex(hex(&self.bytes)),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Saved::deserialize(deserializer)? {
            Saved::Text(text) => Ok(Self::new(text)),
            Saved::Hex(text) => {
                unhex(&text).map(Self::new).ok_or_else(|| D::Error::custom("not hexadecimal"))
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).expect("half a byte is one digit");
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|half| u8::try_from(half).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_survive() {
        for bytes in [&b""[..], b"text \xc3\xa9", b"\x89PNG\xff\x00"] {
            let blob = Blob::new(bytes);
            let saved = serde_json::to_string(&blob).unwrap();
            assert_eq!(serde_json::from_str::<Blob>(&saved).unwrap().bytes(), blob.bytes());
        }
        assert!(serde_json::from_str::<Blob>(r#"{"hex":"0"}"#).is_err());
    }
}
