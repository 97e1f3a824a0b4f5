//! The edits of a made history, and what an export carries besides them.

use std::collections::BTreeMap;

use recipesync::model::path::PackagePath;
use serde_json::{Value, json};

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As exports are.
    Exported,
    /// With all keys in another order, and other escapes.
    OtherClient,
}

/// Somebody who edits recipes.
pub(super) struct Author {
    recipes: BTreeMap<PackagePath, Value>,
    /// Steps that can be put into any recipe.
    donors: Vec<Value>,
    /// How many ids were made up.
    ids: usize,
}

/// A way to edit a recipe: what it is called, and what it does, which says whether there was something to edit.
type Way = (&'static str, fn(&mut Author, &mut Value, usize) -> bool);

/// The ways in which a recipe is edited.
const WAYS: [Way; 10] = [
    ("an input", input),
    ("a step added", added),
    ("a step removed", removed),
    ("a comment", comment),
    ("steps changed places", swapped),
    ("an input", input),
    ("another connection", connection),
    ("another operation", operation),
    ("two steps into a new block", wrapped),
    ("another name", renamed),
];

impl Author {
    pub(super) fn of(files: &BTreeMap<PackagePath, Vec<u8>>) -> Self {
        let read =
            |(path, bytes): (&PackagePath, &Vec<u8>)| (path.clone(), serde_json::from_slice(bytes).unwrap());
        let recipes: BTreeMap<PackagePath, Value> = files.iter().map(read).collect();
        let mut donors = Vec::new();
        for recipe in recipes.values() {
            let places = places(recipe);
            let actions = places.iter().map(|at| recipe.pointer(at).unwrap());
            donors.extend(actions.filter(|step| is_action(step)).cloned());
        }
        Self { recipes, donors, ids: 0 }
    }

    /// Edits a recipe, and says how.
    pub(super) fn edit(&mut self, path: &PackagePath, number: usize) -> &'static str {
        let mut recipe = self.recipes[path].clone();
        // A recipe that has nothing to edit in this way is edited in the next.
        let way = (0..WAYS.len()).map(|more| WAYS[(number * 7 + number / 10 + more) % WAYS.len()]);
        let done = way.into_iter().find(|(_, edit)| edit(self, &mut recipe, number));
        renumber(&mut recipe["code"], &mut 0);
        recipe["version"] = json!(recipe["version"].as_u64().unwrap() + 1 + number as u64 % 4);
        self.recipes.insert(path.clone(), recipe);
        done.unwrap().0
    }

    /// Writes a recipe as the next export has it; of every third one schemas were refreshed.
    pub(super) fn export(&mut self, path: &PackagePath, number: usize) -> Vec<u8> {
        let recipe = self.recipes.get_mut(path).unwrap();
        if number.is_multiple_of(3) {
            let all = places(recipe);
            let step = recipe.pointer_mut(&all[number % all.len()]).unwrap();
            if let Some(fields) = step.get_mut("extended_output_schema").and_then(Value::as_array_mut) {
                let name = format!("field_{number}");
                fields.push(json!({"control_type": "text", "label": name, "name": name, "optional": true, "type": "string"}));
            }
        }
        written(recipe, Spelling::Exported).into_bytes()
    }

    /// Writes a recipe as it is after an import: with a larger version, other ids, and references written in full.
    pub(super) fn imported(&mut self, path: &PackagePath) -> Vec<u8> {
        let mut recipe = self.recipes[path].clone();
        recipe["version"] = json!(recipe["version"].as_u64().unwrap() + 1);
        for at in places(&recipe) {
            let id = self.id();
            recipe.pointer_mut(&at).unwrap()["uuid"] = json!(format!("{id}-aaaa-4bbb-8ccc-{id}0000"));
        }
        for entry in recipe["config"].as_array_mut().unwrap() {
            if let Some(account) = entry["account_id"].as_object_mut() {
                account.entry("folder").or_insert(json!(""));
            }
        }
        self.recipes.insert(path.clone(), recipe);
        written(&self.recipes[path], Spelling::Exported).into_bytes()
    }

    /// Writes all recipes.
    pub(super) fn all(&self, spelling: Spelling) -> BTreeMap<PackagePath, Vec<u8>> {
        let written =
            |(path, recipe): (&PackagePath, &Value)| (path.clone(), written(recipe, spelling).into_bytes());
        self.recipes.iter().map(written).collect()
    }

    fn id(&mut self) -> String {
        self.ids += 1;
        format!("{:08x}", 0x9e37_79b9_usize.wrapping_mul(self.ids) & 0xffff_ffff)
    }

    fn donor(&mut self, number: usize) -> Value {
        let mut step = self.donors[number * 31 % self.donors.len()].clone();
        step["as"] = json!(self.id());
        step["uuid"] = json!(format!("{}-1111-4222-8333-444444444444", self.id()));
        step
    }
}

