//! What Zoho's products answered, judged by the body first: an Inventory refusal can come under 200, a maintenance page
//! too, and one status means different things.

use serde_json::Value;

use crate::base::problem::{Code, Problem, ZohoSaid};
use crate::zoho::http::{Answer, HttpError};
use crate::zoho::value::Object;

/// An answer that is not what was asked for.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What it means.
    pub kind: FailureKind,
    /// Zoho's own words, where there are any.
    pub said: Option<ZohoSaid>,
    pub(super) retry_after: Option<u64>,
}

/// What an answer means for what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The access token is dead (or of another data centre, which Zoho never says).
    DeadToken,
    /// Inventory's 57: the token is dead, or lacks the scope. Zoho does not tell which.
    DeadTokenOrScope,
    /// The token lacks a scope. A new one would too.
    ScopeMissing,
    /// The Zoho user lacks the right.
    Forbidden,
    /// The organisation is not the user's.
    Organization,
    /// No such record.
    NotFound,
    /// The request itself was refused.
    Rejected,
    /// The record was changed since.
    Modified,
    /// Too many calls in a short time; of CRM, perhaps only at once.
    RateLimited,
    /// Too many calls of Inventory at once.
    TooManyAtOnce,
    /// The calls of the day are used up.
    DailyLimit,
    /// Not data: HTML, half a document, another shape.
    Unreadable,
    /// Zoho itself failed.
    Unavailable,
    /// No answer.
    Http(HttpError),
}

impl Failure {
    pub(super) fn of(kind: FailureKind) -> Self {
        Self { kind, said: None, retry_after: None }
    }

    /// Whether Zoho gave this code.
    pub fn has_code(&self, code: &str) -> bool {
        self.said.as_ref().is_some_and(|said| said.code == code)
    }

    /// What Zoho said in `Retry-After`.
    pub fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// How many seconds to wait after a limit was reached.
    pub fn seconds(&self) -> Option<u64> {
        match self.kind {
            FailureKind::RateLimited => Some(self.retry_after.unwrap_or(60).clamp(1, 600)),
            FailureKind::TooManyAtOnce => Some(self.retry_after.unwrap_or(2).clamp(1, 600)),
            FailureKind::DailyLimit => Some(self.retry_after.unwrap_or(3600).clamp(60, 86_400)),
            _ => None,
        }
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        Self::of(FailureKind::Http(error))
    }
}

/// Judges an answer of Inventory: an object with `code` 0 under a 2xx.
///
/// # Errors
/// Everything else.
pub fn inventory(answer: &Answer) -> Result<Object, Failure> {
    let object = object(answer)?;
    let code = match object.get("code") {
        Some(Value::Number(code)) => code.to_string(),
        Some(Value::String(code)) => code.clone(),
        // Some bulk answers have a code per record only.
        _ if answer.status < 300 => return Ok(object),
        _ => return Err(Failure::of(by_status(answer.status))),
    };
    if answer.status < 300 && code == "0" {
        return Ok(object);
    }
    let kind = match code.as_str() {
        "14" => FailureKind::DeadToken,
        "57" => FailureKind::DeadTokenOrScope,
        "44" => FailureKind::RateLimited,
        "1070" => FailureKind::TooManyAtOnce,
        "45" => FailureKind::DailyLimit,
        "1002" | "5" => FailureKind::NotFound,
        "6041" | "6024" | "4029" => FailureKind::Organization,
        "1000" => FailureKind::Unavailable,
        _ => by_status(answer.status),
    };
    Err(Failure { kind, said: said(code, &object), retry_after: answer.retry_after })
}

/// Judges an answer of CRM: an object under 200, or nothing under 204, which is an empty list.
///
/// # Errors
/// Everything else.
pub fn crm(answer: &Answer) -> Result<Option<Object>, Failure> {
    if matches!(answer.status, 204 | 304) {
        return Ok(None);
    }
    let object = object(answer)?;
    let Some(code) = object.get("code").and_then(Value::as_str).map(str::to_owned) else {
        return if answer.status < 300 {
            Ok(Some(object))
        } else {
            Err(Failure::of(by_status(answer.status)))
        };
    };
    let kind = match code.as_str() {
        "INVALID_TOKEN" | "AUTHENTICATION_FAILURE" => FailureKind::DeadToken,
        "OAUTH_SCOPE_MISMATCH" => FailureKind::ScopeMissing,
        "NO_PERMISSION" | "AUTHORIZATION_FAILED" => FailureKind::Forbidden,
        "TOO_MANY_REQUESTS" => FailureKind::RateLimited,
        "INTERNAL_ERROR" => FailureKind::Unavailable,
        "RECORD_MODIFIED" => FailureKind::Modified,
        _ if answer.status == 412 => FailureKind::Modified,
        _ => by_status(answer.status),
    };
    Err(Failure { kind, said: refused_field(code, &object), retry_after: answer.retry_after })
}

/// Judges CRM's answer to a read of one record: an id that it does not know is nothing, too.
///
/// # Errors
/// As [`crm`].
pub fn crm_record(answer: &Answer) -> Result<Option<Object>, Failure> {
    match crm(answer) {
        Err(failure) if failure.kind == FailureKind::Rejected && failure.has_code("INVALID_DATA") => Ok(None),
        judged => judged,
    }
}

