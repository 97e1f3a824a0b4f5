//! Work over a list, on all cores at a time.
//!
//! For work that holds the processor and nothing else; it knows nothing of what is done.

use std::thread::{available_parallelism, scope};

/// The most parts at a time: each holds the file that it is at, in several forms.
const MOST: usize = 8;

/// Splits a list into as many parts as there are cores, each with about as much in it, and works on all of them at a time.
/// The results come in the order of the list; there is at least one, of nothing where the list is empty.
pub fn on_all<T: Sync, R: Send>(
    all: &[T],
    size: impl Fn(&T) -> u64,
    work: impl Fn(&[T]) -> R + Sync,
) -> Vec<R> {
    let cores = available_parallelism().map_or(1, usize::from);
    let parts = split(all, size, cores.min(MOST));
    let Some((last, others)) = parts.split_last() else { return vec![work(all)] };
    let work = &work;
    scope(|scope| {
        let others: Vec<_> = others.iter().map(|part| scope.spawn(move || work(part))).collect();
        let last = work(last);
        let join = |thread: std::thread::ScopedJoinHandle<'_, R>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        others.into_iter().map(join).chain([last]).collect()
    })
}

/// Splits a list into at most so many parts, none of them empty, each with about as much in it.
fn split<T>(all: &[T], size: impl Fn(&T) -> u64, count: usize) -> Vec<&[T]> {
    let share = all.iter().map(&size).sum::<u64>() / count as u64;
    let mut parts = Vec::new();
    let (mut start, mut held) = (0, 0);
    for (at, item) in all.iter().enumerate() {
        held += size(item);
        if held >= share && parts.len() + 1 < count {
            parts.push(&all[start..=at]);
            (start, held) = (at + 1, 0);
        }
    }
    if start < all.len() {
        parts.push(&all[start..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_where_as_much_is_in_each_part() {
        let lengths = |all: &[u64], count| -> Vec<usize> {
            let parts = split(all, |item| *item, count);
            assert_eq!(parts.concat(), all, "in order, and all of it");
            parts.iter().map(|part| part.len()).collect()
        };
        assert_eq!(lengths(&[1, 1, 1, 1], 2), [2, 2]);
        assert_eq!(lengths(&[1, 1, 1, 9], 2), [4]);
        assert_eq!(lengths(&[9, 1, 1, 1], 2), [1, 3]);
        assert_eq!(lengths(&[3, 3, 3, 3, 3], 3), [2, 2, 1]);
        assert_eq!(lengths(&[0, 0], 4), [1, 1]);
        assert_eq!(lengths(&[5], 8), [1]);
        assert_eq!(lengths(&[], 2), [0_usize; 0]);
    }

    #[test]
    fn results_come_in_order() {
        let all: Vec<u64> = (0..1000).collect();
        let sums = on_all(&all, |_| 1, |part| part.to_vec());
        assert_eq!(sums.concat(), all);
        assert_eq!(on_all(&[0; 0], |_| 1, <[i32]>::len), [0]);
    }
}
