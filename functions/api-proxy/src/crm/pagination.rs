//! Pages of CRM's modules. While records are made and deleted, no record is missed and none appears twice.
//!
//! CRM's own page tokens count rows: if a record before the page is deleted, the next page begins one row too late. So the
//! next page is read with a COQL query for ids after the last one. Without the scope of COQL, or where CRM refuses the query,
//! the list goes on by page tokens.

use std::borrow::Cow;

use shared::base::id::is_zoho_id;
use shared::base::problem::Problem;
use shared::base::secret::sha256_hex;
use shared::zoho::crm;
use shared::zoho::crm::coql;
use shared::zoho::response::{self, records};
use shared::zoho::value::{Object, id};

use crate::app::App;
use crate::crm::own_query::{self, Answered, OwnQuery};
use crate::request::params::{List, invalid_cursor};
use crate::zoho::{Target, Zoho, unreadable};

/// The most records that are read by their ids in one call.
const MAX_IDS: usize = 100;

/// The page that a caller asks for.
pub(crate) struct PageRequest<'a> {
    pub(crate) module: &'a str,
    /// API names, separated by commas.
    pub(crate) fields: &'a str,
    /// Fields that CRM is known to have, so that one that is not there is hidden.
    pub(crate) ours: &'a str,
    /// In COQL.
    pub(crate) conditions: &'a [String],
    pub(crate) rows: u32,
    pub(crate) cursor: Option<&'a str>,
}

/// A page, and the cursor of the next.
pub(crate) struct Page {
    pub(crate) rows: Vec<Object>,
    pub(crate) cursor: Option<String>,
    /// What was asked for and CRM hides.
    pub(crate) hidden: Vec<String>,
}

impl Page {
    /// As callers get it; `next` makes an address of the cursor.
    pub(crate) fn list(self, next: impl FnOnce(&str) -> String) -> List<Object> {
        List {
            notice: own_query::notice(&self.hidden).map(Cow::Owned),
            next: self.cursor.as_deref().map(next),
            data: self.rows.into_iter().map(crm::record).collect(),
        }
    }
}

/// Where a list goes on: after an id, or at CRM's own page token.
struct Cursor<'a> {
    after: &'a str,
    token: Option<&'a str>,
    /// Whether CRM has refused the query for this list before.
    by_token: bool,
}

/// How many letters of a cursor say that it is one of ours.
const MARK_LENGTH: usize = 8;

/// A cursor as callers get it. It begins with a mark, so that one that somebody made up is known for what it is.
fn marked(module: &str, cursor: &str) -> String {
    let digest = sha256_hex(format!("cursor of {module} {cursor}").as_bytes());
    format!("{}{cursor}", digest.get(..MARK_LENGTH).unwrap_or_default())
}

impl<'a> Cursor<'a> {
    fn read(module: &str, text: &'a str) -> Result<Self, Problem> {
        let (_, rest) = text.split_at_checked(MARK_LENGTH).ok_or_else(invalid_cursor)?;
        if marked(module, rest) != text {
            return Err(invalid_cursor());
        }
        let text = rest;
        let by_token = text.starts_with('t');
        let rest = text.strip_prefix(['i', 't']).ok_or_else(invalid_cursor)?;
        let (after, token) = match rest.split_once('.') {
            Some((after, token)) => (after, Some(token).filter(|token| !token.is_empty())),
            None => (rest, None),
        };
        if is_zoho_id(after) { Ok(Self { after, token, by_token }) } else { Err(invalid_cursor()) }
    }
}

/// One page of a module, by id.
pub(crate) async fn page(app: &App, target: &Target<'_>, request: &PageRequest<'_>) -> Result<Page, Problem> {
    let mut page = shown(app, target, request).await?;
    // A list that is read by CRM's tokens leaves out what it does not know, without a word.
    let absent = absent(request.fields, &page.rows);
    let known = app.fields.hidden_columns(target, request.module);
    page.hidden.extend(absent);
    page.hidden.sort_unstable();
    page.hidden.dedup();
    if page.hidden.iter().all(|name| known.contains(name)) {
        return Ok(page);
    }
    let hidden = app.fields.hidden(target, request.module, page.hidden, request.ours).await?;
    app.fields.hide_columns(target, request.module, &[known, hidden.clone()].concat());
    Ok(Page { hidden, ..page })
}

