//! A file of an export that is parsed once, against what is made of it step by step: real files, and what is left of
//! them after somebody or something has been at their bytes.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use recipesync::asset::canonical::canonical;
use recipesync::asset::compare::content;
use recipesync::asset::exported::Exported;
use recipesync::model::path::PackagePath;
use recipesync::secrets;

/// Where files are: those that are always there, and the corpus where it is.
const FOLDERS: [&str; 6] = [
    "tests/data/order-desk",
    "tests/data/travelperk",
    "tests/data/dewy-resort",
    "src/emulator/seed",
    "../shared/corpus/dewy-resort",
    "../shared/corpus/synthetic-all-types",
];

static FILES: LazyLock<Vec<(PackagePath, Vec<u8>)>> = LazyLock::new(|| {
    let mut files = Vec::new();
    for folder in FOLDERS.map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) {
        for file in if folder.is_dir() { below(&folder) } else { Vec::new() } {
            let name = file.file_name().unwrap().to_str().unwrap();
            files.push((PackagePath::parse(name).unwrap(), recipesync::fs::read(&file, 64 << 20).unwrap()));
        }
    }
    files
});

fn below(folder: &Path) -> Vec<PathBuf> {
    recipesync::fs::list(folder).unwrap().into_iter().map(|name| folder.join(name)).collect()
}

/// Something that happens to the bytes of a file.
#[derive(Debug, Clone)]
enum Damage {
    /// They end early.
    End(Index),
    /// Something stands in place of one of them.
    Replace(Index, &'static [u8]),
    /// One of them is written as an escape.
    Escape(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let pieces = [
        &b"\""[..],
        b"\\",
        b",",
        b"\xff",
        b" ",
        b"\n",
        b"a",
        b"[]",
        b"\\ud800",
        b"jane@example.test",
        b"\",\"api_key\":\"EXAMPLEfakefakefakefake01",
        b"Authorization: Bearer EXAMPLEfakefakefakefake01",
    ];
    prop_oneof![
        1 => any::<Index>().prop_map(Damage::End),
        9 => (any::<Index>(), prop::sample::select(pieces.to_vec()))
            .prop_map(|(at, piece)| Damage::Replace(at, piece)),
        20 => any::<Index>().prop_map(Damage::Escape),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        match damage {
            Damage::End(at) => bytes.truncate(at.index(bytes.len()).max(1)),
            Damage::Replace(at, piece) => {
                let at = at.index(bytes.len());
                bytes.splice(at..=at, piece.iter().copied());
            }
            Damage::Escape(at) => {
                let at = at.index(bytes.len());
                let escape = format!("\\u{:04x}", bytes[at]);
                bytes.splice(at..=at, escape.into_bytes());
            }
        }
    }
    bytes
}

fn assert_as_step_by_step(path: &PackagePath, bytes: &[u8]) {
    let exported = Exported::parse(path, bytes);
    let file = canonical(path, bytes);
    assert_eq!(exported.file(), &*file, "{path}");
    assert_eq!(exported.content(), content(path, &file), "{path}");
    assert_eq!(secrets::scan_exported(&exported), secrets::scan(path, &file), "{path}");
}

#[test]
fn real_files_are_what_they_are_step_by_step() {
    assert!(FILES.len() > 20);
    for (path, bytes) in &*FILES {
        assert_as_step_by_step(path, bytes);
    }
}

proptest! {
    #[test]
    fn damaged_files_are_what_they_are_step_by_step(
        file in any::<Index>(), damages in prop::collection::vec(damage(), 1..4),
    ) {
        let (path, bytes) = &FILES[file.index(FILES.len())];
        assert_as_step_by_step(path, &damaged(bytes.clone(), &damages));
    }
}
