//! The organisations and their locations.

use serde_json::{Value, json};

use super::data::{self, FIRST_ORGANIZATION};
use crate::http::Answer;

/// The ids of this many organisations.
pub(crate) fn ids(count: usize) -> impl Iterator<Item = u64> {
    (FIRST_ORGANIZATION..).take(count.max(1))
}

/// `GET /organizations`.
pub(crate) fn list(count: usize) -> Answer {
    let list: Vec<Value> = ids(count).map(data::organization).collect();
    // Zoho sends no `page_context` here.
    Answer::json(200, &json!({ "code": 0, "message": "success", "organizations": list }))
}

/// `GET /locations`.
pub(crate) fn locations(has_data: bool) -> Answer {
    let list = if has_data { data::locations() } else { json!([]) };
    Answer::json(200, &json!({ "code": 0, "message": "success", "locations": list }))
}
