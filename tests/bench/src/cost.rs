//! What a million calls cost on Lambda, reckoned from what was measured.

use crate::calls::Calls;
use crate::figures::{Figures, count, number};

/// List prices of us-east-1 on x86: a million requests, and a GB for a second.
const REQUESTS: f64 = 0.20;
const GB_SECOND: f64 = 0.000_016_666_7;

/// A million calls of Secrets Manager, and a million units of DynamoDB: rows here are small enough that a call is one unit.
const SECRETS: f64 = 5.0;
const READS: f64 = 0.125;
const WRITES: f64 = 0.625;

/// The assumed time of Zoho for an answer, in milliseconds, and the assumed share of calls that meet a cold start: an agent calls only now
/// and then.
pub(crate) const ZOHO: f64 = 150.0;
pub(crate) const COLD: f64 = 0.05;

/// A function with this many MB has one whole processor.
const WHOLE_PROCESSOR: f64 = 1769.0;

/// The sizes of a function in MB. It gets the first one that is at least one and a half times what it used.
const SIZES: [f64; 4] = [128.0, 256.0, 512.0, 1024.0];

/// What a function costs.
pub(crate) struct Cost {
    /// In MB.
    pub(crate) memory: f64,
    /// What is billed of a warm event, and of a cold start with its event, in milliseconds.
    pub(crate) warm: f64,
    pub(crate) cold: f64,
    /// Dollars for a million calls: what they ask of AWS, and that with Lambda.
    pub(crate) aws: f64,
    pub(crate) dollars: f64,
}

impl Cost {
    pub(crate) fn of(figures: &Figures) -> Self {
        let memory = SIZES.into_iter().find(|size| *size >= 1.5 * figures.peak).unwrap_or(2048.0);
        // After the start, a function has its share of a processor. While it starts, it has a whole one.
        let warm = (ZOHO + figures.cpu / 1e3 * WHOLE_PROCESSOR / memory).ceil();
        let after_init = (figures.cpu_first - figures.init).max(0.0);
        let cold = (ZOHO + figures.init + after_init * WHOLE_PROCESSOR / memory).ceil();
        let seconds = ((1.0 - COLD) * warm + COLD * cold) / 1e3;
        let of_warm = price(&figures.warm_aws) / number(figures.events.max(1));
        let aws = (1.0 - COLD) * of_warm + COLD * price(&figures.cold[0]);
        let lambda = REQUESTS + 1e6 * seconds * memory / 1024.0 * GB_SECOND;
        Self { memory, warm, cold, aws, dollars: lambda + aws }
    }
}

/// A million times these calls, in dollars.
fn price(calls: &Calls) -> f64 {
    let each = |name: &str| match name {
        "GetSecretValue" => SECRETS,
        "GetItem" | "Query" => READS,
        "PutItem" => WRITES,
        _ => panic!("{name} has no price here"),
    };
    // The sum begins with 0: `sum` of no numbers at all is -0.
    calls.iter().fold(0.0, |sum, (name, times)| sum + count(*times) * each(name))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::figures::Start;

    #[test]
    fn a_million_calls_cost_time_and_what_they_ask_of_aws() {
        let calls = |name: &str, times| Calls::from([(name.to_owned(), times)]);
        let start = |cold, later| Start {
            init: Duration::from_millis(20),
            first: Duration::from_millis(30),
            warm: vec![Duration::from_millis(1); 10],
            cpu_first: Duration::from_millis(20),
            cpu_warm: Duration::ZERO,
            peak: 80.0,
            cold: [cold, Calls::new()],
            later: [later, Calls::new()],
        };
        let idle = Cost::of(&Figures::of(&[start(Calls::new(), Calls::new())]));
        assert_eq!((idle.memory, idle.warm, idle.cold, idle.aws), (128.0, 150.0, 170.0, 0.0));
        assert_eq!(format!("{:.2}", idle.aws), "0.00");
        // 0.151 s on average, an eighth of a GB.
        assert!((idle.dollars - (0.20 + 151_000.0 / 8.0 * GB_SECOND)).abs() < 1e-9, "{}", idle.dollars);
        let busy = Cost::of(&Figures::of(&[start(calls("GetSecretValue", 2), calls("PutItem", 5))]));
        assert!((busy.aws - (0.95 * 0.5 * WRITES + 0.05 * 2.0 * SECRETS)).abs() < 1e-9, "{}", busy.aws);
        assert!((busy.dollars - idle.dollars - busy.aws).abs() < 1e-9);
    }
}
