//! Workflow rules with a webhook action: what is sent when data changes.

use serde_json::{Value, json};

use crate::api::{BodyForm, Entity, Webhook};
use crate::delivery::Delivery;
use crate::signature::{sign, string_to_sign};
use crate::state::State;

/// Readies one delivery per rule that watches this kind of thing. The payload has no event, time or
/// organisation.
pub(crate) fn prepare(state: &mut State, entity: Entity, payload: &Value) {
    let key = match entity {
        Entity::Item => "item",
        Entity::SalesOrder => "salesorder",
    };
    let payload = json!({ key: payload }).to_string();
    let hooks = state.webhooks.iter().filter(|hook| hook.entity == entity);
    let claims_form = state.switches.webhook_json_claims_form;
    state.outbox.extend(hooks.map(|hook| delivery(hook, &payload, claims_form)));
}

fn delivery(hook: &Webhook, payload: &str, json_claims_form: bool) -> Delivery {
    let form = hook.body == BodyForm::Form;
    let body = if form {
        form_urlencoded::Serializer::new(String::new()).append_pair("JSONString", payload).finish()
    } else {
        payload.to_owned()
    };
    let query = hook.url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let signature = if hook.secret.is_empty() {
        String::new()
    } else {
        sign(&hook.secret, &string_to_sign(query, &body, form), hook.encoding)
    };
    let kind =
        if form || json_claims_form { "application/x-www-form-urlencoded" } else { "application/json" };
    Delivery { url: hook.url.clone(), kind, body, signature }
}
