//! The rules of the house that no compiler knows: module texts, lengths, layers, forgotten files.
//!
//! Each rule is a function from a file to its complaints, so that each is seen to complain as well.

use std::path::{Path, PathBuf};

/// The longest file, in lines before its tests: what a reader holds in one go.
const MOST_LINES: usize = 400;

/// What each room is built on: it may use the rooms of lower layers.
const LAYERS: [(&str, u8); 18] = [
    ("model", 0),
    ("asset", 0),
    ("review", 0),
    ("secrets", 0),
    ("archive", 1),
    ("blocking", 1),
    ("cores", 1),
    ("fs", 1),
    ("git", 1),
    ("store", 1),
    ("workato", 1),
    ("sync", 2),
    ("daemon", 3),
    ("emulator", 3),
    ("cli", 4),
    ("config", 4),
    ("telemetry", 4),
    ("wire", 4),
];

/// What the rooms of layer 0 must not even name.
const IMPURE: [&str; 8] =
    ["tokio", "tracing", "reqwest", "git2", "rusqlite", "std::fs", "std::net", "async fn"];

/// A file of ours: its path below the package's folder, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// The module of the first level that the file belongs to; none for the roots.
    fn room(&self) -> Option<&str> {
        let below = self.path.strip_prefix("src/")?;
        let room = below.split('/').next()?.trim_end_matches(".rs");
        LAYERS.iter().find(|(name, _)| *name == room).map(|(name, _)| *name)
    }

    fn is_test_file(&self) -> bool {
        self.path.starts_with("tests/") || self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The lines without comments, the tests among them.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate().map(|(at, line)| (at + 1, line));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches"] {
        if !package().join(folder).exists() {
            continue;
        }
        for name in recipesync::fs::list(&package().join(folder)).unwrap() {
            let path = PathBuf::from(folder).join(&name);
            if path.extension().is_some_and(|extension| extension == "rs") {
                let text = recipesync::fs::read_text(&package().join(&path), 1 << 20).unwrap();
                found.push(Source { path: path.to_str().unwrap().to_owned(), text });
            }
        }
    }
    found
}

/// Every file says first what it is for.
fn opening(source: &Source) -> Vec<String> {
    if source.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![format!("{}: starts without `//!`", source.path)]
}

fn length(source: &Source) -> Vec<String> {
    let lines = source.text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
    if lines <= MOST_LINES || source.is_test_file() {
        return Vec::new();
    }
    vec![format!("{}: {lines} lines before its tests, more than {MOST_LINES}", source.path)]
}

/// Arrows point down; rooms of one layer do not see each other, but for those whose layer allows it. Files that are
/// tests alone may use whatever they need.
fn layers(source: &Source) -> Vec<String> {
    // Samples are read from the disk where there are more than fit into a test.
    let Some(room) = source.room().filter(|_| !source.is_test_file()) else { return Vec::new() };
    let layer = |name: &str| LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer);
    let own = layer(room).unwrap();
    let mut complaints = Vec::new();
    for (at, line) in source.code() {
        for after in line.split("crate::").skip(1) {
            let name: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let Some(used) = layer(&name) else { continue };
            let shared = matches!(name.as_str(), "fs" | "blocking" | "cores") && own >= 1;
            // A plan speaks of assets, an asset of paths; the top layer wires itself.
            let beside = own == used && matches!(own, 0 | 4);
            if room != name && used >= own && !shared && !beside {
                complaints
                    .push(format!("{}:{at}: {room} (layer {own}) uses {name} (layer {used})", source.path));
            }
        }
    }
    complaints
}

fn purity(source: &Source) -> Vec<String> {
    let is_pure = matches!(source.room(), Some("model" | "asset" | "review" | "secrets"));
    let tests = source.text.lines().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(usize::MAX);
    let lines = source.code().filter(|(at, _)| is_pure && *at <= tests);
    let named = lines.flat_map(|(at, line)| {
        let words = IMPURE.iter().filter(move |word| line.contains(**word));
        words.map(move |word| format!("{}:{at}: a room of layer 0 names {word}", source.path))
    });
    named.collect()
}

/// Expressions are for text of ASCII: the program is built without the tables of Unicode that these classes need, and
/// panics at them. No other test can tell, as the dependencies of the tests bring the tables along.
fn expressions(source: &Source) -> Vec<String> {
    let has_tables = source.is_test_file() || source.text.contains(".unicode(false)");
    if has_tables || !source.text.contains(concat!("Regex::", "new")) {
        return Vec::new();
    }
    let classes = [r"\s", r"\S", r"\d", r"\D", r"\w", r"\W", r"\b", r"\B", r"\p", r"\P", "(?i"];
    let literals = source.code().filter(|(_, line)| line.contains("r\"") || line.contains("r#\""));
    let found = literals.flat_map(|(at, line)| {
        let found = classes.iter().filter(move |class| line.contains(**class));
        found.map(move |class| format!("{}:{at}: {class} in an expression", source.path))
    });
    found.collect()
}