/// Judges CRM's answer to a write of one record, and gives its id. A refusal of the record comes under many statuses, also
/// under those of success.
///
/// # Errors
/// Everything but a record that was written.
pub fn crm_written(answer: &Answer) -> Result<String, Failure> {
    let object = crm(answer)?.ok_or_else(|| Failure::of(FailureKind::Unreadable))?;
    let first = object.get("data").and_then(Value::as_array).and_then(|data| data.first()?.as_object());
    let Some(first) = first else { return Err(Failure::of(FailureKind::Unreadable)) };
    let code = first.get("code").and_then(Value::as_str).unwrap_or_default();
    let details = first.get("details").and_then(Value::as_object);
    if code == "SUCCESS" {
        let id = details.and_then(|details| crate::zoho::value::id(details, "id"));
        return id.ok_or_else(|| Failure::of(FailureKind::Unreadable));
    }
    let kind = match code {
        "RECORD_MODIFIED" => FailureKind::Modified,
        "NO_PERMISSION" | "AUTHORIZATION_FAILED" => FailureKind::Forbidden,
        "INTERNAL_ERROR" => FailureKind::Unavailable,
        _ => FailureKind::Rejected,
    };
    Err(Failure { kind, said: refused_field(code.to_owned(), first), retry_after: None })
}

/// Whether an upsert made the record, rather than changed one.
pub fn crm_inserted(answer: &Answer) -> bool {
    let object: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let action = object.as_ref().and_then(|object| object.pointer("/data/0/action"));
    action.and_then(Value::as_str) == Some("insert")
}

/// Zoho's words with the field that it means.
pub(super) fn refused_field(code: String, record: &Object) -> Option<ZohoSaid> {
    let mut said = said(code, record)?;
    let details = record.get("details").and_then(Value::as_object);
    if let Some(field) = details.and_then(|details| details.get("api_name")).and_then(Value::as_str) {
        said.message += &format!(" (field {field})");
    }
    Some(said)
}

pub(super) fn object(answer: &Answer) -> Result<Object, Failure> {
    match serde_json::from_slice(&answer.body) {
        Ok(Value::Object(object)) => Ok(object),
        _ if answer.status >= 500 => Err(Failure::of(FailureKind::Unavailable)),
        // A limit can be told by a proxy in front of Zoho, without Zoho's own body.
        _ if answer.status == 429 => {
            Err(Failure { retry_after: answer.retry_after, ..Failure::of(FailureKind::RateLimited) })
        }
        _ => Err(Failure::of(FailureKind::Unreadable)),
    }
}

fn said(code: String, object: &Object) -> Option<ZohoSaid> {
    let message = object.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(ZohoSaid { code, message })
}

/// For codes that the tables above do not know.
fn by_status(status: u16) -> FailureKind {
    match status {
        401 => FailureKind::DeadTokenOrScope,
        403 => FailureKind::Forbidden,
        404 => FailureKind::NotFound,
        429 => FailureKind::RateLimited,
        500.. => FailureKind::Unavailable,
        _ => FailureKind::Rejected,
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let (code, detail) = match failure.kind {
            // The proxy has tried a new token by the time this is shown.
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
        match failure.said {
            Some(said) => problem.zoho(said.code, said.message),
            None => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.to_owned().into(), ..Answer::default() }
    }

    #[test]
    fn inventory_is_judged_by_its_code() {
        for (status, body, expected) in [
            (401, r#"{"code":14,"message":"x"}"#, FailureKind::DeadToken),
            (401, r#"{"code":57,"message":"x"}"#, FailureKind::DeadTokenOrScope),
            (400, r#"{"code":6041,"message":"x"}"#, FailureKind::Organization),
            (400, r#"{"code":2,"message":"x"}"#, FailureKind::Rejected),
            (404, r#"{"code":1002,"message":"x"}"#, FailureKind::NotFound),
            (400, r#"{"code":1002,"message":"x"}"#, FailureKind::NotFound),
            (429, r#"{"code":44,"message":"x"}"#, FailureKind::RateLimited),
            (429, r#"{"code":1070,"message":"x"}"#, FailureKind::TooManyAtOnce),
            (200, r#"{"code":45,"message":"x"}"#, FailureKind::DailyLimit),
            (200, "<html>maintenance</html>", FailureKind::Unreadable),
            (200, "[]", FailureKind::Unreadable),
            (503, "<html>down</html>", FailureKind::Unavailable),
            (429, "<html>slow down</html>", FailureKind::RateLimited),
            (500, r#"{"code":1000,"message":"x"}"#, FailureKind::Unavailable),
        ] {
            assert_eq!(inventory(&answer(status, body)).unwrap_err().kind, expected, "{status} {body}");
        }
        assert!(inventory(&answer(201, r#"{"code":0,"item":{}}"#)).is_ok());
        assert!(inventory(&answer(200, r#"{"items":[{"code":0}]}"#)).is_ok());
    }

    #[test]
    fn crm_is_judged_by_its_word() {
        for (status, body, expected) in [
            (401, r#"{"code":"INVALID_TOKEN","message":"x"}"#, FailureKind::DeadToken),
            (401, r#"{"code":"OAUTH_SCOPE_MISMATCH"}"#, FailureKind::ScopeMissing),
            (403, r#"{"code":"OAUTH_SCOPE_MISMATCH"}"#, FailureKind::ScopeMissing),
            (403, r#"{"code":"NO_PERMISSION"}"#, FailureKind::Forbidden),
            (404, r#"{"code":"INVALID_URL_PATTERN"}"#, FailureKind::NotFound),
            (400, r#"{"code":"REQUIRED_PARAM_MISSING"}"#, FailureKind::Rejected),
            (429, r#"{"code":"TOO_MANY_REQUESTS"}"#, FailureKind::RateLimited),
            (500, r#"{"code":"INTERNAL_ERROR"}"#, FailureKind::Unavailable),
            (200, "<html>", FailureKind::Unreadable),
        ] {
            assert_eq!(crm(&answer(status, body)).unwrap_err().kind, expected, "{status} {body}");
        }
        assert!(crm(&answer(204, "")).unwrap().is_none());
        assert!(crm(&answer(200, r#"{"data":[]}"#)).unwrap().is_some());
    }
}
