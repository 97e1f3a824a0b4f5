//! What strings mean: pills and formulas, names of connectors, lists of fields as JSON text.

use super::super::compare::Level;
use super::super::fields::Place;
use super::super::json::{Doc, Event, Node, Tag};
use super::super::text::{self, Piece, Pill};
use super::{Hash, Mark};

impl Hash<'_, '_> {
    /// Writes a string.
    pub(super) fn text(&mut self, place: Place, node: Node) {
        let bytes = self.doc.decoded(node);
        let text = (self.level == Level::Meaning).then(|| self.doc.text(node)).flatten();
        let Some(text) = text else { return self.put(Mark::String, &bytes) };
        match place {
            Place::Insights => match self.qualifiers.get(bytes.as_ref()).copied() {
                Some(number) => self.put(Mark::Qualifier, &number.to_le_bytes()),
                None => self.put(Mark::String, &bytes),
            },
            Place::Connector => self.provider(&text),
            Place::ConnectionProvider => match self.connectors.slug(&text) {
                Some(slug) => self.put(Mark::Connector, slug.trim_end_matches('_').as_bytes()),
                None => self.put(Mark::String, &bytes),
            },
            Place::Input | Place::Logic => match text::field_list(&text).filter(|_| place == Place::Input) {
                Some(fields) => {
                    self.put(Mark::FieldList, &[]);
                    self.tree(&fields);
                }
                None => self.pieces(&text),
            },
            _ => self.put(Mark::String, &bytes),
        }
    }

    /// Writes a text that may hold pills.
    fn pieces(&mut self, text: &str) {
        self.put(Mark::Text, &[]);
        for piece in text::pieces(text) {
            match piece {
                Piece::Text(text) => self.put(Mark::String, text.as_bytes()),
                Piece::Old(argument) => match Pill::old(argument) {
                    Some(pill) => self.pill(&pill),
                    None => self.old_pill(argument),
                },
                Piece::New(argument) => {
                    let payload = argument.replace("\\'", "'");
                    match Doc::parse(payload.as_bytes()) {
                        Ok(doc) => match Pill::new(&doc) {
                            Some(pill) => self.pill(&pill),
                            None => {
                                self.put(Mark::OddPill, &[]);
                                self.tree(&doc);
                            }
                        },
                        Err(_) => self.put(Mark::RawPill, argument.as_bytes()),
                    }
                }
            }
        }
        self.put(Mark::End, &[]);
    }

    fn pill(&mut self, pill: &Pill) {
        self.put(Mark::Pill, pill.line.as_bytes());
        self.provider(&pill.provider);
        pill.path.iter().for_each(|part| self.put(Mark::String, part.as_bytes()));
        self.put(Mark::End, &[]);
    }

    /// Writes an old pill that is more than a path: its text, but for the connector's name.
    fn old_pill(&mut self, argument: &str) {
        let connector = argument.strip_prefix("data.").and_then(|rest| rest.split_once('.'));
        match connector {
            Some((provider, rest)) => {
                self.put(Mark::OddPill, rest.as_bytes());
                self.provider(provider);
            }
            None => self.put(Mark::RawPill, argument.as_bytes()),
        }
    }

    fn provider(&mut self, name: &str) {
        match self.connectors.slug(name) {
            Some(slug) => self.put(Mark::Connector, slug.as_bytes()),
            None => self.put(Mark::String, name.as_bytes()),
        }
    }

    pub(super) fn provider_key(&self, name: &str) -> Vec<u8> {
        let (mark, name) =
            self.connectors.slug(name).map_or((Mark::String, name), |slug| (Mark::Connector, slug));
        [&[mark as u8], name.as_bytes()].concat()
    }

    /// Writes the whole value of another text, in which `provider` names a connector.
    fn tree(&mut self, doc: &Doc<'_>) {
        let mut provider = false;
        for event in doc.walk(doc.root()) {
            match event {
                Event::Key(key) => {
                    self.put(Mark::Key, &doc.decoded(key));
                    provider = doc.raw(key) == "provider";
                    continue;
                }
                Event::Value(node) if doc.tag(node) == Tag::String => match doc.text(node) {
                    Some(name) if provider => self.provider(&name),
                    _ => self.put(Mark::String, &doc.decoded(node)),
                },
                Event::Value(node) => self.put(Mark::of(doc.tag(node)), doc.raw(node).as_bytes()),
                Event::End(_) => self.put(Mark::End, &[]),
            }
            provider = false;
        }
    }
}
