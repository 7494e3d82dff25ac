//! What the calls of mappings do: they are listed, said one by one or imported, and held against Zoho's items.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::id::{ConnectionName, is_zoho_id};
use shared::base::problem::{Code, Problem};
use shared::core::mappings::{Mapping, READ_AT_ONCE, Saved, Saving};
use shared::zoho::scope::{Access, Product};
use tokio::time::Instant;

use super::import;
use super::known_locations::demand_locations;
use super::representation::{shown, shown_location, table};
use super::resolve::{self, Resolving};
use crate::app::App;
use crate::inventory::lookup::named::unmapped;
use crate::request::body::{self, Body};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{NoParams, Params, invalid, next, per_page};
use crate::request::upload::{Upload, wants_csv};

pub(super) const PATH: &str = "/v1/inventory/mappings";

/// What must be left of a call's time for the answer, when an import stops.
const LEFT_FOR_THE_ANSWER: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    product_id: Option<String>,
    sku: Option<String>,
    item_id: Option<String>,
    per_page: Option<u32>,
    /// The last product id that was seen.
    cursor: Option<String>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let rows = per_page(params.per_page)?;
    let filters = [("product_id", &params.product_id), ("sku", &params.sku), ("item_id", &params.item_id)];
    let mut given = filters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    let filter = given.next();
    if given.next().is_some() {
        return Err(invalid("Send one of `product_id`, `sku` and `item_id`."));
    }
    if let Some((name, _)) = filter.filter(|(_, value)| value.is_empty()) {
        return Err(invalid(format!("`{name}` is empty.")));
    }
    if filter.is_some() && (params.cursor.is_some() || params.per_page.is_some()) {
        return Err(invalid("What one name leads to comes at once: leave out `cursor` and `per_page`."));
    }
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Read).await?;
    let is_table = wants_csv(&headers);
    let (found, after) = match filter {
        Some(filter) => (filtered(&app, &connection, filter).await?, None),
        None if is_table => (everything(&app, &connection, |_| true).await?, None),
        None => {
            let limit = usize::try_from(rows).unwrap_or(200);
            app.mappings.list(&connection, params.cursor.as_deref(), limit).await?
        }
    };
    if is_table {
        return Ok(table(&found));
    }
    let per_page = params.per_page.map(|rows| rows.to_string());
    let next =
        after.map(|cursor| next(PATH, &[("per_page", per_page.as_deref()), ("cursor", Some(&cursor))]));
    let data: Vec<Value> = found.iter().map(shown).collect();
    let mut answer = json!({ "data": data, "next": next });
    if filter.is_none() && params.cursor.is_none() {
        let locations = app.mappings.locations(&connection).await?;
        if let (Some(answer), false) = (answer.as_object_mut(), locations.is_empty()) {
            let locations: Vec<Value> = locations.iter().map(shown_location).collect();
            answer.insert("locations".to_owned(), locations.into());
        }
    }
    Ok(Json(answer).into_response())
}

/// What one name leads to.
async fn filtered(
    app: &App,
    connection: &ConnectionName,
    (name, value): (&str, &str),
) -> Result<Vec<Mapping>, Problem> {
    match name {
        "product_id" => match app.mappings.get(connection, value).await? {
            Some(mapping) => Ok(vec![mapping]),
            None => Err(unmapped(&app.mappings, connection, value).await),
        },
        "item_id" => {
            if !is_zoho_id(value) {
                return Err(invalid("`item_id` must be Zoho's own: 1 to 19 digits."));
            }
            let ids = app.mappings.products_of(connection, value, READ_AT_ONCE).await?;
            let known = app.mappings.some(connection, &ids).await?;
            Ok(known.into_values().map(|(mapping, _)| mapping).collect())
        }
        _ => everything(app, connection, |mapping| mapping.sku.as_deref() == Some(value)).await,
    }
}

async fn everything(
    app: &App,
    connection: &ConnectionName,
    fits: impl Fn(&Mapping) -> bool,
) -> Result<Vec<Mapping>, Problem> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = app.mappings.list(connection, after.as_deref(), READ_AT_ONCE).await?;
        found.extend(page.into_iter().filter(&fits));
        match next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneProduct {
    product_id: String,
}

impl OneProduct {
    fn id(self) -> Result<String, Problem> {
        import::fits("product_id", &self.product_id).map_err(|detail| invalid(format!("{detail}.")))?;
        Ok(self.product_id)
    }
}

/// The item: one of these, or both.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Naming {
    /// Its exact SKU.
    #[cfg_attr(test, schemars(length(min = 1, max = shared::core::mappings::MAX_NAME)))]
    sku: Option<String>,
    /// Zoho's id of it.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    item_id: Option<String>,
}

pub(super) async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<OneProduct>,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    let naming: Naming = body::read(&body)?;
    let mapping = import::mapping(params.id()?, naming.sku, naming.item_id)
        .map_err(|detail| Problem::new(Code::BodyInvalid, format!("Of the mapping, {detail}.")))?;
    Ok(Json(shown(&app.mappings.put(&connection, mapping).await?)))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<OneProduct>,
) -> Result<StatusCode, Problem> {
    let product_id = params.id()?;
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    match app.mappings.delete(&connection, &product_id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unmapped(&app.mappings, &connection, &product_id).await),
    }
}

pub(super) async fn import_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(NoParams {}): Params<NoParams>,
    upload: Upload,
) -> Result<Response, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    let import = import::parse(&upload)?;
    let until = caller.deadline.checked_sub(LEFT_FOR_THE_ANSWER).unwrap_or(caller.deadline);
    let notice = demand_locations(&app, &caller, &connection, &import.locations).await?;
    app.mappings.set_locations(&connection, &import.locations).await?;
    let Saved { changed, unchanged, left } = if import.mappings.is_empty() {
        Saved::default()
    } else {
        let known = app.mappings.all(&connection).await?;
        let goes_on = || Instant::now() < until;
        app.mappings.save(&connection, &import.mappings, Saving::Completed, known, &goes_on).await?
    };
    let status = if left == 0 { StatusCode::OK } else { StatusCode::ACCEPTED };
    let next = (left > 0).then_some(PATH);
    let mut body = json!({
        "imported": changed + import.locations.len(), "unchanged": unchanged, "left": left, "next": next,
    });
    if let (Some(body), Some(notice)) = (body.as_object_mut(), notice) {
        body.insert("notice".to_owned(), notice.into());
    }
    Ok((status, Json(body)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunParams {
    run: Option<String>,
}

pub(super) async fn resolve_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<RunParams>,
    Body(body): Body,
) -> Result<Response, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    let resolving: Resolving = body::read(&body)?;
    let resolved = resolve::resolve(&app, &caller, &connection, resolving, params.run.as_deref()).await?;
    let status = if resolved.goes_on { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(resolved.body)).into_response())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_says_what_is_taken() {
        crate::openapi::body::assert_schema::<super::Naming>("Naming");
    }
}
