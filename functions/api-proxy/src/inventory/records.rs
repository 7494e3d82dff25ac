//! Reading all records of Zoho Inventory but items, sales orders among them: one table of their routes and documented fields, one
//! list, one record.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use shared::base::id::is_zoho_id;
use shared::base::problem::Problem;
use shared::base::web::Segments;
use shared::zoho::inventory;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::response;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, query_of, text};

use crate::app::App;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema;
use crate::openapi::schema::{Field, Holds, Shape, list_of, named};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{
    List, OneParams, Pairs, Params, invalid, next, page_of, per_page, pick, record_id,
};
use crate::request::redact;
use crate::zoho::Target;
use crate::zoho::unreadable;

/// A kind of record.
pub(crate) struct Kind {
    /// Its route.
    pub(crate) path: &'static str,
    /// What Zoho calls it.
    pub(crate) record: &'static RecordKind,
    /// Which filters it takes.
    filters: &'static [Filter],
    /// What one is called, in the document and in words.
    name: (&'static str, &'static str),
    /// The id of one in the stand-in Zoho.
    example: &'static str,
    /// Fields that can be relied on, beside the id.
    fields: &'static [Field],
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
        record: RecordKind::SALES_ORDER,
        filters: &[
            ("status", "status", Some("status")),
            ("customer_id", "customer_id", Some("customer_id")),
            ("reference_number", "reference_number", Some("reference_number")),
            ("search", "search_text", None),
        ],
        name: ("SalesOrder", "sales order"),
        example: "3300000000080407",
        fields: &[
            ("salesorder_number", Holds::Text, "Its number."),
            ("status", Holds::Text, "Like `draft`, `confirmed`, `void`."),
            ("reference_number", Holds::Text, "The reference of whoever made it."),
            ("customer_id", Holds::OtherId, "Whose order it is."),
            ("customer_name", Holds::Text, "Their name."),
            ("date", Holds::Date, "Its date."),
            ("shipment_date", Holds::Date, "When it should be shipped."),
            ("total", Holds::Number, "What it costs, taxes included."),
            ("currency_code", Holds::Text, "In which currency."),
            ("line_items", Holds::Objects, "What is ordered; not in lists."),
        ],
    },
    Kind {
        path: "/v1/inventory/contacts",
        record: RecordKind::CONTACT,
        filters: &[
            ("email", "email", Some("email")),
            ("contact_type", "contact_type", Some("contact_type")),
            ("search", "search_text", None),
        ],
        name: ("InventoryContact", "contact"),
        example: "3300000000060210",
        fields: &[
            ("contact_name", Holds::Text, "Their name, by which `customer` of an order finds them."),
            ("company_name", Holds::Text, "Their company."),
            ("contact_type", Holds::Text, "`customer` or `vendor`."),
            ("email", Holds::Text, "Their address."),
            ("phone", Holds::Text, "Their number."),
            ("status", Holds::Text, "`active` or `inactive`."),
        ],
    },
    Kind {
        path: "/v1/inventory/purchaseorders",
        record: RecordKind::PURCHASE_ORDER,
        filters: &[("status", "status", Some("status")), ("search", "search_text", None)],
        name: ("PurchaseOrder", "purchase order"),
        example: "3300000000083001",
        fields: &[
            ("purchaseorder_number", Holds::Text, "Its number."),
            ("status", Holds::Text, "Like `draft`, `issued`, `billed`."),
            ("vendor_id", Holds::OtherId, "From whom."),
            ("vendor_name", Holds::Text, "Their name."),
            ("date", Holds::Date, "Its date."),
            ("total", Holds::Number, "What it costs."),
            ("line_items", Holds::Objects, "What is ordered; not in lists."),
        ],
    },
    Kind {
        path: "/v1/inventory/packages",
        record: RecordKind::PACKAGE,
        filters: &[
            ("status", "status", Some("status")),
            ("salesorder_id", "salesorder_id", Some("salesorder_id")),
        ],
        name: ("Package", "package"),
        example: "3300000000084001",
        fields: &[
            ("package_number", Holds::Text, "Its number."),
            ("status", Holds::Text, "Like `not_shipped`, `shipped`, `delivered`."),
            ("salesorder_id", Holds::OtherId, "The order that it is part of."),
            ("date", Holds::Date, "When it was packed."),
        ],
    },
    Kind {
        path: "/v1/inventory/shipmentorders",
        record: RecordKind::SHIPMENT_ORDER,
        filters: &[],
        name: ("ShipmentOrder", "shipment"),
        example: "3300000000084011",
        fields: &[
            ("shipment_number", Holds::Text, "Its number."),
            ("status", Holds::Text, "Like `shipped`, `delivered`."),
            ("salesorder_id", Holds::OtherId, "The order that it is part of."),
            ("tracking_number", Holds::Text, "By which the carrier knows it."),
        ],
    },
    Kind {
        path: "/v1/inventory/adjustments",
        record: RecordKind::INVENTORY_ADJUSTMENT,
        filters: &[
            ("reference_number", "reference_number", Some("reference_number")),
            ("status", "status", Some("status")),
        ],
        name: ("Adjustment", "adjustment"),
        example: "3300000000090101",
        fields: &[
            ("date", Holds::Date, "Its day."),
            (
                "status",
                Holds::Text,
                "`adjusted`, or like `draft`, `pending_approval`: then no stock has moved.",
            ),
            ("reason", Holds::Text, "Why."),
            ("reference_number", Holds::Text, "The reference of whoever made it."),
            ("created_time", Holds::Time, "When it was made."),
            ("line_items", Holds::Objects, "Zoho's lines; not in lists."),
            (
                "lines",
                Holds::Objects,
                "After a write: each line with `before`, `delta`, `after`, `outcome`, `why`.",
            ),
        ],
    },
    Kind {
        path: "/v1/inventory/transferorders",
        record: RecordKind::TRANSFER_ORDER,
        filters: &[
            ("transfer_order_number", "transfer_order_number", Some("transfer_order_number")),
            ("status", "status", Some("status")),
        ],
        name: ("TransferOrder", "transfer order"),
        example: "3300000000096001",
        fields: &[
            ("transfer_order_number", Holds::Text, "Its number."),
            ("date", Holds::Date, "Its day."),
            ("status", Holds::Text, "Like `draft`, `in_transit`, `transferred`."),
            ("description", Holds::Text, "Why."),
            ("line_items", Holds::Objects, "Zoho's lines; not in lists."),
            ("lines", Holds::Objects, "After a write: each line with both places before and after."),
        ],
    },
    Kind {
        path: "/v1/inventory/locations",
        record: RecordKind::LOCATION,
        filters: &[],
        name: ("Location", "location"),
        example: "",
        fields: &[
            ("location_name", Holds::Text, "Its name."),
            ("type", Holds::Text, "What kind of place it is."),
            ("status", Holds::Text, "`active` or `inactive`."),
            ("is_primary_location", Holds::Flag, "Whether it is the first."),
        ],
    },
];

