//! The sandbox's clock, and Zoho's two forms of a time.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The machine's clock, or one that stands still, plus the time by which a test has moved it ahead.
#[derive(Debug)]
pub(crate) struct Clock {
    standing: Option<Timestamp>,
    ahead: Duration,
}

impl Clock {
    /// A clock that stands still at this moment. Without one it follows the machine's clock.
    pub(crate) fn new(standing: Option<Timestamp>) -> Self {
        Self { standing, ahead: Duration::ZERO }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        later(self.standing.unwrap_or_else(Timestamp::now), self.ahead)
    }

    /// Moves the clock ahead.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.ahead = self.ahead.saturating_add(by);
    }
}

/// `from` plus `by`, at most the end of time.
pub(crate) fn later(from: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    from.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// `from` minus `by`, at least the beginning of time.
pub(crate) fn earlier(from: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    from.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

/// A time as Inventory writes it: in the organisation's zone, without a colon in the offset.
pub(crate) fn inventory_time(at: Timestamp) -> String {
    at.to_zoned(berlin()).strftime("%Y-%m-%dT%H:%M:%S%z").to_string()
}

/// A time as CRM writes it: with a colon in the offset.
pub(crate) fn crm_time(at: Timestamp) -> String {
    at.to_zoned(berlin()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// A time for the `Date` header.
pub(crate) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads both of Zoho's forms.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text).ok())
}

/// Europe/Berlin without a time zone database.
fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap_or(TimeZone::UTC)
}
