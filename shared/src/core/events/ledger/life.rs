//! The life of an event, as it is shown.

use futures::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};

use crate::base::clock::Timestamp;
use crate::base::id::ConnectionName;
use crate::core::events::ledger::{Batch, Closed, Entry, Ledger, Stage, ends, queue};
use crate::store::{Query, StoreError};

/// More records than Zoho tells of at once.
const MAX_PARTS: usize = 200;

/// The state of an event.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Life {
    /// `received`, `queued`, `admitted`, `claimed`, `done`, `failed` or `dead`.
    pub state: &'static str,
    /// How often the agent's hook was told of it, or was about to be.
    pub attempts: u32,
    /// How often it was claimed.
    pub claims: u32,
    /// The batch that told of it: what `delivery` is in a claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// The run that the gateway began for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How the last try to tell went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_answer: Option<String>,
    /// When the gateway took the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<Timestamp>,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try: Option<Timestamp>,
    /// Until when it waits because all turns of the hour are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<Timestamp>,
    /// Which key claimed it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<String>,
    /// When that claim ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_until: Option<Timestamp>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The note of the acknowledgement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

impl Ledger {
    /// The life of an entry that is in the queue, or was.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn life(&self, connection: &ConnectionName, id: &str) -> Result<Life, StoreError> {
        if let Some(row) = self.open_row(connection, id).await? {
            let entry: Entry = row.read()?;
            let batch = self.batch_of(connection, &entry, true).await?;
            let mut life = self.open(&entry, batch);
            if life.state == "queued" {
                life.waits_until = self.standing().await?.waits_for_turn(&entry.kind, self.clock.now());
            }
            return Ok(life);
        }
        let Some(row) = self.closed_row(connection, id).await? else {
            return Ok(Life { state: "received", ..Life::default() });
        };
        let Closed { entry, end } = row.read()?;
        let batch = self.batch_of(connection, &entry, false).await?;
        Ok(Life {
            state: end.state.as_str(),
            outcome: Some(end.outcome),
            note: end.note,
            ended: Some(end.at),
            next_try: None,
            ..self.open(&entry, batch)
        })
    }

    /// The life of an event; of an event about several records, the life of each.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn lives(&self, connection: &ConnectionName, id: &str) -> Result<Value, StoreError> {
        let value = |life: Life| serde_json::to_value(life).unwrap_or_default();
        let life = self.life(connection, id).await?;
        if life.state != "received" || id.contains('.') {
            return Ok(json!({ "life": value(life) }));
        }
        let ids = self.parts(connection, id).await?;
        if ids.is_empty() {
            return Ok(json!({ "life": value(life) }));
        }
        let lives = try_join_all(ids.iter().map(|id| self.life(connection, id))).await?;
        let parts = ids.into_iter().zip(lives).map(|(id, life)| json!({ "id": id, "life": value(life) }));
        Ok(json!({ "parts": parts.collect::<Vec<_>>() }))
    }

    /// The entries of an event about several records, open or not, in their order.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn parts(&self, connection: &ConnectionName, id: &str) -> Result<Vec<String>, StoreError> {
        let parts = |partition| {
            let prefix = format!("{id}.");
            self.events.query(Query { partition, prefix, limit: MAX_PARTS, ..Query::default() })
        };
        let (open, closed) = (parts(queue(connection)).await?, parts(ends(connection)).await?);
        let mut ids: Vec<String> = open.rows.into_iter().chain(closed.rows).map(|row| row.key.sort).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    fn open(&self, entry: &Entry, batch: Option<Batch>) -> Life {
        let mut life = Life { state: "queued", claims: entry.claims, ..Life::default() };
        if let Some(batch) = batch {
            life.attempts = batch.attempts;
            life.last_answer = batch.last_answer();
            life.delivery = Some(batch.id);
            match batch.stage {
                Stage::Waiting => life.next_try = Some(batch.next),
                Stage::Admitted { run, at } => {
                    (life.state, life.run, life.told) = ("admitted", run, Some(at));
                }
                Stage::Refused { .. } | Stage::Unclaimed => {}
            }
        }
        if let Some(claim) = &entry.claim {
            life.claimed_by = Some(claim.by.clone());
            life.claimed_until = Some(claim.until);
            if claim.holds(self.clock.now()) {
                life.state = "claimed";
            }
        }
        life
    }

    /// The batch of an entry: the entry names it once it was claimed; before, it is found among the open batches.
    async fn batch_of(
        &self,
        connection: &ConnectionName,
        entry: &Entry,
        open: bool,
    ) -> Result<Option<Batch>, StoreError> {
        if let Some(id) = &entry.batch {
            return self.batch_row(connection, id).await?.map(|row| row.read()).transpose();
        }
        if !open {
            return Ok(None);
        }
        let batches = self.open_batches(connection).await?;
        Ok(batches.into_iter().map(|found| found.batch).rfind(|batch| batch.ids.contains(&entry.id)))
    }
}
