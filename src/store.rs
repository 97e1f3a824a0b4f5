//! Durable state and history: one SQLite file that a crash cannot tear and that `status` reads while the daemon
//! runs.
//!
//! It knows how to keep and find values again. What they mean, and when they are saved, is decided elsewhere.

mod error;
mod records;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::error::StoreError;
use crate::model::history::Event;
use crate::model::plan::{Pair, Take};
use crate::model::project::ProjectName;
use crate::model::state::{Records, State};

/// The version of the tables below; a file of a newer one is refused, untouched.
const VERSION: i64 = 3;

/// How long a writer waits for another process (`resolve` beside the daemon) before it gives up.
const BUSY: Duration = Duration::from_secs(10);

const TABLES: &str = "
    CREATE TABLE project (name TEXT PRIMARY KEY, state TEXT NOT NULL, next INTEGER) STRICT;
    CREATE TABLE history (id INTEGER PRIMARY KEY, project TEXT NOT NULL, event TEXT NOT NULL) STRICT;
    CREATE INDEX history_of_project ON history (project, id);
    CREATE TABLE settlement (id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, settlement TEXT NOT NULL) STRICT;
    CREATE TABLE sent (workspace TEXT NOT NULL, import INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE INDEX sent_of_workspace ON sent (workspace, at);
";

/// The key that packages are sealed with, made once: by another one everything is read again. SQLite's random numbers
/// are those of `ChaCha20`, seeded by the system.
const SEAL_KEY: &str = "
    CREATE TABLE seal_key (bytes BLOB NOT NULL) STRICT;
    INSERT INTO seal_key VALUES (randomblob(32));
";

/// What a person settled with `resolve`, waiting for the next look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// The side that was chosen.
    pub take: Take,
    /// The paths, each with what the two sides held when the person chose.
    pub paths: Vec<(crate::model::path::PackagePath, Pair)>,
    /// Whether failed imports are settled as well.
    pub refusals: bool,
}

/// A project's saved state, and when it was to be looked at next.
pub type Found = (Box<State>, Option<DateTime<Utc>>);

/// All that one step leaves behind, saved together or not at all.
#[derive(Debug)]
pub struct Saved<'a> {
    /// The project's state.
    pub state: &'a State,
    /// Its records, where they changed.
    pub records: Option<&'a Records>,
    /// The records as they are saved, where the step has read them; else they are read to find out what changed.
    pub known: Option<&'a Records>,
    /// What is to be told in the history.
    pub events: &'a [Event],
    /// The last settlement that was taken up.
    pub settled: Option<i64>,
    /// When the project is looked at next.
    pub next: Option<DateTime<Utc>>,
}

/// The open database.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Mutex<Connection>,
    /// For what is written often and may be lost in a power cut, not in a crash: requests that went out.
    ledger: Mutex<Connection>,
}

