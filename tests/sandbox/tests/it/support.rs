//! A registered app, a connected user, and a small HTTP client that follows nothing.

use axum::body::{Body, to_bytes};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sandbox::{Client, Options, Running, Sandbox};
use serde_json::Value;

pub(crate) const CALLBACK: &str = "https://connector.example.com/oauth/callback";
pub(crate) const SCOPES: &str = "ZohoInventory.items.ALL,ZohoInventory.contacts.READ,ZohoInventory.settings.READ,\
ZohoInventory.salesorders.ALL,ZohoInventory.inventoryadjustments.ALL,ZohoInventory.transferorders.ALL,\
ZohoInventory.purchaseorders.READ,ZohoInventory.packages.READ,\
ZohoInventory.shipmentorders.READ,ZohoCRM.modules.ALL,ZohoCRM.org.READ,ZohoCRM.users.READ,ZohoCRM.settings.READ,\
ZohoCRM.coql.READ,ZohoCRM.notifications.ALL,ZohoSearch.securesearch.READ";
pub(crate) const ORG: &str = "organization_id=20098765432";

/// A sandbox on its own port.
pub(crate) struct Zoho {
    running: Running,
    http: Http<HttpConnector, Body>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// A text of the JSON body by pointer; empty if there is none.
    pub(crate) fn at(&self, pointer: &str) -> String {
        match self.json().pointer(pointer) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// The status and the code of a reply.
pub(crate) fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.at("/code"))
}

impl std::ops::Deref for Zoho {
    type Target = Sandbox;
    fn deref(&self) -> &Sandbox {
        &self.running.sandbox
    }
}

impl Zoho {
    /// A user in the EU; the app `app-1` is at home in the US and open to all data centres.
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::new("")).await
    }

    pub(crate) async fn start_with(options: Options) -> Self {
        let running = Sandbox::listen(options).await.unwrap();
        running.sandbox.register_client(app("app-1"));
        Self { running, http: Http::builder(TokioExecutor::new()).build_http() }
    }

    pub(crate) fn url(&self) -> &str {
        &self.running.url
    }

    /// `None` = the connection was closed without an answer.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Reply> {
        let mut request = axum::http::Request::builder().method(method).uri(format!("{}{path}", self.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.http.request(request.body(Body::from(body.to_owned())).unwrap()).await.ok()?;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(Body::new(body), usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Some(Reply { status: parts.status.as_u16(), headers: parts.headers, text })
    }

    /// Reads with a token, from the data centre the user is in.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Reply {
        let token = format!("Zoho-oauthtoken {token}");
        self.send("GET", &format!("/eu/api{path}"), &[("authorization", &token)], "").await.unwrap()
    }

    pub(crate) async fn inventory(&self, path: &str, token: &str) -> Reply {
        let joint = if path.contains('?') { '&' } else { '?' };
        self.get(&format!("/inventory/v1{path}{joint}{ORG}"), token).await
    }

    pub(crate) async fn crm(&self, path: &str, token: &str) -> Reply {
        self.get(&format!("/crm/v8{path}"), token).await
    }

    /// Any call with a token and a JSON body, in the data centre the user is in.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &serde_json::Value,
    ) -> Reply {
        let token = format!("Zoho-oauthtoken {token}");
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &format!("/eu/api{path}"), &headers, &body).await.unwrap()
    }

    pub(crate) async fn post_inventory(&self, path: &str, token: &str, body: &serde_json::Value) -> Reply {
        let joint = if path.contains('?') { '&' } else { '?' };
        self.call("POST", &format!("/inventory/v1{path}{joint}{ORG}"), token, body).await
    }

    pub(crate) async fn post_crm(&self, path: &str, token: &str, body: &serde_json::Value) -> Reply {
        self.call("POST", &format!("/crm/v8{path}"), token, body).await
    }

    pub(crate) async fn form(&self, path: &str, pairs: &[(&str, &str)]) -> Reply {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.send("POST", path, &[kind], &encode(pairs)).await.unwrap()
    }

    /// The user opens the app's link in `dc` and decides.
    pub(crate) async fn decide(&self, dc: &str, decision: &str, changed: &[(&str, &str)]) -> Reply {
        self.form(&authorize(dc, changed), &[("decision", decision)]).await
    }

    /// A code, from the redirect of an accepted consent.
    pub(crate) async fn code(&self, changed: &[(&str, &str)]) -> String {
        let reply = self.decide("us", "accept", changed).await;
        assert_eq!(reply.status, 302, "{reply:?}");
        redirect_param(&reply, "code")
    }

    /// A token call at the EU accounts server.
    pub(crate) async fn token(&self, changed: &[(&str, &str)]) -> Reply {
        self.form(
            "/eu/accounts/oauth/v2/token",
            &with(&[("client_id", "app-1"), ("client_secret", "s3cret")], changed),
        )
        .await
    }

    pub(crate) async fn exchange(&self, code: &str) -> Reply {
        let pairs = [("grant_type", "authorization_code"), ("redirect_uri", CALLBACK), ("code", code)];
        self.token(&pairs).await
    }

    pub(crate) async fn refresh(&self, refresh: &str) -> Reply {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await
    }

    /// Access and refresh token of a fresh consent.
    pub(crate) async fn connect(&self, scopes: &str) -> (String, String) {
        let code = self.code(&[("scope", scopes)]).await;
        let reply = self.exchange(&code).await;
        (reply.at("/access_token"), reply.at("/refresh_token"))
    }

    pub(crate) async fn connected(&self) -> String {
        self.connect(SCOPES).await.0
    }
}

pub(crate) fn app(id: &str) -> Client {
    Client {
        id: id.to_owned(),
        secret: "s3cret".to_owned(),
        redirect_uris: vec![CALLBACK.to_owned()],
        home: "us".to_owned(),
        multi_dc: true,
        secrets: Vec::new(),
    }
}

/// The authorize request with some parameters changed; an empty value leaves one out.
pub(crate) fn authorize(dc: &str, changed: &[(&str, &str)]) -> String {
    let usual = [
        ("response_type", "code"),
        ("client_id", "app-1"),
        ("redirect_uri", CALLBACK),
        ("scope", SCOPES),
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("state", "9f3c"),
    ];
    format!("/{dc}/accounts/oauth/v2/auth?{}", encode(&with(&usual, changed)))
}

pub(crate) fn redirect_param(reply: &Reply, name: &str) -> String {
    let (_, query) = reply.header("location").split_once('?').unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn with<'a>(usual: &[(&'a str, &'a str)], changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = usual.iter().filter(|(key, _)| !changed.iter().any(|(other, _)| other == key));
    kept.chain(changed).filter(|(_, value)| !value.is_empty()).copied().collect()
}

fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
