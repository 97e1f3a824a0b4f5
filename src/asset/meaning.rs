//! Writes what counts of a JSON value into a hash, so that two values that mean the same have equal digests.
//!
//! Every rule is one-sided: it looks at one value and writes down what remains of it. The rules are in `fields`; here is
//! how they are applied, in one walk that does not recurse.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use super::aside::is_aside;
use super::compare::Level;
use super::fields::{Place, Row};
use super::json::{Doc, Event, Node, Tag};
use super::reference::Reference;
use super::text::{self, Connectors};

mod strings;

/// How much is gathered before it is hashed, in bytes: the hash is slow on small pieces.
const CHUNK: usize = 64 << 10;

/// What is written in front of each piece. Pieces of two sorts never look alike.
#[derive(Clone, Copy)]
enum Mark {
    Null,
    Bool,
    Number,
    String,
    Key,
    Array,
    Object,
    End,
    Text,
    Connector,
    Pill,
    OddPill,
    RawPill,
    FieldList,
    Reference,
    Qualifier,
    Unused,
    Unlisted,
}

/// Returns the digest of what counts of a value at a level.
pub(super) fn digest(level: Level, doc: &Doc<'_>, place: Place) -> [u8; 16] {
    let meaning = level == Level::Meaning;
    let hash = Hash {
        level,
        doc,
        connectors: if meaning { Connectors::of(doc.source()) } else { Connectors::default() },
        qualifiers: if meaning && place == Place::Insights { text::qualifiers(doc) } else { HashMap::new() },
        used: BTreeSet::new(),
        listed: BTreeSet::new(),
        plain: BTreeSet::new(),
        entries: None,
        out: Vec::with_capacity(CHUNK),
        hasher: blake3::Hasher::new(),
    };
    hash.run(place)
}

/// The entries of a recipe's list of connectors while they are written: where the list starts, and each entry.
struct Entries {
    start: usize,
    starts: Vec<usize>,
}

struct Hash<'d, 'a> {
    level: Level,
    doc: &'d Doc<'a>,
    connectors: Connectors<'d>,
    /// The generated names in an insights query, by where they come first.
    qualifiers: HashMap<Vec<u8>, u32>,
    /// The connectors of the steps; of the entries that say more than that a connector is used; of the others.
    used: BTreeSet<Vec<u8>>,
    listed: BTreeSet<Vec<u8>>,
    plain: BTreeSet<Vec<u8>>,
    entries: Option<Entries>,
    out: Vec<u8>,
    hasher: blake3::Hasher,
}

impl Hash<'_, '_> {
    fn run(mut self, root: Place) -> [u8; 16] {
        let doc = self.doc;
        let mut walk = doc.walk(doc.root());
        let mut open: Vec<Place> = Vec::new();
        let mut next = root;
        while let Some(event) = walk.next() {
            match event {
                Event::Key(key) => {
                    let object = walk.inside().expect("keys are inside objects");
                    let name = doc.decoded(key);
                    let row = open.last().map_or(Place::Plain, |place| *place).member(&name);
                    if self.is_aside(row, object, doc.value(key)) {
                        walk.skip_value();
                    } else {
                        self.put(Mark::Key, &name);
                        next = row.inside;
                    }
                }
                Event::Value(node) => {
                    let place = self.at(next, node);
                    let container = matches!(doc.tag(node), Tag::Array | Tag::Object);
                    if let (Some(Place::Config), Some(entries)) = (open.last(), &mut self.entries) {
                        entries.starts.push(self.out.len());
                    }
                    if self.value(place, node) {
                        if container {
                            open.push(place);
                        }
                    } else if container {
                        walk.leave();
                    }
                    next = open.last().map_or(Place::Plain, |place| place.item());
                }
                Event::End(_) => {
                    if open.pop() == Some(Place::Config) {
                        self.close_config();
                    }
                    self.put(Mark::End, &[]);
                    next = open.last().map_or(Place::Plain, |place| place.item());
                }
            }
        }
        self.hasher.update(&self.out);
        truncated(&self.hasher)
    }

    /// Returns where a value really stands, given what it is.
    fn at(&self, place: Place, node: Node) -> Place {
        let place = place.holding(self.doc.tag(node));
        let is_condition = || self.string(node, "operand").is_some() && self.doc.get(node, "lhs").is_some();
        if place == Place::Condition && !is_condition() { Place::Logic } else { place }
    }

    /// Returns whether a member is left out.
    fn is_aside(&self, row: Row, object: Node, value: Node) -> bool {
        is_aside(self.level, row, self.doc, object, value)
    }

