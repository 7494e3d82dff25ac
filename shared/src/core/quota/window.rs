//! The stored count of an organisation's calls to Inventory, and its arithmetic.
//!
//! It is not known whether Zoho's minute slides or follows the clock. A limit on **any** 60 seconds is right for both, so a call
//! counts from the moment its slot is given until 60 seconds after the last moment at which it can have reached Zoho.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::settings::InventoryLimits;

/// Zoho's minute plus the tolerated difference between the clocks of processes. All times here are in milliseconds.
pub(super) const MINUTE: i64 = 60_000 + 500;

/// The longest time that a call takes to reach Zoho, in milliseconds, as all times here.
pub(super) const MAX_TRAVEL: i64 = 2_000;

/// How long a single slot may stay unused before it lapses.
const SLOT_LIFETIME: i64 = 1_000;

/// How long slots that were leased together may stay unused. Their process does not learn meanwhile that Zoho refused calls of
/// other processes.
const LEASE_LIFETIME: i64 = 10_000;

/// How many slots are leased together while less than half of the minute's calls are used and no daily limit is set.
pub(super) const SLOTS_PER_LEASE: u32 = 5;

/// How many slots a process leases ahead, once it has used those that it had: it is busy, and will need them.
pub(super) const SLOTS_AHEAD: u32 = 10;

/// How many it leases ahead at most: a process that ends with them unused keeps a fifth of the usual minute from all others.
const MOST_AHEAD: u32 = 20;

/// How long a call may wait for a free slot.
const MAX_WAIT: i64 = 2_000;

/// How long the place of a refused caller is kept after the time that it was told: two seconds, and two more for other processes
/// that change the row.
const PROMISE_GRACE: i64 = 4_000;

/// How many places are kept. Further callers are told a time, too, but may find no slot then.
const MAX_PROMISED: usize = 200;

const DAY: i64 = 86_400_000;

/// No caller is told to come later than this, and Zoho refuses for no longer, unless the day's calls are used up.
const LONGEST_WAIT: i64 = 3_600_000;

/// For whom a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// For an agent that waits.
    Agent,
    /// For background work. It leaves the last third of the minute, and of the day, to agents.
    Background,
}

/// The calls of one organisation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Window {
    /// How many calls reached Zoho in each second.
    spent: BTreeMap<i64, u32>,
    /// Slots that were given and whose use is not known yet.
    leases: BTreeMap<String, Lease>,
    /// When refused callers come back, and the ids of their keys.
    promised: Vec<(i64, String)>,
    /// Zoho's own refusal of all calls.
    blocked: Option<Blocked>,
    /// The number of a UTC day, and the count of its calls.
    day: (i64, u32),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Lease {
    slots: u32,
    /// The last moment at which a call may leave.
    until: i64,
}

/// Zoho refuses all calls until this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Blocked {
    pub(super) until: i64,
    /// Whether the day's calls are used up, rather than the minute's.
    pub(super) daily: bool,
}

/// Whether a call may be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// This many slots, for use between `from` and `until`. Where `from` is later than now, the caller waits.
    Granted { slots: u32, from: i64, until: i64 },
    /// Not before `back`.
    Refused { back: i64, why: Why },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// By the connector's own count.
    Minute,
    Day,
    /// By Zoho's own refusal.
    ZohoMinute,
    ZohoDay,
}

/// What a process knows of the use of a lease.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// For each finished call, the latest time at which it can have reached Zoho.
    pub(super) landed: Vec<i64>,
    /// Slots that lapsed unused.
    pub(super) unused: u32,
}

/// When a call that is sent at this time no longer counts.
fn counted_until(leaves: i64) -> i64 {
    leaves + MAX_TRAVEL + MINUTE
}

/// How many slots a process leases ahead that used so many in so long: those that it would use while they last, within bounds.
pub(super) fn slots_ahead(used: u32, milliseconds: i64) -> u32 {
    let while_they_last = i64::from(used) * LEASE_LIFETIME / milliseconds.max(1);
    u32::try_from(while_they_last).unwrap_or(MOST_AHEAD).clamp(SLOTS_AHEAD, MOST_AHEAD)
}

fn count(of: impl Iterator) -> u32 {
    u32::try_from(of.count()).unwrap_or(u32::MAX)
}

fn second_ends(second: i64) -> i64 {
    (second + 1) * 1000 + MINUTE
}

impl Window {
    /// How many of the slots that were given so far count at a moment.
    pub(super) fn used(&self, at: i64) -> u32 {
        let spent =
            self.spent.iter().filter(|(second, _)| second_ends(**second) > at).map(|(_, calls)| *calls);
        let leased = self.leases.values().filter(|lease| counted_until(lease.until) > at);
        spent.chain(leased.map(|lease| lease.slots)).fold(0, u32::saturating_add)
    }

