//! A request as API Gateway's HTTP API tells it to a function: payload format 2.0.

use std::net::IpAddr;

use axum::http::header::{CONNECTION, CONTENT_TYPE, COOKIE, HOST, TRANSFER_ENCODING, USER_AGENT};
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use shared::base::clock::{Clock, SystemClock};
use url::form_urlencoded;

use super::place::ACCOUNT_ID;

/// The event of a request.
pub(super) fn event(domain: &str, from: IpAddr, id: &str, request: &Parts, body: &[u8]) -> Value {
    let path = decoded_path(request.uri.path());
    let query = request.uri.query().unwrap_or_default();
    let text_of = |name| request.headers.get(name).map_or("", |value| value.to_str().unwrap_or_default());
    let (api_id, _) = domain.split_once('.').unwrap_or((domain, ""));
    let now = SystemClock.now();
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(domain, from, request),
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": api_id,
            "domainName": domain,
            "domainPrefix": api_id,
            "http": {
                "method": request.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": from.to_string(),
                "userAgent": text_of(USER_AGENT),
            },
            "requestId": id,
            "routeKey": "$default",
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    let cookies = request.headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookies: Vec<_> = cookies.flat_map(|line| line.split(';').map(str::trim)).collect();
    if cookies.iter().any(|cookie| !cookie.is_empty()) {
        event["cookies"] = json!(cookies);
    }
    let mut parameters = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        join(&mut parameters, &name, &value);
    }
    if !parameters.is_empty() {
        event["queryStringParameters"] = Value::Object(parameters);
    }
    if !body.is_empty() {
        let text = std::str::from_utf8(body).ok().filter(|_| is_text(text_of(CONTENT_TYPE)));
        event["isBase64Encoded"] = Value::Bool(text.is_none());
        event["body"] = Value::String(text.map_or_else(|| STANDARD.encode(body), str::to_owned));
    }
    event
}

/// A path as `rawPath` has it: **decoded once, whole**, before a route is chosen. So `%2F` is a slash like any other,
/// `%252F` arrives as `%2F` (and is a slash for whoever decodes again), `+` stays a plus, and **what follows a decoded `?` is
/// cut off**. (Live captures say so; AWS's guide does not.) What bytes that are no UTF-8 become is nowhere said; here it is
/// U+FFFD, for an event is JSON and can hold nothing else.
pub fn decoded_path(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    decoded.split('?').next().unwrap_or_default().to_owned()
}

/// Lower-case names, values of one name joined with commas; cookies have their own place. Host is the API's own, whatever
/// the client wrote, and the caller is told by `x-forwarded-for`.
fn headers(domain: &str, from: IpAddr, request: &Parts) -> Value {
    let mut headers = Map::new();
    for (name, value) in &request.headers {
        if ![COOKIE, HOST, CONNECTION, TRANSFER_ENCODING].contains(name) {
            join(&mut headers, name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
    }
    join(&mut headers, "x-forwarded-for", &from.to_string());
    let own = [("host", domain), ("x-forwarded-port", "443"), ("x-forwarded-proto", "https")];
    for (name, value) in
        own.into_iter().chain([("x-amzn-trace-id", "Root=1-00000000-000000000000000000000000")])
    {
        headers.insert(name.to_owned(), value.into());
    }
    Value::Object(headers)
}

fn join(into: &mut Map<String, Value>, name: &str, value: &str) {
    let joined = match into.get(name).and_then(Value::as_str) {
        Some(before) => format!("{before},{value}"),
        None => value.to_owned(),
    };
    into.insert(name.to_owned(), Value::String(joined));
}

/// Everything else arrives as base64: forms too, which surprises many, and what says nothing of its type.
fn is_text(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&kind.as_str())
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}
