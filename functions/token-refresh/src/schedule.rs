//! The scheduled run: every connection by itself, so that one in trouble does not delay the others.

use std::time::Duration;

use futures::{StreamExt, stream};
use shared::base::clock::{SignedDuration, earlier};
use shared::base::telemetry::count;
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{self, Connection, State};
use shared::store::StoreError;
use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::channels::keep_channels;
use crate::clear_parked::clear_parked;
use crate::disconnect::disconnect;
use crate::renew::renew;
use crate::replaced::clear_replaced;

/// A token that ends within this time is renewed now. The schedule runs every 5 minutes.
const RENEW_AHEAD: SignedDuration = SignedDuration::from_mins(30);

/// Each renewal writes a secret twice or three times, and Secrets Manager takes 50 writes a second.
const CONCURRENT_RENEWALS: usize = 15;

/// After this time nothing new is begun, so that everything ends before the function's timeout. The next run does the rest.
const TIME_TO_BEGIN: Duration = Duration::from_secs(35);

pub(crate) async fn tick(app: &App) -> Result<Reply, StoreError> {
    let (begun, now) = (Instant::now(), app.clock.now());
    let due = |found: &Connection| {
        let ends = found.token_expires.is_none_or(|expires| earlier(expires, RENEW_AHEAD) <= now);
        match found.state {
            State::ReconnectRequired { .. } => false,
            State::Disconnecting => true,
            _ => ends,
        }
    };
    let (mut connections, unreadable) = connection::readable(&*app.stores.state).await?;
    connections.sort_by_key(|found| found.token_expires);
    measure(&connections);
    let results: Vec<_> = stream::iter(connections.into_iter().filter(due))
        .take_until(sleep(TIME_TO_BEGIN))
        .map(|found| async move {
            match found.state {
                // Its process died half-way.
                State::Disconnecting => disconnect(app, &found.name, true).await,
                _ => renew(app, &found.name, None, RENEW_AHEAD).await,
            }
        })
        .buffer_unordered(CONCURRENT_RENEWALS)
        .collect()
        .await;
    let is_done = |result: &Result<Reply, StoreError>| {
        matches!(result, Ok(Reply::Renewed | Reply::Disconnected { .. } | Reply::Unknown))
    };
    let renewed = results.iter().filter(|result| is_done(result)).count();
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        tracing::error!(%error, "a scheduled renewal failed");
    }
    // Channels come after the tokens, because they need them.
    if let Err(error) = keep_channels(app, begun + TIME_TO_BEGIN).await {
        tracing::error!(%error, "channels could not be read");
    }
    // Revocations come last, so that a Zoho that does not answer them delays nothing else.
    if let Err(error) = clear_parked(app, begun + TIME_TO_BEGIN).await {
        tracing::error!(%error, "parked grants could not be read");
    }
    if let Err(error) = clear_replaced(app, begun + TIME_TO_BEGIN).await {
        tracing::error!(%error, "replaced grants could not be read");
    }
    let failed = results.len() - renewed + unreadable;
    for (outcome, value) in [("done", renewed), ("failed", failed)] {
        if value > 0 {
            count("renewals", outcome, value);
        }
    }
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    if !results.is_empty() {
        tracing::info!(renewed, failed, milliseconds, "schedule");
    }
    Ok(Reply::Ticked { renewed, failed })
}

fn measure(connections: &[Connection]) {
    for (word, found) in by_state(connections) {
        count("connections", word, found);
    }
}

/// How many connections are in which state: always those that are healthy, and each trouble that there is.
pub(crate) fn by_state(connections: &[Connection]) -> Vec<(&'static str, usize)> {
    let of = |word: &str| connections.iter().filter(|found| found.state.as_str() == word).count();
    let all = State::WORDS.into_iter().map(|word| (word, of(word)));
    all.filter(|(word, found)| *found > 0 || *word == State::Healthy.as_str()).collect()
}
