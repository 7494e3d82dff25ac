//! Calls of tools: each goes through the API's own router, and the answer becomes a result.

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::HeaderMap;
use serde_json::{Map, Value, json};
use shared::base::call_counts::CallCounts;
use shared::base::problem::{Code, Problem};
use shared::base::public_url::PublicUrl;
use shared::base::secret::random_hex;
use tower::ServiceExt;

use super::rpc::Failure;
use super::tools::{TOOLS, Tool};
use crate::request::caller::Caller;
use crate::request::did_you_mean::{question, short};
use crate::request::params::invalid;
use crate::request::response_headers::Written;
use crate::request::size_limit::LARGEST;

/// The headers of an answer that a result tells of, and as what.
const TOLD: [(&str, &str); 5] = [
    ("zoho-connection", "connection"),
    ("idempotency-replayed", "replayed"),
    ("x-ratelimit-remaining", "calls_left"),
    ("x-ratelimit-reset", "calls_reset_after"),
    ("retry-after", "retry_after"),
];

/// Calls a tool by the API. What fails there, and what is wrong with the arguments, is a result that says so: clients tell it
/// their model, while after some failures of the protocol they leave the server alone for a while.
pub(super) async fn call(
    api: Router,
    caller: &Caller,
    origin: &PublicUrl,
    headers: &HeaderMap,
    counts: Option<CallCounts>,
    mut params: Map<String, Value>,
) -> Result<Value, Failure> {
    let Some(Value::String(name)) = params.remove("name") else {
        return Err(Failure::params("`name` must be the name of a tool."));
    };
    let arguments = match params.remove("arguments") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments,
        Some(_) => return Err(Failure::params("`arguments` must be a JSON object.")),
    };
    let Some(tool) = TOOLS.iter().find(|tool| tool.name() == Some(name.as_str())) else {
        let meant = question(&name, TOOLS.iter().filter_map(Tool::name));
        return Err(Failure::params(format!("There is no tool `{}`.{meant}", short(&name))));
    };
    let answered = match tool.request(arguments, caller, origin, headers) {
        Ok(mut request) => {
            // Where calls are counted, those of tools are counted by their routes, too.
            if let Some(counts) = counts {
                request.extensions_mut().insert(counts);
            }
            ask(api, request).await
        }
        Err(problem) => Err(problem),
    };
    Ok(answered.unwrap_or_else(|problem| refused(&problem, origin)))
}

/// Asks the API; its answer as a result.
async fn ask(api: Router, request: Request) -> Result<Value, Problem> {
    let Ok(response) = api.oneshot(request).await;
    let status = response.status();
    let is_written = response.extensions().get::<Written>().is_some();
    let meta = meta(response.headers());
    let bytes = to_bytes(response.into_body(), usize::MAX).await;
    let bytes = bytes.map_err(|error| Problem::internal(error.to_string()))?;
    if bytes.is_empty() {
        let text = json!({ "status": status.as_u16() }).to_string();
        return Ok(with_meta(result(&text, !status.is_success()), meta));
    }
    let Ok(body) = std::str::from_utf8(&bytes) else {
        return Err(invalid("The answer is a file, which no tool can give: read it over HTTP, without MCP."));
    };
    // As a text within a document it is longer than it is by itself.
    let escaped = body.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t')).count();
    if body.len() + escaped > LARGEST {
        let done = if is_written {
            "Zoho has done this, so do not send it again; but its answer is larger than the 4 MB that are passed on."
        } else {
            "The answer is larger than the 4 MB that are passed on."
        };
        return Err(Problem::new(Code::ResponseTooLarge, done));
    }
    Ok(with_meta(result(body, !status.is_success()), meta))
}

/// What the headers of an answer say beside it, for clients and their logs: models are not shown it, and need it in no answer. What
/// they do need, like `retry_after`, stands in the answer itself.
fn meta(headers: &HeaderMap) -> Map<String, Value> {
    let told = TOLD.iter().filter_map(|(header, name)| {
        let value = headers.get(*header)?.to_str().ok()?;
        let value = value.parse::<u64>().map_or_else(|_| Value::from(value), Value::from);
        Some((format!("zoho-connector/{name}"), value))
    });
    told.collect()
}

fn with_meta(mut result: Value, meta: Map<String, Value>) -> Value {
    if let (false, Some(result)) = (meta.is_empty(), result.as_object_mut()) {
        result.insert("_meta".to_owned(), meta.into());
    }
    result
}

/// A problem that no route of the API has written down.
fn refused(problem: &Problem, origin: &PublicUrl) -> Value {
    let request_id = random_hex::<8>();
    tracing::info!(%request_id, code = problem.code().as_str(), "the call of a tool was refused");
    let document = json!(problem.document(&request_id, Some(origin)));
    result(&document.to_string(), true)
}

/// The text once, and nothing structured beside it, which clients would show a second time.
fn result(text: &str, is_error: bool) -> Value {
    let mut result = json!({ "content": [{ "type": "text", "text": text }] });
    if let (true, Some(result)) = (is_error, result.as_object_mut()) {
        result.insert("isError".to_owned(), true.into());
    }
    result
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_headers_say_stands_beside_the_result() {
        let mut headers = HeaderMap::new();
        headers.insert("zoho-connection", HeaderValue::from_static("default"));
        headers.insert("x-ratelimit-remaining", HeaderValue::from_static("7"));
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
        headers.insert("x-request-id", HeaderValue::from_static("0a"));
        let told = with_meta(result("{}", false), meta(&headers));
        assert_eq!(
            told["_meta"],
            json!({ "zoho-connector/connection": "default", "zoho-connector/replayed": "true", "zoho-connector/calls_left": 7 })
        );
        assert_eq!(with_meta(result("{}", false), meta(&HeaderMap::new()))["_meta"], Value::Null);
    }
}
