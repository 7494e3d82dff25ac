//! Proof Key for Code Exchange (RFC 7636), as Zoho's pages for apps on phones and desktops describe it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::http::Call;

/// What a consent was begun with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// The verifier itself.
    Plain(String),
    /// Its SHA-256.
    S256(String),
}

impl Challenge {
    /// The one in an authorize request, if there is one.
    pub(crate) fn of(call: &Call) -> Result<Option<Self>, &'static str> {
        let Some(text) = call.filled("code_challenge") else { return Ok(None) };
        match call.filled("code_challenge_method").as_deref() {
            None | Some("plain") => Ok(Some(Self::Plain(text))),
            Some("S256") if text.len() == 43 => Ok(Some(Self::S256(text))),
            Some("S256") => Err("This is no SHA-256 in base64url."),
            Some(_) => Err("code_challenge_method must be S256 or plain."),
        }
    }

    /// Whether a verifier belongs to the challenge. One without a challenge is of another consent.
    pub(crate) fn is_met(challenge: Option<&Self>, verifier: Option<&str>) -> bool {
        match (challenge, verifier) {
            (None, verifier) => verifier.is_none(),
            (Some(_), None) => false,
            (Some(Self::Plain(wanted)), Some(verifier)) => wanted == verifier,
            (Some(Self::S256(wanted)), Some(verifier)) => {
                *wanted == URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
            }
        }
    }
}
