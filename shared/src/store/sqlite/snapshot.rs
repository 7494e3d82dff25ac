//! Everything that a database holds at one moment, while others go on writing: a read transaction of a write-ahead log sees
//! nothing of what is committed after it began.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{FILE_NAME, Sqlite, worker};
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::store::{StoreError, Stored, StoredRow, StoredSecret};

const ROWS: &str = "SELECT tab, partition, sort, value, expires FROM row
    WHERE expires IS NULL OR expires > ?1 ORDER BY tab, partition, sort";

const SECRETS: &str = "SELECT name, value FROM secret_version WHERE stage = 'current' ORDER BY name";

impl Sqlite {
    /// Hands on all that the database in `folder` holds at this moment, one by one; what has ended by `now` is left out. It blocks.
    ///
    /// # Errors
    /// Where the database cannot be read, or `each` fails.
    pub fn snapshot<E: From<StoreError>>(
        folder: &Path,
        now: Timestamp,
        mut each: impl FnMut(Stored) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |error: rusqlite::Error| E::from(StoreError::from(error));
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut sql = Connection::open_with_flags(folder.join(FILE_NAME), flags).map_err(failed)?;
        sql.busy_timeout(worker::BUSY_TIMEOUT).map_err(failed)?;
        sql.pragma_update(None, "query_only", true).map_err(failed)?;
        let moment = sql.transaction().map_err(failed)?;
        let mut secrets = moment.prepare(SECRETS).map_err(failed)?;
        let mut found = secrets.query([]).map_err(failed)?;
        while let Some(row) = found.next().map_err(failed)? {
            let name = row.get(0).map_err(failed)?;
            let value = Secret::new(row.get::<_, String>(1).map_err(failed)?);
            each(Stored::Secret(StoredSecret { name, value }))?;
        }
        let mut rows = moment.prepare(ROWS).map_err(failed)?;
        let mut found = rows.query([now.as_millisecond()]).map_err(failed)?;
        while let Some(row) = found.next().map_err(failed)? {
            let expires: Option<i64> = row.get(4).map_err(failed)?;
            each(Stored::Row(StoredRow {
                table: row.get(0).map_err(failed)?,
                partition: row.get(1).map_err(failed)?,
                sort: row.get(2).map_err(failed)?,
                value: row.get(3).map_err(failed)?,
                expires: expires.and_then(|at| Timestamp::from_millisecond(at).ok()),
            }))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::clock::SystemClock;
    use crate::store::{Condition, Key, Put, Stores};

    #[tokio::test]
    async fn a_copy_is_of_one_moment_and_fills_other_stores() {
        let folder = tempfile::tempdir().unwrap();
        let stores: Stores = Sqlite::open(folder.path(), Arc::new(SystemClock)).unwrap().into();
        let put = async |sort: &str| {
            let put = Put::record(Key::new("kind#a", sort), &sort, Condition::Any).unwrap();
            stores.state.put(put).await.unwrap();
        };
        put("1").await;
        put("2").await;
        let pending = stores.secrets.stage("s", &Secret::new("secret")).await.unwrap();
        assert!(stores.secrets.promote("s", &pending, None).await.unwrap());
        stores.secrets.stage("s", &Secret::new("pending")).await.unwrap();

        let mut all: Vec<String> = Vec::new();
        let beside = rusqlite::Connection::open(folder.path().join(FILE_NAME)).unwrap();
        Sqlite::snapshot(folder.path(), Timestamp::now(), |stored| {
            // Somebody else writes meanwhile.
            let number = i64::try_from(all.len()).unwrap() + 3;
            let insert = "INSERT INTO row VALUES ('state', 'kind#a', ?1, '0', 'v', NULL)";
            beside.execute(insert, [number.to_string()]).unwrap();
            all.push(serde_json::to_string(&stored).unwrap());
            Ok::<(), StoreError>(())
        })
        .unwrap();
        assert_eq!(
            all,
            [
                r#"{"secret":{"name":"s","value":"secret"}}"#,
                r#"{"row":{"table":"state","partition":"kind#a","sort":"1","value":"\"1\""}}"#,
                r#"{"row":{"table":"state","partition":"kind#a","sort":"2","value":"\"2\""}}"#,
            ]
        );

        let other: Stores = Sqlite::in_memory(Arc::new(SystemClock)).unwrap().into();
        for line in &all {
            serde_json::from_str::<Stored>(line).unwrap().put(&other).await.unwrap();
        }
        assert_eq!(other.secrets.get("s").await.unwrap().unwrap().value.expose(), "secret");
        assert_eq!(other.state.get(&Key::new("kind#a", "2")).await.unwrap().unwrap().value, "\"2\"");
    }
}
