//! The clock, which is passed to all code that needs the time, so that tests can set it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
pub use jiff::{SignedDuration, Timestamp};

/// A source of the present moment.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// As [`jittered`]; a test can replace it.
    fn jittered(&self, wait: Duration) -> Duration {
        jittered(wait)
    }

    /// Ends after so much time, which begins now. Most clocks go as tokio's timer does; it is for what is done on a schedule.
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(wait))
    }
}

/// A clock that several owners read.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock, cut to milliseconds: no stored or shown time needs more.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// A clock that a file shows, in milliseconds since 1970: a test moves the time of a process by it, and has days pass in minutes.
#[derive(Debug, Clone)]
pub struct FileClock {
    file: PathBuf,
    /// What it showed last, for a moment at which it cannot be read.
    last: Arc<Mutex<Timestamp>>,
}

impl FileClock {
    /// How often somebody who waits looks at it.
    const LOOK: Duration = Duration::from_millis(2);

    /// The clock in this file.
    ///
    /// # Errors
    /// One line, where it shows no time yet.
    pub fn new(file: PathBuf) -> Result<Self, String> {
        let Some(now) = shown(&file) else {
            return Err(format!("{} shows no time in milliseconds since 1970", file.display()));
        };
        Ok(Self { file, last: Arc::new(Mutex::new(now)) })
    }
}

fn shown(file: &Path) -> Option<Timestamp> {
    let text = std::fs::read_to_string(file).ok()?;
    Timestamp::from_millisecond(text.trim().parse().ok()?).ok()
}

impl Clock for FileClock {
    fn now(&self) -> Timestamp {
        let shown = shown(&self.file);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(now) = shown {
            *last = now;
        }
        *last
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        let (clock, end) = (self.clone(), later(self.now(), wait));
        Box::pin(async move {
            while clock.now() < end {
                tokio::time::sleep(Self::LOOK).await;
            }
        })
    }
}

/// A clock that follows tokio's timer, so that a test with paused time moves both with one `advance`.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    start: Timestamp,
    since: tokio::time::Instant,
}

impl TokioClock {
    /// A clock that shows `start` now.
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start, since: tokio::time::Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.since.elapsed()).unwrap_or(SignedDuration::MAX);
        later(self.start, elapsed)
    }
}

/// A clock that shows what a test sets.
#[cfg(test)]
pub(crate) struct SetClock(std::sync::Mutex<Timestamp>);

#[cfg(test)]
impl SetClock {
    /// One that shows ten o'clock.
    pub(crate) fn at_ten() -> Self {
        Self(std::sync::Mutex::new("2026-11-22T10:00:00Z".parse().unwrap()))
    }

    /// Sets it ahead, or back.
    pub(crate) fn shift(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now = later(*now, by);
    }
}

#[cfg(test)]
impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// `at + by`, ending at the last representable moment instead of overflowing.
pub fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// `at - by`, ending at the first representable moment instead of overflowing.
pub fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// By how much clocks may differ, or one may be set back, while every end that it gave still holds.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(1);

/// Whether an end is yet to come that was set at most `span` ahead. One that lies further ahead is from before the clock was set
/// back, and counts as over: else everything would wait for as long as the clock went back.
pub fn is_to_come(end: Timestamp, now: Timestamp, span: SignedDuration) -> bool {
    now < end && end <= later(later(now, span), CLOCK_TOLERANCE)
}

/// Whether what was read at `at` is younger than `age`. What was read later than now is from before the clock was set back: nobody
/// knows how old it is.
pub fn is_younger(at: Timestamp, now: Timestamp, age: SignedDuration) -> bool {
    at <= now && now < later(at, age)
}

/// Seconds from `now` until `at` for a `Retry-After` header: rounded up, at least 1.
pub fn seconds_until(at: Timestamp, now: Timestamp) -> u64 {
    let milliseconds = at.duration_since(now).as_millis().max(1);
    u64::try_from(milliseconds).unwrap_or(u64::MAX).div_ceil(1000)
}

