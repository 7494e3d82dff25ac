//! Events that no webhook told of.

use serde_json::Value;
use shared::core::events::Event;
use shared::core::events::ledger::FOUND;

/// Whether the connector found the change in a list of Zoho's.
pub(super) fn is_found(event: &Event) -> bool {
    event.data.get(FOUND.0).and_then(Value::as_str) == Some(FOUND.1)
}
