//! Runs a router on Lambda, behind an HTTP API of API Gateway.

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use futures::future::BoxFuture;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Context, Error, IntoResponse, Request, RequestExt};
use tokio::time::Instant;
use tower::ServiceExt;

use super::settings::PublicUrl;
use super::web::{Deadline, LambdaRequestId};

/// The time that is kept to write the answer after a call to Zoho has used up the rest.
const ANSWER_MARGIN: Duration = Duration::from_secs(1);

/// Serves until Lambda ends the process.
///
/// # Errors
/// Where the Runtime API fails.
pub async fn serve(router: Router) -> Result<(), Error> {
    // This wraps the router, because a layer of the router would run only after the route was chosen.
    let mut last = LastOrigin::default();
    let service =
        ServiceExt::<Request>::map_request(router, move |request: Request| describe(request, &mut last));
    lambda_http::run(service.map_response(Exact)).await
}

/// A response whose bytes are not changed. `lambda_http` alone would go by the content type: it would replace invalid bytes in a
/// body that is declared as text, and re-encode a body in another charset.
struct Exact(Response);

impl IntoResponse for Exact {
    fn into_response(self) -> BoxFuture<'static, lambda_http::Response<Body>> {
        Box::pin(async move {
            let (mut parts, body) = self.0.into_parts();
            // All bodies are in memory already, so this neither fails nor copies.
            let body = to_bytes(body, usize::MAX).await.unwrap_or_else(|_| {
                parts.status = StatusCode::INTERNAL_SERVER_ERROR;
                Bytes::new()
            });
            lambda_http::Response::from_parts(parts, encoded(body))
        })
    }
}

/// Above this size a body is sent as base64 where that is shorter than escaped text, so 4 MB always fit into Lambda's limit of 6.
const BASE64_THRESHOLD: usize = 1024 * 1024;

/// The body as text where it is UTF-8 and not too long when escaped, else as base64.
fn encoded(body: Bytes) -> Body {
    if body.is_empty() {
        return Body::Empty;
    }
    if body.len() > BASE64_THRESHOLD && body.iter().map(|byte| escape(*byte)).sum::<usize>() > body.len() / 3
    {
        return Body::Binary(body.into());
    }
    String::from_utf8(body.into()).map_or_else(|error| Body::Binary(error.into_bytes()), Body::Text)
}

/// How many bytes the escape of a byte in a JSON string adds.
const fn escape(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        0..0x20 => 5,
        _ => 0,
    }
}

/// The origin of the last request's domain: nearly all requests have the same.
#[derive(Default)]
struct LastOrigin(Option<(String, PublicUrl)>);

impl LastOrigin {
    /// The origin of a domain, if it is a host's name.
    fn of(&mut self, domain: &str) -> Option<PublicUrl> {
        if let Some((known, origin)) = &self.0
            && known == domain
        {
            return Some(origin.clone());
        }
        let origin = PublicUrl::of_domain(domain).ok()?;
        self.0 = Some((domain.to_owned(), origin.clone()));
        Some(origin)
    }
}

/// Adds the facts that only Lambda knows to a request: the domain that the caller used, the deadline, and Lambda's own id.
fn describe(mut request: Request, last: &mut LastOrigin) -> Request {
    let extensions = request.extensions();
    let domain = match extensions.get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.domain_name.as_deref(),
        _ => None,
    };
    let origin = domain.and_then(|domain| last.of(domain));
    let context = extensions.get::<Context>();
    let deadline = context.map(Context::deadline);
    let id = context.map(|context| LambdaRequestId(context.request_id.clone()));
    let odd = !is_plain(request.raw_http_path());
    if odd {
        // No route serves this path.
        *request.uri_mut() = Uri::from_static("/-");
    }
    if let Some(origin) = origin {
        request.extensions_mut().insert(origin);
    }
    if let Some(id) = id {
        request.extensions_mut().insert(id);
    }
    if let Some(left) = deadline.and_then(|deadline| deadline.duration_since(SystemTime::now()).ok()) {
        request.extensions_mut().insert(Deadline(Instant::now() + left.saturating_sub(ANSWER_MARGIN)));
    }
    request
}

/// Whether a path has no character that decoding could have turned into syntax. API Gateway decodes a path before it passes it on:
/// `%23` would then cut off the query, and `%5C` and dot segments would lead to another route. No route needs such characters.
fn is_plain(path: &str) -> bool {
    path.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'#' | b'?' | b'%' | b'\\'))
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn an_answer_is_due_before_lambda_ends_the_function() {
        let end = SystemTime::now() + Duration::from_secs(20);
        let mut context = Context::default();
        context.deadline = u64::try_from(end.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        let mut request = Request::default();
        request.extensions_mut().insert(context);
        let request = describe(request, &mut LastOrigin::default());
        let Deadline(due) = *request.extensions().get().unwrap();
        assert!(due <= Instant::now() + Duration::from_secs(20) - ANSWER_MARGIN);
    }

    #[test]
    fn each_domain_has_its_own_origin() {
        let mut last = LastOrigin::default();
        for (domain, origin) in [
            ("a.example.com", Some("https://a.example.com")),
            ("a.example.com", Some("https://a.example.com")),
            ("evil.example/path", None),
            ("b.example.com", Some("https://b.example.com")),
            ("a.example.com", Some("https://a.example.com")),
        ] {
            assert_eq!(last.of(domain).as_ref().map(PublicUrl::as_str), origin, "{domain}");
        }
    }

    #[test]
    fn bytes_become_text_only_where_that_changes_and_swells_nothing() {
        let text = |body: &[u8]| match encoded(Bytes::copy_from_slice(body)) {
            Body::Text(text) => Some(text),
            _ => None,
        };
        assert_eq!(text("{\"name\":\"Bücherregal\"}".as_bytes()).unwrap(), "{\"name\":\"Bücherregal\"}");
        assert_eq!(text(b"caf\xe9"), None, "not UTF-8");
        assert!(text(&vec![b'\n'; BASE64_THRESHOLD]).is_some());
        assert_eq!(text(&vec![b'\n'; BASE64_THRESHOLD + 1]), None, "longer than base64");
        assert!(matches!(encoded(Bytes::new()), Body::Empty));
    }

    #[test]
    fn only_paths_that_read_as_they_were_sent_are_plain() {
        for plain in ["/v1/inventory/items/33", "/webhooks/default/inventory/item.updated", "/", "//", "/a+b"]
        {
            assert!(is_plain(plain), "{plain}");
        }
        for odd in
            ["/a#b", "/a?b", "/a%2Fb", "/a\\b", "/../a", "/a/./b", "/a/..", "/a b", "/a\tb", "/a\0b", "/ü"]
        {
            assert!(!is_plain(odd), "{odd}");
        }
    }
}
