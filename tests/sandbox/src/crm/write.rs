//! Writes records, one by one. Each has its own result in `data[]`, whatever the status of the answer.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::check::{Check, Refusal, id_of};
use super::error::error;
use super::module::Module;
use super::record::{changed, text};
use super::{data, fields, read};
use crate::clock;
use crate::http::{Answer, Call};
use crate::object::Object;
use crate::state::State;

/// The most records in one call.
const MOST: usize = 100;
const TRIGGERS: [&str; 5] = ["workflow", "approval", "blueprint", "pathfinder", "orchestration"];

/// The body of every write.
pub(crate) struct Body {
    pub(crate) data: Vec<Value>,
    check_fields: Vec<String>,
    /// Whether workflow rules run: yes, unless `trigger` is there and does not name them.
    triggers: bool,
}

impl Body {
    /// Reads the body.
    pub(crate) fn read(call: &Call) -> Result<Self, Answer> {
        let wrong = |name: &str, kind: &str| {
            let details =
                json!({ "expected_data_type": kind, "api_name": name, "json_path": format!("$.{name}") });
            error(400, "INVALID_DATA", details, "invalid data")
        };
        let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(&call.body) else {
            return Err(error(400, "INVALID_DATA", json!({ "expected_data_type": "jsonobject" }), "body"));
        };
        let data = match body.get("data") {
            None => {
                let details = json!({ "api_name": "data", "json_path": "$.data" });
                return Err(error(400, "MANDATORY_NOT_FOUND", details, "required field not found"));
            }
            Some(Value::Array(data)) if !data.is_empty() => data.clone(),
            Some(_) => return Err(wrong("data", "jsonarray")),
        };
        if data.len() > MOST {
            return Err(error(400, "LIMIT_EXCEEDED", json!({ "limit": MOST }), "Record count exceeded"));
        }
        let list = |key: &str| match body.get(key) {
            None => Ok(None),
            Some(Value::Array(list)) => {
                Ok(Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()))
            }
            Some(_) => Err(wrong(key, "jsonarray")),
        };
        let triggers = list("trigger")?;
        if triggers.iter().flatten().any(|trigger| !TRIGGERS.contains(&trigger.as_str())) {
            return Err(wrong("trigger", "jsonarray"));
        }
        Ok(Self {
            data,
            check_fields: list("duplicate_check_fields")?.unwrap_or_default(),
            triggers: triggers.is_none_or(|list| list.iter().any(|trigger| trigger == "workflow")),
        })
    }

    /// The API credits: one for every ten records.
    pub(crate) fn credits(call: &Call) -> usize {
        Self::read(call).map_or(1, |body| body.data.len().div_ceil(10))
    }
}

/// `POST /{module}`.
pub(crate) fn insert(state: &mut State, call: &Call, module: Module) -> Answer {
    let body = match Body::read(call) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    insert_all(state, &body, module)
}

/// Inserts records that were already read.
pub(crate) fn insert_all(state: &mut State, body: &Body, module: Module) -> Answer {
    let now = state.now();
    let verdicts = body.data.iter().enumerate().map(|(index, given)| {
        let fit = check(state, module, (index, None), given)?;
        Ok(inserted(state, module, fit, (body.triggers, now)))
    });
    let verdicts = verdicts.collect();
    answer(state, state.switches.crm_create_status(), verdicts)
}

/// `PUT /{module}/{id}` and `PUT /{module}`.
pub(crate) fn update(state: &mut State, call: &Call, module: Module, id: Option<&str>) -> Answer {
    let body = match Body::read(call) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let unmodified_since = call
        .header("if-unmodified-since")
        .filter(|_| !state.switches.crm_unmodified_since_ignored())
        .and_then(clock::parse);
    if let (Some(since), Some(id)) = (unmodified_since, id) {
        let changed = state.crm.get(module, id).and_then(changed);
        if changed.is_some_and(|changed| changed > since) {
            let message = "the record has been modified since the given time";
            if state.switches.crm_modified_at_top() {
                return error(412, "RECORD_MODIFIED", json!({ "id": id }), message);
            }
            let details = json!({ "id": id });
            let refusal =
                Refusal { code: "ALREADY_MODIFIED", message: "The record is already modified", details };
            return Answer::json(412, &json!({ "data": [refusal.entry()] }));
        }
    }
    let now = state.now();
    let verdicts = body.data.iter().enumerate().map(|(index, given)| {
        let own = given.get("id").and_then(id_of);
        let id = id.or(own.as_deref()).unwrap_or_default();
        if state.crm.get(module, id).is_none() {
            return Err(unknown(id));
        }
        let fit = check(state, module, (index, Some(id)), given)?;
        Ok(updated(state, module, (id, fit), (body.triggers, now)))
    });
    let verdicts = verdicts.collect();
    answer(state, 200, verdicts)
}

