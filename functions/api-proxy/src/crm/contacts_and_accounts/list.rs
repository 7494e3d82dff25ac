//! A page of contacts or accounts: all of them, those that were changed, or those that a search finds.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use shared::base::problem::Problem;
use shared::zoho::crm;
use shared::zoho::response;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, query_of, text};

use super::modules::Module;
use super::params::{ListParams, SearchBy};
use crate::app::App;
use crate::crm::changed::Changed;
use crate::crm::pagination::{self, Page, PageRequest};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{List, Pairs, invalid, next};
use crate::request::redact;
use crate::zoho::Target;

/// Searching needs a scope of another product, too.
const SEARCH: &str = "ZohoSearch.securesearch.READ";

pub(super) async fn list(
    module: &'static Module,
    State(app): State<Arc<App>>,
    caller: Caller,
    mut pairs: Pairs,
) -> Result<Json<List<Object>>, Problem> {
    let params = ListParams::read(module, &mut pairs)?;
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Crm, module.scope);
    let mut asked = params.fields.clone().unwrap_or_else(|| module.fields.to_owned());
    let changed = Changed::since(params.since, &mut asked);
    let lists = Lists { app: &app, target: &target, module, params: &params, asked, changed };
    let list = match &params.by {
        None => lists.page(None).await?,
        // CRM's search looks at what such a key does not see, too: then the connector looks into names, page by page.
        Some(by) if caller.key.redact_contacts && by.how == "search" => {
            lists.page(Some(&by.value.trim().to_lowercase())).await?
        }
        Some(by) => lists.search(by).await?,
    };
    Ok(Json(list))
}

/// The lists that a call can be answered with.
struct Lists<'a> {
    app: &'a App,
    target: &'a Target<'a>,
    module: &'static Module,
    params: &'a ListParams,
    /// The fields that CRM is asked for.
    asked: String,
    changed: Changed,
}

impl Lists<'_> {
    /// What CRM's search finds, by an index of its own.
    async fn search(&self, by: &SearchBy) -> Result<List<Object>, Problem> {
        let Self { app, target, module, params, asked, changed } = self;
        app.zoho.demand_scope(&target.with_scope(SEARCH)).await?;
        if params.cursor.is_some() {
            return Err(invalid("A search has one page: leave out `cursor`."));
        }
        let how = if by.how == "search" { "word" } else { by.how };
        let answer = app
            .zoho
            .read(
                target,
                |endpoint| {
                    let mut url = query_of(format!("{}/search", crm::module_url(endpoint.api, module.name)));
                    url.append_pair(how, &by.value).append_pair("fields", asked);
                    url.append_pair("per_page", &params.rows.to_string());
                    url.finish()
                },
                response::crm,
            )
            .await?;
        let found = crm::rows(answer)?;
        let absent = pagination::absent(asked, &found);
        let hidden = app.fields.hidden(target, module.name, absent, module.fields).await?;
        let mut rows: Vec<Object> =
            found.into_iter().filter(|row| by.fits(row) && changed.fits(row)).collect();
        changed.leave_out(&mut rows);
        Ok(Page { rows, cursor: None, hidden }.list(str::to_owned))
    }

    /// A page of all, or of those that have this part, in small letters, in what such a key sees of their names.
    async fn page(&self, part: Option<&str>) -> Result<List<Object>, Problem> {
        let page = self.page_that_fits(part).await?;
        let ListParams { rows, fields, modified_since, .. } = self.params;
        let rows = rows.to_string();
        Ok(page.list(|cursor| {
            let params = [
                ("per_page", Some(rows.as_str())),
                ("fields", fields.as_deref()),
                ("search", part),
                ("modified_since", modified_since.as_deref()),
                ("cursor", Some(cursor)),
            ];
            next(self.module.path, &params)
        }))
    }

    /// The page that was asked for; where names are looked into, the first from it on that has one of those records.
    async fn page_that_fits(&self, part: Option<&str>) -> Result<Page, Problem> {
        let Self { app, target, module, params, asked, changed } = self;
        let asked = if part.is_some() { with_names(asked.clone(), module) } else { asked.clone() };
        let conditions: Vec<String> = changed.condition().into_iter().collect();
        let mut cursor = params.cursor.clone();
        let mut pages = redact::pages(part.is_some());
        loop {
            let request = PageRequest {
                module: module.name,
                fields: &asked,
                ours: module.fields,
                conditions: &conditions,
                rows: params.rows,
                cursor: cursor.as_deref(),
            };
            let mut page = pagination::page(app, target, &request).await?;
            page.rows
                .retain(|row| changed.fits(row) && part.is_none_or(|part| has_in_a_name(module, row, part)));
            if page.rows.is_empty() && page.cursor.is_some() && pages.next().is_some() {
                cursor = page.cursor;
                continue;
            }
            changed.leave_out(&mut page.rows);
            return Ok(page);
        }
    }
}

/// Whether what a key that does not see all sees of a record's names has this part, in small letters.
fn has_in_a_name(module: &Module, record: &Object, part: &str) -> bool {
    module.names.iter().filter_map(|name| text(record, name)).any(|has| redact::shows(has, part))
}

/// The fields that were asked for, and those by which a key that does not see all may search.
fn with_names(mut asked: String, module: &Module) -> String {
    for name in module.names {
        if !asked.split(',').any(|field| field == *name) {
            asked.push(',');
            asked.push_str(name);
        }
    }
    asked
}