fn is_action(step: &Value) -> bool {
    step["keyword"] == "action" && step.get("block").and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// Returns the pointers of all steps, in their order.
fn places(recipe: &Value) -> Vec<String> {
    fn walk(step: &Value, at: &str, found: &mut Vec<String>) {
        found.push(at.to_owned());
        for (number, child) in step["block"].as_array().into_iter().flatten().enumerate() {
            walk(child, &format!("{at}/block/{number}"), found);
        }
    }
    let mut found = Vec::new();
    walk(&recipe["code"], "/code", &mut found);
    found
}

fn renumber(step: &mut Value, next: &mut usize) {
    step["number"] = json!(*next);
    *next += 1;
    for child in step.get_mut("block").and_then(Value::as_array_mut).into_iter().flatten() {
        renumber(child, next);
    }
}

/// Returns the pointers of those actions that have another one behind them.
fn actions(recipe: &Value) -> Vec<String> {
    let is_action = |at: &String| is_action(recipe.pointer(at).unwrap());
    let next = |at: &String| {
        let (block, number) = at.rsplit_once('/').unwrap();
        format!("{block}/{}", number.parse::<usize>().unwrap() + 1)
    };
    let has_next = |at: &String| recipe.pointer(&next(at)).is_some_and(self::is_action);
    places(recipe).into_iter().filter(|at| is_action(at) && has_next(at)).collect()
}

/// Returns the block in which a step stands, and its place there.
fn block<'r>(recipe: &'r mut Value, at: &str) -> (&'r mut Vec<Value>, usize) {
    let (block, number) = at.rsplit_once('/').unwrap();
    (recipe.pointer_mut(block).unwrap().as_array_mut().unwrap(), number.parse().unwrap())
}

/// Picks one of some.
fn pick(all: &[String], number: usize) -> Option<&String> {
    all.get((number * 13 + 5) % all.len().max(1))
}

