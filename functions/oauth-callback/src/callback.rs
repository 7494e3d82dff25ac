//! `GET /oauth/callback`: where Zoho sends the browser back to. Everything in the address may be forged, so nothing is stored
//! or sent before the state, the browser and Zoho's server are known to be right.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use shared::base::id::ConnectionName;
use shared::base::secret::{Secret, digests_equal};
use shared::base::web::{Deadline, Origin};
use shared::core::connection::consent::{Begun, CHOICE, Choice, Ending, Outcome, Returned};
use shared::core::connection::token_refresh::{Ask, Consented, Reply, TokenRefreshClient, TokenRefreshError};
use shared::store::StoreError;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::secrets::{AuthorizationCode, CodeVerifier};
use tokio::time::{Instant, sleep, timeout_at};

use crate::app::App;
use crate::browser::Browser;
use crate::outcome::{outcome, show_outcome, to_clean_address};
use crate::{cookie, pages};

/// API Gateway gives up after 29 seconds; the person should get an answer before.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);

/// The pause between two tries while the account runs as many functions as it may.
const RETRY_WHEN_FULL: Duration = Duration::from_millis(300);

pub(crate) async fn callback(
    State(app): State<Arc<App>>,
    Origin(origin): Origin,
    deadline: Option<Extension<Deadline>>,
    headers: HeaderMap,
    query: Result<Query<Returned>, QueryRejection>,
) -> Response {
    let latest = Instant::now() + ANSWER_WITHIN;
    let until = deadline.map_or(latest, |Extension(Deadline(at))| latest.min(at));
    let result = match query {
        Ok(Query(returned)) => {
            answer(&app, &Browser { headers: &headers, origin: &origin }, returned, until).await
        }
        Err(_) => Ok(pages::incomplete().into_response()),
    };
    result.unwrap_or_else(|error| {
        tracing::error!(%error, "a consent could not end");
        pages::our_fault().into_response()
    })
}

async fn answer(
    app: &Arc<App>,
    browser: &Browser<'_>,
    returned: Returned,
    until: Instant,
) -> Result<Response, StoreError> {
    let Some(state) = returned.state.clone() else {
        let empty = returned.code.is_none() && returned.error.is_none();
        return if empty {
            show_outcome(&app.consents, browser).await
        } else {
            Ok(pages::state_unknown().into_response())
        };
    };
    let Some(begun) = app.consents.begun(&state).await? else {
        // Loaded again after its end: the same browser is shown the outcome.
        return match outcome(&app.consents, browser).await? {
            Some(_) => Ok(to_clean_address().into_response()),
            None => Ok(pages::state_unknown().into_response()),
        };
    };
    let state_cookie = cookie::of_state(&state);
    let value = browser.cookie(&state_cookie);
    let Some(value) = value.filter(|value| digests_equal(&value.digest(), &begun.cookie)) else {
        return Ok(pages::other_browser().into_response());
    };
    let Ok(data_centre) = returned.data_centre(&app.centres, begun.wish.home) else {
        tracing::warn!("a consent came back with an accounts server that is none of Zoho's");
        return Ok(pages::hostile_server().into_response());
    };
    if returned.code.is_none() && returned.error.is_none() {
        return Ok(pages::incomplete().into_response());
    }
    if !app.consents.use_up(&state).await? {
        return Ok(pages::used_already().into_response());
    }
    let link = begun.link.clone();
    let verifier = begun.challenged.then(|| CodeVerifier::of(&value));
    // The browser brings it to see the outcome, and to choose.
    let nonce = Secret::random();
    let work = {
        let (app, nonce) = (app.clone(), nonce.clone());
        async move {
            let ended = match returned.code {
                Some(code) if returned.error.is_none() => {
                    exchange(&*app.token_refresh, begun, data_centre, (code, verifier), &nonce, until).await
                }
                _ => Some(Outcome::Ended(denied(&begun.wish.connection, returned.error.as_deref()))),
            };
            if let Some(ended) = &ended {
                app.consents.settle(ended, &nonce, link.as_deref()).await?;
            }
            Ok::<_, StoreError>(ended.is_some())
        }
    };
    // The person may close the page: the operator still hears how it ended.
    let settled = tokio::spawn(work).await;
    if !settled.map_err(|_| StoreError::Unavailable("the end of a consent was lost".to_owned()))?? {
        return Ok(pages::used_already().into_response());
    }
    let cookies = AppendHeaders([
        (header::SET_COOKIE, cookie::set(browser.origin, cookie::OUTCOME, &nonce, CHOICE)),
        (header::SET_COOKIE, cookie::take_back(browser.origin, &state_cookie)),
    ]);
    Ok((cookies, to_clean_address()).into_response())
}

