//! Work over a list, on all cores at a time.
//!
//! For work that holds the processor and nothing else; it knows nothing of what is done.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{available_parallelism, scope};

/// The most parts at a time: each holds the file that it is at, in several forms.
const MOST: usize = 8;
/// The smallest part, as a share of the whole: what a core may have to wait for another one in the end.
const SMALLEST: u64 = 100;

/// Splits a list into parts and works on as many of them at a time as there are cores. The first parts are large and the
/// last ones small, so that cores end at about the same time, wherever in the list most of the work is and whatever else a
/// core has to do. The results come in the order of the list; there is at least one, of nothing where the list is empty.
pub fn on_all<T: Sync, R: Send>(
    all: &[T],
    size: impl Fn(&T) -> u64,
    work: impl Fn(&[T]) -> R + Sync,
) -> Vec<R> {
    let Ok(results) = try_on_all(all, size, || Ok::<_, Infallible>(()), |(), part| Ok(work(part)));
    results
}

/// Does what [`on_all`] does with work that may fail, and with something that each core makes for itself once and has at
/// hand for all of its parts. Whoever fails ends the work of all.
///
/// # Errors
/// The first one in the order of the list.
pub fn try_on_all<T: Sync, S, R: Send, E: Send>(
    all: &[T],
    size: impl Fn(&T) -> u64,
    start: impl Fn() -> Result<S, E> + Sync,
    work: impl Fn(&mut S, &[T]) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let cores = available_parallelism().map_or(1, usize::from).min(MOST);
    let parts = if cores > 1 { split(all, size, cores) } else { Vec::new() };
    if parts.len() < 2 {
        return Ok(vec![work(&mut start()?, all)?]);
    }
    let next = AtomicUsize::new(0);
    let work_on = || {
        let (mut held, mut done) = (None, Vec::new());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = parts.get(at) else { return done };
            let result = match &mut held {
                Some(held) => work(held, part),
                None => start().and_then(|made| work(held.insert(made), part)),
            };
            if result.is_err() {
                // What comes before it in the list was taken before.
                next.store(parts.len(), Ordering::Relaxed);
            }
            done.push((at, result));
        }
    };
    let mut done = scope(|scope| {
        let others: Vec<_> = (1..cores.min(parts.len())).map(|_| scope.spawn(work_on)).collect();
        let mut done = work_on();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Splits a list into parts, none of them empty: each has what one core would have to do of half of what is left.
fn split<T>(all: &[T], size: impl Fn(&T) -> u64, cores: usize) -> Vec<&[T]> {
    // Nothing is without any work.
    let size = |item: &T| size(item).saturating_add(1);
    let whole = all.iter().map(size).sum::<u64>();
    let (mut parts, mut start, mut held, mut left) = (Vec::new(), 0, 0, whole);
    for (at, item) in all.iter().enumerate() {
        held += size(item);
        if held >= (left / (2 * cores as u64)).max(whole / SMALLEST) {
            parts.push(&all[start..=at]);
            left -= held;
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
    fn a_list_is_split_into_parts_that_become_smaller() {
        let lengths = |all: &[u64], cores| -> Vec<usize> {
            let parts = split(all, |item| *item, cores);
            assert_eq!(parts.concat(), all, "in order, and all of it");
            parts.iter().map(|part| part.len()).collect()
        };
        assert_eq!(lengths(&[1; 8], 2), [2, 2, 1, 1, 1, 1]);
        assert_eq!(lengths(&[9, 1, 1, 1], 2), [1, 1, 1, 1]);
        assert_eq!(lengths(&[1, 1, 1, 9], 1), [4]);
        assert_eq!(lengths(&[0; 4], 1), [2, 1, 1]);
        assert_eq!(lengths(&[], 2), [0_usize; 0]);
        let many = lengths(&[1; 50_000], 8);
        assert_eq!((many[0], many[1]), (3125, 2930));
        assert!(many.len() < 100 && many[many.len() - 2] <= 500, "{many:?}");
    }

    #[test]
    fn results_come_in_order() {
        let all: Vec<u64> = (0..1000).collect();
        let sums = on_all(&all, |_| 1, |part| part.to_vec());
        assert_eq!(sums.concat(), all);
        assert_eq!(on_all(&[0; 0], |_| 1, <[i32]>::len), [0]);
    }

    #[test]
    fn what_a_core_holds_is_made_once_for_all_of_its_parts() {
        let made = AtomicUsize::new(0);
        let start = || Ok::<_, Infallible>((made.fetch_add(1, Ordering::Relaxed), 0));
        let count = |(core, parts): &mut (usize, usize), _: &[u8]| {
            *parts += 1;
            Ok((*core, *parts))
        };
        let Ok(counts) = try_on_all(&[0; 1000], |_| 1, start, count);
        let cores = made.into_inner();
        assert!(counts.len() > cores || cores == 1, "{counts:?}");
        for core in 0..cores {
            let counted: Vec<_> =
                counts.iter().filter(|(by, _)| *by == core).map(|(_, count)| *count).collect();
            assert_eq!(counted, (1..=counted.len()).collect::<Vec<_>>(), "its parts in their order");
        }
    }

    #[test]
    fn the_first_failure_in_the_list_is_told() {
        let all: Vec<u64> = (0..1000).collect();
        let fail = |(): &mut (), part: &[u64]| {
            part.iter().find(|number| **number >= 300).map_or(Ok(()), |at| Err(*at))
        };
        assert_eq!(try_on_all(&all, |_| 1, || Ok(()), fail), Err(300));
        let never = |(): &mut (), _: &[u64]| -> Result<(), &str> { unreachable!("it cannot be started") };
        assert_eq!(try_on_all(&all, |_| 1, || Err("start"), never), Err("start"));
    }

    #[test]
    #[should_panic(expected = "the seventh")]
    fn a_panic_of_one_part_is_one_of_the_whole() {
        on_all(&[0, 1, 2, 3, 4, 5, 6, 7], |_| 1, |part| assert!(!part.contains(&7), "the seventh"));
    }
}
