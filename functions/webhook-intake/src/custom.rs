//! `/webhooks/{connection}/custom/{event}`: anybody who has the secret. A sender that can sign sends `X-Signature:
//! sha256=<hex>` over the body; one that cannot, like CRM's workflows, sends the secret itself in `X-Webhook-Secret`. Neither signs
//! the event's name, which stands in the path, nor a time. Standard Webhooks do: id and time are signed, and the name is the
//! body's `type`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::base::clock::{SignedDuration, Timestamp};
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::secret::{Secret, is_one_of};
use shared::base::web::Segments;
use shared::core::events::{Delivery, Receipt};
use shared::zoho::json as zoho_json;
use shared::zoho::signature::{Message, is_body_signed_by, is_json};
use shared::zoho::value::{text, timestamp};

use crate::admission::{check, store};
use crate::app::App;
use crate::form;
use crate::headers::sent;
use crate::rejection::{not_genuine, whole};

const SIGNATURE: &str = "x-signature";
const PLAIN_SECRET: &str = "x-webhook-secret";

/// The headers of Standard Webhooks.
const MESSAGE_ID: &str = "webhook-id";
const MESSAGE_TIME: &str = "webhook-timestamp";
const MESSAGE_SIGNATURE: &str = "webhook-signature";

/// How far the time of a message may be from ours. Somebody may have kept an older message and sent it again.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Where a sender may say when it happened.
const TIME_FIELDS: &[&str] = &["time", "timestamp", "last_modified_time", "Modified_Time"];

