//! Checks whether a request is allowed. Every function may call token-refresh, so an attacker who takes one over could ask for
//! anything. Therefore a consent counts only with the operator's link, or for a connection that is dead, and an end or a change of
//! channel only with the operator's order. Links and orders are rows that no function can write.

use shared::core::connection;
use shared::core::connection::State;
use shared::core::connection::consent::Wish;
use shared::core::connection::orders::Order;
use shared::core::connection::token_refresh::{Ask, Consented, Reply};
use shared::store::StoreError;

use crate::app::App;
use crate::consent_results::failed;
use crate::task::{Exchange, Task};

/// The task of a request, or the reply where it is not allowed. Uses up the link or the order.
pub(crate) async fn proven(app: &App, ask: Ask) -> Result<Result<Task, Reply>, StoreError> {
    Ok(Ok(match ask {
        Ask::Renew { connection, dead } => Task::Renew { connection, dead },
        Ask::Choose { connection, ticket, organization } => Task::Choose { connection, ticket, organization },
        Ask::Tick => Task::Tick,
        Ask::Exchange { consented, data_centre, redirect_uri, code, verifier, ticket } => {
            let wish = match wish(app, consented).await? {
                Ok(wish) => wish,
                Err(reply) => return Ok(Err(reply)),
            };
            Task::Exchange(Exchange { wish, data_centre, redirect_uri, code, verifier, ticket })
        }
        Ask::Order { id } => match app.orders.take(&id).await? {
            Some(Order::Disconnect { connection }) => Task::Disconnect(connection),
            Some(Order::Watch { connection }) => Task::Watch(connection),
            None => return Ok(Err(Reply::Unknown)),
        },
    }))
}

/// What the user was asked for. It is read from what is stored here: the function that calls could say anything.
async fn wish(app: &App, consented: Consented) -> Result<Result<Wish, Reply>, StoreError> {
    match consented {
        Consented::ByLink { link } => Ok(app.consents.take_link(&link).await?.ok_or(Reply::LinkUsed)),
        Consented::Again { connection, since } => {
            let found = connection::get(&*app.stores.state, &connection).await?;
            let dead = found.filter(|found| {
                found.connected_at == since && matches!(found.state, State::ReconnectRequired { .. })
            });
            Ok(dead.as_ref().and_then(Wish::again).ok_or_else(overtaken))
        }
    }
}

/// The connection is not as it was when the consent began.
fn overtaken() -> Reply {
    let ending = failed(["The operator has ended this connection, or connected it anew, in the meantime."]);
    Reply::Exchanged { ending }
}
