//! Random edits of two people: nothing is lost, whatever they do at the same time.

use proptest::prelude::*;

use super::*;

/// What a person does; steps are named by their `uuid`, so that it can be done before and after what others do.
#[derive(Debug, Clone)]
enum Edit {
    Set(usize, &'static str, String),
    Comment(usize, String),
    Skip(usize),
    Add(usize, String),
    Remove(usize),
    Move(usize, usize),
    Operation(usize, String),
    Name(String),
    Connection(String),
    Refresh(usize, String),
}

fn uuid(step: usize) -> String {
    format!("u-{}", ["s1", "s2", "s3", "b1", "s4", "s5", "s6"][step])
}

/// Does something with a step and the list that it stands in; false where it is gone.
fn at(block: &mut Vec<Value>, uuid: &str, edit: &mut dyn FnMut(&mut Vec<Value>, usize)) -> bool {
    if let Some(place) = block.iter().position(|step| step["uuid"] == uuid) {
        edit(block, place);
        return true;
    }
    block.iter_mut().any(|step| {
        step.get_mut("block").and_then(Value::as_array_mut).is_some_and(|inside| at(inside, uuid, edit))
    })
}

/// Does an edit; false where what it is about is gone.
fn apply(recipe: &mut Value, edit: &Edit) -> bool {
    let mut on =
        |step: usize, edit: &mut dyn FnMut(&mut Vec<Value>, usize)| at(block_of(recipe), &uuid(step), edit);
    match edit {
        Edit::Set(step, key, value) => {
            on(*step, &mut |block, place| block[place]["input"][*key] = json!(value))
        }
        Edit::Comment(step, value) => on(*step, &mut |block, place| block[place]["comment"] = json!(value)),
        Edit::Skip(step) => on(*step, &mut |block, place| block[place]["skip"] = json!(true)),
        Edit::Add(after, name) => on(*after, &mut |block, place| block.insert(place + 1, step(name, name))),
        Edit::Remove(step) => on(*step, &mut |block, place| drop(block.remove(place))),
        Edit::Move(step, after) => {
            let (step, after) = (uuid(*step), uuid(*after));
            let before = recipe.clone();
            let mut moved = None;
            at(block_of(recipe), &step, &mut |block, place| moved = Some(block.remove(place)));
            let place = |moved: &Value, recipe: &mut Value| {
                at(block_of(recipe), &after, &mut |block, place| block.insert(place + 1, moved.clone()))
            };
            // A step that is put where it stands was not moved: done after what others did it would be.
            moved.is_some_and(|moved| place(&moved, recipe)) && *recipe != before
        }
        Edit::Operation(step, name) => on(*step, &mut |block, place| block[place]["name"] = json!(name)),
        Edit::Refresh(step, name) => {
            on(*step, &mut |block, place| block[place]["extended_output_schema"] = json!([{"name": name}]))
        }
        Edit::Name(name) => {
            recipe["name"] = json!(name);
            true
        }
        Edit::Connection(name) => {
            recipe["config"][1]["account_id"]["name"] = json!(name);
            true
        }
    }
}

/// Does edits one after the other; none where one of them cannot be done.
fn all(edits: &[&Vec<Edit>]) -> Option<Value> {
    let mut recipe = recipe();
    for edit in edits.iter().flat_map(|edits| edits.iter()) {
        if !apply(&mut recipe, edit) {
            return None;
        }
    }
    renumber(&mut recipe["code"], &mut 0);
    Some(recipe)
}

fn edits_of(side: &'static str) -> impl Strategy<Value = Edit> {
    let word = (0..1000_u32).prop_map(move |number| format!("{side}{number}"));
    (0..10_u8, 0..7_usize, 0..7_usize, word, prop::sample::select(vec!["message", "level", "new"])).prop_map(
        |(kind, step, after, word, key)| match kind {
            0 | 1 => Edit::Set(step, key, word),
            2 => Edit::Comment(step, word),
            3 => Edit::Skip(step),
            4 => Edit::Add(step, word),
            5 => Edit::Remove(step),
            6 => Edit::Operation(step, word),
            7 => Edit::Refresh(step, word),
            8 => Edit::Move(step, after),
            _ if step < 3 => Edit::Name(word),
            _ => Edit::Connection(word),
        },
    )
}

/// Returns the words of a side that a text holds.
fn words(text: &str, side: char) -> BTreeSet<String> {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric());
    parts
        .filter(|part| part.strip_prefix(side).is_some_and(|rest| rest.parse::<u32>().is_ok()))
        .map(str::to_owned)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost(
        ours in prop::collection::vec(edits_of("p"), 1..4),
        theirs in prop::collection::vec(edits_of("q"), 1..4),
    ) {
        let (Some(left), Some(right)) = (all(&[&ours]), all(&[&theirs])) else { return Ok(()) };
        let found = merged(&left, &right);
        let got = String::from_utf8(written(&found)).unwrap();
        // What each side wrote is there, in the file or between the markers; schemas give way.
        let is_refresh = |word: &String| {
            ours.iter().chain(&theirs).any(|edit| matches!(edit, Edit::Refresh(_, name) if name == word))
        };
        for (side, letter) in [(&left, 'p'), (&right, 'q')] {
            let missing: Vec<String> =
                words(&side.to_string(), letter).difference(&words(&got, letter)).filter(|word| !is_refresh(word)).cloned().collect();
            prop_assert!(missing.is_empty(), "lost {:?}: {:?}\n{}", missing, found.conflicts, got);
        }
        if !found.conflicts.is_empty() {
            prop_assert!(serde_json::from_str::<Value>(&got).is_err() || text(&left) == text(&right));
            return Ok(());
        }
        // A clean result is what comes of both scripts, whichever is first.
        let schemas = |mut value: Value| {
            fn strip(step: &mut Value) {
                step.as_object_mut().unwrap().remove("extended_output_schema");
                step.get_mut("block").and_then(Value::as_array_mut).into_iter().flatten().for_each(strip);
            }
            strip(&mut value["code"]);
            String::from_utf8(text(&value)).unwrap()
        };
        let result: Value = serde_json::from_str(&got).unwrap();
        let orders = [all(&[&ours, &theirs]), all(&[&theirs, &ours])];
        let done: Vec<String> = orders.into_iter().flatten().map(schemas).collect();
        let result = schemas(result);
        let moves = ours.iter().chain(&theirs).any(|edit| matches!(edit, Edit::Move(..)));
        if moves {
            // Of two neighbours that changed places, nobody can tell which one was moved.
            prop_assert!(done.is_empty() || done.contains(&result), "{:#?}\n{}", done, result);
        } else {
            for script in &done {
                prop_assert_eq!(&result, script);
            }
        }
    }
}
