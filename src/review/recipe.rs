//! A recipe as a tree of steps: what is needed to number, to match and to show them.
//!
//! It reads structure alone. Where a file has none of a recipe (a list as `code`, a block that is no list of objects) it
//! says so, and the file is to be read as any other JSON; all else that is missing or odd is simply not there.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::asset::fields::is_control;
use crate::asset::json::{Doc, Node, Tag};

/// Why a JSON text does not read as a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRecipe {
    /// The outermost value is no object.
    #[error("it is no object")]
    NoObject,
    /// There is no `code`.
    #[error("it has no code")]
    NoCode,
    /// `code` is something else, such as a list.
    #[error("its code is no object")]
    OddCode,
    /// A `block` is not a list of objects.
    #[error("a block is no list of steps")]
    OddBlock,
    /// `config` is not a list.
    #[error("its config is no list")]
    OddConfig,
}

/// A recipe over its parsed file.
pub struct Recipe<'d, 'a> {
    /// The file.
    pub doc: &'d Doc<'a>,
    /// The steps in pre-order, the trigger first: a step's place here is its number.
    pub steps: Vec<Step<'a>>,
    /// The entries of `config`, in their order; what is no object is among them.
    pub config: Vec<Node>,
    aliases: HashMap<Cow<'a, str>, usize>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'a> {
    /// The step's object.
    pub node: Node,
    /// Its number: how many steps come before it. What the file says is not looked at.
    pub number: usize,
    /// How many steps it is inside of: 0 for the trigger.
    pub depth: usize,
    /// The number of the step it is inside of; none for the trigger.
    pub parent: Option<usize>,
    /// Which of its parent's children it is, from 0.
    pub place: usize,
    /// The numbers of the steps directly inside.
    pub children: Vec<usize>,
    /// The number behind the last step inside, at any depth.
    pub end: usize,
    /// Its keyword; empty where there is none.
    pub keyword: Cow<'a, str>,
    /// Its connector; none where control flow only repeats its keyword.
    pub provider: Option<Cow<'a, str>>,
    /// Its operation; none where control flow only repeats its keyword.
    pub name: Option<Cow<'a, str>>,
    /// The name by which pills know it (`as`).
    pub alias: Option<Cow<'a, str>>,
    /// Its `uuid`.
    pub uuid: Option<Cow<'a, str>>,
}

impl Step<'_> {
    /// Returns whether it is the trigger.
    #[must_use]
    pub const fn is_trigger(&self) -> bool {
        self.number == 0
    }

    /// Returns what pills call the step's connector: for control flow its keyword.
    #[must_use]
    pub fn pill_provider(&self) -> &str {
        self.provider.as_deref().unwrap_or(&self.keyword)
    }
}

impl<'d, 'a> Recipe<'d, 'a> {
    /// Reads the steps, in linear time and without recursion.
    ///
    /// # Errors
    /// When it has not the structure of a recipe.
    pub fn read(doc: &'d Doc<'a>) -> Result<Self, NoRecipe> {
        let root = doc.root();
        if doc.tag(root) != Tag::Object {
            return Err(NoRecipe::NoObject);
        }
        let code = doc.get(root, "code").ok_or(NoRecipe::NoCode)?;
        if doc.tag(code) != Tag::Object {
            return Err(NoRecipe::OddCode);
        }
        let config = match doc.get(root, "config") {
            Some(config) if doc.tag(config) == Tag::Array => doc.items(config).collect(),
            Some(_) => return Err(NoRecipe::OddConfig),
            None => Vec::new(),
        };
        let steps = steps(doc, code)?;
        let mut aliases = HashMap::with_capacity(steps.len());
        for step in &steps {
            if let Some(alias) = &step.alias {
                aliases.entry(alias.clone()).or_insert(step.number);
            }
        }
        Ok(Self { doc, steps, config, aliases })
    }

    /// Returns the step that pills mean by an alias: of several the first.
    #[must_use]
    pub fn by_alias(&self, alias: &str) -> Option<&Step<'a>> {
        self.aliases.get(alias).map(|number| &self.steps[*number])
    }

    /// Returns a step's place in the file, as a JSON pointer.
    #[must_use]
    pub fn pointer(&self, number: usize) -> String {
        let mut places = Vec::new();
        let mut step = &self.steps[number];
        while let Some(parent) = step.parent {
            places.push(step.place);
            step = &self.steps[parent];
        }
        let mut pointer = "/code".to_owned();
        for place in places.iter().rev() {
            pointer.push_str("/block/");
            pointer.push_str(&place.to_string());
        }
        pointer
    }
}

/// Returns the text of an object's member, if it is a string.
#[must_use]
pub fn string<'a>(doc: &Doc<'a>, object: Node, key: &str) -> Option<Cow<'a, str>> {
    let value = doc.get(object, key).filter(|value| doc.tag(*value) == Tag::String)?;
    doc.text(value)
}

/// Returns the items of a list of objects; an empty one for what is as good as no list.
fn objects(doc: &Doc<'_>, list: Node) -> Option<Vec<Node>> {
    match doc.tag(list) {
        Tag::Null => Some(Vec::new()),
        Tag::Array => doc.items(list).map(|item| (doc.tag(item) == Tag::Object).then_some(item)).collect(),
        _ => None,
    }
}

