//! Item groups: lists, shows and makes them.

pub(crate) mod data;

use serde_json::{Value, json};

use super::body;
use super::error::error;
use super::list::{List, text};
use super::missing::missing;
use crate::clock::inventory_time;
use crate::http::{Answer, Call};
use crate::object::{Object, object};
use crate::state::State;

/// `GET /itemgroups`.
pub(crate) fn list(state: &State, call: &Call, has_data: bool) -> Answer {
    let rows = state.shop.groups.iter().filter(|_| has_data).cloned().map(Value::Object).collect();
    let list = List {
        key: "itemgroups",
        report: "Item Groups",
        sortable: &["group_name", "created_time"],
        descending: false,
        fixed: false,
    };
    list.answer(call, &state.switches, rows)
}

/// `GET /itemgroups/{id}`: its fields stand beside `code`.
pub(crate) fn one(state: &State, id: &str, has_data: bool) -> Answer {
    match state.shop.groups.iter().find(|group| has_data && text(group, "group_id") == id) {
        Some(group) => flat(200, "success", group),
        None => missing(state, "itemgroup_id", id),
    }
}

/// `POST /itemgroups`.
pub(crate) fn create(state: &mut State, call: &Call) -> Answer {
    let wanted = match body::read(call) {
        Ok(wanted) => wanted,
        Err(answer) => return answer,
    };
    let given = |key: &str| wanted.get(key).and_then(Value::as_str).unwrap_or_default();
    for needed in ["group_name", "unit"] {
        if given(needed).is_empty() {
            return body::invalid(needed);
        }
    }
    if state.shop.groups.iter().any(|group| text(group, "group_name") == given("group_name")) {
        return error(400, 1001, "Item group name already exists.");
    }
    let (id, now) = (state.shop.id(), inventory_time(state.now()));
    let group = data::group(&id, given("group_name"), given("unit"), given("description"), &now);
    state.shop.groups.push(group.clone());
    flat(201, "The Item Group has been created.", &group)
}

fn flat(status: u16, message: &str, group: &Object) -> Answer {
    let mut answer = object(json!({ "code": 0, "message": message }));
    // Only lists have these keys.
    let only_listed = ["product_type", "created_time", "last_modified_time"];
    answer.extend(group.clone().into_iter().filter(|(key, _)| !only_listed.contains(&key.as_str())));
    Answer::json(status, &answer.into())
}
