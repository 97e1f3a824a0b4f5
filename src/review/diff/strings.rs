//! Compares strings: pills and formulas, names of connectors, lists of fields as JSON text, generated names.

use std::collections::HashMap;

use super::engine::{Compare, Side};
use crate::asset::fields::Place;
use crate::asset::json::{Doc, Node, Tag};
use crate::asset::text::{field_list, qualifiers};
use crate::review::change::{FoldKind, Op};
use crate::review::hidden::Beside;
use crate::review::pill::{Piece, Pill, Source, pieces};
use crate::review::value::Values;

impl Compare<'_> {
    /// Compares two strings that differ.
    pub(super) fn text(&mut self, place: Place, old: Node, new: Node) {
        let (Some(was), Some(is)) = (self.old.doc.text(old), self.new.doc.text(new)) else {
            return self.tell(Op::Replace, Some(old), Some(new));
        };
        let kind = if place == Place::Insights {
            let known = self.qualifiers.get(self.old.doc.decoded(old).as_ref());
            known.is_some_and(|new| *new == is.as_bytes()).then_some(FoldKind::GeneratedId)
        } else if place != Place::Plain && self.world.renamed(&was) == is {
            Some(FoldKind::ConnectorId)
        } else if place == Place::Input
            && let (Some(old_fields), Some(new_fields)) = (field_list(&was), field_list(&is))
        {
            self.fields(&old_fields, &new_fields, (old, new));
            return;
        } else if matches!(place, Place::Input | Place::Logic) {
            self.pieces(&was, &is)
        } else {
            None
        };
        match kind {
            Some(kind) => self.fold(kind, Some(old), Some(new)),
            None => self.tell(Op::Replace, Some(old), Some(new)),
        }
    }

    /// Compares two lists of fields that are written as text.
    fn fields(&mut self, old_fields: &Doc<'_>, new_fields: &Doc<'_>, (old, new): (Node, Node)) {
        let (old_values, new_values) = (
            Values {
                doc: old_fields,
                labels: self.old.values.labels,
                names: HashMap::new(),
                beside: Beside::default(),
            },
            Values {
                doc: new_fields,
                labels: self.new.values.labels,
                names: HashMap::new(),
                beside: Beside::default(),
            },
        );
        let found = {
            let old_side = Side { doc: old_fields, values: &old_values, path: self.old.path };
            let new_side = Side { doc: new_fields, values: &new_values, path: self.new.path };
            let mut inside = self.apart(old_side, new_side);
            inside.at.inside_text = true;
            inside.value(Place::Plain, Some(old_fields.root()), Some(new_fields.root()));
            inside.found
        };
        if found.has_changes() {
            self.found.absorb(found);
        } else {
            self.fold(FoldKind::JsonLayout, Some(old), Some(new));
        }
    }

    /// Returns why two texts say the same, if they do.
    fn pieces(&self, old: &str, new: &str) -> Option<FoldKind> {
        let (left, right) = (pieces(old), pieces(new));
        if left.len() != right.len() {
            return None;
        }
        let mut kind = FoldKind::PillSpelling;
        for pair in left.iter().zip(&right) {
            let found = match pair {
                (Piece::Text(old), Piece::Text(new)) if old == new => continue,
                (Piece::Text(old), Piece::Text(new)) if self.world.renamed(old) == *new => {
                    FoldKind::ConnectorId
                }
                (Piece::Pill(old), Piece::Pill(new)) if old.written == new.written => continue,
                (Piece::Pill(old), Piece::Pill(new)) => self.pills(old, new)?,
                _ => return None,
            };
            // The strongest reason names the whole.
            kind = match (kind, found) {
                (FoldKind::PillsFollow, _) | (_, FoldKind::PillsFollow) => FoldKind::PillsFollow,
                (FoldKind::ConnectorId, _) | (_, FoldKind::ConnectorId) => FoldKind::ConnectorId,
                _ => FoldKind::PillSpelling,
            };
        }
        Some(kind)
    }

    /// Returns why two pills say the same, if they do.
    fn pills(&self, old: &Pill<'_>, new: &Pill<'_>) -> Option<FoldKind> {
        if old.bracketed != new.bracketed {
            return None;
        }
        let steps = (&old.source, &new.source);
        if let (
            Source::Step { provider: was, line: from, path },
            Source::Step { provider: is, line: to, path: new_path },
        ) = steps
        {
            if path != new_path {
                return None;
            }
            let of_steps = self.recipes.and_then(|recipes| recipes.named(from, to));
            if from != to && of_steps.is_none() {
                return None;
            }
            let is_generation = was != is && self.world.is_same_connector(was, is);
            return match (from == to, was == is) {
                (true, true) => Some(FoldKind::PillSpelling),
                (true, false) if is_generation => Some(FoldKind::ConnectorId),
                (false, _) if was == is || is_generation => Some(FoldKind::PillsFollow),
                // Another connector is no change of the pill where on each side it is the one of the step.
                _ => {
                    let (old, new) = of_steps?;
                    let recipes = self.recipes?;
                    let fits = recipes.old.steps[old].pill_provider() == was
                        && recipes.new.steps[new].pill_provider() == is;
                    fits.then_some(FoldKind::PillsFollow)
                }
            };
        }
        if old.source.is_same(&new.source) {
            return Some(FoldKind::PillSpelling);
        }
        match steps {
            (Source::Odd(was), Source::Odd(is)) => {
                (self.world.renamed(was) == *is).then_some(FoldKind::ConnectorId)
            }
            _ => None,
        }
    }
}

/// Returns the new names of the generated ones in an insights query, if each occurs where its old one did.
pub(super) fn renamed_qualifiers(old: &Doc<'_>, new: &Doc<'_>) -> HashMap<Vec<u8>, Vec<u8>> {
    let (was, is) = (qualifiers(old), qualifiers(new));
    let by_number: HashMap<u32, &Vec<u8>> = is.iter().map(|(name, number)| (*number, name)).collect();
    let names: Option<HashMap<Vec<u8>, Vec<u8>>> =
        was.iter().map(|(name, number)| Some((name.clone(), (*by_number.get(number)?).clone()))).collect();
    let Some(names) = names.filter(|names| names.len() == is.len()) else { return HashMap::new() };
    let occurrences = |doc: &Doc<'_>| {
        let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
        for node in doc.within(doc.root()).filter(|node| doc.tag(*node) == Tag::String) {
            let text = doc.decoded(node);
            if was.contains_key(text.as_ref()) || is.contains_key(text.as_ref()) {
                *counts.entry(text.into_owned()).or_default() += 1;
            }
        }
        counts
    };
    let renamed = |counts: HashMap<Vec<u8>, usize>| -> HashMap<Vec<u8>, usize> {
        let name = |name: Vec<u8>| names.get(&name).cloned().unwrap_or(name);
        let mut renamed = HashMap::new();
        for (text, count) in counts {
            *renamed.entry(name(text)).or_default() += count;
        }
        renamed
    };
    let fits = renamed(occurrences(old)) == occurrences(new);
    if fits { names } else { HashMap::new() }
}
