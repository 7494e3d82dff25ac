//! `GET /settings/modules`: the modules there are, as Zoho's example has them.

use serde_json::{Value, json};

use super::error::error;
use super::module::Module;
use super::page;
use crate::http::{Answer, Call};

const STATUSES: [&str; 4] = ["visible", "user_hidden", "system_hidden", "scheduled_for_deletion"];

/// All of them, or those of the statuses asked for.
pub(crate) fn list(call: &Call) -> Answer {
    let wanted = call.filled("status");
    let wanted: Option<Vec<&str>> = wanted.as_deref().map(|list| list.split(',').map(str::trim).collect());
    if wanted.iter().flatten().any(|status| !STATUSES.contains(status)) {
        return page::invalid("status");
    }
    let shown = |module: &Module| wanted.as_ref().is_none_or(|wanted| wanted.contains(&status(*module)));
    let modules: Vec<Value> = Module::ALL.into_iter().filter(shown).map(row).collect();
    Answer::json(200, &json!({ "modules": modules }))
}

/// `GET /settings/modules/{name or id}`.
pub(crate) fn one(name: &str) -> Answer {
    match Module::ALL.into_iter().find(|module| module.api_name() == name || module.id() == name) {
        Some(module) => Answer::json(200, &json!({ "modules": [row(module)] })),
        None => error(
            400,
            "INVALID_MODULE",
            json!({ "resource_path_index": 2 }),
            "the module name given seems to be invalid",
        ),
    }
}

fn status(module: Module) -> &'static str {
    if module == Module::Notes { "system_hidden" } else { "visible" }
}

fn row(module: Module) -> Value {
    let (name, tab) = (module.api_name(), module != Module::Notes);
    json!({
        "has_more_profiles": false,
        "access_type": "org_based",
        "private_profile": null,
        "global_search_supported": true,
        "deletable": true,
        "description": null,
        "creatable": true,
        "recycle_bin_on_delete": true,
        "modified_time": null,
        "plural_label": name,
        "presence_sub_menu": tab,
        "actual_plural_label": name,
        "lookupable": tab,
        "id": module.id(),
        "isBlueprintSupported": tab,
        "visibility": 1,
        "convertable": false,
        "sub_menu_available": tab,
        "editable": true,
        "actual_singular_label": module.singular(),
        "profiles": [{ "name": "Administrator", "id": "6100000000026011" }],
        "show_as_tab": tab,
        "web_link": null,
        "sequence_number": module as usize + 1,
        "singular_label": module.singular(),
        "viewable": true,
        "api_supported": true,
        "api_name": name,
        "quick_create": tab,
        "modified_by": null,
        "generated_type": "default",
        "feeds_required": false,
        "public_fields_configured": false,
        "arguments": [],
        "module_name": name,
        "profile_count": 1,
        "business_card_field_limit": 5,
        "parent_module": {},
        "status": status(module),
    })
}
