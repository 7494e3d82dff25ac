//! The hand-written item groups. All of them are invented.

use serde_json::json;

use crate::object::{Object, object};

/// The groups at the start.
pub(crate) fn all() -> Vec<Object> {
    vec![group("3300000000072001", "Oak shelf", "pcs", "", "2026-10-02T09:12:40+0200")]
}

/// A group.
pub(crate) fn group(id: &str, name: &str, unit: &str, description: &str, now: &str) -> Object {
    object(json!({
        "group_id": id,
        "group_name": name,
        "product_type": "goods",
        "brand": "",
        "manufacturer": "",
        "unit": unit,
        "description": description,
        "is_taxable": true,
        "tax_id": "",
        "tax_name": "",
        "tax_percentage": 0,
        "tax_type": "tax",
        "attribute_id1": "3300000000072010",
        "attribute_name1": "Width",
        "status": "active",
        "source": "user",
        "image_id": "",
        "image_name": "",
        "image_type": "",
        "created_time": now,
        "last_modified_time": now,
    }))
}