pub(crate) fn routes(to: &mut impl Routes) {
    for kind in KINDS {
        if kind.record.has_list() {
            let handler = move |app, caller, pairs| list(kind, app, caller, pairs);
            to.on(Verb::Get, kind.path, handler, || kind.list_documented());
        }
        if kind.record.has_single_records() {
            let handler = move |app, caller, id, params| one(kind, app, caller, id, params);
            to.on(Verb::Get, &format!("{}/{{id}}", kind.path), handler, || kind.one_documented());
        }
    }
}

impl Kind {
    fn list_documented(&self) -> Operation {
        let (name, words) = self.name;
        let operation =
            Operation::read(Product::Inventory, format!("list{name}s"), format!("{words}s, by page"))
                .scopes(&[self.record.read_scope]);
        let operation = self.filters.iter().fold(operation, |operation, (filter, ..)| {
            let about = match *filter {
                "search" => "A part of a name, number or address.".to_owned(),
                id if id.ends_with("_id") => format!("Only those with this `{id}`."),
                field => format!("Only those whose `{field}` is this."),
            };
            let schema = if filter.ends_with("_id") { schema::id() } else { schema::text() };
            operation.query(filter, about, schema, Value::Null)
        });
        operation.fields(self.record.id_field).pages().answers(200, "A page.", list_of(self.shape()))
    }

    fn one_documented(&self) -> Operation {
        let (name, words) = self.name;
        Operation::read(Product::Inventory, format!("get{name}"), format!("One {words}"))
            .scopes(&[self.record.read_scope])
            .id("id", self.example)
            .fields(self.record.id_field)
            .answers(200, "The record.", self.shape())
    }

    /// As reads and writes give it.
    fn shape(&self) -> Shape {
        let fields: Vec<Field> =
            [(self.record.id_field, Holds::Id, "Its id.")].iter().chain(self.fields).copied().collect();
        named(self.name.0, schema::record(&fields, &[]))
    }
}

