//! Calls over time: sums by bar and class, and by route.

use std::collections::BTreeMap;

use shared::base::call_counts::{CallKind, Tally, hour_of, start_of};
use shared::base::clock::Timestamp;
use shared::base::problem::Code;

/// How far back it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Period {
    Day,
    Week,
    Quarter,
}

impl Period {
    pub(super) const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Quarter];

    /// By its word in an address; a day where it is none.
    pub(super) fn of(word: Option<&str>) -> Self {
        Self::ALL.into_iter().find(|period| Some(period.word()) == word).unwrap_or(Self::Day)
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Quarter => "quarter",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Quarter => "90 days",
        }
    }

    /// The hours of a bar.
    pub(super) const fn hours(self) -> i64 {
        match self {
            Self::Day => 1,
            Self::Week => 6,
            Self::Quarter => 24,
        }
    }

    const fn bars(self) -> usize {
        match self {
            Self::Day => 24,
            Self::Week => 28,
            Self::Quarter => 90,
        }
    }
}

/// What became of a call, as a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Done,
    /// The caller's to mend, or one call more than there was room for.
    Refused,
    /// Zoho refused or failed, or is full.
    Zoho,
    /// The connector failed.
    Fault,
}

impl Class {
    pub(super) const ALL: [Self; 4] = [Self::Done, Self::Refused, Self::Zoho, Self::Fault];

    fn of(kind: &CallKind) -> Self {
        let of_zoho = ["zoho_", "token_"].iter().any(|prefix| kind.code.starts_with(prefix));
        match kind.status {
            0..400 => Self::Done,
            _ if of_zoho || kind.code == "write_uncertain" => Self::Zoho,
            400..500 => Self::Refused,
            _ if kind.code == Code::ConnectorBusy.as_str() => Self::Refused,
            _ => Self::Fault,
        }
    }

    /// Its class in the style.
    pub(super) const fn css(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Zoho => "zoho",
            Self::Fault => "fault",
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused by the connector",
            Self::Zoho => "refused or failed at Zoho",
            Self::Fault => "failed in the connector",
        }
    }

    const fn place(self) -> usize {
        self as usize
    }
}

/// Sums by class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums([u64; 4]);

impl Sums {
    fn add(&mut self, class: Class, calls: u64) {
        if let Some(sum) = self.0.get_mut(class.place()) {
            *sum += calls;
        }
    }

    pub(super) fn of(&self, class: Class) -> u64 {
        self.0.get(class.place()).copied().unwrap_or_default()
    }

    pub(super) fn all(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// The calls of one route.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// Its calls by bar.
    pub(super) bars: Vec<u64>,
    pub(super) tally: Tally,
    /// What was not done: by class and code, with Zoho's own codes.
    pub(super) failed: BTreeMap<(Class, String), Failed>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Failed {
    pub(super) calls: u64,
    pub(super) zoho: BTreeMap<String, u64>,
}

/// The calls of a period.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    pub(super) period: Period,
    /// The bar that is the first, counted from 1970.
    first: i64,
    pub(super) bars: Vec<Sums>,
    pub(super) sums: Sums,
    /// By route and method.
    pub(super) routes: BTreeMap<(String, String), Route>,
}

impl Chart {
    /// None so far; the last bar is the one of now.
    pub(super) fn new(period: Period, now: Timestamp) -> Self {
        let bars = period.bars();
        let first = hour_of(now).div_euclid(period.hours()) + 1 - i64::try_from(bars).unwrap_or(0);
        Self {
            period,
            first,
            bars: vec![Sums::default(); bars],
            sums: Sums::default(),
            routes: BTreeMap::new(),
        }
    }

    /// The hour with which it begins.
    pub(super) fn first_hour(&self) -> i64 {
        self.first * self.period.hours()
    }

    /// When a bar begins.
    pub(super) fn start_of(&self, bar: usize) -> Timestamp {
        start_of((self.first + i64::try_from(bar).unwrap_or(0)) * self.period.hours())
    }