impl Store {
    /// Opens the database of a state folder, and makes it where it is absent.
    ///
    /// # Errors
    /// When it cannot be used, or is of a newer version.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("recipesync.db");
        let unusable = |source| StoreError::Unusable { path: path.clone(), source };
        if path.exists() {
            check_version(&path, &connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)?;
        } else {
            // Private from its first byte on; the files beside it take its permissions.
            crate::fs::write(&path, b"")
                .map_err(|error| unusable(rusqlite::Error::ToSqlConversionFailure(Box::new(error))))?;
        }
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "journal_mode", "wal").map_err(unusable)?;
        // The state says what was sent to production: it has to survive a power cut.
        connection.pragma_update(None, "synchronous", "full").map_err(unusable)?;
        let mut connection = connection;
        upgrade(&mut connection).map_err(unusable)?;
        Self::with_ledger(path, connection)
    }

    /// Opens the database of a state folder beside a running daemon, to read or to leave a settlement.
    ///
    /// # Errors
    /// When there is none, it cannot be used, or is of a newer version.
    pub fn open_beside(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("recipesync.db");
        if !path.exists() {
            return Err(StoreError::Absent { path });
        }
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        check_version(&path, &connection)?;
        Self::with_ledger(path, connection)
    }

    fn with_ledger(path: PathBuf, connection: Connection) -> Result<Self, StoreError> {
        let ledger = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let set = ledger.pragma_update(None, "synchronous", "normal");
        set.map_err(|source| StoreError::Unusable { path: path.clone(), source })?;
        Ok(Self { path, connection: Mutex::new(connection), ledger: Mutex::new(ledger) })
    }

    /// Returns a project's state, and when it was to be looked at next.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn state(&self, project: &ProjectName) -> Result<Option<Found>, StoreError> {
        let row: Option<(String, Option<i64>)> = self.read(|connection| {
            connection
                .prepare_cached("SELECT state, next FROM project WHERE name = ?1")?
                .query_row([project.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })?;
        row.map(|(text, next)| {
            let next = next.and_then(DateTime::from_timestamp_millis);
            Ok((self.parse(project.as_str(), &text)?, next))
        })
        .transpose()
    }

    /// Returns a project's records; empty ones where there are none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn records(&self, project: &ProjectName) -> Result<Records, StoreError> {
        if self.read(version)? < records::SINCE {
            return Err(StoreError::Older { path: self.path.clone() });
        }
        self.read(|connection| records::load(connection, project))
    }

    /// Returns the key that packages are sealed with.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn seal_key(&self) -> Result<[u8; 32], StoreError> {
        self.read(|connection| {
            let mut query = connection.prepare_cached("SELECT bytes FROM seal_key")?;
            query.query_row([], |row| row.get(0))
        })
    }

    /// Saves what a step leaves behind.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing of it is saved.
    pub fn save(&self, project: &ProjectName, saved: &Saved<'_>) -> Result<(), StoreError> {
        let name = project.as_str();
        let state = json(saved.state);
        let next = saved.next.map(|time| time.timestamp_millis());
        self.write(|transaction| {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO project (name, state, next) VALUES (?1, ?2, ?3)")?
                .execute(params![name, state, next])?;
            if let Some(records) = saved.records {
                records::save(transaction, project, records, saved.known)?;
            }
            for event in saved.events {
                transaction
                    .prepare_cached("INSERT INTO history (project, event) VALUES (?1, ?2)")?
                    .execute(params![name, json(event)])?;
            }
            if let Some(id) = saved.settled {
                transaction
                    .prepare_cached("DELETE FROM settlement WHERE project = ?1 AND id <= ?2")?
                    .execute(params![name, id])?;
            }
            Ok(())
        })
    }

    /// Returns a project's history, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn history(&self, project: &ProjectName) -> Result<Vec<Event>, StoreError> {
        let rows: Vec<String> = self.read(|connection| {
            connection
                .prepare("SELECT event FROM history WHERE project = ?1 ORDER BY id")?
                .query_map([project.as_str()], |row| row.get(0))?
                .collect()
        })?;
        rows.iter().map(|text| self.parse(project.as_str(), text)).collect()
    }

    /// Leaves a settlement for the next look.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn settle(&self, project: &ProjectName, settlement: &Settlement) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached("INSERT INTO settlement (project, settlement) VALUES (?1, ?2)")?
                .execute(params![project.as_str(), json(settlement)])?;
            Ok(())
        })
    }

    /// Returns the settlements that wait for a project, the oldest first, each with its id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn settlements(&self, project: &ProjectName) -> Result<Vec<(i64, Settlement)>, StoreError> {
        let rows: Vec<(i64, String)> = self.read(|connection| {
            connection
                .prepare_cached("SELECT id, settlement FROM settlement WHERE project = ?1 ORDER BY id")?
                .query_map([project.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })?;
        rows.into_iter().map(|(id, text)| Ok((id, self.parse(project.as_str(), &text)?))).collect()
    }

    /// Returns the projects that settlements wait for.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn projects_with_settlements(&self) -> Result<Vec<ProjectName>, StoreError> {
        let names: Vec<String> = self.read(|connection| {
            connection
                .prepare_cached("SELECT DISTINCT project FROM settlement ORDER BY project")?
                .query_map([], |row| row.get(0))?
                .collect()
        })?;
        Ok(names.iter().filter_map(|name| ProjectName::parse(name).ok()).collect())
    }

    /// Returns a number that changes when another process has written, such as `resolve`.
    ///
    /// # Errors
    /// When the database cannot be read, or is not there any more.
    pub fn foreign_writes(&self) -> Result<i64, StoreError> {
        if !self.path.exists() {
            return Err(StoreError::Gone { path: self.path.clone() });
        }
        self.read(|connection| connection.pragma_query_value(None, "data_version", |row| row.get(0)))
    }

    /// Records that a request goes out to a workspace now, and forgets those from before a time, and those from as
    /// long after now: the clock was wrong then. Quick: the disk is not waited for.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn record_sent(
        &self,
        workspace: &str,
        import: bool,
        at: DateTime<Utc>,
        forget_before: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let wrong = at + (at - forget_before);
        self.write_by(&self.ledger, |transaction| {
            transaction
                .prepare_cached("INSERT INTO sent (workspace, import, at) VALUES (?1, ?2, ?3)")?
                .execute(params![workspace, import, at.timestamp_millis()])?;
            transaction
                .prepare_cached("DELETE FROM sent WHERE workspace = ?1 AND (at < ?2 OR at > ?3)")?
                .execute(params![workspace, forget_before.timestamp_millis(), wrong.timestamp_millis()])?;
            Ok(())
        })
    }

    /// Returns what went out to a workspace, as (import, time), the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn sent(&self, workspace: &str) -> Result<Vec<(bool, DateTime<Utc>)>, StoreError> {
        let rows: Vec<(bool, i64)> = self.read(|connection| {
            connection
                .prepare("SELECT import, at FROM sent WHERE workspace = ?1 ORDER BY at")?
                .query_map([workspace], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })?;
        Ok(rows
            .into_iter()
            .filter_map(|(import, at)| Some((import, DateTime::from_timestamp_millis(at)?)))
            .collect())
    }

    /// Writes a consistent copy into another folder, while others may write.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub fn copy_to(&self, folder: &Path) -> Result<(), StoreError> {
        let copy = folder.join("recipesync.db");
        self.read(|connection| connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]).map(drop))
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        query(&lock(&self.connection))
            .map_err(|source| StoreError::Unusable { path: self.path.clone(), source })
    }

    fn write(
        &self,
        change: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        self.write_by(&self.connection, change)
    }

    fn write_by(
        &self,
        connection: &Mutex<Connection>,
        change: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let mut connection = lock(connection);
        let all = || {
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            change(&transaction)?;
            transaction.commit()
        };
        all().map_err(|source| StoreError::Unusable { path: self.path.clone(), source })
    }

    fn parse<T: DeserializeOwned>(&self, what: &str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|source| StoreError::NotUnderstood {
            what: what.to_owned(),
            path: self.path.clone(),
            source,
        })
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    // Each connection is in a mutex of ours: one inside SQLite would be taken for each field of a row as well.
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.busy_timeout(BUSY)?;
        Ok(connection)
    });
    connection.map_err(|source| StoreError::Unusable { path: path.to_owned(), source })
}

