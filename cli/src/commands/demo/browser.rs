//! The person at the browser, played by the demo: opens the link, accepts at Zoho, comes back. Every step is the real
//! one, over HTTP.

use std::collections::BTreeMap;

use reqwest::{Client, RequestBuilder, Response, header};

/// Goes through a consent from the operator's link to the page at its end.
pub(super) async fn consent(link: &str) -> Result<(), String> {
    let mut browser = Browser { client: shared::zoho::http::browser()?, cookies: BTreeMap::new() };
    let zoho = browser.redirected(|client| client.get(link)).await?;
    browser.page(|client| client.get(&zoho)).await?;
    let callback = browser.redirected(|client| client.post(&zoho).form(&[("decision", "accept")])).await?;
    let clean = browser.redirected(|client| client.get(&callback)).await?;
    let clean = reqwest::Url::parse(&callback)
        .and_then(|base| base.join(&clean))
        .map_err(|error| error.to_string())?;
    let ending = browser.page(|client| client.get(clean.clone())).await?;
    if ending.contains("<h1>Connected</h1>") {
        Ok(())
    } else {
        Err(format!("the consent did not end in a connection: {ending}"))
    }
}

struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    async fn send(&mut self, request: impl FnOnce(&Client) -> RequestBuilder) -> Result<Response, String> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request(&self.client).header(header::COOKIE, cookies.join("; "));
        let response = request.send().await.map_err(|error| error.to_string())?;
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().ok().and_then(|text| text.split(';').next()?.split_once('='));
            if let Some((name, value)) = pair {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(response)
    }

    /// Where an answer leads to.
    async fn redirected(
        &mut self,
        request: impl FnOnce(&Client) -> RequestBuilder,
    ) -> Result<String, String> {
        let response = self.send(request).await?;
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        match location {
            Some(location) => Ok(location.to_owned()),
            None => Err(format!("the consent stopped at an answer with status {}", response.status())),
        }
    }

    async fn page(&mut self, request: impl FnOnce(&Client) -> RequestBuilder) -> Result<String, String> {
        self.send(request).await?.text().await.map_err(|error| error.to_string())
    }
}
