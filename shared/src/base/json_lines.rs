//! Lines of the log as JSON: an object of the time, the level and the fields of an event. `tracing-subscriber`'s own form goes through
//! `serde` piece by piece, and each piece is checked and copied on its own.

use std::fmt;
use std::io::Write;

use hot::text::push_text;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Most lines are no longer, in bytes: so much is reserved at once.
const USUAL_LENGTH: usize = 512;

/// Writes an event as a line.
pub(crate) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::with_capacity(32);
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = Line(Vec::with_capacity(USUAL_LENGTH));
        line.0.extend_from_slice(b"{\"timestamp\":");
        push_text(&mut line.0, &time);
        line.text("level", event.metadata().level().as_str());
        event.record(&mut line);
        line.0.extend_from_slice(b"}\n");
        writer.write_str(std::str::from_utf8(&line.0).map_err(|_| fmt::Error)?)
    }
}

/// A line in the making.
struct Line(Vec<u8>);

impl Line {
    fn name(&mut self, name: &str) {
        self.0.push(b',');
        push_text(&mut self.0, name);
        self.0.push(b':');
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        push_text(&mut self.0, value);
    }

    /// A value that is JSON as it is written.
    fn bare(&mut self, name: &str, value: fmt::Arguments<'_>) {
        self.name(name);
        // Memory takes all that is written.
        let _ = self.0.write_fmt(value);
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.bare(field.name(), format_args!("{value:?}"));
        } else {
            self.bare(field.name(), format_args!("null"));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field.name(), format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field.name(), format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field.name(), format_args!("{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::base::clock::Timestamp;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_an_object_of_the_time_the_level_and_the_fields() {
        let sink = Sink::default();
        let writer = sink.clone();
        let lines = tracing_subscriber::fmt::layer().with_ansi(true).with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(lines.event_format(JsonLines));
        tracing::subscriber::with_default(subscriber, || {
            let (absent, there) = (None::<&str>, Some("a \"b\"\n\u{e9}"));
            let (shown, count, below) = (1.5, 7_u64, -7_i64);
            tracing::info!(
                %shown, absent, there, count, below, share = 0.5, endless = f64::INFINITY, is_new = true,
                found = ?Some("x"), "it has {}", "words\u{1}"
            );
            tracing::error!("another");
        });
        let written = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = written.lines().collect();
        let [first, second] = lines[..] else { panic!("{written}") };
        let (time, rest) = first.split_once(',').unwrap();
        assert_eq!(
            rest,
            concat!(
                r#""level":"INFO","message":"it has words\u0001","shown":"1.5","there":"a \"b\"\né","count":7,"#,
                r#""below":-7,"share":0.5,"endless":null,"is_new":true,"found":"Some(\"x\")"}"#
            )
        );
        let time = time.strip_prefix("{\"timestamp\":\"").unwrap().strip_suffix('"').unwrap();
        assert!(time.parse::<Timestamp>().is_ok(), "{time}");
        assert!(second.ends_with(r#","level":"ERROR","message":"another"}"#), "{second}");
    }
}