    fn string(&self, object: Node, key: &str) -> Option<Cow<'_, str>> {
        self.doc
            .get(object, key)
            .filter(|node| self.doc.tag(*node) == Tag::String)
            .and_then(|node| self.doc.text(node))
    }

    /// Writes a value, or of a container its start; false says that the whole container is done with.
    fn value(&mut self, place: Place, node: Node) -> bool {
        let doc = self.doc;
        let mark = match doc.tag(node) {
            Tag::String => {
                self.text(place, node);
                return true;
            }
            Tag::Object => {
                if self.level == Level::Meaning && self.object(place, node) {
                    return false;
                }
                Mark::Object
            }
            tag => Mark::of(tag),
        };
        self.put(mark, doc.raw(node).as_bytes());
        if place == Place::Config && self.level == Level::Meaning {
            self.entries = Some(Entries { start: self.out.len(), starts: Vec::new() });
        }
        true
    }

    /// Writes an object that means something as a whole; false says that its members are to be read one by one.
    fn object(&mut self, place: Place, node: Node) -> bool {
        match place {
            Place::Plain => return false,
            Place::Step => {
                let row = Place::Step.member(b"provider");
                let counts = |value: &Node| !self.is_aside(row, node, *value);
                let value =
                    self.doc.get(node, "provider").filter(counts).and_then(|value| self.doc.text(value));
                self.used.extend(value.map(|name| self.provider_key(&name)));
                return false;
            }
            Place::ConfigEntry => {
                let Some(provider) = self.string(node, "provider").map(|name| self.provider_key(&name))
                else {
                    return false;
                };
                let plain = self.is_plain_entry(node);
                if plain {
                    self.plain.insert(provider)
                } else {
                    self.listed.insert(provider)
                };
                return plain;
            }
            _ => {}
        }
        let Some(reference) = Reference::read(self.doc, node, place == Place::Account) else { return false };
        if place == Place::ConnectionProvider {
            let Some(slug) = reference.connector() else { return false };
            self.put(Mark::Connector, slug.as_bytes());
            return true;
        }
        self.put(Mark::Reference, reference.name.as_bytes());
        self.put(Mark::String, reference.folder.as_bytes());
        match reference.full_path {
            Some(path) => self.put(Mark::String, path.as_bytes()),
            None => self.put(Mark::Null, &[]),
        }
        true
    }

    /// Returns whether an entry says no more than that some step uses a connector.
    fn is_plain_entry(&self, entry: Node) -> bool {
        self.doc.members(entry).all(|(key, value)| {
            let row = Place::ConfigEntry.member(&self.doc.decoded(key));
            match self.doc.raw(key) {
                "provider" => true,
                "keyword" => self.doc.text(value).is_some_and(|keyword| keyword == "application"),
                _ => self.is_aside(row, entry, value),
            }
        })
    }

    /// Ends the list of connectors: in any order, and what the steps say as well only where the two disagree.
    fn close_config(&mut self) {
        let Some(entries) = self.entries.take() else { return };
        let ends = entries.starts.iter().skip(1).copied().chain([self.out.len()]);
        let mut sorted: Vec<&[u8]> =
            entries.starts.iter().zip(ends).map(|(start, end)| &self.out[*start..end]).collect();
        sorted.sort_unstable();
        let sorted = sorted.concat();
        self.out.truncate(entries.start);
        self.out.extend_from_slice(&sorted);
        let (used, listed, plain) = (
            std::mem::take(&mut self.used),
            std::mem::take(&mut self.listed),
            std::mem::take(&mut self.plain),
        );
        plain.difference(&used).for_each(|name| self.put(Mark::Unused, name));
        used.iter().filter(|name| !listed.contains(*name) && !plain.contains(*name)).for_each(|name| {
            self.put(Mark::Unlisted, name);
        });
    }

    fn put(&mut self, mark: Mark, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).expect("parsed texts are below 4 GiB");
        let [a, b, c, d] = length.to_le_bytes();
        self.out.extend_from_slice(&[mark as u8, a, b, c, d]);
        self.out.extend_from_slice(bytes);
        if self.out.len() > CHUNK && self.entries.is_none() {
            self.hasher.update(&self.out);
            self.out.clear();
        }
    }
}

impl Mark {
    const fn of(tag: Tag) -> Self {
        match tag {
            Tag::Null => Self::Null,
            Tag::Bool => Self::Bool,
            Tag::Number => Self::Number,
            Tag::String => Self::String,
            Tag::Key => Self::Key,
            Tag::Array => Self::Array,
            Tag::Object => Self::Object,
        }
    }
}

/// Returns the first half of a hash.
pub(super) fn truncated(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    digest
}
