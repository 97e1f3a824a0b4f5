//! JSON as a flat list of nodes over its bytes: nothing is copied, nothing is lost, nothing recurses.
//!
//! General JSON libraries turn numbers into floats, merge duplicate keys and recurse. Here a number is its text,
//! a string is a span, an object's members are found in the order of their keys, and what is not plain JSON is
//! told apart from what is. It knows nothing of recipes.

use std::borrow::Cow;
use std::cmp::Ordering;

mod parse;

pub(super) use parse::spaces;

/// The deepest nesting that is read; real recipes nest 26 deep.
pub const MAX_DEPTH: usize = 512;
/// The largest number of values and keys that is read: it bounds memory at about 80 MB a document. Even 64 MiB of
/// pretty-printed recipe has fewer.
const MAX_NODES: usize = 1 << 22;
/// The largest text that is read, in bytes, so that spans fit 32 bits with room to spare.
const MAX_BYTES: usize = 1 << 30;

/// Why a text is not plain JSON. Such files are kept byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPlain {
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    Utf8,
    /// Not the JSON grammar (a byte order mark, `NaN` and two values in a row count as such).
    #[error("it is not JSON")]
    Syntax,
    /// One object has the same key twice, perhaps in two spellings.
    #[error("an object has the same key twice")]
    DuplicateKey,
    /// Nested deeper than 512 levels.
    #[error("it is nested too deep")]
    TooDeep,
    /// More values than are read.
    #[error("it has too many values")]
    TooLarge,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number, of which the text counts.
    Number,
    /// A string.
    String,
    /// The key of the member whose value is the next node.
    Key,
    /// A list.
    Array,
    /// An object.
    Object,
}

/// Names one node of a [`Doc`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node(u32);

/// For scalars the span of the text (of strings without the quotes). For containers `b` is the index behind the last
/// node inside, and for objects `a` is where its keys are listed.
#[derive(Clone, Copy)]
struct Cell {
    tag: Tag,
    /// Whether a string holds a backslash.
    escaped: bool,
    a: u32,
    b: u32,
}

/// A parsed JSON text.
pub struct Doc<'a> {
    text: &'a str,
    /// All nodes in the order of the text.
    cells: Vec<Cell>,
    /// For each object the number of its keys, and then its key nodes, sorted.
    members: Vec<u32>,
}

impl<'a> Doc<'a> {
    /// Parses a text in linear time, but for the sorting of keys.
    ///
    /// # Errors
    /// Says why the text is not plain JSON.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NotPlain> {
        if bytes.len() > MAX_BYTES {
            return Err(NotPlain::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NotPlain::Utf8)?;
        let doc = Self {
            text,
            cells: Vec::with_capacity(bytes.len() / 24),
            members: Vec::with_capacity(bytes.len() / 48),
        };
        parse::run(doc)
    }

    /// Returns the outermost value.
    #[must_use]
    pub const fn root(&self) -> Node {
        Node(0)
    }

