//! Seals: whether the packed bytes of an entry are those of an earlier look, without keeping them.
//!
//! Anybody can make two contents with one CRC-32, and an edit must not pass for what was there before. A cryptographic
//! hash would do, and is slow on pieces of a few kilobytes, of which a package is made. A hash with a secret key does as
//! well: who sees neither the key nor the seals cannot look for two contents with one seal. `HighwayHash` is six times as
//! fast as BLAKE3 there.
//!
//! A seal names nothing to anybody else, and is worth nothing under another key.

use std::fmt;

use highway::{HighwayHash as _, HighwayHasher, Key};

/// The secret that seals are made with.
#[derive(Clone, Copy)]
pub struct SealKey(Key);

impl SealKey {
    /// Takes over 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        Self(Key(std::array::from_fn(|at| u64::from_le_bytes(words[at]))))
    }

    /// Returns the seal of bytes.
    pub(super) fn seal(&self, bytes: &[u8]) -> u128 {
        let [low, high] = HighwayHasher::new(self.0).hash128(bytes);
        u128::from(high) << 64 | u128::from(low)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_of_the_bytes_and_of_the_key() {
        let key = |last| SealKey::new(std::array::from_fn(|at| if at == 31 { last } else { 7 }));
        // The same on every machine and in every version, or everything would be read anew.
        assert_eq!(key(7).seal(b"bytes"), 0xcf67e50ff30dba2308bedc36afa8b1a9);
        assert_ne!(key(7).seal(b"bytes"), key(7).seal(b"byteS"));
        assert_ne!(key(7).seal(b"bytes"), key(7).seal(b"bytes\0"));
        assert_ne!(key(7).seal(b"bytes"), key(8).seal(b"bytes"));
        assert_eq!(format!("{:?}", key(7)), "SealKey");
    }
}
