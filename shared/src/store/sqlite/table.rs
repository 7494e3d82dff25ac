//! Rows in SQLite.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use super::bounds::Bounds;
use super::database::Database;
use crate::base::clock::Timestamp;
use crate::store::table::check_limits;
use crate::store::{Condition, Key, Order, Outcome, Page, Query, Row, StoreError, Table, Version, Write};

/// How many rows that have ended one write removes: it must not be held up by all that ended while nothing ran.
const MAX_REMOVED: i64 = 5000;

const REMOVE: &str = "DELETE FROM row WHERE rowid IN
    (SELECT rowid FROM row WHERE expires <= ?1 ORDER BY expires LIMIT ?2)";

const FIND: &str = "SELECT partition, sort, value, version, expires FROM row
    WHERE tab = ?1 AND partition = ?2 AND sort = ?3 AND (expires IS NULL OR expires > ?4)";

const DELETE: &str = "DELETE FROM row WHERE tab = ?1 AND partition = ?2 AND sort = ?3";

const LIST_ALL: &str = "SELECT partition, sort, value, version, expires FROM row
    WHERE tab = ?1 AND (partition, sort) > (?2, ?3) AND (expires IS NULL OR expires > ?4)
    ORDER BY partition, sort LIMIT ?5";

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
                    sql.prepare_cached(REMOVE)?.execute([now, MAX_REMOVED])?;
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
        .prepare_cached(LIST_ALL)?
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
                sql.prepare_cached(DELETE)?.execute(params![table, key.partition, key.sort])?;
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
    sql.prepare_cached(FIND)?.query_row(params![table, key.partition, key.sort, now], read_row).optional()
}

fn list(sql: &Connection, table: &str, query: &Query, now: i64) -> rusqlite::Result<Page> {
    let Bounds { above, from, to } = Bounds::of(query);
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX - 1).saturating_add(1);
    let mut rows = sql
        .prepare_cached(&listing(above, query.order))?
        .query_map(params![table, query.partition, from, to, now, limit], read_row)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = rows.len() > query.limit;
    rows.truncate(query.limit);
    let next = rows.last().filter(|_| more).map(|row| row.key.sort.clone());
    Ok(Page { rows, next })
}

fn listing(above: &str, order: Order) -> String {
    let order = match order {
        Order::Ascending => "ASC",
        Order::Descending => "DESC",
    };
    format!(
        "SELECT partition, sort, value, version, expires FROM row
         WHERE tab = ?1 AND partition = ?2 AND sort {above} ?3 AND sort < ?4 AND (expires IS NULL OR expires > ?5)
         ORDER BY sort {order} LIMIT ?6"
    )
}

fn read_row(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        key: Key::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?),
        value: row.get(2)?,
        version: Version(row.get(3)?),
        expires: row.get::<_, Option<i64>>(4)?.and_then(|at| Timestamp::from_millisecond(at).ok()),
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::sqlite::SCHEMA;

    /// Rows `a…` and `b…` of one partition, so many of each.
    fn filled(rows: i64, expires: Option<i64>) -> Connection {
        let sql = Connection::open_in_memory().unwrap();
        sql.execute_batch(SCHEMA).unwrap();
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)";
        for letter in ["a", "b"] {
            let insert = format!(
                "{numbers} INSERT INTO row SELECT 'events', 'p', '{letter}' || printf('%06d', i), '1', 'v', ?2 FROM n"
            );
            sql.execute(&insert, params![rows, expires]).unwrap();
        }
        sql
    }

    #[test]
    fn no_statement_reads_a_table_as_a_whole() {
        let sql = filled(1, None);
        let listings = [(">", Order::Ascending), (">=", Order::Ascending), (">=", Order::Descending)];
        let listings = listings.map(|(above, order)| (listing(above, order), 6));
        let others = [(FIND, 4), (DELETE, 3), (REMOVE, 2), (LIST_ALL, 5)]
            .map(|(text, count)| (text.to_owned(), count));
        for (text, count) in listings.into_iter().chain(others) {
            let mut plan = sql.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
            let values = rusqlite::params_from_iter(vec!["1"; count]);
            let steps = plan.query_map(values, |row| row.get::<_, String>(3)).unwrap();
            let steps: Vec<String> = steps.map(Result::unwrap).collect();
            assert!(steps.iter().any(|step| step.starts_with("SEARCH")), "{text}: {steps:?}");
            for bad in ["SCAN", "TEMP B-TREE", "AUTOMATIC"] {
                assert!(!steps.iter().any(|step| step.contains(bad)), "{text}: {steps:?}");
            }
        }
    }

    /// What a page costs, in steps of SQLite's machine.
    fn steps_of(sql: &Connection, query: &Query, rows: usize) -> i32 {
        assert_eq!(list(sql, "events", query, 0).unwrap().rows.len(), rows, "{query:?}");
        // The statement that has just run.
        let text = listing(Bounds::of(query).above, query.order);
        sql.prepare_cached(&text).unwrap().reset_status(StatementStatus::VmStep)
    }

    #[test]
    fn a_page_costs_the_same_whatever_lies_before_and_behind_it() {
        let costs = [500, 4000].map(|rows| {
            let sql = filled(rows, None);
            let all = Query::partition("p", 20);
            let cursor = |letter: &str, number: i64| Some(format!("{letter}{number:06}"));
            let prefixed = Query { prefix: "a".to_owned(), ..all.clone() };
            [
                // The last page forwards, and the last one backwards.
                (Query { after: cursor("b", rows - 11), ..all.clone() }, 10),
                (Query { after: cursor("a", 10), order: Order::Descending, ..all.clone() }, 10),
                // The last page before the rows of another prefix, and the first one backwards.
                (Query { after: cursor("a", rows - 11), ..prefixed.clone() }, 10),
                (Query { order: Order::Descending, ..prefixed.clone() }, 20),
                // Up to a moment.
                (Query { below: cursor("a", 10), ..all.clone() }, 10),
                (Query { below: cursor("a", 10), order: Order::Descending, ..all }, 10),
            ]
            .map(|(query, found)| steps_of(&sql, &query, found))
        });
        assert_eq!(costs[0], costs[1]);
        assert!(costs[0].iter().all(|steps| *steps > 0), "{costs:?}");
    }

    #[test]
    fn what_has_ended_is_removed_in_parts() {
        let half = MAX_REMOVED / 2 + 1;
        let sql = filled(half, Some(5));
        let remove = |now: i64| sql.prepare_cached(REMOVE).unwrap().execute([now, MAX_REMOVED]).unwrap();
        assert_eq!(remove(4), 0, "it has not ended");
        assert_eq!(i64::try_from(remove(5)).unwrap(), MAX_REMOVED);
        assert_eq!(i64::try_from(remove(5)).unwrap(), 2 * half - MAX_REMOVED);
        assert_eq!(remove(5), 0);
    }
}
