//! CRM's metadata: the fields of a module, and the user.

use serde_json::{Value, json};

use super::error::error;
use super::fields::{self, Field, Kind};
use super::module::Module;
use super::{data, read};
use crate::http::{Answer, Call};
use crate::state::State;

/// The module that a parameter names.
pub(crate) fn named(state: &State, call: &Call) -> Result<Module, Answer> {
    let name = call.filled("module").ok_or_else(|| read::missing_param(state, "module"))?;
    let unknown = || {
        error(
            400,
            "INVALID_MODULE",
            json!({ "param_name": "module" }),
            "the module name given seems to be invalid",
        )
    };
    Module::find(&name).ok_or_else(unknown)
}

/// `GET /settings/fields?module=`, and `GET /settings/fields/{id}?module=` for one of them.
pub(crate) fn fields(state: &State, call: &Call, id: Option<&str>) -> Answer {
    let module = match named(state, call) {
        Ok(module) => module,
        Err(answer) => return answer,
    };
    let list = fields::of(module).iter().enumerate().filter(|(_, field)| !state.switches.hides(field.name));
    let mut list: Vec<Value> = list.map(|(place, field)| one(module, place, field)).collect();
    if module == Module::Deals && !state.switches.crm_stages_untold() {
        stages(&mut list);
    }
    if let Some(id) = id {
        list.retain(|field| field.get("id").and_then(Value::as_str) == Some(id));
        if list.is_empty() {
            return Answer::empty(204);
        }
    }
    Answer::json(200, &json!({ "fields": list }))
}

/// Says of each stage what it is.
fn stages(fields: &mut [Value]) {
    let stage = fields.iter_mut().find(|field| field.get("api_name").is_some_and(|name| name == "Stage"));
    let values = stage.and_then(|field| field.get_mut("pick_list_values")).and_then(Value::as_array_mut);
    for value in values.into_iter().flatten().filter_map(Value::as_object_mut) {
        let name = value.get("display_value").and_then(Value::as_str).unwrap_or_default();
        let (likely, kind) = match fields::probability(name) {
            Some(100) => (100, "Closed Won"),
            Some(0) | None => (0, "Closed Lost"),
            Some(likely) => (likely, "Open"),
        };
        value.insert("probability".to_owned(), likely.into());
        value.insert("forecast_type".to_owned(), kind.into());
    }
}

/// One field by its name.
pub(crate) fn field(module: Module, name: &str) -> Option<Value> {
    let place = fields::of(module).iter().position(|field| field.name == name)?;
    Some(one(module, place, fields::of(module).get(place)?))
}

