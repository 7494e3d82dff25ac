//! Events of an HTTP API, as requests. `lambda_http` reads them; only the answers are written by us.

use axum::body::Body;
use axum::extract::Request;
use lambda_http::request::LambdaRequest;

/// A request, and the domain that its caller used.
pub(super) struct Event {
    pub(super) request: Request,
    pub(super) domain: Option<String>,
}

impl From<LambdaRequest> for Event {
    fn from(mut read: LambdaRequest) -> Self {
        let mut domain = None;
        // The only kind of event that this build knows.
        if let LambdaRequest::ApiGatewayV2(event) = &mut read {
            domain.clone_from(&event.request_context.domain_name);
            let query = event.raw_query_string.as_deref().unwrap_or_default();
            if !is_plain(event.raw_path.as_deref().unwrap_or_default(), query) {
                event.raw_path = Some(NOWHERE.to_owned());
                event.raw_query_string = None;
            }
        }
        let (parts, body) = lambda_http::Request::from(read).into_parts();
        let body = match body {
            lambda_http::Body::Text(text) => Body::from(text),
            lambda_http::Body::Binary(bytes) => Body::from(bytes),
            _ => Body::empty(),
        };
        Self { request: Request::from_parts(parts, body), domain }
    }
}

/// The path of an address that no route serves.
const NOWHERE: &str = "/-";

/// Whether an address has no character that decoding could have turned into syntax. API Gateway decodes a path before it passes it on:
/// `%23` would then cut off the query, and `%5C` and dot segments would lead to another route. No route needs such characters.
fn is_plain(path: &str, query: &str) -> bool {
    path.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'#' | b'?' | b'%' | b'\\'))
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
        && query.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
}

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
        serde_json::from_slice::<LambdaRequest>(event.to_string().as_bytes()).map(Event::from)
    }

    async fn body(event: Event) -> Vec<u8> {
        to_bytes(event.request.into_body(), usize::MAX).await.unwrap().into()
    }

    #[tokio::test]
    async fn an_event_is_a_request() {
        let event = read(&written()).unwrap();
        assert_eq!(event.domain.as_deref(), Some("abc.execute-api.eu-central-1.amazonaws.com"));
        assert_eq!(event.request.method(), "POST");
        let address = event.request.uri().path_and_query().unwrap();
        assert_eq!(address.as_str(), "/v1/inventory/items?sku=A%26B");
        let headers = event.request.headers();
        assert_eq!(
            (&headers["authorization"], &headers["cookie"]),
            (&"Bearer x".parse().unwrap(), &"a=1; b=2".parse().unwrap())
        );
        assert_eq!(headers["accept"].as_bytes(), "a/b\t\u{e9}".as_bytes());
        assert_eq!(body(event).await, "{\"a\":\"\u{fc}\"}".as_bytes());
    }

    #[tokio::test]
    async fn a_body_is_bytes_where_it_says_so() {
        let mut event = written();
        (event["body"], event["isBase64Encoded"]) = ("/wA=".into(), true.into());
        assert_eq!(body(read(&event).unwrap()).await, [0xFF, 0]);
        for name in ["rawQueryString", "cookies", "body"] {
            event.as_object_mut().unwrap().remove(name);
        }
        event["isBase64Encoded"] = false.into();
        event["requestContext"]["domainName"] = Value::Null;
        let read = read(&event).unwrap();
        assert_eq!((read.request.uri().path(), read.domain.is_none()), ("/v1/inventory/items", true));
        assert!(body(read).await.is_empty());
    }

    #[test]
    fn what_is_no_event_of_an_http_api_is_refused() {
        assert!(read(&json!({ "Records": [] })).is_err());
        let mut event = written();
        event["headers"]["a b"] = "c".into();
        assert!(read(&event).is_err());
    }

    #[test]
    fn only_paths_that_read_as_they_were_sent_are_plain() {
        for plain in ["/v1/inventory/items/33", "/webhooks/default/inventory/item.updated", "/", "//", "/a+b"]
        {
            assert!(is_plain(plain, "a=%3F"), "{plain}");
        }
        for odd in
            ["/a#b", "/a?b", "/a%2Fb", "/a\\b", "/../a", "/a/./b", "/a/..", "/a b", "/a\tb", "/a\0b", "/ü"]
        {
            assert!(!is_plain(odd, ""), "{odd}");
        }
        let mut event = written();
        event["rawPath"] = "/a/../v1".into();
        assert_eq!(read(&event).unwrap().request.uri().path(), NOWHERE);
        (event["rawPath"], event["rawQueryString"]) = ("/v1".into(), "b c".into());
        assert_eq!(read(&event).unwrap().request.uri().path(), NOWHERE);
        (event["rawPath"], event["rawQueryString"]) = ("/a{\"b\"}<`>".into(), "".into());
        assert_eq!(read(&event).unwrap().request.uri().path(), "/a%7B%22b%22%7D%3C%60%3E");
    }
}
