//! What is stored of an organisation's calls to Inventory, and its arithmetic.
//!
//! Nobody knows whether Zoho's minute slides or follows the clock. Never more than the limit in **any** 60 seconds is right
//! for both: a call counts from the moment its slot is given until 60 seconds after it can last have reached Zoho.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::settings::InventoryLimits;

/// Zoho's minute, and by how much the clocks of our processes may differ, in milliseconds as all times here.
const MINUTE: i64 = 60_000 + 500;

/// The longest time that a call takes to reach Zoho.
pub(super) const MAX_TRAVEL: i64 = 2_000;

/// How long a slot for one call may wait for its use.
const SLOT_LIFETIME: i64 = 1_000;

/// How long slots that were leased together may wait for theirs. Who has them does not hear of what Zoho told others.
const LEASE_LIFETIME: i64 = 10_000;

/// How many slots are leased together while less than half of the minute is used, where no day is counted.
const SLOTS_PER_LEASE: u32 = 5;

/// A call waits this long at most for a slot to come free.
const MAX_WAIT: i64 = 2_000;

/// How long the place of a caller who was told to come back is kept: two seconds, and as many for others who change the row.
const PROMISE_GRACE: i64 = 4_000;

/// How many places are kept. Further callers are told a time as well, but may collide then.
const MAX_PROMISED: usize = 200;

const DAY: i64 = 86_400_000;

/// For whom a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// For an agent that waits.
    Agent,
    /// For work that nobody waits for: it leaves the last third of the minute, and of the day, to agents.
    Background,
}

/// The calls of one organisation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Window {
    /// How many calls reached Zoho by the end of a second.
    spent: BTreeMap<i64, u32>,
    /// Slots that were given and of whose use nothing is known yet.
    leases: BTreeMap<String, Lease>,
    /// When those who were refused come back, and whose key they have.
    promised: Vec<(i64, String)>,
    /// What Zoho itself said.
    blocked: Option<Blocked>,
    /// The calls of a UTC day: its number, and how many.
    day: (i64, u32),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Lease {
    slots: u32,
    /// The last moment at which a call may leave.
    until: i64,
}

/// Zoho refuses all calls until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Blocked {
    pub(super) until: i64,
    /// Because those of the day are used up, not those of the minute.
    pub(super) daily: bool,
}

/// Whether a call may be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// So many, from a moment (to come, where it must be waited for) until another.
    Granted { slots: u32, from: i64, until: i64 },
    /// Not before `back`.
    Refused { back: i64, why: Why },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// By our own count.
    Minute,
    Day,
    /// By Zoho's word.
    ZohoMinute,
    ZohoDay,
}

/// What a process knows of a lease by now.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// When calls had reached Zoho at the latest.
    pub(super) landed: Vec<i64>,
    /// Slots that lapsed unused.
    pub(super) unused: u32,
}

/// From a call's leaving, when it counts no more.
fn counted_until(leaves: i64) -> i64 {
    leaves + MAX_TRAVEL + MINUTE
}

fn count(of: impl Iterator) -> u32 {
    u32::try_from(of.count()).unwrap_or(u32::MAX)
}

fn second_ends(second: i64) -> i64 {
    (second + 1) * 1000 + MINUTE
}

impl Window {
    /// How many calls count at a moment, of those given by now.
    pub(super) fn used(&self, at: i64) -> u32 {
        let spent =
            self.spent.iter().filter(|(second, _)| second_ends(**second) > at).map(|(_, calls)| *calls);
        let leased = self.leases.values().filter(|lease| counted_until(lease.until) > at);
        spent.chain(leased.map(|lease| lease.slots)).fold(0, u32::saturating_add)
    }

    /// The same with those whose callers come back by then.
    fn busy(&self, at: i64) -> u32 {
        let due = |from: i64| from <= at && counted_until(from + SLOT_LIFETIME) > at;
        self.used(at).saturating_add(count(self.promised.iter().filter(|(from, _)| due(*from))))
    }

    /// How many may still be made now: the places of those who come back are not free.
    pub(super) fn left(&self, now: i64, limit: u32) -> u32 {
        let promised = count(self.promised.iter().filter(|(at, _)| at + PROMISE_GRACE > now));
        limit.saturating_sub(self.used(now).saturating_add(promised))
    }

    /// When none of those counts any more.
    pub(super) fn free_at(&self, now: i64) -> i64 {
        let spent = self.spent.keys().next_back().map(|second| second_ends(*second));
        let leased = self.leases.values().map(|lease| counted_until(lease.until)).max();
        spent.max(leased).unwrap_or(now).max(now)
    }

    /// What Zoho said, while it holds.
    pub(super) fn blocked(&self, now: i64) -> Option<Blocked> {
        self.blocked.filter(|blocked| blocked.until > now)
    }

    /// When the row tells nothing any more.
    pub(super) fn ends(&self, now: i64) -> i64 {
        let promised = self.promised.iter().map(|(at, _)| at + PROMISE_GRACE).max();
        let blocked = self.blocked.map(|blocked| blocked.until);
        self.free_at(now).max(promised.max(blocked).unwrap_or(now)).max((self.day.0 + 1) * DAY)
    }

    /// Zoho refused a call because there were too many.
    pub(super) fn block(&mut self, blocked: Blocked) {
        if self.blocked.is_none_or(|known| known.until < blocked.until) {
            self.blocked = Some(blocked);
        }
    }

    /// What became of slots that were leased.
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

    fn tidy(&mut self, now: i64) {
        self.spent.retain(|second, _| second_ends(*second) > now);
        self.leases.retain(|_, lease| counted_until(lease.until) > now);
        self.promised.retain(|(at, _)| at + PROMISE_GRACE > now);
        self.blocked = self.blocked(now);
        let today = now.div_euclid(DAY);
        if self.day.0 != today {
            self.day = (today, 0);
        }
    }

    /// Decides on a call that the holder of a key wants to make now, and writes the decision down.
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
            // A process that ends gives nothing back, and a day is long: of a day each takes what it uses.
            let together = few && limits.per_day.is_none() && at == now;
            let (slots, until) =
                if together { (SLOTS_PER_LEASE, at + LEASE_LIFETIME) } else { (1, at + SLOT_LIFETIME) };
            return self.grant(id, slots, at, until);
        }
        // What callers are told is in whole seconds.
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

    /// Uses up the oldest place that is kept for this key.
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

    /// The first moment at which one more call fits in, with a place for everybody who was promised one.
    fn next(&self, from: i64, limit: u32) -> i64 {
        let promised: Vec<_> = self.promised.iter().map(|(at, _)| (*at, self.busy(*at))).collect();
        let fits = |at: i64| {
            // A second longer, because what callers are told is rounded up.
            let within = |then: i64| at < then && then < counted_until(at + SLOT_LIFETIME) + 1000;
            self.busy(at) < limit && promised.iter().all(|(then, busy)| !within(*then) || *busy < limit)
        };
        let ends = self.spent.keys().map(|second| second_ends(*second));
        let ends = ends.chain(self.leases.values().map(|lease| counted_until(lease.until)));
        let ends = ends.chain(self.promised.iter().map(|(at, _)| counted_until(at + SLOT_LIFETIME)));
        let mut moments: Vec<_> = ends.filter(|end| *end > from).collect();
        moments.push(from);
        moments.sort_unstable();
        moments.dedup();
        // After the last end nothing is left, and a limit is at least one.
        let last = moments.last().copied().unwrap_or(from);
        moments.into_iter().find(|at| fits(*at)).unwrap_or(last)
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
