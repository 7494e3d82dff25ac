//! `/settings/webhooks` and `/settings/workflows`. Zoho does not document them for Inventory. They take the bodies that other
//! clients were seen to send.

use std::collections::HashSet;

use axum::http::Method;
use hyper::Uri;
use serde_json::{Value, json};

use super::body;
use super::error::error;
use super::list::text;
use super::missing::missing;
use super::rules::{Hook, Moment, Workflow};
use crate::api::{BodyForm, Entity, SignatureEncoding, Webhook};
use crate::http::{Answer, Call};
use crate::object::Object;
use crate::state::State;

/// The length of a signing secret, which consists of letters and digits.
const SECRET: std::ops::RangeInclusive<usize> = 12..=50;

/// Answers calls below `/settings/webhooks`.
pub(crate) fn webhooks(state: &mut State, call: &Call, id: Option<&str>, here: bool) -> Answer {
    let place =
        id.and_then(|id| state.shop.rules.hooks.iter().position(|hook| hook.id == id && hook.here == here));
    match (&call.method, id, place) {
        (&Method::POST, _, _) => made(hook(state, call, here), "webhook", |hook| {
            let shown = hook.shown.clone().into();
            state.shop.rules.hooks.push(hook);
            shown
        }),
        (_, None, _) => {
            let hooks = state.shop.rules.hooks.iter().filter(|hook| hook.here == here);
            listed("webhooks", hooks.map(|hook| hook.shown.clone().into()).collect())
        }
        (_, Some(id), None) => missing(state, "webhook_id", id),
        // It is not known whether Zoho deletes a webhook that a rule still names.
        (&Method::DELETE, Some(id), Some(_))
            if state.shop.rules.workflows.iter().any(|rule| rule.actions.iter().any(|own| own == id)) =>
        {
            error(400, 4, "The webhook is used by a workflow rule and cannot be deleted.")
        }
        (&Method::DELETE, _, Some(place)) => {
            state.shop.rules.hooks.remove(place);
            done("The webhook has been deleted.")
        }
        (_, _, Some(place)) => one("webhook", state.shop.rules.hooks.get(place).map(|hook| &hook.shown)),
    }
}

/// Answers calls below `/settings/workflows`.
pub(crate) fn workflows(state: &mut State, call: &Call, rest: &[&str], here: bool) -> Answer {
    let id = rest.first().copied();
    let place = id
        .and_then(|id| state.shop.rules.workflows.iter().position(|rule| rule.id == id && rule.here == here));
    let rules = &mut state.shop.rules.workflows;
    match (&call.method, id, place) {
        (&Method::POST, None, _) => made(workflow(state, call, here), "workflow", |rule| {
            let row = rule.row();
            state.shop.rules.workflows.push(rule);
            row.into()
        }),
        (_, None, _) => {
            let rows = rules.iter().filter(|rule| rule.here == here).map(|rule| rule.row().into());
            listed("workflows", rows.collect())
        }
        (_, Some(id), None) => missing(state, "workflow_id", id),
        (&Method::POST, _, Some(place)) => {
            let active = rest.last() == Some(&"active");
            if let Some(rule) = rules.get_mut(place) {
                rule.active = active;
            }
            done(if active { "The workflow is active." } else { "The workflow is inactive." })
        }
        (&Method::DELETE, _, Some(place)) => {
            rules.remove(place);
            done("The workflow has been deleted.")
        }
        (_, _, Some(place)) => one("workflow", rules.get(place).map(Workflow::row).as_ref()),
    }
}

fn made<T>(made: Result<T, Answer>, key: &str, keep: impl FnOnce(T) -> Value) -> Answer {
    match made {
        Ok(made) => {
            let message = format!("The {key} has been created.");
            Answer::json(201, &json!({ "code": 0, "message": message, key: keep(made) }))
        }
        Err(answer) => answer,
    }
}

fn listed(key: &str, rows: Vec<Value>) -> Answer {
    Answer::json(200, &json!({ "code": 0, "message": "success", key: Value::Array(rows) }))
}

fn one(key: &str, row: Option<&Object>) -> Answer {
    Answer::json(200, &json!({ "code": 0, "message": "success", key: row }))
}

fn done(message: &str) -> Answer {
    Answer::json(200, &json!({ "code": 0, "message": message }))
}

