//! Which items of two lists belong together by their order.
//!
//! All of it takes near linear time whatever the lists hold, and has one answer whatever the machine. Items are numbers
//! that are equal where the items are; what they stand for is the caller's.

use std::collections::HashMap;

/// The most pairs of items of one gap that are compared each with each: 256 a side.
const MAX_PAIRS: usize = 1 << 16;

/// Returns which of the values belong to a longest increasing run among them (of several the one that ends lowest).
#[must_use]
pub fn increasing(values: &[usize]) -> Vec<bool> {
    // The last value of the best run of each length, by its place; and what comes before each value in its run.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        let length = ends.partition_point(|end| values[*end] < *value);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut chosen = vec![false; values.len()];
    let mut next = ends.last().copied();
    while let Some(at) = next {
        chosen[at] = true;
        next = before[at];
    }
    chosen
}

/// Pairs equal items of two lists so that both orders are kept: a longest common subsequence, or near to one where the
/// lists are long and repeat themselves.
#[must_use]
pub fn align(old: &[u64], new: &[u64]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut gaps = vec![Gap { old: (0, old.len()), new: (0, new.len()) }];
    while let Some(mut gap) = gaps.pop() {
        gap.trim(old, new, &mut pairs);
        if gap.old.0 == gap.old.1 || gap.new.0 == gap.new.1 {
            continue;
        }
        if (gap.old.1 - gap.old.0).saturating_mul(gap.new.1 - gap.new.0) <= MAX_PAIRS {
            gap.each_with_each(old, new, &mut pairs);
            continue;
        }
        let anchors = gap.anchors(old, new);
        if anchors.is_empty() {
            gap.by_occurrence(old, new, &mut pairs);
        } else {
            let mut start = (gap.old.0, gap.new.0);
            for (a, b) in &anchors {
                gaps.push(Gap { old: (start.0, *a), new: (start.1, *b) });
                start = (a + 1, b + 1);
            }
            gaps.push(Gap { old: (start.0, gap.old.1), new: (start.1, gap.new.1) });
            pairs.extend(anchors);
        }
    }
    pairs.sort_unstable();
    pairs
}

/// A part of each list of which nothing is paired yet.
#[derive(Clone, Copy)]
struct Gap {
    old: (usize, usize),
    new: (usize, usize),
}

impl Gap {
    /// Pairs what is equal at both ends.
    fn trim(&mut self, old: &[u64], new: &[u64], pairs: &mut Vec<(usize, usize)>) {
        let is_left = |gap: &Self| gap.old.0 < gap.old.1 && gap.new.0 < gap.new.1;
        while is_left(self) && old[self.old.0] == new[self.new.0] {
            pairs.push((self.old.0, self.new.0));
            self.old.0 += 1;
            self.new.0 += 1;
        }
        while is_left(self) && old[self.old.1 - 1] == new[self.new.1 - 1] {
            self.old.1 -= 1;
            self.new.1 -= 1;
            pairs.push((self.old.1, self.new.1));
        }
    }

    /// Returns the items that each side has once, as far as they are in the same order.
    fn anchors(&self, old: &[u64], new: &[u64]) -> Vec<(usize, usize)> {
        let mut places: HashMap<u64, (usize, usize, usize)> = HashMap::new();
        for (at, item) in old.iter().enumerate().take(self.old.1).skip(self.old.0) {
            places.entry(*item).or_insert((0, at, 0)).0 += 1;
        }
        for item in &new[self.new.0..self.new.1] {
            if let Some(place) = places.get_mut(item) {
                place.2 += 1;
            }
        }
        let once = (self.new.0..self.new.1).filter_map(|at| match places.get(&new[at]) {
            Some((1, place, 1)) => Some((*place, at)),
            _ => None,
        });
        in_order(once.collect())
    }

