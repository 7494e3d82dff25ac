//! The body: of a form that Zoho takes, and without an organisation of the caller's. Documents and files stay as they are, byte by
//! byte; forms are written anew, with the same fields.

use std::borrow::Cow;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use shared::base::problem::Problem;
use shared::base::secret::sha256_hex;
use shared::zoho::api_path::Verb;
use shared::zoho::http::Body;
use shared::zoho::scope::Product;

use super::content_type::ContentType;
use super::field::{field, without_organization};
use super::multipart;
use crate::request::body::{invalid, no_json};
use crate::request::plain_json::demand_plain;

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
        (Some(kind), None) => ContentType::read(kind)?,
        // Zoho's own SDKs send JSON without saying so.
        (None, _) if may_be_json(&bytes) => ContentType::Json,
        _ => {
            return Err(invalid(
                "A body needs the header `Content-Type`, once; only JSON may come without it.",
            ));
        }
    };
    let inventory = product == Product::Inventory;
    let bytes = match kind {
        ContentType::Json => {
            demand_plain(&bytes)?;
            // A byte that is no text could be read as any.
            std::str::from_utf8(&bytes).map_err(|_| invalid("The body is no text in UTF-8."))?;
            if inventory {
                without_organization(&bytes)?;
            } else {
                is_json(&bytes)?;
            }
            bytes
        }
        ContentType::Form => form(&bytes, inventory)?.into(),
        ContentType::Multipart(boundary) => {
            multipart::judge(boundary, &bytes, inventory)?;
            bytes
        }
    };
    Ok(Some(Body { content_type: kind.header(), bytes }))
}

/// What makes a body the same as another: its type, how many bytes it has, and their digest.
pub(crate) fn same(body: &Body) -> (String, usize, String) {
    match ContentType::read(&body.content_type) {
        Ok(ContentType::Multipart(boundary)) => multipart::same(boundary, &body.bytes),
        _ => None,
    }
    .unwrap_or_else(|| (body.content_type.to_string(), body.bytes.len(), sha256_hex(&body.bytes)))
}

/// The fields of a form, without the files of one that has any.
pub(super) fn fields(body: &Body) -> Vec<(String, String)> {
    match ContentType::read(&body.content_type) {
        Ok(ContentType::Multipart(boundary)) => multipart::fields(boundary, &body.bytes),
        _ => form_urlencoded::parse(&body.bytes).into_owned().collect(),
    }
}

/// A form, written anew: `a=1;organization_id=2` is one field to some servers and two to others.
fn form(bytes: &[u8], inventory: bool) -> Result<String, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| invalid("The form is no text in UTF-8."))?;
    if is_document(bytes) {
        // What curl's `-d` and other clients say where nobody says otherwise.
        return Err(invalid(
            "`Content-Type` says that the body is a form, and it is JSON: send `Content-Type: application/json`.",
        ));
    }
    let mut anew = form_urlencoded::Serializer::new(String::with_capacity(text.len()));
    for part in text.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (decoded(name)?, decoded(value)?);
        field(&name, value.as_bytes(), inventory)?;
        anew.append_pair(&name, &value);
    }
    Ok(anew.finish())
}

fn decoded(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|_| invalid("The form holds bytes that are no text (UTF-8)."))
}

/// Whether it begins as every JSON document does that Zoho takes. A form could not be told from a text.
fn may_be_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Whether what calls itself a form is a JSON document: no name of a field begins with a brace.
fn is_document(bytes: &[u8]) -> bool {
    match bytes.trim_ascii_start().first() {
        Some(b'{') => true,
        Some(b'[') => is_json(bytes).is_ok(),
        _ => false,
    }
}

/// A JSON document, of any kind.
fn is_json(bytes: &[u8]) -> Result<(), Problem> {
    serde_json::from_slice::<IgnoredAny>(bytes).map(drop).map_err(|error| no_json(&error))
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
            ("application/json", r#"{"group_name":"x","items":[{"organization_id":1}]}"#),
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
        let sent = judged(Verb::Post, Product::Inventory, JSON, "{}").unwrap().unwrap();
        assert_eq!(sent.content_type, "application/json", "a header of our own");
        let form = judged(Verb::Post, Product::Inventory, FORM, "&a=1;organization_id=1&b+c=%7e&").err();
        assert!(form.is_some(), "names are plain");
        let form = judged(Verb::Post, Product::Inventory, FORM, "&a=1;organization_id=1&b=%7e+x&&c").unwrap();
        assert_eq!(&*form.unwrap().bytes, b"a=1%3Borganization_id%3D1&b=%7E+x&c=");
    }

    #[test]
    fn json_that_does_not_say_so_is_passed_on_as_json() {
        for (product, body) in [(Product::Crm, r#"{"data":[]}"#), (Product::Inventory, " {}")] {
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
    fn json_that_calls_itself_a_form_is_told_so() {
        for body in [r#"{"data":[{"Deal_Name":"x"}]}"#, " {", r#"[{"a":1}]"#] {
            let refused = judged(Verb::Post, Product::Crm, FORM, body).err().unwrap();
            assert!(refused.detail().contains("send `Content-Type: application/json`"), "{body}");
        }
        assert!(judged(Verb::Post, Product::Crm, FORM, "[a]=1&b=%7B%7D").is_ok());
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
            (Verb::Post, JSON, "[1]"),
            (Verb::Post, JSON, r#"[{"organization_id":1}]"#),
            (Verb::Post, JSON, r#"{"organ\u0131zation_id":1}"#),
            (Verb::Post, JSON, "{\"organ\u{131}zation_id\":1}"),
            (Verb::Post, FORM, "organ%C4%B1zation_id=1"),
            (Verb::Post, FORM, "_charset_=utf-7"),
            (Verb::Post, FORM, "a=%FF"),
            (Verb::Post, "application/json; charset=ibm037", "{}"),
            (Verb::Post, JSON, r#"{"organization_id":1}"#),
            (Verb::Post, JSON, r#"{"a":1,"Organization\u005fID":null}"#),
            (Verb::Post, JSON, r#"{"organization_id":1,"organization_id":2}"#),
            (Verb::Post, FORM, "a=b&organization%5Fid=1"),
            (Verb::Post, FORM, "JSONString=%7B%22organization_id%22%3A1%7D"),
            (Verb::Post, FORM, "JSONString="),
            (Verb::Post, FORM, "JSONString=%7B%22enable_portal%22%3Atrue%7D"),
            (Verb::Post, JSON, r#"{"first_name":"A","enable_portal":true}"#),
            (Verb::Post, JSON, r#"{"contact_persons":[{"first_name":"A"},{"is_added_in_portal":"true"}]}"#),
            (Verb::Post, "multipart/form-data", "--x--"),
        ] {
            assert!(judged(verb, Product::Inventory, kind, body).is_err(), "{verb} {kind} {body}");
        }
        assert!(judged(Verb::Post, Product::Crm, JSON, "{").is_err());
    }
}
