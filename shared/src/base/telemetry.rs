//! Logs and metrics, set up once per process: JSON lines for machines, plain lines for a terminal.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::clock::Timestamp;
use super::json_lines::JsonLines;

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// One JSON object a line, for CloudWatch and journald.
    Json,
    /// For a person at a terminal.
    Plain,
}

static FORM: OnceLock<LogForm> = OnceLock::new();

/// Crates that print secrets at debug or trace, by how their names begin: whole events of Lambda with the keys in them, bodies of calls
/// to AWS. Each has its level unless the operator names it: Lambda's span would be written anew with each request, to say Lambda's
/// request id, which our own line says.
const TALKATIVE: [(&str, LevelFilter); 2] = [("aws_", LevelFilter::INFO), ("lambda_", LevelFilter::WARN)];

/// The most that any of these says, whatever the operator asks for.
const MOST_OF_TALKATIVE: LevelFilter = LevelFilter::INFO;

/// What is logged by the operator's words, which are `info` where they cannot be read.
fn filter(words: &str) -> Targets {
    let asked: Targets = words.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let capped = |target: &str, level: LevelFilter| {
        let is_talkative = TALKATIVE.iter().any(|(begins, _)| target.starts_with(begins));
        if is_talkative { level.min(MOST_OF_TALKATIVE) } else { level }
    };
    // Built anew: a filter by fields would stand before one by the name alone.
    let named = asked.iter().map(|(target, level)| (target.to_owned(), capped(target, level)));
    Targets::new()
        .with_default(asked.default_level().unwrap_or(LevelFilter::OFF))
        .with_targets(TALKATIVE)
        .with_targets(named)
}

/// Starts logging to standard error. A second call does nothing, so tests may call it freely.
pub fn start(form: LogForm, words: &str) {
    let _already_set = FORM.set(form);
    let lines = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_writer(std::io::stderr)
        .with_ansi(in_colour(stderr().is_terminal(), std::env::var("NO_COLOR").ok().as_deref()));
    let registry = tracing_subscriber::registry().with(filter(words));
    let _already_started = match form {
        LogForm::Json => registry.with(lines.event_format(JsonLines)).try_init(),
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
    fn what_prints_secrets_says_no_more_than_info_whatever_is_asked_for() {
        for words in [
            "trace",
            "lambda_runtime=trace",
            "info,lambda_runtime::layers::api_response=trace,aws_smithy_runtime=debug",
            "lambda_=trace,aws_=trace",
            "lambda=trace,aws=trace,aws_config=error",
            "trace,lambda_runtime[{body}]=trace,[{body}]=trace,aws_smithy_runtime[{request}]=trace",
        ] {
            let filter = filter(words);
            for target in
                ["lambda_runtime", "lambda_runtime::layers::api_response", "aws_smithy_runtime::client"]
            {
                for level in [Level::DEBUG, Level::TRACE] {
                    assert!(!filter.would_enable(target, &level), "{words}: {target} at {level}");
                }
            }
        }
    }

    #[test]
    fn what_the_operator_asks_for_is_logged() {
        for (words, target, most, beyond) in [
            ("info", "shared::core", Level::INFO, Level::DEBUG),
            ("warn,api_proxy=debug", "api_proxy::routes", Level::DEBUG, Level::TRACE),
            ("warn,api_proxy=debug", "shared", Level::WARN, Level::INFO),
            ("trace,api_proxy=error", "api_proxy", Level::ERROR, Level::WARN),
            ("info", "lambda_runtime::layers", Level::WARN, Level::INFO),
            ("lambda_runtime=info", "lambda_runtime::layers", Level::INFO, Level::DEBUG),
            ("error,aws_config=warn", "aws_config", Level::WARN, Level::INFO),
            ("shout=loud", "shared", Level::INFO, Level::DEBUG),
        ] {
            let filter = filter(words);
            assert!(filter.would_enable(target, &most), "{words}: {target} at {most}");
            assert!(!filter.would_enable(target, &beyond), "{words}: {target} at {beyond}");
        }
        assert!(!filter("api_proxy=debug").would_enable("shared", &Level::ERROR), "only this crate");
    }

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
