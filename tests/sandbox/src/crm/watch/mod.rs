//! `/actions/watch`: enables, renews, changes, lists and ends channels.

mod asked;

use jiff::Timestamp;
use serde_json::{Value, json};

use asked::{Asked, missing};

use super::channels::{Channel, Event, granted};
use super::check::Refusal;
use super::error::{error, wrong_method};
use super::module::Module;
use super::page;
use super::read::{self, names};
use super::scopes::{module_scope, scope_mismatch};
use crate::accounts::scope;
use crate::clock::crm_time;
use crate::data_centre;
use crate::http::{Answer, Call};
use crate::state::State;

/// Answers a call. Each entry of a body has its own result.
pub(crate) fn answer(state: &mut State, call: &Call, scopes: &[String]) -> Answer {
    let operation = match call.method.as_str() {
        "GET" => "READ",
        "POST" => "CREATE",
        "PUT" | "PATCH" => "UPDATE",
        "DELETE" => "DELETE",
        _ => return wrong_method(),
    };
    if !scope::allows(scopes, &format!("ZohoCRM.notifications.{operation}")) {
        return scope_mismatch(state);
    }
    let now = state.now();
    match call.method.as_str() {
        "GET" => list(state, call, now),
        "DELETE" => end(state, call, now),
        _ => write(state, call, scopes, now),
    }
}

/// `POST` makes or renews, `PUT` replaces all fields, `PATCH` keeps the fields that it does not name.
fn write(state: &mut State, call: &Call, scopes: &[String], now: Timestamp) -> Answer {
    let entries = match entries(call) {
        Ok(entries) => entries,
        Err(answer) => return answer,
    };
    let asked: Vec<Result<Asked, Refusal>> =
        entries.iter().enumerate().map(|(index, given)| Asked::read(index, given)).collect();
    // To watch a module, a caller must be allowed to read it.
    let events = asked.iter().flatten().flat_map(|asked| &asked.events);
    if events.into_iter().any(|event| !scope::allows(scopes, &module_scope(event.module, "READ"))) {
        return scope_mismatch(state);
    }
    let method = call.method.as_str();
    let verdicts = asked.into_iter().enumerate().map(|(index, asked)| {
        let asked = asked?;
        match method {
            "PATCH" => change(state, asked, (index, now)),
            "PUT" if state.channels.get(&asked.id, now).is_none() => Err(not_subscribed(&asked.id)),
            _ => enable(state, asked, (index, method == "POST"), now),
        }
    });
    let verdicts = verdicts.collect();
    answered(state, if method == "POST" { 201 } else { 200 }, verdicts)
}

fn entries(call: &Call) -> Result<Vec<Value>, Answer> {
    let about = json!({ "api_name": "watch", "json_path": "$.watch" });
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    match body.get("watch") {
        None => Err(error(400, "MANDATORY_NOT_FOUND", about, "required field not found")),
        Some(Value::Array(entries)) if !entries.is_empty() => Ok(entries.clone()),
        Some(_) => {
            let details =
                json!({ "expected_data_type": "jsonarray", "api_name": "watch", "json_path": "$.watch" });
            Err(error(400, "INVALID_DATA", details, "invalid data"))
        }
    }
}

fn enable(
    state: &mut State,
    asked: Asked,
    (index, new): (usize, bool),
    now: Timestamp,
) -> Result<Value, Refusal> {
    if asked.events.is_empty() {
        return Err(missing(index, "events"));
    }
    let channel = Channel {
        id: asked.id,
        url: asked.url.ok_or_else(|| missing(index, "notify_url"))?,
        token: asked.token,
        events: asked.events,
        ends: granted(asked.ends, now, state.switches.crm_longest_channel()),
        with_values: asked.with_values.unwrap_or(false),
        related: asked.related.unwrap_or(true),
    };
    let message = if new {
        "Successfully subscribed for actions-watch of the given module"
    } else {
        "Successfully updated the subscribe details"
    };
    let done = success(state, &channel, (&channel.modules(), message));
    state.channels.put(channel);
    Ok(done)
}

fn change(state: &mut State, asked: Asked, (index, now): (usize, Timestamp)) -> Result<Value, Refusal> {
    let longest = state.switches.crm_longest_channel();
    let Some(channel) = state.channels.get(&asked.id, now) else { return Err(not_subscribed(&asked.id)) };
    if asked.delete_events && asked.events.is_empty() {
        return Err(missing(index, "events"));
    }
    if asked.delete_events {
        channel.remove(&asked.events);
        let channel = channel.clone();
        if channel.events.is_empty() {
            state.channels.forget(&channel.id);
        }
        return Ok(removed(state, &channel, &asked.events));
    }
    channel.add(&asked.events);
    channel.url = asked.url.unwrap_or_else(|| channel.url.clone());
    channel.token = asked.token.or_else(|| channel.token.clone());
    channel.ends = asked.ends.map_or(channel.ends, |ends| granted(Some(ends), now, longest));
    channel.with_values = asked.with_values.unwrap_or(channel.with_values);
    channel.related = asked.related.unwrap_or(channel.related);
    let channel = channel.clone();
    Ok(success(state, &channel, (&channel.modules(), "Successfully updated the subscribe details")))
}

