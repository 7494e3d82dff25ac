//! An entry as one of its record's changes: whether it is our own write, and whether it is news.

use crate::base::clock::{SignedDuration, Timestamp, earlier};
use crate::base::id::ConnectionName;
use crate::core::events::ledger::entry::EARLIER;
use crate::core::events::ledger::{Entry, Newest, RecordState};
use crate::core::writes::own_writes::OwnWrites;
use crate::store::StoreError;

/// CRM sends a change at most this many seconds after it.
const MAX_MESSAGE_LAG: i64 = 3;

/// A change of somebody else this long before our write was sent before it, or polling finds it.
const MAX_TELLING_TIME: SignedDuration = SignedDuration::from_mins(10);

/// An entry as one of its record's changes.
pub(super) struct Change {
    /// When it was made, by what Zoho told of it.
    pub(super) at: Option<Timestamp>,
    /// When the record says that it was changed last, where that is known.
    modified: Option<Timestamp>,
    pub(super) deletion: bool,
    /// Whether it also reports a change of somebody else that it hides.
    hides: bool,
    /// Whether polling found it.
    found: bool,
    lookup: Option<RecordState>,
}

impl Change {
    pub(super) fn of(entry: &Entry, lookup: Option<RecordState>) -> Self {
        let (at, found) = (zohos_time(entry), entry.is_found());
        let modified = match lookup {
            Some(RecordState::There(modified)) => modified,
            // Polling and Inventory's webhooks give the record's own time.
            _ => at.filter(|_| found || entry.kind.starts_with("zoho.inventory.")),
        };
        let hides = found && entry.data.get(EARLIER).is_some();
        Self { at, modified, deletion: entry.is_deletion(), hides, found, lookup }
    }

    /// When it was written, where that was done by us and nobody else changed the record right before. For changes
    /// that polling found, the report has checked that already.
    pub(super) async fn own_write(
        &self,
        connection: &ConnectionName,
        subject: &str,
        before: Option<&Newest>,
        own_writes: &OwnWrites,
    ) -> Result<Option<Timestamp>, StoreError> {
        if self.deletion || self.hides {
            return Ok(None);
        }
        let Some(written) = self.written(connection, subject, own_writes).await? else { return Ok(None) };
        if self.found {
            return Ok(Some(written));
        }
        let told_by_then = earlier(written, MAX_TELLING_TIME);
        let is_known = |at| at < told_by_then || before.is_some_and(|before| before.has_change(at));
        let hidden = own_writes.hidden(connection, subject, written, is_known).await?;
        Ok(hidden.is_none().then_some(written))
    }

    /// The time of our write that this change is. It goes by the record's own time: CRM's message has the time of its sending.
    async fn written(
        &self,
        connection: &ConnectionName,
        subject: &str,
        own_writes: &OwnWrites,
    ) -> Result<Option<Timestamp>, StoreError> {
        match (self.at, self.modified) {
            // The record was changed again since, so its time is not that of the write that this tells of.
            (Some(at), Some(modified)) if at < modified => {
                for seconds in 0..=MAX_MESSAGE_LAG {
                    let written = earlier(at, SignedDuration::from_secs(seconds));
                    if own_writes.is_own(connection, subject, written).await? {
                        return Ok(Some(written));
                    }
                }
                Ok(None)
            }
            (_, Some(at)) | (Some(at), None) => {
                Ok(own_writes.is_own(connection, subject, at).await?.then_some(at))
            }
            (None, None) => Ok(None),
        }
    }

    /// The newest change of the record once this one is known; nothing where a newer one is.
    pub(super) fn after(&self, before: Option<&Newest>) -> Option<Newest> {
        let at = self.at?;
        let Some(before) = before else {
            return Some(Newest { at, modified: self.modified, deleted: self.deletion });
        };
        let passed = match (self.deletion, self.found) {
            // A deletion is news after any other change.
            (true, found) => found && before.is_deleted(),
            (false, true) => before.has_change(at),
            (false, false) => at < before.at,
        };
        let still_gone = before.deleted && self.lookup == Some(RecordState::Gone);
        (!passed).then(|| Newest {
            at: at.max(before.at),
            modified: self.modified.map(|modified| modified.max(before.modified.unwrap_or(modified))),
            deleted: self.deletion || still_gone,
        })
    }
}

/// When the change was made, as far as Zoho said so. An event without a time carries that of its arrival, by our clock, which
/// must not be compared with Zoho's.
fn zohos_time(entry: &Entry) -> Option<Timestamp> {
    entry.time.parse().ok().filter(|at| *at != entry.receivedtime)
}
