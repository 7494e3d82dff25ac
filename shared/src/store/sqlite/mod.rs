//! Both traits on one SQLite file: readable by its owner only, write-ahead log, every commit synced, any number of
//! processes. In memory for tests.

mod bounds;
mod database;
mod secrets;
mod snapshot;
mod table;
mod worker;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, ffi};

use super::{Secrets, StoreError, Stores, Table};
use crate::base::clock::SharedClock;
use database::Database;
use secrets::SqliteSecrets;
use table::SqliteTable;
use worker::Worker;

const FILE_NAME: &str = "zoho-connector.sqlite3";

/// The form of the tables, as `user_version` of SQLite has it. A version that changes them in a way that this one must not meet raises it.
const FORM: i64 = 0;

/// Pages in the log before they are moved to the file, which costs two more syncs: 16 MB.
const CHECKPOINT_PAGES: u32 = 4000;

/// One open database.
#[derive(Clone)]
pub struct Sqlite(Database);

impl Sqlite {
    /// Opens the database in `folder`, making both where they do not exist.
    ///
    /// # Errors
    /// Where the folder or the file cannot be made or read.
    pub fn open(folder: &Path, clock: SharedClock) -> Result<Self, StoreError> {
        let path = folder.join(FILE_NAME);
        let failed = |error: io::Error| {
            StoreError::Unavailable(format!(
                "{} cannot be made or opened ({error}): name a folder that belongs to this user",
                path.display()
            ))
        };
        private_folder(folder).map_err(failed)?;
        tighten(folder)?;
        // The file is made before SQLite opens it, so that it never exists with wider rights; its log inherits them.
        private_file(&path).map_err(failed)?;

        let writer = Connection::open(&path).map_err(|error| unusable(&path, &error))?;
        refuse_newer(&writer, &path)?;
        prepare(&writer).map_err(|error| unusable(&path, &error))?;
        let reader = Connection::open(&path)?;
        reader.busy_timeout(worker::BUSY_TIMEOUT)?;
        reader.pragma_update(None, "query_only", true)?;
        Ok(Self(Database::new(Worker::start(writer)?, Worker::start(reader)?, clock)))
    }

    /// Moves the log of the database in `folder` into its file, so that the file alone is all of it, where nobody else is at it. What
    /// is in the log is safe on disk anyway. It blocks.
    ///
    /// # Errors
    /// Where the database cannot be opened.
    pub fn settle(folder: &Path) -> Result<(), StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let sql = Connection::open_with_flags(folder.join(FILE_NAME), flags)?;
        sql.busy_timeout(worker::BUSY_TIMEOUT)?;
        sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// Whether `folder` holds a database.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE_NAME).is_file()
    }

    /// Where a file of this name may stand beside the database: as private as it is.
    pub fn beside(folder: &Path, name: &str) -> PathBuf {
        folder.join(format!("{FILE_NAME}.{name}"))
    }

    /// As [`Self::is_in`], for a folder that may belong to somebody else.
    ///
    /// # Errors
    /// Where this user may not look.
    pub fn find_in(folder: &Path) -> io::Result<bool> {
        match fs::metadata(folder.join(FILE_NAME)) {
            Ok(found) => Ok(found.is_file()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// A database that lives as long as this value.
    ///
    /// # Errors
    /// Where SQLite itself cannot start.
    pub fn in_memory(clock: SharedClock) -> Result<Self, StoreError> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(SCHEMA)?;
        let worker = Worker::start(connection)?;
        Ok(Self(Database::new(worker.clone(), worker, clock)))
    }

    /// The secret store.
    pub fn secrets(&self) -> Arc<dyn Secrets> {
        Arc::new(SqliteSecrets(self.0.clone()))
    }

    /// The table of that name.
    pub fn table(&self, name: &'static str) -> Arc<dyn Table> {
        Arc::new(SqliteTable { name, database: self.0.clone() })
    }
}

/// Leaves a database alone whose tables a later version has changed.
fn refuse_newer(writer: &Connection, path: &Path) -> Result<(), StoreError> {
    writer.busy_timeout(worker::BUSY_TIMEOUT)?;
    let form: rusqlite::Result<i64> = writer.query_row("PRAGMA user_version", [], |row| row.get(0));
    let form = form.map_err(|error| unusable(path, &error))?;
    if form <= FORM {
        return Ok(());
    }
    Err(StoreError::Unavailable(format!(
        "{} was written by a later version of the connector, and nothing in it was changed: install that version, or name another folder",
        path.display()
    )))
}

/// Sets a connection up for writing, and makes sure that it can write: SQLite opens what it may only read without a word.
fn prepare(writer: &Connection) -> rusqlite::Result<()> {
    if writer.is_readonly(MAIN_DB)? {
        return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY), None));
    }
    writer.busy_timeout(worker::BUSY_TIMEOUT)?;
    writer.pragma_update(None, "journal_mode", "WAL")?;
    writer.pragma_update(None, "synchronous", "FULL")?;
    writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    // What is deleted was a secret, more often than not: its bytes go, too.
    writer.pragma_update(None, "secure_delete", "ON")?;
    writer.execute_batch(SCHEMA)
}

