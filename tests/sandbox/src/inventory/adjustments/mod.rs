//! Inventory adjustments: made, listed, approved, deleted. Their stock moves as soon as they are `adjusted`.

pub(crate) mod build;
pub(crate) mod document;
pub(crate) mod line;
pub(crate) mod view;

use document::Adjustment;
use serde_json::{Value, json};

use super::error::error;
use super::list::{List, contains, text};
use super::missing::missing;
use super::moves::Move;
use super::rules::Moment;
use super::success::success;
use super::{batches, body, dates, movement};
use crate::api::Entity;
use crate::clock::inventory_time;
use crate::http::{Answer, Call};
use crate::object::Object;
use crate::state::State;
use crate::webhooks;

const LONGEST_REJECTION: usize = 500;

/// `POST /inventoryadjustments`.
pub(crate) fn create(state: &mut State, call: &Call, has_data: bool) -> Answer {
    let wanted = match body::read(call) {
        Ok(wanted) => wanted,
        Err(answer) => return answer,
    };
    if !has_data {
        return missing(state, "item_id", "1");
    }
    let made = match build::adjustment(state, &wanted) {
        Ok(made) => made,
        Err(Answer { status: 404, body, kind, .. }) if state.switches.missing_is_400() => {
            return Answer::bytes(400, &kind, body);
        }
        Err(answer) => return answer,
    };
    let id = add(state, made, true);
    let shown = find(state, &id).map(|one| view::detail(state, one)).unwrap_or_default();
    let status = state.switches.stock_create_status();
    success(status, "Inventory Adjustment has been added", "inventory_adjustment", shown)
}

/// Keeps a document, moves its stock if it is adjusted, and tells of it; gives its id.
pub(crate) fn add(state: &mut State, mut made: Adjustment, by_api: bool) -> String {
    let id = text(&made.shown, "inventory_adjustment_id").to_owned();
    made.moved = text(&made.shown, "status") == "adjusted";
    let moves = if made.moved { made.moves.clone() } else { Vec::new() };
    let lines = made.shown.get_mut("line_items").and_then(Value::as_array_mut).into_iter().flatten();
    lines.filter_map(Value::as_object_mut).for_each(|line| batches::make(state, line));
    state.shop.adjustments.push(made);
    movement::perform(state, &moves);
    announce(state, &id, Moment::Add, by_api);
    id
}

/// `GET /inventoryadjustments`. The official file has neither filters nor an order.
pub(crate) fn list(state: &State, call: &Call, has_data: bool) -> Answer {
    let honoured = !call.query.is_empty() && asks(call) && state.switches.adjustment_filters_honoured();
    let documents = state.shop.adjustments.iter().filter(|_| has_data);
    let rows = documents
        .filter(|one| !honoured || matches(&one.shown, call))
        .flat_map(|one| view::rows(state, one))
        .collect();
    let by_date = state.switches.adjustments_sorted_by_date();
    let sortable: &[&str] = match (by_date, honoured) {
        (true, true) => &["date", "created_time", "last_modified_time"],
        (true, false) => &["date"],
        (false, true) => &["created_time", "date", "last_modified_time"],
        (false, false) => &["created_time"],
    };
    let list = List {
        key: "inventory_adjustments",
        report: "Inventory Adjustments",
        sortable,
        descending: true,
        fixed: !honoured,
    };
    list.answer(call, &state.switches, rows)
}

/// Whether a list is asked for anything but a page.
fn asks(call: &Call) -> bool {
    let pairs = form_urlencoded::parse(call.query.as_bytes());
    pairs.into_iter().any(|(name, _)| !["organization_id", "page", "per_page"].contains(&name.as_ref()))
}

fn matches(shown: &Object, call: &Call) -> bool {
    let value = |key: &str| text(shown, key);
    let check =
        |param: &str, test: &dyn Fn(&str) -> bool| call.filled(param).is_none_or(|wanted| test(&wanted));
    check("reference_number", &|wanted| value("reference_number") == wanted)
        && check("status", &|wanted| value("status") == wanted)
        && check("search_text", &|wanted| {
            ["reference_number", "reason", "description"].iter().any(|key| contains(value(key), wanted))
        })
        && check("date", &|wanted| value("date") == wanted)
        && check("date_start", &|wanted| value("date") >= wanted)
        && check("date_end", &|wanted| value("date") <= wanted)
}

