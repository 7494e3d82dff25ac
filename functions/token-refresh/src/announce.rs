//! What befalls a connection is told: an event for whoever reads events, a metric for whoever has alarms.

use serde_json::{Value, json};
use shared::base::secret::random_hex;
use shared::base::telemetry::gauge;
use shared::core::connection::{Connection, State};
use shared::core::events::Delivery;

use crate::TokenRefresh;

impl TokenRefresh {
    /// Tells of a change of state. That it could not be told stops nothing.
    pub(crate) async fn announce(&self, before: &State, found: &Connection) {
        let (before, now) = (before.as_str(), found.state.as_str());
        if before == now {
            return;
        }
        let kind = if found.state == State::Healthy { "recovered" } else { now };
        tracing::warn!(connection = %found.name, before, now, "a connection changed its state");
        let delivery = Delivery {
            connection: found.name.clone(),
            source: "connector",
            digest: random_hex::<16>(),
            kind: format!("connector.{kind}"),
            subject: Some(format!("connection/{}", found.name)),
            time: None,
            data: json!({ "state": now, "before": before, "notice": found.notice() }),
            body: Value::Null.to_string(),
        };
        if let Err(error) = self.events.store(delivery).await {
            tracing::error!(connection = %found.name, %error, "an event of our own could not be stored");
        }
    }
}

/// How many connections are in which state: all that are healthy, and each trouble that there is.
pub(crate) fn measure(connections: &[Connection]) {
    let count = |word: &str| connections.iter().filter(|found| found.state.as_str() == word).count();
    let troubles = ["cooling_down", "exhausted", "misconfigured", "reconnect_required", "disconnecting"];
    gauge("connections_healthy", count("healthy"));
    for word in troubles {
        let count = count(word);
        if count > 0 {
            gauge(&format!("connections_{word}"), count);
        }
    }
}
