//! What changed in CRM, and the notifications that tell of it: ids only, never the record.

use serde_json::{Value, json};

use super::channels::Channel;
use super::store::Module;
use super::text;
use crate::data_centre;
use crate::delivery::Delivery;
use crate::state::{Object, State};

/// What was done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    /// Every one.
    pub(crate) const ALL: [Self; 3] = [Self::Insert, Self::Update, Self::Delete];

    /// Its name in a notification.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// Its other name, by which it is watched.
    pub(crate) fn watched_as(self) -> &'static str {
        match self {
            Self::Insert => "create",
            Self::Update => "edit",
            Self::Delete => "delete",
        }
    }
}

/// One change of one record.
#[derive(Debug)]
pub(crate) struct Change {
    module: Module,
    operation: Operation,
    id: String,
    /// New values of the fields that an update changed.
    values: Object,
    parent: Option<(Module, String)>,
    /// Not the record itself changed but something that belongs to it.
    related: bool,
}

impl Change {
    /// Of this record.
    pub(crate) fn new((module, record): (Module, &Object), operation: Operation) -> Self {
        let parent = record.get("Parent_Id").and_then(|parent| {
            let at = |pointer: &str| parent.pointer(pointer).and_then(Value::as_str);
            Some((Module::find(at("/module/api_name")?)?, at("/id")?.to_owned()))
        });
        let id = text(record, "id").to_owned();
        Self { module, operation, id, values: Object::new(), parent, related: false }
    }

    /// With the new values of what changed.
    pub(crate) fn with(self, values: Object) -> Self {
        Self { values, ..self }
    }

    /// What it is to the record that this one belongs to.
    pub(crate) fn of_parent(&self) -> Option<Self> {
        let (module, id) = self.parent.clone()?;
        let operation = Operation::Update;
        Some(Self { module, operation, id, values: Object::new(), parent: None, related: true })
    }

    fn is_like(&self, other: &Self) -> bool {
        (self.module, self.operation, self.related) == (other.module, other.operation, other.related)
    }
}

/// Readies one notification for each channel and kind of change, however many records it was.
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

/// `resource_uri` is of an old version whatever version was asked; `affected_fields` is always empty.
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
