//! The calls that a process answers, counted in memory by the hour: by route and how they ended. `serve` stores them
//! (`core/call_history.rs`); on Lambda nothing is counted, because the log lines say the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::Method;
use serde::{Deserialize, Serialize};

use super::clock::{SharedClock, Timestamp};

/// The kinds of calls that are told apart within an hour. Routes and codes are few; only codes of Zoho come from elsewhere.
const MAX_KINDS: usize = 2000;

/// How many hours wait at most for a store that is down.
const MAX_HOURS: usize = 48;

/// The longest code of Zoho that is counted by itself.
const MAX_CODE: usize = 40;

/// What stands for all that is not told apart.
const OTHER: &str = "other";

const HOUR: i64 = 3_600_000;

/// The number of the hour that a moment is in, counted from 1970.
pub fn hour_of(at: Timestamp) -> i64 {
    at.as_millisecond().div_euclid(HOUR)
}

/// When an hour begins.
pub fn start_of(hour: i64) -> Timestamp {
    Timestamp::from_millisecond(hour.saturating_mul(HOUR)).unwrap_or(Timestamp::MAX)
}

/// Calls that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallKind {
    /// `GET`.
    pub method: String,
    /// The pattern of the route, `/v1/inventory/items/{id}`; `-` where nothing is served.
    pub route: String,
    /// The HTTP status.
    pub status: u16,
    /// The code of the problem, where it was one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Zoho's own code, where the problem has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zoho: String,
}

/// How many there were, and how long they took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub calls: u64,
    /// How long all of them took together, in milliseconds.
    pub milliseconds: u64,
    /// How long the slowest took, in milliseconds.
    pub slowest: u64,
}

impl Tally {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.milliseconds = self.milliseconds.saturating_add(other.milliseconds);
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// The calls of one kind within an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Which calls.
    pub kind: CallKind,
    /// How many.
    pub tally: Tally,
}

/// One hour, as it is to be stored.
#[derive(Debug, Clone)]
pub struct HourOfCalls {
    /// Which hour: how many there were before it since 1970, UTC.
    pub hour: i64,
    /// How many calls it has so far.
    pub calls: u64,
    /// The calls of each kind.
    pub counted: Vec<Counted>,
}

#[derive(Default)]
struct Hour {
    kinds: HashMap<CallKind, Tally>,
    calls: u64,
    /// How many of them are stored.
    stored: u64,
}

/// The counts of a process. Requests carry it as an extension; [`super::web::finish`] adds to it.
#[derive(Clone)]
pub struct CallCounts(Arc<Inner>);

struct Inner {
    clock: SharedClock,
    hours: Mutex<BTreeMap<i64, Hour>>,
}

impl CallCounts {
    /// None so far.
    pub fn new(clock: SharedClock) -> Self {
        Self(Arc::new(Inner { clock, hours: Mutex::default() }))
    }

    /// Counts a call that has just been answered.
    pub(super) fn count(
        &self,
        (method, route): (&Method, &str),
        (status, code, zoho): (u16, &str, &str),
        milliseconds: u64,
    ) {
        let method = match method.as_str() {
            known @ ("GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS") => known,
            _ => OTHER,
        };
        let is_plain = |one: u8| one.is_ascii_alphanumeric() || matches!(one, b'_' | b'-');
        let zoho = if zoho.len() <= MAX_CODE && zoho.bytes().all(is_plain) { zoho } else { OTHER };
        let mut kind = CallKind {
            method: method.to_owned(),
            route: route.to_owned(),
            status,
            code: code.to_owned(),
            zoho: zoho.to_owned(),
        };
        let now = hour_of(self.0.clock.now());
        let mut hours = self.hours();
        let hour = hours.entry(now).or_default();
        if hour.kinds.len() >= MAX_KINDS && !hour.kinds.contains_key(&kind) {
            (kind.route, kind.zoho) = (OTHER.to_owned(), String::new());
        }
        hour.calls += 1;
        hour.kinds.entry(kind).or_default().add(Tally { calls: 1, milliseconds, slowest: milliseconds });
        if hours.len() > MAX_HOURS {
            hours.pop_first();
        }
    }

