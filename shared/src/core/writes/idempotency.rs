//! Idempotency keys: a request that is repeated with the same key writes nothing twice and gets the first answer.
//!
//! A request goes through three states. **Reserved**: nothing was sent to Zoho yet; if the process dies here, the next
//! request does the work. **Sent**: Zoho may have acted; the next request must look at Zoho before it answers.
//! **Done**: the answer is kept for a day.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, is_to_come, later, seconds_until};
use crate::base::secret::sha256_hex;
use crate::store::{Condition, Key, Outcome, Put, StoreError, Table, Version};

const PARTITION: &str = "idempotency";

/// How long the first answer is kept.
const RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// The partition of the parts of a reconciliation: each is done once, whichever call goes on with it.
const PARTITION_OF_PARTS: &str = "part";

/// No request runs longer: Lambda ends its function at 29 seconds.
const MAX_REQUEST_TIME: SignedDuration = SignedDuration::from_secs(35);

/// The answer to a write, as it is stored for repetitions of the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The connector's own JSON body; null where `exact` is set.
    pub body: Value,
    /// Zoho's own answer, which then takes the place of `body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<Exact>,
}

/// An answer from Zoho, passed on byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exact {
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// Its `Content-Disposition`, which names a file.
    pub content_disposition: Option<String>,
    /// Its bytes.
    #[serde(with = "base64_bytes")]
    pub body: Bytes,
}

mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
struct Record {
    /// A digest of the request: a key belongs to one request.
    request: String,
    /// Until when a process may be working on the request.
    until: Timestamp,
    state: State,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Reserved,
    Sent(SentWrite),
    Done(StoredAnswer),
}

/// A write that was sent, whose end is not known yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SentWrite {
    /// What was to be done; null where that is not known, because a copy of the store was made before it was sent.
    pub plan: Value,
    /// When it was sent.
    pub at: Timestamp,
    /// Its entry in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
}

/// The right to perform a request.
pub struct Ticket {
    key: Key,
    request: String,
    version: Version,
    retention: SignedDuration,
}

/// The state of a key.
pub enum Begun {
    /// This is the first request with the key.
    First(Ticket),
    /// The request was answered before, with this.
    Answered(StoredAnswer),
    /// The first request was sent, and its end is not known: look at Zoho.
    Unsettled(Ticket, SentWrite),
    /// The first request is still running, for at most this many seconds.
    Running(u64),
    /// The key belongs to another request.
    Other,
}

/// The idempotency keys of an installation.
pub struct Idempotency {
    state: Arc<dyn Table>,
    clock: SharedClock,
    partition: &'static str,
    retention: SignedDuration,
}

