//! What belongs to a record: its notes, and the records whose lookups lead to it.

use serde_json::{Value, json};

use super::fields::{self, Kind};
use super::module::Module;
use super::read::{self, List};
use super::settings;
use crate::http::{Answer, Call};
use crate::object::Object;
use crate::state::State;

/// The modules with a list below a record of this one.
fn below(module: Module) -> impl Iterator<Item = Module> {
    let leads_here = move |other: &Module| {
        let notes = *other == Module::Notes && module != Module::Notes;
        notes || fields::of(*other).iter().any(|field| field.kind == Kind::Lookup(module))
    };
    Module::ALL.into_iter().filter(leads_here)
}

/// The module with a list of this name below records of `module`.
pub(crate) fn find(module: Module, name: &str) -> Option<Module> {
    below(module).find(|other| other.api_name() == name)
}

/// `GET /settings/related_lists?module=`.
pub(crate) fn lists(state: &State, call: &Call) -> Answer {
    let module = match settings::named(state, call) {
        Ok(module) => module,
        Err(answer) => return answer,
    };
    let lists = below(module).enumerate().map(|(place, other)| {
        let name = other.api_name();
        json!({
            "id": (6_100_000_000_091_000 + module as usize * 100 + place).to_string(),
            "sequence_number": (place + 1).to_string(),
            "display_label": name,
            "api_name": name,
            "module": { "api_name": name, "id": other.id() },
            "name": name,
            "action": null,
            "href": format!("{}/{{ENTITYID}}/{name}", module.api_name()),
            "type": "default",
            "customize_sort": other != Module::Notes,
            "customize_fields": other != Module::Notes,
            "customize_display_label": true,
            "status": "visible",
            "connectedmodule": null,
            "linkingmodule": null,
            "parent_related_lists": null,
        })
    });
    let lists: Vec<Value> = lists.collect();
    if lists.is_empty() {
        return Answer::empty(204);
    }
    Answer::json(200, &json!({ "related_lists": lists }))
}

/// `GET /{module}/{id}/{list}`, for all but notes.
pub(crate) fn records(state: &mut State, call: &Call, (module, id): (Module, &str), other: Module) -> Answer {
    if state.crm.get(module, id).is_none() {
        return read::unknown_id(state);
    }
    let name = format!("{}/{id}/{}", module.api_name(), other.api_name());
    let leads_here = |record: &&Object| {
        let lookups = fields::of(other).iter().filter(|field| field.kind == Kind::Lookup(module));
        lookups.filter_map(|field| record.get(field.name)?.get("id")?.as_str()).any(|own| own == id)
    };
    let select: &dyn Fn(&State) -> Vec<&Object> =
        &|state| state.crm.of(other).iter().filter(leads_here).collect();
    List { name: &name, ascending: false, select }.answer(state, call)
}
