//! How keys are told, read and found.

use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::access::key::{Keys as Store, ServiceKey};
use shared::core::services::Services;

/// The keys of an installation.
pub(super) fn store(services: &Services) -> Store {
    Store::new(services.stores.state.clone(), services.clock.clone())
}

/// A key as a person recognises it.
pub(crate) fn in_words(key: &ServiceKey) -> String {
    let permissions: Vec<_> = key.permissions.iter().map(ToString::to_string).collect();
    let connections: Vec<_> = key.connections.iter().map(ConnectionName::as_str).collect();
    format!("key {} ({}), {} on {}", key.id, key.label, permissions.join(","), connections.join(","))
}

/// A key for machines; its secret part is stored nowhere.
pub(super) fn described(key: &ServiceKey) -> Value {
    json!({
        "id": key.id,
        "label": key.label,
        "permissions": key.permissions,
        "connections": key.connections,
        "created": key.created,
        "expires": key.expires,
        "confirm": key.confirm,
        "redact_contacts": key.redact_contacts,
        "calls_per_day": key.limits.calls,
        "writes_per_day": key.limits.writes,
        "off_since": key.off_since,
    })
}

/// A moment as a table shows it.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// The id in what somebody took for it, which may be more of the key.
pub(super) fn id_in(text: &str) -> &str {
    let id = text.strip_prefix("zck_").unwrap_or(text);
    id.split('_').next().unwrap_or(id)
}
