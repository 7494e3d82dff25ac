//! `GET /v1/audit`: what was written to Zoho with a connection of this key, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::id::{is_time_ordered, time_prefix};
use shared::base::problem::{Code, Problem};
use shared::core::access::permission::Permission;
use shared::core::writes::audit::Entry;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::Object;

use crate::app::App;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{described, list_of, named, our_id, text, time, untrusted, words};
use crate::request::caller::Caller;
use crate::request::connection;
use crate::request::params::{List, Params, invalid, invalid_cursor, moment, next, per_page};
use crate::request::redact;

const PATH: &str = "/v1/audit";

/// What tells a new record to people, in the order of preference.
const NAMES: &[&str] = &["Deal_Name", "Note_Title", "salesorder_number", "transfer_order_number", "reason"];

/// A change of more fields, or of longer texts, is no short one. Texts are not cut: half an address would not be known as one,
/// and hidden from no key.
const MAX_CHANGED: usize = 8;
const MAX_TEXT: usize = 80;

/// How many pages of the store are looked through for the first entry that fits.
const MAX_PAGES: u32 = 5;

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, PATH, list, || {
        Operation::own(&["inventory:read", "crm:read"], "listAudit", "What was written to Zoho, newest first")
            .about(
                "Writes of all keys with this connection, for 13 months where the operator set nothing else, in those products that this key may read. Rows are short: \
                 `details=true` gives all of each.",
            )
            .query("since", "Only what was sent at this moment or later.", time(), "2026-11-18T00:00:00Z")
            .query("key", "`mine`: only what this key wrote.", words(&["mine"]), "mine")
            .query(
                "details",
                "Whether each entry has the whole record before and after, and the ids of key and connection.",
                json!({ "type": "boolean" }),
                Value::Null,
            )
            .pages()
            .answers(200, "Entries.", list_of(named("AuditEntry", documented())))
    });
}

