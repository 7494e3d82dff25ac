//! A page of items.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::base::problem::Problem;
use shared::zoho::inventory::{self, LOW_STOCK};
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, id, inventory_time};

use super::by_name::one_named;
use super::filters::Filters;
use super::params::ListParams;
use super::{ALWAYS, PATH, target};
use crate::app::App;
use crate::inventory::absent_fields::absent_fields;
use crate::inventory::details::details;
use crate::inventory::item_reads::{ItemPage, Reading, item_page, item_texts};
use crate::inventory::locations::as_zoho_knows_it;
use crate::inventory::stock_at_location;
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{List, Params, invalid, next, page_of, per_page, pick};
use crate::request::redact;
use crate::zoho::Target;

/// What lists do not say.
const ONE_CALL_AWAY: &str = "Zoho's lists have neither what is available nor the stock by location, which are null here: read the single item, or ask for `details=true`.";

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Response, Problem> {
    let rows = per_page(params.per_page)?;
    let page = page_of(params.cursor.as_deref())?;
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Read).await?;
    let target = target(&caller, &connection);
    let fields = params.fields.as_deref();
    if params.location.as_deref().is_some_and(str::is_empty) {
        return Err(invalid("`location` is empty."));
    }

    if params.sku.is_some() || params.product_id.is_some() {
        let item = one_named(&app, &target, &params).await?;
        return Ok(Json(shown(vec![item], fields, None)).into_response());
    }
    let filters = Filters::of(&params, caller.key.redact_contacts)?;
    if filters.are_none() && params.location.is_none() && fields.is_none() && !params.details {
        return whole_page(&app, &target, page, rows).await;
    }
    let (found, page, more) = page_that_fits(&app, &target, &filters, page, rows).await?;
    let data = with_figures(&app, &target, &params, found, page == 1).await?;
    let next = more.then(|| params.next(page + 1, rows));
    Ok(Json(shown(data, fields, next)).into_response())
}

/// The items that are wanted of this page, or of the next ones where the connector searches in Zoho's place; the page that they are
/// of, and whether another one follows it.
async fn page_that_fits(
    app: &App,
    target: &Target<'_>,
    filters: &Filters<'_>,
    mut page: u32,
    rows: u32,
) -> Result<(Vec<Object>, u32, bool), Problem> {
    let search = filters.search.filter(|_| !filters.is_redacted).map(|part| ("search_text", part));
    let since = filters.since.map(inventory_time);
    let since = since.as_deref().map(|since| ("last_modified_time", since));
    let sent: Vec<(&str, &str)> =
        search.into_iter().chain(filters.is_low.then_some(LOW_STOCK)).chain(since).collect();
    let mut pages = redact::pages(filters.is_redacted && filters.search.is_some());
    loop {
        let ItemPage { items, more, low_stock_filtered } =
            item_page(&app.zoho, target, &sent, page, rows).await?;
        let found: Vec<Object> =
            items.into_iter().filter(|item| filters.fit(item, low_stock_filtered)).collect();
        if !found.is_empty() || !more || pages.next().is_none() {
            return Ok((found, page, more));
        }
        page += 1;
    }
}

/// The items as they are shown: with all their figures, or with those of one location, where that is asked for.
async fn with_figures(
    app: &App,
    target: &Target<'_>,
    params: &ListParams,
    found: Vec<Object>,
    is_first_page: bool,
) -> Result<Vec<Object>, Problem> {
    if let Some(location) = &params.location {
        let location = as_zoho_knows_it(&app.mappings, target.connection, location.clone()).await?;
        return stock_at_location::items_at(&app.zoho, target, found, &location, is_first_page).await;
    }
    let items = if params.details {
        let ids: Vec<String> = found.iter().filter_map(|item| id(item, "item_id")).collect();
        details(&app.zoho, target, &ids).await?
    } else {
        found
    };
    Ok(items.into_iter().map(inventory::item).collect())
}

/// What stands behind the rows of a [`List`].
#[derive(Serialize)]
struct Rest {
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

/// A page of items without filters and with all fields: most of its text is copied from Zoho's answer.
async fn whole_page(app: &App, target: &Target<'_>, page: u32, rows: u32) -> Result<Response, Problem> {
    let read = item_texts(&app.zoho, target, page, rows, "{\"data\":").await?;
    let (rows, cursor) = (rows.to_string(), format!("p{}", page + 1));
    let params = [("per_page", Some(rows.as_str())), ("cursor", Some(cursor.as_str()))];
    let next = |more: bool| more.then(|| next(PATH, &params));
    Ok(match read {
        Reading::Text((items, more)) => {
            let notice = items.lack_figures.then_some(ONE_CALL_AWAY);
            let rest = serde_json::to_string(&Rest { next: next(more), notice });
            let rest = rest.map_err(|error| Problem::internal(error.to_string()))?;
            let mut text = items.text;
            text.extend_from_slice(rest.replacen('{', ",", 1).as_bytes());
            ([(CONTENT_TYPE, "application/json")], text).into_response()
        }
        Reading::Values(ItemPage { items, more, .. }) => {
            let data = items.into_iter().map(inventory::item).collect();
            Json(shown(data, None, next(more))).into_response()
        }
    })
}

/// The list with the fields that were asked for.
fn shown(mut data: Vec<Object>, fields: Option<&str>, next: Option<String>) -> List<Object> {
    let absent = absent_fields(fields, &data);
    data.iter_mut().for_each(|item| pick(item, fields, ALWAYS));
    let short = data.iter().any(is_short).then_some(ONE_CALL_AWAY);
    let notice = match (absent, short) {
        (Some(absent), Some(short)) => Some(Cow::Owned(format!("{absent} {short}"))),
        (absent, short) => absent.map(Cow::Owned).or(short.map(Cow::Borrowed)),
    };
    List { data, next, notice }
}

/// Whether a row shows stock, and not all figures that a single item has.
fn is_short(item: &Object) -> bool {
    item.get("stock").is_some_and(inventory::lacks_figures)
}
