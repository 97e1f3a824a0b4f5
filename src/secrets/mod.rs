//! Finds what must not get into git: credentials that somebody typed into connector source, a recipe or a property.
//!
//! Pure: a file's bytes in, findings out, and a finding never holds the value. Known formats are those of the Gitleaks
//! rule set (`known`); everything else is judged by the name that stands beside a value (`names`), which in a recipe
//! or in connector source is nearly always there. What comes of a finding is not decided here.

mod json;
mod known;
mod names;
mod settings;
mod signs;
mod source;
mod values;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use json::Beside;
pub use settings::{Allowed, Policy, Settings};
pub use source::redacted;

use crate::asset::exported::Exported;
use crate::asset::json::Doc;
use crate::asset::kind::Kind;
use crate::asset::page;
use crate::model::path::PackagePath;

/// What is shown instead of a secret.
const HIDDEN: &str = "(hidden)";

/// How sure it is that something must not get into git.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// An address of a person: told, and nothing more.
    Personal,
    /// It is called a secret, and may be a word that somebody put there to try something.
    Likely,
    /// It looks like nothing else.
    Certain,
}

impl Level {
    /// Returns the word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// Something in a file that must perhaps not get into git; never the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The line of the file, from 1; of a page's zip, the line of the page inside.
    pub line: u32,
    /// What it is: the name of a rule.
    pub kind: Cow<'static, str>,
    /// How sure that is.
    pub level: Level,
}

/// What is known of one value: the name of the rule, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    level: Level,
    kind: &'static str,
}

impl Mark {
    const fn certain(kind: &'static str) -> Self {
        Self { level: Level::Certain, kind }
    }

    const fn likely(kind: &'static str) -> Self {
        Self { level: Level::Likely, kind }
    }
}

/// Returns the surer of two; the first where they are as sure.
fn surer(one: Option<Mark>, other: Option<Mark>) -> Option<Mark> {
    match (one, other) {
        (Some(a), Some(b)) if b.level > a.level => other,
        (None, _) => other,
        _ => one,
    }
}

/// Returns what a file holds that must perhaps not get into git, in the order of its lines: in linear time, one
/// finding for each value of a JSON file and for each line of other texts.
///
/// What `recipesync:allow` settles in connector source is left out.
#[must_use]
pub fn scan(path: &PackagePath, bytes: &[u8]) -> Vec<Finding> {
    let kind = Kind::of(path);
    match path.file_name().rsplit_once('.').map(|(_, extension)| extension) {
        Some("png") if bytes.starts_with(b"\x89PNG") => Vec::new(),
        Some("zip") if kind == Kind::Page => {
            let pages = page::files(bytes).unwrap_or_default();
            pages.iter().flat_map(|(_, page)| scan_text(&Kind::Page, page)).collect()
        }
        _ => scan_text(&kind, bytes),
    }
}

/// Returns what [`scan`] finds in the file of an export. Whether there is anything is told from its tree; only where
/// there is, the file is read for the lines.
#[must_use]
pub fn scan_exported(exported: &Exported<'_>) -> Vec<Finding> {
    let (path, file) = (exported.path(), exported.file());
    match exported.doc() {
        Some(doc) if file.len() < LARGE && json::is_silent(&Kind::of(path), doc) => Vec::new(),
        _ => scan(path, file),
    }
}

/// Returns a file as it may be shown: each line that surely holds a secret is replaced by a word that says so.
#[must_use]
pub fn shown(path: &PackagePath, bytes: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
    if Doc::parse(bytes).is_err() {
        return redacted(text).into_owned().into_bytes();
    }
    let hidden = hidden_lines(path, bytes);
    let show = |(number, line): (u32, &str)| {
        if !hidden.contains(&number) {
            return line.to_owned();
        }
        let indent = line.len() - line.trim_start().len();
        format!("{}{HIDDEN}{}", &line[..indent], if line.ends_with('\n') { "\n" } else { "" })
    };
    (1..).zip(text.split_inclusive('\n')).map(show).collect::<String>().into_bytes()
}

fn hidden_lines(path: &PackagePath, bytes: &[u8]) -> BTreeSet<u32> {
    let certain = scan(path, bytes).into_iter().filter(|finding| finding.level == Level::Certain);
    certain.map(|finding| finding.line).collect()
}

/// Returns a short name for the lines that surely hold secrets, if there are any: another one where one of them changed,
/// so that this can be told without a value. It says no more of them than that.
#[must_use]
pub fn hidden_name(path: &PackagePath, bytes: &[u8]) -> Option<String> {
    let hidden = hidden_lines(path, bytes);
    if hidden.is_empty() {
        return None;
    }
    let mut hasher = blake3::Hasher::new_derive_key("recipesync: lines that hold secrets");
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let lines = (1..).zip(text.lines()).filter(|(number, _)| hidden.contains(number));
            for (_, line) in lines {
                hasher.update(line.trim().as_bytes()).update(b"\n");
            }
        }
        Err(_) => {
            hasher.update(bytes);
        }
    }
    Some(hasher.finalize().to_hex().as_str()[..8].to_owned())
}

