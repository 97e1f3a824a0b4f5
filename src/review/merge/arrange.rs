//! The order of a list that two sides have changed: what neither has moved stays as it was, and what a side has put in
//! comes where that side put it.

use std::collections::{BTreeMap, BTreeSet};

use super::Prefer;

/// Items that both sides put somewhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Clash<K> {
    /// One item, in two places.
    Moved(K),
    /// Different items, in one gap: the first of each side.
    Gap(K, K),
}

/// Arranges the items of a list. `anchors` are those that stay, in their order; each side lists these and what it has
/// put between them, in its own order. Of different items in one gap those of the preferred side are written, and of the
/// others those that both sides have somewhere: they have only moved.
pub(super) fn arrange<K: Ord + Clone>(
    anchors: &[K],
    ours: &[K],
    theirs: &[K],
    prefer: Prefer,
    in_both: impl Fn(&K) -> bool,
) -> (Vec<K>, Vec<Clash<K>>) {
    let fixed: BTreeSet<&K> = anchors.iter().collect();
    let mut clashes = Vec::new();
    let (mut left, mut right) = (gaps(&fixed, ours), gaps(&fixed, theirs));
    let place = |gaps: &BTreeMap<Option<K>, Vec<K>>| -> BTreeMap<K, Option<K>> {
        gaps.iter()
            .flat_map(|(gap, items)| items.iter().map(move |item| (item.clone(), gap.clone())))
            .collect()
    };
    let (in_left, in_right) = (place(&left), place(&right));
    for (item, gap) in &in_left {
        if in_right.get(item).is_some_and(|other| other != gap) {
            clashes.push(Clash::Moved(item.clone()));
            let loser = if prefer == Prefer::Ours { &mut right } else { &mut left };
            loser.values_mut().for_each(|items| items.retain(|other| other != item));
        }
    }
    let mut order = Vec::new();
    for gap in std::iter::once(None).chain(anchors.iter().cloned().map(Some)) {
        order.extend(gap.clone());
        let (a, b) = (left.remove(&gap).unwrap_or_default(), right.remove(&gap).unwrap_or_default());
        if a == b || b.is_empty() {
            order.extend(a);
        } else if a.is_empty() {
            order.extend(b);
        } else {
            let differ = a.iter().zip(&b).find(|(a, b)| a != b).unwrap_or((&a[a.len() - 1], &b[b.len() - 1]));
            clashes.push(Clash::Gap(differ.0.clone(), differ.1.clone()));
            let (written, other) = if prefer == Prefer::Ours { (a, b) } else { (b, a) };
            let moved = other.into_iter().filter(|item| in_both(item) && !written.contains(item));
            let moved: Vec<K> = moved.collect();
            order.extend(written.into_iter().chain(moved));
        }
    }
    (order, clashes)
}

/// Returns what a side has put behind each anchor.
fn gaps<K: Ord + Clone>(fixed: &BTreeSet<&K>, side: &[K]) -> BTreeMap<Option<K>, Vec<K>> {
    let mut gaps: BTreeMap<Option<K>, Vec<K>> = BTreeMap::new();
    let mut gap = None;
    for item in side {
        if fixed.contains(item) {
            gap = Some(item.clone());
        } else {
            gaps.entry(gap.clone()).or_default().push(item.clone());
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged(anchors: &str, ours: &str, theirs: &str) -> (String, Vec<Clash<char>>) {
        let list = |text: &str| text.chars().collect::<Vec<_>>();
        let (order, clashes) =
            arrange(&list(anchors), &list(ours), &list(theirs), Prefer::Ours, |item| *item == 'm');
        (order.into_iter().collect(), clashes)
    }

    #[test]
    fn what_each_side_put_in_comes_where_it_put_it() {
        assert_eq!(arranged("abc", "axbc", "abcy"), ("axbcy".into(), vec![]));
        assert_eq!(arranged("abc", "axbc", "axbc"), ("axbc".into(), vec![]));
        assert_eq!(arranged("", "x", ""), ("x".into(), vec![]));
        assert_eq!(arranged("abc", "axbc", "aybc"), ("axbc".into(), vec![Clash::Gap('x', 'y')]));
        assert_eq!(arranged("abc", "axbc", "aymbc"), ("axmbc".into(), vec![Clash::Gap('x', 'y')]));
        assert_eq!(arranged("abc", "axbc", "abxc"), ("axbc".into(), vec![Clash::Moved('x')]));
    }
}