/// A moment as a person reads it, `2026-11-30 08:32 UTC`: the next whole minute, so that nobody who waits for it comes too early.
pub fn next_minute(at: Timestamp) -> String {
    let text = later(at, SignedDuration::from_millis(59_999)).to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}

/// A random time between half of `wait` and all of it, so that callers that wait at the same time do not retry at the same time.
pub fn jittered(wait: Duration) -> Duration {
    let mut random = [0_u8; 1];
    let share = match getrandom::fill(&mut random) {
        Ok(()) => random.iter().copied().map(f64::from).sum::<f64>() / 255.0,
        Err(_) => 1.0,
    };
    wait.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_clock_shows_the_present_in_whole_milliseconds() {
        let now = SystemClock.now();
        assert!(now > "2020-01-01T00:00:00Z".parse::<Timestamp>().unwrap(), "{now}");
        assert_eq!(now.subsec_nanosecond() % 1_000_000, 0, "{now}");
    }

    #[test]
    fn seconds_until_rounds_up_and_never_says_zero() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(seconds_until(later(now, SignedDuration::from_millis(1001)), now), 2);
        assert_eq!(seconds_until(now, later(now, SignedDuration::from_secs(9))), 1);
    }

    #[test]
    fn what_an_earlier_clock_set_is_neither_waited_for_nor_believed() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let span = SignedDuration::from_secs(15);
        for (seconds, to_come, younger) in [
            (-15, false, false),
            (-14, false, true),
            (0, false, true),
            (15, true, false),
            (75, true, false),
            (76, false, false),
        ] {
            let at = later(now, SignedDuration::from_secs(seconds));
            assert_eq!(
                (is_to_come(at, now, span), is_younger(at, now, span)),
                (to_come, younger),
                "{seconds}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_by_a_clock_in_a_file_waits_until_it_shows_so_much() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("now");
        let set = |milliseconds: i64| std::fs::write(&file, milliseconds.to_string()).unwrap();
        assert!(FileClock::new(file.clone()).is_err(), "no time is none of 1970");
        set(1_000);
        let clock = FileClock::new(file.clone()).unwrap();
        assert_eq!(clock.now().as_millisecond(), 1_000);
        let mut waiting = tokio::spawn(clock.sleep(Duration::from_secs(60)));
        set(60_999);
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut waiting).await.is_err());
        set(61_000);
        waiting.await.unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(clock.now().as_millisecond(), 61_000, "as it was last");
    }

    #[test]
    fn a_person_reads_the_next_whole_minute() {
        for (at, read) in [
            ("2026-11-30T08:31:00Z", "2026-11-30 08:31 UTC"),
            ("2026-11-30T08:31:00.001Z", "2026-11-30 08:32 UTC"),
            ("2026-12-31T23:59:10.57Z", "2027-01-01 00:00 UTC"),
        ] {
            assert_eq!(next_minute(at.parse().unwrap()), read, "{at}");
        }
    }

    #[test]
    fn whole_seconds_stay_whole() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        for (milliseconds, seconds) in
            [(-1, 1), (0, 1), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (2_000, 2), (60_000, 60)]
        {
            let at = later(now, SignedDuration::from_millis(milliseconds));
            assert_eq!(seconds_until(at, now), seconds, "{milliseconds}");
        }
    }

    #[test]
    fn time_ends_where_no_moment_can_be_written() {
        let (now, hour) = (Timestamp::UNIX_EPOCH, SignedDuration::from_hours(1));
        assert_eq!((later(now, hour).as_second(), earlier(now, hour).as_second()), (3600, -3600));
        assert_eq!(
            (later(Timestamp::MAX, hour), earlier(Timestamp::MIN, hour)),
            (Timestamp::MAX, Timestamp::MIN)
        );
    }

    #[test]
    fn a_jittered_wait_is_between_half_of_it_and_all_of_it() {
        let (wait, mut seen) = (Duration::from_millis(1000), std::collections::BTreeSet::new());
        for _ in 0..200 {
            let jittered = jittered(wait);
            assert!((wait / 2..=wait).contains(&jittered), "{jittered:?}");
            seen.insert(jittered);
        }
        assert!(seen.len() > 10, "{seen:?}");
    }
}
