//! Failed calls to Zoho: their meaning, Zoho's own message, and the problem that a caller gets.

use std::fmt;

use crate::base::problem::{Code, Problem, ZohoSaid};
use crate::zoho::http::HttpError;

/// A failed call to Zoho.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Its meaning.
    pub kind: FailureKind,
    /// Zoho's own code and message, if there are any.
    pub said: Option<Box<ZohoSaid>>,
    /// What to do next, where the hint of the kind would be wrong.
    pub hint: Option<&'static str>,
    /// The seconds of Zoho's `Retry-After`.
    pub retry_after: Option<u64>,
}

/// The meaning of a failure for the next steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The access token is dead, or belongs to another data centre: Zoho does not distinguish them.
    DeadToken,
    /// The token is dead, or lacks the scope, or its user lacks the right: Inventory's code 57, and a 401 without a code.
    DeadTokenOrScope,
    /// The token lacks a scope. A new token would lack it, too.
    ScopeMissing,
    /// The Zoho user lacks the right.
    Forbidden,
    /// The organisation is not the user's.
    Organization,
    /// No such record.
    NotFound,
    /// The request itself was refused.
    Rejected,
    /// The record was changed after the time that the caller named.
    Modified,
    /// The record is locked for now.
    Locked,
    /// Too many calls in a short time. CRM uses the same code for too many concurrent calls.
    RateLimited,
    /// Too many concurrent calls of Inventory.
    TooManyAtOnce,
    /// The calls of the day are used up.
    DailyLimit,
    /// The answer is not the expected data: HTML, a cut document, another shape.
    Unreadable,
    /// Zoho itself failed.
    Unavailable,
    /// No answer.
    Http(HttpError),
}

/// In words, as the operator reads it in a log.
impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::DeadToken => "the access token is not accepted",
            Self::DeadTokenOrScope => "the access token is not accepted, or lacks a scope or a right",
            Self::ScopeMissing => "the access token lacks a scope",
            Self::Forbidden => "the Zoho user lacks the right",
            Self::Organization => "the organisation is not the Zoho user's",
            Self::NotFound => "there is no such record",
            Self::Rejected => "the request was refused",
            Self::Modified => "the record was changed meanwhile",
            Self::Locked => "the record is locked for now",
            Self::RateLimited => "there were too many calls in a short time",
            Self::TooManyAtOnce => "there were too many calls at a time",
            Self::DailyLimit => "the calls of the day are used up",
            Self::Unreadable => "the answer cannot be read",
            Self::Unavailable => "Zoho itself failed",
            Self::Http(error) => return write!(f, "{error}"),
        };
        f.write_str(words)
    }
}

impl Failure {
    /// A failure without a code of Zoho.
    pub fn of(kind: FailureKind) -> Self {
        Self { kind, said: None, hint: None, retry_after: None }
    }

    /// Whether Zoho gave this code.
    pub fn has_code(&self, code: &str) -> bool {
        self.said.as_ref().is_some_and(|said| said.code == code)
    }

    /// Whether a write that fails so may have been done nevertheless. Only Zoho's own code says that it was not.
    pub fn is_uncertain(&self) -> bool {
        match self.kind {
            FailureKind::Http(error) => error != HttpError::Unreachable,
            FailureKind::Unreadable | FailureKind::Unavailable => true,
            _ => self.said.is_none(),
        }
    }

    /// The seconds to wait, where waiting helps and the time is known.
    pub fn seconds(&self) -> Option<u64> {
        let asked =
            |least: u64, usual: u64, most: u64| Some(self.retry_after.unwrap_or(usual).clamp(least, most));
        match self.kind {
            FailureKind::RateLimited => asked(1, 60, 600),
            FailureKind::TooManyAtOnce => asked(1, 2, 600),
            FailureKind::DailyLimit => asked(60, 3600, 86_400),
            FailureKind::Locked => asked(1, 120, 600),
            FailureKind::Unavailable | FailureKind::Unreadable => {
                self.retry_after.map(|seconds| seconds.clamp(1, 600))
            }
            _ => None,
        }
    }

    /// Adds Zoho's code and message to a problem, and the hint that fits them.
    pub fn told(self, mut problem: Problem) -> Problem {
        if let Some(hint) = self.hint {
            problem = problem.hint(hint);
        }
        match self.said {
            Some(said) => problem.zoho(*said),
            None => problem,
        }
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        Self::of(FailureKind::Http(error))
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let (code, detail) = match failure.kind {
            // The proxy has already tried a new token by now.
            FailureKind::DeadToken => {
                (Code::ZohoUnavailable, "Zoho refuses an access token that it has only just given.")
            }
            FailureKind::DeadTokenOrScope | FailureKind::ScopeMissing => {
                (Code::ScopeMissing, "The token of this connection may not do this.")
            }
            FailureKind::Forbidden => (Code::ZohoForbidden, "Zoho denies this to the user who connected."),
            FailureKind::Organization => (
                Code::OrganizationRefused,
                "Zoho does not accept this connection's organisation for its user.",
            ),
            FailureKind::NotFound => (Code::RecordNotFound, "Zoho has no such record in this organisation."),
            FailureKind::Modified => {
                (Code::RecordModified, "Somebody changed the record since the moment that you named.")
            }
            FailureKind::Rejected => (Code::ZohoRejected, "Zoho did not accept the request."),
            FailureKind::Locked => (Code::RecordLocked, "Zoho has locked the record for now."),
            FailureKind::RateLimited => {
                (Code::ZohoRateLimited, "The organisation made too many calls to Zoho.")
            }
            FailureKind::TooManyAtOnce => {
                (Code::ZohoRateLimited, "The organisation made too many calls to Zoho at once.")
            }
            FailureKind::DailyLimit => {
                (Code::ZohoDailyLimit, "The organisation has used up today's calls to Zoho.")
            }
            FailureKind::Unreadable => (Code::ZohoUnreadable, "Zoho sent something that is not data."),
            FailureKind::Unavailable => (Code::ZohoUnavailable, "Zoho answered with a fault of its own."),
            FailureKind::Http(HttpError::Unreachable | HttpError::Broken) => {
                (Code::ZohoUnavailable, "The connection to Zoho failed.")
            }
            FailureKind::Http(HttpError::Timeout) => (Code::ZohoTimeout, "Zoho was silent for too long."),
            FailureKind::Http(HttpError::TooLarge) => {
                (Code::ResponseTooLarge, "Zoho's answer is larger than the connector reads.")
            }
        };
        let mut problem = Self::new(code, detail);
        if let Some(seconds) = failure.seconds() {
            problem = problem.retry_after(seconds);
        }
        failure.told(problem)
    }
}
