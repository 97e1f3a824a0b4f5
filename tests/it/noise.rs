//! What changes with nobody's doing makes no commit and no import.

use std::path::Path;

use recipesync::model::path::PackagePath;

use crate::stage::{Pairing, Stage, recipe, says};

const INTAKE: &str = "intake.recipe.json";
const SETTINGS: &str = "settings.properties.json";
const PAGE: &str = "desk.lcap_page.json";
const PAGE_ZIP: &str = "desk.lcap_page.zip";

/// Exports as often as said, each time an hour later, and asserts that nothing comes of it.
fn stays_quiet(stage: &Stage, looks: usize) {
    let (tip, imports) = (stage.upstream.tip("main"), stage.imports().len());
    let exports = stage.requests("export.start");
    for _ in 0..looks {
        stage.world(|world| world.settings.clock_offset_ms += 3_600_000);
        let synced = stage.sync_with(&["--full"]).expect(0, "in_sync");
        let commit = &synced.status["last_export"]["commit"];
        assert!(commit.is_null(), "{}", stage.upstream.at_upstream(&["show", commit.as_str().unwrap()]));
    }
    assert_eq!((stage.upstream.tip("main"), stage.imports().len()), (tip, imports));
    assert!(stage.requests("export.start") >= exports + looks);
}

#[test]
fn an_export_of_an_unchanged_workspace_makes_no_commit() {
    let stage = Stage::new(
        Pairing::one_branch(),
        &[
            (INTAKE, recipe("Intake", "one")),
            (SETTINGS, r#"{"limit":null,"address":null,"zone":null}"#.to_owned()),
            (PAGE, r#"{"name":"Desk","path":"desk","content":{}}"#.to_owned()),
        ],
    );
    let inner = PackagePath::parse("page.json").unwrap();
    let zip = recipesync::archive::pack([(&inner, &br#"{"rows":[]}"#[..])]).unwrap();
    stage.put_in_workspace(PAGE_ZIP, zip);
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.upstream.files("main").len(), 4);
    stays_quiet(&stage, 4);
}

#[test]
fn volatile_fields_and_spelling_make_no_commit_by_themselves() {
    let file = recipe("Intake", "one");
    let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, file.clone())]);
    let value: serde_json::Value = serde_json::from_str(&file).unwrap();
    for noisy in [
        file.replace("\"version\":1", "\"version\":9"),
        format!("{value:#}\n"),
        file.replace("\"block\":[{", "\"toggleCfg\":{},\"block\":[{"),
        file.replace("\"Intake\"", "\"\\u0049ntake\""),
    ] {
        assert_ne!(noisy, file);
        stage.put_in_workspace(INTAKE, noisy);
        stays_quiet(&stage, 1);
    }
    stage.edit_in_workspace(INTAKE, &says("two"));
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.upstream.subjects("main").len(), 2);
}

#[test]
fn a_file_that_goes_or_comes_between_others_makes_no_noise_of_them() {
    let name = |number: usize| format!("d{}/r{number:03}.recipe.json", number / 40);
    let files: Vec<_> =
        (0..120).map(|number| (name(number), recipe(&format!("Recipe {number}"), "one"))).collect();
    let named: Vec<_> = files.iter().map(|(name, file)| (name.as_str(), file.clone())).collect();
    let stage = Stage::in_sync(Pairing::one_branch(), &named);
    let before = stage.upstream.tip("main").unwrap();
    for (name, file) in &files {
        stage.put_in_workspace(name, file.replace("\"version\":1", "\"version\":9"));
    }
    let [gone, last, between] = [name(17), name(118), "d1/r050b.recipe.json".to_owned()];
    for path in [&gone, &last] {
        stage.delete_in_workspace(path);
    }
    stage.put_in_workspace(&between, recipe("Between", "one"));
    stage.sync().expect(0, "in_sync");
    let changed = stage.upstream.at_upstream(&["diff", "--name-only", "--no-renames", &before, "main"]);
    let changed: Vec<&str> = changed.lines().map(|path| path.split_once('/').unwrap().1).collect();
    assert_eq!(changed, [&*gone, &*between, &*last]);
}

#[test]
fn a_commit_of_noise_is_not_imported() {
    let stage = Stage::in_sync(Pairing::one_branch(), &[(INTAKE, recipe("Intake", "one"))]);
    stage.edit_on_branch("main", INTAKE, "\"version\": 1", "\"version\": 5");
    stage.sync().expect(0, "in_sync");
    assert!(stage.imports().is_empty());
    stays_quiet(&stage, 1);
}

#[test]
fn what_the_server_derives_from_an_import_does_not_echo() {
    for pairing in [Pairing::one_branch(), Pairing::import_only()] {
        let stage = Stage::new(pairing, &[]);
        stage.commit("main", INTAKE, &recipe("Intake", "one"));
        stage.sync().expect(0, "in_sync");
        let stored = stage.workspace_file(INTAKE).unwrap();
        assert!(stored.contains("extended_input_schema"), "the import was not expanded: {stored}");
        stays_quiet(&stage, 5);
        stage.edit_on_branch("main", INTAKE, "one", "two");
        stage.sync().expect(0, "in_sync");
        assert_eq!(stage.imports().len(), 2);
        stays_quiet(&stage, 3);
    }
}

#[test]
fn with_two_branches_the_mirror_takes_what_the_server_derived_once() {
    let stage = Stage::new(Pairing::two_branches(), &[]);
    stage.commit("main", INTAKE, &recipe("Intake", "one"));
    stage.sync().expect(0, "in_sync");
    let mirrored = stage.branch_file("workspace", INTAKE).unwrap();
    assert!(mirrored.contains("extended_input_schema"), "{mirrored}");
    let mirror = stage.upstream.tip("workspace");
    stays_quiet(&stage, 3);
    assert_eq!(stage.upstream.tip("workspace"), mirror);
}

#[test]
fn every_kind_of_file_of_the_order_desk_stays_quiet() {
    let stage = Stage::new(Pairing::one_branch(), &[]);
    let files = recipesync::emulator::order_desk();
    files.iter().for_each(|(path, bytes)| stage.put_in_workspace(path, bytes));
    stage.sync().expect(0, "in_sync");
    assert_eq!(stage.upstream.files("main").len(), files.len());
    stays_quiet(&stage, 2);
}

/// The files of a package tree, if it is there.
fn tree(root: &Path) -> Option<Vec<(String, Vec<u8>)>> {
    let paths = recipesync::fs::list(root).ok()?;
    let file = |path: std::path::PathBuf| {
        let bytes = recipesync::fs::read(&root.join(&path), 1 << 26).unwrap();
        (path.to_str().unwrap().to_owned(), bytes)
    };
    Some(paths.into_iter().map(file).collect())
}

#[test]
fn recorded_exports_of_one_state_make_one_commit() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    for (first, second) in
        [("synthetic-all-types", "synthetic-all-types-reexport"), ("dewy-resort", "dewy-resort-resorted")]
    {
        let (Some(first), Some(second)) = (tree(&corpus.join(first)), tree(&corpus.join(second))) else {
            continue;
        };
        let stage = Stage::new(Pairing::one_branch(), &[]);
        let put = |files: &[(String, Vec<u8>)]| {
            files.iter().for_each(|(path, bytes)| stage.put_in_workspace(path, bytes));
        };
        put(&first);
        stage.sync().expect(0, "in_sync");
        // Of another workspace, which generates another name for its connector.
        put(&second
            .into_iter()
            .filter(|(path, _)| !path.ends_with("get_all_entities.recipe.json"))
            .collect::<Vec<_>>());
        stays_quiet(&stage, 2);
    }
}