fn hook(state: &mut State, call: &Call, here: bool) -> Result<Hook, Answer> {
    let wanted = body::read(call)?;
    let value = |key: &str| text(&wanted, key);
    named(&wanted, "webhook_name")?;
    let entity = entity(&wanted)?;
    let method = value("method").to_uppercase();
    let url: Option<Uri> = value("url").parse().ok();
    let reachable =
        url.is_some_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some());
    let secret = value("secret");
    let safe = secret.is_empty()
        || (SECRET.contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let raw = Some(value("raw_data")).filter(|raw| !raw.is_empty()).unwrap_or("${JSONString}");
    let wrong = [
        ("method", !["POST", "PUT", "DELETE"].contains(&method.as_str())),
        ("url", !reachable),
        ("secret", !safe),
        ("body_type", !["", "application/json"].contains(&value("body_type"))),
        ("raw_data", raw.len() > 100_000),
    ];
    if let Some((key, _)) = wrong.iter().find(|(_, wrong)| *wrong) {
        return Err(body::invalid(key));
    }
    // The form of their entries is not known, so they must be empty.
    for key in ["headers", "query_parameters", "form_data"] {
        if wanted.get(key).is_some_and(|list| list.as_array().is_none_or(|list| !list.is_empty())) {
            return Err(body::invalid(key));
        }
    }
    let id = state.shop.id();
    let webhook = Webhook {
        url: value("url").to_owned(),
        secret: secret.to_owned(),
        entity,
        body: BodyForm::Json,
        encoding: SignatureEncoding::Hex,
    };
    let raw = raw.to_owned();
    Ok(Hook { shown: shown("webhook_id", &id, wanted), id, webhook, method, raw, here })
}

fn workflow(state: &mut State, call: &Call, here: bool) -> Result<Workflow, Answer> {
    let wanted = body::read(call)?;
    named(&wanted, "workflow_name")?;
    let entity = entity(&wanted)?;
    let moments: &[Moment] = match text(&wanted, "rule_type") {
        "add" => &[Moment::Add],
        "add_edit" => &[Moment::Add, Moment::Edit],
        "delete" => &[Moment::Delete],
        _ => return Err(body::invalid("rule_type")),
    };
    let always = match wanted.get("apply_rule_always") {
        None => false,
        Some(always) => always.as_bool().ok_or_else(|| body::invalid("apply_rule_always"))?,
    };
    let actions = wanted.get("instant_actions").and_then(Value::as_array).into_iter().flatten();
    let actions: Option<Vec<String>> = actions
        .map(|action| {
            let action = action.as_object().filter(|action| text(action, "action_type") == "webhook")?;
            let id = body::id(action, "action_id");
            let mut hooks = state.shop.rules.hooks.iter();
            hooks
                .any(|hook| hook.id == id && hook.here == here && hook.webhook.entity == entity)
                .then_some(id)
        })
        .collect();
    let actions = actions.filter(|actions| !actions.is_empty());
    let actions = actions.ok_or_else(|| body::invalid("instant_actions"))?;
    let id = state.shop.id();
    let shown = shown("workflow_id", &id, wanted);
    Ok(Workflow { id, shown, entity, moments, always, active: true, actions, here, done: HashSet::new() })
}

fn named(wanted: &Object, key: &str) -> Result<(), Answer> {
    if text(wanted, key).trim().is_empty() { Err(body::invalid(key)) } else { Ok(()) }
}

/// Reads the kind of records. It is not known whether Zoho wants singular or plural, so both are taken.
fn entity(wanted: &Object) -> Result<Entity, Answer> {
    match text(wanted, "entity") {
        "item" | "items" => Ok(Entity::Item),
        "salesorder" | "salesorders" => Ok(Entity::SalesOrder),
        "inventory_adjustment" | "inventory_adjustments" => Ok(Entity::Adjustment),
        _ => Err(body::invalid("entity")),
    }
}

/// The setting as it was given, without the secret, which was never seen in an answer.
fn shown(key: &str, id: &str, wanted: Object) -> Object {
    let given = wanted.into_iter().filter(|(key, _)| key != "secret");
    std::iter::once((key.to_owned(), id.into())).chain(given).collect()
}
