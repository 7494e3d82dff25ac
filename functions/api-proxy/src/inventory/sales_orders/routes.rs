//! Writing sales orders: `POST /v1/inventory/salesorders`, `/{id}/confirm`, `/{id}/void`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use futures::future::try_join_all;
use serde::Deserialize;
use serde_json::{Number, Value, json};
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::inventory::{self, orders};
use shared::zoho::response;
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::{Object, id, query_of, records, text};

use crate::app::App;
use crate::inventory::records as kinds;
use crate::inventory::sales_orders::estimate;
use crate::inventory::sales_orders::plan;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{Shape, described, exact, id as an_id, named, text as any_text};
use crate::request::body::Body;
use crate::request::caller::Caller;
use crate::request::params::{Params, record_id};
use crate::writes::{Asked, Plan, Prepared, WriteParams};
use crate::zoho::Target;

/// More would not fit into the calls that Zoho takes in a minute.
const MOST_LINES: usize = 40;

/// Reads at a time: Zoho takes five in its free plan.
const AT_ONCE: usize = 3;

/// How many pages of customers are looked through for a name.
const MOST_PAGES: u32 = 10;

/// In the stand-in Zoho.
const EXAMPLE: &str = "3300000000080407";

pub(crate) fn routes(to: &mut impl Routes) {
    let write = |id, summary| Operation::write(Product::Inventory, Access::Write, id, summary);
    to.on(Verb::Post, "/v1/inventory/salesorders", create, || {
        write("createSalesOrder", "Makes a sales order")
            .about(
                "Give the customer by exact name or by id, and each line by exact SKU or by `item_id`. What a line costs is the \
                 item's own rate unless `rate` is there.",
            )
            .takes(
                documented(),
                json!({
                    "customer": "Harbor Interiors GmbH",
                    "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 2 }, { "sku": "BRKT-STD", "quantity": 1.5, "rate": 7.10 }],
                    "notes": "Ring twice",
                }),
            )
            .answers(201, "The order, as a draft.", kinds::salesorder())
            .fails(&[
                Code::CustomerNotFound,
                Code::CustomerAmbiguous,
                Code::SkuNotFound,
                Code::SkuAmbiguous,
                Code::SkuUnresolved,
                Code::SkuInactive,
            ])
    });
    to.on(Verb::Post, "/v1/inventory/salesorders/{id}/confirm", confirm, || {
        write("confirmSalesOrder", "Confirms a sales order")
            .about("From then on its quantities are committed.")
            .id("id", EXAMPLE)
            .answers(200, "The order.", kinds::salesorder())
    });
    to.on(Verb::Post, "/v1/inventory/salesorders/{id}/void", void, || {
        write("voidSalesOrder", "Voids a sales order")
            .about("It cannot be taken back, so it must be previewed.")
            .id("id", EXAMPLE)
            .answers(200, "The order.", kinds::salesorder())
    });
}

