//! Two worlds that differ only in data of people: the same records, events and audit, other addresses and numbers. What a key with
//! `--redact contacts` gets must be the same in both.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};
use shared::base::id::{ConnectionName, is_time_ordered};
use shared::base::secret::Secret;
use shared::core::access::key::NewKey;
use shared::core::events::{Delivery, Events};
use shared::zoho::scope::ScopeSet;

use crate::in_process::call;
use crate::inside::{Inside, any_key};
use crate::simulation::random::Random;

const SCOPES: &str = "ZohoInventory.FullAccess.all,ZohoCRM.modules.ALL,ZohoCRM.coql.READ,ZohoCRM.settings.fields.READ,\
                      ZohoCRM.settings.modules.READ,ZohoSearch.securesearch.READ,ZohoCRM.org.READ";

/// What both keys may do.
const CAN: &[&str] = &["inventory:write", "crm:write", "events", "zoho:*:crm/**", "zoho:*:inventory/**"];

/// How many people there are.
const PEOPLE: u64 = 6;

/// Data of people: as many addresses and numbers as they need.
pub struct Personal {
    /// Mail addresses, each in a form of its own.
    pub addresses: Vec<String>,
    /// Numbers, streets and the like.
    pub numbers: Vec<String>,
}

impl Personal {
    fn new(random: &Random) -> Self {
        const LOCAL: &[&str] = &["lea", "leo", "o'neil", "jörg", "k.berg", "sales+shop", "a_b-c", "x"];
        const HOST: &[&str] = &["example.com", "mail.example", "grün.example", "sub.firm.example"];
        const PLACE: &[&str] = &["Kiel", "Hafenweg", "Lindholm", "Kai"];
        let address = |number: u64| {
            let (local, host) = (random.pick(LOCAL), random.pick(HOST));
            format!("{local}{number}{}@{host}", random.between(0, 9_999))
        };
        let number = |number: u64| match number % 3 {
            0 => format!("+49 431 {}", random.between(10_000, 99_999_999)),
            1 => format!("0{}/{}", random.between(100, 9_999), random.between(1_000, 999_999)),
            _ => format!("{} {}", random.pick(PLACE), random.between(1, 99_999)),
        };
        Self {
            addresses: (0..4 * PEOPLE).map(address).collect(),
            numbers: (0..4 * PEOPLE).map(number).collect(),
        }
    }

    fn address(&self, place: u64) -> &str {
        &self.addresses[usize::try_from(place).unwrap() % self.addresses.len()]
    }

    fn number(&self, place: u64) -> &str {
        &self.numbers[usize::try_from(place).unwrap() % self.numbers.len()]
    }
}

/// What was answered, without what is drawn anew for each request.
#[derive(Debug, PartialEq)]
pub struct Told {
    /// The status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// One of them.
pub struct World {
    /// The functions, the store and the stand-in Zoho.
    pub inside: Inside,
    /// Its data of people.
    pub personal: Personal,
    /// api-proxy.
    pub api: Router,
    /// The key that does not see all.
    pub key: Secret,
    /// One that does.
    pub open: Secret,
    /// The ids of the events.
    pub events: Vec<String>,
    next: Option<String>,
    preview: Option<String>,
}

/// The path of a request may name these, which are drawn anew in each world.
pub const NEXT: &str = "{next}";
/// The id of an event.
pub const EVENT: &str = "{event}";
/// The id of the last preview.
pub const PREVIEW: &str = "{preview}";

impl World {
    /// A world of this seed; `which` draws its data of people.
    pub async fn new(seed: u64, which: u64) -> Self {
        let mut inside = Inside::start().await;
        inside.connect_with(ScopeSet::parse(SCOPES)).await;
        inside.lift_the_limit();
        let personal = Personal::new(&Random::new(seed ^ (which + 1).wrapping_mul(0xA5A5_5A5A)));
        let permissions: Vec<_> = CAN.iter().map(|text| text.parse().unwrap()).collect();
        let wanted = NewKey { permissions, ..any_key() };
        let open = inside.key(wanted.clone()).await;
        let key = inside.key(NewKey { redact_contacts: true, ..wanted }).await;
        let api = inside.cold();
        let mut world =
            Self { inside, personal, api, key, open, events: Vec::new(), next: None, preview: None };
        world.people(&Random::new(seed));
        world.tell().await;
        world.write().await;
        world.inside.advance(Duration::from_secs(20));
        world
    }

