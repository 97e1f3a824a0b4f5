//! The packages that are exported: recipes as the platform writes them, made up from a seed.
//!
//! Pretty-printed, keys in the platform's order and not sorted, empty lists over three lines, a few tens of kilobytes
//! each, most of it schemas. Equal on every machine.

use std::io::{Cursor, Write as _};

use anyhow::Result;
use bytes::Bytes;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// Recipes in one folder.
const IN_A_FOLDER: usize = 20;

const WORDS: [&str; 24] = [
    "order",
    "customer",
    "invoice",
    "shipment",
    "status",
    "amount",
    "currency",
    "created_at",
    "updated_at",
    "email",
    "warehouse",
    "carrier",
    "tracking",
    "line_item",
    "quantity",
    "price",
    "discount",
    "tax",
    "region",
    "owner",
    "contact",
    "account",
    "ticket",
    "priority",
];

/// The same project three times: as it is first, again later, and with one recipe in a hundred edited.
pub(crate) struct Packages {
    pub(crate) first: Bytes,
    pub(crate) again: Bytes,
    pub(crate) changed: Bytes,
    pub(crate) folders: usize,
    pub(crate) files: usize,
    pub(crate) changes: usize,
    pub(crate) unpacked: usize,
}

impl Packages {
    /// Makes packages of so many recipes, each with so many random characters beside what recipes have.
    pub(crate) fn make(recipes: usize, ballast: usize) -> Result<Self> {
        let edited = |number: usize| u32::from(number % 100 == 50 % recipes);
        let (first, unpacked) = zip(recipes, ballast, 8, |_| 0)?;
        Ok(Self {
            first,
            again: zip(recipes, ballast, 9, |_| 0)?.0,
            changed: zip(recipes, ballast, 10, edited)?.0,
            folders: recipes.div_ceil(IN_A_FOLDER),
            files: recipes,
            changes: (0..recipes).filter(|number| edited(*number) == 1).count(),
            unpacked,
        })
    }
}

/// Returns a zip whose entries have the time of an export at the given hour, and the bytes that are in it.
fn zip(recipes: usize, ballast: usize, hour: u8, edition: impl Fn(usize) -> u32) -> Result<(Bytes, usize)> {
    let time = zip::DateTime::from_date_and_time(2026, 11, 23, hour, 0, 0)?;
    let options = SimpleFileOptions::DEFAULT.last_modified_time(time);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut unpacked = 0;
    for number in 0..recipes {
        let recipe = recipe(number, edition(number), ballast, Form::Exported);
        unpacked += recipe.len();
        zip.start_file(path(number), options)?;
        zip.write_all(&recipe)?;
    }
    Ok((zip.finish()?.into_inner().into(), unpacked))
}

/// Returns the next edition of a package: one recipe in a hundred is another one, the rest is copied as it is packed.
pub(crate) fn next_edition(package: &Bytes, edition: u32) -> Result<Bytes> {
    let mut before = ZipArchive::new(Cursor::new(package))?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..before.len() {
        if number % 100 == edition as usize % 100 {
            zip.start_file(path(number), SimpleFileOptions::DEFAULT)?;
            zip.write_all(&recipe(number, edition, 0, Form::Exported))?;
        } else {
            zip.raw_copy_file(before.by_index_raw(number)?)?;
        }
    }
    Ok(zip.finish()?.into_inner().into())
}

/// Returns the name of a recipe.
pub(crate) fn path(number: usize) -> String {
    let folder = number / IN_A_FOLDER;
    format!("Area {:02}/Folder {folder:04}/recipe_{number:05}.recipe.json", folder / 20)
}

/// How a recipe is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Exported,
    Canonical,
}

/// Returns a recipe; each of its editions has another version, and another text in one of its steps.
pub(crate) fn recipe(number: usize, edition: u32, ballast: usize, form: Form) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let steps = random.usize(5..12);
    let mut block: Vec<Json> = (1..=steps).map(|step| self::step(&mut random, step)).collect();
    let often = match edition {
        0 => "once".to_owned(),
        1 => "twice".to_owned(),
        more => format!("{more} times"),
    };
    block.push(Json::object([
        ("number", Json::Raw((steps + 1).to_string())),
        ("provider", text("logger")),
        ("name", text("log_message")),
        ("as", text("aa00bb11")),
        ("keyword", text("action")),
        (
            "input",
            Json::object([
                ("user_logs_enabled", Json::raw("true")),
                ("message", Json::Text(format!("checked <{often}> & sent"))),
            ]),
        ),
        ("uuid", uuid(&mut random)),
    ]));
    let trigger = Json::object([
        ("number", Json::raw("0")),
        ("provider", text("clock")),
        ("name", text("scheduled_event")),
        ("as", text("cc22dd33")),
        ("keyword", text("trigger")),
        ("input", Json::object([("time_unit", text("minutes")), ("trigger_every", text("5"))])),
        ("block", Json::List(block)),
        ("uuid", uuid(&mut random)),
        ("unfinished", Json::raw("false")),
    ]);
    let recipe = Json::object([
        ("name", text(&format!("Recipe {number}: {} to {}", word(&mut random), word(&mut random)))),
        ("description", Json::Text((0..ballast).map(|_| random.alphanumeric()).collect())),
        ("version", Json::Raw((7 + edition).to_string())),
        ("private", Json::raw("true")),
        ("concurrency", Json::raw("1")),
        ("code", trigger),
        ("config", Json::List(Vec::new())),
    ]);
    let mut out = String::with_capacity(64 << 10);
    recipe.write(form, 0, &mut out);
    if form == Form::Canonical {
        out.push('\n');
    }
    out.into_bytes()
}

