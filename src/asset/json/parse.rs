//! The grammar of JSON: from text to the nodes of a [`Doc`], with an explicit stack.

use std::cmp::Ordering;

use super::{Cell, Doc, MAX_DEPTH, MAX_NODES, Node, NotPlain, Tag};

/// A container that is not closed yet: its node, and where its keys start.
struct Open {
    node: u32,
    keys: usize,
}

struct Parser<'a> {
    doc: Doc<'a>,
    at: usize,
    open: Vec<Open>,
    /// The keys of all open objects, innermost last.
    keys: Vec<Key>,
}

/// A key, with the first bytes of its value as a number: these nearly always tell two keys apart.
#[derive(Clone, Copy)]
struct Key {
    start: u64,
    node: u32,
}

impl Key {
    fn compare(&self, other: &Self, doc: &Doc<'_>) -> Ordering {
        self.start.cmp(&other.start).then_with(|| doc.compare(self.node, other.node))
    }
}

/// Fills a document that has its text and no nodes yet.
pub(super) fn run(doc: Doc<'_>) -> Result<Doc<'_>, NotPlain> {
    let mut parser = Parser { doc, at: 0, open: Vec::new(), keys: Vec::new() };
    loop {
        if !parser.value()? {
            continue;
        }
        loop {
            let Some(open) = parser.open.last() else {
                return if parser.token().is_none() { Ok(parser.doc) } else { Err(NotPlain::Syntax) };
            };
            let object = parser.doc.cells[open.node as usize].tag == Tag::Object;
            match (parser.token(), object) {
                (Some(b'}'), true) | (Some(b']'), false) => parser.close()?,
                (Some(b','), true) => {
                    parser.key()?;
                    break;
                }
                (Some(b','), false) => break,
                _ => return Err(NotPlain::Syntax),
            }
        }
    }
}

impl Parser<'_> {
    /// Reads a value; false says that it is a container whose first value comes next.
    fn value(&mut self) -> Result<bool, NotPlain> {
        match self.token().ok_or(NotPlain::Syntax)? {
            b'{' => {
                self.begin(Tag::Object)?;
                if self.peek() == Some(b'}') {
                    self.at += 1;
                    self.close()?;
                    return Ok(true);
                }
                self.key()?;
                return Ok(false);
            }
            b'[' => {
                self.begin(Tag::Array)?;
                if self.peek() != Some(b']') {
                    return Ok(false);
                }
                self.at += 1;
                self.close()?;
            }
            b'"' => self.string(Tag::String)?,
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.literal("true", Tag::Bool)?,
            b'f' => self.literal("false", Tag::Bool)?,
            b'n' => self.literal("null", Tag::Null)?,
            _ => return Err(NotPlain::Syntax),
        }
        Ok(true)
    }

    /// Returns the next byte that is no white space, without taking it.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.doc.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1 + spaces(&bytes[self.at + 1..]),
                other => return other.copied(),
            }
        }
    }

    /// Takes the next byte that is no white space.
    fn token(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += 1;
        byte
    }

    fn push(&mut self, tag: Tag, escaped: bool, from: usize, to: usize) -> Result<(), NotPlain> {
        if self.doc.cells.len() >= MAX_NODES {
            return Err(NotPlain::TooLarge);
        }
        self.doc.cells.push(Cell { tag, escaped, a: narrow(from), b: narrow(to) });
        Ok(())
    }

    fn begin(&mut self, tag: Tag) -> Result<(), NotPlain> {
        if self.open.len() >= MAX_DEPTH {
            return Err(NotPlain::TooDeep);
        }
        self.open.push(Open { node: narrow(self.doc.cells.len()), keys: self.keys.len() });
        self.push(tag, false, 0, 0)
    }

    /// Closes the innermost container: of an object the keys are sorted and listed.
    fn close(&mut self) -> Result<(), NotPlain> {
        let open = self.open.pop().expect("a container is open where one is closed");
        let behind = narrow(self.doc.cells.len());
        let cell = &mut self.doc.cells[open.node as usize];
        cell.b = behind;
        if cell.tag == Tag::Object {
            cell.a = narrow(self.doc.members.len());
            let doc = &self.doc;
            let keys = &mut self.keys[open.keys..];
            if !keys.is_sorted_by(|a, b| a.compare(b, doc).is_lt()) {
                keys.sort_unstable_by(|a, b| a.compare(b, doc));
                if keys.windows(2).any(|pair| pair[0].compare(&pair[1], doc).is_eq()) {
                    return Err(NotPlain::DuplicateKey);
                }
            }
            self.doc.members.push(narrow(keys.len()));
            self.doc.members.extend(keys.iter().map(|key| key.node));
            self.keys.truncate(open.keys);
        }
        Ok(())
    }

    fn key(&mut self) -> Result<(), NotPlain> {
        if self.token() != Some(b'"') {
            return Err(NotPlain::Syntax);
        }
        let node = Node(narrow(self.doc.cells.len()));
        self.string(Tag::Key)?;
        let start = self.start(node);
        self.keys.push(Key { start, node: node.0 });
        if self.token() == Some(b':') { Ok(()) } else { Err(NotPlain::Syntax) }
    }

    /// Returns the first eight bytes of a key's value as a number that compares as they do; what is missing counts as
    /// zeros.
    fn start(&self, key: Node) -> u64 {
        let first_eight = |bytes: &[u8]| {
            let mut eight = [0; 8];
            bytes.iter().zip(&mut eight).for_each(|(byte, place)| *place = *byte);
            u64::from_be_bytes(eight)
        };
        if self.doc.escaped(key) {
            return first_eight(&self.doc.decoded(key));
        }
        // Most keys are shorter, and cutting off what follows them costs less than copying what is theirs.
        let bytes = self.doc.bytes(key);
        let from = self.doc.cell(key).a as usize;
        match self.doc.text.as_bytes()[from..].first_chunk() {
            Some(eight) if bytes.len() < 8 => u64::from_be_bytes(*eight) & !(u64::MAX >> (8 * bytes.len())),
            Some(eight) => u64::from_be_bytes(*eight),
            None => first_eight(bytes),
        }
    }

    /// Reads a string whose opening quote was taken.
    fn string(&mut self, tag: Tag) -> Result<(), NotPlain> {
        let bytes = self.doc.text.as_bytes();
        let from = self.at;
        let mut at = from;
        let mut escaped = false;
        loop {
            at += plain_bytes(&bytes[at..]);
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += escape_length(&bytes[at + 1..]).ok_or(NotPlain::Syntax)?;
                }
                _ => return Err(NotPlain::Syntax), // a control character, or the end
            }
        }
        self.at = at + 1;
        self.push(tag, escaped, from, at)
    }

    /// Reads a number whose first byte was taken.
    fn number(&mut self) -> Result<(), NotPlain> {
        let bytes = self.doc.text.as_bytes();
        let from = self.at - 1;
        let digits = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut at = from + usize::from(bytes[from] == b'-');
        let whole = digits(at);
        if whole == 0 || whole > 1 && bytes[at] == b'0' {
            return Err(NotPlain::Syntax);
        }
        at += whole;
        if bytes.get(at) == Some(&b'.') {
            let fraction = digits(at + 1);
            if fraction == 0 {
                return Err(NotPlain::Syntax);
            }
            at += 1 + fraction;
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let exponent = digits(at);
            if exponent == 0 {
                return Err(NotPlain::Syntax);
            }
            at += exponent;
        }
        self.at = at;
        self.push(Tag::Number, false, from, at)
    }

    /// Reads a word whose first letter was taken.
    fn literal(&mut self, word: &str, tag: Tag) -> Result<(), NotPlain> {
        let from = self.at - 1;
        let to = from + word.len();
        if self.doc.text.as_bytes().get(from..to) != Some(word.as_bytes()) {
            return Err(NotPlain::Syntax);
        }
        self.at = to;
        self.push(tag, false, from, to)
    }
}

