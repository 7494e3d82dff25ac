//! `/v1/inventory/mappings`: what other systems call items and places.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::handler::Handler;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::id::{ConnectionName, is_zoho_id};
use shared::base::problem::{Code, Problem};
use shared::core::mappings::{MAX_NAME, Mapping, Saved, Saving};
use shared::zoho::inventory;
use shared::zoho::scope::{Access, Product};
use tokio::time::Instant;

use super::demand::demand_places;
use super::import;
use super::representation::{documented, documented_list, shown, shown_location, table};
use super::resolve::{self, Resolving};
use crate::app::App;
use crate::inventory::lookup::named::unmapped;
use crate::openapi::body::body;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{Shape, count, described, exact, id as an_id, named, our_id, text, untrusted};
use crate::request::arriving::MostBytes;
use crate::request::body::{self, Body};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{NoParams, Params, invalid, next, per_page};
use crate::request::size_limit::LARGEST;
use crate::request::upload::{CSV, Upload, wants_csv};

const PATH: &str = "/v1/inventory/mappings";

const READ: &[&str] = &["inventory:read"];
const CHANGE: &[&str] = &["inventory:stock"];

/// What must be left of a call's time for the answer, when an import stops.
const LEFT_FOR_THE_ANSWER: Duration = Duration::from_secs(5);

pub(crate) fn routes(to: &mut impl Routes) {
    let product_id = || json!({ "type": "string", "minLength": 1, "maxLength": MAX_NAME });
    to.on(Verb::Get, PATH, list, || {
        Operation::own(READ, "listMappings", "What other systems call the items")
            .tagged("Inventory")
            .about(
                "By page, or what one name leads to. With `Accept: text/csv`, all of it as a table that can be imported again. No \
                 call to Zoho is made: `POST /v1/inventory/mappings/resolve` looks whether Zoho still agrees.",
            )
            .query("product_id", "The other system's id.", product_id(), Value::Null)
            .query("sku", "All that name this SKU.", text(), Value::Null)
            .query("item_id", "All that lead to this item.", an_id(), Value::Null)
            .pages()
            .answers(200, "Mappings.", documented_list())
            .also_as(&[CSV])
            .fails(&[Code::ProductUnmapped, Code::ProductNotConnected])
    });
    to.on(Verb::Put, PATH, put, || {
        Operation::own(CHANGE, "putMapping", "Says which item a product id of another system is")
            .tagged("Inventory")
            .about("It takes the place of what was said before. Zoho is not asked.")
            .query("product_id", "The other system's id.", product_id(), "SHOP-1001")
            .required()
            .takes(body!("Naming"), json!({ "sku": "SHELF-OAK-80" }))
            .answers(200, "The mapping.", documented())
            .fails(&[Code::ProductNotConnected])
    });
    to.on(Verb::Delete, PATH, delete, || {
        Operation::own(CHANGE, "deleteMapping", "Removes the mapping of a product id")
            .tagged("Inventory")
            .query("product_id", "The other system's id.", product_id(), "SHOP-1001")
            .required()
            .answers_empty(204, "It is gone.")
            .fails(&[Code::ProductUnmapped, Code::ProductNotConnected])
    });
    to.on(Verb::Post, PATH, import_all.layer(Extension(MostBytes(LARGEST))), || {
        Operation::own(CHANGE, "importMappings", "Imports mappings")
            .tagged("Inventory")
            .about(
                "As JSON, or as a table with `Content-Type: text/csv` and the columns `product_id`, `sku`, `item_id`; up to 4 MB. If \
                 anything is wrong, nothing is imported, and `detail` names the lines. What a line does not say is kept, unless it \
                 contradicts what is there. Of places that are new here, Zoho's list is asked. 202: there was no time for the rest, send \
                 the same again.",
            )
            .takes(
                body!("Mappings"),
                json!({
                    "mappings": [{ "product_id": "SHOP-1001", "sku": "SHELF-OAK-80" }],
                    "locations": [{ "name": "shop-hamburg", "location_id": "3300000000038080" }],
                }),
            )
            .takes_also(CSV, "product_id,sku,item_id\r\nSHOP-1001,SHELF-OAK-80,\r\n")
            .answers(200, "How many there were.", imported())
            .answers(202, "The same, with more to do.", imported())
            .fails(&[Code::LocationNotFound, Code::ProductNotConnected])
    });
    to.on(Verb::Post, resolve::PATH, resolve_all, || {
        Operation::work(
            Product::Inventory,
            Access::Stock,
            "resolveMappings",
            "Holds mappings against Zoho's items",
        )
            .scopes(&[inventory::scope::ITEMS])
            .about(
                "Fills in ids, SKUs and names that a mapping does not have yet, and tells what does not fit: unknown, ambiguous and \
                 inactive SKUs, items that are gone or have another SKU now, two product ids on one item. Nothing is chosen and \
                 nothing remapped. A call works for at most 20 seconds; 202: call `next` with POST and the body `{}`.",
            )
            .query("run", "Where to go on. Take it from `next`, which is called as it stands.", our_id(), Value::Null)
            .takes(body!("Resolving"), json!({}))
            .answers(200, "How it ended.", resolved())
            .answers(202, "How far it came.", resolved())
    });
}

