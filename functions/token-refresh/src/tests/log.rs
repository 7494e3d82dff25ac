//! What is logged, as tests read it: each test runs on a thread of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// A line's fields by their names. Its text is `message`.
#[derive(Default)]
struct Line(BTreeMap<&'static str, String>);

impl Line {
    fn field(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

struct Log;

impl Subscriber for Log {
    fn enabled(&self, what: &Metadata<'_>) -> bool {
        what.is_event()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        LINES.with_borrow_mut(|lines| lines.push(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Keeps what is logged on this thread from now on. It is one log for all threads, because `tracing` remembers of each place in the
/// code whether anybody wants its lines, and asks the thread that comes there first.
pub(super) fn begin() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| tracing::subscriber::set_global_default(Log).unwrap());
    LINES.with_borrow_mut(Vec::clear);
}

/// The values of these fields in each line with this text.
pub(super) fn lines(text: &str, fields: &[&str]) -> Vec<String> {
    let values = |line: &Line| fields.iter().map(|name| line.field(name)).collect::<Vec<_>>().join(" ");
    LINES.with_borrow(|lines| lines.iter().filter(|line| line.field("message") == text).map(values).collect())
}
