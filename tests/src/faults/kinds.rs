//! In which ways a call fails, and for how long.

use std::time::Duration;

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It is performed, and its answer comes after everybody has stopped waiting.
    Slow,
    /// No connection is made: no DNS, no route, nobody listens.
    NoConnection,
    /// The connection breaks before it is performed.
    ResetBefore,
    /// It is performed, and the connection breaks before the answer.
    ResetAfter,
    /// A status of 503, and it is not performed.
    Failing,
    /// A limit is reached, and it is not performed.
    Throttled,
    /// It is performed, and the answer is noise.
    Garbage,
    /// It is performed, and a page of HTML comes under 200.
    Html,
    /// It is performed, and the answer has no body.
    Empty,
    /// It is performed, and half of the answer is missing.
    Truncated,
    /// It arrives twice.
    Duplicate,
}

impl Fault {
    /// All of them, in the order of the columns.
    pub const ALL: [Self; 11] = [
        Self::Slow,
        Self::NoConnection,
        Self::ResetBefore,
        Self::ResetAfter,
        Self::Failing,
        Self::Throttled,
        Self::Garbage,
        Self::Html,
        Self::Empty,
        Self::Truncated,
        Self::Duplicate,
    ];

    /// The head of its column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::NoConnection => "no connection",
            Self::ResetBefore => "reset before",
            Self::ResetAfter => "reset after",
            Self::Failing => "5xx",
            Self::Throttled => "throttled",
            Self::Garbage => "garbage",
            Self::Html => "HTML",
            Self::Empty => "empty",
            Self::Truncated => "truncated",
            Self::Duplicate => "duplicate",
        }
    }
}

/// How long a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// It befalls one call.
    Once,
    /// It befalls every such call of half a minute.
    HalfAMinute,
    /// It befalls every such call until all processes are new.
    UntilRestart,
}

impl Span {
    /// All of them, in the order of a cell.
    pub const ALL: [Self; 3] = [Self::Once, Self::HalfAMinute, Self::UntilRestart];
}

/// What [`Span::HalfAMinute`] means.
pub const HALF_A_MINUTE: Duration = Duration::from_secs(30);
