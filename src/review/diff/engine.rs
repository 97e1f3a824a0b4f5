//! Compares two values of one kind of asset: what differs is told, folded or volatile, each in one entry.
//!
//! The classes are those of `asset::fields`. A comparison goes down both values at once and ends wherever they are equal,
//! so its time is linear in their size. Nothing here knows steps.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

use super::found::{Counts, Found, Pointers, Subject};
use super::place::Location;
use super::recipe::Recipes;
use super::tell::content;
use super::world::World;
use crate::asset::aside::is_aside;
use crate::asset::compare::Level;
use crate::asset::fields::{Class, Place, Row};
use crate::asset::json::{Doc, Node, Tag};
use crate::asset::reference::Reference;
use crate::review::change::{FoldKind, Op, Volatile, What};
use crate::review::names::slug;
use crate::review::value::Values;
use crate::review::values::{At, equal};

/// How deep the values are looked into; what differs further down is told as a whole. Real files nest 26 deep.
pub(super) const MAX_LEVELS: usize = 100;

/// One side of a comparison.
#[derive(Clone, Copy)]
pub(super) struct Side<'c> {
    pub(super) doc: &'c Doc<'c>,
    /// How its values read.
    pub(super) values: &'c Values<'c, 'c, 'c>,
    /// The path of the file.
    pub(super) path: &'c str,
}

impl Side<'_> {
    fn at(&self, node: Node) -> At<'_, '_> {
        At::new(self.doc, node)
    }
}

/// A comparison of two files under way.
pub(super) struct Compare<'c> {
    pub(super) old: Side<'c>,
    pub(super) new: Side<'c>,
    pub(super) world: &'c World,
    /// The steps, if the files are recipes.
    pub(super) recipes: Option<&'c Recipes<'c>>,
    /// The new names of an insights query's generated ones.
    pub(super) qualifiers: HashMap<Vec<u8>, Vec<u8>>,
    /// Whether the values behind folds are to be told as well.
    pub(super) details: bool,
    pub(super) found: Found,
    pub(super) at: Location,
    /// The nearest key above.
    pub(super) name: String,
    /// The name that the value stands beside in each version, by which secrets are known.
    pub(super) beside: (String, String),
    pub(super) what: What,
    pub(super) subject: Subject,
    /// Where the step is told.
    pub(super) order: (usize, usize, usize),
    pub(super) level: usize,
}

/// A member of one object or of two.
pub(super) struct Member<'c> {
    pub(super) key: Cow<'c, [u8]>,
    pub(super) text: Cow<'c, str>,
    pub(super) old: Option<Node>,
    pub(super) new: Option<Node>,
}

impl<'c> Compare<'c> {
    pub(super) fn new(old: Side<'c>, new: Side<'c>, world: &'c World) -> Self {
        Self {
            old,
            new,
            world,
            recipes: None,
            qualifiers: HashMap::new(),
            details: false,
            found: Found::default(),
            at: Location::default(),
            name: String::new(),
            beside: (String::new(), String::new()),
            what: What::Field,
            subject: Subject::Whole,
            order: (0, 0, 0),
            level: 0,
        }
    }

    /// Starts a comparison of parts of the same files that finds its own things.
    pub(super) fn apart(&self, old: Side<'c>, new: Side<'c>) -> Self {
        Self {
            recipes: self.recipes,
            details: self.details,
            at: self.at.clone(),
            name: self.name.clone(),
            beside: self.beside.clone(),
            what: self.what,
            subject: self.subject,
            order: self.order,
            level: self.level,
            ..Self::new(old, new, self.world)
        }
    }

    /// Compares two values of which one may be absent.
    pub(super) fn value(&mut self, place: Place, old: Option<Node>, new: Option<Node>) {
        match (old, new) {
            (Some(old), Some(new)) if equal(self.old.at(old), self.new.at(new)) => {}
            (Some(old), Some(new)) => self.both(place, old, new),
            (Some(old), None) => self.whole(Op::Remove, old),
            (None, Some(new)) => self.whole(Op::Add, new),
            (None, None) => {}
        }
    }

    /// Compares the members of two objects.
    pub(super) fn object(&mut self, place: Place, old: Node, new: Node) {
        for member in self.members(old, new) {
            self.member(place, &member, (old, new));
        }
    }

    /// Compares a member of two objects.
    pub(super) fn member(&mut self, place: Place, member: &Member<'_>, objects: (Node, Node)) {
        if let (Some(old), Some(new)) = (member.old, member.new)
            && equal(self.old.at(old), self.new.at(new))
        {
            return;
        }
        let mark = self.at.mark();
        self.at.member(&member.text);
        let name = std::mem::replace(&mut self.name, member.text.clone().into_owned());
        self.row(place.member(&member.key), member, objects);
        self.name = name;
        self.at.back(mark);
    }

