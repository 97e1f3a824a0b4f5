//! Zips that are wrong around their entries: cut, prefixed, in parts, overlapping, large in words alone, or no zip.

use chrono::{DateTime, Utc};

use super::{add_many, evil};
use crate::emulator::zipper::{self, Entry, Packed, clamp32, put16, put32};

type Frame = fn(Vec<Entry>, DateTime<Utc>) -> Vec<u8>;

/// What can be done to the bytes, by name.
const CASES: [(&str, Frame); 23] = [
    ("not_a_zip", |_, _| b"this is not a zip\n".repeat(100)),
    ("html", |_, _| b"<html><body>Service unavailable</body></html>".to_vec()),
    ("no_bytes", |_, _| Vec::new()),
    ("cut_end", |zip, now| edited(&zip, now, |zip| zip.truncate(zip.len() - 1))),
    ("cut_directory", |zip, now| {
        edited(&zip, now, |zip| drop(zip.drain(directory(zip) + 20..zip.len() - END)))
    }),
    ("cut_data", |zip, now| edited(&zip, now, |zip| drop(zip.drain(20..40)))),
    ("prefix", |zip, now| [b"#!/bin/sh\n", &zipper::write(&zip, now)[..]].concat()),
    ("suffix", |zip, now| [&zipper::write(&zip, now)[..], b"evil"].concat()),
    ("gap_before_the_end", |zip, now| {
        edited(&zip, now, |zip| drop(zip.splice(zip.len() - END..zip.len() - END, *b"evil")))
    }),
    ("multipart", |zip, now| edited(&zip, now, |zip| set16(zip, 4, 1))),
    ("fewer_records", |zip, now| edited(&zip, now, |zip| [8, 10].iter().for_each(|at| set16(zip, *at, 0)))),
    ("more_records", |zip, now| edited(&zip, now, |zip| [8, 10].iter().for_each(|at| set16(zip, *at, 999)))),
    ("directory_outside", |zip, now| edited(&zip, now, |zip| set32(zip, 16, 0x7fff_ffff))),
    ("directory_too_large", |zip, now| edited(&zip, now, |zip| set32(zip, 12, 0x7fff_ffff))),
    ("data_outside", |mut zip, now| {
        zip.push(evil("evil.recipe.json"));
        edited(&zip, now, |zip| {
            let at = zip.len() - END - "evil.recipe.json".len() - 4;
            zip[at..at + 4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
        })
    }),
    ("zip64_records", |zip, now| edited(&zip, now, |zip| add_zip64(zip, 1 << 40, 0))),
    ("zip64_directory", |zip, now| edited(&zip, now, |zip| add_zip64(zip, 1, 1 << 60))),
    ("many_entries_zip64", |mut zip, now| {
        add_many(&mut zip, 100_000);
        edited(&zip, now, |zip| add_zip64(zip, 100_001, (zip.len() - END - directory(zip)) as u64))
    }),
    ("shared_header", |zip, now| sharing(zip, now, 0)),
    ("shared_bytes", |zip, now| sharing(zip, now, 30 + "evil.recipe.json".len())),
    ("page_bomb", |zip, now| with_pages(zip, now, 1, 80 << 20)),
    ("many_page_bombs", |zip, now| with_pages(zip, now, 20, 60 << 20)),
    ("page_dotdot", |mut zip, now| {
        let inner = zipper::write(&[evil("../page.json")], now);
        zip.push(Entry::file("evil.lcap_page.zip", &inner));
        zipper::write(&zip, now)
    }),
];

/// Bytes of an end record without a comment.
const END: usize = 22;

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|(name, _)| *name)
}

pub(super) fn pack(entries: Vec<Entry>, name: &str, now: DateTime<Utc>) -> Option<Vec<u8>> {
    CASES.iter().find(|(case, _)| *case == name).map(|(_, frame)| frame(entries, now))
}

fn edited(entries: &[Entry], now: DateTime<Utc>, edit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut zip = zipper::write(entries, now);
    edit(&mut zip);
    zip
}

/// Returns where the directory starts.
fn directory(zip: &[u8]) -> usize {
    let at = zip.len() - END + 16;
    u32::from_le_bytes([zip[at], zip[at + 1], zip[at + 2], zip[at + 3]]) as usize
}

/// Sets a field of the end record.
fn set16(zip: &mut [u8], field: usize, to: u16) {
    let at = zip.len() - END + field;
    zip[at..at + 2].copy_from_slice(&to.to_le_bytes());
}

fn set32(zip: &mut [u8], field: usize, to: u32) {
    let at = zip.len() - END + field;
    zip[at..at + 4].copy_from_slice(&to.to_le_bytes());
}

/// Adds a zip64 end record, its locator, and an end record that leaves everything to them.
fn add_zip64(zip: &mut Vec<u8>, records: u64, size: u64) {
    let (at, start) = (zip.len() - END, directory(zip) as u64);
    zip.truncate(at);
    put32(zip, 0x0606_4b50);
    zip.extend(44_u64.to_le_bytes());
    put16(zip, 45);
    put16(zip, 45);
    put32(zip, 0);
    put32(zip, 0);
    [records, records, size, start].iter().for_each(|field| zip.extend(field.to_le_bytes()));
    put32(zip, 0x0706_4b50);
    put32(zip, 0);
    zip.extend((at as u64).to_le_bytes());
    put32(zip, 1);
    put32(zip, 0x0605_4b50);
    put32(zip, 0);
    put16(zip, u16::MAX);
    put16(zip, u16::MAX);
    put32(zip, u32::MAX);
    put32(zip, u32::MAX);
    put16(zip, 0);
}

/// Adds an entry whose data is a zip's beginning, and one whose header is so far inside it.
fn sharing(mut entries: Vec<Entry>, now: DateTime<Utc>, inside: usize) -> Vec<u8> {
    let at = directory(&zipper::write(&entries, now));
    let data = zipper::write(&[evil("twin.recipe.json")], now);
    entries.push(Entry { data: Packed::stored(&data), method: Some(0), ..evil("evil.recipe.json") });
    entries.push(evil("twin.recipe.json"));
    edited(&entries, now, |zip| {
        let field = zip.len() - END - "twin.recipe.json".len() - 4;
        zip[field..field + 4].copy_from_slice(&clamp32(at + inside).to_le_bytes());
    })
}

/// Adds pages whose zips hold so many zeros.
fn with_pages(mut entries: Vec<Entry>, now: DateTime<Utc>, pages: usize, zeros: usize) -> Vec<u8> {
    let inner = zipper::write(&[Entry { data: Packed::new(&vec![0; zeros]), ..evil("page.json") }], now);
    for n in 0..pages {
        entries.push(Entry::file(&format!("evil_{n}.lcap_page.json"), b"{}"));
        entries.push(Entry::file(&format!("evil_{n}.lcap_page.zip"), &inner));
    }
    zipper::write(&entries, now)
}
