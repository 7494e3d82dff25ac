//! Logs, set up once per process: JSON lines where a machine reads them, plain lines on a terminal.

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// One JSON object a line, for CloudWatch and journald.
    Json,
    /// For a person at a terminal.
    Plain,
}

/// Starts logging to standard error. A second call does nothing, so tests may call it freely.
pub fn start(form: LogForm, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _already_started = match form {
        LogForm::Json => {
            builder.json().flatten_event(true).with_target(false).with_span_list(false).try_init()
        }
        LogForm::Plain => builder.with_target(false).compact().try_init(),
    };
}
