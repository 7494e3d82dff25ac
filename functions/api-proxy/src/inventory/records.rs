//! Reading all records of Zoho Inventory but items, sales orders among them: one table of their routes and documented fields, one
//! list, one record.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::is_zoho_id;
use shared::base::problem::Problem;
use shared::base::web::Segments;
use shared::zoho::inventory;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::response;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, query_of, text, timestamp};

use crate::app::App;
use crate::inventory::absent_fields::absent_fields;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema;
use crate::openapi::schema::{Field, Holds, Shape, list_of, with_notice};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{
    List, OneParams, Pairs, Params, invalid, modified_since, next, page_of, per_page, pick, record_id,
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

/// When a record was changed.
const CHANGED: &str = "last_modified_time";

/// What a notice of a read says.
const ABOUT_NOTICE: &str = "Which fields of `fields` no record has, and what Zoho does not tell.";

const TIMELESS: &str = "Zoho's list does not say when these were changed: none of them is left out.";

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
        let operation = if self.tells_changes() {
            operation.query(
                "modified_since",
                "Only those that were changed since this moment. Where Zoho can sort so, the latest change comes first, and what is \
                 changed meanwhile moves to the front; else pages can be empty although the list goes on.",
                schema::time(),
                "2026-11-18T00:00:00Z",
            )
        } else {
            operation
        };
        operation.fields(self.record.id_field).pages().answers(
            200,
            "A page.",
            with_notice(list_of(self.shape()), ABOUT_NOTICE),
        )
    }

    /// Whether Zoho's list says when each was changed.
    fn tells_changes(&self) -> bool {
        self.record != RecordKind::LOCATION
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
        schema::record_with_id(self.name.0, self.record.id_field, self.fields)
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
        .read(
            &target,
            |endpoint| kind.record.record_url(endpoint.api, endpoint.organization, id),
            response::inventory,
        )
        .await?;
    let found = kind.record.take_record(&mut answer).ok_or_else(|| unreadable(kind.record.path))?;
    let mut record = inventory::plain_record(found);
    let notice = absent_fields(params.fields.as_deref(), std::slice::from_ref(&record));
    pick(&mut record, params.fields.as_deref(), &[kind.record.id_field, "untrusted"]);
    record.extend(notice.map(|notice| ("notice".to_owned(), notice.into())));
    Ok(Json(record))
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
