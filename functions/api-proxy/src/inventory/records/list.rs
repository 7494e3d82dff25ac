//! A page of records of a kind. What Zoho does not filter, the connector leaves out.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use shared::base::clock::Timestamp;
use shared::base::id::is_zoho_id;
use shared::base::problem::Problem;
use shared::zoho::inventory;
use shared::zoho::response;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, query_of, text, timestamp};

use super::kinds::{Filter, Kind};
use crate::app::App;
use crate::inventory::absent_fields::absent_fields;
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{List, Pairs, invalid, modified_since, next, page_of, per_page, pick};
use crate::request::redact;
use crate::zoho::Target;

/// What `search=` looks at.
const SEARCHED: &[&str] = &[
    "contact_name",
    "company_name",
    "email",
    "phone",
    "first_name",
    "last_name",
    "customer_name",
    "vendor_name",
    "salesorder_number",
    "purchaseorder_number",
    "package_number",
    "reference_number",
];

/// When a record was changed.
const CHANGED: &str = "last_modified_time";

const TIMELESS: &str = "Zoho's list does not say when these were changed: none of them is left out.";

pub(super) async fn list(
    kind: &'static Kind,
    State(app): State<Arc<App>>,
    caller: Caller,
    mut pairs: Pairs,
) -> Result<Json<List<Object>>, Problem> {
    let params = ListParams::read(kind, &mut pairs)?;
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Inventory, kind.record.read_scope);
    let Found { mut data, page, more, is_timeless } = page_that_fits(&app, &target, kind, &params).await?;
    let fields = params.fields.as_deref();
    let notices = [absent_fields(fields, &data), is_timeless.then(|| TIMELESS.to_owned())];
    let notices: Vec<String> = notices.into_iter().flatten().collect();
    data.iter_mut().for_each(|row| pick(row, fields, &[kind.record.id_field, "untrusted"]));
    let next = more.then(|| params.next(kind, page + 1));
    let notice = Some(notices.join(" ")).filter(|notice| !notice.is_empty()).map(Cow::Owned);
    Ok(Json(List { data, next, notice }))
}

/// What a caller asks of a list.
struct ListParams {
    rows: u32,
    page: u32,
    fields: Option<String>,
    /// As it was written.
    modified_since: Option<String>,
    since: Option<Timestamp>,
    filters: Vec<(&'static Filter, String)>,
}

impl ListParams {
    fn read(kind: &'static Kind, pairs: &mut Pairs) -> Result<Self, Problem> {
        let (rows, page) = (per_page(pairs.number("per_page")?)?, page_of(pairs.text("cursor").as_deref())?);
        let fields = pairs.text("fields");
        let modified = if kind.tells_changes() { pairs.text("modified_since") } else { None };
        let since = modified_since(modified.as_deref())?;
        let filters: Vec<(&Filter, String)> =
            kind.filters.iter().filter_map(|filter| Some((filter, pairs.text(filter.0)?))).collect();
        pairs.nothing_else()?;
        // Zoho takes what it does not understand for no filter.
        let is_usable =
            |name: &str, value: &str| !value.is_empty() && (!name.ends_with("_id") || is_zoho_id(value));
        if let Some(((name, ..), _)) = filters.iter().find(|((name, ..), value)| !is_usable(name, value)) {
            return Err(invalid(format!("`{name}` is empty, or not an id of Zoho's.")));
        }
        Ok(Self { rows, page, fields, modified_since: modified, since, filters })
    }