impl Idempotency {
    /// The rows are in this table.
    pub fn new(state: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, clock, partition: PARTITION, retention: RETENTION }
    }

    /// Those of the connector's own work: they are kept as long as the audit of what was done.
    pub fn of_parts(state: Arc<dyn Table>, clock: SharedClock, retention: SignedDuration) -> Self {
        Self { state, clock, partition: PARTITION_OF_PARTS, retention }
    }

    /// Begins a request. `owner` is the id of the service key: two service keys share no idempotency keys. `request` is a digest
    /// of everything that the request asks for.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn begin(&self, owner: &str, key: &str, request: &str) -> Result<Begun, StoreError> {
        let key = Key::new(self.partition, sha256_hex(format!("{owner}/{key}").as_bytes()));
        // More than one try, because another request may end in between.
        for _ in 0..4 {
            let Some(row) = self.state.get(&key).await? else {
                let done =
                    self.write(&key, request, State::Reserved, Condition::Absent, self.retention).await?;
                match done {
                    Some(ticket) => return Ok(Begun::First(ticket)),
                    None => continue,
                }
            };
            let found: Record = row.read()?;
            let now = self.clock.now();
            // A request whose process died before it sent anything no longer holds the key.
            let is_running = is_to_come(found.until, now, MAX_REQUEST_TIME);
            let abandoned = matches!(found.state, State::Reserved) && !is_running;
            if found.request != request && !abandoned {
                return Ok(Begun::Other);
            }
            if let State::Done(kept) = found.state {
                return Ok(Begun::Answered(kept));
            }
            if is_running {
                return Ok(Begun::Running(seconds_until(found.until, now)));
            }
            let again = match &found.state {
                State::Sent(sent) => State::Sent(sent.clone()),
                _ => State::Reserved,
            };
            let condition = Condition::Version(row.version);
            let Some(ticket) = self.write(&key, request, again, condition, self.retention).await? else {
                continue;
            };
            return Ok(match found.state {
                State::Sent(sent) => Begun::Unsettled(ticket, sent),
                _ => Begun::First(ticket),
            });
        }
        Ok(Begun::Running(1))
    }

    /// Notes that the call is about to be sent. False where another process took the request over: then it must not be sent.
    ///
    /// # Errors
    /// Where the store fails: then nothing may be sent.
    pub async fn sending(&self, ticket: &mut Ticket, sent: SentWrite) -> Result<bool, StoreError> {
        self.advance(ticket, State::Sent(sent)).await
    }

    /// Stores the answer. False where another process took the request over.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn done(&self, ticket: &mut Ticket, answer: &StoredAnswer) -> Result<bool, StoreError> {
        self.advance(ticket, State::Done(answer.clone())).await
    }

    /// Forgets the key, because nothing was done. It may be used again, also for another request.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn forget(&self, ticket: Ticket) -> Result<(), StoreError> {
        self.state.delete(ticket.key, Condition::Version(ticket.version)).await.map(drop)
    }

    /// Notes that the outcome is not known: the next request may look at Zoho at once.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn unsettled(&self, ticket: Ticket, sent: SentWrite) -> Result<(), StoreError> {
        let record = Record { request: ticket.request, until: self.clock.now(), state: State::Sent(sent) };
        let put = Put::record(ticket.key, &record, Condition::Version(ticket.version))?;
        self.state.put(put.until(later(self.clock.now(), ticket.retention))).await.map(drop)
    }

    async fn advance(&self, ticket: &mut Ticket, state: State) -> Result<bool, StoreError> {
        let condition = Condition::Version(ticket.version.clone());
        match self.write(&ticket.key, &ticket.request, state, condition, ticket.retention).await? {
            Some(next) => {
                *ticket = next;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    async fn write(
        &self,
        key: &Key,
        request: &str,
        state: State,
        condition: Condition,
        retention: SignedDuration,
    ) -> Result<Option<Ticket>, StoreError> {
        let now = self.clock.now();
        let record = Record { request: request.to_owned(), until: later(now, MAX_REQUEST_TIME), state };
        let put = Put::record(key.clone(), &record, condition)?.until(later(now, retention));
        Ok(match self.state.put(put).await? {
            Outcome::Done(Some(version)) => {
                Some(Ticket { key: key.clone(), request: request.to_owned(), version, retention })
            }
            _ => None,
        })
    }
}

/// The row of a request that may have been performed after a copy of it was made at `made`: it is to be looked for, and never sent
/// again. Nothing where the row is of another kind, or holds an answer.
pub(crate) fn uncertain(row: &str, made: Timestamp) -> Option<String> {
    let mut record: Record = serde_json::from_str(row).ok()?;
    record.state = match record.state {
        State::Reserved => State::Sent(SentWrite { plan: Value::Null, at: made, entry: None }),
        State::Sent(sent) => State::Sent(sent),
        State::Done(_) => return None,
    };
    record.until = made;
    serde_json::to_string(&record).ok()
}

#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::base::clock::{SetClock, TokioClock};
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    fn fresh() -> Idempotency {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-11-22T10:00:00Z".parse().unwrap()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        Idempotency::new(stores.state, clock)
    }

    async fn first(keys: &Idempotency) -> Ticket {
        match keys.begin("k", "a", "r").await.unwrap() {
            Begun::First(ticket) => ticket,
            _ => panic!("not the first"),
        }
    }

    fn sent(keys: &Idempotency, plan: Value) -> SentWrite {
        SentWrite { plan, at: keys.clock.now(), entry: Some("entry".to_owned()) }
    }

    #[test]
    fn what_was_sent_by_the_version_before_stays_readable() {
        let stored = r#"{"sent":{"plan":1,"at":"2026-11-22T10:00:00Z"}}"#;
        let State::Sent(sent) = serde_json::from_str(stored).unwrap() else { panic!("not sent") };
        assert_eq!((sent.plan, sent.entry), (json!(1), None));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_answer_is_kept_for_a_day_for_its_own_request_and_owner() {
        let keys = fresh();
        let mut ticket = first(&keys).await;
        assert!(keys.sending(&mut ticket, sent(&keys, json!(1))).await.unwrap());
        let body = Bytes::from_static(&[0, 159, 255]);
        let exact = Exact { content_type: Some("image/png".to_owned()), content_disposition: None, body };
        let kept = StoredAnswer { status: 201, body: json!({"id": "1"}), exact: Some(exact) };
        assert!(keys.done(&mut ticket, &kept).await.unwrap());
        tokio::time::advance(Duration::from_secs(23 * 3600)).await;
        assert!(matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::Answered(found) if found == kept));
        assert!(matches!(keys.begin("k", "a", "other").await.unwrap(), Begun::Other));
        assert!(matches!(keys.begin("l", "a", "r").await.unwrap(), Begun::First(_)));
        tokio::time::advance(Duration::from_secs(3601)).await;
        assert!(matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::First(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn twins_wait_and_what_died_before_sending_is_done_by_the_next() {
        let keys = fresh();
        let mut dead = first(&keys).await;
        assert!(matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::Running(35)));
        tokio::time::advance(Duration::from_secs(36)).await;
        let mut second = first(&keys).await;
        assert!(!keys.sending(&mut dead, sent(&keys, json!(1))).await.unwrap(), "a late riser sends nothing");
        assert!(keys.sending(&mut second, sent(&keys, json!(2))).await.unwrap());
    }

    #[tokio::test]
    async fn what_died_before_the_clock_was_set_back_is_not_waited_for() {
        let clock = Arc::new(SetClock::at_ten());
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let keys = Idempotency::new(stores.state, clock.clone());
        let mut dead = first(&keys).await;
        clock.shift(SignedDuration::from_secs(-30));
        assert!(matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::Running(65)), "it may well live");
        clock.shift(SignedDuration::from_hours(-24));
        let mut second = first(&keys).await;
        assert!(
            !keys.sending(&mut dead, sent(&keys, json!(1))).await.unwrap(),
            "if it lives, it sends nothing"
        );
        assert!(keys.sending(&mut second, sent(&keys, json!(2))).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn what_died_after_sending_must_be_settled() {
        let keys = fresh();
        let mut ticket = first(&keys).await;
        assert!(keys.sending(&mut ticket, sent(&keys, json!("plan"))).await.unwrap());
        assert!(matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::Running(_)));
        tokio::time::advance(Duration::from_secs(36)).await;
        let Begun::Unsettled(_dead, found) = keys.begin("k", "a", "r").await.unwrap() else {
            panic!("not unsettled")
        };
        assert_eq!((&found.plan, found.entry.as_deref()), (&json!("plan"), Some("entry")));
        assert!(
            matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::Running(_)),
            "one settles at a time"
        );
        // Who settles may die, too.
        tokio::time::advance(Duration::from_secs(36)).await;
        let Begun::Unsettled(ticket, still) = keys.begin("k", "a", "r").await.unwrap() else {
            panic!("it is forgotten that it was sent")
        };
        assert_eq!(still, found);
        keys.unsettled(ticket, found).await.unwrap();
        assert!(matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::Unsettled(..)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_did_nothing_is_forgotten() {
        let keys = fresh();
        let ticket = first(&keys).await;
        keys.forget(ticket).await.unwrap();
        assert!(matches!(keys.begin("k", "a", "other").await.unwrap(), Begun::First(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_holds_its_key_for_35_seconds_and_not_a_moment_longer() {
        let keys = fresh();
        let _dead = first(&keys).await;
        assert!(matches!(keys.begin("k", "a", "other").await.unwrap(), Begun::Other), "the key is another's");
        tokio::time::advance(Duration::from_millis(34_001)).await;
        assert!(matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::Running(1)));
        tokio::time::advance(Duration::from_millis(998)).await;
        assert!(matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::Running(1)));
        tokio::time::advance(Duration::from_millis(1)).await;
        // Nothing was sent, so that the key is free for any request.
        assert!(matches!(keys.begin("k", "a", "other").await.unwrap(), Begun::First(_)));
        assert!(matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::Other));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_keeps_its_key_from_other_requests() {
        let keys = fresh();
        let mut ticket = first(&keys).await;
        assert!(keys.sending(&mut ticket, sent(&keys, json!(1))).await.unwrap());
        tokio::time::advance(Duration::from_secs(35)).await;
        assert!(matches!(keys.begin("k", "a", "other").await.unwrap(), Begun::Other));
        assert!(
            matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::Unsettled(..)),
            "from 35 seconds on"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_overtaken_neither_answers_nor_forgets_nor_unsettles() {
        let keys = fresh();
        let mut late = first(&keys).await;
        let (also_late, third) = (copy(&late), copy(&late));
        tokio::time::advance(Duration::from_secs(35)).await;
        let mut next = first(&keys).await;
        let answer = StoredAnswer { status: 201, body: json!(1), exact: None };
        assert!(!keys.done(&mut late, &answer).await.unwrap());
        keys.forget(also_late).await.unwrap();
        keys.unsettled(third, sent(&keys, json!(1))).await.unwrap();
        assert!(
            matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::Running(35)),
            "it is still the next one's"
        );
        assert!(keys.done(&mut next, &answer).await.unwrap());
    }

    fn copy(ticket: &Ticket) -> Ticket {
        let Ticket { key, request, version, retention } = ticket;
        Ticket { key: key.clone(), request: request.clone(), version: version.clone(), retention: *retention }
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_is_kept_as_long_as_the_audit_and_is_no_key_of_a_caller() {
        let keys = fresh();
        let days = SignedDuration::from_hours(24 * 30);
        let parts = Idempotency::of_parts(keys.state.clone(), keys.clock.clone(), days);
        let mut ticket = first(&parts).await;
        assert!(
            matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::First(_)),
            "the same key, of a caller"
        );
        let answer = StoredAnswer { status: 200, body: json!(1), exact: None };
        assert!(parts.done(&mut ticket, &answer).await.unwrap());
        tokio::time::advance(Duration::from_secs(24 * 3600 * 29)).await;
        assert!(matches!(parts.begin("k", "a", "r").await.unwrap(), Begun::Answered(_)));
        tokio::time::advance(Duration::from_secs(24 * 3600)).await;
        assert!(matches!(parts.begin("k", "a", "r").await.unwrap(), Begun::First(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_unsettled_is_forgotten_after_a_day() {
        let keys = fresh();
        let mut ticket = first(&keys).await;
        let plan = sent(&keys, json!(1));
        assert!(keys.sending(&mut ticket, plan.clone()).await.unwrap());
        keys.unsettled(ticket, plan).await.unwrap();
        tokio::time::advance(Duration::from_secs(24 * 3600 - 1)).await;
        assert!(matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::Unsettled(..)));
        tokio::time::advance(Duration::from_secs(24 * 3600)).await;
        assert!(matches!(keys.begin("k", "a", "r").await.unwrap(), Begun::First(_)));
    }

    #[test]
    fn of_a_copy_what_may_have_been_sent_is_looked_for_and_what_was_answered_stays() {
        let made: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let row = |state: State| {
            let record = Record { request: "r".to_owned(), until: Timestamp::MAX, state };
            serde_json::to_string(&record).unwrap()
        };
        let copied =
            |state| uncertain(&row(state), made).map(|text| serde_json::from_str::<Record>(&text).unwrap());
        let reserved = copied(State::Reserved).unwrap();
        assert_eq!((reserved.request.as_str(), reserved.until), ("r", made));
        let none = SentWrite { plan: Value::Null, at: made, entry: None };
        assert!(matches!(reserved.state, State::Sent(sent) if sent == none));
        let known = SentWrite { plan: json!("plan"), at: Timestamp::UNIX_EPOCH, entry: Some("e".to_owned()) };
        assert!(
            matches!(copied(State::Sent(known.clone())).unwrap().state, State::Sent(sent) if sent == known)
        );
        assert!(copied(State::Done(StoredAnswer { status: 200, body: json!(1), exact: None })).is_none());
        assert_eq!(uncertain("{}", made), None, "a row of another kind");
    }
}
