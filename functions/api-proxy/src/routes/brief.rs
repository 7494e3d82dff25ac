//! `GET /v1/crm/deals/{id}/brief`: all that one should know before talking about a deal, in one answer and four calls.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::base::id::is_zoho_id;
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{self, Object, text, timestamp};
use shared::zoho::{answer, coql, crm};
use tokio::join;

use crate::App;
use crate::caller::Caller;
use crate::params::{NoParams, Params, record_id};
use crate::routes::people::{ACCOUNTS, CONTACTS};
use crate::writes::deal;
use crate::zoho_call::{Question, Target};

/// How many of the last notes, and how many people, are told of.
const NOTES: usize = 10;
const PEOPLE: u32 = 20;

#[derive(Serialize)]
pub(crate) struct Brief {
    deal: Object,
    account: Option<Object>,
    /// The deal's own contact first, then others of the account.
    contacts: Vec<Object>,
    /// Newest first.
    notes: Vec<Object>,
    /// The parts that could not be read, and why.
    missing: Vec<Missing>,
}

/// A part that is not there, which does not mean that there is nothing.
#[derive(Serialize)]
struct Missing {
    part: &'static str,
    code: &'static str,
    detail: String,
    hint: &'static str,
}

pub(crate) async fn brief(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<Json<Brief>, Problem> {
    let id = record_id(&id)?;
    let connection = app.choose(&caller, Product::Crm, Access::Read).await?;
    let of = |scope| Target::new(&caller, &connection, Product::Crm, scope);
    let deals = of(crm::scope::DEALS);
    let (deal, notes) = join!(deal::one(&app, &deals, id), app.last_notes(of(crm::scope::NOTES), id));
    let deal = deal?.ok_or_else(|| Problem::new(Code::RecordNotFound, format!("There is no deal {id}.")))?;

    let lookup = |field: &str| {
        let lookup = deal.get(field).and_then(|found| found.as_object());
        lookup.and_then(|lookup| value::id(lookup, "id")).filter(|id| is_zoho_id(id))
    };
    let (account, contact) = (lookup("Account_Name"), lookup("Contact_Name"));
    let (found, contacts) = join!(
        app.one_of(of(ACCOUNTS.scope), ACCOUNTS.name, account.as_deref()),
        app.people_of(of(CONTACTS.scope), account.as_deref(), contact.as_deref()),
    );

    let mut missing = Vec::new();
    let notes = part(&mut missing, "notes", notes);
    let account = part(&mut missing, "account", found);
    let contacts = part(&mut missing, "contacts", contacts);
    Ok(Json(Brief { deal: crm::record(deal), account, contacts, notes, missing }))
}

/// The part, or a word on why it is not there.
fn part<T: Default>(missing: &mut Vec<Missing>, part: &'static str, read: Result<T, Problem>) -> T {
    read.unwrap_or_else(|problem| {
        let code = problem.code();
        let detail = problem.detail().to_owned();
        missing.push(Missing { part, code: code.as_str(), detail, hint: code.hint() });
        T::default()
    })
}

impl App {
    async fn last_notes(&self, target: Target<'_>, deal: &str) -> Result<Vec<Object>, Problem> {
        let answer = self.read(&target, |place| crm::newest_notes_url(place.api, deal), answer::crm).await?;
        let mut notes = crm::rows(answer);
        // CRM's order is the user's choice.
        notes.sort_by_key(|note| std::cmp::Reverse(text(note, "Created_Time").and_then(timestamp)));
        notes.truncate(NOTES);
        Ok(notes.into_iter().map(crm::record).collect())
    }

    async fn one_of(
        &self,
        target: Target<'_>,
        module: &str,
        id: Option<&str>,
    ) -> Result<Option<Object>, Problem> {
        let Some(id) = id else { return Ok(None) };
        let answer =
            self.read(&target, |place| crm::record_url(place.api, module, id), answer::crm_record).await?;
        Ok(crm::rows(answer).into_iter().next().map(crm::record))
    }

    /// The deal's own contact and others of the account, in one query; without the scope of queries, the contact alone.
    async fn people_of(
        &self,
        target: Target<'_>,
        account: Option<&str>,
        contact: Option<&str>,
    ) -> Result<Vec<Object>, Problem> {
        self.demand_scope(&target).await?;
        let queries = target.with(coql::SCOPE);
        let account = match account {
            Some(account) if self.demand_scope(&queries).await.is_ok() => account,
            _ => return Ok(self.one_of(target, CONTACTS.name, contact).await?.into_iter().collect()),
        };
        let query = coql::people_of(CONTACTS.fields, account, contact, PEOPLE);
        let ask = |place: &crate::zoho_call::Place<'_>| Question {
            url: coql::url(place.api),
            body: Some(coql::body(&query)),
        };
        let mut people = crm::rows(self.read(&queries, ask, answer::crm).await?);
        people.sort_by_key(|person| value::id(person, "id").as_deref() != contact);
        Ok(people.into_iter().map(crm::record).collect())
    }
}
