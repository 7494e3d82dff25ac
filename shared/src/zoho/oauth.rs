//! Zoho's OAuth 2.0: the consent link and the calls to an accounts server, judged by their bodies.
//! <https://www.zoho.com/accounts/protocol/oauth/web-apps.html>,
//! <https://www.zoho.com/inventory/api/v1/oauth/>
//!
//! A refusal is usually HTTP 200 with `{"error": …}`, a throttle is 200 or 400 in the user's language, and an outage is a page of
//! HTML. So a success needs a 2xx *and* an access token, and only errors that are known to be final count as final.

use std::fmt;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::data_centre::{DataCentre, DataCentres};
use super::http::{Answer, Form, Http, HttpError};
use super::json;
use super::scope::ScopeSet;
use super::secrets::{AccessTokenSecret, AuthorizationCode, ClientSecret, CodeVerifier, RefreshToken};
use super::value::{Object, text};
use crate::base::clock::Timestamp;

/// The timeout of a token call, well below the 15 seconds of the lease that protects it.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// The longest lifetime of an access token at Zoho, in seconds.
const MAX_LIFETIME: u64 = 3600;

/// The characters that are not escaped in a query string.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The tokens that Zoho granted.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The access token.
    pub access_token: AccessTokenSecret,
    /// The refresh token. Zoho gives it only on exchange, with `access_type=offline` and after a shown consent page.
    pub refresh_token: Option<RefreshToken>,
    /// How long the access token lives.
    pub lifetime: Duration,
    /// The scopes, where Zoho names them.
    pub scopes: Option<ScopeSet>,
    /// The answer's `Date`, by Zoho's clock.
    pub date: Option<Timestamp>,
}

/// Why Zoho granted no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The code is used, expired or another client's. On renewal: the refresh token is dead.
    InvalidCode,
    /// This accounts server does not know the client id.
    InvalidClient,
    /// The accounts server knows the client id, but the secret is wrong.
    InvalidClientSecret,
    /// The redirect URI is not exactly the registered one.
    InvalidRedirectUri,
    /// There were too many codes in a short time, or access was refused.
    AccessDenied,
    /// Too many tokens in a short time. This says nothing about the credentials.
    Throttled,
    /// `general_error`: the accounts server does not understand the request. Waiting does not help.
    General,
    /// An unknown error, or none. It is no reason to give up a connection.
    Unknown(String),
    /// The answer is not JSON, as during an outage or maintenance.
    Unreadable,
    /// No answer.
    Http(HttpError),
}

/// Why Zoho gave no new token, and how many seconds it wants to be left alone, where it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// For how many seconds.
    pub retry_after: Option<u64>,
}

impl From<HttpError> for Refused {
    fn from(error: HttpError) -> Self {
        Self { refusal: Refusal::Http(error), retry_after: None }
    }
}

impl Refusal {
    /// Whether the client id or secret is wrong, so that no call can succeed before they change.
    pub fn blames_client(&self) -> bool {
        matches!(self, Self::InvalidClient | Self::InvalidClientSecret)
    }
}

/// In words, as the operator reads it in a log.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::InvalidCode => "Zoho does not accept the code or the grant any more",
            Self::InvalidClient => "Zoho does not know the client id in this data centre",
            Self::InvalidClientSecret => "the client secret is wrong",
            Self::InvalidRedirectUri => "the redirect URI is not the one that is registered",
            Self::AccessDenied => "Zoho had too many codes in a short time, or access was refused",
            Self::Throttled => "Zoho throttles token requests",
            Self::General => "Zoho refused with `general_error`, which names no cause",
            Self::Unknown(word) if word.is_empty() => "Zoho gave neither a token nor a reason",
            Self::Unknown(word) => return write!(f, "Zoho refused with {word:?}"),
            Self::Unreadable => "Zoho answered with something that cannot be read, as during an outage",
            Self::Http(error) => return write!(f, "Zoho's accounts server could not be asked: {error}"),
        };
        f.write_str(words)
    }
}

/// A client as it is registered in Zoho's API console.
#[derive(Debug, Clone, Copy)]
pub struct ClientCredentials<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its secret at this data centre.
    pub secret: &'a ClientSecret,
}

