//! `/webhooks/{connection}/inventory/{event}`: the webhooks of Zoho's finance suite.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::core::events::ledger::UNCONFIRMED;
use shared::core::events::{Delivery, Receipt};
use shared::zoho::signature::{HEADER, SignedText};

use crate::admission::{check, store};
use crate::app::App;
use crate::headers::sent;
use crate::payload::Payload;
use crate::rejection::{not_genuine, whole};
use crate::unfilled_placeholders;

pub(crate) async fn receive(
    State(app): State<Arc<App>>,
    Segments((connection, event)): Segments<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Receipt>, Problem> {
    let body = whole(body)?;
    let query = query.unwrap_or_default();
    let unknown =
        || Problem::new(Code::WebhookUnknown, "This connection has no webhook secret for Zoho Inventory.");
    let connection: ConnectionName = connection.parse().map_err(|_| unknown())?;
    let signature = sent(&headers, HEADER);
    let signed = SignedText::new(&query, &body);
    check(&app.secrets, |known| {
        let secrets = known.inventory(&connection);
        if secrets.is_empty() {
            return Err(unknown());
        }
        // With a query before the body, the same signed text could be cut in more than one way.
        if !query.is_empty() && !known.inventory_query(&connection) {
            return Err(Problem::new(Code::WebhookQuery, "The webhook's URL has a query string."));
        }
        let refuse = |code, detail| Err(not_genuine(code, detail, &headers, &body));
        match signature {
            None => refuse(Code::WebhookUnsigned, "The header X-Zoho-Webhook-Signature is missing."),
            Some(signature) if signed.is_signed_by(secrets, signature) => Ok(()),
            Some(_) => refuse(Code::WebhookSignature, "The signature is not one of this connection's."),
        }
    })
    .await?;

    let unreadable =
        || Problem::new(Code::WebhookUnreadable, "The body is neither a JSON object nor a form.");
    if !signed.has_plain_names() {
        return Err(unreadable());
    }
    let payload = Payload::read(&body).ok_or_else(unreadable)?;
    let change = change(&event);
    let mut digest = Sha256::new();
    signed.feed(|part| digest.update(part));
    if change == "deleted" {
        // The body of a deletion can equal that of the change before it. It must not be taken for the same delivery.
        digest.update("deleted");
    }
    let unfilled = payload.unfilled.clone();
    let delivery = delivery(connection.clone(), change, hex::encode(digest.finalize()), payload);
    let receipt = store(&app.events, delivery).await?;
    if !unfilled.is_empty() && !receipt.duplicate {
        unfilled_placeholders::tell(&app, connection, &unfilled).await;
    }
    Ok(receipt)
}

fn delivery(connection: ConnectionName, change: &str, digest: String, payload: Payload) -> Delivery {
    let kind = payload.kind.as_deref().unwrap_or("unknown");
    let mut data = payload.names;
    if change == "deleted" {
        // The path is not signed. So the deletion is only a claim until the record was looked up.
        data.insert(UNCONFIRMED.to_owned(), Value::Bool(true));
    }
    Delivery {
        source: "inventory",
        digest,
        kind: format!("zoho.inventory.{kind}.{change}"),
        subject: payload.id.map(|id| format!("{kind}/{id}")),
        time: payload.changed,
        data: Value::Object(data),
        body: payload.body,
        connection,
    }
}

/// What happened, as far as the operator named it in the path.
fn change(event: &str) -> &'static str {
    let event = event.to_ascii_lowercase();
    let names = |words: &[&str]| words.iter().any(|word| event.contains(word));
    if names(&["delet", "remov"]) {
        "deleted"
    } else if names(&["creat", "add", "new"]) {
        "created"
    } else if names(&["updat", "edit"]) {
        "updated"
    } else {
        "changed"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_the_change_in_anybodys_words() {
        for (event, expected) in [
            ("item.updated", "updated"),
            ("edited", "updated"),
            ("item_created", "created"),
            ("Item-Deleted", "deleted"),
            ("item", "changed"),
            ("", "changed"),
        ] {
            assert_eq!(change(event), expected, "{event}");
        }
    }
}
