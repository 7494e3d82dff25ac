//! What every failure of the API must look like.

use crate::Told;

/// An answer that is no success is a problem document that agrees with its own status and says what to do; none is a fault of ours.
pub fn demand(told: &Told) {
    let status = told.status.as_u16();
    assert_ne!(status, 500, "a fault of ours: {}", told.text());
    if status < 400 {
        return;
    }
    // HEAD has no body.
    if told.body.is_empty() {
        return;
    }
    assert_eq!(told.header("content-type"), "application/problem+json", "{status}: {}", told.text());
    let problem = told.json().unwrap_or_else(|| panic!("{status}: no JSON: {}", told.text()));
    assert_eq!(problem["status"], status, "{problem}");
    let text = |field: &str| problem[field].as_str().unwrap_or_else(|| panic!("no {field}: {problem}"));
    let code = text("code");
    assert_eq!(text("type"), format!("urn:zoho-connector:problem:{code}"), "{problem}");
    for field in ["title", "detail", "hint", "request_id"] {
        assert!(!text(field).is_empty(), "{field}: {problem}");
    }
    assert!(problem["retryable"].is_boolean(), "{problem}");
}
