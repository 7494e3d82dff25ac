//! Reading deals: `GET /v1/crm/deals` and `GET /v1/crm/deals/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::crm::coql;
use shared::zoho::crm::{self, DEAL_FIELDS};
use shared::zoho::response;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, text as text_of};

use crate::app::App;
use crate::crm::changed::Changed;
use crate::crm::own_query;
use crate::crm::pagination::{self, Page, PageRequest};
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{
    Field, Holds, Shape, described, list_of, named, record, text, time, with_notice,
};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{
    List, OneParams, Params, crm_fields, invalid, modified_since, next, per_page, pick, record_id,
};
use crate::request::redact;
use crate::zoho::Target;

pub(super) const PATH: &str = "/v1/crm/deals";
pub(super) const ONE: &str = "/v1/crm/deals/{id}";

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, PATH, list, || {
        Operation::read(Product::Crm, "listDeals", "Deals, by page")
            .scopes(&[crm::scope::DEALS])
            .about(
                "In the order of their ids. What is there throughout comes once, whatever else comes and goes meanwhile. `stage`, \
                 `search` and `modified_since` need the scope ZohoCRM.coql.READ.",
            )
            .query("stage", "Only those of this stage, to the letter.", text(), "Qualification")
            .query("search", "Only those with this in their name.", text(), Value::Null)
            .query("modified_since", "Only those that were changed since this moment.", time(), "2026-11-18T00:00:00Z")
            .fails(&[Code::ValueNotAllowed])
            .fields("Deal_Name,Stage,Amount")
            .pages()
            .answers(200, "A page.", with_notice(list_of(documented()), LEFT_OUT))
    });
    to.on(Verb::Get, ONE, one, || {
        Operation::read(Product::Crm, "getDeal", "One deal")
            .scopes(&[crm::scope::DEALS])
            .id("id", EXAMPLE)
            .fields("Deal_Name,Stage,Amount")
            .answers(200, "The deal.", documented())
    });
}

/// What a notice of a read says.
pub(crate) const LEFT_OUT: &str = "Which fields CRM hides from the user who connected: they are left out.";

/// In the stand-in Zoho.
pub(super) const EXAMPLE: &str = "6100000000451001";

const FIELDS: [Field; 16] = [
    ("id", Holds::Id, "Its id."),
    ("Deal_Name", Holds::Text, "Its name."),
    ("Stage", Holds::Text, "How far it is: one of the stages of this CRM."),
    ("Amount", Holds::Number, "What it is worth."),
    ("Probability", Holds::Number, "How likely it is, in percent."),
    ("Closing_Date", Holds::Date, "When it should be won."),
    ("Account_Name", Holds::Text, "The account that it is with."),
    ("Account_Name_id", Holds::OtherId, "Its id."),
    ("Contact_Name", Holds::Text, "The person that it is with."),
    ("Contact_Name_id", Holds::OtherId, "Their id."),
    ("Owner", Holds::Text, "Who of us looks after it."),
    ("Owner_id", Holds::OtherId, "Their id."),
    ("Next_Step", Holds::Text, "What comes next."),
    ("Description", Holds::Text, "What people say of it."),
    ("Created_Time", Holds::Time, "When it was made."),
    ("Modified_Time", Holds::Time, "When it was changed."),
];

pub(super) fn documented() -> Shape {
    let deal = record(&FIELDS, &[]);
    named("Deal", described(deal, "A deal of Zoho CRM, with all other fields that Zoho gives."))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParams {
    /// A stage, to the letter.
    stage: Option<String>,
    /// A part of the name.
    search: Option<String>,
    /// Only what was changed since then.
    modified_since: Option<String>,
    fields: Option<String>,
    per_page: Option<u32>,
    cursor: Option<String>,
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<List<Object>>, Problem> {
    let rows = per_page(params.per_page)?;
    let (stage, search) = (params.stage.as_deref(), params.search.as_deref());
    for (name, value) in [("stage", stage), ("search", search)] {
        if value.is_some_and(|value| value.trim().is_empty() || !coql::is_plain(value)) {
            return Err(invalid(format!("`{name}` must be a text without line breaks and backslashes.")));
        }
    }
    let fields = params.fields.as_deref().map(crm_fields).transpose()?;
    let since = modified_since(params.modified_since.as_deref())?;
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Read).await?;
    let target = target(&caller, &connection);
    let is_redacted = caller.key.redact_contacts;
    let mut asked = fields.as_deref().unwrap_or(DEAL_FIELDS).to_owned();
    if is_redacted && search.is_some() && !asked.split(',').any(|name| name == "Deal_Name") {
        asked.push_str(",Deal_Name");
    }
    let changed = Changed::since(since, &mut asked);
    let deals = Deals { app: &app, target: &target, search, changed, is_redacted, asked, rows };
    let page = deals.page_that_fits(stage, params.cursor.as_deref()).await?;
    let (rows, modified_since) = (rows.to_string(), params.modified_since.as_deref());
    Ok(Json(page.list(|cursor| {
        let params = [
            ("per_page", Some(rows.as_str())),
            ("fields", fields.as_deref()),
            ("stage", stage),
            ("search", search),
            ("modified_since", modified_since),
            ("cursor", Some(cursor)),
        ];
        next(PATH, &params)
    })))
}

/// The deals that a call asks for.
struct Deals<'a> {
    app: &'a App,
    target: &'a Target<'a>,
    search: Option<&'a str>,
    changed: Changed,
    is_redacted: bool,
    /// The fields that CRM is asked for.
    asked: String,
    rows: u32,
}