fn documented() -> Value {
    let or_null = |about: &str| json!({ "type": ["object", "null"], "description": about });
    let changed = json!({ "type": "object", "properties": { "before": {}, "after": {} } });
    json!({
        "type": "object",
        "required": ["id", "at", "key_label", "action", "subject", "outcome"],
        "properties": {
            "id": our_id(),
            "at": described(time(), "When it was sent."),
            "key": described(text(), "The id of the key; with `details=true`."),
            "key_label": { "type": "string" },
            "connection": described(text(), "With `details=true`."),
            "action": described(text(), "Like `POST /v1/inventory/salesorders`."),
            "subject": { "type": ["string", "null"], "description": "Like `salesorder/3300000000080407`, where it is known." },
            "outcome": described(
                words(&["sent", "done", "refused", "uncertain"]),
                "`uncertain`: Zoho was silent. `sent` that stays: the connector stopped on the way.",
            ),
            "change": {
                "type": "object",
                "additionalProperties": changed,
                "description": "Each field that was changed, with its value before and after; of a new record, what it is called. It is left \
                     out where that is not short. Of a write that was not done, it is what was asked for.",
            },
            "before": or_null("The values before, where there were any; with `details=true`."),
            "after": or_null("The record as it is after, or what was asked for; with `details=true`."),
            "untrusted": untrusted(),
        },
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParams {
    /// Only what was sent since then.
    since: Option<String>,
    /// `mine`: only what the calling key wrote.
    key: Option<String>,
    /// Whether each entry is given whole.
    #[serde(default)]
    details: bool,
    per_page: Option<u32>,
    /// The id of the last entry that was seen.
    cursor: Option<String>,
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Value>>, Problem> {
    let rows = per_page(params.per_page)?;
    if params.cursor.as_deref().is_some_and(|cursor| !is_time_ordered(cursor)) {
        return Err(invalid_cursor());
    }
    let since = params.since.as_deref().map(|since| moment("since", since)).transpose()?;
    if params.key.as_deref().is_some_and(|key| key != "mine") {
        return Err(invalid("`key` is `mine`, or left out."));
    }
    let read = |product| caller.key.demand(&Permission::Product(product, Access::Read));
    if read(Product::Inventory).is_err() && read(Product::Crm).is_err() {
        let key = &caller.key.id;
        return Err(Problem::new(
            Code::KeyNotAllowed,
            format!("This needs the permission inventory:read or crm:read, and key {key} has neither."),
        ));
    }
    let connection = connection::any(&caller)?;
    let limit = usize::try_from(rows).unwrap_or(200);
    // Ids begin with the moment.
    let oldest = since.map(time_prefix);
    let is_older = |id: &str| oldest.as_deref().is_some_and(|oldest| id < oldest);
    let fits = |entry: &Entry| {
        // Who may not read a product may not read what was written to it.
        !is_older(&entry.id)
            && (params.key.is_none() || entry.key == caller.key.id)
            && read(product_of(&entry.action)).is_ok()
    };
    let (mut data, mut cursor) = (Vec::new(), params.cursor.clone());
    for _ in 0..MAX_PAGES {
        let (entries, last) = app.audit.list(&connection, cursor.take(), limit).await?;
        for entry in entries.iter().filter(|entry| fits(entry)) {
            data.push(if params.details { whole(entry)? } else { short(entry, caller.key.redact_contacts) });
        }
        cursor = last.filter(|last| !is_older(last));
        if cursor.is_none() || !data.is_empty() {
            break;
        }
    }
    let rows = rows.to_string();
    let next = cursor.map(|cursor| {
        let params = [
            ("since", params.since.as_deref()),
            ("key", params.key.as_deref()),
            ("details", params.details.then_some("true")),
            ("per_page", Some(rows.as_str())),
            ("cursor", Some(cursor.as_str())),
        ];
        next(PATH, &params)
    });
    Ok(Json(List::new(data, next)))
}

/// All of an entry.
fn whole(entry: &Entry) -> Result<Value, Problem> {
    let mut row = serde_json::to_value(entry).map_err(|error| Problem::internal(error.to_string()))?;
    // Names and notes of people are among them.
    if let Some(row) = row.as_object_mut() {
        row.insert("untrusted".to_owned(), json!(["before", "after"]));
    }
    Ok(row)
}

/// What tells one entry from another. What was changed is judged by what the key sees: else what is left out would tell of what is
/// hidden.
fn short(entry: &Entry, is_redacted: bool) -> Value {
    let mut row = json!({
        "id": entry.id,
        "at": entry.at,
        "key_label": entry.key_label,
        "action": entry.action,
        "subject": entry.subject,
        "outcome": entry.outcome,
    });
    let records = json!({ "before": entry.before, "after": entry.after });
    let records = if is_redacted { redact::as_seen(records) } else { records };
    if let (Some(row), Some(change)) = (row.as_object_mut(), change(&records)) {
        row.insert("change".to_owned(), change.into());
        row.insert("untrusted".to_owned(), json!(["change"]));
    }
    row
}

/// The fields that a write changed, or what a new record is called, where that is short.
fn change(records: &Value) -> Option<Object> {
    let after = records.get("after")?.as_object()?;
    let now = |field: &str| after.get(field).unwrap_or(&Value::Null);
    let changed: Object = match records.get("before").and_then(Value::as_object) {
        Some(before) => before
            .iter()
            .filter(|(field, value)| !matches!(field.as_str(), "id" | "untrusted") && now(field) != *value)
            .map(|(field, value)| {
                Some((field.clone(), json!({ "before": plain(value)?, "after": plain(now(field))? })))
            })
            .collect::<Option<Object>>()?,
        None => {
            let named = |name: &&str| {
                let value = plain(after.get(*name)?).filter(|value| !value.is_null())?;
                Some(((*name).to_owned(), json!({ "after": value })))
            };
            NAMES.iter().find_map(named).into_iter().collect()
        }
    };
    (1..=MAX_CHANGED).contains(&changed.len()).then_some(changed)
}

/// A value that is short.
fn plain(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(_) | Value::Object(_) => None,
        Value::String(text) if text.chars().count() > MAX_TEXT => None,
        short => Some(short),
    }
}

/// The product in `POST /v1/inventory/salesorders`, and in `POST /v1/zoho/inventory/itemgroups`.
fn product_of(action: &str) -> Product {
    let path = action.split_once(" /v1/").map_or(action, |(_, path)| path);
    let path = path.strip_prefix("zoho/").unwrap_or(path);
    if path.starts_with("inventory/") { Product::Inventory } else { Product::Crm }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(before: &Value, after: &Value) -> Entry {
        serde_json::from_value(json!({
            "id": "0", "at": "2026-11-18T10:00:00Z", "key": "k", "key_label": "Agent", "connection": "default",
            "action": "PATCH /v1/crm/deals/{id}", "subject": "deal/61", "outcome": "done", "before": before, "after": after,
        }))
        .unwrap()
    }

    #[test]
    fn a_short_row_says_what_was_changed() {
        let changed = entry(
            &json!({ "Stage": "Qualification", "Amount": 5, "id": "61" }),
            &json!({ "Stage": "Closed Won", "Amount": 5, "id": "62", "Owner": "Lea" }),
        );
        let row = short(&changed, false);
        let expected = json!({
            "id": "0", "at": "2026-11-18T10:00:00Z", "key_label": "Agent", "action": "PATCH /v1/crm/deals/{id}",
            "subject": "deal/61", "outcome": "done",
            "change": { "Stage": { "before": "Qualification", "after": "Closed Won" } }, "untrusted": ["change"],
        });
        assert_eq!(row, expected);
    }

    #[test]
    fn what_is_long_is_left_out_as_a_whole() {
        let long = "x".repeat(MAX_TEXT + 1);
        let many = |from: usize| -> Object {
            (0..=MAX_CHANGED).map(|number| (format!("F{number}"), json!(number + from))).collect()
        };
        for (before, after) in [
            (json!({ "Stage": "a", "Description": "b" }), json!({ "Stage": "c", "Description": long })),
            (json!({ "Stage": "a", "Rows": [] }), json!({ "Stage": "c", "Rows": [{ "id": "1" }] })),
            (many(0).into(), many(1).into()),
            (json!({ "Stage": "a" }), json!({ "Stage": "a" })),
            (Value::Null, json!({ "customer_id": "33" })),
            (Value::Null, Value::Null),
        ] {
            let row = short(&entry(&before, &after), false);
            assert!(row.get("change").is_none() && row.get("untrusted").is_none(), "{row}");
        }
    }

    #[test]
    fn neither_what_is_there_nor_what_is_left_out_tells_of_people() {
        let row = |before: &str, after: &str, phone: &str| {
            let before = json!({ "Next_Step": format!("Ask {before}"), "Phone": "1" });
            let after = json!({ "Next_Step": format!("Ask {after} again"), "Phone": phone });
            short(&entry(&before, &after), true)
        };
        let long = format!("lea.{}@example.com", "x".repeat(MAX_TEXT));
        let told = row("a@example.com", "b@example.com", "1");
        let step = json!({ "before": "Ask [redacted]", "after": "Ask [redacted] again" });
        assert_eq!(told["change"], json!({ "Next_Step": step }));
        assert_eq!(told, row(&long, "b@example.com", "2"), "neither a length nor a change of what is hidden");
    }

    #[test]
    fn a_new_record_is_told_by_its_name() {
        let named = |after: Value| short(&entry(&Value::Null, &after), false)["change"].clone();
        let order = json!({ "salesorder_id": "33", "salesorder_number": "SO-1", "total": 5 });
        assert_eq!(named(order), json!({ "salesorder_number": { "after": "SO-1" } }));
        let note = json!({ "Note_Title": null, "Note_Content": "x" });
        assert_eq!(named(note), Value::Null);
    }
}