fn input(_: &mut Author, recipe: &mut Value, number: usize) -> bool {
    fn texts(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::String(text) if !text.starts_with(['[', '{']) => found.push(at.to_owned()),
            Value::Object(members) => {
                for (key, member) in members.iter().filter(|(key, _)| !key.contains(['~', '/'])) {
                    texts(member, &format!("{at}/{key}"), found);
                }
            }
            Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(number, item)| texts(item, &format!("{at}/{number}"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for at in places(recipe).iter().filter(|at| recipe.pointer(at).unwrap()["keyword"] == "action") {
        texts(&recipe.pointer(at).unwrap()["input"], &format!("{at}/input"), &mut found);
    }
    let Some(at) = pick(&found, number) else { return false };
    let value = recipe.pointer_mut(at).unwrap();
    *value = json!(format!("{} now", value.as_str().unwrap()));
    true
}

fn added(author: &mut Author, recipe: &mut Value, number: usize) -> bool {
    let Some(at) = pick(&actions(recipe), number).cloned() else { return false };
    let step = author.donor(number);
    let provider = step["provider"].clone();
    let (block, place) = block(recipe, &at);
    block.insert(place + 1, step);
    let config = recipe["config"].as_array_mut().unwrap();
    if config.iter().all(|entry| entry["provider"] != provider) {
        config.push(json!({"keyword": "application", "provider": provider, "skip_validation": false, "account_id": null}));
    }
    true
}

fn removed(_: &mut Author, recipe: &mut Value, number: usize) -> bool {
    let Some(at) = pick(&actions(recipe), number).cloned() else { return false };
    let (block, place) = block(recipe, &at);
    block.remove(place);
    true
}

fn comment(_: &mut Author, recipe: &mut Value, number: usize) -> bool {
    let all = places(recipe);
    let step = recipe.pointer_mut(pick(&all, number).unwrap()).unwrap();
    step["comment"] = json!(format!("Asked for by the desk, number {number}"));
    true
}

fn swapped(_: &mut Author, recipe: &mut Value, number: usize) -> bool {
    let Some(at) = pick(&actions(recipe), number).cloned() else { return false };
    let (block, place) = block(recipe, &at);
    block.swap(place, place + 1);
    true
}

fn connection(_: &mut Author, recipe: &mut Value, number: usize) -> bool {
    let entries = recipe["config"].as_array_mut().unwrap();
    let Some(entry) = entries.iter_mut().find(|entry| entry["account_id"].is_object()) else { return false };
    entry["account_id"]["name"] = json!(format!("Account {number}"));
    entry["account_id"]["zip_name"] = json!(format!("account_{number}.connection.json"));
    true
}

fn operation(author: &mut Author, recipe: &mut Value, number: usize) -> bool {
    let Some(at) = pick(&actions(recipe), number).cloned() else { return false };
    let (donor, step) = (author.donor(number), recipe.pointer_mut(&at).unwrap());
    for key in ["provider", "name", "input", "extended_input_schema", "extended_output_schema"] {
        step[key] = donor[key].clone();
    }
    true
}

fn wrapped(author: &mut Author, recipe: &mut Value, number: usize) -> bool {
    let Some(at) = pick(&actions(recipe), number).cloned() else { return false };
    let (name, uuid) = (author.id(), author.id());
    let (block, place) = block(recipe, &at);
    let inside: Vec<Value> = block.drain(place..=place + 1).collect();
    let conditions = json!([{"operand": "present", "lhs": "#{_('data.clock.t.a')}", "rhs": "", "uuid": format!("{uuid}-c")}]);
    block.insert(
        place,
        json!({"keyword": "if", "as": name, "uuid": uuid, "number": 0, "block": inside,
            "input": {"type": "compound", "operand": "and", "conditions": conditions}}),
    );
    true
}

fn renamed(_: &mut Author, recipe: &mut Value, number: usize) -> bool {
    recipe["name"] = json!(format!("{} {number}", recipe["name"].as_str().unwrap()));
    true
}

/// Writes JSON as exports have it: an empty list is two lines, and there is no line break at the end.
pub(super) fn written(value: &Value, spelling: Spelling) -> String {
    let mut out = String::new();
    write(value, spelling, 0, &mut out);
    if spelling == Spelling::OtherClient {
        out = out.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026") + "\n";
    }
    out
}

fn write(value: &Value, spelling: Spelling, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth + 1);
    let end = format!("\n{}", &indent[2..]);
    match value {
        Value::Array(items) => {
            out.push_str(if items.is_empty() { "[\n" } else { "[" });
            for (at, item) in items.iter().enumerate() {
                out.extend([if at > 0 { ",\n" } else { "\n" }, &indent]);
                write(item, spelling, depth + 1, out);
            }
            out.extend([&end, "]"]);
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            if spelling == Spelling::OtherClient {
                members.reverse();
            }
            out.push('{');
            for (at, (key, member)) in members.into_iter().enumerate() {
                out.extend([if at > 0 { ",\n" } else { "\n" }, &indent, &json!(key).to_string(), ": "]);
                write(member, spelling, depth + 1, out);
            }
            out.extend([&end, "}"]);
        }
        other => out.push_str(&other.to_string()),
    }
}