    fn each_with_each(&self, old: &[u64], new: &[u64], pairs: &mut Vec<(usize, usize)>) {
        let (old_start, new_start) = (self.old.0, self.new.0);
        let (rows, columns) = (self.old.1 - old_start, self.new.1 - new_start);
        // How long the best run is from each pair of places on.
        let mut best = vec![0_u32; (rows + 1) * (columns + 1)];
        let at = |row: usize, column: usize| row * (columns + 1) + column;
        for row in (0..rows).rev() {
            for column in (0..columns).rev() {
                best[at(row, column)] = if old[old_start + row] == new[new_start + column] {
                    best[at(row + 1, column + 1)] + 1
                } else {
                    best[at(row + 1, column)].max(best[at(row, column + 1)])
                };
            }
        }
        let (mut row, mut column) = (0, 0);
        while row < rows && column < columns {
            if old[old_start + row] == new[new_start + column] {
                pairs.push((old_start + row, new_start + column));
                row += 1;
                column += 1;
            } else if best[at(row + 1, column)] >= best[at(row, column + 1)] {
                row += 1;
            } else {
                column += 1;
            }
        }
    }

    /// Pairs the first occurrence of each item with the first, the second with the second, as far as that is in order.
    fn by_occurrence(&self, old: &[u64], new: &[u64], pairs: &mut Vec<(usize, usize)>) {
        let mut places: HashMap<u64, std::collections::VecDeque<usize>> = HashMap::new();
        for (at, item) in old.iter().enumerate().take(self.old.1).skip(self.old.0) {
            places.entry(*item).or_default().push_back(at);
        }
        let found = (self.new.0..self.new.1).filter_map(|at| {
            Some((places.get_mut(&new[at]).and_then(std::collections::VecDeque::pop_front)?, at))
        });
        pairs.extend(in_order(found.collect()));
    }
}

/// Keeps of pairs that are sorted by their second place as many as are sorted by their first place too.
fn in_order(pairs: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let firsts: Vec<usize> = pairs.iter().map(|(first, _)| *first).collect();
    let chosen = increasing(&firsts);
    pairs.into_iter().zip(chosen).filter_map(|(pair, chosen)| chosen.then_some(pair)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_stays_is_a_longest_run() {
        let of = |values: &[usize]| {
            let chosen = increasing(values);
            values
                .iter()
                .zip(chosen)
                .filter_map(|(value, chosen)| chosen.then_some(*value))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&[]), [] as [usize; 0]);
        assert_eq!(of(&[0, 1, 2]), [0, 1, 2]);
        assert_eq!(of(&[3, 0, 1, 2]), [0, 1, 2]);
        assert_eq!(of(&[0, 4, 1, 2, 3]), [0, 1, 2, 3]);
        assert_eq!(of(&[2, 1, 0]).len(), 1);
    }

    #[test]
    fn lists_are_aligned() {
        assert_eq!(align(&[1, 2, 3], &[1, 9, 2, 3]), [(0, 0), (1, 2), (2, 3)]);
        assert_eq!(align(&[1, 1, 2, 1], &[1, 2, 1, 1]).len(), 3);
        assert_eq!(align(&[], &[1]), []);
    }

    #[test]
    fn long_lists_that_repeat_themselves_take_no_longer() {
        let old: Vec<u64> = (0..200_000).map(|at| at % 7).collect();
        let new: Vec<u64> = (0..200_000).map(|at| at * 3 % 7).collect();
        let pairs = align(&old, &new);
        assert!(pairs.iter().all(|(a, b)| old[*a] == new[*b]));
    }

    proptest! {
        #[test]
        fn an_alignment_is_longest_on_short_lists_and_always_in_order(
            old in proptest::collection::vec(0_u64..6, 0..24), new in proptest::collection::vec(0_u64..6, 0..24),
        ) {
            let pairs = align(&old, &new);
            prop_assert!(pairs.iter().all(|(a, b)| old[*a] == new[*b]));
            prop_assert!(pairs.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
            let mut whole = Vec::new();
            Gap { old: (0, old.len()), new: (0, new.len()) }.each_with_each(&old, &new, &mut whole);
            prop_assert_eq!(pairs.len(), whole.len());
        }
    }
}