/// `POST /{module}/upsert`: finds duplicates by the named fields, else by those that Zoho itself checks.
pub(crate) fn upsert(state: &mut State, call: &Call, module: Module) -> Answer {
    let body = match Body::read(call) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let own = match module {
        Module::Deals => "Deal_Name",
        Module::Contacts => "Email",
        Module::Accounts => "Account_Name",
        Module::Notes => {
            return error(400, "NOT_SUPPORTED", json!({}), "Upsert is not supported for the given module");
        }
    };
    let fits = |name: &String| name == own || fields::find(module, name).is_some_and(|field| field.unique);
    if let Some(wrong) = body.check_fields.iter().find(|name| !fits(name)) {
        let details =
            json!({ "api_name": "duplicate_check_fields", "reason": format!("{wrong} is not unique") });
        return error(400, "INVALID_DATA", details, "invalid data");
    }
    let by = if body.check_fields.is_empty() { vec![own.to_owned()] } else { body.check_fields.clone() };
    let now = state.now();
    let mut all_new = true;
    let mut verdicts = Vec::new();
    for (index, given) in body.data.iter().enumerate() {
        let found = by.iter().find_map(|name| {
            let value = given.get(name).and_then(Value::as_str).filter(|value| !value.is_empty())?;
            let mut records = state.crm.of(module).iter();
            let record = records.find(|record| text(record, name) == value)?;
            Some((name.clone(), text(record, "id").to_owned()))
        });
        let id = found.as_ref().map(|(_, id)| id.as_str());
        let verdict = check(state, module, (index, id), given).map(|fit| match &found {
            None => with(inserted(state, module, fit, (body.triggers, now)), "insert", None),
            Some((name, id)) => {
                let done = updated(state, module, (id, fit), (body.triggers, now));
                with(done, "update", Some(name))
            }
        });
        all_new &= found.is_none();
        verdicts.push(verdict);
    }
    let status = if all_new { state.switches.crm_create_status() } else { 200 };
    answer(state, status, verdicts)
}

/// `DELETE /{module}/{id}`.
pub(crate) fn delete(state: &mut State, module: Module, id: &str) -> Answer {
    let now = state.now();
    let verdict = if state.crm.delete(module, id, now) { Ok(deleted(id)) } else { Err(unknown(id)) };
    answer(state, 200, vec![verdict])
}

/// `DELETE /{module}?ids=`.
pub(crate) fn delete_several(state: &mut State, call: &Call, module: Module) -> Answer {
    let ids = read::names(&call.filled("ids").unwrap_or_default());
    if ids.is_empty() {
        return read::missing_param(state, "ids");
    }
    if ids.len() > MOST {
        return error(400, "LIMIT_EXCEEDED", json!({ "limit": MOST }), "Record count exceeded");
    }
    let now = state.now();
    let verdicts = ids
        .iter()
        .map(|id| if state.crm.delete(module, id, now) { Ok(deleted(id)) } else { Err(unknown(id)) })
        .collect();
    answer(state, 200, verdicts)
}

fn deleted(id: &str) -> Value {
    json!({ "code": "SUCCESS", "details": { "id": id }, "message": "record deleted", "status": "success" })
}

fn unknown(id: &str) -> Refusal {
    Refusal {
        code: "INVALID_DATA",
        message: "the id given seems to be invalid",
        details: json!({ "id": id }),
    }
}

fn check(
    state: &State,
    module: Module,
    (index, id): (usize, Option<&str>),
    given: &Value,
) -> Result<Object, Refusal> {
    Check { records: &state.crm, switches: &state.switches, module, index, id }.record(given)
}

fn inserted(state: &mut State, module: Module, fit: Object, (triggers, now): (bool, Timestamp)) -> Value {
    let id = state.crm.insert(module, fit, now);
    done(state, module, &id, triggers, "record added")
}

fn updated(
    state: &mut State,
    module: Module,
    (id, fit): (&str, Object),
    (triggers, now): (bool, Timestamp),
) -> Value {
    state.crm.update(module, id, fit, now);
    done(state, module, id, triggers, "record updated")
}

fn done(state: &mut State, module: Module, id: &str, triggers: bool, message: &str) -> Value {
    if triggers {
        state.crm.triggered.push(id.to_owned());
    }
    let time = |key: &str| state.crm.get(module, id).and_then(|record| record.get(key)).cloned();
    let mut by = data::owner();
    if let Some(by) = by.as_object_mut() {
        by.shift_remove("email");
    }
    json!({
        "code": "SUCCESS",
        "details": {
            "Modified_Time": time("Modified_Time"),
            "Modified_By": by,
            "Created_Time": time("Created_Time"),
            "id": id,
            "Created_By": by,
        },
        "message": message,
        "status": "success",
    })
}

/// The additional fields in an upsert's result.
fn with(mut verdict: Value, action: &str, duplicate_field: Option<&str>) -> Value {
    if let Some(verdict) = verdict.as_object_mut() {
        verdict.insert("duplicate_field".to_owned(), duplicate_field.into());
        verdict.insert("action".to_owned(), action.into());
    }
    verdict
}

/// The status is 400 if all records are refused, and 207 if some are. Older sources name other statuses.
fn answer(state: &State, good: u16, verdicts: Vec<Result<Value, Refusal>>) -> Answer {
    let failed = verdicts.iter().any(Result::is_err);
    let mixed = failed && verdicts.iter().any(Result::is_ok);
    let data: Vec<Value> =
        verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(Refusal::entry)).collect();
    let status = match state.switches.crm_refused_record_status() {
        400 if mixed => 207,
        refused if failed => refused,
        _ => good,
    };
    Answer::json(status, &json!({ "data": data }))
}
