//! Bytes that are saved as text where they are text, and as hexadecimal where not.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The content of a file or package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Blob(pub(super) Bytes);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Saved {
    Text(String),
    Hex(String),
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => Saved::Text(text.to_owned()),
            Err(_) => Saved::Hex(self.0.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Saved::deserialize(deserializer)? {
            Saved::Text(text) => Ok(Self(text.into())),
            Saved::Hex(text) => (0..text.len())
                .step_by(2)
                .map(|at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
                .collect::<Option<Vec<u8>>>()
                .map(|bytes| Self(bytes.into()))
                .ok_or_else(|| D::Error::custom("not hexadecimal")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_survive() {
        for bytes in [&b""[..], b"text \xc3\xa9", b"\x89PNG\xff\x00"] {
            let blob = Blob(Bytes::copy_from_slice(bytes));
            let saved = serde_json::to_string(&blob).unwrap();
            assert_eq!(serde_json::from_str::<Blob>(&saved).unwrap(), blob);
        }
        assert!(serde_json::from_str::<Blob>(r#"{"hex":"0"}"#).is_err());
    }
}
