//! `GET /v1/inventory/items`, by page or by exact SKU, everywhere or at one location, and `GET /v1/inventory/items/{item_id}`.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::inventory::{self, LOW_STOCK};
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, id, inventory_time, text, timestamp};

use crate::app::App;
use crate::inventory::absent_fields::absent_fields;
use crate::inventory::details::details;
use crate::inventory::locations::as_zoho_knows_it;
use crate::inventory::lookup::named::{OneName, item_named};
use crate::inventory::lookup::{self, ItemPage};
use crate::inventory::stock_at_location;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{
    Holds, Shape, described, list_of, named, record as open_record, text as any_text, time, with_notice,
    words,
};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{
    List, OneParams, Params, invalid, modified_since, names_shown, next, page_of, per_page, pick, record_id,
};
use crate::request::redact;
use crate::zoho::Target;

const PATH: &str = "/v1/inventory/items";

/// What `fields=` cannot take away.
const ALWAYS: &[&str] = &["item_id", "untrusted"];

/// What lists do not say.
const ONE_CALL_AWAY: &str = "Zoho's lists have neither what is available nor the stock by location, which are null here: read the single item, or ask for `details=true`.";

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, PATH, list, || {
        Operation::read(Product::Inventory, "listItems", "Items by page, or the one with a SKU")
            .scopes(&[inventory::scope::ITEMS])
            .about(
                "`sku` finds the one active item with exactly this SKU, `product_id` the one that it is mapped to; each goes with `fields`, \
                 `details` and `location` only. A list has neither `stock.available` nor `stock.locations`: read the single item for these, or ask for `details`.",
            )
            .query("sku", "The exact SKU, capitals and spaces included.", any_text(), Value::Null)
            .query(
                "product_id",
                "Another system's id, which a mapping leads to the item; with `fields`, `details` and `location` only.",
                any_text(),
                Value::Null,
            )
            .query("search", "A part of name or SKU.", any_text(), "oak")
            .query("status", "Only items of this status.", words(&["active", "inactive"]), "active")
            .query("stock", "Only items at or below their reorder level.", words(&["low"]), "low")
            .query(
                "details",
                "Whether each item has all its figures, by location too. It costs Zoho one call more for each hundred items.",
                json!({ "type": "boolean" }),
                Value::Null,
            )
            .query("modified_since", "Only items that were changed since this moment.", time(), "2026-11-18T00:00:00Z")
            .query(
                "location",
                "The id or the exact name of a location: only items with stock figures there, and `stock.locations` is this one. \
                 It costs Zoho one call more for each hundred items. With `sku` or `product_id`, the item is there in any case: \
                 `stock.locations` is empty where it has no figures there.",
                any_text(),
                "Main",
            )
            .fields("name,sku,rate")
            .pages()
            .answers(200, "Items.", with_notice(list_of(documented()), "What is not in a list, and which fields of `fields` no record has."))
            .fails(lookup::named::CODES)
            .fails(&[Code::LocationNotFound])
    });
    to.on(Verb::Get, "/v1/inventory/items/{item_id}", one, || {
        Operation::read(Product::Inventory, "getItem", "One item with its stock by location")
            .scopes(&[inventory::scope::ITEMS])
            .id("item_id", "3300000000070001")
            .fields("name,sku,rate")
            .answers(200, "The item.", documented())
    });
}

/// The two counts that Zoho keeps.
const PHYSICAL: &str = "What shipments and receives leave, as far as is known of Zoho's figure; where it differs from `on_hand`.";
const ACCOUNTING: &str =
    "What invoices and bills leave, as far as is known of Zoho's figure; where it differs from `on_hand`.";

