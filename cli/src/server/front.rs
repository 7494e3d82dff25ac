//! What stands at `/`: where the parts of this address are. It says nothing of what is connected.

use axum::Json;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use shared::base::html_page::{Mood, Page};

/// A page for browsers, a document for everybody else.
pub(super) async fn front(headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains("text/html")) { page() } else { document() }
}

fn page() -> Response {
    Page::new(Mood::Plain, "A connector runs here")
        .line("Agents call it with a service key. This is the right address to give them.")
        .html(
            "<dl><dt>API</dt><dd><code>/v1</code>, with a service key</dd>\
             <dt>Description</dt><dd><a href=\"/openapi.json\">/openapi.json</a></dd>\
             <dt>Tools</dt><dd><code>/mcp</code>, for agents that speak MCP</dd>\
             <dt>Health</dt><dd><a href=\"/health\">/health</a></dd></dl>",
        )
        .soft("Its operator looks at it with `zoho-connector console`, on a machine of their own.")
        .into_response()
}

fn document() -> Response {
    Json(json!({
        "name": "zoho-connector",
        "api": "/v1",
        "openapi": "/openapi.json",
        "mcp": "/mcp",
        "health": "/health",
        "console": "zoho-connector console, on the operator's machine",
    }))
    .into_response()
}
