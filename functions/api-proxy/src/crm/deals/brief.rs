//! `GET /v1/crm/deals/{id}/brief`: all that one should know before talking about a deal, in one answer and four calls.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use shared::base::id::is_zoho_id;
use shared::base::problem::{Code, Problem, ZohoSaid};
use shared::base::web::Segments;
use shared::zoho::crm::coql;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{self, Object, text, timestamp};
use shared::zoho::{crm, response};
use tokio::join;

use crate::app::App;
use crate::crm::contacts_and_accounts::modules::{ACCOUNTS, CONTACTS};
use crate::crm::deals::fetch;
use crate::crm::deals::read;
use crate::crm::notes::{plan, routes};
use crate::crm::own_query::{self, Answered, OwnQuery};
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{described, exact, named, text as text_shape, untrusted, words};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{NoParams, Params, record_id};
use crate::zoho::field_cache::FieldCache;
use crate::zoho::{Target, Zoho};

/// How many of the last notes, and how many people, are told of.
const MAX_NOTES: usize = 10;
const MAX_PEOPLE: usize = 20;

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, "/v1/crm/deals/{id}/brief", brief, || {
        let missing = exact(
            4,
            &[
                ("part", words(&["account", "contacts", "notes"])),
                ("code", text_shape()),
                ("detail", text_shape()),
                ("hint", text_shape()),
                ("zoho", described(json!({ "type": "object" }), "Zoho's own words, as in a problem.")),
                ("untrusted", untrusted()),
            ],
        );
        let (deal, account, contact, note) =
            (read::documented(), ACCOUNTS.shape(), CONTACTS.shape(), routes::documented());
        let list =
            |schema: &Value, about: &str| described(json!({ "type": "array", "items": schema }), about);
        let schema = exact(
            5,
            &[
                ("deal", deal.schema.clone()),
                ("account", json!({ "anyOf": [account.schema, { "type": "null" }] })),
                (
                    "contacts",
                    list(&contact.schema, "The deal's own contact first, then others of the account."),
                ),
                ("notes", list(&note.schema, "The last ones, newest first.")),
                (
                    "missing",
                    list(&missing, "The parts that could not be read, and why: they may hold something."),
                ),
                ("notice", described(text_shape(), read::LEFT_OUT)),
            ],
        );
        let brief = named("Brief", schema).with([deal, account, contact, note]);
        Operation::read(Product::Crm, "briefDeal", "All that one should know before talking about a deal")
            .scopes(&[crm::scope::DEALS])
            .about("The deal with its account, its people and its last notes, by at most four calls to Zoho.")
            .id("id", read::EXAMPLE)
            .answers(200, "The brief.", brief)
    });
}

#[derive(Serialize)]
struct Brief {
    deal: Object,
    account: Option<Object>,
    /// The deal's own contact first, then others of the account.
    contacts: Vec<Object>,
    /// Newest first.
    notes: Vec<Object>,
    /// The parts that could not be read, and why.
    missing: Vec<Missing>,
    /// What CRM hides of the people.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
}

/// A part that is not there, which does not mean that there is nothing.
#[derive(Serialize)]
struct Missing {
    part: &'static str,
    code: &'static str,
    detail: String,
    hint: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    zoho: Option<ZohoSaid>,
    /// Zoho's words can quote a record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    untrusted: Vec<&'static str>,
}

async fn brief(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<Json<Brief>, Problem> {
    let id = record_id(&id)?;
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Read).await?;
    let of = |scope| Target::new(&caller, &connection, Product::Crm, scope);
    let target = of(crm::scope::DEALS);
    let (deal, last_notes) =
        join!(fetch::one(&app.zoho, &target, id), last_notes(&app.zoho, of(crm::scope::NOTES), id));
    let deal = deal?.ok_or_else(|| Problem::new(Code::RecordNotFound, format!("There is no deal {id}.")))?;

    let lookup = |field: &str| {
        let lookup = deal.get(field).and_then(|found| found.as_object());
        lookup.and_then(|lookup| value::id(lookup, "id")).filter(|id| is_zoho_id(id))
    };
    let (account, contact) = (lookup("Account_Name"), lookup("Contact_Name"));
    let (found, contacts) = join!(
        one_of(&app.zoho, of(ACCOUNTS.scope), ACCOUNTS.name, account.as_deref()),
        people_of(&app.zoho, &app.fields, of(CONTACTS.scope), account.as_deref(), contact.as_deref()),
    );

    let mut missing = Missed { parts: Vec::new(), is_redacted: caller.key.redact_contacts };
    let notes = missing.or_part("notes", last_notes);
    let account = missing.or_part("account", found);
    let (contacts, hidden) = missing.or_part("contacts", contacts);
    let (missing, notice) = (missing.parts, own_query::notice(&hidden));
    Ok(Json(Brief { deal: crm::record(deal), account, contacts, notes, missing, notice }))
}

