//! One poll of one list: page by page, from its checkpoint, until all changes were seen or the time is over.

use shared::base::clock::{Clock, SignedDuration, Timestamp, earlier, later};
use shared::store::{StoreError, Table};

use crate::polling::checkpoint::{Checkpoint, Cursor, Part, StoredCheckpoint};
use crate::polling::fetch::fetch_page;
use crate::polling::list::{List, Source};
use crate::polling::pager::{Next, first_page, is_between, next_after};
use crate::polling::report::{Reporter, Seen};
use crate::polling::schedule::{POLL_INTERVAL_WITH_WEBHOOKS, is_due};
use crate::zoho_reads::{ReadBudget, Reading, ZohoReads};

/// How long a list is left alone that Zoho refuses.
const REFUSED_LIST_PAUSE: SignedDuration = POLL_INTERVAL_WITH_WEBHOOKS;

/// How long a list is left alone that Zoho does not sort: each poll would read many pages in vain.
const UNSORTED_LIST_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// Changes newer than this are left to the next poll: their webhooks may be on their way.
const WEBHOOK_GRACE: SignedDuration = SignedDuration::from_mins(2);

/// A poll that is not over by then has died.
const POLL_LEASE: SignedDuration = SignedDuration::from_secs(60);

/// Why nothing can be found in a list whose records have no time of change, like a module of CRM without `Modified_Time`.
const NO_TIMES: &str = "its records do not say when they were changed.";

/// How often the log says that a list cannot be read.
const WARNING_INTERVAL: SignedDuration = SignedDuration::from_hours(1);

/// What polling a list works with.
pub(crate) struct ListPoll<'a> {
    /// Where checkpoints are stored.
    pub(crate) table: &'a dyn Table,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) zoho: &'a ZohoReads,
    pub(crate) reporter: Reporter<'a>,
}

/// The state of one poll.
struct Poll<'a> {
    list: &'a List,
    stored: StoredCheckpoint,
    changes: Seen,
    deletions: Seen,
    /// How many changes were news.
    found: usize,
}

/// How a poll ended.
enum End {
    /// All changes were seen.
    Finished,
    /// It goes on in another sweep.
    Later,
    /// The list cannot be read: why, and for how long it is left alone.
    Unreadable(String, SignedDuration),
}

impl ListPoll<'_> {
    /// Polls one list, if that is due; says how many changes were found.
    pub(super) async fn run(
        &self,
        list: &List,
        stored: StoredCheckpoint,
        budget: &mut ReadBudget,
    ) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let to = earlier(now, WEBHOOK_GRACE);
        let mut poll = Poll::new(list, stored, now);
        if !is_due(list, &poll.stored.checkpoint, now) || poll.changes.until >= to {
            return Ok(0);
        }
        poll.stored.checkpoint.busy_until = Some(later(now, POLL_LEASE));
        if !poll.stored.save(self.table).await? {
            return Ok(0);
        }
        let end = self.read_pages(&mut poll, to, budget).await?;
        if poll.found > 0 {
            tracing::info!(
                list = list.name(),
                found = poll.found,
                "polling found changes that no webhook reported"
            );
        }
        let Some(end) = end else { return Ok(poll.found) };
        write_end(&mut poll.stored.checkpoint, list, end, now);
        // Where another process has written since, what it wrote holds.
        let _written = poll.stored.save(self.table).await?;
        Ok(poll.found)
    }

    /// Reads page after page, and saves the checkpoint after each. Nothing where another process has taken over the list.
    async fn read_pages(
        &self,
        poll: &mut Poll<'_>,
        to: Timestamp,
        budget: &mut ReadBudget,
    ) -> Result<Option<End>, StoreError> {
        let list = poll.list;
        let mut cursor = poll.begin(to);
        loop {
            if !budget.has_time() {
                return Ok(Some(End::Later));
            }
            let page = match fetch_page(self.zoho, list, &cursor, budget).await {
                Reading::Read(page) => page,
                Reading::NotNow => return Ok(Some(End::Later)),
                Reading::Never(why) => return Ok(Some(End::Unreadable(why, REFUSED_LIST_PAUSE))),
            };
            poll.stored.checkpoint.calls += 1;
            if page.timeless {
                return Ok(Some(End::Unreadable(NO_TIMES.to_owned(), REFUSED_LIST_PAUSE)));
            }
            poll.stored.checkpoint.unread += page.unread;
            let seen = match cursor.part {
                Part::Changes => poll.changes,
                Part::Deletions => poll.deletions,
            };
            for row in page.rows.iter().filter(|row| is_between(row.at, seen.until, cursor.to)) {
                poll.found += usize::from(self.reporter.report(list, cursor.part, seen, row).await?);
            }
            let next = match next_after(&cursor, &page) {
                Next::Page(next) => Some(next),
                Next::Done => poll.finish_part(&cursor),
                Next::GiveUp(why) => return Ok(Some(End::Unreadable(why.to_owned(), UNSORTED_LIST_PAUSE))),
            };
            poll.stored.checkpoint.cursor.clone_from(&next);
            let Some(next) = next else { return Ok(Some(End::Finished)) };
            cursor = next;
            if !poll.stored.save(self.table).await? {
                return Ok(None);
            }
        }
    }
}

