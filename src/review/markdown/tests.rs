//! Markdown as a reviewer gets it, and that it is harmless and short whatever is in it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::change::{Change, ConnectorId, Content, FoldKind, Folded, Op, StepRef, Volatile, What};
use super::*;

/// A letter that stands in every value, and in no name.
const IN_VALUES: char = '§';

fn options(title: &str, max_chars: usize) -> Options<'_> {
    Options { title, max_chars, details: false, diagram: None, command: "recipesync diff main orders" }
}

fn asset(path: &str, name: &str, change: Option<AssetChange>, changes: Vec<Change>) -> AssetDiff {
    AssetDiff {
        path: path.to_owned(),
        old_path: None,
        kind: Kind::Recipe,
        name: Some(name.to_owned()),
        old_name: None,
        change,
        sameness: Sameness::Different,
        headline: match change {
            Some(AssetChange::Changed) => format!("{} steps changed", changes.len()),
            _ => "another word".to_owned(),
        },
        changes,
        folded: Vec::new(),
        volatile: Vec::new(),
        connector_ids: Vec::new(),
    }
}

fn change(number: usize, op: Op, field: &str, old: Option<&str>, new: Option<&str>) -> Change {
    let step =
        StepRef { number: Some(number), title: "Fyle · Post expenses".to_owned(), ..StepRef::default() };
    Change {
        op,
        what: What::Input,
        field: field.to_owned(),
        step: Some(step),
        old_pointer: None,
        new_pointer: None,
        more_pointers: Vec::new(),
        old: None,
        new: None,
        old_text: old.map(str::to_owned),
        new_text: new.map(str::to_owned),
        outline: Vec::new(),
        inside: 0,
    }
}

fn step(number: usize, op: Op, title: &str, outline: &[&str]) -> Change {
    let told = Some(title.to_owned());
    let (old, new) = match op {
        Op::Remove => (told, None),
        Op::Move => (Some("was 8".to_owned()), Some("now 3".to_owned())),
        _ => (None, told),
    };
    let outline = outline.iter().map(|line| (*line).to_owned()).collect();
    let mut change = change(number, op, "", None, None);
    change.step.as_mut().unwrap().title = title.to_owned();
    Change { what: What::Step, old_text: old, new_text: new, outline, ..change }
}

fn diff(assets: Vec<AssetDiff>) -> Diff {
    let mut counts = Counts::default();
    for asset in &assets {
        match asset.change {
            Some(AssetChange::Added) => counts.added += 1,
            Some(AssetChange::Removed) => counts.removed += 1,
            Some(AssetChange::Changed) => counts.changed += 1,
            Some(AssetChange::Moved) => counts.moved += 1,
            None => counts.unchanged += 1,
        }
    }
    let sameness = assets.iter().map(|asset| asset.sameness).max().unwrap_or(Sameness::Bytes);
    let summary = BTreeMap::from([(Kind::Recipe, counts)]);
    Diff { old: "a".into(), new: "b".into(), sameness, summary, connector_ids: Vec::new(), assets }
}

fn folded_only(path: &str) -> AssetDiff {
    let volatile = Volatile {
        field: "version".into(),
        old_pointer: None,
        new_pointer: None,
        old: Some(Content::Json("1".into())),
        new: Some(Content::Json("2".into())),
    };
    AssetDiff {
        sameness: Sameness::Content,
        volatile: vec![volatile],
        ..asset(path, "Quiet", None, Vec::new())
    }
}

#[test]
fn what_moved_says_from_where() {
    let mut moved = asset("New/a.recipe.json", "A", Some(AssetChange::Moved), Vec::new());
    moved.old_path = Some("Old_`one/a.recipe.json".to_owned());
    let text = markdown(&diff(vec![moved]), &options("orders", MAX_CHARS));
    assert!(text.contains("\n`New/a.recipe.json` (from ``Old_`one/a.recipe.json``)\n"), "{text}");
}

