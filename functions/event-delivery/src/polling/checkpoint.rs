//! How far the polls of a list have come: a row for each list.

use serde::{Deserialize, Serialize};
use shared::base::clock::{CLOCK_TOLERANCE, SignedDuration, Timestamp, earlier, later};
use shared::store::{Condition, Key, Outcome, Put, Row, StoreError, Table, Version, all_rows};
use shared::zoho::change_lists::{Order, PagePosition};

const PARTITION: &str = "progress";
const PREFIX: &str = "gap/";

/// How far the polls of one list have come. Its fields are stored under older names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// Until when all changes were seen.
    #[serde(rename = "through")]
    pub(super) changes_seen_until: Option<Timestamp>,
    /// Where the last poll of changes began. An earlier change was seen even if a write of ours hides it now.
    #[serde(default)]
    pub(super) settled: Option<Timestamp>,
    /// Until when all deletions were seen.
    #[serde(rename = "deleted_through")]
    pub(super) deletions_seen_until: Option<Timestamp>,
    /// When a poll was finished, or found that it may not read the list.
    #[serde(rename = "at")]
    pub(super) polled_at: Option<Timestamp>,
    /// Where an unfinished poll goes on.
    #[serde(default)]
    pub(super) cursor: Option<Cursor>,
    /// How many calls the last poll has taken.
    #[serde(default)]
    pub(super) calls: u32,
    /// How many rows of the last poll could not be read.
    #[serde(default)]
    pub(super) unread: u32,
    /// Whether the log has said so.
    #[serde(default)]
    pub(super) told_unread: bool,
    /// Until when a process polls the list, unless it died.
    #[serde(default, rename = "busy")]
    pub(super) busy_until: Option<Timestamp>,
    /// Until when the list is left alone, because it could not be read.
    #[serde(default)]
    pub(super) not_before: Option<Timestamp>,
    /// When the log last said that the list cannot be read.
    #[serde(default, rename = "noticed")]
    pub(super) warned_at: Option<Timestamp>,
}

/// How far back changes are looked for again once the clock was set back. The ledger knows what is no news.
const LOOKED_FOR_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// No list is left alone for longer, nor polled by one process.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(25);

impl Checkpoint {
    /// Does away with what was noted before the clock was set back: until when changes were seen is not known then.
    pub(super) fn follow_clock(&mut self, now: Timestamp) {
        let is_ahead = |at: &Timestamp| *at > now;
        for seen in [&mut self.changes_seen_until, &mut self.deletions_seen_until, &mut self.settled] {
            if seen.as_ref().is_some_and(is_ahead) {
                *seen = Some(earlier(now, LOOKED_FOR_AGAIN));
            }
        }
        let is_before = |until: &Timestamp| *until <= later(now, LONGEST_PAUSE);
        self.busy_until = self.busy_until.filter(is_before);
        self.not_before = self.not_before.filter(is_before);
        self.cursor = self.cursor.take().filter(|cursor| !is_ahead(&cursor.to));
        if self.polled_at.is_some_and(|at| at > later(now, CLOCK_TOLERANCE)) {
            // Whatever else was noted then is of the same time.
            (self.polled_at, self.busy_until, self.not_before, self.warned_at) = (None, None, None, None);
        }
    }
}

/// Where a poll goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Which list.
    pub(super) part: Part,
    /// Changes before this moment are not looked for on this page and those after it.
    pub(super) since: Timestamp,
    /// Changes after this moment are left to the next poll.
    pub(super) to: Timestamp,
    pub(super) order: Order,
    pub(super) at: PagePosition,
    /// How many pages were not in the order that was asked for.
    pub(super) unsorted: u32,
}

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    Changes,
    Deletions,
}

/// A row that was read.
pub(super) struct StoredCheckpoint {
    pub(super) checkpoint: Checkpoint,
    key: Key,
    version: Option<Version>,
}