/// From this size on, in bytes, JSON is searched as lines, which it is in canonical form: as a tree it would take several
/// times its size in memory. The largest recipe that was ever seen has 3 MB.
const LARGE: usize = 8 << 20;

fn scan_text(kind: &Kind, bytes: &[u8]) -> Vec<Finding> {
    match (bytes.len() < LARGE).then(|| Doc::parse(bytes)) {
        Some(Ok(doc)) => json::scan(kind, &doc, bytes),
        Some(Err(_)) | None => source::scan(&String::from_utf8_lossy(bytes)),
    }
}

/// Returns whether a value is surely a secret, and is not to be shown: `name` is the key that it stands beside, empty
/// where there is none. Formulas, data pills and JSON inside of it are understood.
#[must_use]
pub fn is_hidden(name: &str, value: &str) -> bool {
    let name = (!name.is_empty()).then_some(name);
    values::judge(name, value, 0).is_some_and(|mark| mark.level == Level::Certain)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::asset::canonical::tests::{json, respell};

    const CASES: &str = include_str!("../../tests/data/secret-cases.json");

    fn path(name: &str) -> PackagePath {
        PackagePath::parse(name).unwrap()
    }

    fn strongest(path: &PackagePath, bytes: &[u8]) -> Option<Level> {
        scan(path, bytes).iter().map(|finding| finding.level).max()
    }

    #[test]
    fn every_known_case_is_judged_as_expected() {
        let cases: serde_json::Value = serde_json::from_str(CASES).unwrap();
        let mut wrong = String::new();
        for case in cases["cases"].as_array().unwrap() {
            let text = |key: &str| case[key].as_str().unwrap();
            let expected = match text("expect") {
                "flag" => Some(Level::Certain),
                "flag-low" => Some(Level::Likely),
                "pii" => Some(Level::Personal),
                _ => None,
            };
            let path = path(&format!("x.{}", text("asset")));
            // The file as it came, and as it is committed.
            let canonical =
                crate::asset::canonical::canonical(&path, text("snippet").as_bytes()).into_owned();
            for bytes in [text("snippet").as_bytes(), &canonical] {
                let found = scan(&path, bytes);
                if found.iter().map(|finding| finding.level).max() != expected {
                    writeln!(wrong, "{}: {found:?}, not {expected:?}", text("id")).unwrap();
                }
            }
        }
        assert!(wrong.is_empty(), "\n{wrong}");
    }

    #[test]
    fn that_a_secret_changed_can_be_told_without_it() {
        let recipe = |secret: &str, other: &str| {
            let text = format!("{{\n  \"client_secret\": \"{secret}\",\n  \"limit\": {other}\n}}\n");
            hidden_name(&path("x.recipe.json"), text.as_bytes())
        };
        let first = recipe("EXAMPLEfakefakefakefake01", "1");
        assert!(first.is_some() && first == recipe("EXAMPLEfakefakefakefake01", "2"));
        assert_ne!(first, recipe("EXAMPLEfakefakefakefake02", "1"));
        assert_eq!(recipe("", "1"), None);
        let source =
            |token: &str| hidden_name(&path("x.custom_adapter.rb"), format!("token: '{token}'").as_bytes());
        assert_ne!(source("EXAMPLEfakefakefakefake01"), source("EXAMPLEfakefakefakefake02"));
    }

    /// Asserts that a file that was parsed once is searched as what is committed of it.
    fn assert_searched_as_committed(path: &PackagePath, bytes: &[u8]) {
        let found = scan(path, &crate::asset::canonical::canonical(path, bytes));
        assert_eq!(scan_exported(&Exported::parse(path, bytes)), found);
        assert_eq!(scan_exported(&Exported::lean(path, bytes.to_vec())), found);
    }

    #[test]
    fn the_tree_of_an_export_is_searched_as_the_file() {
        let cases: serde_json::Value = serde_json::from_str(CASES).unwrap();
        for case in cases["cases"].as_array().unwrap() {
            let path = path(&format!("x.{}", case["asset"].as_str().unwrap()));
            let text = case["snippet"].as_str().unwrap();
            assert_searched_as_committed(&path, text.as_bytes());
            assert_searched_as_committed(&path, format!("[\n{text}]").as_bytes());
        }
    }

    proptest! {
        #[test]
        fn the_tree_of_any_export_is_searched_as_the_file(
            mut value in json(), mut seed in any::<u64>(), at in any::<prop::sample::Index>(), kind in 0..4_usize,
        ) {
            let cases: serde_json::Value = serde_json::from_str(CASES).unwrap();
            let cases = cases["cases"].as_array().unwrap();
            let snippet = cases[at.index(cases.len())]["snippet"].as_str().unwrap();
            let snippet = serde_json::from_str(snippet).unwrap_or_else(|_| snippet.into());
            if let Some(members) = value.as_object_mut() {
                members.insert("api_key".to_owned(), snippet);
            } else if let Some(items) = value.as_array_mut() {
                items.push(snippet);
            }
            let mut text = String::new();
            respell(&value, &mut seed, &mut text);
            let kind = ["recipe", "properties", "lookup_table", "data_table"][kind];
            assert_searched_as_committed(&path(&format!("a.{kind}.json")), text.as_bytes());
        }
    }

    #[test]
    fn what_is_not_json_though_it_is_named_so_is_read_line_by_line() {
        let text = "{\"a\": 1,\n \"a\": 2,\n \"client_secret\": \"EXAMPLEfakefakefakefake01\"}";
        let found = scan(&path("x.recipe.json"), text.as_bytes());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].level), (3, Level::Certain));
        let marked = format!("\u{feff}{}", text.replace("\"a\": 2,", ""));
        assert_eq!(strongest(&path("x.recipe.json"), marked.as_bytes()), Some(Level::Certain));
    }

    #[test]
    fn the_line_is_that_of_the_value() {
        let text = "{\n  \"a\": \"x\",\n  \"z\": {\n    \"token\": \"EXAMPLEfakefakefakefake01\"\n  },\n  \"b\": \"jane@example.test\"\n}\n";
        let found = scan(&path("x.recipe.json"), text.as_bytes());
        let told: Vec<_> =
            found.iter().map(|finding| (finding.line, finding.kind.as_ref(), finding.level)).collect();
        assert_eq!(told, [(4, "named-secret", Level::Certain), (6, "mail-address", Level::Personal)]);
        assert!(!format!("{found:?}").contains("EXAMPLE"));
    }

    #[test]
    fn a_page_is_read_inside_its_zip() {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        writer.start_file("page.json", zip::write::SimpleFileOptions::DEFAULT).unwrap();
        let page = br#"{"content": {"token": "EXAMPLEfakefakefakefake01"}}"#;
        std::io::Write::write_all(&mut writer, page).unwrap();
        let zip = writer.finish().unwrap().into_inner();
        assert_eq!(strongest(&path("x.lcap_page.zip"), &zip), Some(Level::Certain));
    }

    #[test]
    fn lines_with_secrets_are_not_shown() {
        let text = "{\n  \"a\": 1,\n  \"client_secret\": \"EXAMPLEfakefakefakefake01\"\n}\n";
        let shown = |name, text: &str| String::from_utf8(shown(&path(name), text.as_bytes())).unwrap();
        assert_eq!(shown("x.recipe.json", text), "{\n  \"a\": 1,\n  (hidden)\n}\n");
        assert_eq!(shown("x.custom_adapter.rb", "token: 'EXAMPLEfakefakefakefake01'\nb"), "(hidden)\nb");
    }

    #[test]
    fn values_are_hidden_with_and_without_a_name() {
        assert!(is_hidden("client_secret", "EXAMPLEfakefakefakefake01"));
        assert!(is_hidden("", "https://svc:EXAMPLEpw01@db.example.test/x"));
        assert!(!is_hidden("message", "EXAMPLEfakefakefakefake01") && !is_hidden("client_secret", "=null"));
    }

    #[test]
    fn a_large_file_is_searched_as_lines() {
        let filling = format!("  \"a\": \"{}\",\n", "x".repeat(100)).repeat(90_000);
        let text = format!("{{\n{filling}  \"client_secret\": \"EXAMPLEfakefakefakefakefakefake01\"\n}}\n");
        assert!(text.len() > LARGE);
        assert_eq!(strongest(&path("a.recipe.json"), text.as_bytes()), Some(Level::Certain));
    }

    #[test]
    fn an_export_that_is_large_in_canonical_form_is_searched_as_lines() {
        // What is beside a name here is a secret on a line, and only the name of a field in a tree.
        let inside = r#"{"extended_input_schema":{"client_secret":"EXAMPLEfakefakefakefake01"}}"#;
        let text = format!("{}{}{inside}{}", "[".repeat(200), "1,".repeat(25_000), "]".repeat(200));
        let path = path("a.recipe.json");
        let exported = Exported::parse(&path, text.as_bytes());
        assert!(exported.file().len() > LARGE && exported.doc().is_some());
        assert!(json::is_silent(&Kind::of(&path), exported.doc().unwrap()));
        assert_eq!(scan_exported(&exported).len(), 1);
        assert_searched_as_committed(&path, text.as_bytes());
    }

    /// Everything of the corpus that was exported from somebody's workspace.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "test data")]
    fn real_packages_raise_no_false_alarm() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
        let mut folders: Vec<_> =
            ["dewy-resort", "synthetic-all-types"].map(|name| corpus.join(name)).to_vec();
        folders.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/emulator/seed"));
        let mut told = String::new();
        while let Some(folder) = folders.pop().filter(|folder| folder.is_dir()) {
            for entry in folder.read_dir().unwrap() {
                let file = entry.unwrap().path();
                if file.is_dir() {
                    folders.push(file);
                    continue;
                }
                let path = path(file.file_name().unwrap().to_str().unwrap());
                let found = scan(&path, &std::fs::read(&file).unwrap());
                for finding in found.iter().filter(|finding| finding.level != Level::Personal) {
                    writeln!(
                        told,
                        "{}:{} {} {:?}",
                        file.display(),
                        finding.line,
                        finding.kind,
                        finding.level
                    )
                    .unwrap();
                }
            }
        }
        assert!(told.is_empty(), "\n{told}");
    }
}
