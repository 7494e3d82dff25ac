//! `GET /oauth/callback`: where Zoho sends the browser back to. Whatever is in the address may be forged, so nothing is
//! stored or sent before the state, the browser and Zoho's server are known to be right.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use shared::base::secret::{Secret, digests_equal};
use shared::base::web::Origin;
use shared::core::consent::{Begun, CHOICE, Choice, Ending, Outcome, Returned};
use shared::core::renewer::{Ask, Reply};
use shared::store::StoreError;
use shared::zoho::data_centre::DataCentre;

use crate::browser::Browser;
use crate::{App, cookie, pages};

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

impl App {
    async fn callback(&self, browser: &Browser<'_>, returned: Returned) -> Result<Response, StoreError> {
        let Some(state) = returned.state.clone() else {
            let empty = returned.code.is_none() && returned.error.is_none();
            return if empty {
                self.show_outcome(browser).await
            } else {
                Ok(pages::state_unknown().into_response())
            };
        };
        let Some(begun) = self.consents.begun(&state).await? else {
            // Loaded again after its end: the same browser is shown that end.
            return match self.outcome(browser).await? {
                Some(_) => Ok(to_clean_address().into_response()),
                None => Ok(pages::state_unknown().into_response()),
            };
        };
        let state_cookie = cookie::of_state(&state);
        let value = browser.cookie(&state_cookie);
        if !value.is_some_and(|value| digests_equal(&value.digest(), &begun.cookie)) {
            return Ok(pages::other_browser().into_response());
        }
        let Ok(data_centre) = returned.data_centre(&self.centres, begun.wish.home) else {
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
        // The browser shows it to see the outcome, and to choose.
        let nonce = Secret::random();
        let outcome = match returned.code {
            Some(code) if returned.error.is_none() => self.exchange(begun, data_centre, code, &nonce).await,
            _ => Outcome::Ended(denied(returned.error.as_deref())),
        };
        self.consents.settle(&outcome, &nonce, link.as_deref()).await?;
        let cookies = AppendHeaders([
            (header::SET_COOKIE, cookie::set(browser.origin, cookie::OUTCOME, &nonce, CHOICE)),
            (header::SET_COOKIE, cookie::take_back(browser.origin, &state_cookie)),
        ]);
        Ok((cookies, to_clean_address()).into_response())
    }

    async fn exchange(&self, begun: Begun, data_centre: DataCentre, code: Secret, nonce: &Secret) -> Outcome {
        let connection = begun.wish.connection.clone();
        let ask = Ask::Exchange {
            wish: begun.wish,
            data_centre,
            redirect_uri: Some(begun.redirect_uri),
            code,
            ticket: nonce.digest(),
        };
        let problem = match self.renewer.ask(ask).await {
            Ok(Reply::Exchanged { ending }) => return Outcome::Ended(ending),
            Ok(Reply::Choose { organizations }) => {
                return Outcome::Choose(Choice { connection, organizations, link: begun.link });
            }
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string(),
        };
        tracing::error!(problem, "token-refresh did not finish a consent");
        Outcome::Ended(Ending {
            connected: false,
            title: "Not connected".to_owned(),
            facts: Vec::new(),
            lines: vec![
                "The connector could not finish this consent; the operator finds the cause in its log."
                    .to_owned(),
                "Open a new link in a minute.".to_owned(),
            ],
        })
    }

    async fn show_outcome(&self, browser: &Browser<'_>) -> Result<Response, StoreError> {
        Ok(match self.outcome(browser).await? {
            Some((_, Outcome::Ended(ending))) => pages::ending(&ending).into_response(),
            Some((_, Outcome::Choose(choice))) => pages::choice(&choice).into_response(),
            None => pages::nothing_to_show().into_response(),
        })
    }
}

/// On to an address without code or state, so that neither stays in the browser's history.
pub(crate) fn to_clean_address() -> impl IntoResponse {
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
        facts: Vec::new(),
        lines: vec![line, "Nothing was changed. To connect after all, open a new link.".to_owned()],
    }
}
