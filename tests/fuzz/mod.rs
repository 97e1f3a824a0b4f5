//! A small fuzzer that needs no nightly compiler: it changes inputs of a kept corpus, and goes on from those to which the
//! target gives an answer that no other input had.
//!
//! The corpus is `tests/data/corpus/NAME`; an input that fails is written there, and stays. It knows nothing of what
//! is tested, and sees no coverage: the target's answer stands for it.

#![expect(clippy::disallowed_methods, reason = "its own files, its own clock, and a seed from outside")]

use std::collections::HashSet;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long one input may take: all of them are small.
const LONGEST: Duration = Duration::from_secs(10);
/// How long a long run lasts.
const RUN: Duration = Duration::from_secs(60);
/// How many inputs a short run tries beyond the corpus.
const FEW: usize = 3_000;
/// The longest input, in bytes.
const MOST_BYTES: usize = 1 << 16;

/// What is changed, and into what.
pub(crate) struct Fuzz {
    name: &'static str,
    /// Pieces that mean something to the target.
    words: Vec<Vec<u8>>,
    pool: Vec<Vec<u8>>,
    known: HashSet<String>,
    random: fastrand::Rng,
}

impl Fuzz {
    /// Starts from the corpus of a name, and more inputs.
    pub(crate) fn new(name: &'static str, words: &[&str], more: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "the corpus {name} is empty");
        let pool = files.iter().map(|file| std::fs::read(file).unwrap()).chain(more).collect();
        let words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        Self { name, words, pool, known: HashSet::new(), random: fastrand::Rng::with_seed(7) }
    }

    /// Runs the target over the corpus and a few changes of it, the same ones each time.
    pub(crate) fn briefly(mut self, target: impl Fn(&[u8]) -> String) {
        self.replay(&target);
        for _ in 0..FEW {
            self.turn(&target);
        }
    }

    /// Runs the target for a minute, from a seed that is printed; `SOAK_SEED` repeats one.
    pub(crate) fn long(mut self, target: impl Fn(&[u8]) -> String) {
        let seed = std::env::var("SOAK_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        say(&format!("{}: SOAK_SEED={seed}", self.name));
        self.random = fastrand::Rng::with_seed(seed);
        self.replay(&target);
        let (start, mut runs) = (Instant::now(), 0_u64);
        while start.elapsed() < RUN {
            self.turn(&target);
            runs += 1;
        }
        let known = self.known.len();
        say(&format!("{}: {runs} inputs, {known} kinds of answers", self.name));
    }

    fn replay(&mut self, target: &impl Fn(&[u8]) -> String) {
        for at in 0..self.pool.len() {
            let answer = self.run(target, &self.pool[at]);
            self.known.insert(answer);
        }
    }

    fn turn(&mut self, target: &impl Fn(&[u8]) -> String) {
        let mut input = self.pool[self.random.usize(..self.pool.len())].clone();
        for _ in 0..=self.random.usize(..4) {
            self.change(&mut input);
        }
        input.truncate(MOST_BYTES);
        let answer = self.run(target, &input);
        if self.known.insert(answer) {
            self.pool.push(input);
        }
    }

    fn run(&self, target: &impl Fn(&[u8]) -> String, input: &[u8]) -> String {
        let start = Instant::now();
        let answer = catch_unwind(AssertUnwindSafe(|| target(input)));
        if let (Ok(answer), true) = (&answer, start.elapsed() < LONGEST) {
            // Numbers and quoted names differ without end.
            return answer.chars().filter(|c| !c.is_ascii_digit()).take(200).collect();
        }
        let file = folder(self.name).join(format!("found-{:016x}", fastrand::u64(..)));
        std::fs::write(&file, input).unwrap();
        panic!("{}: {} s, the input is kept in {}", self.name, start.elapsed().as_secs(), file.display());
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let random = &mut self.random;
        let at = random.usize(..=input.len());
        let end = (at + 1 + random.usize(..16).pow(2)).min(input.len());
        match random.u8(..8) {
            0 if at < input.len() => input[at] ^= 1 << random.u8(..8),
            1 if at < input.len() => {
                input[at] = *random.choice(&[0, 1, 0x7f, 0x80, 0xff, b'"', b'\\', b'/', b'\n']).unwrap();
            }
            2 if at + 4 <= input.len() => {
                let number = *random.choice(&[0_u32, 1, 0x7fff, 0xffff, 0x7fff_ffff, u32::MAX]).unwrap();
                let wide = if random.bool() { 4 } else { 2 };
                input[at..at + wide].copy_from_slice(&number.to_le_bytes()[..wide]);
            }
            3 => drop(input.drain(at..end)),
            4 => {
                let copy = input[at..end].repeat(1 + random.usize(..4).pow(3));
                input.splice(at..at, copy);
            }
            5 if !self.words.is_empty() => {
                let word = random.choice(&self.words).unwrap().clone();
                let end = if random.bool() { at } else { end };
                input.splice(at..end, word);
            }
            6 => {
                let other = random.choice(&self.pool).unwrap();
                let from = random.usize(..=other.len());
                input.splice(at.., other[from..].iter().copied());
            }
            _ => input.insert(at, random.u8(..)),
        }
    }
}

/// Tells whoever asked for `--nocapture`.
fn say(text: &str) {
    std::io::stdout().lock().write_all(format!("{text}\n").as_bytes()).unwrap();
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus").join(name)
}
