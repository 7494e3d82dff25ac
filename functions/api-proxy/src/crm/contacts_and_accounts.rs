//! Reading contacts, who are people, and accounts, which are companies: `GET /v1/crm/contacts`, `/v1/crm/accounts`, and one of each.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::problem::Problem;
use shared::base::web::Segments;
use shared::zoho::crm;
use shared::zoho::response;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, query_of, text};

use crate::app::App;
use crate::crm::changed::Changed;
use crate::crm::deals::read::{LEFT_OUT, read_one};
use crate::crm::pagination::{self, Page, PageRequest};
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema;
use crate::openapi::schema::{Field, Holds, Shape, list_of, with_notice};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{
    List, OneParams, Pairs, Params, crm_fields, invalid, modified_since, next, per_page, record_id,
};
use crate::request::redact;
use crate::zoho::Target;

/// A module of CRM whose records are listed, searched and read one by one.
pub(crate) struct Module {
    pub(crate) path: &'static str,
    /// Its API name.
    pub(crate) name: &'static str,
    pub(crate) scope: &'static str,
    /// What a list asks for when the caller names no fields.
    pub(crate) fields: &'static str,
    /// What a record may be searched by, and the fields that must then have the value.
    by: &'static [(&'static str, &'static [&'static str])],
    /// Its names, which a key that does not see all may search by.
    names: &'static [&'static str],
    /// What one is called, in the document and in words.
    one: (&'static str, &'static str),
    /// The id of one in the stand-in Zoho.
    example: &'static str,
    /// Fields that can be relied on, beside the id.
    documented: &'static [Field],
}

/// Searching needs a scope of another product, too.
const SEARCH: &str = "ZohoSearch.securesearch.READ";

/// The modules that have these routes.
const MODULES: &[&Module] = &[&CONTACTS, &ACCOUNTS];

/// Contacts: people.
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
    names: &["First_Name", "Last_Name", "Full_Name"],
    one: ("CrmContact", "contact"),
    example: "6100000000440025",
    documented: &[
        ("First_Name", Holds::Text, "Their first name."),
        ("Last_Name", Holds::Text, "Their last name."),
        ("Full_Name", Holds::Text, "Both."),
        ("Email", Holds::Text, "Their address."),
        ("Phone", Holds::Text, "Their number."),
        ("Account_Name", Holds::Text, "The account that they belong to."),
        ("Account_Name_id", Holds::OtherId, "Its id."),
        ("Owner", Holds::Text, "Who of us looks after them."),
        ("Owner_id", Holds::OtherId, "Their id."),
        ("Created_Time", Holds::Time, "When they were entered."),
        ("Modified_Time", Holds::Time, "When they were changed."),
    ],
};

/// Accounts: companies.
pub(crate) const ACCOUNTS: Module = Module {
    path: "/v1/crm/accounts",
    name: "Accounts",
    scope: crm::scope::ACCOUNTS,
    fields: "Account_Name,Phone,Website,Industry,Billing_City,Billing_Country,Owner,Created_Time,Modified_Time",
    by: &[("phone", &["Phone"]), ("search", &[])],
    names: &["Account_Name"],
    one: ("Account", "account"),
    example: "6100000000440011",
    documented: &[
        ("Account_Name", Holds::Text, "Its name."),
        ("Phone", Holds::Text, "Its number."),
        ("Website", Holds::Text, "Its address on the web."),
        ("Industry", Holds::Text, "What it does."),
        ("Owner", Holds::Text, "Who of us looks after it."),
        ("Owner_id", Holds::OtherId, "Their id."),
        ("Created_Time", Holds::Time, "When it was entered."),
        ("Modified_Time", Holds::Time, "When it was changed."),
    ],
};

pub(crate) fn routes(to: &mut impl Routes) {
    for &module in MODULES {
        let handler = move |app, caller, pairs| list(module, app, caller, pairs);
        to.on(Verb::Get, module.path, handler, || module.list_documented());
        let handler = move |app, caller, id, params| one(module, app, caller, id, params);
        to.on(Verb::Get, &format!("{}/{{id}}", module.path), handler, || module.one_documented());
    }
}

