//! Notes. They are written at `/Notes` or below their parent, and listed below it, oldest first.

use serde_json::{Value, json};

use super::error::error;
use super::module::Module;
use super::read::{self, List};
use super::store::Records;
use super::write::{self, Body};
use crate::http::{Answer, Call};
use crate::object::Object;
use crate::state::State;

/// `GET /{module}/{id}/Notes`.
pub(crate) fn list(state: &mut State, call: &Call, module: Module, id: &str) -> Answer {
    if state.crm.get(module, id).is_none() {
        return read::unknown_id(state);
    }
    let ascending = !state.switches.crm_notes_newest_first;
    let name = format!("{}/{id}/Notes", module.api_name());
    List { name: &name, ascending, select: &|state| of_record(&state.crm, module, id) }.answer(state, call)
}

fn of_record<'a>(records: &'a Records, module: Module, id: &str) -> Vec<&'a Object> {
    let is_of = |note: &&Object| {
        let parent = note.get("Parent_Id");
        let at = |pointer: &str| parent.and_then(|parent| parent.pointer(pointer)).and_then(Value::as_str);
        at("/id") == Some(id) && at("/module/api_name") == Some(module.api_name())
    };
    records.of(Module::Notes).iter().filter(is_of).collect()
}

/// `POST /{module}/{id}/Notes`: as `POST /Notes`, with the parent from the path.
pub(crate) fn add(state: &mut State, call: &Call, module: Module, id: &str) -> Answer {
    if state.crm.get(module, id).is_none() {
        return error(400, "INVALID_DATA", json!({ "id": id }), "the id given seems to be invalid");
    }
    let mut body = match Body::read(call) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    for note in body.data.iter_mut().filter_map(Value::as_object_mut) {
        let parent = json!({ "module": { "api_name": module.api_name() }, "id": id });
        note.insert("Parent_Id".to_owned(), parent);
    }
    write::insert_all(state, &body, Module::Notes)
}
