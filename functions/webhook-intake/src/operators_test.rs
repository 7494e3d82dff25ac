//! Recognises tests that the operator sends with `zoho-connector webhooks send-test`. They go the same way as Zoho's webhooks, and no
//! agent is to work on them.

use serde_json::Value;
use shared::core::events::TEST_NOTE;

/// Whether a delivery of this type is such a test. Its note stands where a genuine delivery has something else: an address, or a field
/// that no record of this type has.
pub(crate) fn is_test(kind: &str, body: &str) -> bool {
    let note = match kind {
        "zoho.inventory.test.changed" => "/test/note",
        "zoho.crm.test.updated" => "/resource_uri",
        "custom.test" => "/note",
        _ => return false,
    };
    let body: Option<Value> = serde_json::from_str(body).ok();
    body.is_some_and(|body| body.pointer(note).and_then(Value::as_str) == Some(TEST_NOTE))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_that_quotes_the_note_is_no_test() {
        let test = |kind: &str, body: Value| is_test(kind, &body.to_string());
        assert!(test("zoho.inventory.test.changed", json!({ "test": { "note": TEST_NOTE } })));
        assert!(test("zoho.crm.test.updated", json!({ "resource_uri": TEST_NOTE })));
        assert!(test("custom.test", json!({ "note": TEST_NOTE })));
        assert!(!test("zoho.inventory.item.updated", json!({ "item": { "note": TEST_NOTE } })));
        assert!(!test("custom.order", json!({ "note": TEST_NOTE })));
        assert!(!test(
            "zoho.crm.test.updated",
            json!({ "resource_uri": "https://www.zohoapis.eu/crm/v8/Tests" })
        ));
        assert!(!is_test("custom.test", "{"));
    }
}
