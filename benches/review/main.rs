//! How long comparisons take: one recipe of usual and of unusual size, how that grows, and a whole project.
//!
//! `cargo bench --bench review`. Recipes are made up, with schemas as large as real ones have. Numbers are as good as the
//! machine is quiet; the growth is a ratio of one run.

#![expect(clippy::print_stdout, reason = "a bench tells its results")]

#[path = "../shared/measure.rs"]
mod measure;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use recipesync::model::path::PackagePath;
use recipesync::review::change::Diff;
use recipesync::review::diff::{Input, LeftOut, diff};
use recipesync::review::text::{Options, text};

use measure::{megabytes, now};

/// How often each is measured; the fastest counts.
const ROUNDS: usize = 7;

type Files = BTreeMap<PackagePath, Vec<u8>>;

fn main() {
    println!("{:<44} {:>9} {:>10} {:>9}", "", "size", "time", "MB/s");
    let mut times = Vec::new();
    for (name, steps) in [("one input of a recipe", 40), ("the same, sixteen times as large", 640)] {
        let old = recipe(steps, 0, "1");
        times.push(measure(name, old.len(), || of_two(&old, &recipe(steps, 0, "2"))) / steps as f64);
    }
    println!("time a step grows by {:.2}\n", times[1] / times[0]);
    let mut times = Vec::new();
    for (name, steps) in
        [("all steps have other uuids and aliases", 50), ("the same, twenty times as many", 1000)]
    {
        let old = recipe(steps, 0, "1");
        let new = old.replace("\"uuid\": \"", "\"uuid\": \"x").replace("\"as\": \"", "\"as\": \"x");
        times.push(measure(name, old.len(), || of_two(&old, &new)) / steps as f64);
    }
    println!("time a step grows by {:.2}\n", times[1] / times[0]);
    let (old, new) = project(2000, 20);
    let size = old.values().map(Vec::len).sum();
    measure("2,000 recipes, 1 % changed", size, || of_folders(&old, &new));
    measure("2,000 recipes, all with another version", size, || {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\"version\": 1", "\"version\": 2");
        let all = old.iter().map(|(path, bytes)| (path.clone(), text(bytes).into_bytes())).collect();
        of_folders(&old, &all)
    });
}

/// Measures a comparison with its text, and returns the seconds it took.
fn measure(name: &str, size: usize, compare: impl Fn() -> Diff) -> f64 {
    let round = |_| {
        let start = now();
        let told = text(&compare(), Options::default());
        assert!(told.len() > 1);
        now() - start
    };
    let best: Duration = (0..ROUNDS).map(round).min().unwrap_or_default();
    let megabytes = megabytes(size);
    let speed = megabytes / best.as_secs_f64();
    println!("{name:<44} {:>6.2} MB {:>7.2} ms {speed:>9.0}", megabytes, best.as_secs_f64() * 1e3);
    best.as_secs_f64()
}

fn of_two(old: &str, new: &str) -> Diff {
    let path = PackagePath::parse("a.recipe.json").expect("a plain name");
    of_folders(&[(path.clone(), old.into())].into(), &[(path, new.into())].into())
}

/// Compares two folders; what is equal is found first, as the command does.
fn of_folders(old: &Files, new: &Files) -> Diff {
    let is_same = |path: &PackagePath| old.get(path) == new.get(path);
    let same: BTreeSet<PackagePath> = old.keys().filter(|path| is_same(path)).cloned().collect();
    let differing = |side: &Files| -> Files {
        side.iter()
            .filter(|(path, _)| !same.contains(*path))
            .map(|(path, bytes)| (path.clone(), bytes.clone()))
            .collect()
    };
    let (old_files, new_files) = (differing(old), differing(new));
    diff(&Input {
        old: &old_files,
        new: &new_files,
        same: &same,
        read_same: &|path| old.get(path).cloned(),
        left_out: (&LeftOut::new(), &LeftOut::new()),
        names: ("old", "new"),
        chosen: None,
        details: false,
    })
}

fn project(recipes: usize, changed: usize) -> (Files, Files) {
    let path =
        |at: usize| PackagePath::parse(&format!("f{}/r{at}.recipe.json", at % 20)).expect("a plain name");
    let old: Files = (0..recipes).map(|at| (path(at), recipe(10, at, "1").into_bytes())).collect();
    let mut new = old.clone();
    new.extend((0..changed).map(|at| (path(at * 97), recipe(10, at * 97, "2").into_bytes())));
    (old, new)
}

/// Returns a recipe with so many steps; the last of them has the value as an input.
fn recipe(steps: usize, seed: usize, value: &str) -> String {
    let mut out = format!(
        "{{\"name\": \"Recipe {seed}\", \"version\": 1, \"private\": true, \"concurrency\": 1, \"code\": {{\"number\": 0, \
         \"keyword\": \"trigger\", \"provider\": \"clock\", \"name\": \"timer\", \"as\": \"t\", \"uuid\": \"u0\", \"input\": {{}}, \"block\": ["
    );
    for step in 1..=steps {
        let comma = if step > 1 { "," } else { "" };
        let limit = if step == steps { value } else { "1" };
        let _ = write!(
            out,
            "{comma}{{\"number\": {step}, \"keyword\": \"action\", \"provider\": \"salesforce\", \"name\": \"search_{}\", \
             \"as\": \"a{seed}x{step}\", \"uuid\": \"u{seed}x{step}\", \"input\": {{\"limit\": \"{limit}\", \"name\": \"step {step}\", \
             \"id\": \"#{{_dp('{{\\\"pill_type\\\":\\\"output\\\",\\\"provider\\\":\\\"clock\\\",\\\"line\\\":\\\"t\\\",\\\"path\\\":[\\\"id\\\"]}}')}}\"}}, \
             \"extended_output_schema\": [",
            step % 9,
        );
        for field in 0..40 {
            let comma = if field > 0 { "," } else { "" };
            let _ = write!(
                out,
                "{comma}{{\"control_type\": \"text\", \"label\": \"Field {field}\", \"name\": \"field_{field}\", \"type\": \"string\", \"optional\": true}}"
            );
        }
        out.push_str("]}");
    }
    out.push_str("]}, \"config\": [{\"keyword\": \"application\", \"provider\": \"clock\"}, {\"keyword\": \"application\", \"provider\": \"salesforce\"}]}");
    out
}
