//! Commands that are callers of the connector's own API, as an agent is: they hold a service key and never a token.

mod access;
mod call_key;
mod client;
mod progress;
mod refused;
mod shell_words;

pub(super) use access::Access;
pub(super) use call_key::LABEL as LABEL_FOR_AN_HOUR;
pub(super) use client::{Api, Body};
pub(super) use refused::Trouble;
pub(super) use shell_words::{command_line, quoted};

use shared::zoho::scope::Access as Level;

use crate::failure::{Failure, INTERRUPTED};
use crate::server::signals::stop_signal;
use crate::terminal::{can_ask, note};

/// Works with a key that may do this much. However the work ends, also by Ctrl-C, a key that was made for it is revoked.
pub(super) async fn with_api(
    access: &Access,
    level: Level,
    work: impl AsyncFnOnce(&Api) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let stopped = stop_signal();
    let api = access.open(level).await?;
    let ended = tokio::select! {
        ended = work(&api) => ended,
        () = stopped => {
            // Behind the ^C that a terminal shows.
            if can_ask() {
                note("");
            }
            Err(Failure::Ended(INTERRUPTED, "Interrupted.".to_owned()))
        }
    };
    api.progress.clear();
    let revoked = api.close().await;
    match (ended, api.how_to_go_on()) {
        (Ok(()), _) => revoked,
        (Err(failure @ (Failure::Other(_) | Failure::Ended(INTERRUPTED, _))), Some(how)) => {
            Err(failure.going_on(&how))
        }
        (Err(failure), _) => Err(failure),
    }
}
