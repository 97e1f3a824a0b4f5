//! Compares the connectors that a recipe lists: entries by connector, and what only follows from the steps is folded.

use std::collections::{BTreeSet, HashMap};

use super::engine::{Compare, Member, Side};
use super::found::Subject;
use super::recipe::Recipes;
use super::tell::written_content;
use crate::asset::aside::is_aside;
use crate::asset::compare::Level;
use crate::asset::fields::Place;
use crate::asset::json::{Doc, Node, Tag};
use crate::asset::reference::Reference;
use crate::review::change::{Change, FoldKind, Op, What};
use crate::review::lists::increasing;
use crate::review::names;
use crate::review::printable::line;
use crate::review::recipe::{Recipe, string};
use crate::review::value::reference_text;

/// Where connections are told: after the settings of the recipe.
const AFTER_SETTINGS: (usize, usize, usize) = (0, 9, 0);

impl Compare<'_> {
    /// Compares the lists of connectors.
    pub(super) fn config(&mut self, recipes: &Recipes<'_>, member: &Member<'_>) {
        self.what = What::Config;
        self.order = AFTER_SETTINGS;
        let (Some(old), Some(new)) = (member.old, member.new) else {
            return self.member(Place::Recipe, member, (self.old.doc.root(), self.new.doc.root()));
        };
        let (Some(was), Some(is)) = (entries(self.old.doc, old), entries(self.new.doc, new)) else {
            return self.member(Place::Recipe, member, (self.old.doc.root(), self.new.doc.root()));
        };
        let places: HashMap<&str, usize> =
            is.iter().enumerate().map(|(at, (name, _))| (name.as_str(), at)).collect();
        let mut pairs = Vec::new();
        for (at, (name, _)) in was.iter().enumerate() {
            let now = |(from, to): &(String, String)| {
                (from == name).then(|| places.get(to.as_str()).copied()).flatten()
            };
            let other = || self.world.generations.iter().chain(&recipes.replaced).find_map(now);
            pairs.extend(places.get(name.as_str()).copied().or_else(other).map(|place| (at, place)));
        }
        let taken: BTreeSet<usize> = pairs.iter().map(|(_, place)| *place).collect();
        if taken.len() < pairs.len() {
            // Two connectors became one: nothing follows from anything.
            return self.member(Place::Recipe, member, (self.old.doc.root(), self.new.doc.root()));
        }
        let titles = Titles::of(&was, &is, |old, new| self.world.is_same_connector(old, new));
        let mark = self.at.mark();
        self.at.pointer_member("config");
        for (old, new) in &pairs {
            self.entry((recipes, &titles), (*old, *new), (&was[*old], &is[*new]));
        }
        let kept: BTreeSet<usize> = pairs.iter().map(|(at, _)| *at).collect();
        let used = (used(&recipes.old), used(&recipes.new));
        for (at, (name, node)) in was.iter().enumerate().filter(|(at, _)| !kept.contains(at)) {
            let follows = used.0.contains(name) && !used.1.contains(name);
            self.came_or_went_entry(&titles, Op::Remove, at, (name.as_str(), *node), follows);
        }
        for (at, (name, node)) in is.iter().enumerate().filter(|(at, _)| !taken.contains(at)) {
            let follows = used.1.contains(name) && !used.0.contains(name);
            self.came_or_went_entry(&titles, Op::Add, at, (name.as_str(), *node), follows);
        }
        let order: Vec<usize> = pairs.iter().map(|(_, place)| *place).collect();
        if increasing(&order).contains(&false) {
            self.at.field.push_str("config");
            self.fold(FoldKind::ConnectorListOrder, Some(old), Some(new));
        }
        self.at.back(mark);
    }

    /// Tells of the connections of a recipe that came or went.
    pub(super) fn whole_config(&mut self, recipe: &Recipe<'_, '_>, op: Op, list: Node, member: &Member<'_>) {
        self.what = What::Config;
        self.order = AFTER_SETTINGS;
        let side = if op == Op::Remove { self.old } else { self.new };
        let Some(listed) = entries(side.doc, list) else {
            return self.member(Place::Recipe, member, (self.old.doc.root(), self.new.doc.root()));
        };
        let (titles, used) = (Titles::of(&listed, &[], |_, _| false), used(recipe));
        let mark = self.at.mark();
        self.at.pointer_member("config");
        for (at, (name, node)) in listed.iter().enumerate() {
            self.came_or_went_entry(&titles, op, at, (name.as_str(), *node), used.contains(name));
        }
        self.at.back(mark);
    }

    /// Compares two entries of one connector.
    fn entry(
        &mut self,
        (recipes, titles): (&Recipes<'_>, &Titles),
        places: (usize, usize),
        ((was, old), (is, new)): (&(String, Node), &(String, Node)),
    ) {
        let mark = self.at.mark();
        self.at.place(Some(places.0), Some(places.1));
        let connector = titles.title(is);
        for member in self.members(*old, *new) {
            let inner = self.at.mark();
            match member.text.as_ref() {
                "provider" if was != is => {
                    self.at.member("config");
                    self.at.back(inner);
                    self.at.pointer_member("provider");
                    self.at.field.push_str("config");
                    let replaced = recipes.is_replaced(was, is);
                    let kind = if replaced { FoldKind::ConnectorReplaced } else { FoldKind::ConnectorId };
                    self.fold(kind, member.old, member.new);
                }
                "provider" => {}
                "account_id" => self.account(&connector, &member, (*old, *new)),
                key => {
                    self.what = What::Config;
                    self.at.field.clear();
                    let from = self.at.clone();
                    self.setting(key, &connector, &member, (*old, *new));
                    self.at = from;
                }
            }
            self.at.back(inner);
        }
        self.at.back(mark);
    }

    /// Compares a setting of an entry, told as `KEY of CONNECTOR`.
    fn setting(&mut self, key: &str, connector: &str, member: &Member<'_>, objects: (Node, Node)) {
        if let (Some(old), Some(new)) = (member.old, member.new)
            && crate::review::values::equal(
                crate::review::values::At::new(self.old.doc, old),
                crate::review::values::At::new(self.new.doc, new),
            )
        {
            return;
        }
        self.at.pointer_member(key);
        self.at.field =
            line(&format!("{} of {connector}", if key == "account_id" { "connection" } else { key }));
        self.row(Place::ConfigEntry.member(&member.key), member, objects);
    }

    /// Compares the connections of one connector.
    fn account(&mut self, connector: &str, member: &Member<'_>, objects: (Node, Node)) {
        self.what = What::Connection;
        let from = self.at.clone();
        self.setting("account_id", connector, member, objects);
        self.at = from;
        self.what = What::Config;
    }

    /// Tells of an entry that came or went, or folds it where it follows from the steps.
    fn came_or_went_entry(
        &mut self,
        titles: &Titles,
        op: Op,
        at: usize,
        (name, node): (&str, Node),
        follows: bool,
    ) {
        let side = if op == Op::Remove { self.old } else { self.new };
        let mark = self.at.mark();
        self.at.place((op == Op::Remove).then_some(at), (op == Op::Add).then_some(at));
        let nodes = if op == Op::Remove { (Some(node), None) } else { (None, Some(node)) };
        if follows && is_plain(&side, node) {
            self.at.field.push_str("config");
            self.fold(FoldKind::ConnectorList, nodes.0, nodes.1);
        } else {
            let connector = titles.title(name);
            let account = side.doc.get(node, "account_id");
            let account = account.and_then(|account| Reference::read(side.doc, account, true));
            self.what = if account.is_some() { What::Connection } else { What::Config };
            let word = if account.is_some() { "connection" } else { "entry" };
            self.at.field = format!("{word} of {connector}");
            let text = self.entry_text(&side, node, account.as_ref());
            match op {
                Op::Remove => self.tell_as(op, nodes.0, nodes.1, Some(text), None),
                _ => self.tell_as(op, nodes.0, nodes.1, None, Some(text)),
            }
            self.what = What::Config;
        }
        self.at.back(mark);
        self.at.field.clear();
    }

    /// Returns an entry in words, or as it is if there is more to it than a connection.
    fn entry_text(&self, side: &Side<'_>, node: Node, account: Option<&Reference>) -> String {
        let is_more = side.doc.members(node).any(|(key, value)| {
            let row = Place::ConfigEntry.member(&side.doc.decoded(key));
            !matches!(side.doc.raw(key), "provider" | "account_id" | "keyword")
                && !is_aside(Level::Meaning, row, side.doc, node, value)
        });
        match account {
            Some(account) if !is_more => reference_text(account),
            _ => super::tell::words(side, "", node),
        }
    }

    /// Tells of connectors that were replaced by others.
    pub(super) fn replaced(&mut self, recipes: &Recipes<'_>) {
        for (was, is) in &recipes.replaced {
            let steps = recipes.old.steps.iter().filter(|step| step.provider.as_deref() == Some(was));
            let pairs: Vec<(usize, usize)> =
                steps.filter_map(|step| Some((step.number, recipes.matching.to_new[step.number]?))).collect();
            let Some((first, rest)) = pairs.split_first() else { continue };
            self.what = What::Connector;
            self.subject = Subject::Whole;
            let new_pointer = |number: usize| recipes.new.pointer(number) + "/provider";
            let mut numbers: Vec<usize> = pairs.iter().map(|(_, new)| *new).collect();
            numbers.sort_unstable();
            let change = Change {
                field: format!("connector of {}", crate::review::lines::steps(&numbers)),
                old_pointer: Some(recipes.old.pointer(first.0) + "/provider"),
                new_pointer: Some(new_pointer(first.1)),
                more_pointers: rest.iter().map(|(_, new)| new_pointer(*new)).collect(),
                old: Some(written_content(quoted(was))),
                new: Some(written_content(quoted(is))),
                old_text: Some(line(was)),
                new_text: Some(line(is)),
                ..self.blank(Op::Replace, true, true)
            };
            self.found.change(AFTER_SETTINGS, change);
        }
    }
}

