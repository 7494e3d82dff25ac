//! What cannot be delivered is told: an event for whoever reads events, a metric for whoever has alarms.

use serde_json::{Value, json};
use shared::base::id::ConnectionName;
use shared::base::secret::sha256_hex;
use shared::base::telemetry::gauge;
use shared::core::events::Delivery;
use shared::core::events::ledger::Batch;

use crate::EventDelivery;

impl EventDelivery {
    /// The hook refuses us: nothing more is told until the operator sets it anew.
    pub(crate) async fn tell_refused(&self, name: &ConnectionName, batch: &Batch, status: u16, dead: usize) {
        tracing::error!(connection = %name, batch = batch.id, status, dead, "the agent's hook refuses us");
        gauge("deliveries_refused", 1);
        let next = match status {
            401 | 403 => "The token is wrong. Set it with `zoho-connector agent set`",
            404 | 405 => {
                "The address is wrong, or hooks are switched off in the gateway. Mend it, then `zoho-connector agent set` or `agent resume`"
            }
            _ => {
                "The gateway does not take the message. See its log, then `zoho-connector agent set` or `agent resume`"
            }
        };
        let notice = format!(
            "The agent's hook answered {status}, so nothing more is told to it. {next}; then `{}`.",
            replay(name)
        );
        let data = json!({ "status": status, "delivery": batch.id, "dead": dead, "notice": notice });
        self.tell_trouble(name, batch, "connector.delivery_refused", data).await;
    }

    /// The hook takes our messages, but no run claims the events.
    pub(crate) async fn tell_unclaimed(&self, name: &ConnectionName, batch: &Batch, dead: usize) {
        tracing::error!(connection = %name, batch = batch.id, dead, "events were never claimed");
        gauge("deliveries_unclaimed", 1);
        let notice = format!(
            "The agent's hook took the message, but no run claimed the events. See the gateway's log, and whether the agent has \
             the skill and a key; then `{}`.",
            replay(name)
        );
        let data = json!({ "delivery": batch.id, "dead": dead, "notice": notice });
        self.tell_trouble(name, batch, "connector.delivery_unclaimed", data).await;
    }

    /// That it could not be told stops nothing.
    async fn tell_trouble(&self, name: &ConnectionName, batch: &Batch, kind: &str, data: Value) {
        let delivery = Delivery {
            connection: name.clone(),
            source: "connector",
            // One for each batch, also where this process dies half-way and another one tells it again.
            digest: sha256_hex(format!("{kind} {}", batch.id).as_bytes()),
            kind: kind.to_owned(),
            subject: Some(format!("delivery/{}", batch.id)),
            time: None,
            data,
            body: Value::Null.to_string(),
        };
        if let Err(error) = self.events.store(delivery).await {
            tracing::error!(connection = %name, %error, "an event of our own could not be stored");
        }
    }
}

/// The command by which dead events of a connection are told again.
fn replay(name: &ConnectionName) -> String {
    let of = if *name == ConnectionName::default() { String::new() } else { format!(" --connection {name}") };
    format!("zoho-connector events replay --dead{of}")
}