    /// Where the list goes on.
    fn next(&self, kind: &Kind, page: u32) -> String {
        let (rows, cursor) = (self.rows.to_string(), format!("p{page}"));
        let mut params = vec![("per_page", Some(rows.as_str())), ("fields", self.fields.as_deref())];
        params.extend(self.filters.iter().map(|(filter, value)| (filter.0, Some(value.as_str()))));
        params
            .extend([("modified_since", self.modified_since.as_deref()), ("cursor", Some(cursor.as_str()))]);
        next(kind.path, &params)
    }
}

/// The records of a page that are among those that were asked for.
struct Found {
    data: Vec<Object>,
    page: u32,
    more: bool,
    /// Whether it is not known when they were changed, and was asked.
    is_timeless: bool,
}

/// The page that was asked for; where rows are left out of it here, the first from it on of which any are left.
async fn page_that_fits(
    app: &App,
    target: &Target<'_>,
    kind: &Kind,
    params: &ListParams,
) -> Result<Found, Problem> {
    let (rows, since, filters) = (params.rows, params.since, &params.filters);
    let mut page = params.page;
    // Zoho searches what such a key does not see, too: then the connector looks for it, page by page.
    let is_redacted = target.caller.key.redact_contacts;
    let is_sent = |filter: &Filter| !is_redacted || filter.2.is_some();
    let mut pages = redact::pages(since.is_some() || filters.iter().any(|(filter, _)| !is_sent(filter)));
    let (column, direction) = if since.is_some() { (CHANGED, "D") } else { ("created_time", "A") };
    loop {
        let read = app.zoho.read(
            target,
            |endpoint| {
                let mut url = query_of(kind.record.list_url(endpoint.api));
                url.append_pair("organization_id", endpoint.organization)
                    .append_pair("page", &page.to_string())
                    .append_pair("per_page", &rows.to_string())
                    .append_pair("sort_column", column)
                    .append_pair("sort_order", direction);
                for ((_, zoho, _), value) in filters.iter().filter(|(filter, _)| is_sent(filter)) {
                    url.append_pair(zoho, value);
                }
                url.finish()
            },
            response::inventory,
        );
        let mut answer = read.await?;
        let rows_found = kind.record.take_list(&mut answer)?;
        // What follows the first row that is too old is older still.
        let is_past = since.is_some_and(|since| are_past(&answer, &rows_found, since));
        let more = !is_past && inventory::may_go_on(&answer, page, rows_found.len(), rows);
        let is_timeless = since.is_some()
            && !rows_found.is_empty()
            && rows_found.iter().all(|row| text(row, CHANGED).is_none());
        let data: Vec<Object> = rows_found
            .into_iter()
            .filter(|row| filters.iter().all(|(filter, value)| fits(row, filter, value, is_redacted)))
            .filter(|row| since.is_none_or(|since| changed(row).is_none_or(|changed| changed >= since)))
            .map(inventory::plain_record)
            .collect();
        if !data.is_empty() || !more || pages.next().is_none() {
            return Ok(Found { data, page, more, is_timeless });
        }
        page += 1;
    }
}

/// When a row was changed, where it says so.
fn changed(row: &Object) -> Option<Timestamp> {
    text(row, CHANGED).and_then(timestamp)
}

/// Whether the rest of a list, whose latest change comes first, is older than this. Zoho names the order that it gave, which need
/// not be the one that it was asked for, and rows that are not in it deny it.
fn are_past(answer: &Object, rows: &[Object], since: Timestamp) -> bool {
    let context = answer.get("page_context");
    let is = |name: &str, wanted: &str| {
        context.and_then(|context| context.get(name)).is_some_and(|value| value == wanted)
    };
    let times: Option<Vec<Timestamp>> = rows.iter().map(changed).collect();
    is("sort_column", CHANGED)
        && is("sort_order", "D")
        && times.is_some_and(|times| {
            times.is_sorted_by(|one, next| one >= next) && times.last().is_some_and(|last| *last < since)
        })
}

fn fits(row: &Object, (name, _, field): &Filter, value: &str, is_redacted: bool) -> bool {
    match field {
        // A row without the field cannot be judged.
        Some(field) => text(row, field).is_none_or(|has| has.eq_ignore_ascii_case(value)),
        None if *name == "search" => {
            let value = value.to_lowercase();
            if is_redacted {
                let shown = SEARCHED.iter().filter(|field| !redact::is_personal(field));
                return shown.filter_map(|field| text(row, field)).any(|has| redact::shows(has, &value));
            }
            let mut texts = SEARCHED.iter().filter_map(|field| text(row, field)).peekable();
            texts.peek().is_none() || texts.any(|has| has.to_lowercase().contains(&value))
        }
        None => true,
    }
}
