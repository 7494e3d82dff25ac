//! The scheduled renewal: every connection by itself, so that one in trouble holds up none.

use std::time::Duration;

use futures::{StreamExt, stream};
use shared::base::clock::{SignedDuration, earlier};
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{self, Connection, State};
use shared::store::StoreError;

use tokio::time::{Instant, sleep};

use crate::TokenRefresh;
use crate::announce::measure;

/// What ends within this time is renewed now; the schedule comes every 5 minutes.
const AHEAD: SignedDuration = SignedDuration::from_mins(30);

/// Enough that connections whose Zoho is silent do not use up the time of the others.
const AT_ONCE: usize = 50;

/// After this nothing new is begun, so that what has begun ends before the function is ended. The rest comes next time.
const BUDGET: Duration = Duration::from_secs(35);

impl TokenRefresh {
    pub(crate) async fn tick(&self) -> Result<Reply, StoreError> {
        let (begun, now) = (Instant::now(), self.clock.now());
        let due = |found: &Connection| {
            let ends = found.token_expires.is_none_or(|expires| earlier(expires, AHEAD) <= now);
            match found.state {
                State::ReconnectRequired { .. } => false,
                State::Disconnecting => true,
                _ => ends,
            }
        };
        let mut connections = connection::list(&*self.stores.state).await?;
        connections.sort_by_key(|found| found.token_expires);
        measure(&connections);
        let results: Vec<_> = stream::iter(connections.into_iter().filter(due))
            .take_until(sleep(BUDGET))
            .map(|found| async move {
                match found.state {
                    // Its process died half-way.
                    State::Disconnecting => self.disconnect(&found.name, true).await,
                    _ => self.renew(&found.name, None, AHEAD).await,
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let done = |result: &Result<Reply, StoreError>| {
            matches!(result, Ok(Reply::Renewed | Reply::Disconnected { .. } | Reply::Unknown))
        };
        let renewed = results.iter().filter(|result| done(result)).count();
        for error in results.iter().filter_map(|result| result.as_ref().err()) {
            tracing::error!(%error, "a scheduled renewal failed");
        }
        // After the tokens, which they need.
        if let Err(error) = self.keep_channels(begun + BUDGET).await {
            tracing::error!(%error, "channels could not be looked at");
        }
        // Last: a Zoho that does not answer a revocation must not hold the others up.
        if let Err(error) = self.clear_parked().await {
            tracing::error!(%error, "parked grants could not be looked at");
        }
        Ok(Reply::Ticked { renewed, failed: results.len() - renewed })
    }
}
