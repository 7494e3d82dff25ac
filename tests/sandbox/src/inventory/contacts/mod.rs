//! Customers and vendors.

pub(crate) mod data;

use serde_json::{Value, json};

use super::list::{List, contains, starts, text};
use super::missing::missing;
use crate::http::{Answer, Call};
use crate::object::Object;
use crate::state::State;
use crate::switches::Switches;

/// Keys that a list row does not have.
#[rustfmt::skip]
const DETAIL_ONLY: [&str; 12] = [
    "currency_symbol", "primary_contact_id", "billing_address", "shipping_address", "contact_persons", "notes",
    "website", "has_transaction", "is_taxable", "is_linked_with_zohocrm", "custom_fields",
    "payment_reminder_enabled",
];
const FILTERS: [&str; 6] = ["contact_name", "company_name", "first_name", "last_name", "email", "phone"];

/// `GET /contacts`.
pub(crate) fn list(state: &State, call: &Call, has_data: bool) -> Answer {
    let contacts = state.shop.contacts.iter().filter(|_| has_data);
    let fits = |contact: &&Object| {
        state.switches.contact_filters_ignored() || matches(contact, call, &state.switches)
    };
    let rows = contacts.filter(fits).map(row).collect();
    let sortable = [
        "contact_name",
        "first_name",
        "last_name",
        "email",
        "outstanding_receivable_amount",
        "created_time",
        "last_modified_time",
    ];
    List { key: "contacts", report: "Contacts", sortable: &sortable, descending: false, fixed: false }.answer(
        call,
        &state.switches,
        rows,
    )
}

/// `GET /contacts/{id}`.
pub(crate) fn one(state: &State, id: &str, has_data: bool) -> Answer {
    let mut contacts = state.shop.contacts.iter().filter(|_| has_data);
    match contacts.find(|contact| text(contact, "contact_id") == id) {
        Some(contact) => Answer::json(200, &json!({ "code": 0, "message": "success", "contact": contact })),
        None => missing(state, "contact_id", id),
    }
}

fn matches(contact: &Object, call: &Call, switches: &Switches) -> bool {
    let check =
        |param: String, test: &dyn Fn(&str) -> bool| call.filled(&param).is_none_or(|wanted| test(&wanted));
    let same = |key: &str, wanted: &str| {
        let own = text(contact, key);
        own == wanted || (switches.contact_filters_substring() && contains(own, wanted))
    };
    FILTERS.iter().all(|key| {
        check((*key).to_owned(), &|wanted| same(key, wanted))
            && check(format!("{key}_startswith"), &|wanted| starts(text(contact, key), wanted))
            && check(format!("{key}_contains"), &|wanted| contains(text(contact, key), wanted))
    }) && check("contact_type".to_owned(), &|wanted| text(contact, "contact_type") == wanted)
        && check("search_text".to_owned(), &|wanted| {
            ["contact_name", "company_name", "email", "notes"]
                .iter()
                .any(|key| contains(text(contact, key), wanted))
        })
        && check("filter_by".to_owned(), &|filter| match filter {
            "Status.Active" => text(contact, "status") == "active",
            "Status.Inactive" => text(contact, "status") == "inactive",
            "Status.Customers" => text(contact, "contact_type") == "customer",
            "Status.Vendors" => text(contact, "contact_type") == "vendor",
            _ => true,
        })
}

fn row(contact: &Object) -> Value {
    let mut row = contact.clone();
    row.retain(|key, _| !DETAIL_ONLY.contains(&key.as_str()));
    row.into()
}