/// `GET`: a row for each module of a channel.
fn list(state: &mut State, call: &Call, now: Timestamp) -> Answer {
    let (number, per_page) = match page::numbered(call) {
        Ok(numbers) => numbers,
        Err(answer) => return answer,
    };
    let (id, name) = (call.filled("channel_id"), call.filled("module"));
    let channels = state.channels.living(now).to_vec();
    let mut rows: Vec<Value> = Vec::new();
    for channel in channels.iter().filter(|channel| id.as_ref().is_none_or(|id| *id == channel.id)) {
        let modules = channel.modules().into_iter();
        let modules = modules.filter(|module| name.as_ref().is_none_or(|name| name == module.api_name()));
        rows.extend(modules.map(|module| row(state, channel, module)));
    }
    let skipped = (number - 1).saturating_mul(per_page);
    let more = rows.len() > skipped.saturating_add(per_page);
    let rows: Vec<Value> = rows.into_iter().skip(skipped).take(per_page).collect();
    if rows.is_empty() {
        return Answer::empty(204);
    }
    let info = page::info((number, per_page), rows.len(), more);
    Answer::json(200, &json!({ "watch": rows, "info": info }))
}

fn row(state: &State, channel: &Channel, module: Module) -> Value {
    let events = channel.events.iter().filter(|event| event.module == module);
    json!({
        "notify_on_related_action": channel.related,
        "return_affected_field_values": channel.with_values,
        "channel_expiry": crm_time(channel.ends),
        "resource_uri": resource_uri(state, module.api_name()),
        "resource_id": module.id(),
        "notify_url": channel.url,
        "resource_name": module.api_name(),
        "channel_id": channel.id,
        "events": events.map(|event| event.name()).collect::<Vec<_>>(),
        "fields": null,
        "token": channel.token,
    })
}

/// `DELETE ?channel_ids=`.
fn end(state: &mut State, call: &Call, now: Timestamp) -> Answer {
    let ids = names(&call.filled("channel_ids").unwrap_or_default());
    if ids.is_empty() {
        return read::missing_param(state, "channel_ids");
    }
    let verdicts = ids.iter().map(|id| {
        if state.channels.get(id, now).is_none() {
            return Err(not_subscribed(id));
        }
        state.channels.forget(id);
        let details = json!({ "resource_uri": resource_uri(state, "actions/watch"), "resource_id": id,
            "channel_id": id });
        Ok(done(&details, "Successfully un-subscribed from actions-watch"))
    });
    let verdicts = verdicts.collect();
    answered(state, 200, verdicts)
}

fn answered(state: &State, good: u16, verdicts: Vec<Result<Value, Refusal>>) -> Answer {
    let refused = |code: Option<&str>| {
        let mut refusals = verdicts.iter().filter_map(|verdict| verdict.as_ref().err());
        refusals.any(|refusal| code.is_none_or(|code| refusal.code == code))
    };
    let status = if refused(Some("NOT_SUBSCRIBED")) {
        state.switches.crm_not_subscribed_status()
    } else if refused(None) {
        202
    } else {
        good
    };
    let watch: Vec<Value> =
        verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(Refusal::entry)).collect();
    Answer::json(status, &json!({ "watch": watch }))
}

fn success(state: &State, channel: &Channel, (modules, message): (&[Module], &str)) -> Value {
    let one = |module: &Module| {
        json!({
            "channel_expiry": crm_time(channel.ends),
            "resource_uri": resource_uri(state, module.api_name()),
            "resource_id": module.id(),
            "resource_name": module.api_name(),
            "channel_id": channel.id,
        })
    };
    done(&json!({ "events": modules.iter().map(one).collect::<Vec<_>>() }), message)
}

/// As `success`, for events that are no longer watched, and without a time.
fn removed(state: &State, channel: &Channel, events: &[Event]) -> Value {
    let was = Channel { events: events.to_vec(), ..channel.clone() };
    let mut verdict = success(state, &was, (&was.modules(), "Successfully removed the subscribe details"));
    let events = verdict.pointer_mut("/details/events").and_then(Value::as_array_mut);
    for event in events.into_iter().flatten().filter_map(Value::as_object_mut) {
        event.shift_remove("channel_expiry");
    }
    verdict
}

fn done(details: &Value, message: &str) -> Value {
    json!({ "code": "SUCCESS", "details": details, "message": message, "status": "success" })
}

fn resource_uri(state: &State, of: &str) -> String {
    let api = data_centre::api(&state.options.base_url, &state.options.user_data_centre);
    format!("{api}/crm/v2/{of}")
}

fn not_subscribed(id: &str) -> Refusal {
    let message = "the given channel is not subscribed for actions-watch";
    Refusal { code: "NOT_SUBSCRIBED", message, details: json!({ "channel_id": id }) }
}