fn documented() -> Shape {
    let figure = |about: &str| json!({ "type": ["number", "null"], "description": about });
    let location = json!({
        "type": "object",
        "required": ["location_id", "name", "on_hand", "available", "committed"],
        "properties": {
            "location_id": { "type": ["string", "null"] },
            "name": { "type": ["string", "null"] },
            "on_hand": figure("What is there."),
            "available": figure("What can be promised."),
            "committed": figure("What is promised."),
            "physical": figure(PHYSICAL),
            "accounting": figure(ACCOUNTING),
            "in_transit": figure("What is on its way there, where that is anything."),
        },
    });
    let stock = json!({
        "type": "object",
        "description": "Zoho's figures under one set of names. null: Zoho's answer does not carry it. Where `fields` is there, it must name `stock`.",
        "required": ["tracked"],
        "properties": {
            "tracked": { "type": "boolean", "description": "Whether it has stock at all; the rest is there only then." },
            "on_hand": figure("What is there."),
            "available": figure("What can be promised: Zoho's «available for sale»."),
            "committed": figure("What is promised."),
            "physical": figure(PHYSICAL),
            "accounting": figure(ACCOUNTING),
            "in_transit": figure("What is on its way, where that is anything."),
            "why": { "type": "string", "description": "Why it has no stock of its own." },
            "locations": { "type": ["array", "null"], "items": location },
        },
    });
    let fields = [
        ("item_id", Holds::Id, "Its id."),
        ("name", Holds::Text, "What people call it."),
        ("sku", Holds::Text, "Its stock keeping unit."),
        ("status", Holds::Text, "`active` or `inactive`."),
        ("description", Holds::Text, "What people say of it."),
        ("unit", Holds::Text, "What it is counted in."),
        ("rate", Holds::Number, "The price at which it is sold."),
        ("purchase_rate", Holds::Number, "The price at which it is bought."),
        ("reorder_level", Holds::Number, "The stock at which it should be ordered again."),
        ("last_modified_time", Holds::Time, "When it was changed."),
    ];
    let mut item = open_record(&fields, &[]);
    if let Some(properties) = item.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("stock".to_owned(), stock);
    }
    named("Item", described(item, "An item of Zoho Inventory, with all other fields that Zoho gives."))
}

#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParams {
    sku: Option<String>,
    /// Another system's id of an item.
    product_id: Option<String>,
    /// A part of name or SKU.
    search: Option<String>,
    /// `active` or `inactive`.
    status: Option<String>,
    /// `low`: at or below the reorder level.
    stock: Option<String>,
    /// The id or the exact name of a location: items that have stock figures there, with these only.
    location: Option<String>,
    /// Only what was changed since then.
    modified_since: Option<String>,
    /// Whether each item is read with all figures.
    #[serde(default)]
    details: bool,
    fields: Option<String>,
    per_page: Option<u32>,
    cursor: Option<String>,
}

async fn list(
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

impl ListParams {
    /// Where the list goes on.
    fn next(&self, page: u32, rows: u32) -> String {
        let (cursor, rows) = (format!("p{page}"), rows.to_string());
        let params = [
            ("per_page", Some(rows.as_str())),
            ("fields", self.fields.as_deref()),
            ("search", self.search.as_deref()),
            ("status", self.status.as_deref()),
            ("stock", self.stock.as_deref()),
            ("location", self.location.as_deref()),
            ("modified_since", self.modified_since.as_deref()),
            ("details", self.details.then_some("true")),
            ("cursor", Some(cursor.as_str())),
        ];
        next(PATH, &params)
    }
}

/// Which items are wanted.
struct Filters<'a> {
    search: Option<&'a str>,
    status: Option<&'a str>,
    is_low: bool,
    since: Option<Timestamp>,
    /// Zoho searches descriptions, too, in which addresses may stand: for such a key the connector looks, page by page.
    is_redacted: bool,
}

impl<'a> Filters<'a> {
    fn of(params: &'a ListParams, is_redacted: bool) -> Result<Self, Problem> {
        let (search, status) = (params.search.as_deref(), params.status.as_deref());
        if search.is_some_and(str::is_empty) {
            return Err(invalid("`search` is empty."));
        }
        if status.is_some_and(|status| !["active", "inactive"].contains(&status)) {
            return Err(invalid("`status` is `active` or `inactive`."));
        }
        let stock = params.stock.as_deref();
        if stock.is_some_and(|stock| stock != "low") {
            return Err(invalid("`stock` is `low`, or left out."));
        }
        let since = modified_since(params.modified_since.as_deref())?;
        Ok(Self { search, status, is_low: stock.is_some(), since, is_redacted })
    }

    fn are_none(&self) -> bool {
        self.search.or(self.status).is_none() && !self.is_low && self.since.is_none()
    }