fn documented() -> Shape {
    let words = |about| described(json!({ "type": ["string", "null"] }), about);
    let amount = |about| described(json!({ "type": ["number", "null"] }), about);
    let other_id =
        |about| described(json!({ "type": ["string", "null"], "pattern": "^[0-9]{1,19}$" }), about);
    let line = exact(
        1,
        &[
            ("quantity", described(json!({ "type": "number", "exclusiveMinimum": 0 }), "How many.")),
            ("sku", described(any_text(), "The item's exact SKU, in place of `item_id`.")),
            ("item_id", an_id()),
            ("rate", amount("The price of one, in place of the item's own.")),
            ("description", words("Words for the line.")),
            (
                "discount",
                json!({ "type": ["number", "string", "null"], "description": "An amount, or like `10%`." }),
            ),
            ("tax_id", other_id("Its tax, in place of the item's own.")),
            ("location_id", other_id("From where it is taken.")),
        ],
    );
    let lines = json!({ "type": "array", "minItems": 1, "maxItems": MOST_LINES, "items": line });
    let day = |about| described(json!({ "type": ["string", "null"], "format": "date" }), about);
    let order = exact(
        1,
        &[
            ("line_items", lines),
            ("customer", described(any_text(), "The customer's exact name, in place of `customer_id`.")),
            ("customer_id", an_id()),
            ("reference_number", words("Your own reference; one is made where there is none.")),
            ("date", day("Today, if nothing is said.")),
            ("shipment_date", day("When it should be shipped.")),
            ("location_id", other_id("From where it is shipped.")),
            ("notes", words("Words for the customer.")),
            ("terms", words("Terms and conditions.")),
            ("shipping_charge", amount("What shipping costs.")),
            ("adjustment", amount("Added to the total, or taken off.")),
            ("salesperson_id", other_id("Who sold it.")),
            ("billing_address_id", other_id("One of the customer's addresses.")),
            ("shipping_address_id", other_id("One of the customer's addresses.")),
            ("custom_fields", json!({ "type": ["array", "null"], "items": { "type": "object" } })),
        ],
    );
    named("NewSalesOrder", order)
}

/// An order as callers write it: Zoho's names, with names of people's own where Zoho wants ids.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// The customer's exact name, in place of `customer_id`.
    customer: Option<String>,
    customer_id: Option<String>,
    line_items: Vec<Line>,
    reference_number: Option<String>,
    date: Option<String>,
    shipment_date: Option<String>,
    location_id: Option<String>,
    notes: Option<String>,
    terms: Option<String>,
    shipping_charge: Option<Number>,
    adjustment: Option<Number>,
    salesperson_id: Option<String>,
    billing_address_id: Option<String>,
    shipping_address_id: Option<String>,
    custom_fields: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The exact SKU, in place of `item_id`.
    sku: Option<String>,
    item_id: Option<String>,
    quantity: Number,
    rate: Option<Number>,
    description: Option<String>,
    discount: Option<Value>,
    tax_id: Option<String>,
    location_id: Option<String>,
}

async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<WriteParams>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let order: Order = crate::request::body::read(&body)?;
    let connection = app.choose(&caller, Product::Inventory, Access::Write).await?;
    let action = "POST /v1/inventory/salesorders";
    let asked = Asked::new(&app, &caller, &connection, action, &body, &params, &headers).await?;
    app.perform(&asked, app.prepare_order(&asked, order)).await
}

async fn confirm(
    app: State<Arc<App>>,
    caller: Caller,
    id: Segments<String>,
    params: Params<WriteParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    set_status(app, caller, id, params, headers, "confirmed").await
}

async fn void(
    app: State<Arc<App>>,
    caller: Caller,
    id: Segments<String>,
    params: Params<WriteParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    set_status(app, caller, id, params, headers, "void").await
}

async fn set_status(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<WriteParams>,
    headers: HeaderMap,
    status: &'static str,
) -> Result<Response, Problem> {
    let id = record_id(&id)?.to_owned();
    let connection = app.choose(&caller, Product::Inventory, Access::Write).await?;
    let is_void = status == "void";
    let action = if is_void {
        "POST /v1/inventory/salesorders/{id}/void"
    } else {
        "POST /v1/inventory/salesorders/{id}/confirm"
    };
    let mut asked = Asked::new(&app, &caller, &connection, action, &json!(id), &params, &headers).await?;
    // It cannot be taken back.
    asked.previewed |= is_void;
    let prepare = async {
        let found = plan::one(&app, &target(&caller, &connection, orders::READ), &id).await?;
        let found = found.ok_or_else(|| crate::zoho::unreadable("salesorder"))?;
        let before = inventory::plain_record(found);
        let shown = json!({ "order": before, "status": { "before": before.get("status"), "after": status } });
        let plan = Plan::SetOrderStatus(plan::SetStatus { id: id.clone(), status: status.to_owned() });
        let modified = text(&before, "last_modified_time").map(str::to_owned);
        Ok(Prepared { plan, shown, before: json!({ "status": before.get("status") }), modified })
    };
    app.perform(&asked, prepare).await
}

