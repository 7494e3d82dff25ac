//! What all HTTP clients have in common: one TLS stack, no redirects, no proxy.

use std::sync::Arc;

use reqwest::{Client, ClientBuilder, redirect};
use rustls::{ClientConfig, RootCertStore};

/// TLS that trusts these certificate authorities.
///
/// # Errors
/// Where it cannot be set up.
pub(crate) fn tls(roots: RootCertStore) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// A client in the making.
pub(crate) fn builder(tls: ClientConfig) -> ClientBuilder {
    Client::builder().tls_backend_preconfigured(tls).redirect(redirect::Policy::none()).no_proxy()
}
