//! CRM's routes: the scopes and the credits of each, and its handler.

use serde_json::json;

use super::error::{error, wrong_method};
use super::module::Module;
use super::read::List;
use super::scopes::{module_scope, scope_mismatch};
use super::write::Body;
use super::{coql, data, deleted, modules, notes, read, related, search, settings, watch, write};
use crate::accounts::scope;
use crate::http::{Answer, Call};
use crate::state::State;

/// Credits of a count.
const COUNT_CREDITS: usize = 50;

/// API credits of a call.
pub(crate) fn credits(call: &Call, path: &[&str]) -> usize {
    match (call.method.as_str(), path) {
        ("POST", ["coql"]) => coql::credits(call),
        ("GET", [_, "actions", "count"]) => COUNT_CREDITS,
        ("POST" | "PUT", _) => Body::credits(call),
        _ => 1,
    }
}

/// Checks the scopes of a call, then passes it to its handler.
pub(crate) fn route(state: &mut State, call: &Call, scopes: &[String], path: &[&str]) -> Answer {
    let method = call.method.as_str();
    let needs = |needed: &[String]| {
        let missing = needed.iter().any(|needed| !scope::allows(scopes, needed));
        missing.then(|| scope_mismatch(state))
    };
    let fixed = |needed: &str| needs(&[needed.to_owned()]);
    match (method, path) {
        ("GET", ["org"]) => {
            fixed("ZohoCRM.org.READ").unwrap_or_else(|| Answer::json(200, &json!({ "org": [data::org()] })))
        }
        ("GET", ["users"]) => fixed("ZohoCRM.users.READ").unwrap_or_else(|| settings::users(call)),
        ("GET", ["settings", "fields", id @ ..]) if id.len() < 2 => fixed("ZohoCRM.settings.fields.READ")
            .unwrap_or_else(|| settings::fields(state, call, id.first().copied())),
        ("GET", ["settings", "modules", name @ ..]) if name.len() < 2 => {
            fixed("ZohoCRM.settings.modules.READ").unwrap_or_else(|| match name {
                [name] => modules::one(name),
                _ => modules::list(call),
            })
        }
        ("GET", ["settings", "related_lists"]) => {
            fixed("ZohoCRM.settings.related_lists.READ").unwrap_or_else(|| related::lists(state, call))
        }
        ("POST", ["coql"]) => fixed("ZohoCRM.coql.READ").unwrap_or_else(|| coql::answer(state, call, scopes)),
        (_, ["actions", "watch"]) => watch::answer(state, call, scopes),
        (_, ["org" | "users" | "coql"] | ["settings", "fields" | "modules" | "related_lists"]) => {
            wrong_method()
        }
        (_, [""] | [] | ["settings" | "actions", ..]) => wrong_path(),
        (_, [name, rest @ ..]) if rest.len() <= 2 => match Module::find(name) {
            Some(module) => of_module(state, call, scopes, (module, rest)),
            None => error(400, "INVALID_MODULE", json!({}), "The module name given seems to be invalid"),
        },
        _ => wrong_path(),
    }
}

/// The routes below a module's name. The first match names the route and its scopes; once these are there, the second one answers.
fn of_module(state: &mut State, call: &Call, scopes: &[String], (module, rest): (Module, &[&str])) -> Answer {
    let scope = module_scope;
    // Notes also need any scope of their parent's module.
    let any_of_parent = ["READ", "CREATE", "UPDATE"]
        .map(|operation| scope(module, operation))
        .into_iter()
        .find(|needed| scope::allows(scopes, needed));
    let any_of_parent = any_of_parent.unwrap_or_else(|| scope(module, "READ"));
    let (method, needed) = match (call.method.as_str(), rest) {
        ("GET", ["actions", "count"]) => ("count", vec![scope(module, "READ")]),
        ("GET", [_, other]) if *other != "Notes" => match related::find(module, other) {
            Some(other) => ("related", vec![scope(module, "READ"), scope(other, "READ")]),
            None => return wrong_path(),
        },
        (_, [_, other]) if *other != "Notes" || module == Module::Notes => return wrong_path(),
        ("GET", ["search"]) => {
            ("search", vec![scope(module, "READ"), "ZohoSearch.securesearch.READ".to_owned()])
        }
        ("GET", ["deleted"]) => ("deleted", vec![scope(module, "READ")]),
        ("POST", ["upsert"]) => ("upsert", vec![scope(module, "CREATE"), scope(module, "UPDATE")]),
        ("GET", [_, _]) => ("notes", vec![scope(module, "READ"), scope(Module::Notes, "READ")]),
        ("POST", [_, _]) => ("add note", vec![any_of_parent, scope(Module::Notes, "CREATE")]),
        ("GET", []) => ("list", vec![scope(module, "READ")]),
        ("GET", _) => ("one", vec![scope(module, "READ")]),
        ("POST", []) => ("insert", vec![scope(module, "CREATE")]),
        ("PUT", [] | [_]) => ("update", vec![scope(module, "UPDATE")]),
        ("DELETE", [] | [_]) => ("delete", vec![scope(module, "DELETE")]),
        _ => return wrong_method(),
    };
    if needed.iter().any(|needed| !scope::allows(scopes, needed)) {
        return scope_mismatch(state);
    }
    let id = rest.first().copied().unwrap_or_default();
    match method {
        "search" => search::answer(state, call, module),
        "upsert" => write::upsert(state, call, module),
        "notes" => notes::list(state, call, module, id),
        "count" => search::count(state, call, module),
        "related" => match rest.get(1).and_then(|name| related::find(module, name)) {
            Some(other) => related::records(state, call, (module, id), other),
            None => wrong_path(),
        },
        "add note" => notes::add(state, call, module, id),
        "list" => {
            let select: &dyn Fn(&State) -> Vec<&_> = &|state| state.crm.of(module).iter().collect();
            List { name: module.api_name(), ascending: false, select }.answer(state, call)
        }
        "one" => read::one(state, call, module, id),
        "deleted" => deleted::list(state, call, module),
        "delete" if rest.is_empty() => write::delete_several(state, call, module),
        "delete" => write::delete(state, module, id),
        "insert" => write::insert(state, call, module),
        _ => write::update(state, call, module, rest.first().copied()),
    }
}

fn wrong_path() -> Answer {
    error(404, "INVALID_URL_PATTERN", json!({}), "Please check if the URL trying to access is a correct one")
}
