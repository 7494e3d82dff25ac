//! Rows in SQLite.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, named_params, params};

use super::database::Database;
use crate::base::clock::Timestamp;
use crate::store::table::check_limits;
use crate::store::{Condition, Key, Order, Outcome, Page, Query, Row, StoreError, Table, Version, Write};

pub(super) struct SqliteTable {
    pub(super) name: &'static str,
    pub(super) database: Database,
}

impl SqliteTable {
    fn now(&self) -> i64 {
        self.database.clock.now().as_millisecond()
    }
}

#[async_trait]
impl Table for SqliteTable {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        let (table, key, now) = (self.name, key.clone(), self.now());
        self.database.reader.read(move |sql| find(sql, table, &key, now)).await
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        check_limits(&steps)?;
        let (table, now) = (self.name, self.now());
        let removes = self.database.is_time_to_remove(now);
        self.database
            .writer
            .write(move |sql| {
                if removes {
                    sql.prepare_cached("DELETE FROM row WHERE expires <= ?1")?.execute([now])?;
                }
                transact(sql, table, &steps, now)
            })
            .await
    }

    fn is_dated_by_one_machine(&self) -> bool {
        true
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        let (table, now) = (self.name, self.now());
        self.database.reader.read(move |sql| list(sql, table, &query, now)).await
    }

    async fn scan(&self, after: Option<Key>, limit: usize) -> Result<(Vec<Row>, Option<Key>), StoreError> {
        let (table, now) = (self.name, self.now());
        self.database.reader.read(move |sql| list_all(sql, table, after.as_ref(), limit, now)).await
    }
}

/// Rows of all partitions, in the order of their keys.
fn list_all(
    sql: &Connection,
    table: &str,
    after: Option<&Key>,
    limit: usize,
    now: i64,
) -> rusqlite::Result<(Vec<Row>, Option<Key>)> {
    // No partition is empty: all keys are behind this one.
    let (partition, sort) = after.map_or(("", ""), |key| (key.partition.as_str(), key.sort.as_str()));
    let rows = sql
        .prepare_cached(
            "SELECT partition, sort, value, version, expires FROM row
             WHERE tab = ?1 AND (partition, sort) > (?2, ?3) AND (expires IS NULL OR expires > ?4)
             ORDER BY partition, sort LIMIT ?5",
        )?
        .query_map(params![table, partition, sort, now, i64::try_from(limit).unwrap_or(i64::MAX)], read_row)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let next = rows.last().filter(|_| rows.len() >= limit).map(|row| row.key.clone());
    Ok((rows, next))
}

/// All conditions first, then all writes: a refusal leaves nothing behind in a batch that others share.
fn transact(sql: &Connection, table: &str, steps: &[Write], now: i64) -> rusqlite::Result<Outcome> {
    for (step, write) in steps.iter().enumerate() {
        let (key, condition) = match write {
            Write::Put(put) => (&put.key, &put.condition),
            Write::Delete(key, condition) => (key, condition),
        };
        if *condition == Condition::Any {
            continue;
        }
        let current = find(sql, table, key, now)?;
        let holds = match condition {
            Condition::Any => true,
            Condition::Absent => current.is_none(),
            Condition::Version(wanted) => current.as_ref().is_some_and(|row| row.version == *wanted),
        };
        if !holds {
            return Ok(Outcome::Refused { step, current });
        }
    }

    let mut first = None;
    for (step, write) in steps.iter().enumerate() {
        let version = match write {
            Write::Put(put) => {
                let version = Version::fresh();
                sql.prepare_cached(
                    "INSERT OR REPLACE INTO row (tab, partition, sort, value, version, expires)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    table,
                    put.key.partition,
                    put.key.sort,
                    put.value,
                    version.0,
                    put.expires.map(Timestamp::as_millisecond)
                ])?;
                Some(version)
            }
            Write::Delete(key, _) => {
                sql.prepare_cached("DELETE FROM row WHERE tab = ?1 AND partition = ?2 AND sort = ?3")?
                    .execute(params![table, key.partition, key.sort])?;
                None
            }
        };
        if step == 0 {
            first = version;
        }
    }
    Ok(Outcome::Done(first))
}

fn find(sql: &Connection, table: &str, key: &Key, now: i64) -> rusqlite::Result<Option<Row>> {
    sql.prepare_cached(
        "SELECT partition, sort, value, version, expires FROM row
         WHERE tab = ?1 AND partition = ?2 AND sort = ?3 AND (expires IS NULL OR expires > ?4)",
    )?
    .query_row(params![table, key.partition, key.sort, now], read_row)
    .optional()
}

fn list(sql: &Connection, table: &str, query: &Query, now: i64) -> rusqlite::Result<Page> {
    let (beyond, order) = match query.order {
        Order::Ascending => (">", "ASC"),
        Order::Descending => ("<", "DESC"),
    };
    let text = format!(
        "SELECT partition, sort, value, version, expires FROM row
         WHERE tab = :tab AND partition = :partition AND sort >= :prefix
           AND substr(sort, 1, length(:prefix)) = :prefix
           AND (:after IS NULL OR sort {beyond} :after) AND (:below IS NULL OR sort < :below)
           AND (expires IS NULL OR expires > :now)
         ORDER BY sort {order} LIMIT :limit"
    );
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX - 1);
    let mut rows = sql
        .prepare_cached(&text)?
        .query_map(
            named_params! {
                ":tab": table, ":partition": query.partition, ":prefix": query.prefix,
                ":after": query.after, ":below": query.below, ":now": now, ":limit": limit + 1,
            },
            read_row,
        )?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = rows.len() > query.limit;
    rows.truncate(query.limit);
    let next = rows.last().filter(|_| more).map(|row| row.key.sort.clone());
    Ok(Page { rows, next })
}

fn read_row(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        key: Key::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?),
        value: row.get(2)?,
        version: Version(row.get(3)?),
        expires: row.get::<_, Option<i64>>(4)?.and_then(|at| Timestamp::from_millisecond(at).ok()),
    })
}