/// What the listed connectors are called.
struct Titles {
    /// Those titles that several connectors of one version have, or different ones of both.
    doubled: BTreeSet<String>,
}

impl Titles {
    fn of(was: &[(String, Node)], is: &[(String, Node)], is_same: impl Fn(&str, &str) -> bool) -> Self {
        let mut first: HashMap<String, &str> = HashMap::new();
        let mut doubled = BTreeSet::new();
        for (provider, _) in was.iter().chain(is) {
            let title = names::connector(provider).into_owned();
            let known = *first.entry(title.clone()).or_insert(provider);
            if known != provider && !is_same(known, provider) {
                doubled.insert(title);
            }
        }
        Self { doubled }
    }

    /// Returns what a connector is called, with its technical name where another one is called the same.
    fn title(&self, provider: &str) -> String {
        let title = names::connector(provider).into_owned();
        if self.doubled.contains(&title) { format!("{title} ({})", line(provider)) } else { title }
    }
}

/// Returns the entries by connector, if each is an object with a connector of its own.
fn entries(doc: &Doc<'_>, list: Node) -> Option<Vec<(String, Node)>> {
    if doc.tag(list) != Tag::Array {
        return None;
    }
    let mut seen = BTreeSet::new();
    let entries = doc.items(list).map(|entry| {
        let name = string(doc, entry, "provider")?.into_owned();
        seen.insert(name.clone()).then_some((name, entry))
    });
    entries.collect()
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text can always be written")
}

fn used(recipe: &Recipe<'_, '_>) -> BTreeSet<String> {
    recipe.steps.iter().filter_map(|step| step.provider.as_deref().map(str::to_owned)).collect()
}

/// Returns whether an entry says no more than that some step uses a connector.
fn is_plain(side: &Side<'_>, entry: Node) -> bool {
    side.doc.members(entry).all(|(key, value)| {
        let row = Place::ConfigEntry.member(&side.doc.decoded(key));
        match side.doc.raw(key) {
            "provider" => true,
            "keyword" => side.doc.text(value).is_some_and(|keyword| keyword == "application"),
            _ => is_aside(Level::Meaning, row, side.doc, entry, value),
        }
    })
}