    /// The hours that have calls which are not stored yet.
    pub fn unstored(&self) -> Vec<HourOfCalls> {
        let hours = self.hours();
        let changed = hours.iter().filter(|(_, hour)| hour.calls != hour.stored);
        changed
            .map(|(number, hour)| HourOfCalls {
                hour: *number,
                calls: hour.calls,
                counted: hour
                    .kinds
                    .iter()
                    .map(|(kind, tally)| Counted { kind: kind.clone(), tally: *tally })
                    .collect(),
            })
            .collect()
    }

    /// This much of an hour is stored. An hour that is over and stored is forgotten.
    pub fn stored(&self, hour: i64, calls: u64) {
        let now = hour_of(self.0.clock.now());
        let mut hours = self.hours();
        if let Some(hour) = hours.get_mut(&hour) {
            hour.stored = calls;
        }
        hours.retain(|number, hour| *number >= now || hour.calls != hour.stored);
    }

    fn hours(&self) -> MutexGuard<'_, BTreeMap<i64, Hour>> {
        self.0.hours.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::base::clock::TokioClock;

    fn fresh() -> CallCounts {
        CallCounts::new(Arc::new(TokioClock::starting_at("2026-11-29T10:59:00Z".parse().unwrap())))
    }

    fn get(counts: &CallCounts, route: &str, end: (u16, &str, &str), milliseconds: u64) {
        counts.count((&Method::GET, route), end, milliseconds);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_counted_by_hour_and_an_hour_is_kept_until_it_is_over_and_stored() {
        let counts = fresh();
        get(&counts, "/v1", (200, "", ""), 5);
        get(&counts, "/v1", (200, "", ""), 7);
        let first = counts.unstored();
        assert_eq!((first.len(), first[0].calls), (1, 2));
        assert_eq!(first[0].counted[0].tally, Tally { calls: 2, milliseconds: 12, slowest: 7 });
        assert_eq!(start_of(first[0].hour).to_string(), "2026-11-29T10:00:00Z");

        get(&counts, "/v1", (200, "", ""), 1);
        counts.stored(first[0].hour, first[0].calls);
        assert_eq!(counts.unstored()[0].calls, 3, "one came while it was stored");
        tokio::time::advance(Duration::from_secs(60)).await;
        get(&counts, "/v1", (200, "", ""), 1);
        let hours: Vec<_> = counts.unstored().iter().map(|hour| hour.hour).collect();
        assert_eq!(hours, [first[0].hour, first[0].hour + 1]);
        counts.stored(first[0].hour, 3);
        assert_eq!(counts.unstored().len(), 1);
        assert_eq!(counts.hours().len(), 1, "what is over and stored is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn what_strangers_send_makes_no_more_kinds() {
        let counts = fresh();
        for number in 0..MAX_KINDS + 50 {
            get(&counts, "/v1", (400, "zoho_rejected", &format!("{number}")), 1);
        }
        counts.count((&Method::from_bytes(b"MADE-UP").unwrap(), "-"), (404, "route_not_found", ""), 1);
        get(&counts, "/v1", (400, "zoho_rejected", &"x".repeat(MAX_CODE + 1)), 1);
        get(&counts, "/v1", (400, "zoho_rejected", "a b"), 1);
        let hour = &counts.unstored()[0];
        assert!(hour.counted.len() <= MAX_KINDS + 3, "{}", hour.counted.len());
        let sum: u64 = hour.counted.iter().map(|counted| counted.tally.calls).sum();
        assert_eq!((sum, hour.calls), (u64::try_from(MAX_KINDS).unwrap() + 53, sum), "each is counted");
        let is_made_up = |counted: &Counted| counted.kind.method == "MADE-UP" || counted.kind.zoho == "a b";
        assert!(!hour.counted.iter().any(is_made_up));
    }
}