/// A sales order, as reads and writes give it.
pub(super) fn salesorder() -> Shape {
    shape_of(RecordKind::SALES_ORDER)
}

/// An adjustment, as reads and writes give it.
pub(super) fn adjustment() -> Shape {
    shape_of(RecordKind::INVENTORY_ADJUSTMENT)
}

/// A transfer order, as reads and writes give it.
pub(super) fn transfer_order() -> Shape {
    shape_of(RecordKind::TRANSFER_ORDER)
}

fn shape_of(record: &RecordKind) -> Shape {
    KINDS.iter().find(|kind| kind.record == record).map_or_else(|| json!({}).into(), Kind::shape)
}

async fn list(
    kind: &'static Kind,
    State(app): State<Arc<App>>,
    caller: Caller,
    mut pairs: Pairs,
) -> Result<Json<List<Object>>, Problem> {
    let (rows, mut page) = (per_page(pairs.number("per_page")?)?, page_of(pairs.text("cursor").as_deref())?);
    let fields = pairs.text("fields");
    let filters: Vec<(&Filter, String)> =
        kind.filters.iter().filter_map(|filter| Some((filter, pairs.text(filter.0)?))).collect();
    pairs.nothing_else()?;
    // Zoho takes what it does not understand for no filter.
    let is_usable =
        |name: &str, value: &str| !value.is_empty() && (!name.ends_with("_id") || is_zoho_id(value));
    if let Some(((name, ..), _)) = filters.iter().find(|((name, ..), value)| !is_usable(name, value)) {
        return Err(invalid(format!("`{name}` is empty, or not an id of Zoho's.")));
    }
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Inventory, kind.record.read_scope);
    // Zoho searches what such a key does not see, too: then the connector looks for it, page by page.
    let is_redacted = caller.key.redact_contacts;
    let is_sent = |filter: &Filter| !is_redacted || filter.2.is_some();
    let mut pages = redact::pages(filters.iter().any(|(filter, _)| !is_sent(filter)));
    let (data, more) = loop {
        let read = app.zoho.read(
            &target,
            |place| {
                let mut url = query_of(kind.record.list_url(place.api));
                url.append_pair("organization_id", place.organization)
                    .append_pair("page", &page.to_string())
                    .append_pair("per_page", &rows.to_string())
                    .append_pair("sort_column", "created_time")
                    .append_pair("sort_order", "A");
                for ((_, zoho, _), value) in filters.iter().filter(|(filter, _)| is_sent(filter)) {
                    url.append_pair(zoho, value);
                }
                url.finish()
            },
            response::inventory,
        );
        let mut answer = read.await?;
        let rows_found = kind.record.take_list(&mut answer)?;
        let more = inventory::may_go_on(&answer, page, rows_found.len(), rows);
        let data: Vec<Object> = rows_found
            .into_iter()
            .filter(|row| filters.iter().all(|(filter, value)| fits(row, filter, value, is_redacted)))
            .map(|row| shaped(row, kind, fields.as_deref()))
            .collect();
        if !data.is_empty() || !more || pages.next().is_none() {
            break (data, more);
        }
        page += 1;
    };
    let (rows, cursor) = (rows.to_string(), format!("p{}", page + 1));
    let next = more.then(|| {
        let mut params = vec![("per_page", Some(rows.as_str())), ("fields", fields.as_deref())];
        params.extend(filters.iter().map(|(filter, value)| (filter.0, Some(value.as_str()))));
        params.push(("cursor", Some(&cursor)));
        next(kind.path, &params)
    });
    Ok(Json(List::new(data, next)))
}

async fn one(
    kind: &'static Kind,
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<OneParams>,
) -> Result<Json<Object>, Problem> {
    let id = record_id(&id)?;
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Read).await?;
    let target = Target::new(&caller, &connection, Product::Inventory, kind.record.read_scope);
    let mut answer = app
        .zoho
        .read(&target, |place| kind.record.record_url(place.api, place.organization, id), response::inventory)
        .await?;
    let found = kind.record.take_record(&mut answer).ok_or_else(|| unreadable(kind.record.path))?;
    Ok(Json(shaped(found, kind, params.fields.as_deref())))
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

fn shaped(row: Object, kind: &Kind, fields: Option<&str>) -> Object {
    let mut row = inventory::plain_record(row);
    pick(&mut row, fields, &[kind.record.id_field, "untrusted"]);
    row
}
