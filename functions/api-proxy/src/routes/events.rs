//! `GET /v1/events` and `GET /v1/events/{id}`: what Zoho told us, in the order of arrival, and what became of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::id::is_time_ordered;
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::core::event::Event;
use shared::core::key::Permission;
use shared::core::ledger::{narrow, split_entry_id};

use crate::App;
use crate::caller::Caller;
use crate::params::{List, Params, invalid, next, per_page};

const PATH: &str = "/v1/events";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListParams {
    per_page: Option<u32>,
    /// The id of the last event that was seen.
    cursor: Option<String>,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Event>>, Problem> {
    caller.key.demand(Permission::Events)?;
    let rows = per_page(params.per_page)?;
    if params.cursor.as_deref().is_some_and(|cursor| !is_time_ordered(cursor)) {
        return Err(invalid("`cursor` is the id of the last event you saw, or what `next` holds."));
    }
    let connection = app.choose_any(&caller)?;
    let limit = usize::try_from(rows).unwrap_or(200);
    let (data, more) = app.events.list(&connection, params.cursor, limit).await?;
    let rows = rows.to_string();
    let next = more.map(|cursor| next(PATH, &[("per_page", Some(&rows)), ("cursor", Some(&cursor))]));
    Ok(Json(List { data, next }))
}

pub(crate) async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
) -> Result<Json<Value>, Problem> {
    caller.key.demand(Permission::Events)?;
    let connection = app.choose_any(&caller)?;
    let found = match split_entry_id(&id) {
        Some((event, part)) => app.events.get(&connection, event).await?.map(|found| (found, part)),
        None => None,
    };
    let narrowed = found.and_then(|((event, body), part)| Some((narrow(event, part)?, body)));
    let Some((event, body)) = narrowed else {
        return Err(Problem::new(
            Code::RecordNotFound,
            "There is no such event, or it is older than 30 days.",
        ));
    };
    let mut event = serde_json::to_value(event).map_err(|error| Problem::internal(error.to_string()))?;
    if let Some(data) = event.get_mut("data").and_then(Value::as_object_mut) {
        // As Zoho sent it: words of people among it.
        let body: Value = serde_json::from_str(body.get()).unwrap_or_default();
        data.insert("delivered".to_owned(), body);
        data.insert("untrusted".to_owned(), json!(["delivered"]));
    }
    let life = app.ledger.lives(&connection, &id).await?;
    if let (Some(event), Value::Object(life)) = (event.as_object_mut(), life) {
        event.extend(life);
    }
    Ok(Json(event))
}
