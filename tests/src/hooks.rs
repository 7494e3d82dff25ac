//! Webhooks as their senders make them: Zoho Inventory, a channel of CRM, and any other. Signed with code of its own.

use axum::body::Body;
use axum::http::Request;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::events::webhook_secrets;
use shared::core::events::webhook_secrets::Source;
use shared::store::Secrets;

use crate::dice::Dice;

/// What Zoho Inventory signs with.
pub const INVENTORY: &str = "a1b2c3d4e5f6g7h8i9j0";
/// A channel of CRM.
pub const CHANNEL: &str = "20261121001";
/// Its token.
pub const TOKEN: &str = "c0ffee-per-connection-secret-01";
/// What custom senders sign with.
pub const CUSTOM: &str = "custom-secret-0123456789";

/// A signature of Standard Webhooks over id, time and body.
pub fn sign_standard(secret: &str, id: &str, at: &str, body: &[u8]) -> String {
    use base64::Engine;
    let text = [format!("{id}.{at}.").as_bytes(), body].concat();
    let signature = hex::decode(sign(secret, &text)).unwrap();
    format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(signature))
}

/// A message of Standard Webhooks at the custom endpoint, sent at that moment, in seconds since 1970.
pub fn standard(event: &str, secret: &str, (id, at): (&str, i64), body: &[u8]) -> Request<Body> {
    let at = at.to_string();
    Request::post(format!("/webhooks/default/custom/{event}"))
        .header("webhook-id", id)
        .header("webhook-timestamp", &at)
        .header("webhook-signature", sign_standard(secret, id, &at, body))
        .body(Body::from(body.to_vec()))
        .unwrap()
}

/// One delivery.
#[derive(Debug, Clone)]
pub struct Hook {
    /// The path.
    pub path: String,
    /// What proves it, where that stands in a header.
    pub header: Option<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Hook {
    /// One of Zoho Inventory, at the endpoint of an event.
    pub fn of_inventory(event: &str, secret: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let header = ("x-zoho-webhook-signature", sign(secret, &body));
        Self { path: format!("/webhooks/default/inventory/{event}"), header: Some(header), body }
    }

    /// One of a channel of CRM, which is proved by what stands in its body.
    pub fn of_crm(body: impl Into<Vec<u8>>) -> Self {
        Self { path: "/webhooks/default/crm".to_owned(), header: None, body: body.into() }
    }

    /// One of any other sender, at the endpoint of an event.
    pub fn custom(event: &str, secret: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let header = ("x-signature", format!("sha256={}", sign(secret, &body)));
        Self { path: format!("/webhooks/default/custom/{event}"), header: Some(header), body }
    }

    /// As a request to a router.
    pub fn request(&self) -> Request<Body> {
        let mut request = Request::post(&self.path);
        if let Some((name, value)) = &self.header {
            request = request.header(*name, value);
        }
        request.body(Body::from(self.body.clone())).unwrap()
    }
}

/// HMAC-SHA256, in hexadecimal.
pub fn sign(secret: &str, text: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text);
    hex::encode(mac.finalize().into_bytes())
}

/// The secrets above, for the usual connection.
pub async fn set_secrets(secrets: &dyn Secrets) {
    let name = ConnectionName::default();
    webhook_secrets::set(secrets, &name, Source::Inventory, Secret::new(INVENTORY)).await.unwrap();
    webhook_secrets::set(secrets, &name, Source::Custom, Secret::new(CUSTOM)).await.unwrap();
    webhook_secrets::set_channel(secrets, &name, CHANNEL, Secret::new(TOKEN)).await.unwrap();
}

/// A genuine delivery of its own for each number, from the sources in turn.
pub fn numbered(number: usize) -> Hook {
    let id = 3_300_000_000_000_000 + number;
    match number % 5 {
        3 => {
            let body = format!(
                r#"{{"server_time":{},"module":"Deals","ids":["{id}"],"operation":"update","channel_id":"{CHANNEL}","token":"{TOKEN}"}}"#,
                1_795_287_600_000_u64 + number as u64
            );
            Hook::of_crm(body)
        }
        4 => {
            let body = format!(r#"{{"counted":"{id}","time":"2026-11-22T08:00:00Z"}}"#);
            Hook::custom("stock.counted", CUSTOM, body)
        }
        _ => {
            let body = format!(
                r#"{{"item":{{"item_id":"{id}","sku":"SHELF-OAK-80","last_modified_time":"2026-11-18T16:40:12+0100"}}}}"#
            );
            Hook::of_inventory("item.updated", INVENTORY, body)
        }
    }
}

/// So many sends, three tenths of them of something that is sent before or after as well, in any order: numbers for
/// [`numbered`], and how many different ones there are.
pub fn shuffled(sends: usize, dice: &mut Dice) -> (Vec<usize>, usize) {
    let different = sends - sends * 3 / 10;
    let mut all: Vec<_> = (0..different).collect();
    all.extend((different..sends).map(|_| dice.below(different)));
    for at in (1..all.len()).rev() {
        all.swap(at, dice.below(at + 1));
    }
    (all, different)
}
