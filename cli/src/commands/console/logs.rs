//! The calls of a stack, from the lines that its functions log. CloudWatch Logs Insights takes money for what it reads, so it is asked
//! by a click only, and what it will read is said before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::{QueryStatistics, QueryStatus};
use shared::base::call_counts::{CallKind, Tally, hour_of, start_of};
use shared::base::clock::Timestamp;
use shared::base::html_page::Escaped;
use tokio::time::sleep;

use super::chart::{Chart, Period};
use super::words::bytes;
use crate::commands::installation::words_of_aws;

/// The functions that answer calls.
const FUNCTIONS: [&str; 3] = ["api-proxy", "oauth-callback", "webhook-intake"];

/// The most that AWS takes for what a query reads, in dollars for a gigabyte: it is 0.005 in most regions, and nowhere more than
/// this. <https://aws.amazon.com/cloudwatch/pricing/>
const DOLLARS_PER_GB: f64 = 0.01;

/// The most rows that a query gives.
const MAX_ROWS: i32 = 10_000;

/// How long a query may take, and how often its end is asked for: AWS takes five such questions a second.
const MAX_POLLS: u32 = 120;
const POLL_PAUSE: Duration = Duration::from_millis(500);

/// A row: names and values.
type Row = BTreeMap<String, String>;

/// The logs of a stack's functions.
pub(super) struct Logs {
    client: Client,
    groups: Vec<String>,
    /// What was asked last, by period.
    answers: Mutex<BTreeMap<Period, Arc<Answer>>>,
}

/// What the logs said.
pub(super) struct Answer {
    pub(super) at: Timestamp,
    pub(super) chart: Chart,
    /// How much was read for it.
    pub(super) bytes: f64,
}

impl Logs {
    pub(super) fn new(config: &aws_config::SdkConfig, stack: &str) -> Self {
        Self {
            client: Client::new(config),
            groups: FUNCTIONS.map(|function| format!("/aws/lambda/{stack}-{function}")).to_vec(),
            answers: Mutex::default(),
        }
    }

    /// What was said when it was asked last.
    pub(super) fn last(&self, period: Period) -> Option<Arc<Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&period).cloned()
    }

    /// What asking costs, and the button for it. The estimate itself costs nothing.
    pub(super) async fn offer(&self, period: Period, now: Timestamp) -> String {
        let estimate = self.run(&format!("{}\n| estimate", query(period)), period, now).await;
        let price = match estimate.map(|(rows, read)| estimated(&rows, read)) {
            Ok(Some(estimate)) => format!(
                "It will read <strong>about {}</strong>, which costs <strong>at most {}</strong>.",
                bytes(estimate),
                price(estimate)
            ),
            Ok(None) => "AWS did not say how much it will read.".to_owned(),
            Err(why) => format!("How much it will read could not be found out: {}.", Escaped(why)),
        };
        format!(
            "<h2>From the logs</h2><div class=\"card\"><p>CloudWatch Logs Insights counts the calls of {} in the logs of the functions. \
             {price} AWS takes $0.005 for each GB that it reads in most regions, and up to ${DOLLARS_PER_GB}. It is asked only when you \
             press this.</p><form method=\"post\" action=\"/calls\"><input type=\"hidden\" name=\"period\" value=\"{}\">\
             <button class=\"main\">Ask for {}</button></form></div>",
            period.title(),
            period.word(),
            period.title(),
        )
    }

    /// Asks, and keeps what is said.
    pub(super) async fn ask(&self, period: Period, now: Timestamp) -> Result<(), String> {
        let (rows, bytes) = self.run(&query(period), period, now).await?;
        let mut chart = Chart::new(period, now);
        for row in &rows {
            let (hour, kind, tally) = counted(row).ok_or_else(|| {
                format!("CloudWatch gave a row that cannot be read, with the fields {:?}.", row.keys())
            })?;
            chart.add(hour, kind, tally);
        }
        let answer = Arc::new(Answer { at: now, chart, bytes });
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(period, answer);
        Ok(())
    }

    /// Runs a query to its end: its rows, and how many bytes it read.
    async fn run(&self, query: &str, period: Period, now: Timestamp) -> Result<(Vec<Row>, f64), String> {
        let from = start_of(Chart::new(period, now).first_hour());
        let started = self
            .client
            .start_query()
            .set_log_group_names(Some(self.groups.clone()))
            .start_time(from.as_second())
            .end_time(now.as_second())
            .query_string(query)
            .limit(MAX_ROWS)
            .send()
            .await;
        let started = started.map_err(|error| {
            let said = words_of_aws(&error);
            format!("CloudWatch did not take the query ({said}); it needs the rights logs:StartQuery and logs:GetQueryResults")
        })?;
        let id = started.query_id().ok_or("CloudWatch gave the query no id")?;
        for _ in 0..MAX_POLLS {
            let answer = self.client.get_query_results().query_id(id).send().await;
            let answer = answer.map_err(|error| {
                let said = words_of_aws(&error);
                format!("CloudWatch did not give the query's results ({said})")
            })?;
            match answer.status() {
                Some(QueryStatus::Complete) => {
                    let rows = answer.results().iter().map(|fields| {
                        let fields = fields.iter();
                        fields
                            .filter_map(|one| Some((one.field()?.to_owned(), one.value()?.to_owned())))
                            .collect()
                    });
                    let read = answer.statistics().map_or(0.0, QueryStatistics::bytes_scanned);
                    return Ok((rows.collect(), read));
                }
                Some(QueryStatus::Scheduled | QueryStatus::Running) | None => sleep(POLL_PAUSE).await,
                Some(other) => return Err(format!("CloudWatch ended the query: {}", other.as_str())),
            }
        }
        Err("CloudWatch did not end the query within a minute; ask for a shorter time".to_owned())
    }
}