/// What is missing so far.
struct Missed {
    parts: Vec<Missing>,
    /// Zoho's words can name people.
    is_redacted: bool,
}

impl Missed {
    /// The part, or a word on why it is not there.
    fn or_part<T: Default>(&mut self, part: &'static str, read: Result<T, Problem>) -> T {
        read.unwrap_or_else(|mut problem| {
            if self.is_redacted {
                problem.hide_words_of_zoho();
            }
            let (code, detail) = (problem.code().as_str(), problem.detail().to_owned());
            let (hint, zoho) = (problem.own_hint(), problem.said().cloned());
            let untrusted = if zoho.is_some() { vec!["detail", "zoho"] } else { Vec::new() };
            self.parts.push(Missing { part, code, detail, hint, zoho, untrusted });
            T::default()
        })
    }
}

async fn last_notes(zoho: &Zoho, target: Target<'_>, deal: &str) -> Result<Vec<Object>, Problem> {
    let mut notes = plan::newest(zoho, &target, deal).await?;
    // CRM's order is the user's choice.
    notes.sort_by_key(|note| std::cmp::Reverse(text(note, "Created_Time").and_then(timestamp)));
    notes.truncate(MAX_NOTES);
    Ok(notes.into_iter().map(crm::record).collect())
}

async fn one_of(
    zoho: &Zoho,
    target: Target<'_>,
    module: &str,
    id: Option<&str>,
) -> Result<Option<Object>, Problem> {
    let Some(id) = id else { return Ok(None) };
    let answer = zoho
        .read(&target, |endpoint| crm::record_url(endpoint.api, module, id), response::crm_record)
        .await?;
    Ok(crm::rows(answer)?.into_iter().next().map(crm::record))
}

/// The deal's own contact and others of the account, in one query; without the scope of queries, the contact alone.
async fn people_of(
    zoho: &Zoho,
    fields: &FieldCache,
    target: Target<'_>,
    account: Option<&str>,
    contact: Option<&str>,
) -> Result<(Vec<Object>, Vec<String>), Problem> {
    zoho.demand_scope(&target).await?;
    let queries = target.with_scope(coql::SCOPE);
    let account = match account {
        Some(account) if zoho.demand_scope(&queries).await.is_ok() => account,
        _ => {
            let contact = one_of(zoho, target, CONTACTS.name, contact).await?;
            return Ok((contact.into_iter().collect(), Vec::new()));
        }
    };
    // More than are told of: the deal's own contact need not be among those that were changed last.
    let text = |columns: &str| coql::people_of(columns, account, contact, 200);
    let query = OwnQuery { module: CONTACTS.name, columns: CONTACTS.fields, text: &text };
    let asked = query.ask(zoho, Some(fields), &target).await?;
    let Answered { answer, hidden } = asked.map_err(own_query::refused)?;
    fields.hide_columns(&target, CONTACTS.name, &hidden);
    let mut people = crm::rows(answer)?;
    if let Some(index) = people.iter().position(|person| value::id(person, "id").as_deref() == contact) {
        let own = people.remove(index);
        people.insert(0, own);
    }
    people.truncate(MAX_PEOPLE);
    let mut people: Vec<Object> = people.into_iter().map(crm::record).collect();
    if contact.is_some() && people.first().and_then(|person| value::id(person, "id")).as_deref() != contact {
        people.splice(0..0, one_of(zoho, target, CONTACTS.name, contact).await?);
    }
    Ok((people, hidden))
}
