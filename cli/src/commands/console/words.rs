//! Numbers and times as people read them.

use shared::base::clock::{SignedDuration, Timestamp};

/// With a comma between thousands.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many of something: `1 call`, `2 calls`.
pub(super) fn count(many: u64, one: &str, more: &str) -> String {
    format!("{} {}", number(many), if many == 1 { one } else { more })
}

/// A length of time, with its two largest units.
pub(super) fn span(length: SignedDuration) -> String {
    match length.as_secs().max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        seconds => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// How long a call took; what is counted knows whole milliseconds only.
pub(super) fn milliseconds(length: u64) -> String {
    if length == 0 { "under 1 ms".to_owned() } else { format!("{} ms", number(length)) }
}

/// How long ago it was.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(now.duration_since(at)))
}

/// How long it is until then.
pub(super) fn until(at: Timestamp, now: Timestamp) -> String {
    span(at.duration_since(now))
}

/// `2026-11-30`
pub(super) fn day(at: Timestamp) -> String {
    at.to_string().get(..10).unwrap_or_default().to_owned()
}

/// `01:21`
pub(super) fn time_of_day(at: Timestamp) -> String {
    at.to_string().get(11..16).unwrap_or_default().to_owned()
}

/// A number of bytes.
#[cfg(feature = "stack")]
pub(super) fn bytes(bytes: f64) -> String {
    if bytes < 1e6 {
        format!("{:.1} kB", bytes / 1e3)
    } else if bytes < 1e9 {
        format!("{:.1} MB", bytes / 1e6)
    } else {
        format!("{:.1} GB", bytes / 1e9)
    }
}

/// The beginning of a long text.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_as_people_say_them() {
        for (given, shown) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(given), shown);
        }
        assert_eq!(
            (count(1, "call", "calls"), count(2, "call", "calls")),
            ("1 call".into(), "2 calls".into())
        );
        for (seconds, shown) in
            [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3700, "1 h 1 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(span(SignedDuration::from_secs(seconds)), shown);
        }
        assert_eq!((milliseconds(0), milliseconds(1200)), ("under 1 ms".into(), "1,200 ms".into()));
        let at = "2026-11-30T01:21:26.5Z".parse().unwrap();
        assert_eq!((day(at), time_of_day(at)), ("2026-11-30".to_owned(), "01:21".to_owned()));
        assert_eq!((cut("äöü", 3), cut("äöü", 2)), ("äöü".to_owned(), "äö…".to_owned()));
    }
}