fn target<'a>(caller: &'a Caller, connection: &'a ConnectionName, scope: &'static str) -> Target<'a> {
    Target::new(caller, connection, Product::Inventory, scope)
}

impl App {
    async fn prepare_order(&self, asked: &Asked<'_>, mut order: Order) -> Result<Prepared, Problem> {
        if order.line_items.is_empty() || order.line_items.len() > MOST_LINES {
            return Err(invalid(format!("`line_items` must have 1 to {MOST_LINES} lines.")));
        }
        let customer = self.customer(asked, order.customer.as_deref(), order.customer_id.as_deref()).await?;
        let items = self.items_of(asked, &order.line_items).await?;
        let mut body = Object::new();
        body.insert("customer_id".to_owned(), customer.clone().into());
        for (field, value) in [
            ("reference_number", order.reference_number),
            ("date", order.date),
            ("shipment_date", order.shipment_date),
            ("location_id", order.location_id),
            ("notes", order.notes),
            ("terms", order.terms),
            ("salesperson_id", order.salesperson_id),
            ("billing_address_id", order.billing_address_id),
            ("shipping_address_id", order.shipping_address_id),
        ] {
            body.extend(value.map(|value| (field.to_owned(), value.into())));
        }
        let charges = [("shipping_charge", &order.shipping_charge), ("adjustment", &order.adjustment)];
        for (field, value) in charges {
            body.extend(value.clone().map(|value| (field.to_owned(), value.into())));
        }
        body.extend(order.custom_fields.map(|fields| ("custom_fields".to_owned(), fields)));
        let mut shown = Value::Null;
        if asked.dry_run {
            let mut details: Vec<Object> = Vec::with_capacity(items.len());
            for some in items.chunks(AT_ONCE) {
                details.extend(try_join_all(some.iter().map(|item| self.item_detail(asked, item))).await?);
            }
            // What is shown is what is sent, whatever the item costs by then.
            for (line, item) in order.line_items.iter_mut().zip(&details) {
                let rate = item.get("rate").and_then(Value::as_number);
                line.rate = line.rate.take().or_else(|| rate.cloned());
            }
            let lines = order.line_items.iter().zip(&details);
            let lines: Vec<_> = lines
                .map(|(line, item)| estimate::Line {
                    item,
                    quantity: &line.quantity,
                    rate: line.rate.as_ref(),
                })
                .collect();
            let charges: Vec<&Number> = charges.iter().filter_map(|(_, charge)| charge.as_ref()).collect();
            shown = estimate::order(&customer, &lines, &charges)?;
        }
        let lines = order.line_items.iter().zip(&items).map(|(line, item)| line.for_zoho(item));
        body.insert("line_items".to_owned(), Value::Array(lines.collect()));
        let plan = Plan::CreateOrder(plan::Create::new(body));
        Ok(Prepared { plan, shown, before: Value::Null, modified: None })
    }