impl<'a> Poll<'a> {
    fn new(list: &'a List, mut stored: StoredCheckpoint, now: Timestamp) -> Self {
        stored.checkpoint.follow_clock(now);
        let checkpoint = &stored.checkpoint;
        let settled = checkpoint.settled.map_or(list.since, |settled| settled.max(list.since));
        let seen = |until| Seen { until: list.poll_from(until, now), settled };
        let (changes, deletions) =
            (seen(checkpoint.changes_seen_until), seen(checkpoint.deletions_seen_until));
        Self { list, stored, changes, deletions, found: 0 }
    }

    /// Where the poll goes on, or begins.
    fn begin(&mut self, to: Timestamp) -> Cursor {
        let checkpoint = &mut self.stored.checkpoint;
        checkpoint.cursor.clone().unwrap_or_else(|| {
            (checkpoint.calls, checkpoint.unread) = (0, 0);
            first_page(Part::Changes, self.list.order(), self.changes.until, to)
        })
    }

    /// Notes that all of a part was seen, and gives the part that follows: deletions follow changes, where Zoho lists them.
    fn finish_part(&mut self, cursor: &Cursor) -> Option<Cursor> {
        let checkpoint = &mut self.stored.checkpoint;
        match cursor.part {
            Part::Changes => {
                // The beginning of this poll, not its end: a write of ours during the poll may have hidden what others did before.
                checkpoint.settled = Some(self.changes.until);
                checkpoint.changes_seen_until = Some(cursor.to);
                matches!(self.list.source, Source::Crm(_))
                    .then(|| first_page(Part::Deletions, cursor.order, self.deletions.until, cursor.to))
            }
            Part::Deletions => {
                checkpoint.deletions_seen_until = Some(cursor.to);
                None
            }
        }
    }
}

/// Writes into the checkpoint how the poll ended.
fn write_end(checkpoint: &mut Checkpoint, list: &List, end: End, now: Timestamp) {
    checkpoint.busy_until = None;
    match end {
        // A call that Zoho did not answer counts, too.
        End::Later => checkpoint.not_before = Some(later(now, list.pause_per_call)),
        End::Finished => {
            (checkpoint.polled_at, checkpoint.not_before, checkpoint.warned_at) = (Some(now), None, None);
            let unread = checkpoint.unread;
            if unread > 0 && !checkpoint.told_unread {
                let name = list.name();
                let (records, have, their) =
                    if unread == 1 { ("record", "has", "its") } else { ("records", "have", "their") };
                let notice = format!(
                    "{unread} {records} of {name} {have} no time or id that can be read: {their} changes are not found."
                );
                tracing::warn!(list = name, unread, notice, "rows of a watched list cannot be read");
            }
            checkpoint.told_unread = unread > 0;
        }
        // A later poll begins at the first page, because CRM's page tokens end after a day. It waits, because each attempt costs
        // all the pages before the one that is refused.
        End::Unreadable(why, pause) => {
            (checkpoint.polled_at, checkpoint.cursor) = (Some(now), None);
            checkpoint.not_before = Some(later(now, pause));
            if checkpoint.warned_at.is_none_or(|at| later(at, WARNING_INTERVAL) <= now) {
                checkpoint.warned_at = Some(now);
                let name = list.name();
                let notice = format!("Changes of {name} cannot be polled: {why}");
                tracing::warn!(list = name, notice, "a watched list cannot be read");
            }
        }
    }
}