fn narrow(index: usize) -> u32 {
    u32::try_from(index).expect("texts are below MAX_BYTES")
}

/// Returns how many spaces come first, eight at a time: indentation is most of the white space.
#[inline]
pub(in crate::asset) fn spaces(bytes: &[u8]) -> usize {
    const SPACES: u64 = u64::from_le_bytes([b' '; 8]);
    let mut at = 0;
    while let Some(eight) = bytes[at..].first_chunk() {
        let others = u64::from_le_bytes(*eight) ^ SPACES;
        if others != 0 {
            return at + others.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at
}

/// Returns how many bytes of a string come before the first quote, backslash or control character, eight at a time.
#[inline]
pub(super) fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut at = 0;
    for eight in bytes.chunks_exact(8) {
        let word = u64::from_le_bytes(eight.try_into().expect("chunks of eight"));
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let backslash = zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = quote | backslash | control;
        if found != 0 {
            // The lowest mark is exact; a borrow can only set false ones above it.
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + bytes[at..].iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)).count()
}

/// Returns the length of an escape with its backslash, given what follows the backslash.
fn escape_length(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => bytes.get(1..5)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plain_bytes_are_counted_as_one_by_one(bytes in prop::collection::vec(0x1e_u8..0x5e, 0..40), high: bool) {
            let bytes: Vec<u8> = bytes.iter().map(|byte| byte | u8::from(high && byte % 3 > 0) << 7).collect();
            let is_plain = |byte: &u8| !matches!(byte, b'"' | b'\\' | 0..0x20);
            for at in 0..=bytes.len() {
                let slow = bytes[at..].iter().take_while(|byte| is_plain(byte)).count();
                prop_assert_eq!(plain_bytes(&bytes[at..]), slow);
            }
        }
    }
}