/// A token that can be revoked.
#[derive(Debug, Clone, Copy)]
pub enum Revocable<'a> {
    /// A refresh token together with all of its access tokens.
    Refresh(&'a RefreshToken),
    /// Only an access token.
    Access(&'a AccessTokenSecret),
}

impl<'a> Revocable<'a> {
    fn expose(self) -> &'a str {
        match self {
            Self::Refresh(token) => token.expose(),
            Self::Access(token) => token.expose(),
        }
    }
}

/// The accounts servers.
#[derive(Clone)]
pub struct Accounts {
    http: Http,
    centres: DataCentres,
}

impl Accounts {
    /// Accounts servers at these addresses, called through this client.
    pub fn new(http: Http, centres: DataCentres) -> Self {
        Self { http, centres }
    }

    /// Exchanges the code of a consent. A code of a Self Client has no redirect URI, and a consent without a challenge no verifier.
    ///
    /// # Errors
    /// Every answer without an access token.
    pub async fn exchange(
        &self,
        dc: DataCentre,
        client: ClientCredentials<'_>,
        (code, verifier): (&AuthorizationCode, Option<&CodeVerifier>),
        redirect_uri: Option<&str>,
    ) -> Result<Granted, Refusal> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", client.id),
            ("client_secret", client.secret.expose()),
            ("code", code.expose()),
        ];
        form.extend(redirect_uri.map(|uri| ("redirect_uri", uri)));
        form.extend(verifier.map(|verifier| ("code_verifier", verifier.expose())));
        self.token(dc, &form).await.map_err(|refused| refused.refusal)
    }

    /// Asks for a new access token. The refresh token stays the same: Zoho does not rotate it.
    ///
    /// # Errors
    /// Every answer without an access token.
    pub async fn renew(
        &self,
        dc: DataCentre,
        client: ClientCredentials<'_>,
        refresh_token: &RefreshToken,
    ) -> Result<Granted, Refused> {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", client.id),
            ("client_secret", client.secret.expose()),
            ("refresh_token", refresh_token.expose()),
        ];
        self.token(dc, &form).await
    }

    /// Revokes a token. With a refresh token this ends its whole grant.
    ///
    /// # Errors
    /// Every answer but `{"status": "success"}`. A token that Zoho does not know any more counts as revoked.
    pub async fn revoke(&self, dc: DataCentre, token: Revocable<'_>) -> Result<(), Refusal> {
        let url = format!("{}/oauth/v2/token/revoke", self.centres.accounts(dc));
        let form = Form { fields: &[("token", token.expose())], basic: None };
        self.revoke_at(&url, form).await
    }

    /// As [`Self::revoke`], at the newer address, which demands the client's credentials.
    ///
    /// # Errors
    /// As [`Self::revoke`].
    pub async fn revoke_as(
        &self,
        dc: DataCentre,
        client: ClientCredentials<'_>,
        token: Revocable<'_>,
    ) -> Result<(), Refusal> {
        let url = format!("{}/oauth/v2/revoke/token", self.centres.accounts(dc));
        let form = Form { fields: &[("token", token.expose())], basic: Some((client.id, client.secret)) };
        self.revoke_at(&url, form).await
    }

    async fn revoke_at(&self, url: &str, form: Form<'_>) -> Result<(), Refusal> {
        let answer = self.http.post_form(url, form, CALL_TIMEOUT).await.map_err(Refusal::Http)?;
        let body = object(&answer)?;
        if answer.status < 300 && text(&body, "status") == Some("success") {
            return Ok(());
        }
        match refusal(answer.status, &body) {
            Refusal::InvalidCode => Ok(()),
            Refusal::Unknown(word) if word == "invalid_token" => Ok(()),
            other => Err(other),
        }
    }

    async fn token(&self, dc: DataCentre, form: &[(&str, &str)]) -> Result<Granted, Refused> {
        let url = format!("{}/oauth/v2/token", self.centres.accounts(dc));
        let form = Form { fields: form, basic: None };
        let answer = self.http.post_form(&url, form, CALL_TIMEOUT).await?;
        judge(&answer).map_err(|refusal| Refused { refusal, retry_after: answer.retry_after })
    }
}

