//! Moments as CRM takes them.

use crate::zoho::value::{timestamp, with_whole_offset};

/// A moment with seconds and no part of one, and an offset with a colon: CRM refuses others, which callers have of our own
/// events.
pub fn moment(text: &str) -> Option<String> {
    let at = timestamp(text)?;
    let whole = with_whole_offset(text);
    let (_, after) = whole.as_deref().unwrap_or(text).split_once(['T', ' '])?;
    let offset = after.rfind(['+', '-']).and_then(|sign| after.get(sign..)).filter(|offset| offset.len() > 4);
    let (sign, hours, minutes) = match offset.and_then(|offset| offset.split_at_checked(1)) {
        Some((sign, digits)) => {
            let digits = digits.replace(':', "");
            let (hours, minutes) = digits.split_at_checked(2)?;
            (
                if sign == "-" { -1 } else { 1 },
                hours.parse::<i32>().ok()?,
                minutes.get(..2)?.parse::<i32>().ok()?,
            )
        }
        None => (1, 0, 0),
    };
    let offset = jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
    Some(at.display_with_offset(offset).to_string()).map(|text| without_fraction(&text))
}

fn without_fraction(text: &str) -> String {
    let Some((seconds, rest)) = text.split_once('.') else { return text.to_owned() };
    format!("{seconds}{}", rest.trim_start_matches(|one: char| one.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_keep_their_offset_and_lose_their_fraction() {
        for (given, taken) in [
            ("2026-07-08T18:30:00.000Z", Some("2026-07-08T18:30:00+00:00")),
            ("2026-07-08T18:30:00Z", Some("2026-07-08T18:30:00+00:00")),
            ("2026-07-08T18:30:00.123+02:00", Some("2026-07-08T18:30:00+02:00")),
            ("2026-07-08T18:30:00+0530", Some("2026-07-08T18:30:00+05:30")),
            ("2026-07-08T18:30:00-08:00", Some("2026-07-08T18:30:00-08:00")),
            ("2026-07-08T18:30:00-07:0", Some("2026-07-08T18:30:00-07:00")),
            ("2026-07-08T18:30:00+5:30", Some("2026-07-08T18:30:00+05:30")),
            ("2026-07-08T18:30:00-7:00", Some("2026-07-08T18:30:00-07:00")),
            ("2026-07-08", None),
            ("T", None),
            ("é+0530", None),
        ] {
            assert_eq!(moment(given).as_deref(), taken, "{given}");
        }
    }
}
