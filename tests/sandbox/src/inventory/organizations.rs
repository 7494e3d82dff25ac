//! The organisations and their locations.

use serde_json::{Value, json};

use super::data::{self, FIRST_ORGANIZATION};
use crate::api::Options;
use crate::http::Answer;
use crate::object::Object;
use crate::state::State;

/// The ids of this many organisations.
pub(crate) fn ids(count: usize) -> impl Iterator<Item = u64> {
    (FIRST_ORGANIZATION..).take(count.max(1))
}

/// `GET /organizations`.
pub(crate) fn list(options: &Options) -> Answer {
    let named = |id| {
        let mut organization = data::organization(id);
        if let (FIRST_ORGANIZATION, Some(fields)) = (id, organization.as_object_mut()) {
            fields.insert("name".to_owned(), options.organization.as_str().into());
        }
        organization
    };
    let list: Vec<Value> = ids(options.organizations).map(named).collect();
    // Zoho sends no `page_context` here.
    Answer::json(200, &json!({ "code": 0, "message": "success", "organizations": list }))
}

/// `GET /locations`.
pub(crate) fn locations(state: &State, has_data: bool) -> Answer {
    let list: &[Object] = if has_data { &state.shop.locations } else { &[] };
    Answer::json(200, &json!({ "code": 0, "message": "success", "locations": list }))
}
