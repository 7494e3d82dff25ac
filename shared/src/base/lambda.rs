//! A router on Lambda, behind an HTTP API of API Gateway.

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::http::Uri;
use lambda_http::request::RequestContext;
use lambda_http::{Context, Error, Request, RequestExt};
use tokio::time::Instant;
use tower::ServiceExt;

use super::settings::PublicUrl;
use super::web::Deadline;

/// What is left to write the answer when a call to Zoho has used up the rest.
const MARGIN: Duration = Duration::from_secs(1);

/// Serves until Lambda ends the process.
///
/// # Errors
/// Where the Runtime API fails.
pub async fn serve(router: Router) -> Result<(), Error> {
    // Around the router, not within: a layer of the router would come after the route was chosen.
    lambda_http::run(ServiceExt::<Request>::map_request(router, describe)).await
}

/// Tells the router what only Lambda knows: the domain that the caller used, and the deadline.
fn describe(mut request: Request) -> Request {
    let extensions = request.extensions();
    let domain = match extensions.get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.domain_name.as_deref(),
        _ => None,
    };
    let origin = domain.and_then(|domain| PublicUrl::of_domain(domain).ok());
    let deadline = extensions.get::<Context>().map(Context::deadline);
    let odd = !is_plain(request.raw_http_path());
    if odd {
        // Served by no route.
        *request.uri_mut() = Uri::from_static("/-");
    }
    if let Some(origin) = origin {
        request.extensions_mut().insert(origin);
    }
    if let Some(left) = deadline.and_then(|deadline| deadline.duration_since(SystemTime::now()).ok()) {
        request.extensions_mut().insert(Deadline(Instant::now() + left.saturating_sub(MARGIN)));
    }
    request
}

/// API Gateway decodes a path before it hands it on, and what was a letter in it then reads as syntax: `%23` would cut off
/// the query, `%5C` and dot segments would lead to another route. None of ours needs such a letter, so none is guessed at.
fn is_plain(path: &str) -> bool {
    path.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'#' | b'?' | b'%' | b'\\'))
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

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