/// Counts the lines of requests, by the hours of a bar.
fn query(period: Period) -> String {
    format!(
        "filter message = \"request\" and ispresent(route)\n\
         | stats count(*) as calls, sum(milliseconds) as took, max(milliseconds) as slowest by bin({}h) as start, method, route, status, code",
        period.hours()
    )
}

/// A row of [`query`]: the hour, which calls, and how many.
fn counted(row: &Row) -> Option<(i64, CallKind, Tally)> {
    let text = |name: &str| row.get(name).cloned().unwrap_or_default();
    // Sums and maxima may come with decimals.
    let number = |name: &str| row.get(name)?.parse::<f64>().ok().map(|number| number.max(0.0) as u64);
    // `2026-11-30 13:00:00.000`, in UTC.
    let start: Timestamp = format!("{}Z", row.get("start")?.replace(' ', "T")).parse().ok()?;
    let kind = CallKind {
        method: text("method"),
        route: text("route"),
        status: row.get("status")?.parse().ok()?,
        code: text("code"),
        zoho: String::new(),
    };
    let tally = Tally {
        calls: number("calls")?,
        milliseconds: number("took").unwrap_or_default(),
        slowest: number("slowest").unwrap_or_default(),
    };
    Some((hour_of(start), kind, tally))
}

/// What the estimate says, under whichever name: the field of bytes, else the only number.
fn estimated(rows: &[Row], read: f64) -> Option<f64> {
    let number = |value: &String| value.parse::<f64>().ok();
    let mut fields = rows.iter().flatten();
    let named = fields.clone().find(|(name, _)| name.to_ascii_lowercase().contains("byte"));
    let found =
        named.and_then(|(_, value)| number(value)).or_else(|| fields.find_map(|(_, value)| number(value)));
    found.or((read > 0.0).then_some(read))
}

/// What reading so much costs at most.
pub(super) fn price(bytes: f64) -> String {
    let dollars = bytes / 1e9 * DOLLARS_PER_GB;
    if dollars < 0.01 { "1 cent".to_owned() } else { format!("${dollars:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(fields: &[(&str, &str)]) -> Row {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_row_of_the_logs_is_a_count() {
        let full = [
            ("start", "2026-11-30 13:00:00.000"),
            ("method", "GET"),
            ("route", "/v1/crm/deals"),
            ("status", "429"),
            ("code", "zoho_rate_limited"),
            ("calls", "12"),
            ("took", "1200.0"),
            ("slowest", "300"),
        ];
        let (hour, kind, tally) = counted(&row(&full)).unwrap();
        assert_eq!(start_of(hour).to_string(), "2026-11-30T13:00:00Z");
        assert_eq!((kind.status, kind.code.as_str()), (429, "zoho_rate_limited"));
        assert_eq!(tally, Tally { calls: 12, milliseconds: 1200, slowest: 300 });
        for missing in ["start", "status", "calls"] {
            let rest: Vec<_> = full.into_iter().filter(|(name, _)| *name != missing).collect();
            assert!(counted(&row(&rest)).is_none(), "{missing}");
        }
    }

    #[test]
    fn an_estimate_is_read_under_any_name_and_priced_from_above() {
        for (fields, read, estimate) in [
            (vec![("estimatedBytesScanned", "12400000")], 0.0, Some(12_400_000.0)),
            (vec![("records", "7"), ("bytes", "5")], 0.0, Some(5.0)),
            (vec![("value", "9")], 3.0, Some(9.0)),
            (vec![("value", "-")], 3.0, Some(3.0)),
            (vec![], 0.0, None),
        ] {
            assert_eq!(estimated(&[row(&fields)], read), estimate, "{fields:?}");
        }
        assert_eq!((price(12.4e6), price(250e9)), ("1 cent".to_owned(), "$2.50".to_owned()));
    }

    #[test]
    fn the_query_counts_the_lines_that_the_functions_write() {
        let written = include_str!("../../../../shared/src/base/web.rs");
        for field in ["%method", "route", "status", "milliseconds", "code", "\"request\""] {
            assert!(written.contains(field), "{field}");
        }
        assert!(query(Period::Week).contains("by bin(6h) as start, method, route, status, code"));
    }
}