    /// Whether an item is wanted: Zoho ignores filters it does not know, and is not sent all of them.
    fn fit(&self, item: &Object, low_stock_filtered: bool) -> bool {
        let has = |field, part: &str| {
            text(item, field).is_some_and(|has| {
                if self.is_redacted { redact::shows(has, part) } else { has.to_lowercase().contains(part) }
            })
        };
        self.status.is_none_or(|status| text(item, "status").is_none_or(|has| has == status))
            && self.search.map(str::to_lowercase).is_none_or(|part| has("name", &part) || has("sku", &part))
            && (!self.is_low || inventory::is_low(item, low_stock_filtered))
            && self.since.is_none_or(|since| {
                text(item, "last_modified_time").and_then(timestamp).is_none_or(|changed| changed >= since)
            })
    }
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
            lookup::item_page(&app.zoho, target, &sent, page, rows).await?;
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

/// A page in whose rows nothing is looked for: most of them is copied.
async fn whole_page(app: &App, target: &Target<'_>, page: u32, rows: u32) -> Result<Response, Problem> {
    let read = lookup::item_texts(&app.zoho, target, page, rows, "{\"data\":").await?;
    let (rows, cursor) = (rows.to_string(), format!("p{}", page + 1));
    let params = [("per_page", Some(rows.as_str())), ("cursor", Some(cursor.as_str()))];
    let next = |more: bool| more.then(|| next(PATH, &params));
    Ok(match read {
        Ok((items, more)) => {
            let notice = items.lack_figures.then_some(ONE_CALL_AWAY);
            let rest = serde_json::to_string(&Rest { next: next(more), notice });
            let rest = rest.map_err(|error| Problem::internal(error.to_string()))?;
            let mut text = items.text;
            text.extend_from_slice(rest.replacen('{', ",", 1).as_bytes());
            ([(CONTENT_TYPE, "application/json")], text).into_response()
        }
        Err(ItemPage { items, more, .. }) => {
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

/// The one item of a SKU or of another system's id.
async fn one_named(app: &App, target: &Target<'_>, params: &ListParams) -> Result<Object, Problem> {
    let (sku, product_id) = (params.sku.as_deref(), params.product_id.as_deref());
    let (field, wanted) =
        sku.map(|sku| ("sku", sku)).or(product_id.map(|id| ("product_id", id))).unwrap_or_default();
    if wanted.is_empty() {
        return Err(invalid(format!("`{field}` is empty.")));
    }
    let rest = ListParams {
        sku: None,
        product_id: None,
        fields: None,
        details: false,
        location: None,
        ..params.clone()
    };
    if rest != ListParams::default() || sku.and(product_id).is_some() {
        return Err(invalid(format!(
            "`{field}` finds one item: leave out everything else but `fields`, `details` and `location`."
        )));
    }
    let mut item = match sku {
        Some(sku) if params.details || params.location.is_some() => {
            item_named(&app.zoho, &app.mappings, target, OneName::Sku(sku)).await?
        }
        Some(sku) => inventory::item(lookup::item_by_sku(&app.zoho, target, sku).await?),
        None => item_named(&app.zoho, &app.mappings, target, OneName::ProductId(wanted)).await?,
    };
    if let Some(location) = &params.location {
        let location = as_zoho_knows_it(&app.mappings, target.connection, location.clone()).await?;
        item = stock_at_location::item_at(&app.zoho, target, item, &location).await?;
    }
    Ok(item)
}

async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(item_id): Segments<String>,
    Params(params): Params<OneParams>,
) -> Result<Response, Problem> {
    let item_id = record_id(&item_id)
        .map_err(|problem| invalid(format!("{} To look up a SKU, use `{PATH}?sku=`.", problem.detail())))?;
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Read).await?;
    let target = target(&caller, &connection);
    let fields = params.fields.as_deref();
    let shown = fields.map(|fields| names_shown(fields, ALWAYS));
    let mut item = match lookup::item_text(&app.zoho, &target, item_id, shown.as_deref()).await? {
        Ok(text) => return Ok(([(CONTENT_TYPE, "application/json")], text).into_response()),
        Err(item) => item,
    };
    let notice = absent_fields(fields, std::slice::from_ref(&item));
    pick(&mut item, fields, ALWAYS);
    item.extend(notice.map(|notice| ("notice".to_owned(), notice.into())));
    Ok(Json(item).into_response())
}

fn target<'a>(caller: &'a Caller, connection: &'a ConnectionName) -> Target<'a> {
    Target::new(caller, connection, Product::Inventory, inventory::scope::ITEMS)
}
