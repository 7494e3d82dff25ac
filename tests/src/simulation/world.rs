//! One simulated installation with all that is around it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use shared::base::clock::{Clock, SharedClock, Timestamp, TokioClock};

use super::history::{What, Who, Witness};
use super::journal::Journal;
use super::kept::Kept;
use super::random::Random;
use super::trouble::{Fate, Trouble};
use super::zoho::Zoho;

/// Time, chance, Zoho, stores and what happened.
pub struct World {
    /// Chance.
    pub random: Random,
    clock: TokioClock,
    start: Timestamp,
    trouble: Mutex<Trouble>,
    kept: Mutex<Kept>,
    zoho: Mutex<Zoho>,
    history: Mutex<Journal>,
    numbers: AtomicU32,
    struck: Mutex<Struck>,
}

/// For the sweeps: what happens to a call of the run that calls first after this was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    /// Which call of the run, from 0.
    pub call: u64,
    /// What happens to it.
    pub how: How,
}

/// What happens to a call that is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It fails without effect.
    Lost,
    /// It does its work, and the answer is lost.
    Mute,
    /// It does its work late, and so does the next: together later than a lease lasts.
    Late,
    /// It answers late, and so does the next.
    Drowsy,
}

/// How late: less than a store's patience, and twice it more than a lease.
const LATE: Duration = Duration::from_secs(9);

/// A strike, whom it befalls, and how many calls they made.
#[derive(Default)]
struct Struck {
    strike: Option<Strike>,
    who: Option<Who>,
    calls: u64,
}

/// A clock that follows the simulated time and whose jitter comes from the seed.
struct SimulatedClock(Arc<World>);

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn jittered(&self, wait: Duration) -> Duration {
        wait.mul_f64(0.5) + wait.mul_f64(0.5).mul_f64(f64::from(self.0.random.between(0, 255) as u8) / 255.0)
    }
}

impl World {
    /// A new one, on the runtime that calls.
    pub fn new(seed: u64) -> Arc<Self> {
        let start = "2026-11-21T10:00:00Z".parse().unwrap();
        let random = Random::new(seed);
        let kept = Kept::new(random.chance(500));
        Arc::new(Self {
            random,
            clock: TokioClock::starting_at(start),
            start,
            trouble: Mutex::default(),
            kept: Mutex::new(kept),
            zoho: Mutex::default(),
            history: Mutex::default(),
            numbers: AtomicU32::new(0),
            struck: Mutex::default(),
        })
    }

    /// The clock for the functions.
    pub fn clock(self: &Arc<Self>) -> SharedClock {
        Arc::new(SimulatedClock(self.clone()))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Milliseconds since the beginning.
    pub fn at(&self) -> i64 {
        self.since_start(self.now())
    }

    /// The same for another moment.
    pub fn since_start(&self, at: Timestamp) -> i64 {
        at.as_millisecond() - self.start.as_millisecond()
    }

    /// A number nobody else has.
    pub fn number(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Writes down what happened.
    pub fn note(&self, who: Who, what: What) {
        let at = self.at();
        self.history.lock().unwrap().note(at, who, what);
    }

    /// The history.
    pub fn history(&self) -> MutexGuard<'_, Journal> {
        self.history.lock().unwrap()
    }

    /// What the stores hold.
    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// Zoho.
    pub fn zoho(&self) -> MutexGuard<'_, Zoho> {
        self.zoho.lock().unwrap()
    }

    /// The moods.
    pub fn trouble(&self) -> Trouble {
        *self.trouble.lock().unwrap()
    }

    /// Sets the moods.
    pub fn set_trouble(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
        self.note(Who::Stage, What::Mood { mood: format!("{trouble:?}") });
    }

    /// Lets a call of token-refresh fail, or none any more.
    pub fn set_strike(&self, strike: Option<Strike>) {
        *self.struck.lock().unwrap() = Struck { strike, ..Struck::default() };
    }

    /// How many calls the run made that the strike befalls.
    pub fn calls(&self) -> u64 {
        self.struck.lock().unwrap().calls
    }

    /// What happens to the next call of a run, where a sweep decides it.
    pub fn struck(&self, who: Who) -> Option<Fate> {
        let mut struck = self.struck.lock().unwrap();
        let strike = struck.strike.filter(|_| matches!(who, Who::Run(_)))?;
        if *struck.who.get_or_insert(who) != who {
            return None;
        }
        let since = struck.calls.checked_sub(strike.call);
        struck.calls += 1;
        let now = Duration::ZERO;
        match (since?, strike.how) {
            (0, How::Lost) => Some(Fate::Lost(now)),
            (0, How::Mute) => Some(Fate::Mute(now, now)),
            (0 | 1, How::Late) => Some(Fate::Works(LATE, now)),
            (0 | 1, How::Drowsy) => Some(Fate::Works(now, LATE)),
            _ => None,
        }
    }
}

impl Witness for World {
    fn at(&self) -> i64 {
        self.at()
    }

    fn note(&self, who: Who, what: What) {
        self.note(who, what);
    }
}
