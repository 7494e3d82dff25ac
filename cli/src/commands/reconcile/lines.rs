//! `--rows 3,7-9`: lines of a reconciliation.

use std::str::FromStr;

/// No reconciliation has more lines.
const MAX_LINES: usize = 100_000;

/// Lines, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lines(pub(super) Vec<u32>);

impl FromStr for Lines {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |part: &str| format!("{part:?} is no line and no range of lines, like 3 or 7-9");
        let mut lines = Vec::new();
        for part in text.split(',').map(str::trim) {
            let line = |text: &str| text.trim().parse::<u32>().ok().filter(|line| *line > 0);
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (line(first), line(last)),
                None => (line(part), line(part)),
            };
            let (Some(first), Some(last)) = (first, last) else { return Err(wrong(part)) };
            if first > last {
                return Err(wrong(part));
            }
            if usize::try_from(last - first).unwrap_or(MAX_LINES) + lines.len() >= MAX_LINES {
                return Err(format!("these are more than {MAX_LINES} lines"));
            }
            lines.extend(first..=last);
        }
        lines.sort_unstable();
        lines.dedup();
        Ok(Self(lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbers_and_ranges() {
        assert_eq!("3, 7-9,8".parse(), Ok(Lines(vec![3, 7, 8, 9])));
        for wrong in ["", "0", "9-7", "3,", "3-", "a", "-1", "1-4294967295"] {
            assert!(wrong.parse::<Lines>().is_err(), "{wrong}");
        }
    }
}
