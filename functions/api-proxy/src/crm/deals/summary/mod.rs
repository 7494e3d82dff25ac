//! `GET /v1/crm/deals/summary`: how many deals there are and what they are worth, by their stage or by another field. What is
//! open is what CRM says of the stages, whatever they are called. It takes one query, and the fields where they are not known.

mod fields;
mod groups;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::base::problem::Problem;
use shared::zoho::crm::field::Field;
use shared::zoho::crm::{self, coql};
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::Object;

use super::read::target;
use crate::app::App;
use crate::crm::own_query::{self, Answered, OwnQuery};
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{count, described, exact, named, text as any_text, untrusted};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{Params, invalid};
use crate::zoho::{Target, unreadable};
use fields::{AMOUNT, CURRENCY, STAGE, demand_kinds, demand_shown, field, field_name};
use groups::{groups_of, totals_of};

const PATH: &str = "/v1/crm/deals/summary";

/// The most groups: of stages, as many as one of CRM's credits buys.
const MAX_STAGES: u32 = 200;

/// The names in a row that are ours.
const OURS: &[&str] = &["count", "sum", "open", "untrusted"];

const UNTOLD: &str = "CRM does not say of every stage whether deals are open there: where it does not, `open` is null, and \
                      such rows come with any `open=`.";
