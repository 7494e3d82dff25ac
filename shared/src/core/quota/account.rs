//! One organisation in one process: the slots in memory, and the changes of the stored row.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::caller::Caller;
use super::store_call::{STORE_TIMEOUT, timestamp};
use super::window::{
    Blocked, Decision, Facts, MINUTE, SLOTS_AHEAD, SLOTS_PER_LEASE, Why, Window, slots_ahead,
};
use crate::base::clock::SharedClock;
use crate::base::secret::random_hex;
use crate::base::settings::InventoryLimits;
use crate::store::{Condition, Key, Outcome, Put, Row, StoreError, Table, Version};

/// How long a change of the row is tried while other processes change it, and the pause between tries. The pause does not grow:
/// each refused put means that another one succeeded, and a process that waited longer would only be overtaken by new ones.
const VISIT_TIMEOUT: Duration = Duration::from_secs(5);
const VISIT_PAUSE: Duration = Duration::from_millis(30);

/// How long calls are not counted after the store failed, in milliseconds.
const UNCOUNTED_PERIOD: i64 = 5_000;

/// The time that must be left for a call after it waited for its slot.
const MIN_CALL_TIME: Duration = Duration::from_secs(3);

pub(super) struct Account {
    state: Arc<dyn Table>,
    clock: SharedClock,
    limits: InventoryLimits,
    key: Key,
    memory: Mutex<Memory>,
    /// The last known version of the row. The lock allows one change of the row at a time.
    version: AsyncMutex<Option<Version>>,
    at_once: Arc<Semaphore>,
}

#[derive(Default)]
struct Memory {
    /// The last known content of the row.
    window: Window,
    leases: HashMap<String, Held>,
    /// When the first slot was used since the last lease came, and how many were.
    pace: (i64, u32),
    without_until: i64,
}

/// The slots of one lease.
struct Held {
    slots: u32,
    until: i64,
    /// The same end by a clock that nobody sets.
    ends: Instant,
    flying: u32,
    facts: Facts,
}

impl Held {
    fn new(slots: u32, until: i64, flying: u32, now: i64) -> Self {
        let life = Duration::from_millis(u64::try_from((until - now).clamp(0, MINUTE)).unwrap_or(0));
        Self { slots, until, ends: Instant::now() + life, flying, facts: Facts::default() }
    }

    /// Whether its slots may be used. An end further away is from before the clock was set back: the row moved it to an earlier time.
    /// What ended so stays ended when the old time comes again. The clock that nobody sets is not enough: it may stand still while
    /// Lambda holds a process.
    fn is_live(&self, now: i64) -> bool {
        now <= self.until && self.until <= now + MINUTE && Instant::now() <= self.ends
    }
}

/// Why there is no slot, and when the caller may come back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    pub(super) why: Option<Why>,
    pub(super) back: i64,
}

/// The result of a change of the row.
enum Visit<T> {
    Done(T),
    /// Other processes kept changing the row.
    Contended,
    /// The store is down.
    Without,
}

/// The right to make one call.
#[must_use = "it is to be held until the answer is there"]
pub struct Slot {
    /// None where calls are not counted.
    _counted: Option<Counted>,
    _one_of_few: Option<OwnedSemaphorePermit>,
}

/// One slot of a lease, in use. When it is dropped, its call counts as having reached Zoho.
struct Counted {
    account: Arc<Account>,
    lease: String,
    unused: bool,
}

impl Counted {
    /// Gives the slot back, because nothing was sent.
    fn give_back(mut self) {
        self.unused = true;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let now = self.account.now();
        if let Some(held) = self.account.memory().leases.get_mut(&self.lease) {
            held.flying = held.flying.saturating_sub(1);
            if self.unused {
                held.facts.unused += 1;
            } else {
                held.facts.landed.push(now);
            }
        }
    }
}