    /// Compares a member by its row of the table.
    pub(super) fn row(&mut self, row: Row, member: &Member<'_>, objects: (Node, Node)) {
        let name =
            |side: &Side<'_>, object| side.values.beside.member(side.doc, object, &member.text).into_owned();
        let beside = (name(&self.old, objects.0), name(&self.new, objects.1));
        let above = std::mem::replace(&mut self.beside, beside);
        let is_aside = |level| {
            let aside = |side: &Side<'_>, object, value: Option<Node>| {
                value.is_none_or(|value| is_aside(level, row, side.doc, object, value))
            };
            aside(&self.old, objects.0, member.old) && aside(&self.new, objects.1, member.new)
        };
        if is_aside(Level::Content) {
            match row.class {
                Class::Volatile => self.volatile(member.old, member.new),
                _ => self.fold(FoldKind::EmptyDefault, member.old, member.new),
            }
        } else if is_aside(Level::Meaning) {
            let kind = match row.class {
                Class::Derived(fold) => FoldKind::from(fold),
                Class::CopyOfProvider => FoldKind::ConnectorList,
                _ if member.key.as_ref() == b"title" => FoldKind::GeneratedTitle,
                _ => FoldKind::GeneratedDescription,
            };
            self.fold(kind, member.old, member.new);
        } else {
            self.value(row.inside, member.old, member.new);
        }
        self.beside = above;
    }

    fn both(&mut self, place: Place, old: Node, new: Node) {
        let (old_tag, new_tag) = (self.old.doc.tag(old), self.new.doc.tag(new));
        let (was, is) = (place.holding(old_tag), place.holding(new_tag));
        let place = if was == is { is } else { Place::Other };
        if self.level >= MAX_LEVELS {
            return self.tell(Op::Replace, Some(old), Some(new));
        }
        self.level += 1;
        match (old_tag, new_tag) {
            _ if was == Place::ConnectionProvider && is == was && self.is_one_connector(old, new) => {
                self.fold(FoldKind::ReferenceSpelling, Some(old), Some(new));
            }
            (Tag::Object, Tag::Object) if place != Place::Plain && self.reference(place, old, new) => {}
            (Tag::Object, Tag::Object) if place == Place::Condition => self.condition(old, new),
            (Tag::Object, Tag::Object) => self.object(place, old, new),
            (Tag::Array, Tag::Array) => self.list(place, old, new),
            (Tag::String, Tag::String) => self.text(place, old, new),
            _ => self.tell(Op::Replace, Some(old), Some(new)),
        }
        self.level -= 1;
    }

    /// Compares two references; false says that the objects are no references both.
    fn reference(&mut self, place: Place, old: Node, new: Node) -> bool {
        let expected = place == Place::Account;
        let was = Reference::read(self.old.doc, old, expected);
        let is = Reference::read(self.new.doc, new, expected);
        let (Some(was), Some(is)) = (was, is) else { return false };
        // Everywhere else a reference gets or loses its file with an import; a connection's names the connector by it.
        let may_be_absent =
            place != Place::ConnectionProvider && (was.target.is_none() || is.target.is_none());
        let same_file = may_be_absent || was.target == is.target;
        if same_file && (&was.name, &was.folder, &was.full_path) == (&is.name, &is.folder, &is.full_path) {
            self.fold(FoldKind::ReferenceSpelling, Some(old), Some(new));
        } else if self.world.follows(&was, &is, (self.old.path, self.new.path)) {
            self.fold(FoldKind::ReferenceFollows, Some(old), Some(new));
        } else {
            self.tell(Op::Replace, Some(old), Some(new));
        }
        true
    }

    /// Returns whether a name and a reference are of one custom connector.
    fn is_one_connector(&self, old: Node, new: Node) -> bool {
        let name = |side: &Side<'_>, node| {
            let text = side.doc.text(node)?;
            let slug = slug(&text);
            (slug.len() < text.len()).then(|| slug.trim_end_matches('_').to_owned())
        };
        let target =
            |side: &Side<'_>, node| Reference::read(side.doc, node, false)?.connector().map(str::to_owned);
        let pair = match (self.old.doc.tag(old), self.new.doc.tag(new)) {
            (Tag::Object, Tag::String) => (target(&self.old, old), name(&self.new, new)),
            (Tag::String, Tag::Object) => (name(&self.old, old), target(&self.new, new)),
            _ => return false,
        };
        pair.0.is_some() && pair.0 == pair.1
    }

    /// Folds what differs here.
    pub(super) fn fold(&mut self, kind: FoldKind, old: Option<Node>, new: Option<Node>) {
        let counts = match kind {
            FoldKind::Schema => schema(&self.old, old, &self.new, new),
            _ => Counts::default(),
        };
        let detail = (self.details || kind == FoldKind::Note).then(|| {
            let (was, is) = self.distinct_words(old, new);
            (self.at.field.clone(), was, is)
        });
        if let (FoldKind::ConnectorId, Some(old)) = (kind, old) {
            let text = self.old.doc.text(old).unwrap_or_default();
            for (at, (id, _)) in self.world.generations.iter().enumerate() {
                if text.contains(id.as_str()) {
                    *self.found.ids.entry(at).or_default() += 1;
                }
            }
        }
        let pointers = self.pointers(old.is_some(), new.is_some());
        let field = self.at.field.split(['.', '[']).next().unwrap_or_default().to_owned();
        self.found.fold(kind, self.subject, &field, pointers, counts, detail);
    }

    fn volatile(&mut self, old: Option<Node>, new: Option<Node>) {
        let Pointers { old: old_pointer, new: new_pointer } = self.pointers(old.is_some(), new.is_some());
        self.found.volatile(Volatile {
            field: self.at.field.clone(),
            old_pointer,
            new_pointer,
            old: old.map(|node| content(&self.old, &self.beside.0, node)),
            new: new.map(|node| content(&self.new, &self.beside.1, node)),
        });
    }

    /// Returns where this is, on the sides that have it.
    pub(super) fn pointers(&self, old: bool, new: bool) -> Pointers {
        Pointers { old: old.then(|| self.at.old.clone()), new: new.then(|| self.at.new.clone()) }
    }

    /// Returns the members of two objects by their keys.
    pub(super) fn members(&self, old: Node, new: Node) -> Vec<Member<'c>> {
        merged((self.old.doc, old), (self.new.doc, new))
    }
}

