//! Compares the files of one asset.

use std::collections::HashMap;

use super::engine::{Compare, Side};
use super::found::{Found, Subject};
use super::pairing::{self, Asset};
use super::recipe::Recipes;
use super::strings::renamed_qualifiers;
use super::world::World;
use super::{Input, headline};
use crate::asset::fields::Place;
use crate::asset::json::Doc;
use crate::asset::kind::Kind;
use crate::asset::page;
use crate::model::path::PackagePath;
use crate::review::change::{AssetChange, AssetDiff, Change, Op, Sameness, StepRef, What};
use crate::review::hidden::{HIDDEN, shown, told};
use crate::review::hunks::unified;
use crate::review::recipe::Recipe;
use crate::review::value::Values;

/// The steps that something is told of.
type Steps = HashMap<Subject, StepRef>;

/// A file of an asset, where it has that file.
pub(super) type Part<'p> = (Option<&'p PackagePath>, Option<&'p [u8]>);

/// What is compared, and how much is told of it.
pub(super) struct Job<'j> {
    pub(super) input: &'j Input<'j>,
    pub(super) world: &'j World,
    pub(super) details: bool,
}

impl Job<'_> {
    /// Compares two versions of an asset; none if there is nothing to say at all.
    pub(super) fn both(&self, old: &Asset, new: &Asset) -> Option<AssetDiff> {
        let mut parts: Vec<(&str, Option<&PackagePath>, Option<&PackagePath>)> = Vec::new();
        for path in &old.parts {
            parts.push((extension(path), Some(path), None));
        }
        for path in &new.parts {
            match parts.iter_mut().find(|(end, _, is)| *end == extension(path) && is.is_none()) {
                Some(part) => part.2 = Some(path),
                None => parts.push((extension(path), None, Some(path))),
            }
        }
        // The JSON first: others may repeat it.
        parts.sort_by_key(|(end, ..)| (*end != "json", *end));
        let (mut found, mut steps, mut same_bytes) = (Found::default(), Steps::new(), true);
        for (_, was, is) in parts {
            let read =
                |path: Option<&PackagePath>, is_old| path.and_then(|path| self.input.read(path, is_old));
            let (was_bytes, is_bytes) = (read(was, true), read(is, false));
            if was_bytes == is_bytes {
                continue;
            }
            same_bytes = false;
            let (was, is) = ((was, was_bytes.as_deref()), (is, is_bytes.as_deref()));
            self.part(new, was, is, &mut found, &mut steps);
        }
        let connector_ids = self.world.ids(&found.ids);
        let (changes, folded, volatile, sameness) = found.finish(|subject| steps.get(&subject).cloned());
        let is_moved = old.main != new.main;
        let (old_name, name) = (pairing::name(self.input, old, true), pairing::name(self.input, new, false));
        let change = match (changes.is_empty(), is_moved) {
            (false, _) => Some(AssetChange::Changed),
            (true, true) => Some(AssetChange::Moved),
            (true, false) => None,
        };
        let mut diff = AssetDiff {
            path: new.main.to_string(),
            old_path: is_moved.then(|| old.main.to_string()),
            kind: new.kind.clone(),
            old_name: old_name.filter(|old_name| name.as_ref() != Some(old_name)).as_deref().map(named),
            name: name.as_deref().map(named),
            change,
            sameness: if same_bytes { Sameness::Bytes } else { sameness },
            headline: String::new(),
            connector_ids,
            changes,
            folded,
            volatile,
        };
        diff.headline = headline::of(&diff);
        (!same_bytes || is_moved).then_some(diff)
    }

    /// Compares one file of an asset.
    fn part(
        &self,
        asset: &Asset,
        (was, old): Part<'_>,
        (is, new): Part<'_>,
        found: &mut Found,
        steps: &mut Steps,
    ) {
        let paths = (was.map_or("", PackagePath::as_str), is.map_or("", PackagePath::as_str));
        let place = Place::of(&asset.kind);
        if let (Some(old), Some(new)) = (old, new) {
            let end = is.map_or("", extension);
            if end == "json" || self.input.chosen.is_some() && end != "zip" {
                if let (Ok(old), Ok(new)) = (Doc::parse(old), Doc::parse(new)) {
                    return self.json((&asset.kind, place), paths, (&old, &new), found, steps);
                }
            } else if end == "zip"
                && let (Some(old), Some(new)) = (inner_page(old), inner_page(new))
                && let (Ok(old), Ok(new)) = (Doc::parse(&old), Doc::parse(&new))
            {
                let mut copy = Found::default();
                self.json((&asset.kind, Place::Page), paths, (&old, &new), &mut copy, steps);
                return found.absorb_copy(copy, "page.json");
            }
        }
        found.change((0, 0, 0), whole_file((was, old), (is, new)));
    }

    fn json(
        &self,
        (kind, place): (&Kind, Place),
        paths: (&str, &str),
        (old, new): (&Doc<'_>, &Doc<'_>),
        found: &mut Found,
        steps: &mut Steps,
    ) {
        let is_recipe = place == Place::Recipe;
        let read = |doc| if is_recipe { Recipe::read(doc).ok() } else { None };
        let (Some(was), Some(is)) = (read(old), read(new)) else {
            let (old_values, new_values) = (Values::of(kind, old), Values::of(kind, new));
            let mut compare = Compare::new(
                Side { doc: old, values: &old_values, path: paths.0 },
                Side { doc: new, values: &new_values, path: paths.1 },
                self.world,
            );
            compare.details = self.details;
            if place == Place::Insights {
                compare.qualifiers = renamed_qualifiers(old, new);
            }
            compare.value(place, Some(old.root()), Some(new.root()));
            return found.absorb(compare.found);
        };
        let recipes = Recipes::of(was, is, |old, new| self.world.is_same_connector(old, new));
        let labels = recipes.labels();
        let (old_values, new_values) =
            (Values::with_pills(old, &labels.0), Values::with_pills(new, &labels.1));
        let mut compare = Compare::new(
            Side { doc: old, values: &old_values, path: paths.0 },
            Side { doc: new, values: &new_values, path: paths.1 },
            self.world,
        );
        compare.details = self.details;
        compare.recipes = Some(&recipes);
        compare.recipe(&recipes);
        let all = compare.found;
        steps.extend(all.subjects().filter_map(|subject| Some((subject, recipes.step_ref(subject)?))));
        found.absorb(all);
    }
}

