//! `POST /oauth/organization`: the choice of one among several organisations, from the page that follows a callback. The
//! browser's cookie says which consent it is for; a form of another site does not bring it along, and is refused by its origin.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use shared::base::web::Origin;
use shared::core::connection::consent::Outcome;
use shared::core::connection::token_refresh::{Ask, Reply};
use shared::store::StoreError;

use crate::app::App;
use crate::browser::Browser;
use crate::outcome::{outcome, to_clean_address};
use crate::pages;

#[derive(Deserialize)]
pub(crate) struct Chosen {
    organization: String,
}

pub(crate) async fn choose(
    State(app): State<Arc<App>>,
    Origin(origin): Origin,
    headers: HeaderMap,
    form: Result<Form<Chosen>, FormRejection>,
) -> Response {
    let browser = Browser { headers: &headers, origin: &origin };
    if browser.is_sent_by_another_site() {
        return pages::incomplete().into_response();
    }
    let Ok(Form(Chosen { organization })) = form else { return pages::incomplete().into_response() };
    answer(&app, &browser, organization).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a choice could not be stored");
        pages::our_fault().into_response()
    })
}

async fn answer(app: &App, browser: &Browser<'_>, organization: String) -> Result<Response, StoreError> {
    let (nonce, choice) = match outcome(&app.consents, browser).await? {
        Some((nonce, Outcome::Choose(choice))) => (nonce, choice),
        // Sent twice: the first one counts, and its outcome is shown.
        Some((_, Outcome::Ended(_))) => return Ok(to_clean_address().into_response()),
        None => return Ok(pages::nothing_to_show().into_response()),
    };
    let connection = choice.connection.clone();
    let ask = Ask::Choose { connection, ticket: nonce.digest(), organization };
    match app.token_refresh.ask(ask).await {
        Ok(Reply::Exchanged { ending }) => {
            let ended = Outcome::Ended(ending);
            match app.consents.settle(&ended, &nonce, choice.link.as_deref()).await {
                Ok(()) => Ok(to_clean_address().into_response()),
                // Whoever chooses again is told the same end, and the operator who waits for it hears of it, too.
                Err(error) => {
                    tracing::error!(%error, "the end of a choice could not be stored");
                    Ok(pages::choose_again(&choice).into_response())
                }
            }
        }
        Ok(Reply::Busy) => Ok(pages::choose_again(&choice).into_response()),
        Ok(other) => {
            tracing::error!(?other, "token-refresh did not take a choice");
            Ok(pages::choose_again(&choice).into_response())
        }
        Err(error) => {
            tracing::error!(%error, "token-refresh did not take a choice");
            Ok(pages::choose_again(&choice).into_response())
        }
    }
}
