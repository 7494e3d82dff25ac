//! Reading contacts, who are people, and accounts, which are companies: `GET /v1/crm/contacts`, `/v1/crm/accounts`, and one of each.

mod list;
pub(crate) mod modules;
mod one;
mod operations;
mod params;

use crate::openapi::operation::Verb;
use crate::openapi::route::Routes;
use modules::MODULES;

pub(crate) fn routes(to: &mut impl Routes) {
    for &module in MODULES {
        let handler = move |app, caller, pairs| list::list(module, app, caller, pairs);
        to.on(Verb::Get, module.path, handler, || operations::list(module));
        let handler = move |app, caller, id, params| one::one(module, app, caller, id, params);
        to.on(Verb::Get, &format!("{}/{{id}}", module.path), handler, || operations::one(module));
    }
}
