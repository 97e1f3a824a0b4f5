//! How much there is to read of a project's history: what `diff` and git's own log tell, against the lines of the files.
//!
//! No whole history of a real project is at hand, only a few pairs of versions: one edit, and six files that another client
//! has written anew. They are the first commits here. What follows is made: real recipes, each edited in the ways that
//! people edit (`history/edits.rs`), each export with what real ones carry besides: a larger version, other numbers, schemas
//! with a field more, imports that replace ids, all files in another order of keys. The recipes of the real project are
//! read from beside this folder, if they are there; there are too few without them to say anything.

mod edits;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use recipesync::asset::canonical::canonical;
use recipesync::model::path::PackagePath;
use recipesync::review::change::AssetChange;
use recipesync::review::diff::{Input, LeftOut, diff};
use recipesync::review::text::{Options, text};

use self::edits::{Author, Spelling};

type Files = BTreeMap<PackagePath, Vec<u8>>;

/// How often each recipe is edited.
const ROUNDS: usize = 2;

/// A repository of which each commit has the files as they were exported, and in canonical form beside.
struct History {
    folder: tempfile::TempDir,
    files: Files,
    /// What each commit is, and what `diff` tells of it: lines of changes, and all lines.
    told: Vec<(String, usize)>,
    /// How many lines there are to read of each changed recipe.
    recipes: Vec<usize>,
}

impl History {
    fn start(files: Files) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut history = Self { folder, files: Files::new(), told: Vec::new(), recipes: Vec::new() };
        history.git(&["init", "--quiet"]);
        history.write("canonical/.gitattributes", b"*.recipe.json diff=workato\n");
        history.commit("start", files);
        history.told.clear();
        history.recipes.clear();
        history
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let file = self.folder.path().join(name);
        recipesync::fs::create_folder(file.parent().unwrap()).unwrap();
        recipesync::fs::write(&file, bytes).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "git's own diffs are what is compared with")]
    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@acme.example"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn commit(&mut self, what: &str, changed: Files) {
        let old: Files =
            changed.keys().filter_map(|path| Some((path.clone(), self.files.get(path)?.clone()))).collect();
        let compared = diff(&Input {
            old: &old,
            new: &changed,
            same: &[].into(),
            read_same: &|path| self.files.get(path).cloned(),
            left_out: (&LeftOut::new(), &LeftOut::new()),
            names: ("old", "new"),
            chosen: None,
            details: false,
        });
        let told = text(&compared, Options::default());
        // All lines but assets and the summary, which are not indented, folds, and the titles of changed steps.
        let is_change = |line: &&str| {
            line.starts_with("  ") && !line.trim_start().starts_with('·') && !line.starts_with("  ~ step ")
        };
        self.told.push((what.to_owned(), told.lines().filter(is_change).count()));
        let assets = told.lines().filter(|line| !line.is_empty()).fold(Vec::new(), |mut assets, line| {
            match assets.last_mut() {
                Some((_, lines)) if line.starts_with(' ') => *lines += 1,
                _ => assets.push((line, 1)),
            }
            assets
        });
        let is_changed =
            compared.assets.iter().filter(|asset| asset.change == Some(AssetChange::Changed)).count();
        let lines: Vec<usize> = assets
            .iter()
            .filter(|(line, _)| line.starts_with("~ recipe "))
            .map(|(_, lines)| *lines)
            .collect();
        assert_eq!(lines.len(), is_changed, "{told}");
        self.recipes.extend(lines);
        for (path, bytes) in &changed {
            self.write(&format!("raw/{path}"), bytes);
            self.write(&format!("canonical/{path}"), &canonical(path, bytes));
        }
        self.files.extend(changed);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", what]);
    }

    /// Returns how many lines git tells as added and removed, of files as exported and in canonical form, a commit each.
    /// The first commit, of all files, is left out.
    fn lines(&self) -> Vec<[usize; 2]> {
        let log = self.git(&["log", "--reverse", "--format=format:commit", "--numstat"]);
        let mut commits: Vec<[usize; 2]> = Vec::new();
        for line in log.lines().filter(|line| !line.is_empty()) {
            if line == "commit" {
                commits.push([0, 0]);
                continue;
            }
            let [added, removed, path] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let lines = added.parse::<usize>().unwrap() + removed.parse::<usize>().unwrap();
            commits.last_mut().unwrap()[usize::from(path.contains("canonical/"))] += lines;
        }
        commits.split_off(1)
    }
}

