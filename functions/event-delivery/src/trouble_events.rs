//! Reports what cannot be delivered: an event for those who read events, a metric for those who have alarms.

use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::secret::sha256_hex;
use shared::base::telemetry::gauge;
use shared::core::events::ledger::Batch;
use shared::core::events::{Delivery, Events};

/// Where trouble events are stored: among all others.
#[derive(Clone, Copy)]
pub(crate) struct TroubleEvents<'a> {
    pub(crate) events: &'a Events,
}

impl TroubleEvents<'_> {
    /// The hook refuses every message: nothing more is sent until the operator sets it anew.
    pub(crate) async fn refused(
        &self,
        name: &ConnectionName,
        batch: &Batch,
        (status, reason): (u16, Option<&str>),
        dead: usize,
    ) {
        tracing::error!(connection = %name, batch = batch.id, status, dead, "the agent's hook refuses every message");
        gauge("events_dead", dead);
        // The command that sets the hook again has all that was set with it: that is not told to everybody who reads events.
        let next = match status {
            401 | 403 => {
                "The token is wrong: `zoho-connector agent show` names the command that sets another"
            }
            404 | 405 => {
                "The address is wrong, or hooks are switched off in the gateway. Mend it, and do what `zoho-connector agent show` says"
            }
            _ => {
                "The gateway does not take the message; `answer` is its reason. Mend that, and do what `zoho-connector agent show` says"
            }
        };
        let notice = format!(
            "The agent's hook answered {status}, so nothing more is told to it. {next}; then `{}`.",
            replay(name)
        );
        let mut data = json!({ "status": status, "delivery": batch.id, "dead": dead, "notice": notice });
        // In a field of its own: these are words of others.
        if let (Some(data), Some(reason)) = (data.as_object_mut(), reason) {
            data.insert("answer".to_owned(), reason.into());
        }
        self.store(name, batch, "connector.delivery_refused", (data, None)).await;
    }

    /// The hook takes the messages, but no run claims the events; or it does not take them for as long as the events are kept. Those end
    /// one after the other: with the time `at`, one event a day tells of a batch.
    pub(crate) async fn unclaimed(
        &self,
        name: &ConnectionName,
        batch: &Batch,
        dead: usize,
        at: Option<Timestamp>,
    ) {
        tracing::error!(connection = %name, batch = batch.id, dead, "events were never claimed");
        gauge("events_dead", dead);
        let what = if batch.was_taken() {
            "The agent's hook took the message, but no run claimed the events. See the gateway's log, and whether the agent has \
             the skill and a key"
        } else {
            "The agent's hook did not take the message as long as the events are kept. See whether the gateway runs and can be \
             reached; `zoho-connector agent show` says what it answered"
        };
        let notice = format!("{what}; then `{}`.", replay(name));
        let data = json!({ "delivery": batch.id, "dead": dead, "notice": notice });
        self.store(name, batch, "connector.delivery_unclaimed", (data, at)).await;
    }

    /// A failure to store the event is logged and stops nothing.
    async fn store(
        &self,
        name: &ConnectionName,
        batch: &Batch,
        kind: &str,
        (data, at): (Value, Option<Timestamp>),
    ) {
        // One event for each batch and kind, or a day's first with a time: another process may repeat this one after a crash.
        let digest = sha256_hex(format!("{kind} {}", batch.id).as_bytes());
        let delivery = Delivery {
            subject: Some(format!("delivery/{}", batch.id)),
            time: at.map(|at| at.to_string()),
            ..Delivery::own(name.clone(), kind, digest, data)
        };
        if let Err(error) = self.events.store(delivery).await {
            tracing::error!(connection = %name, %error, "a trouble event could not be stored");
        }
    }
}

/// The command that sends dead events of a connection again.
fn replay(name: &ConnectionName) -> String {
    let of = if *name == ConnectionName::default() { String::new() } else { format!(" --connection {name}") };
    format!("zoho-connector events replay --dead{of}")
}
