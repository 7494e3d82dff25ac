//! The hand-written customers and vendors. All of them are invented.

use serde_json::json;

use crate::inventory::data::decimal;
use crate::object::{Object, object};

/// Number, name, type, first name, last name, email, amount owed.
type Spec = (u32, &'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const CONTACTS: [Spec; 3] = [
    (210, "Harbor Interiors GmbH", "customer", "Nora", "Beck", "orders@example.com", "113.05"),
    (211, "Café Grün & Söhne", "customer", "Jörg", "Grün", "joerg@example.com", "0.0"),
    (212, "Sägewerk Lindholm", "vendor", "Ida", "Lindholm", "ida@example.com", "0.0"),
];

/// All of them.
pub(crate) fn all() -> Vec<Object> {
    CONTACTS.iter().map(build).collect()
}

/// A contact from a test, with missing fields filled as in an ordinary customer.
pub(crate) fn completed(given: Object, number: usize) -> Object {
    let name = given.get("contact_name").and_then(serde_json::Value::as_str).unwrap_or("Added").to_owned();
    let mut contact = build(&(0, "", "customer", "", "", "", "0.0"));
    for key in ["contact_name", "customer_name", "company_name"] {
        contact.insert(key.to_owned(), name.clone().into());
    }
    contact.insert("contact_id".to_owned(), format!("33000000004{number:05}").into());
    contact.extend(given);
    contact
}

fn build((number, name, kind, first, last, email, owed): &Spec) -> Object {
    let address = json!({ "attention": "", "address": "Kai 4", "street2": "", "city": "Hamburg", "state": "",
        "zip": "20457", "country": "Germany", "country_code": "DE", "fax": "", "phone": "" });
    object(json!({
        "contact_id": format!("3300000000060{number}"),
        "contact_name": name,
        "customer_name": if *kind == "customer" { name } else { "" },
        "vendor_name": if *kind == "vendor" { name } else { "" },
        "company_name": name,
        "contact_type": kind,
        "status": "active",
        "first_name": first,
        "last_name": last,
        "email": email,
        "phone": "",
        "mobile": "",
        "currency_id": "3300000000000064",
        "currency_code": "EUR",
        "currency_symbol": "€",
        "payment_terms": 15,
        "payment_terms_label": "Net 15",
        "outstanding_receivable_amount": decimal(owed),
        "created_time": "2026-01-11T08:00:10+0100",
        "last_modified_time": "2026-10-02T12:31:54+0200",
        "primary_contact_id": format!("330000000006{}", 1000 + number),
        "website": "",
        "has_transaction": true,
        "is_taxable": true,
        "is_linked_with_zohocrm": false,
        "payment_reminder_enabled": true,
        "notes": "",
        "custom_fields": [],
        "billing_address": address,
        "shipping_address": address,
        "contact_persons": [{
            "salutation": "",
            "first_name": first,
            "last_name": last,
            "email": email,
            "phone": "",
            "mobile": "",
            "is_primary_contact": true,
        }],
    }))
}
