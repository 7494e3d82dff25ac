//! Pages of CRM's modules that miss nothing and show nothing twice while records come and go.
//!
//! CRM's own page tokens count rows: where a record before the page is deleted, the next one begins a row too late. So the
//! rest of a list is asked for by the last id that was seen, in COQL. A connection without that scope, or a list that COQL
//! does not take, goes on by page tokens.

use shared::base::id::is_zoho_id;
use shared::base::problem::Problem;
use shared::base::secret::sha256_hex;
use shared::zoho::crm;
use shared::zoho::crm::coql;
use shared::zoho::failure::FailureKind;
use shared::zoho::response::{self, records};
use shared::zoho::value::{Object, id};

use crate::request::params::invalid_cursor;
use crate::zoho::{Place, Question, Target, Zoho, unreadable};

/// How many records are read by their ids at once.
const MAX_IDS: usize = 100;

/// A page that is asked for.
pub(crate) struct PageRequest<'a> {
    pub(crate) module: &'a str,
    /// API names, separated by commas.
    pub(crate) fields: &'a str,
    /// In COQL.
    pub(crate) conditions: &'a [String],
    pub(crate) rows: u32,
    pub(crate) cursor: Option<&'a str>,
}

/// A page, and the cursor of the next.
pub(crate) struct Page {
    pub(crate) rows: Vec<Object>,
    pub(crate) cursor: Option<String>,
}

/// Where a list goes on: after this id, or at CRM's own token.
struct Cursor<'a> {
    after: &'a str,
    token: Option<&'a str>,
    /// Whether CRM has refused this list as a query before.
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
pub(crate) async fn page(
    zoho: &Zoho,
    target: &Target<'_>,
    request: &PageRequest<'_>,
) -> Result<Page, Problem> {
    let cursor = request.cursor.map(|text| Cursor::read(request.module, text)).transpose()?;
    zoho.demand_scope(target).await?;
    let coql = target.with(coql::SCOPE);
    let token = match (&cursor, request.conditions.is_empty()) {
        (None, true) => None,
        (Some(Cursor { token: Some(token), by_token, .. }), true) => {
            if !by_token
                && zoho.demand_scope(&coql).await.is_ok()
                && let Some(page) = by_query(zoho, target, request, cursor.as_ref()).await?
            {
                return Ok(page);
            }
            Some(*token)
        }
        _ => {
            zoho.demand_scope(&coql).await?;
            let page = by_query(zoho, target, request, cursor.as_ref()).await?;
            return page.ok_or_else(|| unreadable("data"));
        }
    };
    let PageRequest { module, fields, rows, .. } = *request;
    let answer = zoho
        .read(target, |place| crm::list_url(place.api, module, fields, rows, token), response::crm)
        .await?;
    // Nothing under 204 is an empty list.
    let Some(mut answer) = answer else { return Ok(Page { rows: Vec::new(), cursor: None }) };
    let token = crm::next_page_token(&answer).map(str::to_owned);
    let rows = records(&mut answer, "data")?;
    let last = rows.last().and_then(|row| id(row, "id"));
    // Where a query was not taken before, none is tried again.
    let way = if cursor.is_some() { 't' } else { 'i' };
    let cursor = token.zip(last).map(|(token, last)| marked(module, &format!("{way}{last}.{token}")));
    Ok(Page { rows, cursor })
}

/// A page by COQL; nothing where CRM does not take the query and there is another way.
async fn by_query(
    zoho: &Zoho,
    target: &Target<'_>,
    request: &PageRequest<'_>,
    cursor: Option<&Cursor<'_>>,
) -> Result<Option<Page>, Problem> {
    let after = cursor.map(|cursor| cursor.after);
    let query = coql::page(request.module, request.fields, request.conditions, after, request.rows);
    let other_way = cursor.is_some_and(|cursor| cursor.token.is_some());
    let judge = |answer: &_| match response::crm(answer) {
        Err(failure) if other_way && failure.kind == FailureKind::Rejected => Ok(None),
        judged => judged.map(Some),
    };
    let ask = |place: &Place<'_>| Question::coql(place, &query);
    let Some(answer) = zoho.read(&target.with(coql::SCOPE), ask, judge).await? else { return Ok(None) };
    let Some(mut answer) = answer else { return Ok(Some(Page { rows: Vec::new(), cursor: None })) };
    let more = crm::more_records(&answer);
    let mut rows = records(&mut answer, "data")?;
    if rows.iter().any(crm::has_nameless_lookup) {
        name_lookups(zoho, target, request, &mut rows).await?;
    }
    let last = rows.last().and_then(|row| id(row, "id")).filter(|_| more);
    Ok(Some(Page { rows, cursor: last.map(|last| marked(request.module, &format!("i{last}"))) }))
}

/// Where COQL gives only the ids of lookups, the records are read by their ids.
async fn name_lookups(
    zoho: &Zoho,
    target: &Target<'_>,
    request: &PageRequest<'_>,
    rows: &mut [Object],
) -> Result<(), Problem> {
    let PageRequest { module, fields, .. } = *request;
    for part in rows.chunks_mut(MAX_IDS) {
        let ids: Vec<String> = part.iter().filter_map(|row| id(row, "id")).collect();
        let answer = zoho
            .read(target, |place| crm::by_ids_url(place.api, module, fields, &ids.join(",")), response::crm)
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
