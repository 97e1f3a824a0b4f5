//! The signs that occur in a text: most rules need one of them, and most texts have none.

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

    /// Looks at a text once.
    pub(super) fn of(text: &str) -> Self {
        let (mut signs, mut run) = (0, 0);
        for byte in text.bytes() {
            signs |= SIGN[usize::from(byte)];
            run = if PART[usize::from(byte)] { run + 1 } else { 0 };
            signs |= if run >= SHORTEST { Self::TOKEN } else { 0 };
        }
        Self(signs)
    }

    /// Returns whether one of these signs occurs.
    pub(super) const fn has(self, signs: u8) -> bool {
        self.0 & signs != 0
    }
}

const SIGN: [u8; 256] = {
    let mut table = [0; 256];
    table[b'#' as usize] = Signs::HASH;
    table[b':' as usize] = Signs::COLON;
    table[b' ' as usize] = Signs::SPACE;
    table[b'=' as usize] = Signs::EQUALS;
    table[b'@' as usize] = Signs::AT;
    table[b'"' as usize] = Signs::QUOTE;
    table[b'\'' as usize] = Signs::QUOTE;
    table[b'-' as usize] = Signs::DASH;
    table
};

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
    use super::*;

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