fn one(module: Module, place: usize, field: &Field) -> Value {
    let (data_type, json_type, length) = match field.kind {
        Kind::Text(most) => ("text", "string", most),
        Kind::Area(most) => ("textarea", "string", most),
        Kind::Email => ("email", "string", 100),
        Kind::Phone => ("phone", "string", 30),
        Kind::Website => ("website", "string", 450),
        Kind::Picklist(_) | Kind::Renamed(_) => ("picklist", "string", 120),
        Kind::Several(_) => ("multiselectpicklist", "jsonarray", 765),
        Kind::Flag => ("boolean", "boolean", 5),
        Kind::Rows => ("subform", "jsonarray", 255),
        Kind::Currency => ("currency", "double", 16),
        Kind::Integer => ("integer", "integer", 9),
        Kind::Date => ("date", "string", 20),
        Kind::DateTime => ("datetime", "string", 120),
        Kind::Lookup(_) => ("lookup", "jsonobject", 120),
        Kind::User => ("ownerlookup", "jsonobject", 120),
        Kind::Id => ("bigint", "string", 120),
        Kind::Other => ("text", "jsonarray", 2_000),
    };
    let id = |number: usize| (6_100_000_000_002_500 + module as usize * 1_000 + number).to_string();
    let label = field.name.replace('_', " ");
    let values: Vec<(&str, &str)> = match field.kind {
        Kind::Picklist(values) => values.iter().map(|value| (*value, *value)).collect(),
        Kind::Renamed(values) | Kind::Several(values) => values.to_vec(),
        _ => Vec::new(),
    };
    let values = values.iter().enumerate().map(|(number, (shown, kept))| {
        json!({
            "display_value": shown,
            "actual_value": kept,
            "reference_value": kept,
            "sequence_number": number + 1,
            "id": id(100 + place * 20 + number),
            "colour_code": null,
            "type": "used",
        })
    });
    let values: Vec<Value> = values.collect();
    let lookup = match field.kind {
        Kind::Lookup(other) => json!({ "module": { "api_name": other.api_name() }, "id": id(900 + place) }),
        _ => json!({}),
    };
    let custom =
        ["External_Order_ID", "Grade", "Colours", "Is_Rush", "Lines", "legacy_id"].contains(&field.name);
    let subform = match field.kind {
        Kind::Rows => json!({ "module": field.name, "id": id(950 + place) }),
        _ => Value::Null,
    };
    json!({
        "id": id(place),
        "api_name": field.name,
        "field_label": label,
        "display_label": label,
        "data_type": data_type,
        "json_type": json_type,
        "length": length,
        "system_mandatory": field.mandatory,
        "read_only": !field.writable,
        // So in Zoho's own example, of a field that is written all the same.
        "field_read_only": !field.writable || field.kind == Kind::User,
        "custom_field": custom,
        "visible": true,
        "searchable": field.kind != Kind::Other,
        "sortable": field.kind != Kind::Other,
        "filterable": field.kind != Kind::Other,
        "mass_update": field.writable,
        "operation_type": { "web_create": field.writable, "web_update": field.writable,
            "api_create": field.writable, "api_update": field.writable },
        "unique": if field.unique { json!({ "casesensitive": "false" }) } else { json!({}) },
        "lookup": lookup,
        "pick_list_values": values,
        "pick_list_values_sorted_lexically": false,
        "decimal_place": if field.kind == Kind::Currency { json!(2) } else { Value::Null },
        "created_source": "default",
        "type": "used",
        "column_name": field.name.to_uppercase(),
        "customizable_properties": [],
        "available_in_user_layout": true,
        "virtual_field": false,
        "static_field": false,
        "webhook": true,
        "blueprint_supported": true,
        "businesscard_supported": false,
        "display_field": false,
        "separator": false,
        "number_separator": false,
        "enable_colour_code": false,
        "colour_code_enabled_by_system": null,
        "ui_type": 1,
        "show_type": 7,
        "display_type": -1,
        "category": 1,
        "quick_sequence_number": "1",
        "additional_column": null,
        "created_time": null,
        "modified_time": null,
        "hipaa_compliance_enabled": null,
        "common.picklist": null,
        "currency": {},
        "formula": {},
        "auto_number": {},
        "multiselectlookup": {},
        "multi_module_lookup": {},
        "rollup_summary": {},
        "subform": subform,
        "layout_associations": [],
        "profiles": [],
        "allowed_modules": [],
        "file_upolad_optionlist": [],
        "view_type": { "view": true, "edit": field.writable, "create": field.writable,
            "quick_create": field.mandatory },
    })
}

/// `GET /users`; there is one, whichever kind is asked for.
pub(crate) fn users(call: &Call) -> Answer {
    let kinds =
        ["CurrentUser", "AllUsers", "ActiveUsers", "AdminUsers", "ConfirmedUsers", "ActiveConfirmedUsers"];
    match call.filled("type").as_deref() {
        Some("DeactiveUsers" | "NotConfirmedUsers" | "DeletedUsers") => Answer::empty(204),
        Some(kind) if !kinds.contains(&kind) => {
            error(400, "INVALID_DATA", json!({ "param_name": "type" }), "invalid data")
        }
        _ => {
            let info = json!({ "per_page": 200, "count": 1, "page": 1, "more_records": false });
            Answer::json(200, &json!({ "users": [data::user()], "info": info }))
        }
    }
}