/// Has token-refresh exchange the code. Nothing where another consent has used up the link.
async fn exchange(
    token_refresh: &dyn TokenRefreshClient,
    begun: Begun,
    data_centre: DataCentre,
    (code, verifier): (AuthorizationCode, Option<CodeVerifier>),
    nonce: &Secret,
    until: Instant,
) -> Option<Outcome> {
    let connection = begun.wish.connection;
    let consented = match (&begun.link, begun.wish.again) {
        (Some(link), _) => Consented::ByLink { link: link.clone() },
        (None, Some(since)) => Consented::Again { connection: connection.clone(), since },
        (None, None) => return None,
    };
    let ask = Ask::Exchange {
        consented,
        data_centre,
        redirect_uri: Some(begun.redirect_uri),
        code,
        verifier,
        ticket: nonce.digest(),
    };
    Some(match timeout_at(until, ask_until_there_is_room(token_refresh, ask)).await {
        Ok(Ok(Reply::LinkUsed)) => return None,
        Ok(Ok(Reply::Exchanged { ending })) => Outcome::Ended(ending),
        Ok(Ok(Reply::Choose { organizations })) => {
            Outcome::Choose(Choice { connection, organizations, link: begun.link })
        }
        Ok(Ok(other)) => {
            tracing::error!(?other, "token-refresh did not finish a consent");
            Outcome::Ended(unfinished())
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "token-refresh did not finish a consent");
            Outcome::Ended(unfinished())
        }
        Err(_) => Outcome::Ended(still_at_work()),
    })
}

/// Asks again while the account runs as many functions as it may: a code lives for a minute.
async fn ask_until_there_is_room(
    token_refresh: &dyn TokenRefreshClient,
    ask: Ask,
) -> Result<Reply, TokenRefreshError> {
    loop {
        match token_refresh.ask(ask.clone()).await {
            Ok(Reply::Full) => sleep(RETRY_WHEN_FULL).await,
            other => return other,
        }
    }
}

fn unfinished() -> Ending {
    Ending {
        connected: false,
        title: "Not connected".to_owned(),
        facts: Vec::new(),
        lines: vec![
            "The connector could not finish this consent; the operator finds the cause in its log."
                .to_owned(),
            "Open a new link in a minute.".to_owned(),
        ],
    }
}

fn still_at_work() -> Ending {
    Ending {
        connected: false,
        title: "Not finished yet".to_owned(),
        facts: Vec::new(),
        lines: vec![
            "Zoho is slow, and the connector is still at work on this consent.".to_owned(),
            "Whether it is connected, the operator sees in a minute with `zoho-connector connections`. Only if it is not, open a new link.".to_owned(),
        ],
    }
}

fn denied(name: &ConnectionName, error: Option<&str>) -> Ending {
    let line = match error {
        Some("access_denied") => "You declined, so Zoho gave no access.".to_owned(),
        _ => "Zoho gave no access.".to_owned(),
    };
    Ending {
        connected: false,
        title: "Not connected".to_owned(),
        facts: Vec::new(),
        lines: vec![
            line,
            format!(
                "Nothing was changed. To connect after all, open a new link: `zoho-connector connect --connection {name}` makes one."
            ),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_declined_is_told_of_a_link_of_the_same_connection() {
        let shop: ConnectionName = "shop".parse().unwrap();
        for (error, why) in [
            (Some("access_denied"), "You declined, so Zoho gave no access."),
            (Some("other"), "Zoho gave no access."),
            (None, "Zoho gave no access."),
        ] {
            let lines = denied(&shop, error).lines;
            assert_eq!(lines[0], why);
            assert!(lines[1].contains("`zoho-connector connect --connection shop`"), "{lines:?}");
        }
    }
}