impl Account {
    pub(super) fn new(state: Arc<dyn Table>, clock: SharedClock, limits: InventoryLimits, key: Key) -> Self {
        let at_once = Arc::new(Semaphore::new(limits.at_once()));
        Self { state, clock, limits, key, memory: Mutex::default(), version: AsyncMutex::default(), at_once }
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the last known content of the row.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Window) -> T) -> T {
        look(&self.memory().window)
    }

    pub(super) async fn take(self: Arc<Self>, caller: Caller<'_>) -> Result<Slot, Refusal> {
        // A call that will be refused anyway does not wait for its turn.
        self.known_refusal()?;
        let turn = timeout_at(caller.deadline, self.at_once.clone().acquire_owned()).await;
        let Ok(turn) = turn else {
            return Err(Refusal { why: None, back: self.now() + 1000 });
        };
        // Zoho may have refused those before it, and slots may be left in memory.
        self.known_refusal()?;
        let counted = if self.limits.is_off() { None } else { self.count(caller).await? };
        Ok(Slot { _counted: counted, _one_of_few: turn.ok() })
    }

    /// Whether calls go out uncounted, because the store failed a moment ago.
    fn is_without(&self, memory: &Memory, now: i64) -> bool {
        memory.without_until > now && memory.without_until <= now + UNCOUNTED_PERIOD
    }

    fn known_refusal(&self) -> Result<(), Refusal> {
        match self.memory().window.blocked(self.now()) {
            Some(Blocked { until, daily }) => {
                let why = if daily { Why::ZohoDay } else { Why::ZohoMinute };
                Err(Refusal { why: Some(why), back: until })
            }
            None => Ok(()),
        }
    }

    /// A slot of a lease in memory, else of a new lease. None where the call is not counted.
    async fn count(self: &Arc<Self>, caller: Caller<'_>) -> Result<Option<Counted>, Refusal> {
        let begun = Instant::now();
        while begun.elapsed() <= VISIT_TIMEOUT {
            if let Some(held) = self.held() {
                return Ok(Some(held));
            }
            let mut version = self.version.lock().await;
            // Another call may have taken a lease meanwhile.
            if let Some(held) = self.held() {
                return Ok(Some(held));
            }
            self.known_refusal()?;
            if self.is_without(&self.memory(), self.now()) {
                return Ok(None);
            }
            let id = random_hex::<4>();
            let take =
                |window: &mut Window, now| window.take((&id, caller.key), caller.priority, self.limits, now);
            let (slots, from, until) = match self.visit(&mut version, take).await {
                Visit::Done(Decision::Granted { slots, from, until }) => (slots, from, until),
                Visit::Done(Decision::Refused { back, why }) => return Err(Refusal { why: Some(why), back }),
                Visit::Without => return Ok(None),
                Visit::Contended => break,
            };
            let now = self.now();
            let held = Held::new(slots.saturating_sub(1), until, 1, now);
            {
                let mut memory = self.memory();
                memory.leases.insert(id.clone(), held);
                memory.pace = (now, 1);
            }
            drop(version);
            let counted = Counted { account: self.clone(), lease: id, unused: false };
            let wait = Duration::from_millis(u64::try_from(from - self.now()).unwrap_or(0));
            if !wait.is_zero()
                && wait + MIN_CALL_TIME > caller.deadline.saturating_duration_since(Instant::now())
            {
                counted.give_back();
                return Err(Refusal { why: Some(Why::Minute), back: from });
            }
            sleep(wait).await;
            if self.now() <= until {
                return Ok(Some(counted));
            }
            counted.give_back();
        }
        Err(Refusal { why: None, back: self.now() + 2000 })
    }

    /// A slot of a lease in memory that has not lapsed.
    fn held(self: &Arc<Self>) -> Option<Counted> {
        let now = self.now();
        let mut memory = self.memory();
        let Memory { leases, pace, .. } = &mut *memory;
        let (id, held) = leases.iter_mut().find(|(_, held)| held.slots > 0 && held.is_live(now))?;
        held.slots -= 1;
        held.flying += 1;
        *pace = if pace.1 == 0 { (now, 1) } else { (pace.0, pace.1.saturating_add(1)) };
        Some(Counted { account: self.clone(), lease: id.clone(), unused: false })
    }

    /// How many slots this process would lease for its next calls. None where it has one left, and where much of the minute is used.
    pub(super) fn wanted_ahead(&self) -> Option<u32> {
        let now = self.now();
        let wanted = {
            let memory = self.memory();
            let needs_none = self.limits.is_off()
                || self.is_without(&memory, now)
                || memory.leases.values().any(|held| held.slots > 0 && held.is_live(now));
            let (since, used) = memory.pace;
            (!needs_none).then(|| slots_ahead(used, now - since))
        };
        wanted.filter(|_| self.look(|window| window.has_much_left(SLOTS_AHEAD, self.limits, now)))
    }

    /// Leases as many. Who calls this does it beside a call to Zoho, so that the next one need not wait for the store.
    pub(super) async fn lease_ahead(&self) {
        // Whoever changes the row at this moment takes what is to be taken.
        let Ok(mut version) = self.version.try_lock() else { return };
        // Another call may have taken a lease meanwhile.
        let Some(wanted) = self.wanted_ahead() else { return };
        let id = random_hex::<4>();
        let take = |window: &mut Window, now| {
            let take = |slots| Some((slots, window.take_ahead(&id, slots, self.limits, now)?));
            [wanted, SLOTS_AHEAD].into_iter().find_map(take)
        };
        let leased = self.visit(&mut version, take).await;
        if let Visit::Done(Some((slots, until))) = leased {
            self.hold(id, slots, until);
        }
    }

    fn hold(&self, lease: String, slots: u32, until: i64) {
        let held = Held::new(slots, until, 0, self.now());
        let mut memory = self.memory();
        memory.leases.insert(lease, held);
        memory.pace = (0, 0);
    }

    /// Leases slots for the first calls of a process that starts. A put that is refused tells the row as a read would. Where slots are
    /// not leased together, the row is only read. A failure is ignored: the first call will meet it.
    pub(super) async fn begin(&self) {
        let mut version = self.version.lock().await;
        if version.is_some() {
            return;
        }
        let id = random_hex::<4>();
        let mut window = Window::default();
        let mut taken = window.take_ahead(&id, SLOTS_PER_LEASE, self.limits, self.now());
        if taken.is_none() {
            let Ok(Ok(Some(row))) = timeout(STORE_TIMEOUT, self.state.get(&self.key)).await else { return };
            self.met(&mut version, row);
            return;
        }
        let mut condition = Condition::Absent;
        for _ in 0..2 {
            let Some(until) = taken else { return };
            match self.write(&window, condition).await {
                Ok(Outcome::Done(written)) => {
                    (self.memory().window, *version) = (window, written);
                    self.hold(id, SLOTS_PER_LEASE, until);
                    return;
                }
                Ok(Outcome::Refused { current: Some(row), .. }) => {
                    condition = Condition::Version(row.version.clone());
                    self.met(&mut version, row);
                    window = self.look(Window::clone);
                    taken = window.take_ahead(&id, SLOTS_PER_LEASE, self.limits, self.now());
                }
                _ => return,
            }
        }
    }

    /// Takes over the stored row, where it can be read: content and version always change together.
    fn met(&self, version: &mut Option<Version>, row: Row) {
        if let Ok(window) = row.read() {
            (self.memory().window, *version) = (window, Some(row.version));
        }
    }

    /// Stores that Zoho refuses calls.
    pub(super) async fn block(&self, blocked: Blocked) {
        self.memory().window.block(blocked);
        let mut version = self.version.lock().await;
        let told = self.visit(&mut version, |window, _| window.block(blocked)).await;
        if !matches!(told, Visit::Done(())) {
            tracing::warn!("that Zoho refuses calls could not be told to other processes");
        }
    }

    /// Changes the row, and settles this process's own leases in it.
    async fn visit<T>(
        &self,
        version: &mut Option<Version>,
        change: impl Fn(&mut Window, i64) -> T,
    ) -> Visit<T> {
        let facts = self.take_facts();
        let begun = Instant::now();
        let mut window = self.look(Window::clone);
        let mut tried = false;
        loop {
            let now = self.now();
            let mut next = window.clone();
            for (id, facts) in &facts {
                next.settle(id, facts);
            }
            let result = change(&mut next, now);
            let condition = version.clone().map_or(Condition::Absent, Condition::Version);
            match self.write(&next, condition).await {
                Ok(Outcome::Done(written)) => {
                    *version = written;
                    self.know(&mut next);
                    return Visit::Done(result);
                }
                Ok(Outcome::Refused { current, .. }) => {
                    let read = current.as_ref().map(Row::read::<Window>).transpose();
                    // A row that cannot be read is replaced by an empty one, for which its version is enough.
                    window = read.unwrap_or_default().unwrap_or_default();
                    // Content and version change together, so that a later try does not write older content over this version.
                    self.know(&mut window);
                    *version = current.map(|row| row.version);
                }
                Err(error) => {
                    tracing::error!(%error, "calls to Zoho go out uncounted: the store does not answer");
                    self.memory().without_until = now + UNCOUNTED_PERIOD;
                    *version = None;
                    return Visit::Without;
                }
            }
            if begun.elapsed() > VISIT_TIMEOUT {
                return Visit::Contended;
            }
            if tried {
                sleep(self.clock.jittered(VISIT_PAUSE)).await;
            }
            tried = true;
        }
    }

    /// Takes over what is stored. Where Zoho has refused calls meanwhile, that stays known: it is stored by a change of its own.
    fn know(&self, stored: &mut Window) {
        let now = self.now();
        let mut memory = self.memory();
        if let Some(blocked) = memory.window.blocked(now) {
            stored.block(blocked);
        }
        memory.window = stored.clone();
    }

    async fn write(&self, window: &Window, condition: Condition) -> Result<Outcome, StoreError> {
        let ends = timestamp(window.ends(self.now()));
        let put = Put::record(self.key.clone(), window, condition)?.until(ends);
        let slow = |_| Err(StoreError::Unavailable("it takes too long".to_owned()));
        timeout(STORE_TIMEOUT, self.state.put(put)).await.unwrap_or_else(slow)
    }

    /// Takes what this process knows of its leases. If it is lost before it is stored, the slots only count for too long.
    fn take_facts(&self) -> Vec<(String, Facts)> {
        let now = self.now();
        let mut memory = self.memory();
        let mut known = Vec::new();
        memory.leases.retain(|id, held| {
            if !held.is_live(now) {
                held.facts.unused += std::mem::take(&mut held.slots);
            }
            known.push((id.clone(), std::mem::take(&mut held.facts)));
            held.slots > 0 || held.flying > 0
        });
        known
    }

    /// How many leases are in memory.
    #[cfg(test)]
    pub(super) fn leases(&self) -> usize {
        self.memory().leases.len()
    }
}
