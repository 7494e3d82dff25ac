//! Events: changes that Zoho sent or the connector found, stored once each, in the form of CloudEvents 1.0 (<https://cloudevents.io>).
//!
//! Zoho's webhooks carry no id and no time of sending, and Zoho may send one twice. So a delivery is known by the digest
//! of what was signed: a marker under that digest is stored in the same transaction as the event, and a second delivery
//! finds the marker and gets the first one's event id.

pub mod agent_hook;
mod delivery;
mod event;
pub mod gateway_words;
pub mod ledger;
pub mod subscription;
pub mod webhook_secrets;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, earlier, later};
use crate::base::id::{ConnectionName, moment_of, time_ordered, time_prefix};
use crate::base::settings::Retention;
use crate::store::{Condition, Key, Order, Outcome, Put, Query, Row, StoreError, Table, Write};

pub use delivery::{Delivery, Receipt};
pub use event::{Event, TEST, TEST_NOTE};

/// The partition of a connection's events, before its name. A new row there wakes event-delivery.
pub const EVENTS: &str = "event#";

/// A list ends this long before now: a delivery that is stored a little late must not fall behind a reader's cursor.
pub const SETTLED: SignedDuration = SignedDuration::from_secs(15);

/// An event that took longer to be stored may be behind a reader's cursor: the machine or its disk may have stalled.
const MAX_STORE_TIME: SignedDuration = SignedDuration::from_secs(10);

#[derive(Serialize, Deserialize)]
struct Stored {
    event: Event,
    body: Box<RawValue>,
}

#[derive(Serialize, Deserialize)]
struct Marker {
    event_id: String,
}

/// The events of an installation.
#[derive(Clone)]
pub struct Events {
    table: Arc<dyn Table>,
    clock: SharedClock,
    retention: SignedDuration,
}

impl Events {
    /// The rows are in this table.
    pub fn new(table: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { table, clock, retention: Retention::default().events }
    }

    /// The same, with events that are kept so long.
    #[must_use]
    pub fn kept_for(self, retention: SignedDuration) -> Self {
        Self { retention, ..self }
    }

    /// Stores a delivery, unless it is stored already.
    ///
    /// # Errors
    /// Where the store fails: then Zoho must not be told that it arrived.
    pub async fn store(&self, delivery: Delivery) -> Result<Receipt, StoreError> {
        let mut arrived = self.clock.now();
        // An event whose two times are equal is read as one to which Zoho gave no time.
        if delivery.time.as_deref().and_then(|time| time.parse().ok()) == Some(arrived) {
            arrived = later(arrived, SignedDuration::from_millis(1));
        }
        let marker = marker_key(&delivery.connection, delivery.source, &delivery.digest);
        // Without a time in the body, an equal body can be a new change: a stock went down, and up again.
        let window = if delivery.time.is_some() {
            SignedDuration::from_hours(24)
        } else {
            SignedDuration::from_mins(10)
        };
        let event = Event {
            specversion: "1.0".to_owned(),
            id: String::new(),
            source: format!("/connections/{}/{}", delivery.connection, delivery.source),
            kind: delivery.kind,
            subject: delivery.subject,
            time: delivery.time.unwrap_or_else(|| arrived.to_string()),
            receivedtime: arrived,
            data: delivery.data,
        };
        let body = RawValue::from_string(delivery.body)
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        let mut stored = Stored { event, body };
        let mut condition = Condition::Absent;
        loop {
            let begun = self.clock.now();
            stored.event.id = time_ordered(self.behind_all(&delivery.connection, begun).await?);
            let id = stored.event.id.clone();
            let known = Put::record(marker.clone(), &Marker { event_id: id.clone() }, condition)?;
            let event = Put::record(Key::new(partition(&delivery.connection), &id), &stored, Condition::Any)?;
            let steps = vec![
                Write::Put(known.until(later(begun, window))),
                Write::Put(event.until(later(begun, self.retention))),
            ];
            match self.table.transact(steps).await? {
                // A reader's cursor may be past this event already, so it is stored again under a newer id.
                Outcome::Done(Some(version)) if self.clock.now() > later(begun, MAX_STORE_TIME) => {
                    tracing::warn!(event = id, "an event took so long to be stored that it is stored again");
                    condition = Condition::Version(version);
                }
                Outcome::Done(_) => return Ok(Receipt { event_id: id, duplicate: false }),
                Outcome::Refused { current: Some(row), .. } => {
                    let first = row.read::<Marker>()?.event_id;
                    return Ok(Receipt { event_id: first, duplicate: true });
                }
                Outcome::Refused { current: None, .. } => {
                    return Err(StoreError::Unavailable("a delivery's marker is being changed".to_owned()));
                }
            }
        }
    }

    /// The place of an event that is stored now in the order of arrival. It comes behind all events that are there, even if the clock was
    /// set back since, because readers are past those.
    async fn behind_all(&self, connection: &ConnectionName, now: Timestamp) -> Result<Timestamp, StoreError> {
        if !self.table.is_dated_by_one_machine() {
            return Ok(now);
        }
        let last = Query {
            partition: partition(connection),
            limit: 1,
            order: Order::Descending,
            ..Query::default()
        };
        let page = self.table.query(last).await?;
        let last = page.rows.first().and_then(|row| moment_of(&row.key.sort)).filter(|last| *last > now);
        Ok(last.map_or(now, |last| later(last, SignedDuration::from_millis(1))))
    }

