//! An answer, and why there is none.

use bytes::Bytes;
use jiff::fmt::rfc2822;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::base::clock::Timestamp;

const CREDITS_HEADER: HeaderName = HeaderName::from_static("x-api-credits-remaining");

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No connection was made, so nothing was sent.
    #[error("no connection could be made")]
    Unreachable,
    /// The answer, or its end, did not arrive in time.
    #[error("no answer came in time")]
    Timeout,
    /// The connection broke, perhaps after the request was sent.
    #[error("the connection broke")]
    Broken,
    /// The answer exceeds the limit.
    #[error("the answer is too large")]
    TooLarge,
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` in seconds; Zoho documents none. If it is a date, it counts from the answer's `Date`.
    pub retry_after: Option<u64>,
    /// The rest of CRM's credits. Zoho sends it only once half of them are used.
    pub credits: Option<u64>,
    /// The answer's `Date`, by Zoho's clock.
    pub date: Option<Timestamp>,
    /// The `Content-Type`.
    pub content_type: Option<HeaderValue>,
    /// The `Content-Disposition`, which names a file.
    pub content_disposition: Option<HeaderValue>,
    /// The body, decompressed.
    pub body: Bytes,
}

impl Answer {
    /// What status and headers say.
    pub fn without_body(status: u16, headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let number = |name| text(name).and_then(|text| text.trim().parse().ok());
        let moment =
            |name| text(name).and_then(|text| rfc2822::parse(text).ok()).map(|date| date.timestamp());
        let date = moment(header::DATE);
        let kept = |name| headers.get(name).cloned();
        Self {
            status,
            retry_after: number(header::RETRY_AFTER)
                .or_else(|| seconds_until(moment(header::RETRY_AFTER)?, date?)),
            credits: number(CREDITS_HEADER),
            date,
            content_type: kept(header::CONTENT_TYPE),
            content_disposition: kept(header::CONTENT_DISPOSITION),
            body: Bytes::new(),
        }
    }
}

fn seconds_until(moment: Timestamp, now: Timestamp) -> Option<u64> {
    u64::try_from(moment.as_second().saturating_sub(now.as_second())).ok()
}
