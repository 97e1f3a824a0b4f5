//! Texts of 100 KB on one line: they are shown whole and on one line, a change in the middle of them is told, and a comment
//! in a pull request shows it though it is cut.

use serde_json::{Value, json};

use super::{told, versions};
use crate::review::change::Diff;
use crate::review::json::json as as_json;
use crate::review::markdown::{MAX_CHARS, Options, markdown};
use crate::review::show::{Numbers, outline};

/// How long they are, in bytes.
const LENGTH: usize = 100_000;

/// A place for a long text: what it is called, and a recipe that has it there.
type Place = (&'static str, fn(&str) -> Value);

const PLACES: [Place; 5] = [
    ("input", |text| recipe(&json!({"input": {"message": text}}))),
    ("formula", |text| recipe(&json!({"input": {"message": format!("={text}")}}))),
    ("pill", |text| {
        let pill = format!("#{{_('data.clock.t.a')}}{text}");
        recipe(&json!({"input": {"message": pill}}))
    }),
    ("comment", |text| recipe(&json!({"comment": text, "input": {}}))),
    ("another key", |text| recipe(&json!({"unheard_of": {"a": [text]}, "input": {}}))),
];

fn recipe(more: &Value) -> Value {
    let mut step = json!({"keyword": "action", "provider": "logger", "name": "log_message", "as": "a", "uuid": "u", "number": 1});
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let code = json!({"keyword": "trigger", "provider": "clock", "name": "timer", "as": "t", "uuid": "ut", "number": 0,
        "input": {}, "block": [step]});
    json!({"name": "R", "version": 1, "code": code, "config": []})
}

/// Texts of one line: words, and one word.
fn texts(length: usize) -> [String; 2] {
    let cut = |text: String| text[..length].to_owned();
    let words = (0..length).map(|at| format!("word{at} ")).take(length / 8 + 8).collect::<String>();
    [cut(words.repeat(2)), cut("0123456789abcdef".repeat(length / 16 + 1))]
}

/// Puts a word into the middle.
fn edited(text: &str, word: &str) -> String {
    let (front, back) = text.split_at(text.len() / 2);
    format!("{front}{word}{back}")
}

fn in_markdown(diff: &Diff, max_chars: usize) -> String {
    let options =
        Options { title: "orders", max_chars, details: false, diagram: None, command: "recipesync diff a b" };
    markdown(diff, &options)
}

#[test]
fn it_is_shown_whole_on_one_line() {
    for text in texts(LENGTH) {
        for (what, place) in PLACES {
            let bytes = place(&edited(&text, "OLD")).to_string();
            for numbers in [Numbers::Shown, Numbers::Stable] {
                let shown = outline("a.recipe.json", bytes.as_bytes(), None, numbers).text;
                let of_it: Vec<&str> = shown.lines().filter(|line| line.contains("OLD")).collect();
                assert_eq!(of_it.len(), 1, "{what}");
                assert!(of_it[0].contains(edited(&text, "OLD").trim()), "{what}");
                assert!(shown.len() < LENGTH + 600, "{what}: {}", shown.len());
            }
        }
    }
}

#[test]
fn a_change_in_the_middle_is_told_and_marked() {
    for text in texts(LENGTH) {
        for (what, place) in PLACES {
            let (old, new) = (place(&edited(&text, "OLD")), place(&edited(&text, "NEW")));
            let diff = versions("a.recipe.json", old.to_string(), new.to_string());
            let shown = told(&diff);
            assert!(shown.contains("[-") && shown.contains("OLD") && shown.contains("NEW"), "{what}");
            assert!(shown.lines().count() < 8, "{what}: {}", shown.lines().count());
            assert!(shown.len() < 2 * LENGTH + 600, "{what}: {}", shown.len());
            // What is marked is the word with what it is part of.
            for (open, close) in [("[-", "-]"), ("{+", "+}")] {
                let marked = shown.split_once(open).unwrap().1.split_once(close).unwrap().0;
                assert!(marked.len() < 30, "{what}: {}", &marked[..30]);
            }
            let json: Value = serde_json::from_str(&as_json(&diff)).unwrap();
            let change = &json["assets"][0]["changes"][0];
            assert!(change["old"].as_str().unwrap().contains("OLD"), "{what}");
            assert!(change["new"].as_str().unwrap().contains("NEW"), "{what}");
            assert!(as_json(&diff).len() < 5 * LENGTH, "{what}");
        }
    }
}

#[test]
fn a_comment_of_a_pull_request_shows_where_they_differ() {
    for text in texts(LENGTH) {
        for (what, place) in PLACES {
            for (before, after) in [("OLD", "NEW"), ("", "NEW"), ("OLD", "")] {
                let (old, new) = (place(&edited(&text, before)), place(&edited(&text, after)));
                let diff = versions("a.recipe.json", old.to_string(), new.to_string());
                for most in [MAX_CHARS, 2_000, 900] {
                    let comment = in_markdown(&diff, most);
                    assert!(comment.encode_utf16().count() <= most);
                    let lines = |sign: &str| -> Vec<String> {
                        let fenced =
                            comment.split_once("```diff\n").unwrap().1.split_once("\n```").unwrap().0;
                        let lines = fenced.lines().filter_map(|line| line.strip_prefix(sign));
                        lines.map(str::to_owned).collect()
                    };
                    let (was, is) = (lines("-"), lines("+"));
                    assert_eq!((was.len(), is.len()), (1, 1), "{what}: {comment}");
                    assert!(was[0].contains(before) && is[0].contains(after), "{what}: {was:?} {is:?}");
                    assert!(was[0] != is[0] && was[0].contains(" more)…"), "{what}: {was:?}");
                }
            }
        }
    }
}

#[test]
fn one_that_is_among_other_lines_is_told_as_well() {
    let [words, _] = texts(LENGTH);
    let text = |word: &str| format!("first\n{}\nlast", edited(&words, word));
    let source = |word: &str| format!("{{\n  title: 'A', # {}\n}}\n", edited(&words, word));
    let of = |word: &str| recipe(&json!({"input": {"sql": text(word)}})).to_string();
    for diff in [
        versions("a.recipe.json", of("OLD"), of("NEW")),
        versions("a.custom_adapter.rb", source("OLD"), source("NEW")),
    ] {
        let shown = told(&diff);
        assert_eq!(shown.lines().filter(|line| line.contains("OLD") || line.contains("NEW")).count(), 2);
        assert!(shown.len() < 2 * LENGTH + 600 && shown.lines().count() < 14, "{}", shown.len());
        let comment = in_markdown(&diff, MAX_CHARS);
        assert!(comment.len() < 4_000 && comment.contains("OLD") && comment.contains("NEW"), "{comment}");
    }
}

#[test]
fn many_changes_in_one_line_are_told_in_no_more_than_both_versions() {
    // Each second word is another: what is between the marks is as long as what is marked.
    let text = |word: &str, length: usize| -> String {
        (0..length / 12).map(|at| format!("w{at} {word} ")).collect()
    };
    let size = |length: usize| {
        let of = |word: &str| recipe(&json!({"input": {"message": text(word, length)}})).to_string();
        told(&versions("a.recipe.json", of("old"), of("new"))).len()
    };
    let (one, four) = (size(LENGTH / 4), size(LENGTH));
    assert!(four < 5 * one && four < 4 * LENGTH, "{one} {four}");
}
