//! Transfer orders: made, listed, sent, received, deleted. Unless one is made in transit or as a draft, both places move at once.

pub(crate) mod build;
pub(crate) mod document;
mod number;
mod view;

use document::{Stage, Transfer};
use serde_json::json;

use super::error::error;
use super::list::{List, contains, starts, text};
use super::missing::missing;
use super::moves::Move;
use super::success::success;
use super::{body, dates, movement};
use crate::clock::inventory_time;
use crate::http::{Answer, Call};
use crate::state::State;

const MOST_DELETED: usize = 25;

/// `POST /transferorders`.
pub(crate) fn create(state: &mut State, call: &Call, has_data: bool) -> Answer {
    let made = body::read(call).and_then(|wanted| {
        if !has_data {
            return Err(missing(state, "item_id", "1"));
        }
        build::transfer(state, call, &wanted)
    });
    let made = match made {
        Ok(made) => made,
        Err(answer) => return answer,
    };
    let moves = made.moves(Stage::Draft, made.stage);
    let shown = view::detail(state, &made);
    state.shop.transfers.push(made);
    movement::perform(state, &moves);
    let status = state.switches.stock_create_status();
    success(status, "Transfer Order added successfully.", "transfer_order", shown)
}

/// `GET /transferorders`: filters are documented, but for other lists they were seen to be ignored.
pub(crate) fn list(state: &State, call: &Call, has_data: bool) -> Answer {
    let transfers = state.shop.transfers.iter().filter(|_| has_data);
    let rows = transfers
        .filter(|one| matches(one, call) || state.switches.transfer_filters_ignored())
        .map(|one| view::row(state, one))
        .collect();
    let sortable = ["created_time", "date", "last_modified_time"];
    let report = "Transfer Orders";
    List { key: "transfer_orders", report, sortable: &sortable, descending: true, fixed: false }.answer(
        call,
        &state.switches,
        rows,
    )
}

fn matches(one: &Transfer, call: &Call) -> bool {
    let value = |key: &str| text(&one.shown, key);
    let check =
        |param: &str, test: &dyn Fn(&str) -> bool| call.filled(param).is_none_or(|wanted| test(&wanted));
    let place = |key: &str, id: &str| {
        ["location", "warehouse"]
            .iter()
            .all(|kind| check(&format!("{key}_{kind}_id"), &|wanted| id == wanted))
    };
    check("transfer_order_number", &|wanted| value("transfer_order_number") == wanted)
        && check("transfer_order_number_startswith", &|wanted| starts(value("transfer_order_number"), wanted))
        && check("transfer_order_number_contains", &|wanted| contains(value("transfer_order_number"), wanted))
        && check("status", &|wanted| value("status") == wanted)
        && check("item_id", &|wanted| one.lines.iter().any(|(item, _)| item == wanted))
        && check("search_text", &|wanted| {
            ["transfer_order_number", "description"].iter().any(|key| contains(value(key), wanted))
        })
        && check("date", &|wanted| value("date") == wanted)
        && check("date_start", &|wanted| value("date") >= wanted)
        && check("date_end", &|wanted| value("date") <= wanted)
        && check("date_before", &|wanted| value("date") < wanted)
        && check("date_after", &|wanted| value("date") > wanted)
        && place("from", &one.from)
        && place("to", &one.to)
}

/// `GET /transferorders/{id}`.
pub(crate) fn one(state: &State, id: &str, has_data: bool) -> Answer {
    let found = position(state, id).filter(|_| has_data).and_then(|place| state.shop.transfers.get(place));
    match found {
        Some(one) => success(200, "success", "transfer_order", view::detail(state, one)),
        None => missing(state, "transfer_order_id", id),
    }
}

/// `POST /transferorders/{id}/markastransferred?date=`.
pub(crate) fn receive(state: &mut State, call: &Call, id: &str, has_data: bool) -> Answer {
    let Some(place) = position(state, id).filter(|_| has_data) else {
        return missing(state, "transfer_order_id", id);
    };
    let date = match dates::writable(state, call.filled("date").unwrap_or_default(), "date") {
        Ok(date) => date,
        Err(answer) => return answer,
    };
    let in_transit = state.shop.transfers.get(place).is_some_and(|one| one.stage == Stage::InTransit);
    if !in_transit && state.switches.transfer_mark_repeated_refused() {
        return error(400, 4, "Only a transfer order that is in transit can be marked as transferred.");
    }
    if in_transit {
        advance(state, place, Stage::Transferred, &date);
    }
    let message = "The status of the Transfer Order has been updated.";
    Answer::json(200, &json!({ "code": 0, "message": message }))
}

/// `POST /transferorders/{id}/intransit`: sends a draft.
pub(crate) fn send(state: &mut State, id: &str, has_data: bool) -> Answer {
    let Some(place) = position(state, id).filter(|_| has_data) else {
        return missing(state, "transfer_order_id", id);
    };
    if state.shop.transfers.get(place).is_none_or(|one| one.stage != Stage::Draft) {
        return error(400, 4, "Only a draft can be marked as in transit.");
    }
    advance(state, place, Stage::InTransit, "");
    Answer::json(200, &json!({ "code": 0, "message": "success" }))
}

fn advance(state: &mut State, place: usize, becomes: Stage, date: &str) {
    let now = inventory_time(state.now());
    let Some(one) = state.shop.transfers.get_mut(place) else { return };
    let moves = one.moves(one.stage, becomes);
    one.stage = becomes;
    one.shown.insert("transferred_date".to_owned(), date.into());
    one.shown.insert("status".to_owned(), becomes.status().into());
    one.shown.insert("last_modified_time".to_owned(), now.into());
    movement::perform(state, &moves);
}

/// `DELETE /transferorders/{id}`, and `DELETE /transferorders?transfer_order_ids=` for several: the stock goes back.
pub(crate) fn delete(state: &mut State, ids: &[&str], has_data: bool) -> Answer {
    if ids.is_empty() || ids.len() > MOST_DELETED {
        return body::invalid("transfer_order_ids");
    }
    for id in ids {
        let found =
            position(state, id).filter(|_| has_data).and_then(|place| state.shop.transfers.get(place));
        let Some(one) = found else { return missing(state, "transfer_order_id", id) };
        if let Err(answer) = dates::unlocked(state, text(&one.shown, "date")) {
            return answer;
        }
        if one.stage != Stage::Draft && state.switches.transfer_delete_refused() {
            return error(400, 4, "A transfer order that has moved stock cannot be deleted.");
        }
    }
    for id in ids {
        let Some(place) = position(state, id) else { continue };
        let gone = state.shop.transfers.remove(place);
        let back: Vec<Move> = gone.moves(Stage::Draft, gone.stage).iter().map(Move::back).collect();
        movement::perform(state, &back);
    }
    Answer::json(200, &json!({ "code": 0, "message": "Transfer Order(s) has been deleted." }))
}

fn position(state: &State, id: &str) -> Option<usize> {
    state.shop.transfers.iter().position(|one| text(&one.shown, "transfer_order_id") == id)
}
