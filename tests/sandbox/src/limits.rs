//! Zoho's API limits, and the answers of each API when one is reached.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::api::Limit;
use crate::clock::earlier;
use crate::http::Answer;
use crate::switches::Switches;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Calls counted so far.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    inventory: HashMap<String, Vec<Timestamp>>,
    crm: Vec<Timestamp>,
}

impl Limits {
    /// Counts a call of an Inventory organisation, unless a limit is reached.
    pub(crate) fn inventory(
        &mut self,
        organization: &str,
        now: Timestamp,
        switches: &Switches,
    ) -> Option<Limit> {
        let calls = self.inventory.entry(organization.to_owned()).or_default();
        let yesterday = earlier(now, DAY);
        calls.retain(|at| *at > yesterday);
        let minute = if switches.per_minute_fixed_window() {
            Timestamp::from_second(now.as_second() / 60 * 60).unwrap_or(now)
        } else {
            earlier(now, MINUTE)
        };
        let today = Timestamp::from_second(now.as_second() / 86_400 * 86_400).unwrap_or(now);
        let since = |start: Timestamp| calls.iter().filter(|at| **at >= start).count();
        if switches.per_day_limit.is_some_and(|limit| since(today) >= limit) {
            return Some(Limit::PerDay);
        }
        if switches.per_minute_limit.is_some_and(|limit| since(minute) >= limit) {
            return Some(Limit::PerMinute);
        }
        calls.push(now);
        None
    }

    /// Spends CRM credits of the last 24 hours; gives what is left.
    pub(crate) fn crm(
        &mut self,
        now: Timestamp,
        credits: usize,
        switches: &Switches,
    ) -> Result<usize, Limit> {
        let yesterday = earlier(now, DAY);
        self.crm.retain(|at| *at > yesterday);
        if self.crm.len() + credits > switches.crm_credits {
            return Err(Limit::CrmTooMany);
        }
        self.crm.extend(std::iter::repeat_n(now, credits));
        Ok(switches.crm_credits - self.crm.len())
    }
}

/// Each product counts its own calls in progress.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Product {
    Inventory,
    Crm,
}

/// The limit on calls in progress, judged before a slow answer begins.
pub(crate) fn too_many_at_once(product: Product, in_flight: usize, switches: &Switches) -> Option<Answer> {
    let (most, limit) = match product {
        Product::Inventory => (switches.concurrent_limit, Limit::Concurrent),
        Product::Crm => (switches.crm_concurrent_limit, Limit::CrmTooMany),
    };
    most.is_some_and(|most| in_flight > most).then(|| answer(limit, switches))
}

/// The answer of a reached limit.
pub(crate) fn answer(limit: Limit, switches: &Switches) -> Answer {
    let body = match limit {
        Limit::PerMinute => json!({ "code": 44, "message": "For security reasons your organization has been \
            blocked as it has exceeded the maximum number of requests per minute. Please try again after some time." }),
        Limit::PerDay => json!({ "code": 45,
            "message": "The API call for this organization has exceeded the maximum call rate limit of 1000." }),
        Limit::Concurrent => {
            json!({ "code": 1070, "message": "You have reached the maximum number of in process \
            requests allowed. Kindly try again after some time." })
        }
        Limit::CrmTooMany => json!({ "code": "TOO_MANY_REQUESTS", "details": {},
            "message": "too many requests. please try again after some time", "status": "error" }),
    };
    let hidden = switches.limits_status_200() && limit != Limit::CrmTooMany;
    let answer = Answer::json(if hidden { 200 } else { 429 }, &body);
    match switches.retry_after() {
        Some(seconds) => answer.with("retry-after", seconds.to_string()),
        None => answer,
    }
}