/// Why a database cannot be used, with what to do.
fn unusable(path: &Path, error: &rusqlite::Error) -> StoreError {
    let path = path.display();
    StoreError::Unavailable(match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => format!(
            "{path} cannot be written ({error}): run as the user whom it belongs to, and make the folder and its files writable, or mount the disk for writing"
        ),
        Some(ErrorCode::DiskFull) => format!("{path} cannot be written: the disk is full"),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            format!(
                "{path} is no database of this connector, or is damaged ({error}): move its folder away, and have `zoho-connector restore FILE` make it anew of a backup"
            )
        }
        _ => format!("{path}: {error}"),
    })
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS row (
    tab       TEXT NOT NULL,
    partition TEXT NOT NULL,
    sort      TEXT NOT NULL,
    value     TEXT NOT NULL,
    version   TEXT NOT NULL,
    expires   INTEGER,
    PRIMARY KEY (tab, partition, sort)
);
CREATE INDEX IF NOT EXISTS row_expires ON row (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS secret_version (
    name    TEXT NOT NULL,
    version TEXT NOT NULL,
    value   TEXT NOT NULL,
    stage   TEXT,
    created INTEGER NOT NULL,
    PRIMARY KEY (name, version)
);
CREATE UNIQUE INDEX IF NOT EXISTS secret_stage ON secret_version (name, stage) WHERE stage IS NOT NULL;
";

/// Makes the file if it is not there. One that is there is not opened: closing it again would take this process's locks
/// off the database, as POSIX has it.
fn private_file(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Makes the folder if it is not there, for its owner only.
fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Takes away what others may do with the files, and with a folder that holds nothing else: they hold secrets. Where that is not
/// possible, they are not used.
#[cfg(unix)]
fn tighten(folder: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |path: &Path, error: &io::Error| {
        StoreError::Unavailable(format!(
            "others may read {}, which is to hold secrets, and it could not be changed ({error}): take their rights away, or name another folder",
            path.display()
        ))
    };
    let tight = |path: &Path, mode: u32| {
        let rights = match fs::metadata(path) {
            Ok(found) => found.permissions(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(path, &error)),
        };
        if rights.mode() & 0o077 == 0 {
            return Ok(());
        }
        tracing::warn!(path = %path.display(), "others could read this; their rights are taken away");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|error| failed(path, &error))
    };
    let mut only_ours = true;
    let unreadable = |error: io::Error| {
        StoreError::Unavailable(format!(
            "{} cannot be read ({error}): run as the user whom it belongs to, or name another folder",
            folder.display()
        ))
    };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(|error| failed(folder, &error))?;
        if entry.file_name().to_string_lossy().starts_with(FILE_NAME) {
            tight(&entry.path(), 0o600)?;
        } else {
            only_ours = false;
        }
    }
    if only_ours { tight(folder, 0o700) } else { Ok(()) }
}

#[cfg(not(unix))]
fn tighten(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

impl From<Sqlite> for Stores {
    fn from(database: Sqlite) -> Self {
        Self { secrets: database.secrets(), state: database.table("state"), events: database.table("events") }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_later_version_wrote_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let clock = || std::sync::Arc::new(crate::base::clock::SystemClock);
        drop(Sqlite::open(folder.path(), clock()).unwrap());
        let other = Connection::open(folder.path().join(FILE_NAME)).unwrap();
        // The one that was dropped may still be closing.
        other.busy_timeout(worker::BUSY_TIMEOUT).unwrap();
        other.pragma_update(None, "user_version", FORM + 1).unwrap();
        let error = Sqlite::open(folder.path(), clock()).map(drop).unwrap_err().to_string();
        assert!(error.contains("later version") && error.contains(FILE_NAME), "{error}");
        other.pragma_update(None, "user_version", FORM).unwrap();
        assert!(Sqlite::open(folder.path(), clock()).is_ok());
    }

    #[test]
    fn what_can_only_be_read_is_refused_when_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let writer = Connection::open(&path).unwrap();
        prepare(&writer).unwrap();
        prepare(&writer).unwrap();
        let reader = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let error = unusable(&path, &prepare(&reader).unwrap_err()).to_string();
        assert!(error.contains("cannot be written") && error.contains(FILE_NAME), "{error}");
    }

    #[test]
    fn what_is_no_database_says_so() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE_NAME), "not a database ".repeat(400)).unwrap();
        let clock = std::sync::Arc::new(crate::base::clock::SystemClock);
        let error = Sqlite::open(folder.path(), clock).err().unwrap().to_string();
        assert!(error.contains("no database of this connector"), "{error}");
    }

    #[test]
    fn a_folder_without_a_database_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!Sqlite::find_in(folder.path()).unwrap());
        assert!(!Sqlite::find_in(&folder.path().join("none")).unwrap());
    }
}