/// The address to which a browser is sent for the consent: the accounts server of the data centre where the client is
/// registered. Zoho then moves the user to the user's own data centre.
///
/// With a challenge (PKCE, RFC 7636), the code can be exchanged only by who has its verifier. Zoho demands that of apps on phones
/// and desktops, and does not mention it for those on servers:
/// <https://www.zoho.com/accounts/protocol/oauth/mobile-and-desktop-apps/get-authorization-code.html>
pub fn consent_url(
    accounts: &str,
    client_id: &str,
    redirect_uri: &str,
    scopes: &ScopeSet,
    state: &str,
    challenge: Option<&str>,
) -> String {
    let mut url = format!("{accounts}/oauth/v2/auth");
    let mut separator = '?';
    let scopes = scopes.comma_separated();
    let pkce = challenge.map(|challenge| [("code_challenge", challenge), ("code_challenge_method", "S256")]);
    let usual = [
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("scope", &scopes),
        // Without these two, Zoho gives no refresh token to a user who has consented before.
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("state", state),
    ];
    for (name, value) in usual.into_iter().chain(pkce.into_iter().flatten()) {
        url.push(separator);
        url.push_str(name);
        url.push('=');
        url.extend(utf8_percent_encode(value, UNRESERVED));
        separator = '&';
    }
    url
}

/// Judges a token answer by its body.
fn judge(answer: &Answer) -> Result<Granted, Refusal> {
    let body = object(answer)?;
    let token = text(&body, "access_token").filter(|_| (200..300).contains(&answer.status));
    let Some(access_token) = token else { return Err(refusal(answer.status, &body)) };
    // A token that no header can carry would fail in every call.
    if !access_token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::Unreadable);
    }
    Ok(Granted {
        access_token: AccessTokenSecret::new(access_token),
        refresh_token: text(&body, "refresh_token").map(RefreshToken::new),
        lifetime: Duration::from_secs(lifetime(&body)),
        scopes: text(&body, "scope").map(ScopeSet::parse).filter(|set| !set.is_empty()),
        date: answer.date,
    })
}

fn object(answer: &Answer) -> Result<Object, Refusal> {
    json::object(&answer.body).map_err(|_| match answer.status {
        429 => Refusal::Throttled,
        _ => Refusal::Unreadable,
    })
}

fn refusal(status: u16, body: &Object) -> Refusal {
    let word = text(body, "error").unwrap_or_default();
    // A server error (5xx) is never final, whatever its body.
    match word {
        "invalid_code" if status < 500 => Refusal::InvalidCode,
        "invalid_client" if status < 500 => Refusal::InvalidClient,
        "invalid_client_secret" if status < 500 => Refusal::InvalidClientSecret,
        "invalid_redirect_uri" | "redirect_uri_mismatch" if status < 500 => Refusal::InvalidRedirectUri,
        "access_denied" => Refusal::AccessDenied,
        "general_error" if status < 500 => Refusal::General,
        // `Access Denied` in the user's language, so it is recognised by the fields beside it.
        _ if text(body, "status") == Some("failure") || text(body, "error_description").is_some() => {
            Refusal::Throttled
        }
        _ if status == 429 => Refusal::Throttled,
        _ => Refusal::Unknown(word.chars().take(80).collect()),
    }
}

