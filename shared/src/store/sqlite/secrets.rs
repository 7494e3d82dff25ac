//! Versions of secrets in SQLite.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::database::Database;
use crate::base::clock::Timestamp;
use crate::base::secret::{Secret, random_hex};
use crate::store::{SecretValue, Secrets, StoreError, VersionId};

pub(super) struct SqliteSecrets(pub(super) Database);

/// Versions without a stage are only counted, and only those of the last day.
const VERSION_RETENTION: i64 = 24 * 60 * 60 * 1000;

#[async_trait]
impl Secrets for SqliteSecrets {
    async fn get(&self, name: &str) -> Result<Option<SecretValue>, StoreError> {
        let name = name.to_owned();
        self.0
            .reader
            .read(move |sql| {
                sql.prepare_cached(
                    "SELECT value, version FROM secret_version WHERE name = ?1 AND stage = 'current'",
                )?
                .query_row([name], |row| {
                    Ok(SecretValue {
                        value: Secret::new(row.get::<_, String>(0)?),
                        version: VersionId(row.get(1)?),
                    })
                })
                .optional()
            })
            .await
    }

    async fn stage(&self, name: &str, value: &Secret) -> Result<VersionId, StoreError> {
        let (name, value, now) = (name.to_owned(), value.clone(), self.0.clock.now().as_millisecond());
        let staged = self
            .0
            .writer
            .write(move |sql| {
                let version = VersionId(random_hex::<16>());
                sql.execute(
                    "UPDATE secret_version SET stage = NULL, value = '' WHERE name = ?1 AND stage = 'pending'",
                    [&name],
                )?;
                sql.execute(
                    "DELETE FROM secret_version WHERE name = ?1 AND stage IS NULL AND created < ?2",
                    params![name, now - VERSION_RETENTION],
                )?;
                sql.execute(
                    "INSERT INTO secret_version (name, version, value, stage, created)
                     VALUES (?1, ?2, ?3, 'pending', ?4)",
                    params![name, version.0, value.expose(), now],
                )?;
                Ok(version)
            })
            .await;
        self.0.writer.empty_log().await;
        staged
    }

    async fn promote(
        &self,
        name: &str,
        pending: &VersionId,
        from: Option<&VersionId>,
    ) -> Result<bool, StoreError> {
        let (name, pending, from) =
            (name.to_owned(), pending.0.clone(), from.map(|version| version.0.clone()));
        let promoted = self
            .0
            .writer
            .write(move |sql| {
                let stage_of = |version: &str| {
                    sql.query_row(
                        "SELECT stage FROM secret_version WHERE name = ?1 AND version = ?2",
                        [&name, version],
                        |row| row.get::<_, Option<String>>(0),
                    )
                    .optional()
                    .map(Option::flatten)
                };
                let current: Option<String> = sql
                    .query_row(
                        "SELECT version FROM secret_version WHERE name = ?1 AND stage = 'current'",
                        [&name],
                        |row| row.get(0),
                    )
                    .optional()?;
                if current.as_ref() == Some(&pending) {
                    return Ok(true);
                }
                if current != from || stage_of(&pending)?.as_deref() != Some("pending") {
                    return Ok(false);
                }
                // The value that is replaced is not kept: nothing here ever goes back to it.
                sql.execute(
                    "UPDATE secret_version SET stage = NULL, value = '' WHERE name = ?1 AND stage = 'current'",
                    [&name],
                )?;
                sql.execute(
                    "UPDATE secret_version SET stage = 'current' WHERE name = ?1 AND version = ?2",
                    [&name, &pending],
                )?;
                Ok(true)
            })
            .await;
        self.0.writer.empty_log().await;
        promoted
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        let delete = move |sql: &rusqlite::Connection| {
            sql.execute("DELETE FROM secret_version WHERE name = ?1", [name]).map(drop)
        };
        let deleted = self.0.writer.write(delete).await;
        self.0.writer.empty_log().await;
        deleted
    }

    async fn versions_since(&self, name: &str, since: Timestamp) -> Result<usize, StoreError> {
        let (name, since) = (name.to_owned(), since.as_millisecond());
        self.0
            .reader
            .read(move |sql| {
                sql.query_row(
                    "SELECT count(*) FROM secret_version WHERE name = ?1 AND created >= ?2",
                    params![name, since],
                    |row| row.get::<_, u32>(0),
                )
            })
            .await
            .map(|count| usize::try_from(count).unwrap_or(usize::MAX))
    }
}
