//! Names that one side has given anew: aliases of steps, and generated names of custom connectors. Both are given to all
//! versions before they are merged, so that nothing else differs by them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::steps::Steps;
use super::tree::Tree;
use super::value::Three;

/// Gives steps that are known by another alias on one side that alias on all.
pub(super) fn aliases(three: &mut Three<Steps>) {
    let ids: BTreeSet<_> = three.ours.fields.keys().chain(three.theirs.fields.keys()).copied().collect();
    let mut renamed = Three { base: BTreeMap::new(), ours: BTreeMap::new(), theirs: BTreeMap::new() };
    for id in ids {
        let alias = Three {
            base: three.base.text(id, "as"),
            ours: three.ours.text(id, "as"),
            theirs: three.theirs.text(id, "as"),
        };
        let (Some(ours), Some(theirs)) = (alias.ours, alias.theirs) else { continue };
        if ours == theirs {
            continue;
        }
        match alias.base {
            Some(base) if base == ours => {
                renamed.base.insert(base, theirs.clone());
                renamed.ours.insert(ours, theirs);
            }
            Some(base) if base == theirs => {
                renamed.base.insert(base, ours.clone());
                renamed.theirs.insert(theirs, ours);
            }
            // Both have added it, each under a name of its own.
            None => drop(renamed.theirs.insert(theirs, ours)),
            Some(_) => {}
        }
    }
    rename(&mut three.base, &renamed.base);
    rename(&mut three.ours, &renamed.ours);
    rename(&mut three.theirs, &renamed.theirs);
}

fn rename(steps: &mut Steps, names: &BTreeMap<String, String>) {
    static PILL: LazyLock<Regex> = LazyLock::new(|| {
        // The spaces of JSON are named: `\s` needs tables of Unicode, which the program is built without.
        let pill = r#"("line"[ \t\r\n]*:[ \t\r\n]*"|_\('data\.[^.']+\.)([^."']+)"#;
        Regex::new(pill).expect("it is one")
    });
    if names.is_empty() {
        return;
    }
    let change = |text: &str| {
        let is_pill = text.contains("_(") || text.contains("_dp(");
        let changed = is_pill.then(|| {
            PILL.replace_all(text, |found: &regex::Captures<'_>| {
                format!("{}{}", &found[1], names.get(&found[2]).map_or(&found[2], String::as_str))
            })
        });
        changed.filter(|changed| changed != text).map(std::borrow::Cow::into_owned)
    };
    for fields in steps.fields.values_mut() {
        if let Some(alias) = fields.get("as").and_then(Tree::as_text).and_then(|alias| names.get(&alias)) {
            fields.insert("as".to_owned(), Tree::of_text(alias));
        }
        fields.values_mut().for_each(|value| value.each_text(&change));
    }
}

/// Gives custom connectors whose generated name differs on one side that name in all versions: where a version has
/// exactly one of that sort.
pub(super) fn connectors(texts: &mut Three<String>) {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"([a-z0-9_]+?)_connector_[0-9]+_[0-9]+").expect("it is one"));
    let names = |text: &str| -> BTreeMap<String, BTreeSet<String>> {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for found in NAME.captures_iter(text) {
            names.entry(found[1].to_owned()).or_default().insert(found[0].to_owned());
        }
        names
    };
    let known = Three { base: names(&texts.base), ours: names(&texts.ours), theirs: names(&texts.theirs) };
    let only = |names: &BTreeMap<String, BTreeSet<String>>, slug: &str| {
        names.get(slug).filter(|names| names.len() == 1).and_then(|names| names.first().cloned())
    };
    for slug in known.base.keys() {
        let (Some(base), Some(ours), Some(theirs)) =
            (only(&known.base, slug), only(&known.ours, slug), only(&known.theirs, slug))
        else {
            continue;
        };
        let wanted = if ours == base { &theirs } else { &ours };
        for (text, name) in [(&mut texts.base, &base), (&mut texts.ours, &ours), (&mut texts.theirs, &theirs)]
        {
            if name != wanted {
                *text = text.replace(name.as_str(), wanted);
            }
        }
    }
}