    /// People, and records in which people wrote addresses.
    fn people(&self, random: &Random) {
        let (zoho, own) = (&self.inside.zoho.sandbox, &self.personal);
        for person in 0..PEOPLE {
            let (mail, phone, mobile) =
                (own.address(person), own.number(3 * person), own.number(3 * person + 1));
            let street = own.number(3 * person + 2);
            let is_named_by_mail = random.chance(300);
            let last = if is_named_by_mail {
                own.address(person + PEOPLE).to_owned()
            } else {
                format!("Name{person}")
            };
            let account = zoho.insert_record("Accounts", json!({
                "Account_Name": if is_named_by_mail { format!("Shop of {last}") } else { format!("Firm {person}") },
                "Phone": phone, "Billing_City": street, "Description": format!("Ask {}", own.address(person + 7)),
            }));
            let (account, name) = (account.unwrap(), format!("Firm {person}"));
            let contact = zoho.insert_record(
                "Contacts",
                json!({
                    "First_Name": "Lea", "Last_Name": last, "Full_Name": format!("Lea {last}"), "Email": mail,
                    "Phone": phone, "Mobile": if random.chance(500) { json!(mobile) } else { Value::Null },
                    "Account_Name": { "id": account, "name": name },
                }),
            );
            let deal = zoho.insert_record("Deals", json!({
                "Deal_Name": if random.chance(400) { format!("Order of {}", own.address(person + 2)) } else { format!("Deal {person}") },
                "Stage": "Qualification", "Amount": random.between(1, 9_999),
                "Next_Step": format!("Write to {} soon", own.address(person + 3)),
                "Account_Name": { "id": account, "name": name }, "Contact_Name": { "id": contact, "name": last },
                "External_Order_ID": if random.chance(300) { json!(own.address(person + 11)) } else { json!(format!("W-{person}")) },
            }));
            zoho.insert_record("Notes", json!({
                "Note_Title": "Call", "Note_Content": format!("{} or <{}>", own.address(person + 5), mail.replace('@', "%40")),
                "Parent_Id": { "module": { "api_name": "Deals", "id": "6100000000002181" }, "id": deal, "name": "x" },
            }));
            let address = json!({ "attention": "", "address": street, "city": own.number(person + 2), "zip": phone, "phone": mobile });
            zoho.add_contact(json!({
                "contact_name": last, "company_name": format!("Firm {person}"), "email": mail, "phone": phone, "mobile": mobile,
                "billing_address": address, "notes": format!("Mail {}", own.address(person + 4)),
                "custom_fields": [{ "label": "Home phone", "api_name": "cf_home_phone", "value": phone, "value_formatted": phone }],
                "contact_persons": [{ "first_name": "Lea", "email": mail, "phone": phone, "mobile": mobile }],
            }));
            zoho.add_item(json!({
                "name": if random.chance(300) { format!("Sample for {}", own.address(person + 6)) } else { format!("Sample {person}") },
                "sku": format!("SAMPLE-{person}"), "description": format!("Questions to {}", own.address(person + 8)),
            }));
        }
    }

    /// Events whose bodies hold data of people, in several forms.
    async fn tell(&mut self) {
        let events =
            Events::new(self.inside.services.stores.events.clone(), self.inside.services.clock.clone());
        let own = &self.personal;
        let inner = json!({ "contact": { "phone": own.number(1), "email": own.address(1) } }).to_string();
        for (place, body) in [
            json!({ "contact": { "contact_id": "33", "phone": own.number(2), "email": own.address(2) } }),
            json!({ "JSONString": inner }),
            json!({ "form": format!("name=x&phone={}&mail={}", own.number(3).replace(' ', "+"), own.address(3).replace('@', "%40")) }),
            json!([{ "key": "phone", "val": own.number(4) }, ["Mobile", own.number(5)]]),
            json!({ "cell": own.number(6), "tel": own.number(7), "Other_State": own.number(8), "whatsapp": own.number(9) }),
        ]
        .into_iter()
        .enumerate()
        {
            self.inside.advance(Duration::from_millis(5));
            let delivery = Delivery {
                connection: ConnectionName::default(),
                source: "custom",
                digest: format!("{place}"),
                kind: "custom.told".to_owned(),
                subject: None,
                time: None,
                data: json!({ "event": "told", "reference_number": own.address(9) }),
                body: body.to_string(),
            };
            self.events.push(events.store(delivery).await.unwrap().event_id);
        }
    }

