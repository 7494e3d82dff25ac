//! Reading the queue, and choosing from it in the order of each record.

use std::collections::{HashMap, HashSet};

use crate::base::clock::Timestamp;
use crate::base::id::ConnectionName;
use crate::core::events::ledger::{Entry, Ledger, queue};
use crate::store::{Query, StoreError, Version};

/// Rows of one read.
const ROWS_PER_READ: usize = 250;

/// A longer queue is not read to its end.
const MAX_ROWS_READ: usize = 20_000;

/// An entry as it was read.
pub(super) type Read = (Entry, Version);

impl Ledger {
    /// Shows entries in their order, from after `after`, until `see` has seen enough. Says whether no more than that was left out.
    pub(super) async fn scan(
        &self,
        connection: &ConnectionName,
        mut after: Option<String>,
        mut see: impl FnMut(Entry, Version) -> bool,
    ) -> Result<bool, StoreError> {
        let mut read = 0;
        while read < MAX_ROWS_READ {
            let query =
                Query { partition: queue(connection), after, limit: ROWS_PER_READ, ..Query::default() };
            let page = self.events.query(query).await?;
            read += page.rows.len();
            for row in page.rows {
                if !see(row.read()?, row.version) {
                    return Ok(true);
                }
            }
            match page.next {
                None => return Ok(true),
                next => after = next,
            }
        }
        Ok(false)
    }
}

/// Chooses entries to be worked on, so that no change of a record is worked on before an earlier one is done with.
///
/// An entry is chosen together with the earlier open entries of its record. While one of them is claimed, the others wait.
pub(super) struct Chooser<'a> {
    /// The ids that are wanted; all where there are none.
    pub(super) wanted: Option<&'a HashSet<&'a str>>,
    pub(super) limit: usize,
    pub(super) now: Timestamp,
    pub(super) chosen: Vec<Read>,
    /// Whether there is more that could be chosen.
    pub(super) more: bool,
    /// Until when something that is wanted is in the hands of others.
    pub(super) busy: Option<Timestamp>,
    subjects: HashMap<String, Before>,
}

/// What stands before an entry of the same record.
enum Before {
    /// Entries that were not asked for, in their order.
    Held(Vec<Read>),
    /// A claimed entry, before or after it; nothing where one only did not fit.
    Blocked(Option<Timestamp>),
}

impl<'a> Chooser<'a> {
    pub(super) fn new(wanted: Option<&'a HashSet<&'a str>>, limit: usize, now: Timestamp) -> Self {
        let (chosen, subjects) = (Vec::new(), HashMap::new());
        Self { wanted, limit, now, chosen, more: false, busy: None, subjects }
    }

    /// Goes through all entries in their order, claimed ones first: an earlier entry that was put back or replayed waits for them as
    /// later ones do.
    pub(super) fn see_all(&mut self, read: Vec<Read>) {
        for (entry, _) in &read {
            let claim = entry.claim.as_ref().filter(|_| entry.is_claimed(self.now));
            if let (Some(subject), Some(claim)) = (&entry.subject, claim) {
                self.subjects.insert(subject.clone(), Before::Blocked(Some(claim.until)));
            }
        }
        for (entry, version) in read {
            self.see(entry, version);
        }
    }

    /// Looks at the next entry.
    fn see(&mut self, entry: Entry, version: Version) {
        let wanted = self.wanted.is_none_or(|wanted| wanted.contains(entry.id.as_str()));
        let claimed = entry.claim.as_ref().filter(|claim| claim.holds(self.now)).map(|claim| claim.until);
        let Some(subject) = entry.subject.clone() else {
            match claimed {
                _ if !wanted => {}
                Some(until) => self.waits_until(until),
                None if self.chosen.len() < self.limit => self.chosen.push((entry, version)),
                None => self.more = true,
            }
            return;
        };
        let before = self.subjects.entry(subject).or_insert_with(|| Before::Held(Vec::new()));
        match before {
            Before::Blocked(until) => {
                if let (true, Some(until)) = (wanted, *until) {
                    self.waits_until(until);
                }
            }
            Before::Held(held) => {
                held.push((entry, version));
                if !wanted {
                    return;
                }
                let room = self.limit.saturating_sub(self.chosen.len()).min(held.len());
                self.chosen.extend(held.drain(..room));
                if !held.is_empty() {
                    *before = Before::Blocked(None);
                    self.more = true;
                }
            }
        }
    }

    fn waits_until(&mut self, until: Timestamp) {
        self.busy = Some(self.busy.map_or(until, |known| known.min(until)));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::base::clock::{SignedDuration, later};
    use crate::core::events::ledger::Claim;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn entry(id: &str, subject: &str, claimed: bool) -> Read {
        let until = later(now(), SignedDuration::from_mins(if claimed { 5 } else { -5 }));
        let subject = (!subject.is_empty()).then(|| subject.to_owned());
        let entry = Entry {
            claim: Some(Claim { id: "c".to_owned(), by: "k".to_owned(), until }),
            claims: 1,
            ..Entry::new(id.to_owned(), "zoho.inventory.item.updated", subject, now(), Value::Null)
        };
        (entry, Version(id.to_owned()))
    }

    /// What is chosen of `1a 2b* 3a`: a number, a record, a star where somebody works on it.
    fn choose(queue: &str, wanted: &[&str], limit: usize) -> (String, bool, bool) {
        let wanted: HashSet<&str> = wanted.iter().copied().collect();
        let mut chooser = Chooser::new((!wanted.is_empty()).then_some(&wanted), limit, now());
        let read = queue.split(' ').map(|word| {
            let (id, subject) = word.trim_end_matches('*').split_at(1);
            entry(id, subject, word.ends_with('*'))
        });
        chooser.see_all(read.collect());
        let ids: Vec<_> = chooser.chosen.iter().map(|(entry, _)| entry.id.as_str()).collect();
        (ids.join(""), chooser.more, chooser.busy.is_some())
    }

    #[test]
    fn a_later_change_joins_an_earlier_one_or_waits_for_it() {
        let none: &[&str] = &[];
        for (queue, wanted, limit, chosen, more, busy) in [
            ("1a 2b 3a", none, 9, "123", false, false),
            ("1a 2b 3a", none, 2, "12", true, false),
            ("1a* 2b 3a", none, 9, "2", false, true),
            ("1a 2a* 3a 4b", none, 9, "4", false, true), // 1 was put back while 2 is still worked on
            ("1a 2b 3c 4a*", none, 1, "2", true, true),
            ("1a 2b 3a*", &["1"], 9, "", false, true),
            ("1a 2b 3a", &["3"], 9, "13", false, false),
            ("1a 2b 3a", &["3"], 1, "1", true, false),
            ("1a* 2b 3a", &["3"], 9, "", false, true),
            ("1a* 2b 3a", &["2"], 9, "2", false, false),
            ("1a* 2b* 3c", &["1", "2"], 9, "", false, true),
            ("1 2* 3", none, 9, "13", false, true), // without a record there is no order
            ("1 2* 3", &["3"], 9, "3", false, false),
            ("1 2 3", none, 1, "1", true, false),
            ("1a 2a 3a", none, 1, "1", true, false),
        ] {
            assert_eq!(
                choose(queue, wanted, limit),
                (chosen.to_owned(), more, busy),
                "{queue} {wanted:?} {limit}"
            );
        }
    }
}