/// The lifetime in seconds. Before 2020, `expires_in` was in milliseconds, with `expires_in_sec` beside it.
fn lifetime(body: &Object) -> u64 {
    let read = |field| match body.get(field) {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let plain = read("expires_in").unwrap_or(MAX_LIFETIME);
    let seconds = if plain > 86_400 { read("expires_in_sec").unwrap_or(plain / 1000) } else { plain };
    seconds.clamp(1, MAX_LIFETIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Result<Granted, Refusal> {
        judge(&Answer { status, body: body.to_owned().into(), ..Answer::default() })
    }

    #[test]
    fn a_refusal_is_told_in_words() {
        for (refusal, words) in [
            (Refusal::Http(HttpError::Unreachable), "could not be asked: no connection could be made"),
            (Refusal::InvalidClientSecret, "the client secret is wrong"),
            (Refusal::Unknown("odd \n word".to_owned()), r#"refused with "odd \n word""#),
            (Refusal::Unknown(String::new()), "neither a token nor a reason"),
        ] {
            assert!(refusal.to_string().ends_with(words), "{refusal}");
        }
    }

    #[test]
    fn refusals_are_read_from_the_body_under_any_status() {
        let throttle = r#"{"error_description":"You have made too many requests continuously.","error":"Access Denied","status":"failure"}"#;
        let localised = r#"{"error_description":"您的请求过于频繁","error":"拒绝访问","status":"failure"}"#;
        for (status, body, expected) in [
            (200, r#"{"error":"invalid_code"}"#, Refusal::InvalidCode),
            (400, r#"{"error":"invalid_code"}"#, Refusal::InvalidCode),
            (500, r#"{"error":"invalid_code"}"#, Refusal::Unknown("invalid_code".into())),
            (200, r#"{"error":"invalid_client"}"#, Refusal::InvalidClient),
            (200, r#"{"error":"invalid_client_secret"}"#, Refusal::InvalidClientSecret),
            (200, r#"{"error":"invalid_redirect_uri"}"#, Refusal::InvalidRedirectUri),
            (200, r#"{"error":"access_denied"}"#, Refusal::AccessDenied),
            (200, r#"{"error":"general_error"}"#, Refusal::General),
            (500, r#"{"error":"general_error"}"#, Refusal::Unknown("general_error".into())),
            (200, throttle, Refusal::Throttled),
            (400, throttle, Refusal::Throttled),
            (200, localised, Refusal::Throttled),
            (400, localised, Refusal::Throttled),
            (200, r#"{"error":"invalid_grant"}"#, Refusal::Unknown("invalid_grant".into())),
            (200, r#"{"error":"server error"}"#, Refusal::Unknown("server error".into())),
            (200, "{}", Refusal::Unknown(String::new())),
            (200, "<html>maintenance</html>", Refusal::Unreadable),
            (502, "", Refusal::Unreadable),
            (429, "<html>slow down</html>", Refusal::Throttled),
            (200, "{\"access_token\":\"1000.a.b\\n\"}", Refusal::Unreadable),
            (200, r#"{"access_token":""}"#, Refusal::Unknown(String::new())),
            (500, r#"{"access_token":"1000.a.b"}"#, Refusal::Unknown(String::new())),
        ] {
            assert_eq!(judged(status, body).unwrap_err(), expected, "{status} {body}");
        }
    }

    #[test]
    fn a_grant_is_read_in_all_its_shapes() {
        let full = judged(
            200,
            r#"{"access_token":"1000.a.b","refresh_token":"1000.c.d","scope":"A.x.READ B.y.READ","api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600}"#,
        )
        .unwrap();
        assert_eq!(full.refresh_token.unwrap().expose(), "1000.c.d");
        assert_eq!(full.scopes.unwrap().comma_separated(), "A.x.READ,B.y.READ");
        assert_eq!(full.lifetime.as_secs(), 3600);

        let minimal = judged(200, r#"{"access_token":"1000.a.b"}"#).unwrap();
        assert!(minimal.refresh_token.is_none() && minimal.scopes.is_none());
        assert_eq!(minimal.lifetime.as_secs(), 3600);

        for (body, seconds) in [
            (r#"{"access_token":"t","expires_in":3600000,"expires_in_sec":3600}"#, 3600),
            (r#"{"access_token":"t","expires_in":3600000}"#, 3600),
            (r#"{"access_token":"t","expires_in":"1800"}"#, 1800),
            (r#"{"access_token":"t","expires_in":-5}"#, 3600),
        ] {
            assert_eq!(judged(200, body).unwrap().lifetime.as_secs(), seconds, "{body}");
        }
    }

    #[test]
    fn the_consent_url_asks_for_a_refresh_token_and_escapes_everything() {
        let scopes = ScopeSet::parse("ZohoCRM.org.READ ZohoInventory.items.READ");
        let url = consent_url(
            "https://accounts.zoho.eu",
            "1000.X",
            "http://localhost:8080/oauth/callback",
            &scopes,
            "a&b",
            None,
        );
        assert_eq!(
            url,
            "https://accounts.zoho.eu/oauth/v2/auth?response_type=code&client_id=1000.X\
             &redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Foauth%2Fcallback\
             &scope=ZohoCRM.org.READ%2CZohoInventory.items.READ&access_type=offline&prompt=consent&state=a%26b"
        );
        let challenged = consent_url("https://accounts.zoho.eu", "1000.X", "u", &scopes, "s", Some("E9-_"));
        assert!(
            challenged.ends_with("&state=s&code_challenge=E9-_&code_challenge_method=S256"),
            "{challenged}"
        );
    }
}
