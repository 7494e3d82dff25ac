//! The refusals of the token endpoint: in the body, nearly always under HTTP 200.

use serde_json::json;

use crate::http::Answer;
use crate::switches::Switches;

/// A refusal of the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Code or refresh token unknown, used, expired, revoked, or of another client or data centre.
    InvalidCode,
    /// The client is unknown at this data centre.
    InvalidClient,
    /// The client is known, but the secret is wrong.
    InvalidClientSecret,
    /// Not the redirect URI of the consent.
    InvalidRedirectUri,
    /// Too many codes.
    AccessDenied,
    /// An unknown grant type.
    UnsupportedGrantType,
    /// Too many mints.
    Throttled,
}

impl Refusal {
    /// The answer.
    pub(crate) fn answer(self, switches: &Switches) -> Answer {
        let error = match self {
            Self::InvalidCode => "invalid_code",
            Self::InvalidClient => "invalid_client",
            Self::InvalidClientSecret => "invalid_client_secret",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::Throttled => return throttled(switches),
        };
        Answer::json(200, &json!({ "error": error }))
    }
}

fn throttled(switches: &Switches) -> Answer {
    let (description, error) = if switches.throttle_localised() {
        ("您的请求过于频繁，请稍后重试。", "拒绝访问")
    } else {
        ("You have made too many requests continuously. Please try again after some time.", "Access Denied")
    };
    let status = if switches.throttle_status_200() { 200 } else { 400 };
    Answer::json(status, &json!({ "error_description": description, "error": error, "status": "failure" }))
}
