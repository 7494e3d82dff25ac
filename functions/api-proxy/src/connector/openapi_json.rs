//! `GET /openapi.json`: what can be called, for machines. The file beside `Cargo.toml` without its white space, which a test keeps
//! equal to what the routes say. The binary carries it compressed, which is also how most callers take it. With `?for=key`, only
//! what the caller's key may call.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::read::GzEncoder;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::base::secret::sha256_hex;
use shared::core::access::key::ServiceKey;
use shared::core::access::permission::Permission;
use shared::zoho::scope::ScopeSet;

use super::allowed;
use crate::app::App;
use crate::openapi::listed::{Listed, OPERATIONS};
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::packed::{DOCUMENT, unpacked};
use crate::openapi::route::Routes;
use crate::openapi::schema::{text, words};
use crate::request::params::Params;

/// The document's tag, made for the first caller. It is a weak one, because the document is the same, compressed or not.
static ETAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = sha256_hex(DOCUMENT);
    HeaderValue::try_from(format!("W/\"{digest}\"")).unwrap_or(HeaderValue::from_static("W/\"\""))
});

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, "/openapi.json", document, || {
        Operation::open("getOpenApi", "This document")
            .about(
                "What can be called, as OpenAPI 3.1. It may be kept for an hour. With `for=key` and a key in `Authorization`, only what \
                 that key may call on one of its connections.",
            )
            .query("for", "`key`: only what the key of this request may call.", words(&["key"]), Value::Null)
            .header("If-None-Match", "The `ETag` of your copy.", json!({ "type": "string" }), "\"0\"")
            .answers(200, "The document.", open_document())
            .answers_empty(304, "Your copy is this one.")
            .fails(&[
                Code::KeyMissing,
                Code::KeyInvalid,
                Code::KeyExpired,
                Code::InvalidParameter,
                Code::StoreUnavailable,
                Code::Internal,
            ])
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentParams {
    #[serde(rename = "for")]
    of: Option<Of>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Of {
    Key,
}

async fn document(
    State(app): State<Arc<App>>,
    Params(params): Params<DocumentParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let own = match params.of {
        None => return whole(&headers),
        Some(Of::Key) => of_key(&app, &headers).await?,
    };
    let kind = [(header::CONTENT_TYPE, "application/json"), (header::VARY, "Accept-Encoding, Authorization")];
    if !takes_gzip(&headers) {
        return Ok((kind, own).into_response());
    }
    let mut compressed = Vec::new();
    GzEncoder::new(own.as_bytes(), Compression::fast())
        .read_to_end(&mut compressed)
        .map_err(|error| fault(&error))?;
    Ok((kind, [(header::CONTENT_ENCODING, "gzip")], compressed).into_response())
}

/// The document as everybody gets it.
fn whole(headers: &HeaderMap) -> Result<Response, Problem> {
    let own = [
        (header::ETAG, ETAG.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
    ];
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|known| known.to_str().ok());
    let mut known =
        known.flat_map(|known| known.split(',')).map(|known| known.trim().trim_start_matches("W/"));
    let is_ours = |known: &str| ETAG.as_bytes().strip_prefix(b"W/") == Some(known.as_bytes());
    if known.any(|known| known == "*" || is_ours(known)) {
        return Ok((StatusCode::NOT_MODIFIED, own).into_response());
    }
    let own = (own, [(header::CONTENT_TYPE, "application/json"), (header::VARY, "Accept-Encoding")]);
    if takes_gzip(headers) {
        return Ok((own, [(header::CONTENT_ENCODING, "gzip")], DOCUMENT).into_response());
    }
    Ok((own, decompressed()?).into_response())
}

fn decompressed() -> Result<String, Problem> {
    unpacked(DOCUMENT).map_err(|error| fault(&error))
}

fn fault(error: &io::Error) -> Problem {
    Problem::internal(error.to_string())
}

/// The document for the key of a request. The key alone is checked: nothing here is a record that it could have to hide.
async fn of_key(app: &App, headers: &HeaderMap) -> Result<String, Problem> {
    let authorization =
        headers.get(header::AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let key = app.gate.keys.check(authorization.as_deref()).await?;
    let mut scopes = Vec::new();
    if key.connections.len() <= allowed::MAX_CONNECTIONS {
        for name in &key.connections {
            let found = app.connections.get(name).await?;
            scopes.push(found.map(|found| found.scopes.clone()).unwrap_or_default());
        }
    }
    let mut document =
        serde_json::from_str(&decompressed()?).map_err(|error| Problem::internal(error.to_string()))?;
    keep(&mut document, &key, &scopes);
    Ok(document.to_string())
}

/// Leaves only what a key may call on a connection with one of these sets of scopes, or on any, where no set is given.
fn keep(document: &mut Value, key: &ServiceKey, scopes: &[ScopeSet]) {
    let may = |operation: &Listed| {
        if scopes.is_empty() {
            return allowed::by_key(key, operation);
        }
        scopes.iter().any(|scopes| allowed::on(key, scopes, operation))
    };
    let may_call = |method: &str, path: &str| {
        let is = |operation: &Listed| operation.path == path && operation.method.eq_ignore_ascii_case(method);
        OPERATIONS.iter().any(|operation| is(operation) && may(operation))
    };
    let passed: Vec<String> = key.permissions.iter().filter_map(Permission::route).collect();
    let passes = |method: &str| {
        let method = method.to_uppercase();
        passed.iter().filter_map(|route| route.split(' ').next()).any(|own| own == "*" || own == method)
    };
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, methods) in paths.iter_mut() {
        let Some(methods) = methods.as_object_mut() else { continue };
        methods.retain(|method, operation| {
            let needs = operation.get("x-permissions").and_then(Value::as_array);
            if needs.is_none_or(Vec::is_empty) {
                return true;
            }
            let passes_through = path.starts_with("/v1/zoho/");
            if passes_through { passes(method) } else { may_call(method, path) }
        });
    }
    paths.retain(|_, methods| methods.as_object().is_some_and(|methods| !methods.is_empty()));
    drop_unused(document);
}

/// Takes away the components that nothing refers to any more.
fn drop_unused(document: &mut Value) {
    let mut used = BTreeSet::new();
    let mut open = document.get("paths").map(references).unwrap_or_default();
    while let Some(reference) = open.pop() {
        if let Some(component) = document.pointer(reference.trim_start_matches('#')) {
            open.extend(references(component).into_iter().filter(|next| !used.contains(next)));
        }
        used.insert(reference);
    }
    let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) else { return };
    for (kind, named) in components.iter_mut().filter(|(kind, _)| *kind != "securitySchemes") {
        if let Some(named) = named.as_object_mut() {
            named.retain(|name, _| used.contains(&format!("#/components/{kind}/{name}")));
        }
    }
}

/// All that a part of the document refers to.
fn references(part: &Value) -> Vec<String> {
    match part {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => Vec::new(),
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

#[cfg(test)]
mod tests {
    use shared::zoho::scope::{Access, Product};

    use super::*;

    fn document_for(permissions: &[&str], scopes: &[ScopeSet]) -> Value {
        let mut document = serde_json::from_str(&decompressed().unwrap()).unwrap();
        keep(&mut document, &allowed::key_with(permissions), scopes);
        document
    }

    #[test]
    fn a_key_reads_only_of_what_it_may_call_and_finds_all_that_this_refers_to() {
        let all = ScopeSet::of(&Product::ALL, Access::Write);
        let whole = decompressed().unwrap().len();
        let document = document_for(&["crm:read", "zoho:GET:crm/Leads"], std::slice::from_ref(&all));
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.contains_key("/v1/crm/deals") && paths.contains_key("/health"), "{:?}", paths.keys());
        assert!(!paths.keys().any(|path| path.starts_with("/v1/inventory/")), "{:?}", paths.keys());
        assert_eq!(paths["/v1/crm/deals"].as_object().unwrap().keys().collect::<Vec<_>>(), ["get"]);
        let passed = &document["paths"]["/v1/zoho/{product}/{path}"];
        assert_eq!(passed.as_object().unwrap().keys().collect::<Vec<_>>(), ["get"]);
        for reference in references(&document) {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        assert!(document["components"]["schemas"].get("SalesOrder").is_none());
        assert!(document.to_string().len() * 2 < whole, "{} of {whole}", document.to_string().len());

        let everything = ["inventory:write", "crm:write", "events", "zoho:*:crm/**"];
        for scopes in [vec![all], Vec::new()] {
            let document = document_for(&everything, &scopes);
            let served: Value = serde_json::from_str(&decompressed().unwrap()).unwrap();
            assert_eq!(document["paths"], served["paths"]);
        }
    }

    #[test]
    fn what_is_served_has_no_white_space_between_its_parts() {
        let served = decompressed().unwrap();
        let document: Value = serde_json::from_str(&served).unwrap();
        assert_eq!(document.to_string(), served);
    }
}