    /// Returns the text that was parsed.
    pub(crate) const fn source(&self) -> &'a str {
        self.text
    }

    /// Returns what a node is.
    #[must_use]
    #[inline]
    pub fn tag(&self, node: Node) -> Tag {
        self.cell(node).tag
    }

    /// Returns a scalar's own text (of strings and keys without the quotes, with their escapes), `""` for containers.
    #[must_use]
    pub fn raw(&self, node: Node) -> &'a str {
        let cell = self.cell(node);
        match cell.tag {
            Tag::Array | Tag::Object => "",
            _ => &self.text[cell.a as usize..cell.b as usize],
        }
    }

    /// Returns the value of a string or key in UTF-8, in which a lone surrogate has its three bytes (WTF-8).
    #[must_use]
    pub fn decoded(&self, node: Node) -> Cow<'a, [u8]> {
        if !self.escaped(node) {
            return Cow::Borrowed(self.bytes(node));
        }
        let mut rest = self.raw(node);
        let mut bytes = Vec::with_capacity(rest.len());
        // What stands between two escapes is copied.
        loop {
            let (plain, escaped) = rest.split_at(parse::plain_bytes(rest.as_bytes()));
            bytes.extend_from_slice(plain.as_bytes());
            let Some(behind) = escaped.strip_prefix('\\') else { return Cow::Owned(bytes) };
            let point;
            (point, rest) = escape(behind);
            push_point(&mut bytes, point);
        }
    }

    /// Returns whether a string or key is written with escapes.
    #[must_use]
    #[inline]
    pub fn escaped(&self, node: Node) -> bool {
        self.cell(node).escaped
    }

    /// Returns the value of a string or key, if it is one and holds no lone surrogate.
    #[must_use]
    pub fn text(&self, node: Node) -> Option<Cow<'a, str>> {
        let cell = self.cell(node);
        match cell.tag {
            Tag::String | Tag::Key if !cell.escaped => {
                Some(Cow::Borrowed(&self.text[cell.a as usize..cell.b as usize]))
            }
            Tag::String | Tag::Key => String::from_utf8(self.decoded(node).into_owned()).ok().map(Cow::Owned),
            _ => None,
        }
    }

    /// Returns the value that belongs to a key.
    #[must_use]
    pub fn value(&self, key: Node) -> Node {
        debug_assert_eq!(self.tag(key), Tag::Key, "only keys have a value");
        Node(key.0 + 1)
    }

    /// Returns an object's members sorted by the code points of their keys; none for other nodes.
    pub fn members(&self, node: Node) -> impl Iterator<Item = (Node, Node)> + Clone + '_ {
        self.keys(node).iter().map(|key| (Node(*key), Node(key + 1)))
    }

    /// Returns the value of an object's member.
    #[must_use]
    pub fn get(&self, node: Node, key: &str) -> Option<Node> {
        let keys = self.keys(node);
        let compare = |other: &u32| {
            let raw = self.raw(Node(*other));
            if self.escaped(Node(*other)) {
                points(raw).cmp(key.chars().map(u32::from))
            } else {
                raw.cmp(key)
            }
        };
        keys.binary_search_by(compare).ok().map(|found| Node(keys[found] + 1))
    }

    /// Returns a list's items; none for other nodes.
    pub fn items(&self, node: Node) -> impl Iterator<Item = Node> + '_ {
        let cell = self.cell(node);
        let (first, end) = if cell.tag == Tag::Array { (node.0 + 1, cell.b) } else { (0, 0) };
        std::iter::successors(Some(Node(first)), |at| Some(self.behind(*at))).take_while(move |at| at.0 < end)
    }

    /// Returns every node inside a container (or the scalar itself), in the order of the text.
    pub fn within(&self, node: Node) -> impl Iterator<Item = Node> + use<'a> {
        (node.0..self.behind(node).0).map(Node)
    }

    /// Walks a value in canonical order.
    #[must_use]
    pub fn walk(&self, node: Node) -> Walk<'_, 'a> {
        Walk { doc: self, open: Vec::new(), next: Some(node) }
    }

    /// Compares two keys by their code points, which is also how their UTF-8 bytes compare.
    fn compare(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (Node(a), Node(b));
        if self.escaped(a) || self.escaped(b) {
            points(self.raw(a)).cmp(points(self.raw(b)))
        } else {
            self.bytes(a).cmp(self.bytes(b))
        }
    }

    /// Returns a scalar's own text as [`Self::raw`] does, as bytes: these are not looked at for characters.
    #[inline]
    pub(crate) fn bytes(&self, node: Node) -> &'a [u8] {
        let cell = self.cell(node);
        match cell.tag {
            Tag::Array | Tag::Object => &[],
            _ => &self.text.as_bytes()[cell.a as usize..cell.b as usize],
        }
    }

    /// Returns a string or key as it is written, with its quotes.
    #[inline]
    pub(super) fn quoted(&self, node: Node) -> &'a [u8] {
        let cell = self.cell(node);
        debug_assert!(matches!(cell.tag, Tag::String | Tag::Key), "only these have quotes");
        &self.text.as_bytes()[cell.a as usize - 1..=cell.b as usize]
    }

    #[inline]
    fn cell(&self, node: Node) -> Cell {
        self.cells[node.0 as usize]
    }

    fn keys(&self, node: Node) -> &[u32] {
        let cell = self.cell(node);
        if cell.tag != Tag::Object {
            return &[];
        }
        let first = cell.a as usize + 1;
        &self.members[first..first + self.members[cell.a as usize] as usize]
    }

    /// Returns the node behind a value and all that is inside, in the order of the text.
    #[inline]
    pub(crate) fn behind(&self, node: Node) -> Node {
        let Some(cell) = self.cells.get(node.0 as usize) else { return node };
        Node(if matches!(cell.tag, Tag::Array | Tag::Object) { cell.b } else { node.0 + 1 })
    }
}