fn imported() -> Shape {
    let fields = [
        ("imported", described(count(), "What was written.")),
        ("unchanged", described(count(), "What was there already.")),
        ("left", described(count(), "What there was no time for.")),
        (
            "next",
            described(
                json!({ "type": ["string", "null"] }),
                "Where to send the same again; null at the end.",
            ),
        ),
        ("notice", described(text(), "Where nobody could look whether Zoho has the places.")),
    ];
    named("ImportedMappings", exact(4, &fields))
}

fn resolved() -> Shape {
    let trouble = exact(
        3,
        &[
            ("product_id", text()),
            (
                "code",
                described(
                    text(),
                    "`sku_not_found`, `sku_ambiguous`, `sku_inactive`, `mapping_stale`, `mapping_duplicate` or `product_unmapped`.",
                ),
            ),
            ("detail", described(text(), "What is wrong, with ids and names of items.")),
        ],
    );
    let fields = [
        ("done", described(count(), "Mappings that are looked at.")),
        ("total", described(count(), "Mappings that there are, or that were named.")),
        (
            "next",
            json!({ "type": ["string", "null"], "pattern": "^/v1/", "description": "What to POST `{}` to; null at the end." }),
        ),
        ("resolved", described(count(), "Mappings that lead to exactly one item.")),
        ("problems", json!({ "type": "array", "items": trouble })),
        ("problem_count", described(count(), "How many there are; at most 1,000 are listed.")),
        ("untrusted", untrusted()),
        ("notice", described(text(), "Why it stopped, where not for time.")),
    ];
    named("ResolvedMappings", exact(7, &fields))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParams {
    product_id: Option<String>,
    sku: Option<String>,
    item_id: Option<String>,
    per_page: Option<u32>,
    /// The last product id that was seen.
    cursor: Option<String>,
}

/// Mappings that are read at once.
const ROWS: usize = 1000;

async fn list(
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
            let ids = app.mappings.products_of(connection, value, ROWS).await?;
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
        let (page, next) = app.mappings.list(connection, after.as_deref(), ROWS).await?;
        found.extend(page.into_iter().filter(&fits));
        match next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneProduct {
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
    #[cfg_attr(test, schemars(length(min = 1, max = MAX_NAME)))]
    sku: Option<String>,
    /// Zoho's id of it.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    item_id: Option<String>,
}

async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<OneProduct>,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let naming: Naming = body::read(&body)?;
    let mapping = import::mapping(params.id()?, naming.sku, naming.item_id)
        .map_err(|detail| Problem::new(Code::BodyInvalid, format!("Of the mapping, {detail}.")))?;
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    Ok(Json(shown(&app.mappings.put(&connection, mapping).await?)))
}

async fn delete(
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

async fn import_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(NoParams {}): Params<NoParams>,
    upload: Upload,
) -> Result<Response, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    let import = import::parse(&upload)?;
    let until = caller.deadline.checked_sub(LEFT_FOR_THE_ANSWER).unwrap_or(caller.deadline);
    let notice = demand_places(&app, &caller, &connection, &import.locations).await?;
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
struct RunParams {
    run: Option<String>,
}

async fn resolve_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<RunParams>,
    Body(body): Body,
) -> Result<Response, Problem> {
    let resolving: Resolving = body::read(&body)?;
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
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