#[test]
fn a_comment_has_a_heading_a_table_and_a_section_for_each_asset() {
    let sql = "select a\nfrom b\nwhere c > 1\n";
    let changes = vec![
        step(2, Op::Add, "Logger · Log message", &["message: ```` and @everyone", "level: 1"]),
        step(3, Op::Move, "Fyle · Post file", &[]),
        change(5, Op::Replace, "data.is_reimbursable", Some("false"), Some("true")),
        change(5, Op::Replace, "sql", Some(sql), Some(&sql.replace('1', "2"))),
        change(6, Op::Add, "limit", None, Some("1")),
    ];
    let mut diff = diff(vec![
        asset("Recipes/a.recipe.json", "TravelPerk <> Fyle Integration", Some(AssetChange::Changed), changes),
        folded_only("Recipes/b.recipe.json"),
        asset("Recipes/c.recipe.json", "Old @one", Some(AssetChange::Removed), Vec::new()),
    ]);
    diff.connector_ids.push(ConnectorId {
        old: "x_connector_1_2".into(),
        new: "x_connector_3_4".into(),
        places: 13,
    });
    let text = markdown(&diff, &options("orders", MAX_CHARS)).replace('\u{200b}', "(0)");
    insta::assert_snapshot!(text, @"
        <!-- recipesync:diff orders -->
        ### orders: 1 recipe removed, 1 recipe changed

        | | Asset | Change |
        |---|---|---|
        | `-` | Old &#64;(0)one <sub>recipe</sub> | another word |
        | `~` | TravelPerk &lt;&gt; Fyle Integration <sub>recipe</sub> | 5 steps changed |

        <sub>Folded: 1 connector id in 13 places. 1 file differs only in generated fields.</sub>

        <details open><summary>- <b>Old &#64;(0)one</b> — another word</summary>

        `Recipes/c.recipe.json`

        </details>

        <details open><summary>~ <b>TravelPerk &lt;&gt; Fyle Integration</b> — 5 steps changed</summary>

        `Recipes/a.recipe.json`

        `````diff
        + step 2 Logger · Log message
        +     message: ```` and @everyone
        +     level: 1
        ! step 3 Fyle · Post file moved: was 8 → now 3
        ! step 5 Fyle · Post expenses
        !     data.is_reimbursable: false → true
        !     sql:
                  @@ -1,3 +1,3 @@
                  select a
                  from b
        -         where c > 1
        +         where c > 2
        ! step 6 Fyle · Post expenses
        +     limit: 1
        `````

        </details>
        ");
}

#[test]
fn without_a_limit_the_heading_counts_all() {
    let all = Counts { added: 1, removed: 1, changed: 1, moved: 1, unchanged: 1 };
    let mut of_three = diff(Vec::new());
    of_three.summary = [Kind::Recipe, Kind::Connection, Kind::LookupTable].map(|kind| (kind, all)).into();
    let heading = |max_chars| {
        let text = markdown(&of_three, &options("orders", max_chars));
        text.lines().find(|line| line.starts_with("### ")).unwrap().to_owned()
    };
    assert!(heading(MAX_CHARS).ends_with(" and 4 more"), "{}", heading(MAX_CHARS));
    assert_eq!(heading(0).matches(", 1 ").count(), 11, "{}", heading(0));
    assert!(!heading(0).contains("more"));
}

#[test]
fn a_comment_says_that_there_is_nothing() {
    let nothing = markdown(&diff(Vec::new()), &options("orders", MAX_CHARS));
    assert_eq!(nothing, "<!-- recipesync:diff orders -->\n### orders: identical\n");
    let folds = markdown(&diff(vec![folded_only("b.recipe.json")]), &options("orders", MAX_CHARS));
    insta::assert_snapshot!(folds, @"
        <!-- recipesync:diff orders -->
        ### orders: nothing changed in meaning

        <sub>1 file differs only in generated fields.</sub>
        ");
}

#[test]
fn what_is_least_missed_goes_first() {
    let long = |letter: char| letter.to_string().repeat(500);
    let changes = |size: usize| -> Vec<Change> {
        let mut changes = vec![step(1, Op::Remove, "Logger · Log message", &["message: gone"])];
        changes
            .extend((2..size).map(|at| change(at, Op::Replace, "text", Some(&long('a')), Some(&long('b')))));
        changes
    };
    let all = |sizes: &[usize]| {
        let assets = sizes.iter().enumerate().map(|(at, size)| {
            let (path, name) = (format!("{at}.recipe.json"), format!("Recipe {at}"));
            asset(&path, &name, Some(AssetChange::Changed), changes(*size))
        });
        diff(assets.collect())
    };
    let two = all(&[4, 30]);
    let told = |limit: usize| markdown(&two, &options("orders", limit));
    let whole = told(0);
    assert!(!whole.contains("Shortened") && whole.contains(&long('a')));
    insta::assert_snapshot!("shortened_values", told(16_000));
    // The small section is left as it is.
    assert!(told(16_000).contains(&long('a')));
    insta::assert_snapshot!("headings_only", told(3500));
    let many = markdown(&all(&[4; 60]), &options("orders", 1500));
    insta::assert_snapshot!(many, @"
        <!-- recipesync:diff orders -->
        ### orders: 60 recipes changed

        | | Asset | Change |
        |---|---|---|
        | `~` | Recipe 0 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 1 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 2 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 3 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 4 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 5 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 6 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 7 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 8 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 9 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 10 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 11 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 12 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 13 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 14 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 15 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 16 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 17 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 18 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 19 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 20 <sub>recipe</sub> | 3 steps changed |
        | `~` | Recipe 21 <sub>recipe</sub> | 3 steps changed |
        | | … and 38 more | |

        Shortened to fit into one comment: 60 sections are left out. All of it: `recipesync diff main orders`
        ");
    assert_eq!(markdown(&two, &options("orders", 20)), "<!-- recipesync:diff");
}

fn table(rows: usize) -> AssetDiff {
    let row = |at| {
        let change = change(at, Op::Replace, &format!("row {at}"), Some("1"), Some("2"));
        Change { step: None, what: What::Field, ..change }
    };
    asset("t.lookup_table.json", "Rates", Some(AssetChange::Changed), (1..=rows).map(row).collect())
}

#[test]
fn a_long_section_is_cut_to_the_lines_that_fit() {
    let small = change(1, Op::Replace, "limit", Some("1"), Some("2"));
    let small = asset("a.recipe.json", "A", Some(AssetChange::Changed), vec![small]);
    for assets in [vec![table(9000)], vec![table(6000), table(4000), small]] {
        let (count, rows) = (assets.len(), assets.iter().map(|asset| asset.changes.len()).sum::<usize>());
        let text = markdown(&diff(assets), &options("orders", MAX_CHARS));
        outside(&text);
        let told = text.lines().filter(|line| line.starts_with("! row ")).count();
        let left_out =
            text.lines().filter_map(|line| line.strip_prefix("# … ")?.strip_suffix(" lines left out"));
        let left_out: usize = left_out.map(|number| number.parse::<usize>().unwrap()).sum();
        assert_eq!(told + left_out, if count == 1 { rows } else { rows - 1 });
        assert!((MAX_CHARS - 500..=MAX_CHARS).contains(&utf16(&text)), "{} characters", utf16(&text));
        assert!(count == 1 || text.contains("!     limit: 1 → 2\n"), "what is short stays whole");
        assert!(text.contains("\nShortened to fit into one comment. All of it: "));
    }
}

#[test]
fn sections_that_are_left_out_are_counted() {
    let assets = (0..1000).map(|at| {
        let small = change(1, Op::Replace, "limit", Some("1"), Some("2"));
        asset(&format!("{at}.recipe.json"), &format!("Recipe {at}"), Some(AssetChange::Changed), vec![small])
    });
    let text = markdown(&diff(assets.collect()), &options("orders", MAX_CHARS));
    let sections = text.matches("<summary>").count();
    assert!(sections > 0 && text.contains("Recipe 0</b>"), "the first ones stay");
    let note = format!("\nShortened to fit into one comment: {} sections are left out. All", 1000 - sections);
    assert!(text.contains(&note), "{}", text.lines().last().unwrap());
    assert!((MAX_CHARS - 500..=MAX_CHARS).contains(&utf16(&text)), "{} characters", utf16(&text));
}

#[test]
fn a_changed_recipe_has_a_chart() {
    let recipe = include_bytes!("../../../tests/data/order-desk/Recipes/look_up_order.recipe.json");
    let read = |path: &str| (path == "a.recipe.json").then(|| recipe.to_vec());
    let changes = vec![change(1, Op::Replace, "limit", Some("1"), Some("2"))];
    let diff = diff(vec![asset("a.recipe.json", "A", Some(AssetChange::Changed), changes)]);
    let with = Options { diagram: Some(&read), ..options("orders", MAX_CHARS) };
    insta::assert_snapshot!(markdown(&diff, &with), @r#"
        <!-- recipesync:diff orders -->
        ### orders: 1 recipe changed

        | | Asset | Change |
        |---|---|---|
        | `~` | A <sub>recipe</sub> | 1 steps changed |

        <details open><summary>~ <b>A</b> — 1 steps changed</summary>

        `a.recipe.json`

        ```diff
        ! step 1 Fyle · Post expenses
        !     limit: 1 → 2
        ```

        <details><summary>Diagram</summary>

        ```mermaid
        flowchart TD
          s0["0 Trigger: Genie · Start workflow"]
          s1["1 Data table · Get records"]:::changed
          s0 --> s1
          s2{{"2 If"}}
          s1 --> s2
          s4["4 Genie · Workflow return result"]
          s2 --> s4
          s3["3 Warehouse api · Get stock"]
          s2 --> s3
          classDef added fill:#dafbe1,stroke:#1a7f37,color:#1f2328
          classDef changed fill:#fff8c5,stroke:#9a6700,color:#1f2328
          classDef moved fill:#ddf4ff,stroke:#0969da,color:#1f2328
        ```

        </details>

        </details>
        "#);
    let cut = markdown(&diff, &Options { max_chars: 600, ..with });
    assert!(!cut.contains("mermaid") && cut.contains("limit: 1 → 2"), "{cut}");
}

const NASTY: &[&str] = &[
    "```",
    "``````",
    "</details>",
    "<details>",
    "@everyone",
    "#1",
    "|",
    "\n",
    "\u{202e}",
    "\u{1b}[31m",
    "*b*",
    "_i_",
    "`code`",
    "<!--",
    "-->",
    "<script>",
    "https://x.test",
    "&lt;",
    "é",
    " → ",
    "\\",
    "    ",
    "~~~",
    "[a](b)",
    "x",
];

fn text(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(NASTY), 0..most).prop_map(|parts| parts.concat())
}

fn value() -> impl Strategy<Value = String> {
    let long =
        (text(8), 0_usize..1500).prop_map(|(text, more)| format!("{IN_VALUES}{text}{}", "y§".repeat(more)));
    prop_oneof![text(8).prop_map(|text| format!("{IN_VALUES}{text}")), long]
}

fn any_change() -> impl Strategy<Value = Change> {
    let ops = prop::sample::select(&[Op::Add, Op::Remove, Op::Replace, Op::Move, Op::Reorder][..]);
    let whats = prop::sample::select(
        &[What::Step, What::Input, What::Recipe, What::Text, What::Skip, What::Comment][..],
    );
    let values = (prop::option::of(value()), prop::option::of(value()), prop::collection::vec(value(), 0..5));
    (0_usize..20, ops, whats, values, any::<bool>()).prop_map(
        |(number, op, what, (old, new, outline), of_step)| {
            let safe = |text: String| {
                let mut lines = String::new();
                super::super::printable::push_lines(&mut lines, &text);
                lines
            };
            let outline: Vec<String> =
                outline.iter().map(|text| super::super::printable::line(text)).collect();
            let mut change = change(number, op, "§field", old.map(safe).as_deref(), new.map(safe).as_deref());
            change.what = what;
            change.outline = outline;
            if !of_step && what != What::Step {
                change.step = None;
            }
            change
        },
    )
}

fn any_asset() -> impl Strategy<Value = AssetDiff> {
    let kinds = prop::sample::select(
        &[
            Some(AssetChange::Added),
            Some(AssetChange::Removed),
            Some(AssetChange::Changed),
            Some(AssetChange::Moved),
            None,
        ][..],
    );
    (text(6), text(6), kinds, prop::collection::vec(any_change(), 0..12), any::<bool>()).prop_map(
        |(path, name, kind, changes, folds)| {
            let mut asset = asset(&format!("R/{path}.recipe.json"), &name, kind, changes);
            if folds {
                asset.folded.push(Folded {
                    what: FoldKind::PillSpelling,
                    field: "§".into(),
                    step: None,
                    old_pointer: None,
                    new_pointer: None,
                    more_pointers: Vec::new(),
                    count: 2,
                    added: 0,
                    removed: 0,
                    changed: 0,
                    details: vec![("§x".into(), Some("§a".into()), None)],
                });
            }
            asset
        },
    )
}

/// Reads Markdown as a forge does, as far as fences and tags go; returns what stands outside of fences and inline code.
fn outside(markdown: &str) -> String {
    let mut outside = String::new();
    let mut fence = None;
    let mut open = 0_i32;
    for line in markdown.lines() {
        let ticks = line.trim_start().bytes().take_while(|byte| *byte == b'`').count();
        match fence {
            Some(length) => {
                if ticks >= length && line.trim().len() == ticks {
                    fence = None;
                }
                continue;
            }
            None if ticks >= 3 && !line.trim_start()[ticks..].contains('`') => {
                fence = Some(ticks);
                continue;
            }
            None => {}
        }
        if ticks > 0 {
            // A path as inline code: in it nothing means anything.
            continue;
        }
        open += i32::try_from(line.matches("<details").count()).unwrap();
        open -= i32::try_from(line.matches("</details>").count()).unwrap();
        assert!((0..=2).contains(&open), "{markdown}");
        outside.push_str(line);
        outside.push('\n');
    }
    assert_eq!((fence, open), (None, 0), "{markdown}");
    outside
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_comment_is_harmless_and_fits(
        assets in prop::collection::vec(any_asset(), 0..8),
        title in text(6),
        limit in prop_oneof![400_usize..3000, 3000_usize..30_000, Just(MAX_CHARS)],
        details in any::<bool>(),
    ) {
        let diff = diff(assets);
        let text = markdown(&diff, &Options { details, ..options(&title, limit) });
        prop_assert!(utf16(&text) <= limit, "{} of {limit}", utf16(&text));
        if utf16(&text) < 800 && !text.ends_with('\n') {
            // Hardly any room: the start of the heading.
            return Ok(());
        }
        let mut outside = outside(&text);
        prop_assert!(!outside.contains(IN_VALUES), "{}", outside);
        let tags = ["<details open>", "<details>", "</details>", "<summary>", "</summary>", "<b>", "</b>", "<sub>", "</sub>"];
        for tag in tags {
            outside = outside.replace(tag, "");
        }
        let (marker, rest) = outside.split_once('\n').unwrap();
        prop_assert!(marker.starts_with("<!-- recipesync:diff ") && marker.matches("--").count() == 2, "{}", marker);
        prop_assert!(!rest.contains(['<', '@', '\u{202e}', '\u{1b}']), "{}", rest);
    }
}

#[test]
fn a_real_edit_reads_well() {
    use std::collections::BTreeSet;

    use super::super::diff::{Input, LeftOut, diff};
    use crate::model::path::PackagePath;

    let path = PackagePath::parse("Recipes/look_up_order.recipe.json").unwrap();
    let old = include_str!("../../../tests/data/order-desk/Recipes/look_up_order.recipe.json");
    let new = old
        .replace(r#""limit": "1""#, r#""limit": "2""#)
        .replace("stock < 5", "stock < 10 @everyone ```")
        .replace(r#""operand": "present""#, r#""operand": "blank""#);
    let side = |text: &str| BTreeMap::from([(path.clone(), text.as_bytes().to_vec())]);
    let (old, new) = (side(old), side(&new));
    let input = Input {
        old: &old,
        new: &new,
        same: &BTreeSet::new(),
        read_same: &|_| None,
        left_out: (&LeftOut::new(), &LeftOut::new()),
        names: ("main", "orders"),
        chosen: None,
        details: false,
    };
    insta::assert_snapshot!(markdown(&diff(&input), &options("orders", MAX_CHARS)), @r#"
        <!-- recipesync:diff orders -->
        ### orders: 1 recipe changed

        | | Asset | Change |
        |---|---|---|
        | `~` | Look up order <sub>recipe</sub> | 3 steps changed |

        <details open><summary>~ <b>Look up order</b> — 3 steps changed</summary>

        `Recipes/look_up_order.recipe.json`

        ````diff
        ! step 1 Data table · Get records
        !     limit: 1 → 2
        ! step 2 If
        !     when:
        -         ‹Step 1 Get records → records› is present
        +         ‹Step 1 Get records → records› is not present
        ! step 3 Warehouse api · Get stock
        !     comment:
        -         stock < 5 & "rush" → notify
        +         stock < 10 @everyone ``` & "rush" → notify
        ````

        </details>
        "#);
}