/// Reads the files of a folder that are recipes, each below a name.
fn recipes(folder: &str, below: &str) -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let names = recipesync::fs::list(&root).unwrap_or_default();
    let recipes = names.iter().filter_map(|name| name.to_str()).filter(|name| name.ends_with(".recipe.json"));
    let read = |name: &str| {
        let path = PackagePath::parse(&format!("{below}/{name}")).unwrap();
        (path, recipesync::fs::read(&root.join(name), 1 << 24).unwrap())
    };
    recipes.map(read).collect()
}

fn made() -> Option<History> {
    let mut files = recipes("../shared/corpus/dewy-resort", "dewy-resort");
    if files.is_empty() {
        return None;
    }
    files.extend(recipes("tests/data/travelperk", "fyle"));
    files.extend(recipes("tests/data/order-desk", "desk"));
    let travelperk = files.iter().find(|(path, _)| path.as_str().starts_with("fyle/")).unwrap();
    let travelperk = (travelperk.0.clone(), String::from_utf8(travelperk.1.clone()).unwrap());
    let mut history = History::start(files);
    let edited = travelperk.1.replace("\"version\": 9", "\"version\": 13");
    let edited = edited.replace("\"is_reimbursable\": \"false\"", "\"is_reimbursable\": \"true\"");
    assert_ne!(edited, travelperk.1);
    history.commit("edit: as it was made", [(travelperk.0, edited.into_bytes())].into());
    history.commit("format: as it was made", recipes("../shared/corpus/dewy-resort-resorted", "dewy-resort"));

    let mut author = Author::of(&history.files);
    let all: Vec<PackagePath> = history.files.keys().cloned().collect();
    let spelled: Files = author.all(Spelling::Exported);
    history.commit("format: by the first client again", spelled);
    for round in 0..ROUNDS {
        for (at, path) in all.iter().enumerate() {
            let number = round * all.len() + at;
            let what = author.edit(path, number);
            history.commit(&format!("edit: {what}"), [(path.clone(), author.export(path, number))].into());
            if number % 20 == 19 {
                let some = all.iter().skip(at % 7).step_by(7);
                let files = some.map(|path| (path.clone(), author.imported(path))).collect();
                history.commit("noise: an import and the next export", files);
            }
        }
    }
    history.commit("format: by another client", author.all(Spelling::OtherClient));
    Some(history)
}

#[test]
fn a_history_is_told_in_few_lines() {
    let Some(history) = made() else { return };
    let mut sums: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    let lines = history.lines();
    assert_eq!(lines.len(), history.told.len());
    for ((what, told), [raw, canonical]) in history.told.iter().zip(lines) {
        assert_eq!(*told > 0, what.starts_with("edit"), "{what}: every edit is told, and nothing else");
        for what in ["all", what.as_str(), what.split(':').next().unwrap()] {
            let sum = sums.entry(what).or_default();
            sum.iter_mut().zip([1, *told, raw, canonical]).for_each(|(sum, more)| *sum += more);
        }
    }
    for (what, [commits, told, raw, canonical]) in &sums {
        println!(
            "{what}: {commits} commits, {told} lines of changes; {raw} as exported, {canonical} canonical"
        );
    }
    let [_, told, raw, canonical] = sums["all"];
    assert!(100 * told <= 2 * raw, "{told} lines for {raw}");
    assert!(100 * told <= 10 * canonical, "{told} lines for {canonical}");
    let [_, formatted, _, by_format] = sums["format"];
    let (told, canonical) = (told - formatted, canonical - by_format);
    assert!(
        100 * told <= 10 * canonical,
        "{told} lines for {canonical}, without commits of another spelling"
    );

    let all = history.recipes.len();
    let within = |most: usize| history.recipes.iter().filter(|lines| **lines <= most).count();
    println!("{all} recipes changed: {} in 10 lines, {} in 40", within(10), within(40));
    assert!(10 * within(10) >= 8 * all, "{} of {all} in 10 lines", within(10));
    assert!(100 * within(40) >= 95 * all, "{} of {all} in 40 lines", within(40));

    let binary = assert_cmd::cargo::cargo_bin!("recipesync");
    let outline = format!("'{}' show --stable --", binary.display());
    history.git(&["config", "diff.workato.textconv", &outline]);
    let log = |first: &str, textconv: &str| {
        let log = history.git(&["log", "--patch", first, textconv, "--", "canonical"]);
        log.lines().filter(|line| line.starts_with(['+', '-', ' ', '@'])).count()
    };
    let start = history.git(&["rev-list", "--max-parents=0", "HEAD"]);
    for first in [&format!("{}..HEAD", start.trim()), "HEAD"] {
        let (outlines, whole) = (log(first, "--textconv"), log(first, "--no-textconv"));
        println!("git log -p {first}: {outlines} lines of {whole}");
        assert!(outlines > told && 100 * outlines <= 15 * whole, "{outlines} lines of {whole}");
    }
}