const MIXED: &str =
    "CRM told no fields of deals to the user who connected: sums may hold several currencies.";

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, PATH, summary, || {
        let sum = json!({ "type": ["number", "null"], "description": "What they add up to; null where none has an amount." });
        let open = json!({ "type": ["boolean", "null"], "description": "Whether they are open, as CRM says of their stages." });
        let own = |required: &[&str], more: &[(&str, Value)]| {
            let mut properties = json!({
                "Currency": described(json!({ "type": ["string", "null"] }), "Of `sum`; only where CRM has several."),
                "count": described(count(), "How many deals."),
                "sum": sum,
                "open": open,
            });
            for (name, schema) in more {
                if let Some(properties) = properties.as_object_mut() {
                    properties.insert((*name).to_owned(), schema.clone());
                }
            }
            json!({ "type": "object", "required": required, "properties": properties })
        };
        let row = own(&["count", "sum", "open", "untrusted"], &[("untrusted", untrusted())]);
        let row = described(row, "A group. Beside these it has the field of `by`, of a lookup its id too.");
        let rows = exact(
            3,
            &[
                ("data", json!({ "type": "array", "items": row })),
                ("next", json!({ "type": "null", "description": "All of it comes at once." })),
                (
                    "totals",
                    json!({ "type": "array", "items": own(&["count", "sum", "open"], &[]), "description": "Of all that is in `data`." }),
                ),
                ("notice", described(any_text(), "What CRM does not tell.")),
            ],
        );
        let name = || json!({ "type": "string", "pattern": "^[A-Za-z0-9_]+$" });
        Operation::read(Product::Crm, "sumDeals", "Counts and sums of deals, by stage or another field")
            .scopes(&[crm::scope::DEALS, coql::SCOPE])
            .about(
                "`open=true` sums the open pipeline. Which stages are open is what CRM says of them, for which the scope \
                 ZohoCRM.settings.fields.READ is needed; no name is guessed at. Stages come in the order of the pipeline.",
            )
            .query("by", "The API name of the field by which deals are grouped: `Stage` unless another is named, like `Owner`, `Type`, `Account_Name`.", name(), STAGE)
            .query("sum", "The API name of the field that is added up: `Amount` unless another is named.", name(), AMOUNT)
            .query("open", "Only deals that are open, or with `false` only those that are not.", json!({ "type": "boolean" }), true)
            .answers(200, "The sums.", named("DealSummary", rows))
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SummaryParams {
    by: Option<String>,
    sum: Option<String>,
    open: Option<bool>,
}

#[derive(Serialize)]
struct Summary {
    data: Vec<Object>,
    /// All of it comes at once.
    next: Option<String>,
    totals: Vec<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
}

async fn summary(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<SummaryParams>,
) -> Result<Json<Summary>, Problem> {
    let by = field_name("by", params.by.as_deref().unwrap_or(STAGE))?;
    let sum = field_name("sum", params.sum.as_deref().unwrap_or(AMOUNT))?;
    if OURS.contains(&by) {
        return Err(invalid(format!("`by` cannot be `{by}`: a row has something else under this name.")));
    }
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Read).await?;
    let target = target(&caller, &connection);
    app.zoho.demand_scope(&target).await?;
    let known = usable_fields(&app, &target, by, sum, caller.key.redact_contacts).await?;
    let known = known.as_deref();

    let mut grouped = vec![by];
    grouped.extend([STAGE].into_iter().filter(|stage| *stage != by));
    grouped.extend([CURRENCY].into_iter().filter(|name| *name != by && field(known, name).is_some()));
    let most = if by == STAGE { MAX_STAGES } else { coql::MAX_ROWS };
    let asked = [grouped.as_slice(), &[sum]].concat().join(",");
    let text = |columns: &str| {
        let has = |name: &str| columns.split(',').any(|column| column == name);
        let by: Vec<&str> = grouped.iter().copied().filter(|name| has(name)).collect();
        coql::sums("Deals", &by, Some(sum).filter(|sum| has(sum)), most)
    };
    let query = OwnQuery { module: "Deals", columns: &asked, text: &text };
    let answered = query.ask(&app.zoho, Some(&app.fields), &target).await?;
    let Answered { answer, hidden } = answered.map_err(own_query::refused)?;
    app.fields.hide_columns(&target, "Deals", &hidden);
    if hidden.iter().any(|name| name == by) {
        return Err(invalid(format!(
            "CRM hides `{by}` from the user who connected, or has no such field: nothing can be grouped by it."
        )));
    }
    if answer.as_ref().is_some_and(crm::more_records) {
        return Err(invalid(format!(
            "`by={by}` makes more than {most} groups. Name a field with fewer values, or ask `POST /v1/crm/query`."
        )));
    }
    let stages = field(known, STAGE);
    let is_untold = known.is_none() && !grouped.contains(&CURRENCY);
    let groups = groups_of(crm::rows(answer)?, (by, sum), stages, params.open);
    let groups = groups.ok_or_else(|| unreadable("data"))?;
    let totals = totals_of(&groups);
    let notices = [
        own_query::notice(&hidden),
        groups.iter().any(|group| group.open.is_none()).then(|| UNTOLD.to_owned()),
        is_untold.then(|| MIXED.to_owned()),
    ];
    let notices: Vec<String> = notices.into_iter().flatten().collect();
    Ok(Json(Summary {
        data: groups.into_iter().map(|group| group.row(by)).collect(),
        next: None,
        totals: totals.into_iter().map(|total| total.row(by)).collect(),
        notice: Some(notices.join(" ")).filter(|notice| !notice.is_empty()),
    }))
}

/// What CRM tells of the fields of deals, where deals can be grouped by the one and the other can be added up.
async fn usable_fields(
    app: &App,
    target: &Target<'_>,
    by: &str,
    sum: &str,
    is_redacted: bool,
) -> Result<Option<Arc<[Field]>>, Problem> {
    let known = app.fields.where_told(target, "Deals").await?;
    if known.is_some() {
        let unknown = app.fields.unknown(target, "Deals", &[by, sum]).await;
        if !unknown.is_empty() {
            let ended = |text: &String| if text.ends_with('?') { text.clone() } else { format!("{text}.") };
            return Err(invalid(unknown.iter().map(ended).collect::<Vec<_>>().join(" ")));
        }
    }
    demand_kinds(known.as_deref(), by, sum)?;
    if is_redacted {
        demand_shown(known.as_deref(), by, sum)?;
    }
    Ok(known)
}
