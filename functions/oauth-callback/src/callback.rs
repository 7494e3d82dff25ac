//! `GET /oauth/callback`: where Zoho sends the browser back to. Whatever is in the address may be forged, so nothing is
//! stored or sent before the state, the browser and Zoho's server are known to be right.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;
use shared::base::secret::{Secret, digests_equal};
use shared::base::settings::PublicUrl;
use shared::base::web::Origin;
use shared::core::consent::{Begun, Ending};
use shared::core::renewer::{Ask, Reply};
use shared::store::StoreError;
use shared::zoho::data_centre::DataCentre;

use crate::{App, cookie, pages};

/// What Zoho adds to the address. A parameter that stands twice is refused by the parser.
#[derive(Deserialize, Default)]
pub(crate) struct Returned {
    state: Option<Secret>,
    code: Option<Secret>,
    error: Option<String>,
    location: Option<String>,
    #[serde(rename = "accounts-server")]
    accounts_server: Option<String>,
}

pub(crate) async fn callback(
    State(app): State<Arc<App>>,
    Origin(origin): Origin,
    headers: HeaderMap,
    query: Result<Query<Returned>, QueryRejection>,
) -> Response {
    let result = match query {
        Ok(Query(returned)) => app.callback(&Browser { headers: &headers, origin: &origin }, returned).await,
        Err(_) => Ok(pages::incomplete().into_response()),
    };
    result.unwrap_or_else(|error| {
        tracing::error!(%error, "a consent could not end");
        pages::our_fault().into_response()
    })
}

/// The browser that came back.
struct Browser<'a> {
    headers: &'a HeaderMap,
    origin: &'a PublicUrl,
}

impl Browser<'_> {
    fn cookie(&self, name: &str) -> Option<Secret> {
        cookie::get(self.origin, self.headers, name)
    }
}

impl App {
    async fn callback(&self, browser: &Browser<'_>, returned: Returned) -> Result<Response, StoreError> {
        let Some(state) = returned.state.clone() else {
            let empty = returned.code.is_none() && returned.error.is_none();
            return if empty {
                self.show_ending(browser).await
            } else {
                Ok(pages::state_unknown().into_response())
            };
        };
        let Some(begun) = self.consents.begun(&state).await? else {
            // Loaded again after its end: the same browser is shown that end.
            return match self.ending(browser).await? {
                Some(_) => Ok(to_clean_address().into_response()),
                None => Ok(pages::state_unknown().into_response()),
            };
        };
        let state_cookie = cookie::of_state(&state);
        let value = browser.cookie(&state_cookie);
        if !value.is_some_and(|value| digests_equal(&value.digest(), &begun.cookie)) {
            return Ok(pages::other_browser().into_response());
        }
        let Some(data_centre) = self.data_centre(&returned, &begun) else {
            tracing::warn!("a consent came back with an accounts server that is none of Zoho's");
            return Ok(pages::hostile_server().into_response());
        };
        if returned.code.is_none() && returned.error.is_none() {
            return Ok(pages::incomplete().into_response());
        }
        if !self.consents.use_up(&state, &begun).await? {
            return Ok(pages::used_already().into_response());
        }
        let link = begun.link.clone();
        let ending = match returned.code {
            Some(code) if returned.error.is_none() => self.exchange(begun, data_centre, code).await,
            _ => denied(returned.error.as_deref()),
        };
        self.lead_to_ending(browser.origin, &ending, link.as_deref(), &state_cookie).await
    }

    /// Where the user's account lives. Zoho says so twice; both must be in our table and agree. A client without
    /// Multi-DC gets neither.
    fn data_centre(&self, returned: &Returned, begun: &Begun) -> Option<DataCentre> {
        let server = match &returned.accounts_server {
            Some(text) => Some(self.centres.with_accounts_server(text)?),
            None => None,
        };
        let location = match &returned.location {
            Some(text) => Some(text.parse::<DataCentre>().ok()?),
            None => None,
        };
        match (server, location) {
            (Some(server), Some(location)) => (server == location).then_some(server),
            (one, other) => one.or(other).or(Some(begun.wish.home)),
        }
    }

    async fn exchange(&self, begun: Begun, data_centre: DataCentre, code: Secret) -> Ending {
        let ask = Ask::Exchange { wish: begun.wish, data_centre, redirect_uri: begun.redirect_uri, code };
        let problem = match self.renewer.ask(ask).await {
            Ok(Reply::Exchanged { ending }) => return ending,
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string(),
        };
        tracing::error!(problem, "token-refresh did not finish a consent");
        Ending {
            connected: false,
            title: "Not connected".to_owned(),
            lines: vec![
                "The connector could not finish this consent; the operator finds the cause in its log."
                    .to_owned(),
                "Open a new link in a minute.".to_owned(),
            ],
        }
    }

    async fn lead_to_ending(
        &self,
        origin: &PublicUrl,
        ending: &Ending,
        link: Option<&str>,
        state_cookie: &str,
    ) -> Result<Response, StoreError> {
        let nonce = self.consents.end(ending, link).await?;
        let cookies = AppendHeaders([
            (header::SET_COOKIE, cookie::set(origin, cookie::ENDING, &nonce)),
            (header::SET_COOKIE, cookie::take_back(origin, state_cookie)),
        ]);
        Ok((cookies, to_clean_address()).into_response())
    }

    async fn show_ending(&self, browser: &Browser<'_>) -> Result<Response, StoreError> {
        Ok(match self.ending(browser).await? {
            Some(ending) => pages::ending(&ending).into_response(),
            None => pages::nothing_to_show().into_response(),
        })
    }

    async fn ending(&self, browser: &Browser<'_>) -> Result<Option<Ending>, StoreError> {
        match browser.cookie(cookie::ENDING) {
            Some(nonce) => self.consents.ending(&nonce).await,
            None => Ok(None),
        }
    }
}

/// On to an address without code or state, so that neither stays in the browser's history.
fn to_clean_address() -> impl IntoResponse {
    (StatusCode::SEE_OTHER, [(header::LOCATION, HeaderValue::from_static("/oauth/callback"))])
}

fn denied(error: Option<&str>) -> Ending {
    let line = match error {
        Some("access_denied") => "You declined, so Zoho gave no access.".to_owned(),
        _ => "Zoho gave no access.".to_owned(),
    };
    Ending {
        connected: false,
        title: "Not connected".to_owned(),
        lines: vec![line, "Nothing was changed. To connect after all, open a new link.".to_owned()],
    }
}
