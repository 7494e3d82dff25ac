//! What happens to a connection is announced: an event for the agent and the operator, a line in the log, and a metric for
//! alarms.

use serde_json::json;
use shared::base::id::ConnectionName;
use shared::base::secret::{random_hex, sha256_hex};
use shared::base::telemetry::count;
use shared::core::connection::{Connection, State};
use shared::core::events::subscription::Channel;
use shared::core::events::{Delivery, Events};

/// A connection may have changed its state.
pub(crate) async fn state_change(events: &Events, before: &State, found: &Connection) {
    let (before, now) = (before.as_str(), found.state.as_str());
    if before == now {
        return;
    }
    let kind = if found.state == State::Healthy { "recovered" } else { now };
    tracing::warn!(connection = %found.name, before, now, "a connection changed its state");
    let data = json!({ "state": now, "before": before, "notice": found.notice() });
    let delivery = Delivery {
        subject: Some(format!("connection/{}", found.name)),
        ..Delivery::own(found.name.clone(), format!("connector.{kind}"), random_hex::<16>(), data)
    };
    store(events, delivery).await;
}

/// Another user of Zoho stands behind a connection than before: what it may do in Zoho can differ.
pub(crate) async fn user_change(events: &Events, before: &Connection, now: &Connection) {
    let (Some(was), Some(is)) = (&before.user, &now.user) else { return };
    if was.eq_ignore_ascii_case(is) {
        return;
    }
    tracing::warn!(connection = %now.name, "another user of Zoho connected");
    let notice = "Another user of Zoho connected this connection than before. What it may do in Zoho are this user's rights.";
    let data = json!({ "user": is, "before": was, "notice": notice });
    let delivery = Delivery {
        subject: Some(format!("connection/{}", now.name)),
        ..Delivery::own(now.name.clone(), "connector.user_changed", random_hex::<16>(), data)
    };
    store(events, delivery).await;
}

/// A channel is lost, or was and is `restored`.
pub(crate) async fn channel_loss(
    events: &Events,
    connection: &ConnectionName,
    channel: &Channel,
    restored: bool,
) {
    let since = channel.confirmed;
    tracing::warn!(%connection, channel = channel.id, restored, "a channel was lost");
    count("channel_losses", if restored { "restored" } else { "gone" }, 1);
    let next = if restored {
        "It was made anew, and the connector looks for what changed meanwhile.".to_owned()
    } else {
        format!(
            "The connector goes on asking for it, and looks for changes until it is there. `zoho-connector webhooks show --connection {connection}` says why CRM does not give it."
        )
    };
    let notice = format!("CRM's channel {} was lost: Zoho told of no change. {next}", channel.id);
    let data = json!({ "channel_id": channel.id, "since": since, "restored": restored, "notice": notice });
    // One event a loss, also where this process dies half-way and another one announces it again.
    let digest = sha256_hex(format!("channel_lost {} {since:?}", channel.id).as_bytes());
    let delivery = Delivery {
        subject: Some(format!("channel/{}", channel.id)),
        ..Delivery::own(connection.clone(), "connector.channel_lost", digest, data)
    };
    store(events, delivery).await;
}

/// Stores an event. Where that fails, the work goes on.
async fn store(events: &Events, delivery: Delivery) {
    let connection = delivery.connection.clone();
    if let Err(error) = events.store(delivery).await {
        tracing::error!(%connection, %error, "an event of the connector's own could not be stored");
    }
}