/// One step of a [`Walk`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The key of the value that comes next.
    Key(Node),
    /// A scalar, or the start of a container.
    Value(Node),
    /// The end of a container.
    End(Node),
}

/// A walk over a value: members sorted by key, items in their order, each container opened and closed.
pub struct Walk<'d, 'a> {
    doc: &'d Doc<'a>,
    open: Vec<Open>,
    next: Option<Node>,
}

/// A container that the walk is in: for an object a range of the list of keys, for an array one of nodes.
struct Open {
    node: Node,
    object: bool,
    next: u32,
    end: u32,
}

impl Walk<'_, '_> {
    /// Returns the innermost container that the walk is in.
    #[must_use]
    pub fn inside(&self) -> Option<Node> {
        self.open.last().map(|open| open.node)
    }

    /// Leaves the container that was just entered, without its end.
    pub fn leave(&mut self) {
        self.open.pop();
    }

    /// Leaves out the value whose key just came.
    pub fn skip_value(&mut self) {
        self.next = None;
    }
}

impl Iterator for Walk<'_, '_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let node = if let Some(node) = self.next.take() {
            node
        } else {
            let open = self.open.last_mut()?;
            if open.next >= open.end {
                return self.open.pop().map(|open| Event::End(open.node));
            }
            if open.object {
                let key = self.doc.members[open.next as usize];
                open.next += 1;
                self.next = Some(Node(key + 1));
                return Some(Event::Key(Node(key)));
            }
            let item = Node(open.next);
            open.next = self.doc.behind(item).0;
            item
        };
        let cell = self.doc.cell(node);
        match cell.tag {
            Tag::Array => self.open.push(Open { node, object: false, next: node.0 + 1, end: cell.b }),
            Tag::Object => {
                let end = cell.a + 1 + self.doc.members[cell.a as usize];
                self.open.push(Open { node, object: true, next: cell.a + 1, end });
            }
            _ => {}
        }
        Some(Event::Value(node))
    }
}

/// Reads the code points of a string as it is written in a parsed document; a surrogate without its other half comes
/// as itself.
pub(crate) fn points(raw: &str) -> impl Iterator<Item = u32> + '_ {
    let mut rest = raw.chars();
    std::iter::from_fn(move || {
        let first = rest.next()?;
        if first != '\\' {
            return Some(u32::from(first));
        }
        let (point, behind) = escape(rest.as_str());
        rest = behind.chars();
        Some(point)
    })
}

/// Splits off an escape whose backslash was taken: what it stands for, and what follows it.
fn escape(text: &str) -> (u32, &str) {
    let (letter, behind) = text.split_at(1);
    let point = match letter.as_bytes()[0] {
        b'n' => 0x0a,
        b't' => 0x09,
        b'r' => 0x0d,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'u' => {
            let (high, behind) = four_digits(behind);
            let low = behind.strip_prefix("\\u").map(four_digits);
            return match low {
                Some((low @ 0xdc00..=0xdfff, behind)) if (0xd800..=0xdbff).contains(&high) => {
                    (0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00), behind)
                }
                _ => (high, behind),
            };
        }
        other => u32::from(other),
    };
    (point, behind)
}

/// Splits off the four hex digits of an escape.
fn four_digits(text: &str) -> (u32, &str) {
    let (digits, behind) = text.split_at(4);
    (u32::from_str_radix(digits, 16).expect("escapes were checked by the parser"), behind)
}

/// Writes a code point in UTF-8, a surrogate in the three bytes that UTF-8 would have for it.
fn push_point(bytes: &mut Vec<u8>, point: u32) {
    if point < 0x80 {
        bytes.push(point.to_le_bytes()[0]);
    } else if let Some(c) = char::from_u32(point) {
        bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        let [low, middle, high] =
            [point & 0x3f, point >> 6 & 0x3f, point >> 12].map(|part| part.to_le_bytes()[0]);
        bytes.extend_from_slice(&[0xe0 | high, 0x80 | middle, 0x80 | low]);
    }
}
