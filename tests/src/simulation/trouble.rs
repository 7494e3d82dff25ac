//! What can go wrong at the moment, and whether it does at a given call.

use std::time::Duration;

use super::random::Random;

/// How Zoho is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ZohoMood {
    /// As it should be.
    #[default]
    Good,
    /// Throttles most token calls, in any of its forms.
    Throttling,
    /// Answers late, or after everybody stopped to wait.
    Slow,
    /// Does not answer, or not with an answer; some of it after it did its work.
    Down,
    /// A bit of everything.
    Odd,
}

/// How the stores are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoreMood {
    /// As they should be.
    #[default]
    Good,
    /// Some calls fail, before or after their work.
    Flaky,
    /// Some calls take seconds.
    Slow,
    /// A limit of the second is reached: many calls wait for their turn as the SDK waits, and some have waited in vain.
    Throttled,
    /// Connections are gone when they are used again: some calls are sent twice, and the answers of some stay away.
    Cold,
}

/// All moods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trouble {
    /// Of Zoho.
    pub zoho: ZohoMood,
    /// Of the stores.
    pub stores: StoreMood,
    /// Whether a secret that is new may not be seen yet.
    pub late: bool,
    /// Runs of a thousand that die at some poll.
    pub crashes: u64,
    /// Invocations of a thousand that are throttled, and as many whose reply is lost.
    pub lost: u64,
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It does its work after the first time and answers after the second.
    Works(Duration, Duration),
    /// It fails without effect.
    Lost(Duration),
    /// It does its work, but the answer is lost.
    Mute(Duration, Duration),
    /// Zoho only: no effect, and one of its strange answers.
    Says(Duration, Saying),
}

/// Zoho's strange answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saying {
    /// The throttle, under 200 or 400.
    Throttle(u16),
    /// The throttle in another language, under 200 or 400.
    Localised(u16),
    /// `access_denied`.
    AccessDenied,
    /// A word nobody documented.
    Unknown,
    /// HTML under 200 or 503.
    Html(u16),
    /// Half a document.
    Garbage,
    /// An object with nothing in it.
    Empty,
    /// A final word under 500.
    Fault(&'static str),
}

impl Saying {
    /// Status and body.
    pub fn answer(self) -> (u16, &'static str) {
        match self {
            Self::Throttle(status) => (
                status,
                r#"{"error_description":"You have made too many requests continuously.","error":"Access Denied","status":"failure"}"#,
            ),
            Self::Localised(status) => {
                (status, r#"{"error_description":"您的请求过于频繁","error":"拒绝访问","status":"failure"}"#)
            }
            Self::AccessDenied => (200, r#"{"error":"access_denied"}"#),
            Self::Unknown => (200, r#"{"error":"server_error"}"#),
            Self::Html(status) => (status, "<html>Sorry, we are down for maintenance</html>"),
            Self::Garbage => (200, r#"{"access_token":"1000."#),
            Self::Empty => (200, "{}"),
            Self::Fault(word) => (500, word),
        }
    }
}

const THROTTLES: [Saying; 4] =
    [Saying::Throttle(200), Saying::Throttle(400), Saying::Localised(200), Saying::Localised(400)];

const SAYINGS: [Saying; 8] = [
    Saying::AccessDenied,
    Saying::Unknown,
    Saying::Html(200),
    Saying::Html(503),
    Saying::Garbage,
    Saying::Empty,
    Saying::Fault(r#"{"error":"invalid_code"}"#),
    Saying::Fault(r#"{"error":"invalid_client"}"#),
];

impl Trouble {
    /// What happens to a call to Zoho.
    pub fn of_zoho(&self, random: &Random, mints: bool) -> Fate {
        let quick = || random.milliseconds(20, 150);
        let well = || Fate::Works(quick(), quick());
        match self.zoho {
            ZohoMood::Good => well(),
            ZohoMood::Throttling if mints && random.chance(800) => {
                Fate::Says(quick(), random.pick(&THROTTLES))
            }
            ZohoMood::Throttling => well(),
            ZohoMood::Slow => match random.between(0, 3) {
                0 => well(),
                1 => Fate::Works(random.seconds(0, 4), random.seconds(0, 4)),
                2 => Fate::Works(random.seconds(0, 12), random.seconds(0, 12)),
                _ => Fate::Mute(random.seconds(0, 12), random.seconds(0, 4)),
            },
            ZohoMood::Down | ZohoMood::Odd if self.zoho == ZohoMood::Odd && random.chance(500) => well(),
            ZohoMood::Down | ZohoMood::Odd => match random.between(0, 4) {
                0 => Fate::Lost(quick()),
                1 => Fate::Lost(random.seconds(2, 9)),
                2 => Fate::Mute(quick(), random.seconds(0, 9)),
                3 if mints => Fate::Says(quick(), random.pick(&THROTTLES)),
                _ => Fate::Says(quick(), random.pick(&SAYINGS)),
            },
        }
    }

    /// What happens to a call to a store.
    pub fn of_stores(&self, random: &Random) -> Fate {
        let quick = || random.milliseconds(2, 30);
        match self.stores {
            // Most calls only yield: simulated time costs real time.
            StoreMood::Good if random.chance(700) => Fate::Works(Duration::ZERO, Duration::ZERO),
            StoreMood::Good => Fate::Works(quick(), Duration::ZERO),
            StoreMood::Flaky if random.chance(80) => Fate::Lost(random.milliseconds(2, 9000)),
            StoreMood::Flaky if random.chance(80) => Fate::Mute(quick(), random.milliseconds(2, 9000)),
            StoreMood::Slow if random.chance(300) => Fate::Works(random.seconds(0, 6), random.seconds(0, 5)),
            StoreMood::Slow if random.chance(50) => Fate::Mute(random.seconds(0, 10), random.seconds(0, 2)),
            // Two pauses of the SDK, the second one up to twice as long.
            StoreMood::Throttled if random.chance(100) => Fate::Lost(random.milliseconds(100, 3000)),
            StoreMood::Throttled if random.chance(400) => {
                Fate::Works(random.milliseconds(10, 3000), Duration::ZERO)
            }
            StoreMood::Cold if random.chance(60) => Fate::Mute(quick(), random.milliseconds(10, 3000)),
            StoreMood::Cold if random.chance(300) => Fate::Works(quick(), random.milliseconds(10, 1000)),
            StoreMood::Flaky | StoreMood::Slow | StoreMood::Throttled | StoreMood::Cold => {
                Fate::Works(quick(), quick())
            }
        }
    }
}