/// `GET /inventoryadjustments/{id}`.
pub(crate) fn one(state: &State, id: &str, has_data: bool) -> Answer {
    match find(state, id).filter(|_| has_data) {
        Some(one) => success(200, "success", "inventory_adjustment", view::detail(state, one)),
        None => missing(state, "inventory_adjustment_id", id),
    }
}

/// `DELETE /inventoryadjustments/{id}`: the stock goes back.
pub(crate) fn delete(state: &mut State, id: &str, has_data: bool) -> Answer {
    let Some(one) = find(state, id).filter(|_| has_data) else {
        return missing(state, "inventory_adjustment_id", id);
    };
    if let Err(answer) = dates::unlocked(state, text(&one.shown, "date")) {
        return answer;
    }
    let back: Vec<Move> = one.moves.iter().filter(|_| one.moved).map(Move::back).collect();
    if movement::short(state, &back).is_some() && state.switches.adjustment_delete_refused() {
        return error(400, 4, "The adjustment cannot be deleted, because its stock has been used.");
    }
    let gone = position(state, id).map(|place| state.shop.adjustments.remove(place));
    gone.iter()
        .flat_map(|one| view::lines(&one.shown))
        .for_each(|line| batches::unmake(&mut state.shop, line));
    movement::perform(state, &back);
    if state.switches.adjustment_webhook() {
        let gone = json!({ "inventory_adjustment_id": id });
        webhooks::prepare(state, (Entity::Adjustment, Moment::Delete), &gone);
    }
    Answer::json(200, &json!({ "code": 0, "message": "Inventory Adjustment(s) has been deleted" }))
}

/// `POST /inventoryadjustments/{id}/submit`, `/approve`, `/approve/final` and `/reject`.
pub(crate) fn decide(state: &mut State, call: &Call, id: &str, step: &str, has_data: bool) -> Answer {
    let Some(was) = find(state, id).filter(|_| has_data).map(|one| text(&one.shown, "status").to_owned())
    else {
        return missing(state, "inventory_adjustment_id", id);
    };
    let (needed, becomes) = match step {
        "submit" => ("draft", "pending_approval"),
        "approve" => ("pending_approval", "adjusted"),
        _ => ("pending_approval", "rejected"),
    };
    if step == "reject" {
        let reason = body::read(call).map(|wanted| body::id(&wanted, "reason")).unwrap_or_default();
        if reason.chars().count() > LONGEST_REJECTION {
            return body::invalid("reason");
        }
    }
    if was != needed {
        return error(400, 4, &format!("The status of an adjustment that is {was} cannot be changed."));
    }
    set_status(state, id, becomes, true);
    Answer::json(200, &json!({ "code": 0, "message": "success" }))
}

/// Changes a document's status; once it is adjusted, its stock moves. `None` if there is no such document, or it has moved
/// already.
pub(crate) fn set_status(state: &mut State, id: &str, status: &str, by_api: bool) -> Option<()> {
    let now = inventory_time(state.now());
    let place = position(state, id)?;
    let one = state.shop.adjustments.get_mut(place).filter(|one| !one.moved)?;
    one.shown.insert("status".to_owned(), status.into());
    one.shown.insert("last_modified_time".to_owned(), now.into());
    one.moved = status == "adjusted";
    let moves = if one.moved { one.moves.clone() } else { Vec::new() };
    movement::perform(state, &moves);
    announce(state, id, Moment::Edit, by_api);
    Some(())
}

fn position(state: &State, id: &str) -> Option<usize> {
    state.shop.adjustments.iter().position(|one| text(&one.shown, "inventory_adjustment_id") == id)
}

/// The document with this id.
pub(crate) fn find<'a>(state: &'a State, id: &str) -> Option<&'a Adjustment> {
    state.shop.adjustments.get(position(state, id)?)
}

/// Queues the webhooks of a document: one for each, however many lines it has.
fn announce(state: &mut State, id: &str, moment: Moment, by_api: bool) {
    if !webhooks::wanted(state, Entity::Adjustment) || (by_api && !state.switches.adjustment_webhook()) {
        return;
    }
    let sent = find(state, id).map(|one| view::detail(state, one)).unwrap_or_default();
    webhooks::prepare(state, (Entity::Adjustment, moment), &sent);
}