fn leftovers(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    for (at, line) in source.code() {
        for word in [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[", "allow(")] {
            if line.contains(word) {
                complaints.push(format!("{}:{at}: {word}", source.path));
            }
        }
        // Long runs alone are asked for by hand.
        if line.contains(concat!("#[", "ignore")) && !source.path.ends_with("soak.rs") {
            complaints.push(format!("{}:{at}: a test that never runs", source.path));
        }
    }
    complaints
}

fn all(source: &Source) -> Vec<String> {
    [opening, length, layers, purity, expressions, leftovers].iter().flat_map(|rule| rule(source)).collect()
}

#[test]
fn the_house_is_tidy() {
    let sources = sources();
    assert!(sources.len() > 50, "only {} files were found", sources.len());
    let complaints: Vec<String> = sources.iter().flat_map(all).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_room_and_every_test_file_is_known() {
    let sources = sources();
    let text = |path: &str| &sources.iter().find(|source| source.path == path).unwrap().text;
    let declared = |path: &str| -> Vec<String> {
        let lines =
            text(path).lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
        lines.map(|line| line.trim_end_matches(';').to_owned()).collect()
    };
    for room in declared("src/lib.rs") {
        assert!(LAYERS.iter().any(|(name, _)| *name == room), "src/{room} has no layer");
    }
    let told = declared("tests/it/main.rs");
    for source in sources.iter().filter(|source| source.path.starts_with("tests/it/")) {
        let below = source.path.trim_start_matches("tests/it/");
        let module = below.split('/').next().unwrap().trim_end_matches(".rs");
        assert!(module == "main" || told.iter().any(|name| name == module), "{} never runs", source.path);
    }
}

#[test]
fn each_rule_complains() {
    let of = |path: &str, text: &str| all(&Source::new(path, text));
    let long = format!("//! Long.\n{}", "x\n".repeat(MOST_LINES));
    for (path, text, complaint) in [
        ("src/git/a.rs", "use a;\n", "src/git/a.rs: starts without `//!`"),
        ("src/git/a.rs", long.as_str(), "src/git/a.rs: 401 lines before its tests, more than 400"),
        (
            "src/git/a.rs",
            "//! A.\nuse crate::store::Store;",
            "src/git/a.rs:2: git (layer 1) uses store (layer 1)",
        ),
        (
            "src/sync/a.rs",
            "//! A.\nlet a = crate::cli::b();",
            "src/sync/a.rs:2: sync (layer 2) uses cli (layer 4)",
        ),
        ("src/model/a.rs", "//! A.\nuse crate::fs;", "src/model/a.rs:2: model (layer 0) uses fs (layer 1)"),
        ("src/model/a.rs", "//! A.\nuse std::fs;", "src/model/a.rs:2: a room of layer 0 names std::fs"),
        (
            "src/git/a.rs",
            concat!("//! A.\nlet a = Regex::", "new(r\"a\\s\");"),
            "src/git/a.rs:2: \\s in an expression",
        ),
        ("src/fs.rs", concat!("//! A.\ntodo", "!()"), concat!("src/fs.rs:2: todo", "!(")),
        ("tests/it/a.rs", concat!("//! A.\n#[", "ignore]"), "tests/it/a.rs:2: a test that never runs"),
    ] {
        assert_eq!(of(path, text), [complaint]);
    }
    let fine = "//! A.\nuse crate::fs;\nuse crate::model::oid;\n// crate::cli\n#[cfg(test)]\n";
    assert_eq!(of("src/git/a.rs", &format!("{fine}{long}")), Vec::<String>::new());
    assert_eq!(of("src/git/tests.rs", &long), Vec::<String>::new());
}

#[test]
fn the_readme_says_what_the_files_say() {
    let read = |path: &str| recipesync::fs::read_text(&package().join(path), 1 << 20).unwrap();
    let readme = read("README.md");
    let opening: String = readme.chars().take(6000).collect();
    for command in ["cargo run --release -- demo", "cargo test"] {
        assert!(opening.contains(&format!("```sh\n{command}\n```")), "{command}");
    }
    let plain = |text: &str| text.lines().map(|line| format!("{}\n", line.trim())).collect::<String>();
    let minimal = read("config/recipesync.minimal.toml");
    let (_, minimal) = minimal.split_once("\n\n").unwrap();
    assert!(plain(&readme).contains(&plain(minimal)), "the smallest configuration is another one");
    let example = read("config/recipesync.example.toml");
    let keys = example.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key);
    for key in keys.filter(|key| !key.starts_with('#')) {
        assert!(readme.contains(&format!("`{key}`")), "{key}");
    }
}
