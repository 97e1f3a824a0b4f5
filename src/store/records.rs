//! The records of a project, a row a path: a change of a few files writes a few rows.
//!
//! What a row means is [`Records`]' business; only how it is kept is known here.

use std::collections::BTreeSet;

use rusqlite::types::Type;
use rusqlite::{Connection, Row, Transaction, params};

use super::json;
use crate::model::oid::{BlobId, CommitId};
use crate::model::path::PackagePath;
use crate::model::plan::{Base, Pair};
use crate::model::project::ProjectName;
use crate::model::state::{EntryPrint, Record, Records};

/// The version of the state since which the table is as it is.
pub(super) const SINCE: i64 = 2;

/// The table. What the last package said of the file comes first, and is null where the path was not in it; then
/// each field of a [`Record`]. `base` is null where there is none, 1 for an agreed pair, 0 for sides that were never
/// seen to be the same.
pub(super) const TABLE: &str = "
    CREATE TABLE record (
        project TEXT NOT NULL, path TEXT NOT NULL,
        blob BLOB, seal BLOB, crc INTEGER, size INTEGER,
        base INTEGER, workspace BLOB, branch BLOB,
        recorded BLOB, sent BLOB, tries INTEGER NOT NULL, decision TEXT, disputed BLOB,
        PRIMARY KEY (project, path)
    ) STRICT, WITHOUT ROWID;
";

/// Takes over what the first version kept: all of a project's records as one text.
pub(super) fn upgrade(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(TABLE)?;
    let mut query = transaction.prepare("SELECT project, records FROM records")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let project = ProjectName::parse(row.get_ref(0)?.as_str().map_err(odd(0))?).map_err(odd(0))?;
        let records: Records =
            serde_json::from_str(row.get_ref(1)?.as_str().map_err(odd(1))?).map_err(odd(1))?;
        save(transaction, &project, &records, None)?;
    }
    drop(rows);
    drop(query);
    transaction.execute_batch("DROP TABLE records")
}

/// Reads a project's records; empty ones where there are none.
pub(super) fn load(connection: &Connection, project: &ProjectName) -> rusqlite::Result<Records> {
    // In the order of the paths, which a map is made from at once.
    let (mut entries, mut paths) = (Vec::new(), Vec::new());
    let mut query = connection.prepare_cached(
        "SELECT path, blob, seal, crc, size, base, workspace, branch, recorded, sent, tries, decision, disputed
         FROM record WHERE project = ?1 ORDER BY path",
    )?;
    let mut rows = query.query([project.as_str()])?;
    while let Some(row) = rows.next()? {
        let path = PackagePath::parse(row.get_ref(0)?.as_str().map_err(odd(0))?).map_err(odd(0))?;
        let record = record(row)?;
        if let Some(entry) = entry(row)? {
            entries.push((path.clone(), entry));
        }
        if record != Record::default() {
            paths.push((path, record));
        }
    }
    Ok(Records { entries: entries.into_iter().collect(), paths: paths.into_iter().collect() })
}

/// Says that a column holds what is not ours.
fn odd<E: std::error::Error + Send + Sync + 'static>(column: usize) -> impl Fn(E) -> rusqlite::Error {
    move |error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Option<EntryPrint>> {
    let Some(blob) = blob(row, 1)? else { return Ok(None) };
    let seal = u128::from_be_bytes(row.get(2)?);
    let size = u64::try_from(row.get::<_, i64>(4)?).map_err(odd(4))?;
    Ok(Some(EntryPrint { crc: row.get(3)?, size, seal, blob }))
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let base = match row.get(5)? {
        None => None,
        Some(0) => Some(Base::Unknown),
        Some(1) => Some(Base::Agreed(Pair { workspace: blob(row, 6)?, branch: blob(row, 7)? })),
        Some(other) => return Err(rusqlite::Error::IntegralValueOutOfRange(5, other)),
    };
    let commit = |column| -> rusqlite::Result<Option<CommitId>> {
        Ok(row.get::<_, Option<[u8; 20]>>(column)?.map(CommitId::from_bytes))
    };
    let decision = match row.get_ref(11)?.as_str_or_null().map_err(odd(11))? {
        Some(text) => Some(serde_json::from_str(text).map_err(odd(11))?),
        None => None,
    };
    let (recorded, sent, disputed) = (commit(8)?, blob(row, 9)?, commit(12)?);
    Ok(Record { base, recorded, sent, tries: row.get(10)?, decision, disputed })
}

