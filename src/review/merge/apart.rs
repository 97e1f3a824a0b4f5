//! Steps that are written as one side has them, where what came of both cannot stand.

use std::collections::BTreeSet;

use super::steps::{Id, Steps};

/// Writes steps as a side has them: those that it does not have are left out, with what is inside. False where the side
/// has something inside of such a step, which would be lost.
pub(super) fn put(merged: &mut Steps, side: &Steps, steps: &BTreeSet<Id>) -> bool {
    for id in steps {
        if let Some(fields) = side.fields.get(id) {
            merged.fields.insert(*id, fields.clone());
            continue;
        }
        let Some(parent) = merged.parent.get(id).copied() else { return false };
        if inside(merged, *id).iter().any(|id| side.has(*id)) {
            return false;
        }
        if let Some(children) = merged.children.get_mut(&parent) {
            children.retain(|child| child != id);
        }
    }
    merged.order = merged.in_order();
    true
}

fn inside(steps: &Steps, id: Id) -> Vec<Id> {
    let mut found = Vec::new();
    let mut waiting = vec![id];
    while let Some(id) = waiting.pop() {
        let children = steps.children.get(&id).into_iter().flatten();
        waiting.extend(children.clone());
        found.extend(children);
    }
    found
}
