//! CRM's notifications of changes, which hold ids and never records.

use serde_json::json;

use super::change::{Change, Operation};
use super::channels::Channel;
use crate::data_centre;
use crate::outbox::Delivery;
use crate::state::State;

/// Queues one notification for each channel and kind of change, for any number of records.
pub(crate) fn announce(state: &mut State) {
    let changes = std::mem::take(&mut state.crm.changes);
    let mut kinds: Vec<Vec<&Change>> = Vec::new();
    for change in &changes {
        match kinds.iter_mut().find(|kind| kind.iter().any(|first| first.is_like(change))) {
            Some(kind) => kind.push(change),
            None => kinds.push(vec![change]),
        }
    }
    let now = state.now();
    let api = data_centre::api(&state.options.base_url, &state.options.user_data_centre);
    for kind in &kinds {
        let told = state.channels.living(now).iter().filter_map(|channel| {
            let first = kind.first()?;
            let asked = channel.watches(first.module, first.operation) && (channel.related || !first.related);
            asked.then(|| notification(channel, kind, (&api, now.as_millisecond())))
        });
        state.outbox.extend(told);
    }
}

/// One notification. As at Zoho, `resource_uri` always names an old API version, and `affected_fields` is empty.
fn notification(channel: &Channel, changes: &[&Change], (api, time): (&str, i64)) -> Delivery {
    let mut ids: Vec<&str> = Vec::new();
    for change in changes {
        if !ids.contains(&change.id.as_str()) {
            ids.push(&change.id);
        }
    }
    let module = changes.first().map(|change| change.module.api_name());
    let operation = changes.first().map(|change| change.operation);
    let mut body = json!({
        "server_time": time,
        "query_params": {},
        "module": module,
        "resource_uri": format!("{api}/crm/v2/{}", module.unwrap_or_default()),
        "ids": ids,
        "affected_fields": [],
        "operation": operation.map(Operation::name),
        "channel_id": channel.id,
        "token": channel.token,
    });
    if let (true, Some(Operation::Update), Some(body)) =
        (channel.with_values, operation, body.as_object_mut())
    {
        let values = changes.iter().map(|change| json!({ "record_id": change.id, "values": change.values }));
        body.insert("affected_values".to_owned(), values.collect());
    }
    Delivery {
        method: "POST".to_owned(),
        url: channel.url.clone(),
        kind: "application/json",
        body: body.to_string(),
        signature: String::new(),
    }
}
