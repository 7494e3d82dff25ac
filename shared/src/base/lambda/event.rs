//! Events of an HTTP API, as requests:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
//!
//! Only what the functions look at is read. A type of all that an event can hold costs more than most calls.

use std::borrow::Cow;
use std::fmt;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A request, and the domain that its caller used.
pub(super) struct Event {
    pub(super) request: Request,
    pub(super) domain: Option<String>,
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The runtime keeps the path to each field for its errors, which costs more than all fields.
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let written: Written = serde_json::from_str(text).map_err(D::Error::custom)?;
        written.event().map_err(D::Error::custom)
    }
}

/// As it is written.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    headers: Option<Headers>,
    cookies: Option<Vec<String>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
    request_context: Caller,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Caller {
    domain_name: Option<String>,
    http: Http,
}

#[derive(serde::Deserialize)]
struct Http {
    method: String,
}

impl Written {
    fn event(self) -> Result<Event, String> {
        let method = Method::from_bytes(self.request_context.http.method.as_bytes());
        let body = match self.body {
            Some(text) if self.is_base64_encoded == Some(true) => {
                Body::from(STANDARD.decode(text).map_err(|error| format!("the body is no base64: {error}"))?)
            }
            Some(text) => Body::from(text),
            None => Body::empty(),
        };
        let mut request = Request::new(body);
        *request.method_mut() = method.map_err(|error| error.to_string())?;
        *request.uri_mut() = uri(&self.raw_path.unwrap_or_default(), self.raw_query_string.as_deref());
        *request.headers_mut() = self.headers.unwrap_or_default().0;
        if let Some(cookies) = self.cookies
            && let Ok(cookies) = HeaderValue::try_from(cookies.join("; "))
        {
            request.headers_mut().insert(COOKIE, cookies);
        }
        Ok(Event { request, domain: self.request_context.domain_name })
    }
}

/// The path of an address that no route serves.
const NOWHERE: &str = "/-";

fn uri(path: &str, query: Option<&str>) -> Uri {
    let path = if is_plain(path) { encoded(path, DECODED) } else { Cow::Borrowed(NOWHERE) };
    let query = query.filter(|query| !query.is_empty());
    let address = match query {
        Some(query) => format!("{path}?{}", encoded(query, NOT_ENCODED)),
        None => path.into_owned(),
    };
    Uri::try_from(address).unwrap_or_else(|_| Uri::from_static(NOWHERE))
}

/// Whether a path has no character that decoding could have turned into syntax. API Gateway decodes a path before it passes it on:
/// `%23` would then cut off the query, and `%5C` and dot segments would lead to another route. No route needs such characters.
fn is_plain(path: &str) -> bool {
    path.starts_with('/')
        && path.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'#' | b'?' | b'%' | b'\\'))
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
}

/// What API Gateway decoded, and does not stand in a path as it is.
const DECODED: &[char] = &['"', '<', '>', '`', '{', '}'];

/// What callers need not encode in a query, and does not stand in one as it is.
const NOT_ENCODED: &[char] = &['"', '#', '<', '>'];

fn encoded<'a>(text: &'a str, these: &[char]) -> Cow<'a, str> {
    if !text.contains(these) {
        return Cow::Borrowed(text);
    }
    let each = text.chars().map(|char| match these.contains(&char) {
        true => format!("%{:02X}", u32::from(char)),
        false => char.to_string(),
    });
    Cow::Owned(each.collect())
}

#[derive(Default)]
struct Headers(HeaderMap);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeadersVisitor)
    }
}

struct HeadersVisitor;

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = Headers;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("headers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
        let mut headers = HeaderMap::with_capacity(32);
        while let Some((name, value)) = map.next_entry::<Word<'de>, Word<'de>>()? {
            let name = HeaderName::from_bytes(name.0.as_bytes()).map_err(A::Error::custom)?;
            let value = HeaderValue::from_bytes(value.0.as_bytes()).map_err(A::Error::custom)?;
            headers.insert(name, value);
        }
        Ok(Headers(headers))
    }
}