    /// As [`Self::used`], with the places of callers that come back by then.
    fn busy(&self, at: i64) -> u32 {
        let due = |from: i64| from <= at && counted_until(from + SLOT_LIFETIME) > at;
        self.used(at).saturating_add(count(self.promised.iter().filter(|(from, _)| due(*from))))
    }

    /// How many calls can still be made now. Places that are kept for refused callers are not free.
    pub(super) fn left(&self, now: i64, limit: u32) -> u32 {
        let promised = count(self.promised.iter().filter(|(at, _)| at + PROMISE_GRACE > now));
        limit.saturating_sub(self.used(now).saturating_add(promised))
    }

    /// The calls of the UTC day.
    pub(super) fn today(&self, now: i64) -> u32 {
        if self.day.0 == now.div_euclid(DAY) { self.day.1 } else { 0 }
    }

    /// When no call counts any more.
    pub(super) fn free_at(&self, now: i64) -> i64 {
        let spent = self.spent.keys().next_back().map(|second| second_ends(*second));
        let leased = self.leases.values().map(|lease| counted_until(lease.until)).max();
        spent.max(leased).unwrap_or(now).max(now)
    }

    /// Zoho's own refusal, while it lasts.
    pub(super) fn blocked(&self, now: i64) -> Option<Blocked> {
        // One that ends later is from before the clock was set back.
        let latest = |daily: bool| now + if daily { DAY + MINUTE } else { LONGEST_WAIT };
        self.blocked.filter(|blocked| blocked.until > now && blocked.until <= latest(blocked.daily))
    }

    /// When the row has no more use.
    pub(super) fn ends(&self, now: i64) -> i64 {
        let promised = self.promised.iter().map(|(at, _)| at + PROMISE_GRACE).max();
        let blocked = self.blocked.map(|blocked| blocked.until);
        self.free_at(now).max(promised.max(blocked).unwrap_or(now)).max((self.day.0 + 1) * DAY)
    }

    /// Stores Zoho's own refusal. The later of two ends stays.
    pub(super) fn block(&mut self, blocked: Blocked) {
        if self.blocked.is_none_or(|known| known.until < blocked.until) {
            self.blocked = Some(blocked);
        }
    }

    /// Settles a lease by the use of its slots.
    pub(super) fn settle(&mut self, lease: &str, facts: &Facts) {
        for landed in &facts.landed {
            *self.spent.entry(landed.div_euclid(1000)).or_default() += 1;
        }
        let landed = u32::try_from(facts.landed.len()).unwrap_or(u32::MAX);
        if let Some(found) = self.leases.get_mut(lease) {
            found.slots = found.slots.saturating_sub(landed + facts.unused);
            if found.slots == 0 {
                self.leases.remove(lease);
            }
        }
        self.day.1 = self.day.1.saturating_sub(facts.unused);
    }

    /// What was counted before the clock was set back counts as of now: it was made within the last minute, or is made up for soon.
    fn follow_clock(&mut self, now: i64) {
        let latest = now + MINUTE;
        let ahead = self.spent.split_off(&(latest.div_euclid(1000) + 1));
        if !ahead.is_empty() {
            let calls = self.spent.entry(now.div_euclid(1000)).or_default();
            *calls = ahead.into_values().fold(*calls, u32::saturating_add);
        }
        for lease in self.leases.values_mut().filter(|lease| lease.until > latest) {
            lease.until = now + LEASE_LIFETIME;
        }
        self.promised.retain(|(at, _)| *at <= now + LONGEST_WAIT);
    }

    fn tidy(&mut self, now: i64) {
        self.follow_clock(now);
        self.spent.retain(|second, _| second_ends(*second) > now);
        self.leases.retain(|_, lease| counted_until(lease.until) > now);
        self.promised.retain(|(at, _)| at + PROMISE_GRACE > now);
        self.blocked = self.blocked(now);
        let today = now.div_euclid(DAY);
        match self.day.0.cmp(&today) {
            Ordering::Less => self.day = (today, 0),
            Ordering::Equal => {}
            // The row's day is in the future, because a clock was wrong: its calls were made today.
            Ordering::Greater => self.day.0 = today,
        }
    }

