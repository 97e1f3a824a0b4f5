//! What the server writes into a recipe by itself: schemas and spellings of references on import, order and empty
//! defaults when it is saved in the editor.
//!
//! Deterministic, and done once: an expanded recipe stays as it is.

use super::json::Value;

/// Top-level keys in the server's order.
const ORDER: [&str; 7] = ["name", "description", "version", "private", "concurrency", "code", "config"];

/// Adds what an import adds.
pub(super) fn recipe(json: &mut Value) {
    json.order(&ORDER);
    if let Some(code) = json.get_mut("code") {
        each_step(code, &mut schema);
    }
    if let Some(Value::List(config)) = json.get_mut("config") {
        for account in config.iter_mut().filter_map(|entry| entry.get_mut("account_id")) {
            if account.get("zip_name").is_some() && account.get("folder").is_none() {
                account.set("folder", Value::Text(String::new()), "name");
            }
        }
    }
}

/// Does what saving in the editor does: sorts the keys of schemas, drops empty defaults.
pub(super) fn saved(json: &mut Value) {
    let Some(code) = json.get_mut("code") else { return };
    each_step(code, &mut |step| {
        for key in ["extended_input_schema", "extended_output_schema"] {
            if let Some(schema) = step.get_mut(key) {
                *schema = std::mem::replace(schema, Value::Null).sorted();
            }
        }
        for key in ["toggleCfg", "dynamicPickListSelection"] {
            if step.get(key).is_some_and(Value::is_empty) {
                step.remove(key);
            }
        }
    });
}

/// Gives every step its number, as the editor does after one was added or removed.
pub(super) fn renumber(code: &mut Value) {
    let mut number = 0;
    each_step(code, &mut |step| {
        step.set("number", Value::number(number), "");
        number += 1;
    });
}

/// Visits a step and those below it, in order.
pub(super) fn each_step(step: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    visit(step);
    if let Some(Value::List(steps)) = step.get_mut("block") {
        for step in steps {
            each_step(step, visit);
        }
    }
}

/// Writes the schema of a step's plain inputs where it has none yet.
fn schema(step: &mut Value) {
    let has_provider = step.get("provider").is_some_and(|provider| !provider.is_empty());
    if !has_provider || step.get("extended_input_schema").is_some() {
        return;
    }
    let Some(Value::Map(input)) = step.get("input") else { return };
    let field = |name: &String| {
        let label = name.replace('_', " ");
        let text = |text: &str| Value::Text(text.to_owned());
        let pairs = [
            ("control_type", text("text")),
            ("label", text(&label)),
            ("name", text(name)),
            ("type", text("string")),
        ];
        Value::Map(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    };
    let mut names: Vec<&String> =
        input.iter().filter(|(_, value)| value.text().is_some()).map(|(name, _)| name).collect();
    // A function of the value: files are committed with their keys sorted, and give the same schema.
    names.sort_unstable();
    let fields: Vec<Value> = names.into_iter().map(field).collect();
    if !fields.is_empty() {
        step.set("extended_input_schema", Value::List(fields), "input");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_expands_once() {
        let source = br#"{"code":{"keyword":"trigger","provider":"clock","input":{"every_min":"5","at":{"x":1}},"block":[]},"config":[{"account_id":{"zip_name":"a.connection.json","name":"A"}}],"name":"R"}"#;
        let mut json = Value::parse(source).unwrap();
        recipe(&mut json);
        let once = json.compact();
        insta::assert_snapshot!(once, @r#"{"name":"R","code":{"keyword":"trigger","provider":"clock","input":{"every_min":"5","at":{"x":1}},"extended_input_schema":[{"control_type":"text","label":"every min","name":"every_min","type":"string"}],"block":[]},"config":[{"account_id":{"zip_name":"a.connection.json","name":"A","folder":""}}]}"#);
        recipe(&mut json);
        assert_eq!(json.compact(), once);
    }
}
