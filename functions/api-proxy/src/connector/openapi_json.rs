//! `GET /openapi.json`: what can be called, for machines. The file beside `Cargo.toml` as it stands, which a test keeps equal
//! to what the routes say. The binary carries it compressed, which is also how most callers take it.

use std::io::Read;
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use shared::base::problem::Problem;
use shared::base::secret::sha256_hex;

use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::text;

const COMPRESSED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));

/// Made by the first who asks. It is a weak one: the document is the same, compressed or not.
static ETAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = sha256_hex(COMPRESSED);
    HeaderValue::try_from(format!("W/\"{digest}\"")).unwrap_or(HeaderValue::from_static("W/\"\""))
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
    let is_ours = |known: &str| ETAG.as_bytes().strip_prefix(b"W/") == Some(known.as_bytes());
    if known.any(|known| known == "*" || is_ours(known)) {
        return (StatusCode::NOT_MODIFIED, own).into_response();
    }
    let own = (own, [(header::CONTENT_TYPE, "application/json"), (header::VARY, "Accept-Encoding")]);
    if takes_gzip(&headers) {
        return (own, [(header::CONTENT_ENCODING, "gzip")], COMPRESSED).into_response();
    }
    let mut document = Vec::new();
    match GzDecoder::new(COMPRESSED).read_to_end(&mut document) {
        Ok(_) => (own, document).into_response(),
        Err(error) => Problem::internal(error.to_string()).into_response(),
    }
}

/// Whether a caller takes gzip; `gzip;q=0` does not.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let named = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|named| named.to_str().ok());
    named.flat_map(|named| named.split(',')).any(|named| {
        let (name, weight) = named.split_once(';').unwrap_or((named, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        ["gzip", "x-gzip", "*"].iter().any(|known| name.trim().eq_ignore_ascii_case(known)) && weight > 0.0
    })
}
