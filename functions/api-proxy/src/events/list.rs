//! `GET /v1/events` and `GET /v1/events/{id}`: what Zoho told us, in the order of arrival, and what became of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::id::{is_time_ordered, time_prefix};
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::core::access::permission::Permission;
use shared::core::events::Event;
use shared::core::events::ledger::{narrow, split_entry_id};

use super::completed::complete;
use super::representation::{self, mark_words, mark_words_of_lives, missing};
use crate::app::App;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{described, list_of, named, our_id, text, time, untrusted};
use crate::request::caller::Caller;
use crate::request::connection;
use crate::request::params::{List, NoParams, Params, invalid, moment, next, per_page};

const PATH: &str = "/v1/events";

/// How many pages of the store are looked through for the first event that fits.
const MAX_PAGES: u32 = 5;

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, PATH, list, || {
        Operation::own(&["events"], "listEvents", "What Zoho told us, in the order of arrival")
            .about(
                "Events are there 15 seconds after they arrived, for 30 days where the operator set nothing else. `cursor` is the id of the last event that you \
                 have seen. They carry ids, not records: read the record named in `subject`.",
            )
            .query("since", "Only what arrived at this moment or later.", time(), "2026-11-18T00:00:00Z")
            .query("type", "Only events of this type; `*` at its end stands for anything.", text(), "zoho.inventory.*")
            .pages()
            .answers(200, "Events.", list_of(named("Event", documented(false))))
    });
    to.on(Verb::Get, "/v1/events/{id}", one, || {
        Operation::own(&["events"], "getEvent", "One event with what Zoho delivered")
            .path("id", "The id of the event.", our_id(), "019a0b1c2d30123456789abcdef0123")
            .answers(200, "The event.", named("DeliveredEvent", documented(true)))
            .fails(&[Code::EventNotFound])
    });
}

/// What the data of an event holds beside ids.
pub(super) const DATA: &str = "Ids. `unconfirmed` is true where Zoho's message says that the record is gone and that could not be \
                               looked up; `modified_time` is that of the record, where it was; `found_by` stands where Zoho sent \
                               no message; `earlier_change` is when somebody else changed the record before a write of ours; `product_id` is \
                               what a mapping calls the item, where exactly one does; `test` is true for what the operator sent to try a \
                               webhook, which no claim gives; `answer` is the reason of a gateway that refuses its hook.";

/// CloudEvents 1.0.
fn documented(whole: bool) -> Value {
    let mut data = json!({
        "type": "object",
        "description": DATA,
        "required": ["untrusted"],
        "properties": { "untrusted": untrusted() },
    });
    if whole && let Some(properties) = data.get_mut("properties").and_then(Value::as_object_mut) {
        let delivered = "The body as Zoho sent it, or the row as Zoho lists it; only for keys that may read the product that it is of.";
        let notice = "Why `delivered` is not there.";
        properties.insert("delivered".to_owned(), json!({ "description": delivered }));
        properties.insert("notice".to_owned(), described(text(), notice));
    }
    json!({
        "type": "object",
        "description": "In the form of CloudEvents 1.0.",
        "required": ["specversion", "id", "source", "type", "time", "receivedtime", "data"],
        "properties": {
            "specversion": { "type": "string", "const": "1.0" },
            "id": our_id(),
            "source": described(text(), "`/connections/<name>/<source>`."),
            "type": described(text(), "Like `zoho.inventory.item.updated`."),
            "subject": described(text(), "Like `item/3300000000070001`."),
            "time": described(text(), "When it happened, as far as Zoho says; else when it arrived."),
            "receivedtime": time(),
            "data": data,
            "untrusted": untrusted(),
        },
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParams {
    /// Only what arrived since then.
    since: Option<String>,
    /// Only of this type, or of those that begin so.
    #[serde(rename = "type")]
    kind: Option<String>,
    per_page: Option<u32>,
    /// The id of the last event that was seen.
    cursor: Option<String>,
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Value>>, Problem> {
    caller.key.demand(&Permission::Events)?;
    let rows = per_page(params.per_page)?;
    if params.cursor.as_deref().is_some_and(|cursor| !is_time_ordered(cursor)) {
        return Err(invalid("`cursor` is the id of the last event you saw, or what `next` holds."));
    }
    let since = params.since.as_deref().map(|since| moment("since", since)).transpose()?;
    let kind = params.kind.as_deref();
    if kind.is_some_and(str::is_empty) {
        return Err(invalid("`type` is empty."));
    }
    let fits = |event: &Event| match kind.map(|kind| (kind, kind.strip_suffix('*'))) {
        None => true,
        Some((_, Some(beginning))) => event.kind.starts_with(beginning),
        Some((whole, None)) => event.kind == whole,
    };
    let connection = connection::any(&caller)?;
    let limit = usize::try_from(rows).unwrap_or(200);
    // Ids begin with the moment of arrival.
    let mut more = params.cursor.or_else(|| since.map(time_prefix));
    let mut data = Vec::new();
    for _ in 0..MAX_PAGES {
        let (events, rest) = app.events.list(&connection, more.take(), limit).await?;
        data.extend(events.into_iter().filter(fits));
        more = rest;
        if more.is_none() || !data.is_empty() {
            break;
        }
    }
    let read = data.iter_mut().map(|event| (event.subject.as_deref(), &mut event.data)).collect();
    complete(&app.mappings, &connection, read).await;
    data.iter_mut().for_each(|event| mark_words(&mut event.data));
    let data = data.iter().map(representation::event).collect::<Result<Vec<_>, _>>()?;
    let rows = rows.to_string();
    let next = more.map(|cursor| {
        next(PATH, &[("type", kind), ("per_page", Some(rows.as_str())), ("cursor", Some(cursor.as_str()))])
    });
    Ok(Json(List::new(data, next)))
}

async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<Json<Value>, Problem> {
    caller.key.demand(&Permission::Events)?;
    let connection = connection::any(&caller)?;
    let found = match split_entry_id(&id) {
        Some((event, part)) => app.events.get(&connection, event).await?.map(|found| (found, part)),
        None => None,
    };
    let narrowed = found.and_then(|((event, body), part)| Some((narrow(event, part)?, body)));
    let Some((mut event, body)) = narrowed else {
        return Err(Problem::new(Code::EventNotFound, "There is no such event, or it is no longer kept."));
    };
    complete(&app.mappings, &connection, vec![(event.subject.as_deref(), &mut event.data)]).await;
    let missing = missing(&caller.key, &event.source);
    let mut event = representation::event(&event)?;
    if let Some(data) = event.get_mut("data") {
        if let Some(data) = data.as_object_mut() {
            match missing {
                None => {
                    // The body is as Zoho sent it, and holds words of people.
                    let body: Value = serde_json::from_str(body.get()).unwrap_or_default();
                    data.insert("delivered".to_owned(), body);
                }
                Some(permission) => {
                    let notice = format!("What was delivered is for keys that may read it (`{permission}`).");
                    data.insert("notice".to_owned(), notice.into());
                }
            }
        }
        mark_words(data);
    }
    let life = app.ledger.lives(&connection, &id).await?;
    if let (Some(event), Value::Object(mut life)) = (event.as_object_mut(), life) {
        mark_words_of_lives(&mut life);
        event.extend(life);
    }
    Ok(Json(event))
}
