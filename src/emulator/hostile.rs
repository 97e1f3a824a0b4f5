//! Packages that no client may trust: each adds one wrong thing to an ordinary export, and has a name.

use chrono::{DateTime, Utc};

use super::zipper::{self, Entry, Packed};

type Spoil = fn(&mut Vec<Entry>);

/// What can be done to the entries, by name.
const CASES: [(&str, Spoil); 26] = [
    ("absolute", |zip| add(zip, "/etc/evil.recipe.json")),
    ("dotdot", |zip| add(zip, "../../evil.recipe.json")),
    ("dot", |zip| add(zip, "./evil.recipe.json")),
    ("dotgit", |zip| add(zip, ".git/hooks/post-checkout")),
    ("dotgit_case", |zip| add(zip, "Recipes/.GiT/config")),
    ("dotgit_short", |zip| add(zip, "GIT~1/config")),
    ("backslash", |zip| add(zip, "..\\evil.recipe.json")),
    ("drive", |zip| add(zip, "C:evil.recipe.json")),
    ("control", |zip| add(zip, "evil\n.recipe.json")),
    ("nul", |zip| add(zip, "evil.recipe.json\0.png")),
    ("not_utf8", |zip| zip.push(Entry { name: b"evil\xff.recipe.json".to_vec(), ..evil("x") })),
    ("long_name", |zip| add(zip, &format!("{}.recipe.json", "x".repeat(300)))),
    ("deep", |zip| add(zip, &format!("{}evil.recipe.json", "d/".repeat(200)))),
    ("symlink", |zip| {
        zip.push(Entry { mode: 0o120_777, data: Packed::new(b"/etc/passwd"), ..evil("evil.recipe.json") });
    }),
    ("device", |zip| zip.push(Entry { mode: 0o020_666, ..evil("evil.recipe.json") })),
    ("duplicate", |zip| {
        add(zip, "evil.recipe.json");
        add(zip, "evil.recipe.json");
    }),
    ("duplicate_case", |zip| {
        add(zip, "evil.recipe.json");
        add(zip, "EVIL.recipe.json");
    }),
    ("file_and_folder", |zip| {
        add(zip, "evil.recipe.json");
        add(zip, "evil.recipe.json/inner.recipe.json");
    }),
    ("encrypted", |zip| zip.push(Entry { flags: 1, ..evil("evil.recipe.json") })),
    ("wrong_crc", |zip| zip.push(Entry { crc: Some(0xdead_beef), ..evil("evil.recipe.json") })),
    ("lying_size", |zip| {
        zip.push(Entry { size: Some(10), data: Packed::new(&[b' '; 100_000]), ..evil("evil.recipe.json") });
    }),
    ("lying_size_big", |zip| zip.push(Entry { size: Some(900_000_000), ..evil("evil.recipe.json") })),
    ("local_name", |zip| {
        zip.push(Entry { local_name: Some(b"../evil.recipe.json".to_vec()), ..evil("evil.recipe.json") });
    }),
    ("bomb", |zip| zip.push(Entry { data: Packed::new(&vec![0; 80 << 20]), ..evil("evil.recipe.json") })),
    ("many_bombs", |zip| {
        let data = Packed::new(&vec![0; 60 << 20]);
        for n in 0..20 {
            zip.push(Entry { data: data.clone(), ..evil(&format!("evil_{n}.recipe.json")) });
        }
    }),
    ("many_entries", |zip| {
        for n in 0..50_001 {
            zip.push(evil(&format!("evil_{n}.recipe.json")));
        }
    }),
];

/// What can be done to the bytes, by name.
const BYTES: [&str; 4] = ["not_a_zip", "html", "page_bomb", "no_bytes"];

/// Returns the names of all hostile packages.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|(name, _)| *name).chain(BYTES)
}

/// Packs the entries with the named thing wrong; `None` for an unknown name.
pub(super) fn pack(mut entries: Vec<Entry>, name: &str, now: DateTime<Utc>) -> Option<Vec<u8>> {
    match name {
        "not_a_zip" => return Some(b"this is not a zip\n".repeat(100)),
        "html" => return Some(b"<html><body>Service unavailable</body></html>".to_vec()),
        "no_bytes" => return Some(Vec::new()),
        "page_bomb" => {
            let inner =
                zipper::write(&[Entry { data: Packed::new(&vec![0; 80 << 20]), ..evil("page.json") }], now);
            entries.push(Entry::file("evil.lcap_page.json", b"{}"));
            entries.push(Entry::file("evil.lcap_page.zip", &inner));
        }
        _ => CASES.iter().find(|(case, _)| *case == name)?.1(&mut entries),
    }
    Some(zipper::write(&entries, now))
}

fn evil(name: &str) -> Entry {
    Entry::file(name, b"{\n  \"name\": \"evil\"\n}")
}

fn add(zip: &mut Vec<Entry>, name: &str) {
    zip.push(evil(name));
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
