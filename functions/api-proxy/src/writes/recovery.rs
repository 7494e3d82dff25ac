//! Looks at Zoho for writes that were sent and not answered.

use std::sync::Arc;
use std::time::Duration;

use shared::base::clock::{SharedClock, SignedDuration, Timestamp, earlier};
use shared::base::id::ConnectionName;
use shared::base::problem::Problem;
use shared::core::writes::audit::Audit;
use shared::core::writes::idempotency::SentWrite;
use shared::store::StoreError;
use shared::zoho::value::{Object, text, timestamp};
use tokio::time::{Instant, sleep};

use super::plan::{Done, Plan, Sent};
use super::request::WriteRequest;
use crate::zoho::Zoho;

/// The pauses before each look, in milliseconds: Zoho may still be working on the write, and its lists lag behind.
const PAUSES: [u64; 4] = [300, 1000, 2500, 4000];

/// The time for one look. No look begins with less time left.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);

/// By how much our clock and Zoho's may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(2);

/// How many entries of the audit a page has, and how many pages are read, to know which records other writes made.
const RECENT_WRITES: usize = 100;
const MAX_PAGES: usize = 10;

/// Whether a record can have been made by a write of that time. A record without a time can.
pub(crate) fn made_since(row: &Object, field: &str, at: Timestamp) -> bool {
    text(row, field).and_then(timestamp).is_none_or(|made| made >= earlier(at, CLOCK_SKEW))
}

/// What came of looking for a write.
pub(super) enum Looked {
    Found(Box<Done>),
    NotThere,
    /// There was no time for it, or Zoho let nobody look.
    NotAtAll,
}

/// Finds out at Zoho how writes ended.
pub(super) struct Recovery {
    pub(super) zoho: Arc<Zoho>,
    pub(super) audit: Arc<Audit>,
    pub(super) clock: SharedClock,
}

impl Recovery {
    /// Looks several times, while the caller's time lasts.
    pub(super) async fn look(&self, plan: &dyn Plan, request: &WriteRequest<'_>, sent: &SentWrite) -> Looked {
        let mut looked = Looked::NotAtAll;
        if plan.call_if_lost().is_some() {
            return looked;
        }
        for pause in PAUSES {
            let pause = self.clock.jittered(Duration::from_millis(pause));
            if Instant::now() + pause + LOOK_TIMEOUT > request.caller.deadline {
                break;
            }
            sleep(pause).await;
            match self.find(plan, request, sent).await {
                Ok(Some(done)) => return Looked::Found(Box::new(done)),
                Ok(None) => looked = Looked::NotThere,
                Err(problem) => {
                    tracing::warn!(code = problem.code().as_str(), "a write could not be looked for");
                }
            }
        }
        looked
    }

    /// Looks at Zoho for what was sent, and is none of those that other writes have made.
    pub(super) async fn find(
        &self,
        plan: &dyn Plan,
        request: &WriteRequest<'_>,
        sent: &SentWrite,
    ) -> Result<Option<Done>, Problem> {
        let taken = made_by_others(&self.audit, request.connection, sent).await?;
        plan.find(&self.zoho, request, &Sent { at: sent.at, taken: &taken }).await
    }
}

/// The records that other writes have made, as far back as to a little before this one was sent.
async fn made_by_others(
    audit: &Audit,
    connection: &ConnectionName,
    sent: &SentWrite,
) -> Result<Vec<String>, StoreError> {
    let mut made: Vec<String> = Vec::new();
    let mut below = None;
    for _ in 0..MAX_PAGES {
        let (entries, next) = audit.list(connection, below, RECENT_WRITES).await?;
        let is_older = entries.last().is_some_and(|entry| entry.at < earlier(sent.at, CLOCK_SKEW));
        // An earlier look for this very write may have found its record: that one is not another's.
        let others = entries.into_iter().filter(|entry| Some(&entry.id) != sent.entry.as_ref());
        made.extend(others.filter_map(|entry| entry.subject));
        below = next;
        if is_older || below.is_none() {
            break;
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// When the write was sent.
    fn sent_at() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_record_is_that_of_the_write_unless_it_was_made_before_by_both_clocks() {
        let made = |at: &str| {
            let mut row = Object::new();
            row.insert("made".to_owned(), Value::from(at));
            made_since(&row, "made", sent_at())
        };
        assert!(made("2026-11-22T10:00:01Z") && made("2026-11-22T09:58:00Z"), "clocks differ by two minutes");
        assert!(made("2026-11-22T10:58:00+01:00") && !made("2026-11-22T09:58:00+01:00"));
        assert!(!made("2026-11-22T09:57:59Z"));
        assert!(
            made("") && made("lately") && made_since(&Object::new(), "made", sent_at()),
            "it does not say when"
        );
    }

    #[cfg(feature = "embedded")]
    #[tokio::test]
    async fn the_writes_of_others_are_read_back_to_a_little_before_it_was_sent() {
        use shared::base::clock::{TokioClock, later};
        use shared::core::writes::audit::{Entry, Outcome};
        use shared::store::Stores;
        use shared::store::sqlite::Sqlite;

        let clock: SharedClock = Arc::new(TokioClock::starting_at(sent_at()));
        let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
        let (audit, connection) = (Audit::new(stores.state, clock), ConnectionName::default());
        let sent = |milliseconds: i64, entry: Option<&str>| SentWrite {
            plan: Value::Null,
            at: later(sent_at(), SignedDuration::from_millis(milliseconds)),
            entry: entry.map(str::to_owned),
        };
        assert!(made_by_others(&audit, &connection, &sent(0, None)).await.unwrap().is_empty());

        // Three pages: the newest is of the last moment that counts, and one of its writes made nothing.
        let last = earlier(sent_at(), CLOCK_SKEW);
        for number in 1..=2 * RECENT_WRITES + 50 {
            let is_newest = number > RECENT_WRITES + 50;
            let entry = Entry {
                id: format!("{number:04}"),
                at: if is_newest { last } else { earlier(last, SignedDuration::from_millis(1)) },
                key: "key".to_owned(),
                key_label: "key".to_owned(),
                connection: connection.clone(),
                action: "POST /v1/crm/notes".to_owned(),
                subject: (number != 240).then(|| format!("note/{number}")),
                outcome: Outcome::Done,
                before: Value::Null,
                after: Value::Null,
            };
            audit.begin(&entry).await.unwrap();
        }
        for (milliseconds, entry, count) in [
            (0, None, 199),
            (0, Some("0250"), 198),
            // Its first page is older already.
            (1, None, 99),
            (-1, None, 249),
            (-60_000, None, 249),
        ] {
            let made = made_by_others(&audit, &connection, &sent(milliseconds, entry)).await.unwrap();
            assert_eq!(made.len(), count, "{milliseconds} {entry:?}");
            assert_eq!(made.contains(&"note/250".to_owned()), entry.is_none(), "its own is none of others");
        }
    }
}