    /// Stores the marker of a delivery before it comes, and returns the id that its sender will be told. So a test of the way leaves no
    /// event and wakes no agent.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn expect(
        &self,
        connection: &ConnectionName,
        source: &str,
        digest: &str,
    ) -> Result<String, StoreError> {
        let now = self.clock.now();
        let id = time_ordered(now);
        let marker = Put::record(
            marker_key(connection, source, digest),
            &Marker { event_id: id.clone() },
            Condition::Any,
        )?;
        self.table.put(marker.until(later(now, SignedDuration::from_mins(10)))).await?;
        Ok(id)
    }

    /// Events of a connection in the order of their arrival, and the cursor of the rest.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn list(
        &self,
        connection: &ConnectionName,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Event>, Option<String>), StoreError> {
        let now = self.clock.now();
        let may_be_set_back = self.table.is_dated_by_one_machine();
        let query = Query {
            partition: partition(connection),
            after,
            below: (!may_be_set_back).then(|| time_prefix(earlier(now, SETTLED))),
            // One more event is read, to know whether a settled one follows.
            limit: limit.saturating_add(usize::from(may_be_set_back)),
            ..Query::default()
        };
        let page = self.table.query(query).await?;
        let mut events = page.rows.iter().map(read_event).collect::<Result<Vec<_>, _>>()?;
        if !may_be_set_back {
            return Ok((events, page.next));
        }
        let settled = events.iter().take_while(|event| is_settled(event, now)).count();
        events.truncate(settled.min(limit));
        let next = if settled > limit { events.last().map(|event| event.id.clone()) } else { None };
        Ok((events, next))
    }

    /// The newest events of a connection, newest first, settled or not.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn newest(&self, connection: &ConnectionName, limit: usize) -> Result<Vec<Event>, StoreError> {
        let query =
            Query { partition: partition(connection), limit, order: Order::Descending, ..Query::default() };
        self.table.query(query).await?.rows.iter().map(read_event).collect()
    }

    /// As [`Self::newest`], of those that came before the one of this id; and where the rest begins.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn newest_before(
        &self,
        connection: &ConnectionName,
        before: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Event>, Option<String>), StoreError> {
        let query = Query {
            partition: partition(connection),
            after: before,
            limit,
            order: Order::Descending,
            ..Query::default()
        };
        let page = self.table.query(query).await?;
        Ok((page.rows.iter().map(read_event).collect::<Result<_, _>>()?, page.next))
    }

    /// One event with the body it came with.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn get(
        &self,
        connection: &ConnectionName,
        id: &str,
    ) -> Result<Option<(Event, Box<RawValue>)>, StoreError> {
        let Some(row) = self.table.get(&Key::new(partition(connection), id)).await? else { return Ok(None) };
        let stored: Stored = row.read()?;
        Ok(Some((stored.event, stored.body)))
    }
}

/// Whether no event can come before this one any more.
fn is_settled(event: &Event, now: Timestamp) -> bool {
    let since = earlier(now, SETTLED);
    match moment_of(&event.id) {
        // The clock was set back. The event came before that, or was put behind one that did.
        Some(at) if at > now => event.receivedtime > now || event.receivedtime <= since,
        at => at.is_some_and(|at| at < since),
    }
}

fn partition(connection: &ConnectionName) -> String {
    format!("{EVENTS}{connection}")
}

/// Where the marker of a delivery stands.
fn marker_key(connection: &ConnectionName, source: &str, digest: &str) -> Key {
    Key::new(format!("delivery#{connection}"), format!("{source}#{digest}"))
}

fn read_event(row: &Row) -> Result<Event, StoreError> {
    row.read::<Stored>().map(|stored| stored.event)
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::clock::SetClock;
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    #[tokio::test]
    async fn readers_miss_no_event_when_the_clock_is_set_back_and_right_again() {
        let clock = Arc::new(SetClock::at_ten());
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let events = Events::new(stores.events, clock.clone());
        let (name, mut cursor) = (ConnectionName::default(), None);
        let hours = SignedDuration::from_hours;
        for (number, shift) in [0, 1, -1, -24, 25, -1].into_iter().enumerate() {
            clock.shift(hours(shift));
            let delivery = Delivery {
                connection: name.clone(),
                source: "custom",
                digest: number.to_string(),
                kind: "custom.x".to_owned(),
                subject: None,
                time: None,
                data: json!({}),
                body: "{}".to_owned(),
            };
            let stored = events.store(delivery).await.unwrap();
            let (unsettled, _) = events.list(&name, cursor.clone(), 10).await.unwrap();
            assert!(unsettled.is_empty(), "{number}: an earlier one may still come");
            clock.shift(SignedDuration::from_secs(16));
            let (listed, next) = events.list(&name, cursor.clone(), 10).await.unwrap();
            let ids: Vec<_> = listed.into_iter().map(|event| event.id).collect();
            assert_eq!((ids, next), (vec![stored.event_id.clone()], None), "{number}");
            cursor = Some(stored.event_id);
        }
        let (first, next) = events.list(&name, None, 5).await.unwrap();
        assert_eq!((first.len(), next.as_deref()), (5, first.last().map(|event| event.id.as_str())));
        let (rest, none) = events.list(&name, next, 5).await.unwrap();
        assert_eq!((rest.len(), none), (1, None));
    }
}
