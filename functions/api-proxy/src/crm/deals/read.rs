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
use crate::crm::pagination::{self, PageRequest};
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{Field, Holds, Shape, described, list_of, named, record, text};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{List, OneParams, Params, crm_fields, invalid, next, per_page, pick, record_id};
use crate::zoho::Target;

pub(super) const PATH: &str = "/v1/crm/deals";
pub(super) const ONE: &str = "/v1/crm/deals/{id}";

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, PATH, list, || {
        Operation::read(Product::Crm, "listDeals", "Deals, by page")
            .about(
                "In the order of their ids. What is there throughout comes once, whatever else comes and goes meanwhile. `stage` \
                 and `search` need the scope ZohoCRM.coql.READ.",
            )
            .query("stage", "Only those of this stage, to the letter.", text(), "Qualification")
            .query("search", "Only those with this in their name.", text(), Value::Null)
            .fails(&[Code::ValueNotAllowed])
            .fields("Deal_Name,Stage,Amount")
            .pages()
            .answers(200, "A page.", list_of(documented()))
    });
    to.on(Verb::Get, ONE, one, || {
        Operation::read(Product::Crm, "getDeal", "One deal")
            .id("id", EXAMPLE)
            .fields("Deal_Name,Stage,Amount")
            .answers(200, "The deal.", documented())
    });
}

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
    let conditions: Vec<String> = [
        stage.map(|stage| coql::equals("Stage", stage)),
        search.map(|part| coql::contains("Deal_Name", part)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let fields = params.fields.as_deref().map(crm_fields).transpose()?;
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Read).await?;
    let target = target(&caller, &connection);
    let page = pagination::page(
        &app.zoho,
        &target,
        &PageRequest {
            module: "Deals",
            fields: fields.as_deref().unwrap_or(DEAL_FIELDS),
            conditions: &conditions,
            rows,
            cursor: params.cursor.as_deref(),
        },
    )
    .await?;
    // An empty list of a stage that there is not would be a wrong answer.
    if let (Some(stage), None, true) = (stage, &params.cursor, page.rows.is_empty()) {
        let stage = Object::from_iter([("Stage".to_owned(), stage.into())]);
        app.fields.check_picklists(&target, &stage).await?;
    }
    // `%` in what is searched for is a wildcard to CRM.
    let fits = |deal: &Object| {
        let part = search.map(str::to_lowercase);
        part.is_none_or(|part| {
            text_of(deal, "Deal_Name").is_none_or(|name| name.to_lowercase().contains(&part))
        })
    };
    let rows = rows.to_string();
    let next = page.cursor.map(|cursor| {
        let params = [
            ("per_page", Some(rows.as_str())),
            ("fields", fields.as_deref()),
            ("stage", stage),
            ("search", search),
            ("cursor", Some(&cursor)),
        ];
        next(PATH, &params)
    });
    Ok(Json(List { data: page.rows.into_iter().filter(fits).map(crm::record).collect(), next }))
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
    let answer = app
        .zoho
        .read(
            &target(&caller, &connection),
            |place| crm::record_url(place.api, "Deals", id),
            response::crm_record,
        )
        .await?;
    let deal = crm::rows(answer)?.into_iter().next();
    let deal = deal.ok_or_else(|| Problem::new(Code::RecordNotFound, format!("There is no deal {id}.")))?;
    let mut deal = crm::record(deal);
    // A lookup that is asked for comes with its id, as in a list.
    let fields = fields.map(|fields| {
        fields
            .split(',')
            .flat_map(|field| [field.to_owned(), format!("{field}_id")])
            .collect::<Vec<_>>()
            .join(",")
    });
    pick(&mut deal, fields.as_deref(), &["id", "untrusted"]);
    Ok(Json(deal))
}

pub(super) fn target<'a>(caller: &'a Caller, connection: &'a ConnectionName) -> Target<'a> {
    Target::new(caller, connection, Product::Crm, crm::scope::DEALS)
}
