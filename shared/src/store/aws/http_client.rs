//! AWS's SDKs over the HTTP client that everything else uses. Their own one brings HTTP/2, which none of our services speaks, and would
//! make each function half a megabyte larger.

use std::time::Duration;

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::base::http_client::{builder, tls};

/// Amazon Root CA 1 to 4 and Starfield Services Root CA G2: <https://www.amazontrust.com/repository/>
const ROOTS: [&[u8]; 5] = [
    include_bytes!("roots/amazon-1.der"),
    include_bytes!("roots/amazon-2.der"),
    include_bytes!("roots/amazon-3.der"),
    include_bytes!("roots/amazon-4.der"),
    include_bytes!("roots/starfield-services-g2.der"),
];

/// Short, so that there is time for another try.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
struct OverReqwest(reqwest::Client);

/// An HTTP client that trusts Amazon's own root certificates.
///
/// # Errors
/// Where TLS cannot be set up.
pub fn http_client() -> Result<SharedHttpClient, String> {
    let mut roots = RootCertStore::empty();
    for root in ROOTS {
        roots.add(CertificateDer::from(root)).map_err(|error| error.to_string())?;
    }
    // DynamoDB's checksums are of what it sends, so that nothing is unpacked on the way.
    let client = builder(tls(roots)?).connect_timeout(CONNECT_TIMEOUT).no_gzip().build();
    Ok(SharedHttpClient::new(OverReqwest(client.map_err(|error| error.to_string())?)))
}

impl HttpClient for OverReqwest {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for OverReqwest {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move { send(&client, request).await })
    }
}

async fn send(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    // What we send is never a stream.
    let request = request.map(|body| body.bytes().map(<[u8]>::to_vec).unwrap_or_default());
    let request = reqwest::Request::try_from(request).map_err(failed)?;
    let answer = client.execute(request).await.map_err(failed)?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = SdkBody::from(answer.bytes().await.map_err(failed)?);
    let mut response = HttpResponse::new(status.into(), body);
    for (name, value) in &headers {
        if let Ok(value) = value.to_str() {
            response.headers_mut().append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(response)
}

/// By its kind, the SDK decides whether a call is sent again.
fn failed(error: reqwest::Error) -> ConnectorError {
    let (is_timeout, is_ours) = (error.is_timeout(), error.is_builder());
    let error = error.without_url().into();
    match (is_timeout, is_ours) {
        (true, _) => ConnectorError::timeout(error),
        (false, true) => ConnectorError::user(error),
        (false, false) => ConnectorError::io(error),
    }
}
