//! What passes for a key that sees no data of contacts. What is found, and in which order, would tell what is hidden in the answer:
//! so a call may choose by ids, states and dates only, and writes no such data.

use serde_json::Value;
use shared::base::problem::Problem;
use shared::zoho::scope::Product;

use super::body;
use super::call::Passed;
use super::denylist::stem;
use crate::request::redact::refusals::{of_field, refuse_document, refuse_pair};
use crate::request::redact::{hidden, is_personal};

/// Parameters that choose nothing by what people wrote, beside ids.
const PARAMETERS: &[&str] = &[
    "page",
    "per_page",
    "page_token",
    "fields",
    "id",
    "ids",
    "sku",
    "status",
    "date",
    "date_start",
    "date_end",
    "date_before",
    "date_after",
    "last_modified_time",
    "module",
    "type",
    "sort_order",
    "contact_type",
    "include_child",
    "include_inner_details",
    "approved",
    "converted",
    "trigger",
    "ignore_auto_number_generation",
];

/// By what a list of CRM, and of Inventory, may be ordered. By what it does not know, Inventory orders by name.
const CRM_ORDERS: &[&str] = &["id", "created_time", "modified_time"];
const INVENTORY_ORDERS: &[&str] = &["created_time", "last_modified_time"];

/// What a filter of Zoho's own begins with. Those that people make choose by anything.
const FILTERS: &[&str] = &["status.", "itemtype."];

/// Parts of paths where Zoho searches or counts by anything.
const SEARCHES: &[&str] = &["search", "coql", "globalsearch", "reports", "dashboards", "autocomplete"];

/// Lists that Inventory orders by name unless something else is said.
const BY_NAME: &[&str] = &["contacts", "customers", "vendors", "items", "itemgroups", "compositeitems"];

