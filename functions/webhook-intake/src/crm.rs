//! `/webhooks/{connection}/crm`: notifications of CRM. They are not signed; each carries the token that its channel was
//! made with. One notification can be about several records, and is one event.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::{ConnectionName, is_zoho_id};
use shared::base::problem::{Code, Problem};
use shared::base::secret::{is_one_of, sha256_hex};
use shared::base::web::Segments;
use shared::core::events::{Delivery, Receipt};
use shared::zoho::crm::modules::record_word;
use shared::zoho::json as zoho_json;
use shared::zoho::value::{Object, id, text};

use crate::admission::{check, store};
use crate::app::App;
use crate::rejection::{not_genuine, whole};

pub(crate) async fn receive(
    State(app): State<Arc<App>>,
    Segments(connection): Segments<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Receipt>, Problem> {
    let body = whole(body)?;
    let unknown = || Problem::new(Code::WebhookUnknown, "This connection has no channel of Zoho CRM.");
    let connection: ConnectionName = connection.parse().map_err(|_| unknown())?;
    let mut notification: Object = zoho_json::read(&body)
        .map_err(|_| Problem::new(Code::WebhookUnreadable, "The body is not a JSON object."))?;
    // Removed, because readers of the event must not see it.
    let token = notification.shift_remove("token");
    let channel = id(&notification, "channel_id").unwrap_or_default();
    check(&app.secrets, |known| {
        if known.channels(&connection).next().is_none() {
            return Err(unknown());
        }
        let refuse = |code, detail| Err(not_genuine(code, detail, &headers, &body));
        match &token {
            Some(Value::String(token)) if is_one_of(token, known.channel(&connection, &channel)) => Ok(()),
            Some(Value::String(_)) => {
                refuse(Code::WebhookToken, "This connection has no channel of that id with that token.")
            }
            _ => refuse(Code::WebhookUnsigned, "The notification carries no token."),
        }
    })
    .await?;
    store(&app.events, delivery(connection, &channel, &notification)?).await
}

fn delivery(connection: ConnectionName, channel: &str, notification: &Object) -> Result<Delivery, Problem> {
    let field = |name: &str| notification.get(name).unwrap_or(&Value::Null);
    let module = text(notification, "module").filter(|module| is_module(module));
    let record = module.map_or_else(|| "unknown".to_owned(), record_word);
    let ids = record_ids(field("ids"));
    let subject = match ids.as_slice() {
        [only] => Some(format!("{record}/{only}")),
        _ => None,
    };
    let news = json!([
        channel,
        field("module"),
        field("operation"),
        field("server_time"),
        field("ids"),
        field("affected_values"),
    ]);
    Ok(Delivery {
        source: "crm",
        digest: sha256_hex(news.to_string().as_bytes()),
        kind: format!("zoho.crm.{record}.{}", change(text(notification, "operation").unwrap_or_default())),
        subject,
        time: server_time(field("server_time")).map(|at| at.to_string()),
        data: json!({ "module": module, "ids": ids, "channel_id": channel }),
        body: serde_json::to_string(notification).map_err(|error| Problem::internal(error.to_string()))?,
        connection,
    })
}

fn record_ids(ids: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let ids = ids.as_array().into_iter().flatten();
    ids.filter_map(text).filter(|id| is_zoho_id(id)).collect()
}

/// In milliseconds, as a number or as its digits.
fn server_time(value: &Value) -> Option<Timestamp> {
    let milliseconds = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    milliseconds.and_then(|at| Timestamp::from_millisecond(at).ok())
}

fn change(operation: &str) -> &'static str {
    match operation {
        "insert" => "created",
        "update" => "updated",
        "delete" => "deleted",
        _ => "changed",
    }
}

fn is_module(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(notification: &Value) -> Delivery {
        delivery(ConnectionName::default(), "7", notification.as_object().unwrap()).unwrap()
    }

    #[test]
    fn several_records_are_one_event_and_one_has_a_subject() {
        let several = read(&json!({
            "module": "Deals", "operation": "delete", "server_time": 1_795_287_600_123_i64,
            "ids": ["6100000000451001", 6_100_000_000_451_002_i64, "../1", null],
        }));
        assert_eq!((several.kind.as_str(), several.subject), ("zoho.crm.deal.deleted", None));
        assert_eq!(several.time.as_deref(), Some("2026-11-21T19:00:00.123Z"));
        assert_eq!(several.data["ids"], json!(["6100000000451001", "6100000000451002"]));
        let one = read(&json!({ "module": "Deals", "operation": "insert", "ids": ["1"] }));
        assert_eq!((one.kind.as_str(), one.subject.as_deref()), ("zoho.crm.deal.created", Some("deal/1")));
    }

    #[test]
    fn each_part_of_the_news_makes_another_digest() {
        let whole = json!({
            "module": "Deals", "operation": "update", "server_time": 1, "ids": ["1"], "affected_fields": [],
            "affected_values": [{ "record_id": "1", "values": { "Stage": "Won" } }],
        });
        let first = read(&whole).digest;
        for (field, value, same) in [
            ("module", json!("Leads"), false),
            ("operation", json!("insert"), false),
            ("server_time", json!(2), false),
            ("ids", json!(["1", "2"]), false),
            ("affected_values", json!([]), false),
            ("resource_uri", json!("https://www.zohoapis.eu/crm/v8/Deals"), true),
        ] {
            let mut changed = whole.clone();
            changed[field] = value;
            assert_eq!(read(&changed).digest == first, same, "{field}");
        }
    }

    #[test]
    fn the_operation_names_the_change_and_a_module_is_a_plain_word() {
        let kind = |module: &str, operation: &str| {
            read(&json!({ "module": module, "operation": operation, "ids": ["1"] })).kind
        };
        for (operation, change) in
            [("insert", "created"), ("update", "updated"), ("delete", "deleted"), ("edit", "changed")]
        {
            assert_eq!(kind("Deals", operation), format!("zoho.crm.deal.{change}"));
        }
        let longest = "x".repeat(64);
        assert!(is_module("Custom_Module1") && is_module(&longest));
        for other in ["", "a b", "a/b", "\u{e4}", &format!("{longest}x")] {
            assert!(!is_module(other), "{other}");
            assert_eq!(kind(other, "update"), "zoho.crm.unknown.updated");
        }
        let read = read(&json!({ "server_time": "1795287600123" }));
        assert_eq!(read.time.as_deref(), Some("2026-11-21T19:00:00.123Z"), "also as text");
    }

    #[test]
    fn what_is_odd_is_an_event_all_the_same() {
        for odd in
            [json!({}), json!({ "module": "a b", "ids": 1, "server_time": 1e300 }), json!({ "ids": [[]] })]
        {
            let delivery = read(&odd);
            assert_eq!((delivery.kind.as_str(), delivery.time), ("zoho.crm.unknown.changed", None));
        }
    }
}