fn step(random: &mut fastrand::Rng, number: usize) -> Json {
    let from = word(random);
    let pill = format!(
        "#{{_dp('{{\"pill_type\":\"output\",\"provider\":\"clock\",\"line\":\"cc22dd33\",\"path\":[\"{from}\"]}}')}}"
    );
    let inputs = (0..random.usize(2..6)).map(|_| (word(random).to_owned(), text(&pill))).collect();
    Json::object([
        ("number", Json::Raw(number.to_string())),
        ("provider", text("salesforce")),
        ("name", text("search_sobjects_soql")),
        ("as", Json::Text(format!("{:08x}", random.u32(..)))),
        ("title", Json::raw("null")),
        ("description", text("Search <span class=\"provider\">records</span> in Salesforce")),
        ("keyword", text("action")),
        ("dynamicPickListSelection", Json::object([("sobject_name", text("Opportunity"))])),
        ("toggleCfg", Json::object([("limit", Json::raw("true"))])),
        ("input", Json::Object(inputs)),
        ("extended_output_schema", schema(random, 2)),
        ("extended_input_schema", schema(random, 1)),
        ("uuid", uuid(random)),
        ("skip", Json::raw("false")),
    ])
}

fn schema(random: &mut fastrand::Rng, depth: usize) -> Json {
    let field = |random: &mut fastrand::Rng| {
        let name = word(random);
        let mut members = vec![
            ("label".to_owned(), Json::Text(name.replace('_', " "))),
            ("name".to_owned(), text(name)),
            ("optional".to_owned(), Json::raw("true")),
            ("hint".to_owned(), Json::Text(hint(random))),
            ("sticky".to_owned(), Json::raw("false")),
        ];
        if depth > 1 && random.u8(..4) == 0 {
            members.push(("type".to_owned(), text("object")));
            members.push(("properties".to_owned(), schema(random, depth - 1)));
        } else {
            members.push(("type".to_owned(), text("string")));
            members.push(("control_type".to_owned(), text("text")));
        }
        Json::Object(members)
    };
    Json::List((0..random.usize(2..9)).map(|_| field(random)).collect())
}

/// Returns a sentence as varied as those of real schemas, which pack to a tenth.
fn hint(random: &mut fastrand::Rng) -> String {
    let words: Vec<String> = (0..6).map(|_| format!("{} {:02x}", word(random), random.u8(..))).collect();
    format!("Select the <b>field</b> that holds {}", words.join(", "))
}

fn word(random: &mut fastrand::Rng) -> &'static str {
    WORDS[random.usize(..WORDS.len())]
}

fn uuid(random: &mut fastrand::Rng) -> Json {
    let digits = format!("{:032x}", random.u128(..));
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Json::Text(parts.join("-"))
}

fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

/// A JSON value that remembers the order of its members.
enum Json {
    Raw(String),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    fn raw(text: &str) -> Self {
        Self::Raw(text.to_owned())
    }

    fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// Members that come twice are written once.
    fn write(&self, form: Form, depth: usize, out: &mut String) {
        let line = |out: &mut String, depth: usize| *out += &format!("\n{:1$}", "", 2 * depth);
        match self {
            Self::Raw(text) => out.push_str(text),
            Self::Text(text) => string(text, out),
            Self::List(items) if items.is_empty() && form == Form::Canonical => out.push_str("[]"),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    line(out, depth + 1);
                    item.write(form, depth + 1, out);
                }
                out.push_str(if items.is_empty() { "\n" } else { "" });
                line(out, depth);
                out.push(']');
            }
            Self::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                let mut known = std::collections::BTreeSet::new();
                members.retain(|(key, _)| known.insert(key));
                if form == Form::Canonical {
                    members.sort_by_key(|(key, _)| key);
                }
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    line(out, depth + 1);
                    string(key, out);
                    out.push_str(": ");
                    value.write(form, depth + 1, out);
                }
                line(out, depth);
                out.push('}');
            }
        }
    }
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    out.push_str(&text.replace('\\', "\\\\").replace('"', "\\\""));
    out.push('"');
}
