//! The kinds of secrets in Zoho's OAuth. Each has its own type, so that they cannot be confused. They print as redacted, and are
//! serialised only where a field of a stored record asks for it by name.

use serde::{Deserialize, Serializer};

use crate::base::secret::{Secret, expose};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Secret);

        impl $name {
            /// Wraps a string.
            pub fn new(value: impl Into<String>) -> Self {
                Self(Secret::new(value))
            }

            /// The string itself: only for a header, a form or the secret store.
            pub fn expose(&self) -> &str {
                self.0.expose()
            }

            /// Its SHA-256, in hexadecimal, which may be stored or compared in its place.
            pub fn digest(&self) -> String {
                self.0.digest()
            }

            /// For `#[serde(serialize_with = "…")]`: marks each field through which it enters a stored record.
            ///
            /// # Errors
            /// Where the serializer fails.
            pub fn serialize_exposed<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                expose(&self.0, serializer)
            }
        }

        impl From<Secret> for $name {
            fn from(secret: Secret) -> Self {
                Self(secret)
            }
        }
    )*};
}

kinds! {
    /// The long-lived token of a grant.
    RefreshToken,
    /// The string of an access token, which authorises calls for an hour.
    AccessTokenSecret,
    /// The code of a consent: exchanged once, within a minute.
    AuthorizationCode,
    /// The secret with which a client authenticates.
    ClientSecret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_prints_redacted_and_reads_a_plain_string() {
        let token: RefreshToken = serde_json::from_str("\"1000.abc.def\"").unwrap();
        assert_eq!(format!("{token:?}"), "RefreshToken([redacted])");
        assert_eq!(token.expose(), "1000.abc.def");
        assert_eq!(token.digest(), Secret::new("1000.abc.def").digest());
    }
}
