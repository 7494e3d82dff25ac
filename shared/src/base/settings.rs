//! Settings from the environment, read once. A broken one is named with what it should be, in one line.

use std::path::PathBuf;

use url::Url;

/// A variable whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {value:?}, but must be {expected}")]
pub struct SettingsError {
    /// Which variable.
    pub variable: &'static str,
    /// Its value.
    pub value: String,
    /// What it should be.
    pub expected: &'static str,
}

/// What an installation can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder of the embedded store.
    pub data: PathBuf,
    /// Our own origin, as browsers and Zoho reach us: never taken from a request.
    pub public_url: PublicUrl,
    /// Where the stand-in Zoho listens, in tests and in the demo.
    pub sandbox: Option<String>,
    /// What is logged, in the syntax of `tracing_subscriber::EnvFilter`.
    pub log: String,
}

/// The folder of the embedded store.
pub const DATA: &str = "ZOHO_CONNECTOR_DATA";
/// Our own origin.
pub const PUBLIC_URL: &str = "ZOHO_CONNECTOR_PUBLIC_URL";
/// The stand-in Zoho.
pub const SANDBOX_URL: &str = "ZOHO_CONNECTOR_SANDBOX_URL";
/// What is logged.
pub const LOG: &str = "ZOHO_CONNECTOR_LOG";

impl Settings {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// The first variable whose value cannot be used.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads from any source of variables.
    ///
    /// # Errors
    /// The first variable whose value cannot be used.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let data = lookup(DATA).unwrap_or_else(|| "data".to_owned());
        if data.is_empty() {
            return Err(SettingsError {
                variable: DATA,
                value: data,
                expected: "the path of a folder, like ./data",
            });
        }
        let public_url = match lookup(PUBLIC_URL) {
            Some(text) => PublicUrl::parse(&text)?,
            None => PublicUrl::default(),
        };
        let sandbox = lookup(SANDBOX_URL).map(parse_sandbox).transpose()?;
        let log = lookup(LOG).unwrap_or_else(|| "info".to_owned());
        if log.parse::<tracing_subscriber::EnvFilter>().is_err() {
            return Err(SettingsError { variable: LOG, value: log, expected: "a level, like info or debug" });
        }
        Ok(Self { data: PathBuf::from(data), public_url, sandbox, log })
    }
}

/// An origin: scheme, host and port, no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    https: bool,
}

impl PublicUrl {
    /// Reads an origin; a single trailing slash is forgiven.
    ///
    /// # Errors
    /// Anything but an http or https origin.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let error = || SettingsError {
            variable: PUBLIC_URL,
            value: text.to_owned(),
            expected: "an address without a path, like https://connector.example.com",
        };
        let url = Url::parse(text).map_err(|_| error())?;
        let plain = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !plain || !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(error());
        }
        Ok(Self { origin: url.origin().ascii_serialization(), https: url.scheme() == "https" })
    }

    /// The origin, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.origin
    }

    /// Whether cookies can be bound to HTTPS.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Where Zoho sends the browser after consent: to be registered there to the letter.
    pub fn redirect_uri(&self) -> String {
        format!("{}/oauth/callback", self.origin)
    }
}

impl Default for PublicUrl {
    fn default() -> Self {
        Self { origin: "http://localhost:8080".to_owned(), https: false }
    }
}

/// Only this machine: a sandbox elsewhere would be sent real secrets.
fn parse_sandbox(text: String) -> Result<String, SettingsError> {
    let local = Url::parse(&text).is_ok_and(|url| {
        url.scheme() == "http"
            && matches!(url.host_str(), Some("127.0.0.1" | "localhost"))
            && url.username().is_empty()
            && url.query().is_none()
    });
    if local {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(SettingsError {
            variable: SANDBOX_URL,
            value: text,
            expected: "an address on this machine, like http://127.0.0.1:8080/sandbox",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variable: &str, value: &str) -> Result<Settings, SettingsError> {
        Settings::read(|name| (name == variable).then(|| value.to_owned()))
    }

    #[test]
    fn nothing_set_is_fine() {
        let settings = Settings::read(|_| None).unwrap();
        assert_eq!(settings.public_url.redirect_uri(), "http://localhost:8080/oauth/callback");
        assert!(settings.sandbox.is_none());
    }

    #[test]
    fn a_broken_variable_is_named_with_what_it_should_be() {
        for (variable, value) in [
            (DATA, ""),
            (PUBLIC_URL, "connector.example.com"),
            (PUBLIC_URL, "https://connector.example.com/path"),
            (PUBLIC_URL, "https://user@connector.example.com"),
            (PUBLIC_URL, "ftp://connector.example.com"),
            (SANDBOX_URL, "http://sandbox.example.com"),
            (SANDBOX_URL, "http://127.0.0.1@evil.example"),
            (LOG, "shared=loud"),
        ] {
            let error = read(variable, value).unwrap_err();
            assert_eq!(error.variable, variable);
            let line = error.to_string();
            assert!(line.starts_with(&format!("{variable} is ")) && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn a_trailing_slash_is_forgiven() {
        let settings = read(PUBLIC_URL, "https://connector.example.com/").unwrap();
        assert_eq!(settings.public_url.as_str(), "https://connector.example.com");
        assert!(settings.public_url.is_https());
    }
}