pub(crate) async fn receive(
    State(app): State<Arc<App>>,
    Segments((connection, event)): Segments<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Receipt>, Problem> {
    let body = whole(body)?;
    if !is_event(&event) {
        return Err(unknown(
            "An event's name is 1 to 64 letters, digits, `_`, `-` and `.`, and begins with a letter or digit.",
        ));
    }
    let connection: ConnectionName = connection.parse().map_err(|_| no_secret())?;
    let message = message(|name| sent(&headers, name), &body)?;
    demand_genuine(&app, &connection, message, &headers, &body).await?;
    // A query string is not signed, so it cannot be trusted; and it is not dropped silently either.
    if query.is_some_and(|query| !query.is_empty()) {
        return Err(Problem::new(Code::WebhookQuery, "The webhook's URL has a query string."));
    }
    let document = document(&body)
        .ok_or_else(|| Problem::new(Code::WebhookUnreadable, "The body is neither JSON nor a form."))?;
    let mut sent_at = None;
    if let Some((message, _)) = message {
        let stale = |detail| not_genuine(Code::WebhookSignature, detail, &headers, &body);
        sent_at = Some(sent_now(&message, app.clock.now()).map_err(stale)?);
        demand_named(&document, &event)?;
    }
    let delivery = Delivery {
        source: "custom",
        digest: digest_of(message.map(|(message, _)| message.id), &event, &body),
        kind: format!("custom.{event}"),
        subject: None,
        time: time_in(&document).or(sent_at).map(|at| at.to_string()),
        data: json!({ "event": event }),
        body: document.to_string(),
        connection,
    };
    store(&app.events, delivery).await
}

fn unknown(detail: &'static str) -> Problem {
    Problem::new(Code::WebhookUnknown, detail)
}

fn no_secret() -> Problem {
    unknown("This connection has no secret for custom webhooks.")
}

/// Demands that whoever sent this has a secret of the connection.
async fn demand_genuine(
    app: &App,
    connection: &ConnectionName,
    message: Option<(Message<'_>, &str)>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Problem> {
    check(&app.secrets, |known| {
        let secrets = known.custom(connection);
        if secrets.is_empty() {
            return Err(no_secret());
        }
        let refuse = |code, detail| Err(not_genuine(code, detail, headers, body));
        match is_genuine(secrets, message, headers, body) {
            Some(true) => Ok(()),
            Some(false) => refuse(Code::WebhookSignature, "Signature or secret is not this connection's."),
            None => refuse(
                Code::WebhookUnsigned,
                "None of the headers webhook-signature, X-Signature and X-Webhook-Secret is there.",
            ),
        }
    })
    .await
}

/// Whether one of the secrets vouches for a request; nothing where it has neither a signature nor a secret.
fn is_genuine(
    secrets: &[Secret],
    message: Option<(Message<'_>, &str)>,
    headers: &HeaderMap,
    body: &[u8],
) -> Option<bool> {
    // A sender that signs is held to the signature, whatever else it sends.
    if let Some((message, signature)) = message {
        let secrets: Vec<_> = secrets.iter().collect();
        return Some(message.is_signed_by(&secrets, signature));
    }
    match (sent(headers, SIGNATURE), sent(headers, PLAIN_SECRET)) {
        (Some(signature), _) => Some(is_body_signed_by(body, secrets, signature)),
        (None, Some(secret)) => Some(is_one_of(secret, secrets)),
        (None, None) => None,
    }
}

/// Demands that a message of Standard Webhooks is about the event that the path names.
fn demand_named(document: &Value, event: &str) -> Result<(), Problem> {
    let named = document.get("type").and_then(Value::as_str);
    if named == Some(event) {
        return Ok(());
    }
    let detail = "The body's `type` is not the event that the path names: of both, only the body is signed.";
    Err(Problem::new(Code::WebhookUnreadable, detail))
}

/// What tells a delivery from others. A message of Standard Webhooks that is sent again keeps its id. Elsewhere, the event's name is in the
/// path and not signed, but it counts: the same body under two names is two events.
fn digest_of(message_id: Option<&str>, event: &str, body: &[u8]) -> String {
    let digest = match message_id {
        Some(id) => Sha256::new().chain_update(b"standard").chain_update([0]).chain_update(id),
        None => Sha256::new().chain_update(event).chain_update([0]).chain_update(body),
    };
    hex::encode(digest.finalize())
}

/// When it happened, where the sender says it.
fn time_in(document: &Value) -> Option<Timestamp> {
    let fields = document.as_object()?;
    TIME_FIELDS.iter().find_map(|name| text(fields, name).and_then(timestamp))
}

/// A message of Standard Webhooks with its signature, where it is one.
fn message<'a>(
    header: impl Fn(&'static str) -> Option<&'a str>,
    body: &'a [u8],
) -> Result<Option<(Message<'a>, &'a str)>, Problem> {
    let Some(signature) = header(MESSAGE_SIGNATURE) else { return Ok(None) };
    let (id, timestamp) = (header(MESSAGE_ID), header(MESSAGE_TIME));
    let fits = |id: &&str| (1..=256).contains(&id.len());
    let (Some(id), Some(timestamp)) = (id.filter(fits), timestamp) else {
        return Err(Problem::new(
            Code::WebhookUnsigned,
            "`webhook-signature` comes with `webhook-id`, of up to 256 characters, and `webhook-timestamp`.",
        ));
    };
    Ok(Some((Message { id, timestamp, body }, signature)))
}

/// When a message was sent, which must be now; else what is wrong with its time.
fn sent_now(message: &Message<'_>, now: Timestamp) -> Result<Timestamp, &'static str> {
    let at = message.timestamp.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let at = at.ok_or("`webhook-timestamp` is no time in seconds.")?;
    if now.duration_since(at).abs() > TOLERANCE {
        return Err("`webhook-timestamp` is more than five minutes from now.");
    }
    Ok(at)
}

/// JSON of any kind, or the fields of a form.
fn document(body: &[u8]) -> Option<Value> {
    if let Ok(document) = zoho_json::read(body) {
        return Some(document);
    }
    let is_form = !is_json(body) && body.contains(&b'=') && std::str::from_utf8(body).is_ok();
    is_form.then(|| Value::Object(form::fields(body)))
}

fn is_event(name: &str) -> bool {
    let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let begins = name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    begins && name.len() <= 64 && name.bytes().all(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_any_kind_and_forms_are_documents() {
        for (body, expected) in [
            (r#" {"a": 1.50}"#, Some(r#"{"a":1.50}"#)),
            ("[1]", Some("[1]")),
            ("12345678901234567890123", Some("12345678901234567890123")),
            ("a=1&b=%20", Some(r#"{"a":"1","b":" "}"#)),
            ("", None),
            ("{", None),
            ("{=", None),
            ("hello", None),
        ] {
            let found = document(body.as_bytes()).map(|found| found.to_string());
            assert_eq!(found.as_deref(), expected, "{body}");
        }
        assert!(document(b"a=\xff").is_none());
        assert!(document("[".repeat(100_000).as_bytes()).is_none(), "too deep to be read again");
    }

    #[test]
    fn when_it_happened_is_read_where_senders_say_it() {
        for (document, expected) in [
            (
                json!({ "time": "2026-11-30T10:00:00Z", "timestamp": "2026-11-30T11:00:00Z" }),
                Some("2026-11-30T10:00:00Z"),
            ),
            (
                json!({ "time": "soon", "Modified_Time": "2026-11-30T12:00:00+01:00" }),
                Some("2026-11-30T11:00:00Z"),
            ),
            (json!({ "at": "2026-11-30T10:00:00Z" }), None),
            (json!(["2026-11-30T10:00:00Z"]), None),
        ] {
            let expected: Option<Timestamp> = expected.map(|time| time.parse().unwrap());
            assert_eq!(time_in(&document), expected, "{document}");
        }
    }

    #[test]
    fn an_events_name_is_of_a_safe_alphabet() {
        assert!(is_event("stock_count.done-2"));
        for bad in ["", "..", ".a", "a b", "a/b", "ä", "a#b", &"x".repeat(65)] {
            assert!(!is_event(bad), "{bad}");
        }
    }
}