impl StoredCheckpoint {
    /// The checkpoint of a list that was never polled.
    pub(super) fn new(list: &str) -> Self {
        Self {
            checkpoint: Checkpoint::default(),
            key: Key::new(PARTITION, format!("{PREFIX}{list}")),
            version: None,
        }
    }

    /// Which list it is.
    pub(super) fn list(&self) -> &str {
        self.key.sort.strip_prefix(PREFIX).unwrap_or_default()
    }

    /// Replaces what was read; says whether that was still there.
    pub(super) async fn save(&mut self, events: &dyn Table) -> Result<bool, StoreError> {
        let condition = self.version.clone().map_or(Condition::Absent, Condition::Version);
        let put = Put::record(self.key.clone(), &self.checkpoint, condition)?;
        let outcome = events.put(put).await?;
        let is_done = outcome.is_done();
        if let Outcome::Done(version) = outcome {
            self.version = version;
        }
        Ok(is_done)
    }
}

/// Reads all checkpoints. A list whose row cannot be read is polled as if for the first time.
pub(super) async fn read_all(events: &dyn Table) -> Result<Vec<StoredCheckpoint>, StoreError> {
    let stored = |row: &Row| {
        let checkpoint = row.read().unwrap_or_else(|error| {
            tracing::error!(row = row.key.sort, %error, "a checkpoint cannot be read: its list is polled from the beginning");
            Checkpoint::default()
        });
        StoredCheckpoint { checkpoint, key: row.key.clone(), version: Some(row.version.clone()) }
    };
    Ok(all_rows(events, PARTITION, PREFIX).await?.iter().map(stored).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_seen_before_the_clock_was_set_back_is_looked_for_again() {
        let at = |text: &str| Some(format!("2026-11-21T{text}Z").parse::<Timestamp>().unwrap());
        let polled = Checkpoint {
            changes_seen_until: at("10:58:00"),
            settled: at("10:53:00"),
            polled_at: at("11:00:00"),
            not_before: at("11:05:00"),
            ..Checkpoint::default()
        };
        let mut checkpoint = polled.clone();
        checkpoint.follow_clock(at("11:00:30").unwrap());
        assert_eq!(checkpoint, polled, "the clock goes as it should");
        checkpoint.follow_clock(at("10:00:00").unwrap());
        let yesterday = Some("2026-11-20T10:00:00Z".parse().unwrap());
        let again = Checkpoint { changes_seen_until: yesterday, settled: yesterday, ..Checkpoint::default() };
        assert_eq!(checkpoint, again);
    }

    #[test]
    fn rows_keep_their_form() {
        let (one, two) = ("2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z");
        let row = json!({
            "through": one, "settled": two, "deleted_through": one, "at": two,
            "cursor": {
                "part": "deletions", "since": one, "to": two, "order": "oldest_first", "at": { "page": 3 }, "unsorted": 2,
            },
            "calls": 7, "unread": 2, "told_unread": true, "busy": two, "not_before": one, "noticed": two,
        });
        let [one, two] = [one, two].map(|text| text.parse::<Timestamp>().unwrap());
        let checkpoint = Checkpoint {
            changes_seen_until: Some(one),
            settled: Some(two),
            deletions_seen_until: Some(one),
            polled_at: Some(two),
            cursor: Some(Cursor {
                part: Part::Deletions,
                since: one,
                to: two,
                order: Order::OldestFirst,
                at: PagePosition::Page(3),
                unsorted: 2,
            }),
            calls: 7,
            unread: 2,
            told_unread: true,
            busy_until: Some(two),
            not_before: Some(one),
            warned_at: Some(two),
        };
        assert_eq!(serde_json::to_value(&checkpoint).unwrap(), row);
        assert_eq!(serde_json::from_value::<Checkpoint>(row).unwrap(), checkpoint);
        let nothing = json!({ "through": null, "deleted_through": null, "at": null });
        assert_eq!(serde_json::from_value::<Checkpoint>(nothing).unwrap(), Checkpoint::default());
    }
}