impl Deals<'_> {
    /// A page as CRM finds it.
    async fn page(&self, stage: Option<&str>, cursor: Option<&str>) -> Result<Page, Problem> {
        let conditions = [
            stage.map(|stage| coql::equals("Stage", stage)),
            // `like` finds what such a key does not see of a name.
            self.search.filter(|_| !self.is_redacted).map(|part| coql::contains("Deal_Name", part)),
            self.changed.condition(),
        ];
        let request = PageRequest {
            module: "Deals",
            fields: &self.asked,
            ours: DEAL_FIELDS,
            conditions: &conditions.into_iter().flatten().collect::<Vec<_>>(),
            rows: self.rows,
            cursor,
        };
        pagination::page(self.app, self.target, &request).await
    }

    /// The page that was asked for, without what does not belong there; where names are looked into, the first from it on of which
    /// any deal is left.
    async fn page_that_fits(&self, stage: Option<&str>, cursor: Option<&str>) -> Result<Page, Problem> {
        let mut page = self.page(stage, cursor).await?;
        // An empty list of a stage that there is not would be a wrong answer, and so would one of a stage that CRM keeps under
        // another name.
        let other = match stage.filter(|_| page.rows.is_empty()) {
            Some(stage) => self.app.fields.other_word(self.target, "Stage", stage).await?,
            None => None,
        };
        if other.is_some() {
            page = self.page(other.as_deref(), cursor).await?;
        }
        // `%` in what is searched for is a wildcard to CRM.
        let part = self.search.map(str::to_lowercase);
        let fits = |deal: &Object| {
            part.as_ref().zip(text_of(deal, "Deal_Name")).is_none_or(|(part, name)| {
                if self.is_redacted { redact::shows(name, part) } else { name.to_lowercase().contains(part) }
            }) && self.changed.fits(deal)
        };
        page.rows.retain(fits);
        let mut pages = redact::pages(self.is_redacted && part.is_some());
        while page.rows.is_empty() && page.cursor.is_some() && pages.next().is_some() {
            let cursor = page.cursor;
            page = self.page(other.as_deref().or(stage), cursor.as_deref()).await?;
            page.rows.retain(fits);
        }
        self.changed.leave_out(&mut page.rows);
        Ok(page)
    }
}

async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<OneParams>,
) -> Result<Json<Object>, Problem> {
    let id = record_id(&id)?;
    let fields = params.fields.as_deref().map(crm_fields).transpose()?;
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Read).await?;
    let target = target(&caller, &connection);
    let unknown = || format!("There is no deal {id}.");
    read_one(&app, &target, ("Deals", DEAL_FIELDS), id, fields.as_deref(), &unknown).await
}

/// One record, with the fields that were asked for. `ours` are those that CRM is known to have.
pub(crate) async fn read_one(
    app: &App,
    target: &Target<'_>,
    (module, ours): (&str, &str),
    id: &str,
    fields: Option<&str>,
    unknown: &(dyn Fn() -> String + Sync),
) -> Result<Json<Object>, Problem> {
    let answer = app
        .zoho
        .read(target, |endpoint| crm::record_url(endpoint.api, module, id), response::crm_found)
        .await?;
    let record = crm::rows(answer)?.into_iter().next();
    let record = record.ok_or_else(|| Problem::new(Code::RecordNotFound, unknown()))?;
    let mut record = crm::record(record);
    let Some(fields) = fields else { return Ok(Json(record)) };
    let mut absent = pagination::absent(fields, std::slice::from_ref(&record));
    // A lookup that is empty has no id beside it.
    absent.retain(|name| !name.strip_suffix("_id").is_some_and(|lookup| record.contains_key(lookup)));
    let hidden = app.fields.hidden(target, module, absent, ours).await?;
    // A lookup that is asked for comes with its id, as in a list.
    let with_ids: Vec<String> =
        fields.split(',').flat_map(|field| [field.to_owned(), format!("{field}_id")]).collect();
    pick(&mut record, Some(&with_ids.join(",")), &["id", "untrusted"]);
    if let Some(notice) = own_query::notice(&hidden) {
        record.insert("notice".to_owned(), notice.into());
    }
    Ok(Json(record))
}

pub(super) fn target<'a>(caller: &'a Caller, connection: &'a ConnectionName) -> Target<'a> {
    Target::new(caller, connection, Product::Crm, crm::scope::DEALS)
}
