//! Reading all records of Zoho Inventory but items, sales orders among them: one table of their kinds, one list, one record.

mod kinds;
mod list;
mod one;
mod operations;

use crate::openapi::operation::Verb;
use crate::openapi::route::Routes;
use kinds::KINDS;

pub(super) use operations::{adjustment, salesorder, transfer_order};

pub(crate) fn routes(to: &mut impl Routes) {
    for kind in KINDS {
        if kind.record.has_list() {
            let handler = move |app, caller, pairs| list::list(kind, app, caller, pairs);
            to.on(Verb::Get, kind.path, handler, || operations::list(kind));
        }
        if kind.record.has_single_records() {
            let handler = move |app, caller, id, params| one::one(kind, app, caller, id, params);
            to.on(Verb::Get, &format!("{}/{{id}}", kind.path), handler, || operations::one(kind));
        }
    }
}