impl Module {
    fn list_documented(&self) -> Operation {
        let (name, words) = self.one;
        let operation =
            Operation::read(Product::Crm, format!("list{name}s"), format!("{words}s of CRM, by page"))
                .scopes(&[self.scope]);
        let by = in_ticks(self.by.iter().map(|by| by.0));
        let operation = operation.about(format!(
            "At most one of {by} may be there. A search has one page, and new records can be missing from it for a minute. Without a \
             search, `modified_since` needs the scope ZohoCRM.coql.READ."
        ));
        let operation = self.by.iter().fold(operation, |operation, (by, _)| {
            let about = match *by {
                "search" => "A word that occurs anywhere in the record.".to_owned(),
                field => format!("Only those with this `{field}`."),
            };
            operation.query(by, about, json!({ "type": "string", "minLength": 2 }), Value::Null)
        });
        let operation = operation.query(
            "modified_since",
            "Only those that were changed since this moment.",
            schema::time(),
            "2026-11-18T00:00:00Z",
        );
        operation.fields("Phone,Owner").pages().answers(
            200,
            "A page.",
            with_notice(list_of(self.shape()), LEFT_OUT),
        )
    }

    fn one_documented(&self) -> Operation {
        let (name, words) = self.one;
        Operation::read(Product::Crm, format!("get{name}"), format!("One {words} of CRM"))
            .scopes(&[self.scope])
            .id("id", self.example)
            .fields("Phone,Owner")
            .answers(200, "The record.", self.shape())
    }

    /// Whether what a key that does not see all sees of a record's names has this part, in small letters.
    fn has_in_a_name(&self, record: &Object, part: &str) -> bool {
        self.names.iter().filter_map(|name| text(record, name)).any(|has| redact::shows(has, part))
    }

    pub(crate) fn shape(&self) -> Shape {
        schema::record_with_id(self.one.0, "id", self.documented)
    }
}

fn in_ticks(words: impl Iterator<Item = &'static str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

async fn list(
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

/// What a caller asks of a list.
struct ListParams {
    rows: u32,
    cursor: Option<String>,
    /// As CRM takes them.
    fields: Option<String>,
    /// As it was written.
    modified_since: Option<String>,
    since: Option<Timestamp>,
    by: Option<SearchBy>,
}

/// What is searched by.
struct SearchBy {
    /// The parameter.
    how: &'static str,
    /// The fields of which one must have the value.
    fields: &'static [&'static str],
    value: String,
}

impl ListParams {
    fn read(module: &'static Module, pairs: &mut Pairs) -> Result<Self, Problem> {
        let rows = per_page(pairs.number("per_page")?)?;
        let cursor = pairs.text("cursor");
        let fields = pairs.text("fields").as_deref().map(crm_fields).transpose()?;
        let modified = pairs.text("modified_since");
        let since = modified_since(modified.as_deref())?;
        let by = module.by.iter();
        let by = by.filter_map(|&(how, fields)| Some(SearchBy { how, fields, value: pairs.text(how)? }));
        let mut wanted: Vec<SearchBy> = by.collect();
        pairs.nothing_else()?;
        let by = wanted.pop();
        if !wanted.is_empty() || by.as_ref().is_some_and(|by| by.value.trim().len() < 2) {
            let names = in_ticks(module.by.iter().map(|by| by.0));
            return Err(invalid(format!("One of {names} may be there, with at least two characters.")));
        }
        Ok(Self { rows, cursor, fields, modified_since: modified, since, by })
    }
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
        app.zoho.demand_scope(&target.with(SEARCH)).await?;
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
                .retain(|row| changed.fits(row) && part.is_none_or(|part| module.has_in_a_name(row, part)));
            if page.rows.is_empty() && page.cursor.is_some() && pages.next().is_some() {
                cursor = page.cursor;
                continue;
            }
            changed.leave_out(&mut page.rows);
            return Ok(page);
        }
    }
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

async fn one(
    module: &'static Module,
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<OneParams>,
) -> Result<Json<Object>, Problem> {
    let id = record_id(&id)?;
    let fields = params.fields.as_deref().map(crm_fields).transpose()?;
    let connection = authorize(&app.connections, &caller, Product::Crm, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Crm, module.scope);
    let unknown = || format!("There is no record {id} in {}.", module.name);
    read_one(&app, &target, (module.name, module.fields), id, fields.as_deref(), &unknown).await
}

impl SearchBy {
    /// CRM's search finds more than was asked for: an equal value is what the caller means.
    fn fits(&self, row: &Object) -> bool {
        let same = |has: &str| match self.how {
            // With or without the country's code.
            "phone" => {
                let (has, wanted) = (digits(has), digits(&self.value));
                has.len().min(wanted.len()) >= 4 && (has.ends_with(&wanted) || wanted.ends_with(&has))
            }
            _ => has.eq_ignore_ascii_case(self.value.trim()),
        };
        let mut has = self.fields.iter().filter_map(|field| text(row, field)).peekable();
        // What was not asked for with `fields=` cannot be judged.
        self.fields.is_empty() || has.peek().is_none() || has.any(same)
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
