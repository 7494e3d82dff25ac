//! Workflow rules with a webhook action: what is sent when data changes.

use std::time::Duration;

use axum::body::Body;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::api::{BodyForm, Delivered, Entity, Webhook};
use crate::signature::{sign, string_to_sign};
use crate::state::State;

/// How long a receiver may take; Zoho's own limit is not known.
const PATIENCE: Duration = Duration::from_secs(15);
const ANSWER_BYTES: usize = 64 * 1024;

/// A webhook ready to be sent.
#[derive(Debug)]
pub(crate) struct Delivery {
    url: String,
    kind: &'static str,
    body: String,
    signature: String,
}

/// Readies one delivery per rule that watches this kind of thing. The payload has no event, time or
/// organisation.
pub(crate) fn prepare(state: &State, entity: Entity, payload: &Value) -> Vec<Delivery> {
    let key = match entity {
        Entity::Item => "item",
        Entity::SalesOrder => "salesorder",
    };
    let payload = json!({ key: payload }).to_string();
    let hooks = state.webhooks.iter().filter(|hook| hook.entity == entity);
    hooks.map(|hook| delivery(hook, &payload, state.switches.webhook_json_claims_form)).collect()
}

fn delivery(hook: &Webhook, payload: &str, json_claims_form: bool) -> Delivery {
    let form = hook.body == BodyForm::Form;
    let body = if form {
        form_urlencoded::Serializer::new(String::new()).append_pair("JSONString", payload).finish()
    } else {
        payload.to_owned()
    };
    let query = hook.url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let signature = if hook.secret.is_empty() {
        String::new()
    } else {
        sign(&hook.secret, &string_to_sign(query, &body, form), hook.encoding)
    };
    let kind =
        if form || json_claims_form { "application/x-www-form-urlencoded" } else { "application/json" };
    Delivery { url: hook.url.clone(), kind, body, signature }
}

/// Sends them one after the other. A failure is only noted: Zoho is not known to try again.
pub(crate) async fn send(deliveries: Vec<Delivery>) -> Vec<Delivered> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let mut done = Vec::new();
    for delivery in deliveries {
        let (status, answer) = match tokio::time::timeout(PATIENCE, post(&client, &delivery)).await {
            Ok(Ok((status, answer))) => (Some(status), answer),
            Ok(Err(why)) => (None, why),
            Err(_) => (None, "no answer in time".to_owned()),
        };
        let Delivery { url, body, signature, .. } = delivery;
        done.push(Delivered { url, status, body, signature, answer });
    }
    done
}

async fn post(
    client: &Client<hyper_util::client::legacy::connect::HttpConnector, Body>,
    delivery: &Delivery,
) -> Result<(u16, String), String> {
    let mut request = hyper::Request::post(&delivery.url)
        .header("content-type", delivery.kind)
        .header("accept", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2")
        .header("connection", "close")
        .header("cache-control", "no-cache")
        .header("pragma", "no-cache");
    if !delivery.signature.is_empty() {
        request = request.header("x-zoho-webhook-signature", &delivery.signature);
    }
    let request = request.body(Body::from(delivery.body.clone())).map_err(|error| error.to_string())?;
    let response = client.request(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(Body::new(response.into_body()), ANSWER_BYTES).await;
    let bytes = bytes.map_err(|error| error.to_string())?;
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}
