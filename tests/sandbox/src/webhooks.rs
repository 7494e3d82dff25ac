//! Workflow rules with a webhook action, and the webhooks that changes send.

use serde_json::{Value, json};

use crate::api::{BodyForm, Entity, Webhook};
use crate::inventory::rules::Moment;
use crate::outbox::Delivery;
use crate::signature::{sign, string_to_sign};
use crate::state::State;

/// The placeholder for the default payload in a body of raw data.
const DEFAULT_PAYLOAD: &str = "${JSONString}";

/// Whether anything watches this kind of record: what nobody is told of need not be written out.
pub(crate) fn wanted(state: &State, entity: Entity) -> bool {
    state.webhooks.iter().any(|hook| hook.entity == entity)
        || state.shop.rules.workflows.iter().any(|rule| rule.entity == entity)
}

/// Queues one delivery for each rule that watches this kind of record. The payload has no event, time or
/// organisation.
pub(crate) fn prepare(state: &mut State, (entity, moment): (Entity, Moment), record: &Value) {
    let key = match entity {
        Entity::Item => "item",
        Entity::SalesOrder => "salesorder",
        Entity::Adjustment => "inventory_adjustment",
    };
    let id = record.get(format!("{key}_id")).and_then(Value::as_str).unwrap_or_default();
    let payload = json!({ key: record }).to_string();
    let claims_form = state.switches.webhook_json_claims_form();
    let given = state.webhooks.iter().filter(|hook| hook.entity == entity);
    state.outbox.extend(given.map(|hook| delivery((hook, "POST"), &payload, claims_form)));
    state.outbox.extend(state.shop.rules.set_off(entity, moment, id).into_iter().map(|hook| {
        let body = hook.raw.replace(DEFAULT_PAYLOAD, &payload);
        delivery((&hook.webhook, &hook.method), &body, claims_form)
    }));
}

fn delivery((hook, method): (&Webhook, &str), payload: &str, json_claims_form: bool) -> Delivery {
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
    Delivery { method: method.to_owned(), url: hook.url.clone(), kind, body, signature }
}