/// A text without its escapes.
#[derive(serde::Deserialize)]
struct Word<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;

    fn written() -> Value {
        json!({
            "version": "2.0",
            "rawPath": "/v1/inventory/items",
            "rawQueryString": "sku=A%26B",
            "headers": { "authorization": "Bearer x", "Accept": "a/b\t\u{e9}" },
            "cookies": ["a=1", "b=2"],
            "body": "{\"a\":\"\u{fc}\"}",
            "requestContext": {
                "domainName": "abc.execute-api.eu-central-1.amazonaws.com",
                "http": { "method": "POST", "path": "/prod/v1" },
                "stage": "$default",
                "timeEpoch": 1,
            },
            "isBase64Encoded": false,
            "queryStringParameters": { "sku": "A&B" },
        })
    }

    fn read(event: &Value) -> serde_json::Result<Event> {
        serde_json::from_slice(event.to_string().as_bytes())
    }

    async fn body(event: Event) -> Vec<u8> {
        to_bytes(event.request.into_body(), usize::MAX).await.unwrap().into()
    }

    #[tokio::test]
    async fn an_event_is_a_request() {
        let event = read(&written()).unwrap();
        assert_eq!(event.domain.as_deref(), Some("abc.execute-api.eu-central-1.amazonaws.com"));
        assert_eq!(event.request.method(), "POST");
        assert_eq!(event.request.uri(), "/v1/inventory/items?sku=A%26B");
        let headers = event.request.headers();
        assert_eq!(
            (&headers["authorization"], &headers["cookie"]),
            (&"Bearer x".parse().unwrap(), &"a=1; b=2".parse().unwrap())
        );
        assert_eq!(headers["accept"].as_bytes(), "a/b\t\u{e9}".as_bytes());
        assert_eq!(body(event).await, "{\"a\":\"\u{fc}\"}".as_bytes());
    }

    #[tokio::test]
    async fn a_body_is_bytes_where_it_says_so_and_what_is_null_is_not_there() {
        let mut event = written();
        (event["body"], event["isBase64Encoded"]) = ("/wA=".into(), true.into());
        assert_eq!(body(read(&event).unwrap()).await, [0xFF, 0]);
        for name in ["rawQueryString", "headers", "cookies", "body", "isBase64Encoded"] {
            event[name] = Value::Null;
        }
        event["requestContext"]["domainName"] = Value::Null;
        let read = read(&event).unwrap();
        assert_eq!(
            (read.request.uri().to_string(), read.domain.is_none()),
            ("/v1/inventory/items".to_owned(), true)
        );
        assert!(read.request.headers().is_empty() && body(read).await.is_empty());
    }

    #[test]
    fn what_is_no_event_of_an_http_api_is_refused() {
        let without = |name: &str| {
            let mut event = written();
            event.as_object_mut().unwrap().remove(name);
            event
        };
        assert!(read(&without("requestContext")).is_err());
        assert!(read(&without("rawPath")).is_ok());
        assert!(read(&json!({ "Records": [] })).is_err());
        let mut event = written();
        (event["body"], event["isBase64Encoded"]) = ("?".into(), true.into());
        assert!(read(&event).is_err());
        event = written();
        event["headers"]["a b"] = "c".into();
        assert!(read(&event).is_err());
    }

    #[test]
    fn only_paths_that_read_as_they_were_sent_are_plain() {
        for plain in ["/v1/inventory/items/33", "/webhooks/default/inventory/item.updated", "/", "//", "/a+b"]
        {
            assert_eq!(uri(plain, None), plain);
            assert_eq!(uri(plain, Some("a=%3F")).to_string(), format!("{plain}?a=%3F"));
        }
        for odd in [
            "/a#b",
            "/a?b",
            "/a%2Fb",
            "/a\\b",
            "/../a",
            "/a/./b",
            "/a/..",
            "/a b",
            "/a\tb",
            "/a\0b",
            "/ü",
            "",
            "a",
            "http://a/b",
        ] {
            assert_eq!(uri(odd, None), NOWHERE, "{odd}");
        }
        assert_eq!(uri("/a{\"b\"}<`>", None), "/a%7B%22b%22%7D%3C%60%3E");
        assert_eq!(uri("/a", Some("b={<c>}\"#d")).to_string(), "/a?b={%3Cc%3E}%22%23d");
        assert_eq!(uri("/a", Some("b c")), NOWHERE);
    }
}
