//! Placeholders of a webhook that Zoho did not fill in: it sends their names in place of the values, as where the placeholder is of
//! another module than the rule.

use serde_json::json;
use shared::base::id::ConnectionName;
use shared::base::secret::sha256_hex;
use shared::base::telemetry::gauge;
use shared::core::events::Delivery;

use crate::app::App;

/// Tells the operator, once a day, that Zoho has sent the name of a placeholder in place of its value. The webhook itself is stored:
/// a failure here is no reason to refuse it.
pub(crate) async fn tell(app: &App, connection: ConnectionName, unfilled: &[String]) {
    let names = unfilled.join(", ");
    tracing::error!(%connection, placeholders = names, "a webhook came with placeholders that Zoho did not fill in");
    gauge("webhooks_unfilled", 1);
    let notice = format!(
        "A webhook of Zoho Inventory came with {names}, which Zoho did not fill in, so that nobody can tell which record it is about. \
         In Zoho, open the webhook and choose the default payload, or placeholders of the very module that its rule is for."
    );
    let digest = sha256_hex(format!("unfilled {names}").as_bytes());
    let data = json!({ "placeholders": unfilled, "notice": notice });
    let told = Delivery {
        // With a time, an equal event of the same day is not stored again.
        time: Some(app.clock.now().to_string()),
        ..Delivery::own(connection, "connector.webhook_unfilled", digest, data)
    };
    if let Err(error) = app.events.store(told).await {
        tracing::error!(%error, "an event of an unfilled webhook could not be stored");
    }
}
