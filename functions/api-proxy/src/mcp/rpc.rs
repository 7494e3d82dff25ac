//! JSON-RPC 2.0, as much of it as MCP uses: one message in the body of a POST, and one answer.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::request::did_you_mean::short;
use crate::request::plain_json::demand_plain;

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
/// MCP's own: a header says something else than the body.
const HEADER_MISMATCH: i32 = -32020;
/// MCP's own: `data.supported` tells a client which revisions there are.
const UNSUPPORTED_PROTOCOL_VERSION: i32 = -32022;

/// What a client sends.
#[derive(Debug)]
pub(super) struct Message {
    /// Under which it waits for an answer; none where it waits for none.
    pub(super) id: Option<Value>,
    /// What it wants. An answer of the client's wants nothing: this server asks for none.
    pub(super) method: String,
    /// The parameters of the method.
    pub(super) params: Map<String, Value>,
}

/// A failure of the protocol. What a tool fails at is a result.
#[derive(Debug)]
pub(super) struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    id: Value,
    code: i32,
    message: String,
    data: Value,
}

impl Failure {
    fn new(status: StatusCode, code: i32, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { status, id: Value::Null, code, message: message.into(), data: Value::Null }))
    }

    /// A request that HTTP's rules refuse.
    pub(super) fn refused(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, INVALID_REQUEST, message)
    }

    /// A message that is none.
    fn malformed(message: impl Into<String>) -> Self {
        Self::refused(StatusCode::BAD_REQUEST, message)
    }

    /// A revision of MCP that is not spoken here.
    pub(super) fn unsupported(requested: &str, supported: &[&str]) -> Self {
        let message = format!("This server does not speak MCP {requested}, but {}.", supported.join(", "));
        let mut failure = Self::new(StatusCode::BAD_REQUEST, UNSUPPORTED_PROTOCOL_VERSION, message);
        failure.0.data = json!({ "supported": supported, "requested": requested });
        failure
    }

    /// A header that says something else than the body.
    pub(super) fn mismatch(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, HEADER_MISMATCH, message)
    }

    /// A method that is not there.
    pub(super) fn unknown(method: &str) -> Self {
        let message =
            format!("There is no method `{}`: this server has tools, and nothing else.", short(method));
        Self::new(StatusCode::OK, METHOD_NOT_FOUND, message)
    }

    /// Parameters that the method does not take.
    pub(super) fn params(message: impl Into<String>) -> Self {
        Self::new(StatusCode::OK, INVALID_PARAMS, message)
    }

    /// With the status of HTTP that the revision without handshake has for it; those before have 200 for all.
    #[must_use]
    pub(super) fn by_status(mut self) -> Self {
        self.0.status = match self.0.code {
            METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        };
        self
    }

    /// In answer to the message with this id.
    #[must_use]
    pub(super) fn to(mut self, id: Value) -> Self {
        self.0.id = id;
        self
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Inner { status, id, code, message, data } = *self.0;
        let mut error = json!({ "code": code, "message": message });
        if let (false, Some(error)) = (data.is_null(), error.as_object_mut()) {
            error.insert("data".to_owned(), data);
        }
        (status, Json(json!({ "jsonrpc": "2.0", "id": id, "error": error }))).into_response()
    }
}

/// The answer to the message with this id.
pub(super) fn answer(id: &Value, result: &Value) -> Response {
    Json(json!({ "jsonrpc": "2.0", "id": id, "result": result })).into_response()
}

/// Reads a message.
pub(super) fn read(bytes: &[u8]) -> Result<Message, Failure> {
    demand_plain(bytes).map_err(|problem| Failure::malformed(problem.detail()))?;
    let document: Value = serde_json::from_slice(bytes).map_err(|error| {
        Failure::new(StatusCode::BAD_REQUEST, PARSE_ERROR, format!("The body is no JSON: {error}."))
    })?;
    let mut fields = match document {
        Value::Object(fields) => fields,
        Value::Array(_) => {
            let message = "Batches are not taken: send each message in a request of its own.";
            return Err(Failure::malformed(message));
        }
        _ => return Err(Failure::malformed("The body is no message: a JSON object.")),
    };
    if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(Failure::malformed("`jsonrpc` must be \"2.0\"."));
    }
    let id = fields.remove("id");
    if id.as_ref().is_some_and(|id| !(id.is_string() || id.is_i64() || id.is_u64())) {
        return Err(Failure::malformed("`id` must be a text or a whole number."));
    }
    let method = match fields.remove("method") {
        Some(Value::String(method)) => method,
        None if fields.contains_key("result") || fields.contains_key("error") => {
            return Ok(Message { id: None, method: String::new(), params: Map::new() });
        }
        _ => return Err(Failure::malformed("`method` must be the name of a method.")),
    };
    let params = match fields.remove("params") {
        // Some clients send null for what they leave out.
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => {
            return Err(Failure::params("`params` must be a JSON object.").to(id.unwrap_or_default()));
        }
    };
    Ok(Message { id, method, params })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_notifications_and_answers_are_told_apart() {
        for (text, id, method) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, json!(1), "ping"),
            (r#"{"method":"ping","params":{},"jsonrpc":"2.0","id":"a"}"#, json!("a"), "ping"),
            (
                r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
                Value::Null,
                "notifications/initialized",
            ),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#, json!(1), "ping"),
            (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, Value::Null, ""),
            (r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}"#, Value::Null, ""),
        ] {
            let message = read(text.as_bytes()).unwrap();
            assert_eq!((message.id.unwrap_or_default(), message.method.as_str()), (id, method), "{text}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (text, code, status) in [
            ("", PARSE_ERROR, 400),
            ("{", PARSE_ERROR, 400),
            ("[]", INVALID_REQUEST, 400),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, INVALID_REQUEST, 400),
            ("7", INVALID_REQUEST, 400),
            (r#"{"id":1,"method":"ping"}"#, INVALID_REQUEST, 400),
            (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, INVALID_REQUEST, 400),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, INVALID_REQUEST, 400),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, INVALID_REQUEST, 400),
            (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, INVALID_REQUEST, 400),
            (r#"{"jsonrpc":"2.0","id":1}"#, INVALID_REQUEST, 400),
            (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, INVALID_REQUEST, 400),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, INVALID_PARAMS, 200),
        ] {
            let failure = read(text.as_bytes()).unwrap_err();
            assert_eq!((failure.0.code, failure.0.status.as_u16()), (code, status), "{text}");
        }
    }
}