/// Returns what an asset is called, unless it is called by what is not to be shown.
pub(super) fn named(name: &str) -> String {
    told(name).to_owned()
}

pub(super) fn extension(path: &PackagePath) -> &str {
    path.file_name().rsplit_once('.').map_or("", |(_, end)| end)
}

/// Returns the page in a page's zip, if there is nothing else in it.
fn inner_page(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut files = page::files(bytes)?;
    let (name, content) = files.pop()?;
    (files.is_empty() && name == b"page.json").then_some(content)
}

/// Tells of a file as lines of text, or by its size.
pub(super) fn whole_file((was, old): Part<'_>, (is, new): Part<'_>) -> Change {
    let name = is.or(was).map_or("", PackagePath::file_name);
    let text = |path: Option<&PackagePath>, bytes: Option<&[u8]>| match path.zip(bytes) {
        Some((path, bytes)) => String::from_utf8(shown(path, bytes)).ok().filter(|text| !text.contains('\0')),
        None => Some(String::new()),
    };
    let op = match (old, new) {
        (None, _) => Op::Add,
        (_, None) => Op::Remove,
        _ => Op::Replace,
    };
    let (what, old_text, new_text) = match (text(was, old), text(is, new)) {
        (Some(old), Some(new)) => (What::Text, None, Some(lines(&old, &new))),
        _ => (What::Binary, old.map(size), new.map(size)),
    };
    let sides = (old.is_some(), new.is_some());
    whole(op, what, crate::review::printable::line(name), sides, (old_text, new_text))
}

/// Returns a change of a file as a whole, given on which sides it is.
pub(super) fn whole(
    op: Op,
    what: What,
    field: String,
    (is_old, is_new): (bool, bool),
    (old_text, new_text): (Option<String>, Option<String>),
) -> Change {
    Change {
        op,
        what,
        field,
        step: None,
        old_pointer: is_old.then(String::new),
        new_pointer: is_new.then(String::new),
        more_pointers: Vec::new(),
        old: None,
        new: None,
        old_text,
        new_text,
        outline: Vec::new(),
        inside: 0,
    }
}

/// Returns how two texts differ whose lines with secrets are left out; that these differ is still told.
fn lines(old: &str, new: &str) -> String {
    let told = unified(old, new);
    if told.is_empty() { format!("@@ {HIDDEN} @@\n") } else { told }
}

/// Returns how large a file is, and by what it is known.
fn size(bytes: &[u8]) -> String {
    let hash = blake3::hash(bytes).to_hex();
    format!("{} bytes, {}", bytes.len(), &hash.as_str()[..12])
}
