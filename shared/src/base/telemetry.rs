//! Logs and metrics, set up once per process: JSON lines for machines, plain lines for a terminal.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::clock::Timestamp;

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// One JSON object a line, for CloudWatch and journald.
    Json,
    /// For a person at a terminal.
    Plain,
}

static FORM: OnceLock<LogForm> = OnceLock::new();

/// Starts logging to standard error. A second call does nothing, so tests may call it freely.
pub fn start(form: LogForm, filter: &str) {
    let _already_set = FORM.set(form);
    let filter: Targets = filter.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    // At trace, the AWS SDK prints the bodies of its calls, which hold secrets.
    let filter = filter.with_target("aws_", Level::INFO);
    // Its span would be read and written again with each line of a request, to say Lambda's request id.
    let is_named = filter.iter().any(|(target, _)| target.starts_with("lambda_runtime"));
    let filter = if is_named { filter } else { filter.with_target("lambda_runtime", Level::WARN) };
    let lines = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_writer(std::io::stderr)
        .with_ansi(in_colour(stderr().is_terminal(), std::env::var("NO_COLOR").ok().as_deref()));
    let registry = tracing_subscriber::registry().with(filter);
    let _already_started = match form {
        LogForm::Json => registry.with(lines.json().flatten_event(true).with_span_list(false)).try_init(),
        LogForm::Plain => registry.with(lines.compact()).try_init(),
    };
}

/// Colours are for people at a terminal who have not said that they want none: <https://no-color.org>
fn in_colour(is_terminal: bool, no_color: Option<&str>) -> bool {
    is_terminal && no_color.is_none_or(str::is_empty)
}

/// Writes a metric as a line, which CloudWatch turns into a metric in the namespace `ZohoConnector`, by function:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
pub fn gauge(name: &'static str, value: usize) {
    write(name, None, value);
}

/// The same by function and outcome. These two are all dimensions that there are: each combination of their values is a metric
/// that is paid for, so an outcome is one word of a few, and never a name or an id.
pub fn count(name: &'static str, outcome: &str, value: usize) {
    write(name, Some(outcome), value);
}

fn write(name: &str, outcome: Option<&str>, value: usize) {
    if FORM.get() == Some(&LogForm::Json) {
        let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
        // A metric that cannot be written must not stop the work.
        let _ = writeln!(stdout(), "{}", metric_line(&function, name, outcome, value, Timestamp::now()));
    } else {
        tracing::debug!(name, outcome, value, "metric");
    }
}

fn metric_line(function: &str, name: &str, outcome: Option<&str>, value: usize, at: Timestamp) -> Value {
    let dimensions: &[&str] = if outcome.is_some() { &["function", "outcome"] } else { &["function"] };
    let mut line = json!({
        "_aws": {
            "Timestamp": at.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": "ZohoConnector",
                "Dimensions": [dimensions],
                "Metrics": [{ "Name": name, "Unit": "Count" }],
            }],
        },
        "function": function,
    });
    if let Some(line) = line.as_object_mut() {
        line.insert(name.to_owned(), value.into());
        if let Some(outcome) = outcome {
            line.insert("outcome".to_owned(), outcome.into());
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_only() {
        assert!(in_colour(true, None) && in_colour(true, Some("")));
        assert!(!in_colour(true, Some("1")) && !in_colour(false, None));
    }

    #[test]
    fn a_metric_is_a_line_that_cloudwatch_understands() {
        for (outcome, dimensions) in [(None, 1), (Some("healthy"), 2)] {
            let line = metric_line("stack-token-refresh", "connections", outcome, 3, Timestamp::UNIX_EPOCH);
            assert_eq!(line["connections"], 3);
            let told = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(told["Metrics"][0]["Name"], "connections");
            let names = told["Dimensions"][0].as_array().unwrap();
            assert_eq!(names.len(), dimensions);
            for dimension in names {
                assert!(
                    line[dimension.as_str().unwrap()].is_string(),
                    "each dimension is a member of the line"
                );
            }
        }
    }
}
