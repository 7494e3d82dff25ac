//! What was measured, and how it is summed up.

use std::time::Duration;

use crate::calls::Calls;

/// What was measured of one start.
pub(crate) struct Start {
    /// The time until it asked for its first event, and until it had answered that.
    pub(crate) init: Duration,
    pub(crate) first: Duration,
    /// The time of each event after the first.
    pub(crate) warm: Vec<Duration>,
    /// Its time on a processor, for its start with the first event, and for all others.
    pub(crate) cpu_first: Duration,
    pub(crate) cpu_warm: Duration,
    /// In MB.
    pub(crate) peak: f64,
    /// Calls until the first answer, and after it.
    pub(crate) cold: [Calls; 2],
    pub(crate) later: [Calls; 2],
}

/// What was measured of all starts: medians, and percentiles over all warm events.
pub(crate) struct Figures {
    /// In milliseconds.
    pub(crate) init: f64,
    pub(crate) first: f64,
    pub(crate) cpu_first: f64,
    /// In microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) cpu: f64,
    /// In MB.
    pub(crate) peak: f64,
    /// Calls to AWS and to Zoho of one start and its first event.
    pub(crate) cold: [Calls; 2],
    /// Calls to AWS of all warm events, and how many events these were.
    pub(crate) warm_aws: Calls,
    pub(crate) events: usize,
    /// Calls of one warm event, on average.
    pub(crate) aws: f64,
    pub(crate) zoho: f64,
}

impl Figures {
    pub(crate) fn of(starts: &[Start]) -> Self {
        let middle = |of: fn(&Start) -> f64| percentile(starts.iter().map(of).collect(), 50);
        let warm: Vec<f64> = starts.iter().flat_map(|start| &start.warm).map(|took| micros(*took)).collect();
        let events: usize = starts.iter().map(|start| start.warm.len()).sum();
        let calls = |of: usize| {
            let all = starts.iter().flat_map(|start| start.later[of].values()).sum();
            count(all) / number(events.max(1))
        };
        let mut warm_aws = Calls::new();
        for (name, count) in starts.iter().flat_map(|start| &start.later[0]) {
            *warm_aws.entry(name.clone()).or_default() += count;
        }
        Self {
            warm_aws,
            events,
            init: middle(|start| micros(start.init) / 1e3),
            first: middle(|start| micros(start.first) / 1e3),
            cpu_first: middle(|start| micros(start.cpu_first) / 1e3),
            p50: percentile(warm.clone(), 50),
            p99: percentile(warm, 99),
            cpu: middle(|start| micros(start.cpu_warm) / number(start.warm.len().max(1))),
            peak: starts.iter().map(|start| start.peak).fold(0.0, f64::max),
            cold: starts.last().map(|start| start.cold.clone()).unwrap_or_default(),
            aws: calls(0),
            zoho: calls(1),
        }
    }
}

/// The value below which this percentage of the values lies.
pub(crate) fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len() * percent / 100).min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// A number of things, exact as far as anything is counted here.
pub(crate) fn number(things: usize) -> f64 {
    f64::from(u32::try_from(things).unwrap())
}

pub(crate) fn count(things: u64) -> f64 {
    f64::from(u32::try_from(things).unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=200).rev().map(number).collect();
        assert_eq!(percentile(values.clone(), 50), 101.0);
        assert_eq!(percentile(values, 99), 199.0);
        assert_eq!(percentile(vec![7.0], 99), 7.0);
        assert_eq!(percentile(Vec::new(), 50), 0.0);
    }

    #[test]
    fn starts_are_summed_up_by_medians_and_calls_by_event() {
        let start = |millis: u64, calls: u64| Start {
            init: Duration::from_millis(millis),
            first: Duration::from_millis(2 * millis),
            warm: vec![Duration::from_micros(millis); 4],
            cpu_first: Duration::from_millis(millis),
            cpu_warm: Duration::from_micros(4 * millis),
            peak: 8.0,
            cold: Default::default(),
            later: [Calls::from([("PutItem".to_owned(), calls)]), Calls::new()],
        };
        let figures = Figures::of(&[start(9, 1), start(1, 0), start(5, 2)]);
        let told = [figures.init, figures.first, figures.p50, figures.cpu, figures.aws, figures.zoho];
        assert_eq!(told, [5.0, 10.0, 5.0, 5.0, 0.25, 0.0]);
        assert_eq!((figures.warm_aws, figures.events), (Calls::from([("PutItem".to_owned(), 3)]), 12));
    }
}