fn steps<'a>(doc: &Doc<'a>, code: Node) -> Result<Vec<Step<'a>>, NoRecipe> {
    let mut steps: Vec<Step<'a>> = Vec::new();
    // What is still to be read, the next one last: a step's object, its parent and its place there.
    let mut waiting = vec![(code, None, 0)];
    while let Some((node, parent, place)) = waiting.pop() {
        let number = steps.len();
        let depth = parent.map_or(0, |parent: usize| steps[parent].depth + 1);
        if let Some(parent) = parent {
            steps[parent].children.push(number);
        }
        steps.push(step(doc, node, number, depth, parent, place));
        if let Some(block) = doc.get(node, "block") {
            let inside = objects(doc, block).ok_or(NoRecipe::OddBlock)?;
            let inside = inside.into_iter().enumerate();
            waiting.extend(inside.rev().map(|(place, node)| (node, Some(number), place)));
        }
    }
    for number in (0..steps.len()).rev() {
        steps[number].end = steps[number].end.max(number + 1);
        if let Some(parent) = steps[number].parent {
            steps[parent].end = steps[parent].end.max(steps[number].end);
        }
    }
    Ok(steps)
}

fn step<'a>(
    doc: &Doc<'a>,
    node: Node,
    number: usize,
    depth: usize,
    parent: Option<usize>,
    place: usize,
) -> Step<'a> {
    let keyword = string(doc, node, "keyword").unwrap_or_default();
    // An import drops from control flow what only repeats the keyword.
    let telling = |text: &Cow<'_, str>| !(is_control(&keyword) && (text.is_empty() || *text == keyword));
    let provider = string(doc, node, "provider").filter(telling);
    let name = string(doc, node, "name").filter(telling);
    let alias = string(doc, node, "as");
    let uuid = string(doc, node, "uuid");
    Step {
        node,
        number,
        depth,
        parent,
        place,
        children: Vec::new(),
        end: 0,
        keyword,
        provider,
        name,
        alias,
        uuid,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn told(json: &str) -> String {
        let doc = Doc::parse(json.as_bytes()).unwrap();
        let recipe = match Recipe::read(&doc) {
            Ok(recipe) => recipe,
            Err(why) => return why.to_string(),
        };
        let mut told = String::new();
        for step in &recipe.steps {
            let _ = writeln!(
                told,
                "{}{}-{} {} {:?} {:?} {:?} {}",
                "  ".repeat(step.depth),
                step.number,
                step.end,
                step.keyword,
                step.provider,
                step.alias,
                step.children,
                recipe.pointer(step.number)
            );
        }
        told
    }

    #[test]
    fn steps_are_numbered_in_pre_order_whatever_the_file_says() {
        let recipe = r#"{"code": {"keyword": "trigger", "provider": "clock", "as": "t", "number": 7, "block": [
            {"keyword": "if", "provider": "if", "block": [{"keyword": "action", "provider": "x", "as": "a"}, {"keyword": "else", "block": []}]},
            {"keyword": "action", "provider": "y", "as": "a", "number": "x", "uuid": 1},
            {"block": null}
        ]}}"#;
        insta::assert_snapshot!(told(recipe), @r#"
            0-6 trigger Some("clock") Some("t") [1, 4, 5] /code
              1-4 if None None [2, 3] /code/block/0
                2-3 action Some("x") Some("a") [] /code/block/0/block/0
                3-4 else None None [] /code/block/0/block/1
              4-5 action Some("y") Some("a") [] /code/block/1
              5-6  None None [] /code/block/2
            "#);
        let doc = Doc::parse(recipe.as_bytes()).unwrap();
        let recipe = Recipe::read(&doc).unwrap();
        assert_eq!(recipe.by_alias("a").unwrap().number, 2);
        assert!(recipe.by_alias("b").is_none());
    }

    #[test]
    fn what_has_no_steps_is_no_recipe() {
        for (json, why) in [
            ("[]", "it is no object"),
            ("{}", "it has no code"),
            (r#"{"code": []}"#, "its code is no object"),
            (r#"{"code": "{}"}"#, "its code is no object"),
            (r#"{"code": {"block": {}}}"#, "a block is no list of steps"),
            (r#"{"code": {"block": [{"block": [1]}]}}"#, "a block is no list of steps"),
            (r#"{"code": {}, "config": {}}"#, "its config is no list"),
        ] {
            assert_eq!(told(json), why, "{json}");
        }
    }

    #[test]
    fn the_deepest_recipe_that_parses_is_read() {
        let levels = 250;
        let json = format!(r#"{{"code": {}{{}}{}}}"#, r#"{"block": ["#.repeat(levels), "]}".repeat(levels));
        let doc = Doc::parse(json.as_bytes()).unwrap();
        let recipe = Recipe::read(&doc).unwrap();
        assert_eq!((recipe.steps.len(), recipe.steps[levels].depth, recipe.steps[0].end), (251, levels, 251));
    }
}