    /// Decides on a call, and changes the window accordingly. `id` is the id of a new lease, `by` that of the caller's key.
    pub(super) fn take(
        &mut self,
        (id, by): (&str, &str),
        priority: Priority,
        limits: InventoryLimits,
        now: i64,
    ) -> Decision {
        self.tidy(now);
        let limit = limits.per_minute.unwrap_or(u32::MAX);
        let share = |limit: u32| if priority == Priority::Background { limit - limit / 3 } else { limit };
        if limits.per_day.is_some_and(|most| self.day.1 >= share(most)) {
            return Decision::Refused { back: (self.day.0 + 1) * DAY, why: Why::Day };
        }
        if priority == Priority::Background {
            return self.take_background(id, share(limit), now);
        }
        self.redeem(by, now);
        let blocked = self.blocked;
        let at = self.next(now.max(blocked.map_or(now, |blocked| blocked.until)), limit);
        if at <= now + MAX_WAIT {
            let others = count(self.promised.iter()) + SLOTS_PER_LEASE;
            let few = self.used(now).saturating_add(others) <= limit / 2;
            // A process that ends loses its unused slots. They would be missing for the whole day, so with a daily limit slots
            // are taken one by one.
            let together = few && limits.per_day.is_none() && at == now;
            let (slots, until) =
                if together { (SLOTS_PER_LEASE, at + LEASE_LIFETIME) } else { (1, at + SLOT_LIFETIME) };
            return self.grant(id, slots, at, until);
        }
        // `Retry-After` is in whole seconds.
        let back = now + (at - now + 999).div_euclid(1000) * 1000;
        let daily = blocked.is_some_and(|blocked| blocked.daily);
        if !daily && self.promised.len() < MAX_PROMISED {
            self.promised.push((back, by.to_owned()));
        }
        let why = match blocked {
            Some(Blocked { daily: true, .. }) => Why::ZohoDay,
            Some(_) => Why::ZohoMinute,
            None => Why::Minute,
        };
        Decision::Refused { back, why }
    }

    /// Whether so many slots may be leased ahead: so many are free that nobody will miss them, and nothing forbids calls.
    pub(super) fn has_much_left(&self, slots: u32, limits: InventoryLimits, now: i64) -> bool {
        let limit = limits.per_minute.unwrap_or(u32::MAX);
        let promised = count(self.promised.iter().filter(|(at, _)| at + PROMISE_GRACE > now));
        let few = self.used(now).saturating_add(promised + slots) <= limit / 2;
        few && limits.per_day.is_none() && self.blocked(now).is_none()
    }

    /// Leases slots for calls that may come, where there is much left: until when they may be used.
    pub(super) fn take_ahead(
        &mut self,
        id: &str,
        slots: u32,
        limits: InventoryLimits,
        now: i64,
    ) -> Option<i64> {
        self.tidy(now);
        if !self.has_much_left(slots, limits, now) {
            return None;
        }
        let until = now + LEASE_LIFETIME;
        self.grant(id, slots, now, until);
        Some(until)
    }

    /// Removes the oldest due place that is kept for this key.
    fn redeem(&mut self, by: &str, now: i64) {
        let due = self.promised.iter().enumerate().filter(|(_, (at, whose))| *at <= now && whose == by);
        if let Some((index, _)) = due.min_by_key(|(_, (at, _))| *at) {
            self.promised.remove(index);
        }
    }

    fn take_background(&mut self, id: &str, limit: u32, now: i64) -> Decision {
        let at = self.next(now.max(self.blocked.map_or(now, |blocked| blocked.until)), limit);
        if at > now {
            return Decision::Refused { back: at, why: Why::Minute };
        }
        self.grant(id, 1, now, now + SLOT_LIFETIME)
    }

    fn grant(&mut self, id: &str, slots: u32, from: i64, until: i64) -> Decision {
        self.leases.insert(id.to_owned(), Lease { slots, until });
        self.day.1 += slots;
        Decision::Granted { slots, from, until }
    }

    /// The first moment at which one more call fits in, without taking the place of a refused caller.
    fn next(&self, from: i64, limit: u32) -> i64 {
        let promised: Vec<_> = self.promised.iter().map(|(at, _)| (*at, self.busy(*at))).collect();
        let fits = |at: i64| {
            // One second longer, because `Retry-After` is rounded up.
            let within = |then: i64| (at..counted_until(at + SLOT_LIFETIME) + 1000).contains(&then);
            self.busy(at) < limit && promised.iter().all(|(then, busy)| !within(*then) || *busy < limit)
        };
        let ends = self.spent.keys().map(|second| second_ends(*second));
        let ends = ends.chain(self.leases.values().map(|lease| counted_until(lease.until)));
        let ends = ends.chain(self.promised.iter().map(|(at, _)| counted_until(at + SLOT_LIFETIME)));
        let mut moments: Vec<_> = ends.filter(|end| *end > from).collect();
        moments.push(from);
        moments.sort_unstable();
        moments.dedup();
        // No call counts after the last end, and a limit is at least one.
        let last = moments.last().copied().unwrap_or(from);
        moments.into_iter().find(|at| fits(*at)).unwrap_or(last)
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
