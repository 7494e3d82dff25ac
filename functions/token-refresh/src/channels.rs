//! CRM's channels: made and ended as the operator wants, renewed long before their end, and made anew where CRM has lost them.
//! CRM says that a channel is gone only when it is asked, so a renewal is also how a loss is noticed.

use futures::{StreamExt, stream};
use shared::base::id::ConnectionName;
use shared::base::telemetry::count;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_refresh::Reply;
use shared::core::events::subscription;
use shared::core::events::subscription::{Channel, Refusal, Stored, Subscription};
use shared::store::secret_record::load;
use shared::store::{Condition, StoreError};
use tokio::time::{Instant, sleep_until};

use crate::announce;
use crate::app::App;
use crate::channel_calls::{Outcome, end, end_with, request};

/// Channels that are renewed at the same time.
const CONCURRENT_RENEWALS: usize = 10;

/// How often a row is read again that another process changed meanwhile.
const READS_OF_ROW: usize = 3;

/// Brings the channel of a connection in line with what is watched.
pub(crate) async fn watch(app: &App, name: &ConnectionName) -> Result<Reply, StoreError> {
    for _ in 0..READS_OF_ROW {
        let Some(stored) = subscription::get(&*app.stores.state, name).await? else {
            return Ok(Reply::Unknown);
        };
        // Where the row was changed meanwhile, CRM may have been told what is no longer wanted.
        if let Some(reply) = keep_channel(app, &stored).await? {
            return Ok(reply);
        }
    }
    Ok(Reply::Busy)
}

/// Renews the channels that are due.
pub(crate) async fn keep_channels(app: &App, until: Instant) -> Result<(), StoreError> {
    let now = app.clock.now();
    let all = subscription::list(&*app.stores.state).await?;
    let wanted = all.iter().filter(|stored| !stored.watch.crm.is_empty());
    let channels = wanted.filter_map(|stored| stored.watch.channel.as_ref());
    let (live, lost): (Vec<_>, Vec<_>) = channels.partition(|channel| channel.is_live(now));
    if !all.is_empty() {
        let ending = live.iter().filter(|channel| channel.is_ending(now)).count();
        count("channels", "live", live.len());
        count("channels", "at_risk", ending + lost.len());
        count("channels", "lost", lost.len());
    }
    let due = |stored: &&Stored| stored.watch.channel.as_ref().is_some_and(|channel| channel.is_due(now));
    stream::iter(all.iter().filter(due))
        .take_until(sleep_until(until))
        .for_each_concurrent(CONCURRENT_RENEWALS, |stored| async move {
            let connection = &stored.watch.connection;
            if let Err(error) = watch(app, connection).await {
                tracing::error!(%connection, %error, "a channel could not be renewed");
            }
        })
        .await;
    Ok(())
}

/// Makes one channel as its row says. Nothing where the row was changed meanwhile.
async fn keep_channel(app: &App, stored: &Stored) -> Result<Option<Reply>, StoreError> {
    let mut watch = stored.watch.clone();
    let Some(mut channel) = watch.channel.take() else {
        return Ok(Some(Reply::Watching { expires: None }));
    };
    let reply = if watch.crm.is_empty() {
        let is_over = channel.expires.is_none_or(|expires| expires <= app.clock.now());
        match end(app, &watch.connection, &channel.id).await? {
            Ok(()) => Reply::Watching { expires: None },
            // It has ended by itself, though CRM cannot be asked.
            Err(_) if is_over => Reply::Watching { expires: None },
            Err(reason) => return Ok(Some(Reply::NotWatching { reason })),
        }
    } else {
        let outcome = request(app, &watch, &channel).await?;
        let reply = note(app, &watch, &mut channel, outcome).await;
        watch.channel = Some(channel);
        reply
    };
    let is_current = subscription::put(&*app.stores.state, &watch, Some(stored)).await?;
    Ok(is_current.then_some(reply))
}

/// Notes in the channel what CRM said, and announces a loss.
async fn note(app: &App, watch: &Subscription, channel: &mut Channel, outcome: Outcome) -> Reply {
    let now = app.clock.now();
    let reply = match outcome {
        Outcome::Granted { expires, was_lost } => {
            if was_lost && channel.lost.is_none() {
                announce::channel_loss(&app.events, &watch.connection, channel, true).await;
            }
            if was_lost || channel.lost.is_some() {
                channel.restored = Some(now);
            }
            (channel.lost, channel.refused) = (None, None);
            (channel.confirmed, channel.expires) = (Some(now), Some(expires));
            return Reply::Watching { expires: Some(expires) };
        }
        Outcome::Refused(reason) => {
            channel.refused = Some(Refusal { at: now, reason: reason.clone() });
            Reply::NotWatching { reason }
        }
        Outcome::Unknown(reason) => Reply::NotWatching { reason },
    };
    let is_over = channel.expires.is_some_and(|expires| expires <= now);
    if channel.lost.is_none() && is_over {
        channel.lost = channel.confirmed;
        announce::channel_loss(&app.events, &watch.connection, channel, false).await;
    }
    reply
}

/// Ends the channel of a connection that ends, and deletes the row of what is watched. A channel that stays behind ends
/// within a week; until then its notifications are refused, once the operator's command has deleted its token.
pub(crate) async fn end_channel(app: &App, name: &ConnectionName) {
    let ended = async {
        let Some(Stored { watch, .. }) = subscription::get(&*app.stores.state, name).await? else {
            return Ok(());
        };
        let token = load::<AccessToken>(&*app.stores.secrets, &AccessToken::secret_name(name)).await?;
        if let (Some(channel), Some((token, _))) = (watch.channel, token) {
            let api = app.centres.api(token.data_centre);
            if let Err(failure) = end_with(&app.http, &token.token, &api, &channel.id).await {
                // Not in Zoho's words, which may be about the company.
                let zoho_code = failure.said.as_ref().map(|said| said.code.as_str());
                tracing::warn!(connection = %name, kind = %failure.kind, zoho_code, "the channel was not ended at Zoho");
            }
        }
        app.stores.state.delete(subscription::key(name), Condition::Any).await.map(drop)
    };
    let ended: Result<(), StoreError> = ended.await;
    if let Err(error) = ended {
        tracing::warn!(connection = %name, %error, "the row of what is watched could not be deleted");
    }
}
