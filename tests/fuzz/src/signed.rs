//! The rules of the doors for webhooks, written down once more, with code of its own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::hooks::{CHANNEL, CUSTOM, INVENTORY, TOKEN, sign};

/// Whether a body is a document rather than a form.
pub fn is_json(body: &[u8]) -> bool {
    let first = body.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c'));
    matches!(first, Some(b'{' | b'['))
}

/// The text that Zoho signs: all pairs of query and form by key, run together; then a JSON body as it is.
pub fn inventory_text(query: &str, body: &[u8]) -> Vec<u8> {
    let is_json = is_json(body);
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if !is_json {
        pairs.extend(form_urlencoded::parse(body).into_owned());
    }
    // As they came, where names are equal.
    pairs.sort_by(|one, other| one.0.cmp(&other.0));
    let mut text: Vec<u8> =
        pairs.into_iter().flat_map(|(name, value)| [name, value].concat().into_bytes()).collect();
    if is_json {
        text.extend_from_slice(body);
    }
    text
}

fn is_hex_or_base64_of(header: &str, expected: &str) -> bool {
    let header = header.trim();
    header.eq_ignore_ascii_case(expected) || header == STANDARD.encode(hex::decode(expected).unwrap())
}

/// Whether a webhook of Inventory is signed by the secret.
pub fn is_of_inventory(query: &str, body: &[u8], header: &str) -> bool {
    is_hex_or_base64_of(header, &sign(INVENTORY, &inventory_text(query, body)))
}

/// Whether a custom webhook is signed by the secret, in `X-Signature`.
pub fn is_of_custom(body: &[u8], header: &str) -> bool {
    let digits = header.trim().strip_prefix("sha256=");
    digits.is_some_and(|digits| digits.eq_ignore_ascii_case(&sign(CUSTOM, body)))
}

/// Whether a message of Standard Webhooks is signed by the secret.
pub fn is_standard(id: &str, at: &str, body: &[u8], header: &str) -> bool {
    let text = [format!("{id}.{at}.").as_bytes(), body].concat();
    let expected = sign(CUSTOM, &text);
    header.split(' ').filter_map(|one| one.strip_prefix("v1,")).any(|one| is_hex_or_base64_of(one, &expected))
}

/// Whether a notification of CRM holds the channel's token.
pub fn is_of_crm(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body)
        .is_ok_and(|told| told["channel_id"] == CHANNEL && told["token"] == TOKEN)
}
