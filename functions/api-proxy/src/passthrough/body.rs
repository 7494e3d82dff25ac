//! The body: of a form that Zoho takes, and without an organisation of the caller's. Its bytes stay as they are.

use std::borrow::Cow;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde::de::IgnoredAny;
use shared::base::problem::Problem;
use shared::base::secret::sha256_hex;
use shared::zoho::api_path::Verb;
use shared::zoho::http::Body;
use shared::zoho::scope::Product;

use super::field::{broken, field, invalid, without_organization};
use super::multipart;
use crate::request::depth::demand_flat;

/// The longest name of a content type, a boundary included.
const MAX_TYPE_LENGTH: usize = 200;

const JSON: &str = "application/json";

/// Judges a body.
pub(super) fn read(
    verb: Verb,
    product: Product,
    headers: &HeaderMap,
    bytes: Bytes,
) -> Result<Option<Body>, Problem> {
    if bytes.is_empty() {
        return Ok(None);
    }
    if matches!(verb, Verb::Get | Verb::Delete) {
        return Err(invalid(format!(
            "A {verb} of Zoho's has no body: what it is about stands in path and query."
        )));
    }
    let mut kinds = headers.get_all(CONTENT_TYPE).iter().map(|kind| kind.to_str().unwrap_or_default());
    let kind = match (kinds.next(), kinds.next()) {
        (Some(kind), None) => kind,
        // Zoho's own SDKs send JSON without saying so.
        (None, _) if may_be_json(&bytes) => JSON,
        _ => {
            return Err(invalid(
                "A body needs the header `Content-Type`, once; only JSON may come without it.",
            ));
        }
    };
    if kind.len() > MAX_TYPE_LENGTH {
        return Err(invalid("`Content-Type` is too long."));
    }
    let inventory = product == Product::Inventory;
    let named = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if named == JSON {
        demand_flat(&bytes)?;
    }
    match named.as_str() {
        JSON if inventory => without_organization(&bytes)?,
        JSON => is_json(&bytes)?,
        "application/x-www-form-urlencoded" => form(&bytes, inventory)?,
        "multipart/form-data" => multipart::judge(kind, &bytes, inventory)?,
        // What calls itself otherwise could be read as one of these all the same.
        _ => {
            return Err(invalid(
                "Zoho takes `application/json`, `application/x-www-form-urlencoded` and `multipart/form-data` (files).",
            ));
        }
    }
    Ok(Some(Body { content_type: Cow::Owned(kind.to_owned()), bytes }))
}

/// What makes a body the same as another: its type, how many bytes it has, and their digest.
pub(crate) fn same(body: &Body) -> (String, usize, String) {
    multipart::same(&body.content_type, &body.bytes)
        .unwrap_or_else(|| (body.content_type.to_string(), body.bytes.len(), sha256_hex(&body.bytes)))
}

fn form(bytes: &[u8], inventory: bool) -> Result<(), Problem> {
    for (name, value) in form_urlencoded::parse(bytes) {
        field(&name, value.as_bytes(), inventory)?;
    }
    Ok(())
}

/// Whether it begins as every JSON document does that Zoho takes. A form could not be told from a text.
fn may_be_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// A JSON document, of any kind.
fn is_json(bytes: &[u8]) -> Result<(), Problem> {
    serde_json::from_slice::<IgnoredAny>(bytes).map(drop).map_err(|error| broken(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(verb: Verb, product: Product, kind: &str, body: &str) -> Result<Option<Body>, Problem> {
        let mut headers = HeaderMap::new();
        if !kind.is_empty() {
            headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        }
        read(verb, product, &headers, body.to_owned().into())
    }

    const JSON: &str = "application/json; charset=utf-8";
    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn bodies_that_zoho_takes_pass_as_they_are() {
        for (kind, body) in [
            (JSON, r#"{"group_name":"x","items":[{"organization_id":1}]}"#),
            (JSON, r#" [ {"organization_id":1} ] "#),
            (FORM, "JSONString=%7B%22name%22%3A%22x%22%7D&a=b"),
            (
                "multipart/form-data; boundary=x",
                "--x\r\ncontent-disposition: form-data; name=\"image\"\r\n\r\na\r\n--x--\r\n",
            ),
        ] {
            let passed = judged(Verb::Post, Product::Inventory, kind, body).unwrap().unwrap();
            assert_eq!((&*passed.content_type, &*passed.bytes), (kind, body.as_bytes()));
        }
        assert!(
            judged(Verb::Put, Product::Crm, JSON, r#"{"organization_id":1}"#).is_ok(),
            "a field like any other"
        );
        assert!(judged(Verb::Delete, Product::Inventory, "", "").unwrap().is_none());
    }

    #[test]
    fn json_that_does_not_say_so_is_passed_on_as_json() {
        for (product, body) in [(Product::Crm, r#"{"data":[]}"#), (Product::Inventory, " [1]")] {
            let passed = judged(Verb::Post, product, "", body).unwrap().unwrap();
            assert_eq!((&*passed.content_type, &*passed.bytes), ("application/json", body.as_bytes()));
            let named = judged(Verb::Post, product, "application/json", body).unwrap().unwrap();
            assert_eq!(same(&passed), same(&named), "the same request");
        }
        for body in ["{", "data=1", "\"x\"", r#"{"organization_id":1}"#] {
            assert!(judged(Verb::Post, Product::Inventory, "", body).is_err(), "{body}");
        }
    }

    #[test]
    fn other_bodies_are_refused() {
        for (verb, kind, body) in [
            (Verb::Get, JSON, "{}"),
            (Verb::Delete, JSON, "{}"),
            (Verb::Post, "", "a=b"),
            (Verb::Post, "text/plain", "{}"),
            (Verb::Post, "application/octet-stream", "{}"),
            (Verb::Post, JSON, "{"),
            (Verb::Post, JSON, "{} {}"),
            (Verb::Post, JSON, "\"x\""),
            (Verb::Post, JSON, r#"{"organization_id":1}"#),
            (Verb::Post, JSON, r#"{"a":1,"Organization\u005fID":null}"#),
            (Verb::Post, JSON, r#"{"organization_id":1,"organization_id":2}"#),
            (Verb::Post, FORM, "a=b&organization%5Fid=1"),
            (Verb::Post, FORM, "JSONString=%7B%22organization_id%22%3A1%7D"),
            (Verb::Post, FORM, "JSONString="),
            (Verb::Post, "multipart/form-data", "--x--"),
        ] {
            assert!(judged(verb, Product::Inventory, kind, body).is_err(), "{verb} {kind} {body}");
        }
        assert!(judged(Verb::Post, Product::Crm, JSON, "{").is_err());
    }
}
