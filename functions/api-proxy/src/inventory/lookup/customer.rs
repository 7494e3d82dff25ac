//! Finds a customer by id or exact name.

use shared::base::exactly_one::{Found, exactly_one};
use shared::base::problem::{Code, Problem};
use shared::zoho::inventory;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::response::{self, records};
use shared::zoho::value::{Object, id, query_of, text};

use super::candidates::candidates;
use crate::zoho::{Target, Zoho, unreadable};

/// How many pages of customers are looked through for a name.
const MAX_PAGES: u32 = 10;

/// A customer, as an order names one.
pub(crate) struct Customer {
    pub(crate) id: String,
    /// The name as people wrote it. `None` if it was not looked up.
    pub(crate) name: Option<String>,
    pub(crate) currency_code: Option<String>,
}

impl Customer {
    fn of(id: String, contact: &Object) -> Self {
        let text = |field| text(contact, field).map(str::to_owned);
        Self { id, name: text("contact_name"), currency_code: text("currency_code") }
    }
}

/// The customer of this id, with its name where the connection may read it.
pub(crate) async fn customer_by_id(zoho: &Zoho, target: &Target<'_>, id: &str) -> Result<Customer, Problem> {
    let read = zoho.read(
        target,
        |endpoint| RecordKind::CONTACT.record_url(endpoint.api, endpoint.organization, id),
        response::inventory,
    );
    match read.await {
        Ok(mut answer) => {
            let contact = RecordKind::CONTACT.take_record(&mut answer).unwrap_or_default();
            Ok(Customer::of(id.to_owned(), &contact))
        }
        Err(problem) if problem.code() == Code::RecordNotFound => {
            Err(Problem::new(Code::CustomerNotFound, format!("There is no customer with the id {id}.")))
        }
        // A connection that may not read contacts can write orders, so the id is taken as it is.
        Err(problem) if matches!(problem.code(), Code::ScopeMissing | Code::ZohoForbidden) => {
            Ok(Customer { id: id.to_owned(), name: None, currency_code: None })
        }
        Err(problem) => Err(problem),
    }
}

/// The one active customer with exactly this name.
pub(crate) async fn customer_by_name(
    zoho: &Zoho,
    target: &Target<'_>,
    name: &str,
) -> Result<Customer, Problem> {
    let is_it = |row: &Object| {
        text(row, "contact_name") == Some(name)
            && text(row, "contact_type") != Some("vendor")
            && text(row, "status") != Some("inactive")
    };
    let mut found: Vec<Object> = Vec::new();
    for page in 1.. {
        let mut answer = zoho
            .read(
                target,
                |endpoint| {
                    let mut url = query_of(RecordKind::CONTACT.list_url(endpoint.api));
                    url.append_pair("organization_id", endpoint.organization)
                        .append_pair("contact_name", name)
                        .append_pair("page", &page.to_string())
                        .append_pair("per_page", &inventory::MAX_ROWS.to_string());
                    url.finish()
                },
                response::inventory,
            )
            .await?;
        let rows = records(&mut answer, "contacts")?;
        let more = inventory::may_go_on(&answer, page, rows.len(), inventory::MAX_ROWS);
        for row in rows.into_iter().filter(is_it) {
            if !found.iter().any(|known| id(known, "contact_id") == id(&row, "contact_id")) {
                found.push(row);
            }
        }
        if !more {
            break;
        }
        if page == MAX_PAGES {
            return Err(Problem::new(
                Code::CustomerAmbiguous,
                "Zoho did not filter by name, and there are too many customers to look through them all.",
            ));
        }
    }
    match exactly_one(found) {
        Found::One(only) => {
            let id = id(&only, "contact_id").ok_or_else(|| unreadable("contact_id"))?;
            Ok(Customer::of(id, &only))
        }
        Found::Several(contacts) => Err(Problem::new(
            Code::CustomerAmbiguous,
            format!(
                "Customers of this name: {}.",
                candidates(&contacts, "contact_id", &["company_name", "currency_code"])
            ),
        )),
        Found::None => Err(Problem::new(Code::CustomerNotFound, "No customer has exactly this name.")),
    }
}
