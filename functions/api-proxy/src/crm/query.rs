//! `POST /v1/crm/query`: a COQL query with bound values.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::base::problem::{Code, Problem};
use shared::zoho::crm;
use shared::zoho::crm::coql;
use shared::zoho::crm::coql::MAX_ROWS;
use shared::zoho::failure::Failure;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, untrusted as untrusted_of};

use crate::app::App;
use crate::crm::own_query;
use crate::openapi::body::body;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{described, exact, named, text, untrusted};
use crate::request::body;
use crate::request::body::Body;
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{NoParams, Params};
use crate::request::redact::columns;
use crate::zoho::{Question, Target};

/// The most rows of a query unless the caller names a number: as many as one of CRM's credits buys.
const ROWS: u32 = 200;

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Post, "/v1/crm/query", query, || {
        let row = json!({ "type": "object", "required": ["untrusted"], "properties": { "untrusted": untrusted() } });
        let rows = exact(
            2,
            &[
                ("data", json!({ "type": "array", "items": row })),
                ("next", json!({ "type": "null", "description": "There is no cursor into a query." })),
                ("notice", described(text(), "That there are more rows, and how to go on.")),
            ],
        );
        let asks = "select Deal_Name, Amount from Deals where Stage = :stage and Amount >= :least";
        Operation::read(Product::Crm, "query", "A question to CRM in its query language")
            .scopes(&[coql::SCOPE])
            .about("Reading only. A value is never pasted into the text: what people wrote cannot change the question.")
            .takes(
                body!("Query"),
                json!({ "query": asks, "params": { "stage": "Qualification", "least": 1000 } }),
            )
            .answers(200, "Rows.", named("QueryRows", rows))
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Query {
    /// COQL: `select … from … where …`. Values stand in `params`, and here as `:name`.
    #[cfg_attr(test, schemars(length(min = 1)))]
    query: String,
    /// Texts, numbers, true, false, and lists of these for `in`. A moment in RFC 3339 is written as CRM takes it.
    #[serde(default)]
    #[cfg_attr(
        test,
        schemars(extend("additionalProperties" = {"type": ["string", "number", "boolean", "array"]}))
    )]
    params: Object,
    /// The most rows that come: up to 200 cost one of CRM's credits, up to 1,000 two, and more three.
    #[cfg_attr(test, schemars(range(min = 1, max = MAX_ROWS), extend("default" = ROWS)))]
    max_rows: Option<u32>,
}

#[derive(Serialize)]
struct Rows {
    data: Vec<Object>,
    /// There is no cursor into a query.
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
}

async fn query(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(NoParams {}): Params<NoParams>,
    Body(body): Body,
) -> Result<Json<Rows>, Problem> {
    let refused = |detail: String| Problem::new(Code::BodyInvalid, detail);
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Read).await?;
    let Query { query, params, max_rows } = body::read(&body)?;
    let most = max_rows.unwrap_or(ROWS);
    if !(1..=MAX_ROWS).contains(&most) {
        return Err(refused(format!("`max_rows` is {most}, but must be 1 to {MAX_ROWS}.")));
    }
    let bound = coql::bind(&query, &params, most).map_err(|error| refused(format!("{error}.")))?;
    let ordered = if caller.key.redact_contacts { columns::ordered(&bound.words)? } else { Vec::new() };
    let module = format!("ZohoCRM.modules.{}.READ", bound.module);
    let target = Target::new(&caller, &connection, Product::Crm, coql::SCOPE);
    app.zoho.demand_scope(&target).await?;
    app.zoho.demand_scope(&target.with_scope(&module)).await?;
    if !ordered.is_empty() {
        let known = app.fields.of(&target, &bound.module).await?;
        let is_plain = |name: &str| {
            known.iter().any(|field| field.api_name == name && columns::is_plain_kind(&field.kind))
        };
        if let Some(column) = ordered.iter().find(|name| !is_plain(name)) {
            return Err(columns::refused(column));
        }
    }
    let answer =
        app.zoho.read(&target, |endpoint| Question::coql(endpoint, &bound.text), own_query::judge).await?;
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => return Err(refused_query(&app, &target, &bound.module, failure).await),
    };
    let more = answer.as_ref().is_some_and(crm::more_records);
    let mut rows = crm::rows(answer)?;
    // Where nobody tells which columns are multi-selects, they stay as CRM gives them.
    app.fields.as_lists(&target, &bound.module, &mut rows, crm::PLAIN_COLUMNS).await?;
    let mut data: Vec<Object> = rows.into_iter().map(crm::record).collect();
    // Under another name a column is not known for what people write into it.
    if bound.words.iter().any(|word| word.eq_ignore_ascii_case("as")) {
        data.iter_mut().for_each(mark_all);
    }
    let notice = more.then(|| {
        format!(
            "There are more: the answer ends at {} rows. Go on with `offset`, or in the order of `id` with `id > {{the last one}}`.",
            data.len()
        )
    });
    Ok(Json(Rows { data, next: None, notice }))
}

/// Names all texts of a row among those that people wrote.
fn mark_all(row: &mut Object) {
    row.shift_remove("untrusted");
    let names = untrusted_of(row, |_| true);
    row.insert("untrusted".to_owned(), names);
}

/// A column that CRM refuses is told with the one that may be meant.
async fn refused_query(app: &App, target: &Target<'_>, module: &str, failure: Failure) -> Problem {
    let Some(column) = own_query::column(&failure) else { return failure.into() };
    match app.fields.unknown(target, module, &[column]).await.pop() {
        Some(unknown) => {
            let end = if unknown.ends_with('?') { "" } else { "." };
            failure.told(Problem::new(Code::ZohoRejected, format!("{unknown}{end}")))
        }
        None => failure.into(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_says_what_is_taken() {
        crate::openapi::body::assert_schema::<super::Query>("Query");
    }
}
