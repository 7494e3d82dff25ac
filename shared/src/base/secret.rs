//! Secret strings. They print as `[redacted]`, and are serialised only where a field of a record for the secret store names
//! [`expose`].

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Any secret string. Wiped from memory on drop.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a string.
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// 256 random bits, in hexadecimal.
    pub fn random() -> Self {
        Self::new(random_hex::<32>())
    }

    /// The string itself: only for a header, a form or the secret store.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether a text is this secret. The time of the comparison reveals neither the place of a difference nor the length.
    pub fn equals(&self, text: &str) -> bool {
        digests_equal(&self.digest(), &sha256_hex(text.as_bytes()))
    }

    /// Its SHA-256, in hexadecimal, which may be stored or compared in its place.
    pub fn digest(&self) -> String {
        sha256_hex(self.expose().as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// For `#[serde(serialize_with = "expose")]`: marks each field through which a secret enters a stored record.
pub fn expose<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// As [`expose`], for a secret that may be missing.
pub fn expose_option<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => serializer.serialize_some(secret.expose()),
        None => serializer.serialize_none(),
    }
}

/// SHA-256, in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hexadecimal(Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal, as `hex` writes them, but not letter by letter.
fn hexadecimal(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let letter = |half: u8| if half < 10 { b'0' + half } else { b'a' + (half - 10) };
    let mut text = vec![0; bytes.len() * 2];
    for (letters, byte) in text.chunks_exact_mut(2).zip(bytes) {
        letters.copy_from_slice(&[letter(byte >> 4), letter(byte & 15)]);
    }
    String::from_utf8(text).unwrap_or_default()
}

/// Compares two digests of equal length, in a time that does not reveal where they differ.
pub fn digests_equal(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

/// Whether a text is one of these secrets. All are tried, so that the time does not reveal which one matches.
pub fn is_one_of(text: &str, secrets: &[Secret]) -> bool {
    secrets.iter().fold(false, |found, secret| found | secret.equals(text))
}

/// `N` random bytes, in hexadecimal.
///
/// # Panics
/// Where the operating system gives no random bytes: no secret may be made on such a machine.
#[expect(clippy::expect_used, reason = "a machine without randomness must not make keys")]
pub fn random_hex<const N: usize>() -> String {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    hexadecimal(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_redacted_and_compares_by_digest() {
        let secret = Secret::new("1000.abc.def");
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert!(digests_equal(&secret.digest(), &Secret::new("1000.abc.def").digest()));
        assert!(!digests_equal(&secret.digest(), &Secret::new("1000.abc.deg").digest()));
        assert!(secret.equals("1000.abc.def") && !secret.equals("1000.abc.deg") && !secret.equals(""));
        assert_ne!(Secret::random().expose(), Secret::random().expose());
    }

    #[test]
    fn one_of_several_fits_wherever_it_stands_and_however_often() {
        let secrets = |texts: &[&str]| -> Vec<Secret> { texts.iter().copied().map(Secret::new).collect() };
        let cases: [(&[&str], bool); 6] = [
            (&["a"], true),
            (&["b", "a"], true),
            (&["a", "b"], true),
            (&["a", "a"], true),
            (&["b"], false),
            (&[], false),
        ];
        for (known, fits) in cases {
            assert_eq!(is_one_of("a", &secrets(known)), fits, "{known:?}");
        }
        assert!(!digests_equal("", "00") && !digests_equal("00", "0000"));
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(random_hex::<4>().len(), 8);
        let all: Vec<u8> = (0..=u8::MAX).collect();
        assert_eq!(hexadecimal(&all), hex::encode(&all));
        assert_eq!(hexadecimal([0_u8; 0]), "");
    }
}
