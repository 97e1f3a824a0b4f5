//! Packages that no client may trust: each adds one wrong thing to an ordinary export, and has a name.
//!
//! Here is what an entry can say; what is wrong with the zip around the entries is in `frames`.

mod frames;

use chrono::{DateTime, Utc};

use super::zipper::{self, Entry, Packed};

type Spoil = fn(&mut Vec<Entry>);

/// What can be done to the entries, by name.
const CASES: [(&str, Spoil); 65] = [
    ("absolute", |zip| add(zip, "/etc/evil.recipe.json")),
    ("dotdot", |zip| add(zip, "../../evil.recipe.json")),
    ("dotdot_inside", |zip| add(zip, "a/../../evil.recipe.json")),
    ("dot", |zip| add(zip, "./evil.recipe.json")),
    ("no_name", |zip| add(zip, "")),
    ("empty_part", |zip| add(zip, "a//evil.recipe.json")),
    ("dotgit", |zip| add(zip, ".git/hooks/post-checkout")),
    ("dotgit_file", |zip| add(zip, "evil/.git")),
    ("dotgit_case", |zip| add(zip, "Recipes/.GiT/config")),
    ("dotgit_short", |zip| add(zip, "GIT~1/config")),
    ("dotgit_dot", |zip| add(zip, ".git./config")),
    ("dotgit_space", |zip| add(zip, ".git /config")),
    ("dotgit_dots_and_spaces", |zip| add(zip, ".GIT . ../config")),
    ("dotgit_short_space", |zip| add(zip, "git~1 /config")),
    ("dotgit_stream", |zip| add(zip, ".git::$INDEX_ALLOCATION/config")),
    ("dotgit_stream_of_name", |zip| add(zip, ".git:evil/config")),
    ("dotgit_short_stream", |zip| add(zip, "git~1::$INDEX_ALLOCATION/config")),
    ("dotgit_backslash", |zip| add(zip, "evil\\.git\\config")),
    ("dotgit_ignorable", |zip| add(zip, ".g\u{200c}it/config")),
    ("dotgit_ignorable_before", |zip| add(zip, "\u{feff}.git/config")),
    ("dotgit_ignorable_behind", |zip| add(zip, ".git\u{206f}/config")),
    ("dotgit_wide", |zip| add(zip, "．ｇｉｔ/config")),
    ("trailing_dot", |zip| add(zip, "evil./evil.recipe.json")),
    ("trailing_space", |zip| add(zip, "evil.recipe.json ")),
    ("backslash", |zip| add(zip, "..\\evil.recipe.json")),
    ("drive", |zip| add(zip, "C:evil.recipe.json")),
    ("drive_slash", |zip| add(zip, "c:/evil.recipe.json")),
    ("control", |zip| add(zip, "evil\n.recipe.json")),
    ("control_c1", |zip| add(zip, "evil\u{9b}31m.recipe.json")),
    ("nul", |zip| add(zip, "evil.recipe.json\0.png")),
    ("not_utf8", |zip| zip.push(Entry { name: b"evil\xff.recipe.json".to_vec(), ..evil("x") })),
    ("surrogate", |zip| zip.push(Entry { name: b"evil\xed\xa0\x80.recipe.json".to_vec(), ..evil("x") })),
    ("long_name", |zip| add(zip, &format!("{}.recipe.json", "x".repeat(300)))),
    ("long_path", |zip| add(zip, &format!("{}evil.recipe.json", format!("{}/", "x".repeat(200)).repeat(6)))),
    ("longest_name", |zip| add(zip, &format!("{}evil.json", "d/".repeat(32_700)))),
    ("deep", |zip| add(zip, &format!("{}evil.recipe.json", "d/".repeat(200)))),
    ("symlink", |zip| {
        zip.push(Entry { mode: 0o120_777, data: Packed::new(b"/etc/passwd"), ..evil("evil.recipe.json") });
    }),
    ("symlinked_folder", |zip| {
        zip.push(Entry { mode: 0o120_777, data: Packed::new(b"/tmp"), ..evil("evil") });
        add(zip, "evil/evil.recipe.json");
    }),
    ("device", |zip| zip.push(Entry { mode: 0o020_666, ..evil("evil.recipe.json") })),
    ("block_device", |zip| zip.push(Entry { mode: 0o060_666, ..evil("evil.recipe.json") })),
    ("pipe", |zip| zip.push(Entry { mode: 0o010_666, ..evil("evil.recipe.json") })),
    ("socket", |zip| zip.push(Entry { mode: 0o140_666, ..evil("evil.recipe.json") })),
    ("folder_under_a_file_name", |zip| zip.push(Entry { mode: 0o040_755, ..evil("evil.recipe.json") })),
    ("folder_with_content", |zip| zip.push(Entry { mode: 0o040_755, ..evil("evil/") })),
    ("duplicate", |zip| add_both(zip, "evil.recipe.json", "evil.recipe.json")),
    ("duplicate_case", |zip| add_both(zip, "evil.recipe.json", "EVIL.recipe.json")),
    ("duplicate_form", |zip| add_both(zip, "\u{e9}vil.recipe.json", "e\u{301}vil.recipe.json")),
    ("duplicate_wide", |zip| add_both(zip, "evil.recipe.json", "ｅvil.recipe.json")),
    ("folders_that_clash", |zip| add_both(zip, "Evil/a.recipe.json", "evil/b.recipe.json")),
    ("folder_forms_that_clash", |zip| add_both(zip, "\u{e9}/a.recipe.json", "e\u{301}/b.recipe.json")),
    ("file_and_folder", |zip| add_both(zip, "evil.recipe.json", "evil.recipe.json/inner.recipe.json")),
    ("folder_and_file", |zip| add_both(zip, "evil/inner.recipe.json", "EVIL")),
    ("encrypted", |zip| zip.push(Entry { flags: 1, ..evil("evil.recipe.json") })),
    ("method", |zip| zip.push(Entry { method: Some(12), ..evil("evil.recipe.json") })),
    ("wrong_crc", |zip| zip.push(Entry { crc: Some(0xdead_beef), ..evil("evil.recipe.json") })),
    ("lying_size", |zip| {
        zip.push(Entry { size: Some(10), data: Packed::new(&[b' '; 100_000]), ..evil("evil.recipe.json") });
    }),
    ("lying_size_more", |zip| zip.push(Entry { size: Some(100), ..evil("evil.recipe.json") })),
    ("lying_size_big", |zip| zip.push(Entry { size: Some(900_000_000), ..evil("evil.recipe.json") })),
    ("lying_descriptor", |zip| zip.push(Entry { descriptor: Some(7), ..evil("evil.recipe.json") })),
    ("local_name", |zip| {
        zip.push(Entry { local_name: Some(b"../evil.recipe.json".to_vec()), ..evil("evil.recipe.json") });
    }),
    ("local_size", |zip| zip.push(Entry { local_size: Some(10), ..evil("evil.recipe.json") })),
    ("zip64_size", |zip| {
        let extra = [&[1, 0, 8, 0][..], &(1_u64 << 60).to_le_bytes()].concat();
        zip.push(Entry { size: Some(u32::MAX), extra, ..evil("evil.recipe.json") });
    }),
    ("bomb", |zip| zip.push(Entry { data: Packed::new(&vec![0; 80 << 20]), ..evil("evil.recipe.json") })),
    ("many_bombs", |zip| {
        let data = Packed::new(&vec![0; 60 << 20]);
        for n in 0..20 {
            zip.push(Entry { data: data.clone(), ..evil(&format!("evil_{n}.recipe.json")) });
        }
    }),
    ("many_entries", |zip| add_many(zip, 50_001)),
];