fn blob(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<BlobId>> {
    Ok(row.get::<_, Option<[u8; 20]>>(column)?.map(BlobId::from_bytes))
}

/// Makes the saved records the given ones.
pub(super) fn save(
    transaction: &Transaction<'_>,
    project: &ProjectName,
    records: &Records,
    known: Option<&Records>,
) -> rusqlite::Result<()> {
    let read;
    let saved = match known {
        Some(known) => known,
        None => {
            read = load(transaction, project)?;
            &read
        }
    };
    let all = |records: &Records| -> BTreeSet<PackagePath> {
        records.paths.keys().chain(records.entries.keys()).cloned().collect()
    };
    let now = all(records);
    let mut delete = transaction.prepare_cached("DELETE FROM record WHERE project = ?1 AND path = ?2")?;
    for path in all(saved).difference(&now) {
        delete.execute(params![project.as_str(), path.as_str()])?;
    }
    for path in &now {
        let (record, entry) = (records.paths.get(path), records.entries.get(path));
        if (record, entry) != (saved.paths.get(path), saved.entries.get(path)) {
            put(transaction, project, path, record.copied().unwrap_or_default(), entry)?;
        }
    }
    Ok(())
}

fn put(
    transaction: &Transaction<'_>,
    project: &ProjectName,
    path: &PackagePath,
    record: Record,
    entry: Option<&EntryPrint>,
) -> rusqlite::Result<()> {
    let (base, pair) = match record.base {
        None => (None, Pair::default()),
        Some(Base::Unknown) => (Some(0), Pair::default()),
        Some(Base::Agreed(pair)) => (Some(1), pair),
    };
    let blob = |blob: Option<BlobId>| blob.map(|blob| *blob.as_bytes());
    let commit = |commit: Option<CommitId>| commit.map(|commit| *commit.as_bytes());
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO record
             (project, path, blob, seal, crc, size, base, workspace, branch, recorded, sent, tries, decision, disputed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            project.as_str(),
            path.as_str(),
            blob(entry.map(|entry| entry.blob)),
            entry.map(|entry| entry.seal.to_be_bytes()),
            entry.map(|entry| entry.crc),
            entry.map(|entry| i64::try_from(entry.size).expect("bounded by the archive")),
            base,
            blob(pair.workspace),
            blob(pair.branch),
            commit(record.recorded),
            blob(record.sent),
            record.tries,
            record.decision.map(|decision| json(&decision)),
            commit(record.disputed),
        ])
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::{Decision, Take};
    use crate::model::state::State;
    use crate::store::{Saved, Store};

    fn path(name: &str) -> PackagePath {
        PackagePath::parse(name).unwrap()
    }

    fn sample() -> Records {
        let blob = BlobId::from_bytes([7; 20]);
        let base = Some(Base::Agreed(Pair { workspace: Some(blob), branch: None }));
        let record = Record { base, recorded: Some(CommitId::from_bytes([9; 20])), ..Record::default() };
        let entry = EntryPrint { crc: u32::MAX, size: 1 << 40, seal: u128::MAX - 1, blob };
        let mut records = Records::default();
        for number in 0..40 {
            let path = path(&format!("d{}/r{number}.recipe.json", number % 3));
            let other = Record {
                base: Some(Base::Unknown),
                sent: Some(blob),
                tries: 3,
                decision: Some(Decision {
                    take: Take::Branch,
                    shown: Pair { branch: Some(blob), workspace: None },
                }),
                disputed: record.recorded,
                ..Record::default()
            };
            if number % 4 > 0 {
                records.paths.insert(path.clone(), if number % 5 == 0 { other } else { record });
            }
            if number % 4 < 3 {
                records.entries.insert(path, EntryPrint { size: number, ..entry });
            }
        }
        records
    }

    #[test]
    fn what_was_saved_is_found_again_and_only_what_changed_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let [orders, other] = ["orders", "other"].map(|name| ProjectName::parse(name).unwrap());
        let save = |project, records: &Records| {
            let state = State::default();
            let saved = Saved {
                state: &state,
                records: Some(records),
                known: None,
                events: &[],
                settled: None,
                next: None,
            };
            store.save(project, &saved).unwrap();
        };
        let mut records = sample();
        save(&orders, &records);
        save(&other, &records);
        assert_eq!(store.records(&orders).unwrap(), records);
        records.paths.remove(&path("d1/r1.recipe.json"));
        records.entries.remove(&path("d1/r1.recipe.json"));
        records.entries.remove(&path("d2/r2.recipe.json"));
        records.paths.insert(path("new.recipe.json"), Record { tries: 2, ..Record::default() });
        let written = || store.read(|connection| Ok(connection.total_changes())).unwrap();
        let before = written();
        save(&orders, &records);
        assert_eq!(written() - before, 1 + 3, "the state, and a row a path");
        assert_eq!(store.records(&orders).unwrap(), records);
        assert_eq!(store.records(&other).unwrap(), sample());
    }

    #[test]
    fn records_of_the_first_version_are_taken_over() {
        let (folder, raw) = crate::store::tests::raw();
        raw.execute_batch(
            "DROP TABLE record; DROP TABLE seal_key; PRAGMA user_version = 1;
             CREATE TABLE records (project TEXT PRIMARY KEY, records TEXT NOT NULL) STRICT;",
        )
        .unwrap();
        raw.execute("INSERT INTO records VALUES ('orders', ?1)", [json(&sample())]).unwrap();
        drop(raw);
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.records(&ProjectName::parse("orders").unwrap()).unwrap(), sample());
    }
}
