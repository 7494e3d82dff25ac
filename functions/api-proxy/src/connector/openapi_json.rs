//! `GET /openapi.json`: what can be called, for machines. The file beside `Cargo.toml` as it stands, which a test keeps equal
//! to what the routes say.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use shared::base::secret::sha256_hex;

use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::text;

const DOCUMENT: &[u8] = include_bytes!("../../openapi.json");

/// Made by the first who asks.
static ETAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = sha256_hex(DOCUMENT);
    HeaderValue::try_from(format!("\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"\""))
});

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, "/openapi.json", document, || {
        Operation::open("getOpenApi", "This document")
            .about("What can be called, as OpenAPI 3.1. It may be kept for an hour.")
            .header("If-None-Match", "The `ETag` of your copy.", json!({ "type": "string" }), "\"0\"")
            .answers(200, "The document.", open_document())
            .answers_empty(304, "Your copy is this one.")
    });
}

fn open_document() -> Value {
    json!({
        "type": "object",
        "required": ["openapi", "info", "paths"],
        "properties": {
            "openapi": text(),
            "info": { "type": "object" },
            "paths": { "type": "object" },
        },
    })
}

async fn document(headers: HeaderMap) -> Response {
    let own = [
        (header::ETAG, ETAG.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
    ];
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|known| known.to_str().ok());
    let mut known =
        known.flat_map(|known| known.split(',')).map(|known| known.trim().trim_start_matches("W/"));
    if known.any(|known| known == "*" || known.as_bytes() == ETAG.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, own).into_response();
    }
    (own, [(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