    /// The customer's id: as given, or by exact name.
    async fn customer(
        &self,
        asked: &Asked<'_>,
        name: Option<&str>,
        id_given: Option<&str>,
    ) -> Result<String, Problem> {
        let name = match (name, id_given) {
            (None, Some(id)) => return Ok(record_id(id)?.to_owned()),
            (Some(name), None) if !name.is_empty() => name,
            _ => {
                return Err(invalid(
                    "Either `customer` (an exact name) or `customer_id` must be there.".to_owned(),
                ));
            }
        };
        let target = target(asked.caller, asked.connection, "ZohoInventory.contacts.READ");
        let is_it = |row: &Object| {
            text(row, "contact_name") == Some(name)
                && text(row, "contact_type") != Some("vendor")
                && text(row, "status") != Some("inactive")
        };
        let mut found: Vec<String> = Vec::new();
        for page in 1.. {
            let mut answer = self
                .read(
                    &target,
                    |place| {
                        let mut url = query_of(format!("{}/inventory/v1/contacts", place.api));
                        url.append_pair("organization_id", place.organization)
                            .append_pair("contact_name", name)
                            .append_pair("page", &page.to_string())
                            .append_pair("per_page", "200");
                        url.finish()
                    },
                    response::inventory,
                )
                .await?;
            let more = inventory::has_more(&answer);
            let rows = records(&mut answer, "contacts");
            found.extend(rows.iter().filter(|row| is_it(row)).filter_map(|row| id(row, "contact_id")));
            if !more {
                break;
            }
            if page == MOST_PAGES {
                return Err(Problem::new(
                    Code::CustomerAmbiguous,
                    "Zoho did not filter by name, and there are too many customers to look through them all.",
                ));
            }
        }
        found.sort_unstable();
        found.dedup();
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                found.push(last);
                Err(Problem::new(
                    Code::CustomerAmbiguous,
                    format!("Customers of this name: {}.", found.join(", ")),
                ))
            }
            (None, _) => Err(Problem::new(Code::CustomerNotFound, "No customer has exactly this name.")),
        }
    }

    /// The ids of the lines' items; each SKU is looked up once, and few at a time: Zoho takes no more.
    async fn items_of(&self, asked: &Asked<'_>, lines: &[Line]) -> Result<Vec<String>, Problem> {
        let mut skus: Vec<&str> = Vec::new();
        for line in lines {
            if !line.quantity.as_f64().is_some_and(|quantity| quantity > 0.0) {
                return Err(invalid(format!("`quantity` is {}, but must be more than 0.", line.quantity)));
            }
            match (&line.sku, &line.item_id) {
                (None, Some(id)) => drop(record_id(id)?),
                (Some(sku), None) if !sku.is_empty() => skus.push(sku),
                _ => return Err(invalid("Each line must have either `sku` or `item_id`.".to_owned())),
            }
        }
        skus.sort_unstable();
        skus.dedup();
        let target = target(asked.caller, asked.connection, inventory::scope::ITEMS);
        let mut ids: Vec<String> = Vec::with_capacity(skus.len());
        for some in skus.chunks(AT_ONCE) {
            let found = try_join_all(some.iter().map(|sku| self.item_by_sku(&target, sku))).await?;
            for item in &found {
                ids.push(id(item, "item_id").ok_or_else(|| crate::zoho::unreadable("item_id"))?);
            }
        }
        let of = |line: &Line| match (&line.item_id, &line.sku) {
            (Some(id), _) => id.clone(),
            (None, sku) => {
                let place = sku.as_deref().and_then(|sku| skus.binary_search(&sku).ok());
                place.and_then(|place| ids.get(place)).cloned().unwrap_or_default()
            }
        };
        Ok(lines.iter().map(of).collect())
    }

    async fn item_detail(&self, asked: &Asked<'_>, item_id: &str) -> Result<Object, Problem> {
        let target = target(asked.caller, asked.connection, inventory::scope::ITEMS);
        self.item(&target, item_id).await
    }
}

impl Line {
    fn for_zoho(&self, item_id: &str) -> Value {
        let mut line = Object::new();
        line.insert("item_id".to_owned(), item_id.into());
        line.insert("quantity".to_owned(), self.quantity.clone().into());
        line.extend(self.rate.clone().map(|rate| ("rate".to_owned(), rate.into())));
        line.extend(self.discount.clone().map(|discount| ("discount".to_owned(), discount)));
        for (field, value) in
            [("description", &self.description), ("tax_id", &self.tax_id), ("location_id", &self.location_id)]
        {
            line.extend(value.clone().map(|value| (field.to_owned(), value.into())));
        }
        line.into()
    }
}

fn invalid(detail: String) -> Problem {
    Problem::new(Code::BodyInvalid, detail)
}
