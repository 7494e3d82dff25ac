//! The hand-written data of CRM: deals, contacts, accounts and the organisation. All of it is invented.

use serde_json::{Value, json};

use super::fields;
use super::module::Module;
use crate::object::{Object, object};

const HARBOR: (&str, &str) = ("Harbor Interiors GmbH", "6100000000440011");
const CAFE: (&str, &str) = ("Café Grün & Söhne", "6100000000440012");
const LEA: (&str, &str) = ("Lea Sommer", "6100000000440025");
const JOERG: (&str, &str) = ("Jörg Grün", "6100000000440026");

type Lookup = (&'static str, &'static str);
/// Number, name, stage, probability, amount, account, contact.
type Spec = (u32, &'static str, &'static str, u32, Option<&'static str>, Option<Lookup>, Option<Lookup>);

const DEALS: [Spec; 6] = [
    (1, "Spring reorder", "Qualification", 10, Some("4300.0"), Some(HARBOR), Some(LEA)),
    (2, "Showroom fit-out", "Proposal/Price Quote", 75, Some("18250.0"), Some(HARBOR), None),
    (3, "Café terrace chairs", "Needs Analysis", 20, None, Some(CAFE), Some(JOERG)),
    (4, "Nationwide framework", "Negotiation/Review", 90, Some("1234567890123.45"), Some(HARBOR), Some(LEA)),
    (5, "Küche für Øresund – 北欧", "Value Proposition", 40, Some("0.10"), Some(CAFE), Some(JOERG)),
    (6, "Walk-in, no account yet", "Closed Lost", 0, Some("99.9"), None, None),
];

/// The hand-written deals and `extra` generated ones.
pub(crate) fn deals(extra: usize) -> Vec<Object> {
    let generated = (1..=extra).map(|number| {
        let mut deal = deal(&(0, "", "Qualification", 10, Some("100.00"), Some(HARBOR), None));
        deal.insert("id".to_owned(), format!("61000000005{number:05}").into());
        deal.insert("Deal_Name".to_owned(), format!("Generated deal {number:05}").into());
        deal
    });
    DEALS.iter().map(deal).chain(generated).collect()
}

/// A deal from a test, with missing fields filled with ordinary values.
pub(crate) fn completed(given: Object, number: usize) -> Object {
    let mut deal = deal(&(0, "", "Qualification", 10, None, None, None));
    deal.insert("id".to_owned(), format!("61000000006{number:05}").into());
    deal.extend(given);
    deal
}

fn deal((number, name, stage, probability, amount, account, contact): &Spec) -> Object {
    let amount: Value = amount.and_then(|digits| digits.parse().ok()).map_or(Value::Null, Value::Number);
    let expected = amount.as_f64().map(|amount| (amount * f64::from(*probability)).round() / 100.0);
    object(json!({
        "id": format!("610000000045100{number}"),
        "Deal_Name": name,
        "Stage": stage,
        "Amount": amount,
        "Closing_Date": format!("2026-12-{:02}", 10 + number),
        "Owner": owner(),
        "Account_Name": lookup(*account),
        "Contact_Name": lookup(*contact),
        "Created_Time": format!("2026-11-{:02}T09:00:00+01:00", number.max(&1)),
        "Modified_Time": "2026-11-19T15:02:44+01:00",
        "Created_By": owner(),
        "Modified_By": owner(),
        "Pipeline": "Standard",
        "Probability": probability,
        "Expected_Revenue": expected,
        "Type": null,
        "Lead_Source": "External Referral",
        "Next_Step": null,
        "Description": null,
        "Campaign_Source": null,
        "External_Order_ID": null,
        "Grade": null,
        "Colours": null,
        "Is_Rush": false,
        "Lines": [],
        "legacy_id": null,
        "Tag": [],
        "$currency_symbol": "€",
        "$editable": true,
        "$approved": true,
        "$approval": { "delegate": false, "takeover": false, "approve": false, "reject": false, "resubmit": false },
        "$approval_state": "approved",
        "$review_process": null,
        "$in_merge": false,
        "$locked_for_me": false,
        "$layout_id": { "name": "Standard", "id": "6100000000091023" },
        "Record_Status__s": "Available",
    }))
}

/// People.
pub(crate) fn contacts() -> Vec<Object> {
    let one = |(name, id): Lookup, account: Lookup, email: &str, mobile: Value| {
        let (first, last) = name.split_once(' ').unwrap_or_default();
        object(json!({
            "id": id,
            "First_Name": first,
            "Last_Name": last,
            "Full_Name": name,
            "Email": email,
            "Phone": null,
            "Mobile": mobile,
            "Account_Name": lookup(Some(account)),
            "Owner": owner(),
            "Created_Time": "2026-02-14T11:20:00+01:00",
            "Modified_Time": "2026-11-10T09:30:12+01:00",
        }))
    };
    vec![
        one(LEA, HARBOR, "lea@example.com", json!("+49 40 5550100")),
        one(JOERG, CAFE, "joerg@example.com", Value::Null),
    ]
}

/// Companies.
pub(crate) fn accounts() -> Vec<Object> {
    let one = |(name, id): Lookup, city: &str| {
        object(json!({
            "id": id,
            "Account_Name": name,
            "Phone": null,
            "Website": null,
            "Billing_City": city,
            "Billing_Country": "Germany",
            "Industry": null,
            "Description": null,
            "Owner": owner(),
            "Created_Time": "2026-02-14T11:00:00+01:00",
            "Modified_Time": "2026-11-10T09:30:12+01:00",
        }))
    };
    vec![one(HARBOR, "Hamburg"), one(CAFE, "Flensburg")]
}

/// Two notes of the first deal; one has no title.
pub(crate) fn notes() -> Vec<Object> {
    let one = |number: u32, time: &str, title: Value, content: &str| {
        let mut note = fields::blank(Module::Notes);
        note.extend(object(json!({
            "id": format!("610000000050001{number}"),
            "Owner": owner(),
            "Created_Time": time,
            "Modified_Time": time,
            "Created_By": owner(),
            "Modified_By": owner(),
            "Parent_Id": { "module": { "api_name": "Deals", "id": "6100000000002181" }, "name": "Spring reorder",
                "id": "6100000000451001" },
            "Note_Title": title,
            "Note_Content": content,
        })));
        note
    };
    vec![
        one(1, "2026-11-19T15:05:00+01:00", json!("Call summary"), "Customer wants delivery in week 50."),
        one(2, "2026-11-20T08:11:00+01:00", Value::Null, "No title on this one."),
    ]
}

/// The user to whom the token belongs.
pub(crate) fn user() -> Value {
    let role = |name: &str, id: &str| json!({ "name": name, "id": id });
    json!({
        "id": "6100000000123001",
        "first_name": "Nora",
        "last_name": "Beck",
        "full_name": "Nora Beck",
        "email": "owner@example.com",
        "zuid": "20098765001",
        "status": "active",
        "confirm": true,
        "role": role("CEO", "6100000000026005"),
        "profile": role("Administrator", "6100000000026011"),
        "language": "en_US",
        "locale": "de_DE",
        "country_locale": "de_DE",
        "time_zone": "Europe/Berlin",
        "country": "Germany",
        "city": "Hamburg",
        "phone": null,
        "mobile": null,
        "created_time": "2025-02-03T09:00:00+01:00",
        "Modified_Time": "2026-11-10T09:30:12+01:00",
    })
}

/// The organisation, with every key the official file requires.
pub(crate) fn org() -> Value {
    json!({
        "country": "Germany",
        "photo_id": null,
        "city": "Hamburg",
        "description": null,
        "mc_status": false,
        "gapps_enabled": false,
        "translation_enabled": false,
        "street": "Kai 4",
        "domain_name": "org20098765999",
        "alias": null,
        "currency": "Euro",
        "id": "6100000000123000",
        "state": null,
        "fax": null,
        "employee_count": "12",
        "zip": "20457",
        "website": "https://nordlicht.example.com",
        "currency_symbol": "€",
        "mobile": null,
        "currency_locale": "de_DE",
        "primary_zuid": "20098765001",
        "zia_portal_id": null,
        "time_zone": "Europe/Berlin",
        "zgid": "20098765999",
        "country_code": "DE",
        "deletable_org_account": false,
        "license_details": {
            "paid_expiry": "2027-02-03T00:00:00+01:00",
            "users_license_purchased": 5,
            "trial_type": null,
            "trial_expiry": null,
            "paid": true,
            "paid_type": "enterprise",
            "trial_action": "",
        },
        "hierarchy_preferences": { "type": "Role_Hierarchy", "strictly_reporting": false },
        "phone": "+49 40 5550100",
        "company_name": "Nordlicht Moebel",
        "privacy_settings": false,
        "primary_email": "owner@example.com",
        "iso_code": "EUR",
        "hipaa_compliance_enabled": false,
        "lite_users_enabled": false,
        "max_per_page": 200,
        "ezgid": "c1a2f3d4e5b6a7c8",
        "call_icon": "",
        "oauth_presence": true,
        "zia_zgid": 0,
        "checkin_preferences": { "restricted_event_types": null },
        "type": "Production",
        "created_time": "2025-02-03T09:00:00+01:00",
    })
}

/// The user, as records name people.
pub(crate) fn owner() -> Value {
    json!({ "name": "Nora Beck", "id": "6100000000123001", "email": "owner@example.com" })
}

fn lookup(to: Option<Lookup>) -> Value {
    to.map_or(Value::Null, |(name, id)| json!({ "name": name, "id": id }))
}
