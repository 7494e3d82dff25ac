//! A person at a browser: keeps cookies, follows no redirect by itself.

use std::collections::BTreeMap;
use std::sync::Mutex;

use reqwest::{Client, RequestBuilder, Response, header};

/// What came back.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The status.
    pub status: u16,
    /// Where it leads.
    pub location: Option<String>,
    /// The page.
    pub text: String,
    /// All headers, by lower-case name.
    pub headers: BTreeMap<String, String>,
}

/// A browser with its cookies.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Default for Browser {
    fn default() -> Self {
        Self { client: shared::zoho::http::browser().unwrap(), cookies: Mutex::default() }
    }
}

impl Browser {
    /// Opens an address.
    pub async fn get(&self, url: &str) -> Seen {
        self.send(self.client.get(url)).await
    }

    /// Sends a form.
    pub async fn post(&self, url: &str, form: &[(&str, &str)]) -> Seen {
        self.send(self.client.post(url).form(form)).await
    }

    /// Sends a form with more headers.
    pub async fn post_with(&self, url: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Seen {
        let request = self.client.post(url).form(form);
        self.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// Takes a cookie that a page would have set.
    pub fn hold(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// Opens an address whose server may be gone.
    pub async fn try_get(&self, url: &str) -> Option<u16> {
        self.with_cookies(self.client.get(url)).send().await.ok().map(|response| response.status().as_u16())
    }

    fn with_cookies(&self, request: RequestBuilder) -> RequestBuilder {
        let cookies = self.cookies.lock().unwrap();
        let cookies =
            cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        request.header(header::COOKIE, cookies)
    }

    async fn send(&self, request: RequestBuilder) -> Seen {
        let response = self.with_cookies(request).send().await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
        }
        seen(response).await
    }

    /// From the operator's link to the address at which Zoho hands the browser back.
    pub async fn accept(&self, link: &str) -> String {
        let zoho = self.get(link).await.location.expect("the link leads to Zoho");
        let page = self.get(&zoho).await;
        assert_eq!(page.status, 200, "{}", page.text);
        self.post(&zoho, &[("decision", "accept")]).await.location.expect("Zoho leads back")
    }

    /// The whole consent, to the page at its end.
    pub async fn consent(&self, link: &str) -> Seen {
        let callback = self.accept(link).await;
        self.finish(&callback).await
    }

    /// From Zoho's address to the page at the end.
    pub async fn finish(&self, callback: &str) -> Seen {
        let answer = self.get(callback).await;
        match &answer.location {
            Some(clean) => {
                let clean = url::Url::parse(callback).unwrap().join(clean).unwrap();
                assert!(clean.query().is_none(), "the address at the end holds neither code nor state");
                self.get(clean.as_str()).await
            }
            None => answer,
        }
    }
}

/// Reads an answer to its end.
pub async fn seen(response: Response) -> Seen {
    let text_of = |value: &header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers: BTreeMap<_, _> =
        response.headers().iter().map(|(name, value)| (name.to_string(), text_of(value))).collect();
    Seen {
        status: response.status().as_u16(),
        location: headers.get("location").cloned(),
        text: response.text().await.unwrap(),
        headers,
    }
}
