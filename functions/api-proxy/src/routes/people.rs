//! Reading the people of CRM: `GET /v1/crm/contacts`, `/v1/crm/accounts`, and one of each.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::answer;
use shared::zoho::crm;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, query_of, text};

use crate::App;
use crate::caller::Caller;
use crate::crm_page::Wanted;
use crate::params::{List, OneParams, Pairs, Params, crm_fields, invalid, next, per_page, pick, record_id};
use crate::zoho_call::Target;

/// A module of people.
pub(crate) struct Module {
    pub(crate) path: &'static str,
    /// Its API name.
    pub(crate) name: &'static str,
    pub(crate) scope: &'static str,
    /// What a list asks for when the caller names no fields.
    pub(crate) fields: &'static str,
    /// Where a person may be searched by, and the fields that must then have the value.
    by: &'static [(&'static str, &'static [&'static str])],
}

/// Searching needs a scope of another product, too.
const SEARCH: &str = "ZohoSearch.securesearch.READ";

/// Both modules.
pub(crate) const MODULES: [&Module; 2] = [&CONTACTS, &ACCOUNTS];

/// People.
pub(crate) const CONTACTS: Module = Module {
    path: "/v1/crm/contacts",
    name: "Contacts",
    scope: crm::scope::CONTACTS,
    fields: "First_Name,Last_Name,Full_Name,Email,Phone,Mobile,Account_Name,Owner,Created_Time,Modified_Time",
    by: &[
        ("email", &["Email", "Secondary_Email"]),
        ("phone", &["Phone", "Mobile", "Other_Phone"]),
        ("search", &[]),
    ],
};

/// Companies.
pub(crate) const ACCOUNTS: Module = Module {
    path: "/v1/crm/accounts",
    name: "Accounts",
    scope: crm::scope::ACCOUNTS,
    fields: "Account_Name,Phone,Website,Industry,Billing_City,Billing_Country,Owner,Created_Time,Modified_Time",
    by: &[("phone", &["Phone"]), ("search", &[])],
};

/// The routes of both.
pub(crate) fn routes() -> Router<Arc<App>> {
    MODULES.into_iter().fold(Router::new(), |router, module| {
        router.route(module.path, get(move |app, caller, pairs| list(module, app, caller, pairs))).route(
            &format!("{}/{{id}}", module.path),
            get(move |app, caller, id, params| one(module, app, caller, id, params)),
        )
    })
}

async fn list(
    module: &'static Module,
    State(app): State<Arc<App>>,
    caller: Caller,
    mut pairs: Pairs,
) -> Result<Json<List<Object>>, Problem> {
    let rows = per_page(pairs.number("per_page")?)?;
    let cursor = pairs.text("cursor");
    let named = pairs.text("fields");
    let fields = named.as_deref().map(crm_fields).transpose()?;
    let mut wanted: Vec<_> = module.by.iter().filter_map(|by| Some((by, pairs.text(by.0)?))).collect();
    pairs.nothing_else()?;
    let by = wanted.pop();
    if !wanted.is_empty() || by.as_ref().is_some_and(|(_, value)| value.trim().len() < 2) {
        return Err(invalid(
            "One of `email`, `phone` and `search` may be there, with at least two characters.",
        ));
    }
    let connection = app.choose(&caller, Product::Crm, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Crm, module.scope);
    let asked = fields.clone().unwrap_or_else(|| module.fields.to_owned());
    if let Some(((how, _), value)) = &by {
        // CRM searches by an index of its own.
        app.demand_scope(&target.with(SEARCH)).await?;
        if cursor.is_some() {
            return Err(invalid("A search has one page: leave out `cursor`."));
        }
        let how = if *how == "search" { "word" } else { how };
        let answer = app
            .read(
                &target,
                |place| {
                    let mut url = query_of(format!("{}/search", crm::module_url(place.api, module.name)));
                    url.append_pair(how, value).append_pair("fields", &asked);
                    url.append_pair("per_page", &rows.to_string());
                    url.finish()
                },
                answer::crm,
            )
            .await?;
        let found = crm::rows(answer);
        let data = found.into_iter().filter(|row| fits(row, &by)).map(crm::record).collect();
        return Ok(Json(List { data, next: None }));
    }
    let page = app
        .crm_page(
            &target,
            &Wanted { module: module.name, fields: &asked, conditions: &[], rows, cursor: cursor.as_deref() },
        )
        .await?;
    let rows = rows.to_string();
    let next = page.cursor.map(|cursor| {
        let params =
            [("per_page", Some(rows.as_str())), ("fields", fields.as_deref()), ("cursor", Some(&cursor))];
        next(module.path, &params)
    });
    Ok(Json(List { data: page.rows.into_iter().map(crm::record).collect(), next }))
}

async fn one(
    module: &'static Module,
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<OneParams>,
) -> Result<Json<Object>, Problem> {
    let id = record_id(&id)?;
    let connection = app.choose(&caller, Product::Crm, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Crm, module.scope);
    let answer =
        app.read(&target, |place| crm::record_url(place.api, module.name, id), answer::crm_record).await?;
    let found = crm::rows(answer).into_iter().next();
    let found = found.ok_or_else(|| {
        Problem::new(Code::RecordNotFound, format!("There is no record {id} in {}.", module.name))
    })?;
    let mut found = crm::record(found);
    pick(&mut found, params.fields.as_deref(), &["id", "untrusted"]);
    Ok(Json(found))
}

/// CRM's search finds more than was asked for: an equal value is what the caller means.
fn fits(row: &Object, by: &Option<(&(&str, &[&str]), String)>) -> bool {
    let Some(((how, fields), value)) = by else { return true };
    let same = |has: &str| match *how {
        // With or without the country's code.
        "phone" => {
            let (has, wanted) = (digits(has), digits(value));
            has.len().min(wanted.len()) >= 4 && (has.ends_with(&wanted) || wanted.ends_with(&has))
        }
        _ => has.eq_ignore_ascii_case(value.trim()),
    };
    let mut has = fields.iter().filter_map(|field| text(row, field)).peekable();
    // What was not asked for with `fields=` cannot be judged.
    fields.is_empty() || has.peek().is_none() || has.any(same)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