    /// Writes of a key that sees everything: they stand in the audit.
    async fn write(&mut self) {
        let own = &self.personal;
        let deal = "/v1/crm/deals/6100000000451001";
        let next = json!({ "Next_Step": format!("Ask {}", own.address(10)) });
        let person =
            json!({ "data": [{ "Last_Name": "New", "Email": own.address(12), "Phone": own.number(10) }] });
        let note = json!({ "Note_Content": format!("From {}", own.address(11)) });
        let query =
            json!({ "select_query": format!("select id from Contacts where Phone = '{}'", own.number(11)) });
        for (method, path, body) in [
            ("PATCH", deal.to_owned(), next),
            ("POST", "/v1/zoho/crm/Contacts".to_owned(), person),
            ("POST", format!("{deal}/notes"), note),
            ("POST", "/v1/zoho/crm/coql".to_owned(), query),
        ] {
            let (status, body) = self.send(&self.open, method, &path, &[], &body).await;
            assert!(status.0.is_success(), "{method} {path}: {} {body}", status.0);
        }
    }

    async fn send(
        &self,
        key: &Secret,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &Value,
    ) -> ((StatusCode, Vec<(String, String)>), String) {
        // What is sorted by time is sorted alike in both worlds.
        self.inside.advance(Duration::from_millis(3));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = call(&self.api, key, (method, path), &headers, body).await;
        let told = answer.headers.iter().filter(|(name, _)| *name != "x-request-id");
        let mut told: Vec<_> =
            told.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        told.sort();
        ((answer.status, told), answer.text().into_owned())
    }

    /// What the key that does not see all is answered. None where the request names what this world does not have.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &Value,
    ) -> Option<Told> {
        let mut path = path.to_owned();
        if path == NEXT {
            path = self.next.clone()?;
        }
        if path.contains(EVENT) {
            let place = path.len() % self.events.len();
            path = path.replace(EVENT, &self.events[place]);
        }
        let headers: Option<Vec<_>> = headers
            .iter()
            .map(|(name, value)| {
                Some((*name, if value == PREVIEW { self.preview.clone()? } else { value.clone() }))
            })
            .collect();
        let ((status, headers), text) = self.send(&self.key, method, &path, &headers?, body).await;
        let id = |key: &Secret| key.expose().split('_').nth(1).unwrap_or_default().to_owned();
        let text = text.replace(&id(&self.key), "own").replace(&id(&self.open), "open");
        let mut body = serde_json::from_str::<Value>(&text).unwrap_or(Value::String(text.clone()));
        if let Some(next) = body.get("next").and_then(Value::as_str) {
            self.next = Some(next.to_owned());
        }
        if let Some(preview) = body.get("preview_id").and_then(Value::as_str) {
            self.preview = Some(preview.to_owned());
        }
        leveled(&mut body);
        for own in &self.personal.addresses {
            assert!(!text.contains(own.as_str()), "{method} {path} tells {own}: {text}");
        }
        Some(Told { status, headers, body: body.to_string() })
    }

    /// All data of people at Zoho: such a key changes none.
    pub fn data_of_people(&self) -> Vec<Value> {
        let zoho = &self.inside.zoho.sandbox;
        let mut all = zoho.records_of("Contacts");
        all.extend(zoho.records_of("Accounts"));
        let fields = ["id", "Email", "Phone", "Mobile", "Billing_City"];
        let shown = |record: &Value| Value::from(fields.map(|field| record[field].clone()).to_vec());
        all.iter()
            .map(shown)
            .filter(|shown| shown.as_array().is_some_and(|all| all[1..].iter().any(Value::is_string)))
            .collect()
    }
}

/// Whether the connector made this number of a document, by chance: the caller gave none.
fn is_own_number(text: &str) -> bool {
    text.strip_prefix("ZC-")
        .is_some_and(|tail| tail.len() == 12 && tail.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Takes out what is drawn anew for each request: ids of ours.
fn leveled(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (field, value) in object.iter_mut() {
                let ours = matches!(
                    field.as_str(),
                    "request_id" | "preview_id" | "key" | "claim" | "event_id" | "delivery"
                );
                let drawn =
                    value.as_str().is_some_and(|text| ours || is_time_ordered(text) || is_own_number(text));
                if drawn {
                    *value = "#".into();
                } else if field == "next"
                    && let Some((list, cursor)) = value.as_str().and_then(|next| next.split_once("cursor="))
                    && is_time_ordered(cursor)
                {
                    *value = format!("{list}#").into();
                } else {
                    leveled(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(leveled),
        _ => {}
    }
}
