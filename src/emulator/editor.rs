//! Editing a recipe as a person does in the platform's editor, with what the editor changes on the side.

use chrono::{DateTime, Utc};

use super::expand;
use super::json::Value;
use super::world::{World, WorldError};

impl World {
    /// Edits a recipe and saves it: a new version, keys sorted where the editor sorts them, steps numbered anew.
    ///
    /// The edit is JSON: `{"step": 4, "input": {"limit": 20}}` merges into the step with that number (any field of
    /// a step may be given), `{"replace": {…}}` takes the place of the whole recipe, and anything else is merged
    /// into it (RFC 7386).
    ///
    /// # Errors
    /// When there is no such recipe or step, or the recipe or edit is not plain JSON.
    pub fn edit_recipe(&mut self, id: u64, edit: &[u8], now: DateTime<Utc>) -> Result<(), WorldError> {
        let missing = || WorldError::NotThere(format!("recipe {id}"));
        let asset = self.recipe(id).ok_or_else(missing)?;
        let mut recipe = asset.document().ok_or_else(|| WorldError::BadShape(format!("recipe {id}")))?;
        let edit = Value::parse(edit).filter(|edit| matches!(edit, Value::Map(_)));
        let mut edit = edit.ok_or_else(|| WorldError::BadShape("the edit".to_owned()))?;
        if let Some(number) = edit.get("step").and_then(Value::int) {
            edit.remove("step");
            let mut found = false;
            if let Some(code) = recipe.get_mut("code") {
                expand::each_step(code, &mut |step| {
                    if step.get("number").and_then(Value::int) == Some(number) {
                        step.merge(edit.clone());
                        found = true;
                    }
                });
            }
            if !found {
                return Err(WorldError::NotThere(format!("step {number} of recipe {id}")));
            }
        } else if let Some(whole) = edit.get("replace") {
            recipe = whole.clone();
        } else {
            recipe.merge(edit);
        }
        if let Some(code) = recipe.get_mut("code") {
            expand::renumber(code);
        }
        if self.settings.editor_reorders {
            expand::saved(&mut recipe);
        }
        self.revision += 1;
        self.assets.entry(id).and_modify(|asset| asset.save(recipe, now));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = r#"{"name":"R","version":4,"code":{"number":0,"keyword":"trigger","block":[
        {"number":1,"keyword":"action","toggleCfg":{},"input":{"limit":"1"},
         "extended_input_schema":[{"name":"limit","label":"Limit"}]}]},"config":[]}"#;

    fn edited(edit: &str) -> (World, Result<(), WorldError>) {
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        let mut world = World::new(now);
        world.create_project("P", [("r.recipe.json".to_owned(), RECIPE.into())], now).unwrap();
        let id = world.asset("P", "r.recipe.json").unwrap();
        let done = world.edit_recipe(id, edit.as_bytes(), now);
        (world, done)
    }

    #[test]
    fn an_edit_of_a_step_brings_the_side_effects_of_the_editor() {
        let (world, done) = edited(r#"{"step":1,"input":{"limit":"20"}}"#);
        done.unwrap();
        let file = world.files("P").unwrap()["r.recipe.json"].clone();
        insta::assert_snapshot!(Value::parse(&file).unwrap().compact(), @r#"{"name":"R","version":5,"code":{"number":0,"keyword":"trigger","block":[{"number":1,"keyword":"action","input":{"limit":"20"},"extended_input_schema":[{"label":"Limit","name":"limit"}]}]},"config":[]}"#);
    }

    #[test]
    fn an_edit_that_cannot_be_is_refused_and_changes_nothing() {
        for edit in [r#"{"step":9,"input":{}}"#, "[]", "nonsense"] {
            let (world, done) = edited(edit);
            assert!(done.is_err(), "{edit}");
            assert_eq!(world.files("P").unwrap()["r.recipe.json"], RECIPE);
        }
    }

    #[test]
    fn a_recipe_can_be_replaced_or_merged_into() {
        let (world, done) = edited(r#"{"replace":{"name":"S"}}"#);
        done.unwrap();
        assert_eq!(world.files("P").unwrap()["r.recipe.json"], "{\n  \"name\": \"S\",\n  \"version\": 5\n}");
        let (world, done) = edited(r#"{"name":"T","code":null,"config":null}"#);
        done.unwrap();
        assert_eq!(world.files("P").unwrap()["r.recipe.json"], "{\n  \"name\": \"T\",\n  \"version\": 5\n}");
    }
}