/// The fields that were asked for and that no row has.
pub(crate) fn absent(fields: &str, rows: &[Object]) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let names = fields.split(',').map(str::trim);
    names.filter(|name| !rows.iter().any(|row| row.contains_key(*name))).map(str::to_owned).collect()
}

async fn shown(app: &App, target: &Target<'_>, request: &PageRequest<'_>) -> Result<Page, Problem> {
    let cursor = request.cursor.map(|text| Cursor::read(request.module, text)).transpose()?;
    let zoho = &app.zoho;
    zoho.demand_scope(target).await?;
    let coql = target.with_scope(coql::SCOPE);
    let token = match (&cursor, request.conditions.is_empty()) {
        (None, true) => None,
        (Some(Cursor { token: Some(token), by_token, .. }), true) => {
            if !by_token
                && zoho.demand_scope(&coql).await.is_ok()
                && let Some(page) = by_query(app, target, request, cursor.as_ref()).await?
            {
                return Ok(page);
            }
            Some(*token)
        }
        _ => {
            zoho.demand_scope(&coql).await?;
            let page = by_query(app, target, request, cursor.as_ref()).await?;
            return page.ok_or_else(|| unreadable("data"));
        }
    };
    let PageRequest { module, fields, rows, .. } = *request;
    let answer = zoho
        .read(target, |endpoint| crm::list_url(endpoint.api, module, fields, rows, token), response::crm)
        .await?;
    // Nothing under 204 is an empty list.
    let Some(mut answer) = answer else {
        return Ok(Page { rows: Vec::new(), cursor: None, hidden: Vec::new() });
    };
    let token = crm::next_page_token(&answer).map(str::to_owned);
    let rows = records(&mut answer, "data")?;
    let last = rows.last().and_then(|row| id(row, "id"));
    // Once CRM has refused the query, it is not tried again.
    let way = if cursor.is_some() { 't' } else { 'i' };
    let cursor = token.zip(last).map(|(token, last)| marked(module, &format!("{way}{last}.{token}")));
    Ok(Page { rows, cursor, hidden: Vec::new() })
}

/// Reads a page by COQL. None where CRM refuses the query and the cursor has a page token.
async fn by_query(
    app: &App,
    target: &Target<'_>,
    request: &PageRequest<'_>,
    cursor: Option<&Cursor<'_>>,
) -> Result<Option<Page>, Problem> {
    let after = cursor.map(|cursor| cursor.after);
    let PageRequest { module, fields, conditions, ours, .. } = *request;
    let text = |columns: &str| coql::page(module, columns, conditions, after, request.rows);
    let query = OwnQuery { module, columns: fields, text: &text };
    let Answered { answer, hidden } = match query.ask(&app.zoho, Some(&app.fields), target).await? {
        Ok(answered) => answered,
        Err(_) if cursor.is_some_and(|cursor| cursor.token.is_some()) => return Ok(None),
        Err(failure) => return Err(own_query::refused(failure)),
    };
    let Some(mut answer) = answer else { return Ok(Some(Page { rows: Vec::new(), cursor: None, hidden })) };
    let more = crm::more_records(&answer);
    let mut rows = records(&mut answer, "data")?;
    if rows.iter().any(crm::has_nameless_lookup)
        || !app.fields.as_lists(target, module, &mut rows, ours).await?
    {
        read_whole(&app.zoho, target, request, &mut rows).await?;
    }
    let last = rows.last().and_then(|row| id(row, "id")).filter(|_| more);
    let cursor = last.map(|last| marked(module, &format!("i{last}")));
    Ok(Some(Page { rows, cursor, hidden }))
}

/// Where COQL gives only the ids of lookups, or nobody knows which texts are lists, the records are read by their ids.
async fn read_whole(
    zoho: &Zoho,
    target: &Target<'_>,
    request: &PageRequest<'_>,
    rows: &mut [Object],
) -> Result<(), Problem> {
    let PageRequest { module, fields, .. } = *request;
    for part in rows.chunks_mut(MAX_IDS) {
        let ids: Vec<String> = part.iter().filter_map(|row| id(row, "id")).collect();
        let answer = zoho
            .read(
                target,
                |endpoint| crm::by_ids_url(endpoint.api, module, fields, &ids.join(",")),
                response::crm,
            )
            .await?;
        for whole in crm::rows(answer)? {
            let own = |row: &&mut Object| id(row, "id") == id(&whole, "id");
            if let Some(row) = part.iter_mut().find(own) {
                *row = whole;
            }
        }
    }
    Ok(())
}
