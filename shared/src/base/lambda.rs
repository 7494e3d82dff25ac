//! A router on Lambda, behind an HTTP API of API Gateway.

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::Request;
use axum::middleware::map_request;
use lambda_http::request::RequestContext;
use lambda_http::{Context, Error};
use tokio::time::Instant;

use super::settings::PublicUrl;
use super::web::Deadline;

/// What is left to write the answer when a call to Zoho has used up the rest.
const MARGIN: Duration = Duration::from_secs(1);

/// Serves until Lambda ends the process.
///
/// # Errors
/// Where the Runtime API fails.
pub async fn serve(router: Router) -> Result<(), Error> {
    lambda_http::run(router.layer(map_request(describe))).await
}

/// Tells the router what only Lambda knows: the domain that the caller used, and the deadline.
async fn describe(mut request: Request) -> Request {
    let domain = match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.domain_name.as_deref(),
        _ => None,
    };
    let origin = domain.and_then(|domain| PublicUrl::of_domain(domain).ok());
    let deadline = request.extensions().get::<Context>().map(Context::deadline);
    if let Some(origin) = origin {
        request.extensions_mut().insert(origin);
    }
    if let Some(left) = deadline.and_then(|deadline| deadline.duration_since(SystemTime::now()).ok()) {
        request.extensions_mut().insert(Deadline(Instant::now() + left.saturating_sub(MARGIN)));
    }
    request
}