/// Returns the names of all hostile packages.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|(name, _)| *name).chain(frames::names())
}

/// Packs the entries with the named thing wrong; `None` for an unknown name.
pub(super) fn pack(mut entries: Vec<Entry>, name: &str, now: DateTime<Utc>) -> Option<Vec<u8>> {
    if let Some((_, spoil)) = CASES.iter().find(|(case, _)| *case == name) {
        spoil(&mut entries);
        return Some(zipper::write(&entries, now));
    }
    frames::pack(entries, name, now)
}

fn evil(name: &str) -> Entry {
    Entry::file(name, b"{\n  \"name\": \"evil\"\n}")
}

fn add(zip: &mut Vec<Entry>, name: &str) {
    zip.push(evil(name));
}

fn add_both(zip: &mut Vec<Entry>, one: &str, other: &str) {
    add(zip, one);
    add(zip, other);
}

fn add_many(zip: &mut Vec<Entry>, count: usize) {
    let data = evil("").data;
    zip.extend((0..count).map(|n| Entry::packed(&format!("evil_{n}.recipe.json"), data.clone())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_makes_bytes_that_differ_from_the_ordinary() {
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        let plain = vec![Entry::file("a.recipe.json", b"{}")];
        let ordinary = zipper::write(&plain, now);
        for name in names().filter(|name| !name.contains("bomb")) {
            assert_ne!(pack(plain.clone(), name, now).unwrap(), ordinary, "{name}");
        }
        assert_eq!(pack(plain, "unheard_of", now), None);
    }
}