/// Returns the members of two objects by their keys, each key once.
fn merged<'c>((old, a): (&'c Doc<'c>, Node), (new, b): (&'c Doc<'c>, Node)) -> Vec<Member<'c>> {
    let text = |doc: &'c Doc<'c>, key| doc.text(key).unwrap_or(Cow::Borrowed(doc.raw(key)));
    let mut members = Vec::new();
    let (mut left, mut right) = (old.members(a).peekable(), new.members(b).peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return members,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((x, _)), Some((y, _))) => old.decoded(*x).cmp(&new.decoded(*y)),
        };
        let was = if order == Ordering::Greater { None } else { left.next() };
        let is = if order == Ordering::Less { None } else { right.next() };
        let (key, text) = match (was, is) {
            (Some((key, _)), _) => (old.decoded(key), text(old, key)),
            (None, Some((key, _))) => (new.decoded(key), text(new, key)),
            (None, None) => return members,
        };
        members.push(Member { key, text, old: was.map(|(_, value)| value), new: is.map(|(_, value)| value) });
    }
}

/// Counts the fields of schemas that are new, gone or different.
fn schema(old: &Side<'_>, was: Option<Node>, new: &Side<'_>, is: Option<Node>) -> Counts {
    let fields =
        |side: &Side<'_>, node: Option<Node>| node.map_or_else(HashMap::new, |node| fields(side.doc, node));
    let (was, is) = (fields(old, was), fields(new, is));
    let added = is.keys().filter(|field| !was.contains_key(*field)).count();
    let removed = was.keys().filter(|field| !is.contains_key(*field)).count();
    let changed =
        is.iter().filter(|(field, number)| was.get(*field).is_some_and(|was| was != *number)).count();
    (added, removed, changed)
}

/// Returns a number for what each field of a schema says of itself, by a number for where it is.
fn fields(doc: &Doc<'_>, list: Node) -> HashMap<u64, u64> {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut found = HashMap::new();
    let mut waiting = vec![(0_u64, list)];
    while let Some((above, list)) = waiting.pop() {
        for field in doc.items(list) {
            let mut hasher = DefaultHasher::new();
            let name = doc.get(field, "name").map(|name| doc.decoded(name));
            (above, name).hash(&mut hasher);
            let place = hasher.finish();
            let own = crate::review::values::number_without(At::new(doc, field), Some("properties"));
            found
                .entry(place)
                .and_modify(|number: &mut u64| *number = number.wrapping_add(own))
                .or_insert(own);
            waiting.extend(doc.get(field, "properties").map(|inside| (place, inside)));
        }
    }
    found
}
