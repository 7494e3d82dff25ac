//! The kinds of secrets in Zoho's OAuth. Each has its own type, so that they cannot be confused. They print as redacted, and are
//! serialised only where a field of a stored record asks for it by name.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serializer};
use sha2::{Digest, Sha256};

use crate::base::secret::{Secret, expose, expose_option};

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
    ClientSecret,
    /// What shows at the exchange of a code that the one who asks also began the consent (PKCE).
    CodeVerifier
}

impl CodeVerifier {
    /// The one that belongs to a secret of the browser. It tells nothing about that secret, so Zoho may see it, and it need not
    /// be stored: the browser brings the secret back.
    pub fn of(browser: &Secret) -> Self {
        Self::new(Secret::new(format!("code_verifier/{}", browser.expose())).digest())
    }

    /// What the consent page is told of it, by the method `S256`.
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.expose()))
    }

    /// As [`Self::serialize_exposed`], for one that may be missing.
    ///
    /// # Errors
    /// Where the serializer fails.
    pub fn serialize_exposed_option<S: Serializer>(
        verifier: &Option<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        expose_option(&verifier.as_ref().map(|verifier| verifier.0.clone()), serializer)
    }
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

    /// The example of RFC 7636, appendix B.
    #[test]
    fn a_challenge_is_made_as_the_standard_says() {
        let verifier = CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_is_of_one_browser_and_tells_nothing_of_its_secret() {
        let (one, other) = (Secret::random(), Secret::random());
        let verifier = CodeVerifier::of(&one);
        assert_eq!(verifier.expose(), CodeVerifier::of(&one).expose());
        assert_ne!(verifier.expose(), CodeVerifier::of(&other).expose());
        assert_ne!(verifier.expose(), one.digest());
        assert!((43..=128).contains(&verifier.expose().len()), "as RFC 7636 has it");
    }
}
