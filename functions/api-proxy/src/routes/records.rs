//! Reading the other records of Zoho Inventory: one table, one list, one record.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use shared::base::problem::Problem;
use shared::base::web::Segments;
use shared::zoho::answer;
use shared::zoho::inventory;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, query_of, record, records, text};

use super::unreadable;
use crate::App;
use crate::caller::Caller;
use crate::params::{List, OneParams, Pairs, Params, next, page_of, per_page, pick, record_id};
use crate::zoho_call::Target;

/// A kind of record.
pub(crate) struct Kind {
    /// Its route.
    pub(crate) path: &'static str,
    /// What Zoho calls it in addresses.
    zoho: &'static str,
    /// Under which keys its lists and its single records stand: Zoho spells some in two ways.
    lists: &'static [&'static str],
    ones: &'static [&'static str],
    pub(crate) id: &'static str,
    pub(crate) scope: &'static str,
    /// Which filters it takes.
    filters: &'static [Filter],
    /// What Zoho has: a list, single records, or both.
    has: Has,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Has {
    Both,
    List,
    One,
}

/// A filter: our name, Zoho's name, and the field that must have the value. Zoho ignores filters it does not know, so that
/// every row is looked at again; without a field it is not known what Zoho looks at.
type Filter = (&'static str, &'static str, Option<&'static str>);

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

/// All kinds.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        path: "/v1/inventory/salesorders",
        zoho: "salesorders",
        lists: &["salesorders"],
        ones: &["salesorder", "sales_order"],
        id: "salesorder_id",
        scope: "ZohoInventory.salesorders.READ",
        filters: &[
            ("status", "status", Some("status")),
            ("customer_id", "customer_id", Some("customer_id")),
            ("reference_number", "reference_number", Some("reference_number")),
            ("search", "search_text", None),
        ],
        has: Has::Both,
    },
    Kind {
        path: "/v1/inventory/contacts",
        zoho: "contacts",
        lists: &["contacts"],
        ones: &["contact"],
        id: "contact_id",
        scope: "ZohoInventory.contacts.READ",
        filters: &[
            ("email", "email", Some("email")),
            ("contact_type", "contact_type", Some("contact_type")),
            ("search", "search_text", None),
        ],
        has: Has::Both,
    },
    Kind {
        path: "/v1/inventory/purchaseorders",
        zoho: "purchaseorders",
        lists: &["purchaseorders", "purchase_orders"],
        ones: &["purchaseorder", "purchase_order"],
        id: "purchaseorder_id",
        scope: "ZohoInventory.purchaseorders.READ",
        filters: &[("status", "status", Some("status")), ("search", "search_text", None)],
        has: Has::Both,
    },
    Kind {
        path: "/v1/inventory/packages",
        zoho: "packages",
        lists: &["packages", "packagea"],
        ones: &["package"],
        id: "package_id",
        scope: "ZohoInventory.packages.READ",
        filters: &[
            ("status", "status", Some("status")),
            ("salesorder_id", "salesorder_id", Some("salesorder_id")),
        ],
        has: Has::Both,
    },
    Kind {
        path: "/v1/inventory/shipmentorders",
        zoho: "shipmentorders",
        lists: &[],
        ones: &["shipment_order", "shipmentorder"],
        id: "shipment_id",
        scope: "ZohoInventory.shipmentorders.READ",
        filters: &[],
        has: Has::One,
    },
    Kind {
        path: "/v1/inventory/locations",
        zoho: "locations",
        lists: &["locations"],
        ones: &[],
        id: "location_id",
        scope: inventory::scope::SETTINGS,
        filters: &[],
        has: Has::List,
    },
];

/// The routes of all kinds.
pub(crate) fn routes() -> Router<Arc<App>> {
    KINDS.iter().fold(Router::new(), |router, kind| {
        let router = match kind.has {
            Has::One => router,
            _ => router.route(kind.path, get(move |app, caller, pairs| list(kind, app, caller, pairs))),
        };
        match kind.has {
            Has::List => router,
            _ => router.route(
                &format!("{}/{{id}}", kind.path),
                get(move |app, caller, id, params| one(kind, app, caller, id, params)),
            ),
        }
    })
}

async fn list(
    kind: &'static Kind,
    State(app): State<Arc<App>>,
    caller: Caller,
    mut pairs: Pairs,
) -> Result<Json<List<Object>>, Problem> {
    let (rows, page) = (per_page(pairs.number("per_page")?)?, page_of(pairs.text("cursor").as_deref())?);
    let fields = pairs.text("fields");
    let filters: Vec<(&Filter, String)> =
        kind.filters.iter().filter_map(|filter| Some((filter, pairs.text(filter.0)?))).collect();
    pairs.nothing_else()?;
    let connection = app.choose(&caller, Product::Inventory, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Inventory, kind.scope);
    let mut answer = app
        .read(
            &target,
            |place| {
                let mut url = query_of(format!("{}/inventory/v1/{}", place.api, kind.zoho));
                url.append_pair("organization_id", place.organization)
                    .append_pair("page", &page.to_string())
                    .append_pair("per_page", &rows.to_string())
                    .append_pair("sort_column", "created_time")
                    .append_pair("sort_order", "A");
                for ((_, zoho, _), value) in &filters {
                    url.append_pair(zoho, value);
                }
                url.finish()
            },
            answer::inventory,
        )
        .await?;
    let more = inventory::has_more(&answer);
    let Some(key) = kind.lists.iter().find(|key| answer.contains_key(**key)) else {
        return Err(unreadable(kind.zoho));
    };
    let data = records(&mut answer, key)
        .into_iter()
        .filter(|row| filters.iter().all(|(filter, value)| fits(row, filter, value)))
        .map(|row| shaped(row, kind, fields.as_deref()))
        .collect();
    let (rows, cursor) = (rows.to_string(), format!("p{}", page + 1));
    let next = more.then(|| {
        let mut params = vec![("per_page", Some(rows.as_str())), ("fields", fields.as_deref())];
        params.extend(filters.iter().map(|(filter, value)| (filter.0, Some(value.as_str()))));
        params.push(("cursor", Some(&cursor)));
        next(kind.path, &params)
    });
    Ok(Json(List { data, next }))
}

async fn one(
    kind: &'static Kind,
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<OneParams>,
) -> Result<Json<Object>, Problem> {
    let id = record_id(&id)?;
    let connection = app.choose(&caller, Product::Inventory, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Inventory, kind.scope);
    let mut answer = app
        .read(
            &target,
            |place| {
                format!(
                    "{}/inventory/v1/{}/{id}?organization_id={}",
                    place.api, kind.zoho, place.organization
                )
            },
            answer::inventory,
        )
        .await?;
    let found = kind.ones.iter().find_map(|key| record(&mut answer, key));
    let found = found.ok_or_else(|| unreadable(kind.zoho))?;
    Ok(Json(shaped(found, kind, params.fields.as_deref())))
}

fn fits(row: &Object, (name, _, field): &Filter, value: &str) -> bool {
    match field {
        // A row without the field cannot be judged.
        Some(field) => text(row, field).is_none_or(|has| has.eq_ignore_ascii_case(value)),
        None if *name == "search" => {
            let value = value.to_lowercase();
            let mut texts = SEARCHED.iter().filter_map(|field| text(row, field)).peekable();
            texts.peek().is_none() || texts.any(|has| has.to_lowercase().contains(&value))
        }
        None => true,
    }
}

fn shaped(row: Object, kind: &Kind, fields: Option<&str>) -> Object {
    let mut row = inventory::plain_record(row);
    pick(&mut row, fields, &[kind.id, "untrusted"]);
    row
}