    pub(super) fn add(&mut self, hour: i64, kind: CallKind, tally: Tally) {
        let bar = usize::try_from(hour.div_euclid(self.period.hours()) - self.first).ok();
        let count = self.bars.len();
        let Some(bar) = bar else { return };
        let Some(sums) = self.bars.get_mut(bar) else { return };
        let class = Class::of(&kind);
        sums.add(class, tally.calls);
        self.sums.add(class, tally.calls);
        let new = || Route { bars: vec![0; count], tally: Tally::default(), failed: BTreeMap::new() };
        let route = self.routes.entry((kind.route, kind.method)).or_insert_with(new);
        route.tally.add(tally);
        if let Some(calls) = route.bars.get_mut(bar) {
            *calls += tally.calls;
        }
        if class != Class::Done {
            let code = if kind.code.is_empty() { kind.status.to_string() } else { kind.code };
            let failed = route.failed.entry((class, code)).or_default();
            failed.calls += tally.calls;
            if !kind.zoho.is_empty() {
                *failed.zoho.entry(kind.zoho).or_default() += tally.calls;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, code: &str, zoho: &str) -> CallKind {
        CallKind {
            method: "GET".to_owned(),
            route: "/v1".to_owned(),
            status,
            code: code.to_owned(),
            zoho: zoho.to_owned(),
        }
    }

    #[test]
    fn calls_stand_in_the_bar_of_their_hour_and_older_ones_in_none() {
        let now = "2026-11-30T13:21:26Z".parse().unwrap();
        for (period, first, last) in [
            (Period::Day, "2026-11-29T14:00:00Z", "2026-11-30T13:00:00Z"),
            (Period::Week, "2026-11-23T18:00:00Z", "2026-11-30T12:00:00Z"),
            (Period::Quarter, "2026-09-02T00:00:00Z", "2026-11-30T00:00:00Z"),
        ] {
            let mut chart = Chart::new(period, now);
            let end = chart.bars.len() - 1;
            assert_eq!(
                (chart.start_of(0).to_string(), chart.start_of(end).to_string()),
                (first.into(), last.into())
            );
            let tally = |calls| Tally { calls, milliseconds: 10 * calls, slowest: 20 };
            let from = chart.first_hour();
            for (hour, calls) in [(from - 1, 100), (from, 1), (hour_of(now), 2), (hour_of(now) + 24, 100)] {
                chart.add(hour, kind(200, "", ""), tally(calls));
            }
            assert_eq!((chart.bars[0].all(), chart.bars[end].all(), chart.sums.all()), (1, 2, 3));
            let route = &chart.routes[&("/v1".to_owned(), "GET".to_owned())];
            assert_eq!((route.bars[0], route.bars[end], route.tally), (1, 2, tally(3)));
        }
        assert_eq!((Period::of(Some("week")), Period::of(Some("x"))), (Period::Week, Period::Day));
    }

    #[test]
    fn a_call_that_was_not_done_says_whose_it_is_to_mend() {
        let now = "2026-11-30T13:21:26Z".parse().unwrap();
        let mut chart = Chart::new(Period::Day, now);
        for (kind, class) in [
            (kind(202, "", ""), Class::Done),
            (kind(303, "", ""), Class::Done),
            (kind(404, "sku_not_found", ""), Class::Refused),
            (kind(503, "connector_busy", ""), Class::Refused),
            (kind(400, "zoho_rejected", "1001"), Class::Zoho),
            (kind(429, "zoho_rate_limited", "43"), Class::Zoho),
            (kind(503, "token_pending", ""), Class::Zoho),
            (kind(502, "write_uncertain", ""), Class::Zoho),
            (kind(503, "store_unavailable", ""), Class::Fault),
            (kind(500, "", ""), Class::Fault),
        ] {
            assert_eq!(Class::of(&kind), class, "{kind:?}");
            chart.add(hour_of(now), kind, Tally { calls: 1, milliseconds: 1, slowest: 1 });
        }
        assert_eq!(Class::ALL.map(|class| chart.sums.of(class)), [2, 2, 4, 2]);
        let failed = &chart.routes[&("/v1".to_owned(), "GET".to_owned())].failed;
        assert_eq!(failed[&(Class::Zoho, "zoho_rejected".to_owned())].zoho["1001"], 1);
        assert_eq!(failed[&(Class::Fault, "500".to_owned())].calls, 1);
    }
}
