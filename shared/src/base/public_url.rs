//! The connector's origin, as browsers and Zoho reach it.

use url::Url;

use super::loopback::is_loopback;
use super::settings_error::SettingsError;

/// The variable that names it.
pub const VARIABLE: &str = "ZOHO_CONNECTOR_PUBLIC_URL";

/// An origin: scheme, host and port, no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    https: bool,
}

impl PublicUrl {
    /// Reads an origin. A single trailing slash is allowed.
    ///
    /// # Errors
    /// Anything but an http or https origin.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let error = || SettingsError {
            variable: VARIABLE,
            value: text.to_owned(),
            expected: if text.is_ascii() {
                "an https address without a path, like https://connector.example.com (http only on this machine)"
            } else {
                "an https address in ASCII; a host with other letters is written as browsers send it, like https://xn--bcher-kva.example"
            },
        };
        let url = Url::parse(text).map_err(|_| error())?;
        let plain = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        // Keys, codes and cookies go there.
        let safe = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url);
        if !plain || !safe || url.host_str().is_none() {
            return Err(error());
        }
        Ok(Self { origin: url.origin().ascii_serialization(), https: url.scheme() == "https" })
    }

    /// The origin of a host that API Gateway serves.
    ///
    /// # Errors
    /// Anything but a host's name.
    pub fn of_domain(domain: &str) -> Result<Self, SettingsError> {
        Self::parse(&format!("https://{domain}"))
    }

    /// The origin, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.origin
    }

    /// Whether cookies can be bound to HTTPS.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The address to which Zoho sends the browser after consent. It must be registered at Zoho exactly so.
    pub fn redirect_uri(&self) -> String {
        format!("{}/oauth/callback", self.origin)
    }
}

impl Default for PublicUrl {
    fn default() -> Self {
        Self { origin: "http://localhost:8080".to_owned(), https: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_outside_ascii_is_asked_for_as_browsers_send_it() {
        let error = PublicUrl::parse("https://bücher.example").unwrap_err();
        assert!(error.expected.contains("xn--"), "{error}");
        assert!(PublicUrl::parse("https://xn--bcher-kva.example").is_ok());
    }
}