/// Refuses a call by which such a key would learn or write what it does not see.
pub(super) fn judge(call: &mut Passed) -> Result<(), Problem> {
    for segment in call.path.segments() {
        if SEARCHES.contains(&stem(segment).as_str()) {
            return Err(hidden(
                "searches, queries and reports are not passed through; `POST /v1/crm/query` takes queries.",
            ));
        }
        if is_personal(segment) {
            return Err(of_field(segment));
        }
    }
    // Whether a record answers would tell whose such a value is.
    if let Some(field) = call.external.as_deref().filter(|fields| is_personal(fields)) {
        return Err(of_field(field));
    }
    for (name, value) in &call.query {
        refuse_pair(name, value)?;
        chooses_openly(name, value)?;
    }
    demand_open_body(call)?;
    let mut segments = call.path.segments();
    let is_list = call.product == Product::Inventory
        && segments.next().is_some_and(|first| BY_NAME.contains(&first))
        && segments.next().is_none();
    if call.verb.is_read() && is_list && !call.query.iter().any(|(name, _)| name == "sort_column") {
        let by = [("sort_column", "created_time"), ("sort_order", "A")];
        call.query.retain(|(name, _)| name != "sort_order");
        call.query.extend(by.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    Ok(())
}

fn chooses_openly(name: &str, value: &str) -> Result<(), Problem> {
    let small = value.to_ascii_lowercase();
    let open = match name {
        "sort_by" => CRM_ORDERS.contains(&small.as_str()),
        "sort_column" => INVENTORY_ORDERS.contains(&small.as_str()),
        "filter_by" => FILTERS.iter().any(|begin| small.starts_with(begin)),
        name => {
            PARAMETERS.contains(&name)
                || ["_id", "_ids"].iter().any(|end| name.ends_with(end))
                    && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b',')
        }
    };
    if open {
        return Ok(());
    }
    Err(hidden(format!(
        "`{name}={value}` may choose or order by what it does not see. It may choose by ids, `status`, `filter_by=Status.…` and dates, and order by time."
    )))
}

/// A body that writes such a field, or asks for records by it.
fn demand_open_body(call: &Passed) -> Result<(), Problem> {
    let Some(body) = &call.body else { return Ok(()) };
    if let Ok(document) = serde_json::from_slice::<Value>(&body.bytes) {
        refuse_document(&document)?;
        return names_none(&document);
    }
    body::fields(body).iter().try_for_each(|(name, value)| refuse_pair(name, value))
}

/// Refuses a document that names such a field in a value: `duplicate_check_fields`, criteria.
fn names_none(value: &Value) -> Result<(), Problem> {
    let is_name =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    match value {
        Value::String(text) if is_name(text) && is_personal(text) => Err(of_field(text)),
        Value::Array(list) => list.iter().try_for_each(names_none),
        Value::Object(object) => object.values().try_for_each(names_none),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use axum::http::header::CONTENT_TYPE;
    use axum::http::{HeaderMap, HeaderValue};

    use super::super::call::Aim;
    use super::*;

    fn judged(call: &str, body: &'static str) -> Result<Passed, Problem> {
        let (verb, rest) = call.split_once(' ').unwrap();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (product, path) = path.split_once('/').unwrap();
        let mut headers = HeaderMap::new();
        if !body.is_empty() {
            let kind =
                if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let aim = Aim::judge(verb.parse().unwrap(), product, path)?;
        let mut call = Passed::judge(aim, query, &headers, Bytes::from_static(body.as_bytes()))?;
        judge(&mut call).map(|()| call)
    }

    #[test]
    fn what_would_tell_by_being_found_is_refused() {
        for call in [
            "GET inventory/contacts?phone_contains=0431",
            "GET inventory/contacts?search_text=0431",
            "GET inventory/contacts?contact_name_contains=le",
            "GET inventory/contacts?sort_column=email",
            "GET inventory/contacts?sort_column=contact_name",
            "GET inventory/contacts?filter_by=CustomView.33",
            "GET inventory/contacts?customview_id=x",
            "GET inventory/contacts/33/email",
            "GET inventory/reports/salesbycustomer",
            "GET crm/Contacts/search?word=0431",
            "GET crm/Contacts/search",
            "GET crm/Contacts/actions/count?criteria=x",
            "GET crm/Contacts?sort_by=Email",
            "GET crm/Contacts?cvid=33",
            "GET crm/Contacts/33/Emails",
        ] {
            assert!(judged(call, "").is_err(), "{call}");
        }
        for (call, body) in [
            ("POST crm/coql", r#"{"select_query":"select id from Contacts"}"#),
            ("POST crm/Contacts", r#"{"data":[{"Last_Name":"Lea","Phone":"1"}]}"#),
            (
                "POST crm/Contacts/upsert",
                r#"{"data":[{"Last_Name":"Lea"}],"duplicate_check_fields":["Email"]}"#,
            ),
            (
                "POST crm/Contacts/actions/x",
                r#"{"criteria":{"field":{"api_name":"Phone"},"comparator":"contains","value":"1"}}"#,
            ),
            ("POST inventory/contacts", r#"{"contact_name":"x","billing_address":{"city":"Kiel"}}"#),
            ("POST inventory/contacts", "JSONString=%7B%22phone%22%3A%221%22%7D"),
            ("POST inventory/contacts", "phone=1"),
            ("POST inventory/contacts", r#"{"contact_name":"lea@example.com"}"#),
        ] {
            assert!(judged(call, body).is_err(), "{call} {body}");
        }
    }

    #[test]
    fn what_tells_nothing_passes() {
        for call in [
            "GET inventory/contacts?page=2&per_page=10&status=active&last_modified_time=2026-11-21T10:00:00-0000",
            "GET inventory/salesorders?customer_id=33&filter_by=Status.Draft&sort_column=created_time&sort_order=D",
            "GET crm/Contacts?fields=Phone,Email&ids=1,2&sort_by=Modified_Time",
            "GET crm/settings/fields?module=Contacts",
        ] {
            judged(call, "").unwrap();
        }
        judged("POST crm/Leads", r#"{"data":[{"Last_Name":"Lea","Company":"Harbor"}]}"#).unwrap();
        let listed = judged("GET inventory/contacts", "").unwrap();
        let sort = ("sort_column".to_owned(), "created_time".to_owned());
        assert!(listed.query.contains(&sort), "Inventory would order by name: {:?}", listed.query);
    }
}
