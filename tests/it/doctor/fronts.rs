//! What stands in front of a connector: a proxy that answers some paths itself, and a server whose certificate has ended.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// Passes everything on, but for the paths that it answers itself.
pub(super) async fn odd(to: &str, own: fn(&str) -> Option<(u16, &'static str)>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (to, http) = (to.to_owned(), shared::zoho::http::browser().unwrap());
    let app = Router::new().fallback(move |request: Request| {
        let (to, http) = (to.clone(), http.clone());
        async move {
            match own(request.uri().path()) {
                Some((status, body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
                None => passed_on(&to, &http, request).await,
            }
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

async fn passed_on(to: &str, http: &reqwest::Client, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut headers = head.headers;
    headers.remove("host");
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let path = head.uri.path_and_query().unwrap().as_str();
    let sent = http.request(head.method, format!("{to}{path}")).headers(headers).body(body).send();
    let answer = sent.await.unwrap();
    (answer.status(), answer.bytes().await.unwrap()).into_response()
}

/// Its certificate is for this machine, and ended in 2020.
pub(super) async fn with_an_ended_certificate() -> String {
    let certificate = CertificateDer::from(include_bytes!("expired.der").as_slice());
    let key = PrivatePkcs8KeyDer::from(include_bytes!("expired-key.der").as_slice());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key))
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move { drop(acceptor.accept(stream).await) });
        }
    });
    url
}
