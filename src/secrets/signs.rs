//! The signs that occur in a text: most rules need one of them, and most texts have none.
//!
//! Nearly every text of some length comes through here, so it is looked at in a way that costs less than a step a byte:
//! signs sixteen bytes at a time, and for a long run only as many bytes as tell that there is none.

use super::known::SHORTEST;

/// Signs, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signs(u8);

impl Signs {
    /// `#`, which opens references.
    pub(super) const HASH: u8 = 1;
    /// `:`, which every address has.
    pub(super) const COLON: u8 = 1 << 1;
    /// A space.
    pub(super) const SPACE: u8 = 1 << 2;
    /// `=`.
    pub(super) const EQUALS: u8 = 1 << 3;
    /// `@`.
    pub(super) const AT: u8 = 1 << 4;
    /// A quote of either sort.
    pub(super) const QUOTE: u8 = 1 << 5;
    /// `-`.
    pub(super) const DASH: u8 = 1 << 6;
    /// A run of characters as every known credential has.
    pub(super) const TOKEN: u8 = 1 << 7;

    /// Looks at a text.
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut seen = [0; 16];
        let mut see = |part: &[u8; 16]| {
            for (at, seen) in seen.iter_mut().enumerate() {
                *seen |= sign(part[at]);
            }
        };
        bytes.as_chunks().0.iter().for_each(&mut see);
        // What is left over is seen with what comes before it.
        bytes.last_chunk().into_iter().for_each(see);
        let mut signs = seen.iter().fold(0, |all, sign| all | sign);
        if bytes.len() < seen.len() {
            signs = bytes.iter().fold(0, |all, byte| all | sign(*byte));
        }
        Self(signs | if has_run(bytes) { Self::TOKEN } else { 0 })
    }

    /// Returns whether one of these signs occurs.
    pub(super) const fn has(self, signs: u8) -> bool {
        self.0 & signs != 0
    }
}

/// Returns the bit of a sign: without a branch and without a table, so that sixteen are done at once.
#[inline]
const fn sign(byte: u8) -> u8 {
    const fn bit(is: bool, bit: u8) -> u8 {
        if is { bit } else { 0 }
    }
    bit(byte == b'#', Signs::HASH)
        | bit(byte == b':', Signs::COLON)
        | bit(byte == b' ', Signs::SPACE)
        | bit(byte == b'=', Signs::EQUALS)
        | bit(byte == b'@', Signs::AT)
        | bit(byte == b'"', Signs::QUOTE)
        | bit(byte == b'\'', Signs::QUOTE)
        | bit(byte == b'-', Signs::DASH)
}

/// Returns whether a run of parts of a token is as long as the shortest credential: each stretch of that length is read
/// from its end, and the next starts behind the last byte that is no part.
fn has_run(bytes: &[u8]) -> bool {
    let mut start = 0;
    while let Some(stretch) = bytes.get(start..start + SHORTEST) {
        match stretch.iter().rposition(|byte| !PART[usize::from(*byte)]) {
            Some(at) => start += at + 1,
            None => return true,
        }
    }
    false
}

const PART: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'+' | b'=' | b'~');
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The signs of a text, byte by byte.
    fn one_by_one(text: &str) -> u8 {
        let (mut signs, mut run) = (0, 0);
        for byte in text.bytes() {
            signs |= match byte {
                b'#' => Signs::HASH,
                b':' => Signs::COLON,
                b' ' => Signs::SPACE,
                b'=' => Signs::EQUALS,
                b'@' => Signs::AT,
                b'"' | b'\'' => Signs::QUOTE,
                b'-' => Signs::DASH,
                _ => 0,
            };
            run = if PART[usize::from(byte)] { run + 1 } else { 0 };
            signs |= if run >= SHORTEST { Signs::TOKEN } else { 0 };
        }
        signs
    }

    proptest! {
        #[test]
        fn all_signs_are_seen_and_no_others(text in "([a-z0-9._]{0,18}.){0,5}|[#: =@\"'-]{0,20}") {
            prop_assert_eq!(Signs::of(&text).0, one_by_one(&text));
        }
    }

    #[test]
    fn signs_are_seen() {
        assert_eq!(Signs::of("Quantity"), Signs(0));
        assert_eq!(Signs::of("a: b"), Signs(Signs::COLON | Signs::SPACE));
        assert!(
            Signs::of("x 0123456789abcdef").has(Signs::TOKEN)
                && !Signs::of("0123456789 abcdef").has(Signs::TOKEN)
        );
        assert!(Signs::of("#{x}").has(Signs::HASH) && Signs::of("\"").has(Signs::QUOTE | Signs::AT));
    }
}
