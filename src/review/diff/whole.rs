//! Tells of an asset that came or went: all of it but what is derived, volatile or as good as absent.
//!
//! A recipe is told by its settings, its connections and the outline of its steps, any other JSON by its fields, text by
//! its lines. The name is in the asset's own line.

use super::engine::{Compare, Side};
use super::files::{Job, extension, named, whole_file};
use super::found::Found;
use super::pairing::{self, Asset};
use crate::asset::fields::Place;
use crate::asset::json::{Doc, Node, Tag};
use crate::asset::kind::Kind;
use crate::model::path::PackagePath;
use crate::review::change::{AssetChange, AssetDiff, Change, Op, Sameness, What};
use crate::review::recipe::Recipe;
use crate::review::render::Labels;
use crate::review::value::Values;

/// Returns what became of an asset without a name.
pub(super) fn asset(
    path: String,
    kind: Kind,
    change: AssetChange,
    headline: String,
    changes: Vec<Change>,
) -> AssetDiff {
    AssetDiff {
        path,
        old_path: None,
        kind,
        name: None,
        old_name: None,
        change: Some(change),
        sameness: Sameness::Different,
        headline,
        connector_ids: Vec::new(),
        changes,
        folded: Vec::new(),
        volatile: Vec::new(),
    }
}

impl Job<'_> {
    /// Tells of an asset that came or went.
    pub(super) fn one(&self, asset: &Asset, change: AssetChange) -> AssetDiff {
        let is_old = change == AssetChange::Removed;
        let (mut found, mut steps) = (Found::default(), None);
        let mut parts: Vec<&PackagePath> = asset.parts.iter().collect();
        parts.sort_by_key(|path| (extension(path) != "json", extension(path)));
        for path in parts {
            if let Some(bytes) = self.input.read(path, is_old) {
                steps = self.all_of(asset, (path, &bytes), is_old, &mut found).or(steps);
            }
        }
        let (mut changes, ..) = found.finish(|_| None);
        let name = pairing::name(self.input, asset, is_old);
        changes.retain(|change| name.is_none() || !is_name(change));
        let mut headline = change.word().to_owned();
        if let Some(steps) = steps.filter(|_| asset.kind == Kind::Recipe) {
            headline.push_str(&format!(", {steps} {}", if steps == 1 { "step" } else { "steps" }));
        }
        let name = name.as_deref().map(named);
        AssetDiff {
            name,
            ..self::asset(asset.main.to_string(), asset.kind.clone(), change, headline, changes)
        }
    }

    /// Tells of one file; of a recipe returns how many steps it has.
    fn all_of(
        &self,
        asset: &Asset,
        (path, bytes): (&PackagePath, &[u8]),
        is_old: bool,
        found: &mut Found,
    ) -> Option<usize> {
        let is_json = extension(path) == "json" || self.input.chosen.is_some();
        let doc = is_json.then(|| Doc::parse(bytes).ok()).flatten();
        let Some(doc) = doc.filter(|doc| doc.tag(doc.root()) == Tag::Object) else {
            let (nothing, all) = ((None, None), (Some(path), Some(bytes)));
            found.change((0, 0, 0), if is_old { whole_file(all, nothing) } else { whole_file(nothing, all) });
            return None;
        };
        let nothing = Doc::parse(b"{}").expect("it is an object");
        let no_values = Values::plain(&nothing);
        let no_side = Side { doc: &nothing, values: &no_values, path: "" };
        let place = Place::of(&asset.kind);
        let recipe = if place == Place::Recipe { Recipe::read(&doc).ok() } else { None };
        let labels = recipe.as_ref().map(Labels::numbered);
        let values = match &labels {
            Some(labels) => Values::with_pills(&doc, labels),
            None => Values::of(&asset.kind, &doc),
        };
        let side = Side { doc: &doc, values: &values, path: path.as_str() };
        let (old, new) = if is_old { (side, no_side) } else { (no_side, side) };
        let mut compare = Compare::new(old, new, self.world);
        match &recipe {
            Some(recipe) => compare.whole_recipe(recipe, if is_old { Op::Remove } else { Op::Add }),
            None => compare.object(place, old.doc.root(), new.doc.root()),
        }
        found.absorb(compare.found);
        recipe.map(|recipe| recipe.steps.len())
    }
}

impl Compare<'_> {
    /// Tells of a recipe that came or went.
    fn whole_recipe(&mut self, recipe: &Recipe<'_, '_>, op: Op) {
        let roots = (self.old.doc.root(), self.new.doc.root());
        for member in self.members(roots.0, roots.1) {
            let node: Option<Node> = member.old.or(member.new);
            match (member.text.as_ref(), node) {
                ("code", _) => {}
                ("config", Some(list)) => self.whole_config(recipe, op, list, &member),
                (key, _) => {
                    self.what = What::Recipe;
                    self.order = (0, super::recipe::rank(key), 0);
                    self.member(Place::Recipe, &member, roots);
                }
            }
        }
        self.whole_steps(recipe, op);
    }
}

/// Returns whether a change tells the name, which the asset's own line has.
fn is_name(change: &Change) -> bool {
    let pointer = change.old_pointer.as_deref().or(change.new_pointer.as_deref());
    change.what != What::Text && matches!(pointer, Some("/name" | "/title"))
}
