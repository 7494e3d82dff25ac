//! Names and ids. Zoho's ids have up to 19 digits, so they are strings everywhere: a float would change them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::secret::random_hex;

/// The name of a connection: 1 to 32 of `a-z`, `0-9` and `-`, beginning with a letter or digit. It is part of
/// paths, secret names and table keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectionName(String);

impl ConnectionName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ConnectionName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot name a connection.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("a connection's name is 1 to 32 of a-z, 0-9 and -, beginning with a letter or digit")]
pub struct InvalidName;

impl FromStr for ConnectionName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let fits = (1..=32).contains(&text.len())
            && text.bytes().next().is_some_and(plain)
            && text.bytes().all(|b| plain(b) || b == b'-');
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
    }
}

impl TryFrom<String> for ConnectionName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<ConnectionName> for String {
    fn from(name: ConnectionName) -> Self {
        name.0
    }
}

/// Whether a text can be the id of a record at Zoho: 1 to 19 decimal digits. Such a text cannot change the meaning of a path that
/// it is inserted into.
pub fn is_zoho_id(text: &str) -> bool {
    (1..=19).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// A new id that sorts by time: milliseconds in 11 hexadecimal digits, then 80 random bits in 20.
pub fn time_ordered(at: Timestamp) -> String {
    format!("{}{}", time_prefix(at), random_hex::<10>())
}

/// Whether a text can be an id of [`time_ordered`].
pub fn is_time_ordered(text: &str) -> bool {
    text.len() == 31 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The moment of an id of [`time_ordered`].
pub fn moment_of(id: &str) -> Option<Timestamp> {
    let milliseconds = i64::from_str_radix(id.get(..11)?, 16).ok()?;
    Timestamp::from_millisecond(milliseconds).ok()
}

/// The time part of [`time_ordered`]: no id of a later moment sorts before it.
pub fn time_prefix(at: Timestamp) -> String {
    format!("{:011x}", at.as_millisecond().max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::{SignedDuration, later};

    #[test]
    fn names_that_could_bend_a_path_or_key_are_refused() {
        for good in ["default", "eu-2", "7"] {
            assert_eq!(good.parse::<ConnectionName>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "A", "a/b", "a#b", "ä", "a b", "..", &"x".repeat(33)] {
            assert!(bad.parse::<ConnectionName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_digits_are_ids() {
        assert!(is_zoho_id("3300000000070001"));
        for bad in ["", "12a", "../1", "1%2F", "١٢", "12345678901234567890"] {
            assert!(!is_zoho_id(bad), "{bad}");
        }
    }

    #[test]
    fn time_ordered_ids_sort_by_time() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let next = later(now, SignedDuration::from_millis(1));
        assert!(time_ordered(now) < time_ordered(next));
        assert!(time_prefix(next) < time_ordered(next));
        assert!(time_ordered(now) < time_prefix(next));
        assert_eq!(moment_of(&time_ordered(now)), Some(now));
    }
}