fn check_version(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    match version(connection) {
        Ok(found) if found > VERSION => Err(StoreError::Newer { path: path.to_owned(), found }),
        Ok(_) => Ok(()),
        Err(source) => Err(StoreError::Unusable { path: path.to_owned(), source }),
    }
}

/// Makes the tables, or those of an older version into those of this one.
fn upgrade(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    match version(&transaction)? {
        0 => transaction.execute_batch(&format!("{TABLES} {}", records::TABLE))?,
        1 => records::upgrade(&transaction)?,
        2 => {}
        _ => return Ok(()),
    }
    transaction.execute_batch(SEAL_KEY)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    // A panic elsewhere cannot leave a half-made transaction: it was rolled back when it was dropped.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our own types have text keys and no failing serialisers")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders() -> ProjectName {
        ProjectName::parse("orders").unwrap()
    }

    /// A new state, and the database as another program sees it.
    pub(super) fn raw() -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path()).unwrap());
        let raw = Connection::open(folder.path().join("recipesync.db")).unwrap();
        (folder, raw)
    }

    #[test]
    fn what_was_saved_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let state = State { manifest: Some(3), ..State::default() };
        let next = DateTime::from_timestamp_millis(1_700_000_000_123);
        {
            let store = Store::open(folder.path()).unwrap();
            assert_eq!(store.state(&orders()).unwrap(), None);
            let saved = Saved { state: &state, records: None, known: None, events: &[], settled: None, next };
            store.save(&orders(), &saved).unwrap();
        }
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.state(&orders()).unwrap(), Some((Box::new(state), next)));
        assert_eq!(store.records(&orders()).unwrap(), Records::default());
    }

    #[test]
    fn each_state_has_a_key_that_it_keeps() {
        let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let key = |folder: &tempfile::TempDir| Store::open(folder.path()).unwrap().seal_key().unwrap();
        let first = key(&one);
        assert_eq!(key(&one), first);
        assert_ne!(key(&other), first);
    }

    #[test]
    fn a_state_without_a_key_gets_one_and_keeps_the_rest() {
        let (folder, raw) = raw();
        raw.execute_batch(
            "DROP TABLE seal_key; PRAGMA user_version = 2;
             INSERT INTO record (project, path, tries) VALUES ('orders', 'a.json', 1);",
        )
        .unwrap();
        drop(raw);
        // Beside a process of that version the records are read all the same.
        let beside = Store::open_beside(folder.path()).unwrap().records(&orders()).unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.records(&orders()).unwrap(), beside);
        assert_eq!(beside.paths.len(), 1);
        assert_ne!(store.seal_key().unwrap(), [0; 32]);
    }

    #[test]
    fn a_newer_state_is_refused_untouched() {
        let (folder, raw) = raw();
        let path = folder.path().join("recipesync.db");
        raw.pragma_update(None, "user_version", 99).unwrap();
        raw.pragma_update(None, "journal_mode", "delete").unwrap();
        drop(raw);
        let before = crate::fs::read(&path, 1 << 20).unwrap();
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Newer { found: 99, .. })));
        assert_eq!(crate::fs::read(&path, 1 << 20).unwrap(), before);
    }

    #[test]
    fn records_of_an_older_version_beside_a_daemon_are_not_called_damage() {
        let (folder, raw) = raw();
        raw.execute_batch("DROP TABLE record; PRAGMA user_version = 1").unwrap();
        drop(raw);
        let error = Store::open_beside(folder.path()).unwrap().records(&orders()).unwrap_err();
        assert!(matches!(error, StoreError::Older { .. }) && error.hint().contains("sync"), "{error:?}");
    }

    #[test]
    fn a_damaged_state_is_an_error_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        crate::fs::write(&folder.path().join("recipesync.db"), &[b'x'; 5000]).unwrap();
        let error = Store::open(folder.path()).unwrap_err();
        assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
        assert!(error.hint().contains("move it away"));
    }

    #[test]
    fn a_settlement_of_another_process_is_noticed_and_taken_up_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let before = store.foreign_writes().unwrap();
        let settlement = Settlement { take: Take::Branch, paths: vec![], refusals: true };
        Store::open_beside(folder.path()).unwrap().settle(&orders(), &settlement).unwrap();
        assert_ne!(store.foreign_writes().unwrap(), before);
        let waiting = store.settlements(&orders()).unwrap();
        assert_eq!(waiting.len(), 1);
        let saved = Saved {
            state: &State::default(),
            records: None,
            known: None,
            events: &[],
            settled: Some(waiting[0].0),
            next: None,
        };
        store.save(&orders(), &saved).unwrap();
        assert!(store.settlements(&orders()).unwrap().is_empty());
    }

    #[test]
    fn requests_are_remembered_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        store.record_sent("dev", false, at(10), at(0)).unwrap();
        store.record_sent("dev", true, at(20), at(15)).unwrap();
        store.record_sent("prod", false, at(5000), at(4990)).unwrap();
        // The clock was set back.
        store.record_sent("prod", false, at(5), at(0)).unwrap();
        assert_eq!(store.sent("dev").unwrap(), [(true, at(20))]);
        assert_eq!(store.sent("prod").unwrap(), [(false, at(5))]);
    }
}
